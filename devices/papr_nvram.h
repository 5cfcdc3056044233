/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NVRAM (PAPR 7.3.1): RTAS nvram-fetch and nvram-store over a file, or over anonymous memory
 * that lasts as long as pvmm runs.
 */
#ifndef PVMM_DEVICES_PAPR_NVRAM_H
#define PVMM_DEVICES_PAPR_NVRAM_H

#include "vmm/fdt.h"
#include "vmm/log.h"
#include "vmm/papr/rtas.h"

#define PAPR_NVRAM_SIZE 65536
#define PAPR_NVRAM_UNIT 0x71000001

struct papr_nvram {
	int fd;				/* borrowed; PAPR_NVRAM_SIZE bytes */
	struct guest_memory *memory;	/* borrowed */
};

/*
 * Opens the storage: @path, which is made if it does not exist, or memory when NULL. A new one
 * holds one free partition. Returns a file descriptor, or a negative errno after one line on
 * log (a file of another size is refused).
 */
int papr_nvram_open(const char *path, struct log *log);

int papr_nvram_init(struct papr_nvram *nvram, int fd, struct guest_memory *memory,
		    struct rtas *rtas);
/* Its node, inside the open /vdevice node. */
void papr_nvram_add_fdt(struct fdt_writer *fdt);

#endif

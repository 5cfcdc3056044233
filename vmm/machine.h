/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The seam to the architecture: the machine that a guest sees, made anew for each boot. One
 * architecture is linked in (vmm/papr).
 */
#ifndef PVMM_MACHINE_H
#define PVMM_MACHINE_H

#include <stdbool.h>

struct log;
struct machine;
struct machine_host;
struct vm;

/*
 * What the architecture must know of the host for every boot, read before the host's files go
 * out of view. 0 or a negative errno after one line on the log.
 */
int machine_host_init(struct log *log, struct machine_host **host);
void machine_host_exit(struct machine_host *host);

/* Can the kernel and the initrd be loaded? For before anything is taken from the host. 0 or a
 * negative errno after one line on the log. */
int machine_check_images(const struct vm *vm);
/* Memory loaded, device tree written (and dumped if asked), all vCPUs parked. 0 or a negative
 * errno after one line on the log; nothing held after a failure. */
int machine_create(struct vm *vm, struct machine **machine);
/* Lets the boot vCPU go. 0 or a negative errno after one line on the log. */
int machine_start(struct machine *machine);
/* Gives back to the host what the guest does not need now, and tells of it: with --verbose only,
 * unless the operator has @asked for it. */
void machine_give_back(struct machine *machine, bool asked);
/* Stops the vCPUs and frees everything. NULL: nothing. */
void machine_destroy(struct machine *machine);

#endif

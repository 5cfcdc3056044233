/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loading what the guest starts with: an ELF kernel (32 or 64 bits, either byte order; a
 * vmlinux or a zImage) and an initrd, each file treated as hostile.
 */
#ifndef PVMM_LOADER_H
#define PVMM_LOADER_H

#include "vmm/log.h"
#include "vmm/memory.h"

struct loaded_kernel {
	uint64_t entry;		/* gpa of the first instruction */
	uint64_t start, end;	/* gpa range it occupies, with bss and what it allocates */
	bool big_endian;	/* ELF's byte order */
};

/* A file to load from, opened once, so that it can be loaded again when the guest reboots. */
struct image_file {
	const char *path;	/* borrowed; for messages */
	int fd;
	uint64_t size;		/* bytes, when it was opened */
};

/* 0, or a negative errno after one line on log: not there, no permission, not a file. */
int image_open(struct image_file *file, const char *path, struct log *log);
void image_close(struct image_file *file);

/*
 * Loads the PT_LOAD segments of @file at their physical addresses + @memory->base, or a zImage
 * that can run anywhere where it has room to unpack, and clears bss. @machines: the EM_* values that
 * are accepted (PAPR: EM_PPC64, EM_PPC), 0-terminated. Returns 0, or a negative errno after one line
 * on log that names the file and what is wrong with it.
 */
int loader_load_kernel(struct guest_memory *memory, const struct image_file *file,
		       const uint16_t *machines, struct log *log, struct loaded_kernel *kernel);
/* All that loader_load_kernel() checks, nothing loaded: @memory need not exist yet, only its
 * base and size count. */
int loader_check_kernel(const struct guest_memory *memory, const struct image_file *file,
			const uint16_t *machines, struct log *log, struct loaded_kernel *kernel);
/* Loads @file whole at @gpa. -EFBIG when it does not fit below @limit (gpa). */
int loader_load_file(struct guest_memory *memory, const struct image_file *file, uint64_t gpa,
		     uint64_t limit, struct log *log);
/* The same without loading it, as loader_check_kernel(). */
int loader_check_file(const struct guest_memory *memory, const struct image_file *file,
		      uint64_t gpa, uint64_t limit, struct log *log);

#endif

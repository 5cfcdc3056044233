/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest memory. This module alone knows where in this process it is; everyone else copies
 * in and out by guest-physical address (gpa), and each copy is checked.
 *
 * Memory is a memfd, neither touched nor pinned as a whole, unless the operator wants a file's
 * or huge pages (memory_file.h).
 */
#ifndef PVMM_MEMORY_H
#define PVMM_MEMORY_H

#include "vmm/util.h"

struct guest_memory {
	uint64_t base;	/* gpa of the first byte; 0 on PAPR */
	uint64_t size;	/* bytes */
	unsigned page_shift;	/* host pages that back it: 1 << this, bytes */
	uint8_t *hva;	/* private to memory.c */
	int fd;		/* memfd, or a file of memory_file.h */
};

/* Returns 0 or a negative errno (-ENOMEM: the host will not give as much address space;
 * -EINVAL: base or size not a multiple of the host's page, size 0, or a range that wraps). */
int guest_memory_init(struct guest_memory *memory, uint64_t base, uint64_t size);
/* The same over the first @size bytes of the file @fd, which stays the caller's; its pages are
 * of 1 << @page_shift bytes. */
int guest_memory_init_file(struct guest_memory *memory, uint64_t base, uint64_t size, int fd,
			   unsigned page_shift);
void guest_memory_exit(struct guest_memory *memory);

/* Copies between a buffer and the guest; 0, or -EFAULT and nothing copied when any byte of
 * [gpa, gpa + size) is not memory. */
int guest_memory_read(const struct guest_memory *memory, uint64_t gpa, void *buffer, size_t size);
int guest_memory_write(struct guest_memory *memory, uint64_t gpa, const void *buffer, size_t size);
/* A word that the guest reads while it is written: it is seen whole, and after all that was
 * stored before. -EFAULT as above, or for an address that is not aligned. */
int guest_memory_store_be32(struct guest_memory *memory, uint64_t gpa, be32 value);
int guest_memory_fill(struct guest_memory *memory, uint64_t gpa, uint8_t byte, size_t size);
/* Reads from a file straight into the guest; 0 or a negative errno (-ENODATA: file ended). */
int guest_memory_load(struct guest_memory *memory, uint64_t gpa, int fd, uint64_t offset,
		      uint64_t size);
/* Has the guest read zeroes; what is reserved for it stays so. No page may be registered for
 * DMA at that time: the device would keep the old one. */
void guest_memory_clear(struct guest_memory *memory);

/* Bytes of each page of the host behind it: what maps guest memory for the guest (a hash guest's
 * pages) or for devices (IOMMU pages) can take no larger ones. */
uint64_t guest_memory_page_size(const struct guest_memory *memory);

/*
 * The address in this process of [gpa, gpa + size), for handing to the kernel (memory slots,
 * DMA maps) and never for dereferencing; 0 when any byte of it is not memory.
 */
uint64_t guest_memory_hva(const struct guest_memory *memory, uint64_t gpa, uint64_t size);

#endif

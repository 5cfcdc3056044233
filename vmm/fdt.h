/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing a flattened device tree in one pass (libfdt's sequential-write calls), with an
 * error that sticks: callers write a whole node and look at the result of fdt_writer_finish()
 * alone. Numbers are host-endian here and big-endian in the tree.
 */
#ifndef PVMM_FDT_H
#define PVMM_FDT_H

#include "vmm/util.h"

struct fdt_writer {
	void *buffer;
	size_t size;	/* bytes the buffer holds; grows as needed */
	int error;	/* first failure: a negative errno; all later calls do nothing */
	unsigned depth;	/* nodes that are open */
	bool has_child;	/* the open node has one: no more properties */
};

#define FDT_WRITER_MAX (16 * MIB)

/*
 * 0 or -ENOMEM. The errors that stick: -ENOMEM; -ENOSPC beyond FDT_WRITER_MAX; -ENAMETOOLONG;
 * -EINVAL for a property outside a node or after a child, and for nodes that do not pair up.
 */
int fdt_writer_init(struct fdt_writer *writer);
void fdt_writer_exit(struct fdt_writer *writer);

/* The root's name is empty: fdt_begin(writer, "%s", ""). */
/* Keeps the guest from using [gpa, gpa + size) bytes before it has read the tree; only before
 * the root begins. */
void fdt_reserve_memory(struct fdt_writer *writer, uint64_t gpa, uint64_t size);
void fdt_begin(struct fdt_writer *writer, const char *name_format, ...) PRINTF(2, 3);
void fdt_end(struct fdt_writer *writer);
void fdt_bytes(struct fdt_writer *writer, const char *name, const void *data, size_t size);
void fdt_flag(struct fdt_writer *writer, const char *name);
void fdt_text(struct fdt_writer *writer, const char *name, const char *text);
void fdt_u32(struct fdt_writer *writer, const char *name, uint32_t value);
void fdt_u64(struct fdt_writer *writer, const char *name, uint64_t value);
void fdt_cells(struct fdt_writer *writer, const char *name, const uint32_t *cells, size_t count);
/* FDT_CELLS(writer, "reg", 1, 2, 3) */
#define FDT_CELLS(writer, name, ...)                                        \
	fdt_cells(writer, name, (const uint32_t[]){__VA_ARGS__},            \
		  sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))
/* The two cells of a 64-bit number. */
#define FDT_HI(value) ((uint32_t)((uint64_t)(value) >> 32))
#define FDT_LO(value) ((uint32_t)(value))
/* Several strings, one after another with their NULs. */
void fdt_texts(struct fdt_writer *writer, const char *name, const char *const *texts, size_t count);

/* Ends the tree. 0 and the blob in buffer (fdt_writer_size() bytes), or the first error. */
int fdt_writer_finish(struct fdt_writer *writer);
size_t fdt_writer_size(const struct fdt_writer *writer);

#endif

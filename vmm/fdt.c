/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing a flattened device tree with libfdt's sequential calls, in a buffer that grows.
 * Owns the buffer, and the order of things within a node that libfdt does not check.
 */
#include "vmm/fdt.h"

#include <errno.h>
#include <libfdt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FDT_FIRST_SIZE (16 * KIB)
#define FDT_NAME_SIZE 64

static void fdt_fail(struct fdt_writer *writer, int error)
{
	if (!writer->error)
		writer->error = error;
}

int fdt_writer_init(struct fdt_writer *writer)
{
	memset(writer, 0, sizeof(*writer));
	writer->size = FDT_FIRST_SIZE;
	writer->buffer = malloc(writer->size);
	/* Looking up each name among all others takes longer than all else here. */
	if (!writer->buffer || fdt_create_with_flags(writer->buffer, (int)writer->size,
						     FDT_CREATE_FLAG_NO_NAME_DEDUP))
		fdt_fail(writer, -ENOMEM);
	return writer->error;
}

void fdt_writer_exit(struct fdt_writer *writer)
{
	free(writer->buffer);
	writer->buffer = NULL;
	writer->size = 0;
}

static void fdt_grow(struct fdt_writer *writer)
{
	size_t size = writer->size * 2;
	void *buffer;

	if (size > FDT_WRITER_MAX) {
		fdt_fail(writer, -ENOSPC);
		return;
	}
	buffer = malloc(size);
	if (!buffer || fdt_resize(writer->buffer, buffer, (int)size)) {
		free(buffer);
		fdt_fail(writer, -ENOMEM);
		return;
	}
	free(writer->buffer);
	writer->buffer = buffer;
	writer->size = size;
}

/* Takes a libfdt result. True: the buffer was too small and is larger now; call again. */
static bool fdt_retry(struct fdt_writer *writer, int result)
{
	if (!result)
		return false;
	if (result == -FDT_ERR_NOSPACE)
		fdt_grow(writer);
	else
		fdt_fail(writer, -EINVAL);
	return !writer->error;
}

void fdt_reserve_memory(struct fdt_writer *writer, uint64_t gpa, uint64_t size)
{
	while (!writer->error &&
	       fdt_retry(writer, fdt_add_reservemap_entry(writer->buffer, gpa, size)))
		;
}

/* The root begins: no more memory can be reserved. */
static void fdt_end_reservations(struct fdt_writer *writer)
{
	while (fdt_retry(writer, fdt_finish_reservemap(writer->buffer)))
		;
}

void fdt_begin(struct fdt_writer *writer, const char *name_format, ...)
{
	char name[FDT_NAME_SIZE];
	va_list args;
	int length;

	if (!writer->depth && writer->has_child)
		fdt_fail(writer, -EINVAL);
	if (writer->error)
		return;
	if (!writer->depth)
		fdt_end_reservations(writer);
	va_start(args, name_format);
	length = vsnprintf(name, sizeof(name), name_format, args);
	va_end(args);
	if (length < 0 || (size_t)length >= sizeof(name)) {
		fdt_fail(writer, -ENAMETOOLONG);
		return;
	}
	while (fdt_retry(writer, fdt_begin_node(writer->buffer, name)))
		;
	writer->depth++;
	writer->has_child = false;
}

void fdt_end(struct fdt_writer *writer)
{
	if (!writer->depth)
		fdt_fail(writer, -EINVAL);
	if (writer->error)
		return;
	while (fdt_retry(writer, fdt_end_node(writer->buffer)))
		;
	writer->depth--;
	writer->has_child = true;
}

/*
 * Makes a property of @size bytes and returns where its value goes, or NULL after an error.
 * A property belongs in a node, before the node's children.
 */
static void *fdt_reserve(struct fdt_writer *writer, const char *name, size_t size)
{
	void *value = NULL;

	if (!writer->depth || writer->has_child)
		fdt_fail(writer, -EINVAL);
	if (size > FDT_WRITER_MAX)
		fdt_fail(writer, -ENOSPC);
	if (writer->error)
		return NULL;
	while (fdt_retry(writer, fdt_property_placeholder(writer->buffer, name, (int)size,
							  &value)))
		;
	return writer->error ? NULL : value;
}

void fdt_bytes(struct fdt_writer *writer, const char *name, const void *data, size_t size)
{
	void *value = fdt_reserve(writer, name, size);

	if (value && size)
		memcpy(value, data, size);
}

void fdt_flag(struct fdt_writer *writer, const char *name)
{
	fdt_bytes(writer, name, NULL, 0);
}

void fdt_text(struct fdt_writer *writer, const char *name, const char *text)
{
	fdt_bytes(writer, name, text, strlen(text) + 1);
}

void fdt_u32(struct fdt_writer *writer, const char *name, uint32_t value)
{
	be32 raw = htobe32(value);

	fdt_bytes(writer, name, &raw, sizeof(raw));
}

void fdt_u64(struct fdt_writer *writer, const char *name, uint64_t value)
{
	be64 raw = htobe64(value);

	fdt_bytes(writer, name, &raw, sizeof(raw));
}

void fdt_cells(struct fdt_writer *writer, const char *name, const uint32_t *cells, size_t count)
{
	uint8_t *value;

	if (count > FDT_WRITER_MAX / sizeof(be32)) {
		fdt_fail(writer, -ENOSPC);
		return;
	}
	value = fdt_reserve(writer, name, count * sizeof(be32));
	for (size_t i = 0; value && i < count; i++) {
		be32 raw = htobe32(cells[i]);

		memcpy(value + i * sizeof(raw), &raw, sizeof(raw));
	}
}

void fdt_texts(struct fdt_writer *writer, const char *name, const char *const *texts, size_t count)
{
	size_t size = 0;
	char *value;

	for (size_t i = 0; i < count; i++)
		size += strlen(texts[i]) + 1;
	value = fdt_reserve(writer, name, size);
	for (size_t i = 0; value && i < count; i++)
		value = stpcpy(value, texts[i]) + 1;
}

int fdt_writer_finish(struct fdt_writer *writer)
{
	if (writer->depth || !writer->has_child)
		fdt_fail(writer, -EINVAL);
	if (writer->error)
		return writer->error;
	while (fdt_retry(writer, fdt_finish(writer->buffer)))
		;
	return writer->error;
}

size_t fdt_writer_size(const struct fdt_writer *writer)
{
	return writer->error ? 0 : fdt_totalsize(writer->buffer);
}

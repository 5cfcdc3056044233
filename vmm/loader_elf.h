/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ELF headers, decoded from either class and byte order into one form. Not for others than
 * the loader.
 */
#ifndef PVMM_LOADER_ELF_H
#define PVMM_LOADER_ELF_H

#include <elf.h>

#include "vmm/util.h"

#define ELF_SEGMENTS_MAX 64	/* a kernel has a handful */

/* Host-endian. */
struct elf_image {
	bool is_64bit, big_endian;
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry;			/* virtual */
	uint64_t headers_offset;	/* of the program headers in the file */
	uint16_t header_size, nr_headers;
};

struct elf_segment {
	uint32_t type;
	uint64_t offset, vaddr, paddr, filesz, memsz;
};

/* What the file begins with. */
union elf_start {
	uint8_t bytes[64];
	Elf32_Ehdr elf32;
	Elf64_Ehdr elf64;
};

/* @start holds @size bytes of the file. NULL, or what is wrong with it, in words. */
const char *elf_decode_start(const union elf_start *start, size_t size, struct elf_image *image);
/* @raw is one program header of @image->header_size bytes. */
void elf_decode_segment(const struct elf_image *image, const void *raw,
			struct elf_segment *segment);

/* Names for messages; NULL: not known. */
const char *elf_machine_name(uint16_t machine);
/* What a file that is no ELF file is, and how to get one: "gzip-compressed; ..."; never NULL. */
const char *elf_explain_other(const uint8_t *start, size_t size);

#endif

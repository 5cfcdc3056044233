/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decoding of ELF headers and what can be said of files that have none. Looks at bytes only,
 * never at a file or at guest memory.
 */
#include "vmm/loader_elf.h"

#include <string.h>

static uint16_t get16(const struct elf_image *image, uint16_t raw)
{
	return image->big_endian ? be16toh(raw) : le16toh(raw);
}

static uint32_t get32(const struct elf_image *image, uint32_t raw)
{
	return image->big_endian ? be32toh(raw) : le32toh(raw);
}

static uint64_t get64(const struct elf_image *image, uint64_t raw)
{
	return image->big_endian ? be64toh(raw) : le64toh(raw);
}

static void decode_start32(struct elf_image *image, const Elf32_Ehdr *raw)
{
	image->type = get16(image, raw->e_type);
	image->machine = get16(image, raw->e_machine);
	image->version = get32(image, raw->e_version);
	image->entry = get32(image, raw->e_entry);
	image->headers_offset = get32(image, raw->e_phoff);
	image->header_size = get16(image, raw->e_phentsize);
	image->nr_headers = get16(image, raw->e_phnum);
}

static void decode_start64(struct elf_image *image, const Elf64_Ehdr *raw)
{
	image->type = get16(image, raw->e_type);
	image->machine = get16(image, raw->e_machine);
	image->version = get32(image, raw->e_version);
	image->entry = get64(image, raw->e_entry);
	image->headers_offset = get64(image, raw->e_phoff);
	image->header_size = get16(image, raw->e_phentsize);
	image->nr_headers = get16(image, raw->e_phnum);
}

static const char *check_image(const struct elf_image *image)
{
	size_t header_size = image->is_64bit ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);

	if (image->version != EV_CURRENT)
		return "its ELF version is unknown";
	if (image->type != ET_EXEC && image->type != ET_DYN)
		return "it is an ELF file, but no linked program; give vmlinux or zImage";
	if (!image->nr_headers)
		return "it has no program headers; give vmlinux or zImage";
	if (image->nr_headers > ELF_SEGMENTS_MAX)
		return "it has more program headers than a kernel; is it damaged?";
	if (image->header_size != header_size)
		return "its program headers have a wrong size; is it damaged?";
	return NULL;
}

const char *elf_decode_start(const union elf_start *start, size_t size, struct elf_image *image)
{
	memset(image, 0, sizeof(*image));
	if (!size)
		return "it is empty";
	if (size < SELFMAG || memcmp(start->bytes, ELFMAG, SELFMAG))
		return elf_explain_other(start->bytes, size);
	if (size < EI_NIDENT)
		return "it ends within its ELF header; is the copy complete?";
	image->is_64bit = start->bytes[EI_CLASS] == ELFCLASS64;
	image->big_endian = start->bytes[EI_DATA] == ELFDATA2MSB;
	if ((!image->is_64bit && start->bytes[EI_CLASS] != ELFCLASS32) ||
	    (!image->big_endian && start->bytes[EI_DATA] != ELFDATA2LSB))
		return "its ELF class or byte order is unknown; is it damaged?";
	if (size < (image->is_64bit ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr)))
		return "it ends within its ELF header; is the copy complete?";
	if (image->is_64bit)
		decode_start64(image, &start->elf64);
	else
		decode_start32(image, &start->elf32);
	return check_image(image);
}

void elf_decode_segment(const struct elf_image *image, const void *raw, struct elf_segment *segment)
{
	union {
		Elf32_Phdr elf32;
		Elf64_Phdr elf64;
	} header;

	memcpy(&header, raw, image->header_size);
	if (image->is_64bit) {
		segment->type = get32(image, header.elf64.p_type);
		segment->offset = get64(image, header.elf64.p_offset);
		segment->vaddr = get64(image, header.elf64.p_vaddr);
		segment->paddr = get64(image, header.elf64.p_paddr);
		segment->filesz = get64(image, header.elf64.p_filesz);
		segment->memsz = get64(image, header.elf64.p_memsz);
	} else {
		segment->type = get32(image, header.elf32.p_type);
		segment->offset = get32(image, header.elf32.p_offset);
		segment->vaddr = get32(image, header.elf32.p_vaddr);
		segment->paddr = get32(image, header.elf32.p_paddr);
		segment->filesz = get32(image, header.elf32.p_filesz);
		segment->memsz = get32(image, header.elf32.p_memsz);
	}
}

const char *elf_machine_name(uint16_t machine)
{
	static const struct {
		uint16_t machine;
		const char *name;
	} names[] = {
		{ EM_386, "32-bit x86" },	{ EM_X86_64, "x86-64" },
		{ EM_ARM, "32-bit Arm" },	{ EM_AARCH64, "64-bit Arm" },
		{ EM_PPC, "32-bit PowerPC" },	{ EM_PPC64, "64-bit PowerPC" },
		{ EM_S390, "IBM Z" },		{ EM_RISCV, "RISC-V" },
		{ EM_MIPS, "MIPS" },		{ EM_SPARCV9, "SPARC" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (names[i].machine == machine)
			return names[i].name;
	}
	return NULL;
}

const char *elf_explain_other(const uint8_t *start, size_t size)
{
	static const struct {
		const char *magic;
		size_t size;
		const char *text;
	} kinds[] = {
		{ "\x1f\x8b", 2, "gzip-compressed; unpack it first: zcat FILE > vmlinux" },
		{ "\xfd" "7zXZ", 5, "xz-compressed; unpack it first: xzcat FILE > vmlinux" },
		{ "\x28\xb5\x2f\xfd", 4,
		  "zstd-compressed; unpack it first: zstdcat FILE > vmlinux" },
		{ "BZh", 3, "bzip2-compressed; unpack it first: bzcat FILE > vmlinux" },
		{ "\x02\x21\x4c\x18", 4,
		  "lz4-compressed; unpack it first: lz4cat FILE > vmlinux" },
		{ "\x04\x22\x4d\x18", 4,
		  "lz4-compressed; unpack it first: lz4cat FILE > vmlinux" },
		{ "\x27\x05\x19\x56", 4, "a U-Boot image; give the ELF file vmlinux or zImage" },
		{ "MZ", 2, "an EFI program; give the ELF file vmlinux or zImage" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (size >= kinds[i].size && !memcmp(start, kinds[i].magic, kinds[i].size))
			return kinds[i].text;
	}
	return "not an ELF file; give vmlinux or zImage";
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzing of the kernel loader. The first byte picks how the input begins: as it is, with the
 * identification of one of the four kinds of ELF file, or with a good header, so that its
 * segments are what is tried.
 */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/loader.h"

#define RAM (4 * MIB)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_ident(int fd, uint8_t kind)
{
	uint8_t ident[] = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32 + (kind & 1),
			    ELFDATA2LSB + (kind >> 1 & 1), EV_CURRENT };

	if (pwrite(fd, ident, sizeof(ident), 0) != sizeof(ident))
		abort();
}

/* The entry and all of the segments stay as they are in the input. */
static void write_header(int fd, uint8_t kind)
{
	Elf64_Ehdr header = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = htole16(ET_EXEC),
		.e_machine = htole16(EM_PPC64),
		.e_version = htole32(EV_CURRENT),
		.e_phoff = htole64(sizeof(header)),
		.e_phentsize = htole16(sizeof(Elf64_Phdr)),
		.e_phnum = htole16((uint16_t)((kind & 3) + 1)),
	};

	if (pread(fd, &header.e_entry, sizeof(header.e_entry), offsetof(Elf64_Ehdr, e_entry)) < 0 ||
	    pwrite(fd, &header, sizeof(header), 0) != sizeof(header))
		abort();
}

/* What was accepted lies in memory, and starts in what was loaded. */
static void check_kernel(const struct loaded_kernel *kernel)
{
	if (kernel->start >= kernel->end || kernel->end > RAM)
		abort();
	if (kernel->entry < kernel->start || kernel->entry >= kernel->end)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t machines[] = { EM_PPC64, EM_PPC, 0 };
	struct log log = { .fd = -1 };
	struct guest_memory memory;
	struct loaded_kernel kernel;
	struct image_file file = { .path = "kernel" };
	int fd;

	if (!size)
		return 0;
	fd = memfd_create("kernel", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data + 1, size - 1) != (ssize_t)(size - 1) ||
	    guest_memory_init(&memory, 0, RAM))
		abort();
	if (data[0] & 0x80)
		write_header(fd, data[0]);
	else if (data[0] & 0x40)
		write_ident(fd, data[0]);
	file.fd = fd;
	file.size = (uint64_t)lseek(fd, 0, SEEK_END);
	if (!loader_load_kernel(&memory, &file, machines, &log, &kernel))
		check_kernel(&kernel);
	loader_load_file(&memory, &file, MIB, RAM, &log);
	guest_memory_exit(&memory);
	close(fd);
	return 0;
}

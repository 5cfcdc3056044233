/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NVRAM storage and its RTAS calls. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devices/papr_nvram.h"

#define COPY_SIZE 4096

/* Head of a CHRP NVRAM partition; length counts 16-byte blocks, head included. */
struct nvram_partition {
	uint8_t signature, checksum;
	uint8_t length[2];	/* big-endian */
	char name[12];
};

#define SIGNATURE_FREE 0x7f

/* Sum of the other bytes with end-around carry. */
static uint8_t partition_checksum(const struct nvram_partition *partition)
{
	const uint8_t *bytes = (const uint8_t *)partition;
	unsigned sum = 0;

	for (size_t i = 0; i < sizeof(*partition); i++) {
		if (i == offsetof(struct nvram_partition, checksum))
			continue;
		sum += bytes[i];
		sum = (sum & 0xff) + (sum >> 8);
	}
	return (uint8_t)sum;
}

static int format(int fd)
{
	struct nvram_partition partition = {
		.signature = SIGNATURE_FREE,
		.length = { PAPR_NVRAM_SIZE / 16 >> 8, PAPR_NVRAM_SIZE / 16 & 0xff },
	};

	memset(partition.name, 0x77, sizeof(partition.name));
	partition.checksum = partition_checksum(&partition);
	if (ftruncate(fd, PAPR_NVRAM_SIZE))
		return -errno;
	if (pwrite(fd, &partition, sizeof(partition), 0) != sizeof(partition))
		return -EIO;
	return 0;
}

/* An empty file gets its first contents; any other size than NVRAM's is not ours to touch. */
static int prepare(int fd, const char *path, struct log *log)
{
	struct stat stat;

	if (fstat(fd, &stat))
		return -errno;
	if (!S_ISREG(stat.st_mode) || (stat.st_size != 0 && stat.st_size != PAPR_NVRAM_SIZE)) {
		log_error(log, "--nvram %s: not an NVRAM file of %d bytes; name a new file", path,
			  PAPR_NVRAM_SIZE);
		return -EINVAL;
	}
	return stat.st_size ? 0 : format(fd);
}

int papr_nvram_open(const char *path, struct log *log)
{
	int fd, error;

	if (path)
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
	else
		fd = memfd_create("pvmm-nvram", MFD_CLOEXEC);
	if (fd < 0) {
		error = -errno;
		log_error(log, "--nvram %s: %s", path ? path : "(memory)", strerror(-error));
		return error;
	}
	error = prepare(fd, path ? path : "(memory)", log);
	if (error) {
		close(fd);
		return error;
	}
	return fd;
}

/* Moves @size bytes between NVRAM and the guest; how many were moved goes to @done. */
static int32_t copy(struct papr_nvram *nvram, struct rtas_request *request, bool store)
{
	uint32_t offset = request->args[0], gpa = request->args[1], size = request->args[2];
	char buffer[COPY_SIZE];

	/* All is checked first, so that a refused call leaves nothing behind. */
	if (!range_within(offset, size, 0, PAPR_NVRAM_SIZE) ||
	    (size && !guest_memory_hva(nvram->memory, gpa, size)))
		return RTAS_PARAMETER_ERROR;
	for (uint32_t done = 0, part; done < size; done += part) {
		part = size - done < COPY_SIZE ? size - done : COPY_SIZE;
		if (store && guest_memory_read(nvram->memory, gpa + (uint64_t)done, buffer, part))
			return RTAS_PARAMETER_ERROR;
		if ((store ? pwrite(nvram->fd, buffer, part, offset + done)
			   : pread(nvram->fd, buffer, part, offset + done)) != (ssize_t)part)
			return RTAS_HARDWARE_ERROR;
		if (!store && guest_memory_write(nvram->memory, gpa + (uint64_t)done, buffer, part))
			return RTAS_PARAMETER_ERROR;
		request->rets[1] = done + part;
	}
	return RTAS_SUCCESS;
}

static int32_t rtas_nvram_fetch(void *owner, struct rtas_request *request)
{
	return copy(owner, request, false);
}

static int32_t rtas_nvram_store(void *owner, struct rtas_request *request)
{
	return copy(owner, request, true);
}

static const struct rtas_call nvram_calls[] = {
	{ "nvram-fetch", 3, 2, rtas_nvram_fetch },
	{ "nvram-store", 3, 2, rtas_nvram_store },
};

int papr_nvram_init(struct papr_nvram *nvram, int fd, struct guest_memory *memory,
		    struct rtas *rtas)
{
	*nvram = (struct papr_nvram){ .fd = fd, .memory = memory };
	return rtas_register(rtas, nvram_calls, ARRAY_SIZE(nvram_calls), nvram);
}

void papr_nvram_add_fdt(struct fdt_writer *fdt)
{
	fdt_begin(fdt, "nvram@%x", PAPR_NVRAM_UNIT);
	fdt_text(fdt, "device_type", "nvram");
	fdt_text(fdt, "compatible", "pvmm,nvram");
	fdt_u32(fdt, "reg", PAPR_NVRAM_UNIT);
	fdt_u32(fdt, "#bytes", PAPR_NVRAM_SIZE);
	fdt_end(fdt);
}

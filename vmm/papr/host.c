/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading the host's CPU node once; a property it lacks has a value every POWER9 and 10 has. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/papr/host.h"

#define HOST_CPUS "/proc/device-tree/cpus"

static const struct {
	const char *name;
	uint32_t otherwise;
} properties[PAPR_HOST_PROPERTIES] = {
	{ "timebase-frequency", 512000000 },
	{ "clock-frequency", 1000000000 },
	{ "d-cache-block-size", 128 },
	{ "d-cache-line-size", 128 },
	{ "d-cache-size", 32768 },
	{ "i-cache-block-size", 128 },
	{ "i-cache-line-size", 128 },
	{ "i-cache-size", 32768 },
};

/* Opens the folder of a CPU in the host's tree: "PowerPC,POWER9@..."; negative when none. */
static int open_cpu(void)
{
	DIR *folder = opendir(HOST_CPUS);
	struct dirent *entry;
	int fd = -ENOENT;

	while (folder && fd < 0 && (entry = readdir(folder))) {
		if (strncmp(entry->d_name, "PowerPC,", 8) == 0)
			fd = openat(dirfd(folder), entry->d_name, O_DIRECTORY | O_CLOEXEC);
	}
	if (folder)
		closedir(folder);
	return fd;
}

/* One cell, or the low one of two; 0 when there is no such property. */
static uint32_t read_property(int cpu, const char *name)
{
	be32 cells[2] = { 0 };
	ssize_t size;
	int fd = openat(cpu, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	size = read(fd, cells, sizeof(cells));
	close(fd);
	if (size == sizeof(cells))
		return be32toh(cells[1]);
	return size == sizeof(be32) ? be32toh(cells[0]) : 0;
}

int machine_host_init(struct log *log, struct machine_host **host)
{
	int cpu = open_cpu();

	*host = calloc(1, sizeof(**host));
	for (size_t i = 0; *host && i < PAPR_HOST_PROPERTIES; i++) {
		uint32_t value = cpu < 0 ? 0 : read_property(cpu, properties[i].name);

		(*host)->values[i] = value ? value : properties[i].otherwise;
	}
	if (cpu >= 0)
		close(cpu);
	return *host ? 0 : -ENOMEM;
}

void machine_host_exit(struct machine_host *host)
{
	free(host);
}

void papr_host_add_fdt(const struct machine_host *host, struct fdt_writer *fdt)
{
	for (size_t i = 0; i < PAPR_HOST_PROPERTIES; i++)
		fdt_u32(fdt, properties[i].name, host->values[i]);
}

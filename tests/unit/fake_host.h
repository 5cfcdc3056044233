/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A host in a temporary folder: the parts of /sys, /proc, /dev and /run that groups are read
 * from, and a log whose text can be looked at.
 */
#ifndef PVMM_TESTS_FAKE_HOST_H
#define PVMM_TESTS_FAKE_HOST_H

#include <check.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/group/host.h"

struct fake_host {
	char folder[64];
	char sys[80], proc[80], dev[80], run[80], etc[80];
	struct host_root root;
	struct log log;
	char text[16384];	/* what fake_log() read last */
};

/* Formats into a buffer that the caller frees. */
static inline char *fake_format(const char *format, va_list args)
	__attribute__((format(printf, 1, 0)));

static inline char *fake_format(const char *format, va_list args)
{
	char *text;

	ck_assert_int_ge(vasprintf(&text, format, args), 0);
	return text;
}

static inline void fake_make_parents(const char *path)
{
	char *copy = strdup(path), *slash;

	for (slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(copy, 0755);
		*slash = '/';
	}
	free(copy);
}

/* A file with @text below the host's folder; parents are made. */
static inline void fake_file(struct fake_host *host, const char *text, const char *format, ...)
	PRINTF(3, 4);

static inline void fake_file(struct fake_host *host, const char *text, const char *format, ...)
{
	char *path, *full;
	va_list args;
	FILE *file;

	va_start(args, format);
	path = fake_format(format, args);
	va_end(args);
	ck_assert_int_ge(asprintf(&full, "%s/%s", host->folder, path), 0);
	fake_make_parents(full);
	file = fopen(full, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
	free(full);
	free(path);
}

/* A link at the formatted path to @target, which is below the host's folder too. */
static inline void fake_link(struct fake_host *host, const char *target, const char *format, ...)
	PRINTF(3, 4);

static inline void fake_link(struct fake_host *host, const char *target, const char *format, ...)
{
	char *path, *full, *to;
	va_list args;

	va_start(args, format);
	path = fake_format(format, args);
	va_end(args);
	ck_assert_int_ge(asprintf(&full, "%s/%s", host->folder, path), 0);
	ck_assert_int_ge(asprintf(&to, "%s/%s", host->folder, target), 0);
	fake_make_parents(full);
	unlink(full);
	ck_assert_int_eq(symlink(to, full), 0);
	free(to);
	free(full);
	free(path);
}

static inline void fake_mkdir(struct fake_host *host, const char *path)
{
	char full[256];

	snprintf(full, sizeof(full), "%s/%s/", host->folder, path);
	fake_make_parents(full);
}

static inline void fake_remove(struct fake_host *host, const char *path)
{
	char full[256];

	snprintf(full, sizeof(full), "%s/%s", host->folder, path);
	ck_assert_int_eq(remove(full), 0);
}

static inline bool fake_exists(const struct fake_host *host, const char *path)
{
	char full[256];

	snprintf(full, sizeof(full), "%s/%s", host->folder, path);
	return access(full, F_OK) == 0;
}

/* A PCI device; @driver may be NULL. */
static inline void fake_device(struct fake_host *host, const char *bdf, unsigned group,
			       const char *class_code, const char *driver)
{
	char device[96], text[96];

	snprintf(device, sizeof(device), "sys/devices/pci/%s", bdf);
	fake_file(host, "0x1b36\n", "%s/vendor", device);
	fake_file(host, "0x0010\n", "%s/device", device);
	fake_file(host, class_code, "%s/class", device);
	fake_file(host, "(null)\n", "%s/driver_override", device);
	fake_link(host, device, "sys/bus/pci/devices/%s", bdf);
	fake_link(host, device, "sys/kernel/iommu_groups/%u/devices/%s", group, bdf);
	snprintf(text, sizeof(text), "sys/kernel/iommu_groups/%u", group);
	fake_link(host, text, "%s/iommu_group", device);
	if (!driver)
		return;
	snprintf(text, sizeof(text), "sys/bus/pci/drivers/%s", driver);
	fake_file(host, "", "%s/bind", text);
	fake_file(host, "", "%s/unbind", text);
	fake_link(host, text, "%s/driver", device);
}

/* A host with VFIO loaded and nothing else. */
static inline void fake_host_init(struct fake_host *host)
{
	memset(host, 0, sizeof(*host));
	strcpy(host->folder, "/tmp/pvmm-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(host->folder));
	snprintf(host->sys, sizeof(host->sys), "%s/sys", host->folder);
	snprintf(host->proc, sizeof(host->proc), "%s/proc", host->folder);
	snprintf(host->dev, sizeof(host->dev), "%s/dev", host->folder);
	snprintf(host->run, sizeof(host->run), "%s/run", host->folder);
	snprintf(host->etc, sizeof(host->etc), "%s/etc", host->folder);
	host->root = (struct host_root){
		.sys = host->sys, .proc = host->proc, .dev = host->dev, .run = host->run,
		.etc = host->etc,
	};
	host->log.fd = memfd_create("log", MFD_CLOEXEC);
	host->log.verbose = true;
	fake_mkdir(host, "run");
	fake_mkdir(host, "sys/kernel/iommu_groups");
	fake_file(host, "", "sys/bus/pci/drivers/vfio-pci/bind");
	fake_file(host, "", "sys/bus/pci/drivers/vfio-pci/unbind");
	fake_file(host, "", "sys/bus/pci/drivers_probe");
	fake_file(host, "", "dev/vfio/vfio");
	fake_file(host, "Name:\tpvmm\nCapEff:\t0000000000000000\n", "proc/self/status");
	fake_file(host, "", "proc/self/mountinfo");
	fake_file(host, "Filename\t\t\t\tType\t\tSize\n", "proc/swaps");
}

static inline int fake_delete(const char *path, const struct stat *status, int kind,
			      struct FTW *walk)
{
	return remove(path);
}

static inline void fake_host_exit(struct fake_host *host)
{
	nftw(host->folder, fake_delete, 16, FTW_DEPTH | FTW_PHYS);
	close(host->log.fd);
}

/* All that was logged since the last call. */
static inline const char *fake_log(struct fake_host *host)
{
	ssize_t length = pread(host->log.fd, host->text, sizeof(host->text) - 1, 0);

	ck_assert_int_ge(length, 0);
	host->text[length] = '\0';
	ck_assert_int_eq(ftruncate(host->log.fd, 0), 0);
	lseek(host->log.fd, 0, SEEK_SET);
	return host->text;
}

static inline unsigned fake_count_lines(const char *text)
{
	unsigned count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

#define ck_assert_contains(text, part) \
	ck_assert_msg(strstr(text, part), "\"%s\" is not in:\n%s", part, text)
#define ck_assert_lacks(text, part) \
	ck_assert_msg(!strstr(text, part), "\"%s\" is in:\n%s", part, text)

#endif

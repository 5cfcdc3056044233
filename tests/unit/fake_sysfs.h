/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's side of a host made of files: an open() and a write() for the whole program that
 * do what the kernel does when somebody opens a group or writes to sysfs: bind, unbind, probe, and
 * the group driver's claim, merge and unmerge. Any write can be made to fail, or to be the last
 * thing that the process does. For one file of a program only.
 */
#ifndef PVMM_TESTS_FAKE_SYSFS_H
#define PVMM_TESTS_FAKE_SYSFS_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/syscall.h>

#include "tests/unit/fake_host.h"

static struct {
	struct fake_host *host;
	unsigned writes;	/* to sysfs so far */
	unsigned fail_at;	/* this one gives EIO; 0: none */
	unsigned kill_at;	/* before this one the process dies; 0: never */
	bool kill_parent;	/* it dies instead */
	bool probe_ignored;	/* vfio-pci takes no device */
	int driver_error;	/* what the group driver says to the next claim or merge */
	unsigned busy_claims;	/* so many writes to claim give EBUSY first */
	char busy[128];		/* opening this path gives busy_error */
	int busy_error;		/* 0: EBUSY */
} fake_sysfs;

static inline void fake_sysfs_init(struct fake_host *host)
{
	memset(&fake_sysfs, 0, sizeof(fake_sysfs));
	fake_host_init(host);
	fake_sysfs.host = host;
}

int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	if (flags & O_CREAT) {
		va_start(args, flags);
		mode = va_arg(args, mode_t);
		va_end(args);
	}
	if (strcmp(path, fake_sysfs.busy) == 0) {
		errno = fake_sysfs.busy_error ? fake_sysfs.busy_error : EBUSY;
		return -1;
	}
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static void driver_of(const char *bdf, char name[256])
{
	char path[256], target[256];
	ssize_t length;

	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/driver", fake_sysfs.host->sys, bdf);
	length = readlink(path, target, sizeof(target) - 1);
	target[length > 0 ? length : 0] = '\0';
	strcpy(name, length > 0 ? strrchr(target, '/') + 1 : "");
}

static void override_of(const char *bdf, char text[64])
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/driver_override", fake_sysfs.host->sys, bdf);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	if (!fgets(text, 64, file))
		text[0] = '\0';
	fclose(file);
	text[strcspn(text, "\n")] = '\0';
	if (strcmp(text, "(null)") == 0)
		text[0] = '\0';
}

static int bind_device(const char *bdf, const char *driver)
{
	char now[256], override[64], target[192];

	driver_of(bdf, now);
	override_of(bdf, override);
	if (now[0] || (override[0] && strcmp(override, driver) != 0))
		return -ENODEV;
	snprintf(target, sizeof(target), "sys/bus/pci/drivers/%s", driver);
	if (!fake_exists(fake_sysfs.host, target))
		return -ENODEV;
	fake_link(fake_sysfs.host, target, "sys/devices/pci/%s/driver", bdf);
	return 0;
}

static int unbind_device(const char *bdf, const char *driver)
{
	char now[256], path[128];

	driver_of(bdf, now);
	if (strcmp(now, driver) != 0)
		return -ENODEV;
	snprintf(path, sizeof(path), "sys/devices/pci/%s/driver", bdf);
	fake_remove(fake_sysfs.host, path);
	return 0;
}

/* Without an override the device's own driver would have it: nvme matches everything here. */
static int probe_device(const char *bdf)
{
	char now[256], override[64];

	driver_of(bdf, now);
	override_of(bdf, override);
	if (!now[0] && !fake_sysfs.probe_ignored)
		bind_device(bdf, override[0] ? override : "nvme");
	return 0;
}

/* Gives the group driver's folder @number the devices of the IOMMU group @from. */
static void move_in(const char *number, const char *from)
{
	char path[256], name[64], target[64];
	struct dirent *entry;
	DIR *folder;

	snprintf(path, sizeof(path), "%s/kernel/iommu_groups/%s/devices", fake_sysfs.host->sys,
		 from);
	folder = opendir(path);
	ck_assert_ptr_nonnull(folder);
	while ((entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%.63s", entry->d_name);
		snprintf(target, sizeof(target), "sys/devices/pci/%.32s", name);
		fake_link(fake_sysfs.host, target, "sys/devgroups/%s/devices/%s/host_device",
			  number, name);
		fake_file(fake_sysfs.host, "", "sys/devgroups/%s/devices/%s/driver_before",
			  number, name);
	}
	closedir(folder);
}

/* A group as the driver shows it. */
static inline void fake_devgroup(unsigned group)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", group);
	fake_host_devgroup(fake_sysfs.host, group);
	fake_file(fake_sysfs.host, "because\n", "sys/devgroups/%s/reason", number);
	fake_file(fake_sysfs.host, "eeh\nddw\n", "sys/devgroups/%s/capabilities", number);
	fake_file(fake_sysfs.host, "default 0 0x80000000\nlevels 5\n",
		  "sys/devgroups/%s/dma_windows", number);
	fake_file(fake_sysfs.host, number, "sys/devgroups/%s/members", number);
	fake_file(fake_sysfs.host, "", "sys/devgroups/merge");
	fake_file(fake_sysfs.host, "", "sys/devgroups/unmerge");
	move_in(number, number);
}

static int claim_written(const char *folder, const char *text)
{
	const char *number = strrchr(folder, '/') + 1;
	char state[300], now[16] = "", owner[32] = "";
	FILE *file;

	if (fake_sysfs.driver_error)
		return fake_sysfs.driver_error;
	if (fake_sysfs.busy_claims && fake_sysfs.busy_claims--)
		return -EBUSY;
	snprintf(state, sizeof(state), "%s/state", folder);
	file = fopen(state, "r");
	ck_assert_ptr_nonnull(fgets(now, sizeof(now), file));
	fclose(file);
	if (strcmp(now, "free\n") != 0 && text[0] == '1')
		return -EBUSY;
	if (strcmp(now, "claimed\n") != 0 && text[0] == '0')
		return -EINVAL;
	fake_file(fake_sysfs.host, text[0] == '1' ? "claimed\n" : "free\n",
		  "sys/devgroups/%s/state", number);
	if (text[0] == '1')
		snprintf(owner, sizeof(owner), "%d pvmm\n", (int)getpid());
	fake_file(fake_sysfs.host, owner, "sys/devgroups/%s/owner", number);
	return 0;
}

static int merge_written(const char *text)
{
	char words[64], path[256], *save = NULL, *first, *other;

	if (fake_sysfs.driver_error)
		return fake_sysfs.driver_error;
	strcpy(words, text);
	first = strtok_r(words, " ", &save);
	while ((other = strtok_r(NULL, " ", &save))) {
		move_in(first, other);
		snprintf(path, sizeof(path), "%s/devgroups/%s", fake_sysfs.host->sys, other);
		nftw(path, fake_delete, 16, FTW_DEPTH | FTW_PHYS);
	}
	fake_file(fake_sysfs.host, text, "sys/devgroups/%s/members", first);
	return 0;
}

static int unmerge_written(const char *number)
{
	char path[256], members[64] = "", *save = NULL, *member;
	FILE *file;

	if (fake_sysfs.driver_error)
		return fake_sysfs.driver_error;
	snprintf(path, sizeof(path), "%s/devgroups/%s/members", fake_sysfs.host->sys, number);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(fgets(members, sizeof(members), file));
	fclose(file);
	*strrchr(path, '/') = '\0';
	nftw(path, fake_delete, 16, FTW_DEPTH | FTW_PHYS);
	for (member = strtok_r(members, " ", &save); member; member = strtok_r(NULL, " ", &save))
		fake_devgroup((unsigned)atoi(member));
	return 0;
}

static int sysfs_written(char *path, const char *bdf)
{
	char *file = strrchr(path, '/'), *driver;

	*file++ = '\0';
	driver = strrchr(path, '/') + 1;
	if (strcmp(file, "drivers_probe") == 0)
		return probe_device(bdf);
	if (strcmp(file, "bind") == 0)
		return bind_device(bdf, driver);
	if (strcmp(file, "unbind") == 0)
		return unbind_device(bdf, driver);
	if (strcmp(file, "claim") == 0)
		return claim_written(path, bdf);
	if (strcmp(file, "merge") == 0)
		return merge_written(bdf);
	if (strcmp(file, "unmerge") == 0)
		return unmerge_written(bdf);
	return 0;
}

ssize_t write(int fd, const void *data, size_t size)
{
	char link[64], path[256], bdf[64];
	ssize_t length;
	int ret;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path) - 1);
	path[length > 0 ? length : 0] = '\0';
	if (!fake_sysfs.host ||
	    strncmp(path, fake_sysfs.host->sys, strlen(fake_sysfs.host->sys)) != 0)
		return syscall(SYS_write, fd, data, size);
	fake_sysfs.writes++;
	if (fake_sysfs.writes == fake_sysfs.kill_at)
		kill(fake_sysfs.kill_parent ? getppid() : getpid(), SIGKILL);
	snprintf(bdf, sizeof(bdf), "%.*s", (int)size, (const char *)data);
	ret = fake_sysfs.writes == fake_sysfs.fail_at ? -EIO : sysfs_written(path, bdf);
	if (ret) {
		errno = -ret;
		return -1;
	}
	return syscall(SYS_write, fd, data, size);
}

#endif

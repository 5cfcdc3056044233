// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What stands in the way of handing groups over, all of it at once: modules, permissions,
 * the lock limit, host drivers and, by host_uses.c, what is in use right now.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "vmm/group/info.h"
#include "vmm/group/sysfs.h"

/* @buffer is an array; @format the last named parameter. */
#define FORMAT_INTO(buffer, format)					\
	do {								\
		va_list args;						\
									\
		va_start(args, format);					\
		vsnprintf(buffer, sizeof(buffer), format, args);	\
		va_end(args);						\
	} while (0)

void host_blocker_fix(struct host_blocker *blocker, const char *format, ...)
{
	FORMAT_INTO(blocker->command, format);
}

void host_blocker_advise(struct host_blocker *blocker, const char *format, ...)
{
	FORMAT_INTO(blocker->advice, format);
}

void host_check_report(struct host_check *check, struct host_blocker *blocker,
		       const char *format, ...)
{
	FORMAT_INTO(blocker->text, format);
	check->count++;
	check->found(check, blocker);
}

void host_check_log(struct host_check *check, const struct host_blocker *blocker)
{
	char text[HOST_DEVICE_TEXT_SIZE], subject[HOST_NAME_SIZE + HOST_DEVICE_TEXT_SIZE + 8] = "";

	if (blocker->device) {
		host_device_describe(blocker->device, text, sizeof(text));
		snprintf(subject, sizeof(subject), "%s, %s, ", blocker->device->name, text);
	}
	if (blocker->advice[0])
		log_error(check->log, "%s%s; %s", subject, blocker->text, blocker->advice);
	else
		log_error(check->log, "%s%s; run: %s", subject, blocker->text, blocker->command);
}

/* The two may be named in different ways, and be merged in one of them. */
static bool shares_device(const struct host_group *a, const struct host_group *b)
{
	for (unsigned i = 0; i < a->nr_devices; i++) {
		for (unsigned j = 0; j < b->nr_devices; j++) {
			if (strcmp(a->devices[i].name, b->devices[j].name) == 0)
				return true;
		}
	}
	return false;
}

static bool is_repeated(const struct host_group *groups, unsigned index)
{
	unsigned i;

	for (i = 0; i < index; i++) {
		if (shares_device(&groups[i], &groups[index]))
			return true;
	}
	return false;
}

void host_check_vfio_pci(struct host_check *check)
{
	struct host_blocker blocker = {.kind = HOST_BLOCKER_HOST};
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/bus/pci/drivers/vfio-pci", check->root->sys);
	if (access(path, F_OK) == 0)
		return;
	host_blocker_fix(&blocker, "modprobe vfio-pci");
	host_check_report(check, &blocker, "the host has no vfio-pci driver loaded");
}

static void report_closed_container(struct host_check *check, const char *path, int error)
{
	struct host_blocker blocker = {.kind = HOST_BLOCKER_HOST};

	if (error == EACCES || error == EPERM) {
		blocker.kind = HOST_BLOCKER_PERMISSION;
		host_blocker_fix(&blocker, "chmod 666 %s", path);
		host_blocker_advise(&blocker, "run as root, or run: chmod 666 %s", path);
		host_check_report(check, &blocker, "no permission to open %s", path);
		return;
	}
	host_blocker_fix(&blocker, "modprobe vfio_iommu_spapr_tce");
	host_check_report(check, &blocker, "cannot open %s: %s", path, strerror(error));
}

/* Any other failure to open it shows when the group itself is opened. */
static void check_container(struct host_check *check)
{
	struct host_blocker blocker = {.kind = HOST_BLOCKER_HOST};
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/vfio/vfio", check->root->dev);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		report_closed_container(check, path, errno);
		return;
	}
	if (ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_SPAPR_TCE_v2_IOMMU) <= 0) {
		host_blocker_fix(&blocker, "modprobe vfio_iommu_spapr_tce");
		host_check_report(check, &blocker,
				  "the host kernel has no sPAPR TCE IOMMU for VFIO loaded");
	}
	close(fd);
}

static bool may_lock_any(const struct host_root *root)
{
	unsigned long long effective = 0;
	char path[PATH_MAX], line[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/self/status", root->proc);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "CapEff: %llx", &effective) == 1)
			break;
	}
	fclose(file);
	return effective >> CAP_IPC_LOCK & 1;
}

static void check_lock_limit(struct host_check *check, uint64_t lock_bytes)
{
	struct host_blocker blocker = {.kind = HOST_BLOCKER_PERMISSION};
	unsigned long long needed = align_up(lock_bytes, KIB) / KIB;
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) || limit.rlim_cur == RLIM_INFINITY ||
	    limit.rlim_cur >= lock_bytes || may_lock_any(check->root))
		return;
	host_blocker_fix(&blocker, "ulimit -l %llu", needed);
	host_blocker_advise(&blocker, "run as root, or raise it before starting pvmm: "
			    "ulimit -l %llu", needed);
	host_check_report(check, &blocker,
			  "the limit for locked memory is %llu KiB, devices need %llu KiB",
			  (unsigned long long)(limit.rlim_cur / KIB), needed);
}

static bool may_write(const char *path)
{
	return faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) == 0 || errno != EACCES;
}

static bool may_open_group(struct host_check *check, const char *path)
{
	struct host_blocker blocker = {.kind = HOST_BLOCKER_PERMISSION};

	if (may_write(path))
		return true;
	host_blocker_fix(&blocker, "chown %u %s", (unsigned)geteuid(), path);
	host_blocker_advise(&blocker, "run as root, or run: chown %u %s", (unsigned)geteuid(),
			    path);
	host_check_report(check, &blocker, "no permission to open %s", path);
	return false;
}

/* The group's own file exists once a device of the group is bound to vfio-pci. */
static void check_group_file(struct host_check *check, const struct host_group *group)
{
	struct host_blocker blocker = {.kind = HOST_BLOCKER_HOLDER};
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/vfio/%u", check->root->dev, group->number);
	if (may_open_group(check, path) && host_group_in_use(check->root, group->number)) {
		host_blocker_advise(&blocker, "stop it first (fuser -v %s shows which)", path);
		host_check_report(check, &blocker, "group %u is in use by another process",
				  group->number);
	}
}

/* A device without a driver, or with one and --claim, is bound by writing to sysfs. */
static void check_may_bind(struct host_check *check, const struct host_device *device)
{
	struct host_blocker blocker = {.kind = HOST_BLOCKER_PERMISSION};
	char path[PATH_MAX];

	if (strcmp(device->driver, "vfio-pci") == 0)
		return;
	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/driver_override", check->root->sys,
		 device->name);
	if (may_write(path))
		return;
	host_blocker_advise(&blocker, "run as root");
	host_check_report(check, &blocker, "no permission to bind %s to vfio-pci", device->name);
}

static void check_driver(struct host_check *check, const struct host_device *device, bool claim)
{
	struct host_blocker blocker = {.kind = HOST_BLOCKER_DRIVER, .device = device};

	if (!device->driver[0] || strcmp(device->driver, "vfio-pci") == 0 || claim)
		return;
	host_blocker_fix(&blocker, "echo %s > %s/bus/pci/devices/%s/driver/unbind", device->name,
			 check->root->sys, device->name);
	host_blocker_advise(&blocker, "run again with --claim, or run: "
			    "echo %s > %s/bus/pci/devices/%s/driver/unbind", device->name,
			    check->root->sys, device->name);
	host_check_report(check, &blocker, "is held by the host driver %s", device->driver);
}

void host_check_functions(struct host_check *check, const struct host_device *device)
{
	struct host_blocker blocker = {.kind = HOST_BLOCKER_FUNCTIONS, .device = device};
	uint64_t count;

	if (!device->is_pci)
		return;
	if (sysfs_read_number(&count, "%s/bus/pci/devices/%s/sriov_numvfs", check->root->sys,
			      device->name) || !count)
		return;
	host_blocker_fix(&blocker, "echo 0 > %s/bus/pci/devices/%s/sriov_numvfs",
			 check->root->sys, device->name);
	host_check_report(check, &blocker, "has %llu virtual functions",
			  (unsigned long long)count);
}

/* A group that is free is claimed, whoever has its devices; one that is claimed only opened. */
static void check_devgroup(struct host_check *check, const struct host_group *group)
{
	struct host_blocker blocker = {.kind = HOST_BLOCKER_PERMISSION};
	struct group_info info;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/devgroup/%u", check->root->dev, group->number);
	may_open_group(check, path);
	snprintf(path, sizeof(path), "%s/claim", group->path);
	if (group_info_find(check->root, group->path, &info, check->log)) {
		check->count++;
		return;
	}
	if (group_info_is(&info, "free") && !may_write(path)) {
		host_blocker_fix(&blocker, "pvmm group claim %u", group->number);
		host_blocker_advise(&blocker, "run as root, or have root run: pvmm group claim %u",
				    group->number);
		host_check_report(check, &blocker, "no permission to claim group %u",
				  group->number);
	}
	group_info_check(check, &info, GROUP_CHECK_STATE | GROUP_CHECK_USES);
	group_info_exit(&info);
}

static void check_vfio_group(struct host_check *check, const struct host_group *group, bool claim)
{
	unsigned i;

	check_group_file(check, group);
	for (i = 0; i < group->nr_devices; i++) {
		const struct host_device *device = &group->devices[i];

		if (device->is_bridge)
			continue;
		check_driver(check, device, claim);
		check_may_bind(check, device);
		host_check_functions(check, device);
		host_check_uses(check, device);
	}
}

static void check_named_twice(struct host_check *check, unsigned number)
{
	struct host_blocker blocker = {.kind = HOST_BLOCKER_HOST};

	host_blocker_advise(&blocker, "leave one --group of it out");
	host_check_report(check, &blocker, "group %u is named twice", number);
}

static bool any_by_vfio(const struct host_group *groups, unsigned nr_groups)
{
	for (unsigned i = 0; i < nr_groups; i++) {
		if (groups[i].backend == HOST_BACKEND_VFIO)
			return true;
	}
	return false;
}

unsigned host_groups_check(const struct host_root *root, const struct host_group *groups,
			   unsigned nr_groups, bool claim, uint64_t lock_bytes, struct log *log)
{
	struct host_check check = {.root = root, .log = log, .found = host_check_log};
	unsigned i;

	if (!nr_groups)
		return 0;
	if (any_by_vfio(groups, nr_groups)) {
		host_check_vfio_pci(&check);
		check_container(&check);
	}
	check_lock_limit(&check, lock_bytes);
	for (i = 0; i < nr_groups; i++) {
		if (is_repeated(groups, i))
			check_named_twice(&check, groups[i].number);
		else if (groups[i].backend == HOST_BACKEND_DEVGROUP)
			check_devgroup(&check, &groups[i]);
		else
			check_vfio_group(&check, &groups[i], claim);
	}
	return check.count;
}

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

#include "vmm/group/host_check.h"
#include "vmm/group/sysfs.h"

void host_check_report(struct host_check *check, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_error(check->log, "%s", text);
	check->lines++;
}

static bool is_repeated(const struct host_group *groups, unsigned index)
{
	unsigned i;

	for (i = 0; i < index; i++) {
		if (groups[i].number == groups[index].number)
			return true;
	}
	return false;
}

/* Any other failure to open it shows when the group itself is opened. */
static void check_container(struct host_check *check)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/vfio/vfio", check->root->dev);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 && (errno == EACCES || errno == EPERM)) {
		host_check_report(check, "no permission to open %s; run as root, or run: "
				  "chmod 666 %s", path, path);
	} else if (fd < 0) {
		host_check_report(check, "cannot open %s: %s; run: modprobe vfio_iommu_spapr_tce",
				  path, strerror(errno));
	} else {
		if (ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_SPAPR_TCE_v2_IOMMU) <= 0)
			host_check_report(check, "the host kernel has no sPAPR TCE IOMMU for VFIO "
					  "loaded; run: modprobe vfio_iommu_spapr_tce");
		close(fd);
	}
}

static void check_modules(struct host_check *check)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/bus/pci/drivers/vfio-pci", check->root->sys);
	if (access(path, F_OK))
		host_check_report(check, "the host has no vfio-pci driver loaded; run: "
				  "modprobe vfio-pci");
	check_container(check);
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
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) || limit.rlim_cur == RLIM_INFINITY ||
	    limit.rlim_cur >= lock_bytes || may_lock_any(check->root))
		return;
	host_check_report(check, "the limit for locked memory is %llu KiB, devices need %llu KiB; "
			  "run as root, or raise it before starting pvmm: ulimit -l %llu",
			  (unsigned long long)(limit.rlim_cur / KIB),
			  (unsigned long long)(align_up(lock_bytes, KIB) / KIB),
			  (unsigned long long)(align_up(lock_bytes, KIB) / KIB));
}

static bool may_write(const char *path)
{
	return faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) == 0 || errno != EACCES;
}

/* The group's own file exists once a device of the group is bound to vfio-pci. */
static void check_group_file(struct host_check *check, const struct host_group *group)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/vfio/%u", check->root->dev, group->number);
	if (!may_write(path))
		host_check_report(check, "no permission to open %s; run as root, or run: "
				  "chown %u %s", path, (unsigned)geteuid(), path);
	else if (host_group_in_use(check->root, group->number))
		host_check_report(check, "group %u is in use by another process; stop it first "
				  "(fuser -v %s shows which)", group->number, path);
}

/* A device without a driver, or with one and --claim, is bound by writing to sysfs. */
static void check_may_bind(struct host_check *check, const struct host_device *device,
			   const char *bdf)
{
	char path[PATH_MAX];

	if (strcmp(device->driver, "vfio-pci") == 0)
		return;
	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/driver_override", check->root->sys,
		 bdf);
	if (!may_write(path))
		host_check_report(check, "no permission to bind %s to vfio-pci; run as root", bdf);
}

static void check_driver(struct host_check *check, const struct host_device *device,
			 const char *bdf, bool claim)
{
	char text[64];

	if (!device->driver[0] || strcmp(device->driver, "vfio-pci") == 0 || claim)
		return;
	host_device_describe(device, text, sizeof(text));
	host_check_report(check, "%s, %s, is held by the host driver %s; run again with --claim, "
			  "or run: echo %s > %s/bus/pci/devices/%s/driver/unbind", bdf, text,
			  device->driver, bdf, check->root->sys, bdf);
}

/* Virtual functions vanish, whoever uses them, when the driver of their physical one goes. */
static void check_virtual_functions(struct host_check *check, const struct host_device *device,
				    const char *bdf)
{
	char text[64];
	uint64_t count;

	if (sysfs_read_number(&count, "%s/bus/pci/devices/%s/sriov_numvfs", check->root->sys,
			      bdf) || !count)
		return;
	host_device_describe(device, text, sizeof(text));
	host_check_report(check, "%s, %s, has %llu virtual functions; run: "
			  "echo 0 > %s/bus/pci/devices/%s/sriov_numvfs", bdf, text,
			  (unsigned long long)count, check->root->sys, bdf);
}

static void check_group(struct host_check *check, const struct host_group *group, bool claim)
{
	char bdf[PCI_ADDRESS_TEXT_SIZE];
	unsigned i;

	check_group_file(check, group);
	for (i = 0; i < group->nr_devices; i++) {
		const struct host_device *device = &group->devices[i];

		if (device->is_bridge)
			continue;
		pci_address_text(&device->address, bdf);
		check_driver(check, device, bdf, claim);
		check_may_bind(check, device, bdf);
		check_virtual_functions(check, device, bdf);
		host_check_uses(check, device);
	}
}

unsigned host_groups_check(const struct host_root *root, const struct host_group *groups,
			   unsigned nr_groups, bool claim, uint64_t lock_bytes, struct log *log)
{
	struct host_check check = {.root = root, .log = log};
	unsigned i;

	if (!nr_groups)
		return 0;
	check_modules(&check);
	check_lock_limit(&check, lock_bytes);
	for (i = 0; i < nr_groups; i++) {
		if (is_repeated(groups, i))
			host_check_report(&check, "group %u is named twice; leave one --group of "
					  "it out", groups[i].number);
		else
			check_group(&check, &groups[i], claim);
	}
	return check.lines;
}

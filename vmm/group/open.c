// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opening a group's devices, whichever backend the files come from.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/group/open.h"
#include "vmm/group/sysfs.h"
#include "vmm/group/vfio_device.h"

int group_init(struct group *group, const struct group_ops *ops, const struct host_group *host,
	       const struct group_config *config, struct group_device *devices)
{
	group->ops = ops;
	group->number = host->number;
	group->devices = devices;
	group->bus = host->devices[0].is_pci ? GROUP_BUS_PCI : GROUP_BUS_PLATFORM;
	group->path = strdup(config->path);
	return group->path ? 0 : -ENOMEM;
}

void group_exit(struct group *group)
{
	free(group->path);
}

/*
 * What a driver of the device goes by: the strings of its node in the host's device tree, or its
 * name where it has none.
 */
static int read_compatible(struct group_device *device, const struct host_group *host)
{
	ssize_t size = sysfs_read_bytes(device->compatible, sizeof(device->compatible),
					"%s/devices/%s/of_node/compatible", host->path, device->name);
	int ret;

	if (size > 0 && size < (ssize_t)sizeof(device->compatible) &&
	    !device->compatible[size - 1]) {
		device->compatible_size = (size_t)size;
		return 0;
	}
	ret = sysfs_read(device->compatible, sizeof(device->compatible), "%s/devices/%s/name",
			 host->path, device->name);
	device->compatible_size = strlen(device->compatible) + 1;
	return ret;
}

static void tell_open_error(const struct group_device *device, int error, struct log *log)
{
	if (error == -E2BIG)
		log_error(log, "%s of group %u has more than %d regions or %d interrupts, the most "
			  "that pvmm can pass of a platform device", device->name,
			  device->group->number, GROUP_REGION_COUNT, GROUP_MAX_IRQS);
	else
		log_error(log, "cannot open %s of group %u: %s; dmesg may say why", device->name,
			  device->group->number, strerror(-error));
}

static int open_device(struct group *group, const struct host_group *host,
		       const struct host_device *of_host, group_device_file *open_file,
		       struct log *log)
{
	struct group_device *device = &group->devices[group->nr_devices];
	int fd, ret = 0;

	device->group = group;
	device->host = of_host->address;
	device->guest_devfn = -1;
	strcpy(device->name, of_host->name);
	if (group->bus == GROUP_BUS_PLATFORM)
		ret = read_compatible(device, host);
	fd = ret ? ret : open_file(group, device->name);
	ret = fd < 0 ? fd : vfio_device_init(device, fd);
	if (ret) {
		tell_open_error(device, ret, log);
		return ret;
	}
	group->nr_devices++;
	return 0;
}

static int place_device(struct group *group, const struct group_place *place, struct log *log)
{
	char bdf[PCI_ADDRESS_TEXT_SIZE];
	unsigned i;

	for (i = 0; group->bus == GROUP_BUS_PCI && i < group->nr_devices; i++) {
		if (pci_address_equal(&group->devices[i].host, &place->host)) {
			group->devices[i].guest_devfn = place->devfn;
			return 0;
		}
	}
	log_error(log, "place=%s: no such device in group %u",
		  pci_address_text(&place->host, bdf), group->number);
	return -EINVAL;
}

/* A bridge of PCI and a bus of the platform are two things to a guest. */
static int check_buses(const struct host_group *host, struct log *log)
{
	unsigned i;

	for (i = 1; i < host->nr_devices; i++) {
		if (host->devices[i].is_pci == host->devices[0].is_pci)
			continue;
		log_error(log, "group %u has PCI and platform devices, which pvmm cannot pass "
			  "together; give another group", host->number);
		return -ENOTSUP;
	}
	return 0;
}

int group_open_devices(struct group *group, const struct host_group *host,
		       const struct group_config *config, group_device_file *open_file,
		       struct log *log)
{
	int ret = check_buses(host, log);
	unsigned i;

	for (i = 0; !ret && i < host->nr_devices; i++) {
		if (!host->devices[i].is_bridge)
			ret = open_device(group, host, &host->devices[i], open_file, log);
	}
	if (!ret && !group->nr_devices) {
		log_error(log, "group %u holds bridges only; give another group", host->number);
		ret = -ENODEV;
	}
	for (i = 0; !ret && i < config->nr_places; i++)
		ret = place_device(group, &config->places[i], log);
	return ret;
}

void group_close_devices(struct group *group)
{
	while (group->nr_devices)
		vfio_device_exit(&group->devices[--group->nr_devices]);
}

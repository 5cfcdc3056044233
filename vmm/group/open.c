// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opening a group's devices, whichever backend the files come from.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/group/open.h"
#include "vmm/group/vfio_device.h"

int group_init(struct group *group, const struct group_ops *ops, const struct host_group *host,
	       const struct group_config *config, struct group_device *devices)
{
	group->ops = ops;
	group->number = host->number;
	group->devices = devices;
	group->path = strdup(config->path);
	return group->path ? 0 : -ENOMEM;
}

void group_exit(struct group *group)
{
	free(group->path);
}

static int open_device(struct group *group, const struct pci_address *address,
		       group_device_file *open_file, struct log *log)
{
	struct group_device *device = &group->devices[group->nr_devices];
	char bdf[PCI_ADDRESS_TEXT_SIZE];
	int fd, ret;

	device->group = group;
	device->host = *address;
	device->guest_devfn = -1;
	fd = open_file(group, pci_address_text(address, bdf));
	ret = fd < 0 ? fd : vfio_device_init(device, fd);
	if (ret) {
		log_error(log, "cannot open %s of group %u: %s; dmesg may say why", bdf,
			  group->number, strerror(-ret));
		return ret;
	}
	group->nr_devices++;
	return 0;
}

static int place_device(struct group *group, const struct group_place *place, struct log *log)
{
	char bdf[PCI_ADDRESS_TEXT_SIZE];
	unsigned i;

	for (i = 0; i < group->nr_devices; i++) {
		if (pci_address_equal(&group->devices[i].host, &place->host)) {
			group->devices[i].guest_devfn = place->devfn;
			return 0;
		}
	}
	log_error(log, "place=%s: no such device in group %u",
		  pci_address_text(&place->host, bdf), group->number);
	return -EINVAL;
}

int group_open_devices(struct group *group, const struct host_group *host,
		       const struct group_config *config, group_device_file *open_file,
		       struct log *log)
{
	unsigned i;
	int ret = 0;

	for (i = 0; !ret && i < host->nr_devices; i++) {
		if (!host->devices[i].is_bridge)
			ret = open_device(group, &host->devices[i].address, open_file, log);
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

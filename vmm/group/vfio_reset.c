// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Resetting a VFIO group: what each device can do by itself, and the bus for the others.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "vmm/group/vfio_private.h"

#define TRIES 100
#define TRY_INTERVAL_NS 10000000L
#define BUS_DEVICES_MAX 1024

/* Interrupts off, no DMA, no decoding: as after a reset, and so that a bus reset keeps it. */
static int quiesce(struct group_device *device)
{
	le16 command = htole16(0);
	unsigned kind;
	int ret = 0;

	for (kind = 0; !ret && kind < GROUP_IRQ_COUNT; kind++)
		ret = group_device_set_irqs(device, kind, NULL, 0);
	if (!ret)
		ret = group_device_write(device, GROUP_REGION_CONFIG, PCI_COMMAND, &command,
					 sizeof(command));
	return ret;
}

/* The kernel only tries for its locks: a device just being looked at answers EAGAIN. */
static int try_again(int ret, unsigned *tries)
{
	static const struct timespec interval = {.tv_nsec = TRY_INTERVAL_NS};

	if ((ret != -EAGAIN && ret != -EBUSY) || ++*tries == TRIES)
		return 0;
	nanosleep(&interval, NULL);
	return 1;
}

static int reset_function(struct group_device *device)
{
	unsigned tries = 0;
	int ret;

	do {
		ret = device->ops->reset(device);
	} while (try_again(ret, &tries));
	return ret;
}

/* All that a reset of @device's bus would hit; the caller frees @info. */
static int get_bus_info(struct group_device *device, struct vfio_pci_hot_reset_info **info)
{
	struct vfio_pci_hot_reset_info head = {.argsz = sizeof(head)};
	size_t size;
	int ret = 0;

	if (ioctl(device->fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &head) < 0 && errno != ENOSPC)
		return -errno;
	if (!head.count || head.count > BUS_DEVICES_MAX)
		return -ENODEV;
	size = sizeof(head) + head.count * sizeof(struct vfio_pci_dependent_device);
	*info = calloc(1, size);
	if (!*info)
		return -ENOMEM;
	(*info)->argsz = (uint32_t)size;
	if (ioctl(device->fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, *info) < 0)
		ret = -errno;
	else if ((*info)->count > head.count)
		ret = -EBADMSG;
	if (ret)
		free(*info);
	return ret;
}

static bool is_hit(const struct vfio_pci_hot_reset_info *info, const struct pci_address *address)
{
	uint32_t i;

	for (i = 0; i < info->count; i++) {
		const struct vfio_pci_dependent_device *hit = &info->devices[i];

		if (hit->segment == address->domain && hit->bus == address->bus &&
		    hit->devfn == (address->slot << 3 | address->function))
			return true;
	}
	return false;
}

static bool hits_others(const struct group *group, const struct vfio_pci_hot_reset_info *info)
{
	uint32_t i;

	for (i = 0; i < info->count; i++) {
		if (info->devices[i].group_id != group->number)
			return true;
	}
	return false;
}

static int reset_bus_with(struct vfio_group *vfio, struct group_device *device)
{
	size_t size = sizeof(struct vfio_pci_hot_reset) + sizeof(int32_t);
	struct vfio_pci_hot_reset *request = calloc(1, size);
	unsigned tries = 0;
	int ret;

	if (!request)
		return -ENOMEM;
	request->argsz = (uint32_t)size;
	request->count = 1;
	request->group_fds[0] = vfio->group_fd;
	do {
		ret = ioctl(device->fd, VFIO_DEVICE_PCI_HOT_RESET, request) < 0 ? -errno : 0;
	} while (try_again(ret, &tries));
	free(request);
	return ret;
}

/* Marks in @done what the reset hit. -ENODEV: this bus cannot be, or is not ours to, reset. */
static int reset_bus(struct vfio_group *vfio, unsigned index, bool *done)
{
	struct vfio_pci_hot_reset_info *info = NULL;
	unsigned i;
	int ret;

	ret = get_bus_info(&vfio->devices[index], &info);
	if (ret)
		return ret == -EPERM || ret == -ENOTTY || ret == -EINVAL ? -ENODEV : ret;
	ret = hits_others(&vfio->group, info) ? -ENODEV :
						reset_bus_with(vfio, &vfio->devices[index]);
	for (i = 0; !ret && i < vfio->group.nr_devices; i++)
		done[i] |= is_hit(info, &vfio->devices[i].host);
	free(info);
	return ret == -EINVAL ? -ENODEV : ret;	/* EINVAL: something on it is not with vfio-pci */
}

static int report(struct vfio_group *vfio, const struct group_device *device, int ret)
{
	char bdf[PCI_ADDRESS_TEXT_SIZE];

	pci_address_text(&device->host, bdf);
	if (ret != -ENODEV) {
		log_error(vfio->log, "cannot reset %s: %s; dmesg may say why", bdf, strerror(-ret));
		return ret;
	}
	if (!vfio->warned)
		log_warn(vfio->log, "%s cannot be reset: it has no reset of its own, and its bus "
			 "has none or is shared with other groups; it keeps its state between "
			 "guests", bdf);
	return 0;
}

/* Every one, even after a failure; the first failure is the result. */
static int quiesce_all(struct vfio_group *vfio)
{
	unsigned i;
	int ret, first = 0;

	for (i = 0; i < vfio->group.nr_devices; i++) {
		ret = quiesce(&vfio->devices[i]);
		if (ret && !first)
			first = report(vfio, &vfio->devices[i], ret == -ENODEV ? -EIO : ret);
	}
	return first;
}

/* For devices without a reset of their own. Marks in @done what was hit, others among them. */
static int reset_buses(struct vfio_group *vfio, bool *done)
{
	bool unable = false;
	unsigned i;
	int ret, first = 0;

	for (i = 0; i < vfio->group.nr_devices; i++) {
		if (done[i] || vfio->devices[i].can_reset)
			continue;
		ret = reset_bus(vfio, i, done);
		unable |= ret == -ENODEV;
		if (ret)
			ret = report(vfio, &vfio->devices[i], ret);
		first = first ? first : ret;
	}
	vfio->warned |= unable;
	return first;
}

static int reset_functions(struct vfio_group *vfio, const bool *done)
{
	unsigned i;
	int ret, first = 0;

	for (i = 0; i < vfio->group.nr_devices; i++) {
		if (done[i] || !vfio->devices[i].can_reset)
			continue;
		ret = reset_function(&vfio->devices[i]);
		if (ret)
			ret = report(vfio, &vfio->devices[i], ret == -ENODEV ? -EIO : ret);
		first = first ? first : ret;
	}
	return first;
}

int vfio_group_reset(struct group *group)
{
	struct vfio_group *vfio = container_of(group, struct vfio_group, group);
	bool done[HOST_GROUP_MAX_DEVICES] = {false};
	int quiesced = quiesce_all(vfio);
	int buses = reset_buses(vfio, done);	/* first: that may spare functions theirs */
	int functions = reset_functions(vfio, done);

	if (quiesced)
		return quiesced;
	return buses ? buses : functions;
}

int vfio_group_reset_opened(struct group *group)
{
	struct vfio_group *vfio = container_of(group, struct vfio_group, group);
	bool done[HOST_GROUP_MAX_DEVICES] = {false};
	int quiesced = quiesce_all(vfio);
	int buses = reset_buses(vfio, done);

	return quiesced ? quiesced : buses;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One device by its VFIO file: regions, mappings, interrupts, reset.
 */
#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/group/vfio_device.h"
#include "vmm/group/vfio_device_parts.h"
#include "vmm/group/vfio_region.h"

#define CONFIG_SPACE_MIN 256
#define REGION_INFO_MAX (64 * KIB)	/* far more than any chain of capabilities takes */

int vfio_read(struct group_device *device, unsigned region, uint64_t offset, void *data,
	      size_t size)
{
	ssize_t done;

	done = pread(device->fd, data, size, (off_t)(device->regions[region].file_offset + offset));
	if (done < 0)
		return -errno;
	return (size_t)done == size ? 0 : -EIO;
}

int vfio_write(struct group_device *device, unsigned region, uint64_t offset, const void *data,
	       size_t size)
{
	ssize_t done;

	done = pwrite(device->fd, data, size,
		      (off_t)(device->regions[region].file_offset + offset));
	if (done < 0)
		return -errno;
	return (size_t)done == size ? 0 : -EIO;
}

int vfio_map(struct group_device *device, unsigned region, const struct group_area *area,
	     void **address)
{
	const struct group_region *info = &device->regions[region];
	int protection = (info->readable ? PROT_READ : 0) | (info->writable ? PROT_WRITE : 0);
	void *mapped;

	mapped = mmap(NULL, area->size, protection, MAP_SHARED, device->fd,
		      (off_t)(info->file_offset + area->offset));
	if (mapped == MAP_FAILED)
		return -errno;
	*address = mapped;
	return 0;
}

void vfio_unmap(struct group_device *device, void *address, uint64_t size)
{
	munmap(address, size);
}

int vfio_disable_irqs(struct group_device *device, unsigned kind)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = kind,
	};

	if (!device->irq_count[kind] || ioctl(device->fd, VFIO_DEVICE_SET_IRQS, &set) >= 0)
		return 0;
	return errno == EINVAL ? 0 : -errno;	/* EINVAL: the kind was not enabled */
}

int vfio_enable_irqs(struct group_device *device, unsigned kind, const int *fds, unsigned count)
{
	size_t size = sizeof(struct vfio_irq_set) + count * sizeof(int32_t);
	struct vfio_irq_set *set = calloc(1, size);
	int ret;

	if (!set)
		return -ENOMEM;
	set->argsz = (uint32_t)size;
	set->flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	set->index = kind;
	set->count = count;
	memcpy(set->data, fds, count * sizeof(int32_t));
	ret = ioctl(device->fd, VFIO_DEVICE_SET_IRQS, set);
	if (ret < 0)
		ret = -errno;
	else if (ret > 0)
		ret = -ENOSPC;	/* the host has no more than so many vectors to give */
	free(set);
	return ret;
}

/* The kernel refuses one kind while another is enabled, and more vectors than at first. */
static int vfio_set_irqs(struct group_device *device, unsigned kind, const int *fds,
			 unsigned count)
{
	unsigned other;
	int ret;

	if (!count)
		return vfio_disable_irqs(device, kind);
	for (other = 0; other < GROUP_IRQ_COUNT; other++) {
		ret = vfio_disable_irqs(device, other);
		if (ret)
			return ret;
	}
	return vfio_enable_irqs(device, kind, fds, count);
}

int vfio_unmask(struct group_device *device, unsigned kind)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK,
		.index = kind,
		.count = 1,
	};

	return ioctl(device->fd, VFIO_DEVICE_SET_IRQS, &set) < 0 ? -errno : 0;
}

int vfio_reset(struct group_device *device)
{
	if (!device->can_reset)
		return -ENOTTY;
	return ioctl(device->fd, VFIO_DEVICE_RESET) < 0 ? -errno : 0;
}

static const struct group_device_ops vfio_device_ops = {
	.read = vfio_read,
	.write = vfio_write,
	.map = vfio_map,
	.unmap = vfio_unmap,
	.set_irqs = vfio_set_irqs,
	.unmask = vfio_unmask,
	.reset = vfio_reset,
};

/* Asks again with room for the capabilities if there are any. */
static int get_region_info(int fd, unsigned index, struct vfio_region_info **info)
{
	uint32_t size = sizeof(**info);
	int ret;

	for (;;) {
		*info = calloc(1, size);
		if (!*info)
			return -ENOMEM;
		(*info)->argsz = size;
		(*info)->index = index;
		ret = ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, *info) < 0 ? -errno : 0;
		if (!ret && (*info)->argsz <= size)
			return 0;
		if (!ret && size == sizeof(**info) && (*info)->argsz <= REGION_INFO_MAX)
			size = (*info)->argsz;
		else
			ret = ret ? ret : -EBADMSG;
		free(*info);
		if (ret)
			return ret;
	}
}

int vfio_init_region(struct group_device *device, unsigned index,
		     const struct vfio_msix_table *msix)
{
	struct vfio_region_info *info;
	int ret;

	ret = get_region_info(device->fd, index, &info);
	if (ret)
		return ret;
	info->index = index;
	ret = vfio_region_parse(info, info->argsz, (uint64_t)sysconf(_SC_PAGESIZE),
				device->group->capabilities, msix, &device->regions[index]);
	free(info);
	return ret;
}

/* Config space first: where the MSI-X table is decides what of a BAR may be mapped. */
static int init_regions(struct group_device *device)
{
	uint8_t config[CONFIG_SPACE_MIN];
	struct vfio_msix_table msix;
	unsigned i;
	int ret;

	ret = vfio_init_region(device, GROUP_REGION_CONFIG, NULL);
	if (ret)
		return ret;
	if (device->regions[GROUP_REGION_CONFIG].size < sizeof(config))
		return -ENODEV;
	ret = vfio_read(device, GROUP_REGION_CONFIG, 0, config, sizeof(config));
	if (ret)
		return ret;
	vfio_msix_table_find(config, sizeof(config), &msix);
	for (i = 0; !ret && i < GROUP_REGION_CONFIG; i++)
		ret = vfio_init_region(device, i, &msix);
	return ret;
}

static int init_irqs(struct group_device *device)
{
	static const unsigned limits[GROUP_IRQ_COUNT] = {
		[GROUP_IRQ_INTX] = 1, [GROUP_IRQ_MSI] = 32, [GROUP_IRQ_MSIX] = 2048,
	};
	unsigned kind;

	for (kind = 0; kind < GROUP_IRQ_COUNT; kind++) {
		struct vfio_irq_info info = {.argsz = sizeof(info), .index = kind};

		if (ioctl(device->fd, VFIO_DEVICE_GET_IRQ_INFO, &info) < 0)
			return -errno;
		if (!(info.flags & VFIO_IRQ_INFO_EVENTFD))
			info.count = 0;
		device->irq_count[kind] = info.count < limits[kind] ? info.count : limits[kind];
	}
	return 0;
}

static int init_pci(struct group_device *device, const struct vfio_device_info *info)
{
	int ret;

	if (info->num_regions < GROUP_REGION_COUNT || info->num_irqs < GROUP_IRQ_COUNT)
		return -ENODEV;
	device->ops = &vfio_device_ops;
	ret = init_regions(device);
	return ret ? ret : init_irqs(device);
}

/* The device is what its group is, or something is wrong. */
static int init_by_bus(struct group_device *device)
{
	struct vfio_device_info info = {.argsz = sizeof(info)};

	if (ioctl(device->fd, VFIO_DEVICE_GET_INFO, &info) < 0)
		return -errno;
	device->can_reset = info.flags & VFIO_DEVICE_FLAGS_RESET;
	if (device->group->bus == GROUP_BUS_PCI && info.flags & VFIO_DEVICE_FLAGS_PCI)
		return init_pci(device, &info);
	if (device->group->bus == GROUP_BUS_PLATFORM && info.flags & VFIO_DEVICE_FLAGS_PLATFORM)
		return vfio_platform_init(device, &info);
	return -ENODEV;
}

int vfio_device_init(struct group_device *device, int fd)
{
	int ret;

	device->fd = fd;
	ret = init_by_bus(device);
	if (ret)
		vfio_device_exit(device);
	return ret;
}

void vfio_device_exit(struct group_device *device)
{
	close(device->fd);
	device->fd = -1;
}

/* Only PCI Express devices report errors. */
static bool has_event(struct group_device *device, unsigned index)
{
	struct vfio_irq_info info = {.argsz = sizeof(info), .index = index};

	return ioctl(device->fd, VFIO_DEVICE_GET_IRQ_INFO, &info) >= 0 && info.count > 0;
}

int vfio_device_set_event(struct group_device *device, enum group_event event, int fd)
{
	static const unsigned indexes[GROUP_EVENT_COUNT] = {
		[GROUP_EVENT_ERROR] = VFIO_PCI_ERR_IRQ_INDEX,
		[GROUP_EVENT_REQUEST] = VFIO_PCI_REQ_IRQ_INDEX,
	};

	if (!has_event(device, indexes[event]))
		return 0;
	return vfio_enable_irqs(device, indexes[event], &fd, 1);
}

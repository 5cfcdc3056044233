// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A platform device by its VFIO file: regions and interrupts without any meaning of their own,
 * each interrupt apart from the others.
 */
#include <errno.h>
#include <sys/ioctl.h>

#include "vmm/group/vfio_device_parts.h"

static int platform_set_irqs(struct group_device *device, unsigned kind, const int *fds,
			     unsigned count)
{
	return count ? vfio_enable_irqs(device, kind, fds, count) : vfio_disable_irqs(device, kind);
}

static const struct group_device_ops platform_device_ops = {
	.read = vfio_read,
	.write = vfio_write,
	.map = vfio_map,
	.unmap = vfio_unmap,
	.set_irqs = platform_set_irqs,
	.unmask = vfio_unmask,
	.reset = vfio_reset,
};

static int init_irq(struct group_device *device, unsigned index)
{
	struct vfio_irq_info info = {.argsz = sizeof(info), .index = index};

	if (ioctl(device->fd, VFIO_DEVICE_GET_IRQ_INFO, &info) < 0)
		return -errno;
	device->irq_count[index] = info.flags & VFIO_IRQ_INFO_EVENTFD && info.count ? 1 : 0;
	device->irq_is_line[index] = info.flags & VFIO_IRQ_INFO_AUTOMASKED;
	return 0;
}

int vfio_platform_init(struct group_device *device, const struct vfio_device_info *info)
{
	unsigned i;
	int ret = 0;

	if (info->num_regions > GROUP_REGION_COUNT || info->num_irqs > GROUP_MAX_IRQS)
		return -E2BIG;
	device->ops = &platform_device_ops;
	for (i = 0; !ret && i < info->num_regions; i++)
		ret = vfio_init_region(device, i, NULL);
	for (i = 0; !ret && i < info->num_irqs; i++)
		ret = init_irq(device, i);
	return ret;
}

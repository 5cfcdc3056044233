/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to the VFIO device level: what PCI devices (vfio_device.c) and platform devices
 * (vfio_platform.c) have in common.
 */
#ifndef PVMM_GROUP_VFIO_DEVICE_PARTS_H
#define PVMM_GROUP_VFIO_DEVICE_PARTS_H

#include <linux/vfio.h>

#include "vmm/group/vfio_region.h"

/* Of group_device_ops. */
int vfio_read(struct group_device *device, unsigned region, uint64_t offset, void *data,
	      size_t size);
int vfio_write(struct group_device *device, unsigned region, uint64_t offset, const void *data,
	       size_t size);
int vfio_map(struct group_device *device, unsigned region, const struct group_area *area,
	     void **address);
void vfio_unmap(struct group_device *device, void *address, uint64_t size);
int vfio_unmask(struct group_device *device, unsigned kind);
int vfio_reset(struct group_device *device);

/* One kind, whatever others do; an error that says that it is disabled already is none. */
int vfio_disable_irqs(struct group_device *device, unsigned kind);
int vfio_enable_irqs(struct group_device *device, unsigned kind, const int *fds, unsigned count);
/* @msix: NULL: none of it is a MSI-X table. */
int vfio_init_region(struct group_device *device, unsigned index,
		     const struct vfio_msix_table *msix);

/* vfio_platform.c: what the kernel says of a platform device. 0 or a negative errno. */
int vfio_platform_init(struct group_device *device, const struct vfio_device_info *info);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernel versions. Built and tested with 6.12 as Debian has it, from
 * 6.12.95 on, where driver_override belongs to the driver core.
 */
#ifndef DEVGROUPS_COMPAT_H
#define DEVGROUPS_COMPAT_H

#include <linux/device.h>
#include <linux/iommu.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#error "devgroups needs Linux 6.12 or newer"
#endif

/* Sets or, with NULL, clears the one driver that may bind @dev. Clearing cannot fail. */
static inline int compat_set_override(struct device *dev, const char *name)
{
	return device_set_driver_override(dev, name ?: "");
}

/* A copy of what is set, NULL for nothing, or ERR_PTR(-ENOMEM). */
static inline char *compat_get_override(struct device *dev)
{
	char *copy = NULL;

	spin_lock(&dev->driver_override.lock);
	if (dev->driver_override.name) {
		copy = kstrdup(dev->driver_override.name, GFP_ATOMIC);
		if (!copy)
			copy = ERR_PTR(-ENOMEM);
	}
	spin_unlock(&dev->driver_override.lock);
	return copy;
}

/*
 * When a device comes, Linux looks at the domain that its IOMMU group has just then to decide
 * whether the DMA API maps for the device. Of a claimed group that is not the kernel's own domain;
 * nobody looks again when it is, and the device's DMA faults. To be called then; a device that has
 * a driver by now is left as it is. The device's lock guards other bits of the same word.
 */
static inline void compat_settle_dma(struct device *dev)
{
#ifdef CONFIG_IOMMU_DMA
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	device_lock(dev);
	if (!dev->driver)
		dev->dma_iommu = domain && iommu_is_dma_domain(domain);
	device_unlock(dev);
#endif
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files about platform devices of a group in use offer each other. */
#ifndef DEVGROUPS_PLATFORM_H
#define DEVGROUPS_PLATFORM_H

#include <linux/eventfd.h>
#include <linux/platform_device.h>
#include <linux/vfio.h>

#include "use.h"

struct platform_region {
	phys_addr_t start;
	u64 size;
	u32 flags;		/* VFIO_REGION_INFO_FLAG_* */
	void __iomem *io;	/* while the device is enabled */
};

struct platform_irq {
	int number;		/* the host's */
	u32 flags;		/* VFIO_IRQ_INFO_* */

	/* irq_lock of the device: */
	struct eventfd_ctx *trigger;	/* a reference; NULL: nothing is signalled */
	struct virqfd *mask_fd;		/* VFIO's, and cleared by it when the other end closes */
	struct virqfd *unmask_fd;

	spinlock_t lock;
	bool masked;		/* by the user, or because it has come and is a level; lock */
	bool frozen;		/* the group is; lock */
	bool requested;		/* the host's is ours; lock */
	bool disabled;		/* the host's is, or it is not requested; lock */
};

struct devgroup_platform {
	struct vfio_device vdev;	/* first */
	struct devgroup_vdev base;
	unsigned int nr_regions;
	unsigned int nr_irqs;
	struct platform_region *regions;	/* owned */
	struct platform_irq *irqs;		/* owned */
	struct mutex irq_lock;		/* inside the gate; held while signals change */
};

#define to_platform(v) container_of(v, struct devgroup_platform, base)

static inline struct platform_device *devgroup_platform_dev(struct devgroup_vdev *vdev)
{
	return to_platform_device(vdev->vfio->dev);
}

/* platform_irq.c */
/* Finds the device's interrupts. -ENOMEM, or what keeps one from being had. */
int devgroup_platform_find_irqs(struct devgroup_platform *platform);
/* VFIO_DEVICE_SET_IRQS. */
long devgroup_platform_set_irqs(struct devgroup_platform *platform, void __user *arg);
/* No interrupt arrives from the return on until the opposite. */
void devgroup_platform_freeze_irqs(struct devgroup_platform *platform, bool freeze);
/* Nothing is connected or masked afterwards. */
void devgroup_platform_stop_irqs(struct devgroup_platform *platform);

/* platform_reset.c */
extern const struct devgroup_reset_ops devgroup_platform_reset_ops;
bool devgroup_platform_has_reset(struct platform_device *pdev);
/* -ENOTTY: there is no way known. */
int devgroup_platform_reset(struct platform_device *pdev);

#endif

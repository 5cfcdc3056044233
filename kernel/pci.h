/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files about PCI devices of a group in use offer each other. */
#ifndef DEVGROUPS_PCI_H
#define DEVGROUPS_PCI_H

#include <linux/vfio_pci_core.h>

#include "use.h"

/* A device as VFIO's PCI code knows it. */
struct devgroup_pci {
	struct vfio_pci_core_device core; /* first */
	struct devgroup_vdev base;
	struct pci_saved_state *claimed_state; /* config space when it was claimed */

	/* BARs as the user sees them, over a reset; the use's lock. */
	u8 bars[PCI_CAPABILITY_LIST - PCI_BASE_ADDRESS_0];

	/* While the use is not in state NORMAL, and by who changes that: */
	struct mutex command_lock;	/* the two below; inside the gate */
	bool isolated;			/* the device has less than the user has set */
	u16 command;			/* what the user has set */

	/* Mapped I/O, pci_io.c's: */
	unsigned long io_bars;		/* those that the file's user may map; atomic */
	bool io_hidden;			/* I/O is not decoded, or about to be not; base.fault_lock */
	const struct vm_operations_struct *core_vm_ops;	/* of vfio_pci_core's mappings; map_lock */
};

#define to_pci(v) container_of(v, struct devgroup_pci, base)

static inline struct pci_dev *devgroup_pci_dev(struct devgroup_vdev *vdev)
{
	return to_pci(vdev)->core.pdev;
}

/* pci_reset.c */
extern const struct devgroup_reset_ops devgroup_pci_reset_ops;

/* pci_isolate.c: a device that is enabled while the use is not in state NORMAL */
void devgroup_pci_isolate(struct devgroup_vdev *vdev);
int devgroup_pci_configure(struct devgroup_vdev *vdev);
/* A device whose bus the host has reset, in use or not. */
int devgroup_pci_recover(struct devgroup_vdev *vdev);
/* Inside the gate. */
ssize_t devgroup_isolated_read(struct devgroup_pci *pci, char __user *buf, size_t count,
			       loff_t *offset);
ssize_t devgroup_isolated_write(struct devgroup_pci *pci, const char __user *buf, size_t count,
				loff_t *offset);
long devgroup_isolated_ioctl(struct devgroup_pci *pci, unsigned int cmd, unsigned long arg);
/* Where a byte of config space is in an access to the device's file, or -1. */
ssize_t devgroup_config_at(unsigned int byte, size_t count, loff_t offset);

/* pci_io.c, on POWER: beside what vfio_pci_core does, I/O BARs that are mapped. */
#ifdef CONFIG_SPAPR_TCE_IOMMU
/* VFIO_DEVICE_GET_REGION_INFO of an I/O BAR that can be mapped from then on; -ENOENT: it is none. */
long devgroup_io_region_info(struct devgroup_pci *pci, void __user *arg);
int devgroup_pci_mmap(struct devgroup_pci *pci, struct vm_area_struct *vma);
/* Around every write to the device's file. */
void devgroup_io_begin_write(struct devgroup_pci *pci, const char __user *buf, size_t count,
			     loff_t offset);
void devgroup_io_end_write(struct devgroup_pci *pci, size_t count, loff_t offset);
#else
static inline long devgroup_io_region_info(struct devgroup_pci *pci, void __user *arg)
{
	return -ENOENT;
}
static inline int devgroup_pci_mmap(struct devgroup_pci *pci, struct vm_area_struct *vma)
{
	return vfio_pci_core_mmap(&pci->core.vdev, vma);
}
static inline void devgroup_io_begin_write(struct devgroup_pci *pci, const char __user *buf,
					   size_t count, loff_t offset) { }
static inline void devgroup_io_end_write(struct devgroup_pci *pci, size_t count,
					 loff_t offset) { }
#endif

#endif

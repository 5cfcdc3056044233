// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resetting PCI devices of a group: each by itself, or its bus or slot where that is all there is
 * and nothing else than the group's devices is on it.
 */
#include "pci.h"

static int reset_function(struct devgroup_vdev *vdev)
{
	return devgroups_fail() ? -EIO : pci_try_reset_function(devgroup_pci_dev(vdev));
}

struct neighbours {
	struct devgroup *group;
	struct pci_slot *slot;	/* NULL: the whole bus */
	int ret;
};

/*
 * -ENOTTY: a stranger. -EAGAIN: a device that just comes or leaves, and has no driver, perhaps no
 * IOMMU group either; the kernel does not expect that while it resets the bus.
 */
static int look_at(struct pci_dev *pdev, struct devgroup *group)
{
	struct iommu_group *iommu_group = iommu_group_get(&pdev->dev);
	struct device_driver *driver = READ_ONCE(pdev->dev.driver);
	bool member = devgroup_has_member(group, iommu_group);

	iommu_group_put(iommu_group);
	if (driver)
		return driver == devgroup_pci_bus.driver && member ? 0 : -ENOTTY;
	return iommu_group && !member ? -ENOTTY : -EAGAIN;
}

/* Bridges have no driver that a reset would surprise, and no state of a user. */
static int look_at_neighbour(struct pci_dev *pdev, void *data)
{
	struct neighbours *neighbours = data;
	int ret = 0;

	if (pdev->hdr_type == PCI_HEADER_TYPE_NORMAL &&
	    (!neighbours->slot || pdev->slot == neighbours->slot))
		ret = look_at(pdev, neighbours->group);
	if (ret)
		neighbours->ret = ret;
	return ret == -ENOTTY;
}

/* Devices of the group that are no part of the use are bound as well, and idle. */
static int look_for_strangers(struct devgroup *group, struct pci_dev *pdev)
{
	struct neighbours neighbours = { .group = group };

	if (!pci_probe_reset_slot(pdev->slot))
		neighbours.slot = pdev->slot;
	else if (pci_probe_reset_bus(pdev->bus))
		return -ENOTTY;
	pci_walk_bus(pdev->bus, look_at_neighbour, &neighbours);
	return neighbours.ret;
}

/* Nobody who is bound now leaves before the end: see devgroup_use_unplug(). */
static int reset_bus(struct devgroup_vdev *vdev)
{
	struct pci_dev *pdev = devgroup_pci_dev(vdev);
	int ret = look_for_strangers(vdev->ddev->group, pdev);

	if (!ret)
		ret = devgroups_fail() ? -EIO : pci_reset_bus(pdev);
	return ret;
}

static bool same_reset(struct pci_dev *a, struct pci_dev *b)
{
	return a->bus == b->bus && (a->slot == b->slot || pci_probe_reset_slot(a->slot));
}

static void mark_clean(struct devgroup_use *use, struct pci_dev *pdev)
{
	struct devgroup_vdev *vdev;
	unsigned int i;

	for (i = 0; i < use->count; i++) {
		vdev = use->devices[i];
		if (!vdev->removed && vdev->ops->bus == DEVGROUP_BUS_PCI &&
		    same_reset(devgroup_pci_dev(vdev), pdev))
			vdev->dirty = false;
	}
}

/* -ENOTTY also if strangers are on the bus. */
static int reset_device(struct devgroup_use *use, struct devgroup_vdev *vdev, bool bus)
{
	int ret = -ENOTTY;

	if (!bus)
		ret = devgroup_retry(use, vdev, reset_function);
	if (!ret) {
		vdev->dirty = false;
		return 0;
	}
	if (ret != -ENOTTY)
		return ret;
	ret = devgroup_retry(use, vdev, reset_bus);
	if (!ret)
		mark_clean(use, devgroup_pci_dev(vdev));
	return ret;
}

/* The device's lock is held; VFIO's own attempt at a reset has failed for that. */
static void reset_unplugged(struct devgroup_vdev *vdev)
{
	if (pci_device_is_present(devgroup_pci_dev(vdev)))
		pci_reset_function_locked(devgroup_pci_dev(vdev));
}

static void stop_device(struct devgroup_vdev *vdev)
{
	pci_clear_master(devgroup_pci_dev(vdev));
}

static void save_bars(struct devgroup_vdev *vdev)
{
	struct devgroup_pci *pci = to_pci(vdev);

	memcpy(pci->bars, &pci->core.vconfig[PCI_BASE_ADDRESS_0], sizeof(pci->bars));
}

/* Nothing may be decoded before the user says so; BARs are where the user has put them. */
static void restore_bars(struct devgroup_vdev *vdev)
{
	struct devgroup_pci *pci = to_pci(vdev);

	memcpy(&pci->core.vconfig[PCI_BASE_ADDRESS_0], pci->bars, sizeof(pci->bars));
	pci->core.bardirty = true;
	memset(&pci->core.vconfig[PCI_COMMAND], 0, 2);
	pci_write_config_word(pci->core.pdev, PCI_COMMAND, 0);
}

const struct devgroup_reset_ops devgroup_pci_reset_ops = {
	.save = save_bars,
	.restore = restore_bars,
	.stop = stop_device,
	.reset = reset_device,
	.unplug = reset_unplugged,
};

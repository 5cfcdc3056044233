// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resetting the devices of a group: each by itself, or its bus or slot where that is all there is
 * and nothing else than the group's devices is on it.
 */
#include <linux/delay.h>

#include "devgroups.h"

#define RETRY_MS 10
#define RETRIES 500

int devgroup_retry(struct devgroup_vdev *vdev, int (*step)(struct devgroup_vdev *vdev))
{
	int i, ret = -EAGAIN;

	for (i = 0; i < RETRIES && ret == -EAGAIN; i++) {
		if (READ_ONCE(vdev->leaving))
			return -ENODEV;
		if (i)
			msleep(RETRY_MS);
		ret = step(vdev);
	}
	return ret;
}

static int reset_function(struct devgroup_vdev *vdev)
{
	return devgroups_fail() ? -EIO : pci_try_reset_function(vdev->core.pdev);
}

static int reset_bus(struct devgroup_vdev *vdev)
{
	return devgroups_fail() ? -EIO : pci_reset_bus(vdev->core.pdev);
}

struct neighbours {
	struct devgroup *group;
	struct pci_slot *slot;	/* NULL: the whole bus */
	bool strangers;
};

/* Bridges have no driver that a reset would surprise, and no state of a user. */
static int look_for_strangers(struct pci_dev *pdev, void *data)
{
	struct neighbours *neighbours = data;
	struct iommu_group *iommu_group;

	if (pdev->hdr_type != PCI_HEADER_TYPE_NORMAL ||
	    (neighbours->slot && pdev->slot != neighbours->slot))
		return 0;
	iommu_group = iommu_group_get(&pdev->dev);
	if (!devgroup_has_member(neighbours->group, iommu_group) ||
	    pci_dev_driver(pdev) != &devgroups_pci_driver)
		neighbours->strangers = true;
	iommu_group_put(iommu_group);
	return neighbours->strangers;
}

/* Devices of the group that are no part of the use are bound as well, and idle. */
static bool has_bus_reset(struct devgroup_use *use, struct pci_dev *pdev)
{
	struct neighbours neighbours = { .group = use->group };

	if (!pci_probe_reset_slot(pdev->slot))
		neighbours.slot = pdev->slot;
	else if (pci_probe_reset_bus(pdev->bus))
		return false;
	pci_walk_bus(pdev->bus, look_for_strangers, &neighbours);
	return !neighbours.strangers;
}

static bool same_reset(struct pci_dev *a, struct pci_dev *b)
{
	return a->bus == b->bus && (a->slot == b->slot || pci_probe_reset_slot(a->slot));
}

static void mark_clean(struct devgroup_use *use, struct pci_dev *pdev)
{
	unsigned int i;

	for (i = 0; i < use->count; i++) {
		if (!use->devices[i]->removed && same_reset(use->devices[i]->core.pdev, pdev))
			use->devices[i]->dirty = false;
	}
}

static int reset_device(struct devgroup_use *use, struct devgroup_vdev *vdev, bool bus)
{
	int ret = -ENOTTY;

	if (!bus)
		ret = devgroup_retry(vdev, reset_function);
	if (!ret) {
		vdev->dirty = false;
		return 0;
	}
	if (ret != -ENOTTY)
		return ret;
	if (has_bus_reset(use, vdev->core.pdev))
		ret = devgroup_retry(vdev, reset_bus);
	if (!ret)
		mark_clean(use, vdev->core.pdev);
	return ret;
}

static void report(struct devgroup_vdev *vdev, int ret)
{
	if (ret == -ENOTTY)
		dev_warn_ratelimited(vdev->core.vdev.dev,
				     "has no reset of its own, and others are on its bus\n");
	else
		dev_err_ratelimited(vdev->core.vdev.dev, "its reset failed: %pe\n",
				    ERR_PTR(ret));
}

int devgroup_reset(struct devgroup_use *use, bool bus)
{
	unsigned int i;
	int ret = 0, err;

	lockdep_assert_held(&use->lock);
	/* All: those that were not opened may have been reached from the others. */
	for (i = 0; i < use->count; i++)
		use->devices[i]->dirty = true;
	for (i = 0; i < use->count; i++) {
		if (use->devices[i]->removed || !use->devices[i]->dirty)
			continue;
		err = reset_device(use, use->devices[i], bus);
		if (!err || READ_ONCE(use->devices[i]->leaving))
			continue;
		report(use->devices[i], err);
		if (!ret || ret == -ENOTTY)
			ret = err;
	}
	return ret;
}

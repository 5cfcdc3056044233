// SPDX-License-Identifier: GPL-2.0-only
/*
 * A member of a device group: an IOMMU group, which is what the kernel hands out and takes back.
 * Here is whose its DMA is: ours, a host driver's, or VFIO's.
 */
#include <linux/slab.h>

#include "devgroups.h"

struct devgroup_member *devgroup_member_create(struct devgroup *group,
					       struct iommu_group *iommu_group)
{
	struct devgroup_member *member;

	member = devgroups_fail() ? NULL : kzalloc(sizeof(*member), GFP_KERNEL);
	if (!member)
		return NULL;
	INIT_LIST_HEAD(&member->link);
	member->group = group;
	member->iommu_group = iommu_group_ref_get(iommu_group);
	return member;
}

void devgroup_member_free(struct devgroup_member *member)
{
	if (!member)
		return;
	iommu_group_put(member->iommu_group);
	kfree(member);
}

struct devgroup_member *devgroup_find_member(struct iommu_group *iommu_group)
{
	struct devgroup_member *member;
	struct devgroup *group;

	list_for_each_entry(group, &devgroups_list, link) {
		devgroup_for_each_member(member, group) {
			if (member->iommu_group == iommu_group)
				return member;
		}
	}
	return NULL;
}

bool devgroup_has_member(struct devgroup *group, struct iommu_group *iommu_group)
{
	struct devgroup_member *member;
	bool has;

	mutex_lock(&devgroups_registry);
	member = devgroup_find_member(iommu_group);
	has = member && member->group == group;
	mutex_unlock(&devgroups_registry);
	return has;
}

static int own_member(struct devgroup_member *member)
{
	int ret = devgroups_fail() ? -ENOMEM :
		  iommu_group_claim_dma_owner(member->iommu_group, member);

	member->owned = !ret;
	return ret;
}

/* Under the registry lock, so that the last device of a member cannot leave with its DMA ours. */
int devgroup_own(struct devgroup *group)
{
	struct devgroup_member *member;
	int ret = 0;

	lockdep_assert_held(&devgroups_registry);
	devgroup_for_each_member(member, group) {
		ret = own_member(member);
		if (ret)
			goto err_disown;
	}
	return 0;

err_disown:
	devgroup_disown(group);
	/* How the IOMMU core says that VFIO has it. */
	return ret == -EPERM ? -EBUSY : ret;
}

void devgroup_member_disown(struct devgroup_member *member)
{
	lockdep_assert_held(&devgroups_registry);
	if (member->owned)
		iommu_group_release_dma_owner(member->iommu_group);
	member->owned = false;
}

void devgroup_disown(struct devgroup *group)
{
	struct devgroup_member *member;

	devgroup_for_each_member(member, group)
		devgroup_member_disown(member);
}

/*
 * False if a driver that has its DMA set up by the kernel may be bound, or about to be. No more
 * than an attempt at the device's lock, which comes before the registry's.
 */
static bool without_host_driver(struct device *dev)
{
	bool without;

	if (!device_trylock(dev))
		return false;
	without = !dev->driver || devgroup_driver_manages_dma(dev);
	device_unlock(dev);
	return without;
}

/* The IOMMU core counts users without telling host drivers from VFIO: look who it may be. */
static bool member_in_use(struct devgroup_member *member)
{
	struct devgroup_device *ddev;

	if (member->owned || !iommu_group_dma_owner_claimed(member->iommu_group))
		return false;
	list_for_each_entry(ddev, &member->group->devices, link) {
		if (ddev->member == member && !without_host_driver(ddev->dev))
			return false;
	}
	return true;
}

bool devgroup_in_use_elsewhere(struct devgroup *group)
{
	struct devgroup_member *member;

	devgroup_for_each_member(member, group) {
		if (member_in_use(member))
			return true;
	}
	return false;
}

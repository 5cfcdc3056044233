// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device group: /sys/devgroups/N, its files, and which devices are in it. There is one for each
 * IOMMU group that has devices on the PCI or platform bus, with the same number.
 */
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/slab.h>

#include "devgroups.h"

struct group_file {
	struct attribute attr;
	/* devgroups_registry held, the group not empty. */
	int (*show)(struct devgroup *group, char *buf);
	int (*store)(struct devgroup *group, const char *buf);
};

static int bus_show(struct devgroup *group, char *buf)
{
	struct devgroup_device *ddev;
	bool pci = false, platform = false;

	list_for_each_entry(ddev, &group->devices, link) {
		if (dev_is_pci(ddev->dev))
			pci = true;
		else
			platform = true;
	}
	return sysfs_emit(buf, "%s%s%s\n", pci ? "pci" : "", pci && platform ? " " : "",
			  platform ? "platform" : "");
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
	without = !dev->driver ||
		  (dev_is_pci(dev) && to_pci_driver(dev->driver)->driver_managed_dma);
	device_unlock(dev);
	return without;
}

/* The IOMMU core counts users without telling host drivers from VFIO: look who it may be. */
static bool in_use_elsewhere(struct devgroup *group)
{
	struct devgroup_device *ddev;

	if (!iommu_group_dma_owner_claimed(group->iommu_group))
		return false;
	list_for_each_entry(ddev, &group->devices, link) {
		if (!without_host_driver(ddev->dev))
			return false;
	}
	return true;
}

static int state_show(struct devgroup *group, char *buf)
{
	const char *state = "free";

	if (group->use)
		state = devgroup_is_frozen(group->use) ? "frozen" : "in-use";
	else if (group->quarantined)
		state = "quarantined";
	else if (group->state == DEVGROUP_CLAIMED || group->state == DEVGROUP_GIVING)
		state = "claimed";
	else if (!group->owned && in_use_elsewhere(group))
		state = "in-use";
	return sysfs_emit(buf, "%s\n", state);
}

static int owner_show(struct devgroup *group, char *buf)
{
	if (group->use)
		return sysfs_emit(buf, "%d %s\n", pid_vnr(group->use->owner),
				  group->use->owner_comm);
	if (!group->owner)
		return 0;
	return sysfs_emit(buf, "%d %s\n", pid_vnr(group->owner), group->owner_comm);
}

static int claim_store(struct devgroup *group, const char *buf)
{
	bool claim;
	int ret = kstrtobool(buf, &claim);

	if (ret)
		return ret;
	return claim ? devgroup_claim(group) : devgroup_release(group);
}

static int reset_store(struct devgroup *group, const char *buf)
{
	bool reset;
	int ret = kstrtobool(buf, &reset);

	if (ret)
		return ret;
	return reset ? devgroup_use_clean(group) : -EINVAL;
}

#define GROUP_FILE(name, mode, show, store) \
	static struct group_file name##_file = { { #name, mode }, show, store }

GROUP_FILE(bus, 0444, bus_show, NULL);
GROUP_FILE(state, 0444, state_show, NULL);
GROUP_FILE(reason, 0444, devgroup_reason, NULL);
GROUP_FILE(capabilities, 0444, devgroup_capabilities, NULL);
GROUP_FILE(dma_windows, 0444, devgroup_dma_windows, NULL);
GROUP_FILE(owner, 0444, owner_show, NULL);
GROUP_FILE(claim, 0200, NULL, claim_store);
GROUP_FILE(reset, 0200, NULL, reset_store);
GROUP_FILE(freeze, 0200, NULL, devgroup_freeze_store);
GROUP_FILE(error_state, 0444, devgroup_error_state, NULL);

static struct attribute *group_attrs[] = {
	&bus_file.attr,
	&state_file.attr,
	&reason_file.attr,
	&capabilities_file.attr,
	&dma_windows_file.attr,
	&owner_file.attr,
	&claim_file.attr,
	&reset_file.attr,
	&freeze_file.attr,
	&error_state_file.attr,
	NULL,
};
ATTRIBUTE_GROUPS(group);

static ssize_t group_show(struct kobject *kobj, struct attribute *attr, char *buf)
{
	struct group_file *file = container_of(attr, struct group_file, attr);
	struct devgroup *group = to_devgroup(kobj);
	int ret = -ENODEV;

	mutex_lock(&devgroups_registry);
	if (group->iommu_group)
		ret = file->show(group, buf);
	mutex_unlock(&devgroups_registry);
	return ret;
}

/*
 * Whoever removes the group waits for what is inside its files, and may hold locks that a claim
 * needs. So a claim goes on without the protection that the file gives; a reference to the group
 * and one to the module take its place.
 */
static ssize_t group_store(struct kobject *kobj, struct attribute *attr, const char *buf,
			   size_t count)
{
	struct group_file *file = container_of(attr, struct group_file, attr);
	struct devgroup *group = to_devgroup(kobj);
	struct kernfs_node *protection;
	int ret;

	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	kobject_get(&group->kobj);
	protection = sysfs_break_active_protection(kobj, attr);
	ret = protection ? file->store(group, buf) : -ENODEV;
	if (protection)
		sysfs_unbreak_active_protection(protection);
	kobject_put(&group->kobj);
	module_put(THIS_MODULE);
	return ret ?: count;
}

static const struct sysfs_ops group_sysfs_ops = {
	.show = group_show,
	.store = group_store,
};

static void group_free(struct kobject *kobj)
{
	struct devgroup *group = to_devgroup(kobj);

	kobject_put(group->devices_dir);
	iommu_group_put(group->iommu_group);
	put_pid(group->owner);
	mutex_destroy(&group->claim_lock);
	kfree(group);
}

static const struct kobj_type group_ktype = {
	.release = group_free,
	.sysfs_ops = &group_sysfs_ops,
	.default_groups = group_groups,
};

/* Lists are changed under both locks, so that either is enough to read them. */
static struct devgroup *find_group(struct iommu_group *iommu_group)
{
	struct devgroup *group;

	lockdep_assert_held(&devgroups_topology);
	list_for_each_entry(group, &devgroups_list, link) {
		if (group->iommu_group == iommu_group)
			return group;
	}
	return NULL;
}

/* The directory goes first; references are the caller's to drop. */
static void delete_group(struct devgroup *group)
{
	devgroup_file_destroy(group->node);
	kobject_del(group->devices_dir);
	kobject_del(&group->kobj);
}

/* Not in the list yet, so that nobody but the files' readers sees it, and to them it is empty. */
static struct devgroup *create_group(struct iommu_group *iommu_group)
{
	struct devgroup *group;
	int ret;

	group = devgroups_fail() ? NULL : kzalloc(sizeof(*group), GFP_KERNEL);
	if (!group)
		return ERR_PTR(-ENOMEM);
	mutex_init(&group->claim_lock);
	INIT_LIST_HEAD(&group->link);
	INIT_LIST_HEAD(&group->devices);
	group->number = iommu_group_id(iommu_group);
	kobject_init(&group->kobj, &group_ktype);
	ret = devgroups_fail() ? -ENOMEM : kobject_add(&group->kobj, devgroups_root, "%d",
						       group->number);
	if (ret)
		goto err;
	ret = -ENOMEM;
	if (!devgroups_fail())
		group->devices_dir = kobject_create_and_add("devices", &group->kobj);
	if (!group->devices_dir)
		goto err;
	group->node = devgroup_file_create(group);
	if (IS_ERR(group->node)) {
		ret = PTR_ERR(group->node);
		delete_group(group);
		goto err;
	}
	return group;

err:
	kobject_put(&group->kobj);
	return ERR_PTR(ret);
}

/* @iommu_group's group, made if it is not there; *@created says which. */
static struct devgroup *get_group(struct iommu_group *iommu_group, bool *created)
{
	struct devgroup *group = find_group(iommu_group);

	*created = !group;
	return group ?: create_group(iommu_group);
}

static void link_device(struct devgroup *group, struct devgroup_device *ddev,
			struct iommu_group *iommu_group)
{
	mutex_lock(&devgroups_registry);
	if (!group->iommu_group) {
		group->iommu_group = iommu_group_ref_get(iommu_group);
		list_add_tail(&group->link, &devgroups_list);
	}
	list_add_tail(&ddev->link, &group->devices);
	ddev->arrived = group->state != DEVGROUP_FREE;
	group->arrivals |= ddev->arrived;
	mutex_unlock(&devgroups_registry);
}

/* devgroups_topology held. */
static int add_to_group(struct device *dev, struct iommu_group *iommu_group)
{
	struct devgroup_device *ddev;
	struct devgroup *group;
	bool created;

	group = get_group(iommu_group, &created);
	if (IS_ERR(group))
		return PTR_ERR(group);
	ddev = devgroup_device_create(group, dev);
	if (IS_ERR(ddev)) {
		if (created) {
			delete_group(group);
			kobject_put(&group->kobj);
		}
		return PTR_ERR(ddev);
	}
	link_device(group, ddev, iommu_group);
	return 0;
}

struct devgroup_device *devgroup_find_device(struct device *dev)
{
	struct devgroup_device *ddev;
	struct devgroup *group;

	list_for_each_entry(group, &devgroups_list, link) {
		list_for_each_entry(ddev, &group->devices, link) {
			if (!dev || ddev->dev == dev)
				return ddev;
		}
	}
	return NULL;
}

int devgroup_add_device(struct device *dev)
{
	struct iommu_group *iommu_group;
	int ret = 0;

	mutex_lock(&devgroups_topology);
	iommu_group = iommu_group_get(dev);
	if (iommu_group && !devgroup_find_device(dev))
		ret = add_to_group(dev, iommu_group);
	iommu_group_put(iommu_group);
	mutex_unlock(&devgroups_topology);
	return ret;
}

/*
 * The group leaves with its last device. Returns its reference to the IOMMU group, which must be
 * dropped before the device's, and in *@claimed whether a claim ends with it.
 */
static struct iommu_group *unlink_group(struct devgroup *group, bool *claimed)
{
	struct iommu_group *iommu_group = group->iommu_group;

	*claimed = group->state == DEVGROUP_CLAIMED;
	if (*claimed) {
		group->state = DEVGROUP_FREE;
		devgroup_clear_owner(group);
	}
	devgroup_disown(group);
	group->iommu_group = NULL;
	list_del_init(&group->link);
	return iommu_group;
}

/* Consumes the list's reference to @ddev. devgroups_topology held. */
static void remove_entry(struct devgroup_device *ddev)
{
	struct devgroup *group = ddev->group;
	struct iommu_group *iommu_group = NULL;
	bool claimed = false, last;

	mutex_lock(&devgroups_registry);
	list_del_init(&ddev->link);
	last = list_empty(&group->devices);
	if (last)
		iommu_group = unlink_group(group, &claimed);
	mutex_unlock(&devgroups_registry);

	kobject_del(&ddev->kobj);
	if (last)
		delete_group(group);
	iommu_group_put(iommu_group);
	devgroup_device_forget(ddev);
	kobject_put(&ddev->kobj);
	if (last)
		kobject_put(&group->kobj);
	if (claimed)
		module_put(THIS_MODULE);
}

bool devgroup_remove_device(struct device *dev)
{
	struct devgroup_device *ddev;

	mutex_lock(&devgroups_topology);
	mutex_lock(&devgroups_registry);
	ddev = devgroup_find_device(dev);
	mutex_unlock(&devgroups_registry);
	if (ddev)
		remove_entry(ddev);
	mutex_unlock(&devgroups_topology);
	return ddev;
}

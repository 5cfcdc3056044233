// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device group: /sys/devgroups/N, its files, and which members and devices are in it. There is
 * one for each IOMMU group that has devices on the PCI or platform bus, with the same number;
 * merge.c makes one of several.
 */
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/slab.h>

#include "use.h"

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

static int state_show(struct devgroup *group, char *buf)
{
	const char *state = "free";

	if (group->use)
		state = devgroup_is_frozen(group->use) ? "frozen" : "in-use";
	else if (devgroup_kvm_held(group))
		state = "in-use";
	else if (group->quarantined)
		state = "quarantined";
	else if (group->state == DEVGROUP_CLAIMED || group->state == DEVGROUP_GIVING)
		state = "claimed";
	else if (devgroup_in_use_elsewhere(group))
		state = "in-use";
	return sysfs_emit(buf, "%s\n", state);
}

static int members_show(struct devgroup *group, char *buf)
{
	struct devgroup_member *member;
	int at = 0;

	devgroup_for_each_member(member, group)
		at += sysfs_emit_at(buf, at, "%s%d", at ? " " : "",
				    iommu_group_id(member->iommu_group));
	return at + sysfs_emit_at(buf, at, "\n");
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
GROUP_FILE(dma_pinned, 0444, devgroup_dma_pinned, NULL);
GROUP_FILE(members, 0444, members_show, NULL);
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
	&dma_pinned_file.attr,
	&members_file.attr,
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
	if (!list_empty(&group->members))
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

	devgroup_kvm_forget(group);
	kobject_put(group->devices_dir);
	put_pid(group->owner);
	mutex_destroy(&group->claim_lock);
	kfree(group);
}

static const struct kobj_type group_ktype = {
	.release = group_free,
	.sysfs_ops = &group_sysfs_ops,
	.default_groups = group_groups,
};

struct devgroup *devgroup_find(unsigned int number)
{
	struct devgroup *group;

	list_for_each_entry(group, &devgroups_list, link) {
		if (group->number == number)
			return group;
	}
	return NULL;
}

static struct devgroup *alloc_group(unsigned int number)
{
	struct devgroup *group = devgroups_fail() ? NULL : kzalloc(sizeof(*group), GFP_KERNEL);

	if (!group)
		return NULL;
	group->number = number;
	mutex_init(&group->claim_lock);
	INIT_LIST_HEAD(&group->link);
	INIT_LIST_HEAD(&group->members);
	INIT_LIST_HEAD(&group->devices);
	INIT_LIST_HEAD(&group->kvm_files);
	kobject_init(&group->kobj, &group_ktype);
	return group;
}

static int add_folders(struct devgroup *group)
{
	int ret = devgroups_fail() ? -ENOMEM : kobject_add(&group->kobj, devgroups_root, "%u",
							   group->number);

	if (ret)
		return ret;
	if (!devgroups_fail())
		group->devices_dir = kobject_create_and_add("devices", &group->kobj);
	return group->devices_dir ? 0 : -ENOMEM;
}

/* The directory goes first; references are the caller's to drop. */
static void delete_group(struct devgroup *group)
{
	devgroup_file_destroy(group->node);
	kobject_del(group->devices_dir);
	kobject_del(&group->kobj);
}

/* Not in the list yet, so that nobody but the files' readers sees it, and to them it is empty. */
struct devgroup *devgroup_create(unsigned int number)
{
	struct devgroup *group;
	int ret;

	if (devgroup_find(number))
		return ERR_PTR(-EEXIST);
	group = alloc_group(number);
	if (!group)
		return ERR_PTR(-ENOMEM);
	ret = add_folders(group);
	if (ret)
		goto err;
	group->node = devgroup_file_create(number);
	if (IS_ERR(group->node)) {
		ret = PTR_ERR(group->node);
		delete_group(group);
		goto err;
	}
	return group;

err:
	/* It has a reference to the group until it is gone. */
	kobject_del(group->devices_dir);
	kobject_put(&group->kobj);
	return ERR_PTR(ret);
}

void devgroup_destroy(struct devgroup *group)
{
	delete_group(group);
	kobject_put(&group->kobj);
}

/* Both registry and topology lock are held for changes, so that either is enough to read. */
static void link_device(struct devgroup_member *member, struct devgroup_device *ddev)
{
	struct devgroup *group = member->group;

	ddev->member = member;
	list_add_tail(&ddev->link, &group->devices);
	ddev->arrived = group->state != DEVGROUP_FREE || group->unlisted;
	group->arrivals |= ddev->arrived;
}

static int add_to_member(struct devgroup_member *member, struct device *dev)
{
	struct devgroup_device *ddev = devgroup_device_create(member->group, dev);

	if (IS_ERR(ddev))
		return PTR_ERR(ddev);
	mutex_lock(&devgroups_registry);
	link_device(member, ddev);
	mutex_unlock(&devgroups_registry);
	return 0;
}

static int add_with_group(struct iommu_group *iommu_group, struct device *dev)
{
	struct devgroup *group = devgroup_create(iommu_group_id(iommu_group));
	struct devgroup_member *member;
	int ret;

	if (IS_ERR(group))
		return PTR_ERR(group);
	member = devgroup_member_create(group, iommu_group);
	ret = member ? add_to_member(member, dev) : -ENOMEM;
	if (ret)
		goto err;
	mutex_lock(&devgroups_registry);
	list_add_tail(&member->link, &group->members);
	list_add_tail(&group->link, &devgroups_list);
	mutex_unlock(&devgroups_registry);
	return 0;

err:
	devgroup_member_free(member);
	devgroup_destroy(group);
	return ret;
}

/* devgroups_topology held. */
static int add_to_group(struct device *dev, struct iommu_group *iommu_group)
{
	struct devgroup_member *member = devgroup_find_member(iommu_group);

	return member ? add_to_member(member, dev) : add_with_group(iommu_group, dev);
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
 * A member leaves with its last device. Returns it: its reference to the IOMMU group must be
 * dropped before the device's.
 */
static struct devgroup_member *unlink_device(struct devgroup_device *ddev)
{
	struct devgroup_member *member = ddev->member;
	struct devgroup_device *other;

	list_del_init(&ddev->link);
	list_for_each_entry(other, &ddev->group->devices, link) {
		if (other->member == member)
			return NULL;
	}
	devgroup_member_disown(member);
	list_del_init(&member->link);
	return member;
}

static int rename_to(struct devgroup *group, unsigned int number)
{
	struct device *node = devgroup_file_create(number);
	char name[16];
	int ret;

	if (IS_ERR(node))
		return PTR_ERR(node);
	snprintf(name, sizeof(name), "%u", number);
	ret = devgroups_fail() ? -ENOMEM : kobject_rename(&group->kobj, name);
	if (ret) {
		devgroup_file_destroy(node);
		return ret;
	}
	mutex_lock(&devgroups_registry);
	WRITE_ONCE(group->number, number);
	mutex_unlock(&devgroups_registry);
	swap(group->node, node);
	devgroup_file_destroy(node);
	return 0;
}

/*
 * The member that a merged group is named after has left, and whatever IOMMU group comes next may
 * have its number: the group is named after the member that is first now.
 */
static void rename_group(struct devgroup *group)
{
	struct devgroup_member *first;
	unsigned int number;
	int ret;

	first = list_first_entry(&group->members, struct devgroup_member, link);
	number = iommu_group_id(first->iommu_group);
	ret = rename_to(group, number);
	if (ret)
		pr_warn("devgroups: group %u, should be %u now: %pe\n", group->number, number,
			ERR_PTR(ret));
}

/* The group leaves with its last member; true if a claim ends with it. */
static bool unlink_group(struct devgroup *group)
{
	bool claimed = group->state == DEVGROUP_CLAIMED;

	if (claimed) {
		group->state = DEVGROUP_FREE;
		devgroup_clear_owner(group);
	}
	list_del_init(&group->link);
	return claimed;
}

/* Consumes the list's reference to @ddev. devgroups_topology held. */
static void remove_entry(struct devgroup_device *ddev)
{
	struct devgroup *group = ddev->group;
	struct devgroup_member *member;
	bool claimed = false, last;

	mutex_lock(&devgroups_registry);
	member = unlink_device(ddev);
	last = list_empty(&group->members);
	if (last)
		claimed = unlink_group(group);
	mutex_unlock(&devgroups_registry);

	kobject_del(&ddev->kobj);
	if (last)
		delete_group(group);
	else if (member && iommu_group_id(member->iommu_group) == group->number)
		rename_group(group);
	devgroup_member_free(member);
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
	devgroup_device_wait(dev);
	return ddev;
}

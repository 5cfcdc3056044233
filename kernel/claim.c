// SPDX-License-Identifier: GPL-2.0-only
/*
 * Claiming a group: every device goes from its host driver to the placeholder, and the group's
 * DMA to us, or everything is put back. Releasing is the way back.
 *
 * The order of a claim leaves no moment at which VFIO could open a device that is about to be
 * unbound: host drivers first, as VFIO cannot have the group while one is bound; then the group's
 * DMA, which fails if VFIO has it and keeps VFIO out from then on; then the rest.
 */
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/pid.h>
#include <linux/slab.h>

#include "compat.h"
#include "use.h"

/* Devices of a group at one moment, with a reference each; some may have left since. */
struct device_list {
	unsigned int count;
	struct devgroup_device *devices[] __counted_by(count);
};

static bool can_be_taken(struct devgroup_device *ddev)
{
	return ddev->bus->can_be_taken(ddev->dev);
}

static bool is_busy(struct devgroup_device *ddev)
{
	return ddev->bus->is_busy && ddev->bus->is_busy(ddev->dev);
}

static void free_list(struct device_list *list)
{
	unsigned int i;

	for (i = 0; i < list->count; i++)
		kobject_put(&list->devices[i]->kobj);
	kfree(list);
}

/* Every device that can be taken. devgroups_registry held. */
static struct device_list *list_devices(struct devgroup *group)
{
	struct devgroup_device *ddev;
	struct device_list *list;
	unsigned int count = 0;

	list_for_each_entry(ddev, &group->devices, link)
		count += can_be_taken(ddev);
	list = devgroups_fail() ? NULL : kzalloc(struct_size(list, devices, count), GFP_KERNEL);
	if (!list)
		return ERR_PTR(-ENOMEM);
	list->count = count;
	count = 0;
	list_for_each_entry(ddev, &group->devices, link) {
		if (!can_be_taken(ddev))
			continue;
		kobject_get(&ddev->kobj);
		list->devices[count++] = ddev;
	}
	return list;
}

static int count_device(struct device *dev, void *data)
{
	int *count = data;

	if (!devgroup_bus_of(dev))
		return -EOPNOTSUPP;
	(*count)++;
	return 0;
}

/* How many devices the IOMMU core has in the group. */
static int count_devices(struct devgroup *group)
{
	struct devgroup_member *member;
	int count = 0, ret;

	devgroup_for_each_member(member, group) {
		ret = iommu_group_for_each_dev(member->iommu_group, &count, count_device);
		if (ret)
			return ret;
	}
	return count;
}

/* Whether the group can be claimed as it is listed. devgroups_registry held. */
static int check_group(struct devgroup *group)
{
	struct devgroup_device *ddev;
	int count, devices = 0;

	if (list_empty(&group->members))
		return -ENODEV;
	/* Before a host driver is disturbed; what has the last word is owning the DMA. */
	if (group->state != DEVGROUP_FREE || devgroup_in_use_elsewhere(group))
		return -EBUSY;
	count = count_devices(group);
	if (count < 0)
		return count;
	list_for_each_entry(ddev, &group->devices, link) {
		devices += can_be_taken(ddev);
		if (is_busy(ddev))
			return -EBUSY;
	}
	if (count != (int)list_count_nodes(&group->devices)) {
		devgroups_scan_soon();
		return -EAGAIN;
	}
	return devices ? 0 : -EOPNOTSUPP;
}

static struct device_list *begin_claim(struct devgroup *group)
{
	struct device_list *list;
	int ret;

	mutex_lock(&devgroups_registry);
	ret = check_group(group);
	list = ret ? ERR_PTR(ret) : list_devices(group);
	if (!IS_ERR(list)) {
		group->state = DEVGROUP_TAKING;
		group->unlisted = false;
	}
	mutex_unlock(&devgroups_registry);
	return list;
}

static void set_driver_before(struct devgroup_device *ddev, char *name)
{
	mutex_lock(&devgroups_registry);
	swap(ddev->driver_before, name);
	mutex_unlock(&devgroups_registry);
	kfree(name);
}

static void set_admitted(struct devgroup_device *ddev, bool admitted)
{
	mutex_lock(&devgroups_registry);
	ddev->admitted = admitted;
	mutex_unlock(&devgroups_registry);
}

static bool has_left(struct devgroup_device *ddev)
{
	bool left;

	mutex_lock(&devgroups_registry);
	left = list_empty(&ddev->link);
	mutex_unlock(&devgroups_registry);
	return left;
}

/* The name of the device's driver, NULL for none; *@managed: it does not use the kernel's DMA. */
static char *get_driver(struct device *dev, bool *managed)
{
	char *name = NULL;

	*managed = true;
	device_lock(dev);
	if (dev->driver) {
		name = devgroups_fail() ? NULL : kstrdup(dev->driver->name, GFP_KERNEL);
		if (!name)
			name = ERR_PTR(-ENOMEM);
		*managed = devgroup_driver_manages_dma(dev);
	}
	device_unlock(dev);
	return name;
}

static int reserve(struct devgroup_device *ddev, struct device *dev)
{
	char *before = devgroups_fail() ? ERR_PTR(-ENOMEM) : compat_get_override(dev);
	int ret;

	if (IS_ERR(before))
		return PTR_ERR(before);
	ret = devgroups_fail() ? -ENOMEM : compat_set_override(dev, DEVGROUPS_DRIVER);
	if (ret) {
		kfree(before);
		return ret;
	}
	ddev->override_before = before;
	ddev->taken = true;
	return 0;
}

/*
 * Remembers what the device was; from here on no driver but the placeholder can bind it. Unbinds
 * the driver unless that leaves the device's DMA alone (VFIO's do).
 */
static int detach_from(struct devgroup_device *ddev, struct device *dev)
{
	bool managed;
	char *driver;
	int ret = reserve(ddev, dev);

	if (ret)
		return ret;
	driver = get_driver(dev, &managed);
	if (IS_ERR(driver))
		return PTR_ERR(driver);
	set_driver_before(ddev, driver);
	if (!managed)
		device_release_driver(dev);
	return 0;
}

/* A device that has left in the meantime is no failure. */
static int detach_host_driver(struct devgroup_device *ddev)
{
	return devgroup_device_visit(ddev, detach_from);
}

static int detach_host_drivers(struct device_list *list)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < list->count && !ret; i++)
		ret = detach_host_driver(list->devices[i]);
	return ret;
}

/* When the owner changes, powernv walks the devices of a bus without a lock of its own. */
static int own(struct devgroup *group)
{
	int ret = -ENODEV;

	devgroup_bus_lock(&devgroup_pci_bus);
	mutex_lock(&devgroups_registry);
	if (!list_empty(&group->members))
		ret = devgroup_own(group);
	mutex_unlock(&devgroups_registry);
	devgroup_bus_unlock(&devgroup_pci_bus);
	return ret;
}

static void disown(struct devgroup *group)
{
	devgroup_bus_lock(&devgroup_pci_bus);
	mutex_lock(&devgroups_registry);
	devgroup_disown(group);
	mutex_unlock(&devgroups_registry);
	devgroup_bus_unlock(&devgroup_pci_bus);
}

void devgroup_clear_owner(struct devgroup *group)
{
	lockdep_assert_held(&devgroups_registry);
	put_pid(group->owner);
	group->owner = NULL;
}

static int release_driver(struct devgroup_device *ddev, struct device *dev)
{
	device_release_driver(dev);
	return 0;
}

/* Nobody else can have it bound later (drivers_probe), without the bus's lock. */
static int bind_placeholder(struct devgroup_device *ddev, struct device *dev)
{
	int ret;

	set_admitted(ddev, true);
	ret = devgroups_fail() ? -ENOMEM : device_driver_attach(ddev->bus->driver, dev);
	set_admitted(ddev, false);
	return ret;
}

/*
 * A device that has left in the meantime is no failure. Where a bus has no lock against that, one
 * that is just leaving is: -ENODEV.
 */
static int attach_placeholder(struct devgroup_device *ddev)
{
	int ret;

	devgroup_device_visit(ddev, release_driver);
	devgroup_bus_lock(ddev->bus);
	ret = devgroup_device_visit(ddev, bind_placeholder);
	devgroup_bus_unlock(ddev->bus);
	return ret;
}

static int attach_placeholders(struct device_list *list)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < list->count && !ret; i++)
		ret = attach_placeholder(list->devices[i]);
	return ret;
}

/* The reference to the module lasts as long as the claim. */
static int commit(struct devgroup *group)
{
	int ret = -ENODEV;

	mutex_lock(&devgroups_registry);
	if (!list_empty(&group->members)) {
		__module_get(THIS_MODULE);
		group->state = DEVGROUP_CLAIMED;
		group->owner = get_pid(task_tgid(current));
		get_task_comm(group->owner_comm, current->group_leader);
		ret = 0;
	}
	mutex_unlock(&devgroups_registry);
	return ret;
}

/* Without a driver of that name, or if it does not want the device any more, it stays without. */
static int attach_driver_before(struct devgroup_device *ddev, struct device *dev)
{
	int bound;

	if (!ddev->driver_before)
		return 0;
	if (compat_set_override(dev, ddev->driver_before))
		compat_set_override(dev, NULL);
	bound = device_attach(dev);
	if (bound > 0 || has_left(ddev))
		return 0;
	dev_warn(dev, "%s, which had this device, did not take it back\n",
		 ddev->driver_before);
	return -EIO;
}

/* A device that came during a claim, to all drivers. */
static int offer_device(struct device *dev)
{
	compat_settle_dma(dev);
	return min(device_attach(dev), 0);
}

/* What it was for the host. */
static int restore_device(struct devgroup_device *ddev, struct device *dev)
{
	int ret = attach_driver_before(ddev, dev);

	if (compat_set_override(dev, ddev->override_before)) {
		compat_set_override(dev, NULL);
		dev_warn(dev, "driver_override was %s and is lost\n", ddev->override_before);
	}
	if (ddev->arrived && !has_left(ddev))
		ret = offer_device(dev);
	return ret;
}

static int restore(struct devgroup_device *ddev)
{
	int ret = devgroup_device_visit(ddev, restore_device);

	set_driver_before(ddev, NULL);
	kfree(ddev->override_before);
	ddev->override_before = NULL;
	ddev->arrived = false;
	ddev->taken = false;
	return ret;
}

static int detach_placeholder(struct devgroup_device *ddev, struct device *dev)
{
	bool ours;

	device_lock(dev);
	ours = dev->driver == ddev->bus->driver;
	device_unlock(dev);
	if (ours)
		device_release_driver(dev);
	return 0;
}

/*
 * The group is free. Devices that have come to it but are not listed yet may have been refused to
 * their drivers before (devgroup_own).
 */
static void end_claim(struct devgroup *group)
{
	mutex_lock(&devgroups_registry);
	group->state = DEVGROUP_FREE;
	group->unlisted = count_devices(group) > (int)list_count_nodes(&group->devices);
	devgroup_clear_owner(group);
	mutex_unlock(&devgroups_registry);
}

/* The way back from wherever a claim came to. The first failure counts; all are done. */
static int give_back(struct devgroup *group, struct device_list *list)
{
	unsigned int i;
	int ret = 0, err;

	for (i = 0; i < list->count; i++) {
		if (list->devices[i]->taken)
			devgroup_device_visit(list->devices[i], detach_placeholder);
	}
	disown(group);
	for (i = 0; i < list->count; i++) {
		if (!list->devices[i]->taken)
			continue;
		err = restore(list->devices[i]);
		ret = ret ?: err;
	}
	return ret;
}

static int take(struct devgroup *group)
{
	struct device_list *list = begin_claim(group);
	int ret;

	if (IS_ERR(list))
		return PTR_ERR(list);
	ret = detach_host_drivers(list);
	if (!ret)
		ret = own(group);
	if (!ret)
		ret = attach_placeholders(list);
	if (!ret)
		ret = commit(group);
	if (ret) {
		give_back(group, list);
		end_claim(group);
	}
	free_list(list);
	return ret;
}

int devgroup_claim(struct devgroup *group)
{
	int ret = mutex_lock_interruptible(&group->claim_lock);

	if (ret)
		return ret;
	ret = take(group);
	mutex_unlock(&group->claim_lock);
	return ret;
}

/* devgroups_registry held. */
static int check_release(struct devgroup *group)
{
	if (group->state != DEVGROUP_CLAIMED)
		return -EINVAL;
	return group->use || group->quarantined || devgroup_kvm_held(group) ? -EBUSY : 0;
}

/* A claim that can be released: the state says so, and the devices are listed. */
static struct device_list *begin_release(struct devgroup *group)
{
	struct device_list *list;
	int ret;

	mutex_lock(&devgroups_registry);
	ret = check_release(group);
	list = ret ? ERR_PTR(ret) : list_devices(group);
	if (!IS_ERR(list))
		group->state = DEVGROUP_GIVING;
	else if (group->use)
		devgroup_use_signal(group->use, DEVGROUP_EVENT_REQUEST);
	mutex_unlock(&devgroups_registry);
	return list;
}

static int give(struct devgroup *group)
{
	struct device_list *list = begin_release(group);
	int ret;

	if (IS_ERR(list))
		return PTR_ERR(list);
	ret = give_back(group, list);
	free_list(list);
	end_claim(group);
	module_put(THIS_MODULE);
	return ret;
}

int devgroup_release(struct devgroup *group)
{
	int ret = mutex_lock_interruptible(&group->claim_lock);

	if (ret)
		return ret;
	ret = give(group);
	mutex_unlock(&group->claim_lock);
	return ret;
}

/* Failing that it has no driver, as the DMA is not the kernel's to give. */
static void adopt(struct devgroup_device *ddev)
{
	int ret = detach_host_driver(ddev);

	if (!ret)
		ret = attach_placeholder(ddev);
	if (ret)
		pr_warn("devgroups: %s came to a claimed group, not taken: %pe\n",
			kobject_name(&ddev->kobj), ERR_PTR(ret));
}

/* Its driver may have been refused for a claim that has ended since. */
static int offer(struct devgroup_device *ddev, struct device *dev)
{
	ddev->arrived = false;
	if (offer_device(dev))
		dev_warn(dev, "came during a claim, no driver took it\n");
	return 0;
}

static void settle_arrivals(struct devgroup *group, struct device_list *list)
{
	unsigned int i;

	for (i = 0; i < list->count; i++) {
		if (!list->devices[i]->arrived || list->devices[i]->taken)
			continue;
		if (group->state == DEVGROUP_CLAIMED)
			adopt(list->devices[i]);
		else
			devgroup_device_visit(list->devices[i], offer);
	}
}

int devgroup_adopt(struct devgroup *group)
{
	struct device_list *list;

	mutex_lock(&group->claim_lock);
	mutex_lock(&devgroups_registry);
	list = list_devices(group);
	group->arrivals = IS_ERR(list);
	mutex_unlock(&devgroups_registry);
	if (!IS_ERR(list)) {
		settle_arrivals(group, list);
		free_list(list);
	}
	mutex_unlock(&group->claim_lock);
	return PTR_ERR_OR_ZERO(list);
}

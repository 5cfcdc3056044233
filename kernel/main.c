// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading, unloading, and following the host's devices as they come and go.
 *
 * The order of locks, outermost first:
 *
 *   claim_lock of a group	held over whole claims and releases, so over calls into the driver
 *				core and with it into any host driver's probe and remove
 *   pci_lock_rescan_remove	no PCI device comes or goes; other buses have no such lock. Not held
 *				while a host driver is bound or unbound: some take it themselves
 *				(SR-IOV)
 *   device_lock		the driver core's; held when our probe and remove are called
 *   devgroups_topology		adding and removing directories of /sys/devgroups
 *   lock of a use		one reset, unplug, closing or end of a group in use at a time. Its
 *				holder never waits for a device lock, which who unplugs or reports
 *				an error holds: it tries, and gives way to who has it and waits
 *				(devgroup_use_want)
 *   gate of a use		shut by its lock's holder, also while he gives way; entered by calls
 *				of the user without the lock. Memory of the user may be touched
 *				inside, so the gate comes before mmap_lock, and is not entered by
 *				mmap and page faults
 *   lock of a use's DMA	one call at a time that changes windows, memory or mappings. It is
 *				held while the user's memory is pinned, so before mmap_lock
 *   program_lock of it	what the IOMMU is programmed with; never waits for the user
 *   lock of a device set	VFIO's, around opening and closing a device
 *   map_lock of a device	below mmap_lock: a mapping is made while the user has the device
 *   fault_lock of a device	below mmap_lock: whether mappings show the device or ones
 *   devgroups_registry		lists and states; a leaf but for the IOMMU core's group lock and
 *				kvm.c's kept_tables_lock
 *
 * Removing a directory waits for whoever is inside one of its files. Those take the registry lock
 * at most, but for "claim", which takes everything: it lets go of the file's protection first
 * (group.c), so that nobody ever waits for a claim under devgroups_topology.
 *
 * Who removes a device waits, with the bus's lock and none of ours, for those who work with it in
 * the driver core (devgroup_device_visit). They take no bus's lock meanwhile, and what a driver
 * does when it is bound or unbound the remover waits for anyway, as that has the device's lock.
 *
 * A device's entry goes away when the driver core announces that the device leaves, before the
 * IOMMU core lets go of it: the group's DMA and our reference to the IOMMU group must be given
 * back while the last device is still in it.
 */
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/workqueue.h>

#include "use.h"

struct kobject *devgroups_root;
DEFINE_MUTEX(devgroups_topology);
DEFINE_MUTEX(devgroups_registry);
LIST_HEAD(devgroups_list);

static int scan_device(struct device *dev, void *unused)
{
	int ret = devgroup_add_device(dev);

	if (ret)
		dev_warn(dev, "cannot be listed in /sys/devgroups: %pe\n", ERR_PTR(ret));
	return 0;
}

/*
 * On POWER a new device gets its IOMMU group after the driver core has announced it. Whoever adds
 * PCI devices holds the lock until that is done.
 */
static void scan(void)
{
	unsigned int i;

	for (i = 0; i < DEVGROUP_NR_BUSES; i++) {
		devgroup_bus_lock(devgroup_buses[i]);
		bus_for_each_dev(devgroup_buses[i]->type, NULL, NULL, scan_device);
		devgroup_bus_unlock(devgroup_buses[i]);
	}
}

/* A group, with a reference, to which devices came while it was not free; NULL: none left. */
static struct devgroup *next_with_arrivals(void)
{
	struct devgroup *group, *found = NULL;

	mutex_lock(&devgroups_registry);
	list_for_each_entry(group, &devgroups_list, link) {
		if (group->arrivals) {
			kobject_get(&group->kobj);
			found = group;
			break;
		}
	}
	mutex_unlock(&devgroups_registry);
	return found;
}

static void scan_work_fn(struct work_struct *work)
{
	struct devgroup *group;
	int ret = 0;

	scan();
	while (!ret && (group = next_with_arrivals())) {
		ret = devgroup_adopt(group);
		kobject_put(&group->kobj);
	}
	if (ret)
		queue_delayed_work(system_long_wq, to_delayed_work(work), HZ);
}

static DECLARE_DELAYED_WORK(scan_work, scan_work_fn);

void devgroups_scan_soon(void)
{
	mod_delayed_work(system_long_wq, &scan_work, 0);
}

static int bus_event(struct notifier_block *nb, unsigned long action, void *data)
{
	switch (action) {
	case BUS_NOTIFY_ADD_DEVICE:
	/* Some buses tell the IOMMU core of a device only when a driver is bound. */
	case BUS_NOTIFY_BOUND_DRIVER:
		devgroups_scan_soon();
		break;
	case BUS_NOTIFY_DEL_DEVICE:
		devgroup_placeholder_leave(data);
		fallthrough;
	/* Again, in case that it was listed in between. */
	case BUS_NOTIFY_REMOVED_DEVICE:
		devgroup_remove_device(data);
		break;
	}
	return NOTIFY_OK;
}

static struct notifier_block notifiers[DEVGROUP_NR_BUSES] = {
	[0 ... DEVGROUP_NR_BUSES - 1] = { .notifier_call = bus_event },
};

static void unregister_notifiers(unsigned int count)
{
	while (count--)
		bus_unregister_notifier(devgroup_buses[count]->type, &notifiers[count]);
}

static int register_notifiers(void)
{
	unsigned int i;
	int ret;

	for (i = 0; i < DEVGROUP_NR_BUSES; i++) {
		ret = bus_register_notifier(devgroup_buses[i]->type, &notifiers[i]);
		if (ret) {
			unregister_notifiers(i);
			return ret;
		}
	}
	return 0;
}

static void unregister_drivers(unsigned int count)
{
	while (count--)
		devgroup_buses[count]->unregister_driver();
}

static int register_drivers(void)
{
	unsigned int i;
	int ret;

	for (i = 0; i < DEVGROUP_NR_BUSES; i++) {
		ret = devgroup_buses[i]->register_driver();
		if (ret) {
			unregister_drivers(i);
			return ret;
		}
	}
	return 0;
}

/*
 * Nothing makes an entry any more. A device that leaves meanwhile must find its entry gone when it
 * has been announced, so that the notifiers go after this.
 */
static void remove_all(void)
{
	/* Those that came during the last claim have not all been offered to drivers. */
	flush_delayed_work(&scan_work);
	disable_delayed_work_sync(&scan_work);
	while (devgroup_remove_device(NULL))
		;
}

static int __init devgroups_init(void)
{
	int ret;

	devgroups_root = kobject_create_and_add("devgroups", NULL);
	if (!devgroups_root)
		return -ENOMEM;
	ret = devgroups_file_init();
	if (ret)
		goto err_root;
	ret = register_drivers();
	if (ret)
		goto err_file;
	ret = sysfs_create_files(devgroups_root, devgroups_merge_attrs);
	if (ret)
		goto err_driver;
	ret = register_notifiers();
	if (ret)
		goto err_files;
	scan();
	return 0;

err_files:
	sysfs_remove_files(devgroups_root, devgroups_merge_attrs);
	remove_all();
err_driver:
	unregister_drivers(DEVGROUP_NR_BUSES);
err_file:
	devgroups_file_exit();
err_root:
	kobject_put(devgroups_root);
	return ret;
}

/* Not called while a group is claimed: each claim holds a reference to the module. */
static void __exit devgroups_exit(void)
{
	sysfs_remove_files(devgroups_root, devgroups_merge_attrs);
	remove_all();
	unregister_notifiers(DEVGROUP_NR_BUSES);
	unregister_drivers(DEVGROUP_NR_BUSES);
	devgroups_file_exit();
	devgroup_tce_exit();
	devgroup_kvm_exit();
	kobject_put(devgroups_root);
	/* The last instructions of a claim that outlived its file (group.c). */
	synchronize_rcu_tasks();
}

module_init(devgroups_init);
module_exit(devgroups_exit);

MODULE_DESCRIPTION("Device groups: what hardware can isolate, as one thing to hand to a guest");
MODULE_LICENSE("GPL");

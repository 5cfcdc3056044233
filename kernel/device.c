// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device in a group: /sys/devgroups/N/devices/BDF and the files that are there as long as the
 * device is. What they say of a PCI device comes from the kernel's own files; this decides which of
 * these a group shows, and that they cannot be written. Those of platform devices are in
 * platform_driver.c.
 */
#include <linux/of.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

#include "devgroups.h"

struct device_file {
	struct attribute attr;
	/* The kernel's own, found when the first device is listed; NULL: it has no such file. */
	struct device_attribute *real;
};

#define DEVICE_FILE(name) static struct device_file name##_file = { { #name, 0444 } }

DEVICE_FILE(ari_enabled);
DEVICE_FILE(class);
DEVICE_FILE(consistent_dma_mask_bits);
DEVICE_FILE(device);
DEVICE_FILE(devspec);
DEVICE_FILE(dma_mask_bits);
DEVICE_FILE(irq);
DEVICE_FILE(local_cpulist);
DEVICE_FILE(local_cpus);
DEVICE_FILE(modalias);
DEVICE_FILE(numa_node);
DEVICE_FILE(power_state);
DEVICE_FILE(resource);
DEVICE_FILE(revision);
DEVICE_FILE(subsystem_device);
DEVICE_FILE(subsystem_vendor);
DEVICE_FILE(vendor);

static struct attribute *pci_attrs[] = {
	&ari_enabled_file.attr,
	&class_file.attr,
	&consistent_dma_mask_bits_file.attr,
	&device_file.attr,
	&devspec_file.attr,
	&dma_mask_bits_file.attr,
	&irq_file.attr,
	&local_cpulist_file.attr,
	&local_cpus_file.attr,
	&modalias_file.attr,
	&numa_node_file.attr,
	&power_state_file.attr,
	&resource_file.attr,
	&revision_file.attr,
	&subsystem_device_file.attr,
	&subsystem_vendor_file.attr,
	&vendor_file.attr,
	NULL,
};

/* Ours alone. */
static struct attribute driver_before_attr = { .name = "driver_before", .mode = 0444 };

static struct attribute *common_attrs[] = {
	&driver_before_attr,
	NULL,
};

static struct device_attribute *find_real(const char *name)
{
	const struct attribute_group **group;
	struct attribute **attr;

	for (group = pci_bus_type.dev_groups; *group; group++) {
		for (attr = (*group)->attrs; attr && *attr; attr++) {
			if (!strcmp((*attr)->name, name))
				return container_of(*attr, struct device_attribute, attr);
		}
	}
	return NULL;
}

struct bin_attribute *devgroup_pci_bin_attribute(const char *name)
{
	const struct attribute_group **group;
	struct bin_attribute **attr;

	for (group = pci_bus_type.dev_groups; *group; group++) {
		for (attr = (*group)->bin_attrs; attr && *attr; attr++) {
			if (!strcmp((*attr)->attr.name, name))
				return *attr;
		}
	}
	return NULL;
}

static umode_t pci_attr_visible(struct kobject *kobj, struct attribute *attr, int n)
{
	struct device_file *file = container_of(attr, struct device_file, attr);

	if (!dev_is_pci(to_devgroup_device(kobj)->dev))
		return 0;
	if (!file->real)
		file->real = find_real(attr->name);
	return file->real && file->real->show ? attr->mode : 0;
}

static const struct attribute_group pci_group = {
	.attrs = pci_attrs,
	.is_visible = pci_attr_visible,
};

static const struct attribute_group common_group = {
	.attrs = common_attrs,
};

static const struct attribute_group *device_groups[] = {
	&pci_group,
	&devgroup_platform_group,
	&common_group,
	NULL,
};

static ssize_t driver_before_show(struct devgroup_device *ddev, char *buf)
{
	ssize_t ret = 0;

	mutex_lock(&devgroups_registry);
	if (ddev->driver_before)
		ret = sysfs_emit(buf, "%s\n", ddev->driver_before);
	mutex_unlock(&devgroups_registry);
	return ret;
}

static ssize_t device_show(struct kobject *kobj, struct attribute *attr, char *buf)
{
	struct devgroup_device *ddev = to_devgroup_device(kobj);
	struct device_attribute *real;

	if (attr == &driver_before_attr)
		return driver_before_show(ddev, buf);
	if (dev_is_platform(ddev->dev))
		return devgroup_platform_show(ddev->dev, attr, buf);
	real = container_of(attr, struct device_file, attr)->real;
	return real->show(ddev->dev, real, buf);
}

static const struct sysfs_ops device_sysfs_ops = {
	.show = device_show,
};

/* A device that somebody visits. */
struct visit {
	struct list_head link;		/* in visits */
	struct device *dev;		/* a reference; NULL: it has left */
};

static LIST_HEAD(visits);		/* under the wait queue's lock */
static DECLARE_WAIT_QUEUE_HEAD(visit_ended);

static void begin_visit(struct visit *visit, struct devgroup_device *ddev)
{
	mutex_lock(&devgroups_registry);
	visit->dev = list_empty(&ddev->link) ? NULL : get_device(ddev->dev);
	spin_lock(&visit_ended.lock);
	list_add(&visit->link, &visits);
	spin_unlock(&visit_ended.lock);
	mutex_unlock(&devgroups_registry);
}

/* Whoever waits for the visit still has a reference, so this one is never the last. */
static void end_visit(struct visit *visit)
{
	put_device(visit->dev);
	spin_lock(&visit_ended.lock);
	list_del(&visit->link);
	wake_up_all_locked(&visit_ended);
	spin_unlock(&visit_ended.lock);
}

int devgroup_device_visit(struct devgroup_device *ddev,
			  int (*act)(struct devgroup_device *ddev, struct device *dev))
{
	struct visit visit;
	int ret = 0;

	begin_visit(&visit, ddev);
	if (visit.dev)
		ret = act(ddev, visit.dev);
	end_visit(&visit);
	return ret;
}

static bool is_visited(struct device *dev)
{
	struct visit *visit;
	bool found = false;

	spin_lock(&visit_ended.lock);
	list_for_each_entry(visit, &visits, link)
		found = found || visit->dev == dev;
	spin_unlock(&visit_ended.lock);
	return found;
}

void devgroup_device_wait(struct device *dev)
{
	wait_event(visit_ended, !is_visited(dev));
}

void devgroup_device_forget(struct devgroup_device *ddev)
{
	put_device(ddev->dev);
	ddev->dev = NULL;
}

static void device_free(struct kobject *kobj)
{
	struct devgroup_device *ddev = to_devgroup_device(kobj);

	put_device(ddev->dev);
	kobject_put(&ddev->group->kobj);
	kfree(ddev->driver_before);
	kfree(ddev->override_before);
	kfree(ddev);
}

static const struct kobj_type device_ktype = {
	.release = device_free,
	.sysfs_ops = &device_sysfs_ops,
	.default_groups = device_groups,
};

static ssize_t real_read(struct file *file, struct kobject *kobj, struct bin_attribute *attr,
			 char *buf, loff_t offset, size_t count)
{
	struct bin_attribute *real = attr->private;

	return real->read(file, &to_devgroup_device(kobj)->dev->kobj, real, buf, offset, count);
}

int devgroup_add_bin_file(struct devgroup_device *ddev, struct bin_attribute *attr,
			  const char *name, size_t size)
{
	struct bin_attribute *real = devgroup_pci_bin_attribute(name);

	if (!real || !real->read)
		return 0;
	sysfs_bin_attr_init(attr);
	attr->attr.name = name;
	attr->attr.mode = real->attr.mode & 0444;
	attr->size = size;
	attr->private = real;
	attr->read = real_read;
	return devgroups_fail() ? -ENOMEM : sysfs_create_bin_file(&ddev->kobj, attr);
}

static int add_link(struct devgroup_device *ddev, struct kobject *target, const char *name)
{
	return devgroups_fail() ? -ENOMEM : sysfs_create_link(&ddev->kobj, target, name);
}

static int add_files(struct devgroup_device *ddev)
{
	const struct devgroup_entry_ops *ops = ddev->bus->entry;
	int ret = add_link(ddev, &ddev->dev->kobj, "host_device");

	if (!ret && dev_of_node(ddev->dev))
		ret = add_link(ddev, of_node_kobj(dev_of_node(ddev->dev)), "of_node");
	if (!ret && ops->add_files)
		ret = ops->add_files(ddev);
	return ret;
}

struct devgroup_device *devgroup_device_create(struct devgroup *group, struct device *dev)
{
	struct devgroup_device *ddev;
	int ret;

	ddev = devgroups_fail() ? NULL : kzalloc(sizeof(*ddev), GFP_KERNEL);
	if (!ddev)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&ddev->link);
	ddev->dev = get_device(dev);
	ddev->bus = devgroup_bus_of(dev);
	ddev->group = group;
	kobject_get(&group->kobj);
	kobject_init(&ddev->kobj, &device_ktype);
	ret = devgroups_fail() ? -ENOMEM : kobject_add(&ddev->kobj, group->devices_dir, "%s",
						       dev_name(dev));
	if (!ret)
		ret = add_files(ddev);
	if (ret) {
		kobject_put(&ddev->kobj);
		return ERR_PTR(ret);
	}
	return ddev;
}

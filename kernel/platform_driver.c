// SPDX-License-Identifier: GPL-2.0-only
/* The placeholder on the platform bus, and what a group's folder shows of a platform device. */
#include <linux/platform_device.h>
#include <linux/pm_runtime.h>

#include "use.h"

/* A line for each region: start, end and flags, in the form that PCI devices have. */
static ssize_t resource_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct platform_device *pdev = to_platform_device(dev);
	struct resource *resource;
	unsigned int i;
	int at = 0;

	for (i = 0; (resource = platform_get_resource(pdev, IORESOURCE_MEM, i)); i++)
		at += sysfs_emit_at(buf, at, "0x%016llx 0x%016llx 0x%016llx\n",
				    (u64)resource->start, (u64)resource->end,
				    (u64)resource->flags);
	return at;
}
static DEVICE_ATTR_RO(resource);

/* Asking for a number may have the kernel set the interrupt up, which is not for everybody. */
static ssize_t irq_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct platform_device *pdev = to_platform_device(dev);
	int at = 0, number;
	unsigned int i;

	for (i = 0; (number = platform_get_irq_optional(pdev, i)) > 0; i++)
		at += sysfs_emit_at(buf, at, "%d\n", number);
	return at;
}
static DEVICE_ATTR_ADMIN_RO(irq);

/* The device's name without number, by which it can be matched where it has no node. */
static ssize_t name_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", to_platform_device(dev)->name);
}
static DEVICE_ATTR_RO(name);

static struct attribute *platform_attrs[] = {
	&dev_attr_resource.attr,
	&dev_attr_irq.attr,
	&dev_attr_name.attr,
	NULL,
};

static umode_t platform_attr_visible(struct kobject *kobj, struct attribute *attr, int n)
{
	return dev_is_platform(to_devgroup_device(kobj)->dev) ? attr->mode : 0;
}

const struct attribute_group devgroup_platform_group = {
	.attrs = platform_attrs,
	.is_visible = platform_attr_visible,
};

ssize_t devgroup_platform_show(struct device *dev, struct attribute *attr, char *buf)
{
	struct device_attribute *file = container_of(attr, struct device_attribute, attr);

	return file->show(dev, file, buf);
}

static int placeholder_probe(struct platform_device *pdev)
{
	int ret;

	pm_runtime_enable(&pdev->dev);
	ret = devgroup_placeholder_bind(&pdev->dev);
	if (ret)
		pm_runtime_disable(&pdev->dev);
	return ret;
}

static void placeholder_remove(struct platform_device *pdev)
{
	devgroup_placeholder_unbind(&pdev->dev);
	pm_runtime_disable(&pdev->dev);
}

static struct platform_driver placeholder = {
	.probe = placeholder_probe,
	.remove = placeholder_remove,
	.driver_managed_dma = true,
	.driver = {
		.name = DEVGROUPS_DRIVER,
		.suppress_bind_attrs = true,
	},
};

static int register_driver(void)
{
	return platform_driver_register(&placeholder);
}

static void unregister_driver(void)
{
	platform_driver_unregister(&placeholder);
}

static bool can_be_taken(struct device *dev)
{
	return true;
}

static bool manages_dma(struct device_driver *driver)
{
	return to_platform_driver(driver)->driver_managed_dma;
}

static const struct devgroup_entry_ops platform_entry = {
	.create = devgroup_platform_create,
};

const struct devgroup_bus_ops devgroup_platform_bus = {
	.type = &platform_bus_type,
	.driver = &placeholder.driver,
	.register_driver = register_driver,
	.unregister_driver = unregister_driver,
	.can_be_taken = can_be_taken,
	.manages_dma = manages_dma,
	.entry = &platform_entry,
};

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The placeholder: the PCI driver that holds the devices of claimed groups and does nothing with
 * them. It binds only devices that a claim has admitted, has no bind and unbind files, and leaves
 * DMA to the group's owner. While it holds a device, the group's folder has the device's BARs and
 * ROM. It is no VFIO driver: nothing opens a second door to the device.
 */
#include <linux/pci.h>

#include "devgroups.h"

static ssize_t real_read(struct file *file, struct kobject *kobj, struct bin_attribute *attr,
			 char *buf, loff_t offset, size_t count)
{
	struct bin_attribute *real = attr->private;

	return real->read(file, &to_devgroup_device(kobj)->dev->kobj, real, buf, offset, count);
}

static ssize_t real_write(struct file *file, struct kobject *kobj, struct bin_attribute *attr,
			  char *buf, loff_t offset, size_t count)
{
	struct bin_attribute *real = attr->private;

	return real->write(file, &to_devgroup_device(kobj)->dev->kobj, real, buf, offset, count);
}

static int real_mmap(struct file *file, struct kobject *kobj, struct bin_attribute *attr,
		     struct vm_area_struct *vma)
{
	struct bin_attribute *real = attr->private;

	return real->mmap(file, &to_devgroup_device(kobj)->dev->kobj, real, vma);
}

/*
 * Not f_mapping: with the file's own mapping, removing the file takes its mappings away, and that
 * is what must happen before a host driver gets the device.
 */
static int add_file(struct devgroup_device *ddev, struct bin_attribute *attr,
		    struct bin_attribute *real, size_t size)
{
	int ret;

	sysfs_bin_attr_init(attr);
	attr->attr.name = real->attr.name;
	attr->attr.mode = real->attr.mode;
	attr->size = size;
	attr->private = real;
	attr->read = real->read ? real_read : NULL;
	attr->write = real->write ? real_write : NULL;
	attr->mmap = real->mmap ? real_mmap : NULL;
	ret = devgroups_fail() ? -ENOMEM : sysfs_create_bin_file(&ddev->kobj, attr);
	if (ret)
		attr->attr.name = NULL;
	return ret;
}

static void remove_file(struct devgroup_device *ddev, struct bin_attribute *attr)
{
	if (attr->attr.name)
		sysfs_remove_bin_file(&ddev->kobj, attr);
	attr->attr.name = NULL;
}

static void remove_files(struct devgroup_device *ddev)
{
	int i;

	for (i = 0; i < PCI_STD_NUM_BARS; i++)
		remove_file(ddev, &ddev->bars[i]);
	remove_file(ddev, &ddev->rom);
	to_pci_dev(ddev->dev)->rom_attr_enabled = 0;
}

static int add_files(struct devgroup_device *ddev)
{
	struct pci_dev *pdev = to_pci_dev(ddev->dev);
	struct bin_attribute *rom = devgroup_pci_bin_attribute("rom");
	int i, ret = 0;

	for (i = 0; i < PCI_STD_NUM_BARS && !ret; i++) {
		if (pdev->res_attr[i])
			ret = add_file(ddev, &ddev->bars[i], pdev->res_attr[i],
				       pci_resource_len(pdev, i));
	}
	if (!ret && rom && pci_resource_len(pdev, PCI_ROM_RESOURCE))
		ret = add_file(ddev, &ddev->rom, rom, pci_resource_len(pdev, PCI_ROM_RESOURCE));
	if (ret)
		remove_files(ddev);
	return ret;
}

/* The entry of @pdev with a reference, if a claim wants it bound. */
static struct devgroup_device *get_admitted(struct pci_dev *pdev)
{
	struct devgroup_device *ddev;

	mutex_lock(&devgroups_registry);
	ddev = devgroup_find_device(&pdev->dev);
	if (ddev && ddev->admitted)
		kobject_get(&ddev->kobj);
	else
		ddev = NULL;
	mutex_unlock(&devgroups_registry);
	return ddev;
}

static void set_vdev(struct devgroup_device *ddev, struct devgroup_vdev *vdev)
{
	mutex_lock(&devgroups_registry);
	ddev->vdev = vdev;
	mutex_unlock(&devgroups_registry);
}

/*
 * The caller of the driver core holds the rescan lock, so the device and its own files stay until
 * this is done, and the placeholder is always unbound before they go.
 */
static int placeholder_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct devgroup_device *ddev = get_admitted(pdev);
	struct devgroup_vdev *vdev;
	int ret;

	if (!ddev)
		return -ENODEV;
	vdev = devgroup_vdev_create(ddev);
	if (IS_ERR(vdev)) {
		ret = PTR_ERR(vdev);
		goto err_ddev;
	}
	ret = add_files(ddev);
	if (ret)
		goto err_vdev;
	pci_clear_master(pdev);
	pci_set_drvdata(pdev, vdev);
	set_vdev(ddev, vdev);
	return 0;

err_vdev:
	devgroup_vdev_destroy(vdev);
err_ddev:
	kobject_put(&ddev->kobj);
	return ret;
}

static void placeholder_remove(struct pci_dev *pdev)
{
	struct devgroup_vdev *vdev = pci_get_drvdata(pdev);
	struct devgroup_device *ddev = vdev->ddev;

	devgroup_use_unplug(vdev);
	remove_files(ddev);
	devgroup_vdev_destroy(vdev);
	kobject_put(&ddev->kobj);
}

/*
 * An error that the host has found: the group is frozen, and its user does the rest. Whatever the
 * host does to the bus in between is over when the user resets the group.
 */
static pci_ers_result_t error_detected(struct pci_dev *pdev, pci_channel_state_t channel)
{
	struct devgroup_vdev *vdev = pci_get_drvdata(pdev);
	bool gone = channel == pci_channel_io_perm_failure;
	struct devgroup_use *use = devgroup_use_get(vdev->ddev->group);

	if (use && gone)
		devgroup_freeze_forever(use);
	else if (use)
		devgroup_freeze(use, DEVGROUP_CAUSE_BUS);
	if (use)
		devgroup_use_put(use);
	return gone ? PCI_ERS_RESULT_DISCONNECT : PCI_ERS_RESULT_CAN_RECOVER;
}

static pci_ers_result_t slot_reset(struct pci_dev *pdev)
{
	return PCI_ERS_RESULT_RECOVERED;
}

static const struct pci_error_handlers error_handlers = {
	.error_detected = error_detected,
	.slot_reset = slot_reset,
};

struct pci_driver devgroups_pci_driver = {
	.name = DEVGROUPS_DRIVER,
	.probe = placeholder_probe,
	.remove = placeholder_remove,
	.err_handler = &error_handlers,
	.driver_managed_dma = true,
	.driver = { .suppress_bind_attrs = true },
};

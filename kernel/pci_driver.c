// SPDX-License-Identifier: GPL-2.0-only
/*
 * The placeholder on the PCI bus. While it holds a device, the group's folder has the device's BARs
 * and ROM.
 */
#include "pci.h"

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

static int add_config_files(struct devgroup_device *ddev)
{
	struct pci_dev *pdev = to_pci_dev(ddev->dev);
	int ret = devgroup_add_bin_file(ddev, &ddev->config, "config", pdev->cfg_size);

	if (!ret && pdev->vpd.cap)
		ret = devgroup_add_bin_file(ddev, &ddev->vpd, "vpd", 0);
	return ret;
}

static const struct devgroup_entry_ops pci_entry = {
	.add_files = add_config_files,
	.create = devgroup_pci_create,
	.add_claimed_files = add_files,
	.remove_claimed_files = remove_files,
};

/*
 * Only a claim has a device bound, and holds the rescan lock meanwhile: the device and its own
 * files stay until this is done, and the placeholder is always unbound before they go.
 */
static int placeholder_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	return devgroup_placeholder_bind(&pdev->dev);
}

static void placeholder_remove(struct pci_dev *pdev)
{
	devgroup_placeholder_unbind(&pdev->dev);
}

/*
 * An error that the host has found, or how it is over: the group is frozen, and its user does the
 * rest. The device's lock is held.
 */
static void freeze_user(struct devgroup_vdev *vdev, bool forever)
{
	struct devgroup_use *use = devgroup_use_get(vdev->ddev->group);

	if (!use)
		return;
	devgroup_use_want(use);
	if (forever)
		devgroup_freeze_forever(use);
	else
		devgroup_freeze(use, DEVGROUP_CAUSE_BUS);
	devgroup_use_unwant(use);
	devgroup_use_put(use);
}

/* Of a frozen channel the host resets the bus, and only slot_reset() hears of it. */
static pci_ers_result_t error_detected(struct pci_dev *pdev, pci_channel_state_t channel)
{
	freeze_user(pci_get_drvdata(pdev), channel == pci_channel_io_perm_failure);
	switch (channel) {
	case pci_channel_io_normal:
		return PCI_ERS_RESULT_CAN_RECOVER;
	case pci_channel_io_frozen:
		return PCI_ERS_RESULT_NEED_RESET;
	default:
		return PCI_ERS_RESULT_DISCONNECT;
	}
}

/* Who has released the group meanwhile finds it frozen again: what it had set is gone. */
static pci_ers_result_t slot_reset(struct pci_dev *pdev)
{
	struct devgroup_vdev *vdev = pci_get_drvdata(pdev);

	freeze_user(vdev, false);
	return devgroup_pci_recover(vdev) ? PCI_ERS_RESULT_DISCONNECT : PCI_ERS_RESULT_RECOVERED;
}

static const struct pci_error_handlers error_handlers = {
	.error_detected = error_detected,
	.slot_reset = slot_reset,
};

static struct pci_driver placeholder = {
	.name = DEVGROUPS_DRIVER,
	.probe = placeholder_probe,
	.remove = placeholder_remove,
	.err_handler = &error_handlers,
	.driver_managed_dma = true,
	.driver = { .suppress_bind_attrs = true },
};

static int register_driver(void)
{
	return pci_register_driver(&placeholder);
}

static void unregister_driver(void)
{
	pci_unregister_driver(&placeholder);
}

/* Bridges stay with the host. */
static bool can_be_taken(struct device *dev)
{
	return to_pci_dev(dev)->hdr_type == PCI_HEADER_TYPE_NORMAL;
}

/* Its driver would have to take them away. */
static bool has_virtual_functions(struct device *dev)
{
	return pci_num_vf(to_pci_dev(dev));
}

static bool manages_dma(struct device_driver *driver)
{
	return to_pci_driver(driver)->driver_managed_dma;
}

const struct devgroup_bus_ops devgroup_pci_bus = {
	.type = &pci_bus_type,
	.driver = &placeholder.driver,
	.register_driver = register_driver,
	.unregister_driver = unregister_driver,
	.lock = pci_lock_rescan_remove,
	.unlock = pci_unlock_rescan_remove,
	.can_be_taken = can_be_taken,
	.is_busy = has_virtual_functions,
	.manages_dma = manages_dma,
	.entry = &pci_entry,
};

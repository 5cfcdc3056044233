// SPDX-License-Identifier: GPL-2.0-only
/*
 * The placeholder: the driver, one for each bus, that holds the devices of claimed groups and does
 * nothing with them. It binds only devices that a claim has admitted, has no bind and unbind files,
 * and leaves DMA to the group's owner. It is no VFIO driver: nothing opens a second door to the
 * device.
 */
#include "use.h"

/* The entry of @dev with a reference, if a claim is having it bound. */
static struct devgroup_device *get_admitted(struct device *dev)
{
	struct devgroup_device *ddev;

	mutex_lock(&devgroups_registry);
	ddev = devgroup_find_device(dev);
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

int devgroup_placeholder_bind(struct device *dev)
{
	struct devgroup_device *ddev = get_admitted(dev);
	const struct devgroup_entry_ops *ops;
	struct devgroup_vdev *vdev;
	int ret;

	if (!ddev)
		return -ENODEV;
	ops = ddev->bus->entry;
	vdev = ops->create(ddev);
	if (IS_ERR(vdev)) {
		ret = PTR_ERR(vdev);
		goto err_ddev;
	}
	ret = ops->add_claimed_files ? ops->add_claimed_files(ddev) : 0;
	if (ret)
		goto err_vdev;
	dev_set_drvdata(dev, vdev);
	set_vdev(ddev, vdev);
	return 0;

err_vdev:
	devgroup_vdev_destroy(vdev);
err_ddev:
	kobject_put(&ddev->kobj);
	return ret;
}

void devgroup_placeholder_unbind(struct device *dev)
{
	struct devgroup_vdev *vdev = dev_get_drvdata(dev);
	struct devgroup_device *ddev = vdev->ddev;
	const struct devgroup_entry_ops *ops = ddev->bus->entry;

	devgroup_use_unplug(vdev);
	if (ops->remove_claimed_files)
		ops->remove_claimed_files(ddev);
	devgroup_vdev_destroy(vdev);
	kobject_put(&ddev->kobj);
}

/*
 * On the platform bus the driver is still bound when the driver core announces that a device
 * leaves, and its entry goes away then; the group's use must be over before that.
 */
void devgroup_placeholder_leave(struct device *dev)
{
	struct devgroup_device *ddev;
	struct devgroup_vdev *vdev;

	mutex_lock(&devgroups_registry);
	ddev = devgroup_find_device(dev);
	vdev = ddev ? ddev->vdev : NULL;
	if (vdev) {
		kobject_get(&ddev->kobj);
		devgroup_vdev_get(vdev);
	}
	mutex_unlock(&devgroups_registry);
	if (!vdev)
		return;
	devgroup_use_unplug(vdev);
	devgroup_vdev_put(vdev);
	kobject_put(&ddev->kobj);
}

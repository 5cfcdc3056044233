// SPDX-License-Identifier: GPL-2.0-only
/*
 * A PCI device of an open group. What is done to the device is done by VFIO's PCI code,
 * vfio_pci_core; the VFIO core does not know the device, so that there is no second door to it.
 *
 * Nothing of vfio_pci_core that looks for its own object in the driver's data is used: that would
 * be its error handlers and runtime power management, and both come with registering only.
 */
#include "pci.h"

static void pci_free(struct vfio_device *device)
{
	struct devgroup_pci *pci = container_of(device, struct devgroup_pci, core.vdev);

	vfio_pci_core_release_dev(device);
	devgroup_vdev_exit(&pci->base);
	kfree(pci->claimed_state);
	mutex_destroy(&pci->command_lock);
}

static const struct vfio_device_ops vfio_ops = {
	.name = DEVGROUPS_DRIVER,
	.init = vfio_pci_core_init_dev,
	.release = pci_free,
};

/* Those that VFIO would put together: its own devices on that bus are in it, too. */
static void *set_of(struct devgroup_pci *pci)
{
	struct pci_dev *pdev = pci->core.pdev;

	if (pci_is_root_bus(pdev->bus) || pdev->is_virtfn)
		return pci;
	if (!pci_probe_reset_slot(pdev->slot))
		return pdev->slot;
	return pdev->bus;
}

/* Whether vfio_pci_core must put the device's state back when it wakes up. */
static void probe_power_state(struct vfio_pci_core_device *core)
{
	u16 control;

	if (!core->pdev->pm_cap)
		return;
	pci_read_config_word(core->pdev, core->pdev->pm_cap + PCI_PM_CTRL, &control);
	core->needs_pm_restore = !(control & PCI_PM_CTRL_NO_SOFT_RESET);
}

static int pci_enable(struct devgroup_vdev *vdev)
{
	struct vfio_pci_core_device *core = &to_pci(vdev)->core;
	int ret = devgroups_fail() ? -ENOMEM : vfio_pci_core_enable(core);

	/* What the last user was told. */
	if (!vdev->opened)
		to_pci(vdev)->io_bars = 0;
	if (!ret)
		vfio_pci_core_finish_enable(core);
	return ret;
}

static void pci_disable(struct devgroup_vdev *vdev)
{
	vfio_pci_core_close_device(vdev->vfio);
	to_pci(vdev)->isolated = false;
}

static ssize_t pci_read(struct devgroup_vdev *vdev, char __user *buf, size_t count,
			loff_t *offset)
{
	if (vdev->use->state != DEVGROUP_NORMAL)
		return devgroup_isolated_read(to_pci(vdev), buf, count, offset);
	return vfio_pci_core_read(vdev->vfio, buf, count, offset);
}

static ssize_t pci_write(struct devgroup_vdev *vdev, const char __user *buf, size_t count,
			 loff_t *offset)
{
	loff_t start = *offset;
	ssize_t ret;

	devgroup_io_begin_write(to_pci(vdev), buf, count, start);
	if (vdev->use->state == DEVGROUP_NORMAL)
		ret = vfio_pci_core_write(vdev->vfio, buf, count, offset);
	else
		ret = devgroup_isolated_write(to_pci(vdev), buf, count, offset);
	devgroup_io_end_write(to_pci(vdev), count, start);
	devgroup_ones_look_again(vdev);
	return ret;
}

static long pci_ioctl(struct devgroup_vdev *vdev, unsigned int cmd, unsigned long arg)
{
	long ret = -ENOENT;

	if (cmd == VFIO_DEVICE_GET_REGION_INFO)
		ret = devgroup_io_region_info(to_pci(vdev), (void __user *)arg);
	if (ret != -ENOENT)
		return ret;
	if (vdev->use->state != DEVGROUP_NORMAL)
		return devgroup_isolated_ioctl(to_pci(vdev), cmd, arg);
	return vfio_pci_core_ioctl(vdev->vfio, cmd, arg);
}

static int pci_mmap(struct devgroup_vdev *vdev, struct vm_area_struct *vma)
{
	return devgroup_pci_mmap(to_pci(vdev), vma);
}

static const struct devgroup_vdev_ops pci_vdev_ops = {
	.bus = DEVGROUP_BUS_PCI,
	.enable = pci_enable,
	.disable = pci_disable,
	.read = pci_read,
	.write = pci_write,
	.ioctl = pci_ioctl,
	.mmap = pci_mmap,
	.isolate = devgroup_pci_isolate,
	.configure = devgroup_pci_configure,
	.reset = &devgroup_pci_reset_ops,
};

/* Quiet, and what it is then. */
static int save_claimed_state(struct devgroup_pci *pci)
{
	struct pci_dev *pdev = pci->core.pdev;

	pci_clear_master(pdev);
	if (devgroups_fail() || pci_save_state(pdev))
		return -ENOMEM;
	pci->claimed_state = pci_store_saved_state(pdev);
	return pci->claimed_state ? 0 : -ENOMEM;
}

struct devgroup_vdev *devgroup_pci_create(struct devgroup_device *ddev)
{
	struct devgroup_pci *pci;
	int ret;

	if (devgroups_fail())
		return ERR_PTR(-ENOMEM);
	pci = vfio_alloc_device(devgroup_pci, core.vdev, ddev->dev, &vfio_ops);
	if (IS_ERR(pci))
		return ERR_CAST(pci);
	mutex_init(&pci->command_lock);
	ret = devgroup_vdev_init(&pci->base, &pci_vdev_ops, &pci->core.vdev, ddev, set_of(pci));
	if (!ret)
		ret = save_claimed_state(pci);
	if (ret) {
		devgroup_vdev_put(&pci->base);
		return ERR_PTR(ret);
	}
	probe_power_state(&pci->core);
	return &pci->base;
}

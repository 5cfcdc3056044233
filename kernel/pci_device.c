// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device of an open group and its file, which speaks the VFIO device API. What is done to the
 * device is done by VFIO's PCI code, vfio_pci_core; the VFIO core does not know the device, so
 * that there is no second door to it. The part that the VFIO core has in opening and closing a
 * device is here: the set of devices that are reset together, its lock, and the count of opens.
 *
 * Nothing of vfio_pci_core that looks for its own object in the driver's data is used: that would
 * be its error handlers and runtime power management, and both come with registering only.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/module.h>

#include "devgroups.h"

static struct devgroup_vdev *to_vdev(struct vfio_device *device)
{
	return container_of(device, struct devgroup_vdev, core.vdev);
}

static void vdev_free(struct vfio_device *device)
{
	struct devgroup_vdev *vdev = to_vdev(device);

	vfio_pci_core_release_dev(device);
	devgroup_ones_exit(vdev);
	mutex_destroy(&vdev->map_lock);
	mutex_destroy(&vdev->command_lock);
}

static const struct vfio_device_ops vdev_ops = {
	.name = DEVGROUPS_DRIVER,
	.init = vfio_pci_core_init_dev,
	.release = vdev_free,
};

void devgroup_vdev_get(struct devgroup_vdev *vdev)
{
	get_device(&vdev->core.vdev.device);
}

void devgroup_vdev_put(struct devgroup_vdev *vdev)
{
	vfio_put_device(&vdev->core.vdev);
}

/* Those that VFIO would put together: its own devices on that bus are in it, too. */
static int join_set(struct devgroup_vdev *vdev)
{
	struct pci_dev *pdev = vdev->core.pdev;
	void *set = pdev->bus;

	if (pci_is_root_bus(pdev->bus) || pdev->is_virtfn)
		set = vdev;
	else if (!pci_probe_reset_slot(pdev->slot))
		set = pdev->slot;
	return devgroups_fail() ? -ENOMEM : vfio_assign_device_set(&vdev->core.vdev, set);
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

struct devgroup_vdev *devgroup_vdev_create(struct devgroup_device *ddev)
{
	struct devgroup_vdev *vdev;
	int ret;

	if (devgroups_fail())
		return ERR_PTR(-ENOMEM);
	vdev = vfio_alloc_device(devgroup_vdev, core.vdev, ddev->dev, &vdev_ops);
	if (IS_ERR(vdev))
		return vdev;
	vdev->ddev = ddev;
	strscpy(vdev->name, dev_name(ddev->dev));
	mutex_init(&vdev->command_lock);
	mutex_init(&vdev->map_lock);
	ret = devgroup_ones_init(vdev);
	if (!ret)
		ret = join_set(vdev);
	if (ret) {
		devgroup_vdev_put(vdev);
		return ERR_PTR(ret);
	}
	probe_power_state(&vdev->core);
	return vdev;
}

/*
 * A file that is open yet keeps the object, but VFIO finds the device no more, and nothing here
 * touches it. Not even a reference is kept: on powernv the end of the last one takes away the
 * partitionable endpoint, which by then may be that of the device that came in its place.
 */
void devgroup_vdev_destroy(struct devgroup_vdev *vdev)
{
	struct vfio_device *device = &vdev->core.vdev;

	mutex_lock(&device->dev_set->lock);
	list_del_init(&device->dev_set_list);
	mutex_unlock(&device->dev_set->lock);
	devgroup_vdev_put(vdev);
}

static int core_enable(struct devgroup_vdev *vdev)
{
	return devgroups_fail() ? -ENOMEM : vfio_pci_core_enable(&vdev->core);
}

/* The set's lock held. */
static int enable(struct devgroup_vdev *vdev)
{
	int ret;

	vdev->core.vdev.open_count++;
	mutex_lock(&vdev->map_lock);
	ret = devgroup_retry(vdev, core_enable);
	if (!ret) {
		vfio_pci_core_finish_enable(&vdev->core);
		vdev->enabled = true;
		vdev->dirty = true;
	}
	mutex_unlock(&vdev->map_lock);
	if (ret)
		vdev->core.vdev.open_count--;
	else
		devgroup_isolate(vdev);
	return ret;
}

/* The set's lock held. */
static void disable(struct devgroup_vdev *vdev)
{
	if (!vdev->enabled)
		return;
	devgroup_ones_set_present(vdev, false);
	mutex_lock(&vdev->map_lock);
	vfio_pci_core_close_device(&vdev->core.vdev);
	vdev->enabled = false;
	vdev->isolated = false;
	mutex_unlock(&vdev->map_lock);
	vdev->core.vdev.open_count--;
}

int devgroup_vdev_enable(struct devgroup_vdev *vdev)
{
	int ret;

	mutex_lock(&vdev->core.vdev.dev_set->lock);
	ret = enable(vdev);
	mutex_unlock(&vdev->core.vdev.dev_set->lock);
	return ret;
}

void devgroup_vdev_disable(struct devgroup_vdev *vdev)
{
	mutex_lock(&vdev->core.vdev.dev_set->lock);
	disable(vdev);
	mutex_unlock(&vdev->core.vdev.dev_set->lock);
}

static int vdev_release(struct inode *inode, struct file *file)
{
	struct devgroup_vdev *vdev = file->private_data;
	struct devgroup_use *use = vdev->use;

	/* There are no mappings any more, so nothing queues it again before the next open. */
	cancel_delayed_work_sync(&vdev->refill);
	mutex_lock(&use->lock);
	mutex_lock(&vdev->core.vdev.dev_set->lock);
	disable(vdev);
	vdev->opened = false;
	mutex_unlock(&vdev->core.vdev.dev_set->lock);
	mutex_unlock(&use->lock);
	devgroup_vdev_put(vdev);
	devgroup_use_put_file(use);
	return 0;
}

/* Until leave, the device is there and vfio_pci_core has it. */
static int enter(struct devgroup_vdev *vdev)
{
	int ret = devgroup_gate_enter(&vdev->use->gate);

	if (ret || vdev->enabled)
		return ret;
	ret = vdev->removed ? -ENODEV : -EIO;
	devgroup_gate_leave(&vdev->use->gate);
	return ret;
}

static void leave(struct devgroup_vdev *vdev)
{
	devgroup_gate_leave(&vdev->use->gate);
}

static ssize_t vdev_read(struct file *file, char __user *buf, size_t count, loff_t *offset)
{
	struct devgroup_vdev *vdev = file->private_data;
	ssize_t ret = enter(vdev);

	if (ret)
		return ret;
	if (vdev->use->state == DEVGROUP_NORMAL)
		ret = vfio_pci_core_read(&vdev->core.vdev, buf, count, offset);
	else
		ret = devgroup_isolated_read(vdev, buf, count, offset);
	leave(vdev);
	return ret;
}

static ssize_t vdev_write(struct file *file, const char __user *buf, size_t count, loff_t *offset)
{
	struct devgroup_vdev *vdev = file->private_data;
	ssize_t ret = enter(vdev);

	if (ret)
		return ret;
	if (vdev->use->state == DEVGROUP_NORMAL)
		ret = vfio_pci_core_write(&vdev->core.vdev, buf, count, offset);
	else
		ret = devgroup_isolated_write(vdev, buf, count, offset);
	devgroup_ones_look_again(vdev);
	leave(vdev);
	return ret;
}

/*
 * The calls that a single device is concerned with. Resetting buses is for the whole group, and
 * writes on eventfds would pass by a freeze.
 */
static long vdev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct devgroup_vdev *vdev = file->private_data;
	long ret;

	switch (cmd) {
	case VFIO_DEVICE_GET_INFO:
	case VFIO_DEVICE_GET_REGION_INFO:
	case VFIO_DEVICE_GET_IRQ_INFO:
	case VFIO_DEVICE_SET_IRQS:
	case VFIO_DEVICE_RESET:
		break;
	default:
		return -ENOTTY;
	}
	ret = enter(vdev);
	if (ret)
		return ret;
	if (cmd == VFIO_DEVICE_SET_IRQS && vdev->use->state != DEVGROUP_NORMAL)
		ret = devgroup_isolated_set_irqs(vdev, arg);
	else
		ret = vfio_pci_core_ioctl(&vdev->core.vdev, cmd, arg);
	leave(vdev);
	return ret;
}

/* Called with mmap_lock held, under which the gate must not be waited for. */
static int vdev_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct devgroup_vdev *vdev = file->private_data;
	int ret = -EIO;

	mutex_lock(&vdev->map_lock);
	if (vdev->enabled)
		ret = vfio_pci_core_mmap(&vdev->core.vdev, vma);
	else if (READ_ONCE(vdev->leaving))
		ret = -ENODEV;
	if (!ret)
		devgroup_ones_wrap(vdev, vma);
	mutex_unlock(&vdev->map_lock);
	return ret;
}

static const struct file_operations vdev_fops = {
	.owner = THIS_MODULE,
	.release = vdev_release,
	.read = vdev_read,
	.write = vdev_write,
	.unlocked_ioctl = vdev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vdev_mmap,
};

/* The set's lock held. */
static int take(struct devgroup_vdev *vdev, struct devgroup_use *use)
{
	int ret;

	if (vdev->removed)
		return -ENOENT;
	if (use->state == DEVGROUP_DEAD)
		return -EIO;
	if (vdev->opened)
		return -EBUSY;
	vdev->use = use;
	ret = enable(vdev);
	vdev->opened = !ret;
	return ret;
}

static void untake(struct devgroup_vdev *vdev)
{
	mutex_lock(&vdev->core.vdev.dev_set->lock);
	disable(vdev);
	vdev->opened = false;
	mutex_unlock(&vdev->core.vdev.dev_set->lock);
}

/* VFIO takes mappings away through the inode of its own object. */
static struct file *make_file(struct devgroup_vdev *vdev, struct devgroup_use *use)
{
	struct file *file = devgroups_fail() ? ERR_PTR(-ENFILE) :
		anon_inode_getfile_fmode("[devgroup-device]", &vdev_fops, vdev, O_RDWR,
					 FMODE_PREAD | FMODE_PWRITE);

	if (IS_ERR(file))
		return file;
	file->f_mapping = vdev->core.vdev.inode->i_mapping;
	devgroup_vdev_get(vdev);
	devgroup_use_get_file(use);
	return file;
}

static struct file *open_file(struct devgroup_vdev *vdev, struct devgroup_use *use)
{
	struct file *file;
	int ret;

	mutex_lock(&vdev->core.vdev.dev_set->lock);
	ret = take(vdev, use);
	mutex_unlock(&vdev->core.vdev.dev_set->lock);
	if (ret)
		return ERR_PTR(ret);
	file = make_file(vdev, use);
	if (IS_ERR(file))
		untake(vdev);
	return file;
}

int devgroup_vdev_open(struct devgroup_vdev *vdev, struct devgroup_use *use)
{
	int fd = get_unused_fd_flags(O_CLOEXEC);
	struct file *file;

	if (fd < 0)
		return fd;
	file = open_file(vdev, use);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	fd_install(fd, file);
	return fd;
}

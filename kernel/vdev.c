// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device of an open group and its file, which speaks the VFIO device API. What is done to the
 * device is done by the code of its bus; here is what the VFIO core does for its own devices: the
 * set of devices that are reset together, its lock, and the count of opens.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "use.h"

void devgroup_vdev_get(struct devgroup_vdev *vdev)
{
	get_device(&vdev->vfio->device);
}

void devgroup_vdev_put(struct devgroup_vdev *vdev)
{
	vfio_put_device(vdev->vfio);
}

int devgroup_vdev_init(struct devgroup_vdev *vdev, const struct devgroup_vdev_ops *ops,
		       struct vfio_device *vfio, struct devgroup_device *ddev, void *set)
{
	int ret;

	vdev->ops = ops;
	vdev->vfio = vfio;
	vdev->ddev = ddev;
	strscpy(vdev->name, dev_name(ddev->dev));
	mutex_init(&vdev->map_lock);
	ret = devgroup_ones_init(vdev);
	if (ret)
		return ret;
	return devgroups_fail() ? -ENOMEM : vfio_assign_device_set(vfio, set);
}

void devgroup_vdev_exit(struct devgroup_vdev *vdev)
{
	devgroup_ones_exit(vdev);
	mutex_destroy(&vdev->map_lock);
}

/*
 * A file that is still open keeps the object, but VFIO finds the device no more, and nothing here
 * touches it. Not even a reference is kept: on powernv the end of the last one takes away the
 * partitionable endpoint, which by then may be that of the device that came in its place.
 */
void devgroup_vdev_destroy(struct devgroup_vdev *vdev)
{
	struct vfio_device *device = vdev->vfio;

	mutex_lock(&device->dev_set->lock);
	list_del_init(&device->dev_set_list);
	mutex_unlock(&device->dev_set->lock);
	devgroup_vdev_put(vdev);
}

bool devgroup_vdev_is_dark(struct devgroup_vdev *vdev)
{
	return vdev->use->state == DEVGROUP_FROZEN || vdev->use->state == DEVGROUP_DEAD;
}

int devgroup_fill_with_ones(char __user *buf, size_t count)
{
	static const u64 ones[8] = { [0 ... 7] = U64_MAX };
	size_t done, now;

	for (done = 0; done < count; done += now) {
		now = min(count - done, sizeof(ones));
		if (copy_to_user(buf + done, ones, now))
			return -EFAULT;
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

/* Afterwards mappings can be made, or none is made any more. The bus's code takes locks that come
 * before mmap_lock, so map_lock is not held while it works. */
static void set_enabled(struct devgroup_vdev *vdev, bool enabled)
{
	mutex_lock(&vdev->map_lock);
	vdev->enabled = enabled;
	mutex_unlock(&vdev->map_lock);
}

/* The set's lock held. */
static int enable(struct devgroup_vdev *vdev)
{
	int ret;

	vdev->vfio->open_count++;
	ret = devgroup_retry(vdev->use, vdev, vdev->ops->enable);
	if (ret) {
		vdev->vfio->open_count--;
		return ret;
	}
	set_enabled(vdev, true);
	vdev->dirty = true;
	vdev->ops->isolate(vdev);
	return 0;
}

/* The set's lock held. */
static void disable(struct devgroup_vdev *vdev)
{
	if (!vdev->enabled)
		return;
	devgroup_ones_set_present(vdev, false);
	set_enabled(vdev, false);
	vdev->ops->disable(vdev);
	vdev->vfio->open_count--;
}

int devgroup_vdev_enable(struct devgroup_vdev *vdev)
{
	int ret;

	mutex_lock(&vdev->vfio->dev_set->lock);
	ret = enable(vdev);
	mutex_unlock(&vdev->vfio->dev_set->lock);
	return ret;
}

void devgroup_vdev_disable(struct devgroup_vdev *vdev)
{
	mutex_lock(&vdev->vfio->dev_set->lock);
	disable(vdev);
	mutex_unlock(&vdev->vfio->dev_set->lock);
}

static void untake(struct devgroup_vdev *vdev)
{
	mutex_lock(&vdev->vfio->dev_set->lock);
	disable(vdev);
	vdev->opened = false;
	mutex_unlock(&vdev->vfio->dev_set->lock);
}

static int vdev_release(struct inode *inode, struct file *file)
{
	struct devgroup_vdev *vdev = file->private_data;
	struct devgroup_use *use = vdev->use;

	/* There are no mappings any more, so nothing queues it again before the next open. */
	cancel_delayed_work_sync(&vdev->refill);
	mutex_lock(&use->lock);
	untake(vdev);
	mutex_unlock(&use->lock);
	devgroup_vdev_put(vdev);
	devgroup_use_put_file(use);
	return 0;
}

/* Until leave, the device is there and its user has it. */
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
	ret = vdev->ops->read(vdev, buf, count, offset);
	leave(vdev);
	return ret;
}

static ssize_t vdev_write(struct file *file, const char __user *buf, size_t count, loff_t *offset)
{
	struct devgroup_vdev *vdev = file->private_data;
	ssize_t ret = enter(vdev);

	if (ret)
		return ret;
	ret = vdev->ops->write(vdev, buf, count, offset);
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
	ret = vdev->ops->ioctl(vdev, cmd, arg);
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
		ret = vdev->ops->mmap(vdev, vma);
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

/* Mappings are taken away through the inode of VFIO's object. */
static struct file *make_file(struct devgroup_vdev *vdev, struct devgroup_use *use)
{
	struct file *file = devgroups_fail() ? ERR_PTR(-ENFILE) :
		anon_inode_getfile_fmode("[devgroup-device]", &vdev_fops, vdev, O_RDWR,
					 FMODE_PREAD | FMODE_PWRITE);

	if (IS_ERR(file))
		return file;
	file->f_mapping = vdev->vfio->inode->i_mapping;
	devgroup_vdev_get(vdev);
	devgroup_use_get_file(use);
	return file;
}

static struct file *open_file(struct devgroup_vdev *vdev, struct devgroup_use *use)
{
	struct file *file;
	int ret;

	mutex_lock(&vdev->vfio->dev_set->lock);
	ret = take(vdev, use);
	mutex_unlock(&vdev->vfio->dev_set->lock);
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

// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/devgroup/N: the file through which one process at a time uses a claimed group. Its calls
 * are described in uapi/devgroups.h. One character device serves all groups; the minor number is
 * the group's.
 */
#include <linux/cdev.h>
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include "use.h"

#define MINORS (MINORMASK + 1)

/* Less than @size may be there, if argsz says so. */
static int why_no_copy(size_t size, const void __user *arg)
{
	u32 argsz;

	return get_user(argsz, (const u32 __user *)arg) || argsz >= size ? -EFAULT : -EINVAL;
}

/*
 * In one go: on a processor whose L1 cache is flushed for each look at user memory, one costs dear. For
 * so few words copy_from_user() takes twice the instructions.
 */
int devgroup_copy_argument(void *to, size_t size, const void __user *arg)
{
	const u32 __user *from = arg;
	u32 *words = to;
	size_t i;

	might_fault();
	if (!user_read_access_begin(arg, size))
		return why_no_copy(size, arg);
	for (i = 0; i < size / sizeof(*words); i++)
		unsafe_get_user(words[i], &from[i], err_fault);
	user_read_access_end();
	return words[0] < size ? -EINVAL : 0;

err_fault:
	user_read_access_end();
	return why_no_copy(size, arg);
}

static u64 capabilities_of(struct devgroup *group)
{
	u64 mask = 0;

	mutex_lock(&devgroups_registry);
	if (!list_empty(&group->members))
		mask = devgroup_capability_mask(group);
	mutex_unlock(&devgroups_registry);
	return mask;
}

static long ioctl_get_info(struct devgroup_use *use, void __user *arg)
{
	struct devgroup_info info;
	int ret = devgroup_copy_argument(&info, sizeof(info), arg);

	if (ret)
		return ret;
	if (info.flags || info.reserved)
		return -EINVAL;
	info.version = DEVGROUPS_API_VERSION;
	info.number = READ_ONCE(use->group->number);
	info.nr_devices = use->count;
	info.capabilities = capabilities_of(use->group);
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static long ioctl_get_device(struct devgroup_use *use, void __user *arg)
{
	struct devgroup_device_info info;
	struct devgroup_vdev *vdev;
	int ret = devgroup_copy_argument(&info, sizeof(info), arg);

	if (ret)
		return ret;
	if (info.flags)
		return -EINVAL;
	if (info.index >= use->count)
		return -ENOENT;
	vdev = use->devices[array_index_nospec(info.index, use->count)];
	if (READ_ONCE(vdev->leaving))
		return -ENOENT;
	info.bus = vdev->ops->bus;
	strscpy_pad(info.name, vdev->name);
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static struct devgroup_vdev *find_device(struct devgroup_use *use, const char *name)
{
	unsigned int i;

	for (i = 0; i < use->count; i++) {
		if (!strcmp(use->devices[i]->name, name))
			return use->devices[i];
	}
	return NULL;
}

static long ioctl_open_device(struct devgroup_use *use, void __user *arg)
{
	struct devgroup_open_device open;
	struct devgroup_vdev *vdev;
	int ret = devgroup_copy_argument(&open, sizeof(open), arg);

	if (ret)
		return ret;
	if (open.flags || strnlen(open.name, sizeof(open.name)) == sizeof(open.name))
		return -EINVAL;
	vdev = find_device(use, open.name);
	return vdev ? devgroup_vdev_open(vdev, use) : -ENOENT;
}

static long ioctl_get_error(struct devgroup_use *use, void __user *arg)
{
	struct devgroup_error error;
	int ret = devgroup_copy_argument(&error, sizeof(error), arg);

	if (ret)
		return ret;
	if (error.flags || error.reserved)
		return -EINVAL;
	devgroup_freeze_look(use, &error);
	return copy_to_user(arg, &error, sizeof(error)) ? -EFAULT : 0;
}

static long ioctl_set_event(struct devgroup_use *use, void __user *arg)
{
	struct devgroup_set_event event;
	struct eventfd_ctx *context = NULL;
	int ret = devgroup_copy_argument(&event, sizeof(event), arg);

	if (ret)
		return ret;
	if (event.flags || event.event >= DEVGROUP_NR_EVENTS || event.fd < -1)
		return -EINVAL;
	event.event = array_index_nospec(event.event, DEVGROUP_NR_EVENTS);
	if (event.fd >= 0)
		context = eventfd_ctx_fdget(event.fd);
	if (IS_ERR(context))
		return PTR_ERR(context);
	spin_lock(&use->event_lock);
	swap(use->events[event.event], context);
	spin_unlock(&use->event_lock);
	if (context)
		eventfd_ctx_put(context);
	return 0;
}

/* The flags of a command, of which @known are allowed. */
static int get_flags(u32 *flags, const void __user *arg, u32 known)
{
	struct devgroup_command command;
	int ret = devgroup_copy_argument(&command, sizeof(command), arg);

	if (ret)
		return ret;
	*flags = command.flags;
	return command.flags & ~known ? -EINVAL : 0;
}

static long ioctl_reset(struct devgroup_use *use, void __user *arg)
{
	u32 flags;
	int ret = get_flags(&flags, arg, DEVGROUP_RESET_BUS);

	return ret ?: devgroup_use_reset(use, flags & DEVGROUP_RESET_BUS);
}

static long ioctl_bind_kvm(struct devgroup_use *use, void __user *arg)
{
	u32 flags;
	int ret = get_flags(&flags, arg, 0);

	return ret ?: devgroup_kvm_bind(use);
}

static long ioctl_unbind_kvm(struct devgroup_use *use, void __user *arg)
{
	u32 flags;
	int ret = get_flags(&flags, arg, 0);

	return ret ?: devgroup_kvm_unbind(use);
}

static long ioctl_freeze(struct devgroup_use *use, void __user *arg)
{
	u32 flags;
	int ret = get_flags(&flags, arg, 0);

	return ret ?: devgroup_freeze(use, DEVGROUP_CAUSE_USER);
}

static long ioctl_unfreeze(struct devgroup_use *use, void __user *arg)
{
	u32 flags;
	int ret = get_flags(&flags, arg, DEVGROUP_RELEASE_MMIO | DEVGROUP_RELEASE_DMA);

	if (ret)
		return ret;
	return flags ? devgroup_unfreeze(use, flags, true) : -EINVAL;
}

static long ioctl_configure(struct devgroup_use *use, void __user *arg)
{
	u32 flags;
	int ret = get_flags(&flags, arg, 0);

	return ret ?: devgroup_configure(use);
}

static long dma_ioctl(struct devgroup_use *use, unsigned int cmd, void __user *arg)
{
	return use->dma ? devgroup_dma_ioctl(use->dma, cmd, arg) : -ENODEV;
}

/* Inside the gate: no device comes, goes or is reset meanwhile. */
static long ioctl_inside(struct devgroup_use *use, unsigned int cmd, void __user *arg)
{
	long ret = devgroup_gate_enter(&use->gate);

	if (ret)
		return ret;
	switch (cmd) {
	case DEVGROUP_OPEN_DEVICE:
		ret = ioctl_open_device(use, arg);
		break;
	case DEVGROUP_GET_ERROR:
		ret = ioctl_get_error(use, arg);
		break;
	default:
		ret = dma_ioctl(use, cmd, arg);
	}
	devgroup_gate_leave(&use->gate);
	return ret;
}

/* Who holds the device's lock may be waiting for the gate, and comes first. */
static long open_device(struct devgroup_use *use, void __user *arg)
{
	long ret;

	do
		ret = ioctl_inside(use, DEVGROUP_OPEN_DEVICE, arg);
	while (ret == -EAGAIN);
	return ret;
}

static long group_ioctl(struct file *file, unsigned int cmd, unsigned long argument)
{
	void __user *arg = (void __user *)argument;
	struct devgroup_use *use = file->private_data;

	switch (cmd) {
	case DEVGROUP_GET_INFO:
		return ioctl_get_info(use, arg);
	case DEVGROUP_GET_DEVICE:
		return ioctl_get_device(use, arg);
	case DEVGROUP_SET_EVENT:
		return ioctl_set_event(use, arg);
	case DEVGROUP_BIND_KVM:
		return ioctl_bind_kvm(use, arg);
	case DEVGROUP_UNBIND_KVM:
		return ioctl_unbind_kvm(use, arg);
	case DEVGROUP_FREEZE:
		return ioctl_freeze(use, arg);
	case DEVGROUP_UNFREEZE:
		return ioctl_unfreeze(use, arg);
	case DEVGROUP_RESET:
		return ioctl_reset(use, arg);
	case DEVGROUP_CONFIGURE:
		return ioctl_configure(use, arg);
	case DEVGROUP_OPEN_DEVICE:
		return open_device(use, arg);
	default:
		return ioctl_inside(use, cmd, arg);
	}
}

/* The group of that number with a reference, or NULL. */
static struct devgroup *get_group(unsigned int number)
{
	struct devgroup *group;

	mutex_lock(&devgroups_registry);
	group = devgroup_find(number);
	if (group)
		kobject_get(&group->kobj);
	mutex_unlock(&devgroups_registry);
	return group;
}

static int group_open(struct inode *inode, struct file *file)
{
	struct devgroup *group = get_group(iminor(inode));
	struct devgroup_use *use;

	if (!group)
		return -ENODEV;
	use = devgroup_use_begin(group, false);
	kobject_put(&group->kobj);
	if (IS_ERR(use))
		return PTR_ERR(use);
	file->private_data = use;
	return nonseekable_open(inode, file);
}

static int group_release(struct inode *inode, struct file *file)
{
	devgroup_use_put_file(file->private_data);
	return 0;
}

static const struct file_operations group_fops = {
	.owner = THIS_MODULE,
	.open = group_open,
	.release = group_release,
	.unlocked_ioctl = group_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static char *devnode(const struct device *dev, umode_t *mode)
{
	if (mode)
		*mode = 0600;
	return kasprintf(GFP_KERNEL, "devgroup/%s", dev_name(dev));
}

static struct class devgroup_class = {
	.name = "devgroup",
	.devnode = devnode,
};
static struct cdev devgroup_cdev;
static dev_t first_number;

struct device *devgroup_file_create(unsigned int number)
{
	if (number >= MINORS)
		return ERR_PTR(-ENOSPC);
	if (devgroups_fail())
		return ERR_PTR(-ENOMEM);
	return device_create(&devgroup_class, NULL, MKDEV(MAJOR(first_number), number), NULL,
			     "%u", number);
}

void devgroup_file_destroy(struct device *node)
{
	if (!IS_ERR_OR_NULL(node))
		device_unregister(node);
}

int devgroups_file_init(void)
{
	int ret = class_register(&devgroup_class);

	if (ret)
		return ret;
	ret = alloc_chrdev_region(&first_number, 0, MINORS, "devgroup");
	if (ret)
		goto err_class;
	cdev_init(&devgroup_cdev, &group_fops);
	devgroup_cdev.owner = THIS_MODULE;
	ret = cdev_add(&devgroup_cdev, first_number, MINORS);
	if (ret)
		goto err_region;
	return 0;

err_region:
	unregister_chrdev_region(first_number, MINORS);
err_class:
	class_unregister(&devgroup_class);
	return ret;
}

void devgroups_file_exit(void)
{
	cdev_del(&devgroup_cdev);
	unregister_chrdev_region(first_number, MINORS);
	class_unregister(&devgroup_class);
}

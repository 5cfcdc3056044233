// SPDX-License-Identifier: GPL-2.0-only
/*
 * What KVM is shown of a group in use, so that it handles TCE hypercalls itself. KVM knows a DMA
 * window by the IOMMU group that has it, and an IOMMU group by its file of VFIO's. So the group's
 * devices are known to VFIO for that long, as ones that nobody can open: VFIO looks a device up by
 * its name, and these answer to none. Nor does VFIO get the group's DMA, which is ours. Nothing is
 * ever waited for: only an open device would hold its removal up.
 *
 * KVM goes on knowing the IOMMU group as long as it has the file, whoever uses the group by then,
 * and so could change the entries of the next user. A file therefore stays the group's after the
 * use, and while somebody else has it, too, the group is not given to anybody. VFIO opens a group
 * only once, and it is us who do (kvm_file.c): there is no file that we do not know of.
 *
 * The same goes for tables in an LPAR. They are the hypervisor's, known by a number, and the next
 * user's window has the same: what KVM has of a window that is gone would change that one's entries.
 * If the devices are unplugged meanwhile and come back, they do so in another group: it gets no
 * window of that number.
 */
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <asm/iommu.h>

#include "use.h"

#define PATIENCE (2 * HZ)

struct kvm_file {
	struct list_head link;		/* in the use, then in the group */
	/* To know it by, and no reference, which would outlive its devices. NULL: they have left. */
	struct iommu_group *iommu_group;
	struct file *file;		/* a reference; KVM and the user have others */
};

static LIST_HEAD(kept_tables);
static DEFINE_MUTEX(kept_tables_lock);

static int match(struct vfio_device *device, char *name)
{
	return -EPERM;
}

static const struct vfio_device_ops token_ops = {
	.name = DEVGROUPS_DRIVER,
	.match = match,
	.bind_iommufd = vfio_iommufd_physical_bind,
	.unbind_iommufd = vfio_iommufd_physical_unbind,
	.attach_ioas = vfio_iommufd_physical_attach_ioas,
	.detach_ioas = vfio_iommufd_physical_detach_ioas,
};

static int show_device(struct devgroup_vdev *vdev)
{
	struct vfio_device *token;
	int ret;

	if (devgroups_fail())
		return -ENOMEM;
	token = _vfio_alloc_device(sizeof(*token), vdev->vfio->dev, &token_ops);
	if (IS_ERR(token))
		return PTR_ERR(token);
	ret = devgroups_fail() ? -ENOMEM : vfio_register_group_dev(token);
	if (ret)
		vfio_put_device(token);
	else
		vdev->token = token;
	return ret;
}

static void hide_device(struct devgroup_vdev *vdev)
{
	if (!vdev->token)
		return;
	vfio_unregister_group_dev(vdev->token);
	vfio_put_device(vdev->token);
	vdev->token = NULL;
}

static void hide_devices(struct devgroup_use *use)
{
	unsigned int i;

	for (i = 0; i < use->count; i++)
		hide_device(use->devices[i]);
}

/* All devices, so that the IOMMU group's file lasts as long as one of them. */
static int show_devices(struct devgroup_use *use)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < use->count && !ret; i++) {
		if (!use->devices[i]->removed && !use->devices[i]->token)
			ret = show_device(use->devices[i]);
	}
	return ret;
}

/* The first that the group has left, which has its windows as all others; a reference, or NULL. */
static struct iommu_group *get_iommu_group(struct devgroup_use *use)
{
	unsigned int i;

	for (i = 0; i < use->count; i++) {
		if (!use->devices[i]->removed && !READ_ONCE(use->devices[i]->leaving))
			return iommu_group_get(use->devices[i]->vfio->dev);
	}
	return NULL;
}

static struct kvm_file *find_file(struct devgroup_use *use, struct iommu_group *iommu_group)
{
	struct kvm_file *file;

	list_for_each_entry(file, &use->kvm_files, link) {
		if (file->iommu_group == iommu_group)
			return file;
	}
	return NULL;
}

static void free_file(struct kvm_file *file)
{
	fput(file->file);
	kfree(file);
}

static struct kvm_file *create_file(struct devgroup_use *use, struct iommu_group *iommu_group)
{
	struct kvm_file *file = devgroups_fail() ? NULL : kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!file)
		return ERR_PTR(-ENOMEM);
	file->file = devgroups_fail() ? ERR_PTR(-ENFILE) : devgroup_kvm_open(iommu_group);
	if (IS_ERR(file->file)) {
		ret = PTR_ERR(file->file);
		kfree(file);
		return ERR_PTR(ret);
	}
	file->iommu_group = iommu_group;
	list_add_tail(&file->link, &use->kvm_files);
	return file;
}

static struct kvm_file *get_file_of(struct devgroup_use *use, struct iommu_group *iommu_group)
{
	bool first = list_empty(&use->kvm_files);
	struct kvm_file *file = find_file(use, iommu_group);
	int ret;

	if (file)
		return file;
	ret = show_devices(use);
	file = ret ? ERR_PTR(ret) : create_file(use, iommu_group);
	if (IS_ERR(file) && first)
		hide_devices(use);
	return file;
}

/* The use's lock held. */
static struct file *bind_file(struct devgroup_use *use)
{
	struct iommu_group *iommu_group = use->dma ? get_iommu_group(use) : NULL;
	struct kvm_file *file;

	if (!iommu_group)
		return ERR_PTR(-ENODEV);
	file = get_file_of(use, iommu_group);
	iommu_group_put(iommu_group);
	if (IS_ERR(file))
		return ERR_CAST(file);
	devgroup_dma_show(use->dma, true);
	return get_file(file->file);
}

/* The use's lock held. */
static bool is_last(struct devgroup_use *use, struct devgroup_vdev *vdev)
{
	unsigned int i;

	for (i = 0; i < use->count; i++) {
		struct devgroup_vdev *other = use->devices[i];

		if (other != vdev && !other->removed &&
		    other->vfio->dev->iommu_group == vdev->vfio->dev->iommu_group)
			return false;
	}
	return true;
}

void devgroup_kvm_hide(struct devgroup_use *use, struct devgroup_vdev *vdev)
{
	struct kvm_file *file = find_file(use, vdev->vfio->dev->iommu_group);

	hide_device(vdev);
	if (file && is_last(use, vdev))
		file->iommu_group = NULL;
}

static bool is_held_up(struct devgroup_use *use, struct devgroup_vdev *vdev)
{
	struct kvm_file *file;
	bool held;

	mutex_lock(&use->lock);
	file = find_file(use, vdev->vfio->dev->iommu_group);
	held = file && file_count(file->file) > 1 && is_last(use, vdev);
	mutex_unlock(&use->lock);
	return held;
}

/*
 * On powernv an IOMMU group that is referred to after its last device has left makes the kernel
 * warn. Its user, who has been asked, has a moment to take it from KVM, and no more.
 */
void devgroup_kvm_wait(struct devgroup_use *use, struct devgroup_vdev *vdev)
{
	struct device *dev = vdev->vfio->dev;
	unsigned long end = jiffies + PATIENCE;

	while (is_held_up(use, vdev)) {
		if (time_after(jiffies, end)) {
			dev_warn(dev, "%s (%d) leaves its IOMMU group to KVM\n", use->owner_comm,
				 pid_nr(use->owner));
			return;
		}
		msleep(20);
	}
}

int devgroup_kvm_bind(struct devgroup_use *use)
{
	int fd = get_unused_fd_flags(O_CLOEXEC), ret;
	struct file *file;

	if (fd < 0)
		return fd;
	ret = mutex_lock_killable(&use->lock);
	file = ret ? ERR_PTR(ret) : bind_file(use);
	if (!ret)
		mutex_unlock(&use->lock);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	fd_install(fd, file);
	return fd;
}

int devgroup_kvm_unbind(struct devgroup_use *use)
{
	int ret = mutex_lock_killable(&use->lock);

	if (ret)
		return ret;
	if (use->dma)
		devgroup_dma_show(use->dma, false);
	else
		ret = -ENODEV;
	mutex_unlock(&use->lock);
	return ret;
}

void devgroup_kvm_end(struct devgroup_use *use)
{
	hide_devices(use);
	mutex_lock(&devgroups_registry);
	list_splice_init(&use->kvm_files, &use->group->kvm_files);
	mutex_unlock(&devgroups_registry);
}

static void put_table(struct devgroup_kvm_table *kept)
{
	list_del(&kept->link);
	iommu_tce_table_put(kept->table);
	kfree(kept);
}

/* Lets go of those that KVM has not. kept_tables_lock held, as for the next. */
static void put_unused_tables(void)
{
	struct devgroup_kvm_table *kept, *next;

	list_for_each_entry_safe(kept, next, &kept_tables, link) {
		if (kref_read(&kept->table->it_kref) == 1)
			put_table(kept);
	}
}

/* One of the group's; with @number, one of that number that is not, or not any more. */
static bool find_table(struct devgroup *group, const unsigned long *number)
{
	struct devgroup_kvm_table *kept;

	list_for_each_entry(kept, &kept_tables, link) {
		if (number ? kept->group != group && kept->table->it_index == *number :
			     kept->group == group)
			return true;
	}
	return false;
}

/* KVM lets go of a table when all processors have seen that it is gone. */
static bool has_table(struct devgroup *group, const unsigned long *number)
{
	bool found;

	mutex_lock(&kept_tables_lock);
	put_unused_tables();
	found = find_table(group, number);
	if (found) {
		rcu_barrier();
		put_unused_tables();
		found = find_table(group, number);
	}
	mutex_unlock(&kept_tables_lock);
	return found;
}

bool devgroup_kvm_has(struct devgroup *group, struct iommu_table *table)
{
	return has_table(group, &table->it_index);
}

/* A user may make and remove windows without end: those that KVM has not do not add up. */
void devgroup_kvm_keep(struct devgroup_kvm_table *kept, struct devgroup *group,
		       struct iommu_table *table)
{
	kept->group = group;
	kept->table = table;
	mutex_lock(&kept_tables_lock);
	list_add(&kept->link, &kept_tables);
	put_unused_tables();
	mutex_unlock(&kept_tables_lock);
}

/* Our own reference is the last one: nobody can come by another. */
bool devgroup_kvm_held(struct devgroup *group)
{
	struct kvm_file *file, *next;

	list_for_each_entry_safe(file, next, &group->kvm_files, link) {
		if (file_count(file->file) > 1)
			continue;
		list_del(&file->link);
		free_file(file);
	}
	return !list_empty(&group->kvm_files) || has_table(group, NULL);
}

void devgroup_kvm_forget(struct devgroup *group)
{
	struct devgroup_kvm_table *kept;
	struct kvm_file *file, *next;

	list_for_each_entry_safe(file, next, &group->kvm_files, link)
		free_file(file);
	mutex_lock(&kept_tables_lock);
	list_for_each_entry(kept, &kept_tables, link) {
		if (kept->group == group)
			kept->group = NULL;
	}
	put_unused_tables();
	mutex_unlock(&kept_tables_lock);
}

void devgroup_kvm_exit(void)
{
	struct devgroup_kvm_table *kept, *next;

	list_for_each_entry_safe(kept, next, &kept_tables, link)
		put_table(kept);
}

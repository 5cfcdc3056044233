// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opens VFIO's file of an IOMMU group, for a user who need not see /dev/vfio. The kernel has no
 * call for that: a device node without a name is made for the number of VFIO's device, which sysfs
 * finds by its name.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/kernfs.h>
#include <linux/mount.h>
#include <linux/platform_device.h>
#include <linux/pseudo_fs.h>

#include "use.h"

#define MAGIC 0x64657667	/* of the file system that nodes are in */

static int init_context(struct fs_context *context)
{
	return init_pseudo(context, MAGIC) ? 0 : -ENOMEM;
}

/* Mounted while a node is there, and so keeps the module. */
static struct file_system_type node_fs = {
	.name = DEVGROUPS_DRIVER,
	.owner = THIS_MODULE,
	.init_fs_context = init_context,
	.kill_sb = kill_anon_super,
};
static struct vfsmount *node_mount;	/* counted by node_mounts */
static int node_mounts;

/* /sys/devices/virtual/vfio/N, which has the device: there while VFIO knows the IOMMU group. */
static struct kernfs_node *find_folder(struct iommu_group *iommu_group)
{
	struct kernfs_node *folder = platform_bus.kobj.parent->sd, *next;
	char number[12];
	const char *const path[] = { "virtual", "vfio", number };
	unsigned int i;

	snprintf(number, sizeof(number), "%d", iommu_group_id(iommu_group));
	kernfs_get(folder);
	for (i = 0; i < ARRAY_SIZE(path) && folder; i++) {
		next = kernfs_find_and_get(folder, path[i]);
		kernfs_put(folder);
		folder = next;
	}
	return folder;
}

/* 0: VFIO does not know the IOMMU group. */
static dev_t find_number(struct iommu_group *iommu_group)
{
	struct kernfs_node *folder = find_folder(iommu_group);
	dev_t number;

	if (!folder)
		return 0;
	number = kobj_to_dev(folder->priv)->devt;
	kernfs_put(folder);
	return number;
}

/* Nothing is done with the file that makes the node, which is just the way to make one. */
static struct file *make_node(dev_t number)
{
	static const struct file_operations nothing;
	struct inode *inode = alloc_anon_inode(node_mount->mnt_sb);
	struct file *file;

	if (IS_ERR(inode))
		return ERR_CAST(inode);
	init_special_inode(inode, S_IFCHR | 0600, number);
	file = alloc_file_pseudo(inode, node_mount, "devgroup-kvm", O_RDWR, &nothing);
	if (IS_ERR(file))
		iput(inode);
	else
		file->f_mode |= FMODE_PATH;	/* its end is not that of a user of the device */
	return file;
}

static struct file *open_number(dev_t number)
{
	struct file *node = make_node(number), *file;

	if (IS_ERR(node))
		return node;
	file = dentry_open(&node->f_path, O_RDWR, current_cred());
	fput(node);
	return file;
}

struct file *devgroup_kvm_open(struct iommu_group *iommu_group)
{
	dev_t number = find_number(iommu_group);
	struct file *file;
	int ret;

	if (!number)
		return ERR_PTR(-EOPNOTSUPP);
	ret = simple_pin_fs(&node_fs, &node_mount, &node_mounts);
	if (ret)
		return ERR_PTR(ret);
	file = open_number(number);
	simple_release_fs(&node_mount, &node_mounts);
	return file;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * A platform device of an open group, by the VFIO device API as VFIO's own driver of platform
 * devices has it: a region for each memory resource, an index for each interrupt. That driver is
 * not there on POWER, so that nothing of it is used.
 */
#include <linux/io.h>
#include <linux/nospec.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "platform.h"

/* Where regions are in the file. */
#define FILE_SHIFT 40
#define FILE_MASK (BIT_ULL(FILE_SHIFT) - 1)
#define FILE_PAGES_SHIFT (FILE_SHIFT - PAGE_SHIFT)

static void platform_free(struct vfio_device *device)
{
	struct devgroup_platform *platform = container_of(device, struct devgroup_platform, vdev);

	devgroup_vdev_exit(&platform->base);
	mutex_destroy(&platform->irq_lock);
	kfree(platform->irqs);
	kfree(platform->regions);
}

static const struct vfio_device_ops vfio_ops = {
	.name = DEVGROUPS_DRIVER,
	.release = platform_free,
};

static void init_region(struct platform_region *region, const struct resource *resource)
{
	region->start = resource->start;
	region->size = resource_size(resource);
	region->flags = VFIO_REGION_INFO_FLAG_READ;
	if (!(resource->flags & IORESOURCE_READONLY))
		region->flags |= VFIO_REGION_INFO_FLAG_WRITE;
	/* Else there may be something of another device in its pages. */
	if (PAGE_ALIGNED(region->start | region->size))
		region->flags |= VFIO_REGION_INFO_FLAG_MMAP;
}

static int find_regions(struct devgroup_platform *platform)
{
	struct platform_device *pdev = devgroup_platform_dev(&platform->base);
	unsigned int count = 0, i;

	while (platform_get_resource(pdev, IORESOURCE_MEM, count))
		count++;
	platform->regions = devgroups_fail() ? NULL :
			    kcalloc(count, sizeof(*platform->regions), GFP_KERNEL);
	if (!platform->regions)
		return -ENOMEM;
	for (i = 0; i < count; i++)
		init_region(&platform->regions[i],
			    platform_get_resource(pdev, IORESOURCE_MEM, i));
	platform->nr_regions = count;
	return 0;
}

static void unmap_regions(struct devgroup_platform *platform)
{
	unsigned int i;

	for (i = 0; i < platform->nr_regions; i++) {
		if (platform->regions[i].io)
			iounmap(platform->regions[i].io);
		platform->regions[i].io = NULL;
	}
}

static int map_regions(struct devgroup_platform *platform)
{
	struct platform_region *region;
	unsigned int i;

	for (i = 0; i < platform->nr_regions; i++) {
		region = &platform->regions[i];
		region->io = devgroups_fail() ? NULL : ioremap(region->start, region->size);
		if (!region->io) {
			unmap_regions(platform);
			return -ENOMEM;
		}
	}
	return 0;
}

/* As with PCI devices, it is reset for each user if it can be. */
static int platform_enable(struct devgroup_vdev *vdev)
{
	int ret = pm_runtime_resume_and_get(vdev->vfio->dev);

	if (ret < 0)
		return ret;
	ret = map_regions(to_platform(vdev));
	if (ret)
		goto err_pm;
	ret = devgroup_platform_reset(devgroup_platform_dev(vdev));
	if (ret && ret != -ENOTTY)
		goto err_regions;
	return 0;

err_regions:
	unmap_regions(to_platform(vdev));
err_pm:
	pm_runtime_put(vdev->vfio->dev);
	return ret;
}

static void platform_disable(struct devgroup_vdev *vdev)
{
	devgroup_platform_stop_irqs(to_platform(vdev));
	unmap_regions(to_platform(vdev));
	pm_runtime_put(vdev->vfio->dev);
}

/* Bytes as they are in the region. */
static void read_part(void __iomem *io, void *value, size_t size)
{
	switch (size) {
	case 4:
		*(__le32 *)value = cpu_to_le32(ioread32(io));
		break;
	case 2:
		*(__le16 *)value = cpu_to_le16(ioread16(io));
		break;
	default:
		*(u8 *)value = ioread8(io);
	}
}

static void write_part(void __iomem *io, const void *value, size_t size)
{
	switch (size) {
	case 4:
		iowrite32(le32_to_cpu(*(const __le32 *)value), io);
		break;
	case 2:
		iowrite16(le16_to_cpu(*(const __le16 *)value), io);
		break;
	default:
		iowrite8(*(const u8 *)value, io);
	}
}

/* The largest access that the next bytes can be read or written with. */
static size_t next_part(u64 at, size_t left)
{
	size_t size = 4;

	while (size > 1 && (at % size || left < size))
		size /= 2;
	return size;
}

/* The region, and how much of an access lies in it; NULL: nothing. */
static struct platform_region *find_region(struct devgroup_platform *platform, loff_t offset,
					   size_t *count)
{
	u64 index = (u64)offset >> FILE_SHIFT, at = offset & FILE_MASK;
	struct platform_region *region;

	if (offset < 0 || index >= platform->nr_regions)
		return NULL;
	region = &platform->regions[array_index_nospec(index, platform->nr_regions)];
	if (at >= region->size)
		return NULL;
	*count = min_t(u64, *count, region->size - at);
	return region;
}

/* An access of a user that has been killed ends, as it may be as large as the region. */
static ssize_t read_io(void __iomem *io, u64 at, char __user *buf, size_t count)
{
	size_t done, size;
	u32 value;

	for (done = 0; done < count; done += size) {
		size = next_part(at + done, count - done);
		read_part(io + at + done, &value, size);
		if (copy_to_user(buf + done, &value, size))
			return -EFAULT;
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return done;
}

static ssize_t write_io(void __iomem *io, u64 at, const char __user *buf, size_t count)
{
	size_t done, size;
	u32 value;

	for (done = 0; done < count; done += size) {
		size = next_part(at + done, count - done);
		if (copy_from_user(&value, buf + done, size))
			return -EFAULT;
		write_part(io + at + done, &value, size);
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return done;
}

static ssize_t platform_read(struct devgroup_vdev *vdev, char __user *buf, size_t count,
			     loff_t *offset)
{
	struct platform_region *region = find_region(to_platform(vdev), *offset, &count);
	ssize_t ret;

	if (!region)
		return -EINVAL;
	if (devgroup_vdev_is_dark(vdev))
		ret = devgroup_fill_with_ones(buf, count) ?: count;
	else
		ret = read_io(region->io, *offset & FILE_MASK, buf, count);
	*offset += max_t(ssize_t, ret, 0);
	return ret;
}

static ssize_t platform_write(struct devgroup_vdev *vdev, const char __user *buf, size_t count,
			      loff_t *offset)
{
	struct platform_region *region = find_region(to_platform(vdev), *offset, &count);
	ssize_t ret = count;

	if (!region || !(region->flags & VFIO_REGION_INFO_FLAG_WRITE))
		return -EINVAL;
	if (!devgroup_vdev_is_dark(vdev))
		ret = write_io(region->io, *offset & FILE_MASK, buf, count);
	*offset += max_t(ssize_t, ret, 0);
	return ret;
}

static long get_info(struct devgroup_platform *platform, void __user *arg)
{
	const size_t size = offsetofend(struct vfio_device_info, num_irqs);
	struct vfio_device_info info;
	int ret = devgroup_copy_argument(&info, size, arg);

	if (ret)
		return ret;
	info.flags = VFIO_DEVICE_FLAGS_PLATFORM;
	if (devgroup_platform_has_reset(devgroup_platform_dev(&platform->base)))
		info.flags |= VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = platform->nr_regions;
	info.num_irqs = platform->nr_irqs;
	return copy_to_user(arg, &info, size) ? -EFAULT : 0;
}

static long get_region_info(struct devgroup_platform *platform, void __user *arg)
{
	struct vfio_region_info info;
	struct platform_region *region;
	int ret = devgroup_copy_argument(&info, sizeof(info), arg);

	if (ret)
		return ret;
	if (info.index >= platform->nr_regions)
		return -EINVAL;
	region = &platform->regions[array_index_nospec(info.index, platform->nr_regions)];
	info.flags = region->flags;
	info.cap_offset = 0;
	info.size = region->size;
	info.offset = (u64)info.index << FILE_SHIFT;
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static long get_irq_info(struct devgroup_platform *platform, void __user *arg)
{
	struct vfio_irq_info info;
	int ret = devgroup_copy_argument(&info, sizeof(info), arg);

	if (ret)
		return ret;
	if (info.index >= platform->nr_irqs)
		return -EINVAL;
	info.flags = platform->irqs[array_index_nospec(info.index, platform->nr_irqs)].flags;
	info.count = 1;
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static long reset_for_user(struct devgroup_platform *platform)
{
	int ret = devgroup_platform_reset(devgroup_platform_dev(&platform->base));

	/* As VFIO has it. */
	return ret == -ENOTTY ? -EINVAL : ret;
}

static long platform_ioctl(struct devgroup_vdev *vdev, unsigned int cmd, unsigned long argument)
{
	struct devgroup_platform *platform = to_platform(vdev);
	void __user *arg = (void __user *)argument;

	switch (cmd) {
	case VFIO_DEVICE_GET_INFO:
		return get_info(platform, arg);
	case VFIO_DEVICE_GET_REGION_INFO:
		return get_region_info(platform, arg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return get_irq_info(platform, arg);
	case VFIO_DEVICE_SET_IRQS:
		return devgroup_platform_set_irqs(platform, arg);
	case VFIO_DEVICE_RESET:
		return reset_for_user(platform);
	default:
		return -ENOTTY;
	}
}

/* The mapping was checked to lie in the region. */
static vm_fault_t region_fault(struct vm_fault *vmf)
{
	const struct platform_region *region = vmf->vma->vm_private_data;
	unsigned long page = vmf->pgoff & (BIT_ULL(FILE_PAGES_SHIFT) - 1);

	return vmf_insert_pfn(vmf->vma, vmf->address, PHYS_PFN(region->start) + page);
}

static const struct vm_operations_struct region_vm_ops = {
	.fault = region_fault,
};

static int platform_mmap(struct devgroup_vdev *vdev, struct vm_area_struct *vma)
{
	u64 page = vma->vm_pgoff & (BIT_ULL(FILE_PAGES_SHIFT) - 1), pages = vma_pages(vma);
	u64 index = vma->vm_pgoff >> FILE_PAGES_SHIFT;
	struct devgroup_platform *platform = to_platform(vdev);
	struct platform_region *region;

	if (index >= platform->nr_regions || !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	region = &platform->regions[array_index_nospec(index, platform->nr_regions)];
	if (!(region->flags & VFIO_REGION_INFO_FLAG_MMAP) ||
	    page + pages > region->size >> PAGE_SHIFT)
		return -EINVAL;
	if ((vma->vm_flags & VM_WRITE) && !(region->flags & VFIO_REGION_INFO_FLAG_WRITE))
		return -EINVAL;
	if (!(region->flags & VFIO_REGION_INFO_FLAG_WRITE))
		vm_flags_clear(vma, VM_MAYWRITE);
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	vma->vm_private_data = region;
	vma->vm_ops = &region_vm_ops;
	return 0;
}

static void platform_isolate(struct devgroup_vdev *vdev)
{
	devgroup_platform_freeze_irqs(to_platform(vdev), vdev->use->state != DEVGROUP_NORMAL);
	devgroup_ones_set_present(vdev, !devgroup_vdev_is_dark(vdev));
}

static const struct devgroup_vdev_ops platform_vdev_ops = {
	.bus = DEVGROUP_BUS_PLATFORM,
	.enable = platform_enable,
	.disable = platform_disable,
	.read = platform_read,
	.write = platform_write,
	.ioctl = platform_ioctl,
	.mmap = platform_mmap,
	.isolate = platform_isolate,
	.reset = &devgroup_platform_reset_ops,
};

struct devgroup_vdev *devgroup_platform_create(struct devgroup_device *ddev)
{
	struct devgroup_platform *platform;
	int ret;

	if (devgroups_fail())
		return ERR_PTR(-ENOMEM);
	platform = vfio_alloc_device(devgroup_platform, vdev, ddev->dev, &vfio_ops);
	if (IS_ERR(platform))
		return ERR_CAST(platform);
	mutex_init(&platform->irq_lock);
	ret = devgroup_vdev_init(&platform->base, &platform_vdev_ops, &platform->vdev, ddev,
				 platform);
	if (!ret)
		ret = find_regions(platform);
	if (!ret)
		ret = devgroup_platform_find_irqs(platform);
	if (ret) {
		devgroup_vdev_put(&platform->base);
		return ERR_PTR(ret);
	}
	return &platform->base;
}

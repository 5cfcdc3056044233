// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a mapping of a device shows where no access may reach the device: a page of ones, one for
 * each device, instead of SIGBUS. That is the case while the device does not decode, while it is
 * reset, and when it is gone.
 *
 * The page can be written, as no store may fail. So it is taken out of all mappings and filled
 * anew a moment after it was put in: a store is seen where it went for REFILL_MS at most, and
 * nowhere after that. What the mapping shows when a device comes to decode is the device at once.
 */
#include <linux/mm.h>
#include <linux/workqueue.h>

#include "use.h"

#define REFILL_MS 10

/* What the bus keeps with a mapping is its own. */
static struct devgroup_vdev *vdev_of(struct vm_area_struct *vma)
{
	return vma->vm_file->private_data;
}

/* Cached, as the kernel has the page, whatever the BAR would be. */
static vm_fault_t map_ones(struct devgroup_vdev *vdev, struct vm_fault *vmf)
{
	WRITE_ONCE(vdev->ones_mapped, true);
	queue_delayed_work(system_unbound_wq, &vdev->refill, msecs_to_jiffies(REFILL_MS));
	return vmf_insert_pfn_prot(vmf->vma, vmf->address, page_to_pfn(vdev->ones),
				   vm_get_page_prot(vmf->vma->vm_flags));
}

static vm_fault_t ones_fault(struct vm_fault *vmf)
{
	struct devgroup_vdev *vdev = vdev_of(vmf->vma);
	vm_fault_t ret = VM_FAULT_SIGBUS;

	down_read(&vdev->fault_lock);
	if (vdev->present)
		ret = vdev->real_ops->fault(vmf);
	if (ret == VM_FAULT_SIGBUS)
		ret = map_ones(vdev, vmf);
	up_read(&vdev->fault_lock);
	return ret;
}

#ifdef CONFIG_ARCH_SUPPORTS_HUGE_PFNMAP
static vm_fault_t ones_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	struct devgroup_vdev *vdev = vdev_of(vmf->vma);
	vm_fault_t ret = VM_FAULT_FALLBACK;

	down_read(&vdev->fault_lock);
	if (vdev->present && vdev->real_ops->huge_fault)
		ret = vdev->real_ops->huge_fault(vmf, order);
	up_read(&vdev->fault_lock);
	return ret == VM_FAULT_SIGBUS ? VM_FAULT_FALLBACK : ret;
}
#endif

static const struct vm_operations_struct ones_vm_ops = {
	.fault = ones_fault,
#ifdef CONFIG_ARCH_SUPPORTS_HUGE_PFNMAP
	.huge_fault = ones_huge_fault,
#endif
};

void devgroup_ones_wrap(struct devgroup_vdev *vdev, struct vm_area_struct *vma)
{
	lockdep_assert_held(&vdev->map_lock);
	WRITE_ONCE(vdev->real_ops, vma->vm_ops);
	vma->vm_ops = &ones_vm_ops;
}

/* fault_lock held for writing. The page is filled when no store can reach it any more. */
static void zap(struct devgroup_vdev *vdev)
{
	unmap_mapping_range(vdev->vfio->inode->i_mapping, 0, 0, true);
	if (vdev->ones_mapped)
		memset(page_address(vdev->ones), 0xff, PAGE_SIZE);
	vdev->ones_mapped = false;
}

static void refill(struct work_struct *work)
{
	struct devgroup_vdev *vdev = container_of(to_delayed_work(work), struct devgroup_vdev,
						  refill);

	devgroup_ones_look_again(vdev);
}

void devgroup_ones_look_again(struct devgroup_vdev *vdev)
{
	if (!READ_ONCE(vdev->ones_mapped))
		return;
	down_write(&vdev->fault_lock);
	if (vdev->ones_mapped)
		zap(vdev);
	up_write(&vdev->fault_lock);
}

void devgroup_ones_set_present(struct devgroup_vdev *vdev, bool present)
{
	down_write(&vdev->fault_lock);
	vdev->present = present;
	zap(vdev);
	up_write(&vdev->fault_lock);
}

int devgroup_ones_init(struct devgroup_vdev *vdev)
{
	init_rwsem(&vdev->fault_lock);
	INIT_DELAYED_WORK(&vdev->refill, refill);
	vdev->ones = devgroups_fail() ? NULL : alloc_page(GFP_KERNEL);
	if (!vdev->ones)
		return -ENOMEM;
	memset(page_address(vdev->ones), 0xff, PAGE_SIZE);
	return 0;
}

void devgroup_ones_exit(struct devgroup_vdev *vdev)
{
	if (vdev->ones)
		put_page(vdev->ones);
}

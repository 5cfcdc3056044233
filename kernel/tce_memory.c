// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that was registered with a group, on POWER. The kernel keeps one list of registered ranges
 * per process, in which it counts users, and the entries of all windows that map a range; KVM maps
 * by that list alone. A user here is a group: each has a list of its own (struct tce_memory).
 */
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "use.h"
#include "dma_tce.h"

struct tce_memory {
	u64 vaddr;
	u64 size;
	struct mm_iommu_table_group_mem_t *mem;	/* counted as one user of it */

	/* Once the group is gone: */
	struct mm_struct *mm;		/* a reference to the structure */
	struct list_head link;		/* in leftovers */
};

/*
 * What groups registered that are gone, while KVM had it mapped in another group of the process:
 * it is that group's end that lets it go. Not to wait for it would leave it pinned for ever.
 */
static LIST_HEAD(leftovers);
static DEFINE_MUTEX(leftovers_lock);

static void release_leftovers(void)
{
	struct tce_memory *memory, *next;

	mutex_lock(&leftovers_lock);
	list_for_each_entry_safe(memory, next, &leftovers, link) {
		if (mm_iommu_put(memory->mm, memory->mem) == -EBUSY)
			continue;
		list_del(&memory->link);
		mmdrop(memory->mm);
		kfree(memory);
	}
	mutex_unlock(&leftovers_lock);
}

/* What KVM still maps stays pinned, and so does the process's mm_struct. */
void devgroup_tce_exit(void)
{
	struct tce_memory *memory, *next;

	release_leftovers();
	if (!list_empty(&leftovers))
		pr_warn("devgroups: memory that KVM has mapped stays pinned\n");
	list_for_each_entry_safe(memory, next, &leftovers, link)
		kfree(memory);
}

static void leave_over(struct tce_memory *memory, struct mm_struct *mm)
{
	mmgrab(mm);
	memory->mm = mm;
	mutex_lock(&leftovers_lock);
	list_add(&memory->link, &leftovers);
	mutex_unlock(&leftovers_lock);
}

/* The range that @ua is in, or NULL. Mostly it is the one that was asked for last. */
static struct tce_memory *find_memory(struct tce_dma *tce, unsigned long ua)
{
	struct tce_memory *recent = tce->recent;

	if (!recent || ua - recent->vaddr >= recent->size) {
		recent = mtree_load(&tce->memory, ua);
		tce->recent = recent;
	}
	return recent;
}

static bool overlaps(struct tce_dma *tce, u64 vaddr, u64 size)
{
	unsigned long index = vaddr;

	return mt_find(&tce->memory, &index, vaddr + size - 1);
}

/*
 * The kernel's range: the one that another group of this process registered, or a new one. It says
 * EINVAL for one that overlaps, and the count of pages when it could pin some only.
 */
static int get_range(struct mm_struct *mm, u64 vaddr, unsigned long pages,
		     struct mm_iommu_table_group_mem_t **mem)
{
	long ret;

	if (devgroups_fail())
		return -ENOMEM;
	*mem = mm_iommu_get(mm, vaddr, pages);
	if (*mem)
		return 0;
	ret = mm_iommu_new(mm, vaddr, pages, mem);
	if (ret == -EINVAL)
		return -EBUSY;
	return ret > 0 ? -EFAULT : ret;
}

/* KVM takes no entry at address 0, and here it means none. */
int devgroup_tce_register(struct devgroup_dma *dma, u64 vaddr, u64 size)
{
	struct tce_dma *tce = to_tce_dma(dma);
	struct tce_memory *memory;
	int ret;

	if (!vaddr)
		return -EINVAL;
	if (overlaps(tce, vaddr, size))
		return -EBUSY;
	/* Before anything is allocated in proportion to it. */
	if (size >> PAGE_SHIFT > totalram_pages())
		return -ENOMEM;
	memory = devgroups_fail() ? NULL : kzalloc(sizeof(*memory), GFP_KERNEL_ACCOUNT);
	if (!memory)
		return -ENOMEM;
	memory->vaddr = vaddr;
	memory->size = size;
	ret = get_range(dma->mm, vaddr, size >> PAGE_SHIFT, &memory->mem);
	if (ret)
		goto err_memory;
	ret = devgroups_fail() ? -ENOMEM :
	      mtree_insert_range(&tce->memory, vaddr, vaddr + size - 1, memory,
				 GFP_KERNEL_ACCOUNT);
	if (ret)
		goto err_range;
	devgroup_dma_count_memory(dma, size >> PAGE_SHIFT);
	return 0;

err_range:
	mm_iommu_put(dma->mm, memory->mem);
err_memory:
	kfree(memory);
	return ret;
}

/*
 * The kernel notices mappings only when the last user of a range leaves it; a range that this group
 * maps must not become another group's to unpin. Nor is the kernel's count enough: a KVM that has
 * windows of ours counts for its own process, whose addresses may be the same.
 */
int devgroup_tce_unregister(struct devgroup_dma *dma, u64 vaddr, u64 size)
{
	struct tce_dma *tce = to_tce_dma(dma);
	struct tce_memory *memory = find_memory(tce, vaddr);
	long ret;

	if (!memory || memory->vaddr != vaddr || memory->size != size)
		return -ENOENT;
	if (devgroup_tce_maps(tce, vaddr, size))
		return -EBUSY;
	ret = mm_iommu_put(dma->mm, memory->mem);
	if (ret)
		return ret;
	mtree_erase(&tce->memory, vaddr);
	tce->recent = NULL;
	devgroup_dma_count_memory(dma, -(long)(size >> PAGE_SHIFT));
	kfree(memory);
	return 0;
}

static bool contains(const struct tce_memory *memory, unsigned long ua, unsigned int page_shift)
{
	return BIT_ULL(page_shift) <= memory->size - (ua - memory->vaddr);
}

/* The size of a range's pages is at most that of the smallest page of memory in it. */
int devgroup_tce_translate(struct tce_dma *tce, struct tce_change *change,
			   unsigned int page_shift)
{
	struct tce_memory *memory = find_memory(tce, change->ua);

	if (!memory || !contains(memory, change->ua, page_shift))
		return -EINVAL;
	change->mem = memory->mem;
	if (mm_iommu_ua_to_hpa(memory->mem, change->ua, page_shift, &change->hpa))
		return -EPERM;
	return 0;
}

/* KVM may have mapped what another group of the process registered, and no more than that. */
void devgroup_tce_forget(struct tce_dma *tce, unsigned long ua, unsigned int page_shift)
{
	struct mm_iommu_table_group_mem_t *mem;
	struct tce_memory *memory = find_memory(tce, ua);

	if (memory) {
		mm_iommu_mapped_dec(memory->mem);
		return;
	}
	rcu_read_lock();
	mem = mm_iommu_lookup(tce->base.mm, ua, BIT_ULL(page_shift));
	if (mem)
		mm_iommu_mapped_dec(mem);
	rcu_read_unlock();
}

void devgroup_tce_unregister_all(struct tce_dma *tce)
{
	struct tce_memory *memory;
	unsigned long index = 0;

	mt_for_each(&tce->memory, memory, index, ULONG_MAX) {
		devgroup_dma_count_memory(&tce->base, -(long)(memory->size >> PAGE_SHIFT));
		if (mm_iommu_put(tce->base.mm, memory->mem) == -EBUSY)
			leave_over(memory, tce->base.mm);
		else
			kfree(memory);
	}
	mtree_destroy(&tce->memory);
	release_leftovers();
}

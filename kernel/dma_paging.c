// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA windows where the kernel has paging domains (everywhere but on POWER). All windows of a group
 * are ranges of one domain, to which the group is attached while it has any: the default window
 * is what lies below 4 GiB, the other one begins there, so that bus addresses can equal the
 * addresses of a guest. What the hardware keeps for itself within a window cannot be mapped.
 *
 * Each page of a window is mapped by itself, pinned and counted: any of them can be unmapped.
 */
#include <linux/iommu.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "use.h"
#include "dma.h"

#define PIN_MAX 64	/* pages in one step */

static bool allow_unsafe_interrupts;
module_param(allow_unsafe_interrupts, bool, 0600);
MODULE_PARM_DESC(allow_unsafe_interrupts,
		 "give DMA to devices that can with it raise any interrupt of the host");

struct paging_window {
	struct devgroup_window base;
	/* struct page's number, and DEVGROUP_MAP_*, of each entry that is mapped; base.lock */
	struct xarray pages;
};

struct paging_dma {
	struct devgroup_dma base;
	struct iommu_domain *domain;	/* owned */
	struct list_head reserved;	/* struct iommu_resv_region; owned */
	bool safe_interrupts;
	unsigned int connected;		/* windows; base.program_lock */
	unsigned long pfns[DEVGROUP_LIST_MAX]; /* of the list; base.lock */
	void *old[DEVGROUP_LIST_MAX];	/* values of entries that are changed; base.lock */
};

#define to_paging_dma(d) container_of(d, struct paging_dma, base)
#define to_paging_window(w) container_of(w, struct paging_window, base)

static void paging_get_info(struct devgroup_dma *dma, struct devgroup_dma_info *info)
{
	const struct iommu_domain *domain = to_paging_dma(dma)->domain;
	u64 last = domain->geometry.aperture_end;

	info->flags = 0;
	/* Smaller pages could not be pinned by themselves. */
	info->page_sizes = domain->pgsize_bitmap & PAGE_MASK;
	info->default_start = 0;
	info->default_size = min_t(u64, last, U32_MAX) + 1;
	info->max_windows = last > U32_MAX ? 2 : 1;
	info->max_levels = 1;
}

static struct devgroup_window *paging_create_window(struct devgroup_dma *dma, unsigned int slot,
						    const struct devgroup_create_window *wanted)
{
	struct paging_dma *paging = to_paging_dma(dma);
	struct paging_window *window;

	if (!paging->safe_interrupts && !allow_unsafe_interrupts)
		return ERR_PTR(-EPERM);
	window = devgroups_fail() ? NULL : kzalloc(sizeof(*window), GFP_KERNEL_ACCOUNT);
	if (!window)
		return ERR_PTR(-ENOMEM);
	window->base.slot = slot;
	window->base.start = slot ? SZ_4G : 0;
	window->base.size = wanted->size;
	window->base.page_shift = wanted->page_shift;
	window->base.levels = 1;
	if (wanted->size - 1 > paging->domain->geometry.aperture_end - window->base.start) {
		kfree(window);
		return ERR_PTR(-EINVAL);
	}
	xa_init(&window->pages);
	return &window->base;
}

static void paging_destroy_window(struct devgroup_dma *dma, struct devgroup_window *base)
{
	struct paging_window *window = to_paging_window(base);

	xa_destroy(&window->pages);
	kfree(window);
}

static void detach(struct devgroup_dma *dma, unsigned int count)
{
	while (count--)
		iommu_detach_group(to_paging_dma(dma)->domain, dma->groups[count]);
}

static int attach(struct devgroup_dma *dma)
{
	unsigned int i;
	int ret;

	for (i = 0; i < dma->nr_groups; i++) {
		ret = iommu_attach_group(to_paging_dma(dma)->domain, dma->groups[i]);
		if (ret) {
			detach(dma, i);
			return ret;
		}
	}
	return 0;
}

static int paging_connect(struct devgroup_dma *dma, struct devgroup_window *window)
{
	struct paging_dma *paging = to_paging_dma(dma);
	int ret = paging->connected ? 0 : attach(dma);

	paging->connected += !ret;
	return ret;
}

/* A group that is owned, as this is, and attached to nothing is blocked. */
static void paging_disconnect(struct devgroup_dma *dma, struct devgroup_window *window)
{
	if (!--to_paging_dma(dma)->connected)
		detach(dma, dma->nr_groups);
}

static void paging_leave(struct devgroup_dma *dma, unsigned int index)
{
	struct paging_dma *paging = to_paging_dma(dma);

	if (paging->connected)
		iommu_detach_group(paging->domain, dma->groups[index]);
}

static bool is_reserved(struct paging_dma *paging, u64 first, u64 last)
{
	struct iommu_resv_region *region;

	list_for_each_entry(region, &paging->reserved, list) {
		/* Firmware's own mappings, which a device needs only until it is taken over. */
		if (region->type != IOMMU_RESV_DIRECT_RELAXABLE && region->length &&
		    first <= region->start + (region->length - 1) && region->start <= last)
			return true;
	}
	return false;
}

static bool paging_is_mapped(struct devgroup_window *window, u64 first, u64 count)
{
	unsigned long index = first;

	return xa_find(&to_paging_window(window)->pages, &index, first + count - 1, XA_PRESENT);
}

static unsigned long host_pages(const struct devgroup_window *window)
{
	return 1UL << (window->page_shift - PAGE_SHIFT);
}

static u64 address(const struct devgroup_window *window, u64 entry)
{
	return window->start + (entry << window->page_shift);
}

static void unpin(unsigned long pfn, unsigned long count, bool dirty)
{
	unpin_user_page_range_dirty_lock(pfn_to_page(pfn), count, dirty);
}

/* The pages of one step, which must follow each other and, with @pfn not 0, that one. */
static int pin_step(unsigned long vaddr, unsigned int count, unsigned int flags,
		    unsigned long *pfn)
{
	struct page *pages[PIN_MAX];
	int pinned, i;

	pinned = pin_user_pages_fast(vaddr, count, flags, pages);
	if (pinned <= 0)
		return pinned ?: -EFAULT;
	*pfn = *pfn ?: page_to_pfn(pages[0]);
	for (i = 0; i < pinned && page_to_pfn(pages[i]) == *pfn + i; i++)
		;
	if (i == pinned)
		return pinned;
	unpin_user_pages(pages, pinned);
	return -EPERM;
}

/* One page of a window: contiguous and aligned memory. */
static int pin_entry(const struct devgroup_window *window, unsigned long vaddr, u64 flags,
		     unsigned long *pfn)
{
	unsigned long count = host_pages(window), done = 0, next = 0;
	unsigned int gup = FOLL_LONGTERM | (flags & DEVGROUP_MAP_WRITE ? FOLL_WRITE : 0);
	int ret = 0;

	while (done < count) {
		ret = pin_step(vaddr + (done << PAGE_SHIFT), min(count - done, PIN_MAX), gup,
			       &next);
		if (ret < 0)
			break;
		*pfn = done ? *pfn : next;
		done += ret;
		next += ret;
		if (!IS_ALIGNED(*pfn, count)) {
			ret = -EPERM;
			break;
		}
	}
	if (ret < 0 && done)
		unpin(*pfn, done, false);
	return min(ret, 0);
}

static bool is_map(u64 entry)
{
	return entry & DEVGROUP_MAP_FLAGS;
}

static void unpin_list(struct devgroup_dma *dma, const struct devgroup_window *window,
		       unsigned int count)
{
	while (count--) {
		if (is_map(dma->list[count]))
			unpin(to_paging_dma(dma)->pfns[count], host_pages(window), false);
	}
}

/* All of the list's pages, or none. */
static int pin_list(struct devgroup_dma *dma, const struct devgroup_window *window,
		    unsigned int count)
{
	struct paging_dma *paging = to_paging_dma(dma);
	unsigned int i;
	int ret;

	for (i = 0; i < count; i++) {
		if (!is_map(dma->list[i]))
			continue;
		ret = devgroups_fail() ? -ENOMEM :
		      pin_entry(window, dma->list[i] & ~(u64)DEVGROUP_MAP_FLAGS, dma->list[i],
				&paging->pfns[i]);
		if (ret) {
			unpin_list(dma, window, i);
			return ret;
		}
		cond_resched();
	}
	return 0;
}

static int charge(struct devgroup_dma *dma, unsigned long pages)
{
	int ret = account_locked_vm(dma->mm, pages, true);

	if (!ret)
		devgroup_dma_count_memory(dma, pages);
	return ret;
}

static void uncharge(struct devgroup_dma *dma, unsigned long pages)
{
	account_locked_vm(dma->mm, pages, false);
	devgroup_dma_count_memory(dma, -(long)pages);
}

static int iommu_flags(u64 entry)
{
	return (entry & DEVGROUP_MAP_READ ? IOMMU_READ : 0) |
	       (entry & DEVGROUP_MAP_WRITE ? IOMMU_WRITE : 0) | IOMMU_CACHE;
}

/* pfn << 2 | DEVGROUP_MAP_*, which an XArray's value has room for. */
static void *to_value(unsigned long pfn, u64 flags)
{
	return xa_mk_value(pfn << 2 | (flags & DEVGROUP_MAP_FLAGS));
}

static int map_value(struct paging_dma *paging, struct paging_window *window, u64 entry,
		     void *value)
{
	unsigned long number = xa_to_value(value);

	return iommu_map(paging->domain, address(&window->base, entry), PFN_PHYS(number >> 2),
			 1UL << window->base.page_shift, iommu_flags(number),
			 GFP_KERNEL_ACCOUNT);
}

static void unmap_entry(struct paging_dma *paging, struct paging_window *window, u64 entry)
{
	iommu_unmap(paging->domain, address(&window->base, entry),
		    1UL << window->base.page_shift);
}

/*
 * Unpins what @count values from number @first on stand for, once the IOMMU has been told that they
 * are not mapped.
 */
static void release_old(struct devgroup_dma *dma, const struct devgroup_window *window,
			unsigned int first, unsigned int count)
{
	unsigned long pages = 0, number;
	unsigned int i;

	for (i = first; i < first + count; i++) {
		if (!to_paging_dma(dma)->old[i])
			continue;
		number = xa_to_value(to_paging_dma(dma)->old[i]);
		unpin(number >> 2, host_pages(window), number & DEVGROUP_MAP_WRITE);
		pages += host_pages(window);
	}
	uncharge(dma, pages);
}

/* The tables for a page that was mapped a moment ago are still there, so it can be put back. */
static void put_back(struct paging_dma *paging, struct paging_window *window, u64 entry,
		     unsigned int index)
{
	void *old = paging->old[index];

	if (!old || !map_value(paging, window, entry, old))
		return;
	xa_erase(&window->pages, entry);
	release_old(&paging->base, &window->base, index, 1);
	pr_warn_ratelimited("devgroups: no memory to put back a mapping that could not be changed\n");
}

/* Replaces what is mapped. The XArray has it until all entries are changed. */
static int change_entry(struct paging_dma *paging, struct paging_window *window, u64 entry,
			unsigned int index)
{
	u64 wanted = paging->base.list[index];
	int ret = 0;

	paging->old[index] = xa_load(&window->pages, entry);
	if (paging->old[index])
		unmap_entry(paging, window, entry);
	if (is_map(wanted))
		ret = devgroups_fail() ? -ENOMEM :
		      map_value(paging, window, entry, to_value(paging->pfns[index], wanted));
	if (ret)
		put_back(paging, window, entry, index);
	return ret;
}

static int change_entries(struct paging_dma *paging, struct paging_window *window, u64 first,
			  unsigned int count)
{
	unsigned int done = 0;
	int ret = 0;

	while (done < count && !ret) {
		ret = change_entry(paging, window, first + done, done);
		done += !ret;
	}
	while (ret && done--) {
		if (is_map(paging->base.list[done]))
			unmap_entry(paging, window, first + done);
		put_back(paging, window, first + done, done);
	}
	return ret;
}

/* Room in the XArray for what is to be mapped; kept by a reservation, or by what is there. */
static int reserve(struct paging_dma *paging, struct paging_window *window, u64 first,
		   unsigned int count)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < count && !ret; i++) {
		if (is_map(paging->base.list[i]))
			ret = devgroups_fail() ? -ENOMEM :
			      xa_reserve(&window->pages, first + i, GFP_KERNEL_ACCOUNT);
	}
	return ret;
}

static void unreserve(struct paging_window *window, u64 first, unsigned int count)
{
	while (count--)
		xa_release(&window->pages, first + count);
}

static void record(struct paging_dma *paging, struct paging_window *window, u64 first,
		   unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		u64 wanted = paging->base.list[i];

		if (is_map(wanted))
			xa_store(&window->pages, first + i, to_value(paging->pfns[i], wanted),
				 GFP_KERNEL_ACCOUNT);
		else
			xa_erase(&window->pages, first + i);
	}
}

/* How many host pages the list maps, or -EINVAL: one of its pages is reserved. */
static long count_pages(struct paging_dma *paging, const struct devgroup_window *window,
			u64 first, unsigned int count)
{
	unsigned int i;
	long pages = 0;
	u64 iova;

	for (i = 0; i < count; i++) {
		if (!is_map(paging->base.list[i]))
			continue;
		iova = address(window, first + i);
		if (is_reserved(paging, iova, iova + (1ULL << window->page_shift) - 1))
			return -EINVAL;
		pages += host_pages(window);
	}
	return pages;
}

static int set_pinned(struct paging_dma *paging, struct paging_window *window, u64 first,
		      unsigned int count)
{
	int ret = reserve(paging, window, first, count);

	if (!ret)
		ret = change_entries(paging, window, first, count);
	if (ret) {
		unreserve(window, first, count);
		return ret;
	}
	record(paging, window, first, count);
	release_old(&paging->base, &window->base, 0, count);
	return 0;
}

static int paging_set(struct devgroup_dma *dma, struct devgroup_window *base, u64 first,
		      unsigned int count)
{
	struct paging_dma *paging = to_paging_dma(dma);
	long pages = count_pages(paging, base, first, count);
	int ret;

	if (pages < 0)
		return pages;
	ret = charge(dma, pages);
	if (ret)
		return ret;
	ret = pin_list(dma, base, count);
	if (ret)
		goto err_charge;
	ret = set_pinned(paging, to_paging_window(base), first, count);
	if (ret)
		goto err_pins;
	return 0;

err_pins:
	unpin_list(dma, base, count);
err_charge:
	uncharge(dma, pages);
	return ret;
}

static u64 paging_clear(struct devgroup_dma *dma, struct devgroup_window *base, u64 first,
			u64 count)
{
	struct paging_window *window = to_paging_window(base);
	struct paging_dma *paging = to_paging_dma(dma);
	struct iommu_iotlb_gather gather;
	unsigned int found = 0;
	unsigned long index;
	void *value;

	iommu_iotlb_gather_init(&gather);
	xa_for_each_range(&window->pages, index, value, first, first + count - 1) {
		iommu_unmap_fast(paging->domain, address(base, index), 1UL << base->page_shift,
				 &gather);
		paging->old[found++] = value;
		xa_erase(&window->pages, index);
		if (found == DEVGROUP_LIST_MAX)
			break;
	}
	iommu_iotlb_sync(paging->domain, &gather);
	release_old(dma, base, 0, found);
	return found == DEVGROUP_LIST_MAX ? index + 1 - first : count;
}

static void free_reserved(struct paging_dma *paging)
{
	struct iommu_resv_region *region, *next;

	list_for_each_entry_safe(region, next, &paging->reserved, list)
		kfree(region);
}

static void paging_destroy(struct devgroup_dma *dma)
{
	struct paging_dma *paging = to_paging_dma(dma);

	iommu_domain_free(paging->domain);
	free_reserved(paging);
	kvfree(paging);
}

static const struct devgroup_dma_ops paging_ops = {
	.get_info = paging_get_info,
	.create_window = paging_create_window,
	.destroy_window = paging_destroy_window,
	.connect = paging_connect,
	.disconnect = paging_disconnect,
	.leave = paging_leave,
	.is_mapped = paging_is_mapped,
	.set = paging_set,
	.clear = paging_clear,
	.destroy = paging_destroy,
};

static int is_coherent(struct device *dev, void *unused)
{
	return device_iommu_capable(dev, IOMMU_CAP_CACHE_COHERENCY) ? 0 : -EOPNOTSUPP;
}

static int can_enforce(struct device *dev, void *unused)
{
	return device_iommu_capable(dev, IOMMU_CAP_ENFORCE_CACHE_COHERENCY) ? 0 : -EOPNOTSUPP;
}

/*
 * A device that could ask for accesses past the caches would see, and show the host, memory as it
 * was before.
 */
static int check_coherency(struct paging_dma *paging, struct iommu_group **groups,
			   unsigned int count)
{
	struct iommu_domain *domain = paging->domain;
	bool enforce = domain->ops->enforce_cache_coherency;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < count && !ret; i++) {
		ret = iommu_group_for_each_dev(groups[i], NULL, is_coherent);
		enforce = enforce && !iommu_group_for_each_dev(groups[i], NULL, can_enforce);
	}
	if (!ret && enforce)
		domain->ops->enforce_cache_coherency(domain);
	return ret;
}

/* Where the interrupts' doorbell goes if it is translated like memory (Arm). */
static int place_doorbell(struct paging_dma *paging)
{
	struct iommu_resv_region *region;

	list_for_each_entry(region, &paging->reserved, list) {
		if (region->type == IOMMU_RESV_SW_MSI)
			return iommu_get_msi_cookie(paging->domain, region->start);
	}
	return 0;
}

static int look_at_groups(struct paging_dma *paging, struct iommu_group **groups,
			  unsigned int count)
{
	unsigned int i;
	int ret = 0;

	paging->safe_interrupts = true;
	for (i = 0; i < count && !ret; i++) {
		ret = devgroups_fail() ? -ENOMEM :
		      iommu_get_group_resv_regions(groups[i], &paging->reserved);
		paging->safe_interrupts &= iommu_group_has_isolated_msi(groups[i]);
	}
	return ret;
}

struct devgroup_dma *devgroup_paging_create(struct iommu_group **groups, unsigned int count,
					    struct device *dev)
{
	struct paging_dma *paging;
	int ret;

	paging = devgroups_fail() ? NULL : kvzalloc(sizeof(*paging), GFP_KERNEL_ACCOUNT);
	if (!paging)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&paging->reserved);
	paging->base.ops = &paging_ops;
	paging->domain = devgroups_fail() ? ERR_PTR(-ENOMEM) : iommu_paging_domain_alloc(dev);
	ret = PTR_ERR_OR_ZERO(paging->domain);
	if (ret)
		goto err_paging;
	ret = look_at_groups(paging, groups, count);
	if (!ret)
		ret = check_coherency(paging, groups, count);
	if (!ret)
		ret = place_doorbell(paging);
	if (ret)
		goto err_domain;
	return &paging->base;

err_domain:
	iommu_domain_free(paging->domain);
	free_reserved(paging);
err_paging:
	kvfree(paging);
	return ERR_PTR(ret);
}

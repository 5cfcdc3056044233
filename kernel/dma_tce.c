// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA windows on POWER: a window is a table of translation entries (TCEs), made by the platform and
 * programmed into every IOMMU group of the device group. Beside each entry the table keeps the
 * user's address, which says what memory the entry counts for. KVM has the same tables, and may
 * change entries at any time without any lock of ours.
 *
 * Platform and KVM both look a window up in the IOMMU group's structure: KVM takes every window that
 * it finds there when it is told of the group, and drops every window that it finds there when it is
 * told to forget the group. So windows are kept out of there, except while our user shows them, or
 * the platform is called.
 *
 * A bare-metal host can take a table from the hardware and give it back as it is. Under a
 * hypervisor (LPAR) a table is gone when its window is: blocking leads all its entries to a page
 * that nobody reads, which keeps them and their directions.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <asm/firmware.h>

#include "use.h"
#include "dma_tce.h"

#define WALK_STEP SZ_64K	/* entries between two chances for others to run */
#define LEVEL_BYTES_MAX SZ_4M	/* of a table's level, if the driver may choose */
#define PAGE_SIZES (SZ_2G - 1)	/* up to 1 GiB: the kernel computes with 32 bits there */
#define LPAR_PAGE_SIZES (SZ_4M - 1)	/* up to 2 MiB: see tce_get_info */

static bool is_lpar(void)
{
	return firmware_has_feature(FW_FEATURE_LPAR);
}

static struct iommu_table_group *table_group(struct devgroup_dma *dma, unsigned int index)
{
	return iommu_group_get_iommudata(dma->groups[index]);
}

/*
 * The limits of the first: their tables are of one kind. An LPAR's kernel refuses a device all
 * tables for ever after one that the hypervisor did not make; hypervisors have been seen to promise
 * pages of 16 MiB that they refuse, and no memory that a process can have here fills these.
 */
static void tce_get_info(struct devgroup_dma *dma, struct devgroup_dma_info *info)
{
	struct iommu_table_group *limits = table_group(dma, 0);
	u32 dynamic = limits->max_dynamic_windows_supported;

	info->flags = DEVGROUP_DMA_REGISTER;
	info->page_sizes = dynamic ? limits->pgsizes : SZ_4K;
	info->page_sizes &= is_lpar() ? LPAR_PAGE_SIZES : PAGE_SIZES;
	info->default_start = limits->tce32_start;
	info->default_size = limits->tce32_size;
	info->max_windows = clamp_t(u32, dynamic, 1, IOMMU_TABLE_GROUP_MAX_TABLES);
	info->max_levels = max_t(u32, limits->max_levels, 1);
}

/* The fewest levels with which no level is too large to be had in one piece. */
static u32 choose_levels(const struct devgroup_create_window *wanted, u32 max)
{
	u32 entries_shift = ilog2(wanted->size) - wanted->page_shift, levels = 1;

	while (levels < max &&
	       sizeof(u64) << DIV_ROUND_UP(entries_shift, levels) > LEVEL_BYTES_MAX)
		levels++;
	return levels;
}

/* No larger than memory: pages come only as needed, but the whole table is walked when it ends. */
static int create_table(struct devgroup_dma *dma, struct tce_window *window)
{
	struct iommu_table_group *first = table_group(dma, 0);
	struct devgroup_window *base = &window->base;
	unsigned long size;
	int ret;

	size = first->ops->get_table_size(base->page_shift, base->size, base->levels);
	if (!size)
		return -EINVAL;
	window->pages = DIV_ROUND_UP(size, PAGE_SIZE);
	if (window->pages > totalram_pages())
		return -ENOMEM;
	ret = devgroup_dma_charge_tables(dma, window->pages);
	if (ret)
		return ret;
	ret = devgroups_fail() ? -ENOMEM :
	      first->ops->create_table(first, base->slot, base->page_shift, base->size,
				       base->levels, &window->table);
	if (ret)
		devgroup_dma_uncharge_tables(dma, window->pages);
	return ret;
}

/* More levels need smaller pieces of memory. The platform refuses more than the window needs. */
static int create_table_of_any_depth(struct devgroup_dma *dma, struct tce_window *window,
				     u32 max)
{
	int ret = create_table(dma, window), deeper = ret;

	while (deeper == -ENOMEM && window->base.levels < max) {
		window->base.levels++;
		deeper = create_table(dma, window);
	}
	return deeper == -EINVAL ? ret : deeper;
}

/* What a window needs in an LPAR, see above and kvm.c. */
static int create_spares(struct tce_window *window)
{
	unsigned int order = max_t(int, window->base.page_shift - PAGE_SHIFT, 0);

	if (!is_lpar())
		return 0;
	window->kept = devgroups_fail() ? NULL : kzalloc(sizeof(*window->kept), GFP_KERNEL);
	if (!window->kept)
		return -ENOMEM;
	if (!devgroups_fail() && order <= MAX_PAGE_ORDER)
		window->sink = alloc_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN, order);
	return window->sink ? 0 : -ENOMEM;
}

static void free_spares(struct tce_window *window)
{
	kfree(window->kept);
	if (window->sink)
		__free_pages(window->sink, max_t(int, window->base.page_shift - PAGE_SHIFT, 0));
}

static long unset_window(struct devgroup_dma *dma, struct tce_window *window, unsigned int index)
{
	struct iommu_table_group *group = table_group(dma, index);
	unsigned int slot = window->base.slot;
	long ret;

	WRITE_ONCE(group->tables[slot], window->table);
	ret = group->ops->unset_window(group, slot);
	/* A bare-metal platform that had no memory to note the table does not forget it either. */
	if (!is_lpar())
		WRITE_ONCE(group->tables[slot], NULL);
	return ret;
}

/* In an LPAR the table comes with its window, and goes with it. */
static void unset_windows(struct devgroup_dma *dma, struct tce_window *window, unsigned int count)
{
	while (count--)
		unset_window(dma, window, count);
}

static int set_windows(struct devgroup_dma *dma, struct tce_window *window)
{
	unsigned int i;

	for (i = 0; i < dma->nr_groups; i++) {
		struct iommu_table_group *group = table_group(dma, i);

		if (group->ops->set_window(group, window->base.slot, window->table)) {
			unset_windows(dma, window, i);
			return -EIO;
		}
	}
	return 0;
}

static void free_window(struct tce_window *window)
{
	free_spares(window);
	kfree(window);
}

static void free_table(struct devgroup_dma *dma, struct tce_window *window)
{
	if (is_lpar() && !unset_window(dma, window, 0)) {
		devgroup_kvm_keep(window->kept, dma->group, window->table);
		window->kept = NULL;
	} else {
		iommu_tce_table_put(window->table);
	}
	devgroup_dma_uncharge_tables(dma, window->pages);
}

/*
 * An LPAR's kernel does not tell if there was no memory for the users' addresses, and its
 * hypervisor not whose the window was before.
 */
static int check_table(struct devgroup_dma *dma, struct tce_window *window)
{
	if (devgroups_fail() || !window->table->it_userspace)
		return -ENOMEM;
	if (!is_lpar() || !devgroup_kvm_has(dma->group, window->table))
		return 0;
	pr_warn_ratelimited("devgroups: group %u: a guest whose devices were unplugged still has this DMA window; end it first\n",
			    READ_ONCE(dma->group->number));
	return -EBUSY;
}

/* Made by the hypervisor, and not the one that it has for the device anyway. */
static bool is_dynamic(unsigned int slot, u32 page_shift)
{
	return slot || page_shift != IOMMU_PAGE_SHIFT_4K;
}

/*
 * A hypervisor need not have more than one dynamic window for a device, and its default window
 * cannot be made while there is that one. Asking would cost the device all tables, see tce_get_info.
 */
static int check_room(struct devgroup_dma *dma)
{
	struct devgroup_window *window;
	unsigned int slot;

	for (slot = 0; is_lpar() && slot < DEVGROUP_MAX_WINDOWS; slot++) {
		window = dma->windows[slot];
		if (window && is_dynamic(slot, window->page_shift))
			return -ENOSPC;
	}
	return 0;
}

static struct devgroup_window *tce_create_window(struct devgroup_dma *dma, unsigned int slot,
						 const struct devgroup_create_window *wanted)
{
	u32 max = max_t(u32, table_group(dma, 0)->max_levels, 1);
	struct tce_window *window;
	int ret = check_room(dma);

	if (ret)
		return ERR_PTR(ret);
	window = devgroups_fail() ? NULL : kzalloc(sizeof(*window), GFP_KERNEL_ACCOUNT);
	if (!window)
		return ERR_PTR(-ENOMEM);
	window->base.slot = slot;
	window->base.size = wanted->size;
	window->base.page_shift = wanted->page_shift;
	window->base.levels = wanted->levels ?: choose_levels(wanted, max);
	ret = create_spares(window);
	if (ret)
		goto err_window;
	ret = create_table_of_any_depth(dma, window, wanted->levels ?: max);
	if (ret)
		goto err_window;
	ret = check_table(dma, window);
	if (ret)
		goto err_table;
	window->base.start = (u64)window->table->it_offset << window->table->it_page_shift;
	return &window->base;

err_table:
	free_table(dma, window);
err_window:
	free_window(window);
	return ERR_PTR(ret);
}

static void tce_destroy_window(struct devgroup_dma *dma, struct devgroup_window *base)
{
	struct tce_window *window = to_tce_window(base);

	free_table(dma, window);
	free_window(window);
}

/*
 * The number of the first entry from @entry on, at most @end, that can be mapped: not in a level of
 * the table that is not there. The table of users' addresses has all levels that the other has.
 */
static u64 skip_missing(struct iommu_table *table, u64 entry, u64 end)
{
	while (entry < end && table->it_indirect_levels &&
	       !IOMMU_TABLE_USERSPACE_ENTRY_RO(table, entry)) {
		entry = ALIGN(entry + 1, table->it_level_size);
		cond_resched();
	}
	return min(entry, end);
}

static unsigned long user_address(struct iommu_table *table, u64 entry)
{
	__be64 *ua = IOMMU_TABLE_USERSPACE_ENTRY_RO(table, entry);

	return ua ? be64_to_cpu(READ_ONCE(*ua)) : 0;
}

/* How many users' addresses lie side by side from an entry on, in a level that is there. */
static u64 neighbours(struct iommu_table *table, u64 entry, u64 end)
{
	u64 level_end = table->it_indirect_levels ? ALIGN(entry + 1, table->it_level_size) : end;

	return min3(end, level_end, entry + WALK_STEP) - entry;
}

static bool any_in(const __be64 *ua, u64 count, u64 vaddr, u64 size)
{
	u64 i;

	for (i = 0; i < count; i++) {
		if (be64_to_cpu(READ_ONCE(ua[i])) - vaddr < size)
			return true;
	}
	return false;
}

/* A guest stands still for it while its memory is given back, once for each piece. */
static bool window_maps(struct tce_window *window, u64 vaddr, u64 size)
{
	struct iommu_table *table = window->table;
	u64 end = table->it_offset + table->it_size, entry = table->it_offset, count;

	while ((entry = skip_missing(table, entry, end)) < end) {
		count = neighbours(table, entry, end);
		if (any_in(IOMMU_TABLE_USERSPACE_ENTRY_RO(table, entry), count, vaddr, size))
			return true;
		entry += count;
		cond_resched();
	}
	return false;
}

bool devgroup_tce_maps(struct tce_dma *tce, u64 vaddr, u64 size)
{
	unsigned int slot;

	for (slot = 0; slot < DEVGROUP_MAX_WINDOWS; slot++) {
		if (tce->base.windows[slot] &&
		    window_maps(to_tce_window(tce->base.windows[slot]), vaddr, size))
			return true;
	}
	return false;
}

static int exchange(struct tce_dma *tce, struct tce_window *window, u64 entry,
		    unsigned long *hpa, enum dma_data_direction *dir)
{
	long ret = iommu_tce_xchg_no_kill(tce->base.mm, window->table, entry, hpa, dir);

	/* A hypervisor's answer is no errno. */
	if (ret)
		return ret == -ENOMEM ? ret : -EIO;
	return 0;
}

static unsigned long where_to(struct tce_dma *tce, struct tce_window *window, unsigned long hpa)
{
	return tce->base.blocked && window->sink ? page_to_phys(window->sink) : hpa;
}

/*
 * Makes a change, whose memory is counted as mapped already, and notes what was there. The user's
 * address comes after the entry, as KVM has it.
 */
static int apply_to_entry(struct tce_dma *tce, struct tce_window *window, u64 entry,
			  struct tce_change *change)
{
	bool map = change->dir != DMA_NONE;
	__be64 *ua;
	int ret;

	change->old_dir = DMA_NONE;
	change->old_ua = 0;
	ua = window->table->it_ops->useraddrptr(window->table, entry, map);
	if (!ua)
		return map ? -ENOMEM : 0;
	/* A call of the hypervisor for each entry is worth a look. */
	if (!map && window->sink && !*ua)
		return 0;
	change->old_hpa = map ? where_to(tce, window, change->hpa) : 0;
	change->old_dir = change->dir;
	ret = map && devgroups_fail() ? -ENOMEM :
	      exchange(tce, window, entry, &change->old_hpa, &change->old_dir);
	if (ret) {
		change->old_dir = DMA_NONE;
		return ret;
	}
	change->old_ua = be64_to_cpu(*ua);
	*ua = map ? cpu_to_be64(change->ua) : 0;
	return 0;
}

/* Puts back what was in an entry before a change that was made. */
static void undo_entry(struct tce_dma *tce, struct tce_window *window, u64 entry,
		       struct tce_change *change)
{
	__be64 *ua = IOMMU_TABLE_USERSPACE_ENTRY_RO(window->table, entry);
	enum dma_data_direction dir = change->old_dir;
	unsigned long hpa = dir == DMA_NONE ? 0 : change->old_hpa;

	if (!ua)
		return;
	exchange(tce, window, entry, &hpa, &dir);
	*ua = cpu_to_be64(change->old_ua);
}

/* Afterwards devices do not reach what was mapped before. */
static void flush(struct tce_window *window, u64 entry, u64 count)
{
	iommu_tce_kill(window->table, entry, count);
	iommu_flush_tce(window->table);
}

/* Makes all of the changes, or on an error none. */
static int apply(struct tce_dma *tce, struct tce_window *window, u64 entry, unsigned int count)
{
	unsigned int done = 0;
	int ret = 0;

	mutex_lock(&tce->base.program_lock);
	while (done < count && !ret) {
		ret = apply_to_entry(tce, window, entry + done, &tce->changes[done]);
		done += !ret;
	}
	while (ret && done--)
		undo_entry(tce, window, entry + done, &tce->changes[done]);
	flush(window, entry, count);
	mutex_unlock(&tce->base.program_lock);
	return ret;
}

/*
 * The page that the change replaced or, if it was not made, the page that it was for. KVM counts
 * for a page what it notes, an entry without a direction that a guest listed included.
 */
static void forget(struct tce_dma *tce, struct tce_window *window, unsigned int count, bool made)
{
	struct tce_change *change;

	for (change = tce->changes; change < tce->changes + count; change++) {
		if (made ? change->old_ua : change->dir != DMA_NONE)
			devgroup_tce_forget(tce, made ? change->old_ua : change->ua,
					    window->base.page_shift);
	}
}

static enum dma_data_direction direction(u64 flags)
{
	switch (flags & DEVGROUP_MAP_FLAGS) {
	case 0:
		return DMA_NONE;
	case DEVGROUP_MAP_READ:
		return DMA_TO_DEVICE;
	case DEVGROUP_MAP_WRITE:
		return DMA_FROM_DEVICE;
	default:
		return DMA_BIDIRECTIONAL;
	}
}

static int prepare_change(struct tce_dma *tce, struct tce_window *window, unsigned int index)
{
	struct tce_change *change = &tce->changes[index];
	u64 wanted = tce->base.list[index];

	change->dir = direction(wanted);
	change->ua = wanted & ~(u64)DEVGROUP_MAP_FLAGS;
	if (change->dir == DMA_NONE)
		return 0;
	return devgroup_tce_translate(tce, change, window->base.page_shift);
}

/* The list is checked as a whole before the first entry is set, and memory counted as mapped. */
static int prepare(struct tce_dma *tce, struct tce_window *window, unsigned int count)
{
	unsigned int i;
	int ret;

	for (i = 0; i < count; i++) {
		ret = prepare_change(tce, window, i);
		if (ret)
			return ret;
	}
	for (i = 0; i < count; i++) {
		/* It is registered here, which alone keeps the count from 0. */
		if (tce->changes[i].dir != DMA_NONE)
			mm_iommu_mapped_inc(tce->changes[i].mem);
	}
	return 0;
}

static int tce_set(struct devgroup_dma *dma, struct devgroup_window *base, u64 first,
		   unsigned int count)
{
	struct tce_window *window = to_tce_window(base);
	struct tce_dma *tce = to_tce_dma(dma);
	int ret = prepare(tce, window, count);

	if (ret)
		return ret;
	ret = apply(tce, window, window->table->it_offset + first, count);
	forget(tce, window, count, !ret);
	return ret;
}

static u64 tce_clear(struct devgroup_dma *dma, struct devgroup_window *base, u64 first, u64 count)
{
	struct tce_window *window = to_tce_window(base);
	struct iommu_table *table = window->table;
	u64 begin = table->it_offset + first, end = begin + count, entry;
	struct tce_dma *tce = to_tce_dma(dma);
	unsigned int part, i;

	entry = skip_missing(table, begin, end);
	part = min_t(u64, end - entry, DEVGROUP_LIST_MAX);
	for (i = 0; i < part; i++)
		tce->changes[i].dir = DMA_NONE;
	if (part && !apply(tce, window, entry, part))
		forget(tce, window, part, true);
	return entry + part - begin;
}

static void redirect_entry(struct tce_dma *tce, struct tce_window *window, u64 entry, bool block)
{
	struct mm_iommu_table_group_mem_t *mem;
	struct iommu_table *table = window->table;
	unsigned long ua = user_address(table, entry), hpa = page_to_phys(window->sink);
	enum dma_data_direction dir;
	int ret = 0;

	if (!ua)
		return;
	dir = iommu_tce_direction(table->it_ops->get(table, entry));
	if (!block) {
		rcu_read_lock();
		mem = mm_iommu_lookup(tce->base.mm, ua, BIT_ULL(table->it_page_shift));
		ret = mem ? mm_iommu_ua_to_hpa(mem, ua, table->it_page_shift, &hpa) : -EINVAL;
		rcu_read_unlock();
	}
	if (!ret && dir != DMA_NONE)
		exchange(tce, window, entry, &hpa, &dir);
}

/* Mapped memory cannot be unregistered, so what the users' addresses stand for is the same. */
static void redirect(struct tce_dma *tce, struct tce_window *window, bool block)
{
	struct iommu_table *table = window->table;
	u64 entry, end = table->it_offset + table->it_size;

	for (entry = table->it_offset; entry < end; entry++) {
		redirect_entry(tce, window, entry, block);
		if (!(entry % DEVGROUP_LIST_MAX))
			cond_resched();
	}
	flush(window, table->it_offset, table->it_size);
}

static int tce_connect(struct devgroup_dma *dma, struct devgroup_window *base)
{
	struct tce_window *window = to_tce_window(base);

	if (!window->sink)
		return set_windows(dma, window);
	redirect(to_tce_dma(dma), window, false);
	return 0;
}

static void tce_disconnect(struct devgroup_dma *dma, struct devgroup_window *base)
{
	struct tce_window *window = to_tce_window(base);

	if (!window->sink)
		unset_windows(dma, window, dma->nr_groups);
	else
		redirect(to_tce_dma(dma), window, true);
}

/* Not in an LPAR, where a device group has one. */
static void tce_leave(struct devgroup_dma *dma, unsigned int index)
{
	unsigned int slot;

	for (slot = 0; slot < DEVGROUP_MAX_WINDOWS; slot++) {
		if (dma->windows[slot])
			unset_window(dma, to_tce_window(dma->windows[slot]), index);
	}
}

static void show_window(struct devgroup_dma *dma, struct tce_window *window)
{
	struct iommu_table *table = dma->shown ? window->table : NULL;
	unsigned int i;

	for (i = 0; i < dma->nr_groups; i++)
		WRITE_ONCE(table_group(dma, i)->tables[window->base.slot], table);
}

/* Blocked windows are not set, but in an LPAR. */
static void tce_show(struct devgroup_dma *dma)
{
	unsigned int slot;

	for (slot = 0; slot < DEVGROUP_MAX_WINDOWS; slot++) {
		if (dma->windows[slot] && (is_lpar() || !dma->blocked))
			show_window(dma, to_tce_window(dma->windows[slot]));
	}
}

static void tce_destroy(struct devgroup_dma *dma)
{
	struct tce_dma *tce = to_tce_dma(dma);

	devgroup_tce_unregister_all(tce);
	kvfree(tce);
}

static const struct devgroup_dma_ops tce_ops = {
	.get_info = tce_get_info,
	.create_window = tce_create_window,
	.destroy_window = tce_destroy_window,
	.connect = tce_connect,
	.disconnect = tce_disconnect,
	.leave = tce_leave,
	.show = tce_show,
	.register_memory = devgroup_tce_register,
	.unregister_memory = devgroup_tce_unregister,
	.set = tce_set,
	.clear = tce_clear,
	.destroy = tce_destroy,
};

/* One table serves all groups; under a hypervisor a table is one group's. */
static bool are_compatible(struct iommu_group **groups, unsigned int count)
{
	struct iommu_table_group *first = iommu_group_get_iommudata(groups[0]), *other;
	unsigned int i;

	if (!first || !first->ops || !first->ops->create_table || (count > 1 && is_lpar()))
		return false;
	for (i = 1; i < count; i++) {
		other = iommu_group_get_iommudata(groups[i]);
		if (!other || other->ops != first->ops)
			return false;
	}
	return true;
}

struct devgroup_dma *devgroup_tce_create(struct iommu_group **groups, unsigned int count,
					 struct device *dev)
{
	struct tce_dma *tce;

	if (!are_compatible(groups, count))
		return ERR_PTR(-EOPNOTSUPP);
	tce = devgroups_fail() ? NULL : kvzalloc(sizeof(*tce), GFP_KERNEL_ACCOUNT);
	if (!tce)
		return ERR_PTR(-ENOMEM);
	tce->base.ops = &tce_ops;
	/* Sleeps for memory, with dma->lock held anyway. */
	mt_init(&tce->memory);
	return &tce->base;
}

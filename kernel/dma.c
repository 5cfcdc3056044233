// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA of a group in use: its windows, registered memory, and mappings. This file checks what the
 * calls ask for, keeps the list of windows, and knows whose memory it is; the IOMMU is driven by
 * dma_tce.c on POWER and by dma_paging.c elsewhere.
 *
 * All of it belongs to one process, the first that creates a window, registers or maps: its limit
 * of locked memory counts, and calls by others that have the file are refused.
 */
#include <linux/log2.h>
#include <linux/overflow.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "use.h"
#include "dma.h"

#ifdef CONFIG_SPAPR_TCE_IOMMU
#define create_dma devgroup_tce_create
#else
#define create_dma devgroup_paging_create
#endif

static void put_groups(struct iommu_group **groups, unsigned int count)
{
	while (count--)
		iommu_group_put(groups[count]);
	kfree(groups);
}

/* The IOMMU groups that the group consists of, with references. */
static struct iommu_group **get_groups(struct devgroup *group, unsigned int *count)
{
	struct devgroup_member *member;
	struct iommu_group **groups;

	*count = 0;
	mutex_lock(&devgroups_registry);
	devgroup_for_each_member(member, group)
		(*count)++;
	groups = devgroups_fail() ? NULL : kcalloc(*count, sizeof(*groups), GFP_KERNEL);
	*count = 0;
	devgroup_for_each_member(member, group) {
		if (groups)
			groups[(*count)++] = iommu_group_ref_get(member->iommu_group);
	}
	mutex_unlock(&devgroups_registry);
	return groups;
}

struct devgroup_dma *devgroup_dma_create(struct devgroup *group, struct device *dev)
{
	struct iommu_group **groups;
	struct devgroup_dma *dma;
	unsigned int count;

	groups = get_groups(group, &count);
	if (!groups)
		return ERR_PTR(-ENOMEM);
	dma = create_dma(groups, count, dev);
	if (IS_ERR(dma)) {
		put_groups(groups, count);
		return dma;
	}
	dma->group = group;
	dma->groups = groups;
	dma->nr_groups = count;
	mutex_init(&dma->lock);
	mutex_init(&dma->program_lock);
	return dma;
}

void devgroup_dma_count_memory(struct devgroup_dma *dma, long pages)
{
	WRITE_ONCE(dma->group->memory_pages, dma->group->memory_pages + pages);
}

int devgroup_dma_charge_tables(struct devgroup_dma *dma, unsigned long pages)
{
	int ret = devgroups_fail() ? -ENOMEM : account_locked_vm(dma->mm, pages, true);

	if (!ret)
		WRITE_ONCE(dma->group->table_pages, dma->group->table_pages + pages);
	return ret;
}

void devgroup_dma_uncharge_tables(struct devgroup_dma *dma, unsigned long pages)
{
	account_locked_vm(dma->mm, pages, false);
	WRITE_ONCE(dma->group->table_pages, dma->group->table_pages - pages);
}

/* Killed processes wait for the end, too: it is what keeps devices from memory that is freed. */
static void clear_all(struct devgroup_dma *dma, struct devgroup_window *window, u64 first,
		      u64 count)
{
	u64 done = 0;

	while (done < count) {
		done += dma->ops->clear(dma, window, first + done, count - done);
		cond_resched();
	}
}

/* Emptied first, with the flushes that go with it: the IOMMU may fail to disconnect a table. */
static void remove_window(struct devgroup_dma *dma, struct devgroup_window *window)
{
	clear_all(dma, window, 0, devgroup_window_entries(window));
	mutex_lock(&dma->program_lock);
	if (!dma->blocked)
		dma->ops->disconnect(dma, window);
	dma->windows[window->slot] = NULL;
	mutex_unlock(&dma->program_lock);
	dma->ops->destroy_window(dma, window);
}

/* By whatever thread comes last, so dma->mm is only ever accounted to. */
void devgroup_dma_destroy(struct devgroup_dma *dma)
{
	struct iommu_group **groups = dma->groups;
	unsigned int count = dma->nr_groups, slot;
	struct mm_struct *mm = dma->mm;

	mutex_lock(&dma->lock);
	for (slot = 0; slot < DEVGROUP_MAX_WINDOWS; slot++) {
		if (dma->windows[slot])
			remove_window(dma, dma->windows[slot]);
	}
	mutex_unlock(&dma->lock);
	mutex_destroy(&dma->program_lock);
	mutex_destroy(&dma->lock);
	dma->ops->destroy(dma);
	if (mm)
		mmdrop(mm);
	put_groups(groups, count);
}

/* The window in which the whole range lies, or NULL. */
static struct devgroup_window *find_window(struct devgroup_dma *dma, u64 iova, u64 size)
{
	struct devgroup_window *window;
	unsigned int slot;

	for (slot = 0; slot < DEVGROUP_MAX_WINDOWS; slot++) {
		window = dma->windows[slot];
		if (window && iova >= window->start && iova - window->start < window->size &&
		    size <= window->size - (iova - window->start))
			return window;
	}
	return NULL;
}

static bool is_aligned(const struct devgroup_window *window, u64 number)
{
	return IS_ALIGNED(number, 1ULL << window->page_shift);
}

static u64 first_entry(const struct devgroup_window *window, u64 iova)
{
	return (iova - window->start) >> window->page_shift;
}

/* Callers other than the owner may ask, too: they see numbers, no memory. */
static int copy_windows(struct devgroup_dma *dma, struct devgroup_dma_info *info,
			struct devgroup_dma_info __user *arg)
{
	size_t room = (info->argsz - sizeof(*info)) / sizeof(arg->windows[0]);
	struct devgroup_dma_window entry;
	struct devgroup_window *window;
	unsigned int slot;

	for (slot = 0; slot < DEVGROUP_MAX_WINDOWS; slot++) {
		window = dma->windows[slot];
		if (!window)
			continue;
		entry.start = window->start;
		entry.size = window->size;
		entry.page_shift = window->page_shift;
		entry.levels = window->levels;
		if (info->nr_windows < room &&
		    copy_to_user(&arg->windows[info->nr_windows], &entry, sizeof(entry)))
			return -EFAULT;
		info->nr_windows++;
	}
	return 0;
}

static int get_info(struct devgroup_dma *dma, void __user *arg)
{
	struct devgroup_dma_info info;
	int ret = devgroup_copy_argument(&info, sizeof(info), arg);

	if (ret)
		return ret;
	if (info.flags || info.reserved)
		return -EINVAL;
	ret = mutex_lock_killable(&dma->lock);
	if (ret)
		return ret;
	info.nr_windows = 0;
	dma->ops->get_info(dma, &info);
	ret = copy_windows(dma, &info, arg);
	mutex_unlock(&dma->lock);
	if (!ret && copy_to_user(arg, &info, sizeof(info)))
		ret = -EFAULT;
	return ret;
}

static int check_window(const struct devgroup_dma_info *info, unsigned int slot,
			const struct devgroup_create_window *wanted)
{
	if (wanted->page_shift >= 64 || !(info->page_sizes & BIT_ULL(wanted->page_shift)))
		return -EINVAL;
	if (wanted->levels > info->max_levels || !is_power_of_2(wanted->size) ||
	    wanted->size < BIT_ULL(wanted->page_shift))
		return -EINVAL;
	if (!slot && wanted->size > info->default_size)
		return -EINVAL;
	return 0;
}

/* program_lock held. */
static void show_windows(struct devgroup_dma *dma)
{
	if (dma->ops->show)
		dma->ops->show(dma);
}

static int connect_window(struct devgroup_dma *dma, struct devgroup_window *window)
{
	int ret = 0;

	mutex_lock(&dma->program_lock);
	if (!dma->blocked)
		ret = devgroups_fail() ? -EIO : dma->ops->connect(dma, window);
	if (!ret)
		dma->windows[window->slot] = window;
	show_windows(dma);
	mutex_unlock(&dma->program_lock);
	return ret;
}

static int create_window(struct devgroup_dma *dma, struct devgroup_create_window *wanted)
{
	struct devgroup_dma_info info = {};
	struct devgroup_window *window;
	unsigned int slot = 0;
	int ret;

	dma->ops->get_info(dma, &info);
	while (slot < info.max_windows && dma->windows[slot])
		slot++;
	if (slot == info.max_windows)
		return -ENOSPC;
	ret = check_window(&info, slot, wanted);
	if (ret)
		return ret;
	window = dma->ops->create_window(dma, slot, wanted);
	if (IS_ERR(window))
		return PTR_ERR(window);
	ret = connect_window(dma, window);
	if (ret)
		dma->ops->destroy_window(dma, window);
	else
		wanted->start = window->start;
	return ret;
}

static int call_create_window(struct devgroup_dma *dma, void *argument, void __user *arg)
{
	struct devgroup_create_window *wanted = argument;
	int ret = create_window(dma, wanted);

	if (!ret && copy_to_user(arg, wanted, sizeof(*wanted))) {
		remove_window(dma, find_window(dma, wanted->start, 0));
		ret = -EFAULT;
	}
	return ret;
}

static int call_remove_window(struct devgroup_dma *dma, void *argument, void __user *arg)
{
	const struct devgroup_remove_window *remove = argument;
	struct devgroup_window *window = find_window(dma, remove->start, 0);

	if (!window || window->start != remove->start)
		return -EINVAL;
	remove_window(dma, window);
	return 0;
}

static int change_memory(struct devgroup_dma *dma, const struct devgroup_memory *memory,
			 int (*change)(struct devgroup_dma *dma, u64 vaddr, u64 size))
{
	u64 last;

	if (!change)
		return -EOPNOTSUPP;
	if (!memory->size || !PAGE_ALIGNED(memory->vaddr | memory->size) ||
	    check_add_overflow(memory->vaddr, memory->size - 1, &last))
		return -EINVAL;
	return change(dma, memory->vaddr, memory->size);
}

static int call_register_memory(struct devgroup_dma *dma, void *argument, void __user *arg)
{
	return change_memory(dma, argument, dma->ops->register_memory);
}

static int call_unregister_memory(struct devgroup_dma *dma, void *argument, void __user *arg)
{
	return change_memory(dma, argument, dma->ops->unregister_memory);
}

/* Between the parts of a long call. */
static int take_break(void)
{
	if (fatal_signal_pending(current))
		return -EINTR;
	cond_resched();
	return 0;
}

static int clear_range(struct devgroup_dma *dma, struct devgroup_window *window, u64 first,
		       u64 count)
{
	u64 done = 0;
	int ret = 0;

	while (done < count && !ret) {
		done += dma->ops->clear(dma, window, first + done, count - done);
		if (done < count)
			ret = take_break();
	}
	return ret;
}

/* After a failure of a part the whole range is unmapped, whatever was there. */
static int map_range(struct devgroup_dma *dma, struct devgroup_window *window,
		     const struct devgroup_map *map)
{
	u64 first = first_entry(window, map->iova), count = map->size >> window->page_shift;
	u64 done = 0;
	int ret = 0;

	if (dma->ops->is_mapped && dma->ops->is_mapped(window, first, count))
		return -EEXIST;
	while (done < count && !ret) {
		unsigned int part = min_t(u64, count - done, DEVGROUP_LIST_MAX), i;

		for (i = 0; i < part; i++)
			dma->list[i] = (map->vaddr + ((done + i) << window->page_shift)) |
				       map->flags;
		ret = dma->ops->set(dma, window, first + done, part);
		done += part;
		if (!ret && done < count)
			ret = take_break();
	}
	if (ret)
		clear_all(dma, window, first, count);
	return ret;
}

static int call_map(struct devgroup_dma *dma, void *argument, void __user *arg)
{
	const struct devgroup_map *map = argument;
	struct devgroup_window *window = find_window(dma, map->iova, map->size);
	u64 last;

	if (!map->flags || !map->size || check_add_overflow(map->vaddr, map->size - 1, &last))
		return -EINVAL;
	if (!window || !is_aligned(window, map->iova | map->vaddr | map->size))
		return -EINVAL;
	return map_range(dma, window, map);
}

static int call_unmap(struct devgroup_dma *dma, void *argument, void __user *arg)
{
	const struct devgroup_unmap *unmap = argument;
	struct devgroup_window *window = find_window(dma, unmap->iova, unmap->size);

	if (!window || !unmap->size || !is_aligned(window, unmap->iova | unmap->size))
		return -EINVAL;
	return clear_range(dma, window, first_entry(window, unmap->iova),
			   unmap->size >> window->page_shift);
}

static int call_unmap_page(struct devgroup_dma *dma, void *argument, void __user *arg)
{
	u64 iova = (unsigned long)arg;
	struct devgroup_window *window = find_window(dma, iova, 0);

	if (!window || !is_aligned(window, iova))
		return -EINVAL;
	return clear_range(dma, window, first_entry(window, iova), 1);
}

/* The list is copied once; what is checked is what is set. */
static int map_list(struct devgroup_dma *dma, struct devgroup_window *window,
		    const struct devgroup_map_list *map)
{
	u64 first = first_entry(window, map->iova);
	u32 i;

	if (map->count > devgroup_window_entries(window) - first)
		return -EINVAL;
	if (copy_from_user(dma->list, u64_to_user_ptr(map->entries),
			   map->count * sizeof(dma->list[0])))
		return -EFAULT;
	for (i = 0; i < map->count; i++) {
		if (!is_aligned(window, dma->list[i] & ~(u64)DEVGROUP_MAP_FLAGS))
			return -EINVAL;
	}
	return dma->ops->set(dma, window, first, map->count);
}

static int call_map_list(struct devgroup_dma *dma, void *argument, void __user *arg)
{
	const struct devgroup_map_list *map = argument;
	struct devgroup_window *window = find_window(dma, map->iova, 0);

	if (map->reserved || !map->count)
		return -EINVAL;
	if (map->count > DEVGROUP_LIST_MAX)
		return -E2BIG;
	if (!window || !is_aligned(window, map->iova))
		return -EINVAL;
	return map_list(dma, window, map);
}

/* What all arguments begin with, and room for any of them. */
union argument {
	struct {
		u32 argsz;
		u32 flags;
	};
	struct devgroup_create_window create;
	struct devgroup_remove_window remove;
	struct devgroup_memory memory;
	struct devgroup_map map;
	struct devgroup_unmap unmap;
	struct devgroup_map_list list;
};

/* The calls of the owner; first those that a guest has it make all the time. */
static const struct dma_call {
	unsigned int cmd;
	size_t size;		/* 0: nothing to copy, the argument is a number */
	u32 flags;		/* that are known */
	/* dma->lock held. @arg: the caller's own @argument, for an answer, or the number. */
	int (*run)(struct devgroup_dma *dma, void *argument, void __user *arg);
} calls[] = {
	{ DEVGROUP_UNMAP_PAGE, 0, 0, call_unmap_page },
	{ DEVGROUP_MAP, sizeof(struct devgroup_map), DEVGROUP_MAP_FLAGS, call_map },
	{ DEVGROUP_UNMAP, sizeof(struct devgroup_unmap), 0, call_unmap },
	{ DEVGROUP_MAP_LIST, sizeof(struct devgroup_map_list), 0, call_map_list },
	{ DEVGROUP_CREATE_WINDOW, sizeof(struct devgroup_create_window), 0, call_create_window },
	{ DEVGROUP_REMOVE_WINDOW, sizeof(struct devgroup_remove_window), 0, call_remove_window },
	{ DEVGROUP_REGISTER_MEMORY, sizeof(struct devgroup_memory), 0, call_register_memory },
	{ DEVGROUP_UNREGISTER_MEMORY, sizeof(struct devgroup_memory), 0, call_unregister_memory },
};

/* If there is no owner yet, the caller becomes it, unless the call fails. */
static int run_as_owner(struct devgroup_dma *dma, const struct dma_call *call,
			union argument *argument, void __user *arg)
{
	bool adopt = !dma->mm;
	int ret;

	if (dma->mm && dma->mm != current->mm)
		return -EPERM;
	if (adopt) {
		mmgrab(current->mm);
		dma->mm = current->mm;
	}
	ret = call->run(dma, argument, arg);
	if (adopt && ret) {
		mmdrop(dma->mm);
		dma->mm = NULL;
	}
	return ret;
}

static int copy_argument(union argument *argument, const struct dma_call *call, void __user *arg)
{
	int ret;

	if (!call->size)
		return 0;
	ret = devgroup_copy_argument(argument, call->size, arg);
	if (ret)
		return ret;
	return argument->flags & ~call->flags ? -EINVAL : 0;
}

static int run(struct devgroup_dma *dma, const struct dma_call *call, void __user *arg)
{
	union argument argument;
	int ret = copy_argument(&argument, call, arg);

	if (ret)
		return ret;
	ret = mutex_lock_killable(&dma->lock);
	if (ret)
		return ret;
	ret = run_as_owner(dma, call, &argument, arg);
	mutex_unlock(&dma->lock);
	return ret;
}

/* The number of the member among the groups, nr_groups if it is none of them any more. */
static unsigned int find_group(struct devgroup_dma *dma, struct devgroup_member *member)
{
	unsigned int i;

	for (i = 0; i < dma->nr_groups; i++) {
		if (dma->groups[i] == member->iommu_group)
			break;
	}
	return i;
}

void devgroup_dma_remove_member(struct devgroup_dma *dma, struct devgroup_member *member)
{
	unsigned int index;

	mutex_lock(&dma->lock);
	mutex_lock(&dma->program_lock);
	index = find_group(dma, member);
	if (index < dma->nr_groups) {
		if (!dma->blocked)
			dma->ops->leave(dma, index);
		iommu_group_put(dma->groups[index]);
		dma->groups[index] = dma->groups[--dma->nr_groups];
	}
	mutex_unlock(&dma->program_lock);
	mutex_unlock(&dma->lock);
}

long devgroup_dma_ioctl(struct devgroup_dma *dma, unsigned int cmd, void __user *arg)
{
	unsigned int i;

	if (cmd == DEVGROUP_GET_DMA_INFO)
		return get_info(dma, arg);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		if (calls[i].cmd == cmd)
			return run(dma, &calls[i], arg);
	}
	return -ENOTTY;
}

static void disconnect_windows(struct devgroup_dma *dma, unsigned int count)
{
	while (count--) {
		if (dma->windows[count])
			dma->ops->disconnect(dma, dma->windows[count]);
	}
}

void devgroup_dma_block(struct devgroup_dma *dma)
{
	mutex_lock(&dma->program_lock);
	if (!dma->blocked)
		disconnect_windows(dma, DEVGROUP_MAX_WINDOWS);
	dma->blocked = true;
	mutex_unlock(&dma->program_lock);
}

/* All windows, or none: it stays blocked then. */
int devgroup_dma_unblock(struct devgroup_dma *dma)
{
	unsigned int slot;
	int ret = 0;

	mutex_lock(&dma->program_lock);
	for (slot = 0; dma->blocked && slot < DEVGROUP_MAX_WINDOWS; slot++) {
		if (!dma->windows[slot])
			continue;
		ret = devgroups_fail() ? -EIO : dma->ops->connect(dma, dma->windows[slot]);
		if (ret) {
			disconnect_windows(dma, slot);
			break;
		}
	}
	dma->blocked = dma->blocked && ret;
	show_windows(dma);
	mutex_unlock(&dma->program_lock);
	return ret;
}

void devgroup_dma_show(struct devgroup_dma *dma, bool shown)
{
	mutex_lock(&dma->program_lock);
	dma->shown = shown;
	show_windows(dma);
	mutex_unlock(&dma->program_lock);
}

/* The group may come into use or go out of it meanwhile. */
int devgroup_dma_pinned(struct devgroup *group, char *buf)
{
	return sysfs_emit(buf, "memory %lu kB\ntables %lu kB\n",
			  READ_ONCE(group->memory_pages) << (PAGE_SHIFT - 10),
			  READ_ONCE(group->table_pages) << (PAGE_SHIFT - 10));
}

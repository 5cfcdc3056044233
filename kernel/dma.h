/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What dma.c, which knows the calls of a group's file, and the two kinds of IOMMU that it drives
 * (dma_tce.c, dma_paging.c) offer each other.
 */
#ifndef DEVGROUPS_DMA_H
#define DEVGROUPS_DMA_H

#include <linux/iommu.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>

#include "uapi/devgroups.h"

#define DEVGROUP_MAX_WINDOWS 2
#define DEVGROUP_MAP_FLAGS (DEVGROUP_MAP_READ | DEVGROUP_MAP_WRITE)

struct devgroup_dma;

/* Part of the IOMMU's own structure. Does not change. */
struct devgroup_window {
	unsigned int slot;
	u64 start;
	u64 size;
	u32 page_shift;
	u32 levels;
};

/*
 * An IOMMU's operations. dma->lock held, dma->mm the caller's own, but for connect, disconnect,
 * leave and show, which have program_lock instead, and destroy. Entries of a window are numbered
 * from 0.
 */
struct devgroup_dma_ops {
	/* What windows there can be: fills in all but argsz and the windows. */
	void (*get_info)(struct devgroup_dma *dma, struct devgroup_dma_info *info);
	/* Empty, and not connected. Flags, page size, levels and size are checked. ERR_PTR. */
	struct devgroup_window *(*create_window)(struct devgroup_dma *dma, unsigned int slot,
						 const struct devgroup_create_window *wanted);
	/* One that is empty and not connected. */
	void (*destroy_window)(struct devgroup_dma *dma, struct devgroup_window *window);

	/* Lets devices reach what is mapped. */
	int (*connect)(struct devgroup_dma *dma, struct devgroup_window *window);
	/* From its return on they do not. */
	void (*disconnect)(struct devgroup_dma *dma, struct devgroup_window *window);

	/* From its return on the devices of groups[@index], which leaves, reach nothing. */
	void (*leave)(struct devgroup_dma *dma, unsigned int index);

	/* KVM finds windows if dma->shown. NULL: it never does. */
	void (*show)(struct devgroup_dma *dma);

	/* NULL: mapping pins. Page-aligned, no wraparound. */
	int (*register_memory)(struct devgroup_dma *dma, u64 vaddr, u64 size);
	int (*unregister_memory)(struct devgroup_dma *dma, u64 vaddr, u64 size);

	/* NULL: a map replaces what is mapped. */
	bool (*is_mapped)(struct devgroup_window *window, u64 first, u64 count);
	/* Sets entries to dma->list[], of which each is aligned: all, or on an error none. */
	int (*set)(struct devgroup_dma *dma, struct devgroup_window *window, u64 first,
		   unsigned int count);
	/* Unmaps, and returns how many entries from @first on are unmapped now: 1 to @count. */
	u64 (*clear)(struct devgroup_dma *dma, struct devgroup_window *window, u64 first,
		     u64 count);

	/* Without windows. Lets go of all memory, and frees @dma. */
	void (*destroy)(struct devgroup_dma *dma);
};

/* The DMA of a group in use. Part of the IOMMU's own structure. */
struct devgroup_dma {
	const struct devgroup_dma_ops *ops;
	struct devgroup *group;		/* whose use has a reference */
	unsigned int nr_groups;		/* at least one; both locks to change, as for the next */
	struct iommu_group **groups;	/* owned, with references: each has the same windows */

	struct mutex lock;		/* one call at a time; taken before mmap_lock */
	/* Whose memory is mapped and whose limit counts; the structure alone, it may have exited. */
	struct mm_struct *mm;		/* a reference; lock; NULL: nobody's yet */
	u64 list[DEVGROUP_LIST_MAX];	/* lock; addresses with DEVGROUP_MAP_* */

	/*
	 * Taken after lock. Never held while memory of a user is touched, so that a block does
	 * not wait for a user.
	 */
	struct mutex program_lock;
	bool blocked;			/* program_lock */
	bool shown;			/* to KVM; program_lock */
	struct devgroup_window *windows[DEVGROUP_MAX_WINDOWS]; /* changed with both locks held */
};

static inline u64 devgroup_window_entries(const struct devgroup_window *window)
{
	return window->size >> window->page_shift;
}

/*
 * Count pages that are pinned, and those of tables, for whoever looks (dma_pinned), and against the
 * owner's limit: -ENOMEM.
 */
void devgroup_dma_count_memory(struct devgroup_dma *dma, long pages);
int devgroup_dma_charge_tables(struct devgroup_dma *dma, unsigned long pages);
void devgroup_dma_uncharge_tables(struct devgroup_dma *dma, unsigned long pages);

/*
 * Make their own structure with what is in it, dma->ops set and all else 0, or ERR_PTR. @dev is in
 * one of the groups, and stays meanwhile.
 */
struct devgroup_dma *devgroup_tce_create(struct iommu_group **groups, unsigned int count,
					 struct device *dev);
struct devgroup_dma *devgroup_paging_create(struct iommu_group **groups, unsigned int count,
					    struct device *dev);

#endif

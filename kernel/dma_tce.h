/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DMA on POWER: what dma_tce.c, which owns windows and their entries, and tce_memory.c, which owns
 * registered memory, offer each other.
 */
#ifndef DEVGROUPS_DMA_TCE_H
#define DEVGROUPS_DMA_TCE_H

#include <linux/dma-direction.h>
#include <linux/maple_tree.h>
#include <asm/iommu.h>
#include <asm/mmu_context.h>

#include "dma.h"

/* One entry of a list: what it is to be, and what it was. A direction of DMA_NONE: unmapped. */
struct tce_change {
	struct mm_iommu_table_group_mem_t *mem;	/* of ua; registered here */
	unsigned long ua;		/* address of the user */
	unsigned long hpa;		/* physical */
	enum dma_data_direction dir;
	unsigned long old_ua;
	unsigned long old_hpa;
	enum dma_data_direction old_dir;
};

struct tce_window {
	struct devgroup_window base;
	struct iommu_table *table;	/* a reference; KVM may have another */
	unsigned long pages;		/* counted against the limit */
	struct page *sink;		/* owned; LPAR: where blocked DMA goes */
	struct devgroup_kvm_table *kept; /* owned; LPAR: for when the table outlives the window */
};

struct tce_dma {
	struct devgroup_dma base;
	struct maple_tree memory;	/* struct tce_memory by user addresses; base.lock */
	struct tce_memory *recent;	/* of these, the one that was looked up last, or NULL */
	struct tce_change changes[DEVGROUP_LIST_MAX]; /* base.lock */
};

#define to_tce_dma(d) container_of(d, struct tce_dma, base)
#define to_tce_window(w) container_of(w, struct tce_window, base)

/* dma_tce.c: whether an entry of any window maps some of this memory. base.lock held. */
bool devgroup_tce_maps(struct tce_dma *tce, u64 vaddr, u64 size);

/* tce_memory.c; base.lock held. */
int devgroup_tce_register(struct devgroup_dma *dma, u64 vaddr, u64 size);
int devgroup_tce_unregister(struct devgroup_dma *dma, u64 vaddr, u64 size);
/*
 * Finds where change->ua is, in memory that is registered here. -EINVAL: not registered; -EPERM:
 * an IOMMU page is larger than the page there.
 */
int devgroup_tce_translate(struct tce_dma *tce, struct tce_change *change,
			   unsigned int page_shift);
/* One entry less maps the page at @ua, and the IOMMU has been told. */
void devgroup_tce_forget(struct tce_dma *tce, unsigned long ua, unsigned int page_shift);
void devgroup_tce_unregister_all(struct tce_dma *tce);

#endif

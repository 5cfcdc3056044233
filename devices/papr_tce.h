/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A TCE table (PAPR 14.5.3): the paravirtual IOMMU of one bridge. Keeps the guest's entries
 * (for H_GET_TCE and for unmapping) and mirrors them into the group's DMA window. Guest memory
 * is registered with the kernel in chunks, the first time an entry points into one.
 */
#ifndef PVMM_DEVICES_PAPR_TCE_H
#define PVMM_DEVICES_PAPR_TCE_H

#include <pthread.h>

#include "vmm/group/group.h"
#include "vmm/log.h"
#include "vmm/memory.h"

#define PAPR_TCE_READ 1ULL	/* the device may read memory */
#define PAPR_TCE_WRITE 2ULL	/* the device may write memory */
#define PAPR_TCE_LIST_MAX 512

/*
 * How guest memory is cut into chunks, one way for all tables of a VM: the kernel counts a
 * chunk once per process, however many groups register it, but refuses two that overlap and
 * are not the same.
 */
struct papr_dma_memory {
	struct guest_memory *memory;
	uint64_t chunk_size;	/* bytes; power of two */
	pthread_mutex_t lock;	/* held while registering. Taken after papr_tce_table.lock */
};

struct papr_tce_table {
	struct group *group;
	struct papr_dma_memory *dma;
	struct log *log;
	struct log_limit limit;
	uint32_t liobn;
	uint64_t iova, size;	/* the window, bytes */
	unsigned page_shift;
	pthread_mutex_t lock;	/* entries and registered */
	uint64_t *entries;	/* as the guest wrote them; lazily backed */
	uint8_t *registered;	/* one bit per chunk of guest memory */
};

/* 0 or a negative errno. */
int papr_dma_memory_init(struct papr_dma_memory *dma, struct guest_memory *memory);
void papr_dma_memory_exit(struct papr_dma_memory *dma);

/* 0, or a negative errno after one line on log. @dma outlives the table. */
int papr_tce_init(struct papr_tce_table *table, struct group *group, struct papr_dma_memory *dma,
		  uint32_t liobn, struct log *log);
void papr_tce_exit(struct papr_tce_table *table);
/*
 * Unmaps everything and unregisters memory. Comes before guest_memory_clear(): what is
 * registered stays pinned, and a device would go on using pages that the guest no longer has.
 */
void papr_tce_reset(struct papr_tce_table *table);

/*
 * The hypercalls' work, with their PAPR statuses: H_SUCCESS, H_PARAMETER (and then nothing
 * changed), H_RESOURCE (the host could not register or map). @ioba and @count are the guest's.
 */
int64_t papr_tce_put(struct papr_tce_table *table, uint64_t ioba, uint64_t tce);
int64_t papr_tce_put_list(struct papr_tce_table *table, uint64_t ioba, uint64_t list_gpa,
			  uint64_t count);
int64_t papr_tce_stuff(struct papr_tce_table *table, uint64_t ioba, uint64_t tce, uint64_t count);
int64_t papr_tce_get(struct papr_tce_table *table, uint64_t ioba, uint64_t *tce);

#endif

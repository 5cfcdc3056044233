/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A TCE table (PAPR 14.5.3): the paravirtual IOMMU of one bridge. Keeps the guest's entries
 * (for H_GET_TCE and for unmapping) and mirrors them into the group's DMA window. Guest memory
 * is registered with the kernel in chunks, the first time an entry points into one.
 *
 * The kernel may handle a table's calls itself (papr_tce_attach()). Then only those come here
 * that point into memory which is not registered yet, or that ask for something impossible, and
 * the entries are the kernel's own, which it changes at any time.
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

struct papr_tce_kernel;

/* Tables in the kernel, of one VM; by the VM's one thread that builds and destroys it. */
struct papr_tce_kernel_ops {
	/*
	 * A table for @liobn, empty, over @group's window, attached to the group. *@entries, in
	 * the host's byte order, are shared with it. A negative errno, and then why[] is set.
	 */
	int (*create)(struct papr_tce_kernel *kernel, struct group *group, uint32_t liobn,
		      uint64_t **entries);
	/* Detaches it, and takes the entries away. No vCPU runs any more. */
	void (*destroy)(struct papr_tce_kernel *kernel, uint32_t liobn);
};

struct papr_tce_kernel {
	const struct papr_tce_kernel_ops *ops;
	bool lists;		/* is left H_PUT_TCE_INDIRECT and H_STUFF_TCE as well */
	char why[128];		/* the last table could not be made */
};

struct papr_tce_table {
	struct group *group;
	struct papr_dma_memory *dma;
	struct log *log;
	struct log_limit limit;
	uint32_t liobn;
	uint64_t iova, size;	/* the window, bytes */
	unsigned page_shift;
	struct papr_tce_kernel *kernel;	/* handles calls, too; NULL: it does not */
	pthread_mutex_t lock;	/* all below */
	uint64_t *entries;	/* as the guest wrote them: own, or the kernel's */
	uint64_t *own;		/* lazily backed */
	uint8_t *registered;	/* one bit per chunk of guest memory */
	uint64_t nr_calls;	/* that changed entries here, not in the kernel */
	uint64_t nr_first;	/* of these, that registered memory */
};

/* 0 or a negative errno. */
int papr_dma_memory_init(struct papr_dma_memory *dma, struct guest_memory *memory);
void papr_dma_memory_exit(struct papr_dma_memory *dma);

/* 0, or a negative errno after one line on log. @dma outlives the table. */
int papr_tce_init(struct papr_tce_table *table, struct group *group, struct papr_dma_memory *dma,
		  uint32_t liobn, struct log *log);
void papr_tce_exit(struct papr_tce_table *table);
/*
 * From now on @kernel, which outlives the table, handles calls as far as it can. 0, or a negative
 * errno: all calls come here as before, and kernel->why says why. The table is as after init.
 */
int papr_tce_attach(struct papr_tce_table *table, struct papr_tce_kernel *kernel);
/* Undoes that, and unmaps everything. Nothing to be done for a table that is not attached. */
void papr_tce_detach(struct papr_tce_table *table);
/*
 * Unmaps everything; then unregisters memory. The kernel maps for an attached table what any
 * table of the VM has registered, so all are cleared (or detached) before one unregisters. Both
 * come before guest_memory_clear(): what is registered stays pinned, and a device would go on
 * using pages that the guest no longer has.
 */
void papr_tce_clear(struct papr_tce_table *table);
void papr_tce_unregister(struct papr_tce_table *table);

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

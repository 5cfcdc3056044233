/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A TCE table (PAPR 14.5.3): the paravirtual IOMMU of one DMA window. Keeps the guest's entries
 * (for H_GET_TCE and for unmapping) and mirrors them into the group's window. Guest memory is
 * registered with the kernel in chunks (papr_dma.h), the first time an entry points into one.
 *
 * The kernel may handle a table's calls itself. Then only those come here that point into memory
 * which is not registered yet, or that ask for something impossible, and the entries are the
 * kernel's own, which it changes at any time.
 */
#ifndef PVMM_DEVICES_PAPR_TCE_H
#define PVMM_DEVICES_PAPR_TCE_H

#include "devices/papr_dma.h"

#define PAPR_TCE_READ 1ULL	/* the device may read memory */
#define PAPR_TCE_WRITE 2ULL	/* the device may write memory */
#define PAPR_TCE_PERMISSIONS (PAPR_TCE_READ | PAPR_TCE_WRITE)
#define PAPR_TCE_LIST_MAX 512

struct papr_tce_kernel;

/* Tables in the kernel, of one VM. From any thread. */
struct papr_tce_kernel_ops {
	/*
	 * A table for @liobn, empty, over a window of @group's, attached to the group. *@entries,
	 * in the host's byte order, are shared with it. A negative errno, and then why[] is set.
	 */
	int (*create)(struct papr_tce_kernel *kernel, struct group *group,
		      const struct group_dma_window *window, uint32_t liobn, uint64_t **entries);
	/* Detaches it, and takes the entries away. No vCPU is in the guest. */
	void (*destroy)(struct papr_tce_kernel *kernel, uint32_t liobn);
	/* Runs @work once while no vCPU is in the guest, and so the kernel maps nothing. */
	void (*run_alone)(struct papr_tce_kernel *kernel, void (*work)(void *arg), void *arg);
};

struct papr_tce_kernel {
	const struct papr_tce_kernel_ops *ops;
	bool lists;		/* is left H_PUT_TCE_INDIRECT and H_STUFF_TCE as well */
	bool expected;		/* by the operator: who wants to know if it handles no calls */
	char why[128];		/* the last table could not be made */
};

/* There as long as the bridge is; a window comes and goes. */
struct papr_tce_table {
	struct papr_dma_user *user;
	struct papr_tce_table *next;	/* of the VM */
	struct log_limit limit;
	uint32_t liobn;
	pthread_mutex_t lock;	/* all below */
	struct group_dma_window window;	/* size 0: there is none, and no entries */
	struct papr_tce_kernel *kernel;	/* handles calls, too; NULL: it does not */
	uint64_t *entries;	/* as the guest wrote them: own, or the kernel's */
	uint64_t *own;		/* lazily backed */
	uint64_t nr_calls;	/* that changed entries here, not in the kernel; of all windows */
	uint64_t nr_first;	/* of these, that registered memory */
};

/* Whether an entry maps something. */
static inline bool papr_tce_is_live(uint64_t tce)
{
	return tce & PAPR_TCE_PERMISSIONS;
}

/* Without a window. 0, or a negative errno after one line on the log. @user outlives the table. */
int papr_tce_init(struct papr_tce_table *table, struct papr_dma_user *user, uint32_t liobn);
/* Accepts one that was never made. */
void papr_tce_exit(struct papr_tce_table *table);
/*
 * From now on it is the table of @window, empty, of the group; dma->kernel, if there is one,
 * handles calls as far as it can. -ENOMEM.
 */
int papr_tce_open(struct papr_tce_table *table, const struct group_dma_window *window);
/*
 * Undoes that: unmaps everything, and guests find no such window. If there is dma->kernel, no vCPU is in
 * the guest; it maps for any table of the VM what any group has registered, so all are closed before one
 * group's memory is unregistered. That comes before guest_memory_clear(): what is registered stays pinned,
 * and a device would go on using pages that the guest no longer has. Nothing to be done for a table that
 * is not open.
 */
void papr_tce_close(struct papr_tce_table *table);
/*
 * For tables that are open already: dma->kernel has just come to be. 0, or a negative errno: all
 * calls come here as before, and kernel->why says why.
 */
int papr_tce_attach(struct papr_tce_table *table);
/* Says, with --verbose, who handles the calls of a table that is open, and why not the kernel. */
void papr_tce_tell_level(const struct papr_tce_table *table);

/*
 * The hypercalls' work, with their PAPR statuses: H_SUCCESS, H_PARAMETER (and then nothing
 * changed), H_NOT_ENOUGH_RESOURCES (the host could not register or map). @ioba and @count are the guest's.
 */
int64_t papr_tce_put(struct papr_tce_table *table, uint64_t ioba, uint64_t tce);
int64_t papr_tce_put_list(struct papr_tce_table *table, uint64_t ioba, uint64_t list_gpa,
			  uint64_t count);
int64_t papr_tce_stuff(struct papr_tce_table *table, uint64_t ioba, uint64_t tce, uint64_t count);
int64_t papr_tce_get(struct papr_tce_table *table, uint64_t ioba, uint64_t *tce);

/* Between the files about tables, with the table's lock held: the bus address of an entry. */
uint64_t papr_tce_iova(const struct papr_tce_table *table, uint64_t index);
/*
 * Maps @count entries, at most PAPR_TCE_LIST_MAX, as they are noted, in the group alone, which registers what
 * memory they need. 0 or a negative errno, and then what was mapped stays mapped.
 */
int papr_tce_settle(struct papr_tce_table *table, uint64_t index, unsigned count);

/*
 * papr_tce_idle.c: unregisters up to @wanted chunks that no live entry of any table points into;
 * returns how many. Finding them stops the guest and looks at every entry, so after a search in
 * vain there is none for a while. No lock of a table held.
 */
uint64_t papr_tce_release_idle(struct papr_dma_memory *dma, uint64_t wanted);
/* The same for all idle ones, if papr_dma_has_many(). No lock of a table held. */
void papr_tce_trim(struct papr_dma_memory *dma);
/* The same for all idle ones, at any time: memory is wanted back. The log tells of it, with
 * --verbose only unless the operator has @asked for it. */
void papr_tce_give_back(struct papr_dma_memory *dma, bool asked);

#endif

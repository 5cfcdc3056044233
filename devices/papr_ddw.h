/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dynamic DMA windows (PAPR 7.3.14, "DDW option"): a guest's bridge has, beside the default 32-bit
 * window that every boot begins with, others that the guest makes and removes by RTAS calls.
 */
#ifndef PVMM_DEVICES_PAPR_DDW_H
#define PVMM_DEVICES_PAPR_DDW_H

#include "devices/papr_tce.h"
#include "vmm/fdt.h"
#include "vmm/papr/rtas.h"

#define PAPR_DDW_WINDOWS 2	/* of a bridge at a time; the first is the default one's place */

struct papr_phbs;

/* The windows of a bridge. Which there are is changed with papr_eeh.lock held. */
struct papr_ddw {
	struct papr_dma_user user;
	struct log_limit limit;
	bool told;		/* that the guest makes windows */
	struct papr_tce_table tables[PAPR_DDW_WINDOWS];
};

/*
 * With the group's default window, made again if a former guest has removed it. @liobn is its
 * name, the next numbers those of the others. 0, or a negative errno after one line on the log.
 */
int papr_ddw_init(struct papr_ddw *ddw, struct papr_dma_memory *dma, struct group *group,
		  uint32_t liobn);
/*
 * The windows that a boot begins with, whatever the guest has made of them; the default one, if it
 * is there, as it is. No vCPU is in the guest, or there is no kernel that maps. 0 or the errno of
 * the first failure, after a line on the log.
 */
int papr_ddw_restore(struct papr_ddw *ddw);
/*
 * Closes all tables, and leaves the group with its default window. The guest does not run any more.
 * Memory stays registered, as other bridges' tables may map it, until papr_ddw_exit(). A failure
 * is in the log, and the next papr_ddw_init() tries again.
 */
void papr_ddw_close(struct papr_ddw *ddw);
/* Accepts one that was never made. All bridges' windows have been closed, or no guest ran. */
void papr_ddw_exit(struct papr_ddw *ddw);

/* What a guest may ask for now. */
struct papr_ddw_offer {
	unsigned nr_windows;	/* that can be made */
	uint64_t page_sizes;	/* mask of bytes; 0: the bridge has no dynamic windows at all */
	uint64_t size;		/* bytes of the largest window */
};

struct papr_ddw_offer papr_ddw_offer(const struct papr_ddw *ddw);

/* 0 or a negative errno of the table. Nothing if no bridge has dynamic windows. */
int papr_ddw_register(struct papr_phbs *phbs, struct rtas *rtas);
/* Properties of the bridge's open node. Errors stay in @fdt. */
void papr_ddw_add_fdt(const struct papr_ddw *ddw, const struct rtas *rtas,
		      struct fdt_writer *fdt);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Error injection (PAPR 7.3.13), so that a guest's administrator can drill its recovery: errors
 * on the buses of groups that the guest recovers by EEH. One user of it at a time.
 */
#ifndef PVMM_DEVICES_PAPR_ERRINJCT_H
#define PVMM_DEVICES_PAPR_ERRINJCT_H

#include <pthread.h>

#include "vmm/fdt.h"
#include "vmm/papr/rtas.h"

struct papr_phbs;

struct papr_errinjct {
	pthread_mutex_t lock;	/* all below */
	bool open;
	uint32_t token;		/* of who opened it last; each gets another */
};

/* 0 or a negative errno. */
int papr_errinjct_init(struct papr_errinjct *errinjct);
void papr_errinjct_exit(struct papr_errinjct *errinjct);
/* 0 or a negative errno of the table. */
int papr_errinjct_register(struct papr_phbs *phbs, struct rtas *rtas);
/* Properties of the open /rtas node. Errors stay in @fdt. */
void papr_errinjct_add_rtas(struct fdt_writer *fdt);

#endif

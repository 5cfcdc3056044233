/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Enhanced I/O error handling (PAPR 7.3.11, 7.3.12): the RTAS calls by which a guest finds that
 * a group was isolated after an error, diagnoses it, resets it and goes on. All devices behind
 * a bridge are one partitionable endpoint (PE), as the host isolates and resets the group as
 * one. What isolates it is the bridge's matter (pci_recovery.c).
 */
#ifndef PVMM_DEVICES_PAPR_EEH_H
#define PVMM_DEVICES_PAPR_EEH_H

#include <pthread.h>

#include "devices/papr_errinjct.h"
#include "devices/pci.h"
#include "vmm/fdt.h"
#include "vmm/papr/rtas.h"

struct papr_phbs;

/* Of a bridge: its PE, as far as the guest changes its state. */
struct papr_eeh {
	struct pci_host *pci;	/* borrowed */
	pthread_mutex_t lock;	/* all below, and over changes of the group's state; taken before
				 * pci_host.lock */
	bool enabled;		/* the guest said that it recovers the PE */
	bool in_reset;		/* it began a reset, and has not ended it */
	bool was_reset;		/* and bridges and devices were not configured since */
	bool given_up;		/* it said that the error is permanent */
};

/* 0 or a negative errno. */
int papr_eeh_init(struct papr_eeh *eeh, struct pci_host *pci);
/* Ends what the guest left isolated. The guest does not run any more. */
void papr_eeh_exit(struct papr_eeh *eeh);
/* 0 or a negative errno of the table. */
int papr_eeh_register(struct papr_phbs *phbs, struct rtas *rtas);
/* Properties of the open /rtas node. Errors stay in @fdt. */
void papr_eeh_add_rtas(struct fdt_writer *fdt);

/* Must config space look as if nobody were there? From any thread. */
bool papr_eeh_is_stopped(struct papr_eeh *eeh);
/*
 * Keeps the PE in its state until papr_eeh_unhold(), which is called by the same thread. False, and
 * it is not kept: the PE is isolated, or in a reset.
 */
bool papr_eeh_hold(struct papr_eeh *eeh);
void papr_eeh_unhold(struct papr_eeh *eeh);
/*
 * A load went to the bridge, and no device took it: on a real one that is an error that freezes
 * the PE. Guests rely on that for drills (Linux: eeh_dev_break).
 */
void papr_eeh_missed_load(struct papr_eeh *eeh);
/*
 * Error injection (PAPR 7.3.13), with @function as in the work buffer: -EINVAL if the guest has
 * not enabled EEH for the PE, or another negative errno of the backend.
 */
int papr_eeh_inject(struct papr_eeh *eeh, bool wide, uint32_t function);

/* Does @config_addr name the PE, or a device of it? Register fields must be 0. */
bool papr_eeh_is_address(struct papr_eeh *eeh, uint32_t config_addr);

#endif

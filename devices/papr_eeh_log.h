/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The error log of ibm,slot-error-detail: version 6 of RTAS's format (PAPR 10.3.2), with what
 * the guest's driver has to say as its last section. Big-endian, as everything in it.
 */
#ifndef PVMM_DEVICES_PAPR_EEH_LOG_H
#define PVMM_DEVICES_PAPR_EEH_LOG_H

#include "vmm/util.h"

#define PAPR_ERROR_LOG_MAX 2048U	/* bytes; "rtas-error-log-max" */

struct papr_eeh_log {
	unsigned bridge;	/* its number */
	uint32_t state;		/* of the PE, as ibm,read-slot-reset-state2 has it */
	bool permanent;
	uint32_t size;		/* bytes of data that count */
	uint8_t data[PAPR_ERROR_LOG_MAX];
};

/* How many bytes the driver may say if the whole log is to be of at most @size. */
uint32_t papr_eeh_log_room(uint32_t size);
/* Where they go, before the rest is written. */
void *papr_eeh_log_driver(struct papr_eeh_log *log);
/* The rest, and size. @driver_size bytes are there, at most the room; 0: it says nothing. */
void papr_eeh_log_write(struct papr_eeh_log *log, uint32_t driver_size);

#endif

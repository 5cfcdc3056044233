/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The time-of-day clock (PAPR 7.3.2): RTAS get-time-of-day and set-time-of-day, in UTC. What
 * the guest sets is kept as a distance to the host's clock, which is never changed.
 */
#ifndef PVMM_DEVICES_PAPR_RTC_H
#define PVMM_DEVICES_PAPR_RTC_H

#include "vmm/papr/rtas.h"

/* @offset, in seconds, belongs to the caller and outlives a reboot; accessed atomically.
 * 0 or a negative errno. */
int papr_rtc_init(struct rtas *rtas, int64_t *offset);

#endif

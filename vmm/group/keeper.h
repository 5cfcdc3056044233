/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gives claimed devices back to their drivers when the monitor is gone, however it went. A
 * process of its own (watcher.h) does it, with the privileges and the view of the host's files
 * that the monitor gives up before the guest runs.
 */
#ifndef PVMM_GROUP_KEEPER_H
#define PVMM_GROUP_KEEPER_H

#include "vmm/group/claim.h"
#include "vmm/watcher.h"

struct keeper {
	struct watcher watcher;
	bool running;
};

/*
 * Hands @claims over (entries may be NULL); they are the keeper's from then on, given back in
 * reverse. Before other threads exist and before the groups are opened. 0, or a negative errno
 * after one line on @log, and the claims are still the caller's.
 */
int keeper_start(struct keeper *keeper, struct claim **claims, unsigned nr_claims,
		 struct log *log);
/* Has the devices given back, the groups being closed, and waits for it. */
void keeper_stop(struct keeper *keeper, struct log *log);

#endif

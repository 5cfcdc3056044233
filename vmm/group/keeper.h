/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Claims groups, and gives them back when the monitor is gone, however and whenever it went. A
 * process of its own (watcher.h) does both, with the privileges and the view of the host's files
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
 * Has @groups claimed, with @take_from_drivers devices that host drivers hold, too (claim_group()),
 * all or none. Before other threads exist and before the groups are opened. 0, or a negative errno
 * after one line on @log.
 */
int keeper_start(struct keeper *keeper, const struct host_root *root,
		 const struct host_group *groups, unsigned nr_groups, bool take_from_drivers,
		 struct log *log);
/* Has the devices given back, the groups being closed, and waits for it. */
void keeper_stop(struct keeper *keeper, struct log *log);

#endif

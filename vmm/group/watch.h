/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tells the operator what happens to a group while a guest has it: it was frozen, released or
 * broke, or the host wants it back. The guest sees the same through its devices.
 */
#ifndef PVMM_GROUP_WATCH_H
#define PVMM_GROUP_WATCH_H

#include "vmm/group/group.h"
#include "vmm/loop.h"

/* At a place that lasts until group_watch_stop(). */
struct group_watch {
	struct group *group;
	struct loop *loop;
	struct log *log;
	bool requested;		/* said once */
	struct log_limit limit;
	unsigned nr_sources;	/* that are watched */
	struct loop_source sources[GROUP_EVENT_COUNT];
};

/* A group that cannot tell is not watched, which is no error. 0 or a negative errno, logged. */
int group_watch_start(struct group_watch *watch, struct group *group, struct loop *loop,
		      struct log *log);
/* Before the group is closed. Accepts a watch that is zeroed or failed to start. */
void group_watch_stop(struct group_watch *watch);

#endif

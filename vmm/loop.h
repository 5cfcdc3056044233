/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The event loop of the main thread: epoll over file descriptors, with callbacks. A handler
 * runs on the main thread only. loop_stop() may be called from any thread.
 */
#ifndef PVMM_LOOP_H
#define PVMM_LOOP_H

#include "vmm/util.h"

struct loop {
	int epoll_fd;
	int wake_fd;	/* eventfd: loop_stop() */
	bool stopping;	/* atomic */
};

/* One watched descriptor; embedded in its owner, which keeps it alive while it is added. */
struct loop_source {
	int fd;
	uint32_t events;	/* EPOLLIN, EPOLLOUT, ... */
	void (*ready)(struct loop_source *source, uint32_t events);
};

/* Returns 0 or a negative errno. */
int loop_init(struct loop *loop);
void loop_exit(struct loop *loop);

int loop_add(struct loop *loop, struct loop_source *source);
void loop_remove(struct loop *loop, struct loop_source *source);

/* Runs handlers until loop_stop(); 0, or a negative errno when waiting itself failed. */
int loop_run(struct loop *loop);
/* Ends the present or the next loop_run(). Safe from any thread and from a handler. */
void loop_stop(struct loop *loop);

#endif

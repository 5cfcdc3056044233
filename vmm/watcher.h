/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small process that waits until this one is gone, whatever ended it (SIGKILL as well), and
 * then puts something right. It shares its parent's fate by nothing but a pipe: all signals
 * are blocked in it, and it keeps no file but those it is told to.
 */
#ifndef PVMM_WATCHER_H
#define PVMM_WATCHER_H

#include <sys/types.h>

#include "vmm/util.h"

#define WATCHER_KEEP_MAX 512

#define WATCHER_DONE 1		/* there is nothing to watch for */

struct watcher {
	pid_t pid;
	int fd;		/* our end of the pipe */
	bool begun;	/* begin() has returned */
};

struct watcher_work {
	/* First, while watcher_start() waits for it. 0: go on; else what watcher_start() returns.
	 * NULL: nothing to do. */
	int (*begin)(void *arg);
	/* When the other process has ended, or called watcher_stop(). */
	void (*gone)(void *arg);
};

/*
 * Starts a watcher called @name. It keeps the @nr_keep files of @keep open, at most
 * WATCHER_KEEP_MAX. The caller has no other threads yet. 0; otherwise there is no watcher: what
 * begin() returned, WATCHER_DONE or a negative errno; or another negative errno and
 * watcher->begun is false.
 */
int watcher_start(struct watcher *watcher, const char *name, const int *keep, size_t nr_keep,
		  const struct watcher_work *work, void *arg);
/* Has the watcher do its work now, and waits for it. Returns whether it did. */
bool watcher_stop(struct watcher *watcher);

#endif

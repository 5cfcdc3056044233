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

struct watcher {
	pid_t pid;
	int fd;		/* our end of the pipe */
};

/*
 * Starts a watcher called @name, which runs @gone when this process has ended or called
 * watcher_stop(). It keeps the @nr_keep files of @keep open, at most WATCHER_KEEP_MAX. The
 * caller has no other threads yet. 0 or a negative errno.
 */
int watcher_start(struct watcher *watcher, const char *name, const int *keep, size_t nr_keep,
		  void (*gone)(void *arg), void *arg);
/* Has the watcher do its work now, and waits for it. Returns whether it did. */
bool watcher_stop(struct watcher *watcher);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A process that outlives this one by a moment. */
#include "vmm/watcher.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Closes every file that is not in @keep; sorts it. */
static void close_others(int *keep, size_t nr_keep)
{
	int next = 0;

	qsort(keep, nr_keep, sizeof(*keep), compare);
	for (size_t i = 0; i < nr_keep; i++) {
		if (keep[i] > next)
			close_range((unsigned)next, (unsigned)keep[i] - 1, 0);
		next = keep[i] + 1;
	}
	close_range((unsigned)next, ~0U, 0);
}

static void __attribute__((noreturn)) watch(const char *name, int gone_fd, const int *keep,
					    size_t nr_keep, void (*gone)(void *arg), void *arg)
{
	int files[WATCHER_KEEP_MAX + 1];
	char byte;

	prctl(PR_SET_NAME, name);
	memcpy(files, keep, nr_keep * sizeof(*keep));
	files[nr_keep] = gone_fd;
	close_others(files, nr_keep + 1);
	while (read(gone_fd, &byte, 1) < 0 && errno == EINTR)
		;
	gone(arg);
	_exit(0);
}

int watcher_start(struct watcher *watcher, const char *name, const int *keep, size_t nr_keep,
		  void (*gone)(void *arg), void *arg)
{
	sigset_t all, saved;
	int fds[2], ret = 0;

	if (nr_keep > WATCHER_KEEP_MAX)
		return -E2BIG;
	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	/* Blocked signals also let it change a terminal from the background. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &saved);
	watcher->pid = fork();
	if (watcher->pid == 0)
		watch(name, fds[0], keep, nr_keep, gone, arg);
	if (watcher->pid < 0)
		ret = -errno;
	sigprocmask(SIG_SETMASK, &saved, NULL);
	close(fds[0]);
	if (ret)
		close(fds[1]);
	else
		watcher->fd = fds[1];
	return ret;
}

bool watcher_stop(struct watcher *watcher)
{
	int status = -1;

	close(watcher->fd);
	while (waitpid(watcher->pid, &status, 0) < 0) {
		if (errno != EINTR)
			return false;
	}
	return WIFEXITED(status);
}

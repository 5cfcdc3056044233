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

/* The watcher's ends of two pipes. */
struct ends {
	int gone_fd;	/* ends with the other process */
	int begun_fd;	/* what begin() returned */
};

static void __attribute__((noreturn)) watch(const char *name, struct ends ends, const int *keep,
					    size_t nr_keep, const struct watcher_work *work,
					    void *arg)
{
	int files[WATCHER_KEEP_MAX + 2], begun;
	char byte;

	prctl(PR_SET_NAME, name);
	memcpy(files, keep, nr_keep * sizeof(*keep));
	files[nr_keep] = ends.gone_fd;
	files[nr_keep + 1] = ends.begun_fd;
	close_others(files, nr_keep + 2);
	begun = work->begin ? work->begin(arg) : 0;
	/* Nobody may be there to read it any more. */
	if (write(ends.begun_fd, &begun, sizeof(begun)) < 0 && errno != EPIPE)
		_exit(1);
	close(ends.begun_fd);
	if (begun)
		_exit(0);
	while (read(ends.gone_fd, &byte, 1) < 0 && errno == EINTR)
		;
	work->gone(arg);
	_exit(0);
}

/* All signals are blocked in it; that also lets it change a terminal from the background. */
static pid_t fork_watcher(const char *name, struct ends ends, const int *keep, size_t nr_keep,
			  const struct watcher_work *work, void *arg)
{
	sigset_t all, saved;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &saved);
	pid = fork();
	if (pid == 0)
		watch(name, ends, keep, nr_keep, work, arg);
	if (pid < 0)
		pid = -errno;
	sigprocmask(SIG_SETMASK, &saved, NULL);
	return pid;
}

/* What begin() returned, if it did. */
static int wait_begun(int fd, bool *has_begun)
{
	int begun;
	ssize_t length;

	do {
		length = read(fd, &begun, sizeof(begun));
	} while (length < 0 && errno == EINTR);
	*has_begun = length == sizeof(begun);
	return *has_begun ? begun : -ECHILD;
}

static int start(struct watcher *watcher, const char *name, int gone[2], int begun[2],
		 const int *keep, size_t nr_keep, const struct watcher_work *work, void *arg)
{
	struct ends ends = { .gone_fd = gone[0], .begun_fd = begun[1] };
	int ret;

	watcher->pid = fork_watcher(name, ends, keep, nr_keep, work, arg);
	close(gone[0]);
	close(begun[1]);
	watcher->fd = gone[1];
	ret = watcher->pid < 0 ? (int)watcher->pid : wait_begun(begun[0], &watcher->begun);
	close(begun[0]);
	if (watcher->pid > 0 && ret)
		watcher_stop(watcher);
	else if (ret)
		close(watcher->fd);
	return ret;
}

int watcher_start(struct watcher *watcher, const char *name, const int *keep, size_t nr_keep,
		  const struct watcher_work *work, void *arg)
{
	int gone[2], begun[2], err;

	watcher->begun = false;
	if (nr_keep > WATCHER_KEEP_MAX)
		return -E2BIG;
	if (pipe2(gone, O_CLOEXEC))
		return -errno;
	if (pipe2(begun, O_CLOEXEC)) {
		err = -errno;
		close(gone[0]);
		close(gone[1]);
		return err;
	}
	return start(watcher, name, gone, begun, keep, nr_keep, work, arg);
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

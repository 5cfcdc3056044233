/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A terminal in raw mode. A watcher process rather than handlers for fatal signals: those
 * would need the terminal in a global variable, and no handler runs after SIGKILL.
 */
#include "vmm/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Keeps @a and @b, so that no file of pvmm's stays open because of the watcher. */
static void close_others(int a, int b)
{
	int low = a < b ? a : b;
	int high = a < b ? b : a;

	if (low > 0)
		close_range(0, (unsigned)low - 1, 0);
	if (high - low > 1)
		close_range((unsigned)low + 1, (unsigned)high - 1, 0);
	close_range((unsigned)high + 1, ~0U, 0);
}

/*
 * The watcher. It shares its parent's fate by nothing but the pipe: all signals are blocked,
 * which also lets it change the terminal from the background.
 */
static void __attribute__((noreturn)) watch(const struct terminal *terminal, int gone_fd)
{
	char byte;

	prctl(PR_SET_NAME, "pvmm-terminal");
	close_others(terminal->fd, gone_fd);
	while (read(gone_fd, &byte, 1) < 0 && errno == EINTR)
		;
	tcsetattr(terminal->fd, TCSANOW, &terminal->saved);
	_exit(0);
}

static int start_watcher(struct terminal *terminal)
{
	sigset_t all, saved;
	int fds[2], ret = 0;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &saved);
	terminal->watcher = fork();
	if (terminal->watcher == 0)
		watch(terminal, fds[0]);
	if (terminal->watcher < 0)
		ret = -errno;
	sigprocmask(SIG_SETMASK, &saved, NULL);
	close(fds[0]);
	if (ret)
		close(fds[1]);
	else
		terminal->watch_fd = fds[1];
	return ret;
}

/* Returns whether the watcher did its work. */
static bool stop_watcher(struct terminal *terminal)
{
	int status = -1;

	close(terminal->watch_fd);
	while (waitpid(terminal->watcher, &status, 0) < 0) {
		if (errno != EINTR)
			return false;
	}
	return WIFEXITED(status);
}

int terminal_make_raw(struct terminal *terminal, int fd)
{
	struct termios mode;
	pid_t foreground;
	int ret;

	terminal->fd = fd;
	terminal->raw = false;
	if (tcgetattr(fd, &terminal->saved))
		return -errno;
	/* A change from the background would stop this process. No job control: no answer. */
	foreground = tcgetpgrp(fd);
	if (foreground >= 0 && foreground != getpgrp())
		return -EBUSY;
	ret = start_watcher(terminal);
	if (ret)
		return ret;
	mode = terminal->saved;
	cfmakeraw(&mode);
	if (tcsetattr(fd, TCSANOW, &mode)) {
		ret = -errno;
		stop_watcher(terminal);
		return ret;
	}
	terminal->raw = true;
	return 0;
}

void terminal_restore(struct terminal *terminal)
{
	if (!terminal->raw)
		return;
	terminal->raw = false;
	if (!stop_watcher(terminal))
		tcsetattr(terminal->fd, TCSANOW, &terminal->saved);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A terminal in raw mode. A watcher process rather than handlers for fatal signals: those
 * would need the terminal in a global variable, and no handler runs after SIGKILL.
 */
#include "vmm/terminal.h"

#include <errno.h>
#include <unistd.h>

static void put_back(void *arg)
{
	const struct terminal *terminal = arg;

	tcsetattr(terminal->fd, TCSANOW, &terminal->saved);
}

static const struct watcher_work work = { .gone = put_back };

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
	ret = watcher_start(&terminal->watcher, "pvmm-terminal", &fd, 1, &work, terminal);
	if (ret)
		return ret;
	mode = terminal->saved;
	cfmakeraw(&mode);
	if (tcsetattr(fd, TCSANOW, &mode)) {
		ret = -errno;
		watcher_stop(&terminal->watcher);
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
	if (!watcher_stop(&terminal->watcher))
		tcsetattr(terminal->fd, TCSANOW, &terminal->saved);
}

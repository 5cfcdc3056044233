/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kinds of consoles: how each gets its input and output.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "vmm/console_parts.h"

/*
 * A descriptor for the same file that does not wait. O_NONBLOCK on @fd itself would reach the
 * shell that it is shared with, so the file is opened once more where that can be done: not a
 * regular file (which never waits, and whose position is shared) nor a socket. Else, and
 * without /proc, a plain duplicate; -1 when @fd is not open.
 */
static int open_again(int fd, int access)
{
	struct stat stat;
	char path[32];
	int again = -1;

	if (fstat(fd, &stat))
		return -1;
	if (S_ISCHR(stat.st_mode) || S_ISFIFO(stat.st_mode)) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		again = open(path, access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	}
	return again >= 0 ? again : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static bool is_socket(int fd)
{
	struct stat stat;

	return fd >= 0 && fstat(fd, &stat) == 0 && S_ISSOCK(stat.st_mode);
}

static void drop_input(struct console *console)
{
	close(console->in_fd);
	console->in_fd = -1;
}

static int open_stdio(struct console *console)
{
	int ret;

	console->in_fd = open_again(STDIN_FILENO, O_RDONLY);
	console->out_fd = open_again(STDOUT_FILENO, O_WRONLY);
	console->output_waits = is_socket(console->out_fd);
	if (console->in_fd < 0 || !isatty(console->in_fd))
		return 0;
	ret = terminal_make_raw(&console->terminal, console->in_fd);
	if (ret == -EBUSY) {
		log_warn(console->log, "the terminal belongs to another job: no console input; "
			 "run pvmm in the foreground for it");
		drop_input(console);
		return 0;
	}
	if (ret) {
		log_error(console->log, "the terminal cannot be made raw: %s; use --console pty",
			  strerror(-ret));
		return ret;
	}
	console->log->raw_tty = isatty(console->log->fd);
	return 0;
}

static int open_slave(struct console *console)
{
	struct termios mode;
	char name[64];
	int ret;

	ret = ptsname_r(console->in_fd, name, sizeof(name));
	if (ret)
		return -ret;
	console->slave_fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (console->slave_fd < 0 || tcgetattr(console->slave_fd, &mode))
		return -errno;
	cfmakeraw(&mode);
	if (tcsetattr(console->slave_fd, TCSANOW, &mode))
		return -errno;
	log_notice(console->log, "console is %s", name);
	return 0;
}

static int open_master(struct console *console)
{
	console->in_fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (console->in_fd < 0 || fcntl(console->in_fd, F_SETFL, O_RDWR | O_NONBLOCK) ||
	    grantpt(console->in_fd) || unlockpt(console->in_fd))
		return -errno;
	console->out_fd = fcntl(console->in_fd, F_DUPFD_CLOEXEC, 3);
	return console->out_fd < 0 ? -errno : 0;
}

static int open_pty(struct console *console)
{
	int ret = open_master(console);

	if (!ret)
		ret = open_slave(console);
	if (ret)
		log_error(console->log, "--console pty: %s; is /dev/pts mounted?",
			  strerror(-ret));
	return ret;
}

static int open_file(struct console *console, const char *path)
{
	int ret;

	/* Not to wait here for the reader of a pipe: without one, that is an error (ENXIO). */
	console->out_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_NOCTTY |
			       O_CLOEXEC, 0644);
	if (console->out_fd >= 0)
		return 0;
	ret = -errno;
	log_error(console->log, "--console file:%s: %s; give a file that can be written", path,
		  strerror(-ret));
	return ret;
}

int console_open(struct console *console, const struct vm_config *config)
{
	switch (console->kind) {
	case CONSOLE_STDIO:
		return open_stdio(console);
	case CONSOLE_PTY:
		return open_pty(console);
	case CONSOLE_FILE:
		return open_file(console, config->console_path);
	case CONSOLE_NONE:
		return 0;
	}
	return -EINVAL;
}

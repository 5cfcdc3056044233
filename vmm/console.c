/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's console on the host: setting it up and writing to it. Gathering output into
 * lines is in console_output.c, input in console_input.c, the kinds of consoles in
 * console_open.c.
 */
#include "vmm/console.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vmm/console_parts.h"

#define PTY_WAIT_MS 100	/* for a reader that is merely slow */
#define PIECE_SIZE 512	/* a socket that takes something takes this much */

static int console_start(struct console *console, const struct vm_config *config)
{
	int ret = console_open(console, config);

	if (ret)
		return ret;
	console->nowait_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ret = console->nowait_fd < 0 ? -errno : console_watch(console);
	if (!ret)
		ret = console_gather(console);
	if (ret)
		log_error(console->log, "the console cannot be set up: %s", strerror(-ret));
	return ret;
}

int console_init(struct console *console, const struct vm_config *config, struct loop *loop,
		 struct log *log)
{
	int ret;

	memset(console, 0, sizeof(*console));
	console->kind = config->console;
	console->loop = loop;
	console->log = log;
	console->in_fd = -1;
	console->out_fd = -1;
	console->slave_fd = -1;
	console->always_fd = -1;
	console->nowait_fd = -1;
	console->timer.fd = -1;
	pthread_mutex_init(&console->lock, NULL);
	pthread_mutex_init(&console->gather_lock, NULL);
	/* A reader that goes away must not take the guest with it. */
	signal(SIGPIPE, SIG_IGN);
	ret = console_start(console, config);
	if (ret)
		console_exit(console);
	return ret;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void console_exit(struct console *console)
{
	console_ungather(console);
	console_unwatch(console);
	if (console->terminal.raw)
		console->log->raw_tty = false;
	terminal_restore(&console->terminal);
	close_fd(&console->nowait_fd);
	close_fd(&console->always_fd);
	close_fd(&console->slave_fd);
	close_fd(&console->out_fd);
	close_fd(&console->in_fd);
	pthread_mutex_destroy(&console->gather_lock);
	pthread_mutex_destroy(&console->lock);
}

/* The output is full. Returns whether to try again. */
static bool wait_for_reader(struct console *console)
{
	struct pollfd fds[] = {
		{ .fd = console->out_fd, .events = POLLOUT },
		{ .fd = console->nowait_fd, .events = POLLIN },
	};
	bool pty = console->kind == CONSOLE_PTY;
	int count;

	if (pty && __atomic_load_n(&console->output_stuck, __ATOMIC_RELAXED))
		return false;
	count = poll(fds, ARRAY_SIZE(fds), pty ? PTY_WAIT_MS : -1);
	if (count == 0)
		__atomic_store_n(&console->output_stuck, true, __ATOMIC_RELAXED);
	if (count < 0)
		return errno == EINTR;
	return count > 0 && !fds[1].revents;
}

/* A write that waits could not be called off: a vCPU's kick may come just before it. */
static bool may_write(struct console *console)
{
	struct pollfd fds[] = {
		{ .fd = console->out_fd, .events = POLLOUT },
		{ .fd = console->nowait_fd, .events = POLLIN },
	};
	int count;

	if (!console->output_waits)
		return true;
	do {
		count = poll(fds, ARRAY_SIZE(fds), -1);
	} while (count < 0 && errno == EINTR);
	return count > 0 && fds[0].revents;
}

static void report_failure(struct console *console, int error)
{
	if (__atomic_exchange_n(&console->output_failed, true, __ATOMIC_RELAXED))
		return;
	log_warn(console->log, "console output is lost: %s; the guest goes on", strerror(error));
}

static bool must_not_wait(const struct console *console)
{
	struct pollfd fd = { .fd = console->nowait_fd, .events = POLLIN };

	return poll(&fd, 1, 0) > 0;
}

/* A write failed. Returns whether to try again. */
static bool write_again(struct console *console)
{
	if (errno == EINTR)
		return !must_not_wait(console);
	if (errno == EAGAIN)
		return wait_for_reader(console);
	report_failure(console, errno);
	return false;
}

void console_write(struct console *console, const void *data, size_t size)
{
	const uint8_t *next = data;

	if (console->out_fd < 0)
		return;
	while (size > 0 && may_write(console)) {
		bool all = !console->output_waits || size < PIECE_SIZE;
		ssize_t done = write(console->out_fd, next, all ? size : PIECE_SIZE);

		if (done < 0) {
			if (!write_again(console))
				return;
			continue;
		}
		__atomic_store_n(&console->output_stuck, false, __ATOMIC_RELAXED);
		next += done;
		size -= (size_t)done;
	}
}

void console_set_wait(struct console *console, bool wait)
{
	eventfd_t count;

	if (wait)
		eventfd_read(console->nowait_fd, &count);
	else
		eventfd_write(console->nowait_fd, 1);
}

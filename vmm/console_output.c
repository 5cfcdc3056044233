/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the guest writes, gathered into lines: a guest's early console makes a call for each
 * character, and each would be a write() on the host. What does not end in a line's end, a prompt
 * say, is written a moment later by the main thread.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "vmm/console_parts.h"

#define GATHER_NS 1000000	/* more than a line takes; nobody sees it */

static void set_timer(struct console *console)
{
	struct itimerspec when = { .it_value.tv_nsec = GATHER_NS };

	timerfd_settime(console->timer.fd, 0, &when, NULL);
}

/* gather_lock held. */
static void write_gathered(struct console *console)
{
	console_write(console, console->gathered, console->nr_gathered);
	console->nr_gathered = 0;
}

/* The main thread waits for no reader. */
static bool output_is_full(const struct console *console)
{
	struct pollfd fd = { .fd = console->out_fd, .events = POLLOUT };

	return console->out_fd >= 0 && poll(&fd, 1, 0) == 0;
}

static void on_timer(struct loop_source *source, uint32_t events)
{
	struct console *console = container_of(source, struct console, timer);
	uint64_t expired;

	if (read(source->fd, &expired, sizeof(expired)) < 0)
		return;
	if (output_is_full(console) || pthread_mutex_trylock(&console->gather_lock)) {
		set_timer(console);
		return;
	}
	console->timer_set = false;
	write_gathered(console);
	pthread_mutex_unlock(&console->gather_lock);
}

int console_gather(struct console *console)
{
	int ret;

	console->timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (console->timer.fd < 0)
		return -errno;
	console->timer.events = EPOLLIN;
	console->timer.ready = on_timer;
	ret = loop_add(console->loop, &console->timer);
	if (ret) {
		close(console->timer.fd);
		console->timer.fd = -1;
	}
	return ret;
}

void console_ungather(struct console *console)
{
	if (console->timer.fd < 0)
		return;
	console_flush(console);
	loop_remove(console->loop, &console->timer);
	close(console->timer.fd);
	console->timer.fd = -1;
}

/* gather_lock held. Returns how much was taken. */
static size_t gather(struct console *console, const uint8_t *data, size_t size)
{
	size_t room = sizeof(console->gathered) - console->nr_gathered;

	if (size > room)
		size = room;
	memcpy(console->gathered + console->nr_gathered, data, size);
	console->nr_gathered += size;
	if (size == room || memchr(data, '\n', size))
		write_gathered(console);
	return size;
}

void console_put(struct console *console, const void *data, size_t size)
{
	const uint8_t *next = data;
	size_t taken;

	pthread_mutex_lock(&console->gather_lock);
	for (; size > 0; next += taken, size -= taken)
		taken = gather(console, next, size);
	if (console->nr_gathered > 0 && !console->timer_set) {
		console->timer_set = true;
		set_timer(console);
	}
	pthread_mutex_unlock(&console->gather_lock);
}

void console_flush(struct console *console)
{
	pthread_mutex_lock(&console->gather_lock);
	write_gathered(console);
	pthread_mutex_unlock(&console->gather_lock);
}

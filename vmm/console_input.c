/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Console input: from the host to the ring that the guest reads from, and the keys that a
 * terminal's user presses for pvmm itself.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vmm/console_parts.h"

#define KEY_ESCAPE 0x01	/* Ctrl-A */

/* One byte stays free for an escape key that comes out of the filter later than it went in. */
#define INPUT_READ_MAX (CONSOLE_INPUT_SIZE - 1)

static void watch_locked(struct console *console)
{
	console->watched = !loop_add(console->loop, &console->source);
}

/* A source that has ended is ready for ever: it must leave the loop, not just be ignored. */
static void unwatch_locked(struct console *console)
{
	if (console->watched)
		loop_remove(console->loop, &console->source);
	console->watched = false;
}

static void print_keys(struct console *console)
{
	log_notice(console->log, "Ctrl-A x stops the guest, Ctrl-A a sends Ctrl-A, "
		   "Ctrl-A h shows this");
}

/* The key after Ctrl-A. Returns how many bytes of @out are for the guest. */
static size_t escape_key(struct console *console, uint8_t key, uint8_t *out)
{
	switch (key) {
	case 'x':
		if (console->on_quit)
			console->on_quit(console->quit_owner);
		return 0;
	case 'h':
		print_keys(console);
		return 0;
	case 'a':
	case KEY_ESCAPE:
		out[0] = KEY_ESCAPE;
		return 1;
	default:
		out[0] = KEY_ESCAPE;
		out[1] = key;
		return 2;
	}
}

/* Takes pvmm's own keys out. @out has room for @size + 1 bytes; returns how many it got. */
static size_t filter_keys(struct console *console, const uint8_t *keys, size_t size, uint8_t *out)
{
	size_t count = 0;

	for (size_t i = 0; i < size; i++) {
		if (console->escape) {
			console->escape = false;
			count += escape_key(console, keys[i], out + count);
		} else if (keys[i] == KEY_ESCAPE) {
			console->escape = true;
		} else {
			out[count++] = keys[i];
		}
	}
	return count;
}

static void put_input(struct console *console, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		console->input[(console->head + console->count) % CONSOLE_INPUT_SIZE] = data[i];
		console->count++;
	}
	if (console->count >= INPUT_READ_MAX) {
		unwatch_locked(console);
		console->stalled = true;
	}
}

/* Reads what there is room for. Only this adds to the ring, so the room does not shrink. */
static void console_ready(struct loop_source *source, uint32_t events)
{
	struct console *console = container_of(source, struct console, source);
	uint8_t keys[INPUT_READ_MAX], data[CONSOLE_INPUT_SIZE];
	ssize_t size;
	size_t room, count;

	pthread_mutex_lock(&console->lock);
	room = INPUT_READ_MAX - console->count;
	pthread_mutex_unlock(&console->lock);
	size = read(console->in_fd, keys, room);
	if (size < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (size <= 0) {
		console_unwatch(console);
		return;
	}
	if (console->terminal.raw) {
		count = filter_keys(console, keys, (size_t)size, data);
	} else {
		count = (size_t)size;
		memcpy(data, keys, count);
	}
	pthread_mutex_lock(&console->lock);
	put_input(console, data, count);
	pthread_mutex_unlock(&console->lock);
	if (count && console->on_input)
		console->on_input(console->owner);
}

/* Files and /dev/null are always ready, and epoll refuses them. */
static int watch_always(struct console *console)
{
	console->always_fd = eventfd(1, EFD_CLOEXEC);
	if (console->always_fd < 0)
		return -errno;
	console->source.fd = console->always_fd;
	return loop_add(console->loop, &console->source);
}

int console_watch(struct console *console)
{
	int ret;

	if (console->in_fd < 0)
		return 0;
	console->source.fd = console->in_fd;
	console->source.events = EPOLLIN;
	console->source.ready = console_ready;
	ret = loop_add(console->loop, &console->source);
	if (ret == -EPERM)
		ret = watch_always(console);
	console->watched = !ret;
	return ret;
}

void console_unwatch(struct console *console)
{
	pthread_mutex_lock(&console->lock);
	unwatch_locked(console);
	console->stalled = false;
	pthread_mutex_unlock(&console->lock);
}

size_t console_read(struct console *console, void *data, size_t size)
{
	uint8_t *next = data;
	size_t count;

	pthread_mutex_lock(&console->lock);
	if (size > console->count)
		size = console->count;
	for (count = 0; count < size; count++) {
		next[count] = console->input[console->head];
		console->head = (console->head + 1) % CONSOLE_INPUT_SIZE;
	}
	console->count -= count;
	if (console->stalled && console->count < INPUT_READ_MAX) {
		console->stalled = false;
		watch_locked(console);
	}
	pthread_mutex_unlock(&console->lock);
	return count;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The event loop: an epoll set, and an eventfd in it that ends the wait.
 */
#include "vmm/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int loop_control(struct loop *loop, int operation, int fd, uint32_t events, void *data)
{
	struct epoll_event event = { .events = events, .data.ptr = data };

	return epoll_ctl(loop->epoll_fd, operation, fd, &event) ? -errno : 0;
}

int loop_init(struct loop *loop)
{
	int ret;

	loop->stopping = false;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0)
		return -errno;
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake_fd < 0) {
		ret = -errno;
		goto close_epoll;
	}
	ret = loop_control(loop, EPOLL_CTL_ADD, loop->wake_fd, EPOLLIN, NULL);
	if (ret)
		goto close_wake;
	return 0;

close_wake:
	close(loop->wake_fd);
close_epoll:
	close(loop->epoll_fd);
	return ret;
}

void loop_exit(struct loop *loop)
{
	close(loop->wake_fd);
	close(loop->epoll_fd);
}

int loop_add(struct loop *loop, struct loop_source *source)
{
	return loop_control(loop, EPOLL_CTL_ADD, source->fd, source->events, source);
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
	loop_control(loop, EPOLL_CTL_DEL, source->fd, 0, NULL);
}

/* The next stop is for the next run. */
static void loop_rearm(struct loop *loop)
{
	eventfd_t count;

	__atomic_store_n(&loop->stopping, false, __ATOMIC_RELAXED);
	eventfd_read(loop->wake_fd, &count);
}

static bool is_stopping(struct loop *loop)
{
	return __atomic_load_n(&loop->stopping, __ATOMIC_ACQUIRE);
}

int loop_run(struct loop *loop)
{
	/* Who is stopped and run again very often must not miss a signal: look at least once. The
	 * kernel gives what is ready in turn. */
	do {
		struct epoll_event event;
		struct loop_source *source;
		/* One at a time: a handler may remove a source that is ready too. */
		int count = epoll_wait(loop->epoll_fd, &event, 1, is_stopping(loop) ? 0 : -1);

		if (count < 0 && errno != EINTR)
			return -errno;
		source = event.data.ptr;
		if (count == 1 && source)
			source->ready(source, event.events);
	} while (!is_stopping(loop));
	loop_rearm(loop);
	return 0;
}

void loop_stop(struct loop *loop)
{
	__atomic_store_n(&loop->stopping, true, __ATOMIC_RELEASE);
	eventfd_write(loop->wake_fd, 1);
}

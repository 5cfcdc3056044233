/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The event loop: handlers, removal from handlers, stopping from anywhere. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "tests/unit/capture.h"
#include "vmm/loop.h"

struct end {
	struct loop_source source;
	struct loop *loop;
	struct end *other;	/* removed by this one's handler */
	int peer;
	unsigned calls;
	bool stop;
};

static void end_ready(struct loop_source *source, uint32_t events)
{
	struct end *end = container_of(source, struct end, source);
	char byte;

	end->calls++;
	ck_assert_int_eq(read(source->fd, &byte, 1), 1);
	if (end->other)
		loop_remove(end->loop, &end->other->source);
	if (end->stop)
		loop_stop(end->loop);
}

static void end_init(struct end *end, struct loop *loop)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	*end = (struct end){
		.source = { .fd = fds[0], .events = EPOLLIN, .ready = end_ready },
		.loop = loop,
		.peer = fds[1],
	};
	ck_assert_int_eq(loop_add(loop, &end->source), 0);
}

static void end_exit(struct end *end)
{
	loop_remove(end->loop, &end->source);
	close(end->source.fd);
	close(end->peer);
}

START_TEST(test_handlers)
{
	struct loop loop;
	struct end a, b;

	ck_assert_int_eq(loop_init(&loop), 0);
	end_init(&a, &loop);
	end_init(&b, &loop);
	b.stop = true;
	ck_assert_int_eq(write(a.peer, "xyz", 3), 3);
	ck_assert_int_eq(write(b.peer, "x", 1), 1);
	ck_assert_int_eq(loop_run(&loop), 0);
	ck_assert_uint_ge(a.calls, 1);
	ck_assert_uint_eq(b.calls, 1);
	end_exit(&a);
	end_exit(&b);
	loop_exit(&loop);
}
END_TEST

/* Both are ready; whichever runs first removes the other, which must not run then. */
START_TEST(test_remove_in_handler)
{
	struct loop loop;
	struct end a, b;

	ck_assert_int_eq(loop_init(&loop), 0);
	end_init(&a, &loop);
	end_init(&b, &loop);
	a.other = &b;
	b.other = &a;
	a.stop = b.stop = true;
	ck_assert_int_eq(write(a.peer, "x", 1), 1);
	ck_assert_int_eq(write(b.peer, "x", 1), 1);
	ck_assert_int_eq(loop_run(&loop), 0);
	ck_assert_uint_eq(a.calls + b.calls, 1);
	end_exit(&a);
	end_exit(&b);
	loop_exit(&loop);
}
END_TEST

START_TEST(test_errors)
{
	char path[32];
	struct loop loop;
	struct end a;
	struct loop_source file = { .events = EPOLLIN };
	struct loop_source closed = { .fd = -1, .events = EPOLLIN };

	ck_assert_int_eq(loop_init(&loop), 0);
	end_init(&a, &loop);
	ck_assert_int_eq(loop_add(&loop, &a.source), -EEXIST);
	ck_assert_int_eq(loop_add(&loop, &closed), -EBADF);
	loop_remove(&loop, &closed);
	temporary_file(path, "", 0);
	file.fd = open(path, O_RDONLY);
	ck_assert_int_eq(loop_add(&loop, &file), -EPERM);
	close(file.fd);
	unlink(path);
	end_exit(&a);
	loop_exit(&loop);
}
END_TEST

static void *stop_soon(void *loop)
{
	usleep(20000);
	loop_stop(loop);
	return NULL;
}

START_TEST(test_stop)
{
	struct loop loop;
	pthread_t thread;

	ck_assert_int_eq(loop_init(&loop), 0);
	/* Before the run: it ends at once, and only that one. */
	loop_stop(&loop);
	loop_stop(&loop);
	ck_assert_int_eq(loop_run(&loop), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, stop_soon, &loop), 0);
	ck_assert_int_eq(loop_run(&loop), 0);
	pthread_join(thread, NULL);
	loop_exit(&loop);
}
END_TEST

/* Stopped before each run, as by a guest that reboots at once: what is ready still has its
 * turn. */
START_TEST(test_stopped_again_and_again)
{
	struct loop loop;
	struct end a, b;

	ck_assert_int_eq(loop_init(&loop), 0);
	end_init(&a, &loop);
	end_init(&b, &loop);
	for (int i = 0; i < 6; i++) {
		loop_stop(&loop);
		ck_assert_int_eq(write(a.peer, "x", 1), 1);
		if (i < 3)
			ck_assert_int_eq(write(b.peer, "x", 1), 1);
		ck_assert_int_eq(loop_run(&loop), 0);
	}
	ck_assert_uint_ge(a.calls, 1);
	ck_assert_uint_ge(b.calls, 1);
	end_exit(&a);
	end_exit(&b);
	loop_exit(&loop);
}
END_TEST

START_TEST(test_wait_fails)
{
	struct loop loop;

	ck_assert_int_eq(loop_init(&loop), 0);
	close(loop.epoll_fd);
	ck_assert_int_eq(loop_run(&loop), -EBADF);
	close(loop.wake_fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("loop");
	TCase *tests = tcase_create("loop");

	tcase_add_test(tests, test_handlers);
	tcase_add_test(tests, test_remove_in_handler);
	tcase_add_test(tests, test_errors);
	tcase_add_test(tests, test_stop);
	tcase_add_test(tests, test_stopped_again_and_again);
	tcase_add_test(tests, test_wait_fails);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}

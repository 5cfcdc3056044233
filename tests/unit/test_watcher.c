/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process that puts things right: after a stop, after a kill, and with no file too many. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/capture.h"
#include "vmm/watcher.h"

struct report {
	int fd;		/* a byte goes here when the work is done */
	int other;	/* a file that must not be kept */
};

static void put_right(void *arg)
{
	struct report *report = arg;
	char byte = fcntl(report->other, F_GETFD) < 0 ? 'y' : 'n';

	if (write(report->fd, &byte, 1) != 1)
		abort();
}

static const struct watcher_work work = { .gone = put_right };

static void start(struct report *report, int fds[2], struct watcher *watcher)
{
	ck_assert_int_eq(pipe(fds), 0);
	report->fd = fds[1];
	report->other = dup(0);
	ck_assert_int_eq(watcher_start(watcher, "test", &fds[1], 1, &work, report), 0);
}

START_TEST(test_stop)
{
	struct watcher watcher;
	struct report report;
	char byte = 0;
	int fds[2];

	start(&report, fds, &watcher);
	ck_assert_int_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_lt(read(fds[0], &byte, 1), 0);
	ck_assert(watcher_stop(&watcher));
	ck_assert_int_eq(read(fds[0], &byte, 1), 1);
	ck_assert_int_eq(byte, 'y');
}
END_TEST

START_TEST(test_killed)
{
	struct watcher watcher;
	struct report report;
	int fds[2], status;
	char byte = 0;
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		report = (struct report){ .fd = fds[1], .other = fds[0] };
		if (watcher_start(&watcher, "test", &fds[1], 1, &work, &report))
			_exit(1);
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(read(fds[0], &byte, 1), 1);
	ck_assert_int_eq(byte, 'y');
}
END_TEST

/* Signals that end the parent's whole group leave it alone. */
START_TEST(test_signals)
{
	struct watcher watcher;
	struct report report;
	char byte = 0;
	int fds[2];

	start(&report, fds, &watcher);
	kill(watcher.pid, SIGTERM);
	kill(watcher.pid, SIGINT);
	kill(watcher.pid, SIGHUP);
	ck_assert(watcher_stop(&watcher));
	ck_assert_int_eq(read(fds[0], &byte, 1), 1);
}
END_TEST

START_TEST(test_ended_early)
{
	struct watcher watcher;
	struct report report;
	int fds[2];

	start(&report, fds, &watcher);
	kill(watcher.pid, SIGKILL);
	ck_assert(!watcher_stop(&watcher));
}
END_TEST

static int answer(void *arg)
{
	int *value = arg;

	if (*value == INT_MAX)
		raise(SIGKILL);
	return *value;
}

/* What it does first decides whether there is one, and is over before the other goes on. */
START_TEST(test_begin)
{
	static const struct { int begun, ret; } cases[] = {
		{ WATCHER_DONE, WATCHER_DONE }, { -EBUSY, -EBUSY }, { INT_MAX, -ECHILD },
	};
	static const struct watcher_work begins = { .begin = answer };
	struct watcher watcher;
	int value, none;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		value = cases[i].begun;
		ck_assert_int_eq(watcher_start(&watcher, "test", &none, 0, &begins, &value),
				 cases[i].ret);
		ck_assert_int_lt(waitpid(-1, NULL, WNOHANG), 0);
	}
}
END_TEST

START_TEST(test_too_many_files)
{
	static int keep[WATCHER_KEEP_MAX + 1];
	struct watcher watcher;

	ck_assert_int_lt(watcher_start(&watcher, "test", keep, WATCHER_KEEP_MAX + 1, &work, NULL),
			 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("watcher");
	TCase *tcase = tcase_create("watcher");

	tcase_add_test(tcase, test_stop);
	tcase_add_test(tcase, test_begin);
	tcase_add_test(tcase, test_killed);
	tcase_add_test(tcase, test_signals);
	tcase_add_test(tcase, test_ended_early);
	tcase_add_test(tcase, test_too_many_files);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}

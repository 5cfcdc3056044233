/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which files of memory pressure are watched in a host that is made up, and what their events
 * lead to. A file of the kernel's is one end of a socket: what was written to it comes out of
 * the other, and its event is urgent data.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "tests/unit/capture.h"
#include "tests/unit/fake_host.h"
#include "vmm/pressure.h"

#define HOST "proc/pressure/memory"
#define CGROUP "sys/fs/cgroup/some/guests/memory.pressure"

/* As the kernel has them. */
static struct kernel_file {
	char path[128];	/* "": there is none */
	int fd;		/* what the next open() gives */
	int peer;
	int flags;	/* of that open() */
} kernel[PRESSURE_FILES];

int open(const char *path, int flags, ...)
{
	for (unsigned i = 0; i < PRESSURE_FILES; i++) {
		if (strcmp(path, kernel[i].path) == 0) {
			kernel[i].flags = flags;
			return kernel[i].fd;
		}
	}
	ck_assert_int_eq(flags & O_CREAT, 0);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags);
}

static struct fake_host host;
static struct loop loop;
static struct pressure pressure;
static unsigned nr_calls;
static int owner;

static void setup(void)
{
	fake_host_init(&host);
	fake_file(&host, "5:memory:/v1\n1:name=systemd:/v1\n0::/some/guests\n", "proc/self/cgroup");
	memset(kernel, 0, sizeof(kernel));
	memset(&pressure, 0, sizeof(pressure));
	nr_calls = 0;
	ck_assert_int_eq(loop_init(&loop), 0);
}

static void teardown(void)
{
	pressure_exit(&pressure);
	for (unsigned i = 0; i < PRESSURE_FILES; i++) {
		ck_assert_ptr_null(pressure.files[i].pressure);
		if (!kernel[i].path[0])
			continue;
		/* Nobody has the other end open any more. */
		ck_assert_int_eq(send(kernel[i].peer, "", 1, MSG_NOSIGNAL), -1);
		close(kernel[i].peer);
	}
	loop_exit(&loop);
	fake_host_exit(&host);
}

/* A file that works. */
static void have(unsigned i, const char *path)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	snprintf(kernel[i].path, sizeof(kernel[i].path), "%s/%s", host.folder, path);
	kernel[i].fd = fds[0];
	kernel[i].peer = fds[1];
}

static void on_short(void *arg)
{
	ck_assert_ptr_eq(arg, &owner);
	nr_calls++;
	/* The kernel's event is over with the poll that told of it. */
	for (unsigned i = 0; i < PRESSURE_FILES; i++) {
		char byte;

		if (kernel[i].path[0])
			recv(kernel[i].fd, &byte, 1, MSG_OOB | MSG_DONTWAIT);
	}
}

static const char *start(void)
{
	pressure_init(&pressure, &host.root, &loop, &host.log, on_short, &owner);
	return fake_log(&host);
}

/* Runs the loop for all that is ready, and more; returns what was said. */
static const char *settle(void)
{
	for (unsigned i = 0; i < 10; i++) {
		loop_stop(&loop);
		ck_assert_int_eq(loop_run(&loop), 0);
	}
	return fake_log(&host);
}

static const char *run_short(unsigned i)
{
	ck_assert_int_eq(send(kernel[i].peer, "!", 1, MSG_OOB), 1);
	return settle();
}

static void wait_long(void)
{
	ck_assert_uint_gt(pressure.told_ms, 5000);
	pressure.told_ms -= 5000;
}

/* The trigger as the kernel reads it, which takes the last byte for the end. */
static void expect_trigger(unsigned i)
{
	unsigned threshold, window;
	char text[64], end;
	ssize_t size = recv(kernel[i].peer, text, sizeof(text), MSG_DONTWAIT);

	ck_assert_int_gt(size, 0);
	ck_assert_int_le(size, 32);	/* the kernel reads no more */
	text[size - 1] = '\0';
	ck_assert_int_eq(sscanf(text, "some %u %u%c", &threshold, &window, &end), 2);
	ck_assert(threshold > 0 && threshold <= window);
	ck_assert_uint_le(window, 10 * 1000000);
	ck_assert_uint_eq(window % 2000000, 0);
	ck_assert_int_eq(kernel[i].flags, O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

START_TEST(test_both)
{
	const char *log;

	have(0, HOST);
	have(1, CGROUP);
	log = start();
	ck_assert_contains(log, "memory pressure of the host is watched: ");
	ck_assert_contains(log, HOST);
	ck_assert_contains(log, "memory pressure of pvmm's cgroup is watched: ");
	ck_assert_contains(log, CGROUP);
	expect_trigger(0);
	expect_trigger(1);
	/* The kernel's can always be read, which says nothing. */
	ck_assert_int_eq(send(kernel[0].peer, "!", 1, 0), 1);
	settle();
	ck_assert_uint_eq(nr_calls, 0);
}
END_TEST

/* With one file alone either way. */
START_TEST(test_one)
{
	const char *log;

	have(0, _i ? CGROUP : HOST);
	log = start();
	ck_assert_contains(log, _i ? "pressure of pvmm's cgroup is watched" :
				     "pressure of the host is watched");
	ck_assert_contains(log, _i ? "pressure of the host is not watched: " :
				     "pressure of pvmm's cgroup is not watched: ");
	ck_assert_contains(log, strerror(ENOENT));
	expect_trigger(0);
	ck_assert_str_eq(run_short(0), "");
	ck_assert_uint_eq(nr_calls, 1);
}
END_TEST

START_TEST(test_root_cgroup)
{
	fake_file(&host, "0::/\n", "proc/self/cgroup");
	have(0, "sys/fs/cgroup/memory.pressure");
	ck_assert_contains(start(), "pressure of pvmm's cgroup is watched");
}
END_TEST

static const struct {
	const char *cgroup, *log;
} no_cgroups[] = {
	{ NULL, "it is in none" },
	{ "", "it is in none" },
	{ "5:memory:/v1\n1:name=systemd:/some/guests", "it is in none" },
	{ "0::/some/guests (deleted)\n", "No such file or directory" },
};

START_TEST(test_no_cgroup)
{
	have(0, HOST);
	fake_remove(&host, "proc/self/cgroup");
	if (no_cgroups[_i].cgroup)
		fake_file(&host, no_cgroups[_i].cgroup, "proc/self/cgroup");
	ck_assert_contains(start(), no_cgroups[_i].log);
	ck_assert_ptr_null(pressure.files[1].pressure);
}
END_TEST

/* What the next file that is opened will be. */
static int next_fd(void)
{
	int fd = dup(STDIN_FILENO);

	ck_assert_int_ge(fd, 0);
	close(fd);
	return fd;
}

/* Files that are there and of no use: that refuse the trigger, that cannot be opened for
 * writing, that nobody can wait for. */
START_TEST(test_refused)
{
	static const int errors[] = { ENOSPC, EISDIR, EPERM };
	int unused = next_fd();
	char path[128];

	snprintf(path, sizeof(path), "%s/" HOST, host.folder);
	fake_make_parents(path);
	if (_i == 0)
		ck_assert_int_eq(symlink("/dev/full", path), 0);
	else if (_i == 1)
		ck_assert_int_eq(mkdir(path, 0755), 0);
	else
		fake_file(&host, "", HOST);
	ck_assert_contains(start(), strerror(errors[_i]));
	ck_assert_ptr_null(pressure.files[0].pressure);
	ck_assert_int_eq(next_fd(), unused);
	/* The other is of use nevertheless. */
	have(1, CGROUP);
	start();
	run_short(1);
	ck_assert_uint_eq(nr_calls, 1);
}
END_TEST

/* A host without any, and an operator who does not want to know. */
START_TEST(test_silent)
{
	host.log.verbose = false;
	if (_i)
		have(0, HOST);
	ck_assert_str_eq(start(), "");
	ck_assert_str_eq(settle(), "");
	if (!_i)
		return;
	ck_assert_str_eq(run_short(0), "");
	ck_assert_uint_eq(nr_calls, 1);
}
END_TEST

/* Both tell of one need; the next one is another. */
START_TEST(test_one_call_for_both)
{
	have(0, HOST);
	have(1, CGROUP);
	start();
	run_short(0);
	ck_assert_uint_eq(nr_calls, 1);
	run_short(1);
	ck_assert_uint_eq(nr_calls, 1);
	wait_long();
	settle();
	ck_assert_uint_eq(nr_calls, 2);
	wait_long();
	settle();
	ck_assert_uint_eq(nr_calls, 2);
}
END_TEST

/* As when the cgroup is removed. */
START_TEST(test_hang_up)
{
	have(0, HOST);
	have(1, CGROUP);
	start();
	ck_assert_int_eq(shutdown(kernel[1].peer, SHUT_RDWR), 0);
	ck_assert_str_eq(settle(), "pvmm: memory pressure of pvmm's cgroup is not watched any more: "
			 "the host's kernel has ended that\n");
	ck_assert_uint_eq(nr_calls, 0);
	ck_assert_ptr_null(pressure.files[1].pressure);
	ck_assert_int_eq(fcntl(kernel[1].fd, F_GETFD), -1);
	run_short(0);
	ck_assert_uint_eq(nr_calls, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pressure");
	TCase *tests = tcase_create("pressure");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, test_both);
	tcase_add_loop_test(tests, test_one, 0, 2);
	tcase_add_test(tests, test_root_cgroup);
	tcase_add_loop_test(tests, test_no_cgroup, 0, ARRAY_SIZE(no_cgroups));
	tcase_add_loop_test(tests, test_refused, 0, 3);
	tcase_add_loop_test(tests, test_silent, 0, 2);
	tcase_add_test(tests, test_one_call_for_both);
	tcase_add_test(tests, test_hang_up);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A log whose lines a test can read, and files with a given content. Each test program that
 * includes this has its own copy.
 */
#ifndef PVMM_TESTS_CAPTURE_H
#define PVMM_TESTS_CAPTURE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/log.h"

struct capture {
	struct log log;
	char text[8192];
};

static inline void capture_init(struct capture *capture)
{
	memset(capture, 0, sizeof(*capture));
	capture->log.fd = memfd_create("log", MFD_CLOEXEC);
	ck_assert_int_ge(capture->log.fd, 0);
}

static inline void capture_exit(struct capture *capture)
{
	close(capture->log.fd);
}

/* What was logged since the last call. */
static inline const char *capture_take(struct capture *capture)
{
	ssize_t size = pread(capture->log.fd, capture->text, sizeof(capture->text) - 1, 0);

	ck_assert_int_ge(size, 0);
	capture->text[size] = '\0';
	ck_assert_int_eq(ftruncate(capture->log.fd, 0), 0);
	ck_assert_int_eq(lseek(capture->log.fd, 0, SEEK_SET), 0);
	return capture->text;
}

/* Exactly one line was logged, and it has @part in it. */
static inline void capture_expect(struct capture *capture, const char *part)
{
	const char *text = capture_take(capture);
	const char *end = strchr(text, '\n');

	ck_assert_msg(strstr(text, part) != NULL, "expected \"%s\" in \"%s\"", part, text);
	ck_assert_msg(end && !end[1], "expected one line, not \"%s\"", text);
	ck_assert_msg(!strncmp(text, "pvmm: ", 6), "no prefix in \"%s\"", text);
}

/* A temporary file with @size bytes of @data; @path gets its name (32 bytes). */
static inline void temporary_file(char *path, const void *data, size_t size)
{
	int fd;

	strcpy(path, "/tmp/pvmm-test-XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, data, size), (ssize_t)size);
	close(fd);
}

/* Runs all of @suite; main()'s result. */
static inline int run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages: form, one write each, cut and made printable, and the limit on a guest's. */
#include "tests/unit/capture.h"

#include <errno.h>
#include <pthread.h>

START_TEST(test_forms)
{
	struct capture capture;
	struct log_limit limit = { .burst = 0 };

	capture_init(&capture);
	log_error(&capture.log, "%s: no such file", "vmlinux");
	ck_assert_str_eq(capture_take(&capture), "pvmm: vmlinux: no such file\n");
	log_warn(&capture.log, "slow");
	ck_assert_str_eq(capture_take(&capture), "pvmm: warning: slow\n");
	log_info(&capture.log, "hidden");
	ck_assert_str_eq(capture_take(&capture), "");
	capture.log.verbose = true;
	log_info(&capture.log, "shown");
	ck_assert_str_eq(capture_take(&capture), "pvmm: shown\n");
	log_guest(&capture.log, &limit, "call %d", 5);
	ck_assert_str_eq(capture_take(&capture), "pvmm: guest: call 5\n");
	capture.log.raw_tty = true;
	log_error(&capture.log, "raw");
	ck_assert_str_eq(capture_take(&capture), "pvmm: raw\r\n");
	capture_exit(&capture);
}
END_TEST

START_TEST(test_printable)
{
	struct capture capture;

	capture_init(&capture);
	log_error(&capture.log, "a\nb\x1b[2J\x7f\tc\n\n");
	ck_assert_str_eq(capture_take(&capture), "pvmm: a?b?[2J?\tc\n");
	capture_exit(&capture);
}
END_TEST

START_TEST(test_long_is_cut)
{
	struct capture capture;
	char text[5000];
	size_t length;

	capture_init(&capture);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int raw = 0; raw < 2; raw++) {
		capture.log.raw_tty = raw;
		log_error(&capture.log, "%s", text);
		length = strlen(capture_take(&capture));
		ck_assert_uint_le(length, 1024);
		ck_assert_str_eq(capture.text + length - (raw ? 5 : 4), raw ? "...\r\n" : "...\n");
	}
	capture_exit(&capture);
}
END_TEST

START_TEST(test_errno_and_dead_fd)
{
	struct log log = { .fd = -1 };

	errno = ENOSPC;
	log_error(&log, "nobody sees this");
	ck_assert_int_eq(errno, ENOSPC);
}
END_TEST

static unsigned count_lines(const char *text)
{
	unsigned lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

/* Time goes on to the next period by setting the present one back. */
START_TEST(test_limit)
{
	struct capture capture;
	struct log_limit limit = { .burst = 0 };

	capture_init(&capture);
	for (int i = 0; i < 1000; i++)
		log_guest(&capture.log, &limit, "flood");
	ck_assert_uint_eq(count_lines(capture_take(&capture)), LOG_LIMIT_BURST);
	/* The flood goes on: one line, with the count. */
	limit.period--;
	for (int i = 0; i < 1000; i++)
		log_guest(&capture.log, &limit, "flood");
	ck_assert_str_eq(capture_take(&capture),
			 "pvmm: guest: (995 such messages not shown) flood\n");
	/* It stops for a period, which is told by the next message; then a new burst. */
	limit.period--;
	log_guest(&capture.log, &limit, "again");
	ck_assert_str_eq(capture_take(&capture),
			 "pvmm: guest: (999 such messages not shown) again\n");
	limit.period--;
	for (int i = 0; i < 1000; i++)
		log_guest(&capture.log, &limit, "flood");
	ck_assert_uint_eq(count_lines(capture_take(&capture)), LOG_LIMIT_BURST);
	capture_exit(&capture);
}
END_TEST

static void *write_lines(void *argument)
{
	for (int i = 0; i < 200; i++)
		log_error(argument, "0123456789012345678901234567890123456789");
	return NULL;
}

START_TEST(test_threads_do_not_mix)
{
	struct log log;
	pthread_t threads[4];
	char line[256];
	FILE *file = tmpfile();
	unsigned lines = 0;

	log = (struct log){ .fd = fileno(file) };
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, write_lines, &log), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	rewind(file);
	while (fgets(line, sizeof(line), file)) {
		ck_assert_str_eq(line, "pvmm: 0123456789012345678901234567890123456789\n");
		lines++;
	}
	ck_assert_uint_eq(lines, 800);
	fclose(file);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log");
	TCase *tests = tcase_create("log");

	tcase_add_test(tests, test_forms);
	tcase_add_test(tests, test_printable);
	tcase_add_test(tests, test_long_is_cut);
	tcase_add_test(tests, test_errno_and_dead_fd);
	tcase_add_test(tests, test_limit);
	tcase_add_test(tests, test_threads_do_not_mix);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}

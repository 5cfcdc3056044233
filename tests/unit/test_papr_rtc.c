/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The time-of-day clock: the guest's time is a distance to the host's. */
#include <errno.h>
#include <time.h>

#include "devices/papr_rtc.h"
#include "tests/unit/capture.h"
#include "tests/unit/guest_rtas.h"

static struct guest_memory memory;
static struct capture capture;
static struct rtas rtas;
static int64_t offset;

static void setup(void)
{
	capture_init(&capture);
	memset(&rtas, 0, sizeof(rtas));
	offset = 0;
	ck_assert_int_eq(guest_memory_init(&memory, 0, 256 * KIB), 0);
	rtas.memory = &memory;
	rtas.log = &capture.log;
	ck_assert_int_eq(papr_rtc_init(&rtas, &offset), 0);
}

static void teardown(void)
{
	guest_memory_exit(&memory);
	capture_exit(&capture);
}

/* The guest's time in seconds, by its own calls. */
static time_t guest_time(void)
{
	uint32_t rets[7];
	struct tm tm;

	ck_assert_int_eq(guest_rtas_call(&rtas, NULL, "get-time-of-day", NULL, 0, rets, 8),
			 RTAS_SUCCESS);
	tm = (struct tm){
		.tm_year = (int)rets[0] - 1900, .tm_mon = (int)rets[1] - 1, .tm_mday = (int)rets[2],
		.tm_hour = (int)rets[3], .tm_min = (int)rets[4], .tm_sec = (int)rets[5],
	};
	ck_assert_uint_lt(rets[6], 1000000000);
	return timegm(&tm);
}

#define CLOSE_TO(a, b) ck_assert_int_le(llabs((long long)((a) - (b))), 2)

START_TEST(test_host_time)
{
	CLOSE_TO(guest_time(), time(NULL));
	/* One hour ahead, and before 1970. */
	offset = 3600;
	CLOSE_TO(guest_time(), time(NULL) + 3600);
	offset = -(int64_t)time(NULL) - 86400;
	CLOSE_TO(guest_time(), -86400);
}
END_TEST

struct set_case {
	uint32_t date[7];
	int32_t status;
	time_t seconds;
};

static const struct set_case sets[] = {
	{ { 2024, 2, 29, 12, 30, 45, 0 }, RTAS_SUCCESS, 1709209845 },
	{ { 1970, 1, 1, 0, 0, 0, 0 }, RTAS_SUCCESS, 0 },
	{ { 9999, 12, 31, 23, 59, 50, 999999999 }, RTAS_SUCCESS, 253402300790 },
	/* Carried over. */
	{ { 2023, 2, 29, 0, 0, 0, 0 }, RTAS_SUCCESS, 1677628800 },
	{ { 1969, 12, 31, 23, 59, 59, 0 }, RTAS_PARAMETER_ERROR, 0 },
	{ { 10000, 1, 1, 0, 0, 0, 0 }, RTAS_PARAMETER_ERROR, 0 },
	{ { UINT32_MAX, 1, 1, 0, 0, 0, 0 }, RTAS_PARAMETER_ERROR, 0 },
	{ { 2024, 0, 1, 0, 0, 0, 0 }, RTAS_PARAMETER_ERROR, 0 },
	{ { 2024, 13, 1, 0, 0, 0, 0 }, RTAS_PARAMETER_ERROR, 0 },
	{ { 2024, 1, 0, 0, 0, 0, 0 }, RTAS_PARAMETER_ERROR, 0 },
	{ { 2024, 1, 32, 0, 0, 0, 0 }, RTAS_PARAMETER_ERROR, 0 },
	{ { 2024, 1, 1, 24, 0, 0, 0 }, RTAS_PARAMETER_ERROR, 0 },
	{ { 2024, 1, 1, 0, 60, 0, 0 }, RTAS_PARAMETER_ERROR, 0 },
	{ { 2024, 1, 1, 0, 0, 60, 0 }, RTAS_PARAMETER_ERROR, 0 },
	{ { 2024, 1, 1, 0x80000000, 0, 0, 0 }, RTAS_PARAMETER_ERROR, 0 },
};

START_TEST(test_set)
{
	const struct set_case *c = &sets[_i];
	uint32_t none[1];

	offset = 1234;
	ck_assert_int_eq(guest_rtas_call(&rtas, NULL, "set-time-of-day", c->date, 7, none, 1),
			 c->status);
	if (c->status)
		ck_assert_int_eq(offset, 1234);
	else
		CLOSE_TO(guest_time(), c->seconds);
}
END_TEST

/* Set once, it goes on from there in a machine that is made later. */
START_TEST(test_outlives_machine)
{
	uint32_t none[1];

	ck_assert_int_eq(guest_rtas_call(&rtas, NULL, "set-time-of-day", sets[0].date, 7, none, 1),
			 RTAS_SUCCESS);
	ck_assert_int_eq(papr_rtc_init(&rtas, &offset), -EEXIST);
	rtas.nr_slots = 0;
	ck_assert_int_eq(papr_rtc_init(&rtas, &offset), 0);
	CLOSE_TO(guest_time(), sets[0].seconds);
}
END_TEST

START_TEST(test_two_clocks)
{
	static struct rtas other;
	int64_t other_offset = 0;
	uint32_t none[1];

	memset(&other, 0, sizeof(other));
	other.memory = &memory;
	other.log = &capture.log;
	ck_assert_int_eq(papr_rtc_init(&other, &other_offset), 0);
	ck_assert_int_eq(guest_rtas_call(&other, NULL, "set-time-of-day", sets[0].date, 7, none,
					 1), RTAS_SUCCESS);
	ck_assert_int_eq(offset, 0);
	ck_assert_int_ne(other_offset, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("papr_rtc");
	TCase *tests = tcase_create("papr_rtc");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, test_host_time);
	tcase_add_loop_test(tests, test_set, 0, ARRAY_SIZE(sets));
	tcase_add_test(tests, test_outlives_machine);
	tcase_add_test(tests, test_two_clocks);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}

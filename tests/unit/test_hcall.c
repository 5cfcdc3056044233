/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hypercall table: which numbers it takes, who gets a call, unknown and twice served ones. */
#include <errno.h>

#include "tests/unit/capture.h"
#include "vmm/papr/hcall.h"

static struct hcall_table table;

static void setup(void)
{
	memset(&table, 0, sizeof(table));
}

/* Adds to the owner's count and to the first argument. */
static int64_t h_count(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	unsigned *count = owner;

	args[0] += ++*count;
	return H_SUCCESS;
}

static int64_t h_refuse(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	return H_P4;
}

static const struct {
	uint64_t number;
	int error;
} numbers[] = {
	{ 0, 0 },
	{ 4, 0 },
	{ HCALL_PAPR_MAX, 0 },
	{ HCALL_PRIVATE_BASE, 0 },
	{ HCALL_PRIVATE_MAX, 0 },
	{ 1, -EINVAL },
	{ 6, -EINVAL },
	{ HCALL_PAPR_MAX + 4, -EINVAL },
	{ HCALL_PRIVATE_BASE - 4, -EINVAL },
	{ HCALL_PRIVATE_BASE + 2, -EINVAL },
	{ HCALL_PRIVATE_MAX + 4, -EINVAL },
	{ 1ULL << 32, -EINVAL },
	{ 1ULL << 63, -EINVAL },
	{ UINT64_MAX - 3, -EINVAL },
	{ UINT64_MAX, -EINVAL },
};

/* What can be registered is served then; all else is H_FUNCTION, arguments as they were. */
START_TEST(test_numbers)
{
	struct hcall call = { numbers[_i].number, h_count };
	uint64_t args[HCALL_NR_ARGS] = { 7 };
	unsigned count = 0;

	ck_assert_int_eq(hcall_dispatch(&table, NULL, call.number, args), H_FUNCTION);
	ck_assert_int_eq(hcall_register(&table, &call, 1, &count), numbers[_i].error);
	ck_assert_int_eq(hcall_dispatch(&table, NULL, call.number, args),
			 numbers[_i].error ? H_FUNCTION : H_SUCCESS);
	ck_assert_uint_eq(count, !numbers[_i].error);
	ck_assert_uint_eq(args[0], numbers[_i].error ? 7 : 8);
}
END_TEST

START_TEST(test_dispatch)
{
	static const struct hcall first[] = { { 0x10, h_count }, { 0x14, h_refuse } };
	static const struct hcall second[] = { { 0x18, h_count } };
	uint64_t args[HCALL_NR_ARGS] = { 0 };
	unsigned a = 0, c = 100;

	ck_assert_int_eq(hcall_register(&table, first, 2, &a), 0);
	ck_assert_int_eq(hcall_register(&table, second, 1, &c), 0);
	ck_assert_int_eq(hcall_dispatch(&table, NULL, 0x18, args), H_SUCCESS);
	ck_assert_uint_eq(args[0], 101);
	ck_assert_int_eq(hcall_dispatch(&table, NULL, 0x14, args), H_P4);
	ck_assert_int_eq(hcall_dispatch(&table, NULL, 0x1c, args), H_FUNCTION);
	ck_assert_uint_eq(a, 0);
	ck_assert_uint_eq(c, 101);
}
END_TEST

START_TEST(test_twice)
{
	static const struct hcall calls[] = { { 0x20, h_refuse }, { 0x20, h_count } };
	uint64_t args[HCALL_NR_ARGS] = { 0 };
	unsigned count = 0;

	ck_assert_int_eq(hcall_register(&table, calls, 2, &count), -EEXIST);
	ck_assert_int_eq(hcall_register(&table, &calls[1], 1, &count), -EEXIST);
	/* The first owner keeps it. */
	ck_assert_int_eq(hcall_dispatch(&table, NULL, 0x20, args), H_P4);
	ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(test_two_tables)
{
	static struct hcall_table other;
	static const struct hcall call = { 0x24, h_count };
	uint64_t args[HCALL_NR_ARGS] = { 0 };
	unsigned mine = 0, others = 0;

	memset(&other, 0, sizeof(other));
	ck_assert_int_eq(hcall_register(&table, &call, 1, &mine), 0);
	ck_assert_int_eq(hcall_dispatch(&other, NULL, 0x24, args), H_FUNCTION);
	ck_assert_int_eq(hcall_register(&other, &call, 1, &others), 0);
	ck_assert_int_eq(hcall_dispatch(&other, NULL, 0x24, args), H_SUCCESS);
	ck_assert_uint_eq(mine, 0);
	ck_assert_uint_eq(others, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hcall");
	TCase *tests = tcase_create("hcall");

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_loop_test(tests, test_numbers, 0, ARRAY_SIZE(numbers));
	tcase_add_test(tests, test_dispatch);
	tcase_add_test(tests, test_twice);
	tcase_add_test(tests, test_two_tables);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}

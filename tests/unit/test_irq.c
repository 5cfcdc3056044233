/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupt numbers: giving them out, and which of them reach the controller. */
#include <errno.h>

#include "tests/unit/capture.h"
#include "tests/unit/fake_board.h"

static struct fake_board board;

static void setup(void)
{
	fake_board_init(&board);
}

static void teardown(void)
{
	fake_board_exit(&board);
}

static const struct {
	uint32_t before;	/* numbers that are given out already */
	uint32_t count, align;
	int error;
	uint32_t first;
} reserves[] = {
	{ 0, 1, 1, 0, IRQ_FIRST },
	{ 1, 1, 1, 0, IRQ_FIRST + 1 },
	{ 1, 4, 4, 0, IRQ_FIRST + 4 },
	{ 4, 4, 4, 0, IRQ_FIRST + 4 },
	{ 1, 32, 32, 0, IRQ_FIRST + 32 },
	{ 0, IRQ_COUNT, 1, 0, IRQ_FIRST },
	{ IRQ_COUNT - 1, 1, 1, 0, IRQ_FIRST + IRQ_COUNT - 1 },
	{ IRQ_COUNT, 1, 1, -ENOSPC, 0 },
	{ 0, IRQ_COUNT + 1, 1, -ENOSPC, 0 },
	{ 1, IRQ_COUNT, 1, -ENOSPC, 0 },
	/* It would fit but for the alignment. */
	{ IRQ_COUNT - 3, 2, 4, -ENOSPC, 0 },
	{ 0, 0, 1, -ENOSPC, 0 },
	{ 0, UINT32_MAX, 1, -ENOSPC, 0 },
	{ 16, UINT32_MAX, 1, -ENOSPC, 0 },
};

START_TEST(test_reserve)
{
	uint32_t first = 0;

	if (reserves[_i].before)
		ck_assert_int_eq(irq_reserve(&board.irqchip, IRQ_LINE, reserves[_i].before, 1,
					     &first), 0);
	first = 0;
	ck_assert_int_eq(irq_reserve(&board.irqchip, IRQ_MESSAGE, reserves[_i].count,
				     reserves[_i].align, &first), reserves[_i].error);
	ck_assert_uint_eq(first, reserves[_i].first);
	if (reserves[_i].error)
		ck_assert_uint_eq(board.irqchip.next, reserves[_i].before);
}
END_TEST

START_TEST(test_kinds)
{
	uint32_t message, line;

	ck_assert_int_eq(irq_reserve(&board.irqchip, IRQ_MESSAGE, 2, 1, &message), 0);
	ck_assert_int_eq(irq_reserve(&board.irqchip, IRQ_LINE, 2, 1, &line), 0);
	ck_assert(!irq_is_line(&board.irqchip, message));
	ck_assert(!irq_is_line(&board.irqchip, message + 1));
	ck_assert(irq_is_line(&board.irqchip, line));
	ck_assert(irq_is_line(&board.irqchip, line + 1));
	ck_assert(!irq_is_line(&board.irqchip, line + 2));
	ck_assert(!irq_is_line(&board.irqchip, 0));
	ck_assert(!irq_is_line(&board.irqchip, UINT32_MAX));
}
END_TEST

/* Nothing that was not given out reaches the controller. */
static const uint32_t strangers[] = {
	0, IRQ_FIRST - 1, IRQ_FIRST + 1, IRQ_FIRST + IRQ_COUNT, UINT32_MAX,
};

START_TEST(test_strangers)
{
	uint32_t first, irq = strangers[_i];

	ck_assert_int_eq(irq_reserve(&board.irqchip, IRQ_MESSAGE, 1, 1, &first), 0);
	ck_assert_int_eq(irq_claim(&board.irqchip, irq), -EINVAL);
	ck_assert_int_eq(irq_attach(&board.irqchip, irq, 5), -EINVAL);
	ck_assert_int_eq(irq_pulse(&board.irqchip, irq), -EINVAL);
	irq_detach(&board.irqchip, irq, 5);
	irq_ended(&board.irqchip, irq);
	ck_assert_uint_eq(board.nr_attached, 0);
}
END_TEST

START_TEST(test_passed_on)
{
	uint32_t irq;

	ck_assert_int_eq(irq_reserve(&board.irqchip, IRQ_MESSAGE, 3, 1, &irq), 0);
	irq += 2;
	ck_assert_int_eq(irq_claim(&board.irqchip, irq), 0);
	ck_assert(board.claimed[irq - IRQ_FIRST]);
	ck_assert_int_eq(irq_attach(&board.irqchip, irq, 5), 0);
	ck_assert_int_eq(board.attached[irq - IRQ_FIRST], 5);
	ck_assert_int_eq(irq_pulse(&board.irqchip, irq), 0);
	ck_assert_uint_eq(board.pulses[irq - IRQ_FIRST], 1);
	irq_detach(&board.irqchip, irq, 5);
	ck_assert_int_eq(board.attached[irq - IRQ_FIRST], -1);
	board.fail_claim = board.fail_attach = 1;
	ck_assert_int_eq(irq_claim(&board.irqchip, irq), -EIO);
	ck_assert_int_eq(irq_attach(&board.irqchip, irq, 5), -EIO);
}
END_TEST

static unsigned nr_ended;

static void count_end(struct irq_eoi *eoi)
{
	nr_ended++;
}

START_TEST(test_eoi)
{
	struct irq_eoi eoi = { count_end };
	uint32_t message, line;

	nr_ended = 0;
	ck_assert_int_eq(irq_reserve(&board.irqchip, IRQ_MESSAGE, 1, 1, &message), 0);
	ck_assert_int_eq(irq_reserve(&board.irqchip, IRQ_LINE, 2, 1, &line), 0);
	irq_on_eoi(&board.irqchip, line, &eoi);
	irq_ended(&board.irqchip, message);
	irq_ended(&board.irqchip, line + 1);
	ck_assert_uint_eq(nr_ended, 0);
	irq_ended(&board.irqchip, line);
	ck_assert_uint_eq(nr_ended, 1);
	irq_on_eoi(&board.irqchip, line, NULL);
	irq_ended(&board.irqchip, line);
	ck_assert_uint_eq(nr_ended, 1);
}
END_TEST

START_TEST(test_two_chips)
{
	static struct fake_board other;
	uint32_t first, second;

	fake_board_init(&other);
	ck_assert_int_eq(irq_reserve(&board.irqchip, IRQ_LINE, 2, 1, &first), 0);
	ck_assert_int_eq(irq_reserve(&other.irqchip, IRQ_MESSAGE, 1, 1, &second), 0);
	ck_assert_uint_eq(first, second);
	ck_assert(!irq_is_line(&other.irqchip, second));
	ck_assert_int_eq(irq_pulse(&other.irqchip, second + 1), -EINVAL);
	ck_assert_int_eq(irq_pulse(&other.irqchip, second), 0);
	ck_assert_uint_eq(board.pulses[0], 0);
	fake_board_exit(&other);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("irq");
	TCase *tests = tcase_create("irq");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, test_reserve, 0, ARRAY_SIZE(reserves));
	tcase_add_test(tests, test_kinds);
	tcase_add_loop_test(tests, test_strangers, 0, ARRAY_SIZE(strangers));
	tcase_add_test(tests, test_passed_on);
	tcase_add_test(tests, test_eoi);
	tcase_add_test(tests, test_two_chips);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}

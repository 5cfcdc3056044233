/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupts' eventfds that the event loop reads. */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/unit/capture.h"
#include "vmm/irq_events.h"

static struct loop loop;
static struct irq_events *events;
static unsigned counts[IRQ_COUNT];
static int fd;

static void raised(struct irq_events *self, uint32_t irq)
{
	ck_assert_ptr_eq(self, events);
	counts[irq - IRQ_FIRST]++;
	loop_stop(&loop);
}

static void setup(void)
{
	ck_assert_int_eq(loop_init(&loop), 0);
	events = calloc(1, sizeof(*events));
	irq_events_init(events, &loop, raised);
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static void teardown(void)
{
	close(fd);
	irq_events_exit(events);
	free(events);
	loop_exit(&loop);
}

static void run_once(void)
{
	ck_assert_int_eq(loop_run(&loop), 0);
}

/* Nothing is left to do for the loop, or it would do it before it stops. */
static void expect_quiet(void)
{
	loop_stop(&loop);
	run_once();
}

START_TEST(test_raised)
{
	uint32_t irq = _i ? IRQ_FIRST + IRQ_COUNT - 1 : IRQ_FIRST;

	ck_assert_int_eq(irq_events_attach(events, irq, fd), 0);
	ck_assert_int_eq(eventfd_write(fd, 3), 0);
	run_once();
	ck_assert_uint_eq(counts[irq - IRQ_FIRST], 1);
	expect_quiet();
	ck_assert_uint_eq(counts[irq - IRQ_FIRST], 1);
	ck_assert_int_eq(irq_events_attach(events, irq, fd), -EBUSY);
	irq_events_detach(events, irq);
	irq_events_detach(events, irq);
}
END_TEST

/* What was signalled before is nobody's any more, and the number can be attached again. */
START_TEST(test_detached)
{
	ck_assert_int_eq(irq_events_attach(events, IRQ_FIRST + 5, fd), 0);
	ck_assert_int_eq(eventfd_write(fd, 1), 0);
	irq_events_detach(events, IRQ_FIRST + 5);
	expect_quiet();
	ck_assert_uint_eq(counts[5], 0);
	ck_assert_int_eq(irq_events_attach(events, IRQ_FIRST + 6, fd), 0);
	run_once();
	ck_assert_uint_eq(counts[6], 1);
	irq_events_detach(events, IRQ_FIRST + 6);
}
END_TEST

/* Detached after the loop has it in hand: the eventfd may be another file by now. */
START_TEST(test_late)
{
	ck_assert_int_eq(irq_events_attach(events, IRQ_FIRST, fd), 0);
	ck_assert_int_eq(eventfd_write(fd, 1), 0);
	irq_events_detach(events, IRQ_FIRST);
	events->events[0].source.ready(&events->events[0].source, 0);
	ck_assert_uint_eq(counts[0], 0);
}
END_TEST

START_TEST(test_bad_fd)
{
	ck_assert_int_eq(irq_events_attach(events, IRQ_FIRST, -1), -EBADF);
	ck_assert_int_eq(irq_events_attach(events, IRQ_FIRST, fd), 0);
	irq_events_detach(events, IRQ_FIRST);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("irq_events");
	TCase *tests = tcase_create("events");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, test_raised, 0, 2);
	tcase_add_test(tests, test_detached);
	tcase_add_test(tests, test_late);
	tcase_add_test(tests, test_bad_fd);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}

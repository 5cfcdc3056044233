/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the operator reads of a group's events, and that nothing of a watch is left behind. */
#include <errno.h>
#include <unistd.h>

#include "tests/unit/capture.h"
#include "tests/unit/fake_group.h"
#include "vmm/group/watch.h"

struct fixture {
	struct fake_group fake;
	struct capture capture;
	struct loop loop;
	struct loop_source end;
	struct group_watch watch;
};

static void set_up(struct fixture *fixture)
{
	memset(fixture, 0, sizeof(*fixture));
	fake_group_init(&fixture->fake, 0);
	fake_group_tell(&fixture->fake);
	capture_init(&fixture->capture);
	ck_assert_int_eq(loop_init(&fixture->loop), 0);
}

static int start(struct fixture *fixture)
{
	return group_watch_start(&fixture->watch, &fixture->fake.group, &fixture->loop,
				 &fixture->capture.log);
}

static void tear_down(struct fixture *fixture)
{
	group_watch_stop(&fixture->watch);
	ck_assert_int_eq(fixture->fake.events[GROUP_EVENT_ERROR], -1);
	ck_assert_int_eq(fixture->fake.events[GROUP_EVENT_REQUEST], -1);
	loop_exit(&fixture->loop);
	capture_exit(&fixture->capture);
}

/* The kernel's part, then the loop until nothing is left to do; returns what was said. */
static const char *happens(struct fixture *fixture, enum group_event event)
{
	uint64_t one = 1;

	ck_assert_int_eq(write(fixture->fake.events[event], &one, sizeof(one)), sizeof(one));
	loop_stop(&fixture->loop);
	ck_assert_int_eq(loop_run(&fixture->loop), 0);
	return capture_take(&fixture->capture);
}

static const struct {
	struct group_error_info error;
	int get_error;
	const char *line;
} errors[] = {
	{ { GROUP_FROZEN, GROUP_CAUSE_ADMIN }, 0, "group 7 is frozen by the host's administrator" },
	{ { GROUP_FROZEN, GROUP_CAUSE_BUS }, 0, "an error that the host's PCI bus reported" },
	{ { GROUP_FROZEN, GROUP_CAUSE_PLATFORM }, 0, "(EEH): its devices read all ones" },
	{ { GROUP_FROZEN, (enum group_error_cause)99 }, 0, "frozen by the host:" },
	{ { GROUP_FROZEN, GROUP_CAUSE_ADMIN }, 0, "echo mmio dma > /sys/devgroups/7/freeze" },
	{ { GROUP_MMIO_ENABLED, GROUP_CAUSE_ADMIN }, 0, "DMA and interrupts are still blocked" },
	{ { GROUP_NORMAL, GROUP_CAUSE_NONE }, 0, "group 7 is released" },
	{ { GROUP_DEAD, GROUP_CAUSE_NONE }, 0, "group 7 is dead" },
	{ { GROUP_NORMAL, GROUP_CAUSE_NONE }, -ENOTTY, "error of a device" },
};

START_TEST(test_error)
{
	struct fixture fixture;
	const char *text;

	set_up(&fixture);
	ck_assert_int_eq(start(&fixture), 0);
	fixture.fake.error = errors[_i].error;
	fixture.fake.get_error = errors[_i].get_error;
	text = happens(&fixture, GROUP_EVENT_ERROR);
	ck_assert_msg(strstr(text, errors[_i].line) != NULL, "%s", text);
	tear_down(&fixture);
}
END_TEST

/* As often as a guest brings it about. */
START_TEST(test_errors_are_limited)
{
	struct fixture fixture;
	unsigned i, told = 0;

	set_up(&fixture);
	ck_assert_int_eq(start(&fixture), 0);
	fixture.fake.get_error = -ENOTTY;
	for (i = 0; i < 10 * LOG_LIMIT_BURST; i++)
		told += *happens(&fixture, GROUP_EVENT_ERROR) != '\0';
	ck_assert_uint_ge(told, LOG_LIMIT_BURST);
	ck_assert_uint_lt(told, 5 * LOG_LIMIT_BURST);
	tear_down(&fixture);
}
END_TEST

START_TEST(test_request_is_told_once)
{
	struct fixture fixture;

	set_up(&fixture);
	ck_assert_int_eq(start(&fixture), 0);
	ck_assert_ptr_nonnull(strstr(happens(&fixture, GROUP_EVENT_REQUEST),
				     "group 7: the host wants a device back"));
	ck_assert_str_eq(happens(&fixture, GROUP_EVENT_REQUEST), "");
	tear_down(&fixture);
}
END_TEST

START_TEST(test_failure_leaves_nothing)
{
	struct fixture fixture;

	set_up(&fixture);
	fixture.fake.set_event[_i] = -ENOSPC;
	ck_assert_int_eq(start(&fixture), -ENOSPC);
	capture_expect(&fixture.capture, "group 7: cannot watch its events");
	fixture.fake.events[GROUP_EVENT_REQUEST] = -1;	/* perhaps never set */
	tear_down(&fixture);
}
END_TEST

START_TEST(test_group_that_cannot_tell)
{
	struct fixture fixture;

	set_up(&fixture);
	fixture.fake.set_event[GROUP_EVENT_ERROR] = -EOPNOTSUPP;
	ck_assert_int_eq(start(&fixture), 0);
	ck_assert_str_eq(capture_take(&fixture.capture), "");
	ck_assert_uint_eq(fixture.watch.nr_sources, 0);
	fixture.fake.events[GROUP_EVENT_REQUEST] = -1;
	tear_down(&fixture);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("group_watch");
	TCase *tests = tcase_create("group_watch");

	tcase_add_loop_test(tests, test_error, 0, ARRAY_SIZE(errors));
	tcase_add_test(tests, test_errors_are_limited);
	tcase_add_test(tests, test_request_is_told_once);
	tcase_add_loop_test(tests, test_failure_leaves_nothing, 0, GROUP_EVENT_COUNT);
	tcase_add_test(tests, test_group_that_cannot_tell);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}

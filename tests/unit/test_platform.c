/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Platform devices in a guest: where regions are, what is trapped, interrupts, and failures. */
#include <check.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "devices/platform.h"
#include "tests/unit/board_fixture.h"
#include "tests/unit/capture.h"

#define GPA 0x200000000000ULL
#define ROOM (1 * MIB)

static struct platform_host host;

static int init_host(void)
{
	return platform_host_init(&host, &fake.group, &board.bus, &board.irqchip, GPA, ROOM,
				  &board.log);
}

/* Nothing of the host is anywhere. */
static void expect_nothing(void)
{
	expect_unplugged();
	for (unsigned i = 0; i < fake.group.nr_devices; i++) {
		ck_assert_int_eq(fake.devices[i].fds[0], -1);
		ck_assert_int_eq(fake.devices[i].fds[1], -1);
	}
}

static const struct platform_irq *irq(unsigned device, unsigned index)
{
	return &host.devices[device].irqs[index];
}

START_TEST(test_regions)
{
	struct fake_device *first = fake_add_platform(&fake, "thing.0");
	uint8_t bytes[4] = { 1, 2, 3, 4 }, read[4];
	const struct fake_map *map;

	fake_add_platform(&fake, "thing.1");
	ck_assert_int_eq(init_host(), 0);
	ck_assert_uint_eq(host.size, 4 * PLATFORM_ALIGN);
	map = fake_board_map(&board, GPA);
	ck_assert_ptr_nonnull(map);
	ck_assert_ptr_eq(map->hva, first->page);
	ck_assert_uint_eq(map->size, 64 * KIB);
	ck_assert_ptr_null(fake_board_map(&board, GPA + PLATFORM_ALIGN));
	ck_assert_ptr_nonnull(fake_board_map(&board, GPA + 2 * PLATFORM_ALIGN));
	/* The small one is trapped, and ends where it ends. */
	ck_assert_int_eq(bus_write(&board.bus, GPA + PLATFORM_ALIGN + 0x10, bytes, 4), 0);
	ck_assert_int_eq(memcmp(first->page + 0x10, bytes, 4), 0);
	ck_assert_int_eq(bus_read(&board.bus, GPA + PLATFORM_ALIGN + 0x10, read, 4), 0);
	ck_assert_int_eq(memcmp(read, bytes, 4), 0);
	ck_assert_int_eq(bus_read(&board.bus, GPA + PLATFORM_ALIGN + 0x100, read, 4), -ENXIO);
	/* What the host refuses reads ones. */
	first->region_io = (struct fake_failure){ 1, -EIO };
	ck_assert_int_eq(bus_read(&board.bus, GPA + PLATFORM_ALIGN + 0x10, read, 4), 0);
	ck_assert_int_eq(memcmp(read, "\xff\xff\xff\xff", 4), 0);
	platform_host_exit(&host);
	expect_nothing();
}
END_TEST

START_TEST(test_irqs)
{
	struct fake_device *device = fake_add_platform(&fake, "thing.0");
	const struct platform_irq *line, *edge;

	ck_assert_int_eq(init_host(), 0);
	line = irq(0, 0);
	edge = irq(0, 1);
	ck_assert_uint_eq(board.nr_attached, 0);
	ck_assert(irq_is_line(&board.irqchip, line->number));
	ck_assert(!irq_is_line(&board.irqchip, edge->number));
	ck_assert_int_eq(platform_host_reset(&host), 0);
	ck_assert_uint_eq(board.nr_attached, 2);
	ck_assert_int_eq(board.attached[line->number - IRQ_FIRST], device->fds[0]);
	ck_assert_int_eq(board.attached[edge->number - IRQ_FIRST], device->fds[1]);
	irq_ended(&board.irqchip, line->number);
	ck_assert_uint_eq(device->unmasks, 1);
	irq_ended(&board.irqchip, edge->number);
	ck_assert_uint_eq(device->unmasks, 1);
	/* A reboot connects anew; the group's own reset has taken interrupts away. */
	device->fds[0] = device->fds[1] = -1;
	ck_assert_int_eq(platform_host_reset(&host), 0);
	ck_assert_uint_eq(board.nr_attached, 2);
	ck_assert_int_ge(device->fds[0], 0);
	platform_host_exit(&host);
	expect_nothing();
	/* Nobody is told of an end any more. */
	irq_ended(&board.irqchip, IRQ_FIRST);
	ck_assert_uint_eq(device->unmasks, 1);
}
END_TEST

/* Each way in which making the host can fail leaves nothing. */
START_TEST(test_init_failures)
{
	struct fake_device *second;

	fake_add_platform(&fake, "thing.0");
	second = fake_add_platform(&fake, "thing.1");
	second->map = (struct fake_failure){ 1, -ENOMEM };
	ck_assert_int_eq(init_host(), -ENOMEM);
	ck_assert(fake_board_logged(&board, "thing.1: region 0 cannot be put into the guest"));
	expect_nothing();
	board.fail_map = true;
	ck_assert_int_eq(init_host(), -ENOSPC);
	expect_nothing();
	board.fail_map = false;
	board.irqchip.next = IRQ_COUNT - 3;
	ck_assert_int_eq(init_host(), -ENOSPC);
	ck_assert(fake_board_logged(&board, "thing.1: no interrupt numbers left"));
	expect_nothing();
}
END_TEST

START_TEST(test_no_room)
{
	struct fake_device *device = fake_add_platform(&fake, "thing.0");

	fake_group_device(&fake, device)->regions[1].size = ROOM;
	ck_assert_int_eq(init_host(), -ENOSPC);
	ck_assert(fake_board_logged(&board, "region 1 cannot be put into the guest"));
	expect_nothing();
	fake_group_device(&fake, device)->regions[1].size = UINT64_MAX;
	ck_assert_int_eq(init_host(), -ENOSPC);
	fake_group_device(&fake, device)->regions[1].size = ROOM - PLATFORM_ALIGN;
	ck_assert_int_eq(init_host(), 0);
	platform_host_exit(&host);
}
END_TEST

START_TEST(test_reset_failures)
{
	struct fake_device *device = fake_add_platform(&fake, "thing.0");

	ck_assert_int_eq(init_host(), 0);
	device->set_irqs = (struct fake_failure){ 2, -EIO };
	ck_assert_int_eq(platform_host_reset(&host), -EIO);
	ck_assert(fake_board_logged(&board, "thing.0: its interrupts cannot be connected"));
	ck_assert_uint_eq(board.nr_attached, 1);
	board.fail_attach = 1;
	ck_assert_int_eq(platform_host_reset(&host), -EIO);
	ck_assert_uint_eq(board.nr_attached, 0);
	ck_assert_int_eq(platform_host_reset(&host), 0);
	ck_assert_uint_eq(board.nr_attached, 2);
	platform_host_exit(&host);
	expect_nothing();
}
END_TEST

static Suite *platform_suite(void)
{
	Suite *suite = suite_create("platform");
	TCase *tcase = tcase_create("platform");

	tcase_add_checked_fixture(tcase, board_setup, board_teardown);
	tcase_add_test(tcase, test_regions);
	tcase_add_test(tcase, test_irqs);
	tcase_add_test(tcase, test_init_failures);
	tcase_add_test(tcase, test_no_room);
	tcase_add_test(tcase, test_reset_failures);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(platform_suite());
}

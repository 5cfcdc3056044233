/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A group and the board that its devices are plugged into: what tests of both buses' hosts begin
 * and end with. For one file of a program only.
 */
#ifndef PVMM_TESTS_BOARD_FIXTURE_H
#define PVMM_TESTS_BOARD_FIXTURE_H

#include <check.h>

#include "tests/unit/fake_board.h"
#include "tests/unit/fake_group.h"

static struct fake_board board;
static struct fake_group fake;

static inline void board_setup(void)
{
	fake_board_init(&board);
	fake_group_init(&fake, 0);
}

static inline void board_teardown(void)
{
	fake_board_exit(&board);
}

/* Nothing of the group is anywhere. */
static inline void expect_unplugged(void)
{
	ck_assert_uint_eq(board.nr_maps, 0);
	ck_assert_uint_eq(board.nr_attached, 0);
	ck_assert_ptr_null(board.bus.regions);
	for (unsigned i = 0; i < fake.group.nr_devices; i++) {
		ck_assert_uint_eq(fake.devices[i].maps, 0);
		ck_assert_uint_eq(fake.devices[i].irq_kind, GROUP_IRQ_COUNT);
	}
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PAPR host bridges of up to two groups, with the guest's memory and the tables of its calls. For
 * one file of a program only.
 */
#ifndef PVMM_TESTS_PHB_FIXTURE_H
#define PVMM_TESTS_PHB_FIXTURE_H

#include <check.h>
#include <string.h>

#include "devices/papr_phb.h"
#include "tests/unit/fake_board.h"
#include "tests/unit/fake_group.h"

static struct fake_board board;
static struct fake_group fakes[2];
static struct guest_memory memory;
static struct rtas rtas;
static struct hcall_table hcalls;
static struct papr_dma_policy policy;
static struct papr_phbs phbs;

/* As for a new machine. */
static inline void forget_calls(void)
{
	memset(&rtas, 0, sizeof(rtas));
	memset(&hcalls, 0, sizeof(hcalls));
	rtas.memory = &memory;
	rtas.log = &board.log;
}

/* No devices yet, no calls, and @memory_size bytes. */
static inline void phb_setup(uint64_t memory_size)
{
	fake_board_init(&board);
	fake_group_init(&fakes[0], 0);
	fake_group_init(&fakes[1], 0);
	ck_assert_int_eq(guest_memory_init(&memory, 0, memory_size), 0);
	forget_calls();
	policy = (struct papr_dma_policy){ 0 };
}

static inline void phb_teardown(void)
{
	guest_memory_exit(&memory);
	fake_board_exit(&board);
}

/* A disk, and two functions of a controller. */
static inline void add_two_groups(void)
{
	fake_add_nvme(&fakes[0], 1);
	fake_add_uhci(&fakes[1], 2, 1, 0);
	fake_add_uhci(&fakes[1], 2, 1, 1);
}

static inline int init_phbs(unsigned nr_groups)
{
	struct group *groups[] = { &fakes[0].group, &fakes[1].group };

	return papr_phbs_init(&phbs, groups, nr_groups, &board.bus, &board.irqchip, &memory,
			      &rtas, &hcalls, &policy, &board.log);
}

static inline void start_phbs(unsigned nr_groups)
{
	ck_assert_int_eq(init_phbs(nr_groups), 0);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What devices are plugged into, for unit tests: an interrupt controller and a bus mapper that
 * remember what was asked of them and fail on demand, and a log that can be searched.
 */
#ifndef PVMM_TESTS_FAKE_BOARD_H
#define PVMM_TESTS_FAKE_BOARD_H

#include "vmm/bus.h"
#include "vmm/irq.h"
#include "vmm/log.h"

#define FAKE_MAX_MAPS 64

struct fake_map {
	uint64_t gpa, size;
	void *hva;
};

struct fake_board {
	struct irqchip irqchip;
	bool claimed[IRQ_COUNT];
	int attached[IRQ_COUNT];	/* eventfd, -1: none */
	unsigned nr_attached;
	unsigned pulses[IRQ_COUNT];
	unsigned fail_claim, fail_attach;	/* the nth call from now fails with EIO */
	struct bus_mapper mapper;
	struct fake_map maps[FAKE_MAX_MAPS];
	unsigned nr_maps;
	unsigned maps_made;	/* ever */
	bool fail_map;
	struct bus bus;
	struct log log;			/* into a file without a name */
};

void fake_board_init(struct fake_board *board);
void fake_board_exit(struct fake_board *board);
/* Has a line with @text been logged? */
bool fake_board_logged(const struct fake_board *board, const char *text);
/* The mapping that holds @gpa, or NULL. */
const struct fake_map *fake_board_map(const struct fake_board *board, uint64_t gpa);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What devices are plugged into, for unit tests. */
#include "tests/unit/fake_board.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static bool fails(unsigned *after)
{
	return *after && --*after == 0;
}

static int fake_claim(struct irqchip *chip, uint32_t irq, enum irq_kind kind)
{
	struct fake_board *board = container_of(chip, struct fake_board, irqchip);

	if (fails(&board->fail_claim))
		return -EIO;
	board->claimed[irq - IRQ_FIRST] = true;
	return 0;
}

static int fake_attach(struct irqchip *chip, uint32_t irq, int fd)
{
	struct fake_board *board = container_of(chip, struct fake_board, irqchip);

	if (fails(&board->fail_attach))
		return -EIO;
	if (!board->claimed[irq - IRQ_FIRST] || board->attached[irq - IRQ_FIRST] >= 0)
		return -EINVAL;
	board->attached[irq - IRQ_FIRST] = fd;
	board->nr_attached++;
	return 0;
}

static void fake_detach(struct irqchip *chip, uint32_t irq, int fd)
{
	struct fake_board *board = container_of(chip, struct fake_board, irqchip);

	if (board->attached[irq - IRQ_FIRST] != fd)
		return;
	board->attached[irq - IRQ_FIRST] = -1;
	board->nr_attached--;
}

static int fake_pulse(struct irqchip *chip, uint32_t irq)
{
	struct fake_board *board = container_of(chip, struct fake_board, irqchip);

	board->pulses[irq - IRQ_FIRST]++;
	return 0;
}

static const struct irqchip_ops fake_irqchip_ops = {
	.name = "fake",
	.claim = fake_claim,
	.attach = fake_attach,
	.detach = fake_detach,
	.pulse = fake_pulse,
};

static int fake_map(struct bus_mapper *mapper, uint64_t gpa, uint64_t size, void *hva)
{
	struct fake_board *board = container_of(mapper, struct fake_board, mapper);
	unsigned i;

	if (board->fail_map || board->nr_maps == FAKE_MAX_MAPS)
		return -ENOSPC;
	for (i = 0; i < board->nr_maps; i++) {
		if (ranges_overlap(gpa, size, board->maps[i].gpa, board->maps[i].size))
			return -EEXIST;
	}
	board->maps_made++;
	board->maps[board->nr_maps++] = (struct fake_map){ gpa, size, hva };
	return 0;
}

static void fake_unmap(struct bus_mapper *mapper, uint64_t gpa, uint64_t size)
{
	struct fake_board *board = container_of(mapper, struct fake_board, mapper);
	unsigned i;

	for (i = 0; i < board->nr_maps; i++) {
		if (board->maps[i].gpa == gpa && board->maps[i].size == size) {
			board->maps[i] = board->maps[--board->nr_maps];
			return;
		}
	}
}

void fake_board_init(struct fake_board *board)
{
	unsigned i;

	memset(board, 0, sizeof(*board));
	board->irqchip.ops = &fake_irqchip_ops;
	for (i = 0; i < IRQ_COUNT; i++)
		board->attached[i] = -1;
	board->mapper.map = fake_map;
	board->mapper.unmap = fake_unmap;
	board->log.fd = memfd_create("log", MFD_CLOEXEC);
	bus_init(&board->bus, &board->mapper);
}

void fake_board_exit(struct fake_board *board)
{
	bus_exit(&board->bus);
	close(board->log.fd);
}

bool fake_board_logged(const struct fake_board *board, const char *text)
{
	char buffer[16384];
	ssize_t size;

	size = pread(board->log.fd, buffer, sizeof(buffer) - 1, 0);
	if (size < 0)
		return false;
	buffer[size] = '\0';
	return strstr(buffer, text) != NULL;
}

const struct fake_map *fake_board_map(const struct fake_board *board, uint64_t gpa)
{
	unsigned i;

	for (i = 0; i < board->nr_maps; i++) {
		if (range_within(gpa, 1, board->maps[i].gpa, board->maps[i].size))
			return &board->maps[i];
	}
	return NULL;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupt numbers and what is common to all interrupt controllers. */
#include <assert.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vmm/irq.h"

int irq_reserve(struct irqchip *chip, enum irq_kind kind, uint32_t count, uint32_t align,
		uint32_t *first)
{
	uint64_t start = align_up(IRQ_FIRST + chip->next, align);

	if (count == 0 || start + count > IRQ_FIRST + IRQ_COUNT)
		return -ENOSPC;
	for (uint32_t i = 0; i < count; i++)
		chip->kind[start - IRQ_FIRST + i] = (uint8_t)kind;
	chip->next = (uint32_t)(start - IRQ_FIRST + count);
	*first = (uint32_t)start;
	return 0;
}

/* Was @irq given out by irq_reserve()? */
static bool is_reserved(const struct irqchip *chip, uint32_t irq)
{
	return irq >= IRQ_FIRST && irq - IRQ_FIRST < chip->next;
}

bool irq_is_line(const struct irqchip *chip, uint32_t irq)
{
	return is_reserved(chip, irq) && chip->kind[irq - IRQ_FIRST] == IRQ_LINE;
}

int irq_claim(struct irqchip *chip, uint32_t irq)
{
	if (!is_reserved(chip, irq))
		return -EINVAL;
	return chip->ops->claim(chip, irq, (enum irq_kind)chip->kind[irq - IRQ_FIRST]);
}

int irq_attach(struct irqchip *chip, uint32_t irq, int fd)
{
	if (!is_reserved(chip, irq))
		return -EINVAL;
	return chip->ops->attach(chip, irq, fd);
}

void irq_detach(struct irqchip *chip, uint32_t irq, int fd)
{
	if (is_reserved(chip, irq))
		chip->ops->detach(chip, irq, fd);
}

int irq_open_source(struct irqchip *chip, uint32_t irq)
{
	int fd, err;

	err = irq_claim(chip, irq);
	if (err)
		return err;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	err = irq_attach(chip, irq, fd);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

void irq_close_source(struct irqchip *chip, uint32_t irq, int fd)
{
	irq_detach(chip, irq, fd);
	close(fd);
}

int irq_pulse(struct irqchip *chip, uint32_t irq)
{
	if (!is_reserved(chip, irq))
		return -EINVAL;
	return chip->ops->pulse(chip, irq);
}

void irq_on_eoi(struct irqchip *chip, uint32_t irq, struct irq_eoi *eoi)
{
	assert(irq_is_line(chip, irq));
	chip->eoi[irq - IRQ_FIRST] = eoi;
}

void irq_ended(struct irqchip *chip, uint32_t irq)
{
	struct irq_eoi *eoi = irq_is_line(chip, irq) ? chip->eoi[irq - IRQ_FIRST] : NULL;

	if (eoi)
		eoi->eoi(eoi);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupt sources as devices see them. A source has a number that is unique in the VM (on
 * PAPR it is what the guest sees: the LISN or XISR). Two kinds: a message (MSI-like, an event
 * each time) and a line (level: stays pending until acknowledged at the device).
 *
 * A line is used like this: the owner attaches an eventfd that is signalled when the line
 * rises and then masked at its origin (VFIO automasks INTx); when the guest ends the
 * interrupt the chip calls eoi(), in which the owner unmasks the origin again; a line that is
 * still raised signals again. No device memory is unmapped to watch for an EOI.
 */
#ifndef PVMM_IRQ_H
#define PVMM_IRQ_H

#include "vmm/util.h"

struct irqchip;

enum irq_kind { IRQ_MESSAGE, IRQ_LINE };

/* What happens when the guest ends an interrupt of a line; any vCPU thread may call it. */
struct irq_eoi {
	void (*eoi)(struct irq_eoi *self);
};

struct irqchip_ops {
	const char *name;	/* "xive", "xics" */
	/* Makes source @irq exist in the chip, masked. Idempotent. 0 or a negative errno. */
	int (*claim)(struct irqchip *chip, uint32_t irq, enum irq_kind kind);
	/* From now on a write to @fd (an eventfd) raises @irq: the kernel or the event loop sees to it. */
	int (*attach)(struct irqchip *chip, uint32_t irq, int fd);
	void (*detach)(struct irqchip *chip, uint32_t irq, int fd);
	/* An event at a message source, from pvmm itself. Any thread. */
	int (*pulse)(struct irqchip *chip, uint32_t irq);
	void (*exit)(struct irqchip *chip);
};

#define IRQ_FIRST 0x1000	/* below it: the guest's own inter-processor interrupts */
#define IRQ_COUNT 0x1000

struct irqchip {
	const struct irqchip_ops *ops;
	uint32_t next;			/* how many numbers are given out */
	uint8_t kind[IRQ_COUNT];	/* enum irq_kind, by number - IRQ_FIRST */
	struct irq_eoi *eoi[IRQ_COUNT];	/* lines only; set before the guest runs */
};

/*
 * Reserves @count consecutive numbers, the first a multiple of @align (power of two), and
 * records their kind; numbers are never given back, since devices do not come and go. Stores
 * the first in @first. 0, or -ENOSPC. Nothing is claimed in the chip yet.
 */
int irq_reserve(struct irqchip *chip, enum irq_kind kind, uint32_t count, uint32_t align,
		uint32_t *first);
int irq_claim(struct irqchip *chip, uint32_t irq);
int irq_attach(struct irqchip *chip, uint32_t irq, int fd);
void irq_detach(struct irqchip *chip, uint32_t irq, int fd);
int irq_pulse(struct irqchip *chip, uint32_t irq);
/* Both at once: a new eventfd that signals @irq. The descriptor, or a negative errno. */
int irq_open_source(struct irqchip *chip, uint32_t irq);
void irq_close_source(struct irqchip *chip, uint32_t irq, int fd);
/* Registers what unmasks a line's origin. */
void irq_on_eoi(struct irqchip *chip, uint32_t irq, struct irq_eoi *eoi);
/* Called by a chip when the guest ended @irq; does nothing for a message. */
void irq_ended(struct irqchip *chip, uint32_t irq);
bool irq_is_line(const struct irqchip *chip, uint32_t irq);

#endif

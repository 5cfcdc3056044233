/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XIVE as a guest sees it (PAPR 14.5.4.5): the hypercalls and their checks, and the places of
 * its pages. What stands behind them, KVM's native device or pvmm itself, is a backend, which
 * embeds struct papr_xive. Private to vmm/papr.
 */
#ifndef PVMM_PAPR_IRQCHIP_XIVE_H
#define PVMM_PAPR_IRQCHIP_XIVE_H

#include "vmm/papr/machine.h"

#define XIVE_PAGE_SHIFT 16
#define XIVE_PAGE (1ULL << XIVE_PAGE_SHIFT)
/* Event state buffers (ESB): two pages a source, trigger and management. */
#define XIVE_NR_SOURCES (IRQ_FIRST + IRQ_COUNT)
#define XIVE_ESB_GPA 0x300000000000ULL
#define XIVE_ESB_SIZE (XIVE_NR_SOURCES * 2 * XIVE_PAGE)
/* Thread management area (TIMA): four pages, of which only the OS's is a guest's. */
#define XIVE_TIMA_OS_PAGE 2
#define XIVE_TIMA_PAGES 4
#define XIVE_TIMA_GPA 0x310000000000ULL
#define XIVE_TIMA_OS_GPA (XIVE_TIMA_GPA + XIVE_TIMA_OS_PAGE * XIVE_PAGE)

/* Offsets in a management page, each an operation by load; it gives the former state. */
#define XIVE_ESB_LOAD_EOI 0x000
#define XIVE_ESB_GET 0x800
#define XIVE_ESB_SET_PQ_00 0xc00
#define XIVE_ESB_SET_PQ_01 0xd00
#define XIVE_ESB_SET_PQ_10 0xe00
#define XIVE_ESB_SET_PQ_11 0xf00
/* The state: an event was passed on and is not ended yet, another came meanwhile. */
#define XIVE_ESB_P 2
#define XIVE_ESB_Q 1

#define XIVE_QUEUE_SHIFT 16	/* the one size KVM has */
#define XIVE_PRIORITY_MAX 6	/* 7 is KVM's own */
#define XIVE_PRIORITY_NONE 0xff

struct xive_source {
	bool valid;
	uint8_t priority;	/* XIVE_PRIORITY_NONE: masked */
	uint32_t server, eisn;
};

struct xive_queue {
	uint64_t gpa;
	uint32_t shift;		/* log2 of its bytes; 0: none */
};

struct xive_queue_position {
	uint32_t index;		/* of the next entry */
	bool toggle;		/* the bit that it will have */
};

struct papr_xive;

/* Numbers have been checked. 0 or a negative errno; the first four with the lock held. */
struct xive_backend_ops {
	/* Makes a source exist, masked. */
	int (*claim)(struct papr_xive *xive, uint32_t irq);
	int (*set_source)(struct papr_xive *xive, uint32_t irq, const struct xive_source *wanted);
	/* A queue of shift 0 takes the present one away. */
	int (*set_queue)(struct papr_xive *xive, uint32_t server, uint32_t priority,
			 const struct xive_queue *wanted);
	/* Forgets all configurations, and masks all sources. */
	int (*reset)(struct papr_xive *xive);
	int (*get_position)(struct papr_xive *xive, uint32_t server, uint32_t priority,
			    struct xive_queue_position *position);
	/* The management page, by aligned doublewords. */
	uint64_t (*esb_load)(struct papr_xive *xive, uint32_t irq, uint64_t offset);
	void (*esb_store)(struct papr_xive *xive, uint32_t irq, uint64_t offset, uint64_t value);
	/* Returns when what the source had passed on is in the guest's queues. */
	int (*sync)(struct papr_xive *xive, uint32_t irq);
};

struct papr_xive {
	struct papr_irqchip base;
	const struct xive_backend_ops *backend;
	unsigned nr_servers;
	pthread_mutex_t lock;		/* sources, queues */
	struct xive_source sources[XIVE_NR_SOURCES];
	struct xive_queue *queues;	/* [server][priority] */
};

/* For a zeroed struct. 0, -ENOMEM, or -EEXIST (the hypercalls are served already); nothing is
 * held then. */
int papr_xive_init(struct papr_xive *xive, struct machine *machine, const struct irqchip_ops *chip,
		   const struct papr_irqchip_ops *ops, const struct xive_backend_ops *backend);
void papr_xive_exit(struct papr_xive *xive);

static inline struct papr_xive *papr_xive_from_chip(struct irqchip *chip)
{
	return container_of(chip, struct papr_xive, base.chip);
}

/* irqchip_ops.claim, and the same for @count sources from @first on. */
int papr_xive_claim(struct irqchip *chip, uint32_t irq, enum irq_kind kind);
int papr_xive_claim_all(struct papr_xive *xive, uint32_t first, uint32_t count);
/* papr_irqchip_ops.add_fdt and .vec5. */
void papr_xive_add_fdt(struct papr_irqchip *irqchip, struct fdt_writer *fdt);
#define PAPR_XIVE_VEC5 0x40	/* exploitation mode only */

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts' eventfds that no kernel takes: the event loop reads them, for an interrupt
 * controller that has to see an event itself.
 */
#ifndef PVMM_IRQ_EVENTS_H
#define PVMM_IRQ_EVENTS_H

#include <pthread.h>

#include "vmm/irq.h"
#include "vmm/loop.h"

struct irq_events;

/* One attached number. */
struct irq_event {
	struct loop_source source;	/* fd: its owner's eventfd */
	struct irq_events *events;
	bool attached;			/* irq_events.lock */
};

struct irq_events {
	struct loop *loop;		/* borrowed */
	/* @irq came, once or often. The loop's thread, with the lock held: the number is attached
	 * until this returns. */
	void (*raised)(struct irq_events *events, uint32_t irq);
	pthread_mutex_t lock;		/* which numbers are attached */
	struct irq_event events[IRQ_COUNT];
};

/* Both for a zeroed struct. None is attached any more at the exit. */
void irq_events_init(struct irq_events *events, struct loop *loop,
		     void (*raised)(struct irq_events *events, uint32_t irq));
void irq_events_exit(struct irq_events *events);

/*
 * As irqchip_ops.attach and .detach, for a number from irq_reserve(); any thread. 0, -EBUSY
 * (it is attached) or what epoll says. After detaching raised() is not called for it, even if
 * @irq was signalled before.
 */
int irq_events_attach(struct irq_events *events, uint32_t irq, int fd);
void irq_events_detach(struct irq_events *events, uint32_t irq);

#endif

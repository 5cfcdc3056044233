/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupts' eventfds, read by the event loop. */
#include "vmm/irq_events.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

void irq_events_init(struct irq_events *events, struct loop *loop,
		     void (*raised)(struct irq_events *events, uint32_t irq))
{
	events->loop = loop;
	events->raised = raised;
	pthread_mutex_init(&events->lock, NULL);
}

void irq_events_exit(struct irq_events *events)
{
	pthread_mutex_destroy(&events->lock);
}

/* A vCPU may be detaching the number, and close its eventfd, meanwhile: a look under the lock. */
static void event_ready(struct loop_source *source, uint32_t mask)
{
	struct irq_event *event = container_of(source, struct irq_event, source);
	struct irq_events *events = event->events;
	uint64_t count;

	pthread_mutex_lock(&events->lock);
	if (event->attached && read(source->fd, &count, sizeof(count)) == sizeof(count))
		events->raised(events, IRQ_FIRST + (uint32_t)(event - events->events));
	pthread_mutex_unlock(&events->lock);
}

int irq_events_attach(struct irq_events *events, uint32_t irq, int fd)
{
	struct irq_event *event = &events->events[irq - IRQ_FIRST];
	int error = -EBUSY;

	pthread_mutex_lock(&events->lock);
	if (!event->attached) {
		event->events = events;
		event->source = (struct loop_source){ .fd = fd, .events = EPOLLIN,
						      .ready = event_ready };
		error = loop_add(events->loop, &event->source);
		event->attached = !error;
	}
	pthread_mutex_unlock(&events->lock);
	return error;
}

void irq_events_detach(struct irq_events *events, uint32_t irq)
{
	struct irq_event *event = &events->events[irq - IRQ_FIRST];

	pthread_mutex_lock(&events->lock);
	if (event->attached)
		loop_remove(events->loop, &event->source);
	event->attached = false;
	pthread_mutex_unlock(&events->lock);
}

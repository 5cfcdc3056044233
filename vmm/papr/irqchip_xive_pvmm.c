/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XIVE of pvmm's own, for hosts whose KVM has none: the guest's loads and stores to its pages
 * come here one by one. An event takes this way:
 *
 * - its source's state (P and Q bits) says whether it goes on now;
 * - its target says where to: event queue and number (EISN). Of a masked source it is lost;
 * - the number is written to the queue in guest memory, the priority noted as pending with the
 *   server (vCPU), whose external interrupt is on while something more favoured than its own
 *   priority is pending.
 *
 * States and targets are changed atomically without a lock; a server's lock guards its queues
 * and registers. papr_xive.lock is taken before it. Devices' eventfds are read by the event
 * loop.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/irq_events.h"
#include "vmm/papr/irqchip_xive.h"
#include "vmm/papr/vcpu_line.h"

/* The OS ring of a thread's registers, at RING in its page; bytes. */
#define RING 0x10
#define RING_SIZE 16
enum {
	TM_NSR, TM_CPPR, TM_IPB, TM_LSMFB, TM_ACK_CNT, TM_INC, TM_AGE, TM_PIPR,
	TM_WORD2,
};
#define NSR_EXCEPTION 0x80
#define WORD2_VALID 0x80
/* Operations in the same page. */
#define TM_ACKNOWLEDGE 0x810	/* load of 2 bytes: NSR and CPPR */
#define TM_SET_PENDING 0x812	/* store of 1 byte: a priority */

#define QUEUE_ENTRY 4
#define ENTRY_TOGGLE 0x80000000U

/* What a source's events are for, in one word: EISN, server, priority. */
#define TARGET_EISN_SHIFT 32
#define TARGET_SERVER_SHIFT 8
#define TARGET_MASKED XIVE_PRIORITY_NONE

struct server_queue {
	struct xive_queue where;	/* shift 0: none */
	struct xive_queue_position position;
};

struct xive_server {
	pthread_mutex_t lock;		/* all below */
	uint8_t ring[RING_SIZE];
	struct server_queue queues[XIVE_PRIORITY_MAX + 1];
	struct vcpu_line line;
};

struct pvmm_xive {
	struct papr_xive xive;
	struct irq_events events;
	struct bus_region esb;
	struct xive_server *servers;
	uint8_t states[XIVE_NR_SOURCES];	/* P and Q; atomic */
	uint64_t targets[XIVE_NR_SOURCES];	/* atomic */
};

static struct pvmm_xive *from_xive(struct papr_xive *xive)
{
	return container_of(xive, struct pvmm_xive, xive);
}

static struct pvmm_xive *from_chip(struct irqchip *chip)
{
	return from_xive(papr_xive_from_chip(chip));
}

/* The most favoured of pending priorities, or XIVE_PRIORITY_NONE. */
static uint8_t most_favoured(uint8_t pending)
{
	return pending ? (uint8_t)(__builtin_clz(pending) - 24) : XIVE_PRIORITY_NONE;
}

/* With the server's lock held, as all that follow. An exception stays until it is acknowledged
 * or the server's priority hides it. */
static void update_server(struct xive_server *server)
{
	uint8_t *ring = server->ring;
	bool on;

	ring[TM_PIPR] = most_favoured(ring[TM_IPB]);
	on = ring[TM_PIPR] < ring[TM_CPPR];
	ring[TM_NSR] = on ? NSR_EXCEPTION : 0;
	vcpu_line_set(&server->line, on);
}

static void set_pending(struct xive_server *server, uint8_t priority)
{
	server->ring[TM_IPB] |= (uint8_t)(0x80 >> priority);
	update_server(server);
}

/* The load by which a guest takes what is most favoured of what is pending. */
static void acknowledge(struct xive_server *server, uint8_t data[2])
{
	uint8_t *ring = server->ring;

	data[0] = ring[TM_NSR];
	if (ring[TM_NSR] & NSR_EXCEPTION) {
		ring[TM_CPPR] = ring[TM_PIPR];
		ring[TM_IPB] &= (uint8_t)~(0x80 >> ring[TM_PIPR]);
	}
	data[1] = ring[TM_CPPR];
	update_server(server);
}

/* The word is seen whole, and only when what the device wrote before its event is. */
static void push(struct pvmm_xive *pvmm, struct server_queue *queue, uint32_t eisn)
{
	struct xive_queue_position *position = &queue->position;
	uint64_t gpa = queue->where.gpa + position->index * (uint64_t)QUEUE_ENTRY;

	guest_memory_store_be32(&pvmm->xive.base.machine->memory, gpa,
				htobe32(eisn | (position->toggle ? ENTRY_TOGGLE : 0)));
	if (++position->index == (1U << queue->where.shift) / QUEUE_ENTRY)
		*position = (struct xive_queue_position){ .toggle = !position->toggle };
}

static void notify(struct pvmm_xive *pvmm, uint32_t irq)
{
	uint64_t target = __atomic_load_n(&pvmm->targets[irq], __ATOMIC_SEQ_CST);
	uint8_t priority = (uint8_t)target;
	struct xive_server *server = &pvmm->servers[target >> TARGET_SERVER_SHIFT & 0xffffff];
	struct server_queue *queue;

	if (priority == TARGET_MASKED)
		return;
	queue = &server->queues[priority];
	pthread_mutex_lock(&server->lock);
	/* The guest may be taking it away. */
	if (queue->where.shift) {
		push(pvmm, queue, (uint32_t)(target >> TARGET_EISN_SHIFT));
		set_pending(server, priority);
	}
	pthread_mutex_unlock(&server->lock);
}

static uint8_t set_state(struct pvmm_xive *pvmm, uint32_t irq, uint8_t state)
{
	return __atomic_exchange_n(&pvmm->states[irq], state, __ATOMIC_SEQ_CST);
}

/* Changes a state to what @next has for it, and returns the former one. */
static uint8_t advance(struct pvmm_xive *pvmm, uint32_t irq, const uint8_t next[4])
{
	uint8_t *state = &pvmm->states[irq], former = __atomic_load_n(state, __ATOMIC_SEQ_CST);

	while (!__atomic_compare_exchange_n(state, &former, next[former], false, __ATOMIC_SEQ_CST,
					    __ATOMIC_SEQ_CST))
		;
	return former;
}

#define STATE_OFF XIVE_ESB_Q
#define STATE_PENDING XIVE_ESB_P
#define STATE_QUEUED (XIVE_ESB_P | XIVE_ESB_Q)

static void trigger(struct pvmm_xive *pvmm, uint32_t irq)
{
	static const uint8_t next[4] = { STATE_PENDING, STATE_OFF, STATE_QUEUED, STATE_QUEUED };

	if (advance(pvmm, irq, next) == 0)
		notify(pvmm, irq);
}

/* Ends an interrupt: what came in meanwhile is passed on. */
static bool end_interrupt(struct pvmm_xive *pvmm, uint32_t irq)
{
	static const uint8_t next[4] = { 0, STATE_OFF, 0, STATE_PENDING };
	bool queued = advance(pvmm, irq, next) == STATE_QUEUED;

	if (queued)
		notify(pvmm, irq);
	return queued;
}

static uint64_t load_esb(struct papr_xive *xive, uint32_t irq, uint64_t offset)
{
	struct pvmm_xive *pvmm = from_xive(xive);

	switch (offset & 0xf00) {
	case XIVE_ESB_LOAD_EOI ... XIVE_ESB_LOAD_EOI + 0x300:
		return end_interrupt(pvmm, irq);
	case XIVE_ESB_GET ... XIVE_ESB_GET + 0x300:
		return __atomic_load_n(&pvmm->states[irq], __ATOMIC_SEQ_CST);
	case XIVE_ESB_SET_PQ_00:
	case XIVE_ESB_SET_PQ_01:
	case XIVE_ESB_SET_PQ_10:
	case XIVE_ESB_SET_PQ_11:
		return set_state(pvmm, irq, (offset & 0x300) >> 8);
	default:
		return UINT64_MAX;
	}
}

/* Nothing is to be done by stores: the guest is told of no source that has them. */
static void store_esb(struct papr_xive *xive, uint32_t irq, uint64_t offset, uint64_t value)
{
}

/* Whose page an access at @offset of all these pages is for; false: nobody's. Lines have none. */
static bool find_page(struct pvmm_xive *pvmm, uint64_t offset, unsigned size, uint32_t *irq,
		      bool *management)
{
	*irq = (uint32_t)(offset / XIVE_PAGE / 2);
	*management = offset / XIVE_PAGE % 2;
	return size == sizeof(be64) && pvmm->xive.sources[*irq].valid &&
	       !irq_is_line(&pvmm->xive.base.chip, *irq);
}

static void esb_read(struct bus_region *region, uint64_t offset, void *data, unsigned size)
{
	struct pvmm_xive *pvmm = container_of(region, struct pvmm_xive, esb);
	be64 value = UINT64_MAX;
	bool management;
	uint32_t irq;

	if (find_page(pvmm, offset, size, &irq, &management) && management)
		value = htobe64(load_esb(&pvmm->xive, irq, offset % XIVE_PAGE));
	memcpy(data, &value, size);
}

static void esb_write(struct bus_region *region, uint64_t offset, const void *data, unsigned size)
{
	struct pvmm_xive *pvmm = container_of(region, struct pvmm_xive, esb);
	bool management;
	uint32_t irq;

	if (find_page(pvmm, offset, size, &irq, &management) && !management)
		trigger(pvmm, irq);
}

static const struct bus_ops esb_ops = {
	.read = esb_read,
	.write = esb_write,
};

static void load_ring(struct xive_server *server, uint64_t offset, uint8_t *data, unsigned size)
{
	if (offset == TM_ACKNOWLEDGE && size == 2)
		acknowledge(server, data);
	else if (is_aligned(offset, size) && offset >= RING && offset < RING + RING_SIZE)
		memcpy(data, &server->ring[offset - RING], size);
	else
		memset(data, 0xff, size);
}

/* A vCPU may set its priority, and say that something is pending for it. */
static void store_ring(struct xive_server *server, uint64_t offset, const uint8_t *data,
		       unsigned size)
{
	if (size != 1)
		return;
	if (offset == RING + TM_CPPR) {
		server->ring[TM_CPPR] = data[0] > XIVE_PRIORITY_MAX + 1 ? XIVE_PRIORITY_NONE
									  : data[0];
		update_server(server);
	} else if (offset == TM_SET_PENDING && data[0] <= XIVE_PRIORITY_MAX) {
		set_pending(server, data[0]);
	}
}

/* The page is at the same address for all vCPUs, and has each one's own registers. */
static bool access_own(struct papr_irqchip *irqchip, struct vcpu *vcpu, uint64_t gpa, void *data,
		       unsigned size, bool is_store)
{
	struct pvmm_xive *pvmm = from_chip(&irqchip->chip);
	struct xive_server *server = &pvmm->servers[vcpu->index];

	if (!range_within(gpa, size, XIVE_TIMA_OS_GPA, XIVE_PAGE))
		return false;
	pthread_mutex_lock(&server->lock);
	if (is_store)
		store_ring(server, gpa - XIVE_TIMA_OS_GPA, data, size);
	else
		load_ring(server, gpa - XIVE_TIMA_OS_GPA, data, size);
	pthread_mutex_unlock(&server->lock);
	return true;
}

static int claim_source(struct papr_xive *xive, uint32_t irq)
{
	struct pvmm_xive *pvmm = from_xive(xive);

	__atomic_store_n(&pvmm->targets[irq], TARGET_MASKED, __ATOMIC_SEQ_CST);
	set_state(pvmm, irq, STATE_OFF);
	return 0;
}

static int set_source(struct papr_xive *xive, uint32_t irq, const struct xive_source *wanted)
{
	uint64_t target = wanted->priority | (uint64_t)wanted->server << TARGET_SERVER_SHIFT |
			  (uint64_t)wanted->eisn << TARGET_EISN_SHIFT;

	__atomic_store_n(&from_xive(xive)->targets[irq], target, __ATOMIC_SEQ_CST);
	return 0;
}

static int set_queue(struct papr_xive *xive, uint32_t server_index, uint32_t priority,
		     const struct xive_queue *wanted)
{
	struct xive_server *server = &from_xive(xive)->servers[server_index];

	pthread_mutex_lock(&server->lock);
	server->queues[priority] = (struct server_queue){ .where = *wanted,
							  .position.toggle = wanted->shift };
	pthread_mutex_unlock(&server->lock);
	return 0;
}

static int get_position(struct papr_xive *xive, uint32_t server_index, uint32_t priority,
			struct xive_queue_position *position)
{
	struct xive_server *server = &from_xive(xive)->servers[server_index];

	pthread_mutex_lock(&server->lock);
	*position = server->queues[priority].position;
	pthread_mutex_unlock(&server->lock);
	return 0;
}

static int reset(struct papr_xive *xive)
{
	struct pvmm_xive *pvmm = from_xive(xive);

	for (uint32_t i = 0; i < XIVE_NR_SOURCES; i++)
		claim_source(xive, i);
	for (unsigned i = 0; i < xive->nr_servers; i++) {
		struct xive_server *server = &pvmm->servers[i];

		pthread_mutex_lock(&server->lock);
		memset(server->queues, 0, sizeof(server->queues));
		server->ring[TM_IPB] = 0;
		update_server(server);
		pthread_mutex_unlock(&server->lock);
	}
	return 0;
}

/* An event is in the queue before trigger() returns. One that the loop has not read yet is, to
 * the guest, one that the device has still to send. */
static int sync_source(struct papr_xive *xive, uint32_t irq)
{
	return 0;
}

static const struct xive_backend_ops backend = {
	.claim = claim_source,
	.set_source = set_source,
	.set_queue = set_queue,
	.reset = reset,
	.get_position = get_position,
	.esb_load = load_esb,
	.esb_store = store_esb,
	.sync = sync_source,
};

static int pvmm_xive_attach(struct irqchip *chip, uint32_t irq, int fd)
{
	return irq_events_attach(&from_chip(chip)->events, irq, fd);
}

static void pvmm_xive_detach(struct irqchip *chip, uint32_t irq, int fd)
{
	irq_events_detach(&from_chip(chip)->events, irq);
}

static int pvmm_xive_pulse(struct irqchip *chip, uint32_t irq)
{
	trigger(from_chip(chip), irq);
	return 0;
}

static void event_raised(struct irq_events *events, uint32_t irq)
{
	trigger(container_of(events, struct pvmm_xive, events), irq);
}

static int pvmm_xive_add_vcpu(struct papr_irqchip *irqchip, struct vcpu *vcpu)
{
	struct xive_server *server = &from_chip(&irqchip->chip)->servers[vcpu->index];

	pthread_mutex_lock(&server->lock);
	vcpu_line_connect(&server->line, vcpu);
	pthread_mutex_unlock(&server->lock);
	return 0;
}

/* As with KVM's device, whose pages exist from the start. */
static int pvmm_xive_publish(struct papr_irqchip *irqchip)
{
	return papr_xive_claim_all(&from_chip(&irqchip->chip)->xive, IRQ_FIRST,
				   irqchip->chip.next);
}

static void free_xive(struct pvmm_xive *pvmm)
{
	papr_xive_exit(&pvmm->xive);
	irq_events_exit(&pvmm->events);
	for (unsigned i = 0; i < pvmm->xive.nr_servers; i++)
		pthread_mutex_destroy(&pvmm->servers[i].lock);
	free(pvmm->servers);
	free(pvmm);
}

static void pvmm_xive_exit(struct irqchip *chip)
{
	struct pvmm_xive *pvmm = from_chip(chip);

	bus_remove(&pvmm->xive.base.machine->bus, &pvmm->esb);
	free_xive(pvmm);
}

static const struct irqchip_ops pvmm_xive_ops = {
	.name = "xive-pvmm",
	.claim = papr_xive_claim,
	.attach = pvmm_xive_attach,
	.detach = pvmm_xive_detach,
	.pulse = pvmm_xive_pulse,
	.exit = pvmm_xive_exit,
};

static const struct papr_irqchip_ops papr_pvmm_xive_ops = {
	.add_vcpu = pvmm_xive_add_vcpu,
	.publish = pvmm_xive_publish,
	.access_own = access_own,
	.add_fdt = papr_xive_add_fdt,
	.vec5 = PAPR_XIVE_VEC5,
};

static void init_servers(struct pvmm_xive *pvmm)
{
	for (unsigned i = 0; i < pvmm->xive.nr_servers; i++) {
		struct xive_server *server = &pvmm->servers[i];

		pthread_mutex_init(&server->lock, NULL);
		server->ring[TM_LSMFB] = server->ring[TM_ACK_CNT] = server->ring[TM_AGE] = 0xff;
		server->ring[TM_PIPR] = XIVE_PRIORITY_NONE;
		server->ring[TM_WORD2] = WORD2_VALID;
		server->ring[TM_WORD2 + 3] = (uint8_t)i;
	}
}

static int alloc_xive(struct machine *machine, struct pvmm_xive **created)
{
	struct pvmm_xive *pvmm = calloc(1, sizeof(*pvmm));
	int error = -ENOMEM;

	if (!pvmm)
		return -ENOMEM;
	pvmm->servers = calloc(machine->vm->config->cpus, sizeof(*pvmm->servers));
	if (pvmm->servers)
		error = papr_xive_init(&pvmm->xive, machine, &pvmm_xive_ops, &papr_pvmm_xive_ops,
				       &backend);
	if (error) {
		free(pvmm->servers);
		free(pvmm);
		return error;
	}
	init_servers(pvmm);
	irq_events_init(&pvmm->events, &machine->vm->loop, event_raised);
	*created = pvmm;
	return 0;
}

int papr_pvmm_xive_create(struct machine *machine, struct papr_irqchip **irqchip)
{
	struct pvmm_xive *pvmm;
	int error;

	if (!vcpu_line_works(&machine->kvm))
		return -ENODEV;
	error = alloc_xive(machine, &pvmm);
	if (error)
		return error;
	pvmm->esb = (struct bus_region){ .name = "xive-esb", .gpa = XIVE_ESB_GPA,
					 .size = XIVE_ESB_SIZE, .ops = &esb_ops };
	error = papr_xive_claim_all(&pvmm->xive, 0, pvmm->xive.nr_servers);
	if (!error)
		error = bus_add(&machine->bus, &pvmm->esb);
	if (error) {
		free_xive(pvmm);
		return error;
	}
	*irqchip = &pvmm->xive.base;
	return 0;
}

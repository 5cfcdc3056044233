/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XICS (PAPR 14.5.4.3) of pvmm's own, for hosts whose KVM has none, or none that is worth having.
 * KVM then passes the hypercalls on, and has one thing for each vCPU: the level of its
 * external interrupt.
 *
 * A server (vCPU) has a list of the sources that are pending for it. What it would accept is
 * worked out when it asks, so that nothing that was presented ever has to be taken back: the
 * most favoured of the list and of its inter-processor request, if that is more favoured than
 * the server's own priority. Its external interrupt is on while there is such a thing.
 *
 * Priorities are favoured by small numbers, PRIORITY_NONE is none at all. Devices' eventfds
 * are read by the event loop. Lock order: lock, a server's lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/irq_events.h"
#include "vmm/papr/irqchip_xics.h"
#include "vmm/papr/vcpu_line.h"

#define PRIORITY_NONE 0xff
#define XISR_NONE 0
#define XISR_IPI 2
#define XISR_MASK 0xffffff
#define CPPR_SHIFT 24

struct xics_source {
	bool claimed;			/* lock */
	bool off;			/* lock; by ibm,int-off */
	bool held;			/* lock; pending while it is masked */
	uint8_t priority;		/* lock, and not while it is queued */
	uint32_t server;		/* likewise */
	bool queued;			/* the server's lock */
	struct xics_source *next;	/* likewise: in its list, oldest first */
};

struct xics_server {
	pthread_mutex_t lock;		/* all below */
	uint8_t cppr;			/* more favoured than this may interrupt */
	uint8_t mfrr;			/* of the inter-processor interrupt */
	struct xics_source *pending;
	struct vcpu_line line;
};

struct pvmm_xics {
	struct papr_irqchip base;
	struct irq_events events;
	unsigned nr_servers;
	struct xics_server *servers;
	pthread_mutex_t lock;		/* sources */
	struct xics_source sources[IRQ_COUNT];	/* by number - IRQ_FIRST */
};

static struct pvmm_xics *from_chip(struct irqchip *chip)
{
	return container_of(chip, struct pvmm_xics, base.chip);
}

/* The source that a guest names, or NULL. With xics.lock held. */
static struct xics_source *find_source(struct pvmm_xics *xics, uint64_t irq)
{
	if (irq < IRQ_FIRST || irq >= IRQ_FIRST + IRQ_COUNT ||
	    !xics->sources[irq - IRQ_FIRST].claimed)
		return NULL;
	return &xics->sources[irq - IRQ_FIRST];
}

static struct xics_server *find_server(struct pvmm_xics *xics, uint64_t server)
{
	return server < xics->nr_servers ? &xics->servers[server] : NULL;
}

/* The most favoured of a server's list, the oldest of these; NULL: it is empty. */
static struct xics_source *best_source(const struct xics_server *server)
{
	struct xics_source *best = server->pending;

	for (struct xics_source *source = best; source; source = source->next)
		if (source->priority < best->priority)
			best = source;
	return best;
}

static uint32_t number_of(const struct pvmm_xics *xics, const struct xics_source *source)
{
	return IRQ_FIRST + (uint32_t)(source - xics->sources);
}

/* What the server would accept now, or XISR_NONE. With its lock held, as all that follow. */
static uint32_t best_xisr(const struct pvmm_xics *xics, const struct xics_server *server,
			  uint8_t *priority)
{
	const struct xics_source *source = best_source(server);
	bool ipi = !source || server->mfrr <= source->priority;

	*priority = ipi ? server->mfrr : source->priority;
	if (*priority >= server->cppr)
		return XISR_NONE;
	return ipi ? XISR_IPI : number_of(xics, source);
}

static void update_line(struct pvmm_xics *xics, struct xics_server *server)
{
	uint8_t priority;

	vcpu_line_set(&server->line, best_xisr(xics, server, &priority) != XISR_NONE);
}

static void enqueue(struct xics_server *server, struct xics_source *source)
{
	struct xics_source **link = &server->pending;

	if (source->queued)
		return;
	while (*link)
		link = &(*link)->next;
	source->next = NULL;
	source->queued = true;
	*link = source;
}

static void dequeue(struct xics_server *server, struct xics_source *source)
{
	struct xics_source **link = &server->pending;

	while (*link != source)
		link = &(*link)->next;
	*link = source->next;
	source->queued = false;
}

static bool is_masked(const struct xics_source *source)
{
	return source->off || source->priority == PRIORITY_NONE;
}

/* An event at a source goes to its server, or waits. With xics.lock held, as withdraw(). */
static void offer(struct pvmm_xics *xics, struct xics_source *source)
{
	struct xics_server *server = &xics->servers[source->server];

	if (is_masked(source)) {
		source->held = true;
		return;
	}
	pthread_mutex_lock(&server->lock);
	enqueue(server, source);
	update_line(xics, server);
	pthread_mutex_unlock(&server->lock);
}

/* Takes an event back that no server has accepted. Was there one? */
static bool withdraw(struct pvmm_xics *xics, struct xics_source *source)
{
	struct xics_server *server = &xics->servers[source->server];
	bool pending = source->held;

	source->held = false;
	pthread_mutex_lock(&server->lock);
	if (source->queued) {
		pending = true;
		dequeue(server, source);
		update_line(xics, server);
	}
	pthread_mutex_unlock(&server->lock);
	return pending;
}

static int pvmm_xics_pulse(struct irqchip *chip, uint32_t irq)
{
	struct pvmm_xics *xics = from_chip(chip);
	struct xics_source *source;

	pthread_mutex_lock(&xics->lock);
	source = find_source(xics, irq);
	if (source)
		offer(xics, source);
	pthread_mutex_unlock(&xics->lock);
	return source ? 0 : -EINVAL;
}

static void event_raised(struct irq_events *events, uint32_t irq)
{
	pvmm_xics_pulse(&container_of(events, struct pvmm_xics, events)->base.chip, irq);
}

static int pvmm_xics_claim(struct irqchip *chip, uint32_t irq, enum irq_kind kind)
{
	struct pvmm_xics *xics = from_chip(chip);

	pthread_mutex_lock(&xics->lock);
	if (!find_source(xics, irq))
		xics->sources[irq - IRQ_FIRST] = (struct xics_source){
			.claimed = true, .priority = PRIORITY_NONE };
	pthread_mutex_unlock(&xics->lock);
	return 0;
}

static int pvmm_xics_attach(struct irqchip *chip, uint32_t irq, int fd)
{
	return irq_events_attach(&from_chip(chip)->events, irq, fd);
}

static void pvmm_xics_detach(struct irqchip *chip, uint32_t irq, int fd)
{
	irq_events_detach(&from_chip(chip)->events, irq);
}

/* The calling vCPU's server. */
static struct xics_server *server_of(struct pvmm_xics *xics, struct vcpu *vcpu)
{
	return &xics->servers[vcpu->index];
}

static void set_cppr(struct pvmm_xics *xics, struct xics_server *server, uint8_t cppr)
{
	pthread_mutex_lock(&server->lock);
	server->cppr = cppr;
	update_line(xics, server);
	pthread_mutex_unlock(&server->lock);
}

static int64_t h_cppr(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	set_cppr(owner, server_of(owner, vcpu), (uint8_t)args[0]);
	return H_SUCCESS;
}

/* Ends an interrupt; the origin of a line, still raised, then says so again. */
static int64_t h_eoi(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct pvmm_xics *xics = owner;
	uint32_t xisr = args[0] & XISR_MASK;
	bool known;

	set_cppr(xics, server_of(xics, vcpu), (uint8_t)(args[0] >> CPPR_SHIFT));
	if (xisr == XISR_IPI)
		return H_SUCCESS;
	pthread_mutex_lock(&xics->lock);
	known = find_source(xics, xisr) != NULL;
	pthread_mutex_unlock(&xics->lock);
	if (!known)
		return H_PARAMETER;
	irq_ended(&xics->base.chip, xisr);
	return H_SUCCESS;
}

static int64_t h_ipi(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct pvmm_xics *xics = owner;
	struct xics_server *server = find_server(xics, args[0]);

	if (!server)
		return H_PARAMETER;
	pthread_mutex_lock(&server->lock);
	server->mfrr = (uint8_t)args[1];
	update_line(xics, server);
	pthread_mutex_unlock(&server->lock);
	return H_SUCCESS;
}

static int64_t h_ipoll(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct pvmm_xics *xics = owner;
	struct xics_server *server = find_server(xics, args[0]);
	uint8_t priority;

	if (!server)
		return H_PARAMETER;
	pthread_mutex_lock(&server->lock);
	args[0] = (uint32_t)server->cppr << CPPR_SHIFT | best_xisr(xics, server, &priority);
	args[1] = server->mfrr;
	pthread_mutex_unlock(&server->lock);
	return H_SUCCESS;
}

/* Accepts what is most favoured; until its end only what is more favoured still interrupts. */
static int64_t h_xirr(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct pvmm_xics *xics = owner;
	struct xics_server *server = server_of(xics, vcpu);
	uint8_t priority;
	uint32_t xisr;

	pthread_mutex_lock(&server->lock);
	xisr = best_xisr(xics, server, &priority);
	args[0] = (uint32_t)server->cppr << CPPR_SHIFT | xisr;
	if (xisr != XISR_NONE)
		server->cppr = priority;
	if (xisr >= IRQ_FIRST)
		dequeue(server, &xics->sources[xisr - IRQ_FIRST]);
	update_line(xics, server);
	pthread_mutex_unlock(&server->lock);
	return H_SUCCESS;
}

/* The same, with the time base at which it was accepted. */
static int64_t h_xirr_x(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	args[1] = vcpu_time_base();
	return h_xirr(owner, vcpu, args);
}

static const struct hcall pvmm_xics_hcalls[] = {
	{ 0x64, h_eoi },
	{ 0x68, h_cppr },
	{ 0x6c, h_ipi },
	{ 0x70, h_ipoll },
	{ 0x74, h_xirr },
	{ 0x2fc, h_xirr_x },
};

/* Gives a source another configuration, and what is pending there to whom it now concerns. */
static void configure(struct pvmm_xics *xics, struct xics_source *source, uint32_t server,
		      uint8_t priority, bool off)
{
	bool pending = withdraw(xics, source);

	source->server = server;
	source->priority = priority;
	source->off = off;
	if (pending)
		offer(xics, source);
}

static int32_t rtas_ibm_set_xive(void *owner, struct rtas_request *request)
{
	struct pvmm_xics *xics = owner;
	struct xics_source *source;

	if (!find_server(xics, request->args[1]) || request->args[2] > PRIORITY_NONE)
		return RTAS_PARAMETER_ERROR;
	pthread_mutex_lock(&xics->lock);
	source = find_source(xics, request->args[0]);
	if (source)
		configure(xics, source, request->args[1], (uint8_t)request->args[2], false);
	pthread_mutex_unlock(&xics->lock);
	return source ? RTAS_SUCCESS : RTAS_PARAMETER_ERROR;
}

static int32_t rtas_ibm_get_xive(void *owner, struct rtas_request *request)
{
	struct pvmm_xics *xics = owner;
	struct xics_source *source;

	pthread_mutex_lock(&xics->lock);
	source = find_source(xics, request->args[0]);
	if (source) {
		request->rets[1] = source->server;
		request->rets[2] = is_masked(source) ? PRIORITY_NONE : source->priority;
	}
	pthread_mutex_unlock(&xics->lock);
	return source ? RTAS_SUCCESS : RTAS_PARAMETER_ERROR;
}

static int32_t turn(struct pvmm_xics *xics, uint32_t irq, bool off)
{
	struct xics_source *source;

	pthread_mutex_lock(&xics->lock);
	source = find_source(xics, irq);
	if (source)
		configure(xics, source, source->server, source->priority, off);
	pthread_mutex_unlock(&xics->lock);
	return source ? RTAS_SUCCESS : RTAS_PARAMETER_ERROR;
}

static int32_t rtas_ibm_int_off(void *owner, struct rtas_request *request)
{
	return turn(owner, request->args[0], true);
}

static int32_t rtas_ibm_int_on(void *owner, struct rtas_request *request)
{
	return turn(owner, request->args[0], false);
}

static const struct rtas_call pvmm_xics_calls[] = {
	{ "ibm,set-xive", 3, 1, rtas_ibm_set_xive },
	{ "ibm,get-xive", 1, 3, rtas_ibm_get_xive },
	{ "ibm,int-off", 1, 1, rtas_ibm_int_off },
	{ "ibm,int-on", 1, 1, rtas_ibm_int_on },
};

static int pvmm_xics_add_vcpu(struct papr_irqchip *irqchip, struct vcpu *vcpu)
{
	struct pvmm_xics *xics = container_of(irqchip, struct pvmm_xics, base);
	struct xics_server *server = server_of(xics, vcpu);

	pthread_mutex_lock(&server->lock);
	vcpu_line_connect(&server->line, vcpu);
	pthread_mutex_unlock(&server->lock);
	return 0;
}

static void pvmm_xics_exit(struct irqchip *chip)
{
	struct pvmm_xics *xics = from_chip(chip);

	irq_events_exit(&xics->events);
	for (unsigned i = 0; i < xics->nr_servers; i++)
		pthread_mutex_destroy(&xics->servers[i].lock);
	pthread_mutex_destroy(&xics->lock);
	free(xics->servers);
	free(xics);
}

static const struct irqchip_ops pvmm_xics_ops = {
	.name = "xics-pvmm",
	.claim = pvmm_xics_claim,
	.attach = pvmm_xics_attach,
	.detach = pvmm_xics_detach,
	.pulse = pvmm_xics_pulse,
	.exit = pvmm_xics_exit,
};

static const struct papr_irqchip_ops papr_pvmm_xics_ops = {
	.add_vcpu = pvmm_xics_add_vcpu,
	.add_fdt = papr_xics_add_fdt,
	.vec5 = PAPR_XICS_VEC5,
};

static struct pvmm_xics *alloc_xics(struct machine *machine)
{
	struct pvmm_xics *xics = calloc(1, sizeof(*xics));
	unsigned nr_servers = machine->vm->config->cpus;

	if (!xics)
		return NULL;
	xics->servers = calloc(nr_servers, sizeof(*xics->servers));
	if (!xics->servers) {
		free(xics);
		return NULL;
	}
	xics->base = (struct papr_irqchip){ .chip.ops = &pvmm_xics_ops, .ops = &papr_pvmm_xics_ops,
					    .machine = machine };
	xics->nr_servers = nr_servers;
	for (unsigned i = 0; i < nr_servers; i++) {
		xics->servers[i].mfrr = PRIORITY_NONE;
		pthread_mutex_init(&xics->servers[i].lock, NULL);
	}
	pthread_mutex_init(&xics->lock, NULL);
	irq_events_init(&xics->events, &machine->vm->loop, event_raised);
	return xics;
}

int papr_pvmm_xics_create(struct machine *machine, struct papr_irqchip **irqchip)
{
	struct pvmm_xics *xics;
	int error;

	if (!vcpu_line_works(&machine->kvm))
		return -ENODEV;
	xics = alloc_xics(machine);
	if (!xics)
		return -ENOMEM;
	error = hcall_register(&machine->hcalls, pvmm_xics_hcalls, ARRAY_SIZE(pvmm_xics_hcalls),
			       xics);
	if (!error)
		error = rtas_register(&machine->rtas, pvmm_xics_calls, ARRAY_SIZE(pvmm_xics_calls),
				      xics);
	if (error) {
		pvmm_xics_exit(&xics->base.chip);
		return error;
	}
	*irqchip = &xics->base;
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* XIVE's hypercalls: what they check, and what is the same whoever stands behind them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/papr/irqchip_xive.h"

/* Flags of the hypercalls; PAPR counts bits from the left. */
#define SOURCE_H_INT_ESB (1ULL << 3)
#define SOURCE_LSI (1ULL << 2)
#define SOURCE_SET_EISN (1ULL << 1)
#define SOURCE_MASK (1ULL << 0)
#define QUEUE_ALWAYS_NOTIFY (1ULL << 0)
#define QUEUE_DEBUG (1ULL << 0)
#define ESB_STORE (1ULL << 0)

/* The source a guest names, or NULL. */
static struct xive_source *find_source(struct papr_xive *xive, uint64_t lisn)
{
	if (lisn >= ARRAY_SIZE(xive->sources) || !xive->sources[lisn].valid)
		return NULL;
	return &xive->sources[lisn];
}

static struct xive_queue *find_queue(struct papr_xive *xive, uint64_t server, uint64_t priority)
{
	return &xive->queues[server * (XIVE_PRIORITY_MAX + 1) + priority];
}

/* With the lock held. */
static int claim_source(struct papr_xive *xive, uint32_t irq)
{
	int error;

	if (xive->sources[irq].valid)
		return 0;
	error = xive->backend->claim(xive, irq);
	if (!error)
		xive->sources[irq] = (struct xive_source){ .valid = true,
							   .priority = XIVE_PRIORITY_NONE };
	return error;
}

int papr_xive_claim_all(struct papr_xive *xive, uint32_t first, uint32_t count)
{
	int error = 0;

	pthread_mutex_lock(&xive->lock);
	for (uint32_t i = 0; i < count && !error; i++)
		error = claim_source(xive, first + i);
	pthread_mutex_unlock(&xive->lock);
	return error;
}

int papr_xive_claim(struct irqchip *chip, uint32_t irq, enum irq_kind kind)
{
	return papr_xive_claim_all(papr_xive_from_chip(chip), irq, 1);
}

/* Forgets what the guest configured. */
static int reset_xive(struct papr_xive *xive)
{
	int error;

	pthread_mutex_lock(&xive->lock);
	error = xive->backend->reset(xive);
	for (size_t i = 0; i < ARRAY_SIZE(xive->sources); i++)
		xive->sources[i].priority = XIVE_PRIORITY_NONE;
	memset(xive->queues, 0, xive->nr_servers * (XIVE_PRIORITY_MAX + 1) * sizeof(*xive->queues));
	pthread_mutex_unlock(&xive->lock);
	return error;
}

static int64_t h_int_get_source_info(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct papr_xive *xive = owner;
	uint64_t lisn = args[1];

	if (args[0])
		return H_PARAMETER;
	if (!find_source(xive, lisn))
		return H_P2;
	if (irq_is_line(&xive->base.chip, (uint32_t)lisn)) {
		args[0] = SOURCE_H_INT_ESB | SOURCE_LSI;
		args[1] = args[2] = UINT64_MAX;
	} else {
		args[0] = 0;
		args[1] = XIVE_ESB_GPA + (lisn * 2 + 1) * XIVE_PAGE;
		args[2] = XIVE_ESB_GPA + lisn * 2 * XIVE_PAGE;
	}
	args[3] = XIVE_PAGE_SHIFT;
	return H_SUCCESS;
}

/* Has a source of that configuration nowhere to go? KVM would warn in the host's log, which
 * ends a host that panics on warnings. With the lock held, so that the queue stays. */
static bool lacks_queue(struct papr_xive *xive, const struct xive_source *source)
{
	return source->priority != XIVE_PRIORITY_NONE &&
	       !find_queue(xive, source->server, source->priority)->shift;
}

static int64_t configure_source(struct papr_xive *xive, uint64_t lisn,
				const struct xive_source *wanted)
{
	int64_t status = H_P4;

	pthread_mutex_lock(&xive->lock);
	if (!lacks_queue(xive, wanted))
		status = xive->backend->set_source(xive, (uint32_t)lisn, wanted) ? H_HARDWARE
										 : H_SUCCESS;
	if (status == H_SUCCESS)
		xive->sources[lisn] = *wanted;
	pthread_mutex_unlock(&xive->lock);
	return status;
}

static int64_t h_int_set_source_config(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct papr_xive *xive = owner;
	uint64_t flags = args[0], lisn = args[1], server = args[2], priority = args[3];
	struct xive_source *source = find_source(xive, lisn), wanted;

	if (flags & ~(SOURCE_SET_EISN | SOURCE_MASK))
		return H_PARAMETER;
	if (!source)
		return H_P2;
	wanted = *source;
	if (priority == XIVE_PRIORITY_NONE) {
		wanted.priority = XIVE_PRIORITY_NONE;
		return configure_source(xive, lisn, &wanted);
	}
	if (priority > XIVE_PRIORITY_MAX)
		return H_P4;
	if (server >= xive->nr_servers)
		return H_P3;
	wanted.priority = flags & SOURCE_MASK ? XIVE_PRIORITY_NONE : (uint8_t)priority;
	wanted.server = (uint32_t)server;
	if (flags & SOURCE_SET_EISN)
		wanted.eisn = (uint32_t)args[4] & 0x7fffffff;
	return configure_source(xive, lisn, &wanted);
}

static int64_t h_int_get_source_config(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct papr_xive *xive = owner;
	struct xive_source *source = find_source(xive, args[1]);

	if (args[0])
		return H_PARAMETER;
	if (!source)
		return H_P2;
	args[0] = source->server;
	args[1] = source->priority;
	args[2] = source->eisn;
	return H_SUCCESS;
}

static int64_t h_int_get_queue_info(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct papr_xive *xive = owner;
	uint64_t server = args[1], priority = args[2];

	if (args[0])
		return H_PARAMETER;
	if (server >= xive->nr_servers)
		return H_P2;
	if (priority > XIVE_PRIORITY_MAX)
		return H_P3;
	/* Queues have no ESB of their own: they always notify. */
	args[0] = UINT64_MAX;
	args[1] = find_queue(xive, server, priority)->shift;
	return H_SUCCESS;
}

static int64_t configure_queue(struct papr_xive *xive, uint64_t server, uint64_t priority,
			       const struct xive_queue *wanted)
{
	int error;

	pthread_mutex_lock(&xive->lock);
	error = xive->backend->set_queue(xive, (uint32_t)server, (uint32_t)priority, wanted);
	if (!error)
		*find_queue(xive, server, priority) = *wanted;
	pthread_mutex_unlock(&xive->lock);
	return error ? H_HARDWARE : H_SUCCESS;
}

static int64_t h_int_set_queue_config(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct papr_xive *xive = owner;
	uint64_t server = args[1], priority = args[2];
	struct xive_queue wanted = { .gpa = args[3], .shift = (uint32_t)args[4] };

	if (args[0] & ~QUEUE_ALWAYS_NOTIFY)
		return H_PARAMETER;
	if (server >= xive->nr_servers)
		return H_P2;
	if (priority > XIVE_PRIORITY_MAX)
		return H_P3;
	if (args[4] == 0)
		return configure_queue(xive, server, priority, &(struct xive_queue){ 0 });
	if (args[4] != XIVE_QUEUE_SHIFT)
		return H_P5;
	if (!is_aligned(wanted.gpa, 1ULL << XIVE_QUEUE_SHIFT) ||
	    !guest_memory_hva(&xive->base.machine->memory, wanted.gpa, 1ULL << XIVE_QUEUE_SHIFT))
		return H_P4;
	return configure_queue(xive, server, priority, &wanted);
}

static int64_t h_int_get_queue_config(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct papr_xive *xive = owner;
	uint64_t server = args[1], priority = args[2], debug = args[0] & QUEUE_DEBUG;
	struct xive_queue_position position = { 0 };
	struct xive_queue queue;
	int error;

	if (args[0] & ~QUEUE_DEBUG)
		return H_PARAMETER;
	if (server >= xive->nr_servers)
		return H_P2;
	if (priority > XIVE_PRIORITY_MAX)
		return H_P3;
	pthread_mutex_lock(&xive->lock);
	queue = *find_queue(xive, server, priority);
	error = xive->backend->get_position(xive, (uint32_t)server, (uint32_t)priority, &position);
	pthread_mutex_unlock(&xive->lock);
	if (error)
		return H_HARDWARE;
	args[0] = QUEUE_ALWAYS_NOTIFY | (debug ? (uint64_t)position.toggle << 62 : 0);
	args[1] = queue.gpa;
	args[2] = queue.shift;
	args[3] = debug ? position.index : 0;
	return H_SUCCESS;
}

static uint64_t load_esb(struct papr_xive *xive, uint32_t irq, uint64_t offset)
{
	uint64_t value = xive->backend->esb_load(xive, irq, offset);

	/* An event while the source was off is lost; the origin, unmasked, says it again. */
	if (offset == XIVE_ESB_LOAD_EOI || offset == XIVE_ESB_SET_PQ_00 ||
	    offset == XIVE_ESB_SET_PQ_10)
		irq_ended(&xive->base.chip, irq);
	return value;
}

static int64_t h_int_esb(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct papr_xive *xive = owner;
	uint64_t flags = args[0], lisn = args[1], offset = args[2];

	if (flags & ~ESB_STORE)
		return H_PARAMETER;
	if (!find_source(xive, lisn))
		return H_P2;
	if (offset >= XIVE_PAGE || !is_aligned(offset, sizeof(be64)))
		return H_P3;
	if (flags & ESB_STORE) {
		xive->backend->esb_store(xive, (uint32_t)lisn, offset, args[3]);
		args[0] = UINT64_MAX;
	} else {
		args[0] = load_esb(xive, (uint32_t)lisn, offset);
	}
	return H_SUCCESS;
}

static int64_t h_int_sync(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct papr_xive *xive = owner;

	if (args[0])
		return H_PARAMETER;
	if (!find_source(xive, args[1]))
		return H_P2;
	return xive->backend->sync(xive, (uint32_t)args[1]) ? H_HARDWARE : H_SUCCESS;
}

static int64_t h_int_reset(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct papr_xive *xive = owner;

	if (args[0])
		return H_PARAMETER;
	return reset_xive(xive) ? H_HARDWARE : H_SUCCESS;
}

static const struct hcall xive_hcalls[] = {
	{ 0x3a8, h_int_get_source_info },
	{ 0x3ac, h_int_set_source_config },
	{ 0x3b0, h_int_get_source_config },
	{ 0x3b4, h_int_get_queue_info },
	{ 0x3b8, h_int_set_queue_config },
	{ 0x3bc, h_int_get_queue_config },
	{ 0x3c8, h_int_esb },
	{ 0x3cc, h_int_sync },
	{ 0x3d0, h_int_reset },
};

void papr_xive_add_fdt(struct papr_irqchip *irqchip, struct fdt_writer *fdt)
{
	struct papr_xive *xive = container_of(irqchip, struct papr_xive, base);
	uint64_t user = XIVE_TIMA_OS_GPA + XIVE_PAGE;
	uint64_t os = XIVE_TIMA_OS_GPA;

	fdt_begin(fdt, "interrupt-controller@%llx", (unsigned long long)user);
	fdt_text(fdt, "device_type", "power-ivpe");
	fdt_text(fdt, "compatible", "ibm,power-ivpe");
	FDT_CELLS(fdt, "reg", FDT_HI(user), FDT_LO(user), 0, XIVE_PAGE,
		  FDT_HI(os), FDT_LO(os), 0, XIVE_PAGE);
	fdt_u32(fdt, "ibm,xive-eq-sizes", XIVE_QUEUE_SHIFT);
	FDT_CELLS(fdt, "ibm,xive-lisn-ranges", 0, xive->nr_servers);
	fdt_flag(fdt, "interrupt-controller");
	fdt_u32(fdt, "#interrupt-cells", 2);
	fdt_u32(fdt, "#address-cells", 0);
	fdt_u32(fdt, "phandle", PAPR_IRQCHIP_PHANDLE);
	fdt_end(fdt);
}

int papr_xive_init(struct papr_xive *xive, struct machine *machine, const struct irqchip_ops *chip,
		   const struct papr_irqchip_ops *ops, const struct xive_backend_ops *backend)
{
	int error;

	xive->base = (struct papr_irqchip){ .chip.ops = chip, .ops = ops, .machine = machine };
	xive->backend = backend;
	xive->nr_servers = machine->vm->config->cpus;
	xive->queues = calloc(xive->nr_servers * (XIVE_PRIORITY_MAX + 1), sizeof(*xive->queues));
	if (!xive->queues)
		return -ENOMEM;
	pthread_mutex_init(&xive->lock, NULL);
	error = hcall_register(&machine->hcalls, xive_hcalls, ARRAY_SIZE(xive_hcalls), xive);
	if (error)
		papr_xive_exit(xive);
	return error;
}

void papr_xive_exit(struct papr_xive *xive)
{
	pthread_mutex_destroy(&xive->lock);
	free(xive->queues);
}

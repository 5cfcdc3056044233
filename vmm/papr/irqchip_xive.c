/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XIVE exploitation mode (PAPR 14.5.4.5) over KVM's native XIVE device: event state buffers
 * (ESB) and the thread management area are the host's pages mapped into the guest; hypercalls
 * configure sources and event queues.
 *
 * A line is an ordinary source of KVM. What makes it a line is that the guest must end it by
 * H_INT_ESB, at which its owner unmasks the origin; a line still raised then triggers again.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/papr/machine.h"

#define ESB_SHIFT 16
#define ESB_PAGE (1ULL << ESB_SHIFT)
#define ESB_GPA 0x300000000000ULL	/* two pages a source: trigger, management */
#define ESB_SIZE ((IRQ_FIRST + IRQ_COUNT) * 2 * ESB_PAGE)
#define TIMA_GPA 0x310000000000ULL	/* four pages: only the OS one (2) is a guest's */
#define TIMA_OS_PAGE 2
#define TIMA_PAGES 4

/* Offsets in a management page, each an operation by load. */
#define ESB_LOAD_EOI 0x000
#define ESB_SET_PQ_00 0xc00
#define ESB_SET_PQ_10 0xe00
#define ESB_VALUE_Q 1

#define QUEUE_SHIFT 16		/* the one size KVM has */
#define PRIORITY_MAX 6		/* 7 is KVM's own */
#define PRIORITY_NONE 0xff

/* Flags of the hypercalls; PAPR counts bits from the left. */
#define SOURCE_H_INT_ESB (1ULL << 3)
#define SOURCE_LSI (1ULL << 2)
#define SOURCE_SET_EISN (1ULL << 1)
#define SOURCE_MASK (1ULL << 0)
#define QUEUE_ALWAYS_NOTIFY (1ULL << 0)
#define QUEUE_DEBUG (1ULL << 0)
#define ESB_STORE (1ULL << 0)

struct xive_source {
	bool valid;
	uint8_t priority;	/* PRIORITY_NONE: masked */
	uint32_t server, eisn;
};

struct xive_queue {
	uint64_t gpa;
	uint32_t shift;
};

struct papr_xive {
	struct papr_irqchip base;
	int fd;
	unsigned nr_servers;
	uint8_t *esb, *tima;	/* KVM's pages in this process */
	uint32_t nr_published;	/* sources from IRQ_FIRST on whose pages the guest has */
	pthread_mutex_t lock;	/* sources, queues */
	struct xive_source sources[IRQ_FIRST + IRQ_COUNT];
	struct xive_queue *queues;	/* [server][priority] */
};

static struct papr_xive *from_chip(struct irqchip *chip)
{
	return container_of(chip, struct papr_xive, base.chip);
}

/* The source a guest names, or NULL. */
static struct xive_source *find_source(struct papr_xive *xive, uint64_t lisn)
{
	if (lisn >= ARRAY_SIZE(xive->sources) || !xive->sources[lisn].valid)
		return NULL;
	return &xive->sources[lisn];
}

static struct xive_queue *find_queue(struct papr_xive *xive, uint64_t server, uint64_t priority)
{
	return &xive->queues[server * (PRIORITY_MAX + 1) + priority];
}

static int claim_source(struct papr_xive *xive, uint32_t irq)
{
	uint64_t state = 0;
	int error;

	if (xive->sources[irq].valid)
		return 0;
	error = kvm_device_set(xive->fd, KVM_DEV_XIVE_GRP_SOURCE, irq, &state);
	if (!error)
		xive->sources[irq] = (struct xive_source){ .valid = true,
							   .priority = PRIORITY_NONE };
	return error;
}

static int xive_claim(struct irqchip *chip, uint32_t irq, enum irq_kind kind)
{
	struct papr_xive *xive = from_chip(chip);
	int error;

	pthread_mutex_lock(&xive->lock);
	error = claim_source(xive, irq);
	pthread_mutex_unlock(&xive->lock);
	return error;
}

static int xive_attach(struct irqchip *chip, uint32_t irq, int fd)
{
	return kvm_vm_irqfd(&from_chip(chip)->base.machine->kvm, irq, fd, true);
}

static void xive_detach(struct irqchip *chip, uint32_t irq, int fd)
{
	kvm_vm_irqfd(&from_chip(chip)->base.machine->kvm, irq, fd, false);
}

static int xive_pulse(struct irqchip *chip, uint32_t irq)
{
	return kvm_vm_irq_line(&from_chip(chip)->base.machine->kvm, irq, 1);
}

/* Forgets what the guest configured; KVM masks all sources. */
static int reset_xive(struct papr_xive *xive)
{
	int error;

	pthread_mutex_lock(&xive->lock);
	error = kvm_device_set(xive->fd, KVM_DEV_XIVE_GRP_CTRL, KVM_DEV_XIVE_RESET, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(xive->sources); i++)
		xive->sources[i].priority = PRIORITY_NONE;
	memset(xive->queues, 0, xive->nr_servers * (PRIORITY_MAX + 1) * sizeof(*xive->queues));
	pthread_mutex_unlock(&xive->lock);
	return error;
}

static volatile be64 *esb_register(struct papr_xive *xive, uint64_t irq, bool management,
				   uint64_t offset)
{
	return (volatile be64 *)(xive->esb + (irq * 2 + management) * ESB_PAGE + offset);
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
		args[1] = ESB_GPA + (lisn * 2 + 1) * ESB_PAGE;
		args[2] = ESB_GPA + lisn * 2 * ESB_PAGE;
	}
	args[3] = ESB_SHIFT;
	return H_SUCCESS;
}

static uint64_t kvm_source_config(const struct xive_source *source)
{
	bool masked = source->priority == PRIORITY_NONE;

	return (masked ? 0 : source->priority) |
	       (uint64_t)source->server << KVM_XIVE_SOURCE_SERVER_SHIFT |
	       (uint64_t)masked << KVM_XIVE_SOURCE_MASKED_SHIFT |
	       (uint64_t)source->eisn << KVM_XIVE_SOURCE_EISN_SHIFT;
}

/* Has a source of that configuration nowhere to go? KVM then warns in the host's log, which
 * ends a host that panics on warnings. With the lock held, so that the queue stays. */
static bool lacks_queue(struct papr_xive *xive, const struct xive_source *source)
{
	return source->priority != PRIORITY_NONE &&
	       !find_queue(xive, source->server, source->priority)->shift;
}

static int64_t configure_source(struct papr_xive *xive, uint64_t lisn,
				const struct xive_source *wanted)
{
	uint64_t config = kvm_source_config(wanted);
	int64_t status = H_P4;

	pthread_mutex_lock(&xive->lock);
	if (!lacks_queue(xive, wanted))
		status = kvm_device_set(xive->fd, KVM_DEV_XIVE_GRP_SOURCE_CONFIG, lisn,
					&config) ? H_HARDWARE : H_SUCCESS;
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
	if (priority == PRIORITY_NONE) {
		wanted.priority = PRIORITY_NONE;
		return configure_source(xive, lisn, &wanted);
	}
	if (priority > PRIORITY_MAX)
		return H_P4;
	if (server >= xive->nr_servers)
		return H_P3;
	wanted.priority = flags & SOURCE_MASK ? PRIORITY_NONE : (uint8_t)priority;
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
	if (priority > PRIORITY_MAX)
		return H_P3;
	/* Queues have no ESB of their own: KVM always notifies. */
	args[0] = UINT64_MAX;
	args[1] = find_queue(xive, server, priority)->shift;
	return H_SUCCESS;
}

static int64_t configure_queue(struct papr_xive *xive, uint64_t server, uint64_t priority,
			       const struct xive_queue *wanted)
{
	uint64_t id = priority | server << KVM_XIVE_EQ_SERVER_SHIFT;
	struct kvm_ppc_xive_eq queue = {
		.flags = KVM_XIVE_EQ_ALWAYS_NOTIFY,
		.qshift = wanted->shift,
		.qaddr = wanted->gpa,
		.qtoggle = 1,
	};
	int error;

	pthread_mutex_lock(&xive->lock);
	error = kvm_device_set(xive->fd, KVM_DEV_XIVE_GRP_EQ_CONFIG, id, &queue);
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
	if (priority > PRIORITY_MAX)
		return H_P3;
	if (args[4] == 0)
		return configure_queue(xive, server, priority, &(struct xive_queue){ 0 });
	if (args[4] != QUEUE_SHIFT)
		return H_P5;
	if (!is_aligned(wanted.gpa, 1ULL << QUEUE_SHIFT) ||
	    !guest_memory_hva(&xive->base.machine->memory, wanted.gpa, 1ULL << QUEUE_SHIFT))
		return H_P4;
	return configure_queue(xive, server, priority, &wanted);
}

static int64_t h_int_get_queue_config(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct papr_xive *xive = owner;
	uint64_t server = args[1], priority = args[2], debug = args[0] & QUEUE_DEBUG;
	uint64_t id = priority | server << KVM_XIVE_EQ_SERVER_SHIFT;
	struct kvm_ppc_xive_eq queue = { 0 };

	if (args[0] & ~QUEUE_DEBUG)
		return H_PARAMETER;
	if (server >= xive->nr_servers)
		return H_P2;
	if (priority > PRIORITY_MAX)
		return H_P3;
	if (kvm_device_get(xive->fd, KVM_DEV_XIVE_GRP_EQ_CONFIG, id, &queue))
		return H_HARDWARE;
	args[0] = QUEUE_ALWAYS_NOTIFY | (debug ? (uint64_t)queue.qtoggle << 62 : 0);
	args[1] = queue.qaddr;
	args[2] = queue.qshift;
	args[3] = debug ? queue.qindex : 0;
	return H_SUCCESS;
}

/* Ends a line's interrupt: what came in meanwhile triggers again. */
static void end_line(struct papr_xive *xive, uint32_t irq)
{
	if (be64toh(*esb_register(xive, irq, true, ESB_SET_PQ_00)) & ESB_VALUE_Q)
		*esb_register(xive, irq, false, 0) = 0;
}

static uint64_t load_esb(struct papr_xive *xive, uint32_t irq, uint64_t offset)
{
	bool line = irq_is_line(&xive->base.chip, irq);
	uint64_t value = 0;

	if (line && offset == ESB_LOAD_EOI)
		end_line(xive, irq);
	else
		value = be64toh(*esb_register(xive, irq, true, offset));
	/* An event while the source was off is lost; the origin, unmasked, says it again. */
	if (line && (offset == ESB_LOAD_EOI || offset == ESB_SET_PQ_00 || offset == ESB_SET_PQ_10))
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
	if (offset >= ESB_PAGE || !is_aligned(offset, sizeof(be64)))
		return H_P3;
	if (flags & ESB_STORE) {
		*esb_register(xive, lisn, true, offset) = htobe64(args[3]);
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
	return kvm_device_set(xive->fd, KVM_DEV_XIVE_GRP_SOURCE_SYNC, args[1], NULL) ? H_HARDWARE
										     : H_SUCCESS;
}

static int64_t h_int_reset(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct papr_xive *xive = owner;

	if (args[0])
		return H_PARAMETER;
	return reset_xive(xive) ? H_HARDWARE : H_SUCCESS;
}

static const struct hcall xive_hcalls[] = {
	{ 0x3a8, "h_int_get_source_info", h_int_get_source_info },
	{ 0x3ac, "h_int_set_source_config", h_int_set_source_config },
	{ 0x3b0, "h_int_get_source_config", h_int_get_source_config },
	{ 0x3b4, "h_int_get_queue_info", h_int_get_queue_info },
	{ 0x3b8, "h_int_set_queue_config", h_int_set_queue_config },
	{ 0x3bc, "h_int_get_queue_config", h_int_get_queue_config },
	{ 0x3c8, "h_int_esb", h_int_esb },
	{ 0x3cc, "h_int_sync", h_int_sync },
	{ 0x3d0, "h_int_reset", h_int_reset },
};

static int xive_add_vcpu(struct papr_irqchip *irqchip, struct vcpu *vcpu)
{
	struct papr_xive *xive = container_of(irqchip, struct papr_xive, base);

	return kvm_vcpu_enable(&vcpu->kvm, KVM_CAP_PPC_IRQ_XIVE, (uint64_t)xive->fd, vcpu->index);
}

static void xive_add_fdt(struct papr_irqchip *irqchip, struct fdt_writer *fdt)
{
	struct papr_xive *xive = container_of(irqchip, struct papr_xive, base);
	uint64_t user = TIMA_GPA + (TIMA_OS_PAGE + 1) * ESB_PAGE;
	uint64_t os = TIMA_GPA + TIMA_OS_PAGE * ESB_PAGE;

	fdt_begin(fdt, "interrupt-controller@%llx", (unsigned long long)user);
	fdt_text(fdt, "device_type", "power-ivpe");
	fdt_text(fdt, "compatible", "ibm,power-ivpe");
	FDT_CELLS(fdt, "reg", FDT_HI(user), FDT_LO(user), 0, ESB_PAGE,
		  FDT_HI(os), FDT_LO(os), 0, ESB_PAGE);
	fdt_u32(fdt, "ibm,xive-eq-sizes", QUEUE_SHIFT);
	FDT_CELLS(fdt, "ibm,xive-lisn-ranges", 0, xive->nr_servers);
	fdt_flag(fdt, "interrupt-controller");
	fdt_u32(fdt, "#interrupt-cells", 2);
	fdt_u32(fdt, "#address-cells", 0);
	fdt_u32(fdt, "phandle", PAPR_IRQCHIP_PHANDLE);
	fdt_end(fdt);
}

/*
 * Gives the guest the pages of @count sources from @first on. They exist all: KVM has no page
 * for one that does not, and a guest that touched it would stop.
 */
static int map_sources(struct papr_xive *xive, uint32_t first, uint32_t count)
{
	int error = 0;

	for (uint32_t i = 0; i < count && !error; i++)
		error = claim_source(xive, first + i);
	if (error || !count)
		return error;
	return bus_map(&xive->base.machine->bus, ESB_GPA + first * 2 * ESB_PAGE,
		       count * 2 * ESB_PAGE, xive->esb + first * 2 * ESB_PAGE);
}

static void unmap_sources(struct papr_xive *xive, uint32_t first, uint32_t count)
{
	if (count)
		bus_unmap(&xive->base.machine->bus, ESB_GPA + first * 2 * ESB_PAGE,
			  count * 2 * ESB_PAGE);
}

static int xive_publish(struct papr_irqchip *irqchip)
{
	struct papr_xive *xive = container_of(irqchip, struct papr_xive, base);
	int error = map_sources(xive, IRQ_FIRST, irqchip->chip.next);

	if (!error)
		xive->nr_published = irqchip->chip.next;
	return error;
}

static int map_pages(struct papr_xive *xive)
{
	struct bus *bus = &xive->base.machine->bus;
	int error;

	xive->tima = mmap(NULL, TIMA_PAGES * ESB_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
			  xive->fd, KVM_XIVE_TIMA_PAGE_OFFSET * (off_t)ESB_PAGE);
	if (xive->tima == MAP_FAILED)
		return -errno;
	xive->esb = mmap(NULL, ESB_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, xive->fd,
			 KVM_XIVE_ESB_PAGE_OFFSET * (off_t)ESB_PAGE);
	if (xive->esb == MAP_FAILED) {
		error = -errno;
		goto unmap_tima;
	}
	error = bus_map(bus, TIMA_GPA + TIMA_OS_PAGE * ESB_PAGE, ESB_PAGE,
			xive->tima + TIMA_OS_PAGE * ESB_PAGE);
	if (error)
		goto unmap_esb;
	error = map_sources(xive, 0, xive->nr_servers);
	if (!error)
		return 0;
	bus_unmap(bus, TIMA_GPA + TIMA_OS_PAGE * ESB_PAGE, ESB_PAGE);
unmap_esb:
	munmap(xive->esb, ESB_SIZE);
unmap_tima:
	munmap(xive->tima, TIMA_PAGES * ESB_PAGE);
	return error;
}

static void xive_exit(struct irqchip *chip)
{
	struct papr_xive *xive = from_chip(chip);
	struct bus *bus = &xive->base.machine->bus;

	unmap_sources(xive, IRQ_FIRST, xive->nr_published);
	unmap_sources(xive, 0, xive->nr_servers);
	bus_unmap(bus, TIMA_GPA + TIMA_OS_PAGE * ESB_PAGE, ESB_PAGE);
	munmap(xive->esb, ESB_SIZE);
	munmap(xive->tima, TIMA_PAGES * ESB_PAGE);
	close(xive->fd);
	pthread_mutex_destroy(&xive->lock);
	free(xive->queues);
	free(xive);
}

static const struct irqchip_ops xive_ops = {
	.name = "xive",
	.claim = xive_claim,
	.attach = xive_attach,
	.detach = xive_detach,
	.pulse = xive_pulse,
	.exit = xive_exit,
};

static const struct papr_irqchip_ops papr_xive_ops = {
	.add_vcpu = xive_add_vcpu,
	.publish = xive_publish,
	.add_fdt = xive_add_fdt,
	.vec5 = 0x40,	/* exploitation mode only */
};

static struct papr_xive *alloc_xive(struct machine *machine)
{
	struct papr_xive *xive = calloc(1, sizeof(*xive));

	if (!xive)
		return NULL;
	xive->base = (struct papr_irqchip){ .chip.ops = &xive_ops, .ops = &papr_xive_ops,
					    .machine = machine };
	xive->nr_servers = machine->vm->config->cpus;
	xive->queues = calloc(xive->nr_servers * (PRIORITY_MAX + 1), sizeof(*xive->queues));
	if (!xive->queues) {
		free(xive);
		return NULL;
	}
	pthread_mutex_init(&xive->lock, NULL);
	return xive;
}

static int create_device(struct papr_xive *xive)
{
	uint32_t servers = xive->nr_servers;

	xive->fd = kvm_device_create(&xive->base.machine->kvm, KVM_DEV_TYPE_XIVE);
	if (xive->fd < 0)
		return xive->fd;
	/* Optional: KVM allots no more than what is needed. Older kernels lack it. */
	kvm_device_set(xive->fd, KVM_DEV_XIVE_GRP_CTRL, KVM_DEV_XIVE_NR_SERVERS, &servers);
	return 0;
}

int papr_xive_create(struct machine *machine, struct papr_irqchip **irqchip)
{
	struct papr_xive *xive;
	int error;

	if (kvm_vm_extension(&machine->kvm, KVM_CAP_PPC_IRQ_XIVE) <= 0)
		return -ENODEV;
	/* ESB pages and event queues are 64 KiB, which KVM maps only as whole host pages. */
	if (sysconf(_SC_PAGESIZE) != (long)ESB_PAGE) {
		log_info(machine->vm->log, "XIVE needs a host with 64 KiB pages");
		return -ENODEV;
	}
	xive = alloc_xive(machine);
	if (!xive)
		return -ENOMEM;
	error = create_device(xive);
	if (error)
		goto free;
	error = map_pages(xive);
	if (error)
		goto close;
	error = hcall_register(&machine->hcalls, xive_hcalls, ARRAY_SIZE(xive_hcalls), xive);
	if (error) {
		xive_exit(&xive->base.chip);
		return error;
	}
	*irqchip = &xive->base;
	return 0;
close:
	close(xive->fd);
free:
	pthread_mutex_destroy(&xive->lock);
	free(xive->queues);
	free(xive);
	return error;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XIVE over KVM's native device: event state buffers (ESB) and the thread management area are
 * the host's pages mapped into the guest; hypercalls configure sources and event queues.
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

#include "vmm/papr/irqchip_xive.h"

struct kvm_xive {
	struct papr_xive xive;
	int fd;
	uint8_t *esb, *tima;	/* KVM's pages in this process */
	uint32_t nr_published;	/* sources from IRQ_FIRST on whose pages the guest has */
};

static struct kvm_xive *from_xive(struct papr_xive *xive)
{
	return container_of(xive, struct kvm_xive, xive);
}

static struct kvm_xive *from_chip(struct irqchip *chip)
{
	return from_xive(papr_xive_from_chip(chip));
}

static struct kvm_vm *vm_of(struct irqchip *chip)
{
	return &papr_xive_from_chip(chip)->base.machine->kvm;
}

static int xive_attach(struct irqchip *chip, uint32_t irq, int fd)
{
	return kvm_vm_irqfd(vm_of(chip), irq, fd, true);
}

static void xive_detach(struct irqchip *chip, uint32_t irq, int fd)
{
	kvm_vm_irqfd(vm_of(chip), irq, fd, false);
}

static int xive_pulse(struct irqchip *chip, uint32_t irq)
{
	return kvm_vm_irq_line(vm_of(chip), irq, 1);
}

static int claim_source(struct papr_xive *xive, uint32_t irq)
{
	uint64_t state = 0;

	return kvm_device_set(from_xive(xive)->fd, KVM_DEV_XIVE_GRP_SOURCE, irq, &state);
}

static uint64_t kvm_source_config(const struct xive_source *source)
{
	bool masked = source->priority == XIVE_PRIORITY_NONE;

	return (masked ? 0 : source->priority) |
	       (uint64_t)source->server << KVM_XIVE_SOURCE_SERVER_SHIFT |
	       (uint64_t)masked << KVM_XIVE_SOURCE_MASKED_SHIFT |
	       (uint64_t)source->eisn << KVM_XIVE_SOURCE_EISN_SHIFT;
}

static int set_source(struct papr_xive *xive, uint32_t irq, const struct xive_source *wanted)
{
	uint64_t config = kvm_source_config(wanted);

	return kvm_device_set(from_xive(xive)->fd, KVM_DEV_XIVE_GRP_SOURCE_CONFIG, irq, &config);
}

static uint64_t queue_id(uint32_t server, uint32_t priority)
{
	return priority | (uint64_t)server << KVM_XIVE_EQ_SERVER_SHIFT;
}

static int set_queue(struct papr_xive *xive, uint32_t server, uint32_t priority,
		     const struct xive_queue *wanted)
{
	struct kvm_ppc_xive_eq queue = {
		.flags = KVM_XIVE_EQ_ALWAYS_NOTIFY,
		.qshift = wanted->shift,
		.qaddr = wanted->gpa,
		.qtoggle = 1,
	};

	return kvm_device_set(from_xive(xive)->fd, KVM_DEV_XIVE_GRP_EQ_CONFIG,
			      queue_id(server, priority), &queue);
}

static int get_position(struct papr_xive *xive, uint32_t server, uint32_t priority,
			struct xive_queue_position *position)
{
	struct kvm_ppc_xive_eq queue = { 0 };
	int error = kvm_device_get(from_xive(xive)->fd, KVM_DEV_XIVE_GRP_EQ_CONFIG,
				   queue_id(server, priority), &queue);

	*position = (struct xive_queue_position){ .index = queue.qindex, .toggle = queue.qtoggle };
	return error;
}

static int reset(struct papr_xive *xive)
{
	return kvm_device_set(from_xive(xive)->fd, KVM_DEV_XIVE_GRP_CTRL, KVM_DEV_XIVE_RESET,
			      NULL);
}

static int sync_source(struct papr_xive *xive, uint32_t irq)
{
	return kvm_device_set(from_xive(xive)->fd, KVM_DEV_XIVE_GRP_SOURCE_SYNC, irq, NULL);
}

static volatile be64 *esb_register(struct papr_xive *xive, uint64_t irq, bool management,
				   uint64_t offset)
{
	return (volatile be64 *)(from_xive(xive)->esb + (irq * 2 + management) * XIVE_PAGE +
				 offset);
}

/* Ends a line's interrupt: what came in meanwhile triggers again. */
static void end_line(struct papr_xive *xive, uint32_t irq)
{
	if (be64toh(*esb_register(xive, irq, true, XIVE_ESB_SET_PQ_00)) & XIVE_ESB_Q)
		*esb_register(xive, irq, false, 0) = 0;
}

static uint64_t load_esb(struct papr_xive *xive, uint32_t irq, uint64_t offset)
{
	if (offset == XIVE_ESB_LOAD_EOI && irq_is_line(&xive->base.chip, irq)) {
		end_line(xive, irq);
		return 0;
	}
	return be64toh(*esb_register(xive, irq, true, offset));
}

static void store_esb(struct papr_xive *xive, uint32_t irq, uint64_t offset, uint64_t value)
{
	*esb_register(xive, irq, true, offset) = htobe64(value);
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

static int xive_add_vcpu(struct papr_irqchip *irqchip, struct vcpu *vcpu)
{
	return kvm_vcpu_enable(&vcpu->kvm, KVM_CAP_PPC_IRQ_XIVE,
			       (uint64_t)from_chip(&irqchip->chip)->fd, vcpu->index);
}

/*
 * Gives the guest the pages of @count sources from @first on. They exist all: KVM has no page
 * for one that does not, and a guest that touched it would stop.
 */
static int map_sources(struct kvm_xive *xive, uint32_t first, uint32_t count)
{
	int error = papr_xive_claim_all(&xive->xive, first, count);

	if (error || !count)
		return error;
	return bus_map(&xive->xive.base.machine->bus, XIVE_ESB_GPA + first * 2 * XIVE_PAGE,
		       count * 2 * XIVE_PAGE, xive->esb + first * 2 * XIVE_PAGE);
}

static void unmap_sources(struct kvm_xive *xive, uint32_t first, uint32_t count)
{
	if (count)
		bus_unmap(&xive->xive.base.machine->bus, XIVE_ESB_GPA + first * 2 * XIVE_PAGE,
			  count * 2 * XIVE_PAGE);
}

static int xive_publish(struct papr_irqchip *irqchip)
{
	struct kvm_xive *xive = from_chip(&irqchip->chip);
	int error = map_sources(xive, IRQ_FIRST, irqchip->chip.next);

	if (!error)
		xive->nr_published = irqchip->chip.next;
	return error;
}

static int map_pages(struct kvm_xive *xive)
{
	struct bus *bus = &xive->xive.base.machine->bus;
	int error;

	xive->tima = mmap(NULL, XIVE_TIMA_PAGES * XIVE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
			  xive->fd, KVM_XIVE_TIMA_PAGE_OFFSET * (off_t)XIVE_PAGE);
	if (xive->tima == MAP_FAILED)
		return -errno;
	xive->esb = mmap(NULL, XIVE_ESB_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, xive->fd,
			 KVM_XIVE_ESB_PAGE_OFFSET * (off_t)XIVE_PAGE);
	if (xive->esb == MAP_FAILED) {
		error = -errno;
		goto unmap_tima;
	}
	error = bus_map(bus, XIVE_TIMA_OS_GPA, XIVE_PAGE,
			xive->tima + XIVE_TIMA_OS_PAGE * XIVE_PAGE);
	if (error)
		goto unmap_esb;
	error = map_sources(xive, 0, xive->xive.nr_servers);
	if (!error)
		return 0;
	bus_unmap(bus, XIVE_TIMA_OS_GPA, XIVE_PAGE);
unmap_esb:
	munmap(xive->esb, XIVE_ESB_SIZE);
unmap_tima:
	munmap(xive->tima, XIVE_TIMA_PAGES * XIVE_PAGE);
	return error;
}

static void xive_exit(struct irqchip *chip)
{
	struct kvm_xive *xive = from_chip(chip);
	struct bus *bus = &xive->xive.base.machine->bus;

	unmap_sources(xive, IRQ_FIRST, xive->nr_published);
	unmap_sources(xive, 0, xive->xive.nr_servers);
	bus_unmap(bus, XIVE_TIMA_OS_GPA, XIVE_PAGE);
	munmap(xive->esb, XIVE_ESB_SIZE);
	munmap(xive->tima, XIVE_TIMA_PAGES * XIVE_PAGE);
	close(xive->fd);
	papr_xive_exit(&xive->xive);
	free(xive);
}

static const struct irqchip_ops xive_ops = {
	.name = "xive",
	.claim = papr_xive_claim,
	.attach = xive_attach,
	.detach = xive_detach,
	.pulse = xive_pulse,
	.exit = xive_exit,
};

static const struct papr_irqchip_ops papr_xive_ops = {
	.add_vcpu = xive_add_vcpu,
	.publish = xive_publish,
	.add_fdt = papr_xive_add_fdt,
	.vec5 = PAPR_XIVE_VEC5,
};

static int create_device(struct kvm_xive *xive)
{
	uint32_t servers = xive->xive.nr_servers;

	xive->fd = kvm_device_create(&xive->xive.base.machine->kvm, KVM_DEV_TYPE_XIVE);
	if (xive->fd < 0)
		return xive->fd;
	/* Optional: KVM allots no more than what is needed. Older kernels lack it. */
	kvm_device_set(xive->fd, KVM_DEV_XIVE_GRP_CTRL, KVM_DEV_XIVE_NR_SERVERS, &servers);
	return 0;
}

int papr_xive_create(struct machine *machine, struct papr_irqchip **irqchip)
{
	struct kvm_xive *xive;
	int error;

	if (kvm_vm_extension(&machine->kvm, KVM_CAP_PPC_IRQ_XIVE) <= 0)
		return -ENODEV;
	/* ESB pages and event queues are 64 KiB, which KVM maps only as whole host pages. */
	if (sysconf(_SC_PAGESIZE) != (long)XIVE_PAGE) {
		log_info(machine->vm->log, "XIVE needs a host with 64 KiB pages");
		return -ENODEV;
	}
	xive = calloc(1, sizeof(*xive));
	if (!xive)
		return -ENOMEM;
	error = papr_xive_init(&xive->xive, machine, &xive_ops, &papr_xive_ops, &backend);
	if (error)
		goto free;
	error = create_device(xive);
	if (error)
		goto exit;
	error = map_pages(xive);
	if (error)
		goto close;
	*irqchip = &xive->xive.base;
	return 0;
close:
	close(xive->fd);
exit:
	papr_xive_exit(&xive->xive);
free:
	free(xive);
	return error;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XICS (PAPR 14.5.4.3) in KVM, which serves the hypercalls and the RTAS calls itself.
 *
 * Lines: KVM on POWER9 does not tell when a guest ends one. An origin that is unmasked early
 * and still raised signals again, which costs the guest one interrupt more and loses none.
 * So it is unmasked when the guest may have ended the interrupt:
 * - Where KVM has XICS of its own (an LPAR), H_EOI is taken from it while a line is pending:
 *   the next one by any vCPU comes to pvmm, which unmasks the origins of all pending lines,
 *   gives H_EOI back to KVM and has the vCPU run the hypercall again.
 * - Where KVM has it on top of the host's XIVE, its entry code answers H_EOI whatever it was
 *   told (kvmhv_p9_guest_entry). There a timer unmasks the origins of all pending lines.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "vmm/irq_events.h"
#include "vmm/papr/irqchip_xics.h"

#define H_EOI 0x64
#define PRIORITY_NONE 0xffULL
#define LINE_TIME_NS 500000	/* between two interrupts of a line, on top of XIVE */

struct papr_xics {
	struct papr_irqchip base;
	int fd;
	bool on_xive;
	struct loop_source timer;	/* on XIVE; else its fd is -1 */
	struct irq_events lines;
	pthread_mutex_t lock;		/* pending lines, and who serves H_EOI; after lines.lock */
	uint64_t pending[IRQ_COUNT / 64];	/* a bit for each line, by number - IRQ_FIRST */
};

static struct papr_xics *from_chip(struct irqchip *chip)
{
	return container_of(chip, struct papr_xics, base.chip);
}

static int xics_claim(struct irqchip *chip, uint32_t irq, enum irq_kind kind)
{
	uint64_t state = PRIORITY_NONE << KVM_XICS_PRIORITY_SHIFT | KVM_XICS_MASKED;

	return kvm_device_set(from_chip(chip)->fd, KVM_DEV_XICS_GRP_SOURCES, irq, &state);
}

static int xics_pulse(struct irqchip *chip, uint32_t irq)
{
	return kvm_vm_irq_line(&from_chip(chip)->base.machine->kvm, irq, 1);
}

static void set_eoi_owner(struct papr_xics *xics, bool kernel)
{
	kvm_vm_enable(&xics->base.machine->kvm, KVM_CAP_PPC_ENABLE_HCALL, H_EOI, kernel);
}

/* Has the next chance to unmask pending lines come here. With the lock held. */
static void await_end(struct papr_xics *xics)
{
	struct itimerspec when = { .it_value.tv_nsec = LINE_TIME_NS };

	if (xics->on_xive)
		timerfd_settime(xics->timer.fd, 0, &when, NULL);
	else
		set_eoi_owner(xics, false);
}

/* With the lock held. */
static void end_lines(struct papr_xics *xics)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(xics->pending); i++) {
		while (xics->pending[i]) {
			uint32_t bit = (uint32_t)__builtin_ctzll(xics->pending[i]);

			xics->pending[i] &= xics->pending[i] - 1;
			irq_ended(&xics->base.chip, IRQ_FIRST + i * 64 + bit);
		}
	}
}

static void set_pending(struct papr_xics *xics, uint32_t irq, bool pending)
{
	uint64_t *word = &xics->pending[(irq - IRQ_FIRST) / 64], bit = 1ULL << irq % 64;

	*word = pending ? *word | bit : *word & ~bit;
}

/* Main thread. */
static void line_time_passed(struct loop_source *source, uint32_t events)
{
	struct papr_xics *xics = container_of(source, struct papr_xics, timer);
	uint64_t count;

	if (read(source->fd, &count, sizeof(count)) != sizeof(count))
		return;
	pthread_mutex_lock(&xics->lock);
	end_lines(xics);
	pthread_mutex_unlock(&xics->lock);
}

/* Main thread: a line rose. */
static void line_raised(struct irq_events *lines, uint32_t irq)
{
	struct papr_xics *xics = container_of(lines, struct papr_xics, lines);

	pthread_mutex_lock(&xics->lock);
	set_pending(xics, irq, true);
	await_end(xics);
	xics_pulse(&xics->base.chip, irq);
	pthread_mutex_unlock(&xics->lock);
}

/* Args and number stay as they are: the vCPU makes the same call again, to KVM. */
static int64_t h_eoi(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct papr_xics *xics = owner;

	pthread_mutex_lock(&xics->lock);
	end_lines(xics);
	set_eoi_owner(xics, true);
	pthread_mutex_unlock(&xics->lock);
	return HCALL_RERUN;
}

static int xics_attach(struct irqchip *chip, uint32_t irq, int fd)
{
	struct papr_xics *xics = from_chip(chip);

	if (irq_is_line(chip, irq))
		return irq_events_attach(&xics->lines, irq, fd);
	return kvm_vm_irqfd(&xics->base.machine->kvm, irq, fd, true);
}

static void xics_detach(struct irqchip *chip, uint32_t irq, int fd)
{
	struct papr_xics *xics = from_chip(chip);

	if (!irq_is_line(chip, irq)) {
		kvm_vm_irqfd(&xics->base.machine->kvm, irq, fd, false);
		return;
	}
	irq_events_detach(&xics->lines, irq);
	pthread_mutex_lock(&xics->lock);
	set_pending(xics, irq, false);
	pthread_mutex_unlock(&xics->lock);
}

static const struct hcall xics_hcalls[] = {
	{ H_EOI, h_eoi },
};

/* KVM answers these; a call gets here only if KVM lost the token. */
static int32_t rtas_in_kernel(void *owner, struct rtas_request *request)
{
	return RTAS_HARDWARE_ERROR;
}

static const struct rtas_call xics_calls[] = {
	{ "ibm,set-xive", 3, 1, rtas_in_kernel },
	{ "ibm,get-xive", 1, 3, rtas_in_kernel },
	{ "ibm,int-off", 1, 1, rtas_in_kernel },
	{ "ibm,int-on", 1, 1, rtas_in_kernel },
};

/* Tells KVM under which tokens the guest calls what KVM serves. */
static int define_tokens(struct machine *machine)
{
	struct kvm_rtas_token_args token;
	int error = rtas_register(&machine->rtas, xics_calls, ARRAY_SIZE(xics_calls), NULL);

	for (size_t i = 0; i < ARRAY_SIZE(xics_calls) && !error; i++) {
		memset(&token, 0, sizeof(token));
		snprintf(token.name, sizeof(token.name), "%s", xics_calls[i].name);
		token.token = rtas_token(&machine->rtas, xics_calls[i].name);
		error = kvm_vm_ioctl(&machine->kvm, KVM_PPC_RTAS_DEFINE_TOKEN, &token);
	}
	return error;
}

static int xics_add_vcpu(struct papr_irqchip *irqchip, struct vcpu *vcpu)
{
	struct papr_xics *xics = container_of(irqchip, struct papr_xics, base);

	return kvm_vcpu_enable(&vcpu->kvm, KVM_CAP_IRQ_XICS, (uint64_t)xics->fd, vcpu->index);
}

void papr_xics_add_fdt(struct papr_irqchip *irqchip, struct fdt_writer *fdt)
{
	fdt_begin(fdt, "interrupt-controller");
	fdt_text(fdt, "device_type", "PowerPC-External-Interrupt-Presentation");
	fdt_text(fdt, "compatible", "IBM,ppc-xicp");
	FDT_CELLS(fdt, "ibm,interrupt-server-ranges", 0, irqchip->machine->vm->config->cpus);
	fdt_flag(fdt, "interrupt-controller");
	fdt_u32(fdt, "#interrupt-cells", 2);
	fdt_u32(fdt, "#address-cells", 0);
	fdt_u32(fdt, "phandle", PAPR_IRQCHIP_PHANDLE);
	fdt_end(fdt);
}

static int init_timer(struct papr_xics *xics)
{
	struct machine *machine = xics->base.machine;
	int error;

	xics->timer = (struct loop_source){ .fd = -1, .events = EPOLLIN,
					    .ready = line_time_passed };
	xics->on_xive = kvm_vm_extension(&machine->kvm, KVM_CAP_PPC_IRQ_XIVE) > 0;
	if (!xics->on_xive)
		return 0;
	xics->timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (xics->timer.fd < 0)
		return -errno;
	error = loop_add(&machine->vm->loop, &xics->timer);
	if (error) {
		close(xics->timer.fd);
		xics->timer.fd = -1;
	}
	return error;
}

static void exit_timer(struct papr_xics *xics)
{
	if (xics->timer.fd < 0)
		return;
	loop_remove(&xics->base.machine->vm->loop, &xics->timer);
	close(xics->timer.fd);
}

static void xics_exit(struct irqchip *chip)
{
	struct papr_xics *xics = from_chip(chip);

	exit_timer(xics);
	irq_events_exit(&xics->lines);
	close(xics->fd);
	pthread_mutex_destroy(&xics->lock);
	free(xics);
}

static const struct irqchip_ops xics_ops = {
	.name = "xics",
	.claim = xics_claim,
	.attach = xics_attach,
	.detach = xics_detach,
	.pulse = xics_pulse,
	.exit = xics_exit,
};

static const struct papr_irqchip_ops papr_xics_ops = {
	.add_vcpu = xics_add_vcpu,
	.add_fdt = papr_xics_add_fdt,
	.vec5 = PAPR_XICS_VEC5,
};

int papr_xics_create(struct machine *machine, struct papr_irqchip **irqchip)
{
	struct papr_xics *xics;
	int error;

	if (kvm_vm_extension(&machine->kvm, KVM_CAP_IRQ_XICS) <= 0)
		return -ENODEV;
	xics = calloc(1, sizeof(*xics));
	if (!xics)
		return -ENOMEM;
	xics->base = (struct papr_irqchip){ .chip.ops = &xics_ops, .ops = &papr_xics_ops,
					    .machine = machine };
	xics->fd = kvm_device_create(&machine->kvm, KVM_DEV_TYPE_XICS);
	if (xics->fd < 0) {
		error = xics->fd;
		free(xics);
		return error;
	}
	pthread_mutex_init(&xics->lock, NULL);
	irq_events_init(&xics->lines, &machine->vm->loop, line_raised);
	error = init_timer(xics);
	if (!error)
		error = hcall_register(&machine->hcalls, xics_hcalls, ARRAY_SIZE(xics_hcalls), xics);
	if (!error)
		error = define_tokens(machine);
	if (error) {
		xics_exit(&xics->base.chip);
		return error;
	}
	*irqchip = &xics->base;
	return 0;
}

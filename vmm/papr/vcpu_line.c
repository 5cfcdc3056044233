/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A vCPU's external interrupt (Documentation/virt/kvm/api.rst, KVM_INTERRUPT). */
#include "vmm/papr/vcpu_line.h"

#include <linux/kvm.h>
#include <time.h>

bool vcpu_line_works(const struct kvm_vm *vm)
{
	return kvm_vm_extension(vm, KVM_CAP_PPC_UNSET_IRQ) > 0 &&
	       kvm_vm_extension(vm, KVM_CAP_PPC_IRQ_LEVEL) > 0;
}

/* KVM takes this one ioctl from any thread, while the vCPU runs; it cannot fail. */
static void tell(struct vcpu_line *line)
{
	struct kvm_interrupt interrupt = {
		.irq = line->on ? KVM_INTERRUPT_SET_LEVEL : KVM_INTERRUPT_UNSET,
	};

	kvm_vcpu_ioctl(&line->vcpu->kvm, KVM_INTERRUPT, &interrupt);
}

void vcpu_line_connect(struct vcpu_line *line, struct vcpu *vcpu)
{
	line->vcpu = vcpu;
	if (line->on)
		tell(line);
}

void vcpu_line_set(struct vcpu_line *line, bool on)
{
	if (line->on == on)
		return;
	line->on = on;
	if (line->vcpu)
		tell(line);
}

uint64_t vcpu_time_base(void)
{
#ifdef __powerpc__
	return __builtin_ppc_get_timebase();
#else
	/* Unit tests elsewhere: a time base of as many ticks as POWER has, 512 MHz. */
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 512000000 + (uint64_t)now.tv_nsec * 512 / 1000;
#endif
}

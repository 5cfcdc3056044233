/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A vCPU's external interrupt, which an interrupt controller of pvmm's own turns on and off.
 * KVM wakes the vCPU for it, or gets it out of the guest and in again.
 */
#ifndef PVMM_PAPR_VCPU_LINE_H
#define PVMM_PAPR_VCPU_LINE_H

#include "vmm/vcpu.h"

/* Zeroed: off, and no vCPU yet. Its owner's lock guards it. */
struct vcpu_line {
	struct vcpu *vcpu;
	bool on;
};

/* Can KVM turn it off as well as on, and does it stay on until then? */
bool vcpu_line_works(const struct kvm_vm *vm);
/* The vCPU is there; it gets what was set before. */
void vcpu_line_connect(struct vcpu_line *line, struct vcpu *vcpu);
/* Any thread. */
void vcpu_line_set(struct vcpu_line *line, bool on);

/* The guest's time base, as mftb gives it (Power ISA 3.0, book II): pvmm lets KVM keep that of
 * the host. */
uint64_t vcpu_time_base(void);

#endif

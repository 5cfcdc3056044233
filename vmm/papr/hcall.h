/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hypercalls (PAPR 14): a table of those that reach pvmm, filled at start-up by the modules
 * that serve them. KVM serves others before pvmm sees them. Constants: PAPR 14.1.
 */
#ifndef PVMM_PAPR_HCALL_H
#define PVMM_PAPR_HCALL_H

#include "vmm/util.h"

struct vcpu;

enum {
	H_SUCCESS = 0,
	H_HARDWARE = -1,
	H_FUNCTION = -2,
	H_PARAMETER = -4,
	H_NOT_ENOUGH_RESOURCES = -44,
	H_P2 = -55,
	H_P3 = -56,
	H_P4 = -57,
	H_P5 = -58,
	H_UNSUPPORTED_FLAG = -256,
};

/* Not a PAPR status: the vCPU makes the same call again (to KVM, which now takes it). */
#define HCALL_RERUN INT64_MIN

#define HCALL_NR_ARGS 9

/*
 * @args are r4..r12 on entry, host-endian, and what the guest finds there on return; a call
 * that returns nothing in them leaves them alone. The value returned goes to r3.
 */
typedef int64_t (*hcall_handler)(void *owner, struct vcpu *vcpu, uint64_t *args);

struct hcall {
	uint64_t number;	/* a multiple of 4 */
	hcall_handler handler;
};

#define HCALL_PAPR_MAX 0x500	/* highest number PAPR has here */
#define HCALL_PRIVATE_BASE 0xf000	/* hypervisor's own: H_RTAS */
#define HCALL_PRIVATE_MAX 0xf010

struct hcall_slot {
	const struct hcall *hcall;
	void *owner;
};

struct hcall_table {
	struct hcall_slot papr[HCALL_PAPR_MAX / 4 + 1];
	struct hcall_slot private[(HCALL_PRIVATE_MAX - HCALL_PRIVATE_BASE) / 4 + 1];
};

/* 0, -EINVAL (number out of range or not a multiple of 4) or -EEXIST (already served). */
int hcall_register(struct hcall_table *table, const struct hcall *calls, size_t count,
		   void *owner);
/* The PAPR status for r3; H_FUNCTION when nobody serves @number. */
int64_t hcall_dispatch(struct hcall_table *table, struct vcpu *vcpu, uint64_t number,
		       uint64_t *args);

#endif

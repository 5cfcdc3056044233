/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of POWER's <asm/kvm.h> that vmm/papr uses, so that its code can be built and tested
 * over a fake KVM on any machine. On POWER itself the real one is used, whose __u64 is a long,
 * as uint64_t is: hence that one here.
 */
#ifndef PVMM_TESTS_PPC_ASM_KVM_H
#define PVMM_TESTS_PPC_ASM_KVM_H

#include <stdint.h>

struct kvm_regs {
	uint64_t pc, cr, ctr, lr, xer, msr, srr0, srr1, pid;
	uint64_t sprg0, sprg1, sprg2, sprg3, sprg4, sprg5, sprg6, sprg7;
	uint64_t gpr[32];
};

struct kvm_sregs {
	uint32_t pvr;
	uint8_t pad[1020];
};

struct kvm_fpu {
	uint64_t fpr[32];
};

struct kvm_debug_exit_arch {
	uint64_t address;
};

struct kvm_guest_debug_arch {
	uint64_t pad;
};

struct kvm_sync_regs {
	uint64_t pad;
};

struct kvm_rtas_token_args {
	char name[120];
	uint64_t token;
};

#define KVM_INTERRUPT_SET -1U
#define KVM_INTERRUPT_UNSET -2U
#define KVM_INTERRUPT_SET_LEVEL -3U

struct kvm_ppc_mmuv3_cfg {
	uint64_t flags, process_table;
};

#define KVM_PPC_MMUV3_RADIX 1
#define KVM_PPC_MMUV3_GTSE 2

struct kvm_ppc_radix_geom {
	uint8_t page_shift, level_bits[4], pad[3];
};

struct kvm_ppc_rmmu_info {
	struct kvm_ppc_radix_geom geometries[8];
	uint32_t ap_encodings[8];
};

struct kvm_ppc_cpu_char {
	uint64_t character, behaviour, character_mask, behaviour_mask;
};

struct kvm_create_spapr_tce_64 {
	uint64_t liobn;
	uint32_t page_shift, flags;
	uint64_t offset, size;
};

#define KVM_REG_PPC_LPCR_64 (KVM_REG_PPC | KVM_REG_SIZE_U64 | 0xb5)

#define KVM_DEV_XICS_GRP_SOURCES 1
#define KVM_XICS_PRIORITY_SHIFT 32
#define KVM_XICS_MASKED (1ULL << 41)

#define KVM_DEV_XIVE_GRP_CTRL 1
#define KVM_DEV_XIVE_RESET 1
#define KVM_DEV_XIVE_NR_SERVERS 3
#define KVM_DEV_XIVE_GRP_SOURCE 2
#define KVM_DEV_XIVE_GRP_SOURCE_CONFIG 3
#define KVM_DEV_XIVE_GRP_EQ_CONFIG 4
#define KVM_DEV_XIVE_GRP_SOURCE_SYNC 5
#define KVM_XIVE_SOURCE_SERVER_SHIFT 3
#define KVM_XIVE_SOURCE_MASKED_SHIFT 32
#define KVM_XIVE_SOURCE_EISN_SHIFT 33
#define KVM_XIVE_EQ_SERVER_SHIFT 3
#define KVM_XIVE_EQ_ALWAYS_NOTIFY 1
#define KVM_XIVE_TIMA_PAGE_OFFSET 0
#define KVM_XIVE_ESB_PAGE_OFFSET 4

struct kvm_ppc_xive_eq {
	uint32_t flags, qshift;
	uint64_t qaddr;
	uint32_t qtoggle, qindex;
	uint8_t pad[40];
};

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vCPUs of a PAPR guest: what their exits mean, their registers at start, and the hypercalls
 * that change how a processor works (H_SET_MODE, H_REGISTER_PROC_TBL, H_SIGNAL_SYS_RESET).
 */
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>

#include "vmm/papr/machine.h"

/* Power ISA 3.0, MSR and LPCR. */
#define MSR_SF (1ULL << 63)
#define MSR_ME (1ULL << 12)
#define MSR_LE (1ULL << 0)
#define LPCR_ILE 0x02000000ULL
#define LPCR_AIL 0x01800000ULL
#define LPCR_AIL_3 0x01800000ULL

/* ePAPR 5.4: r6 of a CPU that starts with a flattened device tree. */
#define EPAPR_MAGIC 0x45504150

static int init_vcpu(struct vcpu *vcpu)
{
	struct machine *machine = vcpu->vcpus->machine;
	int error = kvm_vcpu_enable(&vcpu->kvm, KVM_CAP_PPC_PAPR, 0, 0);

	return error ? error : machine->irqchip->ops->add_vcpu(machine->irqchip, vcpu);
}

/* Back to the instruction itself; KVM puts number and arguments back in r3 .. r12. */
static void rerun_hcall(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->kvm.run;
	struct kvm_regs regs;

	if (kvm_vcpu_ioctl(&vcpu->kvm, KVM_GET_REGS, &regs))
		return;
	regs.pc -= 4;
	kvm_vcpu_ioctl(&vcpu->kvm, KVM_SET_REGS, &regs);
	run->papr_hcall.ret = run->papr_hcall.nr;
}

static void handle_hcall(struct vcpu *vcpu)
{
	struct machine *machine = vcpu->vcpus->machine;
	struct kvm_run *run = vcpu->kvm.run;
	/* The guest cannot change them: kvm_run is none of its memory. */
	uint64_t *args = (uint64_t *)run->papr_hcall.args;
	int64_t status = hcall_dispatch(&machine->hcalls, vcpu, run->papr_hcall.nr, args);

	if (status == HCALL_RERUN)
		rerun_hcall(vcpu);
	else
		run->papr_hcall.ret = (uint64_t)status;
}

static void handle_mmio(struct vcpu *vcpu)
{
	struct machine *machine = vcpu->vcpus->machine;
	struct papr_irqchip *irqchip = machine->irqchip;
	struct kvm_run *run = vcpu->kvm.run;

	if (irqchip->ops->access_own &&
	    irqchip->ops->access_own(irqchip, vcpu, run->mmio.phys_addr, run->mmio.data,
				     run->mmio.len, run->mmio.is_write))
		return;
	if (run->mmio.is_write)
		bus_write(&machine->bus, run->mmio.phys_addr, run->mmio.data, run->mmio.len);
	else if (bus_read(&machine->bus, run->mmio.phys_addr, run->mmio.data, run->mmio.len))
		papr_phbs_missed_load(&machine->phbs, run->mmio.phys_addr);
}

static int unknown_exit(struct vcpu *vcpu)
{
	struct kvm_regs regs = { 0 };

	kvm_vcpu_ioctl(&vcpu->kvm, KVM_GET_REGS, &regs);
	log_error(vcpu->vcpus->log, "vCPU %u cannot go on: exit reason %u at 0x%llx", vcpu->index,
		  vcpu->kvm.run->exit_reason, (unsigned long long)regs.pc);
	return -EIO;
}

static int handle_exit(struct vcpu *vcpu)
{
	switch (vcpu->kvm.run->exit_reason) {
	case KVM_EXIT_PAPR_HCALL:
		handle_hcall(vcpu);
		return 0;
	case KVM_EXIT_MMIO:
		handle_mmio(vcpu);
		return 0;
	case KVM_EXIT_INTR:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		return 0;
	default:
		return unknown_exit(vcpu);
	}
}

static void vcpu_failed(struct vcpu *vcpu)
{
	struct machine *machine = vcpu->vcpus->machine;

	vm_stop(machine->vm, VM_FAILED);
}

const struct vcpu_ops papr_vcpu_ops = {
	.init = init_vcpu,
	.handle_exit = handle_exit,
	.failed = vcpu_failed,
};

/* 64-bit, big-endian, real mode: what both a kernel's entry and RTAS start-cpu expect. */
static int set_start_regs(struct vcpu *vcpu, void *arg)
{
	return kvm_vcpu_ioctl(&vcpu->kvm, KVM_SET_REGS, arg);
}

int papr_cpu_start(struct machine *machine, uint64_t index, uint64_t entry, uint64_t arg)
{
	struct kvm_regs regs = { .pc = entry, .msr = MSR_SF | MSR_ME, .gpr[3] = arg };
	struct vcpu *vcpu = vcpus_get(&machine->vcpus, index);

	return vcpu ? vcpu_start(vcpu, set_start_regs, &regs) : -ENOENT;
}

int papr_cpu_start_boot(struct machine *machine)
{
	struct kvm_regs regs = {
		.pc = machine->boot.kernel.entry,
		.msr = MSR_SF | MSR_ME,
		.gpr[3] = machine->boot.fdt,
		.gpr[6] = EPAPR_MAGIC,
		.gpr[7] = machine->memory.size,
	};

	return vcpu_start(vcpus_get(&machine->vcpus, 0), set_start_regs, &regs);
}

struct lpcr_change {
	uint64_t mask, bits;
	int error;	/* any vCPU's; written one at a time, under vcpus.lock */
};

static void change_lpcr(struct vcpu *vcpu, void *arg)
{
	struct lpcr_change *change = arg;
	uint64_t lpcr;
	int error = kvm_vcpu_get_reg(&vcpu->kvm, KVM_REG_PPC_LPCR_64, &lpcr);

	if (!error) {
		lpcr = (lpcr & ~change->mask) | change->bits;
		error = kvm_vcpu_set_reg(&vcpu->kvm, KVM_REG_PPC_LPCR_64, &lpcr);
	}
	if (error)
		change->error = error;
}

static int64_t set_lpcr(struct machine *machine, struct vcpu *self, uint64_t mask, uint64_t bits)
{
	struct lpcr_change change = { .mask = mask, .bits = bits };

	vcpus_run_on_all(&machine->vcpus, self, change_lpcr, &change);
	if (change.error)
		return H_HARDWARE;
	__atomic_store_n(&machine->big_endian_interrupts,
			 mask & LPCR_ILE ? !(bits & LPCR_ILE) : machine->big_endian_interrupts,
			 __ATOMIC_RELAXED);
	return H_SUCCESS;
}

enum {
	SET_MODE_ADDRESS_TRANSLATION = 3,
	SET_MODE_ENDIAN = 4,
};

/* PAPR 14.5.4.2.8. Breakpoint resources have been served by KVM. */
static int64_t h_set_mode(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct machine *machine = owner;
	uint64_t flags = args[0], resource = args[1];

	if (resource != SET_MODE_ADDRESS_TRANSLATION && resource != SET_MODE_ENDIAN)
		return H_P2;
	if (args[2])
		return H_P3;
	if (args[3])
		return H_P4;
	if (resource == SET_MODE_ENDIAN && flags <= 1)
		return set_lpcr(machine, vcpu, LPCR_ILE, flags ? LPCR_ILE : 0);
	if (resource == SET_MODE_ENDIAN)
		return H_UNSUPPORTED_FLAG;
	if (flags == 0)
		return set_lpcr(machine, vcpu, LPCR_AIL, 0);
	if (flags == 3 && kvm_vm_extension(&machine->kvm, KVM_CAP_PPC_AIL_MODE_3) > 0)
		return set_lpcr(machine, vcpu, LPCR_AIL, LPCR_AIL_3);
	return H_UNSUPPORTED_FLAG;
}

/* Flags of H_REGISTER_PROC_TBL, and the partition table entry's radix bit. */
enum {
	PROC_TABLE_GTSE = 0x01,
	PROC_TABLE_SEGMENTS = 0x02,
	PROC_TABLE_RADIX = 0x04,
	PROC_TABLE_REGISTER = 0x08,
	PROC_TABLE_MODIFY = 0x10,
	PROC_TABLE_FLAGS = 0x1f,
};

#define PATE_RADIX (1ULL << 63)
#define PROC_TABLE_ORDER_MAX 24

static int64_t radix_table(const uint64_t *args, uint64_t *table)
{
	if ((args[1] & 0xfff) || args[1] >> 60)
		return H_P2;
	if (args[2])
		return H_P3;
	if (args[3] > PROC_TABLE_ORDER_MAX)
		return H_P4;
	*table = PATE_RADIX | args[1] | args[3];
	return H_SUCCESS;
}

static int64_t hash_table(const uint64_t *args, uint64_t *table)
{
	if (args[0] & PROC_TABLE_SEGMENTS)
		return H_PARAMETER;
	if (args[1] >> 38)
		return H_P2;
	if (args[2] & ~7ULL)
		return H_P3;
	if (args[3] > PROC_TABLE_ORDER_MAX)
		return H_P4;
	*table = args[1] << 25 | args[2] << 5 | args[3];
	return H_SUCCESS;
}

static int64_t h_register_proc_tbl(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct machine *machine = owner;
	bool radix = args[0] & PROC_TABLE_RADIX;
	struct kvm_ppc_mmuv3_cfg mmu = { 0 };
	int64_t status = H_SUCCESS;

	if (args[0] & ~(uint64_t)PROC_TABLE_FLAGS)
		return H_PARAMETER;
	if (!(args[0] & PROC_TABLE_MODIFY))
		return radix == machine->radix ? H_SUCCESS : H_PARAMETER;
	if (!(args[0] & PROC_TABLE_REGISTER))
		mmu.process_table = (radix = machine->radix) ? PATE_RADIX : 0;
	else if (radix != machine->radix)
		return H_PARAMETER;
	else
		status = radix ? radix_table(args, &mmu.process_table)
			       : hash_table(args, &mmu.process_table);
	if (status != H_SUCCESS)
		return status;
	mmu.flags = (radix ? KVM_PPC_MMUV3_RADIX : 0) |
		    (args[0] & PROC_TABLE_GTSE ? KVM_PPC_MMUV3_GTSE : 0);
	return kvm_vm_ioctl(&machine->kvm, KVM_PPC_CONFIGURE_V3_MMU, &mmu) ? H_PARAMETER
									     : H_SUCCESS;
}

struct system_reset {
	uint64_t target;	/* vCPU, or ALL or ALL_OTHERS */
	struct vcpu *caller;
	bool big_endian;
};

#define RESET_ALL ((uint64_t)-1)
#define RESET_ALL_OTHERS ((uint64_t)-2)
#define VECTOR_SYSTEM_RESET 0x100
#define SRR1_CLEARED 0x783f0000ULL	/* bits an interrupt defines anew */

static void system_reset(struct vcpu *vcpu, void *arg)
{
	struct system_reset *reset = arg;
	struct kvm_regs regs;

	if (vcpu->state == VCPU_PARKED)
		return;
	if (reset->target == RESET_ALL_OTHERS ? vcpu == reset->caller
					      : reset->target != RESET_ALL &&
							reset->target != vcpu->index)
		return;
	if (kvm_vcpu_ioctl(&vcpu->kvm, KVM_GET_REGS, &regs))
		return;
	regs.srr0 = regs.pc;
	regs.srr1 = regs.msr & ~SRR1_CLEARED;
	regs.pc = VECTOR_SYSTEM_RESET;
	regs.msr = MSR_SF | MSR_ME | (reset->big_endian ? 0 : MSR_LE);
	kvm_vcpu_ioctl(&vcpu->kvm, KVM_SET_REGS, &regs);
}

/* PAPR 14.5.4.2.10 */
static int64_t h_signal_sys_reset(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct machine *machine = owner;
	struct system_reset reset = {
		.target = args[0],
		.caller = vcpu,
		.big_endian = __atomic_load_n(&machine->big_endian_interrupts, __ATOMIC_RELAXED),
	};

	if (args[0] != RESET_ALL && args[0] != RESET_ALL_OTHERS &&
	    !vcpus_get(&machine->vcpus, args[0]))
		return H_PARAMETER;
	vcpus_run_on_all(&machine->vcpus, vcpu, system_reset, &reset);
	return H_SUCCESS;
}

static const struct hcall cpu_hcalls[] = {
	{ 0x31c, h_set_mode },
	{ 0x37c, h_register_proc_tbl },
	{ 0x380, h_signal_sys_reset },
};

int papr_cpu_register(struct machine *machine)
{
	machine->big_endian_interrupts = true;
	return hcall_register(&machine->hcalls, cpu_hcalls, ARRAY_SIZE(cpu_hcalls), machine);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PAPR machine: everything the guest of one boot sees, in one place. Private to vmm/papr.
 */
#ifndef PVMM_PAPR_MACHINE_H
#define PVMM_PAPR_MACHINE_H

#include "devices/papr_nvram.h"
#include "devices/papr_phb.h"
#include "devices/papr_vty.h"
#include "vmm/bus.h"
#include "vmm/irq.h"
#include "vmm/kvm.h"
#include "vmm/loader.h"
#include "vmm/machine.h"
#include "vmm/memory.h"
#include "vmm/papr/hcall.h"
#include "vmm/papr/rtas.h"
#include "vmm/papr/tce_kvm.h"
#include "vmm/vcpu.h"
#include "vmm/vm.h"

/* What the guest starts with, by guest-physical address. */
struct papr_boot {
	struct loaded_kernel kernel;
	uint64_t initrd, initrd_size;
	uint64_t rtas;
	uint64_t fdt, fdt_size;
};

/* An interrupt controller: the device's view plus what the machine needs of it. */
struct papr_irqchip {
	struct irqchip chip;
	const struct papr_irqchip_ops *ops;
	struct machine *machine;
};

#define PAPR_IRQCHIP_PHANDLE 0x1111

struct papr_irqchip_ops {
	/* Connects a new vCPU. */
	int (*add_vcpu)(struct papr_irqchip *irqchip, struct vcpu *vcpu);
	/* All numbers are reserved: makes what the guest needs to drive their sources. NULL:
	 * nothing to do. */
	int (*publish)(struct papr_irqchip *irqchip);
	/* A load or store of @vcpu, 1 to 8 bytes in the guest's memory order: true if @gpa is one of
	 * the controller's registers that each vCPU has for itself. NULL: it has none that trap. */
	bool (*access_own)(struct papr_irqchip *irqchip, struct vcpu *vcpu, uint64_t gpa,
			   void *data, unsigned size, bool is_store);
	/* Its node at the root, with phandle PAPR_IRQCHIP_PHANDLE. */
	void (*add_fdt)(struct papr_irqchip *irqchip, struct fdt_writer *fdt);
	uint8_t vec5;	/* byte 23 of ibm,architecture-vec-5 */
};

struct machine {
	struct vm *vm;
	struct kvm_vm kvm;
	struct guest_memory memory;
	struct bus bus;
	struct hcall_table hcalls;
	struct rtas rtas;
	struct papr_irqchip *irqchip;
	struct papr_vty vty;
	struct papr_nvram nvram;
	struct papr_tce_kvm tce_kvm;
	struct papr_phbs phbs;
	struct vcpus vcpus;
	struct papr_boot boot;
	bool radix;
	uint32_t hash_order;	/* log2 of the hash table's bytes; hash only */
	const char *cpu_name;	/* of the host's processor: "POWER9" */
	bool big_endian_interrupts;	/* what the guest chose by H_SET_MODE; atomic */
	unsigned steps_done;
};

/* irqchip_*.c: KVM's controllers, -ENODEV when it has none, and pvmm's own, -ENODEV when KVM
 * cannot interrupt a vCPU for them. */
int papr_xive_create(struct machine *machine, struct papr_irqchip **irqchip);
int papr_xics_create(struct machine *machine, struct papr_irqchip **irqchip);
int papr_pvmm_xive_create(struct machine *machine, struct papr_irqchip **irqchip);
int papr_pvmm_xics_create(struct machine *machine, struct papr_irqchip **irqchip);

/* cpu.c */
extern const struct vcpu_ops papr_vcpu_ops;
int papr_cpu_register(struct machine *machine);		/* hypercalls of cpu.c */
int papr_cpu_start_boot(struct machine *machine);
/* Starts vCPU @index at @entry with @arg in r3: 0, -ENOENT, -EBUSY or a KVM error. */
int papr_cpu_start(struct machine *machine, uint64_t index, uint64_t entry, uint64_t arg);

/* platform.c: RTAS and hypercalls of the platform (power, CPUs, parameters). */
int papr_platform_register(struct machine *machine);

/* tree.c: the device tree, loaded at boot.fdt; dumped too when asked. */
int papr_tree_load(struct machine *machine);

#endif

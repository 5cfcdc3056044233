/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * KVM without a kernel, for unit tests: implements vmm/kvm.h. Several can exist at once. A
 * vCPU's thread blocks in kvm_vcpu_run() until the test gives it an exit or it is kicked, by
 * the same rules as in the kernel: immediate_exit is looked at on entry, and a signal counts
 * only while the thread is inside.
 */
#ifndef PVMM_TESTS_FAKE_KVM_H
#define PVMM_TESTS_FAKE_KVM_H

#include <linux/kvm.h>
#include <pthread.h>

#include "vmm/kvm.h"

#define FAKE_KVM_VCPUS 8
#define FAKE_KVM_EXITS 16
#define FAKE_KVM_REGS 8
#define FAKE_KVM_RECORDS 64
#define FAKE_KVM_SETS 16384	/* the kernel's device attributes */
#define FAKE_KVM_TABLES 4
#define FAKE_KVM_GROUPS 8

struct fake_kvm_reg {
	uint64_t id, value;
};

struct fake_kvm_vcpu {
	struct fake_kvm *fake;
	bool exists;
	int exits_fd;			/* a semaphore eventfd: exits that wait */
	struct kvm_run exits[FAKE_KVM_EXITS];
	unsigned first_exit, nr_exits;
	unsigned parts;			/* so many exits are parts of the one before */
	bool has_exited;		/* the last kvm_vcpu_run() gave an exit */
	struct kvm_run completed;	/* as pvmm left it when it ran the vCPU again */
	unsigned nr_completed;
	unsigned entries;		/* calls that got into the guest */
	bool inside;			/* is there now */
	int run_error;			/* kvm_vcpu_run() fails with this; 0: it works */
	void (*before_run)(struct fake_kvm_vcpu *vcpu);	/* on its way into the kernel */
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	bool interrupted;		/* its external interrupt is on */
	unsigned nr_interrupts;		/* how often it was turned on or off */
	struct fake_kvm_reg one_regs[FAKE_KVM_REGS];
};

/* A call that was made: an ioctl with its argument, a capability, an irqfd, a line. */
struct fake_kvm_record {
	unsigned long what;
	uint64_t arg0, arg1;
};

struct fake_kvm_set {
	uint32_t group;
	uint64_t attribute, value;
	uint8_t data[64];		/* of event queues */
};

/* A TCE table, as KVM_CREATE_SPAPR_TCE_64 was told. */
struct fake_kvm_table {
	struct kvm_create_spapr_tce_64 wanted;
	uint64_t inode;			/* of its memory file */
	bool attached;
	unsigned leaks;			/* attached again, of which the kernel never frees one */
};

/* A file that the VFIO device was given. */
struct fake_kvm_file {
	int fd;
	bool attached;			/* to a table */
};

struct fake_kvm {
	struct kvm kvm;			/* for kvm_vm_init() */
	pthread_mutex_t lock;		/* all below */
	pthread_cond_t changed;
	bool used;
	struct fake_kvm_vcpu vcpus[FAKE_KVM_VCPUS];
	uint64_t missing[8];		/* capabilities that are not there */
	struct fake_kvm_record enabled[FAKE_KVM_RECORDS];	/* capability, arguments */
	unsigned nr_enabled;
	struct fake_kvm_record irqfds[FAKE_KVM_RECORDS];	/* assigned: gsi, fd */
	unsigned nr_irqfds;
	struct fake_kvm_record lines[FAKE_KVM_RECORDS];	/* raised: gsi, level */
	unsigned nr_lines;
	struct kvm_ppc_mmuv3_cfg mmu;	/* last KVM_PPC_CONFIGURE_V3_MMU */
	unsigned nr_mmu;
	struct kvm_ppc_cpu_char cpu_char;
	struct kvm_ppc_smmu_info smmu;
	unsigned long fail_ioctl;	/* this one gives EINVAL */
	unsigned fail_vcpu;		/* the nth vCPU from now cannot be made */
	unsigned fail_set;		/* the nth setting of an attribute from now */
	bool fail_get;
	int device_fd;			/* -1: none. A memory file: its pages can be mapped */
	char device_name[16];		/* of that file */
	char table_name[16];		/* of the files of TCE tables and the VFIO device */
	struct fake_kvm_set sets[FAKE_KVM_SETS];	/* last value by group, attribute */
	unsigned nr_sets;
	unsigned nr_slots;		/* memory slots in use, RAM not counted */
	int vfio_fd;			/* the VFIO device; -1: none */
	unsigned fail_vfio;		/* the nth attribute of it from now gives EIO */
	int create_table_error;		/* instead of a TCE table */
	struct fake_kvm_table tables[FAKE_KVM_TABLES];
	unsigned nr_tables;		/* ever made */
	struct fake_kvm_file files[FAKE_KVM_GROUPS];
	unsigned nr_files;		/* of the VFIO device now */
	unsigned nr_shown;		/* files that it ever had */
	const bool *hidden;		/* the groups' windows now; NULL: they never are */
};

void fake_kvm_init(struct fake_kvm *fake);
void fake_kvm_exit(struct fake_kvm *fake);

/* The vCPU's next exit: all of @exit but immediate_exit. */
void fake_kvm_give(struct fake_kvm *fake, unsigned vcpu, const struct kvm_run *exit);
/* A hypercall exit. */
void fake_kvm_give_hcall(struct fake_kvm *fake, unsigned vcpu, uint64_t number,
			 const uint64_t *args);
/* Until the vCPU is in the guest, with nothing left to do there. */
void fake_kvm_wait_idle(struct fake_kvm *fake, unsigned vcpu);
/* Until the vCPU's @count exits since the beginning are all completed. */
void fake_kvm_wait_completed(struct fake_kvm *fake, unsigned vcpu, unsigned count);

/* Is the vCPU's external interrupt on? */
bool fake_kvm_is_interrupted(struct fake_kvm *fake, unsigned vcpu);
/* The last value of an attribute; NULL: never set. */
const struct fake_kvm_set *fake_kvm_find_set(struct fake_kvm *fake, uint32_t group,
					     uint64_t attribute);
/* The last time that @capability was enabled with @arg0; NULL: never. */
const struct fake_kvm_record *fake_kvm_find_enabled(struct fake_kvm *fake,
						    unsigned long capability, uint64_t arg0);
/* Is a TCE table still open or mapped, or the VFIO device open? */
bool fake_kvm_tables_are_held(const struct fake_kvm *fake);
/* Is the device still open or mapped? */
bool fake_kvm_device_is_held(const struct fake_kvm *fake);
void fake_kvm_miss(struct fake_kvm *fake, unsigned capability);

#endif

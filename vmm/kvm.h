/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * KVM: the only module that makes KVM ioctls. Thin and typed; it knows no guest architecture
 * beyond the constants that callers hand it. All functions return 0 or a negative errno unless
 * they say otherwise.
 */
#ifndef PVMM_KVM_H
#define PVMM_KVM_H

#include <pthread.h>

#include "vmm/bus.h"
#include "vmm/util.h"

struct kvm_run;

/* Memory slots: slot 0 is RAM, the rest are handed out by the mapper. */
#define KVM_SLOTS_MAX 128

struct kvm_slot {
	uint64_t gpa, size;	/* size 0: free */
};

struct kvm {
	int fd;			/* /dev/kvm; stays open over reboots */
};

/* One virtual machine as the kernel sees it; a reboot makes a new one. */
struct kvm_vm {
	const struct kvm *kvm;
	int fd;
	size_t run_size;		/* bytes of the shared kvm_run */
	struct bus_mapper mapper;
	pthread_mutex_t lock;		/* slots */
	struct kvm_slot slots[KVM_SLOTS_MAX];
};

struct kvm_vcpu {
	int fd;
	struct kvm_run *run;
	size_t run_size;
};

/* -ENOENT: no /dev/kvm; -EACCES; -EPROTO: an API version nobody else speaks either. */
int kvm_open(struct kvm *kvm, const char *path);
void kvm_close(struct kvm *kvm);

/* @type as KVM_CREATE_VM takes it. */
int kvm_vm_init(struct kvm_vm *vm, const struct kvm *kvm, unsigned long type);
void kvm_vm_exit(struct kvm_vm *vm);
/* The value KVM_CHECK_EXTENSION gives, 0 when unknown. */
int kvm_vm_extension(const struct kvm_vm *vm, unsigned capability);
int kvm_vm_enable(struct kvm_vm *vm, unsigned capability, uint64_t arg0, uint64_t arg1);
/* RAM at @gpa; @hva from guest_memory_hva(). */
int kvm_vm_set_ram(struct kvm_vm *vm, uint64_t gpa, uint64_t size, uint64_t hva);
/* An eventfd that raises interrupt @gsi by itself, or (assign false) no longer does. */
int kvm_vm_irqfd(struct kvm_vm *vm, uint32_t gsi, int eventfd, bool assign);
/* Raises (edge) or sets (level) interrupt @gsi. */
int kvm_vm_irq_line(struct kvm_vm *vm, uint32_t gsi, unsigned level);
/* Any other ioctl of the VM, for architecture code; @arg's type as the ioctl has it. */
int kvm_vm_ioctl(struct kvm_vm *vm, unsigned long request, void *arg);

/* A device inside the VM: @type KVM_DEV_TYPE_*. Returns its fd. */
int kvm_device_create(struct kvm_vm *vm, unsigned type);
int kvm_device_set(int device_fd, uint32_t group, uint64_t attribute, void *value);
int kvm_device_get(int device_fd, uint32_t group, uint64_t attribute, void *value);

int kvm_vcpu_init(struct kvm_vcpu *vcpu, struct kvm_vm *vm, unsigned long id);
void kvm_vcpu_exit(struct kvm_vcpu *vcpu);
/* Until an exit that pvmm must handle; -EINTR: kicked. */
int kvm_vcpu_run(struct kvm_vcpu *vcpu);
int kvm_vcpu_enable(struct kvm_vcpu *vcpu, unsigned capability, uint64_t arg0, uint64_t arg1);
int kvm_vcpu_get_reg(struct kvm_vcpu *vcpu, uint64_t id, void *value);
int kvm_vcpu_set_reg(struct kvm_vcpu *vcpu, uint64_t id, const void *value);
int kvm_vcpu_ioctl(struct kvm_vcpu *vcpu, unsigned long request, void *arg);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCE tables in KVM (Documentation/virt/kvm/api.rst, KVM_CREATE_SPAPR_TCE_64; devices/vfio.rst):
 * one per LIOBN, attached to the window of the group behind it, so that KVM handles H_PUT_TCE
 * and H_GET_TCE, and as wanted H_PUT_TCE_INDIRECT and H_STUFF_TCE. It passes a call on when memory
 * is not registered, or when it makes no sense of it.
 *
 * KVM finds a window by the group's file. What it refers to holds up a device that the host wants
 * back, so it has the file no longer than the group's backend needs (group_kvm_hide()): for a
 * moment, or as long as KVM's VFIO device.
 */
#ifndef PVMM_PAPR_TCE_KVM_H
#define PVMM_PAPR_TCE_KVM_H

#include "devices/papr_ddw.h"
#include "vmm/config.h"
#include "vmm/kvm.h"
#include "vmm/vcpu.h"

struct papr_tce_kvm_table {
	uint32_t liobn;
	struct group *group;
	int fd;				/* KVM's, whose close frees the table */
	uint64_t *entries;
	size_t size;			/* bytes of entries */
};

/* Of a group that needs it. */
struct papr_tce_kvm_file {
	const struct group *group;
	int fd;				/* owned */
};

struct papr_tce_kvm {
	struct papr_tce_kernel kernel;
	struct kvm_vm *vm;
	struct vcpus *vcpus;
	pthread_mutex_t lock;		/* all below */
	int device_fd;			/* KVM's VFIO device, one per VM; -1: not made yet */
	unsigned nr_files;
	struct papr_tce_kvm_file files[CONFIG_GROUPS_MAX];	/* that KVM has */
	unsigned nr_tables;
	struct papr_tce_kvm_table tables[CONFIG_GROUPS_MAX * PAPR_DDW_WINDOWS];
};

/*
 * Makes nothing in KVM yet: that may have no such tables, which the first create says. With TCE_KVM
 * it gets H_PUT_TCE_INDIRECT and H_STUFF_TCE as well, which in Linux 6.12 trust the guest; with
 * TCE_PVMM not even H_PUT_TCE, which it has from the start.
 * @vcpus may be made later. 0 or a negative errno.
 */
int papr_tce_kvm_init(struct papr_tce_kvm *kvm, struct kvm_vm *vm, struct vcpus *vcpus,
		      enum tce_choice choice);
/* All tables have been destroyed. */
void papr_tce_kvm_exit(struct papr_tce_kvm *kvm);

#endif

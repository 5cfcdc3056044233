/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCE tables in KVM (Documentation/virt/kvm/api.rst, KVM_CREATE_SPAPR_TCE_64; devices/vfio.rst):
 * one per LIOBN, attached to the window of the group behind it, so that KVM handles H_PUT_TCE
 * and H_GET_TCE, and as wanted H_PUT_TCE_INDIRECT and H_STUFF_TCE. It passes a call on when memory is not
 * registered, or when it makes no sense of it.
 */
#ifndef PVMM_PAPR_TCE_KVM_H
#define PVMM_PAPR_TCE_KVM_H

#include "devices/papr_tce.h"
#include "vmm/config.h"
#include "vmm/kvm.h"

struct papr_tce_kvm_table {
	uint32_t liobn;
	struct group *group;
	int fd;				/* KVM's, whose close frees the table */
	uint64_t *entries;
	size_t size;			/* bytes of entries */
	unsigned nr_files;
	int *files;			/* of the group, that the VFIO device has yet; owned */
};

struct papr_tce_kvm {
	struct papr_tce_kernel kernel;
	struct kvm_vm *vm;
	int device_fd;			/* KVM's VFIO device, one per VM; -1: not made yet */
	unsigned nr_tables;
	struct papr_tce_kvm_table tables[CONFIG_GROUPS_MAX];
};

/*
 * Makes nothing in KVM yet: that may have no such tables, which the first create says. @lists:
 * KVM gets H_PUT_TCE_INDIRECT and H_STUFF_TCE as well, which in Linux 6.12 trust the guest.
 */
void papr_tce_kvm_init(struct papr_tce_kvm *kvm, struct kvm_vm *vm, bool lists);
/* All tables have been destroyed. */
void papr_tce_kvm_exit(struct papr_tce_kvm *kvm);

#endif

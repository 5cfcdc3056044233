/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vCPUs, each on a thread: running, parked (off until another vCPU or the boot starts it) or
 * told to quit. What an exit means is the architecture's business (vcpu_ops).
 */
#ifndef PVMM_VCPU_H
#define PVMM_VCPU_H

#include <pthread.h>

#include "vmm/kvm.h"
#include "vmm/log.h"
#include "vmm/vcpu_threads.h"

struct vcpu;
struct vcpus;

struct vcpu_ops {
	/* Makes the vCPU known to the interrupt controller, sets what never changes. */
	int (*init)(struct vcpu *vcpu);
	/* Handles the exit in vcpu->kvm.run; an error stops the VM after one line on log. */
	int (*handle_exit)(struct vcpu *vcpu);
	/* A vCPU cannot go on: the VM must stop. Any vCPU thread. */
	void (*failed)(struct vcpu *vcpu);
};

enum vcpu_state { VCPU_PARKED, VCPU_RUNNING };

struct vcpu {
	struct vcpus *vcpus;
	unsigned index;		/* also KVM's id and the guest's server number */
	struct kvm_vcpu kvm;
	struct vcpu_thread *thread;
	enum vcpu_state state;	/* vcpus.lock */
	bool has_work;		/* vcpus.lock */
	bool inside;		/* vcpus.lock: not parked, may be in the guest */
	bool entered;		/* in KVM_RUN, or about to be; atomic */
	bool wanted;		/* must look at what is under vcpus.lock before it enters; atomic */
};

struct vcpus {
	const struct vcpu_ops *ops;
	void *machine;		/* the architecture's */
	struct log *log;
	pthread_mutex_t lock;
	pthread_cond_t changed;	/* any field under lock */
	bool quit;		/* lock */
	bool alone;		/* somebody runs while no vCPU enters. Set under lock; atomic */
	void (*work)(struct vcpu *vcpu, void *arg);	/* lock; what has_work asks for */
	void *work_arg;
	unsigned nr_vcpus;
	struct vcpu *vcpus;
};

/*
 * Makes as many vCPUs as there are threads, all parked; the threads do nothing else until vcpus_exit().
 * 0 or a negative errno, nothing held.
 */
int vcpus_init(struct vcpus *vcpus, struct vcpu_threads *threads, struct kvm_vm *vm,
	       const struct vcpu_ops *ops, void *machine, struct log *log);
/* Stops the vCPUs, wherever they are, and frees. */
void vcpus_exit(struct vcpus *vcpus);

/* NULL when there is no such vCPU. */
struct vcpu *vcpus_get(struct vcpus *vcpus, uint64_t index);

/*
 * Starts a parked vCPU after @prepare (its registers) has run: 0, -EBUSY when it is not
 * parked or all are to end, or what @prepare returned. Any thread.
 */
int vcpu_start(struct vcpu *vcpu, int (*prepare)(struct vcpu *vcpu, void *arg), void *arg);
/* Parks the calling vCPU once its present exit is handled. */
void vcpu_park(struct vcpu *vcpu);
bool vcpu_is_parked(struct vcpu *vcpu);

/*
 * Runs @work for every vCPU while that vCPU is out of the guest, and returns when all have.
 * Called by @self's thread, or by another thread with NULL.
 */
void vcpus_run_on_all(struct vcpus *vcpus, struct vcpu *self,
		      void (*work)(struct vcpu *vcpu, void *arg), void *arg);

/*
 * Runs @work once, by the caller, while no vCPU is in the guest or in KVM's handling of one of its
 * calls. Others may handle exits meanwhile, which the caller must not wait for while it has a lock
 * that they take. Any thread, without such a lock; a vCPU's while it handles an exit.
 */
void vcpus_run_alone(struct vcpus *vcpus, void (*work)(void *arg), void *arg);

/* Installs the signal handler that vCPU kicks need; once per process, before any vcpus_init. */
int vcpu_setup_signal(void);

#endif

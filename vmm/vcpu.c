/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vCPUs: running, parking, and stopping them for work from outside. */
#include <errno.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/vcpu.h"

#define KICK_SIGNAL SIGUSR1

/* Only there so that the signal interrupts KVM_RUN instead of ending the process. */
static void ignore_kick(int signal)
{
	(void)signal;
}

int vcpu_setup_signal(void)
{
	struct sigaction action = { .sa_handler = ignore_kick };

	return sigaction(KICK_SIGNAL, &action, NULL) ? -errno : 0;
}

/*
 * Gets @vcpu out of the guest, or keeps it from entering. The order closes the window between
 * its last look (enter) and KVM_RUN: it clears immediate_exit before.
 */
static void kick(struct vcpu *vcpu)
{
	__atomic_store_n(&vcpu->kvm.run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	pthread_kill(vcpu->thread->id, KICK_SIGNAL);
}

/* With the lock held: @vcpu enters the guest no more before it has looked at what is under it. */
static void want(struct vcpu *vcpu)
{
	__atomic_store_n(&vcpu->wanted, true, __ATOMIC_SEQ_CST);
}

static void want_all(struct vcpus *vcpus)
{
	for (unsigned i = 0; i < vcpus->nr_vcpus; i++)
		want(&vcpus->vcpus[i]);
}

/* Lets KVM finish the last exit (a hypercall's results go to registers on the next KVM_RUN)
 * without entering the guest. False: there is another part to handle first (of a vector load
 * or store). */
static bool complete_exit(struct vcpu *vcpu)
{
	int error;

	vcpu->kvm.run->immediate_exit = 1;
	error = kvm_vcpu_run(&vcpu->kvm);
	vcpu->kvm.run->immediate_exit = 0;
	return error != 0;
}

/* With the lock held. Who asked does not wait any more at the end: its argument may be gone. */
static void do_work(struct vcpu *vcpu)
{
	struct vcpus *vcpus = vcpu->vcpus;

	if (!vcpu->has_work || vcpus->quit)
		return;
	vcpus->work(vcpu, vcpus->work_arg);
	vcpu->has_work = false;
	pthread_cond_broadcast(&vcpus->changed);
}

static void fail(struct vcpu *vcpu)
{
	vcpu->vcpus->ops->failed(vcpu);
	vcpu_park(vcpu);
}

static void handle_exit(struct vcpu *vcpu)
{
	if (vcpu->vcpus->ops->handle_exit(vcpu))
		fail(vcpu);
}

/* With the lock held: work that others ask for, once the last exit is handled to its end. */
static void finish_exit(struct vcpu *vcpu)
{
	struct vcpus *vcpus = vcpu->vcpus;

	while ((vcpu->has_work || vcpu->state == VCPU_PARKED) && !complete_exit(vcpu)) {
		pthread_mutex_unlock(&vcpus->lock);
		handle_exit(vcpu);
		pthread_mutex_lock(&vcpus->lock);
	}
	do_work(vcpu);
}

/* With the lock held. It says once that it is outside: parked vCPUs that answered every change
 * with another would keep each other awake. */
static void wait_parked(struct vcpu *vcpu)
{
	struct vcpus *vcpus = vcpu->vcpus;

	if (vcpu->state == VCPU_PARKED) {
		vcpu->inside = false;
		pthread_cond_broadcast(&vcpus->changed);
	}
	while (!vcpus->quit && vcpu->state == VCPU_PARKED) {
		pthread_cond_wait(&vcpus->changed, &vcpus->lock);
		do_work(vcpu);
	}
}

/* Who runs alone waits for it. */
static void left_guest(struct vcpu *vcpu)
{
	struct vcpus *vcpus = vcpu->vcpus;

	__atomic_store_n(&vcpu->entered, false, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&vcpus->alone, __ATOMIC_SEQ_CST))
		return;
	pthread_mutex_lock(&vcpus->lock);
	pthread_cond_broadcast(&vcpus->changed);
	pthread_mutex_unlock(&vcpus->lock);
}

/*
 * Without the lock, which all vCPUs would take at every exit. This side sets entered, then looks at
 * wanted; the other sets wanted, then looks at entered: at least one of the two sees the other.
 */
static bool enter(struct vcpu *vcpu)
{
	__atomic_store_n(&vcpu->kvm.run->immediate_exit, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&vcpu->entered, true, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&vcpu->wanted, __ATOMIC_SEQ_CST))
		return true;
	left_guest(vcpu);
	return false;
}

/* With the lock held: what is wanted of the vCPU, and back when it is to run or to end. */
static void wait_unwanted(struct vcpu *vcpu)
{
	struct vcpus *vcpus = vcpu->vcpus;

	do {
		finish_exit(vcpu);
		wait_parked(vcpu);
		vcpu->inside = true;
		while (vcpus->alone && !vcpus->quit && !vcpu->has_work)
			pthread_cond_wait(&vcpus->changed, &vcpus->lock);
	} while (vcpu->has_work && !vcpus->quit);
}

/* Waits until the vCPU may enter the guest; false: it must end. */
static bool wait_until_runnable(struct vcpu *vcpu)
{
	struct vcpus *vcpus = vcpu->vcpus;
	bool quit;

	while (!enter(vcpu)) {
		pthread_mutex_lock(&vcpus->lock);
		wait_unwanted(vcpu);
		quit = vcpus->quit;
		__atomic_store_n(&vcpu->wanted, quit, __ATOMIC_SEQ_CST);
		pthread_mutex_unlock(&vcpus->lock);
		if (quit)
			return false;
	}
	return true;
}

/* In and out of the guest once; an error stops the VM after one line on log. */
static void run_once(struct vcpu *vcpu)
{
	int error = kvm_vcpu_run(&vcpu->kvm);

	left_guest(vcpu);
	if (error == -EINTR || error == -EAGAIN)
		return;
	if (!error) {
		handle_exit(vcpu);
		return;
	}
	log_error(vcpu->vcpus->log, "vCPU %u: KVM_RUN failed: %s", vcpu->index, strerror(-error));
	fail(vcpu);
}

static void run(void *arg)
{
	struct vcpu *vcpu = arg;

	while (wait_until_runnable(vcpu))
		run_once(vcpu);
}

static int init_vcpu(struct vcpus *vcpus, unsigned index, struct vcpu_thread *thread,
		     struct kvm_vm *vm)
{
	struct vcpu *vcpu = &vcpus->vcpus[index];
	int error;

	*vcpu = (struct vcpu){ .vcpus = vcpus, .index = index, .thread = thread,
				.state = VCPU_PARKED, .wanted = true };
	error = kvm_vcpu_init(&vcpu->kvm, vm, index);
	if (error)
		return error;
	error = vcpus->ops->init(vcpu);
	if (error)
		kvm_vcpu_exit(&vcpu->kvm);
	else
		vcpu_thread_run(thread, run, vcpu);
	return error;
}

int vcpus_init(struct vcpus *vcpus, struct vcpu_threads *threads, struct kvm_vm *vm,
	       const struct vcpu_ops *ops, void *machine, struct log *log)
{
	int error = 0;

	*vcpus = (struct vcpus){ .ops = ops, .machine = machine, .log = log };
	vcpus->vcpus = calloc(threads->count, sizeof(*vcpus->vcpus));
	if (!vcpus->vcpus)
		return -ENOMEM;
	pthread_mutex_init(&vcpus->lock, NULL);
	pthread_cond_init(&vcpus->changed, NULL);
	while (vcpus->nr_vcpus < threads->count) {
		error = init_vcpu(vcpus, vcpus->nr_vcpus, &threads->all[vcpus->nr_vcpus], vm);
		if (error)
			break;
		vcpus->nr_vcpus++;
	}
	if (error)
		vcpus_exit(vcpus);
	return error;
}

void vcpus_exit(struct vcpus *vcpus)
{
	if (!vcpus->vcpus)
		return;
	pthread_mutex_lock(&vcpus->lock);
	vcpus->quit = true;
	want_all(vcpus);
	pthread_cond_broadcast(&vcpus->changed);
	pthread_mutex_unlock(&vcpus->lock);
	for (unsigned i = 0; i < vcpus->nr_vcpus; i++)
		kick(&vcpus->vcpus[i]);
	/* Any of the threads may still be about to touch another vCPU. */
	for (unsigned i = 0; i < vcpus->nr_vcpus; i++)
		vcpu_thread_wait(vcpus->vcpus[i].thread);
	for (unsigned i = 0; i < vcpus->nr_vcpus; i++)
		kvm_vcpu_exit(&vcpus->vcpus[i].kvm);
	pthread_cond_destroy(&vcpus->changed);
	pthread_mutex_destroy(&vcpus->lock);
	free(vcpus->vcpus);
	vcpus->vcpus = NULL;
	vcpus->nr_vcpus = 0;
}

struct vcpu *vcpus_get(struct vcpus *vcpus, uint64_t index)
{
	return index < vcpus->nr_vcpus ? &vcpus->vcpus[index] : NULL;
}

int vcpu_start(struct vcpu *vcpu, int (*prepare)(struct vcpu *vcpu, void *arg), void *arg)
{
	struct vcpus *vcpus = vcpu->vcpus;
	int error = 0;

	pthread_mutex_lock(&vcpus->lock);
	/* It may have been told to park and still be finishing its last exit; meanwhile another
	 * may start it. */
	while (vcpu->state == VCPU_PARKED && vcpu->inside && !vcpus->quit)
		pthread_cond_wait(&vcpus->changed, &vcpus->lock);
	if (vcpu->state != VCPU_PARKED || vcpus->quit)
		error = -EBUSY;
	if (!error)
		error = prepare(vcpu, arg);
	if (!error) {
		vcpu->state = VCPU_RUNNING;
		pthread_cond_broadcast(&vcpus->changed);
	}
	pthread_mutex_unlock(&vcpus->lock);
	return error;
}

void vcpu_park(struct vcpu *vcpu)
{
	pthread_mutex_lock(&vcpu->vcpus->lock);
	vcpu->state = VCPU_PARKED;
	want(vcpu);
	pthread_mutex_unlock(&vcpu->vcpus->lock);
}

bool vcpu_is_parked(struct vcpu *vcpu)
{
	bool parked;

	pthread_mutex_lock(&vcpu->vcpus->lock);
	parked = vcpu->state == VCPU_PARKED && !vcpu->inside;
	pthread_mutex_unlock(&vcpu->vcpus->lock);
	return parked;
}

/* With the lock held: is anyone still to do the present work? */
static bool work_pending(const struct vcpus *vcpus)
{
	for (unsigned i = 0; i < vcpus->nr_vcpus; i++)
		if (vcpus->vcpus[i].has_work)
			return true;
	return false;
}

/* Waits for a change; a vCPU does meanwhile what others ask of it, so that two vCPUs that
 * both want work from all do not wait for each other. */
static void wait_for_change(struct vcpus *vcpus, struct vcpu *self)
{
	if (self && self->has_work)
		do_work(self);
	else
		pthread_cond_wait(&vcpus->changed, &vcpus->lock);
}

void vcpus_run_on_all(struct vcpus *vcpus, struct vcpu *self,
		      void (*work)(struct vcpu *vcpu, void *arg), void *arg)
{
	pthread_mutex_lock(&vcpus->lock);
	while (work_pending(vcpus) && !vcpus->quit)
		wait_for_change(vcpus, self);
	vcpus->work = work;
	vcpus->work_arg = arg;
	/* At the end others may have stopped already: none is kicked any more. */
	for (unsigned i = 0; i < vcpus->nr_vcpus && !vcpus->quit; i++) {
		vcpus->vcpus[i].has_work = true;
		want(&vcpus->vcpus[i]);
		if (&vcpus->vcpus[i] != self)
			kick(&vcpus->vcpus[i]);
	}
	pthread_cond_broadcast(&vcpus->changed);
	while (work_pending(vcpus) && !vcpus->quit)
		wait_for_change(vcpus, self);
	pthread_mutex_unlock(&vcpus->lock);
}

/* With the lock held. At the end vCPUs may have stopped already: none is kicked, and none enters. */
static bool kick_entered(struct vcpus *vcpus)
{
	bool any = false;

	for (unsigned i = 0; i < vcpus->nr_vcpus; i++) {
		if (!__atomic_load_n(&vcpus->vcpus[i].entered, __ATOMIC_SEQ_CST))
			continue;
		any = true;
		if (!vcpus->quit)
			kick(&vcpus->vcpus[i]);
	}
	return any;
}

void vcpus_run_alone(struct vcpus *vcpus, void (*work)(void *arg), void *arg)
{
	pthread_mutex_lock(&vcpus->lock);
	while (vcpus->alone)
		pthread_cond_wait(&vcpus->changed, &vcpus->lock);
	__atomic_store_n(&vcpus->alone, true, __ATOMIC_SEQ_CST);
	want_all(vcpus);
	while (kick_entered(vcpus))
		pthread_cond_wait(&vcpus->changed, &vcpus->lock);
	pthread_mutex_unlock(&vcpus->lock);
	work(arg);
	pthread_mutex_lock(&vcpus->lock);
	__atomic_store_n(&vcpus->alone, false, __ATOMIC_SEQ_CST);
	pthread_cond_broadcast(&vcpus->changed);
	pthread_mutex_unlock(&vcpus->lock);
}

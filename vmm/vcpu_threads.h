/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The threads that vCPUs run on: made before the sandbox, in which none can be made, and lent to
 * the vCPUs of one machine after another.
 */
#ifndef PVMM_VCPU_THREADS_H
#define PVMM_VCPU_THREADS_H

#include <pthread.h>

#include "vmm/log.h"

struct vcpu_threads;

struct vcpu_thread {
	struct vcpu_threads *threads;
	pthread_t id;
	void (*run)(void *arg);	/* threads->lock; what it does at present. NULL: nothing */
	void *arg;
};

struct vcpu_threads {
	int (*begin)(struct log *log);
	struct log *log;
	pthread_mutex_t lock;
	pthread_cond_t changed;	/* any field under lock, and each thread's */
	bool quit;
	unsigned nr_begun;
	int error;		/* of any thread's begin(); 0: none */
	unsigned count;
	struct vcpu_thread *all;
};

/*
 * Makes @count threads. The first thing that each does is @begin (NULL: nothing), which logs its own
 * failure. 0 or a negative errno, nothing held.
 */
int vcpu_threads_init(struct vcpu_threads *threads, unsigned count, int (*begin)(struct log *log),
		      struct log *log);
/* Ends them. None runs anything. Accepts what is all zeroes. */
void vcpu_threads_exit(struct vcpu_threads *threads);

/* Has a thread that does nothing call @run. */
void vcpu_thread_run(struct vcpu_thread *thread, void (*run)(void *arg), void *arg);
/* Waits until it has returned. */
void vcpu_thread_wait(struct vcpu_thread *thread);

#endif

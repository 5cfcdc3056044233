/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The vCPUs' threads: what they do between one machine's vCPUs and the next one's. */
#include "vmm/vcpu_threads.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void note_begun(struct vcpu_threads *threads, int error)
{
	if (error)
		threads->error = error;
	threads->nr_begun++;
	pthread_cond_broadcast(&threads->changed);
}

static void *serve(void *arg)
{
	struct vcpu_thread *thread = arg;
	struct vcpu_threads *threads = thread->threads;
	int error = threads->begin ? threads->begin(threads->log) : 0;

	pthread_mutex_lock(&threads->lock);
	note_begun(threads, error);
	while (!threads->quit) {
		if (!thread->run) {
			pthread_cond_wait(&threads->changed, &threads->lock);
			continue;
		}
		pthread_mutex_unlock(&threads->lock);
		thread->run(thread->arg);
		pthread_mutex_lock(&threads->lock);
		thread->run = NULL;
		pthread_cond_broadcast(&threads->changed);
	}
	pthread_mutex_unlock(&threads->lock);
	return NULL;
}

static int create(struct vcpu_threads *threads, unsigned count)
{
	int error = 0;

	threads->all = calloc(count, sizeof(*threads->all));
	if (!threads->all)
		error = -ENOMEM;
	while (!error && threads->count < count) {
		struct vcpu_thread *thread = &threads->all[threads->count];

		thread->threads = threads;
		error = -pthread_create(&thread->id, NULL, serve, thread);
		if (!error)
			threads->count++;
	}
	if (error)
		log_error(threads->log, "no threads for %u vCPUs: %s", count, strerror(-error));
	return error;
}

static int wait_begun(struct vcpu_threads *threads)
{
	int error;

	pthread_mutex_lock(&threads->lock);
	while (threads->nr_begun < threads->count)
		pthread_cond_wait(&threads->changed, &threads->lock);
	error = threads->error;
	pthread_mutex_unlock(&threads->lock);
	return error;
}

int vcpu_threads_init(struct vcpu_threads *threads, unsigned count, int (*begin)(struct log *log),
		      struct log *log)
{
	int error;

	*threads = (struct vcpu_threads){ .begin = begin, .log = log };
	pthread_mutex_init(&threads->lock, NULL);
	pthread_cond_init(&threads->changed, NULL);
	error = create(threads, count);
	if (!error)
		error = wait_begun(threads);
	if (error)
		vcpu_threads_exit(threads);
	return error;
}

void vcpu_threads_exit(struct vcpu_threads *threads)
{
	unsigned i;

	if (!threads->log)
		return;
	pthread_mutex_lock(&threads->lock);
	threads->quit = true;
	pthread_cond_broadcast(&threads->changed);
	pthread_mutex_unlock(&threads->lock);
	for (i = 0; i < threads->count; i++)
		pthread_join(threads->all[i].id, NULL);
	free(threads->all);
	pthread_cond_destroy(&threads->changed);
	pthread_mutex_destroy(&threads->lock);
	threads->log = NULL;
}

void vcpu_thread_run(struct vcpu_thread *thread, void (*run)(void *arg), void *arg)
{
	struct vcpu_threads *threads = thread->threads;

	pthread_mutex_lock(&threads->lock);
	thread->arg = arg;
	thread->run = run;
	pthread_cond_broadcast(&threads->changed);
	pthread_mutex_unlock(&threads->lock);
}

void vcpu_thread_wait(struct vcpu_thread *thread)
{
	struct vcpu_threads *threads = thread->threads;

	pthread_mutex_lock(&threads->lock);
	while (thread->run)
		pthread_cond_wait(&threads->changed, &threads->lock);
	pthread_mutex_unlock(&threads->lock);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chunks of guest memory that are registered for DMA. */
#include "devices/papr_dma.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_MIN (1 * MIB)
/*
 * The kernel looks a page up in a linear list of what is registered: so many chunks at most if that
 * is all of memory, more and smaller ones if it is what is in use, so that little more is locked.
 */
#define CHUNKS_MAX_ALL 256
#define CHUNKS_MAX 4096
/* There is a search when so many are registered, or one in so many, whichever is more. */
#define THRESHOLD_MIN 256
#define THRESHOLD_PART 8
/* The kernel's table, its copy of addresses, and KVM's table. */
#define TABLE_COPIES 3
#define TOLD_EVERY_MS 60000
#define PROGRESS_PARTS 4

/* The kernel finds a page in one chunk only, so none is smaller than a page can be. */
static void cut(struct papr_dma_memory *dma)
{
	uint64_t size = dma->memory->size, most = dma->policy.all ? CHUNKS_MAX_ALL : CHUNKS_MAX;

	dma->chunk_size = guest_memory_page_size(dma->memory);
	if (dma->chunk_size < CHUNK_MIN)
		dma->chunk_size = CHUNK_MIN;
	while (dma->chunk_size < size / most)
		dma->chunk_size *= 2;
	dma->nr_chunks = align_up(size, dma->chunk_size) / dma->chunk_size;
}

/* With the lock held: there will be a search when as many again are registered. */
static void set_threshold(struct papr_dma_memory *dma)
{
	dma->threshold = dma->nr_chunks / THRESHOLD_PART;
	if (dma->threshold < THRESHOLD_MIN)
		dma->threshold = THRESHOLD_MIN;
	if (dma->threshold < 2 * dma->nr_registered)
		dma->threshold = 2 * dma->nr_registered;
}

int papr_dma_memory_init(struct papr_dma_memory *dma, struct guest_memory *memory,
			 const struct papr_dma_policy *policy, struct log *log)
{
	int err;

	memset(dma, 0, sizeof(*dma));
	dma->memory = memory;
	dma->policy = *policy;
	dma->log = log;
	cut(dma);
	set_threshold(dma);
	err = -pthread_mutex_init(&dma->search_lock, NULL);
	if (err)
		return err;
	err = -pthread_mutex_init(&dma->lock, NULL);
	if (err)
		pthread_mutex_destroy(&dma->search_lock);
	return err;
}

void papr_dma_memory_exit(struct papr_dma_memory *dma)
{
	pthread_mutex_destroy(&dma->lock);
	pthread_mutex_destroy(&dma->search_lock);
}

int papr_dma_user_init(struct papr_dma_user *user, struct papr_dma_memory *dma,
		       struct group *group)
{
	*user = (struct papr_dma_user){ .dma = dma, .next = dma->users, .group = group };
	user->registered = calloc(dma->nr_chunks / 8 + 1, 1);
	if (!user->registered)
		return -ENOMEM;
	dma->users = user;
	return 0;
}

/* The last chunk ends where memory ends. */
static uint64_t chunk_range(const struct papr_dma_memory *dma, uint64_t chunk, uint64_t *hva)
{
	uint64_t offset = chunk * dma->chunk_size;
	uint64_t size = dma->memory->size - offset;

	if (size > dma->chunk_size)
		size = dma->chunk_size;
	*hva = guest_memory_hva(dma->memory, dma->memory->base + offset, size);
	return size;
}

/* With the lock held, as the next. */
static bool is_registered(const struct papr_dma_memory *dma, uint64_t chunk)
{
	const struct papr_dma_user *user;

	for (user = dma->users; user; user = user->next) {
		if (papr_dma_bit(user->registered, chunk))
			return true;
	}
	return false;
}

static int register_chunk(struct papr_dma_user *user, uint64_t chunk)
{
	uint64_t hva, size = chunk_range(user->dma, chunk, &hva);
	int err = group_register_memory(user->group, hva, size);

	if (err)
		return err;
	user->dma->nr_registered += !is_registered(user->dma, chunk);
	papr_dma_set_bit(user->registered, chunk);
	return 0;
}

static void forget_chunk(struct papr_dma_user *user, uint64_t chunk)
{
	papr_dma_clear_bit(user->registered, chunk);
	user->dma->nr_registered -= !is_registered(user->dma, chunk);
}

static bool unregister_chunk(struct papr_dma_user *user, uint64_t chunk)
{
	uint64_t hva, size = chunk_range(user->dma, chunk, &hva);

	if (group_unregister_memory(user->group, hva, size))
		return false;
	forget_chunk(user, chunk);
	return true;
}

/* What cannot be unregistered goes with the group, or with this process. */
static void unregister_all(struct papr_dma_user *user)
{
	uint64_t chunk;

	pthread_mutex_lock(&user->dma->lock);
	for (chunk = 0; chunk < user->dma->nr_chunks; chunk++) {
		if (papr_dma_bit(user->registered, chunk) && !unregister_chunk(user, chunk))
			forget_chunk(user, chunk);
	}
	pthread_mutex_unlock(&user->dma->lock);
}

void papr_dma_user_exit(struct papr_dma_user *user)
{
	struct papr_dma_user **link;

	if (!user->registered)
		return;
	unregister_all(user);
	for (link = &user->dma->users; *link != user; link = &(*link)->next)
		;
	*link = user->next;
	free(user->registered);
	user->registered = NULL;
}

static void first_and_last(const struct papr_dma_memory *dma, uint64_t gpa, uint64_t size,
			   uint64_t *first, uint64_t *last)
{
	*first = (gpa - dma->memory->base) / dma->chunk_size;
	*last = (gpa - dma->memory->base + size - 1) / dma->chunk_size;
}

uint64_t papr_dma_missing(struct papr_dma_user *user, uint64_t gpa, uint64_t size)
{
	uint64_t chunk, last, missing = 0;

	first_and_last(user->dma, gpa, size, &chunk, &last);
	pthread_mutex_lock(&user->dma->lock);
	for (; chunk <= last; chunk++)
		missing += !papr_dma_bit(user->registered, chunk);
	pthread_mutex_unlock(&user->dma->lock);
	return missing;
}

/* Mostly that is known without the lock, which all vCPUs would take for each TCE. */
int papr_dma_register(struct papr_dma_user *user, uint64_t gpa, uint64_t size, bool *first)
{
	uint64_t chunk, last;
	int err = 0;

	first_and_last(user->dma, gpa, size, &chunk, &last);
	while (chunk <= last && papr_dma_bit(user->registered, chunk))
		chunk++;
	if (chunk > last)
		return 0;
	pthread_mutex_lock(&user->dma->lock);
	for (; !err && chunk <= last; chunk++) {
		if (papr_dma_bit(user->registered, chunk))
			continue;
		*first = true;
		err = register_chunk(user, chunk);
	}
	pthread_mutex_unlock(&user->dma->lock);
	return err;
}

/* With the lock held. */
static void tell_limit(struct papr_dma_user *user)
{
	struct papr_dma_memory *dma = user->dma;
	uint64_t now = monotonic_ms(), need = dma->memory->size + dma->table_bytes;

	if (dma->told_ms && now - dma->told_ms < TOLD_EVERY_MS)
		return;
	dma->told_ms = now;
	log_error(dma->log, "%s: the host does not let more guest memory be locked for DMA, and the "
		  "guest's driver gets an error; raise the limit to %llu KiB at most (ulimit -l), "
		  "or free memory of the host's if there is no limit",
		  user->group->path, (unsigned long long)(align_up(need, KIB) / KIB));
}

void papr_dma_tell_error(struct papr_dma_user *user, struct log_limit *limit, int err)
{
	if (err == -ENOMEM) {
		pthread_mutex_lock(&user->dma->lock);
		tell_limit(user);
		pthread_mutex_unlock(&user->dma->lock);
	} else {
		log_guest(user->dma->log, limit, "%s: guest memory cannot be registered for DMA: "
			  "%s%s", user->group->path, strerror(-err), group_dma_hint(err));
	}
}

void papr_dma_count_table(struct papr_dma_memory *dma, int64_t bytes)
{
	pthread_mutex_lock(&dma->lock);
	dma->table_bytes += (uint64_t)(bytes * TABLE_COPIES);
	pthread_mutex_unlock(&dma->lock);
}

static void tell_progress(const struct papr_dma_user *user, uint64_t chunk)
{
	const struct papr_dma_memory *dma = user->dma;
	uint64_t part = dma->nr_chunks / PROGRESS_PARTS;

	if (chunk == dma->nr_chunks || (part && chunk % part == 0))
		log_notice(dma->log, "%s: %llu%% of guest memory locked for DMA", user->group->path,
			   (unsigned long long)(chunk * 100 / dma->nr_chunks));
}

static int register_all(struct papr_dma_user *user)
{
	uint64_t chunk;
	int err = 0;

	for (chunk = 0; !err && chunk < user->dma->nr_chunks; chunk++) {
		if (!papr_dma_bit(user->registered, chunk))
			err = register_chunk(user, chunk);
		if (!err)
			tell_progress(user, chunk + 1);
	}
	return err;
}

int papr_dma_register_all(struct papr_dma_memory *dma)
{
	struct papr_dma_user *user;
	int err = 0;

	pthread_mutex_lock(&dma->lock);
	for (user = dma->users; user && !err; user = user->next) {
		err = register_all(user);
		if (err)
			log_error(dma->log, "--dma all: %s: guest memory cannot be locked: %s%s; or "
				  "leave it to --dma ondemand", user->group->path, strerror(-err),
				  group_dma_hint(err));
	}
	pthread_mutex_unlock(&dma->lock);
	return err;
}

/* With the lock held. By all, or it stays locked. */
static bool release_chunk(struct papr_dma_memory *dma, uint64_t chunk)
{
	struct papr_dma_user *user;
	bool all = true;

	for (user = dma->users; user; user = user->next) {
		if (papr_dma_bit(user->registered, chunk) && !unregister_chunk(user, chunk))
			all = false;
	}
	return all;
}

uint64_t papr_dma_release(struct papr_dma_memory *dma, const uint8_t *used, uint64_t wanted)
{
	uint64_t left = dma->nr_chunks, released = 0;

	pthread_mutex_lock(&dma->lock);
	for (; left && released < wanted; left--) {
		uint64_t chunk = dma->hand;

		dma->hand = (chunk + 1) % dma->nr_chunks;
		if (is_registered(dma, chunk) && !papr_dma_bit(used, chunk))
			released += release_chunk(dma, chunk);
	}
	pthread_mutex_unlock(&dma->lock);
	return released;
}

uint64_t papr_dma_nr_registered(struct papr_dma_memory *dma)
{
	uint64_t count;

	pthread_mutex_lock(&dma->lock);
	count = dma->nr_registered;
	pthread_mutex_unlock(&dma->lock);
	return count;
}

bool papr_dma_has_many(struct papr_dma_memory *dma)
{
	bool many;

	pthread_mutex_lock(&dma->lock);
	many = dma->nr_registered > dma->threshold;
	pthread_mutex_unlock(&dma->lock);
	return many;
}

void papr_dma_set_threshold(struct papr_dma_memory *dma)
{
	pthread_mutex_lock(&dma->lock);
	set_threshold(dma);
	pthread_mutex_unlock(&dma->lock);
}

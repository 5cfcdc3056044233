/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that no TCE needs any more. Nobody counts the live entries of a chunk: the kernel changes
 * entries without telling. So all tables are searched when memory is wanted, which is seldom.
 *
 * The guest stands still meanwhile. The kernel loses track of a chunk that is unregistered while
 * an entry that the kernel is just setting maps it, and keeps it locked for ever, when this
 * process is long gone (VFIO of Linux 6.12). For the same reason entries of the kernel's are first
 * mapped as they are noted: two calls for one entry at a time, here and there, may have left
 * it otherwise.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices/papr_tce.h"

/* After a search that found little: a guest at its limit must not stand still all the time. */
#define PAUSE_MS 1000

struct search {
	struct papr_dma_memory *dma;
	uint64_t wanted, released;
	uint8_t *used;		/* one bit per chunk */
	uint64_t live;		/* bytes that entries cover */
};

/* Where the kernel trusts the guest, an entry may point anywhere. */
static void mark_used(const struct papr_tce_table *table, uint64_t tce, struct search *it)
{
	const struct papr_dma_memory *dma = table->user->dma;
	uint64_t offset = (tce & ~PAPR_TCE_PERMISSIONS) - dma->memory->base;
	uint64_t page = 1ULL << table->window.page_shift, chunk;

	if (!papr_tce_is_live(tce) || !range_within(offset, page, 0, dma->memory->size))
		return;
	for (chunk = offset / dma->chunk_size; chunk <= (offset + page - 1) / dma->chunk_size;
	     chunk++)
		papr_dma_set_bit(it->used, chunk);
	it->live += page;
}

/* A run of entries that are all live, or all dead, is mapped as it is noted. */
static int settle_run(struct papr_tce_table *table, uint64_t index, uint64_t end)
{
	const struct group_dma_window *window = &table->window;
	unsigned count;
	int err;

	if (!papr_tce_is_live(table->entries[index]))
		return group_unmap(table->user->group, window, papr_tce_iova(table, index),
				   (end - index) << window->page_shift);
	for (err = 0; !err && index < end; index += count) {
		count = end - index < PAPR_TCE_LIST_MAX ? (unsigned)(end - index) :
							  PAPR_TCE_LIST_MAX;
		err = papr_tce_settle(table, index, count);
	}
	return err;
}

/* With the table's lock held. False: something may be mapped that is not noted. */
static bool search_table(struct papr_tce_table *table, struct search *it)
{
	uint64_t count = table->window.size >> table->window.page_shift;
	uint64_t index, end;
	int err = 0, ret;

	for (index = 0; index < count; index = end) {
		bool live = papr_tce_is_live(table->entries[index]);

		for (end = index; end < count && papr_tce_is_live(table->entries[end]) == live; end++)
			mark_used(table, table->entries[end], it);
		ret = table->kernel ? settle_run(table, index, end) : 0;
		err = err ? err : ret;
	}
	/* A group that has lost its devices (-ENODEV) maps nothing, whatever is noted. */
	return !err || err == -ENODEV;
}

static void lock_tables(struct papr_dma_memory *dma)
{
	struct papr_tce_table *table;

	for (table = dma->tables; table; table = table->next)
		pthread_mutex_lock(&table->lock);
}

static void unlock_tables(struct papr_dma_memory *dma)
{
	struct papr_tce_table *table;

	for (table = dma->tables; table; table = table->next)
		pthread_mutex_unlock(&table->lock);
}

static void search(void *arg)
{
	struct search *it = arg;
	struct papr_tce_table *table;
	bool sure = true;

	lock_tables(it->dma);
	for (table = it->dma->tables; table; table = table->next)
		sure = search_table(table, it) && sure;
	if (sure)
		it->released = papr_dma_release(it->dma, it->used, it->wanted);
	unlock_tables(it->dma);
}

/* With the search lock held. */
static void release(struct search *it)
{
	struct papr_tce_kernel *kernel = it->dma->kernel;

	/* What the operator wants locked stays so. */
	if (it->dma->policy.all)
		return;
	it->used = calloc(it->dma->nr_chunks / 8 + 1, 1);
	if (!it->used)
		return;
	if (kernel)
		kernel->ops->run_alone(kernel, search, it);
	else
		search(it);
	free(it->used);
}

uint64_t papr_tce_release_idle(struct papr_dma_memory *dma, uint64_t wanted)
{
	struct search it = { .dma = dma, .wanted = wanted };

	pthread_mutex_lock(&dma->search_lock);
	if (monotonic_ms() >= dma->pause_ms) {
		release(&it);
		if (it.released < wanted)
			dma->pause_ms = monotonic_ms() + PAUSE_MS;
	}
	pthread_mutex_unlock(&dma->search_lock);
	return it.released;
}

void papr_tce_trim(struct papr_dma_memory *dma)
{
	struct search it = { .dma = dma, .wanted = dma->nr_chunks };

	if (!papr_dma_has_many(dma))
		return;
	pthread_mutex_lock(&dma->search_lock);
	/* Another vCPU may have done it meanwhile. */
	if (papr_dma_has_many(dma)) {
		release(&it);
		papr_dma_set_threshold(dma);
	}
	pthread_mutex_unlock(&dma->search_lock);
}

static void tell_given_back(const struct search *it, uint64_t before, bool asked)
{
	void (*say)(struct log *log, const char *format, ...) PRINTF(2, 3) =
		asked ? log_notice : log_info;
	uint64_t chunk_size = it->dma->chunk_size;

	say(it->dma->log, "DMA: %s%llu MiB of %llu MiB of guest memory that was locked is given "
	    "back; devices can reach %llu KiB now", asked ? "" : "the host is short of memory: ",
	    (unsigned long long)(it->released * chunk_size / MIB),
	    (unsigned long long)(before * chunk_size / MIB),
	    (unsigned long long)(it->live / KIB));
}

void papr_tce_give_back(struct papr_dma_memory *dma, bool asked)
{
	struct search it = { .dma = dma, .wanted = dma->nr_chunks };
	uint64_t before;

	pthread_mutex_lock(&dma->search_lock);
	before = papr_dma_nr_registered(dma);
	release(&it);
	pthread_mutex_unlock(&dma->search_lock);
	tell_given_back(&it, before, asked);
}

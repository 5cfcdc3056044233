/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A TCE table: checks what the guest asks for, registers the memory, maps pages. */
#include "devices/papr_tce.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "vmm/papr/hcall.h"

#define PERMISSIONS (PAPR_TCE_READ | PAPR_TCE_WRITE)
#define LIST_ALIGN (4 * KIB)
#define CHUNK_MIN (1 * MIB)
/* The kernel looks a page up in a linear list of chunks: so many of them at most. */
#define CHUNKS_MAX 256

static_assert(PAPR_TCE_READ == GROUP_MAP_READ && PAPR_TCE_WRITE == GROUP_MAP_WRITE &&
	      PAPR_TCE_LIST_MAX == GROUP_LIST_MAX, "a guest's list is the group's");

int papr_dma_memory_init(struct papr_dma_memory *dma, struct guest_memory *memory)
{
	dma->memory = memory;
	dma->chunk_size = CHUNK_MIN;
	while (dma->chunk_size < memory->size / CHUNKS_MAX)
		dma->chunk_size *= 2;
	return -pthread_mutex_init(&dma->lock, NULL);
}

void papr_dma_memory_exit(struct papr_dma_memory *dma)
{
	pthread_mutex_destroy(&dma->lock);
}

static uint64_t entries_size(const struct papr_tce_table *table)
{
	return (table->size >> table->page_shift) * sizeof(*table->entries);
}

static uint64_t nr_chunks(const struct papr_dma_memory *dma)
{
	return align_up(dma->memory->size, dma->chunk_size) / dma->chunk_size;
}

/* Only pages of the table that the guest uses get memory, and small ones. */
static int map_entries(struct papr_tce_table *table)
{
	void *entries;

	entries = mmap(NULL, entries_size(table), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (entries == MAP_FAILED)
		return -errno;
	/* Just a hint: without it large pages would back entries that nobody wrote. */
	(void)madvise(entries, entries_size(table), MADV_NOHUGEPAGE);
	table->own = entries;
	table->entries = entries;
	return 0;
}

int papr_tce_init(struct papr_tce_table *table, struct group *group, struct papr_dma_memory *dma,
		  uint32_t liobn, struct log *log)
{
	int err;

	memset(table, 0, sizeof(*table));
	table->group = group;
	table->dma = dma;
	table->log = log;
	table->liobn = liobn;
	table->iova = group->window.iova;
	table->size = group->window.size;
	table->page_shift = group->window.page_shift;
	table->registered = calloc(nr_chunks(dma) / 8 + 1, 1);
	err = table->registered ? map_entries(table) : -ENOMEM;
	if (err)
		goto free_registered;
	err = -pthread_mutex_init(&table->lock, NULL);
	if (err)
		goto unmap_entries;
	return 0;

unmap_entries:
	munmap(table->own, entries_size(table));
free_registered:
	free(table->registered);
	table->registered = NULL;
	log_error(log, "%s: no memory for its table of DMA mappings: %s", group->path,
		  strerror(-err));
	return err;
}

/* Entries that KVM has set are unmapped where the group has them, not where they are noted: two
 * calls for one entry, here and there, need not leave the two the same. */
static int unmap_window(struct papr_tce_table *table)
{
	return group_unmap(table->group, table->iova, table->size);
}

void papr_tce_exit(struct papr_tce_table *table)
{
	if (!table->registered)
		return;
	papr_tce_detach(table);
	papr_tce_clear(table);
	papr_tce_unregister(table);
	log_info(table->log, "%s: TCEs: pvmm handled %llu calls, %llu of them to register memory",
		 table->group->path, (unsigned long long)table->nr_calls,
		 (unsigned long long)table->nr_first);
	pthread_mutex_destroy(&table->lock);
	munmap(table->own, entries_size(table));
	free(table->registered);
	table->registered = NULL;
}

int papr_tce_attach(struct papr_tce_table *table, struct papr_tce_kernel *kernel)
{
	int err = kernel->ops->create(kernel, table->group, table->liobn, &table->entries);

	if (err)
		table->entries = table->own;
	else
		table->kernel = kernel;
	return err;
}

static uint64_t page_size(const struct papr_tce_table *table)
{
	return 1ULL << table->page_shift;
}

static uint64_t gpa_of(uint64_t tce)
{
	return tce & ~PERMISSIONS;
}

static bool is_live(uint64_t tce)
{
	return tce & PERMISSIONS;
}

/* Index of the entry for @ioba; false when not all @count entries from there are in the window. */
static bool find_entries(const struct papr_tce_table *table, uint64_t ioba, uint64_t count,
			 uint64_t *index)
{
	uint64_t entries = table->size >> table->page_shift;

	if (!is_aligned(ioba, page_size(table)) || ioba < table->iova)
		return false;
	*index = (ioba - table->iova) >> table->page_shift;
	return range_within(*index, count, 0, entries);
}

/* What an entry without permissions holds besides is the guest's business. */
static bool is_valid(const struct papr_tce_table *table, uint64_t tce)
{
	if (!is_live(tce))
		return true;
	return is_aligned(gpa_of(tce), page_size(table)) &&
	       guest_memory_hva(table->dma->memory, gpa_of(tce), page_size(table));
}

static bool is_registered(const struct papr_tce_table *table, uint64_t chunk)
{
	return table->registered[chunk / 8] & 1U << chunk % 8;
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

static void report_registering(struct papr_tce_table *table, int err)
{
	uint64_t need = table->dma->memory->size + entries_size(table);

	if (err == -ENOMEM)
		log_guest(table->log, &table->limit, "%s: the host does not let more guest memory "
			  "be locked for DMA; raise the limit (ulimit -l) to %llu KiB",
			  table->group->path, (unsigned long long)(need / KIB));
	else
		log_guest(table->log, &table->limit, "%s: guest memory cannot be registered for "
			  "DMA: %s", table->group->path, strerror(-err));
}

static int register_chunk(struct papr_tce_table *table, uint64_t chunk)
{
	uint64_t hva, size;
	int err;

	size = chunk_range(table->dma, chunk, &hva);
	pthread_mutex_lock(&table->dma->lock);
	err = group_register_memory(table->group, hva, size);
	pthread_mutex_unlock(&table->dma->lock);
	if (err)
		report_registering(table, err);
	else
		table->registered[chunk / 8] |= (uint8_t)(1U << chunk % 8);
	return err;
}

/* *@first is set if some of the page was not registered before. */
static int register_page(struct papr_tce_table *table, uint64_t tce, bool *first)
{
	const struct papr_dma_memory *dma = table->dma;
	uint64_t offset = gpa_of(tce) - dma->memory->base;
	uint64_t chunk = offset / dma->chunk_size;
	uint64_t last = (offset + page_size(table) - 1) / dma->chunk_size;
	int err = 0;

	for (; !err && chunk <= last; chunk++) {
		if (is_registered(table, chunk))
			continue;
		*first = true;
		err = register_chunk(table, chunk);
	}
	return err;
}

static uint64_t iova_of(const struct papr_tce_table *table, uint64_t index)
{
	return table->iova + (index << table->page_shift);
}

/* What the group is told of a guest's entry: the same permission bits, and where the page is. */
static uint64_t group_entry(const struct papr_tce_table *table, uint64_t tce)
{
	if (!is_live(tce))
		return 0;
	return guest_memory_hva(table->dma->memory, gpa_of(tce), page_size(table)) |
	       (tce & PERMISSIONS);
}

/* Unmaps what is live among @count entries, neighbours together, and zeroes them. */
static int clear_entries(struct papr_tce_table *table, uint64_t index, uint64_t count)
{
	uint64_t end = index + count, run;
	int err;

	for (; index < end; index += run) {
		bool live = is_live(table->entries[index]);

		for (run = 1; index + run < end; run++) {
			if (is_live(table->entries[index + run]) != live)
				break;
		}
		if (!live)
			continue;
		err = group_unmap(table->group, iova_of(table, index), run << table->page_shift);
		if (err)
			return err;
		memset(&table->entries[index], 0, run * sizeof(*table->entries));
	}
	return 0;
}

/*
 * Live entries are replaced as they are: a device that uses one meanwhile finds the old or the
 * new, where none at all would get its group frozen by the host. If not all could be set, all
 * are clear.
 */
static int change_entries(struct papr_tce_table *table, uint64_t index, const uint64_t *tces,
			  uint64_t count)
{
	uint64_t i, list[PAPR_TCE_LIST_MAX];
	int err;

	for (i = 0; i < count; i++)
		list[i] = group_entry(table, tces[i]);
	err = group_map_list(table->group, iova_of(table, index), list, (unsigned)count);
	if (!err)
		memcpy(&table->entries[index], tces, count * sizeof(*tces));
	else if (!group_unmap(table->group, iova_of(table, index), count << table->page_shift))
		memset(&table->entries[index], 0, count * sizeof(*table->entries));
	return err;
}

static int64_t status_of(struct papr_tce_table *table, int err)
{
	if (!err)
		return H_SUCCESS;
	log_guest(table->log, &table->limit, "%s: a DMA mapping cannot be changed: %s",
		  table->group->path, strerror(-err));
	return H_RESOURCE;
}

/* Sets entries that have been checked. All memory is registered before the first changes. */
static int64_t set_entries(struct papr_tce_table *table, uint64_t index, const uint64_t *tces,
			   uint64_t count)
{
	int64_t status = H_SUCCESS;
	bool first = false;
	uint64_t i;

	pthread_mutex_lock(&table->lock);
	table->nr_calls++;
	for (i = 0; status == H_SUCCESS && i < count; i++) {
		if (is_live(tces[i]) && register_page(table, tces[i], &first))
			status = H_RESOURCE;
	}
	table->nr_first += first;
	if (status == H_SUCCESS && count)
		status = status_of(table, change_entries(table, index, tces, count));
	pthread_mutex_unlock(&table->lock);
	return status;
}

int64_t papr_tce_put(struct papr_tce_table *table, uint64_t ioba, uint64_t tce)
{
	uint64_t index;

	if (!find_entries(table, ioba, 1, &index) || !is_valid(table, tce))
		return H_PARAMETER;
	return set_entries(table, index, &tce, 1);
}

int64_t papr_tce_put_list(struct papr_tce_table *table, uint64_t ioba, uint64_t list_gpa,
			  uint64_t count)
{
	uint64_t index, i, tces[PAPR_TCE_LIST_MAX];
	be64 list[PAPR_TCE_LIST_MAX];

	if (count > PAPR_TCE_LIST_MAX || !is_aligned(list_gpa, LIST_ALIGN) ||
	    !find_entries(table, ioba, count, &index) ||
	    guest_memory_read(table->dma->memory, list_gpa, list, count * sizeof(*list)))
		return H_PARAMETER;
	for (i = 0; i < count; i++) {
		tces[i] = be64toh(list[i]);
		if (!is_valid(table, tces[i]))
			return H_PARAMETER;
	}
	return set_entries(table, index, tces, count);
}

int64_t papr_tce_stuff(struct papr_tce_table *table, uint64_t ioba, uint64_t tce, uint64_t count)
{
	uint64_t index, i;
	int err;

	if (is_live(tce) || !find_entries(table, ioba, count, &index))
		return H_PARAMETER;
	pthread_mutex_lock(&table->lock);
	table->nr_calls++;
	err = clear_entries(table, index, count);
	for (i = index; !err && i < index + count; i++) {
		/* A store of what is there already would only take memory. */
		if (table->entries[i] != tce)
			table->entries[i] = tce;
	}
	pthread_mutex_unlock(&table->lock);
	return status_of(table, err);
}

int64_t papr_tce_get(struct papr_tce_table *table, uint64_t ioba, uint64_t *tce)
{
	uint64_t index;

	if (!find_entries(table, ioba, 1, &index))
		return H_PARAMETER;
	pthread_mutex_lock(&table->lock);
	*tce = table->entries[index];
	pthread_mutex_unlock(&table->lock);
	return H_SUCCESS;
}

/* A store of what is there already would only take memory. */
static void zero_entries(uint64_t *entries, uint64_t count)
{
	uint64_t i;

	for (i = 0; i < count; i++) {
		if (entries[i])
			entries[i] = 0;
	}
}

void papr_tce_clear(struct papr_tce_table *table)
{
	uint64_t count = table->size >> table->page_shift;

	pthread_mutex_lock(&table->lock);
	if (table->kernel) {
		(void)status_of(table, unmap_window(table));
		zero_entries(table->entries, count);
	} else {
		(void)status_of(table, clear_entries(table, 0, count));
		/* Poison that the guest left in dead entries goes too, and the memory with it. */
		(void)madvise(table->entries, entries_size(table), MADV_DONTNEED);
	}
	pthread_mutex_unlock(&table->lock);
}

void papr_tce_detach(struct papr_tce_table *table)
{
	if (!table->kernel)
		return;
	table->kernel->ops->destroy(table->kernel, table->liobn);
	table->kernel = NULL;
	table->entries = table->own;
	(void)status_of(table, unmap_window(table));
}

void papr_tce_unregister(struct papr_tce_table *table)
{
	uint64_t chunk, hva, size;

	pthread_mutex_lock(&table->lock);
	for (chunk = 0; chunk < nr_chunks(table->dma); chunk++) {
		if (!is_registered(table, chunk))
			continue;
		size = chunk_range(table->dma, chunk, &hva);
		(void)group_unregister_memory(table->group, hva, size);
		table->registered[chunk / 8] &= (uint8_t)~(1U << chunk % 8);
	}
	pthread_mutex_unlock(&table->lock);
}

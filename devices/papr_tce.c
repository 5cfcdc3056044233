/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A TCE table: checks what the guest asks for, registers the memory, maps pages. */
#include "devices/papr_tce.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "vmm/papr/hcall.h"

#define LIST_ALIGN (4 * KIB)
/* Between live entries that are cleared in one call, so that a guest that maps every second page does not
 * have the kernel called for each. */
#define GAP_MAX 16		/* dead entries */
/* When memory is released for a call, so much more of it: a search costs the guest a stop. */
#define RELEASE_MORE 16		/* of what is registered, one part in so many */

static_assert(PAPR_TCE_READ == GROUP_MAP_READ && PAPR_TCE_WRITE == GROUP_MAP_WRITE &&
	      PAPR_TCE_LIST_MAX == GROUP_LIST_MAX, "a guest's list is the group's");

static struct papr_dma_memory *dma_of(const struct papr_tce_table *table)
{
	return table->user->dma;
}

static struct group *group_of(const struct papr_tce_table *table)
{
	return table->user->group;
}

static uint64_t nr_entries(const struct papr_tce_table *table)
{
	return table->window.size >> table->window.page_shift;
}

static uint64_t entries_size(const struct papr_tce_table *table)
{
	return nr_entries(table) * sizeof(*table->entries);
}

/* Only pages of the table that the guest uses get memory, and small ones. */
static int map_entries(struct papr_tce_table *table)
{
	void *entries;

	entries = mmap(NULL, entries_size(table), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (entries == MAP_FAILED)
		return -ENOMEM;
	/* Just a hint: without it large pages would back entries that nobody wrote. */
	(void)madvise(entries, entries_size(table), MADV_NOHUGEPAGE);
	table->own = entries;
	table->entries = entries;
	return 0;
}

int papr_tce_init(struct papr_tce_table *table, struct papr_dma_user *user, uint32_t liobn)
{
	int err;

	memset(table, 0, sizeof(*table));
	err = -pthread_mutex_init(&table->lock, NULL);
	if (err) {
		log_error(user->dma->log, "%s: no lock for its DMA mappings: %s",
			  user->group->path, strerror(-err));
		return err;
	}
	table->user = user;
	table->liobn = liobn;
	table->next = user->dma->tables;
	user->dma->tables = table;
	return 0;
}

void papr_tce_exit(struct papr_tce_table *table)
{
	struct papr_tce_table **link;

	if (!table->user)
		return;
	papr_tce_close(table);
	for (link = &dma_of(table)->tables; *link != table; link = &(*link)->next)
		;
	*link = table->next;
	pthread_mutex_destroy(&table->lock);
	table->user = NULL;
}

void papr_tce_tell_level(const struct papr_tce_table *table)
{
	const struct papr_tce_kernel *kernel = dma_of(table)->kernel;
	const struct group *group = group_of(table);
	struct log *log = dma_of(table)->log;

	if (table->kernel && kernel->lists)
		log_info(log, "%s: TCEs: handled by KVM", group->path);
	else if (table->kernel)
		log_info(log, "%s: TCEs: single ones handled by KVM, lists by pvmm, which checks them "
			 "(--tce kvm: all by KVM)", group->path);
	else
		log_info(log, "%s: TCEs: handled by pvmm, %s: %s", group->path,
			 group->dma_ops->map_list ? "a list in one call" : "each run of neighbours in a "
			 "call", kernel ? kernel->why : "--tce pvmm");
}

/* With the lock held. */
static int attach(struct papr_tce_table *table)
{
	struct papr_tce_kernel *kernel = dma_of(table)->kernel;
	int err = kernel->ops->create(kernel, group_of(table), &table->window, table->liobn,
				      &table->entries);

	if (err)
		table->entries = table->own;
	else
		table->kernel = kernel;
	return err;
}

int papr_tce_attach(struct papr_tce_table *table)
{
	int err;

	pthread_mutex_lock(&table->lock);
	err = attach(table);
	pthread_mutex_unlock(&table->lock);
	return err;
}

int papr_tce_open(struct papr_tce_table *table, const struct group_dma_window *window)
{
	int err;

	pthread_mutex_lock(&table->lock);
	table->window = *window;
	err = map_entries(table);
	if (err)
		table->window.size = 0;
	else if (dma_of(table)->kernel && attach(table) && dma_of(table)->kernel->expected)
		/* Without it calls come here. */
		log_guest(dma_of(table)->log, &table->limit, "%s: not KVM but pvmm handles the TCEs "
			  "of a window that the guest has made: %s", group_of(table)->path,
			  dma_of(table)->kernel->why);
	pthread_mutex_unlock(&table->lock);
	if (!err)
		papr_dma_count_table(dma_of(table), (int64_t)entries_size(table));
	return err;
}

static uint64_t page_size(const struct papr_tce_table *table)
{
	return 1ULL << table->window.page_shift;
}

static uint64_t gpa_of(uint64_t tce)
{
	return tce & ~PAPR_TCE_PERMISSIONS;
}

/* Index of the entry for @ioba; false when not all @count entries from there are in the window. */
static bool find_entries(const struct papr_tce_table *table, uint64_t ioba, uint64_t count,
			 uint64_t *index)
{
	const struct group_dma_window *window = &table->window;

	if (!window->size || !is_aligned(ioba, page_size(table)) || ioba < window->iova)
		return false;
	*index = (ioba - window->iova) >> window->page_shift;
	return range_within(*index, count, 0, nr_entries(table));
}

uint64_t papr_tce_iova(const struct papr_tce_table *table, uint64_t index)
{
	return table->window.iova + (index << table->window.page_shift);
}

/*
 * What the group is told of a guest's entry: the same permission bits, and where the page is; 0
 * without permissions, and what the entry holds besides is the guest's business. False: it points to no memory.
 */
static bool translate(const struct papr_tce_table *table, uint64_t tce, uint64_t *entry)
{
	uint64_t hva = 0;

	*entry = 0;
	if (!papr_tce_is_live(tce))
		return true;
	if (is_aligned(gpa_of(tce), page_size(table)))
		hva = guest_memory_hva(dma_of(table)->memory, gpa_of(tce), page_size(table));
	if (hva)
		*entry = hva | (tce & PAPR_TCE_PERMISSIONS);
	return hva;
}

static int unmap_entries(struct papr_tce_table *table, uint64_t index, uint64_t count)
{
	return group_unmap(group_of(table), &table->window, papr_tce_iova(table, index),
			   count << table->window.page_shift);
}

/* The last of a run of live entries. Short gaps do not end it: the kernel passes over them. */
static uint64_t last_of_run(const struct papr_tce_table *table, uint64_t index, uint64_t end)
{
	uint64_t last = index;

	for (; index < end && index - last <= GAP_MAX; index++) {
		if (papr_tce_is_live(table->entries[index]))
			last = index;
	}
	return last;
}

/* A store of what is there already would only take memory. */
static void fill_entries(uint64_t *entries, uint64_t count, uint64_t tce)
{
	uint64_t i;

	for (i = 0; i < count; i++) {
		if (entries[i] != tce)
			entries[i] = tce;
	}
}

/* Unmaps what is live among @count entries, neighbours together, and zeroes them. */
static int clear_entries(struct papr_tce_table *table, uint64_t index, uint64_t count)
{
	uint64_t end = index + count, run;
	int err;

	for (; index < end; index += run) {
		run = 1;
		if (!papr_tce_is_live(table->entries[index]))
			continue;
		run = last_of_run(table, index, end) + 1 - index;
		err = unmap_entries(table, index, run);
		if (err)
			return err;
		fill_entries(&table->entries[index], run, 0);
	}
	return 0;
}

static int map_list(struct papr_tce_table *table, uint64_t index, const uint64_t *list,
		    unsigned count)
{
	return group_map_list(group_of(table), &table->window, papr_tce_iova(table, index), list,
			      count);
}

/* KVM maps what any group has registered, the group driver only what the group itself has. */
int papr_tce_settle(struct papr_tce_table *table, uint64_t index, unsigned count)
{
	const uint64_t *tces = &table->entries[index];
	uint64_t list[PAPR_TCE_LIST_MAX];
	bool first;
	unsigned i;
	int err = 0;

	for (i = 0; !err && i < count; i++) {
		/* Where the kernel trusts the guest, an entry may point anywhere: nothing is mapped by that. */
		if (translate(table, tces[i], &list[i]) && list[i])
			err = papr_dma_register(table->user, gpa_of(tces[i]), page_size(table),
						&first);
	}
	return err ? err : map_list(table, index, list, count);
}

/* One page needs no list, which the kernel would have to fetch. */
static int map_page(struct papr_tce_table *table, uint64_t index, uint64_t entry)
{
	if (!entry)
		return unmap_entries(table, index, 1);
	return group_map(group_of(table), &table->window, papr_tce_iova(table, index),
			 entry & ~PAPR_TCE_PERMISSIONS, page_size(table), entry & GROUP_MAP_READ,
			 entry & GROUP_MAP_WRITE);
}

/*
 * Live entries are replaced as they are: a device that uses one meanwhile finds the old or the
 * new, where none at all would get its group frozen by the host. If not all could be set, all
 * are clear. @list: @tces, translated.
 */
static int change_entries(struct papr_tce_table *table, uint64_t index, const uint64_t *tces,
			  const uint64_t *list, uint64_t count)
{
	int err = count == 1 ? map_page(table, index, list[0]) :
			       map_list(table, index, list, (unsigned)count);

	if (!err)
		memcpy(&table->entries[index], tces, count * sizeof(*tces));
	else if (!unmap_entries(table, index, count))
		memset(&table->entries[index], 0, count * sizeof(*table->entries));
	return err;
}

static int64_t status_of(struct papr_tce_table *table, int err)
{
	if (!err)
		return H_SUCCESS;
	log_guest(dma_of(table)->log, &table->limit, "%s: a DMA mapping cannot be changed: %s%s",
		  group_of(table)->path, strerror(-err), group_dma_hint(err));
	return H_NOT_ENOUGH_RESOURCES;
}

/* A page lies in one chunk or begins one, so neighbours in a chunk need one look. */
static int register_pages(struct papr_tce_table *table, const uint64_t *tces, uint64_t count,
			  bool *first)
{
	uint64_t i, last = UINT64_MAX;
	int err = 0;

	for (i = 0; !err && i < count; i++) {
		uint64_t chunk = gpa_of(tces[i]) / dma_of(table)->chunk_size;

		if (!papr_tce_is_live(tces[i]) || chunk == last)
			continue;
		err = papr_dma_register(table->user, gpa_of(tces[i]), page_size(table), first);
		last = chunk;
	}
	return err;
}

/*
 * Checks and sets entries with the lock held. All memory is registered before the first changes;
 * *first: some was.
 */
static int set_locked(struct papr_tce_table *table, uint64_t ioba, const uint64_t *tces,
		      uint64_t count, int64_t *status, bool *first)
{
	uint64_t list[PAPR_TCE_LIST_MAX], index, i;
	int err;

	*first = false;
	*status = H_PARAMETER;
	if (!find_entries(table, ioba, count, &index))
		return 0;
	for (i = 0; i < count; i++) {
		if (!translate(table, tces[i], &list[i]))
			return 0;
	}
	err = register_pages(table, tces, count, first);
	table->nr_calls++;
	table->nr_first += *first;
	*status = H_NOT_ENOUGH_RESOURCES;
	if (!err)
		*status = count ? status_of(table, change_entries(table, index, tces, list, count)) :
				  H_SUCCESS;
	return err;
}

/* How many chunks the entries need. */
static uint64_t chunks_missing(struct papr_tce_table *table, const uint64_t *tces, uint64_t count,
			       uint64_t page)
{
	uint64_t i, last = UINT64_MAX, missing = 0;

	for (i = 0; i < count; i++) {
		uint64_t chunk = gpa_of(tces[i]) / dma_of(table)->chunk_size;

		if (!papr_tce_is_live(tces[i]) || chunk == last)
			continue;
		missing += papr_dma_missing(table->user, gpa_of(tces[i]), page);
		last = chunk;
	}
	return missing;
}

/* Without room for the memory, what no entry needs any more is given up for it, once. */
static int64_t set_entries(struct papr_tce_table *table, uint64_t ioba, const uint64_t *tces,
			   uint64_t count)
{
	struct papr_dma_memory *dma = dma_of(table);
	uint64_t wanted = 0;
	int64_t status;
	bool first;
	int err;

	pthread_mutex_lock(&table->lock);
	err = set_locked(table, ioba, tces, count, &status, &first);
	if (err == -ENOMEM)
		wanted = chunks_missing(table, tces, count, page_size(table));
	pthread_mutex_unlock(&table->lock);
	if (wanted) {
		wanted += papr_dma_nr_registered(dma) / RELEASE_MORE;
		if (papr_tce_release_idle(dma, wanted)) {
			pthread_mutex_lock(&table->lock);
			err = set_locked(table, ioba, tces, count, &status, &first);
			pthread_mutex_unlock(&table->lock);
		}
	}
	if (err)
		papr_dma_tell_error(table->user, &table->limit, err);
	else if (first)
		papr_tce_trim(dma);
	return status;
}

int64_t papr_tce_put(struct papr_tce_table *table, uint64_t ioba, uint64_t tce)
{
	return set_entries(table, ioba, &tce, 1);
}

int64_t papr_tce_put_list(struct papr_tce_table *table, uint64_t ioba, uint64_t list_gpa,
			  uint64_t count)
{
	uint64_t i, tces[PAPR_TCE_LIST_MAX];
	be64 list[PAPR_TCE_LIST_MAX];

	if (count > PAPR_TCE_LIST_MAX || !is_aligned(list_gpa, LIST_ALIGN) ||
	    guest_memory_read(dma_of(table)->memory, list_gpa, list, count * sizeof(*list)))
		return H_PARAMETER;
	for (i = 0; i < count; i++)
		tces[i] = be64toh(list[i]);
	return set_entries(table, ioba, tces, count);
}

/* With the lock held. */
static int64_t stuff_locked(struct papr_tce_table *table, uint64_t ioba, uint64_t tce,
			    uint64_t count)
{
	uint64_t index;
	int err;

	if (papr_tce_is_live(tce) || !find_entries(table, ioba, count, &index))
		return H_PARAMETER;
	table->nr_calls++;
	err = clear_entries(table, index, count);
	if (!err)
		fill_entries(&table->entries[index], count, tce);
	return status_of(table, err);
}

int64_t papr_tce_stuff(struct papr_tce_table *table, uint64_t ioba, uint64_t tce, uint64_t count)
{
	int64_t status;

	pthread_mutex_lock(&table->lock);
	status = stuff_locked(table, ioba, tce, count);
	pthread_mutex_unlock(&table->lock);
	return status;
}

int64_t papr_tce_get(struct papr_tce_table *table, uint64_t ioba, uint64_t *tce)
{
	int64_t status = H_PARAMETER;
	uint64_t index;

	pthread_mutex_lock(&table->lock);
	if (find_entries(table, ioba, 1, &index)) {
		*tce = table->entries[index];
		status = H_SUCCESS;
	}
	pthread_mutex_unlock(&table->lock);
	return status;
}

/*
 * Entries that KVM has set are unmapped where the group has them, not where they are noted: two
 * calls for one entry, here and there, need not leave the two the same.
 */
static void unmap_window(struct papr_tce_table *table)
{
	(void)status_of(table, unmap_entries(table, 0, nr_entries(table)));
}

void papr_tce_close(struct papr_tce_table *table)
{
	uint64_t size;

	if (!table->user)
		return;
	pthread_mutex_lock(&table->lock);
	size = entries_size(table);
	if (table->kernel) {
		table->kernel->ops->destroy(table->kernel, table->liobn);
		unmap_window(table);
	} else if (size) {
		(void)status_of(table, clear_entries(table, 0, nr_entries(table)));
	}
	if (size)
		munmap(table->own, size);
	table->kernel = NULL;
	table->own = table->entries = NULL;
	table->window.size = 0;
	pthread_mutex_unlock(&table->lock);
	papr_dma_count_table(dma_of(table), -(int64_t)size);
}

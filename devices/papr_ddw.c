/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dynamic DMA windows: what is offered, making and removing them, the RTAS calls. */
#include "devices/papr_ddw.h"

#include <errno.h>
#include <string.h>

#include "devices/papr_phb_internal.h"

/*
 * Linux takes the largest page size that is offered, and an entry for each buffer however small.
 * With fewer entries than these a smaller page size serves it better.
 */
#define ENTRIES_WANTED (64 * KIB)

/* Bits of ibm,query-pe-dma-window's page sizes (PAPR 7.3.14.1). */
static const struct {
	uint32_t bit;
	unsigned shift;
} papr_page_sizes[] = {
	{ 1 << 0, 12 }, { 1 << 1, 16 }, { 1 << 2, 24 }, { 1 << 3, 25 }, { 1 << 4, 26 },
	{ 1 << 5, 27 }, { 1 << 6, 28 }, { 1 << 7, 34 }, { 1 << 8, 21 },
};

static struct group *group_of(const struct papr_ddw *ddw)
{
	return ddw->user.group;
}

static struct log *log_of(const struct papr_ddw *ddw)
{
	return ddw->user.dma->log;
}

static bool is_open(const struct papr_tce_table *table)
{
	return table->window.size;
}

static bool is_default(const struct papr_ddw *ddw, const struct papr_tce_table *table)
{
	const struct group_dma_window *window = &group_of(ddw)->window;

	return table == &ddw->tables[0] && table->window.iova == window->iova &&
	       table->window.size == window->size &&
	       table->window.page_shift == window->page_shift;
}

/*
 * While windows are made or removed nobody maps in any (group_dma_ops). In the order of the VM's list, in which
 * later ones come first.
 */
static void lock_tables(struct papr_ddw *ddw)
{
	unsigned i;

	for (i = PAPR_DDW_WINDOWS; i-- > 0;)
		pthread_mutex_lock(&ddw->tables[i].lock);
}

static void unlock_tables(struct papr_ddw *ddw)
{
	unsigned i;

	for (i = 0; i < PAPR_DDW_WINDOWS; i++)
		pthread_mutex_unlock(&ddw->tables[i].lock);
}

static int create_window(struct papr_ddw *ddw, struct group_dma_window *window)
{
	int err;

	lock_tables(ddw);
	err = group_create_window(group_of(ddw), window);
	unlock_tables(ddw);
	return err;
}

static int remove_window(struct papr_ddw *ddw, const struct group_dma_window *window)
{
	int err;

	lock_tables(ddw);
	err = group_remove_window(group_of(ddw), window);
	unlock_tables(ddw);
	return err;
}

static int restore_window(struct papr_ddw *ddw)
{
	int err;

	lock_tables(ddw);
	err = group_restore_window(group_of(ddw));
	unlock_tables(ddw);
	return err;
}

/* The group's, which a former guest may have removed. */
static int open_default(struct papr_ddw *ddw)
{
	struct group *group = group_of(ddw);
	int err = restore_window(ddw);

	if (!err)
		err = papr_tce_open(&ddw->tables[0], &group->window);
	if (err)
		log_error(log_of(ddw), "%s: its default DMA window cannot be set up: %s%s",
			  group->path, strerror(-err),
			  group_dma_hint(err));
	return err;
}

static int init_tables(struct papr_ddw *ddw, uint32_t liobn)
{
	unsigned i;
	int err = 0;

	for (i = 0; !err && i < PAPR_DDW_WINDOWS; i++)
		err = papr_tce_init(&ddw->tables[i], &ddw->user, liobn + i);
	return err ? err : open_default(ddw);
}

int papr_ddw_init(struct papr_ddw *ddw, struct papr_dma_memory *dma, struct group *group,
		  uint32_t liobn)
{
	int err;

	memset(ddw, 0, sizeof(*ddw));
	err = papr_dma_user_init(&ddw->user, dma, group);
	if (err) {
		log_error(dma->log, "%s: no memory for its DMA: %s", group->path, strerror(-err));
		return err;
	}
	err = init_tables(ddw, liobn);
	if (err)
		papr_ddw_exit(ddw);
	return err;
}

/* A window that cannot be removed is still there, empty, as the guest is told. */
static int close_and_remove(struct papr_ddw *ddw, struct papr_tce_table *table)
{
	struct group_dma_window window = table->window;
	bool lost = is_default(ddw, table);
	int err;

	papr_tce_close(table);
	err = remove_window(ddw, &window);
	if (err) {
		log_guest(log_of(ddw), &ddw->limit, "%s: a DMA window cannot be removed: %s%s",
			  group_of(ddw)->path, strerror(-err), group_dma_hint(err));
		(void)papr_tce_open(table, &window);
	} else if (lost) {
		group_of(ddw)->window_lost = true;
	}
	return err;
}

/* All but the default window. The last first: an LPAR may have room for no other with it. */
static int remove_others(struct papr_ddw *ddw)
{
	unsigned i;
	int err = 0, ret;

	for (i = PAPR_DDW_WINDOWS; i-- > 0;) {
		if (!is_open(&ddw->tables[i]) || is_default(ddw, &ddw->tables[i]))
			continue;
		ret = close_and_remove(ddw, &ddw->tables[i]);
		err = err ? err : ret;
	}
	return err;
}

int papr_ddw_restore(struct papr_ddw *ddw)
{
	int err = remove_others(ddw);

	if (!is_open(&ddw->tables[0])) {
		int ret = open_default(ddw);

		err = err ? err : ret;
	}
	return err;
}

void papr_ddw_close(struct papr_ddw *ddw)
{
	int err;

	if (!ddw->user.registered)
		return;
	(void)remove_others(ddw);
	papr_tce_close(&ddw->tables[0]);
	err = restore_window(ddw);
	if (err)
		log_warn(log_of(ddw), "%s: its default DMA window cannot be made again: %s",
			 group_of(ddw)->path, strerror(-err));
}

static void tell_calls(const struct papr_ddw *ddw)
{
	uint64_t calls = 0, first = 0;
	unsigned i;

	for (i = 0; i < PAPR_DDW_WINDOWS; i++) {
		calls += ddw->tables[i].nr_calls;
		first += ddw->tables[i].nr_first;
	}
	log_info(log_of(ddw), "%s: TCEs: pvmm handled %llu calls, %llu of them to register memory",
		 group_of(ddw)->path, (unsigned long long)calls, (unsigned long long)first);
}

void papr_ddw_exit(struct papr_ddw *ddw)
{
	unsigned i;

	if (!ddw->user.registered)
		return;
	tell_calls(ddw);
	for (i = PAPR_DDW_WINDOWS; i-- > 0;)
		papr_tce_exit(&ddw->tables[i]);
	papr_dma_user_exit(&ddw->user);
}

/* A page of the window must lie in one page of memory. */
static uint64_t serviceable_pages(const struct papr_ddw *ddw)
{
	uint64_t memory_page = guest_memory_page_size(ddw->user.dma->memory);
	uint64_t known = 0;
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(papr_page_sizes); i++)
		known |= 1ULL << papr_page_sizes[i].shift;
	return group_of(ddw)->dma.page_sizes & known & (memory_page | (memory_page - 1));
}

static uint64_t smallest(uint64_t page_sizes)
{
	return page_sizes & -page_sizes;
}

/*
 * Linux maps all of its memory for good if the largest window has room for it, and as needed if
 * not. So one in which its memory just does not fit keeps it from being locked as a whole; where it
 * is locked anyway, it may as well be mapped.
 */
static uint64_t size_wanted(const struct papr_dma_memory *dma)
{
	uint64_t size = 1;

	while (size < dma->memory->size)
		size *= 2;
	return dma->policy.all ? size : size / 2;
}

static uint64_t with_enough_entries(uint64_t page_sizes, uint64_t size)
{
	uint64_t page, enough = smallest(page_sizes);

	for (page = 1; page && page <= size / ENTRIES_WANTED; page *= 2)
		enough |= page_sizes & page;
	return enough;
}

static unsigned nr_open(const struct papr_ddw *ddw)
{
	unsigned i, count = 0;

	for (i = 0; i < PAPR_DDW_WINDOWS; i++)
		count += is_open(&ddw->tables[i]);
	return count;
}

/* Does not change as long as the bridge is there. */
static bool is_offered(const struct papr_ddw *ddw)
{
	const struct group *group = group_of(ddw);

	return !ddw->user.dma->policy.no_window64 && group->dma.max_windows &&
	       serviceable_pages(ddw);
}

struct papr_ddw_offer papr_ddw_offer(const struct papr_ddw *ddw)
{
	const struct papr_dma_memory *dma = ddw->user.dma;
	const struct group *group = group_of(ddw);
	struct papr_ddw_offer offer = { .size = size_wanted(dma) };
	unsigned max = group->dma.max_windows;

	if (!is_offered(ddw))
		return offer;
	if (max > PAPR_DDW_WINDOWS)
		max = PAPR_DDW_WINDOWS;
	if (max > nr_open(ddw))
		offer.nr_windows = max - nr_open(ddw);
	/* What is made next goes where the default window was. */
	if (!is_open(&ddw->tables[0]) && offer.size > group->window.size)
		offer.size = group->window.size;
	offer.page_sizes = serviceable_pages(ddw);
	if (!dma->policy.all)
		offer.page_sizes = with_enough_entries(offer.page_sizes, offer.size);
	return offer;
}

static struct papr_tce_table *closed_table(struct papr_ddw *ddw)
{
	unsigned i;

	for (i = 0; i < PAPR_DDW_WINDOWS; i++) {
		if (!is_open(&ddw->tables[i]))
			return &ddw->tables[i];
	}
	return NULL;
}

static int make_window(struct papr_ddw *ddw, struct papr_tce_table *table,
		       struct group_dma_window *window)
{
	int err = create_window(ddw, window);

	if (err)
		return err;
	err = papr_tce_open(table, window);
	if (err) {
		(void)remove_window(ddw, window);
		return err;
	}
	if (is_default(ddw, table))
		group_of(ddw)->window_lost = false;
	/* It could go on making and removing them. */
	if (ddw->told)
		return 0;
	ddw->told = true;
	log_info(log_of(ddw), "%s: the guest has made a DMA window of %llu MiB at 0x%llx, "
		 "%llu KiB pages", group_of(ddw)->path, (unsigned long long)(window->size / MIB),
		 (unsigned long long)window->iova, (1ULL << window->page_shift) / KIB);
	papr_tce_tell_level(table);
	return 0;
}

/* With papr_eeh.lock held, as all that follow. */
static int32_t create(struct papr_ddw *ddw, uint32_t page_shift, uint32_t window_shift,
		      uint32_t rets[])
{
	struct papr_ddw_offer offer = papr_ddw_offer(ddw);
	struct papr_tce_table *table = closed_table(ddw);
	struct group_dma_window window = { .page_shift = page_shift };
	int err;

	if (page_shift >= 64 || window_shift >= 64 || window_shift < page_shift ||
	    !(offer.page_sizes & 1ULL << page_shift) || 1ULL << window_shift > offer.size)
		return RTAS_PARAMETER_ERROR;
	if (!offer.nr_windows || !table)
		return RTAS_HARDWARE_ERROR;
	window.size = 1ULL << window_shift;
	err = make_window(ddw, table, &window);
	if (err) {
		log_guest(log_of(ddw), &ddw->limit, "%s: no DMA window of %llu MiB for it: %s%s",
			  group_of(ddw)->path, (unsigned long long)(window.size / MIB),
			  strerror(-err), group_dma_hint(err));
		return RTAS_HARDWARE_ERROR;
	}
	rets[1] = table->liobn;
	rets[2] = (uint32_t)(window.iova >> 32);
	rets[3] = (uint32_t)window.iova;
	return RTAS_SUCCESS;
}

/* What is done while no vCPU is in the guest. */
struct change {
	struct papr_ddw *ddw;
	struct papr_tce_table *table;	/* to be removed; NULL: the windows are to be restored */
	int err;
};

static void change(void *arg)
{
	struct change *it = arg;

	it->err = it->table ? close_and_remove(it->ddw, it->table) : papr_ddw_restore(it->ddw);
}

static int32_t change_alone(struct papr_ddw *ddw, struct papr_tce_table *table)
{
	struct papr_tce_kernel *kernel = ddw->user.dma->kernel;
	struct change it = { .ddw = ddw, .table = table };

	if (kernel)
		kernel->ops->run_alone(kernel, change, &it);
	else
		change(&it);
	return it.err ? RTAS_HARDWARE_ERROR : RTAS_SUCCESS;
}

/* The bridge whose PE, or a device of it, a call names; NULL: none with dynamic windows. */
static struct papr_phb *requested_phb(struct papr_phbs *phbs, const struct rtas_request *request)
{
	struct papr_phb *phb = papr_phb_find(phbs, rtas_arg64(request, 1));

	if (!phb || !papr_eeh_is_address(&phb->eeh, request->args[0]))
		return NULL;
	return is_offered(&phb->ddw) ? phb : NULL;
}

static uint32_t papr_mask(uint64_t page_sizes)
{
	uint32_t mask = 0;
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(papr_page_sizes); i++) {
		if (page_sizes & 1ULL << papr_page_sizes[i].shift)
			mask |= papr_page_sizes[i].bit;
	}
	return mask;
}

static uint64_t largest(uint64_t page_sizes)
{
	while (page_sizes & (page_sizes - 1))
		page_sizes &= page_sizes - 1;
	return page_sizes;
}

/*
 * The largest window is told in entries, of which guests compute its size with the largest page.
 * ibm,ddw-extensions promises a call with room for 64 bits of it; older guests have room for 32.
 * No page sizes are promised for a migration.
 */
static int32_t rtas_ibm_query_pe_dma_window(void *owner, struct rtas_request *request)
{
	struct papr_phb *phb = requested_phb(owner, request);
	struct papr_ddw_offer offer;
	uint64_t entries;

	if (!phb)
		return RTAS_PARAMETER_ERROR;
	if (!papr_eeh_hold(&phb->eeh))
		return RTAS_HARDWARE_ERROR;
	offer = papr_ddw_offer(&phb->ddw);
	papr_eeh_unhold(&phb->eeh);
	entries = offer.size / largest(offer.page_sizes);
	request->rets[1] = offer.nr_windows;
	if (request->nret > 5) {
		request->rets[2] = (uint32_t)(entries >> 32);
		request->rets[3] = (uint32_t)entries;
		request->rets[4] = papr_mask(offer.page_sizes);
	} else {
		request->rets[2] = entries > UINT32_MAX ? UINT32_MAX : (uint32_t)entries;
		request->rets[3] = papr_mask(offer.page_sizes);
	}
	return RTAS_SUCCESS;
}

static int32_t rtas_ibm_create_pe_dma_window(void *owner, struct rtas_request *request)
{
	struct papr_phb *phb = requested_phb(owner, request);
	int32_t status;

	if (!phb)
		return RTAS_PARAMETER_ERROR;
	if (!papr_eeh_hold(&phb->eeh))
		return RTAS_HARDWARE_ERROR;
	status = create(&phb->ddw, request->args[3], request->args[4], request->rets);
	papr_eeh_unhold(&phb->eeh);
	return status;
}

static int32_t remove_table(struct papr_phb *phb, struct papr_tce_table *table)
{
	int32_t status = RTAS_PARAMETER_ERROR;

	if (!is_offered(&phb->ddw))
		return RTAS_PARAMETER_ERROR;
	if (!papr_eeh_hold(&phb->eeh))
		return RTAS_HARDWARE_ERROR;
	if (is_open(table))
		status = change_alone(&phb->ddw, table);
	papr_eeh_unhold(&phb->eeh);
	return status;
}

/* The default window as well. */
static int32_t rtas_ibm_remove_pe_dma_window(void *owner, struct rtas_request *request)
{
	struct papr_phbs *phbs = owner;
	unsigned i, window;

	for (i = 0; i < phbs->nr_phbs; i++) {
		struct papr_phb *phb = &phbs->phbs[i];

		for (window = 0; window < PAPR_DDW_WINDOWS; window++) {
			if (phb->ddw.tables[window].liobn == request->args[0])
				return remove_table(phb, &phb->ddw.tables[window]);
		}
	}
	return RTAS_PARAMETER_ERROR;
}

/* The fourth argument asks for addresses below 64 bits, which is not offered. */
static int32_t rtas_ibm_reset_pe_dma_window(void *owner, struct rtas_request *request)
{
	struct papr_phb *phb = requested_phb(owner, request);
	int32_t status;

	if (!phb || (request->nargs > 3 && request->args[3]))
		return RTAS_PARAMETER_ERROR;
	if (!papr_eeh_hold(&phb->eeh))
		return RTAS_HARDWARE_ERROR;
	status = change_alone(&phb->ddw, NULL);
	papr_eeh_unhold(&phb->eeh);
	return status;
}

static const struct rtas_call ddw_calls[] = {
	{ "ibm,query-pe-dma-window", 3, 5, rtas_ibm_query_pe_dma_window },
	{ "ibm,create-pe-dma-window", 5, 4, rtas_ibm_create_pe_dma_window },
	{ "ibm,remove-pe-dma-window", 1, 1, rtas_ibm_remove_pe_dma_window },
	{ "ibm,reset-pe-dma-window", 3, 1, rtas_ibm_reset_pe_dma_window },
};

int papr_ddw_register(struct papr_phbs *phbs, struct rtas *rtas)
{
	unsigned i;

	for (i = 0; i < phbs->nr_phbs; i++) {
		if (is_offered(&phbs->phbs[i].ddw))
			return rtas_register(rtas, ddw_calls, ARRAY_SIZE(ddw_calls), phbs);
	}
	return 0;
}

/* Extensions: how many; the token of reset; that query has six results. */
void papr_ddw_add_fdt(const struct papr_ddw *ddw, const struct rtas *rtas,
		      struct fdt_writer *fdt)
{
	if (!is_offered(ddw))
		return;
	FDT_CELLS(fdt, "ibm,ddw-applicable", rtas_token(rtas, ddw_calls[0].name),
		  rtas_token(rtas, ddw_calls[1].name), rtas_token(rtas, ddw_calls[2].name));
	FDT_CELLS(fdt, "ibm,ddw-extensions", 2, rtas_token(rtas, ddw_calls[3].name), 1);
}

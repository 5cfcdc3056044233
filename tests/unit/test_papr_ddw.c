/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dynamic DMA windows: what guests are offered, make and remove, and what is left at the end. */
#include <errno.h>
#include <string.h>

#include "tests/unit/capture.h"
#include "tests/unit/guest_rtas.h"
#include "tests/unit/phb_fixture.h"

#define PAGE 4096ULL
#define RW (PAPR_TCE_READ | PAPR_TCE_WRITE)
#define DEFAULT PAPR_PHB_LIOBN(0)
#define OTHER (PAPR_PHB_LIOBN(0) + 1)
#define BUID PAPR_PHB_BUID(0)
#define PE 1U			/* configuration address */

#define QUERY "ibm,query-pe-dma-window"
#define CREATE "ibm,create-pe-dma-window"
#define REMOVE "ibm,remove-pe-dma-window"
#define RESET "ibm,reset-pe-dma-window"

static struct fake_group *const fake = &fakes[0];
static bool started;

/* 16 MiB of guest memory in pages of 64 KiB; the group has windows of 4K, 64K and 2M pages. */
static void setup(void)
{
	phb_setup(16 * MIB);
	fake_group_isolate(fake);
	fake_add_nvme(fake, 1);
	fake->group.dma = (struct group_dma_limits){ 0x211000, 2, 1 };
	memory.page_shift = 16;
	started = false;
}

static int init(void)
{
	int err;

	memset(&rtas.slots, 0, sizeof(rtas.slots));
	memset(&hcalls, 0, sizeof(hcalls));
	rtas.nr_slots = 0;
	err = init_phbs(1);
	started = !err;
	return err;
}

static void start(void)
{
	ck_assert_int_eq(init(), 0);
}

/* The group has its default window, alone and empty, and no memory is registered. */
static void expect_as_opened(void)
{
	unsigned i;

	ck_assert(!fake->no_default && !fake->group.window_lost);
	ck_assert_uint_eq(fake->window64.size, 0);
	ck_assert_uint_eq(fake->nr_chunks, 0);
	for (i = 0; i < FAKE_WINDOW_PAGES; i++)
		ck_assert_uint_eq(fake->pages[i].hva, 0);
}

static void stop(void)
{
	if (started)
		papr_phbs_exit(&phbs);
	started = false;
}

static void teardown(void)
{
	stop();
	expect_as_opened();
	phb_teardown();
}

static int32_t pe_call(const char *name, const uint32_t *more, uint32_t nr_more, uint32_t *rets,
		       uint32_t nret)
{
	uint32_t args[5] = { PE, (uint32_t)(BUID >> 32), (uint32_t)BUID };

	for (uint32_t i = 0; i < nr_more; i++)
		args[3 + i] = more[i];
	return guest_rtas_call(&rtas, NULL, name, args, 3 + nr_more, rets, nret);
}

static int32_t query(uint32_t rets[5])
{
	return pe_call(QUERY, NULL, 0, rets, 6);
}

static int32_t create(uint32_t page_shift, uint32_t window_shift, uint32_t rets[3])
{
	return pe_call(CREATE, (uint32_t[]){ page_shift, window_shift }, 2, rets, 4);
}

static int32_t remove_window(uint32_t liobn)
{
	return GUEST_RTAS(&rtas, NULL, REMOVE, NULL, 1, liobn);
}

static int32_t reset(void)
{
	return pe_call(RESET, NULL, 0, NULL, 1);
}

static int64_t put(uint64_t liobn, uint64_t ioba, uint64_t tce)
{
	uint64_t args[HCALL_NR_ARGS] = { liobn, ioba, tce };

	return hcall_dispatch(&hcalls, NULL, 0x20, args);
}

static void expect_query(uint32_t windows, uint32_t entries, uint32_t pages)
{
	uint32_t rets[5];

	ck_assert_int_eq(query(rets), RTAS_SUCCESS);
	ck_assert_uint_eq(rets[0], windows);
	ck_assert_uint_eq(rets[1], 0);
	ck_assert_uint_eq(rets[2], entries);
	ck_assert_uint_eq(rets[3], pages);
	ck_assert_uint_eq(rets[4], 0);
}

/* Memory just does not fit, so that Linux maps as needed; pages that leave enough entries. */
START_TEST(test_query)
{
	uint32_t rets[5];

	start();
	expect_query(1, 8 * MIB / PAGE, 1);
	/* As older guests ask. */
	ck_assert_int_eq(pe_call(QUERY, NULL, 0, rets, 5), RTAS_SUCCESS);
	ck_assert_uint_eq(rets[0], 1);
	ck_assert_uint_eq(rets[1], 8 * MIB / PAGE);
	ck_assert_uint_eq(rets[2], 1);
	ck_assert_uint_eq(rets[3], 0);
}
END_TEST

/* Locked anyway: all of it, in the largest pages that memory has. */
START_TEST(test_query_all)
{
	policy.all = true;
	start();
	expect_query(1, 16 * MIB / (64 * KIB), 3);
	stop();
	memory.page_shift = 12;
	start();
	expect_query(1, 16 * MIB / PAGE, 1);
	stop();
	memory.page_shift = 21;
	start();
	expect_query(1, 16 * MIB / (2 * MIB), 0x103);
}
END_TEST

/* By size of memory, which is not there for this. */
START_TEST(test_offer)
{
	static const struct {
		uint64_t memory, size, page_sizes;
	} cases[] = {
		{ 512 * MIB, 256 * MIB, 0x1000 }, { 4 * GIB, 2 * GIB, 0x1000 },
		{ 6 * GIB, 4 * GIB, 0x11000 }, { 8 * GIB, 4 * GIB, 0x11000 },
		{ 256 * GIB, 128 * GIB, 0x211000 }, { 1000 * GIB, 512 * GIB, 0x211000 },
	};
	uint64_t size = memory.size;
	unsigned i;

	start();
	memory.page_shift = 21;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct papr_ddw_offer offer;

		memory.size = cases[i].memory;
		offer = papr_ddw_offer(&phbs.phbs[0].ddw);
		ck_assert_uint_eq(offer.size, cases[i].size);
		ck_assert_uint_eq(offer.page_sizes, cases[i].page_sizes);
	}
	memory.size = size;
}
END_TEST

static void expect_none(void)
{
	ck_assert_uint_eq(rtas_token(&rtas, QUERY), 0);
	ck_assert_uint_eq(rtas_token(&rtas, REMOVE), 0);
	stop();
}

START_TEST(test_not_offered)
{
	policy.no_window64 = true;
	start();
	expect_none();
	policy.no_window64 = false;
	fake->group.dma.max_windows = 0;
	start();
	expect_none();
	/* No page size that memory could serve. */
	fake->group.dma = (struct group_dma_limits){ 0x200000, 2, 1 };
	start();
	expect_none();
	fake->group.dma.page_sizes = 0x1000;
}
END_TEST

START_TEST(test_create)
{
	uint32_t rets[3];

	start();
	ck_assert_int_eq(create(12, 23, rets), RTAS_SUCCESS);
	ck_assert_uint_eq(rets[0], OTHER);
	ck_assert_uint_eq(rets[1], FAKE_WINDOW64 >> 32);
	ck_assert_uint_eq(rets[2], 0);
	ck_assert_uint_eq(fake->window64.size, 8 * MIB);
	expect_query(0, 8 * MIB / PAGE, 1);
	ck_assert_int_eq(create(12, 23, rets), RTAS_HARDWARE_ERROR);
	/* Each window by its own name, and nothing else by it. */
	ck_assert_int_eq(put(OTHER, FAKE_WINDOW64 + 8 * MIB - PAGE, 0x5000 | RW), H_SUCCESS);
	ck_assert_uint_eq(fake->pages64[2047].hva, guest_memory_hva(&memory, 0x5000, PAGE));
	ck_assert_int_eq(put(OTHER, FAKE_WINDOW64 + 8 * MIB, 0x5000 | RW), H_PARAMETER);
	ck_assert_int_eq(put(OTHER, 0, 0x5000 | RW), H_PARAMETER);
	ck_assert_int_eq(put(DEFAULT, FAKE_WINDOW64, 0x5000 | RW), H_PARAMETER);
	ck_assert_int_eq(put(DEFAULT, 0, 0x6000 | RW), H_SUCCESS);
	/* Of one group, memory is registered once. */
	ck_assert_uint_eq(fake->nr_chunks, 1);
	ck_assert_int_eq(remove_window(OTHER), RTAS_SUCCESS);
	ck_assert_uint_eq(fake->window64.size, 0);
	ck_assert_int_eq(put(OTHER, FAKE_WINDOW64, 0x5000 | RW), H_PARAMETER);
	ck_assert_int_eq(remove_window(OTHER), RTAS_PARAMETER_ERROR);
	ck_assert_uint_eq(fake->pages[0].hva, guest_memory_hva(&memory, 0x6000, PAGE));
	ck_assert_int_eq(create(12, 20, rets), RTAS_SUCCESS);
}
END_TEST

static const struct {
	uint32_t page_shift, window_shift;
} bad_creates[] = {
	{ 12, 24 }, { 12, 11 }, { 12, 63 }, { 12, 64 }, { 12, UINT32_MAX }, { 16, 23 }, { 21, 22 },
	{ 0, 20 }, { 13, 20 }, { 63, 63 }, { 64, 64 }, { UINT32_MAX, UINT32_MAX }, { 34, 34 },
};

START_TEST(test_bad_create)
{
	uint32_t rets[3];

	start();
	ck_assert_int_eq(create(bad_creates[_i].page_shift, bad_creates[_i].window_shift, rets),
			 RTAS_PARAMETER_ERROR);
	ck_assert_uint_eq(fake->window64.size, 0);
}
END_TEST

/* Bridges, devices and windows that there are not. */
START_TEST(test_bad_names)
{
	static const uint32_t addresses[][3] = {
		{ 0x800, (uint32_t)(BUID >> 32), (uint32_t)BUID },	/* no such device */
		{ 2, (uint32_t)(BUID >> 32), (uint32_t)BUID },
		{ UINT32_MAX, (uint32_t)(BUID >> 32), (uint32_t)BUID },
		{ PE, (uint32_t)(BUID >> 32), (uint32_t)BUID + 1 },
		{ PE, 0, 0 },
	};
	uint32_t rets[5];
	unsigned i;

	start();
	for (i = 0; i < ARRAY_SIZE(addresses); i++) {
		uint32_t args[] = { addresses[i][0], addresses[i][1], addresses[i][2], 12, 20 };

		ck_assert_int_eq(guest_rtas_call(&rtas, NULL, QUERY, args, 3, rets, 6), -3);
		ck_assert_int_eq(guest_rtas_call(&rtas, NULL, CREATE, args, 5, rets, 4), -3);
		ck_assert_int_eq(guest_rtas_call(&rtas, NULL, RESET, args, 3, rets, 1), -3);
	}
	ck_assert_int_eq(remove_window(0), RTAS_PARAMETER_ERROR);
	ck_assert_int_eq(remove_window(OTHER), RTAS_PARAMETER_ERROR);
	ck_assert_int_eq(remove_window(OTHER + 1), RTAS_PARAMETER_ERROR);
	ck_assert_int_eq(remove_window(PAPR_PHB_LIOBN(1)), RTAS_PARAMETER_ERROR);
	/* Addresses below 64 bits are not offered. */
	ck_assert_int_eq(pe_call(RESET, (uint32_t[]){ 1 }, 1, NULL, 1), RTAS_PARAMETER_ERROR);
	ck_assert_int_eq(pe_call(RESET, (uint32_t[]){ 0 }, 1, NULL, 1), RTAS_SUCCESS);
	/* A device is as good as the PE: the NVMe is at 0. */
	ck_assert_int_eq(GUEST_RTAS(&rtas, NULL, QUERY, rets, 6, 0, (uint32_t)(BUID >> 32),
				    (uint32_t)BUID), RTAS_SUCCESS);
}
END_TEST

/* What comes next is in its place, and no larger. */
START_TEST(test_without_default)
{
	uint32_t rets[3];

	start();
	ck_assert_int_eq(put(DEFAULT, 0, 0x5000 | RW), H_SUCCESS);
	ck_assert_int_eq(remove_window(DEFAULT), RTAS_SUCCESS);
	ck_assert(fake->no_default);
	ck_assert_int_eq(put(DEFAULT, 0, 0x5000 | RW), H_PARAMETER);
	expect_query(2, 4 * MIB / PAGE, 1);
	ck_assert_int_eq(create(12, 23, rets), RTAS_PARAMETER_ERROR);
	ck_assert_int_eq(create(12, 21, rets), RTAS_SUCCESS);
	ck_assert_uint_eq(rets[0], DEFAULT);
	ck_assert_uint_eq(rets[1] | rets[2], 0);
	ck_assert_int_eq(put(DEFAULT, 2 * MIB - PAGE, 0x5000 | RW), H_SUCCESS);
	ck_assert_int_eq(put(DEFAULT, 2 * MIB, 0x5000 | RW), H_PARAMETER);
	expect_query(1, 8 * MIB / PAGE, 1);
	ck_assert_int_eq(create(12, 23, rets), RTAS_SUCCESS);
	ck_assert_uint_eq(rets[0], OTHER);
	/* One like the default window is the default window again. */
	ck_assert_int_eq(remove_window(DEFAULT), RTAS_SUCCESS);
	ck_assert_int_eq(create(12, 22, rets), RTAS_SUCCESS);
	ck_assert(!fake->group.window_lost);
}
END_TEST

/* Whatever there is, the default window is there afterwards, and alone. */
START_TEST(test_reset)
{
	uint32_t rets[3];

	start();
	ck_assert_int_eq(put(DEFAULT, 0, 0x5000 | RW), H_SUCCESS);
	ck_assert_int_eq(create(12, 23, rets), RTAS_SUCCESS);
	ck_assert_int_eq(put(OTHER, FAKE_WINDOW64, 0x5000 | RW), H_SUCCESS);
	ck_assert_int_eq(reset(), RTAS_SUCCESS);
	ck_assert_uint_eq(fake->window64.size, 0);
	/* It was not touched. */
	ck_assert_uint_eq(fake->pages[0].hva, guest_memory_hva(&memory, 0x5000, PAGE));
	ck_assert_int_eq(remove_window(DEFAULT), RTAS_SUCCESS);
	ck_assert_int_eq(create(12, 20, rets), RTAS_SUCCESS);
	ck_assert_int_eq(create(12, 23, rets), RTAS_SUCCESS);
	ck_assert_int_eq(reset(), RTAS_SUCCESS);
	ck_assert_int_eq(put(DEFAULT, 4 * MIB - PAGE, 0x5000 | RW), H_SUCCESS);
	ck_assert_int_eq(put(OTHER, FAKE_WINDOW64, 0x5000 | RW), H_PARAMETER);
	ck_assert_int_eq(remove_window(DEFAULT), RTAS_SUCCESS);
	ck_assert_int_eq(reset(), RTAS_SUCCESS);
	ck_assert_int_eq(put(DEFAULT, 0, 0x5000 | RW), H_SUCCESS);
}
END_TEST

/* The next boot finds what the first one found. */
START_TEST(test_reboot)
{
	uint32_t rets[3];

	start();
	ck_assert_int_eq(remove_window(DEFAULT), RTAS_SUCCESS);
	ck_assert_int_eq(create(12, 20, rets), RTAS_SUCCESS);
	ck_assert_int_eq(create(12, 23, rets), RTAS_SUCCESS);
	ck_assert_int_eq(put(OTHER, FAKE_WINDOW64, 0x5000 | RW), H_SUCCESS);
	stop();
	expect_as_opened();
	start();
	ck_assert_int_eq(put(DEFAULT, 4 * MIB - PAGE, 0x5000 | RW), H_SUCCESS);
	expect_query(1, 8 * MIB / PAGE, 1);
}
END_TEST

/* A window that cannot be made again is tried again by the next boot. */
START_TEST(test_reboot_fails)
{
	start();
	ck_assert_int_eq(remove_window(DEFAULT), RTAS_SUCCESS);
	fake->create_window = (struct fake_failure){ 1, -ENOMEM };
	ck_assert_int_eq(reset(), RTAS_HARDWARE_ERROR);
	ck_assert(fake_board_logged(&board, "cannot be set up: Cannot allocate memory; raise"));
	fake->create_window = (struct fake_failure){ 1, -EIO };
	stop();
	ck_assert(fake_board_logged(&board, "cannot be made again: Input/output error"));
	fake->create_window = (struct fake_failure){ 1, -EIO };
	ck_assert_int_eq(init(), -EIO);
	start();
	ck_assert_int_eq(put(DEFAULT, 0, 0x5000 | RW), H_SUCCESS);
}
END_TEST

START_TEST(test_failures)
{
	uint32_t rets[3];

	start();
	fake->create_window = (struct fake_failure){ 1, -ENOMEM };
	ck_assert_int_eq(create(12, 23, rets), RTAS_HARDWARE_ERROR);
	ck_assert(fake_board_logged(&board, "no DMA window of 8 MiB for it: Cannot allocate memory; "
				    "raise the limit for locked memory (ulimit -l)"));
	ck_assert_int_eq(create(12, 23, rets), RTAS_SUCCESS);
	fake->remove_window = (struct fake_failure){ 1, -EIO };
	ck_assert_int_eq(remove_window(OTHER), RTAS_HARDWARE_ERROR);
	/* It is still there. */
	ck_assert_int_eq(remove_window(OTHER), RTAS_SUCCESS);
	ck_assert(fake_board_logged(&board, "a DMA window cannot be removed: Input/output error"));
	ck_assert_uint_eq(fake->window64.size, 0);
}
END_TEST

/* While the PE is isolated nothing changes. */
START_TEST(test_isolated)
{
	uint32_t rets[5];

	start();
	ck_assert_int_eq(create(12, 20, rets), RTAS_SUCCESS);
	fake->state = GROUP_FROZEN;
	ck_assert_int_eq(query(rets), RTAS_HARDWARE_ERROR);
	ck_assert_int_eq(create(12, 20, rets), RTAS_HARDWARE_ERROR);
	ck_assert_int_eq(remove_window(OTHER), RTAS_HARDWARE_ERROR);
	ck_assert_int_eq(reset(), RTAS_HARDWARE_ERROR);
	ck_assert_uint_ne(fake->window64.size, 0);
	fake->state = GROUP_NORMAL;
	ck_assert_int_eq(reset(), RTAS_SUCCESS);
}
END_TEST

static bool mapping;

static void *map(void *arg)
{
	while (__atomic_load_n(&mapping, __ATOMIC_SEQ_CST))
		ck_assert_int_eq(put(DEFAULT, 0, 0x5000 | RW), H_SUCCESS);
	return NULL;
}

/* VFIO would look for the default window while the other one goes. */
START_TEST(test_windows_alone)
{
	uint32_t rets[3];
	pthread_t thread;

	start();
	fake->map_us = 500;
	mapping = true;
	ck_assert_int_eq(pthread_create(&thread, NULL, map, NULL), 0);
	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(create(12, 23, rets), RTAS_SUCCESS);
		usleep(100);
		ck_assert_int_eq(i % 2 ? reset() : remove_window(OTHER), RTAS_SUCCESS);
	}
	__atomic_store_n(&mapping, false, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);
	ck_assert_uint_gt(fake->map_calls, 10);
	ck_assert_uint_eq(fake->overlaps, 0);
	fake->map_us = 0;
}
END_TEST

/* The kernel's tables: one for each window, taken away while the guest stands still. */
static struct {
	struct papr_tce_kernel kernel;
	uint64_t entries[2][FAKE_WINDOW64_PAGES];
	bool exists[2];
	bool alone;
	int error;
} kernel;

static int create_table(struct papr_tce_kernel *it, struct group *group,
			const struct group_dma_window *window, uint32_t liobn, uint64_t **entries)
{
	unsigned i = liobn - DEFAULT;

	ck_assert(!kernel.exists[i]);
	if (kernel.error)
		return kernel.error;
	ck_assert_uint_eq(window->iova, i ? FAKE_WINDOW64 : 0);
	kernel.exists[i] = true;
	memset(kernel.entries[i], 0, sizeof(kernel.entries[i]));
	*entries = kernel.entries[i];
	return 0;
}

static void destroy_table(struct papr_tce_kernel *it, uint32_t liobn)
{
	ck_assert(kernel.exists[liobn - DEFAULT] && (kernel.alone || !started));
	kernel.exists[liobn - DEFAULT] = false;
}

static void run_alone(struct papr_tce_kernel *it, void (*work)(void *arg), void *arg)
{
	kernel.alone = true;
	work(arg);
	kernel.alone = false;
}

START_TEST(test_kernel)
{
	static const struct papr_tce_kernel_ops ops = { create_table, destroy_table, run_alone };
	uint32_t rets[3];

	memset(&kernel, 0, sizeof(kernel));
	kernel.kernel.ops = &ops;
	start();
	ck_assert_int_eq(papr_phbs_attach(&phbs, &kernel.kernel), 0);
	ck_assert_int_eq(create(12, 23, rets), RTAS_SUCCESS);
	ck_assert(kernel.exists[0] && kernel.exists[1]);
	ck_assert_int_eq(put(OTHER, FAKE_WINDOW64 + PAGE, 0x5000 | RW), H_SUCCESS);
	ck_assert_uint_eq(kernel.entries[1][1], 0x5000 | RW);
	ck_assert_int_eq(remove_window(OTHER), RTAS_SUCCESS);
	ck_assert(!kernel.exists[1]);
	ck_assert_int_eq(create(12, 23, rets), RTAS_SUCCESS);
	ck_assert_int_eq(remove_window(DEFAULT), RTAS_SUCCESS);
	ck_assert_int_eq(reset(), RTAS_SUCCESS);
	ck_assert(kernel.exists[0] && !kernel.exists[1]);
	/* One that the kernel does not take is served here. */
	kernel.error = -ENOMEM;
	ck_assert_int_eq(create(12, 23, rets), RTAS_SUCCESS);
	ck_assert_int_eq(put(OTHER, FAKE_WINDOW64 + PAGE, 0x5000 | RW), H_SUCCESS);
	ck_assert_uint_eq(fake->pages64[1].hva, guest_memory_hva(&memory, 0x5000, PAGE));
	started = false;
	papr_phbs_exit(&phbs);
	ck_assert(!kernel.exists[0]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("papr_ddw");
	TCase *tcase = tcase_create("papr_ddw");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_query);
	tcase_add_test(tcase, test_query_all);
	tcase_add_test(tcase, test_offer);
	tcase_add_test(tcase, test_not_offered);
	tcase_add_test(tcase, test_windows_alone);
	tcase_add_test(tcase, test_create);
	tcase_add_loop_test(tcase, test_bad_create, 0, ARRAY_SIZE(bad_creates));
	tcase_add_test(tcase, test_bad_names);
	tcase_add_test(tcase, test_without_default);
	tcase_add_test(tcase, test_reset);
	tcase_add_test(tcase, test_reboot);
	tcase_add_test(tcase, test_reboot_fails);
	tcase_add_test(tcase, test_failures);
	tcase_add_test(tcase, test_isolated);
	tcase_add_test(tcase, test_kernel);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCE tables: what a call may ask for, what reaches the group, registering on demand. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devices/papr_tce.h"
#include "tests/unit/capture.h"
#include "tests/unit/fake_board.h"
#include "tests/unit/fake_group.h"
#include "vmm/papr/hcall.h"

#define IOVA 0x10000ULL
#define PAGE 4096ULL
#define WINDOW_END (IOVA + FAKE_WINDOW_PAGES * PAGE)
#define MEMORY (16 * MIB + 64 * KIB)
#define RW (PAPR_TCE_READ | PAPR_TCE_WRITE)
#define LIST_GPA 0x8000ULL

static struct fake_board board;
static struct fake_group fake;
static struct guest_memory memory;
static struct papr_dma_memory dma;
static struct papr_dma_user user;
static struct papr_tce_table table;

static void start(bool all)
{
	const struct papr_dma_policy policy = { .all = all };

	ck_assert_int_eq(papr_dma_memory_init(&dma, &memory, &policy, &board.log), 0);
	ck_assert_int_eq(papr_dma_user_init(&user, &dma, &fake.group), 0);
	ck_assert_int_eq(papr_tce_init(&table, &user, 0x80000000), 0);
	ck_assert_int_eq(papr_tce_open(&table, &fake.group.window), 0);
}

static void setup(void)
{
	fake_board_init(&board);
	fake_group_init(&fake, IOVA);
	ck_assert_int_eq(guest_memory_init(&memory, 0, MEMORY), 0);
	start(false);
}

static unsigned live_pages(void)
{
	unsigned i, live = 0;

	for (i = 0; i < FAKE_WINDOW_PAGES; i++)
		live += fake.pages[i].hva != 0;
	return live;
}

static void stop(void)
{
	papr_tce_exit(&table);
	papr_dma_user_exit(&user);
	papr_dma_memory_exit(&dma);
}

static void teardown(void)
{
	stop();
	ck_assert_uint_eq(live_pages(), 0);
	ck_assert_uint_eq(fake.nr_chunks, 0);
	guest_memory_exit(&memory);
	fake_board_exit(&board);
}

static uint64_t entry(uint64_t ioba)
{
	uint64_t tce = 0xdead;

	ck_assert_int_eq(papr_tce_get(&table, ioba, &tce), H_SUCCESS);
	return tce;
}

static uint64_t mapped(uint64_t ioba)
{
	return fake.pages[(ioba - IOVA) / PAGE].hva;
}

static void write_list(const uint64_t *tces, unsigned count)
{
	be64 list[PAPR_TCE_LIST_MAX];
	unsigned i;

	for (i = 0; i < count; i++)
		list[i] = htobe64(tces[i]);
	ck_assert_int_eq(guest_memory_write(&memory, LIST_GPA, list, count * sizeof(*list)), 0);
}

START_TEST(test_put)
{
	ck_assert_int_eq(papr_tce_put(&table, IOVA + PAGE, 0x5000 | RW), H_SUCCESS);
	ck_assert_uint_eq(mapped(IOVA + PAGE), guest_memory_hva(&memory, 0x5000, PAGE));
	ck_assert(fake.pages[1].read && fake.pages[1].write);
	ck_assert_uint_eq(entry(IOVA + PAGE), 0x5000 | RW);
	ck_assert_uint_eq(entry(IOVA), 0);
	/* Replaced, with other permissions. */
	ck_assert_int_eq(papr_tce_put(&table, IOVA + PAGE, 0x6000 | PAPR_TCE_READ), H_SUCCESS);
	ck_assert_uint_eq(mapped(IOVA + PAGE), guest_memory_hva(&memory, 0x6000, PAGE));
	ck_assert(fake.pages[1].read && !fake.pages[1].write);
	/* A device that uses it meanwhile never finds it unmapped. */
	ck_assert_uint_eq(fake.unmap_calls, 0);
	/* Without permissions it is unmapped, and what it says is kept. */
	ck_assert_int_eq(papr_tce_put(&table, IOVA + PAGE, 0xfffffffffffff000), H_SUCCESS);
	ck_assert_uint_eq(mapped(IOVA + PAGE), 0);
	ck_assert_uint_eq(entry(IOVA + PAGE), 0xfffffffffffff000);
	/* The last page of the window, the last page of memory. */
	ck_assert_int_eq(papr_tce_put(&table, WINDOW_END - PAGE, (MEMORY - PAGE) | RW),
			 H_SUCCESS);
	ck_assert_uint_eq(mapped(WINDOW_END - PAGE),
			  guest_memory_hva(&memory, MEMORY - PAGE, PAGE));
}
END_TEST

struct bad_put {
	uint64_t ioba, tce;
};

static const struct bad_put bad_puts[] = {
	{ 0, 0x5000 | RW },		/* below the window */
	{ IOVA - PAGE, 0x5000 | RW },
	{ WINDOW_END, 0x5000 | RW },	/* above it */
	{ UINT64_MAX & ~(PAGE - 1), 0x5000 | RW },
	{ IOVA + 1, 0x5000 | RW },	/* not aligned */
	{ IOVA + 2048, 0x5000 | RW },
	{ IOVA, MEMORY | RW },		/* not memory */
	{ IOVA, (UINT64_MAX & ~(PAGE - 1)) | RW },
	{ IOVA, 0x200000000000 | RW },
	{ IOVA, 0x5004 | RW },		/* reserved bits */
	{ IOVA, 0x5800 | PAPR_TCE_WRITE },
};

START_TEST(test_bad_put)
{
	const struct bad_put *bad = &bad_puts[_i];

	ck_assert_int_eq(papr_tce_put(&table, bad->ioba, bad->tce), H_PARAMETER);
	ck_assert_uint_eq(fake.map_calls, 0);
	ck_assert_uint_eq(fake.nr_chunks, 0);
}
END_TEST

START_TEST(test_get)
{
	uint64_t tce = 0;

	ck_assert_int_eq(papr_tce_get(&table, IOVA - PAGE, &tce), H_PARAMETER);
	ck_assert_int_eq(papr_tce_get(&table, WINDOW_END, &tce), H_PARAMETER);
	ck_assert_int_eq(papr_tce_get(&table, IOVA + 8, &tce), H_PARAMETER);
}
END_TEST

static const uint64_t *pages_of(const uint64_t *tces, unsigned count)
{
	static uint64_t pages[PAPR_TCE_LIST_MAX];
	unsigned i;

	for (i = 0; i < count; i++)
		pages[i] = guest_memory_hva(&memory, tces[i] & ~RW, PAGE) | (tces[i] & RW);
	return pages;
}

/* Neighbours in memory with the same permissions go to the kernel in one call. */
START_TEST(test_list_runs)
{
	static const uint64_t tces[] = {
		0x10000 | RW, 0x11000 | RW, 0x12000 | RW, 0x13000 | PAPR_TCE_READ, 0, 0x7000,
		0x20000 | RW, 0x1f000 | RW,
	};
	unsigned i;

	write_list(tces, ARRAY_SIZE(tces));
	ck_assert_int_eq(papr_tce_put_list(&table, IOVA, LIST_GPA, ARRAY_SIZE(tces)), H_SUCCESS);
	ck_assert_uint_eq(fake.map_calls, 4);
	ck_assert_uint_eq(fake.unmap_calls, 1);
	ck_assert_uint_eq(live_pages(), 6);
	for (i = 0; i < ARRAY_SIZE(tces); i++)
		ck_assert_uint_eq(entry(IOVA + i * PAGE), tces[i]);
	/* Live entries are replaced, in runs too. */
	ck_assert_int_eq(papr_tce_put_list(&table, IOVA + 2 * PAGE, LIST_GPA, 3), H_SUCCESS);
	ck_assert_uint_eq(fake.map_calls, 5);
	ck_assert_uint_eq(fake.unmap_calls, 1);
	ck_assert_uint_eq(mapped(IOVA + 4 * PAGE), guest_memory_hva(&memory, 0x12000, PAGE));
}
END_TEST

/* A group that takes lists gets each in one call, whatever is in it; one page is no list. */
START_TEST(test_list_whole)
{
	static const uint64_t tces[] = { 0x10000 | RW, 0x18000 | PAPR_TCE_READ, 0x11000 | RW };

	fake_group_take_lists(&fake);
	write_list(tces, ARRAY_SIZE(tces));
	ck_assert_int_eq(papr_tce_put_list(&table, IOVA, LIST_GPA, ARRAY_SIZE(tces)), H_SUCCESS);
	ck_assert_uint_eq(fake.list_calls, 1);
	ck_assert_uint_eq(fake.map_calls, 0);
	ck_assert_mem_eq(fake.list, pages_of(tces, ARRAY_SIZE(tces)), sizeof(tces));
	ck_assert_uint_eq(entry(IOVA + PAGE), tces[1]);
	/* Without permissions, whatever the guest says besides. */
	ck_assert_int_eq(papr_tce_put(&table, IOVA, 0xfffffffffffff000), H_SUCCESS);
	ck_assert_uint_eq(fake.unmap_calls, 1);
	ck_assert_int_eq(papr_tce_put(&table, IOVA, 0x10000 | RW), H_SUCCESS);
	ck_assert_uint_eq(fake.map_calls, 1);
	ck_assert_uint_eq(fake.list_calls, 1);
	fake.list_error = -ENOMEM;
	ck_assert_int_eq(papr_tce_put_list(&table, IOVA, LIST_GPA, ARRAY_SIZE(tces)), H_NOT_ENOUGH_RESOURCES);
	ck_assert_uint_eq(fake.unmap_calls, 2);
	ck_assert_uint_eq(entry(IOVA), 0);
	ck_assert_uint_eq(entry(IOVA + PAGE), 0);
}
END_TEST

START_TEST(test_list_full)
{
	uint64_t tces[PAPR_TCE_LIST_MAX];
	unsigned i;

	for (i = 0; i < PAPR_TCE_LIST_MAX; i++)
		tces[i] = (uint64_t)i * PAGE | RW;
	write_list(tces, PAPR_TCE_LIST_MAX);
	ck_assert_int_eq(papr_tce_put_list(&table, IOVA, LIST_GPA, PAPR_TCE_LIST_MAX), H_SUCCESS);
	ck_assert_uint_eq(fake.map_calls, 1);
	ck_assert_uint_eq(live_pages(), PAPR_TCE_LIST_MAX);
	ck_assert_int_eq(papr_tce_put_list(&table, IOVA, LIST_GPA, 0), H_SUCCESS);
}
END_TEST

struct bad_list {
	uint64_t ioba, list, count;
};

static const struct bad_list bad_lists[] = {
	{ IOVA, LIST_GPA, PAPR_TCE_LIST_MAX + 1 },
	{ IOVA, LIST_GPA, UINT64_MAX },
	{ IOVA, LIST_GPA + 8, 1 },
	{ IOVA, LIST_GPA + 2048, 1 },
	{ IOVA, MEMORY, 1 },
	{ IOVA, UINT64_MAX & ~(PAGE - 1), 512 },
	{ IOVA + 8, LIST_GPA, 1 },
	{ WINDOW_END - PAGE, LIST_GPA, 2 },
	{ WINDOW_END, LIST_GPA, 1 },
	{ UINT64_MAX & ~(PAGE - 1), LIST_GPA, 2 },
};

START_TEST(test_bad_list)
{
	static const uint64_t tces[] = { 0x10000 | RW, 0x11000 | RW };
	const struct bad_list *bad = &bad_lists[_i];

	write_list(tces, ARRAY_SIZE(tces));
	ck_assert_int_eq(papr_tce_put_list(&table, bad->ioba, bad->list, bad->count),
			 H_PARAMETER);
	ck_assert_uint_eq(fake.map_calls, 0);
}
END_TEST

/* A bad entry anywhere: none of the others takes effect. */
START_TEST(test_list_all_or_nothing)
{
	uint64_t tces[] = { 0x10000 | RW, 0x11000 | RW, 0, 0x12000 | RW };
	unsigned bad, i;

	ck_assert_int_eq(papr_tce_put(&table, IOVA, 0x5000 | RW), H_SUCCESS);
	for (bad = 0; bad < ARRAY_SIZE(tces); bad++) {
		uint64_t good = tces[bad];

		tces[bad] = MEMORY | RW;
		write_list(tces, ARRAY_SIZE(tces));
		ck_assert_int_eq(papr_tce_put_list(&table, IOVA, LIST_GPA, ARRAY_SIZE(tces)),
				 H_PARAMETER);
		ck_assert_uint_eq(entry(IOVA), 0x5000 | RW);
		for (i = 1; i < ARRAY_SIZE(tces); i++)
			ck_assert_uint_eq(entry(IOVA + i * PAGE), 0);
		tces[bad] = good;
	}
	ck_assert_uint_eq(live_pages(), 1);
}
END_TEST

START_TEST(test_stuff)
{
	uint64_t poison = 0xabc000;

	ck_assert_int_eq(papr_tce_put(&table, IOVA + PAGE, 0x5000 | RW), H_SUCCESS);
	ck_assert_int_eq(papr_tce_put(&table, IOVA + 5 * PAGE, 0x6000 | RW), H_SUCCESS);
	ck_assert_int_eq(papr_tce_stuff(&table, IOVA, poison, FAKE_WINDOW_PAGES), H_SUCCESS);
	ck_assert_uint_eq(live_pages(), 0);
	ck_assert_uint_eq(fake.unmap_calls, 1);
	ck_assert_uint_eq(entry(IOVA), poison);
	ck_assert_uint_eq(entry(IOVA + 5 * PAGE), poison);
	ck_assert_int_eq(papr_tce_stuff(&table, IOVA, 0, FAKE_WINDOW_PAGES), H_SUCCESS);
	ck_assert_uint_eq(entry(WINDOW_END - PAGE), 0);
	ck_assert_int_eq(papr_tce_stuff(&table, IOVA, 0, 0), H_SUCCESS);
	/* A gap that is too long for the kernel to go over it. */
	ck_assert_int_eq(papr_tce_put(&table, IOVA, 0x5000 | RW), H_SUCCESS);
	ck_assert_int_eq(papr_tce_put(&table, WINDOW_END - PAGE, 0x6000 | RW), H_SUCCESS);
	ck_assert_int_eq(papr_tce_stuff(&table, IOVA, 0, FAKE_WINDOW_PAGES), H_SUCCESS);
	ck_assert_uint_eq(fake.unmap_calls, 3);
	ck_assert_uint_eq(live_pages(), 0);
	ck_assert_int_eq(papr_tce_stuff(&table, IOVA, RW, 1), H_PARAMETER);
	ck_assert_int_eq(papr_tce_stuff(&table, IOVA, PAPR_TCE_READ, 1), H_PARAMETER);
	ck_assert_int_eq(papr_tce_stuff(&table, IOVA, 0, FAKE_WINDOW_PAGES + 1), H_PARAMETER);
	ck_assert_int_eq(papr_tce_stuff(&table, IOVA + PAGE, 0, UINT64_MAX), H_PARAMETER);
	ck_assert_int_eq(papr_tce_stuff(&table, IOVA + 16, 0, 1), H_PARAMETER);
}
END_TEST

/* One chunk at a time, once each; the last one as long as what is left of memory. */
START_TEST(test_registering)
{
	uint64_t tces[2] = { 0x100000 | RW, MEMORY - PAGE + RW };

	ck_assert_uint_eq(dma.chunk_size, MIB);
	ck_assert_int_eq(papr_tce_put(&table, IOVA, 0x5000 | RW), H_SUCCESS);
	ck_assert_int_eq(papr_tce_put(&table, IOVA, 0xff000 | RW), H_SUCCESS);
	ck_assert_uint_eq(fake.nr_chunks, 1);
	ck_assert_uint_eq(fake.chunks[0].hva, guest_memory_hva(&memory, 0, MIB));
	ck_assert_uint_eq(fake.chunks[0].size, MIB);
	write_list(tces, 2);
	ck_assert_int_eq(papr_tce_put_list(&table, IOVA, LIST_GPA, 2), H_SUCCESS);
	ck_assert_uint_eq(fake.nr_chunks, 3);
	ck_assert_uint_eq(fake.chunks[2].size, 64 * KIB);
	ck_assert_int_eq(papr_tce_stuff(&table, IOVA, 0, 2), H_SUCCESS);
	ck_assert_uint_eq(fake.nr_chunks, 3);
	ck_assert_uint_eq(live_pages(), 0);
	papr_tce_give_back(&dma, true);
	ck_assert_uint_eq(fake.nr_chunks, 0);
	ck_assert_uint_eq(entry(IOVA), 0);
	ck_assert_int_eq(papr_tce_put(&table, IOVA, 0x5000 | RW), H_SUCCESS);
}
END_TEST

START_TEST(test_chunk_size)
{
	static const struct {
		uint64_t memory, chunk;
	} cases[] = {
		{ 4 * GIB, MIB }, { 4 * GIB + 1, MIB }, { 8 * GIB, 2 * MIB },
		{ 12 * GIB, 4 * MIB }, { 64 * GIB, 16 * MIB },
	}, all[] = {
		{ 256 * MIB, MIB }, { 256 * MIB + 1, MIB }, { 512 * MIB, 2 * MIB },
		{ 768 * MIB, 4 * MIB }, { 64 * GIB, 256 * MIB },
	};
	const struct papr_dma_policy policies[] = { { .all = false }, { .all = true } };
	struct guest_memory other = { .page_shift = 12 };
	struct papr_dma_memory sized;
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		other.size = _i ? all[i].memory : cases[i].memory;
		ck_assert_int_eq(papr_dma_memory_init(&sized, &other, &policies[_i], &board.log), 0);
		ck_assert_uint_eq(sized.chunk_size, _i ? all[i].chunk : cases[i].chunk);
		papr_dma_memory_exit(&sized);
	}
}
END_TEST

/* So many chunks that can be registered at a time. */
static unsigned room;

static int register_with_room(struct group *group, uint64_t hva, uint64_t size)
{
	if (fake.register_memory.after && !--fake.register_memory.after)
		return fake.register_memory.error;
	if (fake.nr_chunks == room)
		return -ENOMEM;
	fake.chunks[fake.nr_chunks++] = (struct fake_chunk){ hva, size };
	return 0;
}

static void limit_to(unsigned chunks)
{
	static struct group_dma_ops ops;

	ops = *fake.group.dma_ops;
	ops.register_memory = register_with_room;
	fake.group.dma_ops = &ops;
	room = chunks;
}

/* The lock limit reached in the middle of a list: no entry has changed, and the operator reads
 * what to do. */
START_TEST(test_lock_limit)
{
	static const uint64_t tces[] = { 0x5000 | RW, 0x200000 | RW };

	write_list(tces, 2);
	limit_to(1);
	ck_assert_int_eq(papr_tce_put_list(&table, IOVA, LIST_GPA, 2), H_NOT_ENOUGH_RESOURCES);
	ck_assert_uint_eq(live_pages(), 0);
	ck_assert_uint_eq(entry(IOVA), 0);
	ck_assert(fake_board_logged(&board, "raise the limit to 16472 KiB at most (ulimit -l)"));
	fake.register_memory = (struct fake_failure){ 1, -EINVAL };
	ck_assert_int_eq(papr_tce_put(&table, IOVA, 0x300000 | RW), H_NOT_ENOUGH_RESOURCES);
	ck_assert(fake_board_logged(&board, "cannot be registered for DMA"));
	room = 2;
	ck_assert_int_eq(papr_tce_put_list(&table, IOVA, LIST_GPA, 2), H_SUCCESS);
}
END_TEST

/* What the kernel did not map is not in the table either. */
START_TEST(test_map_failures)
{
	static const uint64_t tces[] = { 0x5000 | RW, 0x9000 | RW };

	ck_assert_int_eq(papr_tce_put(&table, IOVA + PAGE, 0x4000 | RW), H_SUCCESS);
	write_list(tces, 2);
	fake.dma_map = (struct fake_failure){ 2, -EPERM };
	ck_assert_int_eq(papr_tce_put_list(&table, IOVA, LIST_GPA, 2), H_NOT_ENOUGH_RESOURCES);
	ck_assert_uint_eq(entry(IOVA), 0);
	ck_assert_uint_eq(entry(IOVA + PAGE), 0);
	ck_assert_uint_eq(live_pages(), 0);
	ck_assert(fake_board_logged(&board, "a DMA mapping cannot be changed"));
	ck_assert_int_eq(papr_tce_put(&table, IOVA, tces[0]), H_SUCCESS);
	/* What is live still, when that cannot be undone either, stays in the table. */
	fake.dma_map = (struct fake_failure){ 1, -EPERM };
	fake.dma_unmap = (struct fake_failure){ 1, -EIO };
	ck_assert_int_eq(papr_tce_put(&table, IOVA, 0x7000 | RW), H_NOT_ENOUGH_RESOURCES);
	ck_assert_uint_eq(entry(IOVA), tces[0]);
	ck_assert_uint_eq(live_pages(), 1);
	/* Still live when it cannot be unmapped. */
	fake.dma_unmap = (struct fake_failure){ 1, -EIO };
	ck_assert_int_eq(papr_tce_stuff(&table, IOVA, 0, 2), H_NOT_ENOUGH_RESOURCES);
	ck_assert_uint_eq(entry(IOVA), tces[0]);
	ck_assert_int_eq(papr_tce_stuff(&table, IOVA, 0, 2), H_SUCCESS);
}
END_TEST

START_TEST(test_no_window)
{
	uint64_t tce;

	papr_tce_close(&table);
	ck_assert_int_eq(papr_tce_get(&table, IOVA, &tce), H_PARAMETER);
	ck_assert_int_eq(papr_tce_put(&table, IOVA, 0x5000 | RW), H_PARAMETER);
	ck_assert_int_eq(papr_tce_put_list(&table, IOVA, LIST_GPA, 1), H_PARAMETER);
	ck_assert_int_eq(papr_tce_put_list(&table, IOVA, LIST_GPA, 0), H_PARAMETER);
	ck_assert_int_eq(papr_tce_open(&table, &(struct group_dma_window){ 0 }), -ENOMEM);
	ck_assert_uint_eq(table.nr_calls, 0);
	ck_assert_uint_eq(dma.table_bytes, 0);
}
END_TEST

static uint64_t chunk(unsigned index)
{
	return index * MIB | RW;
}

static bool is_locked(unsigned index)
{
	unsigned i;

	for (i = 0; i < fake.nr_chunks; i++) {
		if (fake.chunks[i].hva == guest_memory_hva(&memory, index * MIB, PAGE))
			return true;
	}
	return false;
}

static unsigned count_logged(const char *text)
{
	char buffer[16384];
	ssize_t size = pread(board.log.fd, buffer, sizeof(buffer) - 1, 0);
	const char *found = buffer;
	unsigned count = 0;

	ck_assert_int_ge(size, 0);
	buffer[size] = '\0';
	while ((found = strstr(found, text))) {
		found++;
		count++;
	}
	return count;
}

/* Maps the first pages of chunks, each at its own place. */
static void put_chunks(unsigned first, unsigned count)
{
	unsigned i;

	for (i = first; i < first + count; i++)
		ck_assert_int_eq(papr_tce_put(&table, IOVA + i * PAGE, chunk(i)), H_SUCCESS);
}

/* At the limit, what no entry needs makes room for what one does; what is in use stays. */
START_TEST(test_makes_room)
{
	limit_to(4);
	put_chunks(0, 4);
	ck_assert_int_eq(papr_tce_stuff(&table, IOVA + PAGE, 0, 2), H_SUCCESS);
	ck_assert_uint_eq(fake.nr_chunks, 4);
	put_chunks(8, 1);
	ck_assert(is_locked(0) && !is_locked(1) && is_locked(2) && is_locked(3) && is_locked(8));
	/* The next one idle, not the same one again and again. */
	put_chunks(1, 1);
	ck_assert(is_locked(1) && !is_locked(2));
	ck_assert(!fake_board_logged(&board, "raise the limit"));
	ck_assert_int_eq(papr_tce_put(&table, IOVA + 9 * PAGE, chunk(9)), H_NOT_ENOUGH_RESOURCES);
	ck_assert(fake_board_logged(&board, "raise the limit"));
	ck_assert_uint_eq(entry(IOVA + 9 * PAGE), 0);
}
END_TEST

/* After a search in vain there is none for a while, and the operator reads of the limit once. */
START_TEST(test_rests)
{
	limit_to(2);
	put_chunks(0, 2);
	ck_assert_int_eq(papr_tce_put(&table, IOVA + 2 * PAGE, chunk(2)), H_NOT_ENOUGH_RESOURCES);
	ck_assert(fake_board_logged(&board, "raise the limit"));
	ck_assert_int_eq(papr_tce_put(&table, IOVA, 0), H_SUCCESS);
	ck_assert_int_eq(papr_tce_put(&table, IOVA + 2 * PAGE, chunk(2)), H_NOT_ENOUGH_RESOURCES);
	ck_assert(is_locked(0));
	ck_assert_uint_eq(count_logged("raise the limit"), 1);
	dma.told_ms -= 60000;
	ck_assert_int_eq(papr_tce_put(&table, IOVA + 2 * PAGE, chunk(2)), H_NOT_ENOUGH_RESOURCES);
	ck_assert_uint_eq(count_logged("raise the limit"), 2);
	dma.pause_ms = 0;
	put_chunks(2, 1);
	ck_assert(!is_locked(0));
}
END_TEST

/* A list that does not fit whatever is given up: nothing is left mapped, what is mapped stays. */
START_TEST(test_list_beyond_room)
{
	const uint64_t tces[] = { chunk(4), chunk(5), chunk(6), chunk(7) };

	limit_to(4);
	put_chunks(0, 1);
	put_chunks(1, 1);
	ck_assert_int_eq(papr_tce_put(&table, IOVA + PAGE, 0), H_SUCCESS);
	write_list(tces, 4);
	ck_assert_int_eq(papr_tce_put_list(&table, IOVA + 8 * PAGE, LIST_GPA, 4), H_NOT_ENOUGH_RESOURCES);
	ck_assert_uint_eq(live_pages(), 1);
	ck_assert(is_locked(0));
	dma.pause_ms = 0;
	ck_assert_int_eq(papr_tce_put_list(&table, IOVA + 8 * PAGE, LIST_GPA, 3), H_SUCCESS);
	ck_assert_uint_eq(live_pages(), 4);
}
END_TEST

/* Above the threshold what is idle goes; the threshold is twice what is in use after that. */
START_TEST(test_trims)
{
	ck_assert_uint_eq(dma.threshold, 256);
	dma.threshold = 3;
	put_chunks(0, 3);
	ck_assert_int_eq(papr_tce_stuff(&table, IOVA + PAGE, 0, 2), H_SUCCESS);
	ck_assert_uint_eq(fake.nr_chunks, 3);
	put_chunks(4, 1);
	ck_assert(is_locked(0) && !is_locked(1) && !is_locked(2) && is_locked(4));
	ck_assert_uint_eq(dma.nr_registered, 2);
	ck_assert_uint_eq(dma.threshold, 256);
	/* All in use: not searched again soon. */
	dma.nr_registered += 200;
	dma.threshold = 201;
	put_chunks(5, 1);
	ck_assert_uint_eq(dma.threshold, 2 * 203);
	dma.nr_registered -= 200;
}
END_TEST

/* Memory is wanted back: all that is idle goes, and is registered again when it is needed. */
START_TEST(test_gives_back)
{
	put_chunks(0, 3);
	ck_assert_int_eq(papr_tce_stuff(&table, IOVA + PAGE, 0xabc000, 2), H_SUCCESS);
	papr_tce_give_back(&dma, true);
	ck_assert(is_locked(0));
	ck_assert_uint_eq(fake.nr_chunks, 1);
	ck_assert(fake_board_logged(&board, "2 MiB of 3 MiB of guest memory that was locked is "
				    "given back; devices can reach 4 KiB now"));
	put_chunks(1, 1);
	ck_assert_uint_eq(fake.nr_chunks, 2);
}
END_TEST

/* The host is short of memory: the same, but only --verbose tells. */
START_TEST(test_gives_back_unasked)
{
	put_chunks(0, 3);
	ck_assert_int_eq(papr_tce_stuff(&table, IOVA + PAGE, 0, 2), H_SUCCESS);
	board.log.verbose = _i;
	papr_tce_give_back(&dma, false);
	ck_assert(is_locked(0));
	ck_assert_uint_eq(fake.nr_chunks, 1);
	ck_assert_int_eq(fake_board_logged(&board, "DMA: the host is short of memory: 2 MiB of 3 MiB "
					   "of guest memory that was locked is given back"), _i);
	ck_assert_int_eq(fake_board_logged(&board, "given back"), _i);
}
END_TEST

/* Another group of the VM, with a table. */
static struct fake_group second;
static struct papr_tce_table second_table;
static struct papr_dma_user second_user;

static void add_second(void)
{
	fake_group_init(&second, IOVA);
	ck_assert_int_eq(papr_dma_user_init(&second_user, &dma, &second.group), 0);
	ck_assert_int_eq(papr_tce_init(&second_table, &second_user, 0x80010000), 0);
	ck_assert_int_eq(papr_tce_open(&second_table, &second.group.window), 0);
}

static void remove_second(void)
{
	papr_tce_exit(&second_table);
	papr_dma_user_exit(&second_user);
}

/* Another group's table that maps what this group has registered. */
START_TEST(test_gives_back_of_two)
{
	add_second();
	put_chunks(0, 2);
	ck_assert_int_eq(papr_tce_put(&table, IOVA, 0), H_SUCCESS);
	ck_assert_int_eq(papr_tce_put(&table, IOVA + PAGE, 0), H_SUCCESS);
	ck_assert_int_eq(papr_tce_put(&second_table, IOVA, chunk(0)), H_SUCCESS);
	papr_tce_give_back(&dma, true);
	ck_assert(is_locked(0) && !is_locked(1));
	ck_assert_uint_eq(second.nr_chunks, 1);
	ck_assert_int_eq(papr_tce_put(&second_table, IOVA, 0), H_SUCCESS);
	papr_tce_give_back(&dma, true);
	ck_assert_uint_eq(fake.nr_chunks + second.nr_chunks, 0);
	remove_second();
}
END_TEST

/* Everything from the start on, and nothing is ever given up. */
START_TEST(test_all)
{
	stop();
	start(true);
	ck_assert_int_eq(papr_dma_register_all(&dma), 0);
	ck_assert_uint_eq(fake.nr_chunks, 17);
	ck_assert(fake_board_logged(&board, "100% of guest memory locked"));
	put_chunks(0, 16);
	ck_assert_uint_eq(table.nr_first, 0);
	papr_tce_give_back(&dma, true);
	ck_assert_uint_eq(fake.nr_chunks, 17);
	ck_assert_uint_eq(papr_tce_release_idle(&dma, 1), 0);
}
END_TEST

START_TEST(test_all_fails)
{
	stop();
	start(true);
	limit_to(3);
	ck_assert_int_eq(papr_dma_register_all(&dma), -ENOMEM);
	ck_assert(fake_board_logged(&board, "raise the limit for locked memory (ulimit -l), or free "
				    "memory of the host's if there is no limit; or leave it to "
				    "--dma ondemand"));
}
END_TEST

/* The kernel's table: plain memory, which a test changes as the kernel would. */
static struct {
	struct papr_tce_kernel kernel;
	uint64_t entries[FAKE_WINDOW_PAGES];
	uint32_t liobn;			/* of the table that there is; 0: none */
	int error;
	unsigned nr_alone;
} kernel;

static int create(struct papr_tce_kernel *it, struct group *group,
		  const struct group_dma_window *window, uint32_t liobn, uint64_t **entries)
{
	ck_assert_ptr_eq(it, &kernel.kernel);
	ck_assert_ptr_eq(group, &fake.group);
	if (kernel.error)
		return kernel.error;
	memset(kernel.entries, 0, sizeof(kernel.entries));
	*entries = kernel.entries;
	kernel.liobn = liobn;
	return 0;
}

static void destroy(struct papr_tce_kernel *it, uint32_t liobn)
{
	ck_assert_uint_eq(kernel.liobn, liobn);
	kernel.liobn = 0;
}

/* What is found then is what the work finds. */
static void run_alone(struct papr_tce_kernel *it, void (*work)(void *arg), void *arg)
{
	kernel.nr_alone++;
	work(arg);
}

static void attach(void)
{
	static const struct papr_tce_kernel_ops ops = { create, destroy, run_alone };

	memset(&kernel, 0, sizeof(kernel));
	kernel.kernel.ops = &ops;
	/* Memory that is registered, which is all that the kernel maps. */
	ck_assert_int_eq(papr_tce_put(&table, IOVA, 0x5000 | RW), H_SUCCESS);
	ck_assert_int_eq(papr_tce_put(&table, IOVA, 0), H_SUCCESS);
	table.nr_calls = 0;
	dma.kernel = &kernel.kernel;
	ck_assert_int_eq(papr_tce_attach(&table), 0);
	ck_assert_uint_eq(kernel.liobn, 0x80000000);
}

/* As the kernel maps: in the group's window, and noted in the table that it shares. */
static void kernel_puts(uint64_t ioba, uint64_t tce)
{
	ck_assert_int_eq(group_map(&fake.group, &table.window, ioba, guest_memory_hva(&memory, tce & ~RW, PAGE),
				   PAGE, tce & PAPR_TCE_READ, tce & PAPR_TCE_WRITE), 0);
	kernel.entries[(ioba - IOVA) / PAGE] = tce;
}

/* What comes here is found by the kernel's H_GET_TCE, and what it did is known here. */
START_TEST(test_kernel_shares_entries)
{
	attach();
	ck_assert_int_eq(papr_tce_put(&table, IOVA + PAGE, 0x5000 | RW), H_SUCCESS);
	ck_assert_uint_eq(kernel.entries[1], 0x5000 | RW);
	ck_assert_int_eq(papr_tce_put(&table, IOVA + 2 * PAGE, 0x100000 | RW), H_SUCCESS);
	ck_assert_uint_eq(table.nr_calls, 2);
	ck_assert_uint_eq(table.nr_first, 2);
	kernel_puts(IOVA, 0x6000 | RW);
	ck_assert_uint_eq(entry(IOVA), 0x6000 | RW);
	ck_assert_int_eq(papr_tce_stuff(&table, IOVA, 0, 3), H_SUCCESS);
	ck_assert_uint_eq(live_pages(), 0);
	ck_assert_uint_eq(kernel.entries[0], 0);
	ck_assert_uint_eq(kernel.entries[1], 0);
	/* In memory that is registered, what the kernel does not take is not a first. */
	ck_assert_int_eq(papr_tce_put(&table, IOVA, 0x7000 | RW), H_SUCCESS);
	ck_assert_uint_eq(table.nr_calls, 4);
	ck_assert_uint_eq(table.nr_first, 2);
}
END_TEST

/* At the end nothing is mapped, whether it is noted or not, and there is no table. */
START_TEST(test_kernel_ends)
{
	attach();
	kernel_puts(IOVA, 0x6000 | RW);
	kernel_puts(IOVA + PAGE, 0x7000 | RW);
	kernel.entries[1] = 0;
	papr_tce_close(&table);
	ck_assert_uint_eq(kernel.liobn, 0);
	ck_assert_uint_eq(live_pages(), 0);
	/* The guest finds no window, and the next one starts empty. */
	ck_assert_int_eq(papr_tce_put(&table, IOVA, 0x5000 | RW), H_PARAMETER);
	ck_assert_int_eq(papr_tce_stuff(&table, IOVA, 0, 1), H_PARAMETER);
	papr_tce_close(&table);
	ck_assert_int_eq(papr_tce_open(&table, &fake.group.window), 0);
	ck_assert_uint_eq(kernel.liobn, 0x80000000);
	ck_assert_uint_eq(entry(IOVA), 0);
}
END_TEST

/* A group whose devices were unplugged keeps nobody's memory locked. */
START_TEST(test_gives_back_of_one_left)
{
	add_second();
	if (_i)
		attach();
	put_chunks(0, 2);
	ck_assert_int_eq(papr_tce_put(&second_table, IOVA, chunk(1)), H_SUCCESS);
	ck_assert_int_eq(papr_tce_put(&table, IOVA + PAGE, 0), H_SUCCESS);
	ck_assert_int_eq(papr_tce_put(&second_table, IOVA, 0), H_SUCCESS);
	ck_assert_uint_eq(papr_dma_nr_registered(&dma), 2);
	fake_group_unplug(&fake);
	papr_tce_give_back(&dma, true);
	ck_assert_uint_eq(second.nr_chunks, 0);
	ck_assert_uint_eq(papr_dma_nr_registered(&dma), 1);
	ck_assert_int_eq(papr_tce_stuff(&table, IOVA, 0, 1), H_SUCCESS);
	papr_tce_give_back(&dma, true);
	ck_assert_uint_eq(papr_dma_nr_registered(&dma), 0);
	remove_second();
}
END_TEST

/* The guest stands still; what is mapped but not noted is unmapped before it is unregistered. */
START_TEST(test_kernel_gives_back)
{
	attach();
	kernel_puts(IOVA, 0x6000 | RW);
	put_chunks(1, 2);
	kernel_puts(IOVA + 3 * PAGE, chunk(1));
	kernel.entries[1] = kernel.entries[2] = kernel.entries[3] = 0;
	/* Where the guest is trusted it may note anything. */
	kernel.entries[5] = MEMORY | RW;
	kernel.entries[6] = ~0ULL;
	papr_tce_give_back(&dma, true);
	ck_assert_uint_eq(kernel.nr_alone, 1);
	ck_assert(is_locked(0));
	ck_assert_uint_eq(fake.nr_chunks, 1);
	ck_assert_uint_eq(live_pages(), 1);
	/* When it cannot be unmapped, it stays registered. */
	put_chunks(1, 1);
	kernel.entries[1] = 0;
	fake.dma_unmap = (struct fake_failure){ 1, -EIO };
	papr_tce_give_back(&dma, true);
	ck_assert_uint_eq(fake.nr_chunks, 2);
}
END_TEST

/* Two calls for one entry, here and in the kernel, may leave one page mapped and another noted. */
START_TEST(test_kernel_settles)
{
	attach();
	put_chunks(1, 2);
	kernel.entries[1] = chunk(2);
	kernel.entries[2] = 0;
	papr_tce_give_back(&dma, true);
	ck_assert(!is_locked(1) && is_locked(2));
	ck_assert_uint_eq(mapped(IOVA + PAGE), guest_memory_hva(&memory, 2 * MIB, PAGE));
	ck_assert_uint_eq(live_pages(), 1);
	/* When it cannot be mapped, all stays registered. */
	put_chunks(1, 2);
	kernel.entries[1] = chunk(2);
	fake.dma_map = (struct fake_failure){ 1, -EIO };
	papr_tce_give_back(&dma, true);
	ck_assert(is_locked(1) && is_locked(2));
}
END_TEST

/* The kernel maps what another group has registered without asking; the group's own driver would not. */
START_TEST(test_kernel_maps_anothers)
{
	attach();
	put_chunks(1, 1);
	kernel.entries[1] = chunk(3);
	papr_tce_give_back(&dma, true);
	ck_assert(!is_locked(1) && is_locked(3));
	ck_assert_uint_eq(mapped(IOVA + PAGE), guest_memory_hva(&memory, 3 * MIB, PAGE));
	/* If it cannot have it either, all stays. */
	put_chunks(2, 1);
	kernel.entries[2] = chunk(4);
	fake.register_memory = (struct fake_failure){ 1, -ENOMEM };
	papr_tce_give_back(&dma, true);
	ck_assert(is_locked(2) && is_locked(3));
}
END_TEST

/* The kernel finds a page in one chunk only, so no chunk is smaller than a page can be. */
START_TEST(test_huge_chunks)
{
	struct guest_memory huge = { .base = 0, .size = 64 * MIB, .page_shift = 21 };
	struct papr_dma_memory other;

	ck_assert_int_eq(papr_dma_memory_init(&other, &huge, &(struct papr_dma_policy){ 0 },
					      &board.log), 0);
	ck_assert_uint_eq(other.chunk_size, 2 * MIB);
	ck_assert_uint_eq(other.nr_chunks, 32);
	papr_dma_memory_exit(&other);
}
END_TEST

START_TEST(test_kernel_refuses)
{
	attach();
	papr_tce_close(&table);
	kernel.error = -ENODEV;
	ck_assert_int_eq(papr_tce_open(&table, &fake.group.window), 0);
	ck_assert_int_eq(papr_tce_attach(&table), -ENODEV);
	kernel.kernel.lists = true;
	ck_assert_int_eq(papr_tce_put(&table, IOVA, 0x5000 | RW), H_SUCCESS);
	ck_assert_uint_eq(entry(IOVA), 0x5000 | RW);
	ck_assert_uint_eq(kernel.entries[0], 0);
}
END_TEST

static Suite *papr_tce_suite(void)
{
	Suite *suite = suite_create("papr_tce");
	TCase *tcase = tcase_create("papr_tce");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_put);
	tcase_add_loop_test(tcase, test_bad_put, 0, ARRAY_SIZE(bad_puts));
	tcase_add_test(tcase, test_get);
	tcase_add_test(tcase, test_list_runs);
	tcase_add_test(tcase, test_list_whole);
	tcase_add_test(tcase, test_list_full);
	tcase_add_loop_test(tcase, test_bad_list, 0, ARRAY_SIZE(bad_lists));
	tcase_add_test(tcase, test_list_all_or_nothing);
	tcase_add_test(tcase, test_stuff);
	tcase_add_test(tcase, test_registering);
	tcase_add_loop_test(tcase, test_chunk_size, 0, 2);
	tcase_add_test(tcase, test_lock_limit);
	tcase_add_test(tcase, test_map_failures);
	tcase_add_test(tcase, test_no_window);
	tcase_add_test(tcase, test_makes_room);
	tcase_add_test(tcase, test_rests);
	tcase_add_test(tcase, test_list_beyond_room);
	tcase_add_test(tcase, test_trims);
	tcase_add_test(tcase, test_gives_back);
	tcase_add_loop_test(tcase, test_gives_back_unasked, 0, 2);
	tcase_add_test(tcase, test_gives_back_of_two);
	tcase_add_loop_test(tcase, test_gives_back_of_one_left, 0, 2);
	tcase_add_test(tcase, test_all);
	tcase_add_test(tcase, test_all_fails);
	tcase_add_test(tcase, test_kernel_shares_entries);
	tcase_add_test(tcase, test_kernel_ends);
	tcase_add_test(tcase, test_kernel_gives_back);
	tcase_add_test(tcase, test_kernel_settles);
	tcase_add_test(tcase, test_kernel_maps_anothers);
	tcase_add_test(tcase, test_huge_chunks);
	tcase_add_test(tcase, test_kernel_refuses);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(papr_tce_suite());
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The RTAS table and the guest's argument block, whatever a guest puts there. */
#include <errno.h>
#include <libfdt.h>
#include <stdio.h>

#include "tests/unit/capture.h"
#include "tests/unit/guest_rtas.h"

#define RAM (256 * KIB)
#define BLOCK GUEST_RTAS_BLOCK
#define HEAD 12			/* bytes of token, nargs and nret */

static struct guest_memory memory;
static struct capture capture;
static struct rtas rtas;

/* One call that remembers what it was given. */
struct seen {
	unsigned calls;
	struct vcpu *vcpu;
	struct rtas_request request;
};

static struct seen seen;

static int32_t rtas_look(void *owner, struct rtas_request *request)
{
	struct seen *it = owner;

	it->calls++;
	it->vcpu = request->vcpu;
	it->request = *request;
	for (unsigned i = 0; i < RTAS_MAX_ARGS; i++)
		request->rets[i] = 0xa0 + i;
	return -7;
}

/* Changes the block while it is being served, as another vCPU could. */
static int32_t rtas_swap(void *owner, struct rtas_request *request)
{
	struct rtas *table = owner;
	be32 head[3] = { htobe32(0), htobe32(9), htobe32(7) };

	ck_assert_int_eq(guest_memory_write(table->memory, BLOCK, head, sizeof(head)), 0);
	return RTAS_SUCCESS;
}

static const struct rtas_call calls[] = {
	{ "test-look", 2, 3, rtas_look },
};

static const struct rtas_call swap_calls[] = {
	{ "test-swap", 1, 1, rtas_swap },
};

static void rtas_init(struct rtas *table, struct guest_memory *ram, struct seen *owner)
{
	memset(table, 0, sizeof(*table));
	memset(owner, 0, sizeof(*owner));
	ck_assert_int_eq(guest_memory_init(ram, 0, RAM), 0);
	table->memory = ram;
	table->log = &capture.log;
	ck_assert_int_eq(rtas_register(table, calls, 1, owner), 0);
}

static void setup(void)
{
	capture_init(&capture);
	rtas_init(&rtas, &memory, &seen);
}

static void teardown(void)
{
	guest_memory_exit(&memory);
	capture_exit(&capture);
}

static void put(uint64_t gpa, const uint32_t *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		be32 word = htobe32(words[i]);

		ck_assert_int_eq(guest_memory_write(&memory, gpa + i * 4, &word, 4), 0);
	}
}

#define PUT(gpa, ...)                                        \
	put(gpa, (const uint32_t[]){ __VA_ARGS__ },          \
	    sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4)

static uint32_t get(uint64_t gpa)
{
	be32 word;

	ck_assert_int_eq(guest_memory_read(&memory, gpa, &word, 4), 0);
	return be32toh(word);
}

START_TEST(test_call)
{
	struct vcpu *vcpu = (struct vcpu *)0x1000;

	PUT(BLOCK, rtas_token(&rtas, "test-look"), 2, 3, 0x11223344, 0x55667788, 0, 0, 0, 0xfeed);
	ck_assert_int_eq(rtas_dispatch(&rtas, vcpu, BLOCK), H_SUCCESS);
	ck_assert_uint_eq(seen.calls, 1);
	ck_assert_ptr_eq(seen.vcpu, vcpu);
	ck_assert_uint_eq(seen.request.args[0], 0x11223344);
	ck_assert_uint_eq(rtas_arg64(&seen.request, 0), 0x1122334455667788);
	ck_assert_int_eq((int32_t)get(BLOCK + HEAD + 8), -7);
	ck_assert_uint_eq(get(BLOCK + HEAD + 12), 0xa1);
	ck_assert_uint_eq(get(BLOCK + HEAD + 16), 0xa2);
	/* Arguments stay, and so does what follows. */
	ck_assert_uint_eq(get(BLOCK + HEAD), 0x11223344);
	ck_assert_uint_eq(get(BLOCK + HEAD + 20), 0xfeed);
}
END_TEST

struct counts_case {
	uint32_t nargs, nret;
	int64_t status;
	unsigned calls;
};

/* The call wants 2 and 3 at least. */
static const struct counts_case counts[] = {
	{ 2, 3, H_SUCCESS, 1 },
	{ 3, 3, H_SUCCESS, 1 },
	{ 2, 4, H_SUCCESS, 1 },
	{ 13, 3, H_SUCCESS, 1 },
	{ 2, 14, H_SUCCESS, 1 },
	{ 1, 3, H_SUCCESS, 0 },
	{ 2, 2, H_SUCCESS, 0 },
	{ 0, 1, H_SUCCESS, 0 },
	{ 16, 0, H_SUCCESS, 0 },
	{ 2, 0, H_SUCCESS, 0 },
	{ 0, 0, H_SUCCESS, 0 },
	{ 0, 16, H_SUCCESS, 0 },
	{ 14, 3, H_PARAMETER, 0 },
	{ 2, 15, H_PARAMETER, 0 },
	{ 16, 1, H_PARAMETER, 0 },
	{ 17, 0, H_PARAMETER, 0 },
	{ 0, 17, H_PARAMETER, 0 },
	{ 16, 16, H_PARAMETER, 0 },
	{ UINT32_MAX, 1, H_PARAMETER, 0 },
	{ 1, UINT32_MAX, H_PARAMETER, 0 },
	{ UINT32_MAX, UINT32_MAX, H_PARAMETER, 0 },
	/* Sums that wrap to something small. */
	{ 0x80000000, 0x80000000, H_PARAMETER, 0 },
	{ 2, 0xfffffffe, H_PARAMETER, 0 },
	{ 0x40000002, 3, H_PARAMETER, 0 },
};

/* Outside of the results nothing of guest memory changes, whatever the counts say. */
START_TEST(test_counts)
{
	const struct counts_case *c = &counts[_i];
	uint32_t status = HEAD / 4 + c->nargs;

	for (unsigned i = 0; i < 64; i++)
		PUT(BLOCK + i * 4, 0xee00 + i);
	PUT(BLOCK, rtas_token(&rtas, "test-look"), c->nargs, c->nret);
	ck_assert_int_eq(rtas_dispatch(&rtas, NULL, BLOCK), c->status);
	ck_assert_uint_eq(seen.calls, c->calls);
	for (unsigned i = 3; i < 64; i++) {
		uint32_t word = get(BLOCK + i * 4);
		bool is_result = !c->status && i >= status && i < status + c->nret;

		if (!is_result)
			ck_assert_uint_eq(word, 0xee00 + i);
		else if (i == status)
			ck_assert_int_eq((int32_t)word, c->calls ? -7 : RTAS_PARAMETER_ERROR);
		else
			ck_assert_uint_eq(word, c->calls ? 0xa0 + i - status : 0);
	}
	if (!c->status && !c->calls)
		capture_expect(&capture, "test-look");
}
END_TEST

/* Where the block is; it has two arguments and three results, 32 bytes. */
static const struct {
	uint64_t gpa;
	int64_t status;
} places[] = {
	{ 0, H_SUCCESS },
	{ RAM - 32, H_SUCCESS },
	/* Its results, its arguments, or its head are outside. */
	{ RAM - 28, H_PARAMETER },
	{ RAM - 16, H_PARAMETER },
	{ RAM - 12, H_PARAMETER },
	{ RAM - 8, H_PARAMETER },
	{ RAM, H_PARAMETER },
	{ UINT32_MAX, H_PARAMETER },
	{ UINT32_MAX - 11, H_PARAMETER },
	{ UINT64_MAX, H_PARAMETER },
	{ UINT64_MAX - 11, H_PARAMETER },
	{ UINT64_MAX - 31, H_PARAMETER },
	{ 1ULL << 63, H_PARAMETER },
};

START_TEST(test_places)
{
	uint32_t words[] = { rtas_token(&rtas, "test-look"), 2, 3, 1, 2, 0, 0, 0 };
	uint64_t gpa = places[_i].gpa;

	for (unsigned i = 0; i < ARRAY_SIZE(words) && range_within(gpa + i * 4, 4, 0, RAM); i++)
		PUT(gpa + i * 4, words[i]);
	ck_assert_int_eq(rtas_dispatch(&rtas, NULL, gpa), places[_i].status);
	if (!places[_i].status)
		ck_assert_int_eq((int32_t)get(gpa + HEAD + 8), -7);
}
END_TEST

/* A block without room for its results is refused before the call has done anything. */
START_TEST(test_no_room_for_results)
{
	PUT(RAM - 20, rtas_token(&rtas, "test-look"), 2, 3, 1, 2);
	ck_assert_int_eq(rtas_dispatch(&rtas, NULL, RAM - 20), H_PARAMETER);
	ck_assert_uint_eq(seen.calls, 0);
}
END_TEST

static const uint32_t unknown[] = {
	0, 1, RTAS_TOKEN_BASE - 1, RTAS_TOKEN_BASE + 1, RTAS_TOKEN_BASE + RTAS_MAX_CALLS - 1,
	RTAS_TOKEN_BASE + RTAS_MAX_CALLS, 0x7fffffff, 0x80000000, UINT32_MAX,
};

START_TEST(test_unknown_tokens)
{
	PUT(BLOCK, unknown[_i], 0, 2, 0x77, 0x77);
	ck_assert_int_eq(rtas_dispatch(&rtas, NULL, BLOCK), H_SUCCESS);
	ck_assert_int_eq((int32_t)get(BLOCK + HEAD), RTAS_PARAMETER_ERROR);
	ck_assert_uint_eq(seen.calls, 0);
	capture_expect(&capture, "unknown RTAS token");
}
END_TEST

/* A guest cannot fill the log. */
START_TEST(test_log_limit)
{
	const char *text, *line;
	unsigned lines = 0;

	for (unsigned i = 0; i < 1000; i++) {
		PUT(BLOCK, i % 2 ? 1 : rtas_token(&rtas, "test-look"), 0, 1);
		ck_assert_int_eq(rtas_dispatch(&rtas, NULL, BLOCK), H_SUCCESS);
	}
	text = capture_take(&capture);
	for (line = text; (line = strchr(line, '\n')); line++)
		lines++;
	ck_assert_uint_ge(lines, 1);
	ck_assert_uint_le(lines, 2 * LOG_LIMIT_BURST);
}
END_TEST

/* Results go where the copy of the block says, not where the guest says by then. */
START_TEST(test_changed_meanwhile)
{
	ck_assert_int_eq(rtas_register(&rtas, swap_calls, 1, &rtas), 0);
	PUT(BLOCK, rtas_token(&rtas, "test-swap"), 1, 1, 5, 0x77, 0x78);
	PUT(BLOCK + HEAD + 9 * 4, 0x99);
	ck_assert_int_eq(rtas_dispatch(&rtas, NULL, BLOCK), H_SUCCESS);
	ck_assert_uint_eq(get(BLOCK + HEAD + 4), 0);
	ck_assert_uint_eq(get(BLOCK + HEAD + 8), 0x78);
	ck_assert_uint_eq(get(BLOCK + HEAD + 9 * 4), 0x99);
}
END_TEST

START_TEST(test_register)
{
	static struct rtas_call many[RTAS_MAX_CALLS];
	static char names[RTAS_MAX_CALLS][16];

	ck_assert_int_eq(rtas_register(&rtas, calls, 1, NULL), -EEXIST);
	ck_assert_uint_eq(rtas_token(&rtas, "test-look"), RTAS_TOKEN_BASE);
	ck_assert_uint_eq(rtas_token(&rtas, "test"), 0);
	for (unsigned i = 0; i < RTAS_MAX_CALLS; i++) {
		snprintf(names[i], sizeof(names[i]), "call-%u", i);
		many[i] = (struct rtas_call){ names[i], 0, 1, rtas_look };
	}
	ck_assert_int_eq(rtas_register(&rtas, many, RTAS_MAX_CALLS - 1, &seen), 0);
	ck_assert_int_eq(rtas_register(&rtas, &many[RTAS_MAX_CALLS - 1], 1, &seen), -ENOSPC);
	PUT(BLOCK, RTAS_TOKEN_BASE + RTAS_MAX_CALLS - 1, 0, 1);
	ck_assert_int_eq(rtas_dispatch(&rtas, NULL, BLOCK), H_SUCCESS);
	ck_assert_uint_eq(seen.calls, 1);
}
END_TEST

/* A list in which one name stands twice. */
START_TEST(test_register_twice)
{
	static const struct rtas_call twice[] = {
		{ "again", 0, 1, rtas_look }, { "again", 1, 1, rtas_swap },
	};

	ck_assert_int_eq(rtas_register(&rtas, twice, 2, &seen), -EEXIST);
	PUT(BLOCK, rtas_token(&rtas, "again"), 1, 1, 0);
	ck_assert_int_eq(rtas_dispatch(&rtas, NULL, BLOCK), H_SUCCESS);
	ck_assert_uint_eq(seen.calls, 1);
}
END_TEST

START_TEST(test_tokens_in_tree)
{
	struct fdt_writer fdt;
	const be32 *token;
	int size;

	ck_assert_int_eq(rtas_register(&rtas, swap_calls, 1, &rtas), 0);
	ck_assert_int_eq(fdt_writer_init(&fdt), 0);
	fdt_begin(&fdt, "%s", "");
	rtas_add_tokens(&rtas, &fdt);
	fdt_end(&fdt);
	ck_assert_int_eq(fdt_writer_finish(&fdt), 0);
	token = fdt_getprop(fdt.buffer, 0, "test-swap", &size);
	ck_assert_ptr_nonnull(token);
	ck_assert_int_eq(size, 4);
	ck_assert_uint_eq(be32toh(*token), rtas_token(&rtas, "test-swap"));
	ck_assert_ptr_nonnull(fdt_getprop(fdt.buffer, 0, "test-look", &size));
	fdt_writer_exit(&fdt);
}
END_TEST

/* The same token in two machines: each its own owner and its own memory. */
START_TEST(test_two_machines)
{
	struct guest_memory other_memory;
	struct seen other_seen;
	struct rtas other;
	be32 word;

	rtas_init(&other, &other_memory, &other_seen);
	ck_assert_int_eq(rtas_register(&other, swap_calls, 1, &other), 0);
	PUT(BLOCK, RTAS_TOKEN_BASE, 2, 3, 1, 2, 0);
	ck_assert_int_eq(rtas_dispatch(&rtas, NULL, BLOCK), H_SUCCESS);
	ck_assert_uint_eq(seen.calls, 1);
	ck_assert_uint_eq(other_seen.calls, 0);
	ck_assert_int_eq(guest_memory_read(&other_memory, BLOCK + HEAD + 8, &word, 4), 0);
	ck_assert_uint_eq(word, 0);
	ck_assert_uint_eq(rtas_token(&rtas, "test-swap"), 0);
	/* Memory of the other is all zeroes: nobody's token, without arguments or results. */
	ck_assert_int_eq(rtas_dispatch(&other, NULL, BLOCK), H_SUCCESS);
	ck_assert_uint_eq(other_seen.calls, 0);
	guest_memory_exit(&other_memory);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rtas");
	TCase *tests = tcase_create("rtas");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, test_call);
	tcase_add_loop_test(tests, test_counts, 0, ARRAY_SIZE(counts));
	tcase_add_loop_test(tests, test_places, 0, ARRAY_SIZE(places));
	tcase_add_test(tests, test_no_room_for_results);
	tcase_add_loop_test(tests, test_unknown_tokens, 0, ARRAY_SIZE(unknown));
	tcase_add_test(tests, test_log_limit);
	tcase_add_test(tests, test_changed_meanwhile);
	tcase_add_test(tests, test_register);
	tcase_add_test(tests, test_register_twice);
	tcase_add_test(tests, test_tokens_in_tree);
	tcase_add_test(tests, test_two_machines);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}

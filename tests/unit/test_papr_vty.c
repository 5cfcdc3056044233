/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtual terminal: characters both ways, its interrupt, and what is refused. */
#include <errno.h>
#include <libfdt.h>

#include "devices/papr_vty.h"
#include "tests/unit/capture.h"
#include "tests/unit/fake_board.h"

#define H_GET_TERM_CHAR 0x54
#define H_PUT_TERM_CHAR 0x58
#define H_VIO_SIGNAL 0x104

static struct fake_board board;
static struct console console;
static struct hcall_table hcalls;
static struct papr_vty vty;

static void console_start(struct console *it)
{
	memset(it, 0, sizeof(*it));
	pthread_mutex_init(&it->lock, NULL);
	pthread_mutex_init(&it->gather_lock, NULL);
	it->out_fd = memfd_create("console", MFD_CLOEXEC);
	it->in_fd = it->nowait_fd = it->timer.fd = -1;
}

static void console_stop(struct console *it)
{
	close(it->out_fd);
	pthread_mutex_destroy(&it->gather_lock);
	pthread_mutex_destroy(&it->lock);
}

static void setup(void)
{
	fake_board_init(&board);
	memset(&hcalls, 0, sizeof(hcalls));
	console_start(&console);
	ck_assert_int_eq(papr_vty_init(&vty, &console, &board.irqchip, &hcalls), 0);
}

static void teardown(void)
{
	papr_vty_exit(&vty);
	console_stop(&console);
	fake_board_exit(&board);
}

static void type(struct console *it, const char *text)
{
	for (; *text; text++)
		it->input[(it->head + it->count++) % CONSOLE_INPUT_SIZE] = (uint8_t)*text;
	if (it->on_input)
		it->on_input(it->owner);
}

static int64_t get_chars(uint64_t unit, uint64_t *args)
{
	memset(args, 0xee, HCALL_NR_ARGS * sizeof(*args));
	args[0] = unit;
	return hcall_dispatch(&hcalls, NULL, H_GET_TERM_CHAR, args);
}

static int64_t put_chars(uint64_t unit, uint64_t size, uint64_t high, uint64_t low)
{
	uint64_t args[HCALL_NR_ARGS] = { unit, size, high, low };

	return hcall_dispatch(&hcalls, NULL, H_PUT_TERM_CHAR, args);
}

static unsigned pulses(void)
{
	return board.pulses[vty.irq - IRQ_FIRST];
}

START_TEST(test_input)
{
	uint64_t args[HCALL_NR_ARGS];

	ck_assert_int_eq(get_chars(PAPR_VTY_UNIT, args), H_SUCCESS);
	ck_assert_uint_eq(args[0], 0);
	type(&console, "abcdefghijklmnopqr");
	ck_assert_int_eq(get_chars(PAPR_VTY_UNIT, args), H_SUCCESS);
	ck_assert_uint_eq(args[0], 16);
	ck_assert_uint_eq(args[1], 0x6162636465666768);
	ck_assert_uint_eq(args[2], 0x696a6b6c6d6e6f70);
	/* Terminal 0 is the first there is; characters stand left in the registers. */
	ck_assert_int_eq(get_chars(0, args), H_SUCCESS);
	ck_assert_uint_eq(args[0], 2);
	ck_assert_uint_eq(args[1], 0x7172000000000000);
	ck_assert_uint_eq(args[2], 0);
	ck_assert_uint_eq(args[3], 0xeeeeeeeeeeeeeeee);
}
END_TEST

static const struct {
	uint64_t unit, size;
	int64_t status;
	const char *text;
} outputs[] = {
	{ PAPR_VTY_UNIT, 16, H_SUCCESS, "ABCDEFGHIJKLMNOP" },
	{ PAPR_VTY_UNIT, 3, H_SUCCESS, "ABC" },
	{ PAPR_VTY_UNIT, 9, H_SUCCESS, "ABCDEFGHI" },
	{ PAPR_VTY_UNIT, 0, H_SUCCESS, "" },
	{ 0, 1, H_SUCCESS, "A" },
	{ PAPR_VTY_UNIT, 17, H_PARAMETER, "" },
	{ PAPR_VTY_UNIT, UINT64_MAX, H_PARAMETER, "" },
	{ PAPR_VTY_UNIT, 1ULL << 32 | 3, H_PARAMETER, "" },
	{ PAPR_VTY_UNIT + 1, 3, H_PARAMETER, "" },
	{ 1ULL << 32 | PAPR_VTY_UNIT, 3, H_PARAMETER, "" },
	{ 1, 3, H_PARAMETER, "" },
};

START_TEST(test_output)
{
	char text[32] = "";

	ck_assert_int_eq(put_chars(outputs[_i].unit, outputs[_i].size, 0x4142434445464748,
				   0x494a4b4c4d4e4f50), outputs[_i].status);
	console_flush(&console);
	ck_assert_int_ge(pread(console.out_fd, text, sizeof(text) - 1, 0), 0);
	ck_assert_str_eq(text, outputs[_i].text);
}
END_TEST

/* Input is not lost on a guest that asks the wrong terminal. */
START_TEST(test_other_terminal)
{
	uint64_t args[HCALL_NR_ARGS];

	type(&console, "x");
	ck_assert_int_eq(get_chars(PAPR_VTY_UNIT + 1, args), H_PARAMETER);
	ck_assert_int_eq(get_chars(UINT64_MAX, args), H_PARAMETER);
	ck_assert_int_eq(get_chars(PAPR_VTY_UNIT, args), H_SUCCESS);
	ck_assert_uint_eq(args[0], 1);
}
END_TEST

static const struct {
	uint64_t unit, mode;
	int64_t status;
	unsigned pulses;	/* at input, when signals were on before */
} signals[] = {
	{ PAPR_VTY_UNIT, 0, H_SUCCESS, 0 },
	{ PAPR_VTY_UNIT, 1, H_SUCCESS, 1 },
	{ PAPR_VTY_UNIT, 2, H_PARAMETER, 1 },
	{ PAPR_VTY_UNIT, 1ULL << 32, H_PARAMETER, 1 },
	{ PAPR_VTY_UNIT + 1, 0, H_PARAMETER, 1 },
	{ 0, 0, H_PARAMETER, 1 },
};

START_TEST(test_signals)
{
	uint64_t args[HCALL_NR_ARGS] = { signals[_i].unit, signals[_i].mode };

	ck_assert_int_eq(hcall_dispatch(&hcalls, NULL, H_VIO_SIGNAL, args), signals[_i].status);
	type(&console, "x");
	ck_assert_uint_eq(pulses(), signals[_i].pulses);
}
END_TEST

START_TEST(test_signals_again)
{
	uint64_t args[HCALL_NR_ARGS] = { PAPR_VTY_UNIT, 0 };

	ck_assert(board.claimed[vty.irq - IRQ_FIRST]);
	ck_assert_int_eq(hcall_dispatch(&hcalls, NULL, H_VIO_SIGNAL, args), H_SUCCESS);
	args[1] = 1;
	ck_assert_int_eq(hcall_dispatch(&hcalls, NULL, H_VIO_SIGNAL, args), H_SUCCESS);
	type(&console, "x");
	type(&console, "y");
	ck_assert_uint_eq(pulses(), 2);
}
END_TEST

/* A terminal that is gone does not get the next machine's input. */
START_TEST(test_exit)
{
	papr_vty_exit(&vty);
	type(&console, "x");
	ck_assert_uint_eq(pulses(), 0);
}
END_TEST

START_TEST(test_init_failures)
{
	struct papr_vty second;
	struct console other;

	console_start(&other);
	ck_assert_int_eq(papr_vty_init(&second, &other, &board.irqchip, &hcalls), -EEXIST);
	ck_assert_ptr_null(other.on_input);
	memset(&hcalls, 0, sizeof(hcalls));
	board.fail_claim = 1;
	ck_assert_int_eq(papr_vty_init(&second, &other, &board.irqchip, &hcalls), -EIO);
	board.irqchip.next = IRQ_COUNT;
	ck_assert_int_eq(papr_vty_init(&second, &other, &board.irqchip, &hcalls), -ENOSPC);
	ck_assert_ptr_null(other.on_input);
	console_stop(&other);
}
END_TEST

START_TEST(test_two_machines)
{
	static struct fake_board other_board;
	static struct hcall_table other_hcalls;
	uint64_t args[HCALL_NR_ARGS];
	struct console other_console;
	struct papr_vty other;

	fake_board_init(&other_board);
	memset(&other_hcalls, 0, sizeof(other_hcalls));
	console_start(&other_console);
	ck_assert_int_eq(papr_vty_init(&other, &other_console, &other_board.irqchip,
				       &other_hcalls), 0);
	type(&other_console, "x");
	ck_assert_uint_eq(pulses(), 0);
	ck_assert_uint_eq(other_board.pulses[other.irq - IRQ_FIRST], 1);
	ck_assert_int_eq(get_chars(0, args), H_SUCCESS);
	ck_assert_uint_eq(args[0], 0);
	papr_vty_exit(&other);
	console_stop(&other_console);
	fake_board_exit(&other_board);
}
END_TEST

START_TEST(test_tree)
{
	struct fdt_writer fdt;
	const be32 *cells;
	int size, node;

	ck_assert_int_eq(fdt_writer_init(&fdt), 0);
	fdt_begin(&fdt, "%s", "");
	fdt_begin(&fdt, "vdevice");
	papr_vty_add_fdt(&vty, &fdt);
	fdt_end(&fdt);
	fdt_end(&fdt);
	ck_assert_int_eq(fdt_writer_finish(&fdt), 0);
	node = fdt_path_offset(fdt.buffer, PAPR_VTY_PATH);
	ck_assert_int_ge(node, 0);
	cells = fdt_getprop(fdt.buffer, node, "reg", &size);
	ck_assert_uint_eq(be32toh(*cells), PAPR_VTY_UNIT);
	cells = fdt_getprop(fdt.buffer, node, "interrupts", &size);
	ck_assert_int_eq(size, 8);
	ck_assert_uint_eq(be32toh(cells[0]), vty.irq);
	ck_assert_uint_eq(be32toh(cells[1]), 0);
	fdt_writer_exit(&fdt);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("papr_vty");
	TCase *tests = tcase_create("papr_vty");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, test_input);
	tcase_add_loop_test(tests, test_output, 0, ARRAY_SIZE(outputs));
	tcase_add_test(tests, test_other_terminal);
	tcase_add_loop_test(tests, test_signals, 0, ARRAY_SIZE(signals));
	tcase_add_test(tests, test_signals_again);
	tcase_add_test(tests, test_exit);
	tcase_add_test(tests, test_init_failures);
	tcase_add_test(tests, test_two_machines);
	tcase_add_test(tests, test_tree);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}

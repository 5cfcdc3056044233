/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzing of RTAS argument blocks and hypercalls: two PCI host bridges, clock, NVRAM and
 * terminal over fake groups, called by a guest with whatever the input says.
 */
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <unistd.h>

#include "devices/papr_nvram.h"
#include "devices/papr_phb.h"
#include "devices/papr_rtc.h"
#include "devices/papr_vty.h"
#include "tests/fuzz/input.h"
#include "tests/unit/fake_board.h"
#include "tests/unit/fake_group.h"

#define CALLS_MAX 32
#define RAM (4 * MIB)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fake_board board;
static struct fake_group groups[2];
static struct guest_memory memory;
static struct rtas rtas;
static struct hcall_table hcalls;
static struct papr_phbs phbs;
static struct papr_nvram nvram;
static struct papr_vty vty;
static struct console console;
static int64_t rtc_offset;

static void check(bool condition)
{
	if (!condition)
		abort();
}

/* The terminal's other end. */
size_t console_read(struct console *it, void *data, size_t size)
{
	memset(data, 'x', size / 2);
	return size / 2;
}

void console_put(struct console *it, const void *data, size_t size)
{
	char text[16];

	check(size <= sizeof(text));
	memcpy(text, data, size);
}

static void add_groups(struct group **list)
{
	for (unsigned i = 0; i < 2; i++) {
		fake_group_init(&groups[i], 0);
		list[i] = &groups[i].group;
	}
	fake_group_isolate(&groups[0]);
	groups[0].group.dma.max_windows = 2;
	fake_add_nvme(&groups[0], 1);
	fake_add_uhci(&groups[1], 2, 1, 0);
	fake_add_uhci(&groups[1], 2, 1, 1);
	fake_add_msi(&groups[1], &groups[1].devices[1], 0x50, 4);
}

static void start(void)
{
	static int nvram_fd = -1;
	struct group *list[2];

	if (nvram_fd < 0)
		nvram_fd = papr_nvram_open(NULL, &board.log);
	memset(&rtas, 0, sizeof(rtas));
	memset(&hcalls, 0, sizeof(hcalls));
	rtc_offset = 0;
	fake_board_init(&board);
	add_groups(list);
	check(!guest_memory_init(&memory, 0, RAM));
	rtas.memory = &memory;
	rtas.log = &board.log;
	check(!papr_phbs_init(&phbs, list, 2, &board.bus, &board.irqchip, &memory, &rtas, &hcalls,
			      &(struct papr_dma_policy){ 0 }, &board.log));
	check(!papr_nvram_init(&nvram, nvram_fd, &memory, &rtas));
	check(!papr_rtc_init(&rtas, &rtc_offset));
	check(!papr_vty_init(&vty, &console, &board.irqchip, &hcalls));
}

static void stop(void)
{
	papr_vty_exit(&vty);
	papr_phbs_exit(&phbs);
	guest_memory_exit(&memory);
	check(!board.nr_maps && !board.nr_attached);
	for (unsigned i = 0; i < 2; i++) {
		check(!groups[i].nr_chunks && !groups[i].no_default && !groups[i].window64.size);
		for (unsigned page = 0; page < FAKE_WINDOW_PAGES; page++)
			check(!groups[i].pages[page].hva);
	}
	fake_board_exit(&board);
}

static const uint64_t places[] = { 0, 0x1000, 0x4000, RAM / 2, RAM - 4096, RAM - 64, RAM - 16,
				   RAM, UINT32_MAX - 3, UINT64_MAX - 15 };

/* One argument of an RTAS call. */
static uint32_t argument(struct input *input)
{
	static const uint64_t known[] = { 0, 1, 2, 3, 4, 5, 6, 8, 16, 0x08000000, 0x20000000,
					  0x20000001, 0x800, 0x900, 0x1000, 0x2000, 0x10, 0x404,
					  PAPR_PHB_LIOBN(0), PAPR_PHB_LIOBN(0) + 1, 12, 13, 20,
					  PAPR_NVRAM_SIZE, RAM - 16, 0x0904, 0x0810, UINT32_MAX };

	return (uint32_t)input_known(input, known, ARRAY_SIZE(known));
}

/* Half of the calls name a bridge, so that the checks behind that are reached as well. */
static void fill_args(struct input *input, be32 *args)
{
	uint8_t bridge = input_u8(input);

	for (unsigned i = 0; i < RTAS_MAX_ARGS; i++)
		args[i] = htobe32(i < 9 ? argument(input) : 0xeeeeeeee);
	if (bridge & 1)
		return;
	args[0] = htobe32(bridge & 2 ? 0 : 0x0800U + (bridge & 4) * 64);
	args[1] = htobe32((uint32_t)(PAPR_PHB_BUID(0) >> 32));
	args[2] = htobe32((uint32_t)PAPR_PHB_BUID(bridge & 2 ? 0 : 1));
}

static bool is_status(int32_t status)
{
	return status == RTAS_SUCCESS || status == RTAS_HARDWARE_ERROR ||
	       status == RTAS_PARAMETER_ERROR || status == RTAS_NO_ERROR_LOG ||
	       status == RTAS_ERRINJCT_CLOSED || status == RTAS_UNEXPECTED_STATE ||
	       status == RTAS_NO_FUNDAMENTAL_RESET;
}

static void check_results(uint64_t gpa, const be32 *block)
{
	uint32_t nargs = be32toh(block[1]), nret = be32toh(block[2]);
	be32 status;

	check(nargs + nret <= RTAS_MAX_ARGS);
	/* The first result of one call is no status. */
	if (!nret || be32toh(block[0]) == rtas_token(&rtas, "ibm,open-errinjct"))
		return;
	check(!guest_memory_read(&memory, gpa + (3 + nargs) * 4, &status, 4));
	check(is_status((int32_t)be32toh(status)));
}

static void call_rtas(struct input *input, uint8_t kind)
{
	uint64_t gpa = input_known(input, places, ARRAY_SIZE(places));
	be32 block[3 + RTAS_MAX_ARGS];
	bool is_there;
	int64_t status;

	block[0] = htobe32(RTAS_TOKEN_BASE + (kind >> 2) % (rtas.nr_slots + 1));
	block[1] = htobe32(kind & 2 ? input_u8(input) % 9 : argument(input));
	block[2] = htobe32(kind & 2 ? input_u8(input) % 9 : argument(input));
	fill_args(input, block + 3);
	is_there = !guest_memory_write(&memory, gpa, block, sizeof(block));
	status = rtas_dispatch(&rtas, NULL, gpa);
	check(status == H_SUCCESS || status == H_PARAMETER);
	if (status == H_SUCCESS && is_there)
		check_results(gpa, block);
}

static bool is_hcall_status(int64_t status)
{
	return status == H_SUCCESS || status == H_PARAMETER || status == H_FUNCTION ||
	       status == H_NOT_ENOUGH_RESOURCES;
}

/* What stands in the four registers of the TCE calls, and now and then in another's. */
static const uint64_t liobns[] = { PAPR_PHB_LIOBN(0), PAPR_PHB_LIOBN(0) + 1, PAPR_PHB_LIOBN(1), 0,
				   PAPR_VTY_UNIT };
static const uint64_t iobas[] = { 0, 0x1000, 0x5000, (FAKE_WINDOW_PAGES - 1) * 4096ULL,
				  FAKE_WINDOW_PAGES * 4096ULL, 0x1001, 16, 1, FAKE_WINDOW64,
				  FAKE_WINDOW64 + 0x1000 };
static const uint64_t tces[] = { 0, 0x1000, 0x4000, 0x3003, 0x5001, 0x6002, RAM - 4093, RAM + 3,
				 UINT64_MAX - 4095, 1ULL << 63 };
static const uint64_t counts[] = { 0, 1, 2, 16, 512, 513, 1024, 1025, UINT64_MAX };

static void call_hcall(struct input *input)
{
	static const uint64_t numbers[] = { 0x1c, 0x20, 0x138, 0x13c, 0x54, 0x58, 0x104, 0x500 };
	uint64_t number = input_known(input, numbers, ARRAY_SIZE(numbers));
	uint64_t args[HCALL_NR_ARGS] = {
		input_known(input, liobns, ARRAY_SIZE(liobns)),
		input_known(input, iobas, ARRAY_SIZE(iobas)),
		input_known(input, tces, ARRAY_SIZE(tces)),
		input_known(input, counts, ARRAY_SIZE(counts)),
	};

	check(is_hcall_status(hcall_dispatch(&hcalls, NULL, number, args)));
}

/* A list of TCEs, or anything else, in memory. */
static void store(struct input *input)
{
	static const uint64_t known[] = { 0x5003, 0x6003, 0x7001, 0, 0x9002, RAM - 4093, RAM + 3 };
	uint64_t gpa = input_known(input, places, ARRAY_SIZE(places));
	be64 list[16];

	for (unsigned i = 0; i < ARRAY_SIZE(list); i++)
		list[i] = htobe64(input_known(input, known, ARRAY_SIZE(known)));
	guest_memory_write(&memory, gpa, list, sizeof(list));
}

/* The host, or the platform, does something to the first group, or fails to. */
static void isolate(struct input *input)
{
	uint8_t what = input_u8(input);

	groups[0].state = (enum group_error_state)(what % (GROUP_UNAVAILABLE + 1));
	groups[0].recovery_error = what & 0x80 ? -5 : 0;
	groups[0].has_fundamental = what & 0x40;
}

/* The host fails at something. */
static void fail(struct input *input, uint8_t kind)
{
	struct fake_group *group = &groups[kind >> 7];
	struct fake_failure failure = { 1U + input_u8(input) % 8, -5 };

	switch (kind >> 2 & 7) {
	case 0:
		group->devices[0].config_read = failure;
		break;
	case 1:
		group->devices[0].config_write = failure;
		break;
	case 2:
		group->devices[0].set_irqs = failure;
		break;
	case 3:
		group->register_memory = failure;
		break;
	case 4:
		group->dma_map = failure;
		break;
	case 5:
		board.fail_claim = failure.after;
		break;
	case 6:
		board.fail_attach = failure.after;
		break;
	default:
		board.fail_map = kind & 0x80;
		isolate(input);
	}
}

/* No failure that was asked for hits the end, where nothing could be done about it. */
static void stop_failing(void)
{
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned j = 0; j < 2; j++) {
			groups[i].devices[j].config_write.after = 0;
			groups[i].devices[j].set_irqs.after = 0;
		}
		groups[i].dma_map.after = 0;
		groups[i].recovery_error = 0;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };

	start();
	for (unsigned i = 0; i < CALLS_MAX && input.left; i++) {
		uint8_t kind = input_u8(&input);

		if ((kind & 7) == 7)
			fail(&input, input_u8(&input));
		else if ((kind & 7) == 5)
			store(&input);
		else if (kind & 1)
			call_hcall(&input);
		else
			call_rtas(&input, kind);
	}
	stop_failing();
	stop();
	return 0;
}

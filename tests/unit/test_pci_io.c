/* SPDX-License-Identifier: GPL-2.0-or-later */
/* I/O BARs of the PCI host bridge that are mapped: their places, and whose mapping is there. */
#include <check.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/capture.h"
#include "tests/unit/pci_fixture.h"

#define IO_SIZE 32

static uint64_t page;

static void setup(void)
{
	page = (uint64_t)sysconf(_SC_PAGESIZE);
	board_setup();
}

/* A function of slot 1 with an I/O BAR, which on the host is at @address; at index 4. */
static struct fake_device *add(uint8_t function, uint64_t address)
{
	struct fake_device *device = fake_group_add(&fake, 1, 1, function);

	fake_add_io(&fake, device, 4, IO_SIZE, address);
	return device;
}

static struct pci_bar *bar_of(unsigned function)
{
	return &host.devices[function].bars[4];
}

static void decode(unsigned function, bool on)
{
	ck_assert_int_eq(pci_config_write(&host.devices[function], PCI_COMMAND, 2,
					  on ? PCI_COMMAND_IO : 0), 0);
}

static void move(unsigned function, uint64_t address)
{
	ck_assert_int_eq(pci_config_write(&host.devices[function], PCI_BASE_ADDRESS_4, 4,
					  (uint32_t)address), 0);
}

static const struct fake_map *map_of(unsigned function)
{
	return fake_board_map(&board, IO_GPA + bar_of(function)->address);
}

/* @function's BAR is in the guest, by the mapping of @mapper's page, or (NULL) trapped. */
static void expect(unsigned function, const struct fake_device *mapper)
{
	const struct fake_map *map = map_of(function);
	uint8_t byte = 0;

	ck_assert_int_eq(bus_read(&board.bus, IO_GPA + bar_of(function)->address, &byte, 1), 0);
	ck_assert_uint_eq(byte, fake.devices[function].page[0]);
	if (!mapper) {
		ck_assert_ptr_null(map);
		return;
	}
	ck_assert_ptr_nonnull(map);
	ck_assert_ptr_eq(map->hva, mapper->page);
	ck_assert_uint_eq(map->size, page);
	ck_assert(is_aligned(map->gpa, page));
	ck_assert_uint_eq(bar_of(function)->address % page, bar_of(function)->lead);
}

/* As they lie in the host's pages, each of them once; what is trapped is elsewhere. */
START_TEST(test_assignment)
{
	struct fake_device *trapped;
	unsigned i, k;

	add(0, 3 * page + 0x140);
	add(1, 3 * page + 0x20);
	add(2, 5 * page + 0x140);
	trapped = fake_group_add(&fake, 1, 1, 3);
	fake_add_bar(&fake, trapped, 4, IO_SIZE, PCI_BASE_ADDRESS_SPACE_IO, false);
	add(4, 0)->bars[4].size = 0;
	fake_add_io(&fake, &fake.devices[4], 4, 2 * page, 8 * page);
	start_host(0);
	for (i = 0; i < 5; i++) {
		ck_assert_uint_ge(bar_of(i)->assigned, 0x1000);
		ck_assert(is_aligned(bar_of(i)->assigned, bar_of(i)->size));
		for (k = 0; k < i; k++)
			ck_assert_int_eq(align_down(bar_of(i)->assigned, page) ==
					 align_down(bar_of(k)->assigned, page), i == 1 && k == 0);
	}
	ck_assert_uint_eq(bar_of(0)->assigned % page, 0x140);
	ck_assert_uint_eq(bar_of(1)->assigned, bar_of(0)->assigned - 0x120);
	ck_assert_uint_eq(bar_of(2)->assigned % page, 0x140);
	for (i = 0; i < 5; i++)
		decode(i, true);
	ck_assert_uint_eq(board.nr_maps, 3);
	ck_assert_uint_eq(map_of(4)->size, 2 * page);
	ck_assert_ptr_null(map_of(3));
	stop_host();
}
END_TEST

/* The page is in the guest as long as one of its BARs decodes, by the mapping of such a one. */
START_TEST(test_shared_page)
{
	struct fake_device *a = add(0, 0x140), *b = add(1, 0x180);

	memset(a->page, 0xaa, sizeof(a->page));
	memset(b->page, 0xbb, sizeof(b->page));
	start_host(0);
	ck_assert_uint_eq(board.nr_maps, 0);
	decode(1, true);
	expect(1, b);
	decode(0, true);
	ck_assert_uint_eq(board.nr_maps, 1);
	expect(0, b);
	expect(1, b);
	decode(1, false);
	ck_assert_uint_eq(board.nr_maps, 1);
	expect(0, a);
	decode(1, true);
	expect(1, a);
	decode(0, false);
	expect(1, b);
	decode(1, false);
	ck_assert_uint_eq(board.nr_maps, 0);
	stop_host();
}
END_TEST

/* Trapped where the host's place in the page is not kept, and whoever is in that page with it. */
START_TEST(test_moved)
{
	struct fake_device *a = add(0, 0x140), *b = add(1, 0x180);
	uint64_t home;

	memset(b->page, 0xbb, sizeof(b->page));
	start_host(0);
	decode(0, true);
	decode(1, true);
	home = bar_of(1)->address;
	move(1, home + 0x40);
	ck_assert_uint_eq(board.nr_maps, 0);
	expect(0, NULL);
	expect(1, NULL);
	move(1, home);
	expect(0, a);
	expect(1, a);
	/* Another page, which it has alone. */
	move(1, 0x2000 + 0x20);
	expect(0, a);
	expect(1, NULL);
	move(1, 0x2000 + 0x180);
	expect(0, a);
	expect(1, b);
	ck_assert_uint_eq(board.nr_maps, 2);
	/* Where another BAR is. */
	move(1, bar_of(0)->address);
	ck_assert(fake_board_logged(&board, "where something else is"));
	expect(0, a);
	stop_host();
}
END_TEST

/* The same place behind another bridge of the host is another page. */
START_TEST(test_two_bridges)
{
	struct fake_device *a = add(0, 0x140), *b = add(1, 0x140);

	fake_group_device(&fake, b)->host.domain++;
	start_host(0);
	decode(0, true);
	decode(1, true);
	expect(0, a);
	expect(1, b);
	ck_assert_uint_eq(board.nr_maps, 2);
	stop_host();
}
END_TEST

/* What the host or KVM does not map is trapped. */
START_TEST(test_map_failures)
{
	struct fake_device *a = add(0, 0x140), *b = add(1, 0x180);

	a->map = (struct fake_failure){1, -ENOMEM};
	start_host(0);
	ck_assert(fake_board_logged(&board, "region 4 cannot be mapped"));
	decode(0, true);
	decode(1, true);
	expect(0, NULL);
	expect(1, b);
	stop_host();
	board.fail_map = true;
	start_host(0);
	decode(0, true);
	decode(1, true);
	ck_assert(fake_board_logged(&board, "region 4 is not mapped into the guest"));
	expect(0, NULL);
	expect(1, NULL);
	/* Tried again where it is then. */
	board.fail_map = false;
	decode(0, false);
	decode(0, true);
	expect(0, a);
	stop_host();
}
END_TEST

static Suite *pci_io_suite(void)
{
	Suite *suite = suite_create("pci_io");
	TCase *tcase = tcase_create("pci_io");

	tcase_add_checked_fixture(tcase, setup, board_teardown);
	tcase_add_test(tcase, test_assignment);
	tcase_add_test(tcase, test_shared_page);
	tcase_add_test(tcase, test_moved);
	tcase_add_test(tcase, test_two_bridges);
	tcase_add_test(tcase, test_map_failures);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(pci_io_suite());
}

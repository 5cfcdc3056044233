/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The PCI host bridge: layout, BAR sizing, assignment and mapping, config space. */
#include <check.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/capture.h"
#include "tests/unit/pci_fixture.h"

static uint32_t read_config(uint8_t devfn, uint32_t offset, unsigned size)
{
	uint32_t value;

	ck_assert_int_eq(pci_config_read(pci_host_find(&host, devfn), offset, size, &value), 0);
	return value;
}

static void write_config(uint8_t devfn, uint32_t offset, unsigned size, uint32_t value)
{
	ck_assert_int_eq(pci_config_write(pci_host_find(&host, devfn), offset, size, value), 0);
}

static void decode(uint8_t devfn, bool on)
{
	write_config(devfn, PCI_COMMAND, 2, on ? PCI_COMMAND_MEMORY | PCI_COMMAND_IO : 0);
}

struct layout_case {
	unsigned nr;
	struct {
		uint8_t bus, slot, function;
		int place, expected;
	} devices[4];
	int error;
};

static const struct layout_case layout_cases[] = {
	/* The host's place is kept. */
	{ 1, { { 1, 0, 0, -1, PCI_DEVFN(0, 0) } }, 0 },
	{ 3, { { 1, 1, 0, -1, PCI_DEVFN(1, 0) }, { 1, 1, 1, -1, PCI_DEVFN(1, 1) },
	       { 1, 1, 7, -1, PCI_DEVFN(1, 7) } }, 0 },
	/* Two buses: the second gets the next free slot, its functions together. */
	{ 4, { { 1, 0, 0, -1, PCI_DEVFN(0, 0) }, { 1, 1, 0, -1, PCI_DEVFN(1, 0) },
	       { 2, 0, 0, -1, PCI_DEVFN(2, 0) }, { 2, 0, 3, -1, PCI_DEVFN(2, 3) } }, 0 },
	/* Not mixed into a slot of another device, even where the function is free. */
	{ 2, { { 1, 3, 0, -1, PCI_DEVFN(3, 0) }, { 2, 3, 1, -1, PCI_DEVFN(4, 0) } }, 0 },
	/* No function 0: the lowest moves there. */
	{ 2, { { 1, 2, 4, -1, PCI_DEVFN(2, 0) }, { 1, 2, 6, -1, PCI_DEVFN(2, 6) } }, 0 },
	/* The last slot wraps. */
	{ 2, { { 1, 31, 0, -1, PCI_DEVFN(31, 0) }, { 2, 31, 0, -1, PCI_DEVFN(0, 0) } }, 0 },
	/* place= wins, and what it says stays, function 0 or not. */
	{ 2, { { 1, 0, 0, PCI_DEVFN(3, 2), PCI_DEVFN(3, 2) },
	       { 1, 0, 1, -1, PCI_DEVFN(0, 0) } }, 0 },
	{ 2, { { 1, 0, 0, -1, PCI_DEVFN(1, 0) },
	       { 2, 0, 0, PCI_DEVFN(0, 0), PCI_DEVFN(0, 0) } }, 0 },
	/* Two at one place, and one outside the bus. */
	{ 2, { { 1, 0, 0, 8, 0 }, { 1, 1, 0, 8, 0 } }, -EEXIST },
	{ 1, { { 1, 0, 0, 256, 0 } }, -EEXIST },
};

START_TEST(test_layout)
{
	const struct layout_case *c = &layout_cases[_i];
	struct pci_device *device;
	bool moved = false;
	unsigned i;

	for (i = 0; i < c->nr; i++) {
		fake_group_add(&fake, c->devices[i].bus, c->devices[i].slot,
			       c->devices[i].function);
		fake.group_devices[i].guest_devfn = c->devices[i].place;
	}
	ck_assert_int_eq(init_host(), c->error);
	if (c->error) {
		ck_assert(fake_board_logged(&board, "place= puts two devices at"));
		return;
	}
	for (i = 0; i < c->nr; i++) {
		device = pci_host_find(&host, (uint8_t)c->devices[i].expected);
		ck_assert_ptr_nonnull(device);
		ck_assert_ptr_eq(device->group_device, &fake.group_devices[i]);
		if (c->devices[i].place < 0 &&
		    PCI_SLOT(c->devices[i].expected) != c->devices[i].slot)
			moved = true;
	}
	ck_assert_int_eq(fake_board_logged(&board, "for its own is taken"), moved);
	for (i = 1; i < host.nr_devices; i++)
		ck_assert_uint_lt(host.devices[i - 1].devfn, host.devices[i].devfn);
	pci_host_exit(&host);
}
END_TEST

START_TEST(test_layout_full)
{
	unsigned i;

	for (i = 0; i < 33; i++)
		fake_group_add(&fake, (uint8_t)i, 0, 0);
	ck_assert_int_eq(init_host(), -ENOSPC);
	ck_assert(fake_board_logged(&board, "more devices than the 32 slots"));
}
END_TEST

START_TEST(test_multifunction)
{
	struct fake_device *lone;

	fake_add_uhci(&fake, 1, 1, 0);
	fake_add_uhci(&fake, 1, 1, 1);
	lone = fake_add_uhci(&fake, 2, 2, 1);
	/* What the host's device says is not what the guest sees. */
	fake_config_set(lone, PCI_HEADER_TYPE, 1, 0x80);
	fake_config_set(lone, PCI_CACHE_LINE_SIZE, 1, 0x20);
	start_host(0);
	ck_assert_uint_eq(read_config(PCI_DEVFN(1, 0), PCI_HEADER_TYPE, 1), 0x80);
	ck_assert_uint_eq(read_config(PCI_DEVFN(1, 1), PCI_HEADER_TYPE, 1), 0x80);
	ck_assert_uint_eq(read_config(PCI_DEVFN(2, 0), PCI_HEADER_TYPE, 1), 0);
	ck_assert_uint_eq(read_config(PCI_DEVFN(2, 0), PCI_CACHE_LINE_SIZE, 4), 0x20);
	ck_assert_uint_eq(read_config(PCI_DEVFN(1, 0), PCI_CACHE_LINE_SIZE, 4), 0x800000);
	stop_host();
}
END_TEST

/* Unplugged before a reboot: what is left keeps its place, but for a function that must be 0 now. */
START_TEST(test_unplugged)
{
	fake_add_uhci(&fake, 1, 1, 0);
	fake_add_uhci(&fake, 1, 1, 1);
	fake_add_uhci(&fake, 2, 1, 0);
	start_host(0);
	ck_assert_ptr_nonnull(pci_host_find(&host, PCI_DEVFN(2, 0)));
	stop_host();
	fake.devices[0].unplugged = true;
	start_host(0);
	ck_assert(fake_board_logged(&board, "was unplugged; the guest starts without it"));
	ck_assert_uint_eq(host.nr_devices, 2);
	ck_assert_ptr_eq(pci_host_find(&host, PCI_DEVFN(1, 0))->group_device,
			 &fake.group_devices[1]);
	ck_assert_uint_eq(read_config(PCI_DEVFN(1, 0), PCI_HEADER_TYPE, 1), 0);
	ck_assert_ptr_eq(pci_host_find(&host, PCI_DEVFN(2, 0))->group_device,
			 &fake.group_devices[2]);
	stop_host();
}
END_TEST

START_TEST(test_bridge_refused)
{
	struct fake_device *bridge = fake_group_add(&fake, 0, 0, 0);

	fake_config_set(bridge, PCI_HEADER_TYPE, 1, PCI_HEADER_TYPE_BRIDGE);
	ck_assert_int_eq(init_host(), -EPROTOTYPE);
	ck_assert(fake_board_logged(&board, "0001:00:00.0 is a bridge"));
}
END_TEST

/* Each read and write of config space during init failing in turn: an error, nothing held. */
START_TEST(test_init_failures)
{
	struct fake_device *device = fake_add_nvme(&fake, 1);
	unsigned nth;

	/* The first read only asks whether it is there. */
	for (nth = 2;; nth++) {
		device->config_read = (struct fake_failure){ nth, -EIO };
		if (!init_host())
			break;
		ck_assert_uint_eq(device->maps, 0);
	}
	ck_assert_uint_gt(nth, 5);
	pci_host_exit(&host);
	device->config_read.after = 0;
	device->config_write = (struct fake_failure){ 2, -EIO };
	ck_assert_int_eq(init_host(), -EIO);
	ck_assert(fake_board_logged(&board, "BAR 2 cannot be sized"));
	fake_group_device(&fake, device)->regions[GROUP_REGION_CONFIG].size = 0;
	ck_assert_int_eq(init_host(), -EIO);
	ck_assert(fake_board_logged(&board, "config space cannot be read"));
}
END_TEST

/* A list that loops, one that points into the header, one at the very end. */
START_TEST(test_capabilities)
{
	struct fake_device *device = fake_group_add(&fake, 1, 0, 0);

	fake_add_msix(&fake, device, 0x40, 4);
	fake_add_pm(device, 0x50);
	device->config[0x41] = 0x50;
	fake_add_msi(&fake, fake_group_add(&fake, 1, 1, 0), 0x10, 4);
	fake_add_msi(&fake, fake_group_add(&fake, 1, 2, 0), 0xfc, 4);
	ck_assert_int_eq(init_host(), 0);
	ck_assert_uint_eq(host.devices[0].msix_offset, 0x40);
	ck_assert_uint_eq(host.devices[0].pm_offset, 0x50);
	ck_assert_uint_eq(host.devices[1].msi_offset, 0);
	ck_assert_uint_eq(host.devices[2].msi_offset, 0);
	pci_host_exit(&host);
}
END_TEST

/* Those that mislead have no name, and the chain goes on behind them, loop or not. */
START_TEST(test_extended_capabilities)
{
	struct fake_device *device = fake_add_nvme(&fake, 1);

	fake_config_set(device, 0x100, 4, 0x14010000 | PCI_EXT_CAP_ID_ARI);
	fake_config_set(device, 0x140, 4, 0x18010000 | PCI_EXT_CAP_ID_ERR);
	fake_config_set(device, 0x180, 4, 0x1c110000 | PCI_EXT_CAP_ID_SRIOV);
	fake_config_set(device, 0x1c0, 4, 0x14010000 | PCI_EXT_CAP_ID_REBAR);
	start_host(0);
	ck_assert_uint_eq(read_config(0, 0x100, 4), 0x14000000);
	ck_assert_uint_eq(read_config(0, 0x140, 4), 0x18010000 | PCI_EXT_CAP_ID_ERR);
	ck_assert_uint_eq(read_config(0, 0x180, 4), 0x1c100000);
	ck_assert_uint_eq(read_config(0, 0x180, 2), 0);
	ck_assert_uint_eq(read_config(0, 0x182, 2), 0x1c10);
	ck_assert_uint_eq(read_config(0, 0x182, 1), 0x10);
	ck_assert_uint_eq(read_config(0, 0x183, 1), 0x1c);
	ck_assert_uint_eq(read_config(0, 0x1c0, 4), 0x14000000);
	stop_host();
}
END_TEST

/* Without extended config space nothing there is looked at. */
START_TEST(test_no_extended_capabilities)
{
	struct fake_device *device = fake_group_add(&fake, 1, 0, 0);

	fake_config_set(device, 0x100, 4, 0x00010000 | PCI_EXT_CAP_ID_REBAR);
	ck_assert_int_eq(init_host(), 0);
	ck_assert_uint_eq(host.devices[0].nr_hidden, 0);
	pci_host_exit(&host);
	fake_group_device(&fake, device)->regions[GROUP_REGION_CONFIG].size = 4096;
	start_host(0);
	ck_assert_uint_eq(read_config(0, 0x100, 4), 0);
	stop_host();
}
END_TEST

struct size_case {
	uint64_t size;
	uint32_t flags;
	enum pci_space space;
	bool exists;
};

static const struct size_case size_cases[] = {
	{ 4 * KIB, 0, PCI_SPACE_MEM32, true },
	{ 16, 0, PCI_SPACE_MEM32, true },
	{ 64 * MIB, PCI_BASE_ADDRESS_MEM_PREFETCH, PCI_SPACE_MEM32, true },
	{ 16 * KIB, PCI_BASE_ADDRESS_MEM_TYPE_64, PCI_SPACE_MEM64, true },
	{ 16 * GIB, PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH,
	  PCI_SPACE_MEM64, true },
	{ 1 * GIB, 0, PCI_SPACE_MEM32, true },
	{ 32, PCI_BASE_ADDRESS_SPACE_IO, PCI_SPACE_IO, true },
	{ 4, PCI_BASE_ADDRESS_SPACE_IO, PCI_SPACE_IO, true },
	{ 3 * KIB, 0, PCI_SPACE_MEM32, false },
	{ 8, 0, PCI_SPACE_MEM32, false },
	{ 2, PCI_BASE_ADDRESS_SPACE_IO, PCI_SPACE_IO, false },
};

/* The guest's own sizing gives back what the device has. */
START_TEST(test_sizing)
{
	const struct size_case *c = &size_cases[_i];
	struct fake_device *device = fake_group_add(&fake, 1, 0, 0);
	uint64_t mask = ~(c->size - 1);
	uint32_t low, high;

	fake_add_bar(&fake, device, 2, c->size, c->flags, false);
	start_host(0);
	if (!c->exists) {
		write_config(0, PCI_BASE_ADDRESS_2, 4, UINT32_MAX);
		ck_assert_uint_eq(read_config(0, PCI_BASE_ADDRESS_2, 4), 0);
		ck_assert(fake_board_logged(&board, "region 2 has no valid size"));
		stop_host();
		return;
	}
	ck_assert_int_eq(host.devices[0].bars[2].space, c->space);
	low = read_config(0, PCI_BASE_ADDRESS_2, 4);
	high = read_config(0, PCI_BASE_ADDRESS_3, 4);
	ck_assert_uint_eq(host.devices[0].bars[2].assigned,
			  (low & ~0xfULL) | (uint64_t)high << 32);
	write_config(0, PCI_BASE_ADDRESS_2, 4, UINT32_MAX);
	write_config(0, PCI_BASE_ADDRESS_3, 4, UINT32_MAX);
	ck_assert_uint_eq(read_config(0, PCI_BASE_ADDRESS_2, 4), (uint32_t)mask | c->flags);
	ck_assert_uint_eq(read_config(0, PCI_BASE_ADDRESS_3, 4),
			  c->space == PCI_SPACE_MEM64 ? (uint32_t)(mask >> 32) : 0);
	write_config(0, PCI_BASE_ADDRESS_2, 4, low);
	ck_assert_uint_eq(read_config(0, PCI_BASE_ADDRESS_2, 4), low);
	stop_host();
}
END_TEST

/* A size without an address on the host (IO on a bridge that has none) is no BAR. */
START_TEST(test_unplaced)
{
	struct fake_device *device = fake_add_uhci(&fake, 1, 1, 0);
	struct pci_needs needs;

	device->bars[4].unplaced = true;
	start_host(0);
	pci_host_needs(&host, &needs);
	ck_assert_uint_eq(needs.size[PCI_SPACE_IO], 0);
	ck_assert_uint_eq(read_config(PCI_DEVFN(1, 0), PCI_BASE_ADDRESS_4, 4), 0);
	stop_host();
}
END_TEST

START_TEST(test_no_io_window)
{
	struct pci_window windows[PCI_SPACE_COUNT] = { 0 };

	fake_add_uhci(&fake, 1, 1, 0);
	ck_assert_int_eq(init_host(), 0);
	ck_assert_int_eq(pci_host_assign(&host, windows), 0);
	ck_assert_uint_eq(read_config(PCI_DEVFN(1, 0), PCI_BASE_ADDRESS_4, 4), 0);
	pci_host_exit(&host);
}
END_TEST

/* Natural alignment, a 64K page each, no overlap, and the window exactly as large as needed. */
START_TEST(test_assignment)
{
	struct fake_device *device;
	struct pci_needs needs;
	struct pci_window windows[PCI_SPACE_COUNT];
	unsigned i, k;

	for (i = 0; i < 4; i++) {
		device = fake_group_add(&fake, 1, (uint8_t)i, 0);
		fake_add_bar(&fake, device, 0, 4 * KIB << 3 * i, 0, false);
		fake_add_bar(&fake, device, 1, 16 << i, PCI_BASE_ADDRESS_SPACE_IO, false);
		fake_add_bar(&fake, device, 2, 64 * MIB << 2 * i, PCI_BASE_ADDRESS_MEM_TYPE_64,
			     false);
		fake_add_rom(&fake, device, 128 * KIB);
	}
	ck_assert_int_eq(init_host(), 0);
	pci_host_needs(&host, &needs);
	ck_assert_uint_eq(needs.align[PCI_SPACE_MEM64], 4 * GIB);
	ck_assert_uint_eq(needs.size[PCI_SPACE_MEM64], (4096 + 1024 + 256 + 64) * MIB);
	windows_for(&needs, windows);
	windows[PCI_SPACE_MEM64].size--;
	ck_assert_int_eq(pci_host_assign(&host, windows), -ENOSPC);
	windows[PCI_SPACE_MEM64].size++;
	ck_assert_int_eq(pci_host_assign(&host, windows), 0);
	for (i = 0; i < 4 * 7; i++) {
		const struct pci_bar *a = &host.devices[i / 7].bars[i % 7];

		if (!a->size)
			continue;
		ck_assert(is_aligned(a->assigned, a->size));
		ck_assert(range_within(a->assigned, a->size, windows[a->space].pci,
				       windows[a->space].size));
		ck_assert(a->space == PCI_SPACE_IO || is_aligned(a->assigned, PCI_BAR_ALIGN));
		ck_assert_uint_ne(a->assigned, 0);
		for (k = 0; k < i; k++) {
			const struct pci_bar *b = &host.devices[k / 7].bars[k % 7];

			ck_assert(!b->size || b->space != a->space ||
				  !ranges_overlap(a->assigned, a->size, b->assigned, b->size));
		}
	}
	pci_host_exit(&host);
}
END_TEST

/* In the guest while COMMAND.MEM is set, and with it the mapping; otherwise nothing is there. */
START_TEST(test_decode)
{
	struct fake_device *device = fake_add_nvme(&fake, 1);
	uint32_t word;

	memset(device->page, 0x5a, sizeof(device->page));
	device->decoding_off_fails = true;
	start_host(0);
	ck_assert_int_eq(bus_read(&board.bus, MEM64_GPA, &word, 4), -ENXIO);
	ck_assert_uint_eq(board.nr_maps, 0);
	decode(0, true);
	ck_assert_ptr_eq(fake_board_map(&board, MEM64_GPA)->hva, device->page);
	ck_assert_int_eq(bus_read(&board.bus, MEM64_GPA + 0x3ffc, &word, 4), 0);
	ck_assert_uint_eq(word, 0x5a5a5a5a);
	word = 0x01020304;
	ck_assert_int_eq(bus_write(&board.bus, MEM64_GPA + 8, &word, 4), 0);
	ck_assert_mem_eq(device->page + 8, &word, 4);
	ck_assert_uint_eq(fake_config_get(device, PCI_COMMAND, 2),
			  PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
	decode(0, false);
	ck_assert_uint_eq(board.nr_maps, 0);
	ck_assert_int_eq(bus_read(&board.bus, MEM64_GPA, &word, 4), -ENXIO);
	ck_assert_uint_eq(word, UINT32_MAX);
	stop_host();
}
END_TEST

/* Whoever holds the region when the device stops answering gets all ones. */
START_TEST(test_trap_errors)
{
	struct fake_device *device = fake_add_nvme(&fake, 1);
	uint64_t word = 0;

	start_host(0);
	decode(0, true);
	device->region_io = (struct fake_failure){ 1, -EIO };
	ck_assert_int_eq(bus_read(&board.bus, MEM64_GPA, &word, 8), 0);
	ck_assert_uint_eq(word, UINT64_MAX);
	device->region_io = (struct fake_failure){ 1, -EIO };
	ck_assert_int_eq(bus_write(&board.bus, MEM64_GPA, &word, 8), 0);
	ck_assert_uint_eq(device->page[0], 0);
	stop_host();
}
END_TEST

/* The host does not take the write: the BAR stays out, the guest gets an error. */
START_TEST(test_decode_refused)
{
	struct fake_device *device = fake_add_nvme(&fake, 1);

	start_host(0);
	device->config_write = (struct fake_failure){ 1, -EIO };
	ck_assert_int_eq(pci_config_write(&host.devices[0], PCI_COMMAND, 2, PCI_COMMAND_MEMORY),
			 -EIO);
	ck_assert_uint_eq(board.nr_maps, 0);
	ck_assert_uint_eq(host.devices[0].command, 0);
	device->config_write = (struct fake_failure){ 1, -EIO };
	ck_assert_int_eq(pci_host_reset(&host), -EIO);
	ck_assert(fake_board_logged(&board, "config space cannot be written"));
	stop_host();
}
END_TEST

START_TEST(test_power)
{
	struct fake_device *device = fake_add_nvme(&fake, 1);

	start_host(0);
	decode(0, true);
	write_config(0, 0x60 + PCI_PM_CTRL, 2, 3);
	ck_assert_uint_eq(board.nr_maps, 0);
	ck_assert_ptr_null(board.bus.regions);
	write_config(0, 0x60 + PCI_PM_CTRL, 2, 0);
	ck_assert_uint_eq(board.nr_maps, 1);
	/* A device that refuses stays in D0, and the guest goes on using it. */
	device->refuses_d3 = true;
	write_config(0, 0x60 + PCI_PM_CTRL, 1, 3);
	ck_assert_uint_eq(board.nr_maps, 1);
	/* A function reset brings it back to D0 without a write of the power state. */
	device->refuses_d3 = false;
	write_config(0, 0x60 + PCI_PM_CTRL, 2, 3);
	fake_config_set(device, 0x60 + PCI_PM_CTRL, 2, 0);
	decode(0, true);
	ck_assert_uint_eq(board.nr_maps, 1);
	stop_host();
}
END_TEST

/* Moved while decoding: gone from the old place, there at the new one. */
START_TEST(test_move)
{
	uint32_t word;

	fake_add_nvme(&fake, 1);
	start_host(MIB);
	decode(0, true);
	write_config(0, PCI_BASE_ADDRESS_0, 4, (uint32_t)(MEM64_GPA + 512 * KIB));
	ck_assert_int_eq(bus_read(&board.bus, MEM64_GPA, &word, 4), -ENXIO);
	ck_assert_int_eq(bus_read(&board.bus, MEM64_GPA + 512 * KIB, &word, 4), 0);
	ck_assert_ptr_nonnull(fake_board_map(&board, MEM64_GPA + 512 * KIB));
	/* Into the 32-bit window. */
	write_config(0, PCI_BASE_ADDRESS_1, 4, 0);
	write_config(0, PCI_BASE_ADDRESS_0, 4, (uint32_t)MEM32_PCI);
	ck_assert_int_eq(bus_read(&board.bus, MEM32_GPA, &word, 4), 0);
	/* Sizing with decoding on, RAM's addresses, the window's last page and a bit. */
	write_config(0, PCI_BASE_ADDRESS_0, 4, UINT32_MAX);
	ck_assert_ptr_null(board.bus.regions);
	write_config(0, PCI_BASE_ADDRESS_0, 4, 0x100000);
	ck_assert_ptr_null(board.bus.regions);
	write_config(0, PCI_BASE_ADDRESS_1, 4, UINT32_MAX);
	ck_assert_ptr_null(board.bus.regions);
	ck_assert_uint_eq(board.nr_maps, 0);
	ck_assert(fake_board_logged(&board, "outside the windows of its bridge"));
	/* Reboot: back at its own place, not decoding. */
	ck_assert_int_eq(pci_host_reset(&host), 0);
	ck_assert_uint_eq(read_config(0, PCI_COMMAND, 2), 0);
	ck_assert_uint_eq(read_config(0, PCI_BASE_ADDRESS_1, 4), MEM64_GPA >> 32);
	decode(0, true);
	ck_assert_int_eq(bus_read(&board.bus, MEM64_GPA, &word, 4), 0);
	stop_host();
}
END_TEST

/* Two BARs at one address: the first stays; when it leaves, the other appears. */
START_TEST(test_overlap)
{
	struct fake_device *a = fake_group_add(&fake, 1, 0, 0);
	struct fake_device *b = fake_group_add(&fake, 1, 1, 0);
	uint32_t byte = 0;

	fake_add_bar(&fake, a, 0, 128 * KIB, 0, true);
	fake_add_bar(&fake, b, 0, 128 * KIB, 0, true);
	a->page[0] = 0xaa;
	b->page[0] = 0xbb;
	start_host(MIB);
	decode(PCI_DEVFN(0, 0), true);
	decode(PCI_DEVFN(1, 0), true);
	write_config(PCI_DEVFN(1, 0), PCI_BASE_ADDRESS_0, 4, (uint32_t)MEM32_PCI);
	ck_assert(fake_board_logged(&board, "where something else is"));
	ck_assert_uint_eq(board.nr_maps, 1);
	bus_read(&board.bus, MEM32_GPA, &byte, 1);
	ck_assert_uint_eq(byte, 0xaa);
	write_config(PCI_DEVFN(0, 0), PCI_BASE_ADDRESS_0, 4, (uint32_t)(MEM32_PCI + 512 * KIB));
	bus_read(&board.bus, MEM32_GPA, &byte, 1);
	ck_assert_uint_eq(byte, 0xbb);
	ck_assert_uint_eq(board.nr_maps, 2);
	stop_host();
}
END_TEST

/* A BAR smaller than a page: mapped where it has the page alone, else trapped. */
START_TEST(test_sub_page)
{
	struct fake_device *a = fake_group_add(&fake, 1, 0, 0);
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE), word;

	fake_add_bar(&fake, a, 0, 256, 0, true);
	fake_add_bar(&fake, a, 1, 256, 0, true);
	start_host(MIB);
	decode(0, true);
	ck_assert_uint_eq(board.nr_maps, 2);
	ck_assert_uint_eq(fake_board_map(&board, MEM32_GPA)->size, page);
	write_config(0, PCI_BASE_ADDRESS_0, 4, (uint32_t)(MEM32_PCI + 512 * KIB + 256));
	ck_assert_uint_eq(board.nr_maps, 1);
	ck_assert_int_eq(bus_read(&board.bus, MEM32_GPA + 512 * KIB + 256, &word, 4), 0);
	ck_assert_int_eq(bus_read(&board.bus, MEM32_GPA + 512 * KIB, &word, 4), -ENXIO);
	/* In the mapped page of the other one, though not in its BAR. */
	write_config(0, PCI_BASE_ADDRESS_0, 4, (uint32_t)host.devices[0].bars[1].assigned + 256);
	ck_assert(fake_board_logged(&board, "where something else is"));
	stop_host();
}
END_TEST

START_TEST(test_map_failures)
{
	struct fake_device *device = fake_add_nvme(&fake, 1);
	uint32_t word;

	device->map = (struct fake_failure){ 1, -ENOMEM };
	start_host(0);
	ck_assert(fake_board_logged(&board, "region 0 cannot be mapped"));
	decode(0, true);
	ck_assert_int_eq(bus_read(&board.bus, MEM64_GPA, &word, 4), 0);
	stop_host();
	board.fail_map = true;
	start_host(0);
	decode(0, true);
	ck_assert(fake_board_logged(&board, "region 0 is not mapped into the guest"));
	ck_assert_int_eq(bus_read(&board.bus, MEM64_GPA, &word, 4), 0);
	stop_host();
}
END_TEST

START_TEST(test_rom)
{
	struct fake_device *device = fake_group_add(&fake, 1, 0, 0);
	uint32_t word = 0;

	fake_add_rom(&fake, device, 128 * KIB);
	memcpy(device->page, "\x55\xaa", 2);
	start_host(0);
	decode(0, true);
	ck_assert_int_eq(bus_read(&board.bus, MEM32_GPA, &word, 2), -ENXIO);
	write_config(0, PCI_ROM_ADDRESS, 4, 0xfffff800);
	ck_assert_uint_eq(read_config(0, PCI_ROM_ADDRESS, 4), 0xfffe0000);
	write_config(0, PCI_ROM_ADDRESS, 4, (uint32_t)MEM32_PCI | PCI_ROM_ADDRESS_ENABLE);
	ck_assert_uint_eq(read_config(0, PCI_ROM_ADDRESS, 4), MEM32_PCI | 1);
	word = 0;
	ck_assert_int_eq(bus_read(&board.bus, MEM32_GPA, &word, 2), 0);
	ck_assert_uint_eq(le32toh(word), 0xaa55);
	/* Read-only: the store is lost. */
	ck_assert_int_eq(bus_write(&board.bus, MEM32_GPA, "\0\0", 2), 0);
	ck_assert_uint_eq(device->page[0], 0x55);
	stop_host();
}
END_TEST

START_TEST(test_io)
{
	struct fake_device *device = fake_add_uhci(&fake, 1, 1, 0);
	uint32_t bar, byte = 0;

	device->page[3] = 0x77;
	start_host(0);
	bar = read_config(PCI_DEVFN(1, 0), PCI_BASE_ADDRESS_4, 4);
	ck_assert_uint_eq(bar, 0x1001);
	write_config(PCI_DEVFN(1, 0), PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	ck_assert_int_eq(bus_read(&board.bus, IO_GPA + 0x1003, &byte, 1), -ENXIO);
	write_config(PCI_DEVFN(1, 0), PCI_COMMAND, 2, PCI_COMMAND_IO);
	ck_assert_int_eq(bus_read(&board.bus, IO_GPA + 0x1003, &byte, 1), 0);
	ck_assert_uint_eq(byte, 0x77);
	stop_host();
}
END_TEST

struct access_case {
	uint32_t offset;
	unsigned size;
	int error;
};

/* A device with 256 bytes. */
static const struct access_case access_cases[] = {
	{ 0, 4, 0 },	   { 0xfc, 4, 0 },	    { 0xff, 1, 0 },	   { 0xfe, 2, 0 },
	{ 0, 0, -EINVAL }, { 0, 3, -EINVAL },	    { 0, 8, -EINVAL },	   { 1, 2, -EINVAL },
	{ 2, 4, -EINVAL }, { 0x100, 1, -EINVAL },   { 0xffc, 4, -EINVAL },
	{ 0, UINT32_MAX, -EINVAL }, { UINT32_MAX, 1, -EINVAL }, { 0xfffffffc, 4, -EINVAL },
};

START_TEST(test_access)
{
	const struct access_case *c = &access_cases[_i];
	uint32_t value = 0;

	fake_add_uhci(&fake, 1, 0, 0);
	start_host(0);
	ck_assert_int_eq(pci_config_read(&host.devices[0], c->offset, c->size, &value), c->error);
	if (c->error)
		ck_assert_uint_eq(value, UINT32_MAX);
	ck_assert_int_eq(pci_config_write(&host.devices[0], c->offset, c->size, 0), c->error);
	stop_host();
}
END_TEST

/* Bytes and halves of registers that pvmm keeps, and of those it watches. */
START_TEST(test_narrow_access)
{
	fake_add_nvme(&fake, 1);
	start_host(MIB);
	write_config(0, PCI_BASE_ADDRESS_0 + 2, 1, 0x08);
	ck_assert_uint_eq(read_config(0, PCI_BASE_ADDRESS_0, 4), 0x80004);
	ck_assert_uint_eq(read_config(0, PCI_BASE_ADDRESS_0, 1), 4);
	ck_assert_uint_eq(read_config(0, PCI_BASE_ADDRESS_0 + 2, 2), 8);
	write_config(0, PCI_COMMAND, 1, PCI_COMMAND_MEMORY);
	ck_assert_uint_eq(board.nr_maps, 1);
	write_config(0, PCI_COMMAND + 1, 1, PCI_COMMAND_INTX_DISABLE >> 8);
	ck_assert_uint_eq(board.nr_maps, 1);
	ck_assert_uint_eq(read_config(0, PCI_COMMAND, 2),
			  PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE);
	write_config(0, PCI_COMMAND, 4, PCI_COMMAND_MASTER);
	ck_assert_uint_eq(board.nr_maps, 0);
	stop_host();
}
END_TEST

START_TEST(test_read_error)
{
	struct fake_device *device = fake_add_nvme(&fake, 1);
	uint32_t value = 0;

	start_host(0);
	device->config_read = (struct fake_failure){ 1, -EIO };
	ck_assert_int_eq(pci_config_read(&host.devices[0], PCI_VENDOR_ID, 4, &value), -EIO);
	ck_assert_uint_eq(value, UINT32_MAX);
	stop_host();
}
END_TEST

static Suite *pci_suite(void)
{
	Suite *suite = suite_create("pci");
	TCase *tcase = tcase_create("pci");

	tcase_add_checked_fixture(tcase, board_setup, board_teardown);
	tcase_add_loop_test(tcase, test_layout, 0, ARRAY_SIZE(layout_cases));
	tcase_add_test(tcase, test_layout_full);
	tcase_add_test(tcase, test_multifunction);
	tcase_add_test(tcase, test_unplugged);
	tcase_add_test(tcase, test_bridge_refused);
	tcase_add_test(tcase, test_init_failures);
	tcase_add_test(tcase, test_capabilities);
	tcase_add_test(tcase, test_extended_capabilities);
	tcase_add_test(tcase, test_no_extended_capabilities);
	tcase_add_loop_test(tcase, test_sizing, 0, ARRAY_SIZE(size_cases));
	tcase_add_test(tcase, test_unplaced);
	tcase_add_test(tcase, test_no_io_window);
	tcase_add_test(tcase, test_assignment);
	tcase_add_test(tcase, test_decode);
	tcase_add_test(tcase, test_trap_errors);
	tcase_add_test(tcase, test_decode_refused);
	tcase_add_test(tcase, test_power);
	tcase_add_test(tcase, test_move);
	tcase_add_test(tcase, test_overlap);
	tcase_add_test(tcase, test_sub_page);
	tcase_add_test(tcase, test_map_failures);
	tcase_add_test(tcase, test_rom);
	tcase_add_test(tcase, test_io);
	tcase_add_loop_test(tcase, test_access, 0, ARRAY_SIZE(access_cases));
	tcase_add_test(tcase, test_narrow_access);
	tcase_add_test(tcase, test_read_error);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(pci_suite());
}

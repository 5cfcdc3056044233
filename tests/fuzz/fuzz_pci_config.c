/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzing of config space: a device whose own config space is the input's (capabilities that
 * loop, lie and change), with BARs of the input's sizes, driven by a guest that reads and
 * writes as the input says.
 */
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <unistd.h>

#include "devices/pci.h"
#include "tests/fuzz/input.h"
#include "tests/unit/fake_board.h"
#include "tests/unit/fake_group.h"

#define OPERATIONS_MAX 64
#define IO_GPA 0x200000000000ULL
#define MEM32_PCI 0x80000000ULL
#define MEM32_GPA 0x200080000000ULL
#define MEM64_GPA 0x204000000000ULL

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fake_board board;
static struct fake_group fake;
static struct pci_host host;
static uint64_t io_end;		/* on the host */

static void check(bool condition)
{
	if (!condition)
		abort();
}

/* On the host they lie one after another. */
static void add_io(struct fake_device *device, unsigned index, uint64_t size)
{
	io_end = align_up(io_end, size);
	fake_add_io(&fake, device, index, size, io_end);
	io_end += size;
}

static void add_bars(struct input *input, struct fake_device *device)
{
	for (unsigned index = 0; index < PCI_NR_BARS; index++) {
		uint8_t kind = input_u8(input);
		uint32_t flags = kind & 0xf;

		if (!(kind & 0x10))
			continue;
		if (flags & PCI_BASE_ADDRESS_SPACE_IO && kind & 0x20) {
			add_io(device, index, 1ULL << (kind >> 6) * 5);
			continue;
		}
		fake_add_bar(&fake, device, index, 1ULL << (kind >> 5) * 5, flags, kind & 0x20);
		if ((flags & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64 &&
		    !(flags & PCI_BASE_ADDRESS_SPACE_IO))
			index++;
	}
}

static void add_device(struct input *input, uint8_t slot)
{
	struct fake_device *device = fake_group_add(&fake, 1, slot, 0);
	struct group_device *group_device = fake_group_device(&fake, device);
	uint8_t kind = input_u8(input);

	add_bars(input, device);
	if (kind & 1)
		fake_add_rom(&fake, device, 1ULL << (kind >> 3 & 0x1f));
	if (kind & 2)
		group_device->regions[GROUP_REGION_CONFIG].size = PCI_CONFIG_SIZE;
	group_device->irq_count[GROUP_IRQ_INTX] = 1;
	group_device->irq_count[GROUP_IRQ_MSI] = input_u8(input);
	group_device->irq_count[GROUP_IRQ_MSIX] = input_u8(input) * 8U;
	input_bytes(input, device->config, kind & 8 ? 0x20 : 0x80);
	/* Good ones, which a guess would seldom make. */
	if (kind & 8) {
		device->config[PCI_HEADER_TYPE] = 0;
		device->config[PCI_CAPABILITY_LIST] = 0;
		fake_add_msi(&fake, device, 0x60, input_u8(input) & 31);
		fake_add_msix(&fake, device, 0x50, input_u8(input));
		fake_add_pm(device, 0x40);
	}
}

static int start(void)
{
	struct pci_window windows[PCI_SPACE_COUNT];
	struct pci_needs needs;
	int error = pci_host_init(&host, &fake.group, &board.bus, &board.irqchip, &board.log);

	if (error)
		return error;
	pci_host_needs(&host, &needs);
	windows[PCI_SPACE_IO] = (struct pci_window){ IO_GPA, 0, needs.size[PCI_SPACE_IO] };
	windows[PCI_SPACE_MEM32] = (struct pci_window){ MEM32_GPA, MEM32_PCI, 2 * GIB };
	windows[PCI_SPACE_MEM64] = (struct pci_window){ MEM64_GPA, MEM64_GPA, 64 * GIB };
	error = pci_host_assign(&host, windows);
	if (!error)
		error = pci_host_reset(&host);
	if (error)
		pci_host_exit(&host);
	return error;
}

static bool in_windows(const struct pci_bar *bar)
{
	for (unsigned i = 0; i < PCI_SPACE_COUNT; i++)
		if (range_within(bar->gpa, bar->size, host.windows[i].gpa, host.windows[i].size))
			return true;
	return false;
}

/* What lies in a page of mapped I/O lies in it as on the host. */
static void check_io(const struct pci_bar *bar)
{
	const struct group_region *region = &bar->device->group_device->regions[bar->index];
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	check(bar->space != PCI_SPACE_IO || !fake_board_map(&board, bar->gpa) ||
	      (region->nr_areas && bar->gpa % page == region->lead));
}

/* BARs that the guest sees lie in the windows, none over another. */
static void check_bars(void)
{
	unsigned count = host.nr_devices * (PCI_NR_BARS + 1);

	for (unsigned i = 0; i < count; i++) {
		const struct pci_bar *a = &host.devices[i / 7].bars[i % 7];

		if (!a->visible)
			continue;
		check(in_windows(a));
		check_io(a);
		for (unsigned j = 0; j < i; j++) {
			const struct pci_bar *b = &host.devices[j / 7].bars[j % 7];

			check(!b->visible || !ranges_overlap(a->gpa, a->size, b->gpa, b->size));
		}
	}
}

static void access_config(struct pci_device *device, struct input *input, uint8_t kind)
{
	uint32_t offset = input_u8(input) | (kind & 0x10 ? 0x100U : 0), value = 0x12345678;
	unsigned size = kind & 0x20 ? input_u8(input) : 1U << (kind >> 6);

	if (kind & 4) {
		pci_config_write(device, offset, size, input_u32(input));
		return;
	}
	if (pci_config_read(device, offset, size, &value))
		check(value == UINT32_MAX);
	else
		check((size == 1 || size == 2 || size == 4) && offset % size == 0 &&
		      offset + size <= device->config_size);
}

/* Sizes and addresses, as a guest sets them, and decoding. */
static void write_bar(struct input *input, uint8_t kind)
{
	uint32_t offset = PCI_BASE_ADDRESS_0 + (kind >> 4 & 7) * 4;
	uint8_t place = input_u8(input);
	struct pci_device *device = &host.devices[place >> 7 & (host.nr_devices - 1)];
	uint32_t value = place & 1 ? UINT32_MAX : (uint32_t)MEM32_PCI + (place >> 1) * 0x8000U;

	if (!(place & 1) && device->bars[(kind >> 4 & 7) % PCI_NR_BARS].space == PCI_SPACE_IO)
		value = 0x10000 + place * 0x10;
	pci_config_write(device, kind & 8 ? PCI_COMMAND : offset, kind & 8 ? 2 : 4,
			 kind & 8 ? place : value);
}

static void access_memory(struct input *input, uint8_t kind)
{
	uint64_t gpa = MEM32_GPA + input_u8(input) * 0x1000ULL;
	uint8_t bytes[8] = { 0 };

	if (kind & 4)
		bus_write(&board.bus, gpa, bytes, 1U << (kind >> 6));
	else
		bus_read(&board.bus, gpa, bytes, 1U << (kind >> 6));
}

static void set_vectors(struct pci_device *device, struct input *input, uint8_t kind)
{
	uint32_t first, irq;
	unsigned count = input_u8(input);

	if (pci_vectors_set(device, kind & 4 ? GROUP_IRQ_MSIX : GROUP_IRQ_MSI, count, &first))
		return;
	check(pci_vectors_count(device) == count);
	check(!count || !pci_vector_irq(device, count - 1, &irq));
	check(pci_vector_irq(device, count, &irq) != 0);
}

static void run(struct input *input)
{
	for (unsigned i = 0; i < OPERATIONS_MAX && input->left; i++) {
		uint8_t kind = input_u8(input);
		struct pci_device *device = &host.devices[kind >> 3 & 1 & (host.nr_devices - 1)];
		unsigned at;

		switch (kind & 3) {
		case 0:
			access_config(device, input, kind);
			break;
		case 1:
			write_bar(input, kind);
			break;
		case 2:
			if (kind & 0x10)
				set_vectors(device, input, kind);
			else
				access_memory(input, kind);
			break;
		default:	/* the device changes its mind */
			at = input_u8(input);
			fake.devices[kind >> 3 & 1].config[at] = input_u8(input);
		}
		check_bars();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };

	fake_board_init(&board);
	fake_group_init(&fake, 0);
	io_end = 0;
	add_device(&input, 1);
	add_device(&input, 2);
	if (!start()) {
		run(&input);
		pci_host_exit(&host);
	}
	check(!board.nr_maps && !board.bus.regions && !board.nr_attached);
	for (unsigned i = 0; i < fake.group.nr_devices; i++)
		check(!fake.devices[i].maps && fake.devices[i].irq_kind == GROUP_IRQ_COUNT);
	fake_board_exit(&board);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * BARs: sizes and kinds, the registers that the guest sees, and what of them is in the bus.
 *
 * The registers are pvmm's own: the guest's addresses mean nothing to the host, whose kernel
 * keeps a virtual copy of each BAR that is used here once, at start, to find sizes and kinds.
 *
 * A visible BAR is one trapped region over its whole size, with mappings above for the parts
 * that the host lets go straight to the device. On PAPR those include the MSI-X table: the
 * guest never writes addresses or data there (it asks through RTAS, and the host's kernel
 * writes the entries), only the mask bits, which are its to set. A table that the host does
 * not let be mapped reads all ones and swallows stores in the kernel.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "devices/pci_internal.h"

#define MEM_FLAGS 0xfULL
#define IO_FLAGS 0x3ULL
#define ROM_FLAGS 0x7ffULL
#define MEM_SIZE_MIN 16
#define IO_SIZE_MIN 4
#define BAR32_SIZE_MAX (2 * GIB)

static uint32_t register_of(unsigned index)
{
	return index == PCI_ROM_INDEX ? PCI_ROM_ADDRESS : PCI_BASE_ADDRESS_0 + index * 4;
}

static bool size_is_sane(const struct pci_bar *bar)
{
	uint64_t least = bar->space == PCI_SPACE_IO ? IO_SIZE_MIN : MEM_SIZE_MIN;

	if (bar->index == PCI_ROM_INDEX)
		least = ROM_FLAGS + 1;
	return is_power_of_two(bar->size) && bar->size >= least &&
	       (bar->is_64bit || bar->size <= BAR32_SIZE_MAX);
}

static void set_size(struct pci_bar *bar)
{
	const struct pci_device *device = bar->device;

	bar->size = device->group_device->regions[bar->index].size;
	if (!bar->size || size_is_sane(bar))
		return;
	log_warn(device->host->log, "%s: %s: region %u has no valid size (0x%llx); the guest "
		 "will not see it", device->host->group->path, device->group_device->name,
		 bar->index, (unsigned long long)bar->size);
	bar->size = 0;
}

/*
 * All ones are written and read back: what the host has not given an address (IO on a bridge
 * without IO space) then reads zero, though it may have a size.
 */
static int probe_bar(struct pci_bar *bar)
{
	struct pci_device *device = bar->device;
	uint32_t value = 0;
	int err;

	err = pci_raw_write(device, register_of(bar->index), 4, UINT32_MAX);
	if (!err)
		err = pci_raw_read(device, register_of(bar->index), 4, &value);
	if (err || !value)
		return err;
	if (value & PCI_BASE_ADDRESS_SPACE_IO) {
		bar->space = PCI_SPACE_IO;
	} else {
		bar->is_64bit = (value & PCI_BASE_ADDRESS_MEM_TYPE_MASK) ==
					PCI_BASE_ADDRESS_MEM_TYPE_64 &&
				bar->index < PCI_NR_BARS - 1;
		bar->prefetchable = value & PCI_BASE_ADDRESS_MEM_PREFETCH;
		bar->space = bar->is_64bit ? PCI_SPACE_MEM64 : PCI_SPACE_MEM32;
	}
	set_size(bar);
	return 0;
}

/* What cannot be mapped is trapped instead: slower, but right. */
static void map_areas(struct pci_bar *bar)
{
	struct group_device *group_device = bar->device->group_device;
	const struct group_region *region = &group_device->regions[bar->index];
	unsigned i;

	for (i = 0; i < region->nr_areas && i < GROUP_MAX_AREAS; i++) {
		const struct group_area *area = &region->areas[i];
		struct pci_bar_map *map = &bar->maps[bar->nr_maps];
		int err;

		err = group_device_map(group_device, bar->index, area, &map->address);
		if (err) {
			log_warn(bar->device->host->log, "%s: %s: region %u cannot be mapped (%s); "
				 "accesses to it will be slow", bar->device->host->group->path,
				 group_device->name, bar->index, strerror(-err));
			continue;
		}
		map->offset = area->offset;
		map->size = area->size;
		bar->nr_maps++;
	}
	bar->lead = bar->nr_maps ? region->lead : 0;
}

static void tell_io(const struct pci_bar *bar)
{
	const struct pci_device *device = bar->device;

	log_info(device->host->log, "%s: %s: region %u, I/O: %s",
		 device->host->group->path, device->group_device->name, bar->index,
		 bar->nr_maps ? "mapped" : "trapped, as the host does not let it be mapped");
}

/*
 * An access through the bus. It may come while the BAR is being hidden; the host's kernel
 * refuses it when the device does not decode.
 */
static void bar_read(struct bus_region *region, uint64_t offset, void *data, unsigned size)
{
	struct pci_bar *bar = container_of(region, struct pci_bar, trap);

	if (group_device_read(bar->device->group_device, bar->index, offset, data, size))
		memset(data, 0xff, size);
}

static void bar_write(struct bus_region *region, uint64_t offset, const void *data,
		      unsigned size)
{
	struct pci_bar *bar = container_of(region, struct pci_bar, trap);

	/* A device that does not take a store loses it, as on any bus. */
	(void)group_device_write(bar->device->group_device, bar->index, offset, data, size);
}

static const struct bus_ops bar_ops = {
	.read = bar_read,
	.write = bar_write,
};

int pci_bars_init(struct pci_device *device)
{
	unsigned index;
	int err;

	for (index = 0; index <= PCI_ROM_INDEX; index++) {
		device->bars[index].device = device;
		device->bars[index].index = index;
		device->bars[index].trap.name = "PCI BAR";
		device->bars[index].trap.ops = &bar_ops;
	}
	for (index = 0; index < PCI_NR_BARS; index++) {
		struct pci_bar *bar = &device->bars[index];

		err = probe_bar(bar);
		if (err) {
			log_error(device->host->log, "%s: %s: BAR %u cannot be sized: %s",
				  device->host->group->path, device->group_device->name,
				  index, strerror(-err));
			return err;
		}
		if (bar->size)
			map_areas(bar);
		if (bar->size && bar->space == PCI_SPACE_IO)
			tell_io(bar);
		if (bar->is_64bit)
			index++;
	}
	device->bars[PCI_ROM_INDEX].space = PCI_SPACE_MEM32;
	set_size(&device->bars[PCI_ROM_INDEX]);
	return 0;
}

static uint64_t map_gpa(const struct pci_bar *bar, const struct pci_bar_map *map)
{
	return bar->gpa - bar->lead + map->offset;
}

static void hide_maps(struct pci_bar *bar)
{
	unsigned i;

	for (i = 0; i < bar->nr_maps; i++) {
		struct pci_bar_map *map = &bar->maps[i];

		if (map->in_guest)
			bus_unmap(bar->device->host->bus, map_gpa(bar, map), map->size);
		map->in_guest = map->refused = false;
	}
}

static void hide(struct pci_bar *bar)
{
	hide_maps(bar);
	bus_remove(bar->device->host->bus, &bar->trap);
	bar->visible = false;
}

void pci_bars_exit(struct pci_device *device)
{
	unsigned index, i;

	for (index = 0; index <= PCI_ROM_INDEX; index++) {
		struct pci_bar *bar = &device->bars[index];

		if (bar->visible)
			hide(bar);
		for (i = 0; i < bar->nr_maps; i++)
			group_device_unmap(device->group_device, bar->maps[i].address,
					   bar->maps[i].size);
		bar->nr_maps = 0;
	}
}

bool pci_bar_is_register(uint32_t offset)
{
	offset &= ~3U;
	return (offset >= PCI_BASE_ADDRESS_0 && offset <= PCI_BASE_ADDRESS_5) ||
	       offset == PCI_ROM_ADDRESS;
}

/* The BAR that a register belongs to, and whether it is the upper half; NULL: to none. */
static const struct pci_bar *bar_at(const struct pci_device *device, uint32_t offset, bool *high)
{
	unsigned index = PCI_ROM_INDEX;
	const struct pci_bar *bar;

	if (offset != PCI_ROM_ADDRESS)
		index = (offset - PCI_BASE_ADDRESS_0) / 4;
	bar = &device->bars[index];
	*high = false;
	if (bar->size)
		return bar;
	if (index > 0 && index < PCI_NR_BARS && bar[-1].size && bar[-1].is_64bit) {
		*high = true;
		return bar - 1;
	}
	return NULL;
}

static uint32_t flags_of(const struct pci_bar *bar)
{
	uint32_t flags = 0;

	if (bar->index == PCI_ROM_INDEX)
		return bar->device->rom_enabled ? PCI_ROM_ADDRESS_ENABLE : 0;
	if (bar->space == PCI_SPACE_IO)
		return PCI_BASE_ADDRESS_SPACE_IO;
	if (bar->is_64bit)
		flags |= PCI_BASE_ADDRESS_MEM_TYPE_64;
	if (bar->prefetchable)
		flags |= PCI_BASE_ADDRESS_MEM_PREFETCH;
	return flags;
}

uint32_t pci_bar_register(const struct pci_device *device, uint32_t offset)
{
	bool high;
	const struct pci_bar *bar = bar_at(device, offset, &high);

	if (!bar)
		return 0;
	if (high)
		return (uint32_t)(bar->address >> 32);
	return (uint32_t)bar->address | flags_of(bar);
}

static uint64_t flag_bits(const struct pci_bar *bar)
{
	if (bar->index == PCI_ROM_INDEX)
		return ROM_FLAGS;
	return bar->space == PCI_SPACE_IO ? IO_FLAGS : MEM_FLAGS;
}

void pci_bar_register_write(struct pci_device *device, uint32_t offset, uint32_t value)
{
	bool high;
	const struct pci_bar *found = bar_at(device, offset, &high);
	struct pci_bar *bar;
	uint64_t address;

	if (!found)
		return;
	bar = &device->bars[found->index];
	if (high)
		address = (uint64_t)value << 32 | (uint32_t)bar->address;
	else
		address = (bar->address & ~(uint64_t)UINT32_MAX) | (value & ~flag_bits(bar));
	address &= ~(bar->size - 1);
	if (bar->index == PCI_ROM_INDEX)
		device->rom_enabled = value & PCI_ROM_ADDRESS_ENABLE;
	if (address != bar->address)
		bar->refused = false;
	bar->address = address;
}

static bool is_decoding(const struct pci_bar *bar)
{
	const struct pci_device *device = bar->device;

	if (!bar->size || !device->powered || pci_is_cut_off(device->host))
		return false;
	if (bar->space == PCI_SPACE_IO)
		return device->command & PCI_COMMAND_IO;
	if (bar->index == PCI_ROM_INDEX && !device->rom_enabled)
		return false;
	return device->command & PCI_COMMAND_MEMORY;
}

/* Where in the guest a BAR's address is; false: in no window. A 64-bit BAR may sit in either
 * memory window. */
static bool find_gpa(const struct pci_bar *bar, uint64_t *gpa)
{
	unsigned space;

	for (space = 0; space < PCI_SPACE_COUNT; space++) {
		const struct pci_window *window = &bar->device->host->windows[space];

		if ((space == PCI_SPACE_IO) != (bar->space == PCI_SPACE_IO))
			continue;
		if (range_within(bar->address, bar->size, window->pci, window->size)) {
			*gpa = window->gpa + (bar->address - window->pci);
			return true;
		}
	}
	return false;
}

/*
 * Bytes that a BAR takes at @gpa: a small one that has a host page for itself maps it whole. I/O
 * that has others in its page does not keep them out.
 */
static uint64_t footprint(const struct pci_bar *bar, uint64_t gpa)
{
	uint64_t size = bar->size;
	unsigned i;

	if (bar->space == PCI_SPACE_IO || !is_aligned(gpa, bar->device->host->page_size))
		return size;
	for (i = 0; i < bar->nr_maps; i++) {
		uint64_t end = bar->maps[i].offset + bar->maps[i].size;

		if (end > size)
			size = end;
	}
	return size;
}

static bool is_free(const struct pci_bar *bar, uint64_t gpa)
{
	const struct pci_host *host = bar->device->host;
	unsigned i, index;

	for (i = 0; i < host->nr_devices; i++) {
		for (index = 0; index <= PCI_ROM_INDEX; index++) {
			const struct pci_bar *other = &host->devices[i].bars[index];

			if (other->visible &&
			    ranges_overlap(gpa, footprint(bar, gpa), other->gpa,
					   footprint(other, other->gpa)))
				return false;
		}
	}
	return true;
}

static bool may_map(const struct pci_bar *bar)
{
	return is_aligned(bar->gpa - bar->lead, bar->device->host->page_size) &&
	       (bar->space != PCI_SPACE_IO || pci_io_may_map(bar));
}

static void show_maps(struct pci_bar *bar)
{
	struct pci_host *host = bar->device->host;
	unsigned i;
	int err;

	for (i = 0; i < bar->nr_maps; i++) {
		struct pci_bar_map *map = &bar->maps[i];

		if (map->in_guest || map->refused)
			continue;
		err = bus_map(host->bus, map_gpa(bar, map), map->size, map->address);
		map->in_guest = !err;
		map->refused = err;
		if (err)
			log_guest(host->log, &host->limit, "%s: %s: region %u is not mapped into the "
				  "guest (%s); accesses will be slow", host->group->path,
				  bar->device->group_device->name, bar->index, strerror(-err));
	}
}

static void refuse(struct pci_bar *bar, const char *reason)
{
	struct pci_host *host = bar->device->host;

	if (!bar->refused)
		log_guest(host->log, &host->limit, "%s: %s: the guest put region %u at 0x%llx, %s; "
			  "it reads all ones there", host->group->path,
			  bar->device->group_device->name, bar->index,
			  (unsigned long long)bar->address, reason);
	bar->refused = true;
}

static void show(struct pci_bar *bar)
{
	struct pci_host *host = bar->device->host;
	uint64_t gpa;

	if (!find_gpa(bar, &gpa)) {
		refuse(bar, "outside the windows of its bridge");
		return;
	}
	bar->trap.gpa = gpa;
	bar->trap.size = bar->size;
	if (!is_free(bar, gpa) || bus_add(host->bus, &bar->trap)) {
		refuse(bar, "where something else is");
		return;
	}
	bar->gpa = gpa;
	bar->visible = true;
	bar->refused = false;
}

static void hide_if_moved(struct pci_bar *bar)
{
	uint64_t gpa;

	if (bar->visible && !(is_decoding(bar) && find_gpa(bar, &gpa) && gpa == bar->gpa))
		hide(bar);
}

static void show_if_decoding(struct pci_bar *bar)
{
	if (!bar->visible && is_decoding(bar))
		show(bar);
}

static void hide_maps_in_the_way(struct pci_bar *bar)
{
	if (bar->visible && !may_map(bar))
		hide_maps(bar);
}

static void show_maps_that_may(struct pci_bar *bar)
{
	if (bar->visible && may_map(bar))
		show_maps(bar);
}

/*
 * All that moved away goes first, so that BARs may change places; mappings come last, when it is
 * known what is in their pages.
 */
void pci_bars_update(struct pci_host *host)
{
	static void (*const passes[])(struct pci_bar *bar) = {
		hide_if_moved, show_if_decoding, hide_maps_in_the_way, show_maps_that_may,
	};
	unsigned pass, i, index;

	for (pass = 0; pass < ARRAY_SIZE(passes); pass++) {
		for (i = 0; i < host->nr_devices; i++) {
			for (index = 0; index <= PCI_ROM_INDEX; index++)
				passes[pass](&host->devices[i].bars[index]);
		}
	}
}

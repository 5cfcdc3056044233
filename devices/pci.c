/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PCI host bridge as a whole: which device sits where, how much of each window the BARs
 * need and which address each gets, and the life cycle of its devices.
 */
#include "devices/pci.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devices/pci_internal.h"

#define NR_SLOTS 32
#define NR_FUNCTIONS 8
#define NOBODY (-1)
/* Guests take an IO BAR at 0 for one without address, and the first page for legacy ports. */
#define IO_FIRST 0x1000
#define IO_WINDOW_ALIGN (64 * KIB)

/* Which device of the group sits at each devfn of the guest, while devices are placed. */
struct layout {
	struct pci_host *host;
	int owner[PCI_MAX_DEVICES];	/* index in group->devices, or NOBODY */
};

static struct group_device *layout_device(const struct layout *layout, unsigned index)
{
	return &layout->host->group->devices[index];
}

static bool same_host_slot(const struct group_device *a, const struct group_device *b)
{
	return a->host.domain == b->host.domain && a->host.bus == b->host.bus &&
	       a->host.slot == b->host.slot;
}

static int place_as_asked(struct layout *layout, unsigned index)
{
	const struct group_device *device = layout_device(layout, index);
	int devfn = device->guest_devfn;

	if (devfn < 0)
		return 0;
	if (devfn >= PCI_MAX_DEVICES || layout->owner[devfn] != NOBODY) {
		log_error(layout->host->log,
			  "%s: place= puts two devices at %02x.%x, or one beyond 1f.7; give each "
			  "device a place of its own", layout->host->group->path,
			  PCI_SLOT(devfn), PCI_FUNCTION(devfn));
		return -EEXIST;
	}
	layout->owner[devfn] = (int)index;
	return 0;
}

/* May the functions of @first that have no place yet go into @slot, keeping their numbers? */
static bool slot_fits(const struct layout *layout, unsigned slot, unsigned first)
{
	const struct group *group = layout->host->group;
	const struct group_device *device = layout_device(layout, first);
	unsigned function, i;

	for (function = 0; function < NR_FUNCTIONS; function++) {
		int owner = layout->owner[PCI_DEVFN(slot, function)];

		if (owner != NOBODY &&
		    !same_host_slot(layout_device(layout, (unsigned)owner), device))
			return false;
	}
	for (i = first; i < group->nr_devices; i++) {
		const struct group_device *other = &group->devices[i];

		if (other->guest_devfn < 0 && same_host_slot(other, device) &&
		    layout->owner[PCI_DEVFN(slot, other->host.function)] != NOBODY)
			return false;
	}
	return true;
}

/* The functions of one device of the host, starting with @first, to one slot of the guest. */
static int place_host_slot(struct layout *layout, unsigned first)
{
	const struct group *group = layout->host->group;
	const struct group_device *device = layout_device(layout, first);
	unsigned tried, slot, i;

	for (tried = 0; tried < NR_SLOTS; tried++) {
		slot = (device->host.slot + tried) % NR_SLOTS;
		if (slot_fits(layout, slot, first))
			break;
	}
	if (tried == NR_SLOTS) {
		log_error(layout->host->log, "%s: more devices than the 32 slots of one bridge "
			  "hold; split the group on the host", group->path);
		return -ENOSPC;
	}
	if (tried)
		log_warn(layout->host->log, "%s: %04x:%02x:%02x is in slot %02x of the guest, for "
			 "its own is taken; place= chooses another", group->path,
			 device->host.domain, device->host.bus, device->host.slot, slot);
	for (i = first; i < group->nr_devices; i++) {
		const struct group_device *other = &group->devices[i];

		if (other->guest_devfn < 0 && same_host_slot(other, device))
			layout->owner[PCI_DEVFN(slot, other->host.function)] = (int)i;
	}
	return 0;
}

static bool is_placed(const struct layout *layout, unsigned index)
{
	unsigned devfn;

	for (devfn = 0; devfn < PCI_MAX_DEVICES; devfn++) {
		if (layout->owner[devfn] == (int)index)
			return true;
	}
	return false;
}

static bool is_gone(struct group_device *device)
{
	le16 vendor;

	return group_device_read(device, GROUP_REGION_CONFIG, PCI_VENDOR_ID, &vendor,
				 sizeof(vendor)) == -ENODEV;
}

/* What was unplugged under the guest is not in its next boot; the others keep their places. */
static void take_out_gone(struct layout *layout)
{
	unsigned devfn;

	for (devfn = 0; devfn < PCI_MAX_DEVICES; devfn++) {
		struct group_device *device;

		if (layout->owner[devfn] == NOBODY)
			continue;
		device = layout_device(layout, (unsigned)layout->owner[devfn]);
		if (!is_gone(device))
			continue;
		log_warn(layout->host->log, "%s: %s was unplugged; the guest starts without it",
			 layout->host->group->path, device->name);
		layout->owner[devfn] = NOBODY;
	}
}

/* A scan begins at function 0 and ends there when nothing answers. */
static void fill_function_0(struct layout *layout, unsigned slot)
{
	unsigned function, devfn;

	if (layout->owner[PCI_DEVFN(slot, 0)] != NOBODY)
		return;
	for (function = 1; function < NR_FUNCTIONS; function++) {
		devfn = PCI_DEVFN(slot, function);
		if (layout->owner[devfn] == NOBODY ||
		    layout_device(layout, (unsigned)layout->owner[devfn])->guest_devfn >= 0)
			continue;
		layout->owner[PCI_DEVFN(slot, 0)] = layout->owner[devfn];
		layout->owner[devfn] = NOBODY;
		return;
	}
}

static int layout_devices(struct layout *layout, struct pci_host *host)
{
	unsigned i, slot;
	int err = 0;

	layout->host = host;
	for (i = 0; i < PCI_MAX_DEVICES; i++)
		layout->owner[i] = NOBODY;
	for (i = 0; !err && i < host->group->nr_devices; i++)
		err = place_as_asked(layout, i);
	for (i = 0; !err && i < host->group->nr_devices; i++) {
		if (!is_placed(layout, i))
			err = place_host_slot(layout, i);
	}
	if (!err)
		take_out_gone(layout);
	for (slot = 0; !err && slot < NR_SLOTS; slot++)
		fill_function_0(layout, slot);
	return err;
}

static bool has_sibling(const struct layout *layout, unsigned devfn)
{
	unsigned function, other;

	for (function = 0; function < NR_FUNCTIONS; function++) {
		other = PCI_DEVFN(PCI_SLOT(devfn), function);
		if (other != devfn && layout->owner[other] != NOBODY)
			return true;
	}
	return false;
}

static int device_init(struct pci_device *device)
{
	int err;

	device->lsi_fd = -1;
	device->vector_kind = GROUP_IRQ_COUNT;
	err = pci_config_init(device);
	if (!err)
		err = pci_bars_init(device);
	if (!err)
		err = pci_irq_init(device);
	return err;
}

static void device_exit(struct pci_device *device)
{
	pci_irq_exit(device);
	pci_bars_exit(device);
	pci_config_exit(device);
}

static int init_devices(struct pci_host *host)
{
	struct layout layout;
	unsigned devfn;
	int err;

	err = layout_devices(&layout, host);
	for (devfn = 0; !err && devfn < PCI_MAX_DEVICES; devfn++) {
		struct pci_device *device;

		if (layout.owner[devfn] == NOBODY)
			continue;
		device = &host->devices[host->nr_devices++];
		device->host = host;
		device->group_device = layout_device(&layout, (unsigned)layout.owner[devfn]);
		device->devfn = (uint8_t)devfn;
		device->multifunction = has_sibling(&layout, devfn);
		err = device_init(device);
	}
	return err;
}

int pci_host_init(struct pci_host *host, struct group *group, struct bus *bus,
		  struct irqchip *irqchip, struct log *log)
{
	int err;

	memset(host, 0, sizeof(*host));
	host->group = group;
	host->bus = bus;
	host->irqchip = irqchip;
	host->log = log;
	host->page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	err = -pthread_mutex_init(&host->lock, NULL);
	if (err) {
		log_error(log, "%s: no lock for its bridge: %s", group->path, strerror(-err));
		return err;
	}
	host->devices = calloc(group->nr_devices, sizeof(*host->devices));
	if (!host->devices && group->nr_devices) {
		log_error(log, "%s: not enough memory for its bridge", group->path);
		pthread_mutex_destroy(&host->lock);
		return -ENOMEM;
	}
	err = init_devices(host);
	if (err)
		pci_host_exit(host);
	return err;
}

void pci_host_exit(struct pci_host *host)
{
	while (host->nr_devices)
		device_exit(&host->devices[--host->nr_devices]);
	free(host->devices);
	host->devices = NULL;
	pthread_mutex_destroy(&host->lock);
}

static uint64_t bar_alignment(const struct pci_bar *bar)
{
	if (bar->size > PCI_BAR_ALIGN || (bar->space == PCI_SPACE_IO && !bar->nr_maps))
		return bar->size;
	return PCI_BAR_ALIGN;
}

/* Into the place behind @next, or where its page of I/O has its place already. */
static void place_bar(struct pci_bar *bar, uint64_t *next, bool assign)
{
	const struct pci_bar *first = pci_io_first(bar);
	uint64_t start;

	if (first != bar) {
		start = first->assigned - first->lead;
	} else {
		start = align_up(*next, bar_alignment(bar));
		*next = start + bar_alignment(bar);
	}
	if (assign)
		bar->address = bar->assigned = start + bar->lead;
}

/*
 * Walks the BARs of one space from the largest down, which packs powers of two without holes.
 * Stores in @next the bus address behind the last. With @assign BARs get their address.
 */
static void walk_bars(const struct pci_host *host, enum pci_space space, uint64_t *next,
		      bool assign)
{
	unsigned shift, i, index;

	for (shift = 64; shift-- > 0;) {
		for (i = 0; i < host->nr_devices * (PCI_NR_BARS + 1); i++) {
			struct pci_bar *bar;

			index = i % (PCI_NR_BARS + 1);
			bar = &host->devices[i / (PCI_NR_BARS + 1)].bars[index];
			if (bar->size == 1ULL << shift && bar->space == space)
				place_bar(bar, next, assign);
		}
	}
}

static uint64_t space_align(const struct pci_host *host, enum pci_space space)
{
	uint64_t align = space == PCI_SPACE_IO ? IO_WINDOW_ALIGN : PCI_BAR_ALIGN;
	unsigned i, index;

	for (i = 0; i < host->nr_devices; i++) {
		for (index = 0; index <= PCI_ROM_INDEX; index++) {
			const struct pci_bar *bar = &host->devices[i].bars[index];

			if (bar->size && bar->space == space && bar_alignment(bar) > align)
				align = bar_alignment(bar);
		}
	}
	return align;
}

static uint64_t first_address(enum pci_space space, const struct pci_window *window)
{
	if (space == PCI_SPACE_IO && window->pci < IO_FIRST)
		return IO_FIRST;
	return window->pci;
}

void pci_host_needs(const struct pci_host *host, struct pci_needs *needs)
{
	static const struct pci_window from_0;
	unsigned space;

	for (space = 0; space < PCI_SPACE_COUNT; space++) {
		uint64_t start = first_address(space, &from_0), end = start;

		walk_bars(host, space, &end, false);
		needs->align[space] = space_align(host, space);
		needs->size[space] = end == start ? 0 : align_up(end, PCI_BAR_ALIGN);
	}
}

static void hide_io_bars(struct pci_host *host)
{
	unsigned i, index;

	for (i = 0; i < host->nr_devices; i++) {
		for (index = 0; index < PCI_NR_BARS; index++) {
			struct pci_bar *bar = &host->devices[i].bars[index];

			if (bar->space == PCI_SPACE_IO)
				bar->size = 0;
		}
	}
}

int pci_host_assign(struct pci_host *host, const struct pci_window windows[PCI_SPACE_COUNT])
{
	unsigned space;

	for (space = 0; space < PCI_SPACE_COUNT; space++) {
		const struct pci_window *window = &windows[space];
		uint64_t start = first_address(space, window), end = start;

		if (space == PCI_SPACE_IO && !window->size)
			continue;
		walk_bars(host, space, &end, false);
		if (end != start && end - window->pci > window->size)
			return -ENOSPC;
	}
	if (!windows[PCI_SPACE_IO].size)
		hide_io_bars(host);
	for (space = 0; space < PCI_SPACE_COUNT; space++) {
		uint64_t next = first_address(space, &windows[space]);

		walk_bars(host, space, &next, true);
		host->windows[space] = windows[space];
	}
	return 0;
}

/* One that has been unplugged (-ENODEV) does not keep the others from working. */
static int restart_device(struct pci_device *device, int (*start_irqs)(struct pci_device *device))
{
	int err = pci_config_reset(device);

	if (!err)
		err = start_irqs(device);
	return err == -ENODEV ? 0 : err;
}

static int restart(struct pci_host *host, int (*start_irqs)(struct pci_device *device))
{
	unsigned i;
	int err = 0;

	pthread_mutex_lock(&host->lock);
	for (i = 0; !err && i < host->nr_devices; i++)
		err = restart_device(&host->devices[i], start_irqs);
	pthread_mutex_unlock(&host->lock);
	return err;
}

int pci_host_reset(struct pci_host *host)
{
	return restart(host, pci_irq_reset);
}

int pci_host_recover(struct pci_host *host)
{
	return restart(host, pci_irq_recover);
}

bool pci_host_has_address(const struct pci_host *host, uint64_t gpa)
{
	unsigned space;

	for (space = 0; space < PCI_SPACE_COUNT; space++) {
		if (range_within(gpa, 1, host->windows[space].gpa, host->windows[space].size))
			return true;
	}
	return false;
}

struct pci_device *pci_host_find(struct pci_host *host, uint8_t devfn)
{
	unsigned i;

	for (i = 0; i < host->nr_devices; i++) {
		if (host->devices[i].devfn == devfn)
			return &host->devices[i];
	}
	return NULL;
}

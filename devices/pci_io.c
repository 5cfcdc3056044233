/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * I/O BARs that are mapped. What the host maps is whole pages of its bridge's I/O space, and an
 * I/O BAR is smaller than that, so that several can be in one page. Such a page is in the guest
 * once, by the mapping of one of its BARs that decodes, as long as all that the guest has put
 * there lies in it as it does on the host. Otherwise all of them are trapped.
 */
#include "devices/pci_internal.h"

static bool share_page(const struct pci_bar *a, const struct pci_bar *b)
{
	const struct group_device *on_a = a->device->group_device, *on_b = b->device->group_device;

	return a->space == PCI_SPACE_IO && b->space == PCI_SPACE_IO && a->nr_maps && b->nr_maps &&
	       on_a->host.domain == on_b->host.domain &&
	       on_a->regions[a->index].io_page == on_b->regions[b->index].io_page;
}

const struct pci_bar *pci_io_first(const struct pci_bar *bar)
{
	const struct pci_host *host = bar->device->host;
	const struct pci_bar *first = NULL;
	unsigned i, index;

	for (i = 0; i < host->nr_devices; i++) {
		for (index = 0; index < PCI_NR_BARS; index++) {
			const struct pci_bar *other = &host->devices[i].bars[index];

			if (share_page(other, bar) && (!first || other->size > first->size))
				first = other;
		}
	}
	return first ? first : bar;
}

static uint64_t page_gpa(const struct pci_bar *bar)
{
	return bar->gpa - bar->lead;
}

/* Is @other, if it is in the page that @bar would map, at home there, and has not mapped it? */
static bool leaves_page(const struct pci_bar *other, const struct pci_bar *bar)
{
	const struct pci_bar_map *map = &bar->maps[0];

	if (other == bar || !other->visible ||
	    !ranges_overlap(page_gpa(bar), map->size, other->gpa, other->size))
		return true;
	return share_page(other, bar) && page_gpa(other) == page_gpa(bar) &&
	       !other->maps[0].in_guest;
}

bool pci_io_may_map(const struct pci_bar *bar)
{
	const struct pci_host *host = bar->device->host;
	unsigned i, index;

	for (i = 0; bar->nr_maps && i < host->nr_devices; i++) {
		for (index = 0; index < PCI_NR_BARS; index++) {
			if (!leaves_page(&host->devices[i].bars[index], bar))
				return false;
		}
	}
	return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device tree nodes of host bridges and their devices (PAPR B.6.5, and the PCI bus binding to
 * IEEE 1275). What a node says of a device comes from its config space as the guest sees it.
 */
#include <linux/pci_regs.h>
#include <stdio.h>

#include "devices/papr_phb_internal.h"

/* phys.hi of the PCI binding */
#define PHYS_FIXED (1U << 31)
#define PHYS_PREFETCHABLE (1U << 30)
#define PHYS_IO (1U << 24)
#define PHYS_MEM32 (2U << 24)
#define PHYS_MEM64 (3U << 24)
#define PHYS_DEVFN(devfn) ((uint32_t)(devfn) << 8)
#define PHYS_DEVFN_MASK PHYS_DEVFN(0xff)
#define PIN_MASK 7

#define LEVEL 1			/* sense of an interrupt at the controller */
#define MAP_CELLS 7		/* of one entry of interrupt-map */
#define RANGE_CELLS 7
#define REG_CELLS 5

struct class_name {
	uint32_t class_code, mask;
	const char *name;
};

/* The binding's generic names; the first match counts. */
static const struct class_name class_names[] = {
	{ 0x010000, 0xffff00, "scsi" },
	{ 0x010100, 0xffff00, "ide" },
	{ 0x010400, 0xffff00, "raid" },
	{ 0x010600, 0xffff00, "sata" },
	{ 0x010700, 0xffff00, "sas" },
	{ 0x010800, 0xffff00, "nvme" },
	{ 0x010000, 0xff0000, "mass-storage" },
	{ 0x020000, 0xffff00, "ethernet" },
	{ 0x020000, 0xff0000, "network" },
	{ 0x030000, 0xffff00, "vga" },
	{ 0x030200, 0xffff00, "3d-controller" },
	{ 0x030000, 0xff0000, "display" },
	{ 0x040100, 0xffff00, "sound" },
	{ 0x040000, 0xff0000, "multimedia-device" },
	{ 0x050000, 0xff0000, "memory-controller" },
	{ 0x060000, 0xff0000, "unknown-bridge" },
	{ 0x070000, 0xffff00, "serial" },
	{ 0x070000, 0xff0000, "communication-controller" },
	{ 0x080000, 0xff0000, "system-peripheral" },
	{ 0x090000, 0xff0000, "input-controller" },
	{ 0x0c0300, 0xffffff, "usb-uhci" },
	{ 0x0c0310, 0xffffff, "usb-ohci" },
	{ 0x0c0320, 0xffffff, "usb-ehci" },
	{ 0x0c0330, 0xffffff, "usb-xhci" },
	{ 0x0c0400, 0xffff00, "fibre-channel" },
	{ 0x0c0000, 0xff0000, "serial-bus" },
	{ 0x0d0000, 0xff0000, "wireless-controller" },
	{ 0x100000, 0xff0000, "encryption" },
	{ 0x110000, 0xff0000, "data-processing-controller" },
};

static const char *name_of_class(uint32_t class_code)
{
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(class_names); i++) {
		if ((class_code & class_names[i].mask) == class_names[i].class_code)
			return class_names[i].name;
	}
	return "unknown-device";
}

/* All ones when it cannot be read; the guest finds out by itself then. */
static uint32_t config(struct pci_device *device, uint32_t offset, unsigned size)
{
	uint32_t value;

	(void)pci_config_read(device, offset, size, &value);
	return value;
}

static uint32_t space_code(const struct pci_bar *bar)
{
	uint32_t code = bar->prefetchable ? PHYS_PREFETCHABLE : 0;

	if (bar->space == PCI_SPACE_IO)
		return PHYS_IO;
	return code | (bar->is_64bit ? PHYS_MEM64 : PHYS_MEM32);
}

static uint32_t *add_cells(uint32_t *cell, uint32_t hi, uint64_t address, uint64_t size)
{
	*cell++ = hi;
	*cell++ = FDT_HI(address);
	*cell++ = FDT_LO(address);
	*cell++ = FDT_HI(size);
	*cell++ = FDT_LO(size);
	return cell;
}

static void add_resources(struct pci_device *device, struct fdt_writer *fdt)
{
	uint32_t reg[(PCI_NR_BARS + 2) * REG_CELLS], *next_reg = reg;
	uint32_t assigned[(PCI_NR_BARS + 1) * REG_CELLS], *next_assigned = assigned;
	uint32_t devfn = PHYS_DEVFN(device->devfn), hi;
	unsigned index;

	next_reg = add_cells(next_reg, devfn, 0, 0);
	for (index = 0; index <= PCI_NR_BARS; index++) {
		const struct pci_bar *bar = &device->bars[index];

		if (!bar->size)
			continue;
		hi = devfn | space_code(bar);
		hi |= index == PCI_NR_BARS ? PCI_ROM_ADDRESS : PCI_BASE_ADDRESS_0 + index * 4;
		next_reg = add_cells(next_reg, hi, 0, bar->size);
		next_assigned = add_cells(next_assigned, hi | PHYS_FIXED, bar->assigned,
					  bar->size);
	}
	fdt_cells(fdt, "reg", reg, (size_t)(next_reg - reg));
	if (next_assigned != assigned)
		fdt_cells(fdt, "assigned-addresses", assigned, (size_t)(next_assigned - assigned));
}

static void add_identity(struct pci_device *device, struct fdt_writer *fdt)
{
	uint32_t subsystem = config(device, PCI_SUBSYSTEM_ID, 2);
	uint32_t subsystem_vendor = config(device, PCI_SUBSYSTEM_VENDOR_ID, 2);
	uint32_t status = config(device, PCI_STATUS, 2);

	fdt_u32(fdt, "vendor-id", config(device, PCI_VENDOR_ID, 2));
	fdt_u32(fdt, "device-id", config(device, PCI_DEVICE_ID, 2));
	fdt_u32(fdt, "revision-id", config(device, PCI_REVISION_ID, 1));
	fdt_u32(fdt, "class-code", config(device, PCI_CLASS_REVISION, 4) >> 8);
	if (subsystem)
		fdt_u32(fdt, "subsystem-id", subsystem);
	if (subsystem_vendor)
		fdt_u32(fdt, "subsystem-vendor-id", subsystem_vendor);
	fdt_u32(fdt, "cache-line-size", config(device, PCI_CACHE_LINE_SIZE, 1));
	fdt_u32(fdt, "min-grant", config(device, PCI_MIN_GNT, 1));
	fdt_u32(fdt, "max-latency", config(device, PCI_MAX_LAT, 1));
	fdt_u32(fdt, "devsel-speed", (status & PCI_STATUS_DEVSEL_MASK) >> 9);
	if (status & PCI_STATUS_FAST_BACK)
		fdt_flag(fdt, "fast-back-to-back");
	if (status & PCI_STATUS_66MHZ)
		fdt_flag(fdt, "66mhz-capable");
}

static void add_interrupts(const struct pci_device *device, struct fdt_writer *fdt)
{
	unsigned msi = pci_vectors_max(device, GROUP_IRQ_MSI);
	unsigned msix = pci_vectors_max(device, GROUP_IRQ_MSIX);

	if (device->pin)
		fdt_u32(fdt, "interrupts", device->pin);
	if (msi)
		fdt_u32(fdt, "ibm,req#msi", msi);
	if (msix)
		fdt_u32(fdt, "ibm,req#msi-x", msix);
}

/* Made up, so that nothing of the host shows. */
static void add_location(const struct papr_phb *phb, const struct pci_device *device,
			 struct fdt_writer *fdt)
{
	char text[32];

	snprintf(text, sizeof(text), "PHB%u-C%u-T%u", phb->number, PCI_SLOT(device->devfn),
		 PCI_FUNCTION(device->devfn));
	fdt_text(fdt, "ibm,loc-code", text);
}

static void add_device(const struct papr_phb *phb, struct pci_device *device,
		       struct fdt_writer *fdt)
{
	const char *name = name_of_class(config(device, PCI_CLASS_REVISION, 4) >> 8);

	if (PCI_FUNCTION(device->devfn))
		fdt_begin(fdt, "%s@%x,%x", name, PCI_SLOT(device->devfn),
			  PCI_FUNCTION(device->devfn));
	else
		fdt_begin(fdt, "%s@%x", name, PCI_SLOT(device->devfn));
	add_resources(device, fdt);
	add_identity(device, fdt);
	add_interrupts(device, fdt);
	add_location(phb, device, fdt);
	if (device->config_size > 256)
		fdt_u32(fdt, "ibm,pci-config-space-type", 1);
	fdt_end(fdt);
}

static void add_ranges(const struct papr_phb *phb, struct fdt_writer *fdt)
{
	static const uint32_t codes[PCI_SPACE_COUNT] = { PHYS_IO, PHYS_MEM32, PHYS_MEM64 };
	uint32_t ranges[PCI_SPACE_COUNT * RANGE_CELLS], *cell = ranges;
	unsigned space;

	for (space = 0; space < PCI_SPACE_COUNT; space++) {
		const struct pci_window *window = &phb->pci.windows[space];

		if (!window->size)
			continue;
		*cell++ = codes[space];
		*cell++ = FDT_HI(window->pci);
		*cell++ = FDT_LO(window->pci);
		*cell++ = FDT_HI(window->gpa);
		*cell++ = FDT_LO(window->gpa);
		*cell++ = FDT_HI(window->size);
		*cell++ = FDT_LO(window->size);
	}
	fdt_cells(fdt, "ranges", ranges, (size_t)(cell - ranges));
}

/* Every function has a line of its own, so the map goes by device and function. */
static void add_interrupt_map(const struct papr_phb *phb, struct fdt_writer *fdt,
			      uint32_t irq_parent)
{
	uint32_t map[PCI_MAX_DEVICES * MAP_CELLS], *cell = map;
	unsigned i;

	for (i = 0; i < phb->pci.nr_devices; i++) {
		const struct pci_device *device = &phb->pci.devices[i];

		if (!device->pin)
			continue;
		*cell++ = PHYS_DEVFN(device->devfn);
		*cell++ = 0;
		*cell++ = 0;
		*cell++ = device->pin;
		*cell++ = irq_parent;
		*cell++ = device->lsi;
		*cell++ = LEVEL;
	}
	if (cell == map)
		return;
	fdt_u32(fdt, "#interrupt-cells", 1);
	FDT_CELLS(fdt, "interrupt-map-mask", PHYS_DEVFN_MASK, 0, 0, PIN_MASK);
	fdt_cells(fdt, "interrupt-map", map, (size_t)(cell - map));
}

static void add_dma_window(const struct papr_phb *phb, struct fdt_writer *fdt)
{
	const struct papr_tce_table *tce = &phb->ddw.tables[0];

	fdt_u32(fdt, "ibm,#dma-address-cells", 2);
	fdt_u32(fdt, "ibm,#dma-size-cells", 2);
	FDT_CELLS(fdt, "ibm,dma-window", tce->liobn, FDT_HI(tce->window.iova),
		  FDT_LO(tce->window.iova), FDT_HI(tce->window.size), FDT_LO(tce->window.size));
}

/* What the devices can use together; the guest's quota logic shares it out. */
static uint32_t total_vectors(const struct papr_phb *phb)
{
	uint32_t total = 0;
	unsigned i;

	for (i = 0; i < phb->pci.nr_devices; i++)
		total += phb->pci.devices[i].reserved_irqs;
	return total;
}

static void add_phb(struct papr_phb *phb, const struct rtas *rtas, struct fdt_writer *fdt,
		    uint32_t irq_parent)
{
	char location[16];
	unsigned i;

	fdt_begin(fdt, "pci@%llx", (unsigned long long)phb->buid);
	fdt_text(fdt, "device_type", "pci");
	fdt_text(fdt, "compatible", "IBM,Logical_PHB");
	FDT_CELLS(fdt, "reg", FDT_HI(phb->buid), FDT_LO(phb->buid), 0, 0);
	fdt_u32(fdt, "#address-cells", 3);
	fdt_u32(fdt, "#size-cells", 2);
	FDT_CELLS(fdt, "bus-range", 0, 0xff);
	fdt_u32(fdt, "linux,pci-domain", phb->number);
	snprintf(location, sizeof(location), "PHB%u", phb->number);
	fdt_text(fdt, "ibm,io-base-loc-code", location);
	fdt_flag(fdt, "used-by-rtas");
	fdt_u32(fdt, "ibm,pci-config-space-type", 1);
	fdt_u32(fdt, "ibm,pe-total-#msi", total_vectors(phb));
	add_ranges(phb, fdt);
	add_interrupt_map(phb, fdt, irq_parent);
	add_dma_window(phb, fdt);
	papr_ddw_add_fdt(&phb->ddw, rtas, fdt);
	for (i = 0; i < phb->pci.nr_devices; i++)
		add_device(phb, &phb->pci.devices[i], fdt);
	fdt_end(fdt);
}

void papr_phbs_add_fdt(struct papr_phbs *phbs, struct fdt_writer *fdt, uint32_t irq_parent)
{
	unsigned i;

	for (i = 0; i < phbs->nr_phbs; i++)
		add_phb(&phbs->phbs[i], phbs->rtas, fdt, irq_parent);
	for (i = 0; i < phbs->nr_buses; i++)
		papr_platform_bus_add_fdt(&phbs->buses[i], fdt, irq_parent);
}

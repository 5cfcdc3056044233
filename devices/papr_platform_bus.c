/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Platform devices of a PAPR guest. Their nodes follow the generic bindings (simple-bus, reg,
 * interrupts); ibm,my-dma-window is that of PAPR's virtual devices (PAPR B.6.9).
 */
#include "devices/papr_platform_bus.h"

#include <ctype.h>
#include <string.h>

#define NODE_NAME_SIZE 25	/* with its NUL; the binding has 31 characters at most */
#define LEVEL 1			/* sense of an interrupt at the controller */
#define EDGE 0
#define REG_CELLS 4
#define IRQ_CELLS 2

int papr_platform_bus_init(struct papr_platform_bus *bus, struct group *group, struct bus *to,
			   struct irqchip *irqchip, struct papr_dma_memory *dma, uint64_t gpa,
			   uint64_t room, uint32_t liobn)
{
	int err = platform_host_init(&bus->platform, group, to, irqchip, gpa, room, dma->log);

	if (err)
		return err;
	err = papr_ddw_init(&bus->ddw, dma, group, liobn);
	if (err)
		platform_host_exit(&bus->platform);
	return err;
}

/*
 * The part of the host's name that says what it is: of "serial.0" and "f0000000.serial", which are
 * how the host names devices without and with a node.
 */
static void choose_name(const struct group_device *device, char name[NODE_NAME_SIZE])
{
	const char *dot = strchr(device->name, '.'), *text = device->name;
	size_t length = strcspn(text, "."), i;

	if (strspn(text, "0123456789abcdef") == length && dot && isalpha((unsigned char)dot[1])) {
		text = dot + 1;
		length = strcspn(text, ".:");
	}
	if (!isalpha((unsigned char)text[0])) {
		text = "device";
		length = strlen(text);
	}
	for (i = 0; i < length && i < NODE_NAME_SIZE - 1; i++)
		name[i] = isalnum((unsigned char)text[i]) || strchr("-_+", text[i]) ? text[i] : '-';
	name[i] = '\0';
}

static void add_reg(const struct platform_device *device, struct fdt_writer *fdt)
{
	uint32_t reg[GROUP_REGION_COUNT * REG_CELLS], *cell = reg;
	unsigned i;

	for (i = 0; i < GROUP_REGION_COUNT; i++) {
		const struct platform_region *region = &device->regions[i];
		uint64_t at = region->gpa - device->host->gpa;

		if (!region->size)
			continue;
		*cell++ = FDT_HI(at);
		*cell++ = FDT_LO(at);
		*cell++ = FDT_HI(region->size);
		*cell++ = FDT_LO(region->size);
	}
	if (cell != reg)
		fdt_cells(fdt, "reg", reg, (size_t)(cell - reg));
}

static void add_interrupts(const struct platform_device *device, struct fdt_writer *fdt,
			   uint32_t irq_parent)
{
	uint32_t irqs[GROUP_MAX_IRQS * IRQ_CELLS], *cell = irqs;
	unsigned i;

	for (i = 0; i < GROUP_MAX_IRQS; i++) {
		if (!device->irqs[i].exists)
			continue;
		*cell++ = device->irqs[i].number;
		*cell++ = device->irqs[i].is_line ? LEVEL : EDGE;
	}
	if (cell == irqs)
		return;
	fdt_u32(fdt, "interrupt-parent", irq_parent);
	fdt_cells(fdt, "interrupts", irqs, (size_t)(cell - irqs));
}

/* The first region's address, or -1: the device has none. */
static int64_t unit_address(const struct platform_device *device)
{
	unsigned i;

	for (i = 0; i < GROUP_REGION_COUNT; i++) {
		if (device->regions[i].size)
			return (int64_t)(device->regions[i].gpa - device->host->gpa);
	}
	return -1;
}

static void add_device(const struct papr_platform_bus *bus, unsigned index,
		       struct fdt_writer *fdt, uint32_t irq_parent)
{
	const struct platform_device *device = &bus->platform.devices[index];
	const struct papr_tce_table *tce = &bus->ddw.tables[0];
	int64_t unit = unit_address(device);
	char name[NODE_NAME_SIZE];

	choose_name(device->group_device, name);
	if (unit >= 0)
		fdt_begin(fdt, "%s@%llx", name, (unsigned long long)unit);
	else
		fdt_begin(fdt, "%s-%u", name, index);
	fdt_bytes(fdt, "compatible", device->group_device->compatible,
		  device->group_device->compatible_size);
	add_reg(device, fdt);
	add_interrupts(device, fdt, irq_parent);
	FDT_CELLS(fdt, "ibm,my-dma-window", tce->liobn, FDT_HI(tce->window.iova),
		  FDT_LO(tce->window.iova), FDT_HI(tce->window.size), FDT_LO(tce->window.size));
	fdt_u32(fdt, "ibm,#dma-address-cells", 2);
	fdt_u32(fdt, "ibm,#dma-size-cells", 2);
	fdt_end(fdt);
}

void papr_platform_bus_add_fdt(const struct papr_platform_bus *bus, struct fdt_writer *fdt,
			       uint32_t irq_parent)
{
	static const char *const compatible[] = { "pvmm,platform-bus", "simple-bus" };
	const struct platform_host *platform = &bus->platform;
	unsigned i;

	fdt_begin(fdt, "platform-bus@%llx", (unsigned long long)platform->gpa);
	fdt_texts(fdt, "compatible", compatible, ARRAY_SIZE(compatible));
	fdt_u32(fdt, "#address-cells", 2);
	fdt_u32(fdt, "#size-cells", 2);
	FDT_CELLS(fdt, "ranges", 0, 0, FDT_HI(platform->gpa), FDT_LO(platform->gpa), FDT_HI(platform->size),
		  FDT_LO(platform->size));
	for (i = 0; i < platform->nr_devices; i++)
		add_device(bus, i, fdt, irq_parent);
	fdt_end(fdt);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A group of platform devices in a PAPR guest: a simple bus of its own in the device tree, with
 * a node for each device, and the group's DMA window as TCEs under a LIOBN.
 */
#ifndef PVMM_DEVICES_PAPR_PLATFORM_BUS_H
#define PVMM_DEVICES_PAPR_PLATFORM_BUS_H

#include "devices/papr_ddw.h"
#include "devices/platform.h"
#include "vmm/fdt.h"

struct papr_platform_bus {
	struct platform_host platform;
	struct papr_ddw ddw;	/* of which there is only the default window */
};

/*
 * At @gpa, @room bytes of which are the bus's. Interrupts are connected by platform_host_reset().
 * There is no exit: platform_host_exit() and then, when no device of the guest does DMA any more,
 * papr_ddw_exit(), as for bridges. 0, or a negative errno after one line on log; nothing held then.
 */
int papr_platform_bus_init(struct papr_platform_bus *bus, struct group *group, struct bus *to,
			   struct irqchip *irqchip, struct papr_dma_memory *dma, uint64_t gpa,
			   uint64_t room, uint32_t liobn);
/* A node at the root, whose #address-cells and #size-cells are 2. Errors stay in @fdt. */
void papr_platform_bus_add_fdt(const struct papr_platform_bus *bus, struct fdt_writer *fdt,
			       uint32_t irq_parent);

#endif

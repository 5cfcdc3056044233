/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PAPR PCI host bridges (PAPR 4.5, 7.3): one per group. RTAS config space and MSI calls by
 * BUID, nodes in the device tree, and the group's DMA window as TCEs under a LIOBN. A group of
 * platform devices has a bus of its own instead (papr_platform_bus.h), in the same place.
 */
#ifndef PVMM_DEVICES_PAPR_PHB_H
#define PVMM_DEVICES_PAPR_PHB_H

#include "devices/papr_ddw.h"
#include "devices/papr_eeh.h"
#include "devices/papr_platform_bus.h"
#include "devices/pci.h"
#include "vmm/fdt.h"
#include "vmm/papr/hcall.h"
#include "vmm/papr/rtas.h"

/* Guest-physical map: the bridge or bus of the guest's nth group owns [PAPR_PHB_GPA(n), +
 * PAPR_PHB_STRIDE). */
#define PAPR_PHB_BASE 0x200000000000ULL		/* 32 TiB: above any RAM */
#define PAPR_PHB_STRIDE 0x10000000000ULL	/* 1 TiB */
#define PAPR_PHB_GPA(n) (PAPR_PHB_BASE + (n) * PAPR_PHB_STRIDE)
#define PAPR_PHB_BUID(n) (0x800000020000000ULL + (n))
/* Of its default window; those of others follow. */
#define PAPR_PHB_LIOBN(n) (0x80000000U | (uint32_t)(n) << 16)

/* Inside it: IO at the start, 32-bit memory at its own bus address, 64-bit memory, whose bus
 * address is its gpa, from here on. */
#define PAPR_PHB_MEM32_PCI 0x80000000ULL
#define PAPR_PHB_MEM32_MAX (2 * GIB)
#define PAPR_PHB_MEM64_OFFSET 0x4000000000ULL	/* 256 GiB */

struct papr_phb {
	struct pci_host pci;
	struct papr_ddw ddw;
	struct papr_eeh eeh;
	unsigned number;
	uint64_t buid;
};

struct papr_phbs {
	struct guest_memory *memory;
	struct log *log;
	const struct rtas *rtas;
	struct papr_dma_memory dma;
	struct papr_errinjct errinjct;
	unsigned nr_phbs;
	struct papr_phb *phbs;
	unsigned nr_buses;
	struct papr_platform_bus *buses;	/* of groups of platform devices */
};

/*
 * One bridge or bus per group, BARs assigned, ready for the guest: decoding and DMA off. Registers the
 * RTAS calls and hypercalls. 0 or a negative errno after one line on log; nothing held
 * after a failure. @groups is borrowed; they have been reset, and the irqchip is there. @policy
 * is copied.
 */
int papr_phbs_init(struct papr_phbs *phbs, struct group **groups, unsigned nr_groups,
		   struct bus *bus, struct irqchip *irqchip, struct guest_memory *memory,
		   struct rtas *rtas, struct hcall_table *hcalls,
		   const struct papr_dma_policy *policy, struct log *log);
/*
 * Has @kernel, which outlives the bridges, handle the guest's TCE calls where it can; NULL: where
 * the operator does not want that. Says on log which way each bridge's go, and why. 0, or the
 * first error: calls of such a bridge are handled here, as they were. Before the guest runs.
 */
int papr_phbs_attach(struct papr_phbs *phbs, struct papr_tce_kernel *kernel);
/* The guest does not run any more. Devices can do no DMA and are out of the guest afterwards. */
void papr_phbs_exit(struct papr_phbs *phbs);
/* Has memory that is not needed for DMA any more unlocked, as papr_tce_give_back(). Any thread. */
void papr_phbs_give_back(struct papr_phbs *phbs, bool asked);
/*
 * A pci@BUID or platform-bus@GPA node for each, at the root, whose #address-cells and #size-cells are 2.
 * @irq_parent is the interrupt controller's phandle; it has #address-cells 0 and
 * #interrupt-cells 2. Errors stay in @fdt.
 */
void papr_phbs_add_fdt(struct papr_phbs *phbs, struct fdt_writer *fdt, uint32_t irq_parent);
/* What the bridges have to say inside the open /rtas node. Errors stay in @fdt. */
void papr_phbs_add_rtas(struct papr_phbs *phbs, struct fdt_writer *fdt);
/* The guest loaded from @gpa, where nothing answers. */
void papr_phbs_missed_load(struct papr_phbs *phbs, uint64_t gpa);

#endif

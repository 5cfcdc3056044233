/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The set of PAPR host bridges of a VM: making them, their place in the address map, reset. */
#include "devices/papr_phb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices/papr_phb_internal.h"

struct papr_phb *papr_phb_find(struct papr_phbs *phbs, uint64_t buid)
{
	unsigned i;

	for (i = 0; i < phbs->nr_phbs; i++) {
		if (phbs->phbs[i].buid == buid)
			return &phbs->phbs[i];
	}
	return NULL;
}

/* The bridge's own part of the address map, as much of each window as the BARs need. */
static int choose_windows(struct papr_phb *phb, struct pci_window windows[PCI_SPACE_COUNT])
{
	uint64_t base = PAPR_PHB_GPA(phb->number), mem64;
	struct pci_needs needs;

	pci_host_needs(&phb->pci, &needs);
	/* Without any range a bridge's addresses would count as the guest's own. */
	if (!needs.size[PCI_SPACE_MEM32])
		needs.size[PCI_SPACE_MEM32] = PCI_BAR_ALIGN;
	mem64 = align_up(base + PAPR_PHB_MEM64_OFFSET, needs.align[PCI_SPACE_MEM64]);
	windows[PCI_SPACE_IO] = (struct pci_window){
		.gpa = base, .pci = 0, .size = needs.size[PCI_SPACE_IO],
	};
	windows[PCI_SPACE_MEM32] = (struct pci_window){
		.gpa = base + PAPR_PHB_MEM32_PCI, .pci = PAPR_PHB_MEM32_PCI,
		.size = needs.size[PCI_SPACE_MEM32],
	};
	windows[PCI_SPACE_MEM64] = (struct pci_window){
		.gpa = mem64, .pci = mem64, .size = needs.size[PCI_SPACE_MEM64],
	};
	if (needs.size[PCI_SPACE_IO] > PAPR_PHB_MEM32_PCI ||
	    needs.size[PCI_SPACE_MEM32] > PAPR_PHB_MEM32_MAX ||
	    !range_within(mem64, needs.size[PCI_SPACE_MEM64], base, PAPR_PHB_STRIDE))
		return -ENOSPC;
	return 0;
}

static int assign(struct papr_phb *phb)
{
	struct pci_window windows[PCI_SPACE_COUNT];
	int err;

	err = choose_windows(phb, windows);
	if (!err)
		err = pci_host_assign(&phb->pci, windows);
	if (err)
		log_error(phb->pci.log, "%s: the BARs of its devices do not fit into one bridge "
			  "(2 GiB of 32-bit and 768 GiB of 64-bit addresses); split the group on "
			  "the host", phb->pci.group->path);
	return err;
}

/* Groups that have been taken are numbered from 0 on. */
static unsigned nr_groups_of(const struct papr_phbs *phbs)
{
	return phbs->nr_phbs + phbs->nr_buses;
}

static int phb_init(struct papr_phbs *phbs, struct group *group, struct bus *bus,
		    struct irqchip *irqchip)
{
	struct papr_phb *phb = &phbs->phbs[phbs->nr_phbs];
	int err;

	phb->number = nr_groups_of(phbs);
	phb->buid = PAPR_PHB_BUID(phb->number);
	err = pci_host_init(&phb->pci, group, bus, irqchip, phbs->log);
	if (err)
		return err;
	err = assign(phb);
	if (err)
		goto exit_pci;
	err = papr_ddw_init(&phb->ddw, &phbs->dma, group, PAPR_PHB_LIOBN(phb->number));
	if (err)
		goto exit_pci;
	err = papr_eeh_init(&phb->eeh, &phb->pci);
	if (err)
		goto exit_ddw;
	phbs->nr_phbs++;
	return 0;

exit_ddw:
	papr_ddw_exit(&phb->ddw);
exit_pci:
	pci_host_exit(&phb->pci);
	return err;
}

static int bus_init_for(struct papr_phbs *phbs, struct group *group, struct bus *bus,
			struct irqchip *irqchip)
{
	unsigned number = nr_groups_of(phbs);
	int err;

	err = papr_platform_bus_init(&phbs->buses[phbs->nr_buses], group, bus, irqchip, &phbs->dma,
				     PAPR_PHB_GPA(number), PAPR_PHB_STRIDE,
				     PAPR_PHB_LIOBN(number));
	if (!err)
		phbs->nr_buses++;
	return err;
}

static int init_group(struct papr_phbs *phbs, struct group *group, struct bus *bus,
		      struct irqchip *irqchip)
{
	if (group->bus == GROUP_BUS_PLATFORM)
		return bus_init_for(phbs, group, bus, irqchip);
	return phb_init(phbs, group, bus, irqchip);
}

static int register_calls(struct papr_phbs *phbs, struct rtas *rtas, struct hcall_table *hcalls)
{
	int err;

	err = papr_phb_register_rtas(phbs, rtas);
	if (!err)
		err = papr_ddw_register(phbs, rtas);
	if (!err && phbs->nr_phbs)
		err = papr_eeh_register(phbs, rtas);
	if (!err && phbs->nr_phbs)
		err = papr_errinjct_register(phbs, rtas);
	if (!err)
		err = papr_phb_register_hcalls(phbs, hcalls);
	if (err)
		log_error(phbs->log, "PCI: RTAS calls or hypercalls are served twice: %s",
			  strerror(-err));
	return err;
}

static int init_locks(struct papr_phbs *phbs, const struct papr_dma_policy *policy)
{
	int err = papr_errinjct_init(&phbs->errinjct);

	if (err)
		return err;
	err = papr_dma_memory_init(&phbs->dma, phbs->memory, policy, phbs->log);
	if (err)
		papr_errinjct_exit(&phbs->errinjct);
	return err;
}

static int start_groups(struct papr_phbs *phbs)
{
	unsigned i;
	int err = 0;

	for (i = 0; !err && i < phbs->nr_phbs; i++)
		err = pci_host_reset(&phbs->phbs[i].pci);
	for (i = 0; !err && i < phbs->nr_buses; i++)
		err = platform_host_reset(&phbs->buses[i].platform);
	return err;
}

int papr_phbs_init(struct papr_phbs *phbs, struct group **groups, unsigned nr_groups,
		   struct bus *bus, struct irqchip *irqchip, struct guest_memory *memory,
		   struct rtas *rtas, struct hcall_table *hcalls,
		   const struct papr_dma_policy *policy, struct log *log)
{
	unsigned i;
	int err;

	memset(phbs, 0, sizeof(*phbs));
	phbs->memory = memory;
	phbs->log = log;
	phbs->rtas = rtas;
	err = init_locks(phbs, policy);
	if (err) {
		log_error(log, "PCI: no lock for DMA memory: %s", strerror(-err));
		return err;
	}
	phbs->phbs = calloc(nr_groups, sizeof(*phbs->phbs));
	phbs->buses = calloc(nr_groups, sizeof(*phbs->buses));
	if ((!phbs->phbs || !phbs->buses) && nr_groups) {
		log_error(log, "PCI: not enough memory for %u bridges", nr_groups);
		err = -ENOMEM;
	}
	for (i = 0; !err && i < nr_groups; i++)
		err = init_group(phbs, groups[i], bus, irqchip);
	if (!err)
		err = register_calls(phbs, rtas, hcalls);
	if (!err)
		err = start_groups(phbs);
	if (!err && policy->all)
		err = papr_dma_register_all(&phbs->dma);
	if (err)
		papr_phbs_exit(phbs);
	return err;
}

/* The windows of each group's bridge or bus, in some order. */
static struct papr_ddw *ddw_at(struct papr_phbs *phbs, unsigned i)
{
	return i < phbs->nr_phbs ? &phbs->phbs[i].ddw : &phbs->buses[i - phbs->nr_phbs].ddw;
}

int papr_phbs_attach(struct papr_phbs *phbs, struct papr_tce_kernel *kernel)
{
	int err = 0, ret;
	unsigned i;

	phbs->dma.kernel = kernel;
	for (i = 0; i < nr_groups_of(phbs); i++) {
		struct papr_tce_table *table = &ddw_at(phbs, i)->tables[0];

		ret = kernel ? papr_tce_attach(table) : 0;
		papr_tce_tell_level(table);
		err = err ? err : ret;
	}
	return err;
}

void papr_phbs_give_back(struct papr_phbs *phbs, bool asked)
{
	papr_tce_give_back(&phbs->dma, asked);
}

/* DMA stops before its mappings go: a device that misses one gets its group frozen by the host. */
void papr_phbs_exit(struct papr_phbs *phbs)
{
	unsigned i;

	for (i = phbs->nr_phbs; i-- > 0;) {
		papr_eeh_exit(&phbs->phbs[i].eeh);
		pci_host_exit(&phbs->phbs[i].pci);
	}
	papr_errinjct_exit(&phbs->errinjct);
	for (i = phbs->nr_buses; i-- > 0;)
		platform_host_exit(&phbs->buses[i].platform);
	for (i = nr_groups_of(phbs); i-- > 0;)
		papr_ddw_close(ddw_at(phbs, i));
	for (i = nr_groups_of(phbs); i-- > 0;)
		papr_ddw_exit(ddw_at(phbs, i));
	phbs->nr_phbs = 0;
	phbs->nr_buses = 0;
	free(phbs->buses);
	free(phbs->phbs);
	phbs->buses = NULL;
	phbs->phbs = NULL;
	papr_dma_memory_exit(&phbs->dma);
}

void papr_phbs_add_rtas(struct papr_phbs *phbs, struct fdt_writer *fdt)
{
	if (!phbs->nr_phbs)
		return;
	papr_eeh_add_rtas(fdt);
	papr_errinjct_add_rtas(fdt);
}

void papr_phbs_missed_load(struct papr_phbs *phbs, uint64_t gpa)
{
	uint64_t number = (gpa - PAPR_PHB_BASE) / PAPR_PHB_STRIDE;
	unsigned i;

	for (i = 0; gpa >= PAPR_PHB_BASE && i < phbs->nr_phbs; i++) {
		struct papr_phb *phb = &phbs->phbs[i];

		if (phb->number == number && pci_host_has_address(&phb->pci, gpa))
			papr_eeh_missed_load(&phb->eeh);
	}
}

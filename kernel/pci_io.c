// SPDX-License-Identifier: GPL-2.0-only
/*
 * I/O BARs as mapped ranges, where a host bridge's I/O space is a range of memory. VFIO's PCI code
 * maps memory BARs alone. An I/O BAR is smaller than a page, so what is mapped is the pages that
 * hold it, and only if nobody outside of the group has a port there.
 *
 * VFIO's code takes mappings of all BARs away at a reset, when the device loses power and when
 * memory decoding ends; here they are taken away when I/O decoding ends.
 */
#include <linux/io.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include <asm/pci-bridge.h>

#include "pci.h"

#define BAR_PAGES BIT_ULL(VFIO_PCI_OFFSET_SHIFT - PAGE_SHIFT)	/* in a file, for each BAR */
#define LEGACY_END 0x1000	/* ports below are decoded by devices that have no BAR for them */
#define ISA_END 0x10000

/* The pages that hold a BAR, in its host bridge's I/O space, which begins with a page. */
struct io_pages {
	struct pci_controller *bridge;
	u64 address;		/* of the BAR */
	u64 start, end;		/* of the pages */
};

static bool find_pages(struct pci_dev *pdev, unsigned int bar, struct io_pages *pages)
{
	const struct resource *res = &pdev->resource[bar];
	struct pci_controller *bridge = pci_bus_to_host(pdev->bus);

	if (!(res->flags & IORESOURCE_IO) || (res->flags & IORESOURCE_UNSET) ||
	    !pci_resource_len(pdev, bar))
		return false;
	if (!bridge->io_base_phys || !PAGE_ALIGNED(bridge->io_base_phys))
		return false;
	pages->bridge = bridge;
	pages->address = res->start - ((unsigned long)bridge->io_base_virt - _IO_BASE);
	pages->start = ALIGN_DOWN(pages->address, PAGE_SIZE);
	pages->end = ALIGN(pages->address + resource_size(res), PAGE_SIZE);
	return pages->start < pages->end && pages->end <= bridge->pci_io_size;
}

static bool has_isa(const struct pci_controller *bridge)
{
	return isa_bridge_pcidev && pci_bus_to_host(isa_bridge_pcidev->bus) == bridge;
}

/* Windows of bridges count as ports: what comes to be behind them has its own there. */
static bool has_ports(struct pci_dev *pdev, const struct io_pages *pages)
{
	unsigned long base = (unsigned long)pages->bridge->io_base_virt - _IO_BASE;
	const struct resource *res;

	if (pages->start < LEGACY_END)
		return true;
	pci_dev_for_each_resource(pdev, res) {
		if ((res->flags & IORESOURCE_IO) && resource_size(res) &&
		    res->start < base + pages->end && res->end >= base + pages->start)
			return true;
	}
	return false;
}

struct io_walk {
	struct devgroup *group;
	const struct io_pages *pages;
	bool strangers;
};

static int look_for_strangers(struct pci_dev *pdev, void *data)
{
	struct io_walk *walk = data;
	struct iommu_group *iommu_group;

	if (!has_ports(pdev, walk->pages))
		return 0;
	iommu_group = iommu_group_get(&pdev->dev);
	walk->strangers = !iommu_group || !devgroup_has_member(walk->group, iommu_group);
	iommu_group_put(iommu_group);
	return walk->strangers;
}

/* Nobody but the group's devices decodes anything in the pages. */
static bool are_the_groups(const struct io_pages *pages, struct devgroup *group)
{
	struct io_walk walk = { .group = group, .pages = pages };

	if (has_isa(pages->bridge) && pages->start < ISA_END)
		return false;
	pci_walk_bus(pages->bridge->bus, look_for_strangers, &walk);
	return !walk.strangers;
}

/* Without VFIO_REGION_INFO_FLAG_MMAP: who does not know the capability would find no BAR there. */
static long tell(const struct vfio_region_info *asked, u64 size, const struct io_pages *pages,
		 void __user *arg)
{
	struct { struct vfio_region_info info; struct devgroup_region_io io; } answer = {
		.info = {
			.argsz = sizeof(answer),
			.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
				 VFIO_REGION_INFO_FLAG_CAPS,
			.index = asked->index,
			.size = size,
			.offset = VFIO_PCI_INDEX_TO_OFFSET(asked->index),
		},
		.io = {
			.id = DEVGROUP_REGION_IO,
			.version = DEVGROUP_REGION_IO_VERSION,
			.address = pages->address,
		},
	};

	if (asked->argsz < sizeof(answer))
		return copy_to_user(arg, &answer.info, sizeof(answer.info)) ? -EFAULT : 0;
	answer.info.argsz = asked->argsz;
	answer.info.cap_offset = offsetof(typeof(answer), io);
	return copy_to_user(arg, &answer, sizeof(answer)) ? -EFAULT : 0;
}

/* What may be mapped is decided here, where the locks of the PCI bus may be taken. */
long devgroup_io_region_info(struct devgroup_pci *pci, void __user *arg)
{
	struct pci_dev *pdev = pci->core.pdev;
	struct vfio_region_info asked;
	struct io_pages pages;
	unsigned int bar;
	int ret = devgroup_copy_argument(&asked, sizeof(asked), arg);

	if (ret)
		return ret;
	bar = array_index_nospec(asked.index, PCI_STD_NUM_BARS);
	if (asked.index >= PCI_STD_NUM_BARS || !find_pages(pdev, bar, &pages) ||
	    !are_the_groups(&pages, pci->base.use->group))
		return -ENOENT;
	set_bit(bar, &pci->io_bars);
	return tell(&asked, pci_resource_len(pdev, bar), &pages, arg);
}

/* vfio_pci_core maps no such BAR. */
static bool is_io(const struct devgroup_pci *pci, const struct vm_area_struct *vma)
{
	u64 bar = vma->vm_pgoff / BAR_PAGES;

	return bar < PCI_STD_NUM_BARS &&
	       (pci->core.pdev->resource[array_index_nospec(bar, PCI_STD_NUM_BARS)].flags &
		IORESOURCE_IO);
}

/* As the user has set it. */
static bool decodes_io(const struct devgroup_pci *pci)
{
	return pci->core.vconfig[PCI_COMMAND] & PCI_COMMAND_IO;
}

static bool has_power(const struct pci_dev *pdev)
{
	return pdev->current_state != PCI_D3hot && pdev->current_state != PCI_D3cold;
}

static vm_fault_t io_fault(struct devgroup_pci *pci, struct vm_fault *vmf)
{
	struct pci_dev *pdev = pci->core.pdev;
	vm_fault_t ret = VM_FAULT_SIGBUS;
	struct io_pages pages;
	u64 phys;

	if (!find_pages(pdev, vmf->pgoff / BAR_PAGES, &pages))
		return ret;
	phys = pages.bridge->io_base_phys + pages.start;
	down_read(&pci->core.memory_lock);
	if (!pci->io_hidden && decodes_io(pci) && has_power(pdev))
		ret = vmf_insert_pfn(vmf->vma, vmf->address,
				     PHYS_PFN(phys) + vmf->pgoff % BAR_PAGES);
	up_read(&pci->core.memory_lock);
	return ret;
}

/* All mappings of the device have the same functions. */
static vm_fault_t pci_fault(struct vm_fault *vmf)
{
	struct devgroup_pci *pci = container_of(vmf->vma->vm_private_data, struct devgroup_pci,
						core);

	return is_io(pci, vmf->vma) ? io_fault(pci, vmf) : pci->core_vm_ops->fault(vmf);
}

static const struct vm_operations_struct pci_vm_ops = {
	.fault = pci_fault,
};

static int io_mmap(struct devgroup_pci *pci, struct vm_area_struct *vma)
{
	unsigned int bar = array_index_nospec(vma->vm_pgoff / BAR_PAGES, PCI_STD_NUM_BARS);
	struct io_pages pages;

	if (!(vma->vm_flags & VM_SHARED) || !test_bit(bar, &pci->io_bars) ||
	    !find_pages(pci->core.pdev, bar, &pages) ||
	    vma->vm_pgoff % BAR_PAGES + vma_pages(vma) > PHYS_PFN(pages.end - pages.start))
		return -EINVAL;
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	vma->vm_private_data = &pci->core;
	return 0;
}

int devgroup_pci_mmap(struct devgroup_pci *pci, struct vm_area_struct *vma)
{
	int ret;

	if (is_io(pci, vma)) {
		ret = io_mmap(pci, vma);
	} else {
		ret = vfio_pci_core_mmap(&pci->core.vdev, vma);
		if (!ret)
			WRITE_ONCE(pci->core_vm_ops, vma->vm_ops);
	}
	if (!ret)
		vma->vm_ops = &pci_vm_ops;
	return ret;
}

static void zap(struct devgroup_pci *pci)
{
	unsigned long bar;

	for_each_set_bit(bar, &pci->io_bars, PCI_STD_NUM_BARS)
		unmap_mapping_range(pci->core.vdev.inode->i_mapping, VFIO_PCI_INDEX_TO_OFFSET(bar),
				    BAR_PAGES << PAGE_SHIFT, true);
}

/* Whoever is the last to change COMMAND comes last here, and sees what it has become. */
static void hide(struct devgroup_pci *pci, bool ahead)
{
	down_write(&pci->base.fault_lock);
	pci->io_hidden = ahead || !decodes_io(pci);
	if (pci->io_hidden)
		zap(pci);
	up_write(&pci->base.fault_lock);
}

/* What the user writes may be something else by the time that it is written: see the end. */
void devgroup_io_begin_write(struct devgroup_pci *pci, const char __user *buf, size_t count,
			     loff_t offset)
{
	ssize_t at = devgroup_config_at(PCI_COMMAND, count, offset);
	u8 command;

	if (pci->io_bars && at >= 0 && !get_user(command, (const u8 __user *)buf + at) &&
	    !(command & PCI_COMMAND_IO))
		hide(pci, true);
}

void devgroup_io_end_write(struct devgroup_pci *pci, size_t count, loff_t offset)
{
	if (pci->io_bars && devgroup_config_at(PCI_COMMAND, count, offset) >= 0)
		hide(pci, false);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Says in words why the devices of a group belong together. The kernel does not keep its reasons;
 * they are found again in the PCI topology, in the order in which they tie devices together:
 * a shared requester id, what the platform can tell apart, missing ACS.
 */
#include <linux/pci.h>

#include "devgroups.h"
#ifdef CONFIG_PPC64
#include <asm/firmware.h>
#endif

/* What the PCI devices of a group have in common; fields are NULL or false if nothing. */
struct common {
	struct pci_dev *first;
	struct pci_dev *alias;	/* the bridge whose requester id stands for all of them */
	unsigned int count;
	bool other;		/* there are devices that are not PCI */
	bool same_bus, same_slot, same_domain;
};

/* Conventional PCI has no requester id: the bridge to PCI Express puts one of its own in place. */
static bool replaces_id(struct pci_dev *pdev)
{
	return pci_is_bridge(pdev) &&
	       (!pci_is_pcie(pdev) || pci_pcie_type(pdev) == PCI_EXP_TYPE_PCI_BRIDGE);
}

/* The bridge nearest to the host that replaces the device's requester id; NULL: it keeps it. */
static struct pci_dev *alias_of(struct pci_dev *pdev)
{
	struct pci_dev *alias = NULL;

	for (; pdev; pdev = pci_upstream_bridge(pdev)) {
		if (replaces_id(pdev))
			alias = pdev;
	}
	return alias;
}

static void compare(struct common *common, struct pci_dev *pdev)
{
	struct pci_dev *first = common->first;

	if (alias_of(pdev) != common->alias)
		common->alias = NULL;
	common->same_domain &= pci_domain_nr(pdev->bus) == pci_domain_nr(first->bus);
	common->same_bus &= pdev->bus == first->bus;
	common->same_slot &= pdev->bus == first->bus &&
			     PCI_SLOT(pdev->devfn) == PCI_SLOT(first->devfn);
}

static void find_common(struct devgroup_member *member, struct common *common)
{
	struct devgroup_device *ddev;
	struct pci_dev *pdev;

	*common = (struct common){ .same_bus = true, .same_slot = true, .same_domain = true };
	list_for_each_entry(ddev, &member->group->devices, link) {
		if (ddev->member != member)
			continue;
		common->count++;
		if (!dev_is_pci(ddev->dev)) {
			common->other = true;
			continue;
		}
		pdev = to_pci_dev(ddev->dev);
		if (!common->first) {
			common->first = pdev;
			common->alias = alias_of(pdev);
		}
		compare(common, pdev);
	}
}

/* What keeps @port from sending all traffic to the IOMMU, in words; NULL: nothing does. */
static const char *acs_lack(struct pci_dev *port)
{
	const u16 needed = PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF;
	int acs = pci_find_ext_capability(port, PCI_EXT_CAP_ID_ACS);
	u16 control;

	if (!acs)
		return "which has no ACS";
	pci_read_config_word(port, acs + PCI_ACS_CTRL, &control);
	return (control & needed) == needed ? NULL : "whose ACS is not on";
}

/* The port nearest to @pdev, itself included, that lets traffic turn around below the IOMMU. */
static struct pci_dev *port_without_acs(struct pci_dev *pdev, const char **lack)
{
	struct pci_dev *port;

	for (port = pdev; port; port = pci_upstream_bridge(port)) {
		if (pci_pcie_type(port) != PCI_EXP_TYPE_ROOT_PORT &&
		    pci_pcie_type(port) != PCI_EXP_TYPE_DOWNSTREAM)
			continue;
		*lack = acs_lack(port);
		if (*lack)
			return port;
	}
	return NULL;
}

/* What the IOMMU of the platform tells apart. 0: nothing to say. */
static int platform_reason(const struct common *common, char *buf, int at)
{
#ifdef CONFIG_PPC64
	if (firmware_has_feature(FW_FEATURE_LPAR) && common->same_domain)
		return sysfs_emit_at(buf, at, "all devices of PCI host bridge %04x, which the hypervisor isolates as a whole\n",
				     pci_domain_nr(common->first->bus));
	if (firmware_has_feature(FW_FEATURE_OPAL) && common->same_bus)
		return sysfs_emit_at(buf, at, "all functions on bus %04x:%02x, which the PCI host bridge isolates as a whole\n",
				     pci_domain_nr(common->first->bus), common->first->bus->number);
#endif
	return 0;
}

static int acs_reason(const struct common *common, char *buf, int at)
{
	struct pci_dev *port;
	const char *lack;

	if (common->same_slot)
		return sysfs_emit_at(buf, at, "functions of one device, %04x:%02x:%02x, with nothing (no ACS) to keep them apart\n",
				     pci_domain_nr(common->first->bus), common->first->bus->number,
				     PCI_SLOT(common->first->devfn));
	port = port_without_acs(common->first, &lack);
	if (port)
		return sysfs_emit_at(buf, at, "traffic can turn around at %s, %s, without passing the IOMMU\n",
				     pci_name(port), lack);
	return sysfs_emit_at(buf, at, "the IOMMU driver does not tell them apart\n");
}

static int member_reason(struct devgroup_member *member, char *buf, int at)
{
	struct common common;
	int length;

	find_common(member, &common);
	if (common.count == 1)
		return sysfs_emit_at(buf, at, "isolated from all other devices\n");
	if (common.other)
		return sysfs_emit_at(buf, at, "the IOMMU driver does not tell them apart\n");
	if (common.alias)
		return sysfs_emit_at(buf, at, "behind bridge %s, whose requester id stands for all of them\n",
				     pci_name(common.alias));
	length = platform_reason(&common, buf, at);
	return length ?: acs_reason(&common, buf, at);
}

int devgroup_reason(struct devgroup *group, char *buf)
{
	struct devgroup_member *member;
	bool merged = !list_is_singular(&group->members);
	int at = 0;

	if (merged)
		at += sysfs_emit_at(buf, at, "merged by the administrator\n");
	devgroup_for_each_member(member, group) {
		if (merged)
			at += sysfs_emit_at(buf, at, "%d: ", iommu_group_id(member->iommu_group));
		at += member_reason(member, buf, at);
	}
	return at;
}

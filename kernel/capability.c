// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a group's hardware can do: its capability flags and its DMA windows. A flag is there only
 * if it is true of all members, and a window's limits are what all members have in common.
 */
#include <linux/iommu.h>

#include "devgroups.h"

#ifdef CONFIG_SPAPR_TCE_IOMMU
#include <asm/eeh.h>
#include <asm/firmware.h>
#include <asm/iommu.h>

/* Limits of the member's TCE tables, set once when the IOMMU group was made; NULL: it has none. */
static struct iommu_table_group *table_group(struct devgroup_member *member)
{
	if (!firmware_has_feature(FW_FEATURE_OPAL) && !firmware_has_feature(FW_FEATURE_LPAR))
		return NULL;
	return iommu_group_get_iommudata(member->iommu_group);
}

static void intersect(struct devgroup_tce_limits *limits, const struct iommu_table_group *tables)
{
	u64 end = min(limits->start + limits->size, (u64)tables->tce32_start + tables->tce32_size);

	limits->start = max(limits->start, (u64)tables->tce32_start);
	limits->size = end > limits->start ? end - limits->start : 0;
	limits->page_sizes &= tables->pgsizes;
	limits->max_dynamic = min(limits->max_dynamic, tables->max_dynamic_windows_supported);
	limits->max_levels = min(limits->max_levels, tables->max_levels);
}

/* Narrows the limits to what holds of the group, too; false: a member has no tables. */
static bool add_limits(struct devgroup *group, struct devgroup_tce_limits *limits)
{
	struct iommu_table_group *tables;
	struct devgroup_member *member;

	devgroup_for_each_member(member, group) {
		tables = table_group(member);
		if (!tables)
			return false;
		intersect(limits, tables);
	}
	return true;
}

#define NO_LIMITS ((struct devgroup_tce_limits){ \
	.size = U64_MAX, .page_sizes = U64_MAX, .max_dynamic = U32_MAX, .max_levels = U32_MAX })

bool devgroup_tce_limits(struct devgroup *group, struct devgroup_tce_limits *limits)
{
	*limits = NO_LIMITS;
	return add_limits(group, limits);
}

/*
 * A table can be put into several PEs of bare metal. To an LPAR the hypervisor gives a table for
 * each PE, and there is no way to use it for another.
 */
static bool can_share_tables(struct devgroup *group, struct devgroup *other)
{
	struct devgroup_tce_limits limits = NO_LIMITS;

	if (firmware_has_feature(FW_FEATURE_LPAR))
		return false;
	return add_limits(group, &limits) && add_limits(other, &limits) &&
	       limits.size && limits.page_sizes;
}

/* An MSI comes from a partitionable endpoint, and the host bridge (or the hypervisor) checks it. */
static bool guards_msix_table(struct devgroup_member *member)
{
	return table_group(member);
}

/* As the kernel finds it by the IOMMU group, but by a device that the entry keeps. */
static bool has_eeh(struct devgroup_member *member)
{
	struct devgroup_device *ddev;
	struct eeh_dev *edev;

	list_for_each_entry(ddev, &member->group->devices, link) {
		edev = ddev->member == member ? ddev->dev->archdata.edev : NULL;
		if (edev)
			return eeh_enabled() && eeh_dev_to_pe(edev);
	}
	return false;
}
#else
bool devgroup_tce_limits(struct devgroup *group, struct devgroup_tce_limits *limits)
{
	return false;
}

static bool can_share_tables(struct devgroup *group, struct devgroup *other)
{
	return true;
}

static bool guards_msix_table(struct devgroup_member *member)
{
	return iommu_group_has_isolated_msi(member->iommu_group);
}

static bool has_eeh(struct devgroup_member *member)
{
	return false;
}
#endif

/* The driver of the IOMMU that the group is behind; NULL: the group was made without one. */
static const struct iommu_ops *iommu_ops_of(struct devgroup *group)
{
	struct devgroup_device *first;

	first = list_first_entry(&group->devices, struct devgroup_device, link);
	return first->dev->iommu ? first->dev->iommu->iommu_dev->ops : NULL;
}

bool devgroup_can_share_dma(struct devgroup *group, struct devgroup *other)
{
	return iommu_ops_of(group) == iommu_ops_of(other) && can_share_tables(group, other);
}

static bool all_members(struct devgroup *group, bool (*has)(struct devgroup_member *member))
{
	struct devgroup_member *member;

	devgroup_for_each_member(member, group) {
		if (!has(member))
			return false;
	}
	return true;
}

static bool has_ddw(struct devgroup *group)
{
	struct devgroup_tce_limits limits;

	return devgroup_tce_limits(group, &limits) && limits.max_dynamic;
}

/* Page sizes as a bit mask: a table of the default window has 4K pages in any case. */
int devgroup_dma_windows(struct devgroup *group, char *buf)
{
	struct devgroup_tce_limits limits;
	int at;

	if (!devgroup_tce_limits(group, &limits))
		return 0;
	at = sysfs_emit(buf, "default 0x%llx 0x%llx\n", limits.start, limits.size);
	if (!limits.max_dynamic)
		return at;
	at += sysfs_emit_at(buf, at, "dynamic %u\n", limits.max_dynamic);
	at += sysfs_emit_at(buf, at, "page_sizes 0x%llx\n", limits.page_sizes);
	at += sysfs_emit_at(buf, at, "levels %u\n", limits.max_levels);
	return at;
}

static const struct {
	u64 bit;
	const char *name;
} capabilities[] = {
	{ DEVGROUP_CAP_MSIX_TABLE_GUARDED, "msix-table-guarded" },
	{ DEVGROUP_CAP_EEH, "eeh" },
	{ DEVGROUP_CAP_FREEZE, "freeze" },
	{ DEVGROUP_CAP_DDW, "ddw" },
};

u64 devgroup_capability_mask(struct devgroup *group)
{
	u64 mask = DEVGROUP_CAP_FREEZE;

	if (all_members(group, guards_msix_table))
		mask |= DEVGROUP_CAP_MSIX_TABLE_GUARDED;
	if (all_members(group, has_eeh))
		mask |= DEVGROUP_CAP_EEH;
	if (has_ddw(group))
		mask |= DEVGROUP_CAP_DDW;
	return mask;
}

int devgroup_capabilities(struct devgroup *group, char *buf)
{
	u64 mask = devgroup_capability_mask(group);
	int at = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(capabilities); i++) {
		if (mask & capabilities[i].bit)
			at += sysfs_emit_at(buf, at, "%s\n", capabilities[i].name);
	}
	return at;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a group's hardware can do: its capability flags and its DMA windows. A flag is there only
 * if it is true of the whole group.
 */
#include <linux/iommu.h>

#include "devgroups.h"

#ifdef CONFIG_SPAPR_TCE_IOMMU
#include <asm/eeh.h>
#include <asm/firmware.h>
#include <asm/iommu.h>

/* Limits of the group's TCE tables, set once when the group was made; NULL: it has none. */
static struct iommu_table_group *table_group(struct devgroup *group)
{
	if (!firmware_has_feature(FW_FEATURE_OPAL) && !firmware_has_feature(FW_FEATURE_LPAR))
		return NULL;
	return iommu_group_get_iommudata(group->iommu_group);
}

/* An MSI comes from a partitionable endpoint, and the host bridge (or the hypervisor) checks it. */
static bool guards_msix_table(struct devgroup *group)
{
	return table_group(group);
}

static bool has_eeh(struct devgroup *group)
{
	return eeh_enabled() && eeh_iommu_group_to_pe(group->iommu_group);
}

static bool has_ddw(struct devgroup *group)
{
	struct iommu_table_group *tables = table_group(group);

	return tables && tables->max_dynamic_windows_supported;
}

/* Page sizes as a bit mask: a table of the default window has 4K pages in any case. */
int devgroup_dma_windows(struct devgroup *group, char *buf)
{
	struct iommu_table_group *tables = table_group(group);
	int at;

	if (!tables)
		return 0;
	at = sysfs_emit(buf, "default 0x%x 0x%x\n", tables->tce32_start, tables->tce32_size);
	if (!tables->max_dynamic_windows_supported)
		return at;
	at += sysfs_emit_at(buf, at, "dynamic %u\n", tables->max_dynamic_windows_supported);
	at += sysfs_emit_at(buf, at, "page_sizes 0x%llx\n", tables->pgsizes);
	at += sysfs_emit_at(buf, at, "levels %u\n", tables->max_levels);
	return at;
}
#else
static bool guards_msix_table(struct devgroup *group)
{
	return iommu_group_has_isolated_msi(group->iommu_group);
}

static bool has_eeh(struct devgroup *group)
{
	return false;
}

static bool has_ddw(struct devgroup *group)
{
	return false;
}

int devgroup_dma_windows(struct devgroup *group, char *buf)
{
	return 0;
}
#endif

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

	if (guards_msix_table(group))
		mask |= DEVGROUP_CAP_MSIX_TABLE_GUARDED;
	if (has_eeh(group))
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

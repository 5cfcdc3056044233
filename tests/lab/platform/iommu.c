// SPDX-License-Identifier: GPL-2.0-only
/*
 * An IOMMU in software, as POWER has them: a group with two windows at most, each a table of
 * translation entries (TCEs). No device gets through it that has no window, so neither does one
 * with a host driver.
 */
#include <linux/iommu.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>
#include <asm/iommu.h>
#include <asm/tce.h>

#include "module.h"

#define WINDOW_SIZE SZ_1G
#define SECOND_START BIT_ULL(59)
#define PAGE_SIZES (SZ_4K | SZ_64K)
#define TCE_FLAGS (TCE_PCI_READ | TCE_PCI_WRITE)

struct lab_table {
	struct iommu_table base; /* first: the kernel frees it */
	u64 *entries;		/* owned; vmalloc */
};

/* What is in the windows, and whether an entry is in use by the device. */
static DEFINE_SPINLOCK(tables_lock);
/* References. The group shows the same to those who look there, unless they are to see none. */
static struct iommu_table *programmed[IOMMU_TABLE_GROUP_MAX_TABLES];
static struct iommu_table_group tables;
static struct iommu_device iommu;
static struct fwnode_handle *node;

static struct lab_table *to_lab(struct iommu_table *table)
{
	return container_of(table, struct lab_table, base);
}

static int table_xchg(struct iommu_table *table, long index, unsigned long *hpa,
		      enum dma_data_direction *direction)
{
	u64 *entry = &to_lab(table)->entries[index - table->it_offset];
	u64 tce = *hpa | iommu_direction_to_tce_perm(*direction);

	tce = xchg(entry, tce);
	*hpa = tce & ~(u64)TCE_FLAGS;
	*direction = iommu_tce_direction(tce);
	return 0;
}

/* Nothing is cached, but an access may be under way. */
static void table_kill(struct iommu_table *table, unsigned long index, unsigned long pages)
{
	unsigned long flags;

	spin_lock_irqsave(&tables_lock, flags);
	spin_unlock_irqrestore(&tables_lock, flags);
}

static unsigned long table_get(struct iommu_table *table, long index)
{
	return READ_ONCE(to_lab(table)->entries[index - table->it_offset]);
}

static __be64 *table_user_address(struct iommu_table *table, long index, bool alloc)
{
	return table->it_userspace + index - table->it_offset;
}

static void table_free(struct iommu_table *table)
{
	vfree(to_lab(table)->entries);
	vfree(table->it_userspace);
}

static struct iommu_table_ops table_ops = {
	.xchg_no_kill = table_xchg,
	.tce_kill = table_kill,
	.useraddrptr = table_user_address,
	.get = table_get,
	.free = table_free,
};

static unsigned long get_table_size(u32 page_shift, u64 size, u32 levels)
{
	return levels == 1 ? (size >> page_shift) * sizeof(u64) : 0;
}

static long create_table(struct iommu_table_group *group, int num, u32 page_shift, u64 size,
			 u32 levels, struct iommu_table **created)
{
	struct lab_table *table = kzalloc(sizeof(*table), GFP_KERNEL);

	if (!table)
		return -ENOMEM;
	table->base.it_page_shift = page_shift;
	table->base.it_size = size >> page_shift;
	table->base.it_offset = num ? SECOND_START >> page_shift : 0;
	table->base.it_ops = &table_ops;
	INIT_LIST_HEAD_RCU(&table->base.it_group_list);
	kref_init(&table->base.it_kref);
	table->entries = vzalloc(table->base.it_size * sizeof(u64));
	table->base.it_userspace = vzalloc(table->base.it_size * sizeof(u64));
	if (!table->entries || !table->base.it_userspace) {
		iommu_tce_table_put(&table->base);
		return -ENOMEM;
	}
	*created = &table->base;
	return 0;
}

static struct iommu_table *exchange_window(int num, struct iommu_table *table)
{
	unsigned long flags;

	spin_lock_irqsave(&tables_lock, flags);
	swap(programmed[num], table);
	tables.tables[num] = programmed[num];
	spin_unlock_irqrestore(&tables_lock, flags);
	return table;
}

static long set_window(struct iommu_table_group *group, int num, struct iommu_table *table)
{
	struct iommu_table *before = exchange_window(num, iommu_tce_table_get(table));

	if (before)
		iommu_tce_table_put(before);
	return 0;
}

static long unset_window(struct iommu_table_group *group, int num)
{
	struct iommu_table *before = exchange_window(num, NULL);

	if (before)
		iommu_tce_table_put(before);
	return 0;
}

/* There is nothing of the kernel's own in it. */
static long take_ownership(struct iommu_table_group *group, struct device *dev)
{
	return 0;
}

static void release_ownership(struct iommu_table_group *group, struct device *dev)
{
}

static struct iommu_table_group_ops group_ops = {
	.get_table_size = get_table_size,
	.create_table = create_table,
	.set_window = set_window,
	.unset_window = unset_window,
	.take_ownership = take_ownership,
	.release_ownership = release_ownership,
};

static struct iommu_table_group tables = {
	.tce32_start = 0,
	.tce32_size = WINDOW_SIZE,
	.pgsizes = PAGE_SIZES,
	.max_dynamic_windows_supported = IOMMU_TABLE_GROUP_MAX_TABLES,
	.max_levels = 1,
	.ops = &group_ops,
};

static int attach_domain(struct iommu_domain *domain, struct device *dev)
{
	return 0;
}

static const struct iommu_domain_ops domain_ops = {
	.attach_dev = attach_domain,
};

static struct iommu_domain platform_domain = {
	.type = IOMMU_DOMAIN_PLATFORM,
	.ops = &domain_ops,
};

static struct iommu_domain blocked_domain = {
	.type = IOMMU_DOMAIN_BLOCKED,
	.ops = &domain_ops,
};

static bool iommu_is_capable(struct device *dev, enum iommu_cap cap)
{
	return cap == IOMMU_CAP_CACHE_COHERENCY;
}

static struct iommu_device *probe_device(struct device *dev)
{
	return &iommu;
}

static struct iommu_group *device_group(struct device *dev)
{
	struct iommu_group *group = iommu_group_alloc();

	if (!IS_ERR(group))
		iommu_group_set_iommudata(group, &tables, NULL);
	return group;
}

static const struct iommu_ops iommu_ops = {
	.default_domain = &platform_domain,
	.blocked_domain = &blocked_domain,
	.capable = iommu_is_capable,
	.probe_device = probe_device,
	.device_group = device_group,
	.owner = THIS_MODULE,
};

/* The word's place in memory for an access of that kind, or NULL. tables_lock held. */
static u32 *translate(u64 address, u64 wanted)
{
	struct iommu_table *table;
	u64 entry, tce;
	int i;

	for (i = 0; i < IOMMU_TABLE_GROUP_MAX_TABLES; i++) {
		table = programmed[i];
		if (!table)
			continue;
		entry = (address >> table->it_page_shift) - table->it_offset;
		if (entry >= table->it_size)
			continue;
		tce = READ_ONCE(to_lab(table)->entries[entry]);
		if (!(tce & wanted))
			return NULL;
		return __va((tce & ~(u64)TCE_FLAGS) +
			    (address & (BIT_ULL(table->it_page_shift) - 1)));
	}
	return NULL;
}

bool lab_iommu_read(u64 address, u32 *value)
{
	u32 *word;

	spin_lock_irq(&tables_lock);
	word = translate(address, TCE_PCI_READ);
	if (word)
		*value = READ_ONCE(*word);
	spin_unlock_irq(&tables_lock);
	return word;
}

bool lab_iommu_write(u64 address, u32 value)
{
	u32 *word;

	spin_lock_irq(&tables_lock);
	word = translate(address, TCE_PCI_WRITE);
	if (word)
		WRITE_ONCE(*word, value);
	spin_unlock_irq(&tables_lock);
	return word;
}

int lab_iommu_attach(struct platform_device *pdev)
{
	return iommu_fwspec_init(&pdev->dev, node);
}

int lab_iommu_init(void)
{
	int ret;

	node = fwnode_create_software_node(NULL, NULL);
	if (IS_ERR(node))
		return PTR_ERR(node);
	ret = iommu_device_sysfs_add(&iommu, NULL, NULL, "lab-iommu");
	if (ret)
		goto err_node;
	iommu.fwnode = node;
	ret = iommu_device_register(&iommu, &iommu_ops, NULL);
	if (ret)
		goto err_sysfs;
	return 0;

err_sysfs:
	iommu_device_sysfs_remove(&iommu);
err_node:
	fwnode_remove_software_node(node);
	return ret;
}

void lab_iommu_exit(void)
{
	iommu_device_unregister(&iommu);
	iommu_device_sysfs_remove(&iommu);
	fwnode_remove_software_node(node);
}

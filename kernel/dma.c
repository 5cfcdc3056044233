// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA of an open group: its windows, registered memory, and mappings.
 */
#include <linux/slab.h>

#include "devgroups.h"

struct devgroup_dma {
	struct devgroup *group;
};

struct devgroup_dma *devgroup_dma_create(struct devgroup *group)
{
	struct devgroup_dma *dma = devgroups_fail() ? NULL : kzalloc(sizeof(*dma), GFP_KERNEL);

	if (!dma)
		return ERR_PTR(-ENOMEM);
	dma->group = group;
	return dma;
}

void devgroup_dma_destroy(struct devgroup_dma *dma)
{
	kfree(dma);
}

void devgroup_dma_remove_member(struct devgroup_dma *dma, struct devgroup_member *member)
{
}

long devgroup_dma_ioctl(struct devgroup_dma *dma, unsigned int cmd, void __user *arg)
{
	return -ENOTTY;
}

int devgroup_dma_block(struct devgroup_dma *dma)
{
	return 0;
}

int devgroup_dma_unblock(struct devgroup_dma *dma)
{
	return 0;
}

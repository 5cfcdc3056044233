/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VFIO backend: a group of a stock kernel (/dev/vfio/N), one container per group, sPAPR
 * TCE v2 IOMMU.
 */
#ifndef PVMM_GROUP_VFIO_H
#define PVMM_GROUP_VFIO_H

#include "vmm/group/host.h"

/*
 * Opens @host's group, whose devices are bound to vfio-pci, and resets it. @config gives the
 * places. 0 and @group, or a negative errno after one line on @log and nothing held.
 */
int vfio_group_open(const struct host_root *root, const struct host_group *host,
		    const struct group_config *config, struct log *log, struct group **group);
#endif

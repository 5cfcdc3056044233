/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VFIO backend: a group of a stock kernel (/dev/vfio/N), one container per group, sPAPR
 * TCE v2 IOMMU. vfio_device.c holds the device level, which other backends share.
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

/* Fills regions and interrupts from a VFIO device fd, which it owns from then on (also after
 * a failure); @device needs vfio_device_exit() only after success. */
int vfio_device_init(struct group_device *device, int fd);
void vfio_device_exit(struct group_device *device);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to the VFIO device level: which parts of a region may be mapped, worked out from
 * what the kernel says. Pure functions over buffers, whose contents are not trusted.
 */
#ifndef PVMM_GROUP_VFIO_REGION_H
#define PVMM_GROUP_VFIO_REGION_H

#include "vmm/group/group.h"

/* Where a device's MSI-X table is; size 0: it has none. */
struct vfio_msix_table {
	unsigned region;
	uint64_t offset, size;	/* bytes */
};

/*
 * Finds the MSI-X table in the first @size bytes of config space. A chain of capabilities
 * that loops or leaves the buffer ends there.
 */
void vfio_msix_table_find(const uint8_t *config, size_t size, struct vfio_msix_table *table);

/*
 * Fills @region from a VFIO_DEVICE_GET_REGION_INFO answer of @size bytes, capabilities
 * included. @page is the host's page size, @capabilities those of the group: the MSI-X table is
 * left out of the areas unless the hardware guards it (GROUP_CAP_MSIX_TABLE_GUARDED) and the
 * kernel says that it may be mapped; a region smaller than a page has an area only if its page
 * is the group's (GROUP_CAP_SMALL_BARS), or if it is I/O that the group driver says may be
 * mapped. 0, or -EBADMSG when the chain of capabilities loops or
 * leaves the buffer.
 */
int vfio_region_parse(const void *info, size_t size, uint64_t page, uint64_t capabilities,
		      const struct vfio_msix_table *msix, struct group_region *region);

#endif

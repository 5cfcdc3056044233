// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which parts of a VFIO region may be mapped.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <string.h>

#include "kernel/uapi/devgroups.h"
#include "vmm/group/vfio_region.h"

#define CONFIG_CAPABILITIES_START 0x40
#define MSIX_TABLE_BYTES 8	/* of the capability, up to the table's place */

static uint16_t config_u16(const uint8_t *config, size_t offset)
{
	le16 value;

	memcpy(&value, config + offset, sizeof(value));
	return le16toh(value);
}

static uint32_t config_u32(const uint8_t *config, size_t offset)
{
	le32 value;

	memcpy(&value, config + offset, sizeof(value));
	return le32toh(value);
}

void vfio_msix_table_find(const uint8_t *config, size_t size, struct vfio_msix_table *table)
{
	unsigned offset, steps;

	memset(table, 0, sizeof(*table));
	if (size < CONFIG_CAPABILITIES_START ||
	    !(config_u16(config, PCI_STATUS) & PCI_STATUS_CAP_LIST))
		return;
	offset = config[PCI_CAPABILITY_LIST] & ~3U;
	/* No more capabilities than fit without overlap: a loop ends. */
	for (steps = 0; steps < size / 4; steps++) {
		if (offset < CONFIG_CAPABILITIES_START || offset + MSIX_TABLE_BYTES > size)
			return;
		if (config[offset] == PCI_CAP_ID_MSIX) {
			uint32_t place = config_u32(config, offset + PCI_MSIX_TABLE);
			uint16_t flags = config_u16(config, offset + PCI_MSIX_FLAGS);

			table->region = place & PCI_MSIX_TABLE_BIR;
			table->offset = place & PCI_MSIX_TABLE_OFFSET;
			table->size = ((flags & PCI_MSIX_FLAGS_QSIZE) + 1ULL) * PCI_MSIX_ENTRY_SIZE;
			return;
		}
		offset = config[offset + 1] & ~3U;
	}
}

static void add_area(struct group_region *region, uint64_t start, uint64_t end)
{
	unsigned i;

	if (start >= end || region->nr_areas == GROUP_MAX_AREAS)
		return;
	for (i = 0; i < region->nr_areas; i++) {
		if (ranges_overlap(start, end - start, region->areas[i].offset,
				   region->areas[i].size))
			return;
	}
	region->areas[region->nr_areas].offset = start;
	region->areas[region->nr_areas].size = end - start;
	region->nr_areas++;
}

/* The pages that lie wholly in the part, split around those that hold @hole. */
static void add_part(struct group_region *region, uint64_t page, uint64_t offset, uint64_t size,
		     const struct vfio_msix_table *hole)
{
	uint64_t start = align_up(offset, page), end, hole_start, hole_end;

	if (!range_within(offset, size, 0, region->size))
		return;
	end = align_down(offset + size, page);
	if (!hole) {
		add_area(region, start, end);
		return;
	}
	hole_start = align_down(hole->offset, page);
	hole_end = align_up(hole->offset + hole->size, page);
	add_area(region, start, hole_start < end ? hole_start : end);
	add_area(region, hole_end > start ? hole_end : start, end);
}

/* What the chain of capabilities says that matters here. */
struct region_caps {
	bool msix_mappable;
	const uint8_t *sparse;	/* the areas of the sparse capability; NULL: none */
	uint32_t nr_sparse;
	bool is_io;		/* of the group driver: I/O that may be mapped */
	uint64_t io_address;
};

static int read_sparse(const uint8_t *info, size_t size, size_t offset, struct region_caps *caps)
{
	struct vfio_region_info_cap_sparse_mmap sparse;

	if (size - offset < sizeof(sparse))
		return -EBADMSG;
	memcpy(&sparse, info + offset, sizeof(sparse));
	if (sparse.nr_areas >
	    (size - offset - sizeof(sparse)) / sizeof(struct vfio_region_sparse_mmap_area))
		return -EBADMSG;
	caps->sparse = info + offset + sizeof(sparse);
	caps->nr_sparse = sparse.nr_areas;
	return 0;
}

static int read_io(const uint8_t *info, size_t size, size_t offset, struct region_caps *caps)
{
	struct devgroup_region_io io;

	if (size - offset < sizeof(io))
		return -EBADMSG;
	memcpy(&io, info + offset, sizeof(io));
	caps->is_io = io.version == DEVGROUP_REGION_IO_VERSION;
	caps->io_address = io.address;
	return 0;
}

static int read_caps(const uint8_t *info, size_t size, size_t offset, struct region_caps *caps)
{
	struct vfio_info_cap_header header;
	size_t steps;
	int ret = 0;

	memset(caps, 0, sizeof(*caps));
	for (steps = 0; offset && !ret; steps++) {
		if (offset < sizeof(struct vfio_region_info) || offset > size ||
		    size - offset < sizeof(header) || steps == size / sizeof(header))
			return -EBADMSG;
		memcpy(&header, info + offset, sizeof(header));
		if (header.id == VFIO_REGION_INFO_CAP_MSIX_MAPPABLE)
			caps->msix_mappable = true;
		else if (header.id == VFIO_REGION_INFO_CAP_SPARSE_MMAP)
			ret = read_sparse(info, size, offset, caps);
		else if (header.id == DEVGROUP_REGION_IO)
			ret = read_io(info, size, offset, caps);
		offset = header.next;
	}
	return ret;
}

static void add_sparse(struct group_region *region, uint64_t page, const struct region_caps *caps,
		       const struct vfio_msix_table *hole)
{
	struct vfio_region_sparse_mmap_area area;
	uint32_t i;

	for (i = 0; i < caps->nr_sparse && region->nr_areas < GROUP_MAX_AREAS; i++) {
		memcpy(&area, caps->sparse + i * sizeof(area), sizeof(area));
		add_part(region, page, area.offset, area.size, hole);
	}
}

/* The pages that hold it. BARs are powers of two, aligned to their size. */
static void add_io(struct group_region *region, uint64_t page, uint64_t address)
{
	if (!is_power_of_two(region->size) || !is_aligned(address, region->size))
		return;
	region->io_page = align_down(address, page);
	region->lead = address - region->io_page;
	add_area(region, 0, align_up(region->lead + region->size, page));
}

static void add_areas(struct group_region *region, uint64_t page, uint64_t capabilities,
		      const struct region_caps *caps, const struct vfio_msix_table *hole)
{
	if (caps->is_io)
		add_io(region, page, caps->io_address);
	else if (caps->sparse)
		add_sparse(region, page, caps, hole);
	else if (region->size >= page)
		add_part(region, page, 0, region->size, hole);
	else if (!hole && capabilities & GROUP_CAP_SMALL_BARS)
		add_area(region, 0, page);
}

int vfio_region_parse(const void *info, size_t size, uint64_t page, uint64_t capabilities,
		      const struct vfio_msix_table *msix, struct group_region *region)
{
	struct vfio_region_info header;
	struct region_caps caps = {.sparse = NULL};
	const struct vfio_msix_table *hole = NULL;
	int ret = 0;

	memset(region, 0, sizeof(*region));
	if (size < sizeof(header))
		return -EBADMSG;
	memcpy(&header, info, sizeof(header));
	if (header.flags & VFIO_REGION_INFO_FLAG_CAPS)
		ret = read_caps(info, size, header.cap_offset, &caps);
	if (ret || !header.size)
		return ret;
	region->size = header.size;
	region->file_offset = header.offset;
	region->readable = header.flags & VFIO_REGION_INFO_FLAG_READ;
	region->writable = header.flags & VFIO_REGION_INFO_FLAG_WRITE;
	if (msix && msix->size && msix->region == header.index &&
	    !(caps.msix_mappable && capabilities & GROUP_CAP_MSIX_TABLE_GUARDED))
		hole = msix;
	if ((header.flags & VFIO_REGION_INFO_FLAG_MMAP || caps.is_io) &&
	    is_aligned(header.offset, page) && header.size <= INT64_MAX)
		add_areas(region, page, capabilities, &caps, hole);
	return 0;
}

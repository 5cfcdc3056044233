/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzing of what VFIO says of a region, and of a config space's MSI-X table. The first byte
 * picks the page size, whether there is a table, and whether the answer begins as a good one;
 * the size picks what the hardware can do; the first 256 bytes behind it are config space too.
 */
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/group/vfio_region.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
	if (!condition)
		abort();
}

static bool overlaps_table(const struct group_area *area, const struct vfio_msix_table *table)
{
	return table->size &&
	       ranges_overlap(area->offset, area->size, table->offset, table->size);
}

/* What may be mapped is whole pages of the region, none twice, and not the table's. */
static void check_region(const struct group_region *region, uint64_t page,
			 const struct vfio_msix_table *hidden)
{
	check(region->nr_areas <= GROUP_MAX_AREAS);
	for (unsigned i = 0; i < region->nr_areas; i++) {
		const struct group_area *area = &region->areas[i];

		check(area->size && is_aligned(area->offset, page) && is_aligned(area->size, page));
		check(range_within(area->offset, area->size, 0,
				   region->size < page ? page : region->size));
		check(!overlaps_table(area, hidden));
		for (unsigned j = 0; j < i; j++)
			check(!ranges_overlap(area->offset, area->size, region->areas[j].offset,
					      region->areas[j].size));
	}
}

/* Says the kernel itself that the table may be mapped? A hint: the id may be anywhere. */
static bool may_map_table(const uint8_t *data, size_t size)
{
	for (size_t i = sizeof(struct vfio_region_info); i + 2 <= size; i++)
		if (data[i] == VFIO_REGION_INFO_CAP_MSIX_MAPPABLE && data[i + 1] == 0)
			return true;
	return false;
}

/* A region of some pages with a list of the areas that may be mapped: what is fuzzed then is
 * where these are. */
static void begin_well(uint8_t *data, size_t size)
{
	struct vfio_region_info info = {
		.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_MMAP |
			 VFIO_REGION_INFO_FLAG_CAPS,
		.index = data[0] >> 5,
		.cap_offset = sizeof(info),
		.size = 0x20000,
	};
	struct vfio_region_info_cap_sparse_mmap sparse = {
		.header.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP,
	};
	struct vfio_region_sparse_mmap_area area;
	size_t at = 1 + sizeof(info) + sizeof(sparse);

	if (size < at)
		return;
	/* As many as there are, and sometimes one more. */
	sparse.nr_areas = (uint32_t)((size - at) / sizeof(area) + (size % 4 == 0));
	memcpy(data + 1, &info, sizeof(info));
	memcpy(data + 1 + sizeof(info), &sparse, sizeof(sparse));
	for (; size - at >= sizeof(area); at += sizeof(area)) {
		memcpy(&area, data + at, sizeof(area));
		area.offset &= data[0] & 8 ? 0x3ffff : UINT64_MAX;
		area.size &= data[0] & 16 ? 0x3ffff : UINT64_MAX;
		memcpy(data + at, &area, sizeof(area));
	}
}

static void fuzz(uint8_t *data, size_t size)
{
	struct vfio_msix_table table, none = { .size = 0 };
	struct vfio_region_info header;
	uint64_t capabilities = size % 3 ? GROUP_CAP_SMALL_BARS : 0;
	bool guarded = size % 2, hidden;
	struct group_region region;
	uint64_t page;

	if (data[0] & 4)
		begin_well(data, size);
	page = data[0] & 1 ? 64 * KIB : 4 * KIB;
	vfio_msix_table_find(data + 1, size - 1 < 256 ? size - 1 : 256, &table);
	if (data[0] & 2)
		table = (struct vfio_msix_table){ .region = data[0] >> 5, .offset = 0x11000,
						  .size = 0x400 };
	if (guarded)
		capabilities |= GROUP_CAP_MSIX_TABLE_GUARDED;
	if (vfio_region_parse(data + 1, size - 1, page, capabilities, &table, &region))
		return;
	memcpy(&header, data + 1, sizeof(header));
	hidden = header.index == table.region &&
		 !(guarded && may_map_table(data + 1, size - 1));
	check(capabilities & GROUP_CAP_SMALL_BARS || region.size >= page || !region.nr_areas);
	check_region(&region, page, hidden ? &table : &none);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size);

	if (size && copy) {
		memcpy(copy, data, size);
		fuzz(copy, size);
	}
	free(copy);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which parts of a VFIO region may be mapped: answers of the kernel and config space, well
 * formed and hostile, as buffers.
 */
#include <check.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/uapi/devgroups.h"
#include "tests/unit/capture.h"
#include "vmm/group/vfio_region.h"

/* A GET_REGION_INFO answer, built piece by piece. */
struct answer {
	struct vfio_region_info info;
	uint8_t caps[256];
};

static void answer_init(struct answer *answer, uint64_t size)
{
	memset(answer, 0, sizeof(*answer));
	answer->info.argsz = sizeof(*answer);
	answer->info.size = size;
	answer->info.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
			     VFIO_REGION_INFO_FLAG_MMAP;
}

/* At @offset in caps; @next is relative to caps too, 0: the last. */
static void answer_cap(struct answer *answer, unsigned offset, uint16_t id, uint32_t next)
{
	struct vfio_info_cap_header header = {.id = id, .version = 1};

	answer->info.flags |= VFIO_REGION_INFO_FLAG_CAPS;
	answer->info.cap_offset = sizeof(answer->info);
	header.next = next ? next + (uint32_t)sizeof(answer->info) : 0;
	memcpy(answer->caps + offset, &header, sizeof(header));
}

static void answer_sparse(struct answer *answer, const struct group_area *areas, uint32_t count)
{
	answer_cap(answer, 0, VFIO_REGION_INFO_CAP_SPARSE_MMAP, 0);
	memcpy(answer->caps + sizeof(struct vfio_info_cap_header), &count, sizeof(count));
	memcpy(answer->caps + sizeof(struct vfio_region_info_cap_sparse_mmap), areas,
	       count * sizeof(*areas));
}

#define CAPABILITIES (GROUP_CAP_MSIX_TABLE_GUARDED | GROUP_CAP_SMALL_BARS)

static int parse(const struct answer *answer, const struct vfio_msix_table *msix,
		 struct group_region *region)
{
	return vfio_region_parse(answer, sizeof(*answer), 64 * KIB, CAPABILITIES, msix, region);
}

START_TEST(test_parse_msix_hole)
{
	static const struct {
		uint64_t size;
		struct vfio_msix_table table;
		unsigned nr_areas;
		struct group_area areas[2];
	} cases[] = {
		{0x40000, {0, 0, 0}, 1, {{0, 0x40000}}},
		{0x40000, {1, 0x10000, 256}, 1, {{0, 0x40000}}},
		{0x40000, {0, 0x18000, 256}, 2, {{0, 0x10000}, {0x20000, 0x20000}}},
		{0x40000, {0, 0x1fff0, 32}, 2, {{0, 0x10000}, {0x30000, 0x10000}}},
		{0x40000, {0, 0, 16}, 1, {{0x10000, 0x30000}}},
		{0x40000, {0, 0x30000, 16}, 1, {{0, 0x30000}}},
		{0x10000, {0, 0x2000, 16}, 0, {{0, 0}}},
		{0x1000, {0, 0x800, 16}, 0, {{0, 0}}},
		{0x40000, {0, 0xfffffff8, 0x8000}, 1, {{0, 0x40000}}},
		{0x1000, {0, 0, 0}, 1, {{0, 0x10000}}},
	};
	struct group_region region;
	struct answer answer;
	unsigned i;

	answer_init(&answer, cases[_i].size);
	ck_assert_int_eq(parse(&answer, &cases[_i].table, &region), 0);
	ck_assert_uint_eq(region.nr_areas, cases[_i].nr_areas);
	for (i = 0; i < region.nr_areas; i++) {
		ck_assert_uint_eq(region.areas[i].offset, cases[_i].areas[i].offset);
		ck_assert_uint_eq(region.areas[i].size, cases[_i].areas[i].size);
	}
	answer_cap(&answer, 0, VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, 0);
	ck_assert_int_eq(parse(&answer, &cases[_i].table, &region), 0);
	ck_assert_uint_eq(region.nr_areas, 1);
	ck_assert_uint_eq(region.areas[0].offset, 0);
	/* Whatever the kernel says, not where nothing checks who sends an interrupt. */
	ck_assert_int_eq(vfio_region_parse(&answer, sizeof(answer), 64 * KIB,
					   GROUP_CAP_SMALL_BARS, &cases[_i].table, &region), 0);
	ck_assert_uint_eq(region.nr_areas, cases[_i].nr_areas);
}
END_TEST

/* A region smaller than a page, alone in that page. */
START_TEST(test_parse_small)
{
	struct group_region region;
	struct answer answer;

	answer_init(&answer, 0x1000);
	ck_assert_int_eq(parse(&answer, NULL, &region), 0);
	ck_assert_uint_eq(region.nr_areas, 1);
	ck_assert_uint_eq(region.areas[0].size, 64 * KIB);
	ck_assert_int_eq(vfio_region_parse(&answer, sizeof(answer), 64 * KIB,
					   GROUP_CAP_MSIX_TABLE_GUARDED, NULL, &region), 0);
	ck_assert_uint_eq(region.nr_areas, 0);
	ck_assert_int_eq(vfio_region_parse(&answer, sizeof(answer), 4 * KIB, 0, NULL, &region), 0);
	ck_assert_uint_eq(region.nr_areas, 1);
}
END_TEST

START_TEST(test_parse_sparse)
{
	static const struct {
		struct group_area given[6];
		unsigned count, nr_areas;
		struct group_area areas[GROUP_MAX_AREAS];
	} cases[] = {
		{{{0x10000, 0x10000}, {0x30000, 0x10000}}, 2, 2,
		 {{0x10000, 0x10000}, {0x30000, 0x10000}}},
		{{{0x8000, 0x20000}}, 1, 1, {{0x10000, 0x10000}}},		/* unaligned */
		{{{0x8000, 0x1000}}, 1, 0, {{0, 0}}},				/* no whole page */
		{{{0x90000, 0x80000}}, 1, 0, {{0, 0}}},				/* beyond the end */
		{{{0x10000, UINT64_MAX}}, 1, 0, {{0, 0}}},			/* wraps */
		{{{UINT64_MAX, 2}}, 1, 0, {{0, 0}}},
		{{{0, 0x20000}, {0x10000, 0x20000}}, 2, 1, {{0, 0x20000}}},	/* overlap */
		{{{0, 0}}, 1, 0, {{0, 0}}},
		{{{0, 0}}, 0, 0, {{0, 0}}},
		{{{0, 0x10000}, {0x20000, 0x10000}, {0x40000, 0x10000}, {0x60000, 0x10000},
		  {0x80000, 0x10000}, {0xa0000, 0x10000}}, 6, 4,
		 {{0, 0x10000}, {0x20000, 0x10000}, {0x40000, 0x10000}, {0x60000, 0x10000}}},
	};
	struct group_region region;
	struct answer answer;
	unsigned i;

	answer_init(&answer, 0x100000);
	answer_sparse(&answer, cases[_i].given, cases[_i].count);
	ck_assert_int_eq(parse(&answer, NULL, &region), 0);
	ck_assert_uint_eq(region.nr_areas, cases[_i].nr_areas);
	for (i = 0; i < region.nr_areas; i++) {
		ck_assert_uint_eq(region.areas[i].offset, cases[_i].areas[i].offset);
		ck_assert_uint_eq(region.areas[i].size, cases[_i].areas[i].size);
	}
}
END_TEST

/* Chains that loop, or point before, at or past the end. */
START_TEST(test_parse_hostile)
{
	struct group_region region;
	struct answer answer;
	uint32_t count = UINT32_MAX, i;

	answer_init(&answer, 0x10000);
	answer_cap(&answer, 0, 77, 16);
	answer_cap(&answer, 16, 78, 16);
	ck_assert_int_eq(parse(&answer, NULL, &region), -EBADMSG);
	answer_cap(&answer, 16, 78, 0);
	ck_assert_int_eq(parse(&answer, NULL, &region), 0);
	for (i = sizeof(answer.caps) - 7; i < sizeof(answer.caps) + 9; i++) {
		answer_cap(&answer, 0, 77, i);
		ck_assert_int_eq(parse(&answer, NULL, &region), -EBADMSG);
	}
	answer_cap(&answer, 0, 77, 0);
	for (i = 1; i < sizeof(answer.info); i++) {
		answer.info.cap_offset = i;
		ck_assert_int_eq(parse(&answer, NULL, &region), -EBADMSG);
	}
	answer.info.cap_offset = UINT32_MAX;
	ck_assert_int_eq(parse(&answer, NULL, &region), -EBADMSG);
	answer_cap(&answer, 0, VFIO_REGION_INFO_CAP_SPARSE_MMAP, 0);
	memcpy(answer.caps + sizeof(struct vfio_info_cap_header), &count, sizeof(count));
	ck_assert_int_eq(parse(&answer, NULL, &region), -EBADMSG);
	answer_cap(&answer, 0, 77, sizeof(answer.caps) - 8);
	answer_cap(&answer, sizeof(answer.caps) - 8, VFIO_REGION_INFO_CAP_SPARSE_MMAP, 0);
	ck_assert_int_eq(parse(&answer, NULL, &region), -EBADMSG);
	ck_assert_int_eq(vfio_region_parse(&answer, sizeof(answer.info) - 1, 4096, CAPABILITIES, NULL,
					   &region),
			 -EBADMSG);
	ck_assert_uint_eq(region.size, 0);
}
END_TEST

/* I/O of the group driver: the pages around it, and where in them it is. */
START_TEST(test_parse_io)
{
	static const struct {
		uint64_t size, address;
		uint16_t version;
		unsigned nr_areas;
		uint64_t area, lead, io_page;
	} cases[] = {
		{32, 0x1040, 1, 1, 0x10000, 0x1040, 0},
		{32, 0x2ffe0, 1, 1, 0x10000, 0xffe0, 0x20000},
		{64 * KIB, 0x30000, 1, 1, 0x10000, 0, 0x30000},
		{128 * KIB, 0x40000, 1, 1, 0x20000, 0, 0x40000},
		/* Not where a BAR can be, or told in another way. */
		{32, 0x1048, 1, 0, 0, 0, 0},
		{48, 0x1080, 1, 0, 0, 0, 0},
		{0x1000, UINT64_MAX - 15, 1, 0, 0, 0, 0},
		{32, 0x1040, 2, 0, 0, 0, 0},
	};
	struct devgroup_region_io io = {.id = DEVGROUP_REGION_IO, .version = cases[_i].version,
					.address = cases[_i].address};
	struct group_region region;
	struct answer answer;

	answer_init(&answer, cases[_i].size);
	answer.info.flags &= ~(uint32_t)VFIO_REGION_INFO_FLAG_MMAP;
	answer_cap(&answer, 0, io.id, 0);
	memcpy(answer.caps, &io, sizeof(io));
	ck_assert_int_eq(vfio_region_parse(&answer, sizeof(answer), 64 * KIB, 0, NULL, &region), 0);
	ck_assert_uint_eq(region.nr_areas, cases[_i].nr_areas);
	ck_assert_uint_eq(region.areas[0].offset, 0);
	ck_assert_uint_eq(region.areas[0].size, cases[_i].area);
	ck_assert_uint_eq(region.lead, cases[_i].lead);
	ck_assert_uint_eq(region.io_page, cases[_i].io_page);
	/* Cut off. */
	ck_assert_int_eq(vfio_region_parse(&answer, sizeof(answer.info) + sizeof(io) - 1, 64 * KIB, 0,
					   NULL, &region), -EBADMSG);
}
END_TEST

START_TEST(test_parse_not_mappable)
{
	struct group_region region;
	struct answer answer;

	answer_init(&answer, 0x10000);
	answer.info.offset = 0x800;
	ck_assert_int_eq(parse(&answer, NULL, &region), 0);
	ck_assert_uint_eq(region.nr_areas, 0);
	answer.info.offset = 0;
	answer.info.flags &= ~(uint32_t)VFIO_REGION_INFO_FLAG_MMAP;
	ck_assert_int_eq(parse(&answer, NULL, &region), 0);
	ck_assert_uint_eq(region.nr_areas, 0);
	ck_assert_uint_eq(region.size, 0x10000);
	answer_init(&answer, 0);
	ck_assert_int_eq(parse(&answer, NULL, &region), 0);
	ck_assert(!region.readable);
	answer_init(&answer, UINT64_MAX);
	ck_assert_int_eq(parse(&answer, NULL, &region), 0);
	ck_assert_uint_eq(region.nr_areas, 0);
}
END_TEST

static void put_msix(uint8_t *config, unsigned offset, uint8_t next)
{
	static const uint8_t msix[] = {PCI_CAP_ID_MSIX, 0, 0x20, 0x80, 0x04, 0x30, 0x00, 0x00};

	config[PCI_STATUS] = PCI_STATUS_CAP_LIST;
	memcpy(config + offset, msix, sizeof(msix));
	config[offset + 1] = next;
}

START_TEST(test_msix_table)
{
	uint8_t config[256] = {0};
	struct vfio_msix_table table;

	put_msix(config, 0x80, 0);
	config[PCI_CAPABILITY_LIST] = 0x43;	/* the low bits do not count */
	config[0x40] = PCI_CAP_ID_PM;
	config[0x41] = 0x80;
	vfio_msix_table_find(config, sizeof(config), &table);
	ck_assert_uint_eq(table.region, 4);
	ck_assert_uint_eq(table.offset, 0x3000);
	ck_assert_uint_eq(table.size, 33 * 16);
	config[PCI_STATUS] = 0;
	vfio_msix_table_find(config, sizeof(config), &table);
	ck_assert_uint_eq(table.size, 0);
}
END_TEST

/* Capabilities that loop, lie in the header, or do not fit before the end. */
START_TEST(test_msix_table_hostile)
{
	static const struct {
		uint8_t first, at, next;
		bool found;
	} cases[] = {
		{0x40, 0x40, 0x40, false}, {0x40, 0x40, 0x44, false}, {0x40, 0x40, 0x10, false},
		{0x10, 0x10, 0, false}, {0x40, 0x40, 0xfc, false}, {0x40, 0x40, 0xf8, true},
	};
	uint8_t config[256] = {0};
	struct vfio_msix_table table;

	put_msix(config, 0xf8, 0);
	config[PCI_CAPABILITY_LIST] = cases[_i].first;
	config[cases[_i].at] = PCI_CAP_ID_PM;
	config[cases[_i].at + 1] = cases[_i].next;
	config[0x44] = PCI_CAP_ID_PM;
	config[0x45] = 0x40;
	vfio_msix_table_find(config, sizeof(config), &table);
	ck_assert_int_eq(table.size != 0, cases[_i].found);
	vfio_msix_table_find(config, 0x3f, &table);
	ck_assert_uint_eq(table.size, 0);
}
END_TEST

static Suite *group_region_suite(void)
{
	Suite *suite = suite_create("group_region");
	TCase *tcase = tcase_create("group_region");

	tcase_add_loop_test(tcase, test_parse_msix_hole, 0, 10);
	tcase_add_loop_test(tcase, test_parse_sparse, 0, 10);
	tcase_add_test(tcase, test_parse_small);
	tcase_add_loop_test(tcase, test_parse_io, 0, 8);
	tcase_add_test(tcase, test_parse_hostile);
	tcase_add_test(tcase, test_parse_not_mappable);
	tcase_add_test(tcase, test_msix_table);
	tcase_add_loop_test(tcase, test_msix_table_hostile, 0, 6);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(group_region_suite());
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A group of fake_devices.h that a backend opens, and what has to be the same whichever it is. For
 * one file of a program only.
 */
#ifndef PVMM_TESTS_BACKEND_TESTS_H
#define PVMM_TESTS_BACKEND_TESTS_H

#include "tests/unit/fake_devices.h"

/* The program's own. */
static struct {
	char path[64];		/* of group GROUP, as the operator gives it */
	int (*open)(const struct host_root *root, const struct host_group *host,
		    const struct group_config *config, struct log *log, struct group **group);
} backend;

static inline void backend_teardown(void)
{
	fake_host_exit(&fake_devices.host);
}

static inline int open_placed(struct group_place *places, unsigned nr_places, struct group **group)
{
	struct group_config config = {.path = backend.path, .places = places,
				      .nr_places = nr_places};
	struct fake_host *files = &fake_devices.host;
	struct host_group host;
	char path[160];

	snprintf(path, sizeof(path), "%s%s", files->folder, backend.path);
	ck_assert_int_eq(host_group_find(&files->root, path, &host, &files->log), 0);
	*group = NULL;
	return backend.open(&files->root, &host, &config, &files->log, group);
}

static inline int open_group(struct group **group)
{
	return open_placed(NULL, 0, group);
}

/* The group and its devices are described as they are. */
static inline void expect_opened(const struct group *group)
{
	const struct group_device *device = &group->devices[2];

	ck_assert_str_eq(group->path, backend.path);
	ck_assert_uint_eq(group->number, GROUP);
	ck_assert_uint_eq(group->nr_devices, NR_FUNCTIONS);
	ck_assert_uint_eq(group->window.size, 2 * GIB);
	ck_assert_uint_eq(group->window.page_shift, 12);
	ck_assert_uint_eq(device->host.function, 7);
	ck_assert_int_eq(device->guest_devfn, -1);
	ck_assert_ptr_eq(device->group, group);
	ck_assert_uint_eq(device->irq_count[GROUP_IRQ_INTX], 1);
	ck_assert_uint_eq(device->irq_count[GROUP_IRQ_MSI], 32);
	ck_assert_uint_eq(device->irq_count[GROUP_IRQ_MSIX], 16);
	ck_assert_uint_eq(device->regions[0].nr_areas, 1);
	ck_assert_uint_eq(device->regions[0].areas[0].size, 64 * KIB);
	ck_assert_uint_eq(device->regions[1].size, 0);
	ck_assert_uint_eq(device->regions[2].size, 256);
	ck_assert_uint_eq(device->regions[2].areas[0].size, PAGE);
	ck_assert_uint_eq(device->regions[4].nr_areas, 0);
	ck_assert(!device->regions[GROUP_REGION_ROM].writable);
	ck_assert_uint_eq(device->regions[GROUP_REGION_CONFIG].size, 4096);
}

/* Opening fails with @error and one line, which has @text in it, and nothing stays open. */
static inline void expect_refused(int error, const char *text)
{
	struct group *group;
	const char *line;

	ck_assert_int_eq(open_group(&group), error);
	line = fake_log(&fake_devices.host);
	ck_assert_contains(line, text);
	ck_assert_uint_eq(fake_count_lines(line), 1);
	expect_closed();
}

START_TEST(test_places)
{
	struct group_place places[] = {{{2, 2, 1, 7}, 0x18}, {{2, 2, 1, 0}, 0x20}};
	struct group_place wrong[] = {{{2, 2, 1, 7}, 0x18}, {{2, 1, 0, 0}, 0x20}};
	struct group *group;

	ck_assert_int_eq(open_placed(places, 2, &group), 0);
	ck_assert_int_eq(group->devices[0].guest_devfn, 0x20);
	ck_assert_int_eq(group->devices[1].guest_devfn, -1);
	ck_assert_int_eq(group->devices[2].guest_devfn, 0x18);
	group_close(group);
	ck_assert_int_eq(open_placed(wrong, 2, &group), -EINVAL);
	ck_assert_contains(fake_log(&fake_devices.host),
			   "place=0002:01:00.0: no such device in group 7");
	expect_closed();
}
END_TEST

#endif

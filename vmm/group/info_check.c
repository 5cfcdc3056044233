// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What keeps a whole group from a guest: its state, devices that nobody can take, host drivers,
 * and what the host uses the devices for.
 */
#include <stdio.h>
#include <string.h>

#include "vmm/group/info.h"

static void check_in_use(struct host_check *check, const struct group_info *info,
			 const char *state)
{
	struct host_blocker blocker = {.kind = HOST_BLOCKER_HOLDER};

	if (info->owner[0]) {
		host_blocker_fix(&blocker, "kill %.*s", (int)strcspn(info->owner, " "),
				 info->owner);
		host_check_report(check, &blocker, "group %u is %s by process %s",
				  info->number, state, info->owner);
		return;
	}
	host_blocker_advise(&blocker, "stop it first (as root, fuser -v %s/vfio/%u shows which)",
			    check->root->dev, info->number);
	host_check_report(check, &blocker, "group %u is %s by another process", info->number,
			  state);
}

static void check_state(struct host_check *check, const struct group_info *info)
{
	struct host_blocker blocker = {.kind = HOST_BLOCKER_HOLDER};

	if (group_info_is(info, "in-use")) {
		check_in_use(check, info, "in use");
	} else if (group_info_is(info, "frozen")) {
		check_in_use(check, info, "frozen after an error, and in use");
	} else if (group_info_is(info, "quarantined")) {
		host_blocker_fix(&blocker, "echo 1 > %s/reset", info->path);
		host_check_report(check, &blocker, "group %u is quarantined: its devices could not "
				  "be reset", info->number);
	}
}

/* VFIO's part of pvmm is for PCI alone. */
static bool can_be_handed_over(const struct group_info *info, const struct host_device *device)
{
	return device->is_pci || info->by_driver;
}

/* Devices on which no claim works, and groups of nothing else than bridges. */
static void check_kinds(struct host_check *check, const struct group_info *info)
{
	struct host_blocker blocker = {.kind = HOST_BLOCKER_HOST};
	unsigned i, nr_bridges = 0;

	host_blocker_advise(&blocker, "leave it to the host, and take another group");
	for (i = 0; i < info->nr_devices; i++) {
		blocker.device = &info->devices[i];
		nr_bridges += info->devices[i].is_bridge;
		if (!can_be_handed_over(info, &info->devices[i]))
			host_check_report(check, &blocker, "is not a PCI device");
	}
	blocker.device = NULL;
	if (nr_bridges == info->nr_devices)
		host_check_report(check, &blocker, "group %u has no devices but bridges",
				  info->number);
}

static void check_driver(struct host_check *check, const struct group_info *info,
			 const struct host_device *device)
{
	struct host_blocker blocker = {.kind = HOST_BLOCKER_DRIVER, .device = device};

	if (!device->driver[0] || strcmp(device->driver, "vfio-pci") == 0)
		return;
	host_blocker_fix(&blocker, "pvmm group claim %u", info->number);
	host_check_report(check, &blocker, "is held by the host driver %s", device->driver);
}

static void check_group(struct host_check *check, const struct group_info *info)
{
	check_state(check, info);
	if (!info->by_driver)
		host_check_vfio_pci(check);
	check_kinds(check, info);
}

/* The driver comes last: what uses it must have stopped before the group is claimed. */
void group_info_check(struct host_check *check, const struct group_info *info, unsigned what)
{
	unsigned i;

	if (group_info_is(info, "claimed"))
		return;
	if (what & GROUP_CHECK_STATE)
		check_group(check, info);
	for (i = 0; i < info->nr_devices; i++) {
		const struct host_device *device = &info->devices[i];

		if (device->is_bridge || !can_be_handed_over(info, device))
			continue;
		if (what & GROUP_CHECK_USES)
			host_check_uses(check, device);
		if (what & GROUP_CHECK_STATE)
			host_check_functions(check, device);
		if (what & GROUP_CHECK_DRIVERS)
			check_driver(check, info, device);
	}
}

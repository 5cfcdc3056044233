/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What can be told of a host's groups, for whoever manages them: their state, why their devices
 * belong together, who has them. The group driver says all of it (/sys/devgroups); without it,
 * /sys/kernel/iommu_groups says which groups there are, and the rest is worked out as far as that
 * goes. Nothing here changes the host.
 */
#ifndef PVMM_GROUP_INFO_H
#define PVMM_GROUP_INFO_H

#include "vmm/group/host_check.h"

struct group_info {
	unsigned number;
	bool by_driver;		/* the group driver shows it */
	char path[128];		/* of its folder in sysfs */
	char state[32];		/* free, claimed, in-use, frozen, quarantined */
	char owner[80];		/* process id and command; "" when none is known */
	char reason[1024];	/* "": not known */
	char members[1024];	/* numbers of IOMMU groups; "": the driver does not say */
	char capabilities[512], dma_windows[512];	/* a line each; "": none, or not known */
	unsigned nr_devices;
	struct host_device *devices;	/* by ascending address */
};

struct group_list {
	unsigned count;
	struct group_info *groups;	/* by ascending number */
};

bool group_driver_is_loaded(const struct host_root *root);

/* All groups, 0 or -errno after one line on @log. The list is to be freed in any case. */
int group_list_read(const struct host_root *root, struct group_list *list, struct log *log);
void group_list_exit(struct group_list *list);

/*
 * @name is a group's number, its folder, or a PCI address, which stands for its group; so does
 * the number of a group that was merged into another. 0, or -errno after one line on @log.
 * @info is to be freed in any case.
 */
int group_info_find(const struct host_root *root, const char *name, struct group_info *info,
		    struct log *log);
void group_info_exit(struct group_info *info);

bool group_info_is(const struct group_info *info, const char *state);
/* Of how many of the kernel's IOMMU groups it is made. */
unsigned group_info_count_members(const struct group_info *info);
/* The driver that @device goes back to when the claim ends; "" for none, or if not claimed. */
void group_info_former_driver(const struct host_root *root, const struct group_info *info,
			      const struct host_device *device, char *driver, size_t size);

/* "1234 pvmm": a process that has the group open; false: none, or none that may be seen. */
bool group_find_holder(const struct host_root *root, unsigned number, char *text, size_t size);

/* What group_info_check() looks for; a set of these. */
#define GROUP_CHECK_STATE 1	/* what keeps anybody from claiming the group */
#define GROUP_CHECK_USES 2	/* what the host uses it for */
#define GROUP_CHECK_DRIVERS 4	/* host drivers, from which a claim would take its devices */

/* Hands what blocks taking the group to check->found(). Nothing blocks a claimed one. */
void group_info_check(struct host_check *check, const struct group_info *info, unsigned what);

#endif

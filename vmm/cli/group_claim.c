// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * `pvmm group claim` and `pvmm group release`: by the group driver where it is, else by binding
 * to vfio-pci.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/cli/group_parts.h"
#include "vmm/group/claim.h"
#include "vmm/group/sysfs.h"

static const struct group_error claim_errors[] = {
	{-EBUSY, "somebody was faster; `pvmm group check` shows what is in the way"},
	{-EOPNOTSUPP, "the group driver can only claim PCI devices, and no bridges; take another "
	 "group"},
	{-EAGAIN, "a device has just come to it; try again"},
	{-ENODEV, "its last device was unplugged; `pvmm group list` shows which groups there are"},
	{0},
};

static const struct group_error release_errors[] = {
	{-EINVAL, "it is not claimed; nothing was done"},
	{-EBUSY, "it is in use; stop the guest that has it first"},
	{-EIO, "it is free now, but a driver is gone or did not take its device back; dmesg names "
	 "both"},
	{-ENOMEM, "the kernel is out of memory; it is still claimed, try again"},
	{-ENODEV, "its last device was unplugged, which ended the claim"},
	{0},
};

/* The group as VFIO has it: PCI devices, not too many. */
static int find_host_group(struct group_cli *cli, const struct group_info *info,
			   struct host_group *group)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/kernel/iommu_groups/%u", cli->root->sys, info->number);
	return host_group_find(cli->root, path, group, cli->log);
}

static int check_before_claim(struct group_cli *cli, const struct group_info *info)
{
	struct host_check check = {.root = cli->root, .log = cli->log, .found = host_check_log};
	unsigned in_any_case;

	group_info_check(&check, info, GROUP_CHECK_STATE);
	in_any_case = check.count;
	if (!cli->force)
		group_info_check(&check, info, GROUP_CHECK_USES);
	if (check.count && !in_any_case)
		log_error(cli->log, "group %u is not claimed; to take it nevertheless: "
			  "pvmm group claim %u --force", info->number, info->number);
	return check.count ? -EBUSY : 0;
}

int group_claim(struct group_cli *cli, const struct group_info *info)
{
	struct host_group group;
	int ret = check_before_claim(cli, info);

	if (ret)
		return ret;
	if (info->by_driver) {
		ret = sysfs_write("1", "%s/claim", info->path);
		return ret ? group_cli_complain(cli, "claim", info->number, ret, claim_errors) : 0;
	}
	ret = find_host_group(cli, info, &group);
	return ret ? ret : claim_group_keep(cli->root, &group, cli->log);
}

static void tell_company(struct group_cli *cli, const struct group_info *info)
{
	struct pci_address address;

	if (config_parse_pci_address(cli->names[0], &address) == 0)
		host_tell_company(info->devices, info->nr_devices, info->number, &address,
				  cli->log);
}

int group_cli_claim(struct group_cli *cli)
{
	struct group_info info;
	int ret = group_info_find(cli->root, cli->names[0], &info, cli->log);

	if (!ret && group_info_is(&info, "claimed")) {
		log_error(cli->log, "group %u is claimed already%s%s; to give it back: "
			  "pvmm group release %u", info.number, info.owner[0] ? ", by process " : "",
			  info.owner, info.number);
		ret = -EBUSY;
	}
	if (!ret)
		ret = group_claim(cli, &info);
	if (!ret)
		tell_company(cli, &info);
	group_info_exit(&info);
	return ret;
}

/* What pvmm bound to vfio-pci, whether or not the group driver came later. */
static int release_vfio(struct group_cli *cli, const struct group_info *info)
{
	struct host_group group;
	int ret = find_host_group(cli, info, &group);

	if (ret)
		return ret;
	ret = claim_give_back(cli->root, &group, cli->log);
	if (ret == -EIO)
		log_error(cli->log, "group %u is not released as a whole; what the lines above say "
			  "does the rest", info->number);
	if (ret != -ENOENT)
		return ret;
	if (group_info_is(info, "free"))
		log_error(cli->log, "group %u is not claimed; nothing was done", info->number);
	else
		log_error(cli->log, "group %u is %s, but `pvmm group claim` did not do it; whoever "
			  "bound its devices to vfio-pci must give them back", info->number,
			  info->state);
	return ret;
}

int group_cli_release(struct group_cli *cli)
{
	struct group_info info;
	int ret = group_info_find(cli->root, cli->names[0], &info, cli->log);

	/* VFIO's own use, and free groups, are no claim of the driver's. */
	if (!ret && info.by_driver && !group_info_is(&info, "free") &&
	    !group_info_is(&info, "in-use")) {
		ret = sysfs_write("0", "%s/claim", info.path);
		if (ret)
			group_cli_complain(cli, "release", info.number, ret, release_errors);
	} else if (!ret) {
		ret = release_vfio(cli, &info);
	}
	group_info_exit(&info);
	return ret;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * `pvmm group merge` and `pvmm group unmerge`, which the group driver does.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/cli/group_parts.h"
#include "vmm/group/sysfs.h"

static const struct group_error merge_errors[] = {
	{-EBUSY, "one of the groups is not free; `pvmm group list` shows which"},
	{-EINVAL, "the group driver does not merge these"},
	{-EOPNOTSUPP, "these groups are isolated by different means and cannot be one"},
	{-ENODEV, "one of the groups was unplugged; `pvmm group list` shows which there are"},
	{-ENOENT, "one of the groups was unplugged; `pvmm group list` shows which there are"},
	{0},
};

static const struct group_error unmerge_errors[] = {
	{-EBUSY, "it is not free; release it first"},
	{-EINVAL, "it is not merged; nothing was done"},
	{0},
};

static int need_driver(struct group_cli *cli, const char *file)
{
	char path[PATH_MAX];

	if (!group_driver_is_loaded(cli->root)) {
		log_error(cli->log, "only the group driver can merge groups; load it: "
			  "modprobe devgroups");
		return -ENODEV;
	}
	snprintf(path, sizeof(path), "%s/devgroups/%s", cli->root->sys, file);
	if (access(path, F_OK) == 0)
		return 0;
	log_error(cli->log, "the group driver that is loaded cannot merge groups; load the one "
		  "that belongs to this pvmm");
	return -ENODEV;
}

static bool is_among(const unsigned *numbers, unsigned count, unsigned number)
{
	for (unsigned i = 0; i < count; i++) {
		if (numbers[i] == number)
			return true;
	}
	return false;
}

static int expect_free(struct group_cli *cli, const struct group_info *info, const char *verb)
{
	if (group_info_is(info, "free"))
		return 0;
	log_error(cli->log, "cannot %s group %u: it is %s%s%s; release it first", verb,
		  info->number, info->state, info->owner[0] ? ", by process " : "", info->owner);
	return -EBUSY;
}

/* The different groups that @names stand for, as many as there are; all are looked at. */
static int find_groups(struct group_cli *cli, char *const *names, unsigned nr_names,
		       unsigned *numbers, unsigned *count, bool *all_free)
{
	struct group_info info;
	int ret = 0;

	*count = 0;
	*all_free = true;
	for (unsigned i = 0; i < nr_names; i++) {
		int missing = group_info_find(cli->root, names[i], &info, cli->log);

		ret = ret ? ret : missing;
		if (!missing && !is_among(numbers, *count, info.number)) {
			*all_free &= group_info_is(&info, "free");
			numbers[(*count)++] = info.number;
		}
		group_info_exit(&info);
	}
	return ret;
}

static int complain_not_free(struct group_cli *cli, const unsigned *numbers, unsigned count)
{
	struct group_info info;
	char name[16];

	for (unsigned i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%u", numbers[i]);
		if (group_info_find(cli->root, name, &info, cli->log) == 0)
			expect_free(cli, &info, "merge");
		group_info_exit(&info);
	}
	return -EBUSY;
}

int group_merge(struct group_cli *cli, char *const *names, unsigned nr_names)
{
	unsigned numbers[GROUP_NAMES_MAX], count;
	char text[12 * GROUP_NAMES_MAX];
	size_t length = 0;
	bool all_free;
	int ret = need_driver(cli, "merge");

	if (!ret)
		ret = find_groups(cli, names, nr_names, numbers, &count, &all_free);
	if (ret)
		return ret;
	if (count == 1)
		return -EALREADY;
	if (!all_free)
		return complain_not_free(cli, numbers, count);
	for (unsigned i = 0; i < count; i++)
		length += (size_t)sprintf(text + length, "%s%u", i ? " " : "", numbers[i]);
	ret = sysfs_write(text, "%s/devgroups/merge", cli->root->sys);
	return ret ? group_cli_complain(cli, "merge others into", numbers[0], ret, merge_errors) : 0;
}

int group_cli_merge(struct group_cli *cli)
{
	int ret = group_merge(cli, cli->names, cli->nr_names);

	if (ret == -EALREADY)
		log_error(cli->log, "these are one group already; name devices of others, too");
	return ret;
}

int group_cli_unmerge(struct group_cli *cli)
{
	struct group_info info = { .number = 0 };
	char text[16];
	int ret = need_driver(cli, "unmerge");

	if (!ret)
		ret = group_info_find(cli->root, cli->names[0], &info, cli->log);
	if (!ret && info.members[0] && group_info_count_members(&info) == 1)
		ret = group_cli_complain(cli, "unmerge", info.number, -EINVAL, unmerge_errors);
	else if (!ret)
		ret = expect_free(cli, &info, "unmerge");
	if (!ret) {
		snprintf(text, sizeof(text), "%u", info.number);
		ret = sysfs_write(text, "%s/devgroups/unmerge", cli->root->sys);
		if (ret)
			group_cli_complain(cli, "unmerge", info.number, ret, unmerge_errors);
	}
	group_info_exit(&info);
	return ret;
}

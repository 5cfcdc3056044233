/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the files of `pvmm group`: the commands, and what they share. Not for others.
 */
#ifndef PVMM_CLI_GROUP_PARTS_H
#define PVMM_CLI_GROUP_PARTS_H

#include <stdio.h>

#include "vmm/cli/json.h"
#include "vmm/group/info.h"

#define GROUP_NAMES_MAX 32	/* on one command line */

struct group_cli {
	const struct host_root *root;
	struct log *log;
	FILE *out;
	bool json, force;
	unsigned nr_names;
	char *names[GROUP_NAMES_MAX];	/* of groups: numbers, folders, PCI addresses */
};

/* Each does one command. 0; -errno after lines on the log; 1: check found something. */
int group_cli_list(struct group_cli *cli);
int group_cli_show(struct group_cli *cli);
int group_cli_check(struct group_cli *cli);
int group_cli_claim(struct group_cli *cli);
int group_cli_release(struct group_cli *cli);
int group_cli_merge(struct group_cli *cli);
int group_cli_unmerge(struct group_cli *cli);
int group_cli_apply(struct group_cli *cli);

/* Claims a group that is not claimed. */
int group_claim(struct group_cli *cli, const struct group_info *info);
/* Makes one group of those that @names stand for; -EALREADY, without a line on the log, when
 * they are one. */
int group_merge(struct group_cli *cli, char *const *names, unsigned nr_names);

/* What a write to a file of the group driver means when it fails, for the operator. */
struct group_error {
	int error;
	const char *text;	/* what is wrong, and what to do */
};

/* One line, "cannot VERB group N: ..."; the table ends with error 0. Returns @error. */
int group_cli_complain(struct group_cli *cli, const char *verb, unsigned number, int error,
		       const struct group_error *errors);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `pvmm group`: listing, checking, claiming and merging the host's device groups.
 */
#ifndef PVMM_CLI_GROUP_H
#define PVMM_CLI_GROUP_H

#include <stdio.h>

#include "vmm/group/host.h"

/*
 * argv[0] is "group". What was asked for goes to @out, messages to @log. Returns the exit status:
 * 0, or 1 when something is wrong or, for `check`, in the way.
 */
int group_command(const struct host_root *root, int argc, char **argv, FILE *out,
		  struct log *log);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The backend of the group driver: a claimed group by its file /dev/devgroup/N. The interface is
 * kernel/uapi/devgroups.h; of kernel/ nothing else is included.
 */
#ifndef PVMM_GROUP_DEVGROUP_H
#define PVMM_GROUP_DEVGROUP_H

#include "vmm/group/host.h"

/*
 * Opens @host's group, which is claimed, and resets it. @config gives the places. 0 and @group,
 * or a negative errno after one line on @log and nothing held.
 */
int devgroup_open(const struct host_root *root, const struct host_group *host,
		  const struct group_config *config, struct log *log, struct group **group);

#endif

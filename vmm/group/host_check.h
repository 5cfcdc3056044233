/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to the check of groups: collecting what blocks, and the part that looks for users
 * of a device (host_uses.c).
 */
#ifndef PVMM_GROUP_HOST_CHECK_H
#define PVMM_GROUP_HOST_CHECK_H

#include "vmm/group/host.h"

struct host_check {
	const struct host_root *root;
	struct log *log;
	unsigned lines;		/* said so far */
};

void host_check_report(struct host_check *check, const char *format, ...) PRINTF(2, 3);
/* Reports filesystems, swap, stacked block devices and interfaces that use @device now. */
void host_check_uses(struct host_check *check, const struct host_device *device);

#endif

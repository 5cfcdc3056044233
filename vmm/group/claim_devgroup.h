/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to claims: a group of the group driver, which is claimed and released as a whole by
 * one write. Its record is like a device's; in place of a driver it holds the number of the
 * process that claimed, by which the group driver knows the claim, too.
 */
#ifndef PVMM_GROUP_CLAIM_DEVGROUP_H
#define PVMM_GROUP_CLAIM_DEVGROUP_H

#include "vmm/group/claim_record.h"

#define CLAIM_DEVGROUP_NAME_SIZE 20
/* The name of the group's record: "devgroup-2". */
void claim_devgroup_name(unsigned number, char name[CLAIM_DEVGROUP_NAME_SIZE]);

/*
 * Claims the group if it is free, or adopts the claim of a pvmm that was killed. 0 and @record
 * to be given back; or 0 and record->fd is -1, when the claim is somebody else's and stays. A
 * negative errno, -EALREADY if a pvmm that lives has the claim, and nothing was done.
 */
int claim_devgroup_take(const struct host_root *root, unsigned number,
			struct claim_record *record);
/* Releases the group, once its file is closed by whoever had it open, and removes @record. What
 * could not be released keeps it; that is on @log. 0 or a negative errno. */
int claim_devgroup_give_back(const struct host_root *root, struct log *log, unsigned number,
			     struct claim_record *record);
#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to claims: the record of one device, a file under the runtime folder that says what
 * the device was before it was taken. Two lines: the driver, and driver_override; either may
 * be empty. A third, "kept", if the claim is to last until somebody releases it. Then NULs, up to
 * the size of the longest, so that one write replaces a record. Whoever owns the device keeps the
 * file locked; nobody does if it is kept. The record of a group of the group driver (devgroup-N
 * instead of an address) has in place of the driver the PID that claimed it.
 */
#ifndef PVMM_GROUP_CLAIM_RECORD_H
#define PVMM_GROUP_CLAIM_RECORD_H

#include "vmm/group/host.h"

#define CLAIM_NAME_SIZE 32

struct claim_record {
	int fd;		/* holds the lock; -1: closed */
	bool found;	/* it was there before: kept, or somebody left it behind */
	bool kept;	/* outlives the process that made it */
	char driver[CLAIM_NAME_SIZE];	/* or the PID */
	char override[CLAIM_NAME_SIZE];
};

/*
 * Opens and locks the record of @bdf, and reads it if it was there; makes it if @create. 0 and
 * @record to be closed or removed; -EALREADY: another process has it locked; -ENOENT: none,
 * and not @create; -EBADMSG: holds something else than a record.
 */
int claim_record_open(const struct host_root *root, const char *bdf, bool create,
		      struct claim_record *record);
/* Reads the record without a lock, for whoever only looks; -ENOENT: none. */
int claim_record_peek(const struct host_root *root, const char *bdf, struct claim_record *record);
/* Replaces the contents by what @record says. */
int claim_record_write(const struct claim_record *record);
/* Lets go of it; the file stays. */
void claim_record_close(struct claim_record *record);
/* Lets go of it and deletes the file. */
void claim_record_remove(const struct host_root *root, const char *bdf,
			 struct claim_record *record);

#endif

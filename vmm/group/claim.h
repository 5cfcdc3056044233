/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Moving a group's devices from their host drivers to vfio-pci and back, all or nothing. What
 * each had before is kept in memory and, for the case that pvmm is killed, in a small file
 * under the runtime folder (/run/pvmm/claims/BDF, holding the driver's name; empty: it had
 * none), so that the next claim or claim_restore() can give it back. The record is locked for
 * as long as its owner lives, which tells one in use from one left behind.
 */
#ifndef PVMM_GROUP_CLAIM_H
#define PVMM_GROUP_CLAIM_H

#include "vmm/group/host.h"

struct claim;	/* devices taken by this process */

/*
 * Binds every device of @group to vfio-pci that is not bound to it: free ones always, ones
 * with a host driver only with @take. A device that a killed pvmm left on vfio-pci counts as
 * taken here, from the driver in its record. On failure what was done is undone, one line on
 * @log, and a negative errno (-EBUSY: somebody else has the group). The check of host.h must
 * have passed. @root and @log are borrowed until claim_release().
 */
int claim_group(const struct host_root *root, const struct host_group *group, bool take,
		struct log *log, struct claim **claim);
/* Gives each device back to the driver it had; says on @log which could not be. NULL: nothing.
 * The group must be closed: unbinding a device that is open waits until it is not. */
void claim_release(struct claim *claim);

/* The files that must stay open for the claim to hold; stores at most @max, returns how many. */
unsigned claim_files(const struct claim *claim, int *files, unsigned max);
/* Another process has the claim now (a fork with the claim's files): frees, gives nothing back. */
void claim_forget(struct claim *claim);

/* Gives back every device that a killed pvmm left behind and nobody uses; returns how many. */
unsigned claim_restore(const struct host_root *root, struct log *log);

#endif

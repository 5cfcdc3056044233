/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Taking a group from the host and giving it back, all or nothing: by the group driver, or, for
 * VFIO, by moving its devices from their host drivers to vfio-pci. What each had before is kept
 * in memory and, for the case that pvmm is killed, in a small file under the runtime folder
 * (/run/pvmm/claims/BDF, or devgroup-N for a whole group), so that the next claim or
 * claim_give_back() can give it back. The record is locked for as long as its owner lives, which
 * tells one in use from one left behind. A claim that is kept has no owner: it lasts until
 * claim_give_back().
 */
#ifndef PVMM_GROUP_CLAIM_H
#define PVMM_GROUP_CLAIM_H

#include "vmm/group/host.h"

struct claim;	/* devices taken by this process */

/*
 * By the group driver: claims @group if it is free, whoever holds its devices; one that is
 * claimed already stays so in the end, unless a pvmm that was killed claimed it. By VFIO: binds
 * every device of @group to vfio-pci that is not bound to it: free ones always, ones with a host
 * driver only with @take. A device that a killed pvmm left on vfio-pci counts as
 * taken here, from the driver in its record. On failure what was done is undone, one line on
 * @log, and a negative errno (-EBUSY: somebody else has the group). The check of host.h must
 * have passed. @root and @log are borrowed until claim_release().
 */
int claim_group(const struct host_root *root, const struct host_group *group, bool take,
		struct log *log, struct claim **claim);
/* Gives each device back to the driver it had; says on @log which could not be. NULL: nothing.
 * The group must be closed: unbinding a device that is open waits until it is not. */
void claim_release(struct claim *claim);

/*
 * The same with devices of host drivers taken, to last when this process is gone: claims of
 * others leave the devices as they are, on vfio-pci. What is on vfio-pci already without pvmm's
 * doing is the operator's, and is not recorded.
 */
int claim_group_keep(const struct host_root *root, const struct host_group *group,
		     struct log *log);
/*
 * Ends what claim_group_keep() did, or a killed pvmm left behind. -ENOENT without a line on
 * @log: there is nothing to give back. -EBUSY: somebody uses the group, nothing was done. -EIO:
 * @log says which devices could not be given back.
 */
int claim_give_back(const struct host_root *root, const struct host_group *group,
		    struct log *log);
/* The driver that a claimed device goes back to; "" for none. -ENOENT: pvmm did not claim it. */
int claim_former_driver(const struct host_root *root, const char *bdf, char *driver, size_t size);

/* Has it taken any, or were they all others' to give back? */
bool claim_has_devices(const struct claim *claim);

#endif

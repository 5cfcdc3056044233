// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Claiming groups of the group driver, which gives every device back to the driver it had.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vmm/group/claim_devgroup.h"
#include "vmm/group/sysfs.h"

#define PREFIX "devgroup-"
/* A process that is killed lets go of its files in any order, and its devices are reset then. */
#define TRIES 1200
#define TRY_INTERVAL_NS 50000000L

void claim_devgroup_name(unsigned number, char name[CLAIM_DEVGROUP_NAME_SIZE])
{
	snprintf(name, CLAIM_DEVGROUP_NAME_SIZE, PREFIX "%u", number);
}

static bool has_state(const struct host_root *root, unsigned number, const char *state)
{
	char now[32];

	return sysfs_read(now, sizeof(now), "%s/devgroups/%u/state", root->sys, number) == 0 &&
	       strcmp(now, state) == 0;
}

/* Is the group's claim the one that @record is about? */
static bool is_ours(const struct host_root *root, unsigned number,
		    const struct claim_record *record)
{
	char owner[80];

	if (!record->found || !has_state(root, number, "claimed") ||
	    sysfs_read(owner, sizeof(owner), "%s/devgroups/%u/owner", root->sys, number))
		return false;
	owner[strcspn(owner, " ")] = '\0';	/* the command follows */
	return strcmp(owner, record->driver) == 0;
}

/* One that is claimed: by a pvmm that was killed, by one that lives, or by the administrator. */
static int adopt(const struct host_root *root, unsigned number, const char *name,
		 struct claim_record *record)
{
	int ret = claim_record_open(root, name, false, record);

	if (ret)
		return ret == -ENOENT ? 0 : ret;
	if (!is_ours(root, number, record))
		claim_record_remove(root, name, record);	/* of a claim that has ended */
	return 0;
}

int claim_devgroup_take(const struct host_root *root, unsigned number,
			struct claim_record *record)
{
	char name[CLAIM_DEVGROUP_NAME_SIZE];
	int ret;

	claim_devgroup_name(number, name);
	if (has_state(root, number, "claimed"))
		return adopt(root, number, name, record);
	ret = claim_record_open(root, name, true, record);
	if (ret)
		return ret;
	snprintf(record->driver, sizeof(record->driver), "%d", (int)getpid());
	ret = claim_record_write(record);
	if (!ret)
		ret = sysfs_write("1", "%s/devgroups/%u/claim", root->sys, number);
	if (ret)
		claim_record_remove(root, name, record);
	return ret;
}

static int release(const struct host_root *root, unsigned number)
{
	static const struct timespec interval = {.tv_nsec = TRY_INTERVAL_NS};
	unsigned tries;
	int ret;

	for (tries = 0; ; tries++) {
		ret = sysfs_write("0", "%s/devgroups/%u/claim", root->sys, number);
		if (ret != -EBUSY || tries == TRIES || has_state(root, number, "quarantined"))
			return ret;
		nanosleep(&interval, NULL);
	}
}

int claim_devgroup_give_back(const struct host_root *root, struct log *log, unsigned number,
			     struct claim_record *record)
{
	char name[CLAIM_DEVGROUP_NAME_SIZE];
	int ret = release(root, number);

	claim_devgroup_name(number, name);
	if (ret == -EIO)
		log_warn(log, "group %u is released, but a driver is gone or did not take its "
			 "device back; dmesg names both", number);
	else if (!ret)
		log_info(log, "group %u is released", number);
	else if (ret != -EINVAL && ret != -ENOENT && ret != -ENODEV) {
		log_warn(log, "cannot release group %u: %s; dmesg may say why. When that is "
			 "mended, run: %secho 0 > %s/devgroups/%u/claim", number, strerror(-ret),
			 has_state(root, number, "quarantined") ? "echo 1 > reset there; " : "",
			 root->sys, number);
		claim_record_close(record);
		return ret;
	}
	/* Whatever else: somebody released it before, or it is gone with its last device. */
	claim_record_remove(root, name, record);
	return ret == -EIO ? ret : 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands in the way of taking a device, one blocker at a time. Whoever asks embeds a
 * struct host_check and gets each blocker as it is found. host_check.c has what the host's
 * drivers and VFIO say, host_uses.c who uses a device right now.
 */
#ifndef PVMM_GROUP_HOST_CHECK_H
#define PVMM_GROUP_HOST_CHECK_H

#include "vmm/group/host.h"

enum host_blocker_kind {
	HOST_BLOCKER_HOST,		/* something is missing on the host */
	HOST_BLOCKER_PERMISSION,
	HOST_BLOCKER_HOLDER,		/* another process, or the group's state */
	HOST_BLOCKER_DRIVER,
	HOST_BLOCKER_FUNCTIONS,		/* virtual functions */
	HOST_BLOCKER_MOUNT,
	HOST_BLOCKER_SWAP,
	HOST_BLOCKER_STACKED,		/* a block device on top */
	HOST_BLOCKER_INTERFACE,		/* up, or with addresses */
};

struct host_blocker {
	enum host_blocker_kind kind;
	const struct host_device *device;	/* NULL: the group or the host as a whole */
	char text[1024];	/* "has nvme0n1 mounted on /srv" */
	char command[1024];	/* that clears it; "" when there is none */
	char advice[512];	/* what to do instead of, or beside, the command; may be "" */
};

struct host_check {
	const struct host_root *root;
	void (*found)(struct host_check *check, const struct host_blocker *blocker);
	struct log *log;	/* for host_check_log() */
	unsigned count;		/* found so far */
};

void host_blocker_fix(struct host_blocker *blocker, const char *format, ...) PRINTF(2, 3);
void host_blocker_advise(struct host_blocker *blocker, const char *format, ...) PRINTF(2, 3);
/* Completes @blocker with its text and hands it to check->found(). */
void host_check_report(struct host_check *check, struct host_blocker *blocker,
		       const char *format, ...) PRINTF(3, 4);

/* A found(): one line on check->log. */
void host_check_log(struct host_check *check, const struct host_blocker *blocker);

/* Reports filesystems, swap, stacked block devices and interfaces that use @device now. */
void host_check_uses(struct host_check *check, const struct host_device *device);
/* Reports virtual functions that @device has: they vanish with its driver. */
void host_check_functions(struct host_check *check, const struct host_device *device);
/* Reports that vfio-pci is not there to take a device. */
void host_check_vfio_pci(struct host_check *check);

/* The interface's addresses, those left out that the kernel itself makes; "" when none. */
void host_interface_addresses(const char *name, char *text, size_t size);
/* @text as an argument that can be typed at a shell. */
void host_quote(char *quoted, size_t size, const char *text);

#endif

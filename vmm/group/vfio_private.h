/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to the VFIO backend: its group, shared by opening and closing (vfio.c), by
 * resetting (vfio_reset.c), and by the platform's error handling (vfio_eeh.c).
 */
#ifndef PVMM_GROUP_VFIO_PRIVATE_H
#define PVMM_GROUP_VFIO_PRIVATE_H

#include "vmm/group/vfio.h"

struct vfio_group {
	struct group group;
	struct log *log;
	int container_fd;	/* -1: not open */
	int group_fd;		/* -1: not open */
	bool attached;		/* the group is in the container */
	bool warned;		/* of a device that cannot be reset: once is enough */
	struct group_device devices[HOST_GROUP_MAX_DEVICES];
};

/*
 * Quiesces every device, then resets it: a function reset where the device has one, else the
 * bus if all on it is in this group. What cannot be reset at all is warned of, and no error; a
 * reset that fails is one, after a line on the group's log.
 */
int vfio_group_reset(struct group *group);
/* The same for a group just opened: the kernel reset each function when it opened it. */
int vfio_group_reset_opened(struct group *group);

/* Gives the group, which is in its container, its recovery if the platform isolates it (EEH). */
void vfio_group_find_eeh(struct vfio_group *vfio);

#endif

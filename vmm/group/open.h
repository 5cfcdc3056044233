/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to the backends: the part of opening a group that is the same for all of them, its
 * devices and their places.
 */
#ifndef PVMM_GROUP_OPEN_H
#define PVMM_GROUP_OPEN_H

#include "vmm/group/host.h"

/* Returns a new file of the device @name, with the VFIO device API; or a negative errno. */
typedef int group_device_file(struct group *group, const char *name);

/* Fills in what is known before anything is open; @devices has room for as many as a group may
 * have. 0 or -ENOMEM. group_exit() undoes it. */
int group_init(struct group *group, const struct group_ops *ops, const struct host_group *host,
	       const struct group_config *config, struct group_device *devices);
void group_exit(struct group *group);

/*
 * Opens all devices of @host's group but bridges, by @open_file, and gives them the places that
 * @config asks for. 0; or a negative errno after one line on @log, and then those that are open
 * are still to be closed.
 */
int group_open_devices(struct group *group, const struct host_group *host,
		       const struct group_config *config, group_device_file *open_file,
		       struct log *log);
void group_close_devices(struct group *group);

#endif

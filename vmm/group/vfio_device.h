/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to the backends: one device by a file that speaks the VFIO device API, whichever
 * backend opened it.
 */
#ifndef PVMM_GROUP_VFIO_DEVICE_H
#define PVMM_GROUP_VFIO_DEVICE_H

#include "vmm/group/group.h"

/*
 * Fills regions and interrupts from a VFIO device fd, which it owns from then on (also after
 * a failure); @device, whose group knows its capabilities, needs vfio_device_exit() only after
 * success. 0 or a negative errno.
 */
int vfio_device_init(struct group_device *device, int fd);
void vfio_device_exit(struct group_device *device);

/*
 * Signals eventfd @fd whenever the kernel wants the device back or sees an error of it; -1: no
 * more. A device that cannot tell is not an error. 0 or a negative errno.
 */
int vfio_device_set_event(struct group_device *device, enum group_event event, int fd);

#endif

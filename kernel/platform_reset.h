/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How modules that know a kind of platform device tell the group driver to reset one. There is no
 * reset that all platform devices have; one that nobody knows how to reset keeps its state from one
 * user to the next, and the log says so.
 */
#ifndef DEVGROUPS_PLATFORM_RESET_H
#define DEVGROUPS_PLATFORM_RESET_H

#include <linux/list.h>

struct module;
struct platform_device;

struct devgroup_platform_reset {
	struct module *owner;
	/* Of the device tree's node, or the device's name without number. */
	const char *compatible;
	/*
	 * The device is quiet afterwards, as after power-on: no DMA, no interrupt pending. May sleep.
	 * A negative errno: it could not be reset, and may not be given to anybody.
	 */
	int (*reset)(struct platform_device *pdev);
	struct list_head link;	/* the group driver's */
};

/* @reset stays until unregistered. Not while a device of the kind is in use. */
void devgroup_platform_reset_register(struct devgroup_platform_reset *reset);
void devgroup_platform_reset_unregister(struct devgroup_platform_reset *reset);

#endif

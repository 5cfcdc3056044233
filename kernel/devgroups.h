/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The group driver's objects and what its files offer each other. docs/devgroups.md describes
 * the interface to users; the order of locks is at the top of main.c.
 */
#ifndef DEVGROUPS_H
#define DEVGROUPS_H

#include <linux/iommu.h>
#include <linux/kobject.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/sched.h>
#include <linux/sysfs.h>

#define DEVGROUPS_DRIVER "devgroups"

enum devgroup_state {
	DEVGROUP_FREE,
	DEVGROUP_TAKING,	/* a claim is under way; users see "free" */
	DEVGROUP_CLAIMED,
	DEVGROUP_GIVING,	/* a release is under way; users see "claimed" */
};

struct devgroup {
	struct kobject kobj;		/* /sys/devgroups/N */
	struct kobject *devices_dir;	/* /sys/devgroups/N/devices; owned */
	struct mutex claim_lock;	/* one claim, release or adoption at a time */

	/* The rest is protected by devgroups_registry. */
	struct list_head link;		/* in devgroups_list */
	struct list_head devices;	/* struct devgroup_device */
	struct iommu_group *iommu_group; /* a reference; NULL once the last device has left */
	enum devgroup_state state;
	bool owned;			/* the group's DMA is ours */
	bool arrivals;			/* devices came while it was not free */
	struct pid *owner;		/* who claimed it; a reference, or NULL */
	char owner_comm[TASK_COMM_LEN];
};

struct devgroup_device {
	struct kobject kobj;		/* /sys/devgroups/N/devices/BDF */
	struct devgroup *group;		/* a reference */
	struct device *dev;		/* a reference */
	struct bin_attribute config;	/* name NULL: the device has no such file */
	struct bin_attribute vpd;

	/* Protected by devgroups_registry. */
	struct list_head link;		/* in the group; empty once the device has left */
	bool admitted;			/* the placeholder driver may bind it */
	char *driver_before;		/* owned; NULL: it had none */

	/* Protected by the group's claim_lock. */
	bool taken;			/* to be given back */
	bool arrived;			/* came during a claim: any driver may have it afterwards */
	char *override_before;		/* owned */

	/* Protected by the device's lock: files there while the placeholder has it. */
	struct bin_attribute bars[PCI_STD_NUM_BARS];
	struct bin_attribute rom;
};

#define to_devgroup(k) container_of(k, struct devgroup, kobj)
#define to_devgroup_device(k) container_of(k, struct devgroup_device, kobj)

/* main.c */
extern struct kobject *devgroups_root;
extern struct mutex devgroups_topology;
extern struct mutex devgroups_registry;
extern struct list_head devgroups_list;
/* Looks for devices that have no entry yet, soon and in another thread. */
void devgroups_scan_soon(void);

/* group.c; both take devgroups_topology. */
/* Lists @dev if it is in a group and not listed yet. The caller keeps @dev from leaving. */
int devgroup_add_device(struct device *dev);
/* Takes @dev, or with NULL whatever device comes first, off the list; false if there was none. */
bool devgroup_remove_device(struct device *dev);
/*
 * The entry of @dev, with NULL the first; or NULL. devgroups_registry or devgroups_topology held,
 * and the result valid as long as that is.
 */
struct devgroup_device *devgroup_find_device(struct device *dev);

/* device.c */
/* Makes the entry and its files; consumes nothing, takes its own references. */
struct devgroup_device *devgroup_device_create(struct devgroup *group, struct device *dev);
/* The kernel's own file @name of PCI devices, or NULL. */
struct bin_attribute *devgroup_pci_bin_attribute(const char *name);

/* driver.c: the placeholder. */
extern struct pci_driver devgroups_pci_driver;

/* claim.c */
int devgroup_claim(struct devgroup *group);
int devgroup_release(struct devgroup *group);
/* Takes the devices that came while the group was claimed, or offers them to the host again. */
void devgroup_adopt(struct devgroup *group);
/* Gives the group's DMA back to the kernel, if it is ours. devgroups_registry held. */
void devgroup_disown(struct devgroup *group);
/* Forgets who claimed it. devgroups_registry held. */
void devgroup_clear_owner(struct devgroup *group);

/* reason.c, capability.c: contents of files. devgroups_registry held, the group not empty. */
int devgroup_reason(struct devgroup *group, char *buf);
int devgroup_capabilities(struct devgroup *group, char *buf);
int devgroup_dma_windows(struct devgroup *group, char *buf);

/* fault.c: true if this step is the one that a test wants to see fail. */
bool devgroups_fail(void);

#endif

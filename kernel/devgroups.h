/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Groups, their members and devices, and what the driver's files offer each other about them; use.h has
 * what is there while a group is in use. docs/devgroups.md describes the interface to users; the
 * order of locks is at the top of main.c.
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

#include "uapi/devgroups.h"

#define DEVGROUPS_DRIVER "devgroups"

enum devgroup_state {
	DEVGROUP_FREE,
	DEVGROUP_TAKING,	/* a claim is under way; users see "free" */
	DEVGROUP_CLAIMED,
	DEVGROUP_GIVING,	/* a release is under way; users see "claimed" */
};

struct devgroup_use;
struct devgroup_vdev;

struct devgroup {
	struct kobject kobj;		/* /sys/devgroups/N */
	struct kobject *devices_dir;	/* /sys/devgroups/N/devices; owned */
	unsigned long memory_pages;	/* that its use has pinned; written by dma.c */
	unsigned long table_pages;	/* of its windows; written by dma.c */
	struct device *node;		/* /dev/devgroup/N, while the folder is there */
	struct mutex claim_lock;	/* one claim, release or adoption at a time */

	/* The rest is protected by devgroups_registry. */
	struct list_head link;		/* in devgroups_list */
	unsigned int number;		/* N, the number of one of its members; both locks to change */
	struct list_head members;	/* struct devgroup_member; empty once all devices have left */
	struct list_head devices;	/* struct devgroup_device, of all members */
	enum devgroup_state state;
	bool arrivals;			/* devices came while it was not free */
	bool unlisted;			/* and others that were not listed when that ended */
	struct pid *owner;		/* who claimed it; a reference, or NULL */
	char owner_comm[TASK_COMM_LEN];
	struct devgroup_use *use;	/* a reference, until it has ended; NULL: not in use */
	bool quarantined;		/* its reset failed */
	struct list_head kvm_files;	/* of uses that have ended; kvm.c's */
};

/* Protected by devgroups_registry, but for what does not change. */
struct devgroup_member {
	struct iommu_group *iommu_group; /* a reference */
	struct devgroup *group;		/* valid while one of its devices is linked */
	struct list_head link;		/* in the group; empty once the last device has left */
	bool owned;			/* its DMA is ours */
};

/* devgroups_registry or devgroups_topology held. */
#define devgroup_for_each_member(member, group) \
	list_for_each_entry(member, &(group)->members, link)

struct devgroup_device {
	struct kobject kobj;		/* /sys/devgroups/N/devices/BDF */
	struct devgroup *group;		/* a reference */
	struct device *dev;		/* a reference; NULL once it has left */
	const struct devgroup_bus_ops *bus; /* that it is on */
	struct bin_attribute config;	/* name NULL: the device has no such file */
	struct bin_attribute vpd;

	/* Protected by devgroups_registry. */
	struct list_head link;		/* in the group; empty once the device has left */
	struct devgroup_member *member;	/* valid while linked */
	bool admitted;			/* a claim is just having the placeholder bind it */
	char *driver_before;		/* owned; NULL: it had none */
	struct devgroup_vdev *vdev;	/* while the placeholder has it; the binding's reference */

	/* Protected by the group's claim_lock. */
	bool taken;			/* to be given back */
	bool arrived;			/* came during a claim: any driver may have it afterwards */
	char *override_before;		/* owned */

	/* Protected by the device's lock: files there while the placeholder has it. */
	struct bin_attribute bars[PCI_STD_NUM_BARS];
	struct bin_attribute rom;
};

/* What a bus has to do with groups. */
struct devgroup_bus_ops {
	const struct bus_type *type;
	struct device_driver *driver;	/* the placeholder's */
	int (*register_driver)(void);
	void (*unregister_driver)(void);
	/* While no device of the bus comes or goes; NULL: there is no such lock. */
	void (*lock)(void);
	void (*unlock)(void);
	/* false: it stays with the host. devgroups_registry held, here and for is_busy. */
	bool (*can_be_taken)(struct device *dev);
	/* Its driver would have to clean up; NULL: never. */
	bool (*is_busy)(struct device *dev);
	/* A driver of the bus that leaves the group's DMA alone. */
	bool (*manages_dma)(struct device_driver *driver);
	const struct devgroup_entry_ops *entry;
};

/* What the placeholder and a device's folder have of the bus. */
struct devgroup_entry_ops {
	/* Files that are always there, beside attributes; NULL: none. */
	int (*add_files)(struct devgroup_device *ddev);
	/* The device's lock held: what comes with the placeholder, and goes with it. */
	struct devgroup_vdev *(*create)(struct devgroup_device *ddev);
	int (*add_claimed_files)(struct devgroup_device *ddev);
	void (*remove_claimed_files)(struct devgroup_device *ddev);
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

/* group.c */
/* Makes a folder and file of that number, with nothing in it, and in no list yet. */
struct devgroup *devgroup_create(unsigned int number);
/* Removes folder and file, and drops the list's reference. The group must be in no list. */
void devgroup_destroy(struct devgroup *group);
/* The listed group of that number, or NULL. devgroups_registry or devgroups_topology held. */
struct devgroup *devgroup_find(unsigned int number);
/* These two take devgroups_topology. */
/* Lists @dev if it is in a group and not listed yet. The caller keeps @dev from leaving. */
int devgroup_add_device(struct device *dev);
/*
 * Takes @dev, or with NULL whatever device comes first, off the list; false if there was none.
 * Nobody here works with @dev when it returns.
 */
bool devgroup_remove_device(struct device *dev);
/*
 * The entry of @dev, with NULL the first; or NULL. devgroups_registry or devgroups_topology held,
 * and the result valid as long as that is.
 */
struct devgroup_device *devgroup_find_device(struct device *dev);

/* member.c; devgroups_registry held where nothing else is said, but for making and freeing. */
/* Takes a reference to @iommu_group; NULL: no memory. Not in @group's list yet. */
struct devgroup_member *devgroup_member_create(struct devgroup *group,
					       struct iommu_group *iommu_group);
void devgroup_member_free(struct devgroup_member *member);
/* Whether @iommu_group is a member. Takes devgroups_registry. */
bool devgroup_has_member(struct devgroup *group, struct iommu_group *iommu_group);
/* The listed member that is @iommu_group, or NULL. devgroups_topology is enough. */
struct devgroup_member *devgroup_find_member(struct iommu_group *iommu_group);
/* Takes the DMA of all members, or of none: -EBUSY if VFIO has one. */
int devgroup_own(struct devgroup *group);
/* Give back to the kernel the DMA that is ours. */
void devgroup_disown(struct devgroup *group);
void devgroup_member_disown(struct devgroup_member *member);
/* VFIO has a member. */
bool devgroup_in_use_elsewhere(struct devgroup *group);

/* device.c */
/* Makes the entry and its files; consumes nothing, takes its own references. */
struct devgroup_device *devgroup_device_create(struct devgroup *group, struct device *dev);
/*
 * Has @act work with the device, which may be leaving, and returns what that returns; 0 if it has
 * left. Who removes the device waits for that: on powernv the end of the last reference to a
 * device takes its partitionable endpoint away, even if that belongs to a new device at the same
 * address by then. @act may take what a driver's probe and remove may, see main.c.
 */
int devgroup_device_visit(struct devgroup_device *ddev,
			  int (*act)(struct devgroup_device *ddev, struct device *dev));
/* Waits until nobody visits @dev, which is in no group's list any more. */
void devgroup_device_wait(struct device *dev);
/* Ends the entry's own reference. The entry is off the list, and its folder gone. */
void devgroup_device_forget(struct devgroup_device *ddev);
/* The kernel's own file @name of PCI devices, or NULL. */
struct bin_attribute *devgroup_pci_bin_attribute(const char *name);
/* Adds a read-only file that reads like that, if there is such. */
int devgroup_add_bin_file(struct devgroup_device *ddev, struct bin_attribute *attr,
			  const char *name, size_t size);

/* bus.c */
#define DEVGROUP_NR_BUSES 2
extern const struct devgroup_bus_ops *const devgroup_buses[DEVGROUP_NR_BUSES];
extern const struct devgroup_bus_ops devgroup_pci_bus, devgroup_platform_bus;
/* That of a device, or NULL: no group can have it. */
const struct devgroup_bus_ops *devgroup_bus_of(struct device *dev);
void devgroup_bus_lock(const struct devgroup_bus_ops *bus);
void devgroup_bus_unlock(const struct devgroup_bus_ops *bus);
/* The driver leaves the group's DMA alone. The device's lock held, and it has a driver. */
bool devgroup_driver_manages_dma(struct device *dev);

/* driver.c: what the placeholder drivers of all buses do. The device's lock held. */
/* -ENODEV: no claim wants it bound. */
int devgroup_placeholder_bind(struct device *dev);
void devgroup_placeholder_unbind(struct device *dev);
/* Takes a device that is about to leave, if it is claimed, away from its user. Without its lock. */
void devgroup_placeholder_leave(struct device *dev);

/* claim.c */
int devgroup_claim(struct devgroup *group);
int devgroup_release(struct devgroup *group);
/*
 * Takes the devices that came while the group was claimed, or offers them to the host again.
 * -ENOMEM: has not begun, and is to be called again.
 */
int devgroup_adopt(struct devgroup *group);
/* Forgets who claimed it. devgroups_registry held. */
void devgroup_clear_owner(struct devgroup *group);

/* file.c */
int devgroups_file_init(void);
void devgroups_file_exit(void);
/* Makes /dev/devgroup/N, or ERR_PTR. */
struct device *devgroup_file_create(unsigned int number);
void devgroup_file_destroy(struct device *node);
/* platform_driver.c */
extern const struct attribute_group devgroup_platform_group;
ssize_t devgroup_platform_show(struct device *dev, struct attribute *attr, char *buf);

/* merge.c: the files /sys/devgroups/merge and unmerge; ends with NULL. */
extern const struct attribute *devgroups_merge_attrs[];

/* reason.c, capability.c: contents of files. devgroups_registry held, the group not empty. */
int devgroup_reason(struct devgroup *group, char *buf);
int devgroup_capabilities(struct devgroup *group, char *buf);
u64 devgroup_capability_mask(struct devgroup *group); /* DEVGROUP_CAP_* */
int devgroup_dma_windows(struct devgroup *group, char *buf);
/* What the TCE tables of all members can do: the default window, and more of them. */
struct devgroup_tce_limits {
	u64 start, size;
	u64 page_sizes;			/* mask */
	u32 max_dynamic, max_levels;
};
/* False if a member has no such tables, as all of them on other platforms. */
bool devgroup_tce_limits(struct devgroup *group, struct devgroup_tce_limits *limits);
/* Whether one DMA window, with the same mappings, can serve both groups. */
bool devgroup_can_share_dma(struct devgroup *group, struct devgroup *other);

/* fault.c: true if this step is the one that a test wants to see fail. */
bool devgroups_fail(void);

#endif

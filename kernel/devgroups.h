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
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/sysfs.h>
#include <linux/vfio_pci_core.h>
#include <linux/wait.h>

#include "uapi/devgroups.h"

#define DEVGROUPS_DRIVER "devgroups"

enum devgroup_state {
	DEVGROUP_FREE,
	DEVGROUP_TAKING,	/* a claim is under way; users see "free" */
	DEVGROUP_CLAIMED,
	DEVGROUP_GIVING,	/* a release is under way; users see "claimed" */
};

#define DEVGROUP_NR_EVENTS 2	/* of enum devgroup_event */

struct devgroup_dma;

/* Who is inside, and whether one may go in; both under the wait queue's lock. */
struct devgroup_gate {
	wait_queue_head_t wait;
	unsigned int inside;
	bool shut;
};

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
	struct bin_attribute config;	/* name NULL: the device has no such file */
	struct bin_attribute vpd;

	/* Protected by devgroups_registry. */
	struct list_head link;		/* in the group; empty once the device has left */
	struct devgroup_member *member;	/* valid while linked */
	bool admitted;			/* the placeholder driver may bind it */
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

/*
 * The use of a claimed group, from the open of its file to the end of the last file and mapping.
 * Devices that come meanwhile are not part of it; those that leave stay in the list.
 */
struct devgroup_use {
	struct kref ref;		/* all files together have one; the group has one */
	refcount_t files;		/* the group's file and those of its devices */
	struct devgroup *group;		/* a reference */
	struct mutex lock;		/* one reset, unplug, closing or end at a time */
	struct devgroup_gate gate;	/* inside: who works with devices or DMA for the user */
	struct pid *owner;		/* who opened it; a reference */
	char owner_comm[TASK_COMM_LEN];

	/* Changed under lock with the gate shut, so that either is enough to read them. */
	struct devgroup_dma *dma;	/* owned; NULL: all devices are gone, or it has ended */
	enum devgroup_error_state state;
	enum devgroup_error_cause cause;
	unsigned int freezes;
	bool dma_blocked;		/* lock */

	struct list_head kvm_files;	/* lock; kvm.c's */

	spinlock_t event_lock;
	struct eventfd_ctx *events[DEVGROUP_NR_EVENTS]; /* references; event_lock */

	unsigned int count;
	struct devgroup_vdev *devices[] __counted_by(count); /* references */
};

/*
 * A device as VFIO's PCI code knows it, without being registered with VFIO: there while the
 * placeholder holds the device, and as long as files of it are open. Counted by core's device.
 */
struct devgroup_vdev {
	struct vfio_pci_core_device core; /* first */
	char name[DEVGROUP_NAME_SIZE];
	struct devgroup_device *ddev;	/* of the placeholder, while it holds the device */
	struct devgroup_use *use;	/* of the open file, which holds the reference */
	bool leaving;			/* is being unplugged: do not wait for its lock */

	/* The use's lock: */
	bool removed;			/* was unplugged: there is no device, core.pdev dangles */
	bool dirty;			/* was used since its last reset; set inside the gate, too */
	struct vfio_device *token;	/* owned; NULL: VFIO does not know the device */
	/* BARs as the user sees them, over a reset. */
	u8 bars[PCI_CAPABILITY_LIST - PCI_BASE_ADDRESS_0];

	/* core.vdev.dev_set->lock: */
	bool opened;			/* has a file */
	/* And with the use's gate shut, or inside of it and for the file that is just made: */
	bool enabled;			/* vfio_pci_core has it */

	/* While the use is not in state NORMAL, and by who changes that: */
	struct mutex command_lock;	/* inside the gate */
	bool isolated;			/* the device has less than the user has set */
	u16 command;			/* what the user has set; command_lock */

	struct mutex map_lock;		/* below mmap_lock: enabled does not change */

	struct rw_semaphore fault_lock;	/* below mmap_lock; above core's memory_lock */
	bool present;			/* accesses reach the device; fault_lock */
	bool ones_mapped;		/* since the last zap; fault_lock, set by its readers */
	struct page *ones;		/* owned; what is mapped where no access may go */
	struct delayed_work refill;	/* queued while the device has a file at most */
	const struct vm_operations_struct *real_ops; /* map_lock; VFIO's */
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
/* Takes @dev, or with NULL whatever device comes first, off the list; false if there was none. */
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
 * A reference to the device, or NULL if it has left. For a moment only: on powernv the end of the
 * last reference to a device takes its partitionable endpoint away, even if that belongs to a new
 * device at the same address by then.
 */
struct device *devgroup_device_hold(struct devgroup_device *ddev);
/* Ends the entry's own reference. The entry is off the list, and its folder gone. */
void devgroup_device_forget(struct devgroup_device *ddev);
/* The kernel's own file @name of PCI devices, or NULL. */
struct bin_attribute *devgroup_pci_bin_attribute(const char *name);

/* driver.c: the placeholder. */
extern struct pci_driver devgroups_pci_driver;

/* claim.c */
int devgroup_claim(struct devgroup *group);
int devgroup_release(struct devgroup *group);
/* Takes the devices that came while the group was claimed, or offers them to the host again. */
void devgroup_adopt(struct devgroup *group);
/* Forgets who claimed it. devgroups_registry held. */
void devgroup_clear_owner(struct devgroup *group);

/* gate.c */
void devgroup_gate_init(struct devgroup_gate *gate);
/* Waits while it is shut; fails if the caller is killed. Nobody may enter twice. */
int devgroup_gate_enter(struct devgroup_gate *gate);
void devgroup_gate_leave(struct devgroup_gate *gate);
/* Waits until nobody is inside. One at a time; @number is the group's, for the log. */
void devgroup_gate_shut(struct devgroup_gate *gate, unsigned int number);
void devgroup_gate_open(struct devgroup_gate *gate);

/* file.c */
int devgroups_file_init(void);
void devgroups_file_exit(void);
/* Makes /dev/devgroup/N, or ERR_PTR. */
struct device *devgroup_file_create(unsigned int number);
void devgroup_file_destroy(struct device *node);
/*
 * Copies the first @size bytes of a call's argument, which must be there according to its argsz,
 * and may be more. -EFAULT, -EINVAL.
 */
int devgroup_copy_argument(void *to, size_t size, const void __user *arg);

/* use.c */
/*
 * Takes a claimed group into use for the calling process, with one file. -ENODEV: not claimed;
 * -EBUSY: in use; -EIO: quarantined, unless @quarantined. -ENOMEM.
 */
struct devgroup_use *devgroup_use_begin(struct devgroup *group, bool quarantined);
/* The use of a group, with a reference to its memory, or NULL. */
struct devgroup_use *devgroup_use_get(struct devgroup *group);
void devgroup_use_get_file(struct devgroup_use *use);
/* With the last one the use ends: see there. True if that left the group quarantined. */
bool devgroup_use_put_file(struct devgroup_use *use);
/* The memory alone. */
void devgroup_use_put(struct devgroup_use *use);
void devgroup_use_signal(struct devgroup_use *use, enum devgroup_event event);
/* Takes a device that leaves away from the use of its group, if there is one. Its lock held. */
void devgroup_use_unplug(struct devgroup_vdev *vdev);
/* DEVGROUP_RESET: @bus: of all buses. */
int devgroup_use_reset(struct devgroup_use *use, bool bus);
/* Resets a group that is not in use, which ends its quarantine. Errors: as begin, or EIO. */
int devgroup_use_clean(struct devgroup *group);

/* pci_device.c */
/* Made and destroyed by the placeholder, with the device's lock held. */
struct devgroup_vdev *devgroup_vdev_create(struct devgroup_device *ddev);
void devgroup_vdev_destroy(struct devgroup_vdev *vdev);
void devgroup_vdev_get(struct devgroup_vdev *vdev);
void devgroup_vdev_put(struct devgroup_vdev *vdev);
/* Inside the use's gate: a file descriptor for the device, or an error. */
int devgroup_vdev_open(struct devgroup_vdev *vdev, struct devgroup_use *use);
/* The use's lock held, its gate shut: takes the device from VFIO's code, and gives it again. */
void devgroup_vdev_disable(struct devgroup_vdev *vdev);
int devgroup_vdev_enable(struct devgroup_vdev *vdev);

/* freeze.c */
int devgroup_freeze(struct devgroup_use *use, enum devgroup_error_cause cause);
/* The hardware gave up. */
void devgroup_freeze_forever(struct devgroup_use *use);
/* @flags: DEVGROUP_RELEASE_*. */
int devgroup_unfreeze(struct devgroup_use *use, u32 flags, bool by_user);
int devgroup_configure(struct devgroup_use *use);
/* Fills in state, cause and count. */
void devgroup_freeze_look(struct devgroup_use *use, struct devgroup_error *error);
/* How a freeze ends by a reset. The use's lock held, its gate shut. */
int devgroup_freeze_end(struct devgroup_use *use);
void devgroup_freeze_dead(struct devgroup_use *use);
/* For files of sysfs; devgroups_registry held by error_state and is_frozen. */
int devgroup_error_state(struct devgroup *group, char *buf);
bool devgroup_is_frozen(struct devgroup_use *use);
int devgroup_freeze_store(struct devgroup *group, const char *buf);

/* isolate.c: a device that is enabled while the use is not in state NORMAL */
/* The use's lock held, its gate shut, or the device just being opened: follows the state. */
void devgroup_isolate(struct devgroup_vdev *vdev);
int devgroup_configure_device(struct devgroup_vdev *vdev);
/* Inside the gate. */
ssize_t devgroup_isolated_read(struct devgroup_vdev *vdev, char __user *buf, size_t count,
			       loff_t *offset);
ssize_t devgroup_isolated_write(struct devgroup_vdev *vdev, const char __user *buf, size_t count,
				loff_t *offset);
long devgroup_isolated_set_irqs(struct devgroup_vdev *vdev, unsigned long arg);

/* ones.c: what a mapping of a device shows where no access may reach the device. */
int devgroup_ones_init(struct devgroup_vdev *vdev);
void devgroup_ones_exit(struct devgroup_vdev *vdev);
/* Makes a mapping by VFIO's code one that is never SIGBUS. map_lock held. */
void devgroup_ones_wrap(struct devgroup_vdev *vdev, struct vm_area_struct *vma);
/* Whether accesses reach the device from the return on. */
void devgroup_ones_set_present(struct devgroup_vdev *vdev, bool present);
/* The device may have begun to decode: shows it where it did not. */
void devgroup_ones_look_again(struct devgroup_vdev *vdev);

/* reset.c */
/*
 * Resets the use's devices, of which none is enabled. The use's lock held. -ENOTTY: there is no
 * way to reset some of them, the others were reset; other errors: a reset failed, all were tried.
 */
int devgroup_reset(struct devgroup_use *use, bool bus);
/* Repeats what gives up when somebody holds the device's lock, which nobody does for long. */
int devgroup_retry(struct devgroup_vdev *vdev, int (*step)(struct devgroup_vdev *vdev));

/*
 * dma.c. Created when the group is opened, with no window: devices reach no memory. Destroyed
 * when it is closed, or before its last device leaves, by any thread of any process, blocked or
 * not; afterwards devices reach no memory. Bus mastering is off for all devices then, but nobody
 * has reset them. The IOMMU groups of all members exist from before create until after destroy, or
 * after remove_member for one whose last device leaves while others stay; no member is added
 * meanwhile. Calls of devgroup_dma_ioctl may come from several threads at once, and from a process
 * that shares neither memory nor limits with the one that opened the group, also while block and
 * unblock are under way; the rest is called by one at a time, and destroy and remove_member with no
 * ioctl under way.
 */
struct devgroup_dma *devgroup_dma_create(struct devgroup *group);
void devgroup_dma_destroy(struct devgroup_dma *dma);
/* From the return on the member's devices reach no memory, and destroy does not touch it. */
void devgroup_dma_remove_member(struct devgroup_dma *dma, struct devgroup_member *member);
/* -ENOTTY: not a DMA command. */
long devgroup_dma_ioctl(struct devgroup_dma *dma, unsigned int cmd, void __user *arg);
/* No DMA reaches memory from the return of block to unblock; what is set up stays, and may change. */
int devgroup_dma_block(struct devgroup_dma *dma);
int devgroup_dma_unblock(struct devgroup_dma *dma);

/* kvm.c, on POWER */
#ifdef CONFIG_SPAPR_TCE_IOMMU
/* DEVGROUP_BIND_KVM: a new file descriptor, or an error. */
int devgroup_kvm_bind(struct devgroup_use *use, unsigned int index);
/* A device is about to leave: waits a moment for KVM to let go. No lock of the use held. */
void devgroup_kvm_wait(struct devgroup_use *use, struct devgroup_vdev *vdev);
/* A device that leaves. The use's lock held; never waits for a user. */
void devgroup_kvm_hide(struct devgroup_use *use, struct devgroup_vdev *vdev);
/* The end of the use, whose lock is held: before its DMA goes. */
void devgroup_kvm_end(struct devgroup_use *use);
/* Whether KVM, or who bound it, has a file of a former use yet. devgroups_registry held. */
bool devgroup_kvm_held(struct devgroup *group);
/* Nobody will have the group any more. */
void devgroup_kvm_forget(struct devgroup *group);
/* kvm_file.c: VFIO's file of an IOMMU group that VFIO knows, newly opened; or ERR_PTR. */
struct file *devgroup_kvm_open(struct iommu_group *iommu_group);
#else
static inline int devgroup_kvm_bind(struct devgroup_use *use, unsigned int index)
{
	return -EOPNOTSUPP;
}
static inline void devgroup_kvm_wait(struct devgroup_use *use, struct devgroup_vdev *vdev) { }
static inline void devgroup_kvm_hide(struct devgroup_use *use, struct devgroup_vdev *vdev) { }
static inline void devgroup_kvm_end(struct devgroup_use *use) { }
static inline bool devgroup_kvm_held(struct devgroup *group) { return false; }
static inline void devgroup_kvm_forget(struct devgroup *group) { }
#endif

/* The contents of dma_pinned: what the group's use pins. */
int devgroup_dma_pinned(struct devgroup *group, char *buf);
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

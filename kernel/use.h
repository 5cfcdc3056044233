/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A claimed group in use: the objects of its user's files, and what the driver's files that work for
 * these offer each other.
 */
#ifndef DEVGROUPS_USE_H
#define DEVGROUPS_USE_H

#include <linux/refcount.h>
#include <linux/vfio.h>
#include <linux/wait.h>

#include "devgroups.h"

#define DEVGROUP_NR_EVENTS 2	/* of enum devgroup_event */

struct devgroup_dma;

struct devgroup_gate {
	atomic_t inside;	/* how many are, and far below 0 while it is shut */
	wait_queue_head_t wait;
	unsigned int shut;	/* by how many; under the wait queue's lock */
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
	atomic_t wanted;		/* who holds a device's lock, and waits for this one */
	struct devgroup_gate gate;	/* inside: who works with devices or DMA for the user */
	struct pid *owner;		/* who opened it; a reference */
	char owner_comm[TASK_COMM_LEN];

	/* Changed under lock with the gate shut, so that either is enough to read them. */
	struct devgroup_dma *dma;	/* owned; NULL: all devices are gone, or it has ended */
	enum devgroup_error_state state;
	enum devgroup_error_cause cause;
	unsigned int freezes;

	struct list_head kvm_files;	/* lock; kvm.c's */

	spinlock_t event_lock;
	struct eventfd_ctx *events[DEVGROUP_NR_EVENTS]; /* references; event_lock */

	unsigned int count;
	struct devgroup_vdev *devices[] __counted_by(count); /* references */
};

/*
 * A device of a claimed group, whatever bus it is on: there while the placeholder holds the device,
 * and as long as files of it are open. Part of the bus's own structure, which begins with the
 * vfio_device that counts it and whose inode its mappings have, but which VFIO does not register.
 */
struct devgroup_vdev {
	const struct devgroup_vdev_ops *ops;
	struct vfio_device *vfio;	/* the same object; its dev dangles once removed */
	char name[DEVGROUP_NAME_SIZE];
	struct devgroup_device *ddev;	/* of the placeholder, while it holds the device */
	struct devgroup_use *use;	/* of the open file, which holds the reference */
	bool leaving;			/* is being unplugged: do not wait for its lock */

	/* The use's lock: */
	bool removed;			/* was unplugged: there is no device */
	bool dirty;			/* was used since its last reset; set inside the gate, too */
	struct vfio_device *token;	/* owned; NULL: VFIO does not know the device */

	/* vfio->dev_set->lock: */
	bool opened;			/* has a file */
	/* And with the use's gate shut, or inside of it and for the file that is just made: */
	bool enabled;			/* its user has it */

	struct mutex map_lock;		/* below mmap_lock: enabled does not change */

	struct rw_semaphore fault_lock;	/* below mmap_lock; above vfio_pci_core's memory_lock */
	bool present;			/* accesses reach the device; fault_lock */
	bool ones_mapped;		/* since the last zap; fault_lock, set by its readers */
	struct page *ones;		/* owned; what is mapped where no access may go */
	struct delayed_work refill;	/* queued while the device has a file at most */
	const struct vm_operations_struct *real_ops; /* map_lock; the bus's */
};

/* How the file of a device of one bus works. */
struct devgroup_vdev_ops {
	enum devgroup_bus bus;
	/* Gives the device to its user, without interrupts or mappings; -EAGAIN: again. The set's lock held. */
	int (*enable)(struct devgroup_vdev *vdev);
	/* Takes it back, with its interrupts. Likewise. */
	void (*disable)(struct devgroup_vdev *vdev);
	/* Inside the gate, in whatever state the use is. ioctl: of the VFIO device API. */
	ssize_t (*read)(struct devgroup_vdev *vdev, char __user *buf, size_t count,
			loff_t *offset);
	ssize_t (*write)(struct devgroup_vdev *vdev, const char __user *buf, size_t count,
			 loff_t *offset);
	long (*ioctl)(struct devgroup_vdev *vdev, unsigned int cmd, unsigned long arg);
	/* map_lock held. What faults in vma->vm_ops is only asked while the device is present. */
	int (*mmap)(struct devgroup_vdev *vdev, struct vm_area_struct *vma);
	/* The use's lock held, its gate shut, or just opened: follows the use's state. */
	void (*isolate)(struct devgroup_vdev *vdev);
	/* DEVGROUP_CONFIGURE; NULL: there is nothing to be done. The gate is shut. */
	int (*configure)(struct devgroup_vdev *vdev);
	const struct devgroup_reset_ops *reset;
};

/* How a device is reset. The use's lock held; not enabled, but for save and restore. */
struct devgroup_reset_ops {
	/* What is the user's over a reset, around it; NULL: nothing. */
	void (*save)(struct devgroup_vdev *vdev);
	void (*restore)(struct devgroup_vdev *vdev);
	/* No DMA from the return on, as far as the device can be told; NULL: it cannot. */
	void (*stop)(struct devgroup_vdev *vdev);
	/* dirty is false for all that were reset. @bus: the whole bus. -ENOTTY: no way. */
	int (*reset)(struct devgroup_use *use, struct devgroup_vdev *vdev, bool bus);
	/* The device leaves, and may be gone: leaves nothing of its user in it, if it can. */
	void (*unplug)(struct devgroup_vdev *vdev);
};

/* gate.c */
void devgroup_gate_init(struct devgroup_gate *gate);
/* Waits while it is shut; fails if the caller is killed. Nobody may enter twice. */
int devgroup_gate_enter(struct devgroup_gate *gate);
void devgroup_gate_leave(struct devgroup_gate *gate);
/*
 * Waits until nobody is inside. Who shuts it opens it again, and it is open when all have;
 * @number is the group's, for the log.
 */
void devgroup_gate_shut(struct devgroup_gate *gate, unsigned int number);
void devgroup_gate_open(struct devgroup_gate *gate);

/* file.c */
/*
 * Copies the first @size bytes of a call's argument, a multiple of 4, which must be there according
 * to its argsz, and may be more. -EFAULT, -EINVAL.
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
/*
 * Around waiting for the use's lock with a device's lock held: who has the use's lock and tries
 * for the device's gives way.
 */
void devgroup_use_want(struct devgroup_use *use);
void devgroup_use_unwant(struct devgroup_use *use);
bool devgroup_use_is_wanted(struct devgroup_use *use);
/* Takes a device that leaves away from the use of its group, if there is one. Its lock held. */
void devgroup_use_unplug(struct devgroup_vdev *vdev);
/* DEVGROUP_RESET: @bus: of all buses. */
int devgroup_use_reset(struct devgroup_use *use, bool bus);
/* Resets a group that is not in use, which ends its quarantine. Errors: as begin, or EIO. */
int devgroup_use_clean(struct devgroup *group);

/* vdev.c */
/*
 * Of a bus's create, which has allocated the object that starts with @vfio: makes the part that all
 * buses have. @set: what is reset together. After an error devgroup_vdev_put() is all to do; the
 * object's release calls exit.
 */
int devgroup_vdev_init(struct devgroup_vdev *vdev, const struct devgroup_vdev_ops *ops,
		       struct vfio_device *vfio, struct devgroup_device *ddev, void *set);
void devgroup_vdev_exit(struct devgroup_vdev *vdev);
/* By the placeholder, with the device's lock held. */
void devgroup_vdev_destroy(struct devgroup_vdev *vdev);
void devgroup_vdev_get(struct devgroup_vdev *vdev);
void devgroup_vdev_put(struct devgroup_vdev *vdev);
/* Inside the use's gate: a file descriptor for the device, or an error; -EAGAIN: enter anew. */
int devgroup_vdev_open(struct devgroup_vdev *vdev, struct devgroup_use *use);
/* The use's lock held, its gate shut: takes the device from its user, and gives it again. */
void devgroup_vdev_disable(struct devgroup_vdev *vdev);
int devgroup_vdev_enable(struct devgroup_vdev *vdev);
/* Accesses reach nothing in the state that the use is in. */
bool devgroup_vdev_is_dark(struct devgroup_vdev *vdev);
/* What such an access reads. -EFAULT, -EINTR. */
int devgroup_fill_with_ones(char __user *buf, size_t count);

/* pci_device.c, platform_device.c */
struct devgroup_vdev *devgroup_pci_create(struct devgroup_device *ddev);
struct devgroup_vdev *devgroup_platform_create(struct devgroup_device *ddev);

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

/* ones.c: what a mapping of a device shows where no access may reach the device. */
int devgroup_ones_init(struct devgroup_vdev *vdev);
void devgroup_ones_exit(struct devgroup_vdev *vdev);
/* Makes a mapping by the bus's code one that is never SIGBUS. map_lock held. */
void devgroup_ones_wrap(struct devgroup_vdev *vdev, struct vm_area_struct *vma);
/* Whether accesses reach the device from the return on. */
void devgroup_ones_set_present(struct devgroup_vdev *vdev, bool present);
/* The device may have begun to decode: shows it where it did not. */
void devgroup_ones_look_again(struct devgroup_vdev *vdev);

/* reset.c */
/*
 * Resets the use's devices, of which none is enabled. The use's lock held. -ENOTTY: there is no
 * way to reset some of them, the others were reset; -EAGAIN: as devgroup_retry; other errors: a
 * reset failed, all were tried.
 */
int devgroup_reset(struct devgroup_use *use, bool bus);
/*
 * Repeats what gives up with -EAGAIN when somebody holds the device's lock, or that of one that is
 * reset with it, which nobody does for long. -EAGAIN: he waits for the use's lock or gate, and
 * must have that first; -EBUSY: he did for long.
 */
int devgroup_retry(struct devgroup_use *use, struct devgroup_vdev *vdev,
		   int (*step)(struct devgroup_vdev *vdev));

/*
 * dma.c. Created when the group is opened, with no window: devices reach no memory. Destroyed
 * when it is closed, or before its last device leaves, by any thread of any process, blocked or
 * not; afterwards devices reach no memory. Bus mastering is off for all devices then, but nobody
 * has reset them. The IOMMU groups of all members exist from before create until after destroy, or
 * after remove_member for one whose last device leaves while others stay; no member is added
 * meanwhile. create's @dev is a device of one of them, which stays until create returns. Calls of
 * devgroup_dma_ioctl may come from several threads at once, and from a process that shares neither
 * memory nor limits with the one that opened the group, also while block and unblock are under way;
 * the rest is called by one at a time, and destroy and remove_member with no ioctl under way.
 */
struct devgroup_dma *devgroup_dma_create(struct devgroup *group, struct device *dev);
void devgroup_dma_destroy(struct devgroup_dma *dma);
/* From the return on the member's devices reach no memory, and destroy does not touch it. */
void devgroup_dma_remove_member(struct devgroup_dma *dma, struct devgroup_member *member);
/* -ENOTTY: not a DMA command. */
long devgroup_dma_ioctl(struct devgroup_dma *dma, unsigned int cmd, void __user *arg);
/*
 * No DMA reaches memory from the return of block to unblock; what is set up stays, and may change. Nothing
 * to be done if it is so already.
 */
void devgroup_dma_block(struct devgroup_dma *dma);
int devgroup_dma_unblock(struct devgroup_dma *dma);
/* Whether KVM finds windows, those that come included. */
void devgroup_dma_show(struct devgroup_dma *dma, bool shown);

/* eeh.c: what the platform isolates by itself. The use's lock held, or inside its gate. */
#ifdef CONFIG_EEH
/* The group is as its worst part. */
enum devgroup_error_state devgroup_eeh_state(struct devgroup_use *use);
/* @flags: DEVGROUP_RELEASE_*. */
int devgroup_eeh_thaw(struct devgroup_use *use, u32 flags);
/* After a reset: bridges are as firmware had set them up. */
int devgroup_eeh_configure(struct devgroup_use *use);
#else
static inline enum devgroup_error_state devgroup_eeh_state(struct devgroup_use *use)
{
	return DEVGROUP_NORMAL;
}
static inline int devgroup_eeh_thaw(struct devgroup_use *use, u32 flags)
{
	return 0;
}
static inline int devgroup_eeh_configure(struct devgroup_use *use)
{
	return 0;
}
#endif

/* kvm.c, on POWER */
struct devgroup_kvm_table {
	struct list_head link;
	struct devgroup *group;		/* whose it was; NULL: that has ended */
	struct iommu_table *table;	/* a reference */
};

#ifdef CONFIG_SPAPR_TCE_IOMMU
/* DEVGROUP_BIND_KVM: a new file descriptor, or an error. */
int devgroup_kvm_bind(struct devgroup_use *use);
/* DEVGROUP_UNBIND_KVM. */
int devgroup_kvm_unbind(struct devgroup_use *use);
/* A device is about to leave: waits a moment for KVM to let go. No lock of the use held. */
void devgroup_kvm_wait(struct devgroup_use *use, struct devgroup_vdev *vdev);
/* A device that leaves. The use's lock held; never waits for a user. */
void devgroup_kvm_hide(struct devgroup_use *use, struct devgroup_vdev *vdev);
/* The end of the use, whose lock is held: before its DMA goes. */
void devgroup_kvm_end(struct devgroup_use *use);
/*
 * Lets go of the files and tables of former uses that nobody else has any more. Whether KVM, or who bound
 * it, still has others. devgroups_registry held.
 */
bool devgroup_kvm_held(struct devgroup *group);
/* LPAR: the table of a window that is gone, with the reference to it. @kept is kvm.c's now. */
void devgroup_kvm_keep(struct devgroup_kvm_table *kept, struct devgroup *group,
		       struct iommu_table *table);
/* Whether KVM still has this new table, from another group, or from one that has ended. */
bool devgroup_kvm_has(struct devgroup *group, struct iommu_table *table);
/* Nobody will have the group any more. */
void devgroup_kvm_forget(struct devgroup *group);
/* The module's end. */
void devgroup_kvm_exit(void);
/* kvm_file.c: VFIO's file of an IOMMU group that VFIO knows, newly opened; or ERR_PTR. */
struct file *devgroup_kvm_open(struct iommu_group *iommu_group);
/* tce_memory.c: the module's end, which lets go of memory that groups which are gone have left. */
void devgroup_tce_exit(void);
#else
static inline int devgroup_kvm_bind(struct devgroup_use *use)
{
	return -EOPNOTSUPP;
}
static inline int devgroup_kvm_unbind(struct devgroup_use *use)
{
	return -EOPNOTSUPP;
}
static inline void devgroup_kvm_wait(struct devgroup_use *use, struct devgroup_vdev *vdev) { }
static inline void devgroup_kvm_hide(struct devgroup_use *use, struct devgroup_vdev *vdev) { }
static inline void devgroup_kvm_end(struct devgroup_use *use) { }
static inline bool devgroup_kvm_held(struct devgroup *group) { return false; }
static inline void devgroup_kvm_forget(struct devgroup *group) { }
static inline void devgroup_kvm_exit(void) { }
static inline void devgroup_tce_exit(void) { }
#endif

/* The contents of dma_pinned: what the group's use pins. */
int devgroup_dma_pinned(struct devgroup *group, char *buf);

#endif

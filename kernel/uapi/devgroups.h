/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The interface of /dev/devgroup/N, the file of a device group. docs/devgroups.md says what
 * each call is for, and how it maps onto VFIO.
 *
 * The rules for all calls but DEVGROUP_UNMAP_PAGE, whose argument is a number: the argument starts
 * with argsz, the size of the structure as the caller knows it, and flags. argsz too small: EINVAL. A
 * flag or an enumerated value that this driver does not know, or a reserved field that is not 0:
 * EINVAL. Nothing is changed by a call that fails, unless its comment says so. Numbers are in the
 * host's byte order; addresses and sizes are in bytes.
 *
 * Opening the file takes a claimed group for the opener; a second open fails with EBUSY, a group
 * that is not claimed with ENODEV, a quarantined one with EIO. The group is in use until the last
 * copy of the file, of its devices' files, and of mappings of these is gone.
 */
#ifndef DEVGROUPS_UAPI_H
#define DEVGROUPS_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define DEVGROUPS_API_VERSION 3

#define DEVGROUP_TYPE 0xDE
#define DEVGROUP_NAME_SIZE 64	/* of a device's name ("0000:01:00.0", "serial.0"), with NUL */

/* What the group's hardware can do: the bits of the names in /sys/devgroups/N/capabilities. */
#define DEVGROUP_CAP_MSIX_TABLE_GUARDED	(1ULL << 0)	/* the MSI-X table need not be masqueraded */
#define DEVGROUP_CAP_BAR_SEGMENTS	(1ULL << 1)	/* whole MMIO segments belong to the group */
#define DEVGROUP_CAP_EEH		(1ULL << 2)	/* the platform isolates, reports, recovers */
#define DEVGROUP_CAP_FREEZE		(1ULL << 3)	/* DEVGROUP_FREEZE works */
#define DEVGROUP_CAP_DDW		(1ULL << 4)	/* more windows than the default one */

enum devgroup_bus {
	DEVGROUP_BUS_PCI = 0,
	DEVGROUP_BUS_PLATFORM = 1,
};

/*
 * DEVGROUP_GET_INFO: what the group is. @version is DEVGROUPS_API_VERSION of the driver.
 */
struct devgroup_info {
	__u32 argsz;
	__u32 flags;		/* out: 0 */
	__u32 version;		/* out */
	__u32 number;		/* out: N of /sys/devgroups/N */
	__u32 nr_devices;	/* out: those that can be had; bridges stay with the host */
	__u32 reserved;		/* out: 0 */
	__u64 capabilities;	/* out: DEVGROUP_CAP_* */
};
#define DEVGROUP_GET_INFO		_IO(DEVGROUP_TYPE, 0)

/*
 * DEVGROUP_GET_DEVICE: the name and bus of device number @index, 0 to nr_devices - 1, in a fixed
 * order while the group is open. ENOENT: no such device, or it was unplugged.
 */
struct devgroup_device_info {
	__u32 argsz;
	__u32 flags;		/* out: 0 */
	__u32 index;		/* in */
	__u32 bus;		/* out: enum devgroup_bus */
	char name[DEVGROUP_NAME_SIZE];	/* out */
};
#define DEVGROUP_GET_DEVICE		_IO(DEVGROUP_TYPE, 1)

/*
 * DEVGROUP_OPEN_DEVICE: returns a file of the device that speaks the VFIO device API
 * (<linux/vfio.h>: VFIO_DEVICE_GET_INFO, _GET_REGION_INFO, _GET_IRQ_INFO, _SET_IRQS, _RESET,
 * read, write, mmap); close-on-exec. EBUSY: it is open already; ENOENT: no such device.
 * VFIO_DEVICE_PCI_HOT_RESET is not there: DEVGROUP_RESET resets buses.
 */
struct devgroup_open_device {
	__u32 argsz;
	__u32 flags;		/* in: 0 */
	char name[DEVGROUP_NAME_SIZE];	/* in, NUL-terminated */
};
#define DEVGROUP_OPEN_DEVICE		_IO(DEVGROUP_TYPE, 2)

/*
 * A capability in the answer to VFIO_DEVICE_GET_REGION_INFO, beside those of VFIO: an I/O BAR that
 * can be mapped, as the host bridge's I/O space is memory. What is mapped at the region's offset
 * is the host's pages that hold the BAR, which begins in the first of them at @address modulo the
 * page's size. Nobody outside of the group has ports in them, but other BARs of the group may have:
 * those behind the same host bridge whose addresses are in the same page. Without a question
 * about the region before, it cannot be mapped. VFIO_REGION_INFO_FLAG_MMAP is not set, as VFIO's
 * mappings begin with the region.
 */
#define DEVGROUP_REGION_IO		0xde00
#define DEVGROUP_REGION_IO_VERSION	1

struct devgroup_region_io {
	__u16 id;		/* the same three as of struct vfio_info_cap_header */
	__u16 version;
	__u32 next;
	__u64 address;		/* of the BAR in the host bridge's I/O space */
};

/*
 * DEVGROUP_GET_DMA_INFO: what windows can be had, and which there are. An open group starts with
 * none: nothing that its devices do reaches memory. @argsz gives room for windows[]; the first
 * that fit are filled in, @nr_windows is how many there are.
 *
 * DEVGROUP_DMA_REGISTER: memory must be registered before it is mapped (POWER). Otherwise a map
 * pins what it maps.
 */
#define DEVGROUP_DMA_REGISTER		(1U << 0)

struct devgroup_dma_window {
	__u64 start;		/* bus address */
	__u64 size;
	__u32 page_shift;	/* of IOMMU pages, in the window */
	__u32 levels;
};

struct devgroup_dma_info {
	__u32 argsz;
	__u32 flags;		/* out: DEVGROUP_DMA_* */
	__u64 page_sizes;	/* out: mask; what a window's page_shift may be */
	__u64 default_start;	/* out: where the default (32-bit) window may be */
	__u64 default_size;
	__u32 max_windows;	/* out: at one time */
	__u32 max_levels;
	__u32 nr_windows;	/* out */
	__u32 reserved;		/* out: 0 */
	struct devgroup_dma_window windows[];	/* out */
};
#define DEVGROUP_GET_DMA_INFO		_IO(DEVGROUP_TYPE, 3)

/*
 * DEVGROUP_CREATE_WINDOW: @size a power of two; @levels 1 to max_levels of the table, 0: the
 * driver's choice. The platform decides where it starts: the first is the default window, and
 * must fit in it. ENOSPC: as many as there can be; ENOMEM: no memory for the table, or over the
 * limit of locked memory; EBUSY: in an LPAR, a KVM still has this window, from before the devices
 * were unplugged. Tables count against that limit.
 */
struct devgroup_create_window {
	__u32 argsz;
	__u32 flags;		/* in: 0 */
	__u32 page_shift;	/* in */
	__u32 levels;		/* in */
	__u64 size;		/* in */
	__u64 start;		/* out */
};
#define DEVGROUP_CREATE_WINDOW		_IO(DEVGROUP_TYPE, 4)

/* DEVGROUP_REMOVE_WINDOW: with all its mappings. EINVAL: no window starts there. */
struct devgroup_remove_window {
	__u32 argsz;
	__u32 flags;		/* in: 0 */
	__u64 start;		/* in */
};
#define DEVGROUP_REMOVE_WINDOW		_IO(DEVGROUP_TYPE, 5)

/*
 * DEVGROUP_REGISTER_MEMORY, DEVGROUP_UNREGISTER_MEMORY: pins memory of the caller, so that it can
 * be mapped; multiples of the host's page. Registering counts against the limit of locked memory
 * (ENOMEM). EBUSY: it overlaps what is registered, or, unregistering, is mapped still; ENOENT: not
 * a range that was registered here. EOPNOTSUPP where DEVGROUP_DMA_REGISTER is not set.
 */
struct devgroup_memory {
	__u32 argsz;
	__u32 flags;		/* in: 0 */
	__u64 vaddr;		/* in */
	__u64 size;		/* in */
};
#define DEVGROUP_REGISTER_MEMORY	_IO(DEVGROUP_TYPE, 6)
#define DEVGROUP_UNREGISTER_MEMORY	_IO(DEVGROUP_TYPE, 7)

/*
 * DEVGROUP_MAP: maps memory of the caller for the devices; all three numbers are multiples of the
 * window's page, and the range lies in one window. On POWER what was mapped there is replaced;
 * elsewhere that is EEXIST. EINVAL: outside of all windows, misaligned, or memory that is not
 * registered; EPERM: an IOMMU page larger than the page of memory that it would map. After a
 * failure nothing in the range is mapped.
 */
#define DEVGROUP_MAP_READ		(1U << 0)	/* devices may read */
#define DEVGROUP_MAP_WRITE		(1U << 1)	/* devices may write */

struct devgroup_map {
	__u32 argsz;
	__u32 flags;		/* in: DEVGROUP_MAP_*, at least one */
	__u64 iova;		/* in: bus address */
	__u64 vaddr;		/* in */
	__u64 size;		/* in */
};
#define DEVGROUP_MAP			_IO(DEVGROUP_TYPE, 8)

/* DEVGROUP_UNMAP: passes over what is not mapped. */
struct devgroup_unmap {
	__u32 argsz;
	__u32 flags;		/* in: 0 */
	__u64 iova;		/* in */
	__u64 size;		/* in */
};
#define DEVGROUP_UNMAP			_IO(DEVGROUP_TYPE, 9)

/*
 * DEVGROUP_UNMAP_PAGE: as DEVGROUP_UNMAP, of one IOMMU page, whose bus address is the call's argument
 * itself, an unsigned long: 32-bit callers unmap what is beyond it by DEVGROUP_UNMAP. It is what guests
 * do most, and hosts that flush the L1 cache for each look at user memory need no look for this.
 */
#define DEVGROUP_UNMAP_PAGE		_IO(DEVGROUP_TYPE, 19)

/*
 * DEVGROUP_MAP_LIST: sets @count consecutive IOMMU pages from @iova on, each to an entry of the
 * list at @entries: a multiple of the window's page in the caller's memory, with DEVGROUP_MAP_READ
 * and DEVGROUP_MAP_WRITE in its low bits; without either of these the page is unmapped. The whole
 * list is checked before an entry is set. At most DEVGROUP_LIST_MAX (E2BIG).
 */
#define DEVGROUP_LIST_MAX		512

struct devgroup_map_list {
	__u32 argsz;
	__u32 flags;		/* in: 0 */
	__u64 iova;		/* in */
	__u64 entries;		/* in: pointer to __u64[count] */
	__u32 count;		/* in */
	__u32 reserved;		/* in: 0 */
};
#define DEVGROUP_MAP_LIST		_IO(DEVGROUP_TYPE, 10)

/* States of the group as seen by its devices' users. */
enum devgroup_error_state {
	DEVGROUP_NORMAL = 0,
	DEVGROUP_FROZEN = 1,		/* no MMIO, no config space, no DMA, no interrupts */
	DEVGROUP_MMIO_ENABLED = 2,	/* released for diagnosis: DMA and interrupts still blocked */
	DEVGROUP_DEAD = 3,		/* a reset failed, or the hardware gave up */
};

/* Why the group is not in state DEVGROUP_NORMAL. */
enum devgroup_error_cause {
	DEVGROUP_CAUSE_NONE = 0,
	DEVGROUP_CAUSE_USER = 1,	/* DEVGROUP_FREEZE */
	DEVGROUP_CAUSE_ADMIN = 2,	/* a write to /sys/devgroups/N/freeze */
	DEVGROUP_CAUSE_BUS = 3,		/* the host's PCI error handling */
	DEVGROUP_CAUSE_PLATFORM = 4,	/* EEH */
};

struct devgroup_error {
	__u32 argsz;
	__u32 flags;		/* out: 0 */
	__u32 state;		/* out: enum devgroup_error_state */
	__u32 cause;		/* out: enum devgroup_error_cause */
	__u32 count;		/* out: how often the group was frozen since it was opened */
	__u32 reserved;		/* out: 0 */
};
#define DEVGROUP_GET_ERROR		_IO(DEVGROUP_TYPE, 12)

/*
 * DEVGROUP_FREEZE: from its return on reads of BARs and config space are all ones, stores vanish,
 * DMA is blocked, and no interrupt arrives. Windows, mappings and interrupts stay as they are set
 * up, and may be changed meanwhile, but an INTx that is unmasked then stays masked: unmask it again
 * after the release. Regions of platform devices are like BARs; what is unmasked of their interrupts
 * comes after the release. No error if it is frozen.
 *
 * DEVGROUP_UNFREEZE: releases MMIO and config space (DEVGROUP_RELEASE_MMIO), or DMA and interrupts
 * as well (DEVGROUP_RELEASE_DMA, which needs MMIO released before or in the same call, else
 * EINVAL). Devices are in whatever state they are. EIO: the group is dead.
 *
 * DEVGROUP_CONFIGURE: brings bridges and devices after a reset to where they were when each device
 * was opened, or reopened by a reset: BARs, and what firmware sets up; there is nothing to be done
 * to platform devices. EINVAL: the group is frozen.
 */
#define DEVGROUP_RELEASE_MMIO		(1U << 0)
#define DEVGROUP_RELEASE_DMA		(1U << 1)

struct devgroup_command {
	__u32 argsz;
	__u32 flags;		/* in: UNFREEZE: DEVGROUP_RELEASE_*; RESET: DEVGROUP_RESET_*; else 0 */
};
#define DEVGROUP_FREEZE			_IO(DEVGROUP_TYPE, 13)
#define DEVGROUP_UNFREEZE		_IO(DEVGROUP_TYPE, 14)

/*
 * DEVGROUP_BIND_KVM: shows KVM the group's windows, so that it handles TCE hypercalls itself, and
 * returns a file (close-on-exec) by which it finds them (KVM_DEV_VFIO_GROUP_ADD,
 * KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE): VFIO's, of one of the group's IOMMU groups, the same each
 * time while that has devices. It opens no device and takes no container. KVM finds no window of a
 * frozen group on bare metal. EOPNOTSUPP: not POWER; EBUSY: another process has VFIO's file of the
 * group open; ENODEV: all devices are gone.
 *
 * DEVGROUP_UNBIND_KVM: shows none any more. What KVM has found it keeps until its own table is
 * closed, also when the file is taken from it (KVM_DEV_VFIO_GROUP_DEL), which while windows are
 * shown takes them as well.
 *
 * So the file can be taken from KVM at once, and should be: as long as somebody has it after the
 * group was closed, a KVM for one, opening the group fails with EBUSY; and the host's kernel warns
 * if a device is unplugged that KVM has the file of. In an LPAR opening also fails as long as KVM has
 * a window of the group: close KVM's table before the group. A window that KVM is told of again, by
 * whatever file, is a table that the kernel (6.12) never frees.
 */
#define DEVGROUP_BIND_KVM		_IO(DEVGROUP_TYPE, 11)
#define DEVGROUP_UNBIND_KVM		_IO(DEVGROUP_TYPE, 18)

/*
 * DEVGROUP_RESET: interrupts are disabled, COMMAND is 0, then every device is reset: each by
 * itself, or its bus where that is all there is, or with DEVGROUP_RESET_BUS in any case. BARs in
 * config space are as they were. A freeze ends. ENOTTY: a device has no reset of its own and its
 * bus is shared with other groups, or nobody knows how to reset it (platform devices); the others
 * were reset. EIO: a reset failed: the group is dead.
 */
#define DEVGROUP_RESET_BUS		(1U << 0)
#define DEVGROUP_RESET			_IO(DEVGROUP_TYPE, 15)
#define DEVGROUP_CONFIGURE		_IO(DEVGROUP_TYPE, 16)

/*
 * DEVGROUP_SET_EVENT: signals eventfd @fd from now on when @event happens; -1: no more.
 * DEVGROUP_EVENT_ERROR: the error state changed other than by a call of the user.
 * DEVGROUP_EVENT_REQUEST: the host wants the group back (unplug, release).
 */
enum devgroup_event {
	DEVGROUP_EVENT_ERROR = 0,
	DEVGROUP_EVENT_REQUEST = 1,
};

struct devgroup_set_event {
	__u32 argsz;
	__u32 flags;		/* in: 0 */
	__u32 event;		/* in */
	__s32 fd;		/* in */
};
#define DEVGROUP_SET_EVENT		_IO(DEVGROUP_TYPE, 17)

#endif

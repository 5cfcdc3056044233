/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device group, opened for one VM: what the rest of pvmm knows of it. The backends are
 * devgroup.c (/sys/devgroups/N) and vfio.c (/sys/kernel/iommu_groups/N). Device-level calls
 * follow the VFIO device UAPI in both (<linux/vfio.h>), so vfio_device.c serves either.
 *
 * Nothing here knows a guest architecture. All functions return 0 or a negative errno unless
 * they say otherwise, and are safe from any thread once the group is open.
 */
#ifndef PVMM_GROUP_GROUP_H
#define PVMM_GROUP_GROUP_H

#include <sys/types.h>

#include "vmm/log.h"
#include "vmm/util.h"

struct group;
struct group_device;

/* Regions, in the order of VFIO_PCI_*_REGION_INDEX. */
enum {
	GROUP_REGION_BAR0,
	GROUP_REGION_ROM = 6,
	GROUP_REGION_CONFIG = 7,
	GROUP_REGION_COUNT
};

/* Interrupt kinds, in the order of VFIO_PCI_*_IRQ_INDEX. */
enum { GROUP_IRQ_INTX, GROUP_IRQ_MSI, GROUP_IRQ_MSIX, GROUP_IRQ_COUNT };

/* What the group's devices are on, all of them. */
enum group_bus { GROUP_BUS_PCI, GROUP_BUS_PLATFORM };

#define GROUP_NAME_SIZE 64		/* of a device, as the host calls it */
#define GROUP_COMPATIBLE_SIZE 256
/*
 * A platform device's regions and interrupts are numbered from 0, without meaning: as many
 * regions as there is room for, and so many interrupts, each with one vector.
 */
#define GROUP_MAX_IRQS 8

struct pci_address {
	uint32_t domain;
	uint8_t bus, slot, function;
};

static inline bool pci_address_equal(const struct pci_address *a, const struct pci_address *b)
{
	return a->domain == b->domain && a->bus == b->bus && a->slot == b->slot &&
	       a->function == b->function;
}

/* A part of a region that may be mapped, region-relative bytes. */
struct group_area {
	uint64_t offset, size;
};

#define GROUP_MAX_AREAS 4

struct group_region {
	uint64_t size;		/* bytes; 0: the device has no such region */
	bool readable, writable;
	uint64_t file_offset;	/* of the region in the device's fd; backend's own */
	unsigned nr_areas;	/* 0: every access must be trapped */
	struct group_area areas[GROUP_MAX_AREAS];
	/*
	 * I/O that may be mapped shares the host's pages with other BARs of the group: its area, of
	 * whole pages, begins so many bytes before the region, at io_page in the I/O space of the
	 * device's host bridge. 0 for memory.
	 */
	uint64_t lead, io_page;
};

struct group_device_ops {
	/* Whole @size or an error; bytes as on the bus (config space: little-endian). */
	int (*read)(struct group_device *device, unsigned region, uint64_t offset, void *data,
		    size_t size);
	int (*write)(struct group_device *device, unsigned region, uint64_t offset,
		     const void *data, size_t size);
	/* Maps one of the region's areas; @address gets it. Size a multiple of the page. */
	int (*map)(struct group_device *device, unsigned region, const struct group_area *area,
		   void **address);
	void (*unmap)(struct group_device *device, void *address, uint64_t size);
	/*
	 * Vectors 0 .. @count-1 of @kind signal fds[] (-1: that vector is not connected);
	 * count 0 disables the kind. Replaces whatever was set, with PCI for other kinds too: a
	 * device signals in one way at a time.
	 */
	int (*set_irqs)(struct group_device *device, unsigned kind, const int *fds,
			unsigned count);
	/* Of a line (INTx, or a platform device's), after an automask. Safe from any thread. */
	int (*unmask)(struct group_device *device, unsigned kind);
	/* Function-level reset; -ENOTTY when the device has none. */
	int (*reset)(struct group_device *device);
};

struct group_device {
	const struct group_device_ops *ops;
	struct group *group;
	char name[GROUP_NAME_SIZE];	/* the host's: "0001:01:00.0", or what its bus calls it */
	struct pci_address host;	/* PCI */
	int guest_devfn;		/* from place=; -1: the host's layout */
	int fd;
	bool can_reset;			/* has a reset of its own */
	struct group_region regions[GROUP_REGION_COUNT];
	unsigned irq_count[GROUP_MAX_IRQS];	/* vectors of each kind */

	/* Of a platform device: */
	bool irq_is_line[GROUP_MAX_IRQS];	/* a level, which masks itself */
	char compatible[GROUP_COMPATIBLE_SIZE];	/* strings, one after another with their NULs */
	size_t compatible_size;			/* bytes of them */
};

/*
 * What the group's hardware guarantees or can do; nobody asks which platform or backend it is.
 * The first bits are those of kernel/uapi/devgroups.h.
 */
#define GROUP_CAP_MSIX_TABLE_GUARDED (1ULL << 0)	/* a guest may write MSI-X tables */
#define GROUP_CAP_BAR_SEGMENTS (1ULL << 1)		/* whole MMIO segments are the group's */
#define GROUP_CAP_EEH (1ULL << 2)			/* the platform isolates and recovers it */
#define GROUP_CAP_FREEZE (1ULL << 3)			/* it can be frozen by software */
#define GROUP_CAP_DDW (1ULL << 4)			/* more DMA windows than one */
/* What may be mapped of a region smaller than a page is that page: nothing else lies in it. */
#define GROUP_CAP_SMALL_BARS (1ULL << 32)

/* A range of bus addresses that can be mapped. */
struct group_dma_window {
	uint64_t iova, size;	/* bytes on the bus; size 0: there is none */
	unsigned page_shift;
};

/* What windows a group can have. */
struct group_dma_limits {
	uint64_t page_sizes;	/* mask of bytes, each a power of two */
	unsigned max_windows;	/* at a time, the default one included; 0: just that, for good */
	unsigned max_levels;	/* of a table; at least 1 */
};

/* In an entry of a list to map, whose other bits are a page's hva. Neither: unmap. */
#define GROUP_MAP_READ 1ULL	/* devices may read */
#define GROUP_MAP_WRITE 2ULL	/* devices may write */
#define GROUP_LIST_MAX 512

/* What a group tells by itself. */
enum group_event {
	GROUP_EVENT_ERROR,	/* frozen, released or broken, by others than this process */
	GROUP_EVENT_REQUEST,	/* the host wants the group, or a device of it, back */
	GROUP_EVENT_COUNT
};

/* Numbers of kernel/uapi/devgroups.h. */
enum group_error_state {
	GROUP_NORMAL,
	GROUP_FROZEN,		/* reads are ones, stores vanish, no DMA, no interrupts */
	GROUP_MMIO_ENABLED,	/* released for diagnosis: DMA and interrupts still blocked */
	GROUP_DEAD,		/* for good */
	GROUP_UNAVAILABLE,	/* the host is at work on it; only from group_recovery_state() */
};
enum group_error_cause {
	GROUP_CAUSE_NONE,
	GROUP_CAUSE_USER,	/* this process */
	GROUP_CAUSE_ADMIN,
	GROUP_CAUSE_BUS,	/* the host's PCI error handling */
	GROUP_CAUSE_PLATFORM,	/* EEH */
};

struct group_error_info {
	enum group_error_state state;
	enum group_error_cause cause;	/* of a state other than GROUP_NORMAL */
};

/* Stages of a frozen group's release; DMA after MMIO, or both in one call. */
#define GROUP_RELEASE_MMIO 1U	/* BARs and config space */
#define GROUP_RELEASE_DMA 2U	/* DMA and interrupts */

enum group_reset_step { GROUP_RESET_HOT, GROUP_RESET_FUNDAMENTAL, GROUP_RESET_END };

/*
 * How a guest recovers its group from an error without giving it back: the platform's own
 * isolation where there is one, else that of software. A missing op is -EOPNOTSUPP.
 */
struct group_recovery_ops {
	/* The guest recovers it from now on. NULL: nothing to be done for that. */
	int (*enable)(struct group *group);
	int (*get_state)(struct group *group, enum group_error_state *state);
	int (*freeze)(struct group *group);
	/* GROUP_RELEASE_*. Devices are in whatever state they are. */
	int (*release)(struct group *group, unsigned stages);
	/*
	 * Begins a reset, which isolates the group, or ends it, and any freeze with it. Then
	 * COMMAND is 0, BARs in config space are as they were, and no interrupt is set.
	 * -EOPNOTSUPP: not this kind, and nothing has changed.
	 */
	int (*reset)(struct group *group, enum group_reset_step step);
	/* Config space of bridges and devices as firmware set it up. */
	int (*configure)(struct group *group);
	/* @function is an EEH_ERR_FUNC_* (<asm/eeh.h>), the access of 64 bits if @wide. */
	int (*inject)(struct group *group, bool wide, unsigned function);
};

/* What devices of the group reach of memory. */
struct group_dma_ops {
	/* hva and size multiples of the host page. Counts against the lock limit: -ENOMEM. */
	int (*register_memory)(struct group *group, uint64_t hva, uint64_t size);
	/*
	 * Exactly a range that was registered, none of it mapped any more: Linux loses track
	 * of a range that is, answers success, and warns when the process ends.
	 */
	int (*unregister_memory)(struct group *group, uint64_t hva, uint64_t size);
	/*
	 * A new window, empty, of @window's size, a power of two, and page_shift; its iova is the
	 * platform's choice. The first one when there is none is in the place of the default
	 * window, and not larger. Nobody maps or unmaps anything in any window meanwhile, since VFIO
	 * of Linux 6.12 looks for the window without a lock. -ENOSPC: as many as there can be; -ENOMEM.
	 */
	int (*create_window)(struct group *group, struct group_dma_window *window);
	/* With all that is mapped in it. Likewise; nor does KVM map anything in this one. */
	int (*remove_window)(struct group *group, const struct group_dma_window *window);
	/*
	 * IOMMU pages; all arguments multiples of the window's page size. Mapping replaces what
	 * is mapped there, each page at once; unmapping passes over what is not mapped.
	 */
	int (*map)(struct group *group, uint64_t iova, uint64_t hva, uint64_t size, bool read,
		   bool write);
	int (*unmap)(struct group *group, uint64_t iova, uint64_t size);
	/* One page of the window. NULL: unmap does it. */
	int (*unmap_page)(struct group *group, uint64_t iova);
	/* NULL: map and unmap do it. */
	int (*map_list)(struct group *group, uint64_t iova, const uint64_t *entries,
			unsigned count);
};

struct group_ops {
	const char *name;	/* "vfio", "devgroup" */
	/*
	 * Resets every device: each by itself, or the bus when that is all there is. COMMAND is 0
	 * and no interrupt is set afterwards; BARs in config space are as they were.
	 */
	int (*reset)(struct group *group);
	/* Signals eventfd @fd whenever @event happens; -1: no more. */
	int (*set_event)(struct group *group, enum group_event event, int fd);
	/* NULL: the host does not say. */
	int (*get_error)(struct group *group, struct group_error_info *error);
	/* NULL: KVM cannot have the group's windows. */
	int (*kvm_file)(struct group *group);
	/* NULL: KVM finds windows at any time. */
	int (*kvm_hide)(struct group *group);
	void (*close)(struct group *group);
};

struct group {
	const struct group_ops *ops;
	const struct group_dma_ops *dma_ops;
	const struct group_recovery_ops *recovery;	/* NULL: the host does not isolate it */
	char *path;			/* as it was asked for, for messages */
	unsigned number;
	enum group_bus bus;
	uint64_t capabilities;		/* GROUP_CAP_* */
	/* As the guest of each boot finds it. */
	struct group_dma_window window;
	bool window_lost;		/* a guest has removed it; group_restore_window() */
	struct group_dma_limits dma;
	unsigned nr_devices;
	struct group_device *devices;	/* ordered by host address */
};

/* Wrappers: a missing op is -EOPNOTSUPP. */
int group_register_memory(struct group *group, uint64_t hva, uint64_t size);
/* As the op says; no error for a group that has lost its devices, nor for unmapping from it. */
int group_unregister_memory(struct group *group, uint64_t hva, uint64_t size);
/* -EINVAL: not a power of two, or not a page size of the group's; else as the op says. */
int group_create_window(struct group *group, struct group_dma_window *window);
int group_remove_window(struct group *group, const struct group_dma_window *window);
/*
 * What an operator can do about an error of a call about DMA: to be put at the end of a message,
 * with a separator of its own.
 */
const char *group_dma_hint(int err);
/* Makes the default window again if it is lost; there is no other one. */
int group_restore_window(struct group *group);
/* Ranges of one window, which exists: -EINVAL for what does not lie in it. */
int group_map(struct group *group, const struct group_dma_window *window, uint64_t iova,
	      uint64_t hva, uint64_t size, bool read, bool write);
int group_unmap(struct group *group, const struct group_dma_window *window, uint64_t iova,
		uint64_t size);
/*
 * Sets @count IOMMU pages, at most GROUP_LIST_MAX, from @iova on, each to its entry: one call of
 * the kernel if the backend can do that, else one for each run of neighbours. An entry that is
 * bad: -EINVAL, and nothing has changed. After another error a page may be what it was, what
 * its entry says, or unmapped.
 */
int group_map_list(struct group *group, const struct group_dma_window *window, uint64_t iova,
		   const uint64_t *entries, unsigned count);
int group_reset(struct group *group);
int group_set_event(struct group *group, enum group_event event, int fd);
int group_get_error(struct group *group, struct group_error_info *error);
/*
 * A new file, the caller's to close, by which KVM finds the group's windows from now on
 * (KVM_DEV_VFIO_GROUP_ADD). Nothing but KVM can do anything with it. -EOPNOTSUPP: the host has no
 * such files.
 */
int group_kvm_file(struct group *group);
/*
 * KVM finds no windows any more, so that what it has found it keeps when the file is taken from it.
 * -EOPNOTSUPP: it always finds them, and needs the file as long as it is to have one.
 */
int group_kvm_hide(struct group *group);
/* Wrappers of group_recovery_ops: without any, or without the op, -EOPNOTSUPP. */
int group_recovery_enable(struct group *group);
int group_recovery_state(struct group *group, enum group_error_state *state);
int group_recovery_freeze(struct group *group);
int group_recovery_release(struct group *group, unsigned stages);
int group_recovery_reset(struct group *group, enum group_reset_step step);
int group_recovery_configure(struct group *group);
int group_recovery_inject(struct group *group, bool wide, unsigned function);

/* Accepts NULL. Devices are quiesced and reset, then everything is released. */
void group_close(struct group *group);

int group_device_read(struct group_device *device, unsigned region, uint64_t offset, void *data,
		      size_t size);
int group_device_write(struct group_device *device, unsigned region, uint64_t offset,
		       const void *data, size_t size);
int group_device_map(struct group_device *device, unsigned region,
		     const struct group_area *area, void **address);
void group_device_unmap(struct group_device *device, void *address, uint64_t size);
int group_device_set_irqs(struct group_device *device, unsigned kind, const int *fds,
			  unsigned count);
int group_device_unmask(struct group_device *device, unsigned kind);

#endif

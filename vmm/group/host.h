/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Groups as the host has them, read from sysfs before anything is taken: which devices form
 * one, who holds each, and all that stands in the way of taking it. Nothing here opens a
 * group or changes the host; claim.h does that.
 */
#ifndef PVMM_GROUP_HOST_H
#define PVMM_GROUP_HOST_H

#include "vmm/config.h"
#include "vmm/group/group.h"

/* Where the host's trees are; unit tests point these at a folder of their own. */
struct host_root {
	const char *sys;	/* "/sys" */
	const char *proc;	/* "/proc" */
	const char *dev;	/* "/dev" */
	const char *run;	/* "/run" */
	const char *etc;	/* "/etc" */
};

extern const struct host_root host_root_system;

#define HOST_NAME_SIZE 64		/* of a device's folder in sysfs */
#define HOST_DEVICE_TEXT_SIZE 64

struct host_device {
	char name[HOST_NAME_SIZE];	/* "0001:01:00.0", or what its bus calls it */
	bool is_pci;
	struct pci_address address;	/* 0 unless is_pci, like the ids below */
	uint16_t vendor, device;
	uint32_t class_code;	/* 24 bits */
	char driver[32];	/* "" when none */
	bool is_bridge;		/* stays with the host: not handed over, needs no driver */
};

/* The folder of the device's bus below sys/bus. */
static inline const char *host_device_bus(const struct host_device *device)
{
	return device->is_pci ? "pci" : "platform";
}

#define HOST_GROUP_MAX_DEVICES 32

/* What on the host a group is taken by: the group driver, or VFIO of a stock kernel. */
enum host_backend { HOST_BACKEND_DEVGROUP, HOST_BACKEND_VFIO };

struct host_group {
	enum host_backend backend;
	unsigned number;	/* of the folder in that backend's tree */
	char path[128];		/* of the group's folder in sysfs */
	unsigned nr_devices;
	struct host_device devices[HOST_GROUP_MAX_DEVICES];	/* by ascending address */
};

/*
 * @name is a group's folder (/sys/devgroups/N, or /sys/kernel/iommu_groups/N for VFIO) or a PCI
 * address, which stands for its group: that of the group driver if it is loaded. 0, or a negative
 * errno after one line on @log. For a PCI address the other devices of the group are named on
 * @log.
 */
int host_group_find(const struct host_root *root, const char *name, struct host_group *group,
		    struct log *log);

/* One device of a group, by its name in sysfs; whether or not it can be passed. 0 or -errno. */
int host_device_read(const struct host_root *root, const char *name, struct host_device *device);
/* Sorts PCI devices by address, then others by name. */
void host_devices_sort(struct host_device *devices, unsigned nr_devices);
/* The number of the IOMMU group that a PCI device is in; -errno after one line on @log. */
int host_group_of_device(const struct host_root *root, const struct pci_address *address,
			 unsigned *number, struct log *log);
/* Says on @log which devices change hands together with @named. */
void host_tell_company(const struct host_device *devices, unsigned nr_devices, unsigned number,
		       const struct pci_address *named, struct log *log);

/* In words for a human: "NVM Express controller (1b36:0010)". */
void host_device_describe(const struct host_device *device, char *text, size_t size);

/* Does another process hold the group open (/dev/vfio/@number)? */
bool host_group_in_use(const struct host_root *root, unsigned number);

/*
 * Everything that blocks handing @groups over, each as one line on @log with the command that
 * fixes it: a device held by a host driver (VFIO without @claim), a mounted disk, swap, a network
 * interface that is up (with @claim too), a missing module, a file that may not be opened, a lock
 * limit below @lock_bytes, a group named twice, one that the group driver says is in use, frozen
 * or quarantined. Changes nothing. Returns the number of lines.
 */
unsigned host_groups_check(const struct host_root *root, const struct host_group *groups,
			   unsigned nr_groups, bool claim, uint64_t lock_bytes, struct log *log);

/* "0000:01:00.0"; a domain may take eight digits. */
#define PCI_ADDRESS_TEXT_SIZE 20
const char *pci_address_text(const struct pci_address *address, char *text);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The platform devices of one group as a guest has them, without any guest architecture: where
 * their regions are, mapped straight into the guest as far as they can be, and their interrupts.
 * papr_platform_bus.h gives it its PAPR face.
 *
 * All regions lie one after another from one guest-physical address on, each in pages of its own
 * for all sizes of pages. They are there as long as the host is: a platform device has no switch
 * for decoding.
 */
#ifndef PVMM_DEVICES_PLATFORM_H
#define PVMM_DEVICES_PLATFORM_H

#include "vmm/bus.h"
#include "vmm/group/group.h"
#include "vmm/irq.h"
#include "vmm/log.h"

#define PLATFORM_ALIGN (64 * KIB)	/* the largest host page */

struct platform_device;

/* A part of a region that is mapped into the guest. */
struct platform_map {
	uint64_t offset, size;	/* region-relative bytes, host-page multiples */
	void *address;		/* in this process, for handing on and never for reading */
};

struct platform_region {
	struct platform_device *device;
	unsigned index;		/* the group's */
	uint64_t gpa, size;	/* size 0: there is none */
	bool is_added;		/* trap is in the bus */
	struct bus_region trap;	/* under the mappings: what cannot be mapped */
	unsigned nr_maps;
	struct platform_map maps[GROUP_MAX_AREAS];
};

struct platform_irq {
	struct platform_device *device;
	unsigned index;		/* the group's */
	bool exists;
	bool is_line;
	uint32_t number;	/* the VM's */
	int fd;			/* eventfd, -1: not connected */
	struct irq_eoi eoi;
};

struct platform_device {
	struct platform_host *host;
	struct group_device *group_device;
	struct platform_region regions[GROUP_REGION_COUNT];
	struct platform_irq irqs[GROUP_MAX_IRQS];
};

struct platform_host {
	struct group *group;	/* borrowed */
	struct bus *bus;
	struct irqchip *irqchip;
	struct log *log;
	struct log_limit limit;
	uint64_t gpa, size;	/* what the regions take, bytes */
	unsigned nr_devices;
	struct platform_device *devices;
};

/*
 * Puts the regions of the group's devices into @bus, from @gpa on, which is a multiple of
 * PLATFORM_ALIGN; @room bytes at most. Interrupts get numbers, and are connected by
 * platform_host_reset(). 0, or a negative errno after one line on @log and nothing held.
 */
int platform_host_init(struct platform_host *host, struct group *group, struct bus *bus,
		       struct irqchip *irqchip, uint64_t gpa, uint64_t room, struct log *log);
/* Interrupts are disconnected and regions out of the guest. */
void platform_host_exit(struct platform_host *host);
/*
 * Start of the guest, and each reboot: interrupts connected anew. The group itself has been reset
 * by its owner before. 0, or a negative errno after one line on log.
 */
int platform_host_reset(struct platform_host *host);

#endif

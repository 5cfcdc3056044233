/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtual PCI host bridge for one device group, without any guest architecture: which
 * device sits where, config space, BAR windows and their assignment, mapping of BARs, and
 * interrupt vectors. papr_phb.h gives it its PAPR face (RTAS, device tree, TCEs); an ECAM
 * bridge will be another.
 *
 * Layout: one bus segment as the guest sees it. A device of the host at BB:SS.F appears at
 * slot SS function F of bus 0 unless place= says otherwise; two host buses of one group that
 * would collide get the next free slots, functions of one device kept together. A slot that
 * would have no function 0 gets its lowest function there, because a guest that scans looks
 * at function 0 first; only what place= says is left as it is. A device that was unplugged before
 * the guest starts is left out.
 *
 * I/O that is mapped comes in whole pages of the host, each with as many BARs as happen to be in
 * it there. So they are put into a page of the guest as they lie in the host's (pci_io.c).
 */
#ifndef PVMM_DEVICES_PCI_H
#define PVMM_DEVICES_PCI_H

#include <pthread.h>

#include "vmm/bus.h"
#include "vmm/group/group.h"
#include "vmm/irq.h"
#include "vmm/log.h"

#define PCI_CONFIG_SIZE 4096
#define PCI_NR_BARS 6
#define PCI_BAR_ALIGN (64 * KIB)	/* the largest host page: each BAR has its pages alone */
#define PCI_MAX_DEVICES 256		/* 32 slots of 8 functions */
#define PCI_MAX_HIDDEN 8		/* extended capabilities of one device */
#define PCI_MAX_VECTORS 512		/* of one device; more are not offered to the guest */

#define PCI_DEVFN(slot, function) ((uint8_t)((slot) << 3 | (function)))
#define PCI_SLOT(devfn) ((unsigned)(devfn) >> 3)
#define PCI_FUNCTION(devfn) ((unsigned)(devfn) & 7)

struct pci_host;
struct pci_device;

enum pci_space { PCI_SPACE_IO, PCI_SPACE_MEM32, PCI_SPACE_MEM64, PCI_SPACE_COUNT };

/* A window of the bridge: bus address @pci appears at @gpa. Sizes in bytes; 0: absent. */
struct pci_window {
	uint64_t gpa, pci, size;
};

/* A mappable part of a BAR. */
struct pci_bar_map {
	uint64_t offset, size;	/* bytes from the BAR less its lead, host-page multiples */
	void *address;		/* in this process, for handing on and never for reading */
	bool in_guest;		/* handed to the bus; host.lock */
	bool refused;		/* the bus did not take it, where the BAR is now; host.lock */
};

/* One BAR (or the ROM, index 6), as the guest sees it. */
struct pci_bar {
	struct pci_device *device;
	unsigned index;		/* also the group region */
	uint64_t size;		/* bytes, power of two; 0: none */
	enum pci_space space;
	bool is_64bit, prefetchable;
	uint64_t address;	/* on the bus: what the guest programmed, or pvmm assigned;
				 * host.lock */
	uint64_t assigned;	/* what pvmm assigned at start */
	bool visible;		/* present in the bus at gpa; host.lock */
	bool refused;		/* a line on log said why it is not visible; host.lock */
	uint64_t gpa;		/* where, while visible */
	struct bus_region trap;	/* under the mappings: what cannot be mapped */
	uint64_t lead;		/* bytes that its maps begin before it: see group_region */
	unsigned nr_maps;
	struct pci_bar_map maps[GROUP_MAX_AREAS];
};

struct pci_device {
	struct pci_host *host;
	struct group_device *group_device;
	uint8_t devfn;			/* in the guest */
	bool multifunction;		/* the guest's slot has other functions */
	struct pci_bar bars[PCI_NR_BARS + 1];	/* [6]: ROM */
	bool rom_enabled;		/* the ROM BAR's enable bit; host.lock */
	uint16_t command;		/* the guest's COMMAND register, of which the device need
					 * not have all while it is isolated; host.lock */
	bool powered;			/* in D0; host.lock */
	uint8_t msi_offset, msix_offset;	/* of the capabilities; 0: none. Read once */
	uint8_t pm_offset;
	uint16_t config_size;		/* 256 or 4096 */
	unsigned nr_hidden;
	uint16_t hidden[PCI_MAX_HIDDEN];	/* extended capabilities that read as empty */
	uint8_t pin;			/* INTx pin, 1..4; 0: none. Read once */
	uint32_t lsi;			/* irq number, when pin != 0 */
	struct irq_eoi lsi_eoi;
	unsigned lsi_ends;		/* of the line's interrupts, since it was last seen
					 * lowered; atomic */
	int lsi_fd;			/* eventfd, -1: not connected; host.lock */
	unsigned vector_kind;		/* GROUP_IRQ_MSI/MSIX, or GROUP_IRQ_COUNT: none;
					 * host.lock */
	unsigned nr_vectors;		/* live vectors; host.lock */
	uint32_t first_irq;		/* of the vectors */
	uint32_t reserved_irqs;		/* how many are reserved at first_irq */
	int *vector_fds;		/* eventfds; host.lock */
};

struct pci_host {
	struct group *group;	/* borrowed */
	struct bus *bus;
	struct irqchip *irqchip;
	struct log *log;
	struct log_limit limit;
	uint64_t page_size;	/* the host's */
	pthread_mutex_t lock;	/* config space writes, BAR visibility, vectors. Taken before
				 * bus.lock */
	enum group_error_state isolation;	/* by pci_recovery.c itself; host.lock */
	struct pci_window windows[PCI_SPACE_COUNT];
	unsigned nr_devices;
	struct pci_device *devices;	/* by devfn */
};

/* How much of each window the group's devices need, for the owner of the address map. */
struct pci_needs {
	uint64_t size[PCI_SPACE_COUNT];		/* bytes, with alignment */
	uint64_t align[PCI_SPACE_COUNT];	/* of the window's start, on the bus and in gpa */
};

/*
 * Reads config space of the group's devices, sizes BARs, places devices. Windows are set with
 * pci_host_assign(). 0; a negative errno after one line on log (-EEXIST: two devices at one
 * place). Nothing held after a failure.
 */
int pci_host_init(struct pci_host *host, struct group *group, struct bus *bus,
		  struct irqchip *irqchip, struct log *log);
/* Devices do no DMA any more, and have no interrupts connected. */
void pci_host_exit(struct pci_host *host);
void pci_host_needs(const struct pci_host *host, struct pci_needs *needs);
/*
 * Gives every BAR its address inside @windows; before the guest runs. IO BARs are hidden when
 * there is no IO window. 0, or -ENOSPC and no BAR changed.
 */
int pci_host_assign(struct pci_host *host, const struct pci_window windows[PCI_SPACE_COUNT]);
/* Start of the guest, and each reboot: vectors off, BARs as assigned, decoding off, INTx
 * connected. The group itself has been reset by its owner before. 0, or a negative errno after
 * one line on log. */
int pci_host_reset(struct pci_host *host);

/*
 * The group was reset, and its guest runs on: COMMAND is 0, BARs are as assigned, and vectors
 * or INTx that were connected are so again. 0, or a negative errno after one line on log.
 */
int pci_host_recover(struct pci_host *host);

/*
 * pci_recovery.c: the group's isolation, as struct group_recovery_ops says, also where the host has
 * none. Changes come one at a time, and no call of the group's own resets it meanwhile.
 */
int pci_host_enable_recovery(struct pci_host *host);
int pci_host_isolation(struct pci_host *host, enum group_error_state *state);
int pci_host_freeze(struct pci_host *host);
int pci_host_inject(struct pci_host *host, bool wide, unsigned function);
/*
 * GROUP_RELEASE_*, without a reset: BARs follow what COMMAND and the power state say, and an INTx
 * that was to be unmasked in the meantime is.
 */
int pci_host_release(struct pci_host *host, unsigned stages);
/* After GROUP_RESET_END, pci_host_recover() is for a guest that runs on. */
int pci_host_reset_step(struct pci_host *host, enum group_reset_step step);
int pci_host_configure(struct pci_host *host);

/* Is @gpa in a window of the bridge? */
bool pci_host_has_address(const struct pci_host *host, uint64_t gpa);
/* NULL: nothing there. */
struct pci_device *pci_host_find(struct pci_host *host, uint8_t devfn);

/*
 * Config access by the guest, host-endian value. @size 1, 2 or 4, aligned, inside the
 * device's config size: -EINVAL otherwise. Another negative errno when the host refused.
 * After any error the value read is all ones.
 */
bool pci_config_is_access(const struct pci_device *device, uint32_t offset, unsigned size);
int pci_config_read(struct pci_device *device, uint32_t offset, unsigned size, uint32_t *value);
int pci_config_write(struct pci_device *device, uint32_t offset, unsigned size, uint32_t value);

/*
 * Connects @count vectors of @kind (GROUP_IRQ_MSI or MSIX); 0 disconnects whichever kind is
 * connected. Stores the first irq number. Asking again for the same kind and count changes
 * nothing. -ENOTSUP: the device lacks the kind; -ENOSPC: more than it, or the host, has;
 * another negative errno, with a line on log, when the host refused. No vector is connected
 * then.
 */
int pci_vectors_set(struct pci_device *device, unsigned kind, unsigned count, uint32_t *first_irq);
/* Number of vectors the device offers of @kind. */
unsigned pci_vectors_max(const struct pci_device *device, unsigned kind);
/* The irq number of a connected vector: 0 or -ENOENT. */
int pci_vector_irq(struct pci_device *device, unsigned vector, uint32_t *irq);
/* Number of vectors connected now. */
unsigned pci_vectors_count(struct pci_device *device);

#endif

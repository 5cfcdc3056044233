/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest-physical address space outside RAM: regions whose accesses are handled by a
 * device (trapped), and mappings of host memory straight into the guest (a BAR, an interrupt
 * controller's pages). Data is bytes in the guest's memory order, so nothing here has an
 * endianness. What nobody claims reads all ones and swallows stores.
 */
#ifndef PVMM_BUS_H
#define PVMM_BUS_H

#include <pthread.h>

#include "vmm/util.h"

struct bus_region;

struct bus_ops {
	/* @offset is relative to the region; @size is 1, 2, 4 or 8 and inside the region. */
	void (*read)(struct bus_region *region, uint64_t offset, void *data, unsigned size);
	void (*write)(struct bus_region *region, uint64_t offset, const void *data, unsigned size);
};

/*
 * Embedded in the device; container_of() gives the device back. A handler runs without the
 * bus's lock, so one may still be at work on another thread when bus_remove() returns: the
 * owner keeps the struct alive until no thread uses the bus any more (bus_exit()), and guards
 * its own state with its own lock. A removed region may be added again at another gpa. A NULL
 * read gives all ones, a NULL write swallows.
 */
struct bus_region {
	const char *name;
	uint64_t gpa, size;	/* bytes */
	const struct bus_ops *ops;
	struct bus_region *next;	/* bus.lock */
};

/* How mappings reach the guest: KVM memory slots, or a fake in unit tests. */
struct bus_mapper {
	/* 0 or a negative errno; all three are multiples of the host's page size. */
	int (*map)(struct bus_mapper *mapper, uint64_t gpa, uint64_t size, void *hva);
	/* Exactly a range that was mapped. */
	void (*unmap)(struct bus_mapper *mapper, uint64_t gpa, uint64_t size);
};

struct bus {
	pthread_rwlock_t lock;		/* the list; not held while a handler runs */
	struct bus_region *regions;	/* by ascending gpa */
	struct bus_mapper *mapper;
};

int bus_init(struct bus *bus, struct bus_mapper *mapper);
void bus_exit(struct bus *bus);

/* 0; -EINVAL for an empty or wrapping region, -EEXIST when it overlaps another. A handler
 * may add and remove regions, its own included. */
int bus_add(struct bus *bus, struct bus_region *region);
void bus_remove(struct bus *bus, struct bus_region *region);

/* 0, -EINVAL for an empty or wrapping range, or what the mapper says. */
int bus_map(struct bus *bus, uint64_t gpa, uint64_t size, void *hva);
void bus_unmap(struct bus *bus, uint64_t gpa, uint64_t size);

/* An access by the guest; -ENXIO when no region has the whole of it (data is all ones then). */
int bus_read(struct bus *bus, uint64_t gpa, void *data, unsigned size);
int bus_write(struct bus *bus, uint64_t gpa, const void *data, unsigned size);

#endif

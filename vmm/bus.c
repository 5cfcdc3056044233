/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest-physical address space outside RAM: a sorted list of trapped regions, and the way
 * to the mapper. Owns the list's order and lock, never the regions.
 */
#include "vmm/bus.h"

#include <errno.h>
#include <string.h>

int bus_init(struct bus *bus, struct bus_mapper *mapper)
{
	bus->regions = NULL;
	bus->mapper = mapper;
	return -pthread_rwlock_init(&bus->lock, NULL);
}

void bus_exit(struct bus *bus)
{
	pthread_rwlock_destroy(&bus->lock);
	bus->regions = NULL;
}

/* Empty, or past the end of the address space. Ending with its very last byte is fine. */
static bool is_bad_range(uint64_t gpa, uint64_t size)
{
	return size == 0 || gpa + (size - 1) < gpa;
}

/* Last bytes are compared: the end of the topmost region does not fit in 64 bits. */
static bool regions_overlap(const struct bus_region *a, const struct bus_region *b)
{
	return a->gpa <= b->gpa + (b->size - 1) && b->gpa <= a->gpa + (a->size - 1);
}

int bus_add(struct bus *bus, struct bus_region *region)
{
	struct bus_region **link;
	int ret = 0;

	if (is_bad_range(region->gpa, region->size))
		return -EINVAL;
	pthread_rwlock_wrlock(&bus->lock);
	for (link = &bus->regions; *link; link = &(*link)->next) {
		if (regions_overlap(*link, region)) {
			ret = -EEXIST;
			goto unlock;
		}
		if ((*link)->gpa > region->gpa)
			break;
	}
	region->next = *link;
	*link = region;
unlock:
	pthread_rwlock_unlock(&bus->lock);
	return ret;
}

void bus_remove(struct bus *bus, struct bus_region *region)
{
	struct bus_region **link;

	pthread_rwlock_wrlock(&bus->lock);
	for (link = &bus->regions; *link; link = &(*link)->next) {
		if (*link == region) {
			*link = region->next;
			region->next = NULL;
			break;
		}
	}
	pthread_rwlock_unlock(&bus->lock);
}

int bus_map(struct bus *bus, uint64_t gpa, uint64_t size, void *hva)
{
	if (is_bad_range(gpa, size))
		return -EINVAL;
	if (!bus->mapper)
		return -EOPNOTSUPP;
	return bus->mapper->map(bus->mapper, gpa, size, hva);
}

void bus_unmap(struct bus *bus, uint64_t gpa, uint64_t size)
{
	if (bus->mapper)
		bus->mapper->unmap(bus->mapper, gpa, size);
}

/*
 * The region that has all of an access, or NULL. @offset is worked out under the lock, since
 * the region may be moved as soon as the lock is gone.
 */
static struct bus_region *bus_find(struct bus *bus, uint64_t gpa, unsigned size,
				   uint64_t *offset)
{
	struct bus_region *region;

	if (!is_power_of_two(size) || size > 8)
		return NULL;
	pthread_rwlock_rdlock(&bus->lock);
	for (region = bus->regions; region; region = region->next) {
		if (range_within(gpa, size, region->gpa, region->size)) {
			*offset = gpa - region->gpa;
			break;
		}
	}
	pthread_rwlock_unlock(&bus->lock);
	return region;
}

int bus_read(struct bus *bus, uint64_t gpa, void *data, unsigned size)
{
	uint64_t offset;
	struct bus_region *region = bus_find(bus, gpa, size, &offset);

	if (region && region->ops->read) {
		region->ops->read(region, offset, data, size);
		return 0;
	}
	memset(data, 0xff, size);
	return region ? 0 : -ENXIO;
}

int bus_write(struct bus *bus, uint64_t gpa, const void *data, unsigned size)
{
	uint64_t offset;
	struct bus_region *region = bus_find(bus, gpa, size, &offset);

	if (region && region->ops->write)
		region->ops->write(region, offset, data, size);
	return region ? 0 : -ENXIO;
}

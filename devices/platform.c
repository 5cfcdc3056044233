/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The platform devices of one group in a guest: regions and interrupts. */
#include "devices/platform.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Every access that is trapped has ones for an answer if the host refuses it. */
static void trap_read(struct bus_region *trap, uint64_t offset, void *data, unsigned size)
{
	struct platform_region *region = container_of(trap, struct platform_region, trap);

	if (group_device_read(region->device->group_device, region->index, offset, data, size))
		memset(data, 0xff, size);
}

static void trap_write(struct bus_region *trap, uint64_t offset, const void *data, unsigned size)
{
	struct platform_region *region = container_of(trap, struct platform_region, trap);

	(void)group_device_write(region->device->group_device, region->index, offset, data, size);
}

static const struct bus_ops trap_ops = {
	.read = trap_read,
	.write = trap_write,
};

static void unmap_region(struct platform_region *region)
{
	struct platform_host *host = region->device->host;

	while (region->nr_maps) {
		const struct platform_map *map = &region->maps[--region->nr_maps];

		bus_unmap(host->bus, region->gpa + map->offset, map->size);
		group_device_unmap(region->device->group_device, map->address, map->size);
	}
	if (region->is_added)
		bus_remove(host->bus, &region->trap);
	region->is_added = false;
}

static int map_area(struct platform_region *region, const struct group_area *area)
{
	struct platform_map *map = &region->maps[region->nr_maps];
	struct platform_host *host = region->device->host;
	int err;

	map->offset = area->offset;
	map->size = area->size;
	err = group_device_map(region->device->group_device, region->index, area, &map->address);
	if (err)
		return err;
	err = bus_map(host->bus, region->gpa + map->offset, map->size, map->address);
	if (err)
		group_device_unmap(region->device->group_device, map->address, map->size);
	else
		region->nr_maps++;
	return err;
}

static int add_region(struct platform_region *region)
{
	const struct group_region *info;
	unsigned i;
	int err;

	info = &region->device->group_device->regions[region->index];
	region->trap = (struct bus_region){
		.name = "platform device", .gpa = region->gpa, .size = region->size,
		.ops = &trap_ops,
	};
	err = bus_add(region->device->host->bus, &region->trap);
	region->is_added = !err;
	for (i = 0; !err && i < info->nr_areas; i++)
		err = map_area(region, &info->areas[i]);
	return err;
}

/* Where the next region begins, with room for @size bytes in pages of its own. */
static int place_region(struct platform_host *host, uint64_t size, uint64_t room, uint64_t *gpa)
{
	if (size > room || align_up(size, PLATFORM_ALIGN) > room - host->size)
		return -ENOSPC;
	*gpa = host->gpa + host->size;
	host->size += align_up(size, PLATFORM_ALIGN);
	return 0;
}

static int init_region(struct platform_device *device, unsigned index, uint64_t room)
{
	struct platform_region *region = &device->regions[index];
	int err;

	region->device = device;
	region->index = index;
	region->size = device->group_device->regions[index].size;
	if (!region->size)
		return 0;
	err = place_region(device->host, region->size, room, &region->gpa);
	if (!err)
		err = add_region(region);
	if (err)
		log_error(device->host->log, "%s: %s: region %u cannot be put into the guest: %s",
			  device->host->group->path, device->group_device->name, index,
			  strerror(-err));
	return err;
}

static void irq_was_ended(struct irq_eoi *eoi)
{
	struct platform_irq *irq = container_of(eoi, struct platform_irq, eoi);

	/* Fails when the group has gone: nothing to unmask then. */
	(void)group_device_unmask(irq->device->group_device, irq->index);
}

static int init_irq(struct platform_device *device, unsigned index)
{
	struct platform_host *host = device->host;
	struct platform_irq *irq = &device->irqs[index];
	int err;

	irq->device = device;
	irq->index = index;
	irq->fd = -1;
	if (!device->group_device->irq_count[index])
		return 0;
	irq->is_line = device->group_device->irq_is_line[index];
	err = irq_reserve(host->irqchip, irq->is_line ? IRQ_LINE : IRQ_MESSAGE, 1, 1,
			  &irq->number);
	if (err) {
		log_error(host->log, "%s: %s: no interrupt numbers left for it; give the guest fewer "
			  "groups", host->group->path, device->group_device->name);
		return err;
	}
	irq->exists = true;
	irq->eoi.eoi = irq_was_ended;
	if (irq->is_line)
		irq_on_eoi(host->irqchip, irq->number, &irq->eoi);
	return 0;
}

static void disconnect_irq(struct platform_irq *irq)
{
	if (irq->fd < 0)
		return;
	(void)group_device_set_irqs(irq->device->group_device, irq->index, NULL, 0);
	irq_close_source(irq->device->host->irqchip, irq->number, irq->fd);
	irq->fd = -1;
}

static int connect_irq(struct platform_irq *irq)
{
	struct irqchip *chip = irq->device->host->irqchip;
	int fd, err;

	if (!irq->exists)
		return 0;
	fd = irq_open_source(chip, irq->number);
	if (fd < 0)
		return fd;
	err = group_device_set_irqs(irq->device->group_device, irq->index, &fd, 1);
	if (err)
		irq_close_source(chip, irq->number, fd);
	else
		irq->fd = fd;
	return err;
}

static void exit_device(struct platform_device *device)
{
	unsigned i;

	for (i = 0; i < GROUP_MAX_IRQS; i++) {
		disconnect_irq(&device->irqs[i]);
		if (device->irqs[i].is_line && device->irqs[i].exists)
			irq_on_eoi(device->host->irqchip, device->irqs[i].number, NULL);
	}
	for (i = 0; i < GROUP_REGION_COUNT; i++)
		unmap_region(&device->regions[i]);
}

/* exit_device() takes it as far as it came. */
static int init_device(struct platform_device *device, uint64_t room)
{
	unsigned i;
	int err = 0;

	for (i = 0; i < GROUP_REGION_COUNT; i++)
		device->regions[i].device = device;
	for (i = 0; i < GROUP_MAX_IRQS; i++)
		device->irqs[i].fd = -1;
	for (i = 0; !err && i < GROUP_REGION_COUNT; i++)
		err = init_region(device, i, room);
	for (i = 0; !err && i < GROUP_MAX_IRQS; i++)
		err = init_irq(device, i);
	return err;
}

int platform_host_init(struct platform_host *host, struct group *group, struct bus *bus,
		       struct irqchip *irqchip, uint64_t gpa, uint64_t room, struct log *log)
{
	int err = 0;

	memset(host, 0, sizeof(*host));
	host->group = group;
	host->bus = bus;
	host->irqchip = irqchip;
	host->log = log;
	host->gpa = gpa;
	host->devices = calloc(group->nr_devices, sizeof(*host->devices));
	if (!host->devices) {
		log_error(log, "%s: not enough memory for its devices", group->path);
		return -ENOMEM;
	}
	while (!err && host->nr_devices < group->nr_devices) {
		struct platform_device *device = &host->devices[host->nr_devices];

		device->host = host;
		device->group_device = &group->devices[host->nr_devices++];
		err = init_device(device, room);
	}
	if (err)
		platform_host_exit(host);
	return err;
}

void platform_host_exit(struct platform_host *host)
{
	while (host->nr_devices)
		exit_device(&host->devices[--host->nr_devices]);
	free(host->devices);
	host->devices = NULL;
}

static int reset_device(struct platform_device *device)
{
	unsigned i;
	int err = 0;

	for (i = 0; !err && i < GROUP_MAX_IRQS; i++) {
		disconnect_irq(&device->irqs[i]);
		err = connect_irq(&device->irqs[i]);
	}
	if (err)
		log_error(device->host->log, "%s: %s: its interrupts cannot be connected: %s%s",
			  device->host->group->path, device->group_device->name, strerror(-err),
			  err == -EMFILE ? "; raise the limit of open files (ulimit -n)" : "");
	return err;
}

int platform_host_reset(struct platform_host *host)
{
	unsigned i;
	int err = 0;

	for (i = 0; !err && i < host->nr_devices; i++)
		err = reset_device(&host->devices[i]);
	return err;
}

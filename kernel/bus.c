// SPDX-License-Identifier: GPL-2.0-only
/* The buses that devices of groups are on. */
#include "use.h"

const struct devgroup_bus_ops *const devgroup_buses[DEVGROUP_NR_BUSES] = {
	&devgroup_pci_bus,
	&devgroup_platform_bus,
};

const struct devgroup_bus_ops *devgroup_bus_of(struct device *dev)
{
	unsigned int i;

	for (i = 0; i < DEVGROUP_NR_BUSES; i++) {
		if (dev->bus == devgroup_buses[i]->type)
			return devgroup_buses[i];
	}
	return NULL;
}

void devgroup_bus_lock(const struct devgroup_bus_ops *bus)
{
	if (bus->lock)
		bus->lock();
}

void devgroup_bus_unlock(const struct devgroup_bus_ops *bus)
{
	if (bus->unlock)
		bus->unlock();
}

bool devgroup_driver_manages_dma(struct device *dev)
{
	const struct devgroup_bus_ops *bus = devgroup_bus_of(dev);

	return bus && bus->manages_dma(dev->driver);
}

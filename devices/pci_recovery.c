/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Isolation of a bridge's group, and its recovery by the guest: by what the host has for that
 * (struct group_recovery_ops), or else by COMMAND. Devices of an isolated group do not decode,
 * master the bus or raise interrupts then, and their BARs are out of the guest; what the guest
 * has in COMMAND is kept, and holds again afterwards.
 */
#include <errno.h>
#include <linux/pci_regs.h>

#include "devices/pci_internal.h"

bool pci_is_cut_off(const struct pci_host *host)
{
	return host->isolation != GROUP_NORMAL && host->isolation != GROUP_MMIO_ENABLED;
}

uint16_t pci_isolated_command(const struct pci_host *host, uint16_t command)
{
	if (host->isolation == GROUP_NORMAL)
		return command;
	command = (uint16_t)((command & ~PCI_COMMAND_MASTER) | PCI_COMMAND_INTX_DISABLE);
	if (pci_is_cut_off(host))
		command &= (uint16_t)~(PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
	return command;
}

static int apply_commands(struct pci_host *host)
{
	int err = 0, ret;
	unsigned i;

	for (i = 0; i < host->nr_devices; i++) {
		ret = pci_config_apply_command(&host->devices[i]);
		err = err ? err : ret;
	}
	return err;
}

/* BARs leave the guest before devices stop answering. One that takes no command is cut off, too. */
static int freeze(struct pci_host *host)
{
	int err = -EIO;

	pthread_mutex_lock(&host->lock);
	if (host->isolation != GROUP_DEAD) {
		host->isolation = GROUP_FROZEN;
		pci_bars_update(host);
		(void)apply_commands(host);
		err = 0;
	}
	pthread_mutex_unlock(&host->lock);
	return err;
}

/* And they come back after devices answer: all of them, or none. */
static int release(struct pci_host *host, enum group_error_state state)
{
	int err;

	pthread_mutex_lock(&host->lock);
	host->isolation = state;
	err = apply_commands(host);
	if (err)
		host->isolation = GROUP_FROZEN;
	pci_bars_update(host);
	if (err)
		(void)apply_commands(host);
	pthread_mutex_unlock(&host->lock);
	return err;
}

int pci_host_enable_recovery(struct pci_host *host)
{
	return host->group->recovery ? group_recovery_enable(host->group) : 0;
}

int pci_host_isolation(struct pci_host *host, enum group_error_state *state)
{
	if (host->group->recovery)
		return group_recovery_state(host->group, state);
	pthread_mutex_lock(&host->lock);
	*state = host->isolation;
	pthread_mutex_unlock(&host->lock);
	return 0;
}

int pci_host_freeze(struct pci_host *host)
{
	if (host->group->recovery)
		return group_recovery_freeze(host->group);
	return freeze(host);
}

int pci_host_inject(struct pci_host *host, bool wide, unsigned function)
{
	if (host->group->recovery)
		return group_recovery_inject(host->group, wide, function);
	return freeze(host);
}

static int reread(struct pci_host *host)
{
	unsigned i;
	int err = 0;

	pthread_mutex_lock(&host->lock);
	for (i = 0; !err && i < host->nr_devices; i++) {
		err = pci_config_reread(&host->devices[i]);
		/* One that has been unplugged does not keep the others from working. */
		if (err == -ENODEV)
			err = 0;
	}
	pci_bars_update(host);
	pthread_mutex_unlock(&host->lock);
	return err;
}

static void unmask_lines(struct pci_host *host)
{
	unsigned i;

	pthread_mutex_lock(&host->lock);
	for (i = 0; i < host->nr_devices; i++)
		pci_irq_release(&host->devices[i]);
	pthread_mutex_unlock(&host->lock);
}

int pci_host_release(struct pci_host *host, unsigned stages)
{
	bool all = stages & GROUP_RELEASE_DMA;
	int err;

	if (host->group->recovery) {
		err = group_recovery_release(host->group, stages);
		if (!err)
			err = reread(host);
	} else {
		err = release(host, all ? GROUP_NORMAL : GROUP_MMIO_ENABLED);
	}
	if (!err)
		unmask_lines(host);
	return err;
}

/* A group's reset is over when it returns: until the guest ends its own, a freeze looks like it. */
static int reset_step(struct pci_host *host, enum group_reset_step step)
{
	if (host->group->recovery)
		return group_recovery_reset(host->group, step);
	switch (step) {
	case GROUP_RESET_HOT:
		return freeze(host);
	case GROUP_RESET_END:
		return group_reset(host->group);
	default:
		return -EOPNOTSUPP;
	}
}

/* A reset leaves nothing of any device's COMMAND. */
static void end_reset(struct pci_host *host, int err)
{
	unsigned i;

	pthread_mutex_lock(&host->lock);
	for (i = 0; !err && i < host->nr_devices; i++)
		host->devices[i].command = 0;
	if (!host->group->recovery)
		host->isolation = err ? GROUP_DEAD : GROUP_NORMAL;
	pci_bars_update(host);
	pthread_mutex_unlock(&host->lock);
}

int pci_host_reset_step(struct pci_host *host, enum group_reset_step step)
{
	int err = reset_step(host, step);

	if (step == GROUP_RESET_END)
		end_reset(host, err);
	return err;
}

int pci_host_configure(struct pci_host *host)
{
	return host->group->recovery ? group_recovery_configure(host->group) : 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the PCI host bridge (pci*.c) share with each other and with nobody else. */
#ifndef PVMM_DEVICES_PCI_INTERNAL_H
#define PVMM_DEVICES_PCI_INTERNAL_H

#include "devices/pci.h"

#define PCI_ROM_INDEX PCI_NR_BARS

/* Config space as the host's kernel has it, host-endian. 0 or a negative errno. */
int pci_raw_read(struct pci_device *device, uint32_t offset, unsigned size, uint32_t *value);
int pci_raw_write(struct pci_device *device, uint32_t offset, unsigned size, uint32_t value);

/* pci_config.c: finds capabilities and the pin. A negative errno after one line on log. */
int pci_config_init(struct pci_device *device);
/* Decoding and bus mastering off. */
void pci_config_exit(struct pci_device *device);
/* COMMAND cleared, power on, BARs as assigned. Caller holds host.lock. */
int pci_config_reset(struct pci_device *device);
/* Learns again what COMMAND and the power state are; BARs do not follow yet. Caller holds
 * host.lock. 0, or a negative errno and nothing has changed. */
int pci_config_reread(struct pci_device *device);
/* Gives the device of the guest's COMMAND what host.isolation lets it have. Caller holds host.lock. */
int pci_config_apply_command(struct pci_device *device);

/* pci_bar.c: finds sizes and kinds, and maps what can be mapped. A negative errno after one
 * line on log; pci_bars_exit() is needed in either case. */
int pci_bars_init(struct pci_device *device);
void pci_bars_exit(struct pci_device *device);
bool pci_bar_is_register(uint32_t offset);
/* The dword at @offset, one of the BAR registers. Caller holds host.lock. */
uint32_t pci_bar_register(const struct pci_device *device, uint32_t offset);
void pci_bar_register_write(struct pci_device *device, uint32_t offset, uint32_t value);
/* Makes what is in the bus follow the registers. Caller holds host.lock. */
void pci_bars_update(struct pci_host *host);

/* pci_recovery.c: do devices not answer? Caller holds host.lock, as for the next. */
bool pci_is_cut_off(const struct pci_host *host);
/* What a device may have of @command, the guest's. */
uint16_t pci_isolated_command(const struct pci_host *host, uint16_t command);

/* pci_io.c: of the BARs in the same host page of mapped I/O the one that gets its place first, in
 * the order that BARs get theirs. @bar itself where there are no others, or it is no such BAR. */
const struct pci_bar *pci_io_first(const struct pci_bar *bar);
/* May the host page that holds @bar, an I/O BAR that is visible, be mapped by it? Caller holds
 * host.lock. */
bool pci_io_may_map(const struct pci_bar *bar);

/* pci_irq.c: reserves numbers. A negative errno after one line on log; pci_irq_exit() is
 * needed in either case. */
int pci_irq_init(struct pci_device *device);
void pci_irq_exit(struct pci_device *device);
/* No vectors, INTx connected. Caller holds host.lock. */
int pci_irq_reset(struct pci_device *device);
/* The host forgot them in a reset: connects anew what is connected. A negative errno after one
 * line on log. Caller holds host.lock. */
int pci_irq_recover(struct pci_device *device);
/* Unmasks INTx if it is connected. Caller holds host.lock. */
void pci_irq_release(struct pci_device *device);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Config space as the guest sees it. The host's kernel already keeps from the guest what it
 * must not own: registers it does not know are read-only, the MSI-X control register cannot be
 * written, MSI address and data are copies without effect, MSI enable takes effect only while
 * the host has set the vectors up. pvmm adds only what differs between host and guest: the
 * BARs, the multifunction bit, the interrupt pin, capabilities that would mislead a driver, and
 * BARs that follow COMMAND and the power state.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "devices/pci_internal.h"

#define HEADER_MULTIFUNCTION 0x80
#define HEADER_TYPE_MASK 0x7f
#define CONVENTIONAL_SIZE 256
#define CAPABILITIES_MAX ((CONVENTIONAL_SIZE - PCI_STD_HEADER_SIZEOF) / 4)
#define EXTENDED_MAX ((PCI_CONFIG_SIZE - CONVENTIONAL_SIZE) / 8)
#define EXTENDED_ID_AND_VERSION 0xfffffU	/* of a capability's header; the next one above */
#define PM_STATE_D0 0

int pci_raw_read(struct pci_device *device, uint32_t offset, unsigned size, uint32_t *value)
{
	le32 raw = 0;
	int err;

	err = group_device_read(device->group_device, GROUP_REGION_CONFIG, offset, &raw, size);
	*value = err ? UINT32_MAX : le32toh(raw);
	return err;
}

int pci_raw_write(struct pci_device *device, uint32_t offset, unsigned size, uint32_t value)
{
	le32 raw = htole32(value);

	return group_device_write(device->group_device, GROUP_REGION_CONFIG, offset, &raw, size);
}

/* Remembers a capability when all of it that is used here lies inside the first 256 bytes. */
static void note_capability(struct pci_device *device, uint8_t id, uint8_t offset)
{
	uint8_t *place = NULL;

	if (id == PCI_CAP_ID_PM)
		place = &device->pm_offset;
	else if (id == PCI_CAP_ID_MSI)
		place = &device->msi_offset;
	else if (id == PCI_CAP_ID_MSIX)
		place = &device->msix_offset;
	if (place && !*place && offset + PCI_PM_SIZEOF <= CONVENTIONAL_SIZE)
		*place = offset;
}

/* The list comes from the device: it may loop, overlap, or point into the header. */
static int find_capabilities(struct pci_device *device)
{
	uint32_t value, next;
	unsigned i;
	int err;

	err = pci_raw_read(device, PCI_STATUS, 2, &value);
	if (err || !(value & PCI_STATUS_CAP_LIST))
		return err;
	err = pci_raw_read(device, PCI_CAPABILITY_LIST, 1, &next);
	for (i = 0; !err && i < CAPABILITIES_MAX; i++) {
		next &= ~3U;
		if (next < PCI_STD_HEADER_SIZEOF || next >= CONVENTIONAL_SIZE)
			break;
		err = pci_raw_read(device, next, 2, &value);
		if (!err)
			note_capability(device, value & 0xff, (uint8_t)next);
		next = value >> 8;
	}
	return err;
}

/*
 * Capabilities whose registers the host's kernel keeps from being written: a driver would take
 * a BAR for resized that is not, and look for functions that only the host has.
 */
static bool is_misleading(uint32_t header)
{
	switch (PCI_EXT_CAP_ID(header)) {
	case PCI_EXT_CAP_ID_ARI:
	case PCI_EXT_CAP_ID_SRIOV:
	case PCI_EXT_CAP_ID_REBAR:
		return true;
	default:
		return false;
	}
}

static int find_misleading(struct pci_device *device)
{
	uint32_t header, next = CONVENTIONAL_SIZE;
	unsigned i;
	int err = 0;

	if (device->config_size == CONVENTIONAL_SIZE)
		return 0;
	for (i = 0; !err && i < EXTENDED_MAX && next >= CONVENTIONAL_SIZE; i++) {
		err = pci_raw_read(device, next, 4, &header);
		if (!err && is_misleading(header) && device->nr_hidden < PCI_MAX_HIDDEN)
			device->hidden[device->nr_hidden++] = (uint16_t)next;
		next = PCI_EXT_CAP_NEXT(header);
	}
	return err;
}

static int read_identity(struct pci_device *device)
{
	uint32_t header = 0, pin = 0;
	int err;

	err = pci_raw_read(device, PCI_HEADER_TYPE, 1, &header);
	if (!err)
		err = pci_raw_read(device, PCI_INTERRUPT_PIN, 1, &pin);
	if (!err)
		err = find_capabilities(device);
	if (!err)
		err = find_misleading(device);
	if (err)
		return err;
	if ((header & HEADER_TYPE_MASK) != PCI_HEADER_TYPE_NORMAL)
		return -EPROTOTYPE;
	if (pin <= 4 && device->group_device->irq_count[GROUP_IRQ_INTX])
		device->pin = (uint8_t)pin;
	return 0;
}

int pci_config_init(struct pci_device *device)
{
	uint64_t size = device->group_device->regions[GROUP_REGION_CONFIG].size;
	const struct pci_host *host = device->host;
	int err = -EIO;

	device->config_size = size < PCI_CONFIG_SIZE ? CONVENTIONAL_SIZE : PCI_CONFIG_SIZE;
	if (size >= CONVENTIONAL_SIZE)
		err = read_identity(device);
	if (err == -EPROTOTYPE)
		log_error(host->log, "%s: %s is a bridge; only the devices behind it can be given "
			  "to a guest", host->group->path, device->group_device->name);
	else if (err)
		log_error(host->log, "%s: %s: config space cannot be read: %s; the device may be "
			  "gone or need a reset", host->group->path,
			  device->group_device->name, strerror(-err));
	return err;
}

/* Do the two ranges of config space share a byte? */
static bool touches(uint32_t offset, unsigned size, uint32_t reg, unsigned reg_size)
{
	return ranges_overlap(offset, size, reg, reg_size);
}

/* Puts @byte, register @reg, into a value read from @offset when it covers it. */
static void overlay(uint32_t *value, uint32_t offset, unsigned size, uint32_t reg, uint8_t byte)
{
	unsigned shift;

	if (!touches(offset, size, reg, 1))
		return;
	shift = (reg - offset) * 8;
	*value = (*value & ~(0xffU << shift)) | (uint32_t)byte << shift;
}

/* The register @reg of 1 to 4 bytes, now @old, after a write of @value at @offset. */
static uint32_t merge(uint32_t old, uint32_t reg, unsigned reg_size, uint32_t offset,
		      unsigned size, uint32_t value)
{
	unsigned i;

	for (i = 0; i < reg_size; i++) {
		if (!touches(offset, size, reg + i, 1))
			continue;
		old &= ~(0xffU << i * 8);
		old |= (value >> (reg + i - offset) * 8 & 0xff) << i * 8;
	}
	return old;
}

bool pci_config_is_access(const struct pci_device *device, uint32_t offset, unsigned size)
{
	return (size == 1 || size == 2 || size == 4) && is_aligned(offset, size) &&
	       range_within(offset, size, 0, device->config_size);
}

/* The chain goes on at a hidden capability; one that stands alone reads as none at all. */
static void hide_capabilities(const struct pci_device *device, uint32_t offset, uint32_t *value)
{
	unsigned i;

	for (i = 0; i < device->nr_hidden; i++) {
		if (device->hidden[i] == (offset & ~3U))
			*value &= ~(EXTENDED_ID_AND_VERSION >> (offset & 3) * 8);
	}
}

/* The 16-bit register @reg, in what is at @offset. */
static void overlay16(uint32_t *value, uint32_t offset, unsigned size, uint32_t reg, uint16_t word)
{
	overlay(value, offset, size, reg, word & 0xff);
	overlay(value, offset, size, reg + 1, word >> 8);
}

static int read_through(struct pci_device *device, uint32_t offset, unsigned size,
			uint32_t *value)
{
	uint8_t header = device->multifunction ? HEADER_MULTIFUNCTION : 0;
	int err;

	err = pci_raw_read(device, offset, size, value);
	if (err)
		return err;
	overlay(value, offset, size, PCI_HEADER_TYPE, header);
	overlay(value, offset, size, PCI_INTERRUPT_PIN, device->pin);
	if (device->host->isolation != GROUP_NORMAL)
		overlay16(value, offset, size, PCI_COMMAND, device->command);
	hide_capabilities(device, offset, value);
	return 0;
}

int pci_config_read(struct pci_device *device, uint32_t offset, unsigned size, uint32_t *value)
{
	uint32_t dword;
	int err = 0;

	*value = UINT32_MAX;
	if (!pci_config_is_access(device, offset, size))
		return -EINVAL;
	pthread_mutex_lock(&device->host->lock);
	if (pci_bar_is_register(offset)) {
		dword = pci_bar_register(device, offset & ~3U);
		*value = dword >> (offset & 3) * 8;
		if (size < 4)
			*value &= (1U << size * 8) - 1;
	} else {
		err = read_through(device, offset, size, value);
	}
	pthread_mutex_unlock(&device->host->lock);
	return err;
}

static void write_bar(struct pci_device *device, uint32_t offset, unsigned size, uint32_t value)
{
	uint32_t reg = offset & ~3U;
	uint32_t dword = pci_bar_register(device, reg);

	pci_bar_register_write(device, reg, merge(dword, reg, 4, offset, size, value));
	pci_bars_update(device->host);
}

/*
 * The power state is what the device says it is: the host does not insist when a device
 * refuses a change, and neither does the guest.
 */
static bool is_in_d0(struct pci_device *device)
{
	uint32_t control;

	if (!device->pm_offset)
		return true;
	return !pci_raw_read(device, device->pm_offset + PCI_PM_CTRL, 2, &control) &&
	       (control & PCI_PM_CTRL_STATE_MASK) == PM_STATE_D0;
}

/*
 * A write that may switch decoding or power. BARs that would go are out of the guest before
 * the device stops answering, and those that come enter after it answers, so that no mapping
 * ever leads to a device that does not.
 */
static int write_decode(struct pci_device *device, uint32_t offset, unsigned size, uint32_t value)
{
	uint32_t pm = device->pm_offset + PCI_PM_CTRL;
	bool has_pm = device->pm_offset && touches(offset, size, pm, 2);
	uint16_t command;
	int err;

	command = (uint16_t)merge(device->command, PCI_COMMAND, 2, offset, size, value);
	device->command &= command;
	if (has_pm && (merge(0, pm, 2, offset, size, value) & PCI_PM_CTRL_STATE_MASK))
		device->powered = false;
	pci_bars_update(device->host);
	overlay16(&value, offset, size, PCI_COMMAND, pci_isolated_command(device->host, command));
	err = pci_raw_write(device, offset, size, value);
	if (!err)
		device->command = command;
	/* The host restores COMMAND when power comes back. */
	if (has_pm && device->host->isolation != GROUP_NORMAL)
		(void)pci_config_apply_command(device);
	/* Looked at always: a function reset that the guest asked for gave power as well. */
	device->powered = is_in_d0(device);
	pci_bars_update(device->host);
	return err;
}

static int write_register(struct pci_device *device, uint32_t offset, unsigned size,
			  uint32_t value)
{
	if (pci_bar_is_register(offset)) {
		write_bar(device, offset, size, value);
		return 0;
	}
	if (touches(offset, size, PCI_COMMAND, 2) ||
	    (device->pm_offset && touches(offset, size, device->pm_offset + PCI_PM_CTRL, 2)))
		return write_decode(device, offset, size, value);
	return pci_raw_write(device, offset, size, value);
}

int pci_config_write(struct pci_device *device, uint32_t offset, unsigned size, uint32_t value)
{
	int err;

	if (!pci_config_is_access(device, offset, size))
		return -EINVAL;
	pthread_mutex_lock(&device->host->lock);
	err = write_register(device, offset, size, value);
	pthread_mutex_unlock(&device->host->lock);
	return err;
}

/* All ones: the device is gone, or frozen again already. */
int pci_config_reread(struct pci_device *device)
{
	uint32_t command;
	int err;

	err = pci_raw_read(device, PCI_COMMAND, 2, &command);
	if (!err && command == UINT16_MAX)
		err = -EIO;
	if (err)
		return err;
	device->command = (uint16_t)command;
	device->powered = is_in_d0(device);
	return 0;
}

int pci_config_apply_command(struct pci_device *device)
{
	return pci_raw_write(device, PCI_COMMAND, 2,
			     pci_isolated_command(device->host, device->command));
}

void pci_config_exit(struct pci_device *device)
{
	pthread_mutex_lock(&device->host->lock);
	/* A device that does not take this is dead, or is reset by the group's owner. */
	(void)write_decode(device, PCI_COMMAND, 2, 0);
	pthread_mutex_unlock(&device->host->lock);
}

int pci_config_reset(struct pci_device *device)
{
	struct pci_host *host = device->host;
	unsigned index;
	int err;

	err = write_decode(device, PCI_COMMAND, 2, 0);
	if (!err && device->pm_offset)
		err = write_decode(device, device->pm_offset + PCI_PM_CTRL, 2, PM_STATE_D0);
	if (err) {
		log_guest(host->log, &host->limit, "%s: %s: config space cannot be written: %s; the "
			  "device may be gone or need a reset", host->group->path,
			  device->group_device->name, strerror(-err));
		return err;
	}
	device->powered = is_in_d0(device);
	device->rom_enabled = false;
	for (index = 0; index <= PCI_ROM_INDEX; index++) {
		device->bars[index].address = device->bars[index].assigned;
		device->bars[index].refused = false;
	}
	pci_bars_update(device->host);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device's interrupts: message vectors (MSI, MSI-X) and its INTx line. Each is an eventfd
 * that the host's kernel signals and the interrupt controller takes. A device has one of the
 * two at a time, as VFIO has it: INTx whenever no vectors are connected.
 *
 * Numbers are reserved once, when the device is made, so that a guest can neither run out of
 * them nor use them up.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>

#include "devices/pci_internal.h"

#define MSI_MAX_VECTORS 32
#define LINE_ENDS_UNSEEN 256	/* so many of a line's interrupts end between two looks at it */
#define LINE_ENDS_RAISED 4096	/* and as many, all of them with the line raised, are too many */
#define SHARE_OF_IRQS 8		/* a device takes at most an eighth of what is left */

static uint32_t round_up_power_of_two(uint32_t value)
{
	uint32_t power = 1;

	while (power < value)
		power <<= 1;
	return power;
}

static unsigned hardware_vectors(const struct pci_device *device, unsigned kind)
{
	unsigned count = 0;

	if (kind == GROUP_IRQ_MSI && device->msi_offset)
		count = device->group_device->irq_count[kind];
	else if (kind == GROUP_IRQ_MSIX && device->msix_offset)
		count = device->group_device->irq_count[kind];
	return count < PCI_MAX_VECTORS ? count : PCI_MAX_VECTORS;
}

unsigned pci_vectors_max(const struct pci_device *device, unsigned kind)
{
	unsigned count = hardware_vectors(device, kind);

	return count < device->reserved_irqs ? count : device->reserved_irqs;
}

/* A device gets by with fewer vectors than it has, so none takes more than its share of the
 * numbers that are left: even the last of many gets some. */
static int reserve_vectors(struct pci_device *device)
{
	struct irqchip *chip = device->host->irqchip;
	uint32_t share = (IRQ_COUNT - chip->next) / SHARE_OF_IRQS;
	uint32_t msi = hardware_vectors(device, GROUP_IRQ_MSI);
	uint32_t count = hardware_vectors(device, GROUP_IRQ_MSIX);
	uint32_t align;
	int err;

	if (msi > count)
		count = msi;
	if (!count)
		return 0;
	if (count > share)
		count = share ? share : 1;
	align = round_up_power_of_two(count < MSI_MAX_VECTORS ? count : MSI_MAX_VECTORS);
	err = irq_reserve(chip, IRQ_MESSAGE, count, align, &device->first_irq);
	if (!err)
		device->reserved_irqs = count;
	return err;
}

/* Does the device say that it wants something? All ones say that it is gone. */
static bool is_raised(struct pci_device *device)
{
	uint32_t status;

	return !pci_raw_read(device, PCI_STATUS, 2, &status) && status != UINT16_MAX &&
	       status & PCI_STATUS_INTERRUPT;
}

/*
 * A line that is raised whenever the guest ends its interrupt is one that nobody there has the
 * device lower: it comes again at once, without end. All of that happens on the time of the CPU
 * that takes it, so that it is the guest's to bear, and for the operator to know. A device that
 * has much to do is found with its line down now and then.
 */
static void watch_line(struct pci_device *device)
{
	struct pci_host *host = device->host;
	unsigned ends;

	/* Said once, it is not looked at any more. */
	if (__atomic_load_n(&device->lsi_ends, __ATOMIC_RELAXED) >= LINE_ENDS_RAISED)
		return;
	ends = __atomic_add_fetch(&device->lsi_ends, 1, __ATOMIC_RELAXED);
	if (ends < LINE_ENDS_UNSEEN)
		return;
	if (!is_raised(device))
		__atomic_store_n(&device->lsi_ends, 0, __ATOMIC_RELAXED);
	else if (ends == LINE_ENDS_RAISED)
		log_guest(host->log, &host->limit, "%s: %s: nobody in the guest acknowledges its "
			  "interrupt, which comes without end and takes the time of one of the "
			  "guest's CPUs", host->group->path, device->group_device->name);
}

static void lsi_ended(struct irq_eoi *eoi)
{
	struct pci_device *device = container_of(eoi, struct pci_device, lsi_eoi);

	watch_line(device);
	/* Fails when the device has switched to messages in between: nothing to unmask then. */
	(void)group_device_unmask(device->group_device, GROUP_IRQ_INTX);
}

int pci_irq_init(struct pci_device *device)
{
	const struct pci_host *host = device->host;
	int err;

	err = reserve_vectors(device);
	if (!err && device->pin)
		err = irq_reserve(host->irqchip, IRQ_LINE, 1, 1, &device->lsi);
	if (err) {
		log_error(host->log, "%s: %s: no interrupt numbers left for it; give the guest "
			  "fewer groups", host->group->path, device->group_device->name);
		return err;
	}
	if (device->pin) {
		device->lsi_eoi.eoi = lsi_ended;
		irq_on_eoi(host->irqchip, device->lsi, &device->lsi_eoi);
	}
	return 0;
}

static void disconnect_intx(struct pci_device *device)
{
	if (device->lsi_fd < 0)
		return;
	(void)group_device_set_irqs(device->group_device, GROUP_IRQ_INTX, NULL, 0);
	irq_close_source(device->host->irqchip, device->lsi, device->lsi_fd);
	device->lsi_fd = -1;
}

static int connect_intx(struct pci_device *device)
{
	int fd, err;

	if (!device->pin || device->lsi_fd >= 0)
		return 0;
	fd = irq_open_source(device->host->irqchip, device->lsi);
	if (fd < 0)
		return fd;
	err = group_device_set_irqs(device->group_device, GROUP_IRQ_INTX, &fd, 1);
	if (err) {
		irq_close_source(device->host->irqchip, device->lsi, fd);
		return err;
	}
	device->lsi_fd = fd;
	return 0;
}

static void close_vectors(struct pci_device *device, int *fds, unsigned count)
{
	while (count--)
		irq_close_source(device->host->irqchip, device->first_irq + count, fds[count]);
	free(fds);
}

static void disconnect_vectors(struct pci_device *device)
{
	if (device->vector_kind == GROUP_IRQ_COUNT)
		return;
	(void)group_device_set_irqs(device->group_device, device->vector_kind, NULL, 0);
	close_vectors(device, device->vector_fds, device->nr_vectors);
	device->vector_fds = NULL;
	device->nr_vectors = 0;
	device->vector_kind = GROUP_IRQ_COUNT;
}

static int open_vectors(struct pci_device *device, unsigned count, int **fds)
{
	unsigned i;
	int *sources;

	sources = calloc(count, sizeof(*sources));
	if (!sources)
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		sources[i] = irq_open_source(device->host->irqchip, device->first_irq + i);
		if (sources[i] < 0) {
			int err = sources[i];

			close_vectors(device, sources, i);
			return err;
		}
	}
	*fds = sources;
	return 0;
}

/*
 * The guest's copy of the MSI control register still says one message, not enabled; the guest
 * writes it back with the enable bit, and the kernel passes that number on to the device. So
 * the copy has to say what is set up now.
 */
static int sync_msi_control(struct pci_device *device, unsigned count)
{
	uint32_t offset = device->msi_offset + PCI_MSI_FLAGS, flags, log2 = 0;
	int err;

	err = pci_raw_read(device, offset, 2, &flags);
	if (err)
		return err;
	while (1U << log2 < count)
		log2++;
	flags &= ~(uint32_t)PCI_MSI_FLAGS_QSIZE;
	flags |= log2 << 4 | PCI_MSI_FLAGS_ENABLE;
	return pci_raw_write(device, offset, 2, flags);
}

static int connect_vectors(struct pci_device *device, unsigned kind, unsigned count)
{
	int *fds;
	int err;

	err = open_vectors(device, count, &fds);
	if (err)
		return err;
	err = group_device_set_irqs(device->group_device, kind, fds, count);
	if (err)
		goto close_vectors;
	if (kind == GROUP_IRQ_MSI)
		err = sync_msi_control(device, count);
	if (err)
		goto unset_irqs;
	device->vector_kind = kind;
	device->nr_vectors = count;
	device->vector_fds = fds;
	return 0;

unset_irqs:
	(void)group_device_set_irqs(device->group_device, kind, NULL, 0);
close_vectors:
	close_vectors(device, fds, count);
	return err;
}

static const char *advice(int err)
{
	return err == -EMFILE ? "; raise the limit of open files (ulimit -n)" : "";
}

/* Caller holds host.lock. */
static int change_vectors(struct pci_device *device, unsigned kind, unsigned count)
{
	struct pci_host *host = device->host;
	int err = 0, intx_err = 0;

	if (count && device->vector_kind == kind && device->nr_vectors == count)
		return 0;
	disconnect_vectors(device);
	if (count) {
		disconnect_intx(device);
		err = connect_vectors(device, kind, count);
	}
	if (!count || err)
		intx_err = connect_intx(device);
	/* Out of vectors, there are fewer to ask for. */
	if ((err && (err != -ENOSPC || count == 1)) || intx_err)
		log_guest(host->log, &host->limit, "%s: %s: interrupts cannot be set up: %s%s",
			  host->group->path, device->group_device->name,
			  strerror(err ? -err : -intx_err), advice(err ? err : intx_err));
	return err ? err : intx_err;
}

int pci_vectors_set(struct pci_device *device, unsigned kind, unsigned count, uint32_t *first_irq)
{
	unsigned max = pci_vectors_max(device, kind);
	int err;

	if (count && !max)
		return -ENOTSUP;
	if (count > max)
		return -ENOSPC;
	pthread_mutex_lock(&device->host->lock);
	err = change_vectors(device, kind, count);
	pthread_mutex_unlock(&device->host->lock);
	*first_irq = device->first_irq;
	return err;
}

int pci_vector_irq(struct pci_device *device, unsigned vector, uint32_t *irq)
{
	int err = -ENOENT;

	pthread_mutex_lock(&device->host->lock);
	if (vector < device->nr_vectors) {
		*irq = device->first_irq + vector;
		err = 0;
	}
	pthread_mutex_unlock(&device->host->lock);
	return err;
}

unsigned pci_vectors_count(struct pci_device *device)
{
	unsigned count;

	pthread_mutex_lock(&device->host->lock);
	count = device->nr_vectors;
	pthread_mutex_unlock(&device->host->lock);
	return count;
}

int pci_irq_reset(struct pci_device *device)
{
	const struct pci_host *host = device->host;
	int err;

	disconnect_vectors(device);
	disconnect_intx(device);
	__atomic_store_n(&device->lsi_ends, 0, __ATOMIC_RELAXED);
	err = connect_intx(device);
	if (err)
		log_error(host->log, "%s: %s: its interrupt line cannot be connected: %s%s",
			  host->group->path, device->group_device->name, strerror(-err), advice(err));
	return err;
}

static int reconnect(struct pci_device *device)
{
	int err;

	if (device->vector_kind == GROUP_IRQ_COUNT)
		return device->lsi_fd < 0 ? 0 :
			group_device_set_irqs(device->group_device, GROUP_IRQ_INTX,
					      &device->lsi_fd, 1);
	err = group_device_set_irqs(device->group_device, device->vector_kind,
				    device->vector_fds, device->nr_vectors);
	if (!err && device->vector_kind == GROUP_IRQ_MSI)
		err = sync_msi_control(device, device->nr_vectors);
	return err;
}

int pci_irq_recover(struct pci_device *device)
{
	struct pci_host *host = device->host;
	int err = reconnect(device);

	if (err)
		log_guest(host->log, &host->limit, "%s: %s: its interrupts cannot be connected again "
			  "after a reset: %s", host->group->path, device->group_device->name,
			  strerror(-err));
	return err;
}

void pci_irq_release(struct pci_device *device)
{
	/* Fails when it is not masked; nothing to be done then. */
	if (device->lsi_fd >= 0)
		(void)group_device_unmask(device->group_device, GROUP_IRQ_INTX);
}

void pci_irq_exit(struct pci_device *device)
{
	disconnect_vectors(device);
	disconnect_intx(device);
	if (device->lsi_eoi.eoi)
		irq_on_eoi(device->host->irqchip, device->lsi, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The RTAS calls for PCI: config space (PAPR 7.3.4) and MSI (PAPR 7.3.10.5). A device is named
 * by its bridge's BUID and a config address, 0xR0BBDDRR: bus, devfn and register, of which the
 * topmost four bits are the register's bits 8 to 11.
 */
#include <errno.h>

#include "devices/papr_phb_internal.h"

enum msi_function {
	MSI_QUERY,		/* how many are assigned */
	MSI_CHANGE,		/* MSI, in the older interface */
	MSI_RESET,		/* what the device had at boot: none */
	MSI_CHANGE_MSI,
	MSI_CHANGE_MSIX,
	/* 32-bit message addresses: the host's kernel knows itself which devices need them. */
	MSI_CHANGE_MSI_32,
	MSI_CHANGE_MSIX_32,
	MSI_FUNCTION_COUNT
};

enum { TYPE_MSI = 1, TYPE_MSIX = 2 };
enum { TRIGGER_EDGE = 1 };

static uint32_t register_of(uint32_t config_addr)
{
	return (config_addr >> 20 & 0xf00) | (config_addr & 0xff);
}

struct pci_device *papr_phb_device(struct papr_phb *phb, uint32_t config_addr)
{
	if (config_addr >> 16 & 0xff)
		return NULL;
	return pci_host_find(&phb->pci, (uint8_t)(config_addr >> 8));
}

/* Status of an access: a wrong one is the guest's, all else is what hardware would do. */
static int32_t access_status(int err)
{
	if (err == -EINVAL)
		return RTAS_PARAMETER_ERROR;
	return err ? RTAS_HARDWARE_ERROR : RTAS_SUCCESS;
}

/* A device that EEH keeps from the guest: no access reaches it, and none fails. */
static int32_t stopped_access(const struct pci_device *device, uint32_t offset, uint32_t size)
{
	return pci_config_is_access(device, offset, size) ? RTAS_SUCCESS : RTAS_PARAMETER_ERROR;
}

static int32_t stopped_read(const struct pci_device *device, uint32_t offset, uint32_t size,
			    uint32_t *value)
{
	int32_t status = stopped_access(device, offset, size);

	if (!status)
		*value = UINT32_MAX >> (32 - size * 8);
	return status;
}

static int32_t read_config(struct papr_phb *phb, uint32_t config_addr, uint32_t size,
			   uint32_t *value)
{
	struct pci_device *device;

	*value = UINT32_MAX;
	if (!phb)
		return RTAS_PARAMETER_ERROR;
	device = papr_phb_device(phb, config_addr);
	if (!device)
		return RTAS_HARDWARE_ERROR;
	if (papr_eeh_is_stopped(&phb->eeh))
		return stopped_read(device, register_of(config_addr), size, value);
	return access_status(pci_config_read(device, register_of(config_addr), size, value));
}

static int32_t write_config(struct papr_phb *phb, uint32_t config_addr, uint32_t size,
			    uint32_t value)
{
	struct pci_device *device;

	if (!phb)
		return RTAS_PARAMETER_ERROR;
	device = papr_phb_device(phb, config_addr);
	if (!device)
		return RTAS_HARDWARE_ERROR;
	if (papr_eeh_is_stopped(&phb->eeh))
		return stopped_access(device, register_of(config_addr), size);
	return access_status(pci_config_write(device, register_of(config_addr), size, value));
}

/* The older pair of calls names no bridge: it works while there is just one. */
static struct papr_phb *only_phb(struct papr_phbs *phbs)
{
	return phbs->nr_phbs == 1 ? &phbs->phbs[0] : NULL;
}

static int32_t rtas_ibm_read_pci_config(void *owner, struct rtas_request *request)
{
	return read_config(papr_phb_find(owner, rtas_arg64(request, 1)), request->args[0],
			   request->args[3], &request->rets[1]);
}

static int32_t rtas_ibm_write_pci_config(void *owner, struct rtas_request *request)
{
	return write_config(papr_phb_find(owner, rtas_arg64(request, 1)), request->args[0],
			    request->args[3], request->args[4]);
}

static int32_t rtas_read_pci_config(void *owner, struct rtas_request *request)
{
	return read_config(only_phb(owner), request->args[0], request->args[1],
			   &request->rets[1]);
}

static int32_t rtas_write_pci_config(void *owner, struct rtas_request *request)
{
	return write_config(only_phb(owner), request->args[0], request->args[1],
			    request->args[2]);
}

static struct pci_device *requested_device(struct papr_phbs *phbs,
					   const struct rtas_request *request)
{
	struct papr_phb *phb = papr_phb_find(phbs, rtas_arg64(request, 1));

	return phb ? papr_phb_device(phb, request->args[0]) : NULL;
}

/*
 * Connects as many vectors as the device has, or fewer when the host has no more to give, if
 * more are asked for: the number returned is what the guest got. Linux releases those, and asks
 * again for that many.
 */
static int32_t change_vectors(struct pci_device *device, unsigned kind, uint32_t count,
			      uint32_t *assigned)
{
	unsigned max = pci_vectors_max(device, kind);
	uint32_t first_irq;
	int err;

	if (count && !max)
		return RTAS_PARAMETER_ERROR;
	if (count > max)
		count = max;
	err = pci_vectors_set(device, kind, count, &first_irq);
	while (err == -ENOSPC && count > 1) {
		count /= 2;
		err = pci_vectors_set(device, kind, count, &first_irq);
	}
	if (err)
		return RTAS_HARDWARE_ERROR;
	*assigned = count;
	return RTAS_SUCCESS;
}

/* The whole change is done in one call: the sequence number is only handed back. */
static int32_t rtas_ibm_change_msi(void *owner, struct rtas_request *request)
{
	struct pci_device *device = requested_device(owner, request);
	uint32_t function = request->args[3], count = request->args[4];
	bool msix = function == MSI_CHANGE_MSIX || function == MSI_CHANGE_MSIX_32;
	int32_t status = RTAS_SUCCESS;

	if (!device || function >= MSI_FUNCTION_COUNT)
		return RTAS_PARAMETER_ERROR;
	if (function == MSI_QUERY)
		request->rets[1] = pci_vectors_count(device);
	else
		status = change_vectors(device, msix ? GROUP_IRQ_MSIX : GROUP_IRQ_MSI,
					function == MSI_RESET ? 0 : count, &request->rets[1]);
	request->rets[2] = request->args[5] + 1;
	if (request->nret > 3)
		request->rets[3] = msix ? TYPE_MSIX : TYPE_MSI;
	return status;
}

static int32_t rtas_ibm_query_interrupt_source_number(void *owner, struct rtas_request *request)
{
	struct pci_device *device = requested_device(owner, request);

	if (!device || pci_vector_irq(device, request->args[3], &request->rets[1]))
		return RTAS_PARAMETER_ERROR;
	request->rets[2] = TRIGGER_EDGE;
	return RTAS_SUCCESS;
}

static const struct rtas_call phb_calls[] = {
	{ "ibm,read-pci-config", 4, 2, rtas_ibm_read_pci_config },
	{ "ibm,write-pci-config", 5, 1, rtas_ibm_write_pci_config },
	{ "read-pci-config", 2, 2, rtas_read_pci_config },
	{ "write-pci-config", 3, 1, rtas_write_pci_config },
	{ "ibm,change-msi", 6, 3, rtas_ibm_change_msi },
	{ "ibm,query-interrupt-source-number", 4, 3, rtas_ibm_query_interrupt_source_number },
};

int papr_phb_register_rtas(struct papr_phbs *phbs, struct rtas *rtas)
{
	return rtas_register(rtas, phb_calls, ARRAY_SIZE(phb_calls), phbs);
}

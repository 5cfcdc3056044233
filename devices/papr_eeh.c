/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RTAS calls for EEH. States and which call goes with which are those of PAPR 7.3.11, tables "PE
 * State Transition" and "PE State Control".
 */
#include "devices/papr_eeh.h"

#include <errno.h>
#include <string.h>

#include "devices/papr_eeh_log.h"
#include "devices/papr_phb_internal.h"

/*
 * The PE's configuration address. No device has it, and it is not 0, which Linux takes for no
 * PE: the primary bus is bus 0.
 */
#define PE_CONFIG_ADDR 1U
#define REGISTER_FIELDS 0xf00000ffU
#define WAIT_MS 1000U		/* after which a guest may ask again */

enum pe_state {
	PE_NORMAL = 0,
	PE_RESET = 1,
	PE_STOPPED = 2,
	PE_DMA_STOPPED = 4,
	PE_UNAVAILABLE = 5,	/* temporarily if there is a time to wait */
	PE_STATE_COUNT
};

enum eeh_option {
	EEH_DISABLE,
	EEH_ENABLE,
	EEH_RELEASE_MMIO,
	EEH_RELEASE_DMA,
};

enum slot_reset {
	RESET_DEACTIVATE = 0,
	RESET_ACTIVATE = 1,
	RESET_ACTIVATE_FUNDAMENTAL = 3,
};

enum config_info { INFO_PE_ADDRESS, INFO_SHARING };
enum sharing { NOT_IN_A_PE, NOT_SHARED, SHARED };
enum log_function { LOG_TEMPORARY = 1, LOG_PERMANENT = 2 };

int papr_eeh_init(struct papr_eeh *eeh, struct pci_host *pci)
{
	memset(eeh, 0, sizeof(*eeh));
	eeh->pci = pci;
	return -pthread_mutex_init(&eeh->lock, NULL);
}

static struct group *group_of(const struct papr_eeh *eeh)
{
	return eeh->pci->group;
}

/* Caller holds eeh.lock. */
static enum pe_state get_state(struct papr_eeh *eeh, uint32_t *wait_ms)
{
	enum group_error_state state;

	*wait_ms = 0;
	if (eeh->given_up || pci_host_isolation(eeh->pci, &state) || state == GROUP_DEAD)
		return PE_UNAVAILABLE;
	if (eeh->in_reset)
		return PE_RESET;
	if (state == GROUP_FROZEN)
		return PE_STOPPED;
	if (state == GROUP_MMIO_ENABLED)
		return PE_DMA_STOPPED;
	if (state == GROUP_NORMAL)
		return PE_NORMAL;
	*wait_ms = WAIT_MS;
	return PE_UNAVAILABLE;
}

/* A guest that stopped in the middle: the next one finds the group as any other. */
void papr_eeh_exit(struct papr_eeh *eeh)
{
	enum group_error_state state;

	if (eeh->in_reset || pci_host_isolation(eeh->pci, &state) || state != GROUP_NORMAL) {
		/* What does not work here is said when the group is reset or closed. */
		(void)pci_host_reset_step(eeh->pci, GROUP_RESET_HOT);
		(void)pci_host_reset_step(eeh->pci, GROUP_RESET_END);
	}
	pthread_mutex_destroy(&eeh->lock);
}

bool papr_eeh_is_stopped(struct papr_eeh *eeh)
{
	enum pe_state state;
	uint32_t wait_ms;

	pthread_mutex_lock(&eeh->lock);
	state = get_state(eeh, &wait_ms);
	pthread_mutex_unlock(&eeh->lock);
	return state != PE_NORMAL && state != PE_DMA_STOPPED;
}

bool papr_eeh_hold(struct papr_eeh *eeh)
{
	uint32_t wait_ms;

	pthread_mutex_lock(&eeh->lock);
	if (get_state(eeh, &wait_ms) == PE_NORMAL)
		return true;
	pthread_mutex_unlock(&eeh->lock);
	return false;
}

void papr_eeh_unhold(struct papr_eeh *eeh)
{
	pthread_mutex_unlock(&eeh->lock);
}

bool papr_eeh_is_address(struct papr_eeh *eeh, uint32_t config_addr)
{
	struct papr_phb *phb = container_of(eeh, struct papr_phb, eeh);

	if (config_addr == PE_CONFIG_ADDR)
		return true;
	return !(config_addr & REGISTER_FIELDS) && papr_phb_device(phb, config_addr);
}

/* The PE that a call names, or NULL. */
static struct papr_eeh *requested_pe(struct papr_phbs *phbs, const struct rtas_request *request)
{
	struct papr_phb *phb = papr_phb_find(phbs, rtas_arg64(request, 1));

	if (!phb || !papr_eeh_is_address(&phb->eeh, request->args[0]))
		return NULL;
	return &phb->eeh;
}

/* What the host could not do. */
static int32_t tell_error(struct papr_eeh *eeh, const char *what, int err)
{
	if (!err)
		return RTAS_SUCCESS;
	log_guest(eeh->pci->log, &eeh->pci->limit, "%s: the guest asked for its %s, which failed: %s; "
		  "dmesg may say why", group_of(eeh)->path, what, strerror(-err));
	return RTAS_HARDWARE_ERROR;
}

static int32_t enable(struct papr_eeh *eeh)
{
	int err = pci_host_enable_recovery(eeh->pci);

	if (!err)
		eeh->enabled = true;
	return tell_error(eeh, "error handling", err);
}

/* @status: of each state but the one that the release begins in. */
static int32_t release(struct papr_eeh *eeh, unsigned stage, enum pe_state from,
		       const int32_t status[PE_STATE_COUNT])
{
	uint32_t wait_ms;
	enum pe_state state = get_state(eeh, &wait_ms);
	int err;

	if (state != from)
		return status[state];
	err = pci_host_release(eeh->pci, stage);
	return tell_error(eeh, "release", err);
}

static int32_t set_option(struct papr_eeh *eeh, uint32_t option)
{
	static const int32_t mmio_status[PE_STATE_COUNT] = {
		[PE_NORMAL] = RTAS_PARAMETER_ERROR,
		[PE_RESET] = RTAS_UNEXPECTED_STATE,
		[PE_DMA_STOPPED] = RTAS_PARAMETER_ERROR,
		[PE_UNAVAILABLE] = RTAS_UNEXPECTED_STATE,
	};
	static const int32_t dma_status[PE_STATE_COUNT] = {
		[PE_NORMAL] = RTAS_PARAMETER_ERROR,
		[PE_RESET] = RTAS_UNEXPECTED_STATE,
		[PE_STOPPED] = RTAS_UNEXPECTED_STATE,
		[PE_UNAVAILABLE] = RTAS_UNEXPECTED_STATE,
	};

	switch (option) {
	case EEH_DISABLE:
		return RTAS_SUCCESS;	/* EEH is on by default, which a guest cannot change */
	case EEH_ENABLE:
		return enable(eeh);
	case EEH_RELEASE_MMIO:
		return release(eeh, GROUP_RELEASE_MMIO, PE_STOPPED, mmio_status);
	case EEH_RELEASE_DMA:
		return release(eeh, GROUP_RELEASE_DMA, PE_DMA_STOPPED, dma_status);
	default:
		return RTAS_PARAMETER_ERROR;
	}
}

static int32_t rtas_ibm_set_eeh_option(void *owner, struct rtas_request *request)
{
	struct papr_eeh *eeh = requested_pe(owner, request);
	int32_t status;

	if (!eeh)
		return RTAS_PARAMETER_ERROR;
	pthread_mutex_lock(&eeh->lock);
	status = set_option(eeh, request->args[3]);
	pthread_mutex_unlock(&eeh->lock);
	return status;
}

static int32_t rtas_ibm_get_config_addr_info2(void *owner, struct rtas_request *request)
{
	struct papr_phb *phb = papr_phb_find(owner, rtas_arg64(request, 1));
	bool in_a_pe = requested_pe(owner, request);

	if (!phb || request->args[3] > INFO_SHARING)
		return RTAS_PARAMETER_ERROR;
	if (request->args[3] == INFO_SHARING) {
		request->rets[1] = !in_a_pe ? NOT_IN_A_PE :
				   phb->pci.nr_devices > 1 ? SHARED : NOT_SHARED;
		return RTAS_SUCCESS;
	}
	request->rets[1] = PE_CONFIG_ADDR;
	return in_a_pe ? RTAS_SUCCESS : RTAS_PARAMETER_ERROR;
}

/* State, whether EEH is there, and how long to wait. */
static int32_t rtas_ibm_read_slot_reset_state2(void *owner, struct rtas_request *request)
{
	struct papr_eeh *eeh = requested_pe(owner, request);

	if (!eeh)
		return RTAS_PARAMETER_ERROR;
	pthread_mutex_lock(&eeh->lock);
	request->rets[1] = get_state(eeh, &request->rets[3]);
	pthread_mutex_unlock(&eeh->lock);
	request->rets[2] = true;
	return RTAS_SUCCESS;
}

static int32_t begin_reset(struct papr_eeh *eeh, enum group_reset_step kind)
{
	uint32_t wait_ms;
	enum pe_state state = get_state(eeh, &wait_ms);
	int err;

	if (state == PE_UNAVAILABLE)
		return RTAS_UNEXPECTED_STATE;
	if (state == PE_RESET)
		return RTAS_SUCCESS;
	err = pci_host_reset_step(eeh->pci, kind);
	if (err == -EOPNOTSUPP && kind == GROUP_RESET_FUNDAMENTAL)
		return RTAS_NO_FUNDAMENTAL_RESET;
	eeh->in_reset = !err;
	return tell_error(eeh, "reset", err);
}

static int32_t end_reset(struct papr_eeh *eeh)
{
	static const int32_t status[PE_STATE_COUNT] = {
		[PE_NORMAL] = RTAS_SUCCESS,
		[PE_STOPPED] = RTAS_UNEXPECTED_STATE,
		[PE_DMA_STOPPED] = RTAS_PARAMETER_ERROR,
		[PE_UNAVAILABLE] = RTAS_UNEXPECTED_STATE,
	};
	uint32_t wait_ms;
	enum pe_state state = get_state(eeh, &wait_ms);
	int err;

	if (state != PE_RESET)
		return status[state];
	err = pci_host_reset_step(eeh->pci, GROUP_RESET_END);
	if (!err) {
		err = pci_host_recover(eeh->pci);
		/* Half of it is of no use: the guest may reset it again. */
		if (err)
			(void)pci_host_freeze(eeh->pci);
	}
	eeh->in_reset = false;
	eeh->was_reset = true;
	if (!err)
		log_guest(eeh->pci->log, &eeh->pci->limit, "%s: the guest has reset it after an "
			  "error", group_of(eeh)->path);
	return tell_error(eeh, "reset", err);
}

static int32_t reset_slot(struct papr_eeh *eeh, uint32_t function)
{
	switch (function) {
	case RESET_DEACTIVATE:
		return end_reset(eeh);
	case RESET_ACTIVATE:
		return begin_reset(eeh, GROUP_RESET_HOT);
	case RESET_ACTIVATE_FUNDAMENTAL:
		return begin_reset(eeh, GROUP_RESET_FUNDAMENTAL);
	default:
		return RTAS_PARAMETER_ERROR;
	}
}

static int32_t rtas_ibm_set_slot_reset(void *owner, struct rtas_request *request)
{
	struct papr_eeh *eeh = requested_pe(owner, request);
	int32_t status;

	if (!eeh)
		return RTAS_PARAMETER_ERROR;
	pthread_mutex_lock(&eeh->lock);
	status = reset_slot(eeh, request->args[3]);
	pthread_mutex_unlock(&eeh->lock);
	return status;
}

/* Only after a reset, and while config space can be reached (PAPR 7.3.12, ibm,configure-pe). */
static int32_t configure(struct papr_eeh *eeh)
{
	uint32_t wait_ms;
	enum pe_state state = get_state(eeh, &wait_ms);
	int err;

	if (!eeh->was_reset || (state != PE_NORMAL && state != PE_DMA_STOPPED))
		return RTAS_SUCCESS;
	err = pci_host_configure(eeh->pci);
	eeh->was_reset = err != 0;
	/* An error of the hardware is no status of this call: further accesses meet it. */
	(void)tell_error(eeh, "configuration", err);
	return RTAS_SUCCESS;
}

static int32_t rtas_ibm_configure_pe(void *owner, struct rtas_request *request)
{
	struct papr_eeh *eeh = requested_pe(owner, request);
	int32_t status;

	if (!eeh)
		return RTAS_PARAMETER_ERROR;
	pthread_mutex_lock(&eeh->lock);
	status = configure(eeh);
	pthread_mutex_unlock(&eeh->lock);
	return status;
}

/* Its devices are cut off for good, until the guest boots again. Caller holds eeh.lock. */
static void give_up(struct papr_eeh *eeh)
{
	if (eeh->given_up)
		return;
	eeh->given_up = true;
	/* A platform that isolates by itself has nothing to isolate if there was no error. */
	(void)pci_host_freeze(eeh->pci);
	log_guest(eeh->pci->log, &eeh->pci->limit, "%s: the guest has given it up after too many "
		  "errors; it can be used again when the guest reboots", group_of(eeh)->path);
}

static int32_t write_log(struct papr_phbs *phbs, struct papr_eeh *eeh,
			 const struct rtas_request *request, enum pe_state state)
{
	struct papr_phb *phb = container_of(eeh, struct papr_phb, eeh);
	struct papr_eeh_log log = {
		.bridge = phb->number,
		.state = state,
		.permanent = request->args[7] == LOG_PERMANENT,
	};
	uint32_t size = request->args[6], driver_size = request->args[4];

	if (driver_size > papr_eeh_log_room(size))
		driver_size = papr_eeh_log_room(size);
	if (driver_size && guest_memory_read(phbs->memory, request->args[3],
					     papr_eeh_log_driver(&log), driver_size))
		return RTAS_HARDWARE_ERROR;
	papr_eeh_log_write(&log, driver_size);
	if (guest_memory_write(phbs->memory, request->args[5], log.data,
			       size < log.size ? size : log.size))
		return RTAS_HARDWARE_ERROR;
	return RTAS_SUCCESS;
}

static int32_t rtas_ibm_slot_error_detail(void *owner, struct rtas_request *request)
{
	struct papr_eeh *eeh = requested_pe(owner, request);
	uint32_t function = request->args[7], wait_ms;
	enum pe_state state;

	if (!eeh || (function != LOG_TEMPORARY && function != LOG_PERMANENT))
		return RTAS_PARAMETER_ERROR;
	pthread_mutex_lock(&eeh->lock);
	if (function == LOG_PERMANENT)
		give_up(eeh);
	state = get_state(eeh, &wait_ms);
	pthread_mutex_unlock(&eeh->lock);
	if (state == PE_NORMAL || state == PE_RESET)
		return RTAS_NO_ERROR_LOG;
	return write_log(owner, eeh, request, state);
}

int papr_eeh_inject(struct papr_eeh *eeh, bool wide, uint32_t function)
{
	int err = -EINVAL;

	pthread_mutex_lock(&eeh->lock);
	if (eeh->enabled)
		err = pci_host_inject(eeh->pci, wide, function);
	pthread_mutex_unlock(&eeh->lock);
	if (!err)
		log_guest(eeh->pci->log, &eeh->pci->limit, "%s: the guest injected error %u",
			  group_of(eeh)->path, function);
	return err;
}

void papr_eeh_missed_load(struct papr_eeh *eeh)
{
	uint32_t wait_ms;

	pthread_mutex_lock(&eeh->lock);
	if (eeh->enabled && get_state(eeh, &wait_ms) == PE_NORMAL &&
	    !pci_host_freeze(eeh->pci))
		log_guest(eeh->pci->log, &eeh->pci->limit, "%s: the guest read where no device "
			  "answers; it is frozen, for the guest to recover", group_of(eeh)->path);
	pthread_mutex_unlock(&eeh->lock);
}

static const struct rtas_call eeh_calls[] = {
	{ "ibm,set-eeh-option", 4, 1, rtas_ibm_set_eeh_option },
	{ "ibm,get-config-addr-info2", 4, 2, rtas_ibm_get_config_addr_info2 },
	{ "ibm,read-slot-reset-state2", 3, 4, rtas_ibm_read_slot_reset_state2 },
	{ "ibm,set-slot-reset", 4, 1, rtas_ibm_set_slot_reset },
	{ "ibm,configure-pe", 3, 1, rtas_ibm_configure_pe },
	{ "ibm,configure-bridge", 3, 1, rtas_ibm_configure_pe },
	{ "ibm,slot-error-detail", 8, 1, rtas_ibm_slot_error_detail },
};

int papr_eeh_register(struct papr_phbs *phbs, struct rtas *rtas)
{
	return rtas_register(rtas, eeh_calls, ARRAY_SIZE(eeh_calls), phbs);
}

/* Function 3 of ibm,set-slot-reset is there (PAPR B.6.3), if not for every PE. */
void papr_eeh_add_rtas(struct fdt_writer *fdt)
{
	fdt_u32(fdt, "ibm,reset-capabilities", 1);
}

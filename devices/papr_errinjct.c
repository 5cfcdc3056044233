/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RTAS calls for error injection. */
#include "devices/papr_errinjct.h"

#include <errno.h>
#include <string.h>

#include "devices/papr_phb_internal.h"

#define WORK_BUFFER_SIZE 1024	/* and alignment */
#define FUNCTION_DISABLE 20	/* those below are errors */

/* Values of "ibm,errinjct-tokens"; IBM's firmware has the same. */
enum { IOA_BUS_ERROR = 7, IOA_BUS_ERROR_64 = 15 };

/*
 * What a work buffer ends with, big-endian. Before it are an address and a mask that says which
 * bits of that count, of 4 bytes each or in the other form of 8.
 */
struct bus_error {
	be32 config_addr, buid_hi, buid_lo, function;
};

struct injection {
	uint64_t buid;
	uint32_t config_addr, function;
	bool wide;
};

int papr_errinjct_init(struct papr_errinjct *errinjct)
{
	memset(errinjct, 0, sizeof(*errinjct));
	return -pthread_mutex_init(&errinjct->lock, NULL);
}

void papr_errinjct_exit(struct papr_errinjct *errinjct)
{
	pthread_mutex_destroy(&errinjct->lock);
}

/* The one call whose first result is not its status: that is the token, and the status follows. */
static int32_t rtas_ibm_open_errinjct(void *owner, struct rtas_request *request)
{
	struct papr_phbs *phbs = owner;
	struct papr_errinjct *errinjct = &phbs->errinjct;
	uint32_t token = 0;

	pthread_mutex_lock(&errinjct->lock);
	request->rets[1] = (uint32_t)(errinjct->open ? RTAS_ERRINJCT_OPEN : RTAS_SUCCESS);
	if (!errinjct->open) {
		errinjct->open = true;
		token = ++errinjct->token;
	}
	pthread_mutex_unlock(&errinjct->lock);
	return (int32_t)token;
}

static int32_t rtas_ibm_close_errinjct(void *owner, struct rtas_request *request)
{
	struct papr_phbs *phbs = owner;
	struct papr_errinjct *errinjct = &phbs->errinjct;
	bool is_user;

	pthread_mutex_lock(&errinjct->lock);
	is_user = errinjct->open && errinjct->token == request->args[0];
	if (is_user)
		errinjct->open = false;
	pthread_mutex_unlock(&errinjct->lock);
	return is_user ? RTAS_SUCCESS : RTAS_ERRINJCT_CLOSED;
}

/* The whole buffer must be there, though its head is all that counts. */
static int read_work_buffer(const struct papr_phbs *phbs, uint32_t error, uint32_t gpa,
			    struct injection *injection)
{
	bool wide = error == IOA_BUS_ERROR_64;
	struct bus_error buffer;
	int err;

	if ((!wide && error != IOA_BUS_ERROR) || !is_aligned(gpa, WORK_BUFFER_SIZE) ||
	    !guest_memory_hva(phbs->memory, gpa, WORK_BUFFER_SIZE))
		return -EINVAL;
	err = guest_memory_read(phbs->memory, gpa + 2 * (wide ? 8 : 4), &buffer, sizeof(buffer));
	if (err)
		return err;
	*injection = (struct injection){
		.buid = (uint64_t)be32toh(buffer.buid_hi) << 32 | be32toh(buffer.buid_lo),
		.config_addr = be32toh(buffer.config_addr),
		.function = be32toh(buffer.function),
		.wide = wide,
	};
	return 0;
}

/*
 * The error strikes at once, or with the next access if the hardware injects it, whichever
 * address that goes to: the one in the buffer is not looked at.
 */
static int32_t inject(struct papr_phbs *phbs, const struct injection *injection)
{
	struct papr_phb *phb = papr_phb_find(phbs, injection->buid);
	int err;

	if (!phb || !papr_eeh_is_address(&phb->eeh, injection->config_addr) ||
	    injection->function > FUNCTION_DISABLE)
		return RTAS_PARAMETER_ERROR;
	if (injection->function == FUNCTION_DISABLE)
		return RTAS_SUCCESS;
	err = papr_eeh_inject(&phb->eeh, injection->wide, injection->function);
	if (err == -EINVAL || err == -EOPNOTSUPP)
		return RTAS_PARAMETER_ERROR;
	return err ? RTAS_HARDWARE_ERROR : RTAS_SUCCESS;
}

static int32_t rtas_ibm_errinjct(void *owner, struct rtas_request *request)
{
	struct papr_phbs *phbs = owner;
	struct papr_errinjct *errinjct = &phbs->errinjct;
	struct injection injection;
	int32_t status = RTAS_ERRINJCT_CLOSED;

	pthread_mutex_lock(&errinjct->lock);
	if (errinjct->open && errinjct->token == request->args[1])
		status = read_work_buffer(phbs, request->args[0], request->args[2], &injection) ?
			 RTAS_PARAMETER_ERROR : inject(phbs, &injection);
	pthread_mutex_unlock(&errinjct->lock);
	return status;
}

static const struct rtas_call errinjct_calls[] = {
	{ "ibm,open-errinjct", 0, 2, rtas_ibm_open_errinjct },
	{ "ibm,errinjct", 3, 1, rtas_ibm_errinjct },
	{ "ibm,close-errinjct", 1, 1, rtas_ibm_close_errinjct },
};

int papr_errinjct_register(struct papr_phbs *phbs, struct rtas *rtas)
{
	return rtas_register(rtas, errinjct_calls, ARRAY_SIZE(errinjct_calls), phbs);
}

/* Names with their NULs, each followed by its value (PAPR B.6.3). */
void papr_errinjct_add_rtas(struct fdt_writer *fdt)
{
	static const struct __attribute__((packed)) {
		char narrow[sizeof("ioa-bus-error")];
		uint8_t narrow_value[4];
		char wide[sizeof("ioa-bus-error-64")];
		uint8_t wide_value[4];
	} tokens = {
		"ioa-bus-error", { 0, 0, 0, IOA_BUS_ERROR },
		"ioa-bus-error-64", { 0, 0, 0, IOA_BUS_ERROR_64 },
	};

	fdt_bytes(fdt, "ibm,errinjct-tokens", &tokens, sizeof(tokens));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RTAS (PAPR 7): a table of calls that both dispatches and gives the device tree its tokens.
 * The guest's call reaches pvmm through the blob in firmware/ as hypercall H_RTAS with the
 * argument block's gpa in r4. The block is copied in once; its results are copied out once.
 */
#ifndef PVMM_PAPR_RTAS_H
#define PVMM_PAPR_RTAS_H

#include "vmm/fdt.h"
#include "vmm/log.h"
#include "vmm/memory.h"

struct vcpu;

/* PAPR 7.2.8, table 5, and the status codes of the calls. */
enum {
	RTAS_SUCCESS = 0,
	RTAS_HARDWARE_ERROR = -1,
	RTAS_PARAMETER_ERROR = -3,
	RTAS_NOT_SUPPORTED = -3,	/* same number, for calls that say so */
	RTAS_SYSPARM_PARAMETER = -9999,	/* parameter error of the system parameter calls */
	RTAS_NO_ERROR_LOG = 1,
	RTAS_ERRINJCT_CLOSED = -4,	/* error injection: not open, or not to this caller */
	RTAS_ERRINJCT_OPEN = -4,	/* the same number: open already */
	RTAS_UNEXPECTED_STATE = -7,	/* EEH: the call does not go with the PE's state */
	RTAS_NO_FUNDAMENTAL_RESET = -8,
};

#define RTAS_MAX_ARGS 16

/* Host-endian. rets[0] is the status, which the handler returns instead of storing it. */
struct rtas_request {
	struct vcpu *vcpu;
	uint32_t nargs, nret;
	uint32_t args[RTAS_MAX_ARGS];
	uint32_t rets[RTAS_MAX_ARGS];
};

typedef int32_t (*rtas_handler)(void *owner, struct rtas_request *request);

struct rtas_call {
	const char *name;	/* also the property in /rtas */
	uint8_t nargs, nret;	/* the guest must give at least so many of each */
	rtas_handler handler;
};

#define RTAS_MAX_CALLS 64
#define RTAS_TOKEN_BASE 0x2000

struct rtas_slot {
	const struct rtas_call *call;
	void *owner;
};

struct rtas {
	struct guest_memory *memory;
	struct log *log;
	struct log_limit limit;
	unsigned nr_slots;
	struct rtas_slot slots[RTAS_MAX_CALLS];	/* token: RTAS_TOKEN_BASE + index */
};

/* 0, -EEXIST (a call of that name is there) or -ENOSPC. */
int rtas_register(struct rtas *rtas, const struct rtas_call *calls, size_t count, void *owner);
/* H_RTAS: the call at @gpa. Returns H_SUCCESS, or H_PARAMETER when the block itself is bad. */
int64_t rtas_dispatch(struct rtas *rtas, struct vcpu *vcpu, uint64_t gpa);
/* One property per call, inside the open /rtas node. */
void rtas_add_tokens(const struct rtas *rtas, struct fdt_writer *fdt);
/* Token of a registered call, for KVM's own handlers; 0 when there is none. */
uint32_t rtas_token(const struct rtas *rtas, const char *name);

/* Two 32-bit arguments, high first, as one number. */
static inline uint64_t rtas_arg64(const struct rtas_request *request, unsigned index)
{
	return (uint64_t)request->args[index] << 32 | request->args[index + 1];
}

#endif

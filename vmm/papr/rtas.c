/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The RTAS table, and the argument block (PAPR 7.2.7): copied in once, results out once. */
#include <errno.h>
#include <string.h>

#include "vmm/papr/hcall.h"
#include "vmm/papr/rtas.h"

/* Head of the argument block in guest memory; args then rets follow. */
struct rtas_block {
	be32 token, nargs, nret;
};

int rtas_register(struct rtas *rtas, const struct rtas_call *calls, size_t count, void *owner)
{
	for (size_t i = 0; i < count; i++) {
		if (rtas_token(rtas, calls[i].name))
			return -EEXIST;
		if (rtas->nr_slots == RTAS_MAX_CALLS)
			return -ENOSPC;
		rtas->slots[rtas->nr_slots++] =
			(struct rtas_slot){ .call = &calls[i], .owner = owner };
	}
	return 0;
}

uint32_t rtas_token(const struct rtas *rtas, const char *name)
{
	for (unsigned i = 0; i < rtas->nr_slots; i++)
		if (strcmp(rtas->slots[i].call->name, name) == 0)
			return RTAS_TOKEN_BASE + i;
	return 0;
}

void rtas_add_tokens(const struct rtas *rtas, struct fdt_writer *fdt)
{
	for (unsigned i = 0; i < rtas->nr_slots; i++)
		fdt_u32(fdt, rtas->slots[i].call->name, RTAS_TOKEN_BASE + i);
}

/* Copies the block at @gpa in; false when it is not one, or has no room for its results. */
static bool read_request(struct rtas *rtas, uint64_t gpa, uint32_t *token,
			 struct rtas_request *request)
{
	struct rtas_block block;
	be32 args[RTAS_MAX_ARGS];
	uint64_t size;

	if (guest_memory_read(rtas->memory, gpa, &block, sizeof(block)))
		return false;
	*token = be32toh(block.token);
	request->nargs = be32toh(block.nargs);
	request->nret = be32toh(block.nret);
	if (request->nargs > RTAS_MAX_ARGS || request->nret > RTAS_MAX_ARGS - request->nargs)
		return false;
	size = sizeof(block) + (request->nargs + request->nret) * sizeof(be32);
	if (!guest_memory_hva(rtas->memory, gpa, size) ||
	    guest_memory_read(rtas->memory, gpa + sizeof(block), args,
			      request->nargs * sizeof(be32)))
		return false;
	for (uint32_t i = 0; i < request->nargs; i++)
		request->args[i] = be32toh(args[i]);
	return true;
}

/* Copies nret results back, status first. */
static bool write_results(struct rtas *rtas, uint64_t gpa, const struct rtas_request *request)
{
	be32 rets[RTAS_MAX_ARGS];

	for (uint32_t i = 0; i < request->nret; i++)
		rets[i] = htobe32(request->rets[i]);
	gpa += sizeof(struct rtas_block) + request->nargs * sizeof(be32);
	return guest_memory_write(rtas->memory, gpa, rets, request->nret * sizeof(be32)) == 0;
}

static int32_t call_handler(struct rtas *rtas, uint32_t token, struct rtas_request *request)
{
	uint32_t index = token - RTAS_TOKEN_BASE;
	const struct rtas_slot *slot;

	if (token < RTAS_TOKEN_BASE || index >= rtas->nr_slots) {
		log_guest(rtas->log, &rtas->limit, "guest called unknown RTAS token 0x%x", token);
		return RTAS_PARAMETER_ERROR;
	}
	slot = &rtas->slots[index];
	if (request->nargs < slot->call->nargs || request->nret < slot->call->nret) {
		log_guest(rtas->log, &rtas->limit, "guest called %s with %u arguments, %u results",
			  slot->call->name, request->nargs, request->nret);
		return RTAS_PARAMETER_ERROR;
	}
	return slot->call->handler(slot->owner, request);
}

int64_t rtas_dispatch(struct rtas *rtas, struct vcpu *vcpu, uint64_t gpa)
{
	struct rtas_request request = { .vcpu = vcpu };
	uint32_t token;

	if (!read_request(rtas, gpa, &token, &request))
		return H_PARAMETER;
	request.rets[0] = (uint32_t)call_handler(rtas, token, &request);
	return write_results(rtas, gpa, &request) ? H_SUCCESS : H_PARAMETER;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RTAS as a guest calls it: an argument block in its memory, big-endian. For unit tests. */
#ifndef PVMM_TESTS_GUEST_RTAS_H
#define PVMM_TESTS_GUEST_RTAS_H

#include <check.h>

#include "vmm/papr/hcall.h"
#include "vmm/papr/rtas.h"

#define GUEST_RTAS_BLOCK 0x4000ULL
#define GUEST_RTAS_FILLER 0xeeeeeeeeU	/* what is in the block where nothing was stored */

/* Puts the block of a call to @name there. */
static inline void guest_rtas_put(struct rtas *rtas, const char *name, const uint32_t *args,
				  uint32_t nargs, uint32_t nret)
{
	be32 block[3 + RTAS_MAX_ARGS] = { htobe32(rtas_token(rtas, name)), htobe32(nargs),
					  htobe32(nret) };

	for (uint32_t i = 0; i < RTAS_MAX_ARGS; i++)
		block[3 + i] = htobe32(i < nargs ? args[i] : GUEST_RTAS_FILLER);
	ck_assert_int_eq(guest_memory_write(rtas->memory, GUEST_RTAS_BLOCK, block,
					    sizeof(block)), 0);
}

/* The status of the call that was made, and its @nret - 1 further results in @rets. */
static inline int32_t guest_rtas_get(struct rtas *rtas, uint32_t nargs, uint32_t *rets,
				     uint32_t nret)
{
	be32 block[3 + RTAS_MAX_ARGS];

	ck_assert_int_eq(guest_memory_read(rtas->memory, GUEST_RTAS_BLOCK, block,
					   sizeof(block)), 0);
	for (uint32_t i = 1; i < nret; i++)
		rets[i - 1] = be32toh(block[3 + nargs + i]);
	return (int32_t)be32toh(block[3 + nargs]);
}

static inline int32_t guest_rtas_call(struct rtas *rtas, struct vcpu *vcpu, const char *name,
				      const uint32_t *args, uint32_t nargs, uint32_t *rets,
				      uint32_t nret)
{
	guest_rtas_put(rtas, name, args, nargs, nret);
	ck_assert_int_eq(rtas_dispatch(rtas, vcpu, GUEST_RTAS_BLOCK), H_SUCCESS);
	return guest_rtas_get(rtas, nargs, rets, nret);
}

/* GUEST_RTAS(rtas, vcpu, "stop-self", rets, 1, args...) */
#define GUEST_RTAS(rtas, vcpu, name, rets, nret, ...)                                         \
	guest_rtas_call(rtas, vcpu, name, (const uint32_t[]){ __VA_ARGS__ },                  \
			sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t), rets,  \
			nret)

#endif

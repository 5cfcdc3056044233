/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A fuzzer's input, taken piece by piece; behind its end everything is zero. */
#ifndef PVMM_FUZZ_INPUT_H
#define PVMM_FUZZ_INPUT_H

#include <string.h>

#include "vmm/util.h"

struct input {
	const uint8_t *next;
	size_t left;
};

static inline void input_bytes(struct input *input, void *bytes, size_t size)
{
	size_t have = size < input->left ? size : input->left;

	memset(bytes, 0, size);
	memcpy(bytes, input->next, have);
	input->next += have;
	input->left -= have;
}

static inline uint8_t input_u8(struct input *input)
{
	uint8_t value;

	input_bytes(input, &value, sizeof(value));
	return value;
}

static inline uint32_t input_u32(struct input *input)
{
	le32 value;

	input_bytes(input, &value, sizeof(value));
	return le32toh(value);
}

static inline uint64_t input_u64(struct input *input)
{
	le64 value;

	input_bytes(input, &value, sizeof(value));
	return le64toh(value);
}

/* One of @known, or what the input says: a guess would never be right otherwise. */
static inline uint64_t input_known(struct input *input, const uint64_t *known, size_t count)
{
	uint8_t which = input_u8(input);

	return which < 0xf0 ? known[which % count] : input_u64(input);
}

#endif

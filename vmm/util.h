/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small helpers that every module uses: container_of, a clock, rounding, overflow-checked sums,
 * and types whose name says their byte order.
 */
#ifndef PVMM_UTIL_H
#define PVMM_UTIL_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define KIB (1ULL << 10)
#define MIB (1ULL << 20)
#define GIB (1ULL << 30)

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#define container_of(pointer, type, member) \
	((type *)((char *)(pointer) - offsetof(type, member)))

#define PRINTF(text, first) __attribute__((format(printf, text, first)))

/* Values held in memory in a fixed byte order; convert with beNNtoh/leNNtoh and back. */
typedef uint16_t be16;
typedef uint32_t be32;
typedef uint64_t be64;
typedef uint16_t le16;
typedef uint32_t le32;
typedef uint64_t le64;

/* CLOCK_MONOTONIC, in milliseconds. */
static inline uint64_t monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* @align is a power of two. */
static inline uint64_t align_up(uint64_t value, uint64_t align)
{
	return (value + align - 1) & ~(align - 1);
}

static inline uint64_t align_down(uint64_t value, uint64_t align)
{
	return value & ~(align - 1);
}

static inline bool is_aligned(uint64_t value, uint64_t align)
{
	return (value & (align - 1)) == 0;
}

static inline bool is_power_of_two(uint64_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

/* Is [start, start + size) inside [base, base + limit), without wrapping? */
static inline bool range_within(uint64_t start, uint64_t size, uint64_t base, uint64_t limit)
{
	return start >= base && size <= limit && start - base <= limit - size;
}

/* Do two ranges share a byte? Neither may wrap. */
static inline bool ranges_overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a < b + b_size && b < a + a_size;
}

#endif

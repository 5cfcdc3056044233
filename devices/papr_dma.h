/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which guest memory is registered with the host's kernel, and so locked, because a group's
 * devices may reach it. Memory is cut into chunks, of which each is registered when a TCE first
 * points into it, or all at the start. What no TCE needs any more stays registered until there is
 * much of it, or memory is wanted back: papr_tce_idle.c.
 */
#ifndef PVMM_DEVICES_PAPR_DMA_H
#define PVMM_DEVICES_PAPR_DMA_H

#include <pthread.h>

#include "vmm/group/group.h"
#include "vmm/log.h"
#include "vmm/memory.h"

struct papr_tce_kernel;
struct papr_tce_table;

/* What the operator wants. */
struct papr_dma_policy {
	bool all;		/* all memory is registered at the start, and stays so */
	bool no_window64;	/* guests get no windows but the default ones */
};

/*
 * How guest memory is cut into chunks, one way for all groups of a VM: the kernel counts a
 * chunk once per process, however many groups register it, but refuses two that overlap and
 * are not the same.
 */
struct papr_dma_memory {
	struct guest_memory *memory;
	struct log *log;
	struct papr_dma_policy policy;
	uint64_t chunk_size;	/* bytes; power of two */
	uint64_t nr_chunks;
	struct papr_dma_user *users;	/* as all of the lists, made before the guest runs */
	struct papr_tce_table *tables;
	struct papr_tce_kernel *kernel;	/* may map in any table; NULL: there is none */
	pthread_mutex_t search_lock;	/* a search for idle chunks. Taken before tables' locks */
	uint64_t hand;		/* search_lock: the chunk where the next search begins */
	uint64_t pause_ms;	/* search_lock: no search before, CLOCK_MONOTONIC; 0: any time */
	pthread_mutex_t lock;	/* what is registered, and below. Taken after tables' locks */
	uint64_t nr_registered;	/* chunks, by any user */
	uint64_t threshold;	/* chunks; with more registered there is a search for idle ones */
	uint64_t table_bytes;	/* of all tables that there are, as the host locks memory for them */
	uint64_t told_ms;	/* when the operator last read of the limit; 0: never */
};

/* A group that has chunks registered. */
struct papr_dma_user {
	struct papr_dma_memory *dma;
	struct papr_dma_user *next;
	struct group *group;
	/*
	 * One bit per chunk. Set under dma->lock; cleared under dma->lock and all tables' locks, or when
	 * no table is left: who holds one table's lock may rely on a bit that is set. NULL: not in use.
	 */
	uint8_t *registered;
};

/* 0 or a negative errno. */
int papr_dma_memory_init(struct papr_dma_memory *dma, struct guest_memory *memory,
			 const struct papr_dma_policy *policy, struct log *log);
/* Its users have gone. */
void papr_dma_memory_exit(struct papr_dma_memory *dma);

/* -ENOMEM. */
int papr_dma_user_init(struct papr_dma_user *user, struct papr_dma_memory *dma,
		       struct group *group);
/* Unregisters everything. Nothing of it is mapped any more, by any group of the VM. */
void papr_dma_user_exit(struct papr_dma_user *user);

/* Everything, for each user. 0, or a negative errno after one line on the log. */
int papr_dma_register_all(struct papr_dma_memory *dma);

/* How many chunks of [@gpa, + @size), which is memory, are not registered. */
uint64_t papr_dma_missing(struct papr_dma_user *user, uint64_t gpa, uint64_t size);
/*
 * Registers what is not yet of [@gpa, + @size), which is memory; *@first is set if that was
 * something. With the lock of a table held. 0 or a negative errno; -ENOMEM: the limit for locked
 * memory, or the host's memory. What was registered before the failure stays so.
 */
int papr_dma_register(struct papr_dma_user *user, uint64_t gpa, uint64_t size, bool *first);
/* Says why that failed: of the limit once a minute, and what it must be. */
void papr_dma_tell_error(struct papr_dma_user *user, struct log_limit *limit, int err);

/* Accounts for a table of @bytes (negative: no more) in what the operator is told. */
void papr_dma_count_table(struct papr_dma_memory *dma, int64_t bytes);

/*
 * Of the chunks from dma->hand on, takes up to @wanted from all users that are registered and
 * not in @used, which has one bit per chunk. Nobody maps any of them. Returns how many.
 */
uint64_t papr_dma_release(struct papr_dma_memory *dma, const uint8_t *used, uint64_t wanted);
/* How many are registered by any user. */
uint64_t papr_dma_nr_registered(struct papr_dma_memory *dma);
/* More than dma->threshold. */
bool papr_dma_has_many(struct papr_dma_memory *dma);
/* After a search: what is registered now is in use. */
void papr_dma_set_threshold(struct papr_dma_memory *dma);

static inline bool papr_dma_bit(const uint8_t *bits, uint64_t index)
{
	return __atomic_load_n(&bits[index / 8], __ATOMIC_ACQUIRE) & 1U << index % 8;
}

/* One thread at a time. */
static inline void papr_dma_set_bit(uint8_t *bits, uint64_t index)
{
	__atomic_store_n(&bits[index / 8], (uint8_t)(bits[index / 8] | 1U << index % 8),
			 __ATOMIC_RELEASE);
}

static inline void papr_dma_clear_bit(uint8_t *bits, uint64_t index)
{
	__atomic_store_n(&bits[index / 8], (uint8_t)(bits[index / 8] & ~(1U << index % 8)),
			 __ATOMIC_RELEASE);
}

#endif

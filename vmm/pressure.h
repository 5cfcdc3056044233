/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Learns from the host's kernel that memory is short (PSI, pressure stall information): programs
 * spend a twentieth of their time waiting for it. Two files tell, one of the whole host, whoever
 * waits there, the other of the cgroup that pvmm is in, which may have a limit of its own. A
 * host has both, one or none of them, and none of that is an error.
 */
#ifndef PVMM_PRESSURE_H
#define PVMM_PRESSURE_H

#include "vmm/group/host.h"
#include "vmm/log.h"
#include "vmm/loop.h"

struct pressure;

struct pressure_file {
	struct pressure *pressure;	/* NULL: not watched */
	struct loop_source source;
	const char *name;		/* for the operator */
};

#define PRESSURE_FILES 2

/* At a place that lasts until pressure_exit(). */
struct pressure {
	struct loop *loop;
	struct log *log;
	void (*on_short)(void *owner);
	void *owner;
	uint64_t told_ms;	/* when that was called, CLOCK_MONOTONIC; 0: never */
	struct pressure_file files[PRESSURE_FILES];
};

/*
 * Opens what there is, for which the host's files must be in view. While memory is short @loop
 * calls @on_short, at most every five seconds, and every ten for each file. Which files are
 * watched, and why others are not, is said with --verbose alone.
 */
void pressure_init(struct pressure *pressure, const struct host_root *root, struct loop *loop,
		   struct log *log, void (*on_short)(void *owner), void *owner);
/* Accepts one that is zeroed. */
void pressure_exit(struct pressure *pressure);

#endif

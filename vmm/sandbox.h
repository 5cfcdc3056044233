/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What pvmm gives up before the guest runs: the host's files (an empty root), all
 * capabilities, and every system call it does not need, by kind of thread. Everything that
 * must be opened has been opened by then.
 */
#ifndef PVMM_SANDBOX_H
#define PVMM_SANDBOX_H

#include "vmm/log.h"

/*
 * For the main thread, which must be the only one, and all threads it makes later. 0, or a
 * negative errno after one line on @log. What a process without privileges cannot give up it
 * never had.
 */
int sandbox_enter(struct log *log);
/* The stricter rules of a vCPU's thread, on top. 0 or a negative errno. */
int sandbox_enter_vcpu(void);

#endif

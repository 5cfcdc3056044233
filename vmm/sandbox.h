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
 * For the calling thread alone, but for the files, which go from all threads. 0, or a negative errno after
 * one line on @log. What a process without privileges cannot give up it never had. None can make a
 * thread or a process afterwards.
 */
int sandbox_enter(struct log *log);
/* For a vCPU's thread, whose rules are stricter, and which leaves the files to the main thread. */
int sandbox_enter_vcpu(struct log *log);

#endif

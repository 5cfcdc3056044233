/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A terminal in raw mode, and the promise that it comes out of it. The promise is kept by a
 * small watcher process: it does nothing but wait until this process is gone, whatever ended
 * it (SIGSEGV and SIGKILL as well), and then restores the terminal.
 */
#ifndef PVMM_TERMINAL_H
#define PVMM_TERMINAL_H

#include <sys/types.h>
#include <termios.h>

#include "vmm/util.h"

struct terminal {
	int fd;			/* borrowed */
	bool raw;		/* must be restored */
	struct termios saved;
	int watch_fd;		/* the watcher ends when this closes */
	pid_t watcher;
};

/*
 * Makes @fd's terminal raw: no echo, no lines, no signals by key, output as it is. The caller
 * has no other threads yet. 0 or a negative errno; -ENOTTY: no terminal; -EBUSY: it belongs to
 * another job, which must not be disturbed.
 */
int terminal_make_raw(struct terminal *terminal, int fd);
/* Accepts a terminal that was not made raw, if @raw is false. Waits for the watcher's end. */
void terminal_restore(struct terminal *terminal);

#endif

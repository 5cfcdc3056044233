/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A terminal in raw mode, and the promise that it comes out of it, which a watcher keeps
 * (watcher.h): it restores the terminal when this process is gone, whatever ended it.
 */
#ifndef PVMM_TERMINAL_H
#define PVMM_TERMINAL_H

#include <termios.h>

#include "vmm/watcher.h"

struct terminal {
	int fd;			/* borrowed */
	bool raw;		/* must be restored */
	struct termios saved;
	struct watcher watcher;
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

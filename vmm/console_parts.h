/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the files that make up console.h. Not for others.
 */
#ifndef PVMM_CONSOLE_PARTS_H
#define PVMM_CONSOLE_PARTS_H

#include "vmm/console.h"

/* console_open.c: fills in_fd, out_fd and what goes with them; what a failure leaves is for
 * console_exit(). 0 or a negative errno after one line on the log. */
int console_open(struct console *console, const struct vm_config *config);

/* console_input.c: starts and ends the watching of in_fd. */
int console_watch(struct console *console);
void console_unwatch(struct console *console);

/* console_output.c: starts and ends gathering; ending it writes what is left. */
int console_gather(struct console *console);
void console_ungather(struct console *console);

#endif

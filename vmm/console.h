/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the guest's console goes on the host: standard input and output (raw terminal, Ctrl-A
 * escapes), a pty, a file, or nowhere. The device (devices/papr_vty) is the other end.
 *
 * The terminal is restored by console_exit(), and whenever the process ends without it
 * (terminal.h).
 */
#ifndef PVMM_CONSOLE_H
#define PVMM_CONSOLE_H

#include <pthread.h>

#include "vmm/config.h"
#include "vmm/log.h"
#include "vmm/loop.h"
#include "vmm/terminal.h"

#define CONSOLE_INPUT_SIZE 4096
#define CONSOLE_LINE_SIZE 256

struct console {
	enum console_kind kind;
	struct log *log;
	struct loop *loop;
	struct loop_source source;
	int in_fd, out_fd;		/* -1: none */
	int slave_fd;			/* a pty's other side; without it, reading fails */
	int always_fd;			/* an eventfd, for input that epoll cannot watch */
	int nowait_fd;			/* an eventfd, readable while writes must not wait */
	bool watched;			/* the source is in the loop; lock */
	struct terminal terminal;
	bool escape;			/* Ctrl-A was the last key; main thread */
	bool output_failed;		/* it was reported; atomic */
	bool output_waits;		/* a write would wait: the output is a socket */
	bool output_stuck;		/* a pty is full, and waiting did not help; atomic */
	pthread_mutex_t lock;		/* the ring and the watching of the source */
	uint8_t input[CONSOLE_INPUT_SIZE];	/* ring: typed, not yet read by the guest */
	size_t head, count;
	bool stalled;			/* input is full: the source is not watched */
	pthread_mutex_t gather_lock;	/* the next three; held while they are written */
	uint8_t gathered[CONSOLE_LINE_SIZE];	/* output, not yet written */
	size_t nr_gathered;
	bool timer_set;			/* it will write what is gathered */
	struct loop_source timer;	/* a timerfd; fd -1: none */
	void (*on_input)(void *owner);	/* there is input now; main thread */
	void *owner;			/* for on_input */
	void (*on_quit)(void *owner);	/* Ctrl-A x; main thread */
	void *quit_owner;		/* for on_quit */
};

/*
 * 0 or a negative errno after one line on log. A pty's name is printed by log_notice()
 * as "pvmm: console is /dev/pts/N". Callbacks may be NULL, and are set afterwards. The
 * caller has no other threads yet. SIGPIPE is ignored from then on.
 */
int console_init(struct console *console, const struct vm_config *config, struct loop *loop,
		 struct log *log);
void console_exit(struct console *console);

/* Takes up to @size bytes of input, without waiting; any thread. */
size_t console_read(struct console *console, void *data, size_t size);
/* Writes all, waiting for a slow reader of stdio or file; what a pty without reader cannot take
 * is dropped. Any thread. An output that has gone away (EPIPE, ENOSPC) is reported once. */
void console_write(struct console *console, const void *data, size_t size);
/* The same for text that may be gathered into lines first: written by the end of the line, or a
 * millisecond later. Not to be mixed with console_write(). Any thread. */
void console_put(struct console *console, const void *data, size_t size);
/* Writes what is gathered now. Any thread. */
void console_flush(struct console *console);
/* False: console_write() waits for nobody and drops what is not taken, and a call that waits
 * now returns, so that vCPU threads can be stopped. True: as before. Any thread. */
void console_set_wait(struct console *console, bool wait);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages to the operator. Each goes to standard error as one line, "pvmm: ...", whole
 * (one write), so that lines of different threads do not mix.
 *
 * log_error() is for what makes a command fail, and says what to do; log_warn() for what the operator
 * should know of or mend; log_notice() for good news, and how far something is that takes its time;
 * log_info() appears only with --verbose. What a guest can provoke goes through log_guest(), which is
 * limited.
 */
#ifndef PVMM_LOG_H
#define PVMM_LOG_H

#include <stdarg.h>

#include "vmm/util.h"

struct log {
	int fd;		/* where lines go, usually 2 */
	bool verbose;
	bool raw_tty;	/* the terminal is raw: end lines with \r\n */
	const char *where;	/* what lines are about, "FILE:LINE: "; NULL: nothing */
};

/* A burst of messages is let through, then one each LOG_LIMIT_SECONDS with a count. */
struct log_limit {
	uint32_t burst;		/* messages let through in the present period; atomic */
	uint64_t period;	/* which period that was, CLOCK_MONOTONIC; atomic */
	uint32_t dropped;	/* messages not shown; atomic */
};

#define LOG_LIMIT_BURST 5
#define LOG_LIMIT_SECONDS 10

void log_error(struct log *log, const char *format, ...) PRINTF(2, 3);
void log_notice(struct log *log, const char *format, ...) PRINTF(2, 3);
void log_warn(struct log *log, const char *format, ...) PRINTF(2, 3);
void log_info(struct log *log, const char *format, ...) PRINTF(2, 3);
void log_guest(struct log *log, struct log_limit *limit, const char *format, ...) PRINTF(3, 4);

#endif

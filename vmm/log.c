/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages to the operator: puts each line together in a buffer of fixed size and hands it to
 * the kernel in one write. Owns the rate limit on what a guest can provoke.
 */
#include "vmm/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE_SIZE 1024	/* longer messages are cut */

struct line {
	char text[LOG_LINE_SIZE];
	size_t length;
};

static void PRINTF(2, 0) line_add(struct line *line, const char *format, va_list args)
{
	size_t room = sizeof(line->text) - line->length;
	int length = vsnprintf(line->text + line->length, room, format, args);

	if (length > 0)
		line->length += (size_t)length < room ? (size_t)length : room - 1;
}

static void PRINTF(2, 3) line_addf(struct line *line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line_add(line, format, args);
	va_end(args);
}

/* File names and a guest's words must not break the line or drive the terminal. */
static void line_make_printable(struct line *line)
{
	while (line->length > 0 && line->text[line->length - 1] == '\n')
		line->length--;
	for (size_t i = 0; i < line->length; i++) {
		unsigned char c = (unsigned char)line->text[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			line->text[i] = '?';
	}
}

static void line_write(const struct log *log, struct line *line)
{
	size_t room = sizeof(line->text) - 2;	/* for the line's end */

	line_make_printable(line);
	if (line->length > room) {
		line->length = room;
		memcpy(line->text + room - 3, "...", 3);
	}
	if (log->raw_tty)
		line->text[line->length++] = '\r';
	line->text[line->length++] = '\n';
	while (write(log->fd, line->text, line->length) < 0 && errno == EINTR)
		;
}

static void PRINTF(3, 0) log_line(const struct log *log, const char *prefix, const char *format,
				  va_list args)
{
	struct line line = { .length = 0 };
	int saved_errno = errno;

	line_addf(&line, "pvmm: %s%s", log->where ? log->where : "", prefix);
	line_add(&line, format, args);
	line_write(log, &line);
	errno = saved_errno;
}

void log_error(struct log *log, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(log, "", format, args);
	va_end(args);
}

void log_notice(struct log *log, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(log, "", format, args);
	va_end(args);
}

void log_warn(struct log *log, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(log, "warning: ", format, args);
	va_end(args);
}

void log_info(struct log *log, const char *format, ...)
{
	va_list args;

	if (!log->verbose)
		return;
	va_start(args, format);
	log_line(log, "", format, args);
	va_end(args);
}

/* Counted from 1, so that a zeroed limit is in no period yet. */
static uint64_t present_period(void)
{
	return monotonic_ms() / 1000 / LOG_LIMIT_SECONDS + 1;
}

/* May a message pass? Stores how many were dropped since the last one that did. */
static bool limit_pass(struct log_limit *limit, uint32_t *dropped)
{
	uint64_t period = present_period();
	uint64_t last = __atomic_load_n(&limit->period, __ATOMIC_RELAXED);

	*dropped = 0;
	if (last < period &&
	    __atomic_compare_exchange_n(&limit->period, &last, period, false, __ATOMIC_RELAXED,
					__ATOMIC_RELAXED)) {
		*dropped = __atomic_exchange_n(&limit->dropped, 0, __ATOMIC_RELAXED);
		/* A flood that goes on gets this one message; after a quiet period, a new burst. */
		__atomic_store_n(&limit->burst, *dropped ? LOG_LIMIT_BURST : 1, __ATOMIC_RELAXED);
		return true;
	}
	/* Looked at before it is raised, so that no flood makes it wrap. */
	if (__atomic_load_n(&limit->burst, __ATOMIC_RELAXED) < LOG_LIMIT_BURST &&
	    __atomic_fetch_add(&limit->burst, 1, __ATOMIC_RELAXED) < LOG_LIMIT_BURST)
		return true;
	__atomic_fetch_add(&limit->dropped, 1, __ATOMIC_RELAXED);
	return false;
}

void log_guest(struct log *log, struct log_limit *limit, const char *format, ...)
{
	char prefix[64] = "guest: ";
	uint32_t dropped;
	va_list args;

	if (!limit_pass(limit, &dropped))
		return;
	if (dropped)
		snprintf(prefix, sizeof(prefix), "guest: (%u such messages not shown) ", dropped);
	va_start(args, format);
	log_line(log, prefix, format, args);
	va_end(args);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing JSON (RFC 8259): commas, indentation and escapes are the writer's business. Text that
 * is not UTF-8 has U+FFFD in place of each byte that is none, so that what comes out is valid
 * whatever goes in. Errors of the stream are the caller's to look for (ferror()).
 */
#ifndef PVMM_CLI_JSON_H
#define PVMM_CLI_JSON_H

#include <stdio.h>

#include "vmm/util.h"

struct json {
	FILE *out;
	unsigned depth;
	bool has_items;		/* in what is open now */
};

/* @key is NULL in an array and for the outermost value. */
void json_open(struct json *json, const char *key, char bracket);	/* '{' or '[' */
void json_close(struct json *json, char bracket);			/* '}' or ']' */
void json_string(struct json *json, const char *key, const char *value);	/* NULL: null */
void json_number(struct json *json, const char *key, uint64_t value);
void json_bool(struct json *json, const char *key, bool value);
/* An array of the parts of @text that @separators divide; none is empty. */
void json_words(struct json *json, const char *key, const char *text, const char *separators);

#endif

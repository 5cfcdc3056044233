// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writing JSON.
 */
#include "vmm/cli/json.h"

#include <string.h>

/* Bytes of the UTF-8 character at @text, which ends with NUL; 0: it is none (RFC 3629). */
static unsigned character_length(const unsigned char *text)
{
	unsigned length = text[0] < 0x80 ? 1 : text[0] < 0xc2 ? 0 : text[0] < 0xe0 ? 2 :
			  text[0] < 0xf0 ? 3 : text[0] < 0xf5 ? 4 : 0;
	unsigned i;

	for (i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	}
	/* Overlong forms, surrogates, beyond U+10FFFF. */
	if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
	    (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
		return 0;
	return length;
}

static void write_character(struct json *json, const char *text, unsigned length)
{
	unsigned char first = (unsigned char)text[0];

	if (!length)
		fputs("\\ufffd", json->out);
	else if (first == '"' || first == '\\')
		fprintf(json->out, "\\%c", first);
	else if (first < ' ' || first == 0x7f)
		fprintf(json->out, "\\u%04x", first);
	else
		fwrite(text, 1, length, json->out);
}

static void write_text(struct json *json, const char *text, size_t size)
{
	const char *end = text + size;

	fputc('"', json->out);
	while (text < end) {
		unsigned length = character_length((const unsigned char *)text);

		write_character(json, text, length);
		text += length ? length : 1;
	}
	fputc('"', json->out);
}

static void new_line(struct json *json)
{
	fprintf(json->out, "\n%*s", (int)(2 * json->depth), "");
}

static void begin_item(struct json *json, const char *key)
{
	if (json->has_items)
		fputc(',', json->out);
	if (json->depth)
		new_line(json);
	json->has_items = true;
	if (!key)
		return;
	write_text(json, key, strlen(key));
	fputs(": ", json->out);
}

void json_open(struct json *json, const char *key, char bracket)
{
	begin_item(json, key);
	fputc(bracket, json->out);
	json->depth++;
	json->has_items = false;
}

void json_close(struct json *json, char bracket)
{
	json->depth--;
	if (json->has_items)
		new_line(json);
	fputc(bracket, json->out);
	json->has_items = true;
	if (!json->depth)
		fputc('\n', json->out);
}

void json_string(struct json *json, const char *key, const char *value)
{
	begin_item(json, key);
	if (value)
		write_text(json, value, strlen(value));
	else
		fputs("null", json->out);
}

void json_number(struct json *json, const char *key, uint64_t value)
{
	begin_item(json, key);
	fprintf(json->out, "%llu", (unsigned long long)value);
}

void json_bool(struct json *json, const char *key, bool value)
{
	begin_item(json, key);
	fputs(value ? "true" : "false", json->out);
}

void json_words(struct json *json, const char *key, const char *text, const char *separators)
{
	json_open(json, key, '[');
	for (text += strspn(text, separators); *text; text += strspn(text, separators)) {
		size_t length = strcspn(text, separators);

		begin_item(json, NULL);
		write_text(json, text, length);
		text += length;
	}
	json_close(json, ']');
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * --config files: one option per line, `name = value` or `name value`, or the name alone for
 * a flag; # begins a comment line. Values go to the end of the line, without quoting, so that
 * a kernel command line can be written as it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/config_parse.h"

#define CONFIG_FILE_MAX (64 * KIB)

static const char blanks[] = " \t\r\v\f";

/* Cuts blanks off both ends, in place. */
static char *trim(char *text)
{
	size_t length;

	text += strspn(text, blanks);
	length = strlen(text);
	while (length > 0 && strchr(blanks, text[length - 1]))
		length--;
	text[length] = '\0';
	return text;
}

static int set_option(struct config_parser *parser, const struct config_option *option,
		      const char *value)
{
	bool takes_value = config_takes_value(option);

	if (option->kind == CONFIG_OPTION_FILE || option->kind == CONFIG_OPTION_PRINT)
		return config_complain(parser, option, NULL,
				       "only for the command line; leave it out here");
	if (!takes_value && value)
		return config_complain(parser, option, value, "takes no value; leave it out");
	if (takes_value && (!value || (!*value && strcmp(option->name, "append"))))
		return config_complain(parser, option, NULL, "a value is missing; write `%s = %s`",
				       option->name, option->value);
	return option->set(parser, option, value);
}

static int read_line(struct config_parser *parser, char *text)
{
	char *name = trim(text);
	size_t length = strcspn(name, "= \t");
	char *value = name + length + strspn(name + length, blanks);
	const struct config_option *option = config_find_option(name, length);

	if (!*name || *name == '#')
		return 0;
	if (!option)
		return config_complain_unknown(parser, name, length);
	if (*value == '=')
		value = trim(value + 1);
	else if (!*value)
		value = NULL;
	return set_option(parser, option, value);
}

int config_read_text(struct config_parser *parser, char *text, size_t size)
{
	char *next = text;
	int ret = 0;

	for (parser->line = 1; !ret && next; parser->line++) {
		char *start = next;
		char *end = strchrnul(start, '\n');

		/* Text ends at its first NUL, and a file has none. */
		if (!*end && end != text + size)
			return config_complain(parser, NULL, NULL,
					       "a NUL byte; a configuration is plain text");
		next = *end ? end + 1 : NULL;
		*end = '\0';
		ret = read_line(parser, start);
	}
	return ret;
}

/* Reads @fd to its end, CONFIG_FILE_MAX at most. Returns the size or a negative errno. */
static ssize_t read_all(int fd, char *text)
{
	size_t size = 0;

	while (size <= CONFIG_FILE_MAX) {
		ssize_t done = read(fd, text + size, CONFIG_FILE_MAX + 1 - size);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		if (done == 0)
			return (ssize_t)size;
		size += (size_t)done;
	}
	return -EFBIG;
}

char *config_slurp(const char *path, ssize_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *text = NULL;

	if (fd < 0) {
		*size = -errno;
		return NULL;
	}
	text = malloc(CONFIG_FILE_MAX + 2);
	*size = text ? read_all(fd, text) : -ENOMEM;
	close(fd);
	if (*size < 0) {
		free(text);
		return NULL;
	}
	text[*size] = '\0';
	return text;
}

int config_read_file(struct config_parser *parser, const char *path)
{
	struct config_parser inner = *parser;
	ssize_t size;
	char *text = config_slurp(path, &size);
	int ret;

	if (!text) {
		if (size == -EFBIG)
			log_error(parser->log, "--config %s: larger than %llu KiB; is it a "
				  "configuration file?", path,
				  (unsigned long long)(CONFIG_FILE_MAX / KIB));
		else
			log_error(parser->log, "--config %s: %s; give a file that can be read",
				  path, strerror((int)-size));
		return (int)size;
	}
	inner.file = path;
	ret = config_read_text(&inner, text, (size_t)size);
	free(text);
	return ret;
}

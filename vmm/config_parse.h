/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the files that make up config.h's parser: the table of options, and what reading
 * the command line or a file needs on the way. Not for others.
 */
#ifndef PVMM_CONFIG_PARSE_H
#define PVMM_CONFIG_PARSE_H

#include "vmm/config.h"

/* Where words come from, for messages. */
struct config_parser {
	struct vm_config *config;
	struct log *log;
	const char *file;	/* NULL: the command line */
	unsigned line;		/* of file */
};

/* How an option is treated apart from being set. */
enum config_option_kind {
	CONFIG_OPTION_VALUE,	/* takes a value */
	CONFIG_OPTION_FLAG,	/* takes none */
	CONFIG_OPTION_FILE,	/* --config: command line only, read before the others */
	CONFIG_OPTION_PRINT,	/* --help, --version: command line only, ends it there */
};

struct config_option {
	const char *name;	/* without dashes */
	enum config_option_kind kind;
	const char *group;	/* heading that starts here in --help, or NULL */
	const char *value;	/* what --help calls the value, or NULL */
	const char *help;	/* a line ends with \n if another follows */
	/* Checks and stores. @value is NULL for a flag. 0, or -errno after a line on the log. */
	int (*set)(struct config_parser *parser, const struct config_option *option,
		   const char *value);
};

/* All options, in the order of --help; ends with a NULL name. */
extern const struct config_option config_options[];

const struct config_option *config_find_option(const char *name, size_t length);
bool config_takes_value(const struct config_option *option);

/* One line: where, which option and value, and @format: what is wrong and what to do. -EINVAL. */
int config_complain(const struct config_parser *parser, const struct config_option *option,
		    const char *value, const char *format, ...) PRINTF(4, 5);
/* Says that @name is no option, and which one it may have meant. -EINVAL. */
int config_complain_unknown(const struct config_parser *parser, const char *name, size_t length);
/* -ENOMEM. */
int config_complain_memory(const struct config_parser *parser);

/* --group, in config_group.c. */
int config_set_group(struct config_parser *parser, const struct config_option *option,
		     const char *value);

/* --memory, in config_memory.c. */
int config_set_memory(struct config_parser *parser, const struct config_option *option,
		      const char *value);

/* "03.0"; 0 or -EINVAL. */
int config_parse_devfn(const char *text, uint8_t *devfn);

/* Reads a --config file: 0, or a negative errno after a line on the log. */
int config_read_file(struct config_parser *parser, const char *path);
/* The same for its content, which it modifies; @text[size] is NUL. */
int config_read_text(struct config_parser *parser, char *text, size_t size);

/* To standard output; 0 or a negative errno. */
int config_print_help(void);
int config_print_version(void);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the operator asked for: walks the command line, and checks what only the whole shows.
 * The options themselves are in config_options.c.
 */
#include "vmm/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/config_parse.h"

#define COMPLAINT_SIZE 256

int config_complain(const struct config_parser *parser, const struct config_option *option,
		    const char *value, const char *format, ...)
{
	const char *dashes = parser->file ? "" : "--";
	char complaint[COMPLAINT_SIZE];
	char place[32] = "";
	va_list args;

	va_start(args, format);
	vsnprintf(complaint, sizeof(complaint), format, args);
	va_end(args);
	if (parser->file)
		snprintf(place, sizeof(place), ":%u: ", parser->line);
	log_error(parser->log, "%s%s%s%s%s%s%s%s", parser->file ? parser->file : "", place,
		  option ? dashes : "", option ? option->name : "", value ? " " : "",
		  value ? value : "", option ? ": " : "", complaint);
	return -EINVAL;
}

int config_complain_memory(const struct config_parser *parser)
{
	log_error(parser->log, "out of memory; free some on this machine");
	return -ENOMEM;
}

/* The only option whose name begins like that, or NULL. */
static const struct config_option *guess_option(const char *name, size_t length)
{
	const struct config_option *guess = NULL;

	for (const struct config_option *option = config_options; option->name; option++) {
		if (!length || strncmp(option->name, name, length))
			continue;
		if (guess)
			return NULL;
		guess = option;
	}
	return guess;
}

int config_complain_unknown(const struct config_parser *parser, const char *name, size_t length)
{
	const char *dashes = parser->file ? "" : "--";
	const struct config_option *guess = guess_option(name, length);
	int shown = length < 128 ? (int)length : 128;

	if (guess)
		return config_complain(parser, NULL, NULL,
				       "%s%.*s: unknown option; write it out: %s%s", dashes,
				       shown, name, dashes, guess->name);
	return config_complain(parser, NULL, NULL,
			       "%s%.*s: unknown option; `pvmm --help` lists them", dashes, shown,
			       name);
}

/* One option of the command line. */
struct argument {
	const struct config_option *option;
	const char *value;	/* NULL: a flag */
};

/* Takes the option at argv[*index] and moves behind it, and behind its value. */
static int next_argument(const struct config_parser *parser, int argc, char **argv, int *index,
			 struct argument *argument)
{
	const char *word = argv[(*index)++];
	const char *equals;
	size_t length;

	if (word[0] != '-')
		return config_complain(parser, NULL, NULL, "%.128s: unexpected word; options begin "
				       "with --, such as --kernel FILE", word);
	if (word[1] != '-')
		return config_complain(parser, NULL, NULL, "%.128s: unknown option; options begin "
				       "with --, and `pvmm --help` lists them", word);
	word += 2;
	equals = strchr(word, '=');
	length = equals ? (size_t)(equals - word) : strlen(word);
	argument->option = config_find_option(word, length);
	if (!argument->option)
		return config_complain_unknown(parser, word, length);
	argument->value = equals ? equals + 1 : NULL;
	if (!config_takes_value(argument->option))
		return equals ? config_complain(parser, argument->option, argument->value,
						"takes no value; leave it out") : 0;
	/* `--kernel --initrd x` lacks a file name; a value like that is written --append=--x. */
	if (!argument->value && *index < argc && strncmp(argv[*index], "--", 2))
		argument->value = argv[(*index)++];
	if (!argument->value || (!*argument->value && strcmp(argument->option->name, "append")))
		return config_complain(parser, argument->option, NULL,
				       "a value is missing; write --%s %s",
				       argument->option->name, argument->option->value);
	return 0;
}

/*
 * Goes over the command line twice: first for what prints something and for --config, so
 * that the command line wins over files wherever it names them, then for the rest.
 */
static enum config_result read_arguments(struct config_parser *parser, int argc, char **argv,
					 bool early)
{
	for (int index = 1; index < argc;) {
		struct argument argument = { NULL, NULL };
		enum config_option_kind kind;

		if (next_argument(parser, argc, argv, &index, &argument))
			return CONFIG_BAD;
		kind = argument.option->kind;
		if (early != (kind == CONFIG_OPTION_FILE || kind == CONFIG_OPTION_PRINT))
			continue;
		if (argument.option->set(parser, argument.option, argument.value))
			return CONFIG_BAD;
		if (kind == CONFIG_OPTION_PRINT)
			return CONFIG_DONE;
	}
	return CONFIG_RUN;
}

static void set_defaults(struct vm_config *config)
{
	memset(config, 0, sizeof(*config));
	config->memory = 512 * MIB;
	config->memory_node = -1;
	config->cpus = 1;
	config->console = CONSOLE_STDIO;
	config->irqchip = IRQCHIP_AUTO;
	config->tce = TCE_AUTO;
}

enum config_result config_parse(struct vm_config *config, struct log *log, int argc, char **argv)
{
	struct config_parser parser = { .config = config, .log = log };
	enum config_result result;

	set_defaults(config);
	result = read_arguments(&parser, argc, argv, true);
	if (result == CONFIG_RUN)
		result = read_arguments(&parser, argc, argv, false);
	if (result == CONFIG_RUN && !config->kernel) {
		log_error(log, "no kernel; give one with --kernel FILE (`pvmm --help` lists all "
			  "options)");
		result = CONFIG_BAD;
	}
	return result;
}

void config_exit(struct vm_config *config)
{
	for (unsigned i = 0; i < config->nr_groups; i++) {
		free(config->groups[i].path);
		free(config->groups[i].places);
	}
	free(config->groups);
	free(config->memory_file);
	free(config->kernel);
	free(config->initrd);
	free(config->append);
	free(config->console_path);
	free(config->dump_dtb);
	free(config->nvram);
	memset(config, 0, sizeof(*config));
}

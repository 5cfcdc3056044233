/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzing of the options: the input up to its first 0xff is a command line, its words ending
 * with NULs; the rest is the text of a configuration file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/config_parse.h"

#define MAX_WORDS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy with a NUL behind it. */
static char *copy_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/* What was accepted keeps to the limits. */
static void check_config(const struct vm_config *config)
{
	if (!config->kernel || config->memory < CONFIG_MEMORY_MIN ||
	    config->memory > CONFIG_MEMORY_MAX ||
	    !is_aligned(config->memory, CONFIG_MEMORY_ALIGN) || !config->cpus ||
	    config->cpus > CONFIG_CPUS_MAX || config->nr_groups > CONFIG_GROUPS_MAX)
		abort();
	if ((config->hugepages && (config->memory_file || !is_power_of_two(config->hugepages) ||
				   !is_aligned(config->memory, config->hugepages))) ||
	    config->memory_node < -1 || config->memory_node > CONFIG_NODE_MAX)
		abort();
}

static void fuzz_words(struct log *log, const uint8_t *data, size_t size)
{
	char *text = copy_text(data, size), *end = text + size;
	char program[] = "pvmm", *words[MAX_WORDS] = { program };
	struct vm_config config;
	int count = 1;

	for (char *word = text; word < end && count < MAX_WORDS; word += strlen(word) + 1) {
		/* These open files and print. */
		if (strncmp(word, "--config", 8) && strncmp(word, "--help", 6) &&
		    strncmp(word, "--version", 9))
			words[count++] = word;
	}
	if (config_parse(&config, log, count, words) == CONFIG_RUN)
		check_config(&config);
	config_exit(&config);
	free(text);
}

static void fuzz_file(struct log *log, const uint8_t *data, size_t size)
{
	struct vm_config config = { .nr_groups = 0 };
	struct config_parser parser = { .config = &config, .log = log, .file = "fuzz" };
	char *text = copy_text(data, size);

	config_read_text(&parser, text, size);
	config_exit(&config);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct log log = { .fd = -1 };
	const uint8_t *split = size ? memchr(data, 0xff, size) : NULL;

	if (split) {
		size_t words = (size_t)(split - data);

		fuzz_words(&log, data, words);
		fuzz_file(&log, split + 1, size - words - 1);
	} else {
		fuzz_words(&log, data, size);
		fuzz_file(&log, data, size);
	}
	return 0;
}

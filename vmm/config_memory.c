/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * --memory SIZE[,hugepages=SIZE][,file=PATH][,node=N]: how much memory, and whose pages.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/config_parse.h"

/* What the option says; taken over as a whole, since the last --memory counts. */
struct memory_reader {
	struct config_parser *parser;
	const struct config_option *option;
	const char *value;	/* whole, for messages */
	uint64_t size, hugepages;
	char *file;		/* in a copy of value */
	int node;
};

#define COMPLAIN(reader, ...) \
	config_complain((reader)->parser, (reader)->option, (reader)->value, __VA_ARGS__)

static int read_size(struct memory_reader *reader, const char *text)
{
	int ret = config_parse_size(text, &reader->size);

	if (ret == -EINVAL)
		return COMPLAIN(reader, "not a size; use a number with K, M, G or T, such as 512M");
	if (ret || reader->size > CONFIG_MEMORY_MAX)
		return COMPLAIN(reader, "too much; at most %lluG",
				(unsigned long long)(CONFIG_MEMORY_MAX / GIB));
	if (reader->size < CONFIG_MEMORY_MIN)
		return COMPLAIN(reader, "too little; at least %lluM",
				(unsigned long long)(CONFIG_MEMORY_MIN / MIB));
	if (!is_aligned(reader->size, CONFIG_MEMORY_ALIGN))
		return COMPLAIN(reader, "not a multiple of 1M; use %lluM",
				(unsigned long long)(reader->size / MIB));
	return 0;
}

static int read_hugepages(struct memory_reader *reader, char *text)
{
	if (reader->hugepages)
		return COMPLAIN(reader, "hugepages= is there twice; leave one out");
	if (config_parse_size(text, &reader->hugepages) || reader->hugepages < 64 * KIB ||
	    !is_power_of_two(reader->hugepages))
		return COMPLAIN(reader, "not a size of huge pages; use one of the host's, such as "
				"hugepages=2M");
	return 0;
}

static int read_file(struct memory_reader *reader, char *text)
{
	if (reader->file)
		return COMPLAIN(reader, "file= is there twice; leave one out");
	if (!*text)
		return COMPLAIN(reader, "no file name; write it like file=/dev/shm/guest");
	reader->file = text;
	return 0;
}

static int read_node(struct memory_reader *reader, char *text)
{
	uint64_t node;

	if (reader->node >= 0)
		return COMPLAIN(reader, "node= is there twice; leave one out");
	if (config_parse_number(text, CONFIG_NODE_MAX, &node))
		return COMPLAIN(reader, "not a NUMA node; use its number, such as node=0");
	reader->node = (int)node;
	return 0;
}

static int read_part(struct memory_reader *reader, char *part)
{
	static const struct {
		const char *name;
		int (*read)(struct memory_reader *reader, char *text);
	} parts[] = {
		{ "hugepages=", read_hugepages },
		{ "file=", read_file },
		{ "node=", read_node },
	};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		size_t length = strlen(parts[i].name);

		if (!strncmp(part, parts[i].name, length))
			return parts[i].read(reader, part + length);
	}
	return COMPLAIN(reader, "after the comma comes hugepages=SIZE, file=PATH or node=N");
}

static int check_parts(struct memory_reader *reader)
{
	if (reader->hugepages && reader->file)
		return COMPLAIN(reader, "hugepages= and file= exclude each other; a file on a "
				"hugetlbfs has huge pages");
	if (reader->hugepages && !is_aligned(reader->size, reader->hugepages))
		return COMPLAIN(reader, "not a multiple of its pages; use %lluM", (unsigned long
				long)(align_up(reader->size, reader->hugepages) / MIB));
	return 0;
}

static int store(struct memory_reader *reader)
{
	struct vm_config *config = reader->parser->config;
	char *file = NULL;

	if (reader->file) {
		file = strdup(reader->file);
		if (!file)
			return config_complain_memory(reader->parser);
	}
	free(config->memory_file);
	config->memory_file = file;
	config->memory = reader->size;
	config->hugepages = reader->hugepages;
	config->memory_node = reader->node;
	return 0;
}

int config_set_memory(struct config_parser *parser, const struct config_option *option,
		      const char *value)
{
	struct memory_reader reader = { parser, option, value, .node = -1 };
	char *copy = strdup(value), *text = copy;
	int ret;

	if (!copy)
		return config_complain_memory(parser);
	ret = read_size(&reader, strsep(&text, ","));
	while (!ret && text)
		ret = read_part(&reader, strsep(&text, ","));
	if (!ret)
		ret = check_parts(&reader);
	if (!ret)
		ret = store(&reader);
	free(copy);
	return ret;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * --group PATH[,place=DEVICE@SLOT]...: what the option says about one group.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/config_parse.h"

struct group_reader {
	struct config_parser *parser;
	const struct config_option *option;
	const char *value;	/* whole, for messages */
	struct group_config *group;
};

static int check_place(struct group_reader *reader, const struct group_place *place)
{
	for (unsigned i = 0; i < reader->group->nr_places; i++) {
		const struct group_place *other = &reader->group->places[i];

		if (pci_address_equal(&other->host, &place->host))
			return config_complain(reader->parser, reader->option, reader->value,
					       "a device is placed twice; leave one place= out");
		if (other->devfn == place->devfn)
			return config_complain(reader->parser, reader->option, reader->value,
					       "two devices are placed at %02x.%x; give each "
					       "its own", place->devfn >> 3, place->devfn & 7);
	}
	return 0;
}

static int add_place(struct group_reader *reader, const struct group_place *place)
{
	struct group_config *group = reader->group;
	struct group_place *places;

	places = reallocarray(group->places, group->nr_places + 1, sizeof(*places));
	if (!places)
		return config_complain_memory(reader->parser);
	group->places = places;
	places[group->nr_places++] = *place;
	return 0;
}

/* @text is DEVICE@SLOT. */
static int read_place(struct group_reader *reader, char *text)
{
	char *slot = strchr(text, '@');
	struct group_place place;
	int ret;

	if (slot)
		*slot++ = '\0';
	if (!slot || config_parse_pci_address(text, &place.host) ||
	    config_parse_devfn(slot, &place.devfn))
		return config_complain(reader->parser, reader->option, reader->value,
				       "not a place; write it like place=0001:01:00.0@03.0");
	ret = check_place(reader, &place);
	return ret ? ret : add_place(reader, &place);
}

static int check_path(struct group_reader *reader)
{
	const struct vm_config *config = reader->parser->config;
	const char *path = reader->group->path;
	struct pci_address address;

	if (!strchr(path, '/') && config_parse_pci_address(path, &address))
		return config_complain(reader->parser, reader->option, reader->value,
				       "not a group; give its folder, such as "
				       "/sys/devgroups/2, or a PCI address, such as "
				       "0001:01:00.0");
	for (unsigned i = 0; i < config->nr_groups; i++) {
		if (!strcmp(config->groups[i].path, path))
			return config_complain(reader->parser, reader->option, reader->value,
					       "the group is there already; name it once");
	}
	return 0;
}

/* Takes @text apart at its commas. The path is the part before the first. */
static int read_group(struct group_reader *reader, char *text)
{
	const char *path = strsep(&text, ",");
	int ret;

	reader->group->path = strdup(path);
	if (!reader->group->path)
		return config_complain_memory(reader->parser);
	ret = check_path(reader);
	while (!ret && text) {
		char *part = strsep(&text, ",");

		if (strncmp(part, "place=", 6))
			ret = config_complain(reader->parser, reader->option, reader->value,
					      "after the comma comes place=DEVICE@SLOT, such as "
					      "place=0001:01:00.0@03.0");
		else
			ret = read_place(reader, part + 6);
	}
	return ret;
}

static int add_group(struct config_parser *parser, const struct group_config *group)
{
	struct vm_config *config = parser->config;
	struct group_config *groups;

	groups = reallocarray(config->groups, config->nr_groups + 1, sizeof(*groups));
	if (!groups)
		return config_complain_memory(parser);
	config->groups = groups;
	groups[config->nr_groups++] = *group;
	return 0;
}

int config_set_group(struct config_parser *parser, const struct config_option *option,
		     const char *value)
{
	struct group_config group = { .path = NULL };
	struct group_reader reader = { parser, option, value, &group };
	char *text;
	int ret;

	if (parser->config->nr_groups == CONFIG_GROUPS_MAX)
		return config_complain(parser, option, value, "too many groups; at most %d",
				       CONFIG_GROUPS_MAX);
	text = strdup(value);
	if (!text)
		return config_complain_memory(parser);
	ret = read_group(&reader, text);
	free(text);
	if (!ret)
		ret = add_group(parser, &group);
	if (ret) {
		free(group.places);
		free(group.path);
	}
	return ret;
}

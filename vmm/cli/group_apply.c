// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * `pvmm group apply`: /etc/devgroups.d, which says how groups are to be. All files are read
 * first; then groups are merged, and only then claimed, since a claimed group cannot be merged:
 * in which order the lines stand does not matter.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cli/group_parts.h"

#define CONF_SUFFIX ".conf"

struct directive {
	const char *name;
	unsigned min_devices, max_devices;
	int (*apply)(struct group_cli *cli, char *const *devices, unsigned nr_devices);
};

struct line {
	char *where;		/* "/etc/devgroups.d/10-disks.conf:3: " */
	const struct directive *directive;
	char *text;		/* that devices[] point into */
	unsigned nr_devices;
	char *devices[GROUP_NAMES_MAX];
};

struct apply {
	struct group_cli *cli;
	struct line *lines;
	unsigned nr_lines;
	int result;		/* of the first that failed */
};

static int apply_merge(struct group_cli *cli, char *const *devices, unsigned nr_devices)
{
	int ret = group_merge(cli, devices, nr_devices);

	return ret == -EALREADY ? 0 : ret;
}

/* A group that a guest has is taken as well. */
static int apply_claim(struct group_cli *cli, char *const *devices, unsigned nr_devices)
{
	struct group_info info;
	int ret = group_info_find(cli->root, devices[0], &info, cli->log);

	if (!ret && !group_info_is(&info, "claimed") && !group_info_is(&info, "in-use"))
		ret = group_claim(cli, &info);
	group_info_exit(&info);
	return ret;
}

/* In the order in which they are applied. */
static const struct directive directives[] = {
	{ "merge", 2, GROUP_NAMES_MAX, apply_merge },
	{ "claim", 1, 1, apply_claim },
};

static void fail(struct apply *apply, int error)
{
	apply->result = apply->result ? apply->result : error;
}

static const struct directive *find_directive(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(directives); i++) {
		if (strcmp(directives[i].name, name) == 0)
			return &directives[i];
	}
	return NULL;
}

static int add_device(struct log *log, struct line *line, char *word)
{
	struct pci_address address;

	if (config_parse_pci_address(word, &address)) {
		log_error(log, "%.128s: not a PCI address; name a group by one of its devices, "
			  "such as 0001:01:00.0 (numbers of groups change from boot to boot)",
			  word);
		return -EINVAL;
	}
	if (line->nr_devices == line->directive->max_devices) {
		log_error(log, "%.128s is one device too many; %s takes %u", word,
			  line->directive->name, line->directive->max_devices);
		return -EINVAL;
	}
	line->devices[line->nr_devices++] = word;
	return 0;
}

/* Splits line->text. 0, 1 for a line that says nothing, or -EINVAL after a line on @log. */
static int parse_line(struct log *log, struct line *line)
{
	static const char blanks[] = " \t\r\v\f";
	char *save = NULL, *word;
	int ret = 0;

	line->text[strcspn(line->text, "#")] = '\0';
	word = strtok_r(line->text, blanks, &save);
	if (!word)
		return 1;
	line->directive = find_directive(word);
	if (!line->directive) {
		log_error(log, "%.128s: unknown; write `merge DEVICE DEVICE...` or `claim DEVICE`",
			  word);
		return -EINVAL;
	}
	while (!ret && (word = strtok_r(NULL, blanks, &save)))
		ret = add_device(log, line, word);
	if (!ret && line->nr_devices < line->directive->min_devices) {
		log_error(log, "%s needs %u devices or more, such as 0001:01:00.0",
			  line->directive->name, line->directive->min_devices);
		ret = -EINVAL;
	}
	return ret;
}

static void free_line(struct line *line)
{
	free(line->where);
	free(line->text);
}

static int add_line(struct apply *apply, const char *path, unsigned number, const char *text)
{
	struct log *log = apply->cli->log;
	struct line *lines, *line;
	int ret;

	lines = reallocarray(apply->lines, apply->nr_lines + 1, sizeof(*lines));
	if (!lines)
		return -ENOMEM;
	apply->lines = lines;
	line = &lines[apply->nr_lines];
	memset(line, 0, sizeof(*line));
	line->text = strdup(text);
	if (!line->text || asprintf(&line->where, "%s:%u: ", path, number) < 0) {
		free(line->text);
		return -ENOMEM;
	}
	log->where = line->where;
	ret = parse_line(log, line);
	log->where = NULL;
	if (ret)
		free_line(line);
	else
		apply->nr_lines++;
	return ret < 0 ? ret : 0;
}

static int read_lines(struct apply *apply, const char *path, char *text, size_t size)
{
	const char *end = text + size;
	unsigned number;
	int ret = 0;

	if (strlen(text) != size) {
		log_error(apply->cli->log, "%s: holds a NUL byte; write plain text", path);
		return -EINVAL;
	}
	for (number = 1; text < end; number++) {
		char *next = text + strcspn(text, "\n");
		int bad;

		*next = '\0';
		bad = add_line(apply, path, number, text);
		ret = ret ? ret : bad;
		text = next + 1;
	}
	return ret;
}

static void read_file(struct apply *apply, const char *path)
{
	ssize_t size;
	char *text = config_slurp(path, &size);

	if (!text) {
		log_error(apply->cli->log, "%s: %s; it is passed over", path,
			  size == -EFBIG ? "too large" : strerror((int)-size));
		fail(apply, (int)size);
		return;
	}
	fail(apply, read_lines(apply, path, text, (size_t)size));
	free(text);
}

static int is_configuration(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name), suffix = strlen(CONF_SUFFIX);

	return entry->d_name[0] != '.' && length > suffix &&
	       strcmp(entry->d_name + length - suffix, CONF_SUFFIX) == 0;
}

static void read_files(struct apply *apply)
{
	char folder[PATH_MAX / 2], path[PATH_MAX];
	struct dirent **entries;
	int count, i;

	snprintf(folder, sizeof(folder), "%s/devgroups.d", apply->cli->root->etc);
	count = scandir(folder, &entries, is_configuration, alphasort);
	if (count < 0) {
		int error = errno;

		if (error == ENOENT)
			return;		/* no folder asks for nothing */
		log_error(apply->cli->log, "%s: %s; make it a folder that can be read", folder,
			  strerror(error));
		fail(apply, -error);
		return;
	}
	for (i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		read_file(apply, path);
		free(entries[i]);
	}
	free(entries);
}

static void apply_lines(struct apply *apply, const struct directive *directive)
{
	struct group_cli *cli = apply->cli;

	for (unsigned i = 0; i < apply->nr_lines; i++) {
		struct line *line = &apply->lines[i];

		if (line->directive != directive)
			continue;
		cli->log->where = line->where;
		fail(apply, directive->apply(cli, line->devices, line->nr_devices));
	}
	cli->log->where = NULL;
}

int group_cli_apply(struct group_cli *cli)
{
	struct apply apply = { .cli = cli };

	read_files(&apply);
	for (size_t i = 0; i < ARRAY_SIZE(directives); i++)
		apply_lines(&apply, &directives[i]);
	for (unsigned i = 0; i < apply.nr_lines; i++)
		free_line(&apply.lines[i]);
	free(apply.lines);
	return apply.result;
}

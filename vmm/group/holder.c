// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which process has a group open, from what /proc shows of everybody's files.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/group/info.h"
#include "vmm/group/sysfs.h"

static bool is_process(const char *name)
{
	return name[strspn(name, "0123456789")] == '\0';
}

/* Has the process one of @files open? Of other users' processes only root sees that. */
static bool has_open(const struct host_root *root, const char *process, char files[2][PATH_MAX])
{
	char path[PATH_MAX], target[PATH_MAX];
	struct dirent *entry;
	bool found = false;
	ssize_t length;
	DIR *folder;

	snprintf(path, sizeof(path), "%s/%s/fd", root->proc, process);
	folder = opendir(path);
	while (!found && folder && (entry = readdir(folder))) {
		length = readlinkat(dirfd(folder), entry->d_name, target, sizeof(target) - 1);
		if (length < 0)
			continue;
		target[length] = '\0';
		found = strcmp(target, files[0]) == 0 || strcmp(target, files[1]) == 0;
	}
	if (folder)
		closedir(folder);
	return found;
}

static void describe(const struct host_root *root, const char *process, char *text, size_t size)
{
	char command[64];

	if (sysfs_read(command, sizeof(command), "%s/%s/comm", root->proc, process))
		strcpy(command, "?");
	snprintf(text, size, "%s %s", process, command);
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
	}
}

bool group_find_holder(const struct host_root *root, unsigned number, char *text, size_t size)
{
	char files[2][PATH_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *folder;

	text[0] = '\0';
	snprintf(files[0], sizeof(files[0]), "%s/vfio/%u", root->dev, number);
	snprintf(files[1], sizeof(files[1]), "%s/devgroup/%u", root->dev, number);
	folder = opendir(root->proc);
	while (!found && folder && (entry = readdir(folder))) {
		found = is_process(entry->d_name) && has_open(root, entry->d_name, files);
		if (found)
			describe(root, entry->d_name, text, size);
	}
	if (folder)
		closedir(folder);
	return found;
}

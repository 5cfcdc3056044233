// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading what the group driver, or else the kernel alone, says of groups.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/group/claim.h"
#include "vmm/group/info.h"
#include "vmm/group/sysfs.h"

#define DRIVER_FOLDER "devgroups"
#define KERNEL_FOLDER "kernel/iommu_groups"

bool group_driver_is_loaded(const struct host_root *root)
{
	char path[PATH_MAX];

	return sysfs_real_path(path, "%s/" DRIVER_FOLDER, root->sys) == 0;
}

static const char *groups_folder(const struct host_root *root)
{
	return group_driver_is_loaded(root) ? DRIVER_FOLDER : KERNEL_FOLDER;
}

/* Names of processes are anybody's choice; what they hold must not drive a terminal. */
static void make_printable(char *text)
{
	for (; *text; text++) {
		if (((unsigned char)*text < ' ' && *text != '\n') || *text == 0x7f)
			*text = '?';
	}
}

/* A driver of another age may lack the file: "". */
static void read_text(const struct group_info *info, const char *name, char *text, size_t size)
{
	if (sysfs_read(text, size, "%s/%s", info->path, name))
		text[0] = '\0';
	make_printable(text);
}

#define READ_TEXT(info, field) read_text(info, #field, (info)->field, sizeof((info)->field))

static int add_device(const struct host_root *root, const char *name, struct group_info *info)
{
	struct host_device *devices;
	int ret;

	devices = reallocarray(info->devices, info->nr_devices + 1, sizeof(*devices));
	if (!devices)
		return -ENOMEM;
	info->devices = devices;
	ret = host_device_read(root, name, &devices[info->nr_devices]);
	if (ret == -ENOENT || ret == -ENODEV)
		return 0;	/* unplugged since */
	info->nr_devices += !ret;
	return ret;
}

static int read_devices(const struct host_root *root, struct group_info *info)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int ret = 0;
	DIR *folder;

	snprintf(path, sizeof(path), "%s/devices", info->path);
	folder = opendir(path);
	if (!folder)
		return -errno;
	while (!ret && (entry = readdir(folder))) {
		if (entry->d_name[0] != '.')
			ret = add_device(root, entry->d_name, info);
	}
	closedir(folder);
	if (info->nr_devices)
		host_devices_sort(info->devices, info->nr_devices);
	return ret;
}

/* All devices that can be handed over are on vfio-pci (@all), or one is. */
static bool is_on_vfio(const struct group_info *info, bool all)
{
	unsigned i, count = 0, total = 0;

	for (i = 0; i < info->nr_devices; i++) {
		if (info->devices[i].is_bridge)
			continue;
		total++;
		count += strcmp(info->devices[i].driver, "vfio-pci") == 0;
	}
	return all ? total && count == total : count;
}

/* Without the group driver: VFIO has it, or would get it, or not. */
static void work_out_state(const struct host_root *root, struct group_info *info)
{
	const char *state = "free";

	/* To open the group would tell for sure, but keep others from it for that moment. */
	if (is_on_vfio(info, false) &&
	    group_find_holder(root, info->number, info->owner, sizeof(info->owner)))
		state = "in-use";
	else if (is_on_vfio(info, true))
		state = "claimed";
	strcpy(info->state, state);
	if (info->nr_devices == 1)
		strcpy(info->reason, "isolated from all other devices");
}

static void read_state(const struct host_root *root, struct group_info *info)
{
	if (!info->by_driver) {
		work_out_state(root, info);
		return;
	}
	READ_TEXT(info, state);
	READ_TEXT(info, owner);
	READ_TEXT(info, reason);
	READ_TEXT(info, members);
	READ_TEXT(info, capabilities);
	READ_TEXT(info, dma_windows);
	/* The driver's own files say nothing of VFIO's users. */
	if (!info->owner[0] && group_info_is(info, "in-use"))
		group_find_holder(root, info->number, info->owner, sizeof(info->owner));
}

static int read_group(const struct host_root *root, unsigned number, struct group_info *info)
{
	const char *folder = groups_folder(root);
	int ret;

	memset(info, 0, sizeof(*info));
	info->number = number;
	info->by_driver = strcmp(folder, DRIVER_FOLDER) == 0;
	if (snprintf(info->path, sizeof(info->path), "%s/%s/%u", root->sys, folder, number) >=
	    (int)sizeof(info->path))
		return -ENAMETOOLONG;
	ret = read_devices(root, info);
	if (!ret)
		read_state(root, info);
	if (ret)
		group_info_exit(info);
	return ret;
}

void group_info_exit(struct group_info *info)
{
	free(info->devices);
	info->devices = NULL;
	info->nr_devices = 0;
}

static int add_group(const struct host_root *root, const char *name, struct group_list *list)
{
	struct group_info *groups;
	uint64_t number;
	int ret;

	/* The driver's folder has files of its own beside the groups. */
	if (config_parse_number(name, UINT32_MAX, &number))
		return 0;
	groups = reallocarray(list->groups, list->count + 1, sizeof(*groups));
	if (!groups)
		return -ENOMEM;
	list->groups = groups;
	ret = read_group(root, (unsigned)number, &groups[list->count]);
	if (ret == -ENOENT)
		return 0;	/* gone since */
	list->count += !ret;
	return ret;
}

int group_list_read(const struct host_root *root, struct group_list *list, struct log *log)
{
	struct dirent **entries;
	char path[PATH_MAX];
	int count, i, ret = 0;

	memset(list, 0, sizeof(*list));
	snprintf(path, sizeof(path), "%s/%s", root->sys, groups_folder(root));
	count = scandir(path, &entries, NULL, versionsort);
	if (count < 0) {
		ret = -errno;
		log_error(log, "%s: %s; check that the host's IOMMU is on", path, strerror(-ret));
		return ret;
	}
	for (i = 0; i < count; i++) {
		if (!ret)
			ret = add_group(root, entries[i]->d_name, list);
		free(entries[i]);
	}
	free(entries);
	if (ret)
		log_error(log, "cannot read the groups in %s: %s", path, strerror(-ret));
	return ret;
}

void group_list_exit(struct group_list *list)
{
	while (list->count)
		group_info_exit(&list->groups[--list->count]);
	free(list->groups);
	list->groups = NULL;
}

/* Is @number a word of @members? */
static bool has_member(char *members, unsigned number)
{
	char text[16], *save = NULL, *word;

	snprintf(text, sizeof(text), "%u", number);
	for (word = strtok_r(members, " \n", &save); word; word = strtok_r(NULL, " \n", &save)) {
		if (strcmp(word, text) == 0)
			return true;
	}
	return false;
}

/* The group that @number was merged into. */
static bool find_merged(const struct host_root *root, unsigned *number)
{
	char path[PATH_MAX], members[sizeof(((struct group_info *)0)->members)];
	struct dirent *entry;
	uint64_t other;
	bool found = false;
	DIR *folder;

	snprintf(path, sizeof(path), "%s/" DRIVER_FOLDER, root->sys);
	folder = opendir(path);
	while (!found && folder && (entry = readdir(folder))) {
		if (config_parse_number(entry->d_name, UINT32_MAX, &other) ||
		    sysfs_read(members, sizeof(members), "%s/%s/members", path, entry->d_name))
			continue;
		found = has_member(members, *number);
	}
	if (found)
		*number = (unsigned)other;
	if (folder)
		closedir(folder);
	return found;
}

static int read_named(const struct host_root *root, unsigned number, struct group_info *info,
		      struct log *log)
{
	int ret = read_group(root, number, info);

	if (ret == -ENOENT && find_merged(root, &number))
		ret = read_group(root, number, info);
	if (ret == -ENOENT)
		log_error(log, "no group %u on this host; `pvmm group list` shows which there are",
			  number);
	else if (ret)
		log_error(log, "cannot read group %u in %s/%s: %s", number, root->sys,
			  groups_folder(root), strerror(-ret));
	return ret;
}

/* A path below one of the folders of groups, by whatever links. */
static int parse_path(const struct host_root *root, const char *name, unsigned *number)
{
	static const char *const folders[] = {DRIVER_FOLDER, KERNEL_FOLDER};
	char path[PATH_MAX], groups[PATH_MAX];
	uint64_t value;
	unsigned i;
	int ret = sysfs_real_path(path, "%s", name);

	if (ret)
		return ret;
	for (i = 0; i < ARRAY_SIZE(folders); i++) {
		if (sysfs_real_path(groups, "%s/%s", root->sys, folders[i]) ||
		    !sysfs_is_below(path, groups) || path[strlen(groups)] != '/' ||
		    config_parse_number(path + strlen(groups) + 1, UINT32_MAX, &value))
			continue;
		*number = (unsigned)value;
		return 0;
	}
	return -EINVAL;
}

int group_info_find(const struct host_root *root, const char *name, struct group_info *info,
		    struct log *log)
{
	struct pci_address address;
	uint64_t value;
	unsigned number;
	int ret = 0;

	memset(info, 0, sizeof(*info));
	if (config_parse_number(name, UINT32_MAX, &value) == 0) {
		number = (unsigned)value;
	} else if (config_parse_pci_address(name, &address) == 0) {
		ret = host_group_of_device(root, &address, &number, log);
	} else {
		ret = parse_path(root, name, &number);
		if (ret)
			log_error(log, "%.128s: %s; give a group's number, its folder or the PCI "
				  "address of a device in it (`pvmm group list` shows them)", name,
				  ret == -ENOENT ? "no such group" : "not a group");
	}
	return ret ? ret : read_named(root, number, info, log);
}

bool group_info_is(const struct group_info *info, const char *state)
{
	return strcmp(info->state, state) == 0;
}

unsigned group_info_count_members(const struct group_info *info)
{
	char members[sizeof(info->members)], *save = NULL, *word;
	unsigned count = 0;

	strcpy(members, info->members);
	for (word = strtok_r(members, " \n", &save); word; word = strtok_r(NULL, " \n", &save))
		count++;
	return count ? count : 1;
}

void group_info_former_driver(const struct host_root *root, const struct group_info *info,
			      const struct host_device *device, char *driver, size_t size)
{
	if (claim_former_driver(root, device->name, driver, size) == 0)
		return;
	if (!info->by_driver ||
	    sysfs_read(driver, size, "%s/devices/%s/driver_before", info->path, device->name))
		driver[0] = '\0';
}

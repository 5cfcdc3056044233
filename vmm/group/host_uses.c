// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What on the host uses a PCI device right now: filesystems and swap on its disks, block
 * devices stacked on them (device-mapper, md), folders shared over it (9p), network interfaces
 * that are up or have addresses.
 *
 * Block devices are followed from the user down to the PCI device: a stacked device has
 * links to what it stands on in slaves/, a partition lies in its disk's folder, and an NVMe
 * disk with several paths lies in a subsystem with a link to each controller.
 */
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/group/host_check.h"
#include "vmm/group/sysfs.h"

#define STACK_MAX 8	/* how deep block devices are followed */

struct user {
	struct host_check *check;
	const char *folder;	/* real path of the PCI device */
	const struct host_device *device;
};

/* Something to mount that stands, directly or not, on the PCI device. */
struct block {
	const char *name;	/* "nvme0n1p1", or the tag of a share */
	bool is_share;		/* no block device, but a folder of somebody else's, by 9p */
	char number[32];	/* "259:1"; "": of a share */
	char path[PATH_MAX];	/* real path in sysfs */
};

static bool stands_on(const char *path, const char *folder, unsigned depth);

/* Does a link in @path/@sub lead to, or stand on, @folder? */
static bool link_stands_on(const char *path, const char *sub, const char *folder, unsigned depth)
{
	char links[PATH_MAX], target[PATH_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	if (snprintf(links, sizeof(links), "%s/%s", path, sub) >= PATH_MAX)
		return false;
	dir = opendir(links);
	if (!dir)
		return false;
	while (!found && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.' && entry->d_type != DT_REG &&
		    sysfs_real_path(target, "%s/%s", links, entry->d_name) == 0 &&
		    !sysfs_is_below(target, path))
			found = stands_on(target, folder, depth + 1);
	}
	closedir(dir);
	return found;
}

static bool subsystem_stands_on(const char *path, const char *folder, unsigned depth)
{
	const char *mark = "/nvme-subsystem/", *found = strstr(path, mark);
	char subsystem[PATH_MAX];
	size_t length;

	if (!found)
		return false;
	length = (size_t)(found - path) + strlen(mark);
	length += strcspn(path + length, "/");
	memcpy(subsystem, path, length);
	subsystem[length] = '\0';
	return link_stands_on(subsystem, ".", folder, depth);
}

static bool disk_stands_on(const char *partition, const char *folder, unsigned depth)
{
	char path[PATH_MAX], file[PATH_MAX];

	if (snprintf(file, sizeof(file), "%s/partition", partition) >= PATH_MAX ||
	    access(file, F_OK))
		return false;
	strcpy(path, partition);
	*strrchr(path, '/') = '\0';
	return stands_on(path, folder, depth + 1);
}

static bool stands_on(const char *path, const char *folder, unsigned depth)
{
	if (sysfs_is_below(path, folder))
		return true;
	if (depth >= STACK_MAX)
		return false;
	return link_stands_on(path, "slaves", folder, depth) ||
	       disk_stands_on(path, folder, depth) ||
	       subsystem_stands_on(path, folder, depth);
}

/* Undoes \040 and the like of /proc; what does not print becomes '?'. */
static void unescape(char *text)
{
	char *out = text;

	while (*text) {
		if (text[0] == '\\' && strspn(text + 1, "01234567") >= 3) {
			*out = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 |
				      (text[3] - '0'));
			text += 4;
		} else {
			*out = *text++;
		}
		if ((unsigned char)*out < ' ' || *out == 0x7f)
			*out = '?';
		out++;
	}
	*out = '\0';
}

void host_quote(char *quoted, size_t size, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789/._-+:,@%";
	size_t length = 0;

	if (text[strspn(text, plain)] == '\0') {
		snprintf(quoted, size, "%s", text);
		return;
	}
	quoted[length++] = '\'';
	for (; *text && length + 6 < size; text++) {
		if (*text == '\'')
			length += (size_t)sprintf(quoted + length, "'\\''");
		else
			quoted[length++] = *text;
	}
	quoted[length++] = '\'';
	quoted[length] = '\0';
}

/* Is @source, a name as mount or swapon got it, the block device? */
static bool names_block(const struct user *user, const char *source, const struct block *block)
{
	char path[PATH_MAX];
	const char *name;

	if (block->is_share)
		return strcmp(source, block->name) == 0;
	if (strncmp(source, "/dev/", 5) != 0)
		return false;
	name = source + 5;
	if (sysfs_real_path(path, "%s/%s", user->check->root->dev, name) == 0)
		name = strrchr(path, '/') + 1;
	return strcmp(name, block->name) == 0;
}

/*
 * A line is: id parent major:minor root mountpoint options... - type source options. The
 * number is not the disk's for btrfs, so the source counts as well.
 */
static bool parse_mount(char *line, char **number, char **point, char **source)
{
	char *tail = strstr(line, " - "), *save = NULL;
	unsigned i;

	if (!tail)
		return false;
	*tail = '\0';
	strtok_r(line, " ", &save);
	for (i = 0; i < 4; i++) {
		char *field = strtok_r(NULL, " ", &save);

		if (!field)
			return false;
		if (i == 1)
			*number = field;
		*point = field;
	}
	strtok_r(tail + 3, " \n", &save);
	*source = strtok_r(NULL, " \n", &save);
	return *source != NULL;
}

static void report_mount(const struct user *user, const struct block *block, const char *point)
{
	struct host_blocker blocker = {.kind = HOST_BLOCKER_MOUNT, .device = user->device};
	char quoted[PATH_MAX];

	host_quote(quoted, sizeof(quoted), point);
	host_blocker_fix(&blocker, "umount %s", quoted);
	host_check_report(user->check, &blocker, "has %s mounted on %s", block->name, point);
}

static bool report_mounts(const struct user *user, const struct block *block)
{
	char path[PATH_MAX], *line = NULL, *number, *point, *source;
	bool found = false;
	size_t size = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/self/mountinfo", user->check->root->proc);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (getline(&line, &size, file) > 0) {
		if (!parse_mount(line, &number, &point, &source))
			continue;
		unescape(source);
		if (strcmp(number, block->number) != 0 && !names_block(user, source, block))
			continue;
		unescape(point);
		report_mount(user, block, point);
		found = true;
	}
	free(line);
	fclose(file);
	return found;
}

static bool report_swap(const struct user *user, const struct block *block)
{
	struct host_blocker blocker = {.kind = HOST_BLOCKER_SWAP, .device = user->device};
	char path[PATH_MAX], quoted[PATH_MAX], *line = NULL;
	bool found = false;
	size_t size = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/swaps", user->check->root->proc);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (getline(&line, &size, file) > 0) {
		line[strcspn(line, " \t\n")] = '\0';
		unescape(line);
		if (!names_block(user, line, block))
			continue;
		host_quote(quoted, sizeof(quoted), line);
		host_blocker_fix(&blocker, "swapoff %s", quoted);
		host_check_report(user->check, &blocker, "has swap on %s", block->name);
		found = true;
	}
	free(line);
	fclose(file);
	return found;
}

/* A btrfs of several disks names only one of them in the list of mounts. */
static void report_btrfs(const struct user *user, const struct block *block)
{
	struct host_blocker blocker = {.kind = HOST_BLOCKER_MOUNT, .device = user->device};
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/fs/btrfs", user->check->root->sys);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (snprintf(path, sizeof(path), "%s/fs/btrfs/%s/devices/%s",
			     user->check->root->sys, entry->d_name, block->name) >= PATH_MAX ||
		    access(path, F_OK))
			continue;
		host_blocker_advise(&blocker, "unmount it (findmnt UUID=%s shows where)",
				    entry->d_name);
		host_check_report(user->check, &blocker, "has %s in the mounted btrfs %s",
				  block->name, entry->d_name);
	}
	closedir(dir);
}

static void report_stacked(const struct user *user, const struct block *block)
{
	struct host_blocker blocker = {.kind = HOST_BLOCKER_STACKED, .device = user->device};
	char name[128], quoted[4 * sizeof(name)];

	/* Its own disk, by whatever path, or a partition of what is reported by itself. */
	if (sysfs_is_below(block->path, user->folder) || strstr(block->path, "/nvme-subsystem/") ||
	    sysfs_read(name, sizeof(name), "%s/partition", block->path) == 0)
		return;
	if (sysfs_read(name, sizeof(name), "%s/dm/name", block->path) == 0) {
		host_quote(quoted, sizeof(quoted), name);
		host_blocker_fix(&blocker, "dmsetup remove %s", quoted);
		host_check_report(user->check, &blocker, "is part of %s (%s)", block->name, name);
		return;
	}
	if (strncmp(block->name, "md", 2) == 0)
		host_blocker_fix(&blocker, "mdadm --stop /dev/%s", block->name);
	else
		host_blocker_advise(&blocker, "stop that device first");
	host_check_report(user->check, &blocker, "is part of %s", block->name);
}

static void report_block(struct user *user, const char *name)
{
	struct host_check *check = user->check;
	struct block block = {.name = name};

	if (sysfs_real_path(block.path, "%s/class/block/%s", check->root->sys, name) ||
	    !stands_on(block.path, user->folder, 0) ||
	    sysfs_read(block.number, sizeof(block.number), "%s/dev", block.path))
		return;
	if (!report_mounts(user, &block) && !report_swap(user, &block))
		report_btrfs(user, &block);
	report_stacked(user, &block);
}

/* A virtio device offers a share by a tag, which is all that a mount of it shows. */
static void report_shares(struct user *user)
{
	char tag[256];
	struct block share = {.name = tag, .is_share = true};
	struct dirent *entry;
	DIR *dir = opendir(user->folder);

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (strncmp(entry->d_name, "virtio", 6) == 0 &&
		    sysfs_read(tag, sizeof(tag), "%s/%s/mount_tag", user->folder,
			       entry->d_name) == 0)
			report_mounts(user, &share);
	}
	closedir(dir);
}

/* Addresses stay with an interface that goes down, and come back with it. */
static void report_interface(struct user *user, const char *name)
{
	struct host_blocker blocker = {.kind = HOST_BLOCKER_INTERFACE, .device = user->device};
	char path[PATH_MAX], addresses[256], quoted[64];
	uint64_t flags;
	bool is_up;

	if (sysfs_real_path(path, "%s/class/net/%s", user->check->root->sys, name) ||
	    !sysfs_is_below(path, user->folder) || sysfs_read_number(&flags, "%s/flags", path))
		return;
	host_interface_addresses(name, addresses, sizeof(addresses));
	is_up = flags & IFF_UP;
	if (!is_up && !addresses[0])
		return;
	host_quote(quoted, sizeof(quoted), name);
	if (!addresses[0])
		host_blocker_fix(&blocker, "ip link set %s down", quoted);
	else if (is_up)
		host_blocker_fix(&blocker, "ip link set %s down && ip address flush dev %s",
				 quoted, quoted);
	else
		host_blocker_fix(&blocker, "ip address flush dev %s", quoted);
	host_check_report(user->check, &blocker, "has the network interface %s, which %s%s%s",
			  name, is_up ? "is up" : "has", addresses[0] ? is_up ? " with " : " " : "",
			  addresses);
}

static int is_entry(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* In order of name: a report reads the same each time. */
static void for_each_class(struct user *user, const char *class,
			   void (*report)(struct user *, const char *))
{
	struct dirent **entries;
	char path[PATH_MAX];
	int count, i;

	snprintf(path, sizeof(path), "%s/class/%s", user->check->root->sys, class);
	count = scandir(path, &entries, is_entry, versionsort);
	if (count < 0)
		return;
	for (i = 0; i < count; i++) {
		report(user, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}

void host_check_uses(struct host_check *check, const struct host_device *device)
{
	char folder[PATH_MAX];
	struct user user = {.check = check, .folder = folder, .device = device};

	if (sysfs_real_path(folder, "%s/bus/%s/devices/%s", check->root->sys,
			    host_device_bus(device), device->name))
		return;
	for_each_class(&user, "block", report_block);
	report_shares(&user);
	for_each_class(&user, "net", report_interface);
}

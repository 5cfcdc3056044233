// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Records of claimed devices below the runtime folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/group/claim_record.h"

static int record_path(const struct host_root *root, const char *bdf, char path[PATH_MAX])
{
	int length = snprintf(path, PATH_MAX, "%s/pvmm/claims/%s", root->run, bdf);

	return length < 0 || length >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int make_folder(const struct host_root *root, const char *name)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", root->run, name) >= PATH_MAX)
		return -ENAMETOOLONG;
	return mkdir(path, 0755) && errno != EEXIST ? -errno : 0;
}

#define KEPT_LINE "kept\n"
#define RECORD_SIZE (2 * CLAIM_NAME_SIZE + sizeof(KEPT_LINE))

/* A driver's name becomes a part of a path later. */
static bool is_name(const char *text)
{
	return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		      "0123456789_-+. ") == strlen(text) && text[0] != '.';
}

static int parse_record(struct claim_record *record, char *text)
{
	char *end = strchr(text, '\n');
	char *override = end ? end + 1 : NULL;

	if (!end)
		return -EBADMSG;
	*end = '\0';
	end = strchr(override, '\n');
	if (!end || (end[1] && strcmp(end + 1, KEPT_LINE) != 0))
		return -EBADMSG;
	*end = '\0';
	record->kept = end[1];
	if (!is_name(text) || !is_name(override) || strlen(text) >= CLAIM_NAME_SIZE ||
	    strlen(override) >= CLAIM_NAME_SIZE)
		return -EBADMSG;
	strcpy(record->driver, text);
	strcpy(record->override, override);
	return 0;
}

/* An empty file is one whose maker died before it touched the device: as good as none. */
static int read_record(struct claim_record *record)
{
	char text[RECORD_SIZE + 1];
	ssize_t length = pread(record->fd, text, sizeof(text) - 1, 0);

	if (length < 0)
		return -errno;
	text[length] = '\0';
	record->found = length > 0;
	return length ? parse_record(record, text) : 0;
}

/* Locked, but the owner deleted it between our open and our lock: -EAGAIN. */
static int lock_record(struct claim_record *record)
{
	struct stat status;

	if (flock(record->fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? -EALREADY : -errno;
	if (fstat(record->fd, &status))
		return -errno;
	return status.st_nlink ? 0 : -EAGAIN;
}

static int open_record(const char *path, bool create, struct claim_record *record)
{
	int ret;

	record->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0), 0644);
	if (record->fd < 0)
		return -errno;
	ret = lock_record(record);
	if (!ret)
		ret = read_record(record);
	if (ret)
		claim_record_close(record);
	return ret;
}

int claim_record_open(const struct host_root *root, const char *bdf, bool create,
		      struct claim_record *record)
{
	char path[PATH_MAX];
	int ret = 0;

	memset(record, 0, sizeof(*record));
	record->fd = -1;
	if (create) {
		ret = make_folder(root, "pvmm");
		if (!ret)
			ret = make_folder(root, "pvmm/claims");
	}
	if (!ret)
		ret = record_path(root, bdf, path);
	if (ret)
		return ret;
	do {
		ret = open_record(path, create, record);
	} while (ret == -EAGAIN);
	return ret;
}

int claim_record_peek(const struct host_root *root, const char *bdf, struct claim_record *record)
{
	char path[PATH_MAX];
	int ret;

	memset(record, 0, sizeof(*record));
	record->fd = -1;
	ret = record_path(root, bdf, path);
	if (ret)
		return ret;
	record->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (record->fd < 0)
		return -errno;
	ret = read_record(record);
	claim_record_close(record);
	if (!ret && !record->found)
		ret = -ENOENT;
	return ret;
}

int claim_record_write(const struct claim_record *record)
{
	char text[RECORD_SIZE] = "";
	ssize_t written;

	snprintf(text, sizeof(text), "%s\n%s\n%s", record->driver, record->override,
		 record->kept ? KEPT_LINE : "");
	/* In one write, and all of one size: what was there may be all that is known of the device. */
	written = pwrite(record->fd, text, sizeof(text), 0);
	if (written < 0)
		return -errno;
	return written < (ssize_t)sizeof(text) ? -ENOSPC : 0;
}

void claim_record_close(struct claim_record *record)
{
	if (record->fd >= 0)
		close(record->fd);
	record->fd = -1;
}

void claim_record_remove(const struct host_root *root, const char *bdf,
			 struct claim_record *record)
{
	char path[PATH_MAX];

	if (record_path(root, bdf, path) == 0)
		unlink(path);
	claim_record_close(record);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading and writing the host's small text files and links.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/group/sysfs.h"

/*
 * Formats into the array @path: 0 or -ENAMETOOLONG. A macro, since only the function that was
 * given them can take the arguments behind @path_format, its last named parameter.
 */
#define FORMAT_PATH(path, path_format)						\
	({									\
		va_list args;							\
		int length;							\
										\
		va_start(args, path_format);					\
		length = vsnprintf(path, sizeof(path), path_format, args);	\
		va_end(args);							\
		length < 0 || length >= (int)sizeof(path) ? -ENAMETOOLONG : 0;	\
	})

static int read_file(char *text, size_t size, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;
	int ret;

	if (fd < 0)
		return -errno;
	length = read(fd, text, size - 1);
	ret = length < 0 ? -errno : 0;
	close(fd);
	if (ret)
		return ret;
	while (length > 0 && strchr(" \t\n", text[length - 1]))
		length--;
	text[length] = '\0';
	return 0;
}

int sysfs_read(char *text, size_t size, const char *path_format, ...)
{
	char path[PATH_MAX];
	int ret = FORMAT_PATH(path, path_format);

	return ret ? ret : read_file(text, size, path);
}

ssize_t sysfs_read_bytes(void *data, size_t size, const char *path_format, ...)
{
	char path[PATH_MAX];
	int fd, ret = FORMAT_PATH(path, path_format);
	ssize_t length;

	if (ret)
		return ret;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	length = read(fd, data, size);
	if (length < 0)
		length = -errno;
	close(fd);
	return length;
}

int sysfs_read_number(uint64_t *value, const char *path_format, ...)
{
	char path[PATH_MAX], text[64], *end;
	int ret = FORMAT_PATH(path, path_format);

	if (!ret)
		ret = read_file(text, sizeof(text), path);
	if (ret)
		return ret;
	errno = 0;
	*value = strtoull(text, &end, 0);
	return errno || end == text || *end ? -EINVAL : 0;
}

int sysfs_link_name(char *name, size_t size, const char *path_format, ...)
{
	char path[PATH_MAX], target[PATH_MAX];
	int ret = FORMAT_PATH(path, path_format);
	const char *last;
	ssize_t length;

	if (ret)
		return ret;
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return -errno;
	target[length] = '\0';
	last = strrchr(target, '/');
	last = last ? last + 1 : target;
	if (strlen(last) >= size)
		return -ENAMETOOLONG;
	strcpy(name, last);
	return 0;
}

int sysfs_real_path(char path[PATH_MAX], const char *path_format, ...)
{
	char given[PATH_MAX];
	int ret = FORMAT_PATH(given, path_format);

	if (ret)
		return ret;
	return realpath(given, path) ? 0 : -errno;
}

int sysfs_write(const char *text, const char *path_format, ...)
{
	char path[PATH_MAX];
	int fd, ret = FORMAT_PATH(path, path_format);
	ssize_t written;

	if (ret)
		return ret;
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	written = write(fd, text, strlen(text));
	if (written < 0)
		ret = -errno;
	else if ((size_t)written != strlen(text))
		ret = -EIO;
	close(fd);
	return ret;
}

bool sysfs_is_below(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	return strncmp(path, folder, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading and writing the host's small text files (sysfs attributes) and links. Paths are
 * printf formats. Functions return 0 or a negative errno.
 */
#ifndef PVMM_GROUP_SYSFS_H
#define PVMM_GROUP_SYSFS_H

#include <limits.h>
#include <sys/types.h>

#include "vmm/util.h"

/* The file's first @size - 1 bytes, without trailing white space. */
int sysfs_read(char *text, size_t size, const char *path_format, ...) PRINTF(3, 4);
/* As many bytes as there are and fit: how many, or a negative errno. */
ssize_t sysfs_read_bytes(void *data, size_t size, const char *path_format, ...) PRINTF(3, 4);
/* A number, decimal or with 0x; -EINVAL when the file holds something else. */
int sysfs_read_number(uint64_t *value, const char *path_format, ...) PRINTF(2, 3);
/* The last part of what a link points at; -ENAMETOOLONG when it does not fit. */
int sysfs_link_name(char *name, size_t size, const char *path_format, ...) PRINTF(3, 4);
/* The path with every link followed. */
int sysfs_real_path(char path[PATH_MAX], const char *path_format, ...) PRINTF(2, 3);
/* One write() of the whole text to a file that exists. */
int sysfs_write(const char *text, const char *path_format, ...) PRINTF(2, 3);

/* Is @path the folder @folder or below it? Both real paths. */
bool sysfs_is_below(const char *path, const char *folder);

#endif

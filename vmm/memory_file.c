/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening the file behind guest memory: one of the operator's, or one of huge pages. */
#include "vmm/memory_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "vmm/group/sysfs.h"

#define FOLDER_SIZE 128
#define SIZE_TEXT 24

/* What opening needs to know and to say. */
struct opener {
	struct memory_file *file;
	const struct vm_config *config;
	const struct host_root *root;
	struct log *log;
};

/* "2M", as it is written for --memory. */
static const char *size_text(char text[SIZE_TEXT], uint64_t size)
{
	static const char suffixes[] = "KMGT";
	unsigned step = 0;

	size /= KIB;
	while (size && size % 1024 == 0 && step < 3) {
		size /= 1024;
		step++;
	}
	snprintf(text, SIZE_TEXT, "%llu%c", (unsigned long long)size, suffixes[step]);
	return text;
}

/* The sizes of huge pages that the host has: "2M 1G"; "" when it has none. */
static void list_page_sizes(const struct host_root *root, char *text, size_t size)
{
	char path[FOLDER_SIZE], one[SIZE_TEXT];
	unsigned long long kib;
	struct dirent *entry;
	size_t used = 0;
	DIR *folder;

	text[0] = '\0';
	snprintf(path, sizeof(path), "%s/kernel/mm/hugepages", root->sys);
	folder = opendir(path);
	while (folder && (entry = readdir(folder))) {
		if (sscanf(entry->d_name, "hugepages-%llukB", &kib) == 1 && used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? " " : "",
						 size_text(one, kib * KIB));
	}
	if (folder)
		closedir(folder);
}

static int complain_page_size(const struct opener *opener)
{
	char sizes[128], wanted[SIZE_TEXT];

	list_page_sizes(opener->root, sizes, sizeof(sizes));
	size_text(wanted, opener->config->hugepages);
	if (*sizes)
		log_error(opener->log, "--memory hugepages=%s: this host has no such pages; it has "
			  "%s", wanted, sizes);
	else
		log_error(opener->log, "--memory hugepages=%s: this host has no huge pages; leave "
			  "hugepages= out", wanted);
	return -ENODEV;
}

/* The pages that a failed attempt got are free again. */
static int complain_few_pages(const struct opener *opener)
{
	uint64_t page = 1ULL << opener->file->page_shift;
	uint64_t needed = opener->config->memory / page, all = 0, unused = 0, promised = 0;
	char folder[FOLDER_SIZE], of[64] = "kernel/mm", text[SIZE_TEXT];

	if (opener->config->memory_node >= 0)
		snprintf(of, sizeof(of), "devices/system/node/node%d",
			 opener->config->memory_node);
	snprintf(folder, sizeof(folder), "%s/%s/hugepages/hugepages-%llukB", opener->root->sys, of,
		 (unsigned long long)(page / KIB));
	(void)sysfs_read_number(&all, "%s/nr_hugepages", folder);
	(void)sysfs_read_number(&unused, "%s/free_hugepages", folder);
	(void)sysfs_read_number(&promised, "%s/resv_hugepages", folder);	/* no node has it */
	unused = unused > promised ? unused - promised : 0;
	if (unused >= needed)
		log_error(opener->log, "--memory: the host refuses %llu huge pages of %s, though "
			  "it has them; look at this process's hugetlb cgroup and cpuset",
			  (unsigned long long)needed, size_text(text, page));
	else
		log_error(opener->log, "--memory: %llu huge pages of %s are needed and %llu are "
			  "free; reserve more: echo %llu > %s/nr_hugepages",
			  (unsigned long long)needed, size_text(text, page),
			  (unsigned long long)unused,
			  (unsigned long long)(all + needed - unused), folder);
	return -ENOMEM;
}

static int open_huge(const struct opener *opener)
{
	struct memory_file *file = opener->file;
	unsigned shift = (unsigned)__builtin_ctzll(opener->config->hugepages);

	file->page_shift = shift;
	file->fd = memfd_create("pvmm-guest",
				MFD_CLOEXEC | MFD_HUGETLB | shift << MFD_HUGE_SHIFT);
	if (file->fd >= 0)
		return 0;
	if (errno == ENODEV || errno == EINVAL || errno == ENOSYS || errno == ENOENT)
		return complain_page_size(opener);
	log_error(opener->log, "--memory hugepages=: %s", strerror(errno));
	return -errno;
}

/* @made: the file was not there before. Never waits for a pipe's reader. */
static int open_path(const struct opener *opener, bool *made)
{
	const char *path = opener->config->memory_file;
	int flags = O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	int error;

	opener->file->fd = open(path, flags);
	*made = opener->file->fd < 0 && errno == ENOENT;
	if (*made)
		opener->file->fd = open(path, flags | O_CREAT | O_EXCL, 0600);
	if (opener->file->fd >= 0)
		return 0;
	error = -errno;
	log_error(opener->log, "--memory file=%s: %s; name a file that can be written", path,
		  strerror(-error));
	return error;
}

static int refuse_path(const struct opener *opener, int error, const char *why)
{
	log_error(opener->log, "--memory file=%s: %s", opener->config->memory_file, why);
	return error;
}

/* What kind of pages it has. Devices cannot keep those of a disk's files: the kernel must be
 * able to write them back at any time (FOLL_LONGTERM, mm/gup.c). */
static int check_pages(const struct opener *opener)
{
	const struct vm_config *config = opener->config;
	struct statfs fs;

	if (fstatfs(opener->file->fd, &fs))
		return refuse_path(opener, -errno, strerror(errno));
	opener->file->page_shift = (unsigned)__builtin_ctzl((unsigned long)sysconf(_SC_PAGESIZE));
	if ((unsigned long)fs.f_type == HUGETLBFS_MAGIC)
		opener->file->page_shift = (unsigned)__builtin_ctzl((unsigned long)fs.f_bsize);
	else if (config->nr_groups && (unsigned long)fs.f_type != TMPFS_MAGIC)
		return refuse_path(opener, -EINVAL, "devices cannot use memory of a file on a "
				   "disk; take one on tmpfs (/dev/shm) or hugetlbfs");
	if (!is_aligned(config->memory, 1ULL << opener->file->page_shift)) {
		char page[SIZE_TEXT];

		log_error(opener->log, "--memory file=%s: its pages are of %s; give a multiple "
			  "of that", config->memory_file,
			  size_text(page, 1ULL << opener->file->page_shift));
		return -EINVAL;
	}
	return 0;
}

static int check_path(const struct opener *opener)
{
	uint64_t wanted = opener->config->memory;
	char is[SIZE_TEXT], shall[SIZE_TEXT];
	struct stat stat;

	if (fstat(opener->file->fd, &stat))
		return refuse_path(opener, -errno, strerror(errno));
	if (!S_ISREG(stat.st_mode))
		return refuse_path(opener, -EINVAL, "not a regular file; name one, or one that "
				   "does not exist yet");
	if (stat.st_uid != geteuid() || stat.st_mode & (S_IWGRP | S_IWOTH))
		return refuse_path(opener, -EPERM, "another user may write to it, and so to the "
				   "guest's memory; remove it, or chown it to this user and chmod "
				   "go-w it");
	if (flock(opener->file->fd, LOCK_EX | LOCK_NB))
		return refuse_path(opener, -EBUSY, "another guest uses it; name a file of its own "
				   "for each");
	if (stat.st_size && (uint64_t)stat.st_size != wanted) {
		log_error(opener->log, "--memory file=%s: it has %s, not %s; remove it, or give "
			  "its size", opener->config->memory_file,
			  size_text(is, (uint64_t)stat.st_size), size_text(shall, wanted));
		return -EINVAL;
	}
	opener->file->used = stat.st_size;
	return check_pages(opener);
}

static bool has_huge_pages(const struct memory_file *file)
{
	return 1ULL << file->page_shift != (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Takes every page or block now. A file system that cannot promise any gives them later. */
static int reserve(const struct opener *opener)
{
	off_t size = (off_t)opener->config->memory;
	int error = 0;

	if (ftruncate(opener->file->fd, size))
		error = -errno;
	while (!error && fallocate(opener->file->fd, 0, 0, size) && errno != EOPNOTSUPP) {
		if (errno != EINTR)
			error = -errno;
	}
	return error;
}

static int complain_reserve(const struct opener *opener, int error)
{
	char size[SIZE_TEXT];

	if (has_huge_pages(opener->file) && (error == -ENOSPC || error == -ENOMEM))
		return complain_few_pages(opener);
	log_error(opener->log, "--memory file=%s: cannot get %s for it: %s%s",
		  opener->config->memory_file, size_text(size, opener->config->memory),
		  strerror(-error), error == -ENOSPC ? "; make room there" : "");
	return error;
}

/* Gives up what a failure leaves: a file is as it was. */
static void forget(const struct opener *opener, bool made, bool emptied)
{
	if (made)
		unlink(opener->config->memory_file);
	else if (emptied && ftruncate(opener->file->fd, 0))
		log_warn(opener->log, "--memory file=%s: it cannot be made empty again: %s; "
			 "remove it", opener->config->memory_file, strerror(errno));
	memory_file_close(opener->file);
}

int memory_file_open(struct memory_file *file, const struct vm_config *config,
		     const struct host_root *root, struct log *log)
{
	struct opener opener = { file, config, root, log };
	bool made = false;
	int error;

	*file = (struct memory_file){ .fd = -1 };
	if (!config->hugepages && !config->memory_file)
		return 0;
	error = config->hugepages ? open_huge(&opener) : open_path(&opener, &made);
	if (!error && config->memory_file)
		error = check_path(&opener);
	if (error) {
		forget(&opener, made, false);
		return error;
	}
	error = reserve(&opener);
	if (error) {
		forget(&opener, made, config->memory_file && !file->used);
		return complain_reserve(&opener, error);
	}
	return 0;
}

void memory_file_close(struct memory_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stamp TEXT SMAPS COMMAND... runs COMMAND, and prints how many nanoseconds after its exec
 * TEXT appeared on its standard output. What was resident then is left in the file SMAPS: what
 * the kernel says of its mappings, then a line "memfd: N kB" for each memfd it has open.
 * Ends COMMAND with SIGTERM. Exit status 1 when it ended without TEXT.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what, int error)
{
	fprintf(stderr, "stamp: %s: %s\n", what, strerror(error));
	exit(1);
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* Returns the command's process; *output is the end of its standard output. */
static pid_t start(char **command, int *output)
{
	posix_spawn_file_actions_t actions;
	int fds[2], error;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		fail("pipe", errno);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	error = posix_spawnp(&pid, command[0], &actions, NULL, command, environ);
	if (error)
		fail(command[0], error);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	*output = fds[0];
	return pid;
}

/*
 * A console is short until the guest's init: keep all of it. Only what is new is searched, as
 * this shares its CPU with the guest, which may write one character at a time.
 */
static bool wait_for(int fd, const char *text)
{
	static char console[256 * 1024];
	size_t size = 0, length = strlen(text);
	ssize_t done;

	while (size < sizeof(console) - 1) {
		size_t from = size < length ? 0 : size - length;

		done = read(fd, console + size, sizeof(console) - 1 - size);
		if (done <= 0)
			break;
		size += (size_t)done;
		console[size] = 0;
		if (strstr(console + from, text))
			return true;
	}
	fwrite(console, 1, size, stderr);
	return false;
}

/* Pages of a memfd that are not mapped are in no mapping's count. */
static void add_memfds(pid_t pid, FILE *copy)
{
	char path[64], name[512], target[64];
	struct dirent *entry;
	struct stat stat_of;
	ssize_t length;
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	folder = opendir(path);
	if (!folder)
		fail(path, errno);
	while ((entry = readdir(folder))) {
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		length = readlink(name, target, sizeof(target));
		if (length < 7 || strncmp(target, "/memfd:", 7) != 0)
			continue;
		if (stat(name, &stat_of))
			fail(name, errno);
		fprintf(copy, "memfd: %lld kB\n", (long long)stat_of.st_blocks / 2);
	}
	closedir(folder);
}

static void copy_smaps(pid_t pid, const char *to)
{
	char path[64], line[512];
	FILE *smaps, *copy = fopen(to, "w");

	snprintf(path, sizeof(path), "/proc/%d/smaps", (int)pid);
	smaps = fopen(path, "r");
	if (!smaps || !copy)
		fail(smaps ? to : path, errno);
	while (fgets(line, sizeof(line), smaps))
		fputs(line, copy);
	fclose(smaps);
	add_memfds(pid, copy);
	if (fclose(copy))
		fail(to, errno);
}

/* The console is read on: a monitor must not wait for that when it is to end. */
static void end(pid_t pid, int output)
{
	char rest[4096];

	kill(pid, SIGTERM);
	while (read(output, rest, sizeof(rest)) > 0)
		;
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	uint64_t before, after;
	int output;
	pid_t pid;

	if (argc < 4) {
		fputs("usage: stamp TEXT SMAPS COMMAND...\n", stderr);
		return 1;
	}
	before = now();
	pid = start(argv + 3, &output);
	if (!wait_for(output, argv[1])) {
		fprintf(stderr, "stamp: %s ended without \"%s\"\n", argv[3], argv[1]);
		return 1;
	}
	after = now();
	copy_smaps(pid, argv[2]);
	end(pid, output);
	printf("%llu\n", (unsigned long long)(after - before));
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Triggers of the kernel's memory pressure, in an event loop. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "vmm/group/sysfs.h"
#include "vmm/pressure.h"

/* Some task waited 500 ms within 10 s; there is one event in that time at most. Windows of so many
 * times 2 s are for every user, others are for root (Linux 6.4). */
#define TRIGGER "some 500000 10000000"
/* Of one need both files tell at about the same time. */
#define PAUSE_MS 5000

static void unwatch(struct pressure_file *file)
{
	if (!file->pressure)
		return;
	loop_remove(file->pressure->loop, &file->source);
	close(file->source.fd);
	file->pressure = NULL;
}

/* There is nothing to read: being told is what ends the event. */
static void on_event(struct loop_source *source, uint32_t events)
{
	struct pressure_file *file = container_of(source, struct pressure_file, source);
	struct pressure *pressure = file->pressure;
	uint64_t now = monotonic_ms();

	/* The cgroup has gone or is not counted any more, which would be an event for ever. */
	if (events & (EPOLLERR | EPOLLHUP)) {
		unwatch(file);
		log_info(pressure->log, "memory pressure of %s is not watched any more: the host's "
			 "kernel has ended that", file->name);
		return;
	}
	if (pressure->told_ms && now - pressure->told_ms < PAUSE_MS)
		return;
	pressure->told_ms = now;
	pressure->on_short(pressure->owner);
}

/* Takes @fd. */
static int add_trigger(struct pressure *pressure, struct pressure_file *file, int fd)
{
	int error = 0;

	file->source = (struct loop_source){ .fd = fd, .events = EPOLLPRI, .ready = on_event };
	/* The kernel takes the last byte for the text's end. */
	if (write(fd, TRIGGER, sizeof(TRIGGER)) < 0)
		error = -errno;
	if (!error)
		error = loop_add(pressure->loop, &file->source);
	if (error)
		close(fd);
	else
		file->pressure = pressure;
	return error;
}

static void watch(struct pressure *pressure, struct pressure_file *file, const char *name,
		  const char *path)
{
	int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	int error = fd < 0 ? -errno : add_trigger(pressure, file, fd);

	file->name = name;
	if (error)
		log_info(pressure->log, "memory pressure of %s is not watched: %s: %s", name, path,
			 strerror(-error));
	else
		log_info(pressure->log, "memory pressure of %s is watched: %s", name, path);
}

/* The file of the cgroup (v2) that this process is in, where systems have that tree. False: it is
 * in none. */
static bool find_cgroup(const struct host_root *root, char path[PATH_MAX])
{
	char text[PATH_MAX], *line, *rest = NULL;
	int length;

	if (sysfs_read(text, sizeof(text), "%s/self/cgroup", root->proc))
		return false;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (strncmp(line, "0::/", 4))
			continue;
		length = snprintf(path, PATH_MAX, "%s/fs/cgroup%s/memory.pressure", root->sys,
				  line[4] ? line + 3 : "");
		return length > 0 && length < PATH_MAX;
	}
	return false;
}

void pressure_init(struct pressure *pressure, const struct host_root *root, struct loop *loop,
		   struct log *log, void (*on_short)(void *owner), void *owner)
{
	char path[PATH_MAX];

	*pressure = (struct pressure){
		.loop = loop, .log = log, .on_short = on_short, .owner = owner,
	};
	snprintf(path, sizeof(path), "%s/pressure/memory", root->proc);
	watch(pressure, &pressure->files[0], "the host", path);
	if (find_cgroup(root, path))
		watch(pressure, &pressure->files[1], "pvmm's cgroup", path);
	else
		log_info(log, "memory pressure of pvmm's cgroup is not watched: it is in none (v2)");
}

void pressure_exit(struct pressure *pressure)
{
	for (unsigned i = PRESSURE_FILES; i-- > 0;)
		unwatch(&pressure->files[i]);
}

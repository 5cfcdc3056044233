/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What programs that try the calls of /dev/devgroup/N share: the group and its first device,
 * opened, and checks that end the program with the line that did not hold.
 */
#ifndef ABI_H
#define ABI_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "../../../kernel/uapi/devgroups.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

__attribute__((format(printf, 3, 4), noreturn))
static inline void abi_fail(const char *file, int line, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "%s:%d: ", file, line);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, " (errno: %s)\n", strerror(errno));
	exit(1);
}

#define CHECK(condition) \
	do { \
		if (!(condition)) \
			abi_fail(__FILE__, __LINE__, "%s", #condition); \
	} while (0)

#define CHECK_EQUAL(a, b) \
	do { \
		unsigned long long a_ = (a), b_ = (b); \
		if (a_ != b_) \
			abi_fail(__FILE__, __LINE__, "%s is 0x%llx, not 0x%llx", #a, a_, b_); \
	} while (0)

/* The call must fail with this errno. */
#define CHECK_ERROR(error, call) \
	do { \
		long result_; \
		errno = 0; \
		result_ = (long)(call); \
		if (result_ != -1 || errno != (error)) \
			abi_fail(__FILE__, __LINE__, "%s: %ld, not %s", #call, result_, #error); \
	} while (0)

/* An argument of a call, with argsz filled in. */
#define ARGUMENT(type, name, ...) struct type name = { .argsz = sizeof(struct type), __VA_ARGS__ }

static inline void abi_path(char *path, size_t size, const char *format, const char *name)
{
	CHECK(snprintf(path, size, format, name) < (int)size);
}

static inline int abi_open_group(const char *number)
{
	char path[64];

	abi_path(path, sizeof(path), "/dev/devgroup/%s", number);
	return open(path, O_RDWR | O_CLOEXEC);
}

static inline int abi_open_device(int group, const char *name)
{
	ARGUMENT(devgroup_open_device, open);

	strncpy(open.name, name, sizeof(open.name) - 1);
	return ioctl(group, DEVGROUP_OPEN_DEVICE, &open);
}

static inline struct vfio_region_info abi_region(int device, uint32_t index)
{
	ARGUMENT(vfio_region_info, region, .index = index);

	CHECK(!ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &region));
	return region;
}

static inline uint32_t abi_config_read(int device, unsigned int offset, size_t size)
{
	uint8_t bytes[4] = { 0 };

	CHECK_EQUAL(pread(device, bytes, size,
			  abi_region(device, VFIO_PCI_CONFIG_REGION_INDEX).offset + offset), size);
	return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static inline void abi_config_write(int device, unsigned int offset, size_t size, uint32_t value)
{
	uint8_t bytes[4] = { value, value >> 8, value >> 16, value >> 24 };

	CHECK_EQUAL(pwrite(device, bytes, size,
			   abi_region(device, VFIO_PCI_CONFIG_REGION_INDEX).offset + offset), size);
}

/* Maps BAR 0. */
static inline volatile uint32_t *abi_map(int device, size_t *size)
{
	struct vfio_region_info region = abi_region(device, VFIO_PCI_BAR0_REGION_INDEX);
	volatile uint32_t *bar;

	CHECK(region.flags & VFIO_REGION_INFO_FLAG_MMAP);
	*size = region.size;
	bar = mmap(NULL, region.size, PROT_READ | PROT_WRITE, MAP_SHARED, device, region.offset);
	CHECK(bar != MAP_FAILED);
	return bar;
}

static inline bool abi_state_is(const char *number, const char *state)
{
	char path[64], line[64] = "";
	FILE *file;

	abi_path(path, sizeof(path), "/sys/devgroups/%s/state", number);
	file = fopen(path, "r");
	if (file) {
		CHECK(fgets(line, sizeof(line), file));
		fclose(file);
	}
	line[strcspn(line, "\n")] = '\0';
	return !strcmp(line, state);
}

static inline void abi_write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	CHECK(fd >= 0);
	CHECK_EQUAL(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* What an eventfd has counted since the last time. */
static inline uint64_t abi_events(int eventfd)
{
	uint64_t count = 0;

	if (read(eventfd, &count, sizeof(count)) != sizeof(count))
		CHECK(errno == EAGAIN);
	return count;
}

struct abi_test {
	const char *name;
	void (*run)(void);
	bool asked_for;		/* runs only if it is named */
};

static inline bool abi_is_wanted(const struct abi_test *test, int argc, char **argv)
{
	int i;

	for (i = 3; i < argc; i++) {
		if (!strcmp(argv[i], test->name))
			return true;
	}
	return argc <= 3 && !test->asked_for;
}

/* Runs the tests that are named after the program's first two arguments, or all, by @run. */
static inline void abi_run(const struct abi_test *tests, size_t count, int argc, char **argv,
			   void (*run)(const struct abi_test *test))
{
	size_t i;

	setvbuf(stdout, NULL, _IONBF, 0);
	for (i = 0; i < count; i++) {
		if (!abi_is_wanted(&tests[i], argc, argv))
			continue;
		printf("-- %s\n", tests[i].name);
		run(&tests[i]);
	}
}

#endif

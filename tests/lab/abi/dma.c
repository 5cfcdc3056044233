// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dma NUMBER DEVICE [TEST...]: the DMA calls of a group's file, on POWER. The group is claimed, and
 * so is group number OTHER_GROUP of the environment, if that is there. DEVICE is an NVMe disk with
 * the serial number "n0". This runs as root.
 */
#include <sys/resource.h>
#include <sys/wait.h>

#include "nvme.h"

#define UNKNOWN_FLAG (1U << 31)
#define RW (DEVGROUP_MAP_READ | DEVGROUP_MAP_WRITE)
#define MIB (1UL << 20)
#define DEFAULT_SIZE (64 * MIB)	/* of windows, where it does not matter */
#define AREA_SIZE (4 * MIB)

static const char *number, *name;
static int group;
static size_t host_page;
static uint8_t *area;		/* memory to map; aligned to its size */

/* Under a hypervisor: one default window, and one other that may be made once. */
static bool in_lpar(void)
{
	return !access("/proc/device-tree/rtas/ibm,configure-connector", F_OK) ||
	       !access("/sys/firmware/devicetree/base/hypervisor", F_OK);
}

static int create(uint32_t shift, uint32_t levels, uint64_t size, uint64_t *start)
{
	ARGUMENT(devgroup_create_window, window, .page_shift = shift, .levels = levels,
		 .size = size);
	int ret = ioctl(group, DEVGROUP_CREATE_WINDOW, &window);

	if (start)
		*start = window.start;
	return ret;
}

static int remove_window(uint64_t start)
{
	ARGUMENT(devgroup_remove_window, window, .start = start);

	return ioctl(group, DEVGROUP_REMOVE_WINDOW, &window);
}

static int memory(unsigned long command, const void *address, uint64_t size)
{
	ARGUMENT(devgroup_memory, range, .vaddr = (uintptr_t)address, .size = size);

	return ioctl(group, command, &range);
}

static int enlist(const void *address, uint64_t size)
{
	return memory(DEVGROUP_REGISTER_MEMORY, address, size);
}

static int delist(const void *address, uint64_t size)
{
	return memory(DEVGROUP_UNREGISTER_MEMORY, address, size);
}

static int map(uint64_t iova, const void *address, uint64_t size, uint32_t flags)
{
	ARGUMENT(devgroup_map, range, .flags = flags, .iova = iova, .vaddr = (uintptr_t)address,
		 .size = size);

	return ioctl(group, DEVGROUP_MAP, &range);
}

static int unmap(uint64_t iova, uint64_t size)
{
	ARGUMENT(devgroup_unmap, range, .iova = iova, .size = size);

	return ioctl(group, DEVGROUP_UNMAP, &range);
}

static int unmap_page(uint64_t iova)
{
	return ioctl(group, DEVGROUP_UNMAP_PAGE, iova);
}

static int map_list(uint64_t iova, const uint64_t *entries, uint32_t count)
{
	ARGUMENT(devgroup_map_list, list, .iova = iova, .entries = (uintptr_t)entries,
		 .count = count);

	return ioctl(group, DEVGROUP_MAP_LIST, &list);
}

static int command(unsigned long call, uint32_t flags)
{
	ARGUMENT(devgroup_command, argument, .flags = flags);

	return ioctl(group, call, &argument);
}

struct info {
	struct devgroup_dma_info limits;
	struct devgroup_dma_window windows[3];
};

static struct info get_info(unsigned int room)
{
	struct info info = {
		.limits.argsz = sizeof(info.limits) + room * sizeof(info.windows[0]),
	};

	CHECK(!ioctl(group, DEVGROUP_GET_DMA_INFO, &info));
	return info;
}

/* What dma_pinned says, in bytes. */
static unsigned long pinned(const char *what)
{
	char path[64], word[32];
	unsigned long size, found = ~0UL;
	FILE *file;

	abi_path(path, sizeof(path), "/sys/devgroups/%s/dma_pinned", number);
	file = fopen(path, "r");
	CHECK(file);
	while (fscanf(file, "%31s %lu kB\n", word, &size) == 2) {
		if (!strcmp(word, what))
			found = size * 1024;
	}
	fclose(file);
	CHECK(found != ~0UL);
	return found;
}

/* What the process has locked. */
static unsigned long locked(void)
{
	unsigned long size = 0;
	char line[128];
	FILE *file = fopen("/proc/self/status", "r");

	CHECK(file);
	while (fgets(line, sizeof(line), file))
		sscanf(line, "VmLck: %lu kB", &size);
	fclose(file);
	return size * 1024;
}

static void test_info(void)
{
	struct info info = get_info(3);
	uint64_t first, second = 0;

	CHECK_EQUAL(info.limits.flags,
		    DEVGROUP_DMA_REGISTER);
	CHECK(info.limits.page_sizes & 4096 && info.limits.default_size >= DEFAULT_SIZE);
	CHECK(info.limits.max_windows >= 1 && info.limits.max_levels >= 1);
	CHECK_EQUAL(info.limits.nr_windows, 0);
	CHECK(!create(12, 0, DEFAULT_SIZE, &first));
	CHECK_EQUAL(first, info.limits.default_start);
	info = get_info(3);
	CHECK_EQUAL(info.limits.nr_windows, 1);
	CHECK_EQUAL(info.windows[0].start, first);
	CHECK_EQUAL(info.windows[0].size, DEFAULT_SIZE);
	CHECK_EQUAL(info.windows[0].page_shift, 12);
	CHECK_EQUAL(info.windows[0].levels, 1);
	CHECK_EQUAL(info.windows[1].size, 0);
	if (info.limits.max_windows > 1) {
		CHECK(!create(16, 0, DEFAULT_SIZE, &second));
		CHECK(second >= 1ULL << 32);
	}
	/* No room is no error, and nothing is written past what is said to be there. */
	info = get_info(0);
	CHECK(info.limits.nr_windows == info.limits.max_windows && !info.windows[0].size);
	info = get_info(1);
	CHECK(info.windows[0].size && !info.windows[1].size);
	CHECK(!remove_window(first));
	info = get_info(3);
	CHECK_EQUAL(info.limits.nr_windows, info.limits.max_windows - 1);
	if (second)
		CHECK_EQUAL(info.windows[0].start, second);
	info.limits.argsz = sizeof(info.limits);
	info.limits.reserved = 1;
	CHECK_ERROR(EINVAL, ioctl(group, DEVGROUP_GET_DMA_INFO, &info));
}

/* A level of a table takes a page of the host, and the hardware knows 55 bits of an address. */
static bool too_deep(uint32_t shift, uint32_t levels)
{
	uint32_t bits = __builtin_ctzl(host_page) - 3;

	return bits * levels + shift >= 55;
}

/* Every page size there is, every number of levels, in both places. */
static void test_windows(void)
{
	struct devgroup_dma_info limits = get_info(0).limits;
	uint64_t first, second, start;
	uint32_t shift, levels;

	for (shift = 0; shift < 64; shift++) {
		uint64_t size = limits.default_size;

		if (!(limits.page_sizes >> shift & 1)) {
			CHECK_ERROR(EINVAL, create(shift, 0, size, NULL));
			continue;
		}
		for (levels = 0; levels <= limits.max_levels; levels++) {
			if (too_deep(shift, levels)) {
				CHECK_ERROR(EINVAL, create(shift, levels, size, NULL));
				continue;
			}
			printf("page shift %u, levels %u\n", shift, levels);
			CHECK(!create(shift, levels, size, &first));
			if (limits.max_windows > 1 && in_lpar() && shift != 12) {
				CHECK_ERROR(ENOSPC, create(shift, levels, size, &second));
			} else if (limits.max_windows > 1) {
				CHECK(!create(shift, levels, size, &second));
				CHECK(!remove_window(second));
			}
			CHECK(!remove_window(first));
		}
	}
	CHECK_ERROR(EINVAL, create(64, 0, DEFAULT_SIZE, NULL));
	CHECK_ERROR(EINVAL, create(64 + 12, 0, DEFAULT_SIZE, NULL));
	CHECK_ERROR(EINVAL, create(~0U, 0, DEFAULT_SIZE, NULL));
	CHECK_ERROR(EINVAL, create(12, limits.max_levels + 1, DEFAULT_SIZE, NULL));
	CHECK_ERROR(EINVAL, create(12, ~0U, DEFAULT_SIZE, NULL));
	CHECK_ERROR(EINVAL, create(12, 0, 0, NULL));
	CHECK_ERROR(EINVAL, create(12, 0, 3 * MIB, NULL));
	CHECK_ERROR(EINVAL, create(16, 0, 4096, NULL));
	CHECK_ERROR(EINVAL, create(12, 0, 2ULL * limits.default_size, NULL));
	CHECK_ERROR(EINVAL, create(12, 0, 1ULL << 63, NULL));
	CHECK_ERROR(EINVAL, remove_window(0));
	CHECK_EQUAL(get_info(0).limits.nr_windows, 0);
	CHECK_EQUAL(pinned("tables"), 0);

	CHECK(!create(12, 0, DEFAULT_SIZE, &first));
	CHECK_ERROR(EINVAL, remove_window(first + 4096));
	if (limits.max_windows < 2)
		return;
	CHECK(create(12, 0, 1ULL << 63, NULL) == -1);
	CHECK(!create(16, 0, 1ULL << 36, &second));
	CHECK_ERROR(ENOSPC, create(12, 0, DEFAULT_SIZE, NULL));
	CHECK(!remove_window(first));
	if (in_lpar()) {
		CHECK_ERROR(ENOSPC, create(12, 0, DEFAULT_SIZE, &start));
		CHECK(!remove_window(second));
	}
	CHECK(!create(12, 0, DEFAULT_SIZE, &start));
	CHECK_EQUAL(start, first);
}

static void test_memory(void)
{
	uint8_t *hole = area + AREA_SIZE / 2;
	unsigned long before = locked();

	CHECK_ERROR(EINVAL, enlist(area, 0));
	CHECK_ERROR(EINVAL, enlist(area + 4096 / 2, host_page));
	CHECK_ERROR(EINVAL, enlist(area, host_page / 2));
	CHECK_ERROR(EINVAL, enlist((void *)-host_page, 2 * host_page));
	CHECK_ERROR(EINVAL, enlist(NULL, host_page));
	CHECK_ERROR(EFAULT, enlist((void *)-host_page, host_page));
	CHECK(enlist(area, -host_page) == -1);
	CHECK_ERROR(ENOMEM, enlist(area, 1UL << 46));
	CHECK_ERROR(ENOENT, delist(area, AREA_SIZE));
	CHECK_EQUAL(pinned("memory"), 0);

	CHECK(!enlist(area, AREA_SIZE / 2));
	CHECK_EQUAL(pinned("memory"), AREA_SIZE / 2);
	CHECK_EQUAL(locked() - before, AREA_SIZE / 2);
	CHECK_ERROR(EBUSY, enlist(area, AREA_SIZE / 2));
	CHECK_ERROR(EBUSY, enlist(area + host_page, host_page));
	CHECK_ERROR(EBUSY, enlist(hole - host_page, 2 * host_page));
	CHECK_ERROR(ENOENT, delist(area, host_page));
	CHECK_ERROR(ENOENT, delist(area + host_page, AREA_SIZE / 2 - host_page));
	CHECK(!enlist(hole, AREA_SIZE / 2));
	CHECK(!delist(area, AREA_SIZE / 2));
	CHECK(!delist(hole, AREA_SIZE / 2));
	CHECK_EQUAL(locked(), before);

	/* Some of it is not there. */
	CHECK(!munmap(hole, host_page));
	CHECK_ERROR(EFAULT, enlist(area, AREA_SIZE));
	CHECK(mmap(hole, host_page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == hole);
	CHECK(!enlist(area, AREA_SIZE));
	CHECK(!delist(area, AREA_SIZE));
	CHECK_EQUAL(pinned("memory"), 0);
}

/* Memory of a device is none that may be given to devices. */
static void test_device_memory(void)
{
	int device = abi_open_device(group, name);
	size_t size;
	volatile uint32_t *bar;

	CHECK(device >= 0);
	bar = abi_map(device, &size);
	CHECK(bar[2] || true);
	CHECK(enlist((void *)bar, host_page) == -1);
	CHECK_EQUAL(pinned("memory"), 0);
	munmap((void *)bar, size);
	close(device);
}

static void test_map(void)
{
	uint64_t start, end, page = 4096;

	CHECK_ERROR(EINVAL, map(0, area, page, RW));
	CHECK(!create(12, 0, DEFAULT_SIZE, &start));
	end = start + DEFAULT_SIZE;
	CHECK_ERROR(EINVAL, map(start, area, page, RW));
	CHECK(!enlist(area, AREA_SIZE / 2));
	CHECK(!map(start, area, page, RW));
	CHECK(!map(start, area, page, DEVGROUP_MAP_READ));
	CHECK(!map(start, area + page, page, DEVGROUP_MAP_WRITE));
	CHECK_ERROR(EINVAL, map(start, area, page, 0));
	CHECK_ERROR(EINVAL, map(start, area, page, UNKNOWN_FLAG | RW));
	CHECK_ERROR(EINVAL, map(start, area, 0, RW));
	CHECK_ERROR(EINVAL, map(start, area, page / 2, RW));
	CHECK_ERROR(EINVAL, map(start, area + 512, page, RW));
	CHECK_ERROR(EINVAL, map(start + 512, area, page, RW));
	CHECK_ERROR(EINVAL, map(end, area, page, RW));
	CHECK_ERROR(EINVAL, map(end - page, area, 2 * page, RW));
	CHECK_ERROR(EINVAL, map(start, area, -page, RW));
	CHECK_ERROR(EINVAL, map(-page, area, page, RW));
	CHECK_ERROR(EINVAL, map(-page, area, 2 * page, RW));
	CHECK_ERROR(EINVAL, map(start, (void *)-page, 2 * page, RW));
	CHECK(!map(end - page, area, page, RW));

	/* More than one list's worth, the end of which is not registered: nothing is mapped. */
	CHECK_ERROR(EINVAL, map(start, area, AREA_SIZE / 2 + page, RW));
	CHECK_ERROR(EBUSY, delist(area, AREA_SIZE / 2));
	CHECK(!unmap(end - page, page));
	CHECK(!delist(area, AREA_SIZE / 2));
	CHECK(!enlist(area, AREA_SIZE / 2));

	CHECK(!map(start, area, AREA_SIZE / 2, RW));
	CHECK_ERROR(EBUSY, delist(area, AREA_SIZE / 2));
	CHECK(!unmap(start, AREA_SIZE / 2 - page));
	CHECK_ERROR(EBUSY, delist(area, AREA_SIZE / 2));
	CHECK_ERROR(EINVAL, unmap(start, 0));
	CHECK_ERROR(EINVAL, unmap(start, 512));
	CHECK_ERROR(EINVAL, unmap(start + 512, page));
	CHECK_ERROR(EINVAL, unmap(start, DEFAULT_SIZE + page));
	CHECK_ERROR(EINVAL, unmap(start, -page));
	CHECK_ERROR(EINVAL, unmap(end, page));
	CHECK_ERROR(EINVAL, unmap_page(start + AREA_SIZE / 2 - 512));
	CHECK_ERROR(EINVAL, unmap_page(end));
	CHECK_ERROR(EINVAL, unmap_page(-page));
	CHECK_ERROR(EBUSY, delist(area, AREA_SIZE / 2));
	CHECK(!unmap_page(start + AREA_SIZE / 2 - page));
	CHECK(!unmap_page(start + AREA_SIZE / 2 - page));
	CHECK(!delist(area, AREA_SIZE / 2));
	CHECK(!enlist(area, AREA_SIZE / 2));
	CHECK(!map(start, area, AREA_SIZE / 2, RW));
	CHECK(!unmap_page(start));
	CHECK_ERROR(EBUSY, delist(area, AREA_SIZE / 2));
	CHECK(!unmap(start, DEFAULT_SIZE));
	CHECK(!unmap(start, DEFAULT_SIZE));
	CHECK(!delist(area, AREA_SIZE / 2));
	CHECK_ERROR(EINVAL, map(start, area, page, RW));
}

static void test_large_pages(void)
{
	struct devgroup_dma_info limits = get_info(0).limits;
	uint64_t start, page = 1UL << 16;

	if (!(limits.page_sizes & page))
		return;
	CHECK(!enlist(area, AREA_SIZE));
	CHECK(!create(16, 0, DEFAULT_SIZE, &start));
	if (host_page < page) {
		CHECK_ERROR(EPERM, map(start, area, page, RW));
		return;
	}
	CHECK(!map(start, area, page, RW));
	CHECK_ERROR(EINVAL, map(start, area + 4096, page, RW));
	CHECK_ERROR(EINVAL, map(start + 4096, area, page, RW));
	CHECK(!remove_window(start));
	if (limits.page_sizes & (2 * MIB)) {
		CHECK(!create(21, 0, DEFAULT_SIZE, &start));
		CHECK_ERROR(EPERM, map(start, area, 2 * MIB, RW));
	}
	CHECK(!delist(area, AREA_SIZE));
}

static void test_list(void)
{
	uint64_t list[DEVGROUP_LIST_MAX + 1], start, page = 4096;
	uintptr_t at = (uintptr_t)area;
	unsigned int i;

	ARGUMENT(devgroup_map_list, reserved, .entries = (uintptr_t)list, .count = 1,
		 .reserved = 1);

	CHECK(!create(12, 0, DEFAULT_SIZE, &start));
	CHECK(!enlist(area, AREA_SIZE));
	for (i = 0; i <= DEVGROUP_LIST_MAX; i++)
		list[i] = (at + i * page) | RW;
	CHECK(!map_list(start, list, DEVGROUP_LIST_MAX));
	CHECK_ERROR(E2BIG, map_list(start, list, DEVGROUP_LIST_MAX + 1));
	CHECK_ERROR(E2BIG, map_list(start, list, ~0U));
	CHECK_ERROR(EINVAL, map_list(start, list, 0));
	CHECK_ERROR(EINVAL, map_list(start + 512, list, 1));
	CHECK_ERROR(EINVAL, map_list(start + DEFAULT_SIZE - page, list, 2));
	CHECK_ERROR(EINVAL, map_list(start + DEFAULT_SIZE, list, 1));
	CHECK_ERROR(EINVAL, map_list(-page, list, 1));
	CHECK_ERROR(EFAULT, map_list(start, NULL, 1));
	CHECK_ERROR(EINVAL, ioctl(group, DEVGROUP_MAP_LIST, &reserved));
	CHECK(!map_list(start + DEFAULT_SIZE - page, list, 1));

	/* A bad entry at the end: none is changed, so that the memory stays mapped. */
	memset(list, 0, sizeof(list));
	CHECK(!map_list(start + DEFAULT_SIZE - page, list, 1));
	list[DEVGROUP_LIST_MAX - 1] = at + 4;
	CHECK_ERROR(EINVAL, map_list(start, list, DEVGROUP_LIST_MAX));
	list[DEVGROUP_LIST_MAX - 1] = (at + AREA_SIZE) | RW;
	CHECK_ERROR(EINVAL, map_list(start, list, DEVGROUP_LIST_MAX));
	for (i = 0; i < DEVGROUP_LIST_MAX - 1; i++) {
		CHECK_ERROR(EBUSY, delist(area, AREA_SIZE));
		CHECK(!unmap(start + i * page, page));
	}
	CHECK_ERROR(EBUSY, delist(area, AREA_SIZE));
	list[0] = at;		/* without a permission: unmapped */
	CHECK(!map_list(start + (DEVGROUP_LIST_MAX - 1) * page, list, 1));
	CHECK(!delist(area, AREA_SIZE));
}

/* Steps fail in turn, in the middle of lists and maps, too. */
static bool fails_at(unsigned int step)
{
	char text[16];

	CHECK(snprintf(text, sizeof(text), "%u", step) < (int)sizeof(text));
	abi_write_file("/sys/module/devgroups/parameters/fail_step", text);
	return step;
}

static unsigned int steps_left(void)
{
	unsigned int left;
	FILE *file = fopen("/sys/module/devgroups/parameters/fail_step", "r");

	CHECK(file && fscanf(file, "%u", &left) == 1);
	fclose(file);
	return left;
}

/* Everything once; false at the first failure, after which all is as before that call. */
static bool use_all(uint64_t *start)
{
	uint64_t list[3] = { (uintptr_t)area | RW, 0, ((uintptr_t)area + 4096) | RW };

	return !create(12, 2 < get_info(0).limits.max_levels ? 2 : 0, DEFAULT_SIZE, start) &&
	       !enlist(area, AREA_SIZE) && !map(*start, area, 16 * 4096, RW) &&
	       !map_list(*start, list, 3);
}

/* Puts all back, or stops at what a failure has left mapped or registered. */
static void clean_up(uint64_t start)
{
	if (get_info(0).limits.nr_windows)
		CHECK(!remove_window(start));
	if (pinned("memory"))
		CHECK(!delist(area, AREA_SIZE));
	CHECK_EQUAL(pinned("memory"), 0);
	CHECK_EQUAL(pinned("tables"), 0);
}

static void test_failing(void)
{
	unsigned long before = locked();
	unsigned int step = 1;
	uint64_t start;
	bool done;

	do {
		fails_at(step);
		done = use_all(&start);
		CHECK(done || !steps_left());
		if (done && !steps_left())
			abi_fail(__FILE__, __LINE__, "step %u failed, and no call", step);
		fails_at(0);
		clean_up(start);
		CHECK_EQUAL(locked(), before);
		step++;
	} while (!done);
	printf("%u steps can fail\n", step - 2);
	CHECK(step > 12);
}

/* A list that fails in its middle changes nothing: area's first page stays mapped where it was. */
static void test_list_undone(void)
{
	uint64_t list[2] = { ((uintptr_t)area + AREA_SIZE / 2) | RW,
			     ((uintptr_t)area + AREA_SIZE / 2) | RW };
	uint64_t start;

	CHECK(!create(12, 0, DEFAULT_SIZE, &start));
	CHECK(!enlist(area, AREA_SIZE / 2));
	CHECK(!enlist(area + AREA_SIZE / 2, AREA_SIZE / 2));
	CHECK(!map(start, area, 4096, RW));
	fails_at(2);
	CHECK_ERROR(ENOMEM, map_list(start, list, 2));
	CHECK_EQUAL(steps_left(), 0);
	CHECK(!delist(area + AREA_SIZE / 2, AREA_SIZE / 2));
	CHECK_ERROR(EBUSY, delist(area, AREA_SIZE / 2));
	CHECK(!unmap(start, 4096));
	CHECK(!delist(area, AREA_SIZE / 2));
}

/* The limit of locked memory, for one who is not root. */
static void in_limits(void)
{
	struct rlimit limit = { .rlim_cur = MIB, .rlim_max = MIB };
	uint64_t start;

	CHECK(!setrlimit(RLIMIT_MEMLOCK, &limit) && !setuid(1));
	CHECK_ERROR(ENOMEM, enlist(area, AREA_SIZE));
	CHECK_ERROR(ENOMEM, create(12, 1, 1024 * MIB, &start));
	CHECK_EQUAL(locked(), 0);
	CHECK(!enlist(area, MIB));
	CHECK_ERROR(ENOMEM, create(12, 0, DEFAULT_SIZE, &start));
	CHECK(!delist(area, MIB));
	CHECK(!create(12, 0, DEFAULT_SIZE, &start));
	CHECK_EQUAL(locked(), pinned("tables"));
	CHECK(!remove_window(start));
	CHECK_EQUAL(locked(), 0);
}

static void in_child(void (*run)(void))
{
	pid_t child = fork();
	int status;

	CHECK(child >= 0);
	if (!child) {
		run();
		_exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child);
	CHECK_EQUAL(status, 0);
}

static void test_limits(void)
{
	in_child(in_limits);
	/* Its calls made it the owner; it is gone, and nobody follows. */
	CHECK_ERROR(EPERM, create(12, 0, DEFAULT_SIZE, NULL));
}

static uint64_t common_start;

static void strangers(void)
{
	uint64_t list = 0;

	CHECK_ERROR(EPERM, create(12, 0, DEFAULT_SIZE, NULL));
	CHECK_ERROR(EPERM, remove_window(common_start));
	CHECK_ERROR(EPERM, enlist(area, AREA_SIZE));
	CHECK_ERROR(EPERM, delist(area, AREA_SIZE));
	CHECK_ERROR(EPERM, map(common_start, area, 4096, RW));
	CHECK_ERROR(EPERM, unmap(common_start, 4096));
	CHECK_ERROR(EPERM, unmap_page(common_start));
	CHECK_ERROR(EPERM, map_list(common_start, &list, 1));
	CHECK_EQUAL(get_info(0).limits.nr_windows, 1);
	CHECK_EQUAL(locked(), 0);
}

static void failing_stranger(void)
{
	CHECK_ERROR(EINVAL, map(0, area, 4096, RW));
	CHECK_ERROR(ENOENT, delist(area, AREA_SIZE));
}

static void test_owner(void)
{
	unsigned long before = locked();

	in_child(failing_stranger);
	CHECK(!create(12, 0, DEFAULT_SIZE, &common_start));
	CHECK(!enlist(area, AREA_SIZE));
	CHECK(!map(common_start, area, AREA_SIZE, RW));
	in_child(strangers);
	CHECK_EQUAL(locked(), before + pinned("memory") + pinned("tables"));
	CHECK(!remove_window(common_start));
	CHECK(!delist(area, AREA_SIZE));
	CHECK_EQUAL(locked(), before);
}

/* The child is the owner, and dies; this process has the last copy of the file. */
static void own_and_die(void)
{
	uint64_t start;

	CHECK(!create(12, 0, DEFAULT_SIZE, &start));
	CHECK(!enlist(area, AREA_SIZE));
	CHECK(!map(start, area, AREA_SIZE, RW));
	kill(getpid(), SIGKILL);
}

static void test_owner_dies(void)
{
	pid_t child = fork();
	int status;

	CHECK(child >= 0);
	if (!child)
		own_and_die();
	CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
	CHECK_EQUAL(pinned("memory"), AREA_SIZE);
	close(group);
	CHECK_EQUAL(pinned("memory"), 0);
	CHECK_EQUAL(pinned("tables"), 0);
	group = abi_open_group(number);
	CHECK(group >= 0);
	CHECK(!create(12, 0, DEFAULT_SIZE, NULL));
}

static int other;		/* file of another group, -1: there is none */

static void swap_groups(void)
{
	int this = group;

	group = other;
	other = this;
}

/* Registered memory is the process's, but each group maps and unregisters its own. */
static void test_two_groups(void)
{
	uint64_t start, start_other;

	if (other < 0)
		return;
	CHECK(!create(12, 0, DEFAULT_SIZE, &start));
	CHECK(!enlist(area, AREA_SIZE));
	swap_groups();
	CHECK(!create(12, 0, DEFAULT_SIZE, &start_other));
	CHECK_ERROR(EINVAL, map(start_other, area, AREA_SIZE, RW));
	CHECK_ERROR(ENOENT, delist(area, AREA_SIZE));
	CHECK_ERROR(EBUSY, enlist(area, AREA_SIZE / 2));
	CHECK(!enlist(area, AREA_SIZE));
	CHECK(!map(start_other, area, AREA_SIZE, RW));
	CHECK_ERROR(EBUSY, delist(area, AREA_SIZE));
	swap_groups();
	CHECK(!map(start, area, AREA_SIZE, RW));
	CHECK_ERROR(EBUSY, delist(area, AREA_SIZE));
	CHECK(!unmap(start, AREA_SIZE));
	CHECK(!delist(area, AREA_SIZE));
	swap_groups();
	CHECK_ERROR(EBUSY, delist(area, AREA_SIZE));
	CHECK(!unmap(start_other, AREA_SIZE));
	CHECK(!delist(area, AREA_SIZE));
	swap_groups();
	CHECK_EQUAL(locked(), pinned("tables") * 2);
}

/* Where things are for the tests with a device, in the area and in a window: 64K each. */
enum place { SUBMISSIONS, COMPLETIONS, FIRST, SECOND, PLACES };

#define PLACE(index) ((index) * 65536UL)

static int device;
static struct nvme nvme;

static bool untouched(enum place place)
{
	size_t i;

	for (i = 0; i < 65536; i++) {
		if (area[PLACE(place) + i] != 0xa5)
			return false;
	}
	return true;
}

/* Only there, and only as much as it is. */
static bool written(enum place place)
{
	uint8_t *data = area + PLACE(place);
	bool good = nvme_is_identity(data, "n0") && data[NVME_IDENTIFY_SIZE] == 0xa5;

	memset(data, 0xa5, 65536);
	return good && untouched(FIRST) && untouched(SECOND);
}

static void open_disk(void)
{
	size_t size;

	device = abi_open_device(group, name);
	CHECK(device >= 0);
	abi_config_write(device, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	nvme.bar = abi_map(device, &size);
	nvme.submissions = (void *)(area + PLACE(SUBMISSIONS));
	nvme.completions = (void *)(area + PLACE(COMPLETIONS));
	memset(area, 0xa5, AREA_SIZE);
	CHECK(!enlist(area, AREA_SIZE));
}

static void close_disk(void)
{
	struct vfio_region_info region = abi_region(device, VFIO_PCI_BAR0_REGION_INDEX);

	munmap((void *)nvme.bar, region.size);
	close(device);
}

static void map_queues(uint64_t start)
{
	CHECK(!map(start, area, PLACE(FIRST), RW));
}

static void start_disk(uint64_t start)
{
	nvme_stop(&nvme);
	nvme_start(&nvme, start + PLACE(SUBMISSIONS), start + PLACE(COMPLETIONS));
}

/* DMA goes where it is mapped to, and nowhere else. */
static void test_disk(void)
{
	uint64_t start, iova;

	open_disk();
	CHECK(!create(12, 0, DEFAULT_SIZE, &start));
	map_queues(start);
	start_disk(start);
	iova = start + 0x1230000;
	CHECK(!map(iova, area + PLACE(FIRST), 4096, RW));
	CHECK_EQUAL(nvme_identify(&nvme, iova), 0);
	CHECK(written(FIRST));
	CHECK(!map(iova, area + PLACE(SECOND), 4096, DEVGROUP_MAP_WRITE));
	CHECK_EQUAL(nvme_identify(&nvme, iova), 0);
	CHECK(written(SECOND));
	CHECK(!unmap(iova, 4096));
	nvme_identify(&nvme, iova);
	CHECK(untouched(FIRST) && untouched(SECOND));
	close_disk();
}

/* A new start, as a failed access may have stopped the controller. */
static void expect_write(uint64_t start, uint64_t iova, enum place place)
{
	start_disk(start);
	CHECK_EQUAL(nvme_identify(&nvme, iova), 0);
	CHECK(written(place));
}

static void expect_nothing(uint64_t start, uint64_t iova)
{
	start_disk(start);
	nvme_identify(&nvme, iova);
	CHECK(untouched(FIRST) && untouched(SECOND));
}

static void test_disk_denied(void)
{
	uint64_t start, iova;

	open_disk();
	CHECK(!create(12, 0, DEFAULT_SIZE, &start));
	map_queues(start);
	iova = start + 0x1230000;
	expect_nothing(start, iova);
	CHECK(!map(iova, area + PLACE(FIRST), 4096, DEVGROUP_MAP_READ));
	expect_nothing(start, iova);
	CHECK(!map(iova, area + PLACE(FIRST), 4096, RW));
	expect_write(start, iova, FIRST);
	CHECK(!map(iova, area + PLACE(SECOND), 4096, RW));
	CHECK(!unmap(iova, 4096));
	expect_nothing(start, iova);
	close_disk();
}

/* The other window: the host's own page, at addresses that need 64 bits. */
static void test_disk_64bit(void)
{
	struct devgroup_dma_info limits = get_info(0).limits;
	uint32_t shift = host_page == 65536 ? 16 : 12;
	uint64_t start, high;

	if (limits.max_windows < 2)
		return;
	open_disk();
	CHECK(!create(12, 0, DEFAULT_SIZE, &start));
	CHECK(!create(shift, 0, 1ULL << 36, &high));
	map_queues(start);
	high += 1ULL << 35;
	CHECK(!map(high, area + PLACE(FIRST), 65536, RW));
	expect_write(start, high, FIRST);
	CHECK(!map(high + 65536, area + PLACE(SECOND), 65536, RW));
	expect_write(start, high + 65536, SECOND);
	CHECK(!map(high, area, PLACE(FIRST), RW));
	CHECK(!remove_window(start));
	CHECK(!map(high + PLACE(FIRST), area + PLACE(FIRST), 65536, RW));
	expect_write(high, high + PLACE(FIRST), FIRST);
	CHECK(!remove_window(high - (1ULL << 35)));
	expect_nothing(high, high + PLACE(FIRST));
	close_disk();
}

/* Frozen, and with MMIO released: DMA is blocked. */
static void block(void)
{
	CHECK(!command(DEVGROUP_FREEZE, 0));
	CHECK(!command(DEVGROUP_UNFREEZE, DEVGROUP_RELEASE_MMIO));
}

/* No DMA while it is blocked; what is changed meanwhile holds afterwards. */
static void test_disk_blocked(void)
{
	uint64_t start, iova;

	open_disk();
	CHECK(!create(12, 0, DEFAULT_SIZE, &start));
	map_queues(start);
	iova = start + 0x1230000;
	CHECK(!map(iova, area + PLACE(FIRST), 4096, RW));
	expect_write(start, iova, FIRST);
	block();
	nvme_submit_identify(&nvme, iova);
	CHECK_EQUAL(nvme_wait(&nvme), -1);
	CHECK(untouched(FIRST) && untouched(SECOND));
	CHECK_ERROR(EBUSY, delist(area, AREA_SIZE));
	CHECK(!map(iova, area + PLACE(SECOND), 4096, RW));
	CHECK(!map(iova + 4096, area + PLACE(FIRST), 4096, RW));
	CHECK(!map(iova + 8192, area + PLACE(FIRST), 4096, RW));
	CHECK(!unmap(iova + 8192, 4096));
	nvme_submit_identify(&nvme, iova);
	CHECK_EQUAL(nvme_wait(&nvme), -1);
	CHECK(untouched(FIRST) && untouched(SECOND));
	CHECK(!command(DEVGROUP_UNFREEZE, DEVGROUP_RELEASE_DMA));
	expect_write(start, iova, SECOND);
	expect_write(start, iova + 4096, FIRST);
	expect_nothing(start, iova + 8192);
	close_disk();
}

/* A window that comes, or goes, while there is no DMA. */
static void test_windows_blocked(void)
{
	uint64_t start, high = 0;

	open_disk();
	CHECK(!create(12, 0, DEFAULT_SIZE, &start));
	block();
	if (get_info(0).limits.max_windows > 1)
		CHECK(!create(12, 0, DEFAULT_SIZE, &high));
	CHECK(!remove_window(start));
	if (high && in_lpar()) {
		CHECK(!remove_window(high));
		high = 0;
	}
	CHECK(!create(12, 0, DEFAULT_SIZE, &start));
	CHECK(!map(start, area, AREA_SIZE, RW));
	CHECK(!command(DEVGROUP_UNFREEZE, DEVGROUP_RELEASE_DMA));
	expect_write(start, start + PLACE(SECOND), SECOND);
	if (high) {
		CHECK(!map(high, area, AREA_SIZE, RW));
		expect_write(high, high + PLACE(FIRST), FIRST);
	}
	/* The end, while it is blocked. */
	CHECK(!command(DEVGROUP_FREEZE, 0));
	close_disk();
}

static const struct abi_test tests[] = {
	{ "info", test_info, false },
	{ "windows", test_windows, false },
	{ "memory", test_memory, false },
	{ "device_memory", test_device_memory, false },
	{ "map", test_map, false },
	{ "large_pages", test_large_pages, false },
	{ "list", test_list, false },
	{ "failing", test_failing, false },
	{ "list_undone", test_list_undone, false },
	{ "limits", test_limits, false },
	{ "owner", test_owner, false },
	{ "owner_dies", test_owner_dies, false },
	{ "two_groups", test_two_groups, false },
	{ "disk", test_disk, false },
	{ "disk_denied", test_disk_denied, false },
	{ "disk_64bit", test_disk_64bit, false },
	{ "disk_blocked", test_disk_blocked, false },
	{ "windows_blocked", test_windows_blocked, false },
};

static void run(const struct abi_test *test)
{
	const char *other_number = getenv("OTHER_GROUP");

	group = abi_open_group(number);
	other = other_number ? abi_open_group(other_number) : -1;
	CHECK(group >= 0 && (other >= 0 || !other_number));
	test->run();
	close(other);
	close(group);
	CHECK_EQUAL(pinned("memory") + pinned("tables"), 0);
	CHECK(abi_state_is(number, "claimed"));
}

/* Aligned to its size, so that pages of any size would fit. */
static void make_area(void)
{
	uint8_t *room = mmap(NULL, 2 * AREA_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(room != MAP_FAILED);
	area = (uint8_t *)(((uintptr_t)room + AREA_SIZE - 1) & -AREA_SIZE);
	CHECK(!munmap(area + AREA_SIZE, room + AREA_SIZE - area));
}

int main(int argc, char **argv)
{
	CHECK(argc >= 3);
	number = argv[1];
	name = argv[2];
	host_page = sysconf(_SC_PAGESIZE);
	make_area();
	abi_run(tests, ARRAY_SIZE(tests), argc, argv, run);
	return 0;
}

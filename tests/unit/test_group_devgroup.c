// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The backend of the group driver against a kernel that this program plays itself: the group's
 * file is a plain one, too, like those of its devices (fake_devices.h). Any call can be made to
 * fail.
 */
#include <sys/eventfd.h>

#include "kernel/uapi/devgroups.h"
#include "tests/unit/backend_tests.h"
#include "tests/unit/capture.h"
#include "vmm/group/devgroup.h"

static struct {
	uint32_t version;
	uint64_t capabilities, page_sizes, default_size;
	int create_error, reset_error, dma_error;
	unsigned resets;
	int bind_error;
	struct devgroup_create_window created;
	struct devgroup_remove_window removed;
	struct devgroup_memory registered, unregistered;
	struct devgroup_map mapped;
	struct devgroup_unmap unmapped;
	uint64_t unmapped_page;
	struct devgroup_map_list list;
	struct devgroup_error error;
	struct devgroup_command command;	/* the last of those without a case of its own */
	char commands[64];			/* all of them, a letter each */
	int command_error;
} fake;

/* Every argument begins with its size and, but in GET_INFO's answer, flags that are known. */
static void check_head(unsigned long request, const void *arg, size_t size)
{
	const struct devgroup_command *head = arg;

	ck_assert_uint_eq(head->argsz, size);
	if (request != DEVGROUP_MAP && request != DEVGROUP_UNFREEZE)
		ck_assert_uint_eq(head->flags, 0);
}

#define TAKE(copy, arg)							\
	do {								\
		check_head(request, arg, sizeof(copy));			\
		memcpy(&(copy), arg, sizeof(copy));			\
	} while (0)

static int get_info(struct devgroup_info *info)
{
	info->version = fake.version;
	info->number = GROUP;
	info->nr_devices = NR_FUNCTIONS;
	info->capabilities = fake.capabilities;
	return 0;
}

static int get_dma_info(struct devgroup_dma_info *info)
{
	info->flags = DEVGROUP_DMA_REGISTER;
	info->page_sizes = fake.page_sizes;
	info->default_start = 0;
	info->default_size = fake.default_size;
	info->max_windows = 2;
	info->max_levels = 5;
	return 0;
}

static int dma_ioctl(unsigned long request, void *arg)
{
	switch (request) {
	case DEVGROUP_REGISTER_MEMORY:
		TAKE(fake.registered, arg);
		return fake.dma_error;
	case DEVGROUP_UNREGISTER_MEMORY:
		TAKE(fake.unregistered, arg);
		return fake.dma_error;
	case DEVGROUP_MAP:
		TAKE(fake.mapped, arg);
		return fake.dma_error;
	case DEVGROUP_UNMAP:
		TAKE(fake.unmapped, arg);
		return fake.dma_error;
	case DEVGROUP_UNMAP_PAGE:
		fake.unmapped_page = (uintptr_t)arg;
		return fake.dma_error;
	case DEVGROUP_MAP_LIST:
		TAKE(fake.list, arg);
		return fake.dma_error;
	case DEVGROUP_REMOVE_WINDOW:
		TAKE(fake.removed, arg);
		return fake.dma_error;
	}
	return -ENOTTY;
}

static int create_window(struct devgroup_create_window *window)
{
	fake.created = *window;
	window->start = 0x10000000;
	return fake.create_error;
}

static int open_device(const struct devgroup_open_device *device)
{
	ck_assert_uint_lt(strnlen(device->name, sizeof(device->name)), sizeof(device->name));
	return fake_device_open(device->name);
}

/* Any file will do. */
static int bind_kvm(void)
{
	return fake.bind_error ? fake.bind_error : fake_device_open(functions[0]);
}

static void note(char letter)
{
	size_t used = strlen(fake.commands);

	ck_assert_uint_lt(used, sizeof(fake.commands) - 1);
	fake.commands[used] = letter;
}

static void expect_commands(const char *commands)
{
	ck_assert_str_eq(fake.commands, commands);
	memset(fake.commands, 0, sizeof(fake.commands));
}

static int command_ioctl(char letter, unsigned long request, void *arg)
{
	TAKE(fake.command, arg);
	note(letter);
	return fake.command_error;
}

static int backend_ioctl(const char *path, unsigned long request, void *arg)
{
	ck_assert_ptr_nonnull(strstr(path, "/dev/devgroup/7"));
	switch (request) {
	case DEVGROUP_GET_INFO:
		check_head(request, arg, sizeof(struct devgroup_info));
		return get_info(arg);
	case DEVGROUP_GET_DMA_INFO:
		check_head(request, arg, sizeof(struct devgroup_dma_info));
		return get_dma_info(arg);
	case DEVGROUP_CREATE_WINDOW:
		check_head(request, arg, sizeof(struct devgroup_create_window));
		return create_window(arg);
	case DEVGROUP_OPEN_DEVICE:
		check_head(request, arg, sizeof(struct devgroup_open_device));
		return open_device(arg);
	case DEVGROUP_BIND_KVM:
		check_head(request, arg, sizeof(struct devgroup_command));
		return bind_kvm();
	case DEVGROUP_UNBIND_KVM:
		return command_ioctl('k', request, arg);
	case DEVGROUP_RESET:
		check_head(request, arg, sizeof(struct devgroup_command));
		fake.resets++;
		note('r');
		return fake.reset_error;
	case DEVGROUP_GET_ERROR:
		check_head(request, arg, sizeof(struct devgroup_error));
		memcpy(arg, &fake.error, sizeof(fake.error));
		return fake.command_error;
	case DEVGROUP_FREEZE:
		return command_ioctl('f', request, arg);
	case DEVGROUP_UNFREEZE:
		return command_ioctl('u', request, arg);
	case DEVGROUP_CONFIGURE:
		return command_ioctl('c', request, arg);
	}
	return dma_ioctl(request, arg);
}

/* Resets are the group's matter. */
static int backend_device_ioctl(unsigned function, unsigned long request, void *arg)
{
	ck_abort_msg("device %u was asked %#lx", function, request);
}

static void setup(void)
{
	unsigned i;

	memset(&fake, 0, sizeof(fake));
	fake_devices_init();
	strcpy(backend.path, "/sys/devgroups/7");
	backend.open = devgroup_open;
	fake_host_devgroup(&fake_devices.host, GROUP);
	fake_devgroup_add(&fake_devices.host, GROUP, "0002:01:00.0");
	for (i = 0; i < NR_FUNCTIONS; i++)
		fake_devgroup_add(&fake_devices.host, GROUP, functions[i]);
	fake.version = DEVGROUPS_API_VERSION;
	fake.capabilities = DEVGROUP_CAP_MSIX_TABLE_GUARDED | DEVGROUP_CAP_EEH;
	fake.page_sizes = 0x40211000;
	fake.default_size = 0x80000000;
}

#define PLATFORM_FOLDER "sys/devgroups/7/devices/thing.0"

/* The group is another: of a platform device whose file speaks of three regions. */
static void make_platform(void)
{
	char path[160];
	unsigned i;

	fake_file(&fake_devices.host, "", "sys/bus/platform/devices/thing.0/uevent");
	snprintf(path, sizeof(path), "sys/devgroups/7/devices/0002:01:00.0/driver_before");
	fake_remove(&fake_devices.host, path);
	fake_remove(&fake_devices.host, "sys/devgroups/7/devices/0002:01:00.0");
	for (i = 0; i < NR_FUNCTIONS; i++) {
		snprintf(path, sizeof(path), "sys/devgroups/7/devices/%s/driver_before",
			 functions[i]);
		fake_remove(&fake_devices.host, path);
		snprintf(path, sizeof(path), "sys/devgroups/7/devices/%s", functions[i]);
		fake_remove(&fake_devices.host, path);
	}
	fake_devgroup_add(&fake_devices.host, GROUP, "thing.0");
	fake_file(&fake_devices.host, "thing\n", PLATFORM_FOLDER "/name");
	fake_devices.also = "thing.0";
	fake_devices.device_flags = VFIO_DEVICE_FLAGS_PLATFORM;
	fake_devices.nr_regions = 3;
	fake_devices.nr_irqs = 1;
	fake_devices.irq_flags = VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
}

START_TEST(test_open)
{
	struct group *group;

	ck_assert_int_eq(open_group(&group), 0);
	expect_opened(group);
	ck_assert_str_eq(group->ops->name, "devgroup");
	ck_assert_uint_eq(group->window.iova, 0x10000000);
	ck_assert_uint_eq(fake.created.page_shift, 12);
	ck_assert_uint_eq(fake.created.size, 2 * GIB);
	ck_assert_uint_eq(group->capabilities, GROUP_CAP_MSIX_TABLE_GUARDED | GROUP_CAP_EEH |
			  GROUP_CAP_SMALL_BARS);
	/* Functions were reset by being opened. */
	ck_assert_uint_eq(fake.resets, 0);
	group_close(group);
	ck_assert_str_eq(fake_log(&fake_devices.host), "");
	expect_closed();
}
END_TEST

/* Each call of the kernel failing in turn: one line, and nothing stays open. */
START_TEST(test_open_every_failure)
{
	struct group *group;
	unsigned at;

	fake_devices.can_reset[1] = false;
	for (at = 1; ; at++) {
		fake_devices.calls = 0;
		fake_devices.fail_at = at;
		if (open_group(&group) == 0)
			break;
		ck_assert_ptr_null(group);
		ck_assert_uint_eq(fake_count_lines(fake_log(&fake_devices.host)), 1);
		expect_closed();
	}
	ck_assert_uint_gt(at, 30);
	fake_devices.fail_at = 0;
	group_close(group);
}
END_TEST

START_TEST(test_open_errors)
{
	static const struct {
		uint32_t version;
		uint64_t page_sizes, size;
		int create_error;
		uint32_t nr_regions;
		int error;
		const char *text;
	} cases[] = {
		{1, 0x1000, 4096, 0, 9, -ENOTSUP, "speaks version 1 of its interface"},
		{DEVGROUPS_API_VERSION, 0x10000, 4096, 0, 9, -ENOTSUP, "no 32-bit DMA window"},
		{DEVGROUPS_API_VERSION, 0x1000, 0, 0, 9, -ENOTSUP, "no 32-bit DMA window"},
		{DEVGROUPS_API_VERSION, 0x1000, 4095, 0, 9, -ENOTSUP, "no 32-bit DMA window"},
		{DEVGROUPS_API_VERSION, 0x1000, 4096, -ENOMEM, 9, -ENOMEM, "ulimit -l"},
		{DEVGROUPS_API_VERSION, 0x1000, 4096, -ENOSPC, 9, -ENOSPC, "no 32-bit DMA window"},
		{DEVGROUPS_API_VERSION, 0x1000, 4096, 0, 7, -ENODEV,
		 "cannot open 0002:02:01.0 of group 7"},
	};

	fake.version = cases[_i].version;
	fake.page_sizes = cases[_i].page_sizes;
	fake.default_size = cases[_i].size;
	fake.create_error = cases[_i].create_error;
	fake_devices.nr_regions = cases[_i].nr_regions;
	expect_refused(cases[_i].error, cases[_i].text);
}
END_TEST

/* What opening the group's file may answer, with what to do. */
START_TEST(test_file_errors)
{
	static const struct {
		int error;
		const char *text;
	} cases[] = {
		{EBUSY, "another process uses the group; stop it first"},
		{ENODEV, "the group is not claimed any more; run again"},
		{EIO, "group 7 is quarantined: its devices could not be reset; run: echo 1 > "},
		{EACCES, "run as root"},
		{EPERM, "run as root"},
		{ENOENT, "modprobe devgroups"},
		{ENXIO, "dmesg may say why"},
	};

	snprintf(fake_sysfs.busy, sizeof(fake_sysfs.busy), "%s/devgroup/7",
		 fake_devices.host.dev);
	fake_sysfs.busy_error = cases[_i].error;
	expect_refused(-cases[_i].error, cases[_i].text);
}
END_TEST

/* Regions and interrupts without meaning; none of PCI's. */
START_TEST(test_platform)
{
	struct group *group;
	struct group_device *device;
	int fd = eventfd(0, 0);

	make_platform();
	ck_assert_int_eq(open_group(&group), 0);
	ck_assert_int_eq(group->bus, GROUP_BUS_PLATFORM);
	ck_assert_uint_eq(group->nr_devices, 1);
	device = &group->devices[0];
	ck_assert_str_eq(device->name, "thing.0");
	ck_assert_str_eq(device->compatible, "thing");
	ck_assert_uint_eq(device->compatible_size, sizeof("thing"));
	ck_assert_uint_eq(device->regions[0].size, 64 * KIB);
	ck_assert_uint_eq(device->regions[0].nr_areas, 1);
	ck_assert_uint_eq(device->regions[1].size, 0);
	ck_assert_uint_eq(device->regions[2].size, 256);
	ck_assert_uint_eq(device->regions[4].size, 0);
	ck_assert_uint_eq(device->irq_count[0], 1);
	ck_assert_uint_eq(device->irq_count[1], 0);
	ck_assert(device->irq_is_line[0]);
	ck_assert_int_eq(group_device_set_irqs(device, 0, &fd, 1), 0);
	ck_assert_int_eq(group_device_set_irqs(device, 1, &fd, 1), -EINVAL);
	ck_assert_int_eq(group_device_set_irqs(device, GROUP_MAX_IRQS, &fd, 0), -EINVAL);
	ck_assert_int_eq(group_device_unmask(device, 0), 0);
	ck_assert_int_eq(group_device_unmask(device, GROUP_MAX_IRQS), -EINVAL);
	ck_assert_int_eq(group_device_set_irqs(device, 0, NULL, 0), 0);
	ck_assert_str_eq(fake_devices.trace, "on0*1 off0 ");
	group_close(group);
	close(fd);
	ck_assert_str_eq(fake_log(&fake_devices.host), "");
	expect_closed();
}
END_TEST

/* With a node the guest's drivers find the device by what that says; all of it, or nothing. */
START_TEST(test_platform_compatible)
{
	static const char strings[] = "vendor,thing-2\0vendor,thing";
	struct group *group;
	char path[160];
	FILE *file;

	make_platform();
	fake_file(&fake_devices.host, "", PLATFORM_FOLDER "/of_node/compatible");
	snprintf(path, sizeof(path), "%s/" PLATFORM_FOLDER "/of_node/compatible",
		 fake_devices.host.folder);
	file = fopen(path, "w");
	ck_assert_uint_eq(fwrite(strings, sizeof(strings), 1, file), 1);
	fclose(file);
	ck_assert_int_eq(open_group(&group), 0);
	ck_assert_uint_eq(group->devices[0].compatible_size, sizeof(strings));
	ck_assert_int_eq(memcmp(group->devices[0].compatible, strings, sizeof(strings)), 0);
	group_close(group);
	fake_file(&fake_devices.host, "without its end", PLATFORM_FOLDER "/of_node/compatible");
	ck_assert_int_eq(open_group(&group), 0);
	ck_assert_str_eq(group->devices[0].compatible, "thing");
	group_close(group);
}
END_TEST

START_TEST(test_platform_errors)
{
	static const struct {
		uint32_t flags, nr_regions, nr_irqs;
		bool mixed;
		int error;
		const char *text;
	} cases[] = {
		{VFIO_DEVICE_FLAGS_PLATFORM, 9, 1, false, -E2BIG, "more than 8 regions or 8 interr"},
		{VFIO_DEVICE_FLAGS_PLATFORM, 1, 9, false, -E2BIG, "more than 8 regions or 8 interr"},
		{VFIO_DEVICE_FLAGS_PCI, 9, 5, false, -ENODEV, "cannot open thing.0 of group 7"},
		{VFIO_DEVICE_FLAGS_PLATFORM, 1, 1, true, -ENOTSUP, "has PCI and platform devices"},
	};

	make_platform();
	fake_devices.device_flags = (uint16_t)cases[_i].flags;
	fake_devices.nr_regions = cases[_i].nr_regions;
	fake_devices.nr_irqs = cases[_i].nr_irqs;
	if (cases[_i].mixed)
		fake_devgroup_add(&fake_devices.host, GROUP, functions[0]);
	expect_refused(cases[_i].error, cases[_i].text);
}
END_TEST

/* The largest power of two that fits into the place for the window. */
START_TEST(test_window_size)
{
	struct group *group;

	fake.default_size = 0xc0001000;
	ck_assert_int_eq(open_group(&group), 0);
	ck_assert_uint_eq(group->window.size, 2 * GIB);
	group_close(group);
}
END_TEST

/* Another one, if the driver says that the group can have it; how deep it is the driver knows. */
START_TEST(test_windows)
{
	struct group_dma_window window = { 1, 64 * GIB, 16 };
	struct group *group;

	fake.page_sizes = 0x11000;
	ck_assert_int_eq(open_group(&group), 0);
	ck_assert_uint_eq(group->dma.max_windows, 0);
	group_close(group);
	fake.capabilities |= DEVGROUP_CAP_DDW;
	ck_assert_int_eq(open_group(&group), 0);
	ck_assert_uint_eq(group->dma.page_sizes, 0x11000);
	ck_assert_uint_eq(group->dma.max_windows, 2);
	ck_assert_int_eq(group_create_window(group, &window), 0);
	ck_assert_uint_eq(window.iova, 0x10000000);
	ck_assert_uint_eq(fake.created.size, 64 * GIB);
	ck_assert_uint_eq(fake.created.page_shift, 16);
	ck_assert_uint_eq(fake.created.levels, 0);
	window.iova = 0x800000000000000;
	ck_assert_int_eq(group_remove_window(group, &window), 0);
	ck_assert_uint_eq(fake.removed.start, 0x800000000000000);
	fake.create_error = -ENOSPC;
	ck_assert_int_eq(group_create_window(group, &window), -ENOSPC);
	fake.dma_error = -EINVAL;
	ck_assert_int_eq(group_remove_window(group, &window), -EINVAL);
	group_close(group);
}
END_TEST

START_TEST(test_reset)
{
	struct group *group;

	fake_devices.can_reset[2] = false;	/* only with its bus */
	ck_assert_int_eq(open_group(&group), 0);
	ck_assert_uint_eq(fake.resets, 1);
	ck_assert_int_eq(group_reset(group), 0);
	ck_assert_uint_eq(fake.resets, 2);
	/* Not possible is said once, and is no error. */
	fake.reset_error = -ENOTTY;
	ck_assert_int_eq(group_reset(group), 0);
	ck_assert_contains(fake_log(&fake_devices.host), "a device has no reset of its own");
	ck_assert_int_eq(group_reset(group), 0);
	ck_assert_str_eq(fake_log(&fake_devices.host), "");
	fake.reset_error = -EIO;
	ck_assert_int_eq(group_reset(group), -EIO);
	ck_assert_contains(fake_log(&fake_devices.host), "cannot reset group 7");
	group_close(group);
}
END_TEST

START_TEST(test_dma)
{
	struct group *group;

	ck_assert_int_eq(open_group(&group), 0);
	ck_assert_int_eq(group_register_memory(group, 0x10000, 0x20000), 0);
	ck_assert_uint_eq(fake.registered.vaddr, 0x10000);
	ck_assert_uint_eq(fake.registered.size, 0x20000);
	ck_assert_int_eq(group_map(group, &group->window, 0x10003000, 0x15000, 0x2000, true, false), 0);
	ck_assert_uint_eq(fake.mapped.iova, 0x10003000);
	ck_assert_uint_eq(fake.mapped.vaddr, 0x15000);
	ck_assert_uint_eq(fake.mapped.size, 0x2000);
	ck_assert_uint_eq(fake.mapped.flags, DEVGROUP_MAP_READ);
	ck_assert_int_eq(group_map(group, &group->window, 0x10003000, 0x15000, 0x2000, false, true), 0);
	ck_assert_uint_eq(fake.mapped.flags, DEVGROUP_MAP_WRITE);
	ck_assert_int_eq(group_unmap(group, &group->window, 0x10003000, 0x2000), 0);
	ck_assert_uint_eq(fake.unmapped.iova, 0x10003000);
	ck_assert_uint_eq(fake.unmapped.size, 0x2000);
	ck_assert_int_eq(group_unmap(group, &group->window, 0x10004000, 0x1000), 0);
	ck_assert_uint_eq(fake.unmapped_page, 0x10004000);
	ck_assert_uint_eq(fake.unmapped.iova, 0x10003000);
	ck_assert_int_eq(group_unregister_memory(group, 0x10000, 0x20000), 0);
	ck_assert_uint_eq(fake.unregistered.vaddr, 0x10000);
	fake.dma_error = -ENOMEM;
	ck_assert_int_eq(group_register_memory(group, 0x10000, 0x20000), -ENOMEM);
	ck_assert_int_eq(group_unregister_memory(group, 0x10000, 0x20000), -ENOMEM);
	ck_assert_int_eq(group_map(group, &group->window, 0x10003000, 0x15000, 0x2000, true, true), -ENOMEM);
	ck_assert_int_eq(group_unmap(group, &group->window, 0x10003000, 0x2000), -ENOMEM);
	ck_assert_int_eq(group_unmap(group, &group->window, 0x10003000, 0x1000), -ENOMEM);
	group_close(group);
}
END_TEST

START_TEST(test_dma_list)
{
	uint64_t entries[GROUP_LIST_MAX + 1] = {0x15001, 0x25003, 0, 0xfff0};
	struct group *group;

	ck_assert_int_eq(open_group(&group), 0);
	ck_assert_int_eq(group_map_list(group, &group->window, 0x10003000, entries, 4), 0);
	ck_assert_uint_eq(fake.list.iova, 0x10003000);
	ck_assert_uint_eq(fake.list.entries, (uintptr_t)entries);
	ck_assert_uint_eq(fake.list.count, 4);
	fake.dma_error = -ENOMEM;
	ck_assert_int_eq(group_map_list(group, &group->window, 0x10003000, entries, 4), -ENOMEM);
	fake.list.count = 0;
	ck_assert_int_eq(group_map_list(group, &group->window, 0x10003000, entries, GROUP_LIST_MAX + 1), -EINVAL);
	ck_assert_int_eq(group_map_list(group, &group->window, 0x10003000, entries, 0), -EINVAL);
	ck_assert_int_eq(group_map_list(group, &group->window, 0x10003004, entries, 1), -EINVAL);
	ck_assert_int_eq(group_map_list(group, &group->window, 0x8ffff000, entries, 2), -EINVAL);
	ck_assert_int_eq(group_map_list(group, &group->window, 0xfff000, entries, 2), -EINVAL);
	entries[1] = 0x25801;
	ck_assert_int_eq(group_map_list(group, &group->window, 0x10003000, entries, 2), -EINVAL);
	ck_assert_uint_eq(fake.list.count, 0);
	group_close(group);
}
END_TEST

/* One for all IOMMU groups, which KVM need not have for long. */
START_TEST(test_kvm_file)
{
	struct group *group;
	char path[256];
	int fd;

	ck_assert_int_eq(open_group(&group), 0);
	fd = group_kvm_file(group);
	ck_assert_int_ge(fd, 0);
	path_of(fd, path);
	ck_assert_ptr_nonnull(strstr(path, "/device-0"));
	close(fd);
	ck_assert_int_eq(group_kvm_hide(group), 0);
	expect_commands("k");
	fake.bind_error = -EBUSY;
	ck_assert_int_eq(group_kvm_file(group), -EBUSY);
	group_close(group);
}
END_TEST

/* Isolated by software: what the platform has not frozen it need not release. */
START_TEST(test_recovery)
{
	enum group_error_state state;
	struct group *group;

	fake.capabilities = DEVGROUP_CAP_FREEZE;
	ck_assert_int_eq(open_group(&group), 0);
	ck_assert_int_eq(group_recovery_enable(group), 0);
	fake.error.state = DEVGROUP_MMIO_ENABLED;
	ck_assert_int_eq(group_recovery_state(group, &state), 0);
	ck_assert_int_eq(state, GROUP_MMIO_ENABLED);
	ck_assert_int_eq(group_recovery_freeze(group), 0);
	expect_commands("f");
	ck_assert_int_eq(group_recovery_release(group, GROUP_RELEASE_MMIO), 0);
	ck_assert_uint_eq(fake.command.flags, DEVGROUP_RELEASE_MMIO);
	ck_assert_int_eq(group_recovery_release(group, GROUP_RELEASE_DMA), 0);
	ck_assert_uint_eq(fake.command.flags, DEVGROUP_RELEASE_DMA);
	ck_assert_int_eq(group_recovery_configure(group), 0);
	ck_assert_int_eq(group_recovery_inject(group, true, 3), 0);
	expect_commands("uucf");
	ck_assert_int_eq(group_recovery_reset(group, GROUP_RESET_FUNDAMENTAL), -EOPNOTSUPP);
	ck_assert_int_eq(group_recovery_reset(group, GROUP_RESET_HOT), 0);
	ck_assert_int_eq(group_recovery_reset(group, GROUP_RESET_END), 0);
	expect_commands("fr");
	fake.reset_error = -EIO;
	ck_assert_int_eq(group_recovery_reset(group, GROUP_RESET_END), -EIO);
	fake.command_error = -EIO;
	ck_assert_int_eq(group_recovery_state(group, &state), -EIO);
	ck_assert_int_eq(group_recovery_freeze(group), -EIO);
	ck_assert_int_eq(group_recovery_release(group, GROUP_RELEASE_MMIO), -EIO);
	ck_assert_int_eq(group_recovery_configure(group), -EIO);
	group_close(group);
}
END_TEST

/* With EEH the devices must answer before the driver resets them, and are released after. */
START_TEST(test_recovery_platform)
{
	struct group *group;

	ck_assert_int_eq(open_group(&group), 0);
	ck_assert_int_eq(group_recovery_reset(group, GROUP_RESET_END), 0);
	expect_commands("uru");
	ck_assert_uint_eq(fake.command.flags, DEVGROUP_RELEASE_MMIO | DEVGROUP_RELEASE_DMA);
	fake.command_error = -EIO;
	ck_assert_int_eq(group_recovery_reset(group, GROUP_RESET_END), -EIO);
	expect_commands("u");
	group_close(group);
}
END_TEST

START_TEST(test_no_recovery)
{
	struct group *group;

	fake.capabilities = DEVGROUP_CAP_MSIX_TABLE_GUARDED;
	ck_assert_int_eq(open_group(&group), 0);
	ck_assert_ptr_null(group->recovery);
	ck_assert_int_eq(group_recovery_freeze(group), -EOPNOTSUPP);
	group_close(group);
}
END_TEST

static Suite *group_devgroup_suite(void)
{
	const TTest *const tests[] = {
		test_open, test_open_every_failure, test_window_size, test_windows, test_places,
		test_reset,
		test_dma, test_dma_list, test_kvm_file, test_recovery,
		test_recovery_platform, test_no_recovery,
	};
	Suite *suite = suite_create("group_devgroup");
	TCase *tcase = tcase_create("group_devgroup");
	size_t i;

	tcase_add_checked_fixture(tcase, setup, backend_teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, test_open_errors, 0, 7);
	tcase_add_loop_test(tcase, test_file_errors, 0, 7);
	tcase_add_test(tcase, test_platform);
	tcase_add_test(tcase, test_platform_compatible);
	tcase_add_loop_test(tcase, test_platform_errors, 0, 4);
	for (i = 0; i < ARRAY_SIZE(tests); i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(group_devgroup_suite());
}

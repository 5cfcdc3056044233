// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The VFIO backend against a kernel that this program plays itself: container and group are
 * plain files, too, like the devices of fake_devices.h. Any call can be made to fail.
 */
#include <unistd.h>

#include "tests/unit/backend_tests.h"
#include "tests/unit/capture.h"
#include "vmm/group/vfio.h"

static struct {
	bool viable, attached, has_iommu;
	int hot_reset_error;	/* of the bus; 0: works */
	uint32_t foreign_group;	/* a further device on the bus is in it; 0: none */
	uint32_t window_start, window_size;
	int window_error;	/* of making it; 0: works */
	bool window_removed;
	struct vfio_iommu_type1_dma_map mapped;
	struct group_area unmapped;
	struct vfio_iommu_spapr_register_memory registered;
	int dma_error;
	bool has_eeh;
	int eeh_result;		/* of all its operations */
	struct vfio_eeh_pe_op eeh_op;	/* the last one */
	struct vfio_iommu_spapr_tce_ddw_info ddw;	/* without levels: none */
	bool window64;			/* the next window is not the default one */
	struct vfio_iommu_spapr_tce_create created;
	struct vfio_iommu_spapr_tce_remove removed;
} fake;

static int group_ioctl(unsigned long request, void *arg)
{
	struct vfio_group_status *status = arg;
	char path[256];

	switch (request) {
	case VFIO_GROUP_GET_STATUS:
		status->flags = fake.viable ? VFIO_GROUP_FLAGS_VIABLE : 0;
		return 0;
	case VFIO_GROUP_SET_CONTAINER:
		path_of(*(int *)arg, path);
		fake.attached = strstr(path, "/vfio/vfio") != NULL;
		return fake.attached ? 0 : -EINVAL;
	case VFIO_GROUP_UNSET_CONTAINER:
		if (!fake.attached || count_open("/device-"))
			return -EBUSY;
		trace("unset ");
		fake.attached = false;
		fake.has_iommu = false;
		return 0;
	case VFIO_GROUP_GET_DEVICE_FD:
		return fake.attached && fake.has_iommu ? fake_device_open(arg) : -ENODEV;
	}
	return -ENOTTY;
}

static int dma_ioctl(unsigned long request, void *arg)
{
	const struct vfio_iommu_type1_dma_unmap *unmap = arg;
	struct vfio_iommu_spapr_tce_create *create = arg;
	struct vfio_iommu_spapr_tce_info *info = arg;

	switch (request) {
	case VFIO_EEH_PE_OP:
		fake.eeh_op = *(struct vfio_eeh_pe_op *)arg;
		ck_assert_uint_eq(fake.eeh_op.argsz, sizeof(fake.eeh_op));
		ck_assert_uint_eq(fake.eeh_op.flags, 0);
		return fake.eeh_result;
	case VFIO_IOMMU_SPAPR_TCE_GET_INFO:
		info->dma32_window_start = fake.window_start;
		info->dma32_window_size = fake.window_size;
		info->flags = fake.ddw.levels ? VFIO_IOMMU_SPAPR_INFO_DDW : 0;
		info->ddw = fake.ddw;
		return 0;
	case VFIO_IOMMU_SPAPR_TCE_REMOVE:
		fake.removed = *(struct vfio_iommu_spapr_tce_remove *)arg;
		fake.window_removed = true;
		return fake.removed.start_addr == 1 ? -EINVAL : 0;
	case VFIO_IOMMU_SPAPR_TCE_CREATE:
		fake.created = *create;
		if (fake.window64) {
			create->start_addr = 0x800000000000000;
			return fake.window_error;
		}
		if (create->page_shift != 12 || create->window_size != fake.window_size ||
		    !fake.window_removed)
			return -EINVAL;
		create->start_addr = 0;
		fake.window_removed = false;
		return fake.window_error;
	case VFIO_IOMMU_MAP_DMA:
		fake.mapped = *(struct vfio_iommu_type1_dma_map *)arg;
		return fake.dma_error;
	case VFIO_IOMMU_UNMAP_DMA:
		fake.unmapped.offset = unmap->iova;
		fake.unmapped.size = unmap->size;
		return fake.dma_error;
	case VFIO_IOMMU_SPAPR_REGISTER_MEMORY:
	case VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY:
		fake.registered = *(struct vfio_iommu_spapr_register_memory *)arg;
		return fake.dma_error;
	}
	return -ENOTTY;
}

static int container_ioctl(unsigned long request, void *arg)
{
	switch (request) {
	case VFIO_GET_API_VERSION:
		return VFIO_API_VERSION;
	case VFIO_CHECK_EXTENSION:
		return (unsigned long)arg == VFIO_SPAPR_TCE_v2_IOMMU ||
		       ((unsigned long)arg == VFIO_EEH && fake.has_iommu && fake.has_eeh);
	case VFIO_SET_IOMMU:
		fake.has_iommu = fake.attached;
		return fake.attached ? 0 : -EINVAL;
	}
	return fake.has_iommu ? dma_ioctl(request, arg) : -EINVAL;
}

static int hot_reset_info(struct vfio_pci_hot_reset_info *info)
{
	uint32_t count = NR_FUNCTIONS + (fake.foreign_group != 0), i;
	uint32_t room = (info->argsz - (uint32_t)sizeof(*info)) / sizeof(info->devices[0]);

	info->count = count;
	if (fake.hot_reset_error)
		return fake.hot_reset_error;
	if (room < count)
		return -ENOSPC;
	for (i = 0; i < count; i++) {
		info->devices[i].group_id = i < NR_FUNCTIONS ? GROUP : fake.foreign_group;
		info->devices[i].segment = 2;
		info->devices[i].bus = 2;
		info->devices[i].devfn = 1 << 3 | (i == 2 ? 7 : i);
	}
	return 0;
}

static int hot_reset(const struct vfio_pci_hot_reset *reset)
{
	char path[256];

	path_of(reset->group_fds[0], path);
	if (reset->count != 1 || !strstr(path, "/vfio/7"))
		return -EINVAL;
	trace("bus ");
	return 0;
}

static int backend_ioctl(const char *path, unsigned long request, void *arg)
{
	return strstr(path, "/vfio/vfio") ? container_ioctl(request, arg) :
					    group_ioctl(request, arg);
}

static int backend_device_ioctl(unsigned function, unsigned long request, void *arg)
{
	if (request == VFIO_DEVICE_GET_PCI_HOT_RESET_INFO)
		return hot_reset_info(arg);
	if (request != VFIO_DEVICE_PCI_HOT_RESET && request != VFIO_DEVICE_RESET)
		return -ENOTTY;
	ck_assert_uint_eq(command_of(function), 0);	/* quiet before */
	if (fake_devices.busy_resets) {
		fake_devices.busy_resets--;
		return -EAGAIN;
	}
	if (request == VFIO_DEVICE_PCI_HOT_RESET)
		return hot_reset(arg);
	trace("reset%u ", function);
	return fake_devices.can_reset[function] ? 0 : -EINVAL;
}

static void setup(void)
{
	memset(&fake, 0, sizeof(fake));
	fake_devices_init();
	strcpy(backend.path, "/sys/kernel/iommu_groups/7");
	backend.open = vfio_group_open;
	fake_file(&fake_devices.host, "", "dev/vfio/7");
	fake.viable = true;
	fake.window_size = 0x80000000;
}

START_TEST(test_open)
{
	struct group *group;

	ck_assert_int_eq(open_group(&group), 0);
	expect_opened(group);
	ck_assert_uint_eq(group->window.iova, 0);
	ck_assert_str_eq(fake_devices.trace, "");	/* functions are reset by being opened */
	group_close(group);
	ck_assert_str_eq(fake_devices.trace, "reset0 reset1 reset2 unset ");
	ck_assert_str_eq(fake_log(&fake_devices.host), "");
	expect_closed();
	group_close(NULL);
}
END_TEST

/*
 * Each call of the kernel failing in turn: one line, and nothing stays open. Only asking for EEH
 * may fail, which means that there is none.
 */
START_TEST(test_open_every_failure)
{
	unsigned at, without_eeh = 0;
	struct group *group;

	fake.has_eeh = true;
	fake_devices.can_reset[1] = false;
	for (at = 1; ; at++) {
		fake_devices.calls = 0;
		fake_devices.fail_at = at;
		fake.attached = fake.has_iommu = false;
		if (open_group(&group) == 0 && fake_devices.calls < at)
			break;
		if (group) {
			ck_assert_ptr_null(group->recovery);
			without_eeh++;
			fake_devices.fail_at = 0;
			group_close(group);
			continue;
		}
		ck_assert_uint_eq(fake_count_lines(fake_log(&fake_devices.host)), 1);
		expect_closed();
	}
	ck_assert_uint_gt(at, 50);
	ck_assert_uint_eq(without_eeh, 2);
	fake_devices.fail_at = 0;
	group_close(group);
}
END_TEST

START_TEST(test_open_errors)
{
	static const struct {
		const char *missing;	/* a file that is not there */
		bool busy, not_viable;
		uint32_t start, size;
		int window_error;
		uint32_t nr_regions;
		int error;
		const char *text;
	} cases[] = {
		{"dev/vfio/vfio", 0, 0, 0, 4096, 0, 9, -ENOENT, "modprobe vfio_iommu"},
		{"dev/vfio/7", 0, 0, 0, 4096, 0, 9, -ENOENT, "run again with --claim"},
		{NULL, true, 0, 0, 4096, 0, 9, -EBUSY, "another process uses the group"},
		{NULL, 0, true, 0, 4096, 0, 9, -EPERM, "group 7 is not free"},
		{NULL, 0, 0, 0, 0, 0, 9, -ENOTSUP, "no 32-bit DMA window"},
		{NULL, 0, 0, 1, 4096, 0, 9, -ENOTSUP, "no 32-bit DMA window"},
		{NULL, 0, 0, 0, 4097, 0, 9, -ENOTSUP, "no 32-bit DMA window"},
		{NULL, 0, 0, 0, 4096, -ENOMEM, 9, -ENOMEM, "ulimit -l"},
		{NULL, 0, 0, 0, 4096, -ENODEV, 9, -ENODEV, "the host gives it no DMA window"},
		{NULL, 0, 0, 0, 4096, 0, 7, -ENODEV, "cannot open 0002:02:01.0 of group 7"},
	};

	if (cases[_i].missing)
		fake_remove(&fake_devices.host, cases[_i].missing);
	if (cases[_i].busy)
		snprintf(fake_sysfs.busy, sizeof(fake_sysfs.busy), "%s/vfio/7", fake_devices.host.dev);
	fake.viable = !cases[_i].not_viable;
	fake.window_start = cases[_i].start;
	fake.window_size = cases[_i].size;
	fake.window_error = cases[_i].window_error;
	fake_devices.nr_regions = cases[_i].nr_regions;
	expect_refused(cases[_i].error, cases[_i].text);
}
END_TEST

START_TEST(test_open_bridges_only)
{
	struct group_config config = {.path = backend.path};
	struct host_group host = {.number = GROUP, .nr_devices = 1};
	struct group *group;

	host.devices[0].is_bridge = true;
	ck_assert_int_eq(vfio_group_open(&fake_devices.host.root, &host, &config, &fake_devices.host.log, &group),
			 -ENODEV);
	ck_assert_contains(fake_log(&fake_devices.host), "group 7 holds bridges only");
	expect_closed();
}
END_TEST

START_TEST(test_reset_kinds)
{
	static const struct {
		bool can_reset[NR_FUNCTIONS];
		int bus_error;
		uint32_t foreign;
		unsigned busy;
		const char *opened, *reset, *text;
	} cases[] = {
		{{true, true, true}, 0, 0, 3, "", "reset0 reset1 reset2 ", ""},
		{{false, false, false}, 0, 0, 0, "bus ", "bus ", ""},
		{{true, false, true}, 0, 0, 2, "bus ", "bus ", ""},
		{{true, false, true}, -ENODEV, 0, 0, "", "reset0 reset2 ", "02:01.1 cannot be reset"},
		{{true, false, true}, 0, 9, 0, "", "reset0 reset2 ", "02:01.1 cannot be reset"},
		{{true, true, false}, -EPERM, 0, 0, "", "reset0 reset1 ", "02:01.7 cannot be reset"},
	};
	struct group *group;
	unsigned i;

	for (i = 0; i < NR_FUNCTIONS; i++)
		fake_devices.can_reset[i] = cases[_i].can_reset[i];
	fake.hot_reset_error = cases[_i].bus_error;
	fake.foreign_group = cases[_i].foreign;
	fake_devices.busy_resets = cases[_i].busy;
	ck_assert_int_eq(open_group(&group), 0);
	ck_assert_str_eq(fake_devices.trace, cases[_i].opened);
	ck_assert_contains(fake_log(&fake_devices.host), cases[_i].text);
	fake_devices.trace[0] = '\0';
	ck_assert_int_eq(group_reset(group), 0);	/* said once, not at each reboot */
	ck_assert_str_eq(fake_devices.trace, cases[_i].reset);
	ck_assert_str_eq(fake_log(&fake_devices.host), "");
	group_close(group);
}
END_TEST

START_TEST(test_reset_fails)
{
	struct group *group;

	ck_assert_int_eq(open_group(&group), 0);
	fake_devices.busy_resets = 1000;
	ck_assert_int_eq(group_reset(group), -EAGAIN);
	ck_assert_contains(fake_log(&fake_devices.host), "cannot reset 0002:02:01.0: ");
	fake_devices.busy_resets = 0;
	fake_devices.can_reset[1] = false;
	ck_assert_int_eq(group_reset(group), -EINVAL);
	group_close(group);
	expect_closed();
}
END_TEST

START_TEST(test_reset_quiesces)
{
	struct group_device *device;
	struct group *group;
	le16 command = htole16(PCI_COMMAND_MASTER);
	int fds[2] = {-1, -1};

	ck_assert_int_eq(open_group(&group), 0);
	device = &group->devices[1];
	ck_assert_int_eq(group_device_write(device, GROUP_REGION_CONFIG, PCI_COMMAND, &command, 2),
			 0);
	ck_assert_int_eq(group_device_set_irqs(device, GROUP_IRQ_MSIX, fds, 2), 0);
	fake_devices.trace[0] = '\0';
	ck_assert_int_eq(group_reset(group), 0);
	ck_assert_str_eq(fake_devices.trace, "off2 reset0 reset1 reset2 ");
	ck_assert_uint_eq(command_of(1), 0);
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
	ck_assert_int_eq(group_map(group, &group->window, 0x3000, 0x15000, 0x2000, true, false), 0);
	ck_assert_uint_eq(fake.mapped.iova, 0x3000);
	ck_assert_uint_eq(fake.mapped.vaddr, 0x15000);
	ck_assert_uint_eq(fake.mapped.size, 0x2000);
	ck_assert_uint_eq(fake.mapped.flags, VFIO_DMA_MAP_FLAG_READ);
	ck_assert_int_eq(group_map(group, &group->window, 0x3000, 0x15000, 0x2000, true, true), 0);
	ck_assert_uint_eq(fake.mapped.flags, VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);
	ck_assert_int_eq(group_unmap(group, &group->window, 0x3000, 0x2000), 0);
	ck_assert_uint_eq(fake.unmapped.offset, 0x3000);
	ck_assert_uint_eq(fake.unmapped.size, 0x2000);
	ck_assert_int_eq(group_unregister_memory(group, 0x10000, 0x20000), 0);
	fake.dma_error = -ENOMEM;
	ck_assert_int_eq(group_register_memory(group, 0x10000, 0x20000), -ENOMEM);
	ck_assert_int_eq(group_unregister_memory(group, 0x10000, 0x20000), -ENOMEM);
	ck_assert_int_eq(group_map(group, &group->window, 0x3000, 0x15000, 0x2000, true, true), -ENOMEM);
	ck_assert_int_eq(group_unmap(group, &group->window, 0x3000, 0x2000), -ENOMEM);
	fake.dma_error = 3;	/* as many pages as the host had */
	ck_assert_int_eq(group_register_memory(group, 0x10000, 0x20000), -ENOMEM);
	fake.dma_error = -EPERM;	/* nothing registered yet, so nothing to unmap */
	ck_assert_int_eq(group_unmap(group, &group->window, 0x3000, 0x2000), 0);
	group_close(group);
}
END_TEST

/* A table's level is at most 4 MiB large, and there are as many as that takes. */
START_TEST(test_windows)
{
	static const struct {
		uint64_t size;
		unsigned page_shift, levels;
	} cases[] = {
		{ 2 * GIB, 12, 1 }, { 4 * GIB, 12, 2 }, { 32 * GIB, 16, 1 }, { 64 * GIB, 16, 2 },
		{ 1ULL << 52, 12, 3 }, { 1ULL << 63, 12, 3 },
	};
	struct group_dma_window window;
	struct group *group;

	fake.ddw = (struct vfio_iommu_spapr_tce_ddw_info){
		.pgsizes = 0x11000, .max_dynamic_windows_supported = 2, .levels = 3,
	};
	ck_assert_int_eq(open_group(&group), 0);
	ck_assert_uint_eq(group->dma.page_sizes, 0x11000);
	ck_assert_uint_eq(group->dma.max_windows, 2);
	fake.window64 = true;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		window = (struct group_dma_window){ 1, cases[i].size, cases[i].page_shift };
		ck_assert_int_eq(group_create_window(group, &window), 0);
		ck_assert_uint_eq(window.iova, 0x800000000000000);
		ck_assert_uint_eq(fake.created.window_size, cases[i].size);
		ck_assert_uint_eq(fake.created.page_shift, cases[i].page_shift);
		ck_assert_uint_eq(fake.created.levels, cases[i].levels);
	}
	ck_assert_int_eq(group_remove_window(group, &window), 0);
	ck_assert_uint_eq(fake.removed.start_addr, 0x800000000000000);
	window.iova = 1;
	ck_assert_int_eq(group_remove_window(group, &window), -EINVAL);
	fake.window_error = -ENOMEM;
	ck_assert_int_eq(group_create_window(group, &window), -ENOMEM);
	fake.window_error = 0;
	group_close(group);
}
END_TEST

START_TEST(test_windows_bad)
{
	static const struct group_dma_window cases[] = {
		{ 0, 0, 12 }, { 0, 3 * GIB, 12 }, { 0, 2048, 12 }, { 0, GIB, 13 }, { 0, GIB, 64 },
		{ 0, GIB, 0 },
	};
	struct group_dma_window window = cases[_i];
	struct group *group;

	ck_assert_int_eq(open_group(&group), 0);
	/* A host that says nothing of windows has just the default one. */
	ck_assert_uint_eq(group->dma.page_sizes, 0x1000);
	ck_assert_uint_eq(group->dma.max_windows, 0);
	ck_assert_int_eq(group_create_window(group, &window), -EINVAL);
	group_close(group);
}
END_TEST

/* The default window again, if it was removed, and where it was. */
START_TEST(test_restore)
{
	struct group *group;

	ck_assert_int_eq(open_group(&group), 0);
	memset(&fake.created, 0, sizeof(fake.created));
	ck_assert_int_eq(group_restore_window(group), 0);
	ck_assert_uint_eq(fake.created.window_size, 0);
	ck_assert_int_eq(group_remove_window(group, &group->window), 0);
	group->window_lost = true;
	fake.window_error = -ENOMEM;
	ck_assert_int_eq(group_restore_window(group), -ENOMEM);
	fake.window_error = 0;
	fake.window64 = true;
	ck_assert_int_eq(group_restore_window(group), -ENOSPC);
	ck_assert_uint_eq(fake.removed.start_addr, 0x800000000000000);
	ck_assert(group->window_lost);
	fake.window64 = false;
	ck_assert_int_eq(group_restore_window(group), 0);
	ck_assert(!group->window_lost);
	group_close(group);
}
END_TEST

/* Outside the window, wrapping, unaligned, empty, without direction. */
START_TEST(test_dma_bad)
{
	static const struct {
		uint64_t iova, hva, size;
		bool direction;
	} cases[] = {
		{0x80000000, 0, 0x1000, true}, {0x7ffff000, 0, 0x2000, true},
		{~0xfffULL, 0, 0x2000, true}, {0, 0, ~0xfffULL, true}, {0x800, 0, 0x1000, true},
		{0, 0x800, 0x1000, true}, {0, 0, 0x800, true}, {0, 0, 0, true},
		{0, ~0xfffULL, 0x2000, true}, {0, 0, 0x1000, false},
	};
	struct group *group;

	ck_assert_int_eq(open_group(&group), 0);
	ck_assert_int_eq(group_map(group, &group->window, cases[_i].iova, cases[_i].hva, cases[_i].size,
				   cases[_i].direction, cases[_i].direction), -EINVAL);
	ck_assert_int_eq(group_map(group, &group->window, 0x7ffff000, 0, 0x1000, true, true), 0);
	ck_assert_int_eq(group_unmap(group, &group->window, 0x7ffff000, 0x2000), -EINVAL);
	group_close(group);
}
END_TEST

START_TEST(test_irqs)
{
	struct group_device *device;
	struct group *group;
	int fds[64] = {-1};

	ck_assert_int_eq(open_group(&group), 0);
	device = &group->devices[0];
	fake_devices.trace[0] = '\0';
	ck_assert_int_eq(group_device_set_irqs(device, GROUP_IRQ_INTX, fds, 1), 0);
	ck_assert_int_eq(group_device_unmask(device, GROUP_IRQ_INTX), 0);
	ck_assert_int_eq(group_device_set_irqs(device, GROUP_IRQ_MSI, fds, 4), 0);
	ck_assert_int_eq(group_device_unmask(device, GROUP_IRQ_INTX), -EINVAL);
	ck_assert_int_eq(group_device_set_irqs(device, GROUP_IRQ_MSI, fds, 8), 0);
	ck_assert_int_eq(group_device_set_irqs(device, GROUP_IRQ_MSIX, fds, 16), 0);
	ck_assert_int_eq(group_device_set_irqs(device, GROUP_IRQ_MSI, NULL, 0), 0);
	ck_assert_int_eq(group_device_set_irqs(device, GROUP_IRQ_MSIX, NULL, 0), 0);
	ck_assert_int_eq(group_device_set_irqs(device, GROUP_IRQ_MSIX, NULL, 0), 0);
	ck_assert_str_eq(fake_devices.trace, "on0*1 off0 on1*4 off1 on1*8 off1 on2*16 off2 ");
	ck_assert_int_eq(group_device_set_irqs(device, GROUP_IRQ_MSIX, fds, 17), -EINVAL);
	ck_assert_int_eq(group_device_set_irqs(device, GROUP_IRQ_MSI, fds, 33), -EINVAL);
	ck_assert_int_eq(group_device_set_irqs(device, GROUP_IRQ_COUNT, fds, 1), -EINVAL);
	ck_assert_int_eq(group_device_set_irqs(device, GROUP_IRQ_MSI, fds, UINT32_MAX), -EINVAL);
	fake_devices.vectors_left = 3;
	ck_assert_int_eq(group_device_set_irqs(device, GROUP_IRQ_MSIX, fds, 4), -ENOSPC);
	device->irq_count[GROUP_IRQ_MSI] = 0;
	ck_assert_int_eq(group_device_set_irqs(device, GROUP_IRQ_MSI, NULL, 0), 0);
	group_close(group);
}
END_TEST

START_TEST(test_regions)
{
	struct group_device *device;
	struct group_area area = {0, 64 * KIB};
	struct group *group;
	uint8_t data[4] = {1, 2, 3, 4}, back[4] = {0};
	void *mapped;

	ck_assert_int_eq(open_group(&group), 0);
	device = &group->devices[0];
	ck_assert_int_eq(group_device_write(device, 0, 0xfffc, data, 4), 0);
	ck_assert_int_eq(group_device_read(device, 0, 0xfffc, back, 4), 0);
	ck_assert_mem_eq(data, back, 4);
	ck_assert_int_eq(group_device_map(device, 0, &area, &mapped), 0);
	ck_assert_mem_eq((uint8_t *)mapped + 0xfffc, data, 4);
	group_device_unmap(device, mapped, area.size);
	ck_assert_int_eq(group_device_read(device, 0, 0xfffd, back, 4), -EINVAL);
	ck_assert_int_eq(group_device_read(device, 0, UINT64_MAX, back, 4), -EINVAL);
	ck_assert_int_eq(group_device_read(device, 1, 0, back, 4), -EINVAL);
	ck_assert_int_eq(group_device_read(device, GROUP_REGION_COUNT, 0, back, 4), -EINVAL);
	ck_assert_int_eq(group_device_write(device, 0, 0xfffd, data, 4), -EINVAL);
	ck_assert_int_eq(group_device_write(device, GROUP_REGION_ROM, 0, data, 4), -EACCES);
	device->regions[4].readable = false;
	ck_assert_int_eq(group_device_read(device, 4, 0, back, 4), -EACCES);
	ck_assert_int_eq(group_device_map(device, 4, &area, &mapped), -EINVAL);
	ck_assert_int_eq(group_device_map(device, GROUP_REGION_COUNT, &area, &mapped), -EINVAL);
	area.offset = PAGE;
	ck_assert_int_eq(group_device_map(device, 0, &area, &mapped), -EINVAL);
	area.size = 0;
	ck_assert_int_eq(group_device_map(device, 0, &area, &mapped), -EINVAL);
	ck_assert_int_eq(ftruncate(device->fd, 2), 0);
	ck_assert_int_eq(group_device_read(device, 0, 0, back, 4), -EIO);
	ck_assert_int_eq(ftruncate(device->fd, 8 << REGION_SHIFT), 0);
	group_close(group);
}
END_TEST

static void open_with_eeh(struct group **group)
{
	fake.has_eeh = true;
	ck_assert_int_eq(open_group(group), 0);
	ck_assert_ptr_nonnull((*group)->recovery);
	ck_assert_uint_ne((*group)->capabilities & GROUP_CAP_EEH, 0);
}

START_TEST(test_eeh)
{
	static const struct {
		enum group_reset_step step;
		uint32_t op;
	} resets[] = {
		{GROUP_RESET_HOT, VFIO_EEH_PE_RESET_HOT},
		{GROUP_RESET_FUNDAMENTAL, VFIO_EEH_PE_RESET_FUNDAMENTAL},
		{GROUP_RESET_END, VFIO_EEH_PE_RESET_DEACTIVATE},
	};
	struct group *group;
	unsigned i;

	open_with_eeh(&group);
	ck_assert_int_eq(group_recovery_enable(group), 0);
	ck_assert_uint_eq(fake.eeh_op.op, VFIO_EEH_PE_ENABLE);
	ck_assert_int_eq(group_recovery_release(group, GROUP_RELEASE_MMIO), 0);
	ck_assert_uint_eq(fake.eeh_op.op, VFIO_EEH_PE_UNFREEZE_IO);
	ck_assert_int_eq(group_recovery_release(group, GROUP_RELEASE_DMA), 0);
	ck_assert_uint_eq(fake.eeh_op.op, VFIO_EEH_PE_UNFREEZE_DMA);
	ck_assert_int_eq(group_recovery_configure(group), 0);
	ck_assert_uint_eq(fake.eeh_op.op, VFIO_EEH_PE_CONFIGURE);
	ck_assert_int_eq(group_recovery_inject(group, true, 7), 0);
	ck_assert_uint_eq(fake.eeh_op.op, VFIO_EEH_PE_INJECT_ERR);
	ck_assert_uint_eq(fake.eeh_op.err.type, 1);
	ck_assert_uint_eq(fake.eeh_op.err.func, 7);
	for (i = 0; i < ARRAY_SIZE(resets); i++) {
		ck_assert_int_eq(group_recovery_reset(group, resets[i].step), 0);
		ck_assert_uint_eq(fake.eeh_op.op, resets[i].op);
	}
	ck_assert_int_eq(group_recovery_freeze(group), -EOPNOTSUPP);
	fake.eeh_result = -EIO;
	ck_assert_int_eq(group_recovery_enable(group), -EIO);
	ck_assert_int_eq(group_recovery_release(group, GROUP_RELEASE_MMIO | GROUP_RELEASE_DMA),
			 -EIO);
	ck_assert_uint_eq(fake.eeh_op.op, VFIO_EEH_PE_UNFREEZE_IO);
	ck_assert_int_eq(group_recovery_inject(group, false, 7), -EIO);
	ck_assert_uint_eq(fake.eeh_op.err.type, 0);
	ck_assert_int_eq(group_recovery_reset(group, GROUP_RESET_HOT), -EIO);
	ck_assert_int_eq(group_recovery_reset(group, GROUP_RESET_FUNDAMENTAL), -EOPNOTSUPP);
	group_close(group);
}
END_TEST

START_TEST(test_eeh_states)
{
	static const struct {
		int result, error;
		enum group_error_state state;
	} cases[] = {
		{VFIO_EEH_PE_STATE_NORMAL, 0, GROUP_NORMAL},
		{VFIO_EEH_PE_STATE_RESET, 0, GROUP_UNAVAILABLE},
		{VFIO_EEH_PE_STATE_STOPPED, 0, GROUP_FROZEN},
		{VFIO_EEH_PE_STATE_STOPPED_DMA, 0, GROUP_MMIO_ENABLED},
		{VFIO_EEH_PE_STATE_UNAVAIL, 0, GROUP_UNAVAILABLE},
		{3, -EBADMSG, GROUP_NORMAL},
		{-EIO, -EIO, GROUP_NORMAL},
	};
	enum group_error_state state = GROUP_NORMAL;
	struct group *group;
	unsigned i;

	open_with_eeh(&group);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		fake.eeh_result = cases[i].result;
		ck_assert_int_eq(group_recovery_state(group, &state), cases[i].error);
		ck_assert_uint_eq(fake.eeh_op.op, VFIO_EEH_PE_GET_STATE);
		if (!cases[i].error)
			ck_assert_int_eq(state, cases[i].state);
	}
	group_close(group);
}
END_TEST

/* A kernel without EEH; one that has it, but no PE for the group. */
START_TEST(test_no_eeh)
{
	struct group *group;

	fake.has_eeh = _i;
	fake.eeh_result = -ENODEV;
	ck_assert_int_eq(open_group(&group), 0);
	ck_assert_ptr_null(group->recovery);
	ck_assert_uint_eq(group->capabilities & GROUP_CAP_EEH, 0);
	group_close(group);
}
END_TEST

START_TEST(test_unsupported)
{
	static const struct group_ops group_ops = {.name = "none"};
	static const struct group_device_ops device_ops = {.read = NULL};
	struct group group = {.ops = &group_ops};
	struct group_device device = {.ops = &device_ops};
	struct group_area area = {0, 1};
	void *address;
	uint8_t byte;

	ck_assert_int_eq(group_register_memory(&group, 0, 0), -EOPNOTSUPP);
	ck_assert_int_eq(group_unregister_memory(&group, 0, 0), -EOPNOTSUPP);
	ck_assert_int_eq(group_map(&group, &group.window, 0, 0, 0, true, true), -EOPNOTSUPP);
	ck_assert_int_eq(group_unmap(&group, &group.window, 0, 0), -EOPNOTSUPP);
	ck_assert_int_eq(group_reset(&group), -EOPNOTSUPP);
	ck_assert_int_eq(group_kvm_file(&group), -EOPNOTSUPP);
	ck_assert_int_eq(group_kvm_hide(&group), -EOPNOTSUPP);
	ck_assert_int_eq(group_create_window(&group, &group.window), -EOPNOTSUPP);
	ck_assert_int_eq(group_remove_window(&group, &group.window), -EOPNOTSUPP);
	ck_assert_int_eq(group_recovery_enable(&group), -EOPNOTSUPP);
	ck_assert_int_eq(group_recovery_state(&group, NULL), -EOPNOTSUPP);
	ck_assert_int_eq(group_recovery_freeze(&group), -EOPNOTSUPP);
	ck_assert_int_eq(group_recovery_release(&group, 0), -EOPNOTSUPP);
	ck_assert_int_eq(group_recovery_reset(&group, GROUP_RESET_HOT), -EOPNOTSUPP);
	ck_assert_int_eq(group_recovery_configure(&group), -EOPNOTSUPP);
	ck_assert_int_eq(group_recovery_inject(&group, false, 0), -EOPNOTSUPP);
	ck_assert_int_eq(group_device_read(&device, 0, 0, &byte, 1), -EOPNOTSUPP);
	ck_assert_int_eq(group_device_write(&device, 0, 0, &byte, 1), -EOPNOTSUPP);
	ck_assert_int_eq(group_device_map(&device, 0, &area, &address), -EOPNOTSUPP);
	ck_assert_int_eq(group_device_set_irqs(&device, 0, NULL, 0), -EOPNOTSUPP);
	ck_assert_int_eq(group_device_unmask(&device, GROUP_IRQ_INTX), -EOPNOTSUPP);
	group_device_unmap(&device, NULL, 0);
}
END_TEST

/* The group's own file. */
START_TEST(test_kvm_file)
{
	struct group *group;
	char path[256];
	int fd;

	ck_assert_int_eq(open_group(&group), 0);
	fd = group_kvm_file(group);
	ck_assert_int_ge(fd, 0);
	path_of(fd, path);
	ck_assert_ptr_nonnull(strstr(path, "/vfio/7"));
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(group_kvm_hide(group), -EOPNOTSUPP);
	/* It is the caller's. */
	group_close(group);
	ck_assert_int_eq(close(fd), 0);
	expect_closed();
}
END_TEST

static Suite *group_vfio_suite(void)
{
	const TTest *const tests[] = {
		test_open, test_open_every_failure, test_open_bridges_only, test_places,
		test_reset_fails, test_reset_quiesces, test_dma, test_windows, test_restore,
		test_irqs, test_regions, test_unsupported, test_kvm_file, test_eeh, test_eeh_states,
	};
	Suite *suite = suite_create("group_vfio");
	TCase *tcase = tcase_create("group_vfio");
	size_t i;

	tcase_add_checked_fixture(tcase, setup, backend_teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, test_open_errors, 0, 10);
	tcase_add_loop_test(tcase, test_reset_kinds, 0, 6);
	tcase_add_loop_test(tcase, test_dma_bad, 0, 10);
	tcase_add_loop_test(tcase, test_windows_bad, 0, 6);
	tcase_add_loop_test(tcase, test_no_eeh, 0, 2);
	for (i = 0; i < ARRAY_SIZE(tests); i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(group_vfio_suite());
}

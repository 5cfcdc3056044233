// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * platform NUMBER DEVICE [TEST...]: the file of a platform device, which is the test device of
 * tests/lab/platform, in a claimed group of its own. "hold" is only run if it is asked for: it
 * holds the device, touches it until it is gone, and checks what is left.
 */
#include <pthread.h>

#include "../platform/lab_platform.h"
#include "abi.h"

#define WORD 0x5a000000u
#define SCRATCH 0x11223344u
#define QUIET_US 100000		/* in which the device would have raised its line many times */
#define PATIENCE_MS 10000
#define ROUNDS 5000
#define IOMMU_PAGE_SHIFT 12
#define IOMMU_PAGE (1UL << IOMMU_PAGE_SHIFT)

static const char *number, *name;
static int group, device;
static size_t page;
static volatile uint32_t *registers;
static volatile bool finished;

static uint32_t get(unsigned int offset)
{
	return registers[offset / 4];
}

static void put(unsigned int offset, uint32_t value)
{
	registers[offset / 4] = value;
}

static void open_all(void)
{
	size_t size;

	group = abi_open_group(number);
	CHECK(group >= 0);
	device = abi_open_device(group, name);
	CHECK(device >= 0);
	registers = abi_map(device, &size);
	CHECK_EQUAL(size, page);
	CHECK_EQUAL(get(LAB_ID), LAB_ID_VALUE);
}

static void close_all(void)
{
	munmap((void *)registers, page);
	close(device);
	close(group);
}

/* Until the register has that value. */
static void wait_for(unsigned int offset, uint32_t value)
{
	int i;

	for (i = 0; i < PATIENCE_MS && get(offset) != value; i++)
		usleep(1000);
	CHECK_EQUAL(get(offset), value);
}

/* The status with which it ends. */
static uint32_t command(uint32_t which, uint64_t address, uint32_t length)
{
	put(LAB_ADDRESS, address);
	put(LAB_ADDRESS + 4, address >> 32);
	put(LAB_LENGTH, length);
	__sync_synchronize();
	put(LAB_COMMAND, which);
	wait_for(LAB_COMMAND, 0);
	return get(LAB_STATUS);
}

static void acknowledge(void)
{
	put(LAB_ACK, 1);
	wait_for(LAB_ACK, 0);
}

/* As many as are expected, and no more a moment later. */
static void expect_events(int fd, uint64_t count)
{
	uint64_t seen = 0;
	int i;

	for (i = 0; i < PATIENCE_MS && seen < count; i++) {
		seen += abi_events(fd);
		usleep(1000);
	}
	usleep(QUIET_US);
	CHECK_EQUAL(seen + abi_events(fd), count);
}

struct irq_set {
	struct vfio_irq_set set;
	int32_t fd;
};

static int set_irq(uint32_t flags, uint32_t count, int32_t fd)
{
	struct irq_set irq = {
		.set = { .argsz = sizeof(irq), .flags = flags, .count = count }, .fd = fd,
	};

	return ioctl(device, VFIO_DEVICE_SET_IRQS, &irq);
}

static int trigger(int fd)
{
	return set_irq(VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, 1, fd);
}

static int act(uint32_t action)
{
	return set_irq(VFIO_IRQ_SET_DATA_NONE | action, 1, 0);
}

static int group_command(unsigned long request, uint32_t flags)
{
	ARGUMENT(devgroup_command, argument, .flags = flags);

	return ioctl(group, request, &argument);
}

static void test_info(void)
{
	static const unsigned long absent[] = {
		VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, VFIO_DEVICE_PCI_HOT_RESET, VFIO_DEVICE_FEATURE,
		VFIO_DEVICE_IOEVENTFD, DEVGROUP_GET_INFO, VFIO_GET_API_VERSION,
	};
	ARGUMENT(devgroup_device_info, found);
	ARGUMENT(vfio_device_info, info);
	ARGUMENT(vfio_irq_info, irq);
	ARGUMENT(vfio_region_info, region);
	uint32_t words[64] = { sizeof(words) };
	size_t i;

	CHECK(!ioctl(group, DEVGROUP_GET_DEVICE, &found));
	CHECK_EQUAL(found.bus, DEVGROUP_BUS_PLATFORM);
	CHECK(!strcmp(found.name, name));
	CHECK(!ioctl(device, VFIO_DEVICE_GET_INFO, &info));
	CHECK_EQUAL(info.flags, VFIO_DEVICE_FLAGS_PLATFORM | VFIO_DEVICE_FLAGS_RESET);
	CHECK_EQUAL(info.num_regions, 1);
	CHECK_EQUAL(info.num_irqs, 1);
	CHECK(!ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &region));
	CHECK_EQUAL(region.flags, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
		    VFIO_REGION_INFO_FLAG_MMAP);
	CHECK_EQUAL(region.size, page);
	CHECK(!ioctl(device, VFIO_DEVICE_GET_IRQ_INFO, &irq));
	CHECK_EQUAL(irq.flags, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE |
		    VFIO_IRQ_INFO_AUTOMASKED);
	CHECK_EQUAL(irq.count, 1);
	for (i = 0; i < ARRAY_SIZE(absent); i++)
		CHECK_ERROR(ENOTTY, ioctl(device, absent[i], words));
	region.index = 1;
	CHECK_ERROR(EINVAL, ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &region));
	irq.index = UINT32_MAX;
	CHECK_ERROR(EINVAL, ioctl(device, VFIO_DEVICE_GET_IRQ_INFO, &irq));
	info.argsz = 4;
	CHECK_ERROR(EINVAL, ioctl(device, VFIO_DEVICE_GET_INFO, &info));
	CHECK_ERROR(EFAULT, ioctl(device, VFIO_DEVICE_GET_IRQ_INFO, NULL));
}

static void test_registers(void)
{
	void *nothing = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t bytes[8], end[8];
	uint32_t word = SCRATCH;

	CHECK_EQUAL(get(LAB_SCRATCH), 0);
	CHECK_EQUAL(pwrite(device, &word, 4, LAB_SCRATCH), 4);
	CHECK_EQUAL(get(LAB_SCRATCH), SCRATCH);
	CHECK_EQUAL(pread(device, bytes, 7, LAB_SCRATCH - 3), 7);
	CHECK(!memcmp(bytes + 3, &word, 4));
	CHECK_EQUAL(pwrite(device, "\x99", 1, LAB_SCRATCH + 1), 1);
	CHECK_EQUAL(get(LAB_SCRATCH), 0x11229944);
	CHECK_EQUAL(pwrite(device, "\x55\x66\x77", 3, LAB_SCRATCH + 1), 3);
	CHECK_EQUAL(get(LAB_SCRATCH), 0x77665544);
	CHECK_EQUAL(pread(device, &word, 4, LAB_ID), 4);
	CHECK_EQUAL(word, LAB_ID_VALUE);
	/* As much as there is. */
	CHECK_EQUAL(pread(device, end, 8, page - 4), 4);
	CHECK_ERROR(EINVAL, pread(device, end, 1, page));
	CHECK_ERROR(EINVAL, pwrite(device, end, 1, page));
	CHECK_ERROR(EINVAL, pread(device, end, 1, UINT64_C(1) << 40));
	CHECK_ERROR(EFAULT, pread(device, nothing, 4, 0));
	munmap(nothing, page);
	CHECK_ERROR(EINVAL, mmap(NULL, 2 * page, PROT_READ, MAP_SHARED, device, 0));
	CHECK_ERROR(EINVAL, mmap(NULL, page, PROT_READ, MAP_SHARED, device, page));
	CHECK_ERROR(EINVAL, mmap(NULL, page, PROT_READ, MAP_PRIVATE, device, 0));
	CHECK_ERROR(EINVAL, mmap(NULL, page, PROT_READ, MAP_SHARED, device, UINT64_C(1) << 40));
}

/* A level masks itself, and comes again while it is up. */
static void test_level(void)
{
	int fd = eventfd(0, EFD_NONBLOCK), i;

	CHECK(!trigger(fd));
	expect_events(fd, 0);
	CHECK_EQUAL(command(LAB_COMMAND_RAISE, 0, 0), LAB_STATUS_LINE);
	expect_events(fd, 1);
	CHECK(!act(VFIO_IRQ_SET_ACTION_UNMASK));
	expect_events(fd, 1);
	acknowledge();
	CHECK(!act(VFIO_IRQ_SET_ACTION_UNMASK));
	expect_events(fd, 0);
	for (i = 0; i < 20; i++) {
		CHECK_EQUAL(command(LAB_COMMAND_RAISE, 0, 0), LAB_STATUS_LINE);
		acknowledge();
		CHECK(!act(VFIO_IRQ_SET_ACTION_UNMASK));
	}
	CHECK(abi_events(fd) > 0);
	CHECK(!act(VFIO_IRQ_SET_ACTION_MASK));
	command(LAB_COMMAND_RAISE, 0, 0);
	expect_events(fd, 0);
	CHECK(!act(VFIO_IRQ_SET_ACTION_UNMASK));
	expect_events(fd, 1);
	/* Masked it is still when another eventfd takes its place. */
	CHECK(!trigger(-1));
	CHECK(!trigger(fd));
	expect_events(fd, 0);
	CHECK(!act(VFIO_IRQ_SET_ACTION_UNMASK));
	expect_events(fd, 1);
	CHECK(!set_irq(VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, 0, 0));
	CHECK(!act(VFIO_IRQ_SET_ACTION_UNMASK));
	expect_events(fd, 0);
	acknowledge();
	close(fd);
}

static void signal_fd(int fd)
{
	uint64_t one = 1;

	CHECK_EQUAL(write(fd, &one, sizeof(one)), sizeof(one));
}

/* Masking by eventfds, and an interrupt that the user makes himself. */
static void test_irq_calls(void)
{
	const uint32_t eventfds = VFIO_IRQ_SET_DATA_EVENTFD, none = VFIO_IRQ_SET_DATA_NONE;
	int fd = eventfd(0, EFD_NONBLOCK), mask = eventfd(0, 0), unmask = eventfd(0, 0);
	struct irq_set irq = { .set = { .argsz = sizeof(irq), .count = 1,
		.flags = VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_TRIGGER } };

	CHECK_ERROR(EINVAL, act(VFIO_IRQ_SET_ACTION_TRIGGER));
	CHECK(!trigger(fd));
	CHECK(!act(VFIO_IRQ_SET_ACTION_TRIGGER));
	expect_events(fd, 1);
	CHECK(!ioctl(device, VFIO_DEVICE_SET_IRQS, &irq));
	expect_events(fd, 0);
	irq.fd = 1;
	CHECK(!ioctl(device, VFIO_DEVICE_SET_IRQS, &irq));
	expect_events(fd, 1);
	CHECK(!act(VFIO_IRQ_SET_ACTION_UNMASK));

	CHECK(!set_irq(eventfds | VFIO_IRQ_SET_ACTION_MASK, 1, mask));
	CHECK(!set_irq(eventfds | VFIO_IRQ_SET_ACTION_UNMASK, 1, unmask));
	signal_fd(mask);
	command(LAB_COMMAND_RAISE, 0, 0);
	expect_events(fd, 0);
	signal_fd(unmask);
	expect_events(fd, 1);
	CHECK(!set_irq(eventfds | VFIO_IRQ_SET_ACTION_UNMASK, 1, -1));
	signal_fd(unmask);
	expect_events(fd, 0);

	CHECK_ERROR(EBADF, trigger(9999));
	CHECK_ERROR(EINVAL, trigger(-2));
	CHECK_ERROR(EINVAL, trigger(group));
	CHECK_ERROR(EINVAL, set_irq(none | VFIO_IRQ_SET_ACTION_TRIGGER, 2, 0));
	CHECK_ERROR(EINVAL, set_irq(none | VFIO_IRQ_SET_ACTION_MASK, 0, 0));
	CHECK_ERROR(EINVAL, set_irq(none, 1, 0));
	CHECK_ERROR(EINVAL, set_irq(none | VFIO_IRQ_SET_ACTION_MASK |
				    VFIO_IRQ_SET_ACTION_UNMASK, 1, 0));
	CHECK_ERROR(EINVAL, set_irq(eventfds | VFIO_IRQ_SET_ACTION_TRIGGER, 0, fd));
	irq.set.index = 1;
	CHECK_ERROR(EINVAL, ioctl(device, VFIO_DEVICE_SET_IRQS, &irq));
	irq.set.index = 0;
	irq.set.start = 1;
	CHECK_ERROR(EINVAL, ioctl(device, VFIO_DEVICE_SET_IRQS, &irq));
	irq.set.argsz = 8;
	CHECK_ERROR(EINVAL, ioctl(device, VFIO_DEVICE_SET_IRQS, &irq));
	CHECK_ERROR(EFAULT, ioctl(device, VFIO_DEVICE_SET_IRQS, NULL));
	close(mask);
	close(unmask);
	close(fd);
}

static void *unmask_again(void *unmask)
{
	while (!finished)
		signal_fd(*(int *)unmask);
	return NULL;
}

/* The line is up while its interrupt is connected and disconnected, and unmasked at any time. */
static void test_irq_races(void)
{
	int fd = eventfd(0, EFD_NONBLOCK), unmask = eventfd(0, EFD_NONBLOCK), i;
	pthread_t thread;

	CHECK(!set_irq(VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK, 1, unmask));
	command(LAB_COMMAND_RAISE, 0, 0);
	finished = false;
	CHECK(!pthread_create(&thread, NULL, unmask_again, &unmask));
	for (i = 0; i < ROUNDS; i++) {
		CHECK(!trigger(fd));
		CHECK(!trigger(-1));
	}
	finished = true;
	pthread_join(thread, NULL);
	abi_events(fd);
	/* It works as before, and is masked by itself. */
	CHECK(!act(VFIO_IRQ_SET_ACTION_MASK));
	CHECK(!trigger(fd));
	expect_events(fd, 0);
	CHECK(!act(VFIO_IRQ_SET_ACTION_UNMASK));
	expect_events(fd, 1);
	acknowledge();
	close(unmask);
	close(fd);
}

/* A page of memory that the device reaches at the result. */
static uint64_t map_for_device(uint32_t *memory, uint32_t flags)
{
	ARGUMENT(devgroup_create_window, window, .page_shift = IOMMU_PAGE_SHIFT,
		 .size = 16 << 20);
	ARGUMENT(devgroup_memory, range, .vaddr = (uintptr_t)memory, .size = page);
	ARGUMENT(devgroup_map, map, .flags = flags, .vaddr = (uintptr_t)memory, .size = page);

	CHECK(!ioctl(group, DEVGROUP_CREATE_WINDOW, &window));
	CHECK(!ioctl(group, DEVGROUP_REGISTER_MEMORY, &range));
	map.iova = window.start + window.size / 2;
	CHECK(!ioctl(group, DEVGROUP_MAP, &map));
	return map.iova;
}

static uint32_t *new_page(void)
{
	uint32_t *memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
				0);

	CHECK(memory != MAP_FAILED);
	return memory;
}

static void expect_filled(const volatile uint32_t *memory, uint32_t word)
{
	size_t i;

	for (i = 0; i < page / 4; i++)
		CHECK_EQUAL(memory[i], word);
}

static void test_dma(void)
{
	ARGUMENT(devgroup_unmap, unmap, .size = page);
	uint32_t *memory = new_page();
	uint64_t iova;

	CHECK(command(LAB_COMMAND_FILL, 8 << 20, page) & LAB_STATUS_FAULT);
	iova = map_for_device(memory, DEVGROUP_MAP_READ | DEVGROUP_MAP_WRITE);
	put(LAB_VALUE, WORD);
	CHECK(!(command(LAB_COMMAND_FILL, iova, page) & LAB_STATUS_FAULT));
	expect_filled(memory, WORD);
	memory[1]++;
	CHECK(!(command(LAB_COMMAND_SUM, iova, page) & LAB_STATUS_FAULT));
	CHECK_EQUAL(get(LAB_VALUE), (uint32_t)(WORD * (page / 4) + 1));
	CHECK(command(LAB_COMMAND_SUM, iova - 4, 8) & LAB_STATUS_FAULT);
	CHECK(!ioctl(group, DEVGROUP_UNMAP_PAGE, iova));
	CHECK(command(LAB_COMMAND_FILL, iova, 4) & LAB_STATUS_FAULT);
	if (page > IOMMU_PAGE)
		CHECK(!(command(LAB_COMMAND_FILL, iova + IOMMU_PAGE, 4) & LAB_STATUS_FAULT));
	unmap.iova = iova;
	CHECK(!ioctl(group, DEVGROUP_UNMAP, &unmap));
	CHECK(command(LAB_COMMAND_FILL, iova, page) & LAB_STATUS_FAULT);
	munmap(memory, page);
}

static void expect_dark(void)
{
	uint32_t word = 0;

	CHECK_EQUAL(get(LAB_ID), UINT32_MAX);
	put(LAB_SCRATCH, 0);
	usleep(QUIET_US);
	CHECK_EQUAL(get(LAB_SCRATCH), UINT32_MAX);
	CHECK_EQUAL(pread(device, &word, 4, LAB_ID), 4);
	CHECK_EQUAL(word, UINT32_MAX);
	CHECK_EQUAL(pwrite(device, "\0\0\0\0", 4, LAB_SCRATCH), 4);
}

/* What was raised before, and unmasked meanwhile, comes when the freeze is over. */
static void test_freeze(void)
{
	int fd = eventfd(0, EFD_NONBLOCK);
	uint32_t *memory = new_page();
	uint64_t iova = map_for_device(memory, DEVGROUP_MAP_READ | DEVGROUP_MAP_WRITE);

	put(LAB_SCRATCH, SCRATCH);
	CHECK(!trigger(fd));
	command(LAB_COMMAND_RAISE, 0, 0);
	expect_events(fd, 1);
	CHECK(!group_command(DEVGROUP_FREEZE, 0));
	CHECK(abi_state_is(number, "frozen"));
	expect_dark();
	CHECK(!act(VFIO_IRQ_SET_ACTION_UNMASK));
	expect_events(fd, 0);
	/* Released for diagnosis: registers, but neither DMA nor interrupts. */
	CHECK(!group_command(DEVGROUP_UNFREEZE, DEVGROUP_RELEASE_MMIO));
	CHECK_EQUAL(get(LAB_SCRATCH), SCRATCH);
	put(LAB_VALUE, WORD);
	CHECK(command(LAB_COMMAND_FILL, iova, page) & LAB_STATUS_FAULT);
	expect_filled(memory, 0);
	CHECK(!trigger(fd));
	expect_events(fd, 0);
	CHECK(!group_command(DEVGROUP_CONFIGURE, 0));
	CHECK(!group_command(DEVGROUP_UNFREEZE, DEVGROUP_RELEASE_DMA));
	expect_events(fd, 1);
	CHECK(!(command(LAB_COMMAND_FILL, iova, page) & LAB_STATUS_FAULT));
	expect_filled(memory, WORD);
	close(fd);
	munmap(memory, page);
}

static void test_freeze_open(void)
{
	close_all();
	group = abi_open_group(number);
	CHECK(group >= 0);
	CHECK(!group_command(DEVGROUP_FREEZE, 0));
	device = abi_open_device(group, name);
	CHECK(device >= 0);
	registers = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, device, 0);
	CHECK(registers != MAP_FAILED);
	expect_dark();
	CHECK(!group_command(DEVGROUP_RESET, 0));
	CHECK(abi_state_is(number, "in-use"));
	CHECK_EQUAL(get(LAB_ID), LAB_ID_VALUE);
}

/* The group's takes interrupts away, the device's own does not. */
static void test_reset(void)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	CHECK(!trigger(fd));
	put(LAB_SCRATCH, SCRATCH);
	command(LAB_COMMAND_RAISE, 0, 0);
	CHECK(!ioctl(device, VFIO_DEVICE_RESET));
	CHECK_EQUAL(get(LAB_SCRATCH), 0);
	CHECK_EQUAL(get(LAB_STATUS), 0);
	abi_events(fd);
	CHECK(!act(VFIO_IRQ_SET_ACTION_TRIGGER));
	expect_events(fd, 1);
	put(LAB_SCRATCH, SCRATCH);
	CHECK(!group_command(DEVGROUP_RESET, 0));
	CHECK_EQUAL(get(LAB_SCRATCH), 0);
	CHECK_ERROR(EINVAL, act(VFIO_IRQ_SET_ACTION_TRIGGER));
	CHECK(!group_command(DEVGROUP_RESET, DEVGROUP_RESET_BUS));
	CHECK(!trigger(fd));
	command(LAB_COMMAND_RAISE, 0, 0);
	expect_events(fd, 1);
	close(fd);
}

/* Nothing of one user is there for the next. */
static void test_next_user(void)
{
	uint32_t *memory = new_page();
	int fd = eventfd(0, EFD_NONBLOCK);

	map_for_device(memory, DEVGROUP_MAP_WRITE);
	CHECK(!trigger(fd));
	put(LAB_SCRATCH, SCRATCH);
	command(LAB_COMMAND_RAISE, 0, 0);
	close(device);
	close(group);
	CHECK(abi_state_is(number, "in-use"));
	CHECK_EQUAL(get(LAB_SCRATCH), SCRATCH);
	munmap((void *)registers, page);
	CHECK(abi_state_is(number, "claimed"));
	abi_events(fd);
	open_all();
	CHECK_EQUAL(get(LAB_SCRATCH), 0);
	command(LAB_COMMAND_RAISE, 0, 0);
	expect_events(fd, 0);
	CHECK(command(LAB_COMMAND_FILL, 8 << 20, page) & LAB_STATUS_FAULT);
	close(fd);
	munmap(memory, page);
}

static void test_hold(void)
{
	ARGUMENT(devgroup_set_event, event, .event = DEVGROUP_EVENT_REQUEST,
		 .fd = eventfd(0, EFD_NONBLOCK));
	ARGUMENT(devgroup_command, reset);
	ARGUMENT(vfio_device_info, info);
	int fd = eventfd(0, EFD_NONBLOCK);
	uint32_t word;

	CHECK(!ioctl(group, DEVGROUP_SET_EVENT, &event));
	CHECK(!trigger(fd));
	map_for_device(new_page(), DEVGROUP_MAP_WRITE);
	command(LAB_COMMAND_RAISE, 0, 0);
	printf("held\n");
	while (pread(device, &word, 4, LAB_ID) == 4)
		(void)get(LAB_ID);
	CHECK_EQUAL(abi_events(event.fd), 1);
	CHECK_ERROR(ENODEV, pwrite(device, &word, 4, LAB_SCRATCH));
	CHECK_ERROR(ENODEV, ioctl(device, VFIO_DEVICE_GET_INFO, &info));
	CHECK_ERROR(ENODEV, trigger(fd));
	CHECK_ERROR(ENODEV, mmap(NULL, page, PROT_READ, MAP_SHARED, device, 0));
	CHECK_ERROR(ENODEV, ioctl(group, DEVGROUP_RESET, &reset));
	put(LAB_SCRATCH, 0);
	usleep(QUIET_US);
	CHECK_EQUAL(get(LAB_SCRATCH), UINT32_MAX);
	printf("gone\n");
	exit(0);
}

static const struct abi_test tests[] = {
	{ "info", test_info, false },
	{ "registers", test_registers, false },
	{ "level", test_level, false },
	{ "irq_calls", test_irq_calls, false },
	{ "irq_races", test_irq_races, false },
	{ "dma", test_dma, false },
	{ "freeze", test_freeze, false },
	{ "freeze_open", test_freeze_open, false },
	{ "reset", test_reset, false },
	{ "next_user", test_next_user, false },
	{ "hold", test_hold, true },
};

static void run(const struct abi_test *test)
{
	open_all();
	test->run();
	close_all();
	CHECK(abi_state_is(number, "claimed"));
}

int main(int argc, char **argv)
{
	CHECK(argc >= 3);
	number = argv[1];
	name = argv[2];
	page = sysconf(_SC_PAGESIZE);
	abi_run(tests, ARRAY_SIZE(tests), argc, argv, run);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * calls NUMBER DEVICE [TEST...]: every call of a group's file with right and wrong arguments. The
 * group is claimed, DEVICE an NVMe disk, of which BAR 0 has the version in the third word.
 */
#include <sys/wait.h>

#include "abi.h"

#define UNKNOWN_FLAG (1U << 31)
#define NVME_VERSION 0x10400

static const char *number, *name;
static int group, device;

static const struct call {
	unsigned long command;
	uint32_t size;		/* of the argument */
	bool dma;		/* ENOTTY if DMA is not built in */
} calls[] = {
	{ DEVGROUP_GET_INFO, sizeof(struct devgroup_info), false },
	{ DEVGROUP_GET_DEVICE, sizeof(struct devgroup_device_info), false },
	{ DEVGROUP_OPEN_DEVICE, sizeof(struct devgroup_open_device), false },
	{ DEVGROUP_GET_DMA_INFO, sizeof(struct devgroup_dma_info), true },
	{ DEVGROUP_CREATE_WINDOW, sizeof(struct devgroup_create_window), true },
	{ DEVGROUP_REMOVE_WINDOW, sizeof(struct devgroup_remove_window), true },
	{ DEVGROUP_REGISTER_MEMORY, sizeof(struct devgroup_memory), true },
	{ DEVGROUP_UNREGISTER_MEMORY, sizeof(struct devgroup_memory), true },
	{ DEVGROUP_MAP, sizeof(struct devgroup_map), true },
	{ DEVGROUP_UNMAP, sizeof(struct devgroup_unmap), true },
	{ DEVGROUP_MAP_LIST, sizeof(struct devgroup_map_list), true },
	{ DEVGROUP_BIND_KVM, sizeof(struct devgroup_command), true },
	{ DEVGROUP_UNBIND_KVM, sizeof(struct devgroup_command), true },
	{ DEVGROUP_GET_ERROR, sizeof(struct devgroup_error), false },
	{ DEVGROUP_FREEZE, sizeof(struct devgroup_command), false },
	{ DEVGROUP_UNFREEZE, sizeof(struct devgroup_command), false },
	{ DEVGROUP_RESET, sizeof(struct devgroup_command), false },
	{ DEVGROUP_CONFIGURE, sizeof(struct devgroup_command), false },
	{ DEVGROUP_SET_EVENT, sizeof(struct devgroup_set_event), false },
};

/* One answer for all calls that there are. */
static void answers(const struct call *call, void *argument, int error)
{
	int ret = ioctl(group, call->command, argument);

	if (ret == -1 && errno == ENOTTY && call->dma)
		return;
	if (ret != -1 || errno != error)
		abi_fail(__FILE__, __LINE__, "call %lu: %d, not %s", call->command & 0xff, ret,
			 strerror(error));
}

static void test_arguments(void)
{
	size_t page = sysconf(_SC_PAGESIZE);
	uint8_t *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t *edge, words[64] = { 0 };
	size_t i;

	CHECK(pages != MAP_FAILED && !munmap(pages + page, page));
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		answers(&calls[i], NULL, EFAULT);
		words[0] = 0;
		answers(&calls[i], words, EINVAL);
		words[0] = calls[i].size - 1;
		answers(&calls[i], words, EINVAL);
		words[0] = calls[i].size;
		words[1] = UNKNOWN_FLAG;
		answers(&calls[i], words, EINVAL);
		words[1] = 0;
		/* More is said to be there than is. */
		edge = (uint32_t *)(pages + page - 4);
		*edge = calls[i].size;
		answers(&calls[i], edge, EFAULT);
		*edge = UINT32_MAX;
		answers(&calls[i], edge, EFAULT);
	}
	munmap(pages, page);
	CHECK_ERROR(EINVAL, ioctl(group, DEVGROUP_UNMAP_PAGE, 0UL));
	CHECK_ERROR(ENOTTY, ioctl(group, _IO(DEVGROUP_TYPE, 99), words));
	CHECK_ERROR(ENOTTY, ioctl(group, VFIO_DEVICE_GET_INFO, words));
	CHECK_ERROR(EINVAL, read(group, words, 4));
	CHECK_ERROR(EINVAL, write(group, words, 4));
	CHECK_ERROR(ENODEV, mmap(NULL, page, PROT_READ, MAP_SHARED, group, 0));
}

static void test_info(void)
{
	struct { struct devgroup_info info; uint64_t more; } longer = {
		.info.argsz = sizeof(longer), .more = 7 };
	ARGUMENT(devgroup_device_info, found);
	char path[64];
	uint32_t i;

	CHECK(!ioctl(group, DEVGROUP_GET_INFO, &longer));
	CHECK_EQUAL(longer.info.version, DEVGROUPS_API_VERSION);
	CHECK_EQUAL(longer.info.number, strtoul(number, NULL, 10));
	CHECK_EQUAL(longer.info.flags, 0);
	CHECK_EQUAL(longer.more, 7);
	CHECK(longer.info.nr_devices > 0);
	for (i = 0; i < longer.info.nr_devices; i++) {
		found.index = i;
		CHECK(!ioctl(group, DEVGROUP_GET_DEVICE, &found));
		CHECK_EQUAL(found.bus, DEVGROUP_BUS_PCI);
		abi_path(path, sizeof(path), "/sys/bus/pci/devices/%s/vendor", found.name);
		CHECK(!access(path, F_OK));
	}
	found.index = i;
	CHECK_ERROR(ENOENT, ioctl(group, DEVGROUP_GET_DEVICE, &found));
	found.index = UINT32_MAX;
	CHECK_ERROR(ENOENT, ioctl(group, DEVGROUP_GET_DEVICE, &found));
}

static void test_open(void)
{
	ARGUMENT(devgroup_open_device, open);
	int other;

	CHECK_ERROR(EBUSY, abi_open_group(number));
	CHECK_ERROR(EBUSY, abi_open_device(group, name));
	CHECK_ERROR(ENOENT, ioctl(group, DEVGROUP_OPEN_DEVICE, &open));
	CHECK_ERROR(ENOENT, abi_open_device(group, "0000:00:00.0"));
	CHECK_ERROR(ENOENT, abi_open_device(group, "../0000:01:00.0"));
	memset(open.name, 'x', sizeof(open.name));
	CHECK_ERROR(EINVAL, ioctl(group, DEVGROUP_OPEN_DEVICE, &open));
	CHECK(fcntl(device, F_GETFD) & FD_CLOEXEC);
	/* It is the last copy that counts. */
	other = dup(device);
	close(device);
	CHECK_ERROR(EBUSY, abi_open_device(group, name));
	close(other);
	device = abi_open_device(group, name);
	CHECK(device >= 0);
}

static void test_events(void)
{
	ARGUMENT(devgroup_set_event, event, .fd = eventfd(0, EFD_NONBLOCK));
	char path[64];
	int fd = event.fd, claim;

	CHECK(!ioctl(group, DEVGROUP_SET_EVENT, &event));
	event.event = DEVGROUP_EVENT_REQUEST;
	CHECK(!ioctl(group, DEVGROUP_SET_EVENT, &event));
	abi_path(path, sizeof(path), "/sys/devgroups/%s/claim", number);
	claim = open(path, O_WRONLY);
	CHECK_ERROR(EBUSY, write(claim, "0", 1));
	CHECK_EQUAL(abi_events(fd), 1);
	event.fd = -1;
	CHECK(!ioctl(group, DEVGROUP_SET_EVENT, &event));
	CHECK(!ioctl(group, DEVGROUP_SET_EVENT, &event));
	CHECK_ERROR(EBUSY, write(claim, "0", 1));
	CHECK_EQUAL(abi_events(fd), 0);
	close(claim);

	event.fd = -2;
	CHECK_ERROR(EINVAL, ioctl(group, DEVGROUP_SET_EVENT, &event));
	event.fd = 9999;
	CHECK_ERROR(EBADF, ioctl(group, DEVGROUP_SET_EVENT, &event));
	event.fd = group;
	CHECK_ERROR(EINVAL, ioctl(group, DEVGROUP_SET_EVENT, &event));
	event.fd = fd;
	event.event = DEVGROUP_EVENT_REQUEST + 1;
	CHECK_ERROR(EINVAL, ioctl(group, DEVGROUP_SET_EVENT, &event));
	event.event = UINT32_MAX;
	CHECK_ERROR(EINVAL, ioctl(group, DEVGROUP_SET_EVENT, &event));
	event.event = DEVGROUP_EVENT_REQUEST;
	CHECK(!ioctl(group, DEVGROUP_SET_EVENT, &event));
	close(fd);	/* the group has its own reference */
}

/* The VFIO part: what is there works, what would reach beyond the device is not there. */
static void test_device(void)
{
	static const unsigned long absent[] = {
		VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, VFIO_DEVICE_PCI_HOT_RESET, VFIO_DEVICE_FEATURE,
		VFIO_DEVICE_IOEVENTFD, DEVGROUP_GET_INFO, DEVGROUP_RESET, VFIO_GET_API_VERSION,
	};
	ARGUMENT(vfio_device_info, info);
	ARGUMENT(vfio_irq_info, irq, .index = VFIO_PCI_MSIX_IRQ_INDEX);
	uint32_t words[64] = { sizeof(words) };
	struct vfio_region_info config;
	uint8_t byte;
	size_t i;

	CHECK(!ioctl(device, VFIO_DEVICE_GET_INFO, &info));
	CHECK(info.flags & VFIO_DEVICE_FLAGS_PCI);
	CHECK(!ioctl(device, VFIO_DEVICE_GET_IRQ_INFO, &irq));
	CHECK(irq.count > 0);
	for (i = 0; i < ARRAY_SIZE(absent); i++)
		CHECK_ERROR(ENOTTY, ioctl(device, absent[i], words));
	CHECK_EQUAL(abi_config_read(device, PCI_CLASS_DEVICE, 2), 0x0108);
	CHECK(!ioctl(device, VFIO_DEVICE_RESET));
	config = abi_region(device, VFIO_PCI_CONFIG_REGION_INDEX);
	CHECK(pread(device, &byte, 1, config.offset + config.size) <= 0);
	CHECK(pread(device, &byte, 1, UINT64_C(0x7000000000000000)) <= 0);
	CHECK(mmap(NULL, 0x1000000, PROT_READ, MAP_SHARED, device, 0) == MAP_FAILED);
	CHECK(mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ, MAP_PRIVATE, device, 0) == MAP_FAILED);
}

static void decode(bool on)
{
	uint32_t command = abi_config_read(device, PCI_COMMAND, 2) & ~PCI_COMMAND_MEMORY;

	abi_config_write(device, PCI_COMMAND, 2, command | (on ? PCI_COMMAND_MEMORY : 0));
}

/* Never SIGBUS; ones and nothing while the device does not decode. */
static void test_mapping(void)
{
	volatile uint32_t *bar;
	size_t size;

	bar = abi_map(device, &size);
	decode(true);
	CHECK_EQUAL(bar[2], NVME_VERSION);
	decode(false);
	CHECK_EQUAL(bar[2], UINT32_MAX);
	bar[2] = 0x12345678;
	bar[3] = 0;
	usleep(200000);
	CHECK_EQUAL(bar[2], UINT32_MAX);
	CHECK_EQUAL(bar[3], UINT32_MAX);
	decode(true);
	CHECK_EQUAL(bar[2], NVME_VERSION);
	decode(false);
	/* The ones are there when the device comes back. */
	CHECK_EQUAL(bar[2], UINT32_MAX);
	decode(true);
	CHECK_EQUAL(bar[2], NVME_VERSION);
	munmap((void *)bar, size);
}

/* Sets up an interrupt, whose trigger can be tried as long as it is there. */
static int trigger(int32_t fd, uint32_t flags)
{
	struct { struct vfio_irq_set set; int32_t fd; } irqs = {
		.set = {
			.argsz = sizeof(irqs), .flags = flags | VFIO_IRQ_SET_ACTION_TRIGGER,
			.index = VFIO_PCI_MSIX_IRQ_INDEX, .start = 0, .count = 1,
		},
		.fd = fd,
	};

	return ioctl(device, VFIO_DEVICE_SET_IRQS, &irqs);
}

static void reset_with(uint32_t flags)
{
	ARGUMENT(devgroup_command, command, .flags = flags);
	int fd = eventfd(0, EFD_NONBLOCK);
	volatile uint32_t *bar;
	size_t size;

	CHECK(!trigger(fd, VFIO_IRQ_SET_DATA_EVENTFD));
	CHECK(!trigger(0, VFIO_IRQ_SET_DATA_NONE));
	CHECK_EQUAL(abi_events(fd), 1);
	bar = abi_map(device, &size);
	abi_config_write(device, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	abi_config_write(device, PCI_BASE_ADDRESS_0, 4, 0x76540000);
	CHECK_EQUAL(bar[2], NVME_VERSION);

	CHECK(!ioctl(group, DEVGROUP_RESET, &command));
	CHECK_EQUAL(abi_config_read(device, PCI_COMMAND, 2), 0);
	CHECK_EQUAL(abi_config_read(device, PCI_BASE_ADDRESS_0, 4) & ~0xf, 0x76540000);
	CHECK_EQUAL(bar[2], UINT32_MAX);
	CHECK_ERROR(EINVAL, trigger(0, VFIO_IRQ_SET_DATA_NONE));
	CHECK_EQUAL(abi_events(fd), 0);
	decode(true);
	CHECK_EQUAL(bar[2], NVME_VERSION);
	munmap((void *)bar, size);
	close(fd);
}

static void test_reset(void)
{
	ARGUMENT(devgroup_error, error);

	reset_with(0);
	reset_with(DEVGROUP_RESET_BUS);
	CHECK(!ioctl(group, DEVGROUP_GET_ERROR, &error));
	CHECK_EQUAL(error.state, DEVGROUP_NORMAL);
}

static int command(unsigned long number_of_call, uint32_t flags)
{
	ARGUMENT(devgroup_command, argument, .flags = flags);

	return ioctl(group, number_of_call, &argument);
}

/* What the device itself has in COMMAND. */
static uint32_t real_command(void)
{
	uint8_t bytes[2];
	char path[64];
	int fd;

	abi_path(path, sizeof(path), "/sys/bus/pci/devices/%s/config", name);
	fd = open(path, O_RDONLY);
	CHECK_EQUAL(pread(fd, bytes, 2, PCI_COMMAND), 2);
	close(fd);
	return bytes[0] | bytes[1] << 8;
}

#define ON_THE_BUS (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER)

static void expect_error(uint32_t state, uint32_t cause, uint32_t count, const char *words)
{
	ARGUMENT(devgroup_error, error);
	char path[64], line[64];
	FILE *file;

	CHECK(!ioctl(group, DEVGROUP_GET_ERROR, &error));
	CHECK_EQUAL(error.state, state);
	CHECK_EQUAL(error.cause, cause);
	CHECK_EQUAL(error.count, count);
	abi_path(path, sizeof(path), "/sys/devgroups/%s/error_state", number);
	file = fopen(path, "r");
	CHECK(file && fgets(line, sizeof(line), file));
	fclose(file);
	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, words))
		abi_fail(__FILE__, __LINE__, "error_state is '%s', not '%s'", line, words);
	CHECK(abi_state_is(number, state == DEVGROUP_NORMAL ? "in-use" : "frozen"));
}

/* Reads are ones, stores vanish, nothing leaves the device. */
static void expect_dark(volatile uint32_t *bar)
{
	uint32_t words[4];

	CHECK_EQUAL(bar[2], UINT32_MAX);
	bar[2] = 0x5a5a5a5a;
	usleep(200000);
	CHECK_EQUAL(bar[2], UINT32_MAX);
	CHECK_EQUAL(abi_config_read(device, 0, 4), UINT32_MAX);
	abi_config_write(device, PCI_COMMAND, 2, ON_THE_BUS);
	CHECK_EQUAL(abi_config_read(device, PCI_COMMAND, 2), 0xffff);
	CHECK_EQUAL(pread(device, words, sizeof(words), 0), sizeof(words));
	CHECK_EQUAL(words[2], UINT32_MAX);
	CHECK_EQUAL(pwrite(device, words, sizeof(words), 0), sizeof(words));
	CHECK_ERROR(EINVAL, pread(device, words, 4, UINT64_C(0x7000000000000000)));
	CHECK_ERROR(EINVAL, pwrite(device, words, 4, UINT64_C(0x7000000000000000)));
	CHECK_EQUAL(real_command() & (ON_THE_BUS | PCI_COMMAND_INTX_DISABLE),
		    PCI_COMMAND_INTX_DISABLE);
}

static void test_freeze(void)
{
	int fd = eventfd(0, EFD_NONBLOCK);
	volatile uint32_t *bar;
	size_t size;

	expect_error(DEVGROUP_NORMAL, DEVGROUP_CAUSE_NONE, 0, "normal");
	CHECK(!command(DEVGROUP_UNFREEZE, DEVGROUP_RELEASE_MMIO));
	bar = abi_map(device, &size);
	CHECK(!trigger(fd, VFIO_IRQ_SET_DATA_EVENTFD));
	abi_config_write(device, PCI_COMMAND, 2, ON_THE_BUS);
	CHECK_EQUAL(bar[2], NVME_VERSION);

	CHECK(!command(DEVGROUP_FREEZE, 0));
	expect_error(DEVGROUP_FROZEN, DEVGROUP_CAUSE_USER, 1, "frozen user");
	expect_dark(bar);
	CHECK(!command(DEVGROUP_FREEZE, 0));
	expect_error(DEVGROUP_FROZEN, DEVGROUP_CAUSE_USER, 1, "frozen user");
	CHECK_ERROR(EINVAL, command(DEVGROUP_UNFREEZE, 0));
	CHECK_ERROR(EINVAL, command(DEVGROUP_UNFREEZE, DEVGROUP_RELEASE_DMA));
	CHECK_ERROR(EINVAL, command(DEVGROUP_CONFIGURE, 0));
	/* Interrupts may be set up anew, a device may be reset; it stays dark. */
	CHECK(!trigger(-1, VFIO_IRQ_SET_DATA_EVENTFD));
	CHECK(!trigger(fd, VFIO_IRQ_SET_DATA_EVENTFD));
	expect_dark(bar);
	CHECK(!ioctl(device, VFIO_DEVICE_RESET));
	expect_dark(bar);

	CHECK(!command(DEVGROUP_UNFREEZE, DEVGROUP_RELEASE_MMIO));
	expect_error(DEVGROUP_MMIO_ENABLED, DEVGROUP_CAUSE_USER, 1, "mmio-enabled user");
	CHECK_EQUAL(bar[2], NVME_VERSION);
	CHECK_EQUAL(abi_config_read(device, PCI_COMMAND, 2) & ON_THE_BUS, ON_THE_BUS);
	CHECK_EQUAL(real_command() & ON_THE_BUS, PCI_COMMAND_MEMORY);
	abi_config_write(device, PCI_COMMAND, 2, ON_THE_BUS | PCI_COMMAND_SERR);
	CHECK_EQUAL(real_command() & ON_THE_BUS, PCI_COMMAND_MEMORY);
	abi_config_write(device, PCI_COMMAND + 1, 1, 0);
	CHECK_EQUAL(abi_config_read(device, PCI_COMMAND, 4) & ON_THE_BUS, ON_THE_BUS);

	CHECK(!command(DEVGROUP_FREEZE, 0));
	expect_error(DEVGROUP_FROZEN, DEVGROUP_CAUSE_USER, 2, "frozen user");
	expect_dark(bar);
	CHECK(!command(DEVGROUP_UNFREEZE, DEVGROUP_RELEASE_MMIO));
	CHECK(!command(DEVGROUP_UNFREEZE, DEVGROUP_RELEASE_DMA));
	expect_error(DEVGROUP_NORMAL, DEVGROUP_CAUSE_NONE, 2, "normal");
	CHECK_EQUAL(real_command() & ON_THE_BUS, ON_THE_BUS);
	CHECK_EQUAL(bar[2], NVME_VERSION);
	CHECK(!trigger(0, VFIO_IRQ_SET_DATA_NONE));
	CHECK_EQUAL(abi_events(fd), 1);

	/* A reset ends it, too. */
	CHECK(!command(DEVGROUP_FREEZE, 0));
	CHECK(!command(DEVGROUP_RESET, 0));
	expect_error(DEVGROUP_NORMAL, DEVGROUP_CAUSE_NONE, 3, "normal");
	CHECK_EQUAL(abi_config_read(device, PCI_COMMAND, 2), 0);
	decode(true);
	CHECK_EQUAL(bar[2], NVME_VERSION);
	/* And so does the end of the use. */
	CHECK(!command(DEVGROUP_FREEZE, 0));
	munmap((void *)bar, size);
	close(fd);
}

/* Opened in the dark, and closed in it. */
static void test_freeze_open(void)
{
	volatile uint32_t *bar;
	size_t size;

	close(device);
	CHECK(!command(DEVGROUP_FREEZE, 0));
	device = abi_open_device(group, name);
	CHECK(device >= 0);
	bar = abi_map(device, &size);
	expect_dark(bar);
	CHECK(!command(DEVGROUP_UNFREEZE, DEVGROUP_RELEASE_MMIO | DEVGROUP_RELEASE_DMA));
	decode(true);
	CHECK_EQUAL(bar[2], NVME_VERSION);
	CHECK(!command(DEVGROUP_FREEZE, 0));
	munmap((void *)bar, size);
	close(device);
	CHECK(!command(DEVGROUP_UNFREEZE, DEVGROUP_RELEASE_MMIO | DEVGROUP_RELEASE_DMA));
	device = abi_open_device(group, name);
	CHECK(device >= 0);
	CHECK_EQUAL(abi_config_read(device, PCI_CLASS_DEVICE, 2), 0x0108);
}

static void test_freeze_admin(void)
{
	ARGUMENT(devgroup_set_event, event, .event = DEVGROUP_EVENT_ERROR,
		 .fd = eventfd(0, EFD_NONBLOCK));
	volatile uint32_t *bar;
	char path[64];
	size_t size;
	int fd;

	CHECK(!ioctl(group, DEVGROUP_SET_EVENT, &event));
	bar = abi_map(device, &size);
	abi_config_write(device, PCI_COMMAND, 2, ON_THE_BUS);
	abi_path(path, sizeof(path), "/sys/devgroups/%s/freeze", number);
	abi_write_file(path, "1");
	CHECK_EQUAL(abi_events(event.fd), 1);
	expect_error(DEVGROUP_FROZEN, DEVGROUP_CAUSE_ADMIN, 1, "frozen admin");
	expect_dark(bar);
	fd = open(path, O_WRONLY);
	CHECK_ERROR(EINVAL, write(fd, "dma", 3));
	CHECK_ERROR(EINVAL, write(fd, "0", 1));
	close(fd);
	abi_write_file(path, "mmio");
	CHECK_EQUAL(abi_events(event.fd), 1);
	expect_error(DEVGROUP_MMIO_ENABLED, DEVGROUP_CAUSE_ADMIN, 1, "mmio-enabled admin");
	abi_write_file(path, "dma\n");
	expect_error(DEVGROUP_NORMAL, DEVGROUP_CAUSE_NONE, 1, "normal");
	abi_write_file(path, "1");
	abi_write_file(path, "mmio dma");
	expect_error(DEVGROUP_NORMAL, DEVGROUP_CAUSE_NONE, 2, "normal");
	CHECK_EQUAL(bar[2], NVME_VERSION);
	munmap((void *)bar, size);
	close(event.fd);
}

/* Somebody has moved the device's BAR behind everyone's back. */
static void test_configure(void)
{
	uint8_t lost[4] = { 0 };
	volatile uint32_t *bar;
	char path[64];
	size_t size;
	int fd;

	bar = abi_map(device, &size);
	decode(false);
	abi_path(path, sizeof(path), "/sys/bus/pci/devices/%s/config", name);
	fd = open(path, O_RDWR);
	CHECK_EQUAL(pwrite(fd, lost, 4, PCI_BASE_ADDRESS_0), 4);
	close(fd);
	CHECK(!command(DEVGROUP_CONFIGURE, 0));
	CHECK(!(abi_config_read(device, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY));
	decode(true);
	CHECK_EQUAL(bar[2], NVME_VERSION);
	munmap((void *)bar, size);
}

/* A copy in another process, and a mapping alone, keep the group in use. */
static void test_lifetime(void)
{
	volatile uint32_t *bar;
	int pipes[2];
	size_t size;
	pid_t child;

	CHECK(!pipe(pipes));
	child = fork();
	CHECK(child >= 0);
	if (!child) {
		close(pipes[1]);
		_exit(read(pipes[0], &child, 1) != 0);
	}
	bar = abi_map(device, &size);
	decode(true);
	close(group);
	CHECK(abi_state_is(number, "in-use"));
	CHECK_EQUAL(abi_config_read(device, PCI_CLASS_DEVICE, 2), 0x0108);
	close(device);
	close(pipes[0]);
	close(pipes[1]);
	CHECK_EQUAL(wait(NULL), child);
	CHECK(abi_state_is(number, "in-use"));
	CHECK_EQUAL(bar[2], NVME_VERSION);
	CHECK_ERROR(EBUSY, abi_open_group(number));
	munmap((void *)bar, size);
	CHECK(abi_state_is(number, "claimed"));
	group = abi_open_group(number);
	CHECK(group >= 0);
	device = abi_open_device(group, name);
	CHECK(device >= 0);
	CHECK(!(abi_config_read(device, PCI_COMMAND, 2) & PCI_COMMAND_MASTER));
}

static const struct abi_test tests[] = {
	{ "arguments", test_arguments, false },
	{ "info", test_info, false },
	{ "open", test_open, false },
	{ "events", test_events, false },
	{ "device", test_device, false },
	{ "mapping", test_mapping, false },
	{ "reset", test_reset, false },
	{ "freeze", test_freeze, false },
	{ "freeze_open", test_freeze_open, false },
	{ "freeze_admin", test_freeze_admin, false },
	{ "configure", test_configure, false },
	{ "lifetime", test_lifetime, false },
};

static void run(const struct abi_test *test)
{
	group = abi_open_group(number);
	CHECK(group >= 0);
	device = abi_open_device(group, name);
	CHECK(device >= 0);
	test->run();
	close(device);
	close(group);
	CHECK(abi_state_is(number, "claimed"));
}

int main(int argc, char **argv)
{
	CHECK(argc >= 3);
	number = argv[1];
	name = argv[2];
	abi_run(tests, ARRAY_SIZE(tests), argc, argv, run);
	return 0;
}

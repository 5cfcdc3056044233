// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * io NUMBER DEVICE OTHER [TEST...]: mapped I/O. The group is claimed; its devices are UHCI, which
 * has the timing of frames in a byte of BAR 4, 64 after a reset, and e1000e, which has a register's
 * number in the first of BAR 2. Both keep what is written.
 */
#include "abi.h"

#define UHCI_CLASS 0x0c0300
#define UHCI_BAR VFIO_PCI_BAR4_REGION_INDEX
#define UHCI_SOF 0x0c
#define UHCI_SOF_DEFAULT 0x40
#define CARD_BAR VFIO_PCI_BAR2_REGION_INDEX
#define ONES 0xff

struct io {
	int device;
	unsigned int bar;
	off_t offset;			/* of the BAR in the file */
	uint64_t address;		/* in the I/O space of the host's bridge */
	volatile uint8_t *page;		/* that holds it */
	volatile uint8_t *port;		/* the byte */
	unsigned int at;		/* where it is in the BAR */
};

struct answer {
	struct vfio_region_info info;
	struct devgroup_region_io io;
};

static const char *number, *names[2];
static int group;
static struct io ios[2];
static size_t page_size;

static struct answer ask(const struct io *io)
{
	struct answer answer = { .info = { .argsz = sizeof(answer), .index = io->bar } };

	CHECK(!ioctl(io->device, VFIO_DEVICE_GET_REGION_INFO, &answer));
	return answer;
}

static void command(const struct io *io, uint16_t value)
{
	abi_config_write(io->device, PCI_COMMAND, 2, value);
}

static void expect(const struct io *io, uint8_t value)
{
	CHECK_EQUAL(*io->port, value);
}

/*
 * The page of ones is there, and not the bus, where nobody answers either: what is stored stays for
 * a moment, which may be long for a host that is emulated.
 */
static void expect_ones(const struct io *io)
{
	int tries;

	expect(io, ONES);
	for (tries = 0; tries < 1000 && *io->port != 1; tries++)
		*io->port = 1;
	CHECK(tries < 1000);
	for (tries = 0; tries < 20 && *io->port == 1; tries++)
		usleep(100000);
	expect(io, ONES);
}

static void open_io(struct io *io, const char *name)
{
	struct answer answer;
	bool is_uhci;

	io->device = abi_open_device(group, name);
	CHECK(io->device >= 0);
	is_uhci = abi_config_read(io->device, PCI_CLASS_REVISION, 4) >> 8 == UHCI_CLASS;
	io->bar = is_uhci ? UHCI_BAR : CARD_BAR;
	io->at = is_uhci ? UHCI_SOF : 0;
	io->offset = (off_t)io->bar << 40;
	/* Not before it was asked about. */
	CHECK_ERROR(EINVAL, mmap(NULL, page_size, PROT_READ, MAP_SHARED, io->device, io->offset));
	answer = ask(io);
	CHECK_EQUAL(answer.info.flags, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
		    VFIO_REGION_INFO_FLAG_CAPS);
	CHECK_EQUAL(answer.info.cap_offset, sizeof(answer.info));
	CHECK_EQUAL(answer.info.size, 32);
	CHECK_EQUAL(answer.io.id, DEVGROUP_REGION_IO);
	CHECK_EQUAL(answer.io.version, DEVGROUP_REGION_IO_VERSION);
	CHECK_EQUAL(answer.io.address % 32, 0);
	io->address = answer.io.address;
	CHECK_EQUAL(answer.info.offset, io->offset);
	io->page = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_SHARED, io->device, io->offset);
	CHECK(io->page != MAP_FAILED);
	io->port = io->page + io->address % page_size + io->at;
}

static void test_info(void)
{
	struct answer answer = { .info = { .argsz = sizeof(answer.info), .index = UHCI_BAR } };
	off_t offset = ios[0].offset;

	/* Without room for the capability. */
	CHECK(!ioctl(ios[0].device, VFIO_DEVICE_GET_REGION_INFO, &answer));
	CHECK_EQUAL(answer.info.argsz, sizeof(answer));
	CHECK_EQUAL(answer.info.cap_offset, 0);
	answer.info.argsz = sizeof(answer.info) - 1;
	CHECK_ERROR(EINVAL, ioctl(ios[0].device, VFIO_DEVICE_GET_REGION_INFO, &answer));
	/* No more than the pages that hold it, and only shared. */
	CHECK_ERROR(EINVAL, mmap(NULL, 2 * page_size, PROT_READ, MAP_SHARED, ios[0].device, offset));
	CHECK_ERROR(EINVAL, mmap(NULL, page_size, PROT_READ, MAP_SHARED, ios[0].device,
				 offset + page_size));
	CHECK_ERROR(EINVAL, mmap(NULL, page_size, PROT_READ, MAP_PRIVATE, ios[0].device, offset));
}

/* The ports are the device's, those of the other are seen if they are in the same page. */
static void test_ports(void)
{
	uint8_t byte = 0;

	command(&ios[0], PCI_COMMAND_IO);
	command(&ios[1], PCI_COMMAND_IO);
	*ios[0].port = 0x41;
	*ios[1].port = 0x42;
	expect(&ios[0], 0x41);
	expect(&ios[1], 0x42);
	CHECK_EQUAL(pread(ios[0].device, &byte, 1, ios[0].offset + ios[0].at), 1);
	CHECK_EQUAL(byte, 0x41);
	byte = 0x43;
	CHECK_EQUAL(pwrite(ios[0].device, &byte, 1, ios[0].offset + ios[0].at), 1);
	expect(&ios[0], 0x43);
	if (ios[0].address / page_size == ios[1].address / page_size)
		CHECK_EQUAL(ios[0].page[ios[1].address % page_size + ios[1].at], 0x42);
}

static void test_decoding(void)
{
	command(&ios[0], PCI_COMMAND_IO);
	command(&ios[1], PCI_COMMAND_IO);
	*ios[0].port = 0x41;
	*ios[1].port = 0x42;
	expect(&ios[0], 0x41);
	/* Memory decoding has nothing to do with it, nor has another byte of COMMAND. */
	command(&ios[0], PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	expect(&ios[0], 0x41);
	abi_config_write(ios[0].device, PCI_COMMAND + 1, 1, PCI_COMMAND_INTX_DISABLE >> 8);
	expect(&ios[0], 0x41);
	command(&ios[0], PCI_COMMAND_MEMORY);
	expect(&ios[1], 0x42);
	expect_ones(&ios[0]);
	abi_config_write(ios[0].device, PCI_COMMAND, 1, PCI_COMMAND_IO);
	expect(&ios[0], 0x41);
	abi_config_write(ios[0].device, PCI_COMMAND, 4, 0);
	expect_ones(&ios[0]);
	expect(&ios[1], 0x42);
}

static void test_freeze(void)
{
	ARGUMENT(devgroup_command, call);

	command(&ios[0], PCI_COMMAND_IO);
	*ios[0].port = 0x41;
	expect(&ios[0], 0x41);
	CHECK(!ioctl(group, DEVGROUP_FREEZE, &call));
	expect_ones(&ios[0]);
	/* Dropped. */
	command(&ios[0], 0);
	expect_ones(&ios[0]);
	call.flags = DEVGROUP_RELEASE_MMIO;
	CHECK(!ioctl(group, DEVGROUP_UNFREEZE, &call));
	expect(&ios[0], 0x41);
	command(&ios[0], 0);
	expect_ones(&ios[0]);
	command(&ios[0], PCI_COMMAND_IO);
	expect(&ios[0], 0x41);
	call.flags = DEVGROUP_RELEASE_DMA;
	CHECK(!ioctl(group, DEVGROUP_UNFREEZE, &call));
	expect(&ios[0], 0x41);
}

/* Where there is no way to reset them COMMAND is 0 all the same. */
static void test_reset(void)
{
	ARGUMENT(devgroup_command, call);

	command(&ios[0], PCI_COMMAND_IO);
	*ios[0].port = 0x41;
	if (ioctl(group, DEVGROUP_RESET, &call))
		CHECK(errno == ENOTTY);
	CHECK_EQUAL(abi_config_read(ios[0].device, PCI_COMMAND, 2) & PCI_COMMAND_IO, 0);
	expect_ones(&ios[0]);
	command(&ios[0], PCI_COMMAND_IO);
	CHECK(*ios[0].port == UHCI_SOF_DEFAULT || *ios[0].port == 0x41);
}

/* Linux of such a host does not take a device that comes back into a group. */
static void test_unplug(void)
{
	char path[64];

	command(&ios[0], PCI_COMMAND_IO);
	command(&ios[1], PCI_COMMAND_IO);
	*ios[0].port = 0x41;
	*ios[1].port = 0x42;
	abi_path(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", names[0]);
	abi_write_file(path, "1");
	expect_ones(&ios[0]);
	expect(&ios[1], 0x42);
	CHECK_ERROR(ENODEV, mmap(NULL, page_size, PROT_READ, MAP_SHARED, ios[0].device,
				 ios[0].offset));
}

/* In D3hot nothing is there; afterwards it is as after a reset, or as it was. */
static void test_power(void)
{
	unsigned int pm = abi_config_read(ios[0].device, PCI_CAPABILITY_LIST, 1);

	while (pm && abi_config_read(ios[0].device, pm, 1) != PCI_CAP_ID_PM)
		pm = abi_config_read(ios[0].device, pm + 1, 1);
	CHECK(pm);
	command(&ios[0], PCI_COMMAND_IO);
	command(&ios[1], PCI_COMMAND_IO);
	*ios[0].port = 0x44;
	*ios[1].port = 0x42;
	expect(&ios[0], 0x44);
	abi_config_write(ios[0].device, pm + PCI_PM_CTRL, 2, 3);
	expect_ones(&ios[0]);
	expect(&ios[1], 0x42);
	abi_config_write(ios[0].device, pm + PCI_PM_CTRL, 2, 0);
	command(&ios[0], PCI_COMMAND_IO);
	*ios[0].port = 0x48;
	expect(&ios[0], 0x48);
}

static void run(const struct abi_test *test)
{
	unsigned int i;

	group = abi_open_group(number);
	CHECK(group >= 0);
	for (i = 0; i < ARRAY_SIZE(ios); i++)
		open_io(&ios[i], names[i]);
	test->run();
	for (i = 0; i < ARRAY_SIZE(ios); i++) {
		munmap((void *)ios[i].page, page_size);
		close(ios[i].device);
	}
	close(group);
}

static const struct abi_test tests[] = {
	{ "info", test_info, false },
	{ "ports", test_ports, false },
	{ "decoding", test_decoding, false },
	{ "freeze", test_freeze, false },
	{ "reset", test_reset, false },
	{ "unplug", test_unplug, true },
	{ "power", test_power, true },
};

int main(int argc, char **argv)
{
	CHECK(argc >= 4);
	number = argv[1];
	names[0] = argv[2];
	names[1] = argv[3];
	page_size = sysconf(_SC_PAGESIZE);
	abi_run(tests, ARRAY_SIZE(tests), argc - 1, argv + 1, run);
	return 0;
}

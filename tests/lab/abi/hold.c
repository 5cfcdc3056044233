// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hold NUMBER DEVICE: opens a group and an NVMe disk of it, maps BAR 0, lets the device be master
 * of the bus, prints "held", and touches all of it until it is killed. When the device is gone it
 * prints "gone" and how, and ends with status 0 if that is as promised.
 */
#include "abi.h"

static void check_dead(int group, int device, volatile uint32_t *bar)
{
	ARGUMENT(devgroup_device_info, info);
	ARGUMENT(devgroup_info, group_info);
	ARGUMENT(devgroup_command, command);
	ARGUMENT(vfio_region_info, region);
	uint32_t word;

	CHECK_ERROR(ENODEV, pread(device, &word, 4, 0));
	CHECK_ERROR(ENODEV, pwrite(device, &word, 4, 0));
	CHECK_ERROR(ENODEV, ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &region));
	CHECK_ERROR(ENODEV, ioctl(device, VFIO_DEVICE_RESET));
	CHECK_ERROR(ENODEV, mmap(NULL, 4096, PROT_READ, MAP_SHARED, device, 0));
	CHECK_ERROR(ENODEV, ioctl(group, DEVGROUP_RESET, &command));
	CHECK_ERROR(ENOENT, ioctl(group, DEVGROUP_GET_DEVICE, &info));
	CHECK(!ioctl(group, DEVGROUP_GET_INFO, &group_info));
	bar[2] = 0;
	usleep(100000);
	CHECK_EQUAL(bar[2], UINT32_MAX);
}

int main(int argc, char **argv)
{
	ARGUMENT(devgroup_set_event, event, .event = DEVGROUP_EVENT_REQUEST,
		 .fd = eventfd(0, EFD_NONBLOCK));
	int group, device, sum = 0;
	volatile uint32_t *bar;
	size_t size;
	uint32_t id;

	CHECK(argc == 3);
	group = abi_open_group(argv[1]);
	CHECK(group >= 0);
	device = abi_open_device(group, argv[2]);
	CHECK(device >= 0);
	CHECK(!ioctl(group, DEVGROUP_SET_EVENT, &event));
	bar = abi_map(device, &size);
	abi_config_write(device, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	printf("held\n");
	fflush(stdout);
	while (pread(device, &id, 4, (off_t)VFIO_PCI_CONFIG_REGION_INDEX << 40) == 4)
		sum += bar[2];
	CHECK_EQUAL(abi_events(event.fd), 1);
	check_dead(group, device, bar);
	printf("gone, %d\n", sum);
	return 0;
}

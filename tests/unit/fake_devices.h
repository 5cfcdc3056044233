/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices as both backends open them: plain files behind which ioctl() below speaks the VFIO
 * device API and keeps a trace of what was asked. Any call can be made to fail. What is asked of
 * other files, and what only one backend asks of a device, is for the program to answer. For one
 * file of a program only.
 */
#ifndef PVMM_TESTS_FAKE_DEVICES_H
#define PVMM_TESTS_FAKE_DEVICES_H

#include <dirent.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <sys/ioctl.h>

#include "tests/unit/fake_sysfs.h"
#include "vmm/group/host.h"

#define GROUP 7
#define REGION_SHIFT 20		/* of a region's place in the device's file */
#define PAGE ((uint64_t)sysconf(_SC_PAGESIZE))

/* Functions 0..2 of one device, as 0002:02:01.x, and a bridge. */
#define NR_FUNCTIONS 3
static const char *const functions[NR_FUNCTIONS] = {"0002:02:01.0", "0002:02:01.1",
						    "0002:02:01.7"};

static struct {
	struct fake_host host;
	unsigned calls;		/* ioctls so far */
	unsigned fail_at;	/* this one gives EIO; 0: none */
	char trace[4096];
	bool can_reset[NR_FUNCTIONS];
	unsigned busy_resets;	/* so many tries to reset give EAGAIN first */
	unsigned vectors_left;	/* asking for more gives this number */
	int live_kind;		/* of interrupts; -1: none */
	uint16_t device_flags;
	uint32_t nr_regions, nr_irqs;
	uint32_t irq_flags;	/* beside EVENTFD */
	const char *also;	/* a name by which function 0 is known, too */
} fake_devices;

/* The program's own: a call of another file than a device's, and one of a device that is not of
 * the common API. Return what ioctl() does, or a negative errno. */
static int backend_ioctl(const char *path, unsigned long request, void *arg);
static int backend_device_ioctl(unsigned function, unsigned long request, void *arg);

static inline void trace(const char *format, ...) PRINTF(1, 2);

static inline void trace(const char *format, ...)
{
	size_t used = strlen(fake_devices.trace);
	va_list args;

	va_start(args, format);
	vsnprintf(fake_devices.trace + used, sizeof(fake_devices.trace) - used, format, args);
	va_end(args);
}

static void path_of(int fd, char path[256])
{
	char link[64];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, 255);
	path[length > 0 ? length : 0] = '\0';
}

static inline unsigned count_open(const char *part)
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;
	unsigned count = 0;
	char path[256];

	while ((entry = readdir(folder))) {
		path_of(atoi(entry->d_name), path);
		count += strstr(path, part) != NULL;
	}
	closedir(folder);
	return count;
}

/* BAR0: 64 KiB, mappable; BAR2: 256 bytes alone in its page; BAR4: not mappable; ROM; config. */
static int region_info(struct vfio_region_info *info)
{
	static const struct {
		uint64_t size;
		uint32_t flags;
	} regions[VFIO_PCI_NUM_REGIONS] = {
		[0] = {64 * KIB, 7}, [2] = {256, 7}, [4] = {4096, 3}, [6] = {64 * KIB, 1},
		[7] = {4096, 3},
	};
	struct vfio_info_cap_header cap = {.id = VFIO_REGION_INFO_CAP_MSIX_MAPPABLE};
	uint32_t room = info->argsz;

	info->size = regions[info->index].size;
	info->flags = regions[info->index].flags;
	info->offset = (uint64_t)info->index << REGION_SHIFT;
	if (info->index != 0)
		return 0;
	info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
	info->argsz = sizeof(*info) + sizeof(cap);
	if (room >= info->argsz) {
		info->cap_offset = sizeof(*info);
		memcpy(info + 1, &cap, sizeof(cap));
	}
	return 0;
}

static int set_irqs(struct vfio_irq_set *set)
{
	if (set->flags & VFIO_IRQ_SET_ACTION_UNMASK)
		return fake_devices.live_kind == GROUP_IRQ_INTX && set->count == 1 ? 0 : -EINVAL;
	if (set->flags & VFIO_IRQ_SET_DATA_NONE) {
		if (fake_devices.live_kind != (int)set->index || set->count)
			return -EINVAL;
		trace("off%u ", set->index);
		fake_devices.live_kind = -1;
		return 0;
	}
	if (fake_devices.live_kind != -1 ||
	    set->argsz != sizeof(*set) + set->count * sizeof(int32_t))
		return -EINVAL;
	if (set->count > fake_devices.vectors_left)
		return (int)fake_devices.vectors_left;
	trace("on%u*%u ", set->index, set->count);
	fake_devices.live_kind = (int)set->index;
	return 0;
}

static inline uint16_t command_of(unsigned function)
{
	char path[128];
	le16 value = 0xffff;
	int fd;

	snprintf(path, sizeof(path), "%s/device-%u", fake_devices.host.folder, function);
	fd = open(path, O_RDONLY);
	ck_assert_int_eq(pread(fd, &value, 2, (7 << REGION_SHIFT) + PCI_COMMAND), 2);
	close(fd);
	return le16toh(value);
}

static int device_ioctl(unsigned function, unsigned long request, void *arg)
{
	static const uint32_t irq_counts[VFIO_PCI_NUM_IRQS] = {1, 64, 16, 1, 1};
	struct vfio_device_info *info = arg;
	struct vfio_irq_info *irq = arg;

	switch (request) {
	case VFIO_DEVICE_GET_INFO:
		info->flags = fake_devices.device_flags;
		if (fake_devices.can_reset[function])
			info->flags |= VFIO_DEVICE_FLAGS_RESET;
		info->num_regions = fake_devices.nr_regions;
		info->num_irqs = fake_devices.nr_irqs;
		return 0;
	case VFIO_DEVICE_GET_REGION_INFO:
		return region_info(arg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		irq->flags = VFIO_IRQ_INFO_EVENTFD | fake_devices.irq_flags;
		irq->count = irq_counts[irq->index];
		return 0;
	case VFIO_DEVICE_SET_IRQS:
		return set_irqs(arg);
	}
	return backend_device_ioctl(function, request, arg);
}

int ioctl(int fd, unsigned long request, ...)
{
	char path[256], *device;
	va_list args;
	void *arg;
	int ret;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	path_of(fd, path);
	device = strstr(path, "/device-");
	if (++fake_devices.calls == fake_devices.fail_at)
		ret = -EIO;
	else if (device)
		ret = device_ioctl((unsigned)atoi(device + 8), request, arg);
	else
		ret = backend_ioctl(path, request, arg);
	if (ret >= 0)
		return ret;
	errno = -ret;
	return -1;
}

static inline void make_device_file(unsigned function)
{
	char path[128];
	le16 command = htole16(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
	int fd;

	snprintf(path, sizeof(path), "device-%u", function);
	fake_file(&fake_devices.host, "", "%s", path);
	snprintf(path, sizeof(path), "%s/device-%u", fake_devices.host.folder, function);
	fd = open(path, O_RDWR);
	ck_assert_int_eq(ftruncate(fd, 8 << REGION_SHIFT), 0);
	ck_assert_int_eq(pwrite(fd, &command, 2, (7 << REGION_SHIFT) + PCI_COMMAND), 2);
	close(fd);
}

/* A new file of a device. */
static inline int fake_device_open(const char *bdf)
{
	char path[256];
	unsigned i;

	for (i = 0; i < NR_FUNCTIONS && strcmp(bdf, functions[i]) != 0; i++)
		;
	if (fake_devices.also && strcmp(bdf, fake_devices.also) == 0)
		i = 0;
	if (i == NR_FUNCTIONS)
		return -ENOENT;
	snprintf(path, sizeof(path), "%s/device-%u", fake_devices.host.folder, i);
	return open(path, O_RDWR | O_CLOEXEC);
}

static inline void fake_devices_init(void)
{
	unsigned i;

	memset(&fake_devices, 0, sizeof(fake_devices));
	fake_sysfs_init(&fake_devices.host);
	fake_device(&fake_devices.host, "0002:01:00.0", GROUP, "0x060400\n", "pcieport");
	for (i = 0; i < NR_FUNCTIONS; i++) {
		fake_device(&fake_devices.host, functions[i], GROUP, "0x0c0300\n", "vfio-pci");
		make_device_file(i);
		fake_devices.can_reset[i] = true;
	}
	fake_devices.vectors_left = 2048;
	fake_devices.live_kind = -1;
	fake_devices.device_flags = VFIO_DEVICE_FLAGS_PCI;
	fake_devices.nr_regions = VFIO_PCI_NUM_REGIONS;
	fake_devices.nr_irqs = VFIO_PCI_NUM_IRQS;
}

static inline void expect_closed(void)
{
	ck_assert_uint_eq(count_open(fake_devices.host.folder), 0);
}

#endif

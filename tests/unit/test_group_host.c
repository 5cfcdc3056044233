// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Finding groups in sysfs and checking what blocks them, on a host made of files. This
 * program has an ioctl() of its own, for what files cannot answer.
 */
#include <linux/vfio.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include "tests/unit/capture.h"
#include "tests/unit/fake_addresses.h"
#include "tests/unit/fake_sysfs.h"

#define NVME "0x010802\n"
#define ETHERNET "0x020000\n"
#define UHCI "0x0c0300\n"
#define BRIDGE "0x060400\n"

static struct {
	struct fake_host host;
	int tce_extension;	/* what VFIO_CHECK_EXTENSION says */
} fake;

int ioctl(int fd, unsigned long request, ...)
{
	if (request == VFIO_CHECK_EXTENSION)
		return fake.tce_extension;
	errno = ENOTTY;
	return -1;
}

static void setup(void)
{
	memset(&fake, 0, sizeof(fake));
	memset(&fake_addresses, 0, sizeof(fake_addresses));
	fake.tce_extension = 1;
	fake_sysfs_init(&fake.host);
	fake_device(&fake.host, "0001:01:00.0", 1, NVME, "nvme");
	fake_device(&fake.host, "0002:02:01.7", 2, "0x0c0320\n", "ehci-pci");
	fake_device(&fake.host, "0002:02:01.0", 2, UHCI, "uhci_hcd");
	fake_device(&fake.host, "0002:01:00.0", 2, BRIDGE, "pcieport");
	fake_device(&fake.host, "0003:01:00.0", 3, ETHERNET, NULL);
}

static void teardown(void)
{
	fake_host_exit(&fake.host);
}

static int find(const char *format, struct host_group *group)
{
	char name[256];

	if (format[0] == '/')
		snprintf(name, sizeof(name), "%s%s", fake.host.sys, format);
	else
		snprintf(name, sizeof(name), "%s", format);
	return host_group_find(&fake.host.root, name, group, &fake.host.log);
}

START_TEST(test_find_forms)
{
	static const char *const names[] = {
		"/kernel/iommu_groups/2", "/kernel/iommu_groups/2/",
		"/kernel/iommu_groups/..//iommu_groups/2", "0002:02:01.7",
		"/bus/pci/devices/0002:02:01.0/iommu_group",
	};
	struct host_group group;
	char bdf[PCI_ADDRESS_TEXT_SIZE];

	ck_assert_int_eq(find(names[_i], &group), 0);
	ck_assert_uint_eq(group.number, 2);
	ck_assert_uint_eq(group.nr_devices, 3);
	ck_assert_str_eq(pci_address_text(&group.devices[0].address, bdf), "0002:01:00.0");
	ck_assert(group.devices[0].is_bridge);
	ck_assert_str_eq(pci_address_text(&group.devices[2].address, bdf), "0002:02:01.7");
	ck_assert(!group.devices[2].is_bridge);
	ck_assert_str_eq(group.devices[2].driver, "ehci-pci");
	ck_assert_uint_eq(group.devices[2].vendor, 0x1b36);
	ck_assert_uint_eq(group.devices[2].class_code, 0x0c0320);
	ck_assert_contains(group.path, "/sys/kernel/iommu_groups/2");
}
END_TEST

START_TEST(test_find_tells_company)
{
	struct host_group group;
	const char *text;

	ck_assert_int_eq(find("0002:02:01.7", &group), 0);
	text = fake_log(&fake.host);
	ck_assert_contains(text, "0002:02:01.0, UHCI USB controller (1b36:0010), comes along");
	ck_assert_uint_eq(fake_count_lines(text), 1);
	ck_assert_int_eq(find("0001:01:00.0", &group), 0);
	ck_assert_int_eq(find("/kernel/iommu_groups/2", &group), 0);
	ck_assert_str_eq(fake_log(&fake.host), "");
}
END_TEST

START_TEST(test_find_errors)
{
	static const struct {
		const char *name, *text;
		int error;
	} cases[] = {
		{"/kernel/iommu_groups/9", "no such group; ls ", -ENOENT},
		{"/kernel/iommu_groups", "is not a device group", -EINVAL},
		{"/kernel/iommu_groups/2/devices", "is not a device group", -EINVAL},
		{"/kernel/iommu_groups/x", "is not a device group", -EINVAL},
		{"/bus", "is not a device group", -EINVAL},
		{"/devgroups/2", "the group driver is not loaded; run: modprobe devgroups",
		 -ENODEV},
		{"0009:01:00.0", "no PCI device 0009:01:00.0", -ENOENT},
		{"0004:01:00.0", "is in no IOMMU group", -ENOENT},
		{"", "no such group", -ENOENT},
		{"/kernel/iommu_groups/5", "holds no device", -ENODEV},
		{"/kernel/iommu_groups/6", "platform:x in it is not a PCI device", -ENOTSUP},
		{"/kernel/iommu_groups/7", "cannot read", -ENOENT},
	};
	struct host_group group;
	const char *text;

	fake_mkdir(&fake.host, "sys/kernel/iommu_groups/x");
	fake_mkdir(&fake.host, "sys/kernel/iommu_groups/5/devices");
	fake_file(&fake.host, "", "sys/kernel/iommu_groups/6/devices/platform:x");
	fake_file(&fake.host, "", "sys/kernel/iommu_groups/7/devices/0007:01:00.0");
	fake_file(&fake.host, "0x1", "sys/bus/pci/devices/0004:01:00.0/vendor");
	ck_assert_int_eq(find(cases[_i].name, &group), cases[_i].error);
	text = fake_log(&fake.host);
	ck_assert_contains(text, cases[_i].text);
	ck_assert_uint_eq(fake_count_lines(text), 1);
}
END_TEST

/* With the group driver: an address stands for its group there, also for a merged one. */
static void add_devgroups(void)
{
	fake_host_devgroup(&fake.host, 2);
	fake_devgroup_add(&fake.host, 2, "0002:02:01.0");
	fake_devgroup_add(&fake.host, 2, "0002:02:01.7");
	fake_devgroup_add(&fake.host, 2, "0002:01:00.0");
	fake_devgroup_add(&fake.host, 2, "0003:01:00.0");
	fake_host_devgroup(&fake.host, 1);
	fake_devgroup_add(&fake.host, 1, "0001:01:00.0");
}

START_TEST(test_find_devgroups)
{
	struct host_group group;
	const char *text;

	add_devgroups();
	ck_assert_int_eq(find("/devgroups/2", &group), 0);
	ck_assert_int_eq(group.backend, HOST_BACKEND_DEVGROUP);
	ck_assert_uint_eq(group.number, 2);
	ck_assert_uint_eq(group.nr_devices, 4);
	ck_assert_contains(group.path, "/sys/devgroups/2");
	ck_assert_str_eq(group.devices[2].driver, "ehci-pci");
	ck_assert_str_eq(fake_log(&fake.host), "");
	ck_assert_int_eq(find("/kernel/iommu_groups/2", &group), 0);
	ck_assert_int_eq(group.backend, HOST_BACKEND_VFIO);
	ck_assert_uint_eq(group.nr_devices, 3);
	ck_assert_int_eq(find("0003:01:00.0", &group), 0);
	ck_assert_int_eq(group.backend, HOST_BACKEND_DEVGROUP);
	ck_assert_uint_eq(group.number, 2);
	text = fake_log(&fake.host);
	ck_assert_contains(text, "0003:01:00.0 is in group 2, so 0002:02:01.7, EHCI USB ");
	ck_assert_uint_eq(fake_count_lines(text), 2);
	ck_assert_int_eq(find("0001:01:00.0", &group), 0);
	ck_assert_uint_eq(group.number, 1);
	ck_assert_int_eq(find("/devgroups/9", &group), -ENOENT);
	text = fake_log(&fake.host);
	ck_assert_contains(text, "no such group; ls ");
	ck_assert_contains(text, "/sys/devgroups shows");
	fake_device(&fake.host, "0009:01:00.0", 9, NVME, NULL);
	ck_assert_int_eq(find("0009:01:00.0", &group), -ENOENT);
	ck_assert_contains(fake_log(&fake.host), "0009:01:00.0 is in no group of ");
}
END_TEST

START_TEST(test_find_too_many)
{
	struct host_group group;
	char bdf[PCI_ADDRESS_TEXT_SIZE];
	unsigned i;

	for (i = 0; i <= HOST_GROUP_MAX_DEVICES; i++) {
		snprintf(bdf, sizeof(bdf), "0005:%02x:00.0", i);
		fake_device(&fake.host, bdf, 5, NVME, NULL);
	}
	ck_assert_int_eq(find("/kernel/iommu_groups/5", &group), -E2BIG);
	ck_assert_contains(fake_log(&fake.host), "more than 32 devices");
}
END_TEST

START_TEST(test_address_text)
{
	struct pci_address address = {0xffffffff, 0xff, 0x1f, 7};
	char text[PCI_ADDRESS_TEXT_SIZE];

	ck_assert_str_eq(pci_address_text(&address, text), "ffffffff:ff:1f.7");
}
END_TEST

/* Lines reported for the groups named, and their text. */
static unsigned check_groups(unsigned count, const char *const *names, bool claim, uint64_t lock,
			     const char **text)
{
	struct host_group groups[4];
	unsigned i, lines;

	for (i = 0; i < count; i++)
		ck_assert_int_eq(find(names[i], &groups[i]), 0);
	fake_log(&fake.host);
	lines = host_groups_check(&fake.host.root, groups, count, claim, lock, &fake.host.log);
	*text = fake_log(&fake.host);
	ck_assert_uint_eq(lines, fake_count_lines(*text));
	return lines;
}

static unsigned check_one(const char *name, bool claim, const char **text)
{
	return check_groups(1, &name, claim, 0, text);
}

START_TEST(test_check_ready)
{
	const char *text;

	ck_assert_uint_eq(check_one("0003:01:00.0", false, &text), 0);
	ck_assert_uint_eq(check_one("0001:01:00.0", true, &text), 0);
	ck_assert_uint_eq(check_one("0002:02:01.0", true, &text), 0);
	fake_link(&fake.host, "sys/bus/pci/drivers/vfio-pci", "sys/devices/pci/%s/driver",
		  "0001:01:00.0");
	ck_assert_uint_eq(check_one("0001:01:00.0", false, &text), 0);
	ck_assert_uint_eq(host_groups_check(&fake.host.root, NULL, 0, false, 0, &fake.host.log), 0);
}
END_TEST

START_TEST(test_check_held)
{
	const char *text;

	ck_assert_uint_eq(check_one("0001:01:00.0", false, &text), 1);
	ck_assert_contains(text, "0001:01:00.0, NVM Express controller (1b36:0010), is held by the "
			   "host driver nvme; run again with --claim, or run: "
			   "echo 0001:01:00.0 > ");
	ck_assert_contains(text, "/bus/pci/devices/0001:01:00.0/driver/unbind");
	ck_assert_uint_eq(check_one("0002:02:01.0", false, &text), 2);
	ck_assert_contains(text, "uhci_hcd");
	ck_assert_contains(text, "ehci-pci");
	ck_assert_lacks(text, "pcieport");
}
END_TEST

START_TEST(test_check_modules)
{
	const char *text;

	fake.tce_extension = 0;
	ck_assert_uint_eq(check_one("0003:01:00.0", false, &text), 1);
	ck_assert_contains(text, "no sPAPR TCE IOMMU");
	fake_remove(&fake.host, "dev/vfio/vfio");
	fake_remove(&fake.host, "sys/bus/pci/drivers/vfio-pci/bind");
	fake_remove(&fake.host, "sys/bus/pci/drivers/vfio-pci/unbind");
	fake_remove(&fake.host, "sys/bus/pci/drivers/vfio-pci");
	ck_assert_uint_eq(check_one("0003:01:00.0", false, &text), 2);
	ck_assert_contains(text, "run: modprobe vfio-pci\n");
	ck_assert_contains(text, "run: modprobe vfio_iommu_spapr_tce\n");
}
END_TEST

START_TEST(test_check_busy)
{
	const char *text;

	snprintf(fake_sysfs.busy, sizeof(fake_sysfs.busy), "%s/vfio/3", fake.host.dev);
	ck_assert_uint_eq(check_one("0003:01:00.0", false, &text), 1);
	ck_assert_contains(text, "group 3 is in use by another process");
}
END_TEST

START_TEST(test_check_twice)
{
	static const char *const names[] = {"0001:01:00.0", "0003:01:00.0", "0001:01:00.0"};
	const char *text;

	ck_assert_uint_eq(check_groups(3, names, true, 0, &text), 1);
	ck_assert_contains(text, "group 1 is named twice");
}
END_TEST

START_TEST(test_check_lock_limit)
{
	struct rlimit limit = {8 * MIB, 8 * MIB};
	static const char *const name = "0003:01:00.0";
	const char *text;

	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	ck_assert_uint_eq(check_groups(1, &name, true, 8 * MIB, &text), 0);
	ck_assert_uint_eq(check_groups(1, &name, true, 512 * MIB + 1, &text), 1);
	ck_assert_contains(text, "8192 KiB, devices need 524289 KiB");
	ck_assert_contains(text, "ulimit -l 524289\n");
	fake_file(&fake.host, "Name:\tpvmm\nCapEff:\t0000000000004000\n", "proc/self/status");
	ck_assert_uint_eq(check_groups(1, &name, true, 512 * MIB, &text), 0);
	limit.rlim_cur = 0;
	fake_remove(&fake.host, "proc/self/status");
	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	ck_assert_uint_eq(check_groups(1, &name, true, 1, &text), 1);
}
END_TEST

static void take_mode(const char *path, mode_t mode)
{
	char full[160];

	snprintf(full, sizeof(full), "%s/%s", fake.host.folder, path);
	chmod(full, mode);
}

/* From here on neither file can be opened. */
static void drop_root(const char *first, const char *second)
{
	mode_t mode = geteuid() == 0 ? 0600 : 0;

	take_mode(first, mode);
	take_mode(second, mode);
	if (geteuid() == 0) {
		ck_assert_int_eq(setegid(65534), 0);
		ck_assert_int_eq(seteuid(65534), 0);
	}
}

static void regain_root(void)
{
	if (getuid() == 0) {
		ck_assert_int_eq(seteuid(0), 0);
		ck_assert_int_eq(setegid(0), 0);
	}
}

START_TEST(test_check_permission)
{
	struct host_group group;
	unsigned lines;
	const char *text;

	ck_assert_int_eq(find("0003:01:00.0", &group), 0);
	fake_file(&fake.host, "", "dev/vfio/3");
	chmod(fake.host.folder, 0755);
	take_mode("sys/devices/pci/0003:01:00.0/driver_override", 0400);
	drop_root("dev/vfio/3", "dev/vfio/vfio");
	lines = host_groups_check(&fake.host.root, &group, 1, false, 0, &fake.host.log);
	regain_root();
	text = fake_log(&fake.host);
	ck_assert_uint_eq(lines, 3);
	ck_assert_contains(text, "vfio/vfio; run as root, or run: chmod 666 ");
	ck_assert_contains(text, "vfio/3; run as root, or run: chown ");
	ck_assert_contains(text, "no permission to bind 0003:01:00.0 to vfio-pci; run as root");
}
END_TEST

static void add_block(const char *path, const char *name, const char *number)
{
	fake_file(&fake.host, number, "%s/dev", path);
	fake_link(&fake.host, path, "sys/class/block/%s", name);
}

#define DISK "sys/devices/pci/0001:01:00.0/nvme/nvme0/nvme0n1"

static void add_disk(void)
{
	add_block(DISK, "nvme0n1", "259:0\n");
	add_block(DISK "/nvme0n1p1", "nvme0n1p1", "259:1\n");
	fake_file(&fake.host, "1\n", DISK "/nvme0n1p1/partition");
	add_block(DISK "/nvme0n1p2", "nvme0n1p2", "259:2\n");
	fake_file(&fake.host, "2\n", DISK "/nvme0n1p2/partition");
	add_block("sys/devices/pci/0001:01:00.01/sda", "sda", "8:0\n");
}

/* @claim or not, a device in use is not to be taken. */
START_TEST(test_check_mounts)
{
	const char *text;

	add_disk();
	fake_file(&fake.host,
		  "20 1 8:0 / / rw - ext4 /dev/sda rw\n"
		  "21 20 259:1 / /mnt/my\\040disk rw,relatime shared:1 - ext4 /dev/nvme0n1p1 rw\n"
		  "22 20 259:1 / /srv rw - ext4 /dev/nvme0n1p1 rw\n"
		  "23 20 0:40 / /it's rw - btrfs /dev/nvme0n1p2 rw\n"
		  "24 20 0:41 / /x\\012y rw - btrfs /dev/disk\\040/by-label rw\n"
		  "garbage\n25 - a\n26 1 259:1 - b c\n", "proc/self/mountinfo");
	ck_assert_uint_eq(check_one("0001:01:00.0", true, &text), 3);
	ck_assert_contains(text, "0001:01:00.0, NVM Express controller (1b36:0010), has nvme0n1p1 "
			   "mounted on /mnt/my disk; run: umount '/mnt/my disk'\n");
	ck_assert_contains(text, "run: umount /srv\n");
	ck_assert_contains(text, "has nvme0n1p2 mounted on /it's; run: umount '/it'\\''s'\n");
	ck_assert_uint_eq(check_one("0001:01:00.0", false, &text), 4);
	ck_assert_uint_eq(check_one("0003:01:00.0", true, &text), 0);
}
END_TEST

START_TEST(test_check_swap)
{
	const char *text;

	add_disk();
	fake_file(&fake.host,
		  "Filename\t\t\t\tType\t\tSize\n"
		  "/dev/nvme0n1p2                          partition\t1000\t0\t-2\n"
		  "/swapfile                               file\t1000\t0\t-3\n", "proc/swaps");
	ck_assert_uint_eq(check_one("0001:01:00.0", true, &text), 1);
	ck_assert_contains(text, "has swap on nvme0n1p2; run: swapoff /dev/nvme0n1p2\n");
}
END_TEST

/* LVM on md on a partition; the mount names it by a link, as mount does. */
START_TEST(test_check_stacked)
{
	const char *text;

	add_disk();
	add_block("sys/devices/virtual/block/md0", "md0", "9:0\n");
	fake_link(&fake.host, DISK "/nvme0n1p1", "sys/devices/virtual/block/md0/slaves/nvme0n1p1");
	add_block("sys/devices/virtual/block/md0/md0p1", "md0p1", "259:9\n");
	fake_file(&fake.host, "1\n", "sys/devices/virtual/block/md0/md0p1/partition");
	add_block("sys/devices/virtual/block/dm-0", "dm-0", "253:0\n");
	fake_file(&fake.host, "vg-root\n", "sys/devices/virtual/block/dm-0/dm/name");
	fake_link(&fake.host, "sys/devices/virtual/block/md0/md0p1",
		  "sys/devices/virtual/block/dm-0/slaves/md0p1");
	add_block("sys/devices/virtual/block/bcache0", "bcache0", "252:0\n");
	fake_link(&fake.host, "sys/devices/virtual/block/dm-0",
		  "sys/devices/virtual/block/bcache0/slaves/dm-0");
	fake_file(&fake.host, "", "dev/dm-0");
	fake_link(&fake.host, "dev/dm-0", "dev/mapper/vg-root");
	fake_file(&fake.host, "21 20 0:44 / /data rw - btrfs /dev/mapper/vg-root rw\n",
		  "proc/self/mountinfo");
	ck_assert_uint_eq(check_one("0001:01:00.0", true, &text), 4);
	ck_assert_contains(text, "part of md0; run: mdadm --stop /dev/md0\n");
	ck_assert_contains(text, "part of dm-0 (vg-root); run: dmsetup remove vg-root\n");
	ck_assert_contains(text, "has dm-0 mounted on /data; run: umount /data\n");
	ck_assert_contains(text, "part of bcache0; stop that device first\n");
}
END_TEST

/* Block devices that stand on each other in a circle end the search. */
START_TEST(test_check_circle)
{
	const char *text;

	add_block("sys/devices/virtual/block/dm-0", "dm-0", "253:0\n");
	add_block("sys/devices/virtual/block/dm-1", "dm-1", "253:1\n");
	fake_link(&fake.host, "sys/devices/virtual/block/dm-1",
		  "sys/devices/virtual/block/dm-0/slaves/dm-1");
	fake_link(&fake.host, "sys/devices/virtual/block/dm-0",
		  "sys/devices/virtual/block/dm-1/slaves/dm-0");
	ck_assert_uint_eq(check_one("0001:01:00.0", true, &text), 0);
}
END_TEST

START_TEST(test_check_nvme_multipath)
{
	const char *text, *disk = "sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1";

	add_block(disk, "nvme0n1", "259:0\n");
	fake_mkdir(&fake.host, "sys/devices/pci/0001:01:00.0/nvme/nvme0");
	fake_link(&fake.host, "sys/devices/pci/0001:01:00.0/nvme/nvme0",
		  "sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0");
	fake_file(&fake.host, "21 20 259:0 / /data rw - ext4 /dev/nvme0n1 rw\n",
		  "proc/self/mountinfo");
	ck_assert_uint_eq(check_one("0001:01:00.0", true, &text), 1);
	ck_assert_contains(text, "has nvme0n1 mounted on /data");
}
END_TEST

START_TEST(test_check_btrfs_member)
{
	const char *text;

	add_disk();
	fake_file(&fake.host, "", "sys/fs/btrfs/1234-5678/devices/nvme0n1p1");
	ck_assert_uint_eq(check_one("0001:01:00.0", true, &text), 1);
	ck_assert_contains(text, "has nvme0n1p1 in the mounted btrfs 1234-5678");
}
END_TEST

/* The device that the host's own files come over. */
START_TEST(test_check_share)
{
	const char *text;

	fake_file(&fake.host, "share", "sys/devices/pci/0003:01:00.0/virtio1/mount_tag");
	fake_file(&fake.host, "", "sys/devices/pci/0003:01:00.0/virtio2/status");
	ck_assert_uint_eq(check_one("0003:01:00.0", true, &text), 0);
	fake_file(&fake.host, "34 27 0:30 / /lab rw,relatime - 9p share rw\n",
		  "proc/self/mountinfo");
	ck_assert_uint_eq(check_one("0003:01:00.0", true, &text), 1);
	ck_assert_contains(text, "has share mounted on /lab; run: umount /lab\n");
}
END_TEST

START_TEST(test_check_network)
{
	const char *text;

	fake_file(&fake.host, "0x1002\n", "sys/devices/pci/0003:01:00.0/net/eth0/flags");
	fake_link(&fake.host, "sys/devices/pci/0003:01:00.0/net/eth0", "sys/class/net/eth0");
	fake_file(&fake.host, "", "sys/class/net/bonding_masters");
	ck_assert_uint_eq(check_one("0003:01:00.0", true, &text), 0);
	fake_file(&fake.host, "0x1003\n", "sys/devices/pci/0003:01:00.0/net/eth0/flags");
	ck_assert_uint_eq(check_one("0003:01:00.0", true, &text), 1);
	ck_assert_contains(text, "has the network interface eth0, which is up; run: "
			   "ip link set eth0 down\n");
}
END_TEST

/* Up, or with an address that somebody gave it: both are in use. */
START_TEST(test_check_addresses)
{
	static const struct {
		const char *flags, *address, *other;
		const char *text;	/* NULL: not in use */
	} cases[] = {
		{"0x1002\n", NULL, NULL, NULL},
		{"0x1002\n", "fe80::1", NULL, NULL},
		{"0x1003\n", "fe80::1", NULL, "which is up; run: ip link set eth0 down\n"},
		{"0x1002\n", "10.0.2.15", NULL,
		 "which has 10.0.2.15; run: ip address flush dev eth0\n"},
		{"0x1003\n", "10.0.2.15", NULL, "which is up with 10.0.2.15; run: "
		 "ip link set eth0 down && ip address flush dev eth0\n"},
		{"0x1002\n", "10.0.2.15", "2001:db8::1", "which has 10.0.2.15, 2001:db8::1; run: "},
	};
	const char *text;

	fake_file(&fake.host, cases[_i].flags, "sys/devices/pci/0003:01:00.0/net/eth0/flags");
	fake_link(&fake.host, "sys/devices/pci/0003:01:00.0/net/eth0", "sys/class/net/eth0");
	fake_address("lo", "127.0.0.1");
	fake_address("eth0", NULL);
	fake_address("eth01", "10.9.9.9");
	if (cases[_i].address)
		fake_address("eth0", cases[_i].address);
	if (cases[_i].other)
		fake_address("eth0", cases[_i].other);
	ck_assert_uint_eq(check_one("0003:01:00.0", true, &text), cases[_i].text != NULL);
	if (cases[_i].text)
		ck_assert_contains(text, cases[_i].text);
}
END_TEST

/* That the kernel does not tell addresses is no reason to call it free of them or to stop. */
START_TEST(test_check_addresses_unknown)
{
	const char *text;

	fake_addresses.broken = true;
	fake_file(&fake.host, "0x1003\n", "sys/devices/pci/0003:01:00.0/net/e'0/flags");
	fake_link(&fake.host, "sys/devices/pci/0003:01:00.0/net/e'0", "sys/class/net/e'0");
	ck_assert_uint_eq(check_one("0003:01:00.0", true, &text), 1);
	ck_assert_contains(text, "e'0, which is up; run: ip link set 'e'\\''0' down\n");
}
END_TEST

START_TEST(test_check_virtual_functions)
{
	const char *text;

	fake_file(&fake.host, "0\n", "sys/devices/pci/0003:01:00.0/sriov_numvfs");
	ck_assert_uint_eq(check_one("0003:01:00.0", true, &text), 0);
	fake_file(&fake.host, "4\n", "sys/devices/pci/0003:01:00.0/sriov_numvfs");
	ck_assert_uint_eq(check_one("0003:01:00.0", true, &text), 1);
	ck_assert_contains(text, "has 4 virtual functions; run: echo 0 > ");
}
END_TEST

/* Whoever holds its devices, a free group can be claimed; VFIO need not be there. */
START_TEST(test_check_devgroup_ready)
{
	const char *text;

	add_devgroups();
	fake_remove(&fake.host, "dev/vfio/vfio");
	ck_assert_uint_eq(check_one("/devgroups/1", false, &text), 0);
	ck_assert_uint_eq(check_one("/devgroups/2", false, &text), 0);
	fake_file(&fake.host, "claimed\n", "sys/devgroups/1/state");
	ck_assert_uint_eq(check_one("/devgroups/1", false, &text), 0);
}
END_TEST

START_TEST(test_check_devgroup_states)
{
	static const struct {
		const char *state, *owner, *text;
	} cases[] = {
		{"in-use\n", "123 pvmm\n", "group 1 is in use by process 123 pvmm; run: kill 123"},
		{"in-use\n", "", "group 1 is in use by another process; stop it first"},
		{"frozen\n", "123 pvmm\n", "group 1 is frozen after an error, and in use by process 123 "
		 "pvmm; run: kill 123"},
		{"quarantined\n", "", "group 1 is quarantined: its devices could not be reset; run: "
		 "echo 1 > "},
	};
	const char *text;

	add_devgroups();
	fake_file(&fake.host, cases[_i].state, "sys/devgroups/1/state");
	fake_file(&fake.host, cases[_i].owner, "sys/devgroups/1/owner");
	ck_assert_uint_eq(check_one("/devgroups/1", false, &text), 1);
	ck_assert_contains(text, cases[_i].text);
}
END_TEST

/* The same as for --claim by VFIO: what is in use is not taken. */
START_TEST(test_check_devgroup_uses)
{
	const char *text;

	add_devgroups();
	add_disk();
	fake_file(&fake.host, "21 20 259:1 / /srv rw - ext4 /dev/nvme0n1p1 rw\n",
		  "proc/self/mountinfo");
	fake_file(&fake.host, "4\n", "sys/devices/pci/0001:01:00.0/sriov_numvfs");
	ck_assert_uint_eq(check_one("/devgroups/1", true, &text), 2);
	ck_assert_contains(text, "run: umount /srv\n");
	ck_assert_contains(text, "has 4 virtual functions");
}
END_TEST

/* By whatever names: VFIO's group is a part of the merged one. */
START_TEST(test_check_devgroup_twice)
{
	static const char *const names[] = {"/devgroups/2", "/kernel/iommu_groups/3"};
	const char *text;

	add_devgroups();
	ck_assert_uint_eq(check_groups(2, names, true, 0, &text), 1);
	ck_assert_contains(text, "group 3 is named twice");
}
END_TEST

START_TEST(test_check_devgroup_permission)
{
	struct host_group group;
	unsigned lines;
	const char *text;

	add_devgroups();
	ck_assert_int_eq(find("/devgroups/1", &group), 0);
	chmod(fake.host.folder, 0755);
	drop_root("dev/devgroup/1", "sys/devgroups/1/claim");
	lines = host_groups_check(&fake.host.root, &group, 1, false, 0, &fake.host.log);
	regain_root();
	text = fake_log(&fake.host);
	ck_assert_uint_eq(lines, 2);
	ck_assert_contains(text, "dev/devgroup/1; run as root, or run: chown ");
	ck_assert_contains(text, "no permission to claim group 1; run as root, or have root run: "
			   "pvmm group claim 1\n");
}
END_TEST

/* Everything at once, not the first thing only. */
START_TEST(test_check_all_at_once)
{
	static const char *const names[] = {"0001:01:00.0", "0002:02:01.0"};
	struct rlimit limit = {0, 0};
	const char *text;

	add_disk();
	fake.tce_extension = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	fake_file(&fake.host, "21 20 259:1 / /srv rw - ext4 /dev/nvme0n1p1 rw\n",
		  "proc/self/mountinfo");
	ck_assert_uint_eq(check_groups(2, names, false, GIB, &text), 6);
}
END_TEST

static Suite *group_host_suite(void)
{
	const TTest *const tests[] = {
		test_find_tells_company, test_find_devgroups, test_find_too_many,
		test_address_text, test_check_ready,
		test_check_held, test_check_modules, test_check_busy, test_check_twice,
		test_check_lock_limit, test_check_permission, test_check_mounts, test_check_swap,
		test_check_stacked, test_check_circle, test_check_nvme_multipath,
		test_check_btrfs_member, test_check_share, test_check_network,
		test_check_addresses_unknown, test_check_virtual_functions, test_check_all_at_once,
		test_check_devgroup_ready, test_check_devgroup_uses, test_check_devgroup_twice,
		test_check_devgroup_permission,
	};
	Suite *suite = suite_create("group_host");
	TCase *tcase = tcase_create("group_host");
	size_t i;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_find_forms, 0, 5);
	tcase_add_loop_test(tcase, test_find_errors, 0, 12);
	tcase_add_loop_test(tcase, test_check_devgroup_states, 0, 4);
	tcase_add_loop_test(tcase, test_check_addresses, 0, 6);
	for (i = 0; i < ARRAY_SIZE(tests); i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(group_host_suite());
}

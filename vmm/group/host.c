// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Finding a group in sysfs, by its folder or by the address of a device in it, and reading
 * which devices form it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/group/info.h"
#include "vmm/group/sysfs.h"

const struct host_root host_root_system = {
	.sys = "/sys", .proc = "/proc", .dev = "/dev", .run = "/run", .etc = "/etc",
};

#define CLASS_PCI_BRIDGE 0x0604

/* By class code; a code's bits outside mask do not matter. The first that fits counts. */
static const struct {
	uint32_t code, mask;
	const char *name;
} class_names[] = {
	{0x010802, 0xffffff, "NVM Express controller"},
	{0x010000, 0xffff00, "SCSI controller"},
	{0x010100, 0xffff00, "IDE controller"},
	{0x010400, 0xffff00, "RAID controller"},
	{0x010600, 0xffff00, "SATA controller"},
	{0x010700, 0xffff00, "SAS controller"},
	{0x010000, 0xff0000, "storage controller"},
	{0x020000, 0xffff00, "Ethernet controller"},
	{0x020700, 0xffff00, "InfiniBand controller"},
	{0x020000, 0xff0000, "network controller"},
	{0x030000, 0xffff00, "VGA controller"},
	{0x030200, 0xffff00, "3D controller"},
	{0x030000, 0xff0000, "display controller"},
	{0x040300, 0xffff00, "audio device"},
	{0x040000, 0xff0000, "multimedia controller"},
	{0x050000, 0xff0000, "memory controller"},
	{0x060000, 0xffff00, "host bridge"},
	{0x060400, 0xffff00, "PCI bridge"},
	{0x060000, 0xff0000, "bridge"},
	{0x070000, 0xffff00, "serial controller"},
	{0x070000, 0xff0000, "communication controller"},
	{0x080000, 0xff0000, "system peripheral"},
	{0x0b0000, 0xff0000, "processor"},
	{0x0c0300, 0xffffff, "UHCI USB controller"},
	{0x0c0310, 0xffffff, "OHCI USB controller"},
	{0x0c0320, 0xffffff, "EHCI USB controller"},
	{0x0c0330, 0xffffff, "xHCI USB controller"},
	{0x0c0300, 0xffff00, "USB controller"},
	{0x0c0400, 0xffff00, "Fibre Channel controller"},
	{0x0d0000, 0xff0000, "wireless controller"},
	{0x100000, 0xff0000, "encryption controller"},
	{0x110000, 0xff0000, "signal processing controller"},
	{0x120000, 0xff0000, "processing accelerator"},
};

static const char *class_name(uint32_t class_code)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(class_names); i++) {
		if ((class_code & class_names[i].mask) == class_names[i].code)
			return class_names[i].name;
	}
	return "PCI device";
}

void host_device_describe(const struct host_device *device, char *text, size_t size)
{
	if (device->is_pci)
		snprintf(text, size, "%s (%04x:%04x)", class_name(device->class_code),
			 device->vendor, device->device);
	else
		snprintf(text, size, "platform device");
}

const char *pci_address_text(const struct pci_address *address, char *text)
{
	snprintf(text, PCI_ADDRESS_TEXT_SIZE, "%04x:%02x:%02x.%x", address->domain, address->bus,
		 address->slot, address->function);
	return text;
}

static int compare_devices(const void *left, const void *right)
{
	const struct host_device *first = left, *second = right;
	const struct pci_address *a = &first->address, *b = &second->address;

	if (!first->is_pci || !second->is_pci)
		return first->is_pci != second->is_pci ? second->is_pci - first->is_pci :
						       strcmp(first->name, second->name);
	if (a->domain != b->domain)
		return a->domain < b->domain ? -1 : 1;
	if (a->bus != b->bus)
		return a->bus - b->bus;
	return (a->slot << 3 | a->function) - (b->slot << 3 | b->function);
}

void host_devices_sort(struct host_device *devices, unsigned nr_devices)
{
	qsort(devices, nr_devices, sizeof(devices[0]), compare_devices);
}

static int read_ids(const struct host_root *root, struct host_device *device)
{
	uint64_t vendor, id, class_code;
	int ret;

	ret = sysfs_read_number(&vendor, "%s/bus/pci/devices/%s/vendor", root->sys, device->name);
	if (!ret)
		ret = sysfs_read_number(&id, "%s/bus/pci/devices/%s/device", root->sys,
					device->name);
	if (!ret)
		ret = sysfs_read_number(&class_code, "%s/bus/pci/devices/%s/class", root->sys,
					device->name);
	if (ret)
		return ret;
	device->vendor = (uint16_t)vendor;
	device->device = (uint16_t)id;
	device->class_code = (uint32_t)class_code & 0xffffff;
	device->is_bridge = device->class_code >> 8 == CLASS_PCI_BRIDGE;
	return 0;
}

int host_device_read(const struct host_root *root, const char *name, struct host_device *device)
{
	int ret = 0;

	memset(device, 0, sizeof(*device));
	if (snprintf(device->name, sizeof(device->name), "%s", name) >= (int)sizeof(device->name))
		return -ENAMETOOLONG;
	device->is_pci = config_parse_pci_address(name, &device->address) == 0;
	if (device->is_pci)
		ret = read_ids(root, device);
	if (ret)
		return ret;
	ret = sysfs_link_name(device->driver, sizeof(device->driver), "%s/bus/%s/devices/%s/driver",
			      root->sys, host_device_bus(device), name);
	return ret == -ENOENT ? 0 : ret;
}

static int add_device(const struct host_root *root, const char *name, struct host_group *group,
		      struct log *log)
{
	struct host_device *device = &group->devices[group->nr_devices];
	int ret;

	if (group->nr_devices == HOST_GROUP_MAX_DEVICES) {
		log_error(log, "group %u has more than %d devices, the most that pvmm can pass",
			  group->number, HOST_GROUP_MAX_DEVICES);
		return -E2BIG;
	}
	ret = host_device_read(root, name, device);
	if (!ret && !device->is_pci && group->backend == HOST_BACKEND_VFIO) {
		log_error(log, "group %u cannot be passed by VFIO: %s in it is not a PCI device; load "
			  "the group driver (modprobe devgroups) and give %s/devgroups/%u",
			  group->number, name, root->sys, group->number);
		return -ENOTSUP;
	}
	if (ret) {
		log_error(log, "group %u: cannot read %s/bus/%s/devices/%s: %s", group->number,
			  root->sys, host_device_bus(device), name, strerror(-ret));
		return ret;
	}
	group->nr_devices++;
	return 0;
}

/* Below @root->sys. */
static const char *const group_trees[] = {
	[HOST_BACKEND_DEVGROUP] = "devgroups",
	[HOST_BACKEND_VFIO] = "kernel/iommu_groups",
};

static int read_devices(const struct host_root *root, struct host_group *group, struct log *log)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int ret = 0;
	DIR *folder;

	snprintf(path, sizeof(path), "%s/devices", group->path);
	folder = opendir(path);
	if (!folder) {
		ret = -errno;
		log_error(log, "no group %u on this host; ls %s/%s shows which there are",
			  group->number, root->sys, group_trees[group->backend]);
		return ret;
	}
	while (!ret && (entry = readdir(folder))) {
		if (entry->d_name[0] != '.')
			ret = add_device(root, entry->d_name, group, log);
	}
	closedir(folder);
	return ret;
}

static int load_group(const struct host_root *root, enum host_backend backend, unsigned number,
		      struct host_group *group, struct log *log)
{
	int length, ret;

	memset(group, 0, sizeof(*group));
	group->backend = backend;
	group->number = number;
	length = snprintf(group->path, sizeof(group->path), "%s/%s/%u", root->sys,
			  group_trees[backend], number);
	if (length < 0 || (size_t)length >= sizeof(group->path)) {
		log_error(log, "group %u: its path below %s is too long", number, root->sys);
		return -ENAMETOOLONG;
	}
	ret = read_devices(root, group, log);
	if (ret)
		return ret;
	if (!group->nr_devices) {
		log_error(log, "group %u holds no device; give another group", number);
		return -ENODEV;
	}
	host_devices_sort(group->devices, group->nr_devices);
	return 0;
}

static int parse_group_number(const char *text, unsigned *number)
{
	uint64_t value;

	if (config_parse_number(text, UINT32_MAX, &value))
		return -EINVAL;
	*number = (unsigned)value;
	return 0;
}

void host_tell_company(const struct host_device *devices, unsigned nr_devices, unsigned number,
		       const struct pci_address *named, struct log *log)
{
	char named_bdf[PCI_ADDRESS_TEXT_SIZE], text[HOST_DEVICE_TEXT_SIZE];
	unsigned i;

	pci_address_text(named, named_bdf);
	for (i = 0; i < nr_devices; i++) {
		if (devices[i].is_bridge || strcmp(devices[i].name, named_bdf) == 0)
			continue;
		host_device_describe(&devices[i], text, sizeof(text));
		log_warn(log, "%s is in group %u, so %s, %s, comes along", named_bdf, number,
			 devices[i].name, text);
	}
}

int host_group_of_device(const struct host_root *root, const struct pci_address *address,
			 unsigned *number, struct log *log)
{
	char bdf[PCI_ADDRESS_TEXT_SIZE], name[32];
	uint64_t vendor;
	int ret;

	pci_address_text(address, bdf);
	ret = sysfs_read_number(&vendor, "%s/bus/pci/devices/%s/vendor", root->sys, bdf);
	if (ret) {
		log_error(log, "no PCI device %s on this host; lspci -D shows which there are",
			  bdf);
		return ret;
	}
	ret = sysfs_link_name(name, sizeof(name), "%s/bus/pci/devices/%s/iommu_group", root->sys,
			      bdf);
	if (!ret)
		ret = parse_group_number(name, number);
	if (ret)
		log_error(log, "%s is in no IOMMU group, so it cannot be isolated; check that the "
			  "host's IOMMU is on", bdf);
	return ret;
}

static bool devgroup_holds(const struct host_root *root, unsigned number, const char *bdf)
{
	char path[PATH_MAX];

	return sysfs_real_path(path, "%s/devgroups/%u/devices/%s", root->sys, number, bdf) == 0;
}

/* @number is the device's IOMMU group; a merged group has the number of one of its parts. */
static int find_devgroup(const struct host_root *root, const char *bdf, unsigned *number,
			 struct log *log)
{
	char path[PATH_MAX];
	struct dirent *entry;
	bool found = devgroup_holds(root, *number, bdf);
	DIR *folder;

	snprintf(path, sizeof(path), "%s/devgroups", root->sys);
	folder = opendir(path);
	while (folder && !found && (entry = readdir(folder))) {
		if (parse_group_number(entry->d_name, number) == 0)
			found = devgroup_holds(root, *number, bdf);
	}
	if (folder)
		closedir(folder);
	if (found)
		return 0;
	log_error(log, "%s is in no group of %s; dmesg may say why", bdf, path);
	return -ENOENT;
}

/* The operator named one device: say what else changes hands with it. */
static int find_by_address(const struct host_root *root, const struct pci_address *address,
			   struct host_group *group, struct log *log)
{
	enum host_backend backend = HOST_BACKEND_VFIO;
	char bdf[PCI_ADDRESS_TEXT_SIZE];
	unsigned number;
	int ret = host_group_of_device(root, address, &number, log);

	if (!ret && group_driver_is_loaded(root)) {
		backend = HOST_BACKEND_DEVGROUP;
		ret = find_devgroup(root, pci_address_text(address, bdf), &number, log);
	}
	if (!ret)
		ret = load_group(root, backend, number, group, log);
	if (!ret)
		host_tell_company(group->devices, group->nr_devices, number, address, log);
	return ret;
}

/* Is @path, a real one, the folder of a group? */
static bool is_group_folder(const struct host_root *root, const char *path,
			    enum host_backend backend, unsigned *number)
{
	char tree[PATH_MAX];

	return sysfs_real_path(tree, "%s/%s", root->sys, group_trees[backend]) == 0 &&
	       sysfs_is_below(path, tree) && path[strlen(tree)] == '/' &&
	       parse_group_number(path + strlen(tree) + 1, number) == 0;
}

/* There is nothing at @name. Returns why, as an errno. */
static int report_missing(const struct host_root *root, const char *name, int error,
			   struct log *log)
{
	enum host_backend backend = HOST_BACKEND_VFIO;
	char tree[PATH_MAX];

	snprintf(tree, sizeof(tree), "%s/%s", root->sys, group_trees[HOST_BACKEND_DEVGROUP]);
	if (sysfs_is_below(name, tree))
		backend = HOST_BACKEND_DEVGROUP;
	if (backend == HOST_BACKEND_DEVGROUP && !group_driver_is_loaded(root)) {
		log_error(log, "%s: the group driver is not loaded; run: modprobe devgroups (or "
			  "give the group as %s/kernel/iommu_groups/N)", name, root->sys);
		return -ENODEV;
	}
	log_error(log, "%s: %s; ls %s/%s shows which groups there are", name,
		  error == -ENOENT ? "no such group" : strerror(-error), root->sys,
		  group_trees[backend]);
	return error;
}

static int find_by_path(const struct host_root *root, const char *name,
			struct host_group *group, struct log *log)
{
	enum host_backend backend;
	char path[PATH_MAX];
	unsigned number;
	int ret;

	ret = sysfs_real_path(path, "%s", name);
	if (ret)
		return report_missing(root, name, ret, log);
	for (backend = 0; backend < ARRAY_SIZE(group_trees); backend++) {
		if (is_group_folder(root, path, backend, &number))
			return load_group(root, backend, number, group, log);
	}
	log_error(log, "%s is not a device group; give %s/devgroups/N, %s/kernel/iommu_groups/N, or "
		  "a PCI address", name, root->sys, root->sys);
	return -EINVAL;
}

int host_group_find(const struct host_root *root, const char *name, struct host_group *group,
		    struct log *log)
{
	struct pci_address address;

	if (config_parse_pci_address(name, &address) == 0)
		return find_by_address(root, &address, group, log);
	return find_by_path(root, name, group, log);
}

bool host_group_in_use(const struct host_root *root, unsigned number)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/vfio/%u", root->dev, number);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno == EBUSY;
	close(fd);
	return false;
}

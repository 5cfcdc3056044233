// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A group of a stock kernel: /dev/vfio/N in a container of its own, with an sPAPR TCE v2
 * IOMMU. Devices by vfio_device.c, reset by vfio_reset.c, EEH by vfio_eeh.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm/group/open.h"
#include "vmm/group/vfio_device.h"
#include "vmm/group/vfio_private.h"

#define WINDOW_SHIFT 12	/* 4K IOMMU pages, whatever the host's pages are */
#define LEVEL_BYTES_MAX (4 * MIB)	/* of a table's level: the largest piece that any host has */
/*
 * What VFIO says nothing of, but is so wherever a group has an IOMMU of this kind: its hardware
 * checks which partitionable endpoint an MSI comes from.
 */
#define CAPABILITIES (GROUP_CAP_MSIX_TABLE_GUARDED | GROUP_CAP_SMALL_BARS)

static int call(const struct vfio_group *vfio, unsigned long request, void *argument)
{
	return ioctl(vfio->container_fd, request, argument) < 0 ? -errno : 0;
}

/* VFIO passes on how many pages it got when the host ran out of them, and has registered none. */
static int vfio_group_register(struct group *group, uint64_t hva, uint64_t size)
{
	struct vfio_group *vfio = container_of(group, struct vfio_group, group);
	struct vfio_iommu_spapr_register_memory request = {
		.argsz = sizeof(request), .vaddr = hva, .size = size,
	};
	int ret = ioctl(vfio->container_fd, VFIO_IOMMU_SPAPR_REGISTER_MEMORY, &request);

	if (ret < 0)
		return -errno;
	return ret ? -ENOMEM : 0;
}

static int vfio_group_unregister(struct group *group, uint64_t hva, uint64_t size)
{
	struct vfio_group *vfio = container_of(group, struct vfio_group, group);
	struct vfio_iommu_spapr_register_memory request = {
		.argsz = sizeof(request), .vaddr = hva, .size = size,
	};

	return call(vfio, VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY, &request);
}

static int vfio_group_map(struct group *group, uint64_t iova, uint64_t hva, uint64_t size,
			  bool read, bool write)
{
	struct vfio_group *vfio = container_of(group, struct vfio_group, group);
	struct vfio_iommu_type1_dma_map request = {
		.argsz = sizeof(request),
		.flags = (read ? VFIO_DMA_MAP_FLAG_READ : 0) |
			 (write ? VFIO_DMA_MAP_FLAG_WRITE : 0),
		.vaddr = hva,
		.iova = iova,
		.size = size,
	};

	return call(vfio, VFIO_IOMMU_MAP_DMA, &request);
}

static int vfio_group_unmap(struct group *group, uint64_t iova, uint64_t size)
{
	struct vfio_group *vfio = container_of(group, struct vfio_group, group);
	struct vfio_iommu_type1_dma_unmap request = {
		.argsz = sizeof(request), .iova = iova, .size = size,
	};
	int ret = call(vfio, VFIO_IOMMU_UNMAP_DMA, &request);

	return ret == -EPERM ? 0 : ret;	/* no memory was ever registered: nothing mapped */
}

/* The fewest levels with which the kernel finds each in one piece, which not all sizes can be. */
static unsigned choose_levels(const struct group *group, const struct group_dma_window *window)
{
	unsigned shift = 0, levels = 1;

	while (window->size >> window->page_shift >> shift > 1)
		shift++;
	while (levels < group->dma.max_levels &&
	       sizeof(uint64_t) << (shift + levels - 1) / levels > LEVEL_BYTES_MAX)
		levels++;
	return levels;
}

static int vfio_group_create_window(struct group *group, struct group_dma_window *window)
{
	struct vfio_group *vfio = container_of(group, struct vfio_group, group);
	struct vfio_iommu_spapr_tce_create create = {
		.argsz = sizeof(create),
		.page_shift = window->page_shift,
		.window_size = window->size,
		.levels = choose_levels(group, window),
	};
	int ret = call(vfio, VFIO_IOMMU_SPAPR_TCE_CREATE, &create);

	if (!ret)
		window->iova = create.start_addr;
	return ret;
}

static int vfio_group_remove_window(struct group *group, const struct group_dma_window *window)
{
	struct vfio_group *vfio = container_of(group, struct vfio_group, group);
	struct vfio_iommu_spapr_tce_remove remove = {
		.argsz = sizeof(remove), .start_addr = window->iova,
	};

	return call(vfio, VFIO_IOMMU_SPAPR_TCE_REMOVE, &remove);
}

static int vfio_group_set_event(struct group *group, enum group_event event, int fd)
{
	int ret = 0;

	for (unsigned i = 0; i < group->nr_devices && !ret; i++)
		ret = vfio_device_set_event(&group->devices[i], event, fd);
	return ret;
}

/* VFIO's own file of the group is what KVM takes. */
static int vfio_group_kvm_file(struct group *group)
{
	struct vfio_group *vfio = container_of(group, struct vfio_group, group);
	int fd = fcntl(vfio->group_fd, F_DUPFD_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

/* Accepts a group that is only partly open. Device files keep the group in its container. */
static void close_files(struct vfio_group *vfio)
{
	group_close_devices(&vfio->group);
	if (vfio->attached)
		ioctl(vfio->group_fd, VFIO_GROUP_UNSET_CONTAINER);
	if (vfio->group_fd >= 0)
		close(vfio->group_fd);
	if (vfio->container_fd >= 0)
		close(vfio->container_fd);
	group_exit(&vfio->group);
	free(vfio);
}

static void vfio_group_close(struct group *group)
{
	struct vfio_group *vfio = container_of(group, struct vfio_group, group);

	vfio_group_reset(group);	/* said what it could not do; nothing else to be done */
	close_files(vfio);
}

static const struct group_dma_ops vfio_group_dma_ops = {
	.register_memory = vfio_group_register,
	.unregister_memory = vfio_group_unregister,
	.create_window = vfio_group_create_window,
	.remove_window = vfio_group_remove_window,
	.map = vfio_group_map,
	.unmap = vfio_group_unmap,
};

static const struct group_ops vfio_group_ops = {
	.name = "vfio",
	.reset = vfio_group_reset,
	.set_event = vfio_group_set_event,
	.kvm_file = vfio_group_kvm_file,
	.close = vfio_group_close,
};

static int open_file(const struct host_root *root, const char *name, int *fd)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/vfio/%s", root->dev, name);
	*fd = open(path, O_RDWR | O_CLOEXEC);
	return *fd < 0 ? -errno : 0;
}

static int open_container(struct vfio_group *vfio, const struct host_root *root)
{
	int ret = open_file(root, "vfio", &vfio->container_fd);

	if (ret) {
		log_error(vfio->log, "cannot open %s/vfio/vfio: %s; run: modprobe "
			  "vfio_iommu_spapr_tce", root->dev, strerror(-ret));
		return ret;
	}
	if (ioctl(vfio->container_fd, VFIO_GET_API_VERSION) != VFIO_API_VERSION ||
	    ioctl(vfio->container_fd, VFIO_CHECK_EXTENSION, VFIO_SPAPR_TCE_v2_IOMMU) <= 0) {
		log_error(vfio->log, "the host kernel offers no sPAPR TCE v2 IOMMU for VFIO; run: "
			  "modprobe vfio_iommu_spapr_tce");
		return -ENOTSUP;
	}
	return 0;
}

static const char *group_file_hint(int error)
{
	switch (error) {
	case -EBUSY:
		return "another process uses the group; stop it first";
	case -ENOENT:
		return "no device of the group is bound to vfio-pci; run again with --claim";
	case -EACCES:
	case -EPERM:
		return "run as root, or change the file's owner";
	default:
		return "dmesg may say why";
	}
}

static int open_group_file(struct vfio_group *vfio, const struct host_root *root)
{
	char name[16];
	int ret;

	snprintf(name, sizeof(name), "%u", vfio->group.number);
	ret = open_file(root, name, &vfio->group_fd);
	if (ret)
		log_error(vfio->log, "cannot open %s/vfio/%s: %s; %s", root->dev, name,
			  strerror(-ret), group_file_hint(ret));
	return ret;
}

static int check_viable(struct vfio_group *vfio)
{
	struct vfio_group_status status = {.argsz = sizeof(status)};

	if (ioctl(vfio->group_fd, VFIO_GROUP_GET_STATUS, &status) < 0)
		return -errno;
	return status.flags & VFIO_GROUP_FLAGS_VIABLE ? 0 : -EPERM;
}

/*
 * The group goes into the container while it has no IOMMU yet; giving the container one then
 * attaches the group to it.
 */
static int attach(struct vfio_group *vfio, const struct host_group *host)
{
	int ret = check_viable(vfio);

	if (!ret && ioctl(vfio->group_fd, VFIO_GROUP_SET_CONTAINER, &vfio->container_fd) < 0)
		ret = -errno;
	if (ret) {
		log_error(vfio->log, "group %u is not free: %s; every device of it must be without "
			  "a driver or with vfio-pci (ls -l %s/devices/*/driver shows)",
			  vfio->group.number, strerror(-ret), host->path);
		return ret;
	}
	vfio->attached = true;
	if (ioctl(vfio->container_fd, VFIO_SET_IOMMU, VFIO_SPAPR_TCE_v2_IOMMU) < 0) {
		ret = -errno;
		log_error(vfio->log, "group %u: the host kernel gives it no TCE v2 IOMMU: %s; "
			  "dmesg may say why", vfio->group.number, strerror(-ret));
	}
	if (!ret)
		vfio_group_find_eeh(vfio);
	return ret;
}

/*
 * In an LPAR VFIO says nothing of levels, and gives a device no window ever again after one that the
 * hypervisor did not make: what a guest may try must not come to that.
 */
static void note_limits(struct group *group, const struct vfio_iommu_spapr_tce_info *info)
{
	group->dma = (struct group_dma_limits){ 1ULL << WINDOW_SHIFT, 0, 1 };
	if (!(info->flags & VFIO_IOMMU_SPAPR_INFO_DDW) || !info->ddw.levels ||
	    !info->ddw.max_dynamic_windows_supported)
		return;
	group->dma.page_sizes |= info->ddw.pgsizes;
	group->dma.max_windows = info->ddw.max_dynamic_windows_supported;
	group->dma.max_levels = info->ddw.levels;
}

/* The same as the kernel's default window, which it would make when it is first used. */
static int make_window(struct group *group, const struct vfio_iommu_spapr_tce_info *info)
{
	int ret;

	group->window = (struct group_dma_window){
		.iova = info->dma32_window_start,
		.size = info->dma32_window_size,
		.page_shift = WINDOW_SHIFT,
	};
	ret = group_remove_window(group, &group->window);
	return ret ? ret : group_create_window(group, &group->window);
}

/* A host that cannot make the window shows that here, not when a guest's driver starts. */
static int open_window(struct vfio_group *vfio)
{
	struct vfio_iommu_spapr_tce_info info = {.argsz = sizeof(info)};
	int ret = 0;

	if (ioctl(vfio->container_fd, VFIO_IOMMU_SPAPR_TCE_GET_INFO, &info) < 0)
		ret = -errno;
	else if (!info.dma32_window_size ||
		 !is_aligned(info.dma32_window_start | info.dma32_window_size,
			     1ULL << WINDOW_SHIFT))
		ret = -ENOTSUP;
	note_limits(&vfio->group, &info);
	if (!ret)
		ret = make_window(&vfio->group, &info);
	if (ret == -ENODEV)
		log_error(vfio->log, "group %u: the host gives it no DMA window: %s; a host driver "
			  "that had a device of it may have used it up: start the host without "
			  "that driver", vfio->group.number, strerror(-ret));
	else if (ret)
		log_error(vfio->log, "group %u has no 32-bit DMA window that can be used: %s%s",
			  vfio->group.number, strerror(-ret),
			  group_dma_hint(ret));
	return ret;
}

static int device_file(struct group *group, const char *bdf)
{
	struct vfio_group *vfio = container_of(group, struct vfio_group, group);
	int fd = ioctl(vfio->group_fd, VFIO_GROUP_GET_DEVICE_FD, bdf);

	return fd < 0 ? -errno : fd;
}

static struct vfio_group *make_group(const struct host_group *host,
				     const struct group_config *config, struct log *log)
{
	struct vfio_group *vfio = calloc(1, sizeof(*vfio));

	if (!vfio)
		return NULL;
	vfio->log = log;
	vfio->container_fd = -1;
	vfio->group_fd = -1;
	if (group_init(&vfio->group, &vfio_group_ops, host, config, vfio->devices)) {
		free(vfio);
		return NULL;
	}
	vfio->group.dma_ops = &vfio_group_dma_ops;
	vfio->group.capabilities = CAPABILITIES;
	return vfio;
}

int vfio_group_open(const struct host_root *root, const struct host_group *host,
		    const struct group_config *config, struct log *log, struct group **group)
{
	struct vfio_group *vfio = make_group(host, config, log);
	int ret;

	if (!vfio)
		return -ENOMEM;
	ret = open_container(vfio, root);
	if (!ret)
		ret = open_group_file(vfio, root);
	if (!ret)
		ret = attach(vfio, host);
	if (!ret)
		ret = open_window(vfio);
	if (!ret)
		ret = group_open_devices(&vfio->group, host, config, device_file, log);
	if (!ret)
		ret = vfio_group_reset_opened(&vfio->group);
	if (ret) {
		close_files(vfio);
		return ret;
	}
	*group = &vfio->group;
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A group of the group driver: one file for its DMA, its reset, and for opening its devices,
 * which vfio_device.c then drives. The kernel quiesces and resets the devices when the last of
 * these files is closed, whatever becomes of this process.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kernel/uapi/devgroups.h"
#include "vmm/group/devgroup.h"
#include "vmm/group/open.h"

#define WINDOW_SHIFT 12	/* 4K IOMMU pages, whatever the host's pages are */
/* vfio_pci_core, whose regions these are, lets a small BAR be mapped only if its page is its own. */
#define CAPABILITIES_OF_ALL GROUP_CAP_SMALL_BARS

static_assert(GROUP_CAP_MSIX_TABLE_GUARDED == DEVGROUP_CAP_MSIX_TABLE_GUARDED &&
	      GROUP_CAP_BAR_SEGMENTS == DEVGROUP_CAP_BAR_SEGMENTS &&
	      GROUP_CAP_EEH == DEVGROUP_CAP_EEH && GROUP_CAP_FREEZE == DEVGROUP_CAP_FREEZE &&
	      GROUP_CAP_DDW == DEVGROUP_CAP_DDW, "capabilities have the driver's bits");
static_assert(GROUP_MAP_READ == DEVGROUP_MAP_READ && GROUP_MAP_WRITE == DEVGROUP_MAP_WRITE &&
	      GROUP_LIST_MAX == DEVGROUP_LIST_MAX, "lists have the driver's form");
static_assert(GROUP_RELEASE_MMIO == DEVGROUP_RELEASE_MMIO &&
	      GROUP_RELEASE_DMA == DEVGROUP_RELEASE_DMA, "releases have the driver's bits");

static_assert((int)GROUP_EVENT_ERROR == DEVGROUP_EVENT_ERROR &&
	      (int)GROUP_EVENT_REQUEST == DEVGROUP_EVENT_REQUEST &&
	      (int)GROUP_FROZEN == DEVGROUP_FROZEN &&
	      (int)GROUP_MMIO_ENABLED == DEVGROUP_MMIO_ENABLED &&
	      (int)GROUP_DEAD == DEVGROUP_DEAD &&
	      (int)GROUP_CAUSE_USER == DEVGROUP_CAUSE_USER &&
	      (int)GROUP_CAUSE_ADMIN == DEVGROUP_CAUSE_ADMIN &&
	      (int)GROUP_CAUSE_BUS == DEVGROUP_CAUSE_BUS &&
	      (int)GROUP_CAUSE_PLATFORM == DEVGROUP_CAUSE_PLATFORM,
	      "events and errors have the driver's numbers");

struct devgroup {
	struct group group;
	struct log *log;
	int fd;			/* -1: not open */
	bool warned;		/* of a device that cannot be reset: once is enough */
	struct group_device devices[HOST_GROUP_MAX_DEVICES];
};

static struct devgroup *devgroup_of(struct group *group)
{
	return container_of(group, struct devgroup, group);
}

static int call(const struct devgroup *devgroup, unsigned long request, void *argument)
{
	return ioctl(devgroup->fd, request, argument) < 0 ? -errno : 0;
}

static int devgroup_register_memory(struct group *group, uint64_t hva, uint64_t size)
{
	struct devgroup_memory request = {
		.argsz = sizeof(request), .vaddr = hva, .size = size,
	};

	return call(devgroup_of(group), DEVGROUP_REGISTER_MEMORY, &request);
}

static int devgroup_unregister_memory(struct group *group, uint64_t hva, uint64_t size)
{
	struct devgroup_memory request = {
		.argsz = sizeof(request), .vaddr = hva, .size = size,
	};

	return call(devgroup_of(group), DEVGROUP_UNREGISTER_MEMORY, &request);
}

static int devgroup_create_window(struct group *group, struct group_dma_window *window)
{
	struct devgroup_create_window request = {
		.argsz = sizeof(request), .page_shift = window->page_shift, .size = window->size,
	};
	int ret = call(devgroup_of(group), DEVGROUP_CREATE_WINDOW, &request);

	if (!ret)
		window->iova = request.start;
	return ret;
}

static int devgroup_remove_window(struct group *group, const struct group_dma_window *window)
{
	struct devgroup_remove_window request = {
		.argsz = sizeof(request), .start = window->iova,
	};

	return call(devgroup_of(group), DEVGROUP_REMOVE_WINDOW, &request);
}

static int devgroup_map(struct group *group, uint64_t iova, uint64_t hva, uint64_t size, bool read,
			bool write)
{
	struct devgroup_map request = {
		.argsz = sizeof(request),
		.flags = (read ? DEVGROUP_MAP_READ : 0) | (write ? DEVGROUP_MAP_WRITE : 0),
		.iova = iova,
		.vaddr = hva,
		.size = size,
	};

	return call(devgroup_of(group), DEVGROUP_MAP, &request);
}

static int devgroup_unmap(struct group *group, uint64_t iova, uint64_t size)
{
	struct devgroup_unmap request = {
		.argsz = sizeof(request), .iova = iova, .size = size,
	};

	return call(devgroup_of(group), DEVGROUP_UNMAP, &request);
}

static int devgroup_unmap_page(struct group *group, uint64_t iova)
{
	return call(devgroup_of(group), DEVGROUP_UNMAP_PAGE, (void *)(uintptr_t)iova);
}

static int devgroup_map_list(struct group *group, uint64_t iova, const uint64_t *entries,
			     unsigned count)
{
	struct devgroup_map_list request = {
		.argsz = sizeof(request),
		.iova = iova,
		.entries = (uintptr_t)entries,
		.count = count,
	};

	return call(devgroup_of(group), DEVGROUP_MAP_LIST, &request);
}

static int command(const struct devgroup *devgroup, unsigned long request, uint32_t flags)
{
	struct devgroup_command argument = {.argsz = sizeof(argument), .flags = flags};

	return call(devgroup, request, &argument);
}

static int devgroup_reset(struct group *group)
{
	struct devgroup *devgroup = devgroup_of(group);
	int ret = command(devgroup, DEVGROUP_RESET, 0);

	if (ret == -ENOTTY) {
		if (!devgroup->warned)
			log_warn(devgroup->log, "group %u: a device has no reset of its own, nor one "
				 "with its bus alone; it keeps its state between guests (dmesg names "
				 "it)", group->number);
		devgroup->warned = true;
		return 0;
	}
	if (ret)
		log_error(devgroup->log, "cannot reset group %u: %s; dmesg may say why",
			  group->number, strerror(-ret));
	return ret;
}

static int devgroup_set_event(struct group *group, enum group_event event, int fd)
{
	struct devgroup_set_event request = {
		.argsz = sizeof(request), .event = event, .fd = fd,
	};

	return call(devgroup_of(group), DEVGROUP_SET_EVENT, &request);
}

static int devgroup_get_error(struct group *group, struct group_error_info *error)
{
	struct devgroup_error request = {.argsz = sizeof(request)};
	int ret = call(devgroup_of(group), DEVGROUP_GET_ERROR, &request);

	*error = (struct group_error_info){
		.state = (enum group_error_state)request.state,
		.cause = (enum group_error_cause)request.cause,
	};
	return ret;
}

static int devgroup_kvm_file(struct group *group)
{
	struct devgroup_command request = {.argsz = sizeof(request)};
	int fd = ioctl(devgroup_of(group)->fd, DEVGROUP_BIND_KVM, &request);

	return fd < 0 ? -errno : fd;
}

static int devgroup_kvm_hide(struct group *group)
{
	return command(devgroup_of(group), DEVGROUP_UNBIND_KVM, 0);
}

static int recovery_get_state(struct group *group, enum group_error_state *state)
{
	struct group_error_info error;
	int ret = devgroup_get_error(group, &error);

	*state = error.state;
	return ret;
}

static int recovery_freeze(struct group *group)
{
	return command(devgroup_of(group), DEVGROUP_FREEZE, 0);
}

static int recovery_release(struct group *group, unsigned stages)
{
	return command(devgroup_of(group), DEVGROUP_UNFREEZE, stages);
}

/*
 * The driver resets devices by their config space, so what the platform has frozen must let
 * that through first, and what it froze is not released by the reset.
 */
static int end_reset(struct group *group)
{
	bool by_platform = group->capabilities & GROUP_CAP_EEH;
	int ret = 0;

	if (by_platform)
		ret = recovery_release(group, GROUP_RELEASE_MMIO);
	if (!ret)
		ret = devgroup_reset(group);
	if (!ret && by_platform)
		ret = recovery_release(group, GROUP_RELEASE_MMIO | GROUP_RELEASE_DMA);
	return ret;
}

/* The driver's reset is over when it returns: until the guest ends its own, a freeze looks like
 * it. There is no slot to be reset by a signal of its own. */
static int recovery_reset(struct group *group, enum group_reset_step step)
{
	switch (step) {
	case GROUP_RESET_HOT:
		return recovery_freeze(group);
	case GROUP_RESET_END:
		return end_reset(group);
	default:
		return -EOPNOTSUPP;
	}
}

static int recovery_configure(struct group *group)
{
	return command(devgroup_of(group), DEVGROUP_CONFIGURE, 0);
}

/* Whatever the error, and whichever access would meet it: what follows is a freeze. */
static int recovery_inject(struct group *group, bool wide, unsigned function)
{
	return recovery_freeze(group);
}

static const struct group_recovery_ops recovery_ops = {
	.get_state = recovery_get_state,
	.freeze = recovery_freeze,
	.release = recovery_release,
	.reset = recovery_reset,
	.configure = recovery_configure,
	.inject = recovery_inject,
};

/* Accepts a group that is only partly open. */
static void devgroup_close(struct group *group)
{
	struct devgroup *devgroup = devgroup_of(group);

	group_close_devices(group);
	if (devgroup->fd >= 0)
		close(devgroup->fd);
	group_exit(group);
	free(devgroup);
}

static const struct group_dma_ops devgroup_dma_ops = {
	.register_memory = devgroup_register_memory,
	.unregister_memory = devgroup_unregister_memory,
	.create_window = devgroup_create_window,
	.remove_window = devgroup_remove_window,
	.map = devgroup_map,
	.unmap = devgroup_unmap,
	.unmap_page = devgroup_unmap_page,
	.map_list = devgroup_map_list,
};

static const struct group_ops devgroup_ops = {
	.name = "devgroup",
	.reset = devgroup_reset,
	.set_event = devgroup_set_event,
	.get_error = devgroup_get_error,
	.kvm_file = devgroup_kvm_file,
	.kvm_hide = devgroup_kvm_hide,
	.close = devgroup_close,
};

static void tell_open_error(const struct devgroup *devgroup, const struct host_group *host,
			    const char *path, int error)
{
	static const struct {
		int error;
		const char *hint;
	} hints[] = {
		{-EBUSY, "another process uses the group; stop it first"},
		{-ENODEV, "the group is not claimed any more; run again"},
		{-ENOENT, "load the group driver again (modprobe devgroups)"},
		{-EACCES, "run as root, or change the file's owner"},
		{-EPERM, "run as root, or change the file's owner"},
	};
	unsigned i;

	if (error == -EIO) {
		log_error(devgroup->log, "group %u is quarantined: its devices could not be reset; "
			  "run: echo 1 > %s/reset", host->number, host->path);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(hints) && hints[i].error != error; i++)
		;
	log_error(devgroup->log, "cannot open %s: %s; %s", path, strerror(-error),
		  i < ARRAY_SIZE(hints) ? hints[i].hint : "dmesg may say why");
}

static int open_file(struct devgroup *devgroup, const struct host_root *root,
		     const struct host_group *host)
{
	char path[PATH_MAX];
	int ret;

	snprintf(path, sizeof(path), "%s/devgroup/%u", root->dev, host->number);
	devgroup->fd = open(path, O_RDWR | O_CLOEXEC);
	if (devgroup->fd >= 0)
		return 0;
	ret = -errno;
	tell_open_error(devgroup, host, path, ret);
	return ret;
}

static int read_info(struct devgroup *devgroup)
{
	struct devgroup_info info = {.argsz = sizeof(info)};
	int ret = call(devgroup, DEVGROUP_GET_INFO, &info);

	if (!ret && info.version != DEVGROUPS_API_VERSION) {
		log_error(devgroup->log, "the group driver speaks version %u of its interface, this "
			  "pvmm version %u; install those that belong together", info.version,
			  DEVGROUPS_API_VERSION);
		return -ENOTSUP;
	}
	if (ret)
		log_error(devgroup->log, "group %u cannot be asked what it is: %s; dmesg may say "
			  "why", devgroup->group.number, strerror(-ret));
	devgroup->group.dma_ops = &devgroup_dma_ops;
	devgroup->group.capabilities = info.capabilities | CAPABILITIES_OF_ALL;
	if (info.capabilities & (DEVGROUP_CAP_EEH | DEVGROUP_CAP_FREEZE))
		devgroup->group.recovery = &recovery_ops;
	return ret;
}

/* As large as the place for it, but a power of two. */
static int make_window(struct group *group, const struct devgroup_dma_info *info)
{
	group->dma = (struct group_dma_limits){
		.page_sizes = info->page_sizes,
		.max_windows = group->capabilities & GROUP_CAP_DDW ? info->max_windows : 0,
		.max_levels = info->max_levels,
	};
	group->window = (struct group_dma_window){
		.size = info->default_size, .page_shift = WINDOW_SHIFT,
	};
	while (group->window.size & (group->window.size - 1))
		group->window.size &= group->window.size - 1;
	return group_create_window(group, &group->window);
}

static int open_window(struct devgroup *devgroup)
{
	struct devgroup_dma_info info = {.argsz = sizeof(info)};
	int ret = call(devgroup, DEVGROUP_GET_DMA_INFO, &info);

	if (!ret && (!(info.page_sizes & 1ULL << WINDOW_SHIFT) ||
		     info.default_size < 1ULL << WINDOW_SHIFT))
		ret = -ENOTSUP;
	if (!ret)
		ret = make_window(&devgroup->group, &info);
	if (ret)
		log_error(devgroup->log, "group %u has no 32-bit DMA window that can be used: %s%s",
			  devgroup->group.number, strerror(-ret),
			  group_dma_hint(ret));
	return ret;
}

static int device_file(struct group *group, const char *bdf)
{
	struct devgroup_open_device request = {.argsz = sizeof(request)};
	int fd;

	snprintf(request.name, sizeof(request.name), "%s", bdf);
	fd = ioctl(devgroup_of(group)->fd, DEVGROUP_OPEN_DEVICE, &request);
	return fd < 0 ? -errno : fd;
}

/* The kernel resets a function when it opens it; other devices share a reset, of their bus. */
static int reset_opened(struct group *group)
{
	unsigned i;

	for (i = 0; i < group->nr_devices; i++) {
		if (!group->devices[i].can_reset)
			return devgroup_reset(group);
	}
	return 0;
}

int devgroup_open(const struct host_root *root, const struct host_group *host,
		  const struct group_config *config, struct log *log, struct group **group)
{
	struct devgroup *devgroup = calloc(1, sizeof(*devgroup));
	int ret;

	if (!devgroup)
		return -ENOMEM;
	devgroup->log = log;
	devgroup->fd = -1;
	ret = group_init(&devgroup->group, &devgroup_ops, host, config, devgroup->devices);
	if (!ret)
		ret = open_file(devgroup, root, host);
	if (!ret)
		ret = read_info(devgroup);
	if (!ret)
		ret = open_window(devgroup);
	if (!ret)
		ret = group_open_devices(&devgroup->group, host, config, device_file, log);
	if (!ret)
		ret = reset_opened(&devgroup->group);
	if (ret) {
		devgroup_close(&devgroup->group);
		return ret;
	}
	*group = &devgroup->group;
	return 0;
}

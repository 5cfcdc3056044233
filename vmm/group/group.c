// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls to a group and its devices whatever the backend: arguments are checked here, once,
 * and a backend that lacks an operation answers -EOPNOTSUPP.
 */
#include <errno.h>

#include "vmm/group/group.h"

/* A group that has lost its devices (-ENODEV) has lost what was registered and mapped with them. */
static int unless_gone(int err)
{
	return err == -ENODEV ? 0 : err;
}

int group_register_memory(struct group *group, uint64_t hva, uint64_t size)
{
	if (!group->dma_ops)
		return -EOPNOTSUPP;
	return group->dma_ops->register_memory(group, hva, size);
}

int group_unregister_memory(struct group *group, uint64_t hva, uint64_t size)
{
	if (!group->dma_ops)
		return -EOPNOTSUPP;
	return unless_gone(group->dma_ops->unregister_memory(group, hva, size));
}

/* A root's process may have lifted its limit, and cannot ask once it is in its sandbox. */
const char *group_dma_hint(int err)
{
	if (err == -ENOMEM)
		return "; raise the limit for locked memory (ulimit -l), or free memory of the host's "
		       "if there is no limit";
	return "; the host's log may say why (dmesg)";
}

int group_create_window(struct group *group, struct group_dma_window *window)
{
	uint64_t page = window->page_shift < 64 ? 1ULL << window->page_shift : 0;

	if (!group->dma_ops)
		return -EOPNOTSUPP;
	if (!is_power_of_two(window->size) || window->size < page ||
	    !(group->dma.page_sizes & page))
		return -EINVAL;
	return group->dma_ops->create_window(group, window);
}

int group_remove_window(struct group *group, const struct group_dma_window *window)
{
	if (!group->dma_ops)
		return -EOPNOTSUPP;
	return group->dma_ops->remove_window(group, window);
}

int group_restore_window(struct group *group)
{
	struct group_dma_window window = group->window;
	int ret = group->window_lost ? group_create_window(group, &window) : 0;

	if (ret)
		return ret;
	if (window.iova != group->window.iova) {
		/* In another place: something is where it should be. */
		(void)group_remove_window(group, &window);
		return -ENOSPC;
	}
	group->window_lost = false;
	return 0;
}

/* Whole IOMMU pages inside the window. */
static bool window_holds(const struct group_dma_window *window, uint64_t iova, uint64_t size)
{
	uint64_t page = 1ULL << window->page_shift;

	return size && is_aligned(iova, page) && is_aligned(size, page) &&
	       range_within(iova, size, window->iova, window->size);
}

int group_map(struct group *group, const struct group_dma_window *window, uint64_t iova,
	      uint64_t hva, uint64_t size, bool read, bool write)
{
	if (!group->dma_ops)
		return -EOPNOTSUPP;
	if (!window_holds(window, iova, size) || (!read && !write) ||
	    !is_aligned(hva, 1ULL << window->page_shift) || hva + size < hva)
		return -EINVAL;
	return group->dma_ops->map(group, iova, hva, size, read, write);
}

int group_unmap(struct group *group, const struct group_dma_window *window, uint64_t iova,
		uint64_t size)
{
	if (!group->dma_ops)
		return -EOPNOTSUPP;
	if (!window_holds(window, iova, size))
		return -EINVAL;
	if (group->dma_ops->unmap_page && size == 1ULL << window->page_shift)
		return unless_gone(group->dma_ops->unmap_page(group, iova));
	return unless_gone(group->dma_ops->unmap(group, iova, size));
}

static bool is_mapped(uint64_t entry)
{
	return entry & (GROUP_MAP_READ | GROUP_MAP_WRITE);
}

static bool list_is_sane(const struct group_dma_window *window, const uint64_t *entries,
			 unsigned count)
{
	uint64_t page = 1ULL << window->page_shift;

	for (unsigned i = 0; i < count; i++) {
		if (is_mapped(entries[i]) &&
		    !is_aligned(entries[i] & ~(GROUP_MAP_READ | GROUP_MAP_WRITE), page))
			return false;
	}
	return true;
}

/* How many of the entries make one mapping: same permissions, memory without a gap. */
static unsigned run_length(const struct group_dma_window *window, const uint64_t *entries,
			   unsigned count)
{
	unsigned run;

	for (run = 1; run < count; run++) {
		if (is_mapped(entries[0]) ?
		    entries[run] != entries[0] + ((uint64_t)run << window->page_shift) :
		    is_mapped(entries[run]))
			break;
	}
	return run;
}

static int map_runs(struct group *group, const struct group_dma_window *window, uint64_t iova,
		    const uint64_t *entries, unsigned count)
{
	unsigned run;
	int ret = 0;

	for (; !ret && count; entries += run, count -= run) {
		uint64_t size;

		run = run_length(window, entries, count);
		size = (uint64_t)run << window->page_shift;
		if (is_mapped(entries[0]))
			ret = group_map(group, window, iova,
					entries[0] & ~(GROUP_MAP_READ | GROUP_MAP_WRITE), size,
					entries[0] & GROUP_MAP_READ, entries[0] & GROUP_MAP_WRITE);
		else
			ret = group_unmap(group, window, iova, size);
		iova += size;
	}
	return ret;
}

int group_map_list(struct group *group, const struct group_dma_window *window, uint64_t iova,
		   const uint64_t *entries, unsigned count)
{
	if (!group->dma_ops)
		return -EOPNOTSUPP;
	if (count > GROUP_LIST_MAX ||
	    !window_holds(window, iova, (uint64_t)count << window->page_shift) ||
	    !list_is_sane(window, entries, count))
		return -EINVAL;
	if (group->dma_ops->map_list)
		return group->dma_ops->map_list(group, iova, entries, count);
	return map_runs(group, window, iova, entries, count);
}

int group_reset(struct group *group)
{
	if (!group->ops->reset)
		return -EOPNOTSUPP;
	return group->ops->reset(group);
}

int group_set_event(struct group *group, enum group_event event, int fd)
{
	if (!group->ops->set_event)
		return -EOPNOTSUPP;
	return group->ops->set_event(group, event, fd);
}

int group_get_error(struct group *group, struct group_error_info *error)
{
	if (!group->ops->get_error)
		return -EOPNOTSUPP;
	return group->ops->get_error(group, error);
}

int group_kvm_file(struct group *group)
{
	if (!group->ops->kvm_file)
		return -EOPNOTSUPP;
	return group->ops->kvm_file(group);
}

int group_kvm_hide(struct group *group)
{
	if (!group->ops->kvm_hide)
		return -EOPNOTSUPP;
	return group->ops->kvm_hide(group);
}

int group_recovery_enable(struct group *group)
{
	if (!group->recovery)
		return -EOPNOTSUPP;
	return group->recovery->enable ? group->recovery->enable(group) : 0;
}

int group_recovery_state(struct group *group, enum group_error_state *state)
{
	if (!group->recovery || !group->recovery->get_state)
		return -EOPNOTSUPP;
	return group->recovery->get_state(group, state);
}

int group_recovery_freeze(struct group *group)
{
	if (!group->recovery || !group->recovery->freeze)
		return -EOPNOTSUPP;
	return group->recovery->freeze(group);
}

int group_recovery_release(struct group *group, unsigned stages)
{
	if (!group->recovery || !group->recovery->release)
		return -EOPNOTSUPP;
	return group->recovery->release(group, stages);
}

int group_recovery_reset(struct group *group, enum group_reset_step step)
{
	if (!group->recovery || !group->recovery->reset)
		return -EOPNOTSUPP;
	return group->recovery->reset(group, step);
}

int group_recovery_configure(struct group *group)
{
	if (!group->recovery || !group->recovery->configure)
		return -EOPNOTSUPP;
	return group->recovery->configure(group);
}

int group_recovery_inject(struct group *group, bool wide, unsigned function)
{
	if (!group->recovery || !group->recovery->inject)
		return -EOPNOTSUPP;
	return group->recovery->inject(group, wide, function);
}

void group_close(struct group *group)
{
	if (group)
		group->ops->close(group);
}

static bool region_holds(const struct group_device *device, unsigned region, uint64_t offset,
			 uint64_t size)
{
	return region < GROUP_REGION_COUNT &&
	       range_within(offset, size, 0, device->regions[region].size);
}

int group_device_read(struct group_device *device, unsigned region, uint64_t offset, void *data,
		      size_t size)
{
	if (!device->ops->read)
		return -EOPNOTSUPP;
	if (!region_holds(device, region, offset, size))
		return -EINVAL;
	if (!device->regions[region].readable)
		return -EACCES;
	return device->ops->read(device, region, offset, data, size);
}

int group_device_write(struct group_device *device, unsigned region, uint64_t offset,
		       const void *data, size_t size)
{
	if (!device->ops->write)
		return -EOPNOTSUPP;
	if (!region_holds(device, region, offset, size))
		return -EINVAL;
	if (!device->regions[region].writable)
		return -EACCES;
	return device->ops->write(device, region, offset, data, size);
}

int group_device_map(struct group_device *device, unsigned region,
		     const struct group_area *area, void **address)
{
	const struct group_region *info;
	unsigned i;

	if (!device->ops->map)
		return -EOPNOTSUPP;
	if (region >= GROUP_REGION_COUNT || !area->size)
		return -EINVAL;
	info = &device->regions[region];
	for (i = 0; i < info->nr_areas; i++) {
		if (range_within(area->offset, area->size, info->areas[i].offset,
				 info->areas[i].size))
			return device->ops->map(device, region, area, address);
	}
	return -EINVAL;
}

void group_device_unmap(struct group_device *device, void *address, uint64_t size)
{
	if (device->ops->unmap)
		device->ops->unmap(device, address, size);
}

int group_device_set_irqs(struct group_device *device, unsigned kind, const int *fds,
			  unsigned count)
{
	if (!device->ops->set_irqs)
		return -EOPNOTSUPP;
	if (kind >= GROUP_MAX_IRQS || count > device->irq_count[kind])
		return -EINVAL;
	return device->ops->set_irqs(device, kind, fds, count);
}

int group_device_unmask(struct group_device *device, unsigned kind)
{
	if (!device->ops->unmask)
		return -EOPNOTSUPP;
	return kind < GROUP_MAX_IRQS ? device->ops->unmask(device, kind) : -EINVAL;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device group in memory. */
#include "tests/unit/fake_group.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static bool fails(struct fake_failure *failure)
{
	return failure->after && --failure->after == 0;
}

static struct fake_group *group_of(struct group *group)
{
	return container_of(group, struct fake_group, group);
}

static struct fake_device *device_of(struct group_device *device)
{
	struct fake_group *fake = group_of(device->group);

	return &fake->devices[device - fake->group_devices];
}

struct group_device *fake_group_device(struct fake_group *fake, struct fake_device *device)
{
	return &fake->group_devices[device - fake->devices];
}

void fake_config_set(struct fake_device *device, uint32_t offset, unsigned size, uint32_t value)
{
	unsigned i;

	for (i = 0; i < size; i++)
		device->config[offset + i] = (uint8_t)(value >> i * 8);
}

uint32_t fake_config_get(const struct fake_device *device, uint32_t offset, unsigned size)
{
	uint32_t value = 0;
	unsigned i;

	for (i = 0; i < size; i++)
		value |= (uint32_t)device->config[offset + i] << i * 8;
	return value;
}

static uint32_t bar_register(const struct fake_device *device, unsigned index)
{
	uint64_t size = device->bars[index].size;

	if (index && device->bars[index - 1].flags & PCI_BASE_ADDRESS_MEM_TYPE_64)
		return (uint32_t)(~(device->bars[index - 1].size - 1) >> 32) &
		       device->bars[index].low;
	if (!size || device->bars[index].unplaced)
		return 0;
	return (device->bars[index].low & (uint32_t)~(size - 1)) | device->bars[index].flags;
}

static bool is_dark(const struct fake_group *fake)
{
	return fake->state == GROUP_FROZEN || fake->state == GROUP_DEAD;
}

static int config_read(struct fake_device *device, uint64_t offset, void *data, size_t size)
{
	uint32_t reg;

	if (device->unplugged)
		return -ENODEV;
	if (fails(&device->config_read))
		return device->config_read.error;
	memcpy(data, device->config + offset, size);
	if (offset >= PCI_BASE_ADDRESS_0 && offset <= PCI_BASE_ADDRESS_5 && size == 4) {
		reg = htole32(bar_register(device, (unsigned)(offset - PCI_BASE_ADDRESS_0) / 4));
		memcpy(data, &reg, 4);
	}
	return 0;
}

static bool is_writable(const struct fake_device *device, unsigned at)
{
	if (at == PCI_COMMAND || at == PCI_COMMAND + 1 || at == PCI_INTERRUPT_LINE)
		return true;
	if (device->msi_offset && at == device->msi_offset + (unsigned)PCI_MSI_FLAGS)
		return true;
	return device->pm_offset && at == device->pm_offset + (unsigned)PCI_PM_CTRL &&
	       !device->refuses_d3;
}

static int config_write(struct fake_device *device, uint64_t offset, const void *data,
			size_t size)
{
	const uint8_t *bytes = data;
	size_t i;

	if (device->unplugged)
		return -ENODEV;
	if (fails(&device->config_write))
		return device->config_write.error;
	if (offset >= PCI_BASE_ADDRESS_0 && offset <= PCI_BASE_ADDRESS_5 && size == 4) {
		memcpy(&device->bars[(offset - PCI_BASE_ADDRESS_0) / 4].low, data, 4);
		return 0;
	}
	for (i = 0; i < size; i++) {
		if (is_writable(device, (unsigned)(offset + i)))
			device->config[offset + i] = bytes[i];
	}
	return 0;
}

/* A byte of a region tells where it is. */
static int region_io(struct fake_device *device, unsigned region)
{
	if (fails(&device->region_io))
		return device->region_io.error;
	if (device->decoding_off_fails &&
	    !(fake_config_get(device, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY))
		return -EIO;
	return 0;
}

static int fake_read(struct group_device *device, unsigned region, uint64_t offset, void *data,
		     size_t size)
{
	struct fake_device *fake = device_of(device);
	uint8_t *bytes = data;
	size_t i;
	int err;

	if (is_dark(group_of(device->group))) {
		memset(data, 0xff, size);
		return 0;
	}
	if (region == GROUP_REGION_CONFIG)
		return config_read(fake, offset, data, size);
	err = region_io(fake, region);
	for (i = 0; !err && i < size; i++)
		bytes[i] = fake->page[(offset + i) % sizeof(fake->page)];
	return err;
}

static int fake_write(struct group_device *device, unsigned region, uint64_t offset,
		      const void *data, size_t size)
{
	struct fake_device *fake = device_of(device);
	const uint8_t *bytes = data;
	size_t i;
	int err;

	if (is_dark(group_of(device->group)))
		return 0;
	if (region == GROUP_REGION_CONFIG)
		return config_write(fake, offset, data, size);
	err = region_io(fake, region);
	for (i = 0; !err && i < size; i++)
		fake->page[(offset + i) % sizeof(fake->page)] = bytes[i];
	return err;
}

static int fake_map(struct group_device *device, unsigned region, const struct group_area *area,
		    void **address)
{
	struct fake_device *fake = device_of(device);

	if (fails(&fake->map))
		return fake->map.error;
	fake->maps++;
	*address = fake->page;
	return 0;
}

static void fake_unmap(struct group_device *device, void *address, uint64_t size)
{
	device_of(device)->maps--;
}

/* One kind at a time, as the kernel has it. */
static int fake_set_irqs(struct group_device *device, unsigned kind, const int *fds,
			 unsigned count)
{
	struct fake_device *fake = device_of(device);

	if (fake->unplugged)
		return -ENODEV;
	if (count && fails(&fake->set_irqs))
		return fake->set_irqs.error;
	if (device->group->bus == GROUP_BUS_PLATFORM) {
		fake->fds[kind] = count ? fds[0] : -1;
		return 0;
	}
	if (fake->vectors_left && count > fake->vectors_left)
		return -ENOSPC;
	if (fake->irq_kind != GROUP_IRQ_COUNT && fake->irq_kind != kind)
		return -EINVAL;
	fake->irq_kind = count ? kind : GROUP_IRQ_COUNT;
	fake->nr_fds = count;
	memcpy(fake->fds, fds ? fds : fake->fds, count * sizeof(*fds));
	return 0;
}

static int fake_unmask(struct group_device *device, unsigned kind)
{
	struct fake_device *fake = device_of(device);

	if (device->group->bus == GROUP_BUS_PLATFORM ? fake->fds[kind] < 0 :
						       fake->irq_kind != GROUP_IRQ_INTX || kind)
		return -EINVAL;
	fake->unmasks++;
	return 0;
}

static const struct group_device_ops fake_device_ops = {
	.read = fake_read,
	.write = fake_write,
	.map = fake_map,
	.unmap = fake_unmap,
	.set_irqs = fake_set_irqs,
	.unmask = fake_unmask,
};

static int fake_register(struct group *group, uint64_t hva, uint64_t size)
{
	struct fake_group *fake = group_of(group);
	unsigned i;

	if (fake->unplugged)
		return -ENODEV;
	if (fails(&fake->register_memory))
		return fake->register_memory.error;
	for (i = 0; i < fake->nr_chunks; i++) {
		if (ranges_overlap(hva, size, fake->chunks[i].hva, fake->chunks[i].size))
			return -EBUSY;
	}
	fake->chunks[fake->nr_chunks++] = (struct fake_chunk){ hva, size };
	return 0;
}

static bool is_mapped(const struct fake_page *pages, unsigned count, uint64_t hva, uint64_t size)
{
	unsigned i;

	for (i = 0; i < count; i++) {
		if (pages[i].hva && range_within(pages[i].hva, 1, hva, size))
			return true;
	}
	return false;
}

static int fake_unregister(struct group *group, uint64_t hva, uint64_t size)
{
	struct fake_group *fake = group_of(group);
	unsigned i;

	if (fake->unplugged)
		return -ENODEV;
	/* Linux would lose track of it. */
	if (is_mapped(fake->pages, FAKE_WINDOW_PAGES, hva, size) ||
	    is_mapped(fake->pages64, FAKE_WINDOW64_PAGES, hva, size))
		abort();
	for (i = 0; i < fake->nr_chunks; i++) {
		if (fake->chunks[i].hva == hva && fake->chunks[i].size == size) {
			fake->chunks[i] = fake->chunks[--fake->nr_chunks];
			return 0;
		}
	}
	return -ENOENT;
}

static bool is_registered(const struct fake_group *fake, uint64_t hva)
{
	unsigned i;

	for (i = 0; i < fake->nr_chunks; i++) {
		if (range_within(hva, 4096, fake->chunks[i].hva, fake->chunks[i].size))
			return true;
	}
	return false;
}

/* The page of the default window, or of the other one, if they are there. */
static struct fake_page *page_at(struct fake_group *fake, uint64_t iova, uint64_t *page_size)
{
	const struct group_dma_window *window = &fake->group.window;
	struct fake_page *pages = fake->pages;

	if (fake->no_default || !range_within(iova, 1, window->iova, window->size)) {
		window = &fake->window64;
		pages = fake->pages64;
	}
	if (!range_within(iova, 1, window->iova, window->size))
		abort();
	*page_size = 1ULL << window->page_shift;
	return &pages[(iova - window->iova) >> window->page_shift];
}

static int fake_dma_map(struct group *group, uint64_t iova, uint64_t hva, uint64_t size,
			bool read, bool write)
{
	struct fake_group *fake = group_of(group);
	uint64_t done, page_size;
	struct fake_page *page = page_at(fake, iova, &page_size);

	if (fake->unplugged)
		return -ENODEV;
	fake->map_calls++;
	if (fake->map_us) {
		__atomic_add_fetch(&fake->nr_mapping, 1, __ATOMIC_SEQ_CST);
		usleep(fake->map_us);
		__atomic_sub_fetch(&fake->nr_mapping, 1, __ATOMIC_SEQ_CST);
	}
	if (fails(&fake->dma_map))
		return fake->dma_map.error;
	for (done = 0; done < size; done += page_size, page++) {
		if (!is_registered(fake, hva + done))
			return -EINVAL;
		*page = (struct fake_page){ hva + done, read, write };
	}
	return 0;
}

static int fake_dma_unmap(struct group *group, uint64_t iova, uint64_t size)
{
	struct fake_group *fake = group_of(group);
	uint64_t page_size;
	struct fake_page *page = page_at(fake, iova, &page_size);

	if (fake->unplugged)
		return -ENODEV;
	fake->unmap_calls++;
	if (fails(&fake->dma_unmap))
		return fake->dma_unmap.error;
	memset(page, 0, size / page_size * sizeof(*page));
	return 0;
}

static void note_overlap(struct fake_group *fake)
{
	if (__atomic_load_n(&fake->nr_mapping, __ATOMIC_SEQ_CST))
		__atomic_add_fetch(&fake->overlaps, 1, __ATOMIC_SEQ_CST);
}

/* In the first place that is free, as Linux does. */
static int fake_create_window(struct group *group, struct group_dma_window *window)
{
	struct fake_group *fake = group_of(group);

	note_overlap(fake);
	if (fails(&fake->create_window))
		return fake->create_window.error;
	if (window->size >> window->page_shift > FAKE_WINDOW64_PAGES)
		return -ENOMEM;
	if (fake->no_default) {
		window->iova = group->window.iova;
		fake->no_default = false;
		memset(fake->pages, 0, sizeof(fake->pages));
		return 0;
	}
	if (fake->window64.size)
		return -ENOSPC;
	window->iova = FAKE_WINDOW64;
	fake->window64 = *window;
	memset(fake->pages64, 0, sizeof(fake->pages64));
	return 0;
}

/* What is unregistered while it is mapped is lost, so nothing may be mapped. */
static int fake_remove_window(struct group *group, const struct group_dma_window *window)
{
	struct fake_group *fake = group_of(group);

	note_overlap(fake);
	if (fails(&fake->remove_window))
		return fake->remove_window.error;
	if (fake->window64.size && window->iova == FAKE_WINDOW64) {
		fake->window64.size = 0;
		return 0;
	}
	if (fake->no_default || window->iova != group->window.iova)
		return -EINVAL;
	fake->no_default = true;
	return 0;
}

static int fake_kvm_file(struct group *group)
{
	struct fake_group *fake = group_of(group);

	if (fake->no_kvm_file)
		return -EOPNOTSUPP;
	fake->hidden = false;
	fake->kvm_file = memfd_create("kvm-file", MFD_CLOEXEC);
	return fake->kvm_file;
}

static int fake_kvm_hide(struct group *group)
{
	struct fake_group *fake = group_of(group);

	if (fake->shown_always)
		return -EOPNOTSUPP;
	fake->hidden = true;
	return 0;
}

static void forget_settings(struct fake_group *fake)
{
	unsigned i;

	for (i = 0; i < fake->group.nr_devices; i++) {
		fake_config_set(&fake->devices[i], PCI_COMMAND, 2, 0);
		fake->devices[i].irq_kind = GROUP_IRQ_COUNT;
	}
}

static int fake_reset(struct group *group)
{
	struct fake_group *fake = group_of(group);

	if (fake->recovery_error)
		return fake->recovery_error;
	forget_settings(fake);
	fake->resets++;
	return 0;
}

static const struct group_ops fake_group_ops = {
	.name = "fake",
	.kvm_file = fake_kvm_file,
	.kvm_hide = fake_kvm_hide,
	.reset = fake_reset,
};

static const struct group_dma_ops fake_group_dma_ops = {
	.create_window = fake_create_window,
	.remove_window = fake_remove_window,
	.register_memory = fake_register,
	.unregister_memory = fake_unregister,
	.map = fake_dma_map,
	.unmap = fake_dma_unmap,
};

static int fake_map_list(struct group *group, uint64_t iova, const uint64_t *entries,
			 unsigned count)
{
	struct fake_group *fake = group_of(group);

	fake->list_calls++;
	memcpy(fake->list, entries, count * sizeof(*entries));
	return fake->list_error;
}

void fake_group_take_lists(struct fake_group *fake)
{
	static struct group_dma_ops ops;

	ops = fake_group_dma_ops;
	ops.map_list = fake_map_list;
	fake->group.dma_ops = &ops;
}

static int fake_set_event(struct group *group, enum group_event event, int fd)
{
	struct fake_group *fake = group_of(group);

	if (fd >= 0 && fake->set_event[event])
		return fake->set_event[event];
	fake->events[event] = fd;
	return 0;
}

static int fake_get_error(struct group *group, struct group_error_info *error)
{
	struct fake_group *fake = group_of(group);

	*error = fake->error;
	return fake->get_error;
}

void fake_group_unplug(struct fake_group *fake)
{
	unsigned i;

	fake->unplugged = true;
	fake->nr_chunks = 0;
	memset(fake->pages, 0, sizeof(fake->pages));
	for (i = 0; i < FAKE_MAX_DEVICES; i++)
		fake->devices[i].unplugged = true;
}

void fake_group_tell(struct fake_group *fake)
{
	static struct group_ops ops;

	ops = fake_group_ops;
	ops.set_event = fake_set_event;
	ops.get_error = fake_get_error;
	fake->group.ops = &ops;
}

static int fake_enable(struct group *group)
{
	struct fake_group *fake = group_of(group);

	fake->enables++;
	return fake->recovery_error;
}

static int fake_get_state(struct group *group, enum group_error_state *state)
{
	*state = group_of(group)->state;
	return group_of(group)->get_error;
}

static int fake_freeze(struct group *group)
{
	struct fake_group *fake = group_of(group);

	if (fake->recovery_error)
		return fake->recovery_error;
	fake->freezes++;
	fake->state = GROUP_FROZEN;
	return 0;
}

static int fake_release(struct group *group, unsigned stages)
{
	struct fake_group *fake = group_of(group);

	if (fake->recovery_error)
		return fake->recovery_error;
	fake->state = stages & GROUP_RELEASE_DMA ? GROUP_NORMAL : GROUP_MMIO_ENABLED;
	return 0;
}

static int fake_recovery_reset(struct group *group, enum group_reset_step step)
{
	struct fake_group *fake = group_of(group);

	if (fake->recovery_error)
		return fake->recovery_error;
	if (step == GROUP_RESET_FUNDAMENTAL && !fake->has_fundamental)
		return -EOPNOTSUPP;
	fake->state = step == GROUP_RESET_END ? GROUP_NORMAL : GROUP_FROZEN;
	if (step != GROUP_RESET_END)
		return 0;
	return fake_reset(group);
}

static int fake_configure(struct group *group)
{
	struct fake_group *fake = group_of(group);

	fake->configures++;
	return fake->recovery_error;
}

static int fake_inject(struct group *group, bool wide, unsigned function)
{
	struct fake_group *fake = group_of(group);

	fake->injections++;
	fake->injected_wide = wide;
	fake->injected_function = function;
	fake->state = fake->recovery_error ? fake->state : GROUP_FROZEN;
	return fake->recovery_error;
}

void fake_group_isolate(struct fake_group *fake)
{
	static const struct group_recovery_ops ops = {
		.enable = fake_enable,
		.get_state = fake_get_state,
		.freeze = fake_freeze,
		.release = fake_release,
		.reset = fake_recovery_reset,
		.configure = fake_configure,
		.inject = fake_inject,
	};

	fake->group.recovery = &ops;
}

void fake_group_init(struct fake_group *fake, uint64_t iova)
{
	static char path[] = "/sys/kernel/iommu_groups/7";

	memset(fake, 0, sizeof(*fake));
	fake->group.ops = &fake_group_ops;
	fake->group.dma_ops = &fake_group_dma_ops;
	fake->group.path = path;
	fake->group.number = 7;
	fake->group.devices = fake->group_devices;
	fake->group.window = (struct group_dma_window){
		.iova = iova, .size = FAKE_WINDOW_PAGES * 4096ULL, .page_shift = 12,
	};
	fake->group.dma = (struct group_dma_limits){ .page_sizes = 4096, .max_levels = 1 };
}

struct fake_device *fake_group_add(struct fake_group *fake, uint8_t bus, uint8_t slot,
				   uint8_t function)
{
	unsigned index = fake->group.nr_devices++;
	struct group_device *device = &fake->group_devices[index];

	*device = (struct group_device){
		.ops = &fake_device_ops, .group = &fake->group, .guest_devfn = -1, .fd = -1,
		.host = { .domain = 1, .bus = bus, .slot = slot, .function = function },
	};
	snprintf(device->name, sizeof(device->name), "0001:%02x:%02x.%x", bus, slot, function);
	device->regions[GROUP_REGION_CONFIG] = (struct group_region){
		.size = 256, .readable = true, .writable = true,
	};
	fake->devices[index].irq_kind = GROUP_IRQ_COUNT;
	fake_config_set(&fake->devices[index], PCI_VENDOR_ID, 4, 0x00101b36);
	return &fake->devices[index];
}

void fake_add_bar(struct fake_group *fake, struct fake_device *device, unsigned index,
		  uint64_t size, uint32_t flags, bool mappable)
{
	struct group_region *region = &fake_group_device(fake, device)->regions[index];
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	device->bars[index].size = size;
	device->bars[index].flags = flags;
	*region = (struct group_region){ .size = size, .readable = true, .writable = true };
	if (mappable) {
		region->nr_areas = 1;
		region->areas[0].size = align_up(size, page);
	}
}

void fake_add_io(struct fake_group *fake, struct fake_device *device, unsigned index,
		 uint64_t size, uint64_t address)
{
	struct group_region *region = &fake_group_device(fake, device)->regions[index];
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	fake_add_bar(fake, device, index, size, PCI_BASE_ADDRESS_SPACE_IO, true);
	region->io_page = align_down(address, page);
	region->lead = address - region->io_page;
}

void fake_add_rom(struct fake_group *fake, struct fake_device *device, uint64_t size)
{
	fake_group_device(fake, device)->regions[GROUP_REGION_ROM] =
		(struct group_region){ .size = size, .readable = true };
}

void fake_add_capability(struct fake_device *device, uint8_t id, uint8_t offset)
{
	device->config[offset] = id;
	device->config[offset + 1] = device->config[PCI_CAPABILITY_LIST];
	device->config[PCI_CAPABILITY_LIST] = offset;
	device->config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
}

void fake_add_pm(struct fake_device *device, uint8_t offset)
{
	fake_add_capability(device, PCI_CAP_ID_PM, offset);
	device->pm_offset = offset;
}

void fake_add_msi(struct fake_group *fake, struct fake_device *device, uint8_t offset,
		  unsigned vectors)
{
	fake_add_capability(device, PCI_CAP_ID_MSI, offset);
	device->msi_offset = offset;
	fake_group_device(fake, device)->irq_count[GROUP_IRQ_MSI] = vectors;
}

void fake_add_msix(struct fake_group *fake, struct fake_device *device, uint8_t offset,
		   unsigned vectors)
{
	fake_add_capability(device, PCI_CAP_ID_MSIX, offset);
	fake_group_device(fake, device)->irq_count[GROUP_IRQ_MSIX] = vectors;
}

void fake_add_intx(struct fake_group *fake, struct fake_device *device, uint8_t pin)
{
	device->config[PCI_INTERRUPT_PIN] = pin;
	fake_group_device(fake, device)->irq_count[GROUP_IRQ_INTX] = 1;
}

struct fake_device *fake_add_platform(struct fake_group *fake, const char *name)
{
	struct fake_device *device = fake_group_add(fake, 0, 0, 0);
	struct group_device *of_group = fake_group_device(fake, device);

	fake->group.bus = GROUP_BUS_PLATFORM;
	strcpy(of_group->name, name);
	strcpy(of_group->compatible, "vendor,thing");
	of_group->compatible_size = sizeof("vendor,thing");
	of_group->regions[GROUP_REGION_CONFIG].size = 0;
	fake_add_bar(fake, device, 0, 64 * KIB, 0, true);
	fake_add_bar(fake, device, 1, 256, 0, false);
	of_group->irq_count[0] = of_group->irq_count[1] = 1;
	of_group->irq_is_line[0] = true;
	device->fds[0] = device->fds[1] = -1;
	return device;
}

struct fake_device *fake_add_nvme(struct fake_group *fake, uint8_t bus)
{
	struct fake_device *device = fake_group_add(fake, bus, 0, 0);

	fake_group_device(fake, device)->regions[GROUP_REGION_CONFIG].size = 4096;
	fake_config_set(device, PCI_CLASS_REVISION, 4, 0x01080202);
	fake_config_set(device, PCI_SUBSYSTEM_VENDOR_ID, 4, 0x11001af4);
	fake_add_bar(fake, device, 0, 16 * KIB, PCI_BASE_ADDRESS_MEM_TYPE_64, true);
	fake_add_pm(device, 0x60);
	fake_add_msix(fake, device, 0x40, 65);
	fake_add_intx(fake, device, 1);
	return device;
}

struct fake_device *fake_add_uhci(struct fake_group *fake, uint8_t bus, uint8_t slot,
				  uint8_t function)
{
	struct fake_device *device = fake_group_add(fake, bus, slot, function);

	fake_config_set(device, PCI_CLASS_REVISION, 4, 0x0c030003);
	fake_add_bar(fake, device, 4, 32, PCI_BASE_ADDRESS_SPACE_IO, false);
	fake_add_intx(fake, device, (uint8_t)(function % 4 + 1));
	return device;
}

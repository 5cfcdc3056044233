/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device group in memory, for unit tests: devices with config space and BARs that behave as
 * VFIO's do, a DMA window that remembers what is mapped, and failures on demand.
 */
#ifndef PVMM_TESTS_FAKE_GROUP_H
#define PVMM_TESTS_FAKE_GROUP_H

#include "vmm/group/group.h"

#define FAKE_MAX_DEVICES 40
#define FAKE_MAX_CHUNKS 512
#define FAKE_WINDOW_PAGES 1024
#define FAKE_WINDOW64 0x800000000000000ULL
#define FAKE_WINDOW64_PAGES 8192

/* The nth call from now of a kind fails with error; 0: none does. Counts down. */
struct fake_failure {
	unsigned after;
	int error;
};

struct fake_device {
	uint8_t config[4096];
	struct {
		uint64_t size;
		uint32_t flags;
		bool unplaced;		/* has a size, but the host gave it no address */
		uint32_t low, high;	/* what was written */
	} bars[6];
	uint8_t pm_offset, msi_offset;
	bool refuses_d3;
	bool unplugged;		/* all calls give ENODEV */
	bool decoding_off_fails;	/* a BAR access without COMMAND.MEM gives EIO */
	unsigned irq_kind;		/* GROUP_IRQ_COUNT: none */
	unsigned nr_fds;
	int fds[2048];
	unsigned vectors_left;		/* more are refused with -ENOSPC; 0: no limit */
	unsigned unmasks;		/* of INTx */
	unsigned maps;			/* areas mapped now */
	uint8_t page[64 * 1024];	/* behind every area */
	struct fake_failure config_read, config_write, region_io, set_irqs, map;
};

struct fake_chunk {
	uint64_t hva, size;
};

struct fake_page {
	uint64_t hva;		/* 0: not mapped */
	bool read, write;
};

struct fake_group {
	struct group group;
	struct group_device group_devices[FAKE_MAX_DEVICES];
	struct fake_device devices[FAKE_MAX_DEVICES];
	struct fake_chunk chunks[FAKE_MAX_CHUNKS];
	unsigned nr_chunks;
	struct fake_page pages[FAKE_WINDOW_PAGES];	/* of the default window */
	bool no_default;		/* it was removed */
	struct group_dma_window window64;	/* the other one; size 0: there is none */
	struct fake_page pages64[FAKE_WINDOW64_PAGES];
	struct fake_failure create_window, remove_window;
	unsigned map_calls, unmap_calls, list_calls;
	unsigned map_us;		/* what mapping takes */
	unsigned nr_mapping;		/* calls that do so now; atomic */
	unsigned overlaps;		/* windows made or removed meanwhile; atomic */
	uint64_t list[GROUP_LIST_MAX];	/* the last one taken whole */
	int list_error;
	int events[GROUP_EVENT_COUNT];	/* eventfds; -1: none */
	struct group_error_info error;
	int get_error, set_event[GROUP_EVENT_COUNT];	/* errnos of these calls */
	struct fake_failure register_memory, dma_map, dma_unmap;
	bool unplugged;		/* DMA calls give ENODEV */
	bool no_kvm_file;		/* EOPNOTSUPP */
	int kvm_file;			/* the last that was handed out; 0: none yet */
	bool shown_always;		/* its windows, to KVM */
	bool hidden;			/* KVM finds none of its windows now */
	/* What fake_group_isolate() is about; a reset is also one of the group's. */
	enum group_error_state state;
	int recovery_error;	/* of every call but get_state; 0: works */
	bool has_fundamental;
	unsigned enables, freezes, resets, configures, injections;
	bool injected_wide;
	unsigned injected_function;
};

/* Without devices; a DMA window of FAKE_WINDOW_PAGES 4K pages at @iova. It can have no other, see
 * group.dma. */
void fake_group_init(struct fake_group *fake, uint64_t iova);
/* A device at @bus:@slot.@function of the host, 256 bytes of config space, no BARs. Hosts'
 * order is the caller's to keep. */
struct fake_device *fake_group_add(struct fake_group *fake, uint8_t bus, uint8_t slot,
				   uint8_t function);
/* From now on it takes lists to map as they are, and remembers only the last. */
void fake_group_take_lists(struct fake_group *fake);
/* Its devices are gone, and its DMA with them. */
void fake_group_unplug(struct fake_group *fake);
/* From now on it tells events. */
void fake_group_tell(struct fake_group *fake);
/* From now on it can be isolated and recovered. Devices of one that is frozen read ones. */
void fake_group_isolate(struct fake_group *fake);
struct group_device *fake_group_device(struct fake_group *fake, struct fake_device *device);

void fake_config_set(struct fake_device *device, uint32_t offset, unsigned size, uint32_t value);
uint32_t fake_config_get(const struct fake_device *device, uint32_t offset, unsigned size);
/* @flags: PCI_BASE_ADDRESS_*. With @mappable one area over the whole of it (or its page). */
void fake_add_bar(struct fake_group *fake, struct fake_device *device, unsigned index,
		  uint64_t size, uint32_t flags, bool mappable);
/* One of I/O ports that can be mapped, at @address in the I/O space of the host's bridge. */
void fake_add_io(struct fake_group *fake, struct fake_device *device, unsigned index,
		 uint64_t size, uint64_t address);
void fake_add_rom(struct fake_group *fake, struct fake_device *device, uint64_t size);
/* Capabilities, the next one in the list at the next free place. */
void fake_add_capability(struct fake_device *device, uint8_t id, uint8_t offset);
void fake_add_pm(struct fake_device *device, uint8_t offset);
void fake_add_msi(struct fake_group *fake, struct fake_device *device, uint8_t offset,
		  unsigned vectors);
void fake_add_msix(struct fake_group *fake, struct fake_device *device, uint8_t offset,
		   unsigned vectors);
void fake_add_intx(struct fake_group *fake, struct fake_device *device, uint8_t pin);

/*
 * A platform device, which makes the group one of platform devices: region 0 of 64 KiB that can
 * be mapped, region 1 of 256 bytes that cannot, interrupt 0 a line, interrupt 1 not. fds[i] is
 * what interrupt i signals, -1: nothing.
 */
struct fake_device *fake_add_platform(struct fake_group *fake, const char *name);
/* Well-known shapes. */
struct fake_device *fake_add_nvme(struct fake_group *fake, uint8_t bus);
struct fake_device *fake_add_uhci(struct fake_group *fake, uint8_t bus, uint8_t slot,
				  uint8_t function);

#endif

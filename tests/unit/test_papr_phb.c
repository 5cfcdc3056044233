/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PAPR host bridges: RTAS calls, hypercalls by LIOBN, the address map, device tree nodes. */
#include <check.h>
#include <errno.h>
#include <libfdt.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/capture.h"
#include "tests/unit/guest_rtas.h"
#include "tests/unit/phb_fixture.h"

#define IRQ_PARENT 0x1111
#define H_GET_TCE 0x1c
#define H_PUT_TCE 0x20
#define H_STUFF_TCE 0x138
#define H_PUT_TCE_INDIRECT 0x13c
#define CONFIG_ADDR(devfn, reg) \
	((uint32_t)((reg) & 0xf00) << 20 | (uint32_t)(devfn) << 8 | ((reg) & 0xff))

static void setup(void)
{
	phb_setup(4 * MIB);
}

static int32_t read_config(uint64_t buid, uint32_t config_addr, uint32_t size, uint32_t *value)
{
	uint32_t args[] = { config_addr, (uint32_t)(buid >> 32), (uint32_t)buid, size };

	return guest_rtas_call(&rtas, NULL, "ibm,read-pci-config", args, 4, value, 2);
}

static int32_t write_config(uint64_t buid, uint32_t config_addr, uint32_t size, uint32_t value)
{
	uint32_t args[] = { config_addr, (uint32_t)(buid >> 32), (uint32_t)buid, size, value };

	return guest_rtas_call(&rtas, NULL, "ibm,write-pci-config", args, 5, NULL, 1);
}

struct config_case {
	uint64_t buid;
	uint32_t config_addr, size;
	int32_t status;
	uint32_t value;
};

static const struct config_case config_cases[] = {
	{ PAPR_PHB_BUID(0), CONFIG_ADDR(0, 0), 4, RTAS_SUCCESS, 0x00101b36 },
	{ PAPR_PHB_BUID(0), CONFIG_ADDR(0, 2), 2, RTAS_SUCCESS, 0x0010 },
	{ PAPR_PHB_BUID(0), CONFIG_ADDR(0, 0x123), 1, RTAS_SUCCESS, 0x99 },
	{ PAPR_PHB_BUID(1), CONFIG_ADDR(PCI_DEVFN(1, 1), 8), 4, RTAS_SUCCESS, 0x0c030003 },
	{ PAPR_PHB_BUID(2), CONFIG_ADDR(0, 0), 4, RTAS_PARAMETER_ERROR, UINT32_MAX },
	{ 0, CONFIG_ADDR(0, 0), 4, RTAS_PARAMETER_ERROR, UINT32_MAX },
	{ PAPR_PHB_BUID(0), CONFIG_ADDR(8, 0), 4, RTAS_HARDWARE_ERROR, UINT32_MAX },
	{ PAPR_PHB_BUID(0), CONFIG_ADDR(0, 0) | 1 << 16, 4, RTAS_HARDWARE_ERROR, UINT32_MAX },
	{ PAPR_PHB_BUID(0), CONFIG_ADDR(0, 0), 3, RTAS_PARAMETER_ERROR, UINT32_MAX },
	{ PAPR_PHB_BUID(0), CONFIG_ADDR(0, 0), 8, RTAS_PARAMETER_ERROR, UINT32_MAX },
	{ PAPR_PHB_BUID(0), CONFIG_ADDR(0, 0), 0, RTAS_PARAMETER_ERROR, UINT32_MAX },
	{ PAPR_PHB_BUID(0), CONFIG_ADDR(0, 0), UINT32_MAX, RTAS_PARAMETER_ERROR, UINT32_MAX },
	{ PAPR_PHB_BUID(0), CONFIG_ADDR(0, 1), 4, RTAS_PARAMETER_ERROR, UINT32_MAX },
	/* Beyond the 256 bytes of a conventional device. */
	{ PAPR_PHB_BUID(1), CONFIG_ADDR(PCI_DEVFN(1, 1), 0x100), 4, RTAS_PARAMETER_ERROR,
	  UINT32_MAX },
};

START_TEST(test_config)
{
	const struct config_case *c = &config_cases[_i];
	uint32_t value = 0;

	add_two_groups();
	fake_config_set(&fakes[0].devices[0], 0x123, 1, 0x99);
	start_phbs(2);
	ck_assert_int_eq(read_config(c->buid, c->config_addr, c->size, &value), c->status);
	ck_assert_uint_eq(value, c->value);
	ck_assert_int_eq(write_config(c->buid, c->config_addr, c->size, 0), c->status);
	papr_phbs_exit(&phbs);
}
END_TEST

START_TEST(test_config_write)
{
	uint32_t value;

	add_two_groups();
	start_phbs(1);
	ck_assert_int_eq(write_config(PAPR_PHB_BUID(0), CONFIG_ADDR(0, PCI_COMMAND), 2,
				      PCI_COMMAND_MEMORY), RTAS_SUCCESS);
	ck_assert_uint_eq(board.nr_maps, 1);
	fakes[0].devices[0].config_read = (struct fake_failure){ 1, -EIO };
	ck_assert_int_eq(read_config(PAPR_PHB_BUID(0), CONFIG_ADDR(0, 0), 4, &value),
			 RTAS_HARDWARE_ERROR);
	ck_assert_uint_eq(value, UINT32_MAX);
	papr_phbs_exit(&phbs);
}
END_TEST

/* The calls that name no bridge work with one, and are refused with two. */
START_TEST(test_old_config_calls)
{
	uint32_t args[] = { CONFIG_ADDR(0, PCI_INTERRUPT_LINE), 1, 0x42 }, value;

	add_two_groups();
	start_phbs(1);
	ck_assert_int_eq(guest_rtas_call(&rtas, NULL, "write-pci-config", args, 3, NULL, 1),
			 RTAS_SUCCESS);
	ck_assert_int_eq(guest_rtas_call(&rtas, NULL, "read-pci-config", args, 2, &value, 2),
			 RTAS_SUCCESS);
	ck_assert_uint_eq(value, 0x42);
	papr_phbs_exit(&phbs);
	rtas.nr_slots = 0;
	memset(&hcalls, 0, sizeof(hcalls));
	start_phbs(2);
	ck_assert_int_eq(guest_rtas_call(&rtas, NULL, "write-pci-config", args, 3, NULL, 1),
			 RTAS_PARAMETER_ERROR);
	ck_assert_int_eq(guest_rtas_call(&rtas, NULL, "read-pci-config", args, 2, &value, 2),
			 RTAS_PARAMETER_ERROR);
	ck_assert_uint_eq(value, UINT32_MAX);
	papr_phbs_exit(&phbs);
}
END_TEST

static int32_t change_msi(uint64_t buid, uint32_t function, uint32_t count, uint32_t *rets)
{
	uint32_t args[] = { CONFIG_ADDR(0, 0), (uint32_t)(buid >> 32), (uint32_t)buid, function,
			    count, 1 };

	return guest_rtas_call(&rtas, NULL, "ibm,change-msi", args, 6, rets, 4);
}

static int32_t query_source(uint32_t vector, uint32_t *rets)
{
	uint64_t buid = PAPR_PHB_BUID(0);
	uint32_t args[] = { CONFIG_ADDR(0, 0), (uint32_t)(buid >> 32), (uint32_t)buid, vector };

	return guest_rtas_call(&rtas, NULL, "ibm,query-interrupt-source-number", args, 4, rets, 3);
}

struct msi_case {
	uint32_t function, count;
	int32_t status;
	uint32_t assigned;
	unsigned kind;	/* connected afterwards */
};

/* A device with 4 MSI and 8 MSI-X, with 2 MSI-X connected before. */
static const struct msi_case msi_cases[] = {
	{ 0, 0, RTAS_SUCCESS, 2, GROUP_IRQ_MSIX },
	{ 1, 4, RTAS_SUCCESS, 4, GROUP_IRQ_MSI },
	{ 1, 0, RTAS_SUCCESS, 0, GROUP_IRQ_INTX },
	{ 2, 7, RTAS_SUCCESS, 0, GROUP_IRQ_INTX },
	{ 3, 1, RTAS_SUCCESS, 1, GROUP_IRQ_MSI },
	{ 3, 0, RTAS_SUCCESS, 0, GROUP_IRQ_INTX },
	{ 3, 5, RTAS_SUCCESS, 4, GROUP_IRQ_MSI },
	{ 4, 8, RTAS_SUCCESS, 8, GROUP_IRQ_MSIX },
	{ 4, 9, RTAS_SUCCESS, 8, GROUP_IRQ_MSIX },
	{ 4, UINT32_MAX, RTAS_SUCCESS, 8, GROUP_IRQ_MSIX },
	{ 5, 2, RTAS_SUCCESS, 2, GROUP_IRQ_MSI },
	{ 6, 2, RTAS_SUCCESS, 2, GROUP_IRQ_MSIX },
	{ 7, 1, RTAS_PARAMETER_ERROR, 0, GROUP_IRQ_MSIX },
	{ UINT32_MAX, 1, RTAS_PARAMETER_ERROR, 0, GROUP_IRQ_MSIX },
};

START_TEST(test_change_msi)
{
	const struct msi_case *c = &msi_cases[_i];
	struct fake_device *device = fake_group_add(&fakes[0], 1, 0, 0);
	uint32_t rets[3], source[2];

	fake_add_intx(&fakes[0], device, 1);
	fake_add_msi(&fakes[0], device, 0x50, 4);
	fake_add_msix(&fakes[0], device, 0x40, 8);
	start_phbs(1);
	ck_assert_int_eq(change_msi(PAPR_PHB_BUID(0), 4, 2, rets), RTAS_SUCCESS);
	ck_assert_uint_eq(rets[2], 2);
	ck_assert_int_eq(change_msi(PAPR_PHB_BUID(0), c->function, c->count, rets), c->status);
	ck_assert_uint_eq(device->irq_kind, c->kind);
	if (!c->status) {
		ck_assert_uint_eq(rets[0], c->assigned);
		ck_assert_uint_eq(rets[1], 2);
	}
	if (!c->status && c->assigned) {
		ck_assert_int_eq(query_source(c->assigned - 1, source), RTAS_SUCCESS);
		ck_assert_int_eq(board.attached[source[0] - IRQ_FIRST],
				 device->fds[c->assigned - 1]);
		ck_assert_uint_eq(source[1], 1);
		ck_assert_int_eq(query_source(c->assigned, source), RTAS_PARAMETER_ERROR);
	}
	papr_phbs_exit(&phbs);
}
END_TEST

START_TEST(test_change_msi_errors)
{
	uint32_t rets[3];

	add_two_groups();
	start_phbs(1);
	/* A device with MSI-X alone; releasing by the MSI function is right all the same. */
	ck_assert_int_eq(change_msi(PAPR_PHB_BUID(0), 3, 1, rets), RTAS_PARAMETER_ERROR);
	ck_assert_int_eq(change_msi(PAPR_PHB_BUID(0), 3, 0, rets), RTAS_SUCCESS);
	ck_assert_int_eq(change_msi(PAPR_PHB_BUID(9), 4, 1, rets), RTAS_PARAMETER_ERROR);
	ck_assert_int_eq(query_source(0, rets), RTAS_PARAMETER_ERROR);
	fakes[0].devices[0].set_irqs = (struct fake_failure){ 1, -ENOSPC };
	ck_assert_int_eq(change_msi(PAPR_PHB_BUID(0), 4, 1, rets), RTAS_HARDWARE_ERROR);
	papr_phbs_exit(&phbs);
}
END_TEST

/* A host that has not as many vectors left: half of them, or half of those. */
START_TEST(test_change_msi_host_short)
{
	struct fake_device *device = &fakes[0].devices[0];
	uint32_t rets[4];

	add_two_groups();
	start_phbs(1);
	device->vectors_left = 20;
	ck_assert_int_eq(change_msi(PAPR_PHB_BUID(0), 4, 65, rets), RTAS_SUCCESS);
	ck_assert_uint_eq(rets[0], 16);
	ck_assert_uint_eq(device->nr_fds, 16);
	ck_assert(!fake_board_logged(&board, "interrupts cannot be set up"));
	device->vectors_left = 0;
	device->set_irqs = (struct fake_failure){ 1, -ENOSPC };
	ck_assert_int_eq(change_msi(PAPR_PHB_BUID(0), 4, 1, rets), RTAS_HARDWARE_ERROR);
	ck_assert(fake_board_logged(&board, "interrupts cannot be set up"));
	papr_phbs_exit(&phbs);
}
END_TEST

/* With three results the type is not stored: what is behind the block stays. */
START_TEST(test_change_msi_short)
{
	uint64_t buid = PAPR_PHB_BUID(0);
	uint32_t args[] = { 0, (uint32_t)(buid >> 32), (uint32_t)buid, 4, 1, 1 }, rets[3] = { 0 };
	be32 behind;

	add_two_groups();
	start_phbs(1);
	ck_assert_int_eq(guest_rtas_call(&rtas, NULL, "ibm,change-msi", args, 6, rets, 3),
			 RTAS_SUCCESS);
	ck_assert_uint_eq(rets[0], 1);
	ck_assert_int_eq(guest_memory_read(&memory, GUEST_RTAS_BLOCK + 4 * (3 + 6 + 3), &behind,
					   4), 0);
	ck_assert_uint_eq(be32toh(behind), GUEST_RTAS_FILLER);
	ck_assert_int_eq(guest_rtas_call(&rtas, NULL, "ibm,change-msi", args, 5, rets, 3),
			 RTAS_PARAMETER_ERROR);
	papr_phbs_exit(&phbs);
}
END_TEST

static int64_t hcall(uint64_t number, uint64_t *args)
{
	return hcall_dispatch(&hcalls, NULL, number, args);
}

#define HCALL(number, ...) hcall(number, (uint64_t[HCALL_NR_ARGS]){ __VA_ARGS__ })

START_TEST(test_hcalls)
{
	uint64_t liobn = PAPR_PHB_LIOBN(1), got[HCALL_NR_ARGS] = { liobn, 0x1000 };
	be64 list = htobe64(0x6003);

	add_two_groups();
	start_phbs(2);
	ck_assert_int_eq(HCALL(H_PUT_TCE, liobn, 0x1000, 0x5003), H_SUCCESS);
	ck_assert_uint_eq(fakes[0].map_calls, 0);
	ck_assert_uint_eq(fakes[1].map_calls, 1);
	ck_assert_int_eq(hcall(H_GET_TCE, got), H_SUCCESS);
	ck_assert_uint_eq(got[0], 0x5003);
	ck_assert_int_eq(guest_memory_write(&memory, 0x8000, &list, 8), 0);
	ck_assert_int_eq(HCALL(H_PUT_TCE_INDIRECT, liobn, 0x1000, 0x8000, 1), H_SUCCESS);
	ck_assert_uint_eq(fakes[1].pages[1].hva, guest_memory_hva(&memory, 0x6000, 4096));
	ck_assert_int_eq(HCALL(H_STUFF_TCE, liobn, 0x1000, 0, 1), H_SUCCESS);
	ck_assert_uint_eq(fakes[1].pages[1].hva, 0);
	/* Nobody's LIOBN, and one whose upper half is not zero. */
	ck_assert_int_eq(HCALL(H_PUT_TCE, 0, 0x1000, 0x5003), H_PARAMETER);
	ck_assert_int_eq(HCALL(H_GET_TCE, 0x90000000, 0x1000), H_PARAMETER);
	ck_assert_int_eq(HCALL(H_STUFF_TCE, 1ULL << 32 | liobn, 0x1000, 0, 1), H_PARAMETER);
	ck_assert_int_eq(HCALL(H_PUT_TCE_INDIRECT, 1, 0x1000, 0x8000, 1), H_PARAMETER);
	papr_phbs_exit(&phbs);
}
END_TEST

/* The 16 GiB BAR: aligned in the guest as on the bus, inside the bridge's own range. */
START_TEST(test_large_bar)
{
	struct fake_device *device = fake_group_add(&fakes[1], 1, 0, 0);
	const struct pci_bar *bar;
	const struct pci_window *window;

	fake_add_nvme(&fakes[0], 1);
	fake_add_bar(&fakes[1], device, 0, 16 * GIB,
		     PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH, false);
	fake_add_bar(&fakes[1], device, 2, 1 * GIB, 0, false);
	start_phbs(2);
	bar = &phbs.phbs[1].pci.devices[0].bars[0];
	window = &phbs.phbs[1].pci.windows[PCI_SPACE_MEM64];
	ck_assert(is_aligned(bar->assigned, 16 * GIB));
	ck_assert_uint_eq(window->gpa, window->pci);
	ck_assert(range_within(window->gpa, window->size, PAPR_PHB_GPA(1), PAPR_PHB_STRIDE));
	window = &phbs.phbs[1].pci.windows[PCI_SPACE_MEM32];
	ck_assert_uint_eq(window->gpa - PAPR_PHB_GPA(1), window->pci);
	papr_phbs_exit(&phbs);
}
END_TEST

START_TEST(test_too_large)
{
	struct fake_device *device = fake_add_nvme(&fakes[0], 1);

	fake_add_bar(&fakes[0], device, 2, 1ULL << 40, PCI_BASE_ADDRESS_MEM_TYPE_64, false);
	ck_assert_int_eq(init_phbs(1), -ENOSPC);
	ck_assert(fake_board_logged(&board, "do not fit into one bridge"));
	ck_assert_uint_eq(device->maps, 0);
	fake_add_bar(&fakes[0], device, 2, 2 * GIB, 0, false);
	fake_add_bar(&fakes[0], device, 3, 2 * GIB, 0, false);
	ck_assert_int_eq(init_phbs(1), -ENOSPC);
}
END_TEST

/* The second group fails, or a call is served already: nothing is held. */
START_TEST(test_init_failures)
{
	static const struct rtas_call taken = { "read-pci-config", 0, 0, NULL };

	add_two_groups();
	fakes[1].devices[1].config_read = (struct fake_failure){ 2, -EIO };
	ck_assert_int_eq(init_phbs(2), -EIO);
	ck_assert_uint_eq(fakes[0].devices[0].maps, 0);
	ck_assert_int_eq(rtas_register(&rtas, &taken, 1, NULL), 0);
	ck_assert_int_eq(init_phbs(2), -EEXIST);
	ck_assert_uint_eq(fakes[0].devices[0].maps, 0);
	ck_assert_uint_eq(rtas.nr_slots, 3);
	rtas.nr_slots = 0;
	fakes[0].devices[0].set_irqs = (struct fake_failure){ 1, -EBUSY };
	ck_assert_int_eq(init_phbs(2), -EBUSY);
	ck_assert_uint_eq(fakes[0].devices[0].maps, 0);
}
END_TEST

START_TEST(test_no_groups)
{
	start_phbs(0);
	ck_assert_int_eq(HCALL(H_PUT_TCE, 0, 0, 0), H_PARAMETER);
	papr_phbs_exit(&phbs);
}
END_TEST

/* A reboot with everything in use: nothing is mapped or registered, and it can begin again. */
START_TEST(test_reboot)
{
	uint32_t rets[3];

	add_two_groups();
	start_phbs(2);
	ck_assert_int_eq(HCALL(H_PUT_TCE, PAPR_PHB_LIOBN(0), 0, 0x5003), H_SUCCESS);
	ck_assert_int_eq(write_config(PAPR_PHB_BUID(0), CONFIG_ADDR(0, PCI_COMMAND), 2,
				      PCI_COMMAND_MEMORY), RTAS_SUCCESS);
	ck_assert_int_eq(change_msi(PAPR_PHB_BUID(0), 4, 8, rets), RTAS_SUCCESS);
	papr_phbs_exit(&phbs);
	ck_assert_uint_eq(fakes[0].nr_chunks, 0);
	ck_assert_uint_eq(fakes[0].pages[0].hva, 0);
	ck_assert_uint_eq(board.nr_maps, 0);
	ck_assert_uint_eq(board.nr_attached, 0);
	forget_calls();
	start_phbs(2);
	ck_assert_uint_eq(fakes[0].devices[0].irq_kind, GROUP_IRQ_INTX);
	ck_assert_int_eq(HCALL(H_PUT_TCE, PAPR_PHB_LIOBN(0), 0, 0x5003), H_SUCCESS);
	ck_assert_int_eq(write_config(PAPR_PHB_BUID(0), CONFIG_ADDR(0, PCI_COMMAND), 2,
				      PCI_COMMAND_MASTER), RTAS_SUCCESS);
	papr_phbs_exit(&phbs);
	ck_assert_uint_eq(fake_config_get(&fakes[0].devices[0], PCI_COMMAND, 2), 0);
	ck_assert_uint_eq(fakes[0].nr_chunks, 0);
	ck_assert_uint_eq(board.nr_attached, 0);
}
END_TEST

/* Tables of the kernel, of which there is one for each bridge but the one it refuses. */
static struct {
	struct papr_tce_kernel kernel;
	uint64_t entries[2][FAKE_WINDOW_PAGES];
	uint32_t refused;		/* LIOBN; 0: none */
	unsigned nr_tables, nr_chunks;	/* in each group, while there are tables */
} kernel;

static int create_table(struct papr_tce_kernel *it, struct group *group,
			const struct group_dma_window *window, uint32_t liobn, uint64_t **entries)
{
	if (liobn == kernel.refused) {
		strcpy(it->why, "it does not like it");
		return -ENODEV;
	}
	*entries = kernel.entries[kernel.nr_tables++];
	return 0;
}

/* It may have mapped for any group what another has registered: that is all there yet. */
static void destroy_table(struct papr_tce_kernel *it, uint32_t liobn)
{
	ck_assert_uint_eq(fakes[0].nr_chunks, kernel.nr_chunks);
	ck_assert_uint_eq(fakes[1].nr_chunks, kernel.nr_chunks);
	ck_assert_uint_eq(fake_config_get(&fakes[0].devices[0], PCI_COMMAND, 2), 0);
	kernel.nr_tables--;
}

static int attach(uint32_t refused)
{
	static const struct papr_tce_kernel_ops ops = { create_table, destroy_table, NULL };

	memset(&kernel, 0, sizeof(kernel));
	kernel.kernel.ops = &ops;
	kernel.kernel.lists = true;
	kernel.refused = refused;
	return papr_phbs_attach(&phbs, &kernel.kernel);
}

START_TEST(test_kernel_tables_end_first)
{
	add_two_groups();
	start_phbs(2);
	ck_assert_int_eq(attach(0), 0);
	ck_assert_uint_eq(kernel.nr_tables, 2);
	ck_assert_int_eq(HCALL(H_PUT_TCE, PAPR_PHB_LIOBN(0), 0, 0x5003), H_SUCCESS);
	ck_assert_int_eq(HCALL(H_PUT_TCE, PAPR_PHB_LIOBN(1), 0, 0x5003), H_SUCCESS);
	ck_assert_uint_eq(kernel.entries[1][0], 0x5003);
	kernel.nr_chunks = 1;
	papr_phbs_exit(&phbs);
	ck_assert_uint_eq(kernel.nr_tables, 0);
	ck_assert_uint_eq(fakes[0].nr_chunks + fakes[1].nr_chunks, 0);
	ck_assert_uint_eq(fakes[0].pages[0].hva | fakes[1].pages[0].hva, 0);
}
END_TEST

/* One that is refused is served here, and all are tried. */
START_TEST(test_kernel_refuses_one)
{
	add_two_groups();
	start_phbs(2);
	board.log.verbose = true;
	ck_assert_int_eq(attach(PAPR_PHB_LIOBN(0)), -ENODEV);
	ck_assert_uint_eq(kernel.nr_tables, 1);
	ck_assert(fake_board_logged(&board, "in a call: it does not like it"));
	ck_assert(fake_board_logged(&board, "TCEs: handled by KVM"));
	board.log.verbose = false;
	ck_assert_int_eq(HCALL(H_PUT_TCE, PAPR_PHB_LIOBN(0), 0, 0x5003), H_SUCCESS);
	ck_assert_uint_eq(fakes[0].pages[0].hva, guest_memory_hva(&memory, 0x5000, 0x1000));
	ck_assert_int_eq(HCALL(H_PUT_TCE, PAPR_PHB_LIOBN(1), 0, 0x5003), H_SUCCESS);
	kernel.nr_chunks = 1;
	papr_phbs_exit(&phbs);
	ck_assert_uint_eq(kernel.nr_tables, 0);
}
END_TEST

static const void *find_property(const void *tree, const char *path, const char *name,
				 int *size)
{
	int node = fdt_path_offset(tree, path);

	ck_assert_int_ge(node, 0);
	return fdt_getprop(tree, node, name, size);
}

static void check_cells(const void *tree, const char *path, const char *name,
			const uint32_t *cells, unsigned count)
{
	int size;
	const be32 *found = find_property(tree, path, name, &size);
	unsigned i;

	ck_assert_ptr_nonnull(found);
	ck_assert_int_eq(size, (int)(count * sizeof(*found)));
	for (i = 0; i < count; i++)
		ck_assert_uint_eq(be32toh(found[i]), cells[i]);
}

#define CHECK_CELLS(tree, path, name, ...)                     \
	check_cells(tree, path, name, (const uint32_t[]){ __VA_ARGS__ }, \
		    ARRAY_SIZE(((const uint32_t[]){ __VA_ARGS__ })))

/* dtc must have nothing to say about the tree, but for the stand-in controller. */
static void check_with_dtc(const struct fdt_writer *fdt)
{
	char command[256], output[4096];
	size_t size;
	FILE *dtc;
	int fd = memfd_create("dtb", 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq((int)write(fd, fdt->buffer, fdt_writer_size(fdt)),
			 (int)fdt_writer_size(fdt));
	snprintf(command, sizeof(command),
		 "command -v dtc >/dev/null || exit 0; "
		 "dtc -I dtb -O dts -o /dev/null /proc/%d/fd/%d 2>&1", getpid(), fd);
	dtc = popen(command, "r");
	ck_assert_ptr_nonnull(dtc);
	size = fread(output, 1, sizeof(output) - 1, dtc);
	output[size] = '\0';
	ck_assert_int_eq(pclose(dtc), 0);
	ck_assert_str_eq(output, "");
	close(fd);
}

static void write_tree(struct fdt_writer *fdt)
{
	ck_assert_int_eq(fdt_writer_init(fdt), 0);
	fdt_begin(fdt, "%s", "");
	fdt_u32(fdt, "#address-cells", 2);
	fdt_u32(fdt, "#size-cells", 2);
	fdt_text(fdt, "compatible", "unit,test");
	fdt_text(fdt, "model", "test");
	fdt_begin(fdt, "interrupt-controller");
	fdt_flag(fdt, "interrupt-controller");
	fdt_u32(fdt, "#interrupt-cells", 2);
	fdt_u32(fdt, "#address-cells", 0);
	fdt_u32(fdt, "phandle", IRQ_PARENT);
	fdt_end(fdt);
	papr_phbs_add_fdt(&phbs, fdt, IRQ_PARENT);
	fdt_end(fdt);
	ck_assert_int_eq(fdt_writer_finish(fdt), 0);
}

#define BRIDGE_0 "/pci@800000020000000"
#define BRIDGE_1 "/pci@800000020000001"

START_TEST(test_tree)
{
	struct fdt_writer fdt;
	const void *tree;

	add_two_groups();
	fakes[0].group.dma.max_windows = 2;
	start_phbs(2);
	write_tree(&fdt);
	tree = fdt.buffer;
	/* Calls for more DMA windows; of extensions: reset, and six results of query. */
	CHECK_CELLS(tree, BRIDGE_0, "ibm,ddw-applicable",
		    rtas_token(&rtas, "ibm,query-pe-dma-window"),
		    rtas_token(&rtas, "ibm,create-pe-dma-window"),
		    rtas_token(&rtas, "ibm,remove-pe-dma-window"));
	CHECK_CELLS(tree, BRIDGE_0, "ibm,ddw-extensions", 2,
		    rtas_token(&rtas, "ibm,reset-pe-dma-window"), 1);
	ck_assert_ptr_null(find_property(tree, BRIDGE_1, "ibm,ddw-applicable", NULL));
	ck_assert_ptr_null(find_property(tree, BRIDGE_1, "ibm,ddw-extensions", NULL));
	CHECK_CELLS(tree, BRIDGE_0, "reg", 0x8000000, 0x20000000, 0, 0);
	CHECK_CELLS(tree, BRIDGE_1, "reg", 0x8000000, 0x20000001, 0, 0);
	CHECK_CELLS(tree, BRIDGE_1, "linux,pci-domain", 1);
	CHECK_CELLS(tree, BRIDGE_1, "ibm,dma-window", 0x80010000, 0, 0, 0,
		    FAKE_WINDOW_PAGES * 4096);
	CHECK_CELLS(tree, BRIDGE_0, "ibm,pe-total-#msi", 65);
	CHECK_CELLS(tree, BRIDGE_0, "ranges", 0x2000000, 0, 0x80000000, 0x2000, 0x80000000, 0,
		    0x10000, 0x3000000, 0x2040, 0, 0x2040, 0, 0, 0x10000);
	CHECK_CELLS(tree, BRIDGE_1, "ranges", 0x1000000, 0, 0, 0x2100, 0, 0, 0x10000, 0x2000000,
		    0, 0x80000000, 0x2100, 0x80000000, 0, 0x10000);
	CHECK_CELLS(tree, BRIDGE_1, "interrupt-map", 0x800, 0, 0, 1, IRQ_PARENT,
		    phbs.phbs[1].pci.devices[0].lsi, 1, 0x900, 0, 0, 2, IRQ_PARENT,
		    phbs.phbs[1].pci.devices[1].lsi, 1);
	CHECK_CELLS(tree, BRIDGE_1, "interrupt-map-mask", 0xff00, 0, 0, 7);
	CHECK_CELLS(tree, BRIDGE_0 "/nvme@0", "reg", 0, 0, 0, 0, 0, 0x3000010, 0, 0, 0, 0x4000);
	CHECK_CELLS(tree, BRIDGE_0 "/nvme@0", "assigned-addresses", 0x83000010, 0x2040, 0, 0,
		    0x4000);
	CHECK_CELLS(tree, BRIDGE_0 "/nvme@0", "class-code", 0x010802);
	CHECK_CELLS(tree, BRIDGE_0 "/nvme@0", "vendor-id", 0x1b36);
	CHECK_CELLS(tree, BRIDGE_0 "/nvme@0", "subsystem-id", 0x1100);
	CHECK_CELLS(tree, BRIDGE_0 "/nvme@0", "ibm,req#msi-x", 65);
	CHECK_CELLS(tree, BRIDGE_0 "/nvme@0", "ibm,pci-config-space-type", 1);
	CHECK_CELLS(tree, BRIDGE_0 "/nvme@0", "interrupts", 1);
	CHECK_CELLS(tree, BRIDGE_1 "/usb-uhci@1,1", "interrupts", 2);
	CHECK_CELLS(tree, BRIDGE_1 "/usb-uhci@1", "assigned-addresses", 0x81000820, 0, 0x1000, 0,
		    32);
	ck_assert_ptr_null(find_property(tree, BRIDGE_1 "/usb-uhci@1",
					 "ibm,pci-config-space-type", NULL));
	check_with_dtc(&fdt);
	fdt_writer_exit(&fdt);
	papr_phbs_exit(&phbs);
}
END_TEST

/* Nothing that needs a window or an interrupt: still a valid tree. */
START_TEST(test_bare_tree)
{
	struct fdt_writer fdt;

	fake_config_set(fake_group_add(&fakes[0], 1, 3, 2), PCI_CLASS_REVISION, 4, 0xff000000);
	start_phbs(1);
	write_tree(&fdt);
	ck_assert_ptr_null(find_property(fdt.buffer, BRIDGE_0, "interrupt-map", NULL));
	ck_assert_ptr_null(find_property(fdt.buffer, BRIDGE_0 "/unknown-device@3",
					 "assigned-addresses", NULL));
	check_with_dtc(&fdt);
	fdt_writer_exit(&fdt);
	papr_phbs_exit(&phbs);
}
END_TEST

#define PLATFORM_BUS "/platform-bus@210000000000"

/* A group of platform devices after one of PCI has the next number, place and LIOBN. */
START_TEST(test_platform_tree)
{
	const uint64_t window = FAKE_WINDOW_PAGES * 4096ULL;
	const struct platform_irq *irqs;
	struct fdt_writer fdt;
	const char *compatible;
	const void *tree;
	int size;

	fake_add_nvme(&fakes[0], 1);
	fake_add_platform(&fakes[1], "thing.0");
	fake_add_platform(&fakes[1], "f0000000.other");
	start_phbs(2);
	irqs = phbs.buses[0].platform.devices[0].irqs;
	write_tree(&fdt);
	tree = fdt.buffer;
	CHECK_CELLS(tree, PLATFORM_BUS, "ranges", 0, 0, 0x2100, 0, 0, 0x40000);
	CHECK_CELLS(tree, PLATFORM_BUS "/thing@0", "reg", 0, 0, 0, 0x10000, 0, 0x10000, 0, 0x100);
	CHECK_CELLS(tree, PLATFORM_BUS "/thing@0", "interrupts", irqs[0].number, 1,
		    irqs[1].number, 0);
	CHECK_CELLS(tree, PLATFORM_BUS "/thing@0", "interrupt-parent", IRQ_PARENT);
	CHECK_CELLS(tree, PLATFORM_BUS "/thing@0", "ibm,my-dma-window", 0x80010000, 0, 0, 0,
		    window);
	compatible = find_property(tree, PLATFORM_BUS "/thing@0", "compatible", &size);
	ck_assert_int_eq(size, sizeof("vendor,thing"));
	ck_assert_str_eq(compatible, "vendor,thing");
	CHECK_CELLS(tree, PLATFORM_BUS "/other@20000", "reg", 0, 0x20000, 0, 0x10000, 0, 0x30000,
		    0, 0x100);
	check_with_dtc(&fdt);
	fdt_writer_exit(&fdt);
	papr_phbs_exit(&phbs);
	ck_assert_uint_eq(board.nr_maps, 0);
	ck_assert_uint_eq(board.nr_attached, 0);
}
END_TEST

START_TEST(test_platform_hcalls)
{
	uint64_t liobn = PAPR_PHB_LIOBN(0), got[HCALL_NR_ARGS] = { liobn, 0x1000 };

	fake_add_platform(&fakes[0], "thing.0");
	start_phbs(1);
	ck_assert_int_eq(HCALL(H_PUT_TCE, liobn, 0x1000, 0x5003), H_SUCCESS);
	ck_assert_uint_eq(fakes[0].pages[1].hva, guest_memory_hva(&memory, 0x5000, 0x1000));
	ck_assert_int_eq(hcall(H_GET_TCE, got), H_SUCCESS);
	ck_assert_uint_eq(got[0], 0x5003);
	ck_assert_int_eq(HCALL(H_PUT_TCE, PAPR_PHB_LIOBN(1), 0x1000, 0x5003), H_PARAMETER);
	papr_phbs_exit(&phbs);
	ck_assert_uint_eq(fakes[0].pages[1].hva, 0);
}
END_TEST

static Suite *papr_phb_suite(void)
{
	Suite *suite = suite_create("papr_phb");
	TCase *tcase = tcase_create("papr_phb");

	tcase_add_checked_fixture(tcase, setup, phb_teardown);
	tcase_add_loop_test(tcase, test_config, 0, ARRAY_SIZE(config_cases));
	tcase_add_test(tcase, test_config_write);
	tcase_add_test(tcase, test_old_config_calls);
	tcase_add_loop_test(tcase, test_change_msi, 0, ARRAY_SIZE(msi_cases));
	tcase_add_test(tcase, test_change_msi_errors);
	tcase_add_test(tcase, test_change_msi_host_short);
	tcase_add_test(tcase, test_change_msi_short);
	tcase_add_test(tcase, test_hcalls);
	tcase_add_test(tcase, test_large_bar);
	tcase_add_test(tcase, test_too_large);
	tcase_add_test(tcase, test_init_failures);
	tcase_add_test(tcase, test_no_groups);
	tcase_add_test(tcase, test_reboot);
	tcase_add_test(tcase, test_kernel_tables_end_first);
	tcase_add_test(tcase, test_kernel_refuses_one);
	tcase_add_test(tcase, test_tree);
	tcase_add_test(tcase, test_bare_tree);
	tcase_add_test(tcase, test_platform_tree);
	tcase_add_test(tcase, test_platform_hcalls);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(papr_phb_suite());
}

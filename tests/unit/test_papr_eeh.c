/* SPDX-License-Identifier: GPL-2.0-or-later */
/* EEH and error injection: each RTAS call in each state of the PE, and whole recoveries. */
#include <check.h>
#include <errno.h>
#include <libfdt.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "devices/papr_eeh_log.h"
#include "tests/unit/capture.h"
#include "tests/unit/guest_rtas.h"
#include "tests/unit/phb_fixture.h"

#define PE 1U
#define HI(n) ((uint32_t)(PAPR_PHB_BUID(n) >> 32))
#define LO(n) ((uint32_t)PAPR_PHB_BUID(n))
#define CONFIG_ADDR(devfn, reg) ((uint32_t)(devfn) << 8 | (reg))
#define UNCHANGED 0x5a5a
#define DRIVER_LOG 0x5000U
#define LOG 0x6000U
#define WORK 0x8000U

/* A disk that the host isolates, and two functions that it does not unless a test says so. */
static void setup(void)
{
	phb_setup(4 * MIB);
	add_two_groups();
	fake_group_isolate(&fakes[0]);
}

static int32_t call_pe(const char *name, uint32_t config_addr, unsigned phb, uint32_t function)
{
	return GUEST_RTAS(&rtas, NULL, name, NULL, 1, config_addr, HI(phb), LO(phb), function);
}

static int32_t set_option(uint32_t function)
{
	return call_pe("ibm,set-eeh-option", PE, 0, function);
}

static int32_t reset_slot(uint32_t function)
{
	return call_pe("ibm,set-slot-reset", PE, 0, function);
}

static int32_t configure(void)
{
	return GUEST_RTAS(&rtas, NULL, "ibm,configure-pe", NULL, 1, PE, HI(0), LO(0));
}

static int32_t read_state(unsigned phb, uint32_t config_addr, uint32_t rets[3])
{
	return GUEST_RTAS(&rtas, NULL, "ibm,read-slot-reset-state2", rets, 4, config_addr, HI(phb),
			  LO(phb));
}

static uint32_t state(void)
{
	uint32_t rets[3];

	ck_assert_int_eq(read_state(0, PE, rets), RTAS_SUCCESS);
	ck_assert_uint_eq(rets[1], 1);
	return rets[0];
}

static uint32_t read_config(uint32_t config_addr, uint32_t size)
{
	uint32_t value = UNCHANGED;

	ck_assert_int_eq(GUEST_RTAS(&rtas, NULL, "ibm,read-pci-config", &value, 2, config_addr,
				    HI(0), LO(0), size), RTAS_SUCCESS);
	return value;
}

static void write_config(uint32_t config_addr, uint32_t size, uint32_t value)
{
	ck_assert_int_eq(GUEST_RTAS(&rtas, NULL, "ibm,write-pci-config", NULL, 1, config_addr,
				    HI(0), LO(0), size, value), RTAS_SUCCESS);
}

static void set_vectors(uint32_t count)
{
	uint32_t rets[2];

	ck_assert_int_eq(GUEST_RTAS(&rtas, NULL, "ibm,change-msi", rets, 3, 0, HI(0), LO(0), 4,
				    count, 1), RTAS_SUCCESS);
	ck_assert_uint_eq(rets[0], count);
}

/* The PE in one of the states that ibm,read-slot-reset-state2 knows. */
static void bring_into(uint32_t wanted)
{
	static const enum group_error_state states[] = {
		[0] = GROUP_NORMAL, [2] = GROUP_FROZEN, [4] = GROUP_MMIO_ENABLED, [5] = GROUP_DEAD,
	};

	if (wanted == 1)
		ck_assert_int_eq(reset_slot(1), RTAS_SUCCESS);
	else
		fakes[0].state = states[wanted];
	ck_assert_uint_eq(state(), wanted);
}

struct control_case {
	const char *name;
	uint32_t function, before;
	int32_t status;
	uint32_t after;
};

/* PAPR 7.3.11, table "PE State Control", and the functions that are in it for no state. */
static const struct control_case control_cases[] = {
	{ "ibm,set-eeh-option", 2, 0, -3, 0 }, { "ibm,set-eeh-option", 2, 1, -7, 1 },
	{ "ibm,set-eeh-option", 2, 2, 0, 4 }, { "ibm,set-eeh-option", 2, 4, -3, 4 },
	{ "ibm,set-eeh-option", 2, 5, -7, 5 }, { "ibm,set-eeh-option", 3, 0, -3, 0 },
	{ "ibm,set-eeh-option", 3, 1, -7, 1 }, { "ibm,set-eeh-option", 3, 2, -7, 2 },
	{ "ibm,set-eeh-option", 3, 4, 0, 0 }, { "ibm,set-eeh-option", 3, 5, -7, 5 },
	{ "ibm,set-slot-reset", 0, 0, 0, 0 }, { "ibm,set-slot-reset", 0, 1, 0, 0 },
	{ "ibm,set-slot-reset", 0, 2, -7, 2 }, { "ibm,set-slot-reset", 0, 4, -3, 4 },
	{ "ibm,set-slot-reset", 0, 5, -7, 5 }, { "ibm,set-slot-reset", 1, 0, 0, 1 },
	{ "ibm,set-slot-reset", 1, 1, 0, 1 }, { "ibm,set-slot-reset", 1, 2, 0, 1 },
	{ "ibm,set-slot-reset", 1, 4, 0, 1 }, { "ibm,set-slot-reset", 1, 5, -7, 5 },
	{ "ibm,set-slot-reset", 3, 2, -8, 2 }, { "ibm,set-slot-reset", 3, 5, -7, 5 },
	{ "ibm,set-slot-reset", 2, 2, -3, 2 }, { "ibm,set-slot-reset", UINT32_MAX, 2, -3, 2 },
	{ "ibm,set-eeh-option", 0, 2, 0, 2 }, { "ibm,set-eeh-option", 1, 2, 0, 2 },
	{ "ibm,set-eeh-option", 4, 0, -3, 0 }, { "ibm,set-eeh-option", 5, 0, -3, 0 },
	{ "ibm,set-eeh-option", UINT32_MAX, 2, -3, 2 },
};

START_TEST(test_control)
{
	const struct control_case *c = &control_cases[_i];

	start_phbs(2);
	bring_into(c->before);
	ck_assert_int_eq(call_pe(c->name, PE, 0, c->function), c->status);
	ck_assert_uint_eq(state(), c->after);
	papr_phbs_exit(&phbs);
	/* Whatever the guest left: the next one finds nothing of it. */
	ck_assert_int_eq(fakes[0].state, GROUP_NORMAL);
}
END_TEST

struct address_case {
	unsigned phb;
	uint32_t config_addr;
	int32_t status;
};

/* By the PE's address or a device's. */
static const struct address_case address_cases[] = {
	{ 0, PE, RTAS_SUCCESS },
	{ 0, CONFIG_ADDR(0, 0), RTAS_SUCCESS },
	{ 0, CONFIG_ADDR(8, 0), RTAS_PARAMETER_ERROR },
	{ 0, CONFIG_ADDR(0, 4), RTAS_PARAMETER_ERROR },
	{ 0, 0x10000000, RTAS_PARAMETER_ERROR },
	{ 0, 1 << 16, RTAS_PARAMETER_ERROR },
	{ 1, PE, RTAS_SUCCESS },
	{ 1, CONFIG_ADDR(8, 0), RTAS_SUCCESS },
	{ 2, PE, RTAS_PARAMETER_ERROR },
};

START_TEST(test_addresses)
{
	const struct address_case *c = &address_cases[_i];
	uint32_t rets[3];

	start_phbs(2);
	fakes[0].state = GROUP_FROZEN;
	ck_assert_int_eq(call_pe("ibm,set-eeh-option", c->config_addr, c->phb, 1), c->status);
	ck_assert_uint_eq(fakes[0].enables, c->status == RTAS_SUCCESS && c->phb == 0);
	ck_assert_int_eq(read_state(c->phb, c->config_addr, rets), c->status);
	ck_assert_int_eq(call_pe("ibm,set-slot-reset", c->config_addr, c->phb, 1), c->status);
	ck_assert_int_eq(GUEST_RTAS(&rtas, NULL, "ibm,configure-bridge", NULL, 1, c->config_addr,
				    HI(c->phb), LO(c->phb)), c->status);
	papr_phbs_exit(&phbs);
}
END_TEST

struct info_case {
	unsigned phb;
	uint32_t config_addr, function;
	int32_t status;
	uint32_t info;
};

static const struct info_case info_cases[] = {
	{ 0, CONFIG_ADDR(0, 0), 0, RTAS_SUCCESS, PE },
	{ 0, CONFIG_ADDR(0, 0), 1, RTAS_SUCCESS, 1 },
	{ 0, CONFIG_ADDR(8, 0), 0, RTAS_PARAMETER_ERROR, 0 },
	{ 0, CONFIG_ADDR(8, 0), 1, RTAS_SUCCESS, 0 },
	{ 1, CONFIG_ADDR(PCI_DEVFN(1, 1), 0), 0, RTAS_SUCCESS, PE },
	{ 1, CONFIG_ADDR(PCI_DEVFN(1, 1), 0), 1, RTAS_SUCCESS, 2 },
	{ 2, CONFIG_ADDR(0, 0), 1, RTAS_PARAMETER_ERROR, 0 },
	{ 0, CONFIG_ADDR(0, 0), 2, RTAS_PARAMETER_ERROR, 0 },
	{ 0, CONFIG_ADDR(0, 0), UINT32_MAX, RTAS_PARAMETER_ERROR, 0 },
};

START_TEST(test_info)
{
	const struct info_case *c = &info_cases[_i];
	uint32_t info;

	start_phbs(2);
	ck_assert_int_eq(GUEST_RTAS(&rtas, NULL, "ibm,get-config-addr-info2", &info, 2,
				    c->config_addr, HI(c->phb), LO(c->phb), c->function),
			 c->status);
	if (!c->status)
		ck_assert_uint_eq(info, c->info);
	papr_phbs_exit(&phbs);
}
END_TEST

/* How long to wait, if there is something to wait for. */
START_TEST(test_unavailable)
{
	uint32_t rets[3];

	start_phbs(2);
	fakes[0].state = GROUP_UNAVAILABLE;
	ck_assert_int_eq(read_state(0, PE, rets), RTAS_SUCCESS);
	ck_assert_uint_eq(rets[0], 5);
	ck_assert_uint_gt(rets[2], 0);
	fakes[0].state = GROUP_DEAD;
	ck_assert_int_eq(read_state(0, PE, rets), RTAS_SUCCESS);
	ck_assert_uint_eq(rets[0], 5);
	ck_assert_uint_eq(rets[2], 0);
	fakes[0].state = GROUP_NORMAL;
	fakes[0].get_error = -EIO;
	ck_assert_int_eq(read_state(0, PE, rets), RTAS_SUCCESS);
	ck_assert_uint_eq(rets[0], 5);
	ck_assert_uint_eq(rets[2], 0);
	papr_phbs_exit(&phbs);
}
END_TEST

/* Nothing in the guest's sight says EEH where there is no bridge. */
START_TEST(test_absent)
{
	start_phbs(0);
	ck_assert_uint_eq(rtas_token(&rtas, "ibm,set-eeh-option"), 0);
	ck_assert_uint_eq(rtas_token(&rtas, "ibm,open-errinjct"), 0);
	ck_assert_uint_ne(rtas_token(&rtas, "ibm,read-pci-config"), 0);
	papr_phbs_exit(&phbs);
}
END_TEST

/* All ones of each size, whatever pvmm itself knows of the register; writes are gone. */
START_TEST(test_stopped_config)
{
	uint32_t value;

	start_phbs(2);
	write_config(CONFIG_ADDR(0, PCI_INTERRUPT_LINE), 1, 0x42);
	fakes[0].state = GROUP_FROZEN;
	ck_assert_uint_eq(read_config(CONFIG_ADDR(0, PCI_VENDOR_ID), 4), UINT32_MAX);
	ck_assert_uint_eq(read_config(CONFIG_ADDR(0, PCI_BASE_ADDRESS_0), 4), UINT32_MAX);
	ck_assert_uint_eq(read_config(CONFIG_ADDR(0, PCI_HEADER_TYPE), 1), 0xff);
	ck_assert_uint_eq(read_config(CONFIG_ADDR(0, PCI_COMMAND), 2), 0xffff);
	write_config(CONFIG_ADDR(0, PCI_BASE_ADDRESS_0), 4, 0x12340000);
	write_config(CONFIG_ADDR(0, PCI_COMMAND), 2, PCI_COMMAND_MEMORY);
	ck_assert_int_eq(GUEST_RTAS(&rtas, NULL, "ibm,read-pci-config", &value, 2, 1, HI(0), LO(0),
				    4), RTAS_PARAMETER_ERROR);
	ck_assert_int_eq(GUEST_RTAS(&rtas, NULL, "ibm,write-pci-config", NULL, 1, 0, HI(0), LO(0),
				    3, 0), RTAS_PARAMETER_ERROR);
	fakes[0].state = GROUP_NORMAL;
	ck_assert_uint_eq(read_config(CONFIG_ADDR(0, PCI_BASE_ADDRESS_0), 4) & ~0xfU,
			  (uint32_t)phbs.phbs[0].pci.devices[0].bars[0].assigned);
	ck_assert_uint_eq(read_config(CONFIG_ADDR(0, PCI_COMMAND), 2), 0);
	ck_assert_uint_eq(read_config(CONFIG_ADDR(0, PCI_INTERRUPT_LINE), 1), 0x42);
	papr_phbs_exit(&phbs);
}
END_TEST

/* What a guest with vectors finds after a reset: them, and all else as firmware left it. */
START_TEST(test_reset)
{
	struct fake_device *device = &fakes[0].devices[0];

	start_phbs(2);
	write_config(CONFIG_ADDR(0, PCI_COMMAND), 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	write_config(CONFIG_ADDR(0, PCI_BASE_ADDRESS_0), 4, 0x80000000);
	set_vectors(5);
	fakes[0].state = GROUP_FROZEN;
	ck_assert_int_eq(reset_slot(1), RTAS_SUCCESS);
	ck_assert_uint_eq(read_config(CONFIG_ADDR(0, PCI_VENDOR_ID), 4), UINT32_MAX);
	ck_assert_int_eq(reset_slot(0), RTAS_SUCCESS);
	ck_assert_uint_eq(fakes[0].resets, 1);
	ck_assert_uint_eq(read_config(CONFIG_ADDR(0, PCI_COMMAND), 2), 0);
	ck_assert_uint_eq(board.nr_maps, 0);
	ck_assert_uint_eq(device->irq_kind, GROUP_IRQ_MSIX);
	ck_assert_uint_eq(device->nr_fds, 5);
	ck_assert_uint_eq(phbs.phbs[0].pci.devices[0].bars[0].address,
			  phbs.phbs[0].pci.devices[0].bars[0].assigned);
	ck_assert(fake_board_logged(&board, "the guest has reset it after an error"));
	write_config(CONFIG_ADDR(0, PCI_COMMAND), 2, PCI_COMMAND_MEMORY);
	ck_assert_uint_eq(board.nr_maps, 1);
	papr_phbs_exit(&phbs);
}
END_TEST

START_TEST(test_reset_intx)
{
	struct fake_device *device = &fakes[0].devices[0];

	start_phbs(2);
	ck_assert_int_eq(reset_slot(1), RTAS_SUCCESS);
	ck_assert_int_eq(reset_slot(0), RTAS_SUCCESS);
	ck_assert_uint_eq(device->irq_kind, GROUP_IRQ_INTX);
	ck_assert_uint_eq(device->nr_fds, 1);
	papr_phbs_exit(&phbs);
}
END_TEST

/* Vectors that the guest releases and sets while nothing reaches the device. */
START_TEST(test_reset_vectors_changed)
{
	struct fake_device *device = &fakes[0].devices[0];

	start_phbs(2);
	set_vectors(5);
	fakes[0].state = GROUP_FROZEN;
	set_vectors(0);
	set_vectors(2);
	ck_assert_int_eq(reset_slot(1), RTAS_SUCCESS);
	ck_assert_int_eq(reset_slot(0), RTAS_SUCCESS);
	ck_assert_uint_eq(device->irq_kind, GROUP_IRQ_MSIX);
	ck_assert_uint_eq(device->nr_fds, 2);
	papr_phbs_exit(&phbs);
}
END_TEST

START_TEST(test_reset_failures)
{
	start_phbs(2);
	fakes[0].recovery_error = -EIO;
	ck_assert_int_eq(reset_slot(1), RTAS_HARDWARE_ERROR);
	ck_assert_uint_eq(state(), 0);
	ck_assert(fake_board_logged(&board, "asked for its reset, which failed"));
	fakes[0].recovery_error = 0;
	ck_assert_int_eq(reset_slot(1), RTAS_SUCCESS);
	fakes[0].recovery_error = -EIO;
	ck_assert_int_eq(reset_slot(0), RTAS_HARDWARE_ERROR);
	fakes[0].recovery_error = 0;
	ck_assert_int_eq(reset_slot(1), RTAS_SUCCESS);
	fakes[0].devices[0].set_irqs = (struct fake_failure){ 1, -EIO };
	ck_assert_int_eq(reset_slot(0), RTAS_HARDWARE_ERROR);
	ck_assert(fake_board_logged(&board, "cannot be connected again after a reset"));
	papr_phbs_exit(&phbs);
}
END_TEST

START_TEST(test_fundamental)
{
	start_phbs(2);
	ck_assert_int_eq(reset_slot(3), RTAS_NO_FUNDAMENTAL_RESET);
	ck_assert_uint_eq(state(), 0);
	fakes[0].has_fundamental = true;
	ck_assert_int_eq(reset_slot(3), RTAS_SUCCESS);
	ck_assert_uint_eq(state(), 1);
	ck_assert_int_eq(reset_slot(0), RTAS_SUCCESS);
	ck_assert_uint_eq(state(), 0);
	papr_phbs_exit(&phbs);
}
END_TEST

/* Once after each reset, and not while nothing reaches the device. */
START_TEST(test_configure)
{
	start_phbs(2);
	ck_assert_int_eq(configure(), RTAS_SUCCESS);
	ck_assert_uint_eq(fakes[0].configures, 0);
	ck_assert_int_eq(reset_slot(1), RTAS_SUCCESS);
	ck_assert_int_eq(reset_slot(0), RTAS_SUCCESS);
	fakes[0].state = GROUP_FROZEN;
	ck_assert_int_eq(configure(), RTAS_SUCCESS);
	ck_assert_uint_eq(fakes[0].configures, 0);
	fakes[0].state = GROUP_MMIO_ENABLED;
	fakes[0].recovery_error = -EIO;
	ck_assert_int_eq(configure(), RTAS_SUCCESS);
	fakes[0].recovery_error = 0;
	ck_assert_int_eq(configure(), RTAS_SUCCESS);
	ck_assert_uint_eq(fakes[0].configures, 2);
	ck_assert_int_eq(configure(), RTAS_SUCCESS);
	ck_assert_uint_eq(fakes[0].configures, 2);
	papr_phbs_exit(&phbs);
}
END_TEST

/* A driver that needs no reset: BARs and INTx are as the device has them. */
START_TEST(test_release)
{
	struct fake_device *device = &fakes[0].devices[0];

	start_phbs(2);
	write_config(CONFIG_ADDR(0, PCI_COMMAND), 2, PCI_COMMAND_MEMORY);
	ck_assert_uint_eq(board.nr_maps, 1);
	fakes[0].state = GROUP_FROZEN;
	/* The host's freeze comes while a write is under way: pvmm takes it for done. */
	ck_assert_int_eq(pci_config_write(&phbs.phbs[0].pci.devices[0], PCI_COMMAND, 2, 0), 0);
	ck_assert_uint_eq(board.nr_maps, 0);
	ck_assert_int_eq(set_option(2), RTAS_SUCCESS);
	ck_assert_uint_eq(board.nr_maps, 1);
	device->unmasks = 0;
	ck_assert_int_eq(set_option(3), RTAS_SUCCESS);
	ck_assert_uint_ge(device->unmasks, 1);
	fakes[0].state = GROUP_FROZEN;
	fakes[0].recovery_error = -EIO;
	ck_assert_int_eq(set_option(2), RTAS_HARDWARE_ERROR);
	papr_phbs_exit(&phbs);
}
END_TEST

#define COMMAND (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER)

static void expect_commands(uint16_t of_guest, uint16_t of_device)
{
	ck_assert_uint_eq(read_config(CONFIG_ADDR(0, PCI_COMMAND), 2), of_guest);
	ck_assert_uint_eq(fake_config_get(&fakes[0].devices[0], PCI_COMMAND, 2), of_device);
}

/* The host has nothing to isolate the group with, and the guest an error to recover from. */
static void freeze_by_command(void)
{
	fakes[0].group.recovery = NULL;
	start_phbs(2);
	write_config(CONFIG_ADDR(0, PCI_COMMAND), 2, COMMAND);
	expect_commands(COMMAND, COMMAND);
	ck_assert_uint_eq(board.nr_maps, 1);
	ck_assert_int_eq(set_option(1), RTAS_SUCCESS);
	papr_eeh_missed_load(&phbs.phbs[0].eeh);
	ck_assert(fake_board_logged(&board, "it is frozen, for the guest to recover"));
	ck_assert_uint_eq(state(), 2);
	expect_commands(0xffff, PCI_COMMAND_INTX_DISABLE);
	ck_assert_uint_eq(board.nr_maps, 0);
}

/* What the guest wants in COMMAND meanwhile is its own, and the device has it in the end. */
START_TEST(test_release_by_command)
{
	freeze_by_command();
	/* One that was under way when the group was frozen. */
	ck_assert_int_eq(pci_config_write(&phbs.phbs[0].pci.devices[0], PCI_COMMAND, 2, COMMAND), 0);
	expect_commands(0xffff, PCI_COMMAND_INTX_DISABLE);
	ck_assert_uint_eq(board.nr_maps, 0);
	ck_assert_int_eq(set_option(2), RTAS_SUCCESS);
	ck_assert_uint_eq(state(), 4);
	expect_commands(COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE);
	ck_assert_uint_eq(board.nr_maps, 1);
	write_config(CONFIG_ADDR(0, PCI_COMMAND), 1, PCI_COMMAND_MASTER);
	expect_commands(PCI_COMMAND_MASTER, PCI_COMMAND_INTX_DISABLE);
	ck_assert_uint_eq(board.nr_maps, 0);
	write_config(CONFIG_ADDR(0, PCI_COMMAND), 4, COMMAND);
	expect_commands(COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE);
	fakes[0].devices[0].unmasks = 0;
	ck_assert_int_eq(set_option(3), RTAS_SUCCESS);
	ck_assert_uint_eq(state(), 0);
	expect_commands(COMMAND, COMMAND);
	ck_assert_uint_ge(fakes[0].devices[0].unmasks, 1);
	papr_phbs_exit(&phbs);
	ck_assert_uint_eq(fakes[0].resets, 0);
}
END_TEST

START_TEST(test_reset_by_command)
{
	freeze_by_command();
	ck_assert_int_eq(reset_slot(3), RTAS_NO_FUNDAMENTAL_RESET);
	ck_assert_int_eq(reset_slot(1), RTAS_SUCCESS);
	ck_assert_uint_eq(state(), 1);
	ck_assert_int_eq(reset_slot(0), RTAS_SUCCESS);
	ck_assert_uint_eq(fakes[0].resets, 1);
	ck_assert_uint_eq(state(), 0);
	expect_commands(0, 0);
	ck_assert_int_eq(configure(), RTAS_SUCCESS);
	ck_assert_uint_eq(fakes[0].devices[0].irq_kind, GROUP_IRQ_INTX);
	write_config(CONFIG_ADDR(0, PCI_COMMAND), 2, COMMAND);
	expect_commands(COMMAND, COMMAND);
	ck_assert_uint_eq(board.nr_maps, 1);
	ck_assert_int_eq(reset_slot(1), RTAS_SUCCESS);
	fakes[0].recovery_error = -EIO;
	ck_assert_int_eq(reset_slot(0), RTAS_HARDWARE_ERROR);
	ck_assert_uint_eq(state(), 5);
	ck_assert_uint_eq(board.nr_maps, 0);
	fakes[0].recovery_error = 0;
	papr_phbs_exit(&phbs);
}
END_TEST

static uint32_t command_of_device(unsigned index)
{
	return fake_config_get(&fakes[0].devices[index], PCI_COMMAND, 2);
}

/* Of several devices none is in the guest before it decodes: when all goes well (0), when the host
 * isolates them (1), and when one cannot be set up again (2), after which the guest may try again. */
START_TEST(test_reset_of_several)
{
	fake_add_nvme(&fakes[0], 2);
	if (_i != 1)
		fakes[0].group.recovery = NULL;
	start_phbs(1);
	write_config(CONFIG_ADDR(0, PCI_COMMAND), 2, COMMAND);
	write_config(CONFIG_ADDR(PCI_DEVFN(1, 0), PCI_COMMAND), 2, COMMAND);
	ck_assert_uint_eq(board.nr_maps, 2);
	ck_assert_int_eq(reset_slot(1), RTAS_SUCCESS);
	board.maps_made = 0;
	if (_i == 2)
		fakes[0].devices[0].set_irqs = (struct fake_failure){ 1, -EIO };
	ck_assert_int_eq(reset_slot(0), _i == 2 ? RTAS_HARDWARE_ERROR : RTAS_SUCCESS);
	ck_assert_uint_eq(board.nr_maps, 0);
	ck_assert_uint_eq(board.maps_made, 0);
	ck_assert_uint_eq(state(), _i == 2 ? 2 : 0);
	if (_i == 2) {
		ck_assert_int_eq(reset_slot(1), RTAS_SUCCESS);
		ck_assert_int_eq(reset_slot(0), RTAS_SUCCESS);
		ck_assert_uint_eq(state(), 0);
	}
	write_config(CONFIG_ADDR(PCI_DEVFN(1, 0), PCI_COMMAND), 2, COMMAND);
	ck_assert_uint_eq(command_of_device(1), COMMAND);
	ck_assert_uint_eq(board.nr_maps, 1);
	papr_phbs_exit(&phbs);
}
END_TEST

/* One of them was unplugged: the others recover, and so they do by a release. */
START_TEST(test_recovery_of_those_left)
{
	fake_add_nvme(&fakes[0], 2);
	start_phbs(1);
	fakes[0].devices[0].unplugged = true;
	fakes[0].state = GROUP_FROZEN;
	ck_assert_int_eq(reset_slot(1), RTAS_SUCCESS);
	ck_assert_int_eq(reset_slot(0), RTAS_SUCCESS);
	ck_assert_uint_eq(state(), 0);
	ck_assert(fake_board_logged(&board, "the device may be gone"));
	fakes[0].state = GROUP_FROZEN;
	ck_assert_int_eq(set_option(2), RTAS_SUCCESS);
	ck_assert_int_eq(set_option(3), RTAS_SUCCESS);
	ck_assert_uint_eq(state(), 0);
	write_config(CONFIG_ADDR(PCI_DEVFN(1, 0), PCI_COMMAND), 2, COMMAND);
	ck_assert_uint_eq(command_of_device(1), COMMAND);
	papr_phbs_exit(&phbs);
}
END_TEST

/* One device that takes no command: all stay cut off, and a reset is tried nevertheless. */
START_TEST(test_release_fails_by_command)
{
	freeze_by_command();
	fakes[0].devices[0].config_write = (struct fake_failure){ 1, -EIO };
	ck_assert_int_eq(set_option(2), RTAS_HARDWARE_ERROR);
	ck_assert_uint_eq(state(), 2);
	ck_assert_uint_eq(board.nr_maps, 0);
	fakes[0].devices[0].config_write = (struct fake_failure){ 1, -EIO };
	ck_assert_int_eq(reset_slot(1), RTAS_SUCCESS);
	fakes[0].recovery_error = -EIO;
	ck_assert_int_eq(reset_slot(0), RTAS_HARDWARE_ERROR);
	fakes[0].recovery_error = 0;
	ck_assert_uint_eq(state(), 5);
	/* There is no way out of that. */
	ck_assert_int_lt(papr_eeh_inject(&phbs.phbs[0].eeh, false, 0), 0);
	ck_assert_uint_eq(state(), 5);
	papr_phbs_exit(&phbs);
}
END_TEST

/* A guest that stopped in the middle leaves a group as any other. */
START_TEST(test_exit_by_command)
{
	freeze_by_command();
	papr_phbs_exit(&phbs);
	ck_assert_uint_eq(fakes[0].resets, 1);
}
END_TEST

static int32_t error_detail(uint32_t driver, uint32_t driver_size, uint32_t log, uint32_t size,
			    uint32_t function)
{
	return GUEST_RTAS(&rtas, NULL, "ibm,slot-error-detail", NULL, 1, PE, HI(0), LO(0), driver,
			  driver_size, log, size, function);
}

static uint32_t log_word(uint32_t offset)
{
	be32 word;

	ck_assert_int_eq(guest_memory_read(&memory, LOG + offset, &word, sizeof(word)), 0);
	return be32toh(word);
}

static void check_text(uint32_t offset, const char *text)
{
	char found[64] = "";

	ck_assert_int_eq(guest_memory_read(&memory, LOG + offset, found, strlen(text)), 0);
	ck_assert_str_eq(found, text);
}

/* Version 6 (PAPR 10.3.2): fixed part, extended header, sections PH, UH, PS and UD. */
START_TEST(test_error_log)
{
	static const char said[] = "0000:00:00.0 dev/vend:00101b36";
	uint32_t size = 176 + 8 + sizeof(said);

	start_phbs(2);
	ck_assert_int_eq(guest_memory_write(&memory, DRIVER_LOG, said, sizeof(said)), 0);
	ck_assert_int_eq(error_detail(DRIVER_LOG, sizeof(said), LOG, 2048, 1), RTAS_NO_ERROR_LOG);
	ck_assert_uint_eq(log_word(0), 0);
	fakes[0].state = GROUP_MMIO_ENABLED;
	ck_assert_int_eq(error_detail(DRIVER_LOG, sizeof(said), LOG, 2048, 1), RTAS_SUCCESS);
	ck_assert_uint_eq(log_word(0), 0x069422e0);
	ck_assert_uint_eq(log_word(4), size - 8);
	ck_assert_uint_eq(log_word(8) >> 24, 0xa6);
	check_text(20, "IBM");
	check_text(24, "PH");
	ck_assert_uint_ge(log_word(24 + 8), 0x20240101);	/* BCD */
	ck_assert_uint_eq(log_word(24 + 0x18) & 0xff, 4);
	check_text(72, "UH");
	ck_assert_uint_eq(log_word(72 + 8), 0x30002000);
	check_text(96, "PS");
	ck_assert_uint_eq(log_word(96 + 0x14), 4);
	check_text(96 + 0x30, "PVMM-EEH PHB0   ");
	check_text(176, "UD");
	ck_assert_uint_eq(log_word(176) & 0xffff, 8 + sizeof(said));
	check_text(184, said);
	papr_phbs_exit(&phbs);
}
END_TEST

struct buffer_case {
	uint32_t driver, driver_size, log, size;
	int32_t status;
	uint32_t length;	/* what the log says that it has behind its first 8 bytes */
	uint32_t written;
};

static const struct buffer_case buffer_cases[] = {
	{ DRIVER_LOG, 0, LOG, 2048, RTAS_SUCCESS, 168, 176 },
	{ DRIVER_LOG, 100, LOG, 2048, RTAS_SUCCESS, 276, 284 },
	{ DRIVER_LOG, 100, LOG, 200, RTAS_SUCCESS, 192, 200 },
	{ DRIVER_LOG, UINT32_MAX, LOG, UINT32_MAX, RTAS_SUCCESS, 2040, 2048 },
	{ DRIVER_LOG, 100, LOG, 184, RTAS_SUCCESS, 168, 176 },
	{ DRIVER_LOG, 100, LOG, 20, RTAS_SUCCESS, 168, 20 },
	{ UINT32_MAX, 0, LOG, 2048, RTAS_SUCCESS, 168, 176 },
	{ 4 * MIB - 50, 100, LOG, 2048, RTAS_HARDWARE_ERROR, 0, 0 },
	{ UINT32_MAX, 100, LOG, 2048, RTAS_HARDWARE_ERROR, 0, 0 },
	{ DRIVER_LOG, 100, 4 * MIB - 50, 2048, RTAS_HARDWARE_ERROR, 0, 0 },
	{ DRIVER_LOG, 100, UINT32_MAX, 2048, RTAS_HARDWARE_ERROR, 0, 0 },
};

START_TEST(test_error_log_buffers)
{
	const struct buffer_case *c = &buffer_cases[_i];
	uint8_t behind;

	start_phbs(2);
	ck_assert_int_eq(guest_memory_fill(&memory, LOG, 0xee, 4096), 0);
	fakes[0].state = GROUP_FROZEN;
	ck_assert_int_eq(error_detail(c->driver, c->driver_size, c->log, c->size, 1), c->status);
	if (c->written)
		ck_assert_uint_eq(log_word(4), c->length);
	ck_assert_int_eq(guest_memory_read(&memory, LOG + c->written, &behind, 1), 0);
	ck_assert_uint_eq(behind, 0xee);
	papr_phbs_exit(&phbs);
}
END_TEST

/* The guest has given it up: nothing but a new boot changes that. */
START_TEST(test_permanent)
{
	uint32_t rets[3];

	start_phbs(2);
	ck_assert_int_eq(error_detail(0, 0, LOG, 2048, 3), RTAS_PARAMETER_ERROR);
	ck_assert_int_eq(error_detail(0, 0, LOG, 2048, 2), RTAS_SUCCESS);
	ck_assert_uint_eq(log_word(8) >> 24, 0xc6);
	ck_assert_int_eq(read_state(0, PE, rets), RTAS_SUCCESS);
	ck_assert_uint_eq(rets[0], 5);
	ck_assert_uint_eq(rets[2], 0);
	ck_assert_int_eq(fakes[0].state, GROUP_FROZEN);
	ck_assert(fake_board_logged(&board, "the guest has given it up"));
	ck_assert_int_eq(reset_slot(1), RTAS_UNEXPECTED_STATE);
	ck_assert_int_eq(set_option(2), RTAS_UNEXPECTED_STATE);
	ck_assert_uint_eq(read_config(CONFIG_ADDR(0, PCI_VENDOR_ID), 4), UINT32_MAX);
	ck_assert_int_eq(error_detail(0, 0, LOG, 2048, 1), RTAS_SUCCESS);
	ck_assert_int_eq(error_detail(0, 0, LOG, 2048, 2), RTAS_SUCCESS);
	ck_assert_uint_eq(fakes[0].freezes, 1);
	papr_phbs_exit(&phbs);
	ck_assert_int_eq(fakes[0].state, GROUP_NORMAL);
}
END_TEST

/* The first result is the token, the second the status. */
static int32_t open_errinjct(uint32_t *token)
{
	uint32_t status;

	*token = (uint32_t)GUEST_RTAS(&rtas, NULL, "ibm,open-errinjct", &status, 2, 0);
	return (int32_t)status;
}

static int32_t inject(uint32_t error, uint32_t token, uint32_t buffer)
{
	return GUEST_RTAS(&rtas, NULL, "ibm,errinjct", NULL, 1, error, token, buffer);
}

static int32_t close_errinjct(uint32_t token)
{
	return GUEST_RTAS(&rtas, NULL, "ibm,close-errinjct", NULL, 1, token);
}

static void put_words(uint32_t gpa, const uint32_t *words, unsigned count)
{
	unsigned i;

	for (i = 0; i < count; i++) {
		be32 word = htobe32(words[i]);

		ck_assert_int_eq(guest_memory_write(&memory, gpa + i * 4, &word, 4), 0);
	}
}

START_TEST(test_errinjct_open)
{
	uint32_t first, second, none;

	start_phbs(2);
	ck_assert_int_eq(close_errinjct(0), RTAS_ERRINJCT_CLOSED);
	ck_assert_int_eq(inject(7, 0, WORK), RTAS_ERRINJCT_CLOSED);
	ck_assert_int_eq(open_errinjct(&first), RTAS_SUCCESS);
	ck_assert_int_eq(open_errinjct(&none), RTAS_ERRINJCT_OPEN);
	ck_assert_int_eq(close_errinjct(first + 1), RTAS_ERRINJCT_CLOSED);
	ck_assert_int_eq(inject(7, first + 1, WORK), RTAS_ERRINJCT_CLOSED);
	ck_assert_int_eq(close_errinjct(first), RTAS_SUCCESS);
	ck_assert_int_eq(close_errinjct(first), RTAS_ERRINJCT_CLOSED);
	ck_assert_int_eq(open_errinjct(&second), RTAS_SUCCESS);
	ck_assert_uint_ne(first, second);
	ck_assert_int_eq(inject(7, first, WORK), RTAS_ERRINJCT_CLOSED);
	papr_phbs_exit(&phbs);
}
END_TEST

struct inject_case {
	uint32_t error, buffer, config_addr;
	unsigned phb;
	uint32_t function;
	int32_t status;
	unsigned injections;
};

static const struct inject_case inject_cases[] = {
	{ 7, WORK, PE, 0, 0, RTAS_SUCCESS, 1 },
	{ 7, WORK, CONFIG_ADDR(0, 0), 0, 19, RTAS_SUCCESS, 1 },
	{ 15, WORK, PE, 0, 7, RTAS_SUCCESS, 1 },
	{ 7, WORK, PE, 0, 20, RTAS_SUCCESS, 0 },
	{ 15, WORK, PE, 0, 21, RTAS_PARAMETER_ERROR, 0 },
	{ 7, WORK, PE, 0, UINT32_MAX, RTAS_PARAMETER_ERROR, 0 },
	{ 8, WORK, PE, 0, 0, RTAS_PARAMETER_ERROR, 0 },
	{ UINT32_MAX, WORK, PE, 0, 0, RTAS_PARAMETER_ERROR, 0 },
	{ 7, WORK, CONFIG_ADDR(8, 0), 0, 0, RTAS_PARAMETER_ERROR, 0 },
	{ 7, WORK, PE, 1, 0, RTAS_PARAMETER_ERROR, 0 },
	{ 7, WORK, PE, 2, 0, RTAS_PARAMETER_ERROR, 0 },
	{ 7, WORK + 512, PE, 0, 0, RTAS_PARAMETER_ERROR, 0 },
	{ 7, 4 * MIB, PE, 0, 0, RTAS_PARAMETER_ERROR, 0 },
	{ 7, 0xfffffc00, PE, 0, 0, RTAS_PARAMETER_ERROR, 0 },
};

START_TEST(test_errinjct)
{
	const struct inject_case *c = &inject_cases[_i];
	uint32_t narrow[] = { 0, 0, c->config_addr, HI(c->phb), LO(c->phb), c->function };
	uint32_t wide[] = { 0, 0, 0, 0, c->config_addr, HI(c->phb), LO(c->phb), c->function };
	uint32_t token;

	start_phbs(2);
	if (c->buffer < 4 * MIB)
		put_words(c->buffer, c->error == 15 ? wide : narrow, c->error == 15 ? 8 : 6);
	ck_assert_int_eq(open_errinjct(&token), RTAS_SUCCESS);
	/* Not before the guest recovers the PE. */
	ck_assert_int_eq(inject(c->error, token, c->buffer), c->function == 20 ? RTAS_SUCCESS :
			 RTAS_PARAMETER_ERROR);
	ck_assert_int_eq(set_option(1), RTAS_SUCCESS);
	ck_assert_int_eq(inject(c->error, token, c->buffer), c->status);
	ck_assert_uint_eq(fakes[0].injections, c->injections);
	if (c->injections) {
		ck_assert_uint_eq(fakes[0].injected_function, c->function);
		ck_assert_uint_eq(fakes[0].injected_wide, c->error == 15);
		ck_assert_uint_eq(state(), 2);
		ck_assert(fake_board_logged(&board, "the guest injected error"));
	}
	papr_phbs_exit(&phbs);
}
END_TEST

START_TEST(test_errinjct_fails)
{
	uint32_t words[] = { 0, 0, PE, HI(0), LO(0), 0 }, token;

	start_phbs(2);
	put_words(WORK, words, 6);
	ck_assert_int_eq(open_errinjct(&token), RTAS_SUCCESS);
	ck_assert_int_eq(set_option(1), RTAS_SUCCESS);
	fakes[0].recovery_error = -EIO;
	ck_assert_int_eq(inject(7, token, WORK), RTAS_HARDWARE_ERROR);
	fakes[0].recovery_error = -EOPNOTSUPP;
	ck_assert_int_eq(inject(7, token, WORK), RTAS_PARAMETER_ERROR);
	papr_phbs_exit(&phbs);
}
END_TEST

/* A load that no device takes freezes a PE that the guest recovers, and only that. */
START_TEST(test_missed_load)
{
	uint64_t gpa;

	start_phbs(2);
	gpa = phbs.phbs[0].pci.windows[PCI_SPACE_MEM64].gpa;
	papr_phbs_missed_load(&phbs, gpa);
	ck_assert_uint_eq(state(), 0);
	ck_assert_int_eq(set_option(1), RTAS_SUCCESS);
	papr_phbs_missed_load(&phbs, 0);
	papr_phbs_missed_load(&phbs, UINT64_MAX);
	papr_phbs_missed_load(&phbs, PAPR_PHB_GPA(0) + PAPR_PHB_STRIDE - 4);
	papr_phbs_missed_load(&phbs, phbs.phbs[1].pci.windows[PCI_SPACE_MEM32].gpa);
	ck_assert_uint_eq(state(), 0);
	papr_phbs_missed_load(&phbs, gpa);
	ck_assert_uint_eq(state(), 2);
	ck_assert(fake_board_logged(&board, "the guest read where no device answers"));
	papr_phbs_missed_load(&phbs, gpa);
	ck_assert_uint_eq(fakes[0].freezes, 1);
	papr_phbs_exit(&phbs);
}
END_TEST

START_TEST(test_tree)
{
	static const char tokens[] = "ioa-bus-error\0\0\0\0\7ioa-bus-error-64\0\0\0\0\17";
	struct fdt_writer fdt;
	const void *found;
	int size;

	start_phbs(2);
	ck_assert_int_eq(fdt_writer_init(&fdt), 0);
	fdt_begin(&fdt, "%s", "");
	papr_phbs_add_rtas(&phbs, &fdt);
	fdt_end(&fdt);
	ck_assert_int_eq(fdt_writer_finish(&fdt), 0);
	found = fdt_getprop(fdt.buffer, 0, "ibm,errinjct-tokens", &size);
	ck_assert_int_eq(size, (int)sizeof(tokens) - 1);
	ck_assert_mem_eq(found, tokens, sizeof(tokens) - 1);
	ck_assert_ptr_nonnull(fdt_getprop(fdt.buffer, 0, "ibm,reset-capabilities", &size));
	fdt_writer_exit(&fdt);
	papr_phbs_exit(&phbs);
}
END_TEST

static Suite *papr_eeh_suite(void)
{
	const TTest *const tests[] = {
		test_unavailable, test_absent, test_stopped_config, test_recovery_of_those_left, test_reset,
		test_reset_intx, test_reset_vectors_changed, test_reset_failures, test_fundamental,
		test_configure, test_release, test_release_by_command, test_reset_by_command,
		test_release_fails_by_command, test_exit_by_command, test_error_log, test_permanent, test_errinjct_open,
		test_errinjct_fails, test_missed_load, test_tree,
	};
	Suite *suite = suite_create("papr_eeh");
	TCase *tcase = tcase_create("papr_eeh");
	size_t i;

	tcase_add_checked_fixture(tcase, setup, phb_teardown);
	tcase_add_loop_test(tcase, test_control, 0, ARRAY_SIZE(control_cases));
	tcase_add_loop_test(tcase, test_addresses, 0, ARRAY_SIZE(address_cases));
	tcase_add_loop_test(tcase, test_info, 0, ARRAY_SIZE(info_cases));
	tcase_add_loop_test(tcase, test_error_log_buffers, 0, ARRAY_SIZE(buffer_cases));
	tcase_add_loop_test(tcase, test_reset_of_several, 0, 3);
	tcase_add_loop_test(tcase, test_errinjct, 0, ARRAY_SIZE(inject_cases));
	for (i = 0; i < ARRAY_SIZE(tests); i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(papr_eeh_suite());
}

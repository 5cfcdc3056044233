/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupts of devices behind the PCI host bridge: MSI, MSI-X, INTx, and switching. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/capture.h"
#include "tests/unit/pci_fixture.h"

static struct fake_device *device;

static void setup(void)
{
	board_setup();
	device = fake_group_add(&fake, 1, 0, 0);
}

static int attached(uint32_t irq)
{
	return board.attached[irq - IRQ_FIRST];
}

/* All of one kind, and of nothing else. */
static void check_vectors(unsigned kind, unsigned count, uint32_t first)
{
	unsigned i;

	ck_assert_uint_eq(device->irq_kind, kind);
	ck_assert_uint_eq(device->nr_fds, count);
	ck_assert_uint_eq(board.nr_attached, count);
	for (i = 0; i < count; i++)
		ck_assert_int_eq(attached(first + i), device->fds[i]);
}

START_TEST(test_intx)
{
	fake_add_intx(&fake, device, 2);
	start_host(0);
	ck_assert(irq_is_line(&board.irqchip, host.devices[0].lsi));
	check_vectors(GROUP_IRQ_INTX, 1, host.devices[0].lsi);
	irq_ended(&board.irqchip, host.devices[0].lsi);
	irq_ended(&board.irqchip, host.devices[0].lsi);
	ck_assert_uint_eq(device->unmasks, 2);
	/* A reboot connects it again, once. */
	ck_assert_int_eq(pci_host_reset(&host), 0);
	check_vectors(GROUP_IRQ_INTX, 1, host.devices[0].lsi);
	stop_host();
	irq_ended(&board.irqchip, IRQ_FIRST);
	ck_assert_uint_eq(device->unmasks, 2);
}
END_TEST

/* A pin that the host cannot serve, and one that cannot be. */
static void end_line(unsigned times)
{
	while (times--)
		irq_ended(&board.irqchip, host.devices[0].lsi);
}

static void set_status(uint16_t status)
{
	device->config[PCI_STATUS] = (uint8_t)status;
	device->config[PCI_STATUS + 1] = (uint8_t)(status >> 8);
}

#define ENDS_REPORTED 4096

/* A line that is raised at every end is reported once in a boot; one that is lowered now and then,
 * or a device that is gone, never. Each end unmasks it all the same. */
START_TEST(test_unacknowledged)
{
	struct capture capture;

	capture_init(&capture);
	fake_add_intx(&fake, device, 2);
	start_host(0);
	host.log = &capture.log;
	end_line(2 * ENDS_REPORTED);
	set_status(PCI_STATUS_INTERRUPT);
	end_line(ENDS_REPORTED / 2);
	set_status(0);
	end_line(1);
	set_status(PCI_STATUS_INTERRUPT);
	end_line(ENDS_REPORTED - 1);
	set_status(UINT16_MAX);
	end_line(ENDS_REPORTED);
	ck_assert_str_eq(capture_take(&capture), "");
	set_status(PCI_STATUS_INTERRUPT);
	end_line(ENDS_REPORTED);
	capture_expect(&capture, "nobody in the guest acknowledges its interrupt");
	end_line(4 * ENDS_REPORTED);
	ck_assert_str_eq(capture_take(&capture), "");
	ck_assert_int_eq(pci_host_reset(&host), 0);
	end_line(ENDS_REPORTED);
	capture_expect(&capture, "nobody in the guest acknowledges its interrupt");
	ck_assert_uint_eq(device->unmasks, 10 * ENDS_REPORTED + ENDS_REPORTED / 2);
	stop_host();
	capture_exit(&capture);
}
END_TEST

START_TEST(test_no_intx)
{
	struct fake_device *other = fake_group_add(&fake, 1, 1, 0);
	uint32_t pin;

	fake_config_set(device, PCI_INTERRUPT_PIN, 1, 1);
	fake_add_intx(&fake, other, 5);
	start_host(0);
	ck_assert_uint_eq(host.devices[0].pin, 0);
	ck_assert_uint_eq(host.devices[1].pin, 0);
	ck_assert_int_eq(pci_config_read(&host.devices[0], PCI_INTERRUPT_PIN, 1, &pin), 0);
	ck_assert_uint_eq(pin, 0);
	ck_assert_uint_eq(board.nr_attached, 0);
	stop_host();
}
END_TEST

/* INTx makes room for messages and comes back after them. */
START_TEST(test_switching)
{
	uint32_t first, again;

	fake_add_intx(&fake, device, 1);
	fake_add_msix(&fake, device, 0x40, 8);
	fake_add_msi(&fake, device, 0x50, 4);
	start_host(0);
	ck_assert_int_eq(pci_vectors_set(&host.devices[0], GROUP_IRQ_MSIX, 5, &first), 0);
	check_vectors(GROUP_IRQ_MSIX, 5, first);
	ck_assert(!irq_is_line(&board.irqchip, first));
	/* An end of the line that comes late unmasks nothing. */
	irq_ended(&board.irqchip, host.devices[0].lsi);
	ck_assert_uint_eq(device->unmasks, 0);
	ck_assert_int_eq(pci_vectors_set(&host.devices[0], GROUP_IRQ_MSIX, 8, &again), 0);
	ck_assert_uint_eq(first, again);
	check_vectors(GROUP_IRQ_MSIX, 8, first);
	ck_assert_int_eq(pci_vectors_set(&host.devices[0], GROUP_IRQ_MSI, 4, &again), 0);
	check_vectors(GROUP_IRQ_MSI, 4, again);
	/* Whichever kind is named, none is left. */
	ck_assert_int_eq(pci_vectors_set(&host.devices[0], GROUP_IRQ_MSIX, 0, &again), 0);
	check_vectors(GROUP_IRQ_INTX, 1, host.devices[0].lsi);
	ck_assert_int_eq(pci_vectors_set(&host.devices[0], GROUP_IRQ_MSI, 0, &again), 0);
	check_vectors(GROUP_IRQ_INTX, 1, host.devices[0].lsi);
	ck_assert_int_eq(pci_vectors_set(&host.devices[0], GROUP_IRQ_MSI, 1, &again), 0);
	ck_assert_int_eq(pci_host_reset(&host), 0);
	check_vectors(GROUP_IRQ_INTX, 1, host.devices[0].lsi);
	stop_host();
}
END_TEST

START_TEST(test_same_again)
{
	uint32_t first;
	int fd;

	fake_add_msix(&fake, device, 0x40, 8);
	start_host(0);
	ck_assert_int_eq(pci_vectors_set(&host.devices[0], GROUP_IRQ_MSIX, 3, &first), 0);
	fd = device->fds[0];
	device->set_irqs = (struct fake_failure){ 1, -EIO };
	ck_assert_int_eq(pci_vectors_set(&host.devices[0], GROUP_IRQ_MSIX, 3, &first), 0);
	ck_assert_int_eq(device->fds[0], fd);
	stop_host();
}
END_TEST

START_TEST(test_limits)
{
	struct pci_device *pci = host.devices;
	uint32_t first, irq;

	fake_add_msix(&fake, device, 0x40, 2048);
	/* Vectors without the capability are none. */
	fake_group_device(&fake, device)->irq_count[GROUP_IRQ_MSI] = 1;
	start_host(0);
	pci = host.devices;
	ck_assert_uint_eq(pci_vectors_max(pci, GROUP_IRQ_MSIX), PCI_MAX_VECTORS);
	ck_assert_uint_eq(pci_vectors_max(pci, GROUP_IRQ_MSI), 0);
	ck_assert_uint_eq(pci_vectors_max(pci, GROUP_IRQ_INTX), 0);
	ck_assert_int_eq(pci_vectors_set(pci, GROUP_IRQ_MSI, 1, &first), -ENOTSUP);
	ck_assert_int_eq(pci_vectors_set(pci, GROUP_IRQ_MSIX, PCI_MAX_VECTORS + 1, &first),
			 -ENOSPC);
	ck_assert_int_eq(pci_vectors_set(pci, GROUP_IRQ_MSIX, UINT32_MAX, &first), -ENOSPC);
	ck_assert_uint_eq(pci_vectors_count(pci), 0);
	ck_assert_int_eq(pci_vector_irq(pci, 0, &irq), -ENOENT);
	ck_assert_int_eq(pci_vectors_set(pci, GROUP_IRQ_MSIX, 2, &first), 0);
	ck_assert_uint_eq(pci_vectors_count(pci), 2);
	ck_assert_int_eq(pci_vector_irq(pci, 1, &irq), 0);
	ck_assert_uint_eq(irq, first + 1);
	ck_assert_int_eq(pci_vector_irq(pci, 2, &irq), -ENOENT);
	ck_assert_int_eq(pci_vector_irq(pci, UINT32_MAX, &irq), -ENOENT);
	stop_host();
}
END_TEST

/* Devices with many vectors share the numbers there are; when none is left, that is said. */
START_TEST(test_numbers_run_out)
{
	uint32_t first;
	unsigned i;

	fake_add_msix(&fake, device, 0x40, 2048);
	for (i = 1; i < 32; i++)
		fake_add_msix(&fake, fake_group_add(&fake, 1, (uint8_t)i, 0), 0x40, 2048);
	start_host(0);
	ck_assert_uint_eq(pci_vectors_max(&host.devices[0], GROUP_IRQ_MSIX), 512);
	ck_assert_uint_ge(pci_vectors_max(&host.devices[31], GROUP_IRQ_MSIX), 1);
	stop_host();
	while (!irq_reserve(&board.irqchip, IRQ_LINE, 1, 1, &first))
		;
	ck_assert_int_eq(init_host(), -ENOSPC);
	ck_assert(fake_board_logged(&board, "no interrupt numbers left"));
}
END_TEST

/* The guest writes its copy of the MSI control register back: it has to hold the number. */
START_TEST(test_msi_control)
{
	static const struct {
		unsigned count, log2;
	} cases[] = { { 1, 0 }, { 2, 1 }, { 3, 2 }, { 4, 2 }, { 32, 5 } };
	uint32_t first, flags;
	unsigned i;

	fake_add_msi(&fake, device, 0x50, 32);
	start_host(0);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ck_assert_int_eq(pci_vectors_set(&host.devices[0], GROUP_IRQ_MSI,
						 cases[i].count, &first), 0);
		ck_assert(is_aligned(first, 32));
		flags = fake_config_get(device, 0x50 + PCI_MSI_FLAGS, 2);
		ck_assert_uint_eq(flags, cases[i].log2 << 4 | PCI_MSI_FLAGS_ENABLE);
	}
	stop_host();
}
END_TEST

/* Each step failing in turn: an error, no vectors, INTx back, nothing leaked. */
START_TEST(test_set_failures)
{
	static unsigned *const board_failures[] = { &board.fail_claim, &board.fail_attach };
	struct fake_failure *const device_failures[] = {
		&device->set_irqs, &device->config_read, &device->config_write,
	};
	uint32_t first;
	unsigned i;

	fake_add_intx(&fake, device, 1);
	fake_add_msi(&fake, device, 0x50, 4);
	start_host(0);
	for (i = 0; i < 5; i++) {
		if (i < 2)
			*board_failures[i] = 3;
		else
			*device_failures[i - 2] = (struct fake_failure){ 1, -EIO };
		ck_assert_int_eq(pci_vectors_set(&host.devices[0], GROUP_IRQ_MSI, 4, &first),
				 -EIO);
		ck_assert_uint_eq(pci_vectors_count(&host.devices[0]), 0);
		check_vectors(GROUP_IRQ_INTX, 1, host.devices[0].lsi);
	}
	ck_assert(fake_board_logged(&board, "interrupts cannot be set up"));
	ck_assert_int_eq(pci_vectors_set(&host.devices[0], GROUP_IRQ_MSI, 4, &first), 0);
	stop_host();
}
END_TEST

START_TEST(test_reset_failures)
{
	fake_add_intx(&fake, device, 1);
	ck_assert_int_eq(init_host(), 0);
	board.fail_claim = 1;
	ck_assert_int_eq(pci_host_reset(&host), -EIO);
	board.fail_attach = 1;
	ck_assert_int_eq(pci_host_reset(&host), -EIO);
	device->set_irqs = (struct fake_failure){ 1, -EBUSY };
	ck_assert_int_eq(pci_host_reset(&host), -EBUSY);
	ck_assert(fake_board_logged(&board, "its interrupt line cannot be connected"));
	stop_host();
}
END_TEST

START_TEST(test_out_of_files)
{
	struct rlimit limit;
	uint32_t first;
	int fd;

	fake_add_msix(&fake, device, 0x40, 64);
	start_host(0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	fd = open("/dev/null", O_RDONLY);
	limit.rlim_cur = (rlim_t)fd + 10;
	close(fd);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_int_eq(pci_vectors_set(&host.devices[0], GROUP_IRQ_MSIX, 64, &first), -EMFILE);
	ck_assert_uint_eq(board.nr_attached, 0);
	ck_assert(fake_board_logged(&board, "ulimit -n"));
	ck_assert_int_eq(pci_vectors_set(&host.devices[0], GROUP_IRQ_MSIX, 4, &first), 0);
	stop_host();
}
END_TEST

static Suite *pci_irq_suite(void)
{
	Suite *suite = suite_create("pci_irq");
	TCase *tcase = tcase_create("pci_irq");

	tcase_add_checked_fixture(tcase, setup, board_teardown);
	tcase_add_test(tcase, test_intx);
	tcase_add_test(tcase, test_unacknowledged);
	tcase_add_test(tcase, test_no_intx);
	tcase_add_test(tcase, test_switching);
	tcase_add_test(tcase, test_same_again);
	tcase_add_test(tcase, test_limits);
	tcase_add_test(tcase, test_numbers_run_out);
	tcase_add_test(tcase, test_msi_control);
	tcase_add_test(tcase, test_set_failures);
	tcase_add_test(tcase, test_reset_failures);
	tcase_add_test(tcase, test_out_of_files);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(pci_irq_suite());
}

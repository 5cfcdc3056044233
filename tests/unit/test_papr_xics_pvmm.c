/* SPDX-License-Identifier: GPL-2.0-or-later */
/* XICS of pvmm's own: what a guest's calls and devices' events do to its vCPUs' interrupts. */
#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/unit/fake_group.h"
#include "tests/unit/fake_machine.h"

#define H_EOI 0x64
#define H_CPPR 0x68
#define H_IPI 0x6c
#define H_IPOLL 0x70
#define H_XIRR 0x74
#define H_XIRR_X 0x2fc
#define CPUS 2
#define IPI 2
#define XIRR(cppr, xisr) ((uint64_t)(cppr) << 24 | (xisr))
#define OPEN 0xff		/* a priority that lets everything interrupt */

static struct fake_machine fake;
static struct fake_group group;
static struct pci_device *device;
static uint32_t message, line, vector;
static pthread_t loop;

static void *run_loop(void *arg)
{
	ck_assert_int_eq(loop_run(&fake.vm.loop), 0);
	return NULL;
}

static void setup(void)
{
	fake_machine_init(&fake, CPUS);
	fake.config.irqchip = IRQCHIP_XICS_PVMM;
	fake_group_init(&group, 0);
	fake_add_nvme(&group, 1);
	fake.vm.groups[0] = &group.group;
	fake.vm.nr_groups = 1;
	ck_assert_int_eq(fake_machine_create(&fake), 0);
	ck_assert_int_eq(machine_start(fake.machine), 0);
	fake_kvm_wait_idle(&fake.kvm, 0);
	ck_assert_int_eq(papr_cpu_start(fake.machine, 1, 0, 0), 0);
	fake_kvm_wait_idle(&fake.kvm, 1);
	device = &fake.machine->phbs.phbs[0].pci.devices[0];
	message = fake.machine->vty.irq;
	line = device->lsi;
	vector = device->first_irq;
	pthread_create(&loop, NULL, run_loop, NULL);
}

static void teardown(void)
{
	loop_stop(&fake.vm.loop);
	pthread_join(loop, NULL);
	fake_machine_exit(&fake);
}

static int64_t call(unsigned cpu, uint64_t number, uint64_t arg0, uint64_t arg1)
{
	return fake_machine_hcall(&fake, cpu, number,
				  (uint64_t[HCALL_NR_ARGS]){ arg0, arg1 });
}

static void set_cppr(unsigned cpu, uint64_t cppr)
{
	ck_assert_int_eq(call(cpu, H_CPPR, cppr, 0), H_SUCCESS);
}

static void ipi(unsigned server, uint64_t mfrr)
{
	ck_assert_int_eq(call(0, H_IPI, server, mfrr), H_SUCCESS);
}

static void eoi(unsigned cpu, uint64_t xirr)
{
	ck_assert_int_eq(call(cpu, H_EOI, xirr, 0), H_SUCCESS);
}

static uint64_t accept_one(unsigned cpu)
{
	uint64_t args[HCALL_NR_ARGS] = { 0 };

	ck_assert_int_eq(fake_machine_hcall(&fake, cpu, H_XIRR, args), H_SUCCESS);
	return args[0];
}

static bool is_interrupted(unsigned cpu)
{
	return fake_kvm_is_interrupted(&fake.kvm, cpu);
}

static void set_xive(uint32_t irq, uint32_t server, uint32_t priority)
{
	uint32_t rets[1];

	ck_assert_int_eq(RTAS(&fake, "ibm,set-xive", rets, 1, irq, server, priority), 0);
}

static void turn(uint32_t irq, bool on)
{
	uint32_t rets[1];

	ck_assert_int_eq(RTAS(&fake, on ? "ibm,int-on" : "ibm,int-off", rets, 1, irq), 0);
}

/* An event, as from a device: it is the chip that is tested here. */
static void pulse(uint32_t irq)
{
	ck_assert_int_eq(irq_pulse(&fake.machine->irqchip->chip, irq), 0);
}

static void wait_until_interrupted(unsigned cpu)
{
	while (!is_interrupted(cpu))
		usleep(1000);
}

START_TEST(test_start)
{
	uint64_t args[HCALL_NR_ARGS] = { 1 };

	ck_assert_str_eq(fake.machine->irqchip->chip.ops->name, "xics-pvmm");
	ck_assert_int_eq(fake.kvm.device_fd, -1);
	ck_assert_uint_eq(fake.kvm.nr_irqfds, 0);
	/* Nothing may interrupt yet, and nothing is there. */
	ck_assert_int_eq(fake_machine_hcall(&fake, 0, H_IPOLL, args), H_SUCCESS);
	ck_assert_uint_eq(args[0], 0);
	ck_assert_uint_eq(args[1], 0xff);
	ck_assert_uint_eq(accept_one(0), 0);
	ck_assert(!is_interrupted(0));
	ck_assert_uint_eq(fake.kvm.vcpus[0].nr_interrupts, 0);
}
END_TEST

START_TEST(test_ipi)
{
	uint64_t args[HCALL_NR_ARGS] = { 1 };

	ipi(1, 4);
	ck_assert(!is_interrupted(1));
	set_cppr(1, 4);
	ck_assert(!is_interrupted(1));
	set_cppr(1, 5);
	ck_assert(is_interrupted(1));
	ck_assert(!is_interrupted(0));
	/* Looking at it accepts nothing. */
	ck_assert_int_eq(fake_machine_hcall(&fake, 0, H_IPOLL, args), H_SUCCESS);
	ck_assert_uint_eq(args[0], XIRR(5, IPI));
	ck_assert_uint_eq(args[1], 4);
	ck_assert(is_interrupted(1));
	ck_assert_uint_eq(accept_one(1), XIRR(5, IPI));
	ck_assert(!is_interrupted(1));
	ck_assert_uint_eq(accept_one(1), XIRR(4, 0));
	/* It is pending until the guest takes the request back. */
	eoi(1, XIRR(OPEN, IPI));
	ck_assert(is_interrupted(1));
	ipi(1, 0xff);
	ck_assert(!is_interrupted(1));
	ck_assert_uint_eq(accept_one(1), XIRR(OPEN, 0));
}
END_TEST

START_TEST(test_message)
{
	set_xive(message, 1, 5);
	pulse(message);
	set_cppr(1, OPEN);
	ck_assert(is_interrupted(1));
	/* Three events before it is accepted are one interrupt, one after it another. */
	pulse(message);
	ck_assert_uint_eq(accept_one(1), XIRR(OPEN, message));
	ck_assert(!is_interrupted(1));
	pulse(message);
	ck_assert(!is_interrupted(1));
	eoi(1, XIRR(OPEN, message));
	ck_assert(is_interrupted(1));
	ck_assert_uint_eq(accept_one(1), XIRR(OPEN, message));
	eoi(1, XIRR(OPEN, message));
	ck_assert(!is_interrupted(1));
	ck_assert_uint_eq(accept_one(1), XIRR(OPEN, 0));
}
END_TEST

/* What is most favoured comes first and interrupts what is less so; of equals, the oldest. */
START_TEST(test_order)
{
	uint32_t chip_free;

	ck_assert_int_eq(irq_reserve(&fake.machine->irqchip->chip, IRQ_MESSAGE, 1, 1, &chip_free),
			 0);
	ck_assert_int_eq(irq_claim(&fake.machine->irqchip->chip, chip_free), 0);
	set_xive(message, 1, 5);
	set_xive(line, 1, 5);
	set_xive(chip_free, 1, 3);
	set_cppr(1, OPEN);
	pulse(line);
	pulse(message);
	ck_assert_uint_eq(accept_one(1), XIRR(OPEN, line));
	pulse(chip_free);
	ck_assert(is_interrupted(1));
	ipi(1, 3);
	ck_assert_uint_eq(accept_one(1), XIRR(5, IPI));
	ipi(1, 0xff);
	eoi(1, XIRR(5, IPI));
	ck_assert_uint_eq(accept_one(1), XIRR(5, chip_free));
	ck_assert(!is_interrupted(1));
	eoi(1, XIRR(5, chip_free));
	eoi(1, XIRR(OPEN, line));
	ipi(1, 6);
	ck_assert_uint_eq(accept_one(1), XIRR(OPEN, message));
	eoi(1, XIRR(OPEN, message));
	ck_assert_uint_eq(accept_one(1), XIRR(OPEN, IPI));
}
END_TEST

static uint32_t get_xive(uint32_t irq, uint32_t *server)
{
	uint32_t rets[2];

	ck_assert_int_eq(RTAS(&fake, "ibm,get-xive", rets, 3, irq), 0);
	*server = rets[0];
	return rets[1];
}

/* What comes while a source is masked waits; what waits for one vCPU goes along to another. */
START_TEST(test_configuration)
{
	uint32_t server;

	set_cppr(0, OPEN);
	set_cppr(1, OPEN);
	ck_assert_uint_eq(get_xive(message, &server), 0xff);
	pulse(message);
	ck_assert(!is_interrupted(0));
	set_xive(message, 0, 5);
	ck_assert(is_interrupted(0));
	ck_assert_uint_eq(get_xive(message, &server), 5);
	ck_assert_uint_eq(server, 0);
	turn(message, false);
	ck_assert(!is_interrupted(0));
	ck_assert_uint_eq(get_xive(message, &server), 0xff);
	turn(message, false);
	turn(message, true);
	ck_assert(is_interrupted(0));
	set_xive(message, 1, 5);
	ck_assert(!is_interrupted(0));
	ck_assert(is_interrupted(1));
	ck_assert_uint_eq(get_xive(message, &server), 5);
	ck_assert_uint_eq(server, 1);
	ck_assert_uint_eq(accept_one(0), XIRR(OPEN, 0));
	/* Nothing is pending any more that could go along. */
	ck_assert_uint_eq(accept_one(1), XIRR(OPEN, message));
	set_xive(message, 0, 5);
	ck_assert(!is_interrupted(0));
	/* Turned off, then configured: on again. */
	turn(message, false);
	pulse(message);
	set_xive(message, 0, 0xff);
	ck_assert(!is_interrupted(0));
	set_xive(message, 0, 6);
	ck_assert(is_interrupted(0));
}
END_TEST

START_TEST(test_xirr_x)
{
	uint64_t args[HCALL_NR_ARGS] = { 0 }, first;

	set_cppr(0, OPEN);
	ipi(0, 4);
	ck_assert_int_eq(fake_machine_hcall(&fake, 0, H_XIRR_X, args), H_SUCCESS);
	ck_assert_uint_eq(args[0], XIRR(OPEN, IPI));
	first = args[1];
	ck_assert_int_eq(fake_machine_hcall(&fake, 0, H_XIRR_X, args), H_SUCCESS);
	ck_assert_uint_eq(args[0], XIRR(4, 0));
	ck_assert_uint_gt(args[1], first);
}
END_TEST

static uint32_t bad_source(int which)
{
	const uint32_t bad[] = { 0, 1, IPI, IRQ_FIRST - 1, IRQ_FIRST + IRQ_COUNT,
				 IRQ_FIRST + IRQ_COUNT - 1, UINT32_MAX };

	return bad[which];
}

START_TEST(test_bad_sources)
{
	uint32_t irq = bad_source(_i), rets[3];

	ck_assert_int_eq(RTAS(&fake, "ibm,set-xive", rets, 1, irq, 0, 5), -3);
	ck_assert_int_eq(RTAS(&fake, "ibm,get-xive", rets, 3, irq), -3);
	ck_assert_int_eq(RTAS(&fake, "ibm,int-off", rets, 1, irq), -3);
	ck_assert_int_eq(RTAS(&fake, "ibm,int-on", rets, 1, irq), -3);
	ck_assert_int_eq(call(0, H_EOI, XIRR(OPEN, irq & 0xffffff), 0),
			 irq == IPI ? H_SUCCESS : H_PARAMETER);
	ck_assert_int_ne(irq_pulse(&fake.machine->irqchip->chip, irq), 0);
}
END_TEST

START_TEST(test_bad_arguments)
{
	static const uint64_t bad_servers[] = { CPUS, 1ULL << 32, UINT64_MAX };
	uint32_t rets[1];

	for (size_t i = 0; i < ARRAY_SIZE(bad_servers); i++) {
		ck_assert_int_eq(call(0, H_IPI, bad_servers[i], 4), H_PARAMETER);
		ck_assert_int_eq(call(0, H_IPOLL, bad_servers[i], 0), H_PARAMETER);
	}
	ck_assert_int_eq(RTAS(&fake, "ibm,set-xive", rets, 1, message, CPUS, 5), -3);
	ck_assert_int_eq(RTAS(&fake, "ibm,set-xive", rets, 1, message, UINT32_MAX, 5), -3);
	ck_assert_int_eq(RTAS(&fake, "ibm,set-xive", rets, 1, message, 0, 0x100), -3);
	/* Only the lowest byte of a priority counts. */
	set_cppr(0, 0x1005);
	ipi(0, UINT64_MAX - 0xff + 4);
	ck_assert_uint_eq(accept_one(0), XIRR(5, IPI));
	/* XIVE's hypercalls do not exist. */
	ck_assert_int_eq(call(0, 0x3a8, 0, 0), H_FUNCTION);
}
END_TEST

/* The origin of a line is unmasked when the guest ends its interrupt, and only then. */
START_TEST(test_line)
{
	set_xive(line, 0, 5);
	set_cppr(0, OPEN);
	for (unsigned i = 1; i <= 3; i++) {
		ck_assert_int_eq(eventfd_write(device->lsi_fd, 1), 0);
		wait_until_interrupted(0);
		ck_assert_uint_eq(accept_one(0), XIRR(OPEN, line));
		ck_assert_uint_eq(group.devices[0].unmasks, i - 1);
		eoi(0, XIRR(OPEN, line));
		ck_assert_uint_eq(group.devices[0].unmasks, i);
		ck_assert(!is_interrupted(0));
	}
	eoi(0, XIRR(OPEN, message));
	ck_assert_uint_eq(group.devices[0].unmasks, 3);
}
END_TEST

static void set_vectors(uint32_t count)
{
	uint64_t buid = PAPR_PHB_BUID(0);
	uint32_t rets[2];

	ck_assert_int_eq(RTAS(&fake, "ibm,change-msi", rets, 3, 0, (uint32_t)(buid >> 32),
			      (uint32_t)buid, 4, count, 1), RTAS_SUCCESS);
	ck_assert_uint_eq(rets[0], count);
}

START_TEST(test_vectors)
{
	set_cppr(0, OPEN);
	set_cppr(1, OPEN);
	for (unsigned round = 0; round < 3; round++) {
		set_vectors(3);
		ck_assert_uint_eq(fake.kvm.nr_irqfds, 0);
		set_xive(vector, 0, 5);
		set_xive(vector + 2, 1, 5);
		ck_assert_int_eq(eventfd_write(device->vector_fds[2], 7), 0);
		wait_until_interrupted(1);
		ck_assert(!is_interrupted(0));
		ck_assert_uint_eq(accept_one(1), XIRR(OPEN, vector + 2));
		eoi(1, XIRR(OPEN, vector + 2));
		ck_assert(!is_interrupted(1));
		ck_assert_int_eq(eventfd_write(device->vector_fds[0], 1), 0);
		wait_until_interrupted(0);
		ck_assert_uint_eq(accept_one(0), XIRR(OPEN, vector));
		eoi(0, XIRR(OPEN, vector));
		set_vectors(0);
	}
}
END_TEST

static void *send_events(void *arg)
{
	for (unsigned i = 0; i < 20000; i++)
		irq_pulse(&fake.machine->irqchip->chip, message);
	return NULL;
}

/* One vCPU accepts, another gives the source back and forth, a device keeps on: no event stays
 * with a vCPU that it is not for, and the last one is not lost. */
START_TEST(test_races)
{
	pthread_t sender;

	set_xive(message, 1, 5);
	set_cppr(1, OPEN);
	pthread_create(&sender, NULL, send_events, NULL);
	for (unsigned i = 0; i < 300; i++) {
		uint64_t xirr = accept_one(1);

		if (xirr & 0xffffff)
			eoi(1, xirr);
		set_xive(message, i % 2, 5);
		ipi(1, i % 3 ? 0xff : 4);
	}
	pthread_join(sender, NULL);
	set_xive(message, 1, 5);
	ipi(1, 0xff);
	for (uint64_t xirr; (xirr = accept_one(1)) & 0xffffff;)
		eoi(1, xirr);
	ck_assert(!is_interrupted(1));
	pulse(message);
	ck_assert(is_interrupted(1));
	set_cppr(0, OPEN);
	ck_assert_uint_eq(accept_one(0), XIRR(OPEN, 0));
}
END_TEST

START_TEST(test_console_input)
{
	set_xive(message, 0, 5);
	set_cppr(0, OPEN);
	fake.vm.console.on_input(fake.vm.console.owner);
	ck_assert(is_interrupted(0));
}
END_TEST

START_TEST(test_create_failures)
{
	fake_machine_init(&fake, 1);
	fake.config.irqchip = IRQCHIP_XICS_PVMM;
	fake_kvm_miss(&fake.kvm, _i ? KVM_CAP_PPC_UNSET_IRQ : KVM_CAP_PPC_IRQ_LEVEL);
	ck_assert_int_eq(fake_machine_create(&fake), -ENODEV);
	capture_expect(&fake.capture, "--irqchip auto");
	fake_machine_exit(&fake);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("papr_xics_pvmm");
	TCase *tests = tcase_create("running"), *starting = tcase_create("starting");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, test_start);
	tcase_add_test(tests, test_ipi);
	tcase_add_test(tests, test_message);
	tcase_add_test(tests, test_order);
	tcase_add_test(tests, test_configuration);
	tcase_add_test(tests, test_xirr_x);
	tcase_add_loop_test(tests, test_bad_sources, 0, 7);
	tcase_add_test(tests, test_bad_arguments);
	tcase_add_test(tests, test_line);
	tcase_add_test(tests, test_vectors);
	tcase_add_test(tests, test_races);
	tcase_add_test(tests, test_console_input);
	tcase_add_loop_test(starting, test_create_failures, 0, 2);
	suite_add_tcase(suite, tests);
	suite_add_tcase(suite, starting);
	return run_suite(suite);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* XIVE of pvmm's own: states, queues in guest memory, and vCPUs' registers. What hypercalls
 * check is in test_papr_xive.c. */
#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/unit/fake_group.h"
#include "tests/unit/fake_machine.h"

#define H_INT_SET_SOURCE_CONFIG 0x3ac
#define H_INT_SET_QUEUE_CONFIG 0x3b8
#define H_INT_GET_QUEUE_CONFIG 0x3bc
#define H_INT_ESB 0x3c8
#define H_INT_SYNC 0x3cc
#define H_INT_RESET 0x3d0
#define PAGE (64 * KIB)
#define ESB 0x300000000000ULL
#define TIMA 0x310000020000ULL	/* its OS page */
#define TM_NSR 0x10
#define TM_CPPR 0x11
#define TM_ACK 0x810
#define TM_SET_PENDING 0x812
#define LOAD_EOI 0x000
#define GET 0x800
#define SET_PQ(pq) (0xc00 + (pq) * 0x100)
#define CPUS 2
#define QUEUE 0x100000
#define ENTRIES (PAGE / 4)

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

static void access_mmio(unsigned cpu, uint64_t gpa, void *data, unsigned size, bool is_store)
{
	struct fake_kvm_vcpu *vcpu = &fake.kvm.vcpus[cpu];
	struct kvm_run exit = {
		.exit_reason = KVM_EXIT_MMIO,
		.mmio = { .phys_addr = gpa, .len = size, .is_write = is_store },
	};
	unsigned done = vcpu->nr_completed;

	memcpy(exit.mmio.data, data, size);
	fake_kvm_give(&fake.kvm, cpu, &exit);
	fake_kvm_wait_completed(&fake.kvm, cpu, done + 1);
	memcpy(data, vcpu->completed.mmio.data, size);
}

static uint64_t load64(unsigned cpu, uint64_t gpa)
{
	be64 value = 0;

	access_mmio(cpu, gpa, &value, 8, false);
	return be64toh(value);
}

static void store64(unsigned cpu, uint64_t gpa)
{
	be64 value = 0;

	access_mmio(cpu, gpa, &value, 8, true);
}

static uint64_t trigger_page(uint64_t lisn)
{
	return ESB + lisn * 2 * PAGE;
}

static uint64_t esb(uint64_t lisn, uint64_t offset)
{
	return load64(0, ESB + (lisn * 2 + 1) * PAGE + offset);
}

static void trigger(uint64_t lisn)
{
	store64(0, trigger_page(lisn));
}

static void set_cppr(unsigned cpu, uint8_t cppr)
{
	access_mmio(cpu, TIMA + TM_CPPR, &cppr, 1, true);
}

/* NSR in the upper byte, CPPR in the lower. */
static uint16_t acknowledge(unsigned cpu)
{
	be16 value = 0;

	access_mmio(cpu, TIMA + TM_ACK, &value, 2, false);
	return be16toh(value);
}

static bool is_interrupted(unsigned cpu)
{
	return fake_kvm_is_interrupted(&fake.kvm, cpu);
}

static void set_queue(uint64_t server, uint64_t priority, uint64_t gpa, uint64_t shift)
{
	ck_assert_int_eq(HCALL(&fake, H_INT_SET_QUEUE_CONFIG, 1, server, priority, gpa, shift),
			 H_SUCCESS);
}

static void set_source(uint64_t lisn, uint64_t server, uint64_t priority, uint64_t eisn)
{
	ck_assert_int_eq(HCALL(&fake, H_INT_SET_SOURCE_CONFIG, 2, lisn, server, priority, eisn),
			 H_SUCCESS);
	ck_assert_uint_le(esb(lisn, SET_PQ(0)), 3);
}

static uint32_t entry(unsigned index)
{
	be32 value;

	ck_assert_int_eq(guest_memory_read(&fake.machine->memory, QUEUE + index * 4ULL, &value, 4),
			 0);
	return be32toh(value);
}

static void setup(void)
{
	fake_machine_init(&fake, CPUS);
	fake.config.irqchip = IRQCHIP_XIVE_PVMM;
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

/* Where tests' interrupts go: vCPU 1, priority 6. */
static void setup_queue(void)
{
	setup();
	set_queue(1, 6, QUEUE, 16);
	set_cppr(1, 0xff);
}

static void teardown(void)
{
	loop_stop(&fake.vm.loop);
	pthread_join(loop, NULL);
	fake_machine_exit(&fake);
}

START_TEST(test_start)
{
	ck_assert_str_eq(fake.machine->irqchip->chip.ops->name, "xive-pvmm");
	ck_assert_int_eq(fake.kvm.device_fd, -1);
	ck_assert_uint_eq(fake.kvm.nr_irqfds, 0);
	ck_assert_uint_eq(fake.kvm.nr_slots, 0);
	/* All sources are off, and nothing may interrupt. */
	ck_assert_uint_eq(esb(0, GET), 1);
	ck_assert_uint_eq(esb(message, GET), 1);
	ck_assert_uint_eq(esb(vector, GET), 1);
	ck_assert_uint_eq(acknowledge(0), 0);
	ck_assert_uint_eq(load64(1, TIMA + TM_NSR), 0x000000ffff00ffff);
	ck_assert_uint_eq(load64(1, TIMA + TM_NSR + 8), 0x8000000100000000);
}
END_TEST

/* The state machine, for each state: what a trigger, an end and the loads make of it. */
static const struct {
	uint64_t offset;	/* UINT64_MAX: a trigger */
	uint8_t value[4], next[4];	/* by state; value of loads only */
} operations[] = {
	{ UINT64_MAX, { 0 }, { 2, 1, 3, 3 } },
	{ LOAD_EOI, { 0, 0, 0, 1 }, { 0, 1, 0, 2 } },
	{ LOAD_EOI + 0x300, { 0, 0, 0, 1 }, { 0, 1, 0, 2 } },
	{ GET, { 0, 1, 2, 3 }, { 0, 1, 2, 3 } },
	{ GET + 0x40, { 0, 1, 2, 3 }, { 0, 1, 2, 3 } },
	{ SET_PQ(0), { 0, 1, 2, 3 }, { 0, 0, 0, 0 } },
	{ SET_PQ(1), { 0, 1, 2, 3 }, { 1, 1, 1, 1 } },
	{ SET_PQ(2), { 0, 1, 2, 3 }, { 2, 2, 2, 2 } },
	{ SET_PQ(3) + 0xf8, { 0, 1, 2, 3 }, { 3, 3, 3, 3 } },
	{ 0x400, { 0xff, 0xff, 0xff, 0xff }, { 0, 1, 2, 3 } },
	{ PAGE - 8, { 0, 1, 2, 3 }, { 3, 3, 3, 3 } },
};

START_TEST(test_states)
{
	for (unsigned state = 0; state < 4; state++) {
		esb(vector, SET_PQ(state));
		if (operations[_i].offset == UINT64_MAX)
			trigger(vector);
		else
			ck_assert_uint_eq(esb(vector, operations[_i].offset) & 0xff,
					  operations[_i].value[state]);
		ck_assert_uint_eq(esb(vector, GET), operations[_i].next[state]);
	}
}
END_TEST

START_TEST(test_event)
{
	set_source(1, 1, 6, 0x1234);
	trigger(1);
	ck_assert_uint_eq(entry(0), 0x80001234);
	ck_assert_uint_eq(entry(1), 0);
	ck_assert(is_interrupted(1));
	ck_assert(!is_interrupted(0));
	/* One more is noted, and only comes when the first is ended. */
	trigger(1);
	trigger(1);
	ck_assert_uint_eq(entry(1), 0);
	ck_assert_uint_eq(load64(1, TIMA + TM_NSR) >> 40, 0x80ff02);
	ck_assert_uint_eq(load64(1, TIMA + TM_NSR) & 0xff, 6);
	ck_assert_uint_eq(acknowledge(1), 0x8006);
	ck_assert(!is_interrupted(1));
	ck_assert_uint_eq(acknowledge(1), 0x0006);
	/* Linux ends by clearing the state, and triggers again itself. */
	ck_assert_uint_eq(esb(1, SET_PQ(0)), 3);
	trigger(1);
	ck_assert_uint_eq(entry(1), 0x80001234);
	ck_assert(!is_interrupted(1));
	set_cppr(1, 7);
	ck_assert(is_interrupted(1));
	ck_assert_uint_eq(acknowledge(1), 0x8006);
	set_cppr(1, 0xff);
	ck_assert(!is_interrupted(1));
	/* And so does an end by load. */
	trigger(1);
	ck_assert_uint_eq(esb(1, LOAD_EOI), 1);
	ck_assert_uint_eq(entry(2), 0x80001234);
	ck_assert_uint_eq(esb(1, GET), 2);
}
END_TEST

START_TEST(test_priorities)
{
	set_queue(1, 2, QUEUE + PAGE, 16);
	set_source(0, 1, 6, 1);
	set_source(1, 1, 2, 2);
	trigger(0);
	ck_assert_uint_eq(acknowledge(1), 0x8006);
	trigger(1);
	ck_assert(is_interrupted(1));
	ck_assert_uint_eq(acknowledge(1), 0x8002);
	set_cppr(1, 6);
	ck_assert(!is_interrupted(1));
	/* Both at once: the more favoured first. */
	esb(0, SET_PQ(0));
	esb(1, SET_PQ(0));
	set_cppr(1, 0);
	trigger(0);
	trigger(1);
	ck_assert(!is_interrupted(1));
	set_cppr(1, 0xff);
	ck_assert_uint_eq(acknowledge(1), 0x8002);
	ck_assert(!is_interrupted(1));
	set_cppr(1, 0xff);
	ck_assert(is_interrupted(1));
	ck_assert_uint_eq(acknowledge(1), 0x8006);
}
END_TEST

/* Of a source that is masked or off, events are lost. */
START_TEST(test_masked)
{
	set_source(1, 1, 6, 9);
	ck_assert_int_eq(HCALL(&fake, H_INT_SET_SOURCE_CONFIG, 2, 1, 1, 0xff, 9), H_SUCCESS);
	trigger(1);
	ck_assert_uint_eq(esb(1, GET), 2);
	ck_assert(!is_interrupted(1));
	set_source(1, 1, 6, 9);
	esb(1, SET_PQ(1));
	trigger(1);
	ck_assert(!is_interrupted(1));
	ck_assert_uint_eq(entry(0), 0);
	/* A queue that is taken away under a source. */
	esb(1, SET_PQ(0));
	set_queue(1, 6, 0, 0);
	trigger(1);
	ck_assert(!is_interrupted(1));
	ck_assert_uint_eq(entry(0), 0);
}
END_TEST

static void expect_position(uint64_t toggle, uint64_t index)
{
	uint64_t args[HCALL_NR_ARGS] = { 1, 1, 6 };

	ck_assert_int_eq(fake_machine_hcall(&fake, 0, H_INT_GET_QUEUE_CONFIG, args), H_SUCCESS);
	ck_assert_uint_eq(args[0], 1 | toggle << 62);
	ck_assert_uint_eq(args[3], index);
}

/* At the end of a queue the next round begins, with the other toggle bit. */
START_TEST(test_wrap)
{
	struct irqchip *chip = &fake.machine->irqchip->chip;

	set_source(message, 1, 6, 5);
	for (unsigned i = 0; i < ENTRIES - 1; i++) {
		ck_assert_int_eq(irq_pulse(chip, message), 0);
		if (i == 0)
			expect_position(1, 1);
		ck_assert_int_eq(HCALL(&fake, H_INT_ESB, 0, message, SET_PQ(0)), H_SUCCESS);
	}
	expect_position(1, ENTRIES - 1);
	irq_pulse(chip, message);
	expect_position(0, 0);
	ck_assert_uint_eq(entry(ENTRIES - 1), 0x80000005);
	esb(message, SET_PQ(0));
	irq_pulse(chip, message);
	ck_assert_uint_eq(entry(0), 0x00000005);
	expect_position(0, 1);
	ck_assert_uint_eq(entry(ENTRIES), 0);
	set_queue(1, 6, QUEUE, 16);
	expect_position(1, 0);
}
END_TEST

static void *send_events(void *arg)
{
	for (unsigned i = 0; i < 20000; i++)
		irq_pulse(&fake.machine->irqchip->chip, message);
	return NULL;
}

/* Two that send and one that ends: each time that the state let an event through there is an
 * entry, and the last is not lost. */
START_TEST(test_races)
{
	uint64_t args[HCALL_NR_ARGS] = { 1, 1, 6 }, ends = 0;
	pthread_t senders[2];

	set_source(message, 1, 6, 5);
	for (unsigned i = 0; i < 2; i++)
		pthread_create(&senders[i], NULL, send_events, NULL);
	for (unsigned i = 0; i < 300; i++)
		ends += esb(message, LOAD_EOI);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(senders[i], NULL);
	while (esb(message, LOAD_EOI))
		ends++;
	ck_assert_int_eq(irq_pulse(&fake.machine->irqchip->chip, message), 0);
	ck_assert_int_eq(fake_machine_hcall(&fake, 0, H_INT_GET_QUEUE_CONFIG, args), H_SUCCESS);
	ck_assert_uint_gt(args[3], ends);
	ck_assert_uint_eq(entry((unsigned)args[3] - 1), 0x80000005);
	ck_assert_uint_eq(entry((unsigned)args[3]), 0);
	ck_assert_uint_eq(esb(message, GET), 2);
}
END_TEST

/* Accesses that mean nothing read all ones and do nothing. */
START_TEST(test_bad_pages)
{
	const uint64_t bad[] = {
		trigger_page(1),			/* loads there mean nothing */
		trigger_page(line) + PAGE,		/* a line has no pages */
		trigger_page(CPUS) + PAGE, 		/* no such source */
		trigger_page(IRQ_FIRST - 1) + PAGE,
		trigger_page(IRQ_FIRST + IRQ_COUNT - 1) + PAGE,
		trigger_page(IRQ_FIRST + IRQ_COUNT),
		TIMA - PAGE, TIMA + PAGE,
		TIMA, TIMA + 8, TIMA + 0x20, TIMA + 0x38, TIMA + 0x810, TIMA + PAGE - 8,
	};

	set_source(1, 1, 6, 9);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		uint8_t byte = 0;

		ck_assert_uint_eq(load64(1, bad[i]), UINT64_MAX);
		access_mmio(1, bad[i], &byte, 1, false);
		ck_assert_uint_eq(byte, 0xff);
		if (bad[i] != trigger_page(1))
			store64(1, bad[i]);
		access_mmio(1, bad[i], &byte, 1, true);
	}
	/* Not 8 bytes. */
	for (unsigned size = 1; size < 8; size *= 2) {
		be64 value = 0;

		access_mmio(0, trigger_page(1) + PAGE + SET_PQ(1), &value, size, false);
		ck_assert_uint_eq(value, UINT64_MAX >> (64 - size * 8));
		access_mmio(0, trigger_page(1), &value, size, true);
	}
	ck_assert_uint_eq(esb(1, GET), 0);
	ck_assert(!is_interrupted(1));
	ck_assert_uint_eq(load64(1, TIMA + TM_NSR) >> 32, 0x00ff00ff);
}
END_TEST

START_TEST(test_registers)
{
	uint64_t all = UINT64_MAX;
	uint8_t byte;

	/* Only the priority can be set, and by a byte. */
	for (unsigned offset = 0; offset < 16; offset++) {
		if (offset == 1)
			continue;
		access_mmio(1, TIMA + TM_NSR + offset, &all, 1, true);
	}
	access_mmio(1, TIMA + TM_NSR, &all, 2, true);
	access_mmio(1, TIMA + TM_NSR, &all, 4, true);
	access_mmio(1, TIMA + TM_NSR, &all, 8, true);
	ck_assert_uint_eq(load64(1, TIMA + TM_NSR), 0x00ff00ffff00ffff);
	for (unsigned i = 0; i < 256; i++) {
		set_cppr(1, (uint8_t)i);
		access_mmio(1, TIMA + TM_CPPR, &byte, 1, false);
		ck_assert_uint_eq(byte, i > 7 ? 0xff : i);
	}
	/* Something pending that is in no queue. */
	byte = 7;
	access_mmio(1, TIMA + TM_SET_PENDING, &byte, 1, true);
	ck_assert(!is_interrupted(1));
	byte = 3;
	access_mmio(1, TIMA + TM_SET_PENDING, &byte, 1, true);
	ck_assert(is_interrupted(1));
	ck_assert_uint_eq(acknowledge(1), 0x8003);
	/* An access over the end of the ring, which does not divide it. */
	access_mmio(1, TIMA + 0x1c, &all, 8, false);
	ck_assert_uint_eq(all, UINT64_MAX);
}
END_TEST

/* A line's origin is unmasked when the guest ends it, and raised again then. */
START_TEST(test_line)
{
	ck_assert_int_eq(HCALL(&fake, H_INT_SET_SOURCE_CONFIG, 2, line, 1, 6, 7), H_SUCCESS);
	ck_assert_int_eq(HCALL(&fake, H_INT_ESB, 0, line, SET_PQ(0)), H_SUCCESS);
	ck_assert_uint_eq(group.devices[0].unmasks, 1);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(eventfd_write(device->lsi_fd, 1), 0);
		while (!is_interrupted(1))
			usleep(1000);
		ck_assert_uint_eq(entry(i), 0x80000007);
		ck_assert_uint_eq(acknowledge(1), 0x8006);
		ck_assert_uint_eq(group.devices[0].unmasks, i + 1);
		ck_assert_int_eq(HCALL(&fake, H_INT_ESB, 0, line, LOAD_EOI), H_SUCCESS);
		ck_assert_uint_eq(group.devices[0].unmasks, i + 2);
		set_cppr(1, 0xff);
	}
	ck_assert_int_eq(HCALL(&fake, H_INT_ESB, 1, line, 0x400, 0), H_SUCCESS);
	ck_assert_uint_eq(group.devices[0].unmasks, 4);
}
END_TEST

static void set_vectors(uint32_t count)
{
	uint64_t buid = PAPR_PHB_BUID(0);
	uint32_t rets[2];

	ck_assert_int_eq(RTAS(&fake, "ibm,change-msi", rets, 3, 0, (uint32_t)(buid >> 32),
			      (uint32_t)buid, 4, count, 1), RTAS_SUCCESS);
}

START_TEST(test_vectors)
{
	for (unsigned round = 0; round < 3; round++) {
		set_vectors(3);
		ck_assert_uint_eq(fake.kvm.nr_irqfds, 0);
		set_source(vector + 2, 1, 6, 7);
		ck_assert_int_eq(eventfd_write(device->vector_fds[2], 4), 0);
		while (!is_interrupted(1))
			usleep(1000);
		ck_assert_uint_eq(entry(round), 0x80000007);
		ck_assert_uint_eq(entry(round + 1), 0);
		ck_assert_uint_eq(acknowledge(1), 0x8006);
		set_cppr(1, 0xff);
		set_vectors(0);
	}
}
END_TEST

START_TEST(test_reset)
{
	set_source(1, 1, 6, 9);
	trigger(1);
	ck_assert_int_eq(HCALL(&fake, H_INT_SYNC, 0, 1), H_SUCCESS);
	ck_assert(is_interrupted(1));
	ck_assert_int_eq(HCALL(&fake, H_INT_RESET, 0), H_SUCCESS);
	ck_assert(!is_interrupted(1));
	ck_assert_uint_eq(esb(1, GET), 1);
	esb(1, SET_PQ(0));
	trigger(1);
	ck_assert(!is_interrupted(1));
	ck_assert_uint_eq(entry(1), 0);
}
END_TEST

START_TEST(test_create_failures)
{
	fake_machine_init(&fake, 1);
	fake.config.irqchip = IRQCHIP_XIVE_PVMM;
	fake_kvm_miss(&fake.kvm, _i ? KVM_CAP_PPC_UNSET_IRQ : KVM_CAP_PPC_IRQ_LEVEL);
	ck_assert_int_eq(fake_machine_create(&fake), -ENODEV);
	fake_machine_exit(&fake);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("papr_xive_pvmm");
	TCase *start = tcase_create("start"), *tests = tcase_create("running");

	tcase_add_checked_fixture(tests, setup_queue, teardown);
	tcase_add_loop_test(tests, test_states, 0, ARRAY_SIZE(operations));
	tcase_add_test(tests, test_event);
	tcase_add_test(tests, test_priorities);
	tcase_add_test(tests, test_masked);
	tcase_add_test(tests, test_wrap);
	tcase_add_test(tests, test_races);
	tcase_add_test(tests, test_bad_pages);
	tcase_add_test(tests, test_registers);
	tcase_add_test(tests, test_line);
	tcase_add_test(tests, test_vectors);
	tcase_add_test(tests, test_reset);
	suite_add_tcase(suite, tests);
	tcase_add_checked_fixture(start, setup, teardown);
	tcase_add_test(start, test_start);
	suite_add_tcase(suite, start);
	tests = tcase_create("starting");
	tcase_add_loop_test(tests, test_create_failures, 0, 2);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}

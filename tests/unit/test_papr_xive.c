/* SPDX-License-Identifier: GPL-2.0-or-later */
/* XIVE's hypercalls, made by a guest over a fake of KVM's device: what they check and set. */
#include <errno.h>
#include <unistd.h>

#include "tests/unit/fake_group.h"
#include "tests/unit/fake_machine.h"

#define H_INT_GET_SOURCE_INFO 0x3a8
#define H_INT_SET_SOURCE_CONFIG 0x3ac
#define H_INT_GET_SOURCE_CONFIG 0x3b0
#define H_INT_GET_QUEUE_INFO 0x3b4
#define H_INT_SET_QUEUE_CONFIG 0x3b8
#define H_INT_GET_QUEUE_CONFIG 0x3bc
#define H_INT_ESB 0x3c8
#define H_INT_SYNC 0x3cc
#define H_INT_RESET 0x3d0
#define CPUS 2
#define PAGE (64 * KIB)
#define SERVER_1 8		/* 1, as KVM's attributes have it */

static struct fake_machine fake;
static struct fake_group group;
static uint32_t message, line, vector;

static void setup(void)
{
	fake_machine_init(&fake, CPUS);
	fake_group_init(&group, 0);
	fake_add_nvme(&group, 1);
	fake.vm.groups[0] = &group.group;
	fake.vm.nr_groups = 1;
	ck_assert_int_eq(fake_machine_create(&fake), 0);
	ck_assert_str_eq(fake.machine->irqchip->chip.ops->name, "xive");
	ck_assert_int_eq(machine_start(fake.machine), 0);
	fake_kvm_wait_idle(&fake.kvm, 0);
	message = fake.machine->vty.irq;
	line = fake.machine->phbs.phbs[0].pci.devices[0].lsi;
	/* For the device's vectors: there from the start, as its pages are in the guest's reach. */
	vector = fake.machine->phbs.phbs[0].pci.devices[0].first_irq;
}

static void teardown(void)
{
	fake_machine_exit(&fake);
}

enum { IPI, MESSAGE, LINE, VECTOR, GAP, UNRESERVED, BEYOND, HIGH, HUGE };

static uint64_t lisn(int which)
{
	switch (which) {
	case IPI:
		return 1;
	case MESSAGE:
		return message;
	case LINE:
		return line;
	case VECTOR:
		return vector;
	case GAP:
		return CPUS;
	case UNRESERVED:
		return IRQ_FIRST + fake.machine->irqchip->chip.next;
	case BEYOND:
		return IRQ_FIRST + IRQ_COUNT;
	case HIGH:
		return 1ULL << 32 | message;
	default:
		return UINT64_MAX;
	}
}

static bool exists(int which)
{
	return which <= VECTOR;
}

START_TEST(test_source_info)
{
	uint64_t args[HCALL_NR_ARGS] = { 0, lisn(_i) };

	ck_assert_int_eq(fake_machine_hcall(&fake, 0, H_INT_GET_SOURCE_INFO, args),
			 exists(_i) ? H_SUCCESS : H_P2);
	if (!exists(_i))
		return;
	/* A line is the guest's to end by hypercall, and has no page of its own. */
	ck_assert_uint_eq(args[0], _i == LINE ? 0xc : 0);
	ck_assert_uint_eq(args[1], _i == LINE ? UINT64_MAX :
					       0x300000000000 + (lisn(_i) * 2 + 1) * PAGE);
	ck_assert_uint_eq(args[2], _i == LINE ? UINT64_MAX : 0x300000000000 + lisn(_i) * 2 * PAGE);
	ck_assert_uint_eq(args[3], 16);
	ck_assert_int_eq(HCALL(&fake, H_INT_GET_SOURCE_INFO, 1, lisn(_i)), H_PARAMETER);
}
END_TEST

/* Every call that takes a source, on each that there is not. */
START_TEST(test_no_such_source)
{
	uint64_t source = lisn(_i);

	ck_assert_int_eq(HCALL(&fake, H_INT_SET_SOURCE_CONFIG, 0, source, 0, 6, 0), H_P2);
	ck_assert_int_eq(HCALL(&fake, H_INT_GET_SOURCE_CONFIG, 0, source), H_P2);
	ck_assert_int_eq(HCALL(&fake, H_INT_ESB, 0, source, 0), H_P2);
	ck_assert_int_eq(HCALL(&fake, H_INT_ESB, 1, source, 0), H_P2);
	ck_assert_int_eq(HCALL(&fake, H_INT_SYNC, 0, source), H_P2);
}
END_TEST

#define MASKED (1ULL << 32)
#define EISN(value) ((uint64_t)(value) << 33)

static const struct source_case {
	uint64_t flags, server, priority, eisn;
	int64_t status;
	uint64_t config;	/* as KVM has it */
} source_cases[] = {
	{ 2, 1, 6, 0x1234, H_SUCCESS, SERVER_1 | 6 | EISN(0x1234) },
	{ 0, 1, 6, 0x1234, H_SUCCESS, SERVER_1 | 6 },
	{ 2, 0, 0, 0xffffffff, H_SUCCESS, EISN(0x7fffffff) },
	{ 3, 1, 5, 7, H_SUCCESS, SERVER_1 | MASKED | EISN(7) },
	/* Masked by its priority: server and number are not looked at. */
	{ 2, 99, 0xff, 7, H_SUCCESS, MASKED },
	{ 4, 1, 6, 7, H_PARAMETER, 0 },
	{ 1ULL << 63, 1, 6, 7, H_PARAMETER, 0 },
	{ 2, CPUS, 6, 7, H_P3, 0 },
	{ 2, 1ULL << 32, 6, 7, H_P3, 0 },
	{ 2, UINT64_MAX, 6, 7, H_P3, 0 },
	/* No queue there: KVM would warn on the host. */
	{ 2, 1, 4, 7, H_P4, 0 },
	{ 2, 0, 6, 7, H_P4, 0 },
	{ 2, 1, 7, 7, H_P4, 0 },
	{ 2, 1, 0x100, 7, H_P4, 0 },
	{ 2, 1, 1ULL << 32 | 6, 7, H_P4, 0 },
};

/* Where interrupts of that priority go. */
static void set_queue(uint64_t server, uint64_t priority)
{
	ck_assert_int_eq(HCALL(&fake, H_INT_SET_QUEUE_CONFIG, 1, server, priority, 0x100000, 16),
			 H_SUCCESS);
}

static const struct fake_kvm_set *source_set(uint64_t source)
{
	return fake_kvm_find_set(&fake.kvm, KVM_DEV_XIVE_GRP_SOURCE_CONFIG, source);
}

START_TEST(test_source_config)
{
	const struct source_case *c = &source_cases[_i];
	uint64_t args[HCALL_NR_ARGS] = { 0, message };

	set_queue(0, 0);
	set_queue(1, 5);
	set_queue(1, 6);
	ck_assert_int_eq(HCALL(&fake, H_INT_SET_SOURCE_CONFIG, c->flags, message, c->server,
			       c->priority, c->eisn), c->status);
	if (c->status) {
		ck_assert_ptr_null(source_set(message));
		return;
	}
	ck_assert_uint_eq(source_set(message)->value, c->config);
	ck_assert_int_eq(fake_machine_hcall(&fake, 0, H_INT_GET_SOURCE_CONFIG, args), H_SUCCESS);
	ck_assert_uint_eq(args[0], c->priority == 0xff ? 0 : c->server);
	ck_assert_uint_eq(args[1], c->config & MASKED ? 0xff : c->priority);
	ck_assert_uint_eq(args[2], c->config >> 33);
}
END_TEST

/* What KVM refuses is not remembered. */
START_TEST(test_source_config_fails)
{
	uint64_t args[HCALL_NR_ARGS] = { 0, line };

	ck_assert_int_eq(HCALL(&fake, H_INT_GET_SOURCE_CONFIG, 1, line), H_PARAMETER);
	set_queue(1, 5);
	fake.kvm.fail_set = 1;
	ck_assert_int_eq(HCALL(&fake, H_INT_SET_SOURCE_CONFIG, 2, line, 1, 5, 9), H_HARDWARE);
	ck_assert_int_eq(fake_machine_hcall(&fake, 0, H_INT_GET_SOURCE_CONFIG, args), H_SUCCESS);
	ck_assert_uint_eq(args[1], 0xff);
	ck_assert_uint_eq(args[2], 0);
}
END_TEST

static const struct queue_case {
	uint64_t flags, server, priority, gpa, shift;
	int64_t status;
} queue_cases[] = {
	{ 1, 1, 6, 0x100000, 16, H_SUCCESS },
	{ 0, 0, 0, 0x100000, 16, H_SUCCESS },
	{ 1, 1, 6, FAKE_MACHINE_MEMORY - PAGE, 16, H_SUCCESS },
	/* Size 0 takes it away, wherever it was. */
	{ 1, 1, 6, 0, 0, H_SUCCESS },
	{ 2, 1, 6, 0x100000, 16, H_PARAMETER },
	{ 1ULL << 63, 1, 6, 0x100000, 16, H_PARAMETER },
	{ 1, CPUS, 6, 0x100000, 16, H_P2 },
	{ 1, 1ULL << 61, 6, 0x100000, 16, H_P2 },
	{ 1, 1, 7, 0x100000, 16, H_P3 },
	{ 1, 1, UINT64_MAX, 0x100000, 16, H_P3 },
	{ 1, 1, 6, 0x101000, 16, H_P4 },
	{ 1, 1, 6, FAKE_MACHINE_MEMORY, 16, H_P4 },
	{ 1, 1, 6, UINT64_MAX - PAGE + 1, 16, H_P4 },
	{ 1, 1, 6, 1ULL << 45, 16, H_P4 },
	{ 1, 1, 6, 0x100000, 12, H_P5 },
	{ 1, 1, 6, 0x100000, 24, H_P5 },
	{ 1, 1, 6, 0x100000, 1ULL << 32 | 16, H_P5 },
	{ 1, 1, 6, 0x100000, 1ULL << 32, H_P5 },
};

static const struct kvm_ppc_xive_eq *queue_set(uint64_t server, uint64_t priority)
{
	static struct kvm_ppc_xive_eq queue;
	const struct fake_kvm_set *set;

	set = fake_kvm_find_set(&fake.kvm, KVM_DEV_XIVE_GRP_EQ_CONFIG, priority | server << 3);
	if (!set)
		return NULL;
	memcpy(&queue, set->data, sizeof(queue));
	return &queue;
}

START_TEST(test_queue_config)
{
	const struct queue_case *c = &queue_cases[_i];
	uint64_t args[HCALL_NR_ARGS] = { 1, c->server, c->priority };
	const struct kvm_ppc_xive_eq *queue;

	ck_assert_int_eq(HCALL(&fake, H_INT_SET_QUEUE_CONFIG, c->flags, c->server, c->priority,
			       c->gpa, c->shift), c->status);
	queue = queue_set(c->server, c->priority);
	if (c->status) {
		ck_assert_ptr_null(queue);
		return;
	}
	ck_assert_uint_eq(queue->qaddr, c->shift ? c->gpa : 0);
	ck_assert_uint_eq(queue->qshift, c->shift);
	ck_assert_uint_eq(queue->flags, 1);
	ck_assert_int_eq(fake_machine_hcall(&fake, 0, H_INT_GET_QUEUE_CONFIG, args), H_SUCCESS);
	ck_assert_uint_eq(args[0], 1 | 1ULL << 62);
	ck_assert_uint_eq(args[1], c->gpa);
	ck_assert_uint_eq(args[2], c->shift);
	memcpy(args, (uint64_t[]){ 0, c->server, c->priority }, 3 * sizeof(*args));
	ck_assert_int_eq(fake_machine_hcall(&fake, 0, H_INT_GET_QUEUE_INFO, args), H_SUCCESS);
	ck_assert_uint_eq(args[0], UINT64_MAX);
	ck_assert_uint_eq(args[1], c->shift);
}
END_TEST

START_TEST(test_queue_errors)
{
	ck_assert_int_eq(HCALL(&fake, H_INT_GET_QUEUE_INFO, 1, 0, 0), H_PARAMETER);
	ck_assert_int_eq(HCALL(&fake, H_INT_GET_QUEUE_INFO, 0, CPUS, 0), H_P2);
	ck_assert_int_eq(HCALL(&fake, H_INT_GET_QUEUE_INFO, 0, UINT64_MAX, 0), H_P2);
	ck_assert_int_eq(HCALL(&fake, H_INT_GET_QUEUE_INFO, 0, 0, 7), H_P3);
	ck_assert_int_eq(HCALL(&fake, H_INT_GET_QUEUE_CONFIG, 2, 0, 0), H_PARAMETER);
	ck_assert_int_eq(HCALL(&fake, H_INT_GET_QUEUE_CONFIG, 0, CPUS, 0), H_P2);
	ck_assert_int_eq(HCALL(&fake, H_INT_GET_QUEUE_CONFIG, 0, 0, 7), H_P3);
	fake.kvm.fail_set = 1;
	ck_assert_int_eq(HCALL(&fake, H_INT_SET_QUEUE_CONFIG, 1, 0, 6, 0x100000, 16), H_HARDWARE);
	fake.kvm.fail_get = true;
	ck_assert_int_eq(HCALL(&fake, H_INT_GET_QUEUE_CONFIG, 0, 0, 6), H_HARDWARE);
}
END_TEST

/* The device's page of a source, as KVM would have it. */
static off_t esb_place(uint64_t source, bool management, uint64_t offset)
{
	return (off_t)((KVM_XIVE_ESB_PAGE_OFFSET + source * 2 + management) * PAGE + offset);
}

static void set_esb(uint64_t source, bool management, uint64_t offset, uint64_t value)
{
	be64 word = htobe64(value);

	ck_assert_int_eq(pwrite(fake.kvm.device_fd, &word, 8,
				esb_place(source, management, offset)), 8);
}

static uint64_t get_esb(uint64_t source, bool management, uint64_t offset)
{
	be64 word;

	ck_assert_int_eq(pread(fake.kvm.device_fd, &word, 8,
			       esb_place(source, management, offset)), 8);
	return be64toh(word);
}

static const struct {
	uint64_t flags, offset;
	int64_t status;
} esb_cases[] = {
	{ 0, 0x800, H_SUCCESS },
	{ 0, PAGE - 8, H_SUCCESS },
	{ 0, PAGE, H_P3 },
	{ 0, PAGE - 4, H_P3 },
	{ 0, 0x801, H_P3 },
	{ 0, 1ULL << 32, H_P3 },
	{ 0, UINT64_MAX - 7, H_P3 },
	{ 2, 0x800, H_PARAMETER },
	{ 1ULL << 63, 0x800, H_PARAMETER },
};

START_TEST(test_esb)
{
	uint64_t args[HCALL_NR_ARGS] = { esb_cases[_i].flags, message, esb_cases[_i].offset };

	if (!esb_cases[_i].status)
		set_esb(message, true, esb_cases[_i].offset, 0x3);
	ck_assert_int_eq(fake_machine_hcall(&fake, 0, H_INT_ESB, args), esb_cases[_i].status);
	if (!esb_cases[_i].status)
		ck_assert_uint_eq(args[0], 3);
	memcpy(args, (uint64_t[]){ esb_cases[_i].flags | 1, message, esb_cases[_i].offset, 0x55 },
	       4 * sizeof(*args));
	ck_assert_int_eq(fake_machine_hcall(&fake, 0, H_INT_ESB, args), esb_cases[_i].status);
	if (!esb_cases[_i].status)
		ck_assert_uint_eq(get_esb(message, true, esb_cases[_i].offset), 0x55);
}
END_TEST

/* Offsets at which the guest is done with a line, whose origin is unmasked then. */
static const struct {
	uint64_t offset;
	unsigned unmasks;
} line_cases[] = {
	{ 0x000, 1 }, { 0xc00, 1 }, { 0xe00, 1 }, { 0x800, 0 }, { 0xd00, 0 }, { 0xf00, 0 },
};

START_TEST(test_line)
{
	ck_assert_int_eq(HCALL(&fake, H_INT_ESB, 0, line, line_cases[_i].offset), H_SUCCESS);
	ck_assert_uint_eq(group.devices[0].unmasks, line_cases[_i].unmasks);
	ck_assert_int_eq(HCALL(&fake, H_INT_ESB, 1, line, line_cases[_i].offset, 0), H_SUCCESS);
	ck_assert_uint_eq(group.devices[0].unmasks, line_cases[_i].unmasks);
	ck_assert_int_eq(HCALL(&fake, H_INT_ESB, 0, message, line_cases[_i].offset), H_SUCCESS);
	ck_assert_uint_eq(group.devices[0].unmasks, line_cases[_i].unmasks);
}
END_TEST

/* What came in while the guest was at it triggers again: a store to the trigger page. */
START_TEST(test_line_queued)
{
	set_esb(line, false, 0, 0x77);
	set_esb(line, true, 0xc00, 0x2);
	ck_assert_int_eq(HCALL(&fake, H_INT_ESB, 0, line, 0), H_SUCCESS);
	ck_assert_uint_eq(get_esb(line, false, 0), 0x77);
	set_esb(line, true, 0xc00, 0x3);
	ck_assert_int_eq(HCALL(&fake, H_INT_ESB, 0, line, 0), H_SUCCESS);
	ck_assert_uint_eq(get_esb(line, false, 0), 0);
}
END_TEST

START_TEST(test_sync_and_reset)
{
	uint64_t args[HCALL_NR_ARGS] = { 0, message };

	ck_assert_int_eq(HCALL(&fake, H_INT_SYNC, 0, message), H_SUCCESS);
	ck_assert_ptr_nonnull(fake_kvm_find_set(&fake.kvm, KVM_DEV_XIVE_GRP_SOURCE_SYNC,
						message));
	ck_assert_int_eq(HCALL(&fake, H_INT_SYNC, 1, message), H_PARAMETER);
	set_queue(1, 5);
	ck_assert_int_eq(HCALL(&fake, H_INT_SET_SOURCE_CONFIG, 2, message, 1, 5, 9), H_SUCCESS);
	ck_assert_int_eq(HCALL(&fake, H_INT_RESET, 1), H_PARAMETER);
	ck_assert_int_eq(HCALL(&fake, H_INT_RESET, 0), H_SUCCESS);
	ck_assert_ptr_nonnull(fake_kvm_find_set(&fake.kvm, KVM_DEV_XIVE_GRP_CTRL,
						KVM_DEV_XIVE_RESET));
	ck_assert_int_eq(fake_machine_hcall(&fake, 0, H_INT_GET_SOURCE_CONFIG, args), H_SUCCESS);
	ck_assert_uint_eq(args[1], 0xff);
	fake.kvm.fail_set = 1;
	ck_assert_int_eq(HCALL(&fake, H_INT_SYNC, 0, message), H_HARDWARE);
	fake.kvm.fail_set = 1;
	ck_assert_int_eq(HCALL(&fake, H_INT_RESET, 0), H_HARDWARE);
}
END_TEST

/* Vectors take their eventfds along when the guest asks for them. */
START_TEST(test_vectors)
{
	uint64_t buid = PAPR_PHB_BUID(0);
	unsigned before = fake.kvm.nr_irqfds;
	uint32_t rets[2];

	ck_assert_int_eq(RTAS(&fake, "ibm,change-msi", rets, 3, 0, (uint32_t)(buid >> 32),
			      (uint32_t)buid, 4, 3, 1), RTAS_SUCCESS);
	ck_assert_uint_eq(rets[0], 3);
	/* The line is off meanwhile. */
	ck_assert_uint_eq(fake.kvm.nr_irqfds, before - 1 + 3);
	ck_assert_int_eq(HCALL(&fake, H_INT_GET_SOURCE_CONFIG, 0, vector + 2), H_SUCCESS);
	ck_assert_int_eq(RTAS(&fake, "ibm,change-msi", rets, 3, 0, (uint32_t)(buid >> 32),
			      (uint32_t)buid, 4, 0, 1), RTAS_SUCCESS);
	ck_assert_uint_eq(fake.kvm.nr_irqfds, before);
}
END_TEST

START_TEST(test_console_input)
{
	unsigned before = fake.kvm.nr_lines;

	fake.vm.console.on_input(fake.vm.console.owner);
	ck_assert_uint_eq(fake.kvm.nr_lines, before + 1);
	ck_assert_uint_eq(fake.kvm.lines[before].arg0, message);
}
END_TEST

static const struct {
	enum irqchip_choice choice;
	const char *append;
	bool no_xive, no_xics;
	long page_size;
	const char *name;	/* NULL: none */
} choices[] = {
	{ IRQCHIP_AUTO, NULL, false, false, 65536, "xive" },
	{ IRQCHIP_XIVE, "xive=off", false, false, 65536, "xive" },
	{ IRQCHIP_AUTO, "quiet xive=off", false, false, 65536, "xics" },
	{ IRQCHIP_AUTO, "xive=offence noxive=off", false, false, 65536, "xive" },
	{ IRQCHIP_XICS, NULL, false, false, 65536, "xics" },
	{ IRQCHIP_AUTO, NULL, true, false, 65536, "xics" },
	{ IRQCHIP_AUTO, NULL, false, false, 4096, "xics" },
	{ IRQCHIP_XIVE, NULL, true, false, 65536, "xive-pvmm" },
	{ IRQCHIP_XIVE, NULL, false, false, 4096, "xive-pvmm" },
	{ IRQCHIP_XIVE_PVMM, "xive=off", false, false, 65536, "xive-pvmm" },
	{ IRQCHIP_XICS, NULL, false, true, 65536, "xics-pvmm" },
	{ IRQCHIP_AUTO, NULL, true, true, 65536, "xics-pvmm" },
	{ IRQCHIP_AUTO, "xive=off", false, true, 65536, "xics-pvmm" },
	{ IRQCHIP_XICS_PVMM, NULL, false, false, 65536, "xics-pvmm" },
};

START_TEST(test_choice)
{
	static char append[64];

	fake_machine_init(&fake, CPUS);
	if (choices[_i].append)
		fake.config.append = strcpy(append, choices[_i].append);
	fake.config.irqchip = choices[_i].choice;
	if (choices[_i].no_xive)
		fake_kvm_miss(&fake.kvm, KVM_CAP_PPC_IRQ_XIVE);
	if (choices[_i].no_xics)
		fake_kvm_miss(&fake.kvm, KVM_CAP_IRQ_XICS);
	fake_page_size = choices[_i].page_size;
	ck_assert_int_eq(fake_machine_create(&fake), choices[_i].name ? 0 : -ENODEV);
	if (choices[_i].name)
		ck_assert_str_eq(fake.machine->irqchip->chip.ops->name, choices[_i].name);
	else
		capture_expect(&fake.capture, "--irqchip auto");
	fake_machine_exit(&fake);
}
END_TEST

static TCase *call_tests(void)
{
	TCase *tests = tcase_create("calls");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, test_source_info, IPI, HUGE + 1);
	tcase_add_loop_test(tests, test_no_such_source, GAP, HUGE + 1);
	tcase_add_loop_test(tests, test_source_config, 0, ARRAY_SIZE(source_cases));
	tcase_add_test(tests, test_source_config_fails);
	tcase_add_loop_test(tests, test_queue_config, 0, ARRAY_SIZE(queue_cases));
	tcase_add_test(tests, test_queue_errors);
	tcase_add_loop_test(tests, test_esb, 0, ARRAY_SIZE(esb_cases));
	tcase_add_loop_test(tests, test_line, 0, ARRAY_SIZE(line_cases));
	tcase_add_test(tests, test_line_queued);
	tcase_add_test(tests, test_sync_and_reset);
	tcase_add_test(tests, test_vectors);
	tcase_add_test(tests, test_console_input);
	return tests;
}

int main(void)
{
	Suite *suite = suite_create("papr_xive");
	TCase *choice = tcase_create("choice");

	tcase_add_loop_test(choice, test_choice, 0, ARRAY_SIZE(choices));
	suite_add_tcase(suite, call_tests());
	suite_add_tcase(suite, choice);
	return run_suite(suite);
}

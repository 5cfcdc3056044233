/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The platform's calls, made by a guest: power, CPUs, parameters, cache-inhibited access. */
#include <errno.h>
#include <unistd.h>

#include "tests/unit/fake_machine.h"
#include "vmm/vm.h"

#define H_LOGICAL_CI_LOAD 0x3c
#define H_LOGICAL_CI_STORE 0x40
#define H_GET_CPU_CHARACTERISTICS 0x1c8
#define H_RANDOM 0x300
#define H_RTAS 0xf000
#define CPUS 3
#define BUFFER 0x8000U

static struct fake_machine fake;

static void setup(void)
{
	fake_machine_start(&fake, CPUS);
}

static void teardown(void)
{
	fake_machine_exit(&fake);
}

static void wait_parked(unsigned index)
{
	while (!vcpu_is_parked(vcpus_get(&fake.machine->vcpus, index)))
		usleep(1000);
}

static const struct {
	const char *name;
	enum vm_end end;
} endings[] = {
	{ "power-off", VM_POWERED_OFF },
	{ "system-reboot", VM_REBOOT },
	{ "ibm,os-term", VM_PANICKED },
};

START_TEST(test_endings)
{
	uint32_t none[1];

	ck_assert_int_eq(RTAS(&fake, endings[_i].name, none, 1, 0, 0), RTAS_SUCCESS);
	ck_assert_int_eq(fake.vm.end, endings[_i].end);
	ck_assert(fake.vm.loop.stopping);
	wait_parked(0);
}
END_TEST

/* A guest that panics and then powers off has panicked. */
START_TEST(test_first_end_counts)
{
	uint32_t none[1], args[] = { 1, 0, 0 };

	ck_assert_int_eq(RTAS(&fake, "start-cpu", none, 1, 1, 0, 0), RTAS_SUCCESS);
	ck_assert_int_eq(RTAS(&fake, "ibm,os-term", none, 1, 0), RTAS_SUCCESS);
	ck_assert_int_eq(fake_machine_rtas(&fake, 1, "power-off", args, 2, none, 1), RTAS_SUCCESS);
	ck_assert_int_eq(fake.vm.end, VM_PANICKED);
}
END_TEST

/* The operator's word counts more than the guest's wish to start again, and just that. */
START_TEST(test_operator_wins)
{
	uint32_t none[1];

	ck_assert_int_eq(RTAS(&fake, "system-reboot", none, 1, 0), RTAS_SUCCESS);
	vm_stop(&fake.vm, VM_POWERED_OFF);
	ck_assert_int_eq(fake.vm.end, VM_REBOOT);
	vm_stop(&fake.vm, VM_STOPPED);
	ck_assert_int_eq(fake.vm.end, VM_STOPPED);
	vm_stop(&fake.vm, VM_TIMED_OUT);
	ck_assert_int_eq(fake.vm.end, VM_STOPPED);
}
END_TEST

static const struct {
	uint32_t gpa;
	const char *text, *logged;
} panics[] = {
	{ BUFFER, "Fatal exception", "guest panicked: Fatal exception\n" },
	{ BUFFER, "one\ntwo", "guest panicked: one\n" },
	{ BUFFER, "\033[2Jx\x7f\xff%s%n", "guest panicked: ?[2Jx??%s%n\n" },
	{ 0, "", "guest panicked; its console says why\n" },
	{ (uint32_t)FAKE_MACHINE_MEMORY - 8, "end", "guest panicked: end\n" },
	{ (uint32_t)FAKE_MACHINE_MEMORY, NULL, "guest panicked: \n" },
	{ UINT32_MAX, NULL, "guest panicked: \n" },
};

START_TEST(test_panic_text)
{
	uint32_t none[1];

	if (panics[_i].text)
		ck_assert_int_eq(guest_memory_write(&fake.machine->memory, panics[_i].gpa,
						    panics[_i].text, strlen(panics[_i].text) + 1),
				 0);
	ck_assert_int_eq(RTAS(&fake, "ibm,os-term", none, 1, panics[_i].gpa), RTAS_SUCCESS);
	capture_expect(&fake.capture, panics[_i].logged);
}
END_TEST

/* A guest that gives no end to its text gets a part of it printed. */
START_TEST(test_panic_endless_text)
{
	uint32_t none[1];

	ck_assert_int_eq(guest_memory_fill(&fake.machine->memory, BUFFER, 'x', 4096), 0);
	ck_assert_int_eq(RTAS(&fake, "ibm,os-term", none, 1, BUFFER), RTAS_SUCCESS);
	capture_expect(&fake.capture, "guest panicked: xxxx");
	ck_assert_uint_eq(strspn(strchr(fake.capture.text, 'x'), "x"), 127);
	ck_assert_uint_eq(strlen(strchr(fake.capture.text, 'x')), 128);
}
END_TEST

static uint32_t stopped_state(uint32_t cpu)
{
	uint32_t state[1];

	ck_assert_int_eq(RTAS(&fake, "query-cpu-stopped-state", state, 2, cpu), RTAS_SUCCESS);
	return state[0];
}

START_TEST(test_cpus)
{
	const struct kvm_regs *regs = &fake.kvm.vcpus[1].regs;
	uint32_t none[1];

	ck_assert_uint_eq(stopped_state(0), 2);
	ck_assert_uint_eq(stopped_state(1), 0);
	ck_assert_int_eq(RTAS(&fake, "start-cpu", none, 1, 1, 0x2000, 0x1234), RTAS_SUCCESS);
	fake_kvm_wait_idle(&fake.kvm, 1);
	ck_assert_uint_eq(regs->pc, 0x2000);
	ck_assert_uint_eq(regs->gpr[3], 0x1234);
	ck_assert_uint_eq(regs->msr, 1ULL << 63 | 1ULL << 12);
	ck_assert_uint_eq(stopped_state(1), 2);
	ck_assert_int_eq(RTAS(&fake, "start-cpu", none, 1, 1, 0x3000, 0), RTAS_HARDWARE_ERROR);
	ck_assert_int_eq(RTAS(&fake, "start-cpu", none, 1, 0, 0x3000, 0), RTAS_HARDWARE_ERROR);
	ck_assert_uint_eq(regs->pc, 0x2000);
	ck_assert_int_eq(fake_machine_rtas(&fake, 1, "stop-self", none, 0, none, 1), 0);
	wait_parked(1);
	ck_assert_uint_eq(stopped_state(1), 0);
	ck_assert_int_eq(RTAS(&fake, "start-cpu", none, 1, 1, 0x3000, 0), RTAS_SUCCESS);
}
END_TEST

START_TEST(test_no_such_cpu)
{
	static const uint32_t cpus[] = { CPUS, 256, 0x80000000, UINT32_MAX };
	uint32_t rets[1];

	for (unsigned i = 0; i < ARRAY_SIZE(cpus); i++) {
		ck_assert_int_eq(RTAS(&fake, "start-cpu", rets, 1, cpus[i], 0, 0),
				 RTAS_PARAMETER_ERROR);
		ck_assert_int_eq(RTAS(&fake, "query-cpu-stopped-state", rets, 2, cpus[i]),
				 RTAS_PARAMETER_ERROR);
	}
}
END_TEST

/* The host's KVM does not take the registers: the CPU stays stopped. */
START_TEST(test_start_cpu_fails)
{
	uint32_t none[1];

	fake.kvm.fail_ioctl = KVM_SET_REGS;
	ck_assert_int_eq(RTAS(&fake, "start-cpu", none, 1, 1, 0, 0), RTAS_HARDWARE_ERROR);
	ck_assert_uint_eq(stopped_state(1), 0);
}
END_TEST

#define SPLPAR "MaxEntCap=3,DesMem=256,DesProcs=3,MaxPlatProcs=3"

static const struct parameter_case {
	uint32_t parameter, gpa, length;
	int32_t status;
	const char *bytes;
	size_t size;
} parameters[] = {
	{ 20, BUFFER, 4000, RTAS_SUCCESS, "\0\x31" SPLPAR, 2 + sizeof(SPLPAR) },
	/* Cut short, but with the whole length. */
	{ 20, BUFFER, 5, RTAS_SUCCESS, "\0\x31" "Max", 5 },
	{ 20, BUFFER, 2, RTAS_SUCCESS, "\0\x31", 2 },
	{ 42, BUFFER, 4, RTAS_SUCCESS, "\0\1\0", 3 },
	{ 42, (uint32_t)FAKE_MACHINE_MEMORY - 3, UINT32_MAX, RTAS_SUCCESS, "\0\1\0", 3 },
	{ 42, BUFFER, 1, RTAS_SYSPARM_PARAMETER, "", 0 },
	{ 42, BUFFER, 0, RTAS_SYSPARM_PARAMETER, "", 0 },
	{ 20, (uint32_t)FAKE_MACHINE_MEMORY - 3, 64, RTAS_SYSPARM_PARAMETER, "", 0 },
	{ 20, UINT32_MAX, 64, RTAS_SYSPARM_PARAMETER, "", 0 },
	{ 0, BUFFER, 64, RTAS_NOT_SUPPORTED, "", 0 },
	{ UINT32_MAX, BUFFER, 64, RTAS_NOT_SUPPORTED, "", 0 },
};

START_TEST(test_parameters)
{
	const struct parameter_case *c = &parameters[_i];
	uint8_t bytes[128], filler;
	uint32_t none[1];

	ck_assert_int_eq(guest_memory_fill(&fake.machine->memory, BUFFER, 0xee, 128), 0);
	ck_assert_int_eq(RTAS(&fake, "ibm,get-system-parameter", none, 1, c->parameter, c->gpa,
			      c->length), c->status);
	if (c->size) {
		ck_assert_int_eq(guest_memory_read(&fake.machine->memory, c->gpa, bytes, c->size),
				 0);
		ck_assert_mem_eq(bytes, c->bytes, c->size);
	}
	ck_assert_int_eq(guest_memory_read(&fake.machine->memory, BUFFER + c->size, &filler, 1),
			 0);
	ck_assert_uint_eq(filler, c->gpa == BUFFER || !c->size ? 0xee : filler);
	ck_assert_int_eq(RTAS(&fake, "ibm,set-system-parameter", none, 1, c->parameter, c->gpa),
			 RTAS_NOT_SUPPORTED);
}
END_TEST

START_TEST(test_rtas_block)
{
	ck_assert_int_eq(HCALL(&fake, H_RTAS, FAKE_MACHINE_MEMORY), H_PARAMETER);
	ck_assert_int_eq(HCALL(&fake, H_RTAS, FAKE_MACHINE_MEMORY - 11), H_PARAMETER);
	ck_assert_int_eq(HCALL(&fake, H_RTAS, UINT64_MAX), H_PARAMETER);
}
END_TEST

/* Nobody's hypercalls, and the registers after them. */
START_TEST(test_unknown_hcalls)
{
	static const uint64_t numbers[] = {
		0x500, 0x504, 2, 0xf004, 0xf00c, 0xf014, 1ULL << 32 | 0x300, UINT64_MAX,
		0x244 /* H_PERFMON is KVM's to know */, 0x3f8,
	};

	for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++) {
		uint64_t args[HCALL_NR_ARGS] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };

		ck_assert_int_eq(fake_machine_hcall(&fake, 0, numbers[i], args), H_FUNCTION);
		for (unsigned j = 0; j < HCALL_NR_ARGS; j++)
			ck_assert_uint_eq(args[j], j + 1);
	}
	ck_assert_int_eq(fake.vm.end, VM_RUNNING);
}
END_TEST

START_TEST(test_random)
{
	uint64_t a[HCALL_NR_ARGS] = { 0 }, b[HCALL_NR_ARGS] = { 0 };

	ck_assert_int_eq(fake_machine_hcall(&fake, 0, H_RANDOM, a), H_SUCCESS);
	ck_assert_int_eq(fake_machine_hcall(&fake, 0, H_RANDOM, b), H_SUCCESS);
	ck_assert_uint_ne(a[0], b[0]);
}
END_TEST

START_TEST(test_cpu_characteristics)
{
	uint64_t args[HCALL_NR_ARGS] = { 0 };

	fake.kvm.cpu_char = (struct kvm_ppc_cpu_char){ 0xf0f0, 0x00ff, 0xff00, 0x0f0f };
	ck_assert_int_eq(fake_machine_hcall(&fake, 0, H_GET_CPU_CHARACTERISTICS, args), H_SUCCESS);
	ck_assert_uint_eq(args[0], 0xf000);
	ck_assert_uint_eq(args[1], 0x000f);
	fake.kvm.fail_ioctl = KVM_PPC_GET_CPU_CHAR;
	ck_assert_int_eq(fake_machine_hcall(&fake, 0, H_GET_CPU_CHARACTERISTICS, args),
			 H_FUNCTION);
}
END_TEST

/* 16 bytes of registers. */
struct registers {
	struct bus_region region;
	uint8_t bytes[16];
};

static void registers_read(struct bus_region *region, uint64_t offset, void *data, unsigned size)
{
	memcpy(data, container_of(region, struct registers, region)->bytes + offset, size);
}

static void registers_write(struct bus_region *region, uint64_t offset, const void *data,
			    unsigned size)
{
	memcpy(container_of(region, struct registers, region)->bytes + offset, data, size);
}

static const struct bus_ops registers_ops = { registers_read, registers_write };

#define DEVICE 0x100000000000ULL

static const struct ci_case {
	uint64_t size, gpa;
	int64_t status;
	uint64_t loaded;
} ci_cases[] = {
	{ 1, DEVICE + 1, H_SUCCESS, 0x11 },
	{ 2, DEVICE + 2, H_SUCCESS, 0x1213 },
	{ 4, DEVICE + 4, H_SUCCESS, 0x14151617 },
	{ 8, DEVICE + 8, H_SUCCESS, 0x18191a1b1c1d1e1f },
	/* Nobody there, memory included. */
	{ 4, DEVICE + 16, H_SUCCESS, 0xffffffff },
	{ 2, 0x1000, H_SUCCESS, 0xffff },
	{ 8, UINT64_MAX - 7, H_SUCCESS, UINT64_MAX },
	{ 2, DEVICE + 1, H_PARAMETER, 2 },
	{ 4, DEVICE + 2, H_PARAMETER, 4 },
	{ 8, DEVICE + 4, H_PARAMETER, 8 },
	{ 0, DEVICE, H_PARAMETER, 0 },
	{ 3, DEVICE, H_PARAMETER, 3 },
	{ 16, DEVICE, H_PARAMETER, 16 },
	{ UINT64_MAX, DEVICE, H_PARAMETER, UINT64_MAX },
	{ 1ULL << 32 | 4, DEVICE, H_PARAMETER, 1ULL << 32 | 4 },
};

START_TEST(test_cache_inhibited)
{
	static const uint8_t stored[] = { 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7 };
	const struct ci_case *c = &ci_cases[_i];
	uint64_t load[HCALL_NR_ARGS] = { c->size, c->gpa }, store[HCALL_NR_ARGS];
	struct registers device = {
		.region = { .name = "registers", .gpa = DEVICE, .size = 16, .ops = &registers_ops },
	};
	uint8_t expected[16];

	for (unsigned i = 0; i < 16; i++)
		device.bytes[i] = (uint8_t)(0x10 + i);
	memcpy(expected, device.bytes, 16);
	ck_assert_int_eq(bus_add(&fake.machine->bus, &device.region), 0);
	ck_assert_int_eq(fake_machine_hcall(&fake, 0, H_LOGICAL_CI_LOAD, load), c->status);
	ck_assert_uint_eq(load[0], c->loaded);
	memcpy(store, (uint64_t[HCALL_NR_ARGS]){ c->size, c->gpa, 0xa0a1a2a3a4a5a6a7 },
	       sizeof(store));
	ck_assert_int_eq(fake_machine_hcall(&fake, 0, H_LOGICAL_CI_STORE, store), c->status);
	if (!c->status && c->gpa >= DEVICE && c->gpa < DEVICE + 16)
		memcpy(expected + (c->gpa - DEVICE), stored + 8 - c->size, c->size);
	ck_assert_mem_eq(device.bytes, expected, 16);
	bus_remove(&fake.machine->bus, &device.region);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("papr_platform");
	TCase *tests = tcase_create("papr_platform");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, test_endings, 0, ARRAY_SIZE(endings));
	tcase_add_test(tests, test_first_end_counts);
	tcase_add_test(tests, test_operator_wins);
	tcase_add_loop_test(tests, test_panic_text, 0, ARRAY_SIZE(panics));
	tcase_add_test(tests, test_panic_endless_text);
	tcase_add_test(tests, test_cpus);
	tcase_add_test(tests, test_no_such_cpu);
	tcase_add_test(tests, test_start_cpu_fails);
	tcase_add_loop_test(tests, test_parameters, 0, ARRAY_SIZE(parameters));
	tcase_add_test(tests, test_rtas_block);
	tcase_add_test(tests, test_unknown_hcalls);
	tcase_add_test(tests, test_random);
	tcase_add_test(tests, test_cpu_characteristics);
	tcase_add_loop_test(tests, test_cache_inhibited, 0, ARRAY_SIZE(ci_cases));
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vCPUs of a PAPR guest: registers at start, exits, and hypercalls that change how they work. */
#include <errno.h>
#include <unistd.h>

#include "tests/unit/fake_machine.h"

#define H_SET_MODE 0x31c
#define H_REGISTER_PROC_TBL 0x37c
#define H_SIGNAL_SYS_RESET 0x380
#define CPUS 3
#define MSR_START (1ULL << 63 | 1ULL << 12)
#define LPCR 0x04040000ULL	/* what else may be in it stays */
#define ILE 0x02000000ULL
#define AIL 0x01800000ULL

static struct fake_machine fake;

static void setup(void)
{
	fake_machine_start(&fake, CPUS);
}

static void setup_hash(void)
{
	fake_machine_init(&fake, CPUS);
	fake_kvm_miss(&fake.kvm, KVM_CAP_PPC_MMU_RADIX);
	ck_assert_int_eq(fake_machine_create(&fake), 0);
	ck_assert_int_eq(machine_start(fake.machine), 0);
	fake_kvm_wait_idle(&fake.kvm, 0);
}

static void teardown(void)
{
	fake_machine_exit(&fake);
}

static void start_cpu(uint32_t index)
{
	uint32_t none[1];

	ck_assert_int_eq(RTAS(&fake, "start-cpu", none, 1, index, 0x2000 + index, 0), 0);
	fake_kvm_wait_idle(&fake.kvm, index);
}

START_TEST(test_boot_registers)
{
	const struct kvm_regs *regs = &fake.kvm.vcpus[0].regs;
	const struct papr_boot *boot = &fake.machine->boot;
	be32 magic;

	ck_assert_uint_eq(regs->pc, FAKE_MACHINE_ENTRY);
	ck_assert_uint_eq(regs->msr, MSR_START);
	ck_assert_uint_eq(regs->gpr[3], boot->fdt);
	ck_assert_uint_eq(regs->gpr[5], 0);
	ck_assert_uint_eq(regs->gpr[6], 0x45504150);
	ck_assert_uint_eq(regs->gpr[7], FAKE_MACHINE_MEMORY);
	ck_assert_int_eq(guest_memory_read(&fake.machine->memory, boot->fdt, &magic, 4), 0);
	ck_assert_uint_eq(be32toh(magic), 0xd00dfeed);
	ck_assert_ptr_nonnull(fake_kvm_find_enabled(&fake.kvm, KVM_CAP_PPC_PAPR, 0));
}
END_TEST

static struct kvm_run mmio_exit(uint64_t gpa, uint32_t size, bool is_write)
{
	struct kvm_run exit = { .exit_reason = KVM_EXIT_MMIO };

	exit.mmio.phys_addr = gpa;
	exit.mmio.len = size;
	exit.mmio.is_write = is_write;
	return exit;
}

/* Where nothing is: all ones, and stores go nowhere. */
START_TEST(test_unclaimed_mmio)
{
	static const uint64_t places[] = { FAKE_MACHINE_MEMORY, 1ULL << 45, UINT64_MAX - 3 };
	const struct kvm_run *done = &fake.kvm.vcpus[0].completed;

	for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
		struct kvm_run load = mmio_exit(places[i], 4, false);
		struct kvm_run store = mmio_exit(places[i], 4, true);

		fake_kvm_give(&fake.kvm, 0, &load);
		fake_kvm_wait_completed(&fake.kvm, 0, i * 2 + 1);
		ck_assert_mem_eq(done->mmio.data, "\xff\xff\xff\xff\0\0\0\0", 8);
		fake_kvm_give(&fake.kvm, 0, &store);
		fake_kvm_wait_completed(&fake.kvm, 0, i * 2 + 2);
	}
	ck_assert_int_eq(fake.vm.end, VM_RUNNING);
}
END_TEST

START_TEST(test_harmless_exits)
{
	struct kvm_run exit = { .exit_reason = KVM_EXIT_INTR };

	fake_kvm_give(&fake.kvm, 0, &exit);
	exit.exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
	fake_kvm_give(&fake.kvm, 0, &exit);
	fake_kvm_wait_completed(&fake.kvm, 0, 2);
	fake_kvm_wait_idle(&fake.kvm, 0);
	ck_assert_int_eq(fake.vm.end, VM_RUNNING);
}
END_TEST

START_TEST(test_fatal_exit)
{
	struct kvm_run exit = { .exit_reason = KVM_EXIT_INTERNAL_ERROR };

	fake_kvm_give(&fake.kvm, 0, &exit);
	while (!vcpu_is_parked(vcpus_get(&fake.machine->vcpus, 0)))
		usleep(1000);
	ck_assert_int_eq(fake.vm.end, VM_FAILED);
	ck_assert(fake.vm.loop.stopping);
	capture_expect(&fake.capture, "vCPU 0 cannot go on: exit reason 17 at 0x10");
}
END_TEST

static const struct mode_case {
	uint64_t flags, resource, value1, value2;
	int64_t status;
	uint64_t lpcr;
} mode_cases[] = {
	{ 1, 4, 0, 0, H_SUCCESS, LPCR | AIL | ILE },
	{ 0, 4, 0, 0, H_SUCCESS, LPCR | AIL },
	{ 0, 3, 0, 0, H_SUCCESS, LPCR },
	{ 3, 3, 0, 0, H_SUCCESS, LPCR | AIL },
	{ 2, 4, 0, 0, H_UNSUPPORTED_FLAG, LPCR | AIL },
	{ UINT64_MAX, 4, 0, 0, H_UNSUPPORTED_FLAG, LPCR | AIL },
	{ 1, 3, 0, 0, H_UNSUPPORTED_FLAG, LPCR | AIL },
	{ 2, 3, 0, 0, H_UNSUPPORTED_FLAG, LPCR | AIL },
	{ 4, 3, 0, 0, H_UNSUPPORTED_FLAG, LPCR | AIL },
	{ 1ULL << 32, 3, 0, 0, H_UNSUPPORTED_FLAG, LPCR | AIL },
	{ 1, 0, 0, 0, H_P2, LPCR | AIL },
	{ 1, 5, 0, 0, H_P2, LPCR | AIL },
	{ 1, 1ULL << 32 | 4, 0, 0, H_P2, LPCR | AIL },
	{ 1, 4, 1, 0, H_P3, LPCR | AIL },
	{ 1, 4, 0, 1, H_P4, LPCR | AIL },
};

static void set_lpcr(uint64_t value)
{
	uint64_t id = KVM_REG_PPC_LPCR_64;

	for (unsigned i = 0; i < CPUS; i++)
		ck_assert_int_eq(kvm_vcpu_set_reg(&vcpus_get(&fake.machine->vcpus, i)->kvm, id,
						  &value), 0);
}

static void expect_lpcr(uint64_t value)
{
	for (unsigned i = 0; i < CPUS; i++)
		ck_assert_uint_eq(fake.kvm.vcpus[i].one_regs[0].value, value);
}

/* On all processors or on none, those that are stopped included. */
START_TEST(test_set_mode)
{
	const struct mode_case *c = &mode_cases[_i];

	start_cpu(2);
	set_lpcr(LPCR | AIL);
	ck_assert_int_eq(HCALL(&fake, H_SET_MODE, c->flags, c->resource, c->value1, c->value2),
			 c->status);
	expect_lpcr(c->lpcr);
}
END_TEST

START_TEST(test_set_mode_on_old_host)
{
	fake_kvm_miss(&fake.kvm, KVM_CAP_PPC_AIL_MODE_3);
	set_lpcr(LPCR);
	ck_assert_int_eq(HCALL(&fake, H_SET_MODE, 3, 3, 0, 0), H_UNSUPPORTED_FLAG);
	expect_lpcr(LPCR);
	ck_assert_int_eq(HCALL(&fake, H_SET_MODE, 0, 3, 0, 0), H_SUCCESS);
	fake.kvm.fail_ioctl = KVM_SET_ONE_REG;
	ck_assert_int_eq(HCALL(&fake, H_SET_MODE, 1, 4, 0, 0), H_HARDWARE);
}
END_TEST

/* Two processors at once, each wanting work of the other. */
START_TEST(test_set_mode_at_once)
{
	uint64_t args[HCALL_NR_ARGS] = { 1, 4 };
	unsigned before = fake.kvm.vcpus[0].nr_completed;

	start_cpu(1);
	before = fake.kvm.vcpus[0].nr_completed;
	for (unsigned i = 1; i <= 30; i++) {
		args[0] = i & 1;
		fake_kvm_give_hcall(&fake.kvm, 0, H_SET_MODE, args);
		fake_kvm_give_hcall(&fake.kvm, 1, H_SET_MODE, args);
		fake_kvm_wait_completed(&fake.kvm, 0, before + i);
		fake_kvm_wait_completed(&fake.kvm, 1, i);
	}
	ck_assert_int_eq((int64_t)fake.kvm.vcpus[1].completed.papr_hcall.ret, H_SUCCESS);
	expect_lpcr(0);
}
END_TEST

#define RADIX 0x04
#define REGISTER 0x08
#define MODIFY 0x10
#define RADIX_SET (MODIFY | REGISTER | RADIX)
#define HASH_SET (MODIFY | REGISTER)
#define PATE_RADIX (1ULL << 63)

static const struct table_case {
	uint64_t flags, base, page_size, order;
	int64_t status;
	uint64_t kvm_flags, table;
} radix_cases[] = {
	{ RADIX_SET | 1, 0x10000, 0, 12, H_SUCCESS, 3, PATE_RADIX | 0x1000c },
	{ RADIX_SET, 0x10000, 0, 24, H_SUCCESS, 1, PATE_RADIX | 0x10018 },
	{ MODIFY | RADIX, 0, 0, 0, H_SUCCESS, 1, PATE_RADIX },
	{ MODIFY, 0, 0, 0, H_SUCCESS, 1, PATE_RADIX },
	/* Nothing to change. */
	{ RADIX, 0, 0, 0, H_SUCCESS, 0, 0 },
	{ 0, 0, 0, 0, H_PARAMETER, 0, 0 },
	{ HASH_SET, 0x1000, 0, 12, H_PARAMETER, 0, 0 },
	{ RADIX_SET | 0x20, 0x10000, 0, 12, H_PARAMETER, 0, 0 },
	{ 1ULL << 63 | RADIX_SET, 0x10000, 0, 12, H_PARAMETER, 0, 0 },
	{ RADIX_SET, 0x10001, 0, 12, H_P2, 0, 0 },
	{ RADIX_SET, 0x10800, 0, 12, H_P2, 0, 0 },
	{ RADIX_SET, 1ULL << 60, 0, 12, H_P2, 0, 0 },
	{ RADIX_SET, UINT64_MAX << 12, 0, 12, H_P2, 0, 0 },
	{ RADIX_SET, 0x10000, 1, 12, H_P3, 0, 0 },
	{ RADIX_SET, 0x10000, 0, 25, H_P4, 0, 0 },
	{ RADIX_SET, 0x10000, 0, UINT64_MAX, H_P4, 0, 0 },
};

static const struct table_case hash_cases[] = {
	{ HASH_SET, 0x123, 5, 10, H_SUCCESS, 0, 0x123ULL << 25 | 5 << 5 | 10 },
	{ HASH_SET | 1, 0, 0, 0, H_SUCCESS, 2, 0 },
	{ MODIFY, 0, 0, 0, H_SUCCESS, 0, 0 },
	{ RADIX_SET, 0x10000, 0, 12, H_PARAMETER, 0, 0 },
	{ RADIX, 0, 0, 0, H_PARAMETER, 0, 0 },
	{ HASH_SET | 2, 0x123, 5, 10, H_PARAMETER, 0, 0 },
	{ HASH_SET, 1ULL << 38, 5, 10, H_P2, 0, 0 },
	{ HASH_SET, 0x123, 8, 10, H_P3, 0, 0 },
	{ HASH_SET, 0x123, 5, 25, H_P4, 0, 0 },
};

static void check_table(const struct table_case *c)
{
	ck_assert_int_eq(HCALL(&fake, H_REGISTER_PROC_TBL, c->flags, c->base, c->page_size,
			       c->order), c->status);
	ck_assert_uint_eq(fake.kvm.nr_mmu, !c->status && (c->flags & MODIFY) ? 1 : 0);
	ck_assert_uint_eq(fake.kvm.mmu.flags, c->kvm_flags);
	ck_assert_uint_eq(fake.kvm.mmu.process_table, c->table);
}

START_TEST(test_radix_table)
{
	check_table(&radix_cases[_i]);
}
END_TEST

START_TEST(test_hash_table)
{
	check_table(&hash_cases[_i]);
}
END_TEST

/* KVM has the last word. */
START_TEST(test_table_refused)
{
	fake.kvm.fail_ioctl = KVM_PPC_CONFIGURE_V3_MMU;
	ck_assert_int_eq(HCALL(&fake, H_REGISTER_PROC_TBL, RADIX_SET, 0x10000, 0, 12),
			 H_PARAMETER);
}
END_TEST

static const struct reset_case {
	uint64_t target;
	int64_t status;
	bool reset[CPUS];
} reset_cases[] = {
	{ 0, H_SUCCESS, { true, false, false } },
	{ 1, H_SUCCESS, { false, true, false } },
	/* One that is stopped stays so. */
	{ 2, H_SUCCESS, { false, false, false } },
	{ UINT64_MAX, H_SUCCESS, { true, true, false } },
	{ UINT64_MAX - 1, H_SUCCESS, { false, true, false } },
	{ CPUS, H_PARAMETER, { false, false, false } },
	{ 1ULL << 32, H_PARAMETER, { false, false, false } },
	{ UINT64_MAX - 2, H_PARAMETER, { false, false, false } },
};

START_TEST(test_system_reset)
{
	const struct reset_case *c = &reset_cases[_i];

	start_cpu(1);
	ck_assert_int_eq(HCALL(&fake, H_SIGNAL_SYS_RESET, c->target), c->status);
	for (unsigned i = 0; i < CPUS; i++) {
		const struct kvm_regs *regs = &fake.kvm.vcpus[i].regs;

		ck_assert_int_eq(regs->pc == 0x100, c->reset[i]);
		if (!c->reset[i])
			continue;
		ck_assert_uint_eq(regs->srr0, i ? 0x2000 + i : FAKE_MACHINE_ENTRY);
		ck_assert_uint_eq(regs->srr1, MSR_START);
		ck_assert_uint_eq(regs->msr, MSR_START);
	}
}
END_TEST

/* In the byte order that the guest chose for its interrupts. */
START_TEST(test_system_reset_little_endian)
{
	fake.kvm.vcpus[0].regs.msr = MSR_START | 0x78340000 | 0x8001;
	ck_assert_int_eq(HCALL(&fake, H_SET_MODE, 1, 4, 0, 0), H_SUCCESS);
	/* Another mode says nothing of the byte order. */
	ck_assert_int_eq(HCALL(&fake, H_SET_MODE, 0, 3, 0, 0), H_SUCCESS);
	ck_assert_int_eq(HCALL(&fake, H_SIGNAL_SYS_RESET, 0), H_SUCCESS);
	ck_assert_uint_eq(fake.kvm.vcpus[0].regs.msr, MSR_START | 1);
	ck_assert_uint_eq(fake.kvm.vcpus[0].regs.srr1, MSR_START | 0x8001);
	ck_assert_int_eq(HCALL(&fake, H_SET_MODE, 0, 4, 0, 0), H_SUCCESS);
	ck_assert_int_eq(HCALL(&fake, H_SIGNAL_SYS_RESET, 0), H_SUCCESS);
	ck_assert_uint_eq(fake.kvm.vcpus[0].regs.msr, MSR_START);
}
END_TEST

static TCase *radix_tests(void)
{
	TCase *tests = tcase_create("radix");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, test_boot_registers);
	tcase_add_test(tests, test_unclaimed_mmio);
	tcase_add_test(tests, test_harmless_exits);
	tcase_add_test(tests, test_fatal_exit);
	tcase_add_loop_test(tests, test_set_mode, 0, ARRAY_SIZE(mode_cases));
	tcase_add_test(tests, test_set_mode_on_old_host);
	tcase_add_test(tests, test_set_mode_at_once);
	tcase_add_loop_test(tests, test_radix_table, 0, ARRAY_SIZE(radix_cases));
	tcase_add_test(tests, test_table_refused);
	tcase_add_loop_test(tests, test_system_reset, 0, ARRAY_SIZE(reset_cases));
	tcase_add_test(tests, test_system_reset_little_endian);
	tcase_set_timeout(tests, 20);
	return tests;
}

int main(void)
{
	Suite *suite = suite_create("papr_cpu");
	TCase *hash = tcase_create("hash");

	tcase_add_checked_fixture(hash, setup_hash, teardown);
	tcase_add_loop_test(hash, test_hash_table, 0, ARRAY_SIZE(hash_cases));
	suite_add_tcase(suite, radix_tests());
	suite_add_tcase(suite, hash);
	return run_suite(suite);
}

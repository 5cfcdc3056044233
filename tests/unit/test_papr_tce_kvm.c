/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCE tables in KVM: what KVM is asked for, what happens without it, and that nothing is left. */
#include <errno.h>
#include <fcntl.h>

#include "tests/unit/fake_group.h"
#include "tests/unit/fake_machine.h"
#include "tests/unit/guest_rtas.h"

#define H_GET_TCE 0x1c
#define H_PUT_TCE 0x20
#define H_STUFF_TCE 0x138
#define H_PUT_TCE_INDIRECT 0x13c
#define IOVA 0x20000ULL

static struct fake_machine fake;
static struct fake_group groups[2];

static void add_group(unsigned index)
{
	fake_group_init(&groups[index], IOVA);
	fake_add_nvme(&groups[index], 1);
	fake.vm.groups[index] = &groups[index].group;
	fake.vm.nr_groups = index + 1;
}

static void setup(void)
{
	fake_machine_init(&fake, 1);
	fake.capture.log.verbose = true;
	fake.kvm.hidden = &groups[0].hidden;
	add_group(0);
}

static void teardown(void)
{
	fake_machine_exit(&fake);
	ck_assert_uint_eq(groups[0].nr_chunks, 0);
	ck_assert(!groups[0].kvm_file || fcntl(groups[0].kvm_file, F_GETFD) < 0);
	for (unsigned i = 0; i < fake.kvm.nr_tables; i++)
		ck_assert_uint_eq(fake.kvm.tables[i].leaks, 0);
}

static void start(void)
{
	ck_assert_int_eq(fake_machine_create(&fake), 0);
	ck_assert_int_eq(machine_start(fake.machine), 0);
	fake_kvm_wait_idle(&fake.kvm, 0);
}

static void stop(void)
{
	machine_destroy(fake.machine);
	fake.machine = NULL;
}

/* Among whatever else is said with --verbose. */
static void expect_said(const char *part)
{
	const char *text = capture_take(&fake.capture);

	ck_assert_msg(strstr(text, part) != NULL, "no \"%s\" in \"%s\"", part, text);
}

static void expect_call_enabled(uint64_t number)
{
	const struct fake_kvm_record *enabled =
		fake_kvm_find_enabled(&fake.kvm, KVM_CAP_PPC_ENABLE_HCALL, number);

	ck_assert_ptr_nonnull(enabled);
	ck_assert_uint_eq(enabled->arg1, 1);
}

START_TEST(test_attached)
{
	const struct kvm_create_spapr_tce_64 *wanted = &fake.kvm.tables[0].wanted;

	fake.config.tce = TCE_KVM;
	start();
	ck_assert_uint_eq(fake.kvm.nr_tables, 1);
	ck_assert_uint_eq(wanted->liobn, PAPR_PHB_LIOBN(0));
	ck_assert_uint_eq(wanted->page_shift, 12);
	ck_assert_uint_eq(wanted->flags, 0);
	ck_assert_uint_eq(wanted->offset, IOVA >> 12);
	ck_assert_uint_eq(wanted->size, FAKE_WINDOW_PAGES);
	/* And KVM does not hold the group, which the host may want back. */
	ck_assert_uint_eq(fake.kvm.nr_shown, 1);
	ck_assert_uint_eq(fake.kvm.nr_files, 0);
	ck_assert(fake.kvm.tables[0].attached);
	expect_call_enabled(H_PUT_TCE_INDIRECT);
	expect_call_enabled(H_STUFF_TCE);
	ck_assert_ptr_null(fake_kvm_find_enabled(&fake.kvm, KVM_CAP_PPC_ENABLE_HCALL, H_PUT_TCE));
	expect_said("TCEs: handled by KVM");
}
END_TEST

/* KVM would trust the guest's lists. */
START_TEST(test_lists_are_ours)
{
	start();
	ck_assert_uint_eq(fake.kvm.nr_tables, 1);
	ck_assert_ptr_null(fake_kvm_find_enabled(&fake.kvm, KVM_CAP_PPC_ENABLE_HCALL,
						 H_PUT_TCE_INDIRECT));
	ck_assert_ptr_null(fake_kvm_find_enabled(&fake.kvm, KVM_CAP_PPC_ENABLE_HCALL,
						 H_STUFF_TCE));
	ck_assert_ptr_null(fake_kvm_find_enabled(&fake.kvm, KVM_CAP_PPC_ENABLE_HCALL, H_PUT_TCE));
	expect_said("TCEs: single ones handled by KVM, lists by pvmm");
}
END_TEST

/* What KVM passes on is done here, and is in the table that KVM has. */
START_TEST(test_passed_on)
{
	uint64_t args[HCALL_NR_ARGS] = { PAPR_PHB_LIOBN(0), IOVA };

	start();
	ck_assert_int_eq(HCALL(&fake, H_PUT_TCE, PAPR_PHB_LIOBN(0), IOVA, 0x5003), H_SUCCESS);
	ck_assert_uint_eq(groups[0].map_calls, 1);
	ck_assert_uint_eq(fake.machine->tce_kvm.tables[0].entries[0], 0x5003);
	fake.machine->tce_kvm.tables[0].entries[0] = 0x6003;
	ck_assert_int_eq(fake_machine_hcall(&fake, 0, H_GET_TCE, args), H_SUCCESS);
	ck_assert_uint_eq(args[0], 0x6003);
	stop();
	expect_said("pvmm handled 1 calls, 1 of them to register memory");
}
END_TEST

static int32_t pe_call(const char *name, uint32_t *rets, uint32_t nr_rets, const uint32_t *args,
		       uint32_t nr_args)
{
	return guest_rtas_call(&fake.machine->rtas, NULL, name, args, nr_args, rets, nr_rets);
}

/* A window that the guest makes has a table of its own, and the first one keeps its. The group's
 * windows may be there for KVM always (1). */
START_TEST(test_second_window)
{
	static const uint32_t create[] = { 1, (uint32_t)(PAPR_PHB_BUID(0) >> 32),
					   (uint32_t)PAPR_PHB_BUID(0), 12, 20 };
	static const uint32_t removal[] = { PAPR_PHB_LIOBN(0) + 1 };
	uint32_t rets[3];

	groups[0].group.dma.max_windows = 2;
	groups[0].shown_always = _i;
	start();
	for (unsigned i = 1; i <= 2; i++) {
		ck_assert_int_eq(pe_call("ibm,create-pe-dma-window", rets, 4, create, 5), 0);
		ck_assert_uint_eq(fake.kvm.nr_tables, 1 + i);
		ck_assert_uint_eq(fake.kvm.tables[i].wanted.liobn, PAPR_PHB_LIOBN(0) + 1);
		ck_assert_uint_eq(fake.kvm.tables[i].wanted.offset, FAKE_WINDOW64 >> 12);
		ck_assert_uint_eq(fake.kvm.tables[i].wanted.size, MIB >> 12);
		ck_assert(fake.kvm.tables[0].attached);
		ck_assert(fake.kvm.tables[i].attached);
		ck_assert_int_eq(fake.kvm.nr_files, _i);
		ck_assert_int_eq(HCALL(&fake, H_PUT_TCE, PAPR_PHB_LIOBN(0) + 1, FAKE_WINDOW64,
				       0x5003), H_SUCCESS);
		ck_assert_uint_eq(fake.machine->tce_kvm.tables[1].entries[0], 0x5003);
		/* Guests on their processors are stopped for it. */
		ck_assert_int_eq(pe_call("ibm,remove-pe-dma-window", rets, 1, removal, 1), 0);
		ck_assert_uint_eq(fake.machine->tce_kvm.nr_tables, 1);
		fake_kvm_wait_idle(&fake.kvm, 0);
	}
}
END_TEST

/* Each boot has a KVM of its own, and in that new tables. */
START_TEST(test_reboot)
{
	groups[0].shown_always = _i;
	start();
	ck_assert_int_eq(HCALL(&fake, H_PUT_TCE, PAPR_PHB_LIOBN(0), IOVA, 0x5003), H_SUCCESS);
	stop();
	ck_assert_int_lt(fcntl(groups[0].kvm_file, F_GETFD), 0);
	ck_assert(!fake_kvm_tables_are_held(&fake.kvm));
	ck_assert_uint_eq(groups[0].pages[0].hva, 0);
	start();
	ck_assert_uint_eq(fake.kvm.nr_tables, 2);
	ck_assert_uint_eq(fake.kvm.nr_shown, 2);
	ck_assert(fake.kvm.tables[1].attached);
	ck_assert_uint_eq(fake.machine->tce_kvm.tables[0].entries[0], 0);
}
END_TEST

START_TEST(test_unwanted)
{
	const struct fake_kvm_record *put;

	fake.config.tce = TCE_PVMM;
	start();
	put = fake_kvm_find_enabled(&fake.kvm, KVM_CAP_PPC_ENABLE_HCALL, H_PUT_TCE);
	ck_assert(put && !put->arg1);
	ck_assert_uint_eq(fake.kvm.nr_tables, 0);
	ck_assert_int_eq(fake.kvm.vfio_fd, -1);
	expect_said("TCEs: handled by pvmm, each run of neighbours in a call: --tce pvmm");
	ck_assert_int_eq(HCALL(&fake, H_PUT_TCE, PAPR_PHB_LIOBN(0), IOVA, 0x5003), H_SUCCESS);
}
END_TEST

/* One that KVM cannot have does not keep it from another. */
START_TEST(test_one_of_two)
{
	add_group(1);
	groups[0].no_kvm_file = true;
	fake.kvm.hidden = &groups[1].hidden;
	fake_group_take_lists(&groups[0]);
	start();
	ck_assert_uint_eq(fake.machine->tce_kvm.nr_tables, 1);
	ck_assert_uint_eq(fake.kvm.tables[1].wanted.liobn, PAPR_PHB_LIOBN(1));
	ck_assert(fake.kvm.tables[1].attached);
	expect_said("TCEs: handled by pvmm, a list in one call: the group cannot be shown to KVM: "
		    "Operation not supported");
	ck_assert_int_eq(HCALL(&fake, H_PUT_TCE, PAPR_PHB_LIOBN(0), IOVA, 0x5003), H_SUCCESS);
	ck_assert_int_eq(HCALL(&fake, H_PUT_TCE, PAPR_PHB_LIOBN(1), IOVA, 0x5003), H_SUCCESS);
	stop();
	ck_assert_uint_eq(groups[1].nr_chunks, 0);
}
END_TEST

static void without_files(void)
{
	groups[0].no_kvm_file = true;
}

static void without_tables(void)
{
	fake_kvm_miss(&fake.kvm, KVM_CAP_SPAPR_TCE_64);
}

static void without_vfio(void)
{
	fake_kvm_miss(&fake.kvm, KVM_CAP_SPAPR_TCE_VFIO);
}

static void without_lists(void)
{
	fake_kvm_miss(&fake.kvm, KVM_CAP_SPAPR_MULTITCE);
}

static void without_memory(void)
{
	fake.kvm.create_table_error = -ENOMEM;
}

static void file_refused(void)
{
	fake.kvm.fail_vfio = 1;
}

static void window_refused(void)
{
	fake.kvm.fail_vfio = 2;
}

static const struct {
	void (*prepare)(void);
	int error;
	const char *why;
} refusals[] = {
	{ without_files, -EOPNOTSUPP, "the group cannot be shown to KVM: Operation not supported" },
	{ without_tables, -ENODEV, "the host's KVM has no TCE tables for devices" },
	{ without_vfio, -ENODEV, "the host's KVM has no TCE tables for devices" },
	{ without_lists, -ENODEV, "the host's KVM has no TCE tables for devices" },
	{ without_memory, -ENOMEM, "KVM makes no TCE table: Cannot allocate memory; raise the "
				   "limit for locked memory (ulimit -l)" },
	{ file_refused, -EIO, "KVM does not take the group: Input/output error" },
	{ window_refused, -EIO, "KVM does not take the group's window: Input/output error" },
};

/* pvmm does it then, and says why. */
START_TEST(test_falls_back)
{
	refusals[_i].prepare();
	start();
	expect_said(refusals[_i].why);
	ck_assert_uint_eq(fake.kvm.nr_files, 0);
	ck_assert_int_eq(HCALL(&fake, H_PUT_TCE, PAPR_PHB_LIOBN(0), IOVA, 0x5003), H_SUCCESS);
	ck_assert_uint_eq(groups[0].map_calls, 1);
}
END_TEST

START_TEST(test_required)
{
	fake.config.tce = TCE_KVM;
	refusals[_i].prepare();
	ck_assert_int_eq(fake_machine_create(&fake), refusals[_i].error);
	expect_said("--tce kvm: ");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("papr_tce_kvm");
	TCase *tests = tcase_create("papr_tce_kvm");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, test_attached);
	tcase_add_test(tests, test_lists_are_ours);
	tcase_add_test(tests, test_passed_on);
	tcase_add_loop_test(tests, test_second_window, 0, 2);
	tcase_add_loop_test(tests, test_reboot, 0, 2);
	tcase_add_test(tests, test_unwanted);
	tcase_add_test(tests, test_one_of_two);
	tcase_add_loop_test(tests, test_falls_back, 0, ARRAY_SIZE(refusals));
	tcase_add_loop_test(tests, test_required, 0, ARRAY_SIZE(refusals));
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}

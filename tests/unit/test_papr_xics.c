/* SPDX-License-Identifier: GPL-2.0-or-later */
/* XICS in KVM: what pvmm tells KVM, and how a line's end reaches its origin. */
#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/unit/fake_group.h"
#include "tests/unit/fake_machine.h"

#define H_EOI 0x64
#define MASKED (1ULL << 41 | 0xffULL << 32)

static struct fake_machine fake;
static struct fake_group group;
static struct pci_device *device;
static pthread_t loop;

static void *run_loop(void *arg)
{
	ck_assert_int_eq(loop_run(&fake.vm.loop), 0);
	return NULL;
}

static void start(bool on_xive)
{
	fake_machine_init(&fake, 2);
	fake.config.irqchip = IRQCHIP_XICS;
	if (!on_xive)
		fake_kvm_miss(&fake.kvm, KVM_CAP_PPC_IRQ_XIVE);
	fake_group_init(&group, 0);
	fake_add_nvme(&group, 1);
	fake.vm.groups[0] = &group.group;
	fake.vm.nr_groups = 1;
	ck_assert_int_eq(fake_machine_create(&fake), 0);
	ck_assert_int_eq(machine_start(fake.machine), 0);
	fake_kvm_wait_idle(&fake.kvm, 0);
	device = &fake.machine->phbs.phbs[0].pci.devices[0];
	pthread_create(&loop, NULL, run_loop, NULL);
}

static void setup(void)
{
	start(false);
}

static void setup_on_xive(void)
{
	start(true);
}

static void teardown(void)
{
	loop_stop(&fake.vm.loop);
	pthread_join(loop, NULL);
	fake_machine_exit(&fake);
}

static unsigned raised(void)
{
	unsigned count;

	pthread_mutex_lock(&fake.kvm.lock);
	count = fake.kvm.nr_lines;
	pthread_mutex_unlock(&fake.kvm.lock);
	return count;
}

/* The device raises its line: the host's kernel signals. */
static void raise_line(void)
{
	unsigned before = raised();

	ck_assert_int_eq(eventfd_write(device->lsi_fd, 1), 0);
	while (raised() == before)
		usleep(1000);
}

/* Who serves H_EOI: 1 KVM, 0 pvmm. */
static uint64_t eoi_owner(void)
{
	const struct fake_kvm_record *record;

	record = fake_kvm_find_enabled(&fake.kvm, KVM_CAP_PPC_ENABLE_HCALL, H_EOI);
	return record ? record->arg1 : 1;
}

START_TEST(test_sources)
{
	const struct fake_kvm_set *set;

	set = fake_kvm_find_set(&fake.kvm, KVM_DEV_XICS_GRP_SOURCES, fake.machine->vty.irq);
	ck_assert_uint_eq(set->value, MASKED);
	set = fake_kvm_find_set(&fake.kvm, KVM_DEV_XICS_GRP_SOURCES, device->lsi);
	ck_assert_uint_eq(set->value, MASKED);
	ck_assert_ptr_nonnull(fake_kvm_find_enabled(&fake.kvm, KVM_CAP_IRQ_XICS,
						    (uint64_t)fake.kvm.device_fd));
}
END_TEST

/* pvmm takes H_EOI while a line is pending; at the first one the line's origin is unmasked and
 * the guest makes the call again, to KVM. */
START_TEST(test_line)
{
	uint64_t args[HCALL_NR_ARGS] = { 0x1234, 2, 3, 4, 5, 6, 7, 8, 9 };
	uint64_t pc = fake.kvm.vcpus[0].regs.pc;

	ck_assert_uint_eq(eoi_owner(), 1);
	raise_line();
	ck_assert_uint_eq(fake.kvm.lines[0].arg0, device->lsi);
	ck_assert_uint_eq(eoi_owner(), 0);
	ck_assert_uint_eq(group.devices[0].unmasks, 0);
	ck_assert_int_eq(fake_machine_hcall(&fake, 0, H_EOI, args), H_EOI);
	ck_assert_uint_eq(fake.kvm.vcpus[0].regs.pc, pc - 4);
	for (unsigned i = 1; i < HCALL_NR_ARGS; i++)
		ck_assert_uint_eq(args[i], i + 1);
	ck_assert_uint_eq(args[0], 0x1234);
	ck_assert_uint_eq(group.devices[0].unmasks, 1);
	ck_assert_uint_eq(eoi_owner(), 1);
	/* A second processor's call, on its way when KVM got H_EOI back, ends nothing. */
	ck_assert_int_eq(HCALL(&fake, H_EOI, 0), H_EOI);
	ck_assert_uint_eq(group.devices[0].unmasks, 1);
	raise_line();
	ck_assert_uint_eq(eoi_owner(), 0);
}
END_TEST

/* A line that is taken away while it is pending, by a guest that goes over to messages. */
START_TEST(test_line_goes)
{
	uint64_t buid = PAPR_PHB_BUID(0);
	uint32_t rets[2];

	raise_line();
	ck_assert_int_eq(RTAS(&fake, "ibm,change-msi", rets, 3, 0, (uint32_t)(buid >> 32),
			      (uint32_t)buid, 4, 3, 1), RTAS_SUCCESS);
	ck_assert_uint_eq(fake.kvm.nr_irqfds, 3);
	ck_assert_int_eq(HCALL(&fake, H_EOI, 0), H_EOI);
	ck_assert_uint_eq(group.devices[0].unmasks, 0);
	ck_assert_int_eq(RTAS(&fake, "ibm,change-msi", rets, 3, 0, (uint32_t)(buid >> 32),
			      (uint32_t)buid, 4, 0, 1), RTAS_SUCCESS);
	raise_line();
	ck_assert_uint_eq(eoi_owner(), 0);
}
END_TEST

static void wait_for_unmasks(unsigned count)
{
	while (__atomic_load_n(&group.devices[0].unmasks, __ATOMIC_SEQ_CST) < count)
		usleep(1000);
}

/* On top of XIVE nobody tells: the origin is unmasked after a while, once for each time that
 * the line rose. */
START_TEST(test_line_on_xive)
{
	for (unsigned i = 1; i <= 3; i++) {
		raise_line();
		wait_for_unmasks(i);
	}
	usleep(20000);
	ck_assert_uint_eq(group.devices[0].unmasks, 3);
	ck_assert_uint_eq(eoi_owner(), 1);
}
END_TEST

/* KVM serves these; the guest must find their tokens, and pvmm has nothing to say. */
START_TEST(test_kernel_calls)
{
	static const char *const names[] = { "ibm,set-xive", "ibm,get-xive", "ibm,int-off",
					     "ibm,int-on" };
	uint32_t rets[2];

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		ck_assert_uint_ne(rtas_token(&fake.machine->rtas, names[i]), 0);
		ck_assert_int_eq(RTAS(&fake, names[i], rets, 3, 1, 2, 3), RTAS_HARDWARE_ERROR);
	}
	/* XIVE's hypercalls do not exist. */
	ck_assert_int_eq(HCALL(&fake, 0x3a8, 0, 0), H_FUNCTION);
}
END_TEST

START_TEST(test_create_failures)
{
	fake_machine_init(&fake, 1);
	fake.config.irqchip = IRQCHIP_XICS;
	fake.kvm.fail_ioctl = KVM_PPC_RTAS_DEFINE_TOKEN;
	ck_assert_int_eq(fake_machine_create(&fake), -EINVAL);
	fake_machine_exit(&fake);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("papr_xics");
	TCase *tests = tcase_create("running"), *starting = tcase_create("starting");
	TCase *on_xive = tcase_create("on XIVE");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, test_sources);
	tcase_add_test(tests, test_line);
	tcase_add_test(tests, test_line_goes);
	tcase_add_test(tests, test_kernel_calls);
	tcase_add_checked_fixture(on_xive, setup_on_xive, teardown);
	tcase_add_test(on_xive, test_sources);
	tcase_add_test(on_xive, test_line_on_xive);
	tcase_add_test(starting, test_create_failures);
	suite_add_tcase(suite, tests);
	suite_add_tcase(suite, on_xive);
	suite_add_tcase(suite, starting);
	return run_suite(suite);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end: of vCPUs while one is still busy, and of a boot for more than one reason. */
#include <semaphore.h>

#include "tests/unit/capture.h"
#include "tests/unit/fake_kvm.h"
#include "vmm/vcpu.h"
#include "vmm/vm.h"

#define CPUS 3
#define LATE 1	/* the vCPU that is busy when the end comes */

static struct fake_kvm kvm;
static struct vcpus vcpus;
static sem_t busy, go_on;
static unsigned nr_works;

static void count_work(struct vcpu *vcpu, void *arg)
{
	nr_works++;
}

static int init_vcpu(struct vcpu *vcpu)
{
	return 0;
}

/* Reaches for all other vCPUs after the end has begun: none may be gone. */
static int reach_for_all(struct vcpu *self)
{
	sem_post(&busy);
	while (sem_wait(&go_on))
		;
	for (unsigned i = 0; i < CPUS; i++)
		ck_assert(kvm.vcpus[i].exists);
	vcpus_run_on_all(&vcpus, self, count_work, NULL);
	return 0;
}

static const struct vcpu_ops ops = { .init = init_vcpu, .handle_exit = reach_for_all };

static int prepare(struct vcpu *vcpu, void *arg)
{
	return 0;
}

static void *exit_all(void *arg)
{
	vcpus_exit(&vcpus);
	return NULL;
}

START_TEST(test_vcpu_late)
{
	const struct kvm_run exit = { .exit_reason = KVM_EXIT_PAPR_HCALL };
	struct vcpu_threads threads;
	struct capture capture;
	struct kvm_vm vm;
	pthread_t ending;

	capture_init(&capture);
	fake_kvm_init(&kvm);
	sem_init(&busy, 0, 0);
	sem_init(&go_on, 0, 0);
	ck_assert_int_eq(vcpu_setup_signal(), 0);
	ck_assert_int_eq(kvm_vm_init(&vm, &kvm.kvm, 0), 0);
	ck_assert_int_eq(vcpu_threads_init(&threads, CPUS, NULL, &capture.log), 0);
	ck_assert_int_eq(vcpus_init(&vcpus, &threads, &vm, &ops, NULL, &capture.log), 0);
	ck_assert_int_eq(vcpu_start(vcpus_get(&vcpus, LATE), prepare, NULL), 0);
	fake_kvm_give(&kvm, LATE, &exit);
	sem_wait(&busy);
	ck_assert_int_eq(pthread_create(&ending, NULL, exit_all, NULL), 0);
	/* Long enough for the threads of the others to end. */
	usleep(100000);
	sem_post(&go_on);
	pthread_join(ending, NULL);
	ck_assert_uint_eq(nr_works, 0);
	for (unsigned i = 0; i < CPUS; i++)
		ck_assert(!kvm.vcpus[i].exists);
	vcpu_threads_exit(&threads);
	kvm_vm_exit(&vm);
	fake_kvm_exit(&kvm);
	capture_exit(&capture);
}
END_TEST

static const struct {
	enum vm_end first, second, result;
} reasons[] = {
	{ VM_POWERED_OFF, VM_REBOOT, VM_POWERED_OFF },
	{ VM_REBOOT, VM_POWERED_OFF, VM_REBOOT },
	{ VM_REBOOT, VM_PANICKED, VM_REBOOT },
	{ VM_PANICKED, VM_STOPPED, VM_PANICKED },
	{ VM_POWERED_OFF, VM_TIMED_OUT, VM_POWERED_OFF },
	/* The operator says it once, the guest would come back. */
	{ VM_REBOOT, VM_STOPPED, VM_STOPPED },
	{ VM_REBOOT, VM_TIMED_OUT, VM_TIMED_OUT },
	{ VM_STOPPED, VM_REBOOT, VM_STOPPED },
};

START_TEST(test_reasons)
{
	struct vm vm = { .end = VM_RUNNING };

	ck_assert_int_eq(loop_init(&vm.loop), 0);
	vm_stop(&vm, reasons[_i].first);
	vm_stop(&vm, reasons[_i].second);
	ck_assert_int_eq(vm.end, reasons[_i].result);
	ck_assert_int_eq(loop_run(&vm.loop), 0);
	loop_exit(&vm.loop);
}
END_TEST

/* A vCPU says why only after another's reason has ended the boot: the next boot goes on. */
START_TEST(test_late_reason)
{
	struct vm vm = { .end = VM_RUNNING };

	ck_assert_int_eq(loop_init(&vm.loop), 0);
	vm_stop(&vm, VM_REBOOT);
	ck_assert_int_eq(loop_run(&vm.loop), 0);
	vm_stop(&vm, VM_POWERED_OFF);
	ck_assert(!vm.loop.stopping);
	loop_exit(&vm.loop);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("end");
	TCase *tests = tcase_create("end");

	tcase_add_test(tests, test_vcpu_late);
	tcase_add_loop_test(tests, test_reasons, 0, ARRAY_SIZE(reasons));
	tcase_add_test(tests, test_late_reason);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}

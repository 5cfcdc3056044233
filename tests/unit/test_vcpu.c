/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vCPU threads over a fake KVM: starting, parking, work on all of them, failures, the end. */
#include <errno.h>
#include <semaphore.h>
#include <sys/resource.h>
#include <time.h>

#include "tests/unit/capture.h"
#include "tests/unit/fake_kvm.h"
#include "vmm/vcpu.h"

#define CPUS 4

enum {
	EXIT_NOTHING = 100,	/* handled at once */
	EXIT_PARK,
	EXIT_ERROR,
	EXIT_BLOCK,		/* until the test lets it go on */
	EXIT_BLOCK_AND_PARK,
	EXIT_WORK,		/* asks for work on all */
	EXIT_ALONE,		/* asks to be alone */
	EXIT_MAX
};

static struct fake_kvm kvm;
static struct kvm_vm vm;
static struct vcpu_threads threads;
static struct vcpus vcpus;
static struct capture capture;
static unsigned handled[EXIT_MAX - EXIT_NOTHING], nr_failed, fail_init_of;
static sem_t blocked, go_on, asked;
static unsigned worked[CPUS], nr_worked;

static void count_work(struct vcpu *vcpu, void *arg)
{
	/* The lock is held. Out of the guest, which is what the work is about. */
	ck_assert(!__atomic_load_n(&kvm.vcpus[vcpu->index].inside, __ATOMIC_SEQ_CST));
	worked[vcpu->index]++;
	++*(unsigned *)arg;
}

static void ask_for_work(struct vcpu *self)
{
	unsigned count = 0;

	sem_post(&asked);
	vcpus_run_on_all(&vcpus, self, count_work, &count);
	__atomic_add_fetch(&nr_worked, count, __ATOMIC_SEQ_CST);
	/* What comes late would write to a frame that is gone. */
	count = 1000;
}

static unsigned nr_alone, nr_alone_now;

/* Nobody is in the guest, and nobody else is alone. */
static void be_alone(void *arg)
{
	ck_assert_uint_eq(nr_alone_now++, 0);
	for (unsigned i = 0; i < 20; i++) {
		for (unsigned cpu = 0; cpu < CPUS; cpu++)
			ck_assert(!__atomic_load_n(&kvm.vcpus[cpu].inside, __ATOMIC_SEQ_CST));
		usleep(100);
	}
	nr_alone_now--;
	++*(unsigned *)arg;
}

static int handle_exit(struct vcpu *vcpu)
{
	uint32_t reason = vcpu->kvm.run->exit_reason;

	__atomic_add_fetch(&handled[reason - EXIT_NOTHING], 1, __ATOMIC_SEQ_CST);
	vcpu->kvm.run->papr_hcall.ret = reason;
	if (reason == EXIT_PARK || reason == EXIT_BLOCK_AND_PARK)
		vcpu_park(vcpu);
	if (reason == EXIT_BLOCK || reason == EXIT_BLOCK_AND_PARK) {
		sem_post(&blocked);
		while (sem_wait(&go_on))
			;
	}
	if (reason == EXIT_WORK)
		ask_for_work(vcpu);
	if (reason == EXIT_ALONE)
		vcpus_run_alone(&vcpus, be_alone, &nr_alone);
	return reason == EXIT_ERROR ? -EIO : 0;
}

static int init_vcpu(struct vcpu *vcpu)
{
	return fail_init_of == vcpu->index + 1 ? -EPERM : 0;
}

static void vcpu_failed(struct vcpu *vcpu)
{
	__atomic_add_fetch(&nr_failed, 1, __ATOMIC_SEQ_CST);
}

static const struct vcpu_ops ops = {
	.init = init_vcpu,
	.handle_exit = handle_exit,
	.failed = vcpu_failed,
};

static void setup(void)
{
	capture_init(&capture);
	fake_kvm_init(&kvm);
	ck_assert_int_eq(kvm_vm_init(&vm, &kvm.kvm, 0), 0);
	ck_assert_int_eq(vcpu_setup_signal(), 0);
	ck_assert_int_eq(vcpu_threads_init(&threads, CPUS, NULL, &capture.log), 0);
	sem_init(&blocked, 0, 0);
	sem_init(&go_on, 0, 0);
	sem_init(&asked, 0, 0);
}

static int init_vcpus(void)
{
	return vcpus_init(&vcpus, &threads, &vm, &ops, NULL, &capture.log);
}

static void setup_vcpus(void)
{
	setup();
	ck_assert_int_eq(init_vcpus(), 0);
}

static void teardown(void)
{
	vcpus_exit(&vcpus);
	for (unsigned i = 0; i < FAKE_KVM_VCPUS; i++)
		ck_assert(!kvm.vcpus[i].exists);
	vcpu_threads_exit(&threads);
	kvm_vm_exit(&vm);
	fake_kvm_exit(&kvm);
	capture_exit(&capture);
}

static int prepare(struct vcpu *vcpu, void *arg)
{
	if (arg)
		++*(unsigned *)arg;
	return 0;
}

static int prepare_badly(struct vcpu *vcpu, void *arg)
{
	return -EPERM;
}

static void start(unsigned index)
{
	ck_assert_int_eq(vcpu_start(vcpus_get(&vcpus, index), prepare, NULL), 0);
	fake_kvm_wait_idle(&kvm, index);
}

static void give(unsigned index, uint32_t reason)
{
	struct kvm_run exit = { .exit_reason = reason };

	fake_kvm_give(&kvm, index, &exit);
}

static void wait_parked(unsigned index)
{
	while (!vcpu_is_parked(vcpus_get(&vcpus, index)))
		usleep(1000);
}

START_TEST(test_all_parked)
{
	ck_assert_ptr_null(vcpus_get(&vcpus, CPUS));
	ck_assert_ptr_null(vcpus_get(&vcpus, UINT64_MAX));
	ck_assert_ptr_null(vcpus_get(&vcpus, 1ULL << 32));
	usleep(20000);
	for (unsigned i = 0; i < CPUS; i++) {
		ck_assert_uint_eq(vcpus_get(&vcpus, i)->index, i);
		ck_assert(vcpu_is_parked(vcpus_get(&vcpus, i)));
		ck_assert_uint_eq(kvm.vcpus[i].entries, 0);
	}
}
END_TEST

static long nr_sleeps(void)
{
	struct rusage usage;

	ck_assert_int_eq(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_nvcsw;
}

/* Parked vCPUs sleep, and do not wake each other for ever: a lab's CPUs would be gone. */
START_TEST(test_parked_sleep)
{
	long before;

	start(0);
	give(0, EXIT_PARK);
	for (unsigned i = 0; i < CPUS; i++)
		wait_parked(i);
	usleep(20000);
	before = nr_sleeps();
	usleep(100000);
	ck_assert_int_lt(nr_sleeps() - before, 20);
}
END_TEST

START_TEST(test_start)
{
	struct vcpu *vcpu = vcpus_get(&vcpus, 1);
	unsigned prepared = 0;

	ck_assert_int_eq(vcpu_start(vcpu, prepare_badly, NULL), -EPERM);
	ck_assert(vcpu_is_parked(vcpu));
	ck_assert_int_eq(vcpu_start(vcpu, prepare, &prepared), 0);
	fake_kvm_wait_idle(&kvm, 1);
	ck_assert(!vcpu_is_parked(vcpu));
	ck_assert_int_eq(vcpu_start(vcpu, prepare, &prepared), -EBUSY);
	ck_assert_uint_eq(prepared, 1);
	ck_assert(vcpu_is_parked(vcpus_get(&vcpus, 0)));
}
END_TEST

START_TEST(test_exits)
{
	start(0);
	give(0, EXIT_NOTHING);
	give(0, EXIT_NOTHING);
	fake_kvm_wait_completed(&kvm, 0, 2);
	ck_assert_uint_eq(handled[0], 2);
	ck_assert_uint_eq(kvm.vcpus[0].completed.papr_hcall.ret, EXIT_NOTHING);
}
END_TEST

/* A parked vCPU has its last exit completed, does not enter the guest, and can start again. */
START_TEST(test_park)
{
	unsigned entries;

	start(2);
	entries = kvm.vcpus[2].entries;
	give(2, EXIT_PARK);
	wait_parked(2);
	ck_assert_uint_eq(kvm.vcpus[2].nr_completed, 1);
	ck_assert_uint_eq(kvm.vcpus[2].completed.papr_hcall.ret, EXIT_PARK);
	ck_assert_uint_eq(kvm.vcpus[2].entries, entries);
	start(2);
	give(2, EXIT_NOTHING);
	fake_kvm_wait_completed(&kvm, 2, 2);
	ck_assert_uint_eq(kvm.vcpus[2].nr_completed, 2);
}
END_TEST

/* An exit of several parts (a vector store to a device) is handled to its end first. */
START_TEST(test_parts)
{
	unsigned count = 0;

	start(0);
	kvm.vcpus[0].parts = 2;
	give(0, EXIT_PARK);
	give(0, EXIT_NOTHING);
	give(0, EXIT_NOTHING);
	wait_parked(0);
	ck_assert_uint_eq(handled[0], 2);
	ck_assert_uint_eq(kvm.vcpus[0].nr_completed, 3);
	ck_assert_uint_eq(kvm.vcpus[0].completed.papr_hcall.ret, EXIT_NOTHING);
	vcpus_run_on_all(&vcpus, NULL, count_work, &count);
	ck_assert_uint_eq(count, CPUS);
}
END_TEST

struct starter {
	pthread_t thread;
	unsigned *prepared;
	int result;
};

static void *start_first(void *arg)
{
	struct starter *starter = arg;

	starter->result = vcpu_start(vcpus_get(&vcpus, 0), prepare, starter->prepared);
	return NULL;
}

/* Two want to start a vCPU that has been told to park but is still at its last exit: one does,
 * once it is really parked, and the other is told so. */
START_TEST(test_start_while_parking)
{
	unsigned prepared = 0;
	struct starter starters[2] = { { .prepared = &prepared }, { .prepared = &prepared } };

	start(0);
	give(0, EXIT_BLOCK_AND_PARK);
	sem_wait(&blocked);
	ck_assert(!vcpu_is_parked(vcpus_get(&vcpus, 0)));
	for (unsigned i = 0; i < 2; i++)
		pthread_create(&starters[i].thread, NULL, start_first, &starters[i]);
	usleep(50000);
	ck_assert_uint_eq(prepared, 0);
	sem_post(&go_on);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(starters[i].thread, NULL);
	ck_assert_uint_eq(prepared, 1);
	ck_assert_int_eq(starters[0].result + starters[1].result, -EBUSY);
}
END_TEST

START_TEST(test_work_from_outside)
{
	unsigned count = 0, entries;

	start(0);
	start(3);
	entries = kvm.vcpus[1].entries;
	for (unsigned i = 1; i <= 50; i++) {
		vcpus_run_on_all(&vcpus, NULL, count_work, &count);
		ck_assert_uint_eq(count, i * CPUS);
	}
	for (unsigned i = 0; i < CPUS; i++)
		ck_assert_uint_eq(worked[i], 50);
	/* Who was parked stays so. */
	ck_assert(vcpu_is_parked(vcpus_get(&vcpus, 1)));
	ck_assert_uint_eq(kvm.vcpus[1].entries, entries);
	fake_kvm_wait_idle(&kvm, 0);
}
END_TEST

/* From outside and by vCPUs at once, while others ask for work on all. */
START_TEST(test_alone)
{
	unsigned count = 0, alone = 0;

	nr_alone = 0;
	for (unsigned i = 0; i < CPUS - 1; i++)
		start(i);
	for (unsigned i = 1; i <= 20; i++) {
		give(0, EXIT_ALONE);
		give(1, EXIT_ALONE);
		give(2, EXIT_WORK);
		vcpus_run_alone(&vcpus, be_alone, &alone);
		vcpus_run_on_all(&vcpus, NULL, count_work, &count);
		ck_assert_uint_eq(alone, i);
		ck_assert_uint_eq(count, i * CPUS);
	}
	for (unsigned i = 0; i < CPUS - 1; i++)
		fake_kvm_wait_idle(&kvm, i);
	ck_assert_uint_eq(nr_alone, 40);
	ck_assert_uint_eq(nr_worked, 20 * CPUS);
	/* Who was parked stays so. */
	ck_assert(vcpu_is_parked(vcpus_get(&vcpus, CPUS - 1)));
}
END_TEST

/* One that handles an exit is not waited for, but does not enter meanwhile. */
START_TEST(test_alone_while_handling)
{
	unsigned alone = 0, entries;

	start(0);
	give(0, EXIT_BLOCK);
	sem_wait(&blocked);
	entries = kvm.vcpus[0].entries;
	vcpus_run_alone(&vcpus, be_alone, &alone);
	ck_assert_uint_eq(alone, 1);
	ck_assert_uint_eq(kvm.vcpus[0].entries, entries);
	sem_post(&go_on);
	fake_kvm_wait_idle(&kvm, 0);
}
END_TEST

/* The last exit's results are in registers before the work looks at them. */
START_TEST(test_work_after_exit)
{
	unsigned count = 0;

	start(0);
	give(0, EXIT_NOTHING);
	give(0, EXIT_BLOCK);
	sem_wait(&blocked);
	sem_post(&go_on);
	vcpus_run_on_all(&vcpus, NULL, count_work, &count);
	ck_assert_uint_eq(kvm.vcpus[0].nr_completed, 2);
}
END_TEST

START_TEST(test_work_from_vcpus)
{
	enum { ROUNDS = 50 };

	for (unsigned i = 0; i < CPUS - 1; i++)
		start(i);
	for (unsigned round = 1; round <= ROUNDS; round++) {
		for (unsigned i = 0; i < CPUS - 1; i++)
			give(i, EXIT_WORK);
		for (unsigned i = 0; i < CPUS - 1; i++)
			fake_kvm_wait_completed(&kvm, i, round);
	}
	ck_assert_uint_eq(nr_worked, ROUNDS * (CPUS - 1) * CPUS);
	for (unsigned i = 0; i < CPUS; i++)
		ck_assert_uint_eq(worked[i], ROUNDS * (CPUS - 1));
}
END_TEST

/* Waits for a signal that comes before the thread is in the kernel. */
static void wait_for_kick(struct fake_kvm_vcpu *vcpu)
{
	struct timespec second = { .tv_sec = 1 };

	vcpu->before_run = NULL;
	sem_post(&blocked);
	nanosleep(&second, NULL);
}

/* Kicked after its last look at what it has to do, but before it is in the guest. */
START_TEST(test_kick_on_the_way_in)
{
	unsigned count = 0;

	kvm.vcpus[0].before_run = wait_for_kick;
	ck_assert_int_eq(vcpu_start(vcpus_get(&vcpus, 0), prepare, NULL), 0);
	sem_wait(&blocked);
	vcpus_run_on_all(&vcpus, NULL, count_work, &count);
	ck_assert_uint_eq(count, CPUS);
}
END_TEST

START_TEST(test_errors)
{
	start(0);
	start(1);
	give(0, EXIT_ERROR);
	wait_parked(0);
	ck_assert_uint_eq(nr_failed, 1);
	ck_assert_str_eq(capture_take(&capture), "");
	__atomic_store_n(&kvm.vcpus[1].run_error, -EFAULT, __ATOMIC_SEQ_CST);
	give(1, EXIT_NOTHING);
	wait_parked(1);
	ck_assert_uint_eq(nr_failed, 2);
	capture_expect(&capture, "vCPU 1: KVM_RUN failed: Bad address");
}
END_TEST

START_TEST(test_again)
{
	start(0);
	__atomic_store_n(&kvm.vcpus[0].run_error, -EAGAIN, __ATOMIC_SEQ_CST);
	give(0, EXIT_NOTHING);
	fake_kvm_wait_completed(&kvm, 0, 1);
	__atomic_store_n(&kvm.vcpus[0].run_error, 0, __ATOMIC_SEQ_CST);
	fake_kvm_wait_idle(&kvm, 0);
	ck_assert_uint_eq(nr_failed, 0);
}
END_TEST

static void *exit_all(void *arg)
{
	vcpus_exit(&vcpus);
	return NULL;
}

static bool is_quitting(void)
{
	bool quit;

	pthread_mutex_lock(&vcpus.lock);
	quit = vcpus.quit;
	pthread_mutex_unlock(&vcpus.lock);
	return quit;
}

/* One vCPU asks for work, another is busy, and the end comes: the work is not done for the one
 * that comes late, because who asked for it is gone. */
START_TEST(test_end_during_work)
{
	pthread_t ending;

	start(0);
	start(1);
	give(1, EXIT_BLOCK);
	sem_wait(&blocked);
	give(0, EXIT_WORK);
	sem_wait(&asked);
	while (!__atomic_load_n(&worked[2], __ATOMIC_SEQ_CST))
		usleep(1000);
	ck_assert_int_eq(pthread_create(&ending, NULL, exit_all, NULL), 0);
	while (!is_quitting())
		usleep(1000);
	/* The one that asked returns now. */
	while (!__atomic_load_n(&nr_worked, __ATOMIC_SEQ_CST))
		usleep(1000);
	sem_post(&go_on);
	pthread_join(ending, NULL);
	ck_assert_uint_eq(worked[1], 0);
}
END_TEST

/* A vCPU that waits for another to park, at the end. */
START_TEST(test_end_during_start)
{
	unsigned prepared = 0;
	struct starter starter = { .prepared = &prepared };
	pthread_t ending;

	start(0);
	give(0, EXIT_BLOCK_AND_PARK);
	sem_wait(&blocked);
	pthread_create(&starter.thread, NULL, start_first, &starter);
	usleep(20000);
	ck_assert_int_eq(pthread_create(&ending, NULL, exit_all, NULL), 0);
	pthread_join(starter.thread, NULL);
	ck_assert_int_eq(starter.result, -EBUSY);
	ck_assert_uint_eq(prepared, 0);
	sem_post(&go_on);
	pthread_join(ending, NULL);
}
END_TEST

/* The end comes while some run, some are parked; teardown waits for their threads. */
START_TEST(test_end_while_running)
{
	start(0);
	start(1);
	give(1, EXIT_PARK);
	wait_parked(1);
	vcpus_exit(&vcpus);
	ck_assert_ptr_null(vcpus_get(&vcpus, 0));
	vcpus_exit(&vcpus);
}
END_TEST

START_TEST(test_init_failures)
{
	kvm.fail_vcpu = (unsigned)_i;
	ck_assert_int_eq(init_vcpus(), -EINVAL);
	ck_assert_uint_eq(vcpus.nr_vcpus, 0);
	fail_init_of = (unsigned)_i;
	ck_assert_int_eq(init_vcpus(), -EPERM);
	ck_assert_uint_eq(vcpus.nr_vcpus, 0);
	for (unsigned i = 0; i < CPUS; i++)
		ck_assert(!kvm.vcpus[i].exists);
	fail_init_of = 0;
	ck_assert_int_eq(init_vcpus(), 0);
}
END_TEST

static unsigned nr_begun;

static int begin(struct log *log)
{
	return __atomic_add_fetch(&nr_begun, 1, __ATOMIC_SEQ_CST) == 2 ? -EPERM : 0;
}

START_TEST(test_begin_failure)
{
	struct vcpu_threads others;

	ck_assert_int_eq(vcpu_threads_init(&others, CPUS, begin, &capture.log), -EPERM);
	ck_assert_uint_eq(nr_begun, CPUS);
	ck_assert_int_eq(vcpu_threads_init(&others, 1, begin, &capture.log), 0);
	ck_assert_uint_eq(nr_begun, CPUS + 1);
	vcpu_threads_exit(&others);
}
END_TEST

static void note_thread(struct vcpu *vcpu, void *arg)
{
	((pthread_t *)arg)[vcpu->index] = pthread_self();
}

/* One machine after another has the same threads, whichever way the one before ended. */
START_TEST(test_threads_again)
{
	pthread_t before[CPUS], after[CPUS];

	vcpus_run_on_all(&vcpus, NULL, note_thread, before);
	vcpus_exit(&vcpus);
	fail_init_of = CPUS;
	ck_assert_int_eq(init_vcpus(), -EPERM);
	fail_init_of = 0;
	ck_assert_int_eq(init_vcpus(), 0);
	vcpus_run_on_all(&vcpus, NULL, note_thread, after);
	for (unsigned i = 0; i < CPUS; i++)
		ck_assert(pthread_equal(before[i], after[i]));
	start(0);
	give(0, EXIT_NOTHING);
	fake_kvm_wait_completed(&kvm, 0, 1);
}
END_TEST

START_TEST(test_two_machines)
{
	static struct fake_kvm other_kvm;
	struct vcpu_threads other_threads;
	struct vcpus other;
	struct kvm_vm other_vm;
	unsigned count = 0;

	fake_kvm_init(&other_kvm);
	ck_assert_int_eq(kvm_vm_init(&other_vm, &other_kvm.kvm, 0), 0);
	ck_assert_int_eq(vcpu_threads_init(&other_threads, 2, NULL, &capture.log), 0);
	ck_assert_int_eq(vcpus_init(&other, &other_threads, &other_vm, &ops, NULL, &capture.log), 0);
	ck_assert_int_eq(vcpu_start(vcpus_get(&other, 0), prepare, NULL), 0);
	start(0);
	fake_kvm_wait_idle(&other_kvm, 0);
	vcpus_run_on_all(&vcpus, NULL, count_work, &count);
	ck_assert_uint_eq(count, CPUS);
	ck_assert(other_kvm.vcpus[0].inside);
	vcpus_exit(&other);
	vcpu_threads_exit(&other_threads);
	ck_assert(!other_kvm.vcpus[0].exists);
	fake_kvm_exit(&other_kvm);
	give(0, EXIT_NOTHING);
	fake_kvm_wait_completed(&kvm, 0, 1);
}
END_TEST

static TCase *running_tests(void)
{
	TCase *tests = tcase_create("running");

	tcase_add_checked_fixture(tests, setup_vcpus, teardown);
	tcase_add_test(tests, test_all_parked);
	tcase_add_test(tests, test_parked_sleep);
	tcase_add_test(tests, test_start);
	tcase_add_test(tests, test_threads_again);
	tcase_add_test(tests, test_exits);
	tcase_add_test(tests, test_park);
	tcase_add_test(tests, test_parts);
	tcase_add_test(tests, test_start_while_parking);
	tcase_add_test(tests, test_work_from_outside);
	tcase_add_test(tests, test_alone);
	tcase_add_test(tests, test_alone_while_handling);
	tcase_add_test(tests, test_work_after_exit);
	tcase_add_test(tests, test_work_from_vcpus);
	tcase_add_test(tests, test_kick_on_the_way_in);
	tcase_add_test(tests, test_errors);
	tcase_add_test(tests, test_again);
	tcase_add_test(tests, test_end_during_work);
	tcase_add_test(tests, test_end_during_start);
	tcase_add_test(tests, test_end_while_running);
	tcase_add_test(tests, test_two_machines);
	tcase_set_timeout(tests, 20);
	return tests;
}

int main(void)
{
	Suite *suite = suite_create("vcpu");
	TCase *starting = tcase_create("starting");

	tcase_add_checked_fixture(starting, setup, teardown);
	tcase_add_loop_test(starting, test_init_failures, 1, CPUS + 1);
	tcase_add_test(starting, test_begin_failure);
	suite_add_tcase(suite, running_tests());
	suite_add_tcase(suite, starting);
	return run_suite(suite);
}

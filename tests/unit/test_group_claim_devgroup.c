// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Claiming a group of the group driver and giving it back: by this process, by its keeper, and
 * after both were killed.
 */
#include <sys/wait.h>

#include "tests/unit/capture.h"
#include "tests/unit/fake_sysfs.h"
#include "vmm/group/claim.h"
#include "vmm/group/keeper.h"

#define GROUP 2
#define RECORD "run/pvmm/claims/devgroup-2"

static struct {
	struct fake_host host;
} fake;

static void setup(void)
{
	fake_sysfs_init(&fake.host);
	fake_device(&fake.host, "0002:02:01.0", GROUP, "0x0c0300\n", "uhci_hcd");
	fake_device(&fake.host, "0002:02:01.1", GROUP, "0x0c0300\n", NULL);
	fake_devgroup(GROUP);
}

static void teardown(void)
{
	fake_host_exit(&fake.host);
}

static void expect_state(const char *wanted)
{
	char path[128], state[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/devgroups/%d/state", fake.host.sys, GROUP);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(fgets(state, sizeof(state), file));
	fclose(file);
	state[strcspn(state, "\n")] = '\0';
	ck_assert_str_eq(state, wanted);
}

static void set_state(const char *state, const char *owner)
{
	fake_file(&fake.host, state, "sys/devgroups/%d/state", GROUP);
	fake_file(&fake.host, owner, "sys/devgroups/%d/owner", GROUP);
}

static void expect_untouched(void)
{
	expect_state("free");
	ck_assert(!fake_exists(&fake.host, RECORD));
}

static void find_group(struct host_group *group)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/devgroups/%d", fake.host.sys, GROUP);
	ck_assert_int_eq(host_group_find(&fake.host.root, path, group, &fake.host.log), 0);
}

/* No device's driver is looked at: what holds them is the group driver's matter. */
static int claim(struct claim **taken)
{
	struct host_group group;

	find_group(&group);
	*taken = NULL;
	return claim_group(&fake.host.root, &group, false, &fake.host.log, taken);
}

static int start_keeper(struct keeper *keeper)
{
	struct host_group group;

	find_group(&group);
	return keeper_start(keeper, &fake.host.root, &group, 1, false, &fake.host.log);
}

START_TEST(test_claim_and_release)
{
	struct claim *taken;
	const char *text;
	unsigned round;

	for (round = 0; round < 3; round++) {
		ck_assert_int_eq(claim(&taken), 0);
		expect_state("claimed");
		ck_assert(fake_exists(&fake.host, RECORD));
		text = fake_log(&fake.host);
		ck_assert_uint_eq(fake_count_lines(text), 1);
		ck_assert_contains(text, "group 2 is claimed until pvmm exits; should pvmm be "
				   "killed, this gives it back: echo 0 > ");
		ck_assert_contains(text, "/devgroups/2/claim; rm -f ");
		claim_release(taken);
		ck_assert_contains(fake_log(&fake.host), "group 2 is released");
		expect_untouched();
	}
}
END_TEST

START_TEST(test_of_administrator)
{
	struct keeper keeper = { 0 };
	struct claim *taken;

	set_state("claimed\n", "77 sh\n");
	ck_assert_int_eq(claim(&taken), 0);
	ck_assert_str_eq(fake_log(&fake.host), "");
	ck_assert(!fake_exists(&fake.host, RECORD));
	claim_release(taken);
	ck_assert_int_eq(start_keeper(&keeper), 0);
	ck_assert(!keeper.running);
	expect_state("claimed");
	ck_assert_uint_eq(fake_sysfs.writes, 0);
}
END_TEST

/* What the group driver may answer; the record goes again. */
START_TEST(test_claim_errors)
{
	static const struct {
		int error;
		const char *text;
	} cases[] = {
		{-EBUSY, "somebody was faster; `pvmm group check 2` shows"},
		{-EAGAIN, "a device has just come to it; run again"},
		{-EOPNOTSUPP, "cannot claim group 2: Operation not supported; dmesg may say why"},
		{-EACCES, "cannot claim group 2: Permission denied"},
	};
	struct claim *taken;
	const char *text;

	fake_sysfs.driver_error = cases[_i].error;
	ck_assert_int_eq(claim(&taken), cases[_i].error);
	text = fake_log(&fake.host);
	ck_assert_contains(text, cases[_i].text);
	ck_assert_uint_eq(fake_count_lines(text), 1);
	ck_assert_ptr_null(taken);
	expect_untouched();
}
END_TEST

START_TEST(test_no_run_folder)
{
	struct claim *taken;

	fake_remove(&fake.host, "run");
	ck_assert_int_eq(claim(&taken), -ENOENT);
	expect_state("free");
}
END_TEST

/* Another process still closes its files, and the devices are reset. */
START_TEST(test_release_waits)
{
	struct claim *taken;

	ck_assert_int_eq(claim(&taken), 0);
	fake_sysfs.busy_claims = 3;
	claim_release(taken);
	expect_untouched();
}
END_TEST

START_TEST(test_release_errors)
{
	static const struct {
		int error;
		const char *state, *text;
		bool kept;	/* the record, for another try */
	} cases[] = {
		{-EIO, "free\n", "group 2 is released, but a driver is gone", false},
		{-EINVAL, "free\n", "", false},		/* somebody released it before */
		{-ENODEV, "claimed\n", "", false},	/* its last device is gone */
		{-ENOMEM, "claimed\n", "cannot release group 2: Cannot allocate memory; dmesg may "
		 "say why. When that is mended, run: echo 0 > ", true},
		{-EBUSY, "quarantined\n", "run: echo 1 > ", true},
	};
	struct claim *taken;

	ck_assert_int_eq(claim(&taken), 0);
	fake_log(&fake.host);
	fake_sysfs.driver_error = cases[_i].error;
	set_state(cases[_i].state, "");
	claim_release(taken);
	ck_assert_contains(fake_log(&fake.host), cases[_i].text);
	ck_assert_int_eq(fake_exists(&fake.host, RECORD), cases[_i].kept);
}
END_TEST

/* @lives: until the test tells it to end; else it is killed at once, and its keeper as well. */
static pid_t claim_in_child(int done, bool lives)
{
	int ready[2], status;
	struct claim *taken;
	char byte = 0;
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		if (claim(&taken) == 0 && write(ready[1], &byte, 1) == 1 && lives &&
		    read(done, &byte, 1) == 1)
			claim_release(taken);
		_exit(0);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	if (!lives)
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	fake_log(&fake.host);
	return pid;
}

/* The claim that was left is the next one's to give back, and not the administrator's. */
START_TEST(test_killed_then_claim)
{
	struct claim *taken;

	claim_in_child(-1, false);
	expect_state("claimed");
	ck_assert_int_eq(claim(&taken), 0);
	ck_assert_contains(fake_log(&fake.host), "group 2 is claimed until pvmm exits");
	claim_release(taken);
	expect_untouched();
}
END_TEST

/* It was released by hand, and claimed by somebody else since. */
START_TEST(test_killed_then_repaired)
{
	struct claim *taken;

	claim_in_child(-1, false);
	set_state("claimed\n", "1 init\n");
	ck_assert_int_eq(claim(&taken), 0);
	claim_release(taken);
	expect_state("claimed");
	ck_assert(!fake_exists(&fake.host, RECORD));
	/* Or it is free. */
	set_state("free\n", "");
	claim_in_child(-1, false);
	set_state("free\n", "");
	ck_assert(fake_exists(&fake.host, RECORD));
	ck_assert_int_eq(claim(&taken), 0);
	claim_release(taken);
	expect_untouched();
}
END_TEST

START_TEST(test_owner_lives)
{
	struct claim *taken;
	int done[2];
	pid_t pid;

	ck_assert_int_eq(pipe(done), 0);
	pid = claim_in_child(done[0], true);
	ck_assert_int_eq(claim(&taken), -EBUSY);
	ck_assert_contains(fake_log(&fake.host), "group 2 is in use by another pvmm");
	ck_assert_int_eq(write(done[1], "", 1), 1);
	waitpid(pid, NULL, 0);
	expect_untouched();
}
END_TEST

/* The process that has the group claimed is killed, afterwards (0) or while it is: see keeper.h. */
START_TEST(test_keeper_after_kill)
{
	struct keeper keeper = { 0 };
	int gone[2], status;
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(gone), 0);
	pid = fork();
	if (pid == 0) {
		/* The end of the pipe that the keeper keeps tells when it has ended. */
		ck_assert_int_eq(dup2(gone[1], fake.host.log.fd), fake.host.log.fd);
		fake_sysfs.kill_at = (unsigned)_i;
		fake_sysfs.kill_parent = true;
		if (!start_keeper(&keeper))
			raise(SIGKILL);
		_exit(1);
	}
	close(gone[1]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	while (read(gone[0], &byte, 1) > 0)
		;
	expect_untouched();
	close(gone[0]);
}
END_TEST

static Suite *group_claim_devgroup_suite(void)
{
	const TTest *const tests[] = {
		test_claim_and_release, test_of_administrator, test_no_run_folder,
		test_release_waits, test_killed_then_claim, test_killed_then_repaired,
		test_owner_lives,
	};
	Suite *suite = suite_create("group_claim_devgroup");
	TCase *tcase = tcase_create("group_claim_devgroup");
	size_t i;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, test_claim_errors, 0, 4);
	tcase_add_loop_test(tcase, test_keeper_after_kill, 0, 2);
	tcase_add_loop_test(tcase, test_release_errors, 0, 5);
	for (i = 0; i < ARRAY_SIZE(tests); i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(group_claim_devgroup_suite());
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Claiming and giving back, on a host made of files and the kernel that fake_sysfs.h plays.
 */
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/unit/capture.h"
#include "tests/unit/fake_sysfs.h"
#include "vmm/group/claim.h"
#include "vmm/group/claim_record.h"
#include "vmm/group/keeper.h"

static struct {
	struct fake_host host;
} fake;

#define GROUP 2
static const char *const names[] = {"0002:02:01.0", "0002:02:01.1", "0002:02:01.2",
				    "0002:02:01.3"};
static const char *const drivers[] = {"uhci_hcd", "", "ehci-pci", "vfio-pci"};

static void setup(void)
{
	unsigned i;

	fake_sysfs_init(&fake.host);
	fake_device(&fake.host, "0002:01:00.0", GROUP, "0x060400\n", "pcieport");
	for (i = 0; i < ARRAY_SIZE(names); i++)
		fake_device(&fake.host, names[i], GROUP, "0x0c0300\n",
			    drivers[i][0] ? drivers[i] : NULL);
	fake_file(&fake.host, "", "sys/bus/pci/drivers/nvme/bind");
	fake_file(&fake.host, "", "sys/bus/pci/drivers/nvme/unbind");
}

static void teardown(void)
{
	fake_host_exit(&fake.host);
}

static void find_group(struct host_group *group)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/kernel/iommu_groups/%d", fake.host.sys, GROUP);
	ck_assert_int_eq(host_group_find(&fake.host.root, path, group, &fake.host.log), 0);
}

static int claim(bool take, struct claim **taken)
{
	struct host_group group;

	find_group(&group);
	*taken = NULL;
	return claim_group(&fake.host.root, &group, take, &fake.host.log, taken);
}

static int keep(void)
{
	struct host_group group;

	find_group(&group);
	return claim_group_keep(&fake.host.root, &group, &fake.host.log);
}

static int end_keep(void)
{
	struct host_group group;

	find_group(&group);
	return claim_give_back(&fake.host.root, &group, &fake.host.log);
}

static unsigned count_records(void)
{
	char path[128];
	unsigned count = 0;
	struct dirent *entry;
	DIR *folder;

	snprintf(path, sizeof(path), "%s/pvmm/claims", fake.host.run);
	folder = opendir(path);
	if (!folder)
		return 0;
	while ((entry = readdir(folder)))
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count;
}

static off_t record_size(const char *bdf)
{
	struct stat status;
	char path[128];

	snprintf(path, sizeof(path), "%s/pvmm/claims/%s", fake.host.run, bdf);
	ck_assert_int_eq(stat(path, &status), 0);
	return status.st_size;
}

static void expect_drivers(const char *const *expected)
{
	char driver[256];
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		driver_of(names[i], driver);
		ck_assert_str_eq(driver, expected[i]);
	}
	driver_of("0002:01:00.0", driver);
	ck_assert_str_eq(driver, "pcieport");
}

static void expect_untouched(void)
{
	char override[64];
	unsigned i;

	expect_drivers(drivers);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		override_of(names[i], override);
		ck_assert_str_eq(override, "");
	}
	ck_assert_uint_eq(count_records(), 0);
}

static void expect_taken(void)
{
	static const char *const taken[] = {"vfio-pci", "vfio-pci", "vfio-pci", "vfio-pci"};

	expect_drivers(taken);
	ck_assert_uint_eq(count_records(), 3);	/* the fourth was the operator's before */
}

START_TEST(test_claim_and_release)
{
	struct claim *taken;
	unsigned round;

	for (round = 0; round < 3; round++) {
		ck_assert_int_eq(claim(true, &taken), 0);
		expect_taken();
		claim_release(taken);
		expect_untouched();
	}
	claim_release(NULL);
}
END_TEST

START_TEST(test_claim_prints_way_back)
{
	struct claim *taken;
	const char *text;

	ck_assert_int_eq(claim(true, &taken), 0);
	text = fake_log(&fake.host);
	ck_assert_uint_eq(fake_count_lines(text), 2);
	ck_assert_contains(text, "0002:02:01.0 is taken from uhci_hcd until pvmm exits");
	ck_assert_contains(text, "echo 0002:02:01.2 > ");
	ck_assert_contains(text, "/bus/pci/drivers/ehci-pci/bind; rm ");
	claim_release(taken);
}
END_TEST

START_TEST(test_claim_held)
{
	struct claim *taken;

	ck_assert_int_eq(claim(false, &taken), -EBUSY);
	ck_assert_contains(fake_log(&fake.host), "0002:02:01.0 is held by the host driver "
			   "uhci_hcd; run again with --claim");
	expect_untouched();
}
END_TEST

/* What is free before the device that is held is taken and given back. */
START_TEST(test_claim_held_last)
{
	struct claim *taken;

	fake_remove(&fake.host, "sys/devices/pci/0002:02:01.0/driver");
	ck_assert_int_eq(claim(false, &taken), -EBUSY);
	ck_assert_contains(fake_log(&fake.host), "0002:02:01.2 is held by");
	ck_assert_uint_eq(count_records(), 0);
}
END_TEST

START_TEST(test_claim_free_only)
{
	struct claim *taken;
	char driver[256];

	fake_remove(&fake.host, "sys/devices/pci/0002:02:01.0/driver");
	fake_remove(&fake.host, "sys/devices/pci/0002:02:01.2/driver");
	ck_assert_int_eq(claim(false, &taken), 0);
	expect_taken();
	ck_assert_str_eq(fake_log(&fake.host), "");
	claim_release(taken);
	driver_of("0002:02:01.0", driver);
	ck_assert_str_eq(driver, "");
	ck_assert_uint_eq(count_records(), 0);
}
END_TEST

START_TEST(test_claim_keeps_override)
{
	struct claim *taken;
	char override[64];

	fake_file(&fake.host, "ehci-pci\n", "sys/devices/pci/0002:02:01.2/driver_override");
	ck_assert_int_eq(claim(true, &taken), 0);
	expect_taken();
	claim_release(taken);
	expect_drivers(drivers);
	override_of("0002:02:01.2", override);
	ck_assert_str_eq(override, "ehci-pci");
}
END_TEST

/* Whichever write fails, nothing is half taken. */
START_TEST(test_claim_every_failure)
{
	struct claim *taken;
	unsigned at;

	for (at = 1; ; at++) {
		fake_sysfs.writes = 0;
		fake_sysfs.fail_at = at;
		if (claim(true, &taken) == 0)
			break;
		ck_assert_ptr_null(taken);
		ck_assert_contains(fake_log(&fake.host), "cannot bind 0002:02:01.");
		expect_untouched();
	}
	ck_assert_uint_eq(at, 3 + 2 + 3 + 1);
	fake_sysfs.fail_at = 0;
	claim_release(taken);
	expect_untouched();
}
END_TEST

START_TEST(test_claim_not_taken_by_vfio)
{
	struct claim *taken;

	fake_sysfs.probe_ignored = true;
	ck_assert_int_eq(claim(true, &taken), -ENODEV);
	ck_assert_contains(fake_log(&fake.host), "cannot bind 0002:02:01.0 to vfio-pci");
	expect_untouched();
}
END_TEST

/* What could not be given back keeps its record, and goes back later. */
START_TEST(test_release_every_failure)
{
	struct claim *taken;
	unsigned at;

	for (at = 1; ; at++) {
		fake_sysfs.fail_at = 0;
		ck_assert_int_eq(claim(true, &taken), 0);
		fake_log(&fake.host);
		fake_sysfs.writes = 0;
		fake_sysfs.fail_at = at;
		claim_release(taken);
		if (fake_sysfs.writes < at)
			break;
		ck_assert_uint_eq(count_records(), 1);
		ck_assert_contains(fake_log(&fake.host), "cannot ");
		ck_assert_int_eq(end_keep(), 0);
		expect_untouched();
	}
	ck_assert_uint_eq(at, 3 + 2 + 3 + 1);
	expect_untouched();
}
END_TEST

/* Returns whether the child lived to the end of its claim and stayed silent about it. */
static bool claim_and_die(unsigned kill_at)
{
	struct claim *taken;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		fake_sysfs.writes = 0;
		fake_sysfs.kill_at = kill_at;
		claim(true, &taken);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return !WIFSIGNALED(status);
}

START_TEST(test_killed_then_claim)
{
	struct claim *taken;
	bool lived = false;
	unsigned at;

	for (at = 1; !lived; at++) {
		lived = claim_and_die(at);
		ck_assert_int_eq(claim(true, &taken), 0);
		expect_taken();
		claim_release(taken);
		expect_untouched();
	}
	ck_assert_uint_eq(at, 3 + 2 + 3 + 2);
}
END_TEST

START_TEST(test_killed_then_given_back)
{
	bool lived = false;
	unsigned at;

	for (at = 1; !lived; at++) {
		lived = claim_and_die(at);
		ck_assert_int_eq(end_keep(), 0);
		expect_untouched();
	}
	ck_assert_int_eq(end_keep(), -ENOENT);
}
END_TEST

static int start_keeper(struct keeper *keeper, bool take)
{
	struct host_group group;

	find_group(&group);
	return keeper_start(keeper, &fake.host.root, &group, 1, take, &fake.host.log);
}

START_TEST(test_keeper_stop)
{
	struct keeper keeper = { 0 };

	ck_assert_int_eq(start_keeper(&keeper, true), 0);
	expect_taken();
	keeper_stop(&keeper, &fake.host.log);
	expect_untouched();
	keeper_stop(&keeper, &fake.host.log);
}
END_TEST

/*
 * The process that has groups claimed is killed, when they are (0) or with each write of the claim:
 * the keeper gives the devices back.
 */
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
		if (!start_keeper(&keeper, true))
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

START_TEST(test_keeper_fails)
{
	struct keeper keeper = { 0 };

	ck_assert_int_eq(start_keeper(&keeper, false), -EBUSY);
	ck_assert_contains(fake_log(&fake.host), "run again with --claim");
	ck_assert(!keeper.running);
	expect_untouched();
}
END_TEST

START_TEST(test_keeper_nothing_claimed)
{
	struct keeper keeper = { 0 };

	ck_assert_int_eq(keeper_start(&keeper, &fake.host.root, NULL, 0, true, &fake.host.log), 0);
	ck_assert(!keeper.running);
	keeper_stop(&keeper, &fake.host.log);
}
END_TEST

/* Someone gave the device to its driver by hand: the old record no longer counts. */
START_TEST(test_killed_then_repaired)
{
	struct claim *taken;
	char driver[256], override[64];
	off_t size;

	claim_and_die(0);
	size = record_size("0002:02:01.0");
	fake_link(&fake.host, "sys/bus/pci/drivers/nvme", "sys/devices/pci/0002:02:01.0/driver");
	ck_assert_int_eq(claim(true, &taken), 0);
	expect_taken();
	/* What replaces a record leaves nothing to be cut off. */
	ck_assert_int_eq(record_size("0002:02:01.0"), size);
	claim_release(taken);
	driver_of("0002:02:01.0", driver);
	ck_assert_str_eq(driver, "nvme");
	override_of("0002:02:01.0", override);
	ck_assert_str_eq(override, "");
}
END_TEST

START_TEST(test_driver_gone)
{
	struct claim *taken;
	const char *text;

	ck_assert_int_eq(claim(true, &taken), 0);
	fake_log(&fake.host);
	fake_remove(&fake.host, "sys/bus/pci/drivers/uhci_hcd/bind");
	claim_release(taken);
	text = fake_log(&fake.host);
	ck_assert_contains(text, "cannot give 0002:02:01.0 back to its driver uhci_hcd");
	ck_assert_contains(text, "modprobe uhci_hcd");
	ck_assert_uint_eq(count_records(), 1);
	fake_file(&fake.host, "", "sys/bus/pci/drivers/uhci_hcd/bind");
	ck_assert_int_eq(end_keep(), 0);
	expect_untouched();
}
END_TEST

/* Another process has the devices: nobody else claims them or gives them back. */
START_TEST(test_owner_lives)
{
	int ready[2], done[2];
	struct claim *taken;
	char byte = 0;
	pid_t pid;

	ck_assert_int_eq(pipe(ready) | pipe(done), 0);
	pid = fork();
	if (pid == 0) {
		claim(true, &taken);
		if (write(ready[1], &byte, 1) == 1 && read(done[0], &byte, 1) == 1)
			claim_release(taken);
		_exit(0);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	fake_log(&fake.host);
	ck_assert_int_eq(claim(true, &taken), -EBUSY);
	ck_assert_contains(fake_log(&fake.host), "0002:02:01.0 is in use by another pvmm");
	ck_assert_int_eq(end_keep(), -EBUSY);
	expect_taken();
	ck_assert_int_eq(write(done[1], &byte, 1), 1);
	waitpid(pid, NULL, 0);
	expect_untouched();
}
END_TEST

START_TEST(test_group_in_use)
{
	struct claim *taken;

	claim_and_die(0);
	snprintf(fake_sysfs.busy, sizeof(fake_sysfs.busy), "%s/vfio/%d", fake.host.dev, GROUP);
	fake_log(&fake.host);
	ck_assert_int_eq(claim(true, &taken), -EBUSY);
	ck_assert_contains(fake_log(&fake.host), "group 2 is in use by another process");
	ck_assert_int_eq(end_keep(), -EBUSY);
	ck_assert_contains(fake_log(&fake.host), "group 2 is in use by another process");
	expect_taken();
}
END_TEST

/* A record that is none: no path is made of it, and the operator is told. */
START_TEST(test_bad_record)
{
	static const char *const texts[] = {
		"nvme", "../../../x\n\n", "nvme\n/etc\n", ".\n\n", "nvme\n\n\n",
		"a-name-that-is-longer-than-any-driver-has\n\n", "nv\tme\n\n", "nvme\n\nkeep\n",
		"nvme\n\nkept\nkept\n",
	};
	struct claim *taken;

	fake_file(&fake.host, texts[_i], "run/pvmm/claims/0002:02:01.3");
	ck_assert_int_eq(claim(true, &taken), -EBADMSG);
	ck_assert_contains(fake_log(&fake.host), "does not hold a record; delete it");
	expect_drivers(drivers);
	ck_assert_int_eq(end_keep(), -EBADMSG);
	ck_assert_contains(fake_log(&fake.host), "does not hold a record; delete it");
	expect_drivers(drivers);
}
END_TEST

/* Its maker died before it did anything. */
START_TEST(test_record_without_meaning)
{
	fake_file(&fake.host, "", "run/pvmm/claims/0002:02:01.3");
	ck_assert_int_eq(end_keep(), -ENOENT);
	expect_untouched();
}
END_TEST

START_TEST(test_no_run_folder)
{
	struct claim *taken;

	fake_remove(&fake.host, "run");
	ck_assert_int_eq(end_keep(), -ENOENT);
	ck_assert_int_eq(claim(true, &taken), -ENOENT);
	expect_drivers(drivers);
}
END_TEST

/* A kept claim lasts: the next process, pvmm --claim among them, leaves it. */
START_TEST(test_keep)
{
	struct claim *taken;
	char driver[CLAIM_NAME_SIZE];

	ck_assert_int_eq(end_keep(), -ENOENT);
	ck_assert_int_eq(keep(), 0);
	ck_assert_str_eq(fake_log(&fake.host), "");
	expect_taken();
	ck_assert_int_eq(claim(true, &taken), 0);
	claim_release(taken);
	expect_taken();
	ck_assert_int_eq(claim_former_driver(&fake.host.root, names[0], driver, sizeof(driver)), 0);
	ck_assert_str_eq(driver, "uhci_hcd");
	ck_assert_int_eq(claim_former_driver(&fake.host.root, names[3], driver, sizeof(driver)),
			 -ENOENT);
	ck_assert_int_eq(keep(), 0);
	ck_assert_int_eq(end_keep(), 0);
	expect_untouched();
	ck_assert_int_eq(end_keep(), -ENOENT);
}
END_TEST

START_TEST(test_keep_every_failure)
{
	unsigned at;

	for (at = 1; ; at++) {
		fake_sysfs.writes = 0;
		fake_sysfs.fail_at = at;
		if (keep() == 0)
			break;
		ck_assert_contains(fake_log(&fake.host), "cannot bind 0002:02:01.");
		expect_untouched();
	}
	ck_assert_uint_eq(at, 3 + 2 + 3 + 1);
	fake_sysfs.fail_at = 0;
	ck_assert_int_eq(end_keep(), 0);
	expect_untouched();
}
END_TEST

/* What could not be given back can be given back later; the rest is back. */
START_TEST(test_end_keep_every_failure)
{
	unsigned at;

	for (at = 1; ; at++) {
		fake_sysfs.fail_at = 0;
		ck_assert_int_eq(keep(), 0);
		fake_sysfs.writes = 0;
		fake_sysfs.fail_at = at;
		if (end_keep() == 0)
			break;
		ck_assert_uint_eq(count_records(), 1);
		ck_assert_int_eq(end_keep(), 0);
		expect_untouched();
	}
	ck_assert_uint_eq(at, 3 + 2 + 3 + 1);
}
END_TEST

/* A kept claim that was not finished is taken over by the next of either kind. */
START_TEST(test_keep_killed)
{
	struct claim *taken;
	int status;
	unsigned at;
	pid_t pid;

	for (at = 1; at <= 3 + 2 + 3; at++) {
		pid = fork();
		if (pid == 0) {
			fake_sysfs.writes = 0;
			fake_sysfs.kill_at = at;
			keep();
			_exit(0);
		}
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(WIFSIGNALED(status));
		if (at % 2) {
			ck_assert_int_eq(keep(), 0);
			expect_taken();
		} else {
			ck_assert_int_eq(claim(true, &taken), 0);
			expect_taken();
			claim_release(taken);
		}
		end_keep();
		expect_untouched();
	}
}
END_TEST

/* What a killed pvmm left behind can be kept, or given back at once. */
START_TEST(test_keep_adopts)
{
	claim_and_die(0);
	ck_assert_int_eq(keep(), 0);
	expect_taken();
	ck_assert_int_eq(end_keep(), 0);
	expect_untouched();
	claim_and_die(0);
	ck_assert_int_eq(end_keep(), 0);
	expect_untouched();
}
END_TEST

/* No room in the runtime folder: what it says of the devices stays. */
START_TEST(test_keep_cannot_write)
{
	struct rlimit none = { 0, RLIM_INFINITY }, all = { RLIM_INFINITY, RLIM_INFINITY };

	claim_and_die(0);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	ck_assert_int_eq(keep(), -EFBIG);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &all), 0);
	expect_taken();
	ck_assert_int_eq(end_keep(), 0);
	expect_untouched();
}
END_TEST

/* Nothing is given back that somebody uses, or that another pvmm will give back. */
START_TEST(test_end_keep_in_use)
{
	struct claim *taken;

	ck_assert_int_eq(claim(true, &taken), 0);
	fake_log(&fake.host);
	ck_assert_int_eq(end_keep(), -EBUSY);
	ck_assert_contains(fake_log(&fake.host), "0002:02:01.0 is in use by another pvmm");
	expect_taken();
	claim_release(taken);
	ck_assert_int_eq(keep(), 0);
	snprintf(fake_sysfs.busy, sizeof(fake_sysfs.busy), "%s/vfio/%d", fake.host.dev, GROUP);
	fake_log(&fake.host);
	ck_assert_int_eq(end_keep(), -EBUSY);
	ck_assert_contains(fake_log(&fake.host), "group 2 is in use by another process");
	expect_taken();
}
END_TEST

static Suite *group_claim_suite(void)
{
	const TTest *const tests[] = {
		test_claim_and_release, test_claim_prints_way_back, test_claim_held,
		test_claim_held_last, test_claim_free_only, test_claim_keeps_override,
		test_claim_every_failure, test_claim_not_taken_by_vfio, test_release_every_failure,
		test_keeper_stop, test_keeper_fails, test_keeper_nothing_claimed,
		test_killed_then_claim, test_killed_then_given_back, test_killed_then_repaired,
		test_driver_gone, test_owner_lives, test_group_in_use, test_record_without_meaning,
		test_no_run_folder, test_keep, test_keep_every_failure,
		test_end_keep_every_failure, test_keep_killed, test_keep_adopts,
		test_keep_cannot_write,
		test_end_keep_in_use,
	};
	Suite *suite = suite_create("group_claim");
	TCase *tcase = tcase_create("group_claim");
	size_t i;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, test_bad_record, 0, 9);
	tcase_add_loop_test(tcase, test_keeper_after_kill, 0, 9);
	for (i = 0; i < ARRAY_SIZE(tests); i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return run_suite(group_claim_suite());
}

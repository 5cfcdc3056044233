/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file behind guest memory: the operator's, and huge pages of a host that is made up. Also
 * NUMA nodes.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/mempolicy.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/unit/capture.h"
#include "tests/unit/fake_host.h"
#include "vmm/memory.h"
#include "vmm/memory_file.h"

#define SIZE (4 * MIB)
#define HUGE_SIZE (2 * MIB)
#define SHM "/dev/shm/pvmm-test-memory"
#define DISK "/tmp/pvmm-test-memory"

static struct {
	int make_error;		/* of memfd_create(); 0: it works */
	int reserve_error;	/* of fallocate(); 0: it works */
	unsigned interruptions;	/* of fallocate() before that */
	unsigned flags;		/* of the last memfd_create() */
} kernel;

int memfd_create(const char *name, unsigned flags)
{
	kernel.flags = flags;
	if (flags & MFD_HUGETLB && kernel.make_error) {
		errno = kernel.make_error;
		return -1;
	}
	return (int)syscall(SYS_memfd_create, name, flags & MFD_CLOEXEC);
}

int fallocate(int fd, int mode, off_t offset, off_t size)
{
	if (kernel.interruptions) {
		kernel.interruptions--;
		errno = EINTR;
		return -1;
	}
	if (kernel.reserve_error) {
		errno = kernel.reserve_error;
		return -1;
	}
	return (int)syscall(SYS_fallocate, fd, mode, offset, size);
}

static struct fake_host host;
static struct vm_config config;
static struct memory_file file;

static void setup(void)
{
	fake_host_init(&host);
	memset(&kernel, 0, sizeof(kernel));
	config = (struct vm_config){ .memory = SIZE, .memory_node = -1 };
	unlink(SHM);
	unlink(DISK);
}

static void teardown(void)
{
	unlink(SHM);
	unlink(DISK);
	fake_host_exit(&host);
}

static int open_file(void)
{
	return memory_file_open(&file, &config, &host.root, &host.log);
}

/* Fails with @error, one line that has @text in it, and nothing held. */
static void expect_refused(int error, const char *text)
{
	const char *log;

	ck_assert_int_eq(open_file(), error);
	log = fake_log(&host);
	ck_assert_msg(strstr(log, text) && strchr(log, '\n') == log + strlen(log) - 1,
		      "expected \"%s\", not \"%s\"", text, log);
	ck_assert_int_eq(file.fd, -1);
	memory_file_close(&file);
}

static void named(char *path)
{
	config.memory_file = path;
}

static char shm[] = SHM, disk[] = DISK;

START_TEST(test_none)
{
	ck_assert_int_eq(open_file(), 0);
	ck_assert_int_eq(file.fd, -1);
	memory_file_close(&file);
}
END_TEST

static void make_file(const char *path, off_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, size), 0);
	close(fd);
}

START_TEST(test_new_file)
{
	struct stat stat_buffer;

	named(shm);
	config.nr_groups = 1;
	ck_assert_int_eq(open_file(), 0);
	ck_assert_str_eq(fake_log(&host), "");
	ck_assert(!file.used);
	ck_assert_uint_eq(1UL << file.page_shift, (unsigned long)sysconf(_SC_PAGESIZE));
	ck_assert_int_eq(stat(SHM, &stat_buffer), 0);
	ck_assert_uint_eq(stat_buffer.st_mode & 0777, 0600);
	ck_assert_int_eq(stat_buffer.st_size, SIZE);
	/* Reserved, though nothing was written yet. */
	ck_assert_int_ge(stat_buffer.st_blocks * 512, SIZE);
	memory_file_close(&file);
	ck_assert_int_eq(access(SHM, F_OK), 0);
}
END_TEST

/* What a guest wrote stays in the file; the next guest finds zeroes, and none a shared page. */
START_TEST(test_used_file)
{
	struct guest_memory memory;
	char text[6] = "";

	named(_i ? disk : shm);
	make_file(config.memory_file, 0);
	ck_assert_int_eq(open_file(), 0);
	ck_assert(!file.used);
	ck_assert_int_eq(guest_memory_init_file(&memory, 0, SIZE, file.fd, file.page_shift), 0);
	ck_assert_int_eq(guest_memory_write(&memory, SIZE - 6, "guest", 6), 0);
	guest_memory_exit(&memory);
	ck_assert_int_eq(pread(file.fd, text, 6, SIZE - 6), 6);
	ck_assert_str_eq(text, "guest");
	memory_file_close(&file);
	ck_assert_int_eq(open_file(), 0);
	ck_assert(file.used);
	ck_assert_int_eq(guest_memory_init_file(&memory, 0, SIZE, file.fd, file.page_shift), 0);
	guest_memory_clear(&memory);
	ck_assert_int_eq(guest_memory_read(&memory, SIZE - 6, text, 6), 0);
	ck_assert_str_eq(text, "");
	guest_memory_exit(&memory);
	memory_file_close(&file);
}
END_TEST

START_TEST(test_wrong_size)
{
	named(shm);
	make_file(SHM, 3 * MIB);
	expect_refused(-EINVAL, "--memory file=" SHM ": it has 3M, not 4M; remove it");
	ck_assert_int_eq(access(SHM, F_OK), 0);
}
END_TEST

/* Whoever else may write to the file writes to the guest's memory. */
START_TEST(test_not_ours)
{
	named(shm);
	make_file(SHM, 0);
	ck_assert_int_eq(chmod(SHM, _i ? 0620 : 0602), 0);
	expect_refused(-EPERM, "another user may write to it, and so to the guest's memory; remove it");
	ck_assert_int_eq(chmod(SHM, 0600), 0);
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(SHM, 1, 1), 0);
		expect_refused(-EPERM, "chown it to this user");
		ck_assert_int_eq(chown(SHM, 0, 0), 0);
	}
	ck_assert_int_eq(open_file(), 0);
	memory_file_close(&file);
}
END_TEST

START_TEST(test_in_use)
{
	int other;

	named(shm);
	make_file(SHM, 0);
	other = open(SHM, O_RDWR);
	ck_assert_int_eq(flock(other, LOCK_EX), 0);
	expect_refused(-EBUSY, "another guest uses it");
	close(other);
	ck_assert_int_eq(open_file(), 0);
	memory_file_close(&file);
}
END_TEST

START_TEST(test_disk_and_devices)
{
	named(disk);
	config.nr_groups = 1;
	expect_refused(-EINVAL, "devices cannot use memory of a file on a disk; take one on tmpfs");
	/* It was made for this only. */
	ck_assert_int_eq(access(DISK, F_OK), -1);
	make_file(DISK, 0);
	expect_refused(-EINVAL, "devices cannot use");
	ck_assert_int_eq(access(DISK, F_OK), 0);
	config.nr_groups = 0;
	ck_assert_int_eq(open_file(), 0);
	memory_file_close(&file);
}
END_TEST

START_TEST(test_no_file)
{
	static char none[] = "/nowhere/at/all", folder[] = "/tmp", device[] = "/dev/null";

	named(none);
	expect_refused(-ENOENT, "--memory file=/nowhere/at/all: No such file or directory; name");
	named(folder);
	expect_refused(-EISDIR, "--memory file=/tmp: Is a directory; name");
	named(device);
	expect_refused(-EINVAL, "--memory file=/dev/null: not a regular file");
}
END_TEST

START_TEST(test_no_room)
{
	struct stat buffer;

	named(shm);
	kernel.reserve_error = ENOSPC;
	expect_refused(-ENOSPC, "cannot get 4M for it: No space left on device; make room there");
	ck_assert_int_eq(access(SHM, F_OK), -1);
	kernel.reserve_error = EIO;
	expect_refused(-EIO, "cannot get 4M for it: Input/output error");
	/* One that was there is as it was. */
	make_file(SHM, 0);
	expect_refused(-EIO, "cannot get 4M");
	ck_assert_int_eq(stat(SHM, &buffer), 0);
	ck_assert_int_eq(buffer.st_size, 0);
	make_file(SHM, SIZE);
	expect_refused(-EIO, "cannot get 4M");
	ck_assert_int_eq(stat(SHM, &buffer), 0);
	ck_assert_int_eq(buffer.st_size, SIZE);
	/* Not every file system can. */
	kernel.reserve_error = EOPNOTSUPP;
	ck_assert_int_eq(open_file(), 0);
	memory_file_close(&file);
}
END_TEST

static void have_pages(const char *folder, const char *all, const char *unused)
{
	fake_file(&host, all, "%s/hugepages/hugepages-2048kB/nr_hugepages", folder);
	fake_file(&host, unused, "%s/hugepages/hugepages-2048kB/free_hugepages", folder);
}

START_TEST(test_huge)
{
	config.hugepages = HUGE_SIZE;
	kernel.interruptions = 2;
	ck_assert_int_eq(open_file(), 0);
	ck_assert_str_eq(fake_log(&host), "");
	ck_assert_uint_eq(kernel.flags, MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB);
	ck_assert_uint_eq(file.page_shift, 21);
	ck_assert(!file.used);
	memory_file_close(&file);
	ck_assert_int_eq(file.fd, -1);
}
END_TEST

/* What the host does not let be reserved is asked for with the number that would do. */
START_TEST(test_few_huge)
{
	config.hugepages = HUGE_SIZE;
	config.memory = 512 * MIB;
	kernel.reserve_error = _i ? ENOMEM : ENOSPC;
	have_pages("sys/kernel/mm", "100\n", "30\n");
	fake_file(&host, "10\n", "sys/kernel/mm/hugepages/hugepages-2048kB/resv_hugepages");
	expect_refused(-ENOMEM, "--memory: 256 huge pages of 2M are needed and 20 are free; "
				"reserve more: echo 336 > ");
	config.memory_node = 1;
	have_pages("sys/devices/system/node/node1", "50\n", "7\n");
	expect_refused(-ENOMEM, "256 huge pages of 2M are needed and 7 are free; "
				"reserve more: echo 299 > ");
	have_pages("sys/devices/system/node/node1", "256\n", "256\n");
	expect_refused(-ENOMEM, "the host refuses 256 huge pages of 2M, though it has them");
}
END_TEST

START_TEST(test_no_such_huge)
{
	config.hugepages = HUGE_SIZE;
	kernel.make_error = ENODEV;
	expect_refused(-ENODEV, "--memory hugepages=2M: this host has no huge pages; leave");
	fake_file(&host, "0", "sys/kernel/mm/hugepages/hugepages-16384kB/nr_hugepages");
	expect_refused(-ENODEV, "--memory hugepages=2M: this host has no such pages; it has 16M");
	kernel.make_error = EMFILE;
	expect_refused(-EMFILE, "--memory hugepages=: Too many open files");
}
END_TEST

static const struct {
	const char *list;
	int node, result;
} nodes[] = {
	{ "0\n", 1, -ENOENT },
	{ "1-3\n", 0, -ENOENT },
	{ "0,2-3,8\n", 1, -ENOENT },
	{ "0,2-3,8\n", 4, -ENOENT },
	{ "0,2-3,8\n", 80, -ENOENT },
	{ "\n", 0, -ENOENT },
	{ "?\n", 0, -ENOENT },
	{ "0,2-3,8\n", 0, 0 },
};

/* In a child: the policy stays with the process. The machine that runs this need not let it have
 * one, but its kernel was asked then. */
START_TEST(test_nodes)
{
	const char *log;
	int error;

	fake_file(&host, nodes[_i].list, "sys/devices/system/node/has_memory");
	error = memory_node_bind(nodes[_i].node, &host.root, &host.log);
	log = fake_log(&host);
	if (nodes[_i].result)
		ck_assert_ptr_nonnull(strstr(log, "that has memory; these have: "));
	if (nodes[_i].result || error != -EPERM)
		ck_assert_int_eq(error, nodes[_i].result);
	if (!error) {
		unsigned long mask[17] = { 0 };
		int mode = -1;

		ck_assert_int_eq(syscall(SYS_get_mempolicy, &mode, mask, 1024, NULL, 0), 0);
		ck_assert_int_eq(mode, MPOL_BIND);
		ck_assert_uint_eq(mask[0], 1UL << nodes[_i].node);
	}
}
END_TEST

START_TEST(test_no_numa)
{
	ck_assert_int_eq(memory_node_bind(0, &host.root, &host.log), -ENOENT);
	ck_assert_ptr_nonnull(strstr(fake_log(&host), "no NUMA nodes; leave node= out"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("memory_file");
	TCase *tests = tcase_create("memory_file");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, test_none);
	tcase_add_test(tests, test_new_file);
	tcase_add_loop_test(tests, test_used_file, 0, 2);
	tcase_add_test(tests, test_wrong_size);
	tcase_add_loop_test(tests, test_not_ours, 0, 2);
	tcase_add_test(tests, test_in_use);
	tcase_add_test(tests, test_disk_and_devices);
	tcase_add_test(tests, test_no_file);
	tcase_add_test(tests, test_no_room);
	tcase_add_test(tests, test_huge);
	tcase_add_loop_test(tests, test_few_huge, 0, 2);
	tcase_add_test(tests, test_no_such_huge);
	tcase_add_loop_test(tests, test_nodes, 0, ARRAY_SIZE(nodes));
	tcase_add_test(tests, test_no_numa);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}

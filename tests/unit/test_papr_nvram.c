/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NVRAM: its file, its first contents, and copies between it and the guest. */
#include <errno.h>
#include <fcntl.h>
#include <libfdt.h>
#include <sys/stat.h>

#include "devices/papr_nvram.h"
#include "tests/unit/capture.h"
#include "tests/unit/guest_rtas.h"

#define RAM (256 * KIB)
#define BUFFER 0x10000U

static struct guest_memory memory;
static struct capture capture;
static struct rtas rtas;
static struct papr_nvram nvram;
static int fd;

static void setup(void)
{
	capture_init(&capture);
	memset(&rtas, 0, sizeof(rtas));
	ck_assert_int_eq(guest_memory_init(&memory, 0, RAM), 0);
	rtas.memory = &memory;
	rtas.log = &capture.log;
	fd = papr_nvram_open(NULL, &capture.log);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(papr_nvram_init(&nvram, fd, &memory, &rtas), 0);
}

static void teardown(void)
{
	close(fd);
	guest_memory_exit(&memory);
	capture_exit(&capture);
}

static int32_t fetch(uint32_t offset, uint32_t gpa, uint32_t size, uint32_t *done)
{
	return GUEST_RTAS(&rtas, NULL, "nvram-fetch", done, 2, offset, gpa, size);
}

static int32_t store(uint32_t offset, uint32_t gpa, uint32_t size, uint32_t *done)
{
	return GUEST_RTAS(&rtas, NULL, "nvram-store", done, 2, offset, gpa, size);
}

static uint8_t pattern(uint64_t index)
{
	return (uint8_t)(index * 7 + index / 256 + 1);
}

static void fill(uint64_t gpa, size_t size)
{
	uint8_t bytes[PAPR_NVRAM_SIZE];

	for (size_t i = 0; i < size; i++)
		bytes[i] = pattern(i);
	ck_assert_int_eq(guest_memory_write(&memory, gpa, bytes, size), 0);
}

struct range_case {
	uint32_t offset, gpa, size;
	int32_t status;
};

static const struct range_case ranges[] = {
	{ 0, BUFFER, 1, RTAS_SUCCESS },
	{ 100, BUFFER, 32, RTAS_SUCCESS },
	{ 3, BUFFER + 5, 4097, RTAS_SUCCESS },
	{ 0, BUFFER, PAPR_NVRAM_SIZE, RTAS_SUCCESS },
	{ PAPR_NVRAM_SIZE - 1, BUFFER, 1, RTAS_SUCCESS },
	{ 0, BUFFER, 0, RTAS_SUCCESS },
	{ PAPR_NVRAM_SIZE, BUFFER, 0, RTAS_SUCCESS },
	{ 0, RAM - 8192, 8192, RTAS_SUCCESS },
	{ PAPR_NVRAM_SIZE, BUFFER, 1, RTAS_PARAMETER_ERROR },
	{ PAPR_NVRAM_SIZE - 1, BUFFER, 2, RTAS_PARAMETER_ERROR },
	{ 1, BUFFER, PAPR_NVRAM_SIZE, RTAS_PARAMETER_ERROR },
	{ 0, BUFFER, UINT32_MAX, RTAS_PARAMETER_ERROR },
	{ UINT32_MAX, BUFFER, 1, RTAS_PARAMETER_ERROR },
	{ UINT32_MAX, BUFFER, 2, RTAS_PARAMETER_ERROR },
	/* Not memory, in whole or from the second page on. */
	{ 0, RAM, 1, RTAS_PARAMETER_ERROR },
	{ 0, RAM - 1, 2, RTAS_PARAMETER_ERROR },
	{ 0, RAM - 4096, 8192, RTAS_PARAMETER_ERROR },
	{ 0, UINT32_MAX, 16, RTAS_PARAMETER_ERROR },
};

/* A refused call changes neither NVRAM nor, beyond its results, the guest's memory. */
START_TEST(test_store)
{
	const struct range_case *c = &ranges[_i];
	uint8_t before[PAPR_NVRAM_SIZE], after[PAPR_NVRAM_SIZE], source[PAPR_NVRAM_SIZE];
	uint32_t done;

	fill(BUFFER, PAPR_NVRAM_SIZE);
	ck_assert_int_eq(pread(fd, before, sizeof(before), 0), PAPR_NVRAM_SIZE);
	ck_assert_int_eq(store(c->offset, c->gpa, c->size, &done), c->status);
	ck_assert_int_eq(pread(fd, after, sizeof(after), 0), PAPR_NVRAM_SIZE);
	ck_assert_uint_eq(done, c->status ? 0 : c->size);
	if (!c->status) {
		ck_assert_int_eq(guest_memory_read(&memory, c->gpa, source, c->size), 0);
		memcpy(before + c->offset, source, c->size);
	}
	ck_assert_mem_eq(after, before, sizeof(after));
}
END_TEST

START_TEST(test_fetch)
{
	const struct range_case *c = &ranges[_i];
	uint8_t contents[PAPR_NVRAM_SIZE], got[PAPR_NVRAM_SIZE], last[4096];
	uint32_t done;

	for (size_t i = 0; i < sizeof(contents); i++)
		contents[i] = pattern(i);
	ck_assert_int_eq(pwrite(fd, contents, sizeof(contents), 0), PAPR_NVRAM_SIZE);
	ck_assert_int_eq(fetch(c->offset, c->gpa, c->size, &done), c->status);
	ck_assert_uint_eq(done, c->status ? 0 : c->size);
	if (!c->status && c->size) {
		ck_assert_int_eq(guest_memory_read(&memory, c->gpa, got, c->size), 0);
		ck_assert_mem_eq(got, contents + c->offset, c->size);
	}
	if (c->status) {
		ck_assert_int_eq(guest_memory_read(&memory, RAM - sizeof(last), last,
						   sizeof(last)), 0);
		for (size_t i = 0; i < sizeof(last); i++)
			ck_assert_uint_eq(last[i], 0);
	}
}
END_TEST

START_TEST(test_host_failure)
{
	uint32_t done;

	ck_assert_int_eq(ftruncate(fd, 100), 0);
	ck_assert_int_eq(fetch(0, BUFFER, 101, &done), RTAS_HARDWARE_ERROR);
	nvram.fd = -1;
	ck_assert_int_eq(fetch(0, BUFFER, 1, &done), RTAS_HARDWARE_ERROR);
	ck_assert_int_eq(store(0, BUFFER, 1, &done), RTAS_HARDWARE_ERROR);
}
END_TEST

/* One free partition over all of it: 0x7f, checksum, length in 16-byte blocks, name. */
START_TEST(test_first_contents)
{
	uint8_t head[17];
	unsigned sum = 0;

	ck_assert_int_eq(pread(fd, head, sizeof(head), 0), sizeof(head));
	ck_assert_uint_eq(head[0], 0x7f);
	ck_assert_uint_eq(head[2] << 8 | head[3], PAPR_NVRAM_SIZE / 16);
	ck_assert_uint_eq(head[16], 0);
	for (unsigned i = 0; i < 16; i++) {
		sum += i == 1 ? 0 : head[i];
		sum = (sum & 0xff) + (sum >> 8);
	}
	ck_assert_uint_eq(head[1], sum);
	ck_assert_int_eq(lseek(fd, 0, SEEK_END), PAPR_NVRAM_SIZE);
}
END_TEST

START_TEST(test_file_is_kept)
{
	char folder[] = "/tmp/pvmm-test-XXXXXX", path[64];
	uint32_t done;
	struct stat stat;
	int file;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/nvram", folder);
	file = papr_nvram_open(path, &capture.log);
	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(fstat(file, &stat), 0);
	ck_assert_uint_eq(stat.st_mode & 0777, 0600);
	nvram.fd = file;
	fill(BUFFER, 16);
	ck_assert_int_eq(store(500, BUFFER, 16, &done), RTAS_SUCCESS);
	close(file);
	file = papr_nvram_open(path, &capture.log);
	ck_assert_int_ge(file, 0);
	nvram.fd = file;
	ck_assert_int_eq(fetch(501, 0, 1, &done), RTAS_SUCCESS);
	ck_assert_int_eq(guest_memory_read(&memory, 0, path + sizeof(path) - 1, 1), 0);
	ck_assert_uint_eq((uint8_t)path[sizeof(path) - 1], pattern(1));
	path[sizeof(path) - 1] = '\0';
	close(file);
	unlink(path);
	rmdir(folder);
}
END_TEST

/* A file that is something else is refused and left alone. */
START_TEST(test_other_files)
{
	char path[32];
	struct stat stat;

	temporary_file(path, "precious", 8);
	ck_assert_int_eq(papr_nvram_open(path, &capture.log), -EINVAL);
	capture_expect(&capture, "not an NVRAM file");
	ck_assert_int_eq(lstat(path, &stat), 0);
	ck_assert_int_eq(stat.st_size, 8);
	unlink(path);
	ck_assert_int_eq(close(papr_nvram_open(path, &capture.log)), 0);
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(papr_nvram_open(path, &capture.log), -EINVAL);
	capture_expect(&capture, "--nvram");
	unlink(path);
	ck_assert_int_eq(papr_nvram_open("/nonexistent/nvram", &capture.log), -ENOENT);
	capture_expect(&capture, "--nvram /nonexistent/nvram");
	ck_assert_int_eq(papr_nvram_open("/tmp", &capture.log), -EISDIR);
	capture_expect(&capture, "--nvram /tmp");
}
END_TEST

START_TEST(test_twice)
{
	struct papr_nvram second;

	ck_assert_int_eq(papr_nvram_init(&second, fd, &memory, &rtas), -EEXIST);
}
END_TEST

START_TEST(test_tree)
{
	struct fdt_writer fdt;
	const be32 *size;
	int length, node;

	ck_assert_int_eq(fdt_writer_init(&fdt), 0);
	fdt_begin(&fdt, "%s", "");
	papr_nvram_add_fdt(&fdt);
	fdt_end(&fdt);
	ck_assert_int_eq(fdt_writer_finish(&fdt), 0);
	node = fdt_path_offset(fdt.buffer, "/nvram@71000001");
	ck_assert_int_ge(node, 0);
	size = fdt_getprop(fdt.buffer, node, "#bytes", &length);
	ck_assert_uint_eq(be32toh(*size), PAPR_NVRAM_SIZE);
	ck_assert_str_eq(fdt_getprop(fdt.buffer, node, "device_type", &length), "nvram");
	fdt_writer_exit(&fdt);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("papr_nvram");
	TCase *tests = tcase_create("papr_nvram");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, test_store, 0, ARRAY_SIZE(ranges));
	tcase_add_loop_test(tests, test_fetch, 0, ARRAY_SIZE(ranges));
	tcase_add_test(tests, test_host_failure);
	tcase_add_test(tests, test_first_contents);
	tcase_add_test(tests, test_file_is_kept);
	tcase_add_test(tests, test_other_files);
	tcase_add_test(tests, test_twice);
	tcase_add_test(tests, test_tree);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}

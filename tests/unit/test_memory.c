/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest memory: every range check, loading from files, what backs it. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/capture.h"
#include "vmm/memory.h"

#define BASE (1 * GIB)
#define SIZE (16 * MIB)

static struct guest_memory memory_at(uint64_t base, uint64_t size)
{
	struct guest_memory memory;

	ck_assert_int_eq(guest_memory_init(&memory, base, size), 0);
	return memory;
}

static const struct {
	uint64_t gpa, size;
	int result;
} ranges[] = {
	{ BASE, 8, 0 },
	{ BASE + SIZE - 8, 8, 0 },
	{ BASE, SIZE, 0 },
	{ BASE, 0, 0 },
	{ BASE + SIZE, 0, 0 },
	{ BASE - 1, 8, -EFAULT },
	{ BASE - 8, 8, -EFAULT },
	{ BASE + SIZE - 7, 8, -EFAULT },
	{ BASE + SIZE, 1, -EFAULT },
	{ BASE, SIZE + 1, -EFAULT },
	{ 0, 1, -EFAULT },
	{ UINT64_MAX, 1, -EFAULT },
	{ UINT64_MAX - 3, 8, -EFAULT },
	{ BASE + 8, UINT64_MAX, -EFAULT },
	{ BASE + 8, UINT64_MAX - BASE - 7, -EFAULT },
	{ 0, UINT64_MAX, -EFAULT },
};

START_TEST(test_ranges)
{
	struct guest_memory memory = memory_at(BASE, SIZE);
	uint8_t *buffer = calloc(1, SIZE);
	uint64_t gpa = ranges[_i].gpa, size = ranges[_i].size;
	int result = ranges[_i].result;

	ck_assert_int_eq(guest_memory_read(&memory, gpa, buffer, size), result);
	ck_assert_int_eq(guest_memory_write(&memory, gpa, buffer, size), result);
	ck_assert_int_eq(guest_memory_fill(&memory, gpa, 1, size), result);
	if (size == 4 || size == 8)
		ck_assert_int_eq(guest_memory_store_be32(&memory, gpa + size - 4, htobe32(7)),
				 is_aligned(gpa, 4) ? result : -EFAULT);
	ck_assert_int_eq(guest_memory_hva(&memory, gpa, size) == 0, result != 0);
	if (result)
		ck_assert_int_eq(guest_memory_load(&memory, gpa, -1, 0, size), -EFAULT);
	free(buffer);
	guest_memory_exit(&memory);
}
END_TEST

START_TEST(test_copies)
{
	struct guest_memory memory = memory_at(0, SIZE);
	char text[8] = "";

	ck_assert_int_eq(guest_memory_write(&memory, SIZE - 6, "guest", 6), 0);
	ck_assert_int_eq(guest_memory_read(&memory, SIZE - 6, text, 6), 0);
	ck_assert_str_eq(text, "guest");
	ck_assert_int_eq(guest_memory_fill(&memory, SIZE - 6, 'x', 2), 0);
	ck_assert_int_eq(guest_memory_read(&memory, SIZE - 6, text, 6), 0);
	ck_assert_str_eq(text, "xxest");
	/* Nothing is copied when it does not fit as a whole. */
	ck_assert_int_eq(guest_memory_write(&memory, SIZE - 3, "guest", 6), -EFAULT);
	ck_assert_int_eq(guest_memory_read(&memory, SIZE - 6, text, 6), 0);
	ck_assert_str_eq(text, "xxest");
	guest_memory_exit(&memory);
}
END_TEST

START_TEST(test_load)
{
	static const char data[] = "0123456789";
	struct guest_memory memory = memory_at(0, SIZE);
	char path[32], text[16] = "";
	int fd;

	temporary_file(path, data, 10);
	fd = open(path, O_RDONLY);
	ck_assert_int_eq(guest_memory_load(&memory, 100, fd, 2, 5), 0);
	ck_assert_int_eq(guest_memory_read(&memory, 99, text, 7), 0);
	ck_assert_mem_eq(text, "\0" "23456\0", 7);
	ck_assert_int_eq(guest_memory_load(&memory, 0, fd, 0, 0), 0);
	ck_assert_int_eq(guest_memory_load(&memory, 0, fd, 6, 5), -ENODATA);
	ck_assert_int_eq(guest_memory_load(&memory, 0, fd, UINT64_MAX, 5), -EINVAL);
	ck_assert_int_eq(guest_memory_load(&memory, 0, fd, INT64_MAX, 5), -EINVAL);
	ck_assert_int_eq(guest_memory_load(&memory, 0, -1, 0, 5), -EBADF);
	close(fd);
	unlink(path);
	guest_memory_exit(&memory);
}
END_TEST

/* From every offset within a page to every other, over page borders, and nothing around it. */
START_TEST(test_load_unaligned)
{
	enum { FILE_SIZE = 300000, PART = 200001 };
	static const uint64_t places[] = { 0, 1, 4095, 4096, 65535, 65536, 65537 };
	struct guest_memory memory = memory_at(BASE, SIZE);
	uint8_t *data = malloc(FILE_SIZE), *back = malloc(FILE_SIZE);
	uint64_t offset = places[_i];
	char path[32];
	int fd;

	for (size_t i = 0; i < FILE_SIZE; i++)
		data[i] = (uint8_t)(i * 31 + i / 251);
	temporary_file(path, (const char *)data, FILE_SIZE);
	fd = open(path, O_RDONLY);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		uint64_t gpa = BASE + 131072 + places[i];

		ck_assert_int_eq(guest_memory_fill(&memory, BASE, 0xee, 2 * MIB), 0);
		ck_assert_int_eq(guest_memory_load(&memory, gpa, fd, offset, PART), 0);
		ck_assert_int_eq(guest_memory_read(&memory, gpa - 1, back, PART + 2), 0);
		ck_assert_uint_eq(back[0], 0xee);
		ck_assert_mem_eq(back + 1, data + offset, PART);
		ck_assert_uint_eq(back[PART + 1], 0xee);
	}
	close(fd);
	unlink(path);
	free(back);
	free(data);
	guest_memory_exit(&memory);
}
END_TEST

/* A file that became shorter since its size was taken: an error, not a signal. */
START_TEST(test_load_shrunk)
{
	static char data[300000];
	struct guest_memory memory = memory_at(0, SIZE);
	char path[32];
	int fd;

	temporary_file(path, data, sizeof(data));
	fd = open(path, O_RDWR);
	ck_assert_int_eq(ftruncate(fd, 100), 0);
	ck_assert_int_eq(guest_memory_load(&memory, 0, fd, 0, sizeof(data)), -ENODATA);
	ck_assert_int_eq(guest_memory_load(&memory, 0, fd, 200000, 10), -ENODATA);
	ck_assert_int_eq(guest_memory_load(&memory, 0, fd, 0, 100), 0);
	close(fd);
	unlink(path);
	guest_memory_exit(&memory);
}
END_TEST

static uint64_t backed_bytes(const struct guest_memory *memory)
{
	struct stat stat;

	ck_assert_int_eq(fstat(memory->fd, &stat), 0);
	return (uint64_t)stat.st_blocks * 512;
}

/* What a guest has cost the host. */
START_TEST(test_lazy)
{
	struct guest_memory memory = memory_at(0, 64 * GIB);

	ck_assert_uint_eq(guest_memory_page_size(&memory), (uint64_t)sysconf(_SC_PAGESIZE));
	ck_assert_uint_eq(backed_bytes(&memory), 0);
	ck_assert_int_eq(guest_memory_fill(&memory, 32 * GIB, 0x5a, 4 * MIB), 0);
	ck_assert_uint_ge(backed_bytes(&memory), 4 * MIB);
	guest_memory_exit(&memory);
}
END_TEST

/* Over a file whose pages say they are larger: it is kept, cleared, and loaded into. */
START_TEST(test_file)
{
	struct guest_memory memory;
	char path[32], text[8] = "";
	int fd = memfd_create("memory", MFD_CLOEXEC), image;

	ck_assert_int_eq(ftruncate(fd, SIZE), 0);
	ck_assert_int_eq(guest_memory_init_file(&memory, 0, SIZE - MIB, fd, 21), -EINVAL);
	ck_assert_int_eq(guest_memory_init_file(&memory, MIB, SIZE, fd, 21), -EINVAL);
	ck_assert_int_eq(guest_memory_init_file(&memory, 0, SIZE, -1, 21), -EBADF);
	ck_assert_int_eq(guest_memory_init_file(&memory, BASE, SIZE, fd, 21), 0);
	ck_assert_uint_eq(guest_memory_page_size(&memory), 2 * MIB);
	temporary_file(path, "0123456", 8);
	image = open(path, O_RDONLY);
	ck_assert_int_eq(guest_memory_load(&memory, BASE + 1, image, 0, 8), 0);
	ck_assert_int_eq(guest_memory_load(&memory, BASE + 1, image, 4, 8), -ENODATA);
	close(image);
	unlink(path);
	guest_memory_exit(&memory);
	ck_assert_int_eq(pread(fd, text, 8, 1), 8);
	ck_assert_mem_eq(text, "456\0" "456", 8);
	ck_assert_int_eq(guest_memory_init_file(&memory, BASE, SIZE, fd, 21), 0);
	guest_memory_clear(&memory);
	ck_assert_int_eq(guest_memory_read(&memory, BASE + 1, text, 8), 0);
	ck_assert_str_eq(text, "");
	guest_memory_exit(&memory);
	close(fd);
}
END_TEST

START_TEST(test_bad_sizes)
{
	static const struct {
		uint64_t base, size;
		int result;
	} cases[] = {
		{ 0, 0, -EINVAL },
		{ 0, 4097, -EINVAL },
		{ 1, 64 * KIB, -EINVAL },
		{ UINT64_MAX - 64 * KIB + 1, 128 * KIB, -EINVAL },
		{ 0, 1ULL << 63, -EINVAL },
	};
	struct guest_memory memory;

	ck_assert_int_eq(guest_memory_init(&memory, cases[_i].base, cases[_i].size),
			 cases[_i].result);
}
END_TEST

START_TEST(test_too_much)
{
	struct guest_memory memory = { .fd = -1 };
	int ret = guest_memory_init(&memory, 0, 1ULL << 62);

	ck_assert_msg(ret == -ENOMEM || ret == -EFBIG, "%d", ret);
	guest_memory_exit(&memory);
}
END_TEST

START_TEST(test_exit_twice)
{
	struct guest_memory memory = memory_at(0, SIZE);

	guest_memory_exit(&memory);
	guest_memory_exit(&memory);
	ck_assert_int_eq(guest_memory_write(&memory, 0, "x", 1), -EFAULT);
}
END_TEST

START_TEST(test_two_at_once)
{
	struct guest_memory a = memory_at(0, SIZE), b = memory_at(0, SIZE);
	char text[2] = "";

	ck_assert_int_eq(guest_memory_write(&a, 0, "a", 2), 0);
	ck_assert_int_eq(guest_memory_read(&b, 0, text, 2), 0);
	ck_assert_str_eq(text, "");
	guest_memory_exit(&a);
	guest_memory_exit(&b);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("memory");
	TCase *tests = tcase_create("memory");

	tcase_add_loop_test(tests, test_ranges, 0, ARRAY_SIZE(ranges));
	tcase_add_test(tests, test_copies);
	tcase_add_test(tests, test_load);
	tcase_add_loop_test(tests, test_load_unaligned, 0, 7);
	tcase_add_test(tests, test_load_shrunk);
	tcase_add_test(tests, test_lazy);
	tcase_add_test(tests, test_file);
	tcase_add_loop_test(tests, test_bad_sizes, 0, 5);
	tcase_add_test(tests, test_too_much);
	tcase_add_test(tests, test_exit_twice);
	tcase_add_test(tests, test_two_at_once);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}

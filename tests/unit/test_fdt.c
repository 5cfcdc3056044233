/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing device trees: content, byte order, growth, and errors that stick. */
#include "vmm/fdt.h"

#include <errno.h>
#include <libfdt.h>

#include "tests/unit/capture.h"

static struct fdt_writer writer_with_root(void)
{
	struct fdt_writer writer;

	ck_assert_int_eq(fdt_writer_init(&writer), 0);
	fdt_begin(&writer, "%s", "");
	return writer;
}

static const void *property(const struct fdt_writer *writer, const char *path, const char *name,
			    int *size)
{
	int node = fdt_path_offset(writer->buffer, path);

	ck_assert_int_ge(node, 0);
	return fdt_getprop(writer->buffer, node, name, size);
}

static void expect(const struct fdt_writer *writer, const char *path, const char *name,
		   const void *value, int size)
{
	int real;
	const void *found = property(writer, path, name, &real);

	ck_assert_msg(found != NULL, "no %s in %s", name, path);
	ck_assert_int_eq(real, size);
	if (size)
		ck_assert_mem_eq(found, value, (size_t)size);
}

START_TEST(test_content)
{
	static const char *const compatibles[] = { "IBM,one", "two" };
	struct fdt_writer writer = writer_with_root();

	fdt_u32(&writer, "u32", 0x01020304);
	fdt_u64(&writer, "u64", 0x0102030405060708);
	fdt_text(&writer, "text", "hello");
	fdt_flag(&writer, "flag");
	fdt_bytes(&writer, "bytes", "\1\2\3", 3);
	fdt_begin(&writer, "node@%x", 0xabcU);
	FDT_CELLS(&writer, "reg", 1, 0xfffffffe);
	fdt_texts(&writer, "compatible", compatibles, 2);
	fdt_texts(&writer, "none", compatibles, 0);
	fdt_end(&writer);
	fdt_end(&writer);
	ck_assert_int_eq(fdt_writer_finish(&writer), 0);
	ck_assert_int_eq(fdt_check_full(writer.buffer, fdt_writer_size(&writer)), 0);
	expect(&writer, "/", "u32", "\1\2\3\4", 4);
	expect(&writer, "/", "u64", "\1\2\3\4\5\6\7\10", 8);
	expect(&writer, "/", "text", "hello", 6);
	expect(&writer, "/", "flag", "", 0);
	expect(&writer, "/", "bytes", "\1\2\3", 3);
	expect(&writer, "/node@abc", "reg", "\0\0\0\1\xff\xff\xff\xfe", 8);
	expect(&writer, "/node@abc", "compatible", "IBM,one\0two", 12);
	expect(&writer, "/node@abc", "none", "", 0);
	fdt_writer_exit(&writer);
}
END_TEST

/* Much more than the first buffer, which grows in the middle of everything. */
START_TEST(test_growth)
{
	struct fdt_writer writer = writer_with_root();
	size_t first = writer.size;
	char path[32];

	for (unsigned i = 0; i < 4000; i++) {
		fdt_begin(&writer, "n%u", i);
		fdt_u32(&writer, "index", i);
		fdt_end(&writer);
	}
	fdt_end(&writer);
	ck_assert_int_eq(fdt_writer_finish(&writer), 0);
	ck_assert_uint_gt(writer.size, first);
	ck_assert_int_eq(fdt_check_full(writer.buffer, fdt_writer_size(&writer)), 0);
	for (unsigned i = 0; i < 4000; i += 333) {
		be32 value = htobe32(i);

		snprintf(path, sizeof(path), "/n%u", i);
		expect(&writer, path, "index", &value, 4);
	}
	fdt_writer_exit(&writer);
}
END_TEST

/* Every size of a property, so that each call meets a buffer that is just too small. */
START_TEST(test_growth_edges)
{
	char *data = calloc(1, 20000);

	for (size_t size = 16000; size < 16500; size++) {
		struct fdt_writer writer = writer_with_root();

		fdt_bytes(&writer, "data", data, size);
		fdt_begin(&writer, "child");
		fdt_u32(&writer, "value", 7);
		fdt_end(&writer);
		fdt_end(&writer);
		ck_assert_int_eq(fdt_writer_finish(&writer), 0);
		ck_assert_int_eq(fdt_check_full(writer.buffer, fdt_writer_size(&writer)), 0);
		fdt_writer_exit(&writer);
	}
	free(data);
}
END_TEST

static void too_large(struct fdt_writer *writer)
{
	static const uint32_t cell;

	fdt_cells(writer, "big", &cell, SIZE_MAX / 4 + 2);
}

static void too_large_bytes(struct fdt_writer *writer)
{
	fdt_bytes(writer, "big", "", (size_t)1 << 40);
}

static void too_much(struct fdt_writer *writer)
{
	char *data = calloc(1, MIB);

	for (int i = 0; i < 32; i++)
		fdt_bytes(writer, "big", data, MIB);
	free(data);
}

static void long_name(struct fdt_writer *writer)
{
	fdt_begin(writer, "%0100d", 1);
}

static void late_property(struct fdt_writer *writer)
{
	fdt_begin(writer, "child");
	fdt_end(writer);
	fdt_flag(writer, "late");
}

static void unpaired_end(struct fdt_writer *writer)
{
	fdt_end(writer);
	fdt_end(writer);
}

static void open_node(struct fdt_writer *writer)
{
	fdt_begin(writer, "child");
}

static void second_root(struct fdt_writer *writer)
{
	fdt_end(writer);
	fdt_begin(writer, "%s", "");
}

static void outside_property(struct fdt_writer *writer)
{
	fdt_end(writer);
	fdt_u32(writer, "outside", 1);
}

static const struct {
	void (*spoil)(struct fdt_writer *writer);
	int error;
} errors[] = {
	{ too_large, -ENOSPC },
	{ too_large_bytes, -ENOSPC },
	{ too_much, -ENOSPC },
	{ long_name, -ENAMETOOLONG },
	{ late_property, -EINVAL },
	{ unpaired_end, -EINVAL },
	{ open_node, -EINVAL },
	{ second_root, -EINVAL },
	{ outside_property, -EINVAL },
};

/* After the first error, calls do nothing and the error stays. */
START_TEST(test_errors)
{
	struct fdt_writer writer = writer_with_root();

	errors[_i].spoil(&writer);
	fdt_begin(&writer, "after");
	fdt_text(&writer, "after", "after");
	fdt_cells(&writer, "after", NULL, 0);
	if (errors[_i].spoil != open_node)
		fdt_end(&writer);
	fdt_end(&writer);
	ck_assert_int_eq(fdt_writer_finish(&writer), errors[_i].error);
	ck_assert_int_eq(fdt_writer_finish(&writer), errors[_i].error);
	ck_assert_uint_eq(fdt_writer_size(&writer), 0);
	fdt_writer_exit(&writer);
	fdt_writer_exit(&writer);
}
END_TEST

START_TEST(test_empty)
{
	struct fdt_writer writer;

	ck_assert_int_eq(fdt_writer_init(&writer), 0);
	ck_assert_int_eq(fdt_writer_finish(&writer), -EINVAL);
	fdt_writer_exit(&writer);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fdt");
	TCase *tests = tcase_create("fdt");

	tcase_add_test(tests, test_content);
	tcase_add_test(tests, test_growth);
	tcase_add_test(tests, test_growth_edges);
	tcase_add_loop_test(tests, test_errors, 0, ARRAY_SIZE(errors));
	tcase_add_test(tests, test_empty);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loading kernels of both classes and byte orders, and refusing hostile files. */
#include "vmm/loader.h"

#include <elf.h>
#include <errno.h>
#include <sys/stat.h>

#include "tests/unit/capture.h"

#define RAM (16 * MIB)
#define DATA_OFFSET 0x400	/* where segments' bytes are in the image */
#define IMAGE_SIZE 0x1000

static const uint16_t machines[] = { EM_PPC64, EM_PPC, 0 };

/* An image under construction. Headers are written in its class and byte order. */
struct image {
	bool is_64bit, big_endian;
	size_t size;
	uint8_t bytes[IMAGE_SIZE];
};

struct segment {
	uint64_t offset, vaddr, paddr, filesz, memsz;
};

static void put(struct image *image, size_t offset, size_t width, uint64_t value)
{
	for (size_t i = 0; i < width; i++) {
		size_t shift = 8 * (image->big_endian ? width - 1 - i : i);

		image->bytes[offset + i] = (uint8_t)(value >> shift);
	}
}

#define PUT_FIELD(image, base, type, field, value)                                   \
	put(image, (base) + ((image)->is_64bit ? offsetof(Elf64_##type, field) :      \
						 offsetof(Elf32_##type, field)),      \
	    (image)->is_64bit ? sizeof(((Elf64_##type *)0)->field) :                  \
				sizeof(((Elf32_##type *)0)->field), value)

static size_t header_size(const struct image *image)
{
	return image->is_64bit ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
}

static size_t segment_size(const struct image *image)
{
	return image->is_64bit ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
}

static void put_segment(struct image *image, unsigned index, const struct segment *segment)
{
	size_t base = header_size(image) + index * segment_size(image);

	PUT_FIELD(image, base, Phdr, p_type, PT_LOAD);
	PUT_FIELD(image, base, Phdr, p_offset, segment->offset);
	PUT_FIELD(image, base, Phdr, p_vaddr, segment->vaddr);
	PUT_FIELD(image, base, Phdr, p_paddr, segment->paddr);
	PUT_FIELD(image, base, Phdr, p_filesz, segment->filesz);
	PUT_FIELD(image, base, Phdr, p_memsz, segment->memsz);
}

/* A good kernel: code at 0 (linked high), data at 2 MiB with bss. */
static struct image good_image(bool is_64bit, bool big_endian)
{
	struct image image = { .is_64bit = is_64bit, .big_endian = big_endian,
			       .size = IMAGE_SIZE };
	uint64_t virtual = is_64bit ? 0xc000000000000000 : 0xc0000000;

	memset(image.bytes + DATA_OFFSET, 0x11, 0x100);
	memset(image.bytes + DATA_OFFSET + 0x100, 0x22, 0x80);
	memcpy(image.bytes, ELFMAG, SELFMAG);
	image.bytes[EI_CLASS] = is_64bit ? ELFCLASS64 : ELFCLASS32;
	image.bytes[EI_DATA] = big_endian ? ELFDATA2MSB : ELFDATA2LSB;
	image.bytes[EI_VERSION] = EV_CURRENT;
	PUT_FIELD(&image, 0, Ehdr, e_type, ET_EXEC);
	PUT_FIELD(&image, 0, Ehdr, e_machine, is_64bit ? EM_PPC64 : EM_PPC);
	PUT_FIELD(&image, 0, Ehdr, e_version, EV_CURRENT);
	PUT_FIELD(&image, 0, Ehdr, e_entry, virtual + 0x40);
	PUT_FIELD(&image, 0, Ehdr, e_phoff, header_size(&image));
	PUT_FIELD(&image, 0, Ehdr, e_phentsize, segment_size(&image));
	PUT_FIELD(&image, 0, Ehdr, e_phnum, 2);
	put_segment(&image, 0, &(struct segment){ DATA_OFFSET, virtual, 0, 0x100, 0x100 });
	put_segment(&image, 1, &(struct segment){ DATA_OFFSET + 0x100, virtual + 2 * MIB,
						  2 * MIB, 0x80, 0x200 });
	return image;
}

/* What loading will answer is known before there is memory. */
static void expect_check(const struct guest_memory *memory, const struct image_file *file, int ret,
			 const struct loaded_kernel *kernel)
{
	struct guest_memory range = { .base = memory->base, .size = memory->size, .fd = -1 };
	struct loaded_kernel checked;
	struct capture capture;

	capture_init(&capture);
	ck_assert_int_eq(loader_check_kernel(&range, file, machines, &capture.log, &checked), ret);
	if (!ret) {
		ck_assert_uint_eq(checked.entry, kernel->entry);
		ck_assert_uint_eq(checked.end, kernel->end);
	}
	capture_exit(&capture);
}

/* The file of that name is opened, loaded as a kernel, and closed. */
static int load_kernel(struct guest_memory *memory, const char *path, struct log *log,
		       struct loaded_kernel *kernel)
{
	struct image_file file;
	int ret = image_open(&file, path, log);

	if (ret)
		return ret;
	ret = loader_load_kernel(memory, &file, machines, log, kernel);
	expect_check(memory, &file, ret, kernel);
	image_close(&file);
	return ret;
}

/* Loads @image into memory that is full of 0xee. */
static int load(const struct image *image, struct guest_memory *memory, struct capture *capture,
		struct loaded_kernel *kernel)
{
	char path[32];
	int ret;

	temporary_file(path, image->bytes, image->size);
	ck_assert_int_eq(guest_memory_init(memory, 0, RAM), 0);
	ck_assert_int_eq(guest_memory_fill(memory, 0, 0xee, RAM), 0);
	ret = load_kernel(memory, path, &capture->log, kernel);
	unlink(path);
	return ret;
}

static void expect_bytes(const struct guest_memory *memory, uint64_t gpa, uint8_t byte, size_t size)
{
	uint8_t found;

	for (size_t i = 0; i < size; i++) {
		ck_assert_int_eq(guest_memory_read(memory, gpa + i, &found, 1), 0);
		ck_assert_uint_eq(found, byte);
	}
}

/* The test's number: bit 0 is the class, bit 1 the byte order. */
START_TEST(test_good)
{
	struct image image = good_image(_i & 1, _i & 2);
	struct guest_memory memory;
	struct capture capture;
	struct loaded_kernel kernel;

	capture_init(&capture);
	ck_assert_int_eq(load(&image, &memory, &capture, &kernel), 0);
	ck_assert_str_eq(capture_take(&capture), "");
	ck_assert_uint_eq(kernel.entry, 0x40);
	ck_assert_uint_eq(kernel.start, 0);
	ck_assert_uint_eq(kernel.end, 2 * MIB + 0x200);
	ck_assert_int_eq(kernel.big_endian, !!(_i & 2));
	expect_bytes(&memory, 0, 0x11, 0x100);
	expect_bytes(&memory, 0x100, 0xee, 1);
	expect_bytes(&memory, 2 * MIB - 1, 0xee, 1);
	expect_bytes(&memory, 2 * MIB, 0x22, 0x80);
	expect_bytes(&memory, 2 * MIB + 0x80, 0, 0x180);
	expect_bytes(&memory, 2 * MIB + 0x200, 0xee, 1);
	guest_memory_exit(&memory);
	capture_exit(&capture);
}
END_TEST

START_TEST(test_base)
{
	struct image image = good_image(true, false);
	struct guest_memory memory;
	struct capture capture;
	struct loaded_kernel kernel;
	char path[32];

	capture_init(&capture);
	temporary_file(path, image.bytes, image.size);
	ck_assert_int_eq(guest_memory_init(&memory, GIB, RAM), 0);
	ck_assert_int_eq(load_kernel(&memory, path, &capture.log, &kernel), 0);
	ck_assert_uint_eq(kernel.entry, GIB + 0x40);
	ck_assert_uint_eq(kernel.start, GIB);
	ck_assert_uint_eq(kernel.end, GIB + 2 * MIB + 0x200);
	expect_bytes(&memory, GIB, 0x11, 0x100);
	unlink(path);
	guest_memory_exit(&memory);
	capture_exit(&capture);
}
END_TEST

/* ET_DYN as well, and what is not PT_LOAD or is empty does not matter. */
START_TEST(test_other_segments)
{
	struct image image = good_image(true, false);
	size_t second = header_size(&image) + segment_size(&image);
	struct guest_memory memory;
	struct capture capture;
	struct loaded_kernel kernel;

	capture_init(&capture);
	PUT_FIELD(&image, 0, Ehdr, e_type, ET_DYN);
	PUT_FIELD(&image, 0, Ehdr, e_phnum, 3);
	PUT_FIELD(&image, second, Phdr, p_type, PT_NOTE);
	PUT_FIELD(&image, second, Phdr, p_filesz, UINT64_MAX);
	put_segment(&image, 2, &(struct segment){ .offset = UINT64_MAX, .paddr = UINT64_MAX });
	ck_assert_int_eq(load(&image, &memory, &capture, &kernel), 0);
	ck_assert_uint_eq(kernel.end, 0x100);
	guest_memory_exit(&memory);
	capture_exit(&capture);
}
END_TEST

/* It unpacks to the start of memory, and allocates behind itself. */
START_TEST(test_zimage_has_room)
{
	struct image image = good_image(true, false);
	struct loaded_kernel kernel;
	struct guest_memory memory;
	struct capture capture;
	char path[32];
	uint8_t byte;

	capture_init(&capture);
	PUT_FIELD(&image, 0, Ehdr, e_type, ET_DYN);
	PUT_FIELD(&image, 0, Ehdr, e_entry, 0x40);
	PUT_FIELD(&image, 0, Ehdr, e_phnum, 1);
	put_segment(&image, 0, &(struct segment){ DATA_OFFSET, 0, 0, 0x100, 0x2000 });
	temporary_file(path, image.bytes, image.size);
	ck_assert_int_eq(guest_memory_init(&memory, 0, 256 * MIB), 0);
	ck_assert_int_eq(load_kernel(&memory, path, &capture.log, &kernel), 0);
	ck_assert_uint_eq(kernel.start, 128 * MIB);
	ck_assert_uint_eq(kernel.entry, 128 * MIB + 0x40);
	ck_assert_uint_eq(kernel.end, 144 * MIB + 0x2000);
	ck_assert_int_eq(guest_memory_read(&memory, 128 * MIB + 0xff, &byte, 1), 0);
	ck_assert_uint_eq(byte, 0x11);
	guest_memory_exit(&memory);
	ck_assert_int_eq(load(&image, &memory, &capture, &kernel), -EFBIG);
	capture_expect(&capture, "give more with --memory");
	guest_memory_exit(&memory);
	unlink(path);
	capture_exit(&capture);
}
END_TEST

static void no_headers(struct image *image)
{
	PUT_FIELD(image, 0, Ehdr, e_phnum, 0);
}

static void many_headers(struct image *image)
{
	PUT_FIELD(image, 0, Ehdr, e_phnum, 0xffff);
}

static void small_header(struct image *image)
{
	PUT_FIELD(image, 0, Ehdr, e_phentsize, 8);
}

static void large_header(struct image *image)
{
	PUT_FIELD(image, 0, Ehdr, e_phentsize, 0xffff);
}

static void zero_header(struct image *image)
{
	PUT_FIELD(image, 0, Ehdr, e_phentsize, 0);
}

static void far_headers(struct image *image)
{
	PUT_FIELD(image, 0, Ehdr, e_phoff, UINT64_MAX - 8);
}

static void late_headers(struct image *image)
{
	PUT_FIELD(image, 0, Ehdr, e_phoff, IMAGE_SIZE - 64);
}

static void object_file(struct image *image)
{
	PUT_FIELD(image, 0, Ehdr, e_type, ET_REL);
}

static void bad_version(struct image *image)
{
	PUT_FIELD(image, 0, Ehdr, e_version, 2);
}

static void bad_class(struct image *image)
{
	image->bytes[EI_CLASS] = 7;
}

static void bad_order(struct image *image)
{
	image->bytes[EI_DATA] = 0;
}

static void x86_machine(struct image *image)
{
	PUT_FIELD(image, 0, Ehdr, e_machine, EM_X86_64);
}

static void x86_object(struct image *image)
{
	x86_machine(image);
	object_file(image);
}

static void odd_machine(struct image *image)
{
	PUT_FIELD(image, 0, Ehdr, e_machine, 0xabcd);
}

static void no_machine(struct image *image)
{
	PUT_FIELD(image, 0, Ehdr, e_machine, 0);
}

static void no_loads(struct image *image)
{
	for (unsigned i = 0; i < 2; i++) {
		size_t base = header_size(image) + i * segment_size(image);

		PUT_FIELD(image, base, Phdr, p_type, PT_NOTE);
	}
}

static void file_over_memory(struct image *image)
{
	put_segment(image, 1, &(struct segment){ DATA_OFFSET, 0, 2 * MIB, 0x80, 0x7f });
}

static void file_without_memory(struct image *image)
{
	put_segment(image, 1, &(struct segment){ DATA_OFFSET, 0, 2 * MIB, 0x80, 0 });
}

static void segment_truncated(struct image *image)
{
	put_segment(image, 1, &(struct segment){ IMAGE_SIZE - 0x7f, 0, 2 * MIB, 0x80, 0x80 });
}

static void segment_offset_wraps(struct image *image)
{
	put_segment(image, 1, &(struct segment){ UINT64_MAX - 0x3f, 0, 2 * MIB, 0x80, 0x80 });
}

static void segment_over_end(struct image *image)
{
	put_segment(image, 1, &(struct segment){ DATA_OFFSET, 0, RAM - 0x80, 0x80, 0x81 });
}

static void segment_outside(struct image *image)
{
	put_segment(image, 1, &(struct segment){ DATA_OFFSET, 0, RAM, 0x80, 0x80 });
}

static void segment_wraps(struct image *image)
{
	put_segment(image, 1, &(struct segment){ DATA_OFFSET, 0, UINT64_MAX - 0x3f, 0x80, 0x80 });
}

static void segment_huge(struct image *image)
{
	put_segment(image, 1, &(struct segment){ DATA_OFFSET, 0, 2 * MIB, 0x80, UINT64_MAX });
}

static void segments_overlap(struct image *image)
{
	put_segment(image, 1, &(struct segment){ DATA_OFFSET, 0, 0xff, 0x80, 0x80 });
}

static void entry_outside(struct image *image)
{
	PUT_FIELD(image, 0, Ehdr, e_entry, 0xc000000000000100);
}

static void entry_below(struct image *image)
{
	PUT_FIELD(image, 0, Ehdr, e_entry, 0x40);
}

/* In bss there is nothing to run. */
static void entry_in_bss(struct image *image)
{
	PUT_FIELD(image, 0, Ehdr, e_entry, 0xc000000000200081);
}

static void cut_in_ident(struct image *image)
{
	image->size = 10;
}

static void cut_in_header(struct image *image)
{
	image->size = sizeof(Elf64_Ehdr) - 1;
}

static void cut_in_segments(struct image *image)
{
	image->size = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr) + 1;
}

static void cut_in_data(struct image *image)
{
	image->size = DATA_OFFSET + 0x17f;
}

static void cut_to_magic(struct image *image)
{
	image->size = 3;
}

static void empty(struct image *image)
{
	image->size = 0;
}

static void gzip(struct image *image)
{
	memcpy(image->bytes, "\x1f\x8b\x08", 3);
}

static void xz(struct image *image)
{
	memcpy(image->bytes, "\xfd" "7zXZ", 6);
}

static void zstd(struct image *image)
{
	memcpy(image->bytes, "\x28\xb5\x2f\xfd", 4);
}

static void script(struct image *image)
{
	memcpy(image->bytes, "#!/bin/sh\n", 10);
}

static const struct {
	void (*spoil)(struct image *image);
	int error;
	const char *message;
} bad[] = {
	{ no_headers, -ENOEXEC, "no program headers; give vmlinux or zImage" },
	{ many_headers, -ENOEXEC, "more program headers than a kernel" },
	{ small_header, -ENOEXEC, "program headers have a wrong size" },
	{ large_header, -ENOEXEC, "program headers have a wrong size" },
	{ zero_header, -ENOEXEC, "program headers have a wrong size" },
	{ far_headers, -ENOEXEC, "ends before its program headers do" },
	{ late_headers, -ENOEXEC, "ends before its program headers do" },
	{ object_file, -ENOEXEC, "no linked program; give vmlinux or zImage" },
	{ bad_version, -ENOEXEC, "ELF version is unknown" },
	{ bad_class, -ENOEXEC, "class or byte order is unknown" },
	{ bad_order, -ENOEXEC, "class or byte order is unknown" },
	{ x86_machine, -ENOEXEC, "for x86-64; give a kernel for 64-bit PowerPC" },
	{ x86_object, -ENOEXEC, "for x86-64; give a kernel for 64-bit PowerPC" },
	{ odd_machine, -ENOEXEC, "for machine 43981; give a kernel for 64-bit PowerPC" },
	{ no_machine, -ENOEXEC, "for machine 0; give a kernel for 64-bit PowerPC" },
	{ no_loads, -ENOEXEC, "has nothing to load" },
	{ file_over_memory, -ENOEXEC, "larger in the file than in memory" },
	{ file_without_memory, -ENOEXEC, "larger in the file than in memory" },
	{ segment_truncated, -ENOEXEC, "ends before its segments do; is the copy complete?" },
	{ segment_offset_wraps, -ENOEXEC, "ends before its segments do" },
	{ segment_over_end, -EFBIG, "beyond the guest's 16 MiB; give more with --memory" },
	{ segment_outside, -EFBIG, "needs memory at 0x1000000" },
	{ segment_wraps, -EFBIG, "beyond the guest's 16 MiB" },
	{ segment_huge, -EFBIG, "beyond the guest's 16 MiB" },
	{ segments_overlap, -ENOEXEC, "two segments share memory" },
	{ entry_outside, -ENOEXEC, "entry point 0xc000000000000100 lies in no segment" },
	{ entry_below, -ENOEXEC, "lies in no segment" },
	{ entry_in_bss, -ENOEXEC, "lies in no segment" },
	{ cut_in_ident, -ENOEXEC, "ends within its ELF header" },
	{ cut_in_header, -ENOEXEC, "ends within its ELF header" },
	{ cut_in_segments, -ENOEXEC, "ends before its program headers do" },
	{ cut_in_data, -ENOEXEC, "ends before its segments do" },
	{ cut_to_magic, -ENOEXEC, "not an ELF file; give vmlinux or zImage" },
	{ empty, -ENOEXEC, "it is empty" },
	{ gzip, -ENOEXEC, "gzip-compressed; unpack it first: zcat FILE > vmlinux" },
	{ xz, -ENOEXEC, "xz-compressed; unpack it first: xzcat" },
	{ zstd, -ENOEXEC, "zstd-compressed; unpack it first: zstdcat" },
	{ script, -ENOEXEC, "not an ELF file" },
};

/* Nothing is written before all is checked. */
START_TEST(test_bad)
{
	struct image image = good_image(true, false);
	struct guest_memory memory;
	struct capture capture;
	struct loaded_kernel kernel;

	capture_init(&capture);
	bad[_i].spoil(&image);
	ck_assert_int_eq(load(&image, &memory, &capture, &kernel), bad[_i].error);
	capture_expect(&capture, bad[_i].message);
	expect_bytes(&memory, 0, 0xee, 0x200);
	expect_bytes(&memory, 2 * MIB, 0xee, 0x200);
	guest_memory_exit(&memory);
	capture_exit(&capture);
}
END_TEST

static const struct {
	const char *path;
	int error;
	const char *message;
} paths[] = {
	{ "/nonexistent/vmlinux", -ENOENT,
	  "/nonexistent/vmlinux: there is no such file" },
	{ "/tmp", -EISDIR, "/tmp: a folder; give a regular file" },
	{ "/dev/null", -EINVAL, "/dev/null: not a file; give a regular file" },
	{ "/proc/self/mem", -ENOEXEC, "/proc/self/mem: cannot be the kernel: it is empty" },
};

START_TEST(test_paths)
{
	struct guest_memory memory;
	struct capture capture;
	struct loaded_kernel kernel;

	capture_init(&capture);
	ck_assert_int_eq(guest_memory_init(&memory, 0, RAM), 0);
	ck_assert_int_eq(load_kernel(&memory, paths[_i].path, &capture.log, &kernel),
			 paths[_i].error);
	capture_expect(&capture, paths[_i].message);
	guest_memory_exit(&memory);
	capture_exit(&capture);
}
END_TEST

/* Opening it must not wait for a writer. */
START_TEST(test_fifo)
{
	struct guest_memory memory;
	struct capture capture;
	struct loaded_kernel kernel;
	char path[32];

	capture_init(&capture);
	temporary_file(path, "", 0);
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(guest_memory_init(&memory, 0, RAM), 0);
	ck_assert_int_eq(load_kernel(&memory, path, &capture.log, &kernel),
			 -EINVAL);
	capture_expect(&capture, "not a file");
	unlink(path);
	guest_memory_exit(&memory);
	capture_exit(&capture);
}
END_TEST

START_TEST(test_unreadable)
{
	uid_t user = geteuid();
	struct guest_memory memory;
	struct capture capture;
	struct loaded_kernel kernel;
	char path[32];

	capture_init(&capture);
	temporary_file(path, "x", 1);
	ck_assert_int_eq(chmod(path, 0), 0);
	ck_assert_int_eq(guest_memory_init(&memory, 0, RAM), 0);
	/* Root may read everything; not so an ordinary user. */
	ck_assert(user != 0 || seteuid(65534) == 0);
	ck_assert_int_eq(load_kernel(&memory, path, &capture.log, &kernel),
			 -EACCES);
	ck_assert_int_eq(seteuid(user), 0);
	capture_expect(&capture, "Permission denied");
	unlink(path);
	guest_memory_exit(&memory);
	capture_exit(&capture);
}
END_TEST

static const struct {
	size_t size;
	uint64_t gpa, limit;
	int error;
	const char *message;
} files[] = {
	{ 4096, MIB, RAM, 0, "" },
	{ 4096, MIB, MIB + 4096, 0, "" },
	{ 4096, RAM - 4096, UINT64_MAX, 0, "" },
	{ 0, MIB, RAM, -ENODATA, "is empty; give a complete file" },
	{ 4096, MIB, MIB + 4095, -EFBIG, "4 KiB do not fit into the 3 KiB left for it" },
	{ 4096, MIB, MIB, -EFBIG, "do not fit" },
	{ 4096, MIB, 0, -EFBIG, "do not fit" },
	{ 4096, RAM - 4095, UINT64_MAX, -EFBIG, "do not fit" },
	{ 4096, UINT64_MAX, UINT64_MAX, -EFBIG, "do not fit" },
};

START_TEST(test_file)
{
	struct guest_memory memory;
	struct capture capture;
	struct image_file file;
	char path[32], *data = malloc(4096);

	capture_init(&capture);
	memset(data, 0x33, 4096);
	temporary_file(path, data, files[_i].size);
	ck_assert_int_eq(guest_memory_init(&memory, 0, RAM), 0);
	ck_assert_int_eq(image_open(&file, path, &capture.log), 0);
	ck_assert_int_eq(loader_load_file(&memory, &file, files[_i].gpa, files[_i].limit,
					  &capture.log), files[_i].error);
	if (files[_i].error)
		capture_expect(&capture, files[_i].message);
	ck_assert_int_eq(loader_check_file(&memory, &file, files[_i].gpa, files[_i].limit,
					   &capture.log), files[_i].error);
	image_close(&file);
	if (files[_i].error) {
		capture_expect(&capture, files[_i].message);
	} else {
		ck_assert_str_eq(capture_take(&capture), "");
		expect_bytes(&memory, files[_i].gpa, 0x33, 4096);
	}
	unlink(path);
	free(data);
	guest_memory_exit(&memory);
	capture_exit(&capture);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("loader");
	TCase *tests = tcase_create("loader");

	tcase_add_loop_test(tests, test_good, 0, 4);
	tcase_add_test(tests, test_base);
	tcase_add_test(tests, test_other_segments);
	tcase_add_test(tests, test_zimage_has_room);
	tcase_add_loop_test(tests, test_bad, 0, ARRAY_SIZE(bad));
	tcase_add_loop_test(tests, test_paths, 0, ARRAY_SIZE(paths));
	tcase_add_test(tests, test_fifo);
	tcase_add_test(tests, test_unreadable);
	tcase_add_loop_test(tests, test_file, 0, ARRAY_SIZE(files));
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loading what the guest starts with, from files straight into guest memory. Everything that
 * a kernel file says is checked before the first byte is written.
 */
#include "vmm/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/loader_elf.h"

/*
 * A zImage that runs wherever it lies (arch/powerpc/boot of Linux) unpacks the kernel to the start
 * of memory and takes what it allocates from behind itself: it needs room on both sides.
 */
#define ZIMAGE_BASE (128 * MIB)
#define ZIMAGE_HEAP (16 * MIB)

/* A file that is being loaded. */
struct loader {
	struct guest_memory *memory;
	struct log *log;
	const struct image_file *file;
	struct elf_image image;
	unsigned nr_segments;
	struct elf_segment segments[ELF_SEGMENTS_MAX];	/* PT_LOAD, not empty */
	uint64_t heap;	/* bytes that the image needs behind itself */
};

/* Logs what is wrong with the file, and what to do; returns @error. */
static int PRINTF(3, 4) loader_fail(struct loader *loader, int error, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_error(loader->log, "%s: %s", loader->file->path, text);
	return error;
}

static int open_failed(struct log *log, const char *path, int error, const char *why)
{
	log_error(log, "%s: %s", path, why);
	return error;
}

int image_open(struct image_file *file, const char *path, struct log *log)
{
	struct stat stat;
	int ret = 0;

	/* Not to wait for the writer of a pipe, which is refused below. */
	*file = (struct image_file){
		.path = path,
		.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK),
	};
	if (file->fd < 0 || fstat(file->fd, &stat))
		ret = open_failed(log, path, -errno, errno == ENOENT ?
				  "there is no such file" : strerror(errno));
	else if (S_ISDIR(stat.st_mode))
		ret = open_failed(log, path, -EISDIR, "a folder; give a regular file");
	else if (!S_ISREG(stat.st_mode))
		ret = open_failed(log, path, -EINVAL, "not a file; give a regular file");
	if (ret)
		image_close(file);
	else
		file->size = (uint64_t)stat.st_size;
	return ret;
}

void image_close(struct image_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

/* Reads all of [offset, offset + size), which lies in the file unless it shrinks meanwhile. */
static int loader_read(struct loader *loader, uint64_t offset, void *buffer, size_t size)
{
	uint8_t *next = buffer;

	while (size > 0) {
		ssize_t done = pread(loader->file->fd, next, size, (off_t)offset);
		int ret = done < 0 ? -errno : -ENODATA;

		if (ret == -EINTR)
			continue;
		if (done <= 0)
			return loader_fail(loader, ret, "cannot be read: %s", strerror(-ret));
		next += done;
		offset += (uint64_t)done;
		size -= (size_t)done;
	}
	return 0;
}

static bool has_machine(const uint16_t *machines, uint16_t machine)
{
	for (; *machines; machines++) {
		if (*machines == machine)
			return true;
	}
	return false;
}

static int refuse_machine(struct loader *loader, const uint16_t *machines)
{
	const char *is = elf_machine_name(loader->image.machine);
	const char *wanted = elf_machine_name(machines[0]);
	char number[32];

	if (!is) {
		snprintf(number, sizeof(number), "machine %u", loader->image.machine);
		is = number;
	}
	return loader_fail(loader, -ENOEXEC, "for %s; give a kernel for %s", is,
			   wanted ? wanted : "this machine");
}

static int read_start(struct loader *loader, const uint16_t *machines)
{
	union elf_start start;
	size_t size = sizeof(start);
	const char *problem;
	int ret;

	if (loader->file->size < size)
		size = loader->file->size;
	ret = loader_read(loader, 0, &start, size);
	if (ret)
		return ret;
	problem = elf_decode_start(&start, size, &loader->image);
	/* Another machine's kernel may be of another form altogether: say so first. */
	if ((!problem || loader->image.machine) && !has_machine(machines, loader->image.machine))
		return refuse_machine(loader, machines);
	if (problem)
		return loader_fail(loader, -ENOEXEC, "cannot be the kernel: %s", problem);
	return 0;
}

/* A vmlinux that can be moved is linked at virtual addresses, a zImage at real ones. */
static bool is_zimage(const struct loader *loader, const struct elf_segment *segment)
{
	return loader->image.type == ET_DYN && segment->vaddr == segment->paddr &&
	       segment->paddr < ZIMAGE_BASE;
}

/* Is a PT_LOAD segment sane by itself? */
static int check_segment(struct loader *loader, const struct elf_segment *segment)
{
	const struct guest_memory *memory = loader->memory;

	if (segment->filesz > segment->memsz)
		return loader_fail(loader, -ENOEXEC, "a segment is larger in the file than in "
				   "memory; is it damaged?");
	if (!range_within(segment->offset, segment->filesz, 0, loader->file->size))
		return loader_fail(loader, -ENOEXEC, "ends before its segments do; is the copy "
				   "complete?");
	if (!range_within(segment->paddr, segment->memsz, 0, memory->size))
		return loader_fail(loader, -EFBIG, "needs memory at 0x%llx (%llu KiB), beyond the "
				   "guest's %llu MiB; give more with --memory",
				   (unsigned long long)segment->paddr,
				   (unsigned long long)(segment->memsz / KIB),
				   (unsigned long long)(memory->size / MIB));
	return 0;
}

static int check_overlap(struct loader *loader, const struct elf_segment *segment)
{
	for (unsigned i = 0; i < loader->nr_segments; i++) {
		const struct elf_segment *other = &loader->segments[i];

		if (ranges_overlap(segment->paddr, segment->memsz, other->paddr, other->memsz))
			return loader_fail(loader, -ENOEXEC,
					   "two segments share memory; is it damaged?");
	}
	return 0;
}

static int add_segment(struct loader *loader, struct elf_segment *segment)
{
	int ret;

	if (segment->type != PT_LOAD || (!segment->memsz && !segment->filesz))
		return 0;
	if (is_zimage(loader, segment)) {
		segment->paddr += ZIMAGE_BASE;
		loader->heap = ZIMAGE_HEAP;
	}
	ret = check_segment(loader, segment);
	if (!ret)
		ret = check_overlap(loader, segment);
	if (!ret)
		loader->segments[loader->nr_segments++] = *segment;
	return ret;
}

static int read_segments(struct loader *loader)
{
	uint8_t raw[ELF_SEGMENTS_MAX * sizeof(Elf64_Phdr)];
	const struct elf_image *image = &loader->image;
	size_t size = (size_t)image->nr_headers * image->header_size;
	int ret;

	if (!range_within(image->headers_offset, size, 0, loader->file->size))
		return loader_fail(loader, -ENOEXEC,
				   "ends before its program headers do; is the copy complete?");
	ret = loader_read(loader, image->headers_offset, raw, size);
	for (unsigned i = 0; !ret && i < image->nr_headers; i++) {
		struct elf_segment segment;

		elf_decode_segment(image, raw + i * image->header_size, &segment);
		ret = add_segment(loader, &segment);
	}
	if (!ret && !loader->nr_segments)
		return loader_fail(loader, -ENOEXEC,
				   "has nothing to load; give vmlinux or zImage");
	return ret;
}

/* Where the segments lie, and the entry's gpa: e_entry is virtual, the guest starts real. */
static int place_kernel(struct loader *loader, struct loaded_kernel *kernel)
{
	uint64_t base = loader->memory->base;
	bool found = false;

	kernel->start = UINT64_MAX;
	kernel->end = 0;
	kernel->big_endian = loader->image.big_endian;
	for (unsigned i = 0; i < loader->nr_segments; i++) {
		const struct elf_segment *segment = &loader->segments[i];
		uint64_t start = base + segment->paddr;
		uint64_t offset = loader->image.entry - segment->vaddr;

		if (start < kernel->start)
			kernel->start = start;
		if (start + segment->memsz > kernel->end)
			kernel->end = start + segment->memsz;
		if (loader->image.entry >= segment->vaddr && offset < segment->filesz && !found) {
			kernel->entry = start + offset;
			found = true;
		}
	}
	kernel->end += loader->heap;
	if (!found)
		return loader_fail(loader, -ENOEXEC, "its entry point 0x%llx lies in no segment; "
				   "is it damaged?", (unsigned long long)loader->image.entry);
	return 0;
}

static int load_range(struct loader *loader, uint64_t gpa, uint64_t offset, uint64_t size)
{
	int ret = guest_memory_load(loader->memory, gpa, loader->file->fd, offset, size);

	if (ret)
		return loader_fail(loader, ret, "cannot be read: %s", strerror(-ret));
	return 0;
}

static int load_segments(struct loader *loader)
{
	for (unsigned i = 0; i < loader->nr_segments; i++) {
		const struct elf_segment *segment = &loader->segments[i];
		uint64_t gpa = loader->memory->base + segment->paddr;
		int ret = load_range(loader, gpa, segment->offset, segment->filesz);

		if (!ret)
			ret = guest_memory_fill(loader->memory, gpa + segment->filesz, 0,
						segment->memsz - segment->filesz);
		if (ret)
			return ret;
	}
	return 0;
}

static int check_kernel(struct loader *loader, const uint16_t *machines,
			struct loaded_kernel *kernel)
{
	int ret = read_start(loader, machines);

	if (!ret)
		ret = read_segments(loader);
	return ret ? ret : place_kernel(loader, kernel);
}

int loader_check_kernel(const struct guest_memory *memory, const struct image_file *file,
			const uint16_t *machines, struct log *log, struct loaded_kernel *kernel)
{
	struct guest_memory range = { .base = memory->base, .size = memory->size, .fd = -1 };
	struct loader loader = { .memory = &range, .log = log, .file = file };

	return check_kernel(&loader, machines, kernel);
}

int loader_load_kernel(struct guest_memory *memory, const struct image_file *file,
		       const uint16_t *machines, struct log *log, struct loaded_kernel *kernel)
{
	struct loader loader = { .memory = memory, .log = log, .file = file };
	int ret = check_kernel(&loader, machines, kernel);

	return ret ? ret : load_segments(&loader);
}

static int check_whole(struct loader *loader, uint64_t gpa, uint64_t limit)
{
	const struct guest_memory *memory = loader->memory;
	uint64_t end = memory->base + memory->size;
	uint64_t room;

	if (limit > end)
		limit = end;
	room = gpa >= memory->base && gpa < limit ? limit - gpa : 0;
	if (!loader->file->size)
		return loader_fail(loader, -ENODATA, "is empty; give a complete file");
	if (loader->file->size > room)
		return loader_fail(loader, -EFBIG, "%llu KiB do not fit into the %llu KiB left for "
				   "it; give the guest more with --memory",
				   (unsigned long long)(loader->file->size / KIB),
				   (unsigned long long)(room / KIB));
	return 0;
}

int loader_check_file(const struct guest_memory *memory, const struct image_file *file,
		      uint64_t gpa, uint64_t limit, struct log *log)
{
	struct guest_memory range = { .base = memory->base, .size = memory->size, .fd = -1 };
	struct loader loader = { .memory = &range, .log = log, .file = file };

	return check_whole(&loader, gpa, limit);
}

int loader_load_file(struct guest_memory *memory, const struct image_file *file, uint64_t gpa,
		     uint64_t limit, struct log *log)
{
	struct loader loader = { .memory = memory, .log = log, .file = file };
	int ret = check_whole(&loader, gpa, limit);

	return ret ? ret : load_range(&loader, gpa, 0, file->size);
}

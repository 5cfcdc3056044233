/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest memory: a file mapped once. Owns the only pointer to it, and the check that every
 * access by guest-physical address passes.
 */
#include "vmm/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned host_page_shift(void)
{
	return (unsigned)__builtin_ctzl((unsigned long)sysconf(_SC_PAGESIZE));
}

static bool is_range(uint64_t base, uint64_t size, unsigned page_shift)
{
	return size && is_aligned(base | size, 1ULL << page_shift) && base + size >= base &&
	       size <= INT64_MAX;
}

/* Takes @fd, also when it fails. */
static int map(struct guest_memory *memory, uint64_t base, uint64_t size, int fd)
{
	void *hva = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	int error;

	memory->fd = fd;
	if (hva == MAP_FAILED) {
		error = -errno;
		close(fd);
		memory->fd = -1;
		return error;
	}
	/* A core dump is for debugging pvmm, and its size must not depend on the guest's. */
	madvise(hva, size, MADV_DONTDUMP);
	/* No helper process may keep the guest's memory alive. */
	madvise(hva, size, MADV_DONTFORK);
	memory->base = base;
	memory->size = size;
	memory->hva = hva;
	return 0;
}

int guest_memory_init(struct guest_memory *memory, uint64_t base, uint64_t size)
{
	int fd, error;

	memory->page_shift = host_page_shift();
	if (!is_range(base, size, memory->page_shift))
		return -EINVAL;
	fd = memfd_create("pvmm-guest", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size)) {
		error = -errno;
		close(fd);
		return error;
	}
	return map(memory, base, size, fd);
}

int guest_memory_init_file(struct guest_memory *memory, uint64_t base, uint64_t size, int fd,
			   unsigned page_shift)
{
	memory->page_shift = page_shift;
	if (!is_range(base, size, page_shift))
		return -EINVAL;
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? -errno : map(memory, base, size, fd);
}

void guest_memory_exit(struct guest_memory *memory)
{
	if (!memory->hva)
		return;
	munmap(memory->hva, memory->size);
	close(memory->fd);
	memory->hva = NULL;
	memory->fd = -1;
	memory->size = 0;
}

static bool has_range(const struct guest_memory *memory, uint64_t gpa, uint64_t size)
{
	return range_within(gpa, size, memory->base, memory->size);
}

static uint8_t *to_hva(const struct guest_memory *memory, uint64_t gpa)
{
	return memory->hva + (gpa - memory->base);
}

int guest_memory_read(const struct guest_memory *memory, uint64_t gpa, void *buffer, size_t size)
{
	if (!has_range(memory, gpa, size))
		return -EFAULT;
	memcpy(buffer, to_hva(memory, gpa), size);
	return 0;
}

int guest_memory_write(struct guest_memory *memory, uint64_t gpa, const void *buffer, size_t size)
{
	if (!has_range(memory, gpa, size))
		return -EFAULT;
	memcpy(to_hva(memory, gpa), buffer, size);
	return 0;
}

int guest_memory_store_be32(struct guest_memory *memory, uint64_t gpa, be32 value)
{
	if (!has_range(memory, gpa, sizeof(value)) || !is_aligned(gpa, sizeof(value)))
		return -EFAULT;
	__atomic_store_n((be32 *)(void *)to_hva(memory, gpa), value, __ATOMIC_RELEASE);
	return 0;
}

int guest_memory_fill(struct guest_memory *memory, uint64_t gpa, uint8_t byte, size_t size)
{
	if (!has_range(memory, gpa, size))
		return -EFAULT;
	memset(to_hva(memory, gpa), byte, size);
	return 0;
}

/* Of @size bytes at @offset, how many the file has; what is mapped of its last page is more. */
static ssize_t bytes_in_file(int fd, uint64_t offset, uint64_t size)
{
	struct stat stat;
	uint64_t end;

	if (fstat(fd, &stat))
		return -1;
	end = (uint64_t)stat.st_size;
	if (offset >= end)
		return 0;
	return (ssize_t)(size < end - offset ? size : end - offset);
}

/*
 * One go of guest_memory_load(), as read(). What is written to the memfd from the file's own
 * pages costs less than what is read to the mapping, where each page is first faulted in. The
 * kernel looks at the pages, not this process: a file that shrinks is an error, no signal.
 */
static ssize_t load_some(struct guest_memory *memory, uint64_t gpa, int fd, uint64_t offset,
			 uint64_t size)
{
	uint64_t skip = offset % (uint64_t)sysconf(_SC_PAGESIZE);
	void *file = MAP_FAILED;
	ssize_t done;
	int error;

	/* Huge pages have no write(). */
	if (memory->page_shift == host_page_shift())
		file = mmap(NULL, skip + size, PROT_READ, MAP_PRIVATE, fd, (off_t)(offset - skip));
	if (file == MAP_FAILED)
		return pread(fd, to_hva(memory, gpa), size, (off_t)offset);
	done = pwrite(memory->fd, (uint8_t *)file + skip, size, (off_t)(gpa - memory->base));
	error = errno;
	munmap(file, skip + size);
	errno = error;
	if (done >= 0)
		return bytes_in_file(fd, offset, (uint64_t)done);
	return error == EFAULT ? 0 : -1;	/* no page of the file is left there */
}

int guest_memory_load(struct guest_memory *memory, uint64_t gpa, int fd, uint64_t offset,
		      uint64_t size)
{
	if (!has_range(memory, gpa, size))
		return -EFAULT;
	if (offset > INT64_MAX || size > INT64_MAX - offset)
		return -EINVAL;
	while (size > 0) {
		ssize_t done = load_some(memory, gpa, fd, offset, size);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		if (done == 0)
			return -ENODATA;
		gpa += (uint64_t)done;
		offset += (uint64_t)done;
		size -= (uint64_t)done;
	}
	return 0;
}

void guest_memory_clear(struct guest_memory *memory)
{
	/* Pages that went back to the host need not be there when they are wanted again. */
	if (fallocate(memory->fd, FALLOC_FL_ZERO_RANGE, 0, (off_t)memory->size))
		memset(memory->hva, 0, memory->size);
}

uint64_t guest_memory_page_size(const struct guest_memory *memory)
{
	return 1ULL << memory->page_shift;
}

uint64_t guest_memory_hva(const struct guest_memory *memory, uint64_t gpa, uint64_t size)
{
	if (!has_range(memory, gpa, size))
		return 0;
	return (uintptr_t)to_hva(memory, gpa);
}

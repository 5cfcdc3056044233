/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCE tables in KVM: making one, attaching it to a group, and the way back. */
#include "vmm/papr/tce_kvm.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define H_PUT_TCE_INDIRECT 0x13c
#define H_STUFF_TCE 0x138

static int refuse(struct papr_tce_kvm *kvm, int error, const char *format, ...) PRINTF(3, 4);

static int refuse(struct papr_tce_kvm *kvm, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(kvm->kernel.why, sizeof(kvm->kernel.why), format, args);
	va_end(args);
	return error;
}

/* H_PUT_TCE and H_GET_TCE are KVM's from the start, the others on request. */
static int enable_calls(struct papr_tce_kvm *kvm)
{
	static const uint16_t calls[] = { H_PUT_TCE_INDIRECT, H_STUFF_TCE };
	int error = 0;

	if (!kvm_vm_extension(kvm->vm, KVM_CAP_SPAPR_TCE_64) ||
	    !kvm_vm_extension(kvm->vm, KVM_CAP_SPAPR_TCE_VFIO) ||
	    !kvm_vm_extension(kvm->vm, KVM_CAP_SPAPR_MULTITCE))
		return refuse(kvm, -ENODEV, "the host's KVM has no TCE tables for devices");
	if (!kvm->kernel.lists)
		return 0;
	for (size_t i = 0; !error && i < ARRAY_SIZE(calls); i++)
		error = kvm_vm_enable(kvm->vm, KVM_CAP_PPC_ENABLE_HCALL, calls[i], 1);
	if (error)
		return refuse(kvm, error, "KVM does not take the calls: %s", strerror(-error));
	return 0;
}

static int prepare(struct papr_tce_kvm *kvm)
{
	int error;

	if (kvm->device_fd >= 0)
		return 0;
	error = enable_calls(kvm);
	if (error)
		return error;
	kvm->device_fd = kvm_device_create(kvm->vm, KVM_DEV_TYPE_VFIO);
	if (kvm->device_fd < 0)
		return refuse(kvm, kvm->device_fd, "KVM makes no VFIO device: %s",
			      strerror(-kvm->device_fd));
	return 0;
}

static int make_table(struct papr_tce_kvm *kvm, struct papr_tce_kvm_table *table)
{
	const struct group_dma_window *window = &table->group->window;
	struct kvm_create_spapr_tce_64 create = {
		.liobn = table->liobn,
		.page_shift = window->page_shift,
		.offset = window->iova >> window->page_shift,
		.size = window->size >> window->page_shift,
	};

	table->fd = kvm_vm_ioctl(kvm->vm, KVM_CREATE_SPAPR_TCE_64, &create);
	if (table->fd < 0)
		return refuse(kvm, table->fd, "KVM makes no TCE table: %s%s", strerror(-table->fd),
			      table->fd == -ENOMEM ? "; raise the limit for locked memory "
			      "(ulimit -l)" : "");
	table->size = create.size * sizeof(*table->entries);
	return 0;
}

static void free_table(struct papr_tce_kvm_table *table)
{
	close(table->fd);
}

static int map_entries(struct papr_tce_kvm *kvm, struct papr_tce_kvm_table *table)
{
	void *entries = mmap(NULL, table->size, PROT_READ | PROT_WRITE, MAP_SHARED, table->fd, 0);

	if (entries == MAP_FAILED)
		return refuse(kvm, -errno, "KVM's TCE table cannot be mapped: %s",
			      strerror(errno));
	table->entries = entries;
	return 0;
}

static int set_file(struct papr_tce_kvm *kvm, uint64_t attribute, int32_t fd)
{
	return kvm_device_set(kvm->device_fd, KVM_DEV_VFIO_GROUP, attribute, &fd);
}

/* KVM lets go of the window that it finds behind a file: before the group does. */
static void remove_files(struct papr_tce_kvm *kvm, struct papr_tce_kvm_table *table)
{
	while (table->nr_files > 0) {
		int fd = table->files[--table->nr_files];

		(void)set_file(kvm, KVM_DEV_VFIO_GROUP_DEL, fd);
		close(fd);
	}
	free(table->files);
	table->files = NULL;
}

static int note_file(struct papr_tce_kvm *kvm, struct papr_tce_kvm_table *table, int fd)
{
	int *files = realloc(table->files, (table->nr_files + 1) * sizeof(*files));
	int error = files ? set_file(kvm, KVM_DEV_VFIO_GROUP_ADD, fd) : -ENOMEM;

	if (files)
		table->files = files;
	if (error)
		return refuse(kvm, error, "KVM does not take the group: %s", strerror(-error));
	files[table->nr_files++] = fd;
	return 0;
}

/*
 * Takes @fd. A file that was added is always attached, or tried to be: the kernel expects that of
 * it, and warns in its log when such a file goes.
 */
static int add_file(struct papr_tce_kvm *kvm, struct papr_tce_kvm_table *table, int fd)
{
	struct kvm_vfio_spapr_tce attach = { .groupfd = fd, .tablefd = table->fd };
	int error = note_file(kvm, table, fd);

	if (error) {
		close(fd);
		return error;
	}
	error = kvm_device_set(kvm->device_fd, KVM_DEV_VFIO_GROUP,
			       KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE, &attach);
	if (error)
		return refuse(kvm, error, "KVM does not take the group's window: %s",
			      strerror(-error));
	return 0;
}

/* One for each IOMMU group. */
static int add_files(struct papr_tce_kvm *kvm, struct papr_tce_kvm_table *table)
{
	int error = 0, fd;

	while (!error) {
		fd = group_kvm_file(table->group, table->nr_files);
		if (fd == -ENOENT && table->nr_files)
			return 0;
		if (fd < 0)
			error = refuse(kvm, fd, "the group cannot be shown to KVM: %s",
				       strerror(-fd));
		else
			error = add_file(kvm, table, fd);
	}
	remove_files(kvm, table);
	return error;
}

/*
 * Where it can be, KVM has the files no longer than it takes to find the window: a device that the
 * host takes away while a guest runs must not wait for it. A group that stays hidden is of no use.
 */
static int drop_files(struct papr_tce_kvm *kvm, struct papr_tce_kvm_table *table)
{
	int error = group_hide_windows(table->group, true);

	if (error == -EOPNOTSUPP)
		return 0;
	if (!error) {
		remove_files(kvm, table);
		error = group_hide_windows(table->group, false);
	}
	if (error)
		return refuse(kvm, error, "the group cannot be frozen and released: %s",
			      strerror(-error));
	return 0;
}

static int init_table(struct papr_tce_kvm *kvm, struct papr_tce_kvm_table *table)
{
	int error = make_table(kvm, table);

	if (error)
		return error;
	error = map_entries(kvm, table);
	if (error)
		goto free_table;
	error = add_files(kvm, table);
	if (error)
		goto unmap_entries;
	error = drop_files(kvm, table);
	if (error)
		goto remove_files;
	return 0;

remove_files:
	remove_files(kvm, table);
unmap_entries:
	munmap(table->entries, table->size);
free_table:
	free_table(table);
	return error;
}

static int create(struct papr_tce_kernel *kernel, struct group *group, uint32_t liobn,
		  uint64_t **entries)
{
	struct papr_tce_kvm *kvm = container_of(kernel, struct papr_tce_kvm, kernel);
	struct papr_tce_kvm_table *table = &kvm->tables[kvm->nr_tables];
	int error;

	if (kvm->nr_tables == ARRAY_SIZE(kvm->tables))
		return refuse(kvm, -ENOSPC, "too many groups");
	*table = (struct papr_tce_kvm_table){ .liobn = liobn, .group = group };
	error = prepare(kvm);
	if (!error)
		error = init_table(kvm, table);
	if (error)
		return error;
	kvm->nr_tables++;
	*entries = table->entries;
	return 0;
}

static void destroy(struct papr_tce_kernel *kernel, uint32_t liobn)
{
	struct papr_tce_kvm *kvm = container_of(kernel, struct papr_tce_kvm, kernel);
	struct papr_tce_kvm_table *table = kvm->tables;

	while (table->liobn != liobn)
		table++;
	remove_files(kvm, table);
	munmap(table->entries, table->size);
	free_table(table);
	*table = kvm->tables[--kvm->nr_tables];
}

static const struct papr_tce_kernel_ops ops = {
	.create = create,
	.destroy = destroy,
};

void papr_tce_kvm_init(struct papr_tce_kvm *kvm, struct kvm_vm *vm, bool lists)
{
	*kvm = (struct papr_tce_kvm){
		.kernel = { .ops = &ops, .lists = lists }, .vm = vm, .device_fd = -1,
	};
}

void papr_tce_kvm_exit(struct papr_tce_kvm *kvm)
{
	if (kvm->device_fd >= 0)
		close(kvm->device_fd);
	kvm->device_fd = -1;
}

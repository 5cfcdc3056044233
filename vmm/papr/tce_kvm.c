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

#define H_PUT_TCE 0x20
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

static int make_table(struct papr_tce_kvm *kvm, struct papr_tce_kvm_table *table,
		      const struct group_dma_window *window)
{
	struct kvm_create_spapr_tce_64 create = {
		.liobn = table->liobn,
		.page_shift = window->page_shift,
		.offset = window->iova >> window->page_shift,
		.size = window->size >> window->page_shift,
	};

	table->fd = kvm_vm_ioctl(kvm->vm, KVM_CREATE_SPAPR_TCE_64, &create);
	if (table->fd < 0)
		return refuse(kvm, table->fd, "KVM makes no TCE table: %s%s", strerror(-table->fd),
			      group_dma_hint(table->fd));
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

static int attach(struct papr_tce_kvm *kvm, const struct papr_tce_kvm_table *table, int fd)
{
	struct kvm_vfio_spapr_tce argument = { .groupfd = fd, .tablefd = table->fd };

	return kvm_device_set(kvm->device_fd, KVM_DEV_VFIO_GROUP, KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE,
			      &argument);
}

static struct papr_tce_kvm_file *find_file(struct papr_tce_kvm *kvm, const struct group *group)
{
	for (unsigned i = 0; i < kvm->nr_files; i++) {
		if (kvm->files[i].group == group)
			return &kvm->files[i];
	}
	return NULL;
}

/* Of a group of which KVM has none. */
static int add_file(struct papr_tce_kvm *kvm, struct group *group)
{
	int fd = group_kvm_file(group), error;

	if (fd < 0)
		return refuse(kvm, fd, "the group cannot be shown to KVM: %s", strerror(-fd));
	error = set_file(kvm, KVM_DEV_VFIO_GROUP_ADD, fd);
	if (error) {
		(void)group_kvm_hide(group);
		close(fd);
		return refuse(kvm, error, "KVM does not take the group: %s", strerror(-error));
	}
	kvm->files[kvm->nr_files++] = (struct papr_tce_kvm_file){ group, fd };
	return 0;
}

/* Taken from KVM while windows are shown, it would take them along. */
static void remove_file_if_hidden(struct papr_tce_kvm *kvm, struct group *group)
{
	struct papr_tce_kvm_file *file = find_file(kvm, group);

	/* Another error: the group has no windows any more. */
	if (group_kvm_hide(group) == -EOPNOTSUPP)
		return;
	(void)set_file(kvm, KVM_DEV_VFIO_GROUP_DEL, file->fd);
	close(file->fd);
	*file = kvm->files[--kvm->nr_files];
}

/* Once: Linux 6.12 never frees a group's table that is attached to the same again. */
static int attach_group(struct papr_tce_kvm *kvm, struct papr_tce_kvm_table *table)
{
	int error = find_file(kvm, table->group) ? 0 : add_file(kvm, table->group);

	if (error)
		return error;
	error = attach(kvm, table, find_file(kvm, table->group)->fd);
	remove_file_if_hidden(kvm, table->group);
	if (error)
		return refuse(kvm, error, "KVM does not take the group's window: %s",
			      strerror(-error));
	return 0;
}

static int init_table(struct papr_tce_kvm *kvm, struct papr_tce_kvm_table *table,
		      const struct group_dma_window *window)
{
	int error = make_table(kvm, table, window);

	if (error)
		return error;
	error = map_entries(kvm, table);
	if (error)
		goto free_table;
	error = attach_group(kvm, table);
	if (error)
		goto unmap_entries;
	return 0;

unmap_entries:
	munmap(table->entries, table->size);
free_table:
	free_table(table);
	return error;
}

/* With the lock held. */
static int add_table(struct papr_tce_kvm *kvm, struct group *group,
		     const struct group_dma_window *window, uint32_t liobn)
{
	struct papr_tce_kvm_table *table = &kvm->tables[kvm->nr_tables];
	int error;

	if (kvm->nr_tables == ARRAY_SIZE(kvm->tables))
		return refuse(kvm, -ENOSPC, "too many groups");
	*table = (struct papr_tce_kvm_table){ .liobn = liobn, .group = group };
	error = prepare(kvm);
	if (!error)
		error = init_table(kvm, table, window);
	if (!error)
		kvm->nr_tables++;
	return error;
}

static struct papr_tce_kvm *kvm_of(struct papr_tce_kernel *kernel)
{
	return container_of(kernel, struct papr_tce_kvm, kernel);
}

static int create(struct papr_tce_kernel *kernel, struct group *group,
		  const struct group_dma_window *window, uint32_t liobn, uint64_t **entries)
{
	struct papr_tce_kvm *kvm = kvm_of(kernel);
	int error;

	pthread_mutex_lock(&kvm->lock);
	error = add_table(kvm, group, window, liobn);
	if (!error)
		*entries = kvm->tables[kvm->nr_tables - 1].entries;
	pthread_mutex_unlock(&kvm->lock);
	return error;
}

static void destroy(struct papr_tce_kernel *kernel, uint32_t liobn)
{
	struct papr_tce_kvm *kvm = kvm_of(kernel);
	struct papr_tce_kvm_table *table = kvm->tables;

	pthread_mutex_lock(&kvm->lock);
	while (table->liobn != liobn)
		table++;
	munmap(table->entries, table->size);
	free_table(table);
	*table = kvm->tables[--kvm->nr_tables];
	pthread_mutex_unlock(&kvm->lock);
}

static void run_alone(struct papr_tce_kernel *kernel, void (*work)(void *arg), void *arg)
{
	vcpus_run_alone(kvm_of(kernel)->vcpus, work, arg);
}

static const struct papr_tce_kernel_ops ops = {
	.create = create,
	.destroy = destroy,
	.run_alone = run_alone,
};

int papr_tce_kvm_init(struct papr_tce_kvm *kvm, struct kvm_vm *vm, struct vcpus *vcpus,
		      enum tce_choice choice)
{
	*kvm = (struct papr_tce_kvm){
		.kernel = {
			.ops = &ops, .lists = choice == TCE_KVM,
			.expected = choice == TCE_KVM || choice == TCE_SINGLE,
		},
		.vm = vm, .vcpus = vcpus, .device_fd = -1,
	};
	/* Where it is to have no table it need not look for one at each call; if it does so still, it finds none. */
	if (choice == TCE_PVMM)
		(void)kvm_vm_enable(vm, KVM_CAP_PPC_ENABLE_HCALL, H_PUT_TCE, 0);
	return -pthread_mutex_init(&kvm->lock, NULL);
}

void papr_tce_kvm_exit(struct papr_tce_kvm *kvm)
{
	if (kvm->device_fd >= 0)
		close(kvm->device_fd);
	kvm->device_fd = -1;
	while (kvm->nr_files)
		close(kvm->files[--kvm->nr_files].fd);
	pthread_mutex_destroy(&kvm->lock);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* KVM ioctls (Documentation/virt/kvm/api.rst), and memory slots as the bus's mapper. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/kvm.h"

/* ioctl() with the errno in the result. */
static int call(int fd, unsigned long request, void *arg)
{
	int result = ioctl(fd, request, arg);

	return result < 0 ? -errno : result;
}

int kvm_open(struct kvm *kvm, const char *path)
{
	kvm->fd = open(path, O_RDWR | O_CLOEXEC);
	if (kvm->fd < 0)
		return -errno;
	if (call(kvm->fd, KVM_GET_API_VERSION, NULL) != KVM_API_VERSION) {
		kvm_close(kvm);
		return -EPROTO;
	}
	return 0;
}

void kvm_close(struct kvm *kvm)
{
	if (kvm->fd >= 0)
		close(kvm->fd);
	kvm->fd = -1;
}

static int set_slot(struct kvm_vm *vm, unsigned slot, uint64_t gpa, uint64_t size, uint64_t hva)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = hva,
	};

	return call(vm->fd, KVM_SET_USER_MEMORY_REGION, &region);
}

static int map_slot(struct bus_mapper *mapper, uint64_t gpa, uint64_t size, void *hva)
{
	struct kvm_vm *vm = container_of(mapper, struct kvm_vm, mapper);
	int error = -ENOSPC;

	pthread_mutex_lock(&vm->lock);
	for (unsigned i = 1; i < KVM_SLOTS_MAX; i++) {
		if (vm->slots[i].size)
			continue;
		error = set_slot(vm, i, gpa, size, (uintptr_t)hva);
		if (!error)
			vm->slots[i] = (struct kvm_slot){ .gpa = gpa, .size = size };
		break;
	}
	pthread_mutex_unlock(&vm->lock);
	return error;
}

static void unmap_slot(struct bus_mapper *mapper, uint64_t gpa, uint64_t size)
{
	struct kvm_vm *vm = container_of(mapper, struct kvm_vm, mapper);

	pthread_mutex_lock(&vm->lock);
	for (unsigned i = 1; i < KVM_SLOTS_MAX; i++) {
		if (vm->slots[i].size != size || vm->slots[i].gpa != gpa)
			continue;
		set_slot(vm, i, gpa, 0, 0);
		vm->slots[i].size = 0;
		break;
	}
	pthread_mutex_unlock(&vm->lock);
}

int kvm_vm_init(struct kvm_vm *vm, const struct kvm *kvm, unsigned long type)
{
	int size = call(kvm->fd, KVM_GET_VCPU_MMAP_SIZE, NULL);

	if (size < 0)
		return size;
	*vm = (struct kvm_vm){
		.kvm = kvm,
		.run_size = (size_t)size,
		.mapper = { .map = map_slot, .unmap = unmap_slot },
	};
	vm->fd = ioctl(kvm->fd, KVM_CREATE_VM, type);
	if (vm->fd < 0)
		return -errno;
	pthread_mutex_init(&vm->lock, NULL);
	return 0;
}

void kvm_vm_exit(struct kvm_vm *vm)
{
	pthread_mutex_destroy(&vm->lock);
	close(vm->fd);
	vm->fd = -1;
}

int kvm_vm_extension(const struct kvm_vm *vm, unsigned capability)
{
	int value = ioctl(vm->fd, KVM_CHECK_EXTENSION, (unsigned long)capability);

	return value < 0 ? 0 : value;
}

static int enable(int fd, unsigned capability, uint64_t arg0, uint64_t arg1)
{
	struct kvm_enable_cap cap = { .cap = capability, .args = { arg0, arg1 } };

	return call(fd, KVM_ENABLE_CAP, &cap);
}

int kvm_vm_enable(struct kvm_vm *vm, unsigned capability, uint64_t arg0, uint64_t arg1)
{
	return enable(vm->fd, capability, arg0, arg1);
}

int kvm_vm_set_ram(struct kvm_vm *vm, uint64_t gpa, uint64_t size, uint64_t hva)
{
	return set_slot(vm, 0, gpa, size, hva);
}

int kvm_vm_irqfd(struct kvm_vm *vm, uint32_t gsi, int eventfd, bool assign)
{
	struct kvm_irqfd irqfd = {
		.fd = (uint32_t)eventfd,
		.gsi = gsi,
		.flags = assign ? 0 : KVM_IRQFD_FLAG_DEASSIGN,
	};

	return call(vm->fd, KVM_IRQFD, &irqfd);
}

int kvm_vm_irq_line(struct kvm_vm *vm, uint32_t gsi, unsigned level)
{
	struct kvm_irq_level line = { .irq = gsi, .level = level };

	return call(vm->fd, KVM_IRQ_LINE, &line);
}

int kvm_vm_ioctl(struct kvm_vm *vm, unsigned long request, void *arg)
{
	return call(vm->fd, request, arg);
}

int kvm_device_create(struct kvm_vm *vm, unsigned type)
{
	struct kvm_create_device device = { .type = type };
	int error = call(vm->fd, KVM_CREATE_DEVICE, &device);

	return error ? error : (int)device.fd;
}

static int device_attribute(int fd, unsigned long request, uint32_t group, uint64_t attribute,
			    void *value)
{
	struct kvm_device_attr attr = {
		.group = group,
		.attr = attribute,
		.addr = (uintptr_t)value,
	};

	return call(fd, request, &attr);
}

int kvm_device_set(int device_fd, uint32_t group, uint64_t attribute, void *value)
{
	return device_attribute(device_fd, KVM_SET_DEVICE_ATTR, group, attribute, value);
}

int kvm_device_get(int device_fd, uint32_t group, uint64_t attribute, void *value)
{
	return device_attribute(device_fd, KVM_GET_DEVICE_ATTR, group, attribute, value);
}

int kvm_vcpu_init(struct kvm_vcpu *vcpu, struct kvm_vm *vm, unsigned long id)
{
	vcpu->run_size = vm->run_size;
	vcpu->fd = ioctl(vm->fd, KVM_CREATE_VCPU, id);
	if (vcpu->fd < 0)
		return -errno;
	vcpu->run = mmap(NULL, vcpu->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED) {
		int error = -errno;

		close(vcpu->fd);
		return error;
	}
	return 0;
}

void kvm_vcpu_exit(struct kvm_vcpu *vcpu)
{
	munmap(vcpu->run, vcpu->run_size);
	close(vcpu->fd);
	vcpu->fd = -1;
}

int kvm_vcpu_run(struct kvm_vcpu *vcpu)
{
	return call(vcpu->fd, KVM_RUN, NULL);
}

int kvm_vcpu_enable(struct kvm_vcpu *vcpu, unsigned capability, uint64_t arg0, uint64_t arg1)
{
	return enable(vcpu->fd, capability, arg0, arg1);
}

int kvm_vcpu_get_reg(struct kvm_vcpu *vcpu, uint64_t id, void *value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)value };

	return call(vcpu->fd, KVM_GET_ONE_REG, &reg);
}

int kvm_vcpu_set_reg(struct kvm_vcpu *vcpu, uint64_t id, const void *value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)value };

	return call(vcpu->fd, KVM_SET_ONE_REG, &reg);
}

int kvm_vcpu_ioctl(struct kvm_vcpu *vcpu, unsigned long request, void *arg)
{
	return call(vcpu->fd, request, arg);
}

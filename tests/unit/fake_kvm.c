/* SPDX-License-Identifier: GPL-2.0-or-later */
/* KVM without a kernel. Descriptors of VMs and vCPUs are numbers that name a fake. */
#include "tests/unit/fake_kvm.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FAKES 4
#define FD_BASE 0x100000
#define DEVICE_SIZE (2 * GIB)	/* sparse */
#define KICK_SIGNAL SIGUSR1

static struct fake_kvm *fakes[FAKES];

void fake_kvm_init(struct fake_kvm *fake)
{
	memset(fake, 0, sizeof(*fake));
	pthread_mutex_init(&fake->lock, NULL);
	pthread_cond_init(&fake->changed, NULL);
	fake->device_fd = -1;
	fake->vfio_fd = -1;
	for (int i = 0; i < FAKES; i++) {
		if (fakes[i])
			continue;
		fakes[i] = fake;
		fake->kvm.fd = FD_BASE + i * FAKE_KVM_VCPUS;
		snprintf(fake->device_name, sizeof(fake->device_name), "device-%d", i);
		snprintf(fake->table_name, sizeof(fake->table_name), "tces-%d", i);
		return;
	}
	abort();
}

void fake_kvm_exit(struct fake_kvm *fake)
{
	fakes[(fake->kvm.fd - FD_BASE) / FAKE_KVM_VCPUS] = NULL;
	pthread_cond_destroy(&fake->changed);
	pthread_mutex_destroy(&fake->lock);
}

static struct fake_kvm *fake_of(int fd)
{
	return fakes[(fd - FD_BASE) / FAKE_KVM_VCPUS];
}

static struct fake_kvm_vcpu *vcpu_of(const struct kvm_vcpu *vcpu)
{
	return &fake_of(vcpu->fd)->vcpus[(vcpu->fd - FD_BASE) % FAKE_KVM_VCPUS];
}

static struct fake_kvm *fake_of_device(int fd)
{
	for (int i = 0; i < FAKES; i++)
		if (fakes[i] && fakes[i]->device_fd == fd)
			return fakes[i];
	return NULL;
}

static bool fails(unsigned *after)
{
	return *after && --*after == 0;
}

int kvm_open(struct kvm *kvm, const char *path)
{
	return -ENOENT;
}

void kvm_close(struct kvm *kvm)
{
}

static int map_slot(struct bus_mapper *mapper, uint64_t gpa, uint64_t size, void *hva)
{
	fake_of(container_of(mapper, struct kvm_vm, mapper)->fd)->nr_slots++;
	return 0;
}

static void unmap_slot(struct bus_mapper *mapper, uint64_t gpa, uint64_t size)
{
	fake_of(container_of(mapper, struct kvm_vm, mapper)->fd)->nr_slots--;
}

int kvm_vm_init(struct kvm_vm *vm, const struct kvm *kvm, unsigned long type)
{
	*vm = (struct kvm_vm){
		.kvm = kvm,
		.fd = kvm->fd,
		.run_size = sizeof(struct kvm_run),
		.mapper = { .map = map_slot, .unmap = unmap_slot },
	};
	fake_of(vm->fd)->used = true;
	return 0;
}

void kvm_vm_exit(struct kvm_vm *vm)
{
	fake_of(vm->fd)->used = false;
	fake_of(vm->fd)->device_fd = -1;
	fake_of(vm->fd)->vfio_fd = -1;
	fake_of(vm->fd)->nr_files = 0;	/* of a device that is closed, see table_name */
}

void fake_kvm_miss(struct fake_kvm *fake, unsigned capability)
{
	fake->missing[capability / 64] |= 1ULL << capability % 64;
}

int kvm_vm_extension(const struct kvm_vm *vm, unsigned capability)
{
	return !(fake_of(vm->fd)->missing[capability / 64] >> capability % 64 & 1);
}

static void record(struct fake_kvm_record *records, unsigned *count, unsigned long what,
		   uint64_t arg0, uint64_t arg1)
{
	if (*count < FAKE_KVM_RECORDS)
		records[(*count)++] = (struct fake_kvm_record){ what, arg0, arg1 };
}

static int enable(struct fake_kvm *fake, unsigned capability, uint64_t arg0, uint64_t arg1)
{
	pthread_mutex_lock(&fake->lock);
	record(fake->enabled, &fake->nr_enabled, capability, arg0, arg1);
	pthread_mutex_unlock(&fake->lock);
	return 0;
}

int kvm_vm_enable(struct kvm_vm *vm, unsigned capability, uint64_t arg0, uint64_t arg1)
{
	return enable(fake_of(vm->fd), capability, arg0, arg1);
}

const struct fake_kvm_record *fake_kvm_find_enabled(struct fake_kvm *fake,
						    unsigned long capability, uint64_t arg0)
{
	for (unsigned i = fake->nr_enabled; i-- > 0;)
		if (fake->enabled[i].what == capability && fake->enabled[i].arg0 == arg0)
			return &fake->enabled[i];
	return NULL;
}

int kvm_vm_set_ram(struct kvm_vm *vm, uint64_t gpa, uint64_t size, uint64_t hva)
{
	return 0;
}

int kvm_vm_irqfd(struct kvm_vm *vm, uint32_t gsi, int eventfd, bool assign)
{
	struct fake_kvm *fake = fake_of(vm->fd);

	if (assign) {
		record(fake->irqfds, &fake->nr_irqfds, 0, gsi, (uint64_t)eventfd);
		return 0;
	}
	for (unsigned i = 0; i < fake->nr_irqfds; i++) {
		if (fake->irqfds[i].arg0 == gsi && fake->irqfds[i].arg1 == (uint64_t)eventfd) {
			fake->irqfds[i] = fake->irqfds[--fake->nr_irqfds];
			return 0;
		}
	}
	return -EINVAL;
}

int kvm_vm_irq_line(struct kvm_vm *vm, uint32_t gsi, unsigned level)
{
	struct fake_kvm *fake = fake_of(vm->fd);

	pthread_mutex_lock(&fake->lock);
	record(fake->lines, &fake->nr_lines, 0, gsi, level);
	pthread_mutex_unlock(&fake->lock);
	return 0;
}

static uint64_t inode_of(int fd)
{
	struct stat stat;

	if (fstat(fd, &stat))
		abort();
	return stat.st_ino;
}

static int create_table(struct fake_kvm *fake, const struct kvm_create_spapr_tce_64 *wanted)
{
	int fd;

	if (fake->create_table_error)
		return fake->create_table_error;
	fd = memfd_create(fake->table_name, MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)(wanted->size * 8)) ||
	    fake->nr_tables == FAKE_KVM_TABLES)
		abort();
	fake->tables[fake->nr_tables++] = (struct fake_kvm_table){
		.wanted = *wanted, .inode = inode_of(fd),
	};
	return fd;
}

int kvm_vm_ioctl(struct kvm_vm *vm, unsigned long request, void *arg)
{
	struct fake_kvm *fake = fake_of(vm->fd);

	if (request == fake->fail_ioctl)
		return -EINVAL;
	if (request == KVM_PPC_CONFIGURE_V3_MMU) {
		fake->mmu = *(struct kvm_ppc_mmuv3_cfg *)arg;
		fake->nr_mmu++;
	} else if (request == KVM_PPC_GET_CPU_CHAR) {
		*(struct kvm_ppc_cpu_char *)arg = fake->cpu_char;
	} else if (request == KVM_PPC_GET_SMMU_INFO) {
		*(struct kvm_ppc_smmu_info *)arg = fake->smmu;
	} else if (request == KVM_CREATE_SPAPR_TCE_64) {
		return create_table(fake, arg);
	}
	return 0;
}

int kvm_device_create(struct kvm_vm *vm, unsigned type)
{
	struct fake_kvm *fake = fake_of(vm->fd);

	if (type == KVM_DEV_TYPE_VFIO) {
		if (fake->vfio_fd >= 0)
			return -EBUSY;
		fake->vfio_fd = memfd_create(fake->table_name, MFD_CLOEXEC);
		return fake->vfio_fd;
	}
	fake->device_fd = memfd_create(fake->device_name, MFD_CLOEXEC);
	if (fake->device_fd < 0 || ftruncate(fake->device_fd, DEVICE_SIZE))
		abort();
	return fake->device_fd;
}

static bool is_mapped(const char *name)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	bool found = false;

	while (maps && fgets(line, sizeof(line), maps))
		found |= strstr(line, name) != NULL;
	return !maps || fclose(maps) || found;
}

static bool is_open(const char *name)
{
	DIR *files = opendir("/proc/self/fd");
	struct dirent *file;
	bool found = false;

	while (files && (file = readdir(files))) {
		char target[256];
		ssize_t size = readlinkat(dirfd(files), file->d_name, target, sizeof(target) - 1);

		target[size < 0 ? 0 : size] = '\0';
		found |= strstr(target, name) != NULL;
	}
	return !files || closedir(files) || found;
}

bool fake_kvm_tables_are_held(const struct fake_kvm *fake)
{
	return is_mapped(fake->table_name) || is_open(fake->table_name);
}

bool fake_kvm_device_is_held(const struct fake_kvm *fake)
{
	return is_mapped(fake->device_name) || is_open(fake->device_name);
}

const struct fake_kvm_set *fake_kvm_find_set(struct fake_kvm *fake, uint32_t group,
					     uint64_t attribute)
{
	for (unsigned i = 0; i < fake->nr_sets; i++)
		if (fake->sets[i].group == group && fake->sets[i].attribute == attribute)
			return &fake->sets[i];
	return NULL;
}

static struct fake_kvm_set *find_or_add(struct fake_kvm *fake, uint32_t group, uint64_t attribute)
{
	unsigned i;

	for (i = 0; i < fake->nr_sets; i++)
		if (fake->sets[i].group == group && fake->sets[i].attribute == attribute)
			return &fake->sets[i];
	if (i == FAKE_KVM_SETS)
		abort();
	fake->nr_sets++;
	fake->sets[i] = (struct fake_kvm_set){ .group = group, .attribute = attribute };
	return &fake->sets[i];
}

static bool is_queue(uint32_t group)
{
	return group == KVM_DEV_XIVE_GRP_EQ_CONFIG;
}

static struct fake_kvm *fake_of_vfio(int fd)
{
	for (int i = 0; i < FAKES; i++)
		if (fakes[i] && fakes[i]->vfio_fd == fd)
			return fakes[i];
	return NULL;
}

static struct fake_kvm_file *find_file(struct fake_kvm *fake, int fd)
{
	for (unsigned i = 0; i < fake->nr_files; i++)
		if (fake->files[i].fd == fd)
			return &fake->files[i];
	return NULL;
}

static struct fake_kvm_table *find_table(struct fake_kvm *fake, int fd)
{
	for (unsigned i = 0; i < fake->nr_tables; i++)
		if (fake->tables[i].inode == inode_of(fd))
			return &fake->tables[i];
	abort();
}

static bool is_hidden(const struct fake_kvm *fake)
{
	return fake->hidden && *fake->hidden;
}

static int attach_table(struct fake_kvm *fake, struct fake_kvm_table *table)
{
	if (is_hidden(fake))
		return -EINVAL;
	table->leaks += table->attached;
	table->attached = true;
	return 0;
}

/* A file that goes takes all tables from windows that are found, as if all were of one group. */
static void let_go(struct fake_kvm *fake)
{
	for (unsigned i = 0; i < fake->nr_tables && !is_hidden(fake); i++)
		fake->tables[i].attached = false;
}

/* As the kernel does, which warns of a file that goes and was never to be attached. */
static int set_vfio(struct fake_kvm *fake, uint64_t attribute, void *value)
{
	struct kvm_vfio_spapr_tce *attach = value;
	struct fake_kvm_file *file = find_file(fake, *(int32_t *)value);

	if (attribute == KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE && file)
		file->attached = true;
	if (attribute != KVM_DEV_VFIO_GROUP_DEL && fails(&fake->fail_vfio))
		return -EIO;
	if (attribute == KVM_DEV_VFIO_GROUP_ADD) {
		if (file || fake->nr_files == FAKE_KVM_GROUPS)
			return -EEXIST;
		fake->files[fake->nr_files++] = (struct fake_kvm_file){ .fd = *(int32_t *)value };
		fake->nr_shown++;
		return 0;
	}
	if (!file)
		return -ENOENT;
	if (attribute == KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE)
		return attach_table(fake, find_table(fake, attach->tablefd));
	if (attribute == KVM_DEV_VFIO_GROUP_DEL) {
		if (!file->attached)
			abort();
		let_go(fake);
		*file = fake->files[--fake->nr_files];
	}
	return 0;
}

int kvm_device_set(int device_fd, uint32_t group, uint64_t attribute, void *value)
{
	struct fake_kvm *fake = fake_of_device(device_fd);
	struct fake_kvm_set *set;

	if (group == KVM_DEV_VFIO_GROUP && fake_of_vfio(device_fd))
		return set_vfio(fake_of_vfio(device_fd), attribute, value);
	if (fails(&fake->fail_set))
		return -EIO;
	set = find_or_add(fake, group, attribute);
	if (value && is_queue(group))
		memcpy(set->data, value, sizeof(struct kvm_ppc_xive_eq));
	else if (value)
		memcpy(&set->value, value, attribute == KVM_DEV_XIVE_NR_SERVERS &&
					   group == KVM_DEV_XIVE_GRP_CTRL ? 4 : 8);
	return 0;
}

int kvm_device_get(int device_fd, uint32_t group, uint64_t attribute, void *value)
{
	struct fake_kvm *fake = fake_of_device(device_fd);
	const struct fake_kvm_set *set = fake_kvm_find_set(fake, group, attribute);

	if (fake->fail_get)
		return -EIO;
	if (set && is_queue(group))
		memcpy(value, set->data, sizeof(struct kvm_ppc_xive_eq));
	return 0;
}

int kvm_vcpu_init(struct kvm_vcpu *vcpu, struct kvm_vm *vm, unsigned long id)
{
	struct fake_kvm *fake = fake_of(vm->fd);

	if (fails(&fake->fail_vcpu) || id >= FAKE_KVM_VCPUS || fake->vcpus[id].exists)
		return -EINVAL;
	vcpu->fd = vm->fd + (int)id;
	vcpu->run_size = vm->run_size;
	vcpu->run = calloc(1, vcpu->run_size);
	fake->vcpus[id] = (struct fake_kvm_vcpu){
		.fake = fake,
		.exists = true,
		.exits_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE),
		.sregs.pvr = 0x004e1202,
	};
	return vcpu->run ? 0 : -ENOMEM;
}

void kvm_vcpu_exit(struct kvm_vcpu *vcpu)
{
	vcpu_of(vcpu)->exists = false;
	close(vcpu_of(vcpu)->exits_fd);
	free(vcpu->run);
	vcpu->fd = -1;
}

void fake_kvm_give(struct fake_kvm *fake, unsigned index, const struct kvm_run *exit)
{
	struct fake_kvm_vcpu *vcpu = &fake->vcpus[index];

	pthread_mutex_lock(&fake->lock);
	if (vcpu->nr_exits == FAKE_KVM_EXITS)
		abort();
	vcpu->exits[(vcpu->first_exit + vcpu->nr_exits++) % FAKE_KVM_EXITS] = *exit;
	pthread_mutex_unlock(&fake->lock);
	eventfd_write(vcpu->exits_fd, 1);
}

void fake_kvm_give_hcall(struct fake_kvm *fake, unsigned index, uint64_t number,
			 const uint64_t *args)
{
	struct kvm_run exit = { .exit_reason = KVM_EXIT_PAPR_HCALL, .papr_hcall.nr = number };

	for (unsigned i = 0; i < 9; i++)
		exit.papr_hcall.args[i] = args[i];
	fake_kvm_give(fake, index, &exit);
}

/* What the kernel does first: the last exit's results go to registers. True: there is a next
 * part of it, which comes whatever else is to be done. */
static bool complete(struct fake_kvm_vcpu *vcpu, const struct kvm_run *run)
{
	bool more = false;

	pthread_mutex_lock(&vcpu->fake->lock);
	if (vcpu->has_exited) {
		vcpu->completed = *run;
		vcpu->nr_completed++;
		more = vcpu->parts;
		vcpu->parts -= more;
	}
	vcpu->has_exited = false;
	pthread_cond_broadcast(&vcpu->fake->changed);
	pthread_mutex_unlock(&vcpu->fake->lock);
	return more;
}

static void set_inside(struct fake_kvm_vcpu *vcpu, bool inside)
{
	pthread_mutex_lock(&vcpu->fake->lock);
	vcpu->inside = inside;
	vcpu->entries += inside;
	pthread_cond_broadcast(&vcpu->fake->changed);
	pthread_mutex_unlock(&vcpu->fake->lock);
}

static int take_exit(struct fake_kvm_vcpu *vcpu, struct kvm_run *run)
{
	uint8_t immediate_exit = __atomic_load_n(&run->immediate_exit, __ATOMIC_SEQ_CST);
	eventfd_t count;

	if (eventfd_read(vcpu->exits_fd, &count))
		return -EINTR;
	pthread_mutex_lock(&vcpu->fake->lock);
	*run = vcpu->exits[vcpu->first_exit];
	run->immediate_exit = immediate_exit;
	vcpu->first_exit = (vcpu->first_exit + 1) % FAKE_KVM_EXITS;
	vcpu->nr_exits--;
	vcpu->has_exited = true;
	pthread_mutex_unlock(&vcpu->fake->lock);
	return 0;
}

/* Signals are held back, so that none is lost between the look at immediate_exit and ppoll(). */
int kvm_vcpu_run(struct kvm_vcpu *kvm)
{
	struct fake_kvm_vcpu *vcpu = vcpu_of(kvm);
	struct pollfd fd = { .fd = vcpu->exits_fd, .events = POLLIN };
	sigset_t kick, former;
	int error = -EINTR;

	if (vcpu->before_run)
		vcpu->before_run(vcpu);
	if (complete(vcpu, kvm->run)) {
		while (poll(&fd, 1, -1) <= 0)
			;
		return take_exit(vcpu, kvm->run);
	}
	if (__atomic_load_n(&vcpu->run_error, __ATOMIC_SEQ_CST))
		return vcpu->run_error;
	sigemptyset(&kick);
	sigaddset(&kick, KICK_SIGNAL);
	pthread_sigmask(SIG_BLOCK, &kick, &former);
	if (!__atomic_load_n(&kvm->run->immediate_exit, __ATOMIC_SEQ_CST)) {
		set_inside(vcpu, true);
		if (ppoll(&fd, 1, NULL, &former) > 0)
			error = take_exit(vcpu, kvm->run);
		set_inside(vcpu, false);
	}
	pthread_sigmask(SIG_SETMASK, &former, NULL);
	return error;
}

void fake_kvm_wait_idle(struct fake_kvm *fake, unsigned index)
{
	struct fake_kvm_vcpu *vcpu = &fake->vcpus[index];

	pthread_mutex_lock(&fake->lock);
	while (!vcpu->inside || vcpu->nr_exits)
		pthread_cond_wait(&fake->changed, &fake->lock);
	pthread_mutex_unlock(&fake->lock);
}

void fake_kvm_wait_completed(struct fake_kvm *fake, unsigned index, unsigned count)
{
	struct fake_kvm_vcpu *vcpu = &fake->vcpus[index];

	pthread_mutex_lock(&fake->lock);
	while (vcpu->nr_completed < count)
		pthread_cond_wait(&fake->changed, &fake->lock);
	pthread_mutex_unlock(&fake->lock);
}

int kvm_vcpu_enable(struct kvm_vcpu *vcpu, unsigned capability, uint64_t arg0, uint64_t arg1)
{
	return enable(fake_of(vcpu->fd), capability, arg0, arg1);
}

static struct fake_kvm_reg *find_reg(struct kvm_vcpu *kvm, uint64_t id)
{
	struct fake_kvm_vcpu *vcpu = vcpu_of(kvm);

	for (unsigned i = 0; i < FAKE_KVM_REGS; i++)
		if (!vcpu->one_regs[i].id || vcpu->one_regs[i].id == id)
			return &vcpu->one_regs[i];
	abort();
}

int kvm_vcpu_get_reg(struct kvm_vcpu *vcpu, uint64_t id, void *value)
{
	memcpy(value, &find_reg(vcpu, id)->value, sizeof(uint64_t));
	return 0;
}

int kvm_vcpu_set_reg(struct kvm_vcpu *vcpu, uint64_t id, const void *value)
{
	struct fake_kvm_reg *reg = find_reg(vcpu, id);

	if (fake_of(vcpu->fd)->fail_ioctl == KVM_SET_ONE_REG)
		return -EINVAL;
	reg->id = id;
	memcpy(&reg->value, value, sizeof(uint64_t));
	return 0;
}

/* As the kernel has it, but for KVM_INTERRUPT_SET: it would be on until it is taken. */
static int interrupt(struct fake_kvm_vcpu *vcpu, uint32_t irq)
{
	if (irq != KVM_INTERRUPT_SET_LEVEL && irq != KVM_INTERRUPT_UNSET)
		abort();
	pthread_mutex_lock(&vcpu->fake->lock);
	vcpu->interrupted = irq == KVM_INTERRUPT_SET_LEVEL;
	vcpu->nr_interrupts++;
	pthread_mutex_unlock(&vcpu->fake->lock);
	return 0;
}

bool fake_kvm_is_interrupted(struct fake_kvm *fake, unsigned index)
{
	bool interrupted;

	pthread_mutex_lock(&fake->lock);
	interrupted = fake->vcpus[index].interrupted;
	pthread_mutex_unlock(&fake->lock);
	return interrupted;
}

int kvm_vcpu_ioctl(struct kvm_vcpu *kvm, unsigned long request, void *arg)
{
	struct fake_kvm_vcpu *vcpu = vcpu_of(kvm);

	if (request == vcpu->fake->fail_ioctl)
		return -EINVAL;
	if (request == KVM_INTERRUPT)
		return interrupt(vcpu, ((struct kvm_interrupt *)arg)->irq);
	if (request == KVM_GET_REGS)
		*(struct kvm_regs *)arg = vcpu->regs;
	else if (request == KVM_SET_REGS)
		vcpu->regs = *(struct kvm_regs *)arg;
	else if (request == KVM_GET_SREGS)
		*(struct kvm_sregs *)arg = vcpu->sregs;
	return 0;
}

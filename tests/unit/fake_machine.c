/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A PAPR machine over a fake KVM: what the rest of pvmm gives it, and calls from its guest. */
#include "tests/unit/fake_machine.h"

#include <elf.h>
#include <unistd.h>

#define H_RTAS 0xf000

/* What firmware/ has for a guest: here, one instruction. */
__asm__(".section .rodata\n"
	".globl rtas_blob, rtas_blob_end\n"
	"rtas_blob: .long 0x4e800020\n"
	"rtas_blob_end:\n"
	".text\n");

long fake_page_size = 64 * 1024;

long __real_sysconf(int name);
long __wrap_sysconf(int name);

long __wrap_sysconf(int name)
{
	return name == _SC_PAGESIZE ? fake_page_size : __real_sysconf(name);
}

struct kernel_file {
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	uint8_t text[64];
};

static void make_kernel(struct image_file *file)
{
	struct kernel_file kernel = {
		.header = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				     EV_CURRENT },
			.e_type = htole16(ET_EXEC),
			.e_machine = htole16(EM_PPC64),
			.e_version = htole32(EV_CURRENT),
			.e_entry = htole64(FAKE_MACHINE_ENTRY),
			.e_phoff = htole64(offsetof(struct kernel_file, segment)),
			.e_ehsize = htole16(sizeof(Elf64_Ehdr)),
			.e_phentsize = htole16(sizeof(Elf64_Phdr)),
			.e_phnum = htole16(1),
		},
		.segment = {
			.p_type = htole32(PT_LOAD),
			.p_offset = htole64(offsetof(struct kernel_file, text)),
			.p_filesz = htole64(sizeof(kernel.text)),
			.p_memsz = htole64(sizeof(kernel.text)),
		},
	};

	file->path = "vmlinux";
	file->fd = memfd_create("vmlinux", MFD_CLOEXEC);
	file->size = sizeof(kernel);
	ck_assert_int_eq(write(file->fd, &kernel, sizeof(kernel)), sizeof(kernel));
}

static void start_console(struct vm *vm)
{
	vm->console.in_fd = vm->console.nowait_fd = -1;
	vm->console.out_fd = memfd_create("console", MFD_CLOEXEC);
	pthread_mutex_init(&vm->console.lock, NULL);
}

void fake_machine_init(struct fake_machine *fake, unsigned cpus)
{
	struct vm *vm = &fake->vm;

	memset(&fake->config, 0, sizeof(fake->config));
	memset(vm, 0, sizeof(*vm));
	fake->machine = NULL;
	capture_init(&fake->capture);
	fake_kvm_init(&fake->kvm);
	fake->config.memory = FAKE_MACHINE_MEMORY;
	fake->config.cpus = cpus;
	vm->config = &fake->config;
	vm->memory_file.fd = -1;
	vm->log = &fake->capture.log;
	vm->kvm = fake->kvm.kvm;
	vm->initrd.fd = vm->dump_fd = -1;
	make_kernel(&vm->kernel);
	start_console(vm);
	ck_assert_int_eq(loop_init(&vm->loop), 0);
	vm->nvram_fd = papr_nvram_open(NULL, vm->log);
	ck_assert_int_eq(machine_host_init(vm->log, &vm->host), 0);
	ck_assert_int_eq(vcpu_setup_signal(), 0);
	ck_assert_int_eq(vcpu_threads_init(&vm->vcpu_threads, cpus, NULL, vm->log), 0);
}

int fake_machine_create(struct fake_machine *fake)
{
	return machine_create(&fake->vm, &fake->machine);
}

void fake_machine_start(struct fake_machine *fake, unsigned cpus)
{
	fake_machine_init(fake, cpus);
	ck_assert_int_eq(fake_machine_create(fake), 0);
	ck_assert_int_eq(machine_start(fake->machine), 0);
	fake_kvm_wait_idle(&fake->kvm, 0);
}

void fake_machine_exit(struct fake_machine *fake)
{
	struct vm *vm = &fake->vm;

	machine_destroy(fake->machine);
	for (unsigned i = 0; i < FAKE_KVM_VCPUS; i++)
		ck_assert(!fake->kvm.vcpus[i].exists);
	ck_assert(!fake->kvm.used);
	ck_assert(!fake_kvm_device_is_held(&fake->kvm));
	ck_assert(!fake_kvm_tables_are_held(&fake->kvm));
	ck_assert_uint_eq(fake->kvm.nr_files, 0);
	ck_assert_uint_eq(fake->kvm.nr_slots, 0);
	ck_assert_uint_eq(fake->kvm.nr_irqfds, 0);
	ck_assert_ptr_null(vm->console.on_input);
	vcpu_threads_exit(&vm->vcpu_threads);
	machine_host_exit(vm->host);
	close(vm->nvram_fd);
	loop_exit(&vm->loop);
	close(vm->console.out_fd);
	pthread_mutex_destroy(&vm->console.lock);
	close(vm->kernel.fd);
	fake_kvm_exit(&fake->kvm);
	capture_exit(&fake->capture);
}

int64_t fake_machine_hcall(struct fake_machine *fake, unsigned vcpu, uint64_t number,
			   uint64_t *args)
{
	struct fake_kvm_vcpu *kvm = &fake->kvm.vcpus[vcpu];
	unsigned done = kvm->nr_completed;

	fake_kvm_give_hcall(&fake->kvm, vcpu, number, args);
	fake_kvm_wait_completed(&fake->kvm, vcpu, done + 1);
	for (unsigned i = 0; i < HCALL_NR_ARGS; i++)
		args[i] = kvm->completed.papr_hcall.args[i];
	return (int64_t)kvm->completed.papr_hcall.ret;
}

int32_t fake_machine_rtas(struct fake_machine *fake, unsigned vcpu, const char *name,
			  const uint32_t *args, uint32_t nargs, uint32_t *rets, uint32_t nret)
{
	uint64_t registers[HCALL_NR_ARGS] = { GUEST_RTAS_BLOCK };
	struct rtas *rtas = &fake->machine->rtas;

	guest_rtas_put(rtas, name, args, nargs, nret);
	ck_assert_int_eq(fake_machine_hcall(fake, vcpu, H_RTAS, registers), H_SUCCESS);
	return guest_rtas_get(rtas, nargs, rets, nret);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Building the PAPR machine of one boot, step by step, and taking it apart in reverse. */
#include <elf.h>
#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>

#include "devices/papr_rtc.h"
#include "vmm/papr/machine.h"

/* RTAS and the device tree are addressed with 32 bits in real mode, and initrds as well by
 * old boot code; the kernel comes first, from 0, where it runs without moving itself. */
#define BOOT_ALIGN (64 * KIB)
#define RTAS_SIZE (64 * KIB)
#define IMAGE_LIMIT (2 * GIB)

extern const uint8_t rtas_blob[], rtas_blob_end[];

static void log_kvm(struct machine *machine, const char *what, int error)
{
	log_error(machine->vm->log, "KVM: %s: %s", what, strerror(-error));
}

static int create_kvm_vm(struct machine *machine)
{
	int error = kvm_vm_init(&machine->kvm, &machine->vm->kvm, KVM_VM_PPC_HV);

	if (error) {
		log_error(machine->vm->log,
			  "KVM cannot make a PAPR guest: %s; is kvm-hv loaded? (modprobe kvm-hv)",
			  strerror(-error));
		return error;
	}
	return 0;
}

static void destroy_kvm_vm(struct machine *machine)
{
	kvm_vm_exit(&machine->kvm);
}

/* The pages of the VM's file, cleared of what an earlier boot left, or new ones. */
static int init_memory(struct machine *machine, uint64_t size)
{
	struct memory_file *file = &machine->vm->memory_file;
	int error;

	if (file->fd < 0)
		return guest_memory_init(&machine->memory, 0, size);
	error = guest_memory_init_file(&machine->memory, 0, size, file->fd, file->page_shift);
	if (!error && file->used)
		guest_memory_clear(&machine->memory);
	file->used = true;
	return error;
}

static int create_memory(struct machine *machine)
{
	uint64_t size = machine->vm->config->memory;
	int error = init_memory(machine, size);

	if (error) {
		log_error(machine->vm->log, "cannot get %llu MiB of guest memory: %s",
			  (unsigned long long)(size / MIB), strerror(-error));
		return error;
	}
	error = kvm_vm_set_ram(&machine->kvm, 0, size, guest_memory_hva(&machine->memory, 0, size));
	if (error) {
		log_kvm(machine, "setting guest memory", error);
		guest_memory_exit(&machine->memory);
	}
	return error;
}

static void destroy_memory(struct machine *machine)
{
	guest_memory_exit(&machine->memory);
}

static int create_bus(struct machine *machine)
{
	return bus_init(&machine->bus, &machine->kvm.mapper);
}

static void destroy_bus(struct machine *machine)
{
	bus_exit(&machine->bus);
}

/* A kernel argument that firmware would have asked about: prom_init() does the same. */
static bool has_argument(const struct machine *machine, const char *argument)
{
	const char *found = machine->vm->config->append;
	size_t length = strlen(argument);

	while (found && (found = strstr(found, argument))) {
		bool starts = found == machine->vm->config->append || found[-1] == ' ';

		found += length;
		if (starts && (*found == 0 || *found == ' '))
			return true;
	}
	return false;
}

/* HPT of 1/128 of memory, as PAPR firmware sizes it; at least 16 MiB. */
static uint32_t hash_table_order(uint64_t memory)
{
	uint32_t order = 24;

	while (order < 46 && (1ULL << order) < memory / 128)
		order++;
	return order;
}

static int choose_mmu(struct machine *machine)
{
	bool radix = kvm_vm_extension(&machine->kvm, KVM_CAP_PPC_MMU_RADIX) > 0;
	bool hash = kvm_vm_extension(&machine->kvm, KVM_CAP_PPC_MMU_HASH_V3) > 0;
	int error;

	machine->radix = radix && !(hash && has_argument(machine, "disable_radix"));
	log_info(machine->vm->log, "MMU: %s", machine->radix ? "radix" : "hash");
	if (machine->radix)
		return 0;
	machine->hash_order = hash_table_order(machine->vm->config->memory);
	error = kvm_vm_ioctl(&machine->kvm, KVM_PPC_ALLOCATE_HTAB, &machine->hash_order);
	if (error)
		log_kvm(machine, "allocating a hash table", error);
	return error;
}

/* Hypercalls that KVM can serve but leaves to the VMM unless told. Absent ones come to us. */
static int enable_hcalls(struct machine *machine)
{
	static const uint16_t hcalls[] = {
		0x31c,	/* H_SET_MODE: breakpoint registers; the rest is passed on */
		0x2c,	/* H_PAGE_INIT */
		0x10,	/* H_CLEAR_MOD */
		0x14,	/* H_CLEAR_REF */
		0x448,	/* H_RPT_INVALIDATE */
	};

	for (size_t i = 0; i < ARRAY_SIZE(hcalls); i++)
		kvm_vm_enable(&machine->kvm, KVM_CAP_PPC_ENABLE_HCALL, hcalls[i], 1);
	return 0;
}

/* By preference, each with the choices that it is right for: what takes fewest exits. */
#define FOR(choice) (1U << IRQCHIP_##choice)
static const struct {
	int (*create)(struct machine *machine, struct papr_irqchip **irqchip);
	unsigned choices;
} irqchips[] = {
	{ papr_xive_create, FOR(AUTO) | FOR(XIVE) },
	{ papr_xics_create, FOR(AUTO) | FOR(XICS) },
	{ papr_pvmm_xics_create, FOR(AUTO) | FOR(XICS) | FOR(XICS_PVMM) },
	{ papr_pvmm_xive_create, FOR(XIVE) | FOR(XIVE_PVMM) },
};
#undef FOR

static int create_irqchip(struct machine *machine)
{
	enum irqchip_choice choice = machine->vm->config->irqchip;
	int error = -ENODEV;

	if (choice == IRQCHIP_AUTO && has_argument(machine, "xive=off"))
		choice = IRQCHIP_XICS;
	for (size_t i = 0; i < ARRAY_SIZE(irqchips) && error == -ENODEV; i++)
		if (irqchips[i].choices >> choice & 1)
			error = irqchips[i].create(machine, &machine->irqchip);
	if (error == -ENODEV)
		log_error(machine->vm->log, "this host's KVM can serve no such interrupt "
			  "controller; try --irqchip auto");
	else if (error)
		log_kvm(machine, "creating the interrupt controller", error);
	else
		log_info(machine->vm->log, "interrupts: %s", machine->irqchip->chip.ops->name);
	return error;
}

static void destroy_irqchip(struct machine *machine)
{
	machine->irqchip->chip.ops->exit(&machine->irqchip->chip);
}

static int create_rtas(struct machine *machine)
{
	machine->rtas.memory = &machine->memory;
	machine->rtas.log = machine->vm->log;
	return 0;
}

static int create_devices(struct machine *machine)
{
	struct vm *vm = machine->vm;
	int error;

	error = papr_vty_init(&machine->vty, &vm->console, &machine->irqchip->chip,
			      &machine->hcalls);
	if (!error)
		error = papr_nvram_init(&machine->nvram, vm->nvram_fd, &machine->memory,
					&machine->rtas);
	if (!error)
		error = papr_rtc_init(&machine->rtas, &vm->rtc_offset);
	if (error)
		log_error(vm->log, "cannot set up devices: %s", strerror(-error));
	return error;
}

static void destroy_devices(struct machine *machine)
{
	papr_vty_exit(&machine->vty);
}

static int prepare_tces(struct machine *machine)
{
	return papr_tce_kvm_init(&machine->tce_kvm, &machine->kvm, &machine->vcpus,
				 machine->vm->config->tce);
}

static void forget_tces(struct machine *machine)
{
	papr_tce_kvm_exit(&machine->tce_kvm);
}

static int create_phbs(struct machine *machine)
{
	struct vm *vm = machine->vm;
	const struct papr_dma_policy policy = {
		.all = vm->config->dma == DMA_ALL,
		.no_window64 = vm->config->dma == DMA_NO_WINDOW64,
	};

	return papr_phbs_init(&machine->phbs, vm->groups, vm->nr_groups, &machine->bus,
			      &machine->irqchip->chip, &machine->memory, &machine->rtas,
			      &machine->hcalls, &policy, vm->log);
}

static void destroy_phbs(struct machine *machine)
{
	papr_phbs_exit(&machine->phbs);
}

static int attach_tces(struct machine *machine)
{
	enum tce_choice choice = machine->vm->config->tce;
	struct papr_tce_kernel *kernel = &machine->tce_kvm.kernel;
	int error = papr_phbs_attach(&machine->phbs, choice == TCE_PVMM ? NULL : kernel);

	if (!kernel->expected)
		return 0;
	if (error)
		log_error(machine->vm->log, "--tce %s: %s; try --tce auto",
			  choice == TCE_KVM ? "kvm" : "single", kernel->why);
	return error;
}

static int publish_irqs(struct machine *machine)
{
	struct papr_irqchip *irqchip = machine->irqchip;
	int error = irqchip->ops->publish ? irqchip->ops->publish(irqchip) : 0;

	if (error)
		log_kvm(machine, "making interrupt sources", error);
	return error;
}

static int register_calls(struct machine *machine)
{
	int error = papr_cpu_register(machine);

	if (!error)
		error = papr_platform_register(machine);
	if (error)
		log_error(machine->vm->log, "two owners for one PAPR call: %s", strerror(-error));
	return error;
}

static int create_vcpus(struct machine *machine)
{
	struct vm *vm = machine->vm;
	int error = vcpus_init(&machine->vcpus, &vm->vcpu_threads, &machine->kvm, &papr_vcpu_ops,
			       machine, vm->log);

	if (error)
		log_error(vm->log, "cannot make %u vCPUs: %s", vm->config->cpus, strerror(-error));
	return error;
}

static void destroy_vcpus(struct machine *machine)
{
	vcpus_exit(&machine->vcpus);
}

static const uint16_t elf_machines[] = { EM_PPC64, EM_PPC, 0 };

/* The initrd follows the kernel, below 2 GiB. */
int machine_check_images(const struct vm *vm)
{
	struct guest_memory memory = { .size = vm->config->memory, .fd = -1 };
	struct loaded_kernel kernel;
	int error = loader_check_kernel(&memory, &vm->kernel, elf_machines, vm->log, &kernel);

	if (error || vm->initrd.fd < 0)
		return error;
	return loader_check_file(&memory, &vm->initrd, align_up(kernel.end, BOOT_ALIGN),
				 IMAGE_LIMIT, vm->log);
}

static int load_images(struct machine *machine)
{
	struct vm *vm = machine->vm;
	struct papr_boot *boot = &machine->boot;
	int error;

	error = loader_load_kernel(&machine->memory, &vm->kernel, elf_machines, vm->log,
				   &boot->kernel);
	if (error)
		return error;
	boot->initrd = align_up(boot->kernel.end, BOOT_ALIGN);
	boot->initrd_size = vm->initrd.fd < 0 ? 0 : vm->initrd.size;
	if (vm->initrd.fd >= 0)
		error = loader_load_file(&machine->memory, &vm->initrd, boot->initrd, IMAGE_LIMIT,
					 vm->log);
	if (error)
		return error;
	boot->rtas = align_up(boot->initrd + boot->initrd_size, BOOT_ALIGN);
	boot->fdt = boot->rtas + RTAS_SIZE;
	error = guest_memory_write(&machine->memory, boot->rtas, rtas_blob,
				   (size_t)(rtas_blob_end - rtas_blob));
	if (error)
		log_error(vm->log, "kernel and initrd do not fit in guest memory: "
			  "give more with --memory");
	return error;
}

/* Steps without an exit leave nothing behind, or their owner's exit takes it along. */
static const struct step {
	int (*init)(struct machine *machine);
	void (*exit)(struct machine *machine);
} steps[] = {
	{ create_kvm_vm, destroy_kvm_vm },
	{ create_memory, destroy_memory },
	{ create_bus, destroy_bus },
	{ choose_mmu, NULL },
	{ enable_hcalls, NULL },
	{ create_rtas, NULL },
	{ create_irqchip, destroy_irqchip },
	{ create_devices, destroy_devices },
	{ prepare_tces, forget_tces },
	{ create_phbs, destroy_phbs },
	{ attach_tces, NULL },
	{ publish_irqs, NULL },
	{ register_calls, NULL },
	{ create_vcpus, destroy_vcpus },
	{ load_images, NULL },
	{ papr_tree_load, NULL },
};

int machine_create(struct vm *vm, struct machine **created)
{
	struct machine *machine = calloc(1, sizeof(*machine));
	int error = 0;

	if (!machine)
		return -ENOMEM;
	machine->vm = vm;
	while (!error && machine->steps_done < ARRAY_SIZE(steps)) {
		error = steps[machine->steps_done].init(machine);
		if (!error)
			machine->steps_done++;
	}
	if (error) {
		machine_destroy(machine);
		return error;
	}
	*created = machine;
	return 0;
}

int machine_start(struct machine *machine)
{
	int error = papr_cpu_start_boot(machine);

	if (error)
		log_kvm(machine, "starting the boot vCPU", error);
	return error;
}

void machine_give_back(struct machine *machine, bool asked)
{
	papr_phbs_give_back(&machine->phbs, asked);
}

void machine_destroy(struct machine *machine)
{
	if (!machine)
		return;
	while (machine->steps_done > 0) {
		const struct step *step = &steps[--machine->steps_done];

		if (step->exit)
			step->exit(machine);
	}
	free(machine);
}

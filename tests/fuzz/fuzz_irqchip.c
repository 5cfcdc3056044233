/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzing of pvmm's own interrupt controllers: hypercalls, RTAS calls, loads, stores and
 * devices' events in any order. After each a vCPU's external interrupt must be on just when the
 * guest would find something to take.
 */
#include <stdlib.h>

#include "tests/fuzz/input.h"
#include "vmm/papr/irqchip_xics.h"
#include "vmm/papr/vcpu_line.h"

#define STEPS_MAX 64
#define CPUS 2
#define RAM (1 * MIB)
#define TIMA 0x310000020000ULL
#define ESB 0x300000000000ULL
#define H_IPOLL 0x70

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct vm_config config = { .cpus = CPUS };
static struct vm vm;
static struct machine machine;
static struct vcpu vcpus[CPUS];
static struct log log;
static struct irq_eoi eoi;
static bool is_on[CPUS];
static uint32_t message, line;

static void check(bool condition)
{
	if (!condition)
		abort();
}

bool vcpu_line_works(const struct kvm_vm *it)
{
	return true;
}

void vcpu_line_connect(struct vcpu_line *it, struct vcpu *vcpu)
{
	it->vcpu = vcpu;
}

void vcpu_line_set(struct vcpu_line *it, bool on)
{
	it->on = on;
	is_on[it->vcpu->index] = on;
}

uint64_t vcpu_time_base(void)
{
	return 0;
}

void papr_xics_add_fdt(struct papr_irqchip *irqchip, struct fdt_writer *fdt)
{
}

static void ended(struct irq_eoi *self)
{
	check(self == &eoi);
}

static void start(bool xive)
{
	struct irqchip *chip;

	memset(&machine, 0, sizeof(machine));
	machine.vm = &vm;
	vm.config = &config;
	vm.log = &log;
	check(!loop_init(&vm.loop));
	check(!guest_memory_init(&machine.memory, 0, RAM));
	check(!bus_init(&machine.bus, NULL));
	machine.rtas.memory = &machine.memory;
	machine.rtas.log = &log;
	check(!(xive ? papr_pvmm_xive_create : papr_pvmm_xics_create)(&machine, &machine.irqchip));
	chip = &machine.irqchip->chip;
	check(!irq_reserve(chip, IRQ_MESSAGE, 4, 1, &message));
	check(!irq_reserve(chip, IRQ_LINE, 1, 1, &line));
	for (uint32_t i = message; i <= line; i++)
		check(!irq_claim(chip, i));
	eoi.eoi = ended;
	irq_on_eoi(chip, line, &eoi);
	for (unsigned i = 0; i < CPUS; i++) {
		vcpus[i].index = i;
		is_on[i] = false;
		check(!machine.irqchip->ops->add_vcpu(machine.irqchip, &vcpus[i]));
	}
}

static void call(struct vcpu *vcpu, uint64_t number, uint64_t arg0, uint64_t arg1, uint64_t arg2,
		 uint64_t arg3, uint64_t arg4)
{
	uint64_t args[HCALL_NR_ARGS] = { arg0, arg1, arg2, arg3, arg4 };

	check(hcall_dispatch(&machine.hcalls, vcpu, number, args) == H_SUCCESS);
}

/* As a guest does that has booted: everything may interrupt. */
static void set_up_xics(void)
{
	for (uint32_t i = message; i <= line; i++) {
		struct rtas_request request = { .args = { i, i % CPUS, 5 } };
		const struct rtas_slot *slot = &machine.rtas.slots[0];

		check(!strcmp(slot->call->name, "ibm,set-xive"));
		check(slot->call->handler(slot->owner, &request) == RTAS_SUCCESS);
	}
	for (unsigned i = 0; i < CPUS; i++)
		call(&vcpus[i], 0x68, 0xff, 0, 0, 0, 0);
}

static void set_up_xive(void)
{
	uint8_t cppr = 0xff;

	for (unsigned i = 0; i < CPUS; i++) {
		call(&vcpus[i], 0x3b8, 1, i, 6, (i + 1) * 0x10000ULL, 16);
		check(machine.irqchip->ops->access_own(machine.irqchip, &vcpus[i], TIMA + 0x11,
						       &cppr, 1, true));
	}
	for (uint32_t i = message; i <= line; i++) {
		call(&vcpus[0], 0x3ac, 2, i, i % CPUS, 6, i);
		call(&vcpus[0], 0x3c8, 0, i, 0xc00, 0, 0);
	}
}

static void stop(void)
{
	machine.irqchip->chip.ops->exit(&machine.irqchip->chip);
	bus_exit(&machine.bus);
	guest_memory_exit(&machine.memory);
	loop_exit(&vm.loop);
}

static uint64_t source(struct input *input)
{
	const uint64_t known[] = { 0, 1, 2, message, message + 1, message + 3, line };

	return input_known(input, known, ARRAY_SIZE(known));
}

static uint64_t small(struct input *input)
{
	static const uint64_t known[] = { 0, 1, 2, 3, 4, 5, 6, 7, 0xff, 16, 0x10000 };

	return input_known(input, known, ARRAY_SIZE(known));
}

static void make_hcall(struct input *input, struct vcpu *vcpu)
{
	static const uint64_t calls[] = { 0x64, 0x68, 0x6c, 0x70, 0x74, 0x2fc, 0x3a8, 0x3ac, 0x3b0,
					  0x3b4, 0x3b8, 0x3bc, 0x3c8, 0x3cc, 0x3d0 };
	uint64_t number = input_known(input, calls, ARRAY_SIZE(calls)), args[HCALL_NR_ARGS] = { 0 };

	for (unsigned i = 0; i < 5; i++)
		args[i] = input_u8(input) & 1 ? source(input) : small(input);
	if (number == 0x64 && args[0] <= UINT32_MAX)
		args[0] |= (uint64_t)input_u8(input) << 24;
	hcall_dispatch(&machine.hcalls, vcpu, number, args);
}

static void make_rtas_call(struct input *input)
{
	const struct rtas_call *call;
	struct rtas_request request = { .nargs = 3, .nret = 3 };

	if (!machine.rtas.nr_slots)
		return;
	call = machine.rtas.slots[input_u8(input) % machine.rtas.nr_slots].call;
	request.args[0] = (uint32_t)source(input);
	request.args[1] = (uint32_t)small(input);
	request.args[2] = (uint32_t)small(input);
	call->handler(machine.rtas.slots[0].owner, &request);
}

static void make_access(struct input *input, struct vcpu *vcpu)
{
	static const uint64_t registers[] = { 0x10, 0x11, 0x12, 0x17, 0x18, 0x810, 0x812 };
	static const uint64_t operations[] = { 0, 0x800, 0xc00, 0xd00, 0xe00, 0xf00 };
	unsigned size = 1U << (input_u8(input) & 3);
	bool is_store = input_u8(input) & 1;
	uint8_t bytes[8];
	uint64_t gpa;

	input_bytes(input, bytes, sizeof(bytes));
	if (input_u8(input) & 1)
		gpa = TIMA + input_known(input, registers, ARRAY_SIZE(registers));
	else
		gpa = ESB + (source(input) * 2 + !is_store) * 0x10000 +
		      input_known(input, operations, ARRAY_SIZE(operations));
	if (machine.irqchip->ops->access_own &&
	    machine.irqchip->ops->access_own(machine.irqchip, vcpu, gpa, bytes, size, is_store))
		return;
	if (is_store)
		bus_write(&machine.bus, gpa, bytes, size);
	else
		bus_read(&machine.bus, gpa, bytes, size);
}

/* What the guest would see if it looked. */
static bool has_something(struct vcpu *vcpu)
{
	uint64_t args[HCALL_NR_ARGS] = { vcpu->index };
	uint8_t ring[8];

	if (!machine.irqchip->ops->access_own) {
		check(hcall_dispatch(&machine.hcalls, vcpu, H_IPOLL, args) == H_SUCCESS);
		return args[0] & 0xffffff;
	}
	check(machine.irqchip->ops->access_own(machine.irqchip, vcpu, TIMA + 0x10, ring, 8, false));
	check((ring[0] == 0x80) == (ring[7] < ring[1]));
	return ring[0] == 0x80;
}

static void step(struct input *input)
{
	struct irqchip *chip = &machine.irqchip->chip;
	struct vcpu *vcpu = &vcpus[input_u8(input) % CPUS];

	switch (input_u8(input) % 5) {
	case 0:
	case 1:
		make_hcall(input, vcpu);
		break;
	case 2:
		make_rtas_call(input);
		break;
	case 3:
		make_access(input, vcpu);
		break;
	case 4:
		check(!irq_pulse(chip, message + input_u8(input) % (line - message + 1)));
		break;
	}
	for (unsigned i = 0; i < CPUS; i++)
		check(is_on[i] == has_something(&vcpus[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	bool xive = input_u8(&input) & 1;

	start(xive);
	if (xive)
		set_up_xive();
	else
		set_up_xics();
	for (unsigned i = 0; i < STEPS_MAX && input.left; i++)
		step(&input);
	stop();
	return 0;
}

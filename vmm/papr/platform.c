/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls of the platform itself: RTAS for power, starting and stopping CPUs, and system
 * parameters (PAPR 7.3); hypercalls for random numbers, cache-inhibited access and the CPU's
 * security characteristics.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "vmm/papr/machine.h"

static int32_t rtas_power_off(void *owner, struct rtas_request *request)
{
	struct machine *machine = owner;

	vm_stop(machine->vm, VM_POWERED_OFF);
	vcpu_park(request->vcpu);
	return RTAS_SUCCESS;
}

static int32_t rtas_system_reboot(void *owner, struct rtas_request *request)
{
	struct machine *machine = owner;

	vm_stop(machine->vm, VM_REBOOT);
	vcpu_park(request->vcpu);
	return RTAS_SUCCESS;
}

/*
 * The guest's text may hold anything: only printable characters go to the operator. Linux up
 * to 6.12 gives a null address instead of its text.
 */
static void log_panic(struct machine *machine, uint64_t gpa)
{
	char text[128];
	size_t length = sizeof(text) - 1;

	if (!gpa) {
		log_error(machine->vm->log, "guest panicked; its console says why");
		return;
	}
	while (length > 0 && guest_memory_read(&machine->memory, gpa, text, length))
		length /= 2;
	text[length] = 0;
	text[strcspn(text, "\r\n")] = 0;
	for (char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	log_error(machine->vm->log, "guest panicked: %s", text);
}

static int32_t rtas_ibm_os_term(void *owner, struct rtas_request *request)
{
	struct machine *machine = owner;

	log_panic(machine, request->args[0]);
	vm_stop(machine->vm, VM_PANICKED);
	vcpu_park(request->vcpu);
	return RTAS_SUCCESS;
}

/* PAPR 7.3.8.3: 0 stopped, 1 stopping, 2 running. */
static int32_t rtas_query_cpu_stopped_state(void *owner, struct rtas_request *request)
{
	struct machine *machine = owner;
	struct vcpu *vcpu = vcpus_get(&machine->vcpus, request->args[0]);

	if (!vcpu)
		return RTAS_PARAMETER_ERROR;
	request->rets[1] = vcpu_is_parked(vcpu) ? 0 : 2;
	return RTAS_SUCCESS;
}

static int32_t rtas_start_cpu(void *owner, struct rtas_request *request)
{
	struct machine *machine = owner;
	int error = papr_cpu_start(machine, request->args[0], request->args[1], request->args[2]);

	if (error == -ENOENT)
		return RTAS_PARAMETER_ERROR;
	return error ? RTAS_HARDWARE_ERROR : RTAS_SUCCESS;
}

static int32_t rtas_stop_self(void *owner, struct rtas_request *request)
{
	vcpu_park(request->vcpu);
	return RTAS_SUCCESS;
}

enum {
	SYSPARM_SPLPAR_CHARACTERISTICS = 20,
	SYSPARM_DIAGNOSTICS_RUN_MODE = 42,
};

/* Results of ibm,get-system-parameter: a 16-bit length, then so many bytes, cut at the end of
 * the guest's buffer. */
static int32_t put_parameter(struct machine *machine, const struct rtas_request *request,
			     const void *value, uint16_t size)
{
	struct {
		uint8_t size[2];
		uint8_t value[254];
	} result = { .size = { (uint8_t)(size >> 8), (uint8_t)size } };
	uint64_t length = sizeof(result.size) + size;

	if (size > sizeof(result.value))
		return RTAS_HARDWARE_ERROR;
	if (request->args[2] < sizeof(result.size))
		return RTAS_SYSPARM_PARAMETER;
	memcpy(result.value, value, size);
	if (length > request->args[2])
		length = request->args[2];
	if (guest_memory_write(&machine->memory, request->args[1], &result, length))
		return RTAS_SYSPARM_PARAMETER;
	return RTAS_SUCCESS;
}

static int32_t rtas_ibm_get_system_parameter(void *owner, struct rtas_request *request)
{
	static const uint8_t run_mode_disabled = 0;
	struct machine *machine = owner;
	char text[128];

	switch (request->args[0]) {
	case SYSPARM_SPLPAR_CHARACTERISTICS:
		snprintf(text, sizeof(text), "MaxEntCap=%u,DesMem=%llu,DesProcs=%u,MaxPlatProcs=%u",
			 machine->vcpus.nr_vcpus,
			 (unsigned long long)(machine->memory.size / MIB),
			 machine->vcpus.nr_vcpus, machine->vcpus.nr_vcpus);
		return put_parameter(machine, request, text, (uint16_t)(strlen(text) + 1));
	case SYSPARM_DIAGNOSTICS_RUN_MODE:
		return put_parameter(machine, request, &run_mode_disabled, 1);
	default:
		return RTAS_NOT_SUPPORTED;
	}
}

static int32_t rtas_ibm_set_system_parameter(void *owner, struct rtas_request *request)
{
	return RTAS_NOT_SUPPORTED;
}

static const struct rtas_call platform_rtas[] = {
	{ "power-off", 0, 1, rtas_power_off },
	{ "system-reboot", 0, 1, rtas_system_reboot },
	{ "ibm,os-term", 1, 1, rtas_ibm_os_term },
	{ "query-cpu-stopped-state", 1, 2, rtas_query_cpu_stopped_state },
	{ "start-cpu", 3, 1, rtas_start_cpu },
	{ "stop-self", 0, 1, rtas_stop_self },
	{ "ibm,get-system-parameter", 3, 1, rtas_ibm_get_system_parameter },
	{ "ibm,set-system-parameter", 2, 1, rtas_ibm_set_system_parameter },
};

static int64_t h_rtas(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct machine *machine = owner;

	return rtas_dispatch(&machine->rtas, vcpu, (uint32_t)args[0]);
}

static int64_t h_random(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	uint64_t value;

	if (getrandom(&value, sizeof(value), 0) != sizeof(value))
		return H_HARDWARE;
	args[0] = value;
	return H_SUCCESS;
}

static bool is_ci_access(uint64_t size, uint64_t gpa)
{
	return (size == 1 || size == 2 || size == 4 || size == 8) && is_aligned(gpa, size);
}

/* PAPR 14.5.4.2.9: r4 is the size in bytes, r5 the address; r4 gets the value. */
static int64_t h_logical_ci_load(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct machine *machine = owner;
	uint64_t size = args[0], value = 0;

	if (!is_ci_access(size, args[1]))
		return H_PARAMETER;
	if (bus_read(&machine->bus, args[1], (uint8_t *)&value + sizeof(value) - size,
		     (unsigned)size))
		papr_phbs_missed_load(&machine->phbs, args[1]);
	args[0] = be64toh(value);
	return H_SUCCESS;
}

static int64_t h_logical_ci_store(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct machine *machine = owner;
	uint64_t size = args[0], value = htobe64(args[2]);

	if (!is_ci_access(size, args[1]))
		return H_PARAMETER;
	bus_write(&machine->bus, args[1], (uint8_t *)&value + sizeof(value) - size,
		  (unsigned)size);
	return H_SUCCESS;
}

/* What the host says of its processor's speculation (KVM_PPC_GET_CPU_CHAR). */
static int64_t h_get_cpu_characteristics(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct machine *machine = owner;
	struct kvm_ppc_cpu_char cpu = { 0 };

	if (kvm_vm_ioctl(&machine->kvm, KVM_PPC_GET_CPU_CHAR, &cpu))
		return H_FUNCTION;
	args[0] = cpu.character & cpu.character_mask;
	args[1] = cpu.behaviour & cpu.behaviour_mask;
	return H_SUCCESS;
}

static const struct hcall platform_hcalls[] = {
	{ 0xf000, h_rtas },
	{ 0x300, h_random },
	{ 0x3c, h_logical_ci_load },
	{ 0x40, h_logical_ci_store },
	{ 0x1c8, h_get_cpu_characteristics },
};

int papr_platform_register(struct machine *machine)
{
	int error = rtas_register(&machine->rtas, platform_rtas, ARRAY_SIZE(platform_rtas),
				  machine);

	if (error)
		return error;
	return hcall_register(&machine->hcalls, platform_hcalls, ARRAY_SIZE(platform_hcalls),
			      machine);
}

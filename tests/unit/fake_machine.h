/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A whole PAPR machine over a fake KVM, for unit tests: built by machine_create() as for a
 * guest, which is a test that makes hypercalls from vCPUs' exits. Several can exist at once.
 */
#ifndef PVMM_TESTS_FAKE_MACHINE_H
#define PVMM_TESTS_FAKE_MACHINE_H

#include "tests/unit/capture.h"
#include "tests/unit/fake_kvm.h"
#include "tests/unit/guest_rtas.h"
#include "vmm/papr/machine.h"

#define FAKE_MACHINE_MEMORY (256 * MIB)
#define FAKE_MACHINE_ENTRY 0x10ULL	/* of its kernel */

struct fake_machine {
	struct fake_kvm kvm;
	struct vm_config config;
	struct capture capture;
	struct vm vm;
	struct machine *machine;
};

/* What sysconf(_SC_PAGESIZE) says, to every machine of the process. */
extern long fake_page_size;

/* All that a machine is made of; @cpus vCPUs. The caller may change config, vm and kvm then. */
void fake_machine_init(struct fake_machine *fake, unsigned cpus);
/* Makes the machine: what machine_create() returns. */
int fake_machine_create(struct fake_machine *fake);
/* Both, and the boot vCPU is in the guest. */
void fake_machine_start(struct fake_machine *fake, unsigned cpus);
void fake_machine_exit(struct fake_machine *fake);

/* A hypercall from the guest on @vcpu, which runs. Returns r3; @args are r4 to r12. */
int64_t fake_machine_hcall(struct fake_machine *fake, unsigned vcpu, uint64_t number,
			   uint64_t *args);
/* HCALL(fake, number, args...): from vCPU 0. */
#define HCALL(fake, number, ...) \
	fake_machine_hcall(fake, 0, number, (uint64_t[HCALL_NR_ARGS]){ __VA_ARGS__ })

/* An RTAS call from the guest on @vcpu: its status. */
int32_t fake_machine_rtas(struct fake_machine *fake, unsigned vcpu, const char *name,
			  const uint32_t *args, uint32_t nargs, uint32_t *rets, uint32_t nret);
/* RTAS(fake, "name", rets, nret, args...): from vCPU 0. */
#define RTAS(fake, name, rets, nret, ...)                                                   \
	fake_machine_rtas(fake, 0, name, (const uint32_t[]){ __VA_ARGS__ },                 \
			  sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t),     \
			  rets, nret)

#endif

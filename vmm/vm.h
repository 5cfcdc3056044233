/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One virtual machine, from the operator's configuration to its end. Two layers:
 *
 * - what is taken from the host once and lasts over reboots: console, groups, KVM's handle,
 *   NVRAM, clock offset (struct vm, this module);
 * - the machine that the guest sees, which is built for each boot and thrown away with all its
 *   state when the guest reboots (machine.h, made by the architecture).
 */
#ifndef PVMM_VM_H
#define PVMM_VM_H

#include "vmm/config.h"
#include "vmm/console.h"
#include "vmm/group/host.h"
#include "vmm/group/keeper.h"
#include "vmm/group/watch.h"
#include "vmm/kvm.h"
#include "vmm/loader.h"
#include "vmm/log.h"
#include "vmm/loop.h"
#include "vmm/memory_file.h"
#include "vmm/pressure.h"
#include "vmm/vcpu_threads.h"

enum vm_end {
	VM_RUNNING,
	VM_POWERED_OFF,
	VM_REBOOT,
	VM_PANICKED,	/* the guest said so */
	VM_STOPPED,	/* by a signal or the operator's keys */
	VM_TIMED_OUT,
	VM_FAILED,	/* a vCPU could not go on */
};

/* Exit status of the process. */
enum {
	VM_EXIT_POWERED_OFF = 0,
	VM_EXIT_ERROR = 1,	/* host or configuration */
	VM_EXIT_STOPPED = 2,	/* panic, or had to be stopped */
	VM_EXIT_REBOOT = 3,	/* under --no-reboot */
	VM_EXIT_TIMEOUT = 124,
};

struct machine;
struct machine_host;

struct vm {
	const struct vm_config *config;
	struct log *log;
	struct loop loop;
	struct loop_source signal_source;
	struct loop_source timer_source;
	struct console console;
	struct kvm kvm;
	struct image_file kernel, initrd;	/* initrd.fd: -1 when there is none */
	struct memory_file memory_file;
	int nvram_fd;
	int dump_fd;			/* --dump-dtb; -1: not asked for */
	int64_t rtc_offset;		/* seconds; atomic */
	unsigned nr_groups;		/* open ones */
	struct host_group host_groups[CONFIG_GROUPS_MAX];
	struct keeper keeper;
	struct group *groups[CONFIG_GROUPS_MAX];
	struct group_watch watches[CONFIG_GROUPS_MAX];
	struct pressure pressure;
	struct machine_host *host;
	struct vcpu_threads vcpu_threads;
	struct machine *machine;	/* of the present boot */
	enum vm_end end;		/* first reason to stop this boot; atomic */
};

/*
 * Takes what @config asks for, boots, and runs until the guest or the operator ends it; then
 * gives everything back. Returns the exit status of the process; what went wrong is on @log.
 */
int vm_run(const struct vm_config *config, struct log *log);

/* Ends the present boot. The first reason counts, but the operator's more than the guest's wish
 * to reboot. Any thread. */
void vm_stop(struct vm *vm, enum vm_end end);

#endif

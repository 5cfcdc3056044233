/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Taking from the host what a VM needs, step by step, and giving it back in reverse. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "devices/papr_nvram.h"
#include "vmm/group/devgroup.h"
#include "vmm/group/vfio.h"
#include "vmm/machine.h"
#include "vmm/sandbox.h"
#include "vmm/vcpu.h"
#include "vmm/vm.h"

/* Locked memory that is charged for one group's DMA tables, at most (bytes): the IOMMU's of a window of
 * 2 GiB, and KVM's own. */
#define GROUP_TABLE_BYTES (8 * MIB)
#define KVM_TABLE_BYTES (4 * MIB + 256 * KIB)

/* Whether this is the reason that counts. */
static bool set_end(struct vm *vm, enum vm_end end)
{
	enum vm_end former = VM_RUNNING;
	bool first = __atomic_compare_exchange_n(&vm->end, &former, end, false, __ATOMIC_SEQ_CST,
						 __ATOMIC_SEQ_CST);

	/* The operator's word comes once; a guest that reboots just then must not drown it. */
	if (!first && former == VM_REBOOT && (end == VM_STOPPED || end == VM_TIMED_OUT))
		first = __atomic_compare_exchange_n(&vm->end, &former, end, false,
						    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	return first;
}

void vm_stop(struct vm *vm, enum vm_end end)
{
	/* A vCPU that is late with its reason must not stop the next boot's loop. */
	if (set_end(vm, end))
		loop_stop(&vm->loop);
}

/* Many vCPUs and interrupts need more files than the soft limit, which is there for programs
 * that use select(). */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int init_loop(struct vm *vm)
{
	int error;

	raise_file_limit();
	error = loop_init(&vm->loop);
	if (error)
		log_error(vm->log, "cannot set up the event loop: %s", strerror(-error));
	return error;
}

static void exit_loop(struct vm *vm)
{
	loop_exit(&vm->loop);
}

static void on_signal(struct loop_source *source, uint32_t events)
{
	struct vm *vm = container_of(source, struct vm, signal_source);
	struct signalfd_siginfo info;

	if (read(source->fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGUSR2) {
		machine_give_back(vm->machine, true);
		return;
	}
	log_error(vm->log, "stopped by signal %u (%s)", info.ssi_signo,
		  strsignal((int)info.ssi_signo));
	vm_stop(vm, VM_STOPPED);
}

/* Takes @fd, or the errno of what failed to make it. */
static int watch(struct vm *vm, struct loop_source *source, int fd,
		 void (*ready)(struct loop_source *source, uint32_t events))
{
	int error = fd < 0 ? -errno : 0;

	*source = (struct loop_source){ .fd = fd, .events = EPOLLIN, .ready = ready };
	if (!error)
		error = loop_add(&vm->loop, source);
	if (!error)
		return 0;
	log_error(vm->log, "cannot watch signals and time: %s", strerror(-error));
	if (fd >= 0)
		close(fd);
	return error;
}

/* SIGTERM and the like become events of the loop; threads made later inherit the mask. */
static int init_signals(struct vm *vm)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	return watch(vm, &vm->signal_source, signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK),
		     on_signal);
}

static void exit_signals(struct vm *vm)
{
	loop_remove(&vm->loop, &vm->signal_source);
	close(vm->signal_source.fd);
}

static void on_timeout(struct loop_source *source, uint32_t events)
{
	struct vm *vm = container_of(source, struct vm, timer_source);

	log_error(vm->log, "stopped after --timeout %u seconds", vm->config->timeout);
	vm_stop(vm, VM_TIMED_OUT);
}

static int init_timeout(struct vm *vm)
{
	struct itimerspec when = { .it_value.tv_sec = vm->config->timeout };
	int error;

	vm->timer_source.fd = -1;
	if (!vm->config->timeout)
		return 0;
	error = watch(vm, &vm->timer_source,
		      timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), on_timeout);
	if (!error)
		timerfd_settime(vm->timer_source.fd, 0, &when, NULL);
	return error;
}

static void exit_timeout(struct vm *vm)
{
	if (vm->timer_source.fd < 0)
		return;
	loop_remove(&vm->loop, &vm->timer_source);
	close(vm->timer_source.fd);
}

static void close_files(struct vm *vm)
{
	image_close(&vm->initrd);
	image_close(&vm->kernel);
}

static int open_files(struct vm *vm)
{
	int error = image_open(&vm->kernel, vm->config->kernel, vm->log);

	vm->initrd.fd = -1;
	if (!error && vm->config->initrd)
		error = image_open(&vm->initrd, vm->config->initrd, vm->log);
	if (!error)
		error = machine_check_images(vm);
	if (error)
		close_files(vm);
	return error;
}

static int get_memory(struct vm *vm)
{
	const struct vm_config *config = vm->config;
	int error = 0;

	if (config->memory_node >= 0)
		error = memory_node_bind(config->memory_node, &host_root_system, vm->log);
	if (error)
		return error;
	return memory_file_open(&vm->memory_file, config, &host_root_system, vm->log);
}

static void put_memory(struct vm *vm)
{
	memory_file_close(&vm->memory_file);
}

static int open_nvram(struct vm *vm)
{
	vm->nvram_fd = papr_nvram_open(vm->config->nvram, vm->log);
	return vm->nvram_fd < 0 ? vm->nvram_fd : 0;
}

static void close_nvram(struct vm *vm)
{
	close(vm->nvram_fd);
}

static int open_kvm(struct vm *vm)
{
	int error = kvm_open(&vm->kvm, "/dev/kvm");

	if (error == -ENOENT)
		log_error(vm->log, "no /dev/kvm: load KVM first (modprobe kvm-hv)");
	else if (error == -EACCES)
		log_error(vm->log, "/dev/kvm: no permission; run as root or join its group");
	else if (error)
		log_error(vm->log, "/dev/kvm: %s", strerror(-error));
	return error;
}

static void close_kvm(struct vm *vm)
{
	kvm_close(&vm->kvm);
}

/* Looks at all groups before one is touched, so that all that is wrong is said at once. */
static int find_groups(struct vm *vm)
{
	const struct vm_config *config = vm->config;
	uint64_t table_bytes = GROUP_TABLE_BYTES + (config->tce == TCE_PVMM ? 0 : KVM_TABLE_BYTES);
	uint64_t lock_bytes = config->nr_groups * table_bytes;
	int error = 0;

	if (config->dma == DMA_ALL)
		lock_bytes += config->memory;
	for (unsigned i = 0; i < config->nr_groups; i++) {
		int missing = host_group_find(&host_root_system, config->groups[i].path,
					      &vm->host_groups[i], vm->log);

		error = error ? error : missing;
	}
	if (!error && host_groups_check(&host_root_system, vm->host_groups, config->nr_groups,
					config->claim, lock_bytes, vm->log))
		error = -EBUSY;
	return error;
}

static void release_claims(struct vm *vm)
{
	keeper_stop(&vm->keeper, vm->log);
}

static int claim_groups(struct vm *vm)
{
	return keeper_start(&vm->keeper, &host_root_system, vm->host_groups, vm->config->nr_groups,
			    vm->config->claim, vm->log);
}

static void close_groups(struct vm *vm)
{
	while (vm->nr_groups > 0) {
		group_close(vm->groups[--vm->nr_groups]);
		vm->groups[vm->nr_groups] = NULL;
	}
}

static int open_group(struct vm *vm, unsigned i)
{
	const struct host_group *host = &vm->host_groups[i];
	const struct group_config *config = &vm->config->groups[i];

	if (host->backend == HOST_BACKEND_DEVGROUP)
		return devgroup_open(&host_root_system, host, config, vm->log, &vm->groups[i]);
	return vfio_group_open(&host_root_system, host, config, vm->log, &vm->groups[i]);
}

static int open_groups(struct vm *vm)
{
	int error = 0;

	while (!error && vm->nr_groups < vm->config->nr_groups) {
		error = open_group(vm, vm->nr_groups);
		if (!error)
			vm->nr_groups++;
	}
	if (error)
		close_groups(vm);
	return error;
}

static void unwatch_groups(struct vm *vm)
{
	for (unsigned i = vm->nr_groups; i-- > 0;)
		group_watch_stop(&vm->watches[i]);
}

static int watch_groups(struct vm *vm)
{
	int error = 0;

	for (unsigned i = 0; i < vm->nr_groups && !error; i++)
		error = group_watch_start(&vm->watches[i], vm->groups[i], &vm->loop, vm->log);
	if (error)
		unwatch_groups(vm);
	return error;
}

static void on_short_memory(void *owner)
{
	struct vm *vm = owner;

	machine_give_back(vm->machine, false);
}

/* Only for who could give something back. */
static int watch_pressure(struct vm *vm)
{
	if (vm->nr_groups > 0 && vm->config->dma != DMA_ALL)
		pressure_init(&vm->pressure, &host_root_system, &vm->loop, vm->log,
			      on_short_memory, vm);
	return 0;
}

static void unwatch_pressure(struct vm *vm)
{
	pressure_exit(&vm->pressure);
}

static int learn_host(struct vm *vm)
{
	return machine_host_init(vm->log, &vm->host);
}

static void forget_host(struct vm *vm)
{
	machine_host_exit(vm->host);
}

static int open_dump(struct vm *vm)
{
	const char *path = vm->config->dump_dtb;

	vm->dump_fd = -1;
	if (!path)
		return 0;
	/* Not to wait for the reader of a pipe, which no signal would end. The tree has a seed
	 * of the guest's random numbers in it, so it is its owner's alone. */
	vm->dump_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
			   0600);
	if (vm->dump_fd >= 0)
		return 0;
	log_error(vm->log, "--dump-dtb %s: %s", path, strerror(errno));
	return -EIO;
}

static void close_dump(struct vm *vm)
{
	if (vm->dump_fd >= 0)
		close(vm->dump_fd);
}

static int start_threads(struct vm *vm)
{
	return vcpu_threads_init(&vm->vcpu_threads, vm->config->cpus, sandbox_enter_vcpu, vm->log);
}

static void end_threads(struct vm *vm)
{
	vcpu_threads_exit(&vm->vcpu_threads);
}

static int enter_sandbox(struct vm *vm)
{
	return sandbox_enter(vm->log);
}

static void quit_console(void *owner)
{
	vm_stop(owner, VM_STOPPED);
}

static int init_console(struct vm *vm)
{
	int error = console_init(&vm->console, vm->config, &vm->loop, vm->log);

	vm->console.on_quit = quit_console;
	vm->console.quit_owner = vm;
	return error;
}

static void exit_console(struct vm *vm)
{
	console_exit(&vm->console);
}

/*
 * Construction in this order, undone in reverse. Each step logs its own failure. What can be
 * wrong with the operator's files comes before a device changes hands; the keeper is forked off
 * before the groups are open, so that it holds none of them; the sandbox is last, and those of the
 * vCPUs just before it.
 */
static const struct step {
	int (*init)(struct vm *vm);
	void (*exit)(struct vm *vm);
} steps[] = {
	{ init_loop, exit_loop },
	{ init_signals, exit_signals },
	{ open_files, close_files },
	{ open_nvram, close_nvram },
	{ open_dump, close_dump },
	{ learn_host, forget_host },
	{ open_kvm, close_kvm },
	{ find_groups, NULL },
	{ get_memory, put_memory },
	{ claim_groups, release_claims },
	{ open_groups, close_groups },
	{ watch_groups, unwatch_groups },
	{ watch_pressure, unwatch_pressure },
	{ init_timeout, exit_timeout },
	{ init_console, exit_console },
	{ start_threads, end_threads },
	{ enter_sandbox, NULL },
};

/* One boot: from a new machine to its end. Returns a negative errno when it could not start. */
static int boot(struct vm *vm)
{
	int error;

	vm->end = VM_RUNNING;
	error = machine_create(vm, &vm->machine);
	if (error)
		return error;
	console_set_wait(&vm->console, true);
	error = machine_start(vm->machine);
	if (!error)
		error = loop_run(&vm->loop);
	/* A vCPU must not wait for a slow reader of the console when it is to end. */
	console_set_wait(&vm->console, false);
	machine_destroy(vm->machine);
	vm->machine = NULL;
	console_flush(&vm->console);
	return error;
}

static int reset_groups(struct vm *vm)
{
	for (unsigned i = 0; i < vm->nr_groups; i++) {
		int error = group_reset(vm->groups[i]);

		if (error) {
			log_error(vm->log, "%s: reset failed: %s; the guest is not started again",
				  vm->groups[i]->path, strerror(-error));
			return error;
		}
	}
	return 0;
}

static int run(struct vm *vm)
{
	int error;

	do {
		error = boot(vm);
		if (!error && vm->end == VM_REBOOT && !vm->config->no_reboot) {
			log_info(vm->log, "guest reboots");
			error = reset_groups(vm);
		}
	} while (!error && vm->end == VM_REBOOT && !vm->config->no_reboot);
	return error;
}

static int exit_status(const struct vm *vm)
{
	switch (vm->end) {
	case VM_POWERED_OFF:
		return VM_EXIT_POWERED_OFF;
	case VM_REBOOT:
		return VM_EXIT_REBOOT;
	case VM_TIMED_OUT:
		return VM_EXIT_TIMEOUT;
	default:
		return VM_EXIT_STOPPED;
	}
}

int vm_run(const struct vm_config *config, struct log *log)
{
	struct vm vm = { .config = config, .log = log };
	size_t done = 0;
	int error = vcpu_setup_signal();

	while (!error && done < ARRAY_SIZE(steps)) {
		error = steps[done].init(&vm);
		if (!error)
			done++;
	}
	if (!error)
		error = run(&vm);
	while (done-- > 0) {
		if (steps[done].exit)
			steps[done].exit(&vm);
	}
	return error ? VM_EXIT_ERROR : exit_status(&vm);
}

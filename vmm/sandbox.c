/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sandbox: empty root, no capabilities, and an allowlist of system calls (seccomp) for the
 * main thread and a shorter one for vCPU threads. A call that is not listed fails with EPERM.
 */
#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/vfio.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

#include "kernel/uapi/devgroups.h"
#include "vmm/sandbox.h"

struct allowed_call {
	int number;
	const char *reason;	/* for the reader; docs/sandbox.md is made of these */
};

/* What every thread does. */
static const struct allowed_call any_thread[] = {
	{ SCMP_SYS(read), "event counters, console input" },
	{ SCMP_SYS(write), "console output, messages, event counters" },
	{ SCMP_SYS(writev), "messages" },
	{ SCMP_SYS(pread64), "device registers (VFIO), NVRAM, images at a reboot" },
	{ SCMP_SYS(pwrite64), "device registers (VFIO), NVRAM" },
	{ SCMP_SYS(close), "event counters of interrupts that a guest gives up, memory pressure" },
	{ SCMP_SYS(eventfd2), "interrupts that a guest asks for" },
	{ SCMP_SYS(epoll_ctl), "console input is watched again; interrupts that the event loop reads" },
	{ SCMP_SYS(poll), "console output waits for its reader" },
	{ SCMP_SYS(ppoll), "poll() on architectures without it" },
	{ SCMP_SYS(timerfd_settime), "console output that ends in mid-line, lines of XICS" },
	{ SCMP_SYS(futex), "locks" },
	{ SCMP_SYS(mmap), "memory allocation, KVM's TCE tables" },
	{ SCMP_SYS(munmap), "memory allocation, KVM's TCE tables" },
	{ SCMP_SYS(mremap), "memory allocation" },
	{ SCMP_SYS(mprotect), "memory allocation" },
	{ SCMP_SYS(madvise), "memory allocation, TCE tables" },
	{ SCMP_SYS(brk), "memory allocation" },
	{ SCMP_SYS(getrandom), "H_RANDOM, memory allocation" },
	{ SCMP_SYS(clock_gettime), "time of day, rate limits" },
	{ SCMP_SYS(clock_nanosleep), "waiting for a device's reset" },
	{ SCMP_SYS(nanosleep), "waiting for a device's reset" },
	{ SCMP_SYS(tgkill), "kicking a vCPU out of the guest" },
	{ SCMP_SYS(getpid), "for tgkill" },
	{ SCMP_SYS(gettid), "for tgkill" },
	{ SCMP_SYS(rt_sigprocmask), "threads, abort" },
	{ SCMP_SYS(rt_sigreturn), "return from the kick's handler" },
	{ SCMP_SYS(restart_syscall), "a call that a stop signal interrupted" },
	{ SCMP_SYS(sched_yield), "locks" },
	{ SCMP_SYS(exit), "thread end" },
	{ SCMP_SYS(exit_group), "abort" },
};

/* What the main thread does besides: it builds a machine at a reboot and takes all apart. */
static const struct allowed_call main_thread[] = {
	{ SCMP_SYS(epoll_wait), "the event loop" },
	{ SCMP_SYS(epoll_pwait), "the event loop on architectures without epoll_wait" },
	{ SCMP_SYS(memfd_create), "guest memory at a reboot" },
	{ SCMP_SYS(ftruncate), "guest memory at a reboot, the dumped tree" },
	{ SCMP_SYS(fallocate), "clearing a file that is guest memory, at a reboot" },
	{ SCMP_SYS(fstat), "file sizes" },
	{ SCMP_SYS(newfstatat), "fstat() in newer C libraries" },
	{ SCMP_SYS(lseek), "file sizes" },
	{ SCMP_SYS(wait4), "the watchers' end" },
	{ SCMP_SYS(waitid), "the watchers' end" },
	{ SCMP_SYS(timerfd_create), "lines of XICS at a reboot" },
	{ SCMP_SYS(fcntl), "console modes, a group's file for KVM, the file that is guest memory" },
	{ SCMP_SYS(getpgrp), "terminal ownership" },
	{ SCMP_SYS(getpgid), "terminal ownership" },
};

#define IOCTL_TYPE_MASK 0xff00U
#define IOCTL_COMMAND_MASK 0xffffU	/* type and number; the rest depends on the C library */

/* KVM's, VFIO's and the group driver's ioctls are known by their type byte. The terminal's are listed
 * singly: one of them (TIOCSTI) types into the operator's shell. */
static const struct {
	unsigned long command;
	unsigned mask;
	bool vcpu;
	const char *reason;
} allowed_ioctls[] = {
	{ KVMIO << 8, IOCTL_TYPE_MASK, true, "KVM" },
	{ VFIO_TYPE << 8, IOCTL_TYPE_MASK, true, "groups' devices; groups of VFIO" },
	{ DEVGROUP_TYPE << 8, IOCTL_TYPE_MASK, true, "groups of the group driver" },
	{ TCGETS, IOCTL_COMMAND_MASK, false, "console modes" },
	{ TCSETS, IOCTL_COMMAND_MASK, false, "console modes" },
};

static int allow_calls(scmp_filter_ctx filter, const struct allowed_call *calls, size_t count)
{
	int error = 0;

	for (size_t i = 0; i < count && !error; i++) {
		/* Not every architecture has every call. */
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i].number, 0);
		if (error == -EDOM || error == -EINVAL)
			error = 0;
	}
	return error;
}

/* The filters look for ioctl() first: each exit of a guest is one, and mostly makes another. */
static int allow_ioctls(scmp_filter_ctx filter, bool vcpu)
{
	int error = seccomp_syscall_priority(filter, SCMP_SYS(ioctl), UINT8_MAX);

	for (size_t i = 0; i < ARRAY_SIZE(allowed_ioctls) && !error; i++) {
		if (vcpu && !allowed_ioctls[i].vcpu)
			continue;
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
					 SCMP_A1(SCMP_CMP_MASKED_EQ, allowed_ioctls[i].mask,
						 allowed_ioctls[i].command &
							allowed_ioctls[i].mask));
	}
	return error;
}

/* A group's file for KVM, of a window that the guest makes; no other use of fcntl(). */
static int allow_vcpu_fcntl(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
				SCMP_A1(SCMP_CMP_EQ, F_DUPFD_CLOEXEC, 0));
}

/* Loads the rules for this thread; sets no_new_privs. */
static int load_filter(bool vcpu)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int error;

	if (!filter)
		return -ENOMEM;
	error = allow_calls(filter, any_thread, ARRAY_SIZE(any_thread));
	if (!error && !vcpu)
		error = allow_calls(filter, main_thread, ARRAY_SIZE(main_thread));
	if (!error && vcpu)
		error = allow_vcpu_fcntl(filter);
	if (!error)
		error = allow_ioctls(filter, vcpu);
	if (!error)
		error = seccomp_load(filter);
	seccomp_release(filter);
	return error;
}

/* A folder that is gone from the tree: nothing is in it and nothing can be made in it. */
static int enter_nameless_folder(const char *parent)
{
	char path[64];
	int fd, error = 0;

	snprintf(path, sizeof(path), "%s/pvmm-root-XXXXXX", parent);
	if (!mkdtemp(path))
		return -errno;
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		error = -errno;
	if (rmdir(path) && !error)
		error = -errno;
	if (!error && (fchdir(fd) || chroot(".")))
		error = -errno;
	if (fd >= 0)
		close(fd);
	return error;
}

static int leave_files(struct log *log)
{
	int error;

	if (!capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_CHROOT)) {
		log_info(log, "not root: the host's files stay in view");
		return 0;
	}
	error = enter_nameless_folder("/run");
	if (error)
		error = enter_nameless_folder("/tmp");
	if (error)
		log_error(log, "cannot make a folder for an empty root in /run or /tmp: %s",
			  strerror(-error));
	return error;
}

/* Memory is still to be locked for DMA, after the capability to do so without limit is gone. */
static bool lift_lock_limit(void)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };

	return setrlimit(RLIMIT_MEMLOCK, &unlimited) == 0;
}

static int drop_capabilities(struct log *log)
{
	bool had_lock = capng_have_capability(CAPNG_EFFECTIVE, CAP_IPC_LOCK);
	bool can_bound = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	bool keep_lock = had_lock && !lift_lock_limit();

	capng_clear(CAPNG_SELECT_BOTH);
	if (keep_lock)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_IPC_LOCK);
	if (capng_apply(can_bound ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) == 0)
		return 0;
	log_error(log, "cannot drop capabilities");
	return -EPERM;
}

static int restrict_calls(struct log *log, bool vcpu)
{
	int error = load_filter(vcpu);

	if (error)
		log_error(log, "cannot restrict system calls: %s", strerror(-error));
	return error;
}

static int read_capabilities(struct log *log)
{
	if (!capng_get_caps_process())
		return 0;
	log_error(log, "cannot read this process's capabilities");
	return -EPERM;
}

int sandbox_enter(struct log *log)
{
	int error = read_capabilities(log);

	if (!error)
		error = leave_files(log);
	if (!error)
		error = drop_capabilities(log);
	return error ? error : restrict_calls(log, false);
}

int sandbox_enter_vcpu(struct log *log)
{
	int error = read_capabilities(log);

	if (!error)
		error = drop_capabilities(log);
	return error ? error : restrict_calls(log, true);
}

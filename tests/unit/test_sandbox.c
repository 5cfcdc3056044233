/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sandbox, entered for real by a child process of each test; what the child can still do
 * is its exit status.
 */
#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>

#include "tests/unit/capture.h"
#include "vmm/sandbox.h"

static struct log quiet = { .fd = 2 };

/* Runs @body in a child; 0 is success, else the number of the check that failed. */
static int in_child(int (*body)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(body());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "ended by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

static int main_thread_body(void)
{
	char text[4096] = "";
	int file = open("/proc/self/status", O_RDONLY);

	if (sandbox_enter(&quiet))
		return 1;
	if (open("/", O_RDONLY) >= 0 || open("/proc/self/status", O_RDONLY) >= 0)
		return 2;
	if (socket(AF_UNIX, SOCK_STREAM, 0) >= 0 || errno != EPERM)
		return 3;
	if (pread(file, text, sizeof(text) - 1, 0) < 0 || !strstr(text, "NoNewPrivs:\t1"))
		return 4;
	if (ioctl(file, FS_IOC_GETFLAGS, &file) == 0 || errno != EPERM)
		return 5;
	if (ioctl(file, TIOCSTI, "x") == 0 || errno != EPERM)
		return 6;
	return 0;
}

/* What a main thread still has: files that are open, memory, KVM and VFIO ioctls. */
static int main_thread_can_body(void)
{
	struct termios mode = { 0 };
	char byte;
	int file = open("/proc/self/status", O_RDONLY), memory;

	if (sandbox_enter(&quiet))
		return 1;
	if (pread(file, &byte, 1, 0) != 1)
		return 2;
	memory = memfd_create("memory", MFD_CLOEXEC);
	if (memory < 0 || ftruncate(memory, 1 << 20))
		return 3;
	if (mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0) == MAP_FAILED)
		return 4;
	if (ioctl(memory, KVM_GET_API_VERSION, 0) >= 0 || errno != ENOTTY)
		return 5;	/* the kernel was asked, and it is no KVM */
	if (tcgetattr(memory, &mode) == 0 || errno != ENOTTY)
		return 6;
	if (tcsetattr(memory, TCSANOW, &mode) == 0 || errno != ENOTTY)
		return 7;
	return 0;
}

static void check_vcpu_thread(int *failed)
{
	struct termios mode;

	*failed = 1;
	if (sandbox_enter_vcpu(&quiet))
		return;
	*failed = 2;
	if (memfd_create("memory", 0) >= 0 || errno != EPERM)
		return;
	*failed = 3;
	if (ioctl(0, TCGETS, &mode) == 0 || errno != EPERM)
		return;
	*failed = 4;
	if (eventfd(0, 0) < 0)
		return;
	*failed = 5;
	if (ioctl(0, KVM_RUN, 0) >= 0 || errno == EPERM)
		return;
	*failed = 6;
	if (fcntl(0, F_DUPFD_CLOEXEC, 0) < 0)
		return;
	*failed = 7;
	if (fcntl(0, F_SETFL, 0) >= 0 || errno != EPERM)
		return;
	*failed = 0;
}

struct vcpu {
	int failed;
	pid_t id;
	sem_t done, end;
};

static void *vcpu_thread(void *arg)
{
	struct vcpu *vcpu = arg;

	vcpu->id = gettid();
	check_vcpu_thread(&vcpu->failed);
	sem_post(&vcpu->done);
	while (sem_wait(&vcpu->end))
		;
	return NULL;
}

/* Of a line of /proc/PID/status, a hexadecimal number. */
static unsigned long status_of(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line ? strtoul(line + strlen(name), NULL, 16) : ULONG_MAX;
}

/* All but locking memory, which is kept where its limit cannot be lifted. */
static bool has_capabilities(pid_t thread)
{
	char path[64], text[4096] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", thread);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return true;
	close(fd);
	return (status_of(text, "CapPrm:") | status_of(text, "CapEff:")) & ~(1UL << CAP_IPC_LOCK);
}

/* Its thread is there before the main thread has given up anything, and none can be made after that. */
static int vcpu_body(void)
{
	struct vcpu vcpu = { .failed = 9 };
	pthread_t thread, more;

	sem_init(&vcpu.done, 0, 0);
	sem_init(&vcpu.end, 0, 0);
	if (pthread_create(&thread, NULL, vcpu_thread, &vcpu))
		return 10;
	sem_wait(&vcpu.done);
	if (has_capabilities(vcpu.id))
		return 11;
	/* The main thread keeps what it had. */
	if (open("/", O_RDONLY) < 0 || sandbox_enter(&quiet) || memfd_create("memory", 0) < 0)
		return 12;
	if (pthread_create(&more, NULL, vcpu_thread, &vcpu) != EPERM || fork() >= 0 || errno != EPERM)
		return 13;
	sem_post(&vcpu.end);
	pthread_join(thread, NULL);
	return vcpu.failed;
}

static int limits_body(void)
{
	struct rlimit lock;

	if (!capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_RESOURCE) ||
	    !capng_have_capability(CAPNG_EFFECTIVE, CAP_IPC_LOCK))
		return 0;
	if (sandbox_enter(&quiet) || getrlimit(RLIMIT_MEMLOCK, &lock))
		return 1;
	return lock.rlim_cur == RLIM_INFINITY ? 0 : 2;
}

START_TEST(test_main_thread)
{
	ck_assert_int_eq(in_child(main_thread_body), 0);
}
END_TEST

START_TEST(test_main_thread_can)
{
	ck_assert_int_eq(in_child(main_thread_can_body), 0);
}
END_TEST

START_TEST(test_vcpu_thread)
{
	ck_assert_int_eq(in_child(vcpu_body), 0);
}
END_TEST

/* Who gives the capability to lock memory away must still be able to lock it. */
START_TEST(test_lock_limit)
{
	ck_assert_int_eq(in_child(limits_body), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sandbox");
	TCase *tcase = tcase_create("sandbox");

	tcase_add_test(tcase, test_main_thread);
	tcase_add_test(tcase, test_main_thread_can);
	tcase_add_test(tcase, test_vcpu_thread);
	tcase_add_test(tcase, test_lock_limit);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}

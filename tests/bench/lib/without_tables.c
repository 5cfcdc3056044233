// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Preloaded into QEMU, which has no option for it: KVM makes no TCE tables, so that QEMU handles
 * the guest's calls itself.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>

int ioctl(int fd, unsigned long request, ...)
{
	int (*next)(int, unsigned long, void *) = dlsym(RTLD_NEXT, "ioctl");
	va_list args;
	void *argument;

	va_start(args, request);
	argument = va_arg(args, void *);
	va_end(args);
	if (request == KVM_CREATE_SPAPR_TCE || request == KVM_CREATE_SPAPR_TCE_64) {
		errno = ENOTTY;
		return -1;
	}
	return next(fd, request, argument);
}

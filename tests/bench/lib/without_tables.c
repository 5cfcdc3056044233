// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Preloaded into QEMU, which has no option for it: KVM is said to have no TCE tables, so that QEMU
 * handles the guest's calls itself.
 */
#include <dlfcn.h>
#include <linux/kvm.h>
#include <stdarg.h>

static int is_about_tables(unsigned long capability)
{
	return capability == KVM_CAP_SPAPR_TCE || capability == KVM_CAP_SPAPR_TCE_64 ||
	       capability == KVM_CAP_SPAPR_MULTITCE || capability == KVM_CAP_SPAPR_TCE_VFIO;
}

int ioctl(int fd, unsigned long request, ...)
{
	int (*next)(int, unsigned long, void *) = dlsym(RTLD_NEXT, "ioctl");
	va_list args;
	void *argument;

	va_start(args, request);
	argument = va_arg(args, void *);
	va_end(args);
	if (request == KVM_CHECK_EXTENSION && is_about_tables((unsigned long)argument))
		return 0;
	return next(fd, request, argument);
}

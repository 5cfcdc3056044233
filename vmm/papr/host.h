/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts of the host's processor that KVM has no call for, from the host's own device tree.
 * Private to vmm/papr.
 */
#ifndef PVMM_PAPR_HOST_H
#define PVMM_PAPR_HOST_H

#include "vmm/fdt.h"
#include "vmm/machine.h"

#define PAPR_HOST_PROPERTIES 8

struct machine_host {
	uint32_t values[PAPR_HOST_PROPERTIES];	/* in the order of host.c's table */
};

/* The properties, inside an open CPU node. */
void papr_host_add_fdt(const struct machine_host *host, struct fdt_writer *fdt);

#endif

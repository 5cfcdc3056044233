/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What both kinds of XICS have in common: in KVM, and pvmm's own. Private to vmm/papr. */
#ifndef PVMM_PAPR_IRQCHIP_XICS_H
#define PVMM_PAPR_IRQCHIP_XICS_H

#include "vmm/papr/machine.h"

#define PAPR_XICS_VEC5 0x00	/* papr_irqchip_ops.vec5: legacy mode only */

/* papr_irqchip_ops.add_fdt */
void papr_xics_add_fdt(struct papr_irqchip *irqchip, struct fdt_writer *fdt);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virtual terminal (PAPR 16.6): the guest's hvc0, by hypercalls H_GET_TERM_CHAR and
 * H_PUT_TERM_CHAR, with an interrupt when there is input.
 */
#ifndef PVMM_DEVICES_PAPR_VTY_H
#define PVMM_DEVICES_PAPR_VTY_H

#include "vmm/console.h"
#include "vmm/fdt.h"
#include "vmm/irq.h"
#include "vmm/papr/hcall.h"

#define PAPR_VTY_UNIT 0x71000000	/* unit address under /vdevice, and terminal number */
#define PAPR_VTY_PATH "/vdevice/vty@71000000"

struct papr_vty {
	struct console *console;	/* borrowed */
	struct irqchip *irqchip;	/* borrowed */
	uint32_t irq;
	bool signals;			/* H_VIO_SIGNAL: input raises irq; atomic */
};

/* Registers the hypercalls and takes the console's input. 0 or a negative errno. */
int papr_vty_init(struct papr_vty *vty, struct console *console, struct irqchip *irqchip,
		  struct hcall_table *hcalls);
void papr_vty_exit(struct papr_vty *vty);
/* Its node, inside the open /vdevice node. */
void papr_vty_add_fdt(const struct papr_vty *vty, struct fdt_writer *fdt);

#endif

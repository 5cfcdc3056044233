/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtual terminal's hypercalls (PAPR 16.6.1) and its interrupt. */
#include <string.h>

#include "devices/papr_vty.h"

#define TERM_CHARS 16	/* per hypercall: two registers, first character highest */

static int64_t h_get_term_char(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct papr_vty *vty = owner;
	be64 text[TERM_CHARS / 8] = { 0 };
	size_t size;

	if (args[0] != PAPR_VTY_UNIT && args[0] != 0)
		return H_PARAMETER;
	size = console_read(vty->console, text, sizeof(text));
	args[0] = size;
	args[1] = be64toh(text[0]);
	args[2] = be64toh(text[1]);
	return H_SUCCESS;
}

static int64_t h_put_term_char(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct papr_vty *vty = owner;
	be64 text[TERM_CHARS / 8] = { htobe64(args[2]), htobe64(args[3]) };

	if ((args[0] != PAPR_VTY_UNIT && args[0] != 0) || args[1] > sizeof(text))
		return H_PARAMETER;
	console_put(vty->console, text, args[1]);
	return H_SUCCESS;
}

static int64_t h_vio_signal(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct papr_vty *vty = owner;

	if (args[0] != PAPR_VTY_UNIT || args[1] > 1)
		return H_PARAMETER;
	__atomic_store_n(&vty->signals, args[1] == 1, __ATOMIC_RELAXED);
	return H_SUCCESS;
}

static const struct hcall vty_hcalls[] = {
	{ 0x54, h_get_term_char },
	{ 0x58, h_put_term_char },
	{ 0x104, h_vio_signal },
};

static void input_arrived(void *owner)
{
	struct papr_vty *vty = owner;

	if (__atomic_load_n(&vty->signals, __ATOMIC_RELAXED))
		irq_pulse(vty->irqchip, vty->irq);
}

int papr_vty_init(struct papr_vty *vty, struct console *console, struct irqchip *irqchip,
		  struct hcall_table *hcalls)
{
	int error;

	*vty = (struct papr_vty){ .console = console, .irqchip = irqchip, .signals = true };
	error = irq_reserve(irqchip, IRQ_MESSAGE, 1, 1, &vty->irq);
	if (!error)
		error = irq_claim(irqchip, vty->irq);
	if (!error)
		error = hcall_register(hcalls, vty_hcalls, ARRAY_SIZE(vty_hcalls), vty);
	if (error)
		return error;
	console->owner = vty;
	console->on_input = input_arrived;
	return 0;
}

void papr_vty_exit(struct papr_vty *vty)
{
	vty->console->on_input = NULL;
}

void papr_vty_add_fdt(const struct papr_vty *vty, struct fdt_writer *fdt)
{
	fdt_begin(fdt, "vty@%x", PAPR_VTY_UNIT);
	fdt_text(fdt, "device_type", "serial");
	fdt_text(fdt, "compatible", "hvterm1");
	fdt_u32(fdt, "reg", PAPR_VTY_UNIT);
	FDT_CELLS(fdt, "interrupts", vty->irq, 0);
	fdt_end(fdt);
}

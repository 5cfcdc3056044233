// SPDX-License-Identifier: GPL-2.0-only
/* An interrupt controller with one line, which is a level: it comes for as long as it is up. */
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>

#include "module.h"

static struct irq_domain *domain;
static unsigned int number;
static bool masked = true;

static void lab_irq_mask(struct irq_data *data)
{
	WRITE_ONCE(masked, true);
}

static void lab_irq_unmask(struct irq_data *data)
{
	WRITE_ONCE(masked, false);
}

static struct irq_chip chip = {
	.name = "lab-platform",
	.irq_mask = lab_irq_mask,
	.irq_unmask = lab_irq_unmask,
};

static int lab_irq_map(struct irq_domain *of, unsigned int virq, irq_hw_number_t hwirq)
{
	irq_set_chip_and_handler(virq, &chip, handle_level_irq);
	irq_set_status_flags(virq, IRQ_LEVEL);
	irqd_set_trigger_type(irq_get_irq_data(virq), IRQ_TYPE_LEVEL_HIGH);
	return 0;
}

static const struct irq_domain_ops domain_ops = {
	.map = lab_irq_map,
};

int lab_irq_init(void)
{
	struct fwnode_handle *node = irq_domain_alloc_named_fwnode("lab-platform");

	if (!node)
		return -ENOMEM;
	domain = irq_domain_create_linear(node, 1, &domain_ops, NULL);
	if (!domain) {
		irq_domain_free_fwnode(node);
		return -ENOMEM;
	}
	number = irq_create_mapping(domain, 0);
	if (number)
		return 0;
	lab_irq_exit();
	return -ENOMEM;
}

void lab_irq_exit(void)
{
	struct fwnode_handle *node = domain->fwnode;

	if (number)
		irq_dispose_mapping(number);
	irq_domain_remove(domain);
	irq_domain_free_fwnode(node);
}

unsigned int lab_irq_number(void)
{
	return number;
}

void lab_irq_deliver(void)
{
	if (!READ_ONCE(masked))
		generic_handle_irq_safe(number);
}

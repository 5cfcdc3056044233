/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The TCE hypercalls (PAPR 14.5.4.2): which table a call means, then papr_tce.h does it. */
#include "devices/papr_phb_internal.h"

#define H_GET_TCE 0x1c
#define H_PUT_TCE 0x20
#define H_STUFF_TCE 0x138
#define H_PUT_TCE_INDIRECT 0x13c

static struct papr_tce_table *find_table(struct papr_phbs *phbs, uint64_t liobn)
{
	struct papr_tce_table *table;

	for (table = phbs->dma.tables; table; table = table->next) {
		if (table->liobn == liobn)
			return table;
	}
	return NULL;
}

static int64_t h_get_tce(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct papr_tce_table *table = find_table(owner, args[0]);

	return table ? papr_tce_get(table, args[1], &args[0]) : H_PARAMETER;
}

static int64_t h_put_tce(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct papr_tce_table *table = find_table(owner, args[0]);

	return table ? papr_tce_put(table, args[1], args[2]) : H_PARAMETER;
}

static int64_t h_put_tce_indirect(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct papr_tce_table *table = find_table(owner, args[0]);

	return table ? papr_tce_put_list(table, args[1], args[2], args[3]) : H_PARAMETER;
}

static int64_t h_stuff_tce(void *owner, struct vcpu *vcpu, uint64_t *args)
{
	struct papr_tce_table *table = find_table(owner, args[0]);

	return table ? papr_tce_stuff(table, args[1], args[2], args[3]) : H_PARAMETER;
}

static const struct hcall tce_hcalls[] = {
	{ H_GET_TCE, h_get_tce },
	{ H_PUT_TCE, h_put_tce },
	{ H_PUT_TCE_INDIRECT, h_put_tce_indirect },
	{ H_STUFF_TCE, h_stuff_tce },
};

int papr_phb_register_hcalls(struct papr_phbs *phbs, struct hcall_table *hcalls)
{
	return hcall_register(hcalls, tce_hcalls, ARRAY_SIZE(tce_hcalls), phbs);
}

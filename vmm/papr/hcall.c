/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hypercall table: registration and dispatch. */
#include <errno.h>

#include "vmm/papr/hcall.h"

static struct hcall_slot *find_slot(struct hcall_table *table, uint64_t number)
{
	if (number % 4)
		return NULL;
	if (number <= HCALL_PAPR_MAX)
		return &table->papr[number / 4];
	if (number >= HCALL_PRIVATE_BASE && number <= HCALL_PRIVATE_MAX)
		return &table->private[(number - HCALL_PRIVATE_BASE) / 4];
	return NULL;
}

int hcall_register(struct hcall_table *table, const struct hcall *calls, size_t count, void *owner)
{
	for (size_t i = 0; i < count; i++) {
		struct hcall_slot *slot = find_slot(table, calls[i].number);

		if (!slot)
			return -EINVAL;
		if (slot->hcall)
			return -EEXIST;
		*slot = (struct hcall_slot){ .hcall = &calls[i], .owner = owner };
	}
	return 0;
}

int64_t hcall_dispatch(struct hcall_table *table, struct vcpu *vcpu, uint64_t number,
		       uint64_t *args)
{
	struct hcall_slot *slot = find_slot(table, number);

	if (!slot || !slot->hcall)
		return H_FUNCTION;
	return slot->hcall->handler(slot->owner, vcpu, args);
}

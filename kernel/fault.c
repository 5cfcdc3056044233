// SPDX-License-Identifier: GPL-2.0-only
/*
 * Owns the parameter fail_step, with which tests make the n-th step that may fail, an allocation
 * or a call into the driver core, fail once. It shows how many steps are left until then.
 */
#include <linux/moduleparam.h>
#include <linux/spinlock.h>

#include "devgroups.h"

static DEFINE_SPINLOCK(fault_lock);
static unsigned int fail_step;
module_param(fail_step, uint, 0600);
MODULE_PARM_DESC(fail_step, "for tests: let this many-th step fail, once (0: none)");

bool devgroups_fail(void)
{
	bool fail = false;

	if (!READ_ONCE(fail_step))
		return false;
	spin_lock(&fault_lock);
	if (fail_step)
		fail = --fail_step == 0;
	spin_unlock(&fault_lock);
	return fail;
}

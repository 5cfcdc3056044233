// SPDX-License-Identifier: GPL-2.0-only
/*
 * A gate that many may be inside of at a time, and that can be shut: then nobody is inside, and
 * who wants in waits. Unlike a semaphore it tells the log when somebody does not come out, which
 * a user can bring about (memory that nobody fills when it faults).
 */
#include <linux/sched.h>

#include "use.h"

#define PATIENCE (10 * HZ)
#define SHUT (INT_MIN / 2)	/* what is added to the count of those inside, by the first who shuts */

void devgroup_gate_init(struct devgroup_gate *gate)
{
	init_waitqueue_head(&gate->wait);
}

int devgroup_gate_enter(struct devgroup_gate *gate)
{
	int ret = 0;

	while (!ret && !atomic_inc_unless_negative(&gate->inside))
		ret = wait_event_killable(gate->wait, atomic_read(&gate->inside) >= 0);
	return ret;
}

void devgroup_gate_leave(struct devgroup_gate *gate)
{
	if (atomic_dec_return(&gate->inside) == SHUT)
		wake_up_all(&gate->wait);
}

void devgroup_gate_shut(struct devgroup_gate *gate, unsigned int number)
{
	spin_lock(&gate->wait.lock);
	if (!gate->shut++)
		atomic_add(SHUT, &gate->inside);
	spin_unlock(&gate->wait.lock);
	while (!wait_event_idle_timeout(gate->wait, atomic_read_acquire(&gate->inside) == SHUT,
					PATIENCE))
		pr_warn("devgroups: group %u: waiting for its user, who is stuck in a call\n",
			number);
}

/* Who goes in then sees what was changed: the subtraction is ordered, as it returns something. */
void devgroup_gate_open(struct devgroup_gate *gate)
{
	spin_lock(&gate->wait.lock);
	if (!--gate->shut) {
		atomic_sub_return(SHUT, &gate->inside);
		wake_up_all_locked(&gate->wait);
	}
	spin_unlock(&gate->wait.lock);
}

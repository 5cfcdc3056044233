// SPDX-License-Identifier: GPL-2.0-only
/*
 * A gate that many may be inside of at a time, and that can be shut: then nobody is inside, and
 * who wants in waits. Unlike a semaphore it tells the log when somebody does not come out, which
 * a user can bring about (memory that nobody fills when it faults).
 */
#include <linux/sched.h>

#include "devgroups.h"

#define PATIENCE (10 * HZ)

void devgroup_gate_init(struct devgroup_gate *gate)
{
	init_waitqueue_head(&gate->wait);
}

static bool try_enter(struct devgroup_gate *gate)
{
	bool entered;

	spin_lock(&gate->wait.lock);
	entered = !gate->shut;
	gate->inside += entered;
	spin_unlock(&gate->wait.lock);
	return entered;
}

int devgroup_gate_enter(struct devgroup_gate *gate)
{
	int ret = 0;

	while (!ret && !try_enter(gate))
		ret = wait_event_killable(gate->wait, !READ_ONCE(gate->shut));
	return ret;
}

void devgroup_gate_leave(struct devgroup_gate *gate)
{
	spin_lock(&gate->wait.lock);
	if (!--gate->inside)
		wake_up_all_locked(&gate->wait);
	spin_unlock(&gate->wait.lock);
}

static bool is_empty(struct devgroup_gate *gate)
{
	bool empty;

	spin_lock(&gate->wait.lock);
	empty = !gate->inside;
	spin_unlock(&gate->wait.lock);
	return empty;
}

void devgroup_gate_shut(struct devgroup_gate *gate, unsigned int number)
{
	spin_lock(&gate->wait.lock);
	gate->shut++;
	spin_unlock(&gate->wait.lock);
	while (!wait_event_idle_timeout(gate->wait, is_empty(gate), PATIENCE))
		pr_warn("devgroups: group %u: waiting for its user, who is stuck in a call\n",
			number);
}

void devgroup_gate_open(struct devgroup_gate *gate)
{
	spin_lock(&gate->wait.lock);
	if (!--gate->shut)
		wake_up_all_locked(&gate->wait);
	spin_unlock(&gate->wait.lock);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts of a platform device, each of which signals an eventfd of the user. A level interrupt
 * masks itself when it comes, since only its user can quiet the device, and the user unmasks it
 * when that is done; if the level is still up, it comes again.
 */
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "platform.h"

/* What happens to the host's interrupt follows from who wants it masked. irq->lock held. */
static void follow(struct platform_irq *irq)
{
	bool disable = irq->masked || irq->frozen || !irq->requested;

	lockdep_assert_held(&irq->lock);
	if (disable == irq->disabled)
		return;
	irq->disabled = disable;
	if (disable)
		disable_irq_nosync(irq->number);
	else
		enable_irq(irq->number);
}

static void set_masked(struct platform_irq *irq, bool masked)
{
	unsigned long flags;

	spin_lock_irqsave(&irq->lock, flags);
	irq->masked = masked;
	follow(irq);
	spin_unlock_irqrestore(&irq->lock, flags);
}

/* An eventfd may mask and unmask at any time, also while the interrupt is requested or freed. */
static void set_requested(struct platform_irq *irq, bool requested)
{
	spin_lock_irq(&irq->lock);
	irq->requested = requested;
	follow(irq);
	spin_unlock_irq(&irq->lock);
}

static irqreturn_t on_level(int number, void *data)
{
	struct platform_irq *irq = data;

	set_masked(irq, true);
	eventfd_signal(irq->trigger);
	return IRQ_HANDLED;
}

static irqreturn_t on_edge(int number, void *data)
{
	struct platform_irq *irq = data;

	eventfd_signal(irq->trigger);
	return IRQ_HANDLED;
}

static bool is_level(const struct platform_irq *irq)
{
	return irq->flags & VFIO_IRQ_INFO_AUTOMASKED;
}

static void disconnect(struct platform_irq *irq)
{
	if (!irq->trigger)
		return;
	set_requested(irq, false);
	free_irq(irq->number, irq);
	eventfd_ctx_put(irq->trigger);
	irq->trigger = NULL;
}

/* Requested disabled, so that nothing comes before all is in place. */
static int connect(struct platform_irq *irq, int fd)
{
	struct eventfd_ctx *trigger = eventfd_ctx_fdget(fd);
	int ret;

	if (IS_ERR(trigger))
		return PTR_ERR(trigger);
	irq->trigger = trigger;
	ret = devgroups_fail() ? -ENOMEM :
	      request_irq(irq->number, is_level(irq) ? on_level : on_edge, IRQF_NO_AUTOEN,
			  DEVGROUPS_DRIVER, irq);
	if (ret) {
		irq->trigger = NULL;
		eventfd_ctx_put(trigger);
		return ret;
	}
	set_requested(irq, true);
	return 0;
}

/* What a user asks to happen, as if the device had. */
static int raise(struct platform_irq *irq)
{
	if (!irq->trigger)
		return -EINVAL;
	if (is_level(irq))
		set_masked(irq, true);
	eventfd_signal(irq->trigger);
	return 0;
}

static int mask_handler(void *irq, void *unused)
{
	set_masked(irq, true);
	return 0;
}

static int unmask_handler(void *irq, void *unused)
{
	set_masked(irq, false);
	return 0;
}

/* An eventfd that masks or unmasks when it is signalled; -1: no more. */
static int set_virqfd(struct platform_irq *irq, struct virqfd **virqfd,
		      int (*handler)(void *irq, void *unused), int fd)
{
	if (fd < -1)
		return -EINVAL;
	vfio_virqfd_disable(virqfd);
	return fd < 0 ? 0 : vfio_virqfd_enable(irq, handler, NULL, NULL, virqfd, fd);
}

static int set_trigger(struct platform_irq *irq, int fd)
{
	if (fd < -1)
		return -EINVAL;
	disconnect(irq);
	return fd < 0 ? 0 : connect(irq, fd);
}

static int act_with_eventfd(struct platform_irq *irq, u32 action, int fd)
{
	switch (action) {
	case VFIO_IRQ_SET_ACTION_TRIGGER:
		return set_trigger(irq, fd);
	case VFIO_IRQ_SET_ACTION_MASK:
		return set_virqfd(irq, &irq->mask_fd, mask_handler, fd);
	default:
		return set_virqfd(irq, &irq->unmask_fd, unmask_handler, fd);
	}
}

static int act_now(struct platform_irq *irq, u32 action)
{
	if (action == VFIO_IRQ_SET_ACTION_TRIGGER)
		return raise(irq);
	set_masked(irq, action == VFIO_IRQ_SET_ACTION_MASK);
	return 0;
}

/* Only one action, and masking only of a level. */
static bool is_action(const struct platform_irq *irq, u32 action)
{
	if (action == VFIO_IRQ_SET_ACTION_TRIGGER)
		return true;
	return (action == VFIO_IRQ_SET_ACTION_MASK || action == VFIO_IRQ_SET_ACTION_UNMASK) &&
	       (irq->flags & VFIO_IRQ_INFO_MASKABLE);
}

/* @data: as much as the flags and the count of 0 or 1 say. The device's irq_lock held. */
static int act(struct platform_irq *irq, const struct vfio_irq_set *set, const void *data)
{
	u32 action = set->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;

	if (!is_action(irq, action))
		return -EINVAL;
	switch (set->flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
	case VFIO_IRQ_SET_DATA_NONE:
		if (set->count)
			return act_now(irq, action);
		return action == VFIO_IRQ_SET_ACTION_TRIGGER ? set_trigger(irq, -1) : -EINVAL;
	case VFIO_IRQ_SET_DATA_BOOL:
		if (!set->count)
			return -EINVAL;
		return *(const u8 *)data ? act_now(irq, action) : 0;
	default:
		return set->count ? act_with_eventfd(irq, action, *(const s32 *)data) : -EINVAL;
	}
}

long devgroup_platform_set_irqs(struct devgroup_platform *platform, void __user *arg)
{
	const size_t size = offsetofend(struct vfio_irq_set, count);
	struct vfio_irq_set set;
	size_t data_size = 0;
	void *data = NULL;
	int ret;

	if (copy_from_user(&set, arg, size))
		return -EFAULT;
	ret = vfio_set_irqs_validate_and_prepare(&set, 1, platform->nr_irqs, &data_size);
	if (ret)
		return ret;
	if (data_size)
		data = memdup_user(arg + size, data_size);
	if (IS_ERR(data))
		return PTR_ERR(data);
	set.index = array_index_nospec(set.index, platform->nr_irqs);
	mutex_lock(&platform->irq_lock);
	ret = act(&platform->irqs[set.index], &set, data);
	mutex_unlock(&platform->irq_lock);
	kfree(data);
	return ret;
}

static void freeze_irq(struct platform_irq *irq, bool freeze)
{
	spin_lock_irq(&irq->lock);
	irq->frozen = freeze;
	follow(irq);
	spin_unlock_irq(&irq->lock);
	/* What the device has sent before is delivered when this returns. */
	if (freeze && irq->trigger)
		synchronize_irq(irq->number);
}

void devgroup_platform_freeze_irqs(struct devgroup_platform *platform, bool freeze)
{
	unsigned int i;

	mutex_lock(&platform->irq_lock);
	for (i = 0; i < platform->nr_irqs; i++)
		freeze_irq(&platform->irqs[i], freeze);
	mutex_unlock(&platform->irq_lock);
}

static void stop_irq(struct platform_irq *irq)
{
	vfio_virqfd_disable(&irq->mask_fd);
	vfio_virqfd_disable(&irq->unmask_fd);
	disconnect(irq);
	irq->masked = false;
	irq->frozen = false;
}

void devgroup_platform_stop_irqs(struct devgroup_platform *platform)
{
	unsigned int i;

	mutex_lock(&platform->irq_lock);
	for (i = 0; i < platform->nr_irqs; i++)
		stop_irq(&platform->irqs[i]);
	mutex_unlock(&platform->irq_lock);
}

static void init_irq(struct platform_irq *irq, int number)
{
	irq->number = number;
	irq->flags = VFIO_IRQ_INFO_EVENTFD;
	if (irq_get_trigger_type(number) & IRQ_TYPE_LEVEL_MASK)
		irq->flags |= VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
	irq->disabled = true;
	spin_lock_init(&irq->lock);
}

int devgroup_platform_find_irqs(struct devgroup_platform *platform)
{
	struct platform_device *pdev = devgroup_platform_dev(&platform->base);
	int count = platform_irq_count(pdev), number;

	if (count < 0)
		return count;
	platform->irqs = devgroups_fail() ? NULL :
			 kcalloc(count, sizeof(*platform->irqs), GFP_KERNEL);
	if (!platform->irqs)
		return -ENOMEM;
	while (platform->nr_irqs < count) {
		number = platform_get_irq(pdev, platform->nr_irqs);
		if (number < 0)
			return number;
		init_irq(&platform->irqs[platform->nr_irqs++], number);
	}
	return 0;
}

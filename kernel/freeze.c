// SPDX-License-Identifier: GPL-2.0-only
/*
 * The software freeze of a group in use: its devices are cut off by what is at hand everywhere,
 * page tables, the IOMMU and COMMAND, by the rules that EEH hardware has; and released in stages.
 * Where the platform freezes groups by itself (eeh.c), its state is asked for and released, too.
 *
 * Mappings and DMA are cut off before the calls that are under way are waited for, so that a user
 * who is stuck in one does not hold up what matters.
 */
#include "use.h"

/* The use's lock held, or inside its gate. */
void devgroup_freeze_look(struct devgroup_use *use, struct devgroup_error *error)
{
	error->state = use->state;
	error->cause = use->cause;
	error->count = use->freezes;
	if (error->state != DEVGROUP_NORMAL || !use->dma)
		return;
	error->state = devgroup_eeh_state(use);
	if (error->state != DEVGROUP_NORMAL)
		error->cause = DEVGROUP_CAUSE_PLATFORM;
}

static void set_state(struct devgroup_use *use, enum devgroup_error_state state,
		      enum devgroup_error_cause cause)
{
	WRITE_ONCE(use->state, state);
	WRITE_ONCE(use->cause, cause);
}

static void hide_mappings(struct devgroup_use *use)
{
	unsigned int i;

	for (i = 0; i < use->count; i++)
		devgroup_ones_set_present(use->devices[i], false);
}

/* The gate is shut. */
static void follow_state(struct devgroup_use *use)
{
	unsigned int i;

	for (i = 0; i < use->count; i++) {
		if (use->devices[i]->enabled)
			use->devices[i]->ops->isolate(use->devices[i]);
	}
}

static void freeze(struct devgroup_use *use, enum devgroup_error_state state,
		   enum devgroup_error_cause cause)
{
	hide_mappings(use);
	devgroup_dma_block(use->dma);
	devgroup_gate_shut(&use->gate, READ_ONCE(use->group->number));
	set_state(use, state, cause);
	use->freezes++;
	follow_state(use);
	devgroup_gate_open(&use->gate);
	if (cause != DEVGROUP_CAUSE_USER)
		devgroup_use_signal(use, DEVGROUP_EVENT_ERROR);
}

int devgroup_freeze_end(struct devgroup_use *use)
{
	int ret = devgroup_dma_unblock(use->dma);

	if (!ret)
		set_state(use, DEVGROUP_NORMAL, DEVGROUP_CAUSE_NONE);
	return ret;
}

void devgroup_freeze_dead(struct devgroup_use *use)
{
	if (use->dma)
		devgroup_dma_block(use->dma);
	set_state(use, DEVGROUP_DEAD, use->cause ?: DEVGROUP_CAUSE_USER);
	follow_state(use);
}

/* The use's lock held. */
static int check(struct devgroup_use *use)
{
	if (!use->dma)
		return -ENODEV;
	return use->state == DEVGROUP_DEAD ? -EIO : 0;
}

int devgroup_freeze(struct devgroup_use *use, enum devgroup_error_cause cause)
{
	int ret = mutex_lock_killable(&use->lock);

	if (ret)
		return ret;
	ret = check(use);
	if (!ret && use->state != DEVGROUP_FROZEN)
		freeze(use, DEVGROUP_FROZEN, cause);
	mutex_unlock(&use->lock);
	return ret;
}

void devgroup_freeze_forever(struct devgroup_use *use)
{
	mutex_lock(&use->lock);
	if (!check(use))
		freeze(use, DEVGROUP_DEAD, DEVGROUP_CAUSE_BUS);
	mutex_unlock(&use->lock);
}

/* The gate is shut. The IOMMU lets DMA through before devices may begin. */
static int release(struct devgroup_use *use, u32 flags)
{
	int ret = devgroup_eeh_thaw(use, flags);

	if (ret)
		return ret;
	if (use->state == DEVGROUP_FROZEN) {
		set_state(use, DEVGROUP_MMIO_ENABLED, use->cause);
		follow_state(use);
	}
	if (!(flags & DEVGROUP_RELEASE_DMA))
		return 0;
	ret = devgroup_dma_unblock(use->dma);
	if (ret)
		return ret;
	set_state(use, DEVGROUP_NORMAL, DEVGROUP_CAUSE_NONE);
	follow_state(use);
	return 0;
}

static int unfreeze(struct devgroup_use *use, u32 flags)
{
	struct devgroup_error error;
	int ret = check(use);

	if (ret)
		return ret;
	devgroup_freeze_look(use, &error);
	if (error.state == DEVGROUP_NORMAL)
		return 0;
	if (error.state == DEVGROUP_FROZEN && !(flags & DEVGROUP_RELEASE_MMIO))
		return -EINVAL;
	devgroup_gate_shut(&use->gate, READ_ONCE(use->group->number));
	ret = release(use, flags);
	devgroup_gate_open(&use->gate);
	return ret;
}

int devgroup_unfreeze(struct devgroup_use *use, u32 flags, bool by_user)
{
	int ret = mutex_lock_killable(&use->lock);

	if (ret)
		return ret;
	ret = unfreeze(use, flags);
	mutex_unlock(&use->lock);
	if (!ret && !by_user)
		devgroup_use_signal(use, DEVGROUP_EVENT_ERROR);
	return ret;
}

/* The use's lock held. */
static int configure(struct devgroup_use *use)
{
	unsigned int i;
	int ret = check(use);

	if (!ret && use->state == DEVGROUP_FROZEN)
		ret = -EINVAL;
	if (ret)
		return ret;
	devgroup_gate_shut(&use->gate, READ_ONCE(use->group->number));
	ret = devgroup_eeh_configure(use);
	for (i = 0; i < use->count && !ret; i++) {
		if (use->devices[i]->enabled && use->devices[i]->ops->configure)
			ret = use->devices[i]->ops->configure(use->devices[i]);
	}
	devgroup_gate_open(&use->gate);
	return ret;
}

int devgroup_configure(struct devgroup_use *use)
{
	int ret = mutex_lock_killable(&use->lock);

	if (ret)
		return ret;
	ret = configure(use);
	mutex_unlock(&use->lock);
	return ret;
}

static const char *const states[] = {
	[DEVGROUP_NORMAL] = "normal",
	[DEVGROUP_FROZEN] = "frozen",
	[DEVGROUP_MMIO_ENABLED] = "mmio-enabled",
	[DEVGROUP_DEAD] = "dead",
};

static const char *const causes[] = {
	[DEVGROUP_CAUSE_NONE] = "",
	[DEVGROUP_CAUSE_USER] = " user",
	[DEVGROUP_CAUSE_ADMIN] = " admin",
	[DEVGROUP_CAUSE_BUS] = " bus",
	[DEVGROUP_CAUSE_PLATFORM] = " platform",
};

/* Takes no lock of the use: it can be read while the group is being frozen. */
int devgroup_error_state(struct devgroup *group, char *buf)
{
	if (!group->use)
		return 0;
	return sysfs_emit(buf, "%s%s\n", states[READ_ONCE(group->use->state)],
			  causes[READ_ONCE(group->use->cause)]);
}

bool devgroup_is_frozen(struct devgroup_use *use)
{
	enum devgroup_error_state state = READ_ONCE(use->state);

	return state == DEVGROUP_FROZEN || state == DEVGROUP_MMIO_ENABLED;
}

/* "1" freezes; "mmio", "dma" or both release. */
static int parse(const char *buf, u32 *flags)
{
	static const struct { const char *text; u32 flags; } words[] = {
		{ "1", 0 },
		{ "mmio", DEVGROUP_RELEASE_MMIO },
		{ "dma", DEVGROUP_RELEASE_DMA },
		{ "mmio dma", DEVGROUP_RELEASE_MMIO | DEVGROUP_RELEASE_DMA },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		if (sysfs_streq(buf, words[i].text)) {
			*flags = words[i].flags;
			return 0;
		}
	}
	return -EINVAL;
}

int devgroup_freeze_store(struct devgroup *group, const char *buf)
{
	struct devgroup_use *use;
	u32 flags;
	int ret = parse(buf, &flags);

	if (ret)
		return ret;
	use = devgroup_use_get(group);
	if (!use)
		return -ENODEV;
	if (flags)
		ret = devgroup_unfreeze(use, flags, false);
	else
		ret = devgroup_freeze(use, DEVGROUP_CAUSE_ADMIN);
	devgroup_use_put(use);
	return ret;
}

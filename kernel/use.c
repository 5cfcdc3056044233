// SPDX-License-Identifier: GPL-2.0-only
/*
 * The use of a claimed group by one process: how it begins, how it ends whatever the process did,
 * and what happens when a device is unplugged or reset meanwhile.
 *
 * A device's file does not hold up its removal: the file goes dead instead. That way neither a
 * process that does not listen nor one that is stopped keeps the host's PCI code waiting. The one
 * thing that is waited for is a call that is under way, and the log says so if that takes long.
 */
#include <linux/eventfd.h>
#include <linux/pid.h>
#include <linux/slab.h>

#include "use.h"

static void free_use(struct kref *ref)
{
	struct devgroup_use *use = container_of(ref, struct devgroup_use, ref);
	unsigned int i;

	for (i = 0; i < use->count; i++)
		devgroup_vdev_put(use->devices[i]);
	for (i = 0; i < DEVGROUP_NR_EVENTS; i++) {
		if (use->events[i])
			eventfd_ctx_put(use->events[i]);
	}
	put_pid(use->owner);
	kobject_put(&use->group->kobj);
	mutex_destroy(&use->lock);
	kfree(use);
}

void devgroup_use_put(struct devgroup_use *use)
{
	kref_put(&use->ref, free_use);
}

/* devgroups_registry held, which keeps devices from leaving. */
static struct devgroup_use *create_use(struct devgroup *group)
{
	struct devgroup_device *ddev;
	struct devgroup_use *use;
	unsigned int count = 0;

	list_for_each_entry(ddev, &group->devices, link)
		count += !!ddev->vdev;
	use = devgroups_fail() ? NULL : kzalloc(struct_size(use, devices, count), GFP_KERNEL);
	if (!use)
		return ERR_PTR(-ENOMEM);
	kref_init(&use->ref);
	refcount_set(&use->files, 1);
	mutex_init(&use->lock);
	atomic_set(&use->wanted, 0);
	spin_lock_init(&use->event_lock);
	INIT_LIST_HEAD(&use->kvm_files);
	devgroup_gate_init(&use->gate);
	use->group = group;
	kobject_get(&group->kobj);
	use->owner = get_pid(task_tgid(current));
	get_task_comm(use->owner_comm, current->group_leader);
	use->count = count;
	count = 0;
	list_for_each_entry(ddev, &group->devices, link) {
		if (!ddev->vdev)
			continue;
		devgroup_vdev_get(ddev->vdev);
		use->devices[count++] = ddev->vdev;
	}
	return use;
}

/* devgroups_registry held. */
static int check_group(struct devgroup *group, bool quarantined)
{
	if (group->state != DEVGROUP_CLAIMED)
		return -ENODEV;
	if (group->use || devgroup_kvm_held(group))
		return -EBUSY;
	if (group->quarantined && !quarantined)
		return -EIO;
	return 0;
}

/* From here on the group is in use: no release, and who unplugs a device looks for the use. */
static struct devgroup_use *enter_use(struct devgroup *group, bool quarantined)
{
	struct devgroup_use *use;
	int ret;

	mutex_lock(&devgroups_registry);
	ret = check_group(group, quarantined);
	use = ret ? ERR_PTR(ret) : create_use(group);
	if (!IS_ERR(use)) {
		kref_get(&use->ref);
		group->use = use;
	}
	mutex_unlock(&devgroups_registry);
	return use;
}

/* All of its devices have gone before, or will be reset before the next use. */
static void leave_use(struct devgroup_use *use, bool quarantined)
{
	struct devgroup *group = use->group;

	mutex_lock(&devgroups_registry);
	group->use = NULL;
	group->quarantined = quarantined && group->state == DEVGROUP_CLAIMED;
	mutex_unlock(&devgroups_registry);
	devgroup_use_put(use);
}

/* A device that has not left, nor does while the use's lock is held; NULL: none. */
static struct device *some_device(struct devgroup_use *use)
{
	unsigned int i;

	for (i = 0; i < use->count; i++) {
		if (!use->devices[i]->removed)
			return use->devices[i]->vfio->dev;
	}
	return NULL;
}

static int create_dma(struct devgroup_use *use)
{
	struct devgroup_dma *dma;
	struct device *dev;
	int ret = 0;

	mutex_lock(&use->lock);
	dev = some_device(use);
	dma = dev ? devgroup_dma_create(use->group, dev) : ERR_PTR(-ENODEV);
	if (IS_ERR(dma))
		ret = PTR_ERR(dma);
	else
		use->dma = dma;
	mutex_unlock(&use->lock);
	return ret;
}

static void destroy_dma(struct devgroup_use *use)
{
	if (use->dma)
		devgroup_dma_destroy(use->dma);
	use->dma = NULL;
}

struct devgroup_use *devgroup_use_begin(struct devgroup *group, bool quarantined)
{
	struct devgroup_use *use = enter_use(group, quarantined);
	int ret;

	if (IS_ERR(use))
		return use;
	ret = create_dma(use);
	if (ret) {
		leave_use(use, group->quarantined);
		devgroup_use_put(use);
		return ERR_PTR(ret);
	}
	return use;
}

void devgroup_use_get_file(struct devgroup_use *use)
{
	refcount_inc(&use->files);
}

void devgroup_use_want(struct devgroup_use *use)
{
	atomic_inc(&use->wanted);
}

void devgroup_use_unwant(struct devgroup_use *use)
{
	if (atomic_dec_and_test(&use->wanted))
		wake_up_var(&use->wanted);
}

bool devgroup_use_is_wanted(struct devgroup_use *use)
{
	return atomic_read(&use->wanted);
}

/* Lets those by who wait for the use's lock, which is held, with a device's lock held. */
static void give_way(struct devgroup_use *use)
{
	mutex_unlock(&use->lock);
	wait_var_event(&use->wanted, !devgroup_use_is_wanted(use));
	mutex_lock(&use->lock);
}

/* Their files are closed, and with these their interrupts are off; the others never had any. */
static void stop_devices(struct devgroup_use *use)
{
	struct devgroup_vdev *vdev;
	unsigned int i;

	for (i = 0; i < use->count; i++) {
		vdev = use->devices[i];
		if (!vdev->removed && vdev->ops->reset->stop)
			vdev->ops->reset->stop(vdev);
	}
}

static bool is_dirty(struct devgroup_use *use)
{
	unsigned int i;

	for (i = 0; i < use->count; i++) {
		if (use->devices[i]->dirty && !use->devices[i]->removed)
			return true;
	}
	return false;
}

/*
 * No device does DMA when the windows go, and none is left in a state that its user made when the
 * next one comes. -EAGAIN: once more, with what devices are left.
 */
static int stop_use(struct devgroup_use *use)
{
	stop_devices(use);
	devgroup_kvm_end(use);
	destroy_dma(use);
	return is_dirty(use) ? devgroup_reset(use, false) : 0;
}

/* A device without any reset is not kept in quarantine, from which it would never come out. */
static bool end_use(struct devgroup_use *use)
{
	int ret;

	mutex_lock(&use->lock);
	while ((ret = stop_use(use)) == -EAGAIN)
		give_way(use);
	mutex_unlock(&use->lock);
	if (ret == -ENOTTY)
		ret = 0;
	if (ret)
		pr_err("devgroups: group %u: its reset failed (%pe): quarantined\n",
		       READ_ONCE(use->group->number), ERR_PTR(ret));
	leave_use(use, ret);
	return ret;
}

bool devgroup_use_put_file(struct devgroup_use *use)
{
	bool quarantined = false;

	if (refcount_dec_and_test(&use->files)) {
		quarantined = end_use(use);
		devgroup_use_put(use);
	}
	return quarantined;
}

void devgroup_use_signal(struct devgroup_use *use, enum devgroup_event event)
{
	spin_lock(&use->event_lock);
	if (use->events[event])
		eventfd_signal(use->events[event]);
	spin_unlock(&use->event_lock);
}

struct devgroup_use *devgroup_use_get(struct devgroup *group)
{
	struct devgroup_use *use;

	mutex_lock(&devgroups_registry);
	use = group->use;
	if (use)
		kref_get(&use->ref);
	mutex_unlock(&devgroups_registry);
	return use;
}

/* The use that the device is part of, with a reference, or NULL; it becomes part of no other. */
static struct devgroup_use *withdraw(struct devgroup_vdev *vdev)
{
	struct devgroup_use *use;

	mutex_lock(&devgroups_registry);
	vdev->ddev->vdev = NULL;
	use = vdev->ddev->group->use;
	if (use)
		kref_get(&use->ref);
	mutex_unlock(&devgroups_registry);
	return use;
}

/* The member of a device that leaves, if no other device of it can be used; or NULL. */
static struct devgroup_member *leaving_member(struct devgroup_vdev *vdev)
{
	struct devgroup_member *member = vdev->ddev->member;
	struct devgroup_device *other;

	mutex_lock(&devgroups_registry);
	list_for_each_entry(other, &vdev->ddev->group->devices, link) {
		if (other->member == member && other->vdev) {
			member = NULL;
			break;
		}
	}
	mutex_unlock(&devgroups_registry);
	return member;
}

/* With the last device of a member, or of all, its DMA goes, while the IOMMU group still exists. */
static void take_dma_away(struct devgroup_use *use, struct devgroup_vdev *vdev)
{
	struct devgroup_member *member = leaving_member(vdev);

	if (!some_device(use))
		destroy_dma(use);
	else if (member && use->dma)
		devgroup_dma_remove_member(use->dma, member);
}

static void take_away(struct devgroup_use *use, struct devgroup_vdev *vdev)
{
	mutex_lock(&use->lock);
	devgroup_gate_shut(&use->gate, READ_ONCE(use->group->number));
	if (vdev->enabled) {
		dev_warn(vdev->vfio->dev, "removed while %s (%d) uses it\n", use->owner_comm,
			 pid_nr(use->owner));
		devgroup_vdev_disable(vdev);
	}
	devgroup_kvm_hide(use, vdev);
	vdev->removed = true;
	take_dma_away(use, vdev);
	devgroup_gate_open(&use->gate);
	mutex_unlock(&use->lock);
}

/* A device that came later is not in the use, but on a bus that is reset for it. */
static void wait_for_reset(struct devgroup *group)
{
	struct devgroup_use *use = devgroup_use_get(group);

	if (!use)
		return;
	devgroup_use_want(use);
	mutex_lock(&use->lock);
	mutex_unlock(&use->lock);
	devgroup_use_unwant(use);
	devgroup_use_put(use);
}

void devgroup_use_unplug(struct devgroup_vdev *vdev)
{
	struct devgroup_use *use;

	if (READ_ONCE(vdev->leaving))
		return;
	WRITE_ONCE(vdev->leaving, true);
	use = withdraw(vdev);
	if (use) {
		devgroup_use_want(use);
		devgroup_use_signal(use, DEVGROUP_EVENT_REQUEST);
		devgroup_kvm_wait(use, vdev);
		take_away(use, vdev);
		devgroup_use_unwant(use);
		devgroup_use_put(use);
	} else {
		wait_for_reset(vdev->ddev->group);
	}
	if (vdev->dirty)
		vdev->ops->reset->unplug(vdev);
}

static void disable_device(struct devgroup_vdev *vdev)
{
	if (!vdev->enabled)
		return;
	if (vdev->ops->reset->save)
		vdev->ops->reset->save(vdev);
	devgroup_vdev_disable(vdev);
}

static int enable_device(struct devgroup_vdev *vdev)
{
	int ret = vdev->opened ? devgroup_vdev_enable(vdev) : 0;

	if (!ret && vdev->enabled && vdev->ops->reset->restore)
		vdev->ops->reset->restore(vdev);
	return ret;
}

static int enable_devices(struct devgroup_use *use)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < use->count && !ret; i++) {
		if (use->devices[i]->removed)
			continue;
		ret = enable_device(use->devices[i]);
		if (READ_ONCE(use->devices[i]->leaving))
			ret = 0;
	}
	return ret;
}

/*
 * VFIO's code keeps a device's interrupts over its own reset, and has no call to take them away;
 * closing the device does. One that could not be opened again stays dark until the next reset.
 * -EAGAIN: from the beginning, with what devices are left.
 */
static int reset_and_reopen(struct devgroup_use *use, bool bus)
{
	unsigned int i;
	int ret, err;

	if (!use->dma)
		return -ENODEV;
	for (i = 0; i < use->count; i++)
		disable_device(use->devices[i]);
	ret = devgroup_reset(use, bus);
	err = ret == -ENOTTY ? 0 : ret;
	if (!err)
		err = devgroup_freeze_end(use);
	if (!err)
		err = enable_devices(use);
	if (err == -EAGAIN)
		return err;
	if (err)
		devgroup_freeze_dead(use);
	return err ? -EIO : ret;
}

int devgroup_use_reset(struct devgroup_use *use, bool bus)
{
	int ret = mutex_lock_killable(&use->lock);

	if (ret)
		return ret;
	devgroup_gate_shut(&use->gate, READ_ONCE(use->group->number));
	while ((ret = reset_and_reopen(use, bus)) == -EAGAIN)
		give_way(use);
	devgroup_gate_open(&use->gate);
	mutex_unlock(&use->lock);
	return ret;
}

int devgroup_use_clean(struct devgroup *group)
{
	struct devgroup_use *use = devgroup_use_begin(group, true);

	if (IS_ERR(use))
		return PTR_ERR(use);
	return devgroup_use_put_file(use) ? -EIO : 0;
}

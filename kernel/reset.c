// SPDX-License-Identifier: GPL-2.0-only
/* Resetting the devices of a group, each as its bus can. */
#include <linux/delay.h>

#include "use.h"

#define RETRY_MS 10
#define RETRIES 500

int devgroup_retry(struct devgroup_use *use, struct devgroup_vdev *vdev,
		   int (*step)(struct devgroup_vdev *vdev))
{
	int i, ret;

	for (i = 0; i < RETRIES; i++) {
		if (READ_ONCE(vdev->leaving))
			return -ENODEV;
		ret = step(vdev);
		if (ret != -EAGAIN)
			return ret;
		msleep(RETRY_MS);
		if (devgroup_use_is_wanted(use))
			return -EAGAIN;
	}
	return -EBUSY;
}

static void report(struct devgroup_vdev *vdev, int ret)
{
	if (ret == -ENOTTY)
		dev_warn_ratelimited(vdev->vfio->dev,
				     "has no reset of its own, nor one with its bus\n");
	else
		dev_err_ratelimited(vdev->vfio->dev, "its reset failed: %pe\n",
				    ERR_PTR(ret));
}

int devgroup_reset(struct devgroup_use *use, bool bus)
{
	struct devgroup_vdev *vdev;
	unsigned int i;
	int ret = 0, err;

	lockdep_assert_held(&use->lock);
	/* All: those that were not opened may have been reached from the others. */
	for (i = 0; i < use->count; i++)
		use->devices[i]->dirty = true;
	for (i = 0; i < use->count; i++) {
		vdev = use->devices[i];
		if (vdev->removed || !vdev->dirty)
			continue;
		err = vdev->ops->reset->reset(use, vdev, bus);
		if (err == -EAGAIN)
			return err;
		if (!err || READ_ONCE(vdev->leaving))
			continue;
		report(vdev, err);
		if (!ret || ret == -ENOTTY)
			ret = err;
	}
	return ret;
}

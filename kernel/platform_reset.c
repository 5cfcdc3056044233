// SPDX-License-Identifier: GPL-2.0-only
/* Resetting platform devices, by what other modules know of them. */
#include <linux/module.h>
#include <linux/of.h>

#include "platform.h"
#include "platform_reset.h"

static LIST_HEAD(resets);
static DEFINE_MUTEX(resets_lock);

void devgroup_platform_reset_register(struct devgroup_platform_reset *reset)
{
	mutex_lock(&resets_lock);
	list_add_tail(&reset->link, &resets);
	mutex_unlock(&resets_lock);
}
EXPORT_SYMBOL_GPL(devgroup_platform_reset_register);

void devgroup_platform_reset_unregister(struct devgroup_platform_reset *reset)
{
	mutex_lock(&resets_lock);
	list_del(&reset->link);
	mutex_unlock(&resets_lock);
}
EXPORT_SYMBOL_GPL(devgroup_platform_reset_unregister);

static bool fits(const struct devgroup_platform_reset *reset, struct platform_device *pdev)
{
	struct device_node *node = dev_of_node(&pdev->dev);

	return node ? of_device_is_compatible(node, reset->compatible) :
		      !strcmp(pdev->name, reset->compatible);
}

/* With a reference to its module, or NULL. */
static struct devgroup_platform_reset *get_reset(struct platform_device *pdev)
{
	struct devgroup_platform_reset *reset, *found = NULL;

	mutex_lock(&resets_lock);
	list_for_each_entry(reset, &resets, link) {
		if (fits(reset, pdev) && try_module_get(reset->owner)) {
			found = reset;
			break;
		}
	}
	mutex_unlock(&resets_lock);
	return found;
}

bool devgroup_platform_has_reset(struct platform_device *pdev)
{
	struct devgroup_platform_reset *reset = get_reset(pdev);

	if (reset)
		module_put(reset->owner);
	return reset;
}

int devgroup_platform_reset(struct platform_device *pdev)
{
	struct devgroup_platform_reset *reset = get_reset(pdev);
	int ret;

	if (!reset)
		return -ENOTTY;
	ret = devgroups_fail() ? -EIO : reset->reset(pdev);
	module_put(reset->owner);
	return ret;
}

static int reset_once(struct devgroup_vdev *vdev)
{
	return devgroup_platform_reset(devgroup_platform_dev(vdev));
}

/* There is no bus to be reset instead. */
static int reset_device(struct devgroup_use *use, struct devgroup_vdev *vdev, bool bus)
{
	int ret = devgroup_retry(use, vdev, reset_once);

	if (!ret)
		vdev->dirty = false;
	return ret;
}

static void reset_unplugged(struct devgroup_vdev *vdev)
{
	reset_once(vdev);
}

const struct devgroup_reset_ops devgroup_platform_reset_ops = {
	.reset = reset_device,
	.unplug = reset_unplugged,
};

// SPDX-License-Identifier: GPL-2.0-only
/*
 * For tests: a platform device on a POWER host that has none which could be handed out. Its
 * registers are a page of memory that a thread looks at, its interrupt is a level of irq.c, and its
 * DMA goes through iommu.c. It has a host driver, and the group driver is told how to reset it.
 *
 * Parameters, which can be written: present, 0 or 1, unplugs the device and plugs it in again; it
 * must be unplugged before the module is unloaded. fail_reset: resets fail.
 */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

#include "platform_reset.h"
#include "lab_platform.h"
#include "module.h"

#define LOOK_US 300

static bool present = true;
static bool fail_reset;
module_param(fail_reset, bool, 0600);
MODULE_PARM_DESC(fail_reset, "let resets fail");

static DEFINE_MUTEX(plug_lock);	/* present, and what follows from it */
static struct platform_device *device;
static struct task_struct *thread;
static struct page *page;

static DEFINE_MUTEX(registers_lock);	/* one look at them, or reset, at a time */
static void *registers;

static u32 get(unsigned int reg)
{
	return le32_to_cpu(READ_ONCE(*(__le32 *)(registers + reg)));
}

static void put(unsigned int reg, u32 value)
{
	WRITE_ONCE(*(__le32 *)(registers + reg), cpu_to_le32(value));
}

static bool fill(u64 address, u32 words, u32 value)
{
	while (words--) {
		if (!lab_iommu_write(address, value))
			return false;
		address += 4;
	}
	return true;
}

static bool sum(u64 address, u32 words, u32 *total)
{
	u32 word;

	*total = 0;
	while (words--) {
		if (!lab_iommu_read(address, &word))
			return false;
		*total += word;
		address += 4;
	}
	return true;
}

/* False: a fault. */
static bool run_command(u32 command)
{
	u64 address = get(LAB_ADDRESS) | (u64)get(LAB_ADDRESS + 4) << 32;
	u32 words = min_t(u32, get(LAB_LENGTH), LAB_LENGTH_MAX) / 4, total;

	switch (command) {
	case LAB_COMMAND_FILL:
		return fill(ALIGN_DOWN(address, 4), words, get(LAB_VALUE));
	case LAB_COMMAND_SUM:
		if (!sum(ALIGN_DOWN(address, 4), words, &total))
			return false;
		put(LAB_VALUE, total);
		return true;
	default:
		return true;
	}
}

static void look_at_registers(void)
{
	u32 command = get(LAB_COMMAND);

	if (get(LAB_ACK)) {
		put(LAB_STATUS, get(LAB_STATUS) & ~LAB_STATUS_LINE);
		put(LAB_ACK, 0);
	}
	if (command) {
		put(LAB_STATUS, LAB_STATUS_LINE | (run_command(command) ? 0 : LAB_STATUS_FAULT));
		put(LAB_DONE, get(LAB_DONE) + 1);
		smp_wmb();	/* who sees that it is done sees the rest */
		put(LAB_COMMAND, 0);
	}
	if (get(LAB_STATUS) & LAB_STATUS_LINE)
		lab_irq_deliver();
}

static int work(void *unused)
{
	while (!kthread_should_stop()) {
		mutex_lock(&registers_lock);
		look_at_registers();
		mutex_unlock(&registers_lock);
		usleep_range(LOOK_US, 2 * LOOK_US);
	}
	return 0;
}

static void clear_registers(void)
{
	mutex_lock(&registers_lock);
	memset(registers, 0, PAGE_SIZE);
	put(LAB_ID, LAB_ID_VALUE);
	mutex_unlock(&registers_lock);
}

static int reset_device(struct platform_device *pdev)
{
	if (fail_reset)
		return -EIO;
	clear_registers();
	return 0;
}

static struct devgroup_platform_reset reset = {
	.owner = THIS_MODULE,
	.compatible = LAB_PLATFORM_NAME,
	.reset = reset_device,
};

/* The host's driver: says that it is there, in the device. */
static int host_probe(struct platform_device *pdev)
{
	put(LAB_SCRATCH, 0x1057);
	return 0;
}

static struct platform_driver host_driver = {
	.probe = host_probe,
	.driver = { .name = LAB_PLATFORM_NAME },
};

static struct platform_device *add_device(void)
{
	struct resource resources[] = {
		DEFINE_RES_MEM(page_to_phys(page), PAGE_SIZE),
		DEFINE_RES_IRQ(lab_irq_number()),
	};
	struct platform_device *pdev = platform_device_alloc(LAB_PLATFORM_NAME, 0);
	int ret;

	if (!pdev)
		return ERR_PTR(-ENOMEM);
	ret = platform_device_add_resources(pdev, resources, ARRAY_SIZE(resources));
	if (!ret)
		ret = lab_iommu_attach(pdev);
	if (!ret)
		ret = platform_device_add(pdev);
	if (ret) {
		platform_device_put(pdev);
		return ERR_PTR(ret);
	}
	return pdev;
}

/* plug_lock held. */
static int plug(void)
{
	struct platform_device *added;

	clear_registers();
	thread = kthread_run(work, NULL, "lab-platform");
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	added = add_device();
	if (IS_ERR(added)) {
		kthread_stop(thread);
		return PTR_ERR(added);
	}
	device = added;
	return 0;
}

/* plug_lock held. */
static void unplug(void)
{
	platform_device_unregister(device);
	device = NULL;
	kthread_stop(thread);
}

static int set_present(const char *text, const struct kernel_param *param)
{
	bool wanted;
	int ret = kstrtobool(text, &wanted);

	if (ret)
		return ret;
	mutex_lock(&plug_lock);
	/* Before there is a page the module is being loaded. */
	if (page && wanted && !device)
		ret = plug();
	if (page && !wanted && device)
		unplug();
	if (!ret)
		present = wanted;
	mutex_unlock(&plug_lock);
	return ret;
}

static const struct kernel_param_ops present_ops = {
	.set = set_present,
	.get = param_get_bool,
};
module_param_cb(present, &present_ops, &present, 0600);
MODULE_PARM_DESC(present, "whether the device is there");

static int make_page(void)
{
	page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	registers = page ? page_address(page) : NULL;
	return page ? 0 : -ENOMEM;
}

static void free_registers(void)
{
	__free_page(page);
}

static int start(void)
{
	int ret = 0;

	mutex_lock(&plug_lock);
	if (present)
		ret = plug();
	mutex_unlock(&plug_lock);
	return ret;
}

static int __init lab_init(void)
{
	int ret = make_page();

	if (ret)
		return ret;
	ret = lab_irq_init();
	if (ret)
		goto err_page;
	ret = lab_iommu_init();
	if (ret)
		goto err_irq;
	devgroup_platform_reset_register(&reset);
	ret = platform_driver_register(&host_driver);
	if (ret)
		goto err_reset;
	ret = start();
	if (ret)
		goto err_driver;
	return 0;

err_driver:
	platform_driver_unregister(&host_driver);
err_reset:
	devgroup_platform_reset_unregister(&reset);
	lab_iommu_exit();
err_irq:
	lab_irq_exit();
err_page:
	free_registers();
	return ret;
}

/* The IOMMU core has a reference to the module while the device is there. */
static void __exit lab_exit(void)
{
	platform_driver_unregister(&host_driver);
	devgroup_platform_reset_unregister(&reset);
	lab_iommu_exit();
	lab_irq_exit();
	free_registers();
}

module_init(lab_init);
module_exit(lab_exit);

MODULE_DESCRIPTION("A platform device for tests of the group driver");
MODULE_LICENSE("GPL");

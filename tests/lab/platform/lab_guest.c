// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver that a guest of tests has for the test device: finds it in the device tree as any
 * driver would, and tries its registers, its interrupt and its DMA, for which it sets entries of
 * the DMA window itself. What it says in the log is what the scenario looks for.
 *
 * Linux on pSeries makes platform devices of no bus by itself, so that this does. It stays.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/of_platform.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <asm/hvcall.h>

#include "lab_platform.h"

#define WORDS (PAGE_SIZE / sizeof(u32))
#define WORD 0xa5000001
#define TCE_SIZE 4096
#define WAIT (20 * HZ)

struct lab_guest {
	struct device *dev;
	void __iomem *registers;
	struct completion done;
	unsigned int interrupts, spurious;
	u32 liobn;
	u64 window;		/* bus address */
};

/* The line goes down before the interrupt ends, or it would come again. */
static irqreturn_t on_interrupt(int number, void *data)
{
	struct lab_guest *lab = data;
	int i;

	if (!(readl(lab->registers + LAB_STATUS) & LAB_STATUS_LINE)) {
		lab->spurious++;
		return IRQ_NONE;
	}
	writel(1, lab->registers + LAB_ACK);
	for (i = 0; i < 100000 && readl(lab->registers + LAB_ACK); i++)
		udelay(10);
	lab->interrupts++;
	complete(&lab->done);
	return IRQ_HANDLED;
}

/* Its status, once its interrupt has come. */
static int command(struct lab_guest *lab, u32 which, u64 address, u32 length)
{
	writel(lower_32_bits(address), lab->registers + LAB_ADDRESS);
	writel(upper_32_bits(address), lab->registers + LAB_ADDRESS + 4);
	writel(length, lab->registers + LAB_LENGTH);
	reinit_completion(&lab->done);
	writel(which, lab->registers + LAB_COMMAND);
	if (!wait_for_completion_timeout(&lab->done, WAIT))
		return -ETIMEDOUT;
	return readl(lab->registers + LAB_STATUS) & LAB_STATUS_FAULT ? -EFAULT : 0;
}

static int put_tce(struct lab_guest *lab, u64 offset, u64 tce)
{
	long ret = plpar_hcall_norets(H_PUT_TCE, lab->liobn, lab->window + offset, tce);

	return ret == H_SUCCESS ? 0 : -EIO;
}

/* 3: the device may read and write. */
static int map(struct lab_guest *lab, void *page, u64 flags)
{
	u64 offset;
	int ret = 0;

	for (offset = 0; offset < PAGE_SIZE && !ret; offset += TCE_SIZE)
		ret = put_tce(lab, offset, flags ? __pa(page) + offset + flags : 0);
	return ret;
}

static bool is_filled(const u32 *page, u32 word)
{
	unsigned int i;

	for (i = 0; i < WORDS; i++) {
		if (READ_ONCE(page[i]) != word)
			return false;
	}
	return true;
}

static int try_registers(struct lab_guest *lab)
{
	if (readl(lab->registers + LAB_ID) != LAB_ID_VALUE)
		return -ENODEV;
	dev_info(lab->dev, "scratch is %x\n", readl(lab->registers + LAB_SCRATCH));
	writel(0x6e57, lab->registers + LAB_SCRATCH);
	if (readl(lab->registers + LAB_SCRATCH) != 0x6e57)
		return -EIO;
	dev_info(lab->dev, "registers work\n");
	return 0;
}

static int try_interrupts(struct lab_guest *lab)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < 20 && !ret; i++)
		ret = command(lab, LAB_COMMAND_RAISE, 0, 0);
	if (!ret && (lab->interrupts != 20 || lab->spurious > 20))
		ret = -EIO;
	if (!ret)
		dev_info(lab->dev, "interrupts work, %u were spurious\n", lab->spurious);
	return ret;
}

static int try_dma(struct lab_guest *lab, u32 *page)
{
	int ret = command(lab, LAB_COMMAND_FILL, lab->window, PAGE_SIZE);

	if (ret != -EFAULT)
		return ret ?: -EPERM;
	dev_info(lab->dev, "nothing is mapped\n");
	ret = map(lab, page, 3);
	if (ret)
		return ret;
	writel(WORD, lab->registers + LAB_VALUE);
	ret = command(lab, LAB_COMMAND_FILL, lab->window, PAGE_SIZE);
	if (ret || !is_filled(page, WORD))
		return ret ?: -EIO;
	page[3]++;
	ret = command(lab, LAB_COMMAND_SUM, lab->window, PAGE_SIZE);
	if (ret || readl(lab->registers + LAB_VALUE) != lower_32_bits((u64)WORD * WORDS + 1))
		return ret ?: -EIO;
	ret = map(lab, page, 0);
	if (ret)
		return ret;
	ret = command(lab, LAB_COMMAND_SUM, lab->window, PAGE_SIZE);
	if (ret != -EFAULT)
		return ret ?: -EPERM;
	dev_info(lab->dev, "DMA works\n");
	return 0;
}

/* LIOBN, then bus address and size of two cells each. */
static int find_window(struct lab_guest *lab)
{
	struct device_node *node = lab->dev->of_node;
	u32 cells[5];
	int ret = of_property_read_u32_array(node, "ibm,my-dma-window", cells, ARRAY_SIZE(cells));

	lab->liobn = cells[0];
	lab->window = (u64)cells[1] << 32 | cells[2];
	return ret;
}

static int try_all(struct lab_guest *lab)
{
	u32 *page = (u32 *)get_zeroed_page(GFP_KERNEL);
	int ret;

	if (!page)
		return -ENOMEM;
	ret = try_registers(lab);
	if (!ret)
		ret = try_interrupts(lab);
	if (!ret)
		ret = try_dma(lab, page);
	free_page((unsigned long)page);
	return ret;
}

static int guest_probe(struct platform_device *pdev)
{
	struct lab_guest *lab = devm_kzalloc(&pdev->dev, sizeof(*lab), GFP_KERNEL);
	int number = platform_get_irq(pdev, 0), ret;

	if (!lab)
		return -ENOMEM;
	if (number < 0)
		return number;
	lab->dev = &pdev->dev;
	init_completion(&lab->done);
	lab->registers = devm_platform_ioremap_resource(pdev, 0);
	if (IS_ERR(lab->registers))
		return PTR_ERR(lab->registers);
	ret = devm_request_irq(&pdev->dev, number, on_interrupt, 0, LAB_PLATFORM_NAME, lab);
	if (!ret)
		ret = find_window(lab);
	if (!ret)
		ret = try_all(lab);
	if (ret)
		dev_err(&pdev->dev, "failed: %pe\n", ERR_PTR(ret));
	return ret;
}

static const struct of_device_id guest_ids[] = {
	{ .compatible = LAB_PLATFORM_NAME },
	{ }
};

static struct platform_driver guest_driver = {
	.probe = guest_probe,
	.driver = { .name = "lab-guest", .of_match_table = guest_ids },
};

static int __init guest_init(void)
{
	struct device_node *bus = of_find_compatible_node(NULL, NULL, "pvmm,platform-bus");
	int ret;

	if (!bus)
		return -ENODEV;
	ret = platform_driver_register(&guest_driver);
	if (!ret)
		ret = of_platform_populate(bus, NULL, NULL, NULL);
	of_node_put(bus);
	return ret;
}
module_init(guest_init);

MODULE_DESCRIPTION("A guest's driver for the test device of the group driver");
MODULE_LICENSE("GPL");

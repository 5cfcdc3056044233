// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's driver that does not do its duty: it has a network card of Intel's e1000 family raise
 * its INTx line and acknowledges nothing until the interrupt has come @count times, which it says
 * in the log with the time that took. It stays.
 */
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/pci.h>

/* Registers of BAR 0 (82574 data sheet, 10.2.4). */
#define ICS 0xc8	/* sets a cause */
#define IMS 0xd0	/* lets causes raise the line */
#define IMC 0xd8	/* and no more */
#define LINK_CHANGED 0x4

static unsigned int count = 20000;
module_param(count, uint, 0444);

struct lab_storm {
	struct pci_dev *pdev;
	void __iomem *registers;
	unsigned int interrupts;
	ktime_t start;
};

/* Never IRQ_NONE, so that Linux does not turn it off. */
static irqreturn_t on_interrupt(int number, void *data)
{
	struct lab_storm *storm = data;

	if (++storm->interrupts != count)
		return IRQ_HANDLED;
	writel(~0, storm->registers + IMC);
	dev_info(&storm->pdev->dev, "lab-storm: %u interrupts in %lld us\n", count,
		 ktime_us_delta(ktime_get(), storm->start));
	return IRQ_HANDLED;
}

static int probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct lab_storm *storm = devm_kzalloc(&pdev->dev, sizeof(*storm), GFP_KERNEL);
	int ret;

	if (!storm)
		return -ENOMEM;
	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	storm->pdev = pdev;
	storm->registers = pcim_iomap(pdev, 0, 0);
	if (!storm->registers)
		return -ENOMEM;
	storm->start = ktime_get();
	ret = devm_request_irq(&pdev->dev, pdev->irq, on_interrupt, 0, "lab-storm", storm);
	if (ret)
		return ret;
	writel(LINK_CHANGED, storm->registers + IMS);
	writel(LINK_CHANGED, storm->registers + ICS);
	return 0;
}

static const struct pci_device_id ids[] = {
	{ PCI_DEVICE(PCI_VENDOR_ID_INTEL, 0x10d3) },
	{ }
};
MODULE_DEVICE_TABLE(pci, ids);

static struct pci_driver storm_driver = {
	.name = "lab-storm",
	.id_table = ids,
	.probe = probe,
};
module_pci_driver(storm_driver);

MODULE_DESCRIPTION("Interrupts that nobody acknowledges, for tests");
MODULE_LICENSE("GPL");

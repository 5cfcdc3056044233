// SPDX-License-Identifier: GPL-2.0-only
/*
 * In place of a driver of the e1000e (82574) card, in hosts and guests: times what the kernel
 * does for a device. Says in the log, for each thing, how often it was done and how many
 * nanoseconds that took in all.
 *
 *   tce	map and unmap 4 KiB for 32-bit DMA, through the default window
 *   msi, lsi	have the card interrupt (it can be told to): from the store that does so to the
 *		handler (latency), and with all that ends the interrupt to the next (turn)
 */
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/pci.h>

#define ICR 0xc0	/* Interrupt Cause Read: a read clears it */
#define ICS 0xc8	/* Interrupt Cause Set */
#define IMS 0xd0	/* Interrupt Mask Set */
#define IMC 0xd8	/* Interrupt Mask Clear */
#define CAUSE BIT(2)	/* link status change */
#define PATIENCE_NS (5 * NSEC_PER_SEC)

static unsigned int count = 2000;
module_param(count, uint, 0444);

struct bench {
	struct pci_dev *pdev;
	void __iomem *registers;
	u64 came;		/* ktime of the last interrupt; 0: none yet */
};

static int time_mappings(struct bench *bench)
{
	struct device *dev = &bench->pdev->dev;
	struct page *page = alloc_page(GFP_KERNEL);
	u64 begin = ktime_get_ns();
	unsigned int i;
	dma_addr_t bus;

	if (!page)
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		bus = dma_map_page(dev, page, 0, 4096, DMA_BIDIRECTIONAL);
		if (dma_mapping_error(dev, bus))
			break;
		dma_unmap_page(dev, bus, 4096, DMA_BIDIRECTIONAL);
	}
	dev_info(dev, "bench: tce %u %llu\n", 2 * i, ktime_get_ns() - begin);
	__free_page(page);
	return i == count ? 0 : -EIO;
}

static irqreturn_t on_interrupt(int irq, void *data)
{
	struct bench *bench = data;

	if (!(readl(bench->registers + ICR) & CAUSE))
		return IRQ_NONE;
	WRITE_ONCE(bench->came, ktime_get_ns());
	return IRQ_HANDLED;
}

/* How long it took; 0: it did not come. */
static u64 interrupt_once(struct bench *bench)
{
	u64 begin = ktime_get_ns(), came;

	WRITE_ONCE(bench->came, 0);
	writel(CAUSE, bench->registers + ICS);
	do {
		came = READ_ONCE(bench->came);
		cpu_relax();
	} while (!came && ktime_get_ns() - begin < PATIENCE_NS);
	return came ? came - begin : 0;
}

static int time_irq(struct bench *bench, const char *name)
{
	u64 begin, latency = 0, one = 1;
	unsigned int i;

	writel(CAUSE, bench->registers + IMS);
	begin = ktime_get_ns();
	for (i = 0; i < count && one; i++) {
		one = interrupt_once(bench);
		latency += one;
	}
	dev_info(&bench->pdev->dev, "bench: %s-turn %u %llu\n", name, i, ktime_get_ns() - begin);
	dev_info(&bench->pdev->dev, "bench: %s-latency %u %llu\n", name, i, latency);
	writel(~0, bench->registers + IMC);
	return one ? 0 : -EIO;
}

static int time_irqs(struct bench *bench, unsigned int flags, const char *name)
{
	int irq, ret = pci_alloc_irq_vectors(bench->pdev, 1, 1, flags);

	if (ret < 0)
		return ret;
	irq = pci_irq_vector(bench->pdev, 0);
	ret = request_irq(irq, on_interrupt, IRQF_SHARED, "bench", bench);
	if (!ret) {
		ret = time_irq(bench, name);
		free_irq(irq, bench);
	}
	pci_free_irq_vectors(bench->pdev);
	return ret;
}

static int measure(struct bench *bench)
{
	int ret = time_mappings(bench);

	writel(~0, bench->registers + IMC);
	readl(bench->registers + ICR);
	if (!ret)
		ret = time_irqs(bench, PCI_IRQ_MSI, "msi");
	if (!ret)
		ret = time_irqs(bench, PCI_IRQ_INTX, "lsi");
	return ret;
}

static int probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct bench *bench = devm_kzalloc(&pdev->dev, sizeof(*bench), GFP_KERNEL);
	int ret = bench ? pcim_enable_device(pdev) : -ENOMEM;

	if (!ret)
		ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(32));
	if (ret)
		return ret;
	pci_set_master(pdev);
	bench->pdev = pdev;
	bench->registers = pcim_iomap(pdev, 0, 0);
	if (!bench->registers)
		return -ENOMEM;
	ret = measure(bench);
	if (ret)
		dev_err(&pdev->dev, "bench: failed: %d\n", ret);
	return ret;
}

static const struct pci_device_id ids[] = {
	{ PCI_DEVICE(PCI_VENDOR_ID_INTEL, 0x10d3) },
	{ }
};

static struct pci_driver bench_driver = { .name = "bench_card", .id_table = ids, .probe = probe };
module_pci_driver(bench_driver);

MODULE_DESCRIPTION("Times mappings and interrupts of an e1000e card");
MODULE_LICENSE("GPL");

/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the test module offer each other. */
#ifndef LAB_MODULE_H
#define LAB_MODULE_H

#include <linux/platform_device.h>
#include <linux/types.h>

/* iommu.c: an IOMMU in software, with one group. */
int lab_iommu_init(void);
void lab_iommu_exit(void);
/* Puts a device that is not yet added behind it. */
int lab_iommu_attach(struct platform_device *pdev);
/*
 * A word of memory at a bus address of 4 bytes, as the device would reach it. False: the IOMMU
 * refuses. Not in an interrupt.
 */
bool lab_iommu_read(u64 address, u32 *value);
bool lab_iommu_write(u64 address, u32 value);

/* irq.c: an interrupt controller with one level-triggered line. */
int lab_irq_init(void);
void lab_irq_exit(void);
/* The number of the line's interrupt. */
unsigned int lab_irq_number(void);
/* Delivers it, the line being up, unless it is masked. Not in an interrupt. */
void lab_irq_deliver(void);

#endif

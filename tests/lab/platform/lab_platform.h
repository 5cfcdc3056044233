/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The registers of the test device, for its module, the programs that try it, and the guest's
 * driver. Little-endian. The device looks at them every now and then: what it is told takes a
 * millisecond or so.
 */
#ifndef LAB_PLATFORM_H
#define LAB_PLATFORM_H

#define LAB_PLATFORM_NAME "lab-platform"

#define LAB_ID 0x00		/* reads LAB_ID_VALUE after a reset */
#define LAB_STATUS 0x04		/* LAB_STATUS_* */
#define LAB_COMMAND 0x08	/* LAB_COMMAND_*; 0 again when it is done, and the line is up */
#define LAB_ACK 0x0c		/* not 0: the line goes down; 0 again when that is done */
#define LAB_ADDRESS 0x10	/* 64 bits; on the bus */
#define LAB_LENGTH 0x18		/* bytes, a multiple of 4 */
#define LAB_VALUE 0x1c		/* FILL: what is written; SUM: the sum of what was read */
#define LAB_DONE 0x20		/* how many commands since the last reset */
#define LAB_SCRATCH 0x24	/* means nothing to the device; 0 after a reset */

#define LAB_ID_VALUE 0x4c414231

#define LAB_STATUS_LINE 1	/* the interrupt line is up */
#define LAB_STATUS_FAULT 2	/* the last command's DMA was refused */

#define LAB_COMMAND_FILL 1	/* memory with 32-bit words VALUE */
#define LAB_COMMAND_SUM 2	/* 32-bit words of memory */
#define LAB_COMMAND_RAISE 3	/* nothing but the interrupt */

#define LAB_LENGTH_MAX 0x100000

#endif

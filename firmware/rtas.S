/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The RTAS that runs in the guest: turns a call (r3: argument block; real mode, big-endian,
 * 32 bits) into the hypercall H_RTAS with the block in r4, and returns its result.
 */
	.text
	mr	4, 3
	lis	3, 0
	ori	3, 3, 0xf000		/* H_RTAS */
	sc	1
	blr

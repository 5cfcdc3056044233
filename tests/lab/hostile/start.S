/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entries of the hostile guest, which runs from 0 in big-endian real mode: the boot vCPU at 0
 * with the device tree in r3, the others at 0x200 with their number in r3.
 */
	.macro	load_toc
	lis	2, .TOC.@h
	ori	2, 2, .TOC.@l
	.endm

	.section .text.start, "ax"
	.globl	_start
_start:
	load_toc
	lis	1, 0x90			/* stacks: 64 KiB each, below 0x900000 and on */
	b	guest_main
	.org	0x200
	load_toc
	lis	1, 0x91
	sldi	4, 3, 16
	add	1, 1, 4
	b	guest_second
	.text
	.globl	hcall
hcall:
	sc	1
	blr
	.section .note.GNU-stack, "", %progbits

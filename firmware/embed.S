/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtas.S's bytes as data of the monitor. */
	.section .rodata
	.balign	8
	.globl	rtas_blob
	.globl	rtas_blob_end
rtas_blob:
	.incbin	"rtas.bin"
rtas_blob_end:
	.section .note.GNU-stack, "", %progbits

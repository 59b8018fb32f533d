/* SPDX-License-Identifier: MIT
 *
 * void weir__fiber_swap(void **save_sp, void *load_sp)
 *
 * Saves x19..x30 and d8..d15, which a called function must keep (AAPCS64), on the stack it leaves, and takes them
 * from the stack it enters. Both stacks hold the same frame, so one CFI description is right before and after the
 * exchange. */
#if defined(__aarch64__) && !defined(WEIR_SIM_UCONTEXT)
	.text
	.globl weir__fiber_swap
	.hidden weir__fiber_swap
	.type weir__fiber_swap, %function
	.align 4
weir__fiber_swap:
	.cfi_startproc
	sub sp, sp, #160
	.cfi_def_cfa_offset 160
	stp x19, x20, [sp, #0]
	stp x21, x22, [sp, #16]
	stp x23, x24, [sp, #32]
	stp x25, x26, [sp, #48]
	stp x27, x28, [sp, #64]
	stp x29, x30, [sp, #80]
	stp d8, d9, [sp, #96]
	stp d10, d11, [sp, #112]
	stp d12, d13, [sp, #128]
	stp d14, d15, [sp, #144]
	.cfi_offset x19, -160
	.cfi_offset x20, -152
	.cfi_offset x21, -144
	.cfi_offset x22, -136
	.cfi_offset x23, -128
	.cfi_offset x24, -120
	.cfi_offset x25, -112
	.cfi_offset x26, -104
	.cfi_offset x27, -96
	.cfi_offset x28, -88
	.cfi_offset x29, -80
	.cfi_offset x30, -72
	mov x9, sp
	str x9, [x0]
	mov sp, x1
	ldp x19, x20, [sp, #0]
	ldp x21, x22, [sp, #16]
	ldp x23, x24, [sp, #32]
	ldp x25, x26, [sp, #48]
	ldp x27, x28, [sp, #64]
	ldp x29, x30, [sp, #80]
	ldp d8, d9, [sp, #96]
	ldp d10, d11, [sp, #112]
	ldp d12, d13, [sp, #128]
	ldp d14, d15, [sp, #144]
	add sp, sp, #160
	.cfi_def_cfa_offset 0
	.cfi_restore x19
	.cfi_restore x20
	.cfi_restore x21
	.cfi_restore x22
	.cfi_restore x23
	.cfi_restore x24
	.cfi_restore x25
	.cfi_restore x26
	.cfi_restore x27
	.cfi_restore x28
	.cfi_restore x29
	.cfi_restore x30
	ret
	.cfi_endproc
	.size weir__fiber_swap, .-weir__fiber_swap

/* Where a new fiber begins: entry is in x19. The undefined return address ends every backtrace here. */
	.globl weir__fiber_begin
	.hidden weir__fiber_begin
	.type weir__fiber_begin, %function
	.align 4
weir__fiber_begin:
	.cfi_startproc
	.cfi_undefined x30
	mov x29, #0
	mov x30, #0
	blr x19
	brk #1
	.cfi_endproc
	.size weir__fiber_begin, .-weir__fiber_begin
#endif
	.section .note.GNU-stack, "", %progbits

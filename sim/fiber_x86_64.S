/* SPDX-License-Identifier: MIT
 *
 * void weir__fiber_swap(void **save_sp, void *load_sp)
 *
 * Saves the six registers a called function must keep (System V x86-64 ABI) on the stack it leaves, and takes them
 * from the stack it enters. Left by an indirect jump rather than ret: the processor's return predictor would be
 * wrong at each switch. Both stacks hold the same frame, so one CFI description is right before and after the
 * exchange. */
#if defined(__x86_64__) && !defined(WEIR_SIM_UCONTEXT)
	.text
	.globl weir__fiber_swap
	.hidden weir__fiber_swap
	.type weir__fiber_swap, @function
	.align 16
weir__fiber_swap:
	.cfi_startproc
	pushq %rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbp, 0
	pushq %rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbx, 0
	pushq %r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r12, 0
	pushq %r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r13, 0
	pushq %r14
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r14, 0
	pushq %r15
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r15, 0
	movq %rsp, (%rdi)
	movq %rsi, %rsp
	popq %r15
	.cfi_adjust_cfa_offset -8
	.cfi_restore r15
	popq %r14
	.cfi_adjust_cfa_offset -8
	.cfi_restore r14
	popq %r13
	.cfi_adjust_cfa_offset -8
	.cfi_restore r13
	popq %r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore r12
	popq %rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore rbx
	popq %rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore rbp
	popq %rcx
	.cfi_adjust_cfa_offset -8
	.cfi_register rip, rcx
	jmpq *%rcx
	.cfi_endproc
	.size weir__fiber_swap, .-weir__fiber_swap

/* Where a new fiber begins: entry is in r12. The undefined return address ends every backtrace here. */
	.globl weir__fiber_begin
	.hidden weir__fiber_begin
	.type weir__fiber_begin, @function
	.align 16
weir__fiber_begin:
	.cfi_startproc
	.cfi_undefined rip
	xorl %ebp, %ebp
	callq *%r12
	ud2
	.cfi_endproc
	.size weir__fiber_begin, .-weir__fiber_begin
#endif
	.section .note.GNU-stack, "", %progbits

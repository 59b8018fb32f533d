/* SPDX-License-Identifier: MIT
 *
 * Preparing a fiber, and the portable switch. The assembly is in fiber_x86_64.S and fiber_aarch64.S; a new fiber's
 * stack is laid out here as the switch would have left it. */
#include "fiber.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#ifdef WEIR_SIM_UCONTEXT

void weir__fiber_init(struct fiber *fiber, void *stack, size_t bytes, void (*entry)(void))
{
	getcontext(&fiber->context);
	fiber->context.uc_stack.ss_sp = stack;
	fiber->context.uc_stack.ss_size = bytes;
	fiber->context.uc_link = NULL;
	makecontext(&fiber->context, entry, 0);
	fiber->sp = (unsigned char *)stack + bytes;
}

static void swap(struct fiber *from, struct fiber *to)
{
	from->sp = __builtin_frame_address(0);
	swapcontext(&from->context, &to->context);
}

#else

void weir__fiber_swap(void **save_sp, void *load_sp);
void weir__fiber_begin(void);

void weir__fiber_init(struct fiber *fiber, void *stack, size_t bytes, void (*entry)(void))
{
	uintptr_t top = ((uintptr_t)stack + bytes) & ~(uintptr_t)15;
	uint64_t *sp;
	assert(bytes >= 4096);
#if defined(__x86_64__)
	/* r15 r14 r13 r12 rbx rbp, then the address the switch returns to; above it a zero return address ends the
	 * backtrace */
	sp = (uint64_t *)(top - 72); /* the call of entry finds the stack aligned to 16 */
	memset(sp, 0, 72);
	sp[3] = (uint64_t)(uintptr_t)entry; /* r12 */
	sp[6] = (uint64_t)(uintptr_t)weir__fiber_begin;
#elif defined(__aarch64__)
	/* x19..x28, x29, x30, d8..d15: 20 words */
	sp = (uint64_t *)(top - 160);
	memset(sp, 0, 160);
	sp[0] = (uint64_t)(uintptr_t)entry;              /* x19 */
	sp[11] = (uint64_t)(uintptr_t)weir__fiber_begin; /* x30 */
#endif
	fiber->sp = sp;
}

static void swap(struct fiber *from, struct fiber *to)
{
	weir__fiber_swap(&from->sp, to->sp);
}

#endif

void weir__fiber_switch(struct fiber *from, struct fiber *to, bool last)
{
#if SIM_SAN_FIBERS
	unsigned depth = weir__san_stop(from, to, last);
	swap(from, to);
	weir__san_go_on(from, depth);
#else
	(void)last;
	swap(from, to);
#endif
}

/* SPDX-License-Identifier: MIT
 *
 * Fibers: a stack, and a switch between two stacks. The switch is our own assembly on x86-64 and aarch64 (about 2-10
 * ns), with call-frame information so that a debugger walks the stack of a stopped task; elsewhere, or with
 * -DWEIR_SIM_UCONTEXT, it is swapcontext(3), which makes two system calls. Not saved: the floating-point control
 * words, which no task may change. */
#ifndef WEIR_SIM_FIBER_H
#define WEIR_SIM_FIBER_H

#include <stdbool.h>
#include <stddef.h>

#include "sanitize.h"

#if !defined(WEIR_SIM_UCONTEXT) && !defined(__x86_64__) && !defined(__aarch64__)
#define WEIR_SIM_UCONTEXT 1
#endif

#ifdef WEIR_SIM_UCONTEXT
#include <ucontext.h>
#endif

struct fiber {
	void *sp; /* of a fiber that is not running: where its registers are saved */
#ifdef WEIR_SIM_UCONTEXT
	ucontext_t context;
#endif
#if SIM_SAN_FIBERS
	struct sim_san san;
#endif
};

/* Prepares a fiber that will call entry() on the given stack when it is first switched to. entry must never return. */
void weir__fiber_init(struct fiber *fiber, void *stack, size_t bytes, void (*entry)(void));

/* Stops the calling fiber in `from` and continues `to`. last: `from` will never be continued. */
void weir__fiber_switch(struct fiber *from, struct fiber *to, bool last);

#endif

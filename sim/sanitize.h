/* SPDX-License-Identifier: MIT
 *
 * What sanitizers and Valgrind have to be told about fibers and about the arena.
 *
 * They take a thread for a stack and a stack for a thread. In the simulator many tasks share one thread, so each
 * switch, each stack and each block of the arena is announced. All of it is here, compiled in where the compiler says
 * that a sanitizer is on, empty otherwise; Valgrind needs no compiler, so its part is there where its headers are,
 * behind one test of a flag.
 *
 *  Z1  ASan. Every switch is announced on both sides; a fiber that is left for good gives its fake stack back. What
 *      the arena has not given out, or has taken back, is poisoned, but for memory that holds a handle or a channel: a
 *      stale copy of those is the simulator's own finding, with both sites.
 *  Z2  LSan. Stacks and memory of tasks, and the stack of the thread that runs the search, are roots.
 *  Z3  TSan. One fiber of TSan for each task, switched to without order (the flag 1): the simulator must not hide that
 *      two tasks are not ordered, and it does if each switch counts as an order. What does order them is announced:
 *      unpark before park returns, spawn before start, exit before join, and everything before a wait that ends because
 *      all others wait (a quiesce, or time that moves because nobody can run; a timer that fires early orders nothing).
 *      The rest TSan sees in the library's atomics, which is built with it.
 *  Z4  TSan must not see the simulator's own memory, which every task writes. Its files are built without TSan
 *      (-DWEIR_SIM_TSAN in its place, see the Makefile); what it does through libc and core's inspect.c is hidden by
 *      enter and leave around every entry. The depth belongs to the running fiber and is 0 while it does not run.
 *      Thread-locals are hidden too (WEIR__UNSEEN in src/rt/atomic.h): tasks share them, but never at the same time.
 *  Z5  TSan. Between two schedules one switch with order to each fiber and back: so nothing of a schedule races with
 *      the next one. Fibers are kept from schedule to schedule, because making one takes up to 2 ms; one that was left
 *      in the middle of a function is made anew.
 *  Z6  Valgrind. Stacks are registered, each slab is a pool. Helgrind and DRD do not understand fibers: for them the
 *      library runs on threads (src/rt/atomic.h). */
#ifndef WEIR_SIM_SANITIZE_H
#define WEIR_SIM_SANITIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "explore.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define SIM_ASAN 1
#define SIM_NO_ASAN __attribute__((no_sanitize("address"), noinline))
#else
#define SIM_ASAN 0
#define SIM_NO_ASAN
#endif

#if defined(WEIR_SIM_TSAN) || defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define SIM_TSAN 1
#else
#define SIM_TSAN 0
#endif

#if __has_include(<valgrind/memcheck.h>) && !SIM_ASAN && !SIM_TSAN
#define SIM_VALGRIND 1
#else
#define SIM_VALGRIND 0
#endif

struct sim;
struct fiber;

/* What a fiber is to the sanitizers. */
struct sim_san {
	const void *bottom; /* of its stack: lowest address, and size */
	size_t bytes;
	void *fake; /* ASan: its fake stack, while it does not run */
	void *tsan;
};

/* By how much everything is slower, for limits of real time; 1: not at all. */
int weir__san_slowness(void);

/* A search begins, in the thread that will run it; and is over. */
void weir__san_search_begin(void);
void weir__san_search_end(void);

/* ---- fibers: ASan and TSan ---- */

#define SIM_SAN_FIBERS (SIM_ASAN || SIM_TSAN)

/* A fiber for the task with this number. */
void weir__san_fiber(struct fiber *fiber, uint32_t task, const char *name, const void *stack, size_t bytes);
/* The thread's own stack, on which the search runs. */
void weir__san_harness(struct fiber *fiber);
/* Around a switch, in the fiber that stops (last: for ever). What stop returns, go_on wants. */
unsigned weir__san_stop(struct fiber *from, struct fiber *to, bool last);
void weir__san_go_on(struct fiber *fiber, unsigned depth);
/* First thing in a new fiber. */
void weir__san_start(void);
/* First thing in a signal handler that will not return, on its own stack. */
void weir__san_signal(void *stack, size_t bytes);
/* In the harness, after a schedule. */
void weir__san_schedule_over(struct sim *s);

/* ---- order: TSan ---- */

void weir__tsan_enter(void);
void weir__tsan_leave(void);
void weir__tsan_release(const void *at);
void weir__tsan_acquire(const void *at);

/* Z4; and V1 of explore.c, which asks for the same. */
static inline void weir__san_enter(void)
{
	weir__sim_unseen_enter();
	if (SIM_TSAN)
		weir__tsan_enter();
}

static inline void weir__san_leave(void)
{
	if (SIM_TSAN)
		weir__tsan_leave();
	weir__sim_unseen_leave();
}

/* What the running task did comes before ... */
static inline void weir__san_release(const void *at)
{
	if (SIM_TSAN)
		weir__tsan_release(at);
}

/* ... what the task that calls this does from now on. */
static inline void weir__san_acquire(const void *at)
{
	if (SIM_TSAN)
		weir__tsan_acquire(at);
}

/* ---- memory: ASan and Valgrind ---- */

#if SIM_ASAN || SIM_VALGRIND
extern bool weir__san_memory; /* somebody watches: always with ASan, under Valgrind while it runs */
#define SIM_SAN_MEMORY __builtin_expect(weir__san_memory, 0)
#else
#define SIM_SAN_MEMORY false
#endif

struct sim_san_slab {
	unsigned char *stack, *memory;
	size_t stack_bytes, memory_bytes;
	unsigned valgrind; /* its number for the stack */
};

/* A slab was mapped; is about to be unmapped. */
void weir__san_slab_made(struct sim_san_slab *slab);
void weir__san_slab_gone(struct sim_san_slab *slab);
/* From a stack address upwards everything is about to be cleared. */
void weir__san_stack_reset(void *from, size_t bytes);
/* Nothing of the memory is given out any more; `used` bytes were. */
void weir__san_memory_reset(struct sim_san_slab *slab, size_t used);
/* A block of bytes at mem, with its header before it, is about to be written; tail: bytes behind it that nobody may
 * touch. */
void weir__san_block_given(struct sim_san_slab *slab, unsigned char *mem, size_t header, size_t bytes, size_t tail);
/* What the simulator filled it with is not a value. */
void weir__san_block_unset(unsigned char *mem, size_t bytes);
void weir__san_block_back(struct sim_san_slab *slab, unsigned char *mem, size_t bytes);

#endif

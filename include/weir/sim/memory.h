/* SPDX-License-Identifier: MIT
 *
 * weir/sim/memory.h - plain variables that tasks share: telling the simulator when they are read and written.
 *
 * A DATA RACE is two accesses of two tasks to the same memory, one of them a write, with no operation of weir that
 * orders them. The simulator does not see plain memory, so a scenario (or the code it tests) announces the accesses
 * that matter, right before it makes them. A race ends the schedule (WEIR_SIM_RACE), and the report names both tasks,
 * both places and the variable. Outside of the simulator, and inside of an invariant, nothing here does anything.
 *
 * WHAT ORDERS: spawn before the task's first line; a task's end before the join of its scope; a send before the receive
 * of that item, and a receive before the send that takes its room (with capacity 0: before the end of that send); a
 * close before the receive or send that is told of it; unlock before the next lock (what two readers did stays
 * unordered); signal and broadcast before the wait they end; release before acquire; done before wait; the function of
 * a once before every return of it; a store or change of a weir_atomic before the load that sees it; a cancel before
 * the operation that is told of it; everything on one pipeline run; writes to descriptors before reads. And, in the
 * simulator only, everything before a moment at which every task waited (time that moves, weir_sim_quiesce). A sleep
 * whose timer fires early orders nothing, nor do counters (weir/core/stats.h), two sends, two receives.
 *
 * These are NO SCHEDULING POINTS: no other task runs between the announcement and the access. A race is a matter of
 * the order that operations make, and that is the same wherever between two operations the accesses stand: a switch
 * there would show the same race again. It would show more of what the race does: opts.memory_steps makes each
 * announcement a step, and with opts.no_races the schedule goes on to see. */
#ifndef WEIR_SIM_MEMORY_H
#define WEIR_SIM_MEMORY_H

#include <weir/base.h>

WEIR_EXTERN_C_BEGIN

/* The calling task is about to read, or write, n bytes at p. 0 bytes: nothing. More than 8 MiB of different memory in
 * one schedule, or no memory to remember it in, fails the schedule (WEIR_SIM_MISUSE). */
WEIR_API void weir_sim_read(const void *p, size_t n);
WEIR_API void weir_sim_write(void *p, size_t n);

/* The n bytes at p are given up by the calling task: that is a write, and afterwards they are new memory, of which no
 * access is known. Needed where an allocator that is not the simulator's gives the same memory out again. */
WEIR_API void weir_sim_forget(void *p, size_t n);

/* A name for the n bytes at p in reports, until they are given up or the schedule ends. text is copied (23 bytes). At
 * most 64; more are without a name. */
WEIR_API void weir_sim_name_memory(void *p, size_t n, const char *text);

/* An access and its announcement in one: the value of x; x = value (a statement; the value is computed first). x is
 * evaluated twice. */
#define WEIR_SIM_GET(x) (weir_sim_read(&(x), sizeof(x)), (x))
#define WEIR_SIM_SET(x, ...)                               \
	do {                                               \
		__typeof__(x) weir_sim_v_ = (__VA_ARGS__); \
		weir_sim_write(&(x), sizeof(x));           \
		(x) = weir_sim_v_;                         \
	} while (0)

WEIR_EXTERN_C_END

#endif

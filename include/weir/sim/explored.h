/* SPDX-License-Identifier: MIT
 *
 * weir/sim/explored.h - what a search has looked at, and what not: the part of a result that says how much "nothing
 * was found" is worth. What no search of weir/sim.h looks at: orders that only weak memory allows (every access is
 * sequentially consistent), and interleavings inside an operation. */
#ifndef WEIR_SIM_EXPLORED_H
#define WEIR_SIM_EXPLORED_H

#include <weir/base.h>

WEIR_EXTERN_C_BEGIN

#define WEIR_SIM_NO_BOUND UINT32_MAX
#define WEIR_SIM_LISTED 10 /* of a list in here */

enum weir_sim_end {
	WEIR_SIM_END_FAILURE = 0, /* or the search was a replay */
	WEIR_SIM_END_EXHAUSTED,   /* nothing is left to run, within the bounds */
	WEIR_SIM_END_SCHEDULES,   /* a budget is spent: opts.schedules, opts.max_steps, opts.wall_ns */
	WEIR_SIM_END_STEPS,
	WEIR_SIM_END_TIME,
};

/* Two places in the code whose operations depend on each other, were performed by different tasks, were not ordered by
 * a spawn or a join, and were always attempted in this order: return addresses. */
struct weir_sim_pair {
	const void *before, *after;
	uint64_t times;
};

struct weir_sim_explored {
	enum weir_sim_end end;
	uint32_t jobs;     /* processes that took part */
	uint64_t repeated; /* schedules that were run again at a higher bound: not in `schedules` */

	/* Systematic strategies. bounded: every schedule with at most so many preemptions and early timers was run;
	 * WEIR_SIM_NO_BOUND: with any number. */
	bool bounded;
	uint32_t bound_preemptions, bound_early;
	double estimate; /* of the schedules there are, within the bounds of the moment; 0: none, or all were run */

	/* With opts.count_orders. Orders: schedules that differ in more than the order of independent operations. */
	uint64_t orders;
	bool orders_more;    /* ... and some more: the table is full */
	uint32_t window;     /* the last 1000 schedules, or the later half of fewer than 2000 */
	uint32_t window_new; /* how many of them were of an order not seen before; 0 where the table is full */
	uint32_t pairs;      /* that were seen in one order only, where both orders might be possible */
	bool pairs_more;     /* ... among the places in the code that were watched; there are more */
	struct weir_sim_pair pair[WEIR_SIM_LISTED]; /* the most frequent ones */

	/* weir_sim_sometimes: how many names there are, how many of them were never true, and their names. */
	uint32_t sometimes, never;
	const char *never_name[WEIR_SIM_LISTED];
};

WEIR_EXTERN_C_END

#endif

/* SPDX-License-Identifier: MIT
 *
 * What a search strategy is: it picks, and is told when a schedule begins and ends. A strategy sees the tasks that
 * can run, which one ran last, whether the clock may be moved early, and through the engine's task table the
 * operation each task has announced (kind, objects, access): what partial-order methods need. It never sees
 * addresses. New strategies go in a file of their own, and into the table of search.c. */
#ifndef WEIR_SIM_STRATEGY_H
#define WEIR_SIM_STRATEGY_H

#include "engine.h"

struct sim_view {
	const struct sim *sim;
	uint32_t n;        /* alternatives: tasks that can run, and the clock where it may move */
	uint32_t current;  /* the task that ran last if it can run on, else SIM_NONE */
	uint32_t standard; /* the default policy's pick */
	bool clock;        /* SIM_CLOCK is one of the n */
};

struct sim_strategy {
	const char *name;
	bool systematic; /* runs different schedules until there are no more: `schedules` 0 is no limit */
	/* A new schedule. `seed` differs from schedule to schedule. */
	void (*begin)(struct sim_strategy *st, uint64_t seed);
	/* A task index of view, or SIM_CLOCK where view->clock. n is at least 2. */
	uint32_t (*pick)(struct sim_strategy *st, const struct sim_view *view);
	/* May be NULL: a step without an alternative, by the only task that can run. */
	void (*alone)(struct sim_strategy *st, const struct sim *s, uint32_t task);
	/* A number in [0, n); n is at least 2. */
	uint32_t (*value)(struct sim_strategy *st, uint32_t n);
	/* Whether the at-th opportunity of this kind (from 1) is a fault: 0, or a variant below n (inject.h). NULL: it
	 * is drawn for the strategy; one that visits all alternatives has its own. */
	uint32_t (*fault)(struct sim_strategy *st, enum sim_fault kind, uint64_t at, uint32_t n);
	/* The schedule is over; false: there is nothing left to run. */
	bool (*end)(struct sim_strategy *st, const struct sim *s);
	/* Set by end: the schedule that is over was run before, or belongs to another process. It is not counted. */
	bool repeated;
	/* NULL: cannot be split. Before the first schedule: this is process `job` of `jobs`, which run disjoint
	 * parts. */
	void (*split)(struct sim_strategy *st, uint32_t job, uint32_t jobs);
	/* May be NULL. What is known of the whole: bound_..., estimate. exhausted: end has said that nothing is
	 * left. */
	void (*tell)(const struct sim_strategy *st, bool exhausted, struct weir_sim_explored *out);
	void (*free)(struct sim_strategy *st);
};

/* The i-th alternative in canonical order: the default policy's pick first, then tasks by index, the clock last. */
uint32_t weir__sim_alternative(const struct sim_view *view, uint32_t i);

struct sim_strategy *weir__sim_random_new(void);
struct sim_strategy *weir__sim_pct_new(unsigned depth);
struct sim_strategy *weir__sim_pos_new(void);
struct sim_strategy *weir__sim_surw_new(void);
struct sim_strategy *weir__sim_dfs_new(uint32_t preemptions); /* UINT32_MAX: no bound */
struct sim_strategy *weir__sim_ipb_new(uint32_t early);       /* at most so many early timers */
struct sim_strategy *weir__sim_dpor_new(bool source);         /* source: without wakeup trees */
struct sim_strategy *weir__sim_replay_new(const struct sim *s, const struct sim_replay *text);

/* What text says, up to its end or to step `until` (0: to its last item), and then what `inner` does, which becomes the
 * wrapper's. NULL: no memory, and inner is the caller's still. */
struct sim_strategy *weir__sim_prefix_new(struct sim *s, const struct sim_replay *text, uint64_t until,
					  struct sim_strategy *inner);

/* Of a dfs: what a schedule may cost at most, or has cost. */
struct sim_dfs_bound {
	uint32_t preemptions, early;
};

/* All schedules within a bound once more, as if none had been run. */
void weir__sim_dfs_restart(struct sim_strategy *st, struct sim_dfs_bound bound);
struct sim_dfs_bound weir__sim_dfs_cost(const struct sim_strategy *st); /* of the schedule that is over */
/* Whether a schedule since the restart would have gone on otherwise without the bound. */
void weir__sim_dfs_cuts(const struct sim_strategy *st, bool *preemption, bool *early);

/* splitmix64 (Steele, Lea, Flood, OOPSLA 2014): one state word, good enough to pick with. */
static inline uint64_t weir__sim_mix(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* [0, n) without a division; the bias is below 2^-32 for the small n used here. */
static inline uint32_t weir__sim_below(uint64_t *state, uint32_t n)
{
	return (uint32_t)(((weir__sim_mix(state) >> 32) * n) >> 32);
}

#endif

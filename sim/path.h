/* SPDX-License-Identifier: MIT
 *
 * A schedule as a path: who took each step, and what each task drew. A replay string counts steps, so taking one item
 * out of it shifts all that follow; a path says "then T2", whenever that is, and can be cut, reordered and followed as
 * far as it still makes sense. Shrinking (shrink.c) and explaining (explain.c) work on paths; what comes out is read
 * off the run, and told as a replay string. strategy_guide.c follows and records them. */
#ifndef WEIR_SIM_PATH_H
#define WEIR_SIM_PATH_H

#include "strategy.h"

struct sim_draw {
	uint32_t task, value;
	uint32_t nth;  /* of a fault: which of the task's opportunities of its kind, from 1 */
	uint8_t fault; /* enum sim_fault; 0: a data choice */
	size_t steps;  /* taken before it */
};

struct sim_path {
	uint32_t *steps; /* steps[i]: who took step i + 1: a task, or SIM_CLOCK */
	size_t n, cap;
	struct sim_draw *draws; /* in order: data choices, of which each task's own are a sequence; faults */
	size_t n_draws, draws_cap;
};

/* How hard a schedule is to follow for a person, the first field first; but an early timer counts as a preemption, too:
 * it is as much of a surprise. */
struct sim_cost {
	uint64_t preemptions, switches, early;
	uint64_t others;  /* other choices that are not the default policy's; faults */
	uint64_t numbers; /* the sum of the data choices, and of the ways in which something goes wrong */
	uint64_t steps;
	uint64_t lateness; /* over the preemptions: steps from there to the end. A late one stands where it matters */
};

/* Negative, 0, positive: a is easier, equal, harder. */
int weir__sim_cost_order(const struct sim_cost *a, const struct sim_cost *b);

/* What the guide does in one run, and what it finds. */
struct sim_guide {
	const struct sim_path *path; /* NULL: none */
	size_t follow; /* so many of its steps, and what was drawn in them; the rest is not for this run */
	struct sim_strategy *beyond; /* who picks where the path has nothing to say; NULL: the default policy */
	uint64_t seed;               /* for `beyond` */
	unsigned early;              /* how often `beyond` may move the clock early */
	/* Before each step, with the state it is about to be taken in; may be NULL. */
	void (*see)(void *arg, const struct sim *s, uint32_t task);
	void *arg;

	struct sim_path record;
	struct sim_cost cost; /* complete once the strategy was told of the end */
	bool no_memory;       /* the record is not complete */
};

/* A strategy that does it; NULL: no memory. The guide must outlive it, and is begun anew by each run. */
struct sim_strategy *weir__sim_guide_new(const struct sim *s, struct sim_guide *guide);

void weir__sim_path_free(struct sim_path *path);

/* How runs are made: one schedule by this strategy. */
typedef void weir__sim_run_fn(void *arg, struct sim_strategy *strategy);

/* shrink.c: a list with as few deviations as can be found that fails like the schedule that has just run; items is NULL
 * without memory. */
struct sim_replay weir__sim_shrink(struct sim *s, weir__sim_run_fn *run, void *arg);

#endif

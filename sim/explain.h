/* SPDX-License-Identifier: MIT
 *
 * Why a schedule fails: found by running schedules that differ from it a little (explain.c), told by report_why.c. */
#ifndef WEIR_SIM_EXPLAIN_H
#define WEIR_SIM_EXPLAIN_H

#include "path.h"

#define SIM_WHY_PAIRS 3
#define SIM_WHY_CONTINUATIONS 200

/* Two steps of the failing schedule. In the other order, with the rest as before as far as that is possible, the
 * scenario passes. */
struct sim_pair {
	uint64_t first, second; /* second 0: what `task` would have come to, if the schedule had not failed before */
	uint32_t task;
	char text[SIM_EXPECT_TEXT]; /* ... and what that is: "store.atomic1" */
	const void *site;
	bool wakes; /* it waits in that already */
};

struct sim_explanation {
	struct sim_pair pairs[SIM_WHY_PAIRS]; /* the last ones, in order */
	unsigned n_pairs, n_flipped;          /* found, of so many that were run the other way round */
	uint64_t early[SIM_WHY_PAIRS];        /* steps of early timers without which the scenario passes */
	unsigned n_early;
	/* The first step after which each of so many random continuations fails as this one: 0: the scenario fails from
	 * its start on. */
	bool known;
	uint64_t from, last; /* last: the step at which the schedule fails */
	unsigned continuations;
};

/* Of the schedule with these deviations. Leaves another one in s. */
void weir__sim_explain(struct sim *s, const struct sim_replay *list, weir__sim_run_fn *run, void *arg,
		       struct sim_explanation *out);

struct sim_out;

/* The lines of the report; s->trace is that of the schedule. */
void weir__sim_report_why(struct sim_out *out);

#endif

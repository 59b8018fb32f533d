/* SPDX-License-Identifier: MIT
 *
 * A search as its files know it: search.c runs it, jobs.c shares it between processes, progress.c shows how far it
 * is. */
#ifndef WEIR_SIM_SEARCH_H
#define WEIR_SIM_SEARCH_H

#include "explored.h"
#include "strategy.h"

#define MAX_STRATEGIES 4
#define MAX_JOBS 64

struct sim_share;
struct sim_progress;

struct search {
	struct sim *s;
	struct weir_sim_opts opts;
	weir_task_fn *fn;
	void *arg;
	struct sim_strategy *strategies[MAX_STRATEGIES];
	size_t n_strategies;
	bool systematic, exhausted;
	uint64_t runs;                /* since the strategies are new: schedules, and those that are repeated */
	uint64_t schedules, repeated; /* likewise */
	uint64_t blocked;             /* likewise: of these, given up by the strategy */
	uint64_t all_runs;            /* of all fault positions together */
	enum weir_sim_end end;        /* why search_schedules has ended */
	bool fault_reached;
	uint64_t faults;        /* positions of a sweep, and faults that happened */
	struct sim_replay from; /* opts.from */
	uint64_t until;

	/* what is counted */
	struct sim_seen *seen; /* NULL: nothing */
	struct sim_window window;
	struct sim_marks marks;

	/* jobs.c: this process is `job` of `jobs`; during a sweep each has schedules of its own, so part is 0 of 1 */
	uint32_t job, jobs, part, parts;
	struct sim_share *share; /* NULL: nothing is shared */

	struct sim_progress *progress;
};

/* ---- search.c ---- */

/* All schedules of this process (s->failure: one failed), inside the guard. Returns the number of the failed one from
 * 1, or 0. */
uint64_t weir__sim_search_part(struct search *q);
/* From now on this is process `job` of `jobs`; before the first schedule. 0 or WEIR_ENOMEM. */
int weir__sim_search_divide(struct search *q, uint32_t job, uint32_t jobs);
/* One schedule: the default policy but for the list. */
void weir__sim_search_replay(struct search *q, const struct sim_replay *list);

/* ---- jobs.c ---- */

/* Whether the search is to be shared, and can be. */
bool weir__sim_share_possible(const struct search *q);
/* Runs the search in opts.jobs processes, and adds up in q what they have done. 0; WEIR_ENOMEM, WEIR_EAGAIN: could not
 * fork; WEIR_ECANCELED: a signal. */
int weir__sim_share_run(struct search *q);
/* What they have found, as if this process had: s->failure and the stream, inside the guard. Returns as
 * weir__sim_search_schedules. */
uint64_t weir__sim_share_adopt(struct search *q);
void weir__sim_share_free(struct search *q);
void weir__sim_share_tell(const struct search *q, struct weir_sim_explored *out); /* bounds and estimate */
uint32_t weir__sim_share_window(const struct search *q, uint32_t *n);             /* as weir__sim_window_fresh */
/* In a process of a share, before each schedule: false where it can find nothing that counts any more. */
bool weir__sim_share_wanted(const struct search *q);
/* ... and after each. */
void weir__sim_share_note(struct search *q);

/* ---- progress.c ---- */

/* A sum over all processes. */
struct sim_counts {
	uint64_t schedules, orders;
	uint32_t window, window_new;
	bool orders_more;
};

struct sim_progress *weir__sim_progress_new(const char *name); /* NULL: no memory, and nothing is shown */
void weir__sim_progress_show(struct sim_progress *p, const struct sim_counts *counts); /* if it is time */
void weir__sim_progress_free(struct sim_progress *p);                                  /* and takes the line away */

#endif

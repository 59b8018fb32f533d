/* SPDX-License-Identifier: MIT
 *
 * Depth-first search: every schedule, once, in the order of the canonical alternatives (the default policy's pick
 * first). With a bound, every schedule with at most that many preemptions, where a preemption is to let another task
 * run although the current one could go on (Musuvathi and Qadeer, PLDI 2007); a free switch, a data choice, a fault and
 * an early timer are not preemptions. No reduction: this is the oracle that cleverer searches are checked against, and
 * exhaustive only for small scenarios.
 *
 * A second bound is for timers that fire early, which are costs of another kind. Whether one of the bounds has taken an
 * alternative away is kept, for the search that raises them (strategy_ipb.c).
 *
 * How many schedules there are is estimated while the search runs: a leaf of the tree whose path had n1, n2, ...
 * alternatives stands for 1/(n1 n2 ...) of it, so where schedules so far make up the part f, there are about
 * schedules/f (the weighted backtrack estimator of Kilby, Slaney, Thiebaux and Walsh, AAAI 2006, which is Knuth's
 * estimator of 1975 with the search's own leaves as probes). As they are not drawn at random, it may be far off at
 * first.
 *
 * Several processes share a tree by its subtrees (`split`): all paths of the same first `cut` choices are one, they are
 * dealt out in turn, and a process that comes to one that is not its own runs its first schedule, only to learn where
 * the next one begins. `cut` follows from the first schedule, which is the same for all.
 *
 * The path from schedule to schedule is a stack of (alternative taken, alternatives). The prefix of the last path is
 * followed again, so the scenario must be deterministic; a prefix that no longer fits shows as another number of
 * alternatives, or as one that never comes, and fails the run as nondeterministic. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "strategy.h"

#define SUBTREES 16u /* for each process, at least: some are small */

struct branch {
	uint32_t taken, n;
};

struct dfs {
	struct sim_strategy base;
	struct branch *path;
	size_t depth, length, cap;        /* where this schedule is; how long the path is */
	struct sim_dfs_bound bound, cost; /* cost: of this schedule */
	bool cut_preemption, cut_early;   /* the bound has taken alternatives away */
	bool broken;
	uint32_t job, jobs; /* this process has the subtrees whose number is `job` modulo `jobs` */
	size_t cut;         /* 0: not known yet */
	uint64_t subtree;
	uint64_t leaves; /* own ones */
	double part;     /* of the tree that is behind this search: that before it in the order, own or not */
};

static void dfs_begin(struct sim_strategy *st, uint64_t seed)
{
	struct dfs *d = (struct dfs *)st;
	(void)seed;
	d->depth = 0;
	d->cost = (struct sim_dfs_bound){0};
}

/* The alternative to take at this point of the path, which has n. */
static uint32_t follow(struct dfs *d, uint32_t n)
{
	if (d->depth == d->length) {
		if (d->length == d->cap) {
			size_t cap = d->cap ? 2 * d->cap : 256;
			struct branch *more = weir__own_realloc(d->path, cap * sizeof(*more));
			if (!more) {
				fprintf(stderr, "weir sim: no memory for a path of %zu choices\n", cap);
				abort();
			}
			d->path = more;
			d->cap = cap;
		}
		d->path[d->length++] = (struct branch){.taken = 0, .n = n};
	}
	struct branch *b = &d->path[d->depth++];
	if (b->n != n) { /* the same prefix, another program: dfs_end says so */
		d->broken = true;
		return 0;
	}
	return b->taken;
}

static uint32_t dfs_pick(struct sim_strategy *st, const struct sim_view *view)
{
	struct dfs *d = (struct dfs *)st;
	uint32_t tasks = view->n - view->clock; /* who can go on */
	bool free_switch = view->current == SIM_NONE;
	bool clock = view->clock && d->cost.early < d->bound.early;
	if (!free_switch && tasks > 1 && d->cost.preemptions >= d->bound.preemptions) {
		d->cut_preemption = true;
		tasks = 1; /* the default policy's pick: to go on */
	}
	d->cut_early |= view->clock && !clock;
	uint32_t n = tasks + clock;
	uint32_t i = n > 1 ? follow(d, n) : 0;
	uint32_t a = i < tasks ? weir__sim_alternative(view, i) : SIM_CLOCK;
	if (a == SIM_CLOCK)
		d->cost.early++;
	else if (!free_switch && a != view->current)
		d->cost.preemptions++;
	return a;
}

static uint32_t dfs_value(struct sim_strategy *st, uint32_t n)
{
	return follow((struct dfs *)st, n);
}

static uint32_t dfs_fault(struct sim_strategy *st, enum sim_fault kind, uint64_t at, uint32_t n)
{
	(void)kind, (void)at;
	return follow((struct dfs *)st, n);
}

/* Where the subtrees begin that processes share: as few choices as make enough of them on the first path. */
static size_t cut_of(const struct dfs *d)
{
	uint64_t subtrees = 1;
	size_t depth = 0;
	while (depth < d->length && subtrees < (uint64_t)SUBTREES * d->jobs)
		subtrees *= d->path[depth++].n;
	return depth;
}

/* The schedule that is over was one of another process's, but for its beginning: all of its subtree is passed over. */
static void pass_over(struct dfs *d)
{
	d->base.repeated = true;
	if (d->length > d->cut)
		d->length = d->cut;
}

/* Which part of the tree is before the end of the path, in the order of the search. */
static double part_behind(const struct dfs *d)
{
	double width = 1, behind = 0;
	for (size_t i = 0; i < d->length; i++) {
		width /= d->path[i].n;
		behind += width * d->path[i].taken;
	}
	return behind + width;
}

static bool dfs_end(struct sim_strategy *st, const struct sim *s)
{
	struct dfs *d = (struct dfs *)st;
	if (d->broken || d->depth < d->length) {
		weir__sim_fail((struct sim *)(uintptr_t)s, WEIR_SIM_NONDETERMINISM,
			       "the first choices of the schedule before did not lead to the same alternatives again");
		return false;
	}
	if (d->jobs > 1 && d->cut == 0)
		d->cut = cut_of(d);
	st->repeated = false;
	if (d->jobs > 1 && d->subtree % d->jobs != d->job)
		pass_over(d);
	d->leaves += !st->repeated;
	d->part = part_behind(d);
	while (d->length > 0 && d->path[d->length - 1].taken + 1 == d->path[d->length - 1].n)
		d->length--;
	if (d->length == 0)
		return false;
	d->path[d->length - 1].taken++;
	d->subtree += d->length <= d->cut;
	return true;
}

static void dfs_split(struct sim_strategy *st, uint32_t job, uint32_t jobs)
{
	struct dfs *d = (struct dfs *)st;
	assert(job < jobs && d->length == 0);
	d->job = job;
	d->jobs = jobs;
}

static void dfs_tell(const struct sim_strategy *st, bool exhausted, struct weir_sim_explored *out)
{
	const struct dfs *d = (const struct dfs *)st;
	out->bounded = exhausted;
	if (exhausted) {
		out->bound_preemptions = d->cut_preemption ? d->bound.preemptions : WEIR_SIM_NO_BOUND;
		out->bound_early = d->cut_early ? d->bound.early : WEIR_SIM_NO_BOUND;
	} else if (d->part > 0) {
		out->estimate = (double)d->leaves / d->part;
	}
}

static void dfs_free(struct sim_strategy *st)
{
	free(((struct dfs *)st)->path);
	free(st);
}

struct sim_strategy *weir__sim_dfs_new(uint32_t preemptions)
{
	struct dfs *d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->bound = (struct sim_dfs_bound){.preemptions = preemptions, .early = UINT32_MAX};
	d->base = (struct sim_strategy){.name = "dfs",
					.systematic = true,
					.begin = dfs_begin,
					.pick = dfs_pick,
					.value = dfs_value,
					.fault = dfs_fault,
					.end = dfs_end,
					.split = dfs_split,
					.tell = dfs_tell,
					.free = dfs_free};
	return &d->base;
}

void weir__sim_dfs_restart(struct sim_strategy *st, struct sim_dfs_bound bound)
{
	struct dfs *d = (struct dfs *)st;
	d->bound = bound;
	d->length = d->depth = d->cut = 0;
	d->subtree = d->leaves = 0;
	d->part = 0;
	d->cut_preemption = d->cut_early = false;
}

struct sim_dfs_bound weir__sim_dfs_cost(const struct sim_strategy *st)
{
	return ((const struct dfs *)st)->cost;
}

void weir__sim_dfs_cuts(const struct sim_strategy *st, bool *preemption, bool *early)
{
	const struct dfs *d = (const struct dfs *)st;
	*preemption = d->cut_preemption;
	*early = d->cut_early;
}

/* SPDX-License-Identifier: MIT
 *
 * Depth-first search: every schedule, once, in the order of the canonical alternatives (the default policy's pick
 * first). With a bound, every schedule with at most that many preemptions, where a preemption is to let another task
 * run although the current one could go on (Musuvathi and Qadeer, PLDI 2007); a free switch, a data choice, a fault and
 * an early timer are not preemptions. No reduction: this is the oracle that cleverer searches are checked against, and
 * exhaustive only for small scenarios.
 *
 * The path from schedule to schedule is a stack of (alternative taken, alternatives). The prefix of the last path is
 * followed again, so the scenario must be deterministic; a prefix that no longer fits shows as another number of
 * alternatives, or as one that never comes, and fails the run as nondeterministic. */
#include <stdio.h>
#include <stdlib.h>

#include "strategy.h"

struct branch {
	uint32_t taken, n;
};

struct dfs {
	struct sim_strategy base;
	struct branch *path;
	size_t depth, length, cap; /* where this schedule is; how long the path is */
	uint32_t bound, preemptions;
	bool broken;
};

static void dfs_begin(struct sim_strategy *st, uint64_t seed)
{
	struct dfs *d = (struct dfs *)st;
	(void)seed;
	d->depth = 0;
	d->preemptions = 0;
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
	bool free_switch = view->current == SIM_NONE;
	bool bounded = !free_switch && d->preemptions >= d->bound; /* then: to go on, or to move the clock */
	uint32_t n = bounded ? 1 + (uint32_t)view->clock : view->n;
	uint32_t i = n > 1 ? follow(d, n) : 0;
	uint32_t a = bounded && i == 1 ? SIM_CLOCK : weir__sim_alternative(view, i);
	if (!free_switch && a != view->current && a != SIM_CLOCK)
		d->preemptions++;
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

static bool dfs_end(struct sim_strategy *st, const struct sim *s)
{
	struct dfs *d = (struct dfs *)st;
	if (d->broken || d->depth < d->length) {
		weir__sim_fail((struct sim *)(uintptr_t)s, WEIR_SIM_NONDETERMINISM,
			       "the first choices of the schedule before did not lead to the same alternatives again");
		return false;
	}
	while (d->length > 0 && d->path[d->length - 1].taken + 1 == d->path[d->length - 1].n)
		d->length--;
	if (d->length == 0)
		return false;
	d->path[d->length - 1].taken++;
	return true;
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
	d->bound = preemptions;
	d->base = (struct sim_strategy){.name = "dfs",
					.begin = dfs_begin,
					.pick = dfs_pick,
					.value = dfs_value,
					.fault = dfs_fault,
					.end = dfs_end,
					.free = dfs_free};
	return &d->base;
}

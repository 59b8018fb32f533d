/* SPDX-License-Identifier: MIT
 *
 * PCT(d), probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi, Nagarakatti, ASPLOS 2010): every task gets
 * a random priority, the highest that can run does; at d - 1 random points of the schedule the one that would run falls
 * below all others. A bug that needs d ordering constraints is found with probability at least 1 / (n k^(d-1)) per
 * schedule, for n tasks and k decisions.
 *
 * k is the largest number of decisions seen so far in this search. Steps with one alternative are not counted. A
 * task that yields falls to the bottom, so that a loop that yields does not starve the others. The clock, where it
 * may move early, is one more task. */
#include <stdlib.h>
#include <string.h>

#include "strategy.h"

#define CLOCK_SLOT WEIR_SIM_TASKS
#define MAX_DEPTH 32

struct pct {
	struct sim_strategy base;
	char name[16];
	uint64_t state;
	unsigned depth;
	uint64_t decision, horizon; /* in this schedule; k */
	uint64_t change[MAX_DEPTH];
	uint64_t low;                          /* the next priority below all others */
	uint64_t priority[WEIR_SIM_TASKS + 1]; /* 0: not drawn yet */
};

static void pct_begin(struct sim_strategy *st, uint64_t seed)
{
	struct pct *p = (struct pct *)st;
	p->state = seed;
	p->decision = 0;
	p->low = UINT64_C(1) << 32;
	memset(p->priority, 0, sizeof(p->priority));
	for (unsigned i = 0; i + 1 < p->depth; i++)
		p->change[i] = 1 + weir__sim_mix(&p->state) % p->horizon;
}

static uint32_t slot_of(uint32_t alternative)
{
	return alternative == SIM_CLOCK ? CLOCK_SLOT : alternative;
}

static uint64_t priority_of(struct pct *p, uint32_t slot)
{
	if (p->priority[slot] == 0) /* drawn priorities lie above all that were lowered */
		p->priority[slot] = weir__sim_mix(&p->state) | UINT64_C(1) << 63;
	return p->priority[slot];
}

static uint32_t highest(struct pct *p, const struct sim_view *view)
{
	uint32_t best = SIM_NONE;
	uint64_t best_priority = 0;
	for (uint32_t i = 0; i < view->n; i++) {
		uint32_t a = weir__sim_alternative(view, i);
		uint64_t priority = priority_of(p, slot_of(a));
		if (best == SIM_NONE || priority > best_priority) {
			best = a;
			best_priority = priority;
		}
	}
	return best;
}

static uint32_t pct_pick(struct sim_strategy *st, const struct sim_view *view)
{
	struct pct *p = (struct pct *)st;
	const struct sim *s = view->sim;
	p->decision++;
	if (view->current != SIM_NONE && s->tasks[view->current]->op &&
	    s->tasks[view->current]->op->kind == WEIR_OP_YIELD)
		p->priority[view->current] = --p->low;
	uint32_t best = highest(p, view);
	for (unsigned i = 0; i + 1 < p->depth; i++) {
		if (p->change[i] == p->decision) {
			p->priority[slot_of(best)] = --p->low;
			best = highest(p, view);
		}
	}
	return best;
}

static uint32_t pct_value(struct sim_strategy *st, uint32_t n)
{
	return weir__sim_below(&((struct pct *)st)->state, n);
}

static bool pct_end(struct sim_strategy *st, const struct sim *s)
{
	struct pct *p = (struct pct *)st;
	if (s->decisions > p->horizon)
		p->horizon = s->decisions;
	return true;
}

static void pct_free(struct sim_strategy *st)
{
	free(st);
}

struct sim_strategy *weir__sim_pct_new(unsigned depth)
{
	struct pct *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->depth = depth < 1 ? 1 : depth > MAX_DEPTH ? MAX_DEPTH : depth;
	p->horizon = 32;
	p->name[0] = 'p', p->name[1] = 'c', p->name[2] = 't';
	p->name[3] = (char)(p->depth < 10 ? '0' + p->depth : '0' + p->depth / 10);
	p->name[4] = (char)(p->depth < 10 ? '\0' : '0' + p->depth % 10);
	p->base = (struct sim_strategy){.name = p->name,
					.begin = pct_begin,
					.pick = pct_pick,
					.value = pct_value,
					.end = pct_end,
					.free = pct_free};
	return &p->base;
}

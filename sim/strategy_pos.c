/* SPDX-License-Identifier: MIT
 *
 * POS, partial order sampling (Yuan, Yang, Gu: Partial Order Aware Concurrency Sampling, CAV 2018): every pending
 * operation gets a random priority, and the highest that can run does. Then not only the next operation of that task
 * draws, but every pending operation that depends on the one that ran draws again. So each pair of dependent operations
 * is put in order by a draw of its own, and the orders of independent ones, which make no difference, are not sampled
 * over and over: the chance to find a bug that needs certain orders is exponentially better than a random walk's.
 * It is weak where many tasks write one object once.
 *
 *  P1  pending[i] is what task i is stopped in front of (or waits in). It changes only by a step of task i, so it is
 *      found anew for the one task that ran: every step passes through pick or alone, whose s->current it is.
 *  P2  priority 0: not drawn yet. A task that waits has been picked since it drew, so it draws again when it can run.
 *
 * Two things that are not in the paper. A task that yields falls below all others every second time: always would hide
 * orders, never would let a loop that yields starve the rest. And every 256 decisions all draw again, so that no loop
 * starves the others for long. The clock, where it may move early, is one more task. */
#include <stdlib.h>
#include <string.h>

#include "dependence.h"
#include "strategy.h"

#define CLOCK_SLOT WEIR_SIM_TASKS
#define DRAW_AGAIN 256

struct pos {
	struct sim_strategy base;
	uint64_t state;
	uint64_t decision;
	uint32_t seen;                         /* tasks whose pending[] is set */
	bool clock_moved;                      /* by the last pick: s->current has not run since */
	uint64_t priority[WEIR_SIM_TASKS + 1]; /* P2 */
	struct sim_effect pending[WEIR_SIM_TASKS];
};

static void pos_begin(struct sim_strategy *st, uint64_t seed)
{
	struct pos *p = (struct pos *)st;
	p->state = seed;
	p->decision = 0;
	p->seen = 0;
	p->clock_moved = false;
	memset(p->priority, 0, sizeof(p->priority));
}

/* P1: the task that ran has announced something new; tasks may have been spawned. */
static void take_notice(struct pos *p, const struct sim *s)
{
	for (; p->seen < s->n_tasks; p->seen++)
		p->pending[p->seen] = weir__sim_effect(s, s->tasks[p->seen]->op);
	if (p->clock_moved)
		return;
	p->pending[s->current] = weir__sim_effect(s, s->tasks[s->current]->op);
	p->priority[s->current] = 0;
}

static uint64_t priority_of(struct pos *p, uint32_t slot)
{
	if (p->priority[slot] == 0) {
		uint64_t drawn = weir__sim_mix(&p->state);
		bool low = slot != CLOCK_SLOT && p->pending[slot].kind == WEIR_OP_YIELD && (drawn & 2);
		p->priority[slot] = (low ? drawn >> 32 : drawn) | 1;
	}
	return p->priority[slot];
}

static uint32_t highest(struct pos *p, const struct sim_view *view)
{
	uint32_t best = view->clock ? CLOCK_SLOT : SIM_NONE;
	uint64_t best_priority = view->clock ? priority_of(p, CLOCK_SLOT) : 0;
	for (uint32_t w = 0; w < SIM_WORDS; w++) {
		for (uint64_t bits = view->sim->runnable[w]; bits; bits &= bits - 1) {
			uint32_t task = w * 64 + (uint32_t)__builtin_ctzll(bits);
			uint64_t priority = priority_of(p, task);
			if (priority > best_priority) {
				best = task;
				best_priority = priority;
			}
		}
	}
	return best;
}

static void draw_again_for_dependent(struct pos *p, const struct sim_view *view, uint32_t slot)
{
	const struct sim *s = view->sim;
	struct sim_effect clock = weir__sim_clock_effect(), *runs = slot == CLOCK_SLOT ? &clock : &p->pending[slot];
	for (uint32_t w = 0; w < SIM_WORDS; w++) {
		for (uint64_t bits = s->runnable[w]; bits; bits &= bits - 1) {
			uint32_t task = w * 64 + (uint32_t)__builtin_ctzll(bits);
			if (task != slot && weir__sim_dependent(s, runs, &p->pending[task]))
				p->priority[task] = 0;
		}
	}
	if (view->clock && weir__sim_dependent(s, runs, &clock))
		p->priority[CLOCK_SLOT] = 0;
	p->priority[slot] = 0;
}

static uint32_t pos_pick(struct sim_strategy *st, const struct sim_view *view)
{
	struct pos *p = (struct pos *)st;
	take_notice(p, view->sim);
	if (++p->decision % DRAW_AGAIN == 0)
		memset(p->priority, 0, sizeof(p->priority));
	uint32_t best = highest(p, view);
	draw_again_for_dependent(p, view, best);
	p->clock_moved = best == CLOCK_SLOT;
	return best == CLOCK_SLOT ? SIM_CLOCK : best;
}

static void pos_alone(struct sim_strategy *st, const struct sim *s, uint32_t task)
{
	struct pos *p = (struct pos *)st;
	take_notice(p, s);
	p->priority[task] = 0;
	p->clock_moved = false;
}

static uint32_t pos_value(struct sim_strategy *st, uint32_t n)
{
	return weir__sim_below(&((struct pos *)st)->state, n);
}

static bool pos_end(struct sim_strategy *st, const struct sim *s)
{
	(void)st, (void)s;
	return true;
}

static void pos_free(struct sim_strategy *st)
{
	free(st);
}

struct sim_strategy *weir__sim_pos_new(void)
{
	struct pos *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->base = (struct sim_strategy){.name = "pos",
					.begin = pos_begin,
					.pick = pos_pick,
					.alone = pos_alone,
					.value = pos_value,
					.end = pos_end,
					.free = pos_free};
	return &p->base;
}

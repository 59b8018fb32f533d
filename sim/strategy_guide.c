/* SPDX-License-Identifier: MIT
 *
 * The guide: follows a path (path.h) as far as it can be followed, and records what was done.
 *
 *  P1  A pick is the first step of the path that has not been used and whose task can run. Steps of tasks that cannot
 *      run now stay for later, so two tasks keep their order where nothing forbids it. An early clock that cannot move
 *      is dropped.
 *  P2  Where no step of the path is possible, `beyond` picks, or the default policy.
 *  P3  A data choice is the next one of the path by the same task; one that is too large, or not there, is `beyond`'s,
 *      or 0.
 *  P4  A fault of the path is the n-th opportunity of its kind in the same task: so it stays where it is when others
 *      come earlier or later. Only those that happen are draws.
 *  P5  A task that the engine lets go on alone although others could (S4 of spin.c) takes its own next step.
 *  P6  A path that was recorded, followed in the same program, gives the same run.
 *
 * The record grows while tasks run, in memory of the harness, and is kept from run to run. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "path.h"

#define SLOTS (WEIR_SIM_TASKS + 1) /* the tasks, and the clock */

struct guiding {
	struct sim_strategy base;
	const struct sim *sim;
	struct sim_guide *guide;
	size_t n;           /* steps to follow */
	size_t *later;      /* of each of them: the next one of the same slot, or n */
	size_t head[SLOTS]; /* of each slot: the first step that has not been used, or n */
	uint32_t next_draw[WEIR_SIM_TASKS];
	struct {
		uint32_t seen, next_draw;
	} faults[WEIR_SIM_TASKS][SIM_FAULTS];
	unsigned early;
};

int weir__sim_cost_order(const struct sim_cost *a, const struct sim_cost *b)
{
	const uint64_t x[] = {
		a->preemptions + a->early, a->switches, a->early, a->others, a->numbers, a->steps, a->lateness};
	const uint64_t y[] = {
		b->preemptions + b->early, b->switches, b->early, b->others, b->numbers, b->steps, b->lateness};
	for (size_t i = 0; i < sizeof(x) / sizeof(x[0]); i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

void weir__sim_path_free(struct sim_path *path)
{
	free(path->steps);
	free(path->draws);
	*path = (struct sim_path){.n = 0};
}

/* ---- recording ---- */

static void record_step(struct sim_guide *g, uint32_t task)
{
	struct sim_path *p = &g->record;
	if (p->n == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 256;
		uint32_t *more = weir__own_realloc(p->steps, cap * sizeof(*more));
		if (!more) {
			g->no_memory = true;
			return;
		}
		p->steps = more;
		p->cap = cap;
	}
	p->steps[p->n++] = task;
}

static void record_draw(struct sim_guide *g, struct sim_draw draw)
{
	struct sim_path *p = &g->record;
	if (p->n_draws == p->draws_cap) {
		size_t cap = p->draws_cap ? 2 * p->draws_cap : 64;
		struct sim_draw *more = weir__own_realloc(p->draws, cap * sizeof(*more));
		if (!more) {
			g->no_memory = true;
			return;
		}
		p->draws = more;
		p->draws_cap = cap;
	}
	draw.steps = p->n;
	p->draws[p->n_draws++] = draw;
}

/* It could have gone on with what it announced, and has not asked for others to run. */
static bool is_stopped(const struct sim_task *t)
{
	return !t->due && t->op && t->op->kind != WEIR_OP_YIELD;
}

static void take(struct guiding *st, const struct sim *s, uint32_t task)
{
	struct sim_guide *g = st->guide;
	if (g->see)
		g->see(g->arg, s, task);
	g->cost.switches += task != SIM_CLOCK && task != s->current;
	record_step(g, task);
}

/* ---- following ---- */

static uint32_t slot(uint32_t task)
{
	return task == SIM_CLOCK ? WEIR_SIM_TASKS : task;
}

/* P1: SIM_NONE if there is none. */
static uint32_t next_of_path(struct guiding *st, const struct sim *s, bool clock)
{
	size_t first = clock ? st->head[slot(SIM_CLOCK)] : st->n;
	for (uint32_t w = 0; w < SIM_WORDS; w++) {
		for (uint64_t bits = s->runnable[w]; bits; bits &= bits - 1) {
			size_t at = st->head[w * 64 + (uint32_t)__builtin_ctzll(bits)];
			first = at < first ? at : first;
		}
	}
	for (size_t *passed = &st->head[slot(SIM_CLOCK)]; !clock && *passed < first;)
		*passed = st->later[*passed];
	if (first == st->n)
		return SIM_NONE;
	uint32_t task = st->guide->path->steps[first];
	st->head[slot(task)] = st->later[first];
	return task;
}

/* P2 */
static uint32_t beyond(struct guiding *st, const struct sim_view *view)
{
	struct sim_view its = *view;
	if (!st->guide->beyond)
		return view->standard;
	if (view->clock && st->early == 0) {
		its.clock = false;
		its.n--;
	}
	uint32_t next = its.n > 1 ? st->guide->beyond->pick(st->guide->beyond, &its) : view->standard;
	st->early -= next == SIM_CLOCK;
	return next;
}

static uint32_t guide_pick(struct sim_strategy *base, const struct sim_view *view)
{
	struct guiding *st = (struct guiding *)base;
	struct sim_cost *cost = &st->guide->cost;
	const struct sim *s = view->sim;
	uint32_t next = next_of_path(st, s, view->clock);
	if (next == SIM_NONE)
		next = beyond(st, view);
	if (next == SIM_CLOCK) {
		cost->early++;
	} else if (view->current != SIM_NONE && next != view->current && is_stopped(s->tasks[view->current])) {
		cost->preemptions++;
		cost->lateness += UINT32_MAX - s->step; /* guide_end makes it relative to the end */
	} else {
		cost->others += next != view->standard;
	}
	take(st, s, next);
	return next;
}

static void guide_alone(struct sim_strategy *base, const struct sim *s, uint32_t task)
{
	struct guiding *st = (struct guiding *)base;
	if (s->going_round) { /* P5 */
		size_t *head = &st->head[task];
		*head = *head < st->n ? st->later[*head] : st->n;
	} else {
		uint32_t next = next_of_path(st, s, false);
		assert(next == task || next == SIM_NONE); /* nobody else can run */
		(void)next;
	}
	if (st->guide->beyond && st->guide->beyond->alone)
		st->guide->beyond->alone(st->guide->beyond, s, task);
	take(st, s, task);
}

static bool is_followed(const struct sim_guide *g, const struct sim_draw *d)
{
	return g->follow >= g->path->n || d->steps <= g->follow;
}

/* P3 */
static uint32_t guide_value(struct sim_strategy *base, uint32_t n)
{
	struct guiding *st = (struct guiding *)base;
	struct sim_guide *g = st->guide;
	uint32_t task = st->sim->current, value = n;
	for (uint32_t *i = &st->next_draw[task]; g->path && *i < g->path->n_draws && value == n;) {
		const struct sim_draw *d = &g->path->draws[(*i)++];
		if (d->task == task && !d->fault && is_followed(g, d))
			value = d->value < n ? d->value : 0;
	}
	if (value == n)
		value = g->beyond ? g->beyond->value(g->beyond, n) : 0;
	g->cost.others += value != 0;
	g->cost.numbers += value;
	record_draw(g, (struct sim_draw){.task = task, .value = value});
	return value;
}

/* P4 */
static uint32_t guide_fault(struct sim_strategy *base, enum sim_fault kind, uint64_t at, uint32_t n)
{
	struct guiding *st = (struct guiding *)base;
	struct sim_guide *g = st->guide;
	uint32_t task = st->sim->current, nth = ++st->faults[task][kind].seen, value = 0;
	for (uint32_t *i = &st->faults[task][kind].next_draw; g->path && *i < g->path->n_draws; (*i)++) {
		const struct sim_draw *d = &g->path->draws[*i];
		if (d->fault != kind || d->task != task || d->nth < nth)
			continue;
		if (d->nth == nth && is_followed(g, d))
			value = d->value < n ? d->value : 0;
		break;
	}
	if (value == 0 && g->beyond && g->beyond->fault)
		value = g->beyond->fault(g->beyond, kind, at, n);
	if (value == 0)
		return 0;
	g->cost.others++;
	g->cost.numbers += value;
	record_draw(g, (struct sim_draw){.task = task, .value = value, .nth = nth, .fault = (uint8_t)kind});
	return value;
}

static void guide_begin(struct sim_strategy *base, uint64_t seed)
{
	struct guiding *st = (struct guiding *)base;
	struct sim_guide *g = st->guide;
	st->early = g->early;
	for (uint32_t i = 0; i < SLOTS; i++)
		st->head[i] = st->n;
	for (size_t i = st->n; i > 0; i--) {
		size_t *head = &st->head[slot(g->path->steps[i - 1])];
		st->later[i - 1] = *head;
		*head = i - 1;
	}
	memset(st->next_draw, 0, sizeof(st->next_draw));
	memset(st->faults, 0, sizeof(st->faults));
	g->record.n = g->record.n_draws = 0;
	g->cost = (struct sim_cost){.steps = 0};
	g->no_memory = false;
	(void)seed;
	if (g->beyond)
		g->beyond->begin(g->beyond, g->seed);
}

static bool guide_end(struct sim_strategy *base, const struct sim *s)
{
	struct sim_cost *cost = &((struct guiding *)base)->guide->cost;
	cost->steps = s->step;
	cost->lateness -= cost->preemptions * (UINT32_MAX - s->step);
	return false;
}

static void guide_free(struct sim_strategy *base)
{
	free(((struct guiding *)base)->later);
	free(base);
}

struct sim_strategy *weir__sim_guide_new(const struct sim *s, struct sim_guide *guide)
{
	struct guiding *st = calloc(1, sizeof(*st));
	if (!st)
		return NULL;
	st->sim = s;
	st->guide = guide;
	st->n = guide->path ? guide->path->n : 0;
	st->n = guide->follow < st->n ? guide->follow : st->n;
	st->later = calloc(st->n + 1, sizeof(*st->later));
	st->base = (struct sim_strategy){.name = "guide",
					 .begin = guide_begin,
					 .pick = guide_pick,
					 .alone = guide_alone,
					 .value = guide_value,
					 .fault = guide_fault,
					 .end = guide_end,
					 .free = guide_free};
	if (!st->later) {
		free(st);
		return NULL;
	}
	return &st->base;
}

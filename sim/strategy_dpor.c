/* SPDX-License-Identifier: MIT
 *
 * Systematic reduced search: of all schedules that differ only in the order of independent steps, one. It is optimal
 * dynamic partial order reduction with wakeup trees and sleep sets; and, as "sdpor", source sets with sleep sets (both:
 * Abdulla, Aronis, Jonsson, Sagonas, POPL 2014 and JACM 64:4, 2017).
 *
 * A schedule is run to its end. Its steps, with which comes before which, are the path (dpor_path.c). For each race in
 * it, a sequence is made that runs the second of the two before the first: all that does not come after the first, and
 * then the second. It is put into the wakeup tree of the node before the first (dpor_tree.c), unless one of the steps
 * it could begin with is asleep there: run before, with nothing since that depends on it. Then the deepest node that
 * has something left takes it, and the next schedule follows the path to there.
 *
 *  R1  A step of a path is a step of the engine: the attempt of an operation, or the end of one that waited. Step 0 is
 *      task 0's first, which is no pick. So the number of a step is the engine's.
 *  R2  A task that can run can do so until it does: no step of one task takes that away from another. Deadlocks need
 *      no special care then.
 *  R3  The clock, where it may move early, is one more process, which may move as often as opts.early says: a property
 *      of what is searched, and not of the search. But it need not move, it can move early only while somebody can run,
 *      and to where it moves depends on who waits: swapped with an independent step it may not be early any more. So
 *      with early timers every step is taken to depend on every other. Then nothing is cut off, and nothing reduced
 *      but what the search does by itself. Where the clock can move, both are run: it moves, or it does not.
 *  R4  Time that moves because nobody can run is no step, but a barrier: all comes before or after it.
 *  R5  All values of a data choice are run, below the same node. A step's effect is that of all of its values.
 *  R6  A race is looked at when its second step is new: those of the part of the path that two schedules share were
 *      looked at with the first.
 *  R7  Whatever the order in which schedules are run and whatever is put into a tree, nothing is lost as long as from
 *      each race the first step of its sequence, or one that can be swapped to there, is run. The trees, beyond that,
 *      are there so that nothing is begun in vain. Where it is all the same (a sequence that cannot be followed because
 *      another value was chosen), all that can come is asleep in the end, and the schedule is cut: `blocked` counts
 *      these. Races are looked for in them too.
 *
 *  R8  A step that is asleep, or in a tree, and that the sequence does not have but could begin with: with full wakeup
 *      trees it stands for the sequence, since what conflicts with it further on is reversed from there, as far as its
 *      second step. Where sequences are cut short (sdpor; and behind a step with data choices, whose other values lead
 *      elsewhere) it does not, and a step stands only for sequences that have it.
 *
 *  R9  A loop that goes round in vain takes steps which the engine lets nobody else take (S4 of spin.c): forced. All
 *      steps are dependent then (D11 of dependence.c), and what races with a forced one comes before the first step of
 *      its row that was not, where others had the choice.
 *
 * What is kept is the path and what is left to run from its nodes: it does not grow with the number of schedules. With
 * wakeup trees a node may have more to run than there are processes (the paper says how that can grow; in sdpor it
 * cannot).
 *
 * The prefix is followed again, so the scenario must be deterministic: a task that cannot run, another operation or
 * another number of alternatives fails the run as nondeterministic. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dpor.h"
#include "strategy.h"

#define NOT_HERE UINT32_MAX

struct dpor {
	struct sim_strategy base;
	bool source, strict; /* strict: R8 */
	struct dpor_path path;
	struct dpor_pool pool;
	uint32_t depth, length; /* where this schedule is; how much of it is given */
	bool broken;
	struct dpor_act *sleep; /* of all nodes, one after the other */
	uint32_t sleep_cap;
	struct dpor_value *values;  /* likewise */
	uint32_t values_cap, value; /* value: how many this step has chosen */
	struct dpor_sequence sequence;
	struct dpor_branch *below; /* the tree for the node after the last step */
	/* this schedule */
	uint32_t n_seen;
	uint64_t could_run, barriers;
	uint8_t proc[DPOR_PROCS];     /* of a task */
	uint32_t task[DPOR_PROCS];    /* of a process, or NOT_HERE */
	uint32_t enabler[DPOR_PROCS]; /* of a task: the step that made it runnable, + 1 */
};

static struct dpor_step *step_at(struct dpor *d, uint32_t i)
{
	return &d->path.steps[i];
}

static struct sim *writable(const struct sim *s)
{
	return (struct sim *)(uintptr_t)s;
}

/* ---- steps ---- */

static struct dpor_step *new_step(struct dpor *d, uint32_t i)
{
	struct dpor_path *p = &d->path;
	if (i >= p->cap) {
		uint32_t cap = p->cap;
		p->clocks = weir__dpor_grow(p->clocks, i + 1, &cap, sizeof(*p->clocks));
		p->steps = weir__dpor_grow(p->steps, i + 1, &p->cap, sizeof(*p->steps));
	}
	p->steps[i] = (struct dpor_step){0};
	if (i > 0) {
		struct dpor_step *last = &p->steps[i - 1];
		p->steps[i].sleep_at = last->sleep_at + last->n_sleep;
		p->steps[i].value_at = last->value_at + last->n_values;
	}
	return &p->steps[i];
}

/* What task t is about to do becomes step st's. */
static void announce(struct dpor *d, const struct sim *s, struct dpor_step *st, uint32_t t)
{
	struct sim_effect *e = &st->act.effect;
	const struct sim_task *task = t == SIM_CLOCK ? NULL : s->tasks[t];
	*e = task ? weir__sim_step_effect(s, task) : weir__sim_clock_effect();
	weir__dpor_name_objects(&d->path, s, e);
	st->said_written = e->written;
	st->said_read = e->wide_read;
	st->said_write = e->wide_write;
	st->task = t;
	st->end = task && task->completion;
	st->act.proc = task ? d->proc[t] : DPOR_CLOCK;
	st->act.open = false;
	st->enabler = 0;
	st->n_values = 0;
	if (task)
		st->enabler = d->enabler[t];
}

static void too_many(const struct sim *s)
{
	writable(s)->cut = true;
	weir__sim_fail(
		writable(s), WEIR_SIM_MISUSE,
		"the strategy dpor is for at most %d tasks, those of other schedules that have other names included",
		DPOR_PROCS - 1);
}

/* Tasks that are new, and those that the last step (or a barrier) let run. */
static void take_notice(struct dpor *d, const struct sim *s)
{
	for (; d->n_seen < s->n_tasks; d->n_seen++) {
		uint32_t proc = weir__dpor_proc(&d->path, s->tasks[d->n_seen]->path);
		if (proc == DPOR_PROCS)
			too_many(s);
		d->proc[d->n_seen] = (uint8_t)proc;
		d->task[proc] = d->n_seen;
	}
	for (uint64_t bits = s->runnable[0] & ~d->could_run; bits; bits &= bits - 1)
		d->enabler[__builtin_ctzll(bits)] = d->depth;
	d->could_run = s->runnable[0];
}

/* The step that is over, if it is one that was not on the path before. */
static void settle(struct dpor *d, const struct sim *s)
{
	if (d->path.n_settled >= d->depth)
		return;
	struct dpor_step *st = step_at(d, d->depth - 1);
	if (st->task != SIM_CLOCK)
		weir__sim_effect_settle(s, s->tasks[st->task], &st->act.effect);
	if (s->opts->early && !s->opts->no_early) /* R3 */
		st->act.effect.wide_write |= SIM_WIDE_ALL;
	st->act.open = st->n_values > 0;
	weir__dpor_settle(&d->path);
}

/* ---- sleep ---- */

/* Who is asleep after step i - 1 at the node of step i. */
static void inherit_sleep(struct dpor *d, uint32_t i)
{
	struct dpor_step *st = step_at(d, i), *last = step_at(d, i - 1);
	d->sleep = weir__dpor_grow(d->sleep, st->sleep_at + last->n_sleep + DPOR_PROCS, &d->sleep_cap,
				   sizeof(*d->sleep));
	if (last->act.proc == DPOR_CLOCK &&
	    last->alternatives == 2) /* R3: the other way round it had not moved early */
		return;
	for (uint32_t k = 0; k < last->n_sleep; k++) {
		const struct dpor_act *q = &d->sleep[last->sleep_at + k];
		if (q->proc != last->act.proc && !weir__dpor_dependent(&q->effect, &last->act.effect))
			d->sleep[st->sleep_at + st->n_sleep++] = *q;
	}
}

static bool asleep(const struct dpor *d, const struct dpor_step *st, uint32_t proc)
{
	for (uint32_t k = 0; k < st->n_sleep; k++)
		if (d->sleep[st->sleep_at + k].proc == proc)
			return true;
	return false;
}

static void fall_asleep(struct dpor *d, struct dpor_step *st)
{
	struct dpor_act act = st->act;
	act.effect = st->done;
	d->sleep[st->sleep_at + st->n_sleep++] = act;
}

/* ---- picking ---- */

static bool can_run(const struct dpor *d, const struct sim *s, uint32_t proc, bool clock)
{
	if (proc == DPOR_CLOCK)
		return clock;
	return d->task[proc] != NOT_HERE && (s->runnable[0] >> d->task[proc] & 1);
}

/* A process that can run and is not asleep: the task that ran last, unless it yields, or the next one round. */
static uint32_t any(const struct dpor *d, const struct sim *s, const struct dpor_step *st)
{
	uint32_t n = s->n_tasks, first = s->current, found = DPOR_PROCS;
	bool yields = s->tasks[first]->op && s->tasks[first]->op->kind == WEIR_OP_YIELD;
	for (uint32_t k = yields; k < n + yields; k++) {
		uint32_t t = (first + k) % n;
		if ((s->runnable[0] >> t & 1) && !asleep(d, st, d->proc[t])) {
			found = d->proc[t];
			break;
		}
	}
	return found;
}

static struct dpor_branch *leaf(struct dpor *d, uint32_t proc)
{
	struct dpor_act act = {.proc = (uint8_t)proc};
	act.effect.wide_write = SIM_WIDE_ALL; /* not known before it is run */
	return weir__dpor_branch(&d->pool, &act);
}

/* The first branch of the tree becomes what is run; what is below it is for the next node, as *below. */
static uint32_t take_branch(struct dpor *d, struct dpor_step *st, struct dpor_branch **below)
{
	struct dpor_branch *b = st->tree;
	uint32_t proc = b->act.proc;
	*below = b->child;
	st->tree = b->next;
	b->child = b->next = NULL;
	weir__dpor_drop(&d->pool, b);
	return proc;
}

/* R3: where the clock can move and is not asleep, it is one of the branches. */
static void offer_clock(struct dpor *d, struct dpor_step *st)
{
	struct dpor_branch **tree = &st->tree;
	for (; *tree; tree = &(*tree)->next)
		if ((*tree)->act.proc == DPOR_CLOCK)
			return;
	*tree = leaf(d, DPOR_CLOCK);
}

/* The process to run at a node that is new, DPOR_PROCS: all are asleep. st->tree is what was handed down to it. */
static uint32_t choose(struct dpor *d, const struct sim *s, struct dpor_step *st, bool clock,
		       struct dpor_branch **below)
{
	clock = clock && !asleep(d, st, DPOR_CLOCK);
	while (st->tree) {
		if (clock)
			offer_clock(d, st);
		uint32_t proc = take_branch(d, st, below);
		if (can_run(d, s, proc, clock) && !asleep(d, st, proc))
			return proc;
		weir__dpor_drop(&d->pool, *below); /* R7 */
		*below = NULL;
	}
	uint32_t task = any(d, s, st);
	if (!clock)
		return task;
	if (task != DPOR_PROCS)
		st->tree = leaf(d, task);
	return DPOR_CLOCK;
}

/* A step beyond the path. */
static uint32_t extend(struct dpor *d, const struct sim *s, uint32_t n, bool clock)
{
	struct dpor_step *st = new_step(d, d->depth);
	st->alternatives = n;
	st->clock = clock;
	st->forced = s->going_round;
	inherit_sleep(d, d->depth);
	if (st->forced) { /* R9: what the tree wants cannot be followed, and nobody is asleep */
		weir__dpor_drop(&d->pool, d->below);
		st->n_sleep = 0;
		d->strict = false;
	} else {
		st->tree = d->below;
	}
	d->below = NULL;
	uint32_t proc = st->forced ? d->proc[s->current] : choose(d, s, st, clock, &d->below);
	if (proc == DPOR_PROCS) {
		writable(s)->cut = true;
		return SIM_NONE; /* the engine leaves */
	}
	uint32_t task = proc == DPOR_CLOCK ? SIM_CLOCK : d->task[proc];
	announce(d, s, st, task);
	d->depth++;
	return task;
}

/* A step of the path: the last one given is taken for the first time, or with another value. */
static uint32_t follow(struct dpor *d, const struct sim *s, uint32_t n, bool clock)
{
	struct dpor_step *st = step_at(d, d->depth);
	uint32_t proc = st->act.proc, task = proc == DPOR_CLOCK ? SIM_CLOCK : d->task[proc];
	bool last = d->depth + 1 == d->length;
	if (st->alternatives != n || st->forced != s->going_round || !can_run(d, s, proc, clock) ||
	    (!last && task != SIM_CLOCK &&
	     (s->tasks[task]->op->kind != st->act.effect.kind || s->tasks[task]->completion != st->end))) {
		d->broken = true;
		writable(s)->cut = true;
		return SIM_NONE; /* the engine leaves */
	}
	if (last) {
		uint32_t values = st->n_values;
		announce(d, s, st, task);
		st->n_values = values;
	}
	d->depth++;
	return task;
}

/* ---- races ---- */

static void add_act(struct dpor_sequence *q, const struct dpor_path *p, uint32_t step)
{
	q->acts = weir__dpor_grow(q->acts, q->n + 1, &q->cap, sizeof(*q->acts));
	q->steps = weir__dpor_grow(q->steps, q->n + 1, &q->steps_cap, sizeof(*q->steps));
	q->acts[q->n] = p->steps[step].act;
	q->steps[q->n++] = step;
}

/* What is run in place of race.first to have race.second before it. */
static void make_sequence(struct dpor *d, struct dpor_race race)
{
	struct dpor_path *p = &d->path;
	struct dpor_sequence *q = &d->sequence;
	const struct dpor_step *second = step_at(d, race.second);
	uint32_t proc = step_at(d, race.first)->act.proc;
	q->n = 0;
	for (uint32_t k = race.first + 1; k < p->n_settled; k++)
		if (p->clocks[k][proc] <= race.first)
			add_act(q, p, k);
	add_act(q, p, race.second);
	struct sim_effect *e = &q->acts[q->n - 1].effect; /* N5 of dpor_path.c */
	e->written |= second->said_written;
	e->wide_read |= second->said_read;
	e->wide_write |= second->said_write;
	e->group = 0;
}

static void reverse(struct dpor *d, struct dpor_race race)
{
	uint32_t at;
	while (step_at(d, race.first)->forced) /* R9 */
		race.first--;
	struct dpor_step *st = step_at(d, race.first);
	make_sequence(d, race);
	for (uint32_t k = 0; k < st->n_sleep; k++)
		if (weir__dpor_covers(&d->path, &d->sequence, &d->sleep[st->sleep_at + k], d->strict, &at))
			return;
	weir__dpor_insert(&d->pool, &st->tree, &d->path, &d->sequence, !d->source, d->strict);
}

/* ---- what the engine asks ---- */

static uint32_t next_step(struct dpor *d, const struct sim *s, uint32_t n, bool clock)
{
	take_notice(d, s);
	settle(d, s);
	if (s->barriers != d->barriers && d->depth >= d->length) /* R4 */
		weir__dpor_barrier(&d->path, d->depth);
	d->barriers = s->barriers;
	if (d->depth < d->length && d->value != step_at(d, d->depth - 1)->n_values)
		d->broken = true;
	d->value = 0;
	return d->depth < d->length ? follow(d, s, n, clock) : extend(d, s, n, clock);
}

static uint32_t dpor_pick(struct sim_strategy *st, const struct sim_view *view)
{
	return next_step((struct dpor *)st, view->sim, view->n, view->clock);
}

static void dpor_alone(struct sim_strategy *st, const struct sim *s, uint32_t task)
{
	(void)task; /* s->current, or the only one */
	next_step((struct dpor *)st, s, 1, false);
}

/* R5 */
static uint32_t dpor_value(struct sim_strategy *base, uint32_t n)
{
	struct dpor *d = (struct dpor *)base;
	struct dpor_step *st = step_at(d, d->depth - 1);
	uint32_t at = st->value_at + d->value++;
	d->strict = false; /* R8 */
	if (d->value > st->n_values) {
		d->broken |= d->depth < d->length;
		d->values = weir__dpor_grow(d->values, at + 1, &d->values_cap, sizeof(*d->values));
		d->values[at] = (struct dpor_value){.n = n};
		st->n_values++;
	}
	d->broken |= d->values[at].n != n;
	return d->values[at].value;
}

/* A fault is a value like others: D12 of dependence.c has the steps in which there may be one in order. */
static uint32_t dpor_fault(struct sim_strategy *base, enum sim_fault kind, uint64_t at, uint32_t n)
{
	(void)kind, (void)at;
	return dpor_value(base, n);
}

/* ---- one schedule after the other ---- */

/* Step 0 is under way when the first pick is asked for. */
static void first_step(struct dpor *d)
{
	struct dpor_step *st = step_at(d, 0);
	uint32_t values = st->n_values;
	st->act = (struct dpor_act){.proc = (uint8_t)weir__dpor_proc(&d->path, 1)};
	st->act.effect.kind = WEIR_OP_START;
	st->n_values = values;
}

static void dpor_begin(struct sim_strategy *base, uint64_t seed)
{
	struct dpor *d = (struct dpor *)base;
	(void)seed;
	d->n_seen = 0;
	d->could_run = 0;
	d->barriers = 0;
	d->value = 0;
	memset(d->task, 0xff, sizeof(d->task)); /* NOT_HERE */
	if (d->length == 0) {
		new_step(d, 0);
		d->sleep = weir__dpor_grow(d->sleep, DPOR_PROCS, &d->sleep_cap, sizeof(*d->sleep));
	}
	if (d->length <= 1)
		first_step(d);
	d->depth = 1;
}

/* R5: what the step was with this value, added to what it was with others. */
static void note_done(struct dpor_step *st)
{
	const struct sim_effect *e = &st->act.effect;
	struct sim_effect *done = &st->done;
	if (!st->has_done)
		*done = *e;
	else if (done->n != e->n || memcmp(done->object, e->object, e->n * sizeof(e->object[0])) != 0)
		done->wide_write |= SIM_WIDE_ALL;
	else {
		done->written |= e->written;
		done->wide_read |= e->wide_read;
		done->wide_write |= e->wide_write;
		done->group = done->group == e->group ? e->group : 0;
	}
	st->has_done = true;
}

static bool next_value(struct dpor *d, struct dpor_step *st)
{
	for (; st->n_values > 0; st->n_values--) {
		struct dpor_value *v = &d->values[st->value_at + st->n_values - 1];
		if (v->value + 1 < v->n) {
			v->value++;
			return true;
		}
	}
	return false;
}

/* Whether node i has something left to run; it is then what the next schedule does there. */
static bool advance(struct dpor *d, uint32_t i)
{
	struct dpor_step *st = step_at(d, i);
	note_done(st);
	if (next_value(d, st))
		return true;
	fall_asleep(d, st);
	while (st->tree) {
		uint32_t proc = take_branch(d, st, &d->below);
		if (!asleep(d, st, proc) && (proc != DPOR_CLOCK || st->clock)) {
			st->act = (struct dpor_act){.proc = (uint8_t)proc};
			st->has_done = false;
			return true;
		}
		weir__dpor_drop(&d->pool, d->below);
		d->below = NULL;
	}
	return false;
}

static bool dpor_end(struct sim_strategy *base, const struct sim *s)
{
	struct dpor *d = (struct dpor *)base;
	if (d->broken || d->depth < d->length) {
		weir__sim_fail(writable(s), WEIR_SIM_NONDETERMINISM,
			       "the first choices of the schedule before did not lead to the same alternatives again");
		return false;
	}
	settle(d, s);
	weir__dpor_drop(&d->pool, d->below);
	d->below = NULL;
	for (uint32_t i = 0; i < d->path.n_races; i++)
		reverse(d, d->path.races[i]);
	for (uint32_t i = d->depth; i-- > 0;) {
		weir__dpor_cut(&d->path, i);
		if (advance(d, i)) {
			d->length = i + 1;
			return true;
		}
	}
	return false;
}

static void dpor_free(struct sim_strategy *base)
{
	struct dpor *d = (struct dpor *)base;
	for (uint32_t i = 0; i < d->depth || i < d->length; i++)
		weir__dpor_drop(&d->pool, step_at(d, i)->tree);
	weir__dpor_drop(&d->pool, d->below);
	weir__dpor_pool_free(&d->pool);
	weir__dpor_path_free(&d->path);
	free(d->sleep);
	free(d->values);
	free(d->sequence.acts);
	free(d->sequence.steps);
	free(d);
}

struct sim_strategy *weir__sim_dpor_new(bool source)
{
	struct dpor *d = weir__own_calloc(sizeof(*d));
	if (!d)
		return NULL;
	d->source = source;
	d->strict = !source;
	weir__dpor_path_init(&d->path);
	d->base = (struct sim_strategy){.name = source ? "sdpor" : "dpor",
					.systematic = true,
					.begin = dpor_begin,
					.pick = dpor_pick,
					.alone = dpor_alone,
					.value = dpor_value,
					.fault = dpor_fault,
					.end = dpor_end,
					.free = dpor_free};
	return &d->base;
}

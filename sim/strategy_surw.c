/* SPDX-License-Identifier: MIT
 *
 * SURW, selectively uniform random walk (Zhao, Wolff, Mathur, Roychoudhury: Selectively Uniform Concurrency Testing,
 * ASPLOS 2025): in each schedule one object is interesting, and all orders of the operations on it are made as likely
 * as each other. For that the next task to operate on it is intended beforehand, with a chance in proportion to how
 * many operations on it each task has left; a task that stops in front of one and is not the intended one is held back,
 * all others go on by random priority; once the intended one has operated, the next is intended. A random walk, in
 * contrast, seldom holds one task back for long, and never many.
 *
 *  W1  What is left is known from profiles: the first schedules count every access, and each 16th after them; a count
 *      is the highest that was seen. Counts that are wrong (a task that takes another path) only make some orders more
 *      likely than others.
 *  W2  Between schedules a task is its path, an object the path of its creator and its index there. The first
 *      MAX_OBJECTS and MAX_PATHS that are seen are tracked, which is more than enough: others are never interesting.
 *  W3  The interesting object is one that two tasks access and one writes, with a chance in proportion to its accesses.
 *      A scope counts for a quarter: what is done to it is spawns and ends, mostly without effect on each other.
 *  W4  Operations count where they are attempted. The step in which a task comes back from waiting is ordered by
 *      others, and not held back.
 *  W5  The intended task may not have been spawned, and so may be any descendant of a task that is held back. If all
 *      that could run are held back, that ancestor goes on; or, where there is none, another task is intended, among
 *      those held back. So no order is impossible.
 *  W6  The rest: a random priority for each operation, as in strategy_pos.c, with its two rules against starving. The
 *      clock, where it may move early, is one more task, but never the only one that is not held back.
 *  W7  The intended task may be in a loop that waits for one that is held back. If it has not operated within GIVE_UP
 *      decisions, nobody is held back for the rest of the schedule. */
#include <stdlib.h>
#include <string.h>

#include "dependence.h"
#include "strategy.h"

#define CLOCK_SLOT WEIR_SIM_TASKS
#define DRAW_AGAIN 256
#define GIVE_UP 256
#define MAX_OBJECTS 128
#define MAX_PATHS WEIR_SIM_TASKS
#define TABLE 512 /* a power of two, twice as many as the larger of the two */
#define PROFILES 4
#define PROFILE_EACH 16

/* Identities in the order they were first seen, found by hash. */
struct known {
	uint32_t n, max;
	uint64_t id[MAX_PATHS];
	uint16_t at[TABLE]; /* index + 1; 0: free */
};

struct surw {
	struct sim_strategy base;
	uint64_t state, schedule, decision;

	/* W1, W2 */
	struct known paths, objects;
	uint32_t parent[MAX_PATHS]; /* its path, or SIM_NONE */
	bool written[MAX_OBJECTS], scope[MAX_OBJECTS];
	uint32_t count[MAX_OBJECTS][MAX_PATHS];
	uint32_t counted[MAX_OBJECTS][MAX_PATHS]; /* in this schedule */
	bool profiling;

	/* this schedule */
	uint32_t object; /* the interesting one, or SIM_NONE */
	uint32_t left[MAX_PATHS], total_left;
	uint32_t intended; /* a path */
	uint64_t since;    /* ... at this decision */
	bool given_up;     /* W7 */
	uint32_t seen;     /* tasks that path_of knows */
	bool clock_moved;  /* by the last pick: s->current has not run since */
	uint32_t path_of[WEIR_SIM_TASKS], task_of[MAX_PATHS];
	bool at_object[WEIR_SIM_TASKS], waited[WEIR_SIM_TASKS], yields[WEIR_SIM_TASKS];
	uint64_t priority[WEIR_SIM_TASKS + 1]; /* 0: not drawn yet */
};

/* ---- identities ---- */

static uint32_t index_of(struct known *k, uint64_t id)
{
	uint64_t hash = id;
	uint32_t i = (uint32_t)(weir__sim_mix(&hash) % TABLE);
	for (; k->at[i]; i = (i + 1) % TABLE)
		if (k->id[k->at[i] - 1] == id)
			return k->at[i] - 1u;
	if (k->n == k->max)
		return SIM_NONE;
	k->id[k->n] = id;
	k->at[i] = (uint16_t)++k->n;
	return k->n - 1;
}

static uint32_t index_of_object(struct surw *p, const struct sim *s, uint32_t object)
{
	const struct sim_object *o = &s->objects[object];
	return index_of(&p->objects, s->tasks[o->creator]->path ^ (o->index + 1) * UINT64_C(0xd6e8feb86659fd93));
}

/* ---- the beginning of a schedule ---- */

static uint32_t weight_of(const struct surw *p, uint32_t object)
{
	uint32_t accesses = 0, tasks = 0;
	for (uint32_t i = 0; i < p->paths.n; i++) {
		accesses += p->count[object][i];
		tasks += p->count[object][i] > 0;
	}
	if (tasks < 2 || !p->written[object]) /* W3 */
		return 0;
	return p->scope[object] ? (accesses + 3) / 4 : accesses;
}

static uint32_t choose_object(struct surw *p)
{
	uint32_t weights[MAX_OBJECTS], total = 0;
	for (uint32_t i = 0; i < p->objects.n; i++)
		total += weights[i] = weight_of(p, i);
	if (total == 0)
		return SIM_NONE;
	uint32_t at = weir__sim_below(&p->state, total), i = 0;
	for (; at >= weights[i]; i++)
		at -= weights[i];
	return i;
}

static void surw_begin(struct sim_strategy *st, uint64_t seed)
{
	struct surw *p = (struct surw *)st;
	p->state = seed;
	p->decision = 0;
	p->seen = 0;
	p->clock_moved = false;
	memset(p->priority, 0, sizeof(p->priority));
	memset(p->task_of, 0xff, sizeof(p->task_of));
	p->profiling = p->schedule < PROFILES || p->schedule % PROFILE_EACH == 0;
	if (p->profiling)
		memset(p->counted, 0, sizeof(p->counted));
	p->object = choose_object(p);
	p->total_left = 0;
	p->intended = SIM_NONE;
	p->since = 0;
	p->given_up = false;
	for (uint32_t i = 0; i < p->paths.n && p->object != SIM_NONE; i++)
		p->total_left += p->left[i] = p->count[p->object][i];
	for (uint32_t i = p->object == SIM_NONE ? 0 : p->paths.n; i < MAX_PATHS; i++)
		p->left[i] = 0;
	p->schedule++;
}

/* ---- intentions ---- */

static void intend_next(struct surw *p)
{
	p->intended = SIM_NONE;
	p->since = p->decision;
	if (p->total_left == 0)
		return;
	uint32_t at = weir__sim_below(&p->state, p->total_left), i = 0;
	for (; at >= p->left[i]; i++)
		at -= p->left[i];
	p->intended = i;
}

/* A task has operated on the object, or (all) it never will again. */
static void take_off(struct surw *p, uint32_t path, bool all)
{
	uint32_t n = path == SIM_NONE || p->left[path] == 0 ? 0 : all ? p->left[path] : 1;
	if (n) {
		p->left[path] -= n;
		p->total_left -= n;
	}
	if (!all || path == p->intended)
		intend_next(p);
}

/* Once nothing is left nobody is held back. */
static bool held(const struct surw *p, uint32_t task)
{
	return p->at_object[task] && p->total_left > 0 && !p->given_up && p->path_of[task] != p->intended;
}

/* ---- what the last step has changed ---- */

static void meet(struct surw *p, const struct sim *s, uint32_t task)
{
	const struct sim_task *t = s->tasks[task];
	uint32_t path = index_of(&p->paths, t->path);
	p->path_of[task] = path;
	p->at_object[task] = p->waited[task] = p->yields[task] = false; /* it starts */
	if (path == SIM_NONE)
		return;
	p->task_of[path] = task;
	p->parent[path] = t->parent == SIM_NONE ? SIM_NONE : p->path_of[t->parent];
}

static bool touches_object(struct surw *p, const struct sim *s, const struct sim_effect *e)
{
	for (unsigned i = 0; i < e->n; i++)
		if (index_of_object(p, s, e->object[i]) == p->object)
			return true;
	return false;
}

/* The task that ran has announced something new, or waits, or is over; tasks may have been spawned. */
static void take_notice(struct surw *p, const struct sim *s)
{
	uint32_t ran = s->current;
	const struct sim_task *t = s->tasks[ran];
	while (p->seen < s->n_tasks)
		meet(p, s, p->seen++);
	if (p->clock_moved)
		return;
	p->priority[ran] = 0;
	p->waited[ran] = t->state != SIM_RUNNABLE || s->stirred == ran; /* W4 */
	p->yields[ran] = t->op->kind == WEIR_OP_YIELD;
	p->at_object[ran] = false;
	if (t->state == SIM_EXITED) {
		if (p->path_of[ran] != SIM_NONE)
			take_off(p, p->path_of[ran], true);
	} else if (p->object != SIM_NONE && !p->waited[ran]) {
		struct sim_effect e = weir__sim_effect(s, t->op);
		p->at_object[ran] = touches_object(p, s, &e);
	}
}

/* The task is going to perform what it announced. */
static void goes_on(struct surw *p, const struct sim *s, uint32_t task)
{
	uint32_t path = p->path_of[task];
	p->clock_moved = false;
	p->priority[task] = 0;
	if (p->profiling && !p->waited[task] && path != SIM_NONE) {
		struct sim_effect e = weir__sim_effect(s, s->tasks[task]->op);
		for (unsigned i = 0; i < e.n; i++) {
			uint32_t object = index_of_object(p, s, e.object[i]);
			if (object == SIM_NONE)
				continue;
			p->counted[object][path]++;
			p->written[object] |= e.written >> i & 1;
			p->scope[object] = s->objects[e.object[i]].kind == WEIR_OBJ_SCOPE;
		}
	}
	if (p->at_object[task])
		take_off(p, path, false);
}

/* ---- picking ---- */

static uint64_t priority_of(struct surw *p, uint32_t slot)
{
	if (p->priority[slot] == 0) {
		uint64_t drawn = weir__sim_mix(&p->state);
		bool low = slot != CLOCK_SLOT && p->yields[slot] && (drawn & 2);
		p->priority[slot] = (low ? drawn >> 32 : drawn) | 1;
	}
	return p->priority[slot];
}

/* Of those that are not held back; SIM_NONE: all are. */
static uint32_t highest(struct surw *p, const struct sim *s)
{
	uint32_t best = SIM_NONE;
	uint64_t best_priority = 0;
	for (uint32_t w = 0; w < SIM_WORDS; w++) {
		for (uint64_t bits = s->runnable[w]; bits; bits &= bits - 1) {
			uint32_t task = w * 64 + (uint32_t)__builtin_ctzll(bits);
			uint64_t priority = held(p, task) ? 0 : priority_of(p, task);
			if (priority > best_priority) {
				best = task;
				best_priority = priority;
			}
		}
	}
	return best;
}

/* W5: all that can run are held back. */
static uint32_t release(struct surw *p, const struct sim *s)
{
	uint32_t path = p->intended, total = 0, task = SIM_NONE;
	while (path != SIM_NONE && p->task_of[path] == SIM_NONE)
		path = p->parent[path];
	if (path != SIM_NONE && path != p->intended)
		task = p->task_of[path];
	if (task != SIM_NONE && s->tasks[task]->state == SIM_RUNNABLE)
		return task;
	for (uint32_t w = 0; w < SIM_WORDS; w++) { /* one of a stream, in proportion to weights */
		for (uint64_t bits = s->runnable[w]; bits; bits &= bits - 1) {
			uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(bits);
			uint32_t weight = p->path_of[i] == SIM_NONE ? 1 : p->left[p->path_of[i]] + 1;
			total += weight;
			if (weir__sim_below(&p->state, total) < weight)
				task = i;
		}
	}
	p->intended = p->path_of[task];
	p->since = p->decision;
	return task;
}

static uint32_t surw_pick(struct sim_strategy *st, const struct sim_view *view)
{
	struct surw *p = (struct surw *)st;
	const struct sim *s = view->sim;
	take_notice(p, s);
	if (p->intended == SIM_NONE)
		intend_next(p);
	if (++p->decision % DRAW_AGAIN == 0)
		memset(p->priority, 0, sizeof(p->priority));
	p->given_up |= p->decision - p->since > GIVE_UP;
	uint32_t best = highest(p, s);
	if (best == SIM_NONE)
		best = release(p, s);
	if (view->clock && priority_of(p, CLOCK_SLOT) > priority_of(p, best)) { /* W6 */
		p->clock_moved = true;
		p->priority[CLOCK_SLOT] = 0;
		return SIM_CLOCK;
	}
	goes_on(p, s, best);
	return best;
}

static void surw_alone(struct sim_strategy *st, const struct sim *s, uint32_t task)
{
	struct surw *p = (struct surw *)st;
	take_notice(p, s);
	goes_on(p, s, task);
}

static uint32_t surw_value(struct sim_strategy *st, uint32_t n)
{
	return weir__sim_below(&((struct surw *)st)->state, n);
}

/* W1 */
static bool surw_end(struct sim_strategy *st, const struct sim *s)
{
	struct surw *p = (struct surw *)st;
	(void)s;
	for (uint32_t i = 0; i < p->objects.n && p->profiling; i++)
		for (uint32_t k = 0; k < p->paths.n; k++)
			if (p->counted[i][k] > p->count[i][k])
				p->count[i][k] = p->counted[i][k];
	return true;
}

static void surw_free(struct sim_strategy *st)
{
	free(st);
}

struct sim_strategy *weir__sim_surw_new(void)
{
	struct surw *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->paths.max = MAX_PATHS;
	p->objects.max = MAX_OBJECTS;
	p->base = (struct sim_strategy){.name = "surw",
					.begin = surw_begin,
					.pick = surw_pick,
					.alone = surw_alone,
					.value = surw_value,
					.end = surw_end,
					.free = surw_free};
	return &p->base;
}

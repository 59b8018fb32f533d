/* SPDX-License-Identifier: MIT
 *
 * The path of the reduced search: its steps, which come before which (vector clocks), and the races between them.
 *
 *  N1  Processes and objects are named after how they were made, and get their numbers at first sight, for the whole
 *      search: another order of the same steps gives them other indices in the simulator's tables.
 *  N2  The accesses to an object are a stack, cut into phases of accesses that commute (order.c, O1). What an access
 *      conflicts with directly is the phase before its own; what is below comes before that.
 *  N3  A race is a pair of steps that conflict with no step between them in the order. It can be reversed, as no
 *      operation waits for anything before it is tried: who finds nothing parks. What is let go by another step (a
 *      start, the end of a wait) comes after it by an edge that is no conflict, and so is no race.
 *  N4  Who waits for the last of several steps that commute (the ends of a scope's tasks, the dones of a wait group)
 *      is let go by one of them, and needs them all: none of these is a race. Nor is a join that comes when all tasks
 *      have ended: to begin it before makes no difference (D9 of dependence.c).
 *  N5  Of the second step of a race it is not known what it would be without the first. So in a sequence it stands with
 *      what was announced as well as with what it turned out to be.
 *  N6  Nothing comes between a moment at which nobody could run, and what was before: all steps before are known to all
 *      after. */
#include "dpor.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASS_READ, CLASS_WRITE, CLASS_GROUP }; /* groups follow */

void *weir__dpor_grow(void *mem, uint32_t n, uint32_t *cap, size_t size)
{
	if (n <= *cap)
		return mem;
	uint32_t more = *cap ? *cap : 1;
	while (more < n)
		more *= 2;
	mem = weir__own_realloc(mem, more * size);
	if (!mem) {
		fprintf(stderr, "weir sim: no memory for a path of the reduced search\n");
		abort();
	}
	*cap = more;
	return mem;
}

/* ---- names ---- */

uint32_t weir__dpor_proc(struct dpor_path *p, uint64_t name)
{
	uint32_t i = DPOR_CLOCK + 1;
	while (i < p->n_procs && p->proc_names[i] != name)
		i++;
	if (i == p->n_procs && i < DPOR_PROCS) {
		p->proc_names[i] = name;
		p->n_procs++;
	}
	return i;
}

static uint32_t *look_up(struct dpor_path *p, uint64_t name)
{
	uint32_t i = (uint32_t)(name >> 20) & (p->names_cap - 1);
	while (p->names[i].number && p->names[i].name != name)
		i = (i + 1) & (p->names_cap - 1);
	p->names[i].name = name;
	return &p->names[i].number;
}

static void more_names(struct dpor_path *p)
{
	struct dpor_name *old = p->names;
	uint32_t n = p->names_cap;
	p->names_cap = n ? 2 * n : 256;
	p->names = weir__own_calloc(p->names_cap * sizeof(*p->names));
	if (!p->names)
		abort();
	for (uint32_t i = 0; i < n; i++)
		if (old[i].number)
			*look_up(p, old[i].name) = old[i].number;
	weir__own_free(old);
}

static void more_objects(struct dpor_path *p, uint32_t n)
{
	uint32_t cap = p->objects_cap;
	p->objects = weir__dpor_grow(p->objects, n, &p->objects_cap, sizeof(*p->objects));
	memset(p->objects + cap, 0, (p->objects_cap - cap) * sizeof(*p->objects));
	p->n_objects = n;
}

void weir__dpor_path_init(struct dpor_path *p)
{
	*p = (struct dpor_path){.n_procs = DPOR_CLOCK + 1};
	more_objects(p, SIM_WIDE);
}

static uint32_t object_number(struct dpor_path *p, const struct sim *s, uint32_t object)
{
	const struct sim_object *o = &s->objects[object];
	uint64_t name = (s->tasks[o->creator]->path + o->index) * UINT64_C(0x9e3779b97f4a7c15);
	if (2 * p->n_objects >= p->names_cap)
		more_names(p);
	uint32_t *number = look_up(p, name);
	if (!*number) {
		more_objects(p, p->n_objects + 1);
		*number = p->n_objects;
	}
	return *number - 1;
}

/* N1; an object that is named twice is touched once. The first SIM_WIDE numbers are the wide things'. */
void weir__dpor_name_objects(struct dpor_path *p, const struct sim *s, struct sim_effect *e)
{
	uint8_t n = 0, written = 0;
	for (unsigned i = 0; i < e->n; i++) {
		uint32_t number = object_number(p, s, e->object[i]), k = 0;
		while (k < n && e->object[k] != number)
			k++;
		e->object[k] = number;
		written |= (uint8_t)((e->written >> i & 1) << k);
		n = (uint8_t)(n + (k == n));
	}
	e->n = n;
	e->written = written;
}

bool weir__dpor_dependent(const struct sim_effect *a, const struct sim_effect *b)
{
	if (((a->wide_write | b->wide_write) & SIM_WIDE_ALL) || (a->wide_write & (b->wide_read | b->wide_write)) ||
	    (b->wide_write & a->wide_read))
		return true;
	for (unsigned i = 0; i < a->n; i++)
		for (unsigned k = 0; k < b->n; k++)
			if (a->object[i] == b->object[k] && ((a->written >> i | b->written >> k) & 1))
				return i || k || !a->group || a->group != b->group || !(a->written & b->written & 1);
	return false;
}

/* ---- clocks ---- */

void weir__dpor_barrier(struct dpor_path *p, uint32_t at)
{
	p->barriers = weir__dpor_grow(p->barriers, p->n_barriers + 1, &p->barriers_cap, sizeof(*p->barriers));
	struct dpor_barrier *b = &p->barriers[p->n_barriers++];
	b->at = at;
	memcpy(b->clock, p->last, sizeof(b->clock));
}

static void join(const struct dpor_path *p, uint32_t *to, const uint32_t *from)
{
	for (uint32_t i = 0; i < p->n_procs; i++)
		to[i] = to[i] > from[i] ? to[i] : from[i];
}

static uint8_t class_of(const struct sim_effect *e, unsigned i)
{
	if (!(e->written >> i & 1))
		return CLASS_READ;
	return i == 0 && e->group ? (uint8_t)(CLASS_GROUP + e->group) : CLASS_WRITE;
}

/* Calls fn for each object of e with its class. */
static void each_access(struct dpor_path *p, const struct sim_effect *e, uint32_t step,
			void (*fn)(struct dpor_path *p, struct dpor_object *o, uint8_t class, uint32_t step))
{
	for (unsigned i = 0; i < e->n; i++)
		fn(p, &p->objects[e->object[i]], class_of(e, i), step);
	for (unsigned bits = (unsigned)(e->wide_read | e->wide_write) & ~(unsigned)SIM_WIDE_ALL; bits;
	     bits &= bits - 1) {
		unsigned i = (unsigned)__builtin_ctz(bits);
		fn(p, &p->objects[i], e->wide_write >> i & 1 ? CLASS_WRITE : CLASS_READ, step);
	}
}

static void add_candidate(struct dpor_path *p, uint32_t first, uint32_t second)
{
	p->races = weir__dpor_grow(p->races, p->n_races + 1, &p->races_cap, sizeof(*p->races));
	p->races[p->n_races++] = (struct dpor_race){.first = first, .second = second};
}

/* N2 */
static void find_candidates(struct dpor_path *p, struct dpor_object *o, uint8_t class, uint32_t step)
{
	uint32_t end = o->n;
	if (end && o->stack[end - 1].class == class && class != CLASS_WRITE)
		end = o->stack[end - 1].phase;
	if (!end)
		return;
	for (uint32_t i = o->stack[end - 1].phase; i < end; i++)
		if (!(p->clocks[step][p->steps[o->stack[i].step].act.proc] > o->stack[i].step))
			add_candidate(p, o->stack[i].step, step);
}

static void push(struct dpor_path *p, struct dpor_object *o, uint8_t class, uint32_t step)
{
	(void)p;
	bool same = o->n && o->stack[o->n - 1].class == class && class != CLASS_WRITE;
	o->stack = weir__dpor_grow(o->stack, o->n + 1, &o->cap, sizeof(*o->stack));
	o->stack[o->n] =
		(struct dpor_access){.step = step, .phase = same ? o->stack[o->n - 1].phase : o->n, .class = class};
	o->n++;
}

static void pop(struct dpor_path *p, struct dpor_object *o, uint8_t class, uint32_t step)
{
	(void)p, (void)class;
	assert(o->n && o->stack[o->n - 1].step == step);
	o->n--;
}

/* N4: the step comes after `first`, and there is no other way round. */
static bool is_required(const struct dpor_path *p, uint32_t first, const struct dpor_step *st)
{
	const struct sim_effect *a = &p->steps[first].act.effect, *b = &st->act.effect;
	bool let_go = st->end && st->enabler && p->steps[st->enabler - 1].act.effect.kind == a->kind;
	if (b->kind == WEIR_OP_WG_WAIT)
		return a->kind == WEIR_OP_WG_DONE && let_go;
	if (b->kind != WEIR_OP_SCOPE_JOIN || a->kind != WEIR_OP_TASK_END)
		return false;
	return let_go || (!st->end && !(b->wide_write & SIM_WIDE_FAULTS) && a->group &&
			  !(b->wide_read & SIM_WIDE_CLOCK) && !(b->wide_write & SIM_WIDE_CONTEXTS));
}

/* Of the candidates from `from` on, those stay that are races; all are joined to the step's clock. */
static void keep_races(struct dpor_path *p, uint32_t step, uint32_t from)
{
	uint32_t n = from, *clock = p->clocks[step];
	for (uint32_t i = from; i < p->n_races; i++)
		if (is_required(p, p->races[i].first, &p->steps[step]))
			join(p, clock, p->clocks[p->races[i].first]);
	for (;;) { /* the latest first: it may come after others */
		uint32_t best = p->n_races;
		for (uint32_t i = n; i < p->n_races; i++)
			if (best == p->n_races || p->races[i].first > p->races[best].first)
				best = i;
		if (best == p->n_races)
			break;
		struct dpor_race race = p->races[best];
		p->races[best] = p->races[n];
		if (clock[p->steps[race.first].act.proc] > race.first) {
			p->races[n] = p->races[--p->n_races];
			continue;
		}
		p->races[n++] = race;
		join(p, clock, p->clocks[race.first]);
	}
}

void weir__dpor_settle(struct dpor_path *p)
{
	uint32_t i = p->n_settled, from = p->n_races;
	struct dpor_step *st = &p->steps[i];
	struct sim_effect *e = &st->act.effect;
	uint32_t *clock = p->clocks[i];
	bool all = e->wide_write & SIM_WIDE_ALL;
	memset(clock, 0, sizeof(p->clocks[i]));
	st->before = p->last[st->act.proc];
	st->all_before = p->last_all;
	if (st->before)
		memcpy(clock, p->clocks[st->before - 1], sizeof(p->clocks[i]));
	if (st->enabler)
		join(p, clock, p->clocks[st->enabler - 1]);
	if (p->n_barriers) /* N6 */
		join(p, clock, p->barriers[p->n_barriers - 1].clock);
	each_access(p, e, i, find_candidates);
	if (p->last_all && clock[p->steps[p->last_all - 1].act.proc] < p->last_all)
		add_candidate(p, p->last_all - 1, i);
	for (uint32_t k = 0; all && k < p->n_procs; k++)
		if (p->last[k] > clock[k])
			add_candidate(p, p->last[k] - 1, i);
	keep_races(p, i, from);
	clock[st->act.proc] = i + 1;
	each_access(p, e, i, push);
	p->last[st->act.proc] = i + 1;
	if (all)
		p->last_all = i + 1;
	p->n_settled++;
}

/* Back to the first n steps. */
void weir__dpor_cut(struct dpor_path *p, uint32_t n)
{
	while (p->n_settled > n) {
		struct dpor_step *st = &p->steps[--p->n_settled];
		each_access(p, &st->act.effect, p->n_settled, pop);
		p->last[st->act.proc] = st->before;
		p->last_all = st->all_before;
	}
	while (p->n_barriers && p->barriers[p->n_barriers - 1].at > n)
		p->n_barriers--;
	p->n_races = 0;
}

void weir__dpor_path_free(struct dpor_path *p)
{
	for (uint32_t i = 0; i < p->objects_cap; i++)
		free(p->objects[i].stack);
	free(p->objects);
	free(p->steps);
	free(p->clocks);
	free(p->names);
	free(p->races);
	free(p->barriers);
}

/* SPDX-License-Identifier: MIT
 *
 * The hash of a partial order, kept up while the schedule runs.
 *
 * It is the sum of one number for each step. The number is made of the step before it of the same task, of the
 * operation, of the values that were chosen in it, and of what it comes after: for each object it touches, the steps
 * on that object that it depends on. Nothing in it depends on the order of steps that could change places, and a sum
 * does not either. (The form is Foata's: Cartier and Foata, 1969; Diekert and Rozenberg, The Book of Traces, 1995.)
 *
 *  O1  The steps on one object are cut into phases. Those of one phase commute with each other: reads, writes of one
 *      group (D7 of dependence.c), or one single write. A step comes after all of the phases before, and the phase is
 *      known by the sum of its steps. So a phase is complete when a step of another class comes.
 *  O2  Wide effects are objects too. A moment at which nobody could run, and a step that depends on every other, begin
 *      a new epoch.
 *  O3  A step counts when it is over (D6): with the next step, or when the hash is asked for.
 *  O4  A silent step (D9) is none, and the join that it began counts as one step, where it ends.
 *  O5  Spawn before start, exit before join, and wake before the end of a wait are in no number: they hold in every
 *      schedule with the same orders on the objects, since what a task does, and whom it wakes, follows from those.
 *  O6  Tasks and objects are named after how they were made (path; n-th of its creator), never by their indices.
 *
 * What is approximated: pairs that commute in one state only (D5: adds and dones, dones and waits of a wait group) are
 * dependent here, so schedules that differ in nothing but their order are told apart. Never the other way round: the
 * relation is that of dependence.c, and the phases are exactly it, because all that commutes on an object commutes with
 * all of its class. No allocation per step: the table grows with the table of objects. */
#include "order.h"

#include <stdlib.h>
#include <stdio.h>

#include "dependence.h"

enum { CLASS_NONE, CLASS_READ, CLASS_WRITE, CLASS_GROUP }; /* groups follow */

struct phase {
	uint64_t object; /* its identity: entries of the simulator's table are used again */
	uint64_t base;   /* all phases before */
	uint64_t sum;    /* the steps of this one */
	uint8_t class;
};

struct sim_order {
	uint64_t sum;   /* of all steps */
	uint64_t epoch; /* O2 */
	struct sim_effect effect;
	struct sim *sim; /* of the step that is pending; NULL: none is */
	uint32_t task;
	uint64_t begun;   /* what is known of its number from its beginning */
	size_t stream_at; /* choices before it */
	uint64_t last[WEIR_SIM_TASKS];
	uint32_t n_tasks; /* whose last[] is set */
	struct phase wide[SIM_WIDE];
	struct phase *objects;
	uint32_t cap, n; /* n: how many were set in this schedule */
};

static uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t h = (a ^ (b + UINT64_C(0x9e3779b97f4a7c15))) * UINT64_C(0xd6e8feb86659fd93);
	h = (h ^ (h >> 32)) * UINT64_C(0xbf58476d1ce4e5b9) + b;
	return h ^ (h >> 29);
}

struct sim_order *weir__sim_order_new(void)
{
	return calloc(1, sizeof(struct sim_order));
}

void weir__sim_order_free(struct sim_order *o)
{
	if (o)
		free(o->objects);
	free(o);
}

void weir__sim_order_begin(struct sim_order *o)
{
	o->sum = o->epoch = 0;
	o->sim = NULL;
	o->n_tasks = o->n = 0;
	for (unsigned i = 0; i < SIM_WIDE; i++)
		o->wide[i] = (struct phase){.object = i + 1, .base = i + 1};
}

/* ---- one step ---- */

static uint64_t identity(const struct sim *s, uint32_t object)
{
	const struct sim_object *obj = &s->objects[object];
	return s->tasks[obj->creator]->path + obj->index * UINT64_C(0x9e3779b97f4a7c15); /* O6 */
}

/* There is a phase for every object of the step; what another object left there is cleared. */
static void prepare(struct sim_order *o, const struct sim *s)
{
	for (unsigned i = 0; i < o->effect.n; i++) {
		uint32_t object = o->effect.object[i];
		uint64_t id = identity(s, object);
		if (object >= o->cap) {
			struct phase *more = weir__own_realloc(o->objects, s->objects_cap * sizeof(*more));
			if (!more) {
				fprintf(stderr, "weir sim: no memory for the partial order\n");
				abort();
			}
			o->objects = more;
			o->cap = s->objects_cap;
		}
		for (; o->n <= object; o->n++)
			o->objects[o->n] = (struct phase){0};
		if (o->objects[object].object != id)
			o->objects[object] = (struct phase){.object = id, .base = id};
	}
}

static uint8_t class_of(const struct sim_effect *e, unsigned i)
{
	if (!(e->written >> i & 1))
		return CLASS_READ;
	return i == 0 && e->group ? (uint8_t)(CLASS_GROUP + e->group) : CLASS_WRITE;
}

static uint8_t wide_class(const struct sim_effect *e, unsigned i)
{
	return e->wide_write >> i & 1 ? CLASS_WRITE : CLASS_READ;
}

static unsigned wide_bits(const struct sim_effect *e)
{
	return (unsigned)(e->wide_read | e->wide_write) & ~(unsigned)SIM_WIDE_ALL;
}

static bool same_phase(const struct phase *p, uint8_t class)
{
	return p->class == class && class != CLASS_WRITE;
}

/* O1: what a step of this class on the object comes after. */
static uint64_t before(const struct phase *p, uint8_t class)
{
	return same_phase(p, class) ? p->base : mix(p->base + p->class, p->sum);
}

static void enter(struct phase *p, uint8_t class, uint64_t number)
{
	if (!same_phase(p, class))
		*p = (struct phase){.object = p->object, .base = before(p, class), .class = class};
	p->sum += number;
}

/* The number of the pending step, whose effect is e. */
static uint64_t number_of(const struct sim_order *o, const struct sim_effect *e)
{
	uint64_t n = o->begun;
	const struct sim *s = o->sim;
	for (size_t i = o->stream_at; i < s->n_stream; i++)
		if (s->stream[i].data)
			n = mix(n, s->stream[i].value + 1);
	for (unsigned i = 0; i < e->n; i++)
		n += mix(before(&o->objects[e->object[i]], class_of(e, i)), i);
	for (unsigned bits = wide_bits(e); bits; bits &= bits - 1) {
		unsigned i = (unsigned)__builtin_ctz(bits);
		n += before(&o->wide[i], wide_class(e, i));
	}
	if (e->wide_write & SIM_WIDE_ALL)
		n += o->sum;
	return mix(n, o->epoch);
}

/* O3 */
static void settle(struct sim_order *o)
{
	struct sim_effect *e = &o->effect;
	if (!o->sim)
		return;
	weir__sim_effect_settle(o->sim, o->sim->tasks[o->task], e);
	if (!e->silent) {
		uint64_t n = number_of(o, e);
		for (unsigned i = 0; i < e->n; i++)
			enter(&o->objects[e->object[i]], class_of(e, i), n);
		for (unsigned bits = wide_bits(e); bits; bits &= bits - 1) {
			unsigned i = (unsigned)__builtin_ctz(bits);
			enter(&o->wide[i], wide_class(e, i), n);
		}
		o->last[o->task] = n;
		o->sum += n;
		if (e->wide_write & SIM_WIDE_ALL)
			o->epoch = mix(o->epoch, o->sum); /* O2 */
	}
	o->sim = NULL;
}

void weir__sim_order_step(struct sim_order *o, struct sim *s, struct sim_task *t)
{
	settle(o);
	for (; o->n_tasks < s->n_tasks; o->n_tasks++)
		o->last[o->n_tasks] = s->tasks[o->n_tasks]->path;      /* O6 */
	bool end = t->completion && t->op->kind != WEIR_OP_SCOPE_JOIN; /* O4 */
	o->effect = weir__sim_step_effect(s, t);
	o->sim = s;
	o->task = t->index;
	o->begun = mix(o->last[t->index], (uint64_t)t->op->kind << 1 | end);
	o->stream_at = s->n_stream;
	prepare(o, s);
}

void weir__sim_order_clock(struct sim_order *o, struct sim *s, bool early)
{
	(void)s;
	settle(o);
	if (!early) {
		o->epoch = mix(o->epoch + 1, o->sum); /* O2 */
		return;
	}
	struct sim_effect clock = weir__sim_clock_effect();
	for (unsigned i = 0; i < SIM_WIDE; i++) {
		if (!(clock.wide_write >> i & 1))
			continue;
		uint64_t n = mix(before(&o->wide[i], CLASS_WRITE), o->epoch);
		enter(&o->wide[i], CLASS_WRITE, n);
		o->sum += n;
	}
}

uint64_t weir__sim_order_hash(const struct sim_order *o)
{
	uint64_t sum = o->sum;
	if (o->sim) {
		struct sim_effect e = o->effect;
		weir__sim_effect_settle(o->sim, o->sim->tasks[o->task], &e);
		sum += e.silent ? 0 : number_of(o, &e);
	}
	return mix(sum, o->epoch);
}

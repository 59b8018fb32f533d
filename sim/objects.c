/* SPDX-License-Identifier: MIT
 *
 * The table of objects: who made what, who used it last, what is left at the end.
 *
 * Ownership. A handle belongs to one task at a time, and may be handed over if the first use by the new task happens
 * after the last use by the old one. "Happens after" is kept with vector clocks (Mattern; Fidge): each task has a
 * clock, and whatever lets one task know of another joins them: spawn, join, an unpark, and every operation on a
 * channel, scope or pipeline, which takes what the object knows when it begins and leaves what the task knows when it
 * ends. That is more order than the library promises (two sends on one channel do not order their senders), so a
 * program that is right is never blamed (H1); one that is wrong may get away with it in a schedule where it was lucky.
 *  H1  An operation may only add order that the library, or more than the library, guarantees - never less.
 *  H2  All contexts of a run share one clock row, released by cancel and taken by every operation that looks at a
 *      context.
 *      Where operations are explored inside (explore.c), one may take effect after another has begun and before it
 *      ends: then objects are told what the task knows at the begin too, and the task takes what they know at the end.
 *  H3  A handle that another task is inside an operation with right now is never fine, whatever the clocks say.
 *  H4  Clocks and rows have meaning up to the number of tasks there are; a new task clears its column.
 *
 * Identity. An object is the n-th of the task that made it; so the hash of a schedule does not depend on addresses.
 * The number in reports (ch1, ctx2) counts objects of one kind in the order they were made. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/core/inspect.h"
#include "engine.h"

#define CTX_ROW 0 /* H2 */

static uint32_t kind_index(uint32_t kind)
{
	return kind >= WEIR_OBJ_CHAN && kind <= WEIR_OBJ_FD ? kind - WEIR_OBJ_CHAN : 23;
}

static void *grow(void *mem, size_t bytes)
{
	void *more = weir__own_realloc(mem, bytes);
	if (!more) {
		fprintf(stderr, "weir sim: no memory for the table of objects\n");
		abort();
	}
	return more;
}

static uint32_t row_new(struct sim *s)
{
	if (s->n_clocks == s->clocks_cap) {
		s->clocks_cap = s->clocks_cap ? 2 * s->clocks_cap : 64;
		s->clocks = grow(s->clocks, s->clocks_cap * sizeof(*s->clocks));
	}
	memset(s->clocks[s->n_clocks], 0, s->n_tasks * sizeof(s->clocks[0][0])); /* H4 */
	return s->n_clocks++;
}

void weir__sim_objects_reset(struct sim *s)
{
	s->n_objects = 0;
	s->free_object = SIM_NONE;
	s->n_clocks = 0;
	memset(s->display, 0, sizeof(s->display));
	row_new(s); /* CTX_ROW */
}

void weir__sim_clock_column(struct sim *s, uint32_t task)
{
	for (uint32_t i = 0; i < s->n_clocks; i++)
		s->clocks[i][task] = 0;
	for (uint32_t i = 0; i < task; i++)
		s->tasks[i]->clock[task] = 0;
}

static bool has_row(uint32_t kind)
{
	return kind == WEIR_OBJ_CHAN || kind == WEIR_OBJ_SCOPE || kind == WEIR_OBJ_PIPELINE || kind == WEIR_OBJ_FD ||
	       (kind >= WEIR_OBJ_MUTEX && kind <= WEIR_OBJ_ON_END);
}

void weir__sim_created(struct sim *s, struct weir_obj *obj, struct weir_obj *parent, const void *site)
{
	struct sim_task *t = weir__sim_current(s);
	uint32_t i = s->free_object;
	if (i != SIM_NONE) {
		s->free_object = s->objects[i].next_free;
	} else {
		if (s->n_objects == s->objects_cap) {
			s->objects_cap = s->objects_cap ? 2 * s->objects_cap : 64;
			s->objects = grow(s->objects, s->objects_cap * sizeof(*s->objects));
		}
		i = s->n_objects++;
	}
	struct sim_object *o = &s->objects[i];
	o->obj = obj;
	o->kind = obj->kind;
	o->creator = t->index;
	o->index = t->objects++;
	o->identity = (((uint64_t)o->creator << 32 | o->index) + 1) * UINT64_C(0x9e3779b97f4a7c15);
	o->parent = parent && parent->shadow ? parent->shadow - 1 : SIM_NONE;
	o->display = ++s->display[kind_index(obj->kind)];
	o->live = true;
	o->user = t->index;
	o->user_clock = t->clock[t->index];
	o->user_site = o->made_site = site;
	o->leaves = has_row(obj->kind) ? row_new(s) : SIM_NONE;
	o->takes = obj->kind == WEIR_OBJ_CTX ? CTX_ROW : o->leaves;
	o->children = 0;
	o->watched = false;
	if (o->kind == WEIR_OBJ_ON_END && o->parent != SIM_NONE)
		s->objects[o->parent].watched = true;
	o->holder = NULL;
	if (o->kind == WEIR_OBJ_RWLOCK)
		memset(o->readers, 0, sizeof(o->readers));
	if (o->kind == WEIR_OBJ_CTX && o->parent != SIM_NONE)
		s->objects[o->parent].children++;
	o->name[0] = '\0';
	obj->shadow = i + 1;
}

static void end_of_context(struct sim *s, struct sim_object *o)
{
	if (o->parent != SIM_NONE)
		s->objects[o->parent].children--;
	if (o->creator == 0 && o->index == 0)
		return; /* the scenario's root: what is left below it is a leak, and named as one */
	for (uint32_t i = 0; o->children > 0 && i < s->n_objects; i++) {
		struct sim_object *child = &s->objects[i];
		if (!child->live || child->kind != WEIR_OBJ_CTX || child->parent != (uint32_t)(o - s->objects))
			continue;
		s->failure.other_site = child->made_site;
		weir__sim_fail(s, WEIR_SIM_MISUSE,
			       "ctx%u is finished while its child ctx%u lives: finish children first", o->display,
			       child->display);
	}
}

void weir__sim_gone(struct sim *s, struct weir_obj *obj)
{
	struct sim_object *o = weir__sim_object(s, obj);
	if (!o)
		return;
	o->live = false;
	/* Per-job contexts come and go: their entries are used again. Handles stay, so that a stale copy is
	 * recognised. */
	if (o->kind == WEIR_OBJ_CTX) {
		end_of_context(s, o);
		o->next_free = s->free_object;
		s->free_object = obj->shadow - 1;
		obj->shadow = 0;
	}
}

/* ---- ownership ---- */

static const char *end_name(uint32_t kind)
{
	return kind == WEIR_OBJ_TX ? "sending handle" : "receiving handle";
}

static bool uses_handle(const struct weir_op *op, const struct weir_obj *handle)
{
	struct weir__case_view view;
	if (!op)
		return false;
	if (op->obj[1] == handle)
		return true;
	for (size_t i = 0; i < op->n_cases; i++) {
		weir__inspect_case(op->cases, i, &view);
		if (view.handle == handle)
			return true;
	}
	return false;
}

/* Task t uses at op a handle that is closed, or that another task used last. */
static void check_user(struct sim *s, struct sim_task *t, const struct weir_op *op, const struct sim_object *o)
{
	struct sim_object *chan = o->parent != SIM_NONE ? &s->objects[o->parent] : NULL;
	uint32_t n = chan ? chan->display : 0;
	struct sim_task *other = s->tasks[o->user];
	s->failure.site = op->site;
	s->failure.other_site = o->user_site;
	s->failure.other_task = o->user;
	if (!o->live) {
		weir__sim_fail(s, WEIR_SIM_OWNERSHIP,
			       "T%u uses a %s of ch%u that T%u has closed: a stale copy of the handle", t->index,
			       end_name(o->kind), n, o->user);
	} else {
		bool inside = (other->state == SIM_PARKED || other->token || other->due) &&
			      uses_handle(other->op, o->obj); /* H3 */
		if (inside || t->clock[o->user] < o->user_clock)
			weir__sim_fail(
				s, WEIR_SIM_OWNERSHIP,
				"T%u uses a %s of ch%u that T%u %s: hand it over (spawn, message, join), or clone it",
				t->index, end_name(o->kind), n, o->user,
				inside ? "is using right now" : "used, without any order between them");
	}
	s->failure.site = s->failure.other_site = NULL;
}

/* Task t uses the handle at op. */
static void use_handle(struct sim *s, struct sim_task *t, const struct weir_op *op, struct sim_object *o)
{
	if (!o || (o->kind != WEIR_OBJ_TX && o->kind != WEIR_OBJ_RX))
		return;
	if (o->user != t->index || !o->live)
		check_user(s, t, op, o);
	o->user = t->index;
	o->user_clock = t->clock[t->index];
	o->user_site = op->site;
}

/* ---- operations ---- */

static inline struct sim_object *find(struct sim *s, const struct weir_obj *obj)
{
	return obj ? weir__sim_object(s, obj) : NULL;
}

static void take(struct sim *s, struct sim_task *t, const struct sim_object *o)
{
	if (o && o->takes != SIM_NONE)
		weir__sim_clock_join(t->clock, s->clocks[o->takes], s->n_tasks);
}

static void leave(struct sim *s, struct sim_task *t, const struct sim_object *o)
{
	if (o && o->leaves != SIM_NONE)
		weir__sim_clock_join(s->clocks[o->leaves], t->clock, s->n_tasks);
}

/* Who has the lock now, and since when. */
static void note_holder(struct sim *s, struct sim_object *o)
{
	struct weir__sync_view v;
	if (!weir__inspect_sync(o->obj, &v) || v.holder == o->holder)
		return;
	o->holder = v.holder;
	o->held_step = s->step;
}

static bool ends_context(const struct weir_op *op)
{
	return op->kind == WEIR_OP_CTX_CANCEL || op->kind == WEIR_OP_PIPE_CANCEL || op->kind == WEIR_OP_TASK_END ||
	       op->kind == WEIR_OP_SCOPE_JOIN || op->kind == WEIR_OP_PIPE_STOP;
}

/* H1: the other half of what a begin and an end do, where they may overlap. */
static void tell(struct sim *s, struct sim_task *t, const struct weir_op *op)
{
	struct weir__case_view view;
	for (size_t i = 0; i < WEIR_OP_OBJS; i++) {
		take(s, t, find(s, op->obj[i]));
		leave(s, t, find(s, op->obj[i]));
	}
	for (size_t i = 0; i < op->n_cases; i++) {
		weir__inspect_case(op->cases, i, &view);
		take(s, t, find(s, view.obj));
		leave(s, t, find(s, view.obj));
	}
	if (ends_context(op))
		weir__sim_clock_join(s->clocks[CTX_ROW], t->clock, s->n_tasks);
}

void weir__sim_op_begin(struct sim *s, struct sim_task *t, const struct weir_op *op)
{
	struct weir__case_view view;
	struct sim_object *second = find(s, op->obj[1]);
	if (!t->completion)
		use_handle(s, t, op, second);
	take(s, t, find(s, op->obj[0]));
	take(s, t, second);
	take(s, t, find(s, op->obj[2]));
	if (op->fd)
		take(s, t, find(s, weir__sim_op_object(s, op)));
	for (size_t i = 0; i < op->n_cases; i++) {
		weir__inspect_case(op->cases, i, &view);
		if (view.handle && !t->completion)
			use_handle(s, t, op, find(s, view.handle));
		take(s, t, find(s, view.obj));
	}
	if (SIM_EXPLORES)
		tell(s, t, op);
}

static inline void check_account(struct sim *s, const struct sim_object *o)
{
	struct weir__chan_view v;
	if (!o || o->kind != WEIR_OBJ_CHAN || !weir__sim_in_order() || weir__inspect_account_ok(o->obj))
		return;
	weir__inspect_chan(o->obj, &v);
	weir__sim_fail(s, WEIR_SIM_ACCOUNT,
		       "ch%u: accepted %llu, delivered %llu, dropped %llu, buffered %zu of %zu%s%s", o->display,
		       (unsigned long long)v.accepted, (unsigned long long)v.delivered, (unsigned long long)v.dropped,
		       v.len, v.capacity, v.waiting_senders ? ", a sender waits" : "",
		       v.waiting_receivers ? ", a receiver waits" : "");
}

void weir__sim_op_end(struct sim *s, struct sim_task *t, const struct weir_op *op)
{
	struct weir__case_view view;
	if (SIM_EXPLORES)
		tell(s, t, op);
	for (size_t i = 0; i < WEIR_OP_OBJS; i++) { /* a condition's wait lets go of its mutex, obj[2] */
		if (!op->obj[i] || !has_row(op->obj[i]->kind))
			continue;
		struct sim_object *o = find(s, op->obj[i]);
		leave(s, t, o);
		if (o && o->kind >= WEIR_OBJ_MUTEX)
			note_holder(s, o);
	}
	if (op->fd)
		leave(s, t, find(s, weir__sim_op_object(s, op)));
	check_account(s, find(s, op->obj[0]));
	for (size_t i = 0; i < op->n_cases; i++) {
		weir__inspect_case(op->cases, i, &view);
		leave(s, t, find(s, view.obj));
		check_account(s, find(s, view.obj));
	}
	if (ends_context(op))
		weir__sim_clock_join(s->clocks[CTX_ROW], t->clock, s->n_tasks);
	t->clock[t->index]++;
	t->op = NULL;
}

/* ---- the end ---- */

static const char *leak_name(uint32_t kind)
{
	switch (kind) {
	case WEIR_OBJ_TX:
		return "sending handle";
	case WEIR_OBJ_RX:
		return "receiving handle";
	case WEIR_OBJ_CTX:
		return "context";
	case WEIR_OBJ_SCOPE:
		return "scope (init without join)";
	case WEIR_OBJ_PIPELINE:
		return "pipeline run";
	case WEIR_OBJ_FD:
		return "descriptor";
	case WEIR_OBJ_MUTEX:
		return "mutex";
	case WEIR_OBJ_RWLOCK:
		return "rwlock";
	case WEIR_OBJ_COND:
		return "condition";
	case WEIR_OBJ_SEM:
		return "semaphore";
	case WEIR_OBJ_WG:
		return "wait group";
	case WEIR_OBJ_ONCE:
		return "once";
	case WEIR_OBJ_ATOMIC:
		return "atomic";
	default:
		return NULL; /* channels are leaked through their handles */
	}
}

struct left {
	uint64_t blocks, bytes;
	struct sim_block first; /* what malloc gave counts before the runtime's */
};

static void add_left(void *arg, const void *mem, const struct sim_block *block)
{
	struct left *left = arg;
	(void)mem;
	if (left->blocks == 0 || (block->heap && !left->first.heap))
		left->first = *block;
	left->blocks++;
	left->bytes += block->bytes;
}

static void check_memory(struct sim *s)
{
	struct left left = {0};
	char more[80] = "";
	weir__sim_blocks(s, add_left, &left);
	if (left.blocks > 1)
		snprintf(more, sizeof(more), ", and %llu more block%s, %llu bytes in all",
			 (unsigned long long)left.blocks - 1, left.blocks == 2 ? "" : "s",
			 (unsigned long long)left.bytes);
	s->failure.site = left.first.site;
	weir__sim_fail(s, WEIR_SIM_LEAK, "%zu bytes that T%u %s took from %s are left at the end%s", left.first.bytes,
		       left.first.task, s->tasks[left.first.task]->pub.name, left.first.heap ? "malloc" : "the runtime",
		       more);
}

void weir__sim_check_leaks(struct sim *s)
{
	uint32_t n = 0, first = 0;
	for (uint32_t i = 0; i < s->n_objects; i++)
		if (s->objects[i].live && leak_name(s->objects[i].kind) && n++ == 0)
			first = i;
	for (uint32_t i = 0; i < s->n_tasks && n == 0; i++) {
		if (i > 0 && !s->tasks[i]->joined && !s->tasks[i]->detached) {
			weir__sim_fail(s, WEIR_SIM_LEAK, "T%u %s has ended and was never joined", i,
				       s->tasks[i]->pub.name);
			return;
		}
	}
	if (n) {
		struct sim_object *o = &s->objects[first];
		s->failure.site = o->made_site;
		bool named = o->kind == WEIR_OBJ_FD && o->name[0];
		weir__sim_fail(s, WEIR_SIM_LEAK, "%u object%s left at the end, the first a %s%s%s%s that T%u made", n,
			       n == 1 ? " is" : "s are", leak_name(o->kind), named ? " \"" : "", named ? o->name : "",
			       named ? "\"" : "", o->creator);
	} else if (weir__sim_live_blocks(s) > 0) {
		check_memory(s);
	}
}

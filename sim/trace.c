/* SPDX-License-Identifier: MIT
 *
 * What happened in a schedule, event by event, for the report of its failure.
 *
 * Recorded only in the second run of a schedule that failed, so it may take memory of the harness and be slow; a run without it is not slowed down at
 * all. It must not change what it records: it makes no choice, and reads objects without touching them.
 *
 *  V1  An operation is one STEP, then at most one RESULT or BLOCK per attempt; after a BLOCK comes a STEP with `completion` set. Between
 *      a STEP and its RESULT stand only what the operation itself did: notes, and operations inside it (a drop that closes a channel).
 *  V2  An event holds copies: numbers and names, no pointer into the schedule's memory (sites are code). Objects may be gone, and their
 *      memory used again, when the report reads the event.
 *  V3  RESULT and BLOCK name the same object as their STEP, by copy: a close that ended its channel has nothing left to ask.
 *  V4  Without memory for another event the trace stops growing and says so (`lost`); what is there stays true.
 *
 * A context that is the first member of a scope is shown as the scope, and a handle as its channel: that is what the user wrote. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/core/inspect.h"
#include "report.h"

/* ---- names of objects ---- */

const char *weir__sim_kind_prefix(uint32_t kind)
{
	switch (kind) {
	case WEIR_OBJ_CHAN:
		return "ch";
	case WEIR_OBJ_CTX:
		return "ctx";
	case WEIR_OBJ_SCOPE:
		return "scope";
	case WEIR_OBJ_PIPELINE:
		return "run";
	case WEIR_OBJ_STATS:
		return "stats";
	default:
		return "object";
	}
}

/* The scope whose context o is, or NULL. */
static const struct sim_object *scope_of_ctx(const struct sim *s, const struct sim_object *o)
{
	uint32_t ctx = (uint32_t)(o - s->objects);
	for (uint32_t i = 0; i < s->n_objects; i++)
		if (s->objects[i].live && s->objects[i].kind == WEIR_OBJ_SCOPE && s->objects[i].parent == ctx)
			return &s->objects[i];
	return NULL;
}

/* A scope is named through its context. */
static const char *user_name(const struct sim *s, const struct sim_object *o)
{
	if (o->kind == WEIR_OBJ_SCOPE && !o->name[0] && o->parent < s->n_objects)
		return s->objects[o->parent].name;
	return o->name;
}

void weir__sim_trace_ref(const struct sim *s, const struct sim_object *o, struct sim_trace_ref *out)
{
	struct weir__chan_view chan;
	const struct sim_object *scope;
	*out = (struct sim_trace_ref){.kind = WEIR_OBJ_DEAD};
	if (!o)
		return;
	if ((o->kind == WEIR_OBJ_TX || o->kind == WEIR_OBJ_RX) && o->parent < s->n_objects)
		o = &s->objects[o->parent];
	else if (o->kind == WEIR_OBJ_CTX && (scope = scope_of_ctx(s, o)))
		o = scope;
	const char *name = user_name(s, o);
	if (!name[0] && o->kind == WEIR_OBJ_CHAN && o->live && o->obj->kind == WEIR_OBJ_CHAN) {
		weir__inspect_chan(o->obj, &chan);
		name = chan.type ? chan.type : "";
	}
	out->kind = o->kind;
	out->display = o->display;
	snprintf(out->name, sizeof(out->name), "%s", name);
}

static void ref_of(struct sim *s, const struct weir_obj *obj, struct sim_trace_ref *out)
{
	weir__sim_trace_ref(s, obj ? weir__sim_object(s, obj) : NULL, out);
}

/* len and capacity, of a channel that is still there. */
static void fill_of(struct sim *s, const struct weir_obj *obj, struct sim_event *e)
{
	struct sim_object *o = obj ? weir__sim_object(s, obj) : NULL;
	struct weir__chan_view chan;
	if (!o || !o->live || o->kind != WEIR_OBJ_CHAN)
		return;
	weir__inspect_chan(obj, &chan);
	e->len = chan.len;
	e->capacity = chan.capacity;
}

/* ---- the cases of a select ---- */

static const char *case_verb(int kind)
{
	return kind == WEIR__VIEW_SEND ? "send" : kind == WEIR__VIEW_RECV ? "recv" : kind == WEIR__VIEW_TIMER ? "timer" : "ctx";
}

static void list_cases(struct sim *s, const struct weir_op *op, char *buf, size_t cap)
{
	struct weir__case_view view;
	struct sim_trace_ref ref;
	size_t at = 0;
	buf[0] = '\0';
	for (size_t i = 0; i < op->n_cases; i++) {
		char one[40];
		weir__inspect_case(op->cases, i, &view);
		ref_of(s, view.obj, &ref);
		if (view.kind == WEIR__VIEW_OFF)
			snprintf(one, sizeof(one), "off");
		else if (ref.kind == WEIR_OBJ_DEAD)
			snprintf(one, sizeof(one), "%s", case_verb((int)view.kind));
		else
			snprintf(one, sizeof(one), "%s %s%u", case_verb((int)view.kind), weir__sim_kind_prefix(ref.kind), ref.display);
		if (at + strlen(one) + 8 > cap) {
			snprintf(buf + at, cap - at, ", ...");
			return;
		}
		at += (size_t)snprintf(buf + at, cap - at, "%s%s", i ? ", " : "", one);
	}
}

static void committed_case(struct sim *s, const struct weir_op *op, struct sim_event *e)
{
	struct weir__case_view view;
	if (e->rc < 0 || (size_t)e->rc >= op->n_cases)
		return;
	weir__inspect_case(op->cases, (size_t)e->rc, &view);
	ref_of(s, view.obj, &e->obj2);
	e->case_kind = (uint8_t)view.kind;
	e->case_rc = view.rc;
	if (view.kind == WEIR__VIEW_SEND || view.kind == WEIR__VIEW_RECV)
		fill_of(s, view.obj, e);
}

/* ---- events ---- */

/* V4; NULL: no memory. */
static struct sim_event *append(struct sim *s, enum sim_event_kind kind, uint32_t task)
{
	struct sim_trace *trace = s->trace;
	assert(trace);
	if (trace->n == trace->cap) {
		size_t cap = trace->cap ? 2 * trace->cap : 256;
		struct sim_event *more = trace->lost ? NULL : realloc(trace->events, cap * sizeof(*more));
		if (!more) {
			trace->lost = true;
			return NULL;
		}
		trace->events = more;
		trace->cap = cap;
	}
	struct sim_event *e = &trace->events[trace->n++];
	*e = (struct sim_event){
		.kind = kind, .step = s->step, .time_at = s->now, .task = task, .at = WEIR_FOREVER, .other = SIM_NONE};
	return e;
}

/* The last STEP of the task, with op_kind unless that is WEIR_OP_KINDS; joins of the runtime, which stand inside an operation, only on request. */
static const struct sim_event *last_step(const struct sim *s, uint32_t task, int op_kind)
{
	for (size_t i = s->trace->n; i > 0; i--) {
		const struct sim_event *e = &s->trace->events[i - 1];
		if (e->kind != SIM_EV_STEP || e->task != task)
			continue;
		if (op_kind == WEIR_OP_KINDS ? e->op != WEIR_OP_JOIN : e->op == op_kind)
			return e;
	}
	return NULL;
}

/* What core waits for in the user's name has a site inside core: the operation around it has the user's. */
static const void *users_site(const struct sim *s, const struct sim_task *t, const struct weir_op *op)
{
	if (op->kind == WEIR_OP_NONE)
		return NULL;
	if (op->kind != WEIR_OP_JOIN)
		return op->site;
	const struct sim_event *outer = last_step(s, t->index, WEIR_OP_KINDS);
	return outer ? outer->site : op->site;
}

void weir__sim_trace_step(struct sim *s, struct sim_task *task)
{
	const struct weir_op *op = task->op;
	const struct sim_event *before = NULL;
	assert(op);
	for (size_t i = s->trace->n; i > 0 && !before; i--)
		if (s->trace->events[i - 1].kind == SIM_EV_STEP)
			before = &s->trace->events[i - 1];
	bool preempts = before && before->task != task->index && s->tasks[before->task]->state == SIM_RUNNABLE;
	const void *site = users_site(s, task, op);
	struct sim_event *e = append(s, SIM_EV_STEP, task->index);
	if (!e)
		return;
	e->op = op->kind;
	e->completion = task->completion;
	e->preempts = preempts;
	e->at = op->at;
	e->site = site;
	if (op->kind == WEIR_OP_JOIN)
		e->other = task->join_target;
	if (op->n_cases)
		list_cases(s, op, e->text, sizeof(e->text));
	ref_of(s, op->obj[0], &e->obj);
	fill_of(s, op->obj[0], e);
}

/* V3 */
static struct sim_event *append_to_step(struct sim *s, enum sim_event_kind kind, const struct sim_task *t,
					const struct weir_op *op)
{
	struct sim_event *e = append(s, kind, t->index);
	const struct sim_event *step = last_step(s, t->index, op->kind);
	if (!e)
		return NULL;
	e->op = op->kind;
	e->at = op->at;
	e->site = users_site(s, t, op);
	if (step) {
		e->obj = step->obj;
		e->completion = step->completion;
		memcpy(e->text, step->text, sizeof(e->text));
	} else {
		ref_of(s, op->obj[0], &e->obj);
	}
	return e;
}

void weir__sim_trace_result(struct sim *s, struct sim_task *task, const struct weir_op *op, int rc)
{
	struct sim_event *e = append_to_step(s, SIM_EV_RESULT, task, op);
	if (!e)
		return;
	e->rc = rc;
	if (op->n_cases)
		committed_case(s, op, e);
	else if (op->kind != WEIR_OP_TX_CLOSE && op->kind != WEIR_OP_RX_CLOSE)
		fill_of(s, op->obj[0], e);
	uint32_t newest = s->n_tasks - 1;
	if (op->kind == WEIR_OP_SPAWN && rc == 0 && s->tasks[newest]->parent == task->index) {
		e->other = newest;
		snprintf(e->text, sizeof(e->text), "%s", s->tasks[newest]->pub.name);
	}
}

void weir__sim_trace_block(struct sim *s, struct sim_task *task)
{
	assert(task->op);
	struct sim_event *e = append_to_step(s, SIM_EV_BLOCK, task, task->op);
	if (!e)
		return;
	if (e->op == WEIR_OP_NONE || e->op == WEIR_OP_JOIN)
		e->completion = false; /* these are announced by the park itself */
	if (e->op == WEIR_OP_JOIN)
		e->other = task->join_target;
	else
		e->at = task->deadline_at;
	fill_of(s, task->op->obj[0], e);
}

void weir__sim_trace_time(struct sim *s, bool early)
{
	struct sim_event *e = append(s, SIM_EV_TIME, s->current);
	if (e)
		e->early = early;
}

void weir__sim_trace_note(struct sim *s, const char *text)
{
	struct sim_event *e = append(s, SIM_EV_NOTE, s->current);
	if (e)
		snprintf(e->text, sizeof(e->text), "%s", text);
}

void weir__sim_trace_free(struct sim_trace *trace)
{
	if (!trace)
		return;
	free(trace->events);
	free(trace);
}

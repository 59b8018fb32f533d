/* SPDX-License-Identifier: MIT
 *
 * What happened in a schedule, event by event, for the report of its failure.
 *
 * Recorded only in the second run of a schedule that failed, so it may take memory of the harness and be slow; a run
 * without it is not slowed down at all. It must not change what it records: it makes no choice, and reads objects
 * without touching them.
 *
 *  V1  An operation is one STEP, then at most one RESULT or BLOCK per attempt; after a BLOCK comes a STEP with
 *      `completion` set. Between a STEP and its RESULT stand only what the operation itself did: notes, and
 *      operations inside it (a drop that closes a channel).
 *  V2  An event holds copies: numbers and names, no pointer into the schedule's memory (sites are code). Objects may
 *      be gone, and their memory used again, when the report reads the event.
 *  V3  RESULT and BLOCK name the same object as their STEP, by copy: a close that ended its channel has nothing left
 *      to ask.
 *  V4  Without memory for another event the trace stops growing and says so (`lost`); what is there stays true.
 *  V5  The account of a channel is read at each event that names it, and when it goes: so the last state of one that is
 *      gone is known, and so is how many items a close has dropped.
 *
 * A context that is the first member of a scope is shown as the scope, and a handle as its channel: that is what the
 * user wrote. */
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
	case WEIR_OBJ_FD:
		return "fd";
	case WEIR_OBJ_MUTEX:
		return "mutex";
	case WEIR_OBJ_RWLOCK:
		return "rwlock";
	case WEIR_OBJ_COND:
		return "cond";
	case WEIR_OBJ_SEM:
		return "sem";
	case WEIR_OBJ_WG:
		return "wg";
	case WEIR_OBJ_ONCE:
		return "once";
	case WEIR_OBJ_ATOMIC:
		return "atomic";
	case WEIR_OBJ_ON_END:
		return "on_end";
#ifdef WEIR_EXPLORE_ATOMICS
	case WEIR_OBJ_WORD:
		return "word";
#endif
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
	if (!name[0] && o->kind == WEIR_OBJ_CHAN && !o->live && s->trace && o->display <= s->trace->n_chans)
		name = s->trace->chans[o->display - 1].ref.name;
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

/* ---- accounts of channels ---- */

/* V5; NULL: no channel that is still there, or no memory. */
static struct sim_account *look_at(struct sim *s, const struct sim_object *o)
{
	struct sim_trace *trace = s->trace;
	struct weir__chan_view v;
	if (!o || !o->live || o->kind != WEIR_OBJ_CHAN)
		return NULL;
	assert(o->display > 0);
	if (o->display > trace->n_chans) {
		size_t n = 2 * (size_t)o->display + 8;
		struct sim_account *more = weir__own_realloc(trace->chans, n * sizeof(*more));
		if (!more)
			return NULL;
		memset(more + trace->n_chans, 0, (n - trace->n_chans) * sizeof(*more));
		trace->chans = more;
		trace->n_chans = n;
	}
	struct sim_account *a = &trace->chans[o->display - 1];
	weir__inspect_chan(o->obj, &v);
	weir__sim_trace_ref(s, o, &a->ref);
	a->accepted = v.accepted;
	a->delivered = v.delivered;
	a->dropped = v.dropped;
	a->len = v.len;
	a->capacity = v.capacity;
	a->n_tx = v.n_tx;
	a->n_rx = v.n_rx;
	return a;
}

void weir__sim_trace_gone(struct sim *s, const struct weir_obj *obj)
{
	struct sim_account *a = look_at(s, weir__sim_object(s, obj));
	if (a)
		a->gone = true;
}

void weir__sim_trace_accounts(struct sim *s)
{
	for (uint32_t i = 0; s->trace && i < s->n_objects; i++)
		look_at(s, &s->objects[i]);
}

/* Of a channel that is still there; the value of an atomic. */
static void fill_of(struct sim *s, const struct weir_obj *obj, struct sim_event *e)
{
	const struct sim_account *a = obj ? look_at(s, weir__sim_object(s, obj)) : NULL;
	struct weir__sync_view v;
	if (obj && obj->kind == WEIR_OBJ_ATOMIC && weir__inspect_sync(obj, &v))
		e->len = v.count;
	if (!a)
		return;
	e->len = a->len;
	e->capacity = a->capacity;
	e->dropped = a->dropped;
}

/* What a close has dropped. The channel may be gone, so it is found by the name it had. */
static void drops_of(struct sim *s, const struct sim_event *step, struct sim_event *e)
{
	uint32_t display = step->obj.display;
	if (step->obj.kind != WEIR_OBJ_CHAN || display > s->trace->n_chans)
		return;
	for (uint32_t i = 0; i < s->n_objects; i++)
		if (s->objects[i].kind == WEIR_OBJ_CHAN && s->objects[i].display == display)
			look_at(s, &s->objects[i]);
	assert(s->trace->chans[display - 1].dropped >= step->dropped);
	e->drops = s->trace->chans[display - 1].dropped - step->dropped;
}

/* ---- the cases of a select ---- */

static const char *case_verb(int kind)
{
	return kind == WEIR__VIEW_SEND     ? "send "
	       : kind == WEIR__VIEW_RECV   ? "recv "
	       : kind == WEIR__VIEW_TIMER  ? "timer"
	       : kind == WEIR__VIEW_TICKER ? "ticker"
					   : ""; /* a context says its name */
}

static void list_cases(struct sim *s, const struct weir_op *op, char *buf, size_t cap)
{
	struct weir__case_view view;
	struct sim_trace_ref ref;
	size_t at = 0;
	buf[0] = '\0';
	for (size_t i = 0; i < op->n_cases; i++) {
		char one[64];
		weir__inspect_case(op->cases, i, &view);
		ref_of(s, view.obj, &ref);
		if (view.kind == WEIR__VIEW_OFF)
			snprintf(one, sizeof(one), "off");
		else if (ref.kind == WEIR_OBJ_DEAD)
			snprintf(one, sizeof(one), "%s", case_verb((int)view.kind));
		else
			snprintf(one, sizeof(one), "%s%s%u%s%s%s", case_verb((int)view.kind),
				 weir__sim_kind_prefix(ref.kind), ref.display, ref.name[0] ? " \"" : "", ref.name,
				 ref.name[0] ? "\"" : "");
		if (at + strlen(one) + 8 > cap) {
			snprintf(buf + at, cap - at, ", ...");
			return;
		}
		at += (size_t)snprintf(buf + at, cap - at, "%s%s", i ? ", " : "", one);
	}
}

/* A choice between the begin of the step and now was one among the cases that were ready. */
static void committed_case(struct sim *s, const struct weir_op *op, size_t stream, struct sim_event *e)
{
	struct weir__case_view view;
	if (e->rc < 0 || (size_t)e->rc >= op->n_cases)
		return;
	while (stream < s->n_stream && s->stream[stream].fault)
		stream++;
	if (stream < s->n_stream && s->stream[stream].data)
		e->ready = s->stream[stream].n;
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
		struct sim_event *more = trace->lost ? NULL : weir__own_realloc(trace->events, cap * sizeof(*more));
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

/* The last STEP of the task for this operation: one inside it (a drop that closes a channel) may have come since.
 * op NULL: for any but a join of the runtime, which stands inside an operation. */
static const struct sim_event *last_step(const struct sim *s, uint32_t task, const struct weir_op *op)
{
	for (size_t i = s->trace->n; i > 0; i--) {
		const struct sim_event *e = &s->trace->events[i - 1];
		if (e->kind != SIM_EV_STEP || e->task != task)
			continue;
		if (op ? e->op == op->kind && e->op_id == (uintptr_t)op : e->op != WEIR_OP_JOIN)
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
	const struct sim_event *outer = last_step(s, t->index, NULL);
	return outer ? outer->site : op->site;
}

/* Another task's step came before, and it was stopped in front of its next one although it could go on. One that parks
 * and is due again, because time has moved, was not stopped; and one that yields has asked for it. */
static bool preempts(const struct sim *s, const struct sim_task *task)
{
	for (size_t i = s->trace->n; i > 0; i--) {
		const struct sim_event *e = &s->trace->events[i - 1];
		const struct sim_task *before = s->tasks[e->task];
		if (e->kind == SIM_EV_BLOCK)
			return false;
		if (e->kind == SIM_EV_STEP)
			return before != task && before->state == SIM_RUNNABLE && before->op &&
			       before->op->kind != WEIR_OP_YIELD;
	}
	return false;
}

void weir__sim_trace_step(struct sim *s, struct sim_task *task)
{
	const struct weir_op *op = task->op;
	assert(op);
	bool preempting = preempts(s, task);
	const void *site = users_site(s, task, op);
	struct sim_event *e = append(s, SIM_EV_STEP, task->index);
	if (!e)
		return;
	e->op = op->kind;
	e->completion = task->completion;
	e->preempts = preempting;
	e->op_id = (uintptr_t)op;
	e->stream = s->n_stream;
	e->at = op->at;
	e->site = site;
	if (op->kind == WEIR_OP_JOIN)
		e->other = task->join_target;
	if (op->n_cases)
		list_cases(s, op, e->text, sizeof(e->text));
	else if (op->kind == WEIR_OP_FD)
		snprintf(e->text, sizeof(e->text), "%s", weir__sim_events_text(op->events));
	ref_of(s, weir__sim_op_object(s, op), &e->obj);
	fill_of(s, op->obj[0], e);
}

/* V3 */
static struct sim_event *append_to_step(struct sim *s, enum sim_event_kind kind, const struct sim_task *t,
					const struct weir_op *op)
{
	struct sim_event *e = append(s, kind, t->index);
	const struct sim_event *step = last_step(s, t->index, op);
	if (!e)
		return NULL;
	e->op = op->kind;
	e->at = op->at;
	e->site = users_site(s, t, op);
	if (step) {
		e->obj = step->obj;
		e->completion = step->completion;
		e->stream = step->stream;
		memcpy(e->text, step->text, sizeof(e->text));
	} else {
		ref_of(s, weir__sim_op_object(s, op), &e->obj);
	}
	return e;
}

void weir__sim_trace_result(struct sim *s, struct sim_task *task, const struct weir_op *op, int rc)
{
	struct sim_event *e = append_to_step(s, SIM_EV_RESULT, task, op);
	if (!e)
		return;
	e->rc = rc;
	const struct sim_event *step = last_step(s, task->index, op);
	if (op->n_cases)
		committed_case(s, op, e->stream, e);
	else if (op->kind != WEIR_OP_TX_CLOSE && op->kind != WEIR_OP_RX_CLOSE)
		fill_of(s, op->obj[0], e);
	else if (step)
		drops_of(s, step, e);
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
	weir__san_enter();
	struct sim_event *e = append(s, SIM_EV_NOTE, s->current);
	if (e)
		snprintf(e->text, sizeof(e->text), "%s", text);
	weir__san_leave();
}

/* A name that was given late counts for what was before, too. */
void weir__sim_trace_settle_names(struct sim_trace *trace)
{
	struct sim_trace_ref known[64] = {0}, *refs[2], *k;
	size_t n = 0;
	for (size_t i = trace->n; i > 0; i--) {
		refs[0] = &trace->events[i - 1].obj;
		refs[1] = &trace->events[i - 1].obj2;
		for (size_t r = 0; r < 2; r++) {
			for (k = known; k < known + n; k++)
				if (k->kind == refs[r]->kind && k->display == refs[r]->display)
					break;
			if (k < known + n)
				*refs[r] = *k;
			else if (n < sizeof(known) / sizeof(known[0]) && refs[r]->name[0])
				known[n++] = *refs[r];
		}
	}
}

void weir__sim_trace_free(struct sim_trace *trace)
{
	if (!trace)
		return;
	free(trace->events);
	free(trace->chans);
	free(trace);
}

/* SPDX-License-Identifier: MIT
 *
 * Who waits for what, and who could end the wait.
 *
 * A wait ends when somebody does something: receives, sends, closes, returns. Who could is read from the state in
 * which the schedule stopped:
 *   send     whoever holds a live receiving handle of the channel
 *   recv     whoever holds a live sending handle: it could send, or close
 *   select   the same for each case
 *   join     the tasks that were spawned in the scope and are not over
 *   sleep    nobody: time does it
 *
 *  W1  Who holds a handle is known by its last use. A handle that was never used since it was made may be in other
 *      hands by now: the report says "not used since".
 *  W2  A cycle is named only in a deadlock, when every task on it waits and no handle on it is one of those; the
 *      shortest is shown.
 *  W3  Only waiting tasks have an operation to read: the one that runs has none, or one it is inside of. Its last
 *      event is shown instead.
 *  W4  Bounded on stderr: TASKS tasks, HANDLES handles of a channel; the file gets all. */
#include <assert.h>
#include <string.h>

#include "../src/core/inspect.h"
#include "report.h"

#define TASKS 40
#define HANDLES 4
#define OP_WIDTH 50 /* at most; longer ones stand out to the right */

static bool waits(const struct sim_task *t)
{
	return t->state == SIM_PARKED || t->state == SIM_JOINING || t->state == SIM_QUIESCING ||
	       t->state == SIM_HELD_UP;
}

static bool unfinished(const struct sim_task *t)
{
	return t->state != SIM_EXITED && t->state != SIM_UNUSED;
}

static void ref_of(const struct sim_out *out, const struct weir_obj *obj, struct sim_trace_ref *ref)
{
	weir__sim_trace_ref(out->s, obj ? weir__sim_object(out->s, obj) : NULL, ref);
}

/* ---- what a task is doing ---- */

static void put_chan(struct sim_line *line, const struct sim_out *out, const struct weir_obj *chan, bool send)
{
	struct sim_trace_ref ref;
	struct weir__chan_view v;
	ref_of(out, chan, &ref);
	weir__sim_put(line, send ? "send(" : "recv(");
	weir__sim_put_ref(line, &ref, true);
	if (chan && chan->kind == WEIR_OBJ_CHAN) {
		weir__inspect_chan(chan, &v);
		if (v.capacity == 0)
			weir__sim_put(line, ", rendezvous");
		else
			weir__sim_put(line, ", %s %zu/%zu",
				      v.len == 0            ? "empty"
				      : v.len == v.capacity ? "full"
							    : "holds",
				      v.len, v.capacity);
	}
	weir__sim_put(line, ")");
}

static void put_case(struct sim_line *line, const struct sim_out *out, const struct weir__case_view *c)
{
	struct sim_trace_ref ref;
	ref_of(out, c->obj, &ref);
	switch (c->kind) {
	case WEIR__VIEW_SEND:
	case WEIR__VIEW_RECV:
		put_chan(line, out, c->obj, c->kind == WEIR__VIEW_SEND);
		break;
	case WEIR__VIEW_TIMER:
	case WEIR__VIEW_TICKER:
		weir__sim_put(line, c->kind == WEIR__VIEW_TIMER ? "timer " : "ticker ");
		weir__sim_put_time(line, c->at);
		break;
	case WEIR__VIEW_CTX:
		weir__sim_put_ref(line, &ref, true);
		weir__sim_put(line, " ends");
		break;
	default:
		weir__sim_put(line, "off");
	}
}

static void put_op(struct sim_line *line, const struct sim_out *out, const struct sim_task *t)
{
	const struct weir_op *op = t->op;
	struct sim_event e = {.kind = SIM_EV_STEP, .op = op->kind, .at = op->at, .other = t->join_target};
	struct sim_line what = {.n = 0};
	switch (op->kind) {
	case WEIR_OP_SEND:
	case WEIR_OP_RECV:
		put_chan(line, out, op->obj[0], op->kind == WEIR_OP_SEND);
		return;
	case WEIR_OP_SELECT:
		weir__sim_put(line, "select of %zu case%s", op->n_cases, op->n_cases == 1 ? "" : "s");
		return;
	case WEIR_OP_NONE:
		weir__sim_put(line, "wait (for the rest of its pipeline)");
		return;
	case WEIR_OP_JOIN:
		weir__sim_put(line, "join ");
		weir__sim_put_task(line, out->s, t->join_target);
		return;
	default:
		if (weir__sim_put_sync(line, out, t))
			return;
		ref_of(out, weir__sim_op_object(out->s, op), &e.obj);
		if (op->kind == WEIR_OP_FD)
			snprintf(e.text, sizeof(e.text), "%s", weir__sim_events_text(op->events));
		weir__sim_put_event(&what, &e, true);
		weir__sim_put(line, "%s", what.text);
	}
}

void weir__sim_put_doing(struct sim_line *line, const struct sim_out *out, uint32_t task)
{
	const struct sim_task *t = out->s->tasks[task];
	if (t->state == SIM_EXITED) {
		weir__sim_put(line, "ended");
	} else if (t->state == SIM_QUIESCING) {
		weir__sim_put(line, "quiesce");
	} else if (waits(t) && t->op) {
		put_op(line, out, t);
	} else if (task != out->s->current && t->op && t->op->kind == WEIR_OP_START) {
		weir__sim_put(line, "not started yet");
	} else if (task != out->s->current && t->op) {
		weir__sim_put(line, "can run: ");
		put_op(line, out, t);
	} else { /* W3 */
		const struct sim_event *e = weir__sim_last_event(out->s, task);
		weir__sim_put(line, t->state == SIM_AWAITING ? "goes round, after " : "running, after ");
		if (e)
			weir__sim_put_event(line, e, true);
		else
			weir__sim_put(line, "its start");
	}
}

const void *weir__sim_doing_site(const struct sim_out *out, uint32_t task)
{
	const struct sim_task *t = out->s->tasks[task];
	const struct sim_event *e = weir__sim_last_event(out->s, task);
	if (e && (t->state == SIM_JOINING || !t->op || task == out->s->current))
		return e->site; /* a join inside core has the user's site in the trace only */
	return t->op && t->op->kind != WEIR_OP_NONE ? t->op->site : NULL;
}

/* ---- who could end a wait ---- */

static void chan_edges(const struct sim_out *out, const struct weir_obj *chan, bool send, weir__sim_edge_fn *fn,
		       void *arg)
{
	const struct sim *s = out->s;
	const struct sim_object *ch = chan ? weir__sim_object(out->s, chan) : NULL;
	struct sim_edge edge;
	if (!ch)
		return;
	weir__sim_trace_ref(s, ch, &edge.over);
	for (uint32_t i = 0; i < s->n_objects; i++) {
		const struct sim_object *o = &s->objects[i];
		if (!o->live || o->kind != (send ? WEIR_OBJ_RX : WEIR_OBJ_TX) ||
		    o->parent != (uint32_t)(ch - s->objects))
			continue;
		edge.handle = o;
		edge.to = o->user;
		edge.sure = o->user != o->creator || o->user_site != o->made_site;
		fn(arg, &edge);
	}
}

static void scope_edges(const struct sim_out *out, const struct weir_obj *scope, uint32_t self, weir__sim_edge_fn *fn,
			void *arg)
{
	struct sim_edge edge = {.sure = true};
	ref_of(out, scope, &edge.over);
	for (uint32_t i = 0; i < out->s->n_tasks; i++) {
		if (i == self || !unfinished(out->s->tasks[i]) || out->s->tasks[i]->scope != scope->shadow)
			continue;
		edge.to = i;
		fn(arg, &edge);
	}
}

static void sync_edges(const struct sim_out *out, const struct sim_task *t, weir__sim_edge_fn *fn, void *arg)
{
	uint32_t tasks[WEIR_SIM_TASKS];
	struct sim_edge edge = {.sure = true};
	uint32_t n = weir__sim_sync_blockers(out, t, &edge.over, tasks);
	for (uint32_t i = 0; i < n; i++) {
		edge.to = tasks[i];
		fn(arg, &edge);
	}
}

void weir__sim_wait_edges(const struct sim_out *out, uint32_t task, weir__sim_edge_fn *fn, void *arg)
{
	const struct sim_task *t = out->s->tasks[task];
	struct weir__case_view view;
	if (!waits(t) || !t->op)
		return;
	if (t->state == SIM_JOINING) {
		fn(arg, &(struct sim_edge){.to = t->join_target, .sure = true});
		return;
	}
	if (t->op->kind == WEIR_OP_SEND || t->op->kind == WEIR_OP_RECV)
		chan_edges(out, t->op->obj[0], t->op->kind == WEIR_OP_SEND, fn, arg);
	else if (t->op->kind == WEIR_OP_SCOPE_JOIN)
		scope_edges(out, t->op->obj[0], task, fn, arg);
	else
		sync_edges(out, t, fn, arg);
	for (size_t i = 0; i < t->op->n_cases; i++) {
		weir__inspect_case(t->op->cases, i, &view);
		if (view.kind == WEIR__VIEW_SEND || view.kind == WEIR__VIEW_RECV)
			chan_edges(out, view.obj, view.kind == WEIR__VIEW_SEND, fn, arg);
	}
}

/* ---- one line per holder ---- */

struct holders {
	struct sim_out *out;
	uint32_t self;
	size_t n;
};

static void put_holder_state(struct sim_line *line, const struct holders *h, uint32_t task, const char *could)
{
	const struct sim_task *t = h->out->s->tasks[task];
	if (task == h->self) {
		weir__sim_put(line, ": the waiting task itself");
	} else if (t->state == SIM_EXITED) {
		weir__sim_put(line, ": it has ended without closing it, so nobody will %s", could);
	} else {
		weir__sim_put(line, waits(t) ? ", who waits in " : ": ");
		weir__sim_put_doing(line, h->out, task);
	}
}

static void say_holder(void *arg, const struct sim_edge *e)
{
	struct holders *h = arg;
	struct sim_line line = {.n = 0};
	enum sim_where where = h->n++ < HANDLES ? SIM_OUT_ALL : SIM_OUT_FILE; /* W4 */
	if (!e->handle) {
		weir__sim_put_ref(&line, &e->over, true);
		const char *relation = weir__sim_sync_relation(h->out, e->over.kind, e->to, h->self);
		weir__sim_put(&line, "%s",
			      relation                        ? relation
			      : e->over.kind == WEIR_OBJ_DEAD ? "still running: "
							      : ", still running: ");
		weir__sim_put_task(&line, h->out->s, e->to);
		put_holder_state(&line, h, e->to, "end it");
	} else {
		bool rx = e->handle->kind == WEIR_OBJ_RX;
		weir__sim_put(&line, "%s end of ", rx ? "receiving" : "sending");
		weir__sim_put_ref(&line, &e->over, true);
		weir__sim_put(&line, ": ");
		if (e->sure)
			weir__sim_put(&line, "last used by ");
		else
			weir__sim_put(&line, "not used since it was made by ");
		weir__sim_put_task(&line, h->out->s, e->to);
		weir__sim_put(&line, " at %s", weir__sim_line_of(h->out, e->handle->user_site));
		put_holder_state(&line, h, e->to, rx ? "receive" : "send or close");
	}
	weir__sim_say(h->out, where, "      %s", line.text);
}

static void say_cases(struct sim_out *out, const struct sim_task *t)
{
	struct weir__case_view view;
	for (size_t i = 0; i < t->op->n_cases; i++) {
		struct sim_line line = {.n = 0};
		weir__inspect_case(t->op->cases, i, &view);
		put_case(&line, out, &view);
		weir__sim_say(out, i < HANDLES ? SIM_OUT_ALL : SIM_OUT_FILE, "      case %zu: %s", i, line.text);
	}
	if (t->op->n_cases > HANDLES)
		weir__sim_say(out, SIM_OUT_ERR, "      ... and %zu more", t->op->n_cases - HANDLES);
}

/* A task above this one that waits for the same, so that who could help is told once; SIM_NONE: there is none. */
static uint32_t waits_alike(const struct sim_out *out, uint32_t task)
{
	const struct sim_task *t = out->s->tasks[task];
	if (t->state != SIM_PARKED || !t->op || (t->op->kind != WEIR_OP_SEND && t->op->kind != WEIR_OP_RECV))
		return SIM_NONE;
	for (uint32_t i = 0; i < task; i++) {
		const struct sim_task *u = out->s->tasks[i];
		if (u->state == SIM_PARKED && u->op && u->op->kind == t->op->kind && u->op->obj[0] == t->op->obj[0])
			return i;
	}
	return SIM_NONE;
}

/* Of the columns of the list. */
struct widths {
	size_t name, doing, where, spawned;
};

static void say_task(struct sim_out *out, uint32_t task, const struct widths *widths)
{
	const struct sim_task *t = out->s->tasks[task];
	struct sim_line line = {.n = 0}, name = {.n = 0}, doing = {.n = 0}, spawned = {.n = 0};
	struct holders holders = {.out = out, .self = task};
	uint32_t like;
	weir__sim_put_task(&name, out->s, task);
	weir__sim_put_doing(&doing, out, task);
	weir__sim_put(&line, "  %-*s  %-*s  %-*s", (int)widths->name, name.text, (int)widths->doing, doing.text,
		      (int)widths->where, weir__sim_line_of(out, weir__sim_doing_site(out, task)));
	if (t->spawn_site)
		weir__sim_put(&spawned, "spawned %s", weir__sim_line_of(out, t->spawn_site));
	weir__sim_put(&line, "  %-*s", (int)widths->spawned, spawned.text);
	if (waits(t)) {
		weir__sim_put(&line, "  waits since step %llu, ", (unsigned long long)t->since_step);
		weir__sim_put_time(&line, t->since_at);
	}
	weir__sim_say(out, SIM_OUT_ALL, "%s", line.text);
	if (waits(t) && t->op && t->op->n_cases)
		say_cases(out, t);
	if ((like = waits_alike(out, task)) != SIM_NONE) {
		line = (struct sim_line){.n = 0};
		weir__sim_put_task(&line, out->s, like);
		weir__sim_say(out, SIM_OUT_ALL, "      as %s", line.text);
		return;
	}
	weir__sim_wait_edges(out, task, say_holder, &holders);
	if (holders.n > HANDLES)
		weir__sim_say(out, SIM_OUT_ERR, "      ... and %zu more", holders.n - HANDLES);
}

/* ---- cycles ---- */

/* A breadth-first search: how each task was reached from the first one. */
struct search {
	const struct sim_out *out;
	uint32_t from, start, queue[WEIR_SIM_TASKS], n;
	uint32_t by[WEIR_SIM_TASKS];          /* the task before, or SIM_NONE */
	struct sim_edge over[WEIR_SIM_TASKS]; /* how it was reached from that one */
	bool closed;                          /* the start was reached again */
};

static void reach(void *arg, const struct sim_edge *e)
{
	struct search *q = arg;
	if (!waits(q->out->s->tasks[e->to]) || !e->sure || q->closed)
		return; /* W2 */
	if (e->to == q->start) {
		q->closed = true;
	} else if (q->by[e->to] == SIM_NONE) {
		q->queue[q->n++] = e->to;
	} else {
		return;
	}
	q->by[e->to] = q->from;
	q->over[e->to] = *e;
}

/* The length of the shortest cycle through start, left in q; 0: none. */
static uint32_t find_cycle(struct search *q, const struct sim_out *out, uint32_t start)
{
	uint32_t length = 1;
	memset(q, 0, sizeof(*q));
	memset(q->by, 0xff, sizeof(q->by));
	q->out = out;
	q->start = q->queue[0] = start;
	q->n = 1;
	for (uint32_t i = 0; i < q->n && !q->closed; i++) {
		q->from = q->queue[i];
		weir__sim_wait_edges(out, q->from, reach, q);
	}
	for (uint32_t t = q->by[start]; q->closed && t != start; t = q->by[t])
		length++;
	return q->closed ? length : 0;
}

static void say_cycle(struct sim_out *out, const struct search *q, uint32_t length)
{
	uint32_t path[WEIR_SIM_TASKS], at = q->start;
	struct sim_line line = {.n = 0};
	for (uint32_t i = length; i > 0; i--) { /* backwards, so that it reads forwards */
		path[i - 1] = at;
		at = q->by[at];
	}
	assert(at == q->start);
	weir__sim_put(&line, "  cycle: ");
	weir__sim_put_task(&line, out->s, q->start);
	for (uint32_t i = 0; i < length; i++) {
		weir__sim_put(&line, " -> ");
		if (q->over[path[i]].over.kind != WEIR_OBJ_DEAD) {
			weir__sim_put_ref(&line, &q->over[path[i]].over, true);
			weir__sim_put(&line, " -> ");
		}
		weir__sim_put_task(&line, out->s, path[i]);
	}
	weir__sim_say(out, SIM_OUT_ALL, "%s", line.text);
}

static void report_cycle(struct sim_out *out)
{
	struct search q;
	uint32_t best = 0, best_length = UINT32_MAX;
	for (uint32_t i = 0; i < out->s->n_tasks; i++) {
		uint32_t length = find_cycle(&q, out, i);
		if (length && length < best_length) {
			best = i;
			best_length = length;
		}
	}
	if (best_length == UINT32_MAX)
		return;
	uint32_t length = find_cycle(&q, out, best);
	assert(length == best_length);
	say_cycle(out, &q, length);
}

/* The scenario's own task is not left over when it tells that others are. */
static bool is_listed(const struct sim *s, uint32_t task)
{
	return unfinished(s->tasks[task]) && !(s->failure.kind == WEIR_SIM_LEAK && s->failure.task == task);
}

static uint32_t measure(const struct sim_out *out, struct widths *widths)
{
	uint32_t n = 0;
	*widths = (struct widths){.name = 8};
	for (uint32_t i = 0; i < out->s->n_tasks; i++) {
		struct sim_line name = {.n = 0}, doing = {.n = 0}, spawned = {.n = 0};
		size_t where = strlen(weir__sim_line_of(out, weir__sim_doing_site(out, i)));
		if (!is_listed(out->s, i))
			continue;
		if (out->s->tasks[i]->spawn_site)
			weir__sim_put(&spawned, "spawned %s", weir__sim_line_of(out, out->s->tasks[i]->spawn_site));
		widths->where = where > widths->where ? where : widths->where;
		widths->spawned = spawned.n > widths->spawned ? spawned.n : widths->spawned;
		n++;
		weir__sim_put_task(&name, out->s, i);
		weir__sim_put_doing(&doing, out, i);
		widths->name = name.n > widths->name ? name.n : widths->name;
		if (doing.n > widths->doing)
			widths->doing = doing.n < OP_WIDTH ? doing.n : OP_WIDTH;
	}
	return n;
}

void weir__sim_report_waits(struct sim_out *out)
{
	const struct sim *s = out->s;
	struct widths widths;
	uint32_t n = measure(out, &widths), seen = 0;
	FILE *err = out->err;
	if (n == 0)
		return;
	bool all = s->failure.kind == WEIR_SIM_DEADLOCK;
	for (uint32_t i = 0; i < s->n_tasks; i++) /* a cycle, or a partial one: others can go on */
		all &= !unfinished(s->tasks[i]) || (waits(s->tasks[i]) && s->tasks[i]->deadline_at == WEIR_FOREVER);
	weir__sim_say(out, SIM_OUT_ALL, all ? "Blocked for ever:" : "Not finished:");
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		if (!is_listed(s, i))
			continue;
		if (seen++ == TASKS)
			out->err = NULL; /* W4 */
		say_task(out, i, &widths);
	}
	out->err = err;
	if (n > TASKS)
		weir__sim_say(out, SIM_OUT_ERR, "  ... and %u more tasks", n - TASKS);
	if (s->failure.kind == WEIR_SIM_DEADLOCK)
		report_cycle(out);
	weir__sim_report_formed(out);
}

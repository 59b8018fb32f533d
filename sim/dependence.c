/* SPDX-License-Identifier: MIT
 *
 * The dependence relation: two operations of different tasks are independent if their order makes no difference to
 * anybody. It errs on one side only.
 *
 *  D1  Two operations that touch the same object, one of them writing, are dependent, unless a row of `commuting` says
 *      that they commute. What is not known is a write.
 *  D2  What an operation does to things it does not name is in its row of `rules`, as wide reads and writes:
 *      - a context ends by a cancel of it or of an ancestor, by the error of a task of its scope, by the owner of the
 *        scope, by the last reader of a pipeline's results: all of these write all contexts, and whatever takes a
 *        context reads them. Ancestry is not looked at. So does whatever may let a task go that waits with a context:
 *        it passes over those whose context has ended. Locks are waited for without one.
 *      - timers look at the clock, and so does whatever takes a context with a deadline. What a task does with the time
 *        it reads between operations is not seen by anybody here.
 *      - acting on a pipeline's run shuts its jobs channel or reads its account: that concerns every channel.
 *      - sets of counters are no objects of the simulator's table: one thing to read and to write.
 *      - bytes written to a descriptor are read from another: all operations on descriptors are dependent.
 *  D3  A handle belongs to one task; what is done with it is done to its channel, which is named too. Send and receive
 *      on a channel that is neither empty nor full would commute; they are kept dependent.
 *  D4  Start, exit, join and yield touch nothing: their order against another operation is no difference, and what they
 *      enable comes after them.
 *  D5  Some pairs commute in one state only. The question is asked for two operations that are both about to happen,
 *      and the state is the present one. That two siblings leave their scope would commute if both succeed, but their
 *      results are not known yet: D1.
 *
 * Strategies that look back at steps that were taken (and order.c) ask another question: whether two steps that stood
 * next to each other could change places. They need a relation that does not depend on the state, and know more:
 *
 *  D6  What a step turned out to be: an exchange that failed is a read, a task that ended without an error ends no
 *      context, a step that looked at the clock (by itself or for the user) reads it. What a step did holds for each
 *      schedule in which nothing that it depends on changed places.
 *  D7  Writes of one group commute in every state: spawns of a scope and ends of its tasks without an error (by its
 *      owner and its tasks, where no function waits for the end of a context), adds to a wait group, dones of one. D5's
 *      pairs are dependent here.
 *  D8  The end of a wait that another task has decided (by its token alone): a lock, a send, a receive, a select. All
 *      that happened to the object happened when it was decided, and only the contexts are still looked at. A semaphore
 *      is not among them: who gives up lets others go.
 *  D9  A join of a scope that finds tasks running and has nothing to tell them changes nothing (silent): it is as good
 *      as one that comes when the last of them has gone. Nothing can be added to the scope in between.
 *  D10 An invariant looks between all steps, so while there is one all are dependent.
 *  D11 When a task is found to go round in vain (spin.c), and for how long, depends on what others have done, and on
 *      whether they can run: so all are dependent while one is.
 *  D12 Where faults are possible, each place for one is counted, and its number decides: such steps are dependent. A
 *      join that begins is one, though it may find that it need not wait. */
#include "dependence.h"

#include <assert.h>

#include "../src/core/inspect.h"

#define CONTEXTS SIM_WIDE_CONTEXTS
#define CLOCK SIM_WIDE_CLOCK
#define CHANNELS SIM_WIDE_CHANNELS
#define DESCRIPTORS SIM_WIDE_DESCRIPTORS
#define COUNTERS SIM_WIDE_COUNTERS

/* The wait for a lock looks at no context, although its caller names one. */
static const bool blind[WEIR_OP_KINDS] = {
	[WEIR_OP_LOCK] = true,
	[WEIR_OP_READ_LOCK] = true,
	[WEIR_OP_WRITE_LOCK] = true,
};

enum { WRITE = 0, READ = 1 }; /* a kind without a row of its own writes */

/* Of obj[0]: what the operation does to it. A WRITE is a read where the operation itself says so (access). */
static const struct {
	uint8_t main, wide_read, wide_write;
} rules[WEIR_OP_KINDS] = {
	/* a park of the runtime: nobody knows what for, but it may be for a time */
	[WEIR_OP_NONE] = {READ, CLOCK, 0},
	/* D4 */
	[WEIR_OP_START] = {READ, 0, 0},
	[WEIR_OP_EXIT] = {READ, 0, 0},
	[WEIR_OP_JOIN] = {READ, 0, 0},
	[WEIR_OP_YIELD] = {READ, 0, 0},
	/* obj[0] is the context */
	[WEIR_OP_SLEEP] = {READ, CLOCK, 0},
	[WEIR_OP_SELECT] = {READ, 0, 0}, /* of the context; the cases are looked at one by one */
	[WEIR_OP_TRY_SELECT] = {READ, 0, 0},
	[WEIR_OP_CTX_POLL] = {READ, 0, 0},
	[WEIR_OP_CTX_CANCEL] = {WRITE, 0, CONTEXTS},
	[WEIR_OP_CTX_FINI] = {WRITE, 0, CONTEXTS},
	/* the last reader of results ends the run that makes them */
	[WEIR_OP_RX_CLOSE] = {WRITE, 0, CONTEXTS},
	[WEIR_OP_CHAN_STATS] = {READ, 0, 0},
	/* an error ends the scope's context; the end of a join finishes what the scope owns: runs, with their
	 * channels */
	[WEIR_OP_TASK_END] = {WRITE, 0, CONTEXTS},
	[WEIR_OP_SCOPE_JOIN] = {WRITE, 0, CONTEXTS | CHANNELS},
	/* runs */
	[WEIR_OP_PIPE_DRAIN] = {WRITE, 0, CHANNELS},
	[WEIR_OP_PIPE_CANCEL] = {WRITE, 0, CONTEXTS | CHANNELS},
	[WEIR_OP_PIPE_STOP] = {WRITE, CLOCK, CONTEXTS | CHANNELS},
	[WEIR_OP_PIPE_LEAVE] = {WRITE, 0, CHANNELS},
	/* each writer has counters of its own, so adds commute with each other, and not with who sums them up */
	[WEIR_OP_STATS_ADD] = {READ, COUNTERS, 0},
	[WEIR_OP_STATS_READ] = {READ, 0, COUNTERS},
	/* waiting changes nothing that other waiters could see: all are let go at once */
	[WEIR_OP_WG_WAIT] = {READ, 0, 0},
	[WEIR_OP_LOAD] = {READ, 0, 0},
	/* obj[0] is the context */
	[WEIR_OP_FD] = {READ, CLOCK, DESCRIPTORS},
	[WEIR_OP_FD_READ] = {READ, 0, DESCRIPTORS},
	[WEIR_OP_FD_WRITE] = {READ, 0, DESCRIPTORS},
	[WEIR_OP_FD_ACCEPT] = {READ, 0, DESCRIPTORS},
	[WEIR_OP_FD_SHUT] = {READ, 0, DESCRIPTORS},
	[WEIR_OP_FD_CLOSE] = {READ, 0, DESCRIPTORS},
	[WEIR_OP_SIGNALS_OPEN] = {READ, 0, DESCRIPTORS},
	[WEIR_OP_SIGNALS_NEXT] = {READ, 0, DESCRIPTORS},
	[WEIR_OP_FD_CONNECT] = {READ, 0, DESCRIPTORS},
	[WEIR_OP_SIGNAL_RAISE] = {READ, 0, DESCRIPTORS},
#ifdef WEIR_EXPLORE_ATOMICS
	[WEIR_OP_WORD_READ] = {READ, 0, 0},
#endif
};

/* Pairs of writers of one object (or a writer and a reader) that commute. above_one: while a wait group counts two or
 * more, so that a done does not let anybody go. */
static const struct {
	uint8_t a, b;
	bool above_one;
} commuting[] = {
	{WEIR_OP_SPAWN, WEIR_OP_SPAWN, false}, /* tasks are named after their parents */
	{WEIR_OP_WG_ADD, WEIR_OP_WG_ADD, false},  {WEIR_OP_WG_ADD, WEIR_OP_WG_DONE, true},
	{WEIR_OP_WG_DONE, WEIR_OP_WG_DONE, true}, {WEIR_OP_WG_DONE, WEIR_OP_WG_WAIT, true},
};

/* D7, D8 */
enum { NO_GROUP, MEMBERS, ADDS, DONES };

static const uint8_t groups[WEIR_OP_KINDS] = {
	[WEIR_OP_SPAWN] = MEMBERS,
	[WEIR_OP_TASK_END] = MEMBERS,
	[WEIR_OP_WG_ADD] = ADDS,
	[WEIR_OP_WG_DONE] = DONES,
};

static const bool decided_by_token[WEIR_OP_KINDS] = {
	[WEIR_OP_LOCK] = true, [WEIR_OP_READ_LOCK] = true, [WEIR_OP_WRITE_LOCK] = true,
	[WEIR_OP_SEND] = true, [WEIR_OP_RECV] = true,      [WEIR_OP_SELECT] = true,
};

/* ---- what one operation touches ---- */

static uint8_t deadline_of(const struct weir_obj *ctx)
{
	struct weir__ctx_view view;
	weir__inspect_ctx(ctx, &view);
	return view.deadline_at == WEIR_FOREVER ? 0 : CLOCK;
}

static void touch(const struct sim *s, struct sim_effect *e, const struct weir_obj *obj, bool write)
{
	if (obj->kind == WEIR_OBJ_TX || obj->kind == WEIR_OBJ_RX || obj->kind == WEIR_OBJ_STATS) /* D3, D2 */
		return;
	if (obj->kind == WEIR_OBJ_CTX)
		e->wide_read |= CONTEXTS | deadline_of(obj);
	else if (obj->kind == WEIR_OBJ_CHAN)
		e->wide_read |= CONTEXTS | CHANNELS;
	else if (obj->kind != WEIR_OBJ_MUTEX && obj->kind != WEIR_OBJ_RWLOCK && obj->kind != WEIR_OBJ_ATOMIC)
		e->wide_read |= CONTEXTS;
	e->wide_read |= SIM_WIDE_OTHERS;
	if (obj->shadow == 0 || obj->shadow > s->n_objects || e->n == SIM_EFFECT_OBJECTS) { /* D1 */
		e->wide_write |= SIM_WIDE_OTHERS;
		return;
	}
	e->object[e->n] = obj->shadow - 1;
	e->written |= (uint8_t)(write << e->n);
	e->n++;
}

/* A registration is known to its scope, which looks at it when tasks leave and when it is joined. */
static void touch_scope_of(const struct sim *s, struct sim_effect *e, const struct weir_obj *on_end)
{
	uint32_t scope = on_end->shadow ? s->objects[on_end->shadow - 1].parent : SIM_NONE;
	if (scope == SIM_NONE || e->n == SIM_EFFECT_OBJECTS) {
		e->wide_write |= SIM_WIDE_OTHERS;
		return;
	}
	e->object[e->n] = scope;
	e->written |= (uint8_t)(1u << e->n);
	e->n++;
}

static void touch_cases(const struct sim *s, struct sim_effect *e, const struct weir_op *op)
{
	struct weir__case_view view;
	for (size_t i = 0; i < op->n_cases; i++) {
		weir__inspect_case(op->cases, i, &view);
		if (view.kind == WEIR__VIEW_TIMER || view.kind == WEIR__VIEW_TICKER)
			e->wide_read |= CLOCK;
		if (view.obj)
			touch(s, e, view.obj, view.obj->kind != WEIR_OBJ_CTX);
	}
}

struct sim_effect weir__sim_effect(const struct sim *s, const struct weir_op *op)
{
	assert(op && op->kind < WEIR_OP_KINDS);
	struct sim_effect e = {.kind = op->kind};
	e.wide_read = rules[op->kind].wide_read;
	e.wide_write = rules[op->kind].wide_write;
	if (op->obj[0]) {
		bool write = rules[op->kind].main == WRITE && op->access == WEIR_ACCESS_WRITE;
		touch(s, &e, op->obj[0], write);
		if (op->obj[0]->kind == WEIR_OBJ_ON_END)
			touch_scope_of(s, &e, op->obj[0]);
		if (op->kind == WEIR_OP_STATS_READ && op->obj[0]->kind == WEIR_OBJ_PIPELINE)
			e.wide_write |= CHANNELS; /* its snapshot has the account of the jobs channel */
	}
	for (size_t i = 1; i < WEIR_OP_OBJS; i++) /* a context is looked at; a condition's mutex is let go of */
		if (op->obj[i] && !blind[op->kind])
			touch(s, &e, op->obj[i], op->obj[i]->kind != WEIR_OBJ_CTX);
	struct weir_obj *fd = op->fd >= WEIR_SIM_FD ? weir__sim_fd_object((struct sim *)(uintptr_t)s, op->fd) : NULL;
	if (fd)
		touch(s, &e, fd, true);
	touch_cases(s, &e, op);
	return e;
}

/* Of a join that begins: what is not yet known of `silent`. */
enum { IF_IT_PARKS = 2, IF_IT_PARKS_ENDED };

static bool watched(const struct sim *s, const struct weir_obj *scope)
{
	return scope->shadow == 0 || scope->shadow > s->n_objects || s->objects[scope->shadow - 1].watched;
}

/* D7: the scope is told apart from others by those who may spawn in it. */
static uint8_t group_of(const struct sim *s, const struct sim_task *t)
{
	const struct weir_op *op = t->op;
	struct weir__scope_view view;
	if (groups[op->kind] != MEMBERS)
		return groups[op->kind];
	weir__inspect_scope(op->obj[0], &view);
	bool member = view.owner == &t->pub || weir__inspect_scope_of(&t->pub) == op->obj[0];
	return member && !watched(s, op->obj[0]) ? MEMBERS : NO_GROUP;
}

struct sim_effect weir__sim_step_effect(const struct sim *s, const struct sim_task *t)
{
	const struct weir_op *op = t->op;
	struct sim_effect e = weir__sim_effect(s, op);
	struct weir__scope_view view;
	if ((e.wide_write & SIM_WIDE_OTHERS) || (t->completion && op->kind == WEIR_OP_YIELD)) /* a quiesce */
		e.wide_write = SIM_WIDE_ALL;
	e.wide_read &= (uint8_t)~SIM_WIDE_OTHERS;
	if (t->completion && t->token && !t->due && decided_by_token[op->kind]) { /* D8 */
		e.n = 0;
		e.written = 0;
	} else if (groups[op->kind]) {
		e.group = group_of(s, t);
	} else if (op->kind == WEIR_OP_SCOPE_JOIN) {
		weir__inspect_scope(op->obj[0], &view);
		if (!t->completion && !weir__inspect_ctx_marked(op->obj[1]))
			e.silent = view.ended ? IF_IT_PARKS_ENDED : IF_IT_PARKS;
		if (s->opts->faults && !t->completion) /* D12 */
			e.wide_write |= SIM_WIDE_FAULTS;
		if (!view.owns)
			e.wide_write &= (uint8_t)~CHANNELS;
	}
	return e;
}

/* D9: it would have ended the scope. */
static bool is_silent(const struct sim *s, const struct sim_task *t, const struct sim_effect *e)
{
	struct weir__scope_view view;
	if (!e->silent || !(s->facts & SIM_FACT_PARKED) || (e->wide_read & CLOCK))
		return false;
	weir__inspect_scope(t->op->obj[0], &view);
	return view.ended == (e->silent == IF_IT_PARKS_ENDED) && !watched(s, t->op->obj[0]);
}

void weir__sim_effect_settle(const struct sim *s, const struct sim_task *t, struct sim_effect *e)
{
	bool ok = s->facts & SIM_FACT_ZERO;
	bool counted = (s->facts & SIM_FACT_FAULT) && (s->opts->fail_alloc || s->opts->fail_spawn || s->opts->faults);
	if (s->n_invariants || (s->facts & SIM_FACT_SPIN) || s->spin_awaiting) /* D10, D11 */
		e->wide_write |= SIM_WIDE_ALL;
	if (!counted && is_silent(s, t, e)) {
		*e = (struct sim_effect){.kind = e->kind, .silent = 1};
		return;
	}
	e->silent = 0;
	if (s->facts & SIM_FACT_CLOCK)
		e->wide_read |= CLOCK;
	if (counted)
		e->wide_write |= SIM_WIDE_FAULTS;
	if (e->kind == WEIR_OP_CAS && (s->facts & SIM_FACT_READ)) /* D6 */
		e->written = 0;
	if (e->kind == WEIR_OP_TASK_END && !ok)
		e->group = NO_GROUP;
	if ((e->kind == WEIR_OP_TASK_END || e->kind == WEIR_OP_SCOPE_JOIN) && ok)
		e->wide_write &= (uint8_t)~CONTEXTS;
}

struct sim_effect weir__sim_clock_effect(void)
{
	return (struct sim_effect){.wide_write = CLOCK};
}

/* ---- two of them ---- */

static bool commute(const struct sim *s, const struct sim_effect *a, const struct sim_effect *b, uint32_t object)
{
	struct weir__sync_view view;
	for (size_t i = 0; i < sizeof(commuting) / sizeof(commuting[0]); i++) {
		bool pair = (commuting[i].a == a->kind && commuting[i].b == b->kind) ||
			    (commuting[i].a == b->kind && commuting[i].b == a->kind);
		if (pair)
			return !commuting[i].above_one || /* D5 */
			       (weir__inspect_sync(s->objects[object].obj, &view) && view.count > 1);
	}
	return false;
}

bool weir__sim_dependent(const struct sim *s, const struct sim_effect *a, const struct sim_effect *b)
{
	if ((a->wide_write & (b->wide_read | b->wide_write)) || (b->wide_write & a->wide_read)) /* D2 */
		return true;
	for (unsigned i = 0; i < a->n; i++)
		for (unsigned k = 0; k < b->n; k++)
			if (a->object[i] == b->object[k] && ((a->written >> i | b->written >> k) & 1) &&
			    !commute(s, a, b, a->object[i]))
				return true;
	return false;
}

/* SPDX-License-Identifier: MIT
 *
 * What comes before what, for the race detector: vector clocks (Fidge; Mattern) over the order that weir promises.
 *
 * objects.c keeps clocks too, for the ownership of handles; those know more order than the library promises, so that
 * nobody is blamed who is right. Here each edge is there because a header promises it, and no other: order that is only
 * an accident of the schedule (two sends take the same internal lock) would hide races.
 *
 *  O1  Clocks begin with the first access of a schedule, all empty. That is exact: an access at that moment or later
 *      can come before another only by edges that are made later still.
 *  O2  A task's own entry is raised after everything that lets others know of it, so two of its accesses with such a
 *      point between them are told apart.
 *  O3  Objects have two rows: what is left in the first is taken by everybody who takes, in the second by a part (of a
 *      rwlock: FIRST all unlocks, which writers take, SECOND the writers' unlocks, which readers take; of a channel:
 *      FIRST what the end is told with, SECOND what EPIPE is).
 *  O4  A channel has a row for each item that is in it, which goes to the task that receives it, and one for each free
 *      place, left by who made it free and taken by who fills it (the rule of Go's memory model). A step moves at most
 *      two items, and which ones is read off the account: it is taken before the step and compared after it.
 *  O5  Who is woken knows what the waker knows when its park ends, not before: a row for each task.
 *  O6  A store to an atomic replaces what a load of it takes; the other changes add to it.
 *  O7  Contexts share one row, left by what ends one and taken by whoever is told that one has ended. Descriptors share
 *      one. An operation on a pipeline's run takes and leaves: its inside is not looked at. A worker whose turn it is
 *      to emit sends what others have put into the window since, so it takes before each of its sends, too.
 *  O8  Time that moves because nobody can run, and a quiesce, come after everything before that moment: as
 *      ThreadSanitizer is told (sanitize.h Z3). The two differ in one way: TSan sees the internal locks of the library,
 *      and so more order than is kept here.
 *  O9  A spawn joins tasks of the scope that are over, to be rid of them: no order that a header promises. The join of
 *      the scope has it all the same, from what each task leaves with the scope at its end.
 *
 * Between the moments at which a task stops nobody else runs, so what a step did is read at its end. */
#include "race.h"

#include <assert.h>
#include <string.h>

#include "../src/core/inspect.h"

enum { FIRST, SECOND, ROWS };

/* The entries from n on are 0. */
struct row {
	uint32_t n, next;
	uint32_t at[WEIR_SIM_TASKS];
};

/* O4: a queue of rows; the first `empty` of its entries have nothing in them, and no row either. */
struct queue {
	uint64_t empty;
	uint32_t first, last; /* of the pool, SIM_NONE: none */
};

struct place {
	uint32_t schedule; /* in which the rest is true */
	uint32_t rows[ROWS];
	bool chan;
	struct queue items, rooms;
	uint64_t accepted, delivered; /* before the step */
};

struct sim_race {
	struct sim_shadow *shadow;
	uint32_t schedule;
	uint32_t clock[WEIR_SIM_TASKS][WEIR_SIM_TASKS];
	uint32_t token[WEIR_SIM_TASKS][WEIR_SIM_TASKS]; /* O5 */
	uint32_t idle[WEIR_SIM_TASKS];                  /* O8 */
	uint32_t ctx[WEIR_SIM_TASKS], fds[WEIR_SIM_TASKS];
	uint32_t run[WEIR_SIM_TASKS]; /* O7: whose worker it is: index of a place, or SIM_NONE */
	uint32_t woken;               /* the last task that this step let go on, or SIM_NONE */
	struct place *places;         /* by index in the table of objects */
	size_t n_places;
	struct row *rows; /* the pool */
	uint32_t n_rows, rows_cap, free_row;
};

/* ---- rows ---- */

static uint32_t row_new(struct sim *s)
{
	struct sim_race *r = s->race;
	uint32_t i = r->free_row;
	if (i != SIM_NONE) {
		r->free_row = r->rows[i].next;
	} else {
		if (r->n_rows == r->rows_cap) {
			uint32_t cap = r->rows_cap ? 2 * r->rows_cap : 64;
			struct row *more = weir__own_realloc(r->rows, cap * sizeof(*more));
			if (!more)
				weir__sim_race_no_memory(s);
			r->rows = more;
			r->rows_cap = cap;
		}
		i = r->n_rows++;
	}
	r->rows[i].n = 0;
	r->rows[i].next = SIM_NONE;
	return i;
}

static void row_add(struct sim *s, uint32_t row, const uint32_t *clock)
{
	struct row *to = &s->race->rows[row];
	for (uint32_t i = to->n; i < s->n_tasks; i++)
		to->at[i] = 0;
	to->n = to->n > s->n_tasks ? to->n : s->n_tasks;
	weir__sim_clock_join(to->at, clock, s->n_tasks);
}

static void row_take(struct sim *s, uint32_t row, uint32_t *clock)
{
	if (row != SIM_NONE)
		weir__sim_clock_join(clock, s->race->rows[row].at, s->race->rows[row].n);
}

static void queue_push(struct sim *s, struct queue *q, const uint32_t *clock)
{
	uint32_t row = row_new(s);
	row_add(s, row, clock);
	if (q->first == SIM_NONE)
		q->first = row;
	else
		s->race->rows[q->last].next = row;
	q->last = row;
}

/* Into clock, which may be NULL. */
static void queue_pop(struct sim *s, struct queue *q, uint32_t *clock)
{
	uint32_t row = q->first;
	if (q->empty > 0) {
		q->empty--;
	} else if (row != SIM_NONE) {
		if (clock)
			row_take(s, row, clock);
		q->first = s->race->rows[row].next;
		s->race->rows[row].next = s->race->free_row;
		s->race->free_row = row;
	}
}

/* ---- objects ---- */

static struct place *place_of(struct sim *s, const struct weir_obj *obj)
{
	struct sim_race *r = s->race;
	struct sim_object *o = obj ? weir__sim_object(s, obj) : NULL;
	size_t i = o ? (size_t)(o - s->objects) : 0;
	if (!o || o->kind == WEIR_OBJ_CTX || o->kind == WEIR_OBJ_TX || o->kind == WEIR_OBJ_RX)
		return NULL;
	if (i >= r->n_places) {
		size_t n = s->objects_cap;
		struct place *more = weir__own_realloc(r->places, n * sizeof(*more));
		if (!more)
			weir__sim_race_no_memory(s);
		memset(more + r->n_places, 0, (n - r->n_places) * sizeof(*more));
		r->places = more;
		r->n_places = n;
	}
	struct place *p = &r->places[i];
	if (p->schedule == r->schedule)
		return p;
	*p = (struct place){.schedule = r->schedule, .rows = {SIM_NONE, SIM_NONE}, .chan = o->kind == WEIR_OBJ_CHAN};
	if (p->chan) { /* O1: what is in it already, nobody has to know about */
		struct weir__chan_view v;
		weir__inspect_chan(obj, &v);
		p->items = (struct queue){.empty = v.len, .first = SIM_NONE, .last = SIM_NONE};
		p->rooms = (struct queue){.empty = v.capacity - v.len, .first = SIM_NONE, .last = SIM_NONE};
	}
	return p;
}

static void take(struct sim *s, const struct sim_task *t, const struct weir_obj *obj, int which)
{
	struct place *p = place_of(s, obj);
	if (p)
		row_take(s, p->rows[which], s->race->clock[t->index]);
}

static void leave(struct sim *s, const struct sim_task *t, const struct weir_obj *obj, int which)
{
	struct place *p = place_of(s, obj);
	if (!p)
		return;
	if (p->rows[which] == SIM_NONE)
		p->rows[which] = row_new(s);
	row_add(s, p->rows[which], s->race->clock[t->index]);
}

/* ---- channels ---- */

static void count_items(struct sim *s, const struct weir_obj *obj)
{
	struct place *p = place_of(s, obj);
	struct weir__chan_view v;
	if (!p || !p->chan)
		return;
	weir__inspect_chan(obj, &v);
	p->accepted = v.accepted;
	p->delivered = v.delivered;
}

/* The last receiver is about to drop what is left: its drops come after the sends. */
static void take_items(struct sim *s, const struct sim_task *t, const struct weir_obj *obj)
{
	struct place *p = place_of(s, obj);
	struct weir__chan_view v;
	weir__inspect_chan(obj, &v);
	for (size_t i = 0; p && v.n_rx == 1 && i < v.len; i++)
		queue_pop(s, &p->items, s->race->clock[t->index]);
}

/* O4, of a send that succeeded in its own step. */
static void sent(struct sim *s, struct place *p, uint32_t *clock, const struct weir__chan_view *v)
{
	struct sim_race *r = s->race;
	if (v->accepted == p->accepted) /* not in this step: a receiver has taken it while the sender waited */
		return;
	if (v->capacity > 0)
		queue_pop(s, &p->rooms, clock);
	if (v->delivered == p->delivered) {
		queue_push(s, &p->items, clock);
		return;
	}
	if (r->woken == SIM_NONE) /* to a case of the same select: nobody else is concerned */
		return;
	if (v->capacity > 0) { /* straight to a receiver, which has used the place and made it free again */
		uint32_t both[WEIR_SIM_TASKS];
		memcpy(both, clock, sizeof(both));
		weir__sim_clock_join(both, r->clock[r->woken], s->n_tasks);
		queue_push(s, &p->rooms, both);
	} else {
		weir__sim_clock_join(clock, r->clock[r->woken], s->n_tasks);
	}
	r->clock[r->woken][r->woken]++; /* O2 */
}

/* ... of a receive that was given an item in its own step. */
static void received(struct sim *s, struct place *p, uint32_t *clock, const struct weir__chan_view *v)
{
	struct sim_race *r = s->race;
	bool refilled = v->accepted != p->accepted;
	if (v->delivered == p->delivered) /* a sender has brought it while the receiver waited: O5 */
		return;
	if (v->capacity > 0)
		queue_pop(s, &p->items, clock);
	if (!refilled) {
		queue_push(s, &p->rooms, clock);
		return;
	}
	if (r->woken == SIM_NONE)
		return;
	if (v->capacity > 0) {
		queue_push(s, &p->items, r->clock[r->woken]);
		weir__sim_clock_join(r->token[r->woken], clock, s->n_tasks); /* it has the place, with all before */
	} else {
		weir__sim_clock_join(clock, r->clock[r->woken], s->n_tasks);
	}
	r->clock[r->woken][r->woken]++; /* O2 */
}

/* A send or receive is over with rc. */
static void moved(struct sim *s, const struct sim_task *t, const struct weir_obj *obj, bool sends, int rc)
{
	struct place *p = place_of(s, obj);
	uint32_t *clock = s->race->clock[t->index];
	struct weir__chan_view v;
	if (!p || !p->chan)
		return;
	weir__inspect_chan(obj, &v);
	if (sends && rc == 0 && !t->completion)
		sent(s, p, clock, &v);
	else if (!sends && rc == 1 && !t->completion)
		received(s, p, clock, &v);
	else if (!sends && rc == 0)
		row_take(s, p->rows[FIRST], clock);
	else if (sends && rc == WEIR_EPIPE)
		row_take(s, p->rows[SECOND], clock);
}

static void selected(struct sim *s, const struct sim_task *t, const struct weir_op *op, int rc)
{
	struct weir__case_view v;
	if (rc < 0 || (size_t)rc >= op->n_cases)
		return;
	weir__inspect_case(op->cases, (size_t)rc, &v);
	if (v.kind == WEIR__VIEW_SEND || v.kind == WEIR__VIEW_RECV)
		moved(s, t, v.obj, v.kind == WEIR__VIEW_SEND, v.rc);
	else if (v.kind == WEIR__VIEW_CTX) /* O7 */
		weir__sim_clock_join(s->race->clock[t->index], s->race->ctx, s->n_tasks);
}

/* ---- operations ---- */

/* What an operation does with its obj[0], and O7. */
enum {
	TAKES = 1,         /* the first row, when it succeeds */
	TAKES_SECOND = 2,  /* the second row, when it succeeds */
	LEAVES = 4,        /* to the first row */
	LEAVES_SECOND = 8, /* to the second */
	SURROUNDS = 16,    /* takes before it, leaves after it, whatever comes of it */
	ENDS_CTX = 32,     /* may end a context */
	FD_TAKES = 64,     /* the row of all descriptors */
	FD_LEAVES = 128,
	ALWAYS = 256, /* takes whatever the result is */
};

static const uint16_t rules[WEIR_OP_KINDS] = {
	[WEIR_OP_TX_CLOSE] = LEAVES,
	[WEIR_OP_RX_CLOSE] = LEAVES_SECOND | ENDS_CTX,
	[WEIR_OP_RX_SHUT] = LEAVES | LEAVES_SECOND,
	[WEIR_OP_CTX_CANCEL] = ENDS_CTX,
	[WEIR_OP_TASK_END] = LEAVES | ENDS_CTX,
	[WEIR_OP_SCOPE_JOIN] = TAKES | ALWAYS | ENDS_CTX,
	[WEIR_OP_PIPE_DRAIN] = SURROUNDS,
	[WEIR_OP_PIPE_CANCEL] = SURROUNDS | ENDS_CTX,
	[WEIR_OP_PIPE_STOP] = SURROUNDS | ENDS_CTX,
	[WEIR_OP_PIPE_LEAVE] = SURROUNDS,
	[WEIR_OP_PIPE_TURN] = SURROUNDS,
	[WEIR_OP_LOCK] = TAKES,
	[WEIR_OP_TRY_LOCK] = TAKES,
	[WEIR_OP_UNLOCK] = LEAVES,
	[WEIR_OP_READ_LOCK] = TAKES_SECOND,
	[WEIR_OP_TRY_READ_LOCK] = TAKES_SECOND,
	[WEIR_OP_READ_UNLOCK] = LEAVES,
	[WEIR_OP_WRITE_LOCK] = TAKES,
	[WEIR_OP_TRY_WRITE_LOCK] = TAKES,
	[WEIR_OP_WRITE_UNLOCK] = LEAVES | LEAVES_SECOND,
	[WEIR_OP_ACQUIRE] = TAKES,
	[WEIR_OP_TRY_ACQUIRE] = TAKES,
	[WEIR_OP_RELEASE] = LEAVES,
	[WEIR_OP_WG_DONE] = LEAVES,
	[WEIR_OP_WG_WAIT] = TAKES,
	[WEIR_OP_ONCE] = TAKES | ALWAYS,
	[WEIR_OP_ONCE_DONE] = LEAVES,
	[WEIR_OP_LOAD] = TAKES,
	[WEIR_OP_ADD] = TAKES | LEAVES,
	[WEIR_OP_EXCHANGE] = TAKES | LEAVES,
	[WEIR_OP_CAS] = TAKES | ALWAYS, /* and leaves, if it wrote */
	[WEIR_OP_ON_END] = SURROUNDS,
	[WEIR_OP_ON_END_DONE] = SURROUNDS,
	[WEIR_OP_ON_END_STOP] = SURROUNDS,
	[WEIR_OP_FD] = FD_TAKES,
	[WEIR_OP_FD_READ] = FD_TAKES,
	[WEIR_OP_FD_ACCEPT] = FD_TAKES,
	[WEIR_OP_SIGNALS_NEXT] = FD_TAKES,
	[WEIR_OP_FD_WRITE] = FD_LEAVES,
	[WEIR_OP_FD_SHUT] = FD_LEAVES,
	[WEIR_OP_FD_CLOSE] = FD_LEAVES,
	[WEIR_OP_FD_CONNECT] = FD_LEAVES,
	[WEIR_OP_SIGNAL_RAISE] = FD_LEAVES,
};

void weir__sim_race_begin(struct sim *s, struct sim_task *t, const struct weir_op *op)
{
	struct sim_race *r = s->race;
	struct weir__case_view v;
	if (t->completion)
		return;
	r->woken = SIM_NONE;
	if (op->kind == WEIR_OP_SEND && r->run[t->index] != SIM_NONE) /* O7 */
		row_take(s, r->places[r->run[t->index]].rows[FIRST], r->clock[t->index]);
	if (rules[op->kind] & SURROUNDS)
		take(s, t, op->obj[0], FIRST);
	count_items(s, op->obj[0]);
	if (op->kind == WEIR_OP_RX_CLOSE)
		take_items(s, t, op->obj[0]);
	for (size_t i = 0; i < op->n_cases; i++) {
		weir__inspect_case(op->cases, i, &v);
		count_items(s, v.obj);
	}
}

/* What the task knows before an operation is over that others may learn of already. */
static void leave_rows(struct sim *s, const struct sim_task *t, const struct weir_op *op, unsigned rule)
{
	struct sim_race *r = s->race;
	if (rule & (LEAVES | SURROUNDS))
		leave(s, t, op->obj[0], FIRST);
	if (rule & LEAVES_SECOND)
		leave(s, t, op->obj[0], SECOND);
	if (rule & ENDS_CTX)
		weir__sim_clock_join(r->ctx, r->clock[t->index], s->n_tasks);
	if (rule & FD_LEAVES)
		weir__sim_clock_join(r->fds, r->clock[t->index], s->n_tasks);
}

static void take_rows(struct sim *s, const struct sim_task *t, const struct weir_op *op, int rc)
{
	struct sim_race *r = s->race;
	unsigned rule = rules[op->kind];
	if ((rule & TAKES) && (rc == 0 || (rule & ALWAYS)))
		take(s, t, op->obj[0], FIRST);
	if ((rule & TAKES_SECOND) && rc == 0)
		take(s, t, op->obj[0], SECOND);
	if (rule & FD_TAKES)
		weir__sim_clock_join(r->clock[t->index], r->fds, s->n_tasks);
	if (op->kind == WEIR_OP_COND_WAIT) /* the mutex is its own again, whatever the result is */
		take(s, t, op->obj[2], FIRST);
	if (rc < 0 || op->kind == WEIR_OP_ON_END) /* O7: it may be told of the end of a context */
		weir__sim_clock_join(r->clock[t->index], r->ctx, s->n_tasks);
	if (op->kind == WEIR_OP_SEND || op->kind == WEIR_OP_TRY_SEND)
		moved(s, t, op->obj[0], true, rc);
	else if (op->kind == WEIR_OP_RECV || op->kind == WEIR_OP_TRY_RECV)
		moved(s, t, op->obj[0], false, rc);
	else if (op->n_cases > 0)
		selected(s, t, op, rc);
}

void weir__sim_race_end(struct sim *s, struct sim_task *t, const struct weir_op *op, int rc)
{
	struct sim_race *r = s->race;
	unsigned rule = rules[op->kind];
	take_rows(s, t, op, rc);
	if (op->kind == WEIR_OP_TASK_END && rc == 0)
		rule &= ~(unsigned)ENDS_CTX;
	if (op->kind == WEIR_OP_STORE) { /* O6 */
		struct place *p = place_of(s, op->obj[0]);
		if (p && p->rows[FIRST] != SIM_NONE)
			s->race->rows[p->rows[FIRST]].n = 0;
		rule |= LEAVES;
	}
	if (op->kind == WEIR_OP_CAS && rc == 1)
		rule |= LEAVES;
	leave_rows(s, t, op, rule);
	if (op->kind == WEIR_OP_PIPE_TURN)
		r->run[t->index] = op->obj[0]->shadow - 1; /* there is a place: rows were left in it */
	r->clock[t->index][t->index]++;                    /* O2 */
}

void weir__sim_race_park(struct sim *s, struct sim_task *t, const struct weir_op *op)
{
	struct sim_race *r = s->race;
	if (op->kind == WEIR_OP_COND_WAIT && !t->completion) /* later it waits for the mutex, which it has not */
		leave(s, t, op->obj[2], FIRST);
	leave_rows(s, t, op, rules[op->kind] & (SURROUNDS | ENDS_CTX));
	r->clock[t->index][t->index]++; /* O2 */
}

void weir__sim_race_resume(struct sim *s, struct sim_task *t)
{
	struct sim_race *r = s->race;
	weir__sim_clock_join(r->clock[t->index], r->token[t->index], s->n_tasks);
	memset(r->token[t->index], 0, sizeof(r->token[0]));
}

/* ---- tasks ---- */

void weir__sim_race_wake(struct sim *s, const struct sim_task *to)
{
	struct sim_race *r = s->race;
	weir__sim_clock_join(r->token[to->index], r->clock[s->current], s->n_tasks);
	r->clock[s->current][s->current]++; /* O2 */
	r->woken = to->index;
}

static void first_clock(struct sim_race *r, uint32_t task)
{
	memset(r->clock[task], 0, sizeof(r->clock[0]));
	memset(r->token[task], 0, sizeof(r->token[0]));
	r->run[task] = SIM_NONE;
	r->clock[task][task] = 1;
}

void weir__sim_race_spawn(struct sim *s, const struct sim_task *parent, const struct sim_task *child)
{
	struct sim_race *r = s->race;
	first_clock(r, child->index);
	weir__sim_clock_join(r->clock[child->index], r->clock[parent->index], s->n_tasks);
	r->clock[parent->index][parent->index]++; /* O2 */
}

void weir__sim_race_join(struct sim *s, const struct sim_task *t, const struct sim_task *ended)
{
	if (!t->op || t->op->kind != WEIR_OP_SPAWN) /* O9 */
		weir__sim_clock_join(s->race->clock[t->index], s->race->clock[ended->index], s->n_tasks);
}

void weir__sim_race_idle(struct sim *s)
{
	struct sim_race *r = s->race;
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		weir__sim_clock_join(r->idle, r->clock[i], s->n_tasks);
		r->clock[i][i]++; /* O2 */
	}
}

void weir__sim_race_after_all(struct sim *s, const struct sim_task *t)
{
	weir__sim_clock_join(s->race->clock[t->index], s->race->idle, s->n_tasks);
}

uint32_t weir__sim_race_knows(const struct sim *s, uint32_t t, uint32_t other)
{
	return s->race->clock[t][other];
}

/* ---- the whole ---- */

struct sim_shadow *weir__sim_race_shadow(struct sim *s)
{
	return s->race->shadow;
}

void weir__sim_race_start(struct sim *s)
{
	struct sim_race *r = s->race;
	if (!r) {
		r = weir__own_calloc(sizeof(*r));
		struct sim_shadow *shadow = r ? weir__sim_shadow_new() : NULL;
		if (!shadow) {
			weir__own_free(r);
			weir__sim_race_no_memory(s);
		}
		r->shadow = shadow;
		s->race = r;
	}
	r->schedule++; /* places of earlier ones are forgotten */
	r->n_rows = 0;
	r->free_row = r->woken = SIM_NONE;
	memset(r->idle, 0, sizeof(r->idle));
	memset(r->ctx, 0, sizeof(r->ctx));
	memset(r->fds, 0, sizeof(r->fds));
	for (uint32_t i = 0; i < s->n_tasks; i++)
		first_clock(r, i);
	weir__sim_shadow_reset(r->shadow);
	s->racing = true;
}

void weir__sim_race_free(struct sim *s)
{
	if (!s->race)
		return;
	weir__sim_shadow_free(s->race->shadow);
	weir__own_free(s->race->places);
	weir__own_free(s->race->rows);
	weir__own_free(s->race);
	s->race = NULL;
}

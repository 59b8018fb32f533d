/* SPDX-License-Identifier: MIT
 *
 * Loops that go round in vain: `while (weir_atomic_load(a) == 0);`, a loop of try_lock, try_recv, polls or yields.
 *
 * Such a loop takes no step forward until somebody else does. A scheduler that lets it run starves the others for as
 * long as it likes (PCT does, if it has the highest priority), and an exhaustive search has a schedule for each number
 * of rounds. So the task is set aside (SIM_AWAITING) until something it has looked at is changed, as GenMC's
 * spin-assume (Kokologiannakis, Ren, Vafeiadis, FMCAD 2021) does with loops that it finds in the text of the program;
 * what is seen here is the run, as in Lincheck (Koval et al., CAV 2023): the same operations at the same sites.
 *
 *  S1  An operation is quiet if its result says that it has changed nothing: a load, a poll, a yield, a try that
 *      failed, a cas that did not exchange, a wait refused because its context has ended. Any other result, and any
 *      park, is a change, and ends what is known of that task's loop. So does an object that is made or goes, and a
 *      number drawn.
 *  S2  A task's record holds its quiet operations since its last change: kind, site, object, how often, and what they
 *      looked at (dependence.h). The one that it has done ROUNDS times, and is about to do again, makes it a loop.
 *      Where all it does is to poll contexts it has POLLS times: that is what a loop does that works on something else
 *      between its polls, which is not to be seen here, and what others do in between matters there. The record begins
 *      when the first quiet operation comes a second time, or after FIRST others: most are alone (the end of a channel,
 *      a lock that is taken), and cost nothing then. A change that comes before that is not seen, but a whole round
 *      comes after it.
 *  S3  A record is void as soon as another task's change concerns what is in it, or time moves where it depends on
 *      time: a deadline of a context or case it looked at, or the clock itself. A loop that was set aside is let go
 *      then for one more round. A loop of nothing but yields looks at a variable that nobody sees here: any change of
 *      another task may come with one of that.
 *  S4  A loop may have an end of its own, a number of tries, which is not to be seen either. So when a loop is first
 *      seen while others can run, it is a choice whether it goes on alone for SHORT more rounds or is set aside at
 *      once: both are explored. Alone is enough: nothing changes, so what others do meanwhile comes as well before or
 *      after.
 *  S5  When nobody else can run, each loop goes on for SHORT rounds before time moves; and where no deadline is left,
 *      for LONG rounds before it is called a livelock: loops of nothing but yields in turn, a round each, since they
 *      may wait for each other's variables. Those steps do not count for the step limit.
 *  S6  The clock moves only when everybody waits, so a loop that waits for a time which nobody sleeps for would never
 *      end here, as it would in the world. Time moves then by 1 ms, 2 ms, ..., 1 h, and that loop is let go.
 *
 * Not seen: loops that lock and unlock around a plain variable (they change the lock), loops of more than ENTRIES
 * operations; the step limit ends these. In a counted loop of more than ROUNDS tries a change comes between two of
 * the first tries, or after SHORT more, not at each of them. Nothing is done here, and a step costs two branches
 * more, until an operation is quiet. */
#include "spin.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "../src/core/inspect.h"
#include "dependence.h"

#define ROUNDS 3
#define POLLS 8
#define SHORT 32
#define FIRST 4
#define LONG 5000
#define ENTRIES 16
#define FIRST_JUMP WEIR_MS(1)
#define LAST_JUMP WEIR_SEC(3600)

#define ALWAYS UINT32_MAX
#define FAILED UINT32_C(0x80000000)  /* rc < 0 */
#define NOTHING UINT32_C(0x80000001) /* rc <= 0 */

const uint32_t weir__sim_quiet_below[WEIR_OP_KINDS] = {
	[WEIR_OP_YIELD] = ALWAYS,      [WEIR_OP_LOAD] = ALWAYS,           [WEIR_OP_CTX_POLL] = ALWAYS,
	[WEIR_OP_CHAN_STATS] = ALWAYS, [WEIR_OP_STATS_READ] = ALWAYS,     [WEIR_OP_WG_WAIT] = ALWAYS,
	[WEIR_OP_CAS] = NOTHING,       [WEIR_OP_RECV] = NOTHING,          [WEIR_OP_TRY_RECV] = NOTHING,
	[WEIR_OP_SEND] = FAILED,       [WEIR_OP_TRY_SEND] = FAILED,       [WEIR_OP_SELECT] = FAILED,
	[WEIR_OP_TRY_SELECT] = FAILED, [WEIR_OP_TRY_LOCK] = FAILED,       [WEIR_OP_TRY_READ_LOCK] = FAILED,
	[WEIR_OP_ACQUIRE] = FAILED,    [WEIR_OP_TRY_WRITE_LOCK] = FAILED, [WEIR_OP_TRY_ACQUIRE] = FAILED,
	[WEIR_OP_SLEEP] = FAILED,
};

struct entry {
	const void *site;
	uint32_t object; /* its shadow */
	uint8_t kind;
	uint32_t visits; /* since what was looked at has changed */
	uint64_t total;
	int64_t deadline_at; /* of contexts and timers in it */
	struct sim_effect effect;
};

struct record {
	uint32_t n, limit; /* entries; visits up to which it goes round alone */
	uint32_t at;       /* the entry in front of which it was set aside last */
	bool polls;        /* contexts, and does nothing else */
	bool looks;        /* at something that is seen here */
	bool clock;        /* S6 */
	bool spun;         /* it was set aside in this loop */
	bool offered;      /* S4 */
	struct entry entries[ENTRIES];
	/* any task, of the operation it performs */
	const struct weir_op *op;
	struct sim_effect effect;
};

struct sim_spins {
	struct record *records[WEIR_SIM_TASKS]; /* kept from schedule to schedule */
	int64_t jump;
};

/* ---- records ---- */

void weir__sim_spin_reset(struct sim *s)
{
	s->spin_active = s->spin_awaiting = 0;
	if (s->spins)
		s->spins->jump = FIRST_JUMP;
}

void weir__sim_spin_free(struct sim *s)
{
	for (size_t i = 0; s->spins && i < WEIR_SIM_TASKS; i++)
		free(s->spins->records[i]);
	free(s->spins);
	s->spins = NULL;
}

static struct record *record_of(struct sim *s, const struct sim_task *t)
{
	if (!s->spins) {
		s->spins = weir__own_calloc(sizeof(*s->spins));
		if (s->spins)
			s->spins->jump = FIRST_JUMP;
	}
	if (s->spins && !s->spins->records[t->index])
		s->spins->records[t->index] = weir__own_calloc(sizeof(struct record));
	if (!s->spins || !s->spins->records[t->index]) {
		fprintf(stderr, "weir sim: no memory for what a task has looked at\n");
		abort();
	}
	return s->spins->records[t->index];
}

/* S1 */
static void forget(struct sim *s, struct sim_task *t)
{
	if (!t->quiet)
		return;
	assert(s->spin_active > 0 && t->state != SIM_AWAITING);
	if (record_of(s, t)->clock)
		s->spins->jump = FIRST_JUMP;
	t->quiet = false;
	t->n_quiet = 0;
	s->spin_active--;
}

static struct entry *find(struct record *r, const struct weir_op *op)
{
	uint32_t object = op->obj[0] ? op->obj[0]->shadow : 0;
	for (uint32_t i = 0; i < r->n; i++)
		if (r->entries[i].site == op->site && r->entries[i].kind == op->kind && r->entries[i].object == object)
			return &r->entries[i];
	return NULL;
}

/* Contexts that it names, timers that it asks. */
static int64_t deadline_of(const struct weir_op *op)
{
	int64_t at = WEIR_FOREVER;
	struct weir__ctx_view ctx;
	struct weir__case_view view;
	for (size_t i = 0; i < WEIR_OP_OBJS; i++) {
		if (!op->obj[i] || op->obj[i]->kind != WEIR_OBJ_CTX)
			continue;
		weir__inspect_ctx(op->obj[i], &ctx);
		at = ctx.deadline_at < at ? ctx.deadline_at : at;
	}
	for (size_t i = 0; i < op->n_cases; i++) {
		weir__inspect_case(op->cases, i, &view);
		if ((view.kind == WEIR__VIEW_TIMER || view.kind == WEIR__VIEW_TICKER) && view.at < at)
			at = view.at;
	}
	return at;
}

static struct entry *add(struct sim *s, struct record *r, const struct weir_op *op)
{
	struct entry *e = &r->entries[r->n++];
	*e = (struct entry){.site = op->site,
			    .object = op->obj[0] ? op->obj[0]->shadow : 0,
			    .kind = op->kind,
			    .deadline_at = deadline_of(op),
			    .effect = weir__sim_effect(s, op)};
	if (op->kind != WEIR_OP_STATS_READ) /* whose write stands for what it reads: D2 of dependence.c */
		e->effect.written = e->effect.wide_write = 0;
	r->looks |= op->kind != WEIR_OP_YIELD;
	return e;
}

/* S2 */
static bool is_alone(struct sim_task *t, const struct weir_op *op)
{
	if (t->n_quiet == 0)
		t->site = op->site;
	else if (t->site == op->site || t->n_quiet == FIRST)
		return false;
	t->n_quiet++;
	return true;
}

static void was_quiet(struct sim *s, struct sim_task *t, const struct weir_op *op)
{
	bool again = false;
	if (!t->quiet) {
		if (is_alone(t, op))
			return;
		again = t->site == op->site;
	}
	struct record *r = record_of(s, t);
	if (!t->quiet) {
		t->quiet = true;
		s->spin_active++;
		r->n = 0;
		r->limit = ROUNDS;
		r->looks = r->clock = r->spun = r->offered = false;
		r->polls = true;
	}
	struct entry *e = find(r, op);
	if (!e && r->n == ENTRIES) {
		forget(s, t);
		return;
	}
	if (!e)
		e = add(s, r, op);
	r->polls &= op->kind == WEIR_OP_CTX_POLL;
	e->visits += 1 + again;
	e->total += 1 + again;
}

/* S2: how often until it is a loop. */
static uint32_t rounds_of(const struct record *r)
{
	return r->polls ? POLLS : ROUNDS;
}

/* ---- setting aside, letting go ---- */

static void let_go(struct sim *s, struct sim_task *t)
{
	assert(t->state == SIM_AWAITING && s->spin_awaiting > 0);
	s->spin_awaiting--;
	s->facts |= SIM_FACT_SPIN;
	t->deadline_at = WEIR_FOREVER;
	weir__sim_let_go(s, t);
}

/* S3 */
static void what_it_saw_changed(struct sim *s, struct sim_task *t)
{
	struct record *r = record_of(s, t);
	if (!r->spun) {
		forget(s, t);
		return;
	}
	for (uint32_t i = 0; i < r->n; i++)
		if (r->entries[i].visits > rounds_of(r) - 1)
			r->entries[i].visits = rounds_of(r) - 1;
	r->limit = ROUNDS;
	if (t->state == SIM_AWAITING)
		let_go(s, t);
}

static bool concerns(const struct sim *s, const struct sim_effect *change, const struct record *r)
{
	if (!r->looks)
		return true;
	for (uint32_t i = 0; i < r->n; i++)
		if (weir__sim_dependent(s, change, &r->entries[i].effect))
			return true;
	return false;
}

/* A change by t, in op. What op touches was asked before it was done: its objects may be gone. Where another operation
 * was announced inside of it that is lost, and everybody looks again. */
static void changed(struct sim *s, struct sim_task *t, const struct weir_op *op)
{
	forget(s, t);
	if (s->spin_active == 0)
		return;
	struct record *by = record_of(s, t);
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		struct sim_task *u = s->tasks[i];
		if (u != t && u->quiet && (by->op != op || concerns(s, &by->effect, record_of(s, u))))
			what_it_saw_changed(s, u);
	}
}

void weir__sim_spin_result(struct sim *s, struct sim_task *t, const struct weir_op *op, int rc)
{
	if (weir__sim_was_quiet(op->kind, rc))
		was_quiet(s, t, op);
	else
		changed(s, t, op);
}

void weir__sim_spin_gets_on(struct sim *s)
{
	forget(s, weir__sim_current(s));
}

void weir__sim_spin_parks(struct sim *s, struct sim_task *t)
{
	changed(s, t, t->op);
}

void weir__sim_spin_step(struct sim *s, struct sim_task *t)
{
	struct record *r = record_of(s, t);
	r->op = t->op;
	r->effect = weir__sim_effect(s, t->op);
}

void weir__sim_spin_clock(struct sim *s)
{
	struct sim_task *t = weir__sim_current(s);
	weir__san_enter();
	if (t->quiet && !s->checking)
		record_of(s, t)->clock = true;
	weir__san_leave();
}

/* The next of those it looked at, or WEIR_FOREVER. */
static int64_t next_deadline(const struct sim *s, const struct record *r)
{
	int64_t at = WEIR_FOREVER;
	for (uint32_t i = 0; i < r->n; i++)
		if (r->entries[i].deadline_at > s->now && r->entries[i].deadline_at < at)
			at = r->entries[i].deadline_at;
	return at;
}

void weir__sim_spin_time(struct sim *s)
{
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		struct sim_task *t = s->tasks[i];
		if (t->quiet && (record_of(s, t)->clock || (t->state == SIM_AWAITING && t->deadline_at <= s->now)))
			what_it_saw_changed(s, t);
	}
}

/* Goes round alone up to that many visits; the steps are not the schedule's. */
static enum sim_spin_turn alone(struct sim *s)
{
	s->limit++;
	return SIM_SPIN_ON;
}

enum sim_spin_turn weir__sim_spin_turn(struct sim *s, struct sim_task *t)
{
	struct record *r = t->quiet ? record_of(s, t) : NULL;
	struct entry *e = r ? find(r, t->op) : NULL;
	if (!e || e->visits < rounds_of(r))
		return SIM_SPIN_FREE;
	s->facts |= SIM_FACT_SPIN;
	if (e->visits < r->limit)
		return alone(s);
	if (!r->offered) { /* S4 */
		r->offered = true;
		if (s->n_runnable == 1 || weir__sim_data(s, 2) == 0) {
			r->limit = rounds_of(r) + SHORT;
			return alone(s);
		}
	}
	if (s->trace && !r->spun)
		weir__sim_trace_note(s, "goes round in vain");
	r->at = (uint32_t)(e - r->entries);
	r->spun = true;
	t->deadline_at = next_deadline(s, r);
	s->spin_awaiting++;
	return SIM_SPIN_AWAITS;
}

/* ---- when nobody can run ---- */

/* A round each, up to `limit`, for those that look at nothing that is seen here; false: all have had them. */
static bool go_on_in_turn(struct sim *s, uint32_t limit)
{
	struct sim_task *next = NULL;
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		struct sim_task *t = s->tasks[i];
		if (t->state != SIM_AWAITING || record_of(s, t)->looks)
			continue;
		if (!next || record_of(s, t)->limit < record_of(s, next)->limit)
			next = t;
	}
	if (!next || record_of(s, next)->limit >= limit)
		return false;
	record_of(s, next)->limit++;
	s->limit++;
	let_go(s, next);
	return true;
}

/* The first one that has not gone round so often; false: all have. */
static bool go_on_up_to(struct sim *s, uint32_t limit)
{
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		struct sim_task *t = s->tasks[i];
		if (t->state != SIM_AWAITING || record_of(s, t)->limit >= limit)
			continue;
		record_of(s, t)->limit = limit;
		let_go(s, t);
		return true;
	}
	return false;
}

bool weir__sim_spin_try_on(struct sim *s)
{
	return go_on_up_to(s, ROUNDS + SHORT);
}

bool weir__sim_spin_try_hard(struct sim *s)
{
	bool clock = false;
	for (uint32_t i = 0; i < s->n_tasks; i++)
		clock |= s->tasks[i]->state == SIM_AWAITING && record_of(s, s->tasks[i])->clock;
	if (clock && s->spins->jump <= LAST_JUMP) { /* S6 */
		int64_t jump = s->spins->jump;
		s->spins->jump *= 2;
		weir__sim_move_time(s, weir_time_add(s->now, jump), false);
		return true;
	}
	return go_on_in_turn(s, ROUNDS + SHORT + LONG) || go_on_up_to(s, ROUNDS + SHORT + LONG);
}

void weir__sim_spin_fail(struct sim *s)
{
	char names[200] = "";
	size_t at = 0;
	uint32_t n = 0, others = 0;
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		const struct sim_task *t = s->tasks[i];
		others += t->state != SIM_EXITED && t->state != SIM_AWAITING;
		if (t->state != SIM_AWAITING)
			continue;
		if (n++ == 0)
			s->failure.site = t->op->site;
		if (at + 60 < sizeof(names))
			at += (size_t)snprintf(names + at, sizeof(names) - at, "%sT%u %.20s", at ? ", " : "", i,
					       t->pub.name);
	}
	assert(n > 0);
	weir__sim_fail(s, WEIR_SIM_LIVELOCK, "%u task%s round for ever, and nothing can change what %s at: %s%s", n,
		       n == 1 ? " goes" : "s go", n == 1 ? "it looks" : "they look", names,
		       others ? "; the others wait" : "");
}

bool weir__sim_spin_looks_at_clock(const struct sim *s, const struct sim_task *t)
{
	return t->state == SIM_AWAITING && s->spins->records[t->index]->clock;
}

bool weir__sim_spin_view(const struct sim *s, const struct sim_task *t, size_t i, struct sim_spin_view *out)
{
	if (t->state != SIM_AWAITING || i >= s->spins->records[t->index]->n)
		return false;
	const struct record *r = s->spins->records[t->index];
	const struct entry *e = &r->entries[(r->at + i) % r->n];
	*out = (struct sim_spin_view){.kind = e->kind,
				      .object = e->object && e->object <= s->n_objects ? e->object - 1 : SIM_NONE,
				      .site = e->site,
				      .times = e->total};
	return true;
}

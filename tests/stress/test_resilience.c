/* SPDX-License-Identifier: MIT
 *
 * Resilience on real threads: what tasks share, and stages around stages.
 *
 *   count      A breaker that never trips, told by six tasks: every outcome is counted once, by the short cut or under
 *              the lock, and rows are broken where a failure is told.
 *   trip       A breaker that trips at a few failures, and is set by hand meanwhile: the changes are a chain, each of a
 *              generation of its own; half-open lets in no more trials than it may; whatever is reported is counted in
 *              one generation, or told as late.
 *   bulkhead   Never more inside than may be, never more in line, and all that asked were let in, refused, or gave up.
 *   fifo       A place is the first in line's: those that were seen to stand in line come in in that order.
 *   hedge      Attempts at the same time, cancelled from elsewhere: one answer, the others dropped, nobody is at work
 *              when process returns.
 *   nest       The same within a retry, a timeout that does not wait and another retry, with one budget: no attempt
 *              that was not paid for, and the stage is freed when it says that none is abandoned.
 *   gauge      Calls of a timeout come and go while their times are read.
 *   policy     All layers around one stage, called by the workers of a pipeline that ends at a random moment. The
 *              breaker's, the bulkhead's and the bucket's books agree with what the stage saw, retries with the budget,
 *              and the file of dead letters has a whole line for each value that could not be done, once; all of them
 *              are read again. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <weir/core/dump.h>
#include <weir/limit.h>
#include <weir/resilience.h>

#include "jobs.h"

enum { TASKS = 6 };

struct worker {
	void *what;
	size_t i;
	uint64_t seed;
};

/* Runs fn in TASKS tasks, with a worker each, and `beside`, if there is one, in one more. */
static int run_all(weir_ctx *ctx, weir_err *err, weir_task_fn *fn, void *what, uint64_t seed, weir_task_fn *beside)
{
	struct worker w[TASKS];
	weir_scope s;
	weir_scope_init(&s, ctx);
	for (size_t i = 0; i < TASKS; i++) {
		w[i] = (struct worker){.what = what, .i = i, .seed = seed_of(seed * TASKS + i)};
		EXPECT(weir_scope_spawn(&s, "worker", fn, &w[i]) == 0);
	}
	if (beside)
		EXPECT(weir_scope_spawn(&s, "beside", beside, what) == 0);
	return weir_scope_join(ctx, &s, 0, err);
}

/* ---- a breaker that counts ---- */

struct counting {
	weir_breaker b;
	_Atomic uint64_t outcomes[3];
};

static int report_all(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct worker *w = arg;
	struct counting *c = w->what;
	struct weir_breaker_snapshot seen, before = {0};
	(void)err;
	for (uint32_t i = 0; i < 500; i++) {
		struct weir_breaker_permit permit;
		uint32_t p = pick(&w->seed, 12);
		enum weir_outcome outcome = p == 0   ? WEIR_OUTCOME_FAILURE
					    : p == 1 ? WEIR_OUTCOME_IGNORED
						     : WEIR_OUTCOME_SUCCESS;
		EXPECT(weir_breaker_acquire(ctx, &c->b, &permit, NULL) == 0 && permit.live);
		weir_breaker_report(ctx, &c->b, &permit, outcome);
		EXPECT(!permit.live);
		atomic_fetch_add(&c->outcomes[outcome], 1);
		if (i % 16)
			continue;
		weir_breaker_snapshot_get(ctx, &c->b, &seen);
		EXPECT(seen.successes >= before.successes && seen.failures >= before.failures);
		EXPECT(seen.successes_in_row == 0 || seen.failures_in_row == 0);
		before = seen;
		weir_rt_yield(rt);
	}
	return 0;
}

static int count(weir_ctx *ctx, weir_err *err, void *arg)
{
	static struct counting c;
	struct weir_breaker_snapshot seen;
	int rc = 0;
	(void)arg;
	for (uint64_t round = 0; round < ROUNDS(40) && rc == 0; round++) {
		memset((void *)&c, 0, sizeof(c));
		EXPECT(weir_breaker_init(&c.b, ctx, &(struct weir_breaker_opts){.failures = UINT32_MAX}) == 0);
		rc = run_all(ctx, err, report_all, &c, round, NULL);
		weir_breaker_snapshot_get(ctx, &c.b, &seen);
		EXPECT(seen.successes == atomic_load(&c.outcomes[WEIR_OUTCOME_SUCCESS]));
		EXPECT(seen.failures == atomic_load(&c.outcomes[WEIR_OUTCOME_FAILURE]));
		EXPECT(seen.ignored == atomic_load(&c.outcomes[WEIR_OUTCOME_IGNORED]));
		EXPECT(seen.refused == 0 && seen.late == 0 && seen.changes == 0 && seen.generation == 1);
		weir_breaker_fini(&c.b);
	}
	return rc;
}

/* ---- a breaker that trips ---- */

enum { GENERATIONS = 1 << 16, PROBES = 2 };

struct tripping {
	weir_breaker b;
	_Atomic uint8_t from[GENERATIONS], to[GENERATIONS]; /* 1 + the mode; 0: no event of this generation */
	_Atomic uint16_t out[GENERATIONS], most[GENERATIONS];
	_Atomic uint32_t reported[GENERATIONS], counted[GENERATIONS]; /* counted: in time, or told as late */
	_Atomic uint64_t changes, late, refused;
	_Atomic uint32_t running;
};

static void be_told(const struct weir_breaker_event *e, void *arg)
{
	struct tripping *t = arg;
	EXPECT(e->generation < GENERATIONS);
	if (e->generation >= GENERATIONS)
		return;
	if (e->kind == WEIR_BREAKER_LATE) {
		atomic_fetch_add(&t->late, 1);
		atomic_fetch_add(&t->counted[e->generation], 1);
		return;
	}
	EXPECT(e->kind == WEIR_BREAKER_CHANGED);
	EXPECT(e->from != e->to);
	EXPECT(atomic_exchange(&t->from[e->generation], (uint8_t)(1 + e->from)) == 0);
	EXPECT(atomic_exchange(&t->to[e->generation], (uint8_t)(1 + e->to)) == 0);
	atomic_fetch_add(&t->changes, 1);
	atomic_fetch_add(&t->counted[e->generation - 1], (uint32_t)(e->successes + e->failures));
}

static int trip_it(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct worker *w = arg;
	struct tripping *t = w->what;
	(void)err;
	for (uint32_t i = 0; i < 400; i++) {
		struct weir_breaker_permit permit;
		int64_t again_ns = -1;
		int rc = weir_breaker_acquire(ctx, &t->b, &permit, &again_ns);
		if (rc < 0) {
			EXPECT(rc == WEIR_EOPEN && again_ns > 0 && !permit.live);
			atomic_fetch_add(&t->refused, 1);
			weir_rt_yield(rt);
			continue;
		}
		uint32_t g = permit.generation % GENERATIONS;
		uint16_t out = (uint16_t)(atomic_fetch_add(&t->out[g], 1) + 1), most = atomic_load(&t->most[g]);
		while (most < out && !atomic_compare_exchange_strong(&t->most[g], &most, out))
			;
		dawdle(&w->seed);
		atomic_fetch_sub(&t->out[g], 1);
		weir_breaker_report(ctx, &t->b, &permit,
				    pick(&w->seed, 3) ? WEIR_OUTCOME_SUCCESS : WEIR_OUTCOME_FAILURE);
		atomic_fetch_add(&t->reported[g], 1);
	}
	atomic_fetch_sub(&t->running, 1);
	return 0;
}

static int set_by_hand(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct tripping *t = arg;
	uint64_t seed = seed_of(17);
	(void)err;
	while (atomic_load(&t->running) > 0) {
		for (uint32_t i = pick(&seed, 30); i > 0; i--)
			weir_rt_yield(rt);
		weir_breaker_set(ctx, &t->b, WEIR_BREAKER_FORCED_OPEN);
		weir_rt_yield(rt);
		weir_breaker_set(ctx, &t->b, WEIR_BREAKER_CLOSED);
	}
	return 0;
}

/* What can follow what; by hand anything can be forced open. */
static bool follows(enum weir_breaker_mode from, enum weir_breaker_mode to)
{
	switch (from) {
	case WEIR_BREAKER_CLOSED:
		return to == WEIR_BREAKER_OPEN || to == WEIR_BREAKER_FORCED_OPEN;
	case WEIR_BREAKER_OPEN:
		return to == WEIR_BREAKER_HALF_OPEN || to == WEIR_BREAKER_FORCED_OPEN;
	case WEIR_BREAKER_HALF_OPEN:
		return to != WEIR_BREAKER_HALF_OPEN;
	default:
		return to == WEIR_BREAKER_CLOSED;
	}
}

static void close_trips(struct tripping *t, const struct weir_breaker_snapshot *seen)
{
	uint8_t mode = 1 + WEIR_BREAKER_CLOSED;
	atomic_fetch_add(&t->counted[seen->generation % GENERATIONS], (uint32_t)(seen->successes + seen->failures));
	for (uint32_t g = 1; g <= seen->generation && g < GENERATIONS; g++)
		EXPECT(atomic_load(&t->reported[g]) == atomic_load(&t->counted[g]));
	for (uint32_t g = 2; g <= seen->generation && g < GENERATIONS; g++) {
		EXPECT(atomic_load(&t->from[g]) == mode);
		mode = atomic_load(&t->to[g]);
		EXPECT(follows((enum weir_breaker_mode)(t->from[g] - 1), (enum weir_breaker_mode)(mode - 1)));
		EXPECT(atomic_load(&t->out[g]) == 0);
		EXPECT(mode != 1 + WEIR_BREAKER_HALF_OPEN || atomic_load(&t->most[g]) <= PROBES);
		EXPECT(mode == 1 + WEIR_BREAKER_HALF_OPEN || mode == 1 + WEIR_BREAKER_CLOSED || t->most[g] == 0);
	}
	EXPECT(mode == 1 + seen->mode && seen->changes == seen->generation - 1);
	EXPECT(seen->changes == atomic_load(&t->changes) && seen->late == atomic_load(&t->late));
	EXPECT(seen->refused == atomic_load(&t->refused) && seen->ignored == 0);
}

static int trip(weir_ctx *ctx, weir_err *err, void *arg)
{
	static struct tripping t;
	struct weir_breaker_snapshot seen;
	int rc = 0;
	(void)arg;
	for (uint64_t round = 0; round < ROUNDS(40) && rc == 0; round++) {
		memset((void *)&t, 0, sizeof(t));
		atomic_store(&t.running, TASKS);
		const struct weir_breaker_opts opts = {.failures = 3,
						       .open_ns = 1, /* over at once */
						       .half_open_ns = round % 2 ? WEIR_FOREVER : 1,
						       .successes = 2,
						       .trials = 3,
						       .probes = PROBES,
						       .on_event = be_told,
						       .event_arg = &t};
		EXPECT(weir_breaker_init(&t.b, ctx, &opts) == 0);
		rc = run_all(ctx, err, trip_it, &t, round, set_by_hand);
		weir_breaker_snapshot_get(ctx, &t.b, &seen);
		close_trips(&t, &seen);
		EXPECT(expect_some("change", seen.changes));
		weir_breaker_fini(&t.b);
	}
	return rc;
}

/* ---- bulkheads ---- */

enum { PLACES = 2, LINE = 3 };

struct ship {
	weir_bulkhead b;
	bool waits;        /* for a place, as long as it takes */
	_Atomic bool full; /* at first, until some were refused and some gave up */
	_Atomic uint64_t inside, asked, entered, refused, gave_up;
	_Atomic uint32_t running;
	struct target targets[TASKS];
};

static int go_in_and_out(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct worker *w = arg;
	struct ship *ship = w->what;
	(void)err;
	for (uint32_t i = 0; i < 150; i += !atomic_load(&ship->full)) {
		weir_ctx own;
		weir_ctx_init(&own, ctx, WEIR_FOREVER);
		target_set(ctx, &ship->targets[w->i], &own);
		int rc = weir_bulkhead_enter(&own, &ship->b, NULL);
		target_set(ctx, &ship->targets[w->i], NULL);
		atomic_fetch_add(&ship->asked, 1);
		if (rc == 0) {
			EXPECT(atomic_fetch_add(&ship->inside, 1) < PLACES);
			dawdle(&w->seed);
			atomic_fetch_sub(&ship->inside, 1);
			weir_bulkhead_leave(&ship->b);
			atomic_fetch_add(&ship->entered, 1);
		} else if (rc == WEIR_EOVERLOAD) {
			atomic_fetch_add(&ship->refused, 1);
			weir_rt_yield(rt);
		} else {
			EXPECT(rc == WEIR_ECANCELED && weir_ctx_err(&own) < 0);
			atomic_fetch_add(&ship->gave_up, 1);
		}
		weir_ctx_fini(&own);
	}
	atomic_fetch_sub(&ship->running, 1);
	return 0;
}

static int watch_ship(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct ship *ship = arg;
	struct weir_bulkhead_snapshot seen;
	uint64_t seed = seed_of(23);
	(void)err;
	while (atomic_load(&ship->running) > 0) {
		if (ship->full && ship->refused >= 3 && (!ship->waits || ship->gave_up > 0)) {
			for (int i = 0; i < PLACES; i++)
				weir_bulkhead_leave(&ship->b);
			atomic_store(&ship->full, false);
		}
		weir_bulkhead_snapshot_get(&ship->b, &seen);
		EXPECT(seen.running <= PLACES && seen.waiting <= PLACES + LINE);
		if (pick(&seed, 3) == 0)
			target_cancel(ctx, &ship->targets[pick(&seed, TASKS)]);
		weir_rt_yield(rt);
	}
	return 0;
}

static int bulkhead(weir_ctx *ctx, weir_err *err, void *arg)
{
	static struct ship ship;
	struct weir_bulkhead_snapshot seen;
	uint64_t entered = 0, refused = 0, gave_up = 0;
	int rc = 0;
	(void)arg;
	for (uint64_t round = 0; round < ROUNDS(60) && rc == 0; round++) {
		memset((void *)&ship, 0, sizeof(ship));
		atomic_store(&ship.running, TASKS);
		const struct weir_bulkhead_opts opts = {
			.max_concurrent = PLACES,
			.max_waiting = round % 3 ? LINE : 0,
			.max_wait_ns = round % 3 == 1 ? 1 : 0, /* over at once */
		};
		EXPECT(weir_bulkhead_init(&ship.b, ctx, &opts) == 0);
		ship.waits = round % 3 == 2;
		for (size_t i = 0; i < TASKS; i++)
			weir_mutex_init(&ship.targets[i].lock, rt);
		atomic_store(&ship.full, true);
		for (int i = 0; i < PLACES; i++)
			EXPECT(weir_bulkhead_enter(ctx, &ship.b, NULL) == 0);
		rc = run_all(ctx, err, go_in_and_out, &ship, round, watch_ship);
		weir_bulkhead_snapshot_get(&ship.b, &seen);
		EXPECT(seen.running == 0 && seen.waiting == 0);
		EXPECT(ship.entered + ship.refused + ship.gave_up == ship.asked && ship.asked >= TASKS * 150);
		/* cancelled before it asked: in no book of the bulkhead's */
		EXPECT(seen.refused + seen.gave_up <= ship.refused + ship.gave_up && seen.refused <= ship.refused);
		for (int i = 0; i < PLACES; i++)
			EXPECT(weir_bulkhead_enter(ctx, &ship.b, NULL) == 0); /* no place was lost */
		for (int i = 0; i < PLACES; i++)
			weir_bulkhead_leave(&ship.b);
		entered += ship.entered, refused += ship.refused, gave_up += ship.gave_up;
		weir_bulkhead_fini(&ship.b);
		for (size_t i = 0; i < TASKS; i++)
			weir_mutex_fini(&ship.targets[i].lock);
	}
	EXPECT(expect_some("entry", entered) && expect_some("refusal", refused) && expect_some("end", gave_up));
	return rc;
}

struct queue {
	weir_bulkhead b;
	_Atomic uint64_t next; /* whose turn it is */
};

static int come_in_turn(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct worker *w = arg;
	struct queue *q = w->what;
	(void)err;
	EXPECT(weir_bulkhead_enter(ctx, &q->b, NULL) == 0);
	EXPECT(atomic_fetch_add(&q->next, 1) == w->i); /* nobody else is inside */
	weir_bulkhead_leave(&q->b);
	return 0;
}

static void is_in_line(const struct weir_task_view *view, void *arg)
{
	*(size_t *)arg += strcmp(view->what, "acquire") == 0;
}

/* A task says that it is blocked when it stands in the line. */
static size_t in_line(void)
{
	size_t n = 0;
	EXPECT(weir_rt_dump(rt, is_in_line, &n) > 0);
	return n;
}

static int fifo(weir_ctx *ctx, weir_err *err, void *arg)
{
	static struct queue q;
	const struct weir_bulkhead_opts opts = {.max_concurrent = 1, .max_waiting = TASKS};
	int rc = 0;
	(void)arg;
	for (uint64_t round = 0; round < ROUNDS(300) && rc == 0; round++) {
		struct weir_bulkhead_snapshot seen = {0};
		struct worker w[TASKS];
		weir_scope s;
		atomic_store(&q.next, 0);
		EXPECT(weir_bulkhead_init(&q.b, ctx, &opts) == 0);
		EXPECT(weir_bulkhead_enter(ctx, &q.b, NULL) == 0);
		weir_scope_init(&s, ctx);
		for (size_t i = 0; i < TASKS; i++) {
			w[i] = (struct worker){.what = &q, .i = i};
			EXPECT(weir_scope_spawn(&s, "worker", come_in_turn, &w[i]) == 0);
			while (in_line() <= i)
				weir_rt_yield(rt);
		}
		weir_bulkhead_snapshot_get(&q.b, &seen);
		EXPECT(seen.running == 1 && seen.waiting == TASKS);
		weir_bulkhead_leave(&q.b);
		rc = weir_scope_join(ctx, &s, 0, err);
		EXPECT(atomic_load(&q.next) == TASKS);
		weir_bulkhead_fini(&q.b);
	}
	return rc;
}

/* ---- hedges ---- */

enum { CALLERS = 4, ATTEMPTS = 3, ABANDONED = 2 };

struct hedging {
	weir_stage *st;
	weir_budget budget;
	_Atomic uint32_t done;
	_Atomic uint64_t attempts, calls, won, lost, canceled;
	struct target targets[CALLERS];
	bool nested; /* in what may abandon them */
};

/* What an attempt does is not its value's to say, which would be the same for all of them; but for the first values, so
 * that it is certain that each way to end is taken. */
static const enum kind first[] = {PLAIN, FAILS, WAITS};

static int attempt(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	struct hedging *h = arg;
	const struct token *t = in;
	uint64_t seed = seed_of(atomic_fetch_add(&h->attempts, 1));
	enum kind kind = t->n < COUNT_OF(first) ? first[t->n] : token_kind(&seed, 3);
	int rc = token_work(ctx, t->caller, kind, h->nested ? ABANDONED * ATTEMPTS : ATTEMPTS, err);
	if (rc == 0)
		*(struct token *)out = token_make(t->caller, PLAIN, 2U * t->n);
	return rc;
}

static void hedge_one(weir_ctx *ctx, struct hedging *h, size_t caller, weir_call *call, uint32_t n)
{
	struct token in = token_make(caller, PLAIN, n), out;
	weir_err err = {0};
	weir_ctx own;
	weir_ctx_init(&own, ctx, WEIR_FOREVER);
	target_set(ctx, &h->targets[caller], n < 2 ? NULL : &own);
	int rc = weir_call_process(&own, call, &in, &out, &err);
	EXPECT(h->nested || atomic_load(&inside[caller]) == 0);
	target_set(ctx, &h->targets[caller], NULL);
	EXPECT(rc == err.code);
	EXPECT(rc == 0 || rc == WEIR_EEXHAUSTED || (rc == WEIR_ECANCELED && weir_ctx_err(&own) < 0) ||
	       (rc == WEIR_EOVERLOAD && h->nested));
	if (rc == 0) {
		EXPECT(out.n == 2 * n && out.caller == caller);
		token_drop(&out, NULL);
	}
	token_drop(&in, NULL);
	atomic_fetch_add(rc == 0 ? &h->won : rc == WEIR_ECANCELED ? &h->canceled : &h->lost, 1);
	weir_ctx_fini(&own);
	weir_err_fini(&err);
}

static int hedge_all(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct worker *w = arg;
	struct hedging *h = w->what;
	weir_scope helpers;
	weir_call *call = NULL;
	if (w->i >= CALLERS)
		return 0;
	weir_scope_init(&helpers, ctx);
	EXPECT(weir_call_new(&helpers, h->st, &call) == 0);
	for (uint32_t n = 0; n < 40; n++)
		hedge_one(ctx, h, w->i, call, n);
	weir_call_free(&call);
	atomic_fetch_add(&h->done, 1);
	return weir_scope_join(ctx, &helpers, 0, err);
}

static int cancel_hedges(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct hedging *h = arg;
	uint64_t seed = seed_of(31);
	(void)err;
	while (atomic_load(&h->done) < CALLERS) {
		if (pick(&seed, 3) == 0)
			target_cancel(ctx, &h->targets[pick(&seed, CALLERS)]);
		dawdle(&seed);
	}
	return 0;
}

static weir_stage *open_hedging(struct hedging *h)
{
	const struct weir_stage_opts child = {
		.name = "attempt", .in = &token_type, .out = &token_type, .process = attempt, .arg = h};
	memset((void *)h, 0, sizeof(*h));
	EXPECT(weir_budget_init(&h->budget, rt, &(struct weir_budget_opts){.share = 1, .ttl_ns = WEIR_SEC(60)}) == 0);
	for (size_t i = 0; i < CALLERS; i++)
		weir_mutex_init(&h->targets[i].lock, rt);
	return weir_stage_new(rt, &child);
}

static void close_hedging(struct hedging *h)
{
	weir_budget_fini(&h->budget);
	for (size_t i = 0; i < CALLERS; i++)
		weir_mutex_fini(&h->targets[i].lock);
}

static int hedge(weir_ctx *ctx, weir_err *err, void *arg)
{
	static struct hedging h;
	uint64_t won = 0, lost = 0, canceled = 0;
	int rc = 0;
	(void)arg;
	for (uint64_t round = 0; round < ROUNDS(60) && rc == 0; round++) {
		static const int64_t delays[] = {WEIR_HEDGE_AT_ONCE, 1000, WEIR_FOREVER};
		const struct weir_hedge_opts opts = {.max_attempts = ATTEMPTS,
						     .delay_ns = delays[round % 3],
						     .budget = round % 2 ? &h.budget : NULL};
		h.st = weir_hedge(open_hedging(&h), &opts);
		EXPECT(weir_stage_check(h.st, err) == 0);
		rc = run_all(ctx, err, hedge_all, &h, round, cancel_hedges);
		EXPECT(h.won + h.lost + h.canceled == (uint64_t)CALLERS * 40 && atomic_load(&tokens_alive) == 0);
		EXPECT(!opts.budget || h.attempts <= (uint64_t)CALLERS * 40 * 2);
		weir_stage_free(&h.st);
		close_hedging(&h);
		won += h.won, lost += h.lost, canceled += h.canceled;
	}
	EXPECT(expect_some("answer", won) && expect_some("failure", lost) && expect_some("cancel", canceled));
	return rc;
}

/* What the budget had earned and has no more, it was paid with. */
static int nest(weir_ctx *ctx, weir_err *err, void *arg)
{
	static struct hedging h;
	uint64_t won = 0, canceled = 0, abandoned = 0;
	int rc = 0;
	(void)arg;
	for (uint64_t round = 0; round < ROUNDS(60) && rc == 0; round++) {
		static const int64_t limits[] = {1000, WEIR_US(300), WEIR_FOREVER};
		const struct weir_retry_opts retry = {.budget = &h.budget};
		const struct weir_hedge_opts opts = {.max_attempts = ATTEMPTS,
						     .delay_ns = round % 2 ? WEIR_HEDGE_AT_ONCE : 1000,
						     .budget = &h.budget};
		struct weir_timeout_detach_stats stats;
		weir_scope outer;
		weir_scope_init(&outer, ctx);
		const struct weir_timeout_detach_opts limit = {.outer = &outer,
							       .limit_ns = limits[round % 3],
							       .max_abandoned = ABANDONED};
		weir_stage *st = weir_retry(open_hedging(&h), &retry);
		h.nested = true;
		st = weir_timeout_detach(weir_hedge(st, &opts), &limit);
		h.st = weir_retry(st, &retry);
		EXPECT(weir_stage_check(h.st, err) == 0);
		rc = run_all(ctx, err, hedge_all, &h, round, cancel_hedges);
		do
			EXPECT(weir_timeout_detach_stats_read(ctx, st, &stats) == 0);
		while (stats.abandoned > 0);
		weir_stage_free(&h.st);
		rc = weir_scope_join(ctx, &outer, rc, err);
		EXPECT(h.won + h.lost + h.canceled == (uint64_t)CALLERS * 40 && atomic_load(&tokens_alive) == 0);
		EXPECT((double)h.attempts + weir_budget_left(&h.budget) <= CALLERS * 40 * 2 + 0.01);
		close_hedging(&h);
		won += h.won, canceled += h.canceled, abandoned += stats.abandoned_all;
	}
	EXPECT(expect_some("answer", won) && expect_some("cancel", canceled) && expect_some("abandoned", abandoned));
	return rc;
}

/* ---- timeouts that are looked at ---- */

struct gauged {
	weir_stage *st;
	bool at_once;
	_Atomic uint32_t running;
};

static int do_as_told(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const struct token *t = in;
	(void)arg;
	int rc = token_work(ctx, t->caller, (enum kind)t->kind, TASKS, err);
	if (rc == 0)
		*(struct token *)out = token_make(t->caller, PLAIN, t->n);
	return rc;
}

static int call_and_go(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct worker *w = arg;
	struct gauged *g = w->what;
	for (uint32_t n = 0; n < 60; n++) {
		weir_scope s;
		weir_call *call = NULL;
		enum kind kind = g->at_once ? token_kind(&w->seed, 5) : PLAIN;
		struct token in = token_make(w->i, kind, n), out;
		weir_scope_init(&s, ctx);
		EXPECT(weir_call_new(&s, g->st, &call) == 0);
		int rc = weir_call_process(ctx, call, &in, &out, NULL);
		EXPECT(rc == (kind == WAITS ? WEIR_ETIMEOUT : kind == FAILS ? REFUSED : 0));
		if (rc == 0)
			token_drop(&out, NULL);
		token_drop(&in, NULL);
		weir_call_free(&call);
		EXPECT(weir_scope_join(ctx, &s, 0, err) == 0);
	}
	atomic_fetch_sub(&g->running, 1);
	return 0;
}

static int read_gauge(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct gauged *g = arg;
	struct weir_timeout_stats st;
	(void)err;
	do {
		EXPECT(weir_timeout_stats_read(ctx, g->st, &st) == 0);
		EXPECT(st.running <= TASKS && st.overdue <= st.running && (st.overdue == 0) == (st.overdue_ns == 0));
		EXPECT(g->at_once || st.overdue == 0);
		weir_rt_yield(rt);
	} while (atomic_load(&g->running) > 0);
	return 0;
}

static int gauge(weir_ctx *ctx, weir_err *err, void *arg)
{
	static struct gauged g;
	const struct weir_stage_opts child = {.name = "as told",
					      .in = &token_type,
					      .out = &token_type,
					      .process = do_as_told};
	struct weir_timeout_stats st;
	int rc = 0;
	(void)arg;
	for (uint64_t round = 0; round < ROUNDS(60) && rc == 0; round++) {
		g = (struct gauged){.at_once = round % 2};
		atomic_store(&g.running, TASKS);
		const struct weir_timeout_opts opts = {.limit_ns = g.at_once ? 1 : WEIR_SEC(3600), .gauge = true};
		g.st = weir_timeout_with(weir_stage_new(rt, &child), &opts);
		EXPECT(weir_stage_check(g.st, err) == 0);
		rc = run_all(ctx, err, call_and_go, &g, round, read_gauge);
		EXPECT(weir_timeout_stats_read(ctx, g.st, &st) == 0 && st.running == 0);
		weir_stage_free(&g.st);
		EXPECT(atomic_load(&tokens_alive) == 0);
	}
	return rc;
}

/* ---- all layers ---- */

enum { JOBS = 80, WORKERS = 4 };
struct load {
	weir_breaker breaker;
	weir_bucket bucket;
	weir_bulkhead bulkhead;
	weir_budget budget;
	struct weir_dead_log log;
	int fd;
	weir_stage *st;
	struct jobs jobs;
	_Atomic uint64_t ran, done;
	bool failed[JOBS], letter[JOBS]; /* what the receiver saw; what the file says */
};

static int work(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	struct load *l = arg;
	const struct token *t = in;
	atomic_fetch_add(&l->ran, 1);
	int rc = token_work(ctx, 0, (enum kind)t->kind, PLACES, err);
	if (rc == 0) {
		*(struct token *)out = token_make(0, PLAIN, t->n + 1U);
		atomic_fetch_add(&l->done, 1);
	}
	return rc;
}

/* Text that a line must not contain as it is. */
static int encode(const void *item, char *buf, size_t cap, void *arg)
{
	(void)arg;
	return snprintf(buf, cap, "%u\n\"}\n", ((const struct token *)item)->n);
}

static int decode(const char *text, size_t len, void *item, void *arg)
{
	char copy[16] = {0};
	(void)arg;
	if (len >= sizeof(copy) || len < 4 || memcmp(text + len - 4, "\n\"}\n", 4) != 0)
		return WEIR_EINVAL;
	memcpy(copy, text, len);
	*(struct token *)item = token_make(0, PLAIN, (uint32_t)strtoul(copy, NULL, 10));
	return 0;
}

static int append(weir_ctx *ctx, const char *line, size_t len, weir_err *err, void *arg)
{
	struct load *l = arg;
	(void)ctx;
	if (write(l->fd, line, len) == (ssize_t)len)
		return 0;
	return weir_fail(err, WEIR_EUSER, "the file took only a part");
}

static struct job make_job(uint32_t n, uint64_t *seed)
{
	return (struct job){.head.id = n, .in = token_make(0, token_kind(seed, 10), n)};
}

static void see_result(void *arg, const struct result *r)
{
	struct load *l = arg;
	EXPECT(r->head.rc == 0 || r->head.rc == WEIR_EEXHAUSTED || r->head.rc == WEIR_ECANCELED);
	EXPECT(r->head.rc != 0 || r->value.n == r->head.id + 1);
	EXPECT(r->head.rc != WEIR_EEXHAUSTED || weir_err_is(&r->head.err, REFUSED) ||
	       weir_err_is(&r->head.err, WEIR_ETIMEOUT));
	l->failed[r->head.id % JOBS] = r->head.rc == WEIR_EEXHAUSTED;
}

static int next_line(weir_ctx *ctx, char *line, size_t cap, size_t *len, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	if (!fgets(line, (int)cap, arg))
		return 0;
	*len = strlen(line);
	EXPECT(*len > 2 && line[0] == '{' && strcmp(line + *len - 2, "}\n") == 0);
	return 1;
}

static struct load *being_read;

static int read_again(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const struct token *t = in;
	bool *letter = &being_read->letter[t->n % JOBS];
	(void)ctx, (void)err, (void)arg;
	EXPECT(t->n < JOBS && !*letter); /* once */
	*letter = true;
	*(struct token *)out = token_make(0, PLAIN, t->n);
	return 0;
}

/* All lines of the file, through a call, in one task. */
static uint64_t read_letters(weir_ctx *ctx, struct load *l)
{
	const struct weir_stage_opts child = {.name = "again",
					      .in = &token_type,
					      .out = &token_type,
					      .process = read_again};
	struct weir_dead_report report = {0};
	weir_scope s;
	weir_call *call = NULL;
	weir_stage *st = weir_stage_new(rt, &child);
	EXPECT(lseek(l->fd, 0, SEEK_SET) == 0);
	FILE *file = fdopen(l->fd, "r");
	const struct weir_dead_replay_opts opts = {.next = next_line, .decode = decode, .arg = file};
	weir_scope_init(&s, ctx);
	EXPECT(file && weir_call_new(&s, st, &call) == 0);
	being_read = l;
	EXPECT(weir_dead_replay(ctx, call, st, &opts, &report, NULL) == 0);
	EXPECT(report.failed == 0 && report.unreadable == 0);
	weir_call_free(&call);
	EXPECT(weir_scope_join(ctx, &s, 0, NULL) == 0);
	weir_stage_free(&st);
	EXPECT(fclose(file) == 0);
	return report.done;
}

static void close_layers(weir_ctx *ctx, struct load *l, const weir_pipeline_report *r, uint64_t sums[2])
{
	struct weir_breaker_snapshot b;
	struct weir_bucket_stats k;
	struct weir_bulkhead_snapshot h;
	uint64_t letters = read_letters(ctx, l), ran = atomic_load(&l->ran);
	bool quietly = l->jobs.ending == SENDER_ENDS || l->jobs.ending == DRAIN;
	weir_breaker_snapshot_get(ctx, &l->breaker, &b);
	weir_bucket_stats_read(&l->bucket, &k);
	weir_bulkhead_snapshot_get(&l->bulkhead, &h);
	EXPECT(h.running == 0 && h.waiting == 0 && k.waiting == 0 && h.refused == 0 && b.refused == 0);
	EXPECT(b.successes == atomic_load(&l->done) && b.successes == r->succeeded);
	EXPECT(b.successes + b.failures + b.ignored >= k.allowed && k.allowed >= ran && k.refused == 0);
	EXPECT(weir_budget_left(&l->budget) >= 0);
	if (quietly) {
		double retries = (double)ran - (double)r->received;
		EXPECT(b.successes + b.failures == ran && k.allowed == ran && letters == r->failed);
		EXPECT(retries >= 0 && weir_budget_left(&l->budget) > (double)r->received / 2 - retries - 0.01);
		EXPECT(weir_budget_left(&l->budget) < (double)r->received / 2 - retries + 0.01);
	}
	for (size_t i = 0; i < JOBS; i++)
		EXPECT(!l->failed[i] || l->letter[i]);
	sums[0] += letters;
	sums[1] += r->succeeded;
}

static void open_layers(weir_ctx *ctx, struct load *l)
{
	const struct weir_retry_opts retry = {.budget = &l->budget};
	const struct weir_stage_opts child = {
		.name = "work", .in = &token_type, .out = &token_type, .process = work, .arg = l};
	const struct weir_bulkhead_opts bulkhead_opts = {.max_concurrent = PLACES, .max_waiting = WORKERS};
	EXPECT(weir_breaker_init(&l->breaker, ctx, &(struct weir_breaker_opts){.failures = UINT32_MAX}) == 0);
	EXPECT(weir_bucket_init(&l->bucket, rt, &(struct weir_bucket_opts){.burst = 3 * JOBS}) == 0);
	EXPECT(weir_bulkhead_init(&l->bulkhead, ctx, &bulkhead_opts) == 0);
	EXPECT(weir_budget_init(&l->budget, rt, &(struct weir_budget_opts){.share = 0.5, .ttl_ns = WEIR_SEC(60)}) == 0);
	l->fd = memfd_create("letters", MFD_CLOEXEC);
	EXPECT(l->fd >= 0 && fcntl(l->fd, F_SETFL, O_APPEND) == 0);
	l->log = (struct weir_dead_log){.write = append, .encode = encode, .arg = l};
	const struct weir_policy_opts opts = {.dead_letter = {.fn = weir_dead_log_write, .arg = &l->log},
					      .total_timeout_ns = WEIR_SEC(3600),
					      .retry = &retry,
					      .breaker = &l->breaker,
					      .limiter = {.bucket = &l->bucket, .max_wait_ns = WEIR_FOREVER},
					      .bulkhead = &l->bulkhead,
					      .attempt_timeout_ns = 1000};
	l->st = weir_policy(weir_stage_new(rt, &child), &opts);
	EXPECT(weir_stage_check(l->st, NULL) == 0);
}

static int run_once(weir_ctx *ctx, weir_err *err, uint64_t round, uint64_t sums[2])
{
	static struct load load;
	struct load *l = &load;
	uint64_t seed = seed_of(round);
	weir_pipeline_report r;
	memset((void *)l, 0, sizeof(*l));
	l->jobs = (struct jobs){
		.ending = (enum ending)(round % ENDINGS), .n = JOBS, .make = make_job, .see = see_result, .arg = l};
	open_layers(ctx, l);
	const struct weir_pipeline_opts opts = {.stage = l->st, .workers = WORKERS, .result_buffer = pick(&seed, 3)};
	int rc = run_jobs(ctx, err, &l->jobs, &opts, pick(&seed, JOBS / 2), &r);
	close_layers(ctx, l, &r, sums);
	EXPECT(atomic_load(&inside[0]) == 0 && atomic_load(&tokens_alive) == 0);
	weir_stage_free(&l->st);
	weir_budget_fini(&l->budget);
	weir_bulkhead_fini(&l->bulkhead);
	weir_bucket_fini(&l->bucket);
	weir_breaker_fini(&l->breaker);
	return rc;
}

static int policy(weir_ctx *ctx, weir_err *err, void *arg)
{
	uint64_t sums[2] = {0};
	int rc = 0;
	(void)arg;
	for (uint64_t round = 0; round < ROUNDS(150) && rc == 0; round++)
		rc = run_once(ctx, err, round, sums);
	EXPECT(expect_some("letter", sums[0]) && expect_some("success", sums[1]));
	return rc;
}

int main(void)
{
	stress_case("a breaker that counts", count, NULL);
	stress_case("a breaker that trips, and is set by hand", trip, NULL);
	stress_case("a bulkhead whose line is cancelled from elsewhere", bulkhead, NULL);
	stress_case("a line that nobody passes by", fifo, NULL);
	stress_case("attempts at the same time", hedge, NULL);
	stress_case("attempts within attempts, with one budget, some of them abandoned", nest, NULL);
	stress_case("timeouts that are looked at while they come and go", gauge, NULL);
	stress_case("all layers around one stage, in a pipeline", policy, NULL);
	return stress_end();
}

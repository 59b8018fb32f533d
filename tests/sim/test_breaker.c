/* SPDX-License-Identifier: MIT
 *
 * The shared circuit breaker, and its stage, in the simulator.
 *
 * The races of three callers around each transition are exhaustive, twice: "dpor" runs a schedule for every order of
 * their operations that can make a difference, and "dfs3" every schedule with at most three preemptions, whatever makes
 * a difference; neither has a limit on the number of schedules. The others are exact: what must happen at which virtual
 * time is said to the nanosecond. A race that can end in two ways has been seen to end in both, or main fails. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/resilience.h>
#include <weir/sim.h>

enum {
	TRIPPED_WITH_LATE,
	TRIPPED_WITH_REFUSED,
	SECOND_AFTER_CLOSING,
	TRIAL_BLOCKED,
	OLD_OPTS_TRIPPED,
	NEW_OPTS_HELD,
	SEEN
};
static bool seen[SEEN];

static struct world {
	weir_breaker b;
	struct weir_breaker_event events[16];
	int n_events, inside, most, let_in, refused;
} w;

static void note_event(const struct weir_breaker_event *event, void *arg)
{
	(void)arg;
	WEIR_SIM_ASSERT(w.n_events < 16);
	w.events[w.n_events++] = *event;
}

static void world_open(weir_ctx *ctx, struct weir_breaker_opts opts)
{
	memset(&w, 0, sizeof(w));
	opts.on_event = note_event;
	WEIR_SIM_EQ(weir_breaker_init(&w.b, ctx, &opts), 0);
}

static void event_is(int i, enum weir_breaker_mode from, enum weir_breaker_mode to, int64_t at)
{
	WEIR_SIM_ASSERT(i < w.n_events);
	WEIR_SIM_EQ(w.events[i].kind, WEIR_BREAKER_CHANGED);
	WEIR_SIM_EQ(w.events[i].from, from);
	WEIR_SIM_EQ(w.events[i].to, to);
	WEIR_SIM_EQ(w.events[i].at, at);
}

/* One call by hand, with the outcome in arg. */
static int caller(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct weir_breaker_permit p;
	int64_t again = -1;
	(void)err;
	int rc = weir_breaker_acquire(ctx, &w.b, &p, &again);
	if (rc < 0) {
		WEIR_SIM_EQ(rc, WEIR_EOPEN);
		WEIR_SIM_ASSERT(again > 0 && !p.live);
		w.refused++;
		return 0;
	}
	w.let_in++;
	if (++w.inside > w.most)
		w.most = w.inside;
	weir_rt_yield(weir_ctx_rt(ctx));
	w.inside--;
	weir_breaker_report(ctx, &w.b, &p, *(const enum weir_outcome *)arg);
	WEIR_SIM_ASSERT(!p.live);
	return 0;
}

static enum weir_outcome success = WEIR_OUTCOME_SUCCESS, failure = WEIR_OUTCOME_FAILURE, ignored = WEIR_OUTCOME_IGNORED;

static void race(weir_ctx *ctx, enum weir_outcome *a, enum weir_outcome *b, enum weir_outcome *c,
		 struct weir_breaker_snapshot *out)
{
	weir_scope s;
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "a", caller, a), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "b", caller, b), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "c", caller, c), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(w.let_in + w.refused, 3);
	weir_breaker_snapshot_get(ctx, &w.b, out);
	WEIR_SIM_EQ(out->in_flight, 0);
	WEIR_SIM_EQ(out->refused, w.refused);
}

#define RACE(test)                                                \
	static void test##_body(weir_ctx *ctx);                   \
	WEIR_SIM_TEST_WITH(test##_all_orders, .strategy = "dpor") \
	{                                                         \
		test##_body(ctx);                                 \
	}                                                         \
	WEIR_SIM_TEST_WITH(test, .strategy = "dfs3")              \
	{                                                         \
		test##_body(ctx);                                 \
	}                                                         \
	static void test##_body(weir_ctx *ctx)

RACE(three_fail_and_the_second_trips)
{
	struct weir_breaker_snapshot is;
	world_open(ctx, (struct weir_breaker_opts){.failures = 2});
	race(ctx, &failure, &failure, &failure, &is);
	WEIR_SIM_EQ(is.mode, WEIR_BREAKER_OPEN);
	WEIR_SIM_EQ(is.changes, 1);
	WEIR_SIM_EQ(is.late, w.let_in - 2); /* each permit counted, or late: none lost, none twice */
	WEIR_SIM_EQ(w.events[0].failures, 2);
	seen[w.refused ? TRIPPED_WITH_REFUSED : TRIPPED_WITH_LATE] = true;
	weir_breaker_fini(&w.b);
}

RACE(a_success_between_two_failures)
{
	struct weir_breaker_snapshot is;
	world_open(ctx, (struct weir_breaker_opts){.failures = 2});
	race(ctx, &failure, &success, &failure, &is);
	if (is.mode ==
	    WEIR_BREAKER_CLOSED) { /* F S F: everything is counted, the row is 1; S last would be 0 after F F */
		WEIR_SIM_EQ(is.successes, 1);
		WEIR_SIM_EQ(is.failures, 2);
		WEIR_SIM_EQ(is.failures_in_row, 1);
		WEIR_SIM_EQ(is.late, 0);
	} else {
		WEIR_SIM_EQ(is.mode, WEIR_BREAKER_OPEN);
		WEIR_SIM_EQ((uint64_t)w.let_in, w.events[0].successes + w.events[0].failures + is.late);
	}
	weir_breaker_fini(&w.b);
}

RACE(the_short_cut_loses_no_success)
{
	struct weir_breaker_snapshot is;
	world_open(ctx, (struct weir_breaker_opts){.failures = 2});
	race(ctx, &success, &ignored, &success, &is);
	WEIR_SIM_EQ(is.mode, WEIR_BREAKER_CLOSED);
	WEIR_SIM_EQ(is.successes, 2);
	WEIR_SIM_EQ(is.ignored, 1);
	WEIR_SIM_EQ(w.n_events, 0);
	weir_breaker_fini(&w.b);
}

/* From here on half-open: tripped by hand, and the time has passed. */
static void until_half_open(weir_ctx *ctx, struct weir_breaker_opts opts)
{
	opts.open_ns = WEIR_MS(10);
	world_open(ctx, opts);
	weir_breaker_set(ctx, &w.b, WEIR_BREAKER_OPEN);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(10)), 0);
}

RACE(one_trial_closes)
{
	struct weir_breaker_snapshot is;
	until_half_open(ctx, (struct weir_breaker_opts){0});
	race(ctx, &success, &success, &success, &is);
	WEIR_SIM_EQ(is.mode, WEIR_BREAKER_CLOSED);
	WEIR_SIM_EQ(w.n_events, 3);
	event_is(1, WEIR_BREAKER_OPEN, WEIR_BREAKER_HALF_OPEN, WEIR_MS(10));
	event_is(2, WEIR_BREAKER_HALF_OPEN, WEIR_BREAKER_CLOSED, WEIR_MS(10));
	WEIR_SIM_EQ(w.let_in, 1 + (int)is.successes); /* the others came after it had closed */
	WEIR_SIM_EQ(is.late, 0);
	seen[w.let_in > 1 ? SECOND_AFTER_CLOSING : TRIAL_BLOCKED] = true;
	weir_breaker_fini(&w.b);
}

RACE(one_trial_fails)
{
	struct weir_breaker_snapshot is;
	until_half_open(ctx, (struct weir_breaker_opts){0});
	race(ctx, &failure, &failure, &failure, &is);
	WEIR_SIM_EQ(is.mode, WEIR_BREAKER_OPEN);
	WEIR_SIM_EQ(w.let_in, 1);
	WEIR_SIM_EQ(is.try_again_ns, WEIR_MS(10));
	WEIR_SIM_EQ(is.trips, 2);
	weir_breaker_fini(&w.b);
}

RACE(a_trial_that_does_not_count_gives_its_place_back)
{
	struct weir_breaker_snapshot is;
	until_half_open(ctx, (struct weir_breaker_opts){0});
	race(ctx, &ignored, &ignored, &ignored, &is);
	WEIR_SIM_EQ(is.mode, WEIR_BREAKER_HALF_OPEN);
	WEIR_SIM_EQ(w.most, 1);
	WEIR_SIM_EQ(is.try_again_ns, 0);
	WEIR_SIM_EQ(is.ignored, w.let_in);
	weir_breaker_fini(&w.b);
}

/* Three successes, two requests at a time: the setting with which another library stays half-open for ever. */
RACE(three_successes_two_at_a_time)
{
	struct weir_breaker_snapshot is;
	until_half_open(ctx, (struct weir_breaker_opts){.successes = 3, .probes = 2});
	race(ctx, &success, &success, &success, &is);
	WEIR_SIM_ASSERT(w.most <= 2);
	while (is.mode == WEIR_BREAKER_HALF_OPEN) { /* whoever was refused comes again */
		WEIR_SIM_EQ(is.try_again_ns, 0);
		WEIR_SIM_EQ(caller(ctx, NULL, &success), 0);
		weir_breaker_snapshot_get(ctx, &w.b, &is);
	}
	WEIR_SIM_EQ(is.mode, WEIR_BREAKER_CLOSED);
	WEIR_SIM_EQ(w.let_in, 3);
	weir_breaker_fini(&w.b);
}

RACE(set_by_hand_while_calls_run)
{
	struct weir_breaker_snapshot is;
	weir_scope s;
	world_open(ctx, (struct weir_breaker_opts){.failures = 1});
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "a", caller, &success), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "b", caller, &failure), 0);
	weir_breaker_set(ctx, &w.b, WEIR_BREAKER_FORCED_OPEN);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_breaker_snapshot_get(ctx, &w.b, &is);
	WEIR_SIM_EQ(is.mode, WEIR_BREAKER_FORCED_OPEN); /* no result, early or late, undoes it */
	WEIR_SIM_EQ(is.try_again_ns, WEIR_FOREVER);
	weir_breaker_fini(&w.b);
}

/* The share of three calls: it is known with the third, whichever that is. */
RACE(a_window_of_three)
{
	struct weir_breaker_snapshot is;
	world_open(ctx, (struct weir_breaker_opts){.window_calls = 3, .failure_percent = 60});
	race(ctx, &failure, &success, &failure, &is);
	WEIR_SIM_EQ(is.mode, WEIR_BREAKER_OPEN);
	WEIR_SIM_EQ(w.n_events, 1);
	WEIR_SIM_EQ(w.events[0].failures, 2);
	WEIR_SIM_EQ(w.events[0].successes, 1);
	WEIR_SIM_EQ(is.late + is.refused, 0);
	weir_breaker_fini(&w.b);
}

static struct weir_breaker_permit the_trial;

/* Gives the trial back, when the stay is over or a nanosecond before. */
static int comes_back(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	int rc = weir_sleep(ctx, *(const int64_t *)arg);
	weir_breaker_report(ctx, &w.b, &the_trial, WEIR_OUTCOME_SUCCESS);
	return rc;
}

static int asks_later(weir_ctx *ctx, weir_err *err, void *arg)
{
	int rc = weir_sleep(ctx, WEIR_MS(4));
	return rc == 0 ? caller(ctx, err, arg) : rc;
}

/* A trial that comes back as its time is over has come too late, whoever looks first; a nanosecond before, in time. */
static void at_the_end_of_the_stay(weir_ctx *ctx, int64_t back_ns, bool in_time)
{
	struct weir_breaker_snapshot is;
	weir_scope s;
	until_half_open(ctx, (struct weir_breaker_opts){.half_open_ns = WEIR_MS(4)});
	WEIR_SIM_EQ(weir_breaker_acquire(ctx, &w.b, &the_trial, NULL), 0);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "trial", comes_back, &back_ns), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "b", asks_later, &success), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "c", asks_later, &success), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_breaker_snapshot_get(ctx, &w.b, &is);
	WEIR_SIM_EQ(is.mode, in_time ? WEIR_BREAKER_CLOSED : WEIR_BREAKER_OPEN);
	WEIR_SIM_EQ(is.late, !in_time);
	WEIR_SIM_EQ(w.let_in, in_time ? 2 : 0);
	event_is(2, WEIR_BREAKER_HALF_OPEN, is.mode, WEIR_MS(10) + (in_time ? back_ns : WEIR_MS(4)));
	weir_breaker_fini(&w.b);
}

RACE(a_trial_comes_back_as_its_time_is_over)
{
	at_the_end_of_the_stay(ctx, WEIR_MS(4), false);
}

RACE(a_trial_comes_back_just_in_time)
{
	at_the_end_of_the_stay(ctx, WEIR_MS(4) - 1, true);
}

/* Other options while calls run: what was counted before is forgotten, and each call counts under one of them. */
RACE(other_options_while_calls_run)
{
	struct weir_breaker_snapshot is;
	weir_scope s;
	world_open(ctx, (struct weir_breaker_opts){.failures = 1});
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "a", caller, &failure), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "b", caller, &success), 0);
	WEIR_SIM_EQ(weir_breaker_set_opts(ctx, &w.b, &(struct weir_breaker_opts){.failures = 2}), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_breaker_snapshot_get(ctx, &w.b, &is);
	WEIR_SIM_ASSERT(is.mode == WEIR_BREAKER_OPEN || is.mode == WEIR_BREAKER_CLOSED);
	WEIR_SIM_EQ(w.n_events > 0, is.mode == WEIR_BREAKER_OPEN);
	WEIR_SIM_ASSERT(is.late + is.refused <= (is.mode == WEIR_BREAKER_OPEN));
	seen[is.mode == WEIR_BREAKER_OPEN ? OLD_OPTS_TRIPPED : NEW_OPTS_HELD] = true;
	weir_breaker_fini(&w.b);
}

/* ---- exact ---- */

/* Who was let in when nothing could be slow is not, whatever the options say when it comes back. */
WEIR_SIM_TEST_WITH(slow_since_when, .allow_no_decisions = true, .schedules = 1, .no_early = true)
{
	struct weir_breaker_snapshot is;
	struct weir_breaker_permit p;
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_SEC(5)), 0);
	world_open(ctx, (struct weir_breaker_opts){.failures = 1});
	WEIR_SIM_EQ(weir_breaker_acquire(ctx, &w.b, &p, NULL), 0);
	const struct weir_breaker_opts slow = {.window_calls = 1, .slow_ns = WEIR_SEC(1)};
	WEIR_SIM_EQ(weir_breaker_set_opts(ctx, &w.b, &slow), 0);
	weir_breaker_report(ctx, &w.b, &p, WEIR_OUTCOME_SUCCESS);
	weir_breaker_snapshot_get(ctx, &w.b, &is);
	WEIR_SIM_EQ(is.mode, WEIR_BREAKER_CLOSED);
	WEIR_SIM_EQ(is.slow, 0);
	WEIR_SIM_EQ(is.successes, 1);
	weir_breaker_fini(&w.b);
}

WEIR_SIM_TEST(a_stampede_meets_one_trial)
{
	struct weir_breaker_snapshot is;
	weir_scope s;
	until_half_open(ctx, (struct weir_breaker_opts){.half_open_ns = WEIR_MS(3)});
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 12; i++)
		WEIR_SIM_EQ(weir_scope_spawn(&s, "stampede", caller, &failure), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(w.let_in, 1);
	WEIR_SIM_EQ(w.refused, 11);
	weir_breaker_snapshot_get(ctx, &w.b, &is);
	WEIR_SIM_EQ(is.mode, WEIR_BREAKER_OPEN);
	weir_breaker_fini(&w.b);
}

#define EXACT(test) WEIR_SIM_TEST_WITH(test, .no_early = true, .allow_no_decisions = true, .schedules = 20)

EXACT(a_result_of_the_closed_time_comes_after_it_has_opened_again)
{
	struct weir_breaker_permit old, trial;
	struct weir_breaker_snapshot is;
	world_open(ctx, (struct weir_breaker_opts){.failures = 1, .open_ns = WEIR_MS(10)});
	WEIR_SIM_EQ(weir_breaker_acquire(ctx, &w.b, &old, NULL), 0);
	WEIR_SIM_EQ(caller(ctx, NULL, &failure), 0); /* open at 0 */
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(10)), 0);
	WEIR_SIM_EQ(weir_breaker_acquire(ctx, &w.b, &trial, NULL), 0);
	weir_breaker_report(ctx, &w.b, &old, WEIR_OUTCOME_SUCCESS); /* does not close it */
	WEIR_SIM_EQ(w.events[2].kind, WEIR_BREAKER_LATE);
	WEIR_SIM_EQ(w.events[2].outcome, WEIR_OUTCOME_SUCCESS);
	WEIR_SIM_EQ(w.events[2].at, WEIR_MS(10));
	weir_breaker_snapshot_get(ctx, &w.b, &is);
	WEIR_SIM_EQ(is.mode, WEIR_BREAKER_HALF_OPEN);
	WEIR_SIM_EQ(is.in_flight, 1);
	WEIR_SIM_EQ(is.late, 1);
	weir_breaker_report(ctx, &w.b, &trial, WEIR_OUTCOME_FAILURE);
	weir_breaker_report(ctx, &w.b, &trial, WEIR_OUTCOME_SUCCESS); /* given back already: nothing */
	weir_breaker_snapshot_get(ctx, &w.b, &is);
	WEIR_SIM_EQ(is.mode, WEIR_BREAKER_OPEN);
	WEIR_SIM_EQ(is.late, 1);
	weir_breaker_fini(&w.b);
}

EXACT(a_result_of_an_earlier_closed_time_comes_when_it_is_closed_again)
{
	struct weir_breaker_permit old;
	struct weir_breaker_snapshot is;
	world_open(ctx, (struct weir_breaker_opts){.failures = 1});
	WEIR_SIM_EQ(weir_breaker_acquire(ctx, &w.b, &old, NULL), 0);
	weir_breaker_set(ctx, &w.b, WEIR_BREAKER_OPEN);
	weir_breaker_set(ctx, &w.b, WEIR_BREAKER_CLOSED);
	weir_breaker_report(ctx, &w.b, &old, WEIR_OUTCOME_SUCCESS); /* no short cut for it */
	weir_breaker_snapshot_get(ctx, &w.b, &is);
	WEIR_SIM_EQ(is.successes, 0);
	WEIR_SIM_EQ(is.late, 1);
	weir_breaker_fini(&w.b);
}

EXACT(a_success_ends_the_row)
{
	struct weir_breaker_snapshot is;
	world_open(ctx, (struct weir_breaker_opts){.failures = 2});
	for (int i = 0; i < 3; i++) {
		WEIR_SIM_EQ(caller(ctx, NULL, &failure), 0);
		WEIR_SIM_EQ(caller(ctx, NULL, &success), 0);
		WEIR_SIM_EQ(caller(ctx, NULL, &success), 0);
	}
	weir_breaker_snapshot_get(ctx, &w.b, &is);
	WEIR_SIM_EQ(is.mode, WEIR_BREAKER_CLOSED);
	WEIR_SIM_EQ(is.successes_in_row, 2);
	WEIR_SIM_EQ(is.successes, 6);
	WEIR_SIM_EQ(is.failures, 3);
	weir_breaker_fini(&w.b);
}

EXACT(a_trial_never_comes_back)
{
	struct weir_breaker_permit lost, next;
	int64_t again = 0;
	until_half_open(ctx, (struct weir_breaker_opts){.half_open_ns = WEIR_MS(4)});
	WEIR_SIM_EQ(weir_breaker_acquire(ctx, &w.b, &lost, NULL), 0); /* at 10 */
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(1)), 0);
	WEIR_SIM_EQ(weir_breaker_acquire(ctx, &w.b, &next, &again), WEIR_EOPEN);
	WEIR_SIM_EQ(again, WEIR_MS(3 + 10)); /* at the latest then */
	WEIR_SIM_EQ(weir_sleep(ctx, again), 0);
	WEIR_SIM_EQ(weir_breaker_acquire(ctx, &w.b, &next, &again), 0); /* nobody looked meanwhile */
	event_is(2, WEIR_BREAKER_HALF_OPEN, WEIR_BREAKER_OPEN, WEIR_MS(14));
	event_is(3, WEIR_BREAKER_OPEN, WEIR_BREAKER_HALF_OPEN, WEIR_MS(24));
	weir_breaker_report(ctx, &w.b, &lost, WEIR_OUTCOME_FAILURE);
	WEIR_SIM_EQ(w.events[4].kind, WEIR_BREAKER_LATE);
	weir_breaker_report(ctx, &w.b, &next, WEIR_OUTCOME_SUCCESS);
	event_is(5, WEIR_BREAKER_HALF_OPEN, WEIR_BREAKER_CLOSED, WEIR_MS(24));
	weir_breaker_fini(&w.b);
}

/* ---- the stage ---- */

static const weir_type number = {.name = "number", .size = sizeof(int), .align = _Alignof(int)};

/* Takes *in ms; down between 100 and 200. */
static int service(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	int rc = weir_sleep(ctx, WEIR_MS(*(const int *)in));
	int64_t now = weir_rt_now(weir_ctx_rt(ctx));
	(void)arg;
	if (rc == 0 && now >= WEIR_MS(100) && now < WEIR_MS(200))
		rc = weir_fail(err, WEIR_EUSER, "down");
	if (rc == 0)
		*(int *)out = 1;
	return rc;
}

static weir_stage *guarded(weir_ctx *ctx)
{
	weir_stage *st = weir_guard(weir_stage_new(weir_ctx_rt(ctx), &(struct weir_stage_opts){.name = "service",
											       .in = &number,
											       .out = &number,
											       .process = service}),
				    &w.b);
	WEIR_SIM_EQ(weir_stage_check(st, NULL), 0);
	return st;
}

struct client {
	weir_call *call;
	weir_ctx own;
	int index, rc;
};

static int slow_client(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct client *c = arg;
	int out;
	(void)ctx;
	c->rc = weir_call_process(&c->own, c->call, &(int){50}, &out, err);
	return 0;
}

/* Its caller is cancelled, or out of time: the trial counts for nothing, and the next one is let in at once. */
static void caller_ends_during_a_trial(weir_ctx *ctx, int64_t deadline_at, int code)
{
	struct client c = {0};
	struct weir_breaker_snapshot is;
	weir_scope s;
	int out = 0;
	until_half_open(ctx, (struct weir_breaker_opts){0});
	weir_stage *st = guarded(ctx);
	weir_scope_init(&s, ctx);
	weir_ctx_init(&c.own, ctx, deadline_at);
	WEIR_SIM_EQ(weir_call_new(&s, st, &c.call), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "slow", slow_client, &c), 0);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(5)), 0);
	weir_breaker_snapshot_get(ctx, &w.b, &is);
	WEIR_SIM_EQ(is.in_flight, deadline_at == WEIR_FOREVER);
	weir_ctx_cancel(&c.own, "enough");
	weir_sim_quiesce(ctx);
	WEIR_SIM_EQ(c.rc, code);
	weir_breaker_snapshot_get(ctx, &w.b, &is);
	WEIR_SIM_EQ(is.mode, WEIR_BREAKER_HALF_OPEN);
	WEIR_SIM_EQ(is.in_flight, 0);
	WEIR_SIM_EQ(is.ignored, 1);
	WEIR_SIM_EQ(weir_call_process(ctx, c.call, &(int){1}, &out, NULL), 0);
	weir_breaker_snapshot_get(ctx, &w.b, &is);
	WEIR_SIM_EQ(is.mode, WEIR_BREAKER_CLOSED);
	weir_call_free(&c.call);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_ctx_fini(&c.own);
	weir_stage_free(&st);
	weir_breaker_fini(&w.b);
}

EXACT(cancelled_during_a_trial)
{
	caller_ends_during_a_trial(ctx, WEIR_FOREVER, WEIR_ECANCELED);
}

EXACT(out_of_time_during_a_trial)
{
	caller_ends_during_a_trial(ctx, WEIR_MS(13), WEIR_EDEADLINE);
}

static int says_it_in_its_own_words(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)in, (void)out, (void)arg;
	int rc = weir_sleep(ctx, WEIR_MS(1));
	WEIR_SIM_ASSERT(rc < 0);
	(void)weir_fail(err, rc, NULL);
	return weir_err_wrap(err, WEIR_EUSER, 0);
}

/* The end of the caller is further down in the detail: ignored, whether the caller wants that detail or not. */
WEIR_SIM_TEST_WITH(a_wrapped_cancel_says_nothing, .allow_no_decisions = true, .schedules = 1)
{
	struct weir_breaker_snapshot is;
	weir_call *call = NULL;
	weir_err err = {0};
	weir_scope s;
	weir_ctx own;
	int out = 0;
	world_open(ctx, (struct weir_breaker_opts){.failures = 1});
	weir_stage *st = weir_guard(weir_stage_new(weir_ctx_rt(ctx),
						   &(struct weir_stage_opts){.in = &number,
									     .out = &number,
									     .process = says_it_in_its_own_words}),
				    &w.b);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_call_new(&s, st, &call), 0);
	weir_ctx_init(&own, ctx, WEIR_FOREVER);
	weir_ctx_cancel(&own, "enough");
	for (uint32_t i = 1; i <= 2; i++) {
		WEIR_SIM_EQ(weir_call_process(&own, call, &(int){1}, &out, i == 1 ? &err : NULL), WEIR_EUSER);
		weir_breaker_snapshot_get(ctx, &w.b, &is);
		WEIR_SIM_EQ(is.failures, 0);
		WEIR_SIM_EQ(is.ignored, i);
		WEIR_SIM_EQ(is.mode, WEIR_BREAKER_CLOSED);
	}
	WEIR_SIM_ASSERT(weir_err_is(&err, WEIR_ECANCELED));
	weir_err_fini(&err);
	weir_ctx_fini(&own);
	weir_call_free(&call);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_stage_free(&st);
	weir_breaker_fini(&w.b);
}

/* Who comes when it is open is told so, also if its context has ended; what is let in is the child's to judge. */
EXACT(open_whatever_becomes_of_the_caller)
{
	weir_call *call = NULL;
	weir_ctx gone;
	weir_scope s;
	struct weir_breaker_snapshot is;
	int out = 0;
	world_open(ctx, (struct weir_breaker_opts){.failures = 1});
	weir_stage *st = guarded(ctx);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_call_new(&s, st, &call), 0);
	weir_ctx_init(&gone, ctx, WEIR_FOREVER);
	weir_ctx_cancel(&gone, "enough");
	WEIR_SIM_EQ(weir_call_process(&gone, call, &(int){1}, &out, NULL), WEIR_ECANCELED);
	weir_breaker_set(ctx, &w.b, WEIR_BREAKER_OPEN);
	WEIR_SIM_EQ(weir_call_process(&gone, call, &(int){1}, &out, NULL), WEIR_EOPEN);
	weir_breaker_snapshot_get(ctx, &w.b, &is);
	WEIR_SIM_EQ(is.refused, 1);
	weir_ctx_fini(&gone);
	weir_call_free(&call);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_stage_free(&st);
	weir_breaker_fini(&w.b);
}

/* Fifty callers, one call each ms, 250 in all: caller i at i, i + 50, ... */
static int got[3]; /* 0, the service's failure, refused */

static int fifty(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct client *c = arg;
	(void)err;
	int rc = weir_sleep(ctx, WEIR_MS(c->index));
	for (int round = 0; rc == 0 && round < 5; round++) {
		weir_err why = {0};
		struct weir_err_info info;
		int64_t now = weir_rt_now(weir_ctx_rt(ctx));
		int out = 0, got_rc = weir_call_process(ctx, c->call, &(int){0}, &out, &why);
		got[got_rc == 0 ? 0 : got_rc == WEIR_EUSER ? 1 : 2]++;
		if (got_rc == WEIR_EOPEN) {
			WEIR_SIM_ASSERT(weir_err_as(&why, WEIR_EOPEN, &info));
			WEIR_SIM_EQ(info.value, (now < WEIR_MS(154) ? WEIR_MS(154) : WEIR_MS(204)) - now);
		}
		weir_err_fini(&why);
		rc = weir_sleep(ctx, WEIR_MS(50));
	}
	return rc;
}

EXACT(fifty_callers_and_exact_times)
{
	struct client clients[50];
	weir_scope s;
	world_open(ctx, (struct weir_breaker_opts){.failures = 5, .open_ns = WEIR_MS(50)});
	memset(got, 0, sizeof(got));
	weir_stage *st = guarded(ctx);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 50; i++) {
		clients[i] = (struct client){.index = i};
		WEIR_SIM_EQ(weir_call_new(&s, st, &clients[i].call), 0);
		WEIR_SIM_EQ(weir_scope_spawn(&s, "client", fifty, &clients[i]), 0);
	}
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(400)), 0);
	for (int i = 0; i < 50; i++)
		weir_call_free(&clients[i].call);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(w.n_events, 5);
	event_is(0, WEIR_BREAKER_CLOSED, WEIR_BREAKER_OPEN, WEIR_MS(104)); /* the fifth failure */
	event_is(1, WEIR_BREAKER_OPEN, WEIR_BREAKER_HALF_OPEN, WEIR_MS(154));
	event_is(2, WEIR_BREAKER_HALF_OPEN, WEIR_BREAKER_OPEN, WEIR_MS(154));
	event_is(3, WEIR_BREAKER_OPEN, WEIR_BREAKER_HALF_OPEN, WEIR_MS(204));
	event_is(4, WEIR_BREAKER_HALF_OPEN, WEIR_BREAKER_CLOSED, WEIR_MS(204));
	WEIR_SIM_EQ(got[0], 250 - 6 - 98);
	WEIR_SIM_EQ(got[1], 6);
	WEIR_SIM_EQ(got[2], 98);
	weir_stage_free(&st);
	weir_breaker_fini(&w.b);
}

int main(int argc, char **argv)
{
	int status = weir_sim_main(argc, argv);
	if (status || argc > 1 || getenv("WEIR_SIM_SCHEDULES") ||
	    getenv("WEIR_SIM_AT_MOST")) /* fewer may not see all */
		return status;
	for (int i = 0; i < SEEN; i++)
		if (!seen[i]) {
			printf("outcome %d of a race was never seen\n", i);
			return 1;
		}
	return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * The circuit breaker: the machine's options one by one, and the stage on real threads. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <weir/resilience.h>
#include <weir/weir.h>

static struct weir_breaker_state s;
static struct weir_breaker_events events;

static void make(struct weir_breaker_opts opts)
{
	ck_assert_int_eq(weir_breaker_state_init(&s, &opts, 0), 0);
}

static int call(int64_t from, int64_t to, enum weir_outcome outcome)
{
	struct weir_breaker_permit p;
	events.n = 0;
	int rc = weir_breaker_state_acquire(&s, from, &p, NULL, &events);
	weir_breaker_state_report(&s, to, &p, outcome, &events);
	return rc;
}

static struct weir_breaker_snapshot look(int64_t now)
{
	struct weir_breaker_snapshot is;
	events.n = 0;
	weir_breaker_state_look(&s, now, &is, &events);
	return is;
}

#define FAIL(at) ck_assert_int_eq(call(at, at, WEIR_OUTCOME_FAILURE), 0)
#define GOOD(at) ck_assert_int_eq(call(at, at, WEIR_OUTCOME_SUCCESS), 0)

START_TEST(the_defaults)
{
	ck_assert_int_eq(weir_breaker_state_init(&s, NULL, 0), 0);
	for (int i = 0; i < 4; i++)
		FAIL(0);
	ck_assert_int_eq(look(0).mode, WEIR_BREAKER_CLOSED);
	FAIL(7); /* the fifth */
	ck_assert_int_eq(look(7).mode, WEIR_BREAKER_OPEN);
	ck_assert_int_eq(look(7).try_again_ns, WEIR_SEC(60));
	ck_assert_int_eq(look(WEIR_SEC(60) + 6).mode, WEIR_BREAKER_OPEN);
	ck_assert_int_eq(look(WEIR_SEC(60) + 7).mode, WEIR_BREAKER_HALF_OPEN);
	GOOD(WEIR_SEC(60) + 7);
	ck_assert_int_eq(look(WEIR_SEC(60) + 7).mode, WEIR_BREAKER_CLOSED);
}
END_TEST

START_TEST(what_makes_no_sense_is_refused_with_the_reason)
{
	static const struct weir_breaker_opts wrong[] = {
		{.window_calls = 5, .window_ns = 100},
		{.failure_percent = 50},
		{.slow_ns = 5},
		{.minimum_calls = 5},
		{.window_calls = 5, .window_slices = 5},
		{.window_calls = WEIR_BREAKER_CALLS_MAX + 1},
		{.window_ns = 100, .window_slices = WEIR_BREAKER_SLICES_MAX + 1},
		{.window_ns = 5},
		{.window_ns = -1},
		{.window_calls = 5, .failure_percent = 101},
		{.window_calls = 5, .slow_percent = 50},
		{.window_calls = 5, .minimum_calls = 6},
		{.window_calls = 5, .window_failures = 6},
		{.open_ns = -1},
		{.open_growth = 99},
		{.open_ns = WEIR_SEC(2), .open_max_ns = WEIR_SEC(1)},
		{.successes = 3, .trials = 2}, /* could never close */
		{.slow_fails = true},
		{.window_calls = 5, .slow_ns = 5, .slow_fails = true, .slow_percent = 50},
		{.failures = 5, .slow_ns = 5, .minimum_calls = 1, .slow_fails = true},
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char text[256];
		weir_err err = {0};
		ck_assert_int_eq(weir_breaker_opts_check(&wrong[i], &err), WEIR_EINVAL);
		ck_assert_uint_gt(weir_err_format(&err, text, sizeof(text)), 25);
		ck_assert_int_eq(weir_breaker_state_init(&s, &wrong[i], 0), WEIR_EINVAL);
		weir_err_fini(&err);
	}
	ck_assert_int_eq(weir_breaker_opts_check(&(struct weir_breaker_opts){.successes = 3, .probes = 2}, NULL), 0);
}
END_TEST

START_TEST(open_for_longer_each_time_up_to_a_limit)
{
	static const int64_t expected[] = {10, 25, 62, 100, 100};
	int64_t now = 0;
	make((struct weir_breaker_opts){.failures = 1, .open_ns = 10, .open_growth = 250, .open_max_ns = 100});
	for (int i = 0; i < 5; i++) {
		FAIL(now);
		ck_assert_int_eq(events.at[events.n - 1].open_ns, expected[i]);
		ck_assert_int_eq(look(now).try_again_ns, expected[i]);
		ck_assert_int_eq(look(now).trips, i + 1);
		now += expected[i];
	}
	GOOD(now);
	FAIL(now); /* closed in between: as the first time */
	ck_assert_int_eq(look(now).try_again_ns, 10);
	make((struct weir_breaker_opts){
		.failures = 1, .open_ns = INT64_MAX / 2, .open_growth = 4000000000U, .open_max_ns = INT64_MAX});
	FAIL(0);
	FAIL(INT64_MAX / 2);
	ck_assert_int_eq(events.at[events.n - 1].open_ns, INT64_MAX); /* it does not overflow */
	ck_assert_int_eq(look(INT64_MAX / 2).try_again_ns, WEIR_FOREVER);
}
END_TEST

START_TEST(slow_calls)
{
	make((struct weir_breaker_opts){.window_calls = 4, .slow_ns = 10, .slow_percent = 50, .open_ns = 100});
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(call(0, 10, WEIR_OUTCOME_SUCCESS), 0); /* not slow: as long as allowed */
		ck_assert_int_eq(call(0, 11, WEIR_OUTCOME_SUCCESS), 0);
	}
	ck_assert_int_eq(look(20).mode, WEIR_BREAKER_OPEN);
	ck_assert_int_eq(call(111, 130, WEIR_OUTCOME_SUCCESS), 0); /* a slow trial has failed */
	ck_assert_int_eq(look(130).mode, WEIR_BREAKER_OPEN);
	ck_assert_int_eq(look(130).trips, 2);
}
END_TEST

/* Failures and slow calls under one limit: in a row, and as a share. */
START_TEST(slow_calls_that_fail)
{
	make((struct weir_breaker_opts){.failures = 3, .slow_ns = 10, .slow_fails = true});
	FAIL(0);
	ck_assert_int_eq(call(0, 11, WEIR_OUTCOME_SUCCESS), 0);
	ck_assert_int_eq(call(11, 22, WEIR_OUTCOME_IGNORED), 0); /* says nothing, however long it took */
	ck_assert_uint_eq(look(22).failures_in_row, 2);
	ck_assert_uint_eq(look(22).slow, 1);
	ck_assert_int_eq(call(22, 32, WEIR_OUTCOME_SUCCESS), 0); /* as long as allowed */
	ck_assert_uint_eq(look(32).failures_in_row, 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(call(32, 43, WEIR_OUTCOME_SUCCESS), 0);
	ck_assert_int_eq(look(43).mode, WEIR_BREAKER_OPEN);
	make((struct weir_breaker_opts){.window_calls = 4, .slow_ns = 10, .slow_fails = true});
	FAIL(0);
	GOOD(0);
	GOOD(0);
	ck_assert_int_eq(call(0, 11, WEIR_OUTCOME_SUCCESS), 0);
	ck_assert_int_eq(look(11).mode, WEIR_BREAKER_OPEN); /* 50 percent, of both together */
}
END_TEST

static void give(int64_t now, struct weir_breaker_opts opts)
{
	ck_assert_int_eq(weir_breaker_state_set_opts(&s, now, &opts, &events), 0);
}

START_TEST(other_options_in_each_state)
{
	struct weir_breaker_permit p, trial;
	make((struct weir_breaker_opts){.failures = 3, .open_ns = 10, .open_growth = 200});
	FAIL(0);
	FAIL(0);
	ck_assert_int_eq(weir_breaker_state_acquire(&s, 0, &p, NULL, NULL), 0);
	ck_assert_int_eq(weir_breaker_state_set_opts(&s, 1, &(struct weir_breaker_opts){.open_ns = -1}, NULL),
			 WEIR_EINVAL);
	ck_assert_uint_eq(look(1).failures_in_row, 2); /* as if nothing had been said */
	give(1, (struct weir_breaker_opts){.failures = 2, .open_ns = 20, .open_growth = 200, .open_max_ns = 70});
	ck_assert_uint_eq(look(1).failures, 0);
	weir_breaker_state_report(&s, 1, &p, WEIR_OUTCOME_FAILURE, NULL); /* its permit is good */
	ck_assert_uint_eq(look(1).failures_in_row, 1);
	FAIL(1);
	ck_assert_int_eq(look(1).try_again_ns, 20);
	give(5, (struct weir_breaker_opts){
			.failures = 9, .open_ns = 30, .open_growth = 200, .open_max_ns = 100, .successes = 2});
	ck_assert_int_eq(look(5).mode, WEIR_BREAKER_OPEN);
	ck_assert_int_eq(look(5).try_again_ns, 16); /* as it was told */
	ck_assert_int_eq(weir_breaker_state_acquire(&s, 21, &trial, NULL, NULL), 0);
	events.n = 0;
	give(22, (struct weir_breaker_opts){.open_ns = 30, .open_growth = 200, .open_max_ns = 100, .successes = 1});
	ck_assert_uint_eq(events.n, 0); /* no change of state */
	ck_assert_int_eq(look(22).mode, WEIR_BREAKER_HALF_OPEN);
	ck_assert_uint_eq(look(22).in_flight, 0);
	weir_breaker_state_report(&s, 22, &trial, WEIR_OUTCOME_SUCCESS, NULL);
	ck_assert_uint_eq(look(22).late, 1);
	FAIL(22);
	ck_assert_int_eq(look(22).try_again_ns, 60); /* the second time in a row, by the new options */
	give(22, (struct weir_breaker_opts){.open_ns = 90, .open_growth = 200, .open_max_ns = 100});
	FAIL(82);
	ck_assert_int_eq(look(82).try_again_ns, 100);
	weir_breaker_state_set(&s, 82, WEIR_BREAKER_METRICS_ONLY, NULL);
	give(82, (struct weir_breaker_opts){.window_ns = 100, .window_failures = 2});
	ck_assert_int_eq(look(82).mode, WEIR_BREAKER_METRICS_ONLY);
	FAIL(82);
	FAIL(83);
	ck_assert_int_eq(events.at[0].kind, WEIR_BREAKER_WOULD_TRIP);
	ck_assert_int_eq(weir_breaker_state_set_opts(&s, 84, NULL, NULL), 0); /* the defaults */
	weir_breaker_state_set(&s, 84, WEIR_BREAKER_CLOSED, NULL);
	for (int i = 0; i < 5; i++)
		FAIL(84);
	ck_assert_int_eq(look(84).try_again_ns, WEIR_SEC(60));
}
END_TEST

START_TEST(the_ring_forgets_the_oldest)
{
	make((struct weir_breaker_opts){.window_calls = 130, .failure_percent = 100, .slow_ns = 5});
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(call(0, i % 3 ? 0 : 9, i % 2 ? WEIR_OUTCOME_SUCCESS : WEIR_OUTCOME_FAILURE), 0);
	ck_assert_uint_eq(look(9).failures, 50);
	ck_assert_uint_eq(look(9).slow, 34);
	ck_assert_int_eq(look(9).failure_percent, -1);
	for (int i = 0; i < 130; i++)
		GOOD(9);
	ck_assert_uint_eq(look(9).failures, 0);
	ck_assert_uint_eq(look(9).slow, 0);
	ck_assert_uint_eq(look(9).successes, 130);
	ck_assert_int_eq(look(9).failure_percent, 0);
}
END_TEST

/* What time has emptied the window of is no row any more. */
START_TEST(a_row_goes_with_its_window)
{
	make((struct weir_breaker_opts){.failures = 3, .window_ns = 100, .open_ns = 10});
	FAIL(0);
	FAIL(9);
	ck_assert_uint_eq(look(9).failures_in_row, 2);
	ck_assert_uint_eq(look(250).failures, 0);
	ck_assert_uint_eq(look(250).failures_in_row, 0);
	FAIL(250);
	FAIL(250);
	ck_assert_int_eq(look(250).mode, WEIR_BREAKER_CLOSED);
	FAIL(250);
	ck_assert_int_eq(look(250).mode, WEIR_BREAKER_OPEN);
}
END_TEST

START_TEST(by_hand)
{
	make((struct weir_breaker_opts){.failures = 2, .open_ns = 10});
	weir_breaker_state_set(&s, 0, WEIR_BREAKER_FORCED_OPEN, NULL);
	ck_assert_int_eq(call(1000, 1000, WEIR_OUTCOME_SUCCESS), WEIR_EOPEN);
	weir_breaker_state_set(&s, 1000, WEIR_BREAKER_FORCED_CLOSED, NULL);
	for (int i = 0; i < 9; i++)
		FAIL(1000);
	ck_assert_uint_eq(look(1000).failures, 9);
	ck_assert_int_eq(look(1000).mode, WEIR_BREAKER_FORCED_CLOSED);
	weir_breaker_state_set(&s, 1000, WEIR_BREAKER_DISABLED, NULL);
	for (int i = 0; i < 9; i++)
		FAIL(1000);
	ck_assert_uint_eq(look(1000).failures, 0);
	weir_breaker_state_set(&s, 1000, WEIR_BREAKER_METRICS_ONLY, NULL);
	FAIL(1000);
	ck_assert_uint_eq(events.n, 0);
	FAIL(1001);
	ck_assert_uint_eq(events.n, 1);
	ck_assert_int_eq(events.at[0].kind, WEIR_BREAKER_WOULD_TRIP);
	ck_assert_uint_eq(events.at[0].failures, 2);
	ck_assert_int_eq(look(1001).mode, WEIR_BREAKER_METRICS_ONLY);
	weir_breaker_state_set(&s, 1001, WEIR_BREAKER_CLOSED, &events);
	ck_assert_int_eq(look(1001).mode, WEIR_BREAKER_CLOSED);
	ck_assert_uint_eq(look(1001).changes, 5);
	ck_assert_uint_eq(look(1001).refused, 1);
}
END_TEST

START_TEST(trials_move_the_limit_of_the_stay)
{
	struct weir_breaker_permit lost, p;
	make((struct weir_breaker_opts){.failures = 1, .open_ns = 10, .successes = 3, .probes = 2, .half_open_ns = 5});
	FAIL(0);
	ck_assert_int_eq(weir_breaker_state_acquire(&s, 10, &lost, NULL, NULL), 0);
	ck_assert_int_eq(weir_breaker_state_acquire(&s, 10, &p, NULL, NULL), 0);
	weir_breaker_state_report(&s, 14, &p, WEIR_OUTCOME_SUCCESS, NULL);
	ck_assert_int_eq(look(18).mode, WEIR_BREAKER_HALF_OPEN); /* there was news at 14 */
	ck_assert_int_eq(look(19).mode, WEIR_BREAKER_OPEN);
	ck_assert_int_eq(look(19).since, 19);
	weir_breaker_state_report(&s, 19, &lost, WEIR_OUTCOME_SUCCESS, NULL);
	ck_assert_uint_eq(look(19).late, 1);
}
END_TEST

START_TEST(modes_have_names)
{
	ck_assert_str_eq(weir_breaker_mode_name(WEIR_BREAKER_CLOSED), "closed");
	ck_assert_str_eq(weir_breaker_mode_name(WEIR_BREAKER_METRICS_ONLY), "metrics-only");
	ck_assert_str_eq(weir_breaker_mode_name((enum weir_breaker_mode)99), "?");
}
END_TEST

/* ---- the stage, on threads ---- */

static const weir_type number = {.name = "number", .size = sizeof(int), .align = _Alignof(int)};

/* Returns *in as its code. */
static int answer(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)arg;
	*(int *)out = 0;
	return *(const int *)in < 0 ? weir_fail(err, *(const int *)in, "asked for") : *(const int *)in;
}

static enum weir_outcome only_pipe(int rc, const weir_err *err, void *arg)
{
	++*(int *)arg;
	ck_assert_int_eq(err->code, rc);
	return rc == WEIR_EPIPE ? WEIR_OUTCOME_FAILURE : WEIR_OUTCOME_SUCCESS;
}

static weir_stage *service(weir_ctx *ctx)
{
	return weir_stage_new(weir_ctx_rt(ctx), &(struct weir_stage_opts){.name = "service",
									  .in = &number,
									  .out = &number,
									  .process = answer});
}

static int ask(weir_ctx *ctx, weir_call *c, int what, weir_err *err)
{
	int out;
	return weir_call_process(ctx, c, &what, &out, err);
}

static struct weir_breaker_snapshot snapshot(weir_ctx *ctx, weir_breaker *b)
{
	struct weir_breaker_snapshot is;
	weir_breaker_snapshot_get(ctx, b, &is);
	return is;
}

static int what_counts(weir_ctx *ctx, weir_err *err, void *arg)
{
	static const int not_its_fault[] = {WEIR_EFILTERED, WEIR_ENOROUTE, WEIR_EOPEN, WEIR_ELIMITED, WEIR_EOVERLOAD};
	weir_breaker b;
	weir_call *c = NULL;
	weir_scope scope;
	struct weir_err_info info;
	char text[200];
	(void)arg;
	ck_assert_int_eq(weir_breaker_init(&b, ctx, &(struct weir_breaker_opts){.name = "backend", .failures = 3}), 0);
	weir_stage *st = weir_guard(service(ctx), &b);
	ck_assert_int_eq(weir_stage_check(st, err), 0);
	weir_scope_init(&scope, ctx);
	ck_assert_int_eq(weir_call_new(&scope, st, &c), 0);
	ck_assert_int_eq(ask(ctx, c, 0, err), 0);
	for (size_t i = 0; i < 5; i++)
		ck_assert_int_eq(ask(ctx, c, not_its_fault[i], NULL), not_its_fault[i]);
	ck_assert_uint_eq(snapshot(ctx, &b).ignored, 5);
	ck_assert_int_eq(ask(ctx, c, WEIR_ECANCELED, NULL), WEIR_ECANCELED); /* the caller is alive: not its doing */
	ck_assert_int_eq(ask(ctx, c, 1, NULL), WEIR_EINVAL);
	ck_assert_uint_eq(snapshot(ctx, &b).failures_in_row, 2);
	ck_assert_int_eq(ask(ctx, c, WEIR_ETIMEOUT, NULL), WEIR_ETIMEOUT);
	ck_assert_int_eq(ask(ctx, c, 0, err), WEIR_EOPEN);
	ck_assert(weir_err_as(err, WEIR_EOPEN, &info));
	ck_assert_int_gt(info.value, WEIR_SEC(50));
	ck_assert_int_le(info.value, WEIR_SEC(60));
	ck_assert_uint_gt(weir_err_format(err, text, sizeof(text)), 0);
	ck_assert_msg(strstr(text, "backend"), "%s", text);
	weir_err_fini(err);
	weir_call_free(&c);
	ck_assert_int_eq(weir_scope_join(ctx, &scope, 0, NULL), 0);
	weir_stage_free(&st);
	weir_breaker_fini(&b);
	weir_breaker_fini(&b);
	return 0;
}

static int classify(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_breaker b;
	weir_call *c = NULL;
	weir_scope scope;
	weir_ctx gone;
	int asked = 0;
	(void)arg;
	ck_assert_int_eq(weir_breaker_init(&b, ctx,
					   &(struct weir_breaker_opts){.failures = 1,
								       .classify = only_pipe,
								       .classify_arg = &asked}),
			 0);
	weir_stage *st = weir_guard(service(ctx), &b);
	weir_scope_init(&scope, ctx);
	ck_assert_int_eq(weir_call_new(&scope, st, &c), 0);
	ck_assert_int_eq(ask(ctx, c, WEIR_EUSER, err), WEIR_EUSER);
	weir_err_fini(err);
	ck_assert_int_eq(snapshot(ctx, &b).mode, WEIR_BREAKER_CLOSED);
	ck_assert_int_eq(weir_breaker_set_opts(ctx, &b, &(struct weir_breaker_opts){.open_ns = -1}), WEIR_EINVAL);
	ck_assert_int_eq(weir_breaker_set_opts(ctx, &b, &(struct weir_breaker_opts){.failures = 1}),
			 0); /* and asks on */
	weir_ctx_init(&gone, ctx, WEIR_FOREVER);
	weir_ctx_cancel(&gone, "enough");
	ck_assert_int_eq(ask(&gone, c, WEIR_ECANCELED, err), WEIR_ECANCELED);
	weir_err_fini(err);
	ck_assert_int_eq(asked, 1); /* not asked about its caller's cancel */
	ck_assert_uint_eq(snapshot(ctx, &b).ignored, 1);
	ck_assert_int_eq(ask(&gone, c, WEIR_EPIPE, err), WEIR_EPIPE); /* an answer, whoever still wants it */
	weir_err_fini(err);
	ck_assert_int_eq(snapshot(ctx, &b).mode, WEIR_BREAKER_OPEN);
	weir_ctx_fini(&gone);
	weir_call_free(&c);
	ck_assert_int_eq(weir_scope_join(ctx, &scope, 0, NULL), 0);
	weir_stage_free(&st);
	weir_breaker_fini(&b);
	return 0;
}

static int build_wrong(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_breaker b;
	weir_bulkhead h = {0};
	(void)arg;
	ck_assert_int_eq(weir_breaker_init(&b, ctx, &(struct weir_breaker_opts){.open_ns = -1}), WEIR_EINVAL);
	weir_stage *const wrong[] = {weir_guard(service(ctx), NULL),
				     weir_guard(service(ctx), &b),
				     weir_guard(NULL, &b),
				     weir_bulkhead_stage(service(ctx), NULL),
				     weir_bulkhead_stage(service(ctx), &h),
				     weir_bulkhead_stage(NULL, &h)};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		weir_stage *st = wrong[i];
		ck_assert_int_eq(weir_stage_check(st, err), WEIR_EINVAL);
		weir_err_fini(err);
		weir_stage_free(&st);
	}
	ck_assert_int_eq(weir_bulkhead_init(&h, ctx, &(struct weir_bulkhead_opts){.max_wait_ns = -1}), WEIR_EINVAL);
	ck_assert_int_eq(weir_bulkhead_init(&h, ctx, &(struct weir_bulkhead_opts){.max_wait_ns = 1}), WEIR_EINVAL);
	weir_bulkhead_fini(&h);
	weir_breaker_fini(&b);
	return 0;
}

/* ---- many threads ---- */

enum { TASKS = 4, CALLS = 20000 };

static weir_breaker shared;

static int hammer(weir_ctx *ctx, weir_err *err, void *arg)
{
	uint64_t *tally = arg; /* successes, failures, refused */
	(void)err;
	for (unsigned i = 0; i < CALLS; i++) {
		struct weir_breaker_permit p;
		bool bad = i % 500 < 7;
		int rc = weir_breaker_acquire(ctx, &shared, &p, NULL);
		if (rc == 0)
			weir_breaker_report(ctx, &shared, &p, bad ? WEIR_OUTCOME_FAILURE : WEIR_OUTCOME_SUCCESS);
		tally[rc < 0 ? 2 : bad]++;
	}
	return 0;
}

static int under_load(weir_ctx *ctx, weir_err *err, void *arg)
{
	uint64_t tally[TASKS][3] = {0}, sum[3] = {0};
	weir_scope scope;
	(void)arg;
	/* Nothing trips it: every call is counted, in the word or in the machine. */
	ck_assert_int_eq(weir_breaker_init(&shared, ctx, &(struct weir_breaker_opts){.failures = UINT32_MAX}), 0);
	weir_scope_init(&scope, ctx);
	for (int i = 0; i < TASKS; i++)
		ck_assert_int_eq(weir_scope_spawn(&scope, "hammer", hammer, tally[i]), 0);
	ck_assert_int_eq(weir_scope_join(ctx, &scope, 0, err), 0);
	for (int i = 0; i < TASKS * 3; i++)
		sum[i % 3] += tally[i / 3][i % 3];
	struct weir_breaker_snapshot is = snapshot(ctx, &shared);
	ck_assert_uint_eq(is.successes, sum[0]);
	ck_assert_uint_eq(is.failures, sum[1]);
	ck_assert_uint_eq(sum[2], 0);
	ck_assert_uint_eq(sum[0] + sum[1], (uint64_t)TASKS * CALLS);
	weir_breaker_fini(&shared);
	return 0;
}

static int use_stage(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_call *c = NULL;
	ck_assert_int_eq(weir_call_new(weir_scope_of(ctx), arg, &c), 0);
	for (int i = 0; i < 5000; i++)
		(void)ask(ctx, c, i % 7 ? 0 : WEIR_EUSER, NULL);
	weir_call_free(&c);
	(void)err;
	return 0;
}

static weir_atomic asked_under_load;

static enum weir_outcome count_asked(int rc, const weir_err *err, void *arg)
{
	(void)rc, (void)err;
	(void)weir_atomic_add(arg, 1);
	return WEIR_OUTCOME_FAILURE;
}

/* Other options all the time, while others call: classify is asked on, and nobody is refused. */
static int options_under_load(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope scope;
	(void)arg;
	weir_atomic_init(&asked_under_load, weir_ctx_rt(ctx), 0);
	ck_assert_int_eq(weir_breaker_init(&shared, ctx,
					   &(struct weir_breaker_opts){.failures = UINT32_MAX,
								       .classify = count_asked,
								       .classify_arg = &asked_under_load}),
			 0);
	weir_stage *st = weir_guard(service(ctx), &shared);
	weir_scope_init(&scope, ctx);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(weir_scope_spawn(&scope, "caller", use_stage, st), 0);
	for (int i = 0; i < 1000; i++) {
		const struct weir_breaker_opts windowed = {.window_calls = 900, .window_failures = 900},
					       plain = {.failures = UINT32_MAX};
		ck_assert_int_eq(weir_breaker_set_opts(ctx, &shared, i % 2 ? &windowed : &plain), 0);
	}
	ck_assert_int_eq(weir_scope_join(ctx, &scope, 0, err), 0);
	ck_assert_uint_eq(weir_atomic_load(&asked_under_load), 3 * 715);
	ck_assert_uint_eq(snapshot(ctx, &shared).refused, 0);
	weir_stage_free(&st);
	weir_breaker_fini(&shared);
	weir_atomic_fini(&asked_under_load);
	return 0;
}

static weir_task_fn *const bodies[] = {what_counts, classify, build_wrong, under_load, options_under_load};

START_TEST(on_threads)
{
	weir_rt *rt = NULL;
	weir_err err = {0};
	ck_assert_int_eq(weir_rt_threads_new(NULL, &rt), 0);
	ck_assert_int_eq(weir_rt_run(rt, bodies[_i], NULL, &err), 0);
	weir_rt_free(&rt);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("breaker");
	TCase *t = tcase_create("breaker");
	tcase_add_test(t, the_defaults);
	tcase_add_test(t, what_makes_no_sense_is_refused_with_the_reason);
	tcase_add_test(t, open_for_longer_each_time_up_to_a_limit);
	tcase_add_test(t, slow_calls);
	tcase_add_test(t, slow_calls_that_fail);
	tcase_add_test(t, other_options_in_each_state);
	tcase_add_test(t, the_ring_forgets_the_oldest);
	tcase_add_test(t, a_row_goes_with_its_window);
	tcase_add_test(t, by_hand);
	tcase_add_test(t, trials_move_the_limit_of_the_stay);
	tcase_add_test(t, modes_have_names);
	tcase_add_loop_test(t, on_threads, 0, (int)(sizeof(bodies) / sizeof(bodies[0])));
	suite_add_tcase(suite, t);
	SRunner *r = srunner_create(suite);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

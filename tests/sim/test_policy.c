/* SPDX-License-Identifier: MIT
 *
 * Stages of resilience under the simulator: attempts, delays and timeouts at exact virtual times, cancels at every
 * operation, and values that are dropped exactly once.
 *
 * The child is a script: what each of its calls does, counted over all attempts. `alive` counts values: up when one is
 * made or copied, down when one is dropped; a dropped one is marked, so that a second drop, or a use after it, shows.
 * Bounds: "dfs" is every schedule, "dfsN" every schedule with at most N preemptions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/resilience.h>
#include <weir/sim.h>
#include <weir/stage.h>

#include "item.h"
#include "kit.h"

static int inside;

#define BAD (WEIR_EUSER - 1)
#define WORSE (WEIR_EUSER - 2)

/* What one call of the child does. */
struct act {
	int rc;
	int64_t ns;    /* after so long, unless its context ends */
	bool deaf;     /* ... which it does not look at */
	bool partial;  /* fails with WEIR_EPARTIAL, and leaves a value */
	int64_t value; /* of rc: weir_err_wrap */
};

struct script {
	struct act acts[8];
	uint32_t n;       /* of acts: the last one counts for all calls behind it */
	uint32_t calls;   /* so far */
	int64_t at[8];    /* when each one began */
	uint32_t retries; /* told by on_retry */
};

static int run_script(weir_ctx *ctx, const struct item *in, struct item *out, weir_err *err, void *arg)
{
	struct script *s = arg;
	uint32_t call = s->calls++;
	const struct act *act = &s->acts[call < s->n ? call : s->n - 1];
	int rc = 0;
	WEIR_SIM_EQ(in->dropped, 0);
	if (call < 8)
		s->at[call] = weir_rt_now(weir_ctx_rt(ctx));
	inside++;
	if (act->deaf) {
		weir_ctx shield;
		weir_ctx_init_shield(&shield, ctx, WEIR_SEC(3600));
		WEIR_SIM_EQ(weir_sleep(&shield, act->ns), 0);
		weir_ctx_fini(&shield);
	} else {
		rc = act->ns ? weir_sleep(ctx, act->ns) : weir_ctx_err(ctx);
	}
	inside--;
	WEIR_SIM_EQ(in->dropped, 0); /* it was borrowed all the time */
	if (rc == 0 && act->rc)
		rc = act->value ? weir_err_wrap(err, act->rc, act->value)
				: weir_fail(err, act->rc, "call %u", call + 1);
	if (rc == 0 || act->partial) {
		*out = (struct item){.id = in->id + 10 + (int)call};
		alive++;
	}
	return act->partial ? weir_fail(err, WEIR_EPARTIAL, "a part") : rc;
}
WEIR_STAGE_DECLARE(run_script, item, item);

static weir_stage *scripted(weir_ctx *ctx, struct script *s)
{
	return run_script_stage(weir_ctx_rt(ctx), s);
}

/* A scope of helpers, a stage and its call. */
struct run {
	weir_scope s;
	weir_stage *st;
	weir_call *call;
};

static void open_run(struct run *r, weir_ctx *ctx, weir_stage *st)
{
	*r = (struct run){.st = st};
	weir_scope_init(&r->s, ctx);
	r->call = call_of(&r->s, st);
}

static void close_run(struct run *r, weir_ctx *ctx)
{
	weir_call_free(&r->call);
	weir_stage_free(&r->st);
	WEIR_SIM_EQ(weir_scope_join(ctx, &r->s, 0, NULL), 0);
	WEIR_SIM_EQ(alive, 0);
}

/* Runs item 1; what is made must be `id`. */
static int process(weir_ctx *ctx, struct run *r, int id, weir_err *err)
{
	struct item in = {.id = 1}, out;
	alive++;
	int rc = weir_call_process(ctx, r->call, &in, &out, err);
	WEIR_SIM_EQ(inside, 0);
	if (rc == 0)
		WEIR_SIM_EQ(out.id, id);
	if (rc == 0 || rc == WEIR_EPARTIAL)
		item_free(&out);
	WEIR_SIM_EQ(alive, 1); /* in is still ours, and it is all there is */
	item_free(&in);
	return rc;
}

struct canceller {
	weir_ctx *ctx;
	int64_t at;
};

static int cancel_it(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct canceller *c = arg;
	(void)err;
	int rc = c->at ? weir_sleep(ctx, c->at) : 0;
	weir_ctx_cancel(c->ctx, "enough");
	return rc;
}

/* Processes under a context that is cancelled at `at` (0: at any operation). */
static int process_canceled(weir_ctx *ctx, struct run *r, int64_t at, int id, weir_err *err)
{
	weir_ctx own;
	weir_scope s;
	weir_ctx_init(&own, ctx, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	struct canceller c = {.ctx = &own, .at = at};
	WEIR_SIM_EQ(weir_scope_spawn(&s, "canceller", cancel_it, &c), 0);
	int rc = process(&own, r, id, err);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_ctx_fini(&own);
	return rc;
}

#define ALONE .allow_no_decisions = true, .schedules = 1, .no_early = true

/* ---- retry ---- */

static void count_retry(uint32_t attempt, const weir_err *failure, int64_t delay_ns, void *arg)
{
	struct script *s = arg;
	(void)delay_ns;
	WEIR_SIM_EQ(attempt, s->calls);
	WEIR_SIM_ASSERT(failure->code < 0);
	s->retries++;
}

WEIR_SIM_TEST_WITH(retry_succeeds_at_the_third_attempt, ALONE)
{
	struct script s = {.acts = {{.rc = BAD, .ns = WEIR_MS(1)}, {.rc = BAD, .ns = WEIR_MS(1)}, {.ns = WEIR_MS(1)}},
			   .n = 3};
	struct run r;
	weir_err err = {0};
	open_run(&r, ctx,
		 weir_retry(scripted(ctx, &s), &(struct weir_retry_opts){.backoff.jitter = WEIR_JITTER_NONE,
									 .base_ns = WEIR_MS(10),
									 .on_retry = count_retry,
									 .arg = &s}));
	WEIR_SIM_EQ(process(ctx, &r, 13, &err), 0);
	WEIR_SIM_EQ(err.code, 0);
	WEIR_SIM_EQ(s.retries, 2);
	WEIR_SIM_EQ(s.at[1], WEIR_MS(11)); /* 1 + 10 */
	WEIR_SIM_EQ(s.at[2], WEIR_MS(32)); /* + 1 + 20 */
	WEIR_SIM_EQ(now(ctx), WEIR_MS(33));
	close_run(&r, ctx);
}

WEIR_SIM_TEST_WITH(retry_exhausted, ALONE)
{
	for (uint32_t max = 0; max < 6; max++) {
		uint32_t attempts = max ? max : 3;
		struct script s = {.acts = {{.rc = BAD}}, .n = 1};
		struct weir_err_info info;
		char expected[60];
		weir_err err = {0};
		struct run r;
		open_run(&r, ctx, weir_retry(scripted(ctx, &s), &(struct weir_retry_opts){.max_attempts = max}));
		WEIR_SIM_EQ(process(ctx, &r, 0, NULL), WEIR_EEXHAUSTED); /* nobody looks at a detail */
		WEIR_SIM_EQ(s.calls, attempts);
		WEIR_SIM_EQ(process(ctx, &r, 0, &err), WEIR_EEXHAUSTED);
		WEIR_SIM_EQ(s.calls, 2 * attempts);
		WEIR_SIM_ASSERT(weir_err_as(&err, WEIR_EEXHAUSTED, &info));
		WEIR_SIM_EQ(info.value, attempts);
		WEIR_SIM_ASSERT(weir_err_as(&err, BAD, &info));
		WEIR_SIM_EQ(info.attempt, attempts);
		snprintf(expected, sizeof(expected), "(%u attempts): run_script attempt %u: ", attempts, attempts);
		WEIR_SIM_ASSERT(attempts == 1 || says(&err, expected));
		weir_err_fini(&err);
		close_run(&r, ctx);
	}
}

WEIR_SIM_TEST_WITH(retry_backoffs, ALONE)
{
	static const struct {
		struct weir_retry_opts opts;
		int64_t at_ms[5]; /* of each attempt */
	} rows[] = {
		{{.backoff = {.growth = WEIR_BACKOFF_CONSTANT, .jitter = WEIR_JITTER_NONE, .base_ns = WEIR_MS(10)}},
		 {0, 10, 20, 30, 40}},
		{{.backoff = {.growth = WEIR_BACKOFF_LINEAR, .jitter = WEIR_JITTER_NONE, .base_ns = WEIR_MS(10)}},
		 {0, 10, 30, 60, 100}},
		{{.backoff = {.growth = WEIR_BACKOFF_EXPONENTIAL, .jitter = WEIR_JITTER_NONE, .base_ns = WEIR_MS(10)}},
		 {0, 10, 30, 70, 150}},
		{{.backoff = {.growth = WEIR_BACKOFF_EXPONENTIAL,
			      .jitter = WEIR_JITTER_NONE,
			      .base_ns = WEIR_MS(10),
			      .max_ns = WEIR_MS(25)}},
		 {0, 10, 30, 55, 80}},
		{{.base_ns = WEIR_MS(10), .backoff.jitter = WEIR_JITTER_NONE}, {0, 10, 30, 70, 150}},
		{{0}, {0, 0, 0, 0, 0}},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct script s = {.acts = {{.rc = BAD}}, .n = 1};
		struct weir_retry_opts opts = rows[i].opts;
		struct run r;
		opts.max_attempts = 5;
		open_run(&r, ctx, weir_retry(scripted(ctx, &s), &opts));
		int64_t from = now(ctx);
		WEIR_SIM_EQ(process(ctx, &r, 0, NULL), WEIR_EEXHAUSTED);
		for (int k = 0; k < 5; k++)
			WEIR_SIM_EQ((s.at[k] - from) / WEIR_MS(1), rows[i].at_ms[k]);
		close_run(&r, ctx);
	}
}

WEIR_SIM_TEST_WITH(retry_jitter_stays_in_its_bounds, .schedules = 200, .no_early = true, .allow_no_decisions = true)
{
	static const struct {
		struct weir_retry_opts opts;
		int64_t least_ms[3], most_ms[3];
	} rows[] = {
		{{.base_ns = WEIR_MS(10)}, {0, 0, 0}, {10, 20, 40}},
		{{.base_ns = WEIR_MS(10), .backoff.jitter = WEIR_JITTER_EQUAL}, {5, 10, 20}, {10, 20, 40}},
		{{.base_ns = WEIR_MS(10), .backoff.jitter = WEIR_JITTER_DECORRELATED}, {10, 10, 10}, {30, 90, 270}},
		{{.base_ns = WEIR_MS(10), .backoff = {.jitter = WEIR_JITTER_DECORRELATED, .max_ns = WEIR_MS(50)}},
		 {10, 10, 10},
		 {30, 50, 50}},
	};
	static bool differs;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct script s = {.acts = {{.rc = BAD}}, .n = 1};
		struct weir_retry_opts opts = rows[i].opts;
		struct run r;
		opts.max_attempts = 4;
		open_run(&r, ctx, weir_retry(scripted(ctx, &s), &opts));
		WEIR_SIM_EQ(process(ctx, &r, 0, NULL), WEIR_EEXHAUSTED);
		for (int k = 0; k < 3; k++) {
			int64_t ns = s.at[k + 1] - s.at[k];
			WEIR_SIM_ASSERT(ns >= WEIR_MS(rows[i].least_ms[k]) && ns <= WEIR_MS(rows[i].most_ms[k]));
			differs |= ns != WEIR_MS(rows[i].most_ms[k]) && ns != WEIR_MS(rows[i].least_ms[k]);
		}
		close_run(&r, ctx);
	}
	WEIR_SIM_ASSERT(differs);
}

/* The thousandth delay, and one with numbers at the end of what there is. */
WEIR_SIM_TEST_WITH(retry_delays_saturate, ALONE)
{
	const struct weir_retry_opts all[] = {
		{.max_attempts = 1000,
		 .backoff = {.growth = WEIR_BACKOFF_EXPONENTIAL,
			     .jitter = WEIR_JITTER_NONE,
			     .base_ns = WEIR_SEC(1),
			     .max_ns = WEIR_SEC(2)}},
		{.max_attempts = 3,
		 .base_ns = WEIR_FOREVER / 2,
		 .backoff.jitter = WEIR_JITTER_NONE,
		 .total_ns = WEIR_SEC(1)},
	};
	const int64_t took[] = {WEIR_SEC(1 + 2 * 998), WEIR_SEC(1)};
	for (size_t i = 0; i < 2; i++) {
		struct script s = {.acts = {{.rc = BAD}}, .n = 1};
		struct run r;
		open_run(&r, ctx, weir_retry(scripted(ctx, &s), &all[i]));
		int64_t from = now(ctx);
		WEIR_SIM_EQ(process(ctx, &r, 0, NULL), WEIR_EEXHAUSTED);
		WEIR_SIM_EQ(now(ctx) - from, took[i]);
		close_run(&r, ctx);
	}
}

/* The last delay is cut to the time that is left; there is no attempt after it. */
WEIR_SIM_TEST_WITH(retry_total_time, ALONE)
{
	struct script s = {.acts = {{.rc = BAD, .ns = WEIR_MS(1)}}, .n = 1};
	struct weir_err_info info;
	weir_err err = {0};
	struct run r;
	open_run(&r, ctx,
		 weir_retry(scripted(ctx, &s), &(struct weir_retry_opts){.max_attempts = WEIR_RETRY_ENDLESS,
									 .backoff.jitter = WEIR_JITTER_NONE,
									 .base_ns = WEIR_MS(10),
									 .total_ns = WEIR_MS(50)}));
	WEIR_SIM_EQ(process(ctx, &r, 0, &err), WEIR_EEXHAUSTED);
	WEIR_SIM_EQ(s.calls, 4);
	WEIR_SIM_EQ(s.at[1], WEIR_MS(11));
	WEIR_SIM_EQ(s.at[2], WEIR_MS(32));
	WEIR_SIM_EQ(s.at[3], WEIR_MS(50)); /* not 73 */
	WEIR_SIM_EQ(now(ctx), WEIR_MS(51));
	WEIR_SIM_ASSERT(weir_err_as(&err, WEIR_EEXHAUSTED, &info));
	WEIR_SIM_EQ(info.value, 4);
	weir_err_fini(&err);
	close_run(&r, ctx);
}

static bool always(int code, const weir_err *failure, void *arg)
{
	(void)arg;
	WEIR_SIM_EQ(failure->code, code);
	return true;
}

static bool only_bad(int code, const weir_err *failure, void *arg)
{
	(void)failure, (void)arg;
	return code == BAD;
}

WEIR_SIM_TEST_WITH(retry_what_is_tried_again, ALONE)
{
	static const struct {
		int rc;
		bool again;
	} rows[] = {{BAD, true},
		    {WEIR_ETIMEOUT, true},
		    {WEIR_ENOMEM, true},
		    {WEIR_EINVAL, true},
		    {WEIR_ECANCELED, false},
		    {WEIR_EDEADLINE, false},
		    {WEIR_EOPEN, false},
		    {WEIR_EFILTERED, false},
		    {WEIR_ELIMITED, false},
		    {WEIR_EOVERLOAD, false}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int how = 0; how < 3; how++) {
			struct script s = {.acts = {{.rc = rows[i].rc}}, .n = 1};
			bool again = how == 1 || (how == 0 ? rows[i].again : rows[i].rc == BAD);
			struct run r;
			weir_err err = {0};
			open_run(&r, ctx,
				 weir_retry(scripted(ctx, &s),
					    &(struct weir_retry_opts){.retry_if = how == 0   ? NULL
										  : how == 1 ? always
											     : only_bad}));
			WEIR_SIM_EQ(process(ctx, &r, 0, &err), again ? WEIR_EEXHAUSTED : rows[i].rc);
			WEIR_SIM_EQ(s.calls, again ? 3 : 1);
			WEIR_SIM_ASSERT(weir_err_is(&err, rows[i].rc));
			WEIR_SIM_ASSERT(says(&err, again ? "run_script attempt 3" : "run_script"));
			weir_err_fini(&err);
			close_run(&r, ctx);
		}
	}
}

/* Gives up at the second attempt: its failure, with the attempt, and nothing of the first. */
WEIR_SIM_TEST_WITH(retry_gives_up, ALONE)
{
	struct script s = {.acts = {{.rc = BAD}, {.rc = WORSE}}, .n = 2};
	struct weir_err_info info;
	weir_err err = {0};
	struct run r;
	open_run(&r, ctx, weir_retry(scripted(ctx, &s), &(struct weir_retry_opts){.retry_if = only_bad}));
	WEIR_SIM_EQ(process(ctx, &r, 0, &err), WORSE);
	WEIR_SIM_ASSERT(weir_err_as(&err, WORSE, &info) && !weir_err_is(&err, BAD) &&
			!weir_err_is(&err, WEIR_EEXHAUSTED));
	WEIR_SIM_EQ(info.attempt, 2);
	weir_err_fini(&err);
	close_run(&r, ctx);
}

static bool all_of_them(int code, const weir_err *failure, void *arg)
{
	(void)code, (void)failure, (void)arg;
	return true;
}

/* A failure that says "never" is not waited for. */
WEIR_SIM_TEST_WITH(retry_never_means_never, ALONE)
{
	struct script s = {.acts = {{.rc = WEIR_ELIMITED, .value = WEIR_FOREVER}}, .n = 1};
	weir_err err = {0};
	struct run r;
	open_run(&r, ctx,
		 weir_retry(scripted(ctx, &s),
			    &(struct weir_retry_opts){.retry_if = all_of_them, .on_retry = count_retry, .arg = &s}));
	WEIR_SIM_EQ(process(ctx, &r, 0, &err), WEIR_EEXHAUSTED);
	WEIR_SIM_ASSERT(weir_err_is(&err, WEIR_ELIMITED));
	WEIR_SIM_EQ(now(ctx), 0);
	WEIR_SIM_EQ(s.calls, 1);
	WEIR_SIM_EQ(s.retries, 0);
	weir_err_fini(&err);
	close_run(&r, ctx);
}

/* The caller has left, and the child says so in other words: no retry is told of, or paid for. */
WEIR_SIM_TEST_WITH(retry_for_nobody, ALONE)
{
	struct script s = {.acts = {{.ns = WEIR_MS(10), .deaf = true, .rc = BAD}}, .n = 1};
	weir_err err = {0};
	weir_budget budget;
	struct run r;
	WEIR_SIM_EQ(weir_budget_init(&budget, weir_ctx_rt(ctx), &(struct weir_budget_opts){.share = 5}), 0);
	open_run(&r, ctx,
		 weir_retry(scripted(ctx, &s),
			    &(struct weir_retry_opts){.budget = &budget, .on_retry = count_retry, .arg = &s}));
	WEIR_SIM_EQ(process_canceled(ctx, &r, WEIR_MS(5), 0, &err), WEIR_ECANCELED);
	WEIR_SIM_ASSERT(weir_err_is(&err, BAD));
	WEIR_SIM_EQ(s.calls, 1);
	WEIR_SIM_EQ(s.retries, 0);
	WEIR_SIM_EQ((int)weir_budget_left(&budget), 5);
	weir_err_fini(&err);
	close_run(&r, ctx);
	weir_budget_fini(&budget);
}

static int not_eleven(const void *out, weir_err *err, void *arg)
{
	(void)arg;
	return ((const struct item *)out)->id == 11 ? weir_fail(err, BAD, "eleven") : 0;
}

static int none_is_good(const void *out, weir_err *err, void *arg)
{
	(void)out, (void)err, (void)arg;
	return WORSE;
}

WEIR_SIM_TEST_WITH(retry_on_a_result, ALONE)
{
	struct script s = {.acts = {{0}}, .n = 1};
	struct run r;
	weir_err err = {0};
	open_run(&r, ctx, weir_retry(scripted(ctx, &s), &(struct weir_retry_opts){.reject = not_eleven}));
	WEIR_SIM_EQ(process(ctx, &r, 12, &err), 0);
	WEIR_SIM_EQ(err.code, 0);
	close_run(&r, ctx);
	open_run(&r, ctx, weir_retry(scripted(ctx, &s), &(struct weir_retry_opts){.reject = none_is_good}));
	WEIR_SIM_EQ(process(ctx, &r, 0, &err), WEIR_EEXHAUSTED);
	WEIR_SIM_ASSERT(weir_err_is(&err, WORSE));
	weir_err_fini(&err);
	close_run(&r, ctx);
}

static int64_t by_attempt(uint32_t attempt, const weir_err *failure, int64_t delay_ns, void *arg)
{
	(void)failure, (void)arg;
	WEIR_SIM_EQ(delay_ns, WEIR_MS(attempt == 1 ? 7 : 10));
	return attempt == 1 ? WEIR_MS(5) : -1;
}

/* What the failure says is the least; the hook may say anything. */
WEIR_SIM_TEST_WITH(retry_delay_from_the_answer, ALONE)
{
	struct script s = {.acts = {{.rc = WEIR_ELIMITED, .value = WEIR_MS(30)},
				    {.rc = WEIR_EOPEN, .value = WEIR_MS(1)},
				    {0}},
			   .n = 3};
	struct weir_retry_opts opts = {.backoff.jitter = WEIR_JITTER_NONE, .base_ns = WEIR_MS(5), .retry_if = always};
	struct run r;
	open_run(&r, ctx, weir_retry(scripted(ctx, &s), &opts));
	WEIR_SIM_EQ(process(ctx, &r, 13, NULL), 0);
	WEIR_SIM_EQ(s.at[1], WEIR_MS(30));
	WEIR_SIM_EQ(s.at[2], WEIR_MS(40)); /* the backoff is more than 1 ms */
	close_run(&r, ctx);
	struct script t = {.acts = {{.rc = WEIR_EOVERLOAD, .value = WEIR_MS(7)}, {.rc = BAD}}, .n = 2};
	opts.delay = by_attempt;
	weir_err err = {0};
	struct weir_err_info info;
	int64_t from = now(ctx);
	open_run(&r, ctx, weir_retry(scripted(ctx, &t), &opts));
	WEIR_SIM_EQ(process(ctx, &r, 0, &err), WEIR_EEXHAUSTED);
	WEIR_SIM_ASSERT(weir_err_as(&err, WEIR_EEXHAUSTED, &info));
	WEIR_SIM_EQ(info.value, 2);
	WEIR_SIM_EQ(t.at[1] - from, WEIR_MS(5));
	weir_err_fini(&err);
	close_run(&r, ctx);
}

/* A part of a value: dropped before the next attempt and at the end, passed on where nothing is tried again. */
WEIR_SIM_TEST_WITH(retry_of_a_part, ALONE)
{
	for (int again = 0; again < 2; again++) {
		struct script s = {.acts = {{.partial = true}}, .n = 1};
		weir_err err = {0};
		struct run r;
		open_run(&r, ctx,
			 weir_retry(scripted(ctx, &s), &(struct weir_retry_opts){.retry_if = again ? NULL : only_bad}));
		WEIR_SIM_EQ(process(ctx, &r, 0, &err), again ? WEIR_EEXHAUSTED : WEIR_EPARTIAL);
		WEIR_SIM_EQ(weir_err_is(&err, WEIR_EINCOMPLETE), again);
		weir_err_fini(&err);
		close_run(&r, ctx);
	}
}

WEIR_SIM_TEST_WITH(retry_canceled_in_the_delay, .no_early = true, .schedules = 20)
{
	struct script s = {.acts = {{.rc = BAD}}, .n = 1};
	weir_err err = {0};
	struct run r;
	open_run(&r, ctx,
		 weir_retry(scripted(ctx, &s),
			    &(struct weir_retry_opts){.backoff.jitter = WEIR_JITTER_NONE, .base_ns = WEIR_MS(10)}));
	WEIR_SIM_EQ(process_canceled(ctx, &r, WEIR_MS(17), 0, &err), WEIR_ECANCELED);
	WEIR_SIM_EQ(now(ctx), WEIR_MS(17)); /* at once */
	WEIR_SIM_EQ(s.calls, 2);
	WEIR_SIM_ASSERT(says(&err, "WEIR_ECANCELED: run_script attempt 2: "));
	weir_err_fini(&err);
	close_run(&r, ctx);
}

WEIR_SIM_TEST_WITH(retry_canceled_in_an_attempt, .no_early = true, .schedules = 20)
{
	struct script s = {.acts = {{.rc = BAD}, {.ns = WEIR_MS(10)}}, .n = 2};
	weir_err err = {0};
	uint32_t index = 9;
	struct run r;
	open_run(&r, ctx, weir_retry(scripted(ctx, &s), NULL));
	WEIR_SIM_EQ(process_canceled(ctx, &r, WEIR_MS(4), 0, &err), WEIR_ECANCELED);
	WEIR_SIM_EQ(now(ctx), WEIR_MS(4));
	const weir_err *before = weir_err_member(&err, 0, &index);
	WEIR_SIM_ASSERT(before != NULL);
	WEIR_SIM_EQ(before->code, BAD);
	WEIR_SIM_EQ(index, 1);
	weir_err_fini(&err);
	close_run(&r, ctx);
}

WEIR_SIM_TEST_WITH(retry_under_a_deadline, ALONE)
{
	struct script s = {.acts = {{.rc = BAD}}, .n = 1};
	weir_err err = {0};
	weir_ctx own;
	struct run r;
	open_run(&r, ctx,
		 weir_retry(scripted(ctx, &s), &(struct weir_retry_opts){.backoff.jitter = WEIR_JITTER_NONE,
									 .base_ns = WEIR_MS(10),
									 .retry_if = always}));
	weir_ctx_init(&own, ctx, WEIR_MS(15));
	WEIR_SIM_EQ(process(&own, &r, 0, &err), WEIR_EDEADLINE);
	WEIR_SIM_EQ(now(ctx), WEIR_MS(15));
	WEIR_SIM_EQ(s.calls, 2);
	WEIR_SIM_ASSERT(weir_err_is(&err, BAD));
	WEIR_SIM_EQ(process(&own, &r, 0, &err), WEIR_EDEADLINE); /* ended before: one call, which says so */
	WEIR_SIM_EQ(s.calls, 3);
	weir_err_fini(&err);
	weir_ctx_fini(&own);
	close_run(&r, ctx);
}

/* A child that does not look at its context: still, no attempt begins after the end. */
WEIR_SIM_TEST_WITH(retry_of_a_deaf_child, ALONE)
{
	struct script s = {.acts = {{.rc = BAD, .deaf = true}}, .n = 1};
	weir_err err = {0};
	weir_ctx own;
	struct run r;
	open_run(&r, ctx, weir_retry(scripted(ctx, &s), NULL));
	weir_ctx_init(&own, ctx, WEIR_FOREVER);
	weir_ctx_cancel(&own, "enough");
	WEIR_SIM_EQ(process(&own, &r, 0, &err), WEIR_ECANCELED);
	WEIR_SIM_EQ(s.calls, 1);
	WEIR_SIM_ASSERT(weir_err_is(&err, BAD));
	weir_err_fini(&err);
	weir_ctx_fini(&own);
	close_run(&r, ctx);
}

static unsigned seen_retry;

WEIR_SIM_TEST_WITH(retry_canceled_anywhere, .strategy = "dfs")
{
	struct script s = {.acts = {{.rc = BAD}, {.rc = BAD}, {0}}, .n = 3};
	weir_err err = {0};
	struct run r;
	open_run(&r, ctx, weir_retry(scripted(ctx, &s), NULL));
	int rc = process_canceled(ctx, &r, 0, 13, &err);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ECANCELED);
	WEIR_SIM_EQ(err.code, rc);
	WEIR_SIM_ASSERT(rc == 0 || s.calls == 1 || weir_err_is(&err, BAD));
	seen_retry |= rc ? 1u << s.calls : 1; /* canceled in which call, or after it */
	weir_err_fini(&err);
	close_run(&r, ctx);
}

/* ---- timeout ---- */

WEIR_SIM_TEST_WITH(timeout_expired, ALONE)
{
	struct script s = {.acts = {{.ns = WEIR_MS(30)}}, .n = 1};
	struct weir_err_info info;
	weir_err err = {0};
	struct run r;
	open_run(&r, ctx, weir_timeout(scripted(ctx, &s), WEIR_MS(20)));
	WEIR_SIM_EQ(process(ctx, &r, 0, &err), WEIR_ETIMEOUT);
	WEIR_SIM_EQ(now(ctx), WEIR_MS(20));
	WEIR_SIM_ASSERT(weir_err_as(&err, WEIR_ETIMEOUT, &info));
	WEIR_SIM_EQ(info.value, WEIR_MS(20));
	WEIR_SIM_ASSERT(weir_err_is(&err, WEIR_EDEADLINE));
	weir_err_fini(&err);
	s.acts[0].ns = WEIR_MS(19);
	WEIR_SIM_EQ(process(ctx, &r, 12, &err), 0);
	close_run(&r, ctx);
}

/* Whose end it was: the caller's deadline before, at the same time, after; the caller's cancel. */
WEIR_SIM_TEST_WITH(timeout_or_the_callers_end, ALONE)
{
	static const struct {
		int64_t deadline_ms;
		int rc;
	} rows[] = {{10, WEIR_EDEADLINE}, {20, WEIR_EDEADLINE}, {21, WEIR_ETIMEOUT}};
	for (size_t i = 0; i < 3; i++) {
		struct script s = {.acts = {{.ns = WEIR_MS(30)}}, .n = 1};
		weir_ctx own;
		struct run r;
		open_run(&r, ctx, weir_timeout(scripted(ctx, &s), WEIR_MS(20)));
		weir_ctx_init(&own, ctx, now(ctx) + WEIR_MS(rows[i].deadline_ms));
		WEIR_SIM_EQ(process(&own, &r, 0, NULL), rows[i].rc);
		weir_ctx_fini(&own);
		close_run(&r, ctx);
	}
}

WEIR_SIM_TEST_WITH(timeout_late_success_and_other_failures, ALONE)
{
	struct script s = {.acts = {{.ns = WEIR_MS(30), .deaf = true},
				    {.ns = WEIR_MS(30), .deaf = true, .rc = BAD},
				    {.rc = WEIR_EDEADLINE}, /* one of its own, before the time is over */
				    {.rc = WEIR_ETIMEOUT}},
			   .n = 4};
	static const int rcs[] = {0, BAD, WEIR_EDEADLINE, WEIR_ETIMEOUT};
	struct run r;
	open_run(&r, ctx, weir_timeout(scripted(ctx, &s), WEIR_MS(20)));
	for (int i = 0; i < 4; i++)
		WEIR_SIM_EQ(process(ctx, &r, 11, NULL), rcs[i]);
	WEIR_SIM_EQ(now(ctx), WEIR_MS(60));
	close_run(&r, ctx);
}

struct watcher {
	weir_stage *st;
	struct weir_timeout_stats seen[4];
};

static int watch(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct watcher *w = arg;
	(void)err;
	for (int i = 0; i < 4; i++) {
		if (i > 0)
			WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(15)), 0);
		WEIR_SIM_EQ(weir_timeout_stats_read(ctx, w->st, &w->seen[i]), 0);
	}
	return 0;
}

WEIR_SIM_TEST_WITH(timeout_gauge_of_overdue_calls, .no_early = true, .schedules = 50)
{
	struct script s = {.acts = {{.ns = WEIR_MS(40), .deaf = true}}, .n = 1};
	struct weir_timeout_stats stats;
	weir_scope watchers;
	struct run r;
	open_run(&r, ctx,
		 weir_timeout_with(scripted(ctx, &s),
				   &(struct weir_timeout_opts){.limit_ns = WEIR_MS(20), .gauge = true}));
	struct watcher w = {.st = r.st};
	weir_scope_init(&watchers, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&watchers, "watch", watch, &w), 0);
	WEIR_SIM_EQ(process(ctx, &r, 11, NULL), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &watchers, 0, NULL), 0);
	WEIR_SIM_EQ(w.seen[1].running, 1); /* at 15 */
	WEIR_SIM_EQ(w.seen[1].overdue, 0);
	WEIR_SIM_EQ(w.seen[2].overdue, 1); /* at 30 */
	WEIR_SIM_EQ(w.seen[2].overdue_ns, WEIR_MS(10));
	WEIR_SIM_EQ(w.seen[3].running, 0); /* at 45 */
	WEIR_SIM_EQ(weir_timeout_stats_read(ctx, NULL, &stats), WEIR_EINVAL);
	close_run(&r, ctx);
}

static unsigned seen_timeout;

WEIR_SIM_TEST_WITH(timeout_against_completion_and_cancel, .strategy = "dfs", .early = 1)
{
	struct script s = {.acts = {{.ns = WEIR_MS(19 + weir_sim_choose(2, "how long it takes"))}}, .n = 1};
	struct run r;
	open_run(&r, ctx, weir_timeout(scripted(ctx, &s), WEIR_MS(20)));
	int rc = process_canceled(ctx, &r, WEIR_MS(20), 11, NULL);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ECANCELED || rc == WEIR_ETIMEOUT);
	seen_timeout |= rc == 0 ? 1 : rc == WEIR_ECANCELED ? 2 : 4;
	close_run(&r, ctx);
}

/* ---- fallback ---- */

static int another(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const struct act *act = arg;
	(void)err;
	if (act && act->ns) {
		int rc = weir_sleep(ctx, act->ns);
		if (rc < 0)
			return rc;
	}
	if (act && act->rc)
		return act->rc;
	*(struct item *)out = (struct item){.id = ((const struct item *)in)->id + 50};
	alive++;
	return act && act->partial ? WEIR_EPARTIAL : 0;
}

WEIR_SIM_TEST_WITH(fallback_to_a_value, ALONE)
{
	struct script s = {.acts = {{0},
				    {.rc = BAD},
				    {.rc = WEIR_EOPEN},
				    {.rc = WEIR_EFILTERED},
				    {.rc = WEIR_ECANCELED},
				    {.rc = WEIR_EDEADLINE},
				    {.partial = true}},
			   .n = 7};
	static const int rcs[] = {0, 0, 0, WEIR_EFILTERED, WEIR_ECANCELED, WEIR_EDEADLINE, 0},
			 ids[] = {11, 99, 99, 0, 0, 0, 99};
	struct item value = {.id = 99};
	struct run r;
	alive++;
	weir_stage *st = weir_fallback(scripted(ctx, &s), &(struct weir_fallback_opts){.value = &value});
	item_free(&value); /* the stage has its own */
	WEIR_SIM_EQ(alive, 1);
	open_run(&r, ctx, st);
	for (int i = 0; i < 7; i++) {
		weir_err err = {0};
		alive--; /* the stage's is not process's business */
		WEIR_SIM_EQ(process(ctx, &r, ids[i], &err), rcs[i]);
		WEIR_SIM_EQ(err.code, rcs[i]);
		alive++;
		weir_err_fini(&err);
	}
	close_run(&r, ctx);
}

/* What was fallen back from is no part of what fails behind it. */
WEIR_SIM_TEST_WITH(fallback_leaves_no_detail, ALONE)
{
	struct script s = {.acts = {{.rc = BAD}}, .n = 1}, behind = {.acts = {{.rc = WORSE, .value = 1}}, .n = 1};
	struct item value = {.id = 99}, in = {.id = 1}, out;
	weir_err err = {0};
	struct run r;
	alive = 2;
	open_run(&r, ctx,
		 weir_then(weir_fallback(scripted(ctx, &s), &(struct weir_fallback_opts){.value = &value}),
			   scripted(ctx, &behind)));
	WEIR_SIM_EQ(weir_call_process(ctx, r.call, &in, &out, &err), WORSE);
	WEIR_SIM_EQ(err.code, WORSE);
	WEIR_SIM_ASSERT(!weir_err_is(&err, BAD));
	weir_err_fini(&err);
	item_free(&value);
	item_free(&in);
	close_run(&r, ctx);
}

/* A function: in time, too late for its grace, failing; and the caller's end does not reach it. */
WEIR_SIM_TEST_WITH(fallback_to_a_function, ALONE)
{
	static const struct {
		struct act act;
		int rc;
		int64_t took_ms;
	} rows[] = {{{0}, 0, 0},
		    {{.ns = WEIR_MS(40)}, 0, 40},
		    {{.ns = WEIR_MS(60)}, WEIR_EDEADLINE, 50},
		    {{.rc = WORSE}, WORSE, 0},
		    {{.partial = true}, WEIR_EINCOMPLETE, 0}};
	for (size_t i = 0; i < 5; i++) {
		struct script s = {.acts = {{.rc = BAD, .ns = WEIR_MS(5), .deaf = true}}, .n = 1};
		struct act act = rows[i].act;
		weir_err err = {0};
		weir_ctx own;
		struct run r;
		open_run(&r, ctx,
			 weir_fallback(scripted(ctx, &s), &(struct weir_fallback_opts){.fn = another,
										       .arg = &act,
										       .grace_ns = WEIR_MS(50)}));
		int64_t from = now(ctx);
		weir_ctx_init(&own, ctx, from + WEIR_MS(1));
		WEIR_SIM_EQ(process(&own, &r, 51, &err), rows[i].rc ? BAD : 0);
		WEIR_SIM_EQ(now(ctx) - from, WEIR_MS(5 + rows[i].took_ms));
		const weir_err *member = weir_err_member(&err, 0, NULL);
		WEIR_SIM_EQ(member ? member->code : 0, rows[i].rc);
		weir_err_fini(&err);
		weir_ctx_fini(&own);
		close_run(&r, ctx);
	}
}

WEIR_SIM_TEST_WITH(fallback_when, ALONE)
{
	struct script s = {.acts = {{.rc = BAD}, {.rc = WORSE}}, .n = 2};
	struct run r;
	open_run(&r, ctx,
		 weir_fallback(scripted(ctx, &s), &(struct weir_fallback_opts){.fn = another, .when = only_bad}));
	WEIR_SIM_EQ(process(ctx, &r, 51, NULL), 0);
	WEIR_SIM_EQ(process(ctx, &r, 51, NULL), WORSE);
	close_run(&r, ctx);
}

/* Says one thing, and returns another: what is returned counts. */
static int of_two_minds(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)in, (void)out, (void)arg;
	(void)weir_fail(err, BAD, "one thing");
	return WORSE;
}

WEIR_SIM_TEST_WITH(fallback_whose_detail_is_of_another_code, ALONE)
{
	struct script s = {.acts = {{.rc = BAD}}, .n = 1};
	weir_err err = {0};
	struct run r;
	open_run(&r, ctx, weir_fallback(scripted(ctx, &s), &(struct weir_fallback_opts){.fn = of_two_minds}));
	WEIR_SIM_EQ(process(ctx, &r, 0, &err), BAD);
	const weir_err *member = weir_err_member(&err, 0, NULL);
	WEIR_SIM_ASSERT(member && member->code == WORSE && weir_err_is(member, BAD));
	weir_err_fini(&err);
	close_run(&r, ctx);
}

/* A copy that returns a positive number has made nothing, and is no answer. */
static int copies_left;

static int copy_oddly(const void *from, void *to, void *arg)
{
	(void)arg;
	return copies_left-- > 0 ? item_dup(from, to) : 1;
}

WEIR_SIM_TEST_WITH(fallback_to_a_value_whose_copy_is_odd, ALONE)
{
	struct script s = {.acts = {{.rc = BAD}}, .n = 1};
	struct item value = {.id = 99}, in = {.id = 1}, out;
	weir_type odd = *item_type();
	weir_err err = {0};
	struct run r;
	odd.copy = copy_oddly;
	copies_left = 1; /* the stage's own */
	weir_stage *child = weir_stage_new(weir_ctx_rt(ctx), &(struct weir_stage_opts){.in = item_type(),
										       .out = &odd,
										       .process = run_script_handler,
										       .arg = &s});
	open_run(&r, ctx, weir_fallback(child, &(struct weir_fallback_opts){.value = &value}));
	WEIR_SIM_EQ(weir_call_process(ctx, r.call, &in, &out, &err), BAD);
	const weir_err *member = weir_err_member(&err, 0, NULL);
	WEIR_SIM_EQ(member ? member->code : 0, WEIR_EINVAL);
	weir_err_fini(&err);
	close_run(&r, ctx);
}

/* ---- dead letter ---- */

struct grave {
	uint32_t told;
	int code;
	uint64_t attempts;
	int64_t first_at, last_at;
	int id;
	struct act act;
};

static int bury(weir_ctx *ctx, const struct weir_dead *dead, weir_err *err, void *arg)
{
	struct grave *g = arg;
	g->told++;
	g->code = dead->code;
	g->attempts = dead->attempts;
	g->first_at = dead->first_at;
	g->last_at = dead->last_at;
	g->id = ((const struct item *)dead->item)->id;
	WEIR_SIM_EQ(dead->err->code, dead->code);
	WEIR_SIM_EQ(dead->last_utc - dead->first_utc, dead->last_at - dead->first_at);
	WEIR_SIM_EQ(dead->type->size, sizeof(struct item));
	WEIR_SIM_ASSERT(dead->stage != NULL);
	if (g->act.ns) {
		int rc = weir_sleep(ctx, g->act.ns);
		if (rc < 0)
			return rc;
	}
	return g->act.rc ? weir_fail(err, g->act.rc, "no grave") : 0;
}

WEIR_SIM_TEST_WITH(dead_letter_of_a_retry, ALONE)
{
	struct script s = {.acts = {{.rc = BAD, .ns = WEIR_MS(1)}}, .n = 1};
	struct grave g = {0};
	struct run r;
	weir_stage *retry = weir_retry(scripted(ctx, &s), &(struct weir_retry_opts){.backoff.jitter = WEIR_JITTER_NONE,
										    .base_ns = WEIR_MS(10)});
	open_run(&r, ctx, weir_dead_letter(retry, bury, &g));
	WEIR_SIM_EQ(process(ctx, &r, 0, NULL), WEIR_EEXHAUSTED);
	WEIR_SIM_EQ(g.told, 1);
	WEIR_SIM_EQ(g.code, WEIR_EEXHAUSTED);
	WEIR_SIM_EQ(g.attempts, 3);
	WEIR_SIM_EQ(g.first_at, 0);
	WEIR_SIM_EQ(g.last_at, WEIR_MS(33));
	WEIR_SIM_EQ(g.id, 1);
	close_run(&r, ctx);
}

WEIR_SIM_TEST_WITH(dead_letter_by_default, ALONE)
{
	static const struct {
		int rc;
		bool told;
	} rows[] = {{0, false},
		    {BAD, true},
		    {WEIR_ETIMEOUT, true},
		    {WEIR_ELIMITED, true},
		    {WEIR_ECANCELED, false},
		    {WEIR_EDEADLINE, false},
		    {WEIR_EOPEN, false},
		    {WEIR_EFILTERED, false},
		    {WEIR_ENOROUTE, false}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct script s = {.acts = {{.rc = rows[i].rc}}, .n = 1};
		struct grave g = {0};
		struct run r;
		open_run(&r, ctx, weir_dead_letter(scripted(ctx, &s), bury, &g));
		WEIR_SIM_EQ(process(ctx, &r, 11, NULL), rows[i].rc);
		WEIR_SIM_EQ(g.told, rows[i].told);
		close_run(&r, ctx);
		s.calls = g.told = 0;
		open_run(&r, ctx,
			 weir_dead_letter_with(scripted(ctx, &s),
					       &(struct weir_dead_opts){.fn = bury, .arg = &g, .when = always}));
		WEIR_SIM_EQ(process(ctx, &r, 11, NULL), rows[i].rc);
		WEIR_SIM_EQ(g.told, rows[i].rc != 0);
		close_run(&r, ctx);
	}
}

/* The failure stays the child's; the handler's is a member. It has its grace although the caller has no time left. */
WEIR_SIM_TEST_WITH(dead_letter_handler_fails_or_is_slow, ALONE)
{
	static const struct {
		struct act act;
		int rc;
		int64_t took_ms;
	} rows[] = {{{.rc = WORSE}, WORSE, 0},
		    {{.ns = WEIR_MS(30)}, 0, 30},
		    {{.ns = WEIR_MS(60)}, WEIR_EDEADLINE, 50},
		    {{.rc = 1}, WEIR_EINVAL, 0}};
	for (size_t i = 0; i < 4; i++) {
		struct script s = {.acts = {{.rc = BAD, .ns = WEIR_MS(5), .deaf = true}}, .n = 1};
		struct grave g = {.act = rows[i].act};
		weir_err err = {0};
		weir_ctx own;
		struct run r;
		open_run(&r, ctx,
			 weir_dead_letter_with(scripted(ctx, &s), &(struct weir_dead_opts){.fn = bury,
											   .arg = &g,
											   .grace_ns = WEIR_MS(50)}));
		int64_t from = now(ctx);
		weir_ctx_init(&own, ctx, from + WEIR_MS(1));
		WEIR_SIM_EQ(process(&own, &r, 0, &err), BAD);
		WEIR_SIM_EQ(g.told, 1);
		WEIR_SIM_EQ(now(ctx) - from, WEIR_MS(5 + rows[i].took_ms));
		const weir_err *member = weir_err_member(&err, 0, NULL);
		WEIR_SIM_EQ(member ? member->code : 0, rows[i].rc);
		WEIR_SIM_ASSERT(!member || says(&err, "dead_letter"));
		weir_err_fini(&err);
		weir_ctx_fini(&own);
		close_run(&r, ctx);
	}
}

/* ---- hedge ---- */

static unsigned seen_hedge;

static bool never(uint32_t started, void *arg)
{
	(void)started, (void)arg;
	return false;
}

static bool is_worse(int code, const weir_err *failure, void *arg)
{
	(void)failure, (void)arg;
	return code == WORSE;
}

static int64_t push(int code, const weir_err *failure, void *arg)
{
	(void)failure, (void)arg;
	return code == BAD ? WEIR_MS(7) : -1;
}

/* Exact times of attempts and of the end. */
WEIR_SIM_TEST_WITH(hedge_times, .no_early = true, .schedules = 200)
{
	static const struct {
		struct weir_hedge_opts opts;
		struct act acts[4];
		uint32_t calls;
		int64_t at_ms[4], end_ms;
		int rc, id;
	} rows[] = {
		/* the first is quick enough: there is no second */
		{{.delay_ns = WEIR_MS(10)}, {{.ns = WEIR_MS(9)}}, 1, {0}, 9, 0, 11},
		/* the second is quicker */
		{{.delay_ns = WEIR_MS(10)}, {{.ns = WEIR_MS(50)}, {.ns = WEIR_MS(5)}}, 2, {0, 10}, 15, 0, 12},
		/* the first comes in after all */
		{{.delay_ns = WEIR_MS(10)}, {{.ns = WEIR_MS(12)}, {.ns = WEIR_MS(50)}}, 2, {0, 10}, 12, 0, 11},
		/* a failure lets the next begin at once, and the delay begins anew */
		{{.delay_ns = WEIR_MS(10), .max_attempts = 3},
		 {{.rc = BAD, .ns = WEIR_MS(4)}, {.ns = WEIR_MS(50)}, {.ns = WEIR_MS(1)}},
		 3,
		 {0, 4, 14},
		 15,
		 0,
		 13},
		/* all fail */
		{{.delay_ns = WEIR_MS(10), .max_attempts = 3},
		 {{.rc = BAD}, {.rc = WORSE}, {.rc = BAD, .ns = WEIR_MS(1)}},
		 3,
		 {0, 0, 0},
		 1,
		 WEIR_EEXHAUSTED,
		 0},
		/* one fails for good */
		{{.delay_ns = WEIR_MS(10), .fatal = is_worse},
		 {{.ns = WEIR_MS(50)}, {.rc = WORSE, .ns = WEIR_MS(3)}},
		 2,
		 {0, 10},
		 13,
		 WORSE,
		 0},
		/* ... and a success that comes after it is none */
		{{.delay_ns = WEIR_MS(10), .fatal = is_worse},
		 {{.ns = WEIR_MS(20), .deaf = true}, {.rc = WORSE, .ns = WEIR_MS(3)}},
		 2,
		 {0, 10},
		 20,
		 WORSE,
		 0},
		/* all at once */
		{{.delay_ns = WEIR_HEDGE_AT_ONCE, .max_attempts = 3},
		 {{.ns = WEIR_MS(30)}, {.ns = WEIR_MS(30)}, {.ns = WEIR_MS(30)}},
		 3,
		 {0, 0, 0},
		 30,
		 0,
		 -1},
		/* only after a failure */
		{{.delay_ns = WEIR_FOREVER},
		 {{.rc = BAD, .ns = WEIR_MS(20)}, {.ns = WEIR_MS(1)}},
		 2,
		 {0, 20},
		 21,
		 0,
		 12},
		/* the budget stops new ones alone */
		{{.delay_ns = WEIR_MS(10), .allow = never}, {{.ns = WEIR_MS(50)}}, 1, {0}, 50, 0, 11},
		{{.delay_ns = WEIR_MS(10), .allow = never},
		 {{.rc = BAD, .ns = WEIR_MS(20)}},
		 1,
		 {0},
		 20,
		 WEIR_EEXHAUSTED,
		 0},
		/* the answer says later, or never */
		{{.delay_ns = WEIR_MS(10), .pushback = push},
		 {{.rc = BAD, .ns = WEIR_MS(4)}, {.ns = WEIR_MS(1)}},
		 2,
		 {0, 11},
		 12,
		 0,
		 12},
		{{.delay_ns = WEIR_MS(10), .pushback = push},
		 {{.rc = WORSE, .ns = WEIR_MS(4)}},
		 1,
		 {0},
		 4,
		 WEIR_EEXHAUSTED,
		 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct script s = {.n = 4};
		struct run r;
		weir_err err = {0};
		struct weir_err_info info;
		memcpy(s.acts, rows[i].acts, sizeof(rows[i].acts));
		weir_sim_note("row %zu", i);
		open_run(&r, ctx, weir_hedge(scripted(ctx, &s), &rows[i].opts));
		int64_t from = now(ctx);
		struct item in = {.id = 1}, out;
		alive++;
		int rc = weir_call_process(ctx, r.call, &in, &out, &err);
		WEIR_SIM_EQ(rc, rows[i].rc);
		WEIR_SIM_EQ(inside, 0);
		if (rc == 0) {
			WEIR_SIM_ASSERT(rows[i].id < 0 || out.id == rows[i].id);
			item_free(&out);
		}
		item_free(&in);
		WEIR_SIM_EQ(alive, 0);
		WEIR_SIM_EQ(now(ctx) - from, WEIR_MS(rows[i].end_ms));
		WEIR_SIM_EQ(s.calls, rows[i].calls);
		for (uint32_t k = 0; k < s.calls; k++)
			WEIR_SIM_EQ(s.at[k] - from, WEIR_MS(rows[i].at_ms[k]));
		if (rc == WEIR_EEXHAUSTED) {
			WEIR_SIM_ASSERT(weir_err_as(&err, WEIR_EEXHAUSTED, &info));
			WEIR_SIM_EQ(info.value, rows[i].calls);
			for (uint32_t k = 0; k < s.calls; k++)
				WEIR_SIM_EQ(weir_err_member(&err, k, NULL)->code, s.acts[k].rc);
		}
		weir_err_fini(&err);
		close_run(&r, ctx);
	}
}

WEIR_SIM_TEST_WITH(hedge_canceled_anywhere, .strategy = "dfs2")
{
	struct script s = {.acts = {{.rc = BAD}, {0}}, .n = 2};
	struct run r;
	weir_err err = {0};
	open_run(&r, ctx, weir_hedge(scripted(ctx, &s), NULL));
	int rc = process_canceled(ctx, &r, 0, 12, &err);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ECANCELED);
	WEIR_SIM_EQ(err.code, rc);
	seen_hedge |= rc ? 1u << s.calls : 8;
	weir_err_fini(&err);
	close_run(&r, ctx);
}

/* The end of the caller's context is no failure of the attempts, whatever the user calls fatal. */
WEIR_SIM_TEST_WITH(hedge_canceled_while_both_run, .no_early = true, .schedules = 50)
{
	struct script s = {.acts = {{.ns = WEIR_MS(10)}}, .n = 1};
	struct run r;
	open_run(&r, ctx,
		 weir_hedge(scripted(ctx, &s),
			    &(struct weir_hedge_opts){.delay_ns = WEIR_HEDGE_AT_ONCE, .fatal = is_worse}));
	WEIR_SIM_EQ(process_canceled(ctx, &r, WEIR_MS(5), 0, NULL), WEIR_ECANCELED);
	WEIR_SIM_EQ(s.calls, 2);
	WEIR_SIM_EQ(now(ctx), WEIR_MS(5));
	close_run(&r, ctx);
}

static int pass_second(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	struct script *s = arg;
	(void)ctx, (void)err;
	if (++s->calls == 1)
		return BAD;
	memcpy(out, in, sizeof(struct item));
	return 0;
}

/* A child that takes is given copies: one is dropped with the failure, the other moves; the value stays ours. */
WEIR_SIM_TEST_WITH(hedge_of_a_stage_that_takes, .no_early = true, .schedules = 50)
{
	struct script s = {.calls = 0};
	struct run r;
	open_run(&r, ctx,
		 weir_hedge(weir_stage_new(weir_ctx_rt(ctx), &(struct weir_stage_opts){.in = item_type(),
										       .out = item_type(),
										       .process = pass_second,
										       .arg = &s,
										       .takes = true}),
			    NULL));
	WEIR_SIM_ASSERT(!weir_stage_takes(r.st));
	WEIR_SIM_EQ(process(ctx, &r, 1, NULL), 0);
	close_run(&r, ctx);
}

/* Two answers at the same time: one of them, and the other is dropped. */
WEIR_SIM_TEST_WITH(hedge_both_answer, .strategy = "dfs2")
{
	struct script s = {.acts = {{.ns = WEIR_MS(1), .deaf = true}}, .n = 1};
	struct run r;
	struct item in = {.id = 1}, out;
	open_run(&r, ctx, weir_hedge(scripted(ctx, &s), &(struct weir_hedge_opts){.delay_ns = WEIR_HEDGE_AT_ONCE}));
	alive++;
	WEIR_SIM_EQ(weir_call_process(ctx, r.call, &in, &out, NULL), 0);
	WEIR_SIM_ASSERT(out.id == 11 || out.id == 12);
	seen_hedge |= out.id == 11 ? 16 : 32;
	WEIR_SIM_EQ(alive, 2);
	item_free(&out);
	item_free(&in);
	close_run(&r, ctx);
}

/* ---- budgets, shared by retries and hedges ---- */

/* Each call earns a retry, or a hedge: there is one, and no more. */
WEIR_SIM_TEST_WITH(calls_earn_what_they_use, .no_early = true, .schedules = 20)
{
	struct script s = {.acts = {{.rc = BAD}}, .n = 1};
	weir_budget budget;
	struct run r;
	WEIR_SIM_EQ(weir_budget_init(&budget, weir_ctx_rt(ctx), &(struct weir_budget_opts){.share = 1}), 0);
	open_run(&r, ctx,
		 weir_retry(scripted(ctx, &s), &(struct weir_retry_opts){.max_attempts = 9, .budget = &budget}));
	WEIR_SIM_EQ(process(ctx, &r, 0, NULL), WEIR_EEXHAUSTED);
	WEIR_SIM_EQ(s.calls, 2);
	close_run(&r, ctx);
	open_run(&r, ctx,
		 weir_hedge(scripted(ctx, &s), &(struct weir_hedge_opts){.max_attempts = 5, .budget = &budget}));
	WEIR_SIM_EQ(process(ctx, &r, 0, NULL), WEIR_EEXHAUSTED);
	WEIR_SIM_EQ(s.calls, 4);
	close_run(&r, ctx);
	weir_budget_fini(&budget);
}

/* An attempt that its caller cancels says nothing about the service: nobody pays for it. */
WEIR_SIM_TEST_WITH(a_cancel_is_not_paid_for, .no_early = true, .schedules = 20)
{
	struct script s = {.acts = {{.ns = WEIR_MS(10)}}, .n = 1};
	weir_budget budget;
	struct run r;
	WEIR_SIM_EQ(weir_budget_init(&budget, weir_ctx_rt(ctx),
				     &(struct weir_budget_opts){.kind = WEIR_BUDGET_TOKENS, .tokens = 4, .ratio = 1}),
		    0);
	open_run(&r, ctx, weir_retry(scripted(ctx, &s), &(struct weir_retry_opts){.budget = &budget}));
	WEIR_SIM_EQ(process_canceled(ctx, &r, WEIR_MS(5), 0, NULL), WEIR_ECANCELED);
	WEIR_SIM_EQ((int)weir_budget_left(&budget), 4);
	close_run(&r, ctx);
	open_run(&r, ctx,
		 weir_hedge(scripted(ctx, &s),
			    &(struct weir_hedge_opts){.delay_ns = WEIR_HEDGE_AT_ONCE, .budget = &budget}));
	WEIR_SIM_EQ(process_canceled(ctx, &r, WEIR_MS(5), 0, NULL), WEIR_ECANCELED);
	WEIR_SIM_EQ(s.calls, 3);
	WEIR_SIM_EQ((int)weir_budget_left(&budget), 4); /* of both */
	close_run(&r, ctx);
	weir_budget_fini(&budget);
}

WEIR_SIM_TEST_WITH(retries_and_hedges_share_a_budget, .no_early = true, .schedules = 20)
{
	struct script s = {.acts = {{.rc = BAD}}, .n = 1};
	struct weir_err_info info;
	weir_budget budget;
	weir_err err = {0};
	struct run r;
	/* four tokens, and more than two are needed: one failure leaves three, the second two */
	WEIR_SIM_EQ(weir_budget_init(&budget, weir_ctx_rt(ctx),
				     &(struct weir_budget_opts){.kind = WEIR_BUDGET_TOKENS, .tokens = 4, .ratio = 1}),
		    0);
	open_run(&r, ctx,
		 weir_retry(scripted(ctx, &s), &(struct weir_retry_opts){.max_attempts = 9, .budget = &budget}));
	WEIR_SIM_EQ(process(ctx, &r, 0, &err), WEIR_EEXHAUSTED);
	WEIR_SIM_ASSERT(weir_err_as(&err, WEIR_EEXHAUSTED, &info));
	WEIR_SIM_EQ(info.value, 2);
	WEIR_SIM_EQ(s.calls, 2);
	weir_err_fini(&err);
	close_run(&r, ctx);
	struct script slow = {.acts = {{.ns = WEIR_SEC(5)}, {0}}, .n = 2};
	struct weir_hedge_opts opts = {.budget = &budget};
	open_run(&r, ctx, weir_hedge(scripted(ctx, &slow), &opts));
	WEIR_SIM_EQ(process(ctx, &r, 11, NULL), 0); /* no hedge, and the one that runs goes on */
	WEIR_SIM_EQ(now(ctx), WEIR_SEC(5));
	slow.calls = 0; /* its success has earned one */
	WEIR_SIM_EQ(process(ctx, &r, 12, NULL), 0);
	WEIR_SIM_EQ(now(ctx), WEIR_SEC(6));
	close_run(&r, ctx);
	weir_budget_fini(&budget);
}

/* A child that returns a positive number has failed, for a budget too. */
static int odd_code(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)in, (void)out, (void)err, (void)arg;
	return 1;
}

WEIR_SIM_TEST_WITH(a_positive_code_earns_no_retry, .no_early = true, .schedules = 20)
{
	for (int hedged = 0; hedged < 2; hedged++) {
		const struct weir_stage_opts o = {.in = item_type(), .out = item_type(), .process = odd_code};
		weir_stage *child = weir_stage_new(weir_ctx_rt(ctx), &o);
		weir_budget budget;
		weir_err err = {0};
		struct run r;
		WEIR_SIM_EQ(weir_budget_init(
				    &budget, weir_ctx_rt(ctx),
				    &(struct weir_budget_opts){.kind = WEIR_BUDGET_TOKENS, .tokens = 10, .ratio = 1}),
			    0);
		open_run(&r, ctx,
			 hedged ? weir_hedge(child, &(struct weir_hedge_opts){.budget = &budget})
				: weir_retry(child, &(struct weir_retry_opts){.max_attempts = 2, .budget = &budget}));
		WEIR_SIM_EQ(process(ctx, &r, 0, &err), WEIR_EEXHAUSTED);
		WEIR_SIM_ASSERT(weir_err_is(&err, WEIR_EINVAL) && says(&err, "returned 1"));
		WEIR_SIM_EQ((int)weir_budget_left(&budget), 10 - 2);
		weir_err_fini(&err);
		close_run(&r, ctx);
		weir_budget_fini(&budget);
	}
}

/* Attempts of a call that always fails: one hedge within each attempt of a retry, or the other way round. */
static uint32_t attempts_with(weir_ctx *ctx, struct weir_budget_opts as, bool hedge_within, double *left)
{
	struct script s = {.acts = {{.rc = BAD}}, .n = 1};
	weir_budget budget;
	struct run r;
	WEIR_SIM_EQ(weir_budget_init(&budget, weir_ctx_rt(ctx), &as), 0);
	const struct weir_retry_opts retry = {.budget = &budget};
	const struct weir_hedge_opts hedge = {.budget = &budget, .delay_ns = WEIR_FOREVER, .fatal = is_worse};
	weir_stage *child = scripted(ctx, &s);
	child = hedge_within ? weir_hedge(child, &hedge) : weir_retry(child, &retry);
	child = weir_timeout(child, WEIR_SEC(9)); /* whatever lies between */
	open_run(&r, ctx, hedge_within ? weir_retry(child, &retry) : weir_hedge(child, &hedge));
	WEIR_SIM_EQ(process(ctx, &r, 0, NULL), WEIR_EEXHAUSTED);
	*left = weir_budget_left(&budget);
	close_run(&r, ctx);
	weir_budget_fini(&budget);
	return s.calls;
}

/* One budget within each other: what the caller asks for is one call, and what the child does is one result each. */
WEIR_SIM_TEST_WITH(a_retry_of_hedges_with_one_budget, .no_early = true, .schedules = 20)
{
	double left;
	for (int within = 0; within < 2; within++) {
		WEIR_SIM_EQ(attempts_with(ctx, (struct weir_budget_opts){.share = 2}, within, &left), 3);
		WEIR_SIM_ASSERT(left == 0);
		/* 20 tokens, more than 10 are needed: six attempts leave 14 */
		const struct weir_budget_opts tokens = {.kind = WEIR_BUDGET_TOKENS, .tokens = 20};
		WEIR_SIM_EQ(attempts_with(ctx, tokens, within, &left), 6);
		WEIR_SIM_ASSERT(left == 14);
	}
}

enum shape { BEHIND_IT, BESIDE_IT, OUT_OF_TIME, WITHIN_A_HEDGE, DETACHED, ABANDONED };

/* Something that has the budget too, and what fails is not in it; but for DETACHED, where it is. */
static weir_stage *with_another(weir_ctx *ctx, weir_scope *outer, enum shape shape, struct script *s,
				weir_budget *budget)
{
	const struct weir_retry_opts retry = {.budget = budget};
	const struct weir_hedge_opts hedge = {.budget = budget, .delay_ns = WEIR_FOREVER};
	const struct weir_timeout_detach_opts detach = {.limit_ns = WEIR_SEC(2), .outer = outer};
	weir_stage *inner = scripted(ctx, &s[0]), *two[2];
	inner = shape == WITHIN_A_HEDGE ? weir_retry(inner, &retry) : weir_hedge(inner, &hedge);
	if (shape == OUT_OF_TIME)
		return weir_retry(weir_timeout(inner, WEIR_SEC(2)), &retry);
	if (shape == DETACHED || shape == ABANDONED)
		return weir_retry(weir_timeout_detach(inner, &detach), &retry);
	two[0] = inner;
	two[1] = scripted(ctx, &s[1]);
	if (shape == BESIDE_IT)
		return weir_retry(weir_fan_out(two, 2, 2), &retry);
	return shape == BEHIND_IT ? weir_retry(weir_chain(two, 2), &retry) : weir_hedge(weir_chain(two, 2), &hedge);
}

/* What is left of 20 tokens, in tenths, when it has failed with code. */
static int left_of(weir_ctx *ctx, enum shape shape, int code)
{
	const struct weir_budget_opts tokens = {.kind = WEIR_BUDGET_TOKENS, .tokens = 20};
	struct script s[2] = {{.acts = {{0}}, .n = 1}, {.acts = {{.ns = WEIR_MS(1), .rc = BAD}}, .n = 1}};
	struct item in = {.id = 1};
	union {
		struct item one;
		weir_array of_them; /* of the fan_out */
	} out;
	weir_budget budget;
	weir_scope outer;
	struct run r;
	alive++;
	if (shape == OUT_OF_TIME || shape == ABANDONED)
		s[0].acts[0].ns = WEIR_SEC(9);
	if (shape == DETACHED)
		s[0].acts[0].rc = BAD;
	weir_scope_init(&outer, ctx);
	WEIR_SIM_EQ(weir_budget_init(&budget, weir_ctx_rt(ctx), &tokens), 0);
	open_run(&r, ctx, with_another(ctx, &outer, shape, s, &budget));
	WEIR_SIM_EQ(weir_call_process(ctx, r.call, &in, &out, NULL), code); /* an abandoned one may be there yet */
	item_free(&in);
	int left = (int)(weir_budget_left(&budget) * 10 + 0.5);
	weir_call_free(&r.call);
	WEIR_SIM_EQ(weir_scope_join(ctx, &outer, 0, NULL), 0);
	close_run(&r, ctx);
	weir_budget_fini(&budget);
	return left;
}

/* One budget within another: each failure is told once, by the inner one or, where that cannot see it, the outer one.
 * (A success of the inner one is told too. The default share of a token that one earns is a tenth.) */
WEIR_SIM_TEST_WITH(what_the_inner_one_does_not_see_is_told, .no_early = true, .schedules = 40)
{
	WEIR_SIM_EQ(left_of(ctx, BEHIND_IT, WEIR_EEXHAUSTED), 172);
	WEIR_SIM_EQ(left_of(ctx, BESIDE_IT, WEIR_EEXHAUSTED), 172);
	WEIR_SIM_EQ(left_of(ctx, OUT_OF_TIME, WEIR_EEXHAUSTED), 170);
	WEIR_SIM_EQ(left_of(ctx, WITHIN_A_HEDGE, WEIR_EEXHAUSTED), 181);
	WEIR_SIM_EQ(left_of(ctx, DETACHED, WEIR_EEXHAUSTED), 140);
	WEIR_SIM_EQ(left_of(ctx, ABANDONED, WEIR_EEXHAUSTED), 170);
}

/* ---- limiter ---- */

WEIR_SIM_TEST_WITH(limiter_paces, ALONE)
{
	struct script s = {.acts = {{0}}, .n = 1};
	struct weir_err_info info;
	weir_bucket bucket;
	weir_err err = {0};
	struct run r;
	WEIR_SIM_EQ(weir_bucket_init(&bucket, weir_ctx_rt(ctx), &(struct weir_bucket_opts){.tokens = 10, .burst = 2}),
		    0);
	open_run(&r, ctx, weir_limit_stage(scripted(ctx, &s), &bucket));
	for (int i = 0; i < 5; i++) {
		WEIR_SIM_EQ(process(ctx, &r, 11 + i, NULL), 0);
		WEIR_SIM_EQ(now(ctx), WEIR_MS(i < 2 ? 0 : (i - 1) * 100));
	}
	WEIR_SIM_EQ(weir_bucket_set_rate(&bucket, 1, WEIR_SEC(2)),
		    0); /* live; and longer than a second is refused at once */
	WEIR_SIM_EQ(process(ctx, &r, 0, &err), WEIR_ELIMITED);
	WEIR_SIM_EQ(now(ctx), WEIR_MS(300));
	WEIR_SIM_ASSERT(weir_err_as(&err, WEIR_ELIMITED, &info));
	WEIR_SIM_EQ(info.value, WEIR_SEC(2));
	WEIR_SIM_EQ(s.calls, 5);
	weir_err_fini(&err);
	close_run(&r, ctx);
	weir_bucket_fini(&bucket);
}

/* Not to wait at all; more than the burst; the child is given the caller's context, however long it waited. */
WEIR_SIM_TEST_WITH(limiter_waits_as_told, ALONE)
{
	static const struct {
		int64_t max_wait_ns;
		uint64_t tokens;
		int64_t deadline_ms;
		int rc;
		int64_t took_ms;
	} rows[] = {{WEIR_LIMITER_NO_WAIT, 1, 900, WEIR_ELIMITED, 0},
		    {WEIR_MS(50), 1, 900, WEIR_ELIMITED, 0},
		    {WEIR_MS(100), 1, 900, 0, 700},
		    {WEIR_FOREVER, 3, 900, WEIR_EOVERFLOW, 0},
		    {WEIR_FOREVER, 1, 50, WEIR_ELIMITED, 0},
		    {WEIR_MS(100), 1, 300, WEIR_EDEADLINE, 300},
		    {WEIR_FOREVER, 1, 0, WEIR_EDEADLINE, 0}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct script s = {.acts = {{.ns = WEIR_MS(600)}}, .n = 1};
		struct weir_limiter_opts opts = {.tokens = rows[i].tokens, .max_wait_ns = rows[i].max_wait_ns};
		weir_bucket bucket;
		weir_ctx own;
		struct run r;
		const struct weir_bucket_opts as = {.tokens = 10, .burst = 2, .spent = 2};
		WEIR_SIM_EQ(weir_bucket_init(&bucket, weir_ctx_rt(ctx), &as), 0);
		opts.bucket = &bucket;
		weir_sim_note("row %zu", i);
		open_run(&r, ctx, weir_limit_stage_with(scripted(ctx, &s), &opts));
		int64_t from = now(ctx);
		weir_ctx_init(&own, ctx, from + WEIR_MS(rows[i].deadline_ms));
		WEIR_SIM_EQ(process(&own, &r, 11, NULL), rows[i].rc);
		WEIR_SIM_EQ(now(ctx) - from, WEIR_MS(rows[i].took_ms));
		weir_ctx_fini(&own);
		close_run(&r, ctx);
		weir_bucket_fini(&bucket);
	}
}

/* A caller whose context has ended takes no token, though there are some. */
WEIR_SIM_TEST_WITH(limiter_takes_nothing_for_the_ended, ALONE)
{
	struct script s = {.acts = {{0}}, .n = 1};
	struct weir_bucket_view view;
	weir_bucket bucket;
	weir_ctx own;
	struct run r;
	WEIR_SIM_EQ(weir_bucket_init(&bucket, weir_ctx_rt(ctx), &(struct weir_bucket_opts){.tokens = 10, .burst = 2}),
		    0);
	open_run(&r, ctx, weir_limit_stage(scripted(ctx, &s), &bucket));
	weir_ctx_init(&own, ctx, WEIR_FOREVER);
	weir_ctx_cancel(&own, "enough");
	WEIR_SIM_EQ(process(&own, &r, 0, NULL), WEIR_ECANCELED);
	WEIR_SIM_EQ(s.calls, 0);
	weir_bucket_view_now(&bucket, 1, &view);
	WEIR_SIM_EQ(view.available, 2);
	weir_ctx_fini(&own);
	close_run(&r, ctx);
	weir_bucket_fini(&bucket);
}

static int slow_down(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	int rc = weir_sleep(ctx, WEIR_MS(50));
	return rc == 0 ? weir_bucket_set_rate(arg, 1, WEIR_SEC(100)) : rc;
}

/* The bucket becomes slower while somebody stands in line: whose time is over first, says the code. */
WEIR_SIM_TEST_WITH(limiter_whose_end_it_is, .no_early = true, .schedules = 20)
{
	for (int callers = 0; callers < 2; callers++) {
		struct script s = {.acts = {{0}}, .n = 1};
		weir_bucket bucket;
		weir_scope others;
		weir_ctx own;
		struct run r;
		WEIR_SIM_EQ(weir_bucket_init(&bucket, weir_ctx_rt(ctx),
					     &(struct weir_bucket_opts){.tokens = 10, .burst = 1, .spent = 1}),
			    0);
		open_run(&r, ctx,
			 weir_limit_stage_with(scripted(ctx, &s),
					       &(struct weir_limiter_opts){.bucket = &bucket,
									   .max_wait_ns = WEIR_MS(callers ? 900
													  : 500)}));
		int64_t from = now(ctx);
		weir_scope_init(&others, ctx);
		WEIR_SIM_EQ(weir_scope_spawn(&others, "slow_down", slow_down, &bucket), 0);
		weir_ctx_init(&own, ctx, from + WEIR_MS(callers ? 500 : 900));
		WEIR_SIM_EQ(process(&own, &r, 0, NULL), callers ? WEIR_EDEADLINE : WEIR_ELIMITED);
		WEIR_SIM_EQ((now(ctx) - from) / WEIR_MS(1), 500);
		WEIR_SIM_EQ(weir_scope_join(ctx, &others, 0, NULL), 0);
		weir_ctx_fini(&own);
		close_run(&r, ctx);
		weir_bucket_fini(&bucket);
	}
}

/* ---- a policy ---- */

/* The breaker sees each attempt: the second failure opens it, and the third attempt is not made. */
WEIR_SIM_TEST_WITH(policy_breaker_sees_each_attempt, ALONE)
{
	struct script s = {.acts = {{.rc = BAD}}, .n = 1};
	struct weir_breaker_snapshot is;
	weir_breaker breaker;
	struct run r;
	WEIR_SIM_EQ(weir_breaker_init(&breaker, ctx, &(struct weir_breaker_opts){.failures = 2}), 0);
	open_run(&r, ctx,
		 weir_policy(scripted(ctx, &s),
			     &(struct weir_policy_opts){.retry = &(struct weir_retry_opts){.max_attempts = 5},
							.breaker = &breaker}));
	WEIR_SIM_EQ(process(ctx, &r, 0, NULL), WEIR_EOPEN);
	WEIR_SIM_EQ(s.calls, 2);
	weir_breaker_snapshot_get(ctx, &breaker, &is);
	WEIR_SIM_EQ(is.mode, WEIR_BREAKER_OPEN);
	WEIR_SIM_EQ(is.refused, 1);
	close_run(&r, ctx);
	weir_breaker_fini(&breaker);
}

static int look_at_5_ms(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct weir_bulkhead_snapshot is;
	(void)err;
	int rc = weir_sleep(ctx, WEIR_MS(5));
	weir_bulkhead_snapshot_get(arg, &is);
	WEIR_SIM_EQ(is.running, 0);
	return rc;
}

/* Who waits for tokens has no place in the bulkhead, which others could use. */
WEIR_SIM_TEST_WITH(policy_waits_for_tokens_outside, .no_early = true, .schedules = 20)
{
	struct script s = {.acts = {{0}}, .n = 1};
	weir_bulkhead bulkhead;
	weir_bucket bucket;
	weir_scope others;
	struct run r;
	WEIR_SIM_EQ(weir_bulkhead_init(&bulkhead, ctx, &(struct weir_bulkhead_opts){.max_concurrent = 1}), 0);
	WEIR_SIM_EQ(weir_bucket_init(&bucket, weir_ctx_rt(ctx),
				     &(struct weir_bucket_opts){.tokens = 100, .burst = 1, .spent = 1}),
		    0);
	open_run(&r, ctx,
		 weir_policy(scripted(ctx, &s),
			     &(struct weir_policy_opts){.limiter.bucket = &bucket, .bulkhead = &bulkhead}));
	weir_scope_init(&others, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&others, "look", look_at_5_ms, &bulkhead), 0);
	WEIR_SIM_EQ(process(ctx, &r, 11, NULL), 0);
	WEIR_SIM_EQ(now(ctx), WEIR_MS(10));
	WEIR_SIM_EQ(weir_scope_join(ctx, &others, 0, NULL), 0);
	close_run(&r, ctx);
	weir_bucket_fini(&bucket);
	weir_bulkhead_fini(&bulkhead);
}

enum { CALLERS = 50 };

struct world {
	weir_stage *st;
	uint32_t attempts[CALLERS]; /* by item */
	uint32_t buried;
	struct caller {
		struct world *w;
		int id, rc;
		int64_t took, ended;
	} callers[CALLERS];
};

/* What the id-th caller's calls are like: how many of them fail before one succeeds, and whether they hang. */
static uint32_t bad_attempts(int id)
{
	return (uint32_t)id % 5;
}

static bool hangs(int id)
{
	return id % 7 == 0;
}

static int flaky(weir_ctx *ctx, const struct item *in, struct item *out, weir_err *err, void *arg)
{
	struct world *w = arg;
	uint32_t attempt = w->attempts[in->id]++;
	bool bad = attempt < bad_attempts(in->id);
	int rc = weir_sleep(ctx, WEIR_MS(bad && hangs(in->id) ? 1000 : 10));
	if (rc == 0 && bad)
		rc = weir_fail(err, BAD, "attempt %u of %d", attempt, in->id);
	if (rc == 0) {
		*out = (struct item){.id = in->id + 100};
		alive++;
	}
	return rc;
}
WEIR_STAGE_DECLARE(flaky, item, item);

static int steady(weir_ctx *ctx, const struct item *in, struct item *out, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	int rc = weir_sleep(ctx, WEIR_MS(10));
	if (rc == 0) {
		*out = (struct item){.id = in->id + 100};
		alive++;
	}
	return rc;
}
WEIR_STAGE_DECLARE(steady, item, item);

static int call_once(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct caller *c = arg;
	struct item in = {.id = c->id}, out;
	weir_call *call = NULL;
	(void)err;
	int rc = weir_call_new(weir_scope_of(ctx), c->w->st, &call);
	if (rc < 0)
		return rc;
	alive++;
	int64_t from = now(ctx);
	c->rc = weir_call_process(ctx, call, &in, &out, NULL);
	c->ended = now(ctx);
	c->took = c->ended - from;
	if (c->rc == 0) {
		WEIR_SIM_EQ(out.id, c->id + 100);
		item_free(&out);
	}
	item_free(&in);
	weir_call_free(&call);
	return 0;
}

static void call_all(weir_ctx *ctx, struct world *w)
{
	weir_err err = {0};
	weir_scope s;
	WEIR_SIM_EQ(weir_stage_check(w->st, &err), 0);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < CALLERS; i++) {
		w->callers[i] = (struct caller){.w = w, .id = i};
		WEIR_SIM_EQ(weir_scope_spawn(&s, "caller", call_once, &w->callers[i]), 0);
	}
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_stage_free(&w->st);
	WEIR_SIM_EQ(alive, 0);
}

static int count_dead(weir_ctx *ctx, const struct weir_dead *dead, weir_err *err, void *arg)
{
	struct world *w = arg;
	const struct item *in = dead->item;
	(void)ctx, (void)err;
	WEIR_SIM_EQ(in->dropped, 0);
	WEIR_SIM_EQ(dead->code, WEIR_EEXHAUSTED);
	WEIR_SIM_EQ(dead->attempts, 3);
	WEIR_SIM_EQ(weir_err_is(dead->err, WEIR_ETIMEOUT), hangs(in->id));
	WEIR_SIM_EQ(dead->last_at - dead->first_at, WEIR_MS(hangs(in->id) ? 60 + 300 : 30 + 300));
	w->buried++;
	return 0;
}

/* All seven layers, failures and hangs, and room for everybody: each caller's time is exact. */
WEIR_SIM_TEST_WITH(policy_of_50_callers_with_failures, .no_early = true, .schedules = 30, .steps = 100000)
{
	static struct world w;
	weir_breaker breaker = {0};
	weir_bucket bucket;
	weir_bulkhead bulkhead = {0};
	weir_rt *rt = weir_ctx_rt(ctx);
	const struct weir_retry_opts retry = {.base_ns = WEIR_MS(100), .backoff.jitter = WEIR_JITTER_NONE};
	memset(&w, 0, sizeof(w));
	WEIR_SIM_EQ(weir_breaker_init(&breaker, ctx, &(struct weir_breaker_opts){.failures = 1000}), 0);
	WEIR_SIM_EQ(weir_bucket_init(&bucket, rt, &(struct weir_bucket_opts){.tokens = 1, .burst = 200}), 0);
	WEIR_SIM_EQ(weir_bulkhead_init(&bulkhead, ctx, &(struct weir_bulkhead_opts){.max_concurrent = CALLERS}), 0);
	w.st = weir_policy(flaky_stage(rt, &w), &(struct weir_policy_opts){.dead_letter = {.fn = count_dead, .arg = &w},
									   .total_timeout_ns = WEIR_SEC(2),
									   .retry = &retry,
									   .breaker = &breaker,
									   .limiter = {.bucket = &bucket},
									   .bulkhead = &bulkhead,
									   .attempt_timeout_ns = WEIR_MS(20)});
	call_all(ctx, &w);
	uint32_t dead = 0;
	for (int i = 0; i < CALLERS; i++) {
		uint32_t bad = bad_attempts(i) < 3 ? bad_attempts(i) : 3, attempts = bad < 3 ? bad + 1 : 3;
		int64_t ms = bad * (hangs(i) ? 20 : 10) + (bad < 3 ? 10 : 0) + (attempts > 1 ? 100 : 0) +
			     (attempts > 2 ? 200 : 0);
		WEIR_SIM_EQ(w.callers[i].rc, bad < 3 ? 0 : WEIR_EEXHAUSTED);
		WEIR_SIM_EQ(w.attempts[i], attempts);
		WEIR_SIM_EQ(w.callers[i].took, WEIR_MS(ms));
		dead += bad == 3;
	}
	WEIR_SIM_EQ(w.buried, dead);
	WEIR_SIM_EQ(dead, 20);
	weir_bulkhead_fini(&bulkhead);
	weir_bucket_fini(&bucket);
	weir_breaker_fini(&breaker);
}

/* Tokens and places are scarce: whoever comes when, the times at which calls end are exact. */
WEIR_SIM_TEST_WITH(policy_of_50_callers_in_line, .no_early = true, .schedules = 30, .steps = 100000)
{
	static struct world w;
	weir_bucket bucket;
	weir_bulkhead bulkhead = {0};
	weir_rt *rt = weir_ctx_rt(ctx);
	int64_t end[CALLERS];
	uint32_t taken[CALLERS] = {0};
	memset(&w, 0, sizeof(w));
	WEIR_SIM_EQ(weir_bucket_init(&bucket, rt, &(struct weir_bucket_opts){.tokens = 125, .burst = 10}), 0);
	WEIR_SIM_EQ(weir_bulkhead_init(&bulkhead, ctx,
				       &(struct weir_bulkhead_opts){.max_concurrent = 2, .max_waiting = CALLERS}),
		    0);
	w.st = weir_policy(steady_stage(rt, NULL),
			   &(struct weir_policy_opts){.dead_letter = {.fn = count_dead, .arg = &w},
						      .total_timeout_ns = WEIR_SEC(60),
						      .retry = &(struct weir_retry_opts){0},
						      .limiter = {.bucket = &bucket, .max_wait_ns = WEIR_FOREVER},
						      .bulkhead = &bulkhead,
						      .attempt_timeout_ns = WEIR_MS(11)});
	call_all(ctx, &w);
	for (int k = 0; k < CALLERS; k++) { /* tokens: ten at once, then one every 8 ms; places: two */
		int64_t token = k < 10 ? 0 : WEIR_MS(8 * (k - 9)), place = k < 2 ? 0 : end[k - 2];
		end[k] = (token > place ? token : place) + WEIR_MS(10);
	}
	for (int i = 0; i < CALLERS; i++) {
		int k = 0;
		WEIR_SIM_EQ(w.callers[i].rc, 0);
		while (k < CALLERS && (end[k] != w.callers[i].ended || taken[k]))
			k++;
		WEIR_SIM_ASSERT(k < CALLERS); /* one of the times, each once */
		taken[k] = 1;
	}
	weir_bulkhead_fini(&bulkhead);
	weir_bucket_fini(&bucket);
}

static unsigned seen_policy;

/* Seven layers and a cancel at every operation: a value or the code of the cancel, and places and permits given
 * back. */
WEIR_SIM_TEST_WITH(policy_canceled_anywhere, .strategy = "dfs")
{
	struct script s = {.acts = {{.rc = BAD}, {0}}, .n = 2};
	struct grave g = {0};
	weir_breaker breaker = {0};
	weir_bucket bucket;
	weir_bulkhead bulkhead = {0};
	struct weir_bulkhead_snapshot places;
	struct run r;
	WEIR_SIM_EQ(weir_breaker_init(&breaker, ctx, &(struct weir_breaker_opts){.failures = 5}), 0);
	WEIR_SIM_EQ(weir_bucket_init(&bucket, weir_ctx_rt(ctx), &(struct weir_bucket_opts){.burst = 5}), 0);
	WEIR_SIM_EQ(weir_bulkhead_init(&bulkhead, ctx, &(struct weir_bulkhead_opts){.max_concurrent = 1}), 0);
	open_run(&r, ctx,
		 weir_policy(scripted(ctx, &s), &(struct weir_policy_opts){.dead_letter = {.fn = bury, .arg = &g},
									   .total_timeout_ns = WEIR_SEC(2),
									   .retry = &(struct weir_retry_opts){0},
									   .breaker = &breaker,
									   .limiter = {.bucket = &bucket},
									   .bulkhead = &bulkhead,
									   .attempt_timeout_ns = WEIR_SEC(1)}));
	int rc = process_canceled(ctx, &r, 0, 12, NULL);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ECANCELED);
	WEIR_SIM_EQ(g.told, 0);
	weir_bulkhead_snapshot_get(&bulkhead, &places);
	WEIR_SIM_EQ(places.running, 0);
	WEIR_SIM_EQ(places.waiting, 0);
	seen_policy |= rc ? 1u << s.calls : 8;
	close_run(&r, ctx);
	weir_bulkhead_fini(&bulkhead);
	weir_bucket_fini(&bucket);
	weir_breaker_fini(&breaker);
}

/* ---- what the searches must have seen ---- */

WEIR_SIM_TEST_WITH(all_outcomes_were_seen, .allow_no_decisions = true, .schedules = 1)
{
	if (getenv("WEIR_SIM_SCHEDULES") || getenv("WEIR_SIM_AT_MOST")) /* fewer may not see all */
		return;
	WEIR_SIM_EQ(seen_retry, 1 | 2 | 4 | 8);
	WEIR_SIM_EQ(seen_timeout, 7);
	WEIR_SIM_EQ(seen_policy, 15);
	WEIR_SIM_EQ(seen_hedge, 1 | 2 | 4 | 8 | 16 | 32);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}

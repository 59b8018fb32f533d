/* SPDX-License-Identifier: MIT
 *
 * What a probe hears of the layers of a policy: event by event on virtual time, each within the span of its layer; and
 * under every schedule within two preemptions, that what a breaker tells adds up to what it has counted.
 *
 * An event of a layer is written as "ms kind name =value !code"; a state as "=old to new". Stages' own spans are heard
 * too, and used to find the layer. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <weir/resilience.h>
#include <weir/sim.h>
#include <weir/stage.h>

WEIR_TYPE_PLAIN(num, int);

#define BAD (WEIR_EUSER - 1)
#define MOST 160

static struct weir_probe_event heard[MOST];
static int n_heard;
static weir_probe probe;

static void hear(const struct weir_probe_event *event, void *arg)
{
	(void)arg;
	WEIR_SIM_ASSERT(n_heard < MOST);
	heard[n_heard++] = *event;
}

static void listen(weir_ctx *ctx)
{
	n_heard = 0;
	probe = (weir_probe){.fn = hear};
	WEIR_SIM_EQ(weir_probe_attach(weir_ctx_rt(ctx), &probe), 0);
}

static bool is_stage(enum weir_probe_kind kind)
{
	return kind >= WEIR_PROBE_STAGE_STARTED && kind <= WEIR_PROBE_STAGE_FILTERED;
}

/* The span of event i, if it has one, is that of the stage with its name, and is going on. */
static void expect_within(int i)
{
	bool open = false;
	for (int k = 0; k < i; k++)
		if (heard[k].span == heard[i].span && is_stage(heard[k].kind)) {
			open = heard[k].kind == WEIR_PROBE_STAGE_STARTED;
			WEIR_SIM_EQ(strcmp(heard[k].name, heard[i].name), 0);
			WEIR_SIM_EQ(heard[k].parent, heard[i].parent);
		}
	WEIR_SIM_ASSERT(open);
}

static void write_event(const struct weir_probe_event *e, char *text, size_t cap)
{
	int n = snprintf(text, cap, "%" PRId64 " %s %s", e->at / WEIR_MS(1), weir_probe_kind_name(e->kind), e->name);
	if (e->kind == WEIR_PROBE_STATE)
		n += snprintf(text + n, cap - (size_t)n, " =%" PRIu32 " to %" PRId64, e->index, e->value);
	else if (e->value)
		n += snprintf(text + n, cap - (size_t)n, " =%" PRId64,
			      e->value >= WEIR_MS(1) ? e->value / WEIR_MS(1) : e->value);
	if (e->code)
		snprintf(text + n, cap - (size_t)n, " !%s", weir_err_name(e->code));
}

/* What the layers told is this, in this order. */
static void expect(const char *const *lines, int n)
{
	char text[160];
	int told = 0;
	for (int i = 0; i < n_heard; i++) {
		if (is_stage(heard[i].kind))
			continue;
		if (heard[i].span)
			expect_within(i);
		write_event(&heard[i], text, sizeof(text));
		if (told >= n || strcmp(text, lines[told]) != 0)
			weir_sim_fail(__FILE__, __LINE__, "event %d: \"%s\", not \"%s\"", told, text,
				      told < n ? lines[told] : "(the end)");
		told++;
	}
	WEIR_SIM_EQ(told, n);
	n_heard = 0;
}

#define EXPECT(...)                                                        \
	do {                                                               \
		static const char *const lines_[] = {__VA_ARGS__};         \
		expect(lines_, (int)(sizeof(lines_) / sizeof(lines_[0]))); \
	} while (0)

/* The last that a layer told is of its own span; EXPECT looks where that is. */
static void expect_own_span(void)
{
	int i = n_heard - 1;
	while (i >= 0 && is_stage(heard[i].kind))
		i--;
	WEIR_SIM_ASSERT(i >= 0 && heard[i].span != 0);
}

/* What the calls of the child do, one digit for each, from the last: 0 a value, 1 BAD, 2 hangs, 3 nothing to be had. */
static int digits;

static int child(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	int what = digits % 10;
	(void)arg;
	digits /= 10;
	if (what == 2) {
		int rc = weir_sleep(ctx, WEIR_SEC(100));
		if (rc < 0)
			return rc;
	}
	if (what == 1)
		return weir_fail(err, BAD, "bad");
	if (what == 3)
		return WEIR_EFILTERED;
	*out = *in;
	return 0;
}
WEIR_STAGE_DECLARE(child, num, num);

static int process(weir_ctx *ctx, weir_stage *st, int what)
{
	weir_call *call = NULL;
	weir_scope s;
	int out = 0;
	digits = what;
	WEIR_SIM_EQ(weir_stage_check(st, NULL), 0);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_call_new(&s, st, &call), 0);
	int rc = weir_call_process(ctx, call, &(int){7}, &out, NULL);
	weir_call_free(&call);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	return rc;
}

static int bury(weir_ctx *ctx, const struct weir_dead *dead, weir_err *err, void *arg)
{
	(void)ctx, (void)dead, (void)err;
	return *(const int *)arg;
}

static bool always(int code, const weir_err *failure, void *arg)
{
	(void)code, (void)failure, (void)arg;
	return true;
}

#define ALONE .allow_no_decisions = true, .schedules = 1, .no_early = true

/* All seven layers: a failure, a call that hangs and trips the breaker, one that it refuses, a letter. */
WEIR_SIM_TEST_WITH(each_layer_tells, ALONE)
{
	weir_breaker breaker;
	weir_bucket bucket;
	weir_bulkhead bulkhead;
	int grave = 0;
	listen(ctx);
	WEIR_SIM_EQ(weir_breaker_init(&breaker, ctx, &(struct weir_breaker_opts){.failures = 2}), 0);
	WEIR_SIM_EQ(weir_bucket_init(&bucket, weir_ctx_rt(ctx), &(struct weir_bucket_opts){.burst = 9}), 0);
	WEIR_SIM_EQ(weir_bulkhead_init(&bulkhead, ctx, NULL), 0);
	const struct weir_retry_opts retry = {.base_ns = WEIR_MS(5),
					      .backoff.growth = WEIR_BACKOFF_CONSTANT,
					      .backoff.jitter = WEIR_JITTER_NONE,
					      .retry_if = always};
	weir_stage *st = weir_policy(child_stage(weir_ctx_rt(ctx), NULL),
				     &(struct weir_policy_opts){.dead_letter = {.fn = bury, .arg = &grave},
								.total_timeout_ns = WEIR_SEC(300),
								.retry = &retry,
								.breaker = &breaker,
								.limiter.bucket = &bucket,
								.bulkhead = &bulkhead,
								.attempt_timeout_ns = WEIR_MS(20)});
	WEIR_SIM_EQ(process(ctx, st, 0), 0);
	EXPECT("0 success breaker");
	WEIR_SIM_EQ(process(ctx, st, 21), WEIR_EEXHAUSTED);
	EXPECT("0 failure breaker !user error", "5 retry retry =2 !user error", "25 timeout attempt =20 !WEIR_ETIMEOUT",
	       "25 state breaker =0 to 1", "25 failure breaker !WEIR_ETIMEOUT", "30 retry retry =3 !WEIR_ETIMEOUT",
	       "30 rejected breaker =59995 !WEIR_EOPEN", "30 dead dead_letter =3 !WEIR_EEXHAUSTED");
	weir_stage_free(&st);
	weir_breaker_set(ctx, &breaker, WEIR_BREAKER_CLOSED);
	st = weir_guard(child_stage(weir_ctx_rt(ctx), NULL), &breaker);
	WEIR_SIM_EQ(process(ctx, st, 3), WEIR_EFILTERED); /* is not counted */
	EXPECT("30 state breaker =1 to 0");
	weir_stage_free(&st);
	weir_bulkhead_fini(&bulkhead);
	weir_bucket_fini(&bucket);
	weir_breaker_fini(&breaker);
}

/* Who refuses says so; a letter that has no grave; a second attempt at the same time. */
WEIR_SIM_TEST_WITH(who_refuses_tells, ALONE)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_bucket bucket;
	weir_bulkhead bulkhead;
	int grave = WEIR_EIO;
	listen(ctx);
	WEIR_SIM_EQ(weir_bucket_init(&bucket, rt, &(struct weir_bucket_opts){.burst = 1}), 0);
	weir_stage *st = weir_limit_stage_with(child_stage(rt, NULL),
					       &(struct weir_limiter_opts){.bucket = &bucket, .name = "quota"});
	WEIR_SIM_EQ(process(ctx, st, 0), 0);
	WEIR_SIM_EQ(process(ctx, st, 0), WEIR_ELIMITED);
	EXPECT("0 rejected quota !WEIR_ELIMITED");
	weir_stage_free(&st);
	weir_bucket_fini(&bucket);

	WEIR_SIM_EQ(weir_bulkhead_init(&bulkhead, ctx,
				       &(struct weir_bulkhead_opts){.name = "wall", .max_concurrent = 1}),
		    0);
	WEIR_SIM_EQ(weir_bulkhead_enter(ctx, &bulkhead, NULL), 0);
	st = weir_bulkhead_stage(child_stage(rt, NULL), &bulkhead);
	WEIR_SIM_EQ(process(ctx, st, 0), WEIR_EOVERLOAD);
	expect_own_span();
	EXPECT("0 rejected wall !WEIR_EOVERLOAD");
	weir_stage_free(&st);
	weir_bulkhead_leave(&bulkhead);
	weir_bulkhead_fini(&bulkhead);

	st = weir_dead_letter_with(child_stage(rt, NULL),
				   &(struct weir_dead_opts){.fn = bury, .arg = &grave, .name = "grave"});
	WEIR_SIM_EQ(process(ctx, st, 1), BAD);
	grave = 1;
	WEIR_SIM_EQ(process(ctx, st, 1), BAD);
	EXPECT("0 dead_failed grave =1 !WEIR_EIO", "0 dead_failed grave =1 !WEIR_EINVAL");
	weir_stage_free(&st);
}

/* Those that find their own limit: the stage around them is in another, whose span is its parent. */
WEIR_SIM_TEST_WITH(who_holds_back_tells, ALONE)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	const struct weir_adaptive_init_opts one = {.name = "tide", .limit = {.initial = 1, .min = 1, .max = 1}};
	struct weir_adaptive_permit permit, no;
	weir_adaptive tide;
	weir_throttle valve;
	listen(ctx);
	WEIR_SIM_EQ(weir_adaptive_init(&tide, ctx, &one), 0);
	WEIR_SIM_EQ(weir_adaptive_acquire(ctx, &tide, &permit, NULL), 0);
	WEIR_SIM_EQ(weir_adaptive_acquire(ctx, &tide, &no, NULL), WEIR_EOVERLOAD);
	WEIR_SIM_EQ(n_heard, 1);
	WEIR_SIM_EQ(heard[0].span, 0); /* by hand */
	weir_stage *st = weir_timeout(weir_adaptive_stage(child_stage(rt, NULL), &tide), WEIR_MS(9));
	WEIR_SIM_EQ(process(ctx, st, 0), WEIR_EOVERLOAD);
	expect_own_span();
	EXPECT("0 rejected tide !WEIR_EOVERLOAD", "0 rejected tide !WEIR_EOVERLOAD");
	weir_stage_free(&st);
	weir_adaptive_release(ctx, &tide, &permit, WEIR_ADAPTIVE_IGNORED);
	weir_adaptive_fini(&tide);

	WEIR_SIM_EQ(weir_throttle_init(&valve, ctx, &(struct weir_throttle_init_opts){.name = "valve"}), 0);
	for (int refused = 0; refused < 50;) /* from here on nine of ten are, but for a few that get through */
		refused += weir_throttle_ask(ctx, &valve, NULL) < 0;
	WEIR_SIM_EQ(n_heard, 50);
	WEIR_SIM_EQ(heard[0].span, 0);
	n_heard = 0;
	st = weir_timeout(weir_throttle_stage(child_stage(rt, NULL), &valve), WEIR_MS(9));
	while (process(ctx, st, 3) != WEIR_EOVERLOAD)
		n_heard = 0;
	expect_own_span();
	EXPECT("0 rejected valve !WEIR_EOVERLOAD");
	weir_stage_free(&st);
	weir_throttle_fini(&valve);
}

/* The second attempt of a hedge is told when it begins; the first is not. */
WEIR_SIM_TEST_WITH(a_hedge_tells, .no_early = true, .schedules = 20)
{
	listen(ctx);
	weir_stage *st = weir_hedge(child_stage(weir_ctx_rt(ctx), NULL),
				    &(struct weir_hedge_opts){.delay_ns = WEIR_MS(10)});
	WEIR_SIM_EQ(process(ctx, st, 2), 0);
	EXPECT("10 retry hedge =2");
	weir_stage_free(&st);
}

/* By hand there is no stage: the span is the caller's, if it has one. */
WEIR_SIM_TEST_WITH(by_hand, ALONE)
{
	struct weir_breaker_permit p, late;
	weir_breaker b;
	weir_bulkhead wall;
	weir_ctx own;
	listen(ctx);
	WEIR_SIM_EQ(weir_breaker_init(&b, ctx, &(struct weir_breaker_opts){.name = "by hand", .failures = 1}), 0);
	WEIR_SIM_EQ(weir_bulkhead_init(&wall, ctx, &(struct weir_bulkhead_opts){.max_concurrent = 1}), 0);
	weir_probe_enter(&own, ctx, 77);
	WEIR_SIM_EQ(weir_breaker_acquire(&own, &b, &late, NULL), 0);
	WEIR_SIM_EQ(weir_breaker_acquire(&own, &b, &p, NULL), 0);
	weir_breaker_report(&own, &b, &p, WEIR_OUTCOME_SUCCESS);
	WEIR_SIM_EQ(weir_breaker_acquire(&own, &b, &p, NULL), 0);
	weir_breaker_report(&own, &b, &p, WEIR_OUTCOME_IGNORED); /* nothing is counted, nothing told */
	WEIR_SIM_EQ(weir_breaker_acquire(&own, &b, &p, NULL), 0);
	weir_breaker_report(&own, &b, &p, WEIR_OUTCOME_FAILURE);
	weir_breaker_report(&own, &b, &late, WEIR_OUTCOME_FAILURE); /* likewise */
	WEIR_SIM_EQ(weir_breaker_acquire(&own, &b, &p, NULL), WEIR_EOPEN);
	WEIR_SIM_EQ(weir_bulkhead_enter(&own, &wall, NULL), 0);
	WEIR_SIM_EQ(weir_bulkhead_enter(&own, &wall, NULL), WEIR_EOVERLOAD);
	weir_bulkhead_leave(&wall);
	for (int i = 0; i < n_heard; i++) {
		WEIR_SIM_EQ(heard[i].span, 0);
		WEIR_SIM_EQ(heard[i].parent, heard[i].kind == WEIR_PROBE_STATE ? 0 : 77);
	}
	EXPECT("0 success by hand", "0 state by hand =0 to 1", "0 failure by hand",
	       "0 rejected by hand =60000 !WEIR_EOPEN", "0 rejected bulkhead !WEIR_EOVERLOAD");
	weir_ctx_fini(&own);
	weir_bulkhead_fini(&wall);
	weir_breaker_fini(&b);
}

/* ---- it adds up ---- */

struct caller {
	weir_breaker *b;
	enum weir_outcome outcome;
};

static int call_once(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct caller *c = arg;
	struct weir_breaker_permit p;
	(void)err;
	if (weir_breaker_acquire(ctx, c->b, &p, NULL) == 0)
		weir_breaker_report(ctx, c->b, &p, c->outcome);
	return 0;
}

static uint64_t told(enum weir_probe_kind kind)
{
	uint64_t n = 0;
	for (int i = 0; i < n_heard; i++)
		n += heard[i].kind == kind;
	return n;
}

WEIR_SIM_TEST_WITH(what_is_told_adds_up, .strategy = "dfs2")
{
	weir_breaker b;
	weir_scope s;
	struct caller callers[] = {{&b, WEIR_OUTCOME_SUCCESS}, {&b, WEIR_OUTCOME_FAILURE}, {&b, WEIR_OUTCOME_SUCCESS}};
	struct weir_breaker_snapshot is;
	listen(ctx);
	WEIR_SIM_EQ(weir_breaker_init(&b, ctx, &(struct weir_breaker_opts){.failures = 1}), 0);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 3; i++)
		WEIR_SIM_EQ(weir_scope_spawn(&s, "caller", call_once, &callers[i]), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_breaker_snapshot_get(ctx, &b, &is);
	WEIR_SIM_EQ(told(WEIR_PROBE_STATE), 1);
	WEIR_SIM_EQ(told(WEIR_PROBE_FAILURE), 1);
	WEIR_SIM_EQ(told(WEIR_PROBE_REJECTED), is.refused);
	WEIR_SIM_EQ(told(WEIR_PROBE_SUCCESS) + is.late + is.refused, 2);
	weir_breaker_fini(&b);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}

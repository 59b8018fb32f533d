/* SPDX-License-Identifier: MIT
 *
 * Timeouts that do not wait for the child, under the simulator: who gets what at exact virtual times, and every way in
 * which an answer, the limit, the caller's end, the end of the outer scope and the end of the call can come together.
 *
 * `alive` counts values: up when one is made or copied, down when one is dropped; a dropped one is marked, so that a
 * second drop, or a use after it, shows. The child is a script: what each of its calls does. Where a test looks at
 * every schedule, the child does not sleep: it touches an atomic, so that something can come in between.
 * Bounds: "dfs" is every schedule, "dfsN" every schedule with at most N preemptions. */
#include <string.h>
#include <stdlib.h>
#include <weir/resilience.h>
#include <weir/sim.h>
#include <weir/stage.h>

#include "kit.h"

static _Atomic int alive; /* of values: counted by tasks that nothing else orders */

struct item {
	int id, dropped;
};

static void item_free(struct item *i)
{
	WEIR_SIM_EQ(i->dropped, 0);
	i->dropped = 1;
	alive--;
}

static int item_dup(const struct item *from, struct item *to)
{
	WEIR_SIM_EQ(from->dropped, 0);
	if (from->id < 0)
		return WEIR_EUSER - 3;
	*to = *from;
	alive++;
	return 0;
}

WEIR_TYPE_OWNED_COPY(item, struct item, item_free, item_dup);

#define BAD (WEIR_EUSER - 1)

/* What one call of the child does. */
struct act {
	int rc;
	int64_t ns;   /* after so long */
	bool looks;   /* ... or when its context ends */
	bool partial; /* fails with WEIR_EPARTIAL, and leaves a value */
};

struct script {
	struct act acts[4];
	uint32_t calls; /* so far */
	uint32_t ended; /* of them: those that saw in the end that their context had ended */
	weir_atomic touched;
};

static int run_script(weir_ctx *ctx, const struct item *in, struct item *out, weir_err *err, void *arg)
{
	struct script *s = arg;
	const struct act *act = &s->acts[s->calls++ % 4];
	weir_ctx shield;
	int rc = 0;
	WEIR_SIM_EQ(in->dropped, 0);
	weir_ctx_init_shield(&shield, ctx, WEIR_SEC(3600));
	if (act->ns)
		rc = weir_sleep(act->looks ? ctx : &shield, act->ns);
	else
		(void)weir_atomic_add(&s->touched, 1);
	weir_ctx_fini(&shield);
	s->ended += weir_ctx_err(ctx) < 0;
	WEIR_SIM_EQ(in->dropped, 0); /* it is the child's all the time */
	if (rc == 0 && act->rc) {
		weir_err part = {0};
		(void)weir_fail(&part, act->rc, "a member, which is memory");
		rc = weir_fail(err, act->rc, "as it must");
		weir_err_add(err, weir_ctx_rt(ctx), 0, &part);
	}
	if (rc == 0 || act->partial) {
		*out = (struct item){.id = in->id + 10};
		alive++;
	}
	return act->partial ? weir_fail(err, WEIR_EPARTIAL, "a part") : rc;
}
WEIR_STAGE_DECLARE(run_script, item, item);

/* The scopes, a stage and its call. */
struct bed {
	weir_scope outer, inner;
	weir_stage *st;
	weir_call *call;
	struct script script;
};

static weir_stage *detached(struct bed *b, weir_stage *child, int64_t limit_ns, uint32_t max)
{
	return weir_timeout_detach(child, &(struct weir_timeout_detach_opts){.outer = &b->outer,
									     .limit_ns = limit_ns,
									     .max_abandoned = max});
}

static weir_stage *scripted(weir_ctx *ctx, struct bed *b)
{
	return run_script_stage(weir_ctx_rt(ctx), &b->script);
}

/* The scopes; the script's first acts, the last of which is repeated. */
static void open_scopes(struct bed *b, weir_ctx *ctx, const struct act *acts, uint32_t n)
{
	*b = (struct bed){.st = NULL};
	for (uint32_t i = 0; i < 4; i++)
		b->script.acts[i] = acts[i < n ? i : n - 1];
	weir_atomic_init(&b->script.touched, weir_ctx_rt(ctx), 0);
	weir_scope_init(&b->outer, ctx);
	weir_scope_init(&b->inner, ctx);
}

static void open_call(struct bed *b, weir_stage *st)
{
	b->st = st;
	b->call = call_of(&b->inner, st);
}

static void open_bed(struct bed *b, weir_ctx *ctx, const struct act *act, int64_t limit_ns, uint32_t max)
{
	open_scopes(b, ctx, act, 1);
	open_call(b, detached(b, scripted(ctx, b), limit_ns, max));
}

static struct weir_timeout_detach_stats stats_of(weir_ctx *ctx, weir_stage *st)
{
	struct weir_timeout_detach_stats stats;
	WEIR_SIM_EQ(weir_timeout_detach_stats_read(ctx, st, &stats), 0);
	WEIR_SIM_EQ(stats.abandoned + stats.late_ok + stats.late_failed, stats.abandoned_all);
	return stats;
}

/* In the order that the header asks for; what was abandoned has ended when outer has been joined. */
static void close_bed(struct bed *b, weir_ctx *ctx)
{
	weir_call_free(&b->call);
	WEIR_SIM_EQ(weir_scope_join(ctx, &b->inner, 0, NULL), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &b->outer, 0, NULL), 0);
	WEIR_SIM_EQ(alive, 0);
	weir_stage_free(&b->st);
	weir_atomic_fini(&b->script.touched);
}

/* Runs item 1, of which 11 is made. */
static int process(weir_ctx *ctx, struct bed *b, weir_err *err)
{
	struct item in = {.id = 1}, out;
	alive++;
	int rc = weir_call_process(ctx, b->call, &in, &out, err);
	if (rc == 0 || rc == WEIR_EPARTIAL) {
		WEIR_SIM_EQ(out.id, 11);
		item_free(&out);
	}
	item_free(&in); /* still ours */
	return rc;
}

#define TIMED .no_early = true, .schedules = 50

/* ---- times ---- */

WEIR_SIM_TEST_WITH(an_answer_in_time, TIMED)
{
	const struct act acts[] = {{.ns = WEIR_MS(3)},
				   {.ns = WEIR_MS(1), .rc = BAD},
				   {.ns = WEIR_MS(1), .partial = true},
				   {0}};
	static const int expected[] = {0, BAD, WEIR_EPARTIAL, 0};
	static const int64_t at[] = {3, 4, 5, 5};
	struct bed b;
	open_scopes(&b, ctx, acts, 4);
	open_call(&b, detached(&b, scripted(ctx, &b), WEIR_MS(5), 2));
	for (int i = 0; i < 4; i++) {
		weir_err err = {0};
		WEIR_SIM_EQ(process(ctx, &b, &err), expected[i]);
		WEIR_SIM_EQ(err.code, expected[i]);
		WEIR_SIM_EQ(now(ctx), WEIR_MS(at[i]));
		WEIR_SIM_EQ(alive, 0);
		if (i == 1)
			WEIR_SIM_ASSERT(says(&err, "as it must") && says(&err, "run_script"));
		weir_err_fini(&err);
	}
	WEIR_SIM_EQ(stats_of(ctx, b.st).abandoned_all, 0);
	close_bed(&b, ctx);
}

/* The caller goes on at 5 ms, the child until 7 ms. */
WEIR_SIM_TEST_WITH(late_answers_are_dropped, TIMED)
{
	static const struct act acts[] = {{.ns = WEIR_MS(7)},
					  {.ns = WEIR_MS(7), .rc = BAD},
					  {.ns = WEIR_MS(7), .partial = true},
					  {.ns = WEIR_MS(7), .looks = true}};
	for (int i = 0; i < 4; i++) {
		struct weir_err_info info;
		weir_err err = {0};
		struct bed b;
		open_bed(&b, ctx, &acts[i], WEIR_MS(5), 1);
		int64_t from = now(ctx);
		WEIR_SIM_EQ(process(ctx, &b, &err), WEIR_ETIMEOUT);
		WEIR_SIM_EQ(now(ctx) - from, WEIR_MS(5));
		WEIR_SIM_ASSERT(weir_err_as(&err, WEIR_ETIMEOUT, &info) && weir_err_is(&err, WEIR_EDEADLINE));
		WEIR_SIM_EQ(info.value, WEIR_MS(5));
		weir_err_fini(&err);
		if (!acts[i].looks) {
			WEIR_SIM_EQ(alive, 1); /* the child's copy */
			WEIR_SIM_EQ(stats_of(ctx, b.st).abandoned, 1);
			WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(2)), 0);
		}
		weir_sim_quiesce(ctx);
		WEIR_SIM_EQ(alive, 0);
		WEIR_SIM_EQ(b.script.ended, 1); /* it was told */
		struct weir_timeout_detach_stats stats = stats_of(ctx, b.st);
		WEIR_SIM_EQ(stats.abandoned, 0);
		WEIR_SIM_ASSERT(acts[i].looks || stats.abandoned_all == 1);
		WEIR_SIM_EQ(stats.late_ok, i == 0);
		close_bed(&b, ctx);
	}
}

WEIR_SIM_TEST_WITH(the_callers_own_end, TIMED)
{
	struct bed b;
	weir_ctx own;
	open_bed(&b, ctx, &(struct act){.ns = WEIR_MS(9)}, WEIR_MS(5), 2);
	weir_err err = {0};
	weir_ctx_init(&own, ctx, WEIR_MS(3));
	WEIR_SIM_EQ(process(&own, &b, &err), WEIR_EDEADLINE);
	WEIR_SIM_EQ(now(ctx), WEIR_MS(3));
	WEIR_SIM_ASSERT(!weir_err_is(&err, WEIR_ETIMEOUT) && says(&err, "\"run_script\" was abandoned"));
	WEIR_SIM_EQ(process(&own, &b, &err), WEIR_EDEADLINE); /* nothing is begun */
	weir_ctx_fini(&own);
	weir_err_fini(&err);
	WEIR_SIM_EQ(b.script.calls, 1);
	WEIR_SIM_EQ(stats_of(ctx, b.st).abandoned, 1);
	weir_ctx_init(&own, ctx, WEIR_MS(8)); /* and of two ends at one time the caller's is the one */
	WEIR_SIM_EQ(process(&own, &b, NULL), WEIR_EDEADLINE);
	WEIR_SIM_EQ(now(ctx), WEIR_MS(8));
	weir_ctx_fini(&own);
	close_bed(&b, ctx);
	WEIR_SIM_EQ(now(ctx), WEIR_MS(12)); /* the join of outer has waited */
	WEIR_SIM_EQ(b.script.ended, 2);
}

/* A child that looks ends with its caller, also where the limit is later; and that is no timeout. */
WEIR_SIM_TEST_WITH(the_childs_end_is_the_earlier_one, TIMED)
{
	struct bed b;
	weir_ctx own;
	weir_err err = {0};
	open_bed(&b, ctx, &(struct act){.ns = WEIR_MS(20), .looks = true}, WEIR_MS(9), 1);
	weir_ctx_init(&own, ctx, WEIR_MS(3));
	WEIR_SIM_EQ(process(&own, &b, &err), WEIR_EDEADLINE);
	WEIR_SIM_ASSERT(!weir_err_is(&err, WEIR_ETIMEOUT));
	weir_err_fini(&err);
	weir_ctx_fini(&own);
	weir_sim_quiesce(ctx);
	WEIR_SIM_EQ(now(ctx), WEIR_MS(3));
	WEIR_SIM_EQ(b.script.ended, 1);
	WEIR_SIM_EQ(stats_of(ctx, b.st).abandoned, 0);
	close_bed(&b, ctx);
}

WEIR_SIM_TEST_WITH(refused_when_all_are_abandoned, TIMED)
{
	struct bed b;
	weir_err err = {0};
	open_bed(&b, ctx, &(struct act){.ns = WEIR_MS(12)}, WEIR_MS(5), 2);
	WEIR_SIM_EQ(process(ctx, &b, NULL), WEIR_ETIMEOUT);
	WEIR_SIM_EQ(process(ctx, &b, NULL), WEIR_ETIMEOUT);
	WEIR_SIM_EQ(process(ctx, &b, &err), WEIR_EOVERLOAD);
	WEIR_SIM_EQ(now(ctx), WEIR_MS(10)); /* at once */
	WEIR_SIM_ASSERT(says(&err, "2 abandoned calls of \"run_script\" still run"));
	weir_err_fini(&err);
	WEIR_SIM_EQ(b.script.calls, 2);
	WEIR_SIM_EQ(stats_of(ctx, b.st).abandoned, 2);
	WEIR_SIM_EQ(stats_of(ctx, b.st).refused, 1);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(2)), 0);
	weir_sim_quiesce(ctx);
	WEIR_SIM_EQ(stats_of(ctx, b.st).late_ok, 1); /* the first has ended: its helper is there again */
	WEIR_SIM_EQ(process(ctx, &b, NULL), WEIR_ETIMEOUT);
	WEIR_SIM_EQ(b.script.calls, 3);
	close_bed(&b, ctx);
	WEIR_SIM_EQ(now(ctx), WEIR_MS(24));
}

/* The call is freed at 5 ms, and nobody waits; the stage is there until the child has returned. */
WEIR_SIM_TEST_WITH(a_call_is_freed_before_its_child_ends, TIMED)
{
	struct bed b;
	open_bed(&b, ctx, &(struct act){.ns = WEIR_MS(7)}, WEIR_MS(5), 2);
	WEIR_SIM_EQ(process(ctx, &b, NULL), WEIR_ETIMEOUT);
	weir_call_free(&b.call);
	WEIR_SIM_EQ(weir_scope_join(ctx, &b.inner, 0, NULL), 0);
	WEIR_SIM_EQ(now(ctx), WEIR_MS(5));
	WEIR_SIM_EQ(stats_of(ctx, b.st).abandoned, 1);
	WEIR_SIM_EQ(weir_scope_join(ctx, &b.outer, 0, NULL), 0);
	WEIR_SIM_EQ(now(ctx), WEIR_MS(7));
	WEIR_SIM_EQ(stats_of(ctx, b.st).late_ok, 1);
	close_bed(&b, ctx);
}

static int free_too_early(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct bed b;
	(void)err;
	open_scopes(&b, ctx, &(struct act){.ns = WEIR_MS(7)}, 1);
	weir_stage *st = detached(&b, scripted(ctx, &b), WEIR_MS(5), 2);
	open_call(&b, arg ? weir_retry(st, NULL) : st);
	WEIR_SIM_EQ(process(ctx, &b, NULL), arg ? WEIR_EEXHAUSTED : WEIR_ETIMEOUT);
	weir_call_free(&b.call);
	weir_stage_free(&b.st);
	return 0;
}

/* The child runs a stage that looks at a value of the context, and has helpers of its own. */
static const char key;

static int look_around(weir_ctx *ctx, const struct item *in, struct item *out, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	WEIR_SIM_EQ(*(int *)weir_ctx_value(ctx, &key), 7); /* outer's, not the caller's */
	*out = (struct item){.id = in->id + 10};
	alive++;
	return 0;
}
WEIR_STAGE_DECLARE(look_around, item, item);

WEIR_SIM_TEST_WITH(a_child_with_helpers_and_values, TIMED)
{
	struct bed b = {.st = NULL};
	weir_ctx wide, narrow;
	int seven = 7, eight = 8;
	weir_ctx_init_value(&wide, ctx, &key, &seven);
	weir_ctx_init_value(&narrow, ctx, &key, &eight);
	weir_scope_init(&b.outer, &wide);
	weir_scope_init(&b.inner, ctx);
	open_call(&b, detached(&b, weir_hedge(look_around_stage(weir_ctx_rt(ctx), NULL), NULL), WEIR_MS(5), 2));
	WEIR_SIM_EQ(process(&narrow, &b, NULL), 0);
	weir_ctx_fini(&narrow);
	close_bed(&b, ctx);
	weir_ctx_fini(&wide);
}

/* One inside of another: the inner one is abandoned by the outer one's limit, and its child with it. */
WEIR_SIM_TEST_WITH(detached_within_detached, TIMED)
{
	struct bed b;
	open_scopes(&b, ctx, &(struct act){.ns = WEIR_MS(9)}, 1);
	weir_stage *within = detached(&b, scripted(ctx, &b), WEIR_MS(7), 1);
	open_call(&b, detached(&b, weir_retry(within, NULL), WEIR_MS(5), 1));
	WEIR_SIM_EQ(process(ctx, &b, NULL), WEIR_ETIMEOUT);
	weir_call_free(&b.call);
	WEIR_SIM_EQ(now(ctx), WEIR_MS(5));
	weir_sim_quiesce(ctx);
	WEIR_SIM_EQ(stats_of(ctx, within).abandoned, 1);
	close_bed(&b, ctx);
	WEIR_SIM_EQ(now(ctx), WEIR_MS(9));
}

static int pass_on(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	struct script *s = arg;
	(void)ctx;
	(void)weir_atomic_add(&s->touched, 1);
	if (s->acts[0].rc)
		return weir_fail(err, s->acts[0].rc, "not let through");
	memcpy(out, in, sizeof(struct item));
	((struct item *)out)->id += 10;
	return 0;
}

static weir_stage *passing(weir_ctx *ctx, struct bed *b)
{
	return weir_stage_new(weir_ctx_rt(ctx), &(struct weir_stage_opts){.name = "pass_on",
									  .in = item_type(),
									  .out = item_type(),
									  .process = pass_on,
									  .arg = &b->script,
									  .takes = true});
}

WEIR_SIM_TEST_WITH(no_copy_no_call, TIMED)
{
	struct bed b;
	weir_err err = {0};
	struct item bad = {.id = -1}, out;
	open_bed(&b, ctx, &(struct act){0}, WEIR_MS(5), 1);
	WEIR_SIM_EQ(weir_call_process(ctx, b.call, &bad, &out, &err), WEIR_EUSER - 3);
	WEIR_SIM_ASSERT(says(&err, "no copy of item for \"run_script\""));
	weir_err_fini(&err);
	WEIR_SIM_EQ(b.script.calls, 0);
	WEIR_SIM_EQ(process(ctx, &b, NULL), 0); /* the helper is still there */
	close_bed(&b, ctx);
}

/* ---- every schedule ---- */

enum { OK = 1, TIMED_OUT = 2, CANCELED = 4, OUTER = 8, LATE_OK = 16, LATE_FAILED = 32, NO_BEGIN = 64, LATE_DEAF = 128 };

static unsigned seen_limit, seen_cancel, seen_outer, seen_free, seen_pass, seen_taken, seen_begin;

static unsigned late(const struct bed *b, weir_ctx *ctx)
{
	struct weir_timeout_detach_stats stats = stats_of(ctx, b->st);
	return (stats.late_ok ? LATE_OK : 0) | (stats.late_failed ? LATE_FAILED : 0) |
	       (b->script.calls == 0 ? NO_BEGIN : 0);
}

/* The child is done at the very moment the limit is over, or a moment before or after. */
WEIR_SIM_TEST_WITH(an_answer_against_the_limit, .strategy = "dfs2", .early = 1)
{
	static const int64_t takes[] = {WEIR_MS(5), WEIR_MS(5) - 1, WEIR_MS(5) + 1};
	struct bed b;
	uint32_t way = weir_sim_choose(3, "how long it takes");
	open_bed(&b, ctx, &(struct act){.ns = takes[way]}, WEIR_MS(5), 1);
	int rc = process(ctx, &b, NULL);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ETIMEOUT);
	weir_call_free(&b.call);
	WEIR_SIM_EQ(weir_scope_join(ctx, &b.outer, 0, NULL), 0);
	unsigned what = (rc == 0 ? OK : TIMED_OUT) | late(&b, ctx);
	WEIR_SIM_ASSERT(what == OK || what == (TIMED_OUT | LATE_OK) || what == (TIMED_OUT | NO_BEGIN));
	if (way == 0)
		seen_limit |= 1u << (what == OK ? 0 : what & LATE_OK ? 1 : 2);
	close_bed(&b, ctx);
}

struct canceller {
	weir_ctx *ctx;
	weir_scope *scope; /* instead of it */
};

static int cancel_it(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct canceller *c = arg;
	(void)ctx, (void)err;
	if (c->scope)
		weir_scope_cancel(c->scope, "outer's end");
	else
		weir_ctx_cancel(c->ctx, "enough");
	return 0;
}

static int process_canceled(weir_ctx *ctx, struct bed *b, weir_err *err)
{
	weir_ctx own;
	weir_scope s;
	weir_ctx_init(&own, ctx, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	struct canceller c = {.ctx = &own};
	WEIR_SIM_EQ(weir_scope_spawn(&s, "canceller", cancel_it, &c), 0);
	int rc = process(&own, b, err);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_ctx_fini(&own);
	return rc;
}

static const struct act quick_acts[] = {{0}, {.rc = BAD}};

/* A cancel at every operation of both; the child does not look. */
WEIR_SIM_TEST_WITH(canceled_anywhere, .strategy = "dfs2")
{
	struct bed b;
	weir_err err = {0};
	open_bed(&b, ctx, &quick_acts[weir_sim_choose(2, "what it does")], WEIR_FOREVER, 1);
	int rc = process_canceled(ctx, &b, &err);
	WEIR_SIM_EQ(err.code, rc);
	weir_err_fini(&err);
	weir_call_free(&b.call);
	WEIR_SIM_EQ(weir_scope_join(ctx, &b.outer, 0, NULL), 0);
	unsigned what = (rc == WEIR_ECANCELED ? CANCELED : OK) | late(&b, ctx);
	WEIR_SIM_ASSERT(rc == WEIR_ECANCELED || rc == b.script.acts[0].rc);
	WEIR_SIM_ASSERT(what == OK || what == (CANCELED | LATE_OK) || what == (CANCELED | LATE_FAILED) ||
			what == (CANCELED | NO_BEGIN));
	if (what & (LATE_OK | LATE_FAILED) && b.script.ended)
		what |= LATE_DEAF; /* and could have seen it */
	seen_cancel |= what;
	close_bed(&b, ctx);
}

/* After a cancel anywhere the next value is begun, whatever the helper does with the first: it is taken, or refused. */
WEIR_SIM_TEST_WITH(the_next_value_after_a_cancel, .strategy = "dfs2")
{
	struct bed b;
	open_bed(&b, ctx, &(struct act){0}, WEIR_FOREVER, 1);
	int first = process_canceled(ctx, &b, NULL);
	int rc = process(ctx, &b, NULL);
	WEIR_SIM_ASSERT(rc == 0 || (rc == WEIR_EOVERLOAD && first == WEIR_ECANCELED));
	seen_taken |= (first == 0 ? OK : CANCELED) | (rc == 0 ? LATE_OK : LATE_FAILED);
	close_bed(&b, ctx);
}

/* Outer is cancelled at every operation: what was asked ends, and nothing more begins. */
WEIR_SIM_TEST_WITH(outer_canceled_anywhere, .strategy = "dfs2")
{
	struct bed b;
	weir_scope s;
	weir_err err = {0};
	open_bed(&b, ctx, &(struct act){0}, WEIR_FOREVER, 1);
	struct canceller c = {.scope = &b.outer};
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "canceller", cancel_it, &c), 0);
	int rc = process(ctx, &b, &err);
	WEIR_SIM_ASSERT(rc == 0 || (rc == WEIR_ECANCELED && says(&err, "the outer scope has ended")));
	weir_err_fini(&err);
	seen_outer |= rc == 0 ? OK : OUTER;
	WEIR_SIM_EQ(b.script.calls, rc == 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &b.outer, 0, NULL), 0); /* the call is still there: the helper has left */
	WEIR_SIM_EQ(process(ctx, &b, NULL), WEIR_ECANCELED);
	WEIR_SIM_EQ(stats_of(ctx, b.st).abandoned_all, 0);
	close_bed(&b, ctx);
}

/* Without preemptions a helper that begins after the cancel has had the time to see it. */
static bool outer_gone;

static int no_work(weir_ctx *ctx, const struct item *in, struct item *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	WEIR_SIM_ASSERT(!outer_gone);
	*out = (struct item){.id = in->id + 10};
	alive++;
	return 0;
}
WEIR_STAGE_DECLARE(no_work, item, item);

static int cancel_outer(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	weir_scope_cancel(arg, "outer's end");
	outer_gone = true;
	return 0;
}

WEIR_SIM_TEST_WITH(nothing_begins_after_outers_end, .strategy = "dfs0")
{
	struct bed b = {.st = NULL};
	outer_gone = false;
	weir_scope_init(&b.outer, ctx);
	weir_scope_init(&b.inner, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&b.inner, "canceller", cancel_outer, &b.outer), 0);
	open_call(&b, detached(&b, no_work_stage(weir_ctx_rt(ctx), NULL), WEIR_FOREVER, 1));
	int rc = process(ctx, &b, NULL);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ECANCELED);
	seen_begin |= rc == 0 ? OK : OUTER;
	close_bed(&b, ctx);
}

/* The call is freed, and outer joined, at every operation of a child that was abandoned. */
WEIR_SIM_TEST_WITH(freed_while_it_runs, .strategy = "dfs2")
{
	struct bed b;
	bool cancel = weir_sim_choose(2, "whether outer is cancelled") == 1;
	open_bed(&b, ctx, &(struct act){0}, WEIR_FOREVER, 1);
	int rc = process_canceled(ctx, &b, NULL);
	if (cancel)
		weir_scope_cancel(&b.outer, "the end of all");
	weir_call_free(&b.call);
	struct weir_timeout_detach_stats stats = stats_of(ctx, b.st);
	seen_free |= stats.abandoned ? (cancel ? LATE_FAILED : LATE_OK) : rc == 0 ? OK : CANCELED;
	close_bed(&b, ctx);
}

/* A child that takes gets a copy, which moves, and is dropped once if nobody wants it any more. */
WEIR_SIM_TEST_WITH(a_child_that_takes, .strategy = "dfs2")
{
	struct bed b;
	open_scopes(&b, ctx, &quick_acts[weir_sim_choose(2, "what it does")], 1);
	open_call(&b, detached(&b, passing(ctx, &b), WEIR_FOREVER, 1));
	WEIR_SIM_ASSERT(!weir_stage_takes(b.st));
	int rc = process_canceled(ctx, &b, NULL);
	WEIR_SIM_ASSERT(rc == WEIR_ECANCELED || rc == b.script.acts[0].rc);
	weir_call_free(&b.call);
	WEIR_SIM_EQ(weir_scope_join(ctx, &b.outer, 0, NULL), 0);
	struct weir_timeout_detach_stats stats = stats_of(ctx, b.st);
	seen_pass |= (stats.late_ok ? LATE_OK : 0) | (stats.late_failed ? LATE_FAILED : 0) | (rc == 0 ? OK : 0);
	close_bed(&b, ctx);
}

WEIR_SIM_TEST_WITH(all_outcomes_were_seen, .allow_no_decisions = true, .schedules = 1)
{
	if (getenv("WEIR_SIM_SCHEDULES") || getenv("WEIR_SIM_AT_MOST")) /* fewer may not see all */
		return;
	WEIR_SIM_EQ(seen_limit, 7);
	WEIR_SIM_EQ(seen_cancel, OK | CANCELED | LATE_OK | LATE_FAILED | NO_BEGIN | LATE_DEAF);
	WEIR_SIM_EQ(seen_taken, OK | CANCELED | LATE_OK | LATE_FAILED);
	WEIR_SIM_EQ(seen_outer, OK | OUTER);
	WEIR_SIM_EQ(seen_begin, OK | OUTER);
	WEIR_SIM_EQ(seen_free, OK | CANCELED | LATE_OK | LATE_FAILED);
	WEIR_SIM_EQ(seen_pass, OK | LATE_OK | LATE_FAILED);
}

/* ---- what a probe hears ---- */

static struct weir_probe_event heard[32];
static uint32_t n_heard;

static void hear(const struct weir_probe_event *event, void *arg)
{
	(void)arg;
	WEIR_SIM_ASSERT(n_heard < 32);
	heard[n_heard++] = *event;
}

static const struct weir_probe_event *find(enum weir_probe_kind kind, const char *name)
{
	for (uint32_t i = 0; i < n_heard; i++)
		if (heard[i].kind == kind && strcmp(heard[i].name, name) == 0)
			return &heard[i];
	weir_sim_fail(__FILE__, __LINE__, "no %s of %s", weir_probe_kind_name(kind), name);
}

WEIR_SIM_TEST_WITH(a_probe_hears_it, TIMED)
{
	weir_probe probe = {.fn = hear};
	struct bed b;
	n_heard = 0;
	WEIR_SIM_EQ(weir_probe_attach(weir_ctx_rt(ctx), &probe), 0);
	open_scopes(&b, ctx, &(struct act){.ns = WEIR_MS(7)}, 1);
	open_call(&b, weir_retry(detached(&b, scripted(ctx, &b), WEIR_MS(5), 1),
				 &(struct weir_retry_opts){.max_attempts = 1}));
	WEIR_SIM_EQ(process(ctx, &b, NULL), WEIR_EEXHAUSTED);
	close_bed(&b, ctx);
	const struct weir_probe_event *over = find(WEIR_PROBE_TIMEOUT, "timeout");
	WEIR_SIM_EQ(over->value, WEIR_MS(5));
	WEIR_SIM_EQ(over->at, WEIR_MS(5));
	WEIR_SIM_EQ(over->span, find(WEIR_PROBE_STAGE_STARTED, "timeout")->span);
	WEIR_SIM_EQ(find(WEIR_PROBE_STAGE_FAILED, "timeout")->code, WEIR_ETIMEOUT);
	WEIR_SIM_EQ(find(WEIR_PROBE_STAGE_STARTED, "run_script")->parent, over->span);
	WEIR_SIM_EQ(find(WEIR_PROBE_STAGE_DONE, "run_script")->at, WEIR_MS(7)); /* after its parent's end */
	weir_probe_detach(weir_ctx_rt(ctx));
}

static struct weir_sim_test must_fail[] = {
	{.name = "stage_freed_too_early", .fn = free_too_early},
	{.name = "tree_freed_too_early", .fn = free_too_early, .arg = must_fail},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(must_fail) / sizeof(must_fail[0]); i++) {
		must_fail[i].opts.no_early = true;
		must_fail[i].expect = WEIR_SIM_MISUSE;
		weir_sim_register(&must_fail[i]);
	}
	return weir_sim_main(argc, argv);
}

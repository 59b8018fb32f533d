/* SPDX-License-Identifier: MIT
 *
 * Detached timeouts on real threads: children that ignore their context, and callers that leave at any moment.
 *
 * Some workers have a call of one stage each. A value's child comes back at once, or yields a few times, or waits for
 * the round's gate whatever its context says; its caller has a limit that is over at once, one that is never over, or
 * is cancelled by another task. Calls are freed and made anew while children run. The gate opens when all callers have
 * gone. At the end of a round every value and every copy is gone, and the counts add up: as many were abandoned as came
 * late. */
#include "stress.h"

#include <weir/resilience.h>
#include <weir/stage.h>

enum { WORKERS = 3, VALUES = 20 };

static _Atomic long values_live;

static void value_free(uint64_t *value)
{
	EXPECT(*value != 0);
	*value = 0;
	atomic_fetch_sub(&values_live, 1);
}

static int value_dup(const uint64_t *from, uint64_t *to)
{
	atomic_fetch_add(&values_live, 1);
	*to = *from;
	return 0;
}

WEIR_TYPE_OWNED_COPY(value, uint64_t, value_free, value_dup);

struct round {
	weir_scope outer;
	weir_stage *st;
	uint64_t seed;
	_Atomic int gate_open;
	_Atomic uint64_t workers, answers, timeouts, cancels, refusals, failures, begun;
};

static int work(weir_ctx *ctx, const uint64_t *in, uint64_t *out, weir_err *err, void *arg)
{
	struct round *r = arg;
	uint64_t seed = *in;
	uint32_t fate = pick(&seed, 8);
	(void)ctx;
	atomic_fetch_add(&r->begun, 1);
	dawdle(&seed);
	while (fate == 0 && !atomic_load(&r->gate_open))
		weir_rt_yield(rt);
	EXPECT(*in != 0); /* it is ours all the time */
	if (fate == 1)
		return weir_fail(err, WEIR_EUSER, "fate");
	atomic_fetch_add(&values_live, 1);
	*out = *in;
	return 0;
}
WEIR_STAGE_DECLARE(work, value, value);

struct canceller {
	weir_ctx own;
	uint64_t seed;
};

static int cancel_soon(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct canceller *c = arg;
	(void)ctx, (void)err;
	dawdle(&c->seed);
	weir_ctx_cancel(&c->own, "enough");
	return 0;
}

static void one_value(weir_ctx *ctx, struct round *r, weir_call *call, uint64_t *seed)
{
	struct canceller c = {.seed = seed_of(*seed)};
	weir_scope s;
	uint64_t in = *seed | 1, out = 0;
	atomic_fetch_add(&values_live, 1);
	weir_ctx_init(&c.own, ctx, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	EXPECT(weir_scope_spawn(&s, "canceller", cancel_soon, &c) == 0); /* or a child that hangs would hold us up */
	int rc = weir_call_process(&c.own, call, &in, &out, NULL);
	EXPECT(weir_scope_join(ctx, &s, 0, NULL) == 0);
	weir_ctx_fini(&c.own);
	if (rc == 0) {
		EXPECT(out == in);
		value_free(&out);
	}
	value_free(&in);
	atomic_fetch_add(rc == 0                ? &r->answers
			 : rc == WEIR_ETIMEOUT  ? &r->timeouts
			 : rc == WEIR_ECANCELED ? &r->cancels
			 : rc == WEIR_EOVERLOAD ? &r->refusals
						: &r->failures,
			 1);
	EXPECT(rc == 0 || rc == WEIR_ETIMEOUT || rc == WEIR_ECANCELED || rc == WEIR_EOVERLOAD || rc == WEIR_EUSER);
}

static int worker(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct round *r = arg;
	uint64_t seed = seed_of(r->seed + atomic_fetch_add(&r->workers, 1));
	weir_call *call = NULL;
	(void)err;
	for (int i = 0; i < VALUES; i++) {
		if (!call)
			EXPECT(weir_call_new(weir_scope_of(ctx), r->st, &call) == 0);
		if (!call)
			break;
		(void)pick(&seed, 2);
		one_value(ctx, r, call, &seed);
		if (pick(&seed, 5) == 0)
			weir_call_free(&call);
	}
	weir_call_free(&call);
	return 0;
}

static void one_round(weir_ctx *ctx, struct round *r, int64_t limit_ns)
{
	struct weir_timeout_detach_stats stats;
	weir_scope s;
	weir_scope_init(&r->outer, ctx);
	weir_scope_init(&s, ctx);
	r->st = weir_timeout_detach(work_stage(rt, r), &(struct weir_timeout_detach_opts){.outer = &r->outer,
											  .limit_ns = limit_ns,
											  .max_abandoned = 2});
	for (int i = 0; i < WORKERS; i++)
		EXPECT(weir_scope_spawn(&s, "worker", worker, r) == 0);
	EXPECT(weir_scope_join(ctx, &s, 0, NULL) == 0); /* nobody waits for the children */
	atomic_store(&r->gate_open, 1);
	EXPECT(weir_scope_join(ctx, &r->outer, 0, NULL) == 0);
	EXPECT(weir_timeout_detach_stats_read(ctx, r->st, &stats) == 0);
	EXPECT(stats.abandoned == 0 && stats.abandoned_all == stats.late_ok + stats.late_failed);
	EXPECT(stats.refused == r->refusals);
	EXPECT(stats.abandoned_all <= r->timeouts + r->cancels);
	EXPECT(r->answers + r->timeouts + r->cancels + r->refusals + r->failures == WORKERS * VALUES);
	EXPECT(r->begun == r->answers + r->failures + stats.abandoned_all);
	EXPECT(atomic_load(&values_live) == 0);
	weir_stage_free(&r->st);
}

static int leaving(weir_ctx *ctx, weir_err *err, void *arg)
{
	uint64_t answers = 0, abandoned = 0;
	(void)err;
	for (int i = 0; i < ROUNDS(60); i++) {
		struct round r = {.seed = (uint64_t)i};
		one_round(ctx, &r, arg && i % 2 ? 1 : WEIR_FOREVER);
		answers += r.answers;
		abandoned += r.timeouts + r.cancels;
	}
	EXPECT(abandoned > 0);
	EXPECT(arg || answers > 0);
	return 0;
}

int main(void)
{
	static bool limits;
	stress_case("callers are cancelled", leaving, NULL);
	stress_case("limits are over, callers are cancelled", leaving, &limits);
	return stress_end();
}

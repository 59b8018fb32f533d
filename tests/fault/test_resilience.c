/* SPDX-License-Identifier: MIT
 *
 * Stages of resilience when memory or tasks cannot be had: every allocation and every spawn fails in turn. What cannot
 * be built says so, nothing is leaked (the simulator counts), and breaker, bulkhead, throttle and adaptive limit are as
 * they were: nothing is taken by what did not run. */
#include <weir/resilience.h>
#include <weir/sim.h>

#include "kit.h"

static const weir_type number = {.name = "number", .size = sizeof(int), .align = _Alignof(int)};

/* Needs memory of its own, which may fail as well: a failure that counts. */
static int copy(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	void *mem = weir_rt_alloc(rt, 8);
	(void)arg;
	if (!mem)
		return weir_fail(err, WEIR_ENOMEM, "no memory for the copy");
	weir_rt_yield(rt);
	weir_rt_release(rt, mem);
	*(int *)out = *(const int *)in;
	return 0;
}

struct client {
	weir_call *call;
	int rc;
};

static int client(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct client *c = arg;
	int out;
	(void)err;
	c->rc = weir_call_process(ctx, c->call, &(int){1}, &out, NULL);
	return 0;
}

/* Two calls of st, each in a task of s, and what becomes of them. */
static int start_clients(weir_ctx *ctx, weir_scope *s, weir_stage *st, struct client c[2], weir_err *err)
{
	int rc = weir_stage_check(st, err);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ENOMEM);
	weir_scope_init(s, ctx);
	for (int i = 0; rc == 0 && i < 2; i++) {
		rc = weir_call_new(s, st, &c[i].call);
		WEIR_SIM_EQ(c[i].call == NULL, rc < 0);
	}
	for (int i = 0; rc == 0 && i < 2; i++)
		rc = weir_scope_spawn(s, "client", client, &c[i]);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ENOMEM || rc == WEIR_EAGAIN);
	weir_sim_quiesce(ctx);
	return rc;
}

/* Three stages, two calls, two tasks, two copies. */
static int guarded(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_breaker breaker;
	weir_bulkhead bulkhead;
	struct weir_breaker_snapshot is;
	struct weir_bulkhead_snapshot full;
	struct client c[2] = {{.rc = 1}, {.rc = 1}};
	weir_scope s;
	(void)arg;
	WEIR_SIM_EQ(weir_breaker_init(&breaker, ctx, &(struct weir_breaker_opts){.failures = 1}), 0);
	WEIR_SIM_EQ(weir_bulkhead_init(&bulkhead, ctx,
				       &(struct weir_bulkhead_opts){.max_concurrent = 1, .max_waiting = 1}),
		    0);
	const struct weir_stage_opts opts = {.in = &number, .out = &number, .process = copy};
	weir_stage *st = weir_guard(weir_bulkhead_stage(weir_stage_new(weir_ctx_rt(ctx), &opts), &bulkhead), &breaker);
	int rc = start_clients(ctx, &s, st, c, err);
	weir_breaker_snapshot_get(ctx, &breaker, &is);
	weir_bulkhead_snapshot_get(&bulkhead, &full);
	WEIR_SIM_EQ(full.running + full.waiting, 0);
	bool failed = c[0].rc == WEIR_ENOMEM || c[1].rc == WEIR_ENOMEM;
	WEIR_SIM_EQ(is.mode, failed ? WEIR_BREAKER_OPEN : WEIR_BREAKER_CLOSED);
	if (!failed)
		WEIR_SIM_EQ(is.successes, (c[0].rc == 0) + (c[1].rc == 0));
	for (int i = 0; i < 2; i++)
		weir_call_free(&c[i].call);
	rc = weir_scope_join(ctx, &s, rc, NULL);
	weir_stage_free(&st);
	weir_bulkhead_fini(&bulkhead);
	weir_breaker_fini(&breaker);
	return rc < 0 ? rc : failed ? WEIR_ENOMEM : 0;
}

/* The same behind a throttle and an adaptive limit. */
static int limited(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_throttle throttle;
	weir_adaptive adaptive;
	struct weir_throttle_snapshot asked;
	struct weir_adaptive_snapshot is;
	struct client c[2] = {{.rc = 1}, {.rc = 1}};
	weir_scope s;
	(void)arg;
	WEIR_SIM_EQ(weir_throttle_init(&throttle, ctx, &(struct weir_throttle_init_opts){.limit.min_requests = 9}), 0);
	WEIR_SIM_EQ(weir_adaptive_init(&adaptive, ctx,
				       &(struct weir_adaptive_init_opts){.limit = {.initial = 1, .max = 1},
									 .max_waiting = 1}),
		    0);
	const struct weir_stage_opts opts = {.in = &number, .out = &number, .process = copy};
	weir_stage *st = weir_throttle_stage(weir_adaptive_stage(weir_stage_new(weir_ctx_rt(ctx), &opts), &adaptive),
					     &throttle);
	int rc = start_clients(ctx, &s, st, c, err);
	weir_throttle_snapshot_get(ctx, &throttle, &asked);
	weir_adaptive_snapshot_get(ctx, &adaptive, &is);
	uint64_t ran = 0;
	bool failed = false;
	for (int i = 0; i < 2; i++) {
		WEIR_SIM_ASSERT(c[i].rc == 0 || c[i].rc == 1 || c[i].rc == WEIR_ENOMEM);
		ran += c[i].rc != 1;
		failed |= c[i].rc == WEIR_ENOMEM;
		weir_call_free(&c[i].call);
	}
	WEIR_SIM_EQ(is.line.running + is.line.waiting, 0);
	WEIR_SIM_EQ(is.succeeded, ran); /* to have no memory is an answer */
	WEIR_SIM_EQ(asked.asked, ran);
	WEIR_SIM_EQ(asked.accepted, ran);
	rc = weir_scope_join(ctx, &s, rc, NULL);
	weir_stage_free(&st);
	weir_adaptive_fini(&adaptive);
	weir_throttle_fini(&throttle);
	return rc < 0 ? rc : failed ? WEIR_ENOMEM : 0;
}

static const struct fault_test tests[] = {
	{"guarded", guarded, 3 + 2 + 2 + 2, false},
	{"limited", limited, 3 + 2 + 2 + 2, false},
};

int main(void)
{
	return FAULT_MAIN(tests, .schedules = 50);
}

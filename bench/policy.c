/* SPDX-License-Identifier: MIT
 *
 * What the layers of resilience cost where nothing goes wrong, in ns per value: a stage that adds one by itself, with
 * each layer around it, and with seven of them (a policy). A hedge wakes a helper for each value.
 * One line for each. The best of several rounds is shown: what disturbs a round only makes it longer. */
#include <stdio.h>
#include <time.h>
#include <weir/resilience.h>
#include <weir/weir.h>

#define ROUNDS 5

static const weir_type number = {.name = "number", .size = sizeof(int), .align = _Alignof(int)};

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int add_one(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*(int *)out = *(const int *)in + 1;
	return 0;
}

static int bury(weir_ctx *ctx, const struct weir_dead *dead, weir_err *err, void *arg)
{
	(void)ctx, (void)dead, (void)err, (void)arg;
	return 0;
}

static weir_stage *child(weir_ctx *ctx)
{
	return weir_stage_new(weir_ctx_rt(ctx),
			      &(struct weir_stage_opts){.in = &number, .out = &number, .process = add_one});
}

/* It takes st. */
static int measure(weir_ctx *ctx, const char *name, weir_stage *st, long loops, weir_err *err)
{
	double best = 1e9;
	weir_call *call = NULL;
	weir_scope s;
	weir_scope_init(&s, ctx);
	int rc = weir_stage_check(st, err);
	if (rc == 0)
		rc = weir_call_new(&s, st, &call);
	for (int round = 0; rc == 0 && round < ROUNDS; round++) {
		double from = seconds();
		for (int i = 0, out; rc == 0 && i < loops; i++)
			rc = weir_call_process(ctx, call, &i, &out, err);
		double ns = (seconds() - from) * 1e9 / (double)loops;
		best = ns < best ? ns : best;
	}
	weir_call_free(&call);
	rc = weir_scope_join(ctx, &s, rc, err);
	weir_stage_free(&st);
	if (rc == 0)
		printf("%-20s %8.1f ns\n", name, best);
	return rc;
}

struct objects {
	weir_breaker breaker;
	weir_bulkhead bulkhead;
	weir_adaptive adaptive;
	weir_throttle throttle;
	weir_bucket bucket;
};

static int measure_all(weir_ctx *ctx, struct objects *o, weir_err *err)
{
	const struct weir_policy_opts policy = {.dead_letter.fn = bury,
						.total_timeout_ns = WEIR_SEC(9),
						.retry = &(struct weir_retry_opts){0},
						.breaker = &o->breaker,
						.limiter.bucket = &o->bucket,
						.bulkhead = &o->bulkhead,
						.attempt_timeout_ns = WEIR_SEC(1)};
	const struct {
		const char *name;
		weir_stage *st;
		long loops;
	} rows[] = {
		{"bare", child(ctx), 1000000},
		{"retry", weir_retry(child(ctx), NULL), 1000000},
		{"timeout", weir_timeout(child(ctx), WEIR_SEC(1)), 1000000},
		{"fallback", weir_fallback(child(ctx), &(struct weir_fallback_opts){.fn = add_one}), 1000000},
		{"dead letter", weir_dead_letter(child(ctx), bury, NULL), 1000000},
		{"limiter", weir_limit_stage(child(ctx), &o->bucket), 1000000},
		{"breaker", weir_guard(child(ctx), &o->breaker), 1000000},
		{"bulkhead", weir_bulkhead_stage(child(ctx), &o->bulkhead), 1000000},
		{"adaptive", weir_adaptive_stage(child(ctx), &o->adaptive), 1000000},
		{"throttle", weir_throttle_stage(child(ctx), &o->throttle), 1000000},
		{"hedge", weir_hedge(child(ctx), NULL), 50000},
		{"policy of 7", weir_policy(child(ctx), &policy), 1000000},
	};
	int rc = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int one = measure(ctx, rows[i].name, rows[i].st, rows[i].loops, err);
		rc = rc < 0 ? rc : one;
	}
	return rc;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct objects *o = arg;
	int rc = weir_breaker_init(&o->breaker, ctx, NULL);
	if (rc == 0)
		rc = weir_bulkhead_init(&o->bulkhead, ctx, NULL);
	if (rc == 0)
		rc = weir_bucket_init(&o->bucket, weir_ctx_rt(ctx), &(struct weir_bucket_opts){.unlimited = true});
	if (rc == 0)
		rc = weir_adaptive_init(&o->adaptive, ctx, NULL);
	if (rc == 0)
		rc = weir_throttle_init(&o->throttle, ctx, NULL);
	if (rc == 0)
		rc = measure_all(ctx, o, err);
	weir_bucket_fini(&o->bucket);
	weir_throttle_fini(&o->throttle);
	weir_adaptive_fini(&o->adaptive);
	weir_bulkhead_fini(&o->bulkhead);
	weir_breaker_fini(&o->breaker);
	return rc;
}

int main(void)
{
	static struct objects o;
	return weir_main(app, &o);
}

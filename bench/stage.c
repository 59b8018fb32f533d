/* SPDX-License-Identifier: MIT
 *
 * What stages cost, in ns per value:
 *   a chain of 1, 5, 10, 20 and 50 stages that add one; the one of 10 again, with a probe that counts;
 *   10 numbers formatted by a loop, and by a fan-out of 10 stages: in the calling task (1 lane), 2 at a time, all at
 *   once; a fan-out of 100 stages of 1000 steps each, which gain from helpers where there are processors for them.
 * One line for each. The best of several rounds is shown: what disturbs a round only makes it longer. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <weir/weir.h>

#define ROUNDS 7

static const weir_type number = {.name = "number", .size = sizeof(int), .align = _Alignof(int)};

struct text {
	char bytes[16];
};

static const weir_type text = {.name = "text", .size = sizeof(struct text), .align = 1};

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

/* Times `loops` calls of st in each round; `check` looks at what the last one made. It takes st. */
static int measure(weir_ctx *ctx, const char *name, weir_stage *st, const void *in, void *out, long loops,
		   weir_err *err)
{
	double best = 1e9;
	void (*drop)(void *, void *) = NULL;
	weir_call *call = NULL;
	weir_scope s;
	weir_scope_init(&s, ctx);
	int rc = weir_stage_check(st, err);
	if (rc == 0) {
		rc = weir_call_new(&s, st, &call);
		drop = weir_stage_out(st)->drop;
	}
	for (int round = 0; rc == 0 && round < ROUNDS; round++) {
		double from = seconds();
		for (long i = 0; rc == 0 && i < loops; i++) {
			rc = weir_call_process(ctx, call, in, out, err);
			if (rc == 0 && drop)
				drop(out, NULL);
		}
		double ns = (seconds() - from) * 1e9 / (double)loops;
		best = ns < best ? ns : best;
	}
	if (rc == 0)
		printf("%-24s %8.1f\n", name, best);
	weir_call_free(&call);
	weir_stage_free(&st);
	return weir_scope_join(ctx, &s, rc, err);
}

static int chain(weir_ctx *ctx, size_t depth, weir_err *err)
{
	weir_stage *children[50];
	struct weir_stage_opts o = {.name = "plus", .in = &number, .out = &number, .process = add_one};
	char name[64];
	int in = 1, out = 0;
	for (size_t i = 0; i < depth; i++)
		children[i] = weir_stage_new(weir_ctx_rt(ctx), &o);
	snprintf(name, sizeof(name), "chain of %zu%s", depth, weir_probe_of(weir_ctx_rt(ctx)) ? ", heard" : "");
	int rc = measure(ctx, name, weir_chain(children, depth), &in, &out, 1000000, err);
	if (rc == 0 && out != in + (int)depth)
		rc = weir_fail(err, WEIR_EIO, "%s makes %d", name, out);
	return rc;
}

static void count(const struct weir_probe_event *event, void *arg)
{
	*(uint64_t *)arg += event->kind == WEIR_PROBE_STAGE_DONE;
}

/* What the same chain costs where somebody listens. */
static int probed_chain(weir_ctx *ctx, weir_err *err)
{
	uint64_t n = 0;
	weir_probe probe = {.fn = count, .arg = &n};
	int rc = weir_probe_attach(weir_ctx_rt(ctx), &probe);
	if (rc == 0)
		rc = chain(ctx, 10, err);
	weir_probe_detach(weir_ctx_rt(ctx));
	return rc == 0 && n == 0 ? weir_fail(err, WEIR_EIO, "the probe heard nothing") : rc;
}

static int format(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	snprintf(out, sizeof(struct text), "test-%d", *(const int *)in + *(const int *)arg);
	return 0;
}

static int fan_out(weir_ctx *ctx, size_t concurrency, weir_err *err)
{
	static int numbers[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
	weir_stage *children[10];
	weir_array out;
	char name[64];
	int in = 1;
	for (size_t i = 0; i < 10; i++)
		children[i] = weir_stage_new(weir_ctx_rt(ctx), &(struct weir_stage_opts){.name = "format",
											 .in = &number,
											 .out = &text,
											 .process = format,
											 .arg = &numbers[i]});
	snprintf(name, sizeof(name), "fan_out of 10, %zu lanes", concurrency ? concurrency : 10);
	return measure(ctx, name, weir_fan_out(children, 10, concurrency), &in, &out, 20000, err);
}

static int steps(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	int x = *(const int *)in;
	(void)ctx, (void)err, (void)arg;
	for (int i = 0; i < 1000; i++)
		x = x * 31 % 997;
	*(int *)out = x;
	return 0;
}

static int fan_out_steps(weir_ctx *ctx, size_t concurrency, weir_err *err)
{
	weir_stage *children[100];
	weir_array out;
	char name[64];
	int in = 1;
	for (size_t i = 0; i < 100; i++)
		children[i] = weir_stage_new(weir_ctx_rt(ctx), &(struct weir_stage_opts){.name = "steps",
											 .in = &number,
											 .out = &number,
											 .process = steps});
	snprintf(name, sizeof(name), "fan_out of 100, %zu lanes", concurrency);
	return measure(ctx, name, weir_fan_out(children, 100, concurrency), &in, &out, 200, err);
}

static int formats(weir_ctx *ctx)
{
	struct text out[10];
	double best = 1e9;
	for (int round = 0; round < ROUNDS; round++) {
		double from = seconds();
		for (int i = 0; i < 20000; i++)
			for (int k = 0; k < 10; k++)
				if (format(ctx, &i, &out[k], NULL, &k) < 0)
					return WEIR_EIO;
		double ns = (seconds() - from) * 1e9 / 20000;
		best = ns < best ? ns : best;
	}
	printf("%-24s %8.1f\n", "10 formats", best);
	return 0;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	static const size_t depths[] = {1, 5, 10, 20, 50};
	int rc = 0;
	(void)arg;
	for (size_t i = 0; rc == 0 && i < sizeof(depths) / sizeof(depths[0]); i++)
		rc = chain(ctx, depths[i], err);
	if (rc == 0)
		rc = probed_chain(ctx, err);
	if (rc == 0)
		rc = formats(ctx);
	for (size_t i = 0; rc == 0 && i < 3; i++)
		rc = fan_out(ctx, (size_t[]){1, 2, 0}[i], err);
	for (size_t i = 1; rc == 0 && i <= 4; i *= 2)
		rc = fan_out_steps(ctx, i, err);
	return rc;
}

int main(void)
{
	return weir_main(app, NULL);
}

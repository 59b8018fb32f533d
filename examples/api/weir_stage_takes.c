/* SPDX-License-Identifier: MIT
 *
 * weir_stage_takes: whether values move through a stage, or are only lent to it. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);

static int plus_one(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	*out = *in + 1;
	return weir_ctx_err(ctx);
}
WEIR_STAGE_DECLARE(plus_one, num, num);

static int pass(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	*(int *)out = *(const int *)in;
	return weir_ctx_err(ctx);
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct weir_stage_opts opts = {.in = num_type(), .out = num_type(), .process = pass, .takes = true};
	weir_rt *rt = weir_ctx_rt(ctx);
	(void)err, (void)arg;
	weir_stage *st = weir_stage_new(rt, &opts);
	CHECK(weir_stage_takes(st));
	st = weir_then(st, weir_stage_new(rt, &opts));
	CHECK(weir_stage_takes(st)); /* both do */
	st = weir_then(st, plus_one_stage(rt, NULL));
	CHECK(!weir_stage_takes(st)); /* this one makes a value of its own */
	weir_stage_free(&st);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

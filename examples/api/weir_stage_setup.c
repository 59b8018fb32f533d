/* SPDX-License-Identifier: MIT
 *
 * weir_stage_setup: every stage of a tree is told to get ready; the first that fails ends it. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

static int well = 0;

static int process(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	*(int *)out = *(const int *)in;
	return weir_ctx_err(ctx);
}

static int told(weir_ctx *ctx, weir_err *err, void *arg)
{
	int *times = arg;
	(void)ctx;
	++*times;
	return well < 0 ? weir_fail(err, well, "not well") : 0;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	int one = 0, two = 0;
	weir_rt *rt = weir_ctx_rt(ctx);
	struct weir_stage_opts opts = {.in = &num, .out = &num, .process = process, .lifecycle.setup = told};
	(void)arg;
	opts.arg = &one;
	weir_stage *first = weir_stage_new(rt, &opts);
	opts.arg = &two;
	weir_stage *st = weir_then(first, weir_stage_new(rt, &opts));
	CHECK(weir_stage_setup(ctx, st, err) == 0);
	CHECK(one == 1 && two == 1);
	well = WEIR_EUSER;
	CHECK(weir_stage_setup(ctx, st, NULL) == WEIR_EUSER);
	CHECK(one == 2 && two == 1); /* the second one was not asked */
	weir_stage_free(&st);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

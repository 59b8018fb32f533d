/* SPDX-License-Identifier: MIT
 *
 * weir_adaptive_stage: a service that says that it has too much is asked for less at a time. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/resilience.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);

static int halve(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)arg;
	if (*in % 2)
		return weir_fail(err, WEIR_EOVERLOAD, "%d is too much", *in);
	*out = *in / 2;
	return 0;
}
WEIR_STAGE_DECLARE(halve, num, num);

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_adaptive a;
	weir_scope s;
	weir_call *call = NULL;
	int out = 0;
	const struct weir_adaptive_init_opts opts = {
		.limit = {.rule = WEIR_ADAPTIVE_AIMD, .initial = 8, .min = 1, .ratio = 0.5, .each_sample = true}};
	CHECK(weir_adaptive_init(&a, ctx, &opts) == 0);
	weir_stage *st = weir_adaptive_stage(halve_stage(weir_ctx_rt(ctx), NULL), &a);
	weir_scope_init(&s, ctx);
	CHECK(weir_call_new(&s, st, &call) == 0);
	CHECK(weir_call_process(ctx, call, &(int){8}, &out, err) == 0 && out == 4);
	CHECK(weir_call_process(ctx, call, &(int){7}, &out, NULL) == WEIR_EOVERLOAD);
	CHECK(weir_adaptive_limit(&a) == 4);
	weir_call_free(&call);
	CHECK(weir_scope_join(ctx, &s, 0, err) == 0);
	weir_stage_free(&st); /* it borrowed the limit */
	weir_adaptive_fini(&a);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

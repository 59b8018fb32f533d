/* SPDX-License-Identifier: MIT
 *
 * weir_bulkhead_stage: the stage in no more than two tasks at once. */
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
		return weir_fail(err, WEIR_EUSER, "%d is odd", *in);
	*out = *in / 2;
	return 0;
}
WEIR_STAGE_DECLARE(halve, num, num);

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_bulkhead b;
	weir_scope s;
	weir_call *call = NULL;
	int out = 0;
	CHECK(weir_bulkhead_init(&b, ctx, &(struct weir_bulkhead_opts){.max_concurrent = 2}) == 0);
	weir_stage *st = weir_bulkhead_stage(halve_stage(weir_ctx_rt(ctx), NULL), &b);
	weir_scope_init(&s, ctx);
	CHECK(weir_call_new(&s, st, &call) == 0);
	CHECK(weir_call_process(ctx, call, &(int){8}, &out, err) == 0 && out == 4);
	CHECK(weir_bulkhead_enter(ctx, &b, err) == 0);
	CHECK(weir_bulkhead_enter(ctx, &b, err) == 0); /* full */
	CHECK(weir_call_process(ctx, call, &(int){8}, &out, NULL) == WEIR_EOVERLOAD);
	weir_bulkhead_leave(&b);
	weir_bulkhead_leave(&b);
	weir_call_free(&call);
	CHECK(weir_scope_join(ctx, &s, 0, err) == 0);
	weir_stage_free(&st);
	weir_bulkhead_fini(&b);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

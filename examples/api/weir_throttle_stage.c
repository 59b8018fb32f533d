/* SPDX-License-Identifier: MIT
 *
 * weir_throttle_stage: a service that refuses is not asked for everything any more. */
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
	weir_throttle t;
	weir_scope s;
	weir_call *call = NULL;
	struct weir_throttle_snapshot is;
	int out = 0;
	CHECK(weir_throttle_init(&t, ctx, NULL) == 0);
	weir_stage *st = weir_throttle_stage(halve_stage(weir_ctx_rt(ctx), NULL), &t);
	weir_scope_init(&s, ctx);
	CHECK(weir_call_new(&s, st, &call) == 0);
	CHECK(weir_call_process(ctx, call, &(int){8}, &out, err) == 0 && out == 4);
	for (int i = 0; i < 1000; i++)
		CHECK(weir_call_process(ctx, call, &(int){7}, &out, NULL) == WEIR_EOVERLOAD);
	weir_throttle_snapshot_get(ctx, &t, &is);
	CHECK(is.asked == 1001 && is.accepted == 1 && is.refused > 0);
	weir_call_free(&call);
	CHECK(weir_scope_join(ctx, &s, 0, err) == 0);
	weir_stage_free(&st); /* it borrowed the throttle */
	weir_throttle_fini(&t);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

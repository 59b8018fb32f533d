/* SPDX-License-Identifier: MIT
 *
 * weir_guard: after enough failures the stage is not called for a while. */
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
	weir_breaker b;
	weir_scope s;
	weir_call *call = NULL;
	int out = 0;
	CHECK(weir_breaker_init(&b, ctx, &(struct weir_breaker_opts){.failures = 1}) == 0);
	weir_stage *st = weir_guard(halve_stage(weir_ctx_rt(ctx), NULL), &b);
	weir_scope_init(&s, ctx);
	CHECK(weir_call_new(&s, st, &call) == 0);
	CHECK(weir_call_process(ctx, call, &(int){8}, &out, err) == 0 && out == 4);
	CHECK(weir_call_process(ctx, call, &(int){7}, &out, NULL) == WEIR_EUSER);
	CHECK(weir_call_process(ctx, call, &(int){8}, &out, NULL) == WEIR_EOPEN);
	weir_call_free(&call);
	CHECK(weir_scope_join(ctx, &s, 0, err) == 0);
	weir_stage_free(&st); /* it borrowed the breaker */
	weir_breaker_fini(&b);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

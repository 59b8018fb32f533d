/* SPDX-License-Identifier: MIT
 *
 * weir_call_free: gives back what a call needed; the stage may be freed when it has no call more. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);

static int plus(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)arg;
	if (*in < 0)
		return weir_fail(err, WEIR_EUSER, "%d is negative", *in);
	*out = *in + 1;
	return 0;
}
WEIR_STAGE_DECLARE(plus, num, num);

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_stage *st = plus_stage(weir_ctx_rt(ctx), NULL);
	weir_call *call = NULL;
	weir_scope s;
	(void)err, (void)arg;
	weir_scope_init(&s, ctx);
	CHECK(weir_call_new(&s, st, &call) == 0);
	weir_call_free(&call);
	CHECK(call == NULL);
	weir_call_free(&call);
	weir_call_free(NULL);
	weir_stage_free(&st);
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

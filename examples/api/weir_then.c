/* SPDX-License-Identifier: MIT
 *
 * weir_then: two stages, one after the other; a failure says which it was. */
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

static int even(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)arg;
	*out = *in;
	return *in % 2 ? weir_fail(err, WEIR_EUSER, "%d is odd", *in) : 0;
}
WEIR_STAGE_DECLARE(even, num, num);

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	weir_call *call = NULL;
	weir_rt *rt = weir_ctx_rt(ctx);
	struct weir_err_info info;
	weir_err why = {0};
	int out;
	(void)arg;
	weir_stage *st = weir_then(plus_one_stage(rt, NULL), even_stage(rt, NULL));
	weir_scope_init(&s, ctx);
	CHECK(weir_call_new(&s, st, &call) == 0);
	CHECK(weir_call_process(ctx, call, &(int){3}, &out, NULL) == 0 && out == 4);
	CHECK(weir_call_process(ctx, call, &(int){4}, &out, &why) == WEIR_EUSER);
	CHECK(weir_err_as(&why, WEIR_EUSER, &info) && info.index == 1); /* the second */
	weir_err_fini(&why);
	weir_call_free(&call);
	weir_stage_free(&st);
	return weir_scope_join(ctx, &s, 0, err);
}

int main(void)
{
	return weir_main(app, NULL);
}

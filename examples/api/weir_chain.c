/* SPDX-License-Identifier: MIT
 *
 * weir_chain: stages one after the other. */
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

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	weir_call *call = NULL;
	weir_rt *rt = weir_ctx_rt(ctx);
	int out = 0;
	weir_stage *const three[] = {plus_one_stage(rt, NULL), plus_one_stage(rt, NULL), plus_one_stage(rt, NULL)};
	(void)arg;
	weir_stage *st = weir_chain(three, 3);
	weir_scope_init(&s, ctx);
	CHECK(weir_call_new(&s, st, &call) == 0);
	CHECK(weir_call_process(ctx, call, &(int){4}, &out, NULL) == 0);
	CHECK(out == 7);
	weir_call_free(&call);
	weir_stage_free(&st);
	return weir_scope_join(ctx, &s, 0, err);
}

int main(void)
{
	return weir_main(app, NULL);
}

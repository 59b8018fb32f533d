/* SPDX-License-Identifier: MIT
 *
 * weir_call_new: what a task needs to run a stage: its memory, and helper tasks of a scope. */
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
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_call *call = NULL;
	weir_scope s;
	(void)arg;
	weir_stage *bad = weir_chain(NULL, 0), *st = plus_one_stage(rt, NULL);
	weir_scope_init(&s, ctx);
	CHECK(weir_call_new(&s, bad, &call) == WEIR_EINVAL && call == NULL); /* what weir_stage_check says */
	CHECK(weir_call_new(&s, st, &call) == 0);
	weir_call_free(&call);
	weir_scope_cancel(&s, "enough");
	CHECK(weir_call_new(&s, st, &call) == WEIR_ECANCELED);
	weir_stage_free(&st);
	weir_stage_free(&bad);
	return weir_scope_join(ctx, &s, 0, err);
}

int main(void)
{
	return weir_main(app, NULL);
}

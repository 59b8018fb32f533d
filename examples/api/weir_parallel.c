/* SPDX-License-Identifier: MIT
 *
 * weir_parallel: several stages at once, and one value of what they make. */
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
WEIR_ARRAY_DECLARE(nums, num);

static int sum(weir_ctx *ctx, const nums_t *in, int *out, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	*out = 0;
	for (size_t i = 0; i < nums_len(in); i++)
		*out += *nums_at(in, i);
	return weir_ctx_err(ctx);
}
WEIR_STAGE_DECLARE(sum, nums, num);

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	weir_call *call = NULL;
	weir_rt *rt = weir_ctx_rt(ctx);
	int out = 0;
	weir_stage *const three[] = {plus_one_stage(rt, NULL), plus_one_stage(rt, NULL), plus_one_stage(rt, NULL)};
	(void)arg;
	weir_stage *st = weir_parallel(three, 3, 2, sum_stage(rt, NULL));
	weir_scope_init(&s, ctx);
	CHECK(weir_call_new(&s, st, &call) == 0);
	CHECK(weir_call_process(ctx, call, &(int){4}, &out, NULL) == 0); /* two at a time */
	CHECK(out == 15);
	weir_call_free(&call);
	weir_stage_free(&st);
	return weir_scope_join(ctx, &s, 0, err);
}

int main(void)
{
	return weir_main(app, NULL);
}

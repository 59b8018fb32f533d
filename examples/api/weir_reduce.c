/* SPDX-License-Identifier: MIT
 *
 * weir_reduce: groups the values of an array by an order, and makes one value of each group. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);
WEIR_ARRAY_DECLARE(nums, num);

static int by_tens(const void *a, const void *b, void *arg)
{
	(void)arg;
	return *(const int *)a / 10 - *(const int *)b / 10;
}

static int sum(weir_ctx *ctx, const nums_t *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*out = 0;
	for (size_t i = 0; i < nums_len(in); i++)
		*out += *nums_at(in, i);
	return 0;
}
WEIR_STAGE_DECLARE(sum, nums, num);

static int run(weir_ctx *ctx, weir_stage *st, const void *in, void *out)
{
	weir_call *call = NULL;
	weir_scope s;
	weir_scope_init(&s, ctx);
	CHECK(weir_call_new(&s, st, &call) == 0);
	int rc = weir_call_process(ctx, call, in, out, NULL);
	weir_call_free(&call);
	return weir_scope_join(ctx, &s, rc, NULL);
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_stage *st = weir_reduce(sum_stage(weir_ctx_rt(ctx), NULL), &(struct weir_reduce_opts){.order = by_tens});
	nums_t in, out;
	(void)err, (void)arg;
	CHECK(nums_new(weir_ctx_rt(ctx), 12, &in) == 0);
	for (int i = 0; i < 12; i++)
		CHECK(nums_put(&in, (size_t)i, &i) == 0);
	CHECK(run(ctx, st, &in, &out) == 0);
	CHECK(nums_len(&out) == 2 && *nums_at(&out, 0) == 45 && *nums_at(&out, 1) == 21);
	nums_drop(&out);
	nums_drop(&in);
	weir_stage_free(&st);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

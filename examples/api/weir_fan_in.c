/* SPDX-License-Identifier: MIT
 *
 * weir_fan_in: one value of an array, by a function. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);
WEIR_ARRAY_DECLARE(nums, num);

static int most(weir_ctx *ctx, const weir_array *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*(int *)out = 0;
	for (size_t i = 0; i < in->n; i++)
		if (*(int *)weir_array_at(in, i) > *(int *)out)
			*(int *)out = *(int *)weir_array_at(in, i);
	return 0;
}

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

static nums_t nums_of(weir_ctx *ctx, const int *values, size_t n)
{
	nums_t a;
	CHECK(nums_new(weir_ctx_rt(ctx), n, &a) == 0);
	for (size_t i = 0; i < n; i++)
		CHECK(nums_put(&a, i, &values[i]) == 0);
	return a;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_stage *st = weir_fan_in(weir_ctx_rt(ctx), num_type(), num_type(), most, NULL);
	nums_t in = nums_of(ctx, (const int[]){3, 9, 4}, 3);
	int out = 0;
	(void)err, (void)arg;
	CHECK(run(ctx, st, &in, &out) == 0);
	CHECK(out == 9);
	nums_drop(&in);
	CHECK(run(ctx, st, &in, &out) == 0 && out == 0); /* of nothing too */
	weir_stage_free(&st);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

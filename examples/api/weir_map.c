/* SPDX-License-Identifier: MIT
 *
 * weir_map: the same stage for each value of an array, some at a time, in order. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);
WEIR_ARRAY_DECLARE(nums, num);

static int plus(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)arg;
	if (*in < 0)
		return weir_fail(err, WEIR_EUSER, "%d is negative", *in);
	*out = *in + 1;
	return 0;
}
WEIR_STAGE_DECLARE(plus, num, num);

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
	weir_stage *st = weir_map(plus_stage(weir_ctx_rt(ctx), NULL), NULL);
	nums_t in = nums_of(ctx, (const int[]){3, 9, 4}, 3), out;
	(void)err, (void)arg;
	CHECK(run(ctx, st, &in, &out) == 0);
	CHECK(*nums_at(&out, 0) == 4 && *nums_at(&out, 1) == 10 && *nums_at(&out, 2) == 5);
	nums_drop(&out);
	nums_drop(&in);
	weir_stage_free(&st);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * weir_map_reduce: a map, and then a reduce of what it made: how many have the same square. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);
WEIR_ARRAY_DECLARE(nums, num);

static int square(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*out = *in * *in;
	return 0;
}
WEIR_STAGE_DECLARE(square, num, num);

static int by_value(const void *a, const void *b, void *arg)
{
	(void)arg;
	return *(const int *)a - *(const int *)b;
}

static int count(weir_ctx *ctx, const nums_t *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*out = (int)nums_len(in);
	return 0;
}
WEIR_STAGE_DECLARE(count, nums, num);

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_stage *st = weir_map_reduce(square_stage(rt, NULL), count_stage(rt, NULL),
					 &(struct weir_reduce_opts){.order = by_value});
	weir_call *call = NULL;
	weir_scope s;
	nums_t in, out;
	(void)err, (void)arg;
	weir_scope_init(&s, ctx);
	CHECK(nums_new(rt, 2, &in) == 0);
	CHECK(nums_put(&in, 0, &(int){-3}) == 0 && nums_put(&in, 1, &(int){3}) == 0);
	CHECK(weir_call_new(&s, st, &call) == 0 && weir_call_process(ctx, call, &in, &out, NULL) == 0);
	CHECK(nums_len(&out) == 1 && *nums_at(&out, 0) == 2);
	nums_drop(&out);
	nums_drop(&in);
	weir_call_free(&call);
	weir_stage_free(&st);
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

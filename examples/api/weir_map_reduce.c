/* SPDX-License-Identifier: MIT
 *
 * weir_map_reduce: maps an array, groups what comes out, and reduces the groups: here to how many there are. */
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

static int count(weir_ctx *ctx, const nums_t *in, int *out, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	*out = (int)nums_len(in);
	return weir_ctx_err(ctx);
}
WEIR_STAGE_DECLARE(count, nums, num);

static int by_tens(const void *a, const void *b, void *arg)
{
	(void)arg;
	return *(const int *)a / 10 - *(const int *)b / 10;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	weir_call *call = NULL;
	weir_rt *rt = weir_ctx_rt(ctx);
	nums_t in, out;
	struct weir_reduce_opts opts = {.order = by_tens};
	(void)arg;
	weir_stage *st = weir_map_reduce(plus_one_stage(rt, NULL), count_stage(rt, NULL), &opts);
	weir_scope_init(&s, ctx);
	CHECK(weir_call_new(&s, st, &call) == 0);
	CHECK(nums_new(rt, 2, &in) == 0);
	CHECK(nums_put(&in, 0, &(int){18}) == 0 && nums_put(&in, 1, &(int){19}) == 0);
	CHECK(weir_call_process(ctx, call, &in, &out, NULL) == 0);
	CHECK(nums_len(&out) == 2 && *nums_at(&out, 0) == 1 && *nums_at(&out, 1) == 1); /* 19; 20 */
	nums_drop(&out);
	nums_drop(&in);
	weir_call_free(&call);
	weir_stage_free(&st);
	return weir_scope_join(ctx, &s, 0, err);
}

int main(void)
{
	return weir_main(app, NULL);
}

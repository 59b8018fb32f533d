/* SPDX-License-Identifier: MIT
 *
 * weir_join_by_key: the values of an array in groups that have a key in common. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);
WEIR_ARRAY_DECLARE(nums, num);
WEIR_ARRAY_DECLARE(groups, nums);

static int tens(weir_ctx *ctx, const void *value, void *key, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*(int *)key = *(const int *)value / 10;
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
	weir_stage *st = weir_join_by_key(weir_ctx_rt(ctx), num_type(),
					  &(struct weir_join_opts){.key_of = tens, .key = num_type()});
	nums_t in = nums_of(ctx, (const int[]){31, 5, 32}, 3);
	groups_t out;
	(void)err, (void)arg;
	CHECK(run(ctx, st, &in, &out) == 0);
	CHECK(groups_len(&out) == 2); /* in the order in which their keys came */
	CHECK(*nums_at(groups_at(&out, 0), 1) == 32);
	groups_drop(&out);
	nums_drop(&in);
	weir_stage_free(&st);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

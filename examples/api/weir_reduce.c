/* SPDX-License-Identifier: MIT
 *
 * weir_reduce: groups the values of an array by an order, and makes one value of each group. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);
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

static int by_tens(const void *a, const void *b, void *arg)
{
	(void)arg;
	return *(const int *)a / 10 - *(const int *)b / 10;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	weir_call *call = NULL;
	static const int values[] = {21, 5, 22, 11};
	weir_rt *rt = weir_ctx_rt(ctx);
	nums_t in, out;
	(void)arg;
	weir_stage *st = weir_reduce(sum_stage(rt, NULL), &(struct weir_reduce_opts){.order = by_tens});
	weir_scope_init(&s, ctx);
	CHECK(weir_call_new(&s, st, &call) == 0);
	CHECK(nums_new(rt, 4, &in) == 0);
	for (size_t i = 0; i < 4; i++)
		CHECK(nums_put(&in, i, &values[i]) == 0);
	CHECK(weir_call_process(ctx, call, &in, &out, NULL) == 0);
	CHECK(nums_len(&out) == 3); /* below ten, tens, twenties: in ascending order */
	CHECK(*nums_at(&out, 0) == 5 && *nums_at(&out, 1) == 11 && *nums_at(&out, 2) == 43);
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

/* SPDX-License-Identifier: MIT
 *
 * weir_map: the same stage for each value of an array; with collect, what failed is an empty place. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);
WEIR_ARRAY_DECLARE(nums, num);

static int even(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)arg;
	*out = *in;
	return *in % 2 ? weir_fail(err, WEIR_EUSER, "%d is odd", *in) : 0;
}
WEIR_STAGE_DECLARE(even, num, num);

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	weir_call *call = NULL;
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_err why = {0};
	uint32_t index = 0;
	nums_t in, out;
	(void)arg;
	weir_stage *st = weir_map(even_stage(rt, NULL), &(struct weir_map_opts){.collect = true});
	weir_scope_init(&s, ctx);
	CHECK(weir_call_new(&s, st, &call) == 0);
	CHECK(nums_new(rt, 3, &in) == 0);
	for (int i = 0; i < 3; i++)
		CHECK(nums_put(&in, (size_t)i, &i) == 0);
	CHECK(weir_call_process(ctx, call, &in, &out, &why) == WEIR_EPARTIAL);
	CHECK(*nums_at(&out, 0) == 0 && nums_at(&out, 1) == NULL && *nums_at(&out, 2) == 2);
	CHECK(weir_err_member(&why, 0, &index)->code == WEIR_EUSER && index == 1);
	weir_err_fini(&why);
	nums_drop(&out); /* ours in spite of the code: see WEIR_EPARTIAL */
	nums_drop(&in);
	weir_call_free(&call);
	weir_stage_free(&st);
	return weir_scope_join(ctx, &s, 0, err);
}

int main(void)
{
	return weir_main(app, NULL);
}

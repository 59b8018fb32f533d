/* SPDX-License-Identifier: MIT
 *
 * weir_router: a value for those of several stages that a function selects. */
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

static int even(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)arg;
	*out = *in;
	return *in % 2 ? weir_fail(err, WEIR_EUSER, "%d is odd", *in) : 0;
}
WEIR_STAGE_DECLARE(even, num, num);

/* The second route for all, the first one for those above ten too; nobody wants 0. */
static int pick(weir_ctx *ctx, const void *in, size_t *picks, size_t cap, weir_err *err, void *arg)
{
	(void)ctx, (void)cap, (void)err, (void)arg;
	picks[0] = 1, picks[1] = 0;
	return *(const int *)in == 0 ? 0 : *(const int *)in > 10 ? 2 : 1;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	weir_call *call = NULL;
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_stage *const routes[] = {plus_one_stage(rt, NULL), even_stage(rt, NULL)};
	nums_t out;
	(void)arg;
	weir_stage *st = weir_router(routes, 2, &(struct weir_router_opts){.selector = pick});
	weir_scope_init(&s, ctx);
	CHECK(weir_call_new(&s, st, &call) == 0);
	CHECK(weir_call_process(ctx, call, &(int){0}, &out, NULL) == WEIR_ENOROUTE);
	CHECK(weir_call_process(ctx, call, &(int){12}, &out, NULL) == 0 && nums_len(&out) == 2);
	CHECK(*nums_at(&out, 0) == 12 && *nums_at(&out, 1) == 13); /* in the order of the selection */
	nums_drop(&out);
	weir_call_free(&call);
	weir_stage_free(&st);
	return weir_scope_join(ctx, &s, 0, err);
}

int main(void)
{
	return weir_main(app, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * weir_router: a value for those of several stages that a selector chooses. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);
WEIR_ARRAY_DECLARE(nums, num);

/* Even values take the first route, those above 100 the second. */
static int choose(weir_ctx *ctx, const void *in, size_t *picks, size_t cap, weir_err *err, void *arg)
{
	int n = 0, value = *(const int *)in;
	(void)ctx, (void)cap, (void)err, (void)arg;
	if (value % 2 == 0)
		picks[n++] = 0;
	if (value > 100)
		picks[n++] = 1;
	return n;
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

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_stage *const routes[] = {weir_filter(rt, num_type(), NULL, NULL), weir_filter(rt, num_type(), NULL, NULL)};
	weir_stage *st = weir_router(routes, 2, &(struct weir_router_opts){.selector = choose});
	nums_t out;
	(void)err, (void)arg;
	CHECK(run(ctx, st, &(const int){102}, &out) == 0);
	CHECK(nums_len(&out) == 2);
	nums_drop(&out);
	CHECK(run(ctx, st, &(const int){3}, &out) == WEIR_ENOROUTE);
	weir_stage_free(&st);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

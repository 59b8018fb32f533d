/* SPDX-License-Identifier: MIT
 *
 * weir_filter: lets some values through, which move; the others stay the caller's. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);

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

static int is_even(weir_ctx *ctx, const void *in, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	return *(const int *)in % 2 == 0;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_stage *st = weir_filter(weir_ctx_rt(ctx), num_type(), is_even, NULL);
	int out = 0;
	(void)err, (void)arg;
	CHECK(run(ctx, st, &(const int){4}, &out) == 0);
	CHECK(out == 4);
	CHECK(run(ctx, st, &(const int){5}, &out) == WEIR_EFILTERED);
	weir_stage_free(&st);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

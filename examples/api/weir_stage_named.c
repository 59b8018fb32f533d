/* SPDX-License-Identifier: MIT
 *
 * weir_stage_named: a name of its own for what a constructor made. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);

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

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_stage *first = plus_stage(weir_ctx_rt(ctx), NULL), *second = plus_stage(weir_ctx_rt(ctx), NULL);
	weir_stage *st = weir_stage_named(weir_then(first, weir_stage_named(second, "again")), "twice");
	int out = 0;
	(void)err, (void)arg;
	CHECK(strcmp(weir_stage_name(st), "twice") == 0);
	CHECK(run(ctx, st, &(const int){1}, &out) == 0);
	CHECK(out == 3);
	weir_stage_free(&st);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

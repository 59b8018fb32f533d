/* SPDX-License-Identifier: MIT
 *
 * weir_on_error: a function that is asked what becomes of a failure: here, a value, or another code. */
#include <stdio.h>
#include <stdlib.h>
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

static int mend(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)arg;
	if (*(const int *)in != -1)
		return weir_fail(err, WEIR_EIO, "not even -1");
	*(int *)out = 0;
	return 0;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_stage *st = weir_on_error(plus_stage(weir_ctx_rt(ctx), NULL), &(struct weir_on_error_opts){.fn = mend});
	int out = 0;
	(void)err, (void)arg;
	CHECK(run(ctx, st, &(const int){1}, &out) == 0);
	CHECK(out == 2);
	CHECK(run(ctx, st, &(const int){-1}, &out) == 0);
	CHECK(out == 0);
	CHECK(run(ctx, st, &(const int){-2}, &out) == WEIR_EIO);
	weir_stage_free(&st);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

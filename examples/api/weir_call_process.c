/* SPDX-License-Identifier: MIT
 *
 * weir_call_process: runs a stage on one value, and allocates nothing for it. */
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

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_stage *st = weir_then(plus_stage(weir_ctx_rt(ctx), NULL), plus_stage(weir_ctx_rt(ctx), NULL));
	weir_call *call = NULL;
	weir_scope s;
	int in = 4, out = 0;
	char text[100];
	(void)arg;
	weir_scope_init(&s, ctx);
	CHECK(weir_call_new(&s, st, &call) == 0);
	CHECK(weir_call_process(ctx, call, &in, &out, err) == 0);
	CHECK(in == 4 && out == 6); /* in is still ours */
	in = -4;
	CHECK(weir_call_process(ctx, call, &in, &out, err) == WEIR_EUSER);
	weir_err_format(err, text, sizeof(text));
	CHECK(strcmp(text, "chain: plus[0]: user error -10000: -4 is negative") == 0);
	weir_err_fini(err);
	weir_call_free(&call);
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0);
	weir_stage_free(&st);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

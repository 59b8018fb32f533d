/* SPDX-License-Identifier: MIT
 *
 * weir_call_process: runs a stage on one value. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);

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
	weir_err why = {0};
	char text[200];
	int out;
	(void)arg;
	weir_stage *st = even_stage(weir_ctx_rt(ctx), NULL);
	weir_scope_init(&s, ctx);
	CHECK(weir_call_new(&s, st, &call) == 0);
	CHECK(weir_call_process(ctx, call, &(int){4}, &out, &why) == 0 && out == 4);
	CHECK(weir_call_process(ctx, call, &(int){5}, &out, &why) == WEIR_EUSER);
	weir_err_format(&why, text, sizeof(text));
	CHECK(strstr(text, "5 is odd") && strstr(text, "even")); /* what, and in which stage */
	weir_err_fini(&why);
	CHECK(weir_call_process(ctx, NULL, &(int){4}, &out, NULL) == WEIR_EBADF);
	weir_call_free(&call);
	weir_stage_free(&st);
	return weir_scope_join(ctx, &s, 0, err);
}

int main(void)
{
	return weir_main(app, NULL);
}

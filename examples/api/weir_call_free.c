/* SPDX-License-Identifier: MIT
 *
 * weir_call_free: lets the helpers go; the stage may be freed then, and has other calls as before. */
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

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_call *calls[2] = {NULL, NULL};
	weir_scope s;
	int out;
	(void)arg;
	weir_stage *st = plus_one_stage(weir_ctx_rt(ctx), NULL);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 2; i++)
		CHECK(weir_call_new(&s, st, &calls[i]) == 0);
	weir_call_free(&calls[0]);
	CHECK(calls[0] == NULL);
	weir_call_free(&calls[0]); /* does nothing */
	CHECK(weir_call_process(ctx, calls[1], &(int){1}, &out, NULL) == 0 && out == 2);
	weir_call_free(&calls[1]);
	weir_stage_free(&st);
	return weir_scope_join(ctx, &s, 0, err);
}

int main(void)
{
	return weir_main(app, NULL);
}

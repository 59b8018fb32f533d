/* SPDX-License-Identifier: MIT
 *
 * weir_call_new: what one task needs to run a stage: made once, used for many values. */
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

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_stage *st = plus_stage(weir_ctx_rt(ctx), NULL);
	weir_call *calls[2] = {NULL};
	weir_scope s;
	int value = 0;
	(void)err, (void)arg;
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 2; i++) /* each task would have its own */
		CHECK(weir_call_new(&s, st, &calls[i]) == 0);
	for (int i = 0; i < 10; i++)
		CHECK(weir_call_process(ctx, calls[i % 2], &value, &value, NULL) == 0);
	CHECK(value == 10);
	for (int i = 0; i < 2; i++)
		weir_call_free(&calls[i]);
	weir_scope_cancel(&s, "no more");
	CHECK(weir_call_new(&s, st, &calls[0]) == WEIR_ECANCELED);
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0);
	weir_stage_free(&st);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

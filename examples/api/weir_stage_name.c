/* SPDX-License-Identifier: MIT
 *
 * weir_stage_name: what a stage is called: in errors, and in metrics. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
	weir_rt *rt = weir_ctx_rt(ctx);
	(void)err, (void)arg;
	weir_stage *st = plus_one_stage(rt, NULL);
	CHECK(strcmp(weir_stage_name(st), "plus_one") == 0);
	st = weir_then(st, plus_one_stage(rt, NULL));
	CHECK(strcmp(weir_stage_name(st), "chain") == 0);
	weir_stage_free(&st);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

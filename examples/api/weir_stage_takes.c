/* SPDX-License-Identifier: MIT
 *
 * weir_stage_takes: whether a value that was processed has moved, or is still the caller's. */
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
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_stage *filter = weir_filter(rt, num_type(), NULL, NULL), *st = plus_stage(rt, NULL);
	(void)err, (void)arg;
	CHECK(weir_stage_takes(filter)); /* as it is, from in to out */
	CHECK(!weir_stage_takes(st));    /* makes a new one */
	weir_stage_free(&filter);
	weir_stage_free(&st);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

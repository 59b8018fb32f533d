/* SPDX-License-Identifier: MIT
 *
 * weir_stage_in: the type of what a stage takes; NULL for one that could not be built. */
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
	weir_stage *st = weir_then(plus_stage(rt, NULL), plus_stage(rt, NULL));
	weir_stage *wrong = weir_then(plus_stage(rt, NULL), NULL);
	(void)err, (void)arg;
	CHECK(weir_type_equal(weir_stage_in(st), num_type()));
	CHECK(weir_stage_in(wrong) == NULL);
	weir_stage_free(&st);
	weir_stage_free(&wrong);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * weir_stage_out: what a stage makes: how large its memory must be, and how to drop it. */
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
WEIR_ARRAY_DECLARE(nums, num);

static int sum(weir_ctx *ctx, const nums_t *in, int *out, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	*out = 0;
	for (size_t i = 0; i < nums_len(in); i++)
		*out += *nums_at(in, i);
	return weir_ctx_err(ctx);
}
WEIR_STAGE_DECLARE(sum, nums, num);

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	(void)err, (void)arg;
	weir_stage *st = weir_fan_out((weir_stage *const[]){plus_one_stage(rt, NULL), plus_one_stage(rt, NULL)}, 2, 0);
	CHECK(weir_type_equal(weir_stage_out(st), nums_type()));
	CHECK(weir_stage_out(st)->drop != NULL);
	st = weir_then(st, sum_stage(rt, NULL));
	CHECK(weir_stage_out(st)->size == sizeof(int) && weir_stage_out(st)->drop == NULL);
	weir_stage_free(&st);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * weir_stage_check: a tree is written as one expression, and checked once. */
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
WEIR_ARRAY_DECLARE(nums, num);

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_err why = {0};
	char text[200];
	(void)err, (void)arg;
	weir_stage *good = weir_then(plus_one_stage(rt, NULL), plus_one_stage(rt, NULL));
	CHECK(weir_stage_check(good, NULL) == 0);
	weir_stage *bad = weir_map(weir_then(good, weir_map(plus_one_stage(rt, NULL), NULL)), NULL);
	CHECK(weir_stage_check(bad, &why) == WEIR_ETYPE); /* a number is no array of numbers */
	weir_err_format(&why, text, sizeof(text));
	CHECK(strstr(text, "\"chain\" makes num, but \"map\" takes arrays of num"));
	weir_err_fini(&why);
	weir_stage_free(&bad); /* and all that it was made of */
	CHECK(weir_stage_check(NULL, NULL) == WEIR_EINVAL);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

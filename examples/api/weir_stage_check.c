/* SPDX-License-Identifier: MIT
 *
 * weir_stage_check: constructors never return NULL: the first thing that went wrong is asked for once, when all is
 * built. */
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
WEIR_TYPE_PLAIN(real, double);

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_stage *st = weir_then(plus_stage(rt, NULL), weir_filter(rt, real_type(), NULL, NULL));
	char text[200];
	(void)arg;
	CHECK(weir_stage_check(st, err) == WEIR_ETYPE);
	weir_err_format(err, text, sizeof(text));
	CHECK(strstr(text, "\"plus\" makes num, but \"filter\" takes real") != NULL);
	weir_err_fini(err);
	weir_stage_free(&st); /* and with it the two */
	st = plus_stage(rt, NULL);
	CHECK(weir_stage_check(st, NULL) == 0);
	weir_stage_free(&st);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

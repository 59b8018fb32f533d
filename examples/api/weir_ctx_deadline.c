/* SPDX-License-Identifier: MIT
 *
 * weir_ctx_deadline: how much time is left: not worth beginning what will not be finished. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_ctx limit, wide;
	(void)err, (void)arg;
	CHECK(weir_ctx_deadline(ctx) == WEIR_FOREVER);
	weir_ctx_init(&limit, ctx, weir_time_add(weir_rt_now(rt), WEIR_SEC(2)));
	weir_ctx_init(&wide, &limit, weir_time_add(weir_rt_now(rt), WEIR_SEC(60)));
	CHECK(weir_ctx_deadline(&wide) == weir_ctx_deadline(&limit)); /* the earliest counts */
	int64_t left = weir_ctx_deadline(&wide) - weir_rt_now(rt);
	CHECK(left <= WEIR_SEC(2));
	int rc = left < WEIR_SEC(30) ? WEIR_EDEADLINE : weir_sleep(&wide, WEIR_SEC(30));
	CHECK(rc == WEIR_EDEADLINE);
	weir_ctx_fini(&wide);
	weir_ctx_fini(&limit);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

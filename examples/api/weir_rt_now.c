/* SPDX-License-Identifier: MIT
 *
 * weir_rt_now: the clock that deadlines are on; how long something took is the difference of two readings. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_ctx limit;
	(void)err, (void)arg;
	int64_t began = weir_rt_now(rt);
	CHECK(weir_sleep(ctx, WEIR_US(100)) == 0);
	CHECK(weir_rt_now(rt) - began >= WEIR_US(100));
	weir_ctx_init(&limit, ctx, weir_time_add(weir_rt_now(rt), WEIR_SEC(60))); /* a minute from now */
	CHECK(weir_ctx_err(&limit) == 0);
	weir_ctx_fini(&limit);
	weir_ctx_init(&limit, ctx, began); /* has passed */
	CHECK(weir_ctx_err(&limit) == WEIR_EDEADLINE);
	weir_ctx_fini(&limit);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * weir_ctx_init: a limit of time for a part of the work; it never outlasts the parent. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_ctx step, sub;
	(void)err, (void)arg;
	weir_ctx_init(&step, ctx, weir_time_add(weir_rt_now(weir_ctx_rt(ctx)), WEIR_US(200)));
	weir_ctx_init(&sub, &step, WEIR_FOREVER); /* no limit of its own */
	CHECK(weir_ctx_deadline(&sub) == weir_ctx_deadline(&step));
	CHECK(weir_sleep(&sub, WEIR_SEC(3600)) == WEIR_EDEADLINE);
	weir_ctx_fini(&sub); /* children first */
	weir_ctx_fini(&step);
	CHECK(weir_ctx_err(ctx) == 0); /* the parent goes on */
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * weir_wg_wait: waits until nothing is left, but not longer than its context. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_wg left;
	weir_ctx limit;
	(void)err, (void)arg;
	weir_wg_init(&left, weir_ctx_rt(ctx));
	CHECK(weir_wg_wait(ctx, &left) == 0); /* nothing to wait for */
	weir_wg_add(&left, 2);
	weir_wg_done(&left);
	weir_ctx_init(&limit, ctx, weir_time_add(weir_rt_now(weir_ctx_rt(ctx)), WEIR_US(100)));
	CHECK(weir_wg_wait(&limit, &left) == WEIR_EDEADLINE); /* one is left */
	weir_ctx_fini(&limit);
	weir_wg_done(&left);
	CHECK(weir_wg_wait(ctx, &left) == 0);
	weir_wg_fini(&left);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

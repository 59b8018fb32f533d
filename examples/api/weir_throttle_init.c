/* SPDX-License-Identifier: MIT
 *
 * weir_throttle_init: nothing is held back while little is known; k is at least 1. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/resilience.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_throttle t;
	CHECK(weir_throttle_init(&t, ctx, &(struct weir_throttle_init_opts){.limit.k = 0.5}) == WEIR_EINVAL);
	CHECK(weir_throttle_init(&t, ctx, &(struct weir_throttle_init_opts){.limit.min_requests = 100}) == 0);
	for (int i = 0; i < 100; i++)
		CHECK(weir_throttle_ask(ctx, &t, err) == 0);
	weir_throttle_fini(&t);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

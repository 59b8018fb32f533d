/* SPDX-License-Identifier: MIT
 *
 * weir_latency_fini: zeroed: a second one is nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/limit.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_latency l;
	CHECK(weir_latency_init(&l, weir_ctx_rt(ctx), NULL) == 0);
	weir_latency_fini(&l);
	weir_latency_fini(&l);
	CHECK(weir_latency_init(&l, weir_ctx_rt(ctx), NULL) == 0);
	weir_latency_fini(&l);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

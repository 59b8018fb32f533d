/* SPDX-License-Identifier: MIT
 *
 * weir_latency_add: one call is enough here. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/limit.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_latency l;
	CHECK(weir_latency_init(&l, weir_ctx_rt(ctx), &(struct weir_latency_opts){.min_samples = 1}) == 0);
	weir_latency_add(&l, WEIR_MS(1));
	CHECK(weir_latency_percentile(&l, 100) >= WEIR_MS(1));
	weir_latency_fini(&l);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

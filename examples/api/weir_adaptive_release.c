/* SPDX-License-Identifier: MIT
 *
 * weir_adaptive_release: what came of a call moves the limit: up by one, or down by half. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/resilience.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_adaptive a;
	struct weir_adaptive_permit p;
	const struct weir_adaptive_init_opts opts = {
		.limit = {.rule = WEIR_ADAPTIVE_AIMD, .initial = 2, .min = 1, .ratio = 0.5, .each_sample = true}};
	CHECK(weir_adaptive_init(&a, ctx, &opts) == 0);
	CHECK(weir_adaptive_acquire(ctx, &a, &p, err) == 0);
	weir_adaptive_release(ctx, &a, &p, WEIR_ADAPTIVE_SUCCESS);
	CHECK(weir_adaptive_limit(&a) == 3);
	weir_adaptive_release(ctx, &a, &p, WEIR_ADAPTIVE_DROPPED); /* it is empty: nothing happens */
	CHECK(weir_adaptive_limit(&a) == 3);
	CHECK(weir_adaptive_acquire(ctx, &a, &p, err) == 0);
	weir_adaptive_release(ctx, &a, &p, WEIR_ADAPTIVE_DROPPED);
	CHECK(weir_adaptive_limit(&a) == 1);
	weir_adaptive_fini(&a);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

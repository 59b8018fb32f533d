/* SPDX-License-Identifier: MIT
 *
 * weir_adaptive_init: a rule and where it begins; numbers that make no sense are refused. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/resilience.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_adaptive a;
	CHECK(weir_adaptive_init(&a, ctx, &(struct weir_adaptive_init_opts){.limit.min = 30}) == WEIR_EINVAL);
	const struct weir_adaptive_init_opts opts = {.name = "search",
						     .limit = {.rule = WEIR_ADAPTIVE_GRADIENT2, .initial = 50},
						     .max_waiting = 10,
						     .max_wait_ns = WEIR_MS(100)};
	CHECK(weir_adaptive_init(&a, ctx, &opts) == 0);
	CHECK(weir_adaptive_limit(&a) == 50);
	weir_adaptive_fini(&a);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

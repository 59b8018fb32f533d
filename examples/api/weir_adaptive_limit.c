/* SPDX-License-Identifier: MIT
 *
 * weir_adaptive_limit: how many may be under way, for whoever wants to know. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/resilience.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_adaptive a;
	CHECK(weir_adaptive_init(&a, ctx, NULL) == 0);
	CHECK(weir_adaptive_limit(&a) == 20);
	weir_adaptive_fini(&a);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

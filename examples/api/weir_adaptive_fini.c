/* SPDX-License-Identifier: MIT
 *
 * weir_adaptive_fini: when no call is under way any more; twice does no harm. */
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
	weir_adaptive_fini(&a);
	weir_adaptive_fini(&a);
	weir_adaptive_fini(NULL);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

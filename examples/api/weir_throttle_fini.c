/* SPDX-License-Identifier: MIT
 *
 * weir_throttle_fini: when nobody asks any more; twice does no harm. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/resilience.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_throttle t;
	CHECK(weir_throttle_init(&t, ctx, NULL) == 0);
	weir_throttle_fini(&t);
	weir_throttle_fini(&t);
	weir_throttle_fini(NULL);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

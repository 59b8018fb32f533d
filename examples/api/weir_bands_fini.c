/* SPDX-License-Identifier: MIT
 *
 * weir_bands_fini: zeroed: a second one is nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/limit.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_bands b;
	static const struct weir_band bands[] = {{.tokens = 2, .period_ns = WEIR_SEC(3600)},
						 {.tokens = 5, .period_ns = WEIR_SEC(86400), .per_period = true}};
	CHECK(weir_bands_init(&b, weir_ctx_rt(ctx), bands, 2) == 0);
	weir_bands_fini(&b);
	weir_bands_fini(&b);
	CHECK(weir_bands_init(&b, weir_ctx_rt(ctx), bands, 1) == 0);
	weir_bands_fini(&b);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * weir_bands_init: two limits in one, shared. */
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
	CHECK(weir_bands_allow_n(&b, 2) == 0);
	weir_bands_fini(&b);
	CHECK(weir_bands_init(&b, weir_ctx_rt(ctx), NULL, 2) == WEIR_EINVAL);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

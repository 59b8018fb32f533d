/* SPDX-License-Identifier: MIT
 *
 * weir_bucket_set_burst: how many there can be. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_bucket b;
	struct weir_bucket_opts o = {.tokens = 1, .period_ns = WEIR_SEC(3600), .burst = 3};
	(void)err, (void)arg;
	CHECK(weir_bucket_init(&b, weir_ctx_rt(ctx), &o) == 0);
	CHECK(weir_bucket_set_burst(&b, 2) == 0);
	CHECK(weir_bucket_allow_n(&b, 3) == WEIR_EOVERFLOW);
	CHECK(weir_bucket_allow_n(&b, 2) == 0);
	weir_bucket_fini(&b);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

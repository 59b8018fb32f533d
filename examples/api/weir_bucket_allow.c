/* SPDX-License-Identifier: MIT
 *
 * weir_bucket_allow: one token, if there is one. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_bucket b;
	struct weir_bucket_opts o = {.tokens = 5, .period_ns = WEIR_SEC(3600), .burst = 2};
	(void)err, (void)arg;
	CHECK(weir_bucket_init(&b, weir_ctx_rt(ctx), &o) == 0);
	CHECK(weir_bucket_allow(&b) == 0);
	CHECK(weir_bucket_allow(&b) == 0);
	CHECK(weir_bucket_allow(&b) == WEIR_ELIMITED);
	weir_bucket_fini(&b);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

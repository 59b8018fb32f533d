/* SPDX-License-Identifier: MIT
 *
 * weir_bucket_reserve: tokens that come later, and from when on. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_bucket b;
	struct weir_bucket_grant grant;
	struct weir_bucket_opts o = {.tokens = 1, .period_ns = WEIR_SEC(1)};
	(void)err, (void)arg;
	CHECK(weir_bucket_init(&b, weir_ctx_rt(ctx), &o) == 0);
	CHECK(weir_bucket_reserve(&b, 1, 0, &grant) == 0 && grant.delay_ns == 0);
	CHECK(weir_bucket_reserve(&b, 1, WEIR_FOREVER, &grant) == 0);
	CHECK(grant.delay_ns > 0 && grant.delay_ns <= WEIR_SEC(1));
	CHECK(weir_bucket_reserve(&b, 1, WEIR_SEC(1), &grant) == WEIR_ELIMITED); /* it would take two */
	weir_bucket_fini(&b);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * weir_bucket_set_rate: from now on. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_bucket b;
	struct weir_bucket_opts o = {.burst = 1};
	(void)err, (void)arg;
	CHECK(weir_bucket_init(&b, weir_ctx_rt(ctx), &o) == 0);
	CHECK(weir_bucket_allow(&b) == 0);
	CHECK(weir_bucket_allow(&b) == WEIR_ELIMITED); /* none ever comes */
	CHECK(weir_bucket_set_rate(&b, 1, 1) == 0);    /* one in each nanosecond */
	CHECK(weir_bucket_wait(ctx, &b, 1, NULL) == 0);
	weir_bucket_fini(&b);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * weir_bucket_wait: in line until the tokens are there; not beyond the deadline, which is known at once. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_bucket b;
	weir_ctx limit;
	weir_err why = {0};
	struct weir_err_info info;
	struct weir_bucket_opts o = {.tokens = 1, .period_ns = WEIR_MS(2)};
	(void)err, (void)arg;
	CHECK(weir_bucket_init(&b, weir_ctx_rt(ctx), &o) == 0);
	CHECK(weir_bucket_allow(&b) == 0);
	CHECK(weir_bucket_wait(ctx, &b, 1, NULL) == 0); /* some 2 ms later */
	CHECK(weir_bucket_set_rate(&b, 1, WEIR_SEC(3600)) == 0);
	/* There is none left, or one that came meanwhile on a machine that is busy. */
	CHECK(weir_bucket_allow(&b) == 0 || weir_bucket_allow(&b) == WEIR_ELIMITED);
	weir_ctx_init(&limit, ctx, weir_time_add(weir_rt_now(weir_ctx_rt(ctx)), WEIR_SEC(60)));
	CHECK(weir_bucket_wait(&limit, &b, 1, &why) == WEIR_ELIMITED); /* at once */
	CHECK(weir_err_as(&why, WEIR_ELIMITED, &info) && info.value > WEIR_SEC(60));
	weir_err_fini(&why);
	weir_ctx_fini(&limit);
	weir_bucket_fini(&b);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * weir_bands_align: a quota that comes back at each full hour of the wall clock. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/limit.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_bands b;
	struct weir_bucket_view v;
	struct weir_band quota = {.tokens = 100, .period_ns = WEIR_SEC(3600), .per_period = true};
	(void)err, (void)arg;
	quota.first_at = weir_bands_align(rt, quota.period_ns);
	CHECK(weir_bands_init(&b, rt, &quota, 1) == 0);
	CHECK(weir_bands_allow_n(&b, 100) == 0);
	weir_bands_view_now(&b, 1, &v);
	CHECK(v.retry_ns <= WEIR_SEC(3600));
	weir_bands_fini(&b);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

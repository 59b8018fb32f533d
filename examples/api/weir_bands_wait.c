/* SPDX-License-Identifier: MIT
 *
 * weir_bands_wait: in line until all bands have them; not beyond the deadline, which is known at once. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/limit.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_bands b;
	weir_ctx limit;
	weir_err why = {0};
	struct weir_err_info info;
	static const struct weir_band bands[] = {{.tokens = 1, .period_ns = WEIR_MS(2)}, {.burst = 2}};
	(void)err, (void)arg;
	CHECK(weir_bands_init(&b, weir_ctx_rt(ctx), bands, 2) == 0);
	CHECK(weir_bands_wait(ctx, &b, 1, NULL) == 0);
	CHECK(weir_bands_wait(ctx, &b, 1, NULL) == 0); /* some 2 ms later */
	weir_ctx_init(&limit, ctx, weir_time_add(weir_rt_now(weir_ctx_rt(ctx)), WEIR_SEC(60)));
	CHECK(weir_bands_wait(&limit, &b, 1, &why) == WEIR_ELIMITED); /* the second band has no third one */
	CHECK(weir_err_as(&why, WEIR_ELIMITED, &info) && info.value == WEIR_FOREVER);
	weir_err_fini(&why);
	weir_ctx_fini(&limit);
	weir_bands_fini(&b);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

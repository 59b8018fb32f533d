/* SPDX-License-Identifier: MIT
 *
 * weir_ctx_fini: every context that was made is finished, children first; zeroed memory is fine, so one exit path
 * does. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_ctx outer = {0}, inner = {0};
	(void)err, (void)arg;
	weir_ctx_init(&outer, ctx, WEIR_FOREVER);
	int rc = weir_ctx_err(&outer);
	if (rc == 0) {
		weir_ctx_init(&inner, &outer, WEIR_FOREVER);
		weir_ctx_cancel(&inner, "enough");
		rc = weir_sleep(&inner, WEIR_SEC(1));
	}
	weir_ctx_fini(&inner); /* also where it was never made */
	weir_ctx_fini(&outer);
	weir_ctx_fini(&outer); /* zeroed by now */
	weir_ctx_fini(NULL);
	CHECK(rc == WEIR_ECANCELED);
	CHECK(weir_ctx_err(ctx) == 0);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

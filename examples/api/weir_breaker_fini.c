/* SPDX-License-Identifier: MIT
 *
 * weir_breaker_fini: is for any exit label: twice is once. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/resilience.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_breaker b;
	struct weir_breaker_snapshot is;
	CHECK(weir_breaker_init(&b, ctx, NULL) == 0);
	weir_breaker_snapshot_get(ctx, &b, &is);
	CHECK(is.mode == WEIR_BREAKER_CLOSED);
	weir_breaker_fini(&b);
	weir_breaker_fini(&b);
	weir_breaker_fini(NULL);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * weir_breaker_set: an operator takes what is behind it out of service, and back. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/resilience.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_breaker b;
	struct weir_breaker_permit permit;
	CHECK(weir_breaker_init(&b, ctx, &(struct weir_breaker_opts){.failures = 1}) == 0);
	weir_breaker_set(ctx, &b, WEIR_BREAKER_FORCED_OPEN);
	CHECK(weir_breaker_acquire(ctx, &b, &permit, NULL) == WEIR_EOPEN);
	weir_breaker_set(ctx, &b, WEIR_BREAKER_CLOSED);
	CHECK(weir_breaker_acquire(ctx, &b, &permit, NULL) == 0);
	weir_breaker_fini(&b);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

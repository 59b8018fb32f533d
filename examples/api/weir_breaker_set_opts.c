/* SPDX-License-Identifier: MIT
 *
 * weir_breaker_set_opts: stricter from now on, because an operator says so; and options that make no sense. */
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
	CHECK(weir_breaker_init(&b, ctx, &(struct weir_breaker_opts){.failures = 100}) == 0);
	CHECK(weir_breaker_set_opts(ctx, &b, &(struct weir_breaker_opts){.failure_percent = 10}) == WEIR_EINVAL);
	CHECK(weir_breaker_set_opts(ctx, &b, &(struct weir_breaker_opts){.failures = 1}) == 0);
	CHECK(weir_breaker_acquire(ctx, &b, &permit, NULL) == 0);
	weir_breaker_report(ctx, &b, &permit, WEIR_OUTCOME_FAILURE);
	CHECK(weir_breaker_acquire(ctx, &b, &permit, NULL) == WEIR_EOPEN);
	weir_breaker_fini(&b);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * weir_breaker_report: each permit once; a second time does nothing. */
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
	struct weir_breaker_snapshot is;
	CHECK(weir_breaker_acquire(ctx, &b, &permit, NULL) == 0);
	weir_breaker_report(ctx, &b, &permit, WEIR_OUTCOME_SUCCESS);
	weir_breaker_report(ctx, &b, &permit, WEIR_OUTCOME_FAILURE);
	weir_breaker_snapshot_get(ctx, &b, &is);
	CHECK(is.successes == 1 && is.failures == 0);
	CHECK(is.mode == WEIR_BREAKER_CLOSED);
	weir_breaker_fini(&b);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

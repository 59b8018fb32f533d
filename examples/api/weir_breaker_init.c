/* SPDX-License-Identifier: MIT
 *
 * weir_breaker_init: a breaker in place, for all who call the same thing. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/resilience.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_breaker b;
	CHECK(weir_breaker_init(&b, ctx, &(struct weir_breaker_opts){.open_ns = -1}) == WEIR_EINVAL);
	CHECK(weir_breaker_init(&b, ctx, &(struct weir_breaker_opts){.failures = 5, .open_ns = WEIR_SEC(30)}) == 0);
	weir_breaker_fini(&b);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

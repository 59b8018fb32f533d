/* SPDX-License-Identifier: MIT
 *
 * weir_budget_retry: asks before each retry. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_budget b;
	struct weir_budget_opts o = {.share = 0.5, .ttl_ns = WEIR_SEC(60)};
	(void)err, (void)arg;
	CHECK(weir_budget_init(&b, weir_ctx_rt(ctx), &o) == 0);
	weir_budget_call(&b);
	weir_budget_call(&b);
	CHECK(weir_budget_retry(&b) == 0);
	CHECK(weir_budget_retry(&b) == WEIR_ELIMITED);
	weir_budget_fini(&b);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * weir_probe_current: the span that a context is part of. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_ctx outer, inner;
	(void)err, (void)arg;
	CHECK(weir_probe_current(ctx) == 0); /* none */
	weir_probe_enter(&outer, ctx, 41);
	weir_ctx_init(&inner, &outer, WEIR_FOREVER);
	CHECK(weir_probe_current(&outer) == 41);
	CHECK(weir_probe_current(&inner) == 41); /* it goes down */
	weir_ctx_fini(&inner);
	weir_ctx_fini(&outer);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

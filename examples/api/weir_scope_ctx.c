/* SPDX-License-Identifier: MIT
 *
 * weir_scope_ctx: the context that the tasks of a scope run under: for what shall end with them. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	weir_ctx part;
	(void)err, (void)arg;
	weir_scope_init(&s, ctx);
	weir_ctx_init(&part, weir_scope_ctx(&s), WEIR_FOREVER);
	CHECK(weir_ctx_err(&part) == 0);
	weir_scope_cancel(&s, "no more");
	CHECK(weir_ctx_err(weir_scope_ctx(&s)) == WEIR_ECANCELED);
	CHECK(weir_ctx_err(&part) == WEIR_ECANCELED && weir_ctx_err(ctx) == 0);
	weir_ctx_fini(&part); /* before the join, which finishes the scope's */
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * weir_scope_join: the first error cancels the others, and is what join returns when all are gone. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int sleeper(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return weir_sleep(ctx, WEIR_SEC(3600));
}

static int refuses(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx;
	return weir_fail(err, WEIR_EUSER - *(int *)arg, "%d is refused", *(int *)arg);
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	weir_err detail = {0};
	int n = 13;
	(void)err, (void)arg;
	weir_scope_init(&s, ctx);
	CHECK(weir_scope_spawn(&s, "sleeper", sleeper, NULL) == 0);
	CHECK(weir_scope_spawn(&s, "refuses", refuses, &n) == 0);
	CHECK(weir_scope_join(ctx, &s, 0, &detail) == WEIR_EUSER - n); /* an hour early */
	CHECK(weir_err_is(&detail, WEIR_EUSER - n));
	weir_err_fini(&detail);
	weir_scope_init(&s, ctx); /* the same where the block itself fails */
	CHECK(weir_scope_spawn(&s, "sleeper", sleeper, NULL) == 0);
	CHECK(weir_scope_join(ctx, &s, WEIR_EUSER, &detail) == WEIR_EUSER);
	weir_err_fini(&detail);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

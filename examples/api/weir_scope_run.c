/* SPDX-License-Identifier: MIT
 *
 * weir_scope_run: init, a body and join in one call, so that none of them can be forgotten. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int count(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	weir_atomic_add(arg, 1);
	return weir_ctx_err(ctx);
}

static int body(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope *s = weir_scope_of(ctx);
	int rc = weir_scope_spawn(s, "left", count, arg);
	(void)err;
	if (rc == 0)
		rc = weir_scope_spawn(s, "right", count, arg);
	return rc;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_atomic runs;
	(void)arg;
	weir_atomic_init(&runs, weir_ctx_rt(ctx), 0);
	CHECK(weir_scope_run(ctx, body, &runs, err) == 0);
	CHECK(weir_atomic_load(&runs) == 2); /* both are gone, whatever became of the body */
	weir_atomic_fini(&runs);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * weir_scope_spawn: starts a task, or fails and has done nothing: what the task would own is still ours then. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int count(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	weir_atomic_add(arg, 1);
	return 0;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_atomic runs;
	weir_scope s;
	(void)err, (void)arg;
	weir_atomic_init(&runs, weir_ctx_rt(ctx), 0);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 4; i++)
		CHECK(weir_scope_spawn(&s, "count", count, &runs) == 0);
	CHECK(weir_scope_spawn(&s, "nothing", NULL, NULL) == WEIR_EINVAL);
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0);
	CHECK(weir_atomic_load(&runs) == 4);
	weir_scope_init(&s, ctx);
	weir_scope_cancel(&s, "closed");
	CHECK(weir_scope_spawn(&s, "late", count, &runs) == WEIR_ECANCELED);
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0);
	CHECK(weir_atomic_load(&runs) == 4);
	weir_atomic_fini(&runs);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

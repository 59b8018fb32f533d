/* SPDX-License-Identifier: MIT
 *
 * weir_scope_on_end: when a context ends, something is told that does not know contexts. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static void wake(void *arg)
{
	weir_atomic_store(arg, 1); /* stands for closing a socket of another library, for instance */
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_atomic told;
	weir_scope s;
	weir_ctx job;
	weir_on_end handle;
	(void)err, (void)arg;
	weir_atomic_init(&told, weir_ctx_rt(ctx), 0);
	weir_ctx_init(&job, ctx, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	CHECK(weir_scope_on_end(&s, &job, NULL, NULL, &handle) == WEIR_EINVAL);
	CHECK(weir_scope_on_end(&s, &job, wake, &told, &handle) == 0);
	CHECK(weir_atomic_load(&told) == 0);
	weir_ctx_cancel(&job, "hang up");
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0);
	CHECK(weir_atomic_load(&told) == 1); /* once */
	weir_ctx_fini(&job);
	weir_atomic_fini(&told);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

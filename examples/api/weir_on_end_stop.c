/* SPDX-License-Identifier: MIT
 *
 * weir_on_end_stop: what was to be told when a context ends is not needed any more, or it is too late for that. */
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
	CHECK(weir_scope_on_end(&s, &job, wake, &told, &handle) == 0);
	CHECK(weir_on_end_stop(&handle) == WEIR_ON_END_STOPPED);
	weir_ctx_cancel(&job, "hang up");
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0);
	CHECK(weir_atomic_load(&told) == 0); /* nobody was told */
	CHECK(weir_on_end_stop(&handle) == WEIR_ON_END_STOPPED);
	CHECK(weir_on_end_stop(NULL) == WEIR_ON_END_STOPPED);
	weir_ctx_fini(&job);
	weir_atomic_fini(&told);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

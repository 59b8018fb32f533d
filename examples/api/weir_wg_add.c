/* SPDX-License-Identifier: MIT
 *
 * weir_wg_add: counts before the one who will count down is started; otherwise a wait could come too early. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int part(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	weir_wg_done(arg); /* then this */
	return weir_ctx_err(ctx);
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_wg left;
	weir_scope s;
	(void)err, (void)arg;
	weir_wg_init(&left, weir_ctx_rt(ctx));
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 3; i++) {
		weir_wg_add(&left, 1); /* first this, */
		int rc = weir_scope_spawn(&s, "part", part, &left);
		CHECK(rc == 0); /* (a task that could not be started is not counted down: call done for it) */
	}
	CHECK(weir_wg_wait(ctx, &left) == 0);
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0);
	weir_wg_fini(&left);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * weir_sem_release: any task may give permits: here one task counts off what another waits for. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int prepare(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	for (int i = 0; i < 3; i++)
		weir_sem_release(arg, 1);
	return weir_ctx_err(ctx);
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_sem ready;
	weir_scope s;
	(void)err, (void)arg;
	weir_sem_init(&ready, weir_ctx_rt(ctx), 0);
	weir_scope_init(&s, ctx);
	CHECK(weir_scope_spawn(&s, "prepare", prepare, &ready) == 0);
	CHECK(weir_sem_acquire(ctx, &ready, 3) == 0); /* when all three are there */
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0);
	CHECK(weir_sem_try_acquire(&ready, 1) == WEIR_EAGAIN);
	weir_sem_fini(&ready);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

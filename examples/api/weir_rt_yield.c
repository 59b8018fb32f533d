/* SPDX-License-Identifier: MIT
 *
 * weir_rt_yield: lets others run while this task waits for something that cannot wake it. Where there is a call that
 * waits (channels, conditions, join), use that. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int prepare(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	weir_atomic_store(arg, 1);
	return 0;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_atomic ready;
	weir_scope s;
	(void)err, (void)arg;
	weir_atomic_init(&ready, rt, 0);
	weir_scope_init(&s, ctx);
	CHECK(weir_scope_spawn(&s, "prepare", prepare, &ready) == 0);
	do
		weir_rt_yield(rt);
	while (weir_atomic_load(&ready) == 0 && weir_ctx_err(ctx) == 0);
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0);
	CHECK(weir_atomic_load(&ready) == 1);
	weir_atomic_fini(&ready);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

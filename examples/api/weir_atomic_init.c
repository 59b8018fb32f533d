/* SPDX-License-Identifier: MIT
 *
 * weir_atomic_init: a number that tasks share without a lock, and that the simulator sees. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int adder(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	for (int i = 0; i < 100; i++)
		weir_atomic_add(arg, 2);
	return weir_ctx_err(ctx);
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_atomic n;
	weir_scope s;
	(void)err, (void)arg;
	weir_atomic_init(&n, weir_ctx_rt(ctx), 1000);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 2; i++)
		CHECK(weir_scope_spawn(&s, "adder", adder, &n) == 0);
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0);
	CHECK(weir_atomic_load(&n) == 1400);
	weir_atomic_fini(&n);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

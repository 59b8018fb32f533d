/* SPDX-License-Identifier: MIT
 *
 * weir_atomic_exchange: takes what has gathered, and leaves nothing: no event is counted twice or lost. */
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
	weir_atomic events;
	weir_scope s;
	uint64_t taken = 0;
	(void)err, (void)arg;
	weir_atomic_init(&events, weir_ctx_rt(ctx), 0);
	weir_scope_init(&s, ctx);
	CHECK(weir_scope_spawn(&s, "adder", adder, &events) == 0);
	for (int i = 0; i < 10; i++)
		taken += weir_atomic_exchange(&events, 0);
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0);
	taken += weir_atomic_exchange(&events, 0);
	CHECK(taken == 200 && weir_atomic_load(&events) == 0);
	weir_atomic_fini(&events);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * weir_scope_of: a task starts another one beside itself, in the scope it runs in. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int one_more(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	if (weir_atomic_add(arg, 1) >= 2)
		return 0;
	return weir_scope_spawn(weir_scope_of(ctx), "next", one_more, arg);
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_atomic runs;
	weir_scope s;
	(void)arg;
	weir_atomic_init(&runs, weir_ctx_rt(ctx), 0);
	CHECK(weir_scope_of(ctx) == NULL); /* the first task is in none */
	weir_scope_init(&s, ctx);
	CHECK(weir_scope_of(weir_scope_ctx(&s)) == &s);
	CHECK(weir_scope_spawn(&s, "first", one_more, &runs) == 0);
	CHECK(weir_scope_join(ctx, &s, 0, err) == 0); /* waits for those that came later too */
	CHECK(weir_atomic_load(&runs) == 3);
	weir_atomic_fini(&runs);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

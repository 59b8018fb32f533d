/* SPDX-License-Identifier: MIT
 *
 * weir_atomic_store: a flag by which one task asks another to end its round. (To end a wait there is the context.) */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

struct spinner {
	weir_atomic stop;
	unsigned long rounds;
};

static int spin(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct spinner *s = arg;
	(void)err;
	do {
		s->rounds++;
		weir_rt_yield(weir_ctx_rt(ctx));
	} while (weir_atomic_load(&s->stop) == 0);
	return 0;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct spinner spinner = {.rounds = 0};
	weir_scope s;
	(void)err, (void)arg;
	weir_atomic_init(&spinner.stop, weir_ctx_rt(ctx), 0);
	weir_scope_init(&s, ctx);
	CHECK(weir_scope_spawn(&s, "spin", spin, &spinner) == 0);
	weir_atomic_store(&spinner.stop, 1);
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0);
	CHECK(weir_atomic_load(&spinner.stop) == 1 && spinner.rounds >= 1);
	weir_atomic_fini(&spinner.stop);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * weir_wg_done: the last part that is done releases all that wait. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

struct work {
	weir_wg left;
	int parts[3];
};

static int part(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct work *w = arg;
	(void)ctx, (void)err;
	for (int i = 0; i < 3; i++) {
		w->parts[i] = i + 1;
		weir_wg_done(&w->left);
	}
	return 0;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct work w = {.parts = {0}};
	weir_scope s;
	(void)err, (void)arg;
	weir_wg_init(&w.left, weir_ctx_rt(ctx));
	weir_wg_add(&w.left, 3);
	weir_scope_init(&s, ctx);
	CHECK(weir_scope_spawn(&s, "part", part, &w) == 0);
	CHECK(weir_wg_wait(ctx, &w.left) == 0);
	CHECK(w.parts[0] + w.parts[1] + w.parts[2] == 6);
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0);
	weir_wg_fini(&w.left);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

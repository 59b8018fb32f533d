/* SPDX-License-Identifier: MIT
 *
 * weir_recycler_get: a block that was used before, or a new one; here of four sizes. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_recycler *r = NULL;
	weir_recycler_cache *c = NULL;
	void *small = NULL, *large = NULL;
	(void)err, (void)arg;
	CHECK(weir_recycler_new(weir_ctx_rt(ctx), &(struct weir_recycler_opts){.bytes = 64, .classes = 4}, &r) == 0);
	CHECK(weir_recycler_cache_new(r, &c) == 0);
	CHECK(weir_recycler_get(c, 0, &small) == 0);
	CHECK(weir_recycler_get(c, 300, &large) == 0);
	CHECK(weir_recycler_room(small) == 64);
	CHECK(weir_recycler_room(large) == 512);
	weir_recycler_put(c, small);
	weir_recycler_put(c, large);
	weir_recycler_cache_free(&c);
	weir_recycler_free(&r);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

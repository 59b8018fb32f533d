/* SPDX-License-Identifier: MIT
 *
 * weir_recycler_room: how much there is in a block: as much as its class has, or what was asked for beyond the
 * largest. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_recycler *r = NULL;
	weir_recycler_cache *c = NULL;
	void *block = NULL;
	(void)err, (void)arg;
	CHECK(weir_recycler_new(weir_ctx_rt(ctx), &(struct weir_recycler_opts){.bytes = 64, .classes = 2}, &r) == 0);
	CHECK(weir_recycler_cache_new(r, &c) == 0);
	for (size_t bytes = 1; bytes < 200; bytes++) {
		CHECK(weir_recycler_get(c, bytes, &block) == 0);
		CHECK(weir_recycler_room(block) == (bytes <= 64 ? 64 : bytes <= 128 ? 128 : bytes));
		weir_recycler_put(c, block);
	}
	weir_recycler_cache_free(&c);
	weir_recycler_free(&r);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * weir_recycler_cache_free: what a cache kept is there for the others. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_recycler *r = NULL;
	weir_recycler_cache *c = NULL;
	weir_recycler_cache *other = NULL;
	void *block = NULL, *again = NULL;
	(void)err, (void)arg;
	CHECK(weir_recycler_new(weir_ctx_rt(ctx), &(struct weir_recycler_opts){.bytes = 64}, &r) == 0);
	CHECK(weir_recycler_cache_new(r, &c) == 0);
	CHECK(weir_recycler_get(c, 0, &block) == 0);
	weir_recycler_put(c, block);
	weir_recycler_cache_free(&c);
	CHECK(weir_recycler_cache_new(r, &other) == 0);
	CHECK(weir_recycler_get(other, 0, &again) == 0);
	CHECK(again == block);
	weir_recycler_put(other, again);
	weir_recycler_cache_free(&other);
	weir_recycler_free(&r);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

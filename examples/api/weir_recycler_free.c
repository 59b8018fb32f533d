/* SPDX-License-Identifier: MIT
 *
 * weir_recycler_free: frees a recycler with what it keeps, when all blocks are back and all caches are gone. */
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
	CHECK(weir_recycler_new(weir_ctx_rt(ctx), &(struct weir_recycler_opts){.bytes = 64}, &r) == 0);
	CHECK(weir_recycler_cache_new(r, &c) == 0);
	CHECK(weir_recycler_get(c, 0, &block) == 0);
	weir_recycler_put(c, block);
	weir_recycler_cache_free(&c);
	weir_recycler_free(&r);
	CHECK(r == NULL);
	weir_recycler_free(&r);
	CHECK(c == NULL);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

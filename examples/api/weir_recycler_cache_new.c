/* SPDX-License-Identifier: MIT
 *
 * weir_recycler_cache_new: what one task uses a recycler through, without a lock; there is a limit to how many. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_recycler *r = NULL;
	weir_recycler_cache *c = NULL;
	weir_recycler_cache *other = NULL;
	(void)err, (void)arg;
	CHECK(weir_recycler_new(weir_ctx_rt(ctx), &(struct weir_recycler_opts){.bytes = 64, .caches = 1}, &r) == 0);
	CHECK(weir_recycler_cache_new(r, &c) == 0);
	CHECK(weir_recycler_cache_new(r, &other) == WEIR_EAGAIN);
	CHECK(other == NULL);
	weir_recycler_cache_free(&c);
	weir_recycler_free(&r);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

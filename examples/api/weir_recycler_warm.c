/* SPDX-License-Identifier: MIT
 *
 * weir_recycler_warm: makes blocks before they are needed. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_recycler *r = NULL;
	weir_recycler_cache *c = NULL;
	struct weir_recycler_report stats;
	void *block = NULL;
	(void)err, (void)arg;
	CHECK(weir_recycler_new(weir_ctx_rt(ctx), &(struct weir_recycler_opts){.bytes = 64, .keep = 10}, &r) == 0);
	CHECK(weir_recycler_cache_new(r, &c) == 0);
	CHECK(weir_recycler_warm(c, 64, 10) == 0);
	CHECK(weir_recycler_warm(c, 64, 1) == WEIR_EOVERFLOW); /* no more are kept */
	CHECK(weir_recycler_get(c, 0, &block) == 0);
	weir_recycler_stats(r, &stats);
	CHECK(stats.hits == 1 && stats.misses == 0);
	weir_recycler_put(c, block);
	weir_recycler_cache_free(&c);
	weir_recycler_free(&r);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

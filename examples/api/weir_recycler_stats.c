/* SPDX-License-Identifier: MIT
 *
 * weir_recycler_stats: how often a block was there, and how many are. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_recycler *r = NULL;
	weir_recycler_cache *c = NULL;
	struct weir_recycler_report stats;
	void *blocks[3];
	(void)err, (void)arg;
	CHECK(weir_recycler_new(weir_ctx_rt(ctx), &(struct weir_recycler_opts){.bytes = 64, .keep = 2}, &r) == 0);
	CHECK(weir_recycler_cache_new(r, &c) == 0);
	for (int i = 0; i < 3; i++)
		CHECK(weir_recycler_get(c, 0, &blocks[i]) == 0);
	for (int i = 0; i < 3; i++)
		weir_recycler_put(c, blocks[i]);
	weir_recycler_stats(r, &stats);
	CHECK(stats.gets == 3 && stats.misses == 3 && stats.hits == 0);
	CHECK(stats.puts == 3 && stats.freed == 1); /* there was room for two */
	CHECK(stats.kept == 2 && stats.out == 0);
	weir_recycler_cache_free(&c);
	weir_recycler_free(&r);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

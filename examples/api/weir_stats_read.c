/* SPDX-License-Identifier: MIT
 *
 * weir_stats_read: a snapshot while the writers go on: no answer is ever seen without its request. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const char *const names[] = {"received", "answered"};
static const struct weir_stats_opts server = {.name = "server", .counters = names, .n_counters = 2, .n_writers = 2};

static int serve(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	for (int i = 0; i < 1000; i++) {
		weir_stats_add(arg, 0, 0, 1);
		weir_stats_add(arg, 0, 1, 1);
	}
	return weir_ctx_err(ctx);
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_stats *stats = NULL;
	weir_scope s;
	uint64_t now[2] = {0};
	(void)err, (void)arg;
	CHECK(weir_stats_new(weir_ctx_rt(ctx), &server, &stats) == 0);
	weir_scope_init(&s, ctx);
	CHECK(weir_scope_spawn(&s, "worker", serve, stats) == 0);
	for (int i = 0; i < 100; i++) {
		weir_stats_read(stats, now);
		CHECK(now[1] <= now[0]);
	}
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0);
	weir_stats_read(stats, now);
	CHECK(now[0] == 1000 && now[1] == 1000);
	weir_stats_free(&stats);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * weir_stats_add: each worker is a writer of its own: two of them never touch the same cache line. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const char *const names[] = {"received", "answered"};
static const struct weir_stats_opts server = {.name = "server", .counters = names, .n_counters = 2, .n_writers = 2};

struct worker {
	weir_stats *stats;
	size_t index;
};

static int serve(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct worker *me = arg;
	(void)err;
	for (int i = 0; i < 100; i++) {
		weir_stats_add(me->stats, me->index, 0, 1); /* received, */
		weir_stats_add(me->stats, me->index, 1, 1); /* then answered */
	}
	return weir_ctx_err(ctx);
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct worker workers[2] = {{.index = 0}, {.index = 1}};
	weir_stats *stats = NULL;
	weir_scope s;
	uint64_t now[2];
	(void)err, (void)arg;
	CHECK(weir_stats_new(weir_ctx_rt(ctx), &server, &stats) == 0);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 2; i++) {
		workers[i].stats = stats;
		CHECK(weir_scope_spawn(&s, "worker", serve, &workers[i]) == 0);
	}
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0);
	weir_stats_read(stats, now);
	CHECK(now[0] == 200 && now[1] == 200);
	weir_stats_free(&stats);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

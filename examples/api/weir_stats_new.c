/* SPDX-License-Identifier: MIT
 *
 * weir_stats_new: a set of counters whose snapshots make sense, seen by every exporter of the runtime. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	static const char *const names[] = {"received", "answered"};
	weir_stats *stats = NULL;
	uint64_t now[2];
	(void)err, (void)arg;
	CHECK(weir_stats_new(weir_ctx_rt(ctx), &(struct weir_stats_opts){.name = "none"}, &stats) == WEIR_EINVAL);
	CHECK(weir_stats_new(
		      weir_ctx_rt(ctx),
		      &(struct weir_stats_opts){.name = "server", .counters = names, .n_counters = 2, .n_writers = 4},
		      &stats) == 0);
	weir_stats_add(stats, 3, 0, 1); /* the fourth worker received one */
	weir_stats_read(stats, now);
	CHECK(now[0] == 1 && now[1] == 0);
	weir_stats_free(&stats);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

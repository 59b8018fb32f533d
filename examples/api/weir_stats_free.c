/* SPDX-License-Identifier: MIT
 *
 * weir_stats_free: a set that is freed is gone from the registry too; one exit path does, whether there is one or
 * not. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const char *const names[] = {"received", "answered"};
static const struct weir_stats_opts server = {.name = "server", .counters = names, .n_counters = 2, .n_writers = 2};

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_stats *stats = NULL;
	struct weir_stats_view view;
	(void)err, (void)arg;
	CHECK(weir_stats_new(weir_ctx_rt(ctx), &server, &stats) == 0);
	CHECK(weir_stats_at(weir_ctx_rt(ctx), 0, &view) == 1);
	weir_stats_free(&stats);
	CHECK(stats == NULL && weir_stats_at(weir_ctx_rt(ctx), 0, &view) == 0);
	weir_stats_free(&stats); /* allowed */
	weir_stats_free(NULL);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

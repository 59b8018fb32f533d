/* SPDX-License-Identifier: MIT
 *
 * weir_stats_at: what an exporter does: all counters of a runtime, whoever made them. */
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
	size_t lines = 0;
	(void)err, (void)arg;
	CHECK(weir_stats_new(weir_ctx_rt(ctx), &server, &stats) == 0);
	weir_stats_add(stats, 0, 0, 7);
	for (size_t set = 0; weir_stats_at(weir_ctx_rt(ctx), set, &view) == 1; set++)
		for (size_t i = 0; i < view.n_counters; i++, lines++)
			printf("%s_%s %llu\n", view.name, view.counters[i], (unsigned long long)view.values[i]);
	CHECK(lines == 2 && view.values[0] == 7);
	weir_stats_free(&stats);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}

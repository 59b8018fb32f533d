/* SPDX-License-Identifier: MIT
 *
 * Statistics under every interleaving: S2 of stats.c, what a snapshot promises while others count. An event of a
 * counter is allowed by one of the counter before it, so no snapshot may show more of the later ones, and none less
 * than the one before it. "dfs" is every schedule, "dfs2" every one with at most two preemptions; and the search must
 * have seen snapshots from the middle, or nothing was tried. */
#include <weir/sim.h>

enum { TAKEN, DONE, TOLD, N_COUNTERS };

static const char *const names[N_COUNTERS] = {"taken", "done", "told"};

static unsigned seen[3]; /* by the number of writers; bits: how many events a snapshot showed */

struct writer {
	weir_stats *stats;
	size_t index;
};

static int count(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct writer *w = arg;
	(void)ctx, (void)err;
	for (size_t i = 0; i < N_COUNTERS; i++)
		weir_stats_add(w->stats, w->index, i, 1);
	return 0;
}

static void expect_order(const uint64_t *n, uint64_t writers)
{
	WEIR_SIM_ASSERT(n[TAKEN] <= writers);
	WEIR_SIM_ASSERT(n[DONE] <= n[TAKEN]);
	WEIR_SIM_ASSERT(n[TOLD] <= n[DONE]);
}

static void snapshots(weir_ctx *ctx, size_t n_writers)
{
	const struct weir_stats_opts opts = {.name = "jobs",
					     .counters = names,
					     .n_counters = N_COUNTERS,
					     .n_writers = n_writers};
	uint64_t first[N_COUNTERS], second[N_COUNTERS];
	struct writer writers[2];
	weir_stats *stats = NULL;
	weir_scope s;
	WEIR_SIM_EQ(weir_stats_new(weir_ctx_rt(ctx), &opts, &stats), 0);
	weir_scope_init(&s, ctx);
	for (size_t i = 0; i < n_writers; i++) {
		writers[i] = (struct writer){.stats = stats, .index = i};
		WEIR_SIM_EQ(weir_scope_spawn(&s, "writer", count, &writers[i]), 0);
	}
	weir_stats_read(stats, first);
	expect_order(first, n_writers);
	weir_stats_read(stats, second);
	expect_order(second, n_writers);
	for (size_t i = 0; i < N_COUNTERS; i++)
		WEIR_SIM_ASSERT(first[i] <= second[i]);
	seen[n_writers] |= 1u << (first[TAKEN] + first[DONE] + first[TOLD]);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_stats_read(stats, second);
	for (size_t i = 0; i < N_COUNTERS; i++)
		WEIR_SIM_EQ(second[i], n_writers);
	weir_stats_free(&stats);
}

WEIR_SIM_TEST_WITH(one_writer, .strategy = "dfs")
{
	snapshots(ctx, 1);
}

WEIR_SIM_TEST_WITH(one_writer_was_seen_at_every_point, .allow_no_decisions = true, .schedules = 1)
{
	(void)ctx;
	WEIR_SIM_EQ(seen[1], 0xf);
}

WEIR_SIM_TEST_WITH(two_writers, .strategy = "dfs2")
{
	snapshots(ctx, 2);
}

WEIR_SIM_TEST_WITH(two_writers_were_seen_at_every_point, .allow_no_decisions = true, .schedules = 1)
{
	(void)ctx;
	WEIR_SIM_EQ(seen[2], 0x7f);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}

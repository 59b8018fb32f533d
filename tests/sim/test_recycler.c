/* SPDX-License-Identifier: MIT
 *
 * Recyclers under every interleaving: caches that exchange magazines at the depot, and that come and go. A block that
 * is out says whose it is, and is looked at again before it is given back: two who have the same block show. The
 * simulator counts what is freed; `bodies` counts what was made and unmade. */
#include <weir/sim.h>
#include <weir/stage.h>

static int bodies, highest;
static unsigned seen_hits;

static int body_make(void *block, size_t bytes, void *arg)
{
	(void)arg;
	WEIR_SIM_EQ(bytes, 16);
	*(int *)block = 0;
	if (++bodies > highest)
		highest = bodies;
	return 0;
}

static void body_unmake(void *block, size_t bytes, void *arg)
{
	(void)arg;
	WEIR_SIM_EQ(bytes, 16);
	WEIR_SIM_EQ(*(int *)block, 0); /* as it was given back */
	bodies--;
}

static const struct weir_recycler_opts two_kept = {
	.bytes = 16, .keep = 2, .magazine = 1, .caches = 2, .make = body_make, .unmake = body_unmake};

struct user {
	weir_recycler *r;
	int id, rounds;
};

/* Takes a block, gives it back; the last round through a cache of its own. */
static int use(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct user *u = arg;
	weir_recycler_cache *c = NULL;
	(void)err;
	WEIR_SIM_EQ(weir_recycler_cache_new(u->r, &c), 0);
	for (int i = 0; i < u->rounds; i++) {
		void *block = NULL;
		WEIR_SIM_EQ(weir_recycler_get(c, 0, &block), 0);
		WEIR_SIM_EQ(*(int *)block, 0);
		*(int *)block = u->id;
		weir_rt_yield(weir_ctx_rt(ctx));
		WEIR_SIM_EQ(*(int *)block, u->id);
		*(int *)block = 0;
		weir_recycler_put(c, block);
	}
	weir_recycler_cache_free(&c);
	return 0;
}

WEIR_SIM_TEST_WITH(two_caches_and_a_depot, .strategy = "dfs2")
{
	weir_recycler *r = NULL;
	weir_scope s;
	struct weir_recycler_report stats;
	bodies = highest = 0;
	WEIR_SIM_EQ(weir_recycler_new(weir_ctx_rt(ctx), &two_kept, &r), 0);
	struct user u[] = {{r, 1, 2}, {r, 2, 1}};
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 2; i++)
		WEIR_SIM_EQ(weir_scope_spawn(&s, "user", use, &u[i]), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_recycler_stats(r, &stats);
	WEIR_SIM_EQ(stats.gets, 3);
	WEIR_SIM_EQ(stats.puts, 3);
	WEIR_SIM_EQ(stats.hits + stats.misses, 3);
	WEIR_SIM_EQ(stats.out, 0);
	WEIR_SIM_EQ(stats.kept, bodies);
	WEIR_SIM_EQ(stats.misses - stats.freed, bodies);
	WEIR_SIM_ASSERT(stats.kept <= 2 && stats.misses <= 2 && stats.hits >= 1);
	seen_hits |= 1u << stats.hits;
	weir_recycler_free(&r);
	WEIR_SIM_EQ(bodies, 0);
}

/* A block that one takes and another gives back, through a channel. */
static int give_back(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct user *u = arg;
	weir_recycler_cache *c = NULL;
	(void)err, (void)ctx;
	WEIR_SIM_EQ(weir_recycler_cache_new(u->r, &c), 0);
	for (int i = 0; i < u->rounds; i++)
		weir_recycler_put(c, ((void *const *)(u + 1))[i]);
	weir_recycler_cache_free(&c);
	return 0;
}

WEIR_SIM_TEST_WITH(never_more_than_the_limit, .strategy = "dfs2")
{
	weir_recycler *r = NULL;
	weir_recycler_cache *c = NULL;
	weir_scope s;
	struct weir_recycler_report stats;
	struct {
		struct user user;
		void *blocks[2];
	} theirs = {.user = {.rounds = 2}};
	void *ours[2];
	bodies = highest = 0;
	WEIR_SIM_EQ(weir_recycler_new(weir_ctx_rt(ctx), &two_kept, &r), 0);
	WEIR_SIM_EQ(weir_recycler_cache_new(r, &c), 0);
	theirs.user.r = r;
	for (int i = 0; i < 2; i++) {
		WEIR_SIM_EQ(weir_recycler_get(c, 16, &ours[i]), 0);
		WEIR_SIM_EQ(weir_recycler_get(c, 1, &theirs.blocks[i]), 0);
	}
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "other", give_back, &theirs), 0);
	for (int i = 0; i < 2; i++)
		weir_recycler_put(c, ours[i]);
	weir_recycler_cache_free(&c);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_recycler_stats(r, &stats);
	WEIR_SIM_EQ(highest, 4);
	WEIR_SIM_EQ(bodies, 2); /* whoever came first: two found room */
	WEIR_SIM_EQ(stats.freed, 2);
	WEIR_SIM_EQ(stats.kept, 2);
	weir_recycler_free(&r);
	WEIR_SIM_EQ(bodies, 0);
}

/* ---- what must be found ---- */

/* Gives a block back twice: arg says how many are kept, so whether it is still memory of the recycler. */
static int put_twice(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_recycler *r = NULL;
	weir_recycler_cache *c = NULL;
	void *blocks[2];
	(void)err, (void)arg;
	WEIR_SIM_EQ(weir_recycler_new(weir_ctx_rt(ctx), &(struct weir_recycler_opts){.bytes = 8, .keep = 1}, &r), 0);
	WEIR_SIM_EQ(weir_recycler_cache_new(r, &c), 0);
	for (int i = 0; i < 2; i++)
		WEIR_SIM_EQ(weir_recycler_get(c, 0, &blocks[i]), 0);
	weir_recycler_put(c, blocks[0]); /* kept */
	weir_recycler_put(c, blocks[1]); /* freed */
	weir_recycler_put(c, blocks[arg ? 1 : 0]);
	return 0;
}

static struct weir_sim_test must_fail[] = {
	{.name = "a_kept_block_again", .fn = put_twice, .opts = {.schedules = 1, .allow_no_decisions = true}},
	{.name = "a_freed_block_again",
	 .fn = put_twice,
	 .arg = must_fail,
	 .opts = {.schedules = 1, .allow_no_decisions = true}},
};

__attribute__((constructor)) static void register_them(void)
{
	for (size_t i = 0; i < sizeof(must_fail) / sizeof(must_fail[0]); i++) {
		must_fail[i].expect = WEIR_SIM_MISUSE;
		weir_sim_register(&must_fail[i]);
	}
}

WEIR_SIM_TEST_WITH(what_is_kept_cannot_be_read, .schedules = 1, .allow_no_decisions = true)
{
	weir_recycler *r = NULL;
	weir_recycler_cache *c = NULL;
	void *block = NULL;
	WEIR_SIM_EQ(weir_recycler_new(weir_ctx_rt(ctx), &(struct weir_recycler_opts){.bytes = 8}, &r), 0);
	WEIR_SIM_EQ(weir_recycler_cache_new(r, &c), 0);
	WEIR_SIM_EQ(weir_recycler_get(c, 0, &block), 0);
	*(unsigned char *)block = 7;
	weir_recycler_put(c, block);
	WEIR_SIM_EQ(*(unsigned char *)block, 0xA5);
	weir_recycler_cache_free(&c);
	weir_recycler_free(&r);
}

WEIR_SIM_TEST_WITH(all_outcomes_were_seen, .allow_no_decisions = true, .schedules = 1)
{
	WEIR_SIM_EQ(seen_hits, 2 | 4); /* one hit where both wanted a block at once, else two */
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}

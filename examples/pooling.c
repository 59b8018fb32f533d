/* SPDX-License-Identifier: MIT
 *
 * pooling - blocks of memory that several tasks take, fill, and give back, and how many of them had to be allocated.
 *
 * A recycler keeps blocks of three sizes; each task uses it through a cache of its own. The first task comes to a
 * recycler that was warmed for it, and must not miss. Then TASKS of them work at the same time: each has LIVE blocks at
 * once, round after round, so no more than TASKS x LIVE misses are possible for each size, and all else are hits.
 * The account of the recycler must say just that. Exit status: 0; 1 something failed, or the account is wrong. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <weir/weir.h>

#define TASKS 4
#define LIVE 4
#define ROUNDS 500
#define CLASSES 3
#define FIRST_BYTES 256

struct user {
	weir_recycler *pool;
	unsigned char mark;
	unsigned rounds;
};

/* A block that is out is this task's alone: what was written is there when it is given back. */
static int use(weir_ctx *ctx, weir_err *err, struct user *u)
{
	weir_recycler_cache *cache = NULL;
	int rc = weir_recycler_cache_new(u->pool, &cache);
	for (unsigned round = 0; round < u->rounds && rc == 0; round++) {
		void *blocks[LIVE] = {0};
		size_t bytes = (size_t)FIRST_BYTES << (round % CLASSES);
		for (int i = 0; i < LIVE && rc == 0; i++) {
			rc = weir_recycler_get(cache, bytes, &blocks[i]);
			if (rc == 0)
				memset(blocks[i], u->mark, bytes);
		}
		weir_rt_yield(weir_ctx_rt(ctx)); /* let the others in */
		for (int i = 0; i < LIVE; i++) {
			const unsigned char *block = blocks[i];
			if (block && (block[0] != u->mark || block[bytes - 1] != u->mark))
				rc = weir_fail(err, WEIR_EUSER - 1, "somebody else has written into a block");
			weir_recycler_put(cache, blocks[i]);
		}
	}
	weir_recycler_cache_free(&cache);
	return rc;
}
WEIR_TASK_DECLARE(use, struct user);

/* One task, and every block it will need is there. */
static int warmed(weir_ctx *ctx, weir_err *err, weir_recycler *pool, unsigned rounds)
{
	struct user u = {.pool = pool, .mark = 0xff, .rounds = rounds};
	weir_recycler_cache *cache = NULL;
	int rc = weir_recycler_cache_new(pool, &cache);
	for (int i = 0; i < CLASSES && rc == 0; i++)
		rc = weir_recycler_warm(cache, (size_t)FIRST_BYTES << i, LIVE);
	weir_recycler_cache_free(&cache);
	return rc == 0 ? use(ctx, err, &u) : rc;
}

static int at_once(weir_ctx *ctx, weir_err *err, weir_recycler *pool, unsigned rounds)
{
	struct user users[TASKS];
	weir_scope s;
	int rc = 0;
	weir_scope_init(&s, ctx);
	for (int i = 0; i < TASKS && rc == 0; i++) {
		users[i] = (struct user){.pool = pool, .mark = (unsigned char)(i + 1), .rounds = rounds};
		rc = use_spawn(&s, &users[i]);
	}
	return weir_scope_join(ctx, &s, rc, err);
}

static int check(const struct weir_recycler_report *r, unsigned tasks, unsigned rounds, uint64_t most_misses,
		 weir_err *err)
{
	uint64_t gets = (uint64_t)tasks * LIVE * rounds;
	if (r->gets != gets || r->puts != gets || r->hits + r->misses != gets || r->out != 0)
		return weir_fail(err, WEIR_EUSER - 2, "the account does not add up");
	if (r->misses > most_misses)
		return weir_fail(err, WEIR_EUSER - 3, "%" PRIu64 " misses where %" PRIu64 " are possible", r->misses,
				 most_misses);
	if (r->kept + r->freed != r->misses + r->warmed)
		return weir_fail(err, WEIR_EUSER - 4, "a block is lost");
	return 0;
}

/* Both parts, each on a recycler of its own. */
static int pools(weir_ctx *ctx, weir_err *err, unsigned rounds, struct weir_recycler_report *sums)
{
	const struct weir_recycler_opts opts = {.bytes = FIRST_BYTES,
						.classes = CLASSES,
						.keep = (size_t)TASKS * LIVE * 2,
						.magazine = LIVE};
	int rc = 0;
	for (int part = 0; part < 2 && rc == 0; part++) {
		weir_recycler *pool = NULL;
		rc = weir_recycler_new(weir_ctx_rt(ctx), &opts, &pool);
		if (rc == 0)
			rc = part == 0 ? warmed(ctx, err, pool, rounds) : at_once(ctx, err, pool, rounds);
		if (rc == 0)
			weir_recycler_stats(pool, &sums[part]);
		weir_recycler_free(&pool);
		if (rc == 0 && part == 0)
			rc = check(&sums[0], 1, rounds, 0, err);
		else if (rc == 0)
			rc = check(&sums[1], TASKS, rounds, TASKS * LIVE * CLASSES, err);
	}
	return rc;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct weir_recycler_report sums[2] = {0};
	(void)arg;
	int rc = pools(ctx, err, ROUNDS, sums);
	for (int i = 0; i < 2 && rc == 0; i++)
		printf("%s: %" PRIu64 " gets = %" PRIu64 " hits + %" PRIu64 " misses; %" PRIu64 " warmed, %" PRIu64
		       " kept, %" PRIu64 " freed\n",
		       i == 0 ? "one task, warmed" : "four tasks at once", sums[i].gets, sums[i].hits, sums[i].misses,
		       sums[i].warmed, sums[i].kept, sums[i].freed);
	return rc;
}

int main(void)
{
	return weir_main(app, NULL);
}

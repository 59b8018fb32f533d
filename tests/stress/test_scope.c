/* SPDX-License-Identifier: MIT
 *
 * Scopes on real threads: tasks that spawn tasks, and everything that can end a scope, at once.
 *
 * `growing`: tasks spawn into their own scope while the owner is in join, some of them fail, some cancel the scope,
 * some open scopes of their own. Each task that was started has returned when join returns; if one failed for a reason
 * of its own, join returns one such reason with the detail that belongs to it.
 *
 * `all fail`: every task fails at the same time with a code of its own; the one that is returned brings its own detail.
 *
 * `few tasks`: the same growth where the runtime allows only a few tasks: a spawn that fails has started nothing.
 *
 * `long life`: several tasks spawn many short ones into one scope; the finished ones are given back on the way. */
#include "stress.h"

struct growth {
	uint64_t seed;
	_Atomic uint64_t ids, started, returned, refused, failed, cancelled;
	bool peaceful;
};

struct node {
	struct growth *growth;
	uint32_t depth;
};

static int spawn_child(weir_scope *s, struct growth *g, uint32_t depth);

static int grow(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct node node = *(struct node *)arg;
	struct growth *g = node.growth;
	uint64_t seed = seed_of(g->seed + atomic_fetch_add(&g->ids, 1)), fate;
	int rc = 0;
	free(arg);
	for (uint32_t i = 0; i < 3 && node.depth > 0 && rc == 0; i++)
		rc = spawn_child(weir_scope_of(ctx), g, node.depth - 1);
	if (node.depth > 0 && pick(&seed, 4) == 0) { /* a scope of its own, inside */
		weir_scope inner;
		weir_scope_init(&inner, ctx);
		rc = spawn_child(&inner, g, 0);
		rc = weir_scope_join(ctx, &inner, rc, err);
	}
	fate = g->peaceful ? 9 : pick(&seed, 60);
	dawdle(&seed);
	if (rc == 0 && fate == 0) {
		uint32_t number = pick(&seed, 100);
		rc = weir_fail(err, WEIR_EUSER - (int)number, "failure %u", (unsigned)number);
		atomic_fetch_add(&g->failed, 1);
	} else if (rc == 0 && fate == 1) {
		weir_scope_cancel(weir_scope_of(ctx), "by a task");
		atomic_fetch_add(&g->cancelled, 1);
	} else if (rc == 0 && fate == 2) {
		rc = weir_sleep(ctx, WEIR_US(50));
	}
	atomic_fetch_add(&g->returned, 1);
	return rc == WEIR_EAGAIN ? 0 : rc;
}

/* The node belongs to the task once it was started. */
static int spawn_child(weir_scope *s, struct growth *g, uint32_t depth)
{
	struct node *node = malloc(sizeof(*node));
	if (!node)
		return WEIR_ENOMEM;
	*node = (struct node){g, depth};
	int rc = weir_scope_spawn(s, "node", grow, node);
	if (rc == 0) {
		atomic_fetch_add(&g->started, 1);
		return 0;
	}
	atomic_fetch_add(&g->refused, 1);
	EXPECT(rc == WEIR_ECANCELED || rc == WEIR_EAGAIN);
	free(node);
	return rc;
}

/* The returned code and its detail belong together. */
static void expect_detail(const weir_err *err, int rc)
{
	char text[256], expected[32];
	(void)snprintf(expected, sizeof(expected), "failure %d", WEIR_EUSER - rc);
	weir_err_format(err, text, sizeof(text));
	EXPECT(err->code == rc && strstr(text, expected));
}

static int grow_once(weir_ctx *ctx, uint64_t round, bool peaceful, struct growth *g)
{
	weir_err detail = {0};
	weir_scope s;
	uint64_t seed = seed_of(round);
	memset((void *)g, 0, sizeof(*g));
	g->seed = round * 1000, g->peaceful = peaceful;
	weir_scope_init(&s, ctx);
	int rc = spawn_child(&s, g, 2);
	if (rc == 0 && !peaceful && pick(&seed, 3) == 0) {
		dawdle(&seed);
		weir_scope_cancel(&s, "by its owner");
	}
	rc = weir_scope_join(ctx, &s, rc, &detail);
	EXPECT(atomic_load(&g->started) == atomic_load(&g->returned));
	EXPECT(rc == 0 || rc <= WEIR_EUSER);
	EXPECT((rc == 0) == (detail.code == 0));
	if (rc < 0)
		expect_detail(&detail, rc);
	EXPECT(atomic_load(&g->failed) == 0 ? rc == 0 : true);
	weir_err_fini(&detail);
	return 0;
}

static int growing(weir_ctx *ctx, weir_err *err, void *arg)
{
	uint64_t failed = 0, cancelled = 0, refused = 0;
	struct growth g;
	(void)err, (void)arg;
	for (uint64_t round = 1; round <= ROUNDS(600); round++) {
		grow_once(ctx, round, false, &g);
		failed += atomic_load(&g.failed);
		cancelled += atomic_load(&g.cancelled);
		refused += atomic_load(&g.refused);
	}
	EXPECT(failed > 0 && cancelled > 0 && refused > 0); /* else the numbers above test nothing */
	return 0;
}

/* ---- all fail ---- */

struct failing {
	_Atomic uint32_t *ready;
	uint32_t number;
};

static int fail_together(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct failing *f = arg;
	atomic_fetch_sub(f->ready, 1);
	while (atomic_load(f->ready) > 0 && weir_ctx_err(ctx) == 0)
		weir_rt_yield(rt);
	return weir_fail(err, WEIR_EUSER - (int)f->number, "failure %u", (unsigned)f->number);
}

static int all_fail(weir_ctx *ctx, weir_err *err, void *arg)
{
	enum { TASKS = 6 };
	(void)err, (void)arg;
	for (int round = 0; round < ROUNDS(1000); round++) {
		struct failing f[TASKS];
		_Atomic uint32_t ready = TASKS;
		weir_err detail = {0};
		weir_scope s;
		weir_scope_init(&s, ctx);
		for (uint32_t i = 0; i < TASKS; i++) {
			f[i] = (struct failing){&ready, i + 1};
			EXPECT(weir_scope_spawn(&s, "failing", fail_together, &f[i]) == 0);
		}
		int rc = weir_scope_join(ctx, &s, 0, &detail);
		EXPECT(rc < WEIR_EUSER && rc >= WEIR_EUSER - TASKS);
		expect_detail(&detail, rc);
		weir_err_fini(&detail);
	}
	return 0;
}

/* ---- few tasks ---- */

static int grow_in_few(weir_ctx *ctx, weir_err *err, void *arg)
{
	uint64_t refused = 0;
	struct growth g;
	(void)err, (void)arg;
	for (uint64_t round = 1; round <= ROUNDS(300); round++) {
		grow_once(ctx, round, true, &g);
		EXPECT(atomic_load(&g.failed) == 0);
		refused += atomic_load(&g.refused);
	}
	EXPECT(refused > 0);
	return 0;
}

static int few_tasks(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct weir_rt_opts opts = {.alloc = stress_alloc, .release = stress_release, .max_tasks = 5};
	weir_rt *few, *outer = rt;
	(void)ctx, (void)arg;
	if (weir_rt_threads_new(&opts, &few) < 0)
		return WEIR_ENOMEM;
	rt = few;
	int rc = weir_rt_run(few, grow_in_few, NULL, err);
	weir_rt_free(&few);
	rt = outer;
	return rc;
}

/* ---- long life ---- */

static int count(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	atomic_fetch_add((_Atomic uint64_t *)arg, 1);
	return 0;
}

static int spawn_many(weir_ctx *ctx, weir_err *err, void *arg)
{
	_Atomic uint64_t *n = arg;
	int rc = 0;
	(void)err;
	for (int i = 0; i < ROUNDS(2000) && rc == 0; i++) {
		uint64_t before = atomic_load(n);
		rc = weir_scope_spawn(weir_scope_of(ctx), "short", count, n);
		while (rc == 0 && atomic_load(n) == before) /* so that they cannot pile up by themselves */
			weir_rt_yield(rt);
		EXPECT(atomic_load(&stress_live) < 500);
	}
	return rc;
}

static int long_life(weir_ctx *ctx, weir_err *err, void *arg)
{
	_Atomic uint64_t n = 0;
	weir_scope s;
	(void)arg;
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 3; i++)
		EXPECT(weir_scope_spawn(&s, "spawner", spawn_many, &n) == 0);
	int rc = weir_scope_join(ctx, &s, 0, err);
	EXPECT(atomic_load(&n) == 3 * ROUNDS(2000));
	return rc;
}

int main(void)
{
	stress_case("growing", growing, NULL);
	stress_case("all fail", all_fail, NULL);
	stress_case("few tasks", few_tasks, NULL);
	stress_case("long life", long_life, NULL);
	return stress_end();
}

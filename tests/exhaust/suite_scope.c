/* SPDX-License-Identifier: MIT
 *
 * Scopes: the first error, spawns against a cancel, joins under a context that ends, registrations of on_end, and a
 * scope in a scope.
 *
 * What scope.h promises and each schedule is held to: no task outlives its scope; a spawn starts a task exactly once or
 * says that it did not; the first error that is not a consequence is what join returns, with its detail, and it ends
 * the siblings; a function registered with on_end runs at most once, and exactly when its state says so. */
#include <string.h>

#include "exhaust.h"

enum { FIRST = WEIR_EUSER, SECOND = WEIR_EUSER - 1 };

static struct {
	weir_scope *s;
	weir_ctx *target, c;
	int running, started, finished; /* tasks */
	int spawned[2], slept, ran;
	bool cancelled;
	weir_on_end handle;
	enum weir_on_end_state stopped;
} st;

static void open_scope(weir_ctx *ctx, weir_scope *s)
{
	memset(&st, 0, sizeof(st));
	st.s = s;
	weir_scope_init(s, ctx);
}

/* ---- the first error ---- */

static int fails(weir_ctx *ctx, weir_err *err, void *arg)
{
	int code = *(const int *)arg;
	(void)ctx;
	st.started++;
	return weir_fail(err, code, "code %d", code);
}

static int sleeps(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	st.started++;
	st.slept = weir_sleep(ctx, WEIR_FOREVER);
	return st.slept;
}

/* Outcomes: 0, 1: whose error it was; 2, 3: the sibling asked before, after it was all over. */
static void first_error(weir_ctx *ctx, const void *arg)
{
	static const int first = FIRST, second = SECOND;
	weir_scope s;
	weir_err err = {0};
	char text[64];
	(void)arg;
	open_scope(ctx, &s);
	exhaust_start(&s, "first", fails, (void *)(uintptr_t)&first);
	int rc = weir_scope_spawn(&s, "second", fails, (void *)(uintptr_t)&second);
	int slept = weir_scope_spawn(&s, "sleeps", sleeps, NULL);
	WEIR_SIM_ASSERT((rc == 0 || rc == WEIR_ECANCELED) && (slept == 0 || slept == WEIR_ECANCELED));
	WEIR_SIM_ASSERT(slept < 0 || rc == 0); /* an end is final */
	int joined = weir_scope_join(ctx, &s, 0, &err);
	WEIR_SIM_ASSERT(joined == FIRST || (joined == SECOND && rc == 0));
	WEIR_SIM_EQ(err.code, joined);
	weir_err_format(&err, text, sizeof(text));
	WEIR_SIM_ASSERT(strstr(text, joined == FIRST ? "code -10000" : "code -10001"));
	WEIR_SIM_EQ(st.started, 1 + (rc == 0) + (slept == 0));
	WEIR_SIM_EQ(st.slept, slept == 0 ? WEIR_ECANCELED : 0);
	WEIR_SIM_EQ(weir_ctx_err(ctx), 0);
	weir_err_fini(&err);
	exhaust_saw(joined == FIRST ? 0 : 1);
	exhaust_saw(slept == 0 ? 2 : 3);
}

/* ---- spawns against a cancel ---- */

static int child(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	st.running++;
	st.started++;
	weir_rt_yield(weir_ctx_rt(ctx));
	st.running--;
	return 0;
}

static int spawns(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	bool before = st.cancelled;
	int *rc = arg;
	*rc = weir_scope_spawn(st.s, "child", child, NULL);
	WEIR_SIM_ASSERT(*rc == 0 || *rc == WEIR_ECANCELED);
	WEIR_SIM_ASSERT(!before || *rc == WEIR_ECANCELED);
	return 0;
}

/* Outcomes: how many were started. */
static void spawn_or_cancel(weir_ctx *ctx, const void *arg)
{
	weir_scope s;
	(void)arg;
	open_scope(ctx, &s);
	exhaust_start(&s, "one", spawns, &st.spawned[0]);
	exhaust_start(&s, "two", spawns, &st.spawned[1]);
	weir_scope_cancel(&s, "enough");
	st.cancelled = true;
	exhaust_join(ctx, &s);
	WEIR_SIM_EQ(st.running, 0);
	WEIR_SIM_EQ(st.started, (st.spawned[0] == 0) + (st.spawned[1] == 0));
	exhaust_saw((unsigned)st.started);
}

/* ---- a join whose context ends ---- */

static int cancels(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	weir_ctx_cancel(st.target, "enough");
	return 0;
}

static int sleeps_and_counts(weir_ctx *ctx, weir_err *err, void *arg)
{
	int rc = sleeps(ctx, err, arg);
	weir_rt_yield(weir_ctx_rt(ctx)); /* cleaning up takes time, and the join waits for it */
	st.finished++;
	return rc;
}

/* The parent of the inner scope is cancelled, or (arg) only the context of its join. Outcomes: 0. */
static void join_cancelled(weir_ctx *ctx, const void *arg)
{
	const bool *only_join = arg;
	weir_ctx parent;
	weir_scope s, outer;
	weir_ctx_init(&parent, ctx, WEIR_FOREVER);
	weir_scope_init(&outer, ctx);
	open_scope(*only_join ? ctx : &parent, &s);
	st.target = &parent;
	exhaust_start(&s, "sleeps", sleeps_and_counts, NULL);
	exhaust_start(&outer, "cancels", cancels, NULL);
	int rc = weir_scope_join(&parent, &s, 0, NULL);
	WEIR_SIM_EQ(rc, *only_join ? 0 : WEIR_ECANCELED);
	WEIR_SIM_EQ(st.slept, WEIR_ECANCELED);
	WEIR_SIM_EQ(st.finished, 1);
	exhaust_join(ctx, &outer);
	weir_ctx_fini(&parent);
	exhaust_saw(0);
}

/* ---- on_end ---- */

static void on_end(void *arg)
{
	(void)arg;
	WEIR_SIM_ASSERT(weir_ctx_err(&st.c) < 0);
	st.ran++;
}

static int stops(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	st.stopped = weir_on_end_stop(&st.handle);
	WEIR_SIM_ASSERT(st.stopped != WEIR_ON_END_DONE || st.ran == 1);
	WEIR_SIM_ASSERT(st.stopped != WEIR_ON_END_STOPPED || st.ran == 0);
	return 0;
}

static int cancels_c(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	weir_ctx_cancel(&st.c, "enough");
	return 0;
}

/* A stop, an end and the join at once. Outcomes: 0 to 2 what the stop said, 3 it ran, 4 it did not. */
static void end_or_stop(weir_ctx *ctx, const void *arg)
{
	weir_scope s;
	(void)arg;
	open_scope(ctx, &s);
	weir_ctx_init(&st.c, ctx, WEIR_FOREVER);
	WEIR_SIM_EQ(weir_scope_on_end(&s, &st.c, on_end, NULL, &st.handle), 0);
	exhaust_start(&s, "stops", stops, NULL);
	exhaust_start(&s, "cancels", cancels_c, NULL);
	exhaust_join(ctx, &s);
	WEIR_SIM_EQ(st.ran, st.stopped != WEIR_ON_END_STOPPED);
	WEIR_SIM_EQ(weir_on_end_stop(&st.handle), st.ran ? WEIR_ON_END_DONE : WEIR_ON_END_STOPPED);
	exhaust_saw(st.stopped);
	exhaust_saw(st.ran ? 3 : 4);
	weir_ctx_fini(&st.c);
}

/* Nobody stops it: an end from outside of the scope against the join, which tells idle watchers to leave. Outcomes: 3,
 * 4 as above. */
static void end_or_join(weir_ctx *ctx, const void *arg)
{
	weir_scope s, outer;
	(void)arg;
	open_scope(ctx, &s);
	weir_ctx_init(&st.c, ctx, WEIR_FOREVER);
	weir_scope_init(&outer, ctx);
	exhaust_start(&outer, "cancels", cancels_c, NULL);
	WEIR_SIM_EQ(weir_scope_on_end(&s, &st.c, on_end, NULL, &st.handle), 0);
	exhaust_start(&s, "child", child, NULL);
	exhaust_join(ctx, &s);
	WEIR_SIM_EQ(weir_on_end_stop(&st.handle), st.ran ? WEIR_ON_END_DONE : WEIR_ON_END_STOPPED);
	int ran = st.ran;
	exhaust_join(ctx, &outer);
	WEIR_SIM_EQ(st.ran, ran); /* nothing runs after the join */
	exhaust_saw(ran ? 3 : 4);
	weir_ctx_fini(&st.c);
}

/* ---- a scope in a scope ---- */

static int inner(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	(void)arg;
	weir_scope_init(&s, ctx);
	int rc = weir_scope_spawn(&s, "sleeps", sleeps_and_counts, NULL);
	st.spawned[0] = rc;
	return weir_scope_join(ctx, &s, rc, err);
}

/* A task of the outer scope fails; its sibling waits for a scope of its own. Outcomes: 0 the inner task ran, 1 not. */
static void nested(weir_ctx *ctx, const void *arg)
{
	static const int first = FIRST;
	weir_scope s;
	weir_err err = {0};
	(void)arg;
	open_scope(ctx, &s);
	exhaust_start(&s, "inner", inner, NULL);
	exhaust_start(&s, "fails", fails, (void *)(uintptr_t)&first);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, &err), FIRST);
	WEIR_SIM_EQ(err.code, FIRST);
	weir_err_fini(&err);
	WEIR_SIM_EQ(st.finished, st.spawned[0] == 0);
	WEIR_SIM_EQ(st.slept, st.spawned[0] == 0 ? WEIR_ECANCELED : 0);
	exhaust_saw(st.spawned[0] == 0 ? 0 : 1);
}

static const bool yes = true, no = false;

#define ROW(name_, fn_, arg_, outcomes_, quick_, deep_, inner_, inner_deep_)                                           \
	{                                                                                                              \
		.name = "scope_" name_, .fn = fn_, .arg = arg_, .outcomes = outcomes_, .quick = quick_, .deep = deep_, \
		.inner = inner_, .inner_deep = inner_deep_                                                             \
	}

const struct exhaust_row exhaust_scope[] = {
	ROW("first_error", first_error, NULL, 0xf, WITHIN("dfs", 0), QUICK_IS_ALL, "dfs1", "dfs2"),
	ROW("spawn_or_cancel", spawn_or_cancel, NULL, 0x7, WITHIN("dpor", 0), WITHIN("dfs", 0), "dfs2", "dfs3"),
	ROW("join_cancelled", join_cancelled, &no, 0x1, WITHIN("dfs", 0), QUICK_IS_ALL, "dfs2", "dfs3"),
	ROW("join_only_cancelled", join_cancelled, &yes, 0x1, WITHIN("dfs", 0), QUICK_IS_ALL, "dfs2", "dfs3"),
	ROW("end_or_stop", end_or_stop, NULL, 0x1f, WITHIN("dpor", 0), WITHIN("dfs", 0), "dfs1", "dfs2"),
	ROW("end_or_join", end_or_join, NULL, 0x18, WITHIN("dpor", 0), WITHIN("dfs", 0), "dfs1", "dfs2"),
	ROW("nested", nested, NULL, 0x3, WITHIN("dfs", 0), QUICK_IS_ALL, "dfs1", "dfs2"),
};
const size_t exhaust_n_scope = sizeof(exhaust_scope) / sizeof(exhaust_scope[0]);

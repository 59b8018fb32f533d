/* SPDX-License-Identifier: MIT
 *
 * Origin: cockroachdb/cockroach, pull request 584. Class: resource deadlock, double locking.
 *
 * The bootstrap loop of a gossip node leaves a call through the path "already closed" without unlocking. The next call
 * would wait for a mutex that its own task still holds. weir does not let a task wait for itself: the second lock is
 * misuse, and both sites are told. Fix: unlock on the closed path too. */
#include "bugs.h"

struct gossip {
	weir_mutex m;
	bool closed, forgets;
};

static void bootstrap(weir_ctx *ctx, struct gossip *g)
{
	weir_mutex_lock(ctx, &g->m);
	if (g->closed && g->forgets)
		return;
	weir_mutex_unlock(&g->m);
}

static int bootstrap_twice(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	bootstrap(ctx, arg);
	bootstrap(ctx, arg);
	return 0;
}

static int node(weir_ctx *ctx, bool forgets)
{
	struct gossip g = {.closed = true, .forgets = forgets};
	weir_scope s;
	weir_mutex_init(&g.m, weir_ctx_rt(ctx));
	weir_scope_init(&s, ctx);
	bug_spawn(&s, "bootstrap", bootstrap_twice, &g);
	bug_join(ctx, &s);
	weir_mutex_fini(&g.m);
	return 0;
}

static int cockroach_584_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return node(ctx, true);
}

static int cockroach_584_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return node(ctx, false);
}

WEIR_BUG(cockroach_584, "Resource: double locking", WEIR_SIM_MISUSE, false);

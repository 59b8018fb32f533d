/* SPDX-License-Identifier: MIT
 *
 * Origin: grpc/grpc-go, pull request 3017. Class: resource deadlock, a path without unlock.
 *
 * Removed connections stay in a cache for a moment, each with a one-shot timer. Taking one out again stops its timer;
 * if that is too late, the entry is marked, and the timer's function, which waits for the lock meanwhile, leaves when
 * it sees the mark, without unlocking. The next lock waits for ever. The timer must fire while the worker is running.
 * (Three rounds here, a thousand in the original. The timer is an on_end of a context with a deadline.) Fix: unlock on
 * that path too. */
#include "bugs.h"

#define ROUNDS 3

struct cache;

struct entry {
	struct cache *cache;
	weir_ctx timer;
	weir_on_end stop;
	bool abort;
};

struct cache {
	weir_mutex m;
	weir_scope s;
	weir_ctx *ctx;
	struct entry entries[ROUNDS], *cached;
	weir_tx *done;
	weir_rx *done_end;
	bool bad;
};

static void on_timer(void *arg)
{
	struct entry *e = arg;
	struct cache *c = e->cache;
	weir_mutex_lock(c->ctx, &c->m);
	if (e->abort && c->bad)
		return;
	if (!e->abort)
		c->cached = NULL;
	weir_mutex_unlock(&c->m);
}

static void remove_conn(weir_ctx *ctx, struct cache *c, struct entry *e)
{
	weir_mutex_lock(ctx, &c->m);
	e->cache = c;
	weir_ctx_init(&e->timer, c->ctx, weir_rt_now(weir_ctx_rt(ctx)) + 1);
	WEIR_SIM_EQ(weir_scope_on_end(&c->s, &e->timer, on_timer, e, &e->stop), 0);
	c->cached = e;
	weir_mutex_unlock(&c->m);
}

static void create_conn(weir_ctx *ctx, struct cache *c)
{
	weir_mutex_lock(ctx, &c->m);
	if (c->cached && weir_on_end_stop(&c->cached->stop) != WEIR_ON_END_STOPPED)
		c->cached->abort = true;
	c->cached = NULL;
	weir_mutex_unlock(&c->m);
}

static int work(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct cache *c = arg;
	(void)err;
	for (int i = 0; i < ROUNDS; i++) {
		remove_conn(ctx, c, &c->entries[i]);
		create_conn(ctx, c);
	}
	weir_tx_close(&c->done);
	return 0;
}

static int run_cache(weir_ctx *ctx, bool bad)
{
	struct cache c = {.bad = bad, .ctx = ctx};
	weir_mutex_init(&c.m, weir_ctx_rt(ctx));
	bug_chan(ctx, &bug_event, 0, &c.done, &c.done_end);
	weir_scope_init(&c.s, ctx);
	bug_spawn(&c.s, "worker", work, &c);
	WEIR_SIM_EQ(weir_rx_recv(ctx, c.done_end, NULL), 0);
	bug_join(ctx, &c.s);
	weir_mutex_lock(ctx, &c.m); /* waits for ever if it was the last timer that kept it */
	WEIR_SIM_ASSERT(!c.cached);
	weir_mutex_unlock(&c.m);
	for (int i = 0; i < ROUNDS; i++)
		weir_ctx_fini(&c.entries[i].timer);
	weir_rx_close(&c.done_end);
	weir_mutex_fini(&c.m);
	return 0;
}

static int grpc_3017_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return run_cache(ctx, true);
}

static int grpc_3017_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return run_cache(ctx, false);
}

WEIR_BUG(grpc_3017, "Resource: double locking", WEIR_SIM_DEADLOCK, true);

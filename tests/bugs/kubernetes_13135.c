/* SPDX-License-Identifier: MIT
 *
 * Origin: kubernetes/kubernetes, pull request 13135. Class: resource deadlock, opposite lock order.
 *
 * The cacher locks itself and refills its watch cache, whose lock is taken inside, and whose callback unlocks the
 * cacher again: from the second round on, cacher before cache. An event is added to the cache under the cache's lock,
 * and its callback locks the cacher: cache before cacher. (At most four rounds here, so that every schedule ends.)
 * Fix: the cacher is unlocked before the refill, and the callback does not touch it. */
#include "bugs.h"

#define ROUNDS 4

struct cacher {
	weir_mutex m, cache;
	weir_wg ready;
	weir_once first;
	weir_tx *stop;
	weir_rx *stop_end;
	int events;
	bool bad;
};

static int say_ready(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct cacher *c = arg;
	(void)ctx, (void)err;
	weir_wg_done(&c->ready);
	return 0;
}

static void on_replace(weir_ctx *ctx, struct cacher *c)
{
	WEIR_SIM_EQ(weir_once_do(ctx, &c->first, say_ready, c, NULL), 0);
	if (c->bad)
		weir_mutex_unlock(&c->m);
}

static int list_and_watch(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct cacher *c = arg;
	(void)err;
	for (int i = 0; i < ROUNDS && weir_rx_try_recv(c->stop_end, NULL) == WEIR_EAGAIN; i++) {
		weir_mutex_lock(ctx, &c->m);
		if (!c->bad)
			weir_mutex_unlock(&c->m);
		weir_mutex_lock(ctx, &c->cache);
		on_replace(ctx, c);
		weir_mutex_unlock(&c->cache);
	}
	return 0;
}

static int add_event(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct cacher *c = arg;
	(void)err;
	weir_mutex_lock(ctx, &c->cache);
	weir_mutex_lock(ctx, &c->m);
	c->events++;
	weir_mutex_unlock(&c->m);
	weir_mutex_unlock(&c->cache);
	return 0;
}

static int stop(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct cacher *c = arg;
	(void)ctx, (void)err;
	weir_tx_close(&c->stop);
	return 0;
}

static int run_cacher(weir_ctx *ctx, bool bad)
{
	struct cacher c = {.bad = bad};
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_scope s;
	weir_mutex_init(&c.m, rt);
	weir_mutex_init(&c.cache, rt);
	weir_wg_init(&c.ready, rt);
	weir_wg_add(&c.ready, 1);
	weir_once_init(&c.first, rt);
	bug_chan(ctx, &bug_event, 0, &c.stop, &c.stop_end);
	weir_scope_init(&s, ctx);
	bug_spawn(&s, "list and watch", list_and_watch, &c);
	WEIR_SIM_EQ(weir_wg_wait(ctx, &c.ready), 0);
	bug_spawn(&s, "add event", add_event, &c);
	bug_spawn(&s, "stop", stop, &c);
	bug_join(ctx, &s);
	weir_rx_close(&c.stop_end);
	weir_once_fini(&c.first);
	weir_wg_fini(&c.ready);
	weir_mutex_fini(&c.cache);
	weir_mutex_fini(&c.m);
	return 0;
}

static int kubernetes_13135_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return run_cacher(ctx, true);
}

static int kubernetes_13135_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return run_cacher(ctx, false);
}

WEIR_BUG(kubernetes_13135, "Resource: opposite lock order", WEIR_SIM_DEADLOCK, false);

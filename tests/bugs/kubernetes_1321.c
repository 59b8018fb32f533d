/* SPDX-License-Identifier: MIT
 *
 * Origin: kubernetes/kubernetes, pull request 1321. Class: mixed deadlock, channel and lock.
 *
 * The distributor sends to every watcher with a blocking send, under two locks. Whoever stops a watcher does not
 * receive any more, and needs one of these locks to take it off the list. Fix: tell the sender first. The original
 * does it with a stop channel in a select; in weir the watcher closes its receiving end, which ends the send
 * (WEIR_EPIPE). */
#include "bugs.h"

#define ROUNDS 3

struct mux {
	weir_mutex m, list;
	weir_tx *watcher;
	weir_rx *watcher_end;
	bool bad;
};

static int distribute(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct mux *x = arg;
	(void)err;
	for (int i = 0; i < ROUNDS; i++) {
		weir_mutex_lock(ctx, &x->m);
		weir_mutex_lock(ctx, &x->list);
		if (x->watcher) {
			int rc = weir_tx_send(ctx, x->watcher, &i);
			WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_EPIPE);
		}
		weir_mutex_unlock(&x->list);
		weir_mutex_unlock(&x->m);
	}
	return 0;
}

static void watch(weir_ctx *ctx, struct mux *x)
{
	weir_tx *result = NULL;
	bug_chan(ctx, &bug_num, 0, &result, &x->watcher_end);
	weir_mutex_lock(ctx, &x->list);
	x->watcher = result;
	weir_mutex_unlock(&x->list);
}

static void stop(weir_ctx *ctx, struct mux *x)
{
	if (!x->bad)
		weir_rx_close(&x->watcher_end);
	weir_mutex_lock(ctx, &x->m);
	weir_tx_close(&x->watcher);
	weir_mutex_unlock(&x->m);
	weir_rx_close(&x->watcher_end);
}

static int watch_and_stop(weir_ctx *ctx, bool bad)
{
	struct mux x = {.bad = bad};
	weir_scope s;
	weir_mutex_init(&x.m, weir_ctx_rt(ctx));
	weir_mutex_init(&x.list, weir_ctx_rt(ctx));
	weir_scope_init(&s, ctx);
	bug_spawn(&s, "distributor", distribute, &x);
	watch(ctx, &x);
	stop(ctx, &x);
	bug_join(ctx, &s);
	weir_mutex_fini(&x.list);
	weir_mutex_fini(&x.m);
	return 0;
}

static int kubernetes_1321_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return watch_and_stop(ctx, true);
}

static int kubernetes_1321_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return watch_and_stop(ctx, false);
}

WEIR_BUG(kubernetes_1321, "Mixed: channel and lock", WEIR_SIM_DEADLOCK, false);

/* SPDX-License-Identifier: MIT
 *
 * Origin: kubernetes/kubernetes, pull request 10182. Class: mixed deadlock, channel and lock.
 *
 * Two tasks report the status of a pod with a blocking send, each under the lock. The task that receives needs the
 * same lock for every message: it holds the first one and waits for the lock, and the second sender holds the lock and
 * waits for it. Fix: send outside of the lock. */
#include "bugs.h"

struct manager {
	weir_rwlock rw;
	weir_tx *status[2];
	weir_rx *status_end;
	int synced;
	bool bad;
};

static int sync_pods(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct manager *m = arg;
	int got;
	(void)err;
	for (int i = 0; i < 2; i++) {
		WEIR_SIM_EQ(weir_rx_recv(ctx, m->status_end, &got), 1);
		weir_rwlock_write_lock(ctx, &m->rw);
		m->synced += got;
		weir_rwlock_write_unlock(&m->rw);
	}
	return 0;
}

static void set_status(weir_ctx *ctx, struct manager *m, int which)
{
	int status = which + 1;
	weir_rwlock_write_lock(ctx, &m->rw);
	if (m->bad)
		WEIR_SIM_EQ(weir_tx_send(ctx, m->status[which], &status), 0);
	weir_rwlock_write_unlock(&m->rw);
	if (!m->bad)
		WEIR_SIM_EQ(weir_tx_send(ctx, m->status[which], &status), 0);
}

static int set_first(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	set_status(ctx, arg, 0);
	return 0;
}

static int set_second(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	set_status(ctx, arg, 1);
	return 0;
}

static int sync_status(weir_ctx *ctx, bool bad)
{
	struct manager m = {.bad = bad};
	weir_scope s;
	weir_rwlock_init(&m.rw, weir_ctx_rt(ctx));
	bug_chan(ctx, &bug_num, 0, &m.status[0], &m.status_end);
	WEIR_SIM_EQ(weir_tx_clone(m.status[0], 1, &m.status[1]), 0);
	weir_scope_init(&s, ctx);
	bug_spawn(&s, "sync", sync_pods, &m);
	bug_spawn(&s, "first", set_first, &m);
	bug_spawn(&s, "second", set_second, &m);
	bug_join(ctx, &s);
	WEIR_SIM_EQ(m.synced, 3);
	weir_tx_close(&m.status[0]);
	weir_tx_close(&m.status[1]);
	weir_rx_close(&m.status_end);
	weir_rwlock_fini(&m.rw);
	return 0;
}

static int kubernetes_10182_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return sync_status(ctx, true);
}

static int kubernetes_10182_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return sync_status(ctx, false);
}

WEIR_BUG(kubernetes_10182, "Mixed: channel and lock", WEIR_SIM_DEADLOCK, false);

/* SPDX-License-Identifier: MIT
 *
 * Origin: moby/moby, pull request 30408. Class: communication deadlock, condition variable.
 *
 * A task waits on a condition for the manifest of a plugin. Activation has failed: there is an error and there will be
 * no manifest, but the wait looks only for the manifest, and nobody is woken. Fix: the wait is for manifest or error,
 * and a failed activation broadcasts. */
#include "bugs.h"

struct plugin {
	weir_mutex m;
	weir_cond changed;
	const char *manifest;
	int error;
	weir_tx *done;
	weir_rx *done_end;
	bool bad;
};

static void activate(weir_ctx *ctx, struct plugin *p)
{
	weir_mutex_lock(ctx, &p->m);
	p->error = WEIR_ECONNRESET;
	if (!p->bad)
		weir_cond_broadcast(&p->changed);
	weir_mutex_unlock(&p->m);
}

static int wait_manifest(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct plugin *p = arg;
	(void)err;
	weir_mutex_lock(ctx, &p->m);
	while (!p->manifest && (p->bad || p->error == 0))
		WEIR_SIM_EQ(weir_cond_wait(ctx, &p->changed, &p->m), 0);
	weir_mutex_unlock(&p->m);
	weir_tx_close(&p->done);
	return 0;
}

static int await_manifest(weir_ctx *ctx, bool bad)
{
	struct plugin p = {.bad = bad};
	weir_scope s;
	weir_mutex_init(&p.m, weir_ctx_rt(ctx));
	weir_cond_init(&p.changed, weir_ctx_rt(ctx));
	bug_chan(ctx, &bug_event, 0, &p.done, &p.done_end);
	weir_scope_init(&s, ctx);
	bug_spawn(&s, "waiter", wait_manifest, &p);
	activate(ctx, &p);
	WEIR_SIM_EQ(weir_rx_recv(ctx, p.done_end, NULL), 0);
	bug_join(ctx, &s);
	weir_rx_close(&p.done_end);
	weir_cond_fini(&p.changed);
	weir_mutex_fini(&p.m);
	return 0;
}

static int moby_30408_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return await_manifest(ctx, true);
}

static int moby_30408_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return await_manifest(ctx, false);
}

WEIR_BUG(moby_30408, "Communication: condition variable", WEIR_SIM_DEADLOCK, false);

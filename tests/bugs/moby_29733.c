/* SPDX-License-Identifier: MIT
 *
 * Origin: moby/moby, pull request 29733. Class: communication deadlock, condition variable.
 *
 * Who needs a plugin waits on a condition until it is active, and nobody sets the flag or wakes the waiter. The test
 * does it twice, resetting the flag in between. Fix: activation sets the flag under the mutex and broadcasts. */
#include "bugs.h"

struct plugin {
	weir_mutex m;
	weir_cond activated;
	bool active;
	weir_tx *done;
	weir_rx *done_end;
};

static int wait_active(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct plugin *p = arg;
	(void)err;
	weir_mutex_lock(ctx, &p->m);
	while (!p->active)
		WEIR_SIM_EQ(weir_cond_wait(ctx, &p->activated, &p->m), 0);
	weir_mutex_unlock(&p->m);
	weir_tx_close(&p->done);
	return 0;
}

static void activate(weir_ctx *ctx, struct plugin *p)
{
	weir_mutex_lock(ctx, &p->m);
	p->active = true;
	weir_cond_broadcast(&p->activated);
	weir_mutex_unlock(&p->m);
}

static int use_plugin(weir_ctx *ctx, bool bad)
{
	struct plugin p = {.active = false};
	weir_rwlock plugins;
	weir_mutex_init(&p.m, weir_ctx_rt(ctx));
	weir_cond_init(&p.activated, weir_ctx_rt(ctx));
	weir_rwlock_init(&plugins, weir_ctx_rt(ctx));
	for (int i = 0; i < 2; i++) {
		weir_scope s;
		bug_chan(ctx, &bug_event, 0, &p.done, &p.done_end);
		weir_scope_init(&s, ctx);
		bug_spawn(&s, "user", wait_active, &p);
		if (!bad)
			activate(ctx, &p);
		WEIR_SIM_EQ(weir_rx_recv(ctx, p.done_end, NULL), 0);
		weir_rwlock_write_lock(ctx, &plugins);
		p.active = false;
		weir_rwlock_write_unlock(&plugins);
		bug_join(ctx, &s);
		weir_rx_close(&p.done_end);
	}
	weir_rwlock_fini(&plugins);
	weir_cond_fini(&p.activated);
	weir_mutex_fini(&p.m);
	return 0;
}

static int moby_29733_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return use_plugin(ctx, true);
}

static int moby_29733_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return use_plugin(ctx, false);
}

WEIR_BUG(moby_29733, "Communication: condition variable", WEIR_SIM_DEADLOCK, false);

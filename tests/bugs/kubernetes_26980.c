/* SPDX-License-Identifier: MIT
 *
 * Origin: kubernetes/kubernetes, pull request 26980. Class: mixed deadlock, channel and lock.
 *
 * A listener takes a notification off the list and waits for stop with the lock in its hands. Another task needs the
 * lock before it says that it is there, and stop comes only after that. In the original that task's lock is given back
 * by main; a mutex of weir belongs to the task that took it, so here it unlocks itself. Fix: unlock before waiting. */
#include "bugs.h"

struct processor {
	weir_mutex m;
	weir_cond added;
	int pending;
	weir_tx *stop, *locked;
	weir_rx *stop_end, *locked_end;
	bool bad;
};

static int pop(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct processor *p = arg;
	(void)err;
	weir_mutex_lock(ctx, &p->m);
	while (p->pending == 0) {
		if (weir_rx_try_recv(p->stop_end, NULL) == 0)
			break;
		WEIR_SIM_EQ(weir_cond_wait(ctx, &p->added, &p->m), 0);
	}
	p->pending = 0;
	if (!p->bad)
		weir_mutex_unlock(&p->m);
	WEIR_SIM_EQ(weir_rx_recv(ctx, p->stop_end, NULL), 0);
	if (p->bad)
		weir_mutex_unlock(&p->m);
	return 0;
}

static int take_lock(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct processor *p = arg;
	(void)err;
	weir_mutex_lock(ctx, &p->m);
	weir_tx_close(&p->locked);
	weir_mutex_unlock(&p->m);
	return 0;
}

static void add(weir_ctx *ctx, struct processor *p)
{
	weir_mutex_lock(ctx, &p->m);
	p->pending++;
	weir_cond_broadcast(&p->added);
	weir_mutex_unlock(&p->m);
}

static int run_processor(weir_ctx *ctx, bool bad)
{
	struct processor p = {.bad = bad};
	weir_scope s;
	weir_mutex_init(&p.m, weir_ctx_rt(ctx));
	weir_cond_init(&p.added, weir_ctx_rt(ctx));
	bug_chan(ctx, &bug_event, 0, &p.stop, &p.stop_end);
	bug_chan(ctx, &bug_event, 0, &p.locked, &p.locked_end);
	add(ctx, &p);
	weir_scope_init(&s, ctx);
	bug_spawn(&s, "pop", pop, &p);
	bug_spawn(&s, "locker", take_lock, &p);
	WEIR_SIM_EQ(weir_rx_recv(ctx, p.locked_end, NULL), 0);
	weir_tx_close(&p.stop);
	bug_join(ctx, &s);
	weir_rx_close(&p.stop_end);
	weir_rx_close(&p.locked_end);
	weir_cond_fini(&p.added);
	weir_mutex_fini(&p.m);
	return 0;
}

static int kubernetes_26980_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return run_processor(ctx, true);
}

static int kubernetes_26980_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return run_processor(ctx, false);
}

WEIR_BUG(kubernetes_26980, "Mixed: channel and lock", WEIR_SIM_DEADLOCK, false);

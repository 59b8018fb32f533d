/* SPDX-License-Identifier: MIT
 *
 * Origin: knative/serving, pull request 3068. Class: Go-specific, misuse of a channel.
 *
 * Waiting for a pool closes its channel while somebody still submits: in Go that send panics. In weir it cannot be
 * written: the channel ends with its last sending handle, and only the submitter has one. The nearest mistake is that
 * the receiving side stops intake; a send is WEIR_EPIPE then, and the work is lost. Fix: only the submitter ends it. */
#include "bugs.h"

#define JOBS 5

struct pool {
	weir_tx *work;        /* the submitter's */
	weir_rx *own, *taken; /* the pool's; the worker's */
	weir_wg jobs, submitted;
	int executed;
};

static int work(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct pool *p = arg;
	int job, rc;
	(void)err;
	for (; (rc = weir_rx_recv(ctx, p->taken, &job)) > 0; weir_wg_done(&p->jobs))
		p->executed++;
	return rc;
}

static int submit(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct pool *p = arg;
	(void)err;
	for (int i = 0; i < JOBS; i++) {
		weir_wg_add(&p->jobs, 1);
		WEIR_SIM_EQ(weir_tx_send(ctx, p->work, &i), 0);
		WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(10)), 0);
		weir_wg_done(&p->submitted);
	}
	weir_tx_close(&p->work);
	return 0;
}

static int run_pool(weir_ctx *ctx, bool pool_closes)
{
	struct pool p = {.executed = 0};
	weir_scope s;
	weir_wg_init(&p.jobs, weir_ctx_rt(ctx));
	weir_wg_init(&p.submitted, weir_ctx_rt(ctx));
	bug_chan(ctx, &bug_num, JOBS, &p.work, &p.own);
	WEIR_SIM_EQ(weir_rx_clone(p.own, 1, &p.taken), 0);
	weir_scope_init(&s, ctx);
	weir_wg_add(&p.submitted, JOBS);
	bug_spawn(&s, "worker", work, &p);
	bug_spawn(&s, "submitter", submit, &p);
	if (pool_closes)
		weir_rx_shut(p.own);
	WEIR_SIM_EQ(weir_wg_wait(ctx, &p.submitted), 0);
	WEIR_SIM_EQ(weir_wg_wait(ctx, &p.jobs), 0);
	bug_join(ctx, &s);
	WEIR_SIM_EQ(p.executed, JOBS);
	weir_rx_close(&p.taken);
	weir_rx_close(&p.own);
	weir_wg_fini(&p.submitted);
	weir_wg_fini(&p.jobs);
	return 0;
}

static int serving_3068_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return run_pool(ctx, true);
}

static int serving_3068_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return run_pool(ctx, false);
}

WEIR_BUG(serving_3068, "Go-specific: misuse of a channel", WEIR_SIM_ASSERTION, false);

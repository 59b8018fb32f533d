/* SPDX-License-Identifier: MIT
 *
 * Origin: knative/serving, pull request 6472. Class: traditional, data race.
 *
 * The items are put on the queue first and counted afterwards, with a plain addition, while workers subtract
 * atomically: the count goes below zero, or a subtraction is lost, and the worker that should find it at zero never
 * does. The subtraction is one under a lock here, so that one side is ordered and the other is not, as in the original.
 * Fix: count first, and like the workers. */
#include "bugs.h"

#define ITEMS 2
#define WORKERS 2

struct prober {
	weir_mutex m;
	int pending; /* under m */
	weir_atomic ready;
};

struct worker {
	struct prober *prober;
	weir_rx *queue;
};

static int count(weir_ctx *ctx, struct prober *p, int n)
{
	weir_mutex_lock(ctx, &p->m);
	WEIR_SIM_SET(p->pending, WEIR_SIM_GET(p->pending) + n);
	int now = WEIR_SIM_GET(p->pending);
	weir_mutex_unlock(&p->m);
	return now;
}

static int probe(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct worker *w = arg;
	int item, rc;
	(void)err;
	while ((rc = weir_rx_recv(ctx, w->queue, &item)) > 0)
		if (count(ctx, w->prober, -1) == 0)
			weir_atomic_add(&w->prober->ready, 1);
	weir_rx_close(&w->queue);
	return rc;
}

static int probe_all(weir_ctx *ctx, bool counts_first)
{
	struct prober p = {.pending = 0};
	struct worker workers[WORKERS] = {{&p, NULL}, {&p, NULL}};
	weir_tx *queue = NULL;
	weir_scope s;
	weir_mutex_init(&p.m, weir_ctx_rt(ctx));
	weir_atomic_init(&p.ready, weir_ctx_rt(ctx), 0);
	bug_chan(ctx, &bug_num, ITEMS, &queue, &workers[0].queue);
	WEIR_SIM_EQ(weir_rx_clone(workers[0].queue, 1, &workers[1].queue), 0);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < WORKERS; i++)
		bug_spawn(&s, "worker", probe, &workers[i]);
	if (counts_first)
		count(ctx, &p, ITEMS);
	for (int i = 0; i < ITEMS; i++)
		WEIR_SIM_EQ(weir_tx_send(ctx, queue, &i), 0);
	if (!counts_first)
		WEIR_SIM_SET(p.pending, WEIR_SIM_GET(p.pending) + ITEMS);
	weir_tx_close(&queue);
	bug_join(ctx, &s);
	WEIR_SIM_EQ(weir_atomic_load(&p.ready), 1);
	weir_atomic_fini(&p.ready);
	weir_mutex_fini(&p.m);
	return 0;
}

static int serving_6472_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return probe_all(ctx, false);
}

static int serving_6472_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return probe_all(ctx, true);
}

WEIR_BUG(serving_6472, "Traditional: data race", WEIR_SIM_RACE, false);

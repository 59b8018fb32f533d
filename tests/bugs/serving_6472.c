/* SPDX-License-Identifier: MIT
 *
 * Origin: knative/serving, pull request 6472. Class: traditional, data race.
 *
 * The items are put on the queue first and counted afterwards, with a plain addition, while workers subtract
 * atomically: the count goes below zero, or a subtraction is lost, and the worker that should find it at zero never
 * does. The plain addition is a load and a store of a weir_atomic here, and another task can come in front of each:
 * what is found is what the race does, not the race. Fix: count first, and atomically. */
#include "bugs.h"

#define ITEMS 2
#define WORKERS 2

struct prober {
	weir_atomic pending, ready;
};

struct worker {
	struct prober *prober;
	weir_rx *queue;
};

static int probe(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct worker *w = arg;
	int item, rc;
	(void)err;
	while ((rc = weir_rx_recv(ctx, w->queue, &item)) > 0)
		if (weir_atomic_add(&w->prober->pending, UINT64_MAX) == 1) /* minus one: the last one is done */
			weir_atomic_add(&w->prober->ready, 1);
	weir_rx_close(&w->queue);
	return rc;
}

static int probe_all(weir_ctx *ctx, bool counts_first)
{
	struct prober p;
	struct worker workers[WORKERS] = {{&p, NULL}, {&p, NULL}};
	weir_tx *queue = NULL;
	weir_scope s;
	weir_atomic_init(&p.pending, weir_ctx_rt(ctx), 0);
	weir_atomic_init(&p.ready, weir_ctx_rt(ctx), 0);
	bug_chan(ctx, &bug_num, ITEMS, &queue, &workers[0].queue);
	WEIR_SIM_EQ(weir_rx_clone(workers[0].queue, 1, &workers[1].queue), 0);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < WORKERS; i++)
		bug_spawn(&s, "worker", probe, &workers[i]);
	if (counts_first)
		weir_atomic_add(&p.pending, ITEMS);
	for (int i = 0; i < ITEMS; i++)
		WEIR_SIM_EQ(weir_tx_send(ctx, queue, &i), 0);
	if (!counts_first)
		weir_atomic_store(&p.pending, weir_atomic_load(&p.pending) + ITEMS);
	weir_tx_close(&queue);
	bug_join(ctx, &s);
	WEIR_SIM_EQ(weir_atomic_load(&p.ready), 1);
	weir_atomic_fini(&p.ready);
	weir_atomic_fini(&p.pending);
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

WEIR_BUG(serving_6472, "Traditional: data race", WEIR_SIM_ASSERTION, false);

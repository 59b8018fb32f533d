/* SPDX-License-Identifier: MIT
 *
 * Origin: cockroachdb/cockroach, pull request 35931. Class: communication deadlock, channel.
 *
 * A flow is cancelled by pushing a last message to each of its inbound streams, with a send that blocks. The left one
 * is full and nobody reads it: who cancels waits for ever. Fix: the push does not block; a stream that is full has
 * something to deliver anyway, after which its reader looks at the cancelled flow. */
#include "bugs.h"

struct flow {
	weir_tx *inbound[2];
};

struct registry {
	weir_mutex m;
	struct flow *flow;
};

static void cancel(weir_ctx *ctx, struct registry *r, bool blocking)
{
	weir_mutex_lock(ctx, &r->m);
	struct flow *flow = r->flow;
	r->flow = NULL;
	weir_mutex_unlock(&r->m);
	for (int i = 0; i < 2; i++) {
		int rc = blocking ? weir_tx_send(ctx, flow->inbound[i], &(int){-1})
				  : weir_tx_try_send(flow->inbound[i], &(int){-1});
		WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_EAGAIN);
	}
}

static int run_flow(weir_ctx *ctx, bool bad)
{
	struct flow flow;
	struct registry r = {.flow = &flow};
	weir_rx *readers[2];
	int row = 1, got = 0;
	weir_mutex_init(&r.m, weir_ctx_rt(ctx));
	for (int i = 0; i < 2; i++)
		bug_chan(ctx, &bug_num, 1, &flow.inbound[i], &readers[i]);
	WEIR_SIM_EQ(weir_tx_send(ctx, flow.inbound[0], &row), 0);
	cancel(ctx, &r, bad);
	WEIR_SIM_EQ(weir_rx_recv(ctx, readers[0], &got), 1);
	WEIR_SIM_EQ(got, row);
	WEIR_SIM_EQ(weir_rx_recv(ctx, readers[1], &got), 1);
	WEIR_SIM_EQ(got, -1);
	for (int i = 0; i < 2; i++) {
		weir_tx_close(&flow.inbound[i]);
		weir_rx_close(&readers[i]);
	}
	weir_mutex_fini(&r.m);
	return 0;
}

static int cockroach_35931_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return run_flow(ctx, true);
}

static int cockroach_35931_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return run_flow(ctx, false);
}

WEIR_BUG(cockroach_35931, "Communication: channel", WEIR_SIM_DEADLOCK, false);

/* SPDX-License-Identifier: MIT
 *
 * Origin: grpc/grpc-go, pull request 660. Class: communication deadlock, channel.
 *
 * A client runs calls one after the other, each in a task that sends its result. When it is told to stop it leaves
 * without receiving the result of the call that is under way, and that task waits in its send for ever. weir would set
 * the sender free if the client closed its end as it left: here it forgets that as well. Fix: a result channel with
 * room for one; here the end is closed too, as every end must be. */
#include "bugs.h"

#define CALLS 6 /* the last one is left only by stop, so that every schedule ends */

struct client {
	weir_scope s;
	weir_tx *stop, *result;
	weir_rx *stop_end;
	bool bad;
};

static int call(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_tx *result = arg;
	int ok = (int)weir_sim_choose(2, "whether the call succeeds");
	(void)err;
	int rc = weir_tx_send(ctx, result, &ok);
	weir_tx_close(&result);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_EPIPE);
	return 0;
}

static int run_calls(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct client *c = arg;
	bool stopped = false;
	(void)err;
	for (int i = 0; i < CALLS && !stopped; i++) {
		weir_tx *result = NULL;
		weir_rx *result_end = NULL;
		int ok = 0;
		bug_chan(ctx, &bug_num, c->bad ? 0 : 1, &result, &result_end);
		bug_spawn(&c->s, "call", call, result);
		weir_case cases[] = {weir_case_recv(c->stop_end, NULL),
				     weir_case_recv(i < CALLS - 1 ? result_end : NULL, &ok)};
		stopped = weir_select(ctx, cases, 2) == 0;
		if (!stopped || !c->bad)
			weir_rx_close(&result_end);
	}
	return 0;
}

static int ask_to_stop(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct client *c = arg;
	(void)err;
	return weir_tx_send(ctx, c->stop, NULL);
}

static int benchmark(weir_ctx *ctx, bool bad)
{
	struct client c = {.bad = bad};
	bug_chan(ctx, &bug_event, 0, &c.stop, &c.stop_end);
	weir_scope_init(&c.s, ctx);
	bug_spawn(&c.s, "client", run_calls, &c);
	bug_spawn(&c.s, "stopper", ask_to_stop, &c);
	bug_join(ctx, &c.s);
	weir_tx_close(&c.stop);
	weir_rx_close(&c.stop_end);
	return 0;
}

static int grpc_660_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return benchmark(ctx, true);
}

static int grpc_660_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return benchmark(ctx, false);
}

WEIR_BUG(grpc_660, "Communication: channel", WEIR_SIM_DEADLOCK, false);

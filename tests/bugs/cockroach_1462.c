/* SPDX-License-Identifier: MIT
 *
 * Origin: cockroachdb/cockroach, pull request 1462. Class: mixed deadlock, channel and wait group.
 *
 * A node is stopped: quit is closed, and the stopper waits for its two workers. The consumer sees quit and leaves
 * while the producer, which looks at quit only between its sends, is about to send to it: nobody will receive, and the
 * wait group never comes down. With weir a consumer that closes its end as it leaves would set the producer free
 * (WEIR_EPIPE); here both ends belong to the stopper, as the channel does in the original, and stay open. Fix: the
 * producer sends in a select together with quit. */
#include "bugs.h"

struct stopper {
	weir_mutex m;
	weir_cond drained;
	int running_tasks;
	weir_wg workers;
	weir_tx *quit, *stopped, *events;
	weir_rx *quit_producer, *quit_consumer, *stopped_end, *events_end;
	bool bad;
};

static int produce(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct stopper *st = arg;
	(void)err;
	while (weir_rx_try_recv(st->quit_producer, NULL) == WEIR_EAGAIN) {
		weir_case cases[] = {weir_case_send(st->events, NULL), weir_case_recv(st->quit_producer, NULL)};
		int rc = weir_select(ctx, cases, st->bad ? 1 : 2); /* of one case: a plain send */
		WEIR_SIM_ASSERT(rc >= 0);
		weir_rt_yield(weir_ctx_rt(ctx)); /* or the two could run for ever while the stopper never does */
	}
	weir_wg_done(&st->workers);
	return 0;
}

static int consume(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct stopper *st = arg;
	int which;
	(void)err;
	do {
		weir_case cases[] = {weir_case_recv(st->events_end, NULL), weir_case_recv(st->quit_consumer, NULL)};
		which = weir_select(ctx, cases, 2);
	} while (which == 0);
	weir_wg_done(&st->workers);
	return 0;
}

static void stop(weir_ctx *ctx, struct stopper *st)
{
	weir_mutex_lock(ctx, &st->m);
	while (st->running_tasks > 0)
		WEIR_SIM_EQ(weir_cond_wait(ctx, &st->drained, &st->m), 0);
	weir_mutex_unlock(&st->m);
	weir_tx_close(&st->quit);
	WEIR_SIM_EQ(weir_wg_wait(ctx, &st->workers), 0);
	weir_tx_close(&st->stopped);
}

static int stop_node(weir_ctx *ctx, bool bad)
{
	struct stopper st = {.bad = bad};
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_scope s;
	weir_mutex_init(&st.m, rt);
	weir_cond_init(&st.drained, rt);
	weir_wg_init(&st.workers, rt);
	bug_chan(ctx, &bug_event, 0, &st.quit, &st.quit_producer);
	WEIR_SIM_EQ(weir_rx_clone(st.quit_producer, 1, &st.quit_consumer), 0);
	bug_chan(ctx, &bug_event, 0, &st.stopped, &st.stopped_end);
	bug_chan(ctx, &bug_event, 0, &st.events, &st.events_end);
	weir_wg_add(&st.workers, 2);
	weir_scope_init(&s, ctx);
	bug_spawn(&s, "producer", produce, &st);
	bug_spawn(&s, "consumer", consume, &st);
	stop(ctx, &st);
	WEIR_SIM_EQ(weir_rx_recv(ctx, st.stopped_end, NULL), 0);
	bug_join(ctx, &s);
	weir_tx_close(&st.events);
	weir_rx_close(&st.events_end);
	weir_rx_close(&st.quit_producer);
	weir_rx_close(&st.quit_consumer);
	weir_rx_close(&st.stopped_end);
	weir_wg_fini(&st.workers);
	weir_cond_fini(&st.drained);
	weir_mutex_fini(&st.m);
	return 0;
}

static int cockroach_1462_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return stop_node(ctx, true);
}

static int cockroach_1462_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return stop_node(ctx, false);
}

WEIR_BUG(cockroach_1462, "Mixed: channel and wait group", WEIR_SIM_DEADLOCK, false);

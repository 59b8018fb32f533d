/* SPDX-License-Identifier: MIT
 *
 * Origin: cockroachdb/cockroach, pull request 2448. Class: communication deadlock, channel.
 *
 * Two loops send to each other. The state loop offers events, each with a callback in it; the store loop takes one and
 * sends its callback back, to be run by the state loop. But the state loop, which has just looked whether there is a
 * callback, is already offering the next event: each waits for the other to receive. Nobody ever closes done. Fix: the
 * state loop takes callbacks while it offers events; done is closed (here once three callbacks have run). */
#include "bugs.h"

struct store {
	weir_tx *events, *callbacks, *done;
	weir_rx *events_end, *callbacks_end, *done_state, *done_store;
	weir_wg ran;
	int count;
	bool bad;
};

static void run_callback(struct store *st)
{
	if (++st->count <= 3)
		weir_wg_done(&st->ran);
}

static int state_loop(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct store *st = arg;
	(void)err;
	for (;;) {
		weir_case look[] = {weir_case_recv(st->done_state, NULL), weir_case_recv(st->callbacks_end, NULL)};
		int which = weir_try_select(look, 2);
		if (which == WEIR_EAGAIN) {
			weir_case cases[] = {weir_case_recv(st->done_state, NULL),
					     weir_case_recv(st->bad ? NULL : st->callbacks_end, NULL),
					     weir_case_send(st->events, NULL)};
			which = weir_select(ctx, cases, 3);
		}
		if (which == 0)
			return 0;
		if (which == 1)
			run_callback(st);
		weir_rt_yield(weir_ctx_rt(ctx));
	}
}

static int store_loop(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct store *st = arg;
	(void)err;
	for (;;) {
		weir_case take[] = {weir_case_recv(st->done_store, NULL), weir_case_recv(st->events_end, NULL)};
		if (weir_select(ctx, take, 2) == 0)
			return 0;
		weir_case give[] = {weir_case_recv(st->done_store, NULL), weir_case_send(st->callbacks, NULL)};
		if (weir_select(ctx, give, 2) == 0)
			return 0;
	}
}

static int run_store(weir_ctx *ctx, bool bad)
{
	struct store st = {.bad = bad};
	weir_scope s;
	bug_chan(ctx, &bug_event, 0, &st.events, &st.events_end);
	bug_chan(ctx, &bug_event, 0, &st.callbacks, &st.callbacks_end);
	bug_chan(ctx, &bug_event, 0, &st.done, &st.done_state);
	WEIR_SIM_EQ(weir_rx_clone(st.done_state, 1, &st.done_store), 0);
	weir_wg_init(&st.ran, weir_ctx_rt(ctx));
	weir_wg_add(&st.ran, 3);
	weir_scope_init(&s, ctx);
	bug_spawn(&s, "state", state_loop, &st);
	bug_spawn(&s, "store", store_loop, &st);
	if (!bad) {
		WEIR_SIM_EQ(weir_wg_wait(ctx, &st.ran), 0);
		weir_tx_close(&st.done);
	}
	bug_join(ctx, &s);
	weir_tx_close(&st.events);
	weir_tx_close(&st.callbacks);
	weir_rx_close(&st.events_end);
	weir_rx_close(&st.callbacks_end);
	weir_rx_close(&st.done_state);
	weir_rx_close(&st.done_store);
	weir_wg_fini(&st.ran);
	return 0;
}

static int cockroach_2448_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return run_store(ctx, true);
}

static int cockroach_2448_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return run_store(ctx, false);
}

WEIR_BUG(cockroach_2448, "Communication: channel", WEIR_SIM_DEADLOCK, false);

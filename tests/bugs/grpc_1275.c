/* SPDX-License-Identifier: MIT
 *
 * Origin: grpc/grpc-go, pull request 1275. Class: communication deadlock, channel.
 *
 * One task reads a stream while another closes it. Closing should put an end mark into the stream's channel and does
 * not: the reader waits for ever, and only the timeout lets the other one go on. Fix: closing tells the reader, in
 * weir by closing the sending end. */
#include "bugs.h"

struct stream {
	weir_tx *data, *done;
	weir_rx *data_end, *done_end;
};

static int read_stream(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct stream *st = arg;
	int got = 0;
	(void)err;
	WEIR_SIM_EQ(weir_rx_recv(ctx, st->data_end, &got), 0);
	weir_tx_close(&st->done);
	return 0;
}

static int close_stream(weir_ctx *ctx, bool bad)
{
	struct stream st;
	weir_scope s;
	bug_chan(ctx, &bug_num, 0, &st.data, &st.data_end);
	bug_chan(ctx, &bug_event, 0, &st.done, &st.done_end);
	weir_scope_init(&s, ctx);
	bug_spawn(&s, "reader", read_stream, &st);
	if (!bad)
		weir_tx_close(&st.data);
	weir_case cases[] = {weir_case_recv(st.done_end, NULL), weir_case_timer(weir_rt_now(weir_ctx_rt(ctx)) + 300)};
	WEIR_SIM_ASSERT(weir_select(ctx, cases, 2) >= 0);
	bug_join(ctx, &s);
	weir_rx_close(&st.data_end);
	weir_rx_close(&st.done_end);
	return 0;
}

static int grpc_1275_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return close_stream(ctx, true);
}

static int grpc_1275_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return close_stream(ctx, false);
}

WEIR_BUG(grpc_1275, "Communication: channel", WEIR_SIM_DEADLOCK, false);

/* SPDX-License-Identifier: MIT
 *
 * Origin: grpc/grpc-go, pull request 1460. Class: mixed deadlock, channel and lock.
 *
 * The keepalive task finds no streams and goes to sleep on a channel, with the transport's lock in its hands. A new
 * stream, which would wake it, needs that lock. Fix: unlock before waiting; then the wake must not be lost in between,
 * so the channel gets room for it. */
#include "bugs.h"

struct transport {
	weir_mutex m;
	weir_tx *wake;
	weir_rx *wake_end;
	int streams;
	bool bad;
};

static int keepalive(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct transport *t = arg;
	(void)err;
	weir_mutex_lock(ctx, &t->m);
	bool idle = t->streams == 0;
	if (idle && t->bad)
		WEIR_SIM_EQ(weir_rx_recv(ctx, t->wake_end, NULL), 1);
	weir_mutex_unlock(&t->m);
	if (idle && !t->bad)
		WEIR_SIM_EQ(weir_rx_recv(ctx, t->wake_end, NULL), 1);
	return 0;
}

static int new_stream(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct transport *t = arg;
	(void)err;
	weir_mutex_lock(ctx, &t->m);
	if (++t->streams == 1) {
		int rc = weir_tx_try_send(t->wake, NULL);
		WEIR_SIM_ASSERT(rc == 0 || (t->bad && rc == WEIR_EAGAIN));
	}
	weir_mutex_unlock(&t->m);
	return 0;
}

static int run_transport(weir_ctx *ctx, bool bad)
{
	struct transport t = {.bad = bad};
	weir_scope s;
	weir_mutex_init(&t.m, weir_ctx_rt(ctx));
	bug_chan(ctx, &bug_event, bad ? 0 : 1, &t.wake, &t.wake_end);
	weir_scope_init(&s, ctx);
	bug_spawn(&s, "keepalive", keepalive, &t);
	bug_spawn(&s, "new stream", new_stream, &t);
	bug_join(ctx, &s);
	weir_tx_close(&t.wake);
	weir_rx_close(&t.wake_end);
	weir_mutex_fini(&t.m);
	return 0;
}

static int grpc_1460_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return run_transport(ctx, true);
}

static int grpc_1460_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return run_transport(ctx, false);
}

WEIR_BUG(grpc_1460, "Mixed: channel and lock", WEIR_SIM_DEADLOCK, false);

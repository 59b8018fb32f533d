/* SPDX-License-Identifier: MIT
 *
 * Origin: kubernetes/kubernetes, pull request 49404. Class: traditional, data race.
 *
 * A test starts a server, which starts a task for a connection, whose handler sets a flag; the test reads the flag
 * with nothing that orders the two. Fix: the handler closes a channel and the test waits for that. */
#include "bugs.h"

struct server {
	bool called;
	weir_tx *done;
};

static int handle(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct server *server = arg;
	(void)ctx, (void)err;
	WEIR_SIM_SET(server->called, true);
	weir_tx_close(&server->done);
	return 0;
}

static int serve(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	bug_spawn(weir_scope_of(ctx), "connection", handle, arg);
	return 0;
}

static int proxy(weir_ctx *ctx, bool waits)
{
	struct server server = {.done = NULL};
	weir_rx *done = NULL;
	weir_scope s;
	char nothing;
	bug_chan(ctx, &bug_event, 0, &server.done, &done);
	weir_scope_init(&s, ctx);
	bug_spawn(&s, "server", serve, &server);
	if (waits)
		WEIR_SIM_EQ(weir_rx_recv(ctx, done, &nothing), 0);
	bool called = WEIR_SIM_GET(server.called);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(10)), 0); /* as the original: for the server to end */
	bug_join(ctx, &s);
	weir_rx_close(&done);
	WEIR_SIM_ASSERT(called || !waits);
	return 0;
}

static int kubernetes_49404_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return proxy(ctx, false);
}

static int kubernetes_49404_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return proxy(ctx, true);
}

WEIR_BUG(kubernetes_49404, "Traditional: data race", WEIR_SIM_RACE, false);

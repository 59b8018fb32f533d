/* SPDX-License-Identifier: MIT
 *
 * Origin: grpc/grpc-go, pull request 862. Class: communication deadlock, context.
 *
 * A connection has a context of its own, and a task that tries to connect again and again, with growing pauses, until
 * that context ends. Dialing gives up when the caller's context ends, returns no connection, and its exit path closes
 * the connection only if it is about to return one: the retries go on for ever. Nobody is blocked for good, so this is
 * found as a run that does not end. weir's tree would end the connection with the caller if its context were made
 * under the caller's; here, as in the original, it is not. Fix: the exit path closes the connection in every case. */
#include "bugs.h"

struct conn {
	weir_ctx own;
};

struct dial {
	weir_scope s;
	weir_ctx caller;
	struct conn conn;
	bool bad;
};

static int reset_transport(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct conn *conn = arg;
	weir_ctx attempts;
	int rc = 0;
	(void)err;
	weir_ctx_init(&attempts, &conn->own, WEIR_FOREVER);
	for (int64_t attempt = 1; rc == 0; attempt++)
		rc = weir_sleep(&attempts, 2 * attempt);
	weir_ctx_fini(&attempts);
	WEIR_SIM_EQ(weir_ctx_err(ctx), 0);
	return 0;
}

static int dial(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct dial *d = arg;
	struct conn *out = NULL;
	weir_case given_up = weir_case_ctx(&d->caller);
	(void)err;
	bug_spawn(&d->s, "transport", reset_transport, &d->conn);
	WEIR_SIM_EQ(weir_select(ctx, &given_up, 1), 0);
	if (!d->bad)
		out = &d->conn;
	if (weir_ctx_err(&d->caller) != 0 && out)
		weir_ctx_cancel(&out->own, "connection closed");
	return 0;
}

static int give_up(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct dial *d = arg;
	(void)ctx, (void)err;
	weir_ctx_cancel(&d->caller, "the caller gives up");
	return 0;
}

static int dial_and_give_up(weir_ctx *ctx, bool bad)
{
	struct dial d = {.bad = bad};
	weir_ctx_init(&d.caller, ctx, WEIR_FOREVER);
	weir_ctx_init(&d.conn.own, ctx, WEIR_FOREVER);
	weir_scope_init(&d.s, ctx);
	bug_spawn(&d.s, "dial", dial, &d);
	bug_spawn(&d.s, "caller", give_up, &d);
	bug_join(ctx, &d.s);
	weir_ctx_fini(&d.conn.own);
	weir_ctx_fini(&d.caller);
	return 0;
}

static int grpc_862_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return dial_and_give_up(ctx, true);
}

static int grpc_862_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return dial_and_give_up(ctx, false);
}

WEIR_BUG(grpc_862, "Communication: channel and context", WEIR_SIM_STEP_LIMIT, false);

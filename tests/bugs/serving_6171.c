/* SPDX-License-Identifier: MIT
 *
 * Origin: knative/serving, pull request 6171. Class: Go-specific, testing library.
 *
 * A test owns a sink for lines, starts a reporter and ends without waiting for it; the reporter starts a task two
 * levels below the test, which writes to a sink that is gone. In weir a task cannot outlive its scope; the nearest
 * mistake is to start both in a scope further out than the sink. The sink is the sending end of a channel: the
 * simulator sees that its users are not ordered, or that a copy of the handle is stale. Fix: the scope stands where
 * the sink does, and is joined before the sink goes. */
#include "bugs.h"

static int write_line(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_tx *sink = arg;
	(void)err;
	return weir_tx_send(ctx, sink, &(int){6171});
}

static int report(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	bug_spawn(weir_scope_of(ctx), "writer", write_line, arg);
	return 0;
}

static void run_test(weir_ctx *ctx, weir_scope *outside)
{
	weir_tx *sink = NULL;
	weir_rx *lines = NULL;
	weir_scope own;
	bug_chan(ctx, &bug_num, 1, &sink, &lines);
	weir_scope_init(&own, ctx);
	bug_spawn(outside ? outside : &own, "reporter", report, sink);
	bug_join(ctx, &own);
	weir_tx_close(&sink);
	weir_rx_close(&lines);
}

static int run_suite(weir_ctx *ctx, bool outlives)
{
	weir_scope s;
	weir_scope_init(&s, ctx);
	run_test(ctx, outlives ? &s : NULL);
	bug_join(ctx, &s);
	return 0;
}

static int serving_6171_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return run_suite(ctx, true);
}

static int serving_6171_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return run_suite(ctx, false);
}

WEIR_BUG(serving_6171, "Go-specific: testing library", WEIR_SIM_OWNERSHIP, false);

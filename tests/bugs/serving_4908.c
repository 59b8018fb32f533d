/* SPDX-License-Identifier: MIT
 *
 * Origin: knative/serving, pull request 4908. Class: Go-specific, testing library.
 *
 * A test owns a sink for lines and starts a task, which starts another one and ends; the test waits for the first and
 * ends with it, and the second writes to a sink that is gone. In weir a task cannot outlive its scope; the nearest
 * mistake is to start it in a scope further out, with a copy of a handle that belongs further in. The sink is the
 * sending end of a channel: the simulator sees that its users are not ordered, or that the copy is stale. Fix: the
 * first task joins the second one. */
#include "bugs.h"

struct test {
	weir_scope *outside; /* where the writer is started; NULL: in a scope of the task that starts it */
	weir_tx *sink;
};

static int write_line(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_tx *sink = arg;
	(void)err;
	return weir_tx_send(ctx, sink, &(int){4908});
}

static int start_writer(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct test *t = arg;
	weir_scope own;
	(void)err;
	if (t->outside) {
		bug_spawn(t->outside, "writer", write_line, t->sink);
		return 0;
	}
	weir_scope_init(&own, ctx);
	bug_spawn(&own, "writer", write_line, t->sink);
	return weir_scope_join(ctx, &own, 0, NULL);
}

static void run_test(weir_ctx *ctx, weir_scope *outside)
{
	struct test t = {.outside = outside};
	weir_rx *lines = NULL;
	weir_scope s;
	bug_chan(ctx, &bug_num, 1, &t.sink, &lines);
	weir_scope_init(&s, ctx);
	bug_spawn(&s, "starter", start_writer, &t);
	bug_join(ctx, &s);
	weir_tx_close(&t.sink);
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

static int serving_4908_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return run_suite(ctx, true);
}

static int serving_4908_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return run_suite(ctx, false);
}

WEIR_BUG(serving_4908, "Go-specific: testing library", WEIR_SIM_OWNERSHIP, false);

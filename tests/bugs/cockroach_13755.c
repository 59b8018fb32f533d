/* SPDX-License-Identifier: MIT
 *
 * Origin: cockroachdb/cockroach, pull request 13755. Class: communication deadlock, context.
 *
 * The rows of a query come with a derived context and a task that closes them when it ends. The caller reads what it
 * wants and forgets to close the rows: closing is the only thing that cancels the context. As in cockroach_13197 weir
 * turns the lost task into a join that does not return. Fix: close the rows on every path. */
#include "bugs.h"

struct rows {
	weir_ctx own;
	weir_mutex m;
	bool closed;
};

static void mark_closed(weir_ctx *ctx, struct rows *rows)
{
	weir_mutex_lock(ctx, &rows->m);
	rows->closed = true;
	weir_mutex_unlock(&rows->m);
}

static int await_done(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct rows *rows = arg;
	weir_case ended = weir_case_ctx(&rows->own);
	(void)err;
	WEIR_SIM_EQ(weir_select(ctx, &ended, 1), 0);
	mark_closed(ctx, rows);
	return 0;
}

static int query(weir_ctx *ctx, bool bad)
{
	struct rows rows = {.closed = false};
	weir_scope s;
	weir_scope_init(&s, ctx);
	weir_mutex_init(&rows.m, weir_ctx_rt(ctx));
	weir_ctx_init(&rows.own, ctx, WEIR_FOREVER);
	bug_spawn(&s, "await done", await_done, &rows);
	if (!bad) {
		weir_ctx_cancel(&rows.own, "rows closed");
		mark_closed(ctx, &rows);
	}
	bug_join(ctx, &s);
	WEIR_SIM_ASSERT(rows.closed);
	weir_ctx_fini(&rows.own);
	weir_mutex_fini(&rows.m);
	return 0;
}

static int cockroach_13755_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return query(ctx, true);
}

static int cockroach_13755_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return query(ctx, false);
}

WEIR_BUG(cockroach_13755, "Communication: channel and context", WEIR_SIM_DEADLOCK, false);

/* SPDX-License-Identifier: MIT
 *
 * Origin: cockroachdb/cockroach, pull request 13197. Class: communication deadlock, context.
 *
 * Beginning a transaction derives a context and starts a task that waits for its end. Whoever drops the transaction
 * without commit or rollback never cancels the context, and the task waits for ever. In weir a context cannot be
 * dropped while a task waits on it (fini is misuse) and the task cannot be left behind (its scope is joined), so the
 * forgotten rollback is a join that does not return. Fix: roll back. */
#include "bugs.h"

struct txn {
	weir_ctx own;
	bool awaited;
};

static int await_done(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct txn *txn = arg;
	weir_case ended = weir_case_ctx(&txn->own);
	(void)err;
	WEIR_SIM_EQ(weir_select(ctx, &ended, 1), 0);
	txn->awaited = true;
	return 0;
}

static void begin(weir_ctx *ctx, weir_scope *s, struct txn *txn)
{
	weir_ctx_init(&txn->own, ctx, WEIR_FOREVER);
	bug_spawn(s, "await done", await_done, txn);
}

static void rollback(struct txn *txn)
{
	weir_ctx_cancel(&txn->own, "rolled back");
}

static int transact(weir_ctx *ctx, bool bad)
{
	struct txn txn = {.awaited = false};
	weir_scope s;
	weir_scope_init(&s, ctx);
	begin(ctx, &s, &txn);
	if (!bad)
		rollback(&txn);
	bug_join(ctx, &s);
	WEIR_SIM_ASSERT(txn.awaited);
	weir_ctx_fini(&txn.own);
	return 0;
}

static int cockroach_13197_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return transact(ctx, true);
}

static int cockroach_13197_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return transact(ctx, false);
}

WEIR_BUG(cockroach_13197, "Communication: channel and context", WEIR_SIM_DEADLOCK, false);

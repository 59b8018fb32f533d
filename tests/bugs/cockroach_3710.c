/* SPDX-License-Identifier: MIT
 *
 * Origin: cockroachdb/cockroach, pull request 3710. Class: resource deadlock, read lock inside a read lock.
 *
 * The store reads its replicas under the read lock, and for each of them calls a function that takes the read lock
 * again. A writer that asks in between queues behind the outer lock, and the inner one queues behind the writer:
 * writers go first. Fix: the inner function does not lock. */
#include "bugs.h"

#define REPLICAS 2

struct store {
	weir_rwlock rw;
	weir_mutex queue;
	int replicas[REPLICAS], copy[REPLICAS];
	weir_scope s;
	bool bad;
};

static void maybe_add(weir_ctx *ctx, struct store *st)
{
	weir_mutex_lock(ctx, &st->queue);
	if (st->bad) {
		weir_rwlock_read_lock(ctx, &st->rw);
		weir_rwlock_read_unlock(&st->rw);
	}
	weir_mutex_unlock(&st->queue);
}

static int force_log_scan(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct store *st = arg;
	(void)err;
	weir_rwlock_read_lock(ctx, &st->rw);
	for (int i = 0; i < REPLICAS; i++)
		maybe_add(ctx, st);
	weir_rwlock_read_unlock(&st->rw);
	return 0;
}

static int process(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct store *st = arg;
	(void)err;
	weir_rwlock_write_lock(ctx, &st->rw);
	for (int i = 0; i < REPLICAS; i++)
		st->copy[i] = st->replicas[i];
	weir_rwlock_write_unlock(&st->rw);
	return 0;
}

static int start_processing(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct store *st = arg;
	(void)ctx, (void)err;
	bug_spawn(&st->s, "process", process, st);
	return 0;
}

static int process_raft(weir_ctx *ctx, bool bad)
{
	struct store st = {.bad = bad};
	weir_rwlock_init(&st.rw, weir_ctx_rt(ctx));
	weir_mutex_init(&st.queue, weir_ctx_rt(ctx));
	weir_scope_init(&st.s, ctx);
	bug_spawn(&st.s, "log scan", force_log_scan, &st);
	bug_spawn(&st.s, "starter", start_processing, &st);
	bug_join(ctx, &st.s);
	weir_mutex_fini(&st.queue);
	weir_rwlock_fini(&st.rw);
	return 0;
}

static int cockroach_3710_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return process_raft(ctx, true);
}

static int cockroach_3710_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return process_raft(ctx, false);
}

WEIR_BUG(cockroach_3710, "Resource: read lock in read lock", WEIR_SIM_DEADLOCK, false);

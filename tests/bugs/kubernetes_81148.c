/* SPDX-License-Identifier: MIT
 *
 * Origin: kubernetes/kubernetes, pull request 81148. Class: traditional, data race.
 *
 * A task reads the times of all records of a table under the lock; the test has added a record under the lock, and
 * then changes its time without it. A time is two words, so the reader can get half of the old one and half of the
 * new. The words are weir_atomic, each use of which another task can come in front of: what is found is what the race
 * does, not the race. Fix: change it under the lock. */
#include "bugs.h"

struct queue {
	weir_rwlock m;
	bool filled;               /* under m */
	weir_atomic seconds, nano; /* the same number in both, unless torn */
	weir_rx *stopped;
};

static int flush(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct queue *q = arg;
	char nothing;
	(void)err;
	weir_rwlock_read_lock(ctx, &q->m);
	if (q->filled)
		WEIR_SIM_EQ(weir_atomic_load(&q->seconds), weir_atomic_load(&q->nano));
	weir_rwlock_read_unlock(&q->m);
	return weir_rx_recv(ctx, q->stopped, &nothing);
}

static void set_time(struct queue *q, uint64_t time)
{
	weir_atomic_store(&q->seconds, time);
	weir_atomic_store(&q->nano, time);
}

static int schedule(weir_ctx *ctx, bool locks)
{
	struct queue q = {.filled = false};
	weir_tx *stop = NULL;
	weir_scope s;
	weir_rwlock_init(&q.m, weir_ctx_rt(ctx));
	weir_atomic_init(&q.seconds, weir_ctx_rt(ctx), 0);
	weir_atomic_init(&q.nano, weir_ctx_rt(ctx), 0);
	bug_chan(ctx, &bug_event, 0, &stop, &q.stopped);
	weir_scope_init(&s, ctx);
	bug_spawn(&s, "flush", flush, &q);
	weir_rwlock_write_lock(ctx, &q.m);
	set_time(&q, 1);
	q.filled = true;
	weir_rwlock_write_unlock(&q.m);
	if (locks)
		weir_rwlock_write_lock(ctx, &q.m);
	set_time(&q, 2);
	if (locks)
		weir_rwlock_write_unlock(&q.m);
	weir_tx_close(&stop);
	bug_join(ctx, &s);
	weir_rx_close(&q.stopped);
	weir_atomic_fini(&q.nano);
	weir_atomic_fini(&q.seconds);
	weir_rwlock_fini(&q.m);
	return 0;
}

static int kubernetes_81148_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return schedule(ctx, false);
}

static int kubernetes_81148_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return schedule(ctx, true);
}

WEIR_BUG(kubernetes_81148, "Traditional: data race", WEIR_SIM_ASSERTION, false);

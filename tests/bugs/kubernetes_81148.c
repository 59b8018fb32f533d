/* SPDX-License-Identifier: MIT
 *
 * Origin: kubernetes/kubernetes, pull request 81148. Class: traditional, data race.
 *
 * A task reads the times of all records of a table under the lock; the test has added a record under the lock, and
 * then changes its time without it. A time is two words, so the reader can get half of the old one and half of the
 * new. Fix: change it under the lock. */
#include "bugs.h"

struct queue {
	weir_rwlock m;
	bool filled;            /* under m */
	uint64_t seconds, nano; /* the same number in both, unless torn */
	weir_rx *stopped;
};

static int flush(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct queue *q = arg;
	char nothing;
	(void)err;
	weir_rwlock_read_lock(ctx, &q->m);
	if (q->filled)
		WEIR_SIM_EQ(WEIR_SIM_GET(q->seconds), WEIR_SIM_GET(q->nano));
	weir_rwlock_read_unlock(&q->m);
	return weir_rx_recv(ctx, q->stopped, &nothing);
}

static void set_time(struct queue *q, uint64_t time)
{
	WEIR_SIM_SET(q->seconds, time);
	WEIR_SIM_SET(q->nano, time);
}

static int schedule(weir_ctx *ctx, bool locks)
{
	struct queue q = {.filled = false};
	weir_tx *stop = NULL;
	weir_scope s;
	weir_rwlock_init(&q.m, weir_ctx_rt(ctx));
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

WEIR_BUG(kubernetes_81148, "Traditional: data race", WEIR_SIM_RACE, false);

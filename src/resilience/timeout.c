/* SPDX-License-Identifier: MIT
 *
 * So long for each value: see resilience/timeout.h.
 *
 *  T1  Whose end it was is what the child's context says (its own deadline, or a parent's end), not what the clock
 *      says: the first to see it has fixed it. Only a code that is this context's is turned into WEIR_ETIMEOUT, and
 *      only where its deadline came before the caller's.
 *  T2  `until` of a node is 0 while no value is with the child; else when its time is over. The list of nodes changes
 *      under the lock, when calls are made and freed; `until` is the node's task's to write.
 *
 * LOCK: the gauge's mutex, for a few instructions; nothing else is called under it. */
#include <weir/resilience/timeout.h>

#include "wrap.h"

struct timeout {
	weir_stage base;
	int64_t limit_ns;
	bool gauge;
	weir_mutex lock;
	struct timeout_node *nodes; /* T2 */
};

struct timeout_node {
	struct weir__wrap wrap;
	weir_atomic until;
	struct timeout_node *following;
};

static int run_child(weir_ctx *ctx, struct timeout_node *node, int64_t limit_ns, int64_t at, const void *in, void *out,
		     weir_err *err)
{
	weir_ctx own;
	weir_ctx_init(&own, ctx, at);
	int rc = weir__run(&own, &node->wrap.child, WEIR__NO_INDEX, in, out, err);
	if (__builtin_expect(rc == WEIR_EDEADLINE, 0) && weir_ctx_cause(&own, NULL) == WEIR_CAUSE_DEADLINE &&
	    at < weir_ctx_deadline(ctx)) { /* T1 */
		rc = weir_err_wrap(err, WEIR_ETIMEOUT, limit_ns);
		weir__told(node->wrap.probed, WEIR_PROBE_TIMEOUT, rc, limit_ns);
	}
	weir_ctx_fini(&own);
	return rc;
}

static int timeout_process(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	struct timeout_node *node = arg;
	const struct timeout *t = (const struct timeout *)node->wrap.st;
	int64_t at = weir_time_add(weir_rt_now(t->base.rt), t->limit_ns);
	if (!t->gauge)
		return run_child(ctx, node, t->limit_ns, at, in, out, err);
	weir_atomic_store(&node->until, (uint64_t)at);
	int rc = run_child(ctx, node, t->limit_ns, at, in, out, err);
	weir_atomic_store(&node->until, 0);
	return rc;
}

/* The lock is the stage's, which is immutable for everybody else. Nobody who holds it waits, so no context is needed
 * that ends. */
static void hold(const struct timeout *t, weir_ctx *forever)
{
	weir_ctx_init_root(forever, t->base.rt);
	weir_mutex_lock(forever, (weir_mutex *)(uintptr_t)&t->lock);
}

static void let_go(const struct timeout *t, weir_ctx *forever)
{
	weir_mutex_unlock((weir_mutex *)(uintptr_t)&t->lock);
	weir_ctx_fini(forever);
}

static void timeout_bind(struct weir__binder *b, const weir_stage *st, struct weir__run *out)
{
	const struct timeout *t = (const struct timeout *)st;
	struct timeout_node *node = weir__wrap_bind(b, st, sizeof(*node), timeout_process, out);
	weir_ctx forever;
	if (!t->gauge)
		return;
	weir_atomic_init(&node->until, st->rt, 0);
	hold(t, &forever);
	node->following = t->nodes;
	((struct timeout *)(uintptr_t)t)->nodes = node;
	let_go(t, &forever);
}

static void timeout_unbind(void *mem)
{
	struct timeout_node *node = mem;
	struct timeout *t = (struct timeout *)(uintptr_t)node->wrap.st;
	weir_ctx forever;
	if (!t->gauge)
		return;
	hold(t, &forever);
	struct timeout_node **at = &t->nodes;
	while (*at != node)
		at = &(*at)->following;
	*at = node->following;
	let_go(t, &forever);
	weir_atomic_fini(&node->until);
}

static void timeout_free(weir_stage *st)
{
	struct timeout *t = (struct timeout *)st;
	assert(!t->nodes); /* it has no calls */
	weir_mutex_fini(&t->lock);
}

static const struct weir__stage_ops timeout_ops = {.bind = timeout_bind,
						   .free = timeout_free,
						   .unbind = timeout_unbind};

weir_stage *weir_timeout_with(weir_stage *child, const struct weir_timeout_opts *opts)
{
	const char *name = opts && opts->name ? opts->name : "timeout";
	weir_stage *st = weir__wrap_make(child, &timeout_ops, name, sizeof(struct timeout),
					 sizeof(struct timeout_node));
	if (!weir__stage_ok(st))
		return st;
	struct timeout *t = (struct timeout *)st;
	t->limit_ns = opts ? opts->limit_ns : 0;
	t->gauge = opts && opts->gauge;
	if (t->gauge)
		weir_mutex_init(&t->lock, st->rt);
	if (t->limit_ns <= 0)
		weir__stage_wrong(st, WEIR_EINVAL, "is given %lld ns: a limit is above 0", (long long)t->limit_ns);
	return st;
}

weir_stage *weir_timeout(weir_stage *child, int64_t limit_ns)
{
	return weir_timeout_with(child, &(struct weir_timeout_opts){.limit_ns = limit_ns});
}

int weir_timeout_stats_read(weir_ctx *ctx, weir_stage *st, struct weir_timeout_stats *out)
{
	if (!st || !out || st->ops != &timeout_ops || !((struct timeout *)st)->gauge)
		return WEIR_EINVAL;
	struct timeout *t = (struct timeout *)st;
	struct weir_timeout_stats seen = {0};
	int64_t now = weir_rt_now(st->rt);
	weir_mutex_lock(ctx, &t->lock);
	for (const struct timeout_node *node = t->nodes; node; node = node->following) {
		int64_t until = (int64_t)weir_atomic_load(&node->until);
		seen.running += until != 0;
		seen.overdue += until != 0 && until < now;
		if (until != 0 && now - until > seen.overdue_ns)
			seen.overdue_ns = now - until;
	}
	weir_mutex_unlock(&t->lock);
	*out = seen;
	return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * Origin: cockroachdb/cockroach, pull request 7504. Class: resource deadlock, opposite lock order.
 *
 * A lease is acquired by name: the name cache is locked, then the lease. A lease is released: the table is locked,
 * then the lease, then the name cache. One task holds the cache and wants the lease, the other the lease and wants the
 * cache. Fix: release gives the lease back before it locks the cache. */
#include "bugs.h"

struct leases {
	weir_mutex table, lease, names;
	int refs;
	bool active, cached, bad;
};

static int acquire_by_name(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct leases *l = arg;
	(void)err;
	weir_mutex_lock(ctx, &l->names);
	if (l->cached) {
		weir_mutex_lock(ctx, &l->lease);
		l->refs++;
		weir_mutex_unlock(&l->lease);
	}
	weir_mutex_unlock(&l->names);
	return 0;
}

static void forget_name(weir_ctx *ctx, struct leases *l)
{
	weir_mutex_lock(ctx, &l->names);
	l->cached = false;
	weir_mutex_unlock(&l->names);
}

static int release(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct leases *l = arg;
	(void)err;
	weir_mutex_lock(ctx, &l->table);
	weir_mutex_lock(ctx, &l->lease);
	l->refs--;
	l->active = false;
	if (l->bad)
		forget_name(ctx, l);
	weir_mutex_unlock(&l->lease);
	if (!l->bad)
		forget_name(ctx, l);
	weir_mutex_unlock(&l->table);
	return 0;
}

static int lease_manager(weir_ctx *ctx, bool bad)
{
	struct leases l = {.refs = 1, .active = true, .cached = true, .bad = bad};
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_scope s;
	weir_mutex_init(&l.table, rt);
	weir_mutex_init(&l.lease, rt);
	weir_mutex_init(&l.names, rt);
	weir_scope_init(&s, ctx);
	bug_spawn(&s, "acquire", acquire_by_name, &l);
	bug_spawn(&s, "release", release, &l);
	bug_join(ctx, &s);
	WEIR_SIM_ASSERT(!l.active && !l.cached);
	weir_mutex_fini(&l.names);
	weir_mutex_fini(&l.lease);
	weir_mutex_fini(&l.table);
	return 0;
}

static int cockroach_7504_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return lease_manager(ctx, true);
}

static int cockroach_7504_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return lease_manager(ctx, false);
}

WEIR_BUG(cockroach_7504, "Resource: opposite lock order", WEIR_SIM_DEADLOCK, false);

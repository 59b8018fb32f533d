/* SPDX-License-Identifier: MIT
 *
 * Origin: etcd-io/etcd, pull request 10492. Class: resource deadlock, double locking through a callback.
 *
 * Renewing a lease calls the user's checkpoint function under the lessor's lock, and that function calls back into the
 * lessor, which locks. In weir that is misuse, and the report shows both sites. Fix: unlock before the callback. */
#include "bugs.h"

struct lessor {
	weir_rwlock rw;
	void (*checkpointer)(weir_ctx *ctx, struct lessor *l);
	int remaining;
	bool bad;
};

static void checkpoint(weir_ctx *ctx, struct lessor *l)
{
	weir_rwlock_write_lock(ctx, &l->rw);
	l->remaining = 10;
	weir_rwlock_write_unlock(&l->rw);
}

static void set_checkpointer(weir_ctx *ctx, struct lessor *l, void (*fn)(weir_ctx *, struct lessor *))
{
	weir_rwlock_write_lock(ctx, &l->rw);
	l->checkpointer = fn;
	weir_rwlock_write_unlock(&l->rw);
}

static void renew(weir_ctx *ctx, struct lessor *l)
{
	weir_rwlock_write_lock(ctx, &l->rw);
	void (*fn)(weir_ctx *, struct lessor *) = l->checkpointer;
	if (l->bad)
		fn(ctx, l);
	weir_rwlock_write_unlock(&l->rw);
	if (!l->bad)
		fn(ctx, l);
}

static int run_lessor(weir_ctx *ctx, bool bad)
{
	struct lessor l = {.bad = bad};
	weir_rwlock_init(&l.rw, weir_ctx_rt(ctx));
	set_checkpointer(ctx, &l, checkpoint);
	renew(ctx, &l);
	WEIR_SIM_EQ(l.remaining, 10);
	weir_rwlock_fini(&l.rw);
	return 0;
}

static int etcd_10492_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return run_lessor(ctx, true);
}

static int etcd_10492_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return run_lessor(ctx, false);
}

WEIR_BUG(etcd_10492, "Resource: double locking", WEIR_SIM_MISUSE, false);

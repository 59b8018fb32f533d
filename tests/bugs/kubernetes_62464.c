/* SPDX-License-Identifier: MIT
 *
 * Origin: kubernetes/kubernetes, pull request 62464. Class: resource deadlock, read lock inside a read lock.
 *
 * The state of the CPU manager is read under the read lock by a function that calls others which take it again (the
 * second of them only sometimes, a choice of the schedule). A writer that queues in between blocks the inner lock, and
 * is blocked by the outer one. Fix: the inner functions do not lock. */
#include "bugs.h"

struct state {
	weir_rwlock rw;
	int cpus;
	bool bad;
};

static int read_inside(weir_ctx *ctx, struct state *st)
{
	if (st->bad)
		weir_rwlock_read_lock(ctx, &st->rw);
	int cpus = st->cpus;
	if (st->bad)
		weir_rwlock_read_unlock(&st->rw);
	return cpus;
}

static int get_or_default(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct state *st = arg;
	(void)err;
	weir_rwlock_read_lock(ctx, &st->rw);
	int cpus = read_inside(ctx, st);
	if (weir_sim_choose(2, "whether the container has its own set") == 0)
		WEIR_SIM_EQ(read_inside(ctx, st), cpus);
	weir_rwlock_read_unlock(&st->rw);
	return 0;
}

static int remove_container(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct state *st = arg;
	(void)err;
	weir_rwlock_read_lock(ctx, &st->rw);
	int cpus = st->cpus;
	weir_rwlock_read_unlock(&st->rw);
	weir_rwlock_write_lock(ctx, &st->rw);
	st->cpus = cpus + 1;
	weir_rwlock_write_unlock(&st->rw);
	return 0;
}

static int reconcile(weir_ctx *ctx, bool bad)
{
	struct state st = {.bad = bad};
	weir_scope s;
	weir_rwlock_init(&st.rw, weir_ctx_rt(ctx));
	weir_scope_init(&s, ctx);
	bug_spawn(&s, "reader", get_or_default, &st);
	bug_spawn(&s, "remover", remove_container, &st);
	bug_join(ctx, &s);
	WEIR_SIM_EQ(st.cpus, 1);
	weir_rwlock_fini(&st.rw);
	return 0;
}

static int kubernetes_62464_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return reconcile(ctx, true);
}

static int kubernetes_62464_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return reconcile(ctx, false);
}

WEIR_BUG(kubernetes_62464, "Resource: read lock in read lock", WEIR_SIM_DEADLOCK, false);

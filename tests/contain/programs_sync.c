/* SPDX-License-Identifier: MIT
 *
 * Locks, conditions, semaphores, wait groups, once and atomics: who is first, what a waiter is given, what is lost.
 *
 * Memory that a lock protects is shared between roles under that lock; everything else is a role's own. */
#include "contain.h"

static void cancel_first(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	weir_ctx_cancel(&r->node[0], "enough");
}

/* ---- mutex ---- */

static void enter(weir_ctx *ctx, struct round *r, int who)
{
	weir_mutex_lock(ctx, &r->mutex);
	r->order[r->n_order++] = who;
	contain_pause(r);
	weir_mutex_unlock(&r->mutex);
}

static void enter_twice(weir_ctx *ctx, struct round *r)
{
	enter(ctx, r, 1);
	contain_pause(r);
	enter(ctx, r, 1);
}

static void enter_two(weir_ctx *ctx, struct round *r)
{
	enter(ctx, r, 2);
}

static void try_enter(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	r->rc[2][0] = weir_mutex_try_lock(&r->mutex);
	if (r->rc[2][0] == 0) {
		r->order[r->n_order++] = 3;
		weir_mutex_unlock(&r->mutex);
	}
}

static int mutex_order(weir_ctx *ctx, struct round *r)
{
	weir_mutex_init(&r->mutex, r->rt);
	contain_meet(ctx, r, 3, (contain_role *[]){enter_twice, enter_two, try_enter});
	for (int i = 0; i < r->n_order; i++)
		contain_say(r, "%d", r->order[i]);
	contain_say(r, " try %s", contain_code(r->rc[2][0]));
	weir_mutex_fini(&r->mutex);
	return 0;
}

/* ---- read-write lock ---- */

static void read_twice(weir_ctx *ctx, struct round *r)
{
	for (size_t i = 0; i < 2; i++) {
		weir_rwlock_read_lock(ctx, &r->rwlock);
		r->got[0][i] = r->n_order;
		contain_pause(r);
		weir_rwlock_read_unlock(&r->rwlock);
	}
}

static void write_once(weir_ctx *ctx, struct round *r)
{
	weir_rwlock_write_lock(ctx, &r->rwlock);
	r->n_order++;
	contain_pause(r);
	weir_rwlock_write_unlock(&r->rwlock);
}

static void try_both(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	r->rc[2][0] = weir_rwlock_try_read_lock(&r->rwlock);
	if (r->rc[2][0] == 0)
		weir_rwlock_read_unlock(&r->rwlock);
	r->rc[2][1] = weir_rwlock_try_write_lock(&r->rwlock);
	if (r->rc[2][1] == 0)
		weir_rwlock_write_unlock(&r->rwlock);
}

static int rwlock_order(weir_ctx *ctx, struct round *r)
{
	weir_rwlock_init(&r->rwlock, r->rt);
	contain_meet(ctx, r, 3, (contain_role *[]){read_twice, write_once, try_both});
	contain_say(r, "read %d %d, try %s %s", r->got[0][0], r->got[0][1], contain_code(r->rc[2][0]),
		    contain_code(r->rc[2][1]));
	weir_rwlock_fini(&r->rwlock);
	return 0;
}

/* ---- semaphore ---- */

static void acquire_cancellable(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	r->rc[1][0] = weir_sem_acquire(&r->node[0], &r->sem, 1);
	if (r->rc[1][0] == 0)
		weir_sem_release(&r->sem, 1);
}

static void acquire_hold(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	r->rc[2][0] = weir_sem_try_acquire(&r->sem, 1);
	contain_pause(r);
	if (r->rc[2][0] == 0)
		weir_sem_release(&r->sem, 1);
}

/* One permit, one that waits for it and can be cancelled, one that only tries. */
static int sem_cancel(weir_ctx *ctx, struct round *r)
{
	weir_ctx_init(&r->node[0], ctx, WEIR_FOREVER);
	weir_sem_init(&r->sem, r->rt, 1);
	contain_meet(ctx, r, 3, (contain_role *[]){cancel_first, acquire_cancellable, acquire_hold});
	contain_say(r, "waiter %s, try %s", contain_code(r->rc[1][0]), contain_code(r->rc[2][0]));
	weir_sem_fini(&r->sem);
	weir_ctx_fini(&r->node[0]);
	return 0;
}

static void release_cancel_release(weir_ctx *ctx, struct round *r)
{
	weir_sem_release(&r->sem, 1);
	r->rc[0][0] = weir_sem_try_acquire(&r->sem, 1);
	cancel_first(ctx, r);
	weir_sem_release(&r->sem, 1);
}

static void acquire_keep(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	r->rc[1][0] = weir_sem_acquire(&r->node[0], &r->sem, 1);
}

/* A permit given, taken back if it is still there, and one more given after the cancel: not to the waiter. */
static int sem_cancel_release(weir_ctx *ctx, struct round *r)
{
	weir_ctx_init(&r->node[0], ctx, WEIR_FOREVER);
	weir_sem_init(&r->sem, r->rt, 0);
	contain_meet(ctx, r, 2, (contain_role *[]){release_cancel_release, acquire_keep});
	contain_say(r, "took back %s, waiter %s", contain_code(r->rc[0][0]), contain_code(r->rc[1][0]));
	weir_sem_fini(&r->sem);
	weir_ctx_fini(&r->node[0]);
	return 0;
}

/* ---- condition ---- */

static void wait_signal(weir_ctx *ctx, struct round *r, size_t i)
{
	(void)ctx;
	weir_mutex_lock(&r->node[0], &r->mutex);
	r->rc[i][0] = r->n_order ? 7 : weir_cond_wait(&r->node[0], &r->cond, &r->mutex);
	weir_mutex_unlock(&r->mutex);
}

static void wait_signal_1(weir_ctx *ctx, struct round *r)
{
	wait_signal(ctx, r, 1);
}

static void wait_signal_2(weir_ctx *ctx, struct round *r)
{
	wait_signal(ctx, r, 2);
}

static void signal_cancel(weir_ctx *ctx, struct round *r)
{
	weir_mutex_lock(ctx, &r->mutex);
	r->n_order = 1;
	weir_mutex_unlock(&r->mutex);
	contain_pause(r);
	weir_cond_signal(&r->cond);
	contain_pause(r);
	weir_ctx_cancel(&r->node[0], "enough");
}

/* Two may wait, one is signalled, the rest is cancelled. 7: there was no need to wait. */
static int cond_signal(weir_ctx *ctx, struct round *r)
{
	weir_ctx_init(&r->node[0], ctx, WEIR_FOREVER);
	weir_mutex_init(&r->mutex, r->rt);
	weir_cond_init(&r->cond, r->rt);
	contain_meet(ctx, r, 3, (contain_role *[]){signal_cancel, wait_signal_1, wait_signal_2});
	contain_say(r, "%s %s", contain_code(r->rc[1][0]), contain_code(r->rc[2][0]));
	weir_cond_fini(&r->cond);
	weir_mutex_fini(&r->mutex);
	weir_ctx_fini(&r->node[0]);
	return 0;
}

/* ---- wait group, once, atomics ---- */

static void done_add(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	weir_wg_done(&r->wg);
	contain_pause(r);
	weir_wg_add(&r->wg, 1);
	contain_pause(r);
	weir_ctx_cancel(&r->node[0], "enough");
}

static void wait_group(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	r->rc[1][0] = weir_wg_wait(&r->node[0], &r->wg);
	contain_pause(r);
	r->rc[1][1] = weir_wg_wait(&r->node[0], &r->wg);
}

/* The count is 0 for a moment. */
static int wg_moment(weir_ctx *ctx, struct round *r)
{
	weir_ctx_init(&r->node[0], ctx, WEIR_FOREVER);
	weir_wg_init(&r->wg, r->rt);
	weir_wg_add(&r->wg, 1);
	contain_meet(ctx, r, 2, (contain_role *[]){done_add, wait_group});
	contain_say(r, "%s %s", contain_code(r->rc[1][0]), contain_code(r->rc[1][1]));
	weir_wg_done(&r->wg);
	weir_wg_fini(&r->wg);
	weir_ctx_fini(&r->node[0]);
	return 0;
}

static int code_1(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	contain_pause(arg);
	return WEIR_EAGAIN;
}

static int code_2(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	contain_pause(arg);
	return WEIR_EPIPE;
}

static void once_cancellable(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	r->rc[1][0] = weir_once_do(&r->node[0], &r->once, code_1, r, NULL);
}

static void once_other(weir_ctx *ctx, struct round *r)
{
	r->rc[2][0] = weir_once_do(ctx, &r->once, code_2, r, NULL);
}

static int once_cancel(weir_ctx *ctx, struct round *r)
{
	weir_ctx_init(&r->node[0], ctx, WEIR_FOREVER);
	weir_once_init(&r->once, r->rt);
	contain_meet(ctx, r, 3, (contain_role *[]){cancel_first, once_cancellable, once_other});
	contain_say(r, "%s %s", contain_code(r->rc[1][0]), contain_code(r->rc[2][0]));
	weir_once_fini(&r->once);
	weir_ctx_fini(&r->node[0]);
	return 0;
}

static void store_load(struct round *r, size_t mine)
{
	weir_atomic_store(&r->atomic[mine], 1);
	r->got[mine][0] = (int)weir_atomic_load(&r->atomic[1 - mine]);
}

static void store_load_0(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	store_load(r, 0);
}

static void store_load_1(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	store_load(r, 1);
}

/* Store buffering: 0 0 must not happen, on either side. */
static int atomic_store_load(weir_ctx *ctx, struct round *r)
{
	for (size_t i = 0; i < 2; i++)
		weir_atomic_init(&r->atomic[i], r->rt, 0);
	contain_meet(ctx, r, 2, (contain_role *[]){store_load_0, store_load_1});
	contain_say(r, "%d %d", r->got[0][0], r->got[1][0]);
	for (size_t i = 0; i < 2; i++)
		weir_atomic_fini(&r->atomic[i]);
	return 0;
}

static void add_in_two(weir_ctx *ctx, struct round *r)
{
	(void)ctx;
	uint64_t seen = weir_atomic_load(&r->atomic[0]);
	contain_pause(r);
	weir_atomic_store(&r->atomic[0], seen + 1);
}

static void add_in_one(weir_ctx *ctx, struct round *r)
{
	uint64_t seen = 0;
	if (r->param == 0)
		add_in_two(ctx, r);
	else
		while (!weir_atomic_cas(&r->atomic[0], &seen, seen + 1))
			;
}

static void add_whole(weir_ctx *ctx, struct round *r)
{
	if (r->param == 2)
		(void)weir_atomic_add(&r->atomic[0], 1);
	else
		add_in_two(ctx, r);
}

/* param 0: both add by a load and a store, 1: one by cas, 2: the other by add. */
static int atomic_add(weir_ctx *ctx, struct round *r)
{
	weir_atomic_init(&r->atomic[0], r->rt, 0);
	contain_meet(ctx, r, 2, (contain_role *[]){add_in_one, add_whole});
	contain_say(r, "%d", (int)weir_atomic_load(&r->atomic[0]));
	weir_atomic_fini(&r->atomic[0]);
	return 0;
}

const struct contain_program contain_sync[] = {
	{.name = "mutex_order", .fn = mutex_order},
	{.name = "rwlock_order", .fn = rwlock_order},
	{.name = "sem_cancel", .fn = sem_cancel},
	{.name = "sem_cancel_release", .fn = sem_cancel_release},
	{.name = "cond_signal", .fn = cond_signal},
	{.name = "wg_moment", .fn = wg_moment},
	{.name = "once_cancel", .fn = once_cancel},
	{.name = "atomic_store_load", .fn = atomic_store_load},
	{.name = "atomic_add", .fn = atomic_add, .param = 0},
	{.name = "atomic_add_cas", .fn = atomic_add, .param = 1},
	{.name = "mutant_lost_update", .fn = atomic_add, .param = 0, .sim_param = 2, .mutant = true},
};
const size_t contain_n_sync = sizeof(contain_sync) / sizeof(contain_sync[0]);

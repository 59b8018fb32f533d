/* SPDX-License-Identifier: MIT
 *
 * The objects of core/sync.h, the ticker and on_end, on real threads, one situation each: what every operation gives in
 * every state of the tables in sync.h, who is next, and each misuse. That a helper waits is read from the object's own
 * queue, under its lock, so nothing here waits for time. Races are for tests/sim/test_sync.c, load for
 * tests/stress/test_sync.c. */
#include <check.h>
#include <limits.h>

#include "core/sync.h"
#include "support.h"

/* Tasks in a queue of the object. */
static size_t length_of(struct weir__sync *head, const struct weir__queue *q)
{
	size_t n = 0;
	uint32_t rank = weir__lock(&head->lock, WEIR__RANK_SYNC);
	for (const struct weir__link *link = q->first; link; link = link->next)
		n++;
	weir__unlock(&head->lock, rank);
	return n;
}

#define WAITING(kind, object, queue) \
	length_of(&((struct weir__##kind *)(object))->head, &((struct weir__##kind *)(object))->queue)

/* One blocking call, to be run by a helper, and in which order those came back. */
struct call {
	weir_ctx own;
	weir_ctx *ctx; /* what the call is made under */
	weir_mutex *m;
	weir_rwlock *rw;
	weir_cond *c;
	weir_sem *s;
	weir_wg *g;
	weir_once *o;
	uint64_t n;
	int turn;
	struct helper helper;
};

static _Atomic int turns;

static void call_open(struct call *call)
{
	*call = (struct call){.turn = -1};
	weir_ctx_init(&call->own, &root, WEIR_FOREVER);
	call->ctx = &call->own;
}

static int take_turn(struct call *call, int rc)
{
	call->turn = atomic_fetch_add(&turns, 1);
	return rc;
}

static int call_close(struct call *call)
{
	int rc = helper_join(&call->helper);
	weir_ctx_fini(&call->own);
	return rc;
}

static int fail_once(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx;
	++*(int *)arg;
	return weir_fail(err, WEIR_EUSER - 1, "bad luck");
}

/* ---- every object ---- */

START_TEST(fini_of_nothing)
{
	weir_mutex m = {0};
	weir_rwlock rw = {0};
	weir_cond c = {0};
	weir_sem s = {0};
	weir_wg g = {0};
	weir_once o = {0};
	weir_atomic a = {0};
	weir_mutex_fini(NULL), weir_mutex_fini(&m);
	weir_rwlock_fini(NULL), weir_rwlock_fini(&rw);
	weir_cond_fini(NULL), weir_cond_fini(&c);
	weir_sem_fini(NULL), weir_sem_fini(&s);
	weir_wg_fini(NULL), weir_wg_fini(&g);
	weir_once_fini(NULL), weir_once_fini(&o);
	weir_atomic_fini(NULL), weir_atomic_fini(&a);
	ck_assert_int_eq(weir_on_end_stop(NULL), WEIR_ON_END_STOPPED);
}
END_TEST

/* Memory that held anything is fine for init, and fini leaves zeros: it can be finished twice and used again. */
START_TEST(memory_may_be_used_again)
{
	union {
		weir_mutex m;
		weir_rwlock rw;
		weir_cond c;
		weir_sem s;
		weir_wg g;
		weir_once o;
		weir_atomic a;
	} any, zero;
	memset(&any, 0xff, sizeof(any));
	memset(&zero, 0, sizeof(zero));
	weir_mutex_init(&any.m, rt);
	weir_mutex_fini(&any.m);
	weir_mutex_fini(&any.m);
	ck_assert_mem_eq(&any, &zero, sizeof(any.m));
	weir_rwlock_init(&any.rw, rt);
	weir_rwlock_fini(&any.rw);
	ck_assert_mem_eq(&any, &zero, sizeof(any.rw));
	weir_cond_init(&any.c, rt);
	weir_cond_fini(&any.c);
	weir_sem_init(&any.s, rt, 5);
	weir_sem_fini(&any.s);
	weir_wg_init(&any.g, rt);
	weir_wg_fini(&any.g);
	weir_once_init(&any.o, rt);
	weir_once_fini(&any.o);
	weir_atomic_init(&any.a, rt, 5);
	weir_atomic_fini(&any.a);
	ck_assert_mem_eq(&any, &zero, sizeof(any));
}
END_TEST

START_TEST(another_runtime)
{
	weir_rt *other = runtime_of((struct weir_rt_opts){0});
	weir_ctx foreign;
	weir_mutex m;
	weir_cond c;
	weir_sem s;
	weir_wg g;
	weir_once o;
	weir_scope scope;
	weir_on_end handle;
	int ran = 0;
	weir_ctx_init_root(&foreign, other);
	weir_mutex_init(&m, other);
	weir_cond_init(&c, rt);
	weir_sem_init(&s, rt, 1);
	weir_wg_init(&g, rt);
	weir_once_init(&o, rt);
	weir_scope_init(&scope, &root);
	ck_assert_int_eq(weir_cond_wait(&foreign, &c, &m), WEIR_EINVAL);
	ck_assert_int_eq(weir_cond_wait(&root, &c, &m), WEIR_EINVAL);
	ck_assert_int_eq(weir_sem_acquire(&foreign, &s, 1), WEIR_EINVAL);
	ck_assert_int_eq(weir_wg_wait(&foreign, &g), WEIR_EINVAL);
	ck_assert_int_eq(weir_once_do(&foreign, &o, fail_once, &ran, NULL), WEIR_EINVAL);
	ck_assert_int_eq(weir_once_do(&root, &o, NULL, &ran, NULL), WEIR_EINVAL);
	ck_assert_int_eq(weir_scope_on_end(&scope, &foreign, free, NULL, &handle), WEIR_EINVAL);
	ck_assert_int_eq(ran, 0);
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, NULL), 0);
	weir_mutex_fini(&m);
	weir_cond_fini(&c);
	weir_sem_fini(&s);
	weir_wg_fini(&g);
	weir_once_fini(&o);
	weir_ctx_fini(&foreign);
	weir_rt_free(&other);
}
END_TEST

/* ---- mutex ---- */

static int call_lock(void *arg)
{
	struct call *call = arg;
	weir_mutex_lock(call->ctx, call->m);
	take_turn(call, 0);
	weir_mutex_unlock(call->m);
	return 0;
}

START_TEST(a_mutex_is_handed_over_in_order)
{
	weir_mutex m;
	struct call calls[4];
	atomic_store(&turns, 0);
	weir_mutex_init(&m, rt);
	ck_assert_int_eq(weir_mutex_try_lock(&m), 0);
	ck_assert_int_eq(weir_mutex_try_lock(&m), WEIR_EAGAIN);
	for (size_t i = 0; i < COUNT_OF(calls); i++) {
		call_open(&calls[i]);
		calls[i].m = &m;
		helper_start(&calls[i].helper, call_lock, &calls[i]);
		AWAIT(WAITING(mutex, &m, waiters) == i + 1);
	}
	weir_mutex_unlock(&m);
	weir_mutex_lock(&root, &m); /* behind them */
	ck_assert_int_eq(atomic_load(&turns), COUNT_OF(calls));
	weir_mutex_unlock(&m);
	for (size_t i = 0; i < COUNT_OF(calls); i++) {
		ck_assert_int_eq(call_close(&calls[i]), 0);
		ck_assert_int_eq(calls[i].turn, (int)i);
	}
	weir_mutex_fini(&m);
}
END_TEST

START_TEST(a_lock_ignores_the_end)
{
	weir_mutex m;
	struct call call;
	weir_mutex_init(&m, rt);
	call_open(&call);
	call.m = &m;
	weir_ctx_cancel(&call.own, "before");
	weir_mutex_lock(&call.own, &m);
	helper_start(&call.helper, call_lock, &call);
	AWAIT(WAITING(mutex, &m, waiters) == 1);
	weir_mutex_unlock(&m);
	ck_assert_int_eq(call_close(&call), 0);
	weir_mutex_fini(&m);
}
END_TEST

START_TEST(a_mutex_locked_twice_aborts)
{
	weir_mutex m;
	weir_mutex_init(&m, rt);
	weir_mutex_lock(&root, &m);
	weir_mutex_lock(&root, &m);
}
END_TEST

START_TEST(a_free_mutex_unlocked_aborts)
{
	weir_mutex m;
	weir_mutex_init(&m, rt);
	weir_mutex_unlock(&m);
}
END_TEST

static int unlock_it(void *arg)
{
	weir_mutex_unlock(arg);
	return 0;
}

START_TEST(a_mutex_unlocked_by_another_aborts)
{
	weir_mutex m;
	struct helper helper;
	weir_mutex_init(&m, rt);
	weir_mutex_lock(&root, &m);
	helper_start(&helper, unlock_it, &m);
	helper_join(&helper);
}
END_TEST

START_TEST(a_held_mutex_finished_aborts)
{
	weir_mutex m;
	weir_mutex_init(&m, rt);
	weir_mutex_lock(&root, &m);
	weir_mutex_fini(&m);
}
END_TEST

START_TEST(a_lock_with_a_foreign_context_aborts)
{
	weir_mutex m;
	weir_mutex_init(&m, runtime_of((struct weir_rt_opts){0}));
	weir_mutex_lock(&root, &m);
}
END_TEST

/* ---- read-write lock ---- */

static int call_read(void *arg)
{
	struct call *call = arg;
	weir_rwlock_read_lock(call->ctx, call->rw);
	take_turn(call, 0);
	weir_rwlock_read_unlock(call->rw);
	return 0;
}

static int call_write(void *arg)
{
	struct call *call = arg;
	weir_rwlock_write_lock(call->ctx, call->rw);
	take_turn(call, 0);
	weir_rwlock_write_unlock(call->rw);
	return 0;
}

START_TEST(readers_share)
{
	weir_rwlock l;
	struct call call;
	weir_rwlock_init(&l, rt);
	call_open(&call);
	call.rw = &l;
	weir_rwlock_read_lock(&root, &l);
	ck_assert_int_eq(weir_rwlock_try_read_lock(&l), 0);
	ck_assert_int_eq(weir_rwlock_try_write_lock(&l), WEIR_EAGAIN);
	helper_start(&call.helper, call_read, &call);
	ck_assert_int_eq(call_close(&call), 0); /* while it is held */
	weir_rwlock_read_unlock(&l);
	ck_assert_int_eq(weir_rwlock_try_write_lock(&l), WEIR_EAGAIN);
	weir_rwlock_read_unlock(&l);
	ck_assert_int_eq(weir_rwlock_try_write_lock(&l), 0);
	ck_assert_int_eq(weir_rwlock_try_read_lock(&l), WEIR_EAGAIN);
	ck_assert_int_eq(weir_rwlock_try_write_lock(&l), WEIR_EAGAIN);
	weir_rwlock_write_unlock(&l);
	weir_rwlock_fini(&l);
}
END_TEST

/* Behind a reader: a writer, a reader, a writer. The writers go first, one after the other. */
START_TEST(writers_go_first)
{
	weir_rwlock l;
	struct call calls[3];
	atomic_store(&turns, 0);
	weir_rwlock_init(&l, rt);
	weir_rwlock_read_lock(&root, &l);
	for (size_t i = 0; i < 3; i++) {
		call_open(&calls[i]);
		calls[i].rw = &l;
		helper_start(&calls[i].helper, i == 1 ? call_read : call_write, &calls[i]);
		AWAIT(WAITING(rwlock, &l, writers) + WAITING(rwlock, &l, readers) == i + 1);
		ck_assert_int_eq(weir_rwlock_try_read_lock(&l), WEIR_EAGAIN);
	}
	weir_rwlock_read_unlock(&l);
	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(call_close(&calls[i]), 0);
	ck_assert_int_eq(calls[0].turn, 0);
	ck_assert_int_eq(calls[2].turn, 1);
	ck_assert_int_eq(calls[1].turn, 2);
	weir_rwlock_fini(&l);
}
END_TEST

START_TEST(a_writer_that_locks_again_aborts)
{
	weir_rwlock l;
	weir_rwlock_init(&l, rt);
	weir_rwlock_write_lock(&root, &l);
	weir_rwlock_read_lock(&root, &l);
}
END_TEST

START_TEST(a_read_unlock_without_a_reader_aborts)
{
	weir_rwlock l;
	weir_rwlock_init(&l, rt);
	weir_rwlock_read_unlock(&l);
}
END_TEST

START_TEST(a_write_unlock_by_a_reader_aborts)
{
	weir_rwlock l;
	weir_rwlock_init(&l, rt);
	weir_rwlock_read_lock(&root, &l);
	weir_rwlock_write_unlock(&l);
}
END_TEST

START_TEST(a_held_rwlock_finished_aborts)
{
	weir_rwlock l;
	weir_rwlock_init(&l, rt);
	weir_rwlock_read_lock(&root, &l);
	weir_rwlock_fini(&l);
}
END_TEST

/* ---- condition ---- */

static int call_wait(void *arg)
{
	struct call *call = arg;
	weir_mutex_lock(&root, call->m);
	int rc = weir_cond_wait(call->ctx, call->c, call->m);
	bool held = weir_mutex_try_lock(call->m) == WEIR_EAGAIN; /* by this task */
	take_turn(call, rc);
	weir_mutex_unlock(call->m);
	return held ? rc : 1;
}

/* Three wait: a cancelled one leaves, a signal is for the first that is left, a broadcast for all. */
START_TEST(signals_reach_those_that_wait)
{
	weir_mutex m;
	weir_cond c;
	struct call calls[4];
	atomic_store(&turns, 0);
	weir_mutex_init(&m, rt);
	weir_cond_init(&c, rt);
	weir_cond_signal(&c); /* lost */
	for (size_t i = 0; i < COUNT_OF(calls); i++) {
		call_open(&calls[i]);
		calls[i].m = &m;
		calls[i].c = &c;
		helper_start(&calls[i].helper, call_wait, &calls[i]);
		AWAIT(WAITING(cond, &c, waiters) == i + 1);
	}
	weir_ctx_cancel(&calls[0].own, "enough");
	ck_assert_int_eq(call_close(&calls[0]), WEIR_ECANCELED);
	weir_cond_signal(&c);
	ck_assert_int_eq(call_close(&calls[1]), 0);
	ck_assert_uint_eq(WAITING(cond, &c, waiters), 2);
	weir_mutex_lock(&root, &m);
	weir_cond_broadcast(&c);
	weir_ctx_cancel(&calls[3].own, "too late: it was signalled");
	weir_mutex_unlock(&m);
	ck_assert_int_eq(call_close(&calls[2]), 0);
	ck_assert_int_eq(call_close(&calls[3]), 0);
	ck_assert_int_eq(calls[1].turn, 1);
	weir_cond_fini(&c);
	weir_mutex_fini(&m);
}
END_TEST

START_TEST(a_wait_under_an_ended_context)
{
	weir_mutex m;
	weir_cond c;
	weir_ctx late;
	weir_mutex_init(&m, rt);
	weir_cond_init(&c, rt);
	weir_ctx_init(&late, &root, weir_rt_now(rt) + 1000);
	weir_mutex_lock(&root, &m);
	ck_assert_int_eq(weir_cond_wait(&late, &c, &m), WEIR_EDEADLINE); /* waited, or had ended: the mutex is held */
	ck_assert_int_eq(weir_cond_wait(&late, &c, &m), WEIR_EDEADLINE);
	weir_mutex_unlock(&m);
	weir_ctx_fini(&late);
	weir_cond_fini(&c);
	weir_mutex_fini(&m);
}
END_TEST

START_TEST(a_wait_without_the_mutex_aborts)
{
	weir_mutex m;
	weir_cond c;
	weir_mutex_init(&m, rt);
	weir_cond_init(&c, rt);
	ck_assert_int_eq(weir_cond_wait(&root, &c, &m), 0);
}
END_TEST

START_TEST(a_condition_finished_under_a_waiter_aborts)
{
	weir_mutex m;
	weir_cond c;
	struct call call;
	weir_mutex_init(&m, rt);
	weir_cond_init(&c, rt);
	call_open(&call);
	call.m = &m;
	call.c = &c;
	helper_start(&call.helper, call_wait, &call);
	AWAIT(WAITING(cond, &c, waiters) == 1);
	weir_cond_fini(&c);
}
END_TEST

/* ---- semaphore ---- */

static int call_acquire(void *arg)
{
	struct call *call = arg;
	return take_turn(call, weir_sem_acquire(call->ctx, call->s, call->n));
}

START_TEST(a_capacity_that_changes)
{
	weir_sem s;
	struct call call;
	weir_sem_init_bounded(&s, rt, 3, 3);
	ck_assert_int_eq(weir_sem_try_acquire(&s, 3), 0);
	weir_sem_resize(&s, 1);
	ck_assert_int_eq(weir_sem_try_acquire(&s, 2), WEIR_EINVAL);
	ck_assert_int_eq(weir_sem_acquire(&root, &s, 2), WEIR_EINVAL);
	call_open(&call);
	call.s = &s;
	call.n = 1;
	helper_start(&call.helper, call_acquire, &call);
	AWAIT(WAITING(sem, &s, waiters) == 1);
	weir_sem_release(&s, 2); /* one of one is taken still */
	ck_assert_uint_eq(WAITING(sem, &s, waiters), 1);
	ck_assert_int_eq(weir_sem_try_acquire(&s, 1), WEIR_EAGAIN);
	weir_sem_resize(&s, 2); /* room for the one that waits */
	ck_assert_int_eq(call_close(&call), 0);
	ck_assert_int_eq(weir_sem_try_acquire(&s, 1), WEIR_EAGAIN);
	weir_sem_resize(&s, 0);
	weir_sem_release(&s, 2);
	ck_assert_int_eq(weir_sem_try_acquire(&s, 0), 0);
	ck_assert_int_eq(weir_sem_try_acquire(&s, 1), WEIR_EINVAL);
	weir_sem_resize(&s, UINT64_MAX - 1);
	ck_assert_int_eq(weir_sem_try_acquire(&s, UINT64_MAX - 1), 0);
	weir_sem_fini(&s);
}
END_TEST

START_TEST(permits_are_counted)
{
	weir_sem s;
	weir_sem_init_bounded(&s, rt, 2, 3);
	ck_assert_int_eq(weir_sem_acquire(&root, &s, 0), 0);
	ck_assert_int_eq(weir_sem_acquire(&root, &s, 2), 0);
	ck_assert_int_eq(weir_sem_try_acquire(&s, 1), WEIR_EAGAIN);
	ck_assert_int_eq(weir_sem_try_acquire(&s, 0), 0);
	ck_assert_int_eq(weir_sem_acquire(&root, &s, 4), WEIR_EINVAL);
	ck_assert_int_eq(weir_sem_try_acquire(&s, 4), WEIR_EINVAL);
	weir_sem_release(&s, 3);
	ck_assert_int_eq(weir_sem_try_acquire(&s, 3), 0);
	weir_sem_fini(&s);
	weir_sem_init(&s, rt, UINT64_MAX - 1);
	weir_sem_release(&s, 1);
	ck_assert_int_eq(weir_sem_try_acquire(&s, UINT64_MAX), 0);
	weir_sem_fini(&s);
}
END_TEST

/* 3, 1 and 2 are wanted, in this order, of 2: nobody overtakes; the first is cancelled, and those behind it go on. */
START_TEST(a_cancelled_request_is_not_in_the_way)
{
	weir_sem s;
	struct call calls[3];
	weir_sem_init(&s, rt, 2);
	for (size_t i = 0; i < 3; i++) {
		call_open(&calls[i]);
		calls[i].s = &s;
		calls[i].n = (uint64_t[]){3, 1, 2}[i];
		helper_start(&calls[i].helper, call_acquire, &calls[i]);
		AWAIT(WAITING(sem, &s, waiters) == i + 1);
		ck_assert_int_eq(weir_sem_try_acquire(&s, 1), WEIR_EAGAIN);
	}
	weir_ctx_cancel(&calls[0].own, "too much");
	ck_assert_int_eq(call_close(&calls[0]), WEIR_ECANCELED);
	ck_assert_int_eq(call_close(&calls[1]), 0);
	ck_assert_uint_eq(WAITING(sem, &s, waiters), 1); /* one permit is there, it wants two */
	weir_sem_release(&s, 1);
	ck_assert_int_eq(call_close(&calls[2]), 0);
	ck_assert_int_eq(weir_sem_try_acquire(&s, 1), WEIR_EAGAIN); /* 2 + 1 = 1 + 2 */
	weir_ctx_init(&calls[0].own, &root, 0);
	weir_sem_release(&s, 1);
	ck_assert_int_eq(weir_sem_acquire(&calls[0].own, &s, 1), WEIR_EDEADLINE);
	ck_assert_int_eq(weir_sem_try_acquire(&s, 1), 0); /* nothing was taken */
	weir_ctx_fini(&calls[0].own);
	weir_sem_fini(&s);
}
END_TEST

START_TEST(a_large_request_gets_its_turn)
{
	weir_sem s;
	struct call calls[2];
	atomic_store(&turns, 0);
	weir_sem_init(&s, rt, 0);
	for (size_t i = 0; i < 2; i++) {
		call_open(&calls[i]);
		calls[i].s = &s;
		calls[i].n = i == 0 ? 3 : 1;
		helper_start(&calls[i].helper, call_acquire, &calls[i]);
		AWAIT(WAITING(sem, &s, waiters) == i + 1);
	}
	weir_sem_release(&s, 1);
	weir_sem_release(&s, 1);
	ck_assert_uint_eq(WAITING(sem, &s, waiters), 2);
	weir_sem_release(&s, 1);
	ck_assert_int_eq(call_close(&calls[0]), 0);
	ck_assert_uint_eq(WAITING(sem, &s, waiters), 1);
	weir_sem_release(&s, 1);
	ck_assert_int_eq(call_close(&calls[1]), 0);
	weir_sem_fini(&s);
}
END_TEST

START_TEST(a_release_above_the_capacity_aborts)
{
	weir_sem s;
	weir_sem_init_bounded(&s, rt, 1, 1);
	weir_sem_release(&s, 1);
}
END_TEST

START_TEST(a_release_that_overflows_aborts)
{
	weir_sem s;
	weir_sem_init(&s, rt, 1);
	weir_sem_release(&s, UINT64_MAX);
}
END_TEST

START_TEST(a_semaphore_made_too_full_aborts)
{
	weir_sem s;
	weir_sem_init_bounded(&s, rt, 2, 1);
}
END_TEST

/* ---- wait group ---- */

static int call_wait_group(void *arg)
{
	struct call *call = arg;
	return take_turn(call, weir_wg_wait(call->ctx, call->g));
}

START_TEST(a_group_releases_all_at_zero)
{
	weir_wg g;
	struct call calls[3];
	weir_ctx late;
	weir_wg_init(&g, rt);
	ck_assert_int_eq(weir_wg_wait(&root, &g), 0);
	weir_wg_add(&g, 2);
	for (size_t i = 0; i < 3; i++) {
		call_open(&calls[i]);
		calls[i].g = &g;
		helper_start(&calls[i].helper, call_wait_group, &calls[i]);
		AWAIT(WAITING(wg, &g, waiters) == i + 1);
	}
	weir_wg_done(&g);
	weir_ctx_cancel(&calls[1].own, "enough");
	ck_assert_int_eq(call_close(&calls[1]), WEIR_ECANCELED);
	ck_assert_uint_eq(WAITING(wg, &g, waiters), 2);
	weir_wg_done(&g);
	weir_wg_add(&g, 1); /* for the next round */
	ck_assert_int_eq(call_close(&calls[0]), 0);
	ck_assert_int_eq(call_close(&calls[2]), 0);
	weir_ctx_init(&late, &root, 0);
	ck_assert_int_eq(weir_wg_wait(&late, &g), WEIR_EDEADLINE);
	weir_wg_done(&g);
	ck_assert_int_eq(weir_wg_wait(&late, &g), WEIR_EDEADLINE);
	weir_wg_add(&g, 0);
	ck_assert_int_eq(weir_wg_wait(&root, &g), 0);
	weir_ctx_fini(&late);
	weir_wg_fini(&g);
}
END_TEST

START_TEST(a_group_below_zero_aborts)
{
	weir_wg g;
	weir_wg_init(&g, rt);
	weir_wg_done(&g);
}
END_TEST

START_TEST(a_group_beyond_the_count_aborts)
{
	weir_wg g;
	weir_wg_init(&g, rt);
	weir_wg_add(&g, UINT64_MAX);
	weir_wg_add(&g, 1);
}
END_TEST

START_TEST(a_group_finished_above_zero_aborts)
{
	weir_wg g;
	weir_wg_init(&g, rt);
	weir_wg_add(&g, 1);
	weir_wg_fini(&g);
}
END_TEST

/* ---- once ---- */

struct gate {
	_Atomic bool open, entered;
	int ran;
};

static int pass_the_gate(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct gate *gate = arg;
	(void)ctx, (void)err;
	gate->ran++;
	atomic_store(&gate->entered, true);
	AWAIT(atomic_load(&gate->open));
	return 0;
}

static struct gate gate;

static int call_once(void *arg)
{
	struct call *call = arg;
	return weir_once_do(call->ctx, call->o, pass_the_gate, &gate, NULL);
}

START_TEST(others_wait_for_the_first)
{
	weir_once o;
	struct call calls[3];
	gate = (struct gate){0};
	weir_once_init(&o, rt);
	for (size_t i = 0; i < 3; i++) {
		call_open(&calls[i]);
		calls[i].o = &o;
		helper_start(&calls[i].helper, call_once, &calls[i]);
		AWAIT(i == 0 ? atomic_load(&gate.entered) : WAITING(once, &o, waiters) == i);
	}
	weir_ctx_cancel(&calls[0].own, "it runs already");
	weir_ctx_cancel(&calls[1].own, "no time");
	ck_assert_int_eq(call_close(&calls[1]), WEIR_ECANCELED);
	atomic_store(&gate.open, true);
	ck_assert_int_eq(call_close(&calls[0]), 0);
	ck_assert_int_eq(call_close(&calls[2]), 0);
	ck_assert_int_eq(gate.ran, 1);
	weir_once_fini(&o);
}
END_TEST

START_TEST(a_failure_is_for_ever)
{
	weir_once o;
	weir_err err = {0};
	char text[128];
	int ran = 0;
	weir_once_init(&o, rt);
	ck_assert_int_eq(weir_once_do(&root, &o, fail_once, &ran, &err), WEIR_EUSER - 1);
	weir_err_format(&err, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "bad luck"));
	weir_err_fini(&err);
	ck_assert_int_eq(weir_once_do(&root, &o, fail_once, &ran, &err), WEIR_EUSER - 1);
	ck_assert_int_eq(err.code, WEIR_EUSER - 1);
	weir_err_fini(&err);
	ck_assert_int_eq(weir_once_do(&root, &o, fail_once, &ran, NULL), WEIR_EUSER - 1);
	ck_assert_int_eq(ran, 1);
	weir_once_fini(&o);
}
END_TEST

static weir_once *inner;

static int call_itself(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)arg;
	return weir_once_do(ctx, inner, call_itself, NULL, err) == WEIR_EDEADLK ? 2 : 0;
}

START_TEST(a_call_from_inside)
{
	weir_once o;
	inner = &o;
	weir_once_init(&o, rt);
	ck_assert_int_eq(weir_once_do(&root, &o, call_itself, NULL, NULL), WEIR_EINVAL); /* returned 2 */
	weir_once_fini(&o);
}
END_TEST

static int finish_it(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	weir_once_fini(arg);
	return 0;
}

START_TEST(a_running_once_finished_aborts)
{
	weir_once o;
	weir_once_init(&o, rt);
	ck_assert_int_eq(weir_once_do(&root, &o, finish_it, &o, NULL), 0);
}
END_TEST

/* ---- atomic ---- */

START_TEST(an_atomic_counts_and_wraps)
{
	weir_atomic a;
	uint64_t expected = 6;
	weir_atomic_init(&a, rt, 5);
	ck_assert_uint_eq(weir_atomic_load(&a), 5);
	ck_assert(!weir_atomic_cas(&a, &expected, 9));
	ck_assert_uint_eq(expected, 5);
	ck_assert(weir_atomic_cas(&a, &expected, UINT64_MAX));
	ck_assert_uint_eq(expected, 5);
	ck_assert_uint_eq(weir_atomic_add(&a, 3), UINT64_MAX);
	ck_assert_uint_eq(weir_atomic_add(&a, (uint64_t)-1), 2);
	ck_assert_uint_eq(weir_atomic_exchange(&a, 7), 1);
	weir_atomic_store(&a, 8);
	ck_assert_uint_eq(weir_atomic_load(&a), 8);
	weir_atomic_fini(&a);
}
END_TEST

static struct {
	unsigned choices, results;
	uint8_t announced, told; /* the access, before and after */
} last;

static void on_choice(weir_rt *r, const struct weir_op *op)
{
	(void)r;
	last.choices++;
	last.announced = op->access;
}

static void on_note(weir_rt *r, const struct weir_event *event)
{
	(void)r;
	if (event->note != WEIR_NOTE_RESULT)
		return;
	last.results++;
	last.told = event->op->access;
}

/* A2: what a search may leave out depends on it. */
START_TEST(an_atomic_tells_reads_from_writes)
{
	static const struct weir_hooks hooks = {.choice = on_choice, .note = on_note};
	weir_atomic a;
	uint64_t expected = 1;
	weir_atomic_init(&a, rt, 0);
	rt->hooks = &hooks;
	memset(&last, 0, sizeof(last));
	ck_assert_uint_eq(weir_atomic_load(&a), 0);
	ck_assert(last.announced == WEIR_ACCESS_READ && last.told == WEIR_ACCESS_READ);
	ck_assert(!weir_atomic_cas(&a, &expected, 5));
	ck_assert(last.announced == WEIR_ACCESS_WRITE && last.told == WEIR_ACCESS_READ);
	ck_assert(weir_atomic_cas(&a, &expected, 5));
	ck_assert(last.announced == WEIR_ACCESS_WRITE && last.told == WEIR_ACCESS_WRITE);
	weir_atomic_store(&a, 6);
	ck_assert(last.announced == WEIR_ACCESS_WRITE && last.told == WEIR_ACCESS_WRITE);
	ck_assert_uint_eq(weir_atomic_add(&a, 1), 6);
	ck_assert(last.announced == WEIR_ACCESS_WRITE && last.told == WEIR_ACCESS_WRITE);
	ck_assert_uint_eq(weir_atomic_exchange(&a, 1), 7);
	ck_assert(last.announced == WEIR_ACCESS_WRITE && last.told == WEIR_ACCESS_WRITE);
	ck_assert(last.choices == 6 && last.results == 6);
	rt->hooks = NULL;
	weir_atomic_fini(&a);
}
END_TEST

/* ---- ticker ---- */

START_TEST(a_ticker_moves_past_now)
{
	struct weir_ticker t;
	int64_t before = weir_rt_now(rt);
	weir_ticker_init(&t, rt, before - WEIR_SEC(3600), WEIR_SEC(60));
	weir_case cases[] = {weir_case_ticker(&t), weir_case_timer(WEIR_FOREVER)};
	ck_assert_int_eq(weir_try_select(cases, 2), 0);
	ck_assert_int_eq(cases[0].rc, 61); /* less than a minute ago it was 3600 */
	ck_assert_int_eq(t.next_at, before + WEIR_SEC(60));
	ck_assert_int_eq(weir_try_select(cases, 2), WEIR_EAGAIN);
	t.next_at = weir_rt_now(rt) + 1000;
	ck_assert_int_eq(weir_select(&root, cases, 2), 0);
	ck_assert_int_ge(cases[0].rc, 1);
	ck_assert_int_gt(t.next_at, weir_rt_now(rt));
}
END_TEST

START_TEST(a_ticker_at_its_limits)
{
	struct weir_ticker t;
	weir_ticker_init(&t, rt, INT64_MIN, 1);
	weir_case cases[] = {weir_case_ticker(&t)};
	ck_assert_int_eq(weir_try_select(cases, 1), 0);
	ck_assert_int_eq(cases[0].rc, INT_MAX);
	weir_ticker_init(&t, rt, 0, WEIR_FOREVER);
	ck_assert_int_eq(weir_try_select(cases, 1), 0);
	ck_assert_int_eq(cases[0].rc, 1);
	ck_assert_int_eq(t.next_at, WEIR_FOREVER);
	ck_assert_int_eq(weir_try_select(cases, 1), WEIR_EAGAIN); /* off */
	cases[0] = weir_case_ticker(NULL);
	ck_assert_int_eq(weir_try_select(cases, 1), WEIR_EAGAIN);
}
END_TEST

START_TEST(a_ticker_without_period_aborts)
{
	struct weir_ticker t;
	weir_ticker_init(&t, rt, 0, -1);
}
END_TEST

/* ---- on_end ---- */

static void count_up(void *arg)
{
	atomic_fetch_add((_Atomic int *)arg, 1);
}

START_TEST(a_function_runs_when_the_context_ends)
{
	_Atomic int ran = 0;
	weir_ctx watched, over;
	weir_scope s;
	weir_on_end handles[2];
	weir_ctx_init(&watched, &root, WEIR_FOREVER);
	weir_ctx_init(&over, &root, 0);
	weir_scope_init(&s, &root);
	ck_assert_int_eq(weir_scope_on_end(&s, &watched, count_up, &ran, &handles[0]), 0);
	weir_ctx_cancel(&watched, "now");
	AWAIT(weir_on_end_stop(&handles[0]) == WEIR_ON_END_DONE ||
	      weir_on_end_stop(&handles[0]) == WEIR_ON_END_STOPPED);
	int first = atomic_load(&ran);
	ck_assert_int_eq(first, weir_on_end_stop(&handles[0]) == WEIR_ON_END_DONE);
	ck_assert_int_eq(weir_scope_on_end(&s, &over, count_up, &ran, &handles[1]), 0); /* it has ended already */
	ck_assert_int_eq(weir_scope_join(&root, &s, 0, NULL), 0);
	ck_assert_int_eq(atomic_load(&ran), first + 1);
	ck_assert_int_eq(weir_on_end_stop(&handles[1]), WEIR_ON_END_DONE);
	weir_ctx_fini(&watched);
	weir_ctx_fini(&over);
}
END_TEST

START_TEST(a_function_that_is_stopped_or_never_due)
{
	_Atomic int ran = 0;
	weir_scope s;
	weir_on_end handles[2];
	weir_scope_init(&s, &root);
	for (size_t i = 0; i < 2; i++)
		ck_assert_int_eq(weir_scope_on_end(&s, &root, count_up, &ran, &handles[i]), 0);
	ck_assert_int_eq(weir_on_end_stop(&handles[0]), WEIR_ON_END_STOPPED);
	ck_assert_int_eq(weir_on_end_stop(&handles[0]), WEIR_ON_END_STOPPED);
	ck_assert_int_eq(weir_scope_join(&root, &s, 0, NULL), 0);
	ck_assert_int_eq(weir_on_end_stop(&handles[1]), WEIR_ON_END_STOPPED);
	ck_assert_int_eq(atomic_load(&ran), 0);
}
END_TEST

START_TEST(a_watcher_that_cannot_be_started)
{
	_Atomic int ran = 0;
	weir_scope s;
	weir_on_end handle;
	weir_scope_init(&s, &root);
	memory_refuse(1);
	ck_assert_int_eq(weir_scope_on_end(&s, &root, count_up, &ran, &handle), WEIR_ENOMEM);
	ck_assert(memory_was_refused());
	memory_refuse(0);
	ck_assert_int_eq(weir_on_end_stop(&handle), WEIR_ON_END_STOPPED);
	weir_scope_cancel(&s, "over");
	ck_assert_int_eq(weir_scope_on_end(&s, &root, count_up, &ran, &handle), WEIR_ECANCELED);
	ck_assert_int_eq(weir_scope_join(&root, &s, 0, NULL), 0);
	ck_assert_int_eq(weir_scope_on_end(&s, &root, count_up, &ran, &handle), WEIR_EINVAL);
	ck_assert_int_eq(atomic_load(&ran), 0);
}
END_TEST

/* ---- all ---- */

static void add_misuse(Suite *suite)
{
	TCase *misuse = world_case(suite, "misuse");
	tcase_add_test_raise_signal(misuse, a_mutex_locked_twice_aborts, SIGABRT);
	tcase_add_test_raise_signal(misuse, a_free_mutex_unlocked_aborts, SIGABRT);
	tcase_add_test_raise_signal(misuse, a_mutex_unlocked_by_another_aborts, SIGABRT);
	tcase_add_test_raise_signal(misuse, a_held_mutex_finished_aborts, SIGABRT);
	tcase_add_test_raise_signal(misuse, a_lock_with_a_foreign_context_aborts, SIGABRT);
	tcase_add_test_raise_signal(misuse, a_writer_that_locks_again_aborts, SIGABRT);
	tcase_add_test_raise_signal(misuse, a_read_unlock_without_a_reader_aborts, SIGABRT);
	tcase_add_test_raise_signal(misuse, a_write_unlock_by_a_reader_aborts, SIGABRT);
	tcase_add_test_raise_signal(misuse, a_held_rwlock_finished_aborts, SIGABRT);
	tcase_add_test_raise_signal(misuse, a_wait_without_the_mutex_aborts, SIGABRT);
	tcase_add_test_raise_signal(misuse, a_condition_finished_under_a_waiter_aborts, SIGABRT);
	tcase_add_test_raise_signal(misuse, a_release_above_the_capacity_aborts, SIGABRT);
	tcase_add_test_raise_signal(misuse, a_release_that_overflows_aborts, SIGABRT);
	tcase_add_test_raise_signal(misuse, a_semaphore_made_too_full_aborts, SIGABRT);
	tcase_add_test_raise_signal(misuse, a_group_below_zero_aborts, SIGABRT);
	tcase_add_test_raise_signal(misuse, a_group_beyond_the_count_aborts, SIGABRT);
	tcase_add_test_raise_signal(misuse, a_group_finished_above_zero_aborts, SIGABRT);
	tcase_add_test_raise_signal(misuse, a_running_once_finished_aborts, SIGABRT);
	tcase_add_test_raise_signal(misuse, a_ticker_without_period_aborts, SIGABRT);
}

int main(void)
{
	Suite *suite = suite_create("sync");
	TCase *all = world_case(suite, "every object");
	tcase_add_test(all, fini_of_nothing);
	tcase_add_test(all, memory_may_be_used_again);
	tcase_add_test(all, another_runtime);
	TCase *locks = world_case(suite, "locks");
	tcase_add_test(locks, a_mutex_is_handed_over_in_order);
	tcase_add_test(locks, a_lock_ignores_the_end);
	tcase_add_test(locks, readers_share);
	tcase_add_test(locks, writers_go_first);
	TCase *waits = world_case(suite, "waits");
	tcase_add_test(waits, signals_reach_those_that_wait);
	tcase_add_test(waits, a_wait_under_an_ended_context);
	tcase_add_test(waits, permits_are_counted);
	tcase_add_test(waits, a_capacity_that_changes);
	tcase_add_test(waits, a_cancelled_request_is_not_in_the_way);
	tcase_add_test(waits, a_large_request_gets_its_turn);
	tcase_add_test(waits, a_group_releases_all_at_zero);
	tcase_add_test(waits, others_wait_for_the_first);
	tcase_add_test(waits, a_failure_is_for_ever);
	tcase_add_test(waits, a_call_from_inside);
	TCase *others = world_case(suite, "atomic, ticker, on_end");
	tcase_add_test(others, an_atomic_counts_and_wraps);
	tcase_add_test(others, an_atomic_tells_reads_from_writes);
	tcase_add_test(others, a_ticker_moves_past_now);
	tcase_add_test(others, a_ticker_at_its_limits);
	tcase_add_test(others, a_function_runs_when_the_context_ends);
	tcase_add_test(others, a_function_that_is_stopped_or_never_due);
	tcase_add_test(others, a_watcher_that_cannot_be_started);
	add_misuse(suite);
	return run_suite(suite);
}

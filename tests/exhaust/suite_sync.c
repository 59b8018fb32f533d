/* SPDX-License-Identifier: MIT
 *
 * The objects of sync.h under tasks that compete for them, with cancels where they take a context.
 *
 * What each schedule is held to: a lock is held by one task (or by readers alone), and a writer that waits goes before
 * readers that come; no signal is lost once the mutex was given back, and a waiter that was cancelled uses none up;
 * permits are neither made nor lost, and nobody overtakes; a wait for a group returns 0 only at a count of 0; once runs
 * its function once, and everybody has its code; atomics are one step each. */
#include <string.h>

#include "exhaust.h"

static struct {
	weir_mutex m;
	weir_rwlock l;
	weir_cond cv;
	weir_sem sem;
	weir_wg wg;
	weir_once once;
	weir_atomic x;
	weir_ctx c;
	int inside, readers, value, tried, n;
	bool ready, cancelled;
	int rc[3], order[3], n_order;
	uint64_t out[2];
} st;

static weir_rt *open_all(weir_ctx *ctx)
{
	memset(&st, 0, sizeof(st));
	weir_ctx_init(&st.c, ctx, WEIR_FOREVER);
	return weir_ctx_rt(ctx);
}

static int cancels(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	weir_ctx_cancel(&st.c, "enough");
	st.cancelled = true;
	return 0;
}

/* The code of an operation under st.c, begun while `before` said whether the cancel had returned. */
static void check_code(int rc, bool before)
{
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ECANCELED);
	WEIR_SIM_ASSERT(!before || rc == WEIR_ECANCELED);
}

/* ---- mutex ---- */

static void section(weir_ctx *ctx)
{
	WEIR_SIM_EQ(st.inside++, 0);
	weir_rt_yield(weir_ctx_rt(ctx));
	WEIR_SIM_EQ(st.inside--, 1);
	st.value++;
}

static int locks(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_mutex_lock(ctx, &st.m);
	section(ctx);
	weir_mutex_unlock(&st.m);
	return 0;
}

static int tries(weir_ctx *ctx, weir_err *err, void *arg)
{
	int rc = weir_mutex_try_lock(&st.m);
	(void)err, (void)arg;
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_EAGAIN);
	if (rc == 0) {
		section(ctx);
		weir_mutex_unlock(&st.m);
	}
	st.tried = rc == 0;
	return 0;
}

/* Outcomes: 0 the try got it, 1 not. */
static void mutex(weir_ctx *ctx, const void *arg)
{
	weir_scope s;
	(void)arg;
	weir_mutex_init(&st.m, open_all(ctx));
	weir_scope_init(&s, ctx);
	exhaust_start(&s, "locks", locks, NULL);
	exhaust_start(&s, "tries", tries, NULL);
	locks(ctx, NULL, NULL);
	exhaust_join(ctx, &s);
	WEIR_SIM_EQ(st.value, 2 + st.tried);
	weir_mutex_fini(&st.m);
	weir_ctx_fini(&st.c);
	exhaust_saw(st.tried ? 0 : 1);
}

/* ---- rwlock ---- */

static int reads(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_rwlock_read_lock(ctx, &st.l);
	WEIR_SIM_EQ(st.inside, 0);
	st.readers++;
	weir_rt_yield(weir_ctx_rt(ctx));
	WEIR_SIM_EQ(st.inside, 0);
	if (st.readers == 2)
		exhaust_saw(0);
	st.readers--;
	weir_rwlock_read_unlock(&st.l);
	return 0;
}

static int writes(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_rwlock_write_lock(ctx, &st.l);
	WEIR_SIM_EQ(st.readers, 0);
	section(ctx);
	WEIR_SIM_EQ(st.readers, 0);
	weir_rwlock_write_unlock(&st.l);
	return 0;
}

/* Outcomes: 0 two read at once, 1 a try of main got in, 2 it did not. */
static void rwlock(weir_ctx *ctx, const void *arg)
{
	const bool *second_writer = arg;
	weir_scope s;
	weir_rwlock_init(&st.l, open_all(ctx));
	weir_scope_init(&s, ctx);
	exhaust_start(&s, "reads", reads, NULL);
	exhaust_start(&s, "writes", writes, NULL);
	(*second_writer ? writes : reads)(ctx, NULL, NULL);
	int rc = weir_rwlock_try_read_lock(&st.l);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_EAGAIN);
	if (rc == 0) {
		WEIR_SIM_EQ(st.inside, 0);
		weir_rwlock_read_unlock(&st.l);
	}
	exhaust_saw(rc == 0 ? 1 : 2);
	exhaust_join(ctx, &s);
	WEIR_SIM_EQ(st.value, 1 + *second_writer);
	weir_rwlock_fini(&st.l);
	weir_ctx_fini(&st.c);
}

/* ---- condition ---- */

static int waits(weir_ctx *ctx, weir_err *err, void *arg)
{
	int *rc = arg;
	weir_ctx *under = rc == &st.rc[0] ? &st.c : ctx;
	(void)err;
	weir_mutex_lock(ctx, &st.m);
	while (!st.ready && *rc == 0)
		*rc = weir_cond_wait(under, &st.cv, &st.m);
	WEIR_SIM_EQ(st.inside++, 0); /* it holds the mutex in every case */
	if (*rc == 0)
		st.ready = false;
	st.inside--;
	weir_mutex_unlock(&st.m);
	WEIR_SIM_ASSERT(*rc == 0 || (rc == &st.rc[0] && *rc == WEIR_ECANCELED));
	return 0;
}

static int signals(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_mutex_lock(ctx, &st.m);
	st.ready = true;
	weir_mutex_unlock(&st.m);
	weir_cond_signal(&st.cv);
	return 0;
}

/* One thing, one signal, two that wait; one of them can be cancelled, and then the thing is the other's; else it is
 * made twice. Outcomes: 0 the cancelled one had it, 1 not. */
static void cond(weir_ctx *ctx, const void *arg)
{
	weir_scope s;
	(void)arg;
	weir_mutex_init(&st.m, open_all(ctx));
	weir_cond_init(&st.cv, weir_ctx_rt(ctx));
	weir_scope_init(&s, ctx);
	exhaust_start(&s, "one", waits, &st.rc[0]);
	exhaust_start(&s, "two", waits, &st.rc[1]);
	exhaust_start(&s, "cancels", cancels, NULL);
	signals(ctx, NULL, NULL);
	weir_sim_quiesce(ctx);
	if (st.rc[0] == 0) /* the thing went to one, or waits for two */
		signals(ctx, NULL, NULL);
	exhaust_join(ctx, &s);
	exhaust_saw(st.rc[0] == 0 ? 0 : 1);
	weir_cond_fini(&st.cv);
	weir_mutex_fini(&st.m);
	weir_ctx_fini(&st.c);
}

static int waits_long(weir_ctx *ctx, weir_err *err, void *arg)
{
	int *rc = arg;
	(void)err;
	weir_mutex_lock(ctx, &st.m);
	while (!st.ready && *rc == 0)
		*rc = weir_cond_wait(&st.c, &st.cv, &st.m);
	WEIR_SIM_EQ(st.inside++, 0);
	weir_rt_yield(weir_ctx_rt(ctx));
	st.inside--;
	weir_mutex_unlock(&st.m);
	WEIR_SIM_ASSERT(*rc == 0 || *rc == WEIR_EDEADLINE);
	return 0;
}

/* A broadcast against the deadline of those that wait. Outcomes: how many were in time. */
static void broadcast(weir_ctx *ctx, const void *arg)
{
	weir_scope s;
	(void)arg;
	memset(&st, 0, sizeof(st));
	weir_ctx_init(&st.c, ctx, WEIR_MS(1));
	weir_mutex_init(&st.m, weir_ctx_rt(ctx));
	weir_cond_init(&st.cv, weir_ctx_rt(ctx));
	weir_scope_init(&s, ctx);
	exhaust_start(&s, "one", waits_long, &st.rc[0]);
	exhaust_start(&s, "two", waits_long, &st.rc[1]);
	weir_mutex_lock(ctx, &st.m);
	st.ready = true;
	weir_cond_broadcast(&st.cv);
	weir_mutex_unlock(&st.m);
	exhaust_join(ctx, &s);
	exhaust_saw((unsigned)((st.rc[0] == 0) + (st.rc[1] == 0)));
	weir_cond_fini(&st.cv);
	weir_mutex_fini(&st.m);
	weir_ctx_fini(&st.c);
}

/* ---- semaphore ---- */

static int acquires(weir_ctx *ctx, weir_err *err, void *arg)
{
	int who = *(const int *)arg;
	uint64_t n = who == 0 ? 2 : 1;
	bool before = st.cancelled;
	(void)err;
	st.rc[who] = weir_sem_acquire(who == 0 ? &st.c : ctx, &st.sem, n);
	if (who == 0)
		check_code(st.rc[0], before);
	else
		WEIR_SIM_EQ(st.rc[who], 0);
	if (st.rc[who] < 0)
		return 0;
	st.inside += (int)n;
	WEIR_SIM_ASSERT(st.inside <= 2);
	weir_rt_yield(weir_ctx_rt(ctx));
	st.inside -= (int)n;
	weir_sem_release(&st.sem, n);
	return 0;
}

/* Two permits; one wants both and can be cancelled while it keeps the other back. Outcomes: 0 it had them, 1 not. */
static void sem(weir_ctx *ctx, const void *arg)
{
	static const int who[3] = {0, 1, 2};
	weir_scope s;
	(void)arg;
	weir_sem_init_bounded(&st.sem, open_all(ctx), 2, 2);
	weir_scope_init(&s, ctx);
	exhaust_start(&s, "two", acquires, (void *)(uintptr_t)&who[0]);
	exhaust_start(&s, "one", acquires, (void *)(uintptr_t)&who[1]);
	exhaust_start(&s, "cancels", cancels, NULL);
	acquires(ctx, NULL, (void *)(uintptr_t)&who[2]);
	exhaust_join(ctx, &s);
	WEIR_SIM_EQ(weir_sem_try_acquire(&st.sem, 2), 0); /* none was made or lost */
	weir_sem_release(&st.sem, 2);
	exhaust_saw(st.rc[0] == 0 ? 0 : 1);
	weir_sem_fini(&st.sem);
	weir_ctx_fini(&st.c);
}

static int queues(weir_ctx *ctx, weir_err *err, void *arg)
{
	int n = *(const int *)arg;
	(void)err;
	WEIR_SIM_EQ(weir_sem_acquire(ctx, &st.sem, (uint64_t)n), 0);
	st.order[st.n_order++] = n;
	return 0;
}

/* Nobody overtakes: the one that asked first for three is served before the one that asks for one while it waits.
 * Outcomes: 0 it was in time to wait in front, 1 the small one came first. */
static void sem_order(weir_ctx *ctx, const void *arg)
{
	static const int three = 3, one = 1;
	weir_scope s;
	(void)arg;
	weir_sem_init(&st.sem, open_all(ctx), 2);
	weir_scope_init(&s, ctx);
	exhaust_start(&s, "three", queues, (void *)(uintptr_t)&three);
	exhaust_start(&s, "one", queues, (void *)(uintptr_t)&one);
	int rc = weir_sem_try_acquire(&st.sem, 1);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_EAGAIN);
	weir_sem_release(&st.sem, rc == 0 ? 2 : 1);
	weir_sem_release(&st.sem, 1);
	exhaust_join(ctx, &s);
	WEIR_SIM_EQ(weir_sem_try_acquire(&st.sem, 1), WEIR_EAGAIN);
	exhaust_saw(st.order[0] == 3 ? 0 : 1);
	weir_sem_fini(&st.sem);
	weir_ctx_fini(&st.c);
}

static int holds_one(weir_ctx *ctx, weir_err *err, void *arg)
{
	bool shrunk = st.ready; /* and what was taken before may not have come back yet */
	(void)err, (void)arg;
	WEIR_SIM_EQ(weir_sem_acquire(ctx, &st.sem, 1), 0);
	st.inside++;
	WEIR_SIM_ASSERT(st.inside <= (shrunk ? 1 : st.n));
	st.value = st.inside > st.value ? st.inside : st.value;
	weir_rt_yield(weir_ctx_rt(ctx));
	st.inside--;
	weir_sem_release(&st.sem, 1);
	return 0;
}

static int takes_two(weir_ctx *ctx, weir_err *err, void *arg)
{
	bool before = st.cancelled;
	(void)ctx, (void)err, (void)arg;
	st.rc[0] = weir_sem_acquire(&st.c, &st.sem, 2);
	if (st.rc[0] != WEIR_EINVAL)
		check_code(st.rc[0], before);
	if (st.rc[0] == 0)
		weir_sem_release(&st.sem, 2);
	return 0;
}

/* One permit becomes two and then one again, while two take one each and a third wants both: it is refused where there
 * is one, and else waits, if need be for a second that does not come back, until it is cancelled. Outcomes: 0 two were
 * inside at once, 1 never; of the third: 2 had them, 3 refused, 4 cancelled. */
static void sem_resize(weir_ctx *ctx, const void *arg)
{
	weir_scope s;
	(void)arg;
	weir_sem_init_bounded(&st.sem, open_all(ctx), 1, 1);
	st.n = 1;
	weir_scope_init(&s, ctx);
	exhaust_start(&s, "one", holds_one, NULL);
	exhaust_start(&s, "one", holds_one, NULL);
	exhaust_start(&s, "two", takes_two, NULL);
	st.n = 2;
	weir_sem_resize(&st.sem, 2);
	weir_sem_resize(&st.sem, 1);
	st.ready = true;
	cancels(ctx, NULL, NULL); /* nobody behind the third is held up for ever */
	exhaust_join(ctx, &s);
	WEIR_SIM_EQ(weir_sem_try_acquire(&st.sem, 2), WEIR_EINVAL);
	WEIR_SIM_EQ(weir_sem_try_acquire(&st.sem, 1), 0); /* none was made or lost */
	WEIR_SIM_EQ(weir_sem_try_acquire(&st.sem, 1), WEIR_EAGAIN);
	weir_sem_release(&st.sem, 1);
	weir_sem_fini(&st.sem);
	weir_ctx_fini(&st.c);
	exhaust_saw(st.value == 2 ? 0 : 1);
	exhaust_saw(st.rc[0] == 0 ? 2 : st.rc[0] == WEIR_EINVAL ? 3 : 4);
}

/* ---- wait group ---- */

static int dones(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	st.n++;
	weir_wg_done(&st.wg);
	return 0;
}

static int awaits(weir_ctx *ctx, weir_err *err, void *arg)
{
	bool before = st.cancelled;
	(void)ctx, (void)err, (void)arg;
	st.rc[0] = weir_wg_wait(&st.c, &st.wg);
	check_code(st.rc[0], before);
	WEIR_SIM_ASSERT(st.rc[0] < 0 || st.n == 2);
	return 0;
}

/* Outcomes: 0 the wait that can be cancelled was in time, 1 not. */
static void wait_group(weir_ctx *ctx, const void *arg)
{
	weir_scope s;
	(void)arg;
	weir_wg_init(&st.wg, open_all(ctx));
	weir_wg_add(&st.wg, 2);
	weir_scope_init(&s, ctx);
	exhaust_start(&s, "one", dones, NULL);
	exhaust_start(&s, "waits", awaits, NULL);
	exhaust_start(&s, "cancels", cancels, NULL);
	dones(ctx, NULL, NULL);
	WEIR_SIM_EQ(weir_wg_wait(ctx, &st.wg), 0);
	WEIR_SIM_EQ(st.n, 2);
	exhaust_join(ctx, &s);
	exhaust_saw(st.rc[0] == 0 ? 0 : 1);
	weir_wg_fini(&st.wg);
	weir_ctx_fini(&st.c);
}

/* Used again at once: a wait that a 0 has released does not see what is added later. The group may be finished by who
 * was let in while the last done has not returned. Outcomes: 0. */
static int awaits_and_adds(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	WEIR_SIM_EQ(weir_wg_wait(ctx, &st.wg), 0);
	weir_wg_add(&st.wg, 1);
	weir_wg_done(&st.wg);
	return 0;
}

static void wait_group_again(weir_ctx *ctx, const void *arg)
{
	weir_scope s;
	(void)arg;
	weir_wg_init(&st.wg, open_all(ctx));
	weir_wg_add(&st.wg, 1);
	weir_scope_init(&s, ctx);
	exhaust_start(&s, "again", awaits_and_adds, NULL);
	exhaust_start(&s, "again", awaits_and_adds, NULL);
	dones(ctx, NULL, NULL);
	exhaust_join(ctx, &s);
	exhaust_saw(0);
	weir_wg_fini(&st.wg);
	weir_ctx_fini(&st.c);
}

static int done_last(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_wg *wg = arg;
	(void)ctx, (void)err;
	weir_wg_done(wg);
	return 0;
}

static void wait_group_gone(weir_ctx *ctx, const void *arg)
{
	weir_scope s;
	(void)arg;
	weir_rt *rt = open_all(ctx);
	weir_wg *wg = weir_rt_alloc(rt, sizeof(*wg));
	WEIR_SIM_ASSERT(wg);
	weir_wg_init(wg, rt);
	weir_wg_add(wg, 2);
	weir_scope_init(&s, ctx);
	exhaust_start(&s, "one", done_last, wg);
	exhaust_start(&s, "two", done_last, wg);
	WEIR_SIM_EQ(weir_wg_wait(ctx, wg), 0);
	weir_wg_fini(wg);
	weir_rt_release(rt, wg);
	exhaust_join(ctx, &s);
	exhaust_saw(0);
	weir_ctx_fini(&st.c);
}

/* ---- once ---- */

static int runs(weir_ctx *ctx, weir_err *err, void *arg)
{
	int *mine = arg;
	WEIR_SIM_EQ(st.n++, 0);
	weir_rt_yield(weir_ctx_rt(ctx));
	*mine = 1;
	st.ready = true;
	return weir_fail(err, WEIR_EUSER, "not today");
}

static int does(weir_ctx *ctx, weir_err *err, void *arg)
{
	int who = *(const int *)arg, mine = 0;
	bool before = st.cancelled;
	(void)err;
	st.rc[who] = weir_once_do(who == 0 ? &st.c : ctx, &st.once, runs, &mine, NULL);
	WEIR_SIM_ASSERT(st.rc[who] == WEIR_EUSER || (who == 0 && st.rc[who] == WEIR_ECANCELED));
	WEIR_SIM_ASSERT(st.rc[who] != WEIR_EUSER || st.ready); /* nobody returns before it is done */
	WEIR_SIM_ASSERT(!before || who != 0 || mine == 0);
	WEIR_SIM_ASSERT(mine == 0 || st.rc[who] == WEIR_EUSER);
	if (mine)
		exhaust_saw((unsigned)who);
	return 0;
}

/* Outcomes: 0 to 2 who ran it; 3 the first was cancelled. */
static void once(weir_ctx *ctx, const void *arg)
{
	static const int who[3] = {0, 1, 2};
	weir_scope s;
	(void)arg;
	weir_once_init(&st.once, open_all(ctx));
	weir_scope_init(&s, ctx);
	exhaust_start(&s, "does", does, (void *)(uintptr_t)&who[0]);
	exhaust_start(&s, "does", does, (void *)(uintptr_t)&who[1]);
	exhaust_start(&s, "cancels", cancels, NULL);
	does(ctx, NULL, (void *)(uintptr_t)&who[2]);
	exhaust_join(ctx, &s);
	WEIR_SIM_EQ(st.n, 1);
	if (st.rc[0] == WEIR_ECANCELED)
		exhaust_saw(3);
	weir_once_fini(&st.once);
	weir_ctx_fini(&st.c);
}

/* ---- atomics ---- */

static int counts(weir_ctx *ctx, weir_err *err, void *arg)
{
	uint64_t *out = arg, seen;
	(void)ctx, (void)err;
	*out = weir_atomic_add(&st.x, 1);
	do
		seen = weir_atomic_load(&st.x);
	while (!weir_atomic_cas(&st.x, &seen, seen + 10));
	return 0;
}

/* Two that count in both ways, and one that takes all. Outcomes: how many tens it took, 0 to 2. */
static void atomics(weir_ctx *ctx, const void *arg)
{
	weir_scope s;
	(void)arg;
	weir_atomic_init(&st.x, open_all(ctx), 0);
	weir_scope_init(&s, ctx);
	exhaust_start(&s, "counts", counts, &st.out[0]);
	exhaust_start(&s, "counts", counts, &st.out[1]);
	uint64_t taken = weir_atomic_exchange(&st.x, 0);
	exhaust_join(ctx, &s);
	WEIR_SIM_EQ(taken + weir_atomic_load(&st.x), 22);
	exhaust_saw((unsigned)(taken / 10));
	weir_atomic_fini(&st.x);
	weir_ctx_fini(&st.c);
}

static const bool yes = true, no = false;

#define ROW(name_, fn_, arg_, outcomes_, quick_, deep_, inner_, inner_deep_)                                          \
	{                                                                                                             \
		.name = "sync_" name_, .fn = fn_, .arg = arg_, .outcomes = outcomes_, .quick = quick_, .deep = deep_, \
		.inner = inner_, .inner_deep = inner_deep_                                                            \
	}

const struct exhaust_row exhaust_sync[] = {
	ROW("mutex", mutex, NULL, 0x3, WITHIN("dfs", 0), QUICK_IS_ALL, "dfs2", "dfs3"),
	ROW("rwlock", rwlock, &no, 0x7, WITHIN("dpor", 0), WITHIN("dfs", 0), "dfs2", "dfs3"),
	ROW("rwlock_two_writers", rwlock, &yes, 0x6, WITHIN("dpor", 0), WITHIN("dfs", 0), "dfs2", "dfs3"),
	ROW("cond", cond, NULL, 0x3, WITHIN("dpor", 0), WITHIN("dfs4", 0), "dfs1", "dfs2"),
	ROW("broadcast", broadcast, NULL, 0x7, WITHIN("dfs3", 1), WITHIN("dfs", 1), "dfs1", "dfs2"),
	ROW("sem", sem, NULL, 0x3, WITHIN("dpor", 0), WITHIN("dfs4", 0), "dfs1", "dfs2"),
	ROW("sem_order", sem_order, NULL, 0x3, WITHIN("dfs", 0), QUICK_IS_ALL, "dfs2", "dfs3"),
	ROW("sem_resize", sem_resize, NULL, 0x1f, WITHIN("dpor", 0), WITHIN("dfs4", 0), "dfs1", "dfs2"),
	ROW("wait_group", wait_group, NULL, 0x3, WITHIN("dpor", 0), WITHIN("dfs4", 0), "dfs1", "dfs2"),
	ROW("wait_group_again", wait_group_again, NULL, 0x1, WITHIN("dfs", 0), QUICK_IS_ALL, "dfs2", "dfs3"),
	ROW("wait_group_gone", wait_group_gone, NULL, 0x1, WITHIN("dfs", 0), QUICK_IS_ALL, "dfs2", "dfs3"),
	ROW("once", once, NULL, 0xf, WITHIN("dpor", 0), WITHIN("dfs4", 0), "dfs1", "dfs2"),
	ROW("atomics", atomics, NULL, 0x7, WITHIN("dpor", 0), WITHIN("dfs", 0), "dfs2", "dfs3"),
};
const size_t exhaust_n_sync = sizeof(exhaust_sync) / sizeof(exhaust_sync[0]);

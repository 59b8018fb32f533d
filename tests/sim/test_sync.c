/* SPDX-License-Identifier: MIT
 *
 * The objects of core/sync.h, the ticker and on_end, under every interleaving of small scenarios.
 *
 * Each test is one of three kinds:
 *   - exhaustive ("dfs": every schedule; "dfsN": every schedule with at most N preemptions), without a limit on the
 *   number
 *     of schedules, so a pass means that all of them were run;
 *   - exact: the order is forced by quiescing, and what must happen at which virtual time is said to the nanosecond;
 *   - planted: a bug that must be found, and as what (PLANTED).
 * Races that end one way or the other (EITHER) also record which way they ended: main fails unless the tests together
 * have seen both, so no race can pass because it never happened. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/sim.h>

/* ---- the kit ---- */

/* Both outcomes of a race, seen in some schedule. */
enum race {
	SIGNAL_RACE,
	PERMIT_RACE,
	DONE_RACE,
	ONCE_RACE,
	STOP_RACE,
	STOP_RUNNING,
	TICK_RACE,
	DUE_RACE,
	CAS_RACE,
	RACES
};
static bool seen[RACES][2];
#define EITHER(race, way) (seen[race][(way) ? 1 : 0] = true)

/* A planted bug: the test passes if it is found as `kind`. */
#define PLANTED(test, kind, ...)                                               \
	static void body_##test(weir_ctx *ctx);                                \
	static int task_##test(weir_ctx *ctx, weir_err *err, void *arg)        \
	{                                                                      \
		(void)err, (void)arg;                                          \
		body_##test(ctx);                                              \
		return 0;                                                      \
	}                                                                      \
	__attribute__((constructor)) static void register_##test(void)         \
	{                                                                      \
		static struct weir_sim_test planted = {.name = #test,          \
						       .fn = task_##test,      \
						       .expect = kind,         \
						       .opts = {__VA_ARGS__}}; \
		weir_sim_register(&planted);                                   \
	}                                                                      \
	static void body_##test(WEIR_UNUSED weir_ctx *ctx)

struct actor;

/* What the tasks of a test share; each test uses what it needs. */
struct world {
	weir_rt *rt;
	weir_mutex m, m2;
	weir_rwlock rw;
	weir_cond c;
	weir_sem s;
	weir_wg g;
	weir_once o;
	weir_atomic a, b;
	int inside, readers, writers, turns, ready, ran;
	char order[16];
	struct actor *cast[6]; /* finished with the world */
	int n_cast;
};

static void world_open(struct world *w, weir_ctx *ctx)
{
	memset(w, 0, sizeof(*w));
	w->rt = weir_ctx_rt(ctx);
}

/* One task of a test: what it works on, its own context (cancelled by others), and what it got. */
struct actor {
	struct world *w;
	weir_ctx own;
	char name;
	uint64_t n;
	int rc;
};

static void actor_open(struct actor *a, struct world *w, weir_ctx *ctx, char name, uint64_t n)
{
	memset(a, 0, sizeof(*a));
	a->w = w;
	a->name = name;
	a->n = n;
	a->rc = 1000;
	weir_ctx_init(&a->own, ctx, WEIR_FOREVER);
	WEIR_SIM_ASSERT(w->n_cast < 6);
	w->cast[w->n_cast++] = a;
}

/* All that was opened; zeroed objects are left alone. */
static void world_close(struct world *w)
{
	for (int i = 0; i < w->n_cast; i++)
		weir_ctx_fini(&w->cast[i]->own);
	weir_mutex_fini(&w->m);
	weir_mutex_fini(&w->m2);
	weir_rwlock_fini(&w->rw);
	weir_cond_fini(&w->c);
	weir_sem_fini(&w->s);
	weir_wg_fini(&w->g);
	weir_once_fini(&w->o);
	weir_atomic_fini(&w->a);
	weir_atomic_fini(&w->b);
}

static void note_turn(struct world *w, char name)
{
	WEIR_SIM_ASSERT(w->turns < 15);
	w->order[w->turns++] = name;
}

static void spawn(weir_scope *s, weir_task_fn *fn, void *arg)
{
	WEIR_SIM_EQ(weir_scope_spawn(s, "actor", fn, arg), 0);
}

static void join(weir_ctx *ctx, weir_scope *s)
{
	WEIR_SIM_EQ(weir_scope_join(ctx, s, 0, NULL), 0);
}

static int cancel_actor(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct actor *a = arg;
	(void)ctx, (void)err;
	weir_ctx_cancel(&a->own, "raced");
	return 0;
}

/* ---- mutex ---- */

static int lock_and_leave(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct actor *a = arg;
	struct world *w = a->w;
	(void)err;
	for (uint64_t i = 0; i < a->n; i++) {
		weir_mutex_lock(ctx, &w->m);
		WEIR_SIM_EQ(w->inside++, 0);
		weir_rt_yield(w->rt);
		WEIR_SIM_EQ(w->inside--, 1);
		note_turn(w, a->name);
		weir_mutex_unlock(&w->m);
	}
	return 0;
}

static void exclusion(weir_ctx *ctx, int tasks, uint64_t rounds)
{
	struct world w;
	struct actor actors[3];
	weir_scope s;
	world_open(&w, ctx);
	weir_mutex_init(&w.m, w.rt);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < tasks; i++) {
		actor_open(&actors[i], &w, ctx, (char)('a' + i), rounds);
		spawn(&s, lock_and_leave, &actors[i]);
	}
	join(ctx, &s);
	WEIR_SIM_EQ(w.turns, tasks * (int)rounds);
	world_close(&w);
}

WEIR_SIM_TEST_WITH(mutex_two_tasks, .strategy = "dfs")
{
	exclusion(ctx, 2, 1);
}

WEIR_SIM_TEST_WITH(mutex_two_tasks_twice, .strategy = "dfs3")
{
	exclusion(ctx, 2, 2);
}

WEIR_SIM_TEST_WITH(mutex_three_tasks, .strategy = "dfs2")
{
	exclusion(ctx, 3, 1);
}

/* Whoever waits longest is next, and the one that unlocks and locks again goes behind them. */
WEIR_SIM_TEST(mutex_is_fifo)
{
	struct world w;
	struct actor actors[3];
	weir_scope s;
	world_open(&w, ctx);
	weir_mutex_init(&w.m, w.rt);
	weir_scope_init(&s, ctx);
	weir_mutex_lock(ctx, &w.m);
	for (int i = 0; i < 3; i++) {
		actor_open(&actors[i], &w, ctx, (char)('a' + i), 1);
		spawn(&s, lock_and_leave, &actors[i]);
		weir_sim_quiesce(ctx);
	}
	weir_mutex_unlock(&w.m);
	weir_mutex_lock(ctx, &w.m);
	WEIR_SIM_EQ(strcmp(w.order, "abc"), 0);
	weir_mutex_unlock(&w.m);
	join(ctx, &s);
	world_close(&w);
}

static int lock_under_own(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct actor *a = arg;
	(void)ctx, (void)err;
	weir_mutex_lock(&a->own, &a->w->m);
	a->rc = 0;
	weir_mutex_unlock(&a->w->m);
	return 0;
}

/* The exception: a lock waits on although its context has ended. */
WEIR_SIM_TEST_WITH(mutex_ignores_the_end, .strategy = "dfs")
{
	struct world w;
	struct actor a;
	weir_scope s;
	world_open(&w, ctx);
	weir_mutex_init(&w.m, w.rt);
	actor_open(&a, &w, ctx, 'a', 0);
	weir_scope_init(&s, ctx);
	weir_mutex_lock(ctx, &w.m);
	spawn(&s, lock_under_own, &a);
	weir_ctx_cancel(&a.own, "no use");
	weir_sim_quiesce(ctx);
	WEIR_SIM_EQ(a.rc, 1000);
	WEIR_SIM_EQ(weir_mutex_try_lock(&w.m), WEIR_EAGAIN);
	weir_mutex_unlock(&w.m);
	join(ctx, &s);
	WEIR_SIM_EQ(a.rc, 0);
	WEIR_SIM_EQ(weir_mutex_try_lock(&w.m), 0);
	weir_mutex_unlock(&w.m);
	world_close(&w);
}

/* A handle that is used under a lock is handed over by it: no false alarm. */
static const weir_type number = {.name = "number", .size = sizeof(int), .align = _Alignof(int)};

static int send_locked(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct actor *a = arg;
	weir_tx *tx = *(weir_tx **)(uintptr_t)a->n;
	int value = a->name;
	(void)err;
	weir_mutex_lock(ctx, &a->w->m);
	int rc = weir_tx_try_send(tx, &value);
	weir_mutex_unlock(&a->w->m);
	return rc;
}

WEIR_SIM_TEST_WITH(mutex_hands_a_handle_over, .strategy = "dfs")
{
	struct world w;
	struct actor actors[2];
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	weir_scope s;
	world_open(&w, ctx);
	weir_mutex_init(&w.m, w.rt);
	WEIR_SIM_EQ(weir_chan_new(w.rt, &number, 2, &tx, &rx), 0);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 2; i++) {
		actor_open(&actors[i], &w, ctx, (char)('a' + i), (uint64_t)(uintptr_t)&tx);
		spawn(&s, send_locked, &actors[i]);
	}
	join(ctx, &s);
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	world_close(&w);
}

static int lock_two(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct actor *a = arg;
	weir_mutex *first = a->name == 'a' ? &a->w->m : &a->w->m2, *second = a->name == 'a' ? &a->w->m2 : &a->w->m;
	(void)err;
	weir_mutex_lock(ctx, first);
	weir_mutex_lock(ctx, second);
	weir_mutex_unlock(second);
	weir_mutex_unlock(first);
	return 0;
}

PLANTED(lock_order, WEIR_SIM_DEADLOCK, .strategy = "dfs")
{
	struct world w;
	struct actor actors[2];
	weir_scope s;
	world_open(&w, ctx);
	weir_mutex_init(&w.m, w.rt);
	weir_mutex_init(&w.m2, w.rt);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 2; i++) {
		actor_open(&actors[i], &w, ctx, (char)('a' + i), 0);
		spawn(&s, lock_two, &actors[i]);
	}
	join(ctx, &s);
	world_close(&w);
}

PLANTED(mutex_unlocked_twice, WEIR_SIM_MISUSE, .seed = 0)
{
	weir_mutex m;
	weir_mutex_init(&m, weir_ctx_rt(ctx));
	weir_mutex_lock(ctx, &m);
	weir_mutex_unlock(&m);
	weir_mutex_unlock(&m);
}

static int unlock_it(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	weir_mutex_unlock(arg);
	return 0;
}

PLANTED(mutex_unlocked_by_another, WEIR_SIM_MISUSE, .seed = 0)
{
	weir_mutex m;
	weir_scope s;
	weir_mutex_init(&m, weir_ctx_rt(ctx));
	weir_mutex_lock(ctx, &m);
	weir_scope_init(&s, ctx);
	spawn(&s, unlock_it, &m);
	join(ctx, &s);
	weir_mutex_fini(&m);
}

PLANTED(mutex_locked_twice, WEIR_SIM_MISUSE, .seed = 0)
{
	weir_mutex m;
	weir_mutex_init(&m, weir_ctx_rt(ctx));
	weir_mutex_lock(ctx, &m);
	weir_mutex_lock(ctx, &m);
}

PLANTED(mutex_finished_while_held, WEIR_SIM_MISUSE, .seed = 0)
{
	weir_mutex m;
	weir_mutex_init(&m, weir_ctx_rt(ctx));
	weir_mutex_lock(ctx, &m);
	weir_mutex_fini(&m);
}

PLANTED(mutex_never_finished, WEIR_SIM_LEAK, .allow_no_decisions = true)
{
	static weir_mutex m;
	weir_mutex_init(&m, weir_ctx_rt(ctx));
}

/* ---- read-write lock ---- */

static int read_some(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct actor *a = arg;
	struct world *w = a->w;
	(void)err;
	weir_rwlock_read_lock(ctx, &w->rw);
	WEIR_SIM_EQ(w->writers, 0);
	w->readers++;
	weir_rt_yield(w->rt);
	WEIR_SIM_EQ(w->writers, 0);
	w->readers--;
	note_turn(w, a->name);
	weir_rwlock_read_unlock(&w->rw);
	return 0;
}

static int write_some(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct actor *a = arg;
	struct world *w = a->w;
	(void)err;
	weir_rwlock_write_lock(ctx, &w->rw);
	WEIR_SIM_EQ(w->writers++, 0);
	WEIR_SIM_EQ(w->readers, 0);
	weir_rt_yield(w->rt);
	WEIR_SIM_EQ(w->writers--, 1);
	WEIR_SIM_EQ(w->readers, 0);
	note_turn(w, a->name);
	weir_rwlock_write_unlock(&w->rw);
	return 0;
}

/* kinds: 'r' and 'w', one task each. */
static void readers_and_writers(weir_ctx *ctx, const char *kinds)
{
	struct world w;
	struct actor actors[3];
	weir_scope s;
	int n = (int)strlen(kinds);
	world_open(&w, ctx);
	weir_rwlock_init(&w.rw, w.rt);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < n; i++) {
		actor_open(&actors[i], &w, ctx, (char)('a' + i), 0);
		spawn(&s, kinds[i] == 'r' ? read_some : write_some, &actors[i]);
	}
	join(ctx, &s);
	WEIR_SIM_EQ(w.turns, n);
	world_close(&w);
}

WEIR_SIM_TEST_WITH(rwlock_reader_and_writer, .strategy = "dfs")
{
	readers_and_writers(ctx, "rw");
}

WEIR_SIM_TEST_WITH(rwlock_two_writers, .strategy = "dfs")
{
	readers_and_writers(ctx, "ww");
}

WEIR_SIM_TEST_WITH(rwlock_two_readers_and_writer, .strategy = "dfs2")
{
	readers_and_writers(ctx, "rrw");
}

WEIR_SIM_TEST_WITH(rwlock_reader_and_two_writers, .strategy = "dfs2")
{
	readers_and_writers(ctx, "rww");
}

/* Readers share; a writer that waits keeps new readers out, and goes first; writers go before readers that wait. */
WEIR_SIM_TEST(rwlock_prefers_writers)
{
	struct world w;
	struct actor actors[5];
	weir_scope s;
	world_open(&w, ctx);
	weir_rwlock_init(&w.rw, w.rt);
	weir_scope_init(&s, ctx);
	weir_rwlock_read_lock(ctx, &w.rw);
	WEIR_SIM_EQ(weir_rwlock_try_read_lock(&w.rw), 0);
	WEIR_SIM_EQ(weir_rwlock_try_write_lock(&w.rw), WEIR_EAGAIN);
	for (int i = 0; i < 5; i++) {
		actor_open(&actors[i], &w, ctx, "WrVst"[i], 0);
		spawn(&s, i % 2 == 0 && i < 4 ? write_some : read_some, &actors[i]);
		weir_sim_quiesce(ctx);
		WEIR_SIM_EQ(weir_rwlock_try_read_lock(&w.rw), WEIR_EAGAIN);
	}
	weir_rwlock_read_unlock(&w.rw);
	weir_sim_quiesce(ctx);
	WEIR_SIM_EQ(w.turns, 0); /* one reader is still in */
	weir_rwlock_read_unlock(&w.rw);
	weir_sim_quiesce(ctx);
	WEIR_SIM_EQ(w.turns, 5);
	WEIR_SIM_EQ(strncmp(w.order, "WV", 2), 0);
	join(ctx, &s);
	WEIR_SIM_EQ(weir_rwlock_try_write_lock(&w.rw), 0);
	WEIR_SIM_EQ(weir_rwlock_try_read_lock(&w.rw), WEIR_EAGAIN);
	weir_rwlock_write_unlock(&w.rw);
	world_close(&w);
}

static int read_twice(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct actor *a = arg;
	(void)err;
	weir_rwlock_read_lock(ctx, &a->w->rw);
	weir_rwlock_read_lock(ctx, &a->w->rw);
	weir_rwlock_read_unlock(&a->w->rw);
	weir_rwlock_read_unlock(&a->w->rw);
	return 0;
}

PLANTED(rwlock_read_twice_around_a_writer, WEIR_SIM_DEADLOCK, .strategy = "dfs")
{
	struct world w;
	struct actor actors[2];
	weir_scope s;
	world_open(&w, ctx);
	weir_rwlock_init(&w.rw, w.rt);
	weir_scope_init(&s, ctx);
	actor_open(&actors[0], &w, ctx, 'a', 0);
	actor_open(&actors[1], &w, ctx, 'b', 0);
	spawn(&s, read_twice, &actors[0]);
	spawn(&s, write_some, &actors[1]);
	join(ctx, &s);
	world_close(&w);
}

PLANTED(rwlock_reader_becomes_writer, WEIR_SIM_DEADLOCK, .allow_no_decisions = true)
{
	weir_rwlock l;
	weir_rwlock_init(&l, weir_ctx_rt(ctx));
	weir_rwlock_read_lock(ctx, &l);
	weir_rwlock_write_lock(ctx, &l);
}

PLANTED(rwlock_writer_reads, WEIR_SIM_MISUSE, .seed = 0)
{
	weir_rwlock l;
	weir_rwlock_init(&l, weir_ctx_rt(ctx));
	weir_rwlock_write_lock(ctx, &l);
	weir_rwlock_read_lock(ctx, &l);
}

PLANTED(rwlock_read_unlocked_twice, WEIR_SIM_MISUSE, .seed = 0)
{
	weir_rwlock l;
	weir_rwlock_init(&l, weir_ctx_rt(ctx));
	weir_rwlock_read_lock(ctx, &l);
	weir_rwlock_read_unlock(&l);
	weir_rwlock_read_unlock(&l);
}

PLANTED(rwlock_finished_while_read, WEIR_SIM_MISUSE, .seed = 0)
{
	weir_rwlock l;
	weir_rwlock_init(&l, weir_ctx_rt(ctx));
	weir_rwlock_read_lock(ctx, &l);
	weir_rwlock_fini(&l);
}

/* ---- condition ---- */

/* Waits for one of `ready`, or for the end of its own context; the mutex is held whatever came. */
static int await_ready(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct actor *a = arg;
	struct world *w = a->w;
	int rc = 0;
	(void)err;
	weir_mutex_lock(ctx, &w->m);
	while (w->ready == 0 && rc == 0)
		rc = weir_cond_wait(&a->own, &w->c, &w->m);
	WEIR_SIM_EQ(weir_mutex_try_lock(&w->m), WEIR_EAGAIN);
	WEIR_SIM_EQ(w->inside++, 0);
	a->rc = rc;
	if (rc == 0)
		w->ready--;
	w->inside--;
	weir_mutex_unlock(&w->m);
	return 0;
}

static int make_ready(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct actor *a = arg;
	struct world *w = a->w;
	(void)err;
	weir_mutex_lock(ctx, &w->m);
	w->ready += (int)a->n;
	weir_mutex_unlock(&w->m);
	if (a->n > 1)
		weir_cond_broadcast(&w->c);
	else
		weir_cond_signal(&w->c);
	return 0;
}

/* n consumers, and a producer of n: nobody is left behind, in any order. */
static void produce_for(weir_ctx *ctx, int n)
{
	struct world w;
	struct actor actors[3], producer;
	weir_scope s;
	world_open(&w, ctx);
	weir_mutex_init(&w.m, w.rt);
	weir_cond_init(&w.c, w.rt);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < n; i++) {
		actor_open(&actors[i], &w, ctx, (char)('a' + i), 0);
		spawn(&s, await_ready, &actors[i]);
	}
	actor_open(&producer, &w, ctx, 'p', (uint64_t)n);
	spawn(&s, make_ready, &producer);
	join(ctx, &s);
	for (int i = 0; i < n; i++)
		WEIR_SIM_EQ(actors[i].rc, 0);
	WEIR_SIM_EQ(w.ready, 0);
	world_close(&w);
}

WEIR_SIM_TEST_WITH(cond_no_signal_is_lost, .strategy = "dfs")
{
	produce_for(ctx, 1);
}

WEIR_SIM_TEST_WITH(cond_broadcast_reaches_all, .strategy = "dfs2")
{
	produce_for(ctx, 2);
}

/* Without the mutex around the change, the signal can fall between the look and the wait. */
static int make_ready_carelessly(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct actor *a = arg;
	(void)ctx, (void)err;
	a->w->ready = 1;
	weir_cond_signal(&a->w->c);
	return 0;
}

PLANTED(cond_changed_without_the_mutex, WEIR_SIM_DEADLOCK, .strategy = "dfs")
{
	struct world w;
	struct actor a, producer;
	weir_scope s;
	world_open(&w, ctx);
	weir_mutex_init(&w.m, w.rt);
	weir_cond_init(&w.c, w.rt);
	weir_scope_init(&s, ctx);
	actor_open(&a, &w, ctx, 'a', 0);
	actor_open(&producer, &w, ctx, 'p', 1);
	spawn(&s, await_ready, &a);
	spawn(&s, make_ready_carelessly, &producer);
	join(ctx, &s);
	world_close(&w);
}

/* One wait and no loop: whether it was signalled. */
static int await_signal(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct actor *a = arg;
	(void)err;
	weir_mutex_lock(ctx, &a->w->m);
	a->rc = weir_cond_wait(&a->own, &a->w->c, &a->w->m);
	WEIR_SIM_EQ(weir_mutex_try_lock(&a->w->m), WEIR_EAGAIN);
	weir_mutex_unlock(&a->w->m);
	return 0;
}

static int signal_one(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct actor *a = arg;
	(void)ctx, (void)err;
	weir_cond_signal(&a->w->c);
	return 0;
}

/* Two wait; one signal races with a cancel of the first: the signal reaches exactly one, whoever wins. */
WEIR_SIM_TEST_WITH(cond_cancel_against_signal, .strategy = "dfs")
{
	struct world w;
	struct actor a, b;
	weir_scope s;
	world_open(&w, ctx);
	weir_mutex_init(&w.m, w.rt);
	weir_cond_init(&w.c, w.rt);
	actor_open(&a, &w, ctx, 'a', 0);
	actor_open(&b, &w, ctx, 'b', 0);
	weir_scope_init(&s, ctx);
	spawn(&s, await_signal, &a);
	weir_sim_quiesce(ctx);
	spawn(&s, await_signal, &b);
	weir_sim_quiesce(ctx);
	spawn(&s, cancel_actor, &a);
	spawn(&s, signal_one, &a);
	weir_sim_quiesce(ctx);
	WEIR_SIM_ASSERT(a.rc == 0 || a.rc == WEIR_ECANCELED);
	WEIR_SIM_EQ(b.rc, a.rc == 0 ? 1000 : 0);
	EITHER(SIGNAL_RACE, a.rc == 0);
	weir_ctx_cancel(&b.own, "enough");
	join(ctx, &s);
	WEIR_SIM_EQ(b.rc, a.rc == 0 ? WEIR_ECANCELED : 0);
	world_close(&w);
}

/* A context that has ended: the mutex was never let go; a signal without a waiter is lost. */
WEIR_SIM_TEST_WITH(cond_with_an_ended_context, .allow_no_decisions = true)
{
	struct world w;
	struct actor a;
	world_open(&w, ctx);
	weir_mutex_init(&w.m, w.rt);
	weir_cond_init(&w.c, w.rt);
	weir_ctx_init(&a.own, ctx, WEIR_MS(1));
	weir_mutex_lock(ctx, &w.m);
	weir_cond_signal(&w.c);
	weir_cond_broadcast(&w.c);
	WEIR_SIM_EQ(weir_cond_wait(&a.own, &w.c, &w.m), WEIR_EDEADLINE);
	WEIR_SIM_EQ(weir_rt_now(w.rt), WEIR_MS(1));
	WEIR_SIM_EQ(weir_cond_wait(&a.own, &w.c, &w.m), WEIR_EDEADLINE);
	WEIR_SIM_EQ(weir_rt_now(w.rt), WEIR_MS(1));
	WEIR_SIM_EQ(weir_mutex_try_lock(&w.m), WEIR_EAGAIN);
	weir_mutex_unlock(&w.m);
	weir_ctx_fini(&a.own);
	world_close(&w);
}

PLANTED(cond_without_its_mutex, WEIR_SIM_MISUSE, .seed = 0)
{
	weir_mutex m;
	weir_cond c;
	weir_mutex_init(&m, weir_ctx_rt(ctx));
	weir_cond_init(&c, weir_ctx_rt(ctx));
	WEIR_SIM_EQ(weir_cond_wait(ctx, &c, &m), 0);
}

/* The mutex that a wait lets go of hands over what was done under it. */
static int send_and_wait(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct actor *a = arg;
	struct world *w = a->w;
	int value = a->name, rc;
	(void)err;
	weir_mutex_lock(ctx, &w->m);
	rc = weir_tx_try_send(*(weir_tx **)(uintptr_t)a->n, &value);
	if (a->name == 'p')
		w->ready = 1;
	while (rc == 0 && w->ready == 0)
		rc = weir_cond_wait(ctx, &w->c, &w->m);
	weir_mutex_unlock(&w->m);
	if (a->name == 'p')
		weir_cond_signal(&w->c);
	return rc;
}

WEIR_SIM_TEST_WITH(cond_hands_a_handle_over, .strategy = "dfs")
{
	struct world w;
	struct actor waiter, producer;
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	weir_scope s;
	world_open(&w, ctx);
	weir_mutex_init(&w.m, w.rt);
	weir_cond_init(&w.c, w.rt);
	WEIR_SIM_EQ(weir_chan_new(w.rt, &number, 2, &tx, &rx), 0);
	actor_open(&waiter, &w, ctx, 'w', (uint64_t)(uintptr_t)&tx);
	actor_open(&producer, &w, ctx, 'p', (uint64_t)(uintptr_t)&tx);
	weir_scope_init(&s, ctx);
	spawn(&s, send_and_wait, &waiter);
	spawn(&s, send_and_wait, &producer);
	join(ctx, &s);
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	world_close(&w);
}

/* ---- semaphore ---- */

static int take_and_give(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct actor *a = arg;
	struct world *w = a->w;
	(void)ctx, (void)err;
	a->rc = weir_sem_acquire(&a->own, &w->s, a->n);
	if (a->rc < 0)
		return 0;
	w->inside += (int)a->n;
	WEIR_SIM_ASSERT(w->inside <= 2);
	note_turn(w, a->name);
	weir_rt_yield(w->rt);
	w->inside -= (int)a->n;
	weir_sem_release(&w->s, a->n);
	return 0;
}

static void share_two(weir_ctx *ctx, const uint64_t *wants, int n)
{
	struct world w;
	struct actor actors[3];
	weir_scope s;
	world_open(&w, ctx);
	weir_sem_init_bounded(&w.s, w.rt, 2, 2);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < n; i++) {
		actor_open(&actors[i], &w, ctx, (char)('a' + i), wants[i]);
		spawn(&s, take_and_give, &actors[i]);
	}
	join(ctx, &s);
	WEIR_SIM_EQ(w.turns, n);
	WEIR_SIM_EQ(weir_sem_try_acquire(&w.s, 2), 0); /* all came back */
	weir_sem_release(&w.s, 2);
	world_close(&w);
}

WEIR_SIM_TEST_WITH(sem_two_want_both, .strategy = "dfs")
{
	share_two(ctx, (const uint64_t[]){2, 2}, 2);
}

WEIR_SIM_TEST_WITH(sem_one_wants_both, .strategy = "dfs2")
{
	share_two(ctx, (const uint64_t[]){1, 2, 1}, 3);
}

/* A large request is not starved: what comes after it waits, although there would be enough. */
WEIR_SIM_TEST(sem_nobody_overtakes)
{
	struct world w;
	struct actor large, small;
	weir_scope s;
	world_open(&w, ctx);
	weir_sem_init(&w.s, w.rt, 1);
	actor_open(&large, &w, ctx, 'L', 2);
	actor_open(&small, &w, ctx, 's', 1);
	weir_scope_init(&s, ctx);
	spawn(&s, take_and_give, &large);
	weir_sim_quiesce(ctx);
	spawn(&s, take_and_give, &small);
	weir_sim_quiesce(ctx);
	WEIR_SIM_EQ(w.turns, 0);
	WEIR_SIM_EQ(weir_sem_try_acquire(&w.s, 1), WEIR_EAGAIN);
	WEIR_SIM_EQ(weir_sem_try_acquire(&w.s, 0), WEIR_EAGAIN);
	weir_sem_release(&w.s, 1);
	join(ctx, &s);
	WEIR_SIM_EQ(strcmp(w.order, "Ls"), 0);
	WEIR_SIM_EQ(weir_sem_try_acquire(&w.s, 3), WEIR_EAGAIN);
	WEIR_SIM_EQ(weir_sem_try_acquire(&w.s, 2), 0);
	world_close(&w);
}

static int take_and_keep(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct actor *a = arg;
	(void)ctx, (void)err;
	a->rc = weir_sem_acquire(&a->own, &a->w->s, a->n);
	return 0;
}

/* One release lets in all it has permits for. Those that were let in do not come back with theirs: nobody else would
 * wake the second. */
WEIR_SIM_TEST_WITH(sem_release_for_two, .strategy = "dfs2")
{
	struct world w;
	struct actor a, b, c;
	weir_scope s;
	world_open(&w, ctx);
	weir_sem_init(&w.s, w.rt, 0);
	actor_open(&a, &w, ctx, 'a', 1);
	actor_open(&b, &w, ctx, 'b', 1);
	actor_open(&c, &w, ctx, 'c', 2);
	weir_scope_init(&s, ctx);
	spawn(&s, take_and_keep, &a);
	spawn(&s, take_and_keep, &b);
	spawn(&s, take_and_keep, &c);
	weir_sim_quiesce(ctx);
	weir_sem_release(&w.s, 4);
	join(ctx, &s);
	WEIR_SIM_EQ(weir_sem_try_acquire(&w.s, 1), WEIR_EAGAIN);
	world_close(&w);
}

static int give_one(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct actor *a = arg;
	(void)ctx, (void)err;
	weir_sem_release(&a->w->s, 1);
	return 0;
}

/* Grant against cancel: the permit is with the task, or it is still there. Never neither. */
WEIR_SIM_TEST_WITH(sem_cancel_against_release, .strategy = "dfs")
{
	struct world w;
	struct actor a;
	weir_scope s;
	world_open(&w, ctx);
	weir_sem_init(&w.s, w.rt, 0);
	actor_open(&a, &w, ctx, 'a', 1);
	weir_scope_init(&s, ctx);
	spawn(&s, take_and_keep, &a);
	spawn(&s, give_one, &a);
	spawn(&s, cancel_actor, &a);
	join(ctx, &s);
	WEIR_SIM_ASSERT(a.rc == 0 || a.rc == WEIR_ECANCELED);
	WEIR_SIM_EQ(weir_sem_try_acquire(&w.s, 1), a.rc == 0 ? WEIR_EAGAIN : 0);
	EITHER(PERMIT_RACE, a.rc == 0);
	world_close(&w);
}

/* The large one in front is cancelled, with a release or without: those behind it go on, and it has taken nothing. */
WEIR_SIM_TEST_WITH(sem_cancelled_in_front, .strategy = "dfs2")
{
	struct world w;
	struct actor large, small;
	weir_scope s;
	uint32_t given = weir_sim_choose(2, "a release as well");
	world_open(&w, ctx);
	weir_sem_init(&w.s, w.rt, 1);
	actor_open(&large, &w, ctx, 'L', 2);
	actor_open(&small, &w, ctx, 's', 1);
	weir_scope_init(&s, ctx);
	spawn(&s, take_and_keep, &large);
	weir_sim_quiesce(ctx);
	spawn(&s, take_and_keep, &small);
	weir_sim_quiesce(ctx);
	spawn(&s, cancel_actor, &large);
	if (given)
		spawn(&s, give_one, &large);
	weir_sim_quiesce(ctx);
	WEIR_SIM_ASSERT(large.rc == WEIR_ECANCELED || (given && large.rc == 0));
	WEIR_SIM_EQ(small.rc, large.rc == 0 ? 1000 : 0);
	WEIR_SIM_EQ(weir_sem_try_acquire(&w.s, 1), given && large.rc < 0 ? 0 : WEIR_EAGAIN);
	weir_ctx_cancel(&small.own, "enough");
	join(ctx, &s);
	world_close(&w);
}

/* Whoever comes while a cancelled one still stands in front does not wait for it to leave, nor overtakes others. */
static int try_one(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct actor *a = arg;
	(void)ctx, (void)err;
	a->rc = weir_sem_try_acquire(&a->w->s, a->n);
	return 0;
}

WEIR_SIM_TEST_WITH(sem_try_behind_a_cancelled_one, .strategy = "dfs")
{
	struct world w;
	struct actor large, late;
	weir_scope s;
	world_open(&w, ctx);
	weir_sem_init(&w.s, w.rt, 1);
	actor_open(&large, &w, ctx, 'L', 2);
	actor_open(&late, &w, ctx, 't', 1);
	weir_scope_init(&s, ctx);
	spawn(&s, take_and_keep, &large);
	weir_sim_quiesce(ctx);
	weir_ctx_cancel(&large.own, "no more"); /* from here on it waits for nothing */
	spawn(&s, try_one, &late);
	join(ctx, &s);
	WEIR_SIM_EQ(large.rc, WEIR_ECANCELED);
	WEIR_SIM_EQ(late.rc, 0);
	world_close(&w);
}

/* The capacity falls to one and rises again while three want permits: no permit is made or lost, and whoever waits is
 * told. (That nobody is let in meanwhile, the histories of test_linear.c show.) */
static int narrow_and_widen(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world *w = ((struct actor *)arg)->w;
	(void)ctx, (void)err;
	weir_sem_resize(&w->s, 1);
	weir_rt_yield(w->rt);
	weir_sem_resize(&w->s, 2);
	return 0;
}

WEIR_SIM_TEST_WITH(sem_resized_under_three, .strategy = "dfs2")
{
	struct world w;
	struct actor actors[3], resizer;
	weir_scope s;
	world_open(&w, ctx);
	weir_sem_init_bounded(&w.s, w.rt, 2, 2);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 3; i++) {
		actor_open(&actors[i], &w, ctx, (char)('a' + i), 1);
		spawn(&s, take_and_give, &actors[i]);
	}
	actor_open(&resizer, &w, ctx, 'r', 0);
	spawn(&s, narrow_and_widen, &resizer);
	join(ctx, &s);
	WEIR_SIM_EQ(w.turns, 3);
	WEIR_SIM_EQ(weir_sem_try_acquire(&w.s, 2), 0); /* all came back, and no more */
	WEIR_SIM_EQ(weir_sem_try_acquire(&w.s, 1), WEIR_EAGAIN);
	weir_sem_release(&w.s, 2);
	world_close(&w);
}

static int widen(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	weir_sem_resize(&((struct actor *)arg)->w->s, 3);
	return 0;
}

/* Nothing comes back: only the new capacity lets the two in, before they ask or when they wait. */
WEIR_SIM_TEST_WITH(sem_widened_for_two, .strategy = "dfs")
{
	struct world w;
	struct actor a, b;
	weir_scope s;
	world_open(&w, ctx);
	weir_sem_init_bounded(&w.s, w.rt, 0, 1);
	actor_open(&a, &w, ctx, 'a', 1);
	actor_open(&b, &w, ctx, 'b', 1);
	weir_scope_init(&s, ctx);
	spawn(&s, take_and_keep, &a);
	spawn(&s, take_and_keep, &b);
	spawn(&s, widen, &a);
	join(ctx, &s);
	WEIR_SIM_ASSERT(a.rc == 0 && b.rc == 0);
	WEIR_SIM_EQ(weir_sem_try_acquire(&w.s, 1), WEIR_EAGAIN);
	world_close(&w);
}

PLANTED(sem_resized_without_a_capacity, WEIR_SIM_MISUSE, .seed = 0)
{
	weir_sem s;
	weir_sem_init(&s, weir_ctx_rt(ctx), 1);
	weir_sem_resize(&s, 2);
}

PLANTED(sem_above_its_capacity, WEIR_SIM_MISUSE, .seed = 0)
{
	weir_sem s;
	weir_sem_init_bounded(&s, weir_ctx_rt(ctx), 1, 2);
	weir_sem_release(&s, 1);
	WEIR_SIM_EQ(weir_sem_acquire(ctx, &s, 3), WEIR_EINVAL);
	WEIR_SIM_EQ(weir_sem_try_acquire(&s, 3), WEIR_EINVAL);
	weir_sem_release(&s, 1);
}

/* ---- wait group ---- */

static int count_down(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct actor *a = arg;
	(void)ctx, (void)err;
	a->w->ran++;
	weir_wg_done(&a->w->g);
	return 0;
}

/* The wait comes back after the last done, and what it waited for may be finished at once. */
WEIR_SIM_TEST_WITH(wg_waits_for_all, .strategy = "dfs2")
{
	struct world w;
	struct actor actors[2];
	weir_scope s;
	world_open(&w, ctx);
	weir_wg_init(&w.g, w.rt);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_wg_wait(ctx, &w.g), 0);
	for (int i = 0; i < 2; i++) {
		actor_open(&actors[i], &w, ctx, (char)('a' + i), 0);
		weir_wg_add(&w.g, 1);
		spawn(&s, count_down, &actors[i]);
	}
	WEIR_SIM_EQ(weir_wg_wait(ctx, &w.g), 0);
	WEIR_SIM_EQ(w.ran, 2);
	weir_wg_fini(&w.g);
	join(ctx, &s);
	world_close(&w);
}

static int wait_group(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct actor *a = arg;
	(void)ctx, (void)err;
	a->rc = weir_wg_wait(&a->own, &a->w->g);
	return 0;
}

/* All that wait are released by the one done that makes the count 0. */
WEIR_SIM_TEST_WITH(wg_releases_all, .strategy = "dfs2")
{
	struct world w;
	struct actor a, b;
	weir_scope s;
	world_open(&w, ctx);
	weir_wg_init(&w.g, w.rt);
	weir_wg_add(&w.g, 1);
	actor_open(&a, &w, ctx, 'a', 1);
	actor_open(&b, &w, ctx, 'b', 1);
	weir_scope_init(&s, ctx);
	spawn(&s, wait_group, &a);
	spawn(&s, wait_group, &b);
	weir_sim_quiesce(ctx);
	weir_wg_done(&w.g);
	join(ctx, &s);
	WEIR_SIM_EQ(a.rc, 0);
	WEIR_SIM_EQ(b.rc, 0);
	world_close(&w);
}

WEIR_SIM_TEST_WITH(wg_cancel_against_done, .strategy = "dfs")
{
	struct world w;
	struct actor a;
	weir_scope s;
	world_open(&w, ctx);
	weir_wg_init(&w.g, w.rt);
	weir_wg_add(&w.g, 1);
	actor_open(&a, &w, ctx, 'a', 0);
	weir_scope_init(&s, ctx);
	spawn(&s, wait_group, &a);
	spawn(&s, count_down, &a);
	spawn(&s, cancel_actor, &a);
	join(ctx, &s);
	WEIR_SIM_ASSERT(a.rc == 0 || a.rc == WEIR_ECANCELED);
	EITHER(DONE_RACE, a.rc == 0);
	WEIR_SIM_EQ(weir_wg_wait(ctx, &w.g), 0);
	world_close(&w);
}

PLANTED(wg_below_zero, WEIR_SIM_MISUSE, .seed = 0)
{
	weir_wg g;
	weir_wg_init(&g, weir_ctx_rt(ctx));
	weir_wg_add(&g, 1);
	weir_wg_done(&g);
	weir_wg_done(&g);
}

PLANTED(wg_finished_too_early, WEIR_SIM_MISUSE, .seed = 0)
{
	weir_wg g;
	weir_wg_init(&g, weir_ctx_rt(ctx));
	weir_wg_add(&g, 1);
	weir_wg_fini(&g);
}

/* ---- once ---- */

static int set_up(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world *w = arg;
	WEIR_SIM_EQ(w->inside++, 0);
	weir_rt_yield(w->rt);
	w->inside--;
	w->ran++;
	(void)ctx;
	return w->ready ? weir_fail(err, WEIR_EUSER - 7, "no luck") : 0;
}

static int call_once(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct actor *a = arg;
	weir_err detail = {0};
	(void)ctx, (void)err;
	a->rc = weir_once_do(&a->own, &a->w->o, set_up, a->w, &detail);
	WEIR_SIM_EQ(detail.code, a->rc == WEIR_ECANCELED ? 0 : a->rc);
	weir_err_fini(&detail);
	return 0;
}

static void set_up_by(weir_ctx *ctx, int n, int code)
{
	struct world w;
	struct actor actors[3];
	weir_scope s;
	world_open(&w, ctx);
	weir_once_init(&w.o, w.rt);
	w.ready = code != 0;
	weir_scope_init(&s, ctx);
	for (int i = 0; i < n; i++) {
		actor_open(&actors[i], &w, ctx, (char)('a' + i), 0);
		spawn(&s, call_once, &actors[i]);
	}
	join(ctx, &s);
	WEIR_SIM_EQ(w.ran, 1);
	for (int i = 0; i < n; i++)
		WEIR_SIM_EQ(actors[i].rc, code);
	world_close(&w);
}

WEIR_SIM_TEST_WITH(once_two_callers, .strategy = "dfs")
{
	set_up_by(ctx, 2, 0);
}

WEIR_SIM_TEST_WITH(once_three_callers_of_a_failure, .strategy = "dfs1")
{
	set_up_by(ctx, 3, WEIR_EUSER - 7);
}

/* One of two waiters is cancelled while the function runs or not: it leaves nothing behind, all others get the code. */
WEIR_SIM_TEST_WITH(once_cancelled_waiter, .strategy = "dfs1")
{
	struct world w;
	struct actor a, b;
	weir_scope s;
	world_open(&w, ctx);
	weir_once_init(&w.o, w.rt);
	actor_open(&a, &w, ctx, 'a', 0);
	actor_open(&b, &w, ctx, 'b', 0);
	weir_scope_init(&s, ctx);
	spawn(&s, call_once, &a);
	spawn(&s, call_once, &b);
	spawn(&s, cancel_actor, &b);
	join(ctx, &s);
	WEIR_SIM_EQ(a.rc, 0);
	WEIR_SIM_ASSERT(b.rc == 0 || b.rc == WEIR_ECANCELED);
	WEIR_SIM_EQ(w.ran, 1);
	EITHER(ONCE_RACE, b.rc == 0);
	world_close(&w);
}

struct late {
	struct world *w;
	struct actor *waiter;
	weir_scope *s;
};

/* Returns when the other call waits for it. */
static int let_another_wait(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct late *late = arg;
	(void)err;
	spawn(late->s, call_once, late->waiter);
	weir_sim_quiesce(ctx);
	late->w->ran++;
	return 0;
}

/* A waiter that was given the code returns it, although its context ends before it runs on. */
WEIR_SIM_TEST_WITH(once_code_against_a_late_cancel, .strategy = "dfs")
{
	struct world w;
	struct actor b;
	weir_scope s;
	struct late late = {&w, &b, &s};
	world_open(&w, ctx);
	weir_once_init(&w.o, w.rt);
	actor_open(&b, &w, ctx, 'b', 0);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_once_do(ctx, &w.o, let_another_wait, &late, NULL), 0);
	weir_ctx_cancel(&b.own, "too late");
	join(ctx, &s);
	WEIR_SIM_EQ(b.rc, 0);
	WEIR_SIM_EQ(w.ran, 1);
	world_close(&w);
}

static int call_inside(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world *w = arg;
	w->ran++;
	return weir_once_do(ctx, &w->o, call_inside, w, err);
}

static int positive(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	return 3;
}

WEIR_SIM_TEST_WITH(once_alone, .allow_no_decisions = true)
{
	struct world w;
	struct actor a;
	world_open(&w, ctx);
	weir_once_init(&w.o, w.rt);
	actor_open(&a, &w, ctx, 'a', 0);
	weir_ctx_cancel(&a.own, "before it began");
	WEIR_SIM_EQ(weir_once_do(&a.own, &w.o, set_up, &w, NULL), WEIR_ECANCELED);
	WEIR_SIM_EQ(w.ran, 0);
	WEIR_SIM_EQ(weir_once_do(ctx, &w.o, call_inside, &w, NULL), WEIR_EDEADLK);
	WEIR_SIM_EQ(weir_once_do(ctx, &w.o, set_up, &w, NULL), WEIR_EDEADLK); /* for ever */
	WEIR_SIM_EQ(w.ran, 1);
	weir_once_fini(&w.o);
	weir_once_init(&w.o, w.rt);
	WEIR_SIM_EQ(weir_once_do(ctx, &w.o, positive, NULL, NULL), WEIR_EINVAL);
	world_close(&w);
}

static int wait_for_child(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	weir_scope_init(&s, ctx);
	spawn(&s, call_once, arg);
	return weir_scope_join(ctx, &s, 0, err);
}

PLANTED(once_waits_for_itself_through_a_task, WEIR_SIM_DEADLOCK, .seed = 0)
{
	struct world w;
	struct actor a;
	world_open(&w, ctx);
	weir_once_init(&w.o, w.rt);
	actor_open(&a, &w, ctx, 'a', 0);
	WEIR_SIM_EQ(weir_once_do(ctx, &w.o, wait_for_child, &a, NULL), 0);
	world_close(&w);
}

/* ---- atomic ---- */

static int add_one(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct actor *a = arg;
	uint64_t value;
	(void)ctx, (void)err;
	if (a->n == 0) {
		weir_atomic_add(&a->w->a, 1);
		return 0;
	}
	value = weir_atomic_load(&a->w->a);
	if (a->n == 1) {
		weir_atomic_store(&a->w->a, value + 1);
		return 0;
	}
	while (!weir_atomic_cas(&a->w->a, &value, value + 1))
		a->rc++;
	return 0;
}

static void add_by_two(weir_ctx *ctx, uint64_t way)
{
	struct world w;
	struct actor actors[2];
	weir_scope s;
	world_open(&w, ctx);
	weir_atomic_init(&w.a, w.rt, 40);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 2; i++) {
		actor_open(&actors[i], &w, ctx, (char)('a' + i), way);
		spawn(&s, add_one, &actors[i]);
	}
	join(ctx, &s);
	WEIR_SIM_EQ(weir_atomic_load(&w.a), 42);
	WEIR_SIM_EQ(weir_atomic_exchange(&w.a, 7), 42);
	if (way == 2)
		EITHER(CAS_RACE, actors[0].rc + actors[1].rc > 2000);
	world_close(&w);
}

WEIR_SIM_TEST_WITH(atomic_add, .strategy = "dfs")
{
	add_by_two(ctx, 0);
}

WEIR_SIM_TEST_WITH(atomic_cas, .strategy = "dfs")
{
	add_by_two(ctx, 2);
}

PLANTED(atomic_lost_update, WEIR_SIM_ASSERTION, .strategy = "dfs")
{
	add_by_two(ctx, 1);
}

/* Sequential consistency: of two that write their own and read the other's, one at least sees the other. */
static int write_and_read(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct actor *a = arg;
	(void)ctx, (void)err;
	weir_atomic_store(a->name == 'a' ? &a->w->a : &a->w->b, 1);
	a->rc = (int)weir_atomic_load(a->name == 'a' ? &a->w->b : &a->w->a);
	return 0;
}

WEIR_SIM_TEST_WITH(atomic_is_sequentially_consistent, .strategy = "dfs")
{
	struct world w;
	struct actor actors[2];
	weir_scope s;
	world_open(&w, ctx);
	weir_atomic_init(&w.a, w.rt, 0);
	weir_atomic_init(&w.b, w.rt, 0);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 2; i++) {
		actor_open(&actors[i], &w, ctx, (char)('a' + i), 0);
		spawn(&s, write_and_read, &actors[i]);
	}
	join(ctx, &s);
	WEIR_SIM_ASSERT(actors[0].rc + actors[1].rc >= 1);
	world_close(&w);
}

/* ---- ticker ---- */

WEIR_SIM_TEST_WITH(ticker_drops_what_nobody_came_for, .no_early = true, .allow_no_decisions = true)
{
	struct weir_ticker t;
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_ticker_init(&t, rt, WEIR_MS(10), WEIR_MS(10));
	weir_case cases[] = {weir_case_ticker(&t)};
	WEIR_SIM_EQ(weir_try_select(cases, 1), WEIR_EAGAIN);
	WEIR_SIM_EQ(weir_select(ctx, cases, 1), 0);
	WEIR_SIM_EQ(cases[0].rc, 1);
	WEIR_SIM_EQ(weir_rt_now(rt), WEIR_MS(10));
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(35)), 0);
	WEIR_SIM_EQ(weir_try_select(cases, 1), 0);
	WEIR_SIM_EQ(cases[0].rc, 3); /* 20, 30, 40 */
	WEIR_SIM_EQ(t.next_at, WEIR_MS(50));
	WEIR_SIM_EQ(weir_try_select(cases, 1), WEIR_EAGAIN);
	WEIR_SIM_EQ(weir_select(ctx, cases, 1), 0);
	WEIR_SIM_EQ(cases[0].rc, 1);
	WEIR_SIM_EQ(weir_rt_now(rt), WEIR_MS(50));
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(10)), 0);
	WEIR_SIM_EQ(weir_select(ctx, cases, 1), 0); /* exactly on time */
	WEIR_SIM_EQ(cases[0].rc, 1);
	WEIR_SIM_EQ(t.next_at, WEIR_MS(70));
}

/* A ticker and a timer at the same moment: either is taken, and the one that was not is still there. */
WEIR_SIM_TEST_WITH(ticker_and_timer_at_once, .strategy = "dfs", .no_early = true)
{
	struct weir_ticker t;
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_ticker_init(&t, rt, WEIR_MS(10), WEIR_MS(10));
	weir_case cases[] = {weir_case_ticker(&t), weir_case_timer(WEIR_MS(10))};
	int first = weir_select(ctx, cases, 2);
	WEIR_SIM_ASSERT(first == 0 || first == 1);
	WEIR_SIM_EQ(weir_rt_now(rt), WEIR_MS(10));
	WEIR_SIM_EQ(t.next_at, WEIR_MS(first == 0 ? 20 : 10));
	EITHER(TICK_RACE, first);
	weir_case other[] = {cases[1 - first]};
	WEIR_SIM_EQ(weir_select(ctx, other, 1), 0);
	WEIR_SIM_EQ(other[0].rc, first == 0 ? 0 : 1);
	WEIR_SIM_EQ(t.next_at, WEIR_MS(20));
}

static int tick_until_over(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct actor *a = arg;
	struct weir_ticker t;
	(void)err;
	weir_ticker_init(&t, a->w->rt, WEIR_MS(10), WEIR_MS(10));
	weir_case cases[] = {weir_case_ticker(&t)};
	while ((a->rc = weir_select(ctx, cases, 1)) == 0)
		note_turn(a->w, a->name);
	return 0;
}

/* Two tasks with the same deadlines: each gets its own ticks, in either order. */
WEIR_SIM_TEST_WITH(equal_deadlines, .strategy = "dfs", .no_early = true)
{
	struct world w;
	struct actor actors[2];
	weir_scope s;
	world_open(&w, ctx);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 2; i++) {
		actor_open(&actors[i], &w, ctx, (char)('a' + i), 0);
		spawn(&s, tick_until_over, &actors[i]);
	}
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(15)), 0);
	WEIR_SIM_EQ(w.turns, 2);
	WEIR_SIM_EQ(w.order[0] + w.order[1], 'a' + 'b');
	EITHER(DUE_RACE, w.order[0] == 'a');
	weir_scope_cancel(&s, "over");
	join(ctx, &s);
	WEIR_SIM_EQ(w.turns, 2);
	for (int i = 0; i < 2; i++)
		WEIR_SIM_EQ(actors[i].rc, WEIR_ECANCELED);
	WEIR_SIM_EQ(weir_rt_now(w.rt), WEIR_MS(15));
	world_close(&w);
}

PLANTED(ticker_without_period, WEIR_SIM_MISUSE, .seed = 0)
{
	struct weir_ticker t;
	weir_ticker_init(&t, weir_ctx_rt(ctx), 0, 0);
}

/* ---- on_end ---- */

static void run_it(void *arg)
{
	struct world *w = arg;
	w->inside++;
	weir_rt_yield(w->rt);
	w->inside--;
	w->ran++;
}

/* Exactly one of stopped and run, whoever is first; and what stop says is so. */
WEIR_SIM_TEST_WITH(on_end_stop_race, .strategy = "dfs")
{
	struct world w;
	struct actor a;
	weir_scope s;
	weir_on_end handle;
	world_open(&w, ctx);
	actor_open(&a, &w, ctx, 'a', 0);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_on_end(&s, &a.own, run_it, &w, &handle), 0);
	spawn(&s, cancel_actor, &a);
	enum weir_on_end_state said = weir_on_end_stop(&handle);
	WEIR_SIM_EQ(said == WEIR_ON_END_STOPPED, w.inside + w.ran == 0);
	WEIR_SIM_ASSERT(said != WEIR_ON_END_DONE || w.ran == 1);
	join(ctx, &s);
	WEIR_SIM_EQ(w.ran, said != WEIR_ON_END_STOPPED);
	WEIR_SIM_EQ(weir_on_end_stop(&handle), said == WEIR_ON_END_STOPPED ? said : WEIR_ON_END_DONE);
	EITHER(STOP_RACE, said == WEIR_ON_END_STOPPED);
	EITHER(STOP_RUNNING, said == WEIR_ON_END_RUNNING);
	world_close(&w);
}

/* It does not keep the scope: the join tells it to leave, whenever its other tasks are gone. */
WEIR_SIM_TEST_WITH(on_end_that_never_comes, .strategy = "dfs2")
{
	struct world w;
	struct actor a;
	weir_scope s;
	weir_on_end handles[2];
	world_open(&w, ctx);
	actor_open(&a, &w, ctx, 'a', 1);
	weir_mutex_init(&w.m, w.rt);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 2; i++)
		WEIR_SIM_EQ(weir_scope_on_end(&s, i ? ctx : weir_scope_ctx(&s), run_it, &w, &handles[i]), 0);
	spawn(&s, lock_and_leave, &a);
	join(ctx, &s);
	WEIR_SIM_EQ(w.ran, 0);
	for (int i = 0; i < 2; i++)
		WEIR_SIM_EQ(weir_on_end_stop(&handles[i]), WEIR_ON_END_STOPPED);
	world_close(&w);
}

/* A context that ends before the join runs it, also where that is the scope's own, and also if nobody had looked
 * yet. */
WEIR_SIM_TEST_WITH(on_end_before_the_join, .strategy = "dfs")
{
	struct world w;
	weir_scope s;
	weir_on_end handle;
	world_open(&w, ctx);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_on_end(&s, weir_scope_ctx(&s), run_it, &w, &handle), 0);
	weir_scope_cancel(&s, "now");
	join(ctx, &s);
	WEIR_SIM_EQ(w.ran, 1);
	WEIR_SIM_EQ(weir_on_end_stop(&handle), WEIR_ON_END_DONE);
}

static int sleep_long(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return weir_sleep(ctx, WEIR_MS(9));
}

static void spawn_another(void *arg)
{
	weir_scope *s = arg;
	spawn(s, sleep_long, NULL);
}

/* A deadline ends a context too; a function may start a task in the scope, which the join then waits for. */
WEIR_SIM_TEST_WITH(on_end_of_a_deadline, .strategy = "dfs2", .no_early = true)
{
	struct actor a;
	weir_scope s;
	weir_on_end handle;
	weir_ctx_init(&a.own, ctx, WEIR_MS(3));
	weir_scope_init(&s, ctx);
	spawn(&s, sleep_long, NULL);
	WEIR_SIM_EQ(weir_scope_on_end(&s, &a.own, spawn_another, &s, &handle), 0);
	join(ctx, &s);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(12));
	WEIR_SIM_EQ(weir_on_end_stop(&handle), WEIR_ON_END_DONE);
	weir_ctx_fini(&a.own);
}

/* Every allocation and every spawn fails in turn: it is started, or it is as if never asked. */
WEIR_SIM_TEST_WITH(on_end_without_memory, .strategy = "dfs1", .fault_sweep = true)
{
	struct world w;
	struct actor a;
	weir_scope s;
	weir_on_end handle;
	world_open(&w, ctx);
	actor_open(&a, &w, ctx, 'a', 0);
	weir_scope_init(&s, ctx);
	int rc = weir_scope_on_end(&s, &a.own, run_it, &w, &handle);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ENOMEM || rc == WEIR_EAGAIN);
	weir_ctx_cancel(&a.own, "now");
	join(ctx, &s);
	WEIR_SIM_EQ(w.ran, rc == 0);
	WEIR_SIM_EQ(weir_on_end_stop(&handle), rc == 0 ? WEIR_ON_END_DONE : WEIR_ON_END_STOPPED);
	world_close(&w);
}

WEIR_SIM_TEST_WITH(on_end_that_cannot_start, .allow_no_decisions = true)
{
	struct world w;
	weir_scope s;
	weir_on_end handle, zero = {0};
	world_open(&w, ctx);
	weir_scope_init(&s, ctx);
	memset(&handle, 0xff, sizeof(handle));
	WEIR_SIM_EQ(weir_scope_on_end(&s, ctx, NULL, &w, &handle), WEIR_EINVAL);
	WEIR_SIM_EQ(weir_on_end_stop(&handle), WEIR_ON_END_STOPPED);
	WEIR_SIM_EQ(weir_scope_on_end(&s, ctx, run_it, &w, NULL), WEIR_EINVAL);
	weir_scope_cancel(&s, "closed");
	memset(&handle, 0xff, sizeof(handle));
	WEIR_SIM_EQ(weir_scope_on_end(&s, ctx, run_it, &w, &handle), WEIR_ECANCELED);
	WEIR_SIM_EQ(memcmp(&handle, &zero, sizeof(handle)), 0);
	WEIR_SIM_EQ(weir_on_end_stop(&handle), WEIR_ON_END_STOPPED);
	join(ctx, &s);
	WEIR_SIM_EQ(w.ran, 0);
}

/* ---- both ways ---- */

int main(int argc, char **argv)
{
	int rc = weir_sim_main(argc, argv);
	if (rc != 0 || argc > 1 || getenv("WEIR_SIM_REPLAY") || getenv("WEIR_SIM_SCHEDULES") ||
	    getenv("WEIR_SIM_AT_MOST") || getenv("WEIR_SIM_STRATEGY"))
		return rc;
	for (int i = 0; i < RACES; i++) {
		if (seen[i][0] && seen[i][1])
			continue;
		fprintf(stderr, "race %d was only ever decided one way\n", i);
		rc = 1;
	}
	return rc;
}

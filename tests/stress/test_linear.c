/* SPDX-License-Identifier: MIT
 *
 * Histories of real threads, held against the sequential models afterwards: 8 tasks record what they call and what
 * comes back, with stamps of one atomic counter, and an order of the operations must explain it.
 *
 * `atomics`: all operations on three atomics, which are three parts of one history. `channel`: four senders and four
 * receivers, which wait and try, on each capacity; a rendezvous too, whose model knows who waits. `locks` and
 * `semaphore` alike. What is recorded is not looked at before all tasks are joined. A result that is changed by hand
 * must be found, or the check is blind. */
#include <weir/sim/history.h>

#include "stress.h"
#include "tests/models/hub.h"
#include "tests/models/sync.h"

enum { TASKS = 8, MAX_OPS = 1024 };

static _Atomic uint64_t clock_now;
static struct weir_sim_op log_of[TASKS][MAX_OPS], all[TASKS * MAX_OPS];

struct user {
	uint32_t me, n; /* n: recorded */
	uint64_t seed;
	weir_tx *tx;
	weir_rx *rx;
	uint32_t quota;
};

static struct user users[TASKS];
static unsigned n_refuted;

static void begin(struct user *u, uint32_t op, int64_t a, int64_t b, int64_t key)
{
	if (u->n == MAX_OPS)
		abort(); /* the numbers below are such that it does not happen */
	log_of[u->me][u->n] =
		(struct weir_sim_op){.op = op, .task = u->me, .returned = WEIR_SIM_NEVER, .in = {{a, b, 0, key}}};
	log_of[u->me][u->n].called = atomic_fetch_add(&clock_now, 1);
}

static void end(struct user *u, int64_t a, int64_t b, int64_t c)
{
	struct weir_sim_op *op = &log_of[u->me][u->n++];
	op->returned = atomic_fetch_add(&clock_now, 1);
	op->out = (struct weir_sim_args){{a, b, c, 0}};
}

static int run_all(weir_ctx *ctx, weir_err *err, weir_task_fn *fn)
{
	weir_scope s;
	weir_scope_init(&s, ctx);
	for (uint32_t i = 0; i < TASKS; i++)
		EXPECT(weir_scope_spawn(&s, "user", fn, &users[i]) == 0);
	return weir_scope_join(ctx, &s, 0, err);
}

static void reset(uint64_t round)
{
	for (uint32_t i = 0; i < TASKS; i++)
		users[i] = (struct user){.me = i, .seed = seed_of(round * TASKS + i)};
}

static size_t collect(void)
{
	size_t n = 0;
	for (uint32_t i = 0; i < TASKS; i++) {
		memcpy(all + n, log_of[i], users[i].n * sizeof(*all));
		n += users[i].n;
	}
	return n;
}

/* Is linearizable; and is not with one early result changed to one that no state gives. To refute takes every order
 * there is before the wrong result, where to confirm takes one: so not a late one. */
static void check(const struct weir_sim_model *m, bool (*has_result)(const struct weir_sim_op *op))
{
	char text[8192];
	struct weir_sim_check_opts opts = {.text = text, .text_cap = sizeof(text)};
	size_t n = collect(), wrong = n;
	int rc = weir_sim_history_check(m, all, n, &opts, NULL);
	EXPECT(rc == 0);
	if (rc == 1)
		(void)fputs(text, stderr);
	for (size_t i = 0; i < n; i++)
		if (has_result(&all[i]) && (wrong == n || all[i].returned < all[wrong].returned))
			wrong = i;
	if (wrong == n)
		return;
	all[wrong].out = (struct weir_sim_args){{777, 777, 777, 0}};
	EXPECT(weir_sim_history_check(m, all, n, NULL, NULL) == 1);
	n_refuted++;
}

/* ---- atomics ---- */

static weir_atomic atomics[3];

static int use_atomics(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct user *u = arg;
	(void)ctx, (void)err;
	for (int i = 0; i < 100; i++) {
		uint32_t key = pick(&u->seed, 3), what = pick(&u->seed, 5);
		uint64_t n = pick(&u->seed, 4), was = pick(&u->seed, 4);
		weir_atomic *a = &atomics[key];
		begin(u, SYNC_LOAD + what, what == 4 ? (int64_t)was : (int64_t)n, (int64_t)n, key);
		if (what == 0) {
			end(u, (int64_t)weir_atomic_load(a), 0, 0);
		} else if (what == 1) {
			weir_atomic_store(a, n);
			end(u, 0, 0, 0);
		} else if (what == 2) {
			end(u, (int64_t)weir_atomic_add(a, n), 0, 0);
		} else if (what == 3) {
			end(u, (int64_t)weir_atomic_exchange(a, n), 0, 0);
		} else {
			bool did = weir_atomic_cas(a, &was, n);
			end(u, did, (int64_t)was, 0);
		}
	}
	return 0;
}

static bool reads_value(const struct weir_sim_op *op)
{
	return op->op != SYNC_STORE;
}

static uint64_t key_of(const struct weir_sim_op *op, void *arg)
{
	(void)arg;
	return (uint64_t)op->in.v[3];
}

static int case_atomics(weir_ctx *ctx, weir_err *err, void *arg)
{
	const int64_t zero = 0;
	struct weir_sim_model m = sync_model("atomic", &zero);
	int rc = 0;
	(void)arg;
	m.key = key_of;
	for (uint64_t round = 1; round <= ROUNDS(100) && rc == 0; round++) {
		reset(round);
		for (int i = 0; i < 3; i++)
			weir_atomic_init(&atomics[i], rt, 0);
		rc = run_all(ctx, err, use_atomics);
		for (int i = 0; i < 3; i++)
			weir_atomic_fini(&atomics[i]);
		check(&m, reads_value);
	}
	return rc;
}

/* ---- channel ---- */

enum { ITEMS = 6 };

static int use_channel(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct user *u = arg;
	bool sends = u->tx;
	(void)err;
	for (uint32_t done = 0; done < ITEMS;) {
		int item = sends ? (int)(u->me * ITEMS + done + 1) : 0, rc;
		bool tries = pick(&u->seed, 3) == 0 && u->quota++ < 20;
		begin(u, HUB_WAIT, tries ? HUB_TRY : 0, sends ? hub_send(0, item) : hub_recv(0), 0);
		if (sends)
			rc = tries ? weir_tx_try_send(u->tx, &item) : weir_tx_send(ctx, u->tx, &item);
		else
			rc = tries ? weir_rx_try_recv(u->rx, &item) : weir_rx_recv(ctx, u->rx, &item);
		end(u, rc < 0 ? rc : 0, rc < 0 ? 0 : rc, rc == 1 ? item : 0);
		EXPECT(rc == !sends || (tries && rc == WEIR_EAGAIN));
		done += rc >= 0;
		dawdle(&u->seed);
	}
	return 0;
}

static bool any(const struct weir_sim_op *op)
{
	(void)op;
	return true;
}

static int case_channel(weir_ctx *ctx, weir_err *err, void *arg)
{
	static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};
	int rc = 0;
	(void)arg;
	for (uint64_t round = 1; round <= ROUNDS(300) && rc == 0; round++) {
		const struct hub_start from = {.capacity = {(uint8_t)(round % 4)},
					       .n_tx = {TASKS / 2},
					       .n_rx = {TASKS / 2}};
		struct weir_sim_model m = hub_model(&from);
		reset(round);
		EXPECT(weir_chan_new(rt, &num, round % 4, &users[0].tx, &users[1].rx) == 0);
		for (uint32_t i = 2; i < TASKS; i++)
			EXPECT((i % 2 ? weir_rx_clone(users[1].rx, 1, &users[i].rx)
				      : weir_tx_clone(users[0].tx, 1, &users[i].tx)) == 0);
		rc = run_all(ctx, err, use_channel);
		for (uint32_t i = 0; i < TASKS; i++) {
			weir_tx_close(&users[i].tx);
			weir_rx_close(&users[i].rx);
		}
		check(&m, any);
	}
	return rc;
}

/* ---- locks, semaphore ---- */

static weir_rwlock rwlock;
static weir_sem sem;

static int use_rwlock(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct user *u = arg;
	(void)err;
	for (int i = 0; i < 12; i++) {
		bool reads = pick(&u->seed, 2), tries = pick(&u->seed, 3) == 0;
		int rc = 0;
		begin(u, (uint32_t)(tries ? SYNC_TRY_READ : SYNC_READ_LOCK) + !reads, 0, 0, 0);
		if (tries)
			rc = (reads ? weir_rwlock_try_read_lock : weir_rwlock_try_write_lock)(&rwlock);
		else
			(reads ? weir_rwlock_read_lock : weir_rwlock_write_lock)(ctx, &rwlock);
		end(u, rc, 0, 0);
		if (rc < 0)
			continue;
		dawdle(&u->seed);
		begin(u, reads ? SYNC_READ_UNLOCK : SYNC_WRITE_UNLOCK, 0, 0, 0);
		(reads ? weir_rwlock_read_unlock : weir_rwlock_write_unlock)(&rwlock);
		end(u, 0, 0, 0);
	}
	return 0;
}

/* Whoever takes gives back at once, so everybody's turn comes. */
static int use_sem(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct user *u = arg;
	(void)err;
	for (int i = 0; i < 12; i++) {
		uint64_t n = 1 + pick(&u->seed, 3);
		bool tries = pick(&u->seed, 3) == 0;
		begin(u, tries ? SYNC_TRY_ACQUIRE : SYNC_ACQUIRE, 0, (int64_t)n, 0);
		int rc = tries ? weir_sem_try_acquire(&sem, n) : weir_sem_acquire(ctx, &sem, n);
		end(u, rc, 0, 0);
		if (rc < 0)
			continue;
		dawdle(&u->seed);
		begin(u, SYNC_RELEASE, 0, (int64_t)n, 0);
		weir_sem_release(&sem, n);
		end(u, 0, 0, 0);
	}
	return 0;
}

static bool takes(const struct weir_sim_op *op)
{
	return op->op != SYNC_READ_UNLOCK && op->op != SYNC_WRITE_UNLOCK && op->op != SYNC_RELEASE;
}

static int case_locks(weir_ctx *ctx, weir_err *err, void *arg)
{
	const int64_t none = 0, permits = 4;
	struct weir_sim_model locks = sync_model("read-write lock", &none), sems = sync_model("semaphore", &permits);
	int rc = 0;
	(void)arg;
	for (uint64_t round = 1; round <= ROUNDS(50) && rc == 0; round++) {
		reset(round);
		weir_rwlock_init(&rwlock, rt);
		rc = run_all(ctx, err, use_rwlock);
		weir_rwlock_fini(&rwlock);
		check(&locks, takes);
		if (rc < 0)
			break;
		reset(round);
		weir_sem_init(&sem, rt, 4);
		rc = run_all(ctx, err, use_sem);
		weir_sem_fini(&sem);
		check(&sems, takes);
	}
	EXPECT(n_refuted > 0); /* by all cases */
	return rc;
}

int main(void)
{
	stress_case("atomics", case_atomics, NULL);
	stress_case("channel", case_channel, NULL);
	stress_case("locks and semaphore", case_locks, NULL);
	return stress_end();
}

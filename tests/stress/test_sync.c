/* SPDX-License-Identifier: MIT
 *
 * The objects of core/sync.h and on_end under load, on real threads. What they guard is plain memory, so
 * ThreadSanitizer sees every order they fail to make; objects on the stack are finished and overwritten the moment a
 * wait lets their owner go on, so that ASan and TSan see a late touch. Each test asserts what must hold whoever wins:
 * nothing lost, nothing twice, never more inside than allowed. Cancels come from a task that does nothing else, so they
 * meet every state of the waits they end. Nothing waits for time. */
#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <weir/core.h>
#include <weir/rt/threads.h>

enum { TASKS = 6, ROUNDS = 3000, SHORT_ROUNDS = 400, POISON = 0xa5 };

static weir_rt *rt;
static weir_ctx root;

static void world_open(void)
{
	ck_assert_int_eq(weir_rt_threads_new(NULL, &rt), 0);
	weir_ctx_init_root(&root, rt);
}

static void world_close(void)
{
	weir_ctx_fini(&root);
	weir_rt_free(&rt);
}

/* n tasks fn(&args[i]) of size bytes each, to their end. */
static void run_all(weir_task_fn *fn, void *args, size_t size, int n)
{
	weir_scope s;
	weir_scope_init(&s, &root);
	for (int i = 0; i < n; i++)
		ck_assert_int_eq(weir_scope_spawn(&s, "load", fn, (char *)args + (size_t)i * size), 0);
	ck_assert_int_eq(weir_scope_join(&root, &s, 0, NULL), 0);
}

/* A failed check in a task: the test's own thread asserts that its scope returned 0. */
static int check(bool holds)
{
	return holds ? 0 : WEIR_EUSER;
}

/* ---- locks ---- */

static struct {
	weir_mutex m;
	weir_rwlock rw;
	uint64_t count, x, y; /* plain */
} guarded;

static int count_locked(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		if (i % 8 != 0 || weir_mutex_try_lock(&guarded.m) != 0)
			weir_mutex_lock(ctx, &guarded.m);
		guarded.count++;
		weir_mutex_unlock(&guarded.m);
	}
	return 0;
}

START_TEST(a_mutex_makes_order)
{
	char args[TASKS];
	guarded.count = 0;
	weir_mutex_init(&guarded.m, rt);
	run_all(count_locked, args, 1, TASKS);
	weir_mutex_fini(&guarded.m);
	ck_assert_uint_eq(guarded.count, TASKS * ROUNDS);
}
END_TEST

/* Every third task writes. */
static int read_or_write(weir_ctx *ctx, weir_err *err, void *arg)
{
	int rc = 0;
	(void)err;
	for (int i = 0; i < ROUNDS && rc == 0; i++) {
		if (*(int *)arg % 3 == 0) {
			weir_rwlock_write_lock(ctx, &guarded.rw);
			guarded.x++;
			guarded.y++;
			weir_rwlock_write_unlock(&guarded.rw);
		} else {
			if (i % 8 != 0 || weir_rwlock_try_read_lock(&guarded.rw) != 0)
				weir_rwlock_read_lock(ctx, &guarded.rw);
			rc = check(guarded.x == guarded.y);
			weir_rwlock_read_unlock(&guarded.rw);
		}
	}
	return rc;
}

START_TEST(an_rwlock_makes_order)
{
	int args[TASKS] = {0, 1, 2, 3, 4, 5};
	guarded.x = guarded.y = 0;
	weir_rwlock_init(&guarded.rw, rt);
	run_all(read_or_write, args, sizeof(args[0]), TASKS);
	weir_rwlock_fini(&guarded.rw);
	ck_assert_uint_eq(guarded.x, 2 * ROUNDS);
}
END_TEST

/* ---- waits that are cancelled all the time ---- */

/* The context that waits are made under: whoever is cancelled puts a new one in place; the canceller ends the one it
 * finds. The lock keeps it from a node that is being replaced. */
struct target {
	weir_mutex m;
	weir_ctx *ctx;
};

enum { WAITERS = 4, SHARE = ROUNDS / WAITERS };

static struct {
	struct target targets[WAITERS];
	weir_mutex m;
	weir_cond not_empty, not_full, never;
	int buffered; /* plain, under m; at most 2 */
	uint64_t taken[WAITERS], cancelled[WAITERS];
	weir_sem s;
	_Atomic int inside;
	_Atomic bool over;
} load;

static void target_set(struct target *t, weir_ctx *ctx, weir_ctx *now)
{
	weir_mutex_lock(ctx, &t->m);
	t->ctx = now;
	weir_mutex_unlock(&t->m);
}

static int cancel_all_the_time(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	for (unsigned i = 0; !atomic_load(&load.over); i++) {
		struct target *t = &load.targets[i % WAITERS];
		weir_mutex_lock(ctx, &t->m);
		if (t->ctx)
			weir_ctx_cancel(t->ctx, "stress");
		weir_mutex_unlock(&t->m);
		weir_rt_yield(rt);
	}
	return 0;
}

/* Takes its SHARE of items out of the buffer, under contexts that are cancelled; each cancelled wait is repeated, and
 * one at least there is: with its share it waits for nothing but that. */
static int consume(weir_ctx *ctx, weir_err *err, void *arg)
{
	size_t me = (size_t)((struct target *)arg - load.targets);
	int rc = 0;
	(void)err;
	while (rc == 0 && (load.taken[me] < SHARE || load.cancelled[me] == 0)) {
		bool more = load.taken[me] < SHARE;
		weir_ctx own;
		weir_ctx_init(&own, ctx, WEIR_FOREVER);
		target_set(arg, ctx, &own);
		weir_mutex_lock(ctx, &load.m);
		int waited = 0;
		while ((load.buffered == 0 || !more) && waited == 0)
			waited = weir_cond_wait(&own, more ? &load.not_empty : &load.never, &load.m);
		if (more && load.buffered > 0) { /* also where the wait was cancelled: it may have come meanwhile */
			load.buffered--;
			load.taken[me]++;
			weir_cond_signal(&load.not_full);
		}
		weir_mutex_unlock(&load.m);
		load.cancelled[me] += waited == WEIR_ECANCELED;
		rc = check(waited == 0 || waited == WEIR_ECANCELED);
		target_set(arg, ctx, NULL);
		weir_ctx_fini(&own);
	}
	return rc;
}

static int produce(weir_ctx *ctx, weir_err *err, void *arg)
{
	int rc = 0;
	(void)err, (void)arg;
	for (int i = 0; i < SHARE * WAITERS && rc == 0; i++) {
		weir_mutex_lock(ctx, &load.m);
		while (load.buffered == 2 && rc == 0)
			rc = weir_cond_wait(ctx, &load.not_full, &load.m);
		load.buffered++;
		weir_mutex_unlock(&load.m);
		weir_cond_signal(&load.not_empty);
	}
	return rc;
}

static void run_cancelled(weir_task_fn *waiter, weir_task_fn *other)
{
	weir_scope s, cancellers;
	atomic_store(&load.over, false);
	weir_scope_init(&cancellers, &root);
	weir_scope_init(&s, &root);
	for (int i = 0; i < WAITERS; i++) {
		load.targets[i].ctx = NULL;
		load.taken[i] = load.cancelled[i] = 0;
		weir_mutex_init(&load.targets[i].m, rt);
	}
	ck_assert_int_eq(weir_scope_spawn(&cancellers, "canceller", cancel_all_the_time, NULL), 0);
	for (int i = 0; i < WAITERS; i++)
		ck_assert_int_eq(weir_scope_spawn(&s, "waiter", waiter, &load.targets[i]), 0);
	if (other)
		ck_assert_int_eq(weir_scope_spawn(&s, "other", other, NULL), 0);
	ck_assert_int_eq(weir_scope_join(&root, &s, 0, NULL), 0);
	atomic_store(&load.over, true);
	ck_assert_int_eq(weir_scope_join(&root, &cancellers, 0, NULL), 0);
	for (int i = 0; i < WAITERS; i++)
		weir_mutex_fini(&load.targets[i].m);
}

/* A signal that a cancelled waiter kept would leave an item and a consumer apart for ever. */
START_TEST(no_signal_is_lost)
{
	load.buffered = 0;
	weir_mutex_init(&load.m, rt);
	weir_cond_init(&load.not_empty, rt);
	weir_cond_init(&load.not_full, rt);
	weir_cond_init(&load.never, rt);
	run_cancelled(consume, produce);
	ck_assert_int_eq(load.buffered, 0);
	weir_cond_fini(&load.never);
	weir_cond_fini(&load.not_full);
	weir_cond_fini(&load.not_empty);
	weir_mutex_fini(&load.m);
}
END_TEST

enum { PERMITS = 3 };

/* 1, 2, 3 and 1 permits of 3. */
static int acquire_and_release(weir_ctx *ctx, weir_err *err, void *arg)
{
	size_t me = (size_t)((struct target *)arg - load.targets);
	int n = (int)me % PERMITS + 1, rc = 0;
	(void)err;
	while (rc == 0 && (load.taken[me] < SHARE || load.cancelled[me] == 0)) {
		weir_ctx own;
		weir_ctx_init(&own, ctx, WEIR_FOREVER);
		target_set(arg, ctx, &own);
		int got = weir_sem_acquire(&own, &load.s, (uint64_t)n);
		if (got == 0) {
			rc = check(atomic_fetch_add(&load.inside, n) + n <= PERMITS);
			weir_rt_yield(rt);
			atomic_fetch_sub(&load.inside, n);
			weir_sem_release(&load.s, (uint64_t)n);
			load.taken[me]++;
		} else {
			rc = check(got == WEIR_ECANCELED);
			load.cancelled[me]++;
		}
		target_set(arg, ctx, NULL);
		weir_ctx_fini(&own);
	}
	return rc;
}

START_TEST(no_permit_is_lost)
{
	atomic_store(&load.inside, 0);
	weir_sem_init_bounded(&load.s, rt, PERMITS, PERMITS);
	run_cancelled(acquire_and_release, NULL);
	ck_assert_int_eq(weir_sem_try_acquire(&load.s, PERMITS), 0);
	weir_sem_fini(&load.s);
}
END_TEST

/* ---- objects that go at once ---- */

enum { HANDS = 3 };

struct round {
	weir_wg g;
	weir_once o;
	weir_mutex m;
	int results[HANDS]; /* plain: the wait orders them */
	int refs, set;      /* plain, under m; by the once */
};

static struct {
	weir_sem start[HANDS];
	struct round *now;
} team;

static int set_up(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	((struct round *)arg)->set++;
	return WEIR_EUSER - 5;
}

/* One hand of a round after the other. What it does last in a round is done: then the round may be gone. */
static int lend_a_hand(weir_ctx *ctx, weir_err *err, void *arg)
{
	size_t me = (size_t)((weir_sem *)arg - team.start);
	int rc = 0;
	(void)err;
	for (int i = 0; i < SHORT_ROUNDS && rc == 0; i++) {
		rc = weir_sem_acquire(ctx, arg, 1);
		if (rc < 0)
			return rc;
		struct round *r = team.now;
		rc = check(weir_once_do(ctx, &r->o, set_up, r, NULL) == WEIR_EUSER - 5 && r->set == 1);
		r->results[me] = i;
		weir_mutex_lock(ctx, &r->m);
		r->refs--;
		weir_mutex_unlock(&r->m);
		weir_wg_done(&r->g);
	}
	return rc;
}

static void play_round(int i)
{
	struct round r;
	memset(&r, 0, sizeof(r));
	weir_wg_init(&r.g, rt);
	weir_once_init(&r.o, rt);
	weir_mutex_init(&r.m, rt);
	r.refs = HANDS;
	weir_wg_add(&r.g, HANDS);
	team.now = &r;
	for (int h = 0; h < HANDS; h++)
		weir_sem_release(&team.start[h], 1);
	ck_assert_int_eq(weir_wg_wait(&root, &r.g), 0);
	weir_wg_fini(&r.g);
	memset(&r.g, POISON, sizeof(r.g));
	weir_mutex_lock(&root, &r.m);
	ck_assert_int_eq(r.refs, 0);
	weir_mutex_unlock(&r.m);
	weir_mutex_fini(&r.m);
	weir_once_fini(&r.o);
	for (int h = 0; h < HANDS; h++)
		ck_assert_int_eq(r.results[h], i);
	memset(&r, POISON, sizeof(r));
}

START_TEST(objects_may_go_at_once)
{
	weir_scope s;
	weir_scope_init(&s, &root);
	for (int h = 0; h < HANDS; h++) {
		weir_sem_init(&team.start[h], rt, 0);
		ck_assert_int_eq(weir_scope_spawn(&s, "hand", lend_a_hand, &team.start[h]), 0);
	}
	for (int i = 0; i < SHORT_ROUNDS; i++)
		play_round(i);
	ck_assert_int_eq(weir_scope_join(&root, &s, 0, NULL), 0);
	for (int h = 0; h < HANDS; h++)
		weir_sem_fini(&team.start[h]);
}
END_TEST

/* ---- on_end ---- */

static void mark(void *arg)
{
	++*(int *)arg; /* plain: the join orders it */
}

static int cancel_it(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	weir_ctx_cancel(arg, "stress");
	return 0;
}

START_TEST(stopped_or_run)
{
	int counts[3] = {0};
	for (int i = 0; i < SHORT_ROUNDS; i++) {
		weir_scope s;
		weir_ctx watched;
		weir_on_end handle;
		int ran = 0;
		weir_ctx_init(&watched, &root, WEIR_FOREVER);
		weir_scope_init(&s, &root);
		ck_assert_int_eq(weir_scope_on_end(&s, &watched, mark, &ran, &handle), 0);
		ck_assert_int_eq(weir_scope_spawn(&s, "canceller", cancel_it, &watched), 0);
		for (int k = i % 64; k > 0; k--)
			weir_rt_yield(rt);
		enum weir_on_end_state said = i % 4 == 3 ? WEIR_ON_END_DONE : weir_on_end_stop(&handle);
		ck_assert_int_eq(weir_scope_join(&root, &s, 0, NULL), 0);
		ck_assert_int_eq(ran, said != WEIR_ON_END_STOPPED);
		ck_assert_int_eq(weir_on_end_stop(&handle), ran ? WEIR_ON_END_DONE : WEIR_ON_END_STOPPED);
		counts[said]++;
		memset(&handle, POISON, sizeof(handle));
		weir_ctx_fini(&watched);
	}
	ck_assert_int_ge(counts[WEIR_ON_END_DONE], SHORT_ROUNDS / 4);
}
END_TEST

/* ---- atomics ---- */

static weir_atomic flags[2];
static weir_sem both[2], seen_both;
static uint64_t saw[2];

static int store_and_load(weir_ctx *ctx, weir_err *err, void *arg)
{
	size_t me = (size_t)((weir_sem *)arg - both);
	int rc = 0;
	(void)err;
	for (int i = 0; i < ROUNDS && rc == 0; i++) {
		rc = weir_sem_acquire(ctx, arg, 1);
		weir_atomic_store(&flags[me], 1);
		saw[me] = weir_atomic_load(&flags[1 - me]);
		weir_sem_release(&seen_both, 1);
	}
	return rc;
}

/* Of two that store their own and then load the other's, one at least sees the store. */
START_TEST(atomics_are_sequentially_consistent)
{
	weir_scope s;
	weir_sem_init(&seen_both, rt, 0);
	weir_scope_init(&s, &root);
	for (int i = 0; i < 2; i++) {
		weir_atomic_init(&flags[i], rt, 0);
		weir_sem_init(&both[i], rt, 0);
		ck_assert_int_eq(weir_scope_spawn(&s, "side", store_and_load, &both[i]), 0);
	}
	for (int i = 0; i < ROUNDS; i++) {
		weir_atomic_store(&flags[0], 0);
		weir_atomic_store(&flags[1], 0);
		weir_sem_release(&both[i % 2], 1);
		weir_sem_release(&both[1 - i % 2], 1);
		ck_assert_int_eq(weir_sem_acquire(&root, &seen_both, 2), 0);
		ck_assert_uint_ge(saw[0] + saw[1], 1);
	}
	ck_assert_int_eq(weir_scope_join(&root, &s, 0, NULL), 0);
	for (int i = 0; i < 2; i++) {
		weir_sem_fini(&both[i]);
		weir_atomic_fini(&flags[i]);
	}
	weir_sem_fini(&seen_both);
}
END_TEST

static weir_atomic sum;

static int add_all(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t value = weir_atomic_load(&sum);
		if (*(int *)arg % 2)
			weir_atomic_add(&sum, 1);
		else
			while (!weir_atomic_cas(&sum, &value, value + 1))
				;
	}
	return 0;
}

START_TEST(atomics_lose_nothing)
{
	int args[TASKS] = {0, 1, 2, 3, 4, 5};
	weir_atomic_init(&sum, rt, 0);
	run_all(add_all, args, sizeof(args[0]), TASKS);
	ck_assert_uint_eq(weir_atomic_load(&sum), TASKS * ROUNDS);
	weir_atomic_fini(&sum);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sync under load");
	TCase *tcase = tcase_create("load");
	tcase_add_checked_fixture(tcase, world_open, world_close);
	tcase_set_timeout(tcase, 0); /* whoever runs it has a limit */
	tcase_add_test(tcase, a_mutex_makes_order);
	tcase_add_test(tcase, an_rwlock_makes_order);
	tcase_add_test(tcase, no_signal_is_lost);
	tcase_add_test(tcase, no_permit_is_lost);
	tcase_add_test(tcase, objects_may_go_at_once);
	tcase_add_test(tcase, stopped_or_run);
	tcase_add_test(tcase, atomics_are_sequentially_consistent);
	tcase_add_test(tcase, atomics_lose_nothing);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

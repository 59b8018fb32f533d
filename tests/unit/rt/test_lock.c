/* SPDX-License-Identifier: MIT
 *
 * The internal lock and the word to sleep on: mutual exclusion on real threads, order of ranks, count of locks held,
 * deadlines. */
#include "../../../src/rt/lock.h"

#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "../../../src/rt/futex.h"

#define THREADS 4
#define ROUNDS 20000

static struct weir__lock lock;
static int counter; /* plain: only the lock orders it */

static void *add_many(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		uint32_t before = weir__lock(&lock, WEIR__RANK_CHAN);
		counter++;
		weir__unlock(&lock, before);
	}
	return NULL;
}

START_TEST(excludes)
{
	pthread_t thread[THREADS];

	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, add_many, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
	ck_assert_int_eq(counter, THREADS * ROUNDS);
	ck_assert_uint_eq(weir__load32(&lock.word), 0);
}
END_TEST

static weir__a32 inside; /* 1: a thread wants the lock that the main thread holds */

static void *want_lock(void *arg)
{
	(void)arg;
	weir__store32(&inside, 1);
	uint32_t before = weir__lock(&lock, WEIR__RANK_SCOPE);
	weir__unlock(&lock, before);
	return NULL;
}

/* The holder keeps it until the word says that somebody sleeps, so this goes through both slow paths, always. */
START_TEST(sleeper_is_woken)
{
	pthread_t thread;
	uint32_t before = weir__lock(&lock, WEIR__RANK_SCOPE);

	ck_assert_int_eq(pthread_create(&thread, NULL, want_lock, NULL), 0);
	while (weir__load32(&inside) == 0 || weir__load32(&lock.word) != 2)
		weir__spin_pause();
	weir__unlock(&lock, before);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_uint_eq(weir__load32(&lock.word), 0);
}
END_TEST

START_TEST(counts_what_is_held)
{
	struct weir__lock scope = {0}, chan[2] = {{0}}, tree = {0};

	ck_assert_uint_eq(weir__locks_held(), 0);
	uint32_t none = weir__lock(&scope, WEIR__RANK_SCOPE);
	ck_assert_uint_eq(none, WEIR__RANK_NONE);
	uint32_t one = weir__lock(&chan[0], WEIR__RANK_CHAN);
	uint32_t two = weir__lock(&chan[1], WEIR__RANK_CHAN); /* the same rank again is allowed */
	uint32_t three = weir__lock(&tree, WEIR__RANK_TREE);
	ck_assert_uint_eq(one, WEIR__RANK_SCOPE);
	ck_assert_uint_eq(two, WEIR__RANK_CHAN);
	ck_assert_uint_eq(three, WEIR__RANK_CHAN);
	ck_assert_uint_eq(weir__locks_held(), 4);
	weir__unlock(&tree, three);
	weir__unlock(&chan[1], two);
	ck_assert_uint_eq(weir__locks_held(), 2);
	weir__unlock(&chan[0], one);
	weir__unlock(&scope, none);
	ck_assert_uint_eq(weir__locks_held(), 0);
	ck_assert_uint_eq(weir__lock(&scope, WEIR__RANK_REGISTRY), WEIR__RANK_NONE); /* and the rank is back at none */
	weir__unlock(&scope, WEIR__RANK_NONE);
}
END_TEST

static void *read_held(void *arg)
{
	*(uint32_t *)arg = weir__locks_held();
	return NULL;
}

START_TEST(counts_per_thread)
{
	uint32_t others = 99, before = weir__lock(&lock, WEIR__RANK_CHAN);
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, read_held, &others), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	weir__unlock(&lock, before);
	ck_assert_uint_eq(others, 0);
}
END_TEST

START_TEST(wrong_order_aborts)
{
	struct weir__lock tree = {0}, chan = {0};

	(void)weir__lock(&tree, WEIR__RANK_TREE);
	(void)weir__lock(&chan, WEIR__RANK_CHAN);
}
END_TEST

static int64_t now(void)
{
	struct timespec ts;

	ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &ts), 0);
	return (int64_t)ts.tv_sec * WEIR_SEC(1) + ts.tv_nsec;
}

START_TEST(futex_deadlines)
{
	static weir__a32 word;
	const int64_t past[] = {INT64_MIN, -1, 0, 1, now()};
	int64_t at = now() + WEIR_MS(1);

	for (size_t i = 0; i < sizeof(past) / sizeof(past[0]); i++)
		ck_assert(!weir__futex_wait(&word, 0, past[i]));
	while (weir__futex_wait(&word, 0, at)) /* may come back for no reason */
		;
	ck_assert_int_ge(now(), at);
	/* Another value: returns at once, whatever the deadline, and that is not a deadline passed. */
	ck_assert(weir__futex_wait(&word, 1, INT64_MAX));
	ck_assert(weir__futex_wait(&word, 1, INT64_MAX - 1));
}
END_TEST

static weir__a32 gate, asleep;

static void *wait_at_gate(void *arg)
{
	(void)arg;
	(void)weir__fetch_add32(&asleep, 1);
	while (weir__load32(&gate) == 0)
		(void)weir__futex_wait(&gate, 0, INT64_MAX);
	return NULL;
}

START_TEST(futex_wakes_all)
{
	pthread_t thread[THREADS];

	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, wait_at_gate, NULL), 0);
	while (weir__load32(&asleep) < THREADS)
		weir__spin_pause();
	weir__store32(&gate, 1);
	weir__futex_wake(&gate, INT32_MAX);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
}
END_TEST

/* The address is a key only: memory that nobody may read is as good as any. */
START_TEST(futex_wake_does_not_read)
{
	weir__futex_wake((weir__a32 *)(uintptr_t)4096, 1);
	weir__futex_wake((weir__a32 *)(uintptr_t)4096, INT32_MAX);
}
END_TEST

static Suite *lock_suite(void)
{
	Suite *suite = suite_create("rt/lock");
	TCase *tc = tcase_create("lock");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, excludes);
	tcase_add_test(tc, sleeper_is_woken);
	tcase_add_test(tc, counts_what_is_held);
	tcase_add_test(tc, counts_per_thread);
	tcase_add_test_raise_signal(tc, wrong_order_aborts, SIGABRT);
	suite_add_tcase(suite, tc);
	tc = tcase_create("futex");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, futex_deadlines);
	tcase_add_test(tc, futex_wakes_all);
	tcase_add_test(tc, futex_wake_does_not_read);
	suite_add_tcase(suite, tc);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(lock_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

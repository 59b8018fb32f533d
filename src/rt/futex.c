/* SPDX-License-Identifier: MIT
 *
 * Sleep on a word. Two implementations, chosen when the library is built, with the same promises (futex.h):
 *
 *   default           the Linux futex: the kernel keeps the sleepers, one system call each way
 *   -DWEIR_NO_FUTEX   a static table of mutex and condition variable pairs, hashed by the address of the word: for
 *                     systems, sandboxes and race detectors that do not know the futex
 *
 * F1  No lost wake-up. Whoever wakes has changed the word before. A sleeper looks at the word after it can be found:
 *     the kernel does both under the lock of its hash bucket, the table under the mutex of its pair. So either the
 *     sleeper sees the new value, or the waker comes later and finds the sleeper.
 * F2  A waker never reads the word: the address is only a key. The memory may be freed, or be something else, by the
 *     time the wake runs; then it finds nobody, or wakes a stranger, who looks again. All sleepers here accept being
 *     woken for no reason.
 * F3  Deadlines are absolute on CLOCK_MONOTONIC in both, the clock that rt/threads tells the time from. A sleeper
 *     that reports a passed deadline therefore never finds itself before it. Zero and less are in the past without
 *     asking the kernel (it refuses a negative time with EINVAL, which would look like a wake-up and make a caller's
 *     loop spin); INT64_MAX is no deadline at all.
 *
 * LOCKS: the mutexes of the table are leaves. Nothing is called with one held but the condition variable and a load
 * of the word, so they take no part in the ranks of lock.h. RUNS AT THE SAME TIME: everything here with everything
 * else. */
#include "futex.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <time.h>

#define NS_PER_SEC INT64_C(1000000000)

static struct timespec timespec_of(int64_t at)
{
	assert(at > 0); /* F3 */
	return (struct timespec){.tv_sec = (time_t)(at / NS_PER_SEC), .tv_nsec = (long)(at % NS_PER_SEC)};
}

#ifndef WEIR_NO_FUTEX

#if __has_include(<linux/futex.h>)
#include <linux/futex.h>
#else /* a C library without the kernel's headers; the numbers are the kernel's ABI */
#define FUTEX_WAKE 1
#define FUTEX_WAIT_BITSET 9
#define FUTEX_PRIVATE_FLAG 128
#define FUTEX_BITSET_MATCH_ANY 0xffffffff
#endif
#include <sys/syscall.h>
#include <unistd.h>

bool weir__futex_wait(weir__a32 *word, uint32_t value, int64_t deadline_at)
{
	struct timespec limit;
	long rc;

	if (deadline_at <= 0)
		return false; /* F3 */
	if (deadline_at != INT64_MAX)
		limit = timespec_of(deadline_at);
	/* The bitset form, because only it takes an absolute time. */
	rc = syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, value,
		     deadline_at != INT64_MAX ? &limit : NULL, NULL, FUTEX_BITSET_MATCH_ANY);
	assert(rc == 0 || errno == EAGAIN || errno == EINTR || errno == ETIMEDOUT);
	return rc == 0 || errno != ETIMEDOUT;
}

void weir__futex_wake(weir__a32 *word, int n)
{
	assert(n > 0);
	(void)syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, n, NULL, NULL, 0);
}

#else

#include <pthread.h>

#define BUCKETS 64u /* a power of two */

static struct bucket {
	_Alignas(64) pthread_mutex_t mutex;
	pthread_cond_t cond;
} table[BUCKETS];

static pthread_once_t table_once = PTHREAD_ONCE_INIT;

/* A static initialiser would leave the conditions on CLOCK_REALTIME (F3). None of these calls can fail on Linux. */
static void table_init(void)
{
	pthread_condattr_t attr;

	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	for (size_t i = 0; i < BUCKETS; i++) {
		(void)pthread_mutex_init(&table[i].mutex, NULL);
		(void)pthread_cond_init(&table[i].cond, &attr);
	}
	(void)pthread_condattr_destroy(&attr);
}

static struct bucket *bucket_of(const weir__a32 *word)
{
	/* The middle bits of the product depend on all bits of the address below them. */
	uint64_t mixed = (uint64_t)(uintptr_t)word * UINT64_C(0x9e3779b97f4a7c15);

	(void)pthread_once(&table_once, table_init);
	return &table[(mixed >> 32) & (BUCKETS - 1)];
}

bool weir__futex_wait(weir__a32 *word, uint32_t value, int64_t deadline_at)
{
	struct bucket *b;
	int rc = 0;

	if (deadline_at <= 0)
		return false; /* F3 */
	b = bucket_of(word);
	(void)pthread_mutex_lock(&b->mutex);
	if (weir__load32(word) == value) { /* F1 */
		if (deadline_at == INT64_MAX) {
			rc = pthread_cond_wait(&b->cond, &b->mutex);
		} else {
			struct timespec limit = timespec_of(deadline_at);
			rc = pthread_cond_timedwait(&b->cond, &b->mutex, &limit);
		}
	}
	(void)pthread_mutex_unlock(&b->mutex);
	assert(rc == 0 || rc == ETIMEDOUT);
	return rc != ETIMEDOUT;
}

void weir__futex_wake(weir__a32 *word, int n)
{
	struct bucket *b = bucket_of(word);

	assert(n > 0);
	(void)n; /* a pair serves many words: n of its sleepers could all be strangers */
	(void)pthread_mutex_lock(&b->mutex);
	(void)pthread_cond_broadcast(&b->cond);
	(void)pthread_mutex_unlock(&b->mutex);
}

#endif

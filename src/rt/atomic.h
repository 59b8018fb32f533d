/* SPDX-License-Identifier: MIT
 *
 * The only place where weir touches C11 atomics. Every other file goes through these names, so that the meaning of
 * each ordering is written once and the annotations a race detector needs have one home.
 *
 *   load_acquire / store_release   publish and read what was published
 *   add_relaxed                    ids and counts that order nothing
 *   fetch_add / fetch_sub          reference counts and pins: acquire-release
 *   cas                            claim: acquire-release on success, acquire on failure
 *   exchange                       hand over a token: acquire-release
 *   seq_*                          the visible atomic of core/sync.h: sequentially consistent */
#ifndef WEIR_SRC_RT_ATOMIC_H
#define WEIR_SRC_RT_ATOMIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "explore.h"

typedef _Atomic(uint32_t) weir__a32;
typedef _Atomic(uint64_t) weir__a64;

/* Helgrind knows mutexes, not C11 orders: a flag handed over by release and acquire looks like two races to it, one
 * for the flag and one for what the flag publishes. With -DWEIR_HELGRIND every release is told to it before, every
 * acquire after it happens, and it does not look at the words themselves. TSan needs none of this. */
#ifdef WEIR_HELGRIND
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#include <valgrind/helgrind.h>

static inline void weir__about_to_release(const volatile void *a, size_t bytes)
{
	VALGRIND_HG_DISABLE_CHECKING(a, bytes);
	ANNOTATE_HAPPENS_BEFORE(a);
}

static inline void weir__about_to_acquire(const volatile void *a, size_t bytes)
{
	VALGRIND_HG_DISABLE_CHECKING(a, bytes);
}

static inline void weir__about_to_count(const volatile void *a, size_t bytes)
{
	VALGRIND_HG_DISABLE_CHECKING(a, bytes);
}

static inline void weir__acquired(const volatile void *a)
{
	ANNOTATE_HAPPENS_AFTER(a);
}
#pragma GCC diagnostic pop
#else
static inline void weir__about_to_release(const volatile void *a, size_t bytes)
{
	(void)bytes;
	(void)weir__explore(WEIR__EXPLORED_WRITE, a);
}

static inline void weir__about_to_acquire(const volatile void *a, size_t bytes)
{
	(void)bytes;
	(void)weir__explore(WEIR__EXPLORED_READ, a);
}

static inline void weir__about_to_count(const volatile void *a, size_t bytes)
{
	(void)bytes;
	(void)weir__explore(WEIR__EXPLORED_WRITE, a);
}

static inline void weir__acquired(const volatile void *a)
{
	(void)a;
}
#endif

static inline uint32_t weir__load32(const weir__a32 *a)
{
	weir__about_to_acquire(a, sizeof(*a));
	uint32_t v = atomic_load_explicit(a, memory_order_acquire);
	weir__acquired(a);
	return v;
}

static inline void weir__store32(weir__a32 *a, uint32_t v)
{
	weir__about_to_release(a, sizeof(*a));
	atomic_store_explicit(a, v, memory_order_release);
}

static inline bool weir__cas32(weir__a32 *a, uint32_t *expected, uint32_t desired)
{
	weir__about_to_release(a, sizeof(*a));
	bool won = atomic_compare_exchange_strong_explicit(a, expected, desired, memory_order_acq_rel,
							   memory_order_acquire);
	weir__acquired(a);
	return won;
}

static inline uint32_t weir__exchange32(weir__a32 *a, uint32_t v)
{
	weir__about_to_release(a, sizeof(*a));
	uint32_t before = atomic_exchange_explicit(a, v, memory_order_acq_rel);
	weir__acquired(a);
	return before;
}

static inline uint32_t weir__fetch_add32(weir__a32 *a, uint32_t n)
{
	weir__about_to_release(a, sizeof(*a));
	uint32_t v = atomic_fetch_add_explicit(a, n, memory_order_acq_rel);
	weir__acquired(a);
	return v;
}

static inline uint32_t weir__fetch_sub32(weir__a32 *a, uint32_t n)
{
	weir__about_to_release(a, sizeof(*a));
	uint32_t v = atomic_fetch_sub_explicit(a, n, memory_order_acq_rel);
	weir__acquired(a);
	return v;
}

static inline uint64_t weir__load64(const weir__a64 *a)
{
	weir__about_to_acquire(a, sizeof(*a));
	uint64_t v = atomic_load_explicit(a, memory_order_acquire);
	weir__acquired(a);
	return v;
}

/* The writer's own look at a counter only it writes. */
static inline uint64_t weir__load64_own(const weir__a64 *a)
{
	weir__about_to_acquire(a, sizeof(*a));
	return atomic_load_explicit(a, memory_order_relaxed);
}

static inline void weir__store64(weir__a64 *a, uint64_t v)
{
	weir__about_to_release(a, sizeof(*a));
	atomic_store_explicit(a, v, memory_order_release);
}

static inline bool weir__cas64(weir__a64 *a, uint64_t *expected, uint64_t desired)
{
	weir__about_to_release(a, sizeof(*a));
	bool won = atomic_compare_exchange_strong_explicit(a, expected, desired, memory_order_acq_rel,
							   memory_order_acquire);
	weir__acquired(a);
	return won;
}

static inline uint64_t weir__exchange64(weir__a64 *a, uint64_t v)
{
	weir__about_to_release(a, sizeof(*a));
	uint64_t before = atomic_exchange_explicit(a, v, memory_order_acq_rel);
	weir__acquired(a);
	return before;
}

static inline uint64_t weir__add64_relaxed(weir__a64 *a, uint64_t n)
{
	weir__about_to_count(a, sizeof(*a));
	return atomic_fetch_add_explicit(a, n, memory_order_relaxed);
}

static inline uint64_t weir__seq_load64(const weir__a64 *a)
{
	weir__about_to_acquire(a, sizeof(*a));
	uint64_t v = atomic_load_explicit(a, memory_order_seq_cst);
	weir__acquired(a);
	return v;
}

static inline void weir__seq_store64(weir__a64 *a, uint64_t v)
{
	weir__about_to_release(a, sizeof(*a));
	atomic_store_explicit(a, v, memory_order_seq_cst);
}

static inline uint64_t weir__seq_add64(weir__a64 *a, uint64_t n)
{
	weir__about_to_release(a, sizeof(*a));
	uint64_t v = atomic_fetch_add_explicit(a, n, memory_order_seq_cst);
	weir__acquired(a);
	return v;
}

static inline uint64_t weir__seq_exchange64(weir__a64 *a, uint64_t v)
{
	weir__about_to_release(a, sizeof(*a));
	uint64_t before = atomic_exchange_explicit(a, v, memory_order_seq_cst);
	weir__acquired(a);
	return before;
}

static inline bool weir__seq_cas64(weir__a64 *a, uint64_t *expected, uint64_t desired)
{
	weir__about_to_release(a, sizeof(*a));
	bool won = atomic_compare_exchange_strong_explicit(a, expected, desired, memory_order_seq_cst,
							   memory_order_seq_cst);
	weir__acquired(a);
	return won;
}

/* For the few functions that write a thread-local: in the simulator all tasks run in one thread, one at a time, and
 * TSan, which takes them for threads, would see them race for it. */
#if defined(__SANITIZE_THREAD__)
#define WEIR__UNSEEN static __attribute__((no_sanitize("thread"), noinline, unused))
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WEIR__UNSEEN static __attribute__((no_sanitize("thread"), noinline, unused))
#endif
#endif
#ifndef WEIR__UNSEEN
#define WEIR__UNSEEN static inline
#endif

/* In a loop that waits for another thread to leave code that cannot block. */
static inline void weir__spin_pause(void)
{
	if (weir__explore(WEIR__EXPLORED_PAUSE, NULL))
		return;
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

#endif

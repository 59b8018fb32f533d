/* SPDX-License-Identifier: MIT
 *
 * The only place where weir touches C11 atomics. Every other file goes through these names, so that the meaning of
 * each ordering is written once and the annotations a race detector needs have one home.
 *
 *   load_acquire / store_release   publish and read what was published
 *   add_relaxed                    ids and counts that order nothing
 *   fetch_add / fetch_sub          reference counts and pins: acquire-release
 *   cas                            claim: acquire-release on success, acquire on failure
 *   exchange                       hand over a token: acquire-release */
#ifndef WEIR_SRC_RT_ATOMIC_H
#define WEIR_SRC_RT_ATOMIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef _Atomic(uint32_t) weir__a32;
typedef _Atomic(uint64_t) weir__a64;

static inline uint32_t weir__load32(const weir__a32 *a)
{
	return atomic_load_explicit(a, memory_order_acquire);
}

static inline void weir__store32(weir__a32 *a, uint32_t v)
{
	atomic_store_explicit(a, v, memory_order_release);
}

static inline bool weir__cas32(weir__a32 *a, uint32_t *expected, uint32_t desired)
{
	return atomic_compare_exchange_strong_explicit(a, expected, desired, memory_order_acq_rel,
						       memory_order_acquire);
}

static inline uint32_t weir__exchange32(weir__a32 *a, uint32_t v)
{
	return atomic_exchange_explicit(a, v, memory_order_acq_rel);
}

static inline uint32_t weir__fetch_add32(weir__a32 *a, uint32_t n)
{
	return atomic_fetch_add_explicit(a, n, memory_order_acq_rel);
}

static inline uint32_t weir__fetch_sub32(weir__a32 *a, uint32_t n)
{
	return atomic_fetch_sub_explicit(a, n, memory_order_acq_rel);
}

static inline uint64_t weir__load64(const weir__a64 *a)
{
	return atomic_load_explicit(a, memory_order_acquire);
}

/* The writer's own look at a counter only it writes. */
static inline uint64_t weir__load64_own(const weir__a64 *a)
{
	return atomic_load_explicit(a, memory_order_relaxed);
}

static inline void weir__store64(weir__a64 *a, uint64_t v)
{
	atomic_store_explicit(a, v, memory_order_release);
}

static inline bool weir__cas64(weir__a64 *a, uint64_t *expected, uint64_t desired)
{
	return atomic_compare_exchange_strong_explicit(a, expected, desired, memory_order_acq_rel,
						       memory_order_acquire);
}

static inline uint64_t weir__add64_relaxed(weir__a64 *a, uint64_t n)
{
	return atomic_fetch_add_explicit(a, n, memory_order_relaxed);
}

/* In a loop that waits for another thread to leave code that cannot block. */
static inline void weir__spin_pause(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

#endif

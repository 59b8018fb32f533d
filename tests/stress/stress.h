/* SPDX-License-Identifier: MIT
 *
 * What the stress tests of core share: cases that are counted and reported, a runtime whose blocks are counted, and
 * random numbers that are the same in every run.
 *
 * A case is a function that runs on a runtime of its own, many rounds of it. EXPECT may be called from any task; it
 * counts and prints, and the case goes on, so that a race that spoils one round still shows the rest. After a case all
 * memory must be back. Rounds are counted, never timed; under ThreadSanitizer there are fewer. Numbers of rounds are
 * chosen for a few seconds in all on two cores. */
#ifndef WEIR_TESTS_STRESS_STRESS_H
#define WEIR_TESTS_STRESS_STRESS_H

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/core.h>
#include <weir/rt/threads.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

#if defined(__SANITIZE_THREAD__)
#define STRESS_SLOW 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define STRESS_SLOW 1
#endif
#endif

#ifdef WEIR_SHORT /* under Valgrind */
#define ROUNDS(n) ((n) / 20 + 1)
#elif defined(STRESS_SLOW)
#define ROUNDS(n) ((n) / 5)
#else
#define ROUNDS(n) (n)
#endif

static weir_rt *rt;
static _Atomic long stress_live, stress_failures;
static unsigned stress_passed, stress_failed;

#define EXPECT(cond)                                                                               \
	do {                                                                                       \
		if (!(cond) && atomic_fetch_add(&stress_failures, 1) < 10)                         \
			(void)fprintf(stderr, "%s:%d: %s is not so\n", __FILE__, __LINE__, #cond); \
	} while (0)

static void *stress_alloc(size_t bytes, void *arg)
{
	void *mem = malloc(bytes);
	(void)arg;
	if (mem)
		atomic_fetch_add(&stress_live, 1);
	return mem;
}

static void stress_release(void *mem, void *arg)
{
	(void)arg;
	atomic_fetch_sub(&stress_live, 1);
	free(mem);
}

/* Runs fn as a program of weir on a runtime of its own and counts it. */
static WEIR_UNUSED void stress_case(const char *name, weir_task_fn *fn, void *arg)
{
	const struct weir_rt_opts opts = {.alloc = stress_alloc, .release = stress_release};
	long before = atomic_load(&stress_failures);
	weir_err err = {0};
	if (weir_rt_threads_new(&opts, &rt) < 0)
		abort();
	EXPECT(weir_rt_run(rt, fn, arg, &err) == 0);
	if (err.code) {
		char text[256];
		weir_err_format(&err, text, sizeof(text));
		(void)fprintf(stderr, "%s: %s\n", name, text);
		weir_err_fini(&err);
	}
	weir_rt_free(&rt);
	EXPECT(atomic_load(&stress_live) == 0);
	bool ok = atomic_load(&stress_failures) == before;
	stress_passed += ok;
	stress_failed += !ok;
	printf("%s %s\n", ok ? "ok  " : "FAIL", name);
	(void)fflush(stdout);
}

/* The summary and the exit status. */
static WEIR_UNUSED int stress_end(void)
{
	printf("%u passed, %u failed\n", stress_passed, stress_failed);
	return stress_failed || !stress_passed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* A number in [0, n): xorshift64*, one state per task. */
static WEIR_UNUSED uint32_t pick(uint64_t *state, uint32_t n)
{
	uint64_t x = *state;
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return (uint32_t)((x * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % n;
}

static WEIR_UNUSED uint64_t seed_of(uint64_t n)
{
	return n * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

/* Gives the core away a few times, or not at all: where tasks meet moves from round to round. */
static WEIR_UNUSED void dawdle(uint64_t *state)
{
	for (uint32_t i = pick(state, 4); i > 0; i--)
		weir_rt_yield(rt);
}

#endif

/* SPDX-License-Identifier: MIT
 *
 * Origin: moby/moby, pull request 22941. Class: Go-specific, anonymous function.
 *
 * A loop starts one task per case of a test and sleeps 10 ms; the tasks read the variable of the loop, which has moved
 * on if a task is slower than the sleep. The lock that each task takes is for something else. So a case is tested
 * twice and another not at all, and only if the sleep ends while a task could still run. Fix: each
 * task gets a copy. */
#include "bugs.h"

#define CASES 2

struct test {
	weir_mutex m;
	unsigned tested[CASES]; /* under m */
	uint64_t current;
};

struct run {
	struct test *test;
	const uint64_t *copy; /* NULL: look at the variable of the loop */
};

static int check_case(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct run *run = arg;
	uint64_t i = run->copy ? *run->copy : WEIR_SIM_GET(run->test->current);
	(void)err;
	weir_mutex_lock(ctx, &run->test->m);
	run->test->tested[i]++;
	weir_mutex_unlock(&run->test->m);
	return 0;
}

static int check_all(weir_ctx *ctx, bool copies)
{
	struct test t = {.tested = {0}};
	struct run runs[CASES];
	static const uint64_t number[CASES] = {0, 1};
	weir_scope s;
	weir_mutex_init(&t.m, weir_ctx_rt(ctx));
	weir_scope_init(&s, ctx);
	for (uint64_t i = 0; i < CASES; i++) {
		WEIR_SIM_SET(t.current, i);
		runs[i] = (struct run){&t, copies ? &number[i] : NULL};
		bug_spawn(&s, "case", check_case, &runs[i]);
		WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(10)), 0);
	}
	bug_join(ctx, &s);
	for (int i = 0; i < CASES; i++)
		WEIR_SIM_EQ(t.tested[i], 1);
	weir_mutex_fini(&t.m);
	return 0;
}

static int moby_22941_bad(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return check_all(ctx, false);
}

static int moby_22941_good(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return check_all(ctx, true);
}

WEIR_BUG(moby_22941, "Go-specific: anonymous function", WEIR_SIM_RACE, true);

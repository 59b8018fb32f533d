/* SPDX-License-Identifier: MIT
 *
 * The search around the schedules: bounds that rise by themselves, a prefix that is followed, processes that share a
 * search, what ends one, and what it says it has seen. Counts are worked out by hand, or dfs is the judge. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weir/sim.h>

#include "explored.h"

/* ---- scenarios ---- */

static unsigned plan[2];

static int walk(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	for (unsigned i = 0; i < *(unsigned *)arg; i++)
		weir_rt_yield(weir_ctx_rt(ctx));
	return 0;
}

struct steps {
	weir_rt *rt;
	weir_task *main;
	weir_atomic walked;
	unsigned n, *left;
};

static void take_steps(void *arg)
{
	struct steps *st = arg;
	for (unsigned i = 0; i < st->n; i++)
		weir_atomic_store(&st->walked, i);
	if (--*st->left == 0)
		st->rt->vt->unpark(st->rt, st->main);
}

/* Two tasks of the runtime itself, with plan[i] + 1 picks each, and main parked meanwhile: see test_engine.c, where the
 * number of schedules with so many preemptions is worked out. */
static int two_walks(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_task *task[2];
	unsigned left = 2;
	struct steps st[2];
	(void)err, (void)arg;
	for (int i = 0; i < 2; i++) {
		st[i] = (struct steps){.rt = rt, .main = rt->vt->self(rt), .n = plan[i], .left = &left};
		weir_atomic_init(&st[i].walked, rt, 0);
		WEIR_SIM_EQ(rt->vt->spawn(rt, i ? "b" : "a", take_steps, &st[i], NULL, &task[i]), 0);
	}
	WEIR_SIM_EQ(rt->vt->park(rt, WEIR_FOREVER), 0);
	rt->vt->join(rt, task[0]);
	rt->vt->join(rt, task[1]);
	weir_atomic_fini(&st[0].walked);
	weir_atomic_fini(&st[1].walked);
	return 0;
}

static int nap(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	int rc = weir_sleep(ctx, WEIR_MS(1));
	return rc < 0 ? rc : weir_sleep(ctx, WEIR_MS(1));
}

/* One that sleeps twice and one that walks: timers may fire early, and tasks be preempted. */
static int naps(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	unsigned one = 1;
	(void)arg;
	weir_scope_init(&s, ctx);
	int rc = weir_scope_spawn(&s, "nap", nap, NULL);
	if (rc == 0)
		rc = weir_scope_spawn(&s, "walk", walk, &one);
	return weir_scope_join(ctx, &s, rc, err);
}

static unsigned firsts; /* bit i: the first number was i */

/* 4 * 4 * 4 schedules; fails where all three are what arg points at. */
static int three_numbers(weir_ctx *ctx, weir_err *err, void *arg)
{
	uint32_t a = weir_sim_choose(4, "a"), b = weir_sim_choose(4, "b"), c = weir_sim_choose(4, "c");
	(void)ctx, (void)err;
	firsts |= 1u << a;
	WEIR_SIM_ASSERT(!arg || a != *(uint32_t *)arg || b != a || c != a);
	return 0;
}

static weir_atomic shared;

static int add_one(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	uint64_t seen = weir_atomic_load(&shared);
	weir_atomic_store(&shared, seen + 1);
	(void)arg;
	return 0;
}

/* Loses an update in most schedules; that is a failure where arg is set. */
static int additions(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	weir_atomic_init(&shared, weir_ctx_rt(ctx), 0);
	weir_scope_init(&s, ctx);
	int rc = weir_scope_spawn(&s, "one", add_one, NULL);
	if (rc == 0)
		rc = weir_scope_spawn(&s, "two", add_one, NULL);
	rc = weir_scope_join(ctx, &s, rc, err);
	uint64_t sum = weir_atomic_load(&shared);
	weir_atomic_fini(&shared);
	WEIR_SIM_ASSERT(!arg || sum > 1);
	return rc;
}

static struct weir_sim_opts opts;
static struct weir_sim_result r;

static int run(weir_task_fn *fn, void *arg)
{
	opts.quiet = true;
	return weir_sim_run(&opts, fn, arg, &r);
}

/* ---- bounds ---- */

START_TEST(bounds_rise_until_all_are_run)
{
	plan[0] = 2, plan[1] = 3;
	opts = (struct weir_sim_opts){.strategy = "ipb"};
	ck_assert_int_eq(run(two_walks, NULL), 0);
	ck_assert(r.exhausted);
	ck_assert_int_eq(r.explored.end, WEIR_SIM_END_EXHAUSTED);
	ck_assert_uint_eq(r.schedules, 35);
	ck_assert_uint_eq(r.explored.repeated, 2 + 7 + 19 + 28 + 34); /* dfs0 to dfs4: all that dfs5 runs again */
	ck_assert(r.explored.bounded);
	ck_assert_uint_eq(r.explored.bound_preemptions, WEIR_SIM_NO_BOUND);
	ck_assert_uint_eq(r.explored.bound_early, WEIR_SIM_NO_BOUND);
}
END_TEST

/* With both bounds: as many schedules as dfs has with any number of early timers, and with one, and with none. */
START_TEST(both_bounds_rise)
{
	static const unsigned early[] = {1000, 1, 0};
	uint64_t before = UINT64_MAX;
	for (size_t i = 0; i < 3; i++) {
		opts = (struct weir_sim_opts){.strategy = "dfs", .early = early[i], .no_early = early[i] == 0};
		ck_assert_int_eq(run(naps, NULL), 0);
		ck_assert(r.exhausted);
		ck_assert_uint_eq(r.explored.bound_early, early[i] == 1 ? 1 : early[i] ? 1000 : WEIR_SIM_NO_BOUND);
		uint64_t all = r.schedules;
		opts.strategy = "ipb";
		ck_assert_int_eq(run(naps, NULL), 0);
		ck_assert(r.exhausted);
		ck_assert_uint_eq(r.schedules, all);
		ck_assert_uint_eq(r.explored.bound_early, early[i] == 1 ? 1 : WEIR_SIM_NO_BOUND);
		ck_assert_uint_lt(all, before);
		before = all;
	}
}
END_TEST

START_TEST(the_last_bound_is_told)
{
	plan[0] = 2, plan[1] = 3;
	opts = (struct weir_sim_opts){.strategy = "ipb", .schedules = 2 + 7 + 5, .no_early = true};
	ck_assert_int_eq(run(two_walks, NULL), 0);
	ck_assert(!r.exhausted && r.explored.bounded);
	ck_assert_int_eq(r.explored.end, WEIR_SIM_END_SCHEDULES);
	ck_assert_uint_eq(r.explored.bound_preemptions, 1);
	ck_assert_uint_eq(r.schedules + r.explored.repeated, 14);
	ck_assert(r.explored.estimate > 0);
	opts = (struct weir_sim_opts){.strategy = "dfs2"};
	ck_assert_int_eq(run(two_walks, NULL), 0);
	ck_assert(r.exhausted && r.explored.bounded);
	ck_assert_uint_eq(r.explored.bound_preemptions, 2);
	opts = (struct weir_sim_opts){.strategy = "dfs7"};
	ck_assert_int_eq(run(two_walks, NULL), 0);
	ck_assert_uint_eq(r.explored.bound_preemptions, WEIR_SIM_NO_BOUND); /* it has cut nothing */
}
END_TEST

/* The fewest preemptions come first: a lost update needs one. */
START_TEST(a_failure_has_the_lowest_bound)
{
	opts = (struct weir_sim_opts){.strategy = "ipb"};
	ck_assert_int_eq(run(additions, &opts), 1);
	ck_assert_int_eq(r.kind, WEIR_SIM_ASSERTION);
	ck_assert_int_eq(r.explored.end, WEIR_SIM_END_FAILURE);
	ck_assert(r.explored.bounded);
	char replay[sizeof(r.replay)];
	memcpy(replay, r.replay, sizeof(replay));
	opts.replay = replay;
	ck_assert_int_eq(run(additions, &opts), 1);
	ck_assert_int_eq(r.kind, WEIR_SIM_ASSERTION);
}
END_TEST

START_TEST(an_even_tree_is_estimated_exactly)
{
	for (uint64_t n = 1; n < 64; n += 7) {
		opts = (struct weir_sim_opts){.strategy = "dfs", .schedules = n};
		ck_assert_int_eq(run(three_numbers, NULL), 0);
		ck_assert_uint_eq(r.schedules, n);
		ck_assert(r.explored.estimate > 63.999 && r.explored.estimate < 64.001);
	}
	opts.schedules = 0;
	ck_assert_int_eq(run(three_numbers, NULL), 0);
	ck_assert(r.exhausted && r.schedules == 64 && r.explored.estimate <= 0);
}
END_TEST

/* ---- a prefix ---- */

START_TEST(a_prefix_is_followed)
{
	firsts = 0;
	opts = (struct weir_sim_opts){.strategy = "dfs", .from = "s1.x.0000:c0=2"};
	ck_assert_int_eq(run(three_numbers, NULL), 0);
	ck_assert(r.exhausted);
	ck_assert_uint_eq(r.schedules, 16);
	ck_assert_uint_eq(firsts, 1u << 2);
	opts.from = "s1.x.0000:c1=3"; /* the first is what the default policy does */
	firsts = 0;
	ck_assert_int_eq(run(three_numbers, NULL), 0);
	ck_assert_uint_eq(r.schedules, 4);
	ck_assert_uint_eq(firsts, 1u);
	opts.from = "s1.x.0000:-";
	ck_assert_int_eq(run(three_numbers, NULL), 0);
	ck_assert_uint_eq(r.schedules, 64);
}
END_TEST

/* Of m and n picks, after so many of them by the default policy (which lets the first task go on): binomials. */
START_TEST(a_prefix_ends_at_its_step)
{
	static const struct {
		const char *from;
		uint64_t schedules;
	} all[] = {
		{"s1.x.0000:-", 35},                              /* C(7, 3) */
		{"s1.x.0000:-@1", 35},     {"s1.x.0000:-@2", 15}, /* one pick of a is made: C(6, 2) */
		{"s1.x.0000:-@3", 5},                             /* two: C(5, 1) */
		{"s1.x.0000:1>2", 20},                            /* one of b: C(6, 3) */
		{"s1.x.0000:1>2@1", 35},                          /* ... which comes too late */
		{"s1.x.0000:1>2@4", 4},                           /* three of b: C(4, 3) */
		{"s1.x.0000:1>2,2>1", 10},
	};
	static const char *const strategies[] = {"random", "pos", "surw", "pct3", "portfolio"};
	plan[0] = 2, plan[1] = 3;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		opts = (struct weir_sim_opts){.strategy = "dfs", .from = all[i].from};
		ck_assert_int_eq(run(two_walks, NULL), 0);
		ck_assert(r.exhausted);
		ck_assert_uint_eq(r.schedules, all[i].schedules);
		opts.strategy = "ipb";
		ck_assert_int_eq(run(two_walks, NULL), 0);
		ck_assert_uint_eq(r.schedules, all[i].schedules);
		for (size_t k = 0; k < sizeof(strategies) / sizeof(strategies[0]); k++) {
			opts.strategy = strategies[k];
			opts.schedules = 50;
			ck_assert_int_eq(run(two_walks, NULL), 0);
			ck_assert_uint_eq(r.schedules, 50);
		}
	}
}
END_TEST

/* Time moves early where the prefix says so, and after it only as often as the search may. */
START_TEST(a_prefix_moves_the_clock)
{
	unsigned moved = 0;
	for (unsigned step = 1; step < 20; step++) {
		char from[40];
		snprintf(from, sizeof(from), "s1.x.0000:%u>t", step);
		opts = (struct weir_sim_opts){.strategy = "dfs", .from = from, .no_early = true};
		if (run(naps, NULL) != 0) {
			ck_assert_int_eq(r.kind, WEIR_SIM_BAD_REPLAY); /* no timer yet, or no more, or no such step */
			continue;
		}
		ck_assert(r.exhausted);
		uint64_t without = r.schedules;
		opts.no_early = false;
		opts.early = 1;
		ck_assert_int_eq(run(naps, NULL), 0);
		ck_assert_uint_ge(r.schedules, without);
		moved += r.schedules > without;
		opts.strategy = "pos";
		ck_assert_int_eq(run(naps, NULL), 0);
	}
	ck_assert_uint_gt(moved, 0);
}
END_TEST

START_TEST(a_prefix_that_does_not_fit_fails)
{
	static const char *const misfits[] = {"s1.x.0000:1>7",   "s1.x.0000:1>t",   "s1.x.0000:c3=1",
					      "s1.x.0000:999>1", "s1.x.0000:-@999", "s1.x.0000:1>2,c0=1,2>1"};
	plan[0] = 2, plan[1] = 3;
	for (size_t i = 0; i < sizeof(misfits) / sizeof(misfits[0]); i++) {
		opts = (struct weir_sim_opts){.from = misfits[i]};
		ck_assert_int_eq(run(two_walks, NULL), 1);
		ck_assert_int_eq(r.kind, WEIR_SIM_BAD_REPLAY);
	}
	opts = (struct weir_sim_opts){.from = "s1.x.0000:c0=9"};
	ck_assert_int_eq(run(three_numbers, NULL), 1);
	ck_assert_int_eq(r.kind, WEIR_SIM_BAD_REPLAY);
	static const char *const malformed[] = {"", "s1.x.0000:", "s1.x.0000:-@", "s1.x.0000:-@0", "s1.x.0000:-@3x"};
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		opts = (struct weir_sim_opts){.from = malformed[i]};
		ck_assert_int_eq(run(two_walks, NULL), WEIR_EINVAL);
	}
}
END_TEST

START_TEST(a_failure_behind_a_prefix_replays)
{
	uint32_t bad = 3;
	opts = (struct weir_sim_opts){.strategy = "dfs", .from = "s1.x.0000:c0=3"};
	ck_assert_int_eq(run(three_numbers, &bad), 1);
	ck_assert_uint_eq(r.failed_schedule, 16);
	ck_assert_ptr_nonnull(strstr(r.replay, ":c0=3,c1=3,c2=3"));
	char replay[sizeof(r.replay)];
	memcpy(replay, r.replay, sizeof(replay));
	opts.replay = replay; /* goes before opts.from */
	ck_assert_int_eq(run(three_numbers, &bad), 1);
	ck_assert_int_eq(r.kind, WEIR_SIM_ASSERTION);
}
END_TEST

/* ---- processes ---- */

static void nobody_is_left(void)
{
	ck_assert_int_eq(waitpid(-1, NULL, 0), -1);
	ck_assert_int_eq(errno, ECHILD);
}

/* Each schedule in one process, and none in two: the orders are counted by all together. */
START_TEST(processes_share_a_tree)
{
	opts = (struct weir_sim_opts){.strategy = "dfs", .count_orders = true, .early = 2};
	ck_assert_int_eq(run(additions, NULL), 0);
	struct weir_sim_result alone = r;
	ck_assert(alone.exhausted);
	ck_assert_uint_eq(alone.explored.orders, 4); /* load, store; load, store: 6 orders, where the loads commute */
	for (uint32_t jobs = 2; jobs <= 5; jobs++) {
		opts.jobs = jobs;
		ck_assert_int_eq(run(additions, NULL), 0);
		ck_assert(r.exhausted);
		ck_assert_uint_eq(r.explored.jobs, jobs);
		ck_assert_uint_eq(r.schedules, alone.schedules);
		ck_assert_uint_eq(r.explored.orders, alone.explored.orders);
		ck_assert_uint_eq(r.explored.pairs, alone.explored.pairs);
		nobody_is_left();
	}
	opts.strategy = "dfs1";
	opts.jobs = 1;
	ck_assert_int_eq(run(additions, NULL), 0);
	alone = r;
	opts.jobs = 3;
	ck_assert_int_eq(run(additions, NULL), 0);
	ck_assert_uint_eq(r.schedules, alone.schedules);
	ck_assert_uint_eq(r.explored.bound_preemptions, 1);
	ck_assert_uint_eq(alone.explored.bound_preemptions, 1);
}
END_TEST

/* A small tree is no failure, and neither is one without a choice in it where that is allowed. */
START_TEST(processes_share_little)
{
	plan[0] = plan[1] = 0;
	opts = (struct weir_sim_opts){.strategy = "dfs", .jobs = 8};
	ck_assert_int_eq(run(two_walks, NULL), 0);
	ck_assert_uint_eq(r.schedules, 2);
	ck_assert(r.exhausted);
	opts = (struct weir_sim_opts){.schedules = 3, .jobs = 8};
	ck_assert_int_eq(run(two_walks, NULL), 0);
	ck_assert_uint_eq(r.schedules, 3);
	opts = (struct weir_sim_opts){.strategy = "ipb", .jobs = 8}; /* cannot be shared */
	ck_assert_int_eq(run(two_walks, NULL), 0);
	ck_assert_uint_eq(r.explored.jobs, 1);
	nobody_is_left();
}
END_TEST

/* What each of n processes draws, one alone has drawn as well. */
START_TEST(processes_share_draws)
{
	static const char *const strategies[] = {"random", "pos"};
	for (size_t i = 0; i < 2; i++) {
		opts = (struct weir_sim_opts){.strategy = strategies[i], .schedules = 500, .count_orders = true};
		ck_assert_int_eq(run(additions, NULL), 0);
		struct weir_sim_result alone = r;
		opts.jobs = 3;
		ck_assert_int_eq(run(additions, NULL), 0);
		ck_assert_uint_eq(r.schedules, 500);
		ck_assert_uint_eq(r.steps, alone.steps);
		ck_assert_uint_eq(r.decisions, alone.decisions);
		ck_assert_uint_eq(r.explored.orders, alone.explored.orders);
		ck_assert_int_eq(r.explored.end, WEIR_SIM_END_SCHEDULES);
	}
}
END_TEST

/* The failure with the lowest number, with the same replay string, and however often it is asked for. */
START_TEST(processes_agree_on_the_failure)
{
	uint32_t bad = 2;
	opts = (struct weir_sim_opts){.strategy = "random", .seed = 5};
	ck_assert_int_eq(run(three_numbers, &bad), 1);
	struct weir_sim_result alone = r;
	ck_assert_uint_gt(alone.failed_schedule, 8);
	for (int i = 0; i < 10; i++) {
		opts.jobs = 2 + (uint32_t)i % 3;
		ck_assert_int_eq(run(three_numbers, &bad), 1);
		ck_assert_int_eq(r.kind, WEIR_SIM_ASSERTION);
		ck_assert_uint_eq(r.failed_schedule, alone.failed_schedule);
		ck_assert_str_eq(r.replay, alone.replay);
		ck_assert_str_eq(r.message, alone.message);
		nobody_is_left();
	}
	opts.strategy = "dfs";
	ck_assert_int_eq(run(three_numbers, &bad), 1);
	ck_assert_str_eq(r.replay, alone.replay);
}
END_TEST

/* With arg: forgets the first block where there is no second one. */
static int with_memory(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	void *mem = weir_rt_alloc(rt, 100), *more = weir_rt_alloc(rt, 100);
	(void)err;
	weir_sim_choose(2, "something");
	if (more)
		weir_rt_release(rt, more);
	if (mem && (more || !arg))
		weir_rt_release(rt, mem);
	return 0;
}

START_TEST(processes_share_a_sweep)
{
	opts = (struct weir_sim_opts){.fault_sweep = true, .schedules = 10};
	ck_assert_int_eq(run(with_memory, NULL), 0);
	uint64_t faults = r.faults;
	ck_assert_uint_ge(faults, 2);
	ck_assert_int_eq(run(with_memory, &opts), 1);
	ck_assert_int_eq(r.kind, WEIR_SIM_LEAK);
	ck_assert_ptr_nonnull(strstr(r.replay, ":f"));
	for (opts.jobs = 2; opts.jobs < 5; opts.jobs++) {
		ck_assert_int_eq(run(with_memory, NULL), 0);
		ck_assert_uint_eq(r.faults, faults);
	}
	opts.jobs = 2;
	ck_assert_int_eq(run(with_memory, &opts), 1);
	ck_assert_int_eq(r.kind, WEIR_SIM_LEAK);
	ck_assert_ptr_nonnull(strstr(r.replay, ":f"));
}
END_TEST

static pid_t first_process;

static int ends_the_process(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	if (weir_sim_choose(64, "to end") == 7 && getpid() != first_process) {
		if (*(int *)arg)
			kill(getpid(), *(int *)arg);
		else
			_exit(3);
	}
	return 0;
}

START_TEST(a_process_that_ends_is_a_failure)
{
	int signal = 0;
	first_process = getpid();
	opts = (struct weir_sim_opts){.jobs = 3};
	ck_assert_int_eq(run(ends_the_process, &signal), 1);
	ck_assert_int_eq(r.kind, WEIR_SIM_CRASH);
	ck_assert_ptr_nonnull(strstr(r.message, "exit status 3"));
	nobody_is_left();
	signal = SIGKILL;
	ck_assert_int_eq(run(ends_the_process, &signal), 1);
	ck_assert_int_eq(r.kind, WEIR_SIM_CRASH);
	ck_assert_ptr_nonnull(strstr(r.message, "signal 9"));
	nobody_is_left();
}
END_TEST

/* A crash in a task is found in a process, and reported by the first one like any other. */
__attribute__((no_sanitize("undefined"))) static int crashes(weir_ctx *ctx, weir_err *err, void *arg)
{
	int there = 0;
	volatile int *volatile where = weir_sim_choose(50, "where") == 49 ? NULL : &there;
	(void)ctx, (void)err, (void)arg;
	*where = 1;
	return 0;
}

START_TEST(a_crash_of_a_task_is_the_schedules)
{
	opts = (struct weir_sim_opts){.jobs = 2};
	ck_assert_int_eq(run(crashes, NULL), 1);
	ck_assert_int_eq(r.kind, WEIR_SIM_CRASH);
	ck_assert_ptr_nonnull(strstr(r.message, "SIGSEGV"));
	ck_assert_ptr_nonnull(strstr(r.replay, ":c0=49"));
	nobody_is_left();
}
END_TEST

/* Fails only in a process of the share: not a function of the choices. */
static int fails_elsewhere(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	WEIR_SIM_ASSERT(weir_sim_choose(64, "to fail") != 7 || getpid() == first_process);
	return 0;
}

START_TEST(what_fails_in_one_process_only_is_not_determined)
{
	first_process = getpid();
	opts = (struct weir_sim_opts){.jobs = 2};
	ck_assert_int_eq(run(fails_elsewhere, NULL), 1);
	ck_assert_int_eq(r.kind, WEIR_SIM_NONDETERMINISM);
}
END_TEST

/* Half of them deviate: more than a process can hand over. */
static int many_choices(weir_ctx *ctx, weir_err *err, void *arg)
{
	unsigned sum = 0;
	(void)ctx, (void)err, (void)arg;
	for (int i = 0; i < 140000; i++)
		sum += weir_sim_choose(2, "bit");
	WEIR_SIM_ASSERT(sum < 65537);
	return 0;
}

START_TEST(a_failure_can_be_too_long)
{
	opts = (struct weir_sim_opts){.strategy = "random", .jobs = 2};
	ck_assert_int_eq(run(many_choices, NULL), 1);
	ck_assert_int_eq(r.kind, WEIR_SIM_ASSERTION);
	ck_assert_ptr_nonnull(strstr(r.message, "sum < 65537"));
	ck_assert_str_eq(r.replay, "");
}
END_TEST

/* No descriptors for all processes: those that were made are gone. */
START_TEST(processes_may_be_refused)
{
	struct rlimit few, before;
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	int free_one = dup(0);
	ck_assert_int_ge(free_one, 0);
	close(free_one);
	few = before;
	few.rlim_cur = (rlim_t)free_one + 3; /* two pipes, of which one end each is closed again */
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	opts = (struct weir_sim_opts){.jobs = 8};
	plan[0] = plan[1] = 1;
	int rc = run(two_walks, NULL);
	setrlimit(RLIMIT_NOFILE, &before);
	ck_assert_int_eq(rc, WEIR_EAGAIN);
	nobody_is_left();
}
END_TEST

static int alive; /* a pipe: each process that runs has its writing end */

static int tells_that_it_runs(weir_ctx *ctx, weir_err *err, void *arg)
{
	static bool told;
	(void)ctx, (void)err, (void)arg;
	if (!told && write(alive, "x", 1) == 1)
		told = true;
	for (int i = 0; i < 30; i++)
		weir_sim_choose(2, "bit");
	return 0;
}

/* ^C while processes search: the caller ends by it, and all of them are gone. */
START_TEST(a_signal_ends_all)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGKILL};
	for (size_t i = 0; i < 3; i++) {
		int fds[2], status;
		char byte;
		ck_assert_int_eq(pipe(fds), 0);
		pid_t pid = fork();
		if (pid == 0) {
			alive = fds[1];
			close(fds[0]);
			signal(SIGINT, SIG_DFL); /* Check has handlers */
			signal(SIGTERM, SIG_DFL);
			opts = (struct weir_sim_opts){.strategy = "dfs", .jobs = 3};
			(void)!run(tells_that_it_runs, NULL);
			_exit(9);
		}
		close(fds[1]);
		for (int k = 0; k < 3; k++)
			ck_assert_int_eq(read(fds[0], &byte, 1), 1);
		kill(pid, signals[i]);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == signals[i]);
		ck_assert_int_eq(read(fds[0], &byte, 1), 0); /* nobody has the other end */
		close(fds[0]);
	}
}
END_TEST

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
	interrupted = sig;
}

static int interrupts_the_first(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	if (weir_sim_choose(64, "to interrupt") == 7)
		kill(first_process, SIGINT);
	for (int i = 0; i < 30; i++)
		weir_sim_choose(2, "bit");
	return 0;
}

/* A caller that has its own handler gets the signal, and the search says that it was ended. */
START_TEST(a_signal_that_is_handled_ends_the_search)
{
	first_process = getpid();
	interrupted = 0;
	struct sigaction old, action = {.sa_handler = on_interrupt};
	sigaction(SIGINT, &action, &old);
	opts = (struct weir_sim_opts){.strategy = "random", .schedules = UINT64_MAX, .jobs = 2};
	ck_assert_int_eq(run(interrupts_the_first, NULL), WEIR_ECANCELED);
	ck_assert_int_eq(interrupted, SIGINT);
	nobody_is_left();
	sigaction(SIGINT, &old, &action);
	ck_assert(action.sa_handler == on_interrupt);
}
END_TEST

/* ---- budgets ---- */

START_TEST(steps_are_a_budget)
{
	plan[0] = plan[1] = 10;
	for (uint32_t jobs = 1; jobs < 4; jobs++) {
		opts = (struct weir_sim_opts){.strategy = "dfs", .max_steps = 10000, .jobs = jobs};
		ck_assert_int_eq(run(two_walks, NULL), 0);
		ck_assert_int_eq(r.explored.end, WEIR_SIM_END_STEPS);
		ck_assert_uint_ge(r.steps, 10000);
		ck_assert_uint_lt(r.steps, 10000 + jobs * 100); /* a schedule is run to its end */
	}
}
END_TEST

START_TEST(time_is_a_budget)
{
	plan[0] = plan[1] = 20;
	opts = (struct weir_sim_opts){.strategy = "dfs", .wall_ns = 1, .schedules = UINT64_MAX};
	ck_assert_int_eq(run(two_walks, NULL), 0);
	ck_assert_int_eq(r.explored.end, WEIR_SIM_END_TIME);
	opts.jobs = 2;
	ck_assert_int_eq(run(two_walks, NULL), 0);
	ck_assert_int_eq(r.explored.end, WEIR_SIM_END_TIME);
}
END_TEST

/* ---- what was seen ---- */

/* All orders of three loads and three stores of one object: an order is new until all have been seen. */
START_TEST(orders_are_counted)
{
	opts = (struct weir_sim_opts){.strategy = "dfs", .count_orders = true};
	ck_assert_int_eq(run(additions, NULL), 0);
	uint64_t orders = r.explored.orders;
	ck_assert(r.exhausted && !r.explored.orders_more);
	ck_assert_uint_lt(orders, r.schedules); /* yields and spawns commute */
	opts = (struct weir_sim_opts){.strategy = "random", .schedules = 20000, .no_early = true, .count_orders = true};
	ck_assert_int_eq(run(additions, NULL), 0);
	ck_assert_uint_eq(r.explored.orders, orders);
	ck_assert_uint_eq(r.explored.window, 1000);
	ck_assert_uint_eq(r.explored.window_new, 0);
	opts.schedules = 10;
	ck_assert_int_eq(run(additions, NULL), 0);
	ck_assert_uint_eq(r.explored.window, 5);
	opts.count_orders = false;
	ck_assert_int_eq(run(additions, NULL), 0);
	ck_assert_uint_eq(r.explored.orders, 0);
	ck_assert_uint_eq(r.explored.pairs, 0);
}
END_TEST

START_TEST(the_set_of_orders_is_bounded)
{
	struct sim_seen *seen = weir__sim_seen_new();
	bool full;
	uint64_t state = 7, news = 0, again = 0;
	ck_assert_ptr_nonnull(seen);
	for (uint64_t i = 0; i < 900000; i++) {
		state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		news += weir__sim_seen_add(seen, state);
		again += weir__sim_seen_add(seen, state);
	}
	ck_assert_uint_eq(news, 900000);
	ck_assert_uint_eq(again, 900000 - (1u << 20) / 4 * 3); /* what did not fit is new each time */
	ck_assert_uint_eq(weir__sim_seen_count(seen, &full), (1u << 20) / 4 * 3);
	ck_assert(full);
	weir__sim_seen_free(seen);
}
END_TEST

static int look(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	return weir_atomic_load(&shared) < 3 ? 0 : WEIR_EIO;
}

static int change(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	weir_atomic_store(&shared, 1);
	return 0;
}

/* What comes before the spawns and after the join cannot come otherwise, and two that look commute: one pair is
 * left. */
static int looks_and_changes(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	(void)arg;
	weir_atomic_init(&shared, weir_ctx_rt(ctx), 0);
	weir_atomic_store(&shared, 2);
	weir_scope_init(&s, ctx);
	int rc = weir_scope_spawn(&s, "look", look, NULL);
	if (rc == 0)
		rc = weir_scope_spawn(&s, "look", look, NULL);
	if (rc == 0)
		rc = weir_scope_spawn(&s, "change", change, NULL);
	rc = weir_scope_join(ctx, &s, rc, err);
	weir_atomic_store(&shared, 3);
	weir_atomic_fini(&shared);
	return rc;
}

START_TEST(pairs_in_one_order_are_counted)
{
	opts = (struct weir_sim_opts){.strategy = "dfs", .schedules = 1, .count_orders = true};
	ck_assert_int_eq(run(looks_and_changes, NULL), 0);
	ck_assert_uint_eq(r.explored.pairs, 1);
	ck_assert(r.explored.pair[0].before != r.explored.pair[0].after);
	ck_assert_uint_eq(r.explored.pair[0].times, 2);
	opts.schedules = 0;
	ck_assert_int_eq(run(looks_and_changes, NULL), 0);
	ck_assert(r.exhausted);
	ck_assert_uint_eq(r.explored.pairs, 0);
	ck_assert(!r.explored.pairs_more);
}
END_TEST

static bool both;

static int marks(weir_ctx *ctx, weir_err *err, void *arg)
{
	uint32_t n = weir_sim_choose(4, "n");
	char name[] = "two"; /* another text of the same name */
	(void)ctx, (void)err;
	weir_sim_sometimes(n == 1, "one");
	weir_sim_sometimes(n == 2, "two");
	weir_sim_sometimes(n == 5 || (both && n == 3), name);
	weir_sim_sometimes(n == 4, "four");
	weir_sim_sometimes(false, "five");
	weir_sim_always(!arg || n != *(uint32_t *)arg, "n is not that");
	return 0;
}

START_TEST(what_was_never_true_is_told)
{
	for (uint32_t jobs = 1; jobs < 3; jobs++) {
		opts = (struct weir_sim_opts){.schedules = 100, .jobs = jobs};
		ck_assert_int_eq(run(marks, NULL), 0);
		ck_assert_uint_eq(r.explored.sometimes, 4);
		ck_assert_uint_eq(r.explored.never, 2);
		ck_assert_str_eq(r.explored.never_name[0], "four");
		ck_assert_str_eq(r.explored.never_name[1], "five");
		opts.need_sometimes = true;
		ck_assert_int_eq(run(marks, NULL), 1);
		ck_assert_int_eq(r.kind, WEIR_SIM_NEVER_TRUE);
		ck_assert_ptr_nonnull(strstr(r.message, "\"four\" was true in no schedule of 100"));
	}
}
END_TEST

START_TEST(what_is_not_always_true_fails)
{
	uint32_t bad = 3;
	opts = (struct weir_sim_opts){.schedules = 100};
	ck_assert_int_eq(run(marks, &bad), 1);
	ck_assert_int_eq(r.kind, WEIR_SIM_ASSERTION);
	ck_assert_str_eq(r.message, "\"n is not that\" does not hold");
	ck_assert_str_eq(weir_sim_kind_name(WEIR_SIM_NEVER_TRUE), "never true");
	weir_sim_sometimes(false, "outside of a search"); /* does nothing */
	weir_sim_always(true, "outside of a search");
}
END_TEST

START_TEST(always_outside_of_a_search_aborts)
{
	weir_sim_always(false, "outside of a search");
}
END_TEST

/* What weir_sim_main prints: status, and the text that must be in it. */
static void main_says(int status, char *const *flags, const char *text)
{
	struct weir_sim_test test = {.name = "marks", .fn = marks, .opts = {.schedules = 50, .strategy = "dfs1"}};
	char *argv[8] = {(char *)(uintptr_t) "test", (char *)(uintptr_t) "--no-canary"}, printed[4000];
	int argc = 2;
	while (*flags)
		argv[argc++] = *flags++;
	FILE *to = tmpfile();
	int before = dup(STDOUT_FILENO);
	ck_assert(to && before >= 0);
	fflush(stdout);
	dup2(fileno(to), STDOUT_FILENO);
	int got = weir_sim_main_tests(argc, argv, (struct weir_sim_test *[]){&test}, 1);
	fflush(stdout);
	dup2(before, STDOUT_FILENO);
	close(before);
	rewind(to);
	printed[fread(printed, 1, sizeof(printed) - 1, to)] = '\0';
	fclose(to);
	ck_assert_int_eq(got, status);
	ck_assert_msg(strstr(printed, text) != NULL, "no \"%s\" in: %s", text, printed);
}

START_TEST(main_tells_what_was_never_true)
{
	static char need[] = "--need-sometimes", jobs[] = "--jobs", two[] = "2";
	main_says(0, (char *[]){NULL}, "\n       never true: four\n       never true: five\n");
	main_says(0, (char *[]){NULL}, ", all there are, 4 orders\n"); /* dfs1: the bound has cut nothing */
	main_says(0, (char *[]){jobs, two, NULL}, ", 2 processes\n       never true: four\n");
	main_says(1, (char *[]){need, NULL}, ", never true\n");
	main_says(1, (char *[]){need, jobs, two, NULL}, "0 passed, 1 failed\n");
}
END_TEST

static int many_names(weir_ctx *ctx, weir_err *err, void *arg)
{
	static char names[SIM_MARKS + 1][4];
	(void)ctx, (void)err, (void)arg;
	for (int i = 0; i <= SIM_MARKS; i++) {
		snprintf(names[i], sizeof(names[i]), "%d", i);
		weir_sim_sometimes(true, names[i]);
	}
	return 0;
}

START_TEST(there_are_only_so_many_names)
{
	opts = (struct weir_sim_opts){.allow_no_decisions = true};
	ck_assert_int_eq(run(many_names, NULL), 1);
	ck_assert_int_eq(r.kind, WEIR_SIM_MISUSE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("search");
	TCase *tcase = tcase_create("search");
	tcase_add_test(tcase, bounds_rise_until_all_are_run);
	tcase_add_test(tcase, both_bounds_rise);
	tcase_add_test(tcase, the_last_bound_is_told);
	tcase_add_test(tcase, a_failure_has_the_lowest_bound);
	tcase_add_test(tcase, an_even_tree_is_estimated_exactly);
	tcase_add_test(tcase, a_prefix_is_followed);
	tcase_add_test(tcase, a_prefix_ends_at_its_step);
	tcase_add_test(tcase, a_prefix_moves_the_clock);
	tcase_add_test(tcase, a_prefix_that_does_not_fit_fails);
	tcase_add_test(tcase, a_failure_behind_a_prefix_replays);
	tcase_add_test(tcase, processes_share_a_tree);
	tcase_add_test(tcase, processes_share_little);
	tcase_add_test(tcase, processes_share_draws);
	tcase_add_test(tcase, processes_agree_on_the_failure);
	tcase_add_test(tcase, processes_share_a_sweep);
	tcase_add_test(tcase, a_process_that_ends_is_a_failure);
	tcase_add_test(tcase, a_crash_of_a_task_is_the_schedules);
	tcase_add_test(tcase, what_fails_in_one_process_only_is_not_determined);
	tcase_add_test(tcase, a_failure_can_be_too_long);
	tcase_add_test(tcase, processes_may_be_refused);
	tcase_add_test(tcase, a_signal_ends_all);
	tcase_add_test(tcase, a_signal_that_is_handled_ends_the_search);
	tcase_add_test(tcase, steps_are_a_budget);
	tcase_add_test(tcase, time_is_a_budget);
	tcase_add_test(tcase, orders_are_counted);
	tcase_add_test(tcase, the_set_of_orders_is_bounded);
	tcase_add_test(tcase, pairs_in_one_order_are_counted);
	tcase_add_test(tcase, what_was_never_true_is_told);
	tcase_add_test(tcase, main_tells_what_was_never_true);
	tcase_add_test(tcase, what_is_not_always_true_fails);
	tcase_add_test(tcase, there_are_only_so_many_names);
	tcase_add_test_raise_signal(tcase, always_outside_of_a_search_aborts, SIGABRT);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

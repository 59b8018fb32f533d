/* SPDX-License-Identifier: MIT
 *
 * Deadlocks of a part of the tasks: a cycle of locks and joins fails in the step that closes it, whoever else can go
 * on; other stuck tasks are told from a schedule that is only long; and programs that look like it and are right pass
 * in every schedule. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <weir/sim.h>

/* What the tasks of a program share. */
static struct {
	weir_mutex a, b;
	weir_rwlock l;
	weir_cond c;
	weir_sem sem;
	int state;
} the;

typedef void part_fn(weir_ctx *ctx);

static int part(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	(*(part_fn **)arg)(ctx);
	return 0;
}

static int rings(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	for (int i = 0; i < *(const int *)arg; i++)
		if (weir_sleep(ctx, WEIR_MS(1)) < 0)
			break;
	return 0;
}

enum { FOR_EVER = 1000000 };

struct program {
	part_fn *parts[3];
	int ring;       /* so often a bell rings beside them */
	uint64_t steps; /* limit; 0: as ever */
};

static int runs(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct program *p = arg;
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_scope s;
	weir_mutex_init(&the.a, rt);
	weir_mutex_init(&the.b, rt);
	weir_rwlock_init(&the.l, rt);
	weir_cond_init(&the.c, rt);
	weir_sem_init(&the.sem, rt, 0);
	the.state = 0;
	weir_scope_init(&s, ctx);
	if (p->ring)
		WEIR_SIM_EQ(weir_scope_spawn(&s, "bell", rings, &p->ring), 0);
	for (int i = 0; i < 3; i++)
		if (p->parts[i])
			WEIR_SIM_EQ(weir_scope_spawn(&s, "part", part, &p->parts[i]), 0);
	int rc = weir_scope_join(ctx, &s, 0, err);
	weir_sem_fini(&the.sem);
	weir_cond_fini(&the.c);
	weir_rwlock_fini(&the.l);
	weir_mutex_fini(&the.b);
	weir_mutex_fini(&the.a);
	return rc;
}

static struct weir_sim_result search(const struct program *p)
{
	struct weir_sim_result result;
	struct weir_sim_opts opts = {
		.name = "stuck", .quiet = true, .steps = p->steps, .schedules = 3000, .allow_no_decisions = true};
	ck_assert_int_ge(weir_sim_run(&opts, runs, (void *)(uintptr_t)p, &result), 0);
	return result;
}

/* ---- cycles ---- */

static void a_then_b(weir_ctx *ctx)
{
	weir_mutex_lock(ctx, &the.a);
	weir_mutex_lock(ctx, &the.b);
	weir_mutex_unlock(&the.b);
	weir_mutex_unlock(&the.a);
}

static void b_then_a(weir_ctx *ctx)
{
	weir_mutex_lock(ctx, &the.b);
	weir_mutex_lock(ctx, &the.a);
	weir_mutex_unlock(&the.a);
	weir_mutex_unlock(&the.b);
}

static void reads_then_writes(weir_ctx *ctx)
{
	weir_rwlock_read_lock(ctx, &the.l);
	weir_rwlock_write_lock(ctx, &the.l);
	weir_rwlock_write_unlock(&the.l);
	weir_rwlock_read_unlock(&the.l);
}

static void reads_twice(weir_ctx *ctx)
{
	weir_rwlock_read_lock(ctx, &the.l);
	weir_rwlock_read_lock(ctx, &the.l);
	weir_rwlock_read_unlock(&the.l);
	weir_rwlock_read_unlock(&the.l);
}

static void writes(weir_ctx *ctx)
{
	weir_rwlock_write_lock(ctx, &the.l);
	weir_rwlock_write_unlock(&the.l);
}

static void takes_b(weir_ctx *ctx)
{
	weir_mutex_lock(ctx, &the.b);
	weir_mutex_unlock(&the.b);
}

/* Joins a task that wants the lock it holds. */
static void joins_with_b(weir_ctx *ctx)
{
	static part_fn *const child = takes_b;
	weir_scope s;
	weir_err err = {0};
	weir_mutex_lock(ctx, &the.b);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "child", part, (void *)(uintptr_t)&child), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, &err), 0);
	weir_mutex_unlock(&the.b);
}

/* Without the cycle's own check these would fail when the bell is over, or run into the limit of steps. */
START_TEST(a_cycle_fails_when_it_closes)
{
	static const struct {
		struct program program;
		const char *told[3];
	} cases[] = {
		{{{a_then_b, b_then_a}, 5, 0}, {"a cycle of waits: ", " -> mutex1 held by ", " -> mutex2 held by "}},
		{{{reads_then_writes}, FOR_EVER, 0}, {"a task waits for itself: T2 part -> rwlock1 held by T2 part"}},
		{{{reads_twice, writes}, 5, 0}, {"a cycle of waits: ", " -> rwlock1 held by T2 part"}},
		{{{joins_with_b}, FOR_EVER, 0},
		 {"a cycle of waits: ", " -> mutex2 held by T2 part", " -> scope2, not over before T3 child"}},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct weir_sim_result result = search(&cases[i].program);
		ck_assert_msg(result.kind == WEIR_SIM_DEADLOCK, "case %zu: %s", i, result.message);
		for (size_t k = 0; k < 3 && cases[i].told[k]; k++)
			ck_assert_msg(strstr(result.message, cases[i].told[k]) != NULL, "case %zu: %s: %s", i,
				      cases[i].told[k], result.message);
		ck_assert_ptr_nonnull(strstr(result.message, "can go on)"));
		ck_assert_uint_gt(strlen(result.replay), 0);
	}
}
END_TEST

/* ---- stuck beside a bell ---- */

static void waits_for_a_signal(weir_ctx *ctx)
{
	weir_mutex_lock(ctx, &the.a);
	while (the.state == 0)
		if (weir_cond_wait(ctx, &the.c, &the.a) < 0)
			break;
	weir_mutex_unlock(&the.a);
}

/* Forgets to signal. */
static void changes_only(weir_ctx *ctx)
{
	weir_mutex_lock(ctx, &the.a);
	the.state = 1;
	weir_mutex_unlock(&the.a);
}

static void acquires(weir_ctx *ctx)
{
	if (weir_sem_acquire(ctx, &the.sem, 1) < 0)
		return;
	weir_sem_release(&the.sem, 1);
}

START_TEST(a_bell_does_not_hide_a_deadlock)
{
	static const struct program forgets = {{waits_for_a_signal, changes_only}, FOR_EVER, 2000};
	static const struct program nobody = {{acquires}, FOR_EVER, 2000};
	struct weir_sim_result result = search(&forgets);
	ck_assert_msg(result.kind == WEIR_SIM_DEADLOCK, "%s", result.message);
	ck_assert_ptr_nonnull(strstr(result.message, "partial: blocked are T0 main, T2 part, for ever"));
	result = search(&nobody);
	ck_assert_msg(result.kind == WEIR_SIM_DEADLOCK, "%s", result.message);
	/* and its replay says the same */
	struct weir_sim_opts opts = {.name = "stuck", .quiet = true, .steps = 2000, .replay = result.replay};
	struct weir_sim_result again;
	ck_assert_int_eq(weir_sim_run(&opts, runs, (void *)(uintptr_t)&nobody, &again), 1);
	ck_assert_int_eq(again.kind, WEIR_SIM_DEADLOCK);
	ck_assert_str_eq(again.message, result.message);
}
END_TEST

/* A task that works for ever, and one that it still serves: long, and no deadlock. */
static void serves(weir_ctx *ctx)
{
	while (weir_sleep(ctx, WEIR_MS(1)) == 0)
		weir_sem_release(&the.sem, 1);
}

static void asks(weir_ctx *ctx)
{
	while (weir_sem_acquire(ctx, &the.sem, 1) == 0)
		;
}

START_TEST(a_long_schedule_is_no_deadlock)
{
	static const struct program busy = {{serves, asks}, 0, 2000};
	struct weir_sim_result result = search(&busy);
	ck_assert_msg(result.kind == WEIR_SIM_STEP_LIMIT, "%s", result.message);
}
END_TEST

/* ---- what is right stays right ---- */

static void signals(weir_ctx *ctx)
{
	weir_mutex_lock(ctx, &the.a);
	the.state = 1;
	weir_cond_broadcast(&the.c);
	weir_mutex_unlock(&the.a);
}

static void reads(weir_ctx *ctx)
{
	weir_rwlock_read_lock(ctx, &the.l);
	weir_mutex_lock(ctx, &the.a);
	weir_mutex_unlock(&the.a);
	weir_rwlock_read_unlock(&the.l);
	WEIR_SIM_EQ(weir_ctx_err(ctx), 0);
	weir_rwlock_write_lock(ctx, &the.l);
	weir_rwlock_write_unlock(&the.l);
}

static void joins_free(weir_ctx *ctx)
{
	static part_fn *const child = takes_b;
	weir_scope s;
	weir_err err = {0};
	weir_mutex_lock(ctx, &the.a);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "child", part, (void *)(uintptr_t)&child), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, &err), 0);
	weir_mutex_unlock(&the.a);
}

START_TEST(what_is_right_passes)
{
	static const struct program right[] = {
		{{a_then_b, a_then_b, takes_b}, 0, 0},   {{waits_for_a_signal, signals, waits_for_a_signal}, 0, 0},
		{{reads, reads, writes}, 0, 0},          {{reads, reads, reads}, 0, 0},
		{{joins_free, takes_b, a_then_b}, 0, 0},
	};
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		struct weir_sim_result result = search(&right[i]);
		ck_assert_msg(result.kind == WEIR_SIM_PASS, "case %zu: %s", i, result.message);
		ck_assert_uint_eq(result.schedules, 3000);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stuck");
	TCase *tc = tcase_create("stuck");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_cycle_fails_when_it_closes);
	tcase_add_test(tc, a_bell_does_not_hide_a_deadlock);
	tcase_add_test(tc, a_long_schedule_is_no_deadlock);
	tcase_add_test(tc, what_is_right_passes);
	suite_add_tcase(suite, tc);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

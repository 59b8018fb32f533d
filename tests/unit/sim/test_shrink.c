/* SPDX-License-Identifier: MIT
 *
 * Shrinking: a failure found by a random walk through a busy scenario comes out with the few deviations that make
 * it, fails in the same way, and replays; a failure that needs none comes out with none. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <weir/sim.h>

enum { BUSY = 3, ROUNDS = 12 };

struct shared {
	int first, second; /* changed by `writer` in two steps, looked at by `reader` in between: the bug */
	bool broken;       /* the reader stands where it can see it */
};

static int noise(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	for (int i = 0; i < ROUNDS; i++)
		weir_rt_yield(weir_ctx_rt(ctx));
	return 0;
}

static int writer(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct shared *s = arg;
	(void)err;
	weir_rt_yield(weir_ctx_rt(ctx));
	s->first = 1;
	weir_rt_yield(weir_ctx_rt(ctx));
	s->second = 1;
	return 0;
}

static int reader(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct shared *s = arg;
	(void)err;
	weir_rt_yield(weir_ctx_rt(ctx));
	WEIR_SIM_ASSERT(s->first == s->second || !s->broken);
	return 0;
}

/* Needs one preemption: the reader between the two writes. */
static int torn(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct shared s = {.broken = *(bool *)arg};
	weir_scope scope;
	weir_scope_init(&scope, ctx);
	int rc = weir_scope_spawn(&scope, "writer", writer, &s);
	if (rc == 0)
		rc = weir_scope_spawn(&scope, "reader", reader, &s);
	for (int i = 0; i < BUSY && rc == 0; i++)
		rc = weir_scope_spawn(&scope, "noise", noise, NULL);
	return weir_scope_join(ctx, &scope, rc, err);
}

/* Fails under every schedule. */
static int always(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope scope;
	(void)arg;
	weir_scope_init(&scope, ctx);
	int rc = weir_scope_spawn(&scope, "noise", noise, NULL);
	if (rc == 0)
		rc = weir_scope_spawn(&scope, "noise", noise, NULL);
	rc = weir_scope_join(ctx, &scope, rc, err);
	WEIR_SIM_ASSERT(rc != 0);
	return rc;
}

/* "s1.name.hash:items": how many, by their commas. */
static size_t n_items(const char *replay)
{
	const char *at = strchr(replay, ':');
	size_t n = 1;
	ck_assert_ptr_nonnull(at);
	if (strcmp(at, ":-") == 0)
		return 0;
	for (; *at; at++)
		n += *at == ',';
	return n;
}

static struct weir_sim_result search(weir_task_fn *fn, bool broken, uint64_t seed, bool no_shrink, const char *replay)
{
	struct weir_sim_result result;
	struct weir_sim_opts opts = {.name = "shrink",
				     .strategy = "random",
				     .seed = seed,
				     .no_shrink = no_shrink,
				     .replay = replay,
				     .quiet = true};
	ck_assert_int_eq(weir_sim_run(&opts, fn, &broken, &result), broken);
	return result;
}

START_TEST(what_is_left_is_what_matters)
{
	size_t before = 0, after = 0;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct weir_sim_result whole = search(torn, true, seed, true, NULL);
		struct weir_sim_result small = search(torn, true, seed, false, NULL);
		ck_assert_int_eq(whole.kind, WEIR_SIM_ASSERTION);
		ck_assert_int_eq(small.kind, WEIR_SIM_ASSERTION);
		ck_assert_str_eq(small.message, whole.message);
		ck_assert_uint_eq(small.failed_schedule, whole.failed_schedule);
		ck_assert_uint_ge(n_items(whole.replay), n_items(small.replay));
		before += n_items(whole.replay);
		after += n_items(small.replay);
		ck_assert_uint_ge(n_items(small.replay), 1);
		ck_assert_uint_le(n_items(small.replay), 6);
		struct weir_sim_result again = search(torn, true, 1, false, small.replay);
		ck_assert_int_eq(again.kind, small.kind);
		ck_assert_str_eq(again.message, small.message);
		ck_assert_uint_eq(again.hash, small.hash);
	}
	ck_assert_uint_ge(before, 2 * after);
}
END_TEST

START_TEST(a_failure_of_every_schedule_needs_no_choice)
{
	struct weir_sim_result result = search(always, true, 3, false, NULL);
	ck_assert_int_eq(result.kind, WEIR_SIM_ASSERTION);
	ck_assert_uint_eq(n_items(result.replay), 0);
}
END_TEST

/* Fails from 37 on, whatever else is drawn. */
static int numbers(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	uint32_t a = weir_sim_choose(1000, "a"), b = weir_sim_choose(1000, "b"), c = weir_sim_choose(1000, "c");
	WEIR_SIM_ASSERT(b < 37 || a + c == 0);
	return 0;
}

START_TEST(numbers_become_as_small_as_they_can)
{
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct weir_sim_result result = search(numbers, true, seed, false, NULL);
		ck_assert_int_eq(result.kind, WEIR_SIM_ASSERTION);
		ck_assert_ptr_nonnull(strstr(result.message, "a + c")); /* one of the two, and b */
		ck_assert(strstr(result.replay, ":c1=37,c2=1") || strstr(result.replay, ":c0=1,c1=37"));
		ck_assert_uint_eq(result.preemptions, 0);
	}
}
END_TEST

/* As `torn`, but the writer does not ask to be stopped, and has much to do before and after. */
static int polling_writer(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct shared *s = arg;
	(void)err;
	for (int i = 0; i < ROUNDS; i++) {
		if (i == ROUNDS / 2)
			s->first = 1;
		if (weir_ctx_err(ctx) < 0)
			return 0;
		if (i == ROUNDS / 2)
			s->second = 1;
	}
	return 0;
}

static int polled(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct shared s = {.broken = *(bool *)arg};
	weir_scope scope;
	weir_scope_init(&scope, ctx);
	int rc = weir_scope_spawn(&scope, "writer", polling_writer, &s);
	if (rc == 0)
		rc = weir_scope_spawn(&scope, "reader", reader, &s);
	return weir_scope_join(ctx, &scope, rc, err);
}

/* One switch, in front of the one operation it matters for, wherever the search came from. */
START_TEST(all_roads_lead_to_the_same_schedule)
{
	char first[sizeof(((struct weir_sim_result *)0)->replay)] = "";
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct weir_sim_result result = search(polled, true, seed, false, NULL);
		ck_assert_int_eq(result.kind, WEIR_SIM_ASSERTION);
		ck_assert_uint_eq(result.preemptions, 1);
		ck_assert_uint_eq(n_items(result.replay), 1);
		if (seed == 1)
			strcpy(first, result.replay);
		ck_assert_str_eq(result.replay, first);
	}
}
END_TEST

START_TEST(a_program_without_the_bug_passes)
{
	struct weir_sim_result result = search(torn, false, 1, false, NULL);
	ck_assert_int_eq(result.kind, WEIR_SIM_PASS);
	ck_assert_str_eq(result.replay, "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("shrink");
	TCase *tc = tcase_create("shrink");
	tcase_add_test(tc, what_is_left_is_what_matters);
	tcase_add_test(tc, a_failure_of_every_schedule_needs_no_choice);
	tcase_add_test(tc, numbers_become_as_small_as_they_can);
	tcase_add_test(tc, all_roads_lead_to_the_same_schedule);
	tcase_add_test(tc, a_program_without_the_bug_passes);
	suite_add_tcase(suite, tc);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

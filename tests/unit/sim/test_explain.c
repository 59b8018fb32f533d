/* SPDX-License-Identifier: MIT
 *
 * Why a schedule fails: the pair that decided it is the one that was planted, a failure that cannot be avoided is said
 * to be one, the step from which on it is lost is the right one, and all of it comes out the same each time. The words
 * are in tests/sim/report. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir/sim.h>

#define TEXT 65536

/* The report's text, from a file: stderr is another test's. */
static void report_of(weir_task_fn *fn, void *arg, struct weir_sim_opts opts, char text[TEXT],
		      struct weir_sim_result *result)
{
	char path[] = "/tmp/weir-explain-XXXXXX";
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	opts.name = "explained";
	opts.report = path;
	opts.quiet = true;
	ck_assert_int_eq(weir_sim_run(&opts, fn, arg, result), 1);
	ssize_t n = read(fd, text, TEXT - 1);
	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	close(fd);
	unlink(path);
}

static void has(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "not told: %s\n%s", part, text);
}

static void has_not(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) == NULL, "told: %s\n%s", part, text);
}

/* ---- a race of two operations among others that do not matter ---- */

struct race {
	weir_atomic ready, other;
	int polls;
};

static int publishes(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct race *r = arg;
	(void)err;
	for (int i = 0; i < r->polls; i++)
		if (weir_ctx_err(ctx) < 0)
			return 0;
	weir_atomic_store(&r->other, 1);
	weir_atomic_store(&r->ready, 1);
	return 0;
}

static int trusts(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct race *r = arg;
	(void)ctx, (void)err;
	weir_atomic_add(&r->other, 1);
	WEIR_SIM_ASSERT(weir_atomic_load(&r->ready) == 1);
	return 0;
}

static int race(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct race r = {.polls = *(int *)arg};
	weir_scope s;
	weir_atomic_init(&r.ready, weir_ctx_rt(ctx), 0);
	weir_atomic_init(&r.other, weir_ctx_rt(ctx), 0);
	weir_sim_name(&r.ready, "ready");
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "publisher", publishes, &r), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "truster", trusts, &r), 0);
	int rc = weir_scope_join(ctx, &s, 0, err);
	weir_atomic_fini(&r.ready);
	weir_atomic_fini(&r.other);
	return rc;
}

START_TEST(the_planted_pair_is_named)
{
	static char text[TEXT];
	struct weir_sim_result result;
	for (int polls = 0; polls < 8; polls += 3) {
		for (uint64_t seed = 1; seed <= 5; seed++) {
			report_of(race, &polls, (struct weir_sim_opts){.seed = seed}, text, &result);
			ck_assert_int_eq(result.kind, WEIR_SIM_ASSERTION);
			has(text, "What decided it:\n  T2 truster load(atomic1 \"ready\")");
			has(text, "T1 publisher ");
			has(text, "the other way round the test passes.");
			has_not(text, "whatever is chosen");
		}
	}
}
END_TEST

/* ---- a failure of every schedule ---- */

static int asserts(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	WEIR_SIM_EQ(weir_ctx_err(ctx), 0);
	WEIR_SIM_ASSERT(arg == NULL);
	return 0;
}

static int hopeless(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "a", asserts, arg), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "b", asserts, arg), 0);
	return weir_scope_join(ctx, &s, 0, err);
}

START_TEST(a_failure_of_every_schedule_is_said_to_be_one)
{
	static char text[TEXT];
	struct weir_sim_result result;
	report_of(hopeless, "x", (struct weir_sim_opts){.seed = 1}, text, &result);
	has(text, "It fails whatever is chosen (200 of 200 schedules at random).");
	has_not(text, "What decided it");
}
END_TEST

/* ---- the point of no return ---- */

/* The first number decides, and what comes after it does not: 3 is lost from the start of the polls on. */
static int doomed(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	(void)arg;
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "a", asserts, NULL), 0);
	WEIR_SIM_EQ(weir_ctx_err(ctx), 0); /* step 2: the number is drawn at its end */
	uint32_t n = weir_sim_choose(4, "fate");
	for (int i = 0; i < 5; i++)
		WEIR_SIM_EQ(weir_ctx_err(ctx), 0);
	int rc = weir_scope_join(ctx, &s, 0, err);
	WEIR_SIM_ASSERT(n != 3);
	return rc;
}

START_TEST(the_step_that_is_lost_is_the_one_that_decides)
{
	static char text[TEXT];
	struct weir_sim_result result;
	report_of(doomed, NULL, (struct weir_sim_opts){.seed = 1}, text, &result);
	has(text, "From step 2 on, T0 main poll(ctx1)");
	has(text, "it always fails (200 of 200 tries at random).");
}
END_TEST

/* ---- early timers ---- */

static int slow(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	WEIR_SIM_EQ(weir_ctx_err(ctx), 0);
	*(int *)arg = 1;
	return 0;
}

static int hurried(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	int done = 0;
	(void)arg;
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "slow", slow, &done), 0);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_SEC(1)), 0);
	WEIR_SIM_ASSERT(done == 1);
	return weir_scope_join(ctx, &s, 0, err);
}

START_TEST(an_early_timer_is_named)
{
	static char text[TEXT];
	struct weir_sim_result result;
	report_of(hurried, NULL, (struct weir_sim_opts){.seed = 1}, text, &result);
	has(text, "The timer that fired early at step ");
}
END_TEST

/* ---- the same each time, and for a replay ---- */

static const char *lines_of(const char *text)
{
	const char *at = strstr(text, "What decided it");
	ck_assert_ptr_nonnull(at);
	return at;
}

START_TEST(it_is_the_same_each_time)
{
	static char one[TEXT], two[TEXT], again[TEXT];
	struct weir_sim_result result, replayed;
	int polls = 4;
	report_of(race, &polls, (struct weir_sim_opts){.seed = 3}, one, &result);
	report_of(race, &polls, (struct weir_sim_opts){.seed = 3}, two, &result);
	ck_assert_str_eq(one, two);
	report_of(race, &polls, (struct weir_sim_opts){.replay = result.replay}, again, &replayed);
	ck_assert_str_eq(lines_of(one), lines_of(again));
	ck_assert_str_eq(replayed.replay, result.replay);
	has_not(again, "not step for step");
}
END_TEST

/* ---- a replay that does not fit ---- */

START_TEST(a_replay_that_left_its_way_says_where)
{
	static char text[TEXT];
	struct weir_sim_result result;
	int polls = 4, fewer = 0;
	report_of(race, &polls, (struct weir_sim_opts){.seed = 3}, text, &result);
	struct weir_sim_opts opts = {.replay = "s1.explained.0000:4>2@start,5>1@store.atomic1"};
	report_of(race, &fewer, opts, text, &result);
	ck_assert_int_eq(result.kind, WEIR_SIM_BAD_REPLAY);
	has(text, "bad replay at step 5: the replay wants T1 to perform store(atomic1) here, but T1 is at start; "
		  "what can run: T1 publisher, T2 truster");
	has(text, "(no replay any more, ");
	opts.replay = "s1.explained.0000:4>2@start,5>0@join.scope1";
	report_of(race, &fewer, opts, text, &result);
	has(text, "but T0 waits in join(scope1); what can run: T1 publisher, T2 truster");
	opts.replay = "s1.explained.0000:4>2@start,5>t";
	report_of(race, &fewer, opts, text, &result);
	has(text, "wants time to move here, but nobody waits for a time");
	opts.replay = "s1.explained.0000:2>2@start"; /* step 2 is the one that spawns it */
	report_of(race, &fewer, opts, text, &result);
	ck_assert_int_eq(result.kind, WEIR_SIM_BAD_REPLAY);
	has(text, "wants T2 to perform start here, but there is no T2 then");
	opts.replay = "s1.explained.0000:1>0,4>2@start";
	report_of(race, &fewer, opts, text, &result);
	has(text, "wants T0 to go on at step 1, but nothing was to be chosen there");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("explain");
	TCase *tc = tcase_create("explain");
	tcase_add_test(tc, the_planted_pair_is_named);
	tcase_add_test(tc, a_failure_of_every_schedule_is_said_to_be_one);
	tcase_add_test(tc, the_step_that_is_lost_is_the_one_that_decides);
	tcase_add_test(tc, an_early_timer_is_named);
	tcase_add_test(tc, it_is_the_same_each_time);
	tcase_add_test(tc, a_replay_that_left_its_way_says_where);
	suite_add_tcase(suite, tc);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

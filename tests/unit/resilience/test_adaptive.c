/* SPDX-License-Identifier: MIT
 *
 * The adaptive limit and the client throttle on threads: what is refused when they are made, what each failure of a
 * child counts as, that nothing is allocated while values go through, and that many threads leave nothing behind. Times
 * and races are in tests/sim/test_adaptive.c, the rules themselves in tests/unit/limit. */
#include <check.h>
#include <weir/resilience.h>

#include "../stage/kit.h"

WEIR_TYPE_PLAIN(num, int);

/* Returns *in as its code; with a member or two beneath it, if *arg says so. */
static int answer(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	const int *beneath = arg;
	(void)ctx;
	*out = 0;
	if (*in == 0)
		return 0;
	if (!*beneath)
		return weir_fail(err, *in, "asked for");
	(void)weir_fail(err, *beneath, "asked for");
	return weir_err_wrap(err, *in, 0);
}
WEIR_STAGE_DECLARE(answer, num, num);

static int beneath;
static weir_call *call;
static weir_stage *st;

static void open_call(weir_stage *stage)
{
	st = stage;
	call = call_of(st);
}

static void close_call(void)
{
	done_with(&call, &st);
}

/* With the detail or without: it makes no difference to what is decided. */
static int ask(int code, int below, bool detail)
{
	weir_err err = {0};
	int out;
	beneath = below;
	int rc = weir_call_process(&root, call, &code, &out, detail ? &err : NULL);
	if (detail)
		ck_assert_int_eq(err.code, rc);
	weir_err_fini(&err);
	return rc;
}

static struct weir_adaptive_snapshot look(weir_adaptive *a)
{
	struct weir_adaptive_snapshot is;
	weir_adaptive_snapshot_get(&root, a, &is);
	return is;
}

static struct weir_throttle_snapshot glance(weir_throttle *t)
{
	struct weir_throttle_snapshot is;
	weir_throttle_snapshot_get(&root, t, &is);
	return is;
}

/* ---- making them ---- */

START_TEST(what_makes_no_sense)
{
	weir_adaptive a;
	weir_throttle t;
	static const struct weir_adaptive_init_opts wrong[] = {{.limit.min = 30},
							       {.max_wait_ns = -1, .max_waiting = 1},
							       {.max_wait_ns = 1}};
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		ck_assert_int_eq(weir_adaptive_init(&a, &root, &wrong[i]), WEIR_EINVAL);
		weir_adaptive_fini(&a); /* zeroed */
	}
	ck_assert_int_eq(weir_throttle_init(&t, &root, &(struct weir_throttle_init_opts){.limit.k = 0.5}), WEIR_EINVAL);
	weir_stage *const stages[] = {weir_adaptive_stage(answer_stage(rt, &beneath), NULL),
				      weir_adaptive_stage(answer_stage(rt, &beneath), &a),
				      weir_adaptive_stage(NULL, &a),
				      weir_throttle_stage(answer_stage(rt, &beneath), NULL),
				      weir_throttle_stage(answer_stage(rt, &beneath), &t),
				      weir_throttle_stage(NULL, &t)};
	for (size_t i = 0; i < COUNT_OF(stages); i++) {
		weir_stage *wrong_one = stages[i];
		ck_assert_int_eq(weir_stage_check(wrong_one, NULL), WEIR_EINVAL);
		weir_stage_free(&wrong_one);
	}
	weir_throttle_fini(&t);
	weir_throttle_fini(NULL);
	weir_adaptive_fini(NULL);
}
END_TEST

START_TEST(as_they_begin)
{
	static const struct {
		enum weir_adaptive_rule rule;
		uint32_t initial, limit;
	} rows[] = {{WEIR_ADAPTIVE_VEGAS, 0, 20}, {WEIR_ADAPTIVE_GRADIENT2, 30, 30}, {WEIR_ADAPTIVE_AIMD, 40, 40}};
	weir_adaptive a;
	weir_throttle t;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct weir_adaptive_init_opts opts = {.name = "api",
							     .limit = {.rule = rows[i].rule,
								       .initial = rows[i].initial}};
		ck_assert_int_eq(weir_adaptive_init(&a, &root, &opts), 0);
		ck_assert_uint_eq(weir_adaptive_limit(&a), rows[i].limit);
		ck_assert_uint_eq(look(&a).line.limit, rows[i].limit);
		open_call(weir_adaptive_stage(answer_stage(rt, &beneath), &a));
		ck_assert_str_eq(weir_stage_name(st), "api");
		close_call();
		weir_adaptive_fini(&a);
		weir_adaptive_fini(&a);
	}
	ck_assert_int_eq(weir_throttle_init(&t, &root, NULL), 0);
	open_call(weir_throttle_stage(answer_stage(rt, &beneath), &t));
	ck_assert_str_eq(weir_stage_name(st), "throttle");
	ck_assert(glance(&t).chance <= 0);
	close_call();
	weir_throttle_fini(&t);
	weir_throttle_fini(&t);
}
END_TEST

/* ---- what counts ---- */

enum { GOOD, DROPPED, IGNORED };

static const struct {
	int code, beneath, counts;
	bool accepted; /* by the throttle */
} table[] = {{0, 0, GOOD, true},
	     {WEIR_EUSER, 0, GOOD, true},
	     {WEIR_EPIPE, 0, GOOD, true},
	     {WEIR_ETIMEOUT, 0, DROPPED, true},
	     {WEIR_EDEADLINE, 0, DROPPED, true},
	     {WEIR_EOVERLOAD, 0, DROPPED, false},
	     {WEIR_ELIMITED, 0, DROPPED, false},
	     {WEIR_EEXHAUSTED, WEIR_EUSER, GOOD, true},
	     {WEIR_EEXHAUSTED, WEIR_ETIMEOUT, DROPPED, true},
	     {WEIR_EEXHAUSTED, WEIR_EOVERLOAD, DROPPED, false},
	     {WEIR_EUSER, WEIR_ELIMITED, DROPPED, false},
	     {WEIR_ECANCELED, 0, IGNORED, true},
	     {WEIR_EFILTERED, 0, IGNORED, true},
	     {WEIR_ENOROUTE, 0, IGNORED, true},
	     {WEIR_EOPEN, 0, IGNORED, true}};

START_TEST(what_counts_for_a_limit)
{
	weir_adaptive a;
	uint64_t sum[3] = {0};
	ck_assert_int_eq(weir_adaptive_init(&a, &root, NULL), 0);
	open_call(weir_adaptive_stage(answer_stage(rt, &beneath), &a));
	for (size_t i = 0; i < 2 * COUNT_OF(table); i++) {
		ck_assert_int_eq(ask(table[i / 2].code, table[i / 2].beneath, i % 2), table[i / 2].code);
		sum[table[i / 2].counts]++;
		struct weir_adaptive_snapshot is = look(&a);
		ck_assert_msg(is.succeeded == sum[GOOD] && is.dropped == sum[DROPPED] && is.ignored == sum[IGNORED],
			      "row %zu", i / 2);
		ck_assert_uint_eq(is.line.running, 0);
	}
	close_call();
	weir_adaptive_fini(&a);
}
END_TEST

START_TEST(what_counts_for_a_throttle)
{
	weir_throttle t;
	uint64_t accepted = 0;
	ck_assert_int_eq(weir_throttle_init(&t, &root, &(struct weir_throttle_init_opts){.limit.min_requests = 1000}),
			 0);
	open_call(weir_throttle_stage(answer_stage(rt, &beneath), &t));
	for (size_t i = 0; i < 2 * COUNT_OF(table); i++) {
		ck_assert_int_eq(ask(table[i / 2].code, table[i / 2].beneath, i % 2), table[i / 2].code);
		accepted += table[i / 2].accepted;
		ck_assert_msg(glance(&t).accepted == accepted, "row %zu", i / 2);
		ck_assert_uint_eq(glance(&t).asked, i + 1);
	}
	ck_assert_uint_eq(glance(&t).refused, 0);
	close_call();
	weir_throttle_fini(&t);
}
END_TEST

static enum weir_adaptive_outcome only_pipe(int rc, const weir_err *err, void *arg)
{
	++*(int *)arg;
	ck_assert_int_eq(err->code, rc);
	return rc == WEIR_EPIPE ? WEIR_ADAPTIVE_DROPPED : WEIR_ADAPTIVE_IGNORED;
}

static bool all_but_pipe(int rc, const weir_err *err, void *arg)
{
	++*(int *)arg;
	ck_assert_int_eq(err->code, rc);
	return rc != WEIR_EPIPE;
}

START_TEST(hooks_decide)
{
	weir_adaptive a;
	weir_throttle t;
	weir_ctx gone;
	int asked = 0, out;
	ck_assert_int_eq(weir_adaptive_init(&a, &root,
					    &(struct weir_adaptive_init_opts){.classify = only_pipe,
									      .classify_arg = &asked}),
			 0);
	ck_assert_int_eq(weir_throttle_init(&t, &root,
					    &(struct weir_throttle_init_opts){.limit.min_requests = 1000,
									      .accepted = all_but_pipe,
									      .accepted_arg = &asked}),
			 0);
	open_call(weir_throttle_stage(weir_adaptive_stage(answer_stage(rt, &beneath), &a), &t));
	ck_assert_int_eq(ask(0, 0, true), 0); /* nobody is asked about a success */
	ck_assert_int_eq(asked, 0);
	ck_assert_int_eq(ask(WEIR_EPIPE, 0, false), WEIR_EPIPE);
	ck_assert_int_eq(ask(WEIR_EOVERLOAD, 0, false), WEIR_EOVERLOAD);
	ck_assert_int_eq(asked, 4);
	ck_assert_uint_eq(look(&a).dropped, 1);
	ck_assert_uint_eq(look(&a).ignored, 1);
	ck_assert_uint_eq(glance(&t).accepted, 2);
	weir_ctx_init(&gone, &root, WEIR_FOREVER);
	weir_ctx_cancel(&gone, "enough");
	ck_assert_int_eq(weir_call_process(&gone, call, &(int){0}, &out, NULL), WEIR_ECANCELED);
	ck_assert_uint_eq(glance(&t).asked, 3); /* it did not ask */
	weir_ctx_fini(&gone);
	close_call();
	weir_throttle_fini(&t);
	weir_adaptive_fini(&a);
}
END_TEST

START_TEST(another_runtime)
{
	weir_rt *other = NULL;
	weir_ctx foreign;
	weir_adaptive a;
	weir_throttle t;
	struct weir_adaptive_permit p;
	ck_assert_int_eq(weir_rt_threads_new(NULL, &other), 0);
	weir_ctx_init_root(&foreign, other);
	ck_assert_int_eq(weir_adaptive_init(&a, &foreign, NULL), 0);
	ck_assert_int_eq(weir_throttle_init(&t, &foreign, NULL), 0);
	ck_assert_int_eq(weir_adaptive_acquire(&root, &a, &p, NULL), WEIR_EINVAL);
	ck_assert(!p.live);
	ck_assert_int_eq(weir_throttle_ask(&root, &t, NULL), WEIR_EINVAL);
	weir_stage *wrong = weir_adaptive_stage(answer_stage(rt, &beneath), &a);
	ck_assert_int_eq(weir_stage_check(wrong, NULL), WEIR_EINVAL);
	weir_stage_free(&wrong);
	wrong = weir_throttle_stage(answer_stage(rt, &beneath), &t);
	ck_assert_int_eq(weir_stage_check(wrong, NULL), WEIR_EINVAL);
	weir_stage_free(&wrong);
	weir_throttle_fini(&t);
	weir_adaptive_fini(&a);
	weir_ctx_fini(&foreign);
	weir_rt_free(&other);
}
END_TEST

START_TEST(nothing_is_allocated)
{
	weir_adaptive a;
	weir_throttle t;
	ck_assert_int_eq(weir_adaptive_init(&a, &root, &(struct weir_adaptive_init_opts){.limit.each_sample = true}),
			 0);
	ck_assert_int_eq(weir_throttle_init(&t, &root, NULL), 0);
	open_call(weir_policy(answer_stage(rt, &beneath), &(struct weir_policy_opts){.throttle = &t, .adaptive = &a}));
	memory_refuse(1);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(ask(0, 0, true), 0);
	ck_assert(!memory_was_refused());
	memory_refuse(0);
	ck_assert_uint_eq(look(&a).succeeded, 100);
	close_call();
	weir_throttle_fini(&t);
	weir_adaptive_fini(&a);
}
END_TEST

/* ---- many threads ---- */

#ifdef WEIR_SHORT
enum { TASKS = 4, CALLS = 300 };
#else
enum { TASKS = 4, CALLS = 5000 };
#endif

static weir_adaptive shared;
static weir_throttle shared_throttle;

static int hammer(weir_ctx *ctx, weir_err *err, void *arg)
{
	uint64_t *tally = arg; /* by outcome; refused */
	(void)err;
	for (unsigned i = 0; i < CALLS; i++) {
		struct weir_adaptive_permit p;
		enum weir_adaptive_outcome how = i % 50 == 7   ? WEIR_ADAPTIVE_DROPPED
						 : i % 50 == 9 ? WEIR_ADAPTIVE_IGNORED
							       : WEIR_ADAPTIVE_SUCCESS;
		if (weir_throttle_ask(ctx, &shared_throttle, NULL) == 0)
			weir_throttle_accepted(ctx, &shared_throttle);
		int rc = weir_adaptive_acquire(ctx, &shared, &p, NULL);
		if (rc < 0) {
			tally[3]++;
			continue;
		}
		weir_rt_yield(weir_ctx_rt(ctx));
		weir_adaptive_release(ctx, &shared, &p, how);
		tally[how]++;
	}
	return 0;
}

/* A limit between 1 and 3 that changes with nearly every call: each call is counted, and every place comes back. */
START_TEST(under_load)
{
	uint64_t tally[TASKS][4] = {0}, sum[4] = {0};
	const struct weir_adaptive_init_opts opts = {.limit = {.rule = WEIR_ADAPTIVE_AIMD,
							       .initial = 2,
							       .min = 1,
							       .max = 3,
							       .ratio = 0.5,
							       .each_sample = true},
						     .max_waiting = _i ? TASKS : 0};
	ck_assert_int_eq(weir_adaptive_init(&shared, &root, &opts), 0);
	ck_assert_int_eq(weir_throttle_init(&shared_throttle, &root, NULL), 0);
	weir_scope_init(&scope, &root);
	for (int i = 0; i < TASKS; i++)
		ck_assert_int_eq(weir_scope_spawn(&scope, "hammer", hammer, tally[i]), 0);
	ck_assert_int_eq(weir_scope_join(&root, &scope, 0, NULL), 0);
	for (int i = 0; i < TASKS * 4; i++)
		sum[i % 4] += tally[i / 4][i % 4];
	struct weir_adaptive_snapshot is = look(&shared);
	ck_assert_uint_eq(is.succeeded, sum[WEIR_ADAPTIVE_SUCCESS]);
	ck_assert_uint_eq(is.dropped, sum[WEIR_ADAPTIVE_DROPPED]);
	ck_assert_uint_eq(is.ignored, sum[WEIR_ADAPTIVE_IGNORED]);
	ck_assert_uint_eq(is.line.refused, sum[3]);
	ck_assert_uint_eq(is.line.running + is.line.waiting + is.line.gave_up, 0);
	ck_assert_uint_eq(sum[0] + sum[1] + sum[2] + sum[3], (uint64_t)TASKS * CALLS);
	struct weir_adaptive_permit p[4];
	uint32_t limit = weir_adaptive_limit(&shared);
	for (uint32_t i = 0; i < limit; i++) /* each place can be had; with no line, not one more */
		ck_assert_int_eq(weir_adaptive_acquire(&root, &shared, &p[i], NULL), 0);
	if (!_i)
		ck_assert_int_eq(weir_adaptive_acquire(&root, &shared, &p[limit], NULL), WEIR_EOVERLOAD);
	for (uint32_t i = 0; i < limit; i++)
		weir_adaptive_release(&root, &shared, &p[i], WEIR_ADAPTIVE_IGNORED);
	ck_assert_uint_eq(glance(&shared_throttle).asked, (uint64_t)TASKS * CALLS);
	ck_assert_uint_eq(glance(&shared_throttle).accepted + glance(&shared_throttle).refused,
			  (uint64_t)TASKS * CALLS);
	weir_throttle_fini(&shared_throttle);
	weir_adaptive_fini(&shared);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("adaptive");
	TCase *making = world_case(suite, "making"), *counts = world_case(suite, "counts");
	tcase_add_test(making, what_makes_no_sense);
	tcase_add_test(making, as_they_begin);
	tcase_add_test(making, another_runtime);
	tcase_add_test(counts, what_counts_for_a_limit);
	tcase_add_test(counts, what_counts_for_a_throttle);
	tcase_add_test(counts, hooks_decide);
	tcase_add_test(counts, nothing_is_allocated);
	tcase_add_loop_test(counts, under_load, 0, 2);
	return run_suite(suite);
}

/* SPDX-License-Identifier: MIT
 *
 * What becomes of failures (stage/on_error.h), within a tree and around parts; and names (weir_stage_named), which are
 * what errors say. All memory is counted. A cancel at every operation is in tests/sim/test_cancel_all.c. */
#include <check.h>

#include "kit.h"

WEIR_TYPE_PLAIN(num, int);
WEIR_ARRAY_DECLARE(nums, num);

/* ---- functions ---- */

/* Ten more; below 0 it fails with that user's code, -1 is filtered. */
static int plus(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)arg;
	if (*in == -1)
		return WEIR_EFILTERED;
	if (*in < 0)
		return weir_fail(err, WEIR_EUSER + *in, "no %d", *in);
	*out = *in + 10;
	return 0;
}
WEIR_STAGE_DECLARE(plus, num, num);

static int asked;

/* By the code: -2 has a value, -3 is as it was, -4 another, -5 wrapped, -6 odd, -7 a part that is none. */
static int decide(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)in;
	ck_assert_ptr_eq(arg, &asked);
	ck_assert_int_eq(weir_ctx_err(ctx), 0); /* a shield */
	asked++;
	switch (WEIR_EUSER - err->code) {
	case 2:
		*(int *)out = 99;
		return 0;
	case 4:
		return weir_fail(err, WEIR_EIO, "instead");
	case 5:
		return weir_err_wrap(err, WEIR_EIO, 0);
	case 6:
		return 4;
	case 7:
		return WEIR_EPARTIAL;
	default:
		return err->code;
	}
}

static weir_stage *decided(weir_stage *child)
{
	return weir_on_error(child, &(struct weir_on_error_opts){.fn = decide, .arg = &asked});
}

START_TEST(what_is_wrong_with_it)
{
	const struct weir_on_error_opts none = {0}, negative = {.fn = decide, .grace_ns = -1},
					endless = {.fn = decide, .grace_ns = WEIR_FOREVER}, fine = {.fn = decide};
	expect_wrong(weir_on_error(plus_stage(rt, NULL), NULL), WEIR_EINVAL, "on_error: WEIR_EINVAL: needs a function");
	expect_wrong(weir_on_error(plus_stage(rt, NULL), &none), WEIR_EINVAL, "needs a function");
	expect_wrong(weir_on_error(plus_stage(rt, NULL), &negative), WEIR_EINVAL, "grace time");
	expect_wrong(weir_on_error(plus_stage(rt, NULL), &endless), WEIR_EINVAL, "grace time");
	expect_wrong(weir_on_error(NULL, &fine), WEIR_EINVAL, "no stages");
}
END_TEST

/* In the middle of a chain: what is behind it sees a value, or is not called. Under a context that has ended, too. */
START_TEST(failures_within_a_chain)
{
	static const struct {
		int in, rc, asked, out;
		const char *text;
	} cases[] = {
		{1, 0, 0, 21, ""},
		{-1, WEIR_EFILTERED, 0, 0, "chain: on_error[0]: plus: WEIR_EFILTERED"},
		{-2, 0, 1, 109, ""},
		{-3, WEIR_EUSER - 3, 1, 0, "chain: on_error[0]: plus: user error -10003: no -3"},
		{-4, WEIR_EIO, 1, 0, "chain: on_error[0]: WEIR_EIO: instead"},
		{-5, WEIR_EIO, 1, 0, "no -5"},
		{-6, WEIR_EINVAL, 1, 0, "on_error returned 4"},
		{-7, WEIR_EINCOMPLETE, 1, 0, "no -7"},
	};
	weir_stage *st = weir_then(decided(plus_stage(rt, NULL)), plus_stage(rt, NULL));
	weir_call *call = call_of(st);
	weir_err err = {0};
	weir_ctx ended;
	weir_ctx_init(&ended, &root, WEIR_FOREVER);
	weir_ctx_cancel(&ended, "over");
	for (size_t i = 0; i < 2 * COUNT_OF(cases); i++) { /* with a detail, and without */
		int out = 0;
		size_t c = i / 2;
		asked = 0;
		ck_assert_int_eq(weir_call_process(&ended, call, &cases[c].in, &out, i % 2 ? NULL : &err), cases[c].rc);
		ck_assert_int_eq(asked, cases[c].asked);
		ck_assert_int_eq(out, cases[c].out);
		ck_assert_int_eq(err.code, i % 2 ? 0 : cases[c].rc);
		expect_text(&err, i % 2 ? "" : cases[c].text);
	}
	weir_ctx_fini(&ended);
	done_with(&call, &st);
}
END_TEST

/* One around another: the outer one is asked about what the inner one returned. */
START_TEST(one_around_another)
{
	weir_stage *st = decided(decided(plus_stage(rt, NULL)));
	weir_call *call = call_of(st);
	weir_err err = {0};
	int out = 0;
	asked = 0;
	ck_assert_int_eq(weir_call_process(&root, call, &(int){-4}, &out, &err), WEIR_EIO);
	ck_assert_int_eq(asked, 2);
	expect_text(&err, "on_error: on_error: WEIR_EIO: instead");
	ck_assert_int_eq(weir_call_process(&root, call, &(int){-2}, &out, &err), 0);
	ck_assert_int_eq(asked, 3);
	ck_assert_int_eq(out, 99);
	done_with(&call, &st);
}
END_TEST

/* Each value of a map decides for itself, so a map that would fail has a value everywhere. */
START_TEST(within_a_map)
{
	static const int values[] = {1, -2, 3};
	weir_stage *st = weir_map(decided(plus_stage(rt, NULL)), &(struct weir_map_opts){.concurrency = 1});
	weir_call *call = call_of(st);
	nums_t in, out;
	ck_assert_int_eq(nums_new(rt, 3, &in), 0);
	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(nums_put(&in, i, &values[i]), 0);
	ck_assert_int_eq(weir_call_process(&root, call, &in, &out, NULL), 0);
	ck_assert_int_eq(*nums_at(&out, 0), 11);
	ck_assert_int_eq(*nums_at(&out, 1), 99);
	ck_assert_int_eq(*nums_at(&out, 2), 13);
	nums_drop(&out);
	nums_drop(&in);
	done_with(&call, &st);
}
END_TEST

/* What a child that takes has refused passes all the same, and is what it was. */
static int refuse_odd(weir_ctx *ctx, const void *in, weir_err *err, void *arg)
{
	(void)ctx, (void)arg;
	return *(const uint32_t *)in % 2 ? weir_fail(err, WEIR_EUSER - 2, "odd") : 1;
}

START_TEST(around_one_that_takes)
{
	weir_stage *st = decided(weir_filter(rt, &item_type, refuse_odd, NULL));
	weir_call *call = call_of(st);
	ck_assert(weir_stage_takes(st));
	for (uint32_t in = 4, out; in < 6; in++) {
		ck_assert_int_eq(weir_call_process(&root, call, &in, &out, NULL), 0);
		ck_assert_uint_eq(out, in);
	}
	ck_assert_uint_eq(drops_in_all(), 0);
	done_with(&call, &st);
}
END_TEST

/* ---- names ---- */

START_TEST(names_are_what_errors_say)
{
	weir_stage *st = weir_stage_named(weir_then(weir_stage_named(plus_stage(rt, NULL), "fetch"),
						    weir_stage_named(plus_stage(rt, NULL), "store")),
					  "line");
	weir_call *call = call_of(st);
	weir_err err = {0};
	int out;
	ck_assert_str_eq(weir_stage_name(st), "line");
	ck_assert_int_eq(weir_call_process(&root, call, &(int){-3}, &out, &err), WEIR_EUSER - 3);
	expect_text(&err, "line: fetch[0]: user error -10003");
	done_with(&call, &st);
	expect_wrong(weir_stage_named(NULL, "nobody"), WEIR_EINVAL, "made of no stages");
	expect_wrong(weir_stage_named(plus_stage(rt, NULL), NULL), WEIR_EINVAL, "there is no name");
	expect_wrong(weir_then(plus_stage(rt, NULL), weir_stage_named(weir_chain(NULL, 0), "none")), WEIR_EINVAL,
		     "child 1");
}
END_TEST

START_TEST(naming_a_child_is_misuse)
{
	weir_stage *child = plus_stage(rt, NULL), *st = decided(child);
	(void)st;
	child = weir_stage_named(child, "too late");
}
END_TEST

START_TEST(naming_with_a_call_is_misuse)
{
	world_open();
	weir_stage *st = plus_stage(rt, NULL);
	(void)call_of(st);
	st = weir_stage_named(st, "too late");
}
END_TEST

static Suite *on_error_suite(void)
{
	Suite *suite = suite_create("on_error");
	TCase *errors = world_case(suite, "errors"), *names = world_case(suite, "names"),
	      *bare = bare_case(suite, "misuse");
	tcase_add_test(errors, what_is_wrong_with_it);
	tcase_add_test(errors, failures_within_a_chain);
	tcase_add_test(errors, one_around_another);
	tcase_add_test(errors, within_a_map);
	tcase_add_test(errors, around_one_that_takes);
	tcase_add_test(names, names_are_what_errors_say);
	tcase_add_test_raise_signal(names, naming_a_child_is_misuse, SIGABRT);
	tcase_add_test_raise_signal(bare, naming_with_a_call_is_misuse, SIGABRT);
	return suite;
}

int main(void)
{
	return run_suite(on_error_suite());
}

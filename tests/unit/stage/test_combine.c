/* SPDX-License-Identifier: MIT
 *
 * Fan-out, fan-in, parallel, map, router, reduce and map-reduce on threads: building, results, failures, and that
 * nothing is allocated once the arrays have come back. Who is first, and cancels, are in tests/sim/test_stage.c. */
#include <check.h>

#include "kit.h"

WEIR_TYPE_PLAIN(num, int);
WEIR_ARRAY_DECLARE(nums, num);
WEIR_TYPE_PLAIN(text, double);

static int times(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)ctx;
	if (*in < 0)
		return weir_fail(err, WEIR_EUSER, "%d is negative", *in);
	*out = *in * *(const int *)arg;
	return 0;
}
WEIR_STAGE_DECLARE(times, num, num);

static int to_text(weir_ctx *ctx, const int *in, double *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*out = *in;
	return 0;
}
WEIR_STAGE_DECLARE(to_text, num, text);

static int sum(weir_ctx *ctx, const nums_t *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	if (arg)
		++*(int *)arg;
	*out = 0;
	for (size_t i = 0; i < nums_len(in); i++)
		*out += *nums_at(in, i);
	return 0;
}
WEIR_STAGE_DECLARE(sum, nums, num);

static int sum_raw(weir_ctx *ctx, const weir_array *in, void *out, weir_err *err, void *arg)
{
	return sum(ctx, (const nums_t *)in, out, err, arg);
}

static int two = 2, three = 3, four = 4;

static weir_stage *by(int *factor)
{
	return times_stage(rt, factor);
}

static nums_t nums_of(const int *values, size_t n)
{
	nums_t a;
	ck_assert_int_eq(nums_new(rt, n, &a), 0);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(nums_put(&a, i, &values[i]), 0);
	return a;
}

/* An item, taken by the stage. */
static int pass(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*(uint32_t *)out = *(const uint32_t *)in;
	return 0;
}

static weir_stage *taking(const weir_type *type)
{
	return weir_stage_new(
		rt, &(struct weir_stage_opts){.name = "pass", .in = type, .out = type, .process = pass, .takes = true});
}

/* ---- fan-out ---- */

START_TEST(what_is_wrong_with_a_fan_out)
{
	weir_stage *a = by(&two);
	expect_wrong(weir_fan_out(NULL, 0, 0), WEIR_EINVAL, "made of no stages");
	expect_wrong(weir_fan_out((weir_stage *const[]){a, a}, 2, 0), WEIR_EINVAL, "part of another stage");
	expect_wrong(weir_fan_out((weir_stage *const[]){by(&two), NULL}, 2, 0), WEIR_EINVAL, "child 1 is NULL");
	expect_wrong(weir_fan_out((weir_stage *const[]){by(&two), to_text_stage(rt, NULL)}, 2, 0), WEIR_ETYPE,
		     "child 1, \"to_text\", makes text, but child 0, \"times\", num");
	expect_wrong(weir_fan_out((weir_stage *const[]){by(&two), sum_stage(rt, NULL)}, 2, 0), WEIR_ETYPE,
		     "child 1, \"sum\", takes arrays of num, but child 0, \"times\", num");
	expect_wrong(weir_fan_out((weir_stage *const[]){taking(&item_type)}, 1, 0), WEIR_EINVAL,
		     "child 0, \"pass\", takes its item, which stays the caller's here and cannot be copied");
	expect_wrong(weir_then(weir_fan_out((weir_stage *const[]){by(&two)}, 1, 0), by(&two)), WEIR_ETYPE,
		     "\"fan_out\" makes arrays of num, but \"times\" takes num");
}
END_TEST

START_TEST(fan_out_makes_an_array)
{
	for (size_t concurrency = 0; concurrency <= 4; concurrency++) {
		weir_stage *st = weir_fan_out((weir_stage *const[]){by(&two), by(&three), by(&four)}, 3, concurrency);
		weir_call *call = call_of(st);
		weir_err err = {0};
		nums_t out;
		for (int i = 0; i < 200; i++) {
			ck_assert_int_eq(weir_call_process(&root, call, &i, &out, NULL), 0);
			ck_assert_uint_eq(nums_len(&out), 3);
			for (int k = 0; k < 3; k++)
				ck_assert_int_eq(*nums_at(&out, (size_t)k), i * (k + 2));
			nums_drop(&out);
			ck_assert_int_eq(weir_call_process(&root, call, &(int){-1}, &out, i ? NULL : &err), WEIR_EUSER);
		}
		ck_assert(weir_err_is(&err, WEIR_EUSER));
		weir_err_fini(&err);
		done_with(&call, &st);
	}
}
END_TEST

/* What cannot be copied can be borrowed by all; and what has no drop can be taken by all. */
START_TEST(fan_out_of_those_that_take)
{
	const weir_type plain = {.name = "plain", .size = 4, .align = 4};
	weir_stage *st = weir_fan_out((weir_stage *const[]){taking(&plain), taking(&plain)}, 2, 0);
	ck_assert(!weir_stage_takes(st));
	weir_call *call = call_of(st);
	weir_array out;
	ck_assert_int_eq(weir_call_process(&root, call, &(uint32_t){9}, &out, NULL), 0);
	ck_assert_uint_eq(((uint32_t *)out.items)[0] + ((uint32_t *)out.items)[1], 18);
	weir_array_drop(&out);
	done_with(&call, &st);
}
END_TEST

START_TEST(several_arrays_are_out_at_once)
{
	weir_stage *const both[] = {by(&two), by(&three)};
	weir_stage *st = weir_map(weir_parallel(both, 2, 0, sum_stage(rt, NULL)), NULL);
	weir_call *call = call_of(st);
	int values[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
	nums_t in = nums_of(values, 10), outs[3];
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < 3; i++)
			ck_assert_int_eq(weir_call_process(&root, call, &in, &outs[i], NULL), 0);
		for (int i = 0; i < 3; i++) {
			for (size_t k = 0; k < 10; k++)
				ck_assert_int_eq(*nums_at(&outs[i], k), 5 * values[k]);
			nums_drop(&outs[i]);
		}
	}
	nums_t last;
	ck_assert_int_eq(weir_call_process(&root, call, &in, &last, NULL), 0);
	nums_drop(&in);
	done_with(&call, &st);
	ck_assert_int_eq(*nums_at(&last, 9), 50); /* it outlives its call */
	nums_drop(&last);
}
END_TEST

/* In one task: exactly none. */
START_TEST(steady_state_allocates_nothing)
{
	weir_stage *st = weir_then(weir_fan_out((weir_stage *const[]){by(&two), by(&three)}, 2, 1),
				   weir_map(by(&four), &(struct weir_map_opts){.concurrency = 1}));
	weir_call *call = call_of(st);
	nums_t out;
	for (int i = 0; i < 100; i++) {
		if (i == 1)
			memory_refuse(1);
		ck_assert_int_eq(weir_call_process(&root, call, &i, &out, NULL), 0);
		ck_assert_int_eq(*nums_at(&out, 1), 12 * i);
		nums_drop(&out);
	}
	ck_assert(!memory_was_refused());
	memory_refuse(0);
	done_with(&call, &st);
}
END_TEST

/* ---- fan-in ---- */

START_TEST(what_is_wrong_with_a_fan_in)
{
	weir_stage *const one[] = {by(&two)};
	expect_wrong(weir_fan_in(rt, num_type(), num_type(), NULL, NULL), WEIR_EINVAL, "needs a function");
	expect_wrong(weir_fan_in(rt, NULL, num_type(), sum_raw, NULL), WEIR_EINVAL, "no type for \"of\"");
	expect_wrong(weir_fan_in(rt, num_type(), NULL, sum_raw, NULL), WEIR_EINVAL, "no type for \"out\"");
	expect_wrong(weir_fan_in(NULL, num_type(), num_type(), sum_raw, NULL), WEIR_EINVAL, "without a runtime");
	expect_wrong(weir_parallel(one, 1, 0, by(&two)), WEIR_ETYPE, "makes arrays of num, but \"times\" takes num");
	expect_wrong(weir_parallel(NULL, 0, 0, sum_stage(rt, NULL)), WEIR_EINVAL, "made of no stages");
}
END_TEST

START_TEST(fan_in_of_an_array)
{
	int called = 0, out = 7;
	weir_stage *st = weir_fan_in(rt, num_type(), num_type(), sum_raw, &called);
	weir_call *call = call_of(st);
	weir_ctx over;
	nums_t in = nums_of((int[]){1, 2, 3}, 3), none = nums_of(NULL, 0);
	ck_assert_int_eq(weir_call_process(&root, call, &in, &out, NULL), 0);
	ck_assert_int_eq(out, 6);
	ck_assert_int_eq(weir_call_process(&root, call, &none, &out, NULL), 0);
	ck_assert_int_eq(out, 0);
	weir_ctx_init(&over, &root, WEIR_FOREVER);
	weir_ctx_cancel(&over, "over");
	ck_assert_int_eq(weir_call_process(&over, call, &in, &out, NULL), WEIR_ECANCELED);
	ck_assert_int_eq(called, 2);
	weir_ctx_fini(&over);
	nums_drop(&in);
	done_with(&call, &st);
}
END_TEST

START_TEST(parallel_is_both)
{
	weir_stage *const all[] = {by(&two), by(&three), by(&four)};
	weir_stage *st = weir_parallel(all, 3, 0, weir_fan_in(rt, num_type(), num_type(), sum_raw, NULL));
	weir_call *call = call_of(st);
	weir_err err = {0};
	char buf[300];
	int out = 0;
	ck_assert_str_eq(weir_stage_name(st), "parallel");
	ck_assert_int_eq(weir_call_process(&root, call, &(int){10}, &out, NULL), 0);
	ck_assert_int_eq(out, 90);
	ck_assert_int_eq(weir_call_process(&root, call, &(int){-1}, &out, &err), WEIR_EUSER);
	weir_err_format(&err, buf, sizeof(buf));
	ck_assert_msg(strncmp(buf, "parallel: fan_out[0]: times[", 28) == 0, "%s", buf);
	weir_err_fini(&err);
	done_with(&call, &st);
}
END_TEST

/* ---- map ---- */

START_TEST(what_is_wrong_with_a_map)
{
	expect_wrong(weir_map(NULL, NULL), WEIR_EINVAL, "made of no stages");
	expect_wrong(weir_map(taking(&item_type), NULL), WEIR_EINVAL, "cannot be copied");
	expect_wrong(weir_map(by(&two), &(struct weir_map_opts){.concurrency = 65537}), WEIR_EINVAL, "at most 65536");
}
END_TEST

START_TEST(map_keeps_the_order)
{
	int values[100];
	for (int i = 0; i < 100; i++)
		values[i] = i;
	for (size_t concurrency = 0; concurrency < 9; concurrency += 3) {
		weir_stage *st = weir_map(by(&three), &(struct weir_map_opts){.concurrency = concurrency});
		weir_call *call = call_of(st);
		for (size_t n = 0; n <= 100; n += 20) {
			nums_t in = nums_of(values, n), out;
			ck_assert_int_eq(weir_call_process(&root, call, &in, &out, NULL), 0);
			ck_assert_uint_eq(nums_len(&out), n);
			for (size_t i = 0; i < n; i++)
				ck_assert_int_eq(*nums_at(&out, i), 3 * (int)i);
			nums_drop(&in);
			nums_drop(&out);
		}
		done_with(&call, &st);
	}
}
END_TEST

START_TEST(map_collects)
{
	weir_stage *st = weir_map(by(&three), &(struct weir_map_opts){.collect = true});
	weir_call *call = call_of(st);
	weir_err err = {0};
	struct weir_err_info info;
	nums_t in = nums_of((int[]){1, -2, 3, -4}, 4), out;
	bool seen[4] = {false};
	ck_assert_int_eq(weir_call_process(&root, call, &in, &out, &err), WEIR_EPARTIAL);
	ck_assert_int_eq(*nums_at(&out, 0), 3);
	ck_assert_ptr_null(nums_at(&out, 1));
	ck_assert_int_eq(*nums_at(&out, 2), 9);
	ck_assert_ptr_null(nums_at(&out, 3));
	nums_drop(&out);
	ck_assert(weir_err_as(&err, WEIR_EPARTIAL, &info));
	ck_assert_int_eq(info.value, 1);
	for (size_t i = 0; i < 2; i++) {
		uint32_t index = 0;
		const weir_err *member = weir_err_member(&err, i, &index);
		ck_assert_int_eq(member->code, WEIR_EUSER);
		ck_assert(index == 1 || index == 3);
		seen[index] = true;
	}
	ck_assert(seen[1] && seen[3]);
	ck_assert_ptr_null(weir_err_member(&err, 2, NULL));
	weir_err_fini(&err);
	ck_assert_int_eq(weir_call_process(&root, call, &in, &out, NULL), WEIR_EPARTIAL);
	nums_drop(&out);
	nums_drop(&in);
	done_with(&call, &st);
}
END_TEST

START_TEST(map_wants_a_full_array)
{
	weir_stage *st = weir_map(by(&three), NULL);
	weir_call *call = call_of(st);
	nums_t in, out;
	ck_assert_int_eq(nums_new(rt, 2, &in), 0);
	ck_assert_int_eq(nums_put(&in, 1, &two), 0);
	ck_assert_int_eq(weir_call_process(&root, call, &in, &out, NULL), WEIR_EINVAL);
	nums_drop(&in);
	done_with(&call, &st);
}
END_TEST

/* What a map collected within another stage cannot be passed on: it is dropped, and the code says that. */
START_TEST(a_part_within_something_else)
{
	weir_stage *st =
		weir_fan_out((weir_stage *const[]){weir_map(by(&three), &(struct weir_map_opts){.collect = true})}, 1,
			     0);
	weir_call *call = call_of(st);
	weir_err err = {0};
	nums_t in = nums_of((int[]){1, -2}, 2);
	weir_array out;
	ck_assert_int_eq(weir_call_process(&root, call, &in, &out, &err), WEIR_EINCOMPLETE);
	ck_assert(weir_err_is(&err, WEIR_EPARTIAL));
	ck_assert(weir_err_is(&err, WEIR_EUSER));
	weir_err_fini(&err);
	nums_drop(&in);
	done_with(&call, &st);
}
END_TEST

/* ---- router ---- */

/* The value's decimal digits are the routes; 9: fails, 8: says too many. */
static int by_digits(weir_ctx *ctx, const void *in, size_t *picks, size_t cap, weir_err *err, void *arg)
{
	int value = *(const int *)in;
	size_t n = 0;
	(void)ctx, (void)arg;
	if (value == 9)
		return weir_fail(err, WEIR_EUSER - 9, "nine");
	if (value == 8)
		return (int)cap + 1;
	if (value == 7)
		return WEIR_EUSER - 7;
	for (; value > 0 && n < cap; value /= 10)
		picks[n++] = (size_t)(value % 10 - 1);
	return (int)n;
}

START_TEST(what_is_wrong_with_a_router)
{
	struct weir_router_opts o = {.selector = by_digits};
	weir_stage *const bad[] = {by(&two), to_text_stage(rt, NULL)};
	expect_wrong(weir_router(NULL, 0, &o), WEIR_EINVAL, "made of no stages");
	expect_wrong(weir_router((weir_stage *const[]){by(&two)}, 1, NULL), WEIR_EINVAL, "needs a selector");
	expect_wrong(weir_router((weir_stage *const[]){by(&two)}, 1, &(struct weir_router_opts){0}), WEIR_EINVAL,
		     "needs a selector");
	expect_wrong(weir_router(bad, 2, &o), WEIR_ETYPE, "makes text");
	expect_wrong(weir_router((weir_stage *const[]){taking(&item_type)}, 1, &o), WEIR_EINVAL, "cannot be copied");
	o.max = 70000;
	expect_wrong(weir_router((weir_stage *const[]){by(&two)}, 1, &o), WEIR_EINVAL, "at most 65536");
}
END_TEST

START_TEST(routes_are_taken_as_selected)
{
	struct weir_router_opts o = {.selector = by_digits, .max = 4};
	for (o.concurrency = 0; o.concurrency < 4; o.concurrency++) {
		weir_stage *routes[] = {by(&two), by(&three), by(&four)};
		weir_stage *st = weir_router(routes, 3, &o);
		memset(routes, 0, sizeof(routes)); /* copied */
		weir_call *call = call_of(st);
		nums_t out;
		weir_err err = {0};
		int in = 1223; /* 3, 2 twice, 1 */
		for (int i = 0; i < 50; i++) {
			ck_assert_int_eq(weir_call_process(&root, call, &in, &out, NULL), 0);
			ck_assert_uint_eq(nums_len(&out), 4);
			ck_assert_int_eq(*nums_at(&out, 0), 4 * in);
			ck_assert_int_eq(*nums_at(&out, 1), 3 * in);
			ck_assert_int_eq(*nums_at(&out, 2), 3 * in);
			ck_assert_int_eq(*nums_at(&out, 3), 2 * in);
			nums_drop(&out);
		}
		ck_assert_int_eq(weir_call_process(&root, call, &(int){0}, &out, &err), WEIR_ENOROUTE);
		ck_assert_int_eq(weir_call_process(&root, call, &(int){4}, &out, &err), WEIR_EINVAL);
		ck_assert_int_eq(weir_call_process(&root, call, &(int){8}, &out, &err), WEIR_EINVAL);
		ck_assert_int_eq(weir_call_process(&root, call, &(int){9}, &out, NULL), WEIR_EUSER - 9);
		weir_err_fini(&err);
		ck_assert_int_eq(weir_call_process(&root, call, &(int){7}, &out, &err), WEIR_EUSER - 7);
		ck_assert(weir_err_is(&err, WEIR_EUSER - 7));
		weir_err_fini(&err);
		done_with(&call, &st);
	}
}
END_TEST

/* ---- reduce, map-reduce ---- */

static int by_last_digit(const void *a, const void *b, void *arg)
{
	return (*(const int *)a % 10 - *(const int *)b % 10) * *(const int *)arg;
}

static int one = 1;

START_TEST(what_is_wrong_with_a_reduce)
{
	struct weir_reduce_opts o = {.order = by_last_digit};
	expect_wrong(weir_reduce(NULL, &o), WEIR_EINVAL, "made of no stages");
	expect_wrong(weir_reduce(sum_stage(rt, NULL), NULL), WEIR_EINVAL, "needs an order");
	expect_wrong(weir_reduce(sum_stage(rt, NULL), &(struct weir_reduce_opts){0}), WEIR_EINVAL, "needs an order");
	expect_wrong(weir_reduce(by(&two), &o), WEIR_ETYPE, "\"times\" takes num, but a group is an array");
	expect_wrong(weir_map_reduce(to_text_stage(rt, NULL), sum_stage(rt, NULL), &o), WEIR_ETYPE,
		     "makes arrays of text, but \"reduce\" takes arrays of num");
	expect_wrong(weir_map_reduce(NULL, sum_stage(rt, NULL), &o), WEIR_EINVAL, "made of no stages");
	o.concurrency = 70000;
	expect_wrong(weir_reduce(sum_stage(rt, NULL), &o), WEIR_EINVAL, "at most 65536");
}
END_TEST

/* Against a sum by hand, for many lengths: 0 up to 40 values, in a fixed pseudo-random order. */
START_TEST(groups_come_in_order)
{
	struct weir_reduce_opts o = {.order = by_last_digit, .arg = &one};
	weir_stage *st = weir_map_reduce(by(&three), sum_stage(rt, NULL), &o);
	weir_call *call = call_of(st);
	int values[40];
	uint32_t state = 1;
	for (size_t n = 0; n <= 40; n++) {
		int sums[10] = {0}, counts[10] = {0}, groups = 0;
		for (size_t i = 0; i < n; i++) {
			state = state * 1664525 + 1013904223;
			values[i] = (int)(state >> 20);
			sums[3 * values[i] % 10] += 3 * values[i];
			counts[3 * values[i] % 10]++;
		}
		nums_t in = nums_of(values, n), out;
		ck_assert_int_eq(weir_call_process(&root, call, &in, &out, NULL), 0);
		for (int d = 0; d < 10; d++)
			if (counts[d])
				ck_assert_int_eq(*nums_at(&out, (size_t)groups++), sums[d]);
		ck_assert_uint_eq(nums_len(&out), (size_t)groups);
		nums_drop(&in);
		nums_drop(&out);
	}
	done_with(&call, &st);
}
END_TEST

static int joined(weir_ctx *ctx, const nums_t *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*out = 0;
	for (size_t i = 0; i < nums_len(in); i++)
		*out = *out * 100 + *nums_at(in, i);
	return 0;
}
WEIR_STAGE_DECLARE(joined, nums, num);

START_TEST(groups_keep_the_order_within)
{
	weir_stage *st = weir_reduce(joined_stage(rt, NULL),
				     &(struct weir_reduce_opts){.order = by_last_digit, .arg = &one, .concurrency = 1});
	weir_call *call = call_of(st);
	nums_t in = nums_of((int[]){32, 11, 22, 51, 12, 21}, 6), out;
	for (int i = 0; i < 3; i++) {
		if (i == 1)
			memory_refuse(1); /* what the first needed is used again */
		ck_assert_int_eq(weir_call_process(&root, call, &in, &out, NULL), 0);
		ck_assert_int_eq(*nums_at(&out, 0), 115121);
		ck_assert_int_eq(*nums_at(&out, 1), 322212);
		nums_drop(&out);
	}
	ck_assert(!memory_was_refused());
	memory_refuse(0);
	int gone;
	ck_assert(nums_take(&in, 3, &gone));
	ck_assert_int_eq(weir_call_process(&root, call, &in, &out, NULL), WEIR_EINVAL);
	nums_drop(&in);
	done_with(&call, &st);
}
END_TEST

/* A context that had ended is the code of each, also where there is nothing to do; nobody is called, no memory asked
 * for. */
START_TEST(a_context_that_had_ended)
{
	weir_stage *const one_route[] = {by(&two)};
	weir_stage *all[] = {weir_fan_out((weir_stage *const[]){by(&two), by(&three)}, 2, 0),
			     weir_router(one_route, 1, &(struct weir_router_opts){.selector = by_digits}),
			     weir_map(by(&two), &(struct weir_map_opts){.collect = true}),
			     weir_reduce(sum_stage(rt, NULL), &(struct weir_reduce_opts){.order = by_last_digit})};
	nums_t none = {{0}}, some = nums_of((int[]){1, 2}, 2);
	weir_ctx over;
	weir_ctx_init(&over, &root, 1);
	for (size_t i = 0; i < 4; i++) {
		weir_call *call = call_of(all[i]);
		for (int k = 0; k < 2; k++) {
			const void *array = k ? &none : &some, *number = k ? &two : &one;
			nums_t out;
			weir_err err = {0};
			memory_refuse(1);
			ck_assert_int_eq(weir_call_process(&over, call, i < 2 ? number : array, &out, &err),
					 WEIR_EDEADLINE);
			ck_assert(!memory_was_refused());
			memory_refuse(0);
			ck_assert_int_eq(err.code, WEIR_EDEADLINE);
			weir_err_fini(&err);
		}
		done_with(&call, &all[i]);
	}
	nums_drop(&some);
	weir_ctx_fini(&over);
}
END_TEST

/* ---- all of them ---- */

/* One thing at a time needs no helper task: a call lives without its scope. */
START_TEST(one_at_a_time_has_no_helpers)
{
	const struct weir_map_opts map = {.concurrency = 1};
	const struct weir_reduce_opts reduce = {.order = by_last_digit, .arg = &one, .concurrency = 1};
	const struct weir_router_opts router = {.selector = by_digits, .max = 1};
	weir_stage *all[] = {weir_fan_out((weir_stage *const[]){by(&two)}, 1, 0),
			     weir_fan_out((weir_stage *const[]){by(&two), by(&three)}, 2, 1),
			     weir_router((weir_stage *const[]){by(&two), by(&three)}, 2, &router),
			     weir_map(by(&two), &map), weir_reduce(sum_stage(rt, NULL), &reduce)};
	nums_t some = nums_of((int[]){1, 2}, 2), out;
	for (size_t i = 0; i < 5; i++) {
		weir_call *call = call_of(all[i]);
		ck_assert_int_eq(weir_scope_join(&root, &scope, 0, NULL), 0); /* nothing of it is left */
		const void *in = i < 3 ? (const void *)&one : &some;
		ck_assert_int_eq(weir_call_process(&root, call, in, &out, NULL), 0);
		ck_assert_uint_eq(nums_len(&out), i == 0 || i == 2 ? 1 : 2);
		nums_drop(&out);
		weir_call_free(&call);
		weir_stage_free(&all[i]);
	}
	nums_drop(&some);
}
END_TEST

/* Counts what it was told of each kind. */
struct told {
	int setups, closes, resets, healths;
};

#define TOLD(what)                                                      \
	static int told_##what(weir_ctx *ctx, weir_err *err, void *arg) \
	{                                                               \
		(void)ctx, (void)err;                                   \
		((struct told *)arg)->what++;                           \
		return 0;                                               \
	}
TOLD(setups)
TOLD(closes)
TOLD(resets)
TOLD(healths)

static int nothing(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)in, (void)out, (void)arg;
	return weir_fail(err, WEIR_EUSER, "nobody calls it");
}

static weir_stage *telling(const weir_type *in, const weir_type *out, struct told *t)
{
	return weir_stage_new(rt, &(struct weir_stage_opts){.in = in,
							    .out = out,
							    .process = nothing,
							    .arg = t,
							    .lifecycle = {told_setups, told_closes, told_resets,
									  told_healths}});
}

static weir_stage *number(struct told *t)
{
	return telling(num_type(), num_type(), t);
}

static int pass_on(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)in, (void)out, (void)arg;
	return err->code;
}

/* Whatever a stage is part of, it is set up, closed, reset and asked once. */
START_TEST(the_lifecycle_reaches_every_child)
{
	struct told t[2];
	weir_service svc;
	const struct weir_router_opts router = {.selector = by_digits};
	const struct weir_reduce_opts reduce = {.order = by_last_digit};
	const struct weir_on_error_opts on_error = {.fn = pass_on};
	weir_service_init(&svc, rt, NULL);
	for (int i = 0; i < 9; i++) {
		memset(t, 0, sizeof(t));
		weir_stage *two_of_them[] = {number(&t[0]), number(&t[1])};
		weir_stage *st = i == 1   ? weir_fan_out(two_of_them, 2, 0)
				 : i == 2 ? weir_router(two_of_them, 2, &router)
					  : weir_chain(two_of_them, 2);
		st = i == 3   ? weir_map(st, NULL)
		     : i == 4 ? weir_batch(weir_map(st, NULL), &(struct weir_batch_opts){.size = 1})
		     : i == 5 ? weir_on_error(st, &on_error)
		     : i == 6 ? weir_service_stage(st, &svc)
		     : i == 7 ? weir_map_reduce(st, sum_stage(rt, NULL), &reduce)
		     : i == 8 ? weir_reduce(weir_then(sum_stage(rt, NULL), st), &reduce)
			      : st;
		ck_assert_int_eq(weir_stage_setup(&root, st, NULL), 0);
		ck_assert_int_eq(weir_stage_reset(&root, st, NULL), 0);
		ck_assert_int_eq(weir_stage_health(&root, st, NULL), 0);
		ck_assert_int_eq(weir_stage_close(&root, st, NULL), 0);
		for (int k = 0; k < 2; k++)
			ck_assert(t[k].setups == 1 && t[k].closes == 1 && t[k].resets == 1 && t[k].healths == 1);
		weir_stage_free(&st);
	}
	weir_service_fini(&svc);
}
END_TEST

static Suite *combine_suite(void)
{
	Suite *suite = suite_create("combine");
	TCase *fan_out = world_case(suite, "fan_out"), *fan_in = world_case(suite, "fan_in"),
	      *map = world_case(suite, "map"), *router = world_case(suite, "router"),
	      *reduce = world_case(suite, "reduce"), *all = world_case(suite, "all");
	tcase_add_test(fan_out, what_is_wrong_with_a_fan_out);
	tcase_add_test(fan_out, fan_out_makes_an_array);
	tcase_add_test(fan_out, fan_out_of_those_that_take);
	tcase_add_test(fan_out, several_arrays_are_out_at_once);
	tcase_add_test(fan_out, steady_state_allocates_nothing);
	tcase_add_test(fan_in, what_is_wrong_with_a_fan_in);
	tcase_add_test(fan_in, fan_in_of_an_array);
	tcase_add_test(fan_in, parallel_is_both);
	tcase_add_test(map, what_is_wrong_with_a_map);
	tcase_add_test(map, map_keeps_the_order);
	tcase_add_test(map, map_collects);
	tcase_add_test(map, map_wants_a_full_array);
	tcase_add_test(map, a_part_within_something_else);
	tcase_add_test(router, what_is_wrong_with_a_router);
	tcase_add_test(router, routes_are_taken_as_selected);
	tcase_add_test(reduce, what_is_wrong_with_a_reduce);
	tcase_add_test(reduce, groups_come_in_order);
	tcase_add_test(reduce, groups_keep_the_order_within);
	tcase_add_test(reduce, a_context_that_had_ended);
	tcase_add_test(all, one_at_a_time_has_no_helpers);
	tcase_add_test(all, the_lifecycle_reaches_every_child);
	return suite;
}

int main(void)
{
	return run_suite(combine_suite());
}

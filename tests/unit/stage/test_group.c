/* SPDX-License-Identifier: MIT
 *
 * Filters, joins by key, batches and batchers on threads: building, results, failures, and that nothing is allocated
 * once the arrays have come back. Cancellation, ages and who is first are in tests/sim/test_group.c. */
#include <check.h>

#include "kit.h"

WEIR_TYPE_PLAIN(num, int);
WEIR_ARRAY_DECLARE(nums, num);
WEIR_ARRAY_DECLARE(rows, nums);

static nums_t nums_of(const int *values, size_t n)
{
	nums_t a;
	ck_assert_int_eq(nums_new(rt, n, &a), 0);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(nums_put(&a, i, &values[i]), 0);
	return a;
}

static void expect_nums(const nums_t *a, const int *values, size_t n)
{
	ck_assert_uint_eq(nums_len(a), n);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(*nums_at(a, i), values[i]);
}

/* ---- filter ---- */

static int keep_even(weir_ctx *ctx, const void *in, weir_err *err, void *arg)
{
	uint32_t n = *(const uint32_t *)in;
	(void)ctx, (void)arg;
	return n == 99 ? weir_fail(err, WEIR_EUSER, "not 99") : n % 2 == 0 ? 7 : 0;
}

START_TEST(filter_moves_or_leaves)
{
	weir_stage *st = weir_filter(rt, &item_type, keep_even, NULL);
	weir_call *call = call_of(st);
	weir_err err = {0};
	uint32_t in = 4, out = 0;
	ck_assert(weir_stage_takes(st));
	ck_assert_str_eq(weir_stage_name(st), "filter");
	ck_assert_int_eq(weir_call_process(&root, call, &in, &out, &err), 0);
	ck_assert_uint_eq(out, 4);
	ck_assert_int_eq(err.code, 0);
	in = 5;
	ck_assert_int_eq(weir_call_process(&root, call, &in, &out, &err), WEIR_EFILTERED);
	expect_text(&err, "filter: WEIR_EFILTERED");
	in = 99;
	ck_assert_int_eq(weir_call_process(&root, call, &in, &out, &err), WEIR_EUSER);
	expect_text(&err, "filter: user error -10000: not 99");
	ck_assert_uint_eq(drops_in_all(), 0); /* whose they were */
	done_with(&call, &st);
}
END_TEST

START_TEST(filter_without_a_predicate_keeps_all)
{
	weir_stage *st = weir_then(weir_filter(rt, num_type(), NULL, NULL), weir_filter(rt, num_type(), NULL, NULL));
	weir_call *call = call_of(st);
	for (int i = 0, out = -1; i < 5; i++) {
		ck_assert_int_eq(weir_call_process(&root, call, &i, &out, NULL), 0);
		ck_assert_int_eq(out, i);
	}
	done_with(&call, &st);
	expect_wrong(weir_filter(rt, NULL, NULL, NULL), WEIR_EINVAL, "has no type");
	expect_wrong(weir_filter(NULL, num_type(), NULL, NULL), WEIR_EINVAL, "without a runtime");
}
END_TEST

/* ---- join ---- */

static int keys_made;

static int by_tens(weir_ctx *ctx, const void *value, void *key, weir_err *err, void *arg)
{
	int n = *(const int *)value;
	(void)ctx, (void)arg;
	ck_assert_int_eq(*(int *)key, 0);
	keys_made++;
	if (n < 0)
		return n == -1 ? weir_fail(err, WEIR_EUSER - 1, "negative") : n == -2 ? WEIR_EUSER - 2 : 1;
	*(int *)key = n / 10;
	return 0;
}

static int odd_and_even(const void *a, const void *b, void *arg)
{
	(void)arg;
	return *(const int *)a % 2 - *(const int *)b % 2;
}

static weir_stage *join_of(weir_order_fn *order)
{
	return weir_join_by_key(rt, num_type(),
				&(struct weir_join_opts){.key_of = by_tens, .key = num_type(), .order = order});
}

START_TEST(what_is_wrong_with_a_join)
{
	const struct weir_join_opts opts = {.key_of = by_tens, .key = num_type()}, no_key = {.key_of = by_tens};
	expect_wrong(weir_join_by_key(rt, num_type(), NULL), WEIR_EINVAL, "needs a function that makes keys");
	expect_wrong(weir_join_by_key(rt, num_type(), &no_key), WEIR_EINVAL, "has no type for \"key\"");
	expect_wrong(weir_join_by_key(rt, NULL, &opts), WEIR_EINVAL, "has no type for \"of\"");
	expect_wrong(weir_join_by_key(rt, &item_type, &opts), WEIR_EINVAL, "item cannot be copied");
	expect_wrong(weir_join_by_key(NULL, num_type(), &opts), WEIR_EINVAL, "without a runtime");
}
END_TEST

START_TEST(groups_stand_as_they_were_first_seen)
{
	static const int values[] = {31, 12, 35, 2, 11, 39, 1}, third[] = {31, 35, 39}, first[] = {12, 11},
			 zeroth[] = {2, 1}, odd[] = {31, 12, 35, 11, 39};
	rows_t out;
	nums_t in = nums_of(values, 7);
	weir_stage *st = join_of(NULL);
	weir_call *call = call_of(st);
	for (int i = 0; i < 3; i++) {
		long asked = atomic_load(&memory.asked);
		ck_assert_int_eq(weir_call_process(&root, call, &in, &out, NULL), 0);
		ck_assert(i < 2 || atomic_load(&memory.asked) == asked);
		ck_assert_uint_eq(rows_len(&out), 3);
		expect_nums(rows_at(&out, 0), third, 3);
		expect_nums(rows_at(&out, 1), first, 2);
		expect_nums(rows_at(&out, 2), zeroth, 2);
		rows_drop(&out);
	}
	expect_nums(&in, values, 7); /* still ours */
	done_with(&call, &st);
	st = join_of(odd_and_even); /* 3, 1 and 0: odd, odd, even */
	call = call_of(st);
	ck_assert_int_eq(weir_call_process(&root, call, &in, &out, NULL), 0);
	ck_assert_uint_eq(rows_len(&out), 2);
	expect_nums(rows_at(&out, 0), odd, 5);
	expect_nums(rows_at(&out, 1), zeroth, 2);
	rows_drop(&out);
	nums_drop(&in);
	done_with(&call, &st);
}
END_TEST

/* All shapes of up to 4 keys and 7 values, against the obvious way to do it. */
START_TEST(groups_of_every_small_array)
{
	weir_stage *st = join_of(NULL);
	weir_call *call = call_of(st);
	for (unsigned shape = 0; shape < 1u << 14; shape += 5) {
		int values[7];
		rows_t out;
		for (int i = 0; i < 7; i++)
			values[i] = (int)(shape >> (2 * i) & 3) * 10 + i;
		nums_t in = nums_of(values, 7);
		ck_assert_int_eq(weir_call_process(&root, call, &in, &out, NULL), 0);
		size_t group = 0;
		for (int i = 0; i < 7; i++) {
			int again = 0;
			size_t n = 0;
			for (int j = 0; j < i; j++)
				again |= values[j] / 10 == values[i] / 10;
			for (int j = i; j < 7 && !again; j++)
				if (values[j] / 10 == values[i] / 10)
					ck_assert_int_eq(*nums_at(rows_at(&out, group), n++), values[j]);
			if (!again)
				ck_assert_uint_eq(nums_len(rows_at(&out, group++)), n);
		}
		ck_assert_uint_eq(rows_len(&out), group);
		rows_drop(&out);
		nums_drop(&in);
	}
	done_with(&call, &st);
}
END_TEST

START_TEST(the_first_key_that_fails_ends_a_join)
{
	static const struct {
		int values[3], code, made;
		const char *text;
	} cases[] = {
		{{1, -1, -2}, WEIR_EUSER - 1, 2, "join_by_key: key_of[1]: user error -10001: negative"},
		{{-2, 1, -1}, WEIR_EUSER - 2, 1, "join_by_key: key_of[0]"},
		{{1, 2, -3}, WEIR_EINVAL, 3, "key_of returned 1"},
	};
	weir_stage *st = join_of(NULL);
	weir_call *call = call_of(st);
	weir_err err = {0};
	weir_ctx ended;
	rows_t out;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		nums_t in = nums_of(cases[i].values, 3);
		keys_made = 0;
		ck_assert_int_eq(weir_call_process(&root, call, &in, &out, &err), cases[i].code);
		expect_text(&err, cases[i].text);
		ck_assert_int_eq(weir_call_process(&root, call, &in, &out, NULL), cases[i].code);
		ck_assert_int_eq(keys_made, 2 * cases[i].made);
		nums_drop(&in);
	}
	nums_t in = {0};
	ck_assert_int_eq(weir_call_process(&root, call, &in, &out, NULL), 0);
	ck_assert_uint_eq(rows_len(&out), 0);
	ck_assert_int_eq(nums_new(rt, 2, &in), 0);
	ck_assert_int_eq(weir_call_process(&root, call, &in, &out, &err), WEIR_EINVAL);
	expect_text(&err, "place 0 is empty");
	weir_ctx_init(&ended, &root, WEIR_FOREVER);
	weir_ctx_cancel(&ended, "over");
	ck_assert_int_eq(weir_call_process(&ended, call, &in, &out, NULL), WEIR_ECANCELED);
	weir_ctx_fini(&ended);
	nums_drop(&in);
	done_with(&call, &st);
}
END_TEST

/* ---- batch ---- */

static size_t seen[8], n_seen;

/* Leaves out what is 0, and fails at a negative value; remembers how many it was given. */
static int compact(weir_ctx *ctx, const nums_t *in, nums_t *out, weir_err *err, void *arg)
{
	size_t n = 0;
	(void)ctx, (void)arg;
	seen[n_seen++ % 8] = nums_len(in);
	for (size_t i = 0; i < nums_len(in); i++) {
		if (*nums_at(in, i) < 0)
			return weir_fail(err, WEIR_EUSER, "%d", *nums_at(in, i));
		n += *nums_at(in, i) != 0;
	}
	int rc = nums_new(rt, n, out);
	for (size_t i = 0, to = 0; i < nums_len(in) && rc == 0; i++)
		if (*nums_at(in, i))
			rc = nums_put(out, to++, nums_at(in, i));
	return rc;
}
WEIR_STAGE_DECLARE(compact, nums, nums);

static int same(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*out = *in;
	return 0;
}
WEIR_STAGE_DECLARE(same, num, num);

static size_t told_given, told_made, told;

static void on_batch(size_t given, size_t made, void *arg)
{
	ck_assert_ptr_eq(arg, &told);
	told++;
	told_given += given;
	told_made += made;
}

static weir_stage *batch_of(size_t size, bool whole)
{
	return weir_batch(compact_stage(rt, NULL),
			  &(struct weir_batch_opts){.size = size, .whole = whole, .on_batch = on_batch, .arg = &told});
}

START_TEST(what_is_wrong_with_a_batch)
{
	const struct weir_batch_opts two = {.size = 2}, none = {0};
	weir_type arrays = weir_array_type(&item_type);
	expect_wrong(weir_batch(compact_stage(rt, NULL), NULL), WEIR_EINVAL, "needs a size of 1 or more");
	expect_wrong(weir_batch(compact_stage(rt, NULL), &none), WEIR_EINVAL, "needs a size of 1 or more");
	expect_wrong(weir_batch(NULL, &two), WEIR_EINVAL, "no stages");
	expect_wrong(weir_batch(same_stage(rt, NULL), &two), WEIR_ETYPE, "\"same\" has to take and make arrays");
	expect_wrong(weir_batch(weir_filter(rt, &arrays, NULL, NULL), &two), WEIR_EINVAL, "cannot be copied");
}
END_TEST

START_TEST(batches_come_in_order)
{
	static const int values[] = {1, 0, 2, 3, 4, 0, 0}, out_values[] = {1, 2, 3, 4};
	nums_t in = nums_of(values, 7), out;
	for (size_t size = 1; size <= 8; size++) {
		weir_stage *st = batch_of(size, false);
		weir_call *call = call_of(st);
		n_seen = told = told_given = told_made = 0;
		ck_assert_int_eq(weir_call_process(&root, call, &in, &out, NULL), 0);
		expect_nums(&out, out_values, 4);
		ck_assert_uint_eq(n_seen, (7 + size - 1) / size);
		ck_assert_uint_eq(seen[0], size < 7 ? size : 7);
		ck_assert_uint_eq(seen[n_seen - 1], 7 % size ? 7 % size : size);
		ck_assert_uint_eq(told, n_seen);
		ck_assert_uint_eq(told_given, 7);
		ck_assert_uint_eq(told_made, 4);
		nums_drop(&out);
		done_with(&call, &st);
	}
	expect_nums(&in, values, 7);
	nums_drop(&in);
}
END_TEST

START_TEST(an_empty_array_calls_nothing)
{
	weir_stage *st = batch_of(3, false);
	weir_call *call = call_of(st);
	nums_t in = {0}, out;
	n_seen = 0;
	ck_assert_int_eq(weir_call_process(&root, call, &in, &out, NULL), 0);
	ck_assert_uint_eq(nums_len(&out), 0);
	ck_assert_uint_eq(n_seen, 0);
	done_with(&call, &st);
}
END_TEST

/* With the offset of the first value that was not done; nothing at all is an empty array. */
START_TEST(what_was_done_before_a_failure_stays)
{
	static const int late[] = {1, 2, 3, 4, -5, 6}, early[] = {1, -2, 3, 4};
	struct weir_err_info info;
	weir_err err = {0};
	weir_ctx ended;
	nums_t in = nums_of(late, 6), other = nums_of(early, 4), out;
	weir_stage *st = batch_of(2, false);
	weir_call *call = call_of(st);
	ck_assert_int_eq(weir_call_process(&root, call, &in, &out, &err), WEIR_EPARTIAL);
	ck_assert(weir_err_as(&err, WEIR_EPARTIAL, &info));
	ck_assert_int_eq(info.value, 4);
	ck_assert(weir_err_as(&err, WEIR_EUSER, &info));
	ck_assert_str_eq(info.name, "compact");
	ck_assert_uint_eq(info.index, 2);
	expect_nums(&out, late, 4);
	nums_drop(&out);
	weir_err_fini(&err);
	ck_assert_int_eq(weir_call_process(&root, call, &other, &out, &err), WEIR_EPARTIAL);
	ck_assert(weir_err_as(&err, WEIR_EPARTIAL, &info));
	ck_assert_int_eq(info.value, 0);
	ck_assert_uint_eq(nums_len(&out), 0);
	nums_drop(&out);
	weir_err_fini(&err);
	weir_ctx_init(&ended, &root, WEIR_FOREVER);
	weir_ctx_cancel(&ended, "over");
	ck_assert_int_eq(weir_call_process(&ended, call, &in, &out, NULL), WEIR_ECANCELED);
	weir_ctx_fini(&ended);
	done_with(&call, &st);
	st = batch_of(2, true); /* all or nothing */
	call = call_of(st);
	ck_assert_int_eq(weir_call_process(&root, call, &in, &out, &err), WEIR_EUSER);
	ck_assert(!weir_err_is(&err, WEIR_EPARTIAL));
	expect_text(&err, "batch: compact[2]: user error -10000: -5");
	done_with(&call, &st);
	nums_drop(&in);
	nums_drop(&other);
}
END_TEST

/* A map that collects, in a batch: its own partial result cannot be passed on. */
static int fail_at_two(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)arg;
	*out = *in;
	return *in == 2 ? weir_fail(err, WEIR_EUSER, "two") : 0;
}
WEIR_STAGE_DECLARE(fail_at_two, num, num);

START_TEST(a_part_of_a_batch_is_dropped)
{
	static const int values[] = {5, 2, 1};
	weir_err err = {0};
	nums_t in = nums_of(values, 3), out;
	weir_stage *st = weir_batch(weir_map(fail_at_two_stage(rt, NULL),
					     &(struct weir_map_opts){.concurrency = 1, .collect = true}),
				    &(struct weir_batch_opts){.size = 1});
	weir_call *call = call_of(st);
	ck_assert_int_eq(weir_call_process(&root, call, &in, &out, &err), WEIR_EPARTIAL);
	expect_nums(&out, values, 1);
	ck_assert(weir_err_is(&err, WEIR_EINCOMPLETE));
	ck_assert(weir_err_is(&err, WEIR_EUSER));
	weir_err_fini(&err);
	nums_drop(&out);
	nums_drop(&in);
	done_with(&call, &st);
}
END_TEST

/* Arrays pass a batch as they are, also those with empty places, and a steady state allocates nothing. */
START_TEST(a_batch_of_those_that_take)
{
	weir_stage *st = weir_batch(weir_map(same_stage(rt, NULL), &(struct weir_map_opts){.concurrency = 1}),
				    &(struct weir_batch_opts){.size = 3});
	weir_call *call = call_of(st);
	static const int values[] = {1, 2, 3, 4};
	nums_t in = nums_of(values, 4), out;
	for (int i = 0; i < 10; i++) {
		long asked = atomic_load(&memory.asked);
		ck_assert_int_eq(weir_call_process(&root, call, &in, &out, NULL), 0);
		expect_nums(&out, values, 4);
		nums_drop(&out);
		ck_assert(i < 3 || atomic_load(&memory.asked) == asked);
	}
	done_with(&call, &st);
	st = weir_batch(weir_filter(rt, nums_type(), NULL, NULL), &(struct weir_batch_opts){.size = 3});
	call = call_of(st);
	ck_assert(nums_take(&in, 1, &(int){0}));
	ck_assert_int_eq(weir_call_process(&root, call, &in, &out, NULL), 0);
	ck_assert_uint_eq(nums_len(&out), 4);
	ck_assert_ptr_null(nums_at(&out, 1));
	ck_assert_int_eq(*nums_at(&out, 3), 4);
	nums_drop(&out);
	nums_drop(&in);
	done_with(&call, &st);
}
END_TEST

/* ---- batcher ---- */

START_TEST(what_is_wrong_with_a_batcher)
{
	struct weir_batcher bad[] = {{.of = &item_type},
				     {.items = 1},
				     {.of = &item_type, .items = 1, .age_ns = -1},
				     {.of = &item_type, .items = SIZE_MAX}};
	static const int codes[] = {WEIR_EINVAL, WEIR_EINVAL, WEIR_EINVAL, WEIR_EOVERFLOW};
	weir_type arrays = weir_array_type(&item_type);
	weir_err err = {0};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		weir_tx *tx, *out;
		weir_rx *in, *rx;
		ck_assert_int_eq(weir_chan_new(rt, &item_type, 1, &tx, &in), 0);
		ck_assert_int_eq(weir_chan_new(rt, &arrays, 1, &out, &rx), 0);
		bad[i].in = in;
		bad[i].out = out;
		ck_assert_int_eq(weir_batcher_run(&root, &err, &bad[i]), codes[i]);
		ck_assert(err.code == codes[i] && !bad[i].in && !bad[i].out);
		weir_err_fini(&err);
		ck_assert_int_eq(weir_tx_try_send(tx, &(uint32_t){1}), WEIR_EPIPE);
		weir_tx_close(&tx);
		weir_rx_close(&rx);
	}
	struct weir_batcher no_ends = {.of = &item_type, .items = 1};
	ck_assert_int_eq(weir_batcher_run(&root, NULL, &no_ends), WEIR_EBADF);
}
END_TEST

START_TEST(a_batcher_passes_everything_on)
{
	enum { N = 100 };
	weir_type arrays = weir_array_type(&item_type);
	weir_tx *tx, *out;
	weir_rx *in, *rx;
	weir_array got;
	uint32_t next = 0;
	ck_assert_int_eq(weir_chan_new(rt, &item_type, N, &tx, &in), 0);
	ck_assert_int_eq(weir_chan_new(rt, &arrays, N, &out, &rx), 0);
	for (uint32_t i = 0; i < N; i++)
		ck_assert_int_eq(weir_tx_try_send(tx, &i), 0);
	weir_tx_close(&tx);
	struct weir_batcher b = {
		.in = in, .out = out, .of = &item_type, .items = 7, .bytes = 24, .age_ns = WEIR_SEC(60)};
	ck_assert_int_eq(weir_batcher_run(&root, NULL, &b), 0);
	while (weir_rx_recv(&root, rx, &got) == 1) {
		ck_assert_uint_eq(got.n, next < 96 ? 6 : 4); /* 24 bytes are 6 of them */
		for (size_t i = 0; i < got.n; i++)
			ck_assert_uint_eq(*(uint32_t *)weir_array_at(&got, i), next++);
		weir_array_drop(&got);
	}
	ck_assert_uint_eq(next, N);
	ck_assert_uint_eq(b.stats.batches, 17);
	ck_assert_uint_eq(b.stats.by_bytes, 16);
	ck_assert_uint_eq(b.stats.by_close, 1);
	for (uint32_t i = 0; i < N; i++)
		ck_assert_uint_eq(drops_of(i), 1);
	weir_rx_close(&rx);
}
END_TEST

static Suite *group_suite(void)
{
	Suite *suite = suite_create("group");
	TCase *filter = world_case(suite, "filter"), *join = world_case(suite, "join"),
	      *batch = world_case(suite, "batch"), *batcher = world_case(suite, "batcher");
	tcase_add_test(filter, filter_moves_or_leaves);
	tcase_add_test(filter, filter_without_a_predicate_keeps_all);
	tcase_add_test(join, what_is_wrong_with_a_join);
	tcase_add_test(join, groups_stand_as_they_were_first_seen);
	tcase_add_test(join, groups_of_every_small_array);
	tcase_add_test(join, the_first_key_that_fails_ends_a_join);
	tcase_add_test(batch, what_is_wrong_with_a_batch);
	tcase_add_test(batch, batches_come_in_order);
	tcase_add_test(batch, an_empty_array_calls_nothing);
	tcase_add_test(batch, what_was_done_before_a_failure_stays);
	tcase_add_test(batch, a_part_of_a_batch_is_dropped);
	tcase_add_test(batch, a_batch_of_those_that_take);
	tcase_add_test(batcher, what_is_wrong_with_a_batcher);
	tcase_add_test(batcher, a_batcher_passes_everything_on);
	return suite;
}

int main(void)
{
	return run_suite(group_suite());
}

/* SPDX-License-Identifier: MIT
 *
 * Arrays: what include/weir/stage/array.h promises. Values are core's counted items; all memory is counted, so a test
 * that leaves any behind fails. That memory comes back from another task is in tests/sim/test_stage.c. */
#include <check.h>
#include <weir/stage.h>

#include "../core/support.h"

WEIR_TYPE_PLAIN(num, int);
WEIR_ARRAY_DECLARE(nums, num);
WEIR_ARRAY_DECLARE(grid, nums);

static void word_free(char **word)
{
	free(*word);
}

static int copies_left;

static int word_dup(char *const *from, char **to)
{
	if (copies_left-- == 0)
		return WEIR_EIO;
	*to = strdup(*from);
	return 0;
}

WEIR_TYPE_OWNED_COPY(word, char *, word_free, word_dup);
WEIR_ARRAY_DECLARE(words, word);

static void deed_free(char **deed)
{
	free(*deed);
}

WEIR_TYPE_OWNED(deed, char *, deed_free);
WEIR_ARRAY_DECLARE(deeds, deed);

START_TEST(places_hold_values)
{
	weir_array a;
	uint32_t out = 0;
	ck_assert_int_eq(weir_array_new(rt, &item_type, 3, &a), 0);
	ck_assert_uint_eq(a.n, 3);
	for (size_t i = 0; i < 4; i++)
		ck_assert_ptr_null(weir_array_at(&a, i));
	ck_assert_int_eq(weir_array_put(&a, 1, &(uint32_t){5}), 0);
	ck_assert_int_eq(weir_array_put(&a, 2, &(uint32_t){6}), 0);
	ck_assert_int_eq(weir_array_put(&a, 1, &(uint32_t){7}), WEIR_EBUSY);
	ck_assert_int_eq(weir_array_put(&a, 3, &(uint32_t){7}), WEIR_EINVAL);
	ck_assert_ptr_eq(weir_array_at(&a, 1), (uint32_t *)a.items + 1);
	ck_assert_uint_eq(*(uint32_t *)weir_array_at(&a, 1), 5);
	ck_assert(!weir_array_take(&a, 0, &out));
	ck_assert(!weir_array_take(&a, 3, &out));
	ck_assert(weir_array_take(&a, 2, &out));
	ck_assert_uint_eq(out, 6);
	ck_assert_ptr_null(weir_array_at(&a, 2));
	weir_array_drop(&a);
	ck_assert_uint_eq(drops_of(5), 1);
	ck_assert_uint_eq(drops_in_all(), 1);
	ck_assert_uint_eq(a.n, 0);
	weir_array_drop(&a);
	weir_array_drop(NULL);
}
END_TEST

START_TEST(an_array_of_none_needs_no_memory)
{
	weir_array a, b = {.n = 9};
	memory_refuse(1);
	ck_assert_int_eq(weir_array_new(rt, &item_type, 0, &a), 0);
	ck_assert_int_eq(weir_array_copy(&a, &b), 0);
	ck_assert(!memory_was_refused());
	memory_refuse(0);
	ck_assert_uint_eq(b.n, 0);
	ck_assert_ptr_null(weir_array_at(&a, 0));
	weir_array_drop(&a);
}
END_TEST

START_TEST(what_cannot_be_made)
{
	weir_array a = {.n = 7};
	ck_assert_int_eq(weir_array_new(rt, NULL, 1, &a), WEIR_EINVAL);
	ck_assert_int_eq(weir_array_new(NULL, &item_type, 1, &a), WEIR_EINVAL);
	ck_assert_int_eq(weir_array_new(rt, &item_type, 1, NULL), WEIR_EINVAL);
	ck_assert_int_eq(weir_array_new(rt, &item_type, SIZE_MAX / 4, &a), WEIR_EOVERFLOW);
	ck_assert_int_eq(weir_array_new(rt, &item_type, SIZE_MAX, &a), WEIR_EOVERFLOW);
	memory_refuse(1);
	ck_assert_int_eq(weir_array_new(rt, &item_type, 1, &a), WEIR_ENOMEM);
	memory_refuse(0);
	ck_assert_uint_eq(a.n, 7);
}
END_TEST

START_TEST(values_stand_where_their_type_wants_them)
{
	for (size_t align = 1; align <= 256; align *= 2) {
		const weir_type t = {.name = "t", .size = 2 * align, .align = align};
		weir_array a;
		ck_assert_int_eq(weir_array_new(rt, &t, 5, &a), 0);
		ck_assert_uint_eq((uintptr_t)a.items % align, 0);
		memset(a.items, 1, 5 * t.size);
		for (size_t i = 0; i < 5; i++)
			ck_assert_ptr_null(weir_array_at(&a, i));
		weir_array_drop(&a);
	}
}
END_TEST

START_TEST(types_are_equal_if_their_values_are)
{
	const weir_type small = {.name = "t", .size = 4, .align = 4}, big = {.name = "t", .size = 8, .align = 4},
			other = {.name = "u", .size = 4, .align = 4}, natural = {.name = "t", .size = 4},
			owned = {.name = "t", .size = 4, .align = 4, .drop = item_drop};
	const weir_type same = small;
	weir_type a = weir_array_type(&small), b = weir_array_type(&same), aa = weir_array_type(&a);
	ck_assert(weir_type_equal(&a, &b));
	b = weir_array_type(&natural);
	ck_assert(weir_type_equal(&a, &b));
	const weir_type *const differ[] = {&big, &other, &owned, &a};
	for (size_t i = 0; i < COUNT_OF(differ); i++) {
		b = weir_array_type(differ[i]);
		ck_assert(!weir_type_equal(&a, &b));
	}
	ck_assert(weir_type_equal(&aa, &b)); /* the last one above */
	b = weir_array_type(&owned);
	ck_assert_ptr_null((void *)(uintptr_t)b.copy);
	ck_assert_ptr_nonnull((void *)(uintptr_t)a.copy);
	b = weir_array_type(num_type());
	ck_assert(weir_type_equal(nums_type(), &b));
	b = weir_array_type(nums_type());
	ck_assert(weir_type_equal(grid_type(), &b));
	ck_assert_ptr_null((void *)(uintptr_t)deeds_type()->copy);
}
END_TEST

START_TEST(copies_are_independent)
{
	words_t a, b;
	copies_left = 100;
	ck_assert_int_eq(words_new(rt, 3, &a), 0);
	ck_assert_int_eq(words_put(&a, 0, &(char *){strdup("zero")}), 0);
	ck_assert_int_eq(words_put(&a, 2, &(char *){strdup("two")}), 0);
	ck_assert_int_eq(words_copy(&a, &b), 0);
	words_drop(&a);
	ck_assert_uint_eq(words_len(&b), 3);
	ck_assert_str_eq(*words_at(&b, 0), "zero");
	ck_assert_ptr_null(words_at(&b, 1));
	ck_assert_str_eq(*words_at(&b, 2), "two");
	for (int good = 0; good < 2; good++) { /* it fails at the first or the second: nothing is left of it */
		copies_left = good;
		ck_assert_int_eq(words_copy(&b, &a), WEIR_EIO);
		ck_assert_uint_eq(words_len(&a), 0);
	}
	memory_refuse(1);
	ck_assert_int_eq(words_copy(&b, &a), WEIR_ENOMEM);
	memory_refuse(0);
	words_drop(&b);
	words_drop(NULL);
}
END_TEST

START_TEST(what_cannot_be_copied)
{
	deeds_t a, b;
	char *out = NULL;
	ck_assert_int_eq(deeds_new(rt, 1, &a), 0);
	ck_assert_int_eq(deeds_put(&a, 0, &(char *){strdup("mine")}), 0);
	ck_assert_int_eq(deeds_copy(&a, &b), WEIR_EINVAL);
	ck_assert(deeds_take(&a, 0, &out));
	ck_assert_str_eq(out, "mine");
	deed_drop(&out);
	deeds_drop(&a);
}
END_TEST

START_TEST(arrays_of_arrays)
{
	grid_t g, h;
	ck_assert_int_eq(grid_new(rt, 2, &g), 0);
	for (size_t i = 0; i < 2; i++) {
		nums_t row;
		ck_assert_int_eq(nums_new(rt, 3, &row), 0);
		for (size_t j = 0; j < 3; j++)
			ck_assert_int_eq(nums_put(&row, j, &(int){(int)(10 * i + j)}), 0);
		ck_assert_int_eq(grid_put(&g, i, &row), 0);
	}
	ck_assert_int_eq(grid_copy(&g, &h), 0);
	grid_drop(&g);
	ck_assert_int_eq(*nums_at(grid_at(&h, 1), 2), 12);
	grid_drop(&h);
}
END_TEST

/* As an item of a channel: what is never received is dropped with its values. */
START_TEST(a_channel_of_arrays)
{
	weir_type type = weir_array_type(&item_type);
	weir_tx *tx;
	weir_rx *rx;
	weir_array a;
	ck_assert_int_eq(weir_chan_new(rt, &type, 2, &tx, &rx), 0);
	for (uint32_t i = 0; i < 2; i++) {
		ck_assert_int_eq(weir_array_new(rt, &item_type, 1, &a), 0);
		ck_assert_int_eq(weir_array_put(&a, 0, &i), 0);
		ck_assert_int_eq(weir_tx_send(&root, tx, &a), 0);
	}
	ck_assert_int_eq(weir_rx_recv(&root, rx, &a), 1);
	weir_array_drop(&a);
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	ck_assert_uint_eq(drops_of(0), 1);
	ck_assert_uint_eq(drops_of(1), 1);
}
END_TEST

static Suite *array_suite(void)
{
	Suite *suite = suite_create("array");
	TCase *values = world_case(suite, "values"), *types = world_case(suite, "types");
	tcase_add_test(values, places_hold_values);
	tcase_add_test(values, an_array_of_none_needs_no_memory);
	tcase_add_test(values, what_cannot_be_made);
	tcase_add_test(values, values_stand_where_their_type_wants_them);
	tcase_add_test(values, copies_are_independent);
	tcase_add_test(values, what_cannot_be_copied);
	tcase_add_test(values, arrays_of_arrays);
	tcase_add_test(values, a_channel_of_arrays);
	tcase_add_test(types, types_are_equal_if_their_values_are);
	return suite;
}

int main(void)
{
	return run_suite(array_suite());
}

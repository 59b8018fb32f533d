/* SPDX-License-Identifier: MIT
 *
 * A bucket for each key: against buckets that are kept one by one, what is forgotten and when, keys that are refused,
 * the hash against its published values, and threads. Races and times are in tests/sim/test_keyed.c. */
#include <check.h>
#include <stdio.h>
#include <weir/limit.h>

#include "../core/support.h"
#include "limit/siphash.h"

/* The reference's secret is the bytes 0 to 15, and the messages are 0 to n - 1. */
START_TEST(hash)
{
	static const struct {
		size_t len;
		uint64_t a, b;
	} rows[] = {{0, UINT64_C(0xe6a825ba047f81a3), UINT64_C(0x930255c71472f66d)},
		    {1, UINT64_C(0x44af996bd8c187da), UINT64_C(0x45fc229b11597634)},
		    {2, UINT64_C(0xc75da4a48d227781), UINT64_C(0xe4ff0af6de8ba3fc)},
		    {3, UINT64_C(0x4ea967520cb6709c), UINT64_C(0x51ed8529b0b6335f)}};
	const struct weir__hash secret = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
	static const unsigned char bytes[] = {0, 1, 2};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct weir__hash h = weir__siphash(&secret, bytes, rows[i].len);
		ck_assert_uint_eq(h.a, rows[i].a);
		ck_assert_uint_eq(h.b, rows[i].b);
	}
}
END_TEST

static uint64_t dice = 1;

static uint64_t roll(uint64_t n)
{
	dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
	return (dice >> 11) % n;
}

static int use(weir_keyed *k, const char *key, uint64_t n)
{
	return weir_keyed_allow_n(k, key, strlen(key), n);
}

static struct weir_keyed_stats stats(weir_keyed *k)
{
	struct weir_keyed_stats s;
	weir_keyed_stats_read(k, &s);
	return s;
}

enum { KEYS = 20 };

/* With room for all, each key is a bucket of its own, of which nothing comes back: so no clock matters. */
START_TEST(each_is_a_bucket)
{
	weir_keyed *k = NULL;
	weir_bucket_state own[KEYS];
	uint64_t allowed = 0, refused = 0;
	const struct weir_keyed_opts o = {.each = {.burst = 9, .spent = 2}, .max_keys = KEYS};
	ck_assert_int_eq(weir_keyed_new(rt, &o, &k), 0);
	for (int i = 0; i < KEYS; i++)
		ck_assert_int_eq(weir_bucket_state_init(&own[i], &o.each, 0), 0);
	for (int i = 0; i < 3000; i++) {
		struct weir_bucket_view v, w;
		char key[20];
		size_t at = roll(KEYS);
		uint64_t n = roll(11);
		snprintf(key, sizeof(key), "client %zu", at);
		weir_keyed_view(k, key, strlen(key), n, &v);
		weir_bucket_state_view(&own[at], 0, n, &w);
		ck_assert_int_eq(v.available, w.available);
		ck_assert_uint_eq(v.burst, w.burst);
		ck_assert_int_eq(v.retry_ns, w.retry_ns);
		ck_assert_int_eq(v.full_ns, w.full_ns);
		int rc = use(k, key, n);
		ck_assert_int_eq(rc, weir_bucket_state_take(&own[at], 0, n, 0, NULL));
		allowed += rc == 0, refused += rc < 0;
	}
	ck_assert_uint_eq(stats(k).keys, KEYS);
	ck_assert_uint_eq(stats(k).allowed, allowed);
	ck_assert_uint_eq(stats(k).refused, refused);
	ck_assert_uint_eq(stats(k).forgotten, 0);
	weir_keyed_free(&k);
	ck_assert_ptr_null(k);
	weir_keyed_free(&k);
	weir_keyed_free(NULL);
}
END_TEST

/* One more than there is room for: the one that was used least recently begins anew. */
START_TEST(the_least_recently_used_is_forgotten)
{
	weir_keyed *k = NULL;
	ck_assert_int_eq(weir_keyed_new(rt, &(struct weir_keyed_opts){.each.burst = 2, .max_keys = 3}, &k), 0);
	ck_assert_int_eq(use(k, "a", 2), 0);
	ck_assert_int_eq(use(k, "b", 2), 0);
	ck_assert_int_eq(use(k, "c", 2), 0);
	ck_assert_int_eq(use(k, "a", 1), WEIR_ELIMITED); /* which is a use */
	ck_assert_int_eq(use(k, "nobody", 0), 0);        /* a look takes no place */
	ck_assert_int_eq(use(k, "nobody", 3), WEIR_EOVERFLOW);
	ck_assert_uint_eq(stats(k).forgotten, 0);
	ck_assert_int_eq(use(k, "d", 2), 0);
	ck_assert_uint_eq(stats(k).forgotten, 1);
	ck_assert_uint_eq(stats(k).keys, 3);
	ck_assert_int_eq(use(k, "a", 1), WEIR_ELIMITED);
	ck_assert_int_eq(use(k, "c", 1), WEIR_ELIMITED);
	ck_assert_int_eq(use(k, "d", 1), WEIR_ELIMITED);
	ck_assert_int_eq(use(k, "b", 2), 0); /* anew; a is gone now */
	ck_assert_int_eq(use(k, "a", 2), 0);
	weir_keyed_free(&k);
}
END_TEST

START_TEST(new_keys_are_refused)
{
	weir_keyed *k = NULL;
	const struct weir_keyed_opts o = {.each.burst = 2, .max_keys = 2, .refuse_new = true};
	ck_assert_int_eq(weir_keyed_new(rt, &o, &k), 0);
	ck_assert_int_eq(use(k, "a", 1), 0);
	ck_assert_int_eq(use(k, "", 2), 0); /* a key of no bytes is one */
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(weir_keyed_allow_n(k, &i, sizeof(i), 1), WEIR_EOVERLOAD);
	ck_assert_int_eq(use(k, "a", 1), 0);
	ck_assert_int_eq(use(k, "", 1), WEIR_ELIMITED);
	ck_assert_uint_eq(stats(k).turned_away, 1000);
	ck_assert_uint_eq(stats(k).forgotten, 0);
	weir_keyed_free(&k);
}
END_TEST

START_TEST(out_of_range)
{
	weir_keyed *k = NULL;
	ck_assert_int_eq(weir_keyed_new(rt, &(struct weir_keyed_opts){.max_keys = WEIR_KEYED_MAX + 1}, &k),
			 WEIR_EINVAL);
	ck_assert_int_eq(weir_keyed_new(rt, &(struct weir_keyed_opts){.each.spent = 2}, &k), WEIR_EINVAL);
	ck_assert_int_eq(weir_keyed_new(rt, &(struct weir_keyed_opts){.each.period_ns = -1}, &k), WEIR_EINVAL);
	ck_assert_int_eq(weir_keyed_new(rt, NULL, NULL), WEIR_EINVAL);
	ck_assert_ptr_null(k);
	ck_assert_int_eq(weir_keyed_new(rt, &(struct weir_keyed_opts){.each.unlimited = true, .max_keys = 1}, &k), 0);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(weir_keyed_allow_n(k, &i, sizeof(i), UINT64_MAX), 0);
	ck_assert_uint_eq(stats(k).keys, 0); /* nothing is to be remembered */
	weir_keyed_free(&k);
	ck_assert_int_eq(weir_keyed_new(rt, NULL, &k), 0);
	ck_assert_int_eq(use(k, "a", 1), 0);
	ck_assert_int_eq(use(k, "a", 1), WEIR_ELIMITED);
	weir_keyed_free(&k);
}
END_TEST

static int take_many(void *arg)
{
	int taken = 0;
	for (int i = 0; i < 20000; i++) {
		uint32_t key = (uint32_t)i % 10;
		taken += weir_keyed_allow_n(arg, &key, sizeof(key), 1) == 0;
	}
	return taken;
}

START_TEST(exact_under_load)
{
	weir_keyed *k = NULL;
	struct helper h[3];
	int taken = 0;
	ck_assert_int_eq(weir_keyed_new(rt, &(struct weir_keyed_opts){.each.burst = 3333, .max_keys = 10}, &k), 0);
	for (size_t i = 0; i < COUNT_OF(h); i++)
		helper_start(&h[i], take_many, k);
	for (size_t i = 0; i < COUNT_OF(h); i++)
		taken += helper_join(&h[i]);
	ck_assert_int_eq(taken, 33330);
	ck_assert_uint_eq(stats(k).refused, 60000 - 33330);
	weir_keyed_free(&k);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keyed");
	TCase *tcase = bare_case(suite, "hash");
	tcase_add_test(tcase, hash);
	tcase = world_case(suite, "keyed");
	tcase_add_test(tcase, each_is_a_bucket);
	tcase_add_test(tcase, the_least_recently_used_is_forgotten);
	tcase_add_test(tcase, new_keys_are_refused);
	tcase_add_test(tcase, out_of_range);
	tcase_add_test(tcase, exact_under_load);
	return run_suite(suite);
}

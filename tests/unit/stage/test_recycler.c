/* SPDX-License-Identifier: MIT
 *
 * Recyclers on threads: hits, misses and the limit, classes, warming, blocks that are made and unmade, misuse, and
 * caches that come and go. Exchange between caches is in tests/sim/test_recycler.c. */
#include <check.h>
#include <weir/stage.h>

#include "../core/support.h"

static weir_recycler *recycler;
static weir_recycler_cache *cache;

static void open_both(const struct weir_recycler_opts *opts)
{
	ck_assert_int_eq(weir_recycler_new(rt, opts, &recycler), 0);
	ck_assert_int_eq(weir_recycler_cache_new(recycler, &cache), 0);
}

static void close_both(void)
{
	weir_recycler_cache_free(&cache);
	weir_recycler_free(&recycler);
	ck_assert(!cache && !recycler);
}

static void *get(size_t bytes)
{
	void *block = NULL;
	ck_assert_int_eq(weir_recycler_get(cache, bytes, &block), 0);
	ck_assert_ptr_nonnull(block);
	ck_assert_uint_eq((uintptr_t)block % _Alignof(max_align_t), 0);
	memset(block, 1, weir_recycler_room(block));
	return block;
}

static void expect_stats(uint64_t hits, uint64_t misses, uint64_t puts, uint64_t freed, uint64_t kept)
{
	struct weir_recycler_report s;
	weir_recycler_stats(recycler, &s);
	ck_assert_uint_eq(s.gets, hits + misses);
	ck_assert_uint_eq(s.hits, hits);
	ck_assert_uint_eq(s.misses, misses);
	ck_assert_uint_eq(s.puts, puts);
	ck_assert_uint_eq(s.freed, freed);
	ck_assert_uint_eq(s.kept, kept);
	ck_assert_uint_eq(s.out, s.gets - puts);
}

START_TEST(what_cannot_be_made)
{
	weir_recycler *none = NULL;
	weir_recycler_cache *c = NULL;
	ck_assert_int_eq(weir_recycler_new(rt, NULL, &none), WEIR_EINVAL);
	ck_assert_int_eq(weir_recycler_new(NULL, &(struct weir_recycler_opts){.bytes = 1}, &none), WEIR_EINVAL);
	ck_assert_int_eq(weir_recycler_new(rt, &(struct weir_recycler_opts){0}, &none), WEIR_EINVAL);
	ck_assert_int_eq(weir_recycler_new(rt, &(struct weir_recycler_opts){.bytes = 1, .classes = 49}, &none),
			 WEIR_EINVAL);
	ck_assert_int_eq(weir_recycler_new(rt, &(struct weir_recycler_opts){.bytes = PTRDIFF_MAX}, &none),
			 WEIR_EOVERFLOW);
	ck_assert_int_eq(weir_recycler_new(rt, &(struct weir_recycler_opts){.bytes = SIZE_MAX / 64, .classes = 8},
					   &none),
			 WEIR_EOVERFLOW);
	ck_assert_int_eq(weir_recycler_cache_new(NULL, &c), WEIR_EINVAL);
	ck_assert(!none && !c);
	weir_recycler_free(&none);
	weir_recycler_free(NULL);
	weir_recycler_cache_free(&c);
	weir_recycler_cache_free(NULL);
}
END_TEST

START_TEST(blocks_come_back)
{
	open_both(&(struct weir_recycler_opts){.bytes = 100});
	void *a = get(0);
	ck_assert_uint_eq(weir_recycler_room(a), 100);
	weir_recycler_put(cache, a);
	weir_recycler_put(cache, NULL);
	expect_stats(0, 1, 1, 0, 1);
	ck_assert_ptr_eq(get(100), a);
	expect_stats(1, 1, 1, 0, 0);
	weir_recycler_put(cache, a);
	close_both();
}
END_TEST

/* The limit is hard, whatever the size of a magazine; below it nothing is freed, and a steady state allocates
 * nothing. */
START_TEST(the_limit_is_kept)
{
	enum { N = 12 };
	for (size_t keep = 1; keep <= N; keep++) {
		for (size_t magazine = 1; magazine <= 6; magazine++) {
			void *blocks[N];
			open_both(&(struct weir_recycler_opts){.bytes = 8, .keep = keep, .magazine = magazine});
			for (int round = 0; round < 3; round++) {
				long asked = atomic_load(&memory.asked);
				for (size_t i = 0; i < N; i++)
					blocks[i] = get(8);
				ck_assert_int_eq(atomic_load(&memory.asked) - asked, (long)(round ? N - keep : N));
				for (size_t i = 0; i < N; i++)
					weir_recycler_put(cache, blocks[i]);
				uint64_t hits = (uint64_t)round * keep, gets = (uint64_t)(round + 1) * N;
				expect_stats(hits, gets - hits, gets, gets - hits - keep, keep);
			}
			close_both();
		}
	}
}
END_TEST

START_TEST(classes_are_doubles)
{
	static const struct {
		size_t asked, room;
	} cases[] = {{0, 10}, {10, 10}, {11, 20}, {20, 20}, {21, 40}, {40, 40}, {41, 41}, {1000, 1000}};
	open_both(&(struct weir_recycler_opts){.bytes = 10, .classes = 3, .keep = 2});
	for (int round = 0; round < 2; round++) {
		void *blocks[COUNT_OF(cases)];
		for (size_t i = 0; i < COUNT_OF(cases); i++) {
			blocks[i] = get(cases[i].asked);
			ck_assert_uint_eq(weir_recycler_room(blocks[i]), cases[i].room);
		}
		for (size_t i = 0; i < COUNT_OF(cases); i++)
			weir_recycler_put(cache, blocks[i]);
		expect_stats(round ? 6 : 0, round ? 10 : 8, round ? 16 : 8, round ? 4 : 2, 6);
	}
	void *none = &none;
	ck_assert_int_eq(weir_recycler_get(cache, SIZE_MAX, &none), WEIR_EOVERFLOW);
	ck_assert_ptr_eq(none, &none);
	expect_stats(6, 10, 16, 4, 6);
	close_both();
}
END_TEST

START_TEST(warm_blocks_are_hits)
{
	struct weir_recycler_report s;
	weir_recycler_cache *other = NULL;
	void *block = NULL;
	open_both(&(struct weir_recycler_opts){.bytes = 8, .classes = 2, .keep = 5, .magazine = 2});
	ck_assert_int_eq(weir_recycler_warm(cache, 9, 5), 0);
	weir_recycler_stats(recycler, &s);
	ck_assert(s.warmed == 5 && s.kept == 5 && s.gets == 0);
	ck_assert_int_eq(weir_recycler_warm(cache, 9, 1), WEIR_EOVERFLOW);
	ck_assert_int_eq(weir_recycler_warm(cache, 17, 1), WEIR_EINVAL);
	ck_assert_int_eq(weir_recycler_warm(cache, 8, 0), 0);
	ck_assert_int_eq(weir_recycler_cache_new(recycler, &other), 0);
	ck_assert_int_eq(weir_recycler_get(other, 16, &block), 0); /* from the depot */
	expect_stats(1, 0, 0, 0, 4);
	weir_recycler_put(cache, block); /* the place it had is in the other's magazine: no room */
	expect_stats(1, 0, 1, 1, 4);
	weir_recycler_cache_free(&other);
	ck_assert_int_eq(weir_recycler_warm(cache, 16, 1), 0); /* it is back at the depot */
	close_both();
}
END_TEST

static int made, refuse;

static int block_make(void *block, size_t bytes, void *arg)
{
	ck_assert_ptr_eq(arg, &made);
	if (refuse)
		return refuse;
	memset(block, 9, bytes);
	made++;
	return 0;
}

static void block_unmake(void *block, size_t bytes, void *arg)
{
	ck_assert_ptr_eq(arg, &made);
	ck_assert_uint_eq(((unsigned char *)block)[bytes - 1], 9);
	made--;
}

START_TEST(blocks_stay_as_they_were)
{
	void *a = NULL, *b = NULL;
	open_both(&(struct weir_recycler_opts){
		.bytes = 24, .keep = 1, .make = block_make, .unmake = block_unmake, .arg = &made});
	ck_assert_int_eq(weir_recycler_get(cache, 0, &a), 0);
	ck_assert_int_eq(weir_recycler_get(cache, 0, &b), 0);
	ck_assert_int_eq(made, 2);
	ck_assert_uint_eq(*(unsigned char *)a, 9);
	*(unsigned char *)a = 5;
	weir_recycler_put(cache, a);
	weir_recycler_put(cache, b); /* no room */
	ck_assert_int_eq(made, 1);
	ck_assert_int_eq(weir_recycler_get(cache, 0, &a), 0);
	ck_assert_int_eq(made, 1); /* not again */
	ck_assert_uint_eq(*(unsigned char *)a, 5);
	refuse = WEIR_EUSER;
	b = NULL;
	ck_assert_int_eq(weir_recycler_get(cache, 0, &b), WEIR_EUSER);
	refuse = 1;
	ck_assert_int_eq(weir_recycler_warm(cache, 0, 1), WEIR_EINVAL);
	refuse = 0;
	ck_assert_ptr_null(b);
	weir_recycler_put(cache, a);
	close_both();
	ck_assert_int_eq(made, 0);
}
END_TEST

START_TEST(caches_are_counted)
{
	weir_recycler_cache *c[3] = {NULL};
	struct weir_stats_view view;
	ck_assert_int_eq(weir_recycler_new(rt, &(struct weir_recycler_opts){.bytes = 8, .caches = 2, .name = "frames"},
					   &recycler),
			 0);
	ck_assert_int_eq(weir_recycler_cache_new(recycler, &c[0]), 0);
	ck_assert_int_eq(weir_recycler_cache_new(recycler, &c[1]), 0);
	ck_assert_int_eq(weir_recycler_cache_new(recycler, &c[2]), WEIR_EAGAIN);
	ck_assert_ptr_null(c[2]);
	weir_recycler_cache_free(&c[0]);
	ck_assert_int_eq(weir_recycler_cache_new(recycler, &c[2]), 0);
	cache = c[2];
	weir_recycler_put(c[1], get(8));
	ck_assert_int_eq(weir_stats_at(rt, 0, &view), 1);
	ck_assert_str_eq(view.name, "frames");
	ck_assert_str_eq(view.counters[0], "gets");
	ck_assert_uint_eq(view.values[0], 1);
	weir_recycler_cache_free(&c[1]); /* what it had is in the depot */
	void *block = get(8);
	expect_stats(1, 1, 1, 0, 0);
	weir_recycler_put(cache, block);
	close_both();
}
END_TEST

/* Tasks that hand blocks on: each takes some and gives back what the one before it took. */
enum { TASKS = 4, ROUNDS = 2000 };
static _Atomic(void *) slots[TASKS];

static int pass_on(void *arg)
{
	size_t me = (size_t)(uintptr_t)arg;
	weir_recycler_cache *c = NULL;
	int wrong = weir_recycler_cache_new(recycler, &c) != 0;
	for (int i = 0; i < ROUNDS && !wrong; i++) {
		void *block = NULL;
		wrong = weir_recycler_get(c, 8, &block) != 0;
		if (!wrong)
			*(size_t *)block = me;
		weir_recycler_put(c, atomic_exchange(&slots[(me + (size_t)i) % TASKS], block));
	}
	weir_recycler_cache_free(&c);
	return wrong;
}

START_TEST(many_tasks)
{
	struct helper h[TASKS];
	struct weir_recycler_report s;
	ck_assert_int_eq(weir_recycler_new(rt, &(struct weir_recycler_opts){.bytes = 8, .keep = 16, .magazine = 4},
					   &recycler),
			 0);
	for (size_t i = 0; i < TASKS; i++)
		helper_start(&h[i], pass_on, (void *)(uintptr_t)i);
	for (size_t i = 0; i < TASKS; i++)
		ck_assert_int_eq(helper_join(&h[i]), 0);
	ck_assert_int_eq(weir_recycler_cache_new(recycler, &cache), 0);
	for (size_t i = 0; i < TASKS; i++)
		weir_recycler_put(cache, atomic_exchange(&slots[i], NULL));
	weir_recycler_stats(recycler, &s);
	ck_assert_uint_eq(s.gets, TASKS * ROUNDS);
	ck_assert_uint_eq(s.puts, TASKS * ROUNDS);
	ck_assert_uint_eq(s.hits + s.misses, s.gets);
	ck_assert_uint_eq(s.kept, s.misses - s.freed);
	ck_assert_uint_le(s.kept, 16);
	ck_assert_uint_gt(s.hits, 0);
	close_both();
}
END_TEST

/* ---- misuse ---- */

START_TEST(giving_back_twice_is_misuse)
{
	world_open();
	open_both(&(struct weir_recycler_opts){.bytes = 8});
	void *block = get(8);
	weir_recycler_put(cache, block);
	weir_recycler_put(cache, block);
}
END_TEST

START_TEST(giving_to_another_is_misuse)
{
	world_open();
	open_both(&(struct weir_recycler_opts){.bytes = 8});
	void *block = get(8);
	open_both(&(struct weir_recycler_opts){.bytes = 8});
	weir_recycler_put(cache, block);
}
END_TEST

START_TEST(freeing_with_blocks_out_is_misuse)
{
	world_open();
	open_both(&(struct weir_recycler_opts){.bytes = 8});
	(void)get(8);
	weir_recycler_cache_free(&cache);
	weir_recycler_free(&recycler);
}
END_TEST

START_TEST(freeing_with_caches_is_misuse)
{
	world_open();
	open_both(&(struct weir_recycler_opts){.bytes = 8});
	weir_recycler_free(&recycler);
}
END_TEST

static Suite *recycler_suite(void)
{
	Suite *suite = suite_create("recycler");
	TCase *use = world_case(suite, "use"), *misuse = bare_case(suite, "misuse");
	tcase_add_test(use, what_cannot_be_made);
	tcase_add_test(use, blocks_come_back);
	tcase_add_test(use, the_limit_is_kept);
	tcase_add_test(use, classes_are_doubles);
	tcase_add_test(use, warm_blocks_are_hits);
	tcase_add_test(use, blocks_stay_as_they_were);
	tcase_add_test(use, caches_are_counted);
	tcase_add_test(use, many_tasks);
	tcase_add_test_raise_signal(misuse, giving_back_twice_is_misuse, SIGABRT);
	tcase_add_test_raise_signal(misuse, giving_to_another_is_misuse, SIGABRT);
	tcase_add_test_raise_signal(misuse, freeing_with_blocks_out_is_misuse, SIGABRT);
	tcase_add_test_raise_signal(misuse, freeing_with_caches_is_misuse, SIGABRT);
	return suite;
}

int main(void)
{
	return run_suite(recycler_suite());
}

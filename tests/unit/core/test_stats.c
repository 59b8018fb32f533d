/* SPDX-License-Identifier: MIT
 *
 * Counters and the registry: what src/core/stats.c promises in stats.h, in one thread. The promise about snapshots
 * under load is tested in tests/stress/test_stats.c. */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <weir/core/err.h>
#include <weir/core/stats.h>
#include <weir/rt/threads.h>

static const char *const names[] = {"received", "succeeded", "failed", "emitted", "n4",  "n5",  "n6", "n7",
				    "n8",       "n9",        "n10",    "n11",     "n12", "n13", "n14"};

static weir_rt *rt;

static void open_runtime(void)
{
	ck_assert_int_eq(weir_rt_threads_new(NULL, &rt), 0);
}

static void close_runtime(void)
{
	weir_rt_free(&rt);
	ck_assert_ptr_null(rt);
}

static struct weir_stats_opts opts_of(const char *name, size_t n_counters, size_t n_writers)
{
	return (struct weir_stats_opts){name, names, n_counters, n_writers};
}

static weir_stats *set_of(const char *name, size_t n_counters, size_t n_writers)
{
	struct weir_stats_opts opts = opts_of(name, n_counters, n_writers);
	weir_stats *stats = NULL;
	ck_assert_int_eq(weir_stats_new(rt, &opts, &stats), 0);
	ck_assert_ptr_nonnull(stats);
	return stats;
}

/* The registry holds these sets, in this order, and no other. */
static void assert_registry(const char *const *expected, size_t n)
{
	struct weir_stats_view view;
	for (size_t i = 0; i < n; i++) {
		ck_assert_int_eq(weir_stats_at(rt, i, &view), 1);
		ck_assert_str_eq(view.name, expected[i]);
	}
	ck_assert_int_eq(weir_stats_at(rt, n, &view), 0);
	ck_assert_int_eq(weir_stats_at(rt, SIZE_MAX, &view), 0);
}

#define ASSERT_REGISTRY(...) \
	assert_registry((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

START_TEST(a_new_set_is_zero)
{
	weir_stats *stats = set_of("jobs", WEIR_STATS_MAX, 3);
	uint64_t out[WEIR_STATS_MAX];
	memset(out, 0xff, sizeof(out));
	weir_stats_read(stats, out);
	for (size_t i = 0; i < WEIR_STATS_MAX; i++)
		ck_assert_uint_eq(out[i], 0);
	weir_stats_free(&stats);
	ck_assert_ptr_null(stats);
}
END_TEST

START_TEST(read_sums_the_writers)
{
	weir_stats *stats = set_of("jobs", 3, 5);
	uint64_t out[4] = {1, 1, 1, 77};
	for (size_t w = 0; w < 5; w++)
		for (size_t c = 0; c < 3; c++)
			weir_stats_add(stats, w, c, 10 * w + c);
	weir_stats_add(stats, 4, 2, 0);
	weir_stats_read(stats, out);
	ck_assert_uint_eq(out[0], 100);
	ck_assert_uint_eq(out[1], 105);
	ck_assert_uint_eq(out[2], 110);
	ck_assert_uint_eq(out[3], 77); /* n_counters and no more */
	weir_stats_free(&stats);
}
END_TEST

START_TEST(every_counter_of_every_writer_is_its_own)
{
	weir_stats *stats = set_of("wide", WEIR_STATS_MAX, 4);
	uint64_t out[WEIR_STATS_MAX], expected[WEIR_STATS_MAX] = {0};
	for (size_t w = 0; w < 4; w++) {
		for (size_t c = 0; c < WEIR_STATS_MAX; c++) {
			uint64_t n = UINT64_C(1) << (w * WEIR_STATS_MAX + c);
			weir_stats_add(stats, w, c, n);
			expected[c] += n;
			weir_stats_read(stats, out);
			ck_assert_mem_eq(out, expected, sizeof(out));
		}
	}
	weir_stats_free(&stats);
}
END_TEST

START_TEST(a_sum_wraps)
{
	weir_stats *stats = set_of("big", 1, 2);
	uint64_t out;
	weir_stats_add(stats, 0, 0, UINT64_MAX);
	weir_stats_add(stats, 1, 0, 3);
	weir_stats_read(stats, &out);
	ck_assert_uint_eq(out, 2);
	weir_stats_free(&stats);
}
END_TEST

START_TEST(bad_options_are_refused)
{
	static const char *const hole[] = {"a", NULL, "c"};
	struct weir_stats_opts bad[] = {
		{NULL, names, 1, 1},       {"x", NULL, 1, 1},  {"x", names, 0, 1}, {"x", names, WEIR_STATS_MAX + 1, 1},
		{"x", names, SIZE_MAX, 1}, {"x", names, 1, 0}, {"x", hole, 3, 1},  {0},
	};
	weir_stats *stats = (weir_stats *)&bad;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_int_eq(weir_stats_new(rt, &bad[i], &stats), WEIR_EINVAL);
	struct weir_stats_opts good = opts_of("x", 1, 1);
	ck_assert_int_eq(weir_stats_new(rt, NULL, &stats), WEIR_EINVAL);
	ck_assert_int_eq(weir_stats_new(rt, &good, NULL), WEIR_EINVAL);
	ck_assert_int_eq(weir_stats_new(NULL, &good, &stats), WEIR_EINVAL);
	ck_assert_ptr_eq(stats, &bad); /* untouched */
	struct weir_stats_view view;
	ck_assert_int_eq(weir_stats_at(rt, 0, &view), 0);
}
END_TEST

START_TEST(free_accepts_nothing)
{
	weir_stats *stats = NULL;
	weir_stats_free(NULL);
	weir_stats_free(&stats);
	ck_assert_ptr_null(stats);
}
END_TEST

START_TEST(registry_is_oldest_first)
{
	struct weir_stats_view view;
	ck_assert_int_eq(weir_stats_at(rt, 0, &view), 0);
	weir_stats *a = set_of("a", 1, 1), *b = set_of("b", 1, 1), *c = set_of("c", 1, 1), *d = set_of("d", 1, 1);
	ASSERT_REGISTRY("a", "b", "c", "d");
	weir_stats_free(&b); /* from the middle */
	ASSERT_REGISTRY("a", "c", "d");
	weir_stats_free(&a); /* the first */
	ASSERT_REGISTRY("c", "d");
	weir_stats_free(&d); /* the last */
	ASSERT_REGISTRY("c");
	b = set_of("b again", 1, 1);
	ASSERT_REGISTRY("c", "b again");
	weir_stats_free(&c);
	weir_stats_free(&b);
	ck_assert_int_eq(weir_stats_at(rt, 0, &view), 0);
	a = set_of("a again", 1, 1);
	ASSERT_REGISTRY("a again");
	weir_stats_free(&a);
}
END_TEST

START_TEST(a_view_shows_names_and_values)
{
	weir_stats *stats = set_of("jobs", 4, 2);
	struct weir_stats_view view;
	memset(&view, 0xff, sizeof(view));
	weir_stats_add(stats, 0, 0, 5);
	weir_stats_add(stats, 1, 0, 6);
	weir_stats_add(stats, 1, 3, 7);
	ck_assert_int_eq(weir_stats_at(rt, 0, &view), 1);
	ck_assert_str_eq(view.name, "jobs");
	ck_assert_ptr_eq(view.counters, names);
	ck_assert_uint_eq(view.n_counters, 4);
	ck_assert_uint_eq(view.values[0], 11);
	ck_assert_uint_eq(view.values[1], 0);
	ck_assert_uint_eq(view.values[2], 0);
	ck_assert_uint_eq(view.values[3], 7);
	weir_stats_free(&stats);
}
END_TEST

START_TEST(past_the_end_leaves_the_view_alone)
{
	struct weir_stats_view view, before;
	memset(&view, 0xa5, sizeof(view));
	memcpy(&before, &view, sizeof(view));
	ck_assert_int_eq(weir_stats_at(rt, 0, &view), 0);
	ck_assert_mem_eq(&view, &before, sizeof(view));
}
END_TEST

START_TEST(each_runtime_has_its_own_registry)
{
	weir_rt *first = rt, *second = NULL;
	ck_assert_int_eq(weir_rt_threads_new(NULL, &second), 0);
	weir_stats *a = set_of("of the first", 1, 1);
	rt = second;
	weir_stats *b = set_of("of the second", 1, 1);
	ASSERT_REGISTRY("of the second");
	weir_stats_free(&b);
	rt = first;
	ASSERT_REGISTRY("of the first");
	weir_stats_free(&a);
	weir_rt_free(&second);
}
END_TEST

/* Memory that counts, and refuses its n-th block (from 0) and every block that is larger than there is. */
struct memory {
	size_t asked, refuse, live, largest;
};

static void *memory_alloc(size_t bytes, void *arg)
{
	struct memory *m = arg;
	if (bytes > m->largest)
		m->largest = bytes;
	if (m->asked++ == m->refuse || bytes > SIZE_MAX / 4)
		return NULL;
	m->live++;
	return malloc(bytes);
}

static void memory_release(void *mem, void *arg)
{
	struct memory *m = arg;
	ck_assert_uint_gt(m->live, 0);
	m->live--;
	free(mem);
}

/* Two sets on a runtime of its own; the first failure ends it. */
static int use_two_sets(struct memory *m)
{
	struct weir_rt_opts memory = {.alloc = memory_alloc, .release = memory_release, .arg = m};
	struct weir_stats_opts opts = opts_of("x", 3, 7);
	weir_stats *a = NULL, *b = NULL;
	weir_rt *own = NULL;
	int rc = weir_rt_threads_new(&memory, &own);
	if (rc == 0)
		rc = weir_stats_new(own, &opts, &a);
	if (rc == 0)
		rc = weir_stats_new(own, &opts, &b);
	ck_assert(rc == 0 || !b);
	if (own) {
		struct weir_stats_view view;
		ck_assert_int_eq(weir_stats_at(own, 0, &view), a ? 1 : 0);
		ck_assert_int_eq(weir_stats_at(own, 1, &view), b ? 1 : 0);
	}
	weir_stats_free(&a);
	weir_stats_free(&b);
	weir_rt_free(&own);
	return rc;
}

START_TEST(every_allocation_may_fail)
{
	size_t refused = 0;
	for (;; refused++) {
		struct memory m = {.refuse = refused};
		int rc = use_two_sets(&m);
		ck_assert_uint_eq(m.live, 0);
		if (rc == 0)
			break;
		ck_assert_int_eq(rc, WEIR_ENOMEM);
	}
	ck_assert_uint_ge(refused, 2); /* each set asks at least once */
}
END_TEST

/* As many writers as a size_t can count: the sum of bytes must not wrap round to something small. */
START_TEST(too_many_writers_are_no_memory)
{
	size_t impossible[] = {SIZE_MAX,       SIZE_MAX / 2 + 2,   SIZE_MAX / 128 + 1,
			       SIZE_MAX / 128, SIZE_MAX / 128 - 1, SIZE_MAX / 256};
	struct memory m = {.refuse = SIZE_MAX};
	struct weir_rt_opts memory = {.alloc = memory_alloc, .release = memory_release, .arg = &m};
	weir_stats *stats = NULL;
	weir_rt *own = NULL;
	ck_assert_int_eq(weir_rt_threads_new(&memory, &own), 0);
	for (size_t i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++) {
		struct weir_stats_opts opts = opts_of("x", 1, impossible[i]);
		size_t asked = m.asked;
		m.largest = 0;
		ck_assert_int_eq(weir_stats_new(own, &opts, &stats), WEIR_ENOMEM);
		ck_assert(m.asked == asked || m.largest > SIZE_MAX / 4);
	}
	ck_assert_ptr_null(stats);
	weir_rt_free(&own);
	ck_assert_uint_eq(m.live, 0);
}
END_TEST

START_TEST(a_writer_past_the_end_aborts)
{
	weir_stats_add(set_of("x", 2, 3), 3, 0, 1);
}
END_TEST

START_TEST(a_counter_past_the_end_aborts)
{
	weir_stats_add(set_of("x", 2, 3), 0, 2, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stats");
	TCase *sets = tcase_create("sets"), *registry = tcase_create("registry"), *misuse = tcase_create("misuse");
	tcase_add_checked_fixture(sets, open_runtime, close_runtime);
	tcase_add_checked_fixture(registry, open_runtime, close_runtime);
	tcase_add_checked_fixture(misuse, open_runtime, close_runtime);
	tcase_add_test(sets, a_new_set_is_zero);
	tcase_add_test(sets, read_sums_the_writers);
	tcase_add_test(sets, every_counter_of_every_writer_is_its_own);
	tcase_add_test(sets, a_sum_wraps);
	tcase_add_test(sets, bad_options_are_refused);
	tcase_add_test(sets, too_many_writers_are_no_memory);
	tcase_add_test(sets, free_accepts_nothing);
	tcase_add_test(sets, every_allocation_may_fail);
	tcase_add_test(registry, registry_is_oldest_first);
	tcase_add_test(registry, a_view_shows_names_and_values);
	tcase_add_test(registry, past_the_end_leaves_the_view_alone);
	tcase_add_test(registry, each_runtime_has_its_own_registry);
	tcase_add_test_raise_signal(misuse, a_writer_past_the_end_aborts, SIGABRT);
	tcase_add_test_raise_signal(misuse, a_counter_past_the_end_aborts, SIGABRT);
	suite_add_tcase(suite, sets);
	suite_add_tcase(suite, registry);
	suite_add_tcase(suite, misuse);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

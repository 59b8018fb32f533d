/* SPDX-License-Identifier: MIT
 *
 * The promise of stats.h under load, on real threads: in every snapshot emitted <= outcomes <= received, no counter
 * ever goes back, and the final sums are exact.
 *
 * Eight writers stand in a circle. Each counts what it receives, counts an outcome for each event that its left
 * neighbour has received, and an emission for each outcome of its left neighbour: the three counters of one event
 * are written by three different writers, in causal order, so a snapshot that keeps order only within a writer would
 * be caught. Two readers take snapshots all the while. Every few rounds a writer waits (by yielding) until each
 * reader has taken one more, so that snapshots are spread over the whole run on any number of cores; nothing waits
 * for time.
 *
 * The second test makes and frees sets in four threads while two others enumerate the registry: a view must never
 * show a set that is half made or gone. The third part of the promise, that no freed memory is read, is for ASan and
 * TSan to see here. */
#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <weir/core/stats.h>
#include <weir/rt/threads.h>

enum { RECEIVED, SUCCEEDED, FAILED, EMITTED, COUNTERS };
#ifdef WEIR_SHORT /* under Valgrind */
enum { ROUNDS = 640, SETS = 50 };
#else
enum { ROUNDS = 20000, SETS = 5000 };
#endif
enum { WRITERS = 8, READERS = 2, STEPS_PER_SNAPSHOT = 64, MAKERS = 4 };

static const char *const names[] = {"received", "succeeded", "failed", "emitted"};

struct load {
	weir_rt *rt;
	weir_stats *stats;
	_Atomic uint64_t received[WRITERS], outcomes[WRITERS]; /* published after the counter was added to */
	_Atomic uint64_t snapshots[READERS];
	_Atomic bool done;
	_Atomic uint32_t joined_circle;
};

struct writer {
	struct load *load;
	pthread_t thread;
	uint64_t received, outcomes, emitted;
	uint64_t snapshots[READERS]; /* of each reader, when it last waited for it */
};

struct reader {
	struct load *load;
	pthread_t thread;
	size_t id;
	uint64_t torn, went_back; /* snapshots that broke the promise */
	uint64_t midway;          /* snapshots that saw the run neither before its begin nor after its end */
};

/* One step of each kind, where there is something to do; false: nothing could be done. */
static bool write_once(struct writer *w, size_t id)
{
	struct load *load = w->load;
	size_t left = (id + WRITERS - 1) % WRITERS;
	bool moved = false;

	if (w->received < ROUNDS) {
		weir_stats_add(load->stats, id, RECEIVED, 1);
		atomic_store_explicit(&load->received[id], ++w->received, memory_order_release);
		moved = true;
	}
	if (w->outcomes < atomic_load_explicit(&load->received[left], memory_order_acquire)) {
		weir_stats_add(load->stats, id, w->outcomes % 3 ? SUCCEEDED : FAILED, 1);
		atomic_store_explicit(&load->outcomes[id], ++w->outcomes, memory_order_release);
		moved = true;
	}
	if (w->emitted < atomic_load_explicit(&load->outcomes[left], memory_order_acquire)) {
		weir_stats_add(load->stats, id, EMITTED, 1);
		w->emitted++;
		moved = true;
	}
	return moved;
}

static void wait_for_readers(struct load *load, uint64_t snapshots[READERS])
{
	for (size_t r = 0; r < READERS; r++) {
		uint64_t before = snapshots[r];
		while ((snapshots[r] = atomic_load_explicit(&load->snapshots[r], memory_order_relaxed)) == before)
			sched_yield();
	}
}

static void *write_all(void *arg)
{
	struct writer *w = arg;
	size_t id = atomic_fetch_add(&w->load->joined_circle, 1), steps = 0;
	while (w->emitted < ROUNDS || w->outcomes < ROUNDS || w->received < ROUNDS) {
		if (!write_once(w, id))
			sched_yield();
		if (++steps % STEPS_PER_SNAPSHOT == 0)
			wait_for_readers(w->load, w->snapshots);
	}
	return NULL;
}

static void look(struct reader *r, const uint64_t now[COUNTERS], uint64_t before[COUNTERS])
{
	uint64_t outcomes = now[SUCCEEDED] + now[FAILED];
	r->torn += now[EMITTED] > outcomes || outcomes > now[RECEIVED];
	r->midway += now[RECEIVED] > 0 && now[EMITTED] < (uint64_t)WRITERS * ROUNDS;
	for (size_t i = 0; i < COUNTERS; i++)
		r->went_back += now[i] < before[i];
	memcpy(before, now, COUNTERS * sizeof(now[0]));
}

/* The even reader asks the set, the odd one the registry. */
static void *read_all(void *arg)
{
	struct reader *r = arg;
	uint64_t before[COUNTERS] = {0}, now[COUNTERS];
	struct weir_stats_view view;
	while (!atomic_load(&r->load->done)) {
		if (r->id % 2 == 0)
			weir_stats_read(r->load->stats, now);
		else if (weir_stats_at(r->load->rt, 0, &view) == 1)
			memcpy(now, view.values, sizeof(now));
		look(r, now, before);
		atomic_fetch_add_explicit(&r->load->snapshots[r->id], 1, memory_order_relaxed);
	}
	return NULL;
}

static void run_load(struct load *load, struct writer *writers, struct reader *readers)
{
	for (size_t i = 0; i < READERS; i++) {
		readers[i] = (struct reader){.load = load, .id = i};
		ck_assert_int_eq(pthread_create(&readers[i].thread, NULL, read_all, &readers[i]), 0);
	}
	for (size_t i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){.load = load};
		ck_assert_int_eq(pthread_create(&writers[i].thread, NULL, write_all, &writers[i]), 0);
	}
	for (size_t i = 0; i < WRITERS; i++)
		ck_assert_int_eq(pthread_join(writers[i].thread, NULL), 0);
	atomic_store(&load->done, true);
	for (size_t i = 0; i < READERS; i++)
		ck_assert_int_eq(pthread_join(readers[i].thread, NULL), 0);
}

START_TEST(every_snapshot_makes_sense)
{
	static struct load load;
	struct writer writers[WRITERS];
	struct reader readers[READERS];
	struct weir_stats_opts opts = {"load", names, COUNTERS, WRITERS};
	uint64_t sums[COUNTERS], total = (uint64_t)WRITERS * ROUNDS;

	ck_assert_int_eq(weir_rt_threads_new(NULL, &load.rt), 0);
	ck_assert_int_eq(weir_stats_new(load.rt, &opts, &load.stats), 0);
	run_load(&load, writers, readers);
	for (size_t i = 0; i < READERS; i++) {
		ck_assert_uint_eq(readers[i].torn, 0);
		ck_assert_uint_eq(readers[i].went_back, 0);
		ck_assert_uint_gt(readers[i].midway, ROUNDS / STEPS_PER_SNAPSHOT / 2);
	}
	weir_stats_read(load.stats, sums);
	ck_assert_uint_eq(sums[RECEIVED], total);
	ck_assert_uint_eq(sums[SUCCEEDED] + sums[FAILED], total);
	ck_assert_uint_eq(sums[FAILED], WRITERS * ((ROUNDS + 2) / 3));
	ck_assert_uint_eq(sums[EMITTED], total);
	weir_stats_free(&load.stats);
	weir_rt_free(&load.rt);
}
END_TEST

/* Makes SETS sets and frees each; one of them is always there, so that the registry's ends and its middle all
 * change. */
static void *make_sets(void *arg)
{
	struct load *load = arg;
	struct weir_stats_opts opts = {"made", names, COUNTERS, 2};
	weir_stats *older = NULL;
	for (size_t i = 0; i < SETS; i++) {
		weir_stats *stats = NULL;
		if (weir_stats_new(load->rt, &opts, &stats) != 0)
			abort();
		weir_stats_add(stats, 0, RECEIVED, 3);
		weir_stats_add(stats, 1, EMITTED, 3);
		weir_stats_free(&older);
		older = stats;
	}
	weir_stats_free(&older);
	return NULL;
}

/* Counts views that cannot be: r->torn. */
static void *enumerate(void *arg)
{
	struct reader *r = arg;
	struct weir_stats_view view;
	while (!atomic_load(&r->load->done)) {
		size_t n = 0;
		for (; weir_stats_at(r->load->rt, n, &view) == 1; n++) {
			uint64_t emitted = view.values[EMITTED], received = view.values[RECEIVED];
			r->torn += strcmp(view.name, "made") != 0 || view.counters != names ||
				   view.n_counters != COUNTERS;
			r->torn += (emitted != 0 && emitted != 3) || emitted > received || received > 3;
			r->midway++;
		}
		atomic_fetch_add(&r->load->snapshots[r->id], 1);
	}
	return NULL;
}

START_TEST(registry_may_change_while_it_is_read)
{
	static struct load load;
	pthread_t makers[MAKERS];
	struct reader readers[READERS];
	struct weir_stats_view view;
	struct weir_stats_opts opts = {"made", names, COUNTERS, 1};
	weir_stats *resident = NULL;

	ck_assert_int_eq(weir_rt_threads_new(NULL, &load.rt), 0);
	ck_assert_int_eq(weir_stats_new(load.rt, &opts, &resident), 0); /* so that readers have something to see */
	for (size_t i = 0; i < READERS; i++) {
		readers[i] = (struct reader){.load = &load, .id = i};
		ck_assert_int_eq(pthread_create(&readers[i].thread, NULL, enumerate, &readers[i]), 0);
	}
	wait_for_readers(&load, (uint64_t[READERS]){0});
	for (size_t i = 0; i < MAKERS; i++)
		ck_assert_int_eq(pthread_create(&makers[i], NULL, make_sets, &load), 0);
	for (size_t i = 0; i < MAKERS; i++)
		ck_assert_int_eq(pthread_join(makers[i], NULL), 0);
	atomic_store(&load.done, true);
	for (size_t i = 0; i < READERS; i++) {
		ck_assert_int_eq(pthread_join(readers[i].thread, NULL), 0);
		ck_assert_uint_eq(readers[i].torn, 0);
		ck_assert_uint_gt(readers[i].midway, 0);
	}
	weir_stats_free(&resident);
	ck_assert_int_eq(weir_stats_at(load.rt, 0, &view), 0);
	weir_rt_free(&load.rt);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stats under load");
	TCase *load = tcase_create("load");
	tcase_set_timeout(load, 0); /* whoever runs it has a limit */
	tcase_add_test(load, every_snapshot_makes_sense);
	tcase_add_test(load, registry_may_change_while_it_is_read);
	suite_add_tcase(suite, load);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

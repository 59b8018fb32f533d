/* SPDX-License-Identifier: MIT
 *
 * The reduced search against the plain one. Where "dfs" runs every schedule, "dpor" must see the same outcomes and the
 * same partial orders, with at least one schedule for each order; and what it runs must be no more than dfs does. That
 * is checked on small programs for each object and on random ones: an operation that the table of dependence.c takes
 * for independent, and is not, loses an order or an outcome here. The published numbers of traces are checked too.
 *
 * The partial order of a schedule is read when the scenario's function is about to return. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir/core/pipeline.h>
#include <weir/sim.h>

#include "bench/published.h"
#include "order.h"
#include "small.h"

/* ---- sets of what was seen ---- */

#define SET (1 << 17)

struct set {
	uint64_t in[SET];
	size_t n;
};

struct seen {
	struct set outcomes, orders;
};

static struct seen dfs_saw, dpor_saw;
static struct seen *saw;

/* 0 is free. */
static size_t set_find(const struct set *s, uint64_t x)
{
	size_t i = (size_t)(x * UINT64_C(0x9e3779b97f4a7c15) >> 40) % SET;
	while (s->in[i] && s->in[i] != x)
		i = (i + 1) % SET;
	return i;
}

static void set_add(struct set *s, uint64_t x)
{
	size_t i = set_find(s, x | 1);
	WEIR_SIM_ASSERT(s->n < SET / 2);
	s->n += !s->in[i];
	s->in[i] = x | 1;
}

static bool set_equal(const struct set *a, const struct set *b)
{
	for (size_t i = 0; i < SET; i++)
		if (a->in[i] && !b->in[set_find(b, a->in[i])])
			return false;
	return a->n == b->n;
}

/* ---- a scenario under one strategy ---- */

typedef uint64_t scenario_fn(weir_ctx *ctx, const void *arg);

struct scenario {
	const char *name;
	scenario_fn *fn;
	struct small small; /* fn NULL: this */
};

static uint64_t missing; /* an outcome or an order: its first schedule fails, to be shown */
static uint64_t extra, total;

static int watched(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct scenario *s = arg;
	(void)err;
	uint64_t outcome = s->fn ? s->fn(ctx, s) : small_program(ctx, &s->small);
	uint64_t hash = weir__sim_order_hash(weir__sim->order);
	WEIR_SIM_ASSERT(!missing || ((outcome | 1) != missing && (hash | 1) != missing));
	set_add(&saw->outcomes, outcome);
	set_add(&saw->orders, hash);
	return 0;
}

static struct weir_sim_opts options(const struct scenario *s, const char *strategy)
{
	return (struct weir_sim_opts){.name = s->name,
				      .strategy = strategy,
				      .early = s->small.early,
				      .no_early = s->small.early == 0,
				      .count_orders = true,
				      .allow_no_decisions = true};
}

static struct weir_sim_result run_under(const struct scenario *s, const char *strategy, uint64_t limit,
					struct seen *into)
{
	struct weir_sim_opts opts = options(s, strategy);
	struct weir_sim_result r;
	opts.schedules = limit;
	memset(into, 0, sizeof(*into));
	saw = into;
	int rc = weir_sim_run(&opts, watched, (void *)(uintptr_t)s, &r);
	ck_assert_msg(rc == 0, "%s under %s: %s", s->name, strategy, r.message);
	return r;
}

static unsigned wrong; /* how many comparisons failed */

/* Says what is missing, and shows the first schedule of dfs that has it. */
static void tell_missing(const struct scenario *s, const char *strategy, const char *what, const struct set *dfs,
			 const struct set *dpor)
{
	const char *const *t = s->small.task;
	printf("%s (%s %s %s, capacity %zu, permits %d, early %u): %s sees %zu %s of %zu\n", s->name, t[0] ? t[0] : "",
	       t[1] ? t[1] : "", t[2] ? t[2] : "", s->small.capacity, (int)s->small.permits, s->small.early, strategy,
	       dpor->n, what, dfs->n);
	wrong++;
	for (size_t i = 0; i < SET && !missing; i++)
		if (dfs->in[i] && !dpor->in[set_find(dpor, dfs->in[i])])
			missing = dfs->in[i];
	if (!missing || wrong > 3)
		return;
	struct weir_sim_opts opts = options(s, "dfs");
	struct weir_sim_result r;
	opts.no_shrink = true;
	saw = &dpor_saw;
	ck_assert_int_eq(weir_sim_run(&opts, watched, (void *)(uintptr_t)s, &r), 1);
	missing = 0;
}

/* False: dfs would take too long. */
static bool compare(const struct scenario *s, uint64_t limit, bool print)
{
	static const char *const strategies[] = {"dpor", "sdpor"};
	struct weir_sim_result dfs = run_under(s, "dfs", limit, &dfs_saw), r;
	if (!dfs.exhausted)
		return false;
	if (print)
		printf("%-24s %9llu %9zu %9zu", s->name, (unsigned long long)dfs.schedules, dfs_saw.outcomes.n,
		       dfs_saw.orders.n);
	for (size_t i = 0; i < 2; i++) {
		r = run_under(s, strategies[i], 0, &dpor_saw);
		if (print)
			printf(" %9llu %7llu", (unsigned long long)r.schedules, (unsigned long long)r.blocked);
		if (!set_equal(&dfs_saw.outcomes, &dpor_saw.outcomes))
			tell_missing(s, strategies[i], "outcomes", &dfs_saw.outcomes, &dpor_saw.outcomes);
		else if (!set_equal(&dfs_saw.orders, &dpor_saw.orders))
			tell_missing(s, strategies[i], "orders", &dfs_saw.orders, &dpor_saw.orders);
		else
			ck_assert_uint_ge(r.schedules - r.blocked, dpor_saw.orders.n);
		ck_assert(r.exhausted);
		ck_assert_uint_le(r.schedules, dfs.schedules);
		extra += r.schedules - dpor_saw.orders.n;
		total += r.schedules;
	}
	if (print)
		printf("\n");
	return true;
}

/* ---- scenarios ---- */

static int fails(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	weir_atomic_add(arg, 1);
	return WEIR_EIO;
}

static int adds(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	int rc = weir_ctx_err(ctx);
	weir_atomic_add(arg, rc == 0 ? 10 : 100);
	return rc;
}

static int has_child(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	weir_scope_init(&s, ctx);
	int rc = weir_scope_spawn(&s, "child", adds, arg);
	return weir_scope_join(ctx, &s, rc, err);
}

static uint64_t scope_of_two(weir_ctx *ctx, weir_task_fn *a, weir_task_fn *b)
{
	weir_atomic sum;
	weir_err err = {0};
	weir_scope s;
	weir_atomic_init(&sum, weir_ctx_rt(ctx), 0);
	weir_scope_init(&s, ctx);
	int rc = weir_scope_spawn(&s, "a", a, &sum);
	if (rc == 0)
		rc = weir_scope_spawn(&s, "b", b, &sum);
	rc = weir_scope_join(ctx, &s, rc, &err);
	weir_err_fini(&err);
	uint64_t outcome = weir_atomic_load(&sum) * 1000 + (uint64_t)-rc;
	weir_atomic_fini(&sum);
	return outcome;
}

static uint64_t error_ends_scope(weir_ctx *ctx, const void *arg)
{
	(void)arg;
	return scope_of_two(ctx, fails, adds);
}

static uint64_t scope_in_scope(weir_ctx *ctx, const void *arg)
{
	(void)arg;
	return scope_of_two(ctx, has_child, adds);
}

static void ended(void *arg)
{
	weir_atomic_add(arg, 1000);
}

static uint64_t on_end_and_stop(weir_ctx *ctx, const void *arg)
{
	weir_atomic sum;
	weir_scope s;
	weir_ctx c;
	weir_on_end handle;
	(void)arg;
	weir_atomic_init(&sum, weir_ctx_rt(ctx), 0);
	weir_ctx_init(&c, ctx, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	int rc = weir_scope_on_end(&s, &c, ended, &sum, &handle);
	if (rc == 0)
		rc = weir_scope_spawn(&s, "adds", adds, &sum);
	weir_ctx_cancel(&c, "done");
	uint64_t outcome = weir_on_end_stop(&handle);
	rc = weir_scope_join(ctx, &s, rc, NULL);
	outcome += weir_atomic_load(&sum) * 10 + (uint64_t)-rc * 100000;
	weir_ctx_fini(&c);
	weir_atomic_fini(&sum);
	return outcome;
}

static int outside(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	return adds(ctx, err, arg);
}

static uint64_t tasks_without_scope(weir_ctx *ctx, const void *arg)
{
	static weir_atomic sum; /* they end after the function has returned */
	(void)arg;
	memset(&sum, 0, sizeof(sum));
	weir_atomic_init(&sum, weir_ctx_rt(ctx), 0);
	WEIR_SIM_EQ(weir_sim_spawn(ctx, "a", outside, &sum), 0);
	WEIR_SIM_EQ(weir_sim_spawn(ctx, "b", outside, &sum), 0);
	uint64_t early = weir_atomic_load(&sum);
	weir_sim_quiesce(ctx);
	uint64_t outcome = early * 100 + weir_atomic_load(&sum);
	weir_atomic_fini(&sum);
	return outcome;
}

static int twice_of(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*(int *)out = 2 * *(const int *)in;
	return 0;
}

static uint64_t one_pipeline(weir_ctx *ctx, const void *arg)
{
	weir_scope s;
	weir_tx *jobs = NULL;
	weir_rx *results = NULL;
	const struct weir_pipeline_opts opts = {.handler = twice_of, .workers = 1, .job_buffer = 1};
	(void)arg;
	weir_scope_init(&s, ctx);
	int rc = weir_pipeline_start(&s, &small_number, &small_number, &opts, &jobs, &results, NULL);
	WEIR_SIM_EQ(rc, 0);
	weir_tx_close(&jobs);
	weir_rx_close(&results);
	return (uint64_t)-weir_scope_join(ctx, &s, 0, NULL);
}

#define SMALL(label, ...)                                      \
	{                                                      \
		.name = label, .small = {.task = __VA_ARGS__ } \
	}
#define SMALL_WITH(label, cap, n, moves, ...)                                                                       \
	{                                                                                                           \
		.name = label, .small = {.task = __VA_ARGS__, .capacity = (cap), .permits = (n), .early = (moves) } \
	}

static const struct scenario scenarios[] = {
	SMALL("atomics", {"aB", "bA", "+"}),
	SMALL("atomics, exchange", {"x", "x", "xa"}),
	SMALL("mutex", {"LaU", "L+U", "T"}),
	SMALL("mutex, held twice", {"LULU", "LAU"}),
	SMALL("rwlock", {"[a]", "{A}", "[]"}),
	SMALL("condition", {"C", "N"}),
	SMALL("condition, cancelled", {"C", "k", "K"}),
	SMALL_WITH("semaphore", 0, 1, 0, {"p+v", "pav", "P"}),
	SMALL_WITH("semaphore, cancelled", 0, 0, 0, {"p", "K", "vp"}),
	SMALL("wait group", {"w", "W", "+w"}),
	SMALL("wait group, again", {"wnw", "Wa"}),
	SMALL("once", {"oa", "oA", "o"}),
	SMALL("rendezvous", {"ss", "rr"}),
	SMALL("rendezvous, tried", {"Ss", "rR"}),
	SMALL_WITH("channel of 1", 1, 0, 0, {"ssc", "rrr"}),
	SMALL_WITH("channel of 1, two send", 1, 0, 0, {"s", "rr", "s"}),
	SMALL_WITH("channel of 2", 2, 0, 0, {"ssc", "rRc"}),
	SMALL_WITH("channel, statistics", 1, 0, 0, {"si", "ir"}),
	SMALL("select", {"q", "q", "k"}),
	SMALL_WITH("select, tried", 1, 0, 0, {"Qs", "Qr"}),
	SMALL("cancel and poll", {"ke", "eK", "e"}),
	SMALL("sleep, cancelled", {"Z", "k", "za"}),
	SMALL("receive by a deadline", {"s", "dA", "a"}),
	SMALL_WITH("deadline, early", 0, 0, 1, {"s", "d"}),
	SMALL_WITH("sleep, early", 0, 0, 2, {"zA", "a"}),
	SMALL_WITH("sleep, cancelled, early", 0, 0, 1, {"Z", "k", "+"}),
	SMALL("values", {"?a", "A?", "?"}),
	SMALL("yield", {"jA", "ja", "j"}),
	SMALL("pipe", {"ff", "FF"}),
	SMALL("pipe, cancelled", {"F", "K"}),
	{.name = "error ends scope", .fn = error_ends_scope},
	{.name = "scope in scope", .fn = scope_in_scope},
	{.name = "on_end and stop", .fn = on_end_and_stop},
	{.name = "tasks without scope", .fn = tasks_without_scope},
	{.name = "pipeline", .fn = one_pipeline},
};

START_TEST(sees_what_dfs_sees)
{
	printf("%-24s %9s %9s %9s %9s %7s %9s %7s\n", "", "dfs", "outcomes", "orders", "dpor", "cut", "sdpor", "cut");
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		ck_assert_msg(compare(&scenarios[i], 2000000, true), "%s is too large", scenarios[i].name);
	ck_assert_uint_eq(wrong, 0);
}
END_TEST

/* ---- random programs ---- */

static uint64_t below(uint64_t *state, uint64_t n)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (*state >> 33) % n;
}

/* A few themes each, so that operations meet. */
static void make_random(uint64_t seed, struct small *p, char text[SMALL_TASKS][16])
{
	static const char *const themes[] = {"aA+", "xaB",  "LTaA",   "[{+", "CNk", "pPvK", "nwW", "o+",  "srSR",
					     "src", "qsrk", "QsSrRk", "keK", "zZk", "d?s",  "j?A", "fFK", "ird"};
	uint64_t s = seed * 77 + 5;
	size_t n_themes = sizeof(themes) / sizeof(themes[0]);
	const char *two[2] = {themes[below(&s, n_themes)], themes[below(&s, n_themes)]};
	int tasks = 2 + (int)below(&s, 2);
	*p = (struct small){.capacity = below(&s, 3), .permits = below(&s, 2), .early = below(&s, 4) == 0};
	for (int i = 0; i < tasks; i++) {
		int n = tasks == 2 ? 2 + (int)below(&s, 2) : 1 + (int)below(&s, 2);
		char *at = text[i];
		for (int k = 0; k < n && at < text[i] + 11; k++) {
			const char *theme = two[below(&s, 2)];
			char op = theme[below(&s, strlen(theme))];
			bool sends = i != 1;
			if (strchr("rRd", op) && sends)
				op = op == 'R' ? 'S' : 's';
			else if (strchr("sS", op) && !sends)
				op = op == 'S' ? 'R' : 'r';
			if (op == 'c')
				k = n; /* the end is gone: the last operation */
			*at++ = op;
			const char *close = strchr("LU[]{}", op);
			if (close) { /* with something inside */
				*at++ = "aA+TPs"[below(&s, i == 1 ? 5 : 6)];
				*at++ = close[1];
				if (at[-2] == 'T' && op == 'L')
					at[-2] = 'a';
			}
		}
		*at = '\0';
		p->task[i] = text[i];
	}
}

static void compare_random(uint64_t from, uint64_t to, uint64_t limit)
{
	uint64_t compared = 0;
	for (uint64_t seed = from; seed < to; seed++) {
		char text[SMALL_TASKS][16], name[40];
		struct scenario s = {.name = name};
		snprintf(name, sizeof(name), "random %llu", (unsigned long long)seed);
		make_random(seed, &s.small, text);
		compared += compare(&s, limit, false);
	}
	printf("random programs %llu to %llu: %llu compared, the others have more than %llu schedules\n",
	       (unsigned long long)from, (unsigned long long)to, (unsigned long long)compared,
	       (unsigned long long)limit);
	printf("they took %llu schedules of dpor and sdpor, %llu more than there are orders\n",
	       (unsigned long long)total, (unsigned long long)extra);
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_ge(compared, (to - from) * 3 / 8);
}

START_TEST(sees_what_dfs_sees_of_random_programs)
{
	const char *to = getenv("DPOR_RANDOM");              /* more of them, by hand */
	uint64_t n = getenv("WEIR_SIM_AT_MOST") ? 200 : 800; /* where a sanitizer, or a counter of lines, is slow */
	compare_random(0, to ? strtoull(to, NULL, 10) : n, to ? 50000 : 4000);
}
END_TEST

/* ---- the numbers of the papers; failures ---- */

START_TEST(runs_as_many_as_published)
{
	for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++) {
		struct weir_sim_opts opts = {.name = published[i].name, .strategy = "dpor", .quiet = true};
		struct weir_sim_result r;
		if (published[i].slow)
			continue;
		ck_assert_int_eq(weir_sim_run(&opts, run_program, (void *)(uintptr_t)&published[i], &r), 0);
		ck_assert(r.exhausted);
		ck_assert_uint_eq(r.schedules, published[i].expected);
		ck_assert_uint_eq(r.blocked, 0);
	}
}
END_TEST

static int lost_update(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	weir_atomic_store(arg, weir_atomic_load(arg) + 1);
	return 0;
}

static int loses_updates(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_atomic x;
	weir_scope s;
	(void)arg;
	weir_atomic_init(&x, weir_ctx_rt(ctx), 0);
	weir_scope_init(&s, ctx);
	int rc = weir_scope_spawn(&s, "a", lost_update, &x);
	if (rc == 0)
		rc = weir_scope_spawn(&s, "b", lost_update, &x);
	rc = weir_scope_join(ctx, &s, rc, err);
	WEIR_SIM_EQ(weir_atomic_load(&x), 2);
	weir_atomic_fini(&x);
	return rc;
}

START_TEST(a_failure_is_made_small_and_replays)
{
	struct weir_sim_opts opts = {.name = "loses", .strategy = "dpor", .quiet = true};
	struct weir_sim_result r, again;
	ck_assert_int_eq(weir_sim_run(&opts, loses_updates, NULL, &r), 1);
	ck_assert_int_eq(r.kind, WEIR_SIM_ASSERTION);
	ck_assert(!r.exhausted);
	opts.replay = r.replay;
	ck_assert_int_eq(weir_sim_run(&opts, loses_updates, NULL, &again), 1);
	ck_assert_int_eq(again.kind, WEIR_SIM_ASSERTION);
	ck_assert_str_eq(again.replay, r.replay);
}
END_TEST

/* The third schedule has one operation more. */
static int changes(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_atomic x;
	weir_scope s;
	weir_atomic_init(&x, weir_ctx_rt(ctx), 0);
	if (++*(int *)arg > 4)
		weir_atomic_add(&x, 1);
	weir_scope_init(&s, ctx);
	int rc = weir_scope_spawn(&s, "a", lost_update, &x);
	if (rc == 0)
		rc = weir_scope_spawn(&s, "b", lost_update, &x);
	rc = weir_scope_join(ctx, &s, rc, err);
	weir_atomic_fini(&x);
	return rc;
}

START_TEST(a_prefix_that_changes_is_nondeterminism)
{
	int runs = 0; /* the first two schedules are run twice */
	struct weir_sim_opts opts = {.name = "changes", .strategy = "dpor", .quiet = true, .no_shrink = true};
	struct weir_sim_result r;
	ck_assert_int_eq(weir_sim_run(&opts, changes, &runs, &r), 1);
	ck_assert_int_eq(r.kind, WEIR_SIM_NONDETERMINISM);
}
END_TEST

static int too_many(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	(void)arg;
	weir_atomic x;
	weir_atomic_init(&x, weir_ctx_rt(ctx), 0);
	weir_scope_init(&s, ctx);
	int rc = 0;
	for (int i = 0; i < 63 && rc == 0; i++)
		rc = weir_scope_spawn(&s, "task", lost_update, &x);
	rc = weir_scope_join(ctx, &s, rc, err);
	weir_atomic_fini(&x);
	return rc;
}

START_TEST(too_many_tasks_are_told)
{
	struct weir_sim_opts opts = {
		.name = "many", .strategy = "dpor", .schedules = 5, .quiet = true, .no_shrink = true};
	struct weir_sim_result r;
	ck_assert_int_eq(weir_sim_run(&opts, too_many, NULL, &r), 1);
	ck_assert_int_eq(r.kind, WEIR_SIM_MISUSE);
	ck_assert_ptr_nonnull(strstr(r.message, "at most 63 tasks"));
}
END_TEST

static bool below_two(void *arg)
{
	return weir_atomic_load(arg) < 2;
}

/* Only between two of the steps is it 2, and no step depends on which. */
static int passes_two(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_atomic *x = arg;
	(void)ctx, (void)err;
	weir_atomic_add(x, 1);
	weir_atomic_add(x, (uint64_t)-1);
	return 0;
}

static int has_invariant(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_atomic x;
	weir_scope s;
	(void)arg;
	weir_atomic_init(&x, weir_ctx_rt(ctx), 0);
	weir_sim_invariant(below_two, &x, "x is below 2");
	weir_scope_init(&s, ctx);
	int rc = weir_scope_spawn(&s, "a", passes_two, &x);
	if (rc == 0)
		rc = weir_scope_spawn(&s, "b", passes_two, &x);
	rc = weir_scope_join(ctx, &s, rc, err);
	weir_atomic_fini(&x);
	return rc;
}

START_TEST(an_invariant_is_looked_at_in_every_order)
{
	struct weir_sim_opts opts = {.name = "invariant", .strategy = "dpor", .quiet = true, .no_shrink = true};
	struct weir_sim_result r;
	ck_assert_int_eq(weir_sim_run(&opts, has_invariant, NULL, &r), 1);
	ck_assert_int_eq(r.kind, WEIR_SIM_INVARIANT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dpor");
	TCase *tc = tcase_create("dpor");
	tcase_set_timeout(tc, 600);
	tcase_add_test(tc, sees_what_dfs_sees);
	tcase_add_test(tc, sees_what_dfs_sees_of_random_programs);
	tcase_add_test(tc, runs_as_many_as_published);
	tcase_add_test(tc, a_failure_is_made_small_and_replays);
	tcase_add_test(tc, a_prefix_that_changes_is_nondeterminism);
	tcase_add_test(tc, too_many_tasks_are_told);
	tcase_add_test(tc, an_invariant_is_looked_at_in_every_order);
	suite_add_tcase(suite, tc);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

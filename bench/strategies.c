/* SPDX-License-Identifier: MIT
 *
 * How many schedules each strategy needs until it finds a bug: the median over 20 seeds, at most 10,000 schedules each.
 * The figures are counts, so they are the same on every machine.
 *
 * reorder_n, after the programs of that name in SCTBench (Thomson, Donaldson, Betts, 2016): n tasks set a, then b; one
 * task checks that it never sees one without the other, which needs all n of them to stand between the two.
 * twostage_n, likewise: n tasks set one value under a lock, and another, made from it, under a second lock; a reader
 * comes between the two stages of the first of them.
 * lost_update_n: n tasks add one with a load and a store: the bug that any order but a few shows. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/sim.h>

#define SEEDS 20
#define LIMIT 10000

struct shared {
	weir_atomic a, b;
	weir_mutex lock_a, lock_b;
	bool wrong;
};

/* n tasks of `many` and one of `one`; what they found wrong is the failure. */
static int run_tasks(weir_ctx *ctx, weir_err *err, int n, weir_task_fn *many, weir_task_fn *one)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	struct shared x = {.wrong = false};
	weir_scope s;
	int rc = 0;
	weir_atomic_init(&x.a, rt, 0);
	weir_atomic_init(&x.b, rt, 0);
	weir_mutex_init(&x.lock_a, rt);
	weir_mutex_init(&x.lock_b, rt);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < n && rc == 0; i++)
		rc = weir_scope_spawn(&s, "one of many", many, &x);
	if (one && rc == 0)
		rc = weir_scope_spawn(&s, "checker", one, &x);
	rc = weir_scope_join(ctx, &s, rc, err);
	uint64_t sum = weir_atomic_load(&x.a);
	weir_mutex_fini(&x.lock_b);
	weir_mutex_fini(&x.lock_a);
	weir_atomic_fini(&x.b);
	weir_atomic_fini(&x.a);
	WEIR_SIM_ASSERT(!x.wrong && (one || sum == (uint64_t)n));
	return rc;
}

static int reorder_set(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct shared *x = arg;
	(void)ctx, (void)err;
	weir_atomic_store(&x->a, 1);
	weir_atomic_store(&x->b, 1);
	return 0;
}

static int reorder_check(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct shared *x = arg;
	(void)ctx, (void)err;
	x->wrong = weir_atomic_load(&x->a) == 1 && weir_atomic_load(&x->b) == 0;
	return 0;
}

static int reorder(weir_ctx *ctx, weir_err *err, void *arg)
{
	return run_tasks(ctx, err, *(const int *)arg, reorder_set, reorder_check);
}

static int twostage_set(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct shared *x = arg;
	(void)err;
	weir_mutex_lock(ctx, &x->lock_a);
	weir_atomic_store(&x->a, 1);
	weir_mutex_unlock(&x->lock_a);
	weir_mutex_lock(ctx, &x->lock_b);
	weir_atomic_store(&x->b, weir_atomic_load(&x->a) + 1);
	weir_mutex_unlock(&x->lock_b);
	return 0;
}

static int twostage_check(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct shared *x = arg;
	(void)err;
	weir_mutex_lock(ctx, &x->lock_a);
	uint64_t a = weir_atomic_load(&x->a);
	weir_mutex_unlock(&x->lock_a);
	if (a == 0)
		return 0;
	weir_mutex_lock(ctx, &x->lock_b);
	x->wrong = weir_atomic_load(&x->b) != a + 1;
	weir_mutex_unlock(&x->lock_b);
	return 0;
}

static int twostage(weir_ctx *ctx, weir_err *err, void *arg)
{
	return run_tasks(ctx, err, *(const int *)arg, twostage_set, twostage_check);
}

static int lost_update_add(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct shared *x = arg;
	(void)ctx, (void)err;
	weir_atomic_store(&x->a, weir_atomic_load(&x->a) + 1);
	return 0;
}

static int lost_update(weir_ctx *ctx, weir_err *err, void *arg)
{
	return run_tasks(ctx, err, *(const int *)arg, lost_update_add, NULL);
}

static const struct {
	const char *name;
	weir_task_fn *fn;
	int n;
} programs[] = {
	{"reorder_3", reorder, 3},         {"reorder_5", reorder, 5},   {"reorder_10", reorder, 10},
	{"reorder_50", reorder, 50},       {"twostage_5", twostage, 5}, {"twostage_20", twostage, 20},
	{"lost_update_2", lost_update, 2},
};

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* The median in schedules, LIMIT + 1 standing for "not found"; *found of SEEDS were. False: the search broke. */
static bool median(size_t program, const char *strategy, uint64_t *out, int *found)
{
	uint64_t needed[SEEDS];
	int n = programs[program].n;
	*found = 0;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct weir_sim_opts opts = {.name = programs[program].name,
					     .strategy = strategy,
					     .seed = seed,
					     .schedules = LIMIT,
					     .no_early = true,
					     .no_shrink = true,
					     .quiet = true};
		struct weir_sim_result result;
		int rc = weir_sim_run(&opts, programs[program].fn, &n, &result);
		if (rc < 0 || (rc == 1 && result.kind != WEIR_SIM_ASSERTION))
			return false;
		*found += rc == 1;
		needed[seed - 1] = rc == 1 ? result.failed_schedule : LIMIT + 1;
	}
	qsort(needed, SEEDS, sizeof(needed[0]), by_value);
	*out = (needed[SEEDS / 2 - 1] + needed[SEEDS / 2]) / 2;
	return true;
}

int main(void)
{
	static const char *const strategies[] = {"random", "pct3", "pct10", "pos", "surw"};
	enum { N = sizeof(strategies) / sizeof(strategies[0]) };
	printf("schedules to the first failure: median of %d seeds (found, where not by all); limit %d\n", SEEDS,
	       LIMIT);
	printf("%-14s", "program");
	for (size_t k = 0; k < N; k++)
		printf(" %14s", strategies[k]);
	printf("\n");
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		printf("%-14s", programs[i].name);
		for (size_t k = 0; k < N; k++) {
			char text[64];
			uint64_t needed;
			int found;
			if (!median(i, strategies[k], &needed, &found))
				return EXIT_FAILURE;
			int at = needed > LIMIT ? snprintf(text, sizeof(text), "-")
						: snprintf(text, sizeof(text), "%llu", (unsigned long long)needed);
			if (found < SEEDS)
				snprintf(text + at, sizeof(text) - (size_t)at, " (%d)", found);
			printf(" %14s", text);
			fflush(stdout);
		}
		printf("\n");
	}
	return EXIT_SUCCESS;
}

/* SPDX-License-Identifier: MIT
 *
 * weir's own core, searched to the end: small programs whose every schedule within a stated bound is run, and which
 * assert in each what the headers promise. The rows are in suite_*.c, and what a row is in exhaust.h.
 *
 * Before that the program looks at itself: two rows that must not pass are searched, one that is not exhausted when its
 * schedules are used up, and one whose outcomes are others.
 *
 * With -DWEIR_EXPLORE_ATOMICS a schedule is hundreds of steps long, with choices inside of every operation. Then each
 * row is searched to the end of a bound of its own, and sampled besides: its outcomes must be some of the row's, since
 * operations that take effect at one point have no others.
 *
 *   exhaust [--deep] [--list] [NAME...]
 * Exit status 0: every row was exhausted at its bound, no schedule failed, and the outcomes were those of the row.
 * Ends with "N passed, N failed". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "exhaust.h"

#ifdef WEIR_EXPLORE_ATOMICS
#define INNER true
#else
#define INNER false
#endif

struct options {
	bool deep, list;
	char **names;
	size_t n_names;
};

struct tally {
	unsigned passed, failed;
	uint64_t schedules;
};

static uint32_t seen; /* of the row that is being searched */

void exhaust_saw(unsigned bit)
{
	seen |= UINT32_C(1) << bit;
}

static int scenario(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct exhaust_row *row = arg;
	(void)err;
	row->fn(ctx, row->arg);
	return 0;
}

static double cpu_seconds(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* What it means that a search with this strategy is exhausted. */
static void put_meaning(const struct exhaust_bound *b, char *buf, size_t cap)
{
	char early[48] = "", preemptions[48];
	const char *digits = b->strategy + strcspn(b->strategy, "0123456789");
	snprintf(preemptions, sizeof(preemptions), "at most %s preemption%s", digits,
		 strcmp(digits, "1") == 0 ? "" : "s");
	if (b->early)
		snprintf(early, sizeof(early), ", %u early timer%s", b->early, b->early == 1 ? "" : "s");
	snprintf(buf, cap, "%s%s%s", *digits ? preemptions : "all there are", early,
		 strcmp(b->strategy, "dpor") == 0 ? ", one of each partial order" : "");
}

/* NULL: as it must be. */
static const char *judge(const struct exhaust_row *row, int rc, const struct weir_sim_result *result)
{
	static char text[160];
	if (rc != 0)
		return "a schedule failed";
	if (!result->exhausted)
		return "the bound was not reached: there are more schedules than the row allows";
	if (seen == row->outcomes)
		return NULL;
	snprintf(text, sizeof(text), "outcomes %#x, not %#x", (unsigned)seen, (unsigned)row->outcomes);
	return text;
}

static const char *search_bound(const struct exhaust_row *row, const struct exhaust_bound *b, uint64_t most,
				struct weir_sim_result *result)
{
	struct weir_sim_opts opts = {
		.name = row->name,
		.strategy = b->strategy,
		.early = b->early,
		.no_early = b->early == 0,
		.schedules = most,
	};
	seen = 0;
	return judge(row, weir_sim_run(&opts, scenario, (void *)(uintptr_t)row, result), result);
}

static void search_row(const struct exhaust_row *row, const struct options *o, struct tally *t)
{
	bool deep = o->deep && row->deep.strategy;
	const struct exhaust_bound *b = deep ? &row->deep : &row->quick;
	struct weir_sim_result result;
	char meaning[96];
	double before = cpu_seconds();
	const char *wrong = search_bound(row, b, deep ? EXHAUST_DEEP_MOST : EXHAUST_QUICK_MOST, &result);
	put_meaning(b, meaning, sizeof(meaning));
	printf("%-34s %-6s %10llu schedules %6.2f s  %s\n", row->name, b->strategy,
	       (unsigned long long)result.schedules, cpu_seconds() - before, wrong ? "---" : meaning);
	if (wrong)
		printf("FAIL  %s: %s\n", row->name, wrong);
	fflush(stdout);
	t->schedules += result.schedules;
	*(wrong ? &t->failed : &t->passed) += 1;
}

static const char *search_inside(const struct exhaust_row *row, const char *strategy, uint64_t most, bool exhausts,
				 struct weir_sim_result *result)
{
	struct weir_sim_opts opts = {
		.name = row->name,
		.strategy = strategy,
		.early = row->quick.early,
		.no_early = row->quick.early == 0,
		.schedules = most,
	};
	if (weir_sim_run(&opts, scenario, (void *)(uintptr_t)row, result) != 0)
		return "a schedule failed";
	if (exhausts && !result->exhausted)
		return "the bound was not reached: there are more schedules than the row allows";
	return seen & ~row->outcomes ? "an outcome that operations as a whole do not have" : NULL;
}

static void search_row_inside(const struct exhaust_row *row, const struct options *o, struct tally *t)
{
	static const char *const samplers[] = {"random", "pos", "surw", "pct3"};
	const char *strategy = o->deep ? row->inner_deep : row->inner, *wrong;
	struct weir_sim_result result;
	uint64_t exhausted = 0, sampled = 0;
	double before = cpu_seconds();
	seen = 0;
	wrong = !strategy
			? NULL
			: search_inside(row, strategy, o->deep ? EXHAUST_DEEP_MOST : EXHAUST_QUICK_MOST, true, &result);
	exhausted = strategy ? result.schedules : 0;
	for (size_t i = 0; i < sizeof(samplers) / sizeof(samplers[0]) && !wrong; i++) {
		wrong = search_inside(row, samplers[i], o->deep ? 20000 : 1000, false, &result);
		sampled += result.schedules;
	}
	printf("%-34s %-6s %10llu schedules, and %llu of others %6.2f s\n", row->name, strategy ? strategy : "-",
	       (unsigned long long)exhausted, (unsigned long long)sampled, cpu_seconds() - before);
	if (wrong)
		printf("FAIL  %s: %s\n", row->name, wrong);
	fflush(stdout);
	t->schedules += exhausted + sampled;
	*(wrong ? &t->failed : &t->passed) += 1;
}

/* A check that cannot fail is none. */
static void check_itself(struct tally *t)
{
	struct exhaust_row row = exhaust_chan[0];
	struct weir_sim_result result;
	const char *wrong = search_bound(&row, &row.quick, 100, &result);
	bool noticed = wrong && !result.exhausted;
	row.outcomes = ~row.outcomes;
	wrong = search_bound(&row, &row.quick, EXHAUST_QUICK_MOST, &result);
	noticed = noticed && wrong && result.exhausted;
	if (!noticed)
		printf("FAIL  a bound that was not reached, or another outcome, was not noticed\n");
	*(noticed ? &t->passed : &t->failed) += 1;
}

static bool wanted(const struct options *o, const char *name)
{
	for (size_t i = 0; i < o->n_names; i++)
		if (strncmp(o->names[i], name, strlen(o->names[i])) == 0)
			return true;
	return o->n_names == 0;
}

static void search_suite(const struct exhaust_row *row, size_t n, const struct options *o, struct tally *t)
{
	for (size_t i = 0; i < n; i++) {
		if (!wanted(o, row[i].name))
			continue;
		if (o->list)
			printf("%s\n", row[i].name);
		else
			(INNER ? search_row_inside : search_row)(&row[i], o, t);
	}
}

static bool parse(int argc, char **argv, struct options *o)
{
	int i = 1;
	for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		if (strcmp(argv[i], "--deep") == 0)
			o->deep = true;
		else if (strcmp(argv[i], "--list") == 0)
			o->list = true;
		else
			return false;
	}
	o->names = argv + i;
	o->n_names = (size_t)(argc - i);
	return true;
}

int main(int argc, char **argv)
{
	struct options o = {.deep = false};
	struct tally t = {0};
	if (!parse(argc, argv, &o)) {
		fprintf(stderr,
			"usage: exhaust [--deep] [--list] [NAME...] (a name stands for all that begin with it)\n");
		return 2;
	}
	if (!o.list && !INNER)
		check_itself(&t);
	search_suite(exhaust_chan, exhaust_n_chan, &o, &t);
	search_suite(exhaust_select, exhaust_n_select, &o, &t);
	search_suite(exhaust_ctx, exhaust_n_ctx, &o, &t);
	search_suite(exhaust_scope, exhaust_n_scope, &o, &t);
	search_suite(exhaust_sync, exhaust_n_sync, &o, &t);
	search_suite(exhaust_pipeline, exhaust_n_pipeline, &o, &t);
	search_suite(exhaust_crew, exhaust_n_crew, &o, &t);
	if (o.list)
		return 0;
	printf("%llu schedules, %.1f s of CPU\n", (unsigned long long)t.schedules, cpu_seconds());
	printf("%u passed, %u failed\n", t.passed, t.failed);
	return t.passed > 0 && t.failed == 0 ? 0 : 1;
}

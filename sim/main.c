/* SPDX-License-Identifier: MIT
 *
 * weir_sim_main: the registered tests of a program, with flags and environment variables, a canary first and a count
 * at the end. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "explored.h"

const char *weir__sim_program;

static struct weir_sim_test *first_test, **last_test = &first_test;

struct flags {
	struct weir_sim_opts over; /* what flags and environment set */
	bool list, no_canary, help;
	bool progress, pairs, all_pairs, no_count, need_sometimes;
	int first_name; /* argv from here on: names */
};

void weir_sim_register(struct weir_sim_test *test)
{
	*last_test = test;
	last_test = &test->next;
}

static void usage(FILE *to, const char *program)
{
	fprintf(to,
		"usage: %s [options] [NAME...]\n"
		"  --list           the names of the tests\n"
		"  --seed N         another seed (default 1; also WEIR_SIM_SEED)\n"
		"  --schedules N    how many schedules each (default 1000; also WEIR_SIM_SCHEDULES)\n"
		"  --at-most N      fewer, where a test has more (also WEIR_SIM_AT_MOST)\n"
		"  --strategy S     random, pos, surw, pctN, dfs, dfsN (N preemptions), ipb (dfs0, dfs1, ... and\n"
		"                   early timers likewise), dpor (one schedule for each order), sdpor, portfolio\n"
		"                   (also WEIR_SIM_STRATEGY)\n"
		"  --steps N        limit of one schedule (default 20000)\n"
		"  --max-steps N    limit of all schedules of a test together\n"
		"  --wall SECONDS   limit of real time for each test\n"
		"  --faults N       faults that a schedule may have: allocations, spawns, descriptors, wake-ups\n"
		"  --jobs N         share the schedules between N processes\n"
		"  --report FILE    write the report of a failure there too\n"
		"  --replay STRING  one schedule, as a report named it (also WEIR_SIM_REPLAY)\n"
		"  --break-at STEP  with a replay, in a debugger: stop in the task that performs this step\n"
		"  --from STRING    explore from the end of this schedule's choices on (STRING@N: from step N on)\n"
		"  --progress       how far a search is, on stderr (default where that is a terminal)\n"
		"  --pairs          list pairs of operations that were seen in one order only; --all-pairs: all\n"
		"  --no-count       do not count orders and pairs (faster)\n"
		"  --need-sometimes a weir_sim_sometimes that was never true is a failure\n"
		"  --no-canary      do not first check that known bugs are found\n",
		program);
}

static bool number(const char *text, uint64_t *out)
{
	char *end;
	if (!text || *text < '0' || *text > '9')
		return false;
	*out = strtoull(text, &end, 0);
	return *end == '\0';
}

static bool bad(const char *program, const char *flag, const char *value, const char *want)
{
	fprintf(stderr, "%s: %s %s: %s\n", program, flag, value ? value : "(nothing)", want);
	return false;
}

/* One flag with its value; false: bad, and said so. */
static bool set_flag(struct flags *f, const char *program, const char *flag, const char *value)
{
	uint64_t n = 0;
	if (!value)
		return bad(program, flag, value, "wants a value");
	if (strcmp(flag, "--strategy") == 0) {
		f->over.strategy = value;
	} else if (strcmp(flag, "--replay") == 0) {
		f->over.replay = value;
	} else if (strcmp(flag, "--from") == 0) {
		f->over.from = value;
	} else if (strcmp(flag, "--report") == 0) {
		f->over.report = value;
	} else if (!number(value, &n)) {
		return bad(program, flag, value, "wants a number of 0 or more");
	} else if (strcmp(flag, "--seed") == 0) {
		f->over.seed = n;
	} else if (strcmp(flag, "--schedules") == 0) {
		f->over.schedules = n;
	} else if (strcmp(flag, "--at-most") == 0) {
		f->over.at_most = n;
	} else if (strcmp(flag, "--steps") == 0) {
		f->over.steps = n;
	} else if (strcmp(flag, "--faults") == 0) {
		f->over.faults = n > UINT_MAX ? UINT_MAX : (unsigned)n;
	} else if (strcmp(flag, "--max-steps") == 0) {
		f->over.max_steps = n;
	} else if (strcmp(flag, "--jobs") == 0) {
		if (n < 1 || n > 64)
			return bad(program, flag, value, "wants a number of 1 to 64");
		f->over.jobs = (uint32_t)n;
	} else if (strcmp(flag, "--break-at") == 0) {
		f->over.break_at = n;
	} else {
		f->over.wall_ns = n > INT64_MAX / 1000000000 ? INT64_MAX : (int64_t)n * 1000000000;
	}
	return true;
}

static bool environment(struct flags *f, const char *program)
{
	static const char *const names[][2] = {{"WEIR_SIM_SEED", "--seed"},
					       {"WEIR_SIM_SCHEDULES", "--schedules"},
					       {"WEIR_SIM_AT_MOST", "--at-most"},
					       {"WEIR_SIM_STRATEGY", "--strategy"},
					       {"WEIR_SIM_REPLAY", "--replay"}};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i][0]);
		if (value && *value && !set_flag(f, program, names[i][1], value))
			return false;
	}
	return true;
}

/* A flag without a value. */
static bool set_switch(struct flags *f, const char *flag)
{
	const struct {
		const char *name;
		bool *to;
	} switches[] = {{"--list", &f->list},         {"--no-canary", &f->no_canary},
			{"--help", &f->help},         {"--progress", &f->progress},
			{"--pairs", &f->pairs},       {"--all-pairs", &f->all_pairs},
			{"--no-count", &f->no_count}, {"--need-sometimes", &f->need_sometimes}};
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		if (strcmp(flag, switches[i].name) != 0)
			continue;
		*switches[i].to = true;
		return true;
	}
	return false;
}

static bool has_value(const char *flag)
{
	static const char *const with_value[] = {"--seed",     "--schedules", "--strategy", "--steps",  "--max-steps",
						 "--wall",     "--jobs",      "--report",   "--replay", "--from",
						 "--break-at", "--faults",    "--at-most"};
	for (size_t i = 0; i < sizeof(with_value) / sizeof(with_value[0]); i++)
		if (strcmp(flag, with_value[i]) == 0)
			return true;
	return false;
}

static bool parse(struct flags *f, int argc, char **argv)
{
	int i = 1;
	if (!environment(f, argv[0]))
		return false;
	for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		if (set_switch(f, argv[i]))
			continue;
		if (!has_value(argv[i])) {
			fprintf(stderr, "%s: unknown option %s\n", argv[0], argv[i]);
			usage(stderr, argv[0]);
			return false;
		}
		if (!set_flag(f, argv[0], argv[i], i + 1 < argc ? argv[i + 1] : NULL))
			return false;
		i++;
	}
	f->first_name = i;
	if (f->over.break_at && !f->over.replay)
		return bad(argv[0], "--break-at", NULL, "wants a replay: --replay STRING, or WEIR_SIM_REPLAY");
	return true;
}

static void override(struct weir_sim_opts *opts, const struct flags *f)
{
	opts->seed = f->over.seed ? f->over.seed : opts->seed;
	opts->schedules = f->over.schedules ? f->over.schedules : opts->schedules;
	opts->at_most = f->over.at_most ? f->over.at_most : opts->at_most;
	opts->strategy = f->over.strategy ? f->over.strategy : opts->strategy;
	opts->steps = f->over.steps ? f->over.steps : opts->steps;
	opts->faults = f->over.faults ? f->over.faults : opts->faults;
	opts->wall_ns = f->over.wall_ns ? f->over.wall_ns : opts->wall_ns;
	opts->report = f->over.report ? f->over.report : opts->report;
	opts->replay = f->over.replay;
	opts->max_steps = f->over.max_steps ? f->over.max_steps : opts->max_steps;
	opts->jobs = f->over.jobs ? f->over.jobs : opts->jobs;
	opts->from = f->over.from ? f->over.from : opts->from;
	opts->count_orders = !f->no_count;
	opts->need_sometimes |= f->need_sometimes;
	opts->progress |= f->progress || isatty(STDERR_FILENO);
	opts->break_at = f->over.break_at;
}

/* "s1.NAME.HASH:..." belongs to the test NAME. */
static bool replay_names(const char *replay, const char *name)
{
	size_t n = strlen(name);
	return strncmp(replay, "s1.", 3) == 0 && strncmp(replay + 3, name, n) == 0 && replay[3 + n] == '.';
}

static bool selected(const struct flags *f, int argc, char **argv, const char *name)
{
	if (f->over.replay && !replay_names(f->over.replay, name))
		return false;
	if (f->over.from && !replay_names(f->over.from, name))
		return false;
	if (f->first_name >= argc)
		return true;
	for (int i = f->first_name; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return false;
}

struct totals {
	size_t passed, failed;
	uint64_t schedules, steps;
	size_t ended[WEIR_SIM_END_TIME + 1]; /* tests, by what ended their search */
	size_t bounded;                      /* ... and had run all within a bound */
};

static bool has_bound(const struct weir_sim_explored *e)
{
	return e->bounded && (e->bound_preemptions != WEIR_SIM_NO_BOUND || e->bound_early != WEIR_SIM_NO_BOUND);
}

/* On the line of the test. */
static void print_counts(const struct weir_sim_result *r)
{
	const struct weir_sim_explored *e = &r->explored;
	printf("%s", r->exhausted ? ", all there are" : "");
	if (e->estimate > 0 && !r->kind)
		printf(", of about %.2g", e->estimate);
	if (e->orders)
		printf(", %s%llu order%s", e->orders_more ? "more than " : "", (unsigned long long)e->orders,
		       e->orders == 1 ? "" : "s");
	if (e->window_new && !r->exhausted && !r->kind)
		printf(" (%u of the last %u new)", e->window_new, e->window);
	if (e->pairs)
		printf(", %u%s one-way pair%s", e->pairs, e->pairs_more ? " or more" : "", e->pairs == 1 ? "" : "s");
	if (r->blocked)
		printf(", %llu given up", (unsigned long long)r->blocked);
	if (r->faults)
		printf(", %llu faults", (unsigned long long)r->faults);
	if (e->jobs > 1)
		printf(", %u processes", e->jobs);
}

static void bound_text(char out[40], uint32_t most, const char *what)
{
	if (most == WEIR_SIM_NO_BOUND)
		snprintf(out, 40, "any number of %ss", what);
	else if (most == 0)
		snprintf(out, 40, "no %s", what);
	else
		snprintf(out, 40, "at most %u %s%s", most, what, most == 1 ? "" : "s");
}

static void print_bound(const struct weir_sim_explored *e)
{
	char preemptions[40], early[40];
	if (!has_bound(e))
		return;
	bound_text(preemptions, e->bound_preemptions, "preemption");
	bound_text(early, e->bound_early, "early timer");
	printf("       bound: every schedule with %s and %s was run\n", preemptions, early);
}

/* What is worth a line of its own. */
static void print_explored(const struct weir_sim_result *r)
{
	static const char *const spent[] = {[WEIR_SIM_END_STEPS] = "--max-steps", [WEIR_SIM_END_TIME] = "--wall"};
	const struct weir_sim_explored *e = &r->explored;
	print_bound(e);
	if (!r->kind && (e->end == WEIR_SIM_END_STEPS || e->end == WEIR_SIM_END_TIME))
		printf("       ended by %s\n", spent[e->end]);
	for (uint32_t i = 0; i < e->never && i < WEIR_SIM_LISTED; i++)
		printf("       never true: %s\n", e->never_name[i]);
	if (e->never > WEIR_SIM_LISTED)
		printf("       never true: and %u others\n", e->never - WEIR_SIM_LISTED);
}

static void print_pairs(const struct sim_pair_list *list, size_t most)
{
	size_t n = list->n < most ? list->n : most;
	const void **sites = calloc(2 * n + 1, sizeof(*sites));
	char(*text)[64] = calloc(2 * n + 1, sizeof(*text));
	for (size_t i = 0; sites && text && i < n; i++) {
		sites[2 * i] = list->pair[i].before;
		sites[2 * i + 1] = list->pair[i].after;
	}
	if (n && sites && text)
		weir__sim_sites(sites, 2 * n, text);
	for (size_t i = 0; sites && text && i < n; i++)
		printf("       %s always before %s: %llu times\n", text[2 * i], text[2 * i + 1],
		       (unsigned long long)list->pair[i].times);
	free(sites);
	free(text);
}

static void add_to(struct totals *totals, const struct weir_sim_result *r, bool passed)
{
	totals->passed += passed;
	totals->failed += !passed;
	totals->schedules += r->schedules;
	totals->steps += r->steps;
	totals->ended[r->explored.end]++;
	totals->bounded += r->exhausted && has_bound(&r->explored);
}

/* Negative: could not run. */
static int run_test(const struct weir_sim_test *test, const struct flags *f, struct totals *totals)
{
	struct weir_sim_opts opts = test->opts;
	struct weir_sim_result result;
	struct sim_pair_list pairs;
	opts.name = test->name;
	override(&opts, f);
	opts.quiet |= test->expect != WEIR_SIM_PASS && !opts.replay;
	int rc = weir__sim_search(&opts, test->fn, test->arg, &result, &pairs);
	if (rc < 0) {
		fprintf(stderr, "%s: could not run: %s\n", test->name, weir_err_name(rc));
		return rc;
	}
	bool passed = result.kind == test->expect;
	/* not "FAIL", which begins the report further up */
	printf("%-6s %-40s %8llu schedule%s %9llu steps", passed ? "ok" : "failed", test->name,
	       (unsigned long long)result.schedules, result.schedules == 1 ? " " : "s",
	       (unsigned long long)result.steps);
	print_counts(&result);
	if (result.kind)
		printf(", %s%s", weir_sim_kind_name(result.kind), passed ? " (planted)" : "");
	printf("\n");
	if (!passed && test->expect)
		printf("     expected to be found as %s\n", weir_sim_kind_name(test->expect));
	print_explored(&result);
	if (f->pairs || f->all_pairs)
		print_pairs(&pairs, f->all_pairs ? SIZE_MAX : WEIR_SIM_LISTED);
	free(pairs.pair);
	fflush(stdout);
	add_to(totals, &result, passed);
	return 0;
}

/* Said once: what a pass does not say. */
static void print_limits(const struct totals *t)
{
	size_t budget = t->ended[WEIR_SIM_END_SCHEDULES] + t->ended[WEIR_SIM_END_STEPS] + t->ended[WEIR_SIM_END_TIME];
	printf("not explored: orders that only weak memory allows (sequential consistency throughout)");
	if (budget)
		printf("; what is beyond the budget, in %zu test%s", budget, budget == 1 ? "" : "s");
	if (t->bounded)
		printf("; what is beyond the bounds, in %zu", t->bounded);
	printf("\n");
}

int weir_sim_main_tests(int argc, char **argv, struct weir_sim_test *const *tests, size_t n)
{
	struct flags f = {0};
	struct totals totals = {0};
	if (!parse(&f, argc, argv))
		return 2;
	if (f.help) {
		usage(stdout, argv[0]);
		return 0;
	}
	if (f.list) {
		for (size_t i = 0; i < n; i++)
			printf("%s\n", tests[i]->name);
		return 0;
	}
	weir__sim_program = argv[0];
	if (!f.no_canary && !f.over.replay && weir__sim_canary() != 0)
		return 3;
	for (size_t i = 0; i < n; i++) {
		if (!selected(&f, argc, argv, tests[i]->name))
			continue;
		if (run_test(tests[i], &f, &totals) < 0)
			return 2;
	}
	if (totals.passed + totals.failed == 0) {
		if (f.over.replay || f.over.from)
			fprintf(stderr,
				"%s: \"%s\" is no replay string of a test here: s1.NAME.HASH:..., as a report printed "
				"it\n",
				argv[0], f.over.replay ? f.over.replay : f.over.from);
		else
			fprintf(stderr, "%s: no such test; --list names them\n", argv[0]);
		return 2;
	}
	printf("explored %llu schedule%s, %llu steps\n", (unsigned long long)totals.schedules,
	       totals.schedules == 1 ? "" : "s", (unsigned long long)totals.steps);
	if (!f.over.replay)
		print_limits(&totals);
	printf("%zu passed, %zu failed\n", totals.passed, totals.failed);
	return totals.failed ? 1 : 0;
}

int weir_sim_main(int argc, char **argv)
{
	struct weir_sim_test **tests;
	size_t n = 0, i = 0;
	for (struct weir_sim_test *t = first_test; t; t = t->next)
		n++;
	tests = calloc(n + 1, sizeof(struct weir_sim_test *));
	if (!tests)
		return 2;
	for (struct weir_sim_test *t = first_test; t; t = t->next)
		tests[i++] = t;
	int rc = weir_sim_main_tests(argc, argv, tests, n);
	free(tests);
	return rc;
}

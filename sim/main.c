/* SPDX-License-Identifier: MIT
 *
 * weir_sim_main: the registered tests of a program, with flags and environment variables, a canary first and a count
 * at the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

const char *weir__sim_program;

static struct weir_sim_test *first_test, **last_test = &first_test;

struct flags {
	struct weir_sim_opts over; /* what flags and environment set */
	bool list, no_canary, help;
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
		"  --strategy S     random, pos, surw, pctN, dfs, dfsN (N preemptions), portfolio (also\n"
		"                   WEIR_SIM_STRATEGY)\n"
		"  --steps N        limit of one schedule (default 20000)\n"
		"  --wall SECONDS   limit of real time for each test\n"
		"  --report FILE    write the report of a failure there too\n"
		"  --replay STRING  one schedule, as a report named it (also WEIR_SIM_REPLAY)\n"
		"  --break-at STEP  with a replay, in a debugger: stop in the task that performs this step\n"
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
	} else if (strcmp(flag, "--report") == 0) {
		f->over.report = value;
	} else if (!number(value, &n)) {
		return bad(program, flag, value, "wants a number of 0 or more");
	} else if (strcmp(flag, "--seed") == 0) {
		f->over.seed = n;
	} else if (strcmp(flag, "--schedules") == 0) {
		f->over.schedules = n;
	} else if (strcmp(flag, "--steps") == 0) {
		f->over.steps = n;
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
					       {"WEIR_SIM_STRATEGY", "--strategy"},
					       {"WEIR_SIM_REPLAY", "--replay"}};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i][0]);
		if (value && *value && !set_flag(f, program, names[i][1], value))
			return false;
	}
	return true;
}

static bool parse(struct flags *f, int argc, char **argv)
{
	static const char *const with_value[] = {"--seed", "--schedules", "--strategy", "--steps",
						 "--wall", "--report",    "--replay",   "--break-at"};
	int i = 1;
	if (!environment(f, argv[0]))
		return false;
	for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		bool known = false;
		f->list |= strcmp(argv[i], "--list") == 0;
		f->no_canary |= strcmp(argv[i], "--no-canary") == 0;
		f->help |= strcmp(argv[i], "--help") == 0;
		known = strcmp(argv[i], "--list") == 0 || strcmp(argv[i], "--no-canary") == 0 ||
			strcmp(argv[i], "--help") == 0;
		for (size_t k = 0; !known && k < sizeof(with_value) / sizeof(with_value[0]); k++) {
			if (strcmp(argv[i], with_value[k]) != 0)
				continue;
			known = true;
			if (!set_flag(f, argv[0], argv[i], i + 1 < argc ? argv[i + 1] : NULL))
				return false;
			i++;
		}
		if (!known) {
			fprintf(stderr, "%s: unknown option %s\n", argv[0], argv[i]);
			usage(stderr, argv[0]);
			return false;
		}
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
	opts->strategy = f->over.strategy ? f->over.strategy : opts->strategy;
	opts->steps = f->over.steps ? f->over.steps : opts->steps;
	opts->wall_ns = f->over.wall_ns ? f->over.wall_ns : opts->wall_ns;
	opts->report = f->over.report ? f->over.report : opts->report;
	opts->replay = f->over.replay;
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
};

/* Negative: could not run. */
static int run_test(const struct weir_sim_test *test, const struct flags *f, struct totals *totals)
{
	struct weir_sim_opts opts = test->opts;
	struct weir_sim_result result;
	opts.name = test->name;
	override(&opts, f);
	opts.quiet |= test->expect != WEIR_SIM_PASS && !opts.replay;
	int rc = weir_sim_run(&opts, test->fn, test->arg, &result);
	if (rc < 0) {
		fprintf(stderr, "%s: could not run: %s\n", test->name, weir_err_name(rc));
		return rc;
	}
	bool passed = result.kind == test->expect;
	/* not "FAIL", which begins the report further up */
	printf("%-6s %-40s %8llu schedule%s %9llu steps%s", passed ? "ok" : "failed", test->name,
	       (unsigned long long)result.schedules, result.schedules == 1 ? " " : "s",
	       (unsigned long long)result.steps, result.exhausted ? ", all there are" : "");
	if (result.faults)
		printf(", %llu faults", (unsigned long long)result.faults);
	if (result.kind)
		printf(", %s%s", weir_sim_kind_name(result.kind), passed ? " (planted)" : "");
	printf("\n");
	if (!passed && test->expect)
		printf("     expected to be found as %s\n", weir_sim_kind_name(test->expect));
	fflush(stdout);
	totals->passed += passed;
	totals->failed += !passed;
	totals->schedules += result.schedules;
	totals->steps += result.steps;
	return 0;
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
		if (f.over.replay)
			fprintf(stderr,
				"%s: \"%s\" is no replay string of a test here: s1.NAME.HASH:..., as a report printed "
				"it\n",
				argv[0], f.over.replay);
		else
			fprintf(stderr, "%s: no such test; --list names them\n", argv[0]);
		return 2;
	}
	printf("explored %llu schedule%s, %llu steps\n", (unsigned long long)totals.schedules,
	       totals.schedules == 1 ? "" : "s", (unsigned long long)totals.steps);
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

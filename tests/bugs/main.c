/* SPDX-License-Identifier: MIT
 *
 * Bugs of real programs: the simulator must find each of them, and must say nothing about its repaired twin.
 *
 * For each bug of this folder (bugs.h), with the default strategy or the one that --strategy names:
 *
 *  R1  Found, as the kind (or one of the two) its file states, within SCHEDULES schedules, with each of --seeds seeds
 *      in a row. A search that is lucky with one seed is not counted. A race must be found within RACE_SCHEDULES:
 *      nearly every schedule has it.
 *  R2  Each failure is shrunk, and its replay string runs into the same kind again, in one schedule.
 *  R3  The twin is run for --twin-schedules schedules and nothing is found in it: a finder that cries at everything
 *      would pass R1.
 *  R4  A bug that is said to need early timers is not found by the same search where time moves only when every task
 *      waits: else the claim means nothing.
 *  R5  With --best: at least GOAL bugs are found by the strategy that is best for them within GOAL_SCHEDULES schedules,
 *      in the median over the seeds.
 *  R6  Shrunk, the median bug has at most MOST_PREEMPTIONS preemptions: the report is short enough to be understood.
 *
 * The table shows, for each bug, after how many schedules it was found (median and worst over the seeds), how many
 * choices that differ from the default policy are left in the shrunk replay string, and how many preemptions the
 * schedule has (medians).
 *
 * With --best each bug is searched for with each strategy by itself as well; the table gets the one with the best
 * median and that median, and what each strategy finds within GOAL_SCHEDULES is counted below it.
 *
 *   bugs [--full] [--best] [--strategy S] [--seeds N] [--twin-schedules N] [--list] [--show] [NAME...]
 * --full: 20 seeds, 10,000 schedules, and --best. --show: the reports of the first seed. Exit status 0: all of it
 * held, 1: not, 2: bad arguments. Ends with `N passed, N failed`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bugs.h"

#define SCHEDULES 1000
#define RACE_SCHEDULES 10
#define MAX_SEEDS 1000
#define MOST_PREEMPTIONS 1
#define MAX_BUGS 1000
#define GOAL 45
#define GOAL_SCHEDULES 10

static const char *const strategies[] = {"portfolio", "random", "pos", "surw", "pct3", "pct10"};
#define STRATEGIES (sizeof(strategies) / sizeof(strategies[0]))

struct options {
	uint64_t seeds, twin_schedules;
	const char *strategy; /* NULL: the default */
	bool list, show, best;
	char **names;
	int n_names;
};

struct tally {
	unsigned bugs, passed, failed;
	uint64_t preemptions[MAX_BUGS];       /* of each bug */
	unsigned within[STRATEGIES], by_best; /* GOAL_SCHEDULES */
};

/* Over the seeds. */
struct found {
	uint64_t schedules[MAX_SEEDS], choices[MAX_SEEDS], preemptions[MAX_SEEDS];
	size_t n;
};

static struct bug *bugs;

void bug_register(struct bug *bug)
{
	struct bug **at = &bugs;
	while (*at && strcmp((*at)->name, bug->name) < 0)
		at = &(*at)->next;
	bug->next = *at;
	*at = bug;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static uint64_t median(uint64_t *values, size_t n)
{
	qsort(values, n, sizeof(values[0]), by_size);
	return n ? values[(n - 1) / 2] : 0;
}

/* How many items the list of a replay string has: "s1.NAME.HASH:LIST". */
static uint64_t count_choices(const char *replay)
{
	const char *list = strchr(replay, ':');
	uint64_t n = 1;
	if (!list || strcmp(list, ":-") == 0)
		return 0;
	for (; *list; list++)
		n += *list == ',';
	return n;
}

/* False: the search could not run, which is said. */
static bool run(const struct weir_sim_opts *opts, weir_task_fn *fn, struct weir_sim_result *out)
{
	int rc = weir_sim_run(opts, fn, NULL, out);
	if (rc < 0)
		printf("%s: the search could not run: %s\n", opts->name, weir_err_name(rc));
	return rc >= 0;
}

/* R1, R2 */
static bool find(const struct bug *bug, const struct options *o, struct found *found)
{
	for (uint64_t seed = 1; seed <= o->seeds; seed++) {
		struct weir_sim_opts opts = {.name = bug->name,
					     .strategy = o->strategy,
					     .seed = seed,
					     .schedules = SCHEDULES,
					     .allow_no_decisions = true, /* some go wrong in every schedule */
					     .quiet = !o->show || seed > 1};
		struct weir_sim_result result, again;
		if (!run(&opts, bug->bad, &result))
			return false;
		if (result.kind == WEIR_SIM_PASS || (result.kind != bug->kind && result.kind != bug->other)) {
			printf("%s, seed %llu: expected %s, found %s: %s\n", bug->name, (unsigned long long)seed,
			       weir_sim_kind_name(bug->kind), weir_sim_kind_name(result.kind), result.message);
			return false;
		}
		if (!o->strategy && result.kind == WEIR_SIM_RACE && result.failed_schedule > RACE_SCHEDULES) {
			printf("%s, seed %llu: not before schedule %llu\n", bug->name, (unsigned long long)seed,
			       (unsigned long long)result.failed_schedule);
			return false;
		}
		found->schedules[found->n] = result.failed_schedule;
		found->preemptions[found->n] = result.preemptions;
		found->choices[found->n++] = count_choices(result.replay);
		if (!result.replay[0]) {
			printf("%s, seed %llu: no replay string\n", bug->name, (unsigned long long)seed);
			return false;
		}
		opts.replay = result.replay;
		opts.quiet = true;
		if (!run(&opts, bug->bad, &again))
			return false;
		if (again.kind != result.kind || again.schedules != 1) {
			printf("%s, seed %llu: the replay of %s gave %s: %s\n", bug->name, (unsigned long long)seed,
			       result.replay, weir_sim_kind_name(again.kind), again.message);
			return false;
		}
	}
	return true;
}

/* R3, R4: nothing is found. The report of what was is on stderr. */
static bool silent(const struct bug *bug, const struct options *o, weir_task_fn *fn, uint64_t schedules, bool no_early,
		   const char *what)
{
	struct weir_sim_opts opts = {.name = bug->name,
				     .strategy = o->strategy,
				     .schedules = schedules,
				     .no_early = no_early,
				     .allow_no_decisions = true}; /* a twin may have one task */
	struct weir_sim_result result;
	if (!run(&opts, fn, &result))
		return false;
	if (result.kind != WEIR_SIM_PASS)
		printf("%s: %s: found %s in schedule %llu: %s\n", bug->name, what, weir_sim_kind_name(result.kind),
		       (unsigned long long)result.failed_schedule, result.message);
	return result.kind == WEIR_SIM_PASS;
}

/* R5: the median number of schedules with this strategy alone; one that never finds the bug in SCHEDULES counts as
 * that many. Finding it as something else is not this check's business. False: the search could not run. */
static bool median_with(const struct bug *bug, const struct options *o, const char *strategy, uint64_t *out)
{
	static uint64_t schedules[MAX_SEEDS];
	for (uint64_t seed = 1; seed <= o->seeds; seed++) {
		struct weir_sim_opts opts = {.name = bug->name,
					     .strategy = strategy,
					     .seed = seed,
					     .schedules = SCHEDULES,
					     .allow_no_decisions = true,
					     .no_shrink = true,
					     .quiet = true};
		struct weir_sim_result r;
		if (!run(&opts, bug->bad, &r))
			return false;
		schedules[seed - 1] = r.kind == WEIR_SIM_PASS ? SCHEDULES : r.failed_schedule;
	}
	*out = median(schedules, o->seeds);
	return true;
}

/* The best strategy for the bug and its median: "pos 3". */
static bool compare(const struct bug *bug, const struct options *o, struct tally *tally, char *best, size_t cap)
{
	uint64_t least = UINT64_MAX, n;
	for (size_t i = 0; i < STRATEGIES; i++) {
		if (!median_with(bug, o, strategies[i], &n))
			return false;
		tally->within[i] += n <= GOAL_SCHEDULES;
		if (n >= least)
			continue;
		least = n;
		snprintf(best, cap, "%s %llu", strategies[i], (unsigned long long)n);
	}
	tally->by_best += least <= GOAL_SCHEDULES;
	return true;
}

static void check(const struct bug *bug, const struct options *o, struct tally *tally)
{
	static struct found found;
	bool ok[] = {false, false, true};
	size_t n = bug->early ? 3 : 2;
	char best[40] = "";
	found.n = 0;
	ok[0] = find(bug, o, &found);
	ok[1] = silent(bug, o, bug->good, o->twin_schedules, false, "the good twin");
	if (bug->early)
		ok[2] = silent(bug, o, bug->bad, SCHEDULES, true, "without early timers");
	if (o->best)
		ok[0] &= compare(bug, o, tally, best, sizeof(best));
	for (size_t i = 0; i < n; i++)
		*(ok[i] ? &tally->passed : &tally->failed) += 1;
	uint64_t preemptions = median(found.preemptions, found.n);
	if (tally->bugs < MAX_BUGS)
		tally->preemptions[tally->bugs] = preemptions;
	tally->bugs++;
	uint64_t middle = median(found.schedules, found.n);
	uint64_t worst = found.n ? found.schedules[found.n - 1] : 0;
	char kinds[32];
	snprintf(kinds, sizeof(kinds), "%s%s%s", weir_sim_kind_name(bug->kind), bug->other ? ", " : "",
		 bug->other ? weir_sim_kind_name(bug->other) : "");
	printf("%-6s %-18s %-44s %-17s %-5s %6llu %6llu %7llu %11llu  %s\n", ok[0] && ok[1] && ok[2] ? "ok" : "failed",
	       bug->name, bug->class, kinds, bug->early ? "early" : "", (unsigned long long)middle,
	       (unsigned long long)worst, (unsigned long long)median(found.choices, found.n),
	       (unsigned long long)preemptions, best);
	fflush(stdout);
}

/* R5; the goal is for all bugs. */
static void tell_best(struct tally *tally, bool all)
{
	bool ok = tally->by_best >= GOAL;
	printf("found within %d schedules (median):", GOAL_SCHEDULES);
	for (size_t i = 0; i < STRATEGIES; i++)
		printf(" %s %u,", strategies[i], tally->within[i]);
	printf(" by the best %u of %u\n", tally->by_best, tally->bugs);
	if (!all)
		return;
	if (!ok)
		printf("that is less than %d\n", GOAL);
	*(ok ? &tally->passed : &tally->failed) += 1;
}

static bool parse_number(const char *text, uint64_t limit, uint64_t *out)
{
	char *end;
	unsigned long long n = text && *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
	if (n == 0 || *end || n > limit)
		return false;
	*out = n;
	return true;
}

static bool parse(int argc, char **argv, struct options *o)
{
	int i = 1;
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--full") == 0)
			o->seeds = 20, o->twin_schedules = 10000, o->best = true;
		else if (strcmp(argv[i], "--best") == 0)
			o->best = true;
		else if (strcmp(argv[i], "--strategy") == 0 && argv[i + 1])
			o->strategy = argv[++i];
		else if (strcmp(argv[i], "--list") == 0)
			o->list = true;
		else if (strcmp(argv[i], "--show") == 0)
			o->show = true;
		else if (strcmp(argv[i], "--seeds") == 0 && parse_number(argv[i + 1], MAX_SEEDS, &o->seeds))
			i++;
		else if (strcmp(argv[i], "--twin-schedules") == 0 &&
			 parse_number(argv[i + 1], UINT64_MAX, &o->twin_schedules))
			i++;
		else
			return false;
	}
	o->names = argv + i;
	o->n_names = argc - i;
	return true;
}

static bool selected(const struct options *o, const char *name)
{
	for (int i = 0; i < o->n_names; i++)
		if (strcmp(o->names[i], name) == 0)
			return true;
	return o->n_names == 0;
}

int main(int argc, char **argv)
{
	struct options o = {.seeds = 5, .twin_schedules = 2000};
	static struct tally tally;
	if (!parse(argc, argv, &o)) {
		fprintf(stderr,
			"usage: %s [--full] [--best] [--strategy S] [--seeds N] [--twin-schedules N] [--list] [--show] "
			"[NAME...]\n",
			argv[0]);
		return 2;
	}
	if (!o.list)
		printf("%-6s %-18s %-44s %-17s %-5s %6s %6s %7s %11s  %s\n", "", "bug", "class", "found as", "",
		       "median", "worst", "choices", "preemptions", o.best ? "best" : "");
	for (const struct bug *bug = bugs; bug; bug = bug->next) {
		if (!selected(&o, bug->name))
			continue;
		if (o.list)
			printf("%s\n", bug->name);
		else
			check(bug, &o, &tally);
	}
	if (o.list)
		return 0;
	if (tally.bugs == 0) {
		fprintf(stderr, "%s: no such bug; --list names them\n", argv[0]);
		return 2;
	}
	uint64_t middle = median(tally.preemptions, tally.bugs < MAX_BUGS ? tally.bugs : MAX_BUGS);
	printf("preemptions that are left: %llu in the median, at most %d wanted\n", (unsigned long long)middle,
	       MOST_PREEMPTIONS);
	if (o.n_names == 0) /* R6: of all of them */
		*(middle <= MOST_PREEMPTIONS ? &tally.passed : &tally.failed) += 1;
	if (o.best)
		tell_best(&tally, o.n_names == 0);
	printf("%u bugs with their twins\n%u passed, %u failed\n", tally.bugs, tally.passed, tally.failed);
	return tally.failed ? 1 : 0;
}

/* SPDX-License-Identifier: MIT
 *
 * Soundness of the simulator, tested: whatever a program does on real threads, the simulator must be able to do.
 *
 * For each program two sets of outcomes are collected: those of many runs on real threads, and those of a search in the
 * simulator. The first must be contained in the second. One that is not is a bug: of the simulator, or of an operation
 * that has two effects without a choice between them (rt/hooks.h), and then every "no schedule failed" is worth less
 * than it says.
 *
 *  H1  Exhaustive where that takes seconds: then an outcome that is missing is impossible in the simulator. Elsewhere,
 *      random schedules, and a missing outcome is looked for with ten times as many before it counts. The table says
 *      which.
 *  H2  The check is checked: mutants are programs that run with one parameter on threads and with another in the
 *      simulator, which takes away an outcome that threads do show. Each must be reported as not contained.
 *  H3  A set with one outcome is contained in anything: each program must have two in the simulator, and more than half
 *      of the programs must have shown two on threads, else nothing was raced.
 *
 *   contain [--runs N] [--schedules N] [--list] [NAME...]
 * Exit status 0: all contained and all mutants noticed. Ends with `N passed, N failed`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contain.h"

#define WIDER 10 /* H1 */

struct options {
	uint64_t runs, schedules;
	bool list;
	char **names;
	size_t n_names;
};

struct tally {
	unsigned passed, failed, programs, varied;
};

struct search {
	const struct contain_program *program;
	struct outcomes *set;
	bool exhausted;
	uint64_t systematic, random;
};

struct outcome *contain_outcome(struct outcomes *set, const char *text)
{
	for (size_t i = 0; i < set->n; i++)
		if (strcmp(set->at[i].text, text) == 0)
			return &set->at[i];
	if (set->n == CONTAIN_OUTCOMES) {
		fprintf(stderr, "contain: more than %d outcomes: make the program smaller\n", CONTAIN_OUTCOMES);
		abort();
	}
	struct outcome *o = &set->at[set->n++];
	snprintf(o->text, sizeof(o->text), "%s", text);
	return o;
}

/* ---- the simulated side ---- */

static int scenario(weir_ctx *ctx, weir_err *err, void *arg)
{
	static struct round r;
	struct search *q = arg;
	(void)err;
	memset(&r, 0, sizeof(r));
	r.rt = weir_ctx_rt(ctx);
	r.param = q->program->mutant ? q->program->sim_param : q->program->param;
	int rc = q->program->fn(ctx, &r);
	contain_outcome(q->set, r.text)->sim++;
	return rc;
}

static int search_once(struct search *q, const char *strategy, uint64_t seed, uint64_t schedules)
{
	struct weir_sim_result result;
	struct weir_sim_opts opts = {
		.name = q->program->name, .strategy = strategy, .seed = seed, .schedules = schedules, .no_early = true};
	int rc = weir_sim_run(&opts, scenario, q, &result);
	*(strcmp(strategy, "dfs") == 0 ? &q->systematic : &q->random) += result.schedules;
	q->exhausted = rc == 0 && result.exhausted;
	return rc;
}

static size_t n_missing(const struct outcomes *set)
{
	size_t n = 0;
	for (size_t i = 0; i < set->n; i++)
		n += set->at[i].threads > 0 && set->at[i].sim == 0;
	return n;
}

static int simulate(struct search *q, uint64_t schedules)
{
	int rc = q->program->large ? 0 : search_once(q, "dfs", 1, schedules);
	if (rc == 0 && !q->exhausted)
		rc = search_once(q, "portfolio", 1, schedules);
	bool wider = !q->program->mutant;
	for (uint64_t seed = 2; rc == 0 && wider && !q->exhausted && seed <= WIDER && n_missing(q->set) > 0; seed++)
		rc = search_once(q, "portfolio", seed, schedules);
	return rc;
}

/* ---- one program ---- */

static void describe(const struct search *q, char *buf, size_t cap)
{
	if (q->exhausted)
		snprintf(buf, cap, "exhaustive %llu", (unsigned long long)q->systematic);
	else
		snprintf(buf, cap, "random %llu", (unsigned long long)q->random);
}

static void print_program(const struct search *q, bool contained)
{
	const struct outcomes *set = q->set;
	size_t on_threads = 0, in_sim = 0, both = 0;
	char mode[64];
	for (size_t i = 0; i < set->n; i++) {
		on_threads += set->at[i].threads > 0;
		in_sim += set->at[i].sim > 0;
		both += set->at[i].threads > 0 && set->at[i].sim > 0;
	}
	describe(q, mode, sizeof(mode));
	printf("%-28s %-20s %7zu %9zu %5zu %%  %s\n", q->program->name, mode, on_threads, in_sim,
	       in_sim ? 100 * both / in_sim : 0, contained ? "yes" : "NO");
	for (size_t i = 0; i < set->n; i++)
		printf("    %9llu  %s  %s\n", (unsigned long long)set->at[i].threads, set->at[i].sim ? "sim" : "---",
		       set->at[i].text);
}

/* NULL: as it must be. */
static const char *judge(const struct contain_program *p, int rc, bool contained, size_t in_sim)
{
	if (rc != 0)
		return "a run failed";
	if (p->mutant)
		return contained ? "a mutant was not noticed" : NULL; /* H2 */
	if (!contained)
		return "threads can do what the simulator cannot";
	return in_sim < 2 ? "only one outcome is possible, which proves nothing" : NULL; /* H3 */
}

static void try_program(const struct contain_program *p, const struct options *o, struct tally *t)
{
	static struct outcomes set;
	struct search q = {.program = p, .set = &set};
	size_t in_sim = 0, on_threads = 0;
	set.n = 0;
	memset(set.at, 0, sizeof(set.at));
	int rc = contain_on_threads(p, o->runs, &set);
	if (rc == 0)
		rc = simulate(&q, o->schedules);
	for (size_t i = 0; i < set.n; i++) {
		on_threads += set.at[i].threads > 0;
		in_sim += set.at[i].sim > 0;
	}
	bool contained = n_missing(&set) == 0;
	const char *wrong = judge(p, rc, contained, in_sim);
	print_program(&q, contained);
	if (wrong)
		printf("FAIL  %s: %s\n", p->name, wrong);
	*(wrong ? &t->failed : &t->passed) += 1;
	if (!p->mutant) {
		t->programs++;
		t->varied += on_threads > 1;
	}
}

/* ---- all of them ---- */

static bool wanted(const struct options *o, const char *name)
{
	for (size_t i = 0; i < o->n_names; i++)
		if (strcmp(o->names[i], name) == 0)
			return true;
	return o->n_names == 0;
}

static void try_all(const struct contain_program *p, size_t n, const struct options *o, struct tally *t)
{
	for (size_t i = 0; i < n; i++) {
		if (!wanted(o, p[i].name))
			continue;
		if (o->list)
			printf("%s\n", p[i].name);
		else
			try_program(&p[i], o, t);
		fflush(stdout);
	}
}

static bool parse(int argc, char **argv, struct options *o)
{
	char *end = NULL;
	int i = 1;
	for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		uint64_t *n = strcmp(argv[i], "--runs") == 0        ? &o->runs
			      : strcmp(argv[i], "--schedules") == 0 ? &o->schedules
								    : NULL;
		if (strcmp(argv[i], "--list") == 0) {
			o->list = true;
			continue;
		}
		if (!n || ++i == argc)
			return false;
		*n = strtoull(argv[i], &end, 10);
		if (*end || *n == 0)
			return false;
	}
	o->names = argv + i;
	o->n_names = (size_t)(argc - i);
	return true;
}

int main(int argc, char **argv)
{
	struct options o = {.runs = 5000, .schedules = 50000};
	struct tally t = {0};
	if (!parse(argc, argv, &o)) {
		fprintf(stderr, "usage: contain [--runs N] [--schedules N] [--list] [NAME...]\n");
		return 2;
	}
	if (!o.list) {
		printf("%llu runs on threads and at least %llu schedules for each program\n\n",
		       (unsigned long long)o.runs, (unsigned long long)o.schedules);
		printf("%-28s %-20s %7s %9s %7s  %s\n", "program", "simulator", "threads", "simulated", "shown",
		       "contained");
	}
	try_all(contain_chan, contain_n_chan, &o, &t);
	try_all(contain_ctx, contain_n_ctx, &o, &t);
	try_all(contain_group, contain_n_group, &o, &t);
	try_all(contain_sync, contain_n_sync, &o, &t);
	if (o.list)
		return 0;
	if (o.n_names == 0 && 2 * t.varied <= t.programs) { /* H3 */
		printf("FAIL  threads showed more than one outcome in %u of %u programs only\n", t.varied, t.programs);
		t.failed++;
	}
	printf("%u passed, %u failed\n", t.passed, t.failed);
	return t.passed > 0 && t.failed == 0 ? 0 : 1;
}

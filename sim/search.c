/* SPDX-License-Identifier: MIT
 *
 * A search: schedules in a row until one fails, the budget is spent, or (dfs) there are no more.
 *
 *  Q1  The first two schedules are run twice, the second time from their own deviations, and both runs must have the
 *      same hash after each step. So a program with a hidden input is found before it wastes a night. The second run is
 *      traced, and the report shows it.
 *  Q2  A schedule that fails is run again, from the replay string's content and with the trace on; that run is what the
 *      report shows. If it does not fail alike, that is the failure: the program is not deterministic.
 *  Q3  A search in which nothing was ever chosen fails: such a test explores nothing.
 *  Q4  The schedule's number and the seed decide everything a strategy draws, so `--seed` alone repeats a search.
 *  Q5  A failure is made smaller before it is shown (shrink.c), unless opts.no_shrink says otherwise.
 *  Q6  Where a report is written, what is shown is explained (explain.c), by more runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "break.h"
#include "engine.h"
#include "explain.h"
#include "report.h"
#include "strategy.h"
#include "stuck.h"

#define REPLAY_EARLY 1000000u /* a replay may move the clock wherever its string says */
#define MAX_STRATEGIES 4

struct search {
	struct sim *s;
	struct weir_sim_opts opts;
	weir_task_fn *fn;
	void *arg;
	struct sim_strategy *strategies[MAX_STRATEGIES];
	size_t n_strategies;
	bool dfs, exhausted;
	uint64_t schedules;
	bool fault_reached;
};

static const char *const kind_names[] = {
	"pass",      "assertion",  "crash", "deadlock", "leak",           "ownership",    "account",
	"invariant", "step limit", "hang",  "misuse",   "nondeterminism", "no decisions", "bad replay",
};

const char *weir_sim_kind_name(enum weir_sim_kind kind)
{
	return (size_t)kind < sizeof(kind_names) / sizeof(kind_names[0]) ? kind_names[kind] : "unknown";
}

/* ---- task 0 ---- */

/* Tasks that are left when the scenario's function returns. */
static void see_off(struct sim *s)
{
	for (uint32_t i = 1; i < s->n_tasks; i++)
		if (s->tasks[i]->detached && !s->tasks[i]->joined)
			s->rt.vt->join(&s->rt, &s->tasks[i]->pub);
	for (uint32_t i = 1; i < s->n_tasks; i++)
		if (s->tasks[i]->state != SIM_EXITED)
			weir__sim_fail(s, WEIR_SIM_LEAK, "T%u %s still runs when the scenario is over: join its scope",
				       i, s->tasks[i]->pub.name);
}

static void root_entry(void *arg)
{
	struct search *q = arg;
	struct sim *s = q->s;
	weir_ctx root;
	char text[300];
	weir_ctx_init_root(&root, &s->rt);
	int rc = q->fn(&root, &s->root_err, q->arg);
	s->n_invariants = 0; /* they may look at what was on the scenario's stack */
	/* where a fault was injected, an error that is told is what is asked for */
	if (rc != 0 && !(rc < 0 && s->fault_hit)) {
		weir_err_format(&s->root_err, text, sizeof(text));
		weir__sim_fail(s, WEIR_SIM_ASSERTION, "the scenario returned %s (%d)%s%s", weir_err_name(rc), rc,
			       s->root_err.code ? ": " : "", s->root_err.code ? text : "");
	}
	weir_err_fini(&s->root_err);
	see_off(s);
	weir_ctx_fini(&root);
}

/* ---- strategies ---- */

static bool parse_number(const char *text, unsigned limit, unsigned *out)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);
	if (end == text || *end || n > limit)
		return false;
	*out = (unsigned)n;
	return true;
}

static int make_strategies(struct search *q)
{
	const char *name = q->opts.strategy && *q->opts.strategy ? q->opts.strategy : "portfolio";
	unsigned n = 0;
	if (strcmp(name, "portfolio") == 0) {
		q->strategies[0] = weir__sim_pos_new();
		q->strategies[1] = weir__sim_surw_new();
		q->strategies[2] = weir__sim_pct_new(3);
		q->strategies[3] = weir__sim_pct_new(10);
		q->n_strategies = 4;
	} else {
		q->n_strategies = 1;
		if (strcmp(name, "random") == 0) {
			q->strategies[0] = weir__sim_random_new();
		} else if (strcmp(name, "pos") == 0) {
			q->strategies[0] = weir__sim_pos_new();
		} else if (strcmp(name, "surw") == 0) {
			q->strategies[0] = weir__sim_surw_new();
		} else if (strcmp(name, "pct") == 0 ||
			   (strncmp(name, "pct", 3) == 0 && parse_number(name + 3, 32, &n) && n > 0)) {
			q->strategies[0] = weir__sim_pct_new(n ? n : 3);
		} else if (strcmp(name, "dfs") == 0 ||
			   (strncmp(name, "dfs", 3) == 0 && parse_number(name + 3, 1000, &n))) {
			q->strategies[0] = weir__sim_dfs_new(name[3] ? n : UINT32_MAX);
			q->dfs = true;
		} else {
			fprintf(stderr,
				"weir sim: unknown strategy \"%s\": random, pos, surw, pct, pctN (1..32), dfs, dfsN "
				"(0..1000) or portfolio\n",
				name);
			return WEIR_EINVAL;
		}
	}
	for (size_t i = 0; i < q->n_strategies; i++)
		if (!q->strategies[i])
			return WEIR_ENOMEM;
	return 0;
}

static void free_strategies(struct search *q)
{
	for (size_t i = 0; i < q->n_strategies; i++) {
		if (q->strategies[i])
			q->strategies[i]->free(q->strategies[i]);
		q->strategies[i] = NULL;
	}
	q->n_strategies = 0;
}

/* ---- one schedule ---- */

static unsigned early_of(const struct search *q, uint64_t schedule)
{
	if (q->opts.no_early)
		return 0;
	if (q->dfs)
		return q->opts.early;
	return schedule / q->n_strategies % 2 == 0 ? 0 : q->opts.early ? q->opts.early : 2; /* each strategy has both */
}

static void run_one(struct search *q, uint64_t schedule)
{
	struct sim *s = q->s;
	uint64_t mix = q->opts.seed + schedule * UINT64_C(0xd1342543de82ef95);
	s->strategy = q->strategies[schedule % q->n_strategies];
	s->early_left = early_of(q, schedule);
	s->strategy->begin(s->strategy, weir__sim_mix(&mix));
	weir__sim_run_once(s, root_entry, q);
	s->total_steps += s->step;
	s->total_decisions += s->decisions;
	q->schedules++;
	q->fault_reached |= s->fault_hit;
}

static void run_with(void *arg, struct sim_strategy *strategy)
{
	struct search *q = arg;
	struct sim *s = q->s;
	struct sim_strategy *before = s->strategy;
	s->strategy = strategy;
	s->early_left = REPLAY_EARLY;
	strategy->begin(strategy, 0);
	weir__sim_run_once(s, root_entry, q);
	strategy->end(strategy, s);
	s->strategy = before;
}

static void run_replay(struct search *q, const struct sim_replay *text)
{
	struct sim_strategy *replay = weir__sim_replay_new(q->s, text);
	if (!replay) {
		fprintf(stderr, "weir sim: no memory to replay\n");
		abort();
	}
	run_with(q, replay);
	replay->free(replay);
}

/* ---- running twice ---- */

/* The step at which two runs part, from 1; 0: they do not. */
static size_t first_difference(const uint64_t *a, size_t n_a, const uint64_t *b, size_t n_b)
{
	size_t n = n_a < n_b ? n_a : n_b;
	for (size_t i = 0; i < n; i++)
		if (a[i] != b[i])
			return i + 1;
	return n_a == n_b ? 0 : n + 1;
}

/* The number of the n-th step (from 1) of the run that was recorded. */
static uint64_t nth_step(const struct sim *s, size_t n)
{
	for (size_t i = 0; s->trace && i < s->trace->n; i++)
		if (s->trace->events[i].kind == SIM_EV_STEP && --n == 0)
			return s->trace->events[i].step;
	return s->step; /* it has fewer, or was not recorded */
}

/* Runs the schedule that has just run once more, and compares. The second run's failure, if any, is in s, and then its
 * trace is too. */
static void run_again(struct search *q)
{
	struct sim *s = q->s;
	struct sim_replay same = weir__sim_deviations(s);
	uint64_t hash = s->hash, *hashes = NULL;
	enum weir_sim_kind kind = s->failure.kind;
	size_t n = s->n_step_hash < s->step_hash_cap ? s->n_step_hash : s->step_hash_cap;
	hashes = malloc((n + 1) * sizeof(*hashes));
	if (!hashes || !same.items)
		abort();
	memcpy(hashes, s->step_hash, n * sizeof(*hashes));
	weir__sim_trace_free(s->trace);
	s->trace = calloc(1, sizeof(*s->trace));
	run_replay(q, &same);
	size_t now = s->n_step_hash < s->step_hash_cap ? s->n_step_hash : s->step_hash_cap;
	size_t parted = first_difference(hashes, n, s->step_hash, now);
	if (parted || s->hash != hash || s->failure.kind != kind) {
		char before[sizeof(s->failure.text)];
		memcpy(before, s->failure.text, sizeof(before));
		enum weir_sim_kind then = s->failure.kind;
		uint64_t step = parted ? nth_step(s, parted) : s->step;
		s->failure.kind = WEIR_SIM_PASS;
		weir__sim_fail(
			s, WEIR_SIM_NONDETERMINISM,
			"the same choices gave another run, from step %llu on (first: %s, then: %s%s%.120s); something "
			"outside the simulator decides: a real clock, random numbers, addresses, memory that is never "
			"set",
			(unsigned long long)step, weir_sim_kind_name(kind), weir_sim_kind_name(then), then ? ": " : "",
			then ? before : "");
		s->failure.step = step;
	}
	if (!s->failure.kind) {
		weir__sim_trace_free(s->trace);
		s->trace = NULL;
	}
	free(hashes);
	weir__sim_replay_free(&same);
}

static void record_hashes(struct sim *s, bool on)
{
	if (on && !s->step_hash) {
		s->step_hash_cap = 1 << 16; /* beyond this step only the final hash is compared */
		s->step_hash = malloc(s->step_hash_cap * sizeof(*s->step_hash));
	}
	s->record_hashes = on && s->step_hash;
}

/* ---- the search ---- */

static bool budget_left(const struct search *q)
{
	if (q->s->time_up)
		return false;
	if (q->dfs && q->opts.schedules == 0)
		return true;
	return q->schedules < (q->opts.schedules ? q->opts.schedules : 1000);
}

/* Runs schedules until one fails (s->failure) or the search is over. Returns the number of the failed one, or 0. */
static uint64_t search_schedules(struct search *q)
{
	struct sim *s = q->s;
	q->schedules = 0;
	q->exhausted = false;
	while (budget_left(q)) {
		bool twice = q->schedules < 2; /* Q1 */
		struct sim_strategy *st;
		record_hashes(s, true);
		run_one(q, q->schedules);
		if (s->failure.kind)
			return q->schedules;
		st = s->strategy;
		bool more = st->end(st, s);
		if (twice && !s->failure.kind)
			run_again(q);
		if (s->failure.kind)
			return q->schedules;
		if (!more) {
			q->exhausted = true;
			break;
		}
	}
	if (s->total_decisions == 0 && !q->opts.allow_no_decisions) /* Q3 */
		weir__sim_fail(s, WEIR_SIM_NO_DECISIONS,
			       "%llu schedule%s without one decision: this test explores nothing",
			       (unsigned long long)q->schedules, q->schedules == 1 ? "" : "s");
	return 0;
}

/* Q5, Q6. Leaves the schedule that is shown as the one that has just run, with its trace. */
static void study(struct search *q, struct sim_report *about, struct sim_explanation *why)
{
	struct sim *s = q->s;
	bool shrink = !q->opts.no_shrink && !q->opts.replay, explain = !q->opts.quiet || q->opts.report;
	if (!weir__sim_shrinkable(s) || (!shrink && !explain))
		return;
	struct sim_replay list = weir__sim_deviations(s);
	about->choices_before = shrink ? list.n : 0;
	weir__sim_trace_free(s->trace);
	s->trace = NULL;
	if (shrink) {
		weir__sim_replay_free(&list);
		list = weir__sim_shrink(s, run_with, q);
	}
	if (!list.items)
		abort();
	about->choices = shrink ? list.n : 0;
	if (explain) {
		weir__sim_explain(s, &list, run_with, q, why);
		about->why = why;
	}
	run_replay(q, &list);
	run_again(q);
	weir__sim_replay_free(&list);
}

static void tell(struct search *q, uint64_t failed, struct weir_sim_result *out)
{
	struct sim *s = q->s;
	const char *name = q->opts.name;
	const char *written = q->opts.replay ? strchr(q->opts.replay, ':') : NULL;
	struct sim_explanation why;
	struct sim_report about = {.name = name,
				   .program = weir__sim_program,
				   .strategy = failed && !q->opts.replay ? s->strategy->name : "replay",
				   .seed = q->opts.seed,
				   .schedule = failed,
				   .schedules = q->schedules,
				   .replay = out->replay};
	if (written) /* the four digits before it are the hash */
		about.unlike = strtoul(written - 4, NULL, 16) != (unsigned long)(s->hash & 0xffff);
	if (failed) {
		if (!s->trace && s->failure.kind != WEIR_SIM_NONDETERMINISM)
			run_again(q); /* Q2 */
		study(q, &about, &why);
		weir__sim_call_partial(s);
		if (weir__sim_encode(s, name, out->replay, sizeof(out->replay)) >= sizeof(out->replay))
			out->replay[0] = '\0';
	}
	out->kind = s->failure.kind;
	out->failed_schedule = failed;
	out->preemptions = weir__sim_preemptions(s->trace);
	snprintf(out->message, sizeof(out->message), "%s", s->failure.text);
	weir__sim_report(s, &about);
}

static void replay_search(struct search *q, const struct sim_replay *text, struct weir_sim_result *out)
{
	struct sim *s = q->s;
	q->opts.fail_alloc = text->fail_alloc;
	q->opts.fail_spawn = text->fail_spawn;
	s->trace = calloc(1, sizeof(*s->trace));
	weir__sim_break_begin(s);
	run_replay(q, text);
	weir__sim_break_end(s);
	q->schedules = 1;
	if (!s->failure.kind && text->hash != (uint32_t)(s->hash & 0xffff))
		weir__sim_fail(s, WEIR_SIM_BAD_REPLAY,
			       "the replay ran to its end without a failure, and not as the string was written "
			       "(hash %04x, now %04x): the program has changed since",
			       text->hash, (unsigned)(s->hash & 0xffff));
	if (s->failure.kind)
		tell(q, 1, out);
}

/* Nth-fault sweep: the search again and again, with a later fault each time, until none is reached. */
static uint64_t sweep(struct search *q, struct weir_sim_result *out)
{
	uint64_t failed = 0, *faults[] = {&q->opts.fail_alloc, &q->opts.fail_spawn};
	if (q->opts.schedules == 0 && !q->dfs)
		q->opts.schedules = 20;
	for (size_t f = 0; f < 2 && !failed; f++) {
		for (*faults[f] = 1; !failed; ++*faults[f]) {
			q->fault_reached = false;
			free_strategies(q);
			if (make_strategies(q) < 0)
				abort();
			failed = search_schedules(q);
			if (!q->fault_reached)
				break;
			out->faults++;
		}
		if (!failed)
			*faults[f] = 0;
	}
	return failed;
}

static int search_run(struct search *q, struct weir_sim_result *out)
{
	struct sim *s = q->s;
	struct sim_replay text = {0};
	uint64_t failed = 0;
	int rc = make_strategies(q);
	if (rc == 0 && q->opts.replay)
		rc = weir__sim_decode(q->opts.replay, &text);
	if (rc == 0)
		rc = weir__sim_guard_begin(s);
	if (rc < 0) {
		weir__sim_replay_free(&text);
		return rc;
	}
	if (q->opts.replay) {
		replay_search(q, &text, out);
	} else {
		failed = search_schedules(q);
		if (!failed && !s->failure.kind && q->opts.fault_sweep)
			failed = sweep(q, out);
		if (s->failure.kind)
			tell(q, failed, out);
	}
	weir__sim_guard_end(s);
	weir__sim_replay_free(&text);
	out->schedules = q->schedules;
	out->steps = s->total_steps;
	out->decisions = s->total_decisions;
	out->exhausted = q->exhausted;
	out->hash = s->hash;
	out->time_ns = s->now;
	return s->failure.kind ? 1 : 0;
}

static void sim_dispose(struct sim *s)
{
	weir__sim_slabs_free(s);
	weir__sim_fds_free(s);
	for (uint32_t i = 0; i < WEIR_SIM_TASKS; i++)
		free(s->tasks[i]);
	weir__sim_trace_free(s->trace);
	free(s->stream);
	free(s->step_hash);
	free(s->objects);
	free(s->clocks);
	free(s);
}

int weir_sim_run(const struct weir_sim_opts *opts, weir_task_fn *fn, void *arg, struct weir_sim_result *out)
{
	struct weir_sim_result unused;
	struct search q = {.fn = fn, .arg = arg};
	if (!fn || weir__sim) /* a search inside a search */
		return WEIR_EINVAL;
	if (!out)
		out = &unused;
	memset(out, 0, sizeof(*out));
	if (opts)
		q.opts = *opts;
	q.opts.name = q.opts.name ? q.opts.name : "scenario";
	q.opts.seed = q.opts.seed ? q.opts.seed : 1;
	q.s = calloc(1, sizeof(*q.s));
	if (!q.s)
		return WEIR_ENOMEM;
	q.s->opts = &q.opts;
	q.s->step_limit = q.opts.steps ? q.opts.steps : 20000;
	q.s->data_seed = UINT64_C(0x5eed);
	weir__sim_engine_init(q.s);
	weir__san_search_begin();
	int rc = search_run(&q, out);
	free_strategies(&q);
	sim_dispose(q.s);
	weir__san_search_end();
	return rc;
}

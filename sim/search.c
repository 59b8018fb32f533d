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
 *  Q6  Where several processes share a search (jobs.c), process j of n runs the schedules j, n + j, 2n + j, ... of it,
 *      or the j-th of each n parts; only the first process of all, which forked them, reports.
 *  Q7  Where a report is written, what is shown is explained (explain.c), by more runs. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "break.h"
#include "explain.h"
#include "order.h"
#include "report.h"
#include "search.h"
#include "race.h"
#include "stuck.h"

#define REPLAY_EARLY 1000000u /* a replay may move the clock wherever its string says */

static const char *const kind_names[] = {
	"pass",         "assertion",  "crash",           "deadlock",   "leak",   "ownership",
	"account",      "invariant",  "step limit",      "hang",       "misuse", "nondeterminism",
	"no decisions", "bad replay", "linearizability", "never true", "race",   "livelock",
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

/* NULL with *known false: no strategy has that name; else no memory. */
static struct sim_strategy *strategy_of(const struct search *q, const char *name, bool *known)
{
	unsigned n = 0;
	*known = true;
	if (strcmp(name, "random") == 0)
		return weir__sim_random_new();
	if (strcmp(name, "pos") == 0)
		return weir__sim_pos_new();
	if (strcmp(name, "surw") == 0)
		return weir__sim_surw_new();
	if (strcmp(name, "ipb") == 0)
		return weir__sim_ipb_new(q->opts.early ? q->opts.early : UINT32_MAX);
	if (strcmp(name, "pct") == 0 || (strncmp(name, "pct", 3) == 0 && parse_number(name + 3, 32, &n) && n > 0))
		return weir__sim_pct_new(n ? n : 3);
	if (strcmp(name, "dpor") == 0 || strcmp(name, "sdpor") == 0)
		return weir__sim_dpor_new(name[0] == 's');
	if (strcmp(name, "dfs") == 0 || (strncmp(name, "dfs", 3) == 0 && parse_number(name + 3, 1000, &n)))
		return weir__sim_dfs_new(name[3] ? n : UINT32_MAX);
	*known = false;
	return NULL;
}

static int add_strategy(struct search *q, const char *name)
{
	bool known;
	struct sim_strategy *st = strategy_of(q, name, &known), *wrapper = st;
	if (!known)
		fprintf(stderr,
			"weir sim: unknown strategy \"%s\": random, pos, surw, pct, pctN (1..32), dfs, dfsN "
			"(0..1000), ipb, dpor, sdpor or portfolio\n",
			name);
	if (st && q->opts.from && !(wrapper = weir__sim_prefix_new(q->s, &q->from, q->until, st)))
		st->free(st);
	if (!st || !wrapper)
		return known ? WEIR_ENOMEM : WEIR_EINVAL;
	if (q->parts > 1 && wrapper->split)
		wrapper->split(wrapper, q->part, q->parts);
	q->systematic = wrapper->systematic;
	q->strategies[q->n_strategies++] = wrapper;
	return 0;
}

static int make_strategies(struct search *q)
{
	static const char *const portfolio[MAX_STRATEGIES] = {"pos", "surw", "pct3", "pct10"};
	const char *name = q->opts.strategy && *q->opts.strategy ? q->opts.strategy : "portfolio";
	int rc = 0;
	q->runs = q->schedules = q->repeated = q->blocked = 0;
	q->exhausted = false;
	if (strcmp(name, "portfolio") != 0)
		return add_strategy(q, name);
	for (size_t i = 0; i < MAX_STRATEGIES && rc == 0; i++)
		rc = add_strategy(q, portfolio[i]);
	return rc;
}

static void free_strategies(struct search *q)
{
	for (size_t i = 0; i < q->n_strategies; i++)
		q->strategies[i]->free(q->strategies[i]);
	q->n_strategies = 0;
}

/* opts.from: a replay string, and "@N" if wanted. */
static int read_prefix(struct search *q)
{
	const char *at = strchr(q->opts.from, '@');
	char *end = NULL;
	if (at && at[1] >= '1' && at[1] <= '9') /* step 0 is none, and 0 says that there is no end */
		q->until = strtoull(at + 1, &end, 10);
	if (at && (!end || *end))
		return WEIR_EINVAL;
	char *text = strndup(q->opts.from, at ? (size_t)(at - q->opts.from) : strlen(q->opts.from));
	int rc = text ? weir__sim_decode(text, &q->from) : WEIR_ENOMEM;
	free(text);
	if (rc < 0)
		return rc;
	q->opts.fail_alloc = q->opts.fail_spawn = 0; /* the string has them */
	return 0;
}

/* ---- one schedule ---- */

static unsigned early_of(const struct search *q, uint64_t schedule)
{
	if (q->opts.no_early)
		return 0;
	if (q->systematic) /* ipb bounds them itself */
		return strcmp(q->opts.strategy, "ipb") == 0 ? UINT32_MAX : q->opts.early;
	return schedule / q->n_strategies % 2 == 0 ? 0 : q->opts.early ? q->opts.early : 2; /* each strategy has both */
}

static void run_one(struct search *q, uint64_t schedule)
{
	struct sim *s = q->s;
	uint64_t mix = q->opts.seed + schedule * UINT64_C(0xd1342543de82ef95);
	s->strategy = q->strategies[schedule % q->n_strategies];
	s->early_left = early_of(q, schedule);
	uint64_t seed = weir__sim_mix(&mix);
	weir__sim_faults_allow(s, q->opts.faults, q->opts.fault_kinds, weir__sim_mix(&mix));
	s->strategy->begin(s->strategy, seed);
	weir__sim_run_once(s, root_entry, q);
	s->total_steps += s->step;
	s->total_decisions += s->decisions;
	q->runs++;
	q->all_runs++;
	q->blocked += s->cut;
	q->fault_reached |= s->inject.nth;
	q->faults += s->inject.fired;
}

static void run_with(void *arg, struct sim_strategy *strategy)
{
	struct search *q = arg;
	struct sim *s = q->s;
	struct sim_strategy *before = s->strategy;
	struct sim_pairs *pairs = s->pairs;
	s->pairs = NULL; /* it was counted when it ran first */
	s->strategy = strategy;
	s->early_left = REPLAY_EARLY;
	weir__sim_faults_allow(s, UINT_MAX, 0, 0);
	strategy->begin(strategy, 0);
	weir__sim_run_once(s, root_entry, q);
	strategy->end(strategy, s);
	s->strategy = before;
	s->pairs = pairs;
}

void weir__sim_search_replay(struct search *q, const struct sim_replay *text)
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
	if (n) /* there is no table before the first step is hashed */
		memcpy(hashes, s->step_hash, n * sizeof(*hashes));
	weir__sim_trace_free(s->trace);
	s->trace = calloc(1, sizeof(*s->trace));
	weir__sim_search_replay(q, &same);
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

/* Of the schedule that comes next in this process, from 0. */
static uint64_t number_of_next(const struct search *q)
{
	return q->runs * q->parts + q->part;
}

static bool budget_left(struct search *q)
{
	uint64_t limit = q->opts.schedules ? q->opts.schedules : q->systematic ? UINT64_MAX : 1000;
	if (q->opts.at_most && q->opts.at_most < limit)
		limit = q->opts.at_most;
	uint64_t steps = q->opts.max_steps / q->jobs + (q->job < q->opts.max_steps % q->jobs);
	if (q->s->time_up)
		q->end = WEIR_SIM_END_TIME;
	else if (number_of_next(q) >= limit)
		q->end = WEIR_SIM_END_SCHEDULES;
	else if (q->opts.max_steps && q->s->total_steps >= steps)
		q->end = WEIR_SIM_END_STEPS;
	else
		return !q->share || weir__sim_share_wanted(q);
	return false;
}

static struct sim_counts counts_of(const struct search *q)
{
	struct sim_counts c = {.schedules = q->all_runs};
	c.window_new = weir__sim_window_fresh(&q->window, &c.window);
	if (q->share)
		c.window_new = weir__sim_share_window(q, &c.window);
	if (q->seen)
		c.orders = weir__sim_seen_count(q->seen, &c.orders_more);
	return c;
}

/* Of a schedule that is over. One that fails is never a repeated one: that would have failed before. */
static void note_schedule(struct search *q, bool repeated)
{
	struct sim *s = q->s;
	*(repeated ? &q->repeated : &q->schedules) += 1;
	if (q->seen && !repeated && !s->cut)
		weir__sim_window_add(&q->window, weir__sim_seen_add(q->seen, weir__sim_order_hash(s->order)));
	if (q->share)
		weir__sim_share_note(q);
	if (q->progress && s->ticks != 0) {
		s->ticks = 0;
		struct sim_counts c = counts_of(q);
		weir__sim_progress_show(q->progress, &c);
	}
}

static uint64_t search_schedules(struct search *q)
{
	struct sim *s = q->s;
	while (budget_left(q)) {
		bool twice = q->runs < 2; /* Q1 */
		uint64_t number = number_of_next(q);
		record_hashes(s, true);
		run_one(q, number);
		struct sim_strategy *st = s->strategy;
		bool more = !s->failure.kind && st->end(st, s);
		note_schedule(q, !s->failure.kind && st->repeated);
		if (twice && !s->cut && !s->failure.kind)
			run_again(q);
		if (s->failure.kind) {
			q->end = WEIR_SIM_END_FAILURE;
			return number + 1;
		}
		if (!more) {
			q->exhausted = true;
			q->end = WEIR_SIM_END_EXHAUSTED;
			break;
		}
	}
	return 0;
}

/* What only the whole search can tell. */
static void judge(struct search *q)
{
	struct sim *s = q->s;
	struct weir_sim_explored e;
	weir__sim_marks_tell(&q->marks, &e);
	if (s->failure.kind)
		return;
	if (s->total_decisions == 0 && !q->opts.allow_no_decisions) /* Q3 */
		weir__sim_fail(s, WEIR_SIM_NO_DECISIONS,
			       "%llu schedule%s without one decision: this test explores nothing",
			       (unsigned long long)q->schedules, q->schedules == 1 ? "" : "s");
	else if (q->opts.need_sometimes && e.never)
		weir__sim_fail(s, WEIR_SIM_NEVER_TRUE, "\"%s\" was true in no schedule of %llu%s", e.never_name[0],
			       (unsigned long long)q->schedules, e.never > 1 ? ", and others were not either" : "");
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
	weir__sim_search_replay(q, &list);
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
		if (!s->trace && !s->cut && s->failure.kind != WEIR_SIM_NONDETERMINISM &&
		    s->failure.kind != WEIR_SIM_BAD_REPLAY)
			run_again(q); /* Q2 */
		if (!s->cut)
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
	q->opts.fail_alloc = q->opts.fail_spawn = 0; /* the string has them */
	s->trace = calloc(1, sizeof(*s->trace));
	weir__sim_break_begin(s);
	weir__sim_search_replay(q, text);
	weir__sim_break_end(s);
	q->schedules = q->all_runs = 1;
	if (!s->failure.kind && text->hash != (uint32_t)(s->hash & 0xffff))
		weir__sim_fail(s, WEIR_SIM_BAD_REPLAY,
			       "the replay ran to its end without a failure, and not as the string was written "
			       "(hash %04x, now %04x): the program has changed since",
			       text->hash, (unsigned)(s->hash & 0xffff));
	if (s->failure.kind)
		tell(q, 1, out);
}

/* Nth-fault sweep: the search again and again, with a later fault each time, until none is reached. Processes that
 * share it take the faults in turn, each with all of its schedules. */
static uint64_t sweep(struct search *q)
{
	uint64_t failed = 0, *faults[] = {&q->opts.fail_alloc, &q->opts.fail_spawn};
	if (q->opts.schedules == 0 && !q->systematic)
		q->opts.schedules = 20;
	q->part = 0;
	q->parts = 1;
	for (size_t f = 0; f < 2 && !failed; f++) {
		for (*faults[f] = 1 + q->job;; *faults[f] += q->jobs) {
			q->fault_reached = false;
			free_strategies(q);
			if (make_strategies(q) < 0)
				abort();
			failed = search_schedules(q);
			q->faults += q->fault_reached;
			if (failed || !q->fault_reached)
				break; /* a failure is told with the fault it had */
		}
		if (!failed)
			*faults[f] = 0;
	}
	return failed;
}

int weir__sim_search_divide(struct search *q, uint32_t job, uint32_t jobs)
{
	q->job = q->part = job;
	q->jobs = q->parts = jobs;
	free_strategies(q);
	return make_strategies(q);
}

uint64_t weir__sim_search_part(struct search *q)
{
	uint64_t failed = search_schedules(q);
	if (!failed && q->opts.fault_sweep && !q->s->time_up)
		failed = sweep(q);
	return failed;
}

/* Inside the guard: what this process runs itself. */
static void search_guarded(struct search *q, struct weir_sim_result *out)
{
	struct sim_replay text = {0};
	uint64_t failed = 0;
	if (q->opts.replay) {
		if (weir__sim_decode(q->opts.replay, &text) < 0)
			abort(); /* it was read before */
		replay_search(q, &text, out);
		weir__sim_replay_free(&text);
		return;
	}
	failed = q->share ? weir__sim_share_adopt(q) : weir__sim_search_part(q);
	judge(q);
	if (q->progress)
		weir__sim_progress_free(q->progress); /* before there is a report */
	q->progress = NULL;
	if (q->s->failure.kind)
		tell(q, failed, out);
}

static void tell_explored(const struct search *q, struct sim_pair_list *pairs, struct weir_sim_explored *out)
{
	const struct sim_strategy *st = q->n_strategies ? q->strategies[0] : NULL;
	struct sim_counts c = counts_of(q);
	out->end = q->s->failure.kind ? WEIR_SIM_END_FAILURE : q->end;
	out->jobs = q->jobs;
	out->repeated = q->repeated;
	if (!q->share && !q->opts.replay && st && st->tell)
		st->tell(st, q->exhausted, out);
	if (q->share)
		weir__sim_share_tell(q, out);
	if (q->s->timed && !q->opts.no_early && early_of(q, 0) < out->bound_early)
		out->bound_early = early_of(q, 0); /* which the engine keeps, not the strategy */
	weir__sim_marks_tell(&q->marks, out);
	if (!q->seen)
		return;
	out->orders = c.orders;
	out->orders_more = c.orders_more;
	out->window = c.window;
	out->window_new = c.orders_more ? 0 : c.window_new;
	out->pairs_more = weir__sim_pairs_more(q->s->pairs);
	*pairs = weir__sim_pairs_list(q->s->pairs);
	out->pairs = (uint32_t)pairs->n;
	for (size_t i = 0; i < pairs->n && i < WEIR_SIM_LISTED; i++)
		out->pair[i] = pairs->pair[i];
}

/* Negative: the search could not run. */
static int check_texts(struct search *q)
{
	struct sim_replay text = {0};
	int rc = q->opts.replay ? weir__sim_decode(q->opts.replay, &text) : 0;
	weir__sim_replay_free(&text);
	if (q->opts.replay)
		q->opts.from = NULL;
	return rc == 0 && q->opts.from ? read_prefix(q) : rc;
}

static int search_run(struct search *q, struct weir_sim_result *out, struct sim_pair_list *pairs)
{
	struct sim *s = q->s;
	int rc = check_texts(q);
	if (rc == 0)
		rc = make_strategies(q);
	if (rc == 0 && q->opts.progress && !q->opts.quiet && !q->opts.replay)
		q->progress = weir__sim_progress_new(q->opts.name);
	if (rc == 0 && weir__sim_share_possible(q))
		rc = weir__sim_share_run(q);
	if (rc == 0)
		rc = weir__sim_guard_begin(s);
	if (rc < 0)
		return rc;
	search_guarded(q, out);
	weir__sim_guard_end(s);
	out->schedules = q->schedules;
	out->steps = s->total_steps;
	out->decisions = s->total_decisions;
	out->exhausted = q->exhausted;
	out->faults = q->faults;
	out->blocked = q->blocked;
	out->hash = s->hash;
	out->time_ns = s->now;
	tell_explored(q, pairs, &out->explored);
	return s->failure.kind ? 1 : 0;
}

static void sim_dispose(struct sim *s)
{
	weir__sim_slabs_free(s);
	weir__sim_fds_free(s);
	weir__sim_spin_free(s);
	weir__sim_race_free(s);
	for (uint32_t i = 0; i < WEIR_SIM_TASKS; i++)
		free(s->tasks[i]);
	weir__sim_trace_free(s->trace);
	free(s->stream);
	free(s->step_hash);
	free(s->objects);
	free(s->clocks);
	weir__own_free(s->explanation);
	free(s);
}

static bool start_counting(struct search *q)
{
	if (!q->opts.count_orders || q->opts.replay)
		return true;
	q->seen = weir__sim_seen_new();
	q->s->pairs = weir__sim_pairs_new();
	q->s->order = weir__sim_order_new();
	return q->seen && q->s->pairs && q->s->order;
}

static void stop_counting(struct search *q)
{
	weir__sim_seen_free(q->seen);
	weir__sim_pairs_free(q->s->pairs);
	if (q->s->order)
		weir__sim_order_free(q->s->order);
}

int weir__sim_search(const struct weir_sim_opts *opts, weir_task_fn *fn, void *arg, struct weir_sim_result *out,
		     struct sim_pair_list *pairs)
{
	struct weir_sim_result unused;
	struct sim_pair_list list = {.n = 0};
	struct search q = {.fn = fn, .arg = arg, .jobs = 1, .parts = 1};
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
	q.s->marks = &q.marks;
	q.s->step_limit = q.opts.steps ? q.opts.steps : 20000;
	q.s->data_seed = UINT64_C(0x5eed);
	weir__sim_engine_init(q.s);
	weir__san_search_begin();
	int rc = start_counting(&q) ? search_run(&q, out, &list) : WEIR_ENOMEM;
	if (pairs)
		*pairs = list;
	else
		free(list.pair);
	free_strategies(&q);
	weir__sim_replay_free(&q.from);
	weir__sim_progress_free(q.progress);
	weir__sim_share_free(&q);
	stop_counting(&q);
	sim_dispose(q.s);
	weir__san_search_end();
	return rc;
}

int weir_sim_run(const struct weir_sim_opts *opts, weir_task_fn *fn, void *arg, struct weir_sim_result *out)
{
	return weir__sim_search(opts, fn, arg, out, NULL);
}

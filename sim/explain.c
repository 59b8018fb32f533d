/* SPDX-License-Identifier: MIT
 *
 * What decided that a schedule fails, and from when on it had to.
 *
 * Pairs. Two steps of different tasks that depend on each other (dependence.h), with no step in between that comes
 * after the first and before the second, are a race: they could have come the other way round (Flanagan and Godefroid,
 * POPL 2005). Each such pair is run the other way round: what the second needs is brought before the first, the rest
 * stays in its order as far as that is possible. A pair whose other order passes is what decided it: Hermit's analyze,
 * and the counterfactuals of Antithesis. Two locks of one mutex have the unlock in between and are looked at all the
 * same; so are two sends, or receives, on one channel, and the steps of the first one's task that came just before it.
 *
 * What did not come. The step that failed may have come too early for what another task had still to do. So each task
 * that could run then gets one step before it, two, three: the first number with which the run passes shows the
 * operation that was missing.
 *
 * Where no such pair decides it, and no early timer that is left out, the preemptions are looked at in the same way.
 *
 * Point of no return. The schedule is followed up to a step, then goes on at random, SIM_WHY_CONTINUATIONS times. The
 * first step after which all of these fail in the same kind is found by bisection: a start that is lost stays lost, so
 * longer ones are.
 *
 *  E1  What is told was seen in runs: a flip counts only if the two operations really came in the other order, and
 *      then the run passed; and if one in which the second came at once after the first failed, so that it is the order
 *      of the two that matters, and not that something came early. It is evidence, no proof: another schedule with
 *      that order may still fail.
 *  E2  Deterministic: nothing is drawn but from fixed seeds.
 *  E3  Bounded by FLIPS and STEPS. A bound that is reached leaves something unsaid, and nothing wrong. Of a schedule of
 *      more than LONGEST steps no pairs are looked for: the order takes space that grows with its square.
 *  E4  A run that crashes or hangs ends it: nothing that is run after it can be trusted.
 *
 * The order: after[k] is the set of steps that come before step k, in bits: its own task's, what it depends on, what
 * spawned or ended the task it begins with or joins, and all steps before a moment at which only time could go on. */
#include "explain.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dependence.h"
#include "report.h"

#define FLIPS 200
#define STEPS UINT64_C(3000000)
#define LONGEST 2000
#define CANDIDATES 1000
#define EARLIER 3                  /* steps before the first of a pair */
#define MISSING 64                 /* steps of another task that are looked for */
#define SLOTS (WEIR_SIM_TASKS + 1) /* the tasks, and the clock */
#define EARLY 2                    /* of a continuation, as in a search */

struct seen {
	uint32_t task, nth; /* the nth of its task */
	struct sim_effect effect;
	bool begins;      /* an operation, rather than ending one that parked */
	uint32_t stopped; /* the task that was preempted for it, or SIM_NONE */
};

struct pair {
	uint32_t first, second;
};

struct explain {
	struct sim *s;
	weir__sim_run_fn *run;
	void *arg;
	enum weir_sim_kind kind;
	struct sim_guide guide;
	struct sim_path path, flipped;
	uint64_t steps;
	bool broken; /* E4, or no memory */

	struct seen *seen;
	uint64_t *after;
	size_t n, words;
	struct pair pairs[CANDIDATES]; /* candidates */
	size_t n_pairs;
	uint32_t last[WEIR_SIM_TASKS], birth[WEIR_SIM_TASKS]; /* steps from 1; 0: none */
	uint32_t steps_of[WEIR_SIM_TASKS];                    /* how many each has taken */
	uint32_t n_tasks;
	int64_t now;
	size_t barrier; /* all steps before it come before all that follow */

	uint64_t could_run[SIM_WORDS]; /* in front of the last step */

	/* a run with more steps of one task */
	uint32_t adds_to, more;
	bool came;
	struct sim_pair missing;

	/* the run of a flip */
	uint32_t count[SLOTS];
	const struct seen *wants_first, *wants_second;
	bool was_flipped;
};

static uint32_t slot(uint32_t task)
{
	return task == SIM_CLOCK ? WEIR_SIM_TASKS : task;
}

static bool run_path(struct explain *x, const struct sim_path *path, size_t follow, struct sim_strategy *beyond)
{
	x->guide.path = path;
	x->guide.follow = follow;
	x->guide.beyond = beyond;
	struct sim_strategy *guide = weir__sim_guide_new(x->s, &x->guide);
	if (!guide) {
		x->broken = true;
		return false;
	}
	x->run(x->arg, guide);
	guide->free(guide);
	x->steps += x->s->step;
	x->broken |= x->s->failure.kind == WEIR_SIM_CRASH || x->s->failure.kind == WEIR_SIM_HANG; /* E4 */
	return !x->broken;
}

static bool budget_left(const struct explain *x)
{
	return !x->broken && x->steps < STEPS && !x->s->time_up;
}

/* ---- the order of the schedule's steps ---- */

static uint64_t *row_of(const struct explain *x, size_t step)
{
	return x->after + step * x->words;
}

static bool comes_after(const struct explain *x, size_t step, size_t before)
{
	return row_of(x, step)[before / 64] >> (before % 64) & 1;
}

static void order(struct explain *x, size_t step, size_t before)
{
	uint64_t *row = row_of(x, step), *other = row_of(x, before);
	for (size_t w = 0; w <= before / 64; w++)
		row[w] |= other[w];
	row[before / 64] |= UINT64_C(1) << (before % 64);
}

static void add_pair(struct explain *x, size_t first, size_t second)
{
	if (x->n_pairs == CANDIDATES) /* the last ones are nearest to the failure */
		memmove(x->pairs, x->pairs + 1, --x->n_pairs * sizeof(x->pairs[0]));
	x->pairs[x->n_pairs++] = (struct pair){(uint32_t)first, (uint32_t)second};
}

/* What orders the step by itself: the task's birth, the end of the one it joins, time that only moves when nobody can
 * run. */
static void order_by_nature(struct explain *x, const struct sim *s, uint32_t task, size_t k)
{
	bool moved = s->now != x->now && (k == 0 || x->seen[k - 1].task != SIM_CLOCK);
	for (; x->n_tasks < s->n_tasks; x->n_tasks++)
		x->birth[x->n_tasks] = (uint32_t)k;
	x->barrier = moved ? k : x->barrier;
	x->now = s->now;
	for (size_t i = 0; i < x->barrier; i++)
		row_of(x, k)[i / 64] |= UINT64_C(1) << (i % 64);
	if (task == SIM_CLOCK)
		return;
	if (!x->last[task] && x->birth[task])
		order(x, k, x->birth[task] - 1);
	const struct weir_op *op = s->tasks[task]->op;
	if (op->kind == WEIR_OP_JOIN && x->last[s->tasks[task]->join_target])
		order(x, k, x->last[s->tasks[task]->join_target] - 1);
}

/* Operations that wait their turn at an object; 0: others. */
static unsigned turn_of(const struct seen *seen)
{
	if (!seen->begins || seen->effect.n == 0)
		return 0;
	switch (seen->effect.kind) {
	case WEIR_OP_LOCK:
	case WEIR_OP_TRY_LOCK:
	case WEIR_OP_READ_LOCK:
	case WEIR_OP_TRY_READ_LOCK:
	case WEIR_OP_WRITE_LOCK:
	case WEIR_OP_TRY_WRITE_LOCK:
		return 1;
	case WEIR_OP_ACQUIRE:
	case WEIR_OP_TRY_ACQUIRE:
		return 2;
	case WEIR_OP_SEND:
	case WEIR_OP_TRY_SEND:
		return 3;
	case WEIR_OP_RECV:
	case WEIR_OP_TRY_RECV:
		return 4;
	default:
		return 0;
	}
}

static bool is_paired(const struct explain *x, size_t first, size_t second)
{
	for (size_t i = x->n_pairs; i > 0 && x->pairs[i - 1].second == second; i--)
		if (x->pairs[i - 1].first == first)
			return true;
	return false;
}

/* The last one before k that took its turn at the same object, in another task: what ends a turn is in between. */
static void pair_turns(struct explain *x, size_t k)
{
	const struct seen *now = &x->seen[k];
	unsigned turn = turn_of(now);
	for (size_t i = k; turn && i > 0; i--) {
		const struct seen *before = &x->seen[i - 1];
		if (before->task == now->task || turn_of(before) != turn ||
		    before->effect.object[0] != now->effect.object[0])
			continue;
		if (!is_paired(x, i - 1, k))
			add_pair(x, i - 1, k);
		return;
	}
}

/* What the task of step i did before it that k depends on as well: the first of several sends may be the one that k
 * came too late for. */
static void pair_earlier(struct explain *x, const struct sim *s, size_t i, size_t k)
{
	unsigned more = 0;
	for (size_t at = i; at > x->barrier && more < EARLIER; at--) {
		const struct seen *before = &x->seen[at - 1];
		if (before->task != x->seen[i].task || !weir__sim_dependent(s, &before->effect, &x->seen[k].effect) ||
		    is_paired(x, at - 1, k))
			continue;
		add_pair(x, at - 1, k);
		more++;
	}
}

static void add_step(struct explain *x, const struct sim *s, uint32_t task)
{
	size_t k = x->n++;
	struct seen *now = &x->seen[k];
	const struct sim_task *t = task == SIM_CLOCK ? NULL : s->tasks[task];
	*now = (struct seen){.task = task, .nth = x->count[slot(task)]++, .stopped = SIM_NONE};
	const struct sim_task *before = s->tasks[s->current];
	if (t && before != t && before->state == SIM_RUNNABLE && !before->due && before->op->kind != WEIR_OP_YIELD)
		now->stopped = s->current;
	now->effect = t ? weir__sim_effect(s, t->op) : weir__sim_clock_effect();
	now->begins = t && !t->token && !t->due;
	order_by_nature(x, s, task, k);
	for (size_t i = k; i > 0; i--) {
		const struct seen *other = &x->seen[i - 1];
		if (comes_after(x, k, i - 1))
			continue;
		bool own = other->task == task;
		if (!own && !weir__sim_dependent(s, &other->effect, &now->effect))
			continue;
		order(x, k, i - 1);
		if (own)
			continue;
		add_pair(x, i - 1, k);
		if (other->task != SIM_CLOCK)
			pair_earlier(x, s, i - 1, k);
	}
	pair_turns(x, k);
	if (t) {
		x->last[task] = (uint32_t)k + 1;
		x->steps_of[task]++;
	}
}

/* A step of the schedule is about to be taken. */
static void see_step(void *arg, const struct sim *s, uint32_t task)
{
	struct explain *x = arg;
	if (x->n >= x->path.n)
		return;
	add_step(x, s, task);
	memcpy(x->could_run, s->runnable, sizeof(x->could_run)); /* the last one counts */
}

/* ---- pairs, the other way round ---- */

/* E1 */
static void see_flip(void *arg, const struct sim *s, uint32_t task)
{
	struct explain *x = arg;
	const struct seen *second = x->wants_second, *first = x->wants_first;
	uint32_t nth = x->count[slot(task)]++;
	uint8_t kind = task == SIM_CLOCK ? WEIR_OP_NONE : s->tasks[task]->op->kind;
	if (task == second->task && nth == second->nth && kind == second->effect.kind)
		x->was_flipped = x->count[slot(first->task)] <= first->nth;
}

/* Whether step i goes along with the second of the pair: it is it, or is needed by it and not given by the first. */
static bool goes_along(const struct explain *x, const struct pair *p, size_t i)
{
	return i == p->second || (i != p->first && comes_after(x, p->second, i) && !comes_after(x, i, p->first));
}

/* The path with the second just before the first, or just after it. */
static void make_flip(struct explain *x, const struct pair *p, bool before)
{
	uint32_t *to = x->flipped.steps;
	size_t n = p->first;
	memcpy(to, x->path.steps, n * sizeof(*to));
	if (!before)
		to[n++] = x->path.steps[p->first];
	for (size_t i = p->first + 1; i <= p->second; i++)
		if (goes_along(x, p, i))
			to[n++] = x->path.steps[i];
	if (before)
		to[n++] = x->path.steps[p->first];
	for (size_t i = p->first + 1; i <= p->second; i++)
		if (!goes_along(x, p, i))
			to[n++] = x->path.steps[i];
	memcpy(to + n, x->path.steps + n, (x->path.n - n) * sizeof(*to));
	assert(n == (size_t)p->second + 1);
}

/* E1 */
static bool decides(struct explain *x, const struct pair *p)
{
	make_flip(x, p, true);
	x->wants_first = &x->seen[p->first];
	x->wants_second = &x->seen[p->second];
	x->was_flipped = false;
	memset(x->count, 0, sizeof(x->count));
	x->guide.see = see_flip;
	if (!run_path(x, &x->flipped, x->flipped.n, NULL) || !x->was_flipped || x->s->failure.kind)
		return false;
	make_flip(x, p, false);
	x->guide.see = NULL;
	return run_path(x, &x->flipped, x->flipped.n, NULL) && x->s->failure.kind == x->kind;
}

/* Early timers: one that is left out. */
static void find_early(struct explain *x, struct sim_explanation *out)
{
	uint32_t *to = x->flipped.steps;
	x->guide.see = NULL;
	for (size_t i = 0; i < x->path.n && out->n_early < SIM_WHY_PAIRS && budget_left(x); i++) {
		if (x->path.steps[i] != SIM_CLOCK)
			continue;
		memcpy(to, x->path.steps, i * sizeof(*to));
		memcpy(to + i, x->path.steps + i + 1, (x->path.n - i - 1) * sizeof(*to));
		x->flipped.n = x->path.n - 1;
		if (run_path(x, &x->flipped, x->flipped.n, NULL) && !x->s->failure.kind)
			out->early[out->n_early++] = i + 1;
	}
}

/* Sees the schedule once more, and what is between its steps. */
static bool look_at_order(struct explain *x)
{
	size_t n = x->path.n, most = n + MISSING;
	x->words = most / 64 + 1;
	x->seen = calloc(most, sizeof(*x->seen));
	x->after = calloc(most, x->words * sizeof(*x->after));
	x->flipped = x->path;
	x->flipped.steps = malloc(most * sizeof(*x->flipped.steps));
	if (!x->seen || !x->after || !x->flipped.steps)
		return false;
	x->n_tasks = 1;
	x->guide.see = see_step;
	return run_path(x, &x->path, n, NULL) && x->s->failure.kind == x->kind && x->n == n;
}

static void try_pairs(struct explain *x, struct sim_explanation *out)
{
	for (size_t i = x->n_pairs; i > 0 && out->n_flipped < FLIPS && budget_left(x); i--) {
		const struct pair *p = &x->pairs[i - 1];
		bool found = decides(x, p);
		out->n_flipped += x->was_flipped;
		if (!found || out->n_pairs++ >= SIM_WHY_PAIRS)
			continue;
		memmove(out->pairs + 1, out->pairs, (SIM_WHY_PAIRS - 1) * sizeof(out->pairs[0]));
		out->pairs[0] = (struct sim_pair){.first = p->first + 1, .second = p->second + 1};
	}
}

/* ---- what did not come ---- */

static void see_more(void *arg, const struct sim *s, uint32_t task)
{
	struct explain *x = arg;
	if (task != x->adds_to || ++x->count[slot(task)] != x->more)
		return;
	const struct sim_task *t = s->tasks[task];
	struct sim *all = (struct sim *)(uintptr_t)s; /* is read only */
	struct weir_obj *obj = weir__sim_op_object(all, t->op);
	struct sim_trace_ref ref;
	weir__sim_trace_ref(s, obj ? weir__sim_object(all, obj) : NULL, &ref);
	weir__sim_expect_text(x->missing.text, t->op->kind, &ref);
	x->missing.site = t->op->kind == WEIR_OP_JOIN || t->op->kind == WEIR_OP_NONE ? NULL : t->op->site;
	x->missing.wakes = t->token || t->due;
	x->came = true;
}

/* Whether the scenario passes with n more steps of the task before the last one; *came: there were so many. */
static bool passes_with(struct explain *x, uint32_t task, uint32_t n)
{
	uint32_t *to = x->flipped.steps;
	size_t last = x->path.n - 1;
	memcpy(to, x->path.steps, last * sizeof(*to));
	for (uint32_t i = 0; i < n; i++)
		to[last + i] = task;
	to[last + n] = x->path.steps[last];
	memset(x->count, 0, sizeof(x->count));
	x->adds_to = task;
	x->more = x->steps_of[task] + n;
	x->came = false;
	x->guide.see = see_more;
	bool ran = run_path(x, &x->flipped, last + n + 1, NULL);
	x->guide.see = NULL;
	return ran && x->came && !x->s->failure.kind;
}

static void find_missing(struct explain *x, struct sim_explanation *out)
{
	uint32_t last = x->seen[x->path.n - 1].task;
	for (uint32_t task = 0; task < x->n_tasks; task++) {
		if (task == last || !(x->could_run[task / 64] >> (task % 64) & 1))
			continue;
		for (uint32_t n = 1; n <= MISSING && budget_left(x); n++) {
			bool passes = passes_with(x, task, n);
			if (passes && out->n_pairs++ < SIM_WHY_PAIRS) {
				x->missing.first = x->path.n;
				x->missing.task = task;
				out->pairs[out->n_pairs - 1] = x->missing;
			}
			if (passes || !x->came || x->s->failure.kind != x->kind)
				break;
		}
	}
}

/* Where a task was preempted: the step that came instead, and its own next one. They may depend on each other by memory
 * that nobody sees. */
static void pair_preemptions(struct explain *x)
{
	x->n_pairs = 0;
	for (size_t k = 0; k < x->path.n; k++) {
		size_t next = k + 1;
		while (next < x->n && x->seen[next].task != x->seen[k].stopped)
			next++;
		if (x->seen[k].stopped != SIM_NONE && next < x->n)
			add_pair(x, k, next);
	}
}

static void find_pairs(struct explain *x, struct sim_explanation *out)
{
	if (x->path.n == 0 || x->path.n > LONGEST || !look_at_order(x)) /* E3 */
		return;
	try_pairs(x, out);
	find_missing(x, out);
	find_early(x, out);
	if (out->n_pairs + out->n_early > 0)
		return;
	pair_preemptions(x);
	try_pairs(x, out);
}

/* ---- the point of no return ---- */

static bool is_lost(struct explain *x, struct sim_strategy *random, size_t follow)
{
	for (unsigned i = 0; i < SIM_WHY_CONTINUATIONS; i++) {
		x->guide.seed = i + 1;
		if (!budget_left(x) || !run_path(x, &x->path, follow, random) || x->s->failure.kind != x->kind)
			return false;
	}
	return true;
}

static void find_point(struct explain *x, struct sim_explanation *out)
{
	struct sim_strategy *random = weir__sim_random_new();
	size_t low = 0, high = x->path.n; /* after high steps it is lost: it has failed then */
	if (!random)
		return;
	x->guide.early = EARLY;
	while (low < high) {
		size_t middle = low == 0 && high == x->path.n ? 0 : low + (high - low) / 2;
		if (is_lost(x, random, middle))
			high = middle;
		else
			low = middle + 1;
	}
	random->free(random);
	out->known = budget_left(x);
	out->from = high;
	out->last = x->path.n;
	out->continuations = SIM_WHY_CONTINUATIONS;
}

/* ---- both ---- */

static bool record_path(struct explain *x, const struct sim_replay *list)
{
	struct sim_strategy *replay = weir__sim_replay_new(x->s, list);
	x->guide.early = UINT32_MAX;
	bool ran = replay && run_path(x, NULL, 0, replay) && !x->guide.no_memory;
	if (replay)
		replay->free(replay);
	x->path = x->guide.record;
	x->guide.record = (struct sim_path){.n = 0};
	x->kind = x->s->failure.kind;
	return ran && x->kind;
}

void weir__sim_explain(struct sim *s, const struct sim_replay *list, weir__sim_run_fn *run, void *arg,
		       struct sim_explanation *out)
{
	struct explain *x = calloc(1, sizeof(*x));
	*out = (struct sim_explanation){.n_pairs = 0};
	if (!x)
		return;
	x->s = s;
	x->run = run;
	x->arg = arg;
	x->guide.arg = x;
	if (record_path(x, list)) {
		find_pairs(x, out);
		x->steps = 0;
		find_point(x, out);
	}
	free(x->seen);
	free(x->after);
	free(x->flipped.steps);
	weir__sim_path_free(&x->path);
	weir__sim_path_free(&x->guide.record);
	free(x);
}

/* SPDX-License-Identifier: MIT
 *
 * Shrinking: a failing schedule that is as easy to follow as can be found, so that the report shows little but what
 * matters.
 *
 * What is easy: few preemptions and early timers, then few switches, other choices that are not the default policy's,
 * small numbers, few steps, and preemptions that come as late as they can (path.h; the order is PULSE's, Claessen et
 * al., ICFP 2009, and what is done to the choices is Hypothesis's internal reduction, MacIver and Donaldson, ECOOP
 * 2020). The schedule is a path, in segments of steps by one task. The passes, over and over until none helps:
 *
 *   cut       the end of the path goes, from one of its segments on
 *   delete    chunks of segments go (delta debugging: Zeller and Hildebrandt, TSE 2002)
 *   join      two segments of one task become one: the first waits for the second, or the second comes at once
 *   zero      numbers that were drawn become 0, a half, one less
 *   late      a switch comes after more steps of the task that it stops: it moves to the operation it matters for, or
 *             to one where the task stops by itself
 *
 *  Z1  Only a run that fails the same way is kept: the same kind, at the same place in the code (of a deadlock:
 *      blocked at the same places, whoever came last). Anything else is another bug, and no progress.
 *  Z2  Progress: strictly less cost. So it ends. It ends as well after RUNS runs or STEPS steps.
 *  Z3  What is kept is what a run did, never what it was asked to do. Its list of deviations is what is returned.
 *
 * A smaller failing schedule can be missed; a wrong one is never kept. */
#include <stdlib.h>
#include <string.h>

#include "path.h"

#define RUNS 3000
#define MORE ((size_t)16)
#define CUTS 100
#define STEPS UINT64_C(5000000)

struct shrink {
	struct sim *s;
	weir__sim_run_fn *run;
	void *arg;
	enum weir_sim_kind kind;
	const void *site;
	uint64_t place;
	struct sim_guide guide;
	struct sim_path best, tried;
	struct sim_cost cost;
	struct sim_replay list; /* of best */
	uint64_t runs, steps;
};

struct sim_replay weir__sim_deviations(const struct sim *s)
{
	struct sim_replay out = {.hash = (uint32_t)(s->hash & 0xffff)};
	out.items = malloc((s->n_stream + 1) * sizeof(*out.items));
	for (size_t i = 0; out.items && i < s->n_stream; i++)
		if (s->stream[i].value != s->stream[i].standard)
			out.items[out.n++] = s->stream[i];
	return out;
}

/* ---- running ---- */

static bool budget_left(const struct shrink *z)
{
	return z->runs < RUNS && z->steps < STEPS && !z->s->time_up;
}

/* False: not one that fails the same way, or no memory. */
static bool run(struct shrink *z, const struct sim_path *path, struct sim_strategy *beyond)
{
	z->guide.path = path;
	z->guide.follow = path ? path->n : 0;
	z->guide.beyond = beyond;
	z->guide.early = UINT32_MAX;
	struct sim_strategy *guide = weir__sim_guide_new(z->s, &z->guide);
	if (!guide)
		return false;
	z->runs++;
	z->run(z->arg, guide);
	z->steps += z->s->step;
	guide->free(guide);
	const struct sim_failure *f = &z->s->failure;
	return f->kind == z->kind && f->place == z->place && (z->place || f->site == z->site) && /* Z1 */
	       !z->guide.no_memory;
}

/* Z3; false: no memory, and nothing was changed. */
static bool keep(struct shrink *z)
{
	struct sim_replay list = weir__sim_deviations(z->s);
	if (!list.items)
		return false;
	weir__sim_replay_free(&z->list);
	z->list = list;
	z->cost = z->guide.cost;
	struct sim_path path = z->best; /* its memory is for the next record */
	z->best = z->guide.record;
	z->guide.record = path;
	return true;
}

/* Z2 */
static bool try_path(struct shrink *z, const struct sim_path *path)
{
	return run(z, path, NULL) && weir__sim_cost_order(&z->guide.cost, &z->cost) < 0 && keep(z);
}

/* ---- edits: what is tried is made of the best one ---- */

/* Room for a copy of best with up to MORE steps more; false: no memory. */
static bool begin_edit(struct shrink *z)
{
	struct sim_path *t = &z->tried;
	t->n = t->n_draws = 0;
	if (t->cap < z->best.n || t->draws_cap < z->best.n_draws) {
		weir__sim_path_free(t);
		t->steps = malloc((z->best.n + MORE) * sizeof(*t->steps));
		t->draws = malloc((z->best.n_draws + 1) * sizeof(*t->draws));
		t->cap = t->steps ? z->best.n : 0;
		t->draws_cap = t->draws ? z->best.n_draws : 0;
	}
	return t->steps && t->draws;
}

static void add_steps(struct shrink *z, size_t from, size_t to)
{
	if (to > from)
		memcpy(z->tried.steps + z->tried.n, z->best.steps + from, (to - from) * sizeof(*z->tried.steps));
	z->tried.n += to > from ? to - from : 0;
}

static void add_draws(struct shrink *z)
{
	if (z->best.n_draws)
		memcpy(z->tried.draws, z->best.draws, z->best.n_draws * sizeof(*z->tried.draws));
	z->tried.n_draws = z->best.n_draws;
}

/* The steps [from, to) go to where step `at` is, which is outside of them. */
static bool try_moved(struct shrink *z, size_t from, size_t to, size_t at)
{
	if (!begin_edit(z))
		return false;
	add_steps(z, 0, at < from ? at : from);
	if (at < from) {
		add_steps(z, from, to);
		add_steps(z, at, from);
		add_steps(z, to, z->best.n);
	} else {
		add_steps(z, to, at);
		add_steps(z, from, to);
		add_steps(z, at, z->best.n);
	}
	add_draws(z);
	return try_path(z, &z->tried);
}

static bool try_without(struct shrink *z, size_t from, size_t to)
{
	if (!begin_edit(z))
		return false;
	add_steps(z, 0, from);
	add_steps(z, to, z->best.n);
	add_draws(z);
	return try_path(z, &z->tried);
}

/* More steps by the task that has taken the one before `at`: it may stop of its own accord then. */
static bool try_more(struct shrink *z, size_t at, size_t more)
{
	if (!begin_edit(z))
		return false;
	add_steps(z, 0, at);
	for (size_t i = 0; i < more; i++)
		z->tried.steps[z->tried.n++] = z->best.steps[at - 1];
	add_steps(z, at, z->best.n);
	add_draws(z);
	return try_path(z, &z->tried);
}

static bool try_number(struct shrink *z, size_t draw, uint32_t value)
{
	if (!begin_edit(z))
		return false;
	add_steps(z, 0, z->best.n);
	add_draws(z);
	z->tried.draws[draw].value = value;
	return try_path(z, &z->tried);
}

/* ---- segments ---- */

/* The end of the segment that begins at i. */
static size_t end_of(const struct sim_path *p, size_t i)
{
	size_t end = i + 1;
	while (end < p->n && p->steps[end] == p->steps[i])
		end++;
	return end;
}

static size_t start_of(const struct sim_path *p, size_t end)
{
	size_t start = end - 1;
	while (start > 0 && p->steps[start - 1] == p->steps[end - 1])
		start--;
	return start;
}

/* The next segment of the same task after the one that ends at `end`; n if there is none. */
static size_t next_alike(const struct sim_path *p, size_t end)
{
	size_t i = end;
	while (i < p->n && p->steps[i] != p->steps[end - 1])
		i++;
	return i;
}

static size_t count_segments(const struct sim_path *p)
{
	size_t n = 0;
	for (size_t i = 0; i < p->n; i = end_of(p, i))
		n++;
	return n;
}

/* ---- passes; each returns whether it made progress ---- */

/* The shortest beginning that is enough. Of a long path the first CUTS are tried, and then by halves. */
static bool cut(struct shrink *z)
{
	size_t i = 0;
	for (unsigned n = 0; i < z->best.n && n < CUTS && budget_left(z); i = end_of(&z->best, i), n++)
		if (try_without(z, i, z->best.n))
			return true;
	for (size_t left = z->best.n > i ? (z->best.n - i) / 2 : 0; left > 0 && budget_left(z); left /= 2)
		if (try_without(z, z->best.n - left, z->best.n))
			return true;
	return false;
}

static bool delete_chunks(struct shrink *z, size_t chunk)
{
	bool any = false;
	for (size_t end = z->best.n; end > 0 && budget_left(z);) { /* from the end: the tail is the likeliest to go */
		size_t from = end;
		for (size_t k = 0; k < chunk && from > 0; k++)
			from = start_of(&z->best, from);
		any |= try_without(z, from, end);
		end = from < z->best.n ? from : z->best.n;
	}
	return any;
}

static bool delete_segments(struct shrink *z)
{
	bool any = false;
	for (size_t chunk = count_segments(&z->best) / 2; chunk > 0 && budget_left(z); chunk /= 2)
		any |= delete_chunks(z, chunk);
	return any;
}

static bool join_segments(struct shrink *z)
{
	bool any = false;
	for (size_t i = 0; i < z->best.n && budget_left(z);) {
		size_t end = end_of(&z->best, i), next = next_alike(&z->best, end);
		if (next < z->best.n && (try_moved(z, next, end_of(&z->best, next), end) || try_moved(z, i, end, next)))
			any = true; /* and again from here: best is another one now */
		else
			i = end;
	}
	return any;
}

static bool zero_numbers(struct shrink *z)
{
	bool any = false;
	for (size_t i = 0; i < z->best.n_draws && budget_left(z); i++) {
		uint32_t value;
		while (i < z->best.n_draws && (value = z->best.draws[i].value) > 0 && budget_left(z) &&
		       (try_number(z, i, 0) || (value > 2 && try_number(z, i, value / 2)) ||
			(value > 1 && try_number(z, i, value - 1))))
			any = true;
	}
	return any;
}

static bool switch_later(struct shrink *z)
{
	bool any = false;
	for (size_t i = 0; i < z->best.n && budget_left(z); i = end_of(&z->best, i)) {
		size_t end = end_of(&z->best, i), next = next_alike(&z->best, end);
		size_t more = next < z->best.n ? end_of(&z->best, next) - next : 0;
		bool moved = false;
		for (size_t k = more; k > 0 && !moved && budget_left(z); k /= 2)
			moved = try_moved(z, next, next + k, end);
		any |= moved;
	}
	return any;
}

/* A task that would not have come to its next step in the schedule: it may block there, and is not preempted then. */
static bool go_on(struct shrink *z)
{
	bool any = false;
	for (size_t i = 0; i < z->best.n && budget_left(z); i = end_of(&z->best, i)) {
		size_t end = end_of(&z->best, i);
		bool moved = false;
		if (z->best.steps[i] == SIM_CLOCK || end == z->best.n)
			continue;
		for (size_t k = 1; k <= MORE && !moved && budget_left(z); k *= 2)
			moved = try_more(z, end, k);
		any |= moved;
	}
	return any;
}

/* ---- all of it ---- */

bool weir__sim_shrinkable(const struct sim *s)
{
	switch (s->failure.kind) {
	case WEIR_SIM_ASSERTION:
	case WEIR_SIM_DEADLOCK:
	case WEIR_SIM_LIVELOCK:
	case WEIR_SIM_LEAK:
	case WEIR_SIM_OWNERSHIP:
	case WEIR_SIM_ACCOUNT:
	case WEIR_SIM_INVARIANT:
	case WEIR_SIM_MISUSE:
	case WEIR_SIM_LINEARIZABILITY:
	case WEIR_SIM_RACE:
		return true;
	default: /* a crash may have damaged anything; the others are slow, or no schedule's fault */
		return false;
	}
}

static void passes(struct shrink *z)
{
	bool any = true;
	while (any && budget_left(z)) {
		any = cut(z);
		any |= delete_segments(z);
		any |= join_segments(z);
		any |= zero_numbers(z);
		any |= switch_later(z);
		any |= go_on(z);
	}
}

struct sim_replay weir__sim_shrink(struct sim *s, weir__sim_run_fn *run_one, void *arg)
{
	struct shrink z = {.s = s,
			   .run = run_one,
			   .arg = arg,
			   .kind = s->failure.kind,
			   .site = s->failure.site,
			   .place = s->failure.place};
	z.list = weir__sim_deviations(s);
	struct sim_replay whole = {.items = z.list.items, .n = z.list.n};
	struct sim_strategy *replay = z.list.items ? weir__sim_replay_new(s, &whole) : NULL;
	if (replay) {
		bool same = run(&z, NULL, replay) && keep(&z);
		replay->free(replay);
		if (same)
			passes(&z);
	}
	weir__sim_path_free(&z.best);
	weir__sim_path_free(&z.tried);
	weir__sim_path_free(&z.guide.record);
	return z.list;
}

/* SPDX-License-Identifier: MIT
 *
 * Shrinking: a failing schedule with fewer deviations from the default policy, so that the report shows little but what
 * matters.
 *
 * A schedule is its list of deviations (strategy.h, replay.c). Delta debugging (Zeller and Hildebrandt, TSE 2002) takes
 * chunks out of the list, half of it first, then quarters, down to single ones, and runs what is left; what still fails
 * in the same way is kept, and written down anew as the run's own deviations. It stops when no single one can be taken
 * out, or after a number of runs.
 *
 *  Z1  The same way: the same kind, at the same place in the code. Anything else is another bug, and no progress.
 *  Z2  Progress: strictly fewer deviations. So it ends.
 *  Z3  A deviation that makes no sense after others are gone is passed over (`lenient`); the list that is kept never
 *      holds one, since it is read off a run.
 *
 * Taking out an early deviation moves the steps after it, so a later one would come at the wrong time. Where a
 * single one is taken out, those after it are tried a few steps earlier or later as well. A smaller failing schedule
 * can be missed all the same; a wrong one is never kept. */
#include <stdlib.h>
#include <string.h>

#include "engine.h"

#define RUNS 3000

struct shrink {
	struct sim *s;
	void (*run)(void *arg, const struct sim_replay *list);
	void *arg;
	enum weir_sim_kind kind;
	const void *site;
	struct sim_replay best;
	uint64_t runs;
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

/* Runs best without the items from .. from + n - 1, and the picks after them `shift` steps later; true: it still
 * fails alike with fewer, and is the best now. */
static bool try_without(struct shrink *z, size_t from, size_t n, int64_t shift)
{
	struct sim_replay list = {.lenient = true};
	list.items = malloc((z->best.n + 1) * sizeof(*list.items));
	if (!list.items)
		return false;
	memcpy(list.items, z->best.items, from * sizeof(*list.items));
	memcpy(list.items + from, z->best.items + from + n, (z->best.n - from - n) * sizeof(*list.items));
	list.n = z->best.n - n;
	for (size_t i = from; i < list.n; i++)
		if (!list.items[i].data)
			list.items[i].at += (uint64_t)shift;
	z->runs++;
	z->run(z->arg, &list);
	weir__sim_replay_free(&list);
	if (z->s->failure.kind != z->kind || z->s->failure.site != z->site) /* Z1 */
		return false;
	struct sim_replay now = weir__sim_deviations(z->s);
	if (!now.items || now.n >= z->best.n) { /* Z2 */
		weir__sim_replay_free(&now);
		return false;
	}
	weir__sim_replay_free(&z->best);
	z->best = now;
	return true;
}

/* One round over the list with chunks of this size. */
static bool pass(struct shrink *z, size_t chunk)
{
	static const int64_t shifts[] = {-1, 1, -2, 2, -3, 3};
	bool any = false;
	for (size_t end = z->best.n; end > 0 && z->runs < RUNS;) { /* from the end: the tail is the likeliest to go */
		size_t n = chunk < end ? chunk : end;
		bool taken = try_without(z, end - n, n, 0);
		for (size_t k = 0; !taken && n == 1 && k < sizeof(shifts) / sizeof(shifts[0]); k++)
			taken = try_without(z, end - n, n, shifts[k]);
		any |= taken;
		end -= n;
		end = end < z->best.n ? end : z->best.n;
	}
	return any;
}

bool weir__sim_shrinkable(const struct sim *s)
{
	switch (s->failure.kind) {
	case WEIR_SIM_ASSERTION:
	case WEIR_SIM_DEADLOCK:
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

struct sim_replay weir__sim_shrink(struct sim *s, void (*run)(void *arg, const struct sim_replay *list), void *arg)
{
	struct shrink z = {.s = s, .run = run, .arg = arg, .kind = s->failure.kind, .site = s->failure.site};
	z.best = weir__sim_deviations(s);
	if (!z.best.items)
		return z.best;
	for (size_t chunk = z.best.n; chunk > 0 && z.runs < RUNS;) {
		if (!pass(&z, chunk) || chunk > z.best.n)
			chunk /= 2;
	}
	return z.best;
}

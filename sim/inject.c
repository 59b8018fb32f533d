/* SPDX-License-Identifier: MIT
 *
 * Faults as choices of the schedule.
 *
 * Each place where something could go wrong is an opportunity: an allocation, a spawn, a call on a fake descriptor, a
 * park, a weir_sim_fault of the scenario. Opportunities are counted by kind from the begin of the schedule, so a fault
 * is known by its kind and number, and one more or one less of another kind does not move it. A schedule has at most
 * opts.faults of them.
 *
 *  J1  Who decides. An exhaustive strategy has a `fault` of its own and takes each opportunity as a branch while the
 *      budget lasts; a replay has one that looks the fault up. For all others it is decided here (J2), so a strategy
 *      that knows nothing of faults has them all the same.
 *  J2  Drawn beforehand, as PCT draws its change points: how many, from none to the budget; for each a kind, each as
 *      likely as the others however many opportunities it has; and which opportunity of that kind, up to the largest
 *      number that any schedule of the search has had. So faults are rare, every opportunity has its turn, and a
 *      scenario with a thousand parks and one spawn has the spawn fail as often as a park return. FoundationDB's
 *      BUGGIFY (Zhou et al., SIGMOD 2021) reaches the same by sites that are on or off per run; code addresses, which
 *      tell sites apart, are not the same in each run of a program, and a seed must give the same search again.
 *  J3  Only what happens is recorded: a choice with data and fault set, its `at` the number of the opportunity. No
 *      fault is the default policy's choice, so a fault is a deviation: part of the replay string, and shrunk away
 *      like any other. The n-th allocation or spawn of opts.fail_alloc and fail_spawn is one of them, but for being
 *      decided by the user and outside of the budget.
 *  J4  The hash of the schedule sees what comes of a fault and not the fault.
 *  J5  Without a budget an opportunity costs a count and one branch. */
#include "inject.h"

#include <assert.h>
#include <stdio.h>

#include "engine.h"
#include "strategy.h"

static const char letters[SIM_FAULTS] = {'-', 'f', 'p', 'i', 'w', 'u'};

char weir__sim_fault_letter(enum sim_fault kind)
{
	assert(kind > SIM_FAULT_NONE && kind < SIM_FAULTS);
	return letters[kind];
}

enum sim_fault weir__sim_fault_of_letter(char letter)
{
	for (int kind = SIM_FAULT_NONE + 1; kind < SIM_FAULTS; kind++)
		if (letters[kind] == letter)
			return (enum sim_fault)kind;
	return SIM_FAULT_NONE;
}

static bool is_wanted(const struct sim_inject *in, enum sim_fault kind)
{
	static const unsigned bits[SIM_FAULTS] = {[SIM_FAULT_ALLOC] = WEIR_SIM_FAULT_ALLOC,
						  [SIM_FAULT_SPAWN] = WEIR_SIM_FAULT_SPAWN,
						  [SIM_FAULT_IO] = WEIR_SIM_FAULT_IO,
						  [SIM_FAULT_WAKE] = WEIR_SIM_FAULT_WAKE,
						  [SIM_FAULT_USER] = WEIR_SIM_FAULT_USER};
	return in->kinds & bits[kind];
}

void weir__sim_faults_allow(struct sim *s, unsigned budget, unsigned kinds, uint64_t seed)
{
	s->inject.budget = budget;
	s->inject.kinds = kinds ? kinds : UINT32_MAX;
	s->inject.seed = seed;
}

/* J2 */
static void draw_plan(struct sim_inject *in)
{
	uint32_t most = in->budget < SIM_FAULT_PLAN ? in->budget : SIM_FAULT_PLAN, n_kinds = 0;
	enum sim_fault kinds[SIM_FAULTS];
	in->n_plan = 0;
	for (int kind = SIM_FAULT_NONE + 1; kind < SIM_FAULTS; kind++)
		if (in->most[kind] > 0 && is_wanted(in, (enum sim_fault)kind))
			kinds[n_kinds++] = (enum sim_fault)kind;
	if (n_kinds == 0)
		return;
	in->n_plan = weir__sim_below(&in->state, most + 1);
	for (unsigned i = 0; i < in->n_plan; i++) {
		in->plan[i].kind = kinds[weir__sim_below(&in->state, n_kinds)];
		in->plan[i].at = 1 + weir__sim_mix(&in->state) % in->most[in->plan[i].kind];
	}
}

static bool has_nth(const struct sim *s)
{
	return s->opts->fail_alloc || s->opts->fail_spawn;
}

void weir__sim_faults_reset(struct sim *s)
{
	struct sim_inject *in = &s->inject;
	for (int kind = 0; kind < SIM_FAULTS; kind++) {
		if (in->seen[kind] > in->most[kind])
			in->most[kind] = in->seen[kind];
		in->seen[kind] = 0;
	}
	in->left = in->budget;
	in->fired = 0;
	in->nth = false;
	in->armed = in->left > 0 || has_nth(s);
	in->state = in->seed;
	if (in->left > 0)
		draw_plan(in);
}

void weir__sim_faults_limit(struct sim *s, unsigned budget, unsigned kinds)
{
	struct sim_inject *in = &s->inject;
	in->budget = in->left = budget;
	in->kinds = kinds;
	in->armed = budget > 0 || has_nth(s);
	if (budget > 0)
		draw_plan(in);
}

uint32_t weir__sim_fault_drawn(struct sim *s, enum sim_fault kind, uint32_t n)
{
	struct sim_inject *in = &s->inject;
	for (unsigned i = 0; i < in->n_plan; i++)
		if (in->plan[i].kind == kind && in->plan[i].at == in->seen[kind])
			return 1 + weir__sim_below(&in->state, n - 1);
	return 0;
}

static bool is_nth(const struct sim *s, enum sim_fault kind)
{
	return (kind == SIM_FAULT_ALLOC && s->inject.seen[kind] == s->opts->fail_alloc) ||
	       (kind == SIM_FAULT_SPAWN && s->inject.seen[kind] == s->opts->fail_spawn);
}

uint32_t weir__sim_fault_decide(struct sim *s, enum sim_fault kind, uint32_t n)
{
	struct sim_inject *in = &s->inject;
	bool nth = is_nth(s, kind);
	uint32_t value = 1;
	assert(kind > SIM_FAULT_NONE && kind < SIM_FAULTS && n >= 2);
	if (!nth) {
		if (in->left == 0 || s->checking || !is_wanted(in, kind))
			return 0;
		weir__san_enter();
		value = s->strategy->fault ? s->strategy->fault(s->strategy, kind, in->seen[kind], n)
					   : weir__sim_fault_drawn(s, kind, n);
		weir__san_leave();
		if (value == 0)
			return 0;
		value = value < n ? value : n - 1;
		in->left--;
		in->fired++;
		in->armed = in->left > 0 || has_nth(s);
	}
	in->nth |= nth;
	weir__san_enter();
	weir__sim_record(s, (struct sim_choice){.value = value,
						.n = n,
						.data = true,
						.fault = (uint8_t)kind,
						.at = in->seen[kind]}); /* J3 */
	weir__san_leave();
	return value;
}

bool weir_sim_fault(const char *site)
{
	struct sim *s = weir__sim && weir__sim->inside ? weir__sim : NULL;
	char text[64];
	if (!s || !weir__sim_fault(s, SIM_FAULT_USER, 2))
		return false;
	s->fault_hit = true;
	if (s->trace) {
		snprintf(text, sizeof(text), "FAULT: %s", site ? site : "of the scenario");
		weir__sim_trace_note(s, text);
	}
	return true;
}

/* SPDX-License-Identifier: MIT
 *
 * Follow a prefix, then explore: every schedule begins as a text says (the format is replay.c's), and what comes after
 * is another strategy's. So a search can stay close to a schedule that is known to be interesting.
 *
 *  F1  The prefix ends behind the last item of the text, or where step `until` is to be picked; items that come later
 *      than that are left out. A replay has no end of its own: what it does after its last item is the default policy.
 *  F2  An item that is not possible where it stands, or whose place was passed, fails the run, and so does a schedule
 *      that is over before its prefix is: it would explore nothing, and look like a search.
 *  F3  The inner strategy sees the steps of the prefix as steps without an alternative. Its bounds, its early timers
 *      and its faults count from the end of the prefix. */
#include <limits.h>
#include <stdlib.h>

#include "strategy.h"

#define FOLLOWED_EARLY 1000000u /* the prefix may move the clock wherever its text says */

struct prefix {
	struct sim_strategy base;
	struct sim_strategy *inner;
	struct sim *sim;
	const struct sim_replay *text;
	uint64_t until;
	size_t next;                   /* item; they stand in the order in which they are due (Y2 of replay.c) */
	unsigned early, faults, kinds; /* of the inner strategy */
	bool over, clock, faulty;      /* clock: the text moves it; faulty: it has faults */
};

/* F1: next_step is the one that is picked next. */
static void look_for_end(struct prefix *p, uint64_t next_step, bool clock_picked, bool fault_picked)
{
	p->over = p->until ? next_step >= p->until : p->next == p->text->n;
	if (!p->over)
		return;
	p->sim->early_left = p->early + clock_picked; /* the engine has not counted that one yet */
	if (p->faulty)
		weir__sim_faults_limit(p->sim, p->faults + (fault_picked && p->faults < UINT_MAX), p->kinds);
}

static void prefix_begin(struct sim_strategy *st, uint64_t seed)
{
	struct prefix *p = (struct prefix *)st;
	p->next = 0;
	p->early = p->sim->early_left;
	if (p->clock)
		p->sim->early_left = FOLLOWED_EARLY;
	p->faults = p->sim->inject.budget;
	p->kinds = p->sim->inject.kinds;
	if (p->faulty)
		weir__sim_faults_limit(p->sim, UINT_MAX, UINT_MAX);
	look_for_end(p, 1, false, false);
	p->inner->begin(p->inner, seed);
}

/* F2 */
static void misfit(const struct prefix *p, const struct sim_choice *c)
{
	if (c->fault)
		weir__sim_fail(p->sim, WEIR_SIM_BAD_REPLAY, "the prefix wants %c%llu to go wrong in way %u: it cannot",
			       weir__sim_fault_letter(c->fault), (unsigned long long)c->at, c->value);
	else if (c->data)
		weir__sim_fail(p->sim, WEIR_SIM_BAD_REPLAY, "the prefix wants %u for data choice %llu: there is none",
			       c->value, (unsigned long long)c->at);
	else if (c->value == SIM_CLOCK)
		weir__sim_fail(p->sim, WEIR_SIM_BAD_REPLAY, "the prefix wants time to move at step %llu: it cannot",
			       (unsigned long long)c->at);
	else
		weir__sim_fail(p->sim, WEIR_SIM_BAD_REPLAY, "the prefix wants T%u to go on at step %llu: it cannot",
			       c->value, (unsigned long long)c->at);
}

/* The item that is due, or NULL. A fault is data, too. */
static const struct sim_choice *due(struct prefix *p, bool data, enum sim_fault fault, uint64_t at)
{
	const struct sim_choice *c = &p->text->items[p->next];
	if (p->next == p->text->n || c->data != data || c->fault != fault || c->at > at)
		return NULL;
	if (c->at < at)
		misfit(p, c);
	p->next++;
	return c;
}

static bool possible(const struct sim_view *view, uint32_t value)
{
	for (uint32_t i = 0; i < view->n; i++)
		if (weir__sim_alternative(view, i) == value)
			return true;
	return false;
}

static uint32_t prefix_pick(struct sim_strategy *st, const struct sim_view *view)
{
	struct prefix *p = (struct prefix *)st;
	if (p->over)
		return p->inner->pick(p->inner, view);
	const struct sim_choice *c = due(p, false, SIM_FAULT_NONE, view->sim->step);
	if (c && !possible(view, c->value))
		misfit(p, c);
	uint32_t pick = c ? c->value : view->standard;
	if (p->inner->alone && pick != SIM_CLOCK) /* F3 */
		p->inner->alone(p->inner, view->sim, pick);
	look_for_end(p, view->sim->step + 1, pick == SIM_CLOCK, false);
	return pick;
}

static void prefix_alone(struct sim_strategy *st, const struct sim *s, uint32_t task)
{
	struct prefix *p = (struct prefix *)st;
	if (p->inner->alone)
		p->inner->alone(p->inner, s, task);
	if (!p->over)
		look_for_end(p, s->step + 1, false, false);
}

static uint32_t prefix_value(struct sim_strategy *st, uint32_t n)
{
	struct prefix *p = (struct prefix *)st;
	if (p->over)
		return p->inner->value(p->inner, n);
	const struct sim_choice *c = due(p, true, SIM_FAULT_NONE, p->sim->data_choices);
	if (c && c->value >= n)
		misfit(p, c);
	look_for_end(p, p->sim->step + 1, false, false);
	return c ? c->value : 0;
}

static uint32_t prefix_fault(struct sim_strategy *st, enum sim_fault kind, uint64_t at, uint32_t n)
{
	struct prefix *p = (struct prefix *)st;
	if (p->over && !p->inner->fault)
		return weir__sim_fault_drawn(p->sim, kind, n);
	if (p->over)
		return p->inner->fault(p->inner, kind, at, n);
	const struct sim_choice *c = due(p, true, kind, at);
	if (!c)
		return 0;
	if (c->value >= n)
		misfit(p, c);
	look_for_end(p, p->sim->step + 1, false, true);
	return c->value;
}

static bool prefix_end(struct sim_strategy *st, const struct sim *s)
{
	struct prefix *p = (struct prefix *)st;
	if (!p->over) /* F2 */
		weir__sim_fail(
			p->sim, WEIR_SIM_BAD_REPLAY,
			"the schedule was over after %llu steps, and its prefix was not: there is nothing to explore",
			(unsigned long long)s->step);
	bool more = p->over && p->inner->end(p->inner, s);
	st->repeated = p->inner->repeated;
	return more;
}

static void prefix_split(struct sim_strategy *st, uint32_t job, uint32_t jobs)
{
	struct prefix *p = (struct prefix *)st;
	p->inner->split(p->inner, job, jobs);
}

static void prefix_tell(const struct sim_strategy *st, bool exhausted, struct weir_sim_explored *out)
{
	const struct prefix *p = (const struct prefix *)st;
	p->inner->tell(p->inner, exhausted, out);
}

static void prefix_free(struct sim_strategy *st)
{
	struct prefix *p = (struct prefix *)st;
	p->inner->free(p->inner);
	free(p);
}

struct sim_strategy *weir__sim_prefix_new(struct sim *s, const struct sim_replay *text, uint64_t until,
					  struct sim_strategy *inner)
{
	struct prefix *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->inner = inner;
	p->sim = s;
	p->text = text;
	p->until = until;
	for (size_t i = 0; i < text->n; i++) {
		p->clock |= !text->items[i].data && text->items[i].value == SIM_CLOCK;
		p->faulty |= text->items[i].fault != SIM_FAULT_NONE;
	}
	p->base = (struct sim_strategy){.name = inner->name,
					.systematic = inner->systematic,
					.begin = prefix_begin,
					.pick = prefix_pick,
					.alone = prefix_alone,
					.value = prefix_value,
					.fault = prefix_fault,
					.end = prefix_end,
					.split = inner->split ? prefix_split : NULL,
					.tell = inner->tell ? prefix_tell : NULL,
					.free = prefix_free};
	return &p->base;
}

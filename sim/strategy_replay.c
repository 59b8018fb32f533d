/* SPDX-License-Identifier: MIT
 *
 * Replay: the default policy, but for the deviations of a replay string. A deviation that is not possible where it
 * stands fails the run and says what was expected and what was there: the scenario, or the library, has changed
 * since the string was written. */
#include <stdio.h>
#include <stdlib.h>

#include "strategy.h"

struct replay {
	struct sim_strategy base;
	const struct sim_replay *text;
	size_t next_pick, next_data;
	const struct sim *sim;
};

static void replay_begin(struct sim_strategy *st, uint64_t seed)
{
	struct replay *r = (struct replay *)st;
	(void)seed;
	r->next_pick = r->next_data = 0;
}

/* The next deviation of the kind that is due at `at`, or NULL. */
static const struct sim_choice *due(struct replay *r, bool data, uint64_t at)
{
	size_t *next = data ? &r->next_data : &r->next_pick;
	while (*next < r->text->n && (r->text->items[*next].data != data || r->text->items[*next].at < at))
		(*next)++;
	return *next < r->text->n && r->text->items[*next].at == at ? &r->text->items[(*next)++] : NULL;
}

static bool possible(const struct sim_view *view, uint32_t value)
{
	for (uint32_t i = 0; i < view->n; i++)
		if (weir__sim_alternative(view, i) == value)
			return true;
	return false;
}

static uint32_t replay_pick(struct sim_strategy *st, const struct sim_view *view)
{
	struct replay *r = (struct replay *)st;
	const struct sim_choice *c = due(r, false, view->sim->step);
	uint32_t standard = view->standard;
	if (!c)
		return standard;
	if (!possible(view, c->value)) {
		char who[32] = "the clock";
		if (c->value != SIM_CLOCK)
			snprintf(who, sizeof(who), "T%u", c->value);
		weir__sim_diverged((struct sim *)(uintptr_t)view->sim, c->at, who, view->n);
		return standard;
	}
	return c->value;
}

static uint32_t replay_value(struct sim_strategy *st, uint32_t n)
{
	struct replay *r = (struct replay *)st;
	const struct sim_choice *c = due(r, true, r->sim->data_choices);
	return c && c->value < n ? c->value : 0;
}

static bool replay_end(struct sim_strategy *st, const struct sim *s)
{
	(void)st, (void)s;
	return false;
}

static void replay_free(struct sim_strategy *st)
{
	free(st);
}

struct sim_strategy *weir__sim_replay_new(const struct sim *s, const struct sim_replay *text)
{
	struct replay *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->text = text;
	r->sim = s;
	r->base = (struct sim_strategy){.name = "replay",
					.begin = replay_begin,
					.pick = replay_pick,
					.value = replay_value,
					.end = replay_end,
					.free = replay_free};
	return &r->base;
}

/* SPDX-License-Identifier: MIT
 *
 * Replay: the default policy, but for the deviations of a replay string. A deviation that is not possible where it
 * stands fails the run and says what was expected and what was there: the scenario, or the library, has changed
 * since the string was written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strategy.h"

struct replay {
	struct sim_strategy base;
	const struct sim_replay *text;
	size_t next[2 + SIM_FAULTS]; /* by stream_of */
	const struct sim *sim;
};

static void replay_begin(struct sim_strategy *st, uint64_t seed)
{
	struct replay *r = (struct replay *)st;
	(void)seed;
	memset(r->next, 0, sizeof(r->next));
}

/* What counts on its own: picks, data choices, each kind of fault. */
static size_t stream_of(const struct sim_choice *c)
{
	return (size_t)c->data + c->fault;
}

/* The next deviation of that stream that is due at `at`, or NULL. */
static const struct sim_choice *due(struct replay *r, size_t stream, uint64_t at)
{
	size_t *next = &r->next[stream];
	while (*next < r->text->n && (stream_of(&r->text->items[*next]) != stream || r->text->items[*next].at < at))
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
	const struct sim_choice *c = due(r, 0, view->sim->step);
	uint32_t standard = view->standard;
	if (!c)
		return standard;
	if (!possible(view, c->value)) {
		if (r->text->lenient)
			return standard;
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
	const struct sim_choice *c = due(r, 1, r->sim->data_choices);
	return c && c->value < n ? c->value : 0;
}

static uint32_t replay_fault(struct sim_strategy *st, enum sim_fault kind, uint64_t at, uint32_t n)
{
	const struct sim_choice *c = due((struct replay *)st, 1 + (size_t)kind, at);
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
					.fault = replay_fault,
					.end = replay_end,
					.free = replay_free};
	return &r->base;
}

/* SPDX-License-Identifier: MIT
 *
 * Replay: the default policy, but for the deviations of a replay string. A deviation that is not possible where it
 * stands, or meets another operation than the string expects, fails the run and says what was expected and what was
 * there: the scenario, or the library, has changed since the string was written. What comes then is no replay. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
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

/* A pick of the string at a step that has gone by, or NULL: only one could run then. */
static const struct sim_choice *missed(const struct replay *r, uint64_t at)
{
	for (size_t i = r->next[0]; i < r->text->n && r->text->items[i].at < at; i++)
		if (!r->text->items[i].data)
			return &r->text->items[i];
	return NULL;
}

static bool possible(const struct sim_view *view, uint32_t value)
{
	for (uint32_t i = 0; i < view->n; i++)
		if (weir__sim_alternative(view, i) == value)
			return true;
	return false;
}

/* What the task is about to perform, or the end of which it waits for. */
static void announced(const struct sim *s, uint32_t task, char out[SIM_EXPECT_TEXT])
{
	struct sim *all = (struct sim *)(uintptr_t)s; /* is read only */
	const struct weir_op *op = s->tasks[task]->op;
	struct weir_obj *obj = weir__sim_op_object(all, op);
	struct sim_trace_ref ref;
	weir__sim_trace_ref(s, obj ? weir__sim_object(all, obj) : NULL, &ref);
	weir__sim_expect_text(out, op->kind, &ref);
}

/* "send.ch1" as "send(ch1)" */
static void put_expected(struct sim_line *line, const char *text)
{
	size_t verb = strcspn(text, ".");
	weir__sim_put(line, text[verb] ? "%.*s(%s)" : "%.*s%.0s", (int)verb, text, text + verb + (text[verb] != 0));
}

static void put_runnable(struct sim_line *line, const struct sim_view *view)
{
	const struct sim *s = view->sim;
	unsigned n = 0;
	weir__sim_put(line, "; what can run: ");
	for (uint32_t i = 0; i < s->n_tasks && n < 10; i++) {
		if (s->tasks[i]->state != SIM_RUNNABLE)
			continue;
		weir__sim_put(line, n++ ? ", " : "");
		weir__sim_put_task(line, s, i);
	}
	if (s->n_runnable > n)
		weir__sim_put(line, ", ...");
	weir__sim_put(line, view->clock ? ", time" : "");
}

static void put_state(struct sim_line *line, const struct sim *s, uint32_t task)
{
	char now[SIM_EXPECT_TEXT];
	if (task >= s->n_tasks) {
		weir__sim_put(line, "there is no T%u then", task);
		return;
	}
	const struct sim_task *t = s->tasks[task];
	weir__sim_put(line, "T%u ", task);
	if (t->state == SIM_EXITED || !t->op) {
		weir__sim_put(line, t->state == SIM_EXITED ? "has ended" : "cannot");
		return;
	}
	announced(s, task, now);
	weir__sim_put(line, t->state == SIM_RUNNABLE   ? "is at "
			    : t->state == SIM_AWAITING ? "goes round in vain in front of "
						       : "waits in ");
	put_expected(line, now);
}

static void diverge(const struct sim_view *view, const struct sim_choice *wanted, const char *expected)
{
	struct sim *s = (struct sim *)(uintptr_t)view->sim; /* to be ended */
	struct sim_line line = {.n = 0};
	if (wanted->value == SIM_CLOCK) {
		weir__sim_put(&line, "the replay wants time to move");
	} else {
		weir__sim_put(&line, "the replay wants T%u to ", wanted->value);
		weir__sim_put(&line, expected ? "perform " : "go on");
		if (expected)
			put_expected(&line, expected);
	}
	if (wanted->at != s->step) {
		weir__sim_put(&line, " at step %llu, but nothing was to be chosen there",
			      (unsigned long long)wanted->at);
	} else {
		weir__sim_put(&line, " here, but ");
		if (wanted->value == SIM_CLOCK)
			weir__sim_put(&line, "nobody waits for a time");
		else
			put_state(&line, s, wanted->value);
		put_runnable(&line, view);
	}
	weir__sim_diverged(s, line.text);
}

static const char *expected_at(const struct sim_replay *text, uint64_t at)
{
	for (size_t i = 0; i < text->n_expected; i++)
		if (text->expected[i].at == at)
			return text->expected[i].text;
	return NULL;
}

static uint32_t replay_pick(struct sim_strategy *st, const struct sim_view *view)
{
	struct replay *r = (struct replay *)st;
	char now[SIM_EXPECT_TEXT];
	const struct sim_choice *c = missed(r, view->sim->step);
	if (c) {
		diverge(view, c, expected_at(r->text, c->at));
		return view->standard;
	}
	if (!(c = due(r, 0, view->sim->step)))
		return view->standard;
	const char *expected = expected_at(r->text, c->at);
	bool fits = possible(view, c->value);
	if (fits && expected) {
		announced(view->sim, c->value, now);
		fits = strcmp(now, expected) == 0;
	}
	if (fits)
		return c->value;
	diverge(view, c, expected);
	return view->standard;
}

/* A number that is too large ends the schedule: this is called by a task. */
static uint32_t replay_value(struct sim_strategy *st, uint32_t n)
{
	struct replay *r = (struct replay *)st;
	const struct sim_choice *c = due(r, 1, r->sim->data_choices);
	if (!c)
		return 0;
	if (c->value >= n)
		weir__sim_fail((struct sim *)(uintptr_t)r->sim, WEIR_SIM_BAD_REPLAY,
			       "the replay wants data choice %llu to be %u, but it is one of %u",
			       (unsigned long long)c->at, c->value, n);
	return c->value;
}

static uint32_t replay_fault(struct sim_strategy *st, enum sim_fault kind, uint64_t at, uint32_t n)
{
	struct replay *r = (struct replay *)st;
	const struct sim_choice *c = due(r, 1 + (size_t)kind, at);
	if (!c)
		return 0;
	if (c->value >= n)
		weir__sim_fail((struct sim *)(uintptr_t)r->sim, WEIR_SIM_BAD_REPLAY,
			       "the replay wants %c%llu to go wrong in way %u, but there are %u",
			       weir__sim_fault_letter(kind), (unsigned long long)at, c->value, n - 1);
	return c->value;
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

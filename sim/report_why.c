/* SPDX-License-Identifier: MIT
 *
 * What explain.c found, in words. A step is named by its number, so it is read off the trace of the schedule; a step of
 * the clock has no event of a task. */
#include <string.h>

#include "explain.h"
#include "report.h"

static const struct sim_event *step_of(const struct sim *s, uint64_t step)
{
	for (size_t i = 0; s->trace && i < s->trace->n; i++) {
		const struct sim_event *e = &s->trace->events[i];
		if (e->step == step && (e->kind == SIM_EV_STEP || (e->kind == SIM_EV_TIME && e->early)))
			return e;
	}
	return NULL;
}

/* "T1 producer send(ch1 "out")" */
static void put_step(struct sim_line *line, const struct sim_out *out, uint64_t step)
{
	const struct sim_event *e = step_of(out->s, step);
	if (!e || e->kind == SIM_EV_TIME) {
		weir__sim_put(line, e ? "an early timer" : "what was done");
		return;
	}
	weir__sim_put_task(line, out->s, e->task);
	weir__sim_put(line, " ");
	weir__sim_put_event(line, e, true);
	weir__sim_put(line, e->completion ? " when woken" : "");
}

/* " (a.c:80)" */
static void put_where(struct sim_line *line, const struct sim_out *out, uint64_t step)
{
	const struct sim_event *e = step_of(out->s, step);
	const char *where = e && e->kind == SIM_EV_STEP ? weir__sim_line_of(out, e->site) : "";
	if (where[0])
		weir__sim_put(line, " (%s)", where);
}

/* "T1 publisher store(atomic1), which did not come (a.c:80)" */
static void put_missing(struct sim_line *line, const struct sim_out *out, const struct sim_pair *pair)
{
	size_t verb = strcspn(pair->text, ".");
	const char *where = weir__sim_line_of(out, pair->site);
	weir__sim_put_task(line, out->s, pair->task);
	weir__sim_put(line, pair->text[verb] ? " %.*s(%s)" : " %.*s%.0s", (int)verb, pair->text,
		      pair->text + verb + (pair->text[verb] != 0));
	weir__sim_put(line, pair->wakes ? ", out of which it did not come" : ", which it did not come to");
	weir__sim_put(line, where[0] ? " (%s)" : "%s", where);
}

static void say_pair(struct sim_out *out, const struct sim_pair *pair)
{
	struct sim_line line = {.name_cap = 16, .no_cases = true};
	weir__sim_put(&line, "  ");
	put_step(&line, out, pair->first);
	weir__sim_put(&line, " at step %llu", (unsigned long long)pair->first);
	put_where(&line, out, pair->first);
	weir__sim_put(&line, " came before");
	weir__sim_say(out, SIM_OUT_ALL, "%s", line.text);
	line = (struct sim_line){.name_cap = 16, .no_cases = true};
	weir__sim_put(&line, "    ");
	if (pair->second) {
		put_step(&line, out, pair->second);
		weir__sim_put(&line, " at step %llu", (unsigned long long)pair->second);
		put_where(&line, out, pair->second);
	} else {
		put_missing(&line, out, pair);
	}
	weir__sim_put(&line, "; the other way round the test passes.");
	weir__sim_say(out, SIM_OUT_ALL, "%s", line.text);
}

static void say_pairs(struct sim_out *out, const struct sim_explanation *why)
{
	unsigned shown = why->n_pairs < SIM_WHY_PAIRS ? why->n_pairs : SIM_WHY_PAIRS;
	if (shown > 0)
		weir__sim_say(out, SIM_OUT_ALL, "What decided it:");
	for (unsigned i = 0; i < shown; i++)
		say_pair(out, &why->pairs[i]);
	if (why->n_pairs > shown)
		weir__sim_say(out, SIM_OUT_ALL, "  ... and %u earlier pair%s like that", why->n_pairs - shown,
			      why->n_pairs - shown == 1 ? "" : "s");
	for (unsigned i = 0; i < why->n_early; i++)
		weir__sim_say(out, SIM_OUT_ALL,
			      "The timer that fired early at step %llu decided it: without that the test passes.",
			      (unsigned long long)why->early[i]);
	if (shown + why->n_early == 0 && why->n_flipped > 0 && why->from > 0)
		weir__sim_say(out, SIM_OUT_ALL, "No two operations alone decided it (%u pair%s the other way round).",
			      why->n_flipped, why->n_flipped == 1 ? " was tried" : "s were tried");
}

/* Where only the last step decides there is nothing to say. */
static void say_point(struct sim_out *out, const struct sim_explanation *why)
{
	struct sim_line line = {.name_cap = 16, .no_cases = true};
	if (!why->known || (why->from > 0 && why->from >= why->last))
		return;
	if (why->from == 0) {
		weir__sim_put(&line, "It fails whatever is chosen (%u of %u schedules at random).", why->continuations,
			      why->continuations);
	} else {
		weir__sim_put(&line, "From step %llu on, ", (unsigned long long)why->from);
		put_step(&line, out, why->from);
		put_where(&line, out, why->from);
		weir__sim_put(&line, ", it always fails (%u of %u tries at random).", why->continuations,
			      why->continuations);
	}
	weir__sim_say(out, SIM_OUT_ALL, "%s", line.text);
}

void weir__sim_report_why(struct sim_out *out)
{
	const struct sim_explanation *why = out->about->why;
	if (!why)
		return;
	say_pairs(out, why);
	say_point(out, why);
}

/* SPDX-License-Identifier: MIT
 *
 * Where the steps of a schedule went that did not come to an end: of a livelock the loops themselves, as spin.c has
 * them; of a schedule that was ended by the step limit the places that it was at most often.
 *
 *  L1  Bounded: OPERATIONS operations of a loop, TASKS tasks, PLACES places. The report file gets the same. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

#define OPERATIONS 6
#define TASKS 20
#define PLACES 4

static void put_operation(struct sim_line *line, const struct sim_out *out, const struct sim_spin_view *v)
{
	struct sim_event e = {.kind = SIM_EV_STEP, .op = v->kind, .at = WEIR_FOREVER, .other = SIM_NONE};
	if (v->object != SIM_NONE)
		weir__sim_trace_ref(out->s, &out->s->objects[v->object], &e.obj);
	if (v->kind == WEIR_OP_SELECT || v->kind == WEIR_OP_TRY_SELECT)
		snprintf(e.text, sizeof(e.text), "...");
	weir__sim_put_event(line, &e, true);
}

static void say_loop(struct sim_out *out, const struct sim_task *t)
{
	struct sim_spin_view v;
	for (size_t i = 0; i < OPERATIONS && weir__sim_spin_view(out->s, t, i, &v); i++) {
		struct sim_line line = {.n = 0}, name = {.n = 0}, what = {.n = 0};
		const char *where = weir__sim_line_of(out, v.site);
		if (i == 0)
			weir__sim_put_task(&name, out->s, t->index);
		put_operation(&what, out, &v);
		weir__sim_put(&line, "  %-16s  %-28s  %s%s%llu times", name.text, what.text, where,
			      where[0] ? "  " : "", (unsigned long long)v.times);
		weir__sim_say(out, SIM_OUT_ALL, "%s", line.text);
	}
	if (weir__sim_spin_looks_at_clock(out->s, t))
		weir__sim_say(out, SIM_OUT_ALL,
			      "  %-16s  and at the clock, which moves only while every task waits: sleep instead", "");
}

static void say_loops(struct sim_out *out)
{
	size_t n = 0;
	weir__sim_say(out, SIM_OUT_ALL, "Goes round, and nothing changes:");
	for (uint32_t i = 0; i < out->s->n_tasks && n < TASKS; i++) {
		if (out->s->tasks[i]->state != SIM_AWAITING)
			continue;
		say_loop(out, out->s->tasks[i]);
		n++;
	}
	assert(n > 0);
}

/* ---- the step limit ---- */

struct place {
	const struct sim_event *e; /* the first step there */
	size_t steps;
};

static int by_place(const void *a, const void *b)
{
	const struct sim_event *x = ((const struct place *)a)->e, *y = ((const struct place *)b)->e;
	if (x->task != y->task)
		return x->task < y->task ? -1 : 1;
	if (x->site != y->site)
		return (uintptr_t)x->site < (uintptr_t)y->site ? -1 : 1;
	if (x->op != y->op)
		return x->op < y->op ? -1 : 1;
	return x->step < y->step ? -1 : x->step > y->step;
}

static int by_steps(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	if (x->steps != y->steps)
		return x->steps > y->steps ? -1 : 1;
	return x->e->step < y->e->step ? -1 : x->e->step > y->e->step;
}

/* One element for each place, the most frequent first; returns how many. */
static size_t count_places(struct place *places, size_t n)
{
	size_t unique = 0;
	qsort(places, n, sizeof(*places), by_place);
	for (size_t i = 0; i < n; i++) {
		const struct sim_event *e = places[i].e, *last = unique ? places[unique - 1].e : NULL;
		if (last && last->task == e->task && last->site == e->site && last->op == e->op)
			places[unique - 1].steps++;
		else
			places[unique++] = (struct place){.e = e, .steps = 1};
	}
	qsort(places, unique, sizeof(*places), by_steps);
	return unique;
}

static void say_places(struct sim_out *out)
{
	const struct sim_trace *trace = out->s->trace;
	struct place *places = trace ? calloc(trace->n + 1, sizeof(*places)) : NULL;
	size_t n = 0;
	for (size_t i = 0; places && i < trace->n; i++)
		if (trace->events[i].kind == SIM_EV_STEP)
			places[n++].e = &trace->events[i];
	size_t all = n, shown = places ? count_places(places, n) : 0;
	if (shown > 0)
		weir__sim_say(out, SIM_OUT_ALL, "Where the steps went:");
	for (size_t i = 0; i < shown && i < PLACES; i++) {
		struct sim_line line = {.n = 0}, name = {.n = 0}, what = {.n = 0};
		weir__sim_put_task(&name, out->s, places[i].e->task);
		weir__sim_put_event(&what, places[i].e, true);
		weir__sim_put(&line, "  %5zu of %zu  %-16s  %-28s  %s", places[i].steps, all, name.text, what.text,
			      weir__sim_line_of(out, places[i].e->site));
		weir__sim_say(out, SIM_OUT_ALL, "%s", line.text);
	}
	free(places);
}

void weir__sim_report_spins(struct sim_out *out)
{
	if (out->s->failure.kind == WEIR_SIM_LIVELOCK)
		say_loops(out);
	else if (out->s->failure.kind == WEIR_SIM_STEP_LIMIT)
		say_places(out);
}

/* SPDX-License-Identifier: MIT
 *
 * When a deadlock formed, as opposed to when it was noticed: tasks can wait for each other, or for somebody who is
 * gone, long before everybody waits.
 *
 * Read off the trace of a schedule that is over, so it is hindsight: the tasks in question were not woken to the end.
 * At a step, a task can still be woken
 *   - if it waits for locks or joins: when all the tasks it waits for can still go on;
 *   - if it waits for a channel, or several in a select: when one can that holds the other end (by its last use), or
 *     that used the channel after that step;
 *   - if it waits for a condition, semaphore or wait group: when one can that ever used it;
 *   - if it waits for anything else: when any task can.
 * A task can go on that took a step after it, or could at the end, or has a deadline. The rest is a least fixpoint, and
 * who is not in it is stuck. Later steps leave fewer that can go on, so the first step with somebody stuck is found by
 * bisection.
 *
 *  M1  Cancels are not looked for: nearly every wait has a context, and nearly everybody could end it. None came. The
 *      report says so.
 *  M2  Where `certain` is asked for, an end of a channel that was never used since it was made may be in anybody's
 *      hands. Otherwise it is its maker's, as it was used by nobody to the end of the schedule.
 *  M3  A schedule that reaches its limit of steps, with tasks stuck for the second half of it, is a deadlock of these,
 *      and not one that only takes long: the others may run on for ever. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "../src/core/inspect.h"
#include "report.h"
#include "stuck.h"

/* What a task waits for at the end. */
struct wait {
	bool waits, anybody; /* anybody: who can go on */
	bool every;          /* all of these, not one of them */
	uint64_t tasks[SIM_WORDS];
};

struct formed {
	struct sim *s;
	bool certain;
	struct wait wait[WEIR_SIM_TASKS];
	uint64_t last[WEIR_SIM_TASKS];                    /* its last step */
	uint64_t touched[WEIR_SIM_TASKS][WEIR_SIM_TASKS]; /* [w][t]: t's last step with what w waits for */
	uint64_t live[SIM_WORDS], stuck[SIM_WORDS];
	struct wait *current;
};

static void set(uint64_t *tasks, uint32_t task)
{
	tasks[task / 64] |= UINT64_C(1) << (task % 64);
}

static bool has(const uint64_t *tasks, uint32_t task)
{
	return tasks[task / 64] >> (task % 64) & 1;
}

static bool is_any(const uint64_t *tasks)
{
	uint64_t any = 0;
	for (uint32_t w = 0; w < SIM_WORDS; w++)
		any |= tasks[w];
	return any != 0;
}

/* ---- what each task waits for ---- */

static void add_edge(void *arg, const struct sim_edge *e)
{
	struct formed *f = arg;
	set(f->current->tasks, e->to);
	f->current->anybody |= f->certain && !e->sure; /* M2 */
}

static bool same_ref(const struct sim_trace_ref *a, const struct sim_trace_ref *b)
{
	return a->kind != WEIR_OBJ_DEAD && a->kind == b->kind && a->display == b->display;
}

/* Who sends does not help those who wait to send; and who receives, those who wait to receive. */
static bool could_help(const struct weir_op *waiting, uint8_t op)
{
	if (waiting->kind == WEIR_OP_SEND)
		return op != WEIR_OP_SEND && op != WEIR_OP_TRY_SEND && op != WEIR_OP_TX_CLOSE;
	if (waiting->kind == WEIR_OP_RECV)
		return op != WEIR_OP_RECV && op != WEIR_OP_TRY_RECV && op != WEIR_OP_RX_CLOSE;
	return true;
}

/* Who used the object, and when last. */
static void add_touches(struct formed *f, uint32_t waiting, const struct weir_obj *obj)
{
	const struct sim_trace *trace = f->s->trace;
	struct sim_trace_ref ref;
	weir__sim_trace_ref(f->s, weir__sim_object(f->s, obj), &ref);
	for (size_t i = 0; i < trace->n; i++) {
		const struct sim_event *e = &trace->events[i];
		if (e->task != waiting && could_help(f->s->tasks[waiting]->op, e->op) &&
		    (same_ref(&e->obj, &ref) || same_ref(&e->obj2, &ref)))
			f->touched[waiting][e->task] = e->step;
	}
}

static void look_at_cases(struct formed *f, uint32_t task)
{
	const struct weir_op *op = f->s->tasks[task]->op;
	struct weir__case_view view;
	for (size_t i = 0; i < op->n_cases; i++) {
		weir__inspect_case(op->cases, i, &view);
		if (view.kind == WEIR__VIEW_SEND || view.kind == WEIR__VIEW_RECV)
			add_touches(f, task, view.obj);
		else if (view.kind != WEIR__VIEW_OFF)
			f->current->anybody = true;
	}
}

static void look_at_wait(struct formed *f, const struct sim_out *out, uint32_t task)
{
	const struct weir_op *op = f->s->tasks[task]->op;
	struct wait *w = f->current = &f->wait[task];
	weir__sim_wait_edges(out, task, add_edge, f);
	switch (op->kind) {
	case WEIR_OP_SEND:
	case WEIR_OP_RECV:
		add_touches(f, task, op->obj[0]);
		break;
	case WEIR_OP_SELECT:
		look_at_cases(f, task);
		break;
	case WEIR_OP_COND_WAIT:
	case WEIR_OP_ACQUIRE:
	case WEIR_OP_WG_WAIT:
		w->every = is_any(w->tasks); /* a condition's wait that locks again */
		add_touches(f, task, op->obj[0]);
		for (uint32_t i = 0; i < f->s->n_tasks && !w->every; i++)
			if (f->touched[task][i])
				set(w->tasks, i);
		break;
	default:
		w->every = weir__sim_waits_for_tasks(op->kind);
		w->anybody = !w->every;
	}
}

static bool could_go_on(const struct sim *s, const struct sim_task *t)
{
	if (t->state == SIM_EXITED || (s->failure.kind == WEIR_SIM_LEAK && s->failure.task == t->index))
		return false;
	bool waits = (t->state == SIM_PARKED && t->deadline_at == WEIR_FOREVER) || t->state == SIM_JOINING;
	return !waits || t->token || t->due || !t->op;
}

static struct formed *look(struct sim *s, bool certain)
{
	struct formed *f = calloc(1, sizeof(*f));
	struct sim_out out = {.s = s};
	if (!f)
		return NULL;
	f->s = s;
	f->certain = certain;
	for (size_t i = 0; i < s->trace->n; i++)
		if (s->trace->events[i].kind == SIM_EV_STEP)
			f->last[s->trace->events[i].task] = s->trace->events[i].step;
	for (uint32_t i = 0; i < s->n_tasks; i++) {
		const struct sim_task *t = s->tasks[i];
		f->wait[i].waits = t->state != SIM_EXITED && !could_go_on(s, t) && t->state != SIM_RUNNABLE;
		if (f->wait[i].waits)
			look_at_wait(f, &out, i);
	}
	return f;
}

/* ---- the fixpoint ---- */

static bool can_be_woken(const struct formed *f, uint32_t task, uint64_t step)
{
	const struct wait *w = &f->wait[task];
	bool all = true, one = w->anybody && is_any(f->live);
	for (uint32_t i = 0; i < f->s->n_tasks; i++) {
		one |= f->touched[task][i] > step;
		if (!has(w->tasks, i))
			continue;
		all &= has(f->live, i);
		one |= has(f->live, i);
	}
	return w->every ? all : one;
}

/* After the step; true: somebody is stuck. */
static bool is_stuck(struct formed *f, uint64_t step)
{
	const struct sim *s = f->s;
	bool more = true;
	memset(f->live, 0, sizeof(f->live));
	memset(f->stuck, 0, sizeof(f->stuck));
	for (uint32_t i = 0; i < s->n_tasks; i++)
		if (f->last[i] > step || could_go_on(s, s->tasks[i]))
			set(f->live, i);
	while (more) {
		more = false;
		for (uint32_t i = 0; i < s->n_tasks; i++) {
			if (!f->wait[i].waits || has(f->live, i) || !can_be_woken(f, i, step))
				continue;
			set(f->live, i);
			more = true;
		}
	}
	for (uint32_t i = 0; i < s->n_tasks; i++)
		if (f->wait[i].waits && !has(f->live, i))
			set(f->stuck, i);
	return is_any(f->stuck);
}

/* The first step, up to `most`, after which somebody is stuck; f->stuck is who. SIM_NEVER: none. */
#define SIM_NEVER UINT64_MAX
static uint64_t first_stuck(struct formed *f, uint64_t most)
{
	uint64_t low = 0, high = most;
	if (!is_stuck(f, most))
		return SIM_NEVER;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		if (is_stuck(f, middle))
			high = middle;
		else
			low = middle + 1;
	}
	is_stuck(f, high);
	return high;
}

/* ---- what is said ---- */

static void put_stuck(struct sim_line *line, const struct formed *f)
{
	unsigned n = 0;
	for (uint32_t i = 0; i < f->s->n_tasks; i++) {
		if (!has(f->stuck, i))
			continue;
		if (n++ == 8) {
			weir__sim_put(line, ", ...");
			return;
		}
		weir__sim_put(line, n > 1 ? ", " : "");
		weir__sim_put_task(line, f->s, i);
	}
}

void weir__sim_call_partial(struct sim *s)
{
	struct sim_line line = {.n = 0};
	struct formed *f = s->failure.kind == WEIR_SIM_STEP_LIMIT && s->trace ? look(s, false) : NULL;
	if (f && first_stuck(f, s->step / 2) != SIM_NEVER) { /* M3 */
		weir__sim_put(&line, "blocked are ");
		put_stuck(&line, f);
		s->failure.kind = WEIR_SIM_DEADLOCK;
		snprintf(s->failure.text, sizeof(s->failure.text),
			 "partial: %.250s, for ever, while others run on (%llu steps, and not over)", line.text,
			 (unsigned long long)s->step);
	}
	free(f);
}

/* The last event of the step that is a task's. */
static const struct sim_event *event_of(const struct sim_trace *trace, uint64_t step)
{
	for (size_t i = trace->n; i > 0; i--) {
		const struct sim_event *e = &trace->events[i - 1];
		if (e->step == step && e->kind != SIM_EV_TIME && e->kind != SIM_EV_NOTE)
			return e;
	}
	return NULL;
}

static void say_formed(struct sim_out *out, const struct formed *f, uint64_t step)
{
	const struct sim_event *e = event_of(f->s->trace, step);
	struct sim_line line = {.name_cap = 16, .no_cases = true};
	if (!e)
		return;
	weir__sim_put(&line, "Formed at step %llu, ", (unsigned long long)step);
	weir__sim_put_time(&line, e->time_at);
	weir__sim_put(&line, ", with ");
	weir__sim_put_task(&line, f->s, e->task);
	weir__sim_put(&line, " ");
	weir__sim_put_event(&line, e, true);
	const char *where = weir__sim_line_of(out, e->site);
	weir__sim_put(&line, where[0] ? " (%s)" : "%s", where);
	weir__sim_say(out, SIM_OUT_ALL, "%s:", line.text);
	line = (struct sim_line){.n = 0};
	weir__sim_put(&line, "  after it only a cancel could have ended the wait of ");
	put_stuck(&line, f);
	weir__sim_put(&line, ". Others went on to step %llu.", (unsigned long long)f->s->failure.step);
	weir__sim_say(out, SIM_OUT_ALL, "%s", line.text);
}

void weir__sim_report_formed(struct sim_out *out)
{
	struct sim *s = out->s;
	bool partial = s->failure.kind == WEIR_SIM_DEADLOCK && s->step >= s->limit;
	bool blocked = s->failure.kind == WEIR_SIM_DEADLOCK || (s->failure.kind == WEIR_SIM_LEAK && s->n_live > 1);
	struct formed *f = blocked && s->trace && !s->trace->lost ? look(s, !partial) : NULL;
	uint64_t step = f ? first_stuck(f, s->failure.step) : SIM_NEVER, moved = 0;
	for (size_t i = s->trace ? s->trace->n : 0; f && i > 0 && moved == 0; i--)
		if (s->trace->events[i - 1].kind == SIM_EV_STEP)
			moved = s->trace->events[i - 1].step;
	if (step < moved) /* else it was noticed when it formed */
		say_formed(out, f, step);
	free(f);
}

/* SPDX-License-Identifier: MIT
 *
 * The interleaving, drawn: one row per step, one column per task.
 *
 *  B1  A row is one operation: its STEP together with the RESULT or BLOCK that follows at once. Where the operation did something in
 *      between (a drop that closed a channel), the STEP and the RESULT stand in rows of their own, around it.
 *  B2  With up to COLUMNS tasks each has a column, as wide as its longest text, at least MIN_WIDTH, all together at most what a line of WIDTH
 *      leaves. With more tasks the name of the task stands in the row.
 *  B3  stderr gets the first HEAD and the last TAIL rows: how it began, and how it ended. The report file gets all.
 *  B4  A text that is too long for its column is told again without names, then cut.
 *  B5  Rows that repeat what the PERIOD or fewer rows before them showed, for the third time in a row and more, are left out of stderr with their
 *      count: a loop that polls says nothing new.
 *
 * The last row is the failure itself, in the column of the task that failed. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "../src/core/inspect.h"
#include "report.h"

#define COLUMNS 5
#define WIDTH 150
#define MIN_WIDTH 20
#define LEFT 19 /* step and time */
#define RIGHT 24 /* the site */
#define HEAD 40
#define TAIL 160
#define PERIOD 6

struct row {
	const struct sim_event *step, *end; /* either may be NULL: B1 */
	uint32_t preempted;                 /* task, or SIM_NONE */
	bool repeated;                      /* B5: left out of stderr */
	size_t period, times;               /* on the first row that is left out: what repeats, and how often */
};

struct table {
	struct sim_out *out;
	struct row *rows;
	size_t n, preemptions, switches;
	uint32_t tasks[WEIR_SIM_TASKS], n_tasks; /* that did something */
	size_t width[COLUMNS];
	bool columns;
};

/* ---- the text of an event ---- */

static const char *verb(enum weir_op_kind op)
{
	static const char *const verbs[WEIR_OP_KINDS] = {
		[WEIR_OP_FD] = "wait_fd",	    [WEIR_OP_SEND] = "send",
		[WEIR_OP_TRY_SEND] = "try_send",    [WEIR_OP_RECV] = "recv",
		[WEIR_OP_TRY_RECV] = "try_recv",    [WEIR_OP_TX_CLOSE] = "close_tx",
		[WEIR_OP_RX_CLOSE] = "close_rx",    [WEIR_OP_CLONE] = "clone",
		[WEIR_OP_RX_SHUT] = "shut",	    [WEIR_OP_SELECT] = "select",
		[WEIR_OP_TRY_SELECT] = "try_select", [WEIR_OP_CTX_POLL] = "poll",
		[WEIR_OP_CTX_CANCEL] = "cancel",    [WEIR_OP_CTX_FINI] = "fini",
		[WEIR_OP_SPAWN] = "spawn",	    [WEIR_OP_SCOPE_JOIN] = "join",
		[WEIR_OP_PIPE_DRAIN] = "drain",	    [WEIR_OP_PIPE_CANCEL] = "cancel",
		[WEIR_OP_PIPE_STOP] = "stop",	    [WEIR_OP_PIPE_LEAVE] = "leave",
		[WEIR_OP_PIPE_TURN] = "turn",	    [WEIR_OP_STATS_READ] = "read_stats",
	};
	return verbs[op] ? verbs[op] : "wait";
}

static bool is_send(enum weir_op_kind op)
{
	return op == WEIR_OP_SEND || op == WEIR_OP_TRY_SEND;
}

static bool is_recv(enum weir_op_kind op)
{
	return op == WEIR_OP_RECV || op == WEIR_OP_TRY_RECV;
}

/* The operation itself, without what came of it. */
static void put_operation(struct sim_line *line, const struct sim_event *e, bool names)
{
	switch (e->op) {
	case WEIR_OP_NONE:
		weir__sim_put(line, "wait");
		return;
	case WEIR_OP_START:
		weir__sim_put(line, "starts");
		return;
	case WEIR_OP_EXIT:
		weir__sim_put(line, "exits");
		return;
	case WEIR_OP_YIELD:
		weir__sim_put(line, "yield");
		return;
	case WEIR_OP_JOIN:
		weir__sim_put(line, "join T%u", e->other);
		return;
	case WEIR_OP_SLEEP:
		weir__sim_put(line, "sleep until ");
		weir__sim_put_time(line, e->at);
		return;
	case WEIR_OP_TASK_END:
		weir__sim_put(line, "returns");
		return;
	case WEIR_OP_SELECT:
	case WEIR_OP_TRY_SELECT:
		weir__sim_put(line, names ? "%s(%s)" : "%s", verb(e->op), e->text);
		return;
	default:
		weir__sim_put(line, "%s", verb(e->op));
		if (e->obj.kind == WEIR_OBJ_DEAD)
			return;
		weir__sim_put(line, "(");
		weir__sim_put_ref(line, &e->obj, names);
		weir__sim_put(line, ")");
	}
}

static void put_fill(struct sim_line *line, const struct sim_event *e)
{
	if (e->capacity > 0)
		weir__sim_put(line, " %llu/%llu", (unsigned long long)e->len, (unsigned long long)e->capacity);
}

/* What came of a send or receive, as an operation or as a case. */
static void put_transfer(struct sim_line *line, const struct sim_event *e, bool send, int rc)
{
	if (rc < 0) {
		weir__sim_put(line, " -> ");
		weir__sim_put_code(line, rc);
	} else if (send) {
		weir__sim_put(line, " ok");
		put_fill(line, e);
	} else {
		weir__sim_put(line, rc ? " -> item" : " -> end");
	}
}

static void put_case(struct sim_line *line, const struct sim_event *e, bool names)
{
	weir__sim_put(line, "%s: case %d ", verb(e->op), e->rc);
	if (e->case_kind == WEIR__VIEW_TIMER) {
		weir__sim_put(line, "timer");
	} else if (e->case_kind == WEIR__VIEW_CTX) {
		weir__sim_put_ref(line, &e->obj2, names);
		weir__sim_put(line, " ended");
	} else {
		bool send = e->case_kind == WEIR__VIEW_SEND;
		weir__sim_put(line, send ? "send(" : "recv(");
		weir__sim_put_ref(line, &e->obj2, names);
		weir__sim_put(line, ")");
		put_transfer(line, e, send, e->case_rc);
	}
}

static void put_result(struct sim_line *line, const struct sim_event *e, bool names)
{
	if (e->op == WEIR_OP_SPAWN && e->other != SIM_NONE) {
		weir__sim_put(line, "spawn \"%s\" -> T%u", e->text, e->other);
		return;
	}
	if ((e->op == WEIR_OP_SELECT || e->op == WEIR_OP_TRY_SELECT) && e->rc >= 0) {
		put_case(line, e, names);
		return;
	}
	put_operation(line, e, names);
	if (is_send(e->op) || is_recv(e->op)) {
		put_transfer(line, e, is_send(e->op), e->rc);
	} else if (e->op == WEIR_OP_TASK_END) {
		weir__sim_put(line, " ");
		weir__sim_put_code(line, e->rc);
	} else if (e->rc < 0 || e->op == WEIR_OP_SCOPE_JOIN || e->op == WEIR_OP_PIPE_STOP) {
		weir__sim_put(line, " -> ");
		weir__sim_put_code(line, e->rc);
	} else if (e->op == WEIR_OP_CTX_POLL) {
		weir__sim_put(line, " -> live");
	} else if (e->op == WEIR_OP_SLEEP) {
		weir__sim_put(line, " done");
	}
}

static void put_block(struct sim_line *line, const struct sim_event *e, bool names)
{
	put_operation(line, e, names);
	if (e->op == WEIR_OP_SLEEP)
		return;
	weir__sim_put(line, " BLOCKS%s", e->completion ? " again" : "");
	put_fill(line, e);
	if (e->at != WEIR_FOREVER) {
		weir__sim_put(line, " until ");
		weir__sim_put_time(line, e->at);
	}
}

void weir__sim_put_event(struct sim_line *line, const struct sim_event *e, bool names)
{
	if (e->kind == SIM_EV_NOTE)
		weir__sim_put(line, "note: %s", e->text);
	else if (e->kind == SIM_EV_RESULT)
		put_result(line, e, names);
	else if (e->kind == SIM_EV_BLOCK)
		put_block(line, e, names);
	else
		put_operation(line, e, names);
}

const struct sim_event *weir__sim_last_event(const struct sim *s, uint32_t task)
{
	const struct sim_event *found = NULL;
	for (size_t i = s->trace ? s->trace->n : 0; i > 0 && !found; i--) {
		const struct sim_event *e = &s->trace->events[i - 1];
		if (e->task == task && e->kind != SIM_EV_TIME && e->kind != SIM_EV_NOTE)
			found = e;
	}
	return found;
}

/* Operations whose STEP is all there is. */
static bool ends_with_step(const struct sim_event *e)
{
	return e->op == WEIR_OP_START || e->op == WEIR_OP_JOIN || e->op == WEIR_OP_NONE || e->op == WEIR_OP_YIELD ||
	       e->op == WEIR_OP_CLONE;
}

static void put_row(struct sim_line *line, const struct row *row, bool names)
{
	const struct sim_event *step = row->step, *e = row->end ? row->end : step;
	if (step && step->completion)
		weir__sim_put(line, "woke: ");
	weir__sim_put_event(line, e, names);
	if (!row->end && e->kind == SIM_EV_STEP)
		weir__sim_put(line, "%s", !ends_with_step(e) ? " ..." : e->completion ? " done" : "");
}

/* ---- rows ---- */

static void add_task(struct table *t, uint32_t task)
{
	for (uint32_t i = 0; i < t->n_tasks; i++)
		if (t->tasks[i] == task)
			return;
	assert(t->n_tasks < WEIR_SIM_TASKS);
	uint32_t at = t->n_tasks++;
	for (; at > 0 && t->tasks[at - 1] > task; at--)
		t->tasks[at] = t->tasks[at - 1];
	t->tasks[at] = task;
}

/* B1; false: no memory. */
static bool make_rows(struct table *t, const struct sim_trace *trace)
{
	uint32_t before = SIM_NONE;
	t->rows = calloc(trace->n + 1, sizeof(*t->rows));
	if (!t->rows)
		return false;
	for (size_t i = 0; i < trace->n; i++) {
		const struct sim_event *e = &trace->events[i], *next = i + 1 < trace->n ? e + 1 : NULL;
		struct row *row = &t->rows[t->n++];
		*row = (struct row){.end = e, .preempted = SIM_NONE};
		if (e->kind != SIM_EV_TIME)
			add_task(t, e->task);
		if (e->kind != SIM_EV_STEP)
			continue;
		row->step = e;
		row->end = NULL;
		if (before != SIM_NONE && before != e->task) {
			t->switches++;
			t->preemptions += e->preempts;
			row->preempted = e->preempts ? before : SIM_NONE;
		}
		before = e->task;
		if (next && next->task == e->task && next->op == e->op &&
		    (next->kind == SIM_EV_RESULT || next->kind == SIM_EV_BLOCK)) {
			row->end = next;
			i++;
		}
	}
	return true;
}

static uint32_t column_of(const struct table *t, uint32_t task)
{
	uint32_t i = 0;
	while (i < t->n_tasks && t->tasks[i] != task)
		i++;
	return i;
}

static bool same_event(const struct sim_event *a, const struct sim_event *b)
{
	if (!a || !b)
		return a == b;
	return a->kind != SIM_EV_TIME && a->kind == b->kind && a->task == b->task && a->op == b->op && a->rc == b->rc &&
	       a->completion == b->completion && a->obj.kind == b->obj.kind && a->obj.display == b->obj.display &&
	       a->len == b->len && a->site == b->site && strcmp(a->text, b->text) == 0;
}

static bool same_row(const struct row *a, const struct row *b)
{
	return same_event(a->step, b->step) && same_event(a->end, b->end);
}

/* How many rows from i on repeat the rows one period before. */
static size_t run_length(const struct table *t, size_t i, size_t period)
{
	size_t n = 0;
	while (i + n < t->n && same_row(&t->rows[i + n], &t->rows[i + n - period]))
		n++;
	return n;
}

/* B5 */
static void fold_repeats(struct table *t)
{
	for (size_t i = 1; i < t->n; i++) {
		for (size_t period = 1; period <= PERIOD && period <= i; period++) {
			size_t times = run_length(t, i, period) / period;
			if (times < 3)
				continue;
			t->rows[i].period = period;
			t->rows[i].times = times;
			for (size_t k = 0; k < times * period; k++)
				t->rows[i + k].repeated = true;
			i += times * period - 1;
			break;
		}
	}
}

/* B2 */
static void measure(struct table *t)
{
	size_t most = (WIDTH - LEFT - RIGHT) / (t->n_tasks ? t->n_tasks : 1);
	t->columns = t->n_tasks <= COLUMNS;
	for (uint32_t c = 0; t->columns && c < t->n_tasks; c++)
		t->width[c] = MIN_WIDTH;
	for (size_t i = 0; t->columns && i < t->n; i++) {
		const struct sim_event *e = t->rows[i].end ? t->rows[i].end : t->rows[i].step;
		struct sim_line cell = {.n = 0};
		if (e->kind == SIM_EV_TIME)
			continue;
		uint32_t c = column_of(t, e->task);
		put_row(&cell, &t->rows[i], true);
		if (cell.n + 2 > t->width[c])
			t->width[c] = cell.n + 2 < most ? cell.n + 2 : most;
	}
}

/* ---- drawing ---- */

/* Text cut to width - 1 and filled up to width. */
static void put_cell(struct sim_line *line, const char *text, size_t width)
{
	size_t n = strlen(text);
	if (n < width)
		weir__sim_put(line, "%-*s", (int)width, text);
	else
		weir__sim_put(line, "%.*s~ ", (int)(width - 2), text);
}

static void put_left(struct sim_line *line, uint64_t step, int64_t at)
{
	struct sim_line time = {.n = 0};
	weir__sim_put_time(&time, at);
	weir__sim_put(line, "%6llu  %-9s  ", (unsigned long long)step, time.text);
}

static void trim(struct sim_line *line)
{
	while (line->n > 0 && line->text[line->n - 1] == ' ')
		line->text[--line->n] = '\0';
}

static void draw_header(struct table *t)
{
	struct sim_line line = {.n = 0};
	weir__sim_put(&line, "%6s  %-9s  ", "step", "time");
	for (uint32_t c = 0; t->columns && c < t->n_tasks; c++) {
		struct sim_line name = {.n = 0};
		weir__sim_put_task(&name, t->out->s, t->tasks[c]);
		put_cell(&line, name.text, t->width[c]);
	}
	if (!t->columns)
		put_cell(&line, "task", MIN_WIDTH);
	weir__sim_put(&line, "(%zu preemption%s, %zu switch%s)", t->preemptions, t->preemptions == 1 ? "" : "s", t->switches,
		      t->switches == 1 ? "" : "es");
	weir__sim_say(t->out, SIM_OUT_ALL, "%s", line.text);
}

/* One text in the column of its task (preempted: a mark in the column of another), and a site. */
static void draw_cells(struct table *t, struct sim_line *line, uint32_t task, uint32_t preempted, const char *text, const char *site)
{
	if (t->columns) {
		for (uint32_t c = 0; c < t->n_tasks; c++)
			put_cell(line,
				 t->tasks[c] == task	    ? text
				 : t->tasks[c] == preempted ? "[preempted]"
							    : "",
				 t->width[c]);
	} else {
		struct sim_line name = {.n = 0}, mark = {.n = 0};
		weir__sim_put_task(&name, t->out->s, task);
		if (preempted != SIM_NONE)
			weir__sim_put(&mark, "[T%u preempted]", preempted);
		put_cell(line, name.text, MIN_WIDTH);
		put_cell(line, text, 60);
		put_cell(line, mark.text, 18);
	}
	weir__sim_put(line, "%s", site);
	trim(line);
}

static void draw_time(struct table *t, const struct sim_event *e, enum sim_where where)
{
	struct sim_line line = {.n = 0};
	weir__sim_put(&line, "%6s  ", "");
	weir__sim_put(&line, "%-9s  -- time ", "");
	weir__sim_put_time(&line, e->time_at);
	weir__sim_put(&line, e->early ? " (fired early) --" : " (all tasks waited) --");
	weir__sim_say(t->out, where, "%s", line.text);
}

static void draw_row(struct table *t, const struct row *row, enum sim_where where)
{
	const struct sim_event *e = row->end ? row->end : row->step;
	struct sim_line line = {.n = 0}, text = {.n = 0};
	if (e->kind == SIM_EV_TIME) {
		draw_time(t, e, where);
		return;
	}
	put_row(&text, row, true);
	if (t->columns && text.n >= t->width[column_of(t, e->task)]) { /* B4 */
		text = (struct sim_line){.n = 0};
		put_row(&text, row, false);
	}
	put_left(&line, e->step, e->time_at);
	draw_cells(t, &line, e->task, row->preempted, text.text, weir__sim_line_of(t->out, e->site));
	weir__sim_say(t->out, where, "%s", line.text);
}

static void draw_failure(struct table *t)
{
	const struct sim_failure *f = &t->out->s->failure;
	struct sim_line line = {.n = 0}, text = {.n = 0};
	put_left(&line, f->step, f->time_at);
	weir__sim_put(&text, "** %s", weir_sim_kind_name(f->kind));
	if (f->kind != WEIR_SIM_DEADLOCK)
		weir__sim_put(&text, ": %.120s", f->text);
	else
		weir__sim_put(&text, ": no task can run, and no deadline is left");
	if (f->task != SIM_NONE && f->kind != WEIR_SIM_DEADLOCK)
		for (uint32_t c = 0; t->columns && c < t->n_tasks && t->tasks[c] < f->task; c++)
			weir__sim_put(&line, "%*s", (int)t->width[c], "");
	weir__sim_put(&line, "%s", text.text); /* over the columns to its right: they are empty from here on */
	weir__sim_say(t->out, SIM_OUT_ALL, "%s", line.text);
}

/* B3, B5: how many rows stderr would get, a mark for repeats being one. */
static size_t count_shown(const struct table *t)
{
	size_t n = 0;
	for (size_t i = 0; i < t->n; i++)
		n += !t->rows[i].repeated || t->rows[i].times > 0;
	return n;
}

static void say_repeats(struct table *t, const struct row *row)
{
	if (row->period == 1)
		weir__sim_say(t->out, SIM_OUT_ERR, "        ... the row above %zu times more", row->times);
	else
		weir__sim_say(t->out, SIM_OUT_ERR, "        ... the %zu rows above %zu times more", row->period, row->times);
}

static void draw_rows(struct table *t)
{
	size_t shown = count_shown(t), at = 0;
	for (size_t i = 0; i < t->n; i++) {
		const struct row *row = &t->rows[i];
		bool mark = row->times > 0, left_out = shown > HEAD + TAIL && at >= HEAD && at < shown - TAIL;
		if (left_out && at == HEAD && (mark || !row->repeated))
			weir__sim_say(t->out, SIM_OUT_ERR, "        ... %zu rows left out (%s)", shown - HEAD - TAIL,
				      t->out->file ? "the report file has them" : "a report file would have them");
		if (mark && !left_out)
			say_repeats(t, row);
		draw_row(t, row, left_out || row->repeated ? SIM_OUT_FILE : SIM_OUT_ALL);
		at += mark || !row->repeated;
	}
}

void weir__sim_report_table(struct sim_out *out)
{
	struct table t = {.out = out};
	if (!out->s->trace || out->s->trace->n == 0)
		return;
	if (!make_rows(&t, out->s->trace)) {
		weir__sim_say(out, SIM_OUT_ALL, "(no memory to draw the interleaving)");
		return;
	}
	fold_repeats(&t);
	measure(&t);
	draw_header(&t);
	draw_rows(&t);
	if (out->s->trace->lost)
		weir__sim_say(out, SIM_OUT_ALL, "   ... what came then was lost: no memory");
	draw_failure(&t);
	free(t.rows);
}

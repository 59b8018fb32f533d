/* SPDX-License-Identifier: MIT
 *
 * The interleaving, drawn: one row per step, one column per task.
 *
 *  B1  A row is one operation: its STEP together with the RESULT or BLOCK that follows at once. Where the operation
 *      did something in between (a drop that closed a channel), the STEP and the RESULT stand in rows of their own,
 *      around it.
 *  B2  With up to COLUMNS tasks each has a column, as wide as its longest text, at least MIN_WIDTH, all together at
 *      most what a line of SIM_REPORT_WIDTH leaves. With more tasks the name of the task stands in the row. The line of
 *      the user's program stands in front, so that it is at the same place for every task.
 *  B3  stderr gets the first HEAD and the last TAIL rows: how it began, and how it ended. The report file gets all.
 *  B4  Where the texts are too long for their columns, then in all rows alike selects lose their cases, names of
 *      objects are cut, then left out; at last the widest columns cut their texts.
 *  B5  Where the same rows, at most PERIOD of them, come again three times or more, stderr gets them once, and a count:
 *      a loop that polls says nothing new.
 *  B6  What is nobody's begins where the columns begin to be somebody's: the clock, a deadlock. A clock that moves
 *      early has a step of its own; one that moves because all tasks wait has none.
 *
 * The last row is the failure itself, in the column of the task that failed; of nondeterminism it is the step from
 * which on the run before was another one. Below the table stands what its notation means, as far as it occurs. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "../src/core/inspect.h"
#include "report.h"

#define COLUMNS 5
#define MIN_WIDTH 14
#define TIME_WIDTH 13  /* the longest time that is likely; longer ones stand out */
#define WHERE_WIDTH 20 /* of a longer site only the end is shown */
#define GAP 2
#define LEFT(time, where) (6 + GAP + (time) + GAP + (where) + GAP)
_Static_assert(COLUMNS *MIN_WIDTH <= SIM_REPORT_WIDTH - LEFT(TIME_WIDTH, WHERE_WIDTH), "there is room for all columns");
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
	size_t width[COLUMNS], time, where;
	int name_cap; /* B4 */
	bool columns, names, no_cases;
	bool cut; /* "~" occurs */
};

/* ---- the text of an event ---- */

static const char *verb(enum weir_op_kind op)
{
	static const char *const verbs[WEIR_OP_KINDS] = {
		[WEIR_OP_FD] = "wait_fd",
		[WEIR_OP_SEND] = "send",
		[WEIR_OP_TRY_SEND] = "try_send",
		[WEIR_OP_RECV] = "recv",
		[WEIR_OP_TRY_RECV] = "try_recv",
		[WEIR_OP_TX_CLOSE] = "close_tx",
		[WEIR_OP_RX_CLOSE] = "close_rx",
		[WEIR_OP_CLONE] = "clone",
		[WEIR_OP_RX_SHUT] = "shut",
		[WEIR_OP_SELECT] = "select",
		[WEIR_OP_TRY_SELECT] = "try_select",
		[WEIR_OP_CTX_POLL] = "poll",
		[WEIR_OP_CTX_CANCEL] = "cancel",
		[WEIR_OP_CTX_FINI] = "fini",
		[WEIR_OP_SPAWN] = "spawn",
		[WEIR_OP_SCOPE_JOIN] = "join",
		[WEIR_OP_PIPE_DRAIN] = "drain",
		[WEIR_OP_PIPE_CANCEL] = "cancel",
		[WEIR_OP_PIPE_STOP] = "stop",
		[WEIR_OP_PIPE_LEAVE] = "leave",
		[WEIR_OP_PIPE_TURN] = "turn",
		[WEIR_OP_CHAN_STATS] = "stats",
		[WEIR_OP_STATS_ADD] = "count",
		[WEIR_OP_STATS_READ] = "read_stats",
		[WEIR_OP_FD_READ] = "read",
		[WEIR_OP_FD_WRITE] = "write",
		[WEIR_OP_FD_ACCEPT] = "accept",
		[WEIR_OP_FD_SHUT] = "shut",
		[WEIR_OP_FD_CLOSE] = "close",
		[WEIR_OP_SIGNALS_OPEN] = "signals_open",
		[WEIR_OP_SIGNALS_NEXT] = "signals_next",
		[WEIR_OP_FD_CONNECT] = "connect",
		[WEIR_OP_SIGNAL_RAISE] = "raise",
	};
	return verbs[op] ? verbs[op] : weir__sim_sync_verb((int)op);
}

const char *weir__sim_verb(uint8_t op)
{
	return verb(op);
}

static bool is_send(enum weir_op_kind op)
{
	return op == WEIR_OP_SEND || op == WEIR_OP_TRY_SEND;
}

static bool is_recv(enum weir_op_kind op)
{
	return op == WEIR_OP_RECV || op == WEIR_OP_TRY_RECV;
}

/* The list of cases, with the names in it treated as everywhere. */
static void put_cases(struct sim_line *line, const char *text, bool names)
{
	while (*text) {
		size_t plain = strcspn(text, " \"");
		const char *name = strncmp(text + plain, " \"", 2) == 0 ? text + plain + 2 : NULL;
		const char *end = name ? strchr(name, '"') : NULL;
		struct sim_trace_ref ref = {.kind = WEIR_OBJ_DEAD};
		if (!end) {
			plain += strspn(text + plain, " \"");
			weir__sim_put(line, "%.*s", (int)plain, text);
			text += plain;
			continue;
		}
		weir__sim_put(line, "%.*s", (int)plain, text);
		snprintf(ref.name, sizeof(ref.name), "%.*s", (int)(end - name), name);
		weir__sim_put_name(line, &ref, names);
		text = end + 1;
	}
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
		weir__sim_put(line, e->at == WEIR_FOREVER ? "sleep " : "sleep until ");
		weir__sim_put_time(line, e->at);
		return;
	case WEIR_OP_TASK_END:
		weir__sim_put(line, "returns");
		return;
	case WEIR_OP_SELECT:
	case WEIR_OP_TRY_SELECT:
		weir__sim_put(line, "%s", verb(e->op));
		if (e->kind == SIM_EV_RESULT || line->no_cases) /* said when it began */
			return;
		weir__sim_put(line, "(");
		put_cases(line, e->text, names);
		weir__sim_put(line, ")");
		return;
	default:
		weir__sim_put(line, "%s", verb(e->op));
		if (e->obj.kind == WEIR_OBJ_DEAD)
			return;
		weir__sim_put(line, "(");
		weir__sim_put_ref(line, &e->obj, names);
		weir__sim_put(line, e->op == WEIR_OP_FD ? " %s)" : "%.0s)", e->text); /* for what */
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
	} else if (e->case_kind == WEIR__VIEW_TICKER) {
		weir__sim_put(line, "ticker, %d due", e->case_rc);
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
	if (e->ready > 1)
		weir__sim_put(line, " (%u ready)", e->ready);
}

static void put_result(struct sim_line *line, const struct sim_event *e, bool names)
{
	if (e->op == WEIR_OP_SPAWN && e->other != SIM_NONE) {
		struct sim_trace_ref named = {.kind = WEIR_OBJ_DEAD};
		snprintf(named.name, sizeof(named.name), "%.23s", e->text);
		weir__sim_put(line, "spawn");
		weir__sim_put_name(line, &named, names);
		weir__sim_put(line, " -> T%u", e->other);
		return;
	}
	if ((e->op == WEIR_OP_SELECT || e->op == WEIR_OP_TRY_SELECT) && e->rc >= 0) {
		put_case(line, e, names);
		return;
	}
	if (e->op == WEIR_OP_SLEEP)
		weir__sim_put(line, e->rc < 0 ? "sleep" : "sleep over");
	else
		put_operation(line, e, names);
	if (is_send(e->op) || is_recv(e->op)) {
		put_transfer(line, e, is_send(e->op), e->rc);
	} else if (e->op == WEIR_OP_TASK_END) {
		weir__sim_put(line, " ");
		weir__sim_put_code(line, e->rc);
	} else if (e->rc < 0 || e->op == WEIR_OP_SCOPE_JOIN || e->op == WEIR_OP_PIPE_STOP) {
		weir__sim_put(line, " -> ");
		weir__sim_put_code(line, e->rc);
	} else if (e->op == WEIR_OP_FD_READ || e->op == WEIR_OP_FD_WRITE) {
		weir__sim_put(line, e->rc ? " %d byte%s" : " -> end", e->rc, e->rc == 1 ? "" : "s");
	} else if (e->op == WEIR_OP_SIGNALS_NEXT) {
		weir__sim_put(line, " -> signal %d", e->rc);
	} else if (e->op == WEIR_OP_CTX_POLL) {
		weir__sim_put(line, " -> live");
	} else if (e->drops > 0) {
		weir__sim_put(line, " drops %llu", (unsigned long long)e->drops);
	} else {
		weir__sim_put_sync_result(line, e);
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
	       a->other == b->other && a->completion == b->completion && a->obj.kind == b->obj.kind &&
	       a->obj.display == b->obj.display && a->len == b->len && a->drops == b->drops && a->ready == b->ready &&
	       a->case_rc == b->case_rc && a->site == b->site && strcmp(a->text, b->text) == 0;
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

static const struct sim_event *event_of(const struct row *row)
{
	return row->end ? row->end : row->step;
}

/* With the names as they are set; the sum of the columns. */
static size_t measure_columns(struct table *t)
{
	size_t sum = 0;
	for (uint32_t c = 0; c < t->n_tasks; c++) {
		struct sim_line name = {.n = 0};
		weir__sim_put_task(&name, t->out->s, t->tasks[c]);
		bool whole = t->name_cap == 0 && t->names;
		t->width[c] = whole && name.n + GAP > MIN_WIDTH ? name.n + GAP : MIN_WIDTH;
	}
	for (size_t i = 0; i < t->n; i++) {
		const struct sim_event *e = event_of(&t->rows[i]);
		struct sim_line cell = {.name_cap = t->name_cap, .no_cases = t->no_cases};
		if (e->kind == SIM_EV_TIME)
			continue;
		put_row(&cell, &t->rows[i], t->names);
		uint32_t c = column_of(t, e->task);
		if (cell.n + GAP > t->width[c])
			t->width[c] = cell.n + GAP;
	}
	for (uint32_t c = 0; c < t->n_tasks; c++)
		sum += t->width[c];
	return sum;
}

/* B2, B4 */
static void fit_columns(struct table *t)
{
	static const int caps[] = {0, 0, 12, 8, 5};
	size_t n = sizeof(caps) / sizeof(caps[0]), room = SIM_REPORT_WIDTH - LEFT(t->time, t->where), sum = SIZE_MAX;
	for (size_t i = 0; i <= n && sum > room; i++) {
		t->no_cases = i > 0;
		t->names = i < n;
		t->name_cap = i < n ? caps[i] : 0;
		sum = measure_columns(t);
	}
	t->cut = t->name_cap > 0;
	for (; sum > room; sum--) { /* the widest gives way */
		size_t *widest = &t->width[0];
		for (uint32_t c = 1; c < t->n_tasks; c++)
			widest = t->width[c] > *widest ? &t->width[c] : widest;
		--*widest;
	}
}

static void measure(struct table *t)
{
	t->time = strlen("time");
	t->where = strlen("where");
	for (size_t i = 0; i <= t->n; i++) {
		const struct sim_failure *f = &t->out->s->failure;
		const struct sim_event *e = i < t->n ? event_of(&t->rows[i]) : NULL;
		size_t where = strlen(weir__sim_line_of(t->out, e ? e->site : f->site));
		struct sim_line time = {.n = 0};
		weir__sim_put_time(&time, e ? e->time_at : f->time_at);
		t->time = time.n > t->time ? time.n : t->time;
		t->where = where > t->where ? where : t->where;
	}
	t->time = t->time < TIME_WIDTH ? t->time : TIME_WIDTH;
	t->where = t->where < WHERE_WIDTH ? t->where : WHERE_WIDTH;
	t->names = true;
	t->columns = t->n_tasks <= COLUMNS;
	if (t->columns)
		fit_columns(t);
}

/* ---- drawing ---- */

/* Text cut to what leaves a gap, and filled up to width. */
static void put_cell(struct table *t, struct sim_line *line, const char *text, size_t width)
{
	bool fits = strlen(text) + GAP <= width;
	assert(width > GAP);
	if (fits)
		weir__sim_put(line, "%-*s", (int)width, text);
	else
		weir__sim_put(line, "%.*s~%*s", (int)(width - GAP - 1), text, GAP, "");
	t->cut |= !fits;
}

/* step NULL: none */
static void put_left(struct table *t, struct sim_line *line, const uint64_t *step, int64_t at)
{
	struct sim_line time = {.n = 0};
	weir__sim_put_time(&time, at);
	if (step)
		weir__sim_put(line, "%6llu", (unsigned long long)*step);
	else
		weir__sim_put(line, "%6s", "");
	weir__sim_put(line, "%*s%-*s%*s", GAP, "", (int)t->time, time.text, GAP, "");
}

static void put_where(struct table *t, struct sim_line *line, const void *site)
{
	const char *text = weir__sim_line_of(t->out, site);
	size_t n = strlen(text);
	if (n > t->where)
		weir__sim_put(line, "~%s%*s", text + n - t->where + 1, GAP, "");
	else
		weir__sim_put(line, "%-*s%*s", (int)t->where, text, GAP, "");
}

static void draw_header(struct table *t)
{
	struct sim_line line = {.n = 0};
	weir__sim_say(t->out, SIM_OUT_ALL, "The schedule (%zu preemption%s, %zu switch%s):", t->preemptions,
		      t->preemptions == 1 ? "" : "s", t->switches, t->switches == 1 ? "" : "es");
	weir__sim_put(&line, "%6s%*s%-*s%*s%-*s%*s", "step", GAP, "", (int)t->time, "time", GAP, "", (int)t->where,
		      "where", GAP, "");
	for (uint32_t c = 0; t->columns && c < t->n_tasks; c++) {
		struct sim_line name = {.n = 0};
		weir__sim_put_task(&name, t->out->s, t->tasks[c]);
		put_cell(t, &line, name.text, t->width[c]);
	}
	if (!t->columns)
		weir__sim_put(&line, "task");
	weir__sim_say(t->out, SIM_OUT_ALL, "%s", line.text);
}

/* One text in the column of its task; preempted: a mark in the column of another. */
static void draw_cells(struct table *t, struct sim_line *line, uint32_t task, uint32_t preempted, const char *text)
{
	if (t->columns) {
		for (uint32_t c = 0; c < t->n_tasks; c++)
			put_cell(t, line,
				 t->tasks[c] == task        ? text
				 : t->tasks[c] == preempted ? "[preempted]"
							    : "",
				 t->width[c]);
	} else {
		struct sim_line name = {.n = 0};
		weir__sim_put_task(&name, t->out->s, task);
		put_cell(t, line, name.text, 18);
		put_cell(t, line, text, 56);
		if (preempted != SIM_NONE)
			weir__sim_put(line, "[T%u preempted]", preempted);
	}
}

/* B6 */
static void draw_time(struct table *t, const struct sim_event *e, enum sim_where where)
{
	struct sim_line line = {.n = 0};
	put_left(t, &line, e->early ? &e->step : NULL, e->time_at);
	weir__sim_put(&line, "-- time moves to ");
	weir__sim_put_time(&line, e->time_at);
	weir__sim_put(&line, e->early ? " (fired early) --" : " (all tasks waited) --");
	weir__sim_say(t->out, where, "%s", line.text);
}

static void draw_row(struct table *t, const struct row *row, enum sim_where where)
{
	const struct sim_event *e = event_of(row);
	struct sim_line line = {.n = 0}, text = {.name_cap = t->name_cap, .no_cases = t->no_cases};
	if (e->kind == SIM_EV_TIME) {
		draw_time(t, e, where);
		return;
	}
	put_row(&text, row, t->names);
	put_left(t, &line, &e->step, e->time_at);
	put_where(t, &line, e->site);
	draw_cells(t, &line, e->task, row->preempted, text.text);
	weir__sim_say(t->out, where, "%s", line.text);
}

/* B6 */
static bool is_nobodys(const struct sim_failure *f)
{
	return f->task == SIM_NONE || f->kind == WEIR_SIM_DEADLOCK || f->kind == WEIR_SIM_LIVELOCK ||
	       f->kind == WEIR_SIM_STEP_LIMIT || f->kind == WEIR_SIM_NONDETERMINISM;
}

static void draw_failure(struct table *t)
{
	const struct sim_failure *f = &t->out->s->failure;
	const char *where = weir__sim_line_of(t->out, f->site);
	size_t n = where[0] && strncmp(f->text, where, strlen(where)) == 0 ? strlen(where) : 0;
	bool nobody = f->kind == WEIR_SIM_DEADLOCK &&
		      strstr(f->text, "for ever: "); /* not a cycle, nor a partial one */
	const char *what = nobody                                    ? "no task can run, and no deadline is left"
			   : f->kind == WEIR_SIM_NONDETERMINISM      ? "from here on the first run was another one"
			   : n && strncmp(f->text + n, ": ", 2) == 0 ? f->text + n + 2 /* the line stands in front */
								     : f->text;
	struct sim_line line = {.n = 0};
	put_left(t, &line, &f->step, f->time_at);
	if (!is_nobodys(f)) {
		struct sim_line name = {.n = 0};
		put_where(t, &line, f->site);
		for (uint32_t c = 0; t->columns && c < t->n_tasks && t->tasks[c] < f->task; c++)
			weir__sim_put(&line, "%*s", (int)t->width[c], "");
		weir__sim_put_task(&name, t->out->s, f->task);
		if (!t->columns)
			put_cell(t, &line, name.text, 18);
	}
	weir__sim_put(&line, "** %s: %s", weir_sim_kind_name(f->kind), what); /* the cells to its right are empty */
	if (line.n > SIM_REPORT_WIDTH) {
		line.n = SIM_REPORT_WIDTH - 1;
		weir__sim_put(&line, "~");
	}
	weir__sim_say(t->out, SIM_OUT_ALL, "%s", line.text);
}

/* Whether the text of any row has this notation. */
static bool occurs(const struct table *t, bool (*has)(const struct row *row))
{
	for (size_t i = 0; i < t->n; i++)
		if (has(&t->rows[i]))
			return true;
	return false;
}

static bool has_woke(const struct row *row)
{
	return row->step && row->step->completion;
}

static bool has_fill(const struct row *row)
{
	const struct sim_event *e = event_of(row);
	bool sends = is_send(e->op) || (e->op == WEIR_OP_SELECT && e->case_kind == WEIR__VIEW_SEND);
	return e->capacity > 0 && (e->kind == SIM_EV_BLOCK || (e->kind == SIM_EV_RESULT && sends && e->rc >= 0));
}

static bool has_early(const struct row *row)
{
	return event_of(row)->kind == SIM_EV_TIME && event_of(row)->early;
}

static bool has_ready(const struct row *row)
{
	return event_of(row)->ready > 1;
}

static bool has_inside(const struct row *row)
{
	return row->step && !row->end && !ends_with_step(row->step);
}

static void say_notation(struct table *t)
{
	const char *texts[] = {
		t->preemptions ? "[preempted] = could have gone on" : "",
		occurs(t, has_woke) ? "woke: = goes on after it had blocked" : "",
		occurs(t, has_fill) ? "1/2 = items buffered after it / capacity" : "",
		occurs(t, has_ready) ? "(2 ready) = select could have taken either" : "",
		occurs(t, has_inside) ? "... = what follows happened inside of it" : "",
		occurs(t, has_early) ? "fired early = time moved although a task could run" : "",
		t->cut ? "~ = cut short" : "",
		t->names ? "" : "names of objects: no room for them",
	};
	weir__sim_say_legend(t->out, "legend: ", texts, sizeof(texts) / sizeof(texts[0]));
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
		weir__sim_say(t->out, SIM_OUT_ERR, "        ... the %zu rows above %zu times more", row->period,
			      row->times);
}

static void draw_rows(struct table *t)
{
	const struct sim_failure *f = &t->out->s->failure;
	size_t shown = count_shown(t), at = 0;
	bool inside = f->kind == WEIR_SIM_NONDETERMINISM; /* the failure stands between rows */
	for (size_t i = 0; i < t->n; i++) {
		const struct row *row = &t->rows[i];
		if (inside && event_of(row)->step >= f->step) {
			inside = false;
			draw_failure(t);
		}
		bool mark = row->times > 0, left_out = shown > HEAD + TAIL && at >= HEAD && at < shown - TAIL;
		if (left_out && at == HEAD && (mark || !row->repeated))
			weir__sim_say(t->out, SIM_OUT_ERR, "        ... %zu rows left out (%s)", shown - HEAD - TAIL,
				      t->out->file ? "the report file has them" : "a report file would have them");
		if (mark && !left_out)
			say_repeats(t, row);
		draw_row(t, row, left_out || row->repeated ? SIM_OUT_FILE : SIM_OUT_ALL);
		at += mark || !row->repeated;
	}
	if (inside)
		draw_failure(t);
}

size_t weir__sim_preemptions(const struct sim_trace *trace)
{
	uint32_t before = SIM_NONE;
	size_t n = 0;
	for (size_t i = 0; trace && i < trace->n; i++) {
		const struct sim_event *e = &trace->events[i];
		if (e->kind != SIM_EV_STEP)
			continue;
		n += before != SIM_NONE && before != e->task && e->preempts;
		before = e->task;
	}
	return n;
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
	if (out->s->failure.kind != WEIR_SIM_NONDETERMINISM)
		draw_failure(&t);
	say_notation(&t);
	free(t.rows);
}

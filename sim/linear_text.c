/* SPDX-License-Identifier: MIT
 *
 * Why a history is not linearizable, for people: the calls and returns in one column per task down to the return that
 * no order explains, an order that explains everything before it, and what the model would have given instead.
 *
 *  X1  Bounded, whatever the history is: the last ROWS rows, the last ORDER operations of the order, EXPECTED
 *      different answers of the model, all cut at the caller's room.
 *  X2  What it says is what the search found (linear.c, V6). */
#include "linear.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <weir/core/err.h>

#include "engine.h"

#define ROWS 40
#define ORDER 16
#define EXPECTED 6
#define COLUMNS 12 /* of tasks; others have their number in the row */
#define WIDTH 30
#define TEXT 64

struct text {
	char *at;
	size_t room;
};

static WEIR_PRINTF(2, 3) void put(struct text *t, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(t->at, t->room, fmt, args);
	va_end(args);
	size_t used = n < 0 ? 0 : (size_t)n < t->room ? (size_t)n : t->room - 1;
	t->at += used;
	t->room -= used;
}

static void put_numbers(const struct weir_sim_args *a, char *text, size_t cap)
{
	size_t last = 4;
	struct text t = {text, cap};
	while (last > 1 && a->v[last - 1] == 0)
		last--;
	for (size_t i = 0; i < last; i++)
		put(&t, "%s%lld", i ? ", " : "", (long long)a->v[i]);
}

void weir__linear_put_call(const struct weir_sim_model *m, const struct weir_sim_op *op, char *text, size_t cap)
{
	char numbers[TEXT];
	text[0] = '\0';
	if (m->put_call) {
		m->put_call(op, text, cap, m->arg);
		return;
	}
	put_numbers(&op->in, numbers, sizeof(numbers));
	snprintf(text, cap, "op%u(%s)", op->op, numbers);
}

void weir__linear_put_result(const struct weir_sim_model *m, const struct weir_sim_op *op, char *text, size_t cap)
{
	text[0] = '\0';
	if (!weir_sim_op_returned(op))
		snprintf(text, cap, "never returned");
	else if (m->put_result)
		m->put_result(op, text, cap, m->arg);
	else
		put_numbers(&op->out, text, cap);
}

static void put_task(struct text *t, const struct weir_sim_op *op)
{
	put(t, "T%u%s%.16s", op->task, op->who && op->who[0] ? " " : "", op->who ? op->who : "");
}

/* "pop() -> 3 of T1 consumer" */
static void put_op(struct text *t, const struct linear *l, uint32_t id)
{
	char call[TEXT], result[TEXT];
	weir__linear_put_call(l->model, &l->ops[id], call, sizeof(call));
	weir__linear_put_result(l->model, &l->ops[id], result, sizeof(result));
	put(t, "%s -> %s of ", call, result);
	put_task(t, &l->ops[id]);
}

/* ---- the columns ---- */

struct columns {
	uint32_t task[COLUMNS];
	const struct weir_sim_op *op[COLUMNS]; /* one of the task, for its name */
	uint32_t open[COLUMNS];                /* calls without their returns so far */
	size_t n;
	int width;
};

static size_t column_of(const struct columns *c, uint32_t task)
{
	size_t i = 0;
	while (i < c->n && c->task[i] != task)
		i++;
	return i;
}

/* The tasks of the part by number, as many as there is room for. */
static void find_columns(const struct linear *l, size_t end, struct columns *c)
{
	for (size_t i = 0; i < end; i++) {
		const struct weir_sim_op *op = &l->ops[l->events[i].op];
		size_t k = c->n;
		if (column_of(c, op->task) < c->n || c->n == COLUMNS)
			continue;
		for (; k > 0 && c->task[k - 1] > op->task; k--) {
			c->task[k] = c->task[k - 1];
			c->op[k] = c->op[k - 1];
		}
		c->task[k] = op->task;
		c->op[k] = op;
		c->n++;
	}
	c->width = c->n <= 4 ? WIDTH : c->n <= 6 ? 20 : 14;
}

static void put_cell(const struct linear *l, const struct linear_event *e, char *text, size_t cap)
{
	if (!e->is_return) {
		weir__linear_put_call(l->model, &l->ops[e->op], text, cap);
		return;
	}
	memcpy(text, "-> ", 3);
	weir__linear_put_result(l->model, &l->ops[e->op], text + 3, cap - 3);
}

/* Without the blanks at its end. */
static void end_line(struct text *t, const char *from)
{
	while (t->at > from && t->at[-1] == ' ') {
		*--t->at = '\0';
		t->room++;
	}
	put(t, "\n");
}

static void put_row(struct text *t, const struct linear *l, struct columns *c, size_t i, bool shown)
{
	const char *from = t->at;
	const struct linear_event *e = &l->events[i];
	const struct weir_sim_op *op = &l->ops[e->op];
	size_t mine = column_of(c, op->task);
	uint64_t step = e->is_return ? op->to_step : op->from_step;
	char cell[TEXT];
	if (e->is_return && mine < c->n)
		c->open[mine]--;
	put_cell(l, e, cell, sizeof(cell));
	if (shown) {
		put(t, "  %8llu ", (unsigned long long)(step ? step : e->at));
		for (size_t k = 0; k < c->n; k++)
			put(t, " %-*.*s", c->width, c->width - 1, k == mine ? cell : c->open[k] ? "|" : "");
		if (mine == c->n)
			put(t, " T%u: %s", op->task, cell);
		put(t, "%s", i == l->end ? " <-- fits nowhere" : "");
		end_line(t, from);
	}
	if (!e->is_return && mine < c->n)
		c->open[mine]++;
}

static void put_columns(struct text *t, const struct linear *l, size_t end)
{
	struct columns c = {.n = 0};
	size_t from = end > ROWS ? end - ROWS : 0; /* X1 */
	const char *first = t->at;
	find_columns(l, end, &c);
	put(t, "  %8s ", l->ops[l->events[0].op].from_step ? "step" : "time");
	for (size_t k = 0; k < c.n; k++) {
		char name[TEXT];
		struct text n = {name, sizeof(name)};
		put_task(&n, c.op[k]);
		put(t, " %-*.*s", c.width, c.width - 1, name);
	}
	end_line(t, first);
	if (from > 0)
		put(t, "           ... %zu calls and returns before\n", from);
	for (size_t i = 0; i < end; i++)
		put_row(t, l, &c, i, i >= from);
	if (l->n_events_all > end)
		put(t, "           ... %zu more, which make no difference\n", l->n_events_all - end);
}

/* ---- the order, and what the model says ---- */

static void put_order(struct text *t, const struct linear *l)
{
	uint32_t last[ORDER]; /* from the end */
	size_t n = 0;
	for (uint32_t i = l->best; weir__linear_config(l, i)->parent != LINEAR_NONE;
	     i = weir__linear_config(l, i)->parent, n++)
		if (n < ORDER)
			last[n] = weir__linear_config(l, i)->via;
	put(t, "Everything before it is explained, for instance in this order%s:\n",
	    n == 0      ? ": nothing has taken effect"
	    : n > ORDER ? " (the end of it)"
			: "");
	for (size_t k = n > ORDER ? ORDER : n; k > 0; k--) {
		put(t, "    ");
		put_op(t, l, last[k - 1]);
		put(t, last[k - 1] == l->events[l->end].op ? ", but with another result\n" : "\n");
	}
}

static void put_expected(struct text *t, const struct linear *l, size_t end)
{
	const struct weir_sim_model *m = l->model;
	const struct weir_sim_op *op = &l->ops[l->events[end].op];
	char lines[EXPECTED][2 * TEXT];
	size_t n = 0, more = 0;
	if (!m->put_expected && !m->put_state)
		return;
	put(t, m->put_expected ? "What the model would have given:\n" : "What the model has then:\n");
	for (size_t i = 0; i < l->n_configs; i++) {
		struct linear_config *c = weir__linear_config(l, i);
		char state[TEXT] = "", wanted[TEXT] = "", line[2 * TEXT];
		size_t k = 0;
		if (l->before == LINEAR_NONE ? c->at != end : i != l->before)
			continue;
		if (m->put_state)
			m->put_state(weir__linear_state(l, c), state, sizeof(state), m->arg);
		if (m->put_expected)
			m->put_expected(weir__linear_state(l, c), op, wanted, sizeof(wanted), m->arg);
		snprintf(line, sizeof(line), "%s%.40s%s%s", m->put_state ? "state " : "", state,
			 m->put_state && m->put_expected ? ": " : "", wanted);
		while (k < n && strcmp(lines[k], line) != 0)
			k++;
		if (k < n)
			continue;
		if (n == EXPECTED)
			more++;
		else
			memcpy(lines[n++], line, sizeof(line));
	}
	assert(n > 0); /* the best one is there */
	for (size_t k = 0; k < n; k++)
		put(t, "    %s\n", lines[k]);
	if (more > 0)
		put(t, "    ... and in %zu more states\n", more);
}

void weir__linear_explain(const struct linear *l, char *text, size_t cap)
{
	size_t end = l->end;
	struct text t = {text, cap};
	assert(end < l->n_events && l->events[end].is_return);
	put(&t, "No order of the operations explains ");
	put_op(&t, l, l->events[end].op);
	put(&t, l->model->name ? " (%s).\n" : "%s.\n", l->model->name ? l->model->name : "");
	put_columns(&t, l, end + 1);
	put_order(&t, l);
	put_expected(&t, l, end);
}

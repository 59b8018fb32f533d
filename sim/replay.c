/* SPDX-License-Identifier: MIT
 *
 * Schedules as text.
 *
 * A schedule is told by where it left the default policy (the current task while it can run, else the lowest index; 0
 * for data), because that is short, survives small changes of the scenario, and can be edited by hand:
 *
 *   s1.NAME.HASH:LIST      LIST is "-", or items with commas between them
 *   12>2                   at step 12 task 2 goes on
 *   12>2@send.ch1          ... and performs this: what is expected there, so that a replay that has left its way says
 *                          where, and does not go on as if it were one
 *   51>t                   at step 51 time moves on although tasks can run
 *   c3=1                   the data choice after three others is 1
 *   f7                     the 7th allocation fails
 *   p2                     the 2nd spawn fails
 *   i4, i4=2               the 4th call on a descriptor goes wrong, in the 2nd way it can
 *   w3                     the 3rd park returns for no reason
 *   u1                     the 1st weir_sim_fault is true
 *
 *  Y1  What encode writes, decode reads back to the same items in the same order; what decode reads is what encode
 *      would have written: no leading zeros, no item that says nothing. One schedule has one text, but for what is
 *      expected, which may be left out: it is what the first EXPECTED picks get, so a string stays short, and strings
 *      that were written before there was any are read as they were.
 *  Y2  `at` ascends among the picks, among the data choices, and among the faults of each kind. All stand in the order
 *      in which they were made.
 *  Y3  Any other text is WEIR_EINVAL. Nothing of `out` is touched then, and nothing stays allocated.
 *
 * HASH is the low 16 bits of the schedule's hash, in hex: a replay that ends with another one ran something else.
 * NAME is the scenario's, with "_" for what would need quoting in a shell.
 *
 * Not in here: what is done with a schedule that does not fit the scenario (strategy_replay.c), because only a run
 * can tell. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

#define EXPECTED 24

/* ---- writing ---- */

struct text {
	char *buf;
	size_t cap, len; /* len: without limit */
	bool items;
	unsigned expected; /* picks that were written */
};

static void put(struct text *t, const char *bytes, size_t n)
{
	assert(t->buf || t->cap == 0);
	for (size_t i = 0; i < n; i++, t->len++)
		if (t->len + 1 < t->cap)
			t->buf[t->len] = bytes[i];
}

static WEIR_PRINTF(2, 3) void put_item(struct text *t, const char *fmt, ...)
{
	char item[96];
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(item, sizeof(item), fmt, args);
	va_end(args);
	assert(n > 0 && (size_t)n < sizeof(item)); /* two numbers of at most 20 digits, and what is expected */
	if (t->items)
		put(t, ",", 1);
	put(t, item, (size_t)n);
	t->items = true;
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static void put_name(struct text *t, const char *name)
{
	size_t n = strnlen(name, sizeof(((struct sim_replay *)0)->name) - 1);
	for (size_t i = 0; i < n; i++)
		put(t, is_name_char(name[i]) ? &name[i] : "_", 1);
}

void weir__sim_expect_text(char out[SIM_EXPECT_TEXT], uint8_t op, const struct sim_trace_ref *obj)
{
	const char *verb = op == WEIR_OP_START      ? "start"
			   : op == WEIR_OP_YIELD    ? "yield"
			   : op == WEIR_OP_JOIN     ? "join"
			   : op == WEIR_OP_SLEEP    ? "sleep"
			   : op == WEIR_OP_TASK_END ? "end"
						    : weir__sim_verb(op);
	struct sim_line line = {.n = 0};
	weir__sim_put(&line, obj->kind == WEIR_OBJ_DEAD ? "%s" : "%s.", verb);
	weir__sim_put_ref(&line, obj, false);
	snprintf(out, SIM_EXPECT_TEXT, "%.*s", SIM_EXPECT_TEXT - 1, line.text);
}

/* What was performed at the step, from the trace; "" if that is not known. `from`: events before it are earlier. */
static void performed(const struct sim *s, uint64_t step, size_t *from, char out[SIM_EXPECT_TEXT])
{
	out[0] = '\0';
	for (; s->trace && *from < s->trace->n; ++*from) {
		const struct sim_event *e = &s->trace->events[*from];
		if (e->step > step)
			return;
		if (e->step == step && e->kind == SIM_EV_STEP) {
			weir__sim_expect_text(out, e->op, &e->obj);
			return;
		}
	}
}

static void put_pick(struct text *t, const struct sim *s, const struct sim_choice *c, size_t *from)
{
	char expected[SIM_EXPECT_TEXT] = "";
	if (t->expected++ < EXPECTED)
		performed(s, c->at, from, expected);
	put_item(t, "%llu>%u%s%s", (unsigned long long)c->at, (unsigned)c->value, expected[0] ? "@" : "", expected);
}

size_t weir__sim_encode(const struct sim *s, const char *name, char *buf, size_t cap)
{
	struct text t = {.buf = buf, .cap = cap};
	size_t from = 0;
	char hash[8];
	snprintf(hash, sizeof(hash), "%04x", (unsigned)(s->hash & 0xffff));
	put(&t, "s1.", 3);
	put_name(&t, name && *name ? name : "scenario");
	put(&t, ".", 1);
	put(&t, hash, 4);
	put(&t, ":", 1);
	for (size_t i = 0; i < s->n_stream; i++) {
		const struct sim_choice *c = &s->stream[i];
		unsigned long long at = c->at;
		assert(!c->data || c->standard == 0);
		if (c->value == c->standard)
			continue;
		if (c->fault && c->value > 1)
			put_item(&t, "%c%llu=%u", weir__sim_fault_letter(c->fault), at, (unsigned)c->value);
		else if (c->fault)
			put_item(&t, "%c%llu", weir__sim_fault_letter(c->fault), at);
		else if (c->data)
			put_item(&t, "c%llu=%u", at, (unsigned)c->value);
		else if (c->value == SIM_CLOCK)
			put_item(&t, "%llu>t", at);
		else
			put_pick(&t, s, c, &from);
	}
	if (!t.items)
		put(&t, "-", 1);
	if (cap)
		buf[t.len < cap ? t.len : cap - 1] = '\0';
	return t.len;
}

/* ---- reading ---- */

struct cursor {
	const char *at;
	struct sim_replay out;
	size_t cap;
	uint64_t least[2 + SIM_FAULTS]; /* Y2: the lowest `at` to come, of picks, data choices, each kind of fault */
};

static bool take(struct cursor *c, char wanted)
{
	if (*c->at != wanted)
		return false;
	c->at++;
	return true;
}

/* A decimal number without leading zeros, at most `most`. */
static bool take_number(struct cursor *c, uint64_t most, uint64_t *out)
{
	const char *start = c->at;
	uint64_t n = 0;
	for (; *c->at >= '0' && *c->at <= '9'; c->at++) {
		uint64_t digit = (uint64_t)(*c->at - '0');
		if (n > (UINT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*out = n;
	return c->at > start && (*start != '0' || c->at == start + 1) && n <= most;
}

static bool take_head(struct cursor *c)
{
	size_t n = 0;
	if (!take(c, 's') || !take(c, '1') || !take(c, '.'))
		return false;
	while (is_name_char(c->at[n]))
		n++;
	if (n == 0 || n >= sizeof(c->out.name))
		return false;
	memcpy(c->out.name, c->at, n);
	c->at += n;
	if (!take(c, '.'))
		return false;
	for (int i = 0; i < 4; i++, c->at++) {
		char d = *c->at;
		if (!((d >= '0' && d <= '9') || (d >= 'a' && d <= 'f')))
			return false;
		c->out.hash = c->out.hash * 16 + (uint32_t)(d <= '9' ? d - '0' : d - 'a' + 10);
	}
	return take(c, ':');
}

static int add(struct cursor *c, struct sim_choice item)
{
	uint64_t *least = &c->least[item.data + item.fault];
	if (item.at < *least || item.at == UINT64_MAX)
		return WEIR_EINVAL; /* Y2 */
	*least = item.at + 1;
	if (c->out.n == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 16;
		struct sim_choice *items = realloc(c->out.items, cap * sizeof(*items));
		if (!items)
			return WEIR_ENOMEM;
		c->out.items = items;
		c->cap = cap;
	}
	c->out.items[c->out.n++] = item;
	return 0;
}

/* "f7", or "i4=2" where the variant is not the first. */
static int take_fault(struct cursor *c, enum sim_fault kind)
{
	uint64_t at, value = 1;
	c->at++;
	if (!take_number(c, UINT64_MAX, &at) || at == 0)
		return WEIR_EINVAL;
	if (take(c, '=') && (!take_number(c, UINT32_MAX, &value) || value < 2))
		return WEIR_EINVAL;
	return add(c, (struct sim_choice){.at = at, .value = (uint32_t)value, .data = true, .fault = (uint8_t)kind});
}

/* "@send.ch1", or nothing. */
static int take_expected(struct cursor *c, uint64_t at)
{
	size_t n = 0;
	if (!take(c, '@'))
		return 0;
	while (is_name_char(c->at[n]) || c->at[n] == '.')
		n++;
	if (n == 0 || n >= SIM_EXPECT_TEXT)
		return WEIR_EINVAL;
	struct sim_expected *more = realloc(c->out.expected, (c->out.n_expected + 1) * sizeof(*more));
	if (!more)
		return WEIR_ENOMEM;
	c->out.expected = more;
	more += c->out.n_expected++;
	more->at = at;
	memcpy(more->text, c->at, n);
	more->text[n] = '\0';
	c->at += n;
	return 0;
}

static int take_item(struct cursor *c)
{
	uint64_t at, value;
	enum sim_fault fault;
	if (take(c, 'c')) {
		if (!take_number(c, UINT64_MAX, &at) || !take(c, '=') || !take_number(c, UINT32_MAX, &value) ||
		    value == 0)
			return WEIR_EINVAL;
		return add(c, (struct sim_choice){.at = at, .value = (uint32_t)value, .data = true});
	}
	if ((fault = weir__sim_fault_of_letter(*c->at)) != SIM_FAULT_NONE)
		return take_fault(c, fault);
	if (!take_number(c, UINT64_MAX, &at) || !take(c, '>'))
		return WEIR_EINVAL;
	if (take(c, 't'))
		return add(c, (struct sim_choice){.at = at, .value = SIM_CLOCK});
	if (!take_number(c, WEIR_SIM_TASKS - 1, &value))
		return WEIR_EINVAL;
	int rc = add(c, (struct sim_choice){.at = at, .value = (uint32_t)value});
	return rc < 0 ? rc : take_expected(c, at);
}

static int take_list(struct cursor *c)
{
	bool more = true;
	if (take(c, '-'))
		return *c->at ? WEIR_EINVAL : 0;
	while (more) {
		int rc = take_item(c);
		if (rc < 0)
			return rc;
		more = take(c, ',');
	}
	return *c->at ? WEIR_EINVAL : 0;
}

int weir__sim_decode(const char *text, struct sim_replay *out)
{
	struct cursor c = {.at = text};
	assert(out);
	int rc = text && take_head(&c) ? take_list(&c) : WEIR_EINVAL;
	if (rc < 0)
		weir__sim_replay_free(&c.out); /* Y3 */
	else
		*out = c.out;
	return rc;
}

void weir__sim_replay_free(struct sim_replay *replay)
{
	free(replay->items);
	free(replay->expected);
	*replay = (struct sim_replay){.n = 0};
}

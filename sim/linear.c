/* SPDX-License-Identifier: MIT
 *
 * Is a history linearizable? A search for an order of the operations' points that the model accepts: Wing and Gong
 * (JPDC 1993), with the memory of configurations and the just-in-time points of Lowe (CCPE 2017), and one search for
 * each key (Horn and Kroening, FORTE 2015), as Porcupine does it.
 *
 *  V1  The calls and returns of a part are looked at in the order of time; of equal stamps, calls come first, so
 *      operations whose order is not known overlap. A return whose operation is not through needs it to be: any of the
 *      operations that are open then may take their points first, in any order, and it must come last. A point that
 *      could come earlier may as well come just before the next return that needs one after it, so nothing is missed.
 *  V2  A configuration is (the return that is to be explained next, which of the open operations are through, which
 *      wait, the state). What can follow depends on nothing else, so none is looked at twice.
 *  V3  An operation has a slot from its call to its return; a bit of the masks is about the operation that has the
 *      slot at that event. Bits of free slots are 0, so that equal configurations are equal bytes. One that never
 *      returns keeps its slot.
 *  V4  An operation that never returns and whose point changes nothing is not given one: leaving it open allows more.
 *  V5  No recursion, no static state: the path is an array of frames, and the caller's model is all that is shared.
 *      Everything taken is counted before, and given back at the end.
 *
 *  V6  A history is not linearizable if no configuration is left. The culprit is the first return with which that is
 *      so, where operations that return later are taken as if they never did: their results cannot be blamed on the
 *      others. It is not before the greatest event that was reached, and found from there by bisection. */
#include "linear.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <weir/core/err.h>

#include "engine.h"

#define STATES_MAX 1000000u
#define BYTES_MAX ((size_t)256 << 20)
#define ALIGN 16u

struct linear_frame {
	uint32_t config;
	uint32_t next; /* candidate x choices + choice */
};

struct part_item {
	uint64_t key;
	uint32_t op;
};

/* ---- memory ---- */

/* Room for n items of `each` bytes behind the pointer at mem; false: the budget or the memory is spent. */
static bool reserve(struct linear *l, void *mem, size_t *cap, size_t n, size_t each)
{
	size_t want = *cap ? *cap : 16, bytes;
	void *now, *more;
	if (n <= *cap)
		return true;
	while (want < n)
		want *= 2;
	if (__builtin_mul_overflow(want, each, &bytes) || bytes - *cap * each > l->bytes_max - l->bytes)
		return false;
	memcpy(&now, mem, sizeof(now));
	more = weir__own_realloc(now, bytes);
	if (!more)
		return false;
	l->bytes += bytes - *cap * each;
	memcpy(mem, &more, sizeof(more));
	*cap = want;
	return true;
}

/* ---- states ---- */

static int state_copy(const struct linear *l, void *dst, const void *src)
{
	const struct weir_sim_model *m = l->model;
	if (m->copy)
		return m->copy(dst, src, m->arg);
	memcpy(dst, src, m->state_size);
	return 0;
}

static void state_fini(const struct linear *l, void *state)
{
	if (l->model->fini)
		l->model->fini(state, l->model->arg);
}

static bool state_equal(const struct linear *l, const void *a, const void *b)
{
	const struct weir_sim_model *m = l->model;
	return m->equal ? m->equal(a, b, m->arg) : memcmp(a, b, m->state_size) == 0;
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t n)
{
	const unsigned char *at = bytes;
	for (; n >= 8; n -= 8, at += 8) {
		uint64_t word;
		memcpy(&word, at, 8);
		hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	for (; n > 0; n--, at++)
		hash = (hash ^ *at) * UINT64_C(0x100000001b3);
	return hash ^ hash >> 29;
}

static uint32_t config_hash(const struct linear *l, struct linear_config *c)
{
	const struct weir_sim_model *m = l->model;
	const void *state = weir__linear_state(l, c);
	uint64_t hash = mix(c->at + 1, c->masks, 2 * (size_t)l->words * sizeof(uint64_t));
	uint64_t of_state = m->hash ? m->hash(state, m->arg) : 0;
	hash = m->hash ? mix(hash, &of_state, sizeof(of_state)) : mix(hash, state, m->state_size);
	return (uint32_t)(hash ^ hash >> 32);
}

/* ---- configurations ---- */

static bool get_bit(const uint64_t *mask, uint32_t bit)
{
	return mask[bit / 64] >> (bit % 64) & 1;
}

static void put_bit(uint64_t *mask, uint32_t bit, bool value)
{
	uint64_t one = UINT64_C(1) << (bit % 64);
	mask[bit / 64] = value ? mask[bit / 64] | one : mask[bit / 64] & ~one;
}

static bool same_config(const struct linear *l, struct linear_config *a, struct linear_config *b)
{
	return a->hash == b->hash && a->at == b->at &&
	       memcmp(a->masks, b->masks, 2 * (size_t)l->words * sizeof(uint64_t)) == 0 &&
	       state_equal(l, weir__linear_state(l, a), weir__linear_state(l, b));
}

static bool grow_table(struct linear *l)
{
	size_t cap = l->table_cap ? 2 * l->table_cap : 64, none = 0;
	uint32_t *table = NULL;
	if (!reserve(l, &table, &none, cap, sizeof(*table)))
		return false;
	assert(none == cap); /* both are powers of two */
	memset(table, 0, cap * sizeof(*table));
	for (size_t i = 0; i < l->n_configs; i++) {
		size_t at = weir__linear_config(l, i)->hash & (cap - 1);
		while (table[at])
			at = (at + 1) & (cap - 1);
		table[at] = (uint32_t)i + 1;
	}
	weir__own_free(l->table);
	l->bytes -= l->table_cap * sizeof(*table);
	l->table = table;
	l->table_cap = cap;
	return true;
}

static struct linear_config *scratch(const struct linear *l)
{
	return (struct linear_config *)(void *)l->scratch;
}

/* Events that need nothing: calls, and returns of operations that are through (V3). */
static void advance(const struct linear *l, struct linear_config *c)
{
	for (; c->at < l->n_events; c->at++) {
		const struct linear_event *e = &l->events[c->at];
		if (e->is_return && !get_bit(c->masks, l->slot[e->op]))
			return;
		if (e->is_return)
			put_bit(c->masks, l->slot[e->op], false);
	}
}

/* Keeps the configuration in scratch, with its state, if it is new; else the state is gone. 1: it is the end, 0: not
 * that, negative: failed. */
static int keep(struct linear *l)
{
	struct linear_config *c = scratch(l);
	int rc = 0;
	advance(l, c);
	c->hash = config_hash(l, c);
	if (2 * (l->n_configs + 1) > l->table_cap && !grow_table(l))
		rc = WEIR_ENOMEM;
	size_t at = c->hash & (l->table_cap - 1);
	for (; rc == 0 && l->table[at]; at = (at + 1) & (l->table_cap - 1)) {
		if (same_config(l, c, weir__linear_config(l, l->table[at] - 1))) { /* V2 */
			state_fini(l, weir__linear_state(l, c));
			return 0;
		}
	}
	if (rc == 0 && l->states == l->states_max)
		rc = WEIR_ETIMEOUT;
	else if (rc == 0 && (!reserve(l, &l->configs, &l->configs_cap, (l->n_configs + 1) * l->stride, 1) ||
			     !reserve(l, &l->frames, &l->frames_cap, l->n_frames + 1, sizeof(*l->frames))))
		rc = WEIR_ENOMEM;
	if (rc < 0) {
		state_fini(l, weir__linear_state(l, c));
		return rc;
	}
	memcpy(weir__linear_config(l, l->n_configs), c, l->stride);
	if (l->n_configs == 0 || c->at > weir__linear_config(l, l->best)->at)
		l->best = (uint32_t)l->n_configs;
	l->frames[l->n_frames++] = (struct linear_frame){.config = (uint32_t)l->n_configs};
	l->states++;
	l->table[at] = (uint32_t)++l->n_configs;
	return c->at == l->n_events;
}

/* ---- points ---- */

/* What the step has done beside the state; false: the model finished what does not wait. */
static bool settle(struct linear *l, struct linear_config *c, const struct weir_sim_point *p, bool done)
{
	uint64_t *waits = c->masks + l->words;
	for (uint32_t i = 0; i < p->n_finished_; i++) {
		uint32_t id = p->finished_[i];
		const struct linear_event *e = &l->events[c->at];
		uint32_t k = 0;
		while (k < e->n_open && l->open[e->open + k] != id)
			k++;
		if (k == e->n_open || id == p->id || !get_bit(waits, l->slot[id]))
			return false;
		put_bit(waits, l->slot[id], false);
		put_bit(c->masks, l->slot[id], true);
	}
	put_bit(waits, l->slot[p->id], !done);
	put_bit(c->masks, l->slot[p->id], done);
	return true;
}

/* Operation `id` takes a point in configuration `from`: as keep. */
static int try_point(struct linear *l, uint32_t from, uint32_t id, uint32_t choice)
{
	struct linear_config *c = scratch(l), *before = weir__linear_config(l, from);
	const struct weir_sim_model *m = l->model;
	if (get_bit(before->masks, l->slot[id]))
		return 0;
	uint32_t finished[WEIR_SIM_OPEN];
	struct weir_sim_point p = {.op = &l->ops[id],
				   .ops = l->ops,
				   .id = id,
				   .again = get_bit(before->masks + l->words, l->slot[id]),
				   .choice = choice,
				   .finished_ = finished};
	void *state = weir__linear_state(l, c);
	memcpy(c, before, l->state_at);
	if (state_copy(l, state, weir__linear_state(l, before)) < 0)
		return WEIR_ENOMEM;
	enum weir_sim_step step = m->step(state, &p, m->arg);
	bool useless = step == WEIR_SIM_DONE && !weir_sim_op_returned(p.op) && !p.n_finished_ && !p.again &&
		       state_equal(l, state, weir__linear_state(l, before)); /* V4 */
	if (step == WEIR_SIM_NO || useless) {
		state_fini(l, state);
		return 0;
	}
	c->parent = from;
	c->via = id;
	if (settle(l, c, &p, step == WEIR_SIM_DONE))
		return keep(l);
	state_fini(l, state);
	return WEIR_EINVAL;
}

static int start(struct linear *l)
{
	struct linear_config *c = scratch(l);
	const struct weir_sim_model *m = l->model;
	memset(c, 0, l->stride);
	c->parent = c->via = LINEAR_NONE;
	if (m->init && m->init(weir__linear_state(l, c), m->arg) < 0)
		return WEIR_ENOMEM;
	return keep(l);
}

/* As weir_sim_history_check, for the part in l. */
static int search_part(struct linear *l)
{
	uint32_t choices = l->model->choices ? l->model->choices : 1;
	l->n_configs = l->n_frames = 0;
	if (l->table_cap)
		memset(l->table, 0, l->table_cap * sizeof(*l->table));
	int rc = start(l);
	while (rc == 0 && l->n_frames > 0) {
		struct linear_frame *f = &l->frames[l->n_frames - 1];
		const struct linear_event *e = &l->events[weir__linear_config(l, f->config)->at];
		uint32_t k = f->next / choices, choice = f->next % choices;
		if (k == e->n_open) {
			l->n_frames--;
			continue;
		}
		f->next++;
		rc = try_point(l, f->config, l->open[e->open + k], choice);
	}
	return rc < 0 ? rc : rc == 0;
}

static void free_configs(struct linear *l)
{
	for (size_t i = 0; l->model->fini && i < l->n_configs; i++)
		state_fini(l, weir__linear_state(l, weir__linear_config(l, i)));
	l->n_configs = 0;
}

/* ---- parts ---- */

static int by_key(const void *a, const void *b)
{
	const struct part_item *x = a, *y = b;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->op < y->op ? -1 : x->op > y->op;
}

/* V1 */
static int by_time(const void *a, const void *b)
{
	const struct linear_event *x = a, *y = b;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	if (x->is_return != y->is_return)
		return x->is_return ? 1 : -1;
	return x->op < y->op ? -1 : x->op > y->op;
}

static int make_events(struct linear *l, const struct part_item *items, size_t n)
{
	if (!reserve(l, &l->events, &l->events_cap, 2 * n, sizeof(*l->events)))
		return WEIR_ENOMEM;
	l->n_events = 0;
	for (size_t i = 0; i < n; i++) {
		const struct weir_sim_op *op = &l->ops[items[i].op];
		l->events[l->n_events++] = (struct linear_event){.at = op->called, .op = items[i].op};
		if (weir_sim_op_returned(op))
			l->events[l->n_events++] =
				(struct linear_event){.at = op->returned, .op = items[i].op, .is_return = true};
	}
	qsort(l->events, l->n_events, sizeof(*l->events), by_time);
	return 0;
}

/* Slots (V3), and who is open at each return: the one that returns first, the others by their slots. */
static int make_slots(struct linear *l)
{
	uint32_t in[WEIR_SIM_OPEN], n = 0; /* by slot: operation, or LINEAR_NONE */
	l->n_open = 0;
	for (size_t i = 0; i < l->n_events; i++) {
		struct linear_event *e = &l->events[i];
		if (!e->is_return) {
			uint32_t s = 0;
			while (s < n && in[s] != LINEAR_NONE)
				s++;
			if (s == WEIR_SIM_OPEN)
				return WEIR_EOVERFLOW;
			n = s == n ? n + 1 : n;
			in[s] = e->op;
			l->slot[e->op] = s;
			continue;
		}
		if (l->n_open > UINT32_MAX - n || !reserve(l, &l->open, &l->open_cap, l->n_open + n, sizeof(*l->open)))
			return WEIR_ENOMEM;
		e->open = (uint32_t)l->n_open;
		l->open[l->n_open++] = e->op;
		for (uint32_t s = 0; s < n; s++)
			if (in[s] != LINEAR_NONE && in[s] != e->op)
				l->open[l->n_open++] = in[s];
		e->n_open = (uint32_t)l->n_open - e->open;
		in[l->slot[e->op]] = LINEAR_NONE;
	}
	l->words = n / 64 + 1;
	return 0;
}

static int check_part(struct linear *l, const struct part_item *items, size_t n)
{
	int rc = make_events(l, items, n);
	if (rc == 0)
		rc = make_slots(l);
	if (rc < 0)
		return rc;
	l->state_at = (sizeof(struct linear_config) + 2 * (size_t)l->words * sizeof(uint64_t) + ALIGN - 1) &
		      ~(size_t)(ALIGN - 1);
	l->stride = (l->state_at + l->model->state_size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (!reserve(l, &l->scratch, &l->scratch_cap, l->stride, 1))
		return WEIR_ENOMEM;
	return search_part(l);
}

/* ---- the culprit ---- */

/* The part with the returns behind event `last` left out; all: the part as it is. */
static int check_cut(struct linear *l, const struct part_item *items, size_t n, struct weir_sim_op *cut, uint32_t last)
{
	const struct weir_sim_op *whole = l->ops;
	int rc = 0;
	free_configs(l);
	for (size_t i = 0; i < n; i++)
		cut[items[i].op] = whole[items[i].op];
	l->ops = whole;
	rc = make_events(l, items, n); /* of the whole */
	for (size_t i = (size_t)last + 1; rc == 0 && i < l->n_events; i++)
		if (l->events[i].is_return)
			cut[l->events[i].op].returned = WEIR_SIM_NEVER;
	l->ops = cut;
	rc = rc < 0 ? rc : check_part(l, items, n);
	l->ops = whole;
	return rc;
}

/* What the text needs: configurations for everything before l->end, and the events down to it. */
static int settle_culprit(struct linear *l, const struct part_item *items, size_t n, struct weir_sim_op *cut)
{
	int rc = check_cut(l, items, n, cut, l->end);
	uint32_t culprit = l->events[l->end].op;
	l->before = LINEAR_NONE;
	if (rc != 1 || weir__linear_config(l, l->best)->at == l->end)
		return rc;
	/* only with a result that it did not give did the others fit: so, and where it came then */
	rc = check_cut(l, items, n, cut, l->end - 1);
	if (rc != 0)
		return rc < 0 ? rc : WEIR_EINVAL; /* a model that depends on more than its arguments */
	l->before = l->best;
	for (uint32_t i = l->best; i != LINEAR_NONE; i = weir__linear_config(l, i)->parent)
		if (weir__linear_config(l, i)->via == culprit)
			l->before = weir__linear_config(l, i)->parent;
	rc = make_events(l, items, n);
	return rc < 0 ? rc : 1;
}

/* V6. Negative: the budget, which is that of the search once more for all of this, did not do for it, and the culprit
 * is the one that the search stopped at. */
static int find_culprit(struct linear *l, const struct part_item *items, size_t n, struct weir_sim_op *cut)
{
	uint32_t low = weir__linear_config(l, l->best)->at, high = (uint32_t)l->n_events - 1;
	l->n_events_all = l->n_events;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		int rc = check_cut(l, items, n, cut, mid);
		if (rc < 0)
			return rc;
		low = rc == 1 ? low : mid + 1;
		high = rc == 1 ? mid : high;
	}
	l->end = low;
	return settle_culprit(l, items, n, cut);
}

static int blame(struct linear *l, const struct part_item *items, size_t n, size_t n_ops, struct weir_sim_verdict *out)
{
	struct weir_sim_op *cut = NULL;
	size_t cap = 0;
	uint64_t states = l->states;
	l->states = 0;
	int rc = reserve(l, &cut, &cap, n_ops, sizeof(*cut)) ? find_culprit(l, items, n, cut) : WEIR_ENOMEM;
	weir__own_free(cut);
	l->bytes -= cap * sizeof(*cut);
	if (rc != 1) {
		free_configs(l);
		l->states = 0;
		rc = check_part(l, items, n);
		if (rc != 1)
			return rc;
		l->n_events_all = l->n_events;
		l->end = weir__linear_config(l, l->best)->at;
		l->before = LINEAR_NONE;
	}
	l->states = states;
	out->prefix = l->end;
	out->culprit = l->events[l->end].op;
	return rc;
}

/* ---- the question ---- */

static int prepare(struct linear *l, size_t n, struct part_item **items, size_t *items_cap)
{
	const struct weir_sim_model *m = l->model;
	size_t slots = 0;
	if (!reserve(l, &l->slot, &slots, n, sizeof(*l->slot)) || !reserve(l, items, items_cap, n, sizeof(**items)))
		return WEIR_ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (l->ops[i].returned < l->ops[i].called || l->ops[i].called == WEIR_SIM_NEVER)
			return WEIR_EINVAL;
		(*items)[i] = (struct part_item){.key = m->key ? m->key(&l->ops[i], m->arg) : 0, .op = (uint32_t)i};
	}
	if (n)
		qsort(*items, n, sizeof(**items), by_key);
	return 0;
}

static int check_parts(struct linear *l, const struct part_item *items, size_t n, struct weir_sim_verdict *out)
{
	int rc = 0;
	for (size_t from = 0, to; rc == 0 && from < n; from = to) {
		free_configs(l);
		for (to = from + 1; to < n && items[to].key == items[from].key;)
			to++;
		out->parts++;
		rc = check_part(l, items + from, to - from);
		out->states = l->states;
		if (rc == 1)
			rc = blame(l, items + from, to - from, n, out);
	}
	return rc;
}

int weir_sim_history_check(const struct weir_sim_model *model, const struct weir_sim_op *ops, size_t n,
			   const struct weir_sim_check_opts *opts, struct weir_sim_verdict *out)
{
	struct weir_sim_verdict unused;
	struct weir_sim_check_opts o = opts ? *opts : (struct weir_sim_check_opts){0};
	struct linear l = {.model = model, .ops = ops};
	struct part_item *items = NULL;
	size_t items_cap = 0;
	out = out ? out : &unused;
	*out = (struct weir_sim_verdict){.culprit = WEIR_SIM_NO_OP};
	if (!model || !model->step || (n > 0 && !ops) || (!model->copy != !model->equal) ||
	    (!model->copy != !model->hash) || (model->fini && !model->copy))
		return WEIR_EINVAL;
	if (n > INT32_MAX)
		return WEIR_EOVERFLOW;
	/* indices of configurations, and one more, are 32 bits */
	l.states_max = o.states == 0 ? STATES_MAX : o.states < INT32_MAX ? o.states : INT32_MAX;
	l.bytes_max = o.bytes ? o.bytes : BYTES_MAX;
	int rc = prepare(&l, n, &items, &items_cap);
	if (rc == 0)
		rc = check_parts(&l, items, n, out);
	if (rc == 1 && o.text && o.text_cap > 0)
		weir__linear_explain(&l, o.text, o.text_cap);
	free_configs(&l);
	void *const blocks[] = {items, l.slot, l.open, l.events, l.configs, l.table, l.frames, l.scratch};
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
		weir__own_free(blocks[i]);
	return rc;
}

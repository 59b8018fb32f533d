/* SPDX-License-Identifier: MIT
 *
 * Stages one after the other.
 *
 *  N1  Two buffers are enough: while a stage runs, one holds what it takes and the other what it makes.
 *  N2  A value belongs to the chain from the first stage on that does not take. Before that it is still the caller's: a
 *      stage that takes has only moved its bytes, so on failure nothing is dropped and `in` is as it was.
 *  N3  The last stage writes to out directly; what only a part of was done (WEIR_EPARTIAL) is passed on from it
 *      alone. */
#include <weir/stage/chain.h>

#include "stage.h"

struct chain_node {
	const weir_stage *st;
	void *between[2]; /* N1 */
	struct weir__run children[];
};

static void drop(const struct weir__run *maker, const void *value)
{
	if (maker->st->out.drop)
		maker->st->out.drop((void *)(uintptr_t)value, maker->st->out.arg);
}

static int chain_process(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	struct chain_node *node = arg;
	size_t last = node->st->n_children - 1;
	const void *value = in;
	bool ours = false; /* N2 */
	for (size_t i = 0;; i++) {
		const struct weir__run *child = &node->children[i];
		void *to = i == last ? out : node->between[i & 1]; /* N3 */
		int rc = weir__run(ctx, child, (uint32_t)i, value, to, err);
		bool moved = rc == 0 && child->st->takes;
		if (ours && !moved)
			drop(child - 1, value);
		if (i == last)
			return rc;
		if (rc < 0)
			return weir__run_forget(child, rc, to, err);
		ours |= !moved;
		value = to;
	}
}

/* Where no value owns anything, nobody need know whose it is. */
static int chain_process_plain(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	struct chain_node *node = arg;
	const struct weir__run *child = node->children, *last = child + node->st->n_children - 1;
	void *to = node->between[0], *other = node->between[1];
	int rc;
	for (; child != last; child++) {
		rc = child->fn(ctx, in, to, err, child->arg);
		if (__builtin_expect(rc != 0, 0))
			break;
		in = to;
		to = other;
		other = (void *)(uintptr_t)in;
	}
	if (child == last)
		rc = child->fn(ctx, in, out, err, child->arg);
	if (__builtin_expect(rc == 0, 1))
		return 0;
	rc = weir__run_failed(child, rc, (uint32_t)(child - node->children), err);
	return child == last ? rc : weir__run_forget(child, rc, to, err);
}

static bool is_plain(const weir_stage *st)
{
	for (size_t i = 0; i + 1 < st->n_children; i++)
		if (st->children[i]->out.drop)
			return false;
	return true;
}

static void chain_bind(struct weir__binder *b, const weir_stage *st, struct weir__run *out)
{
	size_t n = st->n_children, room[2] = {0, 0}, align[2] = {1, 1};
	struct chain_node *node = weir__bind_node(b, st, sizeof(*node) + n * sizeof(node->children[0]));
	node->st = st;
	for (size_t i = 0; i < n; i++) {
		const weir_type *type = &st->children[i]->out;
		weir__bind(b, st->children[i], &node->children[i]);
		if (i + 1 == n)
			break;
		room[i & 1] = type->size > room[i & 1] ? type->size : room[i & 1];
		align[i & 1] = type->align > align[i & 1] ? type->align : align[i & 1];
	}
	node->between[0] = weir__bind_memory(b, room[0], align[0]);
	node->between[1] = weir__bind_memory(b, room[1], align[1]);
	out->fn = is_plain(st) ? chain_process_plain : chain_process;
	out->arg = node;
}

static const struct weir__stage_ops chain_ops = {.bind = chain_bind};

weir_stage *weir_chain(weir_stage *const *children, size_t n)
{
	weir_stage *st = weir__stage_make(NULL, &chain_ops, "chain", sizeof(weir_stage), children, n);
	if (!weir__stage_ok(st))
		return st;
	st->bytes += weir__node_room(sizeof(struct chain_node) + n * sizeof(struct weir__run));
	st->in = st->children[0]->in;
	st->out = st->children[n - 1]->out;
	st->takes = true;
	for (size_t i = 0; i < n; i++) {
		st->takes &= st->children[i]->takes;
		if (i > 0 && !weir__stage_fits(st, st->children[i - 1], st->children[i]))
			break;
		st->bytes += weir__type_room(&st->children[i]->out);
	}
	return st;
}

weir_stage *weir_then(weir_stage *first, weir_stage *second)
{
	return weir_chain((weir_stage *const[]){first, second}, 2);
}

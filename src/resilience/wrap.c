/* SPDX-License-Identifier: MIT
 *
 * Stages around one other: see wrap.h. */
#include "wrap.h"

weir_stage *weir__wrap_make(weir_stage *child, const struct weir__stage_ops *ops, const char *name, size_t size,
			    size_t node)
{
	weir_stage *st = weir__stage_make(NULL, ops, name, size, &child, 1);
	if (!weir__stage_ok(st))
		return st;
	st->in = child->in;
	st->out = child->out;
	st->takes = child->takes;
	st->bytes += weir__node_room(node);
	return st;
}

void *weir__wrap_bind(struct weir__binder *b, const weir_stage *st, size_t node, weir_handler_fn *fn,
		      struct weir__run *out)
{
	struct weir__wrap *w = weir__bind_node(b, st, node);
	w->st = st;
	w->probed = weir__binder_probed(b, st);
	weir__bind(b, st->children[0], &w->child);
	out->fn = fn;
	out->arg = w;
	return w;
}

/* Finds those of its budget in the tree below st, not beyond the first on each way down: that one has found its own. */
static void find_within(weir_stage *st, struct weir__spender *outer)
{
	for (size_t i = 0; i < st->n_children; i++) {
		weir_stage *child = st->children[i];
		struct weir__spender *inner = (struct weir__spender *)child;
		bool spends = child->ops == &weir__retry_ops || child->ops == &weir__hedge_ops;
		if (spends && inner->budget == outer->budget)
			inner->is_within = outer->has_within = true;
		else
			find_within(child, outer);
	}
}

void weir__spender_set(struct weir__spender *s, weir_budget *budget)
{
	s->budget = budget;
	if (budget && weir__stage_ok(&s->base))
		find_within(&s->base, s);
}

bool weir__is_no_fault(int code)
{
	return code == WEIR_ECANCELED || code == WEIR_EDEADLINE || code == WEIR_EOPEN || code == WEIR_EFILTERED;
}

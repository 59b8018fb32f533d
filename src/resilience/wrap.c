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

void *weir__wrap_node(struct weir__binder *b, const weir_stage *st, size_t node, weir_handler_fn *fn,
		      struct weir__run *out)
{
	struct weir__wrap *w = weir__bind_node(b, st, node);
	w->st = st;
	w->probed = weir__binder_probed(b, st);
	out->fn = fn;
	out->arg = w;
	return w;
}

void *weir__wrap_bind(struct weir__binder *b, const weir_stage *st, size_t node, weir_handler_fn *fn,
		      struct weir__run *out)
{
	struct weir__wrap *w = weir__wrap_node(b, st, node, fn, out);
	weir__bind(b, st->children[0], &w->child);
	return w;
}

static bool spends(const weir_stage *st)
{
	return st->ops == &weir__retry_ops || st->ops == &weir__hedge_ops;
}

/* Finds those of its budget in the tree below st, not beyond the first on each way down: that one has found its own. */
static void find_within(weir_stage *st, struct weir__spender *outer)
{
	for (size_t i = 0; i < st->n_children; i++) {
		weir_stage *child = st->children[i];
		struct weir__spender *inner = (struct weir__spender *)child;
		if (spends(child) && inner->budget == outer->budget)
			inner->is_within = true;
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

void weir__within_bind(struct weir__binder *b, const struct weir__spender *s, struct weir__within *within,
		       struct weir__run *out)
{
	within->budget = s->budget;
	within->outer = b->within;
	b->within = within;
	weir__bind(b, s->base.children[0], out);
	b->within = within->outer;
}

void weir__spent_bind(struct weir__binder *b, const struct weir__spender *s, struct weir__spent *spent)
{
	struct weir__within *w = b->within;
	while (w && w->budget != s->budget)
		w = w->outer;
	if (!s->budget || !w)
		return;
	spent->next = w->first;
	w->first = spent;
}

size_t weir__spenders_count(const weir_stage *st)
{
	size_t n = spends(st) && ((const struct weir__spender *)st)->budget;
	for (size_t i = 0; i < st->n_children; i++)
		n += weir__spenders_count(st->children[i]);
	return n;
}

struct weir__spent *weir__spenders_bind(struct weir__binder *b, const weir_stage *st, struct weir__spent *spent)
{
	const struct weir__spender *s = (const struct weir__spender *)st;
	if (spends(st) && s->budget)
		weir__spent_bind(b, s, spent++);
	for (size_t i = 0; i < st->n_children; i++)
		spent = weir__spenders_bind(b, st->children[i], spent);
	return spent;
}

static struct weir__spent sum(const struct weir__within *w)
{
	struct weir__spent all = {0};
	for (const struct weir__spent *s = w->first; s; s = s->next) {
		all.succeeded += s->succeeded;
		all.failed += s->failed;
	}
	return all;
}

void weir__attempt_begins(struct weir__within *within)
{
	within->before = sum(within);
}

void weir__attempt_ended(struct weir__within *within, weir_ctx *ctx, int rc)
{
	struct weir__spent now = sum(within);
	bool failed = now.failed != within->before.failed, succeeded = now.succeeded != within->before.succeeded;
	if (rc < 0 && rc == weir_ctx_err(ctx))
		return; /* what the caller's end did says nothing of the service */
	if (!failed && !(rc == 0 && succeeded))
		weir_budget_result(within->budget, rc);
}

bool weir__is_no_fault(int code)
{
	return code == WEIR_ECANCELED || code == WEIR_EDEADLINE || code == WEIR_EOPEN || code == WEIR_EFILTERED;
}

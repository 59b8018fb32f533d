/* SPDX-License-Identifier: MIT
 *
 * Wakeup trees: the sequences that are still to be run from a node, in order, as in Abdulla, Aronis, Jonsson, Sagonas:
 * Source Sets: A Foundation for Optimal Dynamic Partial Order Reduction (JACM 64:4, 2017), section 6. A leaf stands for
 * everything that begins with its sequence, so what a leaf leads to need not be put in.
 *
 *  U1  A branch is in one tree or in the list of unused ones; the latter is kept for the whole search.
 *  U2  Of an act of a sequence it is known from the path what it comes after. Of an act of the tree only its effect is
 *      known, which is at least what it will be (dpor_path.c says why). */
#include "dpor.h"

#include <stdlib.h>

struct dpor_branch *weir__dpor_branch(struct dpor_pool *pool, const struct dpor_act *act)
{
	struct dpor_branch *b = pool->unused;
	if (b) {
		pool->unused = b->next;
	} else {
		uint32_t none = 0;
		b = weir__dpor_grow(NULL, 1, &none, sizeof(*b));
	}
	*b = (struct dpor_branch){.act = *act};
	pool->live++;
	pool->most = pool->live > pool->most ? pool->live : pool->most;
	return b;
}

void weir__dpor_drop(struct dpor_pool *pool, struct dpor_branch *branch)
{
	while (branch) { /* without recursion: the children are put in front of the siblings */
		struct dpor_branch *next = branch->next, *last = branch->child;
		if (last) {
			while (last->next)
				last = last->next;
			last->next = next;
			next = branch->child;
		}
		branch->next = pool->unused;
		pool->unused = branch;
		pool->live--;
		branch = next;
	}
}

void weir__dpor_pool_free(struct dpor_pool *pool)
{
	while (pool->unused) {
		struct dpor_branch *b = pool->unused;
		pool->unused = b->next;
		free(b);
	}
}

/* Whether to run `act` first is a way to run the sequence: it is an initial of it, or a weak one. *at: where in the
 * sequence its process stands, or n. */
static bool initial(const struct dpor_path *p, const struct dpor_sequence *q, const struct dpor_act *act, uint32_t *at)
{
	uint32_t k = 0;
	while (k < q->n && q->acts[k].proc != act->proc)
		k++;
	*at = k;
	for (uint32_t i = 0; i < k; i++)
		if (k < q->n ? weir__dpor_before(p, q->steps[i], q->steps[k])
			     : weir__dpor_dependent(&q->acts[i].effect, &act->effect))
			return false;
	return true;
}

bool weir__dpor_covers(const struct dpor_path *p, const struct dpor_sequence *q, const struct dpor_act *act,
		       bool strict, uint32_t *at)
{
	return initial(p, q, act, at) && (*at < q->n || strict);
}

static void take_out(struct dpor_sequence *q, uint32_t at)
{
	for (uint32_t i = at; i + 1 < q->n; i++) {
		q->acts[i] = q->acts[i + 1];
		q->steps[i] = q->steps[i + 1];
	}
	q->n--;
}

void weir__dpor_insert(struct dpor_pool *pool, struct dpor_branch **tree, const struct dpor_path *p,
		       struct dpor_sequence *q, bool whole, bool strict)
{
	uint32_t at;
	while (*tree) {
		struct dpor_branch *b = *tree;
		if (!weir__dpor_covers(p, q, &b->act, strict, &at)) {
			tree = &b->next;
			continue;
		}
		if (at < q->n)
			take_out(q, at);
		if (!b->child || q->n == 0)
			return;
		tree = &b->child;
	}
	for (uint32_t i = 0; i < q->n; i++, tree = &(*tree)->child) {
		*tree = weir__dpor_branch(pool, &q->acts[i]);
		if (!whole || q->acts[i].open) /* other values lead elsewhere */
			return;
	}
}

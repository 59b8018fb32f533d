/* SPDX-License-Identifier: MIT
 *
 * The sequential model of a tree of contexts: each node has ended or not, and the first that sees it fixes why. A
 * deadline passes whenever it likes, which the model leaves open (two choices), but deadlines pass in their order, and
 * once one has been seen to have passed nobody finds a node alive that it should have ended. */
#ifndef WEIR_TESTS_MODELS_TREE_H
#define WEIR_TESTS_MODELS_TREE_H

#include <stdio.h>
#include <weir/core.h>
#include <weir/sim/history.h>

enum { TREE_NODES = 4 };

enum tree_op {
	TREE_CANCEL, /* in: node */
	TREE_ERR,    /* in: node; out: code */
	TREE_CAUSE,  /* in: node; out: cause */
};

/* What it looks like: the model's arg. Parents have lower numbers; the first has none (-1). Deadlines: 0 none, 1 the
 * earliest, 2 a later one; of the node and as it is in effect. */
struct tree_shape {
	int parent[TREE_NODES];
	uint8_t own[TREE_NODES], effective[TREE_NODES];
};

struct tree_state {
	uint8_t cause[TREE_NODES], deadline[TREE_NODES]; /* cause: WEIR_CAUSE_*; deadline: whether it was one */
	uint8_t passed;                                  /* the latest deadline known to have passed */
};

/* The node or its nearest ancestor that has ended; -1: none. */
static int tree_marked(const struct tree_state *s, const struct tree_shape *shape, int node)
{
	while (node >= 0 && !s->cause[node])
		node = shape->parent[node];
	return node;
}

static enum weir_sim_step tree_step(void *state, struct weir_sim_point *p, void *arg)
{
	const struct tree_shape *shape = arg;
	struct tree_state *s = state;
	int node = (int)p->op->in.v[0], marked = tree_marked(s, shape, node);
	uint8_t rank = shape->effective[node];
	if (marked >= 0 && marked != node) {
		s->cause[node] = WEIR_CAUSE_PARENT;
		s->deadline[node] = s->deadline[marked];
	} else if (marked < 0 && p->choice == 1 && rank > 0) {
		s->cause[node] = shape->own[node] ? WEIR_CAUSE_DEADLINE : WEIR_CAUSE_PARENT;
		s->deadline[node] = 1;
		s->passed = s->passed > rank ? s->passed : rank;
	} else if (p->choice > 0 || (marked < 0 && rank > 0 && rank <= s->passed)) {
		return WEIR_SIM_NO;
	}
	if (p->op->op == TREE_CANCEL) {
		if (!s->cause[node])
			s->cause[node] = WEIR_CAUSE_USER;
		return WEIR_SIM_DONE;
	}
	int64_t code = !s->cause[node] ? 0 : s->deadline[node] ? WEIR_EDEADLINE : WEIR_ECANCELED;
	int64_t wanted = p->op->op == TREE_ERR ? code : s->cause[node];
	return !weir_sim_op_returned(p->op) || p->op->out.v[0] == wanted ? WEIR_SIM_DONE : WEIR_SIM_NO;
}

static void tree_put_call(const struct weir_sim_op *op, char *text, size_t cap, void *arg)
{
	static const char *const names[] = {"cancel", "err", "cause"};
	(void)arg;
	(void)snprintf(text, cap, "%s(node %d)", names[op->op], (int)op->in.v[0]);
}

static inline struct weir_sim_model tree_model(const struct tree_shape *shape)
{
	return (struct weir_sim_model){.name = "tree of contexts",
				       .state_size = sizeof(struct tree_state),
				       .step = tree_step,
				       .choices = 2,
				       .put_call = tree_put_call,
				       .arg = (void *)(uintptr_t)shape};
}

#endif

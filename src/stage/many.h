/* SPDX-License-Identifier: MIT
 *
 * n items at once, under a context of their own, and what their failures amount to: for fan_out, map, router, reduce.
 *
 *  G1  An item has failed with its code, unless that is the code of the context it ran under, which has ended: then it
 *      is a consequence, and only not done. An item that is claimed after the end is not begun, and not done.
 *  G2  Fail fast: the first failure in time cancels the rest (cause: sibling) and is the result, with its detail;
 *      others become members of it. Without a failure, but with an item that was not done: the code of the caller's
 *      context.
 *  G3  Collect: nothing is cancelled. WEIR_EPARTIAL, with a member for each failure, one (the first of them) for all
 *      items that were not done, and the lowest index of any of these as its value.
 *  G4  On return nobody is in an item any more. What the items share is written under the lock, and only on failure. */
#ifndef WEIR_SRC_STAGE_MANY_H
#define WEIR_SRC_STAGE_MANY_H

#include "stage.h"

struct weir__many {
	struct weir__crew *crew;
	weir_rt *rt;
	uint32_t lanes;
	/* Does the index-th item: 0, or a negative code, with err (never NULL, empty) saying more. */
	int (*item)(weir_ctx *ctx, void *arg, uint32_t lane, size_t index, weir_err *err);
	void *arg;
	bool collect;
	weir_mutex lock;
	struct weir__batch batch;
	weir_ctx own, *ctx; /* the items' context: own, where there are lanes to cancel, or the caller's */
	weir_err *err;      /* from here on: under the lock */
	int rc;
	size_t first; /* the lowest index of what has failed or was not done */
	size_t undone, first_undone;
};

/* How many at once: `limit`, or WEIR_MAP_CONCURRENCY for 0; one that makes no sense makes st wrong. */
uint32_t weir__lanes_of(weir_stage *st, size_t limit);

void weir__many_bind(struct weir__binder *b, const weir_stage *st, struct weir__many *m, uint32_t lanes);
void weir__many_unbind(struct weir__many *m);

/* Does the items 0 .. n - 1, of which item, arg and collect are set. 0: all were done. */
int weir__many_do(weir_ctx *ctx, struct weir__many *m, size_t n, weir_err *err);

/* A child that is given a value which stays somebody else's: one that takes gets a copy. */
struct weir__guest {
	struct weir__run run;
	void *copy; /* memory for it, where it is needed */
};

/* The room a guest takes beside its child's; a child that cannot be one makes st wrong. */
size_t weir__guest_room(weir_stage *st, size_t index);
void weir__guest_bind(struct weir__binder *b, const weir_stage *child, struct weir__guest *g);

int weir__guest_run_copy(weir_ctx *ctx, const struct weir__guest *g, uint32_t index, const void *in,
			 const weir_array *out, size_t i, weir_err *err);

/* Runs it into the i-th place of out; index is what its failure is told with. */
static inline int weir__guest_run(weir_ctx *ctx, const struct weir__guest *g, uint32_t index, const void *in,
				  const weir_array *out, size_t i, weir_err *err)
{
	void *to = weir__array_place(out, i);
	if (__builtin_expect(g->copy != NULL, 0))
		return weir__guest_run_copy(ctx, g, index, in, out, i, err);
	int rc = weir__run(ctx, &g->run, index, in, to, err);
	if (__builtin_expect(rc != 0, 0))
		return weir__run_forget(&g->run, rc, to, err);
	weir__array_holds(out, i, true);
	return 0;
}

#endif

/* SPDX-License-Identifier: MIT
 *
 * The helper tasks of a call: how a stage does several things at once without making a task.
 *
 * A batch is n items and a function that does one of them. The task that brings it does items itself, and helpers that
 * have nothing to do join in, up to the batch's number of lanes; the one who brings it returns when all items are done
 * and no helper is in it any more. So a batch is done even if every helper is busy, or has left; and a batch that is
 * brought while another one is being done (a fan-out within a fan-out) cannot deadlock.
 *
 *  H1  An item is done by exactly one task: it is claimed with one atomic add.
 *  H2  Whoever is in a batch has a lane of its own, 0 for the one who brought it: what two lanes must not share is kept
 *      once per lane.
 *  H3  A batch lies in the memory of the one who brought it. It is in the list while it may be joined; it may be joined
 *      only under the lock; and its owner leaves only when it is out of the list and nobody is in it.
 *  H4  A helper that wakes up too late finds nothing and waits again. Each one that joins wakes the next, while there
 *      is work: the one who brings a batch pays for one wake, and cheap items are done before many are awake.
 *
 * LOCK: one mutex, held for a few instructions, never while an item is done. */
#ifndef WEIR_SRC_STAGE_CREW_H
#define WEIR_SRC_STAGE_CREW_H

#include <weir/core.h>
#include <weir/rt.h>

/* What libweir-ext.so may call of src/stage (src/weir.map). */
#define WEIR__SHARED __attribute__((visibility("default")))

struct weir__batch {
	void (*item)(weir_ctx *ctx, void *arg, uint32_t lane, size_t index);
	void *arg;
	weir_ctx *ctx; /* the items' */
	size_t n;
	uint32_t lanes; /* at least 1 */
	uint32_t joined, inside;
	weir_atomic next; /* H1 */
	weir_cond left;
	struct weir__batch *following;
};

struct weir__crew {
	weir_rt *rt;
	weir_mutex lock;
	weir_cond work;
	weir_ctx forever; /* waits for helpers that are in a batch must not end before they leave */
	struct weir__batch *batches;
	uint32_t helpers;    /* as they were started: some may have left */
	uint32_t idle, refs; /* refs: helpers, and the one who has the call */
	bool over;
	void (*gone)(struct weir__crew *crew); /* when the last of them has left */
};

/* Starts the helpers in s; on failure those that were started leave. The crew has one reference more than helpers. */
int weir__crew_start(struct weir__crew *crew, weir_scope *s, uint32_t helpers, void (*gone)(struct weir__crew *crew));

/* Does the items 0 .. n - 1 of b, of which item, arg, n, lanes are set, under ctx; returns when all are done. */
WEIR__SHARED void weir__crew_do(weir_ctx *ctx, struct weir__crew *crew, struct weir__batch *b);

/* Lets the helpers leave, and drops the reference. */
void weir__crew_end(struct weir__crew *crew);

#endif
